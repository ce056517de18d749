"""The output procedure on E4's instruments, and the events of a walk through it.
It judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from calibration.equipment import Chamber, Electrometer
from calibration.procedures.engine import after
from calibration.procedures.output import Beam, output_procedure
from calibration.procedures.session import (
    ACCEPT,
    AnyEvent,
    Confirmed,
    Connected,
    Exposed,
    Phase,
    Reading,
    Recorded,
    Session,
)
from calibration.procedures.step import Procedure, Source
from tests.calibration.measured_bench import AT, MEASURED, READINGS, instruments


def procedure(source: Source = "wire", seconds: float = 60.0, at: datetime = AT, vented: bool = True) -> Procedure:
    """E4's; or with a chamber of that kind that is sealed."""
    found = instruments()
    chamber, electrometer = found["C1"], found["E1"]
    assert isinstance(chamber, Chamber) and isinstance(electrometer, Electrometer)
    return output_procedure(
        Beam(69.5, 1.6, "F2", "A20", seconds, 20.0, 61.0, 6.62, 0.10, True),
        chamber.model_copy(update={"vented": vented}),
        electrometer,
        MEASURED["low_v"],
        source,
        at,
    )


def charges(step: str) -> list[float]:
    """What E4's electrometer shows in a step."""
    if step == "readings":
        return [float(str(one["nc"])) for one in READINGS]
    if step == "further":
        return [6.4120 * (61.0 / 81.0) ** 2]
    return [MEASURED[{"leakage": "leakage_nc", "polarity": "opposite_nc", "recombination": "low_v_nc"}[step]]]


def due(session: Session, at: datetime) -> AnyEvent:
    """The event that a careful person and a sound desk give next."""
    step = session.step
    assert step is not None
    shot = session.shot
    match session.phase:
        case Phase.CONNECT:
            return Connected(step.id, at)
        case Phase.READY:
            return Confirmed(step.id, at, session.next_token if step.exposes else "")
        case Phase.EXPOSING:
            assert shot is not None and step.exposes is not None
            return Exposed(step.id, at, shot.token, step.exposes.seconds, "complete", Recorded(p_kpa=98.7))
        case Phase.READ:
            if step.reading[0].source == "told":
                asked = step.reading[len(session.kept(step.id))].instrument
                return Reading(step.id, at, "", "yes", asked, "", 24.6, 98.72, 600.0)
            values = charges(step.id)
            nc = values[len(session.values(step.id)) % len(values)]
            return Reading(step.id, at, shot.token if shot else "", f"{nc:.4f} nC", "E1", "S-E1", 24.6, 98.72, 600.0)
        case _:
            return Confirmed(step.id, at, ACCEPT)


def walk(vented: bool = True) -> Iterator[tuple[Session, AnyEvent]]:
    """Each session of a walk without trouble, and the event that comes to it."""
    session, at = Session("S", procedure(vented=vented)), AT
    while session.step is not None:
        event = due(session, at)
        yield session, event
        session, effects = after(session, event)
        assert not effects.refused, effects
        at += timedelta(seconds=30)
