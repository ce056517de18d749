"""A second sum of the same counters by another way: where a counter stands less where it stood, whole turns counted, in integers; dose as exact fractions.
It judges by itself which samples count and knows nothing of how the kernel did; two sums that differ are words, and whoever hears them ends the beam."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from controller.kernel import (
    BAD_COUNTS,
    CLOCK_1,
    CLOCK_2,
    CLOCK_US,
    COUNTING,
    COUNTING_US,
    MASK32,
    PENDING_1,
    PENDING_2,
    REBASED,
    SATURATED_1,
    SATURATED_2,
    SUM_1,
    SUM_2,
)

TURN_US: Final = MASK32 + 1
US_A_SECOND: Final = 1_000_000
SLACK_COUNTS: Final = 5
"""Single counts in a short time are no jump. The kernel is told its own (controller/dose.py): said twice, so that one that is wrong is seen."""
PARTS: Final = 1 << 64
"""A rate is an integer in this part of a count a microsecond."""
ROUNDING: Final = 40
"""A jump that is within 2^-40 of its bound: the kernel multiplies in floating point, and may say either."""
WITHIN: Final = Fraction(1, 10**9)
"""How near a dose in floating point must come to the exact one."""
COMPARED: Final = (
    ("counts of channel 1", SUM_1),
    ("counts of channel 2", SUM_2),
    ("us of the unit's clock", CLOCK_US),
    ("us of counting", COUNTING_US),
    ("bad samples", BAD_COUNTS),
    ("unseen counts of channel 1", PENDING_1),
    ("unseen counts of channel 2", PENDING_2),
)
"""What `figures` and `refused` are called, and where the kernel has the same."""


def most_of(times: float, r0_mgy_per_s: float, mgy_per_count: float) -> int:
    """The fastest that a counter may run, in parts of a count a microsecond: so many times the rate of the beam, nothing rounded but the last part."""
    return int(Fraction(times) * Fraction(r0_mgy_per_s) * PARTS / (Fraction(mgy_per_count) * US_A_SECOND))


class _Channel:
    """One counter: where it stood when it last counted, whole turns before that, and what a sample that did not count would have added."""

    def __init__(self, most: int, mask: int) -> None:
        self.unseen = 0
        self._most, self._turn = most, mask + 1
        self._counts = self._ahead = self._at_us = 0

    @property
    def sum(self) -> int:
        return self._ahead + self._counts

    def base(self, counts: int) -> None:
        """The first sample: all is counted from here."""
        self._counts = counts % self._turn
        self._ahead = -self._counts

    def take(self, counts: int, clock_us: int, saturated: int, kernel_took: bool) -> bool:
        """Whether this sample counts; the kernel is asked only where its rounding decides."""
        counts %= self._turn
        ahead = self._ahead + self._turn if counts < self._counts else self._ahead
        grown = ahead + counts - self.sum
        over = (grown - SLACK_COUNTS) * PARTS - self._most * (clock_us - self._at_us)
        near = grown * PARTS >> ROUNDING
        if saturated or over > near or (over >= -near and not kernel_took):
            self.unseen = grown if 2 * grown < self._turn else 0
            return False
        self._counts, self._ahead, self._at_us, self.unseen = counts, ahead, clock_us, 0
        return True


class SecondSum:
    """One segment. `take` is told each sample and what the kernel has after it; `words` say what once differed, and go on saying it."""

    def __init__(self, most_1: int, most_2: int, mask_1: int = MASK32, mask_2: int = MASK32) -> None:
        self.words = ""
        self._one, self._two = _Channel(most_1, mask_1), _Channel(most_2, mask_2)
        self._host_us: int | None = None
        self._sample_us = self._clock_us = self._ahead_us = 0
        self._counting = False
        self._closed_us = 0
        self._bad = 0

    def take(self, host_us: int, sample_us: int, counts_1: int, counts_2: int, flags: int, counted: list[int]) -> None:
        """One sample, and the kernel's state after it, with which it is compared."""
        sample_us %= TURN_US
        if self._host_us is None:
            self._host_us, self._sample_us, self._ahead_us = host_us, sample_us, -sample_us
            self._one.base(counts_1)
            self._two.base(counts_2)
        elif not self._timed(host_us - self._host_us, sample_us, flags):
            self._bad += 1
        else:
            self._host_us = host_us
            took_1, took_2 = (counted[place] == counted[CLOCK_US] for place in (CLOCK_1, CLOCK_2))
            good_1 = self._one.take(counts_1, self._clock_us, flags & SATURATED_1, took_1)
            good_2 = self._two.take(counts_2, self._clock_us, flags & SATURATED_2, took_2)
            self._bad += not (good_1 and good_2)
        self._compare(counted)

    def _timed(self, later_us: int, sample_us: int, flags: int) -> bool:
        """Both clocks went on, the unit's by less than half a turn; one that began anew went on as the host's did. Then its time is counted."""
        ahead_us = self._ahead_us
        if flags & REBASED:
            ahead_us = self._clock_us + later_us - sample_us
        elif sample_us < self._sample_us:
            ahead_us += TURN_US
        before_us, clock_us = self._clock_us, ahead_us + sample_us
        if later_us <= 0 or not before_us < clock_us < before_us + TURN_US // 2:
            return False
        self._ahead_us, self._sample_us, self._clock_us = ahead_us, sample_us, clock_us
        if bool(flags & COUNTING) is not self._counting:
            self._closed_us += before_us if self._counting else -before_us
            self._counting = not self._counting
        return True

    @property
    def figures(self) -> tuple[int, int, int, int]:
        """Counts of channel 1 and of channel 2, the device's time and the time with counters open, us."""
        open_us = self._closed_us + (self._clock_us if self._counting else 0)
        return self._one.sum, self._two.sum, self._clock_us, open_us

    @property
    def refused(self) -> tuple[int, int, int]:
        """Samples that did not count, and what the last of them would have added to channel 1 and to channel 2."""
        return self._bad, self._one.unseen, self._two.unseen

    def _compare(self, counted: list[int]) -> None:
        if self.words:
            return
        for (name, place), own in zip(COMPARED, (*self.figures, *self.refused), strict=True):
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
