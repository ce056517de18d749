"""Timer and end effect: the unit's timer against the monotonic clock and a meter of radiation time; dt by short, long, long, short and by many starts.
The sums are calibration/end_effect.py; dt holds for one kV, mA, ramp, timer start and firmware, and the tail is another procedure's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Final, Literal

from calibration.end_effect import EndEffect, Taken
from calibration.end_effect import end_effect as by_rounds
from calibration.equipment import KvpMeter
from calibration.procedures.parts import LIVE, Charge, Setting, at_end, charges, in_date, numbers, recorded
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Grammar, Procedure, Source, Step, Wanted

TIMER_SHARE, TIMER_LEAST_S = 0.01, 0.1
"""Timer accuracy: max(1 %, 0.1 s) (OR 333-123-0075)."""
SHORT_S, STARTS, ROUNDS = 5.0, 6, 2
"""Six short exposures are one long one (E8); two rounds, the many starts between them, so that a steady drift falls out of both."""
RECORDS: Final = ("timer_s", "clock_s", "k1_to_hv_s")
AGREE: Final = 2.0
"""Both ways agree within so many standard uncertainties of their difference."""
START: Final[Literal["hv_seen"]] = "hv_seen"


@dataclass(frozen=True)
class Timing:
    """What was found: dt for both events that can start the timer, its u (k = 1), dt by many starts with its u, and the timer's worst error."""

    dt_hv_seen_s: float
    dt_k1_closed_s: float
    u_dt_s: float
    dt_many_s: float
    u_many_s: float
    rounds: EndEffect
    timer_worst_s: float


def end_effect_procedure(
    setting: Setting, charge: Charge, head: str, reproducibility: float, timer_step_s: float, ramp_s: float, radiation_timer: KvpMeter | None,
    source: Source, at: datetime,
) -> Procedure:  # fmt: skip
    """`head` says where the chamber is; `reproducibility` is that of one reading, as a part of it. ValueError: an instrument may not be used now."""
    in_date(at, charge.electrometer, *([radiation_timer] if radiation_timer else []))
    given = (("reproducibility", reproducibility), ("timer_step_s", timer_step_s), ("ramp_s", ramp_s))
    long_s = SHORT_S * STARTS

    def step(name: str, seconds: float, n: int, judgement: str, connect: str = "") -> Step:
        why = "What an exposure gives beyond its time, or lacks: two lengths tell it apart from the rate."
        reading = (charge.wanted, *recorded(*RECORDS))
        return Step(
            name,
            why,
            connect,
            setting.exposes(seconds, n),
            LIVE,
            reading,
            Accept(judgement=judgement, numbers=given),
            "A7",
        )

    def rounds(place: int) -> Iterator[Step]:
        for name, seconds in zip("abcd", (SHORT_S, long_s, long_s, SHORT_S), strict=True):
            last = place == ROUNDS and name == "d"
            yield step(
                f"round {place} {name}",
                seconds,
                1,
                "end-effect" if last else "timer",
                head if (place, name) == (1, "a") else "",
            )

    steps = (*rounds(1), step("starts", SHORT_S, STARTS, "timer"), *rounds(2))
    serials: tuple[tuple[str, str], ...] = (charge.serial,)
    if radiation_timer is not None:
        read = Wanted(radiation_timer.id, "s", Grammar(0.0, 600.0), source)
        connect = (
            f"{radiation_timer.id} ({radiation_timer.serial}) in the beam, showing the time of radiation in seconds."
        )
        why = "The unit's timer against a meter that is none of the machine's, in seconds and never in minutes."
        first = Step(
            "timer",
            why,
            connect,
            setting.exposes(long_s, 1),
            LIVE,
            (read, *recorded(*RECORDS)),
            Accept(judgement="radiation-time"),
            "A3",
        )
        steps = (first, *steps)
        serials = (*serials, (radiation_timer.id, radiation_timer.serial))
    return Procedure(f"timer and end effect {setting.kv:g} kV {setting.ma:g} mA", "physics", serials, steps)


def timers(session: Session, step: Step) -> Verdict:
    """The unit's timer against the monotonic clock, in this step."""
    worst = 0.0
    for unit_s, clock_s in zip(session.values(step.id, "timer_s"), session.values(step.id, "clock_s"), strict=True):
        off = unit_s - clock_s
        worst = off if abs(off) > abs(worst) else worst
        if abs(off) > max(TIMER_SHARE * clock_s, TIMER_LEAST_S):
            return Verdict(
                f"the unit's timer shows {unit_s:g} s and the clock {clock_s:g}; treat nobody, have the service look"
            )
    return Verdict("", (), (Figure("timer less clock", 1000.0 * worst, "ms"),))


def radiation_time(session: Session, step: Step) -> Verdict:
    """The same, and against the meter in the beam."""
    (shown,), (unit_s,) = session.values(step.id), session.values(step.id, "timer_s")
    if abs(shown - unit_s) > max(TIMER_SHARE * unit_s, TIMER_LEAST_S) + fmean(session.values(step.id, "k1_to_hv_s")):
        return Verdict(
            f"the meter shows {shown:g} s and the unit's timer {unit_s:g}; read seconds, not minutes, and find which is wrong"
        )
    return timers(session, step)


def _found(session: Session, step: Step) -> Timing:
    given = numbers(step)
    names = [f"round {place} {name}" for place in range(1, ROUNDS + 1) for name in "abcd"]
    taken = [Taken(session.values(one, "timer_s")[0], charges(session, one)[0]) for one in names]
    rounds = by_rounds(taken, given["reproducibility"], given["timer_step_s"], given["ramp_s"])
    long = [one for place, one in enumerate(taken) if place % 4 in (1, 2)]
    many, many_s = math.fsum(charges(session, "starts")), math.fsum(session.values("starts", "timer_s"))
    n, single, single_s = (
        len(session.values("starts")),
        fmean(one.reading for one in long),
        fmean(one.timer_s for one in long),
    )
    below = n * single - many
    if below <= 0.0:
        raise ValueError(f"{n} starts gave {many:g} and one exposure {single:g}; look at the readings")
    dt = (many * single_s - single * many_s) / below
    s = given["reproducibility"]
    step_s = given["timer_step_s"] / math.sqrt(12.0)
    u = math.hypot(single_s * s * math.sqrt(1.0 / n + 1.0 / len(long)), step_s * math.sqrt(n)) / (n - 1)
    gaps = [value for one in (*names, "starts") for value in session.values(one, "k1_to_hv_s")]
    off = [
        unit_s - clock_s
        for one in session.procedure.steps
        for unit_s, clock_s in zip(session.values(one.id, "timer_s"), session.values(one.id, "clock_s"), strict=True)
    ]
    return Timing(rounds.dt_s, rounds.dt_s - fmean(gaps), rounds.u_dt_s, dt, u, rounds, max(off, key=abs))


def judged(session: Session, step: Step) -> Verdict:
    """dt both ways, and whether they agree."""
    wrong = timers(session, step)
    if wrong.refused:
        return wrong
    found = _found(session, step)
    apart, u = found.dt_many_s - found.dt_hv_seen_s, math.hypot(found.u_dt_s, found.u_many_s)
    warned = (
        (
            f"many starts give {1000 * found.dt_many_s:+.1f} ms and the rounds {1000 * found.dt_hv_seen_s:+.1f}: {abs(apart) / u:.1f} u apart, above {AGREE:g}",
        )
        if abs(apart) > AGREE * u
        else ()
    )
    figures = (
        Figure(f"dt from {START}", 1000.0 * found.dt_hv_seen_s, "ms"), Figure("dt from k1_closed", 1000.0 * found.dt_k1_closed_s, "ms"),
        Figure("u (k = 1)", 1000.0 * found.u_dt_s, "ms"), Figure("dt by many starts", 1000.0 * found.dt_many_s, "ms"),
        Figure("timer less clock", 1000.0 * found.timer_worst_s, "ms"),
    )  # fmt: skip
    return Verdict("", warned, figures)


def timing(session: Session) -> Timing:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session, session.procedure.steps[-1])


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"timer": timers, "radiation-time": radiation_time, "end-effect": judged}
