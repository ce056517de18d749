"""What this exposure has so far: its settings, the offer, its START and token, its end. A frozen struct, replaced as the exposure moves.
It knows no reading and makes no decision."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.entries import Terminal
from controller.settings import Settings

OFFER_VALID_S: Final = 60.0
"""How long an offer may be confirmed."""


class Case(msgspec.Struct, frozen=True):
    """`offer_at_s` None: nothing is on offer; `recommit`: the unit must be committed anew before the next offer; `start_seq` 0: no START written;
    `token` 0: the records have given none; `terminal_seq` 0: no end written; `closing`: a person has closed the fraction."""

    settings: Settings | None = None
    operator: str = ""
    resume: bool = False
    offer_id: int = 0
    offer_at_s: float | None = None
    recommit: bool = False
    start_seq: int = 0
    start_crc: int = 0
    token: int = 0
    confirmed_at_s: float | None = None
    on_at_s: float | None = None
    off_verified_at_s: float | None = None
    terminal_seq: int = 0
    terminal: Terminal | None = None
    closing: bool = False

    def on_offer(self, now_s: float) -> bool:
        """True while the offer may still be confirmed."""
        return self.offer_at_s is not None and now_s - self.offer_at_s < OFFER_VALID_S
