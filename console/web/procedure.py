"""One procedure that is done at a page: a thread of its own follows it, so that nothing of the console waits. What is followed is given to it.
It belongs to the control in which it was begun: when that ends, the procedure is left as at a terminal that was closed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from console.calibrate.exposing import Person
from console.configuration import Rig
from console.desk_client import DeskGoneError
from console.treat.session import Session as Line
from console.web.link import Link
from console.web.procedure_face import PageFace
from console.web.procedure_line import Relay
from hal.clock import Clock
from hal.errors import ConfigurationError
from records.store import StoreError

LOOK_EVERY_S: Final = 0.25
BROKEN: Final = (ConfigurationError, StoreError, OSError)
"""What a file may do under a procedure: said in words at the page."""

Opened = Callable[[PageFace, str], None]
"""Says that it is open: what a page sees of it, and the name of the session's file, if it has one."""
Work = Callable[[Line, Opened], str]
"""The whole of it, in a thread; how it ended, in words."""


@dataclass(frozen=True)
class Begun:
    """What was asked for, by whom, and what there is to do. `kind` says to a page which keys it has."""

    name: str
    kind: str
    person: Person
    work: Work


class Procedure:
    """Begun in the console's loop. `held` says whether the control in which it was begun still stands; `ended` is told how it ended, in words."""

    def __init__(
        self, rig: Rig, link: Link, clock: Clock, begun: Begun, held: Callable[[], bool], ended: Callable[[str], None]
    ) -> None:
        self._link, self._begun = link, begun
        self._held, self._ended = held, ended
        self._loop = asyncio.get_running_loop()
        self._relay = Relay(link, held)
        self._line = Line(self._relay, rig.places.stop, clock)
        self._face: PageFace | None = None
        self._session = ""
        self._words = ""
        self._opened: asyncio.Future[str] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name="procedure", daemon=True)
        link.stopping.append(self._stopped)

    async def begin(self) -> str:
        """Empty once its session is open; otherwise why there is none."""
        self._thread.start()
        self._watch = asyncio.create_task(self._watched())
        words = await asyncio.shield(self._opened)
        if words:
            await asyncio.to_thread(self._thread.join)  # whoever is refused may begin at once
        return words

    @property
    def kind(self) -> str:
        return self._begun.kind

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def type(self, number: int, line: str) -> str:
        """One line for one question. Empty when it is taken; otherwise why not."""
        if self._face is None:
            return "the session is not open yet; first: wait"
        return self._face.type(number, line) if self._held() else "control changed hands; first: take the procedure up"

    def sign(self, number: int, sha256: str, who: str) -> str:
        """A person's word under what was shown. Empty when it is taken; otherwise why not."""
        if self._face is None or not self._held():
            return "control changed hands, or nothing is open; first: begin it"
        return self._face.sign(number, sha256, who)

    def leave(self) -> None:
        """Its next question has no answer, and where it asks none it exposes nothing more."""
        self._line.stopped = True
        if self._face is not None:
            self._face.leave()

    def shown(self) -> dict[str, Any]:
        """What every page may see of it."""
        face = {} if self._face is None else self._face.shown()
        head = {
            "name": self._begun.name,
            "kind": self._begun.kind,
            "session": self._session,
            "by": self._begun.person.name,
            "role": self._begun.person.role,
        }
        return head | {"running": self.running, "ended": self._words} | face  # fmt: skip

    async def _watched(self) -> None:
        """Until its thread is at its end: whoever holds control no more is at no procedure either."""
        try:
            while self.running:
                if not self._held() and self._face is not None:
                    self.leave()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._relay.end("the console ends, or nobody follows this procedure any more")
            with contextlib.suppress(ValueError):
                self._link.stopping.remove(self._stopped)
        self._ended(self._words)

    def _stopped(self) -> None:
        self._line.stopped = True

    def _work(self) -> None:
        """In the thread: the file, the person's lines, the desk. Whatever ends it is words."""
        try:
            self._words = self._begun.work(self._line, self._open)
        except DeskGoneError as error:
            self._words = f"left, and taken up again by its name: {error}"
        except BROKEN as error:
            self._words = str(error)
        finally:
            self._words = self._words or "ended by an error of the program; first: look at the console's terminal"
            self._told(self._words)

    def _open(self, face: PageFace, session: str) -> None:
        self._face, self._session = face, session
        self._told("")

    def _told(self, words: str) -> None:
        """Whether the session is open, said once to whoever waits for it."""

        def tell() -> None:
            if not self._opened.done():
                self._opened.set_result(words)

        with contextlib.suppress(RuntimeError):  # the console has ended meanwhile
            self._loop.call_soon_threadsafe(tell)
