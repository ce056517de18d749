"""What pages have written into the audit: in order, by a thread of its own, so that no disk keeps a page waiting; what must be written first is waited for.
It knows no command; STOP never comes here."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from console.access.audit import Audit, Told
from hal.errors import ConfigurationError

WAITING: Final = 256
"""Entries that may wait; above it what is only told is counted, and what must be written first is refused."""
WITHIN_S: Final = 5.0


class Clerk:
    """One audit, written in order."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self._hand = ThreadPoolExecutor(1, "audit")
        self._waiting = 0
        self._lost = 0
        self.trouble = ""

    def told(self, what: str, who: str, role: str, **told: str | int | float | bool | None) -> None:
        """Write it when its turn comes. One that cannot be written is counted, and the next that can says how many there were."""
        if self._given(what, who, role, told) is None:
            self._lost += 1

    async def first(self, what: str, who: str, role: str, **told: str | int | float | bool | None) -> str:
        """Write it now. Words where it is not on the disk: then what it says must not be done."""
        given = self._given(what, who, role, told)
        if given is None:
            return f"{WAITING} entries wait to be written into the audit; first: see the disk"
        try:
            async with asyncio.timeout(WITHIN_S):
                return await asyncio.wrap_future(given)
        except TimeoutError:
            return f"the audit was not written within {WITHIN_S:g} s; first: see the disk"

    def close(self) -> None:
        """Write what waits, and end."""
        self._hand.shutdown(wait=True)

    def _given(self, what: str, who: str, role: str, told: Told) -> Future[str] | None:
        if self._waiting >= WAITING:
            return None
        self._waiting += 1
        return self._hand.submit(self._written, what, who, role, told)

    def _written(self, what: str, who: str, role: str, told: Told) -> str:
        try:
            if self._lost:
                lost, self._lost = self._lost, 0
                try:
                    self.audit.note("lost", "console", "", {"entries": lost})
                except ConfigurationError:
                    self._lost += lost
                    raise
            self.audit.note(what, who, role, told)
        except ConfigurationError as error:
            self._lost += 1
            self.trouble = str(error)
        else:
            self.trouble = ""
        finally:
            self._waiting -= 1
        return self.trouble
