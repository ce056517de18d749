"""Whether the signatures of what is loaded still stand, looked at while it is: another console may have withdrawn one, or somebody altered their chain.
It unloads what may not be given any more, and asks nothing in beam; whoever withdraws a signature here is told by console/web/api.py at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from console.access.approvals import FOLDER, LOG
from console.web import approved
from console.web.api import UNLOADABLE, Desk
from controller.requests import Edit
from records.approved import HEAD

LOOK_EVERY_S: Final = 1.0

Seen = tuple[tuple[int, int], ...]


class Standing:
    """One console's loaded order. The chain is read only where its files have moved since they were read last."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._seen: tuple[str, Seen] | None = None

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Unload what is loaded here and not approved any more."""
        loaded, shown = self._desk.fraction.loaded, self._desk.link.snapshot
        if loaded is None or shown is None or shown.state not in UNLOADABLE:
            return
        sha256 = loaded.prescribed.sha256.hex()
        seen = sha256, _moved(self._desk.rig.records / FOLDER)
        if seen == self._seen:
            return
        folder = None if loaded.resumed else self._desk.orders.folder
        words = await asyncio.to_thread(
            approved.refusal, self._desk.rig, folder, self._desk.approvals, loaded.prescribed
        )
        if self._desk.fraction.loaded is not loaded:
            return
        if words and (await self._desk.link.ask(Edit())).ok:
            self._desk.fraction.clear()
            self._desk.clerk.told("unloaded", "console", "", order_sha256=sha256)
        elif not words:
            self._seen = seen


def _moved(folder: Path) -> Seen:
    found = []
    for name in (LOG, HEAD):
        try:
            state = (folder / name).stat()
            found.append((state.st_mtime_ns, state.st_size))
        except OSError:
            found.append((0, 0))
    return tuple(found)
