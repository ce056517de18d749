"""Every figure of a segment's dose by hand: in beam, at its end, by the timer, without chambers, and what each loss leaves unknown."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from dose_bench import K1_CLOSED_HV, K1_OPEN, SOUND, readings, status
from steps_bench import K1_CLOSED, R0, SATURATED_1, SATURATED_2, TICK_S, Steps, by_hand

from controller import kernel
from controller.dose import Dose
from controller.prescribed import Quality
from hal.readings import GeneratorMonitor, Health, Termination, TimerStart, UnitState

WHOLE: dict[str, Any] = {
    "c": {"leak1_cps": 64.0, "leak2_cps": 128.0},
    "k_tp": 2.0,
    "d0_mgy": 5000.0,
    "rest_mgy": 4000.0,
    "delivered_before_mgy": 1000.0,
    "low_before_mgy": 900.0,
    "high_before_mgy": 1100.0,
    "quality_before": Quality.DEGRADED,
}
"""Leakage, thin air, and a fraction of which a part has been given: no figure is the same as another by chance."""


def whole(**changes: Any) -> Steps:
    """Four statuses in RUN; channel 2 has counted one more, half a mGy."""
    steps = Steps(by_hand(**(WHOLE | changes)), monitor=GeneratorMonitor(1.0, 0.0, 2.0, 3.0, 2846, 1310))
    steps.run(each_1=24, each_2=33, kv=32.0)
    steps.run(n=3, each_1=24, each_2=32, kv=32.0)
    return steps


def test_every_figure_by_hand_in_beam() -> None:
    """Half a second of beam, the timer's tail not yet come, the model half a tick behind; one sample known to be steady."""
    assert whole().meter.dose == Dose(
        d1_mgy=32.0, d2_mgy=32.5, dt_mgy=22.0, dm_mgy=28.0, delivered_mgy=32.0, low_mgy=22.0, high_mgy=32.5,
        fraction_delivered_mgy=1032.0, fraction_low_mgy=922.0, fraction_high_mgy=1132.5, fraction_quality=Quality.DEGRADED,
        rest_mgy=3968.0, rate_1_mgy_per_s=64.0, rate_2_mgy_per_s=64.0, beam_s=0.5, unit_beam_s=0.5, host_beam_s=0.4375,
        beam_ms=500, counts_1=96, counts_2=129, counted=True, kv_mean=32.0, kv_min=32.0, kv_max=32.0, ma_mean=2.0,
        ma_min=2.0, ma_max=2.0,
    )  # fmt: skip


def test_every_figure_by_hand_at_the_end() -> None:
    """The tail is counted, the timer has its own; the last status came just as the cable had emptied."""
    steps = whole()
    last = {"counts_1": 96 + 12, "counts_2": 129 + 21, "state": UnitState.ENDED, "relays": K1_OPEN}
    live = steps.see(kv=0.0, **last)
    end = steps.meter.settled(readings(steps.now_s, steps.unit, steps.monitor))
    assert end == Dose(
        d1_mgy=34.0, d2_mgy=35.0, dt_mgy=24.0, dm_mgy=32.0, delivered_mgy=34.0, low_mgy=24.0, high_mgy=35.0,
        fraction_delivered_mgy=1034.0, fraction_low_mgy=924.0, fraction_high_mgy=1135.0, fraction_quality=Quality.DEGRADED,
        rest_mgy=3966.0, rate_1_mgy_per_s=16.0, rate_2_mgy_per_s=20.0, beam_s=0.5, unit_beam_s=0.5, host_beam_s=0.5,
        beam_ms=500, counts_1=108, counts_2=150, counted=True, settled=True, kv_mean=32.0, kv_min=32.0, kv_max=32.0,
        ma_mean=2.0, ma_min=2.0, ma_max=2.0, after_end_unseen="the beam ended 500 ms after its start, and is even from 575 ms on",
    )  # fmt: skip
    running = msgspec.structs.replace(end, settled=False, after_end_unseen=live.after_end_unseen)
    assert live == running, "nothing was silent, nothing more is said by settling but of what came after the end"


def test_the_timer_takes_over_at_the_end_of_the_ramp_and_takes_nothing_back() -> None:
    """Where it ends the beam: counts until it holds, then the timer as soon as it is above what was said; both chambers stand beside it, and
    so does a timer that is still below: low may not stand above a channel that holds."""
    steps = Steps(by_hand(terms={"termination": Termination.TIME}))
    said = [steps.run(each_2=34) for _ in range(5)]
    assert [one.delivered_mgy for one in said] == [8.0, 8.0, 14.0, 22.0, 30.0]
    assert [one.dt_mgy for one in said] == [0.0, 6.0, 14.0, 22.0, 30.0]
    assert [(one.low_mgy, one.high_mgy) for one in said] == [
        (8.0, 8.5),
        (6.0, 17.0),
        (14.0, 25.5),
        (22.0, 34.0),
        (30.0, 42.5),
    ]


def test_the_timer_says_at_least_nothing() -> None:
    """An end effect as long as the beam, and a tail that is still to come; also where no channel had said a dose in the ramp."""
    s = by_hand({"dt_s": -0.25}, {"termination": Termination.TIME})
    steps = Steps(s, unit=status(1.0, state=UnitState.RUN, relays=K1_CLOSED_HV, health=int(SOUND & ~Health.HT1)))
    steps.run()
    said = steps.run()
    assert (said.dt_mgy, said.delivered_mgy, said.quality) == (0.0, 0.0, Quality.DEGRADED)


def test_a_timer_from_the_contactor_on_holds_later() -> None:
    """By the time from the press to high voltage; until then its dose is the model's."""
    steps = Steps(by_hand(terms={"timer_start": TimerStart.K1_CLOSED}))
    assert [steps.run(kv=32.0).dt_mgy for _ in range(4)] == [0.0, 8.0, 14.0, 22.0]


@pytest.mark.parametrize(
    ("termination", "rest_mgy", "overdue"),
    [
        (Termination.MONITOR, 20.72, False),
        (Termination.MONITOR, 20.71, True),
        (Termination.TIME, 10.72, False),
        (Termination.TIME, 10.71, True),
    ],
)
def test_overdue_by_hand(termination: Termination, rest_mgy: float, overdue: bool) -> None:
    """34 mGy of counts and tail, or 24 of the timer, against what remains and 207.5 ms of R0: not at the bound, and not once the beam has ended."""
    steps = whole(rest_mgy=rest_mgy, terms={"termination": termination})
    assert steps.meter.dose.overdue is overdue
    assert steps.meter.settled(readings(steps.now_s, steps.unit)).overdue is False
    steps = whole(rest_mgy=rest_mgy, terms={"termination": termination})
    assert steps.see(state=UnitState.ENDED, relays=K1_OPEN).overdue is False


def test_overdue_in_the_ramp_goes_by_counts() -> None:
    """Where the timer ends the beam but does not hold yet."""
    s = by_hand(terms={"termination": Termination.TIME}, rest_mgy=-4.0)
    assert Steps(s).run(each_1=16).overdue is True


LONGEST_S = 0.2 + 0.07 + 2 * TICK_S


def test_a_unit_that_is_silent_in_beam_widens_high_from_the_fourth_tick_on() -> None:
    """By R0 and a quarter for as long as it lasts, at most for the longest beam; nothing before RUN, and nothing after the end."""
    steps = Steps()
    assert steps.hear(2.0, None).unknown_s == 0.0
    steps.run(n=4)
    assert [steps.hear(0.125, None).unknown_s for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    silent = steps.meter.dose
    assert (silent.unknown_mgy, silent.low_mgy, silent.high_mgy) == (40.0, 22.0, 72.0)
    assert [steps.hear(0.125, None).unknown_s for _ in range(2)] == [pytest.approx(LONGEST_S)] * 2
    steps.now_s = 3.625
    steps.see(state=UnitState.ENDED, relays=K1_OPEN)
    assert steps.hear(2.0, None).unknown_s == 0.0


@pytest.mark.parametrize(
    ("ran", "on_sent", "gap_s", "unknown_mgy"),
    [
        (False, False, 0.5, 0.0),
        (False, True, 0.375, 0.0),
        (False, True, 0.5, 80.0 * 0.5 + 2.0),
        (False, True, 2.0, 80.0 * LONGEST_S + 2.0),
        (True, False, 0.0, 2.0),
        (True, False, 0.25, 80.0 * 0.25 + 2.0),
        (True, True, 2.0, 80.0 * LONGEST_S + 2.0),
    ],
)
def test_what_is_unknown_when_the_end_was_not_seen(ran: bool, on_sent: bool, gap_s: float, unknown_mgy: float) -> None:
    """The gap and a tail after RUN, or after an ON that nobody heard of; an ON whose unit was heard since and did not run gave nothing."""
    steps = Steps()
    if ran:
        steps.run(n=4)
    now_s = steps.now_s + gap_s
    end = steps.meter.settled(readings(now_s, steps.unit, on_sent_at_s=1.0 if on_sent else None))
    assert (end.settled, end.unknown_mgy) == (True, pytest.approx(unknown_mgy))


@pytest.mark.parametrize(
    ("gap_s", "relays", "state", "known"),
    [
        (0.0, K1_OPEN, UnitState.ENDED, True),
        (0.375, K1_CLOSED, UnitState.RUN, False),
        (0.5, K1_CLOSED, UnitState.RUN, True),
        (0.0, K1_CLOSED, UnitState.RUN, False),
        (0.0, K1_CLOSED_HV, UnitState.ENDED, False),
        (0.375, K1_CLOSED_HV, UnitState.ENDED, False),
        (0.5, K1_CLOSED_HV, UnitState.ENDED, True),
    ],
)
def test_a_beam_that_goes_on_has_no_dose_but_unknown(gap_s: float, relays: int, state: UnitState, known: bool) -> None:
    """RUN or high voltage in the last status; where that is old, what is unknown is charged instead."""
    steps = Steps()
    steps.run(after_s=30.0, each_1=240 * 16, each_2=240 * 32, beam_ms=30_000)
    steps.see(state=state, relays=relays, counts_1=steps.unit.counts_1 + 4, counts_2=steps.unit.counts_2 + 8)
    end = steps.meter.settled(readings(steps.now_s + gap_s, steps.unit))
    assert (end.quality is not Quality.UNKNOWN) is known
    assert known or end.delivered_mgy == end.high_mgy


@pytest.mark.parametrize(("after_s", "unknown_mgy"), [(0.125, 0.0), (0.0625, 6.0)])
def test_a_tail_that_was_not_waited_for_is_unknown(after_s: float, unknown_mgy: float) -> None:
    """engineering-G20: a sixteenth of a second from the end, which lies half way: the status of that moment has it, an earlier one has not, and then the
    certified tail and 50 ms of K1 at R0 and a quarter are charged: OFF by wire may not have come."""
    steps = whole()
    steps.see(after_s, state=UnitState.ENDED, relays=K1_OPEN)
    assert steps.meter.settled(readings(steps.now_s, steps.unit)).unknown_mgy == unknown_mgy


def test_a_beam_that_went_by_between_two_statuses() -> None:
    """RUN was never seen and ON was not sent, yet the unit counted and timed: its tail is in the timer's dose, and nobody says that it was counted."""
    steps = Steps()
    steps.see(state=UnitState.ARMED)
    steps.see(2.0, state=UnitState.ENDED, beam_ms=500, counts_1=48, counts_2=96)
    end = steps.meter.settled(readings(steps.now_s, steps.unit))
    assert (end.d1_mgy, end.d2_mgy, end.dt_mgy, end.unknown_mgy, end.counted) == (24.0, 24.0, 24.0, 0.0, False)


def test_time_that_no_channel_saw_is_charged() -> None:
    """High voltage for a tick before RUN, at a rate and a quarter."""
    steps = Steps()
    said = steps.see(state=UnitState.ARMED, relays=K1_CLOSED_HV)
    assert (said.unknown_s, said.unknown_mgy, said.high_mgy) == (0.125, 10.0, 10.0)


def test_time_with_both_chambers_at_their_ceiling_is_charged_as_without_a_filter() -> None:
    """64 times R0, from the status before to the one after."""
    steps = Steps()
    steps.run(n=2)
    said = steps.run(health=SATURATED_1 | SATURATED_2, counts_1=steps.unit.counts_1, counts_2=steps.unit.counts_2)
    assert said.unknown_mgy == 64.0 * R0 * 0.125
    assert steps.run(health=int(SOUND)).unknown_mgy == 64.0 * R0 * 0.25


@pytest.mark.parametrize(("jump_1", "jump_2", "unknown_mgy"), [(400, 0, 200.0), (0, 600, 300.0), (400, 600, 300.0)])
def test_a_jump_that_was_not_believed_is_unknown_dose(jump_1: int, jump_2: int, unknown_mgy: float) -> None:
    """Half a mGy a count in channel 1, a quarter and thin air in channel 2; of two the higher."""
    steps = Steps(by_hand(k_tp=2.0))
    steps.run(n=2, each_2=16)
    held = {"counts_1": steps.unit.counts_1 + jump_1, "counts_2": steps.unit.counts_2 + jump_2}
    assert steps.see(**held).unknown_mgy == unknown_mgy


def test_the_model_is_its_sum_and_its_compensation() -> None:
    """Never below zero."""
    steps = Steps()
    for total, compensation, dm_mgy in ((8.0, 0.25, 8.25), (8.0, -0.25, 7.75), (-8.0, 0.25, 0.0)):
        steps.at._modelled[kernel.M_SUM], steps.at._modelled[kernel.M_COMPENSATION] = total, compensation
        assert steps.hear(0.0, None).dm_mgy == dm_mgy


def test_no_channel_at_all_leaves_the_ceiling() -> None:
    """Both chambers lost in the ramp: nothing to a rate and a quarter of the beam time."""
    said = Steps().run(health=0)
    assert (said.low_mgy, said.high_mgy, said.delivered_mgy, said.quality) == (0.0, 10.0, 10.0, Quality.UNKNOWN)


def test_without_chambers_the_model_counts_in_the_ramp_and_the_timer_after_it() -> None:
    """In beam the one or both; once settled, what the model can have missed within the ramp is unknown: R0 and a quarter, and a tail through K1 alone."""
    steps = Steps(chambers=False, monitor=GeneratorMonitor(1.0, 0.0, 2.0, 3.0, 2846, 1310))
    ramp = steps.run(kv=32.0)
    assert (ramp.low_mgy, ramp.high_mgy, ramp.dt_mgy, ramp.quality) == (4.0, 4.0, 4.0, Quality.DEGRADED)
    ended = steps.see(kv=0.0, state=UnitState.ENDED, relays=K1_OPEN)
    assert (ended.low_mgy, ended.high_mgy, ended.chambers) == (8.0, 8.0, False)
    end = steps.meter.settled(readings(steps.now_s, steps.unit, steps.monitor))
    assert (end.low_mgy, end.high_mgy, end.quality) == (8.0, 16.0, Quality.DEGRADED)


@pytest.mark.parametrize(("kv", "high_mgy"), [(64.0, 24.0), (0.0, 0.0)])
def test_without_chambers_nothing_is_blind_where_the_model_has_it_or_there_was_no_beam(
    kv: float, high_mgy: float
) -> None:
    """The model says more than the ceiling; or the unit timed nothing."""
    steps = Steps(chambers=False, monitor=GeneratorMonitor(1.0, kv, 2.0, 3.0, 2846, 1310))
    if kv:
        steps.run(kv=kv)
    steps.see(kv=0.0, state=UnitState.ENDED, relays=K1_OPEN)
    end = steps.meter.settled(readings(steps.now_s, steps.unit, steps.monitor))
    assert (end.low_mgy, end.high_mgy) == (high_mgy, high_mgy)


def test_without_chambers_the_timer_after_the_ramp_is_not_blind() -> None:
    """Timer and model bound the dose; the timer is delivered."""
    steps = Steps(chambers=False, monitor=GeneratorMonitor(1.0, 0.0, 2.0, 3.0, 2846, 1310))
    steps.run(n=4, kv=32.0)
    steps.see(kv=0.0, state=UnitState.ENDED, relays=K1_OPEN)
    end = steps.meter.settled(readings(steps.now_s, steps.unit, steps.monitor))
    assert (end.delivered_mgy, end.low_mgy, end.high_mgy, end.unknown_mgy) == (24.0, 24.0, 32.0, 0.0)


def test_where_two_sums_differ_high_has_the_higher_and_what_is_unknown() -> None:
    """Channel 1 by the second sum a hundred counts above; where the kernel said more, that is high."""
    for more, high_mgy in ((100, 32.0 + 50.0 + 2.0), (-20, 32.5 + 2.0)):
        steps = whole()
        steps.at.second._one._counts += more
        end = steps.meter.settled(readings(steps.now_s, steps.unit, steps.monitor))
        assert steps.meter.sums.startswith("channel 1 was said to be 32.0 mGy")
        assert (end.high_mgy, end.fraction_high_mgy, end.delivered_mgy) == (high_mgy, 1100.0 + high_mgy, high_mgy)
        assert (end.quality, end.fraction_delivered_mgy, end.rest_mgy) == (
            Quality.UNKNOWN,
            1000.0 + high_mgy,
            4000.0 - high_mgy,
        )


def test_a_lost_channel_that_both_sums_agree_on_does_not_raise_high() -> None:
    """It is left out of the dose, however much it counted."""
    steps = Steps()
    steps.run(n=4)
    steps.see(0.125, state=UnitState.ENDED, relays=K1_OPEN, health=int(SOUND & ~Health.HT1), counts_1=64 + 40)
    end = steps.meter.settled(readings(steps.now_s, steps.unit))
    assert (end.d1_mgy, end.high_mgy, end.quality) == (52.0, 32.0, Quality.DEGRADED)
