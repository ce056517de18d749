"""The integrator's own source, interpreted: each step of both kernels by hand, and what the self-check is made of.
That the compiled kernels give the same bits is shown in test_dose_kernel.py."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from controller import kernel
from controller.kernel import (
    COUNTING,
    M_BAD,
    M_COMPENSATION,
    M_SUM,
    MASK16,
    MASK32,
    PLAIN,
    REBASED,
    SATURATED_1,
    SATURATED_2,
    Floats,
    Ints,
    Kernels,
    count_block,
    kernel_sound,
    model_block,
    prepare,
)

HALF32 = 1 << 31


def test_the_columns_places_and_flags_are_those_that_are_kept() -> None:
    """A journal of an older program is added up by the newer one: none of these may move."""
    assert (MASK16, MASK32, kernel.HALF32) == (0xFFFF, 0xFFFF_FFFF, HALF32)
    assert (COUNTING, SATURATED_1, SATURATED_2, REBASED) == (1, 2, 4, 8)
    assert (kernel.COUNT_COLUMNS, kernel.MODEL_COLUMNS, kernel.COUNT_STATE, kernel.MODEL_STATE) == (5, 4, 14, 6)
    places = "STARTED LAST_HOST LAST_US CLOCK_US COUNTING_US LAST_1 CLOCK_1 SUM_1 PENDING_1 LAST_2 CLOCK_2 SUM_2 PENDING_2 BAD_COUNTS"
    assert [getattr(kernel, name) for name in places.split()] == [*range(14)]
    model_places = "M_STARTED M_LAST_T M_LAST_RATE M_SUM M_COMPENSATION M_BAD"
    assert [getattr(kernel, name) for name in model_places.split()] == [*range(6)]
    assert Kernels(count_block, model_block) == PLAIN


# Counters

BEGUN = [1, 1000, 5000, 20_000, 15_000, 300, 19_000, 250, 7, 400, 18_000, 350, 9, 2]
"""Every figure another, so that none can be taken for its neighbour."""
LIMITS = np.array([0.5, 0.25, 8.0])
WIDTHS = np.array([MASK16, MASK32])


def counted(*rows: list[int], begun: list[int] = BEGUN) -> list[int]:
    """The counters' state after these samples (host, device clock, channel 1, channel 2, flags)."""
    state = np.array(begun, dtype=np.int64)
    count_block(np.array(rows, dtype=np.int64).reshape(-1, 5), LIMITS, WIDTHS, state)
    figures: list[int] = state.tolist()
    return figures


def test_no_sample_changes_nothing() -> None:
    """The state is read and written place by place."""
    assert counted() == BEGUN


def test_the_first_sample_is_the_base() -> None:
    """Nothing is added; the clocks begin at 0."""
    assert counted([7, 70, 700, 7000, COUNTING], begun=[0] * 14) == [1, 7, 70, 0, 0, 700, 0, 0, 0, 7000, 0, 0, 0, 0]


def test_a_good_sample_is_added_to_both() -> None:
    """40 us later 12 counts of channel 1 and 14 of channel 2: clocks, sums and last values go on, and nothing is pending."""
    after = [1, 1100, 5040, 20_040, 15_040, 312, 20_040, 262, 0, 414, 20_040, 364, 0, 2]
    assert counted([1100, 5040, 312, 414, COUNTING]) == after


def test_counters_that_are_closed_collect_no_leakage() -> None:
    """Their clock goes on, the time in which they counted does not, whatever else the flags say."""
    closed = counted([1100, 5040, 312, 414, SATURATED_1 | SATURATED_2])
    assert closed[3:5] == [20_040, 15_000]


@pytest.mark.parametrize(
    "row",
    [
        [1100, 5000, 300, 400, COUNTING],
        [1100, 4999, 300, 400, COUNTING],
        [1100, (5000 + HALF32) & MASK32, 300, 400, COUNTING],
        [1000, 5040, 300, 400, COUNTING],
        [999, 5040, 300, 400, COUNTING],
        [1000, 5040, 300, 400, COUNTING | REBASED],
        [900, 9, 300, 400, COUNTING | REBASED],
    ],
    ids=["clock stands", "clock back", "clock too far", "asked at the same time", "asked before", "rebased at once", "rebased before"],
)  # fmt: skip
def test_a_sample_without_time_of_its_own_adds_nothing_and_is_counted(row: list[int]) -> None:
    """And the next is measured from the one before it."""
    bad = [*BEGUN[:13], 3]
    assert counted(row) == bad
    assert counted(row, [1100, 5040, 312, 414, COUNTING]) == [*counted([1100, 5040, 312, 414, COUNTING])[:13], 3]


@pytest.mark.parametrize("step_us", [1, HALF32 - 1])
def test_the_shortest_and_the_longest_step_of_the_device_s_clock(step_us: int) -> None:
    """A microsecond, and the last before half a turn could be a step back."""
    assert counted([1001, (5000 + step_us) & MASK32, 300, 400, COUNTING])[3] == 20_000 + step_us


def test_a_clock_that_began_anew_is_bridged_by_the_host_s() -> None:
    """The step is then what passed here; the next is the device's own again."""
    after = counted([1060, 3, 300, 400, COUNTING | REBASED], [1200, 23, 300, 400, COUNTING])
    assert after[1:5] == [1200, 23, 20_080, 15_080]


def test_a_device_s_clock_and_both_counters_wrap_each_at_its_own_width() -> None:
    """32 bits, 16 bits, 32 bits."""
    begun = [1, 1000, MASK32 - 9, 20_000, 15_000, MASK16 - 3, 20_000, 250, 0, MASK32 - 5, 20_000, 350, 0, 0]
    after = [1, 1100, 30, 20_040, 15_040, 8, 20_040, 262, 0, 8, 20_040, 364, 0, 0]
    assert counted([1100, 30, 8, 8, COUNTING], begun=begun) == after


@pytest.mark.parametrize(("d1", "good"), [(528, True), (529, False)])
def test_channel_1_counts_no_faster_than_its_limit(d1: int, good: bool) -> None:
    """0.5 a microsecond over the 1040 us since its last good sample, and 8 more: the last that is believed. Else it is pending."""
    ones = [300 + d1, 20_040, 250 + d1, 0] if good else [300, 19_000, 250, d1]
    assert counted([1100, 5040, 300 + d1, 414, COUNTING]) == [
        1, 1100, 5040, 20_040, 15_040, *ones, 414, 20_040, 364, 0, 2 if good else 3,
    ]  # fmt: skip


@pytest.mark.parametrize(("d2", "good"), [(518, True), (519, False)])
def test_channel_2_counts_no_faster_than_its_limit(d2: int, good: bool) -> None:
    """0.25 a microsecond over the 2040 us since its last good sample, and 8 more."""
    twos = [400 + d2, 20_040, 350 + d2, 0] if good else [400, 18_000, 350, d2]
    assert counted([1100, 5040, 312, 400 + d2, COUNTING]) == [
        1, 1100, 5040, 20_040, 15_040, 312, 20_040, 262, 0, *twos, 2 if good else 3,
    ]  # fmt: skip


def test_one_bad_sample_of_both_channels_is_one() -> None:
    """However many of its channels are refused."""
    assert counted([1100, 5040, 1300, 1400, COUNTING])[13] == 3


@pytest.mark.parametrize("flag", [SATURATED_1, SATURATED_2])
def test_a_saturated_channel_is_pending_and_the_other_goes_on(flag: int) -> None:
    """What it shows is less than what it saw."""
    ones = [300, 19_000, 250, 12] if flag == SATURATED_1 else [312, 20_040, 262, 0]
    twos = [400, 18_000, 350, 14] if flag == SATURATED_2 else [414, 20_040, 364, 0]
    after = [1, 1100, 5040, 20_040, 15_040, *ones, *twos, 3]
    assert counted([1100, 5040, 312, 414, COUNTING | flag]) == after


@pytest.mark.parametrize(("d1", "pending_1"), [(MASK16 >> 1, MASK16 >> 1), ((MASK16 >> 1) + 1, 0), (MASK16, 0)])
def test_a_jump_by_more_than_half_of_channel_1_s_width_is_a_step_back(d1: int, pending_1: int) -> None:
    """And leaves nothing pending."""
    after = counted([1100, 5040, (300 + d1) & MASK16, 414, COUNTING])
    assert after[5:9] == [300, 19_000, 250, pending_1]


@pytest.mark.parametrize(("d2", "pending_2"), [(MASK32 >> 1, MASK32 >> 1), ((MASK32 >> 1) + 1, 0), (MASK32, 0)])
def test_a_jump_by_more_than_half_of_channel_2_s_width_is_a_step_back(d2: int, pending_2: int) -> None:
    """And leaves nothing pending."""
    after = counted([1100, 5040, 312, (400 + d2) & MASK32, COUNTING])
    assert after[9:13] == [400, 18_000, 350, pending_2]


def test_every_row_of_a_block_is_added() -> None:
    """Seven samples, 40 us and one count of each apart."""
    rows = [[1100 + 100 * i, 5040 + 40 * i, 301 + i, 401 + i, COUNTING] for i in range(7)]
    after = counted(*rows)
    assert (after[1], after[3], after[7], after[11], after[13]) == (1700, 20_280, 257, 357, 2)


# The model of kV and mA

UNDER_WAY = [1.0, 100.0, 6.0, 40.0, 0.125, 3.0]
TABLE = np.array([[16.0, 0.25], [32.0, 1.25], [64.0, 2.0], [128.0, 8.0]])
SCALE = 4.0


def modelled(*rows: list[float], begun: list[float] = UNDER_WAY, table: Floats = TABLE) -> list[float]:
    """The model's state after these samples (time, kV, mA, live)."""
    state = np.array(begun)
    model_block(np.array(rows, dtype=float).reshape(-1, 4), table, SCALE, state)
    figures: list[float] = state.tolist()
    return figures


def test_no_sample_of_the_model_changes_nothing() -> None:
    """The state is read and written place by place."""
    assert modelled() == UNDER_WAY


def test_the_first_sample_of_the_model_is_a_node_without_area() -> None:
    """Wherever the clock stands, before 0 too, and whether the beam is live or not."""
    for t in (-5.0, 0.0, 5.0):
        for live in (0.0, 1.0):
            assert modelled([t, 32.0, 2.0, live], begun=[0.0] * 6) == [1.0, t, 10.0, 0.0, 0.0, 0.0]


def test_half_of_both_rates_times_the_time_between_them() -> None:
    """From 6 to 10 mGy/s in 2 s: 16 mGy."""
    assert modelled([102.0, 32.0, 2.0, 1.0]) == [1.0, 102.0, 10.0, 56.0, 0.125, 3.0]


def test_without_beam_a_sample_is_a_node_only() -> None:
    """The next area begins at its rate."""
    assert modelled([102.0, 32.0, 2.0, 0.0]) == [1.0, 102.0, 10.0, 40.0, 0.125, 3.0]
    assert modelled([102.0, 32.0, 2.0, 0.0], [103.0, 32.0, 2.0, 1.0])[M_SUM] == 50.0


@pytest.mark.parametrize(
    "row",
    [
        [100.0, 32.0, 2.0, 1.0],
        [99.0, 32.0, 2.0, 1.0],
        *([*given[:place], bad, *given[place + 1 :]] for place in range(3) for bad in (math.nan, math.inf, -math.inf) for given in ([102.0, 32.0, 2.0, 1.0],)),
    ],
    ids=str,
)  # fmt: skip
def test_a_sample_that_is_no_number_or_no_later_adds_nothing_and_is_counted(row: list[float]) -> None:
    """And the next is added from the one before it."""
    assert modelled(row) == [*UNDER_WAY[:5], 4.0]
    assert modelled(row, [102.0, 32.0, 2.0, 1.0]) == [1.0, 102.0, 10.0, 56.0, 0.125, 4.0]


def test_a_first_sample_that_is_no_number_is_no_base() -> None:
    assert modelled([math.nan, 32.0, 2.0, 1.0], begun=[0.0] * 6) == [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("kv", "g"),
    [
        (-4.0, 0.0),
        (0.0, 0.0),
        (0.5, 0.0078125),
        (8.0, 0.125),
        (16.0, 0.25),
        (20.0, 0.5),
        (32.0, 1.25),
        (48.0, 1.625),
        (64.0, 2.0),
        (80.0, 3.5),
        (128.0, 8.0),
        (160.0, 11.0),
    ],
)
def test_output_by_kilovolts(kv: float, g: float) -> None:
    """Straight to 0 below the table, straight between its points, on along the last two above them."""
    assert modelled([102.0, kv, 2.0, 1.0])[2] == SCALE * 2.0 * g


def test_at_a_point_of_the_table_it_is_the_end_of_what_lies_below() -> None:
    """To the last bit, which the self-check of another machine would see."""
    table = np.array([[10.0, 0.3], [20.0, 0.9], [30.0, 1.0]])
    assert 0.3 + (0.9 - 0.3) != 0.9
    assert modelled([102.0, 20.0, 1.0, 1.0], table=table)[2] == SCALE * (0.3 + (0.9 - 0.3))


def test_no_kilovolts_are_no_output_even_where_the_table_begins_there() -> None:
    """0 / 0 would be no number, and the sum would never be one again."""
    table = np.array([[0.0, 0.0], [32.0, 1.25], [64.0, 2.0]])
    assert modelled([102.0, 0.0, 2.0, 1.0], table=table) == [1.0, 102.0, 0.0, 46.0, 0.125, 3.0]


@pytest.mark.parametrize(
    ("total", "rate", "lost"),
    [
        (2.0**60, 1.0, 1.0),
        (1.0, 2.0**60, 1.0),
        (-(2.0**60), 1.0, 1.0),
        (1.0, -(2.0**60), 1.0),
        (2.0**60, -1.0, -1.0),
        (-1.0, -(2.0**60), -1.0),
    ],
)
def test_what_the_sum_cannot_hold_is_kept_beside_it(total: float, rate: float, lost: float) -> None:
    """Whichever of sum and area is the larger, and whatever their signs: a converter reads a little below nothing as well."""
    after = modelled([1.0, 16.0, rate, 1.0], begun=[1.0, 0.0, rate, total, 0.5, 0.0])
    assert (after[M_SUM], after[M_COMPENSATION]) == (max(total, rate, key=abs), 0.5 + lost)


def test_every_row_of_a_block_is_modelled() -> None:
    """Six samples, each 1 s later at 10 mGy/s: the first area is (6 + 10) / 2."""
    after = modelled(*([101.0 + i, 32.0, 2.0, 1.0] for i in range(6)))
    assert (after[1], after[M_SUM], after[M_BAD]) == (106.0, 98.0, 3.0)


# The self-check

GOLDEN_WIDE = [
    [0, 4_294_966_296, 4_294_967_286, 100, 1],
    [10_000, 9_000, 16, 128, 1],
    [20_000, 9_000, 40, 150, 1],
    [30_000, 29_000, 10, 180, 1],
    [40_000, 39_000, 70, 900_000, 0],
    [50_000, 49_000, 90, 230, 3],
    [60_000, 500, 120, 260, 9],
    [70_000, 10_500, 140, 900_000, 1],
]
GOLDEN_NARROW = [[0, 0, 65_526, 4_294_967_286, 1], [10_000, 10_000, 16, 16, 1], [20_000, 20_000, 6, 40_000, 1]]
GOLDEN_MODEL = [
    [0.0, 8.0, 2.0**54, 1.0],
    [1.0, 8.0, 2.0**54, 1.0],
    [2.0, math.nan, 1.0, 1.0],
    [1.0, 8.0, 1.0, 1.0],
    [1.5, 8.0, 2.0, 0.0],
    [2.0, 8.0, 2.0, 1.0],
    [3.0, 8.0, 2.0, 1.0],
    [4.0, 4.0, 4.0, 1.0],
    [5.0, 2.0, 8.0, 1.0],
    [6.0, -1.0, 8.0, 1.0],
    [7.0, 12.0, 16.0, 1.0],
    [7.0009765625, 9.0, 16.0, 1.0],
]
"""The vector that every kernel of every release is held against, written down a second time."""


def test_the_self_check_plays_its_golden_vector() -> None:
    """Both blocks of counters, of either width, and the model's, with their limits and states of the kernels' own kinds; nothing done is not sound."""
    given: list[tuple[Any, ...]] = []

    def counters(rows: Ints, limits: Floats, masks: Ints, state: Ints) -> None:
        assert rows.dtype == state.dtype == masks.dtype == np.int64
        given.append((rows.tolist(), limits.tolist(), masks.tolist(), state.tolist()))

    def model(rows: Floats, table: Floats, scale: float, state: Floats) -> None:
        np.testing.assert_array_equal(rows, np.array(GOLDEN_MODEL))
        given.append((table.tolist(), scale, state.tolist()))

    assert kernel_sound(Kernels(counters, model)) is False
    assert given == [
        (GOLDEN_WIDE, [0.008, 0.008, 5.0], [MASK32, MASK32], [0] * 14),
        (GOLDEN_NARROW, [0.008, 0.008, 5.0], [MASK16, MASK32], [0] * 14),
        ([[4.0, 0.25], [8.0, 0.5], [10.0, 1.0]], 1.0, [0.0] * 6),
    ]


def test_the_kernels_are_sound() -> None:
    """A plain yes."""
    assert kernel_sound(PLAIN) is True


@pytest.mark.parametrize("place", range(14))
@pytest.mark.parametrize("block", [0, 1])
def test_one_figure_of_the_counters_that_is_one_too_high_is_not_sound(block: int, place: int) -> None:
    """In either block alone."""
    blocks = iter((0, 1))

    def counters(rows: Ints, limits: Floats, masks: Ints, state: Ints) -> None:
        count_block(rows, limits, masks, state)
        state[place] += next(blocks) == block

    assert kernel_sound(Kernels(counters, model_block)) is False


@pytest.mark.parametrize("place", [M_SUM, M_COMPENSATION, M_BAD])
@pytest.mark.parametrize("more", [2.0, -2.0])
def test_one_figure_of_the_model_that_is_wrong_is_not_sound(place: int, more: float) -> None:
    """Its sum, what it could not hold, and the samples that it refused."""

    def model(rows: Floats, table: Floats, scale: float, state: Floats) -> None:
        model_block(rows, table, scale, state)
        state[place] += more

    assert kernel_sound(Kernels(count_block, model)) is False


def test_preparing_compiles_both_for_their_columns_keeps_them_and_calls_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the loop: a kernel that is compiled at its first sample would cost that tick a second, and one that is not kept every start."""
    asked: list[tuple[Any, ...]] = []
    called: set[str] = set()

    def njit(signatures: list[str], **options: Any) -> Callable[..., Any]:
        def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
            asked.append((function, signatures, options))

            def run(*args: Any) -> None:
                called.add(function.__name__)
                function(*args)

            return run

        return compiled

    monkeypatch.setitem(sys.modules, "numba", SimpleNamespace(njit=njit))
    kernels = prepare()
    assert asked == [
        (count_block, ["void(i8[:, ::1], f8[::1], i8[::1], i8[::1])"], {"cache": True}),
        (model_block, ["void(f8[:, ::1], f8[:, ::1], f8, f8[::1])"], {"cache": True}),
    ]
    assert called == {"count_block", "model_block"}
    assert kernel_sound(kernels)
