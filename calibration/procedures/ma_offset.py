"""mA offset: what the read-back, and an mA meter in the return, show with high voltage and the filament cold, at each kV: the bleeder's current.
It comes before anything else in mA, kV up and down; the mA scale takes it off (calibration/procedures/scales.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any, Final

from calibration.equipment import MaMeter
from calibration.procedures.parts import LIVE, Setting, at_end, in_date, numbers, recorded
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Grammar, Procedure, Source, Step, Wanted
from interlocks import cold

SECONDS: Final = cold.SECONDS
"""As long as high voltage stands over a cold filament, and no other time."""
N: Final = 3
STEADY_MA: Final = 0.005
"""Largest spread of one kV's readings, and up against down: 0.3 % of 1.6 mA. An assumption of this program."""
NAME: Final = "mA offset"
MOST_MA: Final = 0.5
"""More is no bleeder but emission: 1 GOhm at 100 kV is 0.1 mA."""
ONE_RESISTOR: Final = 0.10
"""A resistor draws in proportion to kV: by so much the ratio may differ between kVs before it is worth a warning. An assumption."""


@dataclass(frozen=True)
class MaOffset:
    """Rows of kV as read back, offset of the read-back, offset of the meter (None: there was none), mA."""

    rows: tuple[tuple[float, float, float | None], ...]

    def at(self, kv: float, of_meter: bool) -> float:
        """Between the rows; a resistor's current is in proportion to kV, so it goes on beyond them from nothing at 0 kV. ValueError: not measured."""
        ratios = [(row[0], (row[2] if of_meter else row[1])) for row in self.rows]
        known = [(at, ma) for at, ma in ratios if ma is not None]
        if not known:
            raise ValueError("the meter's offset was not measured; measure it with the filament cold")
        near = min(known, key=lambda one: abs(one[0] - kv))
        return near[1] * kv / near[0]


def part(offset: MaOffset) -> list[dict[str, Any]]:
    """As a certificate holds it."""
    rows = []
    for kv, read_back, meter in offset.rows:
        rows.append({"kv": kv, "read_back_ma": read_back} | ({} if meter is None else {"meter_ma": meter}))
    return rows


def ma_offset_procedure(
    kvs: tuple[float, ...], setting: Setting, meter: MaMeter | None, source: Source, at: datetime
) -> Procedure:
    """kV after kV, up and then down, three readings each time. ValueError: the meter may not be used now."""
    if meter is not None:
        in_date(at, meter)
    read = (Wanted(meter.id, "mA", Grammar(-MOST_MA, MOST_MA), source),) if meter is not None else ()
    connect = f"{meter.id} ({meter.serial}) in the return. " if meter is not None else ""

    up = sorted(kvs)
    places = [("up", kv) for kv in up] + [("down", kv) for kv in reversed(up)]

    def step(place: int, way: str, kv: float) -> Step:
        exposes = Setting(kv, setting.ma, setting.filter, setting.applicator).without_beam("cold", SECONDS, N)
        said = (
            f"{connect}Filament cold, applicator {setting.applicator}. High voltage will be on: nobody in the room."
            if place == 0
            else ""
        )
        why = "The read-back holds the bleeder's current: it is measured alone, before mA is scaled."
        given = (("steady_ma", STEADY_MA), ("first", float(place == 0)))
        return Step(
            f"{way} {kv:g} kV",
            why,
            said,
            exposes,
            LIVE,
            (*recorded("ma", "kv"), *read),
            Accept(judgement="ma-offset", numbers=given),
            "A12",
        )

    serials = ((meter.id, meter.serial),) if meter is not None else ()
    return Procedure(NAME, "service", serials, tuple(step(place, *one) for place, one in enumerate(places)))


def steady(session: Session, step: Step) -> Verdict:
    """Whether the readings of one kV stand still, and are what a resistor draws."""
    given = numbers(step)
    values = session.values(step.id, "ma")
    for one in step.reading:
        got = session.values(step.id, one.instrument)
        if one.unit == "mA" and max(got) - min(got) > given["steady_ma"]:
            return Verdict(
                f"{one.instrument} varies by {max(got) - min(got):.4f} mA, above {given['steady_ma']:g}; wait until the filament is cold, reject, and repeat"
            )
    if not -given["steady_ma"] <= fmean(values) <= MOST_MA:
        return Verdict(
            f"{fmean(values):.3f} mA with a cold filament; a bleeder draws 0 to {MOST_MA:g}: look for emission"
        )
    way, _, at = step.id.partition(" ")
    before = session.values(f"up {at}", "ma") if way == "down" else ()
    if before and abs(fmean(values) - fmean(before)) > given["steady_ma"]:
        return Verdict(
            f"{fmean(values):.4f} mA on the way down and {fmean(before):.4f} on the way up, more than {given['steady_ma']:g} apart; "
            "something warms or leaks: wait, and begin anew"
        )
    kv = fmean(session.values(step.id, "kv"))
    if given["first"]:
        return Verdict("", (), (Figure("offset", fmean(values), "mA"),))
    first = session.procedure.steps[0].id
    share = fmean(session.values(first, "ma")) / fmean(session.values(first, "kv"))
    off = abs(fmean(values) - share * kv)
    warned = (
        (f"{fmean(values):.4f} mA at {kv:.1f} kV are not in proportion to {first}: {off:.4f} mA off",)
        if off > max(ONE_RESISTOR * share * kv, given["steady_ma"])
        else ()
    )
    return Verdict("", warned, (Figure("offset", fmean(values), "mA"),))


def ma_offset(session: Session) -> MaOffset:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)

    def row(steps: list[Step]) -> tuple[float, float, float | None]:
        meter = [one.instrument for one in steps[0].reading if one.source != "record"]

        def of(name: str) -> float:
            return fmean(value for step in steps for value in session.values(step.id, name))

        return of("kv"), of("ma"), of(meter[0]) if meter else None

    ladder = session.procedure.steps
    up = ladder[: len(ladder) // 2]
    return MaOffset(
        tuple(row([one for one in ladder if one.id.partition(" ")[2] == step.id.partition(" ")[2]]) for step in up)
    )


def per_kv(offset: MaOffset) -> float:
    """mA a kV of the read-back, as one resistor draws it: through nothing at 0 kV, by least squares."""
    return sum(kv * ma for kv, ma, _ in offset.rows) / sum(kv * kv for kv, _, _ in offset.rows)


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"ma-offset": steady}
