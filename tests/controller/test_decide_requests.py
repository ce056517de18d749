"""LOAD, RESUME, EDIT, CLOSE, RETEST and the events around them: in which states each can be had, and what refuses it."""

from __future__ import annotations

import msgspec
import pytest
from decide_bench import (
    CONTACTS,
    DOOR,
    NOW,
    OFF_BAD,
    QUIET,
    SENT_ON,
    SERVICE,
    SETTINGS,
    TOKENED,
    beaming,
    decided,
    event_of,
    facts,
    finding,
    latch,
    open_fraction,
    readings,
    refused,
    stage,
    statement,
    verdict,
)
from dose_bench import prescribed

from controller.requests import Alive, Close, Edit, Load, Reset, Resume, Retest, Status, Watch
from controller.self_test import Phase
from controller.self_test import Tests as Progress
from controller.states import TRANSITIONS, Event, State
from hal.readings import Contact, Purpose
from interlocks.words import Clears, Trip

LOAD = Load(prescribed(), "op")
RESUME = Resume(prescribed(), "op", "go on")
STANDBY = stage(State.STANDBY)
ADMITTED = facts(admitted=SETTINGS)
GOOD = readings()


def test_an_admitted_fraction_is_loaded_and_resumed() -> None:
    """The guards can be true."""
    assert event_of(STANDBY, GOOD, ADMITTED, request=LOAD) is Event.LOAD
    assert event_of(STANDBY, GOOD, ADMITTED, request=RESUME) is Event.RESUME
    assert event_of(stage(State.INTERRUPTED), GOOD, ADMITTED, request=RESUME) is Event.RESUME


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("request_", [LOAD, RESUME, Edit(), Close(), Retest(), Reset("operator", "a", "b")], ids=str)
def test_a_request_without_a_row_is_refused_with_the_state_that_it_needs(state: State, request_: object) -> None:
    """Never silent, never an event that the table ignores."""
    told, ruling = decided(stage(state), GOOD, facts(admitted=SETTINGS, sent=SENT_ON), request=request_)  # type: ignore[arg-type]
    if ruling.event is not Event.NONE:
        assert TRANSITIONS[state][ruling.event] is not None
        assert told.event is ruling.event
    elif not ruling.refused:
        assert isinstance(request_, Close | Reset)


@pytest.mark.parametrize("clears", [c for c in Clears if c is not Clears.BY_ITSELF])
@pytest.mark.parametrize("request_", [LOAD, RESUME], ids=["load", "resume"])
def test_nothing_is_loaded_over_a_latch(request_: Load | Resume, clears: Clears) -> None:
    """Whoever may clear it: clear it first."""
    assert "latched" in refused(STANDBY, GOOD, facts(admitted=SETTINGS, latches=(latch(clears),)), request=request_)


@pytest.mark.parametrize("request_", [LOAD, RESUME], ids=["load", "resume"])
def test_the_records_refusal_is_passed_on(request_: Load | Resume) -> None:
    """In the words that came of it; and while there is no answer the request waits."""
    assert refused(STANDBY, GOOD, facts(refused="it is closed"), request=request_) == "it is closed"
    assert refused(STANDBY, GOOD, facts(), request=request_) == ""


@pytest.mark.parametrize(
    ("purpose", "key"),
    [
        (Purpose.TREAT, "TREAT"),
        (Purpose.DAILY, "TREAT"),
        (Purpose.WARMUP, "TREAT"),
        (Purpose.CALIBRATE, "SERVICE"),
        (Purpose.DRY_RUN, "SERVICE"),
    ],
)
def test_the_key_must_stand_where_the_purpose_needs_it(purpose: Purpose, key: str) -> None:
    """In the other position, in none, in both, or with its channels apart: refused, and the position named."""
    right = CONTACTS if key == "TREAT" else SERVICE
    other = SERVICE if key == "TREAT" else CONTACTS
    none = CONTACTS & ~int(Contact.KEY_TREAT)
    both = CONTACTS | SERVICE
    request = Load(prescribed(purpose=purpose), "op", "physicist")
    assert (
        event_of(STANDBY, readings(unit_contacts_a=right, unit_contacts_b=right), ADMITTED, request=request)
        is Event.LOAD
    )
    for a, b in ((other, other), (none, none), (both, both), (right, none), (none, right), (right, other)):
        words = refused(STANDBY, readings(unit_contacts_a=a, unit_contacts_b=b), ADMITTED, request=request)
        assert key in words
    assert key in refused(STANDBY, readings(unit=None), ADMITTED, request=request)


def test_a_resume_waits_for_the_durable_end_of_the_segment() -> None:
    """Until the TERMINAL is on the disk the rest is not known."""
    f = facts(admitted=SETTINGS, terminal_durable=False)
    assert refused(stage(State.INTERRUPTED), GOOD, f, request=RESUME) == ""


def test_the_states_of_an_edit() -> None:
    """Wherever a fraction is loaded, beam included; nowhere else."""
    takes = {s for s in State if decided(stage(s), beaming(), facts(TOKENED), request=Edit())[1].event is Event.EDIT}
    assert takes == {State.PREPARATORY, State.ARMING, State.READY, State.STARTING, State.IRRADIATING}


def test_closing() -> None:
    """TERMINATED: the end durable and the unit reset; INTERRUPTED: durable; STANDBY: something is open, and no exposure waits for its end."""
    close = Close("done")
    ended, partial = stage(State.TERMINATED), stage(State.INTERRUPTED)
    assert event_of(ended, GOOD, facts(), request=close) is Event.CLOSE
    assert refused(ended, GOOD, facts(terminal_durable=False), request=close) == ""
    assert refused(ended, GOOD, facts(reset_read_back=False), request=close) == ""
    assert event_of(partial, GOOD, facts(reset_read_back=False), request=close) is Event.CLOSE
    assert refused(partial, GOOD, facts(terminal_durable=False), request=close) == ""
    assert "no fraction is open" in refused(STANDBY, GOOD, facts(), request=close)
    assert "no fraction is open" in refused(STANDBY, GOOD, facts(statement=None), request=close)
    has = facts(statement=statement(opens=(open_fraction(),)))
    assert event_of(STANDBY, GOOD, has, request=close) is Event.CLOSE
    running = facts(statement=statement(opens=(open_fraction(),)), unended=True)
    assert refused(STANDBY, GOOD, running, request=close) == ""


@pytest.mark.parametrize("request_", [Alive(), Status(), Watch()], ids=str)
def test_what_asks_for_nothing_decides_nothing(request_: object) -> None:
    """A request without a guard is never an event."""
    for state in State:
        f = facts(sent=SENT_ON, off=OFF_BAD, off_since_s=None)
        told, ruling = decided(stage(state), readings(), f, request=request_)  # type: ignore[arg-type]
        assert ruling.event is Event.NONE
        assert told.event in (Event.NONE, Event.TESTS_PASSED)


def test_a_worse_event_leaves_a_load_where_it_was() -> None:
    """A lost unit, or a trip that faults, in the tick of the LOAD wins; a door in STANDBY is only shown."""
    lost = verdict(finding("unit_link", Trip.UNIT_LOST))
    assert event_of(STANDBY, GOOD, ADMITTED, lost, request=LOAD) is Event.UNIT_LOST
    told, ruling = decided(STANDBY, GOOD, ADMITTED, verdict(DOOR), request=LOAD)
    assert told.event is Event.LOAD
    assert told.heard is Event.TRIP_STOP
    assert ruling.event is Event.LOAD


@pytest.mark.parametrize(
    ("phase", "event"),
    [
        (Phase.IDENTIFY, "NONE"),
        (Phase.VERIFY_OFF, "NONE"),
        (Phase.RECONCILE, "NONE"),
        (Phase.SETTLE, "NONE"),
        (Phase.UNIT_TESTS, "NONE"),
        (Phase.PASSED, "TESTS_PASSED"),
        (Phase.FAILED, "TESTS_FAILED"),
        (Phase.LATCHED, "LATCH_FOUND"),
        (Phase.STUCK, "STUCK_FOUND"),
    ],
)
def test_the_self_test_speaks_in_its_own_state_only(phase: Phase, event: str) -> None:
    """Every phase has its event or none, and no other state hears it."""
    f = facts(tests=Progress(phase, NOW))
    assert event_of(stage(State.SELF_TEST), GOOD, f) is Event[event]
    for state in State:
        if state is not State.SELF_TEST:
            r = beaming() if state in (State.STARTING, State.IRRADIATING) else GOOD
            heard = decided(stage(state), r, msgspec.structs.replace(f, case=TOKENED, off=OFF_BAD))[0].heard
            assert not heard.name.startswith(("TESTS", "LATCH", "STUCK"))


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("trip", [Trip.UNIT_LOST, Trip.GEN_LOST])
def test_a_silent_device_begins_no_test_again_that_has_not_begun(trip: Trip, phase: Phase) -> None:
    """Beginning again each tick would take away the words that say who is silent, or that it is a wrong device."""
    silent, testing = verdict(finding("link", trip)), facts(tests=Progress(phase, NOW))
    own = {
        Phase.IDENTIFY: Event.NONE,
        Phase.FAILED: Event.TESTS_FAILED,
        Phase.LATCHED: Event.LATCH_FOUND,
        Phase.STUCK: Event.STUCK_FOUND,
    }
    assert event_of(stage(State.SELF_TEST), GOOD, testing, silent) is own.get(phase, Event[trip.name])


def test_a_reboot_or_a_latched_unit_is_the_self_tests_own_business() -> None:
    """In SELF_TEST they are dealt with by its steps; elsewhere they are events."""
    reboot = verdict(finding("boot_count", Trip.UNIT_REBOOT))
    latched = verdict(finding("unit_latched", Trip.TRIP_FAULT))
    testing = facts(tests=Progress(Phase.VERIFY_OFF, NOW))
    for v in (reboot, latched):
        assert event_of(stage(State.SELF_TEST), GOOD, testing, v) is Event.NONE
        assert event_of(STANDBY, GOOD, facts(), v) is not Event.NONE
    assert event_of(STANDBY, GOOD, facts(), QUIET) is Event.NONE


@pytest.mark.parametrize("role", ["operator", "", "Physicist", "anybody"])
def test_a_calibration_is_no_operators_work(role: str) -> None:
    request = Load(prescribed(purpose=Purpose.CALIBRATE), "op", role)
    seen = readings(unit_contacts_a=SERVICE, unit_contacts_b=SERVICE)
    assert event_of(STANDBY, seen, ADMITTED, request=request) is Event.NONE
    assert "CALIBRATE is for physicist or service" in refused(STANDBY, seen, ADMITTED, request=request)


@pytest.mark.parametrize("purpose", Purpose)
def test_who_may_load_what(purpose: Purpose) -> None:
    """A calibration and a dry run the physicist or service, anything else whoever is logged in at all."""
    contacts = SERVICE if purpose in (Purpose.CALIBRATE, Purpose.DRY_RUN) else CONTACTS
    seen = readings(unit_contacts_a=contacts, unit_contacts_b=contacts)
    for role in ("operator", "physicist", "service", ""):
        may = role in ("physicist", "service") or (role == "operator" and contacts != SERVICE)
        event = event_of(STANDBY, seen, ADMITTED, request=Load(prescribed(purpose=purpose), "op", role))
        assert event is (Event.LOAD if may else Event.NONE), role


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("state", [State.STANDBY, State.INTERRUPTED])
def test_what_was_interrupted_is_resumed_unless_it_was_to_measure(purpose: Purpose, state: State) -> None:
    """A calibration, or a dry run, that ended early is spoiled: refused in words; anything else goes on."""
    contacts = SERVICE if purpose in (Purpose.CALIBRATE, Purpose.DRY_RUN) else CONTACTS
    seen = readings(unit_contacts_a=contacts, unit_contacts_b=contacts)
    resume = Resume(prescribed(purpose=purpose), "op", "go on")
    told, ruling = decided(stage(state), seen, ADMITTED, request=resume)
    if contacts == SERVICE:
        assert told.event is Event.NONE
        assert ruling.refused == f"{purpose.name} is not resumed; close it, and expose anew"
    else:
        assert (told.event, ruling.refused) == (Event.RESUME, "")
