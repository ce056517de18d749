"""The follower: looks whether the database has moved, and has the missing reports written; it never holds anybody up, and tries again later, ever more slowly.
It knows no clock, no dose and no recorder: time is an argument, and what it does is handed to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from hal.errors import ConfigurationError
from records.fractions import DATABASE_NAME

POLL_S: Final = 1.0
FIRST_S: Final = 2.0
MOST_S: Final = 300.0
"""After a failure the next attempt is made so much later, twice as much each time, up to the last."""


class Follower:
    """One look a step. `write` gives what it wrote; OSError and ConfigurationError are told in words, and met again at the next attempt."""

    def __init__(self, records: Path, write: Callable[[], list[Path]]) -> None:
        self._files = tuple(records / f"{DATABASE_NAME}{suffix}" for suffix in ("", "-wal"))
        self._write = write
        self._seen: tuple[tuple[int, int], ...] | None = None
        self._not_before_s = float("-inf")
        self._wait_s = FIRST_S

    def step(self, now_s: float) -> tuple[list[Path], str]:
        """What was written in this step, and words where something could not be."""
        moved = tuple(self._state(path) for path in self._files)
        if moved == self._seen or now_s < self._not_before_s:
            return [], ""
        try:
            written = self._write()
        except (OSError, ConfigurationError) as error:
            self._not_before_s, self._wait_s = now_s + self._wait_s, min(2.0 * self._wait_s, MOST_S)
            return [], str(error)
        self._seen, self._wait_s = moved, FIRST_S
        return written, ""

    def _state(self, path: Path) -> tuple[int, int]:
        """A file that moved has another time or size."""
        try:
            found = path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size
