"""What may be confirmed at all: absolute bounds in code, narrowed by machine, purpose, applicator and fraction; the most restrictive wins.
It knows no device and no fraction, and it never moves a value into its bounds: it says what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from hal.errors import ConfigurationError
from hal.readings import Purpose
from interlocks import cold
from interlocks.words import Limits, Terms

ABSOLUTE: Final = Limits(
    kv_min=10.0,
    kv_max=100.0,
    ma_min=0.05,
    ma_max=20.0,
    rx_max_mgy=20_000.0,
    skin_max_mgy=25_000.0,
    time_min_s=3.0,
    time_max_s=900.0,
    power_max_w=1000.0,
    mas_max=18_000.0,
    mas_hour_max=36_000.0,
)
"""Bounds that no configuration widens: the generator class is 50-100 kV (lower only for conditioning), 20 Gy the largest fraction, 3 s the shortest
set time for which R(t + dt) holds (docs/dose.md). Charge of an exposure: the largest current for the longest time; of an hour, half of that hour."""

MODES: Final[dict[Purpose, Limits]] = {
    Purpose.TREAT: ABSOLUTE,
    Purpose.DAILY: msgspec.structs.replace(ABSOLUTE, rx_max_mgy=10_000.0, skin_max_mgy=12_500.0, time_max_s=300.0),
    Purpose.WARMUP: ABSOLUTE,
    Purpose.CALIBRATE: msgspec.structs.replace(ABSOLUTE, time_max_s=300.0, mas_max=300.0, mas_hour_max=3_000.0),
    Purpose.DRY_RUN: msgspec.structs.replace(
        ABSOLUTE,
        rx_max_mgy=0.0,
        skin_max_mgy=0.0,
        time_max_s=cold.SECONDS,
        power_max_w=0.0,
        mas_max=0.0,
        mas_hour_max=0.0,
    ),
}
"""What each purpose may be at most: a check needs less than a treatment, a warm-up the whole range of the tube. A calibration too, but only so much charge in
an exposure and in an hour: 5 mA for a minute, 1.6 mA for half an hour. Its dose is of a tube that nobody has measured, so its charge is what is bounded.
A dry run has neither dose nor charge; its mA is 0, for which no least mA is asked (interlocks/cold.py)."""

LARGEST: Final = (
    "kv_max",
    "ma_max",
    "rx_max_mgy",
    "skin_max_mgy",
    "time_max_s",
    "power_max_w",
    "mas_max",
    "mas_hour_max",
)
SMALLEST: Final = ("kv_min", "ma_min", "time_min_s")

BOUNDS: Final[dict[str, tuple[str | None, str | None]]] = {
    "kv": ("kv_min", "kv_max"),
    "ma": ("ma_min", "ma_max"),
    "rx_mgy": (None, "rx_max_mgy"),
    "skin_mgy": (None, "skin_max_mgy"),
    "time_s": ("time_min_s", "time_max_s"),
    "power_w": (None, "power_max_w"),
    "mas": (None, "mas_max"),
    "mas_hour": (None, "mas_hour_max"),
}
"""Which bounds apply to which value of `check`."""

POSITIVE: Final = ("r0_mgy_per_s", "n1_mgy_per_count", "n2_mgy_per_count", "k_tp", "timer_limit_s", "k1_limit_s")
NOT_NEGATIVE: Final = ("leak1_cps", "leak2_cps", "d0_mgy", "ramp_s", "t2_s", "t2d_s")

BACKUP_OVER_TIME: Final = 1.04
BACKUP_OVER_TIME_S: Final = 1.0
"""By how much a backup timer may lie above the longest set time (docs/dose.md)."""


def narrow(absolute: Limits, *others: Limits) -> Limits:
    """The most restrictive of all. ConfigurationError if one of `others` lies outside `absolute`, is not a number, or nothing is left between."""
    values = msgspec.structs.asdict(absolute)
    wrong = [f"{name} is {value}, not a finite number" for name, value in values.items() if not math.isfinite(value)]
    for other in others:
        for name, value in msgspec.structs.asdict(other).items():
            bound = getattr(absolute, name)
            if not math.isfinite(value):
                wrong.append(f"{name} = {value} is not a finite number (bound {bound}); write a number")
            elif value > bound if name in LARGEST else value < bound:
                wrong.append(
                    f"{name} = {value} widens the absolute limit {bound} (interlocks/limits.py); narrow it or leave it out"
                )
            else:
                values[name] = min(values[name], value) if name in LARGEST else max(values[name], value)
    for low, high in (("kv_min", "kv_max"), ("ma_min", "ma_max"), ("time_min_s", "time_max_s")):
        if not values[low] <= values[high]:
            wrong.append(
                f"{low} = {values[low]} lies above {high} = {values[high]}: nothing could be confirmed; correct one of them"
            )
    if wrong:
        raise ConfigurationError("limits: " + "; ".join(wrong))
    return Limits(**values)


def check(limits: Limits, values: Mapping[str, float], source: str = "limits") -> tuple[str, ...]:
    """What is wrong with these values (names of BOUNDS), as words with value, bound and source; empty when nothing is. An unknown name is wrong."""
    words = []
    for name, value in values.items():
        if name not in BOUNDS:
            words.append(f"{name} has no bound; it may not be confirmed")
            continue
        if not math.isfinite(value):
            words.append(f"{name} = {value} is not a finite number; correct the file that it comes from")
            continue
        low, high = BOUNDS[name]
        if low is not None and not value >= getattr(limits, low):
            words.append(
                f"{name} = {value:g} is below {getattr(limits, low):g} ({low} of {source}); choose a larger one"
            )
        if high is not None and not value <= getattr(limits, high):
            words.append(
                f"{name} = {value:g} is above {getattr(limits, high):g} ({high} of {source}); choose a smaller one"
            )
    return tuple(words)


def check_terms(limits: Limits, terms: Terms) -> tuple[str, ...]:
    """The same for what is about to be set up; a number that is not finite is wrong wherever it stands."""
    words = [
        f"{name} = {value} is not a finite number; load the fraction again"
        for name in Terms.__struct_fields__
        if isinstance(value := getattr(terms, name), float) and not math.isfinite(value)
    ]
    if words:
        return tuple(words)
    words.extend(
        f"{name} = {getattr(terms, name):g} is not above 0; check the certificate"
        for name in POSITIVE
        if not getattr(terms, name) > 0.0
    )
    words.extend(
        f"{name} = {getattr(terms, name):g} is below 0; check the certificate"
        for name in NOT_NEGATIVE
        if not getattr(terms, name) >= 0.0
    )
    values = {
        "kv": terms.kv,
        "ma": terms.ma,
        "skin_mgy": terms.d0_mgy,
        "time_s": terms.set_time_s,
        "power_w": terms.kv * terms.ma,
        "mas": terms.ma * terms.set_time_s,
    }
    if terms.purpose is Purpose.DRY_RUN:
        del values["ma"]
        words.extend(cold.wrong(terms))
    words.extend(check(limits, values))
    longest = max(BACKUP_OVER_TIME * limits.time_max_s, limits.time_max_s + BACKUP_OVER_TIME_S)
    if not terms.timer_limit_s <= longest:
        words.append(
            f"the timer's limit {terms.timer_limit_s:g} s is above {longest:g} s (time_max_s with the backup's margin); load again"
        )
    return tuple(words)
