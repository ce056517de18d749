"""Interrupt error: a dose in pieces, each a start of its own with the time that a resume would set, against the same dose in one.
What a resume owes is worked out by the formula of the certificate; this shows that the machine gives it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from calibration.dosimetry.in_air import set_time
from calibration.dosimetry.units import Milligrays, MilligraysPerSecond, Seconds
from calibration.procedures.parts import LIVE, Charge, Setting, at_end, charges, recorded
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Procedure, Step

WARN, STOP = 0.02, 0.04
"""PMC5849838."""
PIECES: Final = (0.4, 0.35)
"""Of the dose, before each interruption; the rest is the last piece."""
N: Final = 2


@dataclass(frozen=True)
class Interrupted:
    """The dose in pieces over that in one."""

    ratio: float
    set_s: tuple[float, ...]


def times(whole_s: float, dt_s: float) -> tuple[float, ...]:
    """What is set for each piece so that together they give what `whole_s` gives: rate 1, and an end effect for each start."""
    dose, rate, dt = Milligrays(whole_s + dt_s), MilligraysPerSecond(1.0), Seconds(dt_s)
    ran = list[Seconds]()
    for part in PIECES:
        ran.append(Seconds(round(part * whole_s, 2)))
    last = set_time(dose, rate, dt, ran)
    return (*(one.value for one in ran), round(last.value, 2))


def interrupt_procedure(setting: Setting, charge: Charge, head: str, whole_s: float, dt_s: float) -> Procedure:
    """One, the pieces, one again. ValueError: the rest is too short to be a piece."""
    pieces = times(whole_s, dt_s)
    if min(pieces) < 3.0:
        raise ValueError(f"pieces of {pieces} s: the shortest is below 3 s; expose longer")

    def step(name: str, seconds: float, n: int, judgement: str, connect: str = "") -> Step:
        why = "Each start has its own end effect; a resume that forgot it would be wrong each time."
        reading = (charge.wanted, *recorded("timer_s"))
        return Step(name, why, connect, setting.exposes(seconds, n), LIVE, reading, Accept(judgement=judgement), "A7")

    parts = [step(f"piece {place}", seconds, N, "") for place, seconds in enumerate(pieces, 1)]
    return Procedure(
        f"interrupt {setting.kv:g} kV {setting.ma:g} mA", "physics", (charge.serial,),
        (step("whole", whole_s, N, "", head), *parts, step("whole again", whole_s, N, "interrupt")),
    )  # fmt: skip


def _found(session: Session) -> Interrupted:
    pieces = [step for step in session.procedure.steps if step.id.startswith("piece")]
    whole = 0.5 * (fmean(charges(session, "whole")) + fmean(charges(session, "whole again")))
    if whole <= 0.0:
        raise ValueError(f"{whole:g} nC were read of the whole dose; look at the connection")
    ratio = math.fsum(fmean(charges(session, step.id)) for step in pieces) / whole
    return Interrupted(ratio, tuple(step.exposes.seconds for step in pieces if step.exposes))


def judged(session: Session, _step: Step) -> Verdict:
    """2 % warns, 4 % stops."""
    found = _found(session)
    off = 100.0 * (found.ratio - 1.0)
    figures = (Figure("pieces against one", off, "%"),)
    if abs(off) > 100.0 * STOP:
        return Verdict(
            f"in {len(found.set_s)} pieces it gives {off:+.2f} %, above {100 * STOP:g} %; resume nothing, find out why",
            (),
            figures,
        )
    warned = (
        (f"in {len(found.set_s)} pieces it gives {off:+.2f} %, above {100 * WARN:g} %",)
        if abs(off) > 100.0 * WARN
        else ()
    )
    return Verdict("", warned, figures)


def interrupted(session: Session) -> Interrupted:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session)


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"interrupt": judged}
