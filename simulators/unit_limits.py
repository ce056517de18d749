"""What a committed set of the safety unit says, and whether the unit may accept a staged one: ranges, caps, coded words, and the rest of a retained exposure.
It knows bytes and numbers only; no state, no wire, no time."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from simulators import unit_map as m
from simulators.unit_memory import UnitConfig, UnitMemory

LAYOUT = struct.Struct(">IIIIHHBBBBHHHHQQBBHHH")

START_WINDOW_MS = (100, 5000)
T2_MS = (10, 500)
T2D_MS = (100, 4000)
ARM_WINDOW_S = (1, 120)
NO_DOSE_MS = (100, 2000)
DISAGREE_PERMILLE = (10, 500)
DRY_RATE_10MS = 10
"""High voltage over a cold filament gives no radiation: a comparator that is wider sees none of it."""
RESUME_TIME_SLACK_MS = 500


@dataclass(frozen=True, slots=True)
class CommittedSet:
    """One set of 28 registers as numbers: ms, counts, codes; t2 and t2d already in ms."""

    preset_ms: int
    k1_limit_ms: int
    count_preset_1: int
    count_limit_2: int
    lease_max_ms: int
    start_window_ms: int
    applicator: int
    filter_code: int
    t2_ms: int
    t2d_ms: int
    purpose: int
    arm_window_s: int
    no_dose_ms: int
    disagree_permille: int
    fraction_tag: int
    plan_tag: int
    termination: int
    switch: int
    timer_start: int
    rate_limit_10ms: int
    hv_per_100ms: int

    @property
    def monitor(self) -> bool:
        """Whether channel 1's count preset ends the exposure; otherwise the timer does."""
        return self.termination == m.TERMINATION_MONITOR


def decode(data: bytes) -> CommittedSet:
    """The 56 bytes of 0300-031B, as on the wire, as numbers."""
    raw = list(LAYOUT.unpack(data))
    raw[8] *= 10
    raw[9] *= 100
    return CommittedSet(*raw)


def refusal(staged: bytes, config: UnitConfig, nv: UnitMemory) -> str:
    """Why this staged set may not become ACTIVE; empty if it may. Checks ranges, caps, coded words, and what a retained exposure leaves."""
    s = decode(staged)
    timed = s.termination == m.TERMINATION_TIME
    dry = s.purpose == m.Purpose.DRY_RUN
    cap_ms = config.hard_cap_s * 1000
    # name, value, low, high, whether 0 may stand for "not asked"
    ranges = (
        ("preset_ms", s.preset_ms, 1, cap_ms, False),
        ("k1_limit_ms", s.k1_limit_ms, 1, cap_ms, False),
        ("count_preset_1", s.count_preset_1, 1, config.hard_cap_counts, timed),
        ("count_limit_2", s.count_limit_2, 1, config.hard_cap_counts, timed),
        ("lease_max_ms", s.lease_max_ms, config.lease_min_ms, config.lease_max_ms, False),
        ("start_window_ms", s.start_window_ms, *START_WINDOW_MS, dry),
        ("applicator", s.applicator, 1, 0xFE, False),
        ("filter", s.filter_code, 1, 0xFE, False),
        ("t2", s.t2_ms, *T2_MS, False),
        ("t2d", s.t2d_ms, max(T2D_MS[0], s.t2_ms), T2D_MS[1], False),
        ("arm_window_s", s.arm_window_s, *ARM_WINDOW_S, False),
        ("no_dose_ms", s.no_dose_ms, *NO_DOSE_MS, timed),
        ("disagree_permille", s.disagree_permille, *DISAGREE_PERMILLE, timed),
        ("rate_limit_per_10ms", s.rate_limit_10ms, 1, DRY_RATE_10MS if dry else 0xFFFF, False),
        ("hv_seen_per_100ms", s.hv_per_100ms, 1, 0xFFFE, False),
    )
    for name, value, low, high, zero_allowed in ranges:
        if not (low <= value <= high or (zero_allowed and value == 0)):
            return f"{name} = {value} is outside {low} .. {high}"
    words = (
        ("purpose", s.purpose, frozenset(m.Purpose)),
        ("termination", s.termination, {m.TERMINATION_TIME, m.TERMINATION_MONITOR}),
        ("switch", s.switch, {m.SWITCH_ONCE, m.SWITCH_HOLD} if config.hold_to_run else {m.SWITCH_ONCE}),
        ("timer_start", s.timer_start, {m.TIMER_FROM_K1, m.TIMER_FROM_HV}),
    )
    for name, value, known in words:
        if value not in known:
            return f"{name} = {value:#x} is not a coded word of this map"
    return _rest_refusal(s, nv) if nv.retained_token else ""


def _rest_refusal(s: CommittedSet, nv: UnitMemory) -> str:
    """A retained exposure may only be resumed, to its own limits; measured against the set that last ran, so that commits alone cannot creep."""
    ran = decode(nv.ran)
    if (s.fraction_tag, s.applicator, s.filter_code, s.purpose, s.termination) != (
        ran.fraction_tag, ran.applicator, ran.filter_code, ran.purpose, ran.termination,
    ):  # fmt: skip
        return "a retained exposure of another fraction, purpose, applicator or filter waits for its RESET"
    for name, value, bound in (
        ("preset_ms", s.preset_ms, ran.preset_ms + RESUME_TIME_SLACK_MS),
        ("k1_limit_ms", s.k1_limit_ms, ran.k1_limit_ms + RESUME_TIME_SLACK_MS),
        ("count_preset_1", s.count_preset_1, ran.count_preset_1 * 101 // 100),
        ("count_limit_2", s.count_limit_2, ran.count_limit_2 * 101 // 100),
        ("rate_limit_per_10ms", s.rate_limit_10ms, ran.rate_limit_10ms * 101 // 100 + 1),
    ):
        if value > bound or (value == 0 and bound > 1):
            return f"{name} = {value} is more than the retained exposure's {bound}"
    if s.monitor and nv.counts_1 >= s.count_preset_1:
        return f"counts_1 = {nv.counts_1} has reached count_preset_1 = {s.count_preset_1}: nothing is left to deliver"
    if not s.monitor and nv.beam_ms >= s.preset_ms:
        return f"beam_ms = {nv.beam_ms} has reached preset_ms = {s.preset_ms}: nothing is left to deliver"
    return ""
