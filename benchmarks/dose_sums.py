"""A thousand million steps through the dose kernel: counts exact, wrapping as they go, and the model's trapezoids against exact rationals.
It repeats one block of samples, shifted in time and count, so that what must come out is known exactly; it looks at no clock of the kernel's speed."""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
from rich.console import Console
from rich.progress import track

from controller.kernel import (
    BAD_COUNTS,
    COUNT_COLUMNS,
    COUNT_STATE,
    COUNTING,
    M_BAD,
    M_COMPENSATION,
    M_SUM,
    MASK16,
    MASK32,
    MODEL_COLUMNS,
    MODEL_STATE,
    SUM_1,
    SUM_2,
    Floats,
    Ints,
    Kernels,
    prepare,
)

STEPS: Final = 1_000_000_000
"""At 100 Hz that is 116 days of beam."""
BLOCK: Final = 1 << 16
STEP_US: Final = 10_000
MOST_COUNTS: Final = 60
GRID_S: Final = 1.0 / 1024.0
"""Times on this grid are exact in floating point for as long as this lasts."""
TABLE: Final = ((10.0, 0.1), (40.0, 0.5), (60.0, 0.8), (69.5, 1.0), (75.0, 1.2))
SCALE: Final = 55.0 / 1.6
WITHIN: Final = 1e-9


@dataclass(frozen=True)
class Sums:
    """What came out. `counts_off` and `bad` must be 0, `model_off` (relative) at most WITHIN."""

    steps: int
    counts: tuple[int, int]
    counts_off: tuple[int, int]
    bad: int
    model_mgy: float
    model_off: float

    @property
    def exact(self) -> bool:
        return self.counts_off == (0, 0) and self.bad == 0 and self.model_off <= WITHIN

    @property
    def words(self) -> str:
        return (
            f"{self.steps} steps: {self.counts[0]} and {self.counts[1]} counts, {self.counts_off[0]} and {self.counts_off[1]} off; "
            f"model {self.model_mgy:.6e} mGy, {self.model_off:.1e} off (bound {WITHIN:g}); {self.bad} samples refused"
        )


def measure(steps: int = STEPS, kernels: Kernels | None = None, out: Console | None = None, block: int = BLOCK) -> Sums:
    """As many steps at least, in whole blocks; channel 1 of 16 bits, channel 2 of 32."""
    kernels = kernels or prepare()
    blocks = -(-steps // block)
    rows, grown = _counter_block(random.Random(1), block)
    model, lasts_s = _model_block(random.Random(2), block)
    open_1, open_2 = (grown[i] - int(rows[-1, 2 + i]) for i in (0, 1))
    shift = np.array([block * STEP_US, block * STEP_US, *grown, 0], dtype=np.int64)
    masks = np.array([MASK16, MASK32])
    shown = np.zeros((block, COUNT_COLUMNS), dtype=np.int64)
    limits = np.array([2.0 * MOST_COUNTS / STEP_US, 2.0 * MOST_COUNTS / STEP_US, 5.0])
    counted, modelled, table = np.zeros(COUNT_STATE, dtype=np.int64), np.zeros(MODEL_STATE), np.array(TABLE)
    wraps = np.array([np.iinfo(np.int64).max, MASK32, MASK16, MASK32, np.iinfo(np.int64).max], dtype=np.int64)
    for _ in track(range(blocks), "steps", console=out, disable=out is None):
        np.bitwise_and(rows, wraps, out=shown)
        kernels.counters(shown, limits, masks, counted)
        kernels.model(model, table, SCALE, modelled)
        rows += shift
        model[:, 0] += lasts_s
    model[:, 0] -= blocks * lasts_s
    must = (
        blocks * grown[0] - open_1,
        blocks * grown[1] - open_2,
    )  # the sum ends at the last sample, not at the next block's first
    exact = _exact(model, lasts_s, blocks)
    got = Fraction(float(modelled[M_SUM])) + Fraction(float(modelled[M_COMPENSATION]))
    counts = int(counted[SUM_1]), int(counted[SUM_2])
    return Sums(
        blocks * block,
        counts,
        (counts[0] - must[0], counts[1] - must[1]),
        int(counted[BAD_COUNTS]) + int(modelled[M_BAD]),
        float(got),
        float(abs(got - exact) / exact),
    )


def _counter_block(rng: random.Random, block: int) -> tuple[Ints, tuple[int, int]]:
    """A block's samples, not yet wrapped, and by how much each counter grows from one block to the next."""
    rows = np.zeros((block, COUNT_COLUMNS), dtype=np.int64)
    at = [0, 0]
    for i in range(block):
        rows[i] = (i * STEP_US, i * STEP_US, at[0], at[1], COUNTING)
        at = [at[0] + rng.randrange(MOST_COUNTS), at[1] + rng.randrange(MOST_COUNTS)]
    return rows, (at[0], at[1])


def _model_block(rng: random.Random, block: int) -> tuple[Floats, float]:
    """kV through the whole table and beyond, mA, uneven steps; and how long a block lasts."""
    rows = np.zeros((block, MODEL_COLUMNS))
    ticks = 0
    for i in range(block):
        kv = rng.choice((69.5, rng.uniform(0.0, 80.0)))
        rows[i] = (ticks * GRID_S, kv, rng.uniform(0.0, 1.7), 1.0)
        ticks += rng.randrange(1, 20)
    return rows, ticks * GRID_S


def _exact(rows: Floats, lasts_s: float, blocks: int) -> Fraction:
    """The trapezoids of as many blocks in rationals, from the samples' own bits: nothing is rounded anywhere."""
    rates = [Fraction(SCALE) * Fraction(float(ma)) * _relative(Fraction(float(kv))) for _, kv, ma, _ in rows]
    times = [Fraction(float(t)) for t in rows[:, 0]]
    block = sum(
        ((rates[i] + rates[i - 1]) * (times[i] - times[i - 1]) for i in range(1, len(rates))), start=Fraction(0)
    )
    joint = (rates[0] + rates[-1]) * (times[0] + Fraction(lasts_s) - times[-1])
    return (blocks * block + (blocks - 1) * joint) / 2


def _relative(kv: Fraction) -> Fraction:
    """g by the table, as docs/dose.md has it: straight to 0 below, along the last two points above."""
    points = [(Fraction(x), Fraction(y)) for x, y in TABLE]
    if kv <= 0:
        return Fraction(0)
    if kv <= points[0][0]:
        return points[0][1] * kv / points[0][0]
    low, high = next(((a, b) for a, b in pairwise(points) if kv <= b[0]), (points[-2], points[-1]))
    return low[1] + (high[1] - low[1]) * (kv - low[0]) / (high[0] - low[0])


def main(arguments: list[str]) -> int:
    """Measure and say; 1 where a sum is off."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dose_sums", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--steps", type=int, default=STEPS, help=f"how many ({STEPS})")
    chosen = parser.parse_args(arguments)
    if chosen.steps < 1:
        parser.error("--steps is 1 or more")
    out = Console()
    sums = measure(chosen.steps, out=out)
    out.print(sums.words)
    return 0 if sums.exact else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
