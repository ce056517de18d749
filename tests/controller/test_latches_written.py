"""What is latched is held and written once, with all that is said of it; and who clears it is written too."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from decide_bench import NOW, finding, statement, verdict

from controller.entries import EntryType, LatchCleared, LatchSet, Outcome
from controller.exposure import Decided, Stage
from controller.latches import ADOPTED_RULE, ADOPTED_WORDS, OF_UNIT, STRAY_RULE, STRAY_WORDS, Latches
from controller.requests import Edit, Reset
from controller.self_test import STUCK_RULE
from controller.states import BEAM, Event, State
from hal.units import Seconds
from interlocks.words import Clears, Latch, Trip, Verdict

QUIET = verdict()
AT = Seconds(5.0)
WALL_S = 1_800_000_000.0


class Written:
    """A ledger that only remembers what was put, and when."""

    def __init__(self) -> None:
        self.entries: list[tuple[EntryType, Any, Seconds]] = []
        self.durable_to = 1000

    def put(self, kind: EntryType, entry: Any, now: Seconds) -> tuple[int, bytes]:
        self.entries.append((kind, entry, now))
        return len(self.entries), b""

    def durable(self, seq: int) -> bool:
        return seq <= self.durable_to


def holding(*held: Latch) -> tuple[Latches, Written]:
    """Latches that go on from these, and their ledger."""
    ledger = Written()
    latches = Latches(cast(Any, ledger))
    latches.take_up(held)
    return latches, ledger


def follow(
    latches: Latches,
    state: State,
    told: Verdict = QUIET,
    event: Event = Event.NONE,
    rule: str = "",
    words: str = "",
    entered: bool = True,
) -> None:
    """One tick in this state, just entered unless it is said otherwise."""
    stage = Stage(state, 5.0, entered, Outcome.FAULT, event, rule, words, 5.0)
    latches.follow(stage, Decided(event, event, rule, words), told, AT, WALL_S)


def set_by(latch: Latch) -> tuple[EntryType, Any, Seconds]:
    """What is written of it."""
    return EntryType.LATCH_SET, LatchSet(latch.rule, latch.trip, latch.clears, latch.words, WALL_S), AT


def test_the_names_and_the_ends_of_the_unit_are_those_that_records_keep() -> None:
    """Who clears each, and the trip that people read."""
    assert (STRAY_RULE, ADOPTED_RULE) == ("stray_beam", "adopted_beam")
    assert OF_UNIT == {
        Event.TIME_END: (Trip.TIME_END, Clears.BY_PHYSICIST),
        Event.TRIP_FAULT: (Trip.TRIP_FAULT, Clears.BY_PHYSICIST),
        Event.UNIT_REBOOT: (Trip.UNIT_REBOOT, Clears.BY_OPERATOR),
        Event.OFF_UNVERIFIED: (Trip.HV_UNCOMMANDED, Clears.BY_SERVICE),
    }


@pytest.mark.parametrize("entered", [True, False])
@pytest.mark.parametrize("state", [state for state in State if state in (*BEAM, State.STOPPING)])
def test_what_a_rule_finds_in_an_exposure_is_held_and_written_once(state: State, entered: bool) -> None:
    """With its trip, who clears it and its words; a second tick with the same finding writes nothing."""
    latches, ledger = holding()
    door = Latch("door", Trip.TRIP_STOP, Clears.BY_OPERATOR, NOW, "door is not true")
    for _ in range(2):
        follow(latches, state, verdict(finding("door", Trip.TRIP_STOP)), entered=entered)
    assert latches.held == (door,)
    assert ledger.entries == [set_by(door)]


@pytest.mark.parametrize("state", [state for state in State if state not in (*BEAM, State.STOPPING)])
def test_what_a_rule_finds_elsewhere_is_latched_only_where_something_is_broken(state: State) -> None:
    """An open door in STANDBY is no trip; a fault is one in any state."""
    latches, ledger = holding()
    follow(latches, state, verdict(finding("door", Trip.TRIP_STOP)), entered=False)
    assert (latches.held, ledger.entries) == ((), [])
    follow(latches, state, verdict(finding("tick_gap", Trip.INTERNAL)), entered=False)
    assert [latch.rule for latch in latches.held] == ["tick_gap"]


def test_a_rule_that_clears_by_itself_is_neither_held_nor_written() -> None:
    latches, ledger = holding()
    follow(latches, State.IRRADIATING, verdict(finding("air", Trip.TRIP_STOP, Clears.BY_ITSELF)))
    assert (latches.held, ledger.entries) == ((), [])


def test_a_tick_in_which_nothing_happens_changes_nothing() -> None:
    """What is held stays, for any number of ticks, and is not written again."""
    held = (Latch("door", Trip.TRIP_STOP, Clears.BY_OPERATOR, 1.0, "words"),)
    latches, ledger = holding(*held)
    follow(latches, State.STANDBY, entered=False)
    assert (latches.held, ledger.entries) == (held, [])


def test_a_transition_latches_when_it_is_made_and_not_while_its_state_lasts() -> None:
    """The tick after still knows the event; another rule's finding then adds its own latch alone."""
    latches, ledger = holding()
    follow(
        latches, State.STOPPING, verdict(finding("door", Trip.TRIP_STOP)), Event.TRIP_FAULT, "unit:RATE", entered=False
    )
    assert [latch.rule for latch in latches.held] == ["door"]
    follow(latches, State.STOPPING, event=Event.TRIP_FAULT, rule="unit:RATE", words="it counted faster")
    rate = Latch("unit:RATE", Trip.TRIP_FAULT, Clears.BY_PHYSICIST, 5.0, "it counted faster")
    assert latches.held[1:] == (rate,)
    assert ledger.entries[1:] == [set_by(rate)]


def test_what_is_held_already_is_not_latched_again_by_a_transition() -> None:
    """Its first words stay."""
    first = Latch("unit:RATE", Trip.TRIP_FAULT, Clears.BY_PHYSICIST, 1.0, "first")
    latches, ledger = holding(first)
    follow(latches, State.STOPPING, event=Event.TRIP_FAULT, rule="unit:RATE", words="second")
    assert (latches.held, ledger.entries) == ((first,), [])


@pytest.mark.parametrize("rule", ["unit:DOOR", "unit:COUNT_PRESET"])
@pytest.mark.parametrize("event", [Event.TRIP_STOP, Event.DOSE_END])
def test_an_end_by_the_unit_that_may_be_resumed_or_closed_leaves_none(event: Event, rule: str) -> None:
    """A door that was opened, a count that was reached: nobody has to decide on it."""
    latches, ledger = holding()
    follow(latches, State.STOPPING, event=event, rule=rule)
    assert (latches.held, ledger.entries) == ((), [])


def test_an_end_without_a_rule_leaves_none() -> None:
    """Nothing could be cleared by its name."""
    latches, ledger = holding()
    follow(latches, State.STOPPING, event=Event.TRIP_FAULT)
    assert (latches.held, ledger.entries) == ((), [])


@pytest.mark.parametrize(
    ("words", "said"), [("the generator reads 69.5 kV", "the generator reads 69.5 kV"), ("", "beam may be on")]
)
def test_stuck_on_is_latched_with_what_was_seen(words: str, said: str) -> None:
    """For service, as beam that nobody commanded."""
    latches, ledger = holding()
    follow(latches, State.STUCK_ON, event=Event.GEN_LOST, rule="generator_link", words=words)
    stuck = Latch(STUCK_RULE, Trip.HV_UNCOMMANDED, Clears.BY_SERVICE, 5.0, said)
    assert latches.held == (stuck,)
    assert ledger.entries == [set_by(stuck)]


def test_beam_of_no_exposure_is_the_physicist_s() -> None:
    """Whatever state it leads to."""
    latches, ledger = holding()
    follow(latches, State.STOPPING, event=Event.HV_UNCOMMANDED, rule="hv_uncommanded", words="high voltage")
    stray = Latch(STRAY_RULE, Trip.HV_UNCOMMANDED, Clears.BY_PHYSICIST, 5.0, STRAY_WORDS)
    assert latches.held == (stray,)
    assert ledger.entries == [set_by(stray)]


def test_an_exposure_that_was_taken_in_is_the_physicist_s_once() -> None:
    """Beside whatever else is latched."""
    other = Latch("door", Trip.TRIP_STOP, Clears.BY_OPERATOR, 1.0, "words")
    adopted = Latch(ADOPTED_RULE, Trip.TRIP_FAULT, Clears.BY_PHYSICIST, 5.0, ADOPTED_WORDS)
    for held in ((), (other,)):
        latches, ledger = holding(*held)
        for _ in range(2):
            latches.adopted(AT, WALL_S)
        assert latches.held == (*held, adopted)
        assert ledger.entries == [set_by(adopted)]


def test_a_reset_clears_what_its_role_may_and_writes_who_and_why() -> None:
    """The physicist's stays where the operator resets; a request that is no reset clears nothing."""
    door = Latch("door", Trip.TRIP_STOP, Clears.BY_OPERATOR, 1.0, "words")
    rate = Latch("unit:RATE", Trip.TRIP_FAULT, Clears.BY_PHYSICIST, 1.0, "words")
    latches, ledger = holding(door, rate)
    for request in (None, Edit()):
        latches.clear(request, QUIET, AT, WALL_S)
        assert (latches.held, ledger.entries) == ((door, rate), [])
    latches.clear(Reset("operator", "A. Nurse", "the door is closed"), QUIET, AT, WALL_S)
    assert latches.held == (rate,)
    cleared = LatchCleared("door", "operator", "A. Nurse", "the door is closed", WALL_S)
    assert ledger.entries == [(EntryType.LATCH_CLEARED, cleared, AT)]


def kept(found_seq: int, *rules: str) -> Any:
    """The recorder's statement with these latches, once it has taken in the FOUND entry of this number."""
    latches = tuple(LatchSet(rule, Trip.TRIP_FAULT, Clears.BY_PHYSICIST, "words", 0.0) for rule in rules)
    return statement(latches=latches, reconciled_found_seq=found_seq)


def test_latches_that_go_on_are_not_opened_again() -> None:
    """A process that goes on from its own checkpoint has them already, and what was cleared since stays cleared."""
    latches, _ = holding()
    latches.open(kept(0, "a"), 6.0)
    assert latches.held == ()


def test_what_is_opened_is_held_as_it_was_latched() -> None:
    """With its rule, trip, who clears it and its words, from now on; it is on the records, and not written again."""
    ledger = Written()
    latches = Latches(cast(Any, ledger))
    assert latches.held == ()
    latches.open(kept(0, "a"), 6.0)
    assert latches.held == (Latch("a", Trip.TRIP_FAULT, Clears.BY_PHYSICIST, 6.0, "words"),)
    assert ledger.entries == []


@pytest.mark.parametrize("found_seq", [1, 9])
def test_an_end_that_the_records_take_in_after_the_opening_brings_its_latch(found_seq: int) -> None:
    """From the first entry of a ring on, although it was put before the records were heard."""
    latches = Latches(cast(Any, Written()))
    latches.found(found_seq)
    latches.open(kept(0, "a"), 6.0)
    latches.open(kept(found_seq, "a", "b"), 7.0)
    assert [(latch.rule, latch.at_s) for latch in latches.held] == [("a", 6.0), ("b", 7.0)]


def test_what_another_recorder_does_not_know_is_written_once_more() -> None:
    """It lay in a gap of the ring: whoever kept the records before had not got it to the disk. What it knows is not written twice, and what it latched itself
    (the gap) is taken over; the same recorder's later statements do neither."""
    ledger = Written()
    latches = Latches(cast(Any, ledger))
    latches.retell(kept(0, "a"), AT, WALL_S)
    latches.open(kept(0, "a"), 6.0)
    follow(latches, State.STUCK_ON, event=Event.OFF_UNVERIFIED, rule=STUCK_RULE, words="K1 welded")
    stuck = Latch(STUCK_RULE, Trip.HV_UNCOMMANDED, Clears.BY_SERVICE, 5.0, "K1 welded")
    assert ledger.entries == [set_by(stuck)]
    later = Seconds(200.0)
    other = msgspec.structs.replace(kept(0, "a", "ring_gap"), recorder="next")
    for told in (kept(0, "a"), other, other):
        latches.retell(told, later, WALL_S)
        latches.open(told, 7.0)
    assert ledger.entries == [set_by(stuck), (*set_by(stuck)[:2], later)]
    assert [latch.rule for latch in latches.held] == ["a", STUCK_RULE, "ring_gap"]


@pytest.mark.parametrize(("durable_to", "known"), [(1, (STUCK_RULE,)), (0, ())])
def test_a_recorder_that_lost_nothing_is_told_nothing(durable_to: int, known: tuple[str, ...]) -> None:
    """A new one that has drained the latch already, or has it still before it: a restart of the recorder is no news."""
    latches, ledger = holding()
    ledger.durable_to = durable_to
    latches.open(kept(0), 6.0)
    follow(latches, State.STUCK_ON, event=Event.OFF_UNVERIFIED, rule=STUCK_RULE, words="K1 welded")
    told = msgspec.structs.replace(kept(0, *known), recorder="next")
    latches.retell(told, AT, WALL_S)
    latches.open(told, 7.0)
    assert len(ledger.entries) == 1 and [latch.rule for latch in latches.held] == [STUCK_RULE]


def test_a_second_gap_latches_though_the_first_was_cleared() -> None:
    """What was cleared may still stand in a statement, by the same words; by other words it is another latch."""
    latches, _ = holding()

    def told(recorder: str, words: str) -> None:
        gap = LatchSet("ring_gap", Trip.HV_UNCOMMANDED, Clears.BY_SERVICE, words, WALL_S)
        latches.open(msgspec.structs.replace(kept(0), recorder=recorder, latches=(gap,)), 6.0)

    latches.open(kept(0), 6.0)
    told("second", "records 1 to 9")
    latches.clear(Reset("service", "S. One", "looked"), QUIET, AT, WALL_S)
    told("third", "records 1 to 9")
    assert latches.held == ()
    told("fourth", "records 70 to 90")
    assert [latch.words for latch in latches.held] == ["records 70 to 90"]
