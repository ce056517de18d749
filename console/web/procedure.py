"""One calibration procedure that is done at a page: a thread of its own opens the session's file and follows it, so that nothing of the console waits.
It belongs to the control in which it was begun: when that ends, the procedure is left as at a terminal that was closed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from calibration.job import load_job
from calibration.procedures.journal import Journal
from console import kept
from console.calibrate import terminal
from console.calibrate.draft import last_n1
from console.calibrate.exposing import Kept, Person
from console.calibrate.sessions import known_of, measurable, of_this_rig, opened
from console.certificate import certificate_of
from console.configuration import Rig
from console.desk_client import DeskGoneError
from console.exit_codes import Exit
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


@dataclass(frozen=True)
class Begun:
    """What was asked for, and by whom."""

    name: str
    anew: bool
    person: Person


class Procedure:
    """Begun in the console's loop. `held` says whether the control in which it was begun still stands; `ended` is told how it ended, in words."""

    def __init__(
        self, rig: Rig, link: Link, clock: Clock, begun: Begun, held: Callable[[], bool], ended: Callable[[str], None]
    ) -> None:
        self._rig, self._link, self._clock, self._begun = rig, link, clock, begun
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
        return await asyncio.shield(self._opened)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def type(self, number: int, line: str) -> str:
        """One line for one question. Empty when it is taken; otherwise why not."""
        if self._face is None:
            return "the session is not open yet; first: wait"
        return self._face.type(number, line) if self._held() else "control changed hands; first: take the procedure up"

    def shown(self) -> dict[str, Any]:
        """What every page may see of it."""
        face = {} if self._face is None else self._face.shown()
        head = {
            "name": self._begun.name,
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
                    self._face.leave()
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
            self._words = self._followed()
        except DeskGoneError as error:
            self._words = f"left, and taken up again by its name: {error}"
        except BROKEN as error:
            self._words = str(error)
        finally:
            self._words = self._words or "ended by an error of the program; first: look at the console's terminal"
            self._told(self._words)

    def _followed(self) -> str:
        rig, begun = self._rig, self._begun
        job = load_job(rig.path.parent / terminal.JOB)
        of_this_rig(rig, job)
        at = datetime.fromtimestamp(self._clock.wall(), UTC)
        known = known_of(rig, job, at, last_n1(rig, job))
        planned = measurable(job, begun.name, at, known)
        wrong = terminal.under(begun.person.role, begun.name, planned.procedure.limits)
        if wrong:
            raise ConfigurationError(wrong)
        site = terminal.Site(rig, job, planned, certificate_of(rig, self._clock.wall()), self._clock)
        with opened(rig, begun.name, planned, at, begun.anew) as journal:
            face = PageFace(terminal.banner(site, journal.session, begun.person))
            for words in terminal.unwarmed(job, begun.name, known, Kept(kept.database(rig)).rows(), self._clock.wall()):
                face.say(words)
            return self._faced(site, journal, face)

    def _faced(self, site: terminal.Site, journal: Journal, face: PageFace) -> str:
        self._session, self._face = journal.session.id, face
        self._told("")
        code = terminal.faced(site, journal, self._line, face, self._begun.person)
        return {
            Exit.AS_INTENDED: "at its end; nothing becomes valid by itself",
            Exit.NOT_CONFIRMED: "left, and taken up again by its name",
        }.get(code, "left, for the desk does not answer; it is taken up again by its name")

    def _told(self, words: str) -> None:
        """Whether the session is open, said once to whoever waits for it."""

        def tell() -> None:
            if not self._opened.done():
                self._opened.set_result(words)

        with contextlib.suppress(RuntimeError):  # the console has ended meanwhile
            self._loop.call_soon_threadsafe(tell)
