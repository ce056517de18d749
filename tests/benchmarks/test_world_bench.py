"""The bench of the virtual world runs, every stretch has its windows, and the parts of a tick make the whole.
No figure of a machine is compared here: those are for make bench-world."""

from __future__ import annotations

import pytest

from benchmarks.world import STRETCHES, TIMED, Sample, measure, speed, split
from controller.states import State


def test_a_short_fraction_has_a_figure_for_every_stretch_and_its_parts_make_the_whole() -> None:
    before = [getattr(owner, name) for owner, name, _ in TIMED]
    figures = measure(0.5, 200.0)
    assert [getattr(owner, name) for owner, name, _ in TIMED] == before
    assert [one.stretch for one in figures.speeds] == [one.stretch for one in figures.splits] == list(STRETCHES)
    assert figures.total > 0.0 and figures.total_s > 3.0
    for one in figures.speeds:
        assert one.windows > 0 and 0.0 < one.slowest <= one.median <= one.fastest
        assert one.us_a_tick * one.median == pytest.approx(10_000.0)
    for parts in figures.splits:
        assert min(parts.host_us, parts.world_us, parts.recorder_us) > 0.0
        assert parts.host_us + parts.world_us + parts.recorder_us == pytest.approx(parts.whole_us)


def test_the_speed_is_the_median_windows_and_a_rest_too_short_for_a_window_is_left_out() -> None:
    samples = [Sample(State.STANDBY, ns, 100_000, 50_000) for ns in (200_000, 400_000, 800_000) for _ in range(100)]
    samples += [Sample(State.STANDBY, 9_000_000, 0, 0)] * 50
    found = speed(samples, "standby")
    assert [found.windows, found.median, found.slowest, found.fastest] == pytest.approx([3, 25.0, 12.5, 50.0])
    parts = split(samples, "standby")
    assert [parts.host_us, parts.world_us, parts.recorder_us] == pytest.approx([250.0, 100.0, 50.0])
