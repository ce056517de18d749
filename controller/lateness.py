"""How late ticks began, counted in bins, so that keeping it costs nothing that grows; the same counts are shown, recorded and put into words.
It measures nothing and judges nothing."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

BINS_US: Final = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000)
"""Upper edges of the histogram's bins; what is beyond the last is counted in it."""
NOTHING: Final = (0,) * len(BINS_US)
"""No tick was timed, as in virtual time."""


class Lateness:
    """A histogram of fixed size, so that keeping it costs nothing that grows."""

    def __init__(self) -> None:
        self._bins = [0] * len(BINS_US)
        self.worst_us = 0.0

    def add(self, late_us: float) -> None:
        """Count one wake-up."""
        if late_us > self.worst_us:
            self.worst_us = late_us
        self._bins[min(bisect_left(BINS_US, late_us), len(BINS_US) - 1)] += 1

    def counts(self) -> tuple[int, ...]:
        """By bin, since the start."""
        return tuple(self._bins)

    def quantile_us(self, part: float) -> float:
        """Upper edge of the bin in which this part of all wake-ups is reached."""
        return quantile_us(self._bins, part)


def quantile_us(counts: Sequence[int], part: float) -> float:
    """Upper edge of the bin of BINS_US in which this part of all that was counted is reached."""
    reached, need = 0, part * sum(counts)
    for count, edge in zip(counts, BINS_US, strict=True):
        reached += count
        if reached >= need:
            return float(edge)
    return float(BINS_US[-1])


def words(counts: Sequence[int], skipped: int) -> str:
    """The histogram in one line: within how much half, 99 of 100, 999 of 1000 and all of the ticks began."""
    total = sum(counts)
    if not total:
        return "no tick was timed"
    parts = [f"{part:g} % {_within(quantile_us(counts, part / 100))}" for part in (50, 99, 99.9, 100)]
    return f"{total} ticks, {', '.join(parts)}; {skipped} skipped"


def _within(edge_us: float) -> str:
    return f"within {edge_us:.0f} us" if edge_us < BINS_US[-1] else f"more than {BINS_US[-2]} us late"
