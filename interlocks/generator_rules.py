"""Rules about the generator: its link, fault, interlock line, kV and mA windows, lost beam, and high voltage that nobody asked for.
The windows are relative to the certified read-back; no rule here knows a dialect."""

from __future__ import annotations

import math
from typing import Final

from hal.readings import Relay
from interlocks import cold
from interlocks.bands import BANDS
from interlocks.look import FLAGS, KV_HALF, KV_SOME, MONITOR, RATE_WINDOW_S, SLOW, UNIT, Look, When
from interlocks.rule import Rule
from interlocks.words import Clears, Trip

KV_HARD: Final = 0.05
MA_HARD: Final = 0.10
KV_STEADY: Final = 0.02
KV_STEADY_KV: Final = 1.0
MA_STEADY: Final = 0.05
KV_STEADY_FOR_S: Final = 0.1
MA_STEADY_FOR_S: Final = 0.2
"""Hard +-5 % and +-10 % at once; steady +-2 % or 1 kV, whichever is larger, and +-5 %, with persistence (60601-2-8's deviation interlock)."""
LEAK_FACTOR: Final = 10.0
R0_PART: Final = 0.02
DEFAULT_COUNTS: Final = 10.0
"""Chamber counts in 100 ms that mean high voltage: more than 10 x leakage, 2 % of R0 and the committed threshold; the last while nothing is set up."""
HV_SEEN: Final = Relay.HV_SEEN.value


def _identified(look: Look) -> bool | None:
    identity = look.readings.generator_identity
    return None if identity is None else identity.mismatch == ""


def _identity_words(look: Look) -> str:
    identity = look.readings.generator_identity
    return (
        f"the generator is not the configured one: {identity.mismatch if identity is not None else 'no identity yet'}"
    )


def _link_words(look: Look) -> str:
    link = look.readings.generator_link
    last = "never" if link.last_good_s is None else f"{look.now_s - link.last_good_s:.3f} s ago"
    return f"the generator's link is lost; last good reply {last}; {link.last_trouble or 'no trouble named'}"


def beam_lost(look: Look) -> bool:
    """High voltage that ought to be on is off by the flag, or below half by the monitor, each in a sample later than the ramp."""
    ramp_s = look.terms.ramp_s
    if not look.flags_on_s <= ramp_s and not look.flags.hv_on:
        return True
    return not look.monitor_on_s <= ramp_s and not look.monitor.kv >= KV_HALF * look.terms.kv


def _lost_words(look: Look) -> str:
    return (
        f"the beam was lost: high voltage {'on' if look.flags.hv_on else 'off'}, {look.monitor.kv:.1f} kV "
        f"(bound {KV_HALF * look.terms.kv:.1f} kV)"
    )


def _kv_low(look: Look) -> bool:
    """A value on its way down with the beam lost belongs to beam_lost, not to the window."""
    kv = look.monitor.kv
    return kv >= look.terms.kv * (1.0 - KV_HARD) or (not math.isnan(kv) and beam_lost(look))


def _cold(look: Look) -> bool:
    return BANDS[look.terms.purpose].cold


def _ma_high(look: Look) -> bool:
    """Above its window; over a cold filament, more than a bleeder draws, or a filament that is heated."""
    if _cold(look):
        return look.monitor.ma <= cold.most_ma(look.terms.kv) and cold.is_cold(look.monitor)
    return look.monitor.ma <= look.terms.ma * (1.0 + MA_HARD)


def _ma_steady(look: Look) -> bool:
    if _cold(look):
        return 0.0 <= look.monitor.ma <= cold.most_ma(look.terms.kv)
    return abs(look.monitor.ma - look.terms.ma) <= MA_STEADY * look.terms.ma


def _ma_low(look: Look) -> bool:
    ma = look.monitor.ma
    return ma >= look.terms.ma * (1.0 - MA_HARD) or (not math.isnan(ma) and beam_lost(look))


def _kv_words(look: Look) -> str:
    return f"{look.monitor.kv:.1f} kV, set {look.terms.kv:.1f} kV (bound +-{100 * KV_HARD:.0f} %)"


def _ma_words(look: Look) -> str:
    if _cold(look):
        return (
            f"{look.monitor.ma:.3f} mA, and {cold.filament_words(look.monitor)} of filament, with a filament that ought to be cold "
            f"(bounds {cold.most_ma(look.terms.kv):.3f} mA and {cold.FILAMENT_A:g} A): it is lit, or nobody knows that it is not"
        )
    return f"{look.monitor.ma:.3f} mA, set {look.terms.ma:.3f} mA (bound +-{100 * MA_HARD:.0f} %)"


def _fault_words(look: Look) -> str:
    return f"the generator reports a fault: {', '.join(look.flags.faults) or 'it does not say which'}"


def _kv_bound(look: Look) -> float:
    return max(KV_STEADY_KV, KV_STEADY * look.terms.kv)


def seen_counts(look: Look) -> tuple[float, float]:
    """Chamber counts in 100 ms above which channel 1 and channel 2 see high voltage."""
    t = look.terms
    if look.sent.terms is None:
        return DEFAULT_COUNTS, DEFAULT_COUNTS
    return (
        max(
            0.1 * LEAK_FACTOR * t.leak1_cps,
            0.1 * R0_PART * t.r0_mgy_per_s / t.n1_mgy_per_count,
            t.hv_seen_counts_per_100ms,
        ),
        max(
            0.1 * LEAK_FACTOR * t.leak2_cps,
            0.1 * R0_PART * t.r0_mgy_per_s / t.n2_mgy_per_count,
            t.hv_seen_counts_per_100ms,
        ),
    )


def cable_charged(look: Look) -> bool:
    """After a dry run only: what the generator's kV and the safety unit's own monitor show is the cable, which empties as a bleeder empties it. Whatever the
    generator says of its high voltage, and whatever a chamber counts, stays a sign."""
    off_at_s = look.sent.beam_off_at_s
    if off_at_s is None or not _cold(look) or look.stale & (MONITOR | FLAGS) or look.flags.hv_on:
        return False
    return look.monitor.kv <= cold.left_kv(look.terms.kv, look.monitor.asked_at_s - off_at_s)


def _uncommanded(look: Look) -> tuple[str, ...]:
    """Every sign of high voltage in a reading that is fresh and later than the cable's discharge."""
    quiet, stale, signs = look.quiet_from_s, look.stale, []
    counted, charged = quiet + RATE_WINDOW_S, cable_charged(look)
    if not stale & FLAGS and look.flags.asked_at_s >= quiet and look.flags.hv_on:
        signs.append("the generator says high voltage on")
    if (
        not stale & MONITOR
        and look.monitor.asked_at_s >= quiet
        and look.monitor.kv > KV_SOME * look.full_scale_kv
        and not charged
    ):
        signs.append(f"{look.monitor.kv:.1f} kV (bound {KV_SOME * look.full_scale_kv:.1f} kV)")
    if not stale & UNIT and look.unit.asked_at_s >= counted and look.unit.relays & HV_SEEN and not charged:
        signs.append("the safety unit sees high voltage")
    if not stale & SLOW and look.slow.asked_at_s >= counted:
        bound_1, bound_2 = seen_counts(look)
        if look.slow.rate_1 > bound_1:
            signs.append(f"chamber 1 counts {look.slow.rate_1} in 100 ms (bound {bound_1:.1f})")
        if look.slow.rate_2 > bound_2:
            signs.append(f"chamber 2 counts {look.slow.rate_2} in 100 ms (bound {bound_2:.1f})")
    return tuple(signs)


def _commanded(look: Look) -> bool | None:
    if _uncommanded(look):
        return False
    return None if look.stale or math.isnan(look.monitor.kv) else True


def _line_words(look: Look) -> str:
    return f"the generator's interlock line is open while the safety unit runs (state {look.unit.state:#06x})"


GENERATOR_RULES: Final = (
    Rule(
        id="generator_link",
        hazards=("fault-L2", "fault-L12", "fault-M3"),
        when=When.ALWAYS,
        needs=MONITOR | FLAGS,
        question=lambda look: not look.readings.generator_link.lost,
        wrong=_link_words,
        first="check the generator's power and cable",
        trip=Trip.GEN_LOST,
        stale_trip=Trip.GEN_LOST,
    ),
    Rule(
        id="generator_identity",
        hazards=("fault-M7", "engineering-G24"),
        when=When.ALWAYS,
        question=_identified,
        wrong=_identity_words,
        first="connect the generator that the rig file names",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="generator_fault",
        hazards=("fault-G3", "fault-G4"),
        when=When.STANDING,
        needs=FLAGS,
        question=lambda look: not look.flags.fault,
        wrong=_fault_words,
        first="read its manual for this fault, then reset",
        waits_for=UNIT,
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="generator_clear",
        hazards=("fault-G3", "fault-G4", "design-A10"),
        when=When.BEFORE_ARM,
        needs=FLAGS,
        question=lambda look: not look.flags.fault,
        wrong=_fault_words,
        first="unload, and let the self-test clear it; if it comes again, service",
        while_beam=False,
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="generator_interlock",
        hazards=("fault-I1", "fault-G5"),
        when=When.LINE,
        needs=FLAGS,
        question=lambda look: look.flags.interlock_closed,
        wrong=_line_words,
        first="check the interlock cable between safety unit and generator",
        waits_for=UNIT,
    ),
    Rule(
        id="kv_high",
        hazards=("fault-G1", "engineering-G5"),
        when=When.BEAM,
        needs=MONITOR,
        question=lambda look: look.monitor.kv <= look.terms.kv * (1.0 + KV_HARD),
        wrong=_kv_words,
        first="do not go on: service",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="kv_low",
        hazards=("fault-G1", "engineering-G5"),
        when=When.STEADY,
        needs=MONITOR,
        question=_kv_low,
        wrong=_kv_words,
        first="do not go on: service",
        waits_for=UNIT | FLAGS,
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="ma_high",
        hazards=("fault-G2", "engineering-G6"),
        when=When.BEAM,
        needs=MONITOR,
        question=_ma_high,
        wrong=_ma_words,
        first="do not go on: service",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="ma_low",
        hazards=("fault-G2", "engineering-G6"),
        when=When.STEADY,
        needs=MONITOR,
        question=_ma_low,
        wrong=_ma_words,
        first="do not go on: service",
        waits_for=UNIT | FLAGS,
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="kv_steady",
        hazards=("fault-G1",),
        when=When.STEADY,
        needs=MONITOR,
        question=lambda look: abs(look.monitor.kv - look.terms.kv) <= _kv_bound(look),
        wrong=lambda look: (
            f"{look.monitor.kv:.2f} kV, set {look.terms.kv:.2f} kV (bound +-{_kv_bound(look):.2f} kV for {KV_STEADY_FOR_S:.1f} s)"
        ),
        first="let the generator settle, then resume; if it comes again, service",
        persists_for_s=KV_STEADY_FOR_S,
        swings=True,
        waits_for=UNIT,
    ),
    Rule(
        id="ma_steady",
        hazards=("fault-G2", "engineering-G6"),
        when=When.STEADY,
        needs=MONITOR,
        question=_ma_steady,
        wrong=lambda look: (
            _ma_words(look)
            if _cold(look)
            else f"{look.monitor.ma:.3f} mA, set {look.terms.ma:.3f} mA (bound +-{100 * MA_STEADY:.0f} % for {MA_STEADY_FOR_S:.1f} s)"
        ),
        first="let the filament warm up, then resume; if it comes again, service",
        persists_for_s=MA_STEADY_FOR_S,
        swings=True,
        waits_for=UNIT,
    ),
    Rule(
        id="beam_lost",
        hazards=("design-A2", "fault-G3", "engineering-G7"),
        when=When.BEAM,
        needs=MONITOR | FLAGS,
        question=lambda look: not beam_lost(look),
        wrong=_lost_words,
        first="look for an arc; resume only if the generator is sound",
        waits_for=UNIT,
    ),
    Rule(
        id="hv_uncommanded",
        hazards=("engineering-G1", "fault-G5", "fault-G6", "design-A8"),
        when=When.NO_BEAM,
        question=_commanded,
        wrong=lambda look: "high voltage that nobody asked for: " + "; ".join(_uncommanded(look)),
        first="press the emergency stop and switch the generator off at the mains",
        trip=Trip.HV_UNCOMMANDED,
        clears=Clears.BY_SERVICE,
    ),
)
