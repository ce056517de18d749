"""The second sum: the same as the kernel's for whatever journal, and it sees a kernel that adds up or takes samples wrongly; then no dose but UNKNOWN."""

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
from controller.kernel import (
    COUNT_STATE,
    COUNTING,
    MASK16,
    MASK32,
    PLAIN,
    REBASED,
    SATURATED_1,
    SATURATED_2,
    Kernels,
)
from controller.prescribed import Quality
from controller.second_sum import TURN_US, US_A_SECOND, WITHIN, SecondSum, exact_mgy, most_of
from hal.readings import UnitState

LIMITS = np.array([0.00825, 0.0084, 5.0])
MOST = most_of(3.0, 2750.0, 1.0), most_of(3.0, 2800.0, 1.0)
"""The same for the second sum: three times 2750 and 2800 mGy/s, 1 mGy a count."""


def told(
    rows: list[list[int]], masks: tuple[int, int] = (MASK32, MASK32), counters: Callable[..., object] | None = None
) -> SecondSum:
    """The second sum after these samples and what a kernel made of each."""
    second, state = SecondSum(*MOST, *masks), np.zeros(COUNT_STATE, dtype=np.int64)
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
def test_a_sample_that_cannot_be_is_none(again: list[int]) -> None:
    """One moment asked for twice, and a unit's clock that stands, each with other counts: counted as bad by both."""
    second = told([[0, 0, 0, 0, COUNTING], [10_000, 10_000, 27, 28, COUNTING], again])
    assert (second.words, second.figures, second.refused) == ("", (27, 28, 10_000, 10_000), (1, 0, 0))


def test_it_judges_by_its_own_rule() -> None:
    """The last count that may be and the first that may not, saturation, and half a turn of the clock; without a look at what the kernel took."""
    for row, figures, refused in (
        ([10_000, 10_000, 87, 89, COUNTING], (87, 89, 10_000, 10_000), (0, 0, 0)),
        ([10_000, 10_000, 88, 89, COUNTING], (0, 89, 10_000, 10_000), (1, 88, 0)),
        ([10_000, 10_000, 87, 90, COUNTING], (87, 0, 10_000, 10_000), (1, 0, 90)),
        ([10_000, 10_000, 27, 28, COUNTING | SATURATED_1], (0, 28, 10_000, 10_000), (1, 27, 0)),
        ([10_000, 10_000, MASK32 // 2, -1, 0], (0, 0, 10_000, 0), (1, MASK32 // 2, 0)),
        ([10_000, TURN_US // 2 - 1, 27, 28, 0], (27, 28, TURN_US // 2 - 1, 0), (0, 0, 0)),
        ([10_000, TURN_US // 2, 27, 28, 0], (0, 0, 0, 0), (1, 0, 0)),
        ([0, 10_000, 27, 28, 0], (0, 0, 0, 0), (1, 0, 0)),
        ([1, 10_000, 27, 28, 0], (27, 28, 10_000, 0), (0, 0, 0)),
        ([10_000, TURN_US + 10_000, 27, 28, 0], (27, 28, 10_000, 0), (0, 0, 0)),
        ([10_000, 10_000, TURN_US // 2 - 1, TURN_US // 2, 0], (0, 0, 10_000, 0), (1, TURN_US // 2 - 1, 0)),
    ):
        second = SecondSum(*MOST)
        second.take(0, 0, 0, 0, COUNTING, [0] * COUNT_STATE)
        second.take(*row, [7] * COUNT_STATE)  # type: ignore[call-arg]
        assert (second.figures, second.refused) == (figures, refused), row
        assert second.words.startswith("the dose kernel has 7 ")


def test_at_the_very_bound_the_kernels_rounding_decides() -> None:
    """29 counts in 10 ms at 0.0029 a microsecond: as a double that is a little less, its product is rounded to 29. Half a count beside it, nobody is asked."""
    for most, took, figure in ((0.0029, True, 34), (0.0029, False, 0), (0.00295, False, 34), (0.00285, True, 0)):
        second, after = SecondSum(int(Fraction(most) * 2**64), MOST[1]), [0] * COUNT_STATE
        second.take(0, 0, 0, 0, 0, after)
        after[kernel.CLOCK_US], after[kernel.CLOCK_1] = 10_000, 10_000 * took
        second.take(10_000, 10_000, 34, 0, 0, after)
        assert second.figures[0] == figure, (most, took)
    counts, near = 2**16, 2**40  # a part in 2^40 of 65536 counts, in parts of 2^-64
    bound = (counts - 5) * 2**64
    for most, took, figure in ((bound - near, True, counts), (bound - near - 1, True, 0), (bound + near, False, 0)):
        second, after = SecondSum(most, MOST[1]), [0] * COUNT_STATE
        second.take(0, 0, 0, 0, 0, after)
        after[kernel.CLOCK_US], after[kernel.CLOCK_1] = 1, int(took)
        second.take(1, 1, counts, 0, 0, after)
        assert second.figures[0] == figure, (most - bound, took)


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
    rows = [[i * 10_000, i * 11_000, i * 27 + i // 7 * 5, i * 28, COUNTING] for i in range(100)]
    rows += [[1_000_000, 1_100_000, rows[-1][2] + 59, rows[-1][3] + 59, COUNTING]]
    found = told(rows, counters=patched(*broken))
    assert said in found.words, found.words


def patched(was: str, becomes: str) -> Callable[..., object]:
    """The kernel's counters with one place of their text altered."""
    with open(kernel.__file__, encoding="utf-8") as file:
        text = file.read()
    assert text.count(was) == 1, was
    names: dict[str, object] = {"__name__": "mutant", "__file__": kernel.__file__}
    exec(compile(text.replace(was, becomes), "mutant", "exec"), names)
    return names["count_block"]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("was", "becomes", "sample", "said"),
    [
        (" and d1 <= most_1 * (clock - clock_1) + slack", "", [0, 0, 3000, 0, 0], "3054 counts of channel 1"),
        (" and d2 <= most_2 * (clock - clock_2) + slack", "", [0, 0, 0, -40, 0], "4294967312 counts of channel 2"),
        ("most_1 * (clock - clock_1) + slack", "most_1 * 1_000_000", [0, 0, 900, 0, 0], "954 counts of channel 1"),
        ("most_1 * (clock - clock_1) + slack", "slack", [0, 0, 0, 0, 0], "0 counts of channel 1"),
        ("not flags & SATURATED_1 and ", "", [0, 0, 0, 0, SATURATED_1], "54 counts of channel 1"),
        ("not flags & SATURATED_2 and ", "", [0, 0, 0, 0, SATURATED_2], "56 counts of channel 2"),
        ("step <= 0 or ", "", [0, -10_000, -23, -24, 0], "31 counts of channel 1"),
        ("step >= HALF32 or ", "", [0, -20_000, 0, 0, 0], "54 counts of channel 1"),
        (" or host <= last_host", "", [-20_000, 0, 0, 0, 0], "54 counts of channel 1"),
        ("host - last_host", "us - last_us", [0, 500, 0, 0, REBASED], "20500 us of the unit's clock"),
        (
            "            bad += 1\n            continue\n",
            "            continue\n",
            [-10_000, 0, 0, 0, 0],
            "0 bad samples",
        ),
        ("if not (good_1 and good_2)", "if not (good_1 or good_2)", [0, 0, 900, 0, 0], "0 bad samples"),
        ("pending_1 = d1 if", "pending_1 = 0 if", [0, 0, 900, 0, 0], "0 unseen counts of channel 1"),
        ("d2 if d2 <= mask_2 >> 1 else 0", "d2", [0, 0, 0, -40, 0], "4294967284 unseen counts of channel 2"),
    ],
)
def test_a_kernel_that_takes_samples_wrongly_is_seen(was: str, becomes: str, sample: list[int], said: str) -> None:
    """Each part of the rule by which it takes a sample, left out or altered; the third sample is off by so much, and is the first to tell."""
    sound = [[i * 10_000, i * 10_000, i * 27, i * 28, COUNTING] for i in range(3)]
    odd = [one + by for one, by in zip(sound[2], sample, strict=True)]
    assert told([*sound[:2], odd]).words == ""
    found = told([*sound[:2], odd], counters=patched(was, becomes))
    assert found.words.startswith(f"the dose kernel has {said}, the second sum "), found.words


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
    second = SecondSum(*MOST)
    assert (second.words, second.figures, second.refused) == ("", (0, 0, 0, 0), (0, 0, 0))
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
    second._one._counts, second._two._counts = ends
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
    """By its name and both numbers, each of the seven; a later one, or none, takes nothing back."""
    row = [0, 0, 0, 0, COUNTING]
    after = [10_000, 10_000, 27, 28, COUNTING]
    for place, words in (
        (kernel.SUM_1, "the dose kernel has 28 counts of channel 1, the second sum 27"),
        (kernel.SUM_2, "the dose kernel has 29 counts of channel 2, the second sum 28"),
        (kernel.CLOCK_US, "the dose kernel has 10001 us of the unit's clock, the second sum 10000"),
        (kernel.COUNTING_US, "the dose kernel has 10001 us of counting, the second sum 10000"),
        (kernel.BAD_COUNTS, "the dose kernel has 1 bad samples, the second sum 0"),
        (kernel.PENDING_1, "the dose kernel has 1 unseen counts of channel 1, the second sum 0"),
        (kernel.PENDING_2, "the dose kernel has 1 unseen counts of channel 2, the second sum 0"),
    ):
        second, state = SecondSum(*MOST), np.zeros(COUNT_STATE, dtype=np.int64)
        for one in (row, after):
            PLAIN.counters(np.array([one]), LIMITS, np.array([MASK32, MASK32]), state)
            counted_now = state.tolist()
            if one is after:
                counted_now[place] += 1
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


@pytest.mark.parametrize(("channel", "last", "first"), [(1, 87, 88), (2, 89, 90)])
def test_a_kernel_that_takes_a_jump_is_seen_by_the_meter(channel: int, last: int, first: int) -> None:
    """The bound is worked out by both from the certificate: below it a kernel without one is right, a count above it the meter has words."""
    for counts, heard in (
        (last, ""),
        (first, f"the dose kernel has {first} counts of channel {channel}, the second sum 0"),
    ):
        meter = Meter(Kernels(takes_every_jump, PLAIN.model), 0.01)
        counts_1, counts_2 = (counts, 27) if channel == 1 else (27, counts)
        meter.begin(
            made(prescribed(), certificate(combination())), readings(100.0, status(100.0, state=UnitState.RUN)), 100.0
        )
        meter.add(readings(100.01, status(100.01, state=UnitState.RUN, counts_1=counts_1, counts_2=counts_2)), 100.01)
        assert meter.sums == heard


def takes_every_jump(rows: kernel.Ints, limits: kernel.Floats, masks: kernel.Ints, state: kernel.Ints) -> None:
    kernel.count_block(rows, limits * 1e6, masks, state)
