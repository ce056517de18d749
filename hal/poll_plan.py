"""What is asked how often on one wire, and the oldest that each value may get: the round is run on paper from the wire's speed.
It sends nothing and knows no device; an age counts from the sending of a request to the moment when the next reply replaces it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

BITS_A_CHARACTER: Final = 10
ROUNDS: Final = 12
NEVER: Final = -math.inf
T1_S: Final = 0.1
"""From an event at a device to off-bytes sent."""
LEAST_S: Final = 0.05
POLLS: Final = 2.0
"""One lost reply is borne, two are not (engineering-G10)."""
LATE_TICKS: Final = 2.0
"""A wire that is so slow that it misses T1 anyway: what an ON, an off or a lost reply may add to its plan."""


@dataclass(frozen=True)
class Poll:
    """One question of the round: bytes there and back, the device's turnaround, and its period (0 = whenever the wire is free)."""

    name: str
    sends_b: int
    answers_b: int
    turnaround_s: float
    every_s: float = 0.0

    def takes_s(self, baud: int) -> float:
        """From the first byte sent to the last byte of the reply; baud 0 is a network, where the turnaround is all."""
        return self.turnaround_s + (BITS_A_CHARACTER * (self.sends_b + self.answers_b) / baud if baud else 0.0)


def due(polls: Sequence[Poll], asked_at: Mapping[str, float], now: float, after_extra: bool = False) -> Poll | None:
    """The poll that is most overdue: a periodic one whose time has come, else the free-running one that waited longest.

    `after_extra`: the last thing sent was no free-running poll. Then one goes first, so that these never wait for more than one request.
    """
    best: Poll | None = None
    best_key = (-1, 0.0)
    for poll in polls:
        waited = now - asked_at.get(poll.name, NEVER)
        if poll.every_s and waited < poll.every_s - 1e-9:
            continue
        key = (1 if bool(poll.every_s) is not after_extra else 0, waited)
        if key > best_key:
            best, best_key = poll, key
    return best


def turn_s(poll: Poll, baud: int, tick_s: float) -> float:
    """How long a request has the wire: its reply is seen at the first tick after it has come."""
    return math.ceil(poll.takes_s(baud) / tick_s + 1e-9) * tick_s


def bound_s(worst_s: float, tick_s: float) -> float:
    """The oldest that a value may be at a look before what stands on it counts as unknown: within T1 two polls, but never so young that a sound wire
    could not keep up. A rule judges by it, and a driver asks in time for it."""
    wished = max(LEAST_S, POLLS * (worst_s + tick_s))
    return max(min(T1_S - tick_s, wished), worst_s + LATE_TICKS * tick_s)


def plan(baud: int, polls: Sequence[Poll], tick_s: float) -> dict[str, float]:
    """The worst age of each poll's value in seconds, with one request outstanding and requests sent on ticks only.

    Two whole periods of the slowest poll are run; the first round is left out, as nothing is old before it.
    """
    return dict(_plan(baud, tuple(polls), tick_s))


@lru_cache(maxsize=64)
def _plan(baud: int, polls: tuple[Poll, ...], tick_s: float) -> Mapping[str, float]:
    span = 2.0 * max((poll.every_s for poll in polls), default=0.0)
    span += ROUNDS * sum(turn_s(poll, baud, tick_s) for poll in polls)
    asked: dict[str, float] = {}
    worst = {poll.name: 0.0 for poll in polls}
    tick, busy_until, extra = 0, 0.0, False
    while tick * tick_s <= span:
        now = tick * tick_s
        poll = due(polls, asked, now, extra) if busy_until <= now + 1e-9 else None
        if poll is not None:
            busy_until = now + poll.takes_s(baud)
            # Seen at the first tick after it has come.
            seen = math.ceil(busy_until / tick_s - 1e-9) * tick_s
            if poll.name in asked:
                worst[poll.name] = max(worst[poll.name], seen - asked[poll.name])
            asked[poll.name] = now
            extra = bool(poll.every_s)
        tick += 1
    return worst
