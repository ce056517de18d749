"""When a tick begins, how long it may wait for replies, and how late it was; absolute deadlines, late ticks skipped and counted, never made up.
It counts lateness and judges none; what punctuality needs of the kernel is asked for in controller/kernel_asked.py."""

from __future__ import annotations

import contextlib
import select
from typing import Final, Protocol

from controller.lateness import Lateness
from hal.clock import Clock
from hal.units import Seconds

SLOT_S: Final = 0.002
SLOT_PART: Final = 0.2
LATE_PART: Final = 0.5
"""A tick that begins later than this part of a tick after its deadline is late."""
STOLEN_S: Final = 0.015
"""A wake-up this late was not the program's doing at any load it makes itself: the machine was taken away."""


class Pace(Protocol):
    """The loop's only waits. `late` counts late ticks in a row, `skipped` those left out since the start, `late_us` is how late this tick began,
    `stolen_s` the worst lateness."""

    late: int
    late_us: float
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

    def histogram(self) -> tuple[int, ...]:
        """How many ticks since the start were how late, by the bins of controller/lateness.py."""
        ...


class KernelPace:
    """Absolute deadlines on the kernel's monotonic clock; the slot waits in select, which counts microseconds where poll counts milliseconds."""

    def __init__(self, clock: Clock, tick_s: float) -> None:
        self._clock = clock
        self._tick_s = tick_s
        self._slot_s = min(SLOT_S, SLOT_PART * tick_s)
        self._deadline = clock.monotonic() + tick_s
        self._lateness = Lateness()
        self.late = 0
        self.late_us = 0.0
        self.skipped = 0
        self.stolen_s = 0.0

    def next(self) -> Seconds:
        self._clock.sleep_until(Seconds(self._deadline))
        now = self._clock.monotonic()
        late_s = now - self._deadline
        self.late_us = late_s * 1e6
        self._lateness.add(self.late_us)
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

    def histogram(self) -> tuple[int, ...]:
        return self._lateness.counts()
