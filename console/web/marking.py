"""After each end that is on the disk, and where the console ends, the newest record of the journal goes into the audit; and whether the journal still holds the
last one that did is looked at before anything is loaded. It knows no dose; it never holds a page up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from console.access import marks
from console.web.clerk import Clerk
from controller.requests import Snapshot
from hal.errors import ConfigurationError

LOOK_EVERY_S: Final = 1.0


class Marking:
    """The marks of one console. `heard` is told each snapshot."""

    def __init__(self, records: Path, clerk: Clerk) -> None:
        self._records, self._clerk = records, clerk
        self._ended: tuple[int, int, str] | None = None
        self._due = True

    def heard(self, shown: Snapshot) -> None:
        """An end that became durable, or the closing after it, is marked at the next look."""
        ended = shown.ended
        if ended is not None and ended.durable and (ended.token, ended.segment, shown.state) != self._ended:
            self._ended, self._due = (ended.token, ended.segment, shown.state), True

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            if self._due:
                self._due = False
                await asyncio.to_thread(self.mark)
            await asyncio.sleep(LOOK_EVERY_S)

    def mark(self) -> str:
        """Note the newest record, if it is newer than the last mark and the journal is still the one that was marked. Words where it is not."""
        try:
            new, old = marks.newest(self._records), marks.last(self._records)
            wrong = "" if old is None else marks.missing(self._records, old)
        except ConfigurationError as error:
            return str(error)
        if wrong or new is None or (old is not None and new.record <= old.record):
            return wrong
        self._clerk.told(marks.NOTED, "console", "", record=new.record, sha256=new.sha256)
        return ""

    def refusal(self) -> str:
        """Why nothing may be loaded with this journal."""
        try:
            return marks.lacking(self._records)
        except ConfigurationError as error:
            return str(error)
