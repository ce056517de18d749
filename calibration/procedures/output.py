"""The output of one combination as a guided procedure: readings, leakage, other polarity, half the voltage; and its readings as a certificate holds them.
It judges nothing beyond its steps; R0 and its refusals are calibration/output.py."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from calibration.dosimetry.beam import LEAST_READINGS, MOST_COV
from calibration.equipment import Chamber, Electrometer, unusable
from calibration.procedures.session import Phase, Reading, Session
from calibration.procedures.step import Accept, Exposure, Grammar, Procedure, Source, Step, Wanted

REPEATS: Final = 2
"""A step's charge is capped at so many times what its readings need."""
LEAKAGE: Final = 0.005
POLARITY: Final = 0.02
LEAST_AT_LOW, MOST_AT_LOW = 0.94, 1.002
"""Of the reading at the operating voltage; half of it collects a little less, and P_ion itself is judged with the certificate."""
LIVE: Final = ("kv", "ma", "timer_s", "rate")


@dataclass(frozen=True)
class Beam:
    """The combination, the set time, and the largest charge that can be read."""

    kv: float
    ma: float
    filter: str
    applicator: str
    seconds: float
    most_nc: float


def output_procedure(
    beam: Beam, chamber: Chamber, electrometer: Electrometer, low_v: float, source: Source, at: datetime
) -> Procedure:
    """The steps for this combination and these instruments. ValueError: an instrument may not be used now, or the voltages are none."""
    wrong = unusable(chamber, at) or unusable(electrometer, at)
    if wrong:
        raise ValueError(wrong)
    if not 0.0 < low_v < chamber.polarising_v:
        raise ValueError(
            f"low_v = {low_v:g} is not below the {chamber.polarising_v:g} V of {chamber.id}; take half of it"
        )
    volts, read = chamber.polarising_v, Wanted(electrometer.id, "nC", Grammar(-beam.most_nc, beam.most_nc), source)
    head = (
        f"{chamber.id} ({chamber.serial}) in air at its recorded distance, on {electrometer.id} ({electrometer.serial})"
    )

    def step(name: str, why: str, connect: str, n: int, accept: Accept, hazard: str) -> Step:
        exposes = (
            Exposure(
                beam.kv, beam.ma, beam.filter, beam.applicator, beam.seconds, n, REPEATS * n * beam.ma * beam.seconds
            )
            if n
            else None
        )
        return Step(name, why, connect, exposes, LIVE if n else (), (read,), accept, hazard)

    return Procedure(
        f"output {beam.kv:g} kV {beam.ma:g} mA {beam.filter} {beam.applicator} {chamber.id} {volts:g}/{low_v:g} V",
        "physics",
        ((electrometer.id, electrometer.serial),),
        (
            step("readings", "What the beam gives, five times at least.", f"{head}, at {volts:g} V.", LEAST_READINGS, Accept(cov=MOST_COV), "A2"),
            step(
                "leakage", f"What the chamber gives without beam in {beam.seconds:g} s; it is taken off each reading.", f"As before, at {volts:g} V, beam off.",
                0, Accept(ratio_to="readings", least=-LEAKAGE, most=LEAKAGE), "A12",
            ),
            step(
                "polarity", "Half the difference of both signs is not of the beam.", f"As before, at -{volts:g} V, after five minutes.",
                1, Accept(ratio_to="readings", least=-1.0 - POLARITY, most=-1.0 + POLARITY), "A12",
            ),
            step(
                "recombination", "What recombines before it is collected.", f"As before, at {low_v:g} V, after five minutes.",
                1, Accept(ratio_to="readings", least=LEAST_AT_LOW, most=MOST_AT_LOW), "A12",
            ),
        ),
    )  # fmt: skip


def measured_part(session: Session) -> dict[str, Any]:
    """What the session gives to MeasuredTable: readings, leakage and both corrections' readings. ValueError: it is not at its end."""
    if session.phase is not Phase.DONE:
        raise ValueError(
            f"{session.id}: {session.phase.value} is due in step {session.step.id if session.step else ''}; finish it first"
        )
    exposes = session.procedure.steps[0].exposes
    if exposes is None:
        raise ValueError(f"{session.procedure.name} is no output procedure")
    return {
        "readings": [
            {
                "nc": one.value,
                "set_s": exposes.seconds,
                "t_c": one.event.t_c,
                "p_kpa": one.event.p_kpa,
                "since_warmup_s": one.event.since_warmup_s,
                "at": one.event.at.replace(microsecond=0),
            }
            for one in session.kept("readings")
            if isinstance(one.event, Reading)
        ],
        "leakage_nc": _mean(session, "leakage"),
        "opposite_nc": _mean(session, "polarity"),
        "low_v_nc": _mean(session, "recombination"),
    }


def _mean(session: Session, step: str) -> float:
    values = [one.value for one in session.kept(step)]
    return math.fsum(values) / len(values)
