"""Who is at a page, and what that person's role may ask: the narrow interface, and the access of a simulated rig with its one demonstration operator.
It keeps no password and no file; the demonstration's code is drawn anew at each start and dies with the process."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Final, Protocol

from console.access import table
from console.access.people import NO_FIT, TOO_MANY, Entry, Office, Person, Typed
from console.access.sessions import Sessions
from console.access.table import NOBODY, OPERATOR, SIMULATED, Situation
from console.access.throttle import Throttle
from hal.clock import Clock

__all__ = ["DEMONSTRATION", "NOBODY", "Access", "Demonstration", "Person", "Typed"]

DEMONSTRATION: Final = "demonstration"


class Access(Protocol):
    """What pages ask about people. Whatever hashes a secret takes a while: `enter`, `witness` and `set_up` are asked by a worker, one at a time.
    `office` is where users are changed; None where there are none to change."""

    office: Office | None

    @property
    def first_run(self) -> bool:
        """Whether this rig waits for its first administrator."""
        ...

    @property
    def badges(self) -> bool:
        """Whether anybody has one."""
        ...

    def enter(self, typed: Typed, /) -> Entry:
        """A new cookie, or words."""
        ...

    def witness(self, typed: Typed, beside: str, /) -> Entry:
        """A second person beside the one who asks; no session."""
        ...

    def again(self, typed: Typed, name: str, /) -> Entry:
        """The same person's secret once more, for a signature or for the rest of a fraction; no session."""
        ...

    def own_password(self, typed: Typed, name: str, password: str, noted: Callable[[str, str], None], /) -> Entry:
        """A new password of one's own, by the old one; a new cookie in place of every other one."""
        ...

    def set_up(self, code: str, name: str, password: str, noted: Callable[[str, str], None], /) -> str:
        """Make the first administrator; words where it is not done."""
        ...

    def leave(self, cookie: str, /) -> None: ...

    def leave_all(self, name: str, /) -> int: ...

    def touch(self, cookie: str, /) -> None:
        """A person did something there."""
        ...

    def who(self, cookie: str, beam: bool, /) -> Person | None: ...

    def may(self, role: str, command: str, where: Situation, /) -> bool:
        """A look into the table."""
        ...


class Demonstration:
    """A simulated rig's one operator, by a code of eight digits that is shown where the console was started. On a real rig he may nothing."""

    first_run: Final = False
    badges: Final = False
    office: Office | None = None

    def __init__(self, clock: Clock) -> None:
        self.code = f"{secrets.randbelow(10**8):08d}"
        self._clock = clock
        self._throttle = Throttle()
        self._sessions = Sessions()

    def enter(self, typed: Typed, /) -> Entry:
        words = self._wrong(typed)
        if words:
            return Entry("", words)
        return Entry(
            self._sessions.open(DEMONSTRATION, OPERATOR, 0, self._clock.monotonic()), "", DEMONSTRATION, OPERATOR
        )

    def _wrong(self, typed: Typed) -> str:
        now_s = self._clock.monotonic()
        wait_s = self._throttle.wait_s(DEMONSTRATION, typed.source, now_s)
        if wait_s > 0.0:
            return f"{TOO_MANY}; first: wait {wait_s:.0f} s"
        self._throttle.tried(DEMONSTRATION, typed.source, now_s)
        fits = hmac.compare_digest(typed.secret.encode("utf-8", "surrogatepass"), self.code.encode())
        if typed.name != DEMONSTRATION or typed.badge or not fits:
            return NO_FIT
        self._throttle.right(DEMONSTRATION, typed.source)
        return ""

    def witness(self, _typed: Typed, _beside: str, /) -> Entry:
        return Entry("", "a demonstration has one person alone; first: make users (kerma users add)")

    def again(self, typed: Typed, _name: str, /) -> Entry:
        """The code once more; there is one person alone."""
        words = self._wrong(typed)
        return Entry("", words) if words else Entry("", "", DEMONSTRATION, OPERATOR)

    def own_password(self, _typed: Typed, _name: str, _new: str, _noted: Callable[[str, str], None], /) -> Entry:
        return Entry("", "the demonstration's code is drawn anew at each start; first: make users (kerma users add)")

    def set_up(self, _code: str, _name: str, _password: str, _noted: Callable[[str, str], None], /) -> str:
        return "a simulated rig has its demonstration operator; first: kerma users add"

    def leave(self, cookie: str, /) -> None:
        self._sessions.close(cookie)

    def leave_all(self, name: str, /) -> int:
        return self._sessions.close_all(name)

    def touch(self, cookie: str, /) -> None:
        self._sessions.touch(cookie, self._clock.monotonic())

    def who(self, cookie: str, beam: bool, /) -> Person | None:
        kept = self._sessions.look(cookie, self._clock.monotonic(), beam)
        return Person(kept.name, kept.role, kept.locked) if kept is not None else None

    def may(self, role: str, command: str, where: Situation, /) -> bool:
        simulated = where.mode == SIMULATED or command in (table.STOP, "watch")
        return simulated and role in (NOBODY, OPERATOR) and table.may(role, command, where)
