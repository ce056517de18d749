"""The live line: the newest snapshot to each page over its WebSocket, and the page's word that it is there.
Nothing is queued: a page gets the next one when it has shown the last. It commands nothing; commands are POSTs."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Final

import msgspec
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from console import screen
from console.access import table
from console.web.api import COOKIE, Desk, page_number
from console.web.fraction import LOOKED_S
from controller.requests import Snapshot
from interlocks.generator_rules import KV_HARD, KV_STEADY, KV_STEADY_KV, MA_HARD, MA_STEADY

TICKET_WITHIN_S: Final = 3.0
AT_LEAST_EVERY_S: Final = 0.5
"""Without a new snapshot a page is still told who holds control, and how old what it shows is."""
SHOWN_WITHIN_S: Final = 5.0
"""A page that has not shown the last one by then is closed; it will open the line anew."""
A_SECOND: Final = 60
UNKNOWN_AT_MOST: Final = 8
"""Lines that have not brought a ticket yet."""
NOBODY_AT_MOST: Final = 16
"""Pages without a login: half of what the door lets in (doors.py), so that watchers never keep out whoever treats."""
TICKET, ELSEWHERE, SILENT, TALKATIVE, GARBLED = 4001, 4002, 4003, 4004, 4005


BANDS_SHOWN: Final = {
    "kv": {"steady_part": KV_STEADY, "steady": KV_STEADY_KV, "hard_part": KV_HARD},
    "ma": {"steady_part": MA_STEADY, "steady": 0.0, "hard_part": MA_HARD},
}
"""The windows that the rules themselves ask about, for the bars of set and measured."""
NOBODYS: Final[dict[str, Any]] = {"offer": None, "ended": None, "open_fractions": [], "notice": ""}
"""The parts of a snapshot that may name a patient, and what stands there instead."""


class Here(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page says: the number of the frame that it has shown, its own clock in ms, and whether a hand moved since."""

    seen: int
    t: float
    hand: bool = False


class First(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page's first message: its ticket, and the number that it was given before, if any."""

    ticket: str
    page: str = ""


class Page:
    """One open page."""

    def __init__(self, number: str, cookie: str) -> None:
        self.number, self.cookie = number, cookie
        self.seen = 0
        self.sent = 0
        self.echo: tuple[float, float] | None = None
        self.wake = asyncio.Event()
        self.closing = 0


def bare(shown: Any) -> Any:
    """What a page on another machine sees before anybody has logged in: how the machine stands, and nothing of a patient."""
    return None if shown is None else {**shown, **NOBODYS}


class Live:
    """All open pages. Each line has a number of its own; one that names the number of an open page is that page opened anew, and the later one stays."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages: dict[str, Page] = {}
        self._unknown: list[asyncio.Future[str]] = []
        self._values: tuple[int, Any] = (-1, None)

    def join(self, app: FastAPI) -> None:
        app.websocket("/live")(self.line)

    async def line(self, socket: WebSocket) -> None:
        """One page, until it goes."""
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            page = await self._first(socket)
            if page is None:
                await socket.close(TICKET)
                return
            await self._serve(socket, page)

    async def _first(self, socket: WebSocket) -> Page | None:
        cookie = socket.cookies.get(COOKIE, "")
        said = await self._said_first(socket)
        if said is None:
            return None
        login, now_s = self._desk.login(cookie), self._desk.clock.monotonic()
        if not self._desk.tickets.use(said.ticket, login, now_s) or not self._desk.may(cookie, "watch"):
            return None
        if self._desk.person(cookie) is None and self._watching() >= NOBODY_AT_MOST:
            return None
        number = page_number()
        older = self._pages.get(said.page)
        if older is not None and older.cookie == cookie:
            older.closing = ELSEWHERE
            older.wake.set()
        self._desk.control.renumber(said.page, number, cookie, self._desk.clock.monotonic())
        page = self._pages[number] = Page(number, cookie)
        return page

    async def _said_first(self, socket: WebSocket) -> First | None:
        """A line's first message; the oldest one that has said nothing makes room where there are many such."""
        hearing = asyncio.ensure_future(socket.receive_text())
        self._unknown.append(hearing)
        if len(self._unknown) > UNKNOWN_AT_MOST:
            # taken out at once: of many that come in one turn of the loop each takes another one's place
            self._unknown.pop(0).cancel()
        try:
            async with asyncio.timeout(TICKET_WITHIN_S):
                return msgspec.json.decode(await hearing, type=First)
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if own is None or own.cancelling():
                raise
            return None
        except (TimeoutError, msgspec.DecodeError, KeyError):
            return None
        finally:
            if hearing in self._unknown:
                self._unknown.remove(hearing)

    def _watching(self) -> int:
        """Pages at which nobody is logged in."""
        return sum(self._desk.person(page.cookie) is None for page in self._pages.values())

    async def _serve(self, socket: WebSocket, page: Page) -> None:
        self._desk.link.fresh.add(page.wake)
        heard = asyncio.create_task(self._hear(socket, page))
        try:
            await self._tell(socket, page, heard)
        finally:
            heard.cancel()
            self._desk.link.fresh.discard(page.wake)
            self._desk.switch.gone(page.number)
            if self._pages.get(page.number) is page:
                del self._pages[page.number]

    async def _tell(self, socket: WebSocket, page: Page, heard: asyncio.Task[None]) -> None:
        shown_s = sent_s = self._desk.clock.monotonic()
        number = -1
        while True:
            now = self._desk.clock.monotonic()
            if page.closing:
                await socket.close(page.closing)
                return
            if heard.done():
                return
            if page.seen == page.sent:
                shown_s = now
                if self._desk.link.number != number or now - sent_s >= AT_LEAST_EVERY_S:
                    number, sent_s = self._desk.link.number, now
                    page.sent += 1
                    await socket.send_text(json.dumps(self.frame(page)))
            elif now - shown_s > SHOWN_WITHIN_S:
                await socket.close(SILENT)
                return
            page.wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AT_LEAST_EVERY_S / 4):
                    await page.wake.wait()

    async def _hear(self, socket: WebSocket, page: Page) -> None:
        """What the page says; each word of it is one that it is there."""
        said, since_s = 0, self._desk.clock.monotonic()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                try:
                    here = msgspec.json.decode(await socket.receive_text(), type=Here)
                except (msgspec.DecodeError, KeyError):
                    page.closing = page.closing or GARBLED
                    break
                now = self._desk.clock.monotonic()
                said, since_s = (said + 1, since_s) if now - since_s < 1.0 else (1, now)
                if said > A_SECOND or page.closing:
                    page.closing = page.closing or TALKATIVE
                    break
                page.seen, page.echo = min(here.seen, page.sent), (here.t, now)
                self._desk.switch.heard(page.number)
                if here.hand:
                    self._desk.access.touch(page.cookie)
                if self._desk.control.here(page.number, page.cookie, now):
                    if self._desk.may(page.cookie, "control"):
                        self._desk.link.alive()
                    else:
                        self._desk.control.leave(page.cookie)
                page.wake.set()
        page.wake.set()

    def frame(self, page: Page) -> dict[str, Any]:
        """Everything that a page shows. `echo` is the page's own clock and when it was heard: a bound for how old this is."""
        desk, now = self._desk, self._desk.clock.monotonic()
        shown, held = desk.link.snapshot, desk.control.holder(now)
        seen, loaded = desk.seen(page.cookie), desk.fraction.loaded
        person = None if seen is None or seen.locked else seen
        known = person is not None or not desk.abroad
        return {
            "number": page.sent,
            "page": page.number,
            "now_s": now,
            "echo": page.echo,
            "trouble": desk.link.trouble() or desk.switch.trouble,
            "snapshot": self._shown(shown) if known else bare(self._shown(shown)),
            "compared": self._compared(shown) if known else None,
            "order": screen.values(loaded.prescribed) if known and loaded is not None else None,
            "rig": {
                "name": desk.rig.name,
                "simulated": desk.rig.simulated,
                "bands": BANDS_SHOWN,
                "switch": desk.rig.file.safety_unit.switch,
                "looked_s": LOOKED_S,
            },
            "service": desk.where.key == "SERVICE" or (held is not None and held.person.role == table.SERVICE),
            "control": {
                "yours": held is not None and (held.page, held.cookie) == (page.number, page.cookie),
                "by": held.person.name if held is not None else "",
            },
            "person": None if person is None else {"name": person.name, "role": person.role},
            "locked": seen.name if seen is not None and seen.locked else "",
            "first_run": desk.access.first_run,
            "badges": desk.access.badges,
        }

    def _shown(self, shown: Snapshot | None) -> Any:
        if shown is None:
            return None
        number, values = self._values
        if number != self._desk.link.number:
            values = screen.values(shown)
            self._values = self._desk.link.number, values
        return values

    def _compared(self, shown: Snapshot | None) -> Any:
        if shown is None or shown.offer is None:
            return None
        found = self._desk.fraction.compared(shown.offer)
        if isinstance(found, str):
            return found
        return [[line.name, line.offered, line.calculated, line.agrees] for line in found]
