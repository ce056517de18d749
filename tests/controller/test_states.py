"""The table itself: total, lawful, and the same when `transitions` turns it."""

import pytest

from controller.entries import Outcome
from controller.exposure import OUTCOME_OF, Decided, Exposure, build
from controller.states import AT_REST, BEAM, TRANSITIONS, Event, State, _row
from hal.units import Seconds

REAL_EVENTS = [event for event in Event if event is not Event.NONE]
SAFE_ALWAYS = (State.FAULT, State.STUCK_ON)


def test_every_state_times_every_event_has_a_row() -> None:
    """The table is total: no pair is missing, and none names something that is not a state."""
    for state in State:
        assert set(TRANSITIONS[state]) == set(REAL_EVENTS)
        for to in TRANSITIONS[state].values():
            assert to is None or isinstance(to, State)


def test_a_missing_or_doubled_event_is_refused_at_import() -> None:
    """A hole in a row, or a pair named twice, cannot be loaded."""
    with pytest.raises(ValueError, match="missing"):
        _row({Event.STOP: State.STANDBY}, ())
    with pytest.raises(ValueError, match="named twice"):
        _row(dict.fromkeys(REAL_EVENTS, State.FAULT), (Event.STOP,))


def test_ready_and_press_is_the_only_way_into_starting() -> None:
    """No other pair of the table leads to STARTING, and only BEAM_OK leads on to IRRADIATING."""
    ways = [(s, e) for s in State for e, to in TRANSITIONS[s].items() if to is State.STARTING]
    assert ways == [(State.READY, Event.PRESS)]
    ways = [(s, e) for s in State for e, to in TRANSITIONS[s].items() if to is State.IRRADIATING]
    assert ways == [(State.STARTING, Event.BEAM_OK)]


def test_beam_states_are_left_only_through_stopping() -> None:
    """STARTING and IRRADIATING go to each other or to STOPPING, which verifies off; never straight to FAULT."""
    for state in BEAM:
        left = {to for to in TRANSITIONS[state].values() if to is not None}
        assert left <= {State.STOPPING, State.IRRADIATING}


def test_stop_ends_or_prevents_beam_in_every_state_that_leads_to_it() -> None:
    """STOP has a row wherever beam is on or being prepared."""
    for state in (State.PREPARATORY, State.ARMING, State.READY):
        assert TRANSITIONS[state][Event.STOP] is State.STANDBY
    for state in BEAM:
        assert TRANSITIONS[state][Event.STOP] is State.STOPPING


def test_stopping_can_only_be_left_by_evidence() -> None:
    """Only OFF_VERIFIED and OFF_UNVERIFIED move STOPPING; no level of stop or fault can keep it for ever."""
    moving = {e for e, to in TRANSITIONS[State.STOPPING].items() if to is not None}
    assert moving == {
        Event.OFF_UNVERIFIED,
        Event.OFF_VERIFIED_FAULT,
        Event.OFF_VERIFIED_INTERRUPTED,
        Event.OFF_VERIFIED_TERMINATED,
    }


def test_stuck_on_is_left_by_a_service_reset_only() -> None:
    """Nothing else moves STUCK_ON, STOP included."""
    assert {e for e, to in TRANSITIONS[State.STUCK_ON].items() if to is not None} == {Event.RESET}


def test_no_state_is_left_for_starting_by_recovery() -> None:
    """A lost unit, a restart or a reset leads to SELF_TEST, FAULT or STOPPING, never towards beam."""
    for state in State:
        for event in (Event.UNIT_LOST, Event.UNIT_REBOOT, Event.GEN_LOST, Event.RESET):
            to = TRANSITIONS[state][event]
            assert to in (None, State.SELF_TEST, State.STOPPING, state)


def test_the_engine_follows_the_table_in_every_pair() -> None:
    """`transitions` makes of each pair what the table says, and knows no other way to move."""
    model = build()
    for state in State:
        for event in REAL_EVENTS:
            model.state = state
            model.trigger(event.name)
            assert model.state is (TRANSITIONS[state][event] or state)
    assert not [name for name in dir(build()) if name.startswith("to_")]


def test_priority_is_the_order_of_events() -> None:
    """Worst first: uncommanded high voltage beats all, a lost unit beats a trip, STOP beats door and ends, an end beats requests."""
    order = [
        "HV_UNCOMMANDED",
        "INTERNAL",
        "UNIT_LOST",
        "UNIT_REBOOT",
        "GEN_LOST",
        "TRIP_FAULT",
        "STOP",
        "TRIP_STOP",
        "KEY_OFF",
    ]
    order += [
        "RECORDER_LOST",
        "DESK_LOST",
        "TIME_END",
        "DOSE_END",
        "OFF_UNVERIFIED",
        "EXPIRED",
        "EDIT",
        "CONFIRM",
        "PRESS",
    ]
    numbers = [Event[name] for name in order]
    assert numbers == sorted(numbers)


def _walk(*events: Event) -> Exposure:
    exposure = Exposure(Seconds(0.0))
    for number, event in enumerate(events):
        exposure.step(Decided(event, event, "rule", "words"), Seconds(float(number + 1)))
    return exposure


TO_BEAM = (Event.TESTS_PASSED, Event.LOAD, Event.CONFIRM, Event.ARMED, Event.PRESS, Event.BEAM_OK)


def test_stopping_keeps_the_worst_outcome_and_the_first_cause() -> None:
    """A door, then a lost generator while stopping: the outcome rises to FAULT, the cause stays the door, and it never falls again."""
    exposure = _walk(*TO_BEAM, Event.TRIP_STOP)
    assert exposure.stage.state is State.STOPPING
    assert exposure.stage.outcome is Outcome.INTERRUPTED
    exposure.step(Decided(Event.NONE, Event.GEN_LOST), Seconds(8.0))
    assert exposure.stage.outcome is Outcome.FAULT
    exposure.step(Decided(Event.NONE, Event.STOP), Seconds(9.0))
    assert exposure.stage.outcome is Outcome.FAULT
    assert exposure.stage.event is Event.TRIP_STOP
    assert exposure.stage.stopped_at_s == 7.0


def test_entered_is_true_for_one_tick_only() -> None:
    """The tick of a transition is marked, the next is not: ON is wanted once."""
    exposure = _walk(*TO_BEAM[:-1])
    assert exposure.stage.state is State.STARTING
    assert exposure.stage.entered
    exposure.step(Decided(Event.NONE, Event.NONE), Seconds(9.0))
    assert not exposure.stage.entered


def test_a_new_exposure_forgets_why_the_last_one_stopped() -> None:
    """After a resume the old cause does not colour the new exposure."""
    exposure = _walk(*TO_BEAM, Event.TRIP_STOP, Event.OFF_VERIFIED_INTERRUPTED, Event.RESUME, *TO_BEAM[2:])
    assert exposure.stage.state is State.IRRADIATING
    assert exposure.stage.event is Event.NONE
    assert exposure.stage.outcome is Outcome.TERMINATED


def test_every_event_that_stops_beam_has_an_outcome() -> None:
    """No row into STOPPING is without an outcome."""
    for state in State:
        for event, to in TRANSITIONS[state].items():
            if to is State.STOPPING:
                assert event in OUTCOME_OF


def test_a_process_asked_to_end_leaves_no_state_in_which_something_is_under_way() -> None:
    """STOP moves every state that is not at rest, so a signal always comes to an end."""
    for state in State:
        if state not in AT_REST and state is not State.STOPPING:
            assert TRANSITIONS[state][Event.STOP] is not None
