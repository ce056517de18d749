"""What a transition latches by itself, and what it leaves to the rules."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from dose_bench import at_rest, made

from controller.case import Case
from controller.decide import unit_ended
from controller.ends import CAUSES, OWN, SERVICE
from controller.entries import EntryType, LatchSet, Outcome, Statement
from controller.exposure import Decided, Stage
from controller.latches import OF_UNIT, STRAY_RULE, Latches, clears_of, left_by
from controller.requests import Reset
from controller.self_test import STUCK_RULE
from controller.states import Event, State
from controller.written import start_entry
from hal.readings import Cause, Purpose, Termination
from hal.units import Seconds
from interlocks.words import Clears, Trip, Verdict

QUIET = Verdict(1, 5.0, b"", (), (), False)
START = start_entry(made(), Case(), at_rest(5.0), 0.0, "v", True)


class Written:
    """A ledger that only remembers."""

    def __init__(self) -> None:
        self.entries: list[tuple[EntryType, Any]] = []

    def put(self, kind: EntryType, entry: Any, _now: Seconds) -> tuple[int, bytes]:
        self.entries.append((kind, entry))
        return len(self.entries), b""


def after(state: State, event: Event, rule: str) -> tuple[dict[str, Clears], list[str]]:
    """The latches held, and those written, after entering this state by this event and rule."""
    ledger = Written()
    latches = Latches(cast(Any, ledger))
    stage = Stage(state, 5.0, True, Outcome.FAULT, event, rule, "words", 5.0)
    latches.follow(stage, Decided(event, event, rule, "words"), QUIET, Seconds(5.0), 0.0)
    written = [
        entry.rule for kind, entry in ledger.entries if kind is EntryType.LATCH_SET and isinstance(entry, LatchSet)
    ]
    return {latch.rule: latch.clears for latch in latches.held}, written


@pytest.mark.parametrize("rule", ["generator_fault", "unit_latched"])
def test_a_rule_that_leaves_its_latch_to_the_device_leaves_none_here(rule: str) -> None:
    """The device keeps its own: a second latch here would stay "still there" until the device is cleared, and forbid the clearing."""
    assert after(State.FAULT, Event.TRIP_FAULT, rule) == ({}, [])


@pytest.mark.parametrize(
    ("event", "clears"),
    [
        (Event.TIME_END, Clears.BY_PHYSICIST),
        (Event.TRIP_FAULT, Clears.BY_PHYSICIST),
        (Event.UNIT_REBOOT, Clears.BY_OPERATOR),
    ],
)
def test_an_end_that_only_the_unit_reports_is_latched_and_written(event: Event, clears: Clears) -> None:
    """No rule of the table knows why the unit ended the beam."""
    assert after(State.STOPPING, event, "unit:RATE") == ({"unit:RATE": clears}, ["unit:RATE"])


@pytest.mark.parametrize("cause", [*(f"unit:{cause.name}" for cause in Cause), "unit:26", "unit:65535", "press"])
def test_what_the_unit_found_broken_is_cleared_by_who_mends_it(cause: str) -> None:
    """A contactor, a contact, its wire, or a unit that names no cause: a physicist alone would send a broken machine on, and service alone a doubtful dose."""
    broken = {"unit:NONE", "unit:PAIR", "unit:MIRROR", "unit:TEST_PULSE", "unit:26", "unit:65535", "press"}
    clears = Clears.BY_SERVICE if cause in broken else Clears.BY_PHYSICIST
    assert after(State.STOPPING, Event.TRIP_FAULT, cause) == ({cause: clears}, [cause])


def test_whose_words_call_service_service_clears() -> None:
    """What people are told to do first and who may send the machine on are of one mind."""
    told = {f"unit:{cause.name}": words for cause, (_, words) in CAUSES.items()} | {"press": OWN["press"][1]}
    calls = {cause for cause, words in told.items() if words == SERVICE or words.startswith("call service")}
    assert {cause for cause in told if clears_of(Event.TRIP_FAULT, cause) is Clears.BY_SERVICE} == calls


@pytest.mark.parametrize("purpose", [Purpose.TREAT, Purpose.DRY_RUN])
@pytest.mark.parametrize("termination", list(Termination))
def test_an_end_that_nobody_saw_leaves_what_one_that_was_seen_leaves(
    termination: Termination, purpose: Purpose
) -> None:
    """For every cause, rule, role and words; but a restart of the unit, and a unit that has no end to tell, leave nothing."""
    assert START is not None
    start = msgspec.structs.replace(
        START, termination=termination, prescribed=msgspec.structs.replace(START.prescribed, purpose=purpose)
    )
    for cause in (*Cause, 26, 65535):
        event, rule, words = unit_ended(cause, termination, purpose)
        seen = after(State.STOPPING, event, rule)[0] if event in OF_UNIT else {}
        left = left_by(start, cause, 7.0)
        if cause in (Cause.NONE, Cause.REBOOT):
            assert left is None
        else:
            assert ({left.rule: left.clears} if left is not None else {}) == seen
            assert left is None or (left.words, left.trip, left.wall_s) == (words, OF_UNIT[event][0], 7.0)


def said(found_seq: int, *rules: str) -> Statement:
    """The recorder's word with these latches, once it has taken in the FOUND entry of this number."""
    latches = tuple(LatchSet(rule, Trip.TRIP_FAULT, Clears.BY_PHYSICIST, "words", 0.0) for rule in rules)
    return Statement(1, "r", 0, 0.0, latches, (), found_seq, 0)


def rules(latches: Latches) -> list[str]:
    """What is held, in order."""
    return [latch.rule for latch in latches.held]


def test_what_the_records_latch_with_an_end_is_taken_over_once_they_have_taken_it_in() -> None:
    """At the opening what is there; then nothing until FOUND is taken in, once; what is held already stays as it is."""
    latches = Latches(cast(Any, Written()))
    latches.open(None, 0.0)
    latches.open(said(0, "a"), 1.0)
    latches.found(9)
    latches.open(said(0, "a", "b"), 2.0)
    assert rules(latches) == ["a"]
    latches.open(said(9, "a", "b"), 3.0)
    assert [(latch.rule, latch.at_s) for latch in latches.held] == [("a", 1.0), ("b", 3.0)]
    latches.open(said(9, "a", "b", "c"), 4.0)
    assert rules(latches) == ["a", "b"]
    latches.found(12)
    latches.open(said(12, "a", "b", "c"), 5.0)
    assert rules(latches) == ["a", "b", "c"]


def test_what_a_person_cleared_while_the_records_took_it_in_stays_cleared() -> None:
    """The statement that answers FOUND may be of before the clearing; one that was cleared before FOUND is latched anew where the records say so."""
    latches = Latches(cast(Any, Written()))
    latches.open(said(0, "a", "b"), 1.0)
    latches.found(9)
    latches.clear(Reset("physicist", "who", "why"), QUIET, Seconds(2.0), 0.0)
    latches.open(said(9, "a", "b", "c"), 3.0)
    assert rules(latches) == ["c"]
    latches.clear(Reset("physicist", "who", "why"), QUIET, Seconds(4.0), 0.0)
    latches.found(12)
    latches.open(said(12, "c"), 5.0)
    assert rules(latches) == ["c"]


def test_a_process_that_hears_the_records_late_takes_both_at_once() -> None:
    """The first statement that it reads may be the one that has its FOUND."""
    latches = Latches(cast(Any, Written()))
    latches.found(9)
    latches.open(said(9, "a", "b"), 3.0)
    assert rules(latches) == ["a", "b"]
    latches.open(said(9, "a", "b", "c"), 4.0)
    assert rules(latches) == ["a", "b"]


def test_an_end_is_latched_for_whom_nobody_is_asked_for_yet() -> None:
    """Written and held once; where a latch of the same role is held, whoever clears that one looks at this end too."""
    ledger = Written()
    latches = Latches(cast(Any, ledger))
    assert START is not None
    for cause, held in ((Cause.LEASE, []), (Cause.K1_LIMIT, ["unit:K1_LIMIT"]), (Cause.DISAGREE, ["unit:K1_LIMIT"]),
                        (Cause.MIRROR, ["unit:K1_LIMIT", "unit:MIRROR"])):  # fmt: skip
        latches.ended(START, cause, Seconds(6.0), 7.0)
        assert rules(latches) == held
    assert [(kind, entry.rule, entry.wall_s) for kind, entry in ledger.entries] == [
        (EntryType.LATCH_SET, "unit:K1_LIMIT", 7.0),
        (EntryType.LATCH_SET, "unit:MIRROR", 7.0),
    ]


def test_stuck_on_is_latched_once_whatever_led_to_it() -> None:
    """For service; and for the physicist too where the beam belonged to no exposure."""
    assert after(State.STUCK_ON, Event.OFF_UNVERIFIED, STUCK_RULE) == ({STUCK_RULE: Clears.BY_SERVICE}, [STUCK_RULE])
    held, written = after(State.STUCK_ON, Event.HV_UNCOMMANDED, "hv_uncommanded")
    assert held == {STUCK_RULE: Clears.BY_SERVICE, STRAY_RULE: Clears.BY_PHYSICIST}
    assert sorted(written) == [STRAY_RULE, STUCK_RULE]


def test_a_door_leaves_its_latch_to_its_rule() -> None:
    """TRIP_STOP by a rule: the verdict's finding is what is latched, not the transition."""
    assert after(State.STOPPING, Event.TRIP_STOP, "door") == ({}, [])
