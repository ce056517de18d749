"""The dose integrator: blocks of counter samples and of kV and mA, added up exactly, each sample once; live and over a whole journal it is the same code.
It knows no device, no limit of its own and no unit beyond its columns; every limit is an argument, for a compiled kernel does not see other files change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MASK16: Final = 0xFFFF
MASK32: Final = 0xFFFF_FFFF
HALF32: Final = 0x8000_0000

COUNTING: Final = 1
SATURATED_1: Final = 2
SATURATED_2: Final = 4
REBASED: Final = 8
"""Flags of a counter sample: counters open (leakage accrues), channel saturated, device clock started anew since the last sample."""

COUNT_COLUMNS: Final = 5
"""host_us (when asked), sample_us (device clock, modulo 2^32), counts_1, counts_2 (each modulo its mask + 1), flags."""
MODEL_COLUMNS: Final = 4
"""t_s (when asked), kv, ma, live (1: the beam may be on since the sample before)."""

# Places in the counters' state.
STARTED, LAST_HOST, LAST_US, CLOCK_US, COUNTING_US = 0, 1, 2, 3, 4
LAST_1, CLOCK_1, SUM_1, PENDING_1 = 5, 6, 7, 8
LAST_2, CLOCK_2, SUM_2, PENDING_2 = 9, 10, 11, 12
BAD_COUNTS: Final = 13
COUNT_STATE: Final = 14
# Places in the model's state.
M_STARTED, M_LAST_T, M_LAST_RATE, M_SUM, M_COMPENSATION, M_BAD = 0, 1, 2, 3, 4, 5
MODEL_STATE: Final = 6


def count_block(rows: Ints, limits: Floats, masks: Ints, state: Ints) -> None:
    """Add samples of both counters: rows (n, 5), limits (most counts a microsecond of channel 1, of channel 2, slack counts), masks (2,): the largest
    value that each counter can show, MASK16 or MASK32; state (14,).

    The first sample of a state is its base. A bad sample (clock not advancing, backwards, too far, saturated) adds nothing and is counted; counters
    are cumulative, so the next good one bridges it. PENDING holds what a bad sample would have added, for the upper bound.
    """
    started, last_host, last_us, clock, counting = state[0], state[1], state[2], state[3], state[4]
    last_1, clock_1, sum_1, pending_1 = state[5], state[6], state[7], state[8]
    last_2, clock_2, sum_2, pending_2 = state[9], state[10], state[11], state[12]
    bad = state[13]
    mask_1, mask_2 = masks[0], masks[1]
    most_1, most_2, slack = limits[0], limits[1], limits[2]
    for i in range(rows.shape[0]):
        host, us, c1, c2, flags = rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3], rows[i, 4]
        if started == 0:
            started, last_host, last_us, last_1, last_2 = 1, host, us, c1, c2
            continue
        step = (us - last_us) & MASK32
        if flags & REBASED:
            step = host - last_host
        if step <= 0 or step >= HALF32 or host <= last_host:
            bad += 1
            continue
        last_host, last_us = host, us
        clock += step
        if flags & COUNTING:
            counting += step
        d1 = (c1 - last_1) & mask_1
        d2 = (c2 - last_2) & mask_2
        good_1 = not flags & SATURATED_1 and d1 <= most_1 * (clock - clock_1) + slack
        good_2 = not flags & SATURATED_2 and d2 <= most_2 * (clock - clock_2) + slack
        if good_1:
            sum_1 += d1
            last_1, clock_1, pending_1 = c1, clock, 0
        else:
            pending_1 = d1 if d1 <= mask_1 >> 1 else 0
        if good_2:
            sum_2 += d2
            last_2, clock_2, pending_2 = c2, clock, 0
        else:
            pending_2 = d2 if d2 <= mask_2 >> 1 else 0
        if not (good_1 and good_2):
            bad += 1
    state[0], state[1], state[2], state[3], state[4] = started, last_host, last_us, clock, counting
    state[5], state[6], state[7], state[8] = last_1, clock_1, sum_1, pending_1
    state[9], state[10], state[11], state[12] = last_2, clock_2, sum_2, pending_2
    state[13] = bad


def model_block(rows: Floats, table: Floats, scale: float, state: Floats) -> None:
    """Trapezoid of scale * mA * g(kV) over time: rows (n, 4), table (m, 2) of kV and relative output, scale mGy/s per mA, state (6,).

    g is linear between the table's points, runs straight to 0 at 0 kV below them and on along the last two above. Neumaier's compensated sum:
    the total is M_SUM + M_COMPENSATION. A sample that is not finite, or not later than the one before, adds nothing and is counted.
    """
    started, last_t, last_rate, total, compensation, bad = state[0], state[1], state[2], state[3], state[4], state[5]
    points = table.shape[0]
    for i in range(rows.shape[0]):
        t, kv, ma, live = rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3]
        if not (np.isfinite(t) and np.isfinite(kv) and np.isfinite(ma)) or (started > 0.0 and t <= last_t):
            bad += 1.0
            continue
        if kv <= 0.0:
            g = 0.0
        elif kv <= table[0, 0]:
            g = table[0, 1] * (kv / table[0, 0])
        else:
            k = 1
            while k < points - 1 and kv > table[k, 0]:
                k += 1
            part = (kv - table[k - 1, 0]) / (table[k, 0] - table[k - 1, 0])
            g = table[k - 1, 1] + part * (table[k, 1] - table[k - 1, 1])
        rate = scale * ma * g
        if started > 0.0 and live > 0.0:
            x = 0.5 * (rate + last_rate) * (t - last_t)
            s = total + x
            if abs(total) >= abs(x):
                compensation += (total - s) + x
            else:
                compensation += (x - s) + total
            total = s
        started, last_t, last_rate = 1.0, t, rate
    state[0], state[1], state[2], state[3], state[4], state[5] = started, last_t, last_rate, total, compensation, bad


class Kernels(NamedTuple):
    """The two kernels, compiled by `prepare` or, in a test, as plain Python."""

    counters: Callable[[Ints, Floats, Ints, Ints], Any]
    model: Callable[[Floats, Floats, float, Floats], Any]


PLAIN: Final = Kernels(count_block, model_block)
"""The same functions, interpreted."""


def prepare() -> Kernels:
    """Compile both kernels (1 s cold, 0.1 s from numba's cache) and call each once; for the real-time process, before its loop.

    Whoever starts the process sets NUMBA_CACHE_DIR to a folder that belongs to these sources alone: numba's own cache does not see other files change.
    """
    from numba import njit

    kernels = Kernels(
        njit(["void(i8[:, ::1], f8[::1], i8[::1], i8[::1])"], cache=True)(count_block),
        njit(["void(f8[:, ::1], f8[:, ::1], f8, f8[::1])"], cache=True)(model_block),
    )
    kernel_sound(kernels)
    return kernels


def kernel_sound(kernels: Kernels) -> bool:
    """Whether the kernels reproduce their golden vector to the last bit: every branch, a wrap of every counter, and a sum that only
    compensation gets right, so that a kernel compiled with fastmath fails."""
    counts = np.array(
        [
            [0, MASK32 - 999, MASK32 - 9, 100, COUNTING],
            [10_000, 9_000, 16, 128, COUNTING],  # device clock and channel 1 wrap
            [20_000, 9_000, 40, 150, COUNTING],  # clock stands: bad
            [30_000, 29_000, 10, 180, COUNTING],  # channel 1 backwards: bad, channel 2 good
            [40_000, 39_000, 70, 900_000, 0],  # channel 1 bridges, channel 2 jumps: bad; counters closed
            [50_000, 49_000, 90, 230, COUNTING | SATURATED_1],  # channel 1 saturated: bad; channel 2 bridges
            [60_000, 500, 120, 260, COUNTING | REBASED],  # device clock started anew
            [70_000, 10_500, 140, 900_000, COUNTING],  # channel 2 jumps: pending at the end
        ],
        dtype=np.int64,
    )
    limits = np.array([0.008, 0.008, 5.0])
    integers = np.zeros(COUNT_STATE, dtype=np.int64)
    kernels.counters(counts, limits, np.array([MASK32, MASK32]), integers)
    expected = (1, 70_000, 10_500, 70_000, 60_000, 140, 70_000, 150, 0, 260, 60_000, 160, 899_740, 5)
    narrow = np.array(
        [
            [0, 0, MASK16 - 9, MASK32 - 9, COUNTING],
            [10_000, 10_000, 16, 16, COUNTING],  # channel 1 wraps at 16 bits, channel 2 at 32
            [
                20_000,
                20_000,
                6,
                40_000,
                COUNTING,
            ],  # channel 1 backwards: nothing pending; channel 2 jumps by more than 16 bits' half
        ],
        dtype=np.int64,
    )
    mixed = np.zeros(COUNT_STATE, dtype=np.int64)
    kernels.counters(narrow, limits, np.array([MASK16, MASK32]), mixed)
    mixed_expected = (1, 20_000, 20_000, 20_000, 20_000, 16, 10_000, 26, 0, 16, 10_000, 26, 39_984, 1)
    nan, big = float("nan"), 2.0**53
    model = np.array(
        [
            [0.0, 8.0, 2.0 * big, 1.0],  # first sample: a node, no area
            [1.0, 8.0, 2.0 * big, 1.0],
            [2.0, nan, 1.0, 1.0],  # bad
            [1.0, 8.0, 1.0, 1.0],  # not later: bad
            [1.5, 8.0, 2.0, 0.0],  # beam not live: a node only
            [2.0, 8.0, 2.0, 1.0],
            [3.0, 8.0, 2.0, 1.0],
            [4.0, 4.0, 4.0, 1.0],  # table, lower branch
            [5.0, 2.0, 8.0, 1.0],  # below the table: straight to 0
            [6.0, -1.0, 8.0, 1.0],  # no high voltage
            [7.0, 12.0, 16.0, 1.0],  # above the table: along its last points
            [7.0 + 1.0 / 1024.0, 9.0, 16.0, 1.0],  # between the table's points
        ]
    )
    floats = np.zeros(MODEL_STATE)
    kernels.model(model, np.array([[4.0, 0.25], [8.0, 0.5], [10.0, 1.0]]), 1.0, floats)
    # areas 2^53, 0.5, 1, 1, 1, 0.5, 12, 18/1024: more bits than one double holds
    exact = floats[M_SUM] - big + floats[M_COMPENSATION] == 16.0 + 18.0 / 1024.0
    counted = (integers.tolist(), mixed.tolist()) == ([*expected], [*mixed_expected])
    return counted and bool(exact and floats[M_BAD] == 2.0)
