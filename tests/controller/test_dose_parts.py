"""The parts of the dose by hand: what is said before anything, what the interlocks are given, steady beam, and the numbers of docs/dose.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from dose_bench import K1_CLOSED_HV, K1_OPEN, combination, made, readings, status

from controller import dose, kernel
from controller.dose import Dose, Meter, Steady, _not_over, _relative_output, _Segment, _weighed
from controller.kernel import PLAIN
from controller.prescribed import Quality
from hal.readings import GeneratorMonitor, Purpose, UnitState
from interlocks.bands import BANDS
from interlocks.words import DoseFigures

NAN, INF = float("nan"), float("inf")
GOOD = Quality.GOOD


def test_before_anything_every_figure_is_zero() -> None:
    """No dose, no time, no count, GOOD, the unit's and the host's beam clocks stand still, and no end was seen."""
    zeros = (0.0,) * 7
    fraction = (GOOD, *(0.0,) * 3, GOOD, *(0.0,) * 4, None, None, 0, 0, 0, 0.0, 0.0, 0, False, False, False)
    after_end = (None, None, None, None, "the end of the beam was not seen")
    assert msgspec.structs.astuple(Dose()) == (*zeros, *fraction, *(0.0,) * 6, True, *after_end)


def test_the_interlocks_are_given_each_figure_in_its_place() -> None:
    """Every figure differs from every other, so that none can stand in another's place."""
    said = Dose(
        d1_mgy=1.0, d2_mgy=2.0, dt_mgy=4.0, dm_mgy=3.0, rate_1_mgy_per_s=5.0, rate_2_mgy_per_s=6.0, beam_s=7.0,
        unit_beam_s=8.0, host_beam_s=9.0, bad_samples=10, overdue=True,
    )  # fmt: skip
    assert said.figures() == DoseFigures(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10, True)


def test_steady_beam_by_hand() -> None:
    """Mean, least and greatest of each; zeros before the first sample; a sample that is not finite in either is not taken."""
    steady = Steady()
    assert steady.figures() == (0.0,) * 6
    for kv, ma in ((NAN, 1.0), (1.0, NAN), (INF, 1.0), (1.0, INF), (-INF, 1.0), (1.0, -INF)):
        steady.take(kv, ma)
    assert steady.figures() == (0.0,) * 6
    steady.take(70.0, 1.5)
    assert steady.figures() == (70.0, 70.0, 70.0, 1.5, 1.5, 1.5)
    for kv, ma in ((68.0, 1.75), (73.0, 1.0), (69.0, 1.25)):
        steady.take(kv, ma)
    assert steady.figures() == (70.0, 68.0, 73.0, 1.375, 1.0, 1.75)


def test_bits_and_bounds_are_those_of_the_documents() -> None:
    """Bits by docs/safety-unit.md, bounds by docs/dose.md."""
    bits = (dose.HV_SEEN, dose.K1_OPEN, dose.HT1, dose.HT2, dose.SATURATED1, dose.SATURATED2)
    assert bits == (16, 2, 1, 2, 4, 8)
    assert [dose.SATURATED, dose.LOST_1, dose.LOST_2, dose.RUN] == [12, 20, 40, 0x8787]
    bounds = (BANDS[Purpose.TREAT].jump, dose.JUMP_SLACK_COUNTS, dose.RATE_WINDOW_US, dose.BAD_WINDOW_S, dose.DEAD_PART)
    assert bounds == (3.0, 5.0, 100_000, 1.0, 0.1)
    waits = (dose.ALIVE_PART, dose.OVERDUE_TICKS, dose.OVERDUE_S, dose.REPEAT_S, dose.GAP_TICKS)
    assert waits == (0.5, 1.5, 0.02, 0.002, 3.0)


@pytest.mark.parametrize(
    ("kv", "g"), [(10.0, 0.25), (15.0, 0.375), (20.0, 0.5), (30.0, 1.0), (40.0, 1.5), (50.0, 2.0), (0.0, 0.0)]
)
def test_relative_output_is_straight_between_two_points_and_on_from_the_last(kv: float, g: float) -> None:
    """Also below the first, by its first two."""
    assert _relative_output(((10.0, 0.25), (20.0, 0.5), (40.0, 1.5)), kv) == g


def test_what_is_not_over_is_unknown_and_delivered_is_high() -> None:
    """And the fraction's figures go with it."""
    s = msgspec.structs.replace(made(), delivered_before_mgy=1000.0, d0_mgy=5000.0)
    said = _not_over(Dose(delivered_mgy=10.0, high_mgy=250.0), s)
    assert (said.delivered_mgy, said.fraction_delivered_mgy, said.rest_mgy) == (250.0, 1250.0, 3750.0)
    assert (said.quality, said.fraction_quality) == (Quality.UNKNOWN, Quality.UNKNOWN)


def test_a_timer_that_does_not_hold_yet_is_no_lost_channel() -> None:
    """It is left out and the dose stays GOOD; once it holds it bounds the dose as the chambers do."""
    assert _weighed(100.0, 100.0, 101.0, None, False, 9.0, 0.0) == dose.Weighed(100.0, 100.0, 101.0, GOOD)
    assert _weighed(100.0, 100.0, 101.0, 103.0, False, 9.0, 0.0) == dose.Weighed(100.0, 100.0, 103.0, GOOD)
    assert _weighed(103.0, 100.0, 101.0, 103.0, True, 9.0, 0.0) == dose.Weighed(103.0, 100.0, 103.0, GOOD)
    assert _weighed(103.0, None, 101.0, 103.0, True, 9.0, 0.0).quality is Quality.DEGRADED


def segment(chambers: bool = True, timer: bool = True, **changes: Any) -> _Segment:
    """A segment that has begun at 100 s with the unit idle."""
    return _Segment(PLAIN, 0.01, made(), status(100.0, **changes), None, chambers, timer)


def test_the_longest_beam_of_a_silent_unit_and_what_nobody_timed() -> None:
    """Lease, contactor and two ticks; a gap costs itself and a tick, at most that, where neither a timer nor a chamber bridged it."""
    longest_s = 0.2 + 0.07 + 0.02
    assert segment()._longest_s() == pytest.approx(longest_s)
    for chambers, timer, gap_s, untimed_s in (
        (True, True, 1.0, 0.0),
        (False, True, 1.0, 0.0),
        (False, False, 0.01, 0.02),
        (False, False, 0.1, 0.11),
        (False, False, 1.0, longest_s),
        (True, False, 0.03, 0.0),
        (True, False, 0.031, 0.041),
        (True, False, 1.0, longest_s),
    ):
        assert segment(chambers, timer)._untimed_s(gap_s) == pytest.approx(untimed_s), (chambers, timer, gap_s)


def test_a_meter_has_chambers_and_a_timer_unless_it_is_told_otherwise() -> None:
    """And before its first segment no words and no dose."""
    meter = Meter(PLAIN, 0.01)
    assert (meter._chambers, meter._timer, meter.sums, meter.dose) == (True, True, "", Dose())


def test_the_bound_of_a_jump_is_of_each_channels_own_counts() -> None:
    """Three times R0 in counts a microsecond; thin air makes a count of the vented chamber worth more, and may not narrow its bound."""
    c = combination()
    for k_tp, smallest in ((0.5, 0.5), (1.0, 1.0), (2.0, 1.0)):
        s = msgspec.structs.replace(made(), combination=c, k_tp=k_tp)
        limits = _Segment(PLAIN, 0.01, s, status(100.0), None, True, True)._limits
        assert limits.tolist() == pytest.approx([165e-6 / 0.02, 165e-6 / (0.0196 * smallest), 5.0])


@dataclass
class Played:
    """A segment of 10 ms steps whose unit is what the test says."""

    at: _Segment
    now_s: float = 100.0
    beam_ms: int = 0
    counts: int = 0

    def step(self, running: bool, n: int = 1, **changes: Any) -> None:
        for _ in range(n):
            self.now_s = round(self.now_s + 0.01, 6)
            self.beam_ms += 10 if running else 0
            self.counts += 27 if running else 0
            state = UnitState.RUN if running else UnitState.ENDED
            given = {"relays": K1_CLOSED_HV if running else K1_OPEN, "state": state, "beam_ms": self.beam_ms}
            given |= {"counts_1": self.counts, "counts_2": self.counts}
            unit = status(self.now_s, **(given | changes))
            monitor = GeneratorMonitor(self.now_s, 69.5, 1.6, 3.0, 2846, 1310)
            self.at.take(readings(self.now_s, unit, monitor), self.now_s)


def test_high_voltage_before_run_is_time_that_no_channel_saw() -> None:
    """From the status before to the one that saw it; the same after the cable has emptied, but not while it discharges."""
    played = Played(segment())
    played.step(False, n=3, state=UnitState.ARMED, relays=K1_CLOSED_HV)
    assert played.at._dark_s == pytest.approx(0.03)
    played.step(True, n=30)
    played.step(False, n=5, relays=K1_CLOSED_HV)
    assert played.at._dark_s == pytest.approx(0.03)
    played.step(False, n=450)
    played.step(False, n=2, relays=K1_CLOSED_HV)
    assert played.at._dark_s == pytest.approx(0.05)


def test_both_clocks_begin_and_end_half_way_between_two_statuses() -> None:
    """RUN with high voltage begins the host's, the first status after RUN ends it."""
    played = Played(segment())
    played.step(False, n=2, state=UnitState.ARMED)
    assert played.at._host_beam_s is None and played.at._started_at_s is None
    played.step(True, n=20)
    assert played.at._started_at_s == pytest.approx(100.025)
    assert played.at._host_beam_s == pytest.approx(0.195)
    played.step(False, n=3)
    assert played.at._ended_at_s == pytest.approx(100.225)
    assert played.at._host_beam_s == pytest.approx(0.2)


def test_rates_are_over_a_tenth_of_a_second_and_a_dead_channel_is_lost() -> None:
    """No rate before 100 ms have passed; then each channel's own; a channel at a tenth beside one at a half has died."""
    played = Played(segment())
    played.step(True, n=9)
    assert played.at._rates == (0.0, 0.0)
    played.step(True, n=20)
    assert played.at._rates == pytest.approx((27 * 0.02 * 100.0, 27 * 0.0196 * 100.0))
    assert (len(played.at._window), played.at._lost_1, played.at._lost_2) == (11, False, False)
    held = played.counts
    for step in range(1, 12):
        played.step(True, counts_1=held)
        assert played.at._rates[0] == pytest.approx(27 * 0.02 * 10.0 * max(0, 10 - step))
        assert played.at._lost_2 is False
    assert played.at._lost_1 is True


def test_a_bad_sample_is_counted_for_a_second() -> None:
    """From the tick that refused it; no longer than BAD_WINDOW_S."""
    played = Played(segment())
    played.step(True, n=20)
    played.step(True, counts_1=5)
    assert len(played.at._bad) == 1 and played.at._counted[kernel.BAD_COUNTS] == 1
    played.step(True, n=100)
    assert len(played.at._bad) == 1
    played.step(True)
    assert not played.at._bad
