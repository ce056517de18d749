"""The second calculation as it is kept: each calculated time beside the offered one, by which method, from what, how far apart and within which bound.
It calculates nothing by itself and judges nothing: console/second_calculation.py and console/treat/independent.py do, and obey their own lines."""

from __future__ import annotations

from collections.abc import Iterator

from calibration.time_table import PHYSICIST, STOP
from console import second_calculation as second
from console.second_calculation import AGREE, AGREE_S, Compared
from console.treat.chart import Figure, Line
from console.treat.independent import Beside, typed_s
from controller.prescribed import Certificate, Prescribed
from controller.requests import Offer

ARITHMETIC, TYPED, FIRST = "arithmetic by other code", "typed table, other data", "fraction 1"


def figures(
    prescribed: Prescribed,
    certificate: Certificate,
    offer: Offer,
    given_d0_mgy: float | None,
    resumed: bool,
    beside: Beside,
) -> tuple[Figure, ...]:
    """Every time that this offer was held against; of a method that has none there is no figure."""
    return tuple(_found(prescribed, certificate, offer, given_d0_mgy, resumed, beside))


def lines(compared: tuple[Compared, ...]) -> tuple[Line, ...]:
    """The lines as they were shown."""
    return tuple(Line(one.name, one.offered, one.calculated, one.agrees) for one in compared)


def _found(
    prescribed: Prescribed,
    certificate: Certificate,
    offer: Offer,
    given_d0_mgy: float | None,
    resumed: bool,
    beside: Beside,
) -> Iterator[Figure]:
    used = second.combination(certificate, prescribed)
    if used is None:
        return
    given = 0.0
    if resumed:
        given = offer.d0_mgy - offer.rest_mgy if given_d0_mgy is None else given_d0_mgy
    worked = second.calculate(prescribed, used, given)
    if not isinstance(worked, str):
        yield _figure(ARITHMETIC, f"certificate {certificate.id}", offer, worked.set_time_s, AGREE, AGREE_S)
    if beside.times is not None:
        typed = typed_s(prescribed, used, offer, beside.times)
        if not isinstance(typed, str):
            yield _figure(TYPED, f"time table {beside.times.id}", offer, typed, STOP, 0.0)
    if beside.first_s is not None and not resumed:
        yield _figure(FIRST, "these records", offer, beside.first_s, PHYSICIST, 0.0)


def _figure(method: str, source: str, offer: Offer, calculated_s: float, part: float, floor_s: float) -> Figure:
    """The bound is the wider of a part of what was calculated and of seconds."""
    diff_s = offer.set_time_s - calculated_s
    return Figure(
        method=method,
        source=source,
        offered_s=offer.set_time_s,
        calculated_s=calculated_s,
        diff_pct=100.0 * diff_s / calculated_s if calculated_s > 0.0 else 0.0,
        bound_pct=100.0 * part,
        bound_s=floor_s,
        agrees=abs(diff_s) <= max(part * abs(calculated_s), floor_s),
    )
