"""Tokens that are good for one use by one login within some seconds: one for each command, one to open the live line.
It knows neither what they are used for nor whose login it is; time is an argument."""

from __future__ import annotations

import secrets
from typing import Final

GOOD_FOR_S: Final = 20.0
AT_MOST: Final = 512
OF_ONE: Final = 16
"""Tokens of one login that may wait to be used; one more takes the place of its oldest."""


class Tokens:
    """Given out, used once, or forgotten."""

    def __init__(self) -> None:
        self._given: dict[str, tuple[str, float]] = {}

    def give(self, of: str, now_s: float) -> str:
        """A new token of this login."""
        self._given = {token: kept for token, kept in self._given.items() if now_s - kept[1] <= GOOD_FOR_S}
        own = [token for token, (whose, _) in self._given.items() if whose == of]
        if len(own) >= OF_ONE:
            del self._given[own[0]]
        if len(self._given) >= AT_MOST:
            del self._given[next(iter(self._given))]
        token = secrets.token_urlsafe(24)
        self._given[token] = (of, now_s)
        return token

    def use(self, token: str, of: str, now_s: float) -> bool:
        """True once, for a token of this login that is not too old."""
        whose, at_s = self._given.pop(token, ("", float("-inf")))
        return whose == of and now_s - at_s <= GOOD_FOR_S
