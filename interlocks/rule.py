"""What a row of the table is: a question with its hazards, when it is asked, what it stands on, what follows from "no", and words for people.
It holds no row; those stand in the files by theme, joined in interlocks/rules.py."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hal.machine import NOTHING_FITTED, Fitted
from interlocks.look import Look, When
from interlocks.words import Clears, Trip

Question = Callable[[Look], bool | None]
"""TRUE, FALSE, or None for "it cannot be told" (STALE). Every comparison is written so that a number that is no number makes it not TRUE."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row. `hazards` are ids of docs/hazards.md; `needs` the bits of the readings (interlocks/look.py) without which it is STALE,
    `stands_on` the parts of the rig without which it is NOT FITTED.

    `persists_for_s` is how long FALSE must last before it counts. `waits_for`: with a beam FALSE counts only once these readings have been
    asked for later, at most T1 later, because an end by the unit or a fallen generator shows first in the generator's values.
    `swings`: FALSE goes on until it has been TRUE for persists_for_s on end, so that a value that swings through its window is no settled one.
    `wrong` gives value and bound; `first` says what to do first. `stale_trip` is what STALE means; STALE leaves a latch only where it is a
    link's own rule.
    """

    id: str
    hazards: tuple[str, ...]
    when: When
    question: Question
    wrong: Callable[[Look], str]
    first: str
    needs: int = 0
    stands_on: Fitted = NOTHING_FITTED
    persists_for_s: float = 0.0
    swings: bool = False
    waits_for: int = 0
    blocks_start: bool = True
    while_beam: bool = True
    trip: Trip = Trip.TRIP_STOP
    stale_trip: Trip = Trip.TRIP_STOP
    clears: Clears = Clears.BY_OPERATOR

    @property
    def stale_clears(self) -> Clears:
        """A stale reading is the link's fault, and the link's own rule keeps the latch of it."""
        return self.clears if self.stale_trip in (Trip.UNIT_LOST, Trip.GEN_LOST) else Clears.BY_ITSELF
