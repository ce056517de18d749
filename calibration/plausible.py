"""What the numbers of a measurement can be against each other: each bound catches a unit, a place or a paper that is not what was written.
It works out no dose; whatever is within these bounds may still be wrong, and that an audit and a second physicist find."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from calibration.dosimetry import tables
from calibration.dosimetry.budget import Budget
from calibration.dosimetry.units import Millimetres, MillimetresAl
from calibration.equipment import Chamber, unstated
from calibration.measured import MeasuredTable, StepTable

LEAKAGE_PART: Final = 0.005
"""Of a reading."""
POLARITY_PART: Final = 0.02
"""So near to the reading at the operating voltage, with the other sign."""
LOW_V_PART: Final = 0.6
"""Two voltages nearer to each other show no recombination, and would say there is none."""
MGY_CC_PER_NC: Final = 28.3
"""Of dry air: 33.97 J/C over 1.2 kg/m3; a chamber's coefficient times its volume is about this, whatever its model."""
VOLUME_TIMES: Final = 5.0
"""Nominal volumes are rough; pC for nC, Gy for mGy and minutes are much further off."""
SSD_PART: Final = 0.2
"""The measured effective distance lies so near to the plane's."""
BACKSCATTER_PART: Final = 0.05
"""A factor of another table lies so near to the built-in one, where that reaches: applied twice in it, it does not."""
BESIDE_PART: Final = 0.01
"""How far a typed factor may lie outside its neighbours: a short SSD changes it by 0.2 %, the Monte Carlo of our own lay within 1 to 1.7 % of the table."""
MOST_BACKSCATTER: Final = 1.5
"""Of a field larger than any in the table."""
MA_SPAN, TIME_SPAN = 1.5, 3.0
"""Largest over smallest step of a linearity test: steps side by side show nothing."""
LEAST_U_PCT_K2: Final = 2.0
"""Nobody knows the output of a kV beam better; TG-61 says 3.5 % with k = 1."""


def implausible_numbers(m: MeasuredTable, chamber: Chamber, ssd_mm: float) -> Iterator[str]:
    """Why they cannot be so, and what to do first."""
    mean = math.fsum(one.nc for one in m.readings) / len(m.readings)
    if mean == 0.0:
        yield "the readings are 0 nC in the mean; connect the chamber, and expose again"
        return
    for name, nc, wanted, part in (
        ("leakage_nc", m.leakage_nc, 0.0, LEAKAGE_PART),
        ("opposite_nc", m.opposite_nc, -mean, POLARITY_PART),
    ):
        if abs(nc - wanted) > part * abs(mean):
            yield f"{name} = {nc:g}: is more than {100 * part:g} % of {mean:.4f} nC from {wanted:.4f} nC; see to cable and voltage, and read again"
    if m.low_v > LOW_V_PART * m.operating_v:
        yield f"low_v = {m.low_v:g}: is above {LOW_V_PART:g} of {m.operating_v:g} V; take half of it"
    if chamber.vented and unstated(chamber):
        yield unstated(chamber)
    for row in chamber.nk:
        times = row.mgy_per_nc * chamber.volume_cc / MGY_CC_PER_NC
        if not 1.0 / VOLUME_TIMES <= times <= VOLUME_TIMES:
            yield (
                f"{chamber.id}: {row.mgy_per_nc:g} mGy/nC and {chamber.volume_cc:g} cc do not go together: air gives {MGY_CC_PER_NC:g} mGy cc/nC; "
                "look at both units"
            )
    if abs(ssd_mm / m.plane_to_focus_mm - 1.0) > SSD_PART:
        yield f"plane_to_focus_mm = {m.plane_to_focus_mm:g}: is more than {100 * SSD_PART:g} % from the effective SSD {ssd_mm:g} mm; measure both again"
    if m.chamber_ref_to_focus_mm < m.plane_to_focus_mm:
        yield f"chamber_ref_to_focus_mm = {m.chamber_ref_to_focus_mm:g}: is nearer than the plane, {m.plane_to_focus_mm:g} mm; see that they are not exchanged"
    yield from _span("mA", m.ma_steps, MA_SPAN)
    yield from _span("time", m.time_steps, TIME_SPAN)


def implausible_backscatter(m: MeasuredTable, hvl: MillimetresAl, ssd_mm: float) -> Iterator[str]:
    """A typed factor against the table's, where the table has one."""
    if m.backscatter is None:
        return
    try:
        table = tables.b_w(hvl, Millimetres(m.field_mm), Millimetres(ssd_mm)).value
    except ValueError:
        return
    if abs(m.backscatter.value / table - 1.0) > BACKSCATTER_PART:
        yield f"backscatter.value = {m.backscatter.value:g}: {100 * BACKSCATTER_PART:g} % and more from the table's {table:.4f}; see that it is applied once"


def outside_neighbours(value: float, hvl: MillimetresAl, field_mm: float) -> Iterator[str]:
    """Why a factor that the table has not cannot be so: it does not lie between the table's for smaller and larger fields at any SSD that is there."""
    sizes = sorted({size for fields in tables.B_W.values() for size in fields})
    below = [size for size in sizes if size <= field_mm][-1:]
    above = [size for size in sizes if size >= field_mm][:1]
    least = min(_at_any_ssd(hvl, below[0])) if below else 1.0
    most = max(_at_any_ssd(hvl, above[0])) if above else MOST_BACKSCATTER
    if not least * (1.0 - BESIDE_PART) <= value <= most * (1.0 + BESIDE_PART):
        yield (
            f"backscatter.value = {value:g}: the fields next to {field_mm:g} mm have {least:.4f} to {most:.4f}; "
            "see from which table it is, and that it is applied once"
        )


def _at_any_ssd(hvl: MillimetresAl, size: float) -> list[float]:
    """The table's factors of one field size at every SSD that it has at this beam."""
    values = []
    for ssd in sorted({ssd for fields in tables.B_W.values() for ssd in fields[size]}):
        try:
            values.append(tables.b_w(hvl, Millimetres(size), Millimetres(ssd)).value)
        except ValueError:
            continue
    if not values:
        raise ValueError(
            f"the table has no backscatter for {size:g} mm at {hvl.value:.2f} mm Al; see the half-value layer"
        )
    return values


def implausible_budget(budget: Budget) -> Iterator[str]:
    """An uncertainty that nobody reaches: a term was left out, or stated as 0."""
    if budget.u_pct_k2 < LEAST_U_PCT_K2:
        yield f"the uncertainty comes to {budget.u_pct_k2:.2f} % (k = 2), below {LEAST_U_PCT_K2:g} %; state every term of the budget as it is"


def _span(name: str, steps: Sequence[StepTable], times: float) -> Iterator[str]:
    low, high = (pick(step.at for step in steps) for pick in (min, max))
    if high < times * low:
        yield f"the linearity test in {name} is from {low:g} to {high:g} only; let the largest step be {times:g} times the smallest"
