"""kV dependence: the output against kV at one mA, from 15 % of the combination's kV up to it, for the model channel in the ramp and its supervision.
It is a table of what was measured and no power law; no clinical set-point is worked out from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any, Final

from calibration.procedures.parts import LIVE, Charge, Setting, at_end, exposing, leakage_step, net, numbers, recorded
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Procedure, Step

PARTS: Final = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of the combination's kV: five points at least are asked for, from 15 %."""
SECONDS: Final = 20.0
DRIFT: Final = 0.01
"""At the combination's own kV, before and after. An assumption."""
FALLS: Final = 0.002
"""Of the output at the combination's kV: what a chamber reads of next to nothing may lie so much below the point before it."""
STEEP_FROM: Final = 0.6
LEAST_POWER, MOST_POWER, NEXT_POWER = 0.8, 4.0, 1.0
"""From so much of the combination's kV on, output goes between two points as kV to a power of 1.1 to 2.7, for any filter of such a tube, and from one pair
to the next it changes by 0.4 at most (SpekPy, 40 to 100 kV, half-value layers of 0.5 to 3 mm Al); beyond these a reading is of something else."""
LEAST_MA: Final = 0.5
"""Of the set mA must be read back: a cold or starved filament makes no table."""


@dataclass(frozen=True)
class Dependence:
    """kV as read back and relative output, 1 at the combination's kV."""

    rows: tuple[tuple[float, float], ...]

    def part(self) -> list[dict[str, Any]]:
        """The rows for a certificate's g_kv."""
        return [{"kv": kv, "rel": rel} for kv, rel in self.rows]


def kv_dependence_procedure(
    setting: Setting, charge: Charge, head: str, offset_ma_per_kv: float, parts: Sequence[float] = PARTS
) -> Procedure:
    """From the combination's kV down to the least of its parts, 15 %, and back to it. `offset_ma_per_kv`: what the read-back of mA holds of the bleeder.

    ValueError: the parts do not begin at the combination's own kV, or one stands twice."""
    if max(parts) != 1.0 or len(set(parts)) != len(parts):
        raise ValueError(
            f"parts {list(parts)}: the largest is 1, the combination's own kV, and none stands twice; correct them"
        )
    given = (("offset_ma_per_kv", offset_ma_per_kv),)
    kvs = sorted((round(part * setting.kv, 2) for part in parts), reverse=True)

    def step(name: str, kv: float, judgement: str, connect: str = "") -> Step:
        exposes = Setting(kv, setting.ma, setting.filter, setting.applicator).exposes(SECONDS, 1)
        why = "In the ramp the output follows no power law: a table does."
        reading = (charge.wanted, *recorded("kv", "ma", "timer_s"))
        return Step(name, why, connect, exposes, LIVE, reading, Accept(judgement=judgement, numbers=given), "A2")

    first = step(f"{kvs[0]:.1f} kV", kvs[0], "g-point")
    lower = [step(f"{kv:.1f} kV", kv, "g-point") for kv in kvs[1:]]
    return Procedure(
        f"kV dependence {setting.kv:g} kV {setting.ma:g} mA {setting.filter} {setting.applicator}", "physics", (charge.serial,),
        (leakage_step(charge, head), first, *lower, step("again", kvs[0], "g-table")),
    )  # fmt: skip


def _rate(session: Session, step: Step) -> tuple[float, float]:
    """kV, and charge a second and mA of tube current."""
    kv, ma = fmean(session.values(step.id, "kv")), fmean(session.values(step.id, "ma"))
    tube_ma = ma - numbers(step)["offset_ma_per_kv"] * kv
    exposes = step.exposes
    if exposes is None or tube_ma < LEAST_MA * exposes.ma:
        raise ValueError(f"{tube_ma:.3f} mA are read back, below half of what is set; look at the filament, and repeat")
    return kv, fmean(net(session, step.id)) / fmean(session.values(step.id, "timer_s")) / tube_ma


def _power(session: Session, above: Step, below: Step) -> float:
    """As which power of kV the output goes between two steps."""
    (more_kv, more), (kv, rate) = _rate(session, above), _rate(session, below)
    return math.log(more / rate) / math.log(more_kv / kv) if min(more, rate) > 0.0 and more_kv > kv else math.inf


def point(session: Session, step: Step) -> Verdict:
    """Less kV gives less output."""
    steps = exposing(session)
    kv, rate = _rate(session, step)
    full = _rate(session, steps[0])[1]
    if full <= 0.0:
        return Verdict(f"{full:g} nC a second at the combination's own kV; look at the chamber, and repeat")
    place = steps.index(step)
    if place and rate > _rate(session, steps[place - 1])[1] + FALLS * full:
        return Verdict(f"{rate / full:.4f} at {kv:.1f} kV is above the point of more kV; reject, and repeat")
    if place and kv > STEEP_FROM * _rate(session, steps[0])[0]:
        powers = [_power(session, *pair) for pair in pairwise(steps[max(0, place - 2) : place + 1])]
        if not LEAST_POWER <= powers[-1] <= MOST_POWER or abs(powers[-1] - powers[0]) > NEXT_POWER:
            return Verdict(
                f"down to {kv:.1f} kV output goes as kV to the power of {' and then '.join(f'{one:.2f}' for one in powers)}; within {LEAST_POWER:g} to "
                f"{MOST_POWER:g}, and {NEXT_POWER:g} apart at most, is right: look at these points, and begin anew where an earlier one is wrong"
            )
    return Verdict("", (), (Figure("relative output", rate / full, ""),))


def _found(session: Session) -> Dependence:
    *points, again = (_rate(session, step) for step in exposing(session))
    drift = again[1] / points[0][1] - 1.0
    if abs(drift) > DRIFT:
        raise ValueError(
            f"the output moved by {100 * drift:+.2f} % meanwhile, above {100 * DRIFT:g} %; warm up, and begin anew"
        )
    full = 0.5 * (again[1] + points[0][1])
    rows = [(kv, max(rate / full, 0.0)) for kv, rate in sorted(points)]
    rows[-1] = (rows[-1][0], 1.0)
    if any(b[0] <= a[0] for a, b in pairwise(rows)):
        raise ValueError("the kV read back do not rise from point to point; look at the read-back")
    level, rising = 0.0, list[tuple[float, float]]()
    for kv, rel in rows:
        level = max(level, rel)
        rising.append((kv, level))
    return Dependence(tuple(rising))


def judged(session: Session, _step: Step) -> Verdict:
    """The table stands still and rises."""
    found = _found(session)
    return Verdict(
        "",
        (),
        (Figure(f"at {found.rows[0][0]:.1f} kV", found.rows[0][1], ""), Figure("points", float(len(found.rows)), "")),
    )


def dependence(session: Session) -> Dependence:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session)


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"g-point": point, "g-table": judged}
