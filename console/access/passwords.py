"""What a password, a PIN and a badge must be, and their argon2 hashes: one at a time, and as much work for a name that is not known as for one that is.
It knows no user and keeps nothing."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from itertools import pairwise
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

LENGTH: Final = (12, 128)
DIFFERENT: Final = 5
"""So many different characters at least."""
PIN_LENGTH: Final = (6, 12)
BADGE_LENGTH: Final = (8, 64)
TYPED_AT_MOST: Final = 200
COMMON: Final = (
    "password",
    "passwort",
    "contraseña",
    "motdepasse",
    "123456",
    "qwerty",
    "qwertz",
    "azerty",
    "letmein",
    "kerma",
)
"""What everybody tries first; no rotation and no classes of characters: length does it."""
MEMORY_KIB, PASSES, LANES = 64 * 1024, 3, 1
"""RFC 9106, section 4, second choice, in one lane: the loop beside it keeps its processor."""


def plain(typed: str) -> str:
    """One spelling of what looks the same."""
    return unicodedata.normalize("NFKC", typed)


def wrong_password(password: str, name: str) -> str:
    """Why a password is not taken, and what to do first; empty where it is."""
    password = plain(password)
    low, high = LENGTH
    if not low <= len(password) <= high:
        return f"the password has {len(password)} characters, wanted {low} to {high}; first: take a longer sentence"
    folded = password.casefold()
    if name.casefold() in folded or name.casefold()[::-1] in folded:
        return "the password holds the name; first: take one that does not"
    if len(set(folded)) < DIFFERENT:
        return f"the password has {len(set(folded))} different characters, wanted {DIFFERENT}; first: take another"
    left = folded
    for word in COMMON:
        left = left.replace(word, "")
    if len(left) < low // 2:
        return "the password is one of those that everybody tries; first: take another"
    return ""


def wrong_pin(pin: str) -> str:
    """Why a PIN is not taken; it is never taken without a badge."""
    low, high = PIN_LENGTH
    if not (pin.isascii() and pin.isdigit()) or not low <= len(pin) <= high:
        return f"the PIN must be {low} to {high} digits; first: take another"
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if len(steps) == 1 or len(set(pin)) < 3:
        return "the PIN is a row or one or two digits over and over; first: take another"
    return ""


def wrong_badge(badge: str) -> str:
    """Why what a badge reader gave is no badge."""
    low, high = BADGE_LENGTH
    if not (badge.isascii() and badge.isprintable() and " " not in badge) or not low <= len(badge) <= high:
        return f"the badge must give {low} to {high} characters without spaces; first: read it again"
    return ""


class Hasher:
    """argon2id, one at a time: a flood of logins takes one processor for one login, and no more memory than one takes."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._argon2 = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES)
        self._turn = threading.Lock()
        self._nobody = self.hashed(secrets.token_urlsafe(32))

    def hashed(self, secret: str) -> str:
        with self._turn:
            return self._argon2.hash(plain(secret))

    def fits(self, kept: str | None, secret: str) -> bool:
        """Whether it is the secret of this hash. None, for a name that is not known, costs the same and never fits."""
        with self._turn:
            try:
                fits = self._argon2.verify(kept if kept is not None else self._nobody, plain(secret)[:TYPED_AT_MOST])
            except (Argon2Error, InvalidHashError):
                return False
        return fits and kept is not None
