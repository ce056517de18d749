"""The arithmetic of a calibration certificate, every factor once: from electrometer readings to dose rate, end effect, tail, set time and uncertainty.
It reads no file and no instrument, and shares no code with controller/settings.py, so that each can be held against the other.

Interpolation is linear and never goes beyond a table. Symbols and their order follow the AAPM TG-61 in-air method as set out in docs/dose.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, linear_regression
from types import MappingProxyType

AIR_FORMS = MappingProxyType({"22C": (273.2, 22.0, 101.33), "20C": (273.15, 20.0, 101.325)})
"""0 degC in K, reference temperature in degC and pressure in kPa, with the digits that each protocol prints."""
P_ION_LEAST, P_ION_MOST = 0.998, 1.02


def p_tp(temperature_c: float, pressure_kpa: float, form: str) -> float:
    """Air density correction of a vented chamber; `form` "22C" (AAPM) or "20C" (IAEA, DIN), as its calibration says. Mixing them is 0.68 %."""
    if form not in AIR_FORMS:
        raise ValueError(f"form {form!r} is none of {', '.join(AIR_FORMS)}; see the chamber's calibration certificate")
    zero_k, reference_c, reference_kpa = AIR_FORMS[form]
    return (zero_k + temperature_c) / (zero_k + reference_c) * reference_kpa / pressure_kpa


def p_pol(operating_nc: float, opposite_nc: float) -> float:
    """Polarity correction from readings at both polarities, of opposite sign."""
    if operating_nc * opposite_nc >= 0:
        raise ValueError(f"readings {operating_nc} and {opposite_nc} nC do not have opposite signs; enter them as read")
    return (abs(operating_nc) + abs(opposite_nc)) / (2 * abs(operating_nc))


def p_ion(high_v: float, low_v: float, high_nc: float, low_nc: float) -> float:
    """Recombination in a continuous beam by two voltages; refused outside 0.998 to 1.02."""
    square = (high_v / low_v) ** 2
    if low_nc * high_nc <= 0.0 or high_nc / low_nc >= square:
        raise ValueError(f"readings {high_nc} and {low_nc} nC do not belong to {high_v:g} and {low_v:g} V; read again")
    factor = (1 - square) / (high_nc / low_nc - square)
    if not P_ION_LEAST <= factor <= P_ION_MOST:
        raise ValueError(f"P_ion {factor:.4f} is outside {P_ION_LEAST} to {P_ION_MOST}; check chamber and voltages")
    return factor


def linear(points: Sequence[tuple[float, float]], x: float) -> float:
    """Linear between ascending points; ValueError outside them, and where a point stands there twice."""
    if any(high[0] <= low[0] for low, high in pairwise(points)):
        raise ValueError(f"{[at for at, _ in points]} do not ascend: a point stands there twice; take one out")
    if not points[0][0] <= x <= points[-1][0]:
        raise ValueError(f"{x} is outside the table, {points[0][0]} to {points[-1][0]}; nothing is extrapolated")
    for low, high in pairwise(points):
        if x <= high[0]:
            share = (x - low[0]) / (high[0] - low[0])
            return (1 - share) * low[1] + share * high[1]
    return points[0][1]


def b_w(
    table: Mapping[float, Mapping[float, Mapping[float, float]]], hvl_mm: float, diameter_mm: float, ssd_mm: float
) -> float:
    """Backscatter factor from table[HVL][diameter][SSD], mm: linear in SSD, then diameter, then HVL."""
    by_hvl = []
    for hvl, fields in sorted(table.items()):
        by_diameter = [(d, linear(sorted(ssds.items()), ssd_mm)) for d, ssds in sorted(fields.items())]
        by_hvl.append((hvl, linear(by_diameter, diameter_mm)))
    return linear(by_hvl, hvl_mm)


def corrected_nc(readings_nc: Sequence[float], leakage_nc: float, *factors: float) -> float:
    """M: mean reading less leakage over the same time, times p_tp, p_ion, p_pol, p_elec."""
    return (fmean(readings_nc) - leakage_nc) * math.prod(factors)


def air_kerma_rate(
    m_nc: float, n_k: float, p_stem: float, chamber_mm: float, plane_mm: float, set_s: float, dt_s: float
) -> float:
    """Air kerma rate at the applicator plane, per s in n_k's unit per nC; `chamber_mm` from focus to the chamber's reference point."""
    return m_nc * n_k * p_stem * (chamber_mm / plane_mm) ** 2 / (set_s + dt_s)


def surface_rate(air_kerma: float, backscatter: float, mu_ratio: float) -> float:
    """Dose rate to water at the surface from air kerma rate IN AIR; a rate measured in water at the surface takes neither factor."""
    return air_kerma * backscatter * mu_ratio


def depth_factor(pdd_pct: float, depth_mm: float, gap_mm: float, ssd_mm: float, cutout: float) -> float:
    """F = D_Rx / D0 of an open applicator; gap above 0 is away from the skin."""
    return pdd_pct / 100 * ((ssd_mm + depth_mm) / (ssd_mm + gap_mm + depth_mm)) ** 2 * cutout


def skin_dose(d0: float, gap_mm: float, ssd_mm: float, cutout: float) -> float:
    """Dose at the skin, in d0's unit."""
    return d0 * (ssd_mm / (ssd_mm + gap_mm)) ** 2 * cutout


def set_time(d0: float, r0_per_s: float, dt_s: float, timers_s: Iterable[float] = ()) -> float:
    """Timer setting, s, for what is left of d0 after segments that ran `timers_s`; each start has its own end effect."""
    given = sum(r0_per_s * (t + dt_s) for t in timers_s)
    return (d0 - given) / r0_per_s - dt_s


def two_exposures(t1_s: float, m1: float, t2_s: float, m2: float) -> tuple[float, float]:
    """(dt in s, rate per s) from one short and one long exposure: m = rate (t + dt)."""
    rate = (m2 - m1) / (t2_s - t1_s)
    return m1 / rate - t1_s, rate


def two_exposures_u(relative: float, t1_s: float, t2_s: float, dt_s: float) -> float:
    """Standard uncertainty of that dt, s, when each reading has the relative standard uncertainty `relative`."""
    return math.sqrt(2) * relative * (t1_s + dt_s) * (t2_s + dt_s) / (t2_s - t1_s)


def many_exposures(total_s: float, starts: int, m_many: float, m_single: float) -> float:
    """dt, s, from `starts` exposures of total_s in all, and a single one of total_s; total_s is the total, not one part."""
    return total_s * (m_many - m_single) / (starts * m_single - m_many)


def tail(capacitance_nf: float, kv: float, ma: float, exponent: float, latency_s: float, rate_per_s: float) -> float:
    """Dose after off, in the rate's unit: full rate for the latency, then the cable's linear discharge with output as kV to the exponent."""
    fall_s = capacitance_nf * kv / ma / 1000
    return rate_per_s * (latency_s + fall_s / (exponent + 1))


def ramp_loss(ramp_s: float, exponent: float) -> float:
    """Beam time lost in a linear ramp, s, when output goes as kV to the exponent."""
    return ramp_s * exponent / (exponent + 1)


def combined(parts_pct: Iterable[float]) -> float:
    """Standard uncertainty of a product of independent factors, percent: root of the sum of squares."""
    return math.sqrt(math.fsum(part * part for part in parts_pct))


def rectangular_pct(half_width: float, sensitivity_pct: float = 1.0) -> float:
    """Standard uncertainty of a rectangular distribution of that half-width, percent of the result per unit times sensitivity."""
    return half_width * sensitivity_pct / math.sqrt(3)


def hvl_mm(thick_mm: Sequence[float], readings: Sequence[float]) -> float:
    """Half-value layer, mm, by interpolation of the logarithm between the two layers around half."""
    half = math.log(readings[0] / 2)
    logs = [math.log(r) for r in readings]
    for i in range(1, len(logs)):
        if logs[i] <= half:
            share = (logs[i - 1] - half) / (logs[i - 1] - logs[i])
            return thick_mm[i - 1] + share * (thick_mm[i] - thick_mm[i - 1])
    raise ValueError(f"the last reading {readings[-1]} is above half of {readings[0]}; add a thicker layer")


def straight(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float, float]:
    """Slope and offset of the line of least squares, and by how much, in percent, the worst point lies off it. ValueError: fewer than three points."""
    if len(set(xs)) < 3:
        raise ValueError(f"{len(set(xs))} different points are no line; take three at least")
    slope, offset = linear_regression(xs, ys)
    if slope <= 0.0:
        raise ValueError(f"what is read falls with what is set ({slope:g}); look at the connection")
    return slope, offset, max(abs(100.0 * (y / (offset + slope * x) - 1.0)) for x, y in zip(xs, ys, strict=True))


def nonlinearity(values: Sequence[float]) -> float:
    """(max - min) / (max + min), as for mA linearity."""
    return (max(values) - min(values)) / (max(values) + min(values))
