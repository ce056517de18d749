"""From a chamber's readings to the dose rate at the surface, and from a prescription to time, each factor once and each argument with its unit.
It knows no instrument and no file; the numbers of the tables are calibration/dosimetry/tables.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Final, Literal

from calibration import formulas
from calibration.dosimetry.chain import Chain, Factor, Measures
from calibration.dosimetry.units import (
    Celsius,
    Kilopascals,
    Milligrays,
    MilligraysPerSecond,
    Millimetres,
    Nanocoulombs,
    Seconds,
    Volts,
    bare,
)  # fmt: skip

Form = Literal["22C", "20C"]
SEALED: Final = "sealed chamber: no air density correction"
U_P_TP_PCT, U_P_ION_PCT, U_P_POL_PCT = 0.20, 0.0, 0.0
"""k = 1. P_TP as in E11 (an assumption); polarity and recombination are in the chamber's stated quality term."""


def p_tp(temperature: Celsius, pressure: Kilopascals, form: Form) -> Factor:
    """Air density at a vented chamber, in the reference form of its own calibration: 22 degC and 101.33 kPa, or 20 degC and 101.325 kPa."""
    value = formulas.p_tp(bare(Celsius, temperature), bare(Kilopascals, pressure), form)
    return Factor("p_tp", value, U_P_TP_PCT, f"{temperature}, {pressure}, {form} form")


def no_p_tp() -> Factor:
    """A sealed chamber's."""
    return Factor("p_tp", 1.0, 0.0, SEALED)


def p_ion(high: Volts, low: Volts, at_high: Nanocoulombs, at_low: Nanocoulombs) -> Factor:
    """Recombination in a continuous beam by two voltages; refused outside 0.998 to 1.02."""
    numbers = bare(Volts, high), bare(Volts, low), bare(Nanocoulombs, at_high), bare(Nanocoulombs, at_low)
    if numbers[0] <= numbers[1] or numbers[1] <= 0.0:
        raise ValueError(f"{high} is not above {low}; enter the operating voltage first")
    return Factor("p_ion", formulas.p_ion(*numbers), U_P_ION_PCT, f"two voltages, {high} and {low}")


def p_pol(operating: Nanocoulombs, opposite: Nanocoulombs) -> Factor:
    """Polarity, from readings of opposite sign."""
    value = formulas.p_pol(bare(Nanocoulombs, operating), bare(Nanocoulombs, opposite))
    return Factor("p_pol", value, U_P_POL_PCT, f"both polarities, {operating} and {opposite}")


def net_reading(readings: Sequence[Nanocoulombs], leakage: Nanocoulombs) -> Nanocoulombs:
    """Mean reading less the leakage over the same set time."""
    return Nanocoulombs(fmean(bare(Nanocoulombs, one) for one in readings) - bare(Nanocoulombs, leakage))


def distance(chamber: Millimetres, plane: Millimetres, u_pct: float) -> Factor:
    """(focus to the chamber's reference point / focus to the applicator plane) squared."""
    far, near = bare(Millimetres, chamber), bare(Millimetres, plane)
    if min(far, near) <= 0.0:
        raise ValueError(f"{chamber} and {plane} are distances from the focus; both must be above 0")
    return Factor(
        "distance", (far / near) ** 2, u_pct, f"chamber's point at {chamber}, plane at {plane} from the focus"
    )


def per_second(set_time: Seconds, dt: Seconds, u_pct: float) -> Factor:
    """1 / (set time + end effect)."""
    beam = bare(Seconds, set_time) + bare(Seconds, dt)
    if beam <= 0.0:
        raise ValueError(f"{set_time} with an end effect of {dt} is no beam; expose for longer")
    return Factor("time", 1.0 / beam, u_pct, f"set {set_time}, end effect {dt}")


def rate(measures: Measures, net: Nanocoulombs, factors: Iterable[Factor]) -> Chain:
    """The whole chain to R0 in mGy/s. ValueError when a factor is missing, is there twice, or has no place with this quantity."""
    chain = Chain(measures, bare(Nanocoulombs, net))
    for factor in factors:
        chain = chain.times(factor)
    chain.whole()
    return chain


def depth_factor(pdd_pct: float, depth: Millimetres, gap: Millimetres, ssd: Millimetres, cutout: float) -> float:
    """F = D_Rx / D0 of an open applicator; a gap above 0 is away from the skin."""
    z, g, f = (bare(Millimetres, one) for one in (depth, gap, ssd))
    return formulas.depth_factor(pdd_pct, z, g, f, cutout)


def skin_dose(d0: Milligrays, gap: Millimetres, ssd: Millimetres, cutout: float) -> Milligrays:
    """Dose at the skin of an open applicator."""
    return Milligrays(formulas.skin_dose(bare(Milligrays, d0), bare(Millimetres, gap), bare(Millimetres, ssd), cutout))


def set_time(d0: Milligrays, r0: MilligraysPerSecond, dt: Seconds, timers: Iterable[Seconds] = ()) -> Seconds:
    """Timer setting for what is left of d0 after segments that ran so long; each start has its own end effect."""
    ran = [bare(Seconds, one) for one in timers]
    return Seconds(formulas.set_time(bare(Milligrays, d0), bare(MilligraysPerSecond, r0), bare(Seconds, dt), ran))
