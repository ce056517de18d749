"""What a transition latches by itself, and what it leaves to the rules."""

from __future__ import annotations

from typing import Any, cast

import pytest

from controller.ends import CAUSES, OWN, SERVICE
from controller.entries import EntryType, LatchSet, Outcome
from controller.exposure import Decided, Stage
from controller.latches import STRAY_RULE, Latches, clears_of
from controller.self_test import STUCK_RULE
from controller.states import Event, State
from hal.readings import Cause
from hal.units import Seconds
from interlocks.words import Clears, Verdict

QUIET = Verdict(1, 5.0, b"", (), (), False)


class Written:
    """A ledger that only remembers."""

    def __init__(self) -> None:
        self.entries: list[tuple[EntryType, Any]] = []

    def put(self, kind: EntryType, entry: Any, _now: Seconds) -> None:
        self.entries.append((kind, entry))


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


def test_stuck_on_is_latched_once_whatever_led_to_it() -> None:
    """For service; and for the physicist too where the beam belonged to no exposure."""
    assert after(State.STUCK_ON, Event.OFF_UNVERIFIED, STUCK_RULE) == ({STUCK_RULE: Clears.BY_SERVICE}, [STUCK_RULE])
    held, written = after(State.STUCK_ON, Event.HV_UNCOMMANDED, "hv_uncommanded")
    assert held == {STUCK_RULE: Clears.BY_SERVICE, STRAY_RULE: Clears.BY_PHYSICIST}
    assert sorted(written) == [STRAY_RULE, STUCK_RULE]


def test_a_door_leaves_its_latch_to_its_rule() -> None:
    """TRIP_STOP by a rule: the verdict's finding is what is latched, not the transition."""
    assert after(State.STOPPING, Event.TRIP_STOP, "door") == ({}, [])
