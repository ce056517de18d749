"""RESET: by role, with name and reason, over the right class of latch, its cause gone; and the one way out of STUCK_ON, each condition by itself."""

from __future__ import annotations

from typing import Any

import pytest
from decide_bench import (
    LAMPS,
    NOW,
    OFF_BAD,
    OFF_GOOD,
    OPEN,
    SERVICE,
    decided,
    event_of,
    facts,
    finding,
    latch,
    readings,
    refused,
    stage,
    verdict,
)

from controller.requests import Reset
from controller.states import Event, State
from hal.readings import Relay, UnitState
from interlocks.words import Clears, Trip

LOW = {Clears.BY_ITSELF, Clears.BY_OPERATOR}
ROLES = {"operator": LOW, "physicist": LOW | {Clears.BY_PHYSICIST}, "service": LOW | {Clears.BY_SERVICE}}
STATES = (State.STANDBY, State.INTERRUPTED, State.TERMINATED, State.FAULT)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("clears", list(Clears))
def test_each_role_clears_its_own_class_and_the_operators(state: State, role: str, clears: Clears) -> None:
    """A dose is not for service to decide on, a machine not for the physicist; NEVER is cleared by nobody."""
    request = Reset(role, "anna", "it was closed")
    f = facts(latches=(latch(clears),))
    if clears in ROLES[role]:
        assert event_of(stage(state), readings(), f, request=request) is Event.RESET
    else:
        assert clears.name.lower() in refused(stage(state), readings(), f, request=request)


def test_of_two_latches_each_role_clears_its_own() -> None:
    """A fault with a service and a physicist's latch is left in two steps: each reset goes as far as its role."""
    f = facts(latches=(latch(Clears.BY_SERVICE, "hv_uncommanded"), latch(Clears.BY_PHYSICIST, "stray_beam")))
    for role in ("service", "physicist"):
        assert event_of(stage(State.FAULT), readings(), f, request=Reset(role, "a", "b")) is Event.RESET
    assert "not for the operator" in refused(stage(State.FAULT), readings(), f, request=Reset("operator", "a", "b"))


@pytest.mark.parametrize(
    "request_",
    [
        Reset("", "a", "b"),
        Reset("administrator", "a", "b"),
        Reset("OPERATOR", "a", "b"),
        Reset("operator", "", "b"),
        Reset("operator", " ", "b"),
        Reset("operator", "a", ""),
        Reset("service", "a", "\t"),
    ],
    ids=str,
)
def test_a_reset_names_role_person_and_reason(request_: Reset) -> None:
    """Each of the three is needed, in every state that knows a reset, STUCK_ON too."""
    for state in (*STATES, State.STUCK_ON):
        assert "role" in refused(stage(state), readings(), facts(), request=request_)


def test_a_cause_that_is_still_there_is_not_reset() -> None:
    """The door is open: close it first. Another rule that is not true does not matter."""
    request = Reset("operator", "a", "b")
    f = facts(latches=(latch(Clears.BY_OPERATOR, "door"),))
    door, lamp = verdict(finding("door", Trip.TRIP_STOP)), verdict(finding("lamp", Trip.TRIP_STOP))
    assert "still there" in refused(stage(State.FAULT), readings(), f, door, request=request)
    assert event_of(stage(State.FAULT), readings(), f, lamp, request=request) is Event.RESET


@pytest.mark.parametrize("state", STATES)
def test_a_reset_waits_for_the_durable_end(state: State) -> None:
    """What is not on the disk is not reset."""
    f = facts(terminal_durable=False)
    assert refused(stage(state), readings(), f, request=Reset("service", "a", "b")) == ""


def test_a_fault_is_not_left_before_off_is_verified() -> None:
    """In FAULT, and only there: the others are behind a verified off."""
    f = facts(off=OFF_BAD)
    request = Reset("service", "a", "b")
    assert "off is not verified" in refused(stage(State.FAULT), readings(), f, request=request)
    assert event_of(stage(State.STANDBY), readings(), f, request=request) is Event.RESET


@pytest.mark.parametrize(
    ("role", "a", "b", "waits"),
    [
        ("service", SERVICE, SERVICE, True),
        ("service", SERVICE, 0, False),
        ("service", 0, SERVICE, False),
        ("service", 0, 0, False),
        ("physicist", SERVICE, SERVICE, False),
        ("operator", SERVICE, SERVICE, False),
    ],
)
def test_a_latched_unit_needs_service_and_its_key(role: str, a: int, b: int, waits: bool) -> None:
    """Then the request waits until the unit reads unlatched, and is taken."""
    r = readings(unit_state=int(UnitState.LATCHED), unit_contacts_a=a, unit_contacts_b=b)
    words = refused(stage(State.FAULT), r, facts(), request=Reset(role, "x", "y"))
    assert (words == "") is waits
    assert waits or "SERVICE" in words
    done = readings(unit_contacts_a=a, unit_contacts_b=b)
    assert event_of(stage(State.FAULT), done, facts(), request=Reset(role, "x", "y")) is Event.RESET


# STUCK_ON

STUCK = stage(State.STUCK_ON, NOW - 500.0)
TWO = Reset("service", "anna, bert", "mains switched off and on")
IN_SERVICE: dict[str, Any] = {"unit_contacts_a": SERVICE, "unit_contacts_b": SERVICE}
ALL: dict[str, Any] = {"off": OFF_GOOD, "off_since_s": NOW - 60.0, "generator_power_cycled": True}


def test_stuck_on_is_left_when_everything_is_there() -> None:
    """The guard can be true; and with the unit latched it waits for the unlatch."""
    assert event_of(STUCK, readings(**IN_SERVICE), facts(**ALL), request=TWO) is Event.RESET
    latched = readings(**IN_SERVICE, unit_state=int(UnitState.LATCHED))
    assert refused(STUCK, latched, facts(**ALL), request=TWO) == ""


@pytest.mark.parametrize(
    ("request_", "changes", "given", "lacks"),
    [
        (Reset("physicist", "anna, bert", "x"), {}, {}, "role service"),
        (Reset("operator", "anna, bert", "x"), {}, {}, "role service"),
        (Reset("service", "anna", "x"), {}, {}, "two names"),
        (Reset("service", "anna, Anna", "x"), {}, {}, "two names"),
        (Reset("service", "anna + ANNA ,", "x"), {}, {}, "two names"),
        (Reset("service", ", ,anna", "x"), {}, {}, "two names"),
        (TWO, {"unit_contacts_a": 0}, {}, "key in SERVICE"),
        (TWO, {"unit_contacts_b": 0}, {}, "key in SERVICE"),
        (TWO, {"unit_relays": LAMPS | int(Relay.K1_MIRROR_OPEN)}, {}, "mirrors open"),
        (TWO, {"unit_relays": LAMPS | int(Relay.K2_MIRROR_OPEN)}, {}, "mirrors open"),
        (TWO, {"unit": None}, {}, "mirrors open"),
        (TWO, {}, {"off_since_s": NOW - 59.9}, "for 60 s"),
        (TWO, {}, {"off_since_s": None}, "for 60 s"),
        (TWO, {}, {"off": OFF_BAD}, "for 60 s"),
        (TWO, {}, {"generator_power_cycled": False}, "off and on again"),
        (TWO, {}, {"terminal_durable": False}, "on the disk"),
        (TWO, {}, {"latches": (latch(Clears.NEVER, "x"),)}, "x was not true"),
    ],
    ids=str,
)
def test_each_condition_of_stuck_on_is_needed(
    request_: Reset, changes: dict[str, Any], given: dict[str, Any], lacks: str
) -> None:
    """Any one missing refuses it and is named."""
    r = readings(**(IN_SERVICE | changes))
    assert lacks in refused(STUCK, r, facts(**(ALL | given)), request=request_)


def test_two_persons_may_be_joined_by_a_comma_or_a_plus() -> None:
    """And extra blanks do no harm."""
    for who in ("anna,bert", "anna + bert", " anna , bert ,", "anna, bert, carl"):
        request = Reset("service", who, "x")
        assert event_of(STUCK, readings(**IN_SERVICE), facts(**ALL), request=request) is Event.RESET


def test_nothing_else_moves_stuck_on() -> None:
    """STOP, any trip, and all of them together."""
    for trip in Trip:
        told, _ = decided(STUCK, readings(), facts(), verdict(finding("x", trip)), stop=True)
        assert told.event is Event.NONE
    assert OPEN & int(Relay.K1_MIRROR_OPEN)


def test_the_units_latch_goes_first_whoever_must_clear_what_is_latched_here() -> None:
    """The unit is latched and the only latch here is the physicist's: service lets the unit go, then the physicist clears. Neither waits for the other."""
    f = facts(latches=(latch(Clears.BY_PHYSICIST, "unit:SPONTANEOUS"),))
    held = readings(**IN_SERVICE, unit_state=int(UnitState.LATCHED))
    assert refused(stage(State.FAULT), held, f, request=Reset("service", "anna", "seen")) == ""
    assert event_of(stage(State.FAULT), held, f, request=Reset("service", "anna", "seen")) is Event.NONE
    assert "role service" in refused(stage(State.FAULT), held, f, request=Reset("physicist", "dr", "seen"))
    gone = readings(**IN_SERVICE)
    assert "by_physicist" in refused(stage(State.FAULT), gone, f, request=Reset("service", "anna", "seen"))
    assert event_of(stage(State.FAULT), gone, f, request=Reset("physicist", "dr", "seen")) is Event.RESET
    off = facts(latches=f.latches, off=OFF_BAD)
    assert "off is not verified" in refused(stage(State.FAULT), held, off, request=Reset("service", "anna", "seen"))
