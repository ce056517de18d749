"""The rule for delivered dose, channel by channel and by hand: which of them is said, how far low and high lie apart, and what its quality is."""

from __future__ import annotations

from itertools import product

import pytest

from controller import channels
from controller.channels import (
    Weighed,
    air_factor,
    counted,
    differing,
    past_ramp,
    smallest_rest_mgy,
    taken_over,
    timed,
    uncounted_tail_mgy,
    weigh,
    worse,
)
from controller.prescribed import Quality
from hal.readings import TimerStart

GOOD, DEGRADED, UNKNOWN = Quality.GOOD, Quality.DEGRADED, Quality.UNKNOWN


def test_bounds_are_those_of_the_documents() -> None:
    """docs/dose.md and docs/safety.md."""
    assert (channels.RATE_MAX_OVER_R0, channels.SATURATED_OVER_R0) == (1.25, 64.0)
    assert (channels.BAND_PART, channels.BAND_MGY) == (0.03, 20.0)
    assert (channels.WARN_PART, channels.WARN_CHANNELS_MGY, channels.WARN_MODEL_MGY) == (0.015, 10.0, 20.0)
    assert (channels.REST_PART, channels.REST_MGY) == (0.01, 20.0)
    assert (channels.K1_OPENS_S, channels.CUT_S, channels.ZERO_CELSIUS_K) == (0.05, 0.02 + 0.05, 273.15)


@pytest.mark.parametrize(("d0_mgy", "rest_mgy"), [(500.0, 20.0), (2000.0, 20.0), (10_000.0, 100.0)])
def test_a_rest_is_small_by_a_hundredth_or_two_centigray(d0_mgy: float, rest_mgy: float) -> None:
    """The larger of both."""
    assert smallest_rest_mgy(d0_mgy) == rest_mgy


def test_thin_and_warm_air_makes_a_count_worth_more() -> None:
    """By the ratio of pressures and of absolute temperatures; as at calibration it is 1."""
    assert air_factor(101.325, 20.0, 101.325, 20.0) == 1.0
    assert air_factor(80.0, 20.0, 100.0, 20.0) == pytest.approx(1.25)
    assert air_factor(100.0, 36.85, 100.0, 26.85) == pytest.approx(310.0 / 300.0)
    assert air_factor(90.0, 26.85, 100.0, 36.85) == pytest.approx(300.0 / 310.0 / 0.9)


def test_counts_less_their_leakage_are_dose() -> None:
    """(1000 counts less 5 a second for 8 s) of 0.5 mGy at k_TP 1.25."""
    assert counted(1000, 8.0, 0.5, 5.0, 1.25) == 600.0


@pytest.mark.parametrize(("counts", "dose_mgy"), [(41, 0.5), (40, 0.0), (39, 0.0), (0, 0.0)])
def test_leakage_takes_no_dose_back(counts: int, dose_mgy: float) -> None:
    """Fewer counts than leaked are no dose, and never one below 0."""
    assert counted(counts, 8.0, 0.5, 5.0, 1.0) == dose_mgy


@pytest.mark.parametrize(("timer_s", "dose_mgy"), [(2.0, 110.0), (0.25, 12.5), (0.0, 0.0)])
def test_the_timer_s_dose_is_rate_times_time_with_its_ends(timer_s: float, dose_mgy: float) -> None:
    """50 mGy/s; 0.2 s more than the timer has, and with its ends taken off never below 0."""
    assert timed(50.0, timer_s, 0.2 if timer_s == 2.0 else 0.0) == pytest.approx(dose_mgy)
    assert timed(50.0, timer_s, -0.5) == (75.0 if timer_s == 2.0 else 0.0)


@pytest.mark.parametrize(("start", "holds_at_s"), [(TimerStart.K1_CLOSED, 0.75), (TimerStart.HV_SEEN, 0.5)])
def test_rate_times_time_holds_from_the_end_of_the_ramp(start: TimerStart, holds_at_s: float) -> None:
    """A ramp of 0.5 s; a timer that starts with K1 has run 0.25 s before high voltage comes."""
    assert past_ramp(holds_at_s, 0.5, 0.25, start)
    assert not past_ramp(holds_at_s - 1 / 64, 0.5, 0.25, start)


def test_an_end_that_nobody_followed_costs_the_contactor_s_own_time() -> None:
    """Beside the certified tail 50 ms at the highest rate: 1.25 times 40 mGy/s."""
    assert uncounted_tail_mgy(3.0, 40.0) == pytest.approx(5.5)


def test_what_was_said_is_not_taken_back_by_the_timer() -> None:
    """The larger of both, whichever that is."""
    assert (taken_over(10.0, 8.0), taken_over(8.0, 10.0)) == (10.0, 10.0)


@pytest.mark.parametrize(
    ("primary", "others", "ceiling", "unknown", "said"),
    [
        # no channel: what the time may have given, unknown; no time, no dose
        (None, (None, None), 30.0, 5.0, Weighed(35.0, 0.0, 35.0, UNKNOWN)),
        (None, (None,), 0.0, 0.5, Weighed(0.5, 0.0, 0.5, UNKNOWN)),
        (None, (), 0.0, 0.0, Weighed(0.0, 0.0, 0.0, GOOD)),
        # all of them: the primary is said, and the others bound it
        (100.0, (101.0,), 900.0, 0.0, Weighed(100.0, 100.0, 101.0, GOOD)),
        (102.0, (101.0, 104.0), 900.0, 0.0, Weighed(102.0, 101.0, 104.0, GOOD)),
        (0.0, (0.0,), 900.0, 0.0, Weighed(0.0, 0.0, 0.0, GOOD)),
        # time that nobody saw, or a channel less: the dose can be relied on, its quality is less
        (100.0, (101.0,), 900.0, 5.0, Weighed(100.0, 100.0, 106.0, DEGRADED)),
        (100.0, (101.0,), 900.0, 1.0, Weighed(100.0, 100.0, 102.0, DEGRADED)),
        (100.0, (101.0, None), 900.0, 0.0, Weighed(100.0, 100.0, 101.0, DEGRADED)),
        (None, (100.0, 101.0), 900.0, 0.0, Weighed(101.0, 100.0, 101.0, DEGRADED)),
        (None, (100.0,), 900.0, 5.0, Weighed(105.0, 100.0, 105.0, DEGRADED)),
        # apart: below 667 mGy by 20 mGy, above by 3 %; then the highest is said
        (100.0, (120.0,), 900.0, 0.0, Weighed(100.0, 100.0, 120.0, GOOD)),
        (100.0, (120.5,), 900.0, 0.0, Weighed(120.5, 100.0, 120.5, UNKNOWN)),
        (100.0, (112.0,), 900.0, 8.5, Weighed(120.5, 100.0, 120.5, UNKNOWN)),
        (2000.0, (1940.5,), 9000.0, 0.0, Weighed(2000.0, 1940.5, 2000.0, GOOD)),
        (1939.5, (2000.0,), 9000.0, 0.0, Weighed(2000.0, 1939.5, 2000.0, UNKNOWN)),
        (None, (100.0, 150.0), 900.0, 0.0, Weighed(150.0, 100.0, 150.0, UNKNOWN)),
    ],
)
def test_channels_are_weighed(
    primary: float | None, others: tuple[float | None, ...], ceiling: float, unknown: float, said: Weighed
) -> None:
    """Delivered, low, high and quality, D0 mGy."""
    assert weigh(primary, others, ceiling, unknown) == said


def test_the_worse_of_two_qualities_whichever_comes_first() -> None:
    """GOOD, DEGRADED, UNKNOWN, in this order."""
    order = [GOOD, DEGRADED, UNKNOWN]
    for first, second in product(order, order):
        assert worse(first, second) is order[max(order.index(first), order.index(second))]


@pytest.mark.parametrize(
    ("doses", "told"),
    [
        ((100.0, 100.0, 100.0, 100.0), ()),
        ((None, None, None, None), ()),
        ((None, 100.0, None, 100.0), ()),
        ((100.0, None, 100.0, None), ()),
        ((0.0, 0.0, 0.0, 0.0), ()),
        # to 10 mGy, or 1.5 % of the larger, the chambers may differ in silence; to 20 mGy timer and model
        ((100.0, 110.0, 100.0, 120.0), ()),
        ((110.0, 100.0, 120.0, 100.0), ()),
        ((2000.0, 2030.25, 2000.0, 2030.25), ()),
        ((2030.25, 2000.0, 2030.25, 2000.0), ()),
        ((100.0, 110.5, None, None), ("channel 1 100.0 mGy, channel 2 110.5 mGy: +10.50 % apart",)),
        ((125.0, 100.0, None, None), ("channel 1 125.0 mGy, channel 2 100.0 mGy: -20.00 % apart",)),
        ((2000.0, 2031.0, None, None), ("channel 1 2000.0 mGy, channel 2 2031.0 mGy: +1.55 % apart",)),
        ((None, None, 100.0, 121.0), ("the timer 100.0 mGy, the kV-mA model 121.0 mGy: +21.00 % apart",)),
        ((None, 100.0, 121.0, 96.8), ("the timer 121.0 mGy, the kV-mA model 96.8 mGy: -20.00 % apart",)),
        (
            (100.0, 120.0, 100.0, 125.0),
            (
                "channel 1 100.0 mGy, channel 2 120.0 mGy: +20.00 % apart",
                "the timer 100.0 mGy, the kV-mA model 125.0 mGy: +25.00 % apart",
            ),
        ),
    ],
)
def test_channels_that_drift_apart_are_told_before_they_end_the_beam(
    doses: tuple[float | None, float | None, float | None, float | None], told: tuple[str, ...]
) -> None:
    """By name, both values, and by how much of the first; nothing is told of a channel that is not there."""
    assert differing(*doses) == tuple(f"{words} (told above 1.5 %)" for words in told)


def test_a_channel_that_has_counted_nothing_is_told_as_well() -> None:
    """There is no percentage of nothing; both values are said."""
    (told,) = differing(0.0, 11.0, None, None)
    assert told.startswith("channel 1 0.0 mGy, channel 2 11.0 mGy: ")
