"""What is said of a step's readings: number, spread, ratio, and the judgement that the step names, with words that refuse or warn and figures to show.
A named judgement is a pure function that stands beside its procedure; nothing is changed here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import stdev
from typing import Final

from calibration.procedures import (
    applicator,
    audit,
    conditioning,
    dark,
    end_effect,
    hvl,
    interrupt,
    kv_dependence,
    linearity,
    ma_offset,
    monitor,
    output,
    scales,
    survey,
    tail,
)
from calibration.procedures.session import Judgement, Session, Verdict
from calibration.procedures.step import Step

JUDGEMENTS: Final[Mapping[str, Judgement]] = {
    **applicator.JUDGEMENTS,
    **audit.JUDGEMENTS,
    **conditioning.JUDGEMENTS,
    **dark.JUDGEMENTS,
    **end_effect.JUDGEMENTS,
    **hvl.JUDGEMENTS,
    **interrupt.JUDGEMENTS,
    **kv_dependence.JUDGEMENTS,
    **linearity.JUDGEMENTS,
    **ma_offset.JUDGEMENTS,
    **monitor.JUDGEMENTS,
    **output.JUDGEMENTS,
    **scales.JUDGEMENTS,
    **survey.JUDGEMENTS,
    **tail.JUDGEMENTS,
}


def judged(session: Session, step: Step) -> Verdict:
    """What is said of a step's kept readings."""
    if session.sets(step) < step.least_sets:
        return Verdict(f"step {step.id} has {session.sets(step)} of {step.least_sets} readings; take the others")
    wrong = _spread_or_ratio(session, step)
    if wrong or not step.accept.judgement:
        return Verdict(wrong)
    judgement = JUDGEMENTS.get(step.accept.judgement)
    if judgement is None:
        return Verdict(f"no judgement is called {step.accept.judgement}; the procedure is of another program")
    try:
        return judgement(session, step)
    except ValueError as words:
        return Verdict(str(words))


def _spread_or_ratio(session: Session, step: Step) -> str:
    values = session.values(step.id)
    if step.accept.cov is not None:
        if len(values) < 2:
            return f"{len(values)} reading shows no spread; take another"
        if _mean(values) == 0.0:
            return "the readings' mean is 0; look at the connection, reject with the reason, and repeat"
        cov = abs(stdev(values) / _mean(values))
        if cov > step.accept.cov:
            return f"the readings vary by {100 * cov:.2f} %, above {100 * step.accept.cov:g} %; find out why, reject with the reason, and repeat"
    if step.accept.ratio_to:
        other = _mean(session.values(step.accept.ratio_to, step.reading[0].instrument))
        ratio = _mean(values) / other if other else math.inf
        if not step.accept.least <= ratio <= step.accept.most:
            return f"{ratio:.4f} of step {step.accept.ratio_to} is not within {step.accept.least:g} to {step.accept.most:g}; look at the connection, and repeat"
    return ""


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
