"""The rows of virtual time and of the simulated plant, and the ring's record in a hot loop.
It turns worlds and rings of its own; what a real process does is measured in benchmarks/process_rows.py."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks import world
from benchmarks.kernel_rows import seconds
from benchmarks.table import Figure, quantile
from controller.ring import PAYLOAD_BYTES, TICK_BYTES, Ring, TickRow
from simulators.plant import STEP_US, Plant
from simulators.profile import DEFAULT
from simulators.seam import UnitOutputs

PLANT_MS: Final = 30_000
RECORDS: Final = 10_000
CAME: Final = bytes(PAYLOAD_BYTES - TICK_BYTES)
"""As much as there may be of what comes into a tick of beam, which stands behind its record."""


def virtual_time(windows: int) -> list[Figure]:
    """`make bench-world`'s measurement: each stretch's windows, and where the time of its median goes."""
    del windows
    found = world.measure(15.0)
    out = []
    for one, parts in zip(found.speeds, found.splits, strict=True):
        out.append(
            Figure(
                f"virtual time, {one.stretch}",
                "at least 40 simulated s a CPU s, aim for 100",
                (one.slowest, one.median, one.fastest),
                40.0,
                f"{one.windows} windows; a tick is {parts.host_us:.0f} us host, {parts.world_us:.0f} us world, {parts.recorder_us:.0f} us recorder",
                "s/s",
                least=True,
            )
        )
    return out


def plant(windows: int) -> list[Figure]:
    """The plant alone: as a world turns it, with steps in which nothing happens taken together, against the same plant walked millisecond by millisecond."""

    def walked() -> None:
        one, out = Plant(DEFAULT, 1), UnitOutputs()
        for _ in range(PLANT_MS):
            one.step(out)

    def skipped() -> None:
        one, out = Plant(DEFAULT, 1), UnitOutputs()
        until = PLANT_MS * STEP_US
        while one.now_us < until:
            one.step(out)
            ms = min(one.idle_ms(out), (until - one.now_us) // STEP_US)
            if ms > 1:
                one.skip(ms)

    taken = [(seconds(skipped), seconds(walked)) for _ in range(windows)]
    fast_s, slow_s = (1e-3 * PLANT_MS / median(column) for column in zip(*taken, strict=True))
    return [
        Figure(
            "simulated plant alone",
            "at least 20x plain Python",
            tuple(walked_s / skipped_s for skipped_s, walked_s in taken),
            20.0,
            f"{fast_s:.0f} against {slow_s:.0f} simulated s a CPU s, without beam",
            "x",
            least=True,
        )
    ]


@contextmanager
def real_time() -> Iterator[None]:
    """As the real-time process runs: in front of all else on its processor, and without the collector (controller/kernel_asked.py)."""
    gc.collect()
    gc.disable()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_min(os.SCHED_FIFO)))
    except PermissionError:
        raise SystemExit("SCHED_FIFO was refused, and the product's process has it; first: be root") from None
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        gc.enable()


def ring_hot(windows: int) -> list[Figure]:
    """One record after another, as the loop calls it; a look at the clock before and after is in each figure."""
    row: tuple[Any, ...] = (*(0 for _ in TickRow.__struct_fields__), CAME)
    medians, tails = [], []
    with TemporaryDirectory(dir="/dev/shm") as folder, real_time():
        ring = Ring.create(str(Path(folder) / "i"), 100.0)
        for _ in range(windows):
            looks = []
            for _ in range(RECORDS):
                began = time.perf_counter_ns()
                looks.append(1e-3 * (time.perf_counter_ns() - began))
            look_us = median(looks)
            took = []
            for _ in range(RECORDS):
                began = time.perf_counter_ns()
                ring.put_tick(began, *row)
                took.append(1e-3 * (time.perf_counter_ns() - began) - look_us)
            medians.append(median(took))
            tails.append(quantile(took, 0.999))
        ring.close()
    beside = (
        f"a tick with {len(CAME)} bytes of what came into it, {RECORDS} a window, less what the look at the clock takes"
    )
    return [
        Figure("ring record, hot: median", "at most 2 us", tuple(medians), 2.0, beside, "us"),
        Figure("ring record, hot: 99.9 %", "at most 20 us", tuple(tails), 20.0, "", "us"),
    ]
