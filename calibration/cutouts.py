"""What a cut-out's smaller field scatters back, against the open applicator's: the term that its readings in air do not hold, so that its factor is one of dose
at the surface (dose design 1.9, hazard A12). It takes tables and gives numbers; the readings' own ratio is calibration/procedures/applicator.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Protocol

from calibration.dosimetry import beam, tables
from calibration.dosimetry.chain import Factor
from calibration.dosimetry.units import Millimetres, MillimetresAl
from calibration.equipment import DepthPoint, no_depth_dose
from calibration.facts import AGAIN, SAME, CutoutTable, Keyed, LeadDepthTable, RatioTable
from calibration.measured import BackscatterTable, MeasuredTable
from calibration.plausible import BACKSCATTER_PART, outside_neighbours

LEAD_FALLS_PCT: Final = 2.0
"""Depth dose is known to 2 %; a smaller field's lies below the open one's, and above it by no more than that. An assumption."""
IN_AIR: Final = "AIR_KERMA_RATE_IN_AIR"
IN_WATER: Final = "readings in water at the surface hold the backscatter of their own field"


@dataclass(frozen=True)
class Field:
    """A field's diameter, and its backscatter as typed (None: the table's)."""

    mm: float
    typed: BackscatterTable | None = None


class Beam(Keyed, Protocol):
    """Of a combination, what a ratio and a depth dose are held against."""

    @property
    def pdd(self) -> Sequence[DepthPoint]: ...
    @property
    def effective_ssd_mm(self) -> float: ...
    @property
    def measured(self) -> MeasuredTable | None: ...


def b_w_ratio(m: MeasuredTable, ssd_mm: float, diameter_mm: float, typed: BackscatterTable | None) -> Factor:
    """B_w of the cut-out's field over that which the open applicator's output holds, both at the output's own half-value layer and distance.

    Its uncertainty is the larger of both: R0 holds the open field's own already, and the cut-out's takes its place. ValueError: there is no such number.
    """
    if m.quantity != IN_AIR:
        if typed is not None:
            raise ValueError(f"{m.quantity} takes no backscatter; take it out")
        return Factor("b_w_ratio", 1.0, 0.0, IN_WATER)
    hvl, _ = beam.half_value_layers([(MillimetresAl(one.al_mm), one.reading) for one in m.layers])
    return between(hvl, ssd_mm, Field(diameter_mm, typed), Field(m.field_mm, m.backscatter))


def between(hvl: MillimetresAl, ssd_mm: float, lead: Field, opened: Field) -> Factor:
    """The ratio of two fields in one beam at one distance. ValueError: it is none of a cut-out, or one of both is not known."""
    if lead.mm >= opened.mm:
        raise ValueError(f"a field of {lead.mm:g} mm is no cut-out in one of {opened.mm:g} mm; write its own")
    cut, whole = _b_w(hvl, ssd_mm, lead), _b_w(hvl, ssd_mm, opened)
    if cut.value > whole.value:
        raise ValueError(
            f"B_w {cut.value:.4f} of {lead.mm:g} mm over {whole.value:.4f} of {opened.mm:g} mm: a smaller field scatters no more back; "
            "see which of both is of the other field"
        )
    value, u_pct = cut.value / whole.value, max(cut.u_pct, whole.u_pct)
    source = f"B_w {cut.value:.5f} ({cut.source}) over {whole.value:.5f} ({whole.source}) at {hvl.value:.3f} mm Al"
    return Factor("b_w_ratio", value, u_pct, source)


def _b_w(hvl: MillimetresAl, ssd_mm: float, field: Field) -> Factor:
    """Of one field: the table's, or as typed where that can be so. ValueError: neither."""
    field_mm, typed = field.mm, field.typed
    try:
        found = tables.b_w(hvl, Millimetres(field_mm), Millimetres(ssd_mm))
    except ValueError as error:
        if typed is None:
            raise ValueError(
                f"the table has no backscatter for a field of {field_mm:g} mm at {ssd_mm:g} mm and {hvl.value:.2f} mm Al ({error}); "
                "write backscatter with its source"
            ) from error
        wrong = next(outside_neighbours(typed.value, hvl, field_mm), "")
        if wrong:
            raise ValueError(wrong) from error
    else:
        if typed is None:
            return found
        if abs(typed.value / found.value - 1.0) > BACKSCATTER_PART:
            raise ValueError(
                f"backscatter.value = {typed.value:g}: {100 * BACKSCATTER_PART:g} % and more from the table's {found.value:.4f} for {field_mm:g} mm; "
                "see that it is of this field, and applied once"
            )
    return Factor("b_w", typed.value, typed.u_pct, typed.source)


def ratio_part(c: Beam, diameter_mm: float, typed: BackscatterTable | None) -> dict[str, Any]:
    """The ratio as a certificate holds it. ValueError: there is none."""
    if c.measured is None:
        raise ValueError(f"{c.kv:g} kV, {c.ma:g} mA, {c.filter}, {c.applicator} was not measured; measure it first")
    found = b_w_ratio(c.measured, c.effective_ssd_mm, diameter_mm, typed)
    own = {} if typed is None else {"b_w": typed.model_dump()}
    beam_of = {"kv": c.kv, "ma": c.ma, "filter": c.filter}
    return {**beam_of, "value": found.value, "u_pct": found.u_pct, "source": found.source, **own}


def wrong(cutouts: Sequence[CutoutTable], combinations: Sequence[Beam]) -> Iterator[str]:
    """Whether each ratio is what the tables and the combination's own layers come to; one of an older certificate has none, and serves no order."""
    for place, one in enumerate(cutouts):
        where = f"facts.cutouts.{place}"
        if one.b_w_ratio is not None:
            yield from _wrong(f"{where}.b_w_ratio", one, one.b_w_ratio, combinations)
        if one.depth is not None:
            yield from (f"{where}.depth: {words}; first: {AGAIN}" for words in no_depth(one, one.depth, combinations))


def no_depth(one: CutoutTable, depth: LeadDepthTable, combinations: Sequence[Beam]) -> Iterator[str]:
    """Why this is no depth dose under that lead (hazards A2 and A12): it falls no slower than the open field's, and is not the open field's itself."""
    yield from no_depth_dose(depth.pdd)
    ratio = one.b_w_ratio
    if ratio is None:
        yield "stands with a factor in air, which serves no order"
        return
    beams = [c for c in combinations if (c.kv, c.filter, c.applicator) == (ratio.kv, ratio.filter, one.applicator)]
    rows = [(point.depth_mm, point.pct) for point in depth.pdd]
    for c in beams:
        opened = [(point.depth_mm, point.pct) for point in c.pdd]
        if len(rows) > 1 and set(rows) <= set(opened):
            yield f"has the very numbers of the open {c.applicator}'s; measure it itself, nothing is derived"
        for mm, pct in rows:
            whole = on_line(opened, mm)
            if whole is not None and pct > whole + LEAD_FALLS_PCT:
                yield (
                    f"{pct:g} % at {mm:g} mm, and the open {c.applicator} has {whole:.1f} %: a smaller field falls faster; "
                    "see which of both is of the other field"
                )
                break


def on_line(points: Sequence[tuple[float, float]], x: float) -> float | None:
    """Linear between ascending points; None outside them."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1 and x1 > x0:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return None


def _wrong(where: str, one: CutoutTable, says: RatioTable, combinations: Sequence[Beam]) -> Iterator[str]:
    key = (says.kv, says.ma, says.filter, one.applicator)
    c = next((c for c in combinations if (c.kv, c.ma, c.filter, c.applicator) == key), None)
    if c is None:
        yield f"{where}: no combination has {says.kv:g} kV, {says.ma:g} mA, {says.filter}, {one.applicator}; first: {AGAIN}"
        return
    try:
        comes = ratio_part(c, one.diameter_mm, says.b_w)
    except ValueError as words:
        yield f"{where}: {words}; first: {AGAIN}"
        return
    if abs(says.value - comes["value"]) > SAME * comes["value"]:
        yield f"{where}.value = {says.value!r}: tables and layers come to {comes['value']:.9g}; first: {AGAIN}"
    if says.u_pct < comes["u_pct"] * (1.0 - SAME):
        yield f"{where}.u_pct = {says.u_pct:g}: is below the {comes['u_pct']:g} % of both factors; first: {AGAIN}"
