"""The integrator: exact, additive over any split, equal to plain Python, and never fastmath."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from controller import kernel
from controller.kernel import (
    BAD_COUNTS,
    COUNT_STATE,
    COUNTING,
    M_BAD,
    M_COMPENSATION,
    M_SUM,
    MASK16,
    MASK32,
    MODEL_STATE,
    PLAIN,
    SUM_1,
    SUM_2,
    Floats,
    Ints,
    Kernels,
    kernel_sound,
    prepare,
)

LIMITS = np.array([0.00825, 0.0084, 5.0])
WIDE = np.array([MASK32, MASK32])
TABLE = np.array([[10.0, 0.1], [40.0, 0.5], [60.0, 0.8], [69.5, 1.0], [75.0, 1.2]])


@pytest.fixture(scope="module")
def kernels() -> Kernels:
    return prepare()


def counter_rows(n: int, seed: int, start: int = MASK32 - 5000) -> Ints:
    """A journal of n samples around 27 counts a tick, clocks and counters wrapping, one in fifty damaged."""
    rng = random.Random(seed)
    rows = np.zeros((n, 5), dtype=np.int64)
    c1, c2, us = start, start - 77, start
    for i in range(n):
        rows[i] = (i * 10_000, us & MASK32, c1 & MASK32, c2 & MASK32, COUNTING if rng.random() < 0.9 else 0)
        if rng.random() < 0.02:
            rows[i, rng.randrange(1, 4)] = rng.randrange(MASK32)
        c1, c2, us = c1 + rng.randrange(60), c2 + rng.randrange(60), us + 10_000
    return rows


def model_rows(n: int, seed: int) -> Floats:
    rng = random.Random(seed)
    rows = np.zeros((n, 4))
    t = 0.0
    for i in range(n):
        t += rng.uniform(0.001, 0.03)
        rows[i] = (t, rng.choice([rng.uniform(0.0, 80.0), 69.5]), rng.uniform(0.0, 1.7), float(rng.random() < 0.95))
        if rng.random() < 0.02:
            rows[i, rng.randrange(3)] = rng.choice([math.nan, math.inf, -math.inf])
    return rows


def count(kernels: Kernels, *blocks: Ints, masks: Ints = WIDE) -> Ints:
    state = np.zeros(COUNT_STATE, dtype=np.int64)
    for block in blocks:
        kernels.counters(np.ascontiguousarray(block), LIMITS, masks, state)
    return state


def model(kernels: Kernels, *blocks: Floats) -> Floats:
    state = np.zeros(MODEL_STATE)
    for block in blocks:
        kernels.model(np.ascontiguousarray(block), TABLE, 55.0 / 1.6, state)
    return state


def test_golden_vector(kernels: Kernels) -> None:
    """Compiled and plain kernels both reproduce it to the last bit."""
    assert kernel_sound(kernels)
    assert kernel_sound(PLAIN)


def test_golden_vector_fails_under_fastmath(kernels: Kernels) -> None:
    """The self-check sees a model kernel whose compensation was compiled away."""
    fast = Kernels(kernels.counters, njit(fastmath=True)(kernel.model_block))
    assert not kernel_sound(fast)


def test_compensation_beats_fastmath_on_a_plain_sum() -> None:
    """A sum of 2e6 small areas on a large one is exact to a few ulp here, and not under fastmath."""
    rows = np.zeros((200_000, 4))
    rows[:, 0] = np.arange(200_000) / 1024.0
    rows[:, 1], rows[:, 2], rows[:, 3] = 69.5, 0.1, 1.0
    rows[0:2, 2] = 1e14
    table = np.array([[10.0, 0.1], [69.5, 1.0]])
    kernels = prepare()
    fast = njit(fastmath=True)(kernel.model_block)
    exact = sum(
        (Fraction(float(a)) + Fraction(float(b))) / 2 / 1024 for a, b in zip(rows[:, 2], rows[1:, 2], strict=False)
    )
    errors = []
    for run in (kernels.model, fast):
        state = np.zeros(MODEL_STATE)
        run(rows, table, 1.0, state)
        errors.append(abs(Fraction(float(state[M_SUM])) + Fraction(float(state[M_COMPENSATION])) - exact))
    assert errors[0] < Fraction(1, 10**5)
    assert errors[1] > 1000 * errors[0]


@pytest.mark.parametrize("broken", ["wrap", "width", "backwards", "saturated", "trapezoid", "table"])
def test_golden_vector_sees_a_broken_kernel(broken: str) -> None:
    """Each mutation of the kernel's source that matters is caught by the self-check."""
    source = {
        "wrap": ("d1 = (c1 - last_1) & mask_1", "d1 = c1 - last_1"),
        "width": ("mask_1, mask_2 = masks[0], masks[1]", "mask_1, mask_2 = MASK32, MASK32"),
        "backwards": ("d1 <= most_1 * (clock - clock_1) + slack", "True"),
        "saturated": ("not flags & SATURATED_1 and ", ""),
        "trapezoid": ("0.5 * (rate + last_rate)", "rate"),
        "table": ("kv > table[k, 0]", "kv > table[k, 0] + 3.0"),
    }[broken]
    with open(kernel.__file__, encoding="utf-8") as file:
        text = file.read()
    assert text.count(source[0]) == 1
    names: dict[str, object] = {"__name__": "mutant", "__file__": kernel.__file__}
    exec(compile(text.replace(*source), "mutant", "exec"), names)
    assert not kernel_sound(Kernels(names["count_block"], names["model_block"]))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_compiled_equals_plain_python(kernels: Kernels, seed: int) -> None:
    """The same bits from numba and from the interpreter, damaged samples and wraps included."""
    assert (kernels.counters.py_func, kernels.model.py_func) == (PLAIN.counters, PLAIN.model)  # type: ignore[attr-defined]
    rows, areas = counter_rows(2000, seed), model_rows(2000, seed)
    assert count(kernels, rows).tolist() == count(PLAIN, rows).tolist()
    assert model(kernels, areas).tolist() == model(PLAIN, areas).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_additive_over_any_split(kernels: Kernels, seed: int) -> None:
    """A journal in one block equals the same journal tick by tick and in random pieces, to the last bit."""
    rng = random.Random(seed)
    rows, areas = counter_rows(1000, seed), model_rows(1000, seed)
    cuts = sorted(rng.sample(range(1, 1000), 20))
    whole_c, whole_m = count(kernels, rows), model(kernels, areas)
    for blocks in ([*range(1, 1000)], cuts):
        assert count(kernels, *np.split(rows, blocks)).tolist() == whole_c.tolist()
        assert model(kernels, *np.split(areas, blocks)).tolist() == whole_m.tolist()


@settings(max_examples=50)
@given(st.integers(0, 1 << 32), st.lists(st.integers(0, 120), max_size=12), st.data())
def test_additive_over_any_split_that_can_be_thought_of(seed: int, cuts: list[int], data: st.DataObject) -> None:
    """Any blocks, empty ones too, of damaged counters of either width: the same state to the last bit."""
    masks = np.array([data.draw(st.sampled_from([MASK16, MASK32])) for _ in range(2)])
    rows, areas = counter_rows(120, seed), model_rows(120, seed)
    rows[:, 2:4] &= masks
    assert count(PLAIN, *np.split(rows, sorted(cuts)), masks=masks).tolist() == count(PLAIN, rows, masks=masks).tolist()
    assert model(PLAIN, *np.split(areas, sorted(cuts))).tolist() == model(PLAIN, areas).tolist()


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80)), min_size=1, max_size=60),
    st.sampled_from([MASK16, MASK32]),
    st.sampled_from([MASK16, MASK32]),
    st.integers(0, MASK32),
)
def test_counts_are_exact_for_either_width(steps: list[tuple[int, int]], mask_1: int, mask_2: int, start: int) -> None:
    """The sums are what was counted, wherever either counter stood and however wide it is; they only rise."""
    rows, c1, c2 = [[0, 0, start & mask_1, start & mask_2, COUNTING]], start, start
    for i, (one, two) in enumerate(steps, 1):
        c1, c2 = c1 + one, c2 + two
        rows.append([i * 10_000, i * 10_000, c1 & mask_1, c2 & mask_2, COUNTING])
    masks, last = np.array([mask_1, mask_2]), (0, 0)
    for i in range(1, len(rows) + 1):
        state = count(PLAIN, np.array(rows[:i]), masks=masks)
        assert (state[SUM_1], state[SUM_2]) >= last
        last = (int(state[SUM_1]), int(state[SUM_2]))
    assert last == (c1 - start, c2 - start)
    assert state[BAD_COUNTS] == 0


def test_counts_are_exact_over_the_wrap(kernels: Kernels) -> None:
    """E12: 4294960000 to 126345 is 133641 counts, in one step and in many."""
    start, total = 4_294_960_000, 133_641
    rows = np.array([[i * 10_000, i * 10_000, (start + total * i // 5000) & MASK32, 0, 1] for i in range(5001)])
    state = count(kernels, rows)
    assert (state[SUM_1], state[BAD_COUNTS]) == (total, 0)


def test_sums_only_rise(kernels: Kernels) -> None:
    """Whatever the samples are, a counter's sum never falls."""
    rng = random.Random(3)
    state = np.zeros(COUNT_STATE, dtype=np.int64)
    last = (0, 0)
    for i in range(5000):
        row = np.array([[i * 10_000, *(rng.randrange(MASK32) for _ in range(3)), rng.randrange(16)]])
        kernels.counters(row, LIMITS, WIDE, state)
        now = (int(state[SUM_1]), int(state[SUM_2]))
        assert now[0] >= last[0]
        assert now[1] >= last[1]
        last = now


def test_a_bad_sample_is_bridged_not_patched(kernels: Kernels) -> None:
    """One damaged sample costs nothing once a good one has come: the counters are cumulative."""
    rows = np.array([[i * 10_000, i * 10_000, i * 27, i * 28, 1] for i in range(100)])
    clean = count(kernels, rows)
    rows[50, 2] = 9_999_999
    damaged = count(kernels, rows)
    assert damaged[SUM_1] == clean[SUM_1]
    assert damaged[BAD_COUNTS] == 1


def test_model_against_exact_rationals(kernels: Kernels) -> None:
    """The trapezoid over 50 000 uneven steps equals exact rational arithmetic over the same rates to 1e-15."""
    rng = random.Random(11)
    n = 50_000
    rows = np.zeros((n, 4))
    rows[:, 0] = np.cumsum([rng.randrange(1, 64) / 1024.0 for _ in range(n)])
    rows[:, 1] = 8.0
    rows[:, 2] = [rng.randrange(1 << 20) / 1024.0 for _ in range(n)]
    rows[:, 3] = 1.0
    state = np.zeros(MODEL_STATE)
    kernels.model(rows, np.array([[4.0, 0.5], [8.0, 1.0]]), 1.0, state)
    exact = Fraction(0)
    for a, b in pairwise(rows):
        exact += (Fraction(float(a[2])) + Fraction(float(b[2]))) / 2 * (Fraction(float(b[0])) - Fraction(float(a[0])))
    got = Fraction(float(state[M_SUM])) + Fraction(float(state[M_COMPENSATION]))
    assert abs(got - exact) / exact < Fraction(1, 10**15)
    assert state[M_BAD] == 0


def test_importing_the_meter_does_not_import_numba() -> None:
    """Only `prepare` does; the command line stays quick."""
    code = "import sys, controller.dose; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
