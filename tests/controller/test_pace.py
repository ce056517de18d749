"""When ticks begin and how late they were: absolute deadlines, missed ones skipped and counted and never made up, one bounded wait."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from controller.lateness import BINS_US, NOTHING, Lateness, words
from controller.pace import LATE_PART, SLOT_PART, SLOT_S, KernelPace
from hal.units import Seconds

TICK_S = 0.01


class Clock:
    """A clock that wakes as late as it is told to."""

    def __init__(self) -> None:
        self.now = 50.0
        self.wakes_late_s = 0.0
        self.slept_until: list[float] = []

    def monotonic(self) -> Seconds:
        return Seconds(self.now)

    def wall(self) -> Seconds:
        return Seconds(0.0)

    def sleep_until(self, deadline: Seconds) -> None:
        self.slept_until.append(deadline)
        self.now = max(self.now, deadline) + self.wakes_late_s


def test_deadlines_are_absolute() -> None:
    """A late wake-up does not move the next deadline: ticks do not drift."""
    clock = Clock()
    pace = KernelPace(clock, TICK_S)
    clock.wakes_late_s = 0.003
    for _ in range(100):
        pace.next()
    assert clock.slept_until[-1] == pytest.approx(50.0 + 100 * TICK_S)
    assert (pace.late, pace.skipped) == (0, 0)


@pytest.mark.parametrize(("late_s", "late"), [(LATE_PART * TICK_S * 0.98, 0), (LATE_PART * TICK_S * 1.02, 3)])
def test_a_tick_is_late_beyond_half_a_tick(late_s: float, late: int) -> None:
    """Late ticks are counted in a row, and one in time ends the row."""
    clock = Clock()
    pace = KernelPace(clock, TICK_S)
    clock.wakes_late_s = late_s
    for _ in range(3):
        pace.next()
    assert pace.late == late
    clock.wakes_late_s = 0.0
    pace.next()
    assert pace.late == 0


@pytest.mark.parametrize("ticks", [1, 3, 250])
def test_missed_ticks_are_skipped_and_counted(ticks: int) -> None:
    """A stop of n ticks and a half: n skipped, and the next deadline lies ahead, on the old grid; nothing is made up in a burst."""
    clock = Clock()
    pace = KernelPace(clock, TICK_S)
    pace.next()
    clock.wakes_late_s = (ticks + 0.5) * TICK_S
    pace.next()
    clock.wakes_late_s = 0.0
    stopped_at = clock.now
    begun = pace.next()
    assert pace.skipped == ticks
    assert 0.0 < begun - stopped_at <= TICK_S
    assert (begun - 50.0) / TICK_S == pytest.approx(round((begun - 50.0) / TICK_S))
    assert pace.stolen_s == pytest.approx((ticks + 0.5) * TICK_S)


def test_a_restart_forgets_what_start_up_took() -> None:
    """The first deadline is a tick from then."""
    clock = Clock()
    pace = KernelPace(clock, TICK_S)
    clock.now += 3.0
    pace.restart()
    assert pace.next() == pytest.approx(53.0 + TICK_S)
    assert (pace.late, pace.skipped) == (0, 0)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_the_slot_never_waits_without_a_descriptor_and_ends_on_a_reply(pipe: tuple[int, int]) -> None:
    """No descriptors: no wait. A byte that is there: no wait. A descriptor that is closed: no exception, no wait."""
    clock = Clock()
    pace = KernelPace(clock, TICK_S)
    assert pace.slot(()) == clock.now
    os.write(pipe[1], b"x")
    assert pace.slot((pipe[0],)) == clock.now
    assert pace.slot((-1,)) == clock.now
    spare = os.dup(pipe[0])
    os.close(spare)
    assert pace.slot((spare,)) == clock.now


@pytest.mark.parametrize("tick_s", [0.001, 0.005, 0.01, 0.05])
def test_the_slot_is_two_milliseconds_or_a_fifth(tick_s: float) -> None:
    """The shorter of the two."""
    assert KernelPace(Clock(), tick_s)._slot_s == min(SLOT_S, SLOT_PART * tick_s) <= 0.002


def test_the_histogram_does_not_grow_and_knows_the_worst() -> None:
    """Quantiles are upper edges of bins; what is beyond the last edge is still counted."""
    hist = Lateness()
    assert hist.quantile_us(0.5) == 10.0
    for late in [5.0] * 98 + [300.0, 7e6]:
        hist.add(late)
    assert hist.quantile_us(0.5) == 10.0
    assert hist.quantile_us(0.99) == 500.0
    assert hist.quantile_us(1.0) == 1e6
    assert hist.worst_us == 7e6


def test_every_tick_is_in_the_histogram_and_says_how_late_it_was() -> None:
    """The ring keeps each tick's own lateness, `kerma status` and the record all of them by bin."""
    clock = Clock()
    pace = KernelPace(clock, TICK_S)
    for late_s in (0.0, 15e-6, 15e-6, 3e-3, 40.005):
        clock.wakes_late_s = late_s
        pace.next()
        assert pace.late_us == pytest.approx(1e6 * late_s, abs=1e-3)
    counts = dict(zip(BINS_US, pace.histogram(), strict=True))
    assert {edge: count for edge, count in counts.items() if count} == {10: 1, 20: 2, 5000: 1, 1000000: 1}
    assert words(pace.histogram(), pace.skipped) == (
        "5 ticks, 50 % within 20 us, 99 % more than 100000 us late, 99.9 % more than 100000 us late, 100 % more than 100000 us late; 4000 skipped"
    )
    assert words(NOTHING, 0) == "no tick was timed"
