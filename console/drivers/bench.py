"""A driver on its link, turned tick by tick as a rig turns it, while every byte that passes is stamped: how long the device takes, how old values get.
It knows no protocol and no device, and never says ON: it asks, takes, and passes on an off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from hal.clock import Clock
from hal.poll_plan import BITS_A_CHARACTER
from hal.readings import Link
from hal.registry import OpenPipe
from hal.transport import Gone, Pipe
from hal.units import Seconds

WATCH_S: Final = 0.001
"""How often the wire is looked at between two ticks; a turnaround is known no better than this."""
SLOT_S: Final = 0.002
ROUNDING_S: Final = 1e-6
"""Sums of ticks are no closer than this."""


class Subject(Protocol):
    """What is checked: a driver, whatever its kind, with the verbs that need no HV. `off` is False where the kind has none."""

    @property
    def identified(self) -> bool: ...

    @property
    def mismatch(self) -> str | None: ...

    def ask(self, now: Seconds, may_open: bool) -> None: ...

    def take(self, now: Seconds) -> None: ...

    def off(self, now: Seconds, at_once: bool) -> bool: ...

    def link(self, now: Seconds) -> Link: ...

    def asked_at_s(self, reading: str) -> float | None: ...


class Known(Protocol):
    """Who a device says that it is."""

    @property
    def mismatch(self) -> str | None: ...


class Driver(Protocol):
    """What the drivers of all kinds have."""

    @property
    def identified(self) -> bool: ...

    @property
    def identity(self) -> Known | None: ...

    def take(self, now: Seconds) -> None: ...

    def link(self, now: Seconds) -> Link: ...


S = TypeVar("S", bound=Subject)
D = TypeVar("D", bound=Driver)


class DriverSubject(Generic[D]):
    """A driver as a Subject, but for what its kind does in its own way: how it is asked, its off, its readings."""

    def __init__(self, driver: D) -> None:
        self.driver = driver

    @property
    def identified(self) -> bool:
        return self.driver.identified

    @property
    def mismatch(self) -> str | None:
        return None if self.driver.identity is None else self.driver.identity.mismatch

    def take(self, now: Seconds) -> None:
        self.driver.take(now)

    def link(self, now: Seconds) -> Link:
        return self.driver.link(now)


@dataclass
class Wiretap:
    """What passed on all pipes of one driver: chunks sent, turnarounds, and whether the plug is out or the peer is dead (half open)."""

    baud: int
    sent: list[bytes] = field(default_factory=list)
    turnarounds_s: list[float] = field(default_factory=list)
    opened: int = 0
    dead: bool = False
    pulled: bool = False


class Tap:
    """A pipe that stamps what passes. Reading ahead is only for the stamp: the driver gets its bytes when it asks for them."""

    def __init__(self, pipe: Pipe, wiretap: Wiretap, clock: Clock) -> None:
        self._pipe, self._tap, self._clock = pipe, wiretap, clock
        self._held = b""
        self._gone: Gone | None = None
        self._sent_at_s: float | None = None
        self._sent_b = 0
        self._mixed = False

    @property
    def fd(self) -> int | None:
        return self._pipe.fd

    def look(self) -> None:
        """Take what is there, and note when a reply began."""
        if self._gone is not None or self._tap.pulled:
            return
        try:
            came = self._pipe.take()
        except Gone as why:
            self._gone = why
            return
        if not came or self._tap.dead:
            return
        self._held += came
        if self._sent_at_s is not None:
            self._stamp(self._clock.monotonic() - self._sent_at_s)

    def _stamp(self, waited_s: float) -> None:
        """One reply to one request; where an off went out behind another request nobody knows whose the reply is."""
        bits = BITS_A_CHARACTER * (self._sent_b + 1)
        if not self._mixed:
            self._tap.turnarounds_s.append(max(0.0, waited_s - (bits / self._tap.baud if self._tap.baud else 0.0)))
        self._sent_at_s, self._mixed = None, False

    def take(self) -> bytes:
        self._out()
        self.look()
        held, self._held = self._held, b""
        if not held and self._gone is not None:
            raise self._gone
        return held

    def send(self, data: bytes) -> int:
        self._out()
        if self._tap.dead:
            return len(data)
        taken = self._pipe.send(data)
        if taken:
            self._tap.sent.append(data[:taken])
            self._mixed = self._mixed or self._sent_at_s is not None
            self._sent_at_s, self._sent_b = self._clock.monotonic(), taken
        return taken

    def _out(self) -> None:
        if self._tap.pulled:
            self._pipe.close()
            raise Gone("the check has pulled the plug")

    def close(self) -> None:
        self._pipe.close()


class Bench(Generic[S]):
    """One driver and its wire; `make` gets the opener of its pipes."""

    def __init__(self, make: Callable[[OpenPipe], S], open_pipe: OpenPipe, clock: Clock, baud: int, tick_s: float) -> None:  # fmt: skip
        self.clock = clock
        self.tick_s = tick_s
        self.tap = Wiretap(baud)
        self.late_ticks = 0
        self.questions = 0
        """How many chunks had been sent when it became known who the device is."""
        self.watched: tuple[str, ...] = ()
        self.ages_s: dict[str, float] = {}
        self._open_pipe = open_pipe
        self._taps: list[Tap] = []
        self._next_s: float = clock.monotonic()
        self.subject = make(self._open)

    def _open(self, link: str, baud: int) -> Pipe:
        if self.tap.pulled:
            raise Gone("the check has pulled the plug")
        tap = Tap(self._open_pipe(link, baud), self.tap, self.clock)
        self.tap.opened += 1
        self._taps.append(tap)
        return tap

    @property
    def now(self) -> Seconds:
        return self.clock.monotonic()

    def tick(self, may_open: bool = True) -> None:
        """Ask, take within the slot, then watch the wire until the next tick. A tick that comes late is counted, never made up."""
        unknown, sent = self.subject.mismatch is None, len(self.tap.sent)
        self.subject.ask(self.now, may_open)
        if self.subject.mismatch is None:
            sent = len(self.tap.sent)
        if unknown:
            self.questions = sent
        self._watch(self.now + min(SLOT_S, self.tick_s / 5.0))
        self.subject.take(self.now)
        self._note_ages()
        self._next_s += self.tick_s
        if self.now > self._next_s + ROUNDING_S:
            self.late_ticks += 1
            self._next_s = self.now
        self._watch(self._next_s)

    def ticks(self, seconds: float, may_open: bool = True) -> Iterator[Seconds]:
        """Turn for so long; gives the time after each tick's take, so that a caller may look and end it."""
        until = self.now + seconds
        while self.now < until:
            self.tick(may_open)
            yield self.now

    def until(self, seconds: float, reached: Callable[[], object], may_open: bool = True) -> bool:
        """Turn until something is so; False when it was not within so many seconds."""
        return bool(reached()) or any(reached() for _ in self.ticks(seconds, may_open))

    def _note_ages(self) -> None:
        """The oldest that each watched reading was when a tick would have judged it."""
        for reading in self.watched:
            asked_at = self.subject.asked_at_s(reading)
            if asked_at is not None:
                self.ages_s[reading] = max(self.ages_s.get(reading, 0.0), self.now - asked_at)

    def pull(self) -> None:
        """Out with the plug: every pipe is closed, and none opens until `plug`."""
        self.tap.pulled = True
        self.close()

    def plug(self) -> None:
        self.tap.pulled = False
        self._next_s = self.now

    def close(self) -> None:
        for tap in self._taps:
            tap.close()

    def _watch(self, until_s: float) -> None:
        while self.now < until_s - ROUNDING_S:
            for tap in self._taps[-2:]:
                tap.look()
            self.clock.sleep_until(Seconds(min(until_s, self.now + WATCH_S)))
