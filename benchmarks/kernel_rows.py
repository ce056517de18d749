"""The rows of the dose kernel: a long block against the same steps in C, a fraction's journal, one tick's block against plain Python, 1e9 steps' sums.
It knows the kernel by its arguments only (`both` is the one place that calls it), and the C beside it gives the same bits or the row is refused."""

from __future__ import annotations

import ctypes
import subprocess
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks import dose_sums, recorded_journal
from benchmarks.table import Figure
from benchmarks.wire_contest import BUILT, SOURCES
from controller import kernel
from controller.kernel import PLAIN, Kernels, prepare

SAMPLES: Final = 200_000
FRACTION: Final = 4 * 60 * 100
"""Ticks of four minutes at 100 Hz."""
FLAGS: Final = ("-O3", "-march=native", "-fno-fast-math", "-ffp-contract=off", "-shared", "-fPIC", "-Wall", "-Wextra")
"""No multiplication may be fused into an addition: numba does not, and the bits are compared."""
TICKS: Final = 2000
"""One-row blocks of a window."""
LIMITS: Final = np.array([0.01, 0.01, 5.0])
MASKS: Final = np.array([kernel.MASK32, kernel.MASK32], dtype=np.int64)
TABLE: Final = np.array([[20.0, 0.1], [40.0, 0.4], [60.0, 0.8], [70.0, 1.0], [80.0, 1.3]])
SCALE: Final = 33.0


class Block:
    """Samples of a steady beam as they come, ten milliseconds apart, with a ramp, noise and now and then a bad one; always the same."""

    def __init__(self, samples: int) -> None:
        rng = np.random.default_rng(1)
        us = np.cumsum(np.full(samples, 10_000) + rng.integers(-200, 200, samples))
        self.counts = np.zeros((samples, kernel.COUNT_COLUMNS), dtype=np.int64)
        self.counts[:, 0] = us
        self.counts[:, 1] = (us + 4_000_000_000) & kernel.MASK32
        self.counts[:, 2] = np.cumsum(rng.integers(20, 34, samples)) & kernel.MASK32
        self.counts[:, 3] = np.cumsum(rng.integers(10, 20, samples)) & kernel.MASK32
        self.counts[:, 4] = kernel.COUNTING
        self.counts[rng.integers(0, samples, samples // 500), 4] |= kernel.SATURATED_1
        self.model = np.zeros((samples, kernel.MODEL_COLUMNS))
        self.model[:, 0] = us * 1e-6
        self.model[:, 1] = np.minimum(69.5, 200.0 * self.model[:, 0]) + rng.normal(0.0, 0.1, samples)
        self.model[:, 2] = 1.6 + rng.normal(0.0, 0.005, samples)
        self.model[:, 3] = 1.0

    def both(self, kernels: Kernels) -> tuple[Any, Any]:
        """All samples through these kernels."""
        integers, floats = np.zeros(kernel.COUNT_STATE, dtype=np.int64), np.zeros(kernel.MODEL_STATE)
        kernels.counters(self.counts, LIMITS, MASKS, integers)
        kernels.model(self.model, TABLE, SCALE, floats)
        return integers, floats

    def rows(self) -> Iterator[tuple[Any, Any]]:
        """The same samples one by one."""
        for at in range(len(self.counts)):
            yield self.counts[at : at + 1], self.model[at : at + 1]


def in_c() -> Kernels:
    """benchmarks/c/dose.c behind the same arguments."""
    BUILT.mkdir(parents=True, exist_ok=True)
    built = BUILT / "dose.so"
    try:
        subprocess.run(["gcc", *FLAGS, "-o", str(built), str(SOURCES / "dose.c"), "-lm"], check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as why:
        raise SystemExit(f"dose.c was not compiled ({why}); first: make bench-tools") from None
    library = ctypes.CDLL(str(built))
    counters, model = library.kerma_bench_counters, library.kerma_bench_model
    pointer, long, double = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
    counters.argtypes = (pointer, long, pointer, pointer, pointer)
    model.argtypes = (pointer, long, pointer, long, double, pointer)
    return Kernels(
        lambda rows, limits, masks, state: counters(
            rows.ctypes.data, len(rows), limits.ctypes.data, masks.ctypes.data, state.ctypes.data
        ),
        lambda rows, table, scale, state: model(
            rows.ctypes.data, len(rows), table.ctypes.data, len(table), scale, state.ctypes.data
        ),
    )


def seconds(action: Callable[[], object]) -> float:
    """The time on the processor that this takes."""
    began = time.thread_time_ns()
    action()
    return 1e-9 * (time.thread_time_ns() - began)


def batch(windows: int) -> list[Figure]:
    """A long block and a fraction's journal, each window in turn with C."""
    ours, theirs = prepare(), in_c()
    block, made, kept = Block(SAMPLES), Block(FRACTION), recorded_journal.record(ours)
    same = all(a.tobytes() == b.tobytes() for a, b in zip(block.both(ours), block.both(theirs), strict=True))
    if not same:
        raise SystemExit("the kernel and benchmarks/c/dose.c do not give the same bits: they do not do the same steps")
    taken = [(seconds(lambda: block.both(ours)), seconds(lambda: block.both(theirs))) for _ in range(windows)]
    if not kept.same(ours):
        raise SystemExit("a recorded journal in one block does not come to the live sums: the kernel is not additive")
    again = [(1e3 * seconds(lambda: kept.both(ours)), 1e3 * seconds(lambda: made.both(ours))) for _ in range(windows)]
    kept_ms, made_ms = zip(*again, strict=True)
    kerma_ns, c_ns = (1e9 * median(column) / SAMPLES for column in zip(*taken, strict=True))
    return [
        Figure(
            "dose kernel, batch",
            "at least 0.95x of C -O3 -march=native",
            tuple(theirs_s / ours_s for ours_s, theirs_s in taken),
            0.95,
            f"{kerma_ns:.1f} against {c_ns:.1f} ns a sample, {SAMPLES} samples, equal to the last bit",
            "x",
            least=True,
        ),
        Figure(
            "journal of a 4 min fraction re-integrated",
            "under 5 ms",
            kept_ms,
            5.0,
            f"recorded in this run, {kept.beam_s:.0f} s of beam: {len(kept.counts.rows)} samples of the counters, {len(kept.model.rows)} "
            "of kV and mA, in one block each; equal to the live sums to the last bit",
            "ms",
        ),
        Figure(
            "the same of a made block, one sample in 500 bad",
            "under 5 ms",
            made_ms,
            5.0,
            f"{FRACTION} samples of both kernels",
            "ms",
        ),
    ]


def one_tick(windows: int) -> list[Figure]:
    """Blocks of one row, as a tick has them, with the results turned into Python's numbers as controller/dose.py does."""

    def window(kernels: Kernels) -> float:
        integers, floats = np.zeros(kernel.COUNT_STATE, dtype=np.int64), np.zeros(kernel.MODEL_STATE)

        def play() -> None:
            for counts, model in rows:
                kernels.counters(counts, LIMITS, MASKS, integers)
                integers.tolist()
                kernels.model(model, TABLE, SCALE, floats)
                floats.tolist()

        return seconds(play) / TICKS

    rows = list(Block(TICKS).rows())
    ours = prepare()
    taken = [(window(ours), window(PLAIN)) for _ in range(windows)]
    kerma_us, plain_us = (1e6 * median(column) for column in zip(*taken, strict=True))
    return [
        Figure(
            "dose kernel, one tick's block",
            "at most 0.5x of plain Python",
            tuple(ours_s / plain_s for ours_s, plain_s in taken),
            0.5,
            f"{kerma_us:.2f} against {plain_us:.2f} us for both kernels",
            "x",
        )
    ]


def sums(_windows: int) -> list[Figure]:
    """No timing, so one window: what the counters and the model come to after so many steps, beside what they must."""
    came = dose_sums.measure()
    off = sum(abs(by) for by in came.counts_off) + came.bad
    beside = f"{came.steps} steps, channels of 16 and 32 bits that wrap; {came.counts[0]} and {came.counts[1]} counts"
    exact, near = "dose kernel, counts after 1e9 steps", "dose kernel, model after 1e9 steps"
    return [
        Figure(exact, "exact", (float(off),), 0.0, beside, "off"),
        Figure(near, "within 1e-9 of exact rationals", (came.model_off,), dose_sums.WITHIN, f"{came.steps} steps"),
    ]
