"""Rules about dose: chamber supply, saturation, rates, channels against each other and the model, time limits, air, leakage.
They compare figures that the controller worked out (the last tick's) and counters as read; they correct nothing."""

from __future__ import annotations

import math
from typing import Final

from hal.machine import Fitted
from hal.readings import Health, Readings, Termination, UnitSlow
from interlocks import cold
from interlocks.backup_timer import bound_s, longest_s
from interlocks.bands import BANDS, Bands
from interlocks.generator_rules import seen_counts
from interlocks.look import RATE_WINDOW_S, SLOW, UNIT, Look, When, air_over_pressure
from interlocks.rule import Rule
from interlocks.words import Clears, Terms, Trip

HT: Final = Health.HT1.value | Health.HT2.value
STUCK: Final = Health.STUCK1.value | Health.STUCK2.value
SATURATED: Final = Health.SATURATED1.value | Health.SATURATED2.value
AIR_OK: Final = Health.PRESSURE_OK.value | Health.TEMPERATURE_OK.value
RATE_FOR_S: Final = 0.02
"""The rates are over 100 ms already; two ticks more keep one damaged status from being a trip."""
CHANNELS_MGY: Final = 10.0
MODEL_MGY: Final = 20.0
"""Below these floors a percentage says nothing (docs/dose.md)."""
BAD_SAMPLES: Final = 3
DRIFT: Final = 0.005
DRIFT_FIRST: Final = "unload, let the head's temperature settle, then load or resume"
PRESSURE_KPA: Final = (60.0, 110.0)
TEMPERATURE_C: Final = (10.0, 40.0)
LEAK_OF_R0: Final = 0.005
LEAK_FACTOR: Final = 3.0
LEAK_FOR_S: Final = 1.5
"""Longer than the slow block's period: two measurements must say so."""


def _supply(look: Look) -> bool:
    return look.unit.health & (HT | STUCK) == HT


def _supply_words(look: Look) -> str:
    health = look.unit.health
    return "; ".join(
        f"chamber {n} has no high tension"
        if not health & ht
        else f"chamber {n} is stuck"
        if health & stuck
        else f"chamber {n} is sound"
        for n, ht, stuck in ((1, Health.HT1, Health.STUCK1), (2, Health.HT2, Health.STUCK2))
    )


def _rate_words(rates: tuple[float, float], look: Look, bound: str) -> str:
    return (
        f"dose rates {rates[0]:.2f} and {rates[1]:.2f} mGy/s, certified {look.terms.r0_mgy_per_s:.2f} mGy/s ({bound})"
    )


def _believed(look: Look) -> tuple[float, float]:
    """What the meter made of the counts that it took."""
    return look.dose.rate_1_mgy_per_s, look.dose.rate_2_mgy_per_s


def _highest(look: Look) -> tuple[float, float]:
    """The same, or what was counted where that is more: counts that are too many to be believed leave the meter a rate of nothing (engineering-G8)."""
    t, (rate_1, rate_2) = look.terms, _believed(look)
    counted_1, counted_2 = look.cps_1 * t.n1_mgy_per_count, look.cps_2 * t.n2_mgy_per_count * t.k_tp
    return counted_1 if counted_1 > rate_1 else rate_1, counted_2 if counted_2 > rate_2 else rate_2


def _bands(look: Look) -> Bands:
    return BANDS[look.terms.purpose]


def _high(look: Look) -> bool | None:
    if _bands(look).cold:
        return _dark(look)
    bound, (rate_1, rate_2) = _bands(look).rate_high * look.terms.r0_mgy_per_s, _highest(look)
    return rate_1 <= bound and rate_2 <= bound


def _dark_bounds(look: Look) -> tuple[float, float]:
    """Counts in 100 ms over a cold filament: those of a leakage at its bound, and some for the counting."""
    bound_1, bound_2 = _leak_bounds(look)
    return bound_1 + cold.COUNTS, bound_2 + cold.COUNTS


def _dark(look: Look) -> bool | None:
    """Neither chamber counts more than in the dark, now or over the whole exposure; a rate that is not known is no dark one."""
    if math.isnan(look.cps_1) or math.isnan(look.cps_2):
        return None
    (bound_1, bound_2), d = _dark_bounds(look), look.dose
    return (
        0.1 * look.cps_1 <= bound_1
        and 0.1 * look.cps_2 <= bound_2
        and d.d1_mgy <= cold.DOSE_MGY
        and d.d2_mgy <= cold.DOSE_MGY
    )


def _high_words(look: Look) -> str:
    if not _bands(look).cold:
        return _rate_words(_highest(look), look, f"bound {100 * _bands(look).rate_high:.0f} %")
    (bound_1, bound_2), d = _dark_bounds(look), look.dose
    return (
        f"radiation where none was asked: the chambers count {0.1 * look.cps_1:.1f} and {0.1 * look.cps_2:.1f} in 100 ms "
        f"(bounds {bound_1:.1f} and {bound_2:.1f}), {d.d1_mgy:.2f} and {d.d2_mgy:.2f} mGy in all (bound {cold.DOSE_MGY:g} mGy)"
    )


def _low(look: Look) -> bool:
    bound = _bands(look).rate_low * look.terms.r0_mgy_per_s
    return look.dose.rate_1_mgy_per_s >= bound and look.dose.rate_2_mgy_per_s >= bound


def _signal(look: Look) -> bool | None:
    if math.isnan(look.cps_1) or math.isnan(look.cps_2):
        return None
    return look.cps_1 > 0.0 and look.cps_2 > 0.0


def _dosed(look: Look) -> bool | None:
    if math.isnan(look.cps_1) or math.isnan(look.cps_2):
        return None
    bound_1, bound_2 = seen_counts(look)
    return look.cps_1 > 10.0 * bound_1 and look.cps_2 > 10.0 * bound_2


def _count_words(look: Look) -> str:
    return f"chambers count {look.cps_1:.0f} and {look.cps_2:.0f} in 1 s with high voltage on"


def _near(a: float, b: float, part: float, floor: float) -> bool:
    larger = a if a > b else b
    return abs(a - b) <= (part * larger if part * larger > floor else floor)


def _channels(look: Look) -> bool:
    return _near(look.dose.d1_mgy, look.dose.d2_mgy, _bands(look).channels, CHANNELS_MGY)


def _model(look: Look) -> bool:
    d, bands = look.dose, _bands(look)
    if look.terms.termination is Termination.TIME:
        return _near(d.dt_mgy, d.dm_mgy, bands.model, MODEL_MGY)
    return _near(d.d1_mgy, d.dm_mgy, bands.primary, MODEL_MGY) and _near(d.d1_mgy, d.dt_mgy, bands.primary, MODEL_MGY)


def _model_words(look: Look) -> str:
    d, bands = look.dose, _bands(look)
    if look.terms.termination is Termination.TIME:
        return f"timer {d.dt_mgy:.1f} mGy, kV-mA model {d.dm_mgy:.1f} mGy (bound {100 * bands.model:.0f} % or {MODEL_MGY:.0f} mGy)"
    return (
        f"channel 1 {d.d1_mgy:.1f} mGy, kV-mA model {d.dm_mgy:.1f}, timer {d.dt_mgy:.1f} mGy "
        f"(bound {100 * bands.primary:.0f} % or {MODEL_MGY:.0f} mGy)"
    )


def _timer_given(look: Look) -> bool:
    """Where the timer is the primary, what it stands for is held against what a chamber counted; in *monitor* the model's rule does that."""
    if look.terms.termination is not Termination.TIME:
        return True
    return _near(look.dose.dt_mgy, look.dose.d1_mgy, _bands(look).primary, MODEL_MGY)


def _backup(look: Look) -> bool:
    return longest_s(look.memory.beam_time, look.unit.beam_ms) <= bound_s(look.terms.timer_limit_s)


def _backup_words(look: Look) -> str:
    used = longest_s(look.memory.beam_time, look.unit.beam_ms)
    return (
        f"{used:.2f} s of beam in this fraction, the backup timer's bound is {bound_s(look.terms.timer_limit_s):.2f} s"
    )


def _air(look: Look) -> bool:
    slow = look.slow
    in_range = (
        PRESSURE_KPA[0] <= slow.pressure_kpa <= PRESSURE_KPA[1]
        and TEMPERATURE_C[0] <= slow.temperature_c <= TEMPERATURE_C[1]
    )
    return in_range and look.unit.health & AIR_OK == AIR_OK


def drift(look: Look) -> float:
    """By what part k_TP has changed since the loading, where the one in force was taken; NaN when either is not known. Another set-up of the same
    settings brings no new k_TP, and so begins no new drift."""
    return drift_of(look.slow, look.terms)


def drift_of(slow: UnitSlow, terms: Terms) -> float:
    """The same, of a reading and what was loaded."""
    loaded = terms.air_k_per_kpa
    return air_over_pressure(slow) / loaded - 1.0 if loaded > 0.0 else math.nan


def drift_words(part: float) -> str:
    """How far it has gone."""
    return f"k_TP has drifted by {100 * part:+.2f} % since the loading (bound {100 * DRIFT:.1f} %)"


def drifted(readings: Readings, terms: Terms, fitted: Fitted) -> str:
    """Why these settings are not offered: confirmed they would be refused; empty where the air has not gone so far, or nobody asks."""
    if not terms.vented_2 or not fitted & Fitted.AIR or readings.slow is None:
        return ""
    part = drift_of(readings.slow, terms)
    return "" if abs(part) <= DRIFT else f"{drift_words(part)}; first: {DRIFT_FIRST}"


def _leak_bounds(look: Look) -> tuple[float, float]:
    """Counts in 100 ms: 0.5 % of R0 or three times the certified leakage, and one count for the counting."""
    t = look.terms
    return (
        1.0 + 0.1 * max(LEAK_OF_R0 * t.r0_mgy_per_s / t.n1_mgy_per_count, LEAK_FACTOR * t.leak1_cps),
        1.0 + 0.1 * max(LEAK_OF_R0 * t.r0_mgy_per_s / t.n2_mgy_per_count, LEAK_FACTOR * t.leak2_cps),
    )


def _leakage(look: Look) -> bool:
    bound_1, bound_2 = _leak_bounds(look)
    return look.slow.rate_1 <= bound_1 and look.slow.rate_2 <= bound_2


def _leak_measured(look: Look) -> bool:
    """Whether the last measurement holds none of the beam before, nor of its cable's discharge."""
    return look.slow.asked_at_s >= look.quiet_from_s + RATE_WINDOW_S


def _measured_words(look: Look) -> str:
    return (
        _leak_words(look) if _leak_measured(look) else "the chambers' leakage has not been measured since the last beam"
    )


def _leak_words(look: Look) -> str:
    bound_1, bound_2 = _leak_bounds(look)
    return f"without beam the chambers count {look.slow.rate_1} and {look.slow.rate_2} in 100 ms (bounds {bound_1:.1f} and {bound_2:.1f})"


DOSE_RULES: Final = (
    Rule(
        id="chamber_supply",
        hazards=("engineering-G17", "fault-D1"),
        stands_on=Fitted.CHAMBER_SUPPLY,
        when=When.ALWAYS,
        needs=UNIT,
        question=_supply,
        wrong=_supply_words,
        first="check the chambers' supply: service",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_PHYSICIST,
    ),
    Rule(
        id="chamber_saturation",
        hazards=("Therac-T6", "fault-D4"),
        stands_on=Fitted.CHAMBERS,
        when=When.ALWAYS,
        needs=UNIT,
        question=lambda look: not look.unit.health & SATURATED,
        wrong=lambda look: f"a chamber is saturated: its dose is high, not low (health bits {look.unit.health:#04x})",
        first="do not go on; the physicist decides on the dose",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_PHYSICIST,
    ),
    Rule(
        id="dose_rate_high",
        hazards=("Therac-T6", "engineering-G8", "fault-D4"),
        stands_on=Fitted.CHAMBERS,
        when=When.BEAM,
        question=_high,
        wrong=_high_words,
        first="do not go on: check filter and applicator; the physicist decides on the dose",
        persists_for_s=RATE_FOR_S,
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_PHYSICIST,
    ),
    Rule(
        id="dose_rate_low",
        hazards=("Therac-T6", "fault-D1"),
        stands_on=Fitted.CHAMBERS,
        when=When.RATED,
        question=_low,
        wrong=lambda look: _rate_words(_believed(look), look, f"bound {100 * _bands(look).rate_low:.0f} %"),
        first="look at kV, mA and the chambers before resuming",
        persists_for_s=RATE_FOR_S,
    ),
    Rule(
        id="no_signal",
        hazards=("accident-A6", "fault-D1"),
        stands_on=Fitted.CHAMBERS,
        when=When.SIGNAL,
        needs=UNIT,
        question=_signal,
        wrong=_count_words,
        first="a chamber is dead: call the physicist",
    ),
    Rule(
        id="no_dose",
        hazards=("fault-G10", "fault-D1"),
        stands_on=Fitted.CHAMBERS,
        when=When.DOSE,
        needs=UNIT,
        question=_dosed,
        wrong=_count_words,
        first="look at kV, mA and the chambers before resuming",
    ),
    Rule(
        id="dose_channels",
        hazards=("accident-A8", "fault-D2"),
        stands_on=Fitted.CHAMBERS,
        when=When.DOSED,
        question=_channels,
        wrong=lambda look: (
            f"channel 1 {look.dose.d1_mgy:.1f} mGy, channel 2 {look.dose.d2_mgy:.1f} mGy "
            f"(bound {100 * _bands(look).channels:.0f} % or {CHANNELS_MGY:.0f} mGy)"
        ),
        first="do not go on; the physicist decides on the dose",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_PHYSICIST,
    ),
    Rule(
        id="dose_model",
        hazards=("fault-D3", "fault-L10"),
        when=When.DOSED,
        question=_model,
        wrong=_model_words,
        first="do not go on; the physicist decides on the dose",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_PHYSICIST,
    ),
    Rule(
        id="dose_timer",
        hazards=("fault-X4", "fault-G2"),
        stands_on=Fitted.CHAMBERS,
        when=When.DOSED,
        question=_timer_given,
        wrong=lambda look: (
            f"timer {look.dose.dt_mgy:.1f} mGy, channel 1 {look.dose.d1_mgy:.1f} mGy (bound {100 * _bands(look).primary:.0f} % or {MODEL_MGY:.0f} mGy)"
        ),
        first="do not go on; the physicist decides on the dose",
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_PHYSICIST,
    ),
    Rule(
        id="bad_samples",
        hazards=("fault-L3", "fault-D8"),
        when=When.BEAM,
        question=lambda look: look.dose.bad_samples < BAD_SAMPLES,
        wrong=lambda look: f"{look.dose.bad_samples} dose samples refused within 1 s (bound {BAD_SAMPLES})",
        first="look at the links and the chambers before resuming",
    ),
    Rule(
        id="backup_timer",
        hazards=("engineering-G2", "engineering-G26", "design-A5"),
        when=When.CONFIRMED,
        needs=UNIT,
        question=_backup,
        wrong=_backup_words,
        first="do not go on; the physicist decides on the dose",
        trip=Trip.TIME_END,
        clears=Clears.BY_PHYSICIST,
    ),
    Rule(
        id="overdue",
        hazards=("design-A5", "accident-A8"),
        when=When.BEAM,
        question=lambda look: not look.dose.overdue,
        wrong=lambda _look: "the safety unit let its preset go by; this computer ended the beam",
        first="do not go on; the physicist decides on the dose, service looks at the safety unit",
        trip=Trip.TIME_END,
        clears=Clears.BY_PHYSICIST,
    ),
    Rule(
        id="air",
        hazards=("engineering-G18",),
        stands_on=Fitted.AIR,
        when=When.VENTED,
        needs=UNIT | SLOW,
        question=_air,
        wrong=lambda look: (
            f"pressure {look.slow.pressure_kpa:.2f} kPa (bounds {PRESSURE_KPA[0]:.0f} to {PRESSURE_KPA[1]:.0f}), temperature "
            f"{look.slow.temperature_c:.1f} C (bounds {TEMPERATURE_C[0]:.0f} to {TEMPERATURE_C[1]:.0f}), health bits {look.unit.health:#04x}"
        ),
        first="check barometer and thermometer",
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="k_tp_drift",
        hazards=("engineering-G18", "fault-D7"),
        stands_on=Fitted.AIR,
        when=When.CONFIRMED_VENTED,
        needs=SLOW,
        question=lambda look: abs(drift(look)) <= DRIFT,
        wrong=lambda look: drift_words(drift(look)),
        first=DRIFT_FIRST,
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="leakage",
        hazards=("fault-D6", "engineering-G17"),
        stands_on=Fitted.CHAMBERS,
        when=When.LEAKAGE,
        needs=SLOW,
        question=_leakage,
        wrong=_leak_words,
        first="let the chambers settle; if it stays, service",
        persists_for_s=LEAK_FOR_S,
        while_beam=False,
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="leakage_at_start",
        hazards=("fault-D6",),
        stands_on=Fitted.CHAMBERS,
        when=When.BEFORE_ARM,
        needs=SLOW,
        question=lambda look: _leak_measured(look) and _leakage(look),
        wrong=_measured_words,
        first="wait for the next measurement, which takes a second or two; if it stays, service",
        while_beam=False,
        clears=Clears.BY_ITSELF,
    ),
)
