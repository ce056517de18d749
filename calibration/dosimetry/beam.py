"""What is measured of the beam itself: end effect by two or many exposures, tail, ramp, half-value layers, linearity, reproducibility.
It knows readings, times and layers; the careful two-exposure procedure with its uncertainty is calibration/end_effect.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev
from typing import Final

from calibration import formulas
from calibration.dosimetry.units import (
    Kilovolts,
    Milliamperes,
    Milligrays,
    MilligraysPerSecond,
    MillimetresAl,
    Nanocoulombs,
    Seconds,
    bare,
)  # fmt: skip

LEAST_READINGS: Final = 5
MOST_COV: Final = 0.005
LINEAR_WARN, LINEAR_STOP = 0.01, 0.02


def two_exposures(t_1: Seconds, m_1: float, t_2: Seconds, m_2: float) -> tuple[Seconds, float]:
    """(end effect, rate per s in the readings' unit) from one short and one long exposure."""
    dt, rate = formulas.two_exposures(bare(Seconds, t_1), m_1, bare(Seconds, t_2), m_2)
    return Seconds(dt), rate


def two_exposures_u(relative: float, t_1: Seconds, t_2: Seconds, dt: Seconds) -> Seconds:
    """Standard uncertainty of that end effect when each reading has the relative one `relative`."""
    return Seconds(formulas.two_exposures_u(relative, bare(Seconds, t_1), bare(Seconds, t_2), bare(Seconds, dt)))


def many_exposures(total: Seconds, starts: int, m_many: float, m_single: float) -> Seconds:
    """End effect from `starts` exposures of `total` in all against a single one of `total`. The total is of all parts, never one part (E8)."""
    if starts < 2:
        raise ValueError(f"{starts} starts show no end effect; take at least 2")
    return Seconds(formulas.many_exposures(bare(Seconds, total), starts, m_many, m_single))


def tail(
    nanofarads: float, kv: Kilovolts, ma: Milliamperes, exponent: float, latency: Seconds, rate: MilligraysPerSecond
) -> Milligrays:
    """Dose after off: full rate for the latency, then the cable's linear discharge with output as kV to the exponent."""
    numbers = bare(Kilovolts, kv), bare(Milliamperes, ma), exponent, bare(Seconds, latency)
    return Milligrays(formulas.tail(nanofarads, *numbers, bare(MilligraysPerSecond, rate)))


def ramp_loss(ramp: Seconds, exponent: float) -> Seconds:
    """Beam time lost in a linear ramp."""
    return Seconds(formulas.ramp_loss(bare(Seconds, ramp), exponent))


def layer(stack: Sequence[tuple[MillimetresAl, float]], part: float = 0.5) -> MillimetresAl:
    """The thickness that leaves `part` of the first reading: 0.5 for the HVL, by interpolation of the logarithm between the layers around it."""
    thick = [bare(MillimetresAl, one) for one, _ in stack]
    readings = [reading for _, reading in stack]
    if thick[0] != 0.0 or sorted(set(thick)) != thick:
        raise ValueError(f"{thick} mm Al does not ascend from 0; begin without an absorber and add layers")
    if min(readings) <= 0.0 or any(b >= a for a, b in pairwise(readings)):
        raise ValueError(f"readings {readings} do not fall with every layer; measure again")
    goal = math.log(part * readings[0])
    for at in range(1, len(readings)):
        before, here = math.log(readings[at - 1]), math.log(readings[at])
        if here <= goal:
            return MillimetresAl(thick[at - 1] + (before - goal) / (before - here) * (thick[at] - thick[at - 1]))
    raise ValueError(f"the last reading {readings[-1]} is above {part:g} of {readings[0]}; add a thicker layer")


def half_value_layers(stack: Sequence[tuple[MillimetresAl, float]]) -> tuple[MillimetresAl, MillimetresAl]:
    """First and second half-value layer; the stack must reach a quarter."""
    first = layer(stack)
    return first, layer(stack, 0.25) - first


def variation(readings: Sequence[Nanocoulombs]) -> float:
    """Coefficient of variation of repeated readings. ValueError: fewer than 5, or above 0.5 %."""
    values = [bare(Nanocoulombs, one) for one in readings]
    if len(values) < LEAST_READINGS:
        raise ValueError(f"{len(values)} readings are fewer than {LEAST_READINGS}; expose again")
    mean = fmean(values)
    if mean == 0.0:
        raise ValueError("the readings are 0 in the mean; connect the chamber, and expose again")
    cov = abs(stdev(values) / mean)
    if cov > MOST_COV:
        raise ValueError(
            f"the readings vary by {100 * cov:.2f} %, above {100 * MOST_COV:g} %; warm up, and expose again"
        )
    return cov


def nonlinearity(per_unit: Sequence[float]) -> float:
    """(max - min) / (max + min) of readings for each mA or s. ValueError above 2 %; above 1 % it is worth a warning (LINEAR_WARN)."""
    value = formulas.nonlinearity(per_unit)
    if value > LINEAR_STOP:
        raise ValueError(
            f"linearity is off by {100 * value:.2f} %, above {100 * LINEAR_STOP:g} %; have the service look"
        )
    return value
