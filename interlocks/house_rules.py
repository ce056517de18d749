"""Rules about the program itself: recorder, desk, ticks, kernel, certificate.
No device can tell these; they come as ages and counts in the House."""

from __future__ import annotations

import math
from typing import Final

from interlocks.look import Look, When
from interlocks.rule import Rule
from interlocks.words import Clears, Trip

RECORDER_BEAM_S: Final = 0.5
RECORDER_S: Final = 3.0
DESK_S: Final = 2.0
LATE_TICKS: Final = 3
GAP_S: Final = 0.2


def _recorder_bound(look: Look) -> float:
    return RECORDER_BEAM_S if look.running else RECORDER_S


def _recorder_words(look: Look) -> str:
    lag_s = look.house.recorder_lag_s
    if math.isinf(lag_s):
        return "the recorder has acknowledged nothing yet"
    return f"nothing has reached the disk for {lag_s:.2f} s (bound {_recorder_bound(look):.1f} s)"


def _desk_words(look: Look) -> str:
    age_s = look.house.desk_age_s
    if math.isinf(age_s):
        return "nobody holds the desk: the operator's program has closed its connection"
    return f"the desk has not been heard for {age_s:.2f} s (bound {DESK_S:.1f} s)"


HOUSE_RULES: Final = (
    Rule(
        id="recorder_fresh",
        hazards=("fault-S1", "engineering-G13", "design-D6"),
        when=When.ALWAYS,
        question=lambda look: look.house.recorder_lag_s <= _recorder_bound(look),
        wrong=_recorder_words,
        first="see whether the recorder runs and the disk has room (kerma doctor)",
        trip=Trip.RECORDER_LOST,
    ),
    Rule(
        id="desk_lease",
        hazards=("fault-O7", "design-D12"),
        when=When.SET_UP,
        question=lambda look: look.house.desk_age_s <= DESK_S,
        wrong=_desk_words,
        first="see whether the operator's terminal runs, then load or resume",
        trip=Trip.DESK_LOST,
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="tick_late",
        hazards=("fault-H6", "fault-H10"),
        when=When.ALWAYS,
        question=lambda look: look.house.late_ticks < LATE_TICKS,
        wrong=lambda look: f"{look.house.late_ticks} ticks in a row were late (bound {LATE_TICKS})",
        first="see what else runs on this computer (kerma doctor)",
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="tick_gap",
        hazards=("fault-H2", "fault-H3"),
        when=When.ALWAYS,
        question=lambda look: look.house.tick_gap_s <= GAP_S,
        wrong=lambda look: f"this program was stopped for {look.house.tick_gap_s:.3f} s (bound {GAP_S} s)",
        first="see what stopped it (kerma doctor), then reset",
        trip=Trip.INTERNAL,
    ),
    Rule(
        id="dose_kernel",
        hazards=("fault-D7", "design-B1"),
        when=When.ALWAYS,
        question=lambda look: look.house.kernel_ok,
        wrong=lambda look: look.house.sums or "the dose kernel does not reproduce its golden vector",
        first="do not use this computer: service",
        trip=Trip.INTERNAL,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="invariants_held",
        hazards=("design-B1", "fault-H7"),
        when=When.ALWAYS,
        question=lambda look: not look.memory.watched.broken,
        wrong=lambda look: f"this program has contradicted itself: {look.memory.watched.broken}",
        first="do not use: keep the records and call service, which begins the program anew",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="calibration_valid",
        hazards=("accident-A13", "fault-S6", "engineering-G24"),
        when=When.BEFORE_ARM,
        question=lambda look: look.house.wall_s < look.terms.certificate_expires_wall_s,
        wrong=lambda look: (
            f"the calibration certificate expired {look.house.wall_s - look.terms.certificate_expires_wall_s:.0f} s ago"
        ),
        first="calibrate, and sign a new certificate",
        while_beam=False,
        clears=Clears.BY_ITSELF,
    ),
)
