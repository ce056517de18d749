"""The arithmetic check of an offer: dose, time and counts once more from prescription and certificate, in a few lines of their own.
It shares no code with controller/settings.py, and it checks arithmetic only: both stand on the same certificate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from msgspec import UNSET

from controller.prescribed import Certificate, Combination, Prescribed
from controller.requests import Offer
from hal.readings import Purpose, Termination

AGREE = 0.005
AGREE_S = 0.02
"""An arithmetic check stops at 0.5 % or two of the timer's steps of 10 ms, whichever allows more: both compute the same, and only the rounding differs.
With 0.2 s, 6.7 % of the shortest exposure, an end effect that was left out (0.145 s in E5) passes in every one."""
ENDS_ON_TIME = (Purpose.WARMUP, Purpose.CALIBRATE, Purpose.DRY_RUN)
"""Purposes that end on time whatever the certificate says."""
COLD_S = 5.0
"""How long high voltage stands over a cold filament, whatever is asked."""
EQUAL_KV = 0.1
EQUAL_MA = 0.01
"""A set-point read back as device integers lies within a few steps of 1/4095 of full scale."""

EQUAL_FACTOR = 0.005
NOT_THE_OPEN_FIELDS = (
    "the certificate's depth dose is of the open field, and a smaller one falls faster; "
    "first: have the physicist order the dose at the surface, depth 0, or name a cut-out whose own depth dose is in the certificate"
)
"""What lies under lead scatters less in depth too: with the open field's depth dose less is given there than is said (hazard A12)."""


@dataclass(frozen=True)
class Second:
    """The second calculation. Doses in mGy: `d0` at the applicator plane, `skin` at the skin, `rest_d0` what this segment gives; factor = D_Rx / D0."""

    factor: float
    d0_mgy: float
    skin_mgy: float
    rest_d0_mgy: float
    set_time_s: float
    counts: float


@dataclass(frozen=True)
class Compared:
    """One line of the comparison: what was offered beside what was calculated, and whether they agree."""

    name: str
    offered: str
    calculated: str
    agrees: bool


def combination(certificate: Certificate, prescribed: Prescribed) -> Combination | None:
    """The measured combination that the prescription names exactly; nothing is interpolated between combinations."""
    wanted = (prescribed.kv, prescribed.ma, prescribed.filter_id, prescribed.applicator_id)
    return next((c for c in certificate.combinations if (c.kv, c.ma, c.filter_id, c.applicator_id) == wanted), None)


def by_another(certificate: Certificate, offer: Offer) -> str:
    """Why this offer is none of this certificate, or "": kerma run keeps the one that it started with, whatever was laid into the folder since."""
    if offer.certificate_sha256 == certificate.sha256:
        return ""
    made_by = offer.certificate_sha256.hex()[:16] or "of an older program, which does not name it"
    return (
        f"the offer was made by certificate {made_by}, which kerma run still has, and {certificate.id} ({certificate.sha256.hex()[:16]}) lies here; "
        "first: start kerma run again, then load again"
    )


def on_line(points: tuple[tuple[float, float], ...], x: float) -> float | None:
    """Linear between neighbouring points (x ascending); None outside them: nothing is extrapolated."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return next((y for at, y in points if at == x), None)


def calculate(prescribed: Prescribed, used: Combination, given_d0_mgy: float) -> Second | str:
    """The second calculation with `given_d0_mgy` already delivered, or the words why there is none."""
    b = 0.0 if prescribed.set_up is UNSET else prescribed.set_up.bolus_mm
    f, g, z = used.effective_ssd_mm, prescribed.gap_mm, prescribed.depth_mm + b
    depths = under(prescribed, used)
    if isinstance(depths, str):
        return depths
    pdd, at_skin = on_line(depths, z), on_line(depths, b)
    if pdd is None or (b and at_skin is None):
        below = f" under {b} mm of bolus" if b else ""
        return f"depth_mm = {prescribed.depth_mm}{below}: the certificate's depth table does not reach it"
    if used.closed_end:
        gap = on_line(used.gap_table, g) if g else 1.0
        surface = gap
    else:
        gap, surface = ((f + z) / (f + g + z)) ** 2, ((f + b) / (f + g + b)) ** 2
    if gap is None or surface is None:
        return f"gap_mm = {g}: the certificate's gap table does not reach it"
    if b and at_skin is not None:
        surface *= at_skin / 100
    factor = pdd / 100 * gap * prescribed.cutout_factor
    d0 = prescribed.rx_mgy / factor
    rest = d0 - given_d0_mgy
    if not rest > 0.0:
        return f"{given_d0_mgy:.1f} mGy (D0) of {d0:.1f} mGy were given: nothing is left; first: close the fraction"
    time_s = rest / used.r0_mgy_per_s - used.dt_s
    counts = (rest - used.tail_mgy) / used.n1_mgy_per_count + used.leak1_cps * time_s
    return Second(factor, d0, d0 * surface * prescribed.cutout_factor, rest, time_s, counts)


def under(prescribed: Prescribed, used: Combination) -> tuple[tuple[float, float], ...] | str:
    """The depth table of what lies in the applicator, or the words why none holds for this order; under lead and bolus together none does."""
    said = None if prescribed.set_up is UNSET else prescribed.set_up
    name, bolus_mm = (said.cutout_id, said.bolus_mm) if said is not None else ("", 0.0)
    if not (name or prescribed.cutout_factor != 1.0) or prescribed.depth_mm + bolus_mm <= 0.0:
        return used.pdd
    mine = [lead for lead in used.leads if lead.id == name and not bolus_mm]
    if not mine:
        where = f"depth_mm = {prescribed.depth_mm:g}" + (f" under {bolus_mm:g} mm of bolus" if bolus_mm else "")
        return f"cut-out factor {prescribed.cutout_factor:g}{f' of {name}' if name else ''} at {where}: {NOT_THE_OPEN_FIELDS}"
    if abs(mine[0].factor / prescribed.cutout_factor - 1.0) > EQUAL_FACTOR:
        return f"cut-out factor {prescribed.cutout_factor:g}: {mine[0].id} has {mine[0].factor:.4f}; first: write that of the cut-out that is used"
    return mine[0].pdd


def compare(
    offer: Offer, second: Second, prescribed: Prescribed, termination: Termination, resumed: bool
) -> tuple[Compared, ...]:
    """Offer beside second calculation, line by line; the offer may be confirmed only if every line agrees.

    The count preset runs on over the segments of a fraction, so a resumed one is compared by its dose and time.
    """
    lines = [
        _number("dose at depth", "mGy", offer.rx_mgy, prescribed.rx_mgy, 0.0),
        _number("dose at the applicator (D0)", "mGy", offer.d0_mgy, second.d0_mgy, 0.0),
        _number("dose at the skin", "mGy", offer.skin_mgy, second.skin_mgy, 0.0),
        _number("rest of D0 in this segment", "mGy", offer.rest_mgy, second.rest_d0_mgy, 0.0),
        _number("set time", "s", offer.set_time_s, second.set_time_s, AGREE_S),
        _near("tube voltage", "kV", offer.kv, prescribed.kv, EQUAL_KV),
        _near("tube current", "mA", offer.ma, prescribed.ma, EQUAL_MA),
        _same("applicator", offer.applicator_id, prescribed.applicator_id),
        _same("filter", offer.filter_id, prescribed.filter_id),
        _same("purpose", offer.purpose.name, prescribed.purpose.name),
        _same("ends by", offer.termination.upper(), termination.name),
    ]
    if termination is Termination.MONITOR and not resumed:
        lines.append(_number("count preset", "counts", offer.count_preset, second.counts, 2.0))
    return tuple(lines)


def cold(prescribed: Prescribed, offer: Offer) -> tuple[Compared, ...]:
    """A dry run has no dose and no current: its offer is held against nothing of both, and against its kV, place and seconds."""
    doses = (
        ("dose at depth", offer.rx_mgy),
        ("dose at the applicator (D0)", offer.d0_mgy),
        ("dose at the skin", offer.skin_mgy),
    )
    return (
        *(_near(name, "mGy", offered, 0.0, 0.0) for name, offered in doses),
        _near("set time", "s", offer.set_time_s, COLD_S, 0.0),
        _near("tube voltage", "kV", offer.kv, prescribed.kv, EQUAL_KV),
        _near("tube current", "mA", offer.ma, 0.0, 0.0),
        _same("applicator", offer.applicator_id, prescribed.applicator_id),
        _same("filter", offer.filter_id, prescribed.filter_id),
        _same("purpose", offer.purpose.name, prescribed.purpose.name),
        _same("ends by", offer.termination.upper(), Termination.TIME.name),
    )


def checked(
    prescribed: Prescribed, certificate: Certificate, offer: Offer, given_d0_mgy: float | None, resumed: bool
) -> tuple[Compared, ...] | str:
    """The second calculation beside the offer, or the words why there is none.

    `given_d0_mgy` is what the records say was delivered before; where they say nothing (None) a resumed offer's own figure is taken.
    """
    other = by_another(certificate, offer)
    if other:
        return other
    if prescribed.purpose is Purpose.DRY_RUN:
        return cold(prescribed, offer)
    used = combination(certificate, prescribed)
    if used is None:
        order = prescribed
        named = f"{order.kv} kV, {order.ma} mA, filter {order.filter_id}, applicator {order.applicator_id}"
        return f"certificate {certificate.id} has no combination {named}"
    given = 0.0
    if resumed:
        given = offer.d0_mgy - offer.rest_mgy if given_d0_mgy is None else given_d0_mgy
    result = calculate(prescribed, used, given)
    if isinstance(result, str):
        return result
    termination = Termination.TIME if prescribed.purpose in ENDS_ON_TIME else certificate.termination
    return compare(offer, result, prescribed, termination, resumed)


def _number(name: str, unit: str, offered: float, calculated: float, floor: float) -> Compared:
    agrees = abs(offered - calculated) <= max(AGREE * abs(calculated), floor)
    return Compared(name, f"{offered:.2f} {unit}", f"{calculated:.2f} {unit}", agrees)


def _near(name: str, unit: str, offered: float, wanted: float, apart: float) -> Compared:
    return Compared(name, f"{offered:.3f} {unit}", f"{wanted:.3f} {unit}", abs(offered - wanted) <= apart)


def _same(name: str, offered: str, wanted: str) -> Compared:
    return Compared(name, offered, wanted, offered == wanted)
