"""A console in this process on a desk whose snapshots a test writes: what a page does with them, without a rig that must keep time beside it.
It proves nothing by itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from desk_by_hand import OK, ScriptedDesk, certificate, snapshot
from shelf import EXAMPLES

from console import configuration
from console.access.audit import Audit
from console.places import own
from console.treat.independent import Beside
from console.web.clerk import Clerk
from console.web.doors import Doors
from console.web.fraction import Loaded, Orders
from console.web.people import Access, Demonstration
from console.web.serve import application, assembled
from controller.requests import Alive, Reply, Request, Snapshot, Watch
from hal.clock import SystemClock
from records.files import PosixFiles
from verification import setting

ALIVE_S = 0.1


class ByHand:
    """`shown` is what the desk shows; `after` is what a request makes of it, by the request's name."""

    def __init__(self, folder: Path, access: Access | None = None) -> None:
        self.shown: Snapshot = snapshot()
        self.after: dict[str, Snapshot] = {}
        self.desk = ScriptedDesk(folder, self._heard)
        self.clock = SystemClock()
        self.access: Any = access or Demonstration(self.clock)
        (folder / "orders").mkdir()
        (folder / "orders" / "short.toml").write_bytes((EXAMPLES / "short.toml").read_bytes())
        self.records = folder / "records"
        own(self.records, 0, 0o700)
        own(self.records / "access", 0, 0o700)
        rig = replace(
            configuration.load(EXAMPLES / "rig.toml", 0), path=folder / "rig.toml", places=self.desk.places, records=self.records, control=None
        )  # fmt: skip
        clerk = Clerk(Audit(self.records / "access", PosixFiles(), self.clock.wall))
        joined = assembled(rig, folder / "orders", self.access, clerk, self.clock)
        self.room = replace(joined, orders=_Orders(rig, folder / "orders", self.clock))
        self.port = setting.free_port()
        self.app = Doors(application(self.room), self.port, self.port + 1, self.room.link.stop)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def _heard(self, request: Request) -> list[Reply]:
        if isinstance(request, Watch | Alive):
            return [self.shown]
        self.shown = self.after.get(type(request).__name__, self.shown)
        return [OK, self.shown]

    async def serve(self, ended: threading.Event, up: threading.Event) -> None:
        """Until the event; the desk is asked for a snapshot all the while."""
        server = uvicorn.Server(
            uvicorn.Config(self.app, host="127.0.0.1", port=self.port, log_level="warning", ws="websockets-sansio")
        )
        running = asyncio.create_task(server.serve())
        while not ended.is_set() and not running.done():
            self.room.link.alive()
            if server.started:
                up.set()
            await asyncio.sleep(ALIVE_S)
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await running


class _Orders(Orders):
    """Reads with a certificate made by hand, to which the offer made by hand belongs."""

    def read(self, name: str, sha256: str, resumed: bool) -> Loaded:
        return Loaded(self.shown(name, sha256), certificate(), Beside(), resumed, None)

    def exchanged(self, _loaded: Loaded) -> str:
        return ""


@contextmanager
def by_hand(folder: Path, access: Access | None = None) -> Iterator[ByHand]:
    """Up, and ended with its desk."""
    made = ByHand(folder, access)
    ended, up = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(made.serve(ended, up)), daemon=True)
    thread.start()
    assert up.wait(60.0), "the console did not come up"
    try:
        yield made
    finally:
        ended.set()
        thread.join(20.0)
        made.desk.end()
