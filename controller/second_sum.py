"""A second sum of the same counters by another way: where a counter stands less where it stood, whole turns counted, in integers; dose as exact fractions.
It knows which samples the kernel took and nothing of how it added them; two sums that differ are words, and whoever hears them ends the beam."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from controller.kernel import (
    CLOCK_1,
    CLOCK_2,
    CLOCK_US,
    COUNTING,
    COUNTING_US,
    LAST_HOST,
    LAST_US,
    MASK32,
    REBASED,
    SUM_1,
    SUM_2,
)

TURN_US: Final = MASK32 + 1
US_A_SECOND: Final = 1_000_000
WITHIN: Final = Fraction(1, 10**9)
"""How near a dose in floating point must come to the exact one."""
COMPARED: Final = (
    ("counts of channel 1", SUM_1),
    ("counts of channel 2", SUM_2),
    ("us of the unit's clock", CLOCK_US),
    ("us of counting", COUNTING_US),
)
"""What `figures` are called, and where the kernel has the same."""


class SecondSum:
    """One segment. `take` is told each sample and what the kernel made of it; `words` say what once differed, and go on saying it."""

    def __init__(self, mask_1: int = MASK32, mask_2: int = MASK32) -> None:
        self.words = ""
        self._turn_1, self._turn_2 = mask_1 + 1, mask_2 + 1
        self._host_us: int | None = None
        self._sample_us = self._clock_us = self._ahead_us = 0
        self._counts_1 = self._counts_2 = 0
        self._ahead_1 = self._ahead_2 = 0
        self._counting = False
        self._closed_us = 0

    def take(self, host_us: int, sample_us: int, counts_1: int, counts_2: int, flags: int, counted: list[int]) -> None:
        """One sample, and the kernel's state after it; a sample that the kernel refused is none here either."""
        if host_us == self._host_us or counted[LAST_HOST] != host_us or counted[LAST_US] != sample_us:
            return
        sample_us, counts_1, counts_2 = sample_us % TURN_US, counts_1 % self._turn_1, counts_2 % self._turn_2
        if self._host_us is None:
            self._ahead_us, self._ahead_1, self._ahead_2 = -sample_us, -counts_1, -counts_2
            self._counts_1, self._counts_2 = counts_1, counts_2
        elif flags & REBASED:
            self._ahead_us = self._clock_us + host_us - self._host_us - sample_us
        elif sample_us < self._sample_us:
            self._ahead_us += TURN_US
        self._host_us, self._sample_us = host_us, sample_us
        before_us, self._clock_us = self._clock_us, self._ahead_us + sample_us
        if bool(flags & COUNTING) is not self._counting:
            self._closed_us += before_us if self._counting else -before_us
            self._counting = not self._counting
        if counted[CLOCK_1] == counted[CLOCK_US]:
            if counts_1 < self._counts_1:
                self._ahead_1 += self._turn_1
            self._counts_1 = counts_1
        if counted[CLOCK_2] == counted[CLOCK_US]:
            if counts_2 < self._counts_2:
                self._ahead_2 += self._turn_2
            self._counts_2 = counts_2
        self._compare(counted)

    @property
    def figures(self) -> tuple[int, int, int, int]:
        """Counts of channel 1 and of channel 2, the device's time and the time with counters open, us."""
        open_us = self._closed_us + (self._clock_us if self._counting else 0)
        return self._ahead_1 + self._counts_1, self._ahead_2 + self._counts_2, self._clock_us, open_us

    def _compare(self, counted: list[int]) -> None:
        if self.words:
            return
        for (name, place), own in zip(COMPARED, self.figures, strict=True):
            if own != counted[place]:
                self.words = f"the dose kernel has {counted[place]} {name}, the second sum {own}"
                return

    def check_dose(self, channel: int, said_mgy: float, mgy_per_count: float, leak_cps: float, k: float) -> Fraction:
        """What this channel's counts stand for, exactly; words where the dose that was said is not that."""
        figures = self.figures
        exact = exact_mgy(figures[channel - 1], figures[3], mgy_per_count, leak_cps, k)
        if not self.words and not abs(Fraction(said_mgy) - exact) <= WITHIN * max(exact, Fraction(1)):
            self.words = f"channel {channel} was said to be {said_mgy!r} mGy, the second sum is {float(exact)!r} mGy"
        return exact


def exact_mgy(counts: int, counting_us: int, mgy_per_count: float, leak_cps: float, k: float) -> Fraction:
    """Dose of a chamber channel, mGy: the rule of controller/channels.py with nothing rounded."""
    net = counts - Fraction(leak_cps) * counting_us / US_A_SECOND
    return max(Fraction(0), net * Fraction(mgy_per_count) * Fraction(k))
