"""The second sum: the same as the kernel's for whatever journal, and it sees every kernel that adds up wrongly; then there is no dose but UNKNOWN."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from dose_bench import certificate, combination, made, prescribed, readings, status
from hypothesis import example, given
from hypothesis import strategies as st

from controller import kernel
from controller.channels import counted
from controller.dose import Meter
from controller.kernel import COUNT_STATE, COUNTING, MASK16, MASK32, PLAIN, REBASED, SATURATED_2, Kernels
from controller.prescribed import Quality
from controller.second_sum import TURN_US, US_A_SECOND, WITHIN, SecondSum, exact_mgy
from hal.readings import UnitState

LIMITS = np.array([0.00825, 0.0084, 5.0])


def told(
    rows: list[list[int]], masks: tuple[int, int] = (MASK32, MASK32), counters: Callable[..., object] | None = None
) -> SecondSum:
    """The second sum after these samples and what a kernel made of each."""
    second, state = SecondSum(*masks), np.zeros(COUNT_STATE, dtype=np.int64)
    for row in rows:
        (counters or PLAIN.counters)(np.array([row]), LIMITS, np.array(masks), state)
        second.take(*row, state.tolist())  # type: ignore[call-arg]
    return second


def journal(seed: int, n: int, masks: tuple[int, int]) -> list[list[int]]:
    """Samples around 27 counts a tick from anywhere; one in ten is damaged, one in thirty begins the device's clock anew."""
    rng = random.Random(seed)
    us, c1, c2 = (rng.randrange(MASK32) for _ in range(3))
    rows = []
    for i in range(n):
        flags = COUNTING if rng.random() < 0.8 else 0
        if rng.random() < 0.03:
            us, flags = rng.randrange(MASK32), flags | REBASED
        row = [
            i * 10_000,
            us & MASK32,
            c1 & masks[0],
            c2 & masks[1],
            flags | (SATURATED_2 if rng.random() < 0.05 else 0),
        ]
        if rng.random() < 0.1:
            row[rng.randrange(4)] = rng.randrange(masks[0])
        rows.append(row)
        us, c1, c2 = us + 10_000, c1 + rng.randrange(60), c2 + rng.randrange(60)
    return rows


@example(654, MASK32, MASK16)  # a first sample that shows more than its counter has bits for
@given(st.integers(0, 1 << 32), st.sampled_from([MASK16, MASK32]), st.sampled_from([MASK16, MASK32]))
def test_both_sums_are_the_same(seed: int, mask_1: int, mask_2: int) -> None:
    """For damaged, wrapping, rebased and saturated journals of either width there is never a word."""
    assert told(journal(seed, 150, (mask_1, mask_2)), (mask_1, mask_2)).words == ""


@pytest.mark.parametrize("again", [[10_000, 10_000, 40, 41, COUNTING], [20_000, 10_000, 40, 41, COUNTING]])
def test_a_sample_that_the_kernel_refused_is_none_here_either(again: list[int]) -> None:
    """One moment asked for twice, and a unit's clock that stands, each with other counts."""
    second = told([[0, 0, 0, 0, COUNTING], [10_000, 10_000, 27, 28, COUNTING], again])
    assert (second.words, second.figures) == ("", (27, 28, 10_000, 10_000))


def test_a_sample_that_the_kernel_has_otherwise_is_not_taken() -> None:
    """It must be the kernel's last by both clocks, the host's and the unit's."""
    for last_host, last_us in ((10_001, 10_000), (10_000, 10_001)):
        second = told([[0, 0, 0, 0, COUNTING]])
        state = [0] * COUNT_STATE
        state[kernel.LAST_HOST], state[kernel.LAST_US] = last_host, last_us
        second.take(10_000, 10_000, 27, 28, COUNTING, state)
        assert (second.words, second.figures) == ("", (0, 0, 0, 0))


@pytest.mark.parametrize("narrow", [1, 2])
def test_each_counter_turns_over_at_its_own_width(narrow: int) -> None:
    """One of 16 bits and one of 32, both past 65535 in one step and on in the next: only the narrow one turns."""
    wide = [65_000, 70_000, 130_000]
    turned = [65_000, 70_000 - 65_536, 130_000 - 65_536]
    ones, twos = (turned, wide) if narrow == 1 else (wide, turned)
    rows = [[i * 10_000_000, i * 10_000_000, ones[i], twos[i], COUNTING] for i in range(3)]
    second = told(rows, (MASK16, MASK32) if narrow == 1 else (MASK32, MASK16))
    assert (second.words, second.figures) == ("", (65_000, 65_000, 20_000_000, 20_000_000))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (("sum_1 += d1", "sum_1 += d1 + (d1 == 59)"), "counts of channel 1"),
        (("sum_2 += d2", "sum_2 = max(sum_2, d2)"), "counts of channel 2"),
        (("counting += step", "counting += step + 1"), "us of counting"),
        (("clock += step", "clock += min(step, 10_000)"), "us of the unit's clock"),
        (("last_1, clock_1, pending_1 = c1, clock, 0", "clock_1, pending_1 = clock, 0"), "counts of channel 1"),
    ],
)
def test_a_kernel_that_adds_up_wrongly_is_seen(broken: tuple[str, str], said: str) -> None:
    """Each mutation of an addition, also those that no single golden step shows."""
    with open(kernel.__file__, encoding="utf-8") as file:
        text = file.read()
    assert text.count(broken[0]) == 1
    names: dict[str, object] = {"__name__": "mutant", "__file__": kernel.__file__}
    exec(compile(text.replace(*broken), "mutant", "exec"), names)
    rows = [[i * 10_000, i * 11_000, i * 27 + i // 7 * 5, i * 28, COUNTING] for i in range(100)]
    rows += [[1_000_000, 1_100_000, rows[-1][2] + 59, rows[-1][3] + 59, COUNTING]]
    found = told(rows, counters=names["count_block"])  # type: ignore[arg-type]
    assert said in found.words, found.words


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.floats(1e-3, 1.0), st.floats(0.0, 50.0), st.floats(0.9, 1.2))
def test_the_dose_is_the_exact_one_to_a_billionth(counts: int, us: int, n: float, leak: float, k: float) -> None:
    exact = exact_mgy(counts, us, n, leak, k)
    assert abs(Fraction(counted(counts, us * 1e-6, n, leak, k)) - exact) <= max(exact, 1) / 10**9


def test_e12_exactly() -> None:
    """4294960000 to 126345 at 20 uGy a count: 133641 counts, 2672.82 mGy."""
    second = told(
        [[0, 0, 4_294_960_000, 0, COUNTING]]
        + [
            [i * 10_000, i * 10_000, (4_294_960_000 + 133_641 * i // 5000) & MASK32, 0, COUNTING]
            for i in range(1, 5001)
        ]
    )
    assert (second.words, second.figures) == ("", (133_641, 0, 50_000_000, 50_000_000))
    assert float(second.check_dose(1, 2672.82, 0.02, 0.0, 1.0)) == pytest.approx(2672.82, rel=1e-15)
    second.check_dose(1, 2672.82 * (1.0 + 3e-9), 0.02, 0.0, 1.0)
    assert second.words.startswith("channel 1 was said to be 2672.82000801")


def test_before_the_first_sample_there_is_nothing() -> None:
    """No count, no time, no word; a turn of the unit's clock and the nearness of a dose are the numbers of docs/dose.md."""
    second = SecondSum()
    assert (second.words, second.figures) == ("", (0, 0, 0, 0))
    assert [TURN_US, US_A_SECOND, 1 / WITHIN] == [4_294_967_296, 1_000_000, 1_000_000_000]


def test_a_dose_by_hand() -> None:
    """Leakage of the time in which the counters were open is taken off, the rest is dose; never below zero."""
    assert exact_mgy(100, 2_000_000, 0.5, 10.0, 1.5) == 60
    assert exact_mgy(1, 0, 0.5, 0.0, 1.0) == Fraction(1, 2)
    assert exact_mgy(19, 2_000_000, 0.5, 10.0, 1.5) == 0


@pytest.mark.parametrize("channel", [1, 2])
@pytest.mark.parametrize(
    ("counts", "mgy_per_count", "said_mgy", "is_said"),
    [
        (1_000_000_000, 1.0, 1_000_000_001.0, True),
        (1_000_000_000, 1.0, 1_000_000_002.0, False),
        (1_000_000_000, 1.0, 999_999_998.0, False),
        (1, 0.5, 0.5 + 0.9e-9, True),
        (1, 0.5, 0.5 + 1.1e-9, False),
        (1, 0.5, 0.5 - 1.1e-9, False),
    ],
)
def test_a_dose_that_was_said_must_be_near(
    channel: int, counts: int, mgy_per_count: float, said_mgy: float, is_said: bool
) -> None:
    """Each channel by its own counts, to a billionth or to 1 pGy, over and under; what is first wrong goes on being said."""
    ends = (counts, 0) if channel == 1 else (0, counts)
    second = told([[0, 0, 0, 0, COUNTING], [10_000, 10_000, 0, 0, COUNTING]])
    second._counts_1, second._counts_2 = ends
    assert second.check_dose(channel, said_mgy, mgy_per_count, 0.0, 1.0) == counts * Fraction(mgy_per_count)
    assert (second.words == "") is is_said, second.words
    first = second.words
    second.check_dose(channel, 7.0, mgy_per_count, 0.0, 1.0)
    assert second.words.startswith(f"channel {channel} was said to be") and (is_said or second.words == first)


@pytest.mark.parametrize(("channel", "dose_mgy"), [(1, 8.0), (2, 16.0)])
def test_leakage_is_of_the_time_with_counters_open(channel: int, dose_mgy: float) -> None:
    """Half a second of the second that passed; by the counts of the channel that is asked."""
    second = told([[0, 0, 0, 0, 0], [500_000, 500_000, 20, 36, COUNTING], [1_000_000, 1_000_000, 20, 36, 0]])
    assert second.figures == (20, 36, 1_000_000, 500_000)
    assert second.check_dose(channel, dose_mgy, 0.5, 8.0, 1.0) == dose_mgy
    assert second.words == ""


def test_the_first_difference_goes_on_being_said() -> None:
    """By its name and both numbers, each of the four; a later one, or none, takes nothing back."""
    row = [0, 0, 0, 0, COUNTING]
    after = [10_000, 10_000, 27, 28, COUNTING]
    for place, words in (
        (kernel.SUM_1, "the dose kernel has 28 counts of channel 1, the second sum 27"),
        (kernel.SUM_2, "the dose kernel has 29 counts of channel 2, the second sum 28"),
        (kernel.CLOCK_US, "the dose kernel has 10001 us of the unit's clock, the second sum 10000"),
        (kernel.COUNTING_US, "the dose kernel has 10001 us of counting, the second sum 10000"),
    ):
        second, state = SecondSum(), np.zeros(COUNT_STATE, dtype=np.int64)
        for one in (row, after):
            PLAIN.counters(np.array([one]), LIMITS, np.array([MASK32, MASK32]), state)
            counted_now = state.tolist()
            if one is after:
                counted_now[place] += 1
                if place == kernel.CLOCK_US:
                    counted_now[kernel.CLOCK_1] = counted_now[kernel.CLOCK_2] = counted_now[place]
            second.take(*one, counted_now)  # type: ignore[call-arg]
        assert second.words == words
        state[kernel.SUM_1], state[kernel.LAST_HOST], state[kernel.LAST_US] = 99, 30_000, 30_000
        second.take(30_000, 30_000, 70, 70, COUNTING, state.tolist())
        assert second.words == words


def loses_one_in_a_hundred(rows: kernel.Ints, limits: kernel.Floats, masks: kernel.Ints, state: kernel.Ints) -> None:
    before = int(state[kernel.SUM_1])
    kernel.count_block(rows, limits, masks, state)
    if state[kernel.SUM_1] // 2500 > before // 2500:
        state[kernel.SUM_1] -= 25


def test_two_sums_that_differ_leave_no_dose_but_unknown() -> None:
    """The meter says so from the tick on in which it happened, for good; the high bound holds the higher sum, and delivered is high."""
    meter = Meter(Kernels(loses_one_in_a_hundred, PLAIN.model), 0.01)
    s = made(prescribed(), certificate(combination()))
    first_at = None
    for i in range(400):
        at_s = 100.0 + 0.01 * i
        state = UnitState.RUN if 10 <= i < 390 else UnitState.ARMED if i < 10 else UnitState.ENDED
        n = max(0, min(i, 390) - 10)
        unit = status(at_s - 0.001, state=state, beam_ms=10 * n, counts_1=27 * n, counts_2=28 * n)
        r = readings(at_s, unit)
        if i == 0:
            meter.begin(s, r, at_s)
        meter.add(r, at_s)
        if meter.sums and first_at is None:
            first_at = n
    end = meter.settled(r)
    assert first_at == 93, "the first whole 2500 counts"
    assert meter.sums == "the dose kernel has 2486 counts of channel 1, the second sum 2511"
    assert (end.quality, end.delivered_mgy) == (Quality.UNKNOWN, end.high_mgy)
    assert end.high_mgy >= 27 * 380 * 0.02
    meter.begin(s, r, 104.0)
    assert meter.sums, "the next segment changes nothing"
