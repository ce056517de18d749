"""The output of one combination as a guided procedure: readings, leakage, other polarity, half the voltage; and its readings as a certificate holds them.
It judges nothing beyond its steps; R0 and its refusals are calibration/output.py."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from calibration.dosimetry.beam import LEAST_READINGS, MOST_COV
from calibration.equipment import Base, Chamber, Electrometer, superseded, unstated, unusable
from calibration.procedures.applicator import read_each
from calibration.procedures.parts import LIVE, REPEATS, at_end, charges, numbers, of_chamber, recorded
from calibration.procedures.session import Figure, Judgement, Reading, Session, Verdict
from calibration.procedures.step import Accept, Exposure, Grammar, Procedure, Source, Step, Wanted

LEAKAGE: Final = 0.005
POLARITY: Final = 0.02
LEAST_AT_LOW, MOST_AT_LOW = 0.94, 1.002
"""Of the reading at the operating voltage; half of it collects a little less, and P_ion itself is judged with the certificate."""
FURTHER_MM: Final = 20.0
"""Once the chamber is moved so much away: a distance that is not the recorded one, or corrected for already, does not follow the inverse square."""
SQUARE: Final = 0.01
"""So near to it: 0.3 mm of position is 0.25 % at 60 mm, and the accident's kind of mistake many times more. An assumption of this program."""
FURTHER_OFF: Final = 0.005
"""From here on somebody says why: 0.6 mm at 60 mm, twice the position's usual half-width, is 2 % of dose. An assumption of this program."""
SENSORS_KPA: Final = 0.5
"""Two pressure sensors differ by no more; pressure reduced to sea level does, from 45 m above it."""
OF_CERTIFICATE, OF_NAME_PLATE = 0.10, 0.25
"""By so much a charge may differ from what the last certificate, or the name plate, lets expect: above 10 % all is measured from scratch."""
RAW: Final = (
    "the electrometer is reset before each exposure",
    "its display has no correction for air",
    "its display has no correction for distance",
)


@dataclass(frozen=True)
class Beam:
    """The combination, the set time, the largest charge that can be read; where the chamber stands, which charge is expected within which part of it,
    and whether the exposure's record holds station pressure of a sensor of its own."""

    kv: float
    ma: float
    filter: str
    applicator: str
    seconds: float
    most_nc: float
    chamber_mm: float
    expected_nc: float
    within: float
    kpa_recorded: bool


def output_procedure(
    beam: Beam,
    chamber: Chamber,
    electrometer: Electrometer,
    low_v: float,
    source: Source,
    at: datetime,
    known: Sequence[Base] = (),
) -> Procedure:
    """The steps for this combination and these instruments; `known` are calibrations of instruments that are on record. ValueError: an instrument may not be
    used now, or the voltages are none."""
    wrong = (
        unusable(chamber, at)
        or unusable(electrometer, at)
        or superseded(chamber, known)
        or superseded(electrometer, known)
        or unstated(chamber)
    )
    if wrong:
        raise ValueError(wrong)
    if not 0.0 < low_v < chamber.polarising_v:
        raise ValueError(
            f"low_v = {low_v:g} is not below the {chamber.polarising_v:g} V of {chamber.id}; take half of it"
        )
    volts, read = chamber.polarising_v, of_chamber(electrometer, beam.most_nc, source, chamber.vented)
    head = (
        f"{chamber.id} ({chamber.serial}) in air at its recorded distance, on {electrometer.id} ({electrometer.serial})"
    )

    square = (beam.chamber_mm / (beam.chamber_mm + FURTHER_MM)) ** 2
    given = (("expected_nc", beam.expected_nc), ("within", beam.within))
    asked = tuple(Wanted(one, "", Grammar(0.0, 1.0), "told") for one in RAW)

    def step(
        name: str, why: str, connect: str, n: int, accept: Accept, hazard: str, more: tuple[Wanted, ...] = ()
    ) -> Step:
        exposes = (
            Exposure(
                beam.kv, beam.ma, beam.filter, beam.applicator, beam.seconds, n, REPEATS * n * beam.ma * beam.seconds
            )
            if n
            else None
        )
        return Step(name, why, connect, exposes, LIVE if n else (), (read, *more), accept, hazard)

    return Procedure(
        f"output {beam.kv:g} kV {beam.ma:g} mA {beam.filter} {beam.applicator} {chamber.id} {volts:g}/{low_v:g} V",
        "physics",
        ((electrometer.id, electrometer.serial), (chamber.id, chamber.serial)),
        (
            *([Step("asked", "A reading is corrected once, by the program.", f"{head}, at {volts:g} V.", None, (), asked, Accept(judgement="told-yes"), "A12")]
              if source == "typed" else []),
            step(
                "readings", "What the beam gives, five times at least.", f"{head}, at {volts:g} V, {beam.chamber_mm:g} mm from the focus.", LEAST_READINGS,
                Accept(cov=MOST_COV, judgement="output-readings", numbers=given), "A2", recorded("p_kpa") if beam.kpa_recorded else (),
            ),
            step(
                "leakage", f"What the chamber gives without beam in {beam.seconds:g} s; it is taken off each reading.", f"As before, at {volts:g} V, beam off.",
                0, Accept(ratio_to="readings", least=-LEAKAGE, most=LEAKAGE), "A12",
            ),
            step(
                "further", "A chamber that stands where it is said to follows the inverse square.", f"As before, {FURTHER_MM:g} mm further from the focus.",
                1, Accept(ratio_to="readings", least=square * (1.0 - SQUARE), most=square * (1.0 + SQUARE), judgement="output-further",
                          numbers=(("chamber_mm", beam.chamber_mm),)), "A1",
            ),
            step(
                "polarity", "Half the difference of both signs is not of the beam.", f"Back at {beam.chamber_mm:g} mm, at -{volts:g} V, after five minutes.",
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
    at_end(session)
    exposes = next((one.exposes for one in session.procedure.steps if one.id == "readings"), None)
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
        "rejected": [
            {"step": one.step, "nc": one.value, "at": one.event.at.replace(microsecond=0), "why": one.rejected}
            for one in session.held
            if one.rejected and isinstance(one.event, Reading) and one.instrument == session.procedure.serials[0][0]
        ],
        "leakage_nc": _mean(session, "leakage"),
        "opposite_nc": _mean(session, "polarity"),
        "low_v_nc": _mean(session, "recombination"),
    }


def _mean(session: Session, step: str) -> float:
    values = session.values(step)
    return math.fsum(values) / len(values)


def readings(session: Session, step: Step) -> Verdict:
    """Read one by one, as much as is expected, and in the air that the machine's own sensor finds."""
    verdict = read_each(session, step)
    if verdict.refused:
        return verdict
    given, nc = numbers(step), math.fsum(charges(session, step.id)) / len(charges(session, step.id))
    if abs(nc / given["expected_nc"] - 1.0) > given["within"]:
        return Verdict(
            f"{nc:.4f} nC at 20 degC and 101.325 kPa, and {given['expected_nc']:.4f} are expected within {100 * given['within']:g} %; "
            "look at seat, reset and unit, and reject what is wrong; where the machine changed, a component change is recorded first"
        )
    own = {one.event.token: one.value for one in session.kept(step.id) if one.instrument == "p_kpa"}
    for one in session.kept(step.id):
        kpa = own.get(one.event.token)
        if isinstance(one.event, Reading) and kpa is not None and abs(one.event.p_kpa - kpa) > SENSORS_KPA:
            return Verdict(
                f"p_kpa = {one.event.p_kpa:g} was written and the machine's sensor had {kpa:.2f}: more than {SENSORS_KPA:g} kPa "
                "apart; read station pressure, none reduced to sea level"
            )
    return Verdict(
        "",
        verdict.warned,
        (*verdict.figures, Figure("against expected", 100.0 * (nc / given["expected_nc"] - 1.0), "%")),
    )


def further(session: Session, step: Step) -> Verdict:
    """Where the chamber stood, by the inverse square of both places (hazard A1)."""
    said_mm, ratio = numbers(step)["chamber_mm"], _mean(session, step.id) / _mean(session, "readings")
    found_mm = FURTHER_MM * math.sqrt(ratio) / (1.0 - math.sqrt(ratio))
    off = ratio / (said_mm / (said_mm + FURTHER_MM)) ** 2 - 1.0
    figures = (Figure("chamber by the inverse square", found_mm, "mm"),)
    if abs(off) <= FURTHER_OFF:
        return Verdict("", (), figures)
    dose_pct = 100.0 * ((found_mm / said_mm) ** 2 - 1.0)
    words = f"by the inverse square the chamber stood at {found_mm:.1f} mm, and {said_mm:g} mm is recorded: {dose_pct:+.1f} % of dose"
    return Verdict("", (words,), figures)


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"output-readings": readings, "output-further": further}
