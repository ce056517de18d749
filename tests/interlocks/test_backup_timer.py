"""The backup timer counts whole gaps, never backwards, and bounds the larger of two counts."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from interlocks.backup_timer import NO_BEAM_TIME, begin, bound_s, counted, longest_s


def test_margins_are_two_percent_or_half_a_second() -> None:
    """Above the timer's limit by max(2 %, 0.5 s), so that the unit's presets come first."""
    assert bound_s(10.0) == 10.5
    assert bound_s(25.0) == 25.5
    assert bound_s(100.0) == 102.0


def test_a_gap_counts_whole_when_either_end_saw_beam() -> None:
    """A host that was away for 3 s charges 3 s."""
    time = counted(begin(2000), True, 1.0)
    assert time.host_s == 0.0
    time = counted(time, False, 4.0)
    assert time.host_s == 3.0
    time = counted(time, False, 9.0)
    assert time.host_s == 3.0
    time = counted(time, True, 10.0)
    assert time.host_s == 4.0
    assert longest_s(time, 0) == 6.0 and longest_s(time, 7000) == 7.0


def test_before_the_first_look_nothing_is_counted() -> None:
    """Nothing on the unit's timer, nothing on the host's, no look and no beam; the first second of beam is then one second."""
    assert msgspec.structs.astuple(NO_BEAM_TIME) == (0, 0.0, None, False)
    time = counted(counted(NO_BEAM_TIME, True, 1.0), True, 2.0)
    assert longest_s(time, 0) == 1.0


def test_a_gap_shorter_than_a_second_counts_as_long_as_it_is() -> None:
    """And a clock that steps back by less than a second counts nothing."""
    time = counted(counted(begin(0), True, 1.0), True, 1.25)
    assert time.host_s == 0.25
    assert counted(time, True, 0.75).host_s == 0.25


@given(st.lists(st.tuples(st.booleans(), st.floats(-10.0, 10.0)), max_size=30))
def test_the_count_never_falls(steps: list[tuple[bool, float]]) -> None:
    """Not even with a clock that steps back."""
    time, now, before = NO_BEAM_TIME, 100.0, 0.0
    for beam, step in steps:
        now += step
        time = counted(time, beam, now)
        assert time.host_s >= before
        before = time.host_s
