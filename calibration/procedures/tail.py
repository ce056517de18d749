"""Tail: the dose after the release of K1, by the monitor chambers that count on, so the whole path through the contactor and the cable's discharge is in it.
It is a dose and never below 0; the end effect is a time and another procedure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Final

from calibration.procedures.parts import LIVE, WHOLE, Desk, Setting, at_end, numbers, recorded
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Procedure, Step

SECONDS, N = 10.0, 6
REPEAT: Final = 0.10
REPEAT_COUNTS: Final = 3.0
"""Largest standard deviation of one tail: a part of it, or so many counts. Assumptions: a contactor opens within 2 ms of itself, of 15 to 30 ms."""
CHANNELS: Final = 0.15
"""Both channels agree within a part of it, or REPEAT_COUNTS. An assumption."""


@dataclass(frozen=True)
class Tail:
    """As dose and as seconds of full rate, with its standard uncertainty."""

    tail_mgy: float
    tail_s: float
    u_tail_mgy: float


def tail_procedure(setting: Setting, r0_mgy_per_s: float, dt_s: float, desk: Desk = WHOLE) -> Procedure:
    """At the setting whose R0 and end effect are known. ValueError: the rig's record does not tell what came after off."""
    if not {"after_off_1", "after_off_2"} <= desk.holds:
        raise ValueError(
            "the record holds no counts after off; measure the tail with a chamber that is read after the release of K1, and write it down"
        )
    given = (("r0_mgy_per_s", r0_mgy_per_s), ("dt_s", dt_s))
    step = Step(
        "tail", "What comes after off counts as delivered, and the beam is ended so much earlier.", "As for treatment; no chamber in the beam is needed.",
        setting.exposes(SECONDS, N), LIVE, recorded("after_off_1", "after_off_2", "counts_1", "counts_2", "timer_s"),
        Accept(judgement="tail", numbers=given), "A7",
    )  # fmt: skip
    return Procedure(f"tail {setting.kv:g} kV {setting.ma:g} mA", "physics", (), (step,))


def _found(session: Session, step: Step) -> tuple[Tail, Tail]:
    """By channel 1 and channel 2."""
    given = numbers(step)
    found = []
    for channel in "12":
        rows = zip(
            *(session.values(step.id, name) for name in (f"after_off_{channel}", f"counts_{channel}", "timer_s")),
            strict=True,
        )
        tails = []
        for after, counts, timer_s in rows:
            if after <= 0.0 or counts <= after:
                raise ValueError(
                    f"channel {channel} counted {after:g} of {counts:g} after off; look at the chamber, reject, and repeat"
                )
            tails.append(after / counts * (timer_s + given["dt_s"]))
        spread, counts = stdev(tails), fmean(session.values(step.id, f"after_off_{channel}"))
        if spread > max(REPEAT, REPEAT_COUNTS / counts) * fmean(tails):
            raise ValueError(f"the tail varies by {100 * spread / fmean(tails):.0f} %; have K1 looked at")
        # scatter of the mean, and one count's resolution
        u_s = fmean(tails) * math.hypot(spread / fmean(tails) / math.sqrt(len(tails)), 1.0 / math.sqrt(12.0) / counts)
        r0 = given["r0_mgy_per_s"]
        found.append(Tail(r0 * fmean(tails), fmean(tails), r0 * u_s))
    return found[0], found[1]


def judged(session: Session, step: Step) -> Verdict:
    """Whether it repeats, and both channels say the same."""
    one, two = _found(session, step)
    least = fmean(session.values(step.id, "after_off_1"))
    if abs(two.tail_s - one.tail_s) > max(CHANNELS, REPEAT_COUNTS / least) * one.tail_s:
        return Verdict(
            f"channel 1 gives {1000 * one.tail_s:.1f} ms and channel 2 {1000 * two.tail_s:.1f}; find out which is wrong"
        )
    figures = (
        Figure("tail", one.tail_mgy, "mGy"),
        Figure("tail as full rate", 1000.0 * one.tail_s, "ms"),
        Figure("u (k = 1)", one.u_tail_mgy, "mGy"),
    )
    return Verdict("", (), figures)


def tail(session: Session) -> Tail:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session, session.procedure.steps[-1])[0]


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"tail": judged}
