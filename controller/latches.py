"""The latches in hand: taken over from the records at a start, set by verdicts and by ends that only the unit reports, cleared by a person of the right role.
How a latch clears stands in interlocks/latch.py; every change is written into the ring from here. What an exposure leaves whose end nobody saw is said here
too (`left_by`), and kept by the records with that end."""

from __future__ import annotations

from typing import Final

from controller import requests
from controller.decide import unit_ended
from controller.entries import EntryType, LatchCleared, LatchSet, Start, Statement
from controller.exposure import Decided, Stage
from controller.ledger import Ledger
from controller.requests import Request
from controller.self_test import STUCK_RULE
from controller.states import BEAM, Event, State
from hal.readings import Cause
from hal.units import Seconds
from interlocks.latch import cleared, latched
from interlocks.rules import TABLE
from interlocks.words import Clears, Latch, Trip, Verdict

_RULES: Final = frozenset(row.id for row in TABLE)
"""These leave latches of their own, by their own class, or on purpose none."""
STRAY_RULE: Final = "stray_beam"
STRAY_WORDS: Final = "high voltage was on that belongs to no exposure: its dose is not known; first: the physicist decides on what is open"

ADOPTED_RULE: Final = "adopted_beam"
ADOPTED_WORDS: Final = "the records had lost an exposure that the safety unit kept: its dose is not known; first: the physicist decides on it"

OF_UNIT: Final[dict[Event, tuple[Trip, Clears]]] = {
    Event.TIME_END: (Trip.TIME_END, Clears.BY_PHYSICIST),
    Event.TRIP_FAULT: (Trip.TRIP_FAULT, Clears.BY_PHYSICIST),
    Event.UNIT_REBOOT: (Trip.UNIT_REBOOT, Clears.BY_OPERATOR),
    Event.OFF_UNVERIFIED: (Trip.HV_UNCOMMANDED, Clears.BY_SERVICE),
}
"""Latches for ends that no rule of the interlocks reports, because the safety unit did."""

TOLD_LATER: Final = frozenset({Event.TIME_END, Event.TRIP_FAULT})
"""Of these, what the unit still tells when this program comes up again, or hears it again. A restart of the unit is none: after it off is proved anew."""

BROKEN: Final = frozenset({"unit:NONE", "unit:PAIR", "unit:MIRROR", "unit:TEST_PULSE", "press"})
"""Of these causes, and of a number that is none, the machine itself is broken: who may mend it clears it, as by the rules that ask the same (relay_mirrors,
contacts_agree, test_pulse). The physicist sees the dose where it is UNKNOWN."""


class Latches:
    """`held` is what is latched now; it only grows by `follow` and only shrinks by `clear`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._recorder: str | None = ""
        self._found_seq = self._taken_seq = 0
        self._cleared: dict[str, str] = {}
        self._put: dict[str, int] = {}
        self.held: tuple[Latch, ...] = ()

    def open(self, statement: Statement | None, at_s: float) -> None:
        """The recorder's opening statement hands back, once, the latches that outlived the last process; and once more, where a FOUND entry was written, those
        that an exposure left which the records have ended by it. Another recorder's first statement hands back what that one had to latch itself; one that
        found a gap in the ring goes by another name from then on."""
        if statement is None:
            return
        other = self._recorder not in (None, statement.recorder)
        ended = self._taken_seq < self._found_seq <= statement.reconciled_found_seq
        self._recorder = statement.recorder
        if not (other or ended):
            return
        self._taken_seq = self._found_seq if ended else self._taken_seq
        has = {latch.rule for latch in self.held}
        told = (
            Latch(s.rule, s.trip, s.clears, at_s, s.words)
            for s in statement.latches
            if s.rule not in has and self._cleared.get(s.rule) != s.words
        )
        self.held = (*self.held, *told)

    def retell(self, statement: Statement | None, now: Seconds, wall_s: float) -> None:
        """What another recorder calls durable and does not know lay in a gap of the ring, and is written once more; ask before its statement is opened."""
        if statement is None or not self._recorder or statement.recorder == self._recorder:
            return
        known = {latch.rule for latch in statement.latches}
        for latch in self.held:
            seq = self._put.get(latch.rule, 0)
            if latch.rule not in known and seq and self._ledger.durable(seq):
                self._write(LatchSet(latch.rule, latch.trip, latch.clears, latch.words, wall_s), now)

    def found(self, seq: int) -> None:
        """A FOUND entry of this number was written; what is cleared after it may still stand, by the same words, in the statement that answers it."""
        self._found_seq, self._cleared = seq, {}

    def _write(self, entry: LatchSet, now: Seconds) -> None:
        self._put[entry.rule], _ = self._ledger.put(EntryType.LATCH_SET, entry, now)

    def take_up(self, held: tuple[Latch, ...]) -> None:
        """Go on from these, opened already by whatever recorder is heard first."""
        self._recorder, self.held = None, held

    def follow(self, stage: Stage, decided: Decided, verdict: Verdict, now: Seconds, wall_s: float) -> None:
        """Latches of the verdict while an exposure is under way, of ends that only the unit reports, of STUCK_ON and of beam that nobody asked for."""
        if not (stage.entered or verdict.findings):
            return
        before = {latch.rule for latch in self.held}
        held = latched(self.held, verdict, stage.state in (*BEAM, State.STOPPING))
        if stage.entered:
            has = {latch.rule for latch in held}
            held += tuple(latch for latch in _entered(stage, decided, now) if latch.rule not in has)
        self.held = held
        for latch in held:
            if latch.rule not in before and latch.clears is not Clears.BY_ITSELF:
                entry = LatchSet(latch.rule, latch.trip, latch.clears, latch.words, wall_s)
                self._write(entry, now)

    def ended(self, start: Start, cause: int, now: Seconds, wall_s: float) -> None:
        """An exposure gets its end: what the safety unit had ended it for is latched too where another event of the same moment was the worse one, or the wire
        was silent until now; unless somebody of that role is asked for already."""
        left = left_by(start, cause, wall_s)
        if left is None or any(latch.clears is left.clears for latch in self.held):
            return
        self.held += (Latch(left.rule, left.trip, left.clears, now, left.words),)
        self._write(left, now)

    def adopted(self, now: Seconds, wall_s: float) -> None:
        """An exposure that was taken in from the unit's memory alone is the physicist's."""
        if all(latch.rule != ADOPTED_RULE for latch in self.held):
            self.held += (Latch(ADOPTED_RULE, Trip.TRIP_FAULT, Clears.BY_PHYSICIST, now, ADOPTED_WORDS),)
            entry = LatchSet(ADOPTED_RULE, Trip.TRIP_FAULT, Clears.BY_PHYSICIST, ADOPTED_WORDS, wall_s)
            self._write(entry, now)

    def clear(self, request: Request | None, verdict: Verdict, now: Seconds, wall_s: float) -> None:
        """What this reset's role may clear, and who did it, and why."""
        if not isinstance(request, requests.Reset):
            return
        self.held, gone, _ = cleared(self.held, request.role, verdict)
        self._cleared |= {latch.rule: latch.words for latch in gone}
        for latch in gone:
            entry = LatchCleared(latch.rule, request.role, request.who, request.reason, wall_s)
            self._ledger.put(EntryType.LATCH_CLEARED, entry, now)


def left_by(start: Start, cause: int, wall_s: float) -> LatchSet | None:
    """The latch of an exposure that the safety unit ended for `cause` while nobody saw it; None where a program that sees such an end sets none, and where
    the unit names no cause: a new commit takes it away."""
    event, rule, words = unit_ended(cause, start.termination, start.prescribed.purpose)
    if event not in TOLD_LATER or cause == Cause.NONE:
        return None
    return LatchSet(rule, OF_UNIT[event][0], clears_of(event, rule), words, wall_s)


def clears_of(event: Event, cause: str) -> Clears:
    """Who clears what the safety unit ended for this cause; the event is one of OF_UNIT."""
    broken = cause in BROKEN or cause.removeprefix("unit:").isdecimal()
    return Clears.BY_SERVICE if broken else OF_UNIT[event][1]


def _entered(stage: Stage, decided: Decided, now: Seconds) -> tuple[Latch, ...]:
    """What a transition itself latches, whatever the rules say."""
    new = []
    if decided.event in OF_UNIT and decided.rule and decided.rule not in _RULES:
        trip, _ = OF_UNIT[decided.event]
        new.append(Latch(decided.rule, trip, clears_of(decided.event, decided.rule), now, decided.words))
    if stage.state is State.STUCK_ON and decided.rule != STUCK_RULE:
        new.append(Latch(STUCK_RULE, Trip.HV_UNCOMMANDED, Clears.BY_SERVICE, now, decided.words or "beam may be on"))
    if decided.event is Event.HV_UNCOMMANDED:
        new.append(Latch(STRAY_RULE, Trip.HV_UNCOMMANDED, Clears.BY_PHYSICIST, now, STRAY_WORDS))
    return tuple(new)
