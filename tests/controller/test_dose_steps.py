"""A segment step by step with numbers whose sums are exact: what each status and each sample of kV and mA leaves behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dose_bench import K1_CLOSED_HV, K1_OPEN, SOUND, readings, status
from steps_bench import K1_CLOSED, R0, SATURATED_1, SATURATED_2, TICK_S, Steps, by_hand

from controller import kernel
from hal.readings import GeneratorFlags, GeneratorMonitor, Purpose, Relay, TimerStart, UnitState


def flags(hv_on: bool) -> dict[str, Any]:
    return {"flags": GeneratorFlags(1.0, hv_on, True, True, True, False)}


def test_words_of_two_sums_that_differ_are_heard_at_once_and_stay() -> None:
    """From a tick, or from the last take alone, through the segments that follow; then the dose is UNKNOWN only where they differed."""
    first = Steps()
    first.at.second.words = "first"
    first.run()
    assert first.meter.sums == "first"
    for _ in range(2):
        first.meter.begin(first.s, readings(first.now_s, first.unit), first.now_s)
        assert first.see().quality is not None and first.meter.sums == "first"
        first.meter.settled(readings(first.now_s, first.unit))
        assert first.meter.sums == "first"
    last = Steps()
    last.at.second.words = "last"
    last.meter.settled(readings(last.now_s, last.unit))
    assert last.meter.sums == "last"


def test_the_last_word_takes_what_no_tick_has_seen() -> None:
    """Settled with a status that came after the last tick: its counts and its end are in the dose."""
    steps = Steps()
    steps.run(n=4)
    after = status(2.0, state=UnitState.ENDED, counts_1=4 * 16 + 4, counts_2=4 * 32 + 8, beam_ms=500)
    end = steps.meter.settled(readings(2.0, after))
    assert (end.d1_mgy, end.counts_1, end.counts_2) == (34.0, 68, 136)


def test_what_a_segment_begins_with() -> None:
    """The model's scale is R0 over the mA of this exposure and the output at its kV; its table is floating point, whatever it was written as; counts,
    time and beam begin at the unit's own figures, each in its place."""
    at = Steps(by_hand({"kv": 64.0, "ma": 1.0, "g_kv": ((16, 1), (32, 2), (64, 4))})).at
    assert (at._scale, at._table.dtype) == (R0 / (2.0 * 2.0), np.float64)
    steps = Steps(unit=status(1.0, beam_ms=700, counts_1=1000, counts_2=3000))
    begun = steps.meter.dose
    assert (begun.beam_ms, begun.beam_s, begun.counts_1, begun.counts_2) == (0, 0.0, 0, 0)
    said = steps.run(n=2)
    assert (said.beam_ms, said.counts_1, said.counts_2) == (250, 32, 64)
    assert (said.d1_mgy, said.d2_mgy) == (16.0, 16.0)


@pytest.mark.parametrize(("purpose", "jump_over_r0"), [(Purpose.TREAT, 3.0), (Purpose.CALIBRATE, 8.0)])
def test_how_fast_a_counter_may_run_is_of_the_exposures_purpose(purpose: Purpose, jump_over_r0: float) -> None:
    """A tube that is being measured may give more than its name plate says before a sample is no longer believed."""
    limits = Steps(by_hand(terms={"purpose": purpose})).at._limits
    assert limits.tolist() == pytest.approx([jump_over_r0 * R0 * 1e-6 / 0.5, jump_over_r0 * R0 * 1e-6 / 0.25, 5.0])


def test_a_first_sample_that_is_bad_is_told() -> None:
    """The unit's clock stands from the first status to the second."""
    assert Steps().see(sample_us=1_000_000).bad_samples == 1


def test_each_bad_sample_is_told_for_a_second_of_its_own() -> None:
    """Two of them, half a second apart: each begins to be told when it comes, and ends by itself."""
    steps = Steps()
    told = []
    for step in range(14):
        stands = {"sample_us": steps.unit.sample_us} if step in (0, 4) else {}
        told.append(steps.see(**stands).bad_samples)
    assert told == [1, 1, 1, 1, 2, 2, 2, 2, 2, 1, 1, 1, 1, 0]


def test_before_the_beam_may_be_on_the_model_adds_nothing() -> None:
    """kV without ON, without high voltage by either witness: no dose, also where the generator's flags are there and say so."""
    steps = Steps(monitor=GeneratorMonitor(1.0, 32.0, 2.0, 3.0, 2846, 1310))
    assert [steps.see(kv=32.0).dm_mgy, steps.see(kv=32.0, given=flags(False)).dm_mgy] == [0.0, 0.0]


@pytest.mark.parametrize("given", [{"on_sent_at_s": 1.0}, flags(True), {}])
def test_from_then_on_it_does(given: dict[str, Any]) -> None:
    """ON was sent, or the generator says high voltage, or the unit saw it; told once it holds for the segment. The sample at the beginning counts."""
    steps = Steps(monitor=GeneratorMonitor(1.0, 32.0, 2.0, 3.0, 2846, 1310))
    first = steps.see(kv=32.0, given=given, relays=K1_OPEN if given else K1_CLOSED_HV)
    then = [steps.see(kv=32.0, relays=K1_OPEN).dm_mgy for _ in range(3)]
    assert [first.dm_mgy, *then] == [8.0, 16.0, 24.0, 32.0]


def test_the_model_is_given_time_from_the_segments_beginning() -> None:
    """So that nothing is rounded away in a computer that has run for months; live is 1 or 0."""
    steps = Steps(unit=status(2.0**33))
    steps.see(kv=32.0)
    assert steps.at._model_row.tolist() == [[0.125, 32.0, 2.0, 0.0]]
    steps.run()
    steps.hear(2.0**-19, 16.0)
    assert steps.at._model_row.tolist() == [[0.25 + 2.0**-19, 16.0, 2.0, 1.0]]


def test_a_tick_without_the_unit_or_without_a_sample_takes_nothing() -> None:
    """Neither a status that is missing nor one that was taken already."""
    steps = Steps()
    steps.run(n=2)
    counted = list(steps.at._counted)
    steps.at.take(readings(steps.now_s + 1.0), steps.now_s + 1.0)
    steps.at.take(readings(steps.now_s + 1.0, steps.unit), steps.now_s + 1.0)
    assert steps.at._counted == counted


def test_one_scan_is_one_sample_for_less_than_two_milliseconds() -> None:
    """The first status is taken whole; one of the next scan is another sample however soon; the same scan after 2 ms is a clock that stands."""
    begun = status(0.0, counts_1=100, counts_2=200)
    steps = Steps(unit=begun)
    assert (steps.counted(kernel.STARTED, kernel.LAST_1), steps.at._unit_at_s) == ((1, 100), 0.0)
    assert steps.see(0.001, scan=begun.scan, sample_us=0, counts_1=101).bad_samples == 0
    assert steps.counted(kernel.SUM_1) == (0,)
    assert steps.see(0.001, scan=begun.scan, sample_us=0).bad_samples == 1, "2 ms after the one that was taken"
    steps.see(0.0010, scan=2, sample_us=1_000)
    assert steps.counted(kernel.SUM_1, kernel.CLOCK_US) == (1, 1_000)


def test_a_timer_that_runs_backwards_takes_no_beam_time_back() -> None:
    """The most that it ever showed is beam time."""
    steps = Steps()
    steps.run(n=4)
    assert [steps.see(beam_ms=250).beam_ms, steps.see(beam_ms=625).beam_ms] == [500, 625]


def test_time_that_nobody_timed_is_dark() -> None:
    """With neither timer nor chambers the end costs the gap in which it fell and a tick."""
    steps = Steps(chambers=False, timer=False)
    steps.run(n=4)
    assert steps.at._dark_s == 0.0
    steps.see(0.03125, state=UnitState.ENDED, relays=K1_OPEN)
    assert steps.at._dark_s == 0.03125 + TICK_S


def test_the_cable_discharges_for_so_long_and_no_longer() -> None:
    """Half a second from the end, half way between two statuses: high voltage that is seen then is no dark time, and leakage is taken off until then."""
    steps = Steps()
    steps.run(n=4)
    steps.see(state=UnitState.ENDED)
    steps.see(0.40625, relays=K1_CLOSED_HV)
    assert (steps.at._dark_s, steps.counted(kernel.COUNTING_US)) == (0.0, (500_000 + 125_000 + 406_250,))
    steps.see(0.03125, relays=K1_CLOSED_HV)
    assert (steps.at._dark_s, steps.counted(kernel.COUNTING_US)) == (0.03125, (500_000 + 125_000 + 406_250,))


def test_counters_are_open_from_the_status_before_run_to_the_one_after() -> None:
    """Also where the one after came only when the cable had long been empty."""
    steps = Steps()
    steps.see(state=UnitState.ARMED)
    steps.run(n=3)
    assert steps.counted(kernel.COUNTING_US) == (375_000,)
    steps.see(2.0, state=UnitState.ENDED, relays=K1_OPEN)
    steps.see(state=UnitState.ENDED)
    assert steps.counted(kernel.COUNTING_US) == (2_375_000,)


@pytest.mark.parametrize("running", [False, True])
def test_a_unit_that_begins_anew_is_charged_only_in_beam(running: bool) -> None:
    """Its clock starts anew and the host's bridges it, to the microsecond; what it did not count in beam is unknown, before that there was none."""
    steps = Steps()
    if running:
        steps.run(n=2)
    said = steps.see(boot_count=2, sample_us=17)
    assert steps.counted(kernel.CLOCK_US, kernel.BAD_COUNTS) == ((3 if running else 1) * 125_000, 0)
    assert said.unknown_mgy == (pytest.approx(1.25 * R0 * 0.07 + 2.0) if running else 0.0)


def test_one_saturated_chamber_beside_a_sound_one_is_lost_and_no_more() -> None:
    """Its own counts are pending until it comes back, the other's go on; time is only charged where neither was below its ceiling."""
    for health, one, sums in (
        (SATURATED_1, "_lost_1", (32, 16, 96, 0)),
        (SATURATED_2, "_lost_2", (48, 0, 64, 32)),
    ):
        steps = Steps()
        steps.run(n=2)
        steps.run(health=health)
        assert steps.counted(kernel.SUM_1, kernel.PENDING_1, kernel.SUM_2, kernel.PENDING_2) == sums
        steps.run(health=int(SOUND))
        assert steps.counted(kernel.SUM_1, kernel.SUM_2) == (64, 128)
        assert {name for name in ("_lost_1", "_lost_2") if getattr(steps.at, name)} == {one}
        assert steps.at._saturated_s == 0.0


def test_without_chambers_high_voltage_must_be_seen_in_run() -> None:
    """Once, and it holds for the segment; before RUN it says nothing, nor RUN without it."""
    steps = Steps(chambers=False)
    assert steps.see(state=UnitState.ARMED, relays=K1_CLOSED_HV).counted is False
    assert steps.run(relays=K1_CLOSED).counted is False
    assert steps.run().counted is True
    assert steps.run(relays=K1_CLOSED).counted is True
    assert steps.see(state=UnitState.ENDED, relays=K1_OPEN).counted is True


@pytest.mark.parametrize(
    ("each_1", "each_2", "counted"), [(1, 1, True), (0, 1, False), (1, 0, False), (0, 0, False), (9, 9, True)]
)
@pytest.mark.parametrize("relays", [K1_CLOSED, K1_CLOSED_HV])
def test_with_chambers_both_must_have_counted(each_1: int, each_2: int, counted: bool, relays: int) -> None:
    """One count each, whatever the contact for high voltage says; and only once RUN was seen."""
    steps = Steps()
    counts = {"counts_1": 1, "counts_2": 1}
    assert steps.see(state=UnitState.ARMED, relays=relays, **counts).counted is False
    assert Steps().run(each_1=each_1, each_2=each_2, relays=relays).counted is counted


@pytest.mark.parametrize(
    ("start", "relays", "state", "begins"),
    [
        (TimerStart.HV_SEEN, K1_CLOSED_HV, UnitState.RUN, True),
        (TimerStart.HV_SEEN, K1_CLOSED, UnitState.RUN, False),
        (TimerStart.HV_SEEN, K1_CLOSED_HV, UnitState.ARMED, False),
        (TimerStart.K1_CLOSED, K1_CLOSED, UnitState.RUN, True),
        (TimerStart.K1_CLOSED, K1_OPEN | int(Relay.HV_SEEN), UnitState.RUN, False),
        (TimerStart.K1_CLOSED, K1_CLOSED, UnitState.ARMED, False),
    ],
)
def test_the_hosts_beam_clock_begins_with_the_certificates_event_in_run(
    start: TimerStart, relays: int, state: UnitState, begins: bool
) -> None:
    """High voltage seen, or the contactor closed; half way between the two statuses."""
    steps = Steps(by_hand(terms={"timer_start": start}))
    said = steps.see(relays=relays, state=state)
    assert (said.host_beam_s, steps.at._started_at_s) == ((0.0625, 1.0625) if begins else (None, None))
    assert said.unit_beam_s == (0.0 if begins else None), "and the unit's is asked for from then on"


def test_a_clock_that_stands_fills_no_window() -> None:
    """A unit that is stuck may be asked for hours."""
    steps = Steps()
    steps.run(n=2)
    for _ in range(4):
        steps.see(sample_us=steps.unit.sample_us)
    assert len(steps.at._window) == 2


def test_the_rate_is_over_the_last_two_where_they_lie_a_tenth_of_a_second_apart() -> None:
    """And over nothing before 100 ms have passed."""
    steps = Steps()
    steps.run(after_s=0.0625, each_1=8, each_2=16)
    assert steps.at._rates == (0.0, 0.0)
    steps.run(after_s=0.0625, each_1=8, each_2=16)
    assert steps.at._rates == (64.0, 64.0)
    assert [steps.run(each_1=n).rate_1_mgy_per_s for n in (4, 8, 12, 16)] == [16.0, 32.0, 48.0, 64.0]
    at_once = Steps()
    assert at_once.run(after_s=0.1).rate_1_mgy_per_s == pytest.approx(80.0), "100 ms have passed"


@pytest.mark.parametrize(
    ("each_1", "each_2", "lost"),
    [
        (1, 11, "_lost_1"),
        (2, 11, ""),
        (1, 10, ""),
        (11, 1, "_lost_2"),
        (11, 2, ""),
        (10, 1, ""),
    ],
)
def test_a_channel_is_lost_below_a_tenth_beside_one_above_a_half(each_1: int, each_2: int, lost: str) -> None:
    """Neither at a tenth nor at a half; only in RUN; and for the segment, also when it counts again."""
    steps = Steps(by_hand({"r0_mgy_per_s": 10.0, "n1_mgy_per_count": 0.0625, "n2_mgy_per_count": 0.0625}))
    counts = {"counts_1": each_1, "counts_2": each_2}
    steps.see(state=UnitState.ARMED, **counts)
    assert not (steps.at._lost_1 or steps.at._lost_2)
    steps.run(each_1=each_1, each_2=each_2)
    for _ in range(2):
        assert [name for name in ("_lost_1", "_lost_2") if getattr(steps.at, name)] == ([lost] if lost else [])
        steps.run(each_1=20, each_2=20)


def steady(steps: Steps) -> tuple[int, float, float]:
    """How many samples, the least kV and the greatest."""
    return (steps.at._steady._n, *steps.at._steady.figures()[1:3])


def test_a_sample_is_steady_when_a_later_status_says_run() -> None:
    """Not by the status of its own moment, nor by an earlier one that came late; the oldest first."""
    steps = Steps()
    steps.run(n=4, kv=32.0)
    assert steady(steps) == (1, 32.0, 32.0), (
        "begun at 1.0625 s: the sample of 1.375 s is beyond the ramp, that of 1.5 s waits"
    )
    steps.hear(0.125, 31.0)
    steps.hear(0.125, 34.0)
    steps.now_s -= 0.1875
    steps.run(after_s=0.0)
    assert steady(steps) == (2, 32.0, 32.0)
    steps.now_s += 0.0625
    steps.run(after_s=0.0)
    assert steady(steps) == (2, 32.0, 32.0), "one of the same moment is not later"
    steps.see(0.0625, state=UnitState.RUN)
    assert steady(steps) == (3, 31.0, 32.0)
    steps.see(state=UnitState.ENDED, relays=K1_OPEN)
    assert steady(steps) == (3, 31.0, 32.0)


def test_a_sample_of_the_moment_in_which_the_ramp_is_over_is_steady() -> None:
    """250 ms from the start, which lies half way between the first two statuses."""
    steps = Steps()
    steps.run(n=2)
    steps.hear(0.0625, 31.0)
    steps.run()
    assert steady(steps) == (1, 31.0, 31.0)


def test_what_was_sampled_before_the_start_or_after_the_end_is_not_steady() -> None:
    """Also where a long gap puts the start before the sample, and where RUN comes back."""
    steps = Steps()
    steps.hear(2.0, 31.0)
    steps.run(kv=32.0)
    steps.run()
    assert steady(steps) == (1, 32.0, 32.0)
    steps.see(state=UnitState.ENDED, kv=16.0)
    steps.run()
    assert steady(steps) == (1, 32.0, 32.0)
