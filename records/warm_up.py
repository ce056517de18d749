"""Is the tube warm? Idle time, the warm-up that it asks for, and whether it was made and ended on steadiness, out of the records alone.
It moves nothing: the exposures are asked for by calibration/warm_up.py, and the lock is records/clearance.py."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from controller.entries import Outcome
from controller.prescribed import Quality
from hal.readings import Purpose
from records.book import Book, Exposure

HOUR_S: Final = 3600.0
AGAIN_AFTER_S: Final = 4.0 * HOUR_S
"""Idle for longer than this, the tube counts as cold again, though it was warm today."""
STEADY_N: Final = 3
STEADY_S: Final = 10.0
STEADY_PART: Final = 0.005
"""The warm-up ends when three exposures in a row, of 10 s each, lie within 0.5 % of each other: not on minutes alone."""
TOGETHER_S: Final = 30.0 * 60.0
"""The three begin within this: three that agree say nothing of a tube which cooled between them, for it was as cold each time."""
TIMER_S: Final = 0.1
"""What the unit's timer may be short of 10 s."""
SAME_KV: Final = 0.01
CLOCK_S: Final = 120.0
"""How far wall and monotonic clock may drift apart in a day. Beyond it somebody set the clock, or the computer started anew with a clock that nobody can
vouch for: what is known of times before that counts no longer."""


@dataclass(frozen=True)
class Row:
    """After so long without beam (s, up to and with), at least so much beam (s), in steps from the lowest kV up where `ladder`."""

    idle_most_s: float
    beam_s: float
    ladder: bool


NOW: Final = 1 << 63
"""After every record."""

LADDER: Final = (
    Row(8.0 * HOUR_S, 60.0, False),
    Row(72.0 * HOUR_S, 300.0, True),
    Row(30.0 * 24.0 * HOUR_S, 900.0, True),
    Row(90.0 * 24.0 * HOUR_S, 1800.0, True),
    Row(math.inf, 3600.0, True),
)
"""The short seasoning of practice, not a standard's (docs/daily-check.md). Beyond 90 days the tube is to be conditioned first; whoever only warms it up
does it for an hour."""


@dataclass(frozen=True)
class Beam:
    """One exposure that had beam: when (wall, s), for how long, with what, and channel 1's dose rate over it."""

    token: int
    begun_s: float
    ended_s: float
    beam_s: float
    purpose: Purpose
    kv: float
    key: tuple[float, float, str, str]
    rate_mgy_per_s: float
    sound: bool
    clocks_s: float
    """Wall less monotonic clock then: the same as now, unless the clock was set or the computer started anew."""


def is_beam(purpose: Purpose) -> bool:
    """Whether an exposure for this is beam. High voltage over a cold filament is none: it warms no tube, and gives it no heat."""
    return purpose is not Purpose.DRY_RUN


def beams(book: Book) -> Iterator[Beam]:
    """Every exposure that had beam and has its end, the newest first, of whichever tube."""
    return (_beam(one) for one in reversed(book.exposures.values()) if _had_beam(one))


def of_tube(book: Book, at: int = NOW) -> Iterator[Beam]:
    """Those of the tube that was there at this record, since it was built in: another one's beam warms it not, and what it had had itself before it was
    taken out tells nothing of it now."""
    since = max((one[0] for one in book.fitted if one[0] <= at), default=0)
    return (_beam(one) for one in reversed(book.exposures.values()) if since < one.index < at and _had_beam(one))


def _had_beam(one: Exposure) -> bool:
    return one.end is not None and not one.end.void and is_beam(one.start.prescribed.purpose)


def row_of(idle_s: float) -> Row:
    """What this idle time asks for; one that is not known asks for the most."""
    return next((row for row in LADDER if idle_s <= row.idle_most_s), LADDER[-1])


def idle_s(book: Book, wall_s: float) -> float:
    """Time since the last beam of this tube; infinite where these records know none."""
    last = next(of_tube(book), None)
    return wall_s - last.ended_s if last is not None else math.inf


@dataclass(frozen=True)
class Standing:
    """The warm-up as it stands: its exposures, what the idle time before them asks for, what was given (s), and the kV at which it is steady."""

    made: tuple[Beam, ...]
    idle_before_s: float
    row: Row
    given_s: float
    reached_kv: float | None


def standing(made: Iterator[Beam], now_s: float, wall_s: float, zone: tzinfo) -> Standing | None:
    """What was made since the tube was last cold, the newest of `made` first; None where it is cold now. `now_s` is monotonic."""
    run, idle_before_s = _run(made, now_s, wall_s, zone)
    if not run:
        return None
    warming = [one for one in run if one.purpose is Purpose.WARMUP]
    given_s = math.fsum(one.beam_s for one in warming)
    return Standing(tuple(warming), idle_before_s, row_of(idle_before_s), given_s, steady_kv(warming))


def cold(book: Book, kv: float, now_s: float, wall_s: float, zone: tzinfo) -> Iterator[str]:
    """Why the tube does not count as warm for this kV; nothing where it does. `now_s` is monotonic."""
    now = standing(of_tube(book), now_s, wall_s, zone)
    if now is None:
        since_s, moved_s = idle_s(book, wall_s), clock_moved_s(book, now_s, wall_s)
        if moved_s > CLOCK_S:
            yield (
                f"since the last beam the clock was set, or this computer started anew ({moved_s:.0f} s apart, at most {CLOCK_S:.0f}), "
                "so nobody knows how long the tube has been cold: warm it up first (kerma warm-up)"
            )
            return
        since = f"for {since_s / HOUR_S:.1f} h" if math.isfinite(since_s) else "for as long as these records go"
        yield f"the tube had no beam {since} (today and at most {AGAIN_AFTER_S / HOUR_S:.0f} h without): warm it up first (kerma warm-up)"
        return
    yield from lacking(now, kv)


def lacking(now: Standing, kv: float) -> Iterator[str]:
    """What this warm-up lacks for this kV; nothing where it is whole."""
    if now.given_s < now.row.beam_s:
        yield (
            f"warm-up: {now.given_s:.0f} s of beam, at least {now.row.beam_s:.0f} s after {hours(now.idle_before_s)} without: "
            "go on with it first (kerma warm-up)"
        )
    elif now.reached_kv is None:
        yield (
            f"warm-up: its last {STEADY_N} exposures are not of {STEADY_S:.0f} s, whole, and within {100 * STEADY_PART:g} % of each other "
            f"and {TOGETHER_S / 60.0:g} min: "
            "go on with it first (kerma warm-up)"
        )
    elif kv > now.reached_kv * (1.0 + SAME_KV):
        yield f"warm-up: steady at {now.reached_kv:g} kV, and {kv:g} kV is asked for: warm up at {kv:g} kV first (kerma warm-up)"


def clock_moved_s(book: Book, now_s: float, wall_s: float) -> float:
    """By how much the wall clock has moved against the monotonic one since the last beam; 0 where there was none."""
    last = next(of_tube(book), None)
    return abs(wall_s - now_s - last.clocks_s) if last is not None else 0.0


def steady_kv(made: list[Beam]) -> float | None:
    """The kV at which the last three exposures were steady; None where they were not, or where no chamber could look."""
    last = made[-STEADY_N:]
    rates = [one.rate_mgy_per_s for one in last]
    whole = all(one.sound and one.beam_s >= STEADY_S - TIMER_S for one in last)
    if len(last) < STEADY_N or last[-1].begun_s - last[0].begun_s > TOGETHER_S:
        return None
    if len({one.key for one in last}) > 1 or not whole or not min(rates) > 0.0:
        return None
    return last[0].kv if max(rates) - min(rates) <= STEADY_PART * math.fsum(rates) / STEADY_N else None


def today(seconds: float, zone: tzinfo) -> date:
    """The calendar day of a wall time where the machine stands."""
    return datetime.fromtimestamp(seconds, zone).date()


def _run(made: Iterator[Beam], now_s: float, wall_s: float, zone: tzinfo) -> tuple[list[Beam], float]:
    """The exposures since the tube was last cold, all of today, and how long it had been idle before them; none where it is cold now."""
    run: list[Beam] = []
    after_s, day = wall_s, today(wall_s, zone)
    for one in made:
        gap_s = after_s - one.ended_s
        known = abs(wall_s - now_s - one.clocks_s) <= CLOCK_S
        if not known or not -CLOCK_S <= gap_s <= AGAIN_AFTER_S or today(one.begun_s, zone) != day:
            return run[::-1], gap_s if run and known and gap_s >= -CLOCK_S else math.inf
        run.append(one)
        after_s = one.begun_s
    return run[::-1], math.inf


def _beam(one: Exposure) -> Beam:
    """Times are the recorder's, as its records of the last ticks stand: the real-time process's own do not follow a clock that is set."""
    p, end, start = one.start.prescribed, one.end, one.start
    assert end is not None
    beam_s = max(0, end.beam_ms - start.unit_beam_ms) / 1000.0
    counted = end.counts_1 != start.unit_counts_1
    return Beam(
        token=one.token,
        begun_s=one.seen.wall_s - beam_s,
        ended_s=one.seen.wall_s,
        beam_s=beam_s,
        purpose=p.purpose,
        kv=p.kv,
        key=(p.kv, p.ma, p.filter_id, p.applicator_id),
        rate_mgy_per_s=end.d1_mgy / beam_s if beam_s > 0.0 and counted else 0.0,
        sound=end.outcome is Outcome.TERMINATED and end.quality is Quality.GOOD and end.event != "RECOVERED",
        clocks_s=one.seen.wall_s - one.seen.mono_ns * 1e-9,
    )


def hours(seconds: float) -> str:
    """Idle time for people."""
    return f"{seconds / HOUR_S:.1f} h" if math.isfinite(seconds) else "an unknown time"
