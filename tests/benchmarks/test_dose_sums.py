"""The long sum's own sum is right for some blocks, and it sees a kernel that is not: make bench goes the whole way."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.dose_sums import Sums, measure
from controller import kernel
from controller.kernel import PLAIN, Kernels

BLOCK = 2048


def test_many_blocks_are_exact() -> None:
    """Counts of 16 and of 32 bits to the last one; the model far within its bound."""
    sums = measure(200 * BLOCK, block=BLOCK)
    assert sums.exact, sums.words
    assert sums.steps == 200 * BLOCK
    assert sums.counts[0] > 50 * kernel.MASK16
    assert sums.model_off < 1e-14


def test_a_kernel_that_takes_no_notice_of_a_width_is_seen() -> None:
    def ignores_width(rows: kernel.Ints, limits: kernel.Floats, masks: kernel.Ints, state: kernel.Ints) -> None:
        kernel.count_block(rows, limits, np.full_like(masks, kernel.MASK32), state)

    assert not measure(16 * 256, Kernels(ignores_width, PLAIN.model), block=256).exact


@pytest.mark.parametrize(
    ("off", "bad", "model", "exact"),
    [((0, 0), 0, 1e-9, True), ((0, 1), 0, 0.0, False), ((0, 0), 1, 0.0, False), ((0, 0), 0, 2e-9, False)],
)
def test_what_counts_as_exact(off: tuple[int, int], bad: int, model: float, exact: bool) -> None:
    assert Sums(1, (1, 1), off, bad, 1.0, model).exact is exact
