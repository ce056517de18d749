"""Who is at a page, and what that person's role may ask: the narrow interface, and the access of a simulated rig with its one demonstration operator.
It keeps no password and no file; the demonstration's code is drawn anew at each start and dies with the process."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Final, Protocol

from hal.clock import Clock

NOBODY: Final = "nobody"
"""The role of a page without a login: it watches, and STOP is asked without a role."""
DEMONSTRATION: Final = "demonstration"
TRIES: Final = 5
WAIT_S: Final = 30.0
"""After so many wrong codes in a row the door to START stays shut so long; STOP has no door."""
IDLE_S: Final = 900.0
SESSIONS: Final = 32


@dataclass(frozen=True)
class Person:
    """Whose login a cookie is."""

    name: str
    role: str


class Access(Protocol):
    """What pages ask about people. `enter` gives a new cookie, or None where name and secret do not fit; `may` is a look into a table."""

    def enter(self, name: str, secret: str, /) -> str | None: ...

    def leave(self, cookie: str, /) -> None: ...

    def who(self, cookie: str, /) -> Person | None: ...

    def may(self, role: str, command: str, mode: str, /) -> bool: ...


WATCHING: Final = frozenset({(NOBODY, "watch"), ("operator", "watch")})
TREATING: Final = frozenset(
    ("operator", command)
    for command in (
        "orders",
        "control",
        "load",
        "resume",
        "confirm",
        "edit",
        "close",
        "retest",
        "reset",
        "room",
        "records",
        "report",
        "service",
        "bundle",
        "simulator",
    )
)


class WatchOnly:
    """Nobody comes in; everybody may watch."""

    def enter(self, _name: str, _secret: str, /) -> str | None:
        return None

    def leave(self, _cookie: str) -> None:
        return None

    def who(self, _cookie: str) -> Person | None:
        return None

    def may(self, role: str, command: str, _mode: str) -> bool:
        return (role, command) in WATCHING


class Demonstration:
    """A simulated rig's one operator, by a code of eight digits that is shown where the console was started. Nothing else may be asked, and on no real rig."""

    def __init__(self, clock: Clock) -> None:
        self.code = f"{secrets.randbelow(10**8):08d}"
        self._clock = clock
        self._wrong = 0
        self._shut_until_s = float("-inf")
        self._seen_s: dict[str, float] = {}

    def enter(self, name: str, secret: str, /) -> str | None:
        now = self._clock.monotonic()
        if now < self._shut_until_s:
            return None
        if name != DEMONSTRATION or not hmac.compare_digest(secret.encode(), self.code.encode()):
            self._wrong += 1
            if self._wrong >= TRIES:
                self._wrong, self._shut_until_s = 0, now + WAIT_S
            return None
        self._wrong = 0
        while len(self._seen_s) >= SESSIONS:
            del self._seen_s[min(self._seen_s, key=lambda one: self._seen_s[one])]
        cookie = secrets.token_urlsafe(32)
        self._seen_s[cookie] = now
        return cookie

    def leave(self, cookie: str) -> None:
        self._seen_s.pop(cookie, None)

    def who(self, cookie: str) -> Person | None:
        seen = self._seen_s.get(cookie)
        now = self._clock.monotonic()
        if seen is None or now - seen > IDLE_S:
            self._seen_s.pop(cookie, None)
            return None
        self._seen_s[cookie] = now
        return Person(DEMONSTRATION, "operator")

    def may(self, role: str, command: str, mode: str) -> bool:
        return (role, command) in WATCHING or (mode == "simulated" and (role, command) in TREATING)
