"""Leakage survey and focal spot, as guided records: what a survey meter and a film show, typed, against the limits.
The machine exposes and a person reads; no number here goes into a dose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from calibration.equipment import Applicator, Base, LeakSurvey
from calibration.procedures.parts import LIVE, WHOLE, Desk, Setting, at_end, in_date, numbers
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Exposure, Grammar, Procedure, Step, Wanted

MGY_H_1M: Final = 1.0
"""Tube assembly up to 150 kV, at 1 m (IEC 60601-2-8, clause 201.10.1.2.101, as quoted)."""
MGY_H_5CM_LOW, MGY_H_5CM, LOW_KV = 1.0, 300.0, 50.0
"""At 5 cm: up to 50 kV, and above (N.D.A.C. 33.1-10-15-06)."""
OTHER_MGY_H_5CM: Final = 0.02
"""Other parts at 5 cm, high voltage on and the filament cold (clause 201.10.1.2.104, as quoted)."""
MOST_MGY_H: Final = 1000.0
PLACES: Final = ("anode side", "cathode side", "left", "right", "cable gland")
METER: Final = "meter"
SECONDS: Final = 20.0
ALIGN_WARN_MM, ALIGN_STOP_MM = 0.5, 1.0
"""Focal spot alignment (PMC5849838)."""
GROWN: Final = 1.5
"""Against the tube's own record. An assumption: a spot half as large again is a damaged target."""


@dataclass(frozen=True)
class Spot:
    """Size, and how far its axis lies from the applicator's."""

    size_mm: float
    off_mm: float


def leakage_survey_procedure(
    setting: Setting, applicator: Applicator, meter: Base, at: datetime, desk: Desk = WHOLE
) -> Procedure:
    """Around the head at the largest kV and mA, capped; then the tank, with the filament cold, or with the beam in the cap where the desk has no other.

    What the meter shows of the tank is then the head's too: it may be refused for nothing, and is never passed for it.
    ValueError: no cap is coded in, or the meter may not be used now."""
    in_date(at, meter)
    if applicator.kind != "conditioning_cap":
        raise ValueError(
            f"{applicator.id} is {applicator.kind}; put the cap on, the survey is of what comes through the head"
        )
    near = MGY_H_5CM_LOW if setting.kv <= LOW_KV else MGY_H_5CM
    read = Wanted(meter.id, "mGy/h", Grammar(0.0, MOST_MGY_H), "typed")

    def step(name: str, exposes: Exposure, most: float, connect: str) -> Step:
        why = f"Leakage is {most:g} mGy/h at most here."
        return Step(
            name, why, connect, exposes, LIVE, (read,), Accept(judgement="leak", numbers=(("most_mgy_h", most),)), "G23"
        )

    alive = Step(
        METER, "A meter that is dead, or on another range, shows no leakage.", f"{meter.id} ({meter.serial}) with its check source; beam off.",
        None, (), (Wanted("the meter shows its check source as its paper says", "", Grammar(0.0, 1.0), "told"),), Accept(judgement="told-yes"), "A6",
    )  # fmt: skip
    steps = [
        step(
            f"{place}, {far}",
            setting.exposes(SECONDS, 1),
            most,
            f"{meter.id} ({meter.serial}) at {far} from the focus, {place}; nobody beside it.",
        )
        for place in PLACES
        for far, most in (("5 cm", near), ("1 m", MGY_H_1M))
    ]
    tank = step(
        "tank, 5 cm",
        setting.without_beam("cold", SECONDS, 1) if "cold" in desk.does else setting.exposes(SECONDS, 1),
        OTHER_MGY_H_5CM,
        f"{meter.id} at 5 cm from the tank, {'the filament cold' if 'cold' in desk.does else 'the head with its cap as far away as it goes'}.",
    )
    return Procedure(
        f"leakage survey {setting.kv:g} kV {setting.ma:g} mA",
        "service",
        ((meter.id, meter.serial),),
        (alive, *steps, tank),
    )


def leak(session: Session, step: Step) -> Verdict:
    """Against the limit of the place."""
    most, shown = numbers(step)["most_mgy_h"], max(session.values(step.id))
    if shown > most:
        return Verdict(
            f"{shown:g} mGy/h at {step.id}, above {most:g}; switch off, nobody stays in the room, have the shielding mended"
        )
    place, _, far = step.id.partition(", ")
    near = session.values(f"{place}, 5 cm") if far == "1 m" else ()
    if near and shown > max(near):
        return Verdict(
            f"{shown:g} mGy/h at 1 m and {max(near):g} at 5 cm, {place}: the nearer one is more; see which was which, reject, and read again"
        )
    said = [one.value for one in session.held if not one.rejected and one.step != METER]
    last = step.id == session.procedure.steps[-1].id
    warned = (f"{len(said)} readings are all {shown:g} mGy/h",) if last and len(set(said)) == 1 else ()
    return Verdict("", warned, (Figure("of the limit", 100.0 * shown / most, "%"),))


def survey(session: Session, by: str) -> LeakSurvey:
    """The tube's record: the largest at each distance. ValueError: it is not at its end."""
    at_end(session)
    assert session.last_at is not None
    largest = {
        far: max(
            one.value
            for one in session.held
            if one.step.endswith(far) and not one.step.startswith("tank") and not one.rejected
        )
        for far in ("1 m", "5 cm")
    }
    return LeakSurvey(at=session.last_at, mgy_h_1m=largest["1 m"], mgy_h_5cm=largest["5 cm"], by=by)


def focal_spot_procedure(setting: Setting, film: Base, known_mm: float) -> Procedure:
    """A film behind a pinhole, its image measured."""
    size, off = (Wanted(name, "mm", Grammar(0.0, 20.0), "typed") for name in ("spot size", "spot off axis"))
    given = (("known_mm", known_mm),)
    expose = Step(
        "film", "Where the focus is, and how large: the axis of every applicator begins there.",
        f"Film {film.id} ({film.serial}) behind the pinhole, at the applicator's plane; marks at its axis.",
        setting.exposes(SECONDS, 1), LIVE, (Wanted("film exposed", "", Grammar(0.0, 1.0), "told"),), Accept(judgement="told-yes"), "A1",
    )  # fmt: skip
    read = Step("image", "Measured on the developed film.", "The film on the viewer, with a loupe and a scale.", None, (), (size, off),
                Accept(judgement="spot", numbers=given), "A1")  # fmt: skip
    return Procedure(
        f"focal spot {setting.kv:g} kV",
        "service",
        (("spot size", film.serial), ("spot off axis", film.serial)),
        (expose, read),
    )


def told_yes(session: Session, step: Step) -> Verdict:
    """Every answer is yes."""
    no = [one.instrument for one in session.kept(step.id) if one.value != 1.0]
    return Verdict(
        f"{no[0]}: the answer is no; set that right, reject the answer, and begin the step again" if no else ""
    )


def spot(session: Session, step: Step) -> Verdict:
    """Against the tube's record and the axis."""
    known = numbers(step)["known_mm"]
    size, off = session.values(step.id, "spot size")[-1], session.values(step.id, "spot off axis")[-1]
    figures = Figure("size", size, "mm"), Figure("off axis", off, "mm")
    if off > ALIGN_STOP_MM or not known / GROWN <= size <= known * GROWN:
        return Verdict(
            f"a spot of {size:g} mm, {off:g} mm off the axis; {known:g} mm and {ALIGN_STOP_MM:g} mm at most are right: have the tube looked at",
            (),
            figures,
        )
    warned = (f"{off:g} mm off the axis, above {ALIGN_WARN_MM:g} mm",) if off > ALIGN_WARN_MM else ()
    return Verdict("", warned, figures)


def focal_spot(session: Session) -> Spot:
    """What the film showed. ValueError: it is not at its end."""
    at_end(session)
    return Spot(session.values("image", "spot size")[-1], session.values("image", "spot off axis")[-1])


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"leak": leak, "told-yes": told_yes, "spot": spot}
