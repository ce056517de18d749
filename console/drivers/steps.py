"""The steps of `kerma drivers check`, which need no HV: known before any command, off first, readings and their ages, a dead link, a pulled plug, another name.
They never say ON, ARM or measure; what each kind of device adds to them is in generator_check.py, unit_check.py and meter_check.py."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic

from console.drivers.bench import ROUNDING_S, WATCH_S, Bench, S
from hal.clock import Clock
from hal.poll_plan import Poll
from hal.registry import OpenPipe

KNOWN_S: Final = 12.0
OPENS_S: Final = 3.0
LOST_S: Final = 8.0
BACK_S: Final = 20.0
REFUSED_S: Final = 3.0
OFF_REPEATS_S: Final = 0.3
OFF_SEEN_S: Final = 2.0
"""And as long as the oldest reading of the plan takes to come: high voltage may stand on its cable for a while."""
UNSENT: Final = "THE DRIVER SAYS THAT ITS OFF HAS LEFT, and nothing but its questions passed on the wire; first: mend the driver's off"
OFF_TICKS: Final = 5
"""Behind the reply that made it known who the device is: that reply may be taken a tick late, and the off may stand in a round."""
WARM_S: Final = 1.0
"""After the first replies: a value that is read once a second has then been read."""
CHANGED: Final = "-OTHER"
"""What makes of a model or a serial number another one."""


class Outcome(Enum):
    PASS = "pass"
    FAIL = "FAIL"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Row:
    """One thing looked at, and in words what was found."""

    what: str
    outcome: Outcome
    words: str


@dataclass(frozen=True)
class Expected:
    """What the driver's plan says of this wire."""

    polls: tuple[Poll, ...]
    worst_age_s: dict[str, float]
    tick_s: float
    baud: int


Step = Callable[[], Row]


class Check(ABC, Generic[S]):
    """The steps in their order. One that shows that the device is not there, or not the one that was named, ends the rest: they are not tried."""

    def __init__(
        self,
        make: Callable[[OpenPipe], S],
        other: Callable[[OpenPipe], S],
        expected: Expected,
        open_pipe: OpenPipe,
        clock: Clock,
        seconds: float,
    ) -> None:
        self._other, self._open_pipe, self._clock = other, open_pipe, clock
        self.expected, self.seconds = expected, seconds
        self.bench = Bench(make, open_pipe, clock, expected.baud, expected.tick_s)
        self._stopped = ""
        self._questions: frozenset[str] = frozenset()
        self._peace: frozenset[str] = frozenset()

    @abstractmethod
    def steps(self) -> tuple[tuple[str, Step], ...]:
        """The names of the steps and what they do."""

    def run(self) -> tuple[Row, ...]:
        """Every step; the last word is an off, whatever went before."""
        rows: list[Row] = []
        try:
            for what, step in self.steps():
                rows.append(Row(what, Outcome.NOT_TRIED, self._stopped) if self._stopped else self._done(what, step))
        finally:
            with contextlib.suppress(Exception):  # a driver whose off raises has been found out by then
                self.bench.subject.off(self.bench.now, at_once=True)
            self.bench.close()
        return tuple(rows)

    def _done(self, what: str, step: Step) -> Row:
        try:
            return step()
        except Exception as error:  # another's driver may raise anything
            return self.stop(what, f"the driver raised {error!r}, and no wire's trouble may; first: mend the driver")

    def stop(self, what: str, words: str) -> Row:
        """A failure after which nothing else can be tried."""
        self._stopped = f"because of: {what}"
        return Row(what, Outcome.FAIL, words)

    def opens(self) -> Row:
        what = "opens"
        if not self.bench.until(OPENS_S, lambda: self.bench.tap.opened):
            return self.stop(what, f"not within {OPENS_S:g} s: {self._trouble()}; first: see that the link is there")
        return Row(what, Outcome.PASS, "the link is there")

    def known(self) -> Row:
        """Identity, before which even an off is not sent: what is off on one device may be on on another."""
        what, early = "says who it is", False

        def heard() -> bool:
            nonlocal early
            subject = self.bench.subject
            if subject.mismatch is None and not subject.identified:
                early = subject.off(self.bench.now, at_once=True) or early
            return subject.mismatch is not None

        if not self.bench.until(KNOWN_S, heard):
            return self.stop(what, f"no answer within {KNOWN_S:g} s: {self._trouble()}; first: baud, cable, address")
        self._questions = self._asked(self.bench.tap.sent[: self.bench.questions])
        if self.bench.subject.mismatch:
            return self.stop(what, f"{self.bench.subject.mismatch}; it was sent questions only")
        if early:
            return self.stop(what, "the driver let an off out before it knew the device; first: mend the driver")
        return Row(what, Outcome.PASS, self.identity_words())

    @abstractmethod
    def identity_words(self) -> str:
        """What the device says that it is."""

    @abstractmethod
    def question(self, sent: bytes) -> str:
        """What was asked, the same for the same question on any connection."""

    def off_first(self, what: str, bound_s: float, not_off: Callable[[float], str | None]) -> Row:
        """The first command is an off; repeated it changes nothing. `not_off(since)` tells by readings asked for after `since` why the device is not off, in
        words with what to do first; empty when it is off, None while there are none. What left is known by the wire, not by the driver's word."""
        bench = self.bench
        left = bench.subject.off(bench.now, at_once=True)
        for now in bench.ticks(self._off_window_s(bound_s)):
            left = left or bench.subject.off(now, at_once=False)
        if not left:
            return self.stop(
                what, f"its bytes had not left within {_ms(bound_s)} and {OFF_TICKS} ticks: {self._trouble()}"
            )
        first, sent_at = bench.tap.sent[bench.questions :], bench.now
        bench.until(OFF_SEEN_S + self._oldest_s, lambda: not_off(sent_at) == "")
        why = not_off(sent_at)
        if why is None:
            return self.stop(what, "sent, but no reading came after it")
        if why:
            return self.stop(what, f"sent, and {why}")
        self._peace = self._asked_in_peace()
        if not (self._said_off(first) and self._off_passes(bound_s)):
            return self.stop(what, UNSENT)
        return Row(what, Outcome.PASS, "sent before anything else, seen to be off, and once more")

    def _asked_in_peace(self) -> frozenset[str]:
        """What the driver sends while nobody wants anything of it, for as long as every question of its plan takes to come."""
        sent = len(self.bench.tap.sent)
        for _ in self.bench.ticks(WARM_S + max((poll.every_s for poll in self.expected.polls), default=0.0)):
            pass
        return self._asked(self.bench.tap.sent[sent:])

    def _off_passes(self, bound_s: float) -> bool:
        """Off is asked for again, and something that is no question passes on the wire."""
        sent = len(self.bench.tap.sent)
        for now in self.bench.ticks(max(OFF_REPEATS_S, self._off_window_s(bound_s))):
            self.bench.subject.off(now, at_once=False)
        return self._said_off(self.bench.tap.sent[sent:])

    @property
    def _oldest_s(self) -> float:
        return max(self.expected.worst_age_s.values(), default=0.0)

    def _off_window_s(self, bound_s: float) -> float:
        return bound_s + OFF_TICKS * self.expected.tick_s

    def _said_off(self, sent: list[bytes]) -> bool:
        return any(self.commands(chunk, self._questions | self._peace) for chunk in sent)

    def commands(self, sent: bytes, questions: frozenset[str]) -> bool:
        """Whether something was sent that is none of the driver's questions: those of identity, and what it sends in peace."""
        return self.question(sent) not in questions

    def reads(self) -> Row:
        """Poll in peace for the seconds asked for; what came is judged by the rows after this one."""
        bench, what = self.bench, "is read"
        for _ in bench.ticks(WARM_S + self._oldest_s):  # what the off held up is gone
            pass
        bench.watched, bench.late_ticks = tuple(self.expected.worst_age_s), 0
        bench.tap.turnarounds_s.clear()
        before = bench.subject.link(bench.now)
        for _ in bench.ticks(self.seconds):
            pass
        bench.watched = ()
        after = bench.subject.link(bench.now)
        good, troubles = after.good - before.good, after.troubles - before.troubles
        words = f"{good} good replies in {self.seconds:g} s, {troubles} troubles"
        if troubles or not good or after.lost:
            return Row(what, Outcome.FAIL, f"{words}; the last: {after.last_trouble or 'nothing came'}")
        return Row(what, Outcome.PASS, words)

    def turnaround(self) -> Row:
        what, said_s = "answers in time", max((poll.turnaround_s for poll in self.expected.polls), default=0.0)
        times = sorted(self.bench.tap.turnarounds_s)
        if not times:
            return Row(what, Outcome.NOT_TRIED, "no request with one reply was seen")
        p99 = times[min(len(times) - 1, int(0.99 * len(times)))]
        words = f"median {_ms(times[len(times) // 2])}, p99 {_ms(p99)}, worst {_ms(times[-1])}; said {_ms(said_s)}"
        if p99 <= said_s + WATCH_S + ROUNDING_S:
            return Row(what, Outcome.PASS, f"{words} (seen to {_ms(WATCH_S)})")
        if self.bench.late_ticks:
            return Row(
                what, Outcome.NOT_TRIED, f"{words}; this computer was late {self.bench.late_ticks} times: repeat it"
            )
        return Row(what, Outcome.FAIL, f"{words}; first: write turnaround_ms = {p99 * 1000 + 0.5:.1f} and look at kerma drivers show")  # fmt: skip

    def age(self, reading: str) -> Row:
        """The oldest seen against the plan's oldest; a tick more is the reading's own."""
        what, plan_s = f"age of {reading}", self.expected.worst_age_s[reading]
        seen_s = self.bench.ages_s.get(reading)
        if seen_s is None:
            return Row(what, *self.never_came(reading))
        words = f"at most {_ms(seen_s)}, by the plan {_ms(plan_s)}"
        if seen_s <= plan_s + self.expected.tick_s:
            return Row(what, Outcome.PASS, words)
        if self.bench.late_ticks:
            return Row(
                what, Outcome.NOT_TRIED, f"{words}; this computer was late {self.bench.late_ticks} times: repeat it"
            )
        return Row(what, Outcome.FAIL, f"{words}; first: measure the turnaround")

    def never_came(self, _reading: str) -> tuple[Outcome, str]:
        """What it means that a reading of the plan was never there."""
        return Outcome.FAIL, "it was never read"

    def half_open(self) -> Row:
        """Nothing passes either way and nobody says so: the driver must find out by itself, and come back by itself; meanwhile it reads nothing, so that no
        reading may say that it was asked for later than a tick after the link's death."""
        what, bench = "half-open link", self.bench
        began = bench.now
        dated_s: dict[str, float] = {}

        def lost() -> bool:
            for reading in self.expected.worst_age_s:
                asked_at_s = bench.subject.asked_at_s(reading)
                if asked_at_s is not None and asked_at_s > began + self.expected.tick_s + ROUNDING_S:
                    dated_s[reading] = asked_at_s - began
            return bench.subject.link(bench.now).lost

        bench.tap.dead = True
        noticed = bench.until(LOST_S, lost, may_open=False)
        took_s = bench.now - began
        bench.tap.dead = False
        if dated_s:
            said = ", ".join(f"{reading} {_ms(later_s)}" for reading, later_s in dated_s.items())
            return Row(
                what,
                Outcome.FAIL,
                f"READINGS ARE DATED LATER THAN THE LINK'S DEATH: {said} after it; first: date a reading by the sending of its request",
            )
        if not noticed:
            return Row(what, Outcome.FAIL, f"not noticed within {LOST_S:g} s")
        if not bench.until(BACK_S, self._back):
            return self.stop(
                what, f"noticed after {took_s:.1f} s, and not well again within {BACK_S:g} s: {self._trouble()}"
            )
        return Row(what, Outcome.PASS, f"noticed after {took_s:.1f} s, well again by itself")

    def unplugged(self) -> Row:
        """The plug is out: closed, and not opened again while that is forbidden."""
        what, bench = "closed link", self.bench
        opened = bench.tap.opened
        bench.pull()
        lost = bench.until(LOST_S, lambda: bench.subject.link(bench.now).lost, may_open=False)
        bench.tap.pulled = False
        for _ in bench.ticks(1.0, may_open=False):
            pass
        early = bench.tap.opened != opened
        bench.pull()
        if not lost or early:
            return self.stop(
                what, "opened again although that was forbidden" if early else f"not noticed within {LOST_S:g} s"
            )
        return Row(what, Outcome.PASS, "noticed, and not opened again until allowed")

    def refuses(self, what: str, may_check: str = "") -> Row:
        """The same device under another name: refused, and sent nothing but what it was asked before it was known. `may_check`: why this cannot be tried."""
        if may_check:
            return Row(what, Outcome.NOT_TRIED, may_check)
        bench = Bench(self._other, self._open_pipe, self._clock, self.expected.baud, self.expected.tick_s)
        try:
            bench.until(KNOWN_S, lambda: bench.subject.mismatch is not None)
            for now in bench.ticks(REFUSED_S / 2.0):
                bench.subject.off(now, at_once=False)
            mismatch, troubles = bench.subject.mismatch, bench.subject.link(bench.now).troubles
        finally:
            bench.close()
        if mismatch is None:
            return Row(what, Outcome.NOT_TRIED, "it did not answer again in time")
        if not mismatch:
            return self.stop(what, "IT WAS TAKEN FOR ANOTHER DEVICE; first: mend the driver's identity")
        extra = self._asked(bench.tap.sent) - self._questions
        if extra and not troubles:
            return self.stop(what, f"refused, but it was sent {min(extra)} beside the questions of its identity")
        return Row(what, Outcome.PASS, "refused, and sent questions only")

    def reopened(self) -> Row:
        what, before = "opened again", self.identity_words()
        self.bench.plug()
        if not self.bench.until(BACK_S, self._back):
            return self.stop(what, f"not within {BACK_S:g} s: {self._trouble()}")
        if self.identity_words() != before:
            return self.stop(what, f"it now says {self.identity_words()}")
        return Row(what, Outcome.PASS, "the same device, known anew")

    def off_last(self, what: str, bound_s: float) -> Row:
        """The check leaves the device off."""
        bench = self.bench
        sent, left = len(bench.tap.sent), False
        for now in bench.ticks(max(OFF_REPEATS_S, self._off_window_s(bound_s))):
            left = bench.subject.off(now, at_once=False) or left
        if not left:
            return Row(what, Outcome.FAIL, f"its bytes have not left: {self._trouble()}")
        if not self._said_off(bench.tap.sent[sent:]):
            return Row(what, Outcome.FAIL, UNSENT)
        return Row(what, Outcome.PASS, "sent")

    def _asked(self, sent: list[bytes]) -> frozenset[str]:
        return frozenset(map(self.question, sent))

    def _back(self) -> bool:
        subject = self.bench.subject
        return subject.identified and not subject.link(self.bench.now).lost

    def _trouble(self) -> str:
        return self.bench.subject.link(self.bench.now).last_trouble or "no trouble was said"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
