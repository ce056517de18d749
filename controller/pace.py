"""When a tick begins, how long it may wait for replies, and how late it was; absolute deadlines, late ticks skipped and counted, never made up.
It asks the kernel for what punctuality needs and says plainly what it did not get."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import select
from typing import Final, Protocol

from controller.blob import Scheduling
from hal.clock import Clock
from hal.units import Seconds

SLOT_S: Final = 0.002
SLOT_PART: Final = 0.2
LATE_PART: Final = 0.5
"""A tick that begins later than this part of a tick after its deadline is late."""
STOLEN_S: Final = 0.015
"""A wake-up this late was not the program's doing at any load it makes itself: the machine was taken away."""
BINS_US: Final = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000)

RTTIME_US: Final = 200_000
"""A real-time process that computes this long without waiting is ended by the kernel; the safety unit's lease then ends the beam."""

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


class Pace(Protocol):
    """The loop's only waits. `late` counts late ticks in a row, `skipped` those left out since the start, `stolen_s` the worst lateness."""

    late: int
    skipped: int
    stolen_s: float

    def next(self) -> Seconds:
        """Wait for the next tick's deadline; returns the time at which the tick begins."""
        ...

    def slot(self, fds: tuple[int, ...]) -> Seconds:
        """Wait at most one slot for a reply on one of these descriptors; returns the time then."""
        ...

    def now(self) -> Seconds:
        """The time, for what must be stamped outside a tick."""
        ...

    def lateness_us(self) -> tuple[float, float, float]:
        """Median, 99th percentile (upper bin edges) and worst lateness since the start, in microseconds."""
        ...


class Lateness:
    """A histogram of fixed size, so that keeping it costs nothing that grows."""

    def __init__(self) -> None:
        self._bins = [0] * len(BINS_US)
        self._total = 0
        self.worst_us = 0.0

    def add(self, late_us: float) -> None:
        """Count one wake-up."""
        self._total += 1
        self.worst_us = max(self.worst_us, late_us)
        for index, edge in enumerate(BINS_US):
            if late_us <= edge:
                self._bins[index] += 1
                return
        self._bins[-1] += 1

    def quantile_us(self, part: float) -> float:
        """Upper edge of the bin in which this part of all wake-ups is reached."""
        reached, need = 0, part * self._total
        for count, edge in zip(self._bins, BINS_US, strict=True):
            reached += count
            if reached >= need:
                return float(edge)
        return float(BINS_US[-1])


class KernelPace:
    """Absolute deadlines on the kernel's monotonic clock; the slot waits in select, which counts microseconds where poll counts milliseconds."""

    def __init__(self, clock: Clock, tick_s: float) -> None:
        self._clock = clock
        self._tick_s = tick_s
        self._slot_s = min(SLOT_S, SLOT_PART * tick_s)
        self._deadline = clock.monotonic() + tick_s
        self._lateness = Lateness()
        self.late = 0
        self.skipped = 0
        self.stolen_s = 0.0

    def next(self) -> Seconds:
        self._clock.sleep_until(Seconds(self._deadline))
        now = self._clock.monotonic()
        late_s = now - self._deadline
        self._lateness.add(late_s * 1e6)
        self.stolen_s = max(self.stolen_s, late_s)
        self.late = self.late + 1 if late_s > LATE_PART * self._tick_s else 0
        missed = int(late_s / self._tick_s)
        self.skipped += missed
        self._deadline += (missed + 1) * self._tick_s
        return now

    def slot(self, fds: tuple[int, ...]) -> Seconds:
        if fds:
            with contextlib.suppress(OSError, ValueError):
                select.select(fds, (), (), self._slot_s)
        return self._clock.monotonic()

    def now(self) -> Seconds:
        return self._clock.monotonic()

    def restart(self) -> None:
        """The first deadline is a tick from now: what came before was start-up."""
        self._deadline = self._clock.monotonic() + self._tick_s

    def lateness_us(self) -> tuple[float, float, float]:
        hist = self._lateness
        return hist.quantile_us(0.5), hist.quantile_us(0.99), hist.worst_us


def ask_kernel(scheduling: Scheduling) -> tuple[str, ...]:
    """SCHED_FIFO, one CPU, locked memory, collector frozen and off; returns what could not be had, in words (empty: all of it)."""
    lacking: list[str] = []
    gc.collect()
    gc.freeze()
    gc.disable()
    if scheduling.cpu >= 0:
        try:
            os.sched_setaffinity(0, {scheduling.cpu})
        except OSError as error:
            lacking.append(f"CPU {scheduling.cpu}: {error.strerror}")
    if scheduling.fifo_priority:
        resource.setrlimit(resource.RLIMIT_RTTIME, (RTTIME_US, RTTIME_US))
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(scheduling.fifo_priority))
        except OSError as error:
            lacking.append(
                f"SCHED_FIFO priority {scheduling.fifo_priority}: {error.strerror} (needs CAP_SYS_NICE or rtprio)"
            )
    if scheduling.lock_memory:
        lacking.extend(_lock_memory())
    return tuple(lacking)


def _lock_memory() -> list[str]:
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if os.geteuid() != 0 and soft != resource.RLIM_INFINITY:
        return [f"locked memory: limit is {soft} bytes, unlimited is needed (memlock)"]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        return [f"locked memory: {os.strerror(ctypes.get_errno())}"]
    return []
