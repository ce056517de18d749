"""The code with which the first administrator is made: drawn when the console starts without users, shown at the machine's own terminal, good once.
It keeps nothing; time is an argument."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS_OF: Final = (4, 4, 4)
GOOD_FOR_S: Final = 3600.0
TRIES: Final = 10


class SetUpCode:
    """Twelve letters, 58 bits; ends by its use, after an hour, and after ten wrong tries."""

    def __init__(self, now_s: float) -> None:
        self.shown = "-".join("".join(secrets.choice(LETTERS) for _ in range(size)) for size in GROUPS_OF)
        self._until_s = now_s + GOOD_FOR_S
        self._tries = TRIES

    def wrong(self, typed: str, now_s: float) -> str:
        """Why it is not taken; empty where it is. Each look counts."""
        if self._tries <= 0 or now_s > self._until_s:
            return "the set-up code has ended; first: start kerma console anew, which prints another"
        self._tries -= 1
        if not hmac.compare_digest(_letters(typed).encode(), _letters(self.shown).encode()):
            return f"this is not the set-up code ({self._tries} tries left); first: read it where kerma console was started"
        self._tries += 1
        return ""

    def spend(self) -> None:
        """It was used."""
        self._tries = 0


def _letters(typed: str) -> str:
    return "".join(letter for letter in typed.upper() if letter not in "- ")
