"""Who is logged in where: cookies of 256 random bits, of which only the hash is kept, locked and ended by idleness, never while beam may be on.
It knows no password; time is an argument, and nothing of it outlives the process."""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass, replace
from typing import Final

LOCKED_AFTER_S: Final = 300.0
ENDED_AFTER_S: Final = 900.0
"""Without a touch and without beam. A locked page watches, and STOP is asked of nobody."""
OF_ONE: Final = 4
AT_MOST: Final = 64


@dataclass(frozen=True)
class Session:
    """One login. `stamp` is that of the user at the login: whoever was changed since must log in anew."""

    name: str
    role: str
    stamp: int
    touched_s: float
    locked: bool = False


class Sessions:
    """All logins of this process. A worker opens them and the pages' thread looks at them, so that each step is taken under a lock."""

    def __init__(self) -> None:
        self._open: dict[bytes, Session] = {}
        self._turn = threading.Lock()

    def open(self, name: str, role: str, stamp: int, now_s: float) -> str:
        """A new cookie; the same person's logins that were untouched longest make room for it: never the page at which that person treats."""
        cookie = secrets.token_urlsafe(32)
        with self._turn:
            own = [key for key, one in self._open.items() if one.name == name]
            own.sort(key=lambda key: self._open[key].touched_s)
            for key in own[: max(0, len(own) - OF_ONE + 1)]:
                del self._open[key]
            if len(self._open) >= AT_MOST:
                del self._open[min(self._open, key=lambda key: self._open[key].touched_s)]
            self._open[_hashed(cookie)] = Session(name, role, stamp, now_s)
        return cookie

    def look(self, cookie: str, now_s: float, beam: bool) -> Session | None:
        """Whose it is, locked or not; None where it has ended. With beam on time stands still. A look is no touch."""
        key = _hashed(cookie)
        with self._turn:
            kept = self._open.get(key)
            if kept is None:
                return None
            idle_s = now_s - kept.touched_s
            if beam and not kept.locked:
                kept = replace(kept, touched_s=now_s)
            elif idle_s > ENDED_AFTER_S and not beam:
                del self._open[key]
                return None
            elif idle_s > LOCKED_AFTER_S:
                kept = replace(kept, locked=True)
            self._open[key] = kept
            return kept

    def touch(self, cookie: str, now_s: float) -> None:
        """A person did something; a locked login is not opened by it."""
        key = _hashed(cookie)
        with self._turn:
            kept = self._open.get(key)
            if kept is not None and not kept.locked and now_s - kept.touched_s <= LOCKED_AFTER_S:
                self._open[key] = replace(kept, touched_s=now_s)

    def close(self, cookie: str) -> None:
        with self._turn:
            self._open.pop(_hashed(cookie), None)

    def close_all(self, name: str) -> int:
        """Every login of this person; how many there were."""
        with self._turn:
            own = [key for key, one in self._open.items() if one.name == name]
            for key in own:
                del self._open[key]
        return len(own)


def _hashed(cookie: str) -> bytes:
    """256 random bits need no slow hash."""
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).digest()
