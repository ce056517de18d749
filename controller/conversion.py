"""From the dose prescribed at depth to D0 and the skin: PDD, stand-off and cut-out, each once; bolus is water on the skin.
It interpolates inside measured tables only and refuses everything outside them; it knows no rate and no time."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec

from controller.prescribed import Combination, Prescribed

GAP_LEAST_MM: Final = -5.0
GAP_MOST_MM: Final = 20.0
"""Beyond these the inverse square over the effective distance has not been measured for an open applicator."""
CUTOUT_LEAST: Final = 0.5
CUTOUT_MOST: Final = 1.1
CUTOUT_PART: Final = 0.005
"""The factor that is ordered is that of the cut-out that is named, to its digits."""


class Converted(msgspec.Struct, frozen=True):
    """Prescription in D0."""

    rx_factor: float
    d0_mgy: float
    skin_mgy: float


def interpolated(table: tuple[tuple[float, float], ...], x: float) -> float | None:
    """Linear in the table, None outside it."""
    for (x0, y0), (x1, y1) in pairwise(table):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return table[0][1] if len(table) == 1 and table[0][0] == x else None


def converted(p: Prescribed, c: Combination) -> Converted | tuple[str, ...]:
    """D0 = D_Rx / F with F = PDD/100 x gap x cut-out, and the dose at the skin."""
    found = depth_dose(p, c)
    words, table = ([found], c.pdd) if isinstance(found, str) else ([], found)
    pdd, over_skin = interpolated(table, p.reach_mm), interpolated(table, p.bolus_mm) if p.bolus_mm else 100.0
    if pdd is None or pdd <= 0.0 or over_skin is None:
        under = f" under {p.bolus_mm:g} mm of bolus" if p.bolus_mm else ""
        words.append(
            f"depth {p.depth_mm:g} mm{under} is outside the PDD table, {_ends(table)} mm (certificate); prescribe within it"
        )
    if (p.cutout_factor != 1.0 or p.cutout_id) and p.bolus_mm:
        words.append(
            f"bolus {p.bolus_mm:g} mm with cut-out factor {p.cutout_factor:g}: a smaller field's dose falls faster than the open one's, "
            "which the certificate holds; order one of both"
        )
    if not CUTOUT_LEAST <= p.cutout_factor <= CUTOUT_MOST:
        words.append(
            f"cut-out factor {p.cutout_factor:g} is outside {CUTOUT_LEAST:g} to {CUTOUT_MOST:g} (controller/conversion.py); check it"
        )
    if not p.rx_mgy > 0.0:
        words.append(f"prescribed dose {p.rx_mgy:g} mGy is not above 0; correct the prescription")
    gap = _gap(p, c)
    if isinstance(gap, str):
        words.append(gap)
    if words or isinstance(gap, str) or pdd is None or over_skin is None:
        return tuple(words)
    at_depth, at_skin = gap
    factor = pdd / 100.0 * at_depth * p.cutout_factor
    d0 = p.rx_mgy / factor
    skin = d0 * at_skin * p.cutout_factor
    return Converted(factor, d0, skin * over_skin / 100.0 if p.bolus_mm else skin)


def depth_dose(p: Prescribed, c: Combination) -> tuple[tuple[float, float], ...] | str:
    """The table that holds for this order: the open field's, or that of the cut-out it names. Words where there is none: a smaller field's dose falls faster
    with depth than the open one's (accident-A12); and at any depth where the factor is not that of the cut-out (accident-A4)."""
    lead = next((one for one in c.leads if one.id == p.cutout_id), None)
    if (p.depth_mm == 0.0 and lead is None) or (p.cutout_factor == 1.0 and not p.cutout_id):
        return c.pdd
    if not p.cutout_id:
        return f"cut-out factor {p.cutout_factor:g} at depth {p.depth_mm:g} mm, and the order names no cut-out; name it, or prescribe at the surface, depth 0"
    if lead is None:
        return (
            f"cut-out {p.cutout_id} has no depth dose of its own in this beam (certificate), and depth {p.depth_mm:g} mm is prescribed; "
            "prescribe at the surface, depth 0, or have it measured under this lead"
        )
    if not abs(p.cutout_factor - lead.factor) <= CUTOUT_PART * lead.factor:
        return f"cut-out factor {p.cutout_factor:g} is not the {lead.factor:.4f} of {lead.id} (certificate); write that of the cut-out that is used"
    return lead.pdd


def _gap(p: Prescribed, c: Combination) -> tuple[float, float] | str:
    """The stand-off's factor at depth and at the skin. A closed end leaves the inverse square, so it needs a measured table. The gap is to whatever lies
    nearest: the bolus where there is one."""
    g, f, z, b = p.gap_mm, c.effective_ssd_mm, p.reach_mm, p.bolus_mm
    if c.closed_end:
        if g == 0.0:
            return 1.0, 1.0
        factor = interpolated(c.gap_table, g)
        if factor is None:
            table = f"its measured table, {_ends(c.gap_table)} mm" if c.gap_table else "0: no table was measured"
            return f"gap {g:g} mm is outside {table} (certificate, closed applicator {c.applicator_id}); use no gap"
        return factor, factor
    if not GAP_LEAST_MM <= g <= GAP_MOST_MM:
        return f"gap {g:g} mm is outside {GAP_LEAST_MM:g} to {GAP_MOST_MM:g} mm (controller/conversion.py); re-position"
    return ((f + z) / (f + g + z)) ** 2, ((f + b) / (f + g + b)) ** 2


def _ends(table: tuple[tuple[float, float], ...]) -> str:
    return f"{table[0][0]:g} to {table[-1][0]:g}" if table else "empty"
