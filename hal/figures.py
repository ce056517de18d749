"""How one wire has fared, in figures: what was sent and what became of it, and how old replies and readings were, in buckets of fixed number.
It judges none of them; they only rise, so that any stretch of time is the difference of two."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import msgspec

EDGES_MS: Final = (
    0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 70.0, 100.0, 150.0, 200.0, 300.0, 500.0, 700.0,
    1000.0, 2000.0, 5000.0, math.inf,
)  # fmt: skip
_EDGES_S: Final = tuple(edge / 1000.0 for edge in EDGES_MS)


class Histogram:
    """Durations counted by bucket; keeping it costs nothing that grows."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = [0] * len(EDGES_MS)

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(_EDGES_S, seconds)] += 1

    def counts(self) -> tuple[int, ...]:
        """How many fell into each bucket so far."""
        return tuple(self._counts)


class Spread(msgspec.Struct, frozen=True, array_like=True):
    """Median, 99th percentile and worst in ms, each the upper edge of its bucket (infinite: above the last); None where nothing was counted."""

    median_ms: float | None = None
    p99_ms: float | None = None
    worst_ms: float | None = None

    def words(self) -> str:
        if self.median_ms is None or self.p99_ms is None or self.worst_ms is None:
            return "none"
        return "/".join(_ms(value) for value in (self.median_ms, self.p99_ms, self.worst_ms)) + " ms"


def spread(counts: Sequence[int]) -> Spread:
    """What a histogram's counts say."""
    reached = list(accumulate(counts))
    total = reached[-1] if reached else 0
    if not total:
        return Spread()
    half, most = bisect_left(reached, 0.5 * total), bisect_left(reached, 0.99 * total)
    return Spread(EDGES_MS[half], EDGES_MS[most], EDGES_MS[bisect_left(reached, total)])


def _risen(now: Sequence[int], before: Sequence[int]) -> list[int]:
    return [a - b for a, b in zip(now, before, strict=True)]


def _ms(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else f">{EDGES_MS[-2]:g}"


class LinkFigures(msgspec.Struct, frozen=True, gc=False):
    """One wire since this process began. `late`: no reply before the deadline; `bad`: damaged, foreign or unasked; `refused`: refused or busy;
    `resyncs`: silence and a fence were needed; `opened`: openings. `replies` and `ages` are histograms: from the sending of a request to its reply,
    and of the newest good reply at each tick's reading."""

    sent: int = 0
    good: int = 0
    late: int = 0
    bad: int = 0
    refused: int = 0
    resyncs: int = 0
    opened: int = 0
    troubles: int = 0
    replies: tuple[int, ...] = (0,) * len(EDGES_MS)
    ages: tuple[int, ...] = (0,) * len(EDGES_MS)
    last_trouble: str = ""


class LinkSummary(msgspec.Struct, frozen=True):
    """The same for people and records, of one link and one stretch of time; `opened` counts openings after the first."""

    link: str
    sent: int
    good: int
    late: int
    bad: int
    refused: int
    resyncs: int
    reopened: int
    reply: Spread
    age: Spread
    last_trouble: str

    def words(self) -> str:
        last = f"; last trouble: {self.last_trouble}" if self.last_trouble else ""
        return (
            f"{self.link}: {self.good} of {self.sent} good, {self.late} late, {self.bad} bad, {self.refused} refused, {self.resyncs} re-syncs, "
            f"{self.reopened} reopenings; reply {self.reply.words()}, reading {self.age.words()} (median/p99/worst){last}"
        )


def summary(link: str, now: LinkFigures, before: LinkFigures | None = None) -> LinkSummary:
    """What happened between two looks, or since the process began."""
    since = before if before is not None else LinkFigures(opened=min(1, now.opened))
    return LinkSummary(
        link=link,
        sent=now.sent - since.sent,
        good=now.good - since.good,
        late=now.late - since.late,
        bad=now.bad - since.bad,
        refused=now.refused - since.refused,
        resyncs=now.resyncs - since.resyncs,
        reopened=now.opened - since.opened,
        reply=spread(now.replies if before is None else _risen(now.replies, before.replies)),
        age=spread(now.ages if before is None else _risen(now.ages, before.ages)),
        last_trouble=now.last_trouble if now.troubles > since.troubles else "",
    )
