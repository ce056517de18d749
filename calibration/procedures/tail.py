"""Tail: the dose after the unit's own end, by the monitor chambers that count on, so that the whole path over contactor, OFF by wire and the cable is in it.
It is a dose and never below 0; the end effect is a time and another procedure. No reference chamber can see it by itself: the counts after the end, as a
part of all counts of the exposure, are scaled to what the reference chamber has measured that an exposure gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Final

from calibration.procedures.parts import LIVE, WHOLE, Desk, Setting, at_end, numbers, recorded
from calibration.procedures.session import OF_THE_END, Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Procedure, Step
from controller.channels import K1_OPENS_S

SECONDS, N = 10.0, 6
REPEAT: Final = 0.10
REPEAT_COUNTS: Final = 3.0
"""Largest standard deviation of one tail: a part of it, or so many counts; and half a tick, for OFF by wire goes out with the tick that reads of the end,
and no ends within a tick scatter more. Assumptions: a contactor opens within 2 ms of itself, of 15 to 30 ms."""
CHANNELS: Final = 0.15
"""Both channels agree within a part of it, or REPEAT_COUNTS. An assumption."""


@dataclass(frozen=True)
class Tail:
    """As dose and as seconds of full rate, with its standard uncertainty."""

    tail_mgy: float
    tail_s: float
    u_tail_mgy: float


def tail_procedure(
    setting: Setting, r0_mgy_per_s: float, dt_s: float, leaks_cps: tuple[float, float], tick_s: float, desk: Desk = WHOLE
) -> Procedure:  # fmt: skip
    """At the setting whose R0 and end effect are known. ValueError: the rig's record does not tell what came after the end."""
    if not desk.holds.issuperset(OF_THE_END):
        raise ValueError(
            "the record holds no counts after the end; measure the tail with a unit that has chambers and a timer of its own, or write it down"
        )
    given = (
        ("r0_mgy_per_s", r0_mgy_per_s),
        ("dt_s", dt_s),
        ("leak1_cps", leaks_cps[0]),
        ("leak2_cps", leaks_cps[1]),
        ("tick_s", tick_s),
    )
    step = Step(
        "tail", "What comes after the end counts as delivered, and the beam is ended so much earlier.", "As for treatment; no chamber in the beam is needed.",
        setting.exposes(SECONDS, N), LIVE, recorded(*OF_THE_END, "counts_1", "counts_2", "timer_s"), Accept(judgement="tail", numbers=given), "A7",
    )  # fmt: skip
    return Procedure(f"tail {setting.kv:g} kV {setting.ma:g} mA", "physics", (), (step,))


def _found(session: Session, step: Step) -> tuple[Tail, Tail]:
    """By channel 1 and channel 2. ValueError: a channel did not count, or the ends differ by more than the host's tick explains."""
    given = numbers(step)
    r0, tick_s = given["r0_mgy_per_s"], given["tick_s"]
    late = max(session.values(step.id, "k1_closed_s"))
    if late > K1_OPENS_S:
        raise ValueError(
            f"K1 was still closed {1000 * late:.0f} ms after it was told to open, and {1000 * K1_OPENS_S:g} are charged; treat nobody, have K1 looked at"
        )
    found = []
    for channel in "12":
        names = (f"after_off_{channel}", f"counts_{channel}", "after_off_s", "timer_s")
        tails, nets = [], []
        for after, counts, after_s, timer_s in zip(*(session.values(step.id, name) for name in names), strict=True):
            leak = given[f"leak{channel}_cps"]
            net, whole = after - leak * after_s, counts - leak * (timer_s + after_s)
            if net <= 0.0 or whole <= net:
                raise ValueError(
                    f"channel {channel} counted {after:g} of {counts:g} after the end; look at the chamber, reject, and repeat"
                )
            tails.append(net / whole * (timer_s + given["dt_s"]))
            nets.append(net)
        mean, spread, counts = fmean(tails), stdev(tails), fmean(nets)
        most = max(REPEAT, REPEAT_COUNTS / counts) * mean + 0.5 * tick_s
        if spread > most:
            raise ValueError(
                f"channel {channel}: the tail varies by {1000 * spread:.1f} ms from end to end, at most {1000 * most:.1f} are explained; have K1 looked at"
            )
        # scatter of the mean, one count's resolution, and where in the host's tick an end falls; R0's own is not in it: what a count is worth has the
        # same, and in a preset both go together
        u_s = math.hypot(spread / math.sqrt(len(tails)), mean / math.sqrt(12.0) / counts, tick_s / math.sqrt(12.0))
        found.append(Tail(r0 * mean, mean, r0 * u_s))
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
        Figure("by channel 2", two.tail_mgy, "mGy"),
        Figure("K1 seen closed until", 1000.0 * max(session.values(step.id, "k1_closed_s")), "ms"),
    )
    return Verdict("", (), figures)


def tail(session: Session) -> Tail:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session, session.procedure.steps[-1])[0]


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"tail": judged}
