"""Half-value layers: aluminium sheet upon sheet half way to a chamber far off, readings against the monitor's counts, the logarithm interpolated.
It gives the layers as a certificate holds them; what the first HVL means for N_K and B_w is calibration/output.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any, Final

from calibration.dosimetry.beam import half_value_layers
from calibration.dosimetry.units import MillimetresAl
from calibration.equipment import Applicator, HvlSet
from calibration.procedures.parts import (
    LIVE,
    Charge,
    Setting,
    at_end,
    exposing,
    in_date,
    leakage_step,
    net,
    numbers,
    recorded,
)
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Procedure, Step

FAR_MM, APERTURE_MM = 300.0, 20.0
"""Chamber at 300 mm or more, sheets half way, aperture 20 mm at most: else scatter from the sheets is read too (E14)."""
WARN, STOP = 0.10, 0.15
"""Against the last HVL, or what is expected of this filter (PMC5849838)."""
DRIFT: Final = 0.01
"""Without aluminium, before and after, against the monitor. An assumption."""
SECONDS: Final = 20.0
AGAIN: Final = "no Al again"


@dataclass(frozen=True)
class Layers:
    """Thickness and reading for each layer, both half-value layers, and the change of the first one."""

    rows: tuple[tuple[float, float], ...]
    hvl_1_mm_al: float
    hvl_2_mm_al: float
    change: float

    def part(self) -> list[dict[str, Any]]:
        """The layers for MeasuredTable."""
        return [{"al_mm": mm, "reading": reading} for mm, reading in self.rows]


def hvl_procedure(
    setting: Setting, applicator: Applicator, sheets: HvlSet, stack_mm: Sequence[float], charge: Charge, chamber_mm: float, aperture_mm: float,
    expected_mm: float, at: datetime,
) -> Procedure:  # fmt: skip
    """The stack from 0 upwards, then 0 again. ValueError: the geometry reads scatter, the stack cannot be laid, or an instrument may not be used now."""
    in_date(at, sheets, charge.electrometer)
    if applicator.kind != "calibration_none":
        raise ValueError(f"{applicator.id} is {applicator.kind}: the narrow beam wants nothing fitted; take it off")
    if chamber_mm < FAR_MM or aperture_mm > APERTURE_MM:
        raise ValueError(
            f"chamber at {chamber_mm:g} mm, aperture {aperture_mm:g} mm: {FAR_MM:g} mm at least and {APERTURE_MM:g} mm at most; move them"
        )
    if list(stack_mm) != sorted(set(stack_mm)) or not stack_mm or stack_mm[0] != 0.0:
        raise ValueError(f"{list(stack_mm)} mm does not ascend from 0; begin without aluminium")
    unlaid = [mm for mm in stack_mm if not _laid(mm, tuple(sheets.sheets_mm))]
    if unlaid:
        raise ValueError(f"{unlaid[0]:g} mm cannot be laid of the sheets of {sheets.id}; choose another thickness")
    given = (("expected_mm", expected_mm),)

    def step(name: str, connect: str, judgement: str) -> Step:
        why = "The beam's quality: it chooses N_K, backscatter and the ratio of water to air."
        accept = Accept(judgement=judgement, numbers=given)
        return Step(
            name, why, connect, setting.exposes(SECONDS, 1), LIVE, (charge.wanted, *recorded("counts_1")), accept, "A2"
        )

    place = f"chamber at {chamber_mm:g} mm, sheets half way, aperture {aperture_mm:g} mm"
    first = step(_name(0.0), "", "")
    layers = [
        step(_name(mm), f"{mm:g} mm Al of {sheets.id} ({sheets.serial}); {place}.", "hvl-falls") for mm in stack_mm[1:]
    ]
    again = step(AGAIN, f"All aluminium out; {place}.", "hvl")
    return Procedure(
        f"HVL {setting.kv:g} kV {setting.filter}",
        "physics",
        (charge.serial,),
        (leakage_step(charge, f"No aluminium; {place}"), first, *layers, again),
    )


def _name(mm: float) -> str:
    return f"{mm:g} mm Al"


def _laid(mm: float, sheets: tuple[float, ...]) -> bool:
    """Whether some of the sheets make this thickness."""
    if mm <= 1e-6:
        return mm > -1e-6
    return any(_laid(mm - sheet, sheets[place + 1 :]) for place, sheet in enumerate(sheets))


def _row(session: Session, step: Step) -> tuple[float, float]:
    """Thickness, and charge in one air, leakage taken off, for a million counts: what the tube does meanwhile is in both."""
    mm = 0.0 if step.id == AGAIN else float(step.id.split()[0])
    counts = fmean(session.values(step.id, "counts_1"))
    if counts <= 0.0:
        raise ValueError(f"channel 1 counted nothing behind {mm:g} mm Al; it is dead, have it mended")
    return mm, fmean(net(session, step.id)) / counts * 1e6


def falls(session: Session, step: Step) -> Verdict:
    """Each layer takes something away."""
    steps = session.procedure.steps
    mm, reading = _row(session, step)
    _, before = _row(session, steps[steps.index(step) - 1])
    if not 0.0 < reading < before:
        return Verdict(f"{mm:g} mm Al read {reading:.4g} after {before:.4g}; lay the sheets anew, reject, and repeat")
    return Verdict("", (), (Figure("of the reading before", reading / before, ""),))


def _found(session: Session, step: Step) -> Layers:
    rows = tuple(_row(session, one) for one in exposing(session))
    drift = rows[-1][1] / rows[0][1] - 1.0
    if abs(drift) > DRIFT:
        raise ValueError(
            f"without aluminium it reads {100 * drift:+.2f} % against the beginning, above {100 * DRIFT:g} %; look at the chamber, and begin anew"
        )
    rows = ((0.0, 0.5 * (rows[0][1] + rows[-1][1])), *rows[1:-1])
    one, two = half_value_layers([(MillimetresAl(mm), reading) for mm, reading in rows])
    if two.value < one.value:
        raise ValueError(
            f"the second half-value layer, {two.value:.3f} mm, is below the first, {one.value:.3f}: no filtered beam does that; lay the sheets anew"
        )
    expected = numbers(step)["expected_mm"]
    return Layers(rows, one.value, two.value, one.value / expected - 1.0)


def judged(session: Session, step: Step) -> Verdict:
    """Both layers, and the change of the first."""
    found = _found(session, step)
    figures = (
        Figure("HVL", found.hvl_1_mm_al, "mm Al"),
        Figure("second HVL", found.hvl_2_mm_al, "mm Al"),
        Figure("change", 100.0 * found.change, "%"),
    )
    if abs(found.change) > STOP:
        return Verdict(
            f"HVL {found.hvl_1_mm_al:.3f} mm Al is {100 * found.change:+.1f} % off, above {100 * STOP:g} %; look at kV and filter",
            (),
            figures,
        )
    warned = (
        (f"HVL {found.hvl_1_mm_al:.3f} mm Al is {100 * found.change:+.1f} % off, above {100 * WARN:g} %",)
        if abs(found.change) > WARN
        else ()
    )
    return Verdict("", warned, figures)


def layers(session: Session) -> Layers:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session, session.procedure.steps[-1])


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"hvl-falls": falls, "hvl": judged}
