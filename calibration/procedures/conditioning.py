"""Tube conditioning: the seasoning ladder by idle time, with `conditioning_cap` coded in; arcs hold a rung or send one back; the top rung must stand.
It seasons a tube and calibrates nothing; the short warm-up of a treatment day is another procedure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from statistics import fmean
from typing import Final

from calibration.equipment import Applicator, Tube, stamp
from calibration.procedures.parts import LIVE, WHOLE, Desk, Setting, at_end, numbers, recorded
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Exposure, Procedure, Step

DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Ladder:
    """For an idle time of `least` and more: where kV begins (part of the top), its rise each rung, how long each is held, and how long mA 0 comes first."""

    least: timedelta
    first_part: float
    step_kv: float
    hold_s: float
    dark_s: float


LADDERS: Final = (
    Ladder(90 * DAY, 0.30, 5.0, 300.0, 900.0),
    Ladder(30 * DAY, 0.40, 5.0, 300.0, 0.0),
    Ladder(3 * DAY, 0.50, 10.0, 240.0, 0.0),
    Ladder(DAY / 3, 0.60, 20.0, 100.0, 0.0),
)
"""After three months as Oxford Instruments publishes it (xray.oxinst.com: lowest kV with mA 0 for 15 min, then 5 kV each 5 min); the shorter ones
come to 30 to 60, 15 to 20 and 5 min: assumptions of this program."""
PAUSE: Final = LADDERS[-1].least
"""A tube that rests so long in the middle of its ladder begins it anew: what a rung gave is lost as after any idle time."""
LOW_MA, HALF = 0.20, 0.50
"""mA of the rungs up to half the top kV; above, mA is full."""
HOLD_ARCS, BACK_ARCS, TOP_ARCS = 0.0, 2.0, 0.0
"""More arcs than the first in a rung's last exposure: hold it again; one that an arc ended is made again anyway. More than the second, in an exposure or
ending so many of the rung: back to the rung before. At the top none. Assumptions."""
MOST_S: Final = 60.0
"""One exposure, as the day's warm-up has it: in a longer one the head warms until k_TP of a vented chamber has drifted by 0.5 %, and the beam is ended."""
STEADY: Final = 0.01
"""kV and mA of the top rung's exposures. An assumption."""
REPEATS: Final = 6
"""A rung's charge is capped at so many times its own: it may be held again, and come back to."""


@dataclass(frozen=True)
class Seasoned:
    """The top that stands, arcs on the way, in exposures that they ended and rejected ones too, and the charge given, for the tube's book."""

    kv: float
    ma: float
    arcs: int
    mas: float


def ladder_for(idle: timedelta) -> Ladder | None:
    """None: it idled too short to need one."""
    return next((one for one in LADDERS if idle >= one.least), None)


def conditioning_procedure(
    tube: Tube, applicator: Applicator, filter_id: str, kv: float, ma: float, at: datetime, desk: Desk = WHOLE
) -> Procedure:
    """Up to this kV and mA. ValueError: no cap is coded in, the tube bears no such setting, or it has not idled long enough to need it."""
    if applicator.kind != "conditioning_cap":
        raise ValueError(
            f"{applicator.id} is {applicator.kind}; put the conditioning cap on first, nobody is seasoned in the open"
        )
    if kv > tube.max_kv or ma > tube.max_ma or kv * ma > tube.max_w:
        raise ValueError(
            f"{kv:g} kV, {ma:g} mA are above what {tube.id} bears ({tube.max_kv:g} kV, {tube.max_ma:g} mA, {tube.max_w:g} W)"
        )
    idle = at - tube.last_beam_at
    ladder = ladder_for(idle)
    if ladder is None:
        raise ValueError(
            f"{tube.id} idled {idle.total_seconds() / 3600:.1f} h, below {LADDERS[-1].least.total_seconds() / 3600:g} h; warm up instead"
        )
    if ladder.dark_s and "cold" not in desk.does:
        raise ValueError(
            f"{tube.id} idled so long that kV comes first without current, and the desk exposes with beam only; season it by the maker's program"
        )
    steps = list[Step]()
    if ladder.dark_s:
        n = math.ceil(ladder.dark_s / tube.max_on_s)
        cold = Exposure(ladder.first_part * kv, 0.0, filter_id, applicator.id, ladder.dark_s / n, n, 0.0, "cold")
        steps.append(
            _step("cold", cold, "After so long an idle time kV comes first, without current.", applicator, "", desk)
        )
    at_kv = ladder.first_part * kv
    while at_kv < kv - 1e-6:
        rung_ma = round(LOW_MA * ma, 4) if at_kv <= HALF * kv else ma
        setting = Setting(round(at_kv, 2), rung_ma, filter_id, applicator.id)
        steps.append(
            _step(
                f"{at_kv:.1f} kV",
                _held(tube, setting, ladder.hold_s),
                "Gas leaves the tube rung by rung.",
                applicator,
                _before(steps),
                desk,
            )
        )
        at_kv += ladder.step_kv
    top = _held(tube, Setting(kv, ma, filter_id, applicator.id), max(ladder.hold_s, 120.0), 2)
    steps.append(_step("top", top, "The top rung stands without an arc.", applicator, _before(steps), desk))
    return Procedure(f"conditioning {tube.serial} to {kv:g} kV {ma:g} mA", "service", desk.typed("arcs"), tuple(steps))


def _before(steps: list[Step]) -> str:
    return steps[-1].id if steps else ""


def _held(tube: Tube, setting: Setting, hold_s: float, least_n: int = 1) -> Exposure:
    """A hold in as many exposures as the tube's duty and the head ask, with the tube's rest between."""
    n = max(math.ceil(hold_s / min(tube.max_on_s, MOST_S)), least_n)
    return setting.exposes(hold_s / n, n, tube.min_rest_s, REPEATS)


def _step(name: str, exposes: Exposure, why: str, applicator: Applicator, before: str, desk: Desk) -> Step:
    first = "" if before else f"The conditioning cap {applicator.id} ({applicator.serial}) on the head."
    given = (("top", float(name == "top")),)
    return Step(
        name,
        why,
        first,
        exposes,
        (*LIVE, "arcs"),
        (*desk.reading("arcs"), *recorded("kv", "ma")),
        Accept(judgement="rung", numbers=given, back=before),
        "G22",
    )


def paused(session: Session, at: datetime | None = None) -> str:
    """Where the tube rested too long between two exposures of its ladder, or since the last one until `at`, in words; or ""."""
    asked = sorted(shot.asked_at for shot in session.shots)
    for before, after in pairwise([*asked, *([at] if at is not None and asked else [])]):
        if after - before > PAUSE:
            return (
                f"the tube rested {(after - before).total_seconds() / 3600:.1f} h after {stamp(before)}, above {PAUSE.total_seconds() / 3600:g} h, "
                "in the middle of its ladder; void the session, and begin anew"
            )
    return ""


def rung(session: Session, step: Step) -> Verdict:
    """Hold, go back, or go on."""
    if rested := paused(session):
        return Verdict(rested)
    arcs, ended = session.values(step.id, "arcs"), _ended(session, step)
    figures = (Figure("arcs", math.fsum(arcs) + ended, ""),)
    if max(arcs) > BACK_ARCS and step.accept.back:
        return Verdict(f"{max(arcs):g} arcs in one exposure; go back to {step.accept.back} and hold it", (), figures)
    if ended > BACK_ARCS and step.accept.back:
        return Verdict(
            f"{ended:g} arcs ended exposures of this rung; go back to {step.accept.back} and hold it", (), figures
        )
    if numbers(step)["top"]:
        if math.fsum(arcs) > TOP_ARCS:
            return Verdict(f"{math.fsum(arcs):g} arcs at the top; reject, and hold it again", (), figures)
        for name, unit in (("kv", "kV"), ("ma", "mA")):
            values = session.values(step.id, name)
            if max(values) - min(values) > STEADY * fmean(values):
                return Verdict(
                    f"{unit} of the top moves from {min(values):g} to {max(values):g}; hold it again", (), figures
                )
    elif arcs[-1] > HOLD_ARCS:
        return Verdict(f"{arcs[-1]:g} arcs in the last exposure; reject, and hold it again", (), figures)
    return Verdict("", (), figures)


def _ended(session: Session, step: Step) -> float:
    """Arcs that ended an exposure, since this rung was last come to."""
    return math.fsum(shot.arcs for shot in takewhile(lambda shot: shot.step == step.id, reversed(session.shots)))


def seasoned(session: Session) -> Seasoned:
    """What the session came to. ValueError: it is not at its end."""
    at_end(session)
    exposes = {step.id: step.exposes for step in session.procedure.steps}
    mas = math.fsum(
        what.ma * one.timer_s
        for one in session.shots
        if one.timer_s is not None and (what := exposes[one.step]) is not None
    )
    arcs = math.fsum(one.value for one in session.held if one.instrument == "arcs") + math.fsum(
        one.arcs for one in session.shots
    )
    top = exposes[session.procedure.steps[-1].id]
    assert top is not None
    return Seasoned(top.kv, top.ma, round(arcs), mas)


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"rung": rung}
