"""The follower: looks whether the database has moved, and has the missing reports written; it never holds anybody up, and tries again later, ever more slowly.
It knows no clock, no dose and no recorder: time is an argument, and what it does is handed to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from console.treat.chart import FOLDER
from hal.errors import ConfigurationError
from records.approved import LOG
from records.fractions import DATABASE_NAME, list_fractions
from records.store import StoreError

POLL_S: Final = 1.0
TELLING: Final = ("id", "status", "closed", "closed_words", "segments", "delivered_mgy", "ended_wall_s")
"""Columns of a fraction that change whenever its report does."""
FIRST_S: Final = 2.0
MOST_S: Final = 300.0
"""After a failure the next attempt is made so much later, twice as much each time, up to the last."""


class Moved:
    """Whether anything that a report may say has moved since it was last taken note of, in the chart too. The database's files are looked at first, and its
    fractions only where those moved: the journal grows for the machine's life, and is not to be read for each tick that is noted in it."""

    def __init__(self, records: Path) -> None:
        self._database = records / DATABASE_NAME
        self._files = tuple(records / f"{DATABASE_NAME}{suffix}" for suffix in ("", "-wal"))
        self._chart = records / FOLDER / LOG
        self._times: tuple[tuple[int, int], ...] | None = None
        self._rows: object = None
        self._now: object = None
        self._taken: object = None

    def look(self) -> bool:
        """Look. Raises StoreError."""
        times = tuple(_state(path) for path in self._files)
        if times != self._times:
            rows = list_fractions(self._database)
            self._rows = [tuple(row[name] for name in TELLING) for row in rows]
            self._times = times
        self._now = self._rows, _state(self._chart)
        return self._taken is None or self._now != self._taken

    def taken(self) -> None:
        """What was seen at the last look has been dealt with."""
        self._taken = self._now


def _state(path: Path) -> tuple[int, int]:
    """A file that moved has another time or size."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


class Follower:
    """One look a step. `write` gives what it wrote; what cannot be done is told in words, and met again at the next attempt."""

    def __init__(self, records: Path, write: Callable[[], list[Path]]) -> None:
        self._moved = Moved(records)
        self._write = write
        self._not_before_s = float("-inf")
        self._wait_s = FIRST_S

    def step(self, now_s: float) -> tuple[list[Path], str]:
        """What was written in this step, and words where something could not be."""
        if now_s < self._not_before_s:
            return [], ""
        try:
            if not self._moved.look():
                return [], ""
            written = self._write()
        except (OSError, ConfigurationError, StoreError) as error:
            self._not_before_s, self._wait_s = now_s + self._wait_s, min(2.0 * self._wait_s, MOST_S)
            return [], str(error)
        self._moved.taken()
        self._wait_s = FIRST_S
        return written, ""
