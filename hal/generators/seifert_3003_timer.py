"""Whether a Seifert 3003's own exposure timer keeps the host's time, and how it ended: early, late, never, or as the backup that it is (G11).
It reads four answers and the times at which an ON and an OFF left; it knows no wire and ends nothing."""

from __future__ import annotations

from enum import Enum
from typing import Final

from hal.generators.seifert_3003_wire import Told
from hal.generators.sheet import Piece

ALLOWED_S: Final = 2.5
"""Whole seconds at both ends and a value cut off: under 2 s together. Less than this would name a slow timer "never"."""
STARTS_S: Final = 1.0
"""So long after ON or OFF the status word has caught up."""
RUNNING: Final = 128


class Fault(Enum):
    """Its ways to be wrong, and its one way to be needed."""

    EARLY = "own exposure timer runs fast or ended early"
    LATE = "own exposure timer runs slow: it would end late"
    NEVER = "own exposure timer does not count: it would never end"
    ENDED = "own exposure timer ended the exposure, which nothing else did"
    RUNS_ON = "own exposure timer runs on after it was stopped"


def timer_fault(
    on: Piece[Told] | None,
    off: Piece[Told] | None,
    actual: Piece[Told] | None,
    word: Piece[Told] | None,
    nominal: Piece[Told] | None,
) -> Fault | None:
    """None while it is as it should be, or too little is known. Assumption: the actual time counts up from the start."""
    on_s = float("-inf") if on is None else on.asked_at_s
    off_s = float("-inf") if off is None else off.asked_at_s
    if word is None or word.asked_at_s - max(on_s, off_s) <= STARTS_S:
        running = None
    else:
        running = bool(word.value.number & RUNNING)
    if off_s >= on_s:
        return Fault.RUNS_ON if running and off is not None else None
    counted = None if actual is None or actual.asked_at_s <= on_s else actual
    if running is False and word is not None:
        return _stopped(word.asked_at_s - on_s, counted, nominal)
    if counted is None:
        return None
    passed_s = counted.asked_at_s - on_s
    ahead_s = counted.value.number - passed_s
    if ahead_s > ALLOWED_S:
        return Fault.EARLY
    if ahead_s < -ALLOWED_S:
        return Fault.LATE if counted.value.number else Fault.NEVER
    return None


def _stopped(passed_s: float, counted: Piece[Told] | None, nominal: Piece[Told] | None) -> Fault:
    """It does not run although an ON started it: it never did, or it has ended, before its time or in time."""
    if counted is not None and counted.value.number == 0:
        return Fault.NEVER
    if nominal is None or passed_s < nominal.value.number - ALLOWED_S:
        return Fault.EARLY
    return Fault.ENDED
