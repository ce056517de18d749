"""kV scale and mA scale: set-points up and down, the read-back of each against a kVp meter or divider, or at each kV against an mA meter; fit and residuals.
A scale says what the certified read-back is worth; windows are relative to it, and how good the meter is stands beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import fmean
from typing import Any, Final

from calibration.equipment import KvpMeter, MaMeter
from calibration.formulas import straight
from calibration.procedures.ma_offset import MaOffset
from calibration.procedures.parts import LIVE, Setting, at_end, in_date, numbers, recorded
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Grammar, Procedure, Source, Step, Wanted

SECONDS: Final = 5.0
WARN_PCT, STOP_PCT = 1.0, 2.0
"""Residuals: linearity 1 % warns and 2 % stops (PMC5849838)."""
FAR: Final = 0.10
"""A meter this far from the read-back is another unit or another connection: supplies are good to 2 %, meters to 2 %."""
SUPPLY_PCT: Final = 2.0
"""Accuracy that makers state of a supply's read-back: with the meter's own (k = 2) what both may differ by; more is the machine's, or the meter's zero."""
HYSTERESIS_PCT: Final = 1.0
"""Up against down. An assumption: as much as linearity warns at."""


@dataclass(frozen=True)
class Scale:
    """What is truly there: offset + slope x read-back, in kV or mA, with the meter's stated uncertainty (k = 1) and rows of set-point, read-back, meter."""

    unit: str
    at_kv: float | None
    meter: str
    slope: float
    offset: float
    worst_pct: float
    hysteresis_pct: float
    meter_u_pct: float
    rows: tuple[tuple[float, float, float], ...]
    at: datetime

    def part(self) -> dict[str, Any]:
        """As a certificate holds it."""
        rows = [{"set": one, "read_back": back, "meter": meter} for one, back, meter in self.rows]
        return {
            "unit": self.unit, "at_kv": self.at_kv or 0.0, "meter": self.meter, "at": self.at, "slope": self.slope, "offset": self.offset,
            "worst_pct": self.worst_pct, "rows": rows,
        }  # fmt: skip


def kv_scale_procedure(
    kvs: tuple[float, ...], setting: Setting, meter: KvpMeter, source: Source, at: datetime
) -> Procedure:
    """Each kV on the way up and on the way down. ValueError: the meter may not be used now, or does not reach."""
    in_date(at, meter)
    beyond = [kv for kv in kvs if not meter.least_kv <= kv <= meter.most_kv]
    if beyond:
        raise ValueError(
            f"{beyond[0]:g} kV is not within the {meter.least_kv:g} to {meter.most_kv:g} kV of {meter.id}; leave it out, or take another"
        )
    why = "What the read-back is worth in kV: 1 % of kV is 1.4 to 1.7 % of dose."
    said = f"{meter.id} ({meter.serial}) in the beam, its own filter range set."
    read = Wanted(meter.id, "kV", Grammar(5.0, 225.0), source)
    given = (("meter_u_pct", meter.u_pct_k1),)
    return Procedure(
        "kV scale", "service", ((meter.id, meter.serial),),
        tuple(_ladder("kv", [(kv, replace(setting, kv=kv)) for kv in kvs], read, said, why, given)),
    )  # fmt: skip


def ma_scale_procedure(
    mas: tuple[float, ...], setting: Setting, meter: MaMeter, offset: MaOffset, source: Source, at: datetime
) -> Procedure:
    """Each mA at this kV, up and down, both offsets taken off. ValueError: the meter may not be used now, or its offset was not measured."""
    in_date(at, meter)
    why = f"What the read-back is worth in mA at {setting.kv:g} kV; emission rises with kV, so each kV has its own."
    said = f"{meter.id} ({meter.serial}) in the return."
    read = Wanted(meter.id, "mA", Grammar(-1.0, 100.0), source)
    given = (
        ("meter_u_pct", meter.u_pct_k1), ("offset_meter_ma", offset.at(setting.kv, True)), ("offset_ma", offset.at(setting.kv, False)), ("kv", setting.kv),
    )  # fmt: skip
    return Procedure(
        f"mA scale at {setting.kv:g} kV", "service", ((meter.id, meter.serial),),
        tuple(_ladder("ma", [(ma, replace(setting, ma=ma)) for ma in mas], read, said, why, given)),
    )  # fmt: skip


def _ladder(
    quantity: str, settings: list[tuple[float, Setting]], read: Wanted, said: str, why: str, given: tuple[tuple[str, float], ...]
) -> Iterator[Step]:  # fmt: skip
    """Up and down, one exposure each; the meter is connected before the first, and the fit is judged with the last."""
    up = sorted(settings, key=lambda one: one[0])
    places = [("up", *one) for one in up] + [("down", *one) for one in reversed(up)]
    for place, (way, at, setting) in enumerate(places):
        whole = ("whole", float(place == len(places) - 1))
        accept = Accept(judgement=f"{quantity}-scale", numbers=(whole, *given))
        reading = (read, *recorded(quantity, f"set_{quantity}"))
        yield Step(
            f"{way} {at:g}", why, "" if place else said, setting.exposes(SECONDS, 1), LIVE, reading, accept, "A12"
        )


def _rows(session: Session, quantity: str, upto: Step) -> list[tuple[float, float, float]]:
    """Set-point, read-back and meter of each step, offsets taken off."""
    given = numbers(upto)
    rows = []
    for step in session.procedure.steps:
        meter = step.reading[0].instrument
        if session.values(step.id, meter):
            rows.append((
                fmean(session.values(step.id, f"set_{quantity}")),
                fmean(session.values(step.id, quantity)) - given.get("offset_ma", 0.0),
                fmean(session.values(step.id, meter)) - given.get("offset_meter_ma", 0.0),
            ))  # fmt: skip
    return rows


def _fit(rows: list[tuple[float, float, float]]) -> tuple[tuple[float, float, float], float]:
    """Slope, offset and worst residual of the line, and by how much, in percent, up and down differ at most."""
    found = straight([row[1] for row in rows], [row[2] for row in rows])
    apart = 0.0
    for at in {row[0] for row in rows}:
        ratios = [row[2] / row[1] for row in rows if abs(row[0] - at) < 1e-6]
        apart = max(apart, 100.0 * (max(ratios) / min(ratios) - 1.0))
    return found, apart


def _scaled(session: Session, step: Step, quantity: str, unit: str) -> Verdict:
    rows = _rows(session, quantity, step)
    _, back, meter = rows[-1]
    if back <= 0.0 or not 1.0 - FAR <= meter / back <= 1.0 + FAR:
        return Verdict(
            f"the meter shows {meter:g} {unit} and the read-back {back:g}: more than {100 * FAR:g} % apart; look at unit, range and connection"
        )
    if not numbers(step)["whole"]:
        return Verdict("", (), (Figure("meter over read-back", meter / back, ""),))
    (slope, offset, worst), apart = _fit(rows)
    if worst > STOP_PCT:
        return Verdict(f"a point lies {worst:.2f} % off the line, above {STOP_PCT:g} %; have the service look")
    warned = [f"a point lies {worst:.2f} % off the line, above {WARN_PCT:g} %"] if worst > WARN_PCT else []
    off, may = (
        max((100.0 * (row[2] / row[1] - 1.0) for row in rows), key=abs),
        SUPPLY_PCT + 2.0 * numbers(step)["meter_u_pct"],
    )
    if abs(off) > may:
        warned.append(
            f"meter and read-back differ by {off:+.2f} %, above {may:.1f} %: another meter, or the machine's scale put right, first"
        )
    if apart > HYSTERESIS_PCT:
        warned.append(f"up and down differ by {apart:.2f} %, above {HYSTERESIS_PCT:g} %")
    figures = (
        Figure("slope", slope, ""), Figure("offset", offset, unit), Figure("worst residual", worst, "%"),
        Figure("up against down", apart, "%"), Figure("meter, k = 2", 2.0 * numbers(step)["meter_u_pct"], "%"),
    )  # fmt: skip
    return Verdict("", tuple(warned), figures)


def kv_scaled(session: Session, step: Step) -> Verdict:
    """Meter against read-back at each kV; the fit with the last."""
    return _scaled(session, step, "kv", "kV")


def ma_scaled(session: Session, step: Step) -> Verdict:
    """The same in mA."""
    return _scaled(session, step, "ma", "mA")


def scale(session: Session) -> Scale:
    """What a kV or mA scale session found. ValueError: it is not at its end, or is another procedure's."""
    at_end(session)
    last = session.procedure.steps[-1]
    quantity = {"kv-scale": "kv", "ma-scale": "ma"}.get(last.accept.judgement)
    if quantity is None:
        raise ValueError(f"{session.procedure.name} is no scale")
    rows = _rows(session, quantity, last)
    (slope, offset, worst), apart = _fit(rows)
    given = numbers(last)
    assert session.last_at is not None
    return Scale(
        {"kv": "kV", "ma": "mA"}[quantity], given.get("kv"), last.reading[0].instrument, slope, offset, worst, apart,
        given["meter_u_pct"], tuple(rows), session.last_at.replace(microsecond=0),
    )  # fmt: skip


def true_of(scale: Scale, read_back: float) -> tuple[float, float]:
    """What is truly there at a read-back, and its standard uncertainty in the same unit: the meter's and half the worst residual."""
    value = scale.offset + scale.slope * read_back
    return value, value * math.hypot(scale.meter_u_pct, 0.5 * scale.worst_pct) / 100.0


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"kv-scale": kv_scaled, "ma-scale": ma_scaled}
