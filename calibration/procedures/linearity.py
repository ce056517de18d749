"""Linearity of the output in mA: the chamber's charge for each mA that is set, at one kV, and the mA steps as a certificate holds them.
It proves that nothing but the current changes; no set-point's output is worked out from another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from calibration.dosimetry.beam import LINEAR_STOP, LINEAR_WARN
from calibration.formulas import nonlinearity
from calibration.procedures.parts import LIVE, Charge, Setting, at_end, charges, recorded
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Procedure, Step

PARTS: Final = (0.5, 0.75, 1.0)
"""Of the combination's mA."""
SECONDS: Final = 20.0


@dataclass(frozen=True)
class Linear:
    """Set mA and reading of each step, and (max - min) / (max + min) of the reading for each mA."""

    rows: tuple[tuple[float, float], ...]
    nonlinearity: float

    def part(self) -> list[dict[str, Any]]:
        """The rows for MeasuredTable."""
        return [{"at": ma, "reading": reading} for ma, reading in self.rows]


def linearity_procedure(setting: Setting, charge: Charge, head: str) -> Procedure:
    """Half, three quarters and all of the combination's mA."""

    def step(place: int, part: float) -> Step:
        one = Setting(setting.kv, round(part * setting.ma, 4), setting.filter, setting.applicator)
        last = place == len(PARTS) - 1
        why = "A clinical mA has its own output; that it goes as mA shows that nothing else changes."
        accept = Accept(judgement="ma-linearity" if last else "")
        return Step(
            f"{one.ma:g} mA",
            why,
            "" if place else head,
            one.exposes(SECONDS, 1),
            LIVE,
            (charge.wanted, *recorded("ma", "set_ma")),
            accept,
            "A2",
        )

    steps = tuple(step(place, part) for place, part in enumerate(PARTS))
    return Procedure(
        f"linearity {setting.kv:g} kV {setting.filter} {setting.applicator}", "physics", (charge.serial,), steps
    )


def _found(session: Session) -> Linear:
    rows = tuple(
        (fmean(session.values(step.id, "set_ma")), fmean(charges(session, step.id))) for step in session.procedure.steps
    )
    if min(reading for _, reading in rows) <= 0.0:
        raise ValueError(f"readings {[reading for _, reading in rows]} nC: one shows no beam; look at the connection")
    return Linear(rows, nonlinearity([reading / ma for ma, reading in rows]))


def judged(session: Session, _step: Step) -> Verdict:
    """1 % warns, 2 % stops."""
    off = _found(session).nonlinearity
    figures = (Figure("linearity", 100.0 * off, "%"),)
    if off > LINEAR_STOP:
        return Verdict(
            f"linearity is off by {100 * off:.2f} %, above {100 * LINEAR_STOP:g} %; have the service look", (), figures
        )
    warned = (f"linearity is off by {100 * off:.2f} %, above {100 * LINEAR_WARN:g} %",) if off > LINEAR_WARN else ()
    return Verdict("", warned, figures)


def linear(session: Session) -> Linear:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session)


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"ma-linearity": judged}
