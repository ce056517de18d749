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
from calibration.procedures.parts import (
    LIVE,
    WHOLE,
    Charge,
    Desk,
    Setting,
    at_end,
    in_date,
    leakage_step,
    net,
    numbers,
    recorded,
)
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import TIMER_LEAST_S, TIMER_SHARE, Accept, Grammar, Procedure, Source, Step, Wanted

SHORT_S, STARTS, ROUNDS = 5.0, 6, 2
"""Six short exposures are one long one (E8); two rounds, the many starts between them, so that a steady drift falls out of both."""
RECORDS: Final = ("timer_s", "clock_s", "k1_to_hv_s")
AGREE: Final = 2.0
"""Both ways agree within so many standard uncertainties of their difference."""
Start = Literal["hv_seen", "k1_closed"]


@dataclass(frozen=True)
class Timing:
    """What was found: dt for the timer's own start, and for both events that can start it (None: the record does not hold their distance), its u (k = 1),
    dt by many starts with its u, and the timer's worst error against the clock (None: there was none)."""

    dt_s: float
    dt_hv_seen_s: float | None
    dt_k1_closed_s: float | None
    u_dt_s: float
    dt_many_s: float
    u_many_s: float
    rounds: EndEffect
    timer_worst_s: float | None


def end_effect_procedure(
    setting: Setting, charge: Charge, head: str, reproducibility: float, timer_step_s: float, ramp_s: float, radiation_timer: KvpMeter | None,
    source: Source, at: datetime, start: Start = "hv_seen", desk: Desk = WHOLE,
) -> Procedure:  # fmt: skip
    """`head` says where the chamber is; `reproducibility` is that of one reading, as a part of it; `start` what starts the unit's timer.

    ValueError: an instrument may not be used now, or neither record nor meter would prove the timer."""
    in_date(at, charge.electrometer, *([radiation_timer] if radiation_timer else []))
    if radiation_timer is None and "clock_s" not in desk.holds:
        raise ValueError(
            "the record holds no clock_s, and there is no meter of radiation time: nothing would prove the unit's timer; take a meter"
        )
    records = recorded(*(name for name in RECORDS if name in desk.holds))
    given = (
        ("from_k1", float(start == "k1_closed")),
        ("reproducibility", reproducibility),
        ("timer_step_s", timer_step_s),
        ("ramp_s", ramp_s),
    )
    long_s = SHORT_S * STARTS

    def step(name: str, seconds: float, n: int, judgement: str, connect: str = "") -> Step:
        why = "What an exposure gives beyond its time, or lacks: two lengths tell it apart from the rate."
        reading = (charge.wanted, *records)
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
            )

    steps = (leakage_step(charge, head), *rounds(1), step("starts", SHORT_S, STARTS, "timer"), *rounds(2))
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
            (read, *records),
            Accept(judgement="radiation-time"),
            "A3",
        )
        steps = (first, *steps)
        serials = (*serials, (radiation_timer.id, radiation_timer.serial))
    return Procedure(f"timer and end effect {setting.kv:g} kV {setting.ma:g} mA", "physics", serials, steps)


def timers(session: Session, step: Step) -> Verdict:
    """The unit's timer against the monotonic clock, in this step."""
    worst = 0.0
    for unit_s, clock_s in _clocked(session, step.id):
        off = unit_s - clock_s
        worst = off if abs(off) > abs(worst) else worst
        if abs(off) > max(TIMER_SHARE * clock_s, TIMER_LEAST_S):
            return Verdict(
                f"the unit's timer shows {unit_s:g} s and the clock {clock_s:g}; treat nobody, have the service look"
            )
    return Verdict("", (), (Figure("timer less clock", 1000.0 * worst, "ms"),) if _clocked(session, step.id) else ())


def _clocked(session: Session, step: str) -> list[tuple[float, float]]:
    """The unit's timer and the clock of each exposure; none where the record holds no clock."""
    clocks = session.values(step, "clock_s")
    return list(zip(session.values(step, "timer_s"), clocks, strict=True)) if clocks else []


def radiation_time(session: Session, step: Step) -> Verdict:
    """The same, and against the meter in the beam."""
    (shown,), (unit_s,) = session.values(step.id), session.values(step.id, "timer_s")
    if abs(shown - unit_s) > max(TIMER_SHARE * unit_s, TIMER_LEAST_S):
        return Verdict(
            f"the meter shows {shown:g} s and the unit's timer {unit_s:g}; read seconds, not minutes, and find which is wrong"
        )
    return timers(session, step)


def _found(session: Session, step: Step) -> Timing:
    given = numbers(step)
    names = [f"round {place} {name}" for place in range(1, ROUNDS + 1) for name in "abcd"]
    taken = [Taken(session.values(one, "timer_s")[0], net(session, one)[0]) for one in names]
    rounds = by_rounds(taken, given["reproducibility"], given["timer_step_s"], given["ramp_s"])
    long = [one for place, one in enumerate(taken) if place % 4 in (1, 2)]
    many, many_s = math.fsum(net(session, "starts")), math.fsum(session.values("starts", "timer_s"))
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
    off = [unit_s - clock_s for one in session.procedure.steps for unit_s, clock_s in _clocked(session, one.id)]
    gap_s = fmean(gaps) if gaps else None
    from_k1 = bool(given["from_k1"])
    other = None if gap_s is None else rounds.dt_s + (gap_s if from_k1 else -gap_s)
    hv_seen, k1_closed = (other, rounds.dt_s) if from_k1 else (rounds.dt_s, other)
    return Timing(rounds.dt_s, hv_seen, k1_closed, rounds.u_dt_s, dt, u, rounds, max(off, key=abs) if off else None)


def judged(session: Session, step: Step) -> Verdict:
    """dt both ways, and whether they agree."""
    wrong = timers(session, step)
    if wrong.refused:
        return wrong
    found = _found(session, step)
    apart, u = found.dt_many_s - found.dt_s, math.hypot(found.u_dt_s, found.u_many_s)
    warned = (
        (
            f"many starts give {1000 * found.dt_many_s:+.1f} ms and the rounds {1000 * found.dt_s:+.1f}: {abs(apart) / u:.1f} u apart, above {AGREE:g}",
        )
        if abs(apart) > AGREE * u
        else ()
    )
    figures = tuple(
        Figure(name, 1000.0 * value, "ms")
        for name, value in (
            ("dt from hv_seen", found.dt_hv_seen_s), ("dt from k1_closed", found.dt_k1_closed_s), ("u (k = 1)", found.u_dt_s),
            ("dt by many starts", found.dt_many_s), ("timer less clock", found.timer_worst_s),
        )
        if value is not None
    )  # fmt: skip
    return Verdict("", warned, figures)


def timing(session: Session) -> Timing:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session, session.procedure.steps[-1])


def times(session: Session) -> tuple[tuple[float, float], tuple[float, float]]:
    """The unit's time and the charge of the short exposures and of the long ones, in the mean, leakage taken off. ValueError: it is not at its end."""
    at_end(session)

    def of(which: str) -> tuple[float, float]:
        names = [f"round {place} {name}" for place in range(1, ROUNDS + 1) for name in which]
        return fmean(session.values(one, "timer_s")[0] for one in names), fmean(net(session, one)[0] for one in names)

    return of("ad"), of("bc")


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"timer": timers, "radiation-time": radiation_time, "end-effect": judged}
