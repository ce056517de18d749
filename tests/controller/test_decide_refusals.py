"""What a refusal says, word for word, and the guards' parts that stand in for nothing else: ADOPT, which of two findings is named, and the key alone."""

from __future__ import annotations

import msgspec
import pytest
from decide_bench import (
    LOST,
    MACHINE,
    NOW,
    OFF_BAD,
    OFF_GOOD,
    OFFERED,
    SENT_ARMED,
    SENT_ON,
    SENT_REST,
    SERVICE,
    SETTINGS,
    TOKEN,
    TOKENED,
    armed,
    beaming,
    committed,
    decided,
    event_of,
    facts,
    finding,
    latch,
    pressed,
    readings,
    refused,
    stage,
    statement,
    verdict,
)
from dose_bench import prescribed

from controller.case import Case
from controller.channels import smallest_rest_mgy
from controller.decide import STOP_WORDS
from controller.dose import Dose
from controller.entries import Outcome
from controller.exposure import Decided
from controller.facts import Ruling
from controller.off import Evidence
from controller.prescribed import Quality
from controller.requests import Adopt, Close, Confirm, Edit, Load, Request, Reset, Resume, Retest
from controller.self_test import Phase
from controller.self_test import Tests as Progress
from controller.states import Event, State
from hal.machine import ALL_FITTED, Capabilities, Fitted
from hal.readings import Cause, Contact, UnitState
from interlocks.words import Clears, Trip

LOAD, RESUME = Load(prescribed(), "op"), Resume(prescribed(), "op", "go on")
CONFIRM = Confirm(3, SETTINGS.digest)
ADOPT = Adopt("service", "anna", "the recorder was dead")
SERVICED = Reset("service", "anna", "seen")
STUCK = stage(State.STUCK_ON, NOW - 500.0)
TWO = Reset("service", "anna, bert", "mains switched off and on")
KEY, NO_KEY = SERVICE, SERVICE & ~int(Contact.KEY_SERVICE)
LATCHED = int(UnitState.LATCHED)


@pytest.mark.parametrize(
    ("request_", "state", "words"),
    [
        (LOAD, State.FAULT, "loading a fraction is not possible in FAULT; it needs STANDBY"),
        (RESUME, State.READY, "resuming is not possible in READY; it needs STANDBY or INTERRUPTED"),
        (CONFIRM, State.STANDBY, "confirming is not possible in STANDBY; it needs PREPARATORY with an offer"),
        (Edit(), State.STANDBY, "unloading is not possible in STANDBY; it needs a loaded fraction"),
        (Close(), State.FAULT, "closing is not possible in FAULT; it needs TERMINATED, INTERRUPTED, or STANDBY with an open fraction"),
        (SERVICED, State.READY, "a reset is not possible in READY; it needs STANDBY, INTERRUPTED, TERMINATED, FAULT or STUCK_ON"),
        (ADOPT, State.STANDBY, "taking in a retained exposure is not possible in STANDBY; it needs FAULT"),
        (ADOPT, State.STUCK_ON, "taking in a retained exposure is not possible in STUCK_ON; it needs FAULT"),
        (Retest(), State.READY, "a self-test is not possible in READY; it needs STANDBY"),
    ],
)  # fmt: skip
def test_a_state_without_a_row_is_named_with_those_that_have_one(request_: Request, state: State, words: str) -> None:
    """What was asked for, where one is, and where one would have to be."""
    assert refused(stage(state), readings(), facts(OFFERED, sent=SENT_ARMED), request=request_) == words


def test_a_resume_of_records_that_stand_open_waits_for_no_end() -> None:
    """Only behind an exposure of this process is the end still on its way to the disk."""
    f = facts(admitted=SETTINGS, terminal_durable=False)
    assert event_of(stage(State.STANDBY), readings(), f, request=RESUME) is Event.RESUME


def test_of_several_findings_the_one_that_blocks_first_is_named() -> None:
    """By the order of what blocks a start, not of what was found; one without a finding by its name."""
    at, first, second = stage(State.PREPARATORY), finding("door", Trip.KEY_OFF), finding("lamp", Trip.KEY_OFF)
    f = facts(msgspec.structs.replace(OFFERED, offer_at_s=NOW - 1.0))
    for blocks, named in (
        (("lamp", "door"), "lamp is not true"),
        (("door", "lamp"), "door is not true"),
        (("gone", "door"), "gone"),
    ):
        found = verdict(first, second, blocks_start=blocks, forbids=False)
        told, ruling = decided(at, committed(), f, found, request=CONFIRM)
        assert told.event is Event.KEY_OFF
        assert ruling.refused == f"not ready: {named}"


def test_the_first_latch_and_the_cause_that_is_its_own_are_named() -> None:
    """Of two latches the first; of two findings the one that is latched."""
    latches = (latch(Clears.BY_SERVICE, "hv_uncommanded"), latch(Clears.BY_PHYSICIST, "stray_beam"))
    words = refused(stage(State.FAULT), readings(), facts(latches=latches), request=Reset("operator", "a", "b"))
    assert words == "hv_uncommanded was not true: not for the operator to clear (by_service)"
    words = refused(stage(State.STANDBY), readings(), facts(latches=latches), request=LOAD)
    assert words == "latched: hv_uncommanded was not true; clear it first (kerma reset)"
    words = refused(stage(State.STANDBY), readings(), facts(latches=latches), request=RESUME)
    assert words == "latched: hv_uncommanded was not true; clear it first (kerma reset)"
    both = verdict(finding("lamp", Trip.TRIP_STOP), finding("door", Trip.TRIP_STOP))
    door = facts(latches=(latch(Clears.BY_OPERATOR, "door"),))
    words = refused(stage(State.FAULT), readings(), door, both, request=Reset("operator", "a", "b"))
    assert words == "the cause is still there: door is not true"


@pytest.mark.parametrize("state", [State.STANDBY, State.INTERRUPTED, State.TERMINATED])
def test_the_units_latch_is_let_go_in_fault_and_nowhere_else(state: State) -> None:
    """Elsewhere a reset clears what is latched here; a unit that is latched leads to FAULT by its own rule."""
    held = readings(unit_state=LATCHED)
    assert event_of(stage(state), held, facts(), request=SERVICED) is Event.RESET
    assert event_of(stage(State.FAULT), readings(unit=None), facts(), request=SERVICED) is Event.RESET


@pytest.mark.parametrize("contacts", [(NO_KEY, NO_KEY), (KEY, NO_KEY), (NO_KEY, KEY)])
def test_it_is_the_key_that_counts_and_in_both_channels(contacts: tuple[int, int]) -> None:
    """With every other contact closed: no unlatch, no way out of STUCK_ON, no retained exposure."""
    given = {"unit_contacts_a": contacts[0], "unit_contacts_b": contacts[1]}
    held = readings(unit_state=LATCHED, **given)
    words = refused(stage(State.FAULT), held, facts(), request=SERVICED)
    assert words == "the safety unit is latched: role service, with the key in SERVICE"
    ready = facts(off=OFF_GOOD, off_since_s=NOW - 60.0, generator_power_cycled=True)
    words = refused(STUCK, readings(**given), ready, request=TWO)
    assert words == "the beam may be on; to leave this state: the key in SERVICE"


def test_what_is_lacking_in_stuck_on_is_said_with_its_number() -> None:
    """Time not known is no time; only what nobody may clear is named of the latches; a unit that is not read is no unit that is latched."""
    lacking = facts(off=OFF_GOOD, off_since_s=None, generator_power_cycled=True, latches=(latch(Clears.BY_OPERATOR),))
    given = {"unit_contacts_a": KEY, "unit_contacts_b": KEY}
    words = refused(STUCK, readings(**given), lacking, request=TWO)
    assert words == (
        "the beam may be on; to leave this state: high voltage and both chambers off for 60 s (now 0 s)"
    )  # fmt: skip


RETAINED = {"unit_token": TOKEN + 5, "unit_contacts_a": KEY, "unit_contacts_b": KEY}


def test_a_retained_exposure_is_taken_in_by_service_with_off_verified() -> None:
    """ADOPT is a reset of FAULT; while off is not verified, or the guard of the retained exposure has words, it is none."""
    at, known = stage(State.FAULT), facts(statement=statement())
    assert event_of(at, readings(**RETAINED), known, request=ADOPT) is Event.RESET
    off = facts(statement=statement(), off=OFF_BAD)
    words = refused(at, readings(**RETAINED), off, request=ADOPT)
    assert words == "off is not verified: the generator reads 69.5 kV"
    words = refused(at, readings(**RETAINED), known, request=Adopt("operator", "anna", "x"))
    assert words == "taking in a retained exposure needs the role service, a name and a reason"


def test_a_decision_is_whole() -> None:
    """Event, worst heard, rule and words: of a quiet tick, of a request that is taken or refused, of STOP, and of a trip that the state ignores."""
    standby, ready = stage(State.STANDBY), stage(State.READY)
    nothing = Decided(Event.NONE, Event.NONE, "", "")
    assert decided(standby, readings(), facts())[0] == nothing
    assert decided(standby, readings(), facts(), request=Edit())[0] == nothing
    taken = decided(standby, readings(), facts(admitted=SETTINGS), request=LOAD)
    assert taken == (Decided(Event.LOAD, Event.LOAD, "", ""), Ruling(Event.LOAD))
    stopped = decided(ready, readings(), facts(), stop=True)[0]
    assert (stopped.event, stopped.heard, stopped.rule) == (Event.STOP, Event.STOP, "stop")
    assert stopped.words == STOP_WORDS and "; first: " in STOP_WORDS
    door = decided(standby, readings(), facts(), verdict(finding("door", Trip.TRIP_STOP)))[0]
    assert door == Decided(Event.NONE, Event.TRIP_STOP, "", "")


def test_what_the_table_ignores_hides_nothing_in_preparatory() -> None:
    """Without an offer a trip is ignored; of the rest what has no row is no event either, and hides none that has."""
    at = stage(State.PREPARATORY)
    both = verdict(finding("door", Trip.TRIP_STOP), finding("overdue", Trip.TIME_END))
    assert event_of(at, committed(), facts(), both) is Event.NONE
    expired = stage(State.PREPARATORY, NOW - 901.0)
    assert event_of(expired, committed(), facts(), both) is Event.EXPIRED
    door = decided(at, committed(), facts(), verdict(finding("door", Trip.TRIP_STOP)))[0]
    assert door == Decided(Event.NONE, Event.TRIP_STOP, "", "")
    three = verdict(*(finding(t.name, t) for t in (Trip.TRIP_STOP, Trip.DESK_LOST, Trip.KEY_OFF)))
    assert event_of(at, committed(), facts(), three) is Event.KEY_OFF


def test_a_fault_is_heard_while_nothing_was_tested_yet() -> None:
    """Only a silent link is left to the self-test's first step."""
    testing = facts(tests=Progress(Phase.IDENTIFY, NOW))
    fault = verdict(finding("scan_true", Trip.TRIP_FAULT))
    assert event_of(stage(State.SELF_TEST), readings(), testing, fault) is Event.TRIP_FAULT


def test_a_silent_link_is_an_event_where_no_test_is_under_way() -> None:
    """The self-test's step says nothing in another state."""
    lost = verdict(finding("unit_link", Trip.UNIT_LOST))
    testing = facts(tests=Progress(Phase.IDENTIFY, NOW))
    assert event_of(stage(State.STANDBY), readings(), testing, lost) is Event.UNIT_LOST


def test_a_state_that_lasts_too_long_says_so() -> None:
    """Exactly its time is not too long; the words name state and bound."""
    held = facts(sent=SENT_ARMED)
    assert event_of(stage(State.READY, NOW - 60.0), armed(), held) is Event.NONE
    told = decided(stage(State.READY, NOW - 61.0), armed(), held)[0]
    assert (told.event, told.rule) == (Event.EXPIRED, "expired")
    assert told.words.startswith("READY lasted longer than 60 s; first: ")


def test_the_self_test_says_what_it_found() -> None:
    """Its own words behind its own name."""
    failed = facts(tests=Progress(Phase.FAILED, NOW, words="K1 does not open"))
    told = decided(stage(State.SELF_TEST), readings(), failed)[0]
    assert told == Decided(Event.TESTS_FAILED, Event.TESTS_FAILED, "self_test", "K1 does not open")
    passed = decided(stage(State.SELF_TEST), readings(), facts())[0]
    assert (passed.event, passed.rule) == (Event.TESTS_PASSED, "self_test")


def test_nothing_is_armed_without_settings() -> None:
    """A token alone, with everything else as it should be."""
    at, sent = stage(State.ARMING), SENT_ARMED
    assert event_of(at, armed(), facts(TOKENED, sent=sent)) is Event.ARMED
    assert event_of(at, armed(), facts(msgspec.structs.replace(TOKENED, settings=None), sent=sent)) is Event.NONE
    assert event_of(at, armed(flags=None), facts(TOKENED, sent=sent)) is Event.NONE
    assert event_of(at, armed(unit=None), facts(TOKENED, sent=sent)) is Event.NONE


def test_what_the_unit_makes_known_stands_behind_no_rule() -> None:
    """ARMED and PRESS are whole decisions without rule or words; a press count that did not go up by one is a rule's with words."""
    sent = SENT_ARMED
    told = decided(stage(State.ARMING), armed(), facts(TOKENED, sent=sent))[0]
    assert told == Decided(Event.ARMED, Event.ARMED, "", "")
    told = decided(stage(State.READY), pressed(), facts(TOKENED, sent=sent))[0]
    assert told == Decided(Event.PRESS, Event.PRESS, "", "")
    told = decided(stage(State.READY), pressed(unit_press_count=9), facts(TOKENED, sent=sent))[0]
    assert (told.event, told.rule) == (Event.TRIP_FAULT, "press")
    assert told.words.startswith("the unit runs, but its press count went from 7 to 9, not up by one; first: ")
    for state in (State.STARTING, State.IRRADIATING):
        assert event_of(stage(state), beaming(unit=None), facts(TOKENED, sent=SENT_ARMED)) is Event.NONE
        bare = facts(msgspec.structs.replace(TOKENED, settings=None), sent=SENT_ARMED)
        assert event_of(stage(state), beaming(), bare) is Event.NONE


def test_an_end_by_the_unit_is_said_with_its_cause_and_who_disarmed() -> None:
    """Its cause by name, or by its number when it is none; who sent the DISARM is only said of a DISARM."""
    at = stage(State.IRRADIATING)
    ended = {"unit_state": int(UnitState.ENDED)}
    told = {
        cause: decided(at, beaming(**ended, unit_first_cause=cause), facts(TOKENED, sent=SENT_ON))[0]
        for cause in (int(Cause.DOOR), int(Cause.DISARM), 999)
    }
    door, disarmed, none = told.values()
    assert (door.event, door.rule) == (Event.TRIP_STOP, "unit:DOOR")
    assert door.words == "the safety unit ended the beam: DOOR: the door was opened; first: close the door"
    assert disarmed.rule == "unit:DISARM"
    assert disarmed.words.startswith("the safety unit ended the beam: DISARM, sent by another Modbus master: ")
    assert (none.event, none.rule) == (Event.TRIP_FAULT, "unit:999")
    own = facts(TOKENED, sent=msgspec.structs.replace(SENT_REST, refused="HOLD refused"))
    words = decided(at, beaming(**ended, unit_first_cause=int(Cause.DISARM)), own)[0].words
    assert "DISARM, sent by this program HOLD refused: " in words


def test_beam_is_steady_once_and_says_nothing() -> None:
    """In STARTING; in IRRADIATING it is not even heard. A sample of the moment of ON itself will do."""
    f, nothing = facts(TOKENED, sent=SENT_ON), Decided(Event.NONE, Event.NONE, "", "")
    assert decided(stage(State.STARTING), beaming(), f)[0] == Decided(Event.BEAM_OK, Event.BEAM_OK, "", "")
    assert decided(stage(State.IRRADIATING), beaming(), f)[0] == nothing
    assert event_of(stage(State.STARTING), beaming(monitor_asked_at_s=SENT_ON.on_at_s), f) is Event.BEAM_OK
    bare = facts(msgspec.structs.replace(TOKENED, settings=None), sent=SENT_ON)
    assert event_of(stage(State.STARTING), beaming(), bare) is Event.NONE


@pytest.mark.parametrize(
    ("kv", "ma", "kv_read", "ma_read", "is_steady"),
    [
        (100.0, 1.0, 102.0, 1.0, True), (100.0, 1.0, 102.01, 1.0, False), (20.0, 1.0, 21.0, 1.0, True),
        (20.0, 1.0, 21.01, 1.0, False), (100.0, 0.0, 100.0, 0.0, True), (100.0, 4.0, 100.0, 4.19, True),
        (100.0, 4.0, 100.0, 4.21, False), (100.0, 1.0, 100.0, 1.049, True),
    ],
)  # fmt: skip
def test_steady_is_within_1_kv_or_2_percent_and_5_percent_of_the_current(
    kv: float, ma: float, kv_read: float, ma_read: float, is_steady: bool
) -> None:
    """Of kV whichever is more; and any dose rate at all in both chambers."""
    terms = msgspec.structs.replace(SETTINGS.terms, kv=kv, ma=ma)
    f = facts(msgspec.structs.replace(TOKENED, settings=msgspec.structs.replace(SETTINGS, terms=terms)), sent=SENT_ON)
    given = beaming(monitor_kv=kv_read, monitor_ma=ma_read)
    little = Dose(rate_1_mgy_per_s=0.5, rate_2_mgy_per_s=0.5)
    assert (event_of(stage(State.STARTING), given, f, dose=little) is Event.BEAM_OK) is is_steady


def test_without_chambers_no_rate_is_waited_for() -> None:
    """And only without them: another part that is missing does not stand in."""
    for fitted, is_steady in (
        (ALL_FITTED, False),
        (ALL_FITTED & ~Fitted.CHAMBERS, True),
        (ALL_FITTED & ~Fitted.CHAMBER_SUPPLY, False),
    ):
        f = facts(TOKENED, sent=SENT_ON, machine=msgspec.structs.replace(MACHINE, fitted=fitted))
        told = event_of(stage(State.STARTING), beaming(), f, dose=Dose())
        assert (told is Event.BEAM_OK) is is_steady


BARE = msgspec.structs.replace(TOKENED, settings=None)
OWN_SILENCE = msgspec.structs.replace(TOKENED, settings=msgspec.structs.replace(SETTINGS, silence_s=0.7))
WATCHED = msgspec.structs.replace(MACHINE, watchdog_s=1.5)


@pytest.mark.parametrize(
    ("case", "machine", "lost", "deadline_s"),
    [
        (TOKENED, MACHINE, False, 0.4), (TOKENED, MACHINE, True, 0.6), (OWN_SILENCE, WATCHED, True, 1.1),
        (BARE, MACHINE, False, 4.0), (BARE, MACHINE, True, 4.2), (BARE, WATCHED, True, 5.5),
    ],
)  # fmt: skip
def test_off_is_to_be_verified_in_its_time_and_a_lost_links_silence_more(
    case: Case, machine: Capabilities, lost: bool, deadline_s: float
) -> None:
    """The discharge of these settings, or the longest; and the time after which a device that hears nothing has gone off by itself."""
    for link in ("unit_link", "generator_link"):
        r = readings(**({link: LOST} if lost else {}))
        f = facts(case, machine=machine, off=OFF_BAD)
        assert event_of(stage(State.STOPPING, NOW - deadline_s + 0.01), r, f) is Event.NONE
        told = decided(stage(State.STOPPING, NOW - deadline_s - 0.01), r, f)[0]
        assert (told.event, told.rule) == (Event.OFF_UNVERIFIED, "stuck_on")
        assert told.words.startswith(
            f"off is not verified {deadline_s + 0.01:.1f} s after it was sent (bound {deadline_s:.1f} s): the generator reads 69.5 kV; first: "
        )
    silent = facts(case, machine=machine, off=Evidence(False, False, False, "", ""), off_since_s=None)
    words = decided(stage(State.STOPPING, NOW - 9.0), readings(), silent)[0].words
    assert ": no evidence from the devices; first: " in words
    late = facts(case, machine=machine, off=Evidence(False, False, False, "", "the unit"), off_since_s=None)
    assert (
        ": no evidence from the unit; first: " in decided(stage(State.STOPPING, NOW - 9.0), readings(), late)[0].words
    )


def test_off_is_settled_when_it_has_held_for_a_fifth_of_a_second() -> None:
    """Exactly that long is long enough; not verified, or since when is not known, is not settled."""
    at = stage(State.STOPPING, 0.0)
    for off, since_s, settled in (
        (OFF_GOOD, 0.0, True),
        (OFF_GOOD, 0.01, False),
        (OFF_GOOD, None, False),
        (OFF_BAD, 0.0, False),
    ):
        told = decided(at, readings(now_s=0.2), facts(TOKENED, off=off, off_since_s=since_s))[0]
        assert told.event.name.startswith("OFF_VERIFIED") is settled
        if settled:
            assert (told.rule, told.words) == ("", "")


def test_the_bounds_of_stopping_themselves() -> None:
    """At the deadline off is not late; rates of a measurement window after off are later; what is left at the least that can be given is nothing."""
    assert event_of(stage(State.STOPPING, 0.0), readings(now_s=4.0), facts(BARE, off=OFF_BAD)) is Event.NONE
    own = facts(BARE, off_since_s=0.0)
    at = stage(State.STOPPING, 0.0, outcome=Outcome.FAULT)
    for asked_s, event in ((0.2, Event.OFF_VERIFIED_FAULT), (0.19, Event.NONE)):
        assert event_of(at, readings(now_s=0.3, slow_asked_at_s=asked_s), own) is event
    settings = msgspec.structs.replace(SETTINGS, d0_mgy=10_000.0, rest_mgy=10_000.0)
    case, at = msgspec.structs.replace(TOKENED, settings=settings), stage(State.STOPPING, outcome=Outcome.INTERRUPTED)
    rest = smallest_rest_mgy(10_000.0)
    for delivered, event in (
        (10_000.0 - rest, Event.OFF_VERIFIED_TERMINATED),
        (9_999.0 - rest, Event.OFF_VERIFIED_INTERRUPTED),
    ):
        dose = Dose(fraction_delivered_mgy=delivered, fraction_quality=Quality.GOOD)
        assert event_of(at, readings(), facts(case), dose=dose) is event
