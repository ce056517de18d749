"""The safety unit's two dose channels as rates: windows of 10 ms, the last 100 ms, and the three rules that live on them (RATE, NO_DOSE, DISAGREE).
It knows pulses, not their dose, and ends nothing itself: it says which causes are true."""

from __future__ import annotations

from typing import Final

from simulators.seam import UnitInputs
from simulators.unit_limits import CommittedSet
from simulators.unit_map import MASK32, Cause

DISAGREE_WINDOWS: Final = 50
DISAGREE_FLOOR_COUNTS: Final = 100


class Chambers:
    """add() in each scan that has pulses, window() each 10 ms; rates are counts in the last 100 ms."""

    __slots__ = (
        "_alive_1_ms", "_alive_2_ms", "_at", "_compared", "_over", "_ring_1", "_ring_2", "bits", "bucket_1", "bucket_2", "hv",
        "live_1", "live_2", "rate_1", "rate_2",
    )  # fmt: skip

    def __init__(self) -> None:
        self.bucket_1 = self.bucket_2 = self.rate_1 = self.rate_2 = 0
        self._ring_1, self._ring_2, self._at = [0] * 10, [0] * 10, 0
        self.live_1 = self.live_2 = self.hv = False
        self.start_run(0, 0)

    def start_run(self, counts_1: int, counts_2: int) -> None:
        """The press: nothing is known of this RUN yet."""
        self._over = self.bits = 0
        self.start_beam(0, counts_1, counts_2)

    def start_beam(self, run_ms: int, counts_1: int, counts_2: int) -> None:
        """HV was seen first: from now on both channels must live and agree."""
        self._alive_1_ms = self._alive_2_ms = run_ms
        self._compared = (0, counts_1, counts_2)

    def window(self, threshold: int, inputs: UnitInputs) -> tuple[int, int]:
        """Close a window of 10 ms; returns its counts. Sets rates, and hv: a channel above the threshold in 100 ms, or saturated."""
        c1, c2, at = self.bucket_1, self.bucket_2, self._at
        self.bucket_1 = self.bucket_2 = 0
        self._at = at + 1 if at < 9 else 0
        self.rate_1 += c1 - self._ring_1[at]
        self.rate_2 += c2 - self._ring_2[at]
        self._ring_1[at], self._ring_2[at] = c1, c2
        self.live_1 = self.rate_1 > threshold or inputs.saturated_1
        self.live_2 = self.rate_2 > threshold or inputs.saturated_2
        self.hv = self.live_1 or self.live_2
        return c1, c2

    def judge(
        self,
        c1: int,
        c2: int,
        run_ms: int,
        beam: bool,
        counts: tuple[int, int],
        limits: CommittedSet,
        inputs: UnitInputs,
    ) -> None:
        """In RUN, after window(): gather the causes that are true into bits. beam: HV has been seen in this RUN."""
        if self.live_1:
            self._alive_1_ms = run_ms
        if self.live_2:
            self._alive_2_ms = run_ms
        self._over = self._over + 1 if _too_fast(c1, c2, limits, inputs) else 0
        if self._over >= 2:
            self.bits |= 1 << Cause.RATE
        if not beam:
            return
        if limits.no_dose_ms and run_ms - min(self._alive_1_ms, self._alive_2_ms) > limits.no_dose_ms:
            self.bits |= 1 << Cause.NO_DOSE
        windows, from_1, from_2 = self._compared
        if windows + 1 < DISAGREE_WINDOWS:
            self._compared = (windows + 1, from_1, from_2)
            return
        self._compared = (0, *counts)
        if _disagree((counts[0] - from_1) & MASK32, (counts[1] - from_2) & MASK32, limits):
            self.bits |= 1 << Cause.DISAGREE


def _too_fast(c1: int, c2: int, limits: CommittedSet, inputs: UnitInputs) -> bool:
    """Whether a channel counted more in 10 ms than committed. The limit is channel 1's; for channel 2 it is scaled by the two committed count limits."""
    limit = limits.rate_limit_10ms
    if not limit:
        return False
    if c1 > limit or inputs.saturated_1 or inputs.saturated_2:
        return True
    p1, l2 = limits.count_preset_1, limits.count_limit_2
    return c2 * p1 > limit * l2 if p1 and l2 else c2 > limit


def _disagree(d1: int, d2: int, limits: CommittedSet) -> bool:
    """Coarse comparison, each channel as a part of its own committed count limit, so that the converters' scales may differ."""
    p1, l2 = limits.count_preset_1, limits.count_limit_2
    if not (limits.disagree_permille and p1 and l2) or max(d1, d2) < DISAGREE_FLOOR_COUNTS:
        return False
    return abs(d1 * l2 - d2 * p1) * 1000 > limits.disagree_permille * max(d1 * l2, d2 * p1)
