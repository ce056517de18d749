"""The rule for delivered dose: what each channel says, how far low and high lie apart, and which of them is delivered; all in D0 mGy.
It reads no device and keeps nothing; controller/dose.py feeds it each tick, the records apply it to what a unit retained after a crash."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.prescribed import Quality
from hal.readings import TimerStart

RATE_MAX_OVER_R0: Final = 1.25
"""Highest rate that unknown time is charged with, over the certified one, while the last readings were good (docs/dose.md)."""
SATURATED_OVER_R0: Final = 64.0
"""Highest rate that time with no chamber below its ceiling is charged with: that of a beam without its filter (Therac-T6)."""
BAND_PART: Final = 0.03
BAND_MGY: Final = 20.0
"""low and high within max(3 %, 2 cGy) of each other: the dose can be relied on."""
WARN_PART: Final = 0.015
WARN_CHANNELS_MGY: Final = 10.0
WARN_MODEL_MGY: Final = 20.0
"""People are told of channels that differ by half of what ends the beam; below the floor a percentage says nothing."""
REST_PART: Final = 0.01
REST_MGY: Final = 20.0
K1_OPENS_S: Final = 0.05
"""From K1 told to open until its contact has: where OFF by wire did not follow the unit's end, so much later the cable begins to empty (ADR 0029)."""
CUT_S: Final = 0.02 + K1_OPENS_S
"""From the end of the lease, or of the unit's own power, until the contactor has opened: 20 ms of the unit and 50 ms of it (docs/safety.md)."""
ZERO_CELSIUS_K: Final = 273.15


class Weighed(msgspec.Struct, frozen=True, gc=False):
    """Delivered dose of a segment with its bounds, D0 mGy. UNKNOWN: delivered is high, for a dose is never under-reported."""

    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    quality: Quality


def smallest_rest_mgy(d0_mgy: float) -> float:
    """A rest at or below this is closed, not resumed: max(1 %, 2 cGy)."""
    return max(REST_PART * d0_mgy, REST_MGY)


def air_factor(pressure_kpa: float, temperature_c: float, ref_pressure_kpa: float, ref_temperature_c: float) -> float:
    """k_TP of a vented chamber: what its counts must be multiplied by for air thinner than at its calibration."""
    warmth = (ZERO_CELSIUS_K + temperature_c) / (ZERO_CELSIUS_K + ref_temperature_c)
    return warmth * ref_pressure_kpa / pressure_kpa


def counted(counts: int, counting_s: float, mgy_per_count: float, leak_cps: float, k: float) -> float:
    """Dose of a chamber channel, mGy: counts less the leakage of the time in which it counted, never below 0."""
    dose_mgy = (counts - leak_cps * counting_s) * mgy_per_count * k
    return dose_mgy if dose_mgy > 0.0 else 0.0


def timed(r0_mgy_per_s: float, timer_s: float, dt_s: float) -> float:
    """Dose by the timer of one finished segment, tail included, mGy. Wrong inside the ramp; callers ask `past_ramp` first."""
    return max(0.0, r0_mgy_per_s * (timer_s + dt_s))


def past_ramp(timer_s: float, ramp_s: float, press_to_hv_s: float, start: TimerStart) -> bool:
    """Whether a timer reading lies beyond the ramp, so that rate times time holds."""
    return timer_s >= ramp_s + (press_to_hv_s if start is TimerStart.K1_CLOSED else 0.0)


def uncounted_tail_mgy(tail_mgy: float, r0_mgy_per_s: float) -> float:
    """The most that came after the unit's end where no counter was read since: the certified tail is that of an ordinary end, which OFF by wire follows at
    once; a host that was dead sent none, and the beam lasted until K1 alone had opened."""
    return tail_mgy + RATE_MAX_OVER_R0 * r0_mgy_per_s * K1_OPENS_S


def taken_over(timer_mgy: float, said_mgy: float) -> float:
    """The primary channel in *time* once the timer holds: the timer's dose, never below `said_mgy`, what channel 1 had said at the ramp's end.

    While a beam is watched, what was said is not taken back: a timer that is slow (fault-X3), or a segment that ends with its ramp, would let it fall.
    After a crash nobody watched, the unit does not retain what had been said, and the timer stands alone (`said_mgy` 0). The two differ only until the
    timer has passed that value, by no more than channel 1 and timer differ in the ramp, and both lie between low and high of either.
    """
    return max(timer_mgy, said_mgy)


def weigh(
    primary_mgy: float | None, others_mgy: tuple[float | None, ...], ceiling_mgy: float, unknown_mgy: float
) -> Weighed:
    """Weigh the channels (None: not valid). `ceiling_mgy` is rate_max times beam time, used when no channel is valid;
    `unknown_mgy` rate_max times the time that no channel saw."""
    valid = [d for d in (primary_mgy, *others_mgy) if d is not None]
    if not valid:
        high = ceiling_mgy + unknown_mgy
        return Weighed(high, 0.0, high, Quality.UNKNOWN if high > 0.0 else Quality.GOOD)
    low, high = min(valid), max(valid) + unknown_mgy
    if high - low > max(BAND_PART * high, BAND_MGY):
        return Weighed(high, low, high, Quality.UNKNOWN)
    whole = primary_mgy is not None and None not in others_mgy and unknown_mgy == 0.0
    delivered = primary_mgy if primary_mgy is not None else high
    return Weighed(delivered, low, high, Quality.GOOD if whole else Quality.DEGRADED)


def worse(first: Quality, second: Quality) -> Quality:
    """The worse of two qualities."""
    if first is second:
        return first
    order = (Quality.GOOD, Quality.DEGRADED, Quality.UNKNOWN)
    return order[max(order.index(first), order.index(second))]


def differing(
    d1_mgy: float | None, d2_mgy: float | None, dt_mgy: float | None, dm_mgy: float | None
) -> tuple[str, ...]:
    """What people are told while nothing has tripped yet: the two chambers, and where the timer ends the beam (`dt_mgy`) timer and model, 1.5 % apart.
    None: there is no such channel, or it is none to compare here."""
    told = []
    for one, other, name, against, floor in (
        (d1_mgy, d2_mgy, "channel 1", "channel 2", WARN_CHANNELS_MGY),
        (dt_mgy, dm_mgy, "the timer", "the kV-mA model", WARN_MODEL_MGY),
    ):
        if one is None or other is None or abs(one - other) <= max(WARN_PART * max(one, other), floor):
            continue
        apart = f"{100.0 * (other / one - 1.0):+.2f} % apart" if one else "one shows nothing"
        told.append(f"{name} {one:.1f} mGy, {against} {other:.1f} mGy: {apart} (told above 1.5 %)")
    return tuple(told)
