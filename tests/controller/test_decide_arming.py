"""ARMED and PRESS, true and false: the token of a durable START, the set that was confirmed, K1 by its mirror, and one press, no more and no fewer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from decide_bench import (
    CLOSED,
    DOOR,
    K2_CLOSED,
    LAMPS,
    LOADED,
    NOW,
    PLAN,
    QUIET,
    SENT_ARMED,
    SETTINGS,
    STARTED,
    TOKEN,
    TOKENED,
    armed,
    committed,
    decided,
    event_of,
    facts,
    finding,
    pressed,
    readings,
    stage,
    statement,
    verdict,
)

from controller.decide import cause_event
from controller.states import TRANSITIONS, Event, State
from hal.readings import Cause, Relay, Termination, UnitState
from interlocks.words import Sent, Trip, Verdict

ARMING = stage(State.ARMING)
READY = stage(State.READY)
BLOCKED = verdict(finding("lamp", Trip.TRIP_STOP), forbids=False)


def test_armed_with_everything_in_place() -> None:
    """The guard can be true."""
    assert event_of(ARMING, armed(), facts(TOKENED, sent=SENT_ARMED)) is Event.ARMED


@pytest.mark.parametrize("state", [int(s) for s in UnitState if s is not UnitState.ARMED] + [0, 0x4445])
def test_the_unit_must_read_armed(state: int) -> None:
    """Any other state of the unit, RUN included, is not ARMED: a press before READY gives no beam."""
    assert event_of(ARMING, armed(unit_state=state), facts(TOKENED, sent=SENT_ARMED)) is Event.NONE


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_token": 0},
        {"unit_token": TOKEN - 1},
        {"unit_token": TOKEN + 1},
        {"unit_active_crc": PLAN.staging_crc ^ 1},
        {"unit_asked_at_s": SENT_ARMED.armed_at_s},
        {"unit_asked_at_s": NOW - 3.0},
        {"unit": None},
        {"flags": None},
        {"flags_supply_ready": False},
    ],
    ids=str,
)
def test_one_thing_amiss_is_not_armed(changes: dict[str, Any]) -> None:
    """Another token, another set, a status asked for before ARM was sent, a generator that is not charged: each alone keeps ARMING."""
    assert event_of(ARMING, armed(**changes), facts(TOKENED, sent=SENT_ARMED)) is Event.NONE


@pytest.mark.parametrize(
    ("case", "sent"),
    [(STARTED, SENT_ARMED), (LOADED, SENT_ARMED), (TOKENED, Sent())],
    ids=["no-token-yet", "no-start", "arm-not-passed"],
)
def test_without_a_durable_start_nothing_is_armed(case: Any, sent: Sent) -> None:
    """Law 9: no token from the records, or no ARM that the gate let through, no READY; whatever the unit says."""
    assert event_of(ARMING, armed(unit_token=case.token), facts(case, sent=sent)) is Event.NONE


def test_every_rule_must_be_true_to_become_ready() -> None:
    """A rule that only blocks a start keeps ARMING; one that forbids beam ends it."""
    assert event_of(ARMING, armed(), facts(TOKENED, sent=SENT_ARMED), verdict(forbids=True)) is Event.NONE
    told, _ = decided(ARMING, armed(), facts(TOKENED, sent=SENT_ARMED), verdict(blocks_start=("lamp",), forbids=False))
    assert told.event is Event.NONE
    assert event_of(ARMING, armed(), facts(TOKENED, sent=SENT_ARMED), verdict(DOOR)) is Event.TRIP_STOP


def test_arming_expires_after_three_seconds() -> None:
    """Also when everything falls into place in that very tick."""
    late = stage(State.ARMING, NOW - 3.01)
    assert event_of(late, committed(), facts(STARTED)) is Event.EXPIRED
    assert event_of(late, armed(), facts(TOKENED, sent=SENT_ARMED)) is Event.EXPIRED
    assert event_of(stage(State.ARMING, NOW - 2.99), committed(), facts(STARTED)) is Event.NONE


def press(v: Verdict = QUIET, sent: Sent = SENT_ARMED, since_s: float = NOW - 1.0, **changes: Any) -> Event:
    """The event of a press in READY with these changes."""
    return event_of(stage(State.READY, since_s), pressed(**changes), facts(TOKENED, sent=sent), v)


def test_one_press_is_a_press() -> None:
    """The guard can be true: RUN of our token, K1 closed, press count up by one."""
    assert press() is Event.PRESS


@pytest.mark.parametrize(("before", "after"), [(7, 8), (0, 1), (65535, 0), (65534, 65535)])
def test_the_press_count_goes_up_by_one_modulo_its_register(before: int, after: int) -> None:
    """One more is one more over the wrap too."""
    sent = msgspec.structs.replace(SENT_ARMED, press_count=before)
    assert press(sent=sent, unit_press_count=after) is Event.PRESS


@pytest.mark.parametrize(
    ("before", "after"), [(7, 7), (7, 9), (7, 6), (7, 10), (65535, 65535), (65535, 1), (0, 65535), (0, 0), (None, 8)]
)
def test_any_other_press_count_is_a_fault(before: int | None, after: int) -> None:
    """None, two or a step back although the unit runs: not a press, but a fault, and never beam."""
    sent = msgspec.structs.replace(SENT_ARMED, press_count=before)
    assert press(sent=sent, unit_press_count=after) is Event.TRIP_FAULT


@pytest.mark.parametrize("state", [int(s) for s in UnitState if s not in (UnitState.RUN, UnitState.ENDED)] + [0x8786])
def test_the_unit_must_run(state: int) -> None:
    """A press that the unit counted but did not take gives nothing."""
    assert press(unit_state=state) is Event.NONE


@pytest.mark.parametrize("token", [0, TOKEN - 1, TOKEN + 1])
def test_a_run_of_another_token_is_no_press(token: int) -> None:
    """Another exposure's RUN is not ours."""
    assert press(unit_token=token) is Event.NONE


@pytest.mark.parametrize("relays", [K2_CLOSED, CLOSED | int(Relay.K1_MIRROR_OPEN)])
def test_k1_must_be_closed_by_its_mirror(relays: int) -> None:
    """Until the mirror contact says closed there is no press yet, whatever the coil is told."""
    assert press(unit_relays=relays) is Event.NONE
    assert press(unit_relays=CLOSED & ~LAMPS) is Event.PRESS


def test_every_rule_must_be_true_at_the_press() -> None:
    """Forbidden beam, and also a rule that only blocks a start: no press in this tick."""
    assert press(verdict(forbids=True)) is Event.NONE
    assert press(verdict(blocks_start=("lamp",), forbids=False)) is Event.NONE
    assert press(verdict(DOOR)) is Event.TRIP_STOP
    assert press(BLOCKED) is Event.TRIP_STOP


def test_a_rule_that_sends_off_at_the_press_says_why() -> None:
    """The gate's off has forgotten the press count in that tick: the event is the rule's, not a fault of the unit's."""
    off = msgspec.structs.replace(SENT_ARMED, armed_at_s=None, press_count=None, command="off")
    assert press(verdict(finding("recorder_fresh", Trip.RECORDER_LOST)), off) is Event.RECORDER_LOST


@pytest.mark.parametrize("cause", [*Cause, 99])
@pytest.mark.parametrize("termination", list(Termination))
def test_a_run_that_nobody_read_ends_ready_with_the_unit_s_cause(cause: int, termination: Termination) -> None:
    """Pressed and let go between two looks: the unit's end is heard as in beam, in its words, by an event that leads out of READY. No ON was sent, so a
    preset or a backup that was reached all the same is a fault."""
    terms = msgspec.structs.replace(SETTINGS.terms, termination=termination)
    case = msgspec.structs.replace(TOKENED, settings=msgspec.structs.replace(SETTINGS, terms=terms))
    r = armed(unit_state=int(UnitState.ENDED), unit_first_cause=int(cause), unit_press_count=8)
    told, _ = decided(READY, r, facts(case, sent=SENT_ARMED))
    in_beam = cause_event(cause, termination)
    assert told.event is (Event.TRIP_FAULT if in_beam in (Event.TIME_END, Event.DOSE_END) else in_beam)
    assert TRANSITIONS[State.READY][told.event] not in (None, State.READY)
    assert told.rule.startswith("unit:") and "the safety unit ended the beam" in told.words


@pytest.mark.parametrize("cause", [Cause.SWITCH, Cause.RATE, Cause.KEY])
def test_an_end_is_heard_beside_a_rule_that_forbids_beam(cause: Cause) -> None:
    """The worse of the two is taken; a rule as bad as the unit's cause comes before it."""
    r = armed(unit_state=int(UnitState.ENDED), unit_first_cause=int(cause))
    told, _ = decided(READY, r, facts(TOKENED, sent=SENT_ARMED), verdict(DOOR))
    assert told.rule == ("unit:RATE" if cause is Cause.RATE else "door")


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_token": TOKEN - 1},
        {"unit_state": int(UnitState.LATCHED)},
        {"unit_state": int(UnitState.IDLE)},
        {"unit": None},
    ],
    ids=str,
)
def test_what_is_no_end_of_this_exposure_is_none(changes: dict[str, Any]) -> None:
    """Another token's end, a unit that latched, that permits nothing, or that is not read: rules or the gate speak for these. Nor without settings."""
    r = armed(**({"unit_state": int(UnitState.ENDED)} | changes))
    assert event_of(READY, r, facts(TOKENED, sent=SENT_ARMED)) is Event.NONE
    bare = msgspec.structs.replace(TOKENED, settings=None)
    assert event_of(READY, armed(unit_state=int(UnitState.ENDED)), facts(bare, sent=SENT_ARMED)) is Event.NONE


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (
            "HOLD refused: not armed for 38; arm again",
            "HOLD refused: not armed for 38; arm again; first: confirm again",
        ),
        ("", "nothing is permitted any more: what was wanted of the machine was refused; first: confirm again"),
    ],
)
def test_a_refusal_of_the_gate_ends_ready_in_its_words(refused: str, words: str) -> None:
    """OFF has gone and the permission is forgotten: no press can start a beam any more, and nobody waits a minute for it. A verdict that made it says
    why by its rule."""
    off = Sent(command="off", terms=SETTINGS.terms, refused=refused)
    told, _ = decided(READY, armed(unit_state=int(UnitState.ENDED), unit_token=TOKEN - 1), facts(TOKENED, sent=off))
    assert (told.event, told.rule) == (Event.TRIP_STOP, "refused")
    assert told.words.startswith(words)
    assert decided(READY, armed(), facts(TOKENED, sent=off), verdict(DOOR))[0].rule == "door"
    told, _ = decided(READY, pressed(), facts(TOKENED, sent=off))
    assert (told.event, told.rule) == (Event.TRIP_STOP, "refused"), "the unit ran until that off: no fault of its press"


def test_worse_events_beat_the_press() -> None:
    """STOP, key and expiry in the tick of the press."""
    at, r, f = READY, pressed(), facts(TOKENED, sent=SENT_ARMED)
    assert event_of(at, r, f, stop=True) is Event.STOP
    assert event_of(at, r, f, verdict(finding("key", Trip.KEY_OFF))) is Event.KEY_OFF
    assert press(since_s=NOW - 60.01) is Event.EXPIRED


def test_ready_expires_after_sixty_seconds() -> None:
    """And not before."""
    f = facts(TOKENED, sent=SENT_ARMED)
    assert event_of(stage(State.READY, NOW - 59.99), armed(), f) is Event.NONE
    assert event_of(stage(State.READY, NOW - 60.01), armed(), f) is Event.EXPIRED


def test_a_unit_that_is_not_read_gives_no_press() -> None:
    """No status at all: nothing."""
    assert event_of(READY, pressed(unit=None), facts(TOKENED, sent=SENT_ARMED)) is Event.NONE


@pytest.mark.parametrize("state", [state for state in State if state is not State.READY])
def test_a_press_moves_no_other_state(state: State) -> None:
    """In no state but READY is a RUN of the unit a PRESS."""
    f = facts(TOKENED, sent=SENT_ARMED)
    assert decided(stage(state), pressed(), f)[0].event is not Event.PRESS
    assert decided(stage(state), readings(), f)[0].event is not Event.PRESS


def test_a_start_that_the_records_refused_is_unloaded_at_once_with_their_reason() -> None:
    """Waiting for its token would end by time alone, with words that name no cause; an earlier START's refusal is not this one's."""
    start_seq = STARTED.start_seq
    why = "a physicist is needed: 31 min since the last beam (bound 30 min)"
    said = statement(refused_seq=start_seq, refused=why)
    for r in (committed(), readings(unit=None)):
        told, _ = decided(ARMING, r, facts(STARTED, statement=said))
        assert (told.event, told.rule) == (Event.EDIT, "start")
        assert told.words == f"{why}; first: load it again, or resume it"
    for other in (statement(refused_seq=start_seq - 1, refused=why), statement(), None):
        assert event_of(ARMING, committed(), facts(STARTED, statement=other)) is Event.NONE
    assert event_of(ARMING, committed(), facts(LOADED, statement=statement())) is Event.NONE
    worse, _ = decided(ARMING, committed(), facts(STARTED, statement=said), verdict(DOOR))
    assert worse.event is Event.TRIP_STOP
