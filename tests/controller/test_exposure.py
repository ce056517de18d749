"""One step of the exposure: where it goes, why it was ended, the worst that was seen, and that a transition is marked for one tick."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from controller.entries import Outcome
from controller.exposure import OUTCOME_OF, Decided, Exposure, Stage, worse
from controller.states import Event, State
from hal.units import Seconds

BEFORE = Stage(State.STANDBY, 1.0, False, Outcome.INTERRUPTED, Event.TRIP_STOP, "door", "the door was opened", 0.5)
WHY = (Event.TRIP_STOP, "door", "the door was opened", 0.5)


def why(stage: Stage) -> tuple[Any, ...]:
    """What a stage says of the end before it."""
    return stage.event, stage.rule, stage.words, stage.stopped_at_s


def stepped(state: State, event: Event, heard: Event | None = None, **changes: Any) -> Stage:
    """The stage after one tick at 9 s, from one that remembers a door."""
    exposure = Exposure(Seconds(0.0))
    exposure.take_up(msgspec.structs.replace(BEFORE, state=state, **changes))
    after = exposure.step(Decided(event, event if heard is None else heard, "rule", "words"), Seconds(9.0))
    assert after is exposure.stage.state
    return exposure.stage


def test_what_each_event_makes_of_an_exposure() -> None:
    """Something broken is FAULT, a person's or a house's stop can be resumed, a preset ends it."""
    broken = "HV_UNCOMMANDED INTERNAL UNIT_LOST UNIT_REBOOT GEN_LOST TRIP_FAULT"
    stopped = "STOP TRIP_STOP KEY_OFF RECORDER_LOST DESK_LOST EXPIRED EDIT"
    assert (
        {Event[name]: Outcome.FAULT for name in broken.split()}
        | {Event[name]: Outcome.INTERRUPTED for name in stopped.split()}
        | {Event.TIME_END: Outcome.TERMINATED, Event.DOSE_END: Outcome.TERMINATED}
    ) == OUTCOME_OF


def test_an_exposure_begins_with_the_self_test() -> None:
    """Just entered, nothing ended, and the engine stands where the stage does: a test that fails is a fault."""
    exposure = Exposure(Seconds(3.0))
    assert exposure.stage == Stage(State.SELF_TEST, 3.0, True, Outcome.TERMINATED, Event.NONE, "", "", None)
    assert exposure.step(Decided(Event.TESTS_FAILED, Event.TESTS_FAILED), Seconds(4.0)) is State.FAULT
    assert why(exposure.stage) == (Event.TESTS_FAILED, "", "", None)


def test_the_worse_of_two_outcomes() -> None:
    assert worse(Outcome.TERMINATED, Outcome.FAULT) is worse(Outcome.FAULT, Outcome.TERMINATED) is Outcome.FAULT


@pytest.mark.parametrize("entered", [True, False])
@pytest.mark.parametrize(
    ("state", "event"),
    [
        (State.STANDBY, Event.NONE),
        (State.STANDBY, Event.PRESS),
        (State.INTERRUPTED, Event.STOP),
        (State.FAULT, Event.GEN_LOST),
    ],
)
def test_what_the_table_ignores_changes_nothing_but_the_mark(state: State, event: Event, entered: bool) -> None:
    """Neither since when nor why, and outside STOPPING no outcome, whatever was heard."""
    after = stepped(state, event, heard=Event.GEN_LOST, entered=entered)
    assert after == msgspec.structs.replace(BEFORE, state=state)


def test_a_tick_without_anything_keeps_the_stage_itself() -> None:
    """A hundred times a second nothing is made anew."""
    exposure = Exposure(Seconds(0.0))
    exposure.take_up(BEFORE)
    exposure.step(Decided(Event.NONE, Event.NONE), Seconds(9.0))
    assert exposure.stage is BEFORE


@pytest.mark.parametrize("entered", [True, False])
@pytest.mark.parametrize(
    ("heard", "outcome"),
    [
        (Event.NONE, Outcome.INTERRUPTED),
        (Event.DOSE_END, Outcome.INTERRUPTED),
        (Event.STOP, Outcome.INTERRUPTED),
        (Event.GEN_LOST, Outcome.FAULT),
    ],
)
def test_stopping_takes_up_the_worst_that_is_heard(heard: Event, outcome: Outcome, entered: bool) -> None:
    """Though the table ignores it; the cause stays the first."""
    after = stepped(State.STOPPING, Event.NONE, heard, entered=entered)
    assert after == msgspec.structs.replace(BEFORE, state=State.STOPPING, outcome=outcome)


@pytest.mark.parametrize("state", [State.STARTING, State.IRRADIATING])
@pytest.mark.parametrize(
    ("event", "outcome"),
    [(Event.TRIP_FAULT, Outcome.FAULT), (Event.STOP, Outcome.INTERRUPTED), (Event.DOSE_END, Outcome.TERMINATED)],
)
def test_the_end_of_beam_is_its_event_s_from_this_tick_on(state: State, event: Event, outcome: Outcome) -> None:
    """Outcome, event, rule, words and time; what stood there before is gone."""
    assert stepped(state, event) == Stage(State.STOPPING, 9.0, True, outcome, event, "rule", "words", 9.0)


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (State.READY, Event.PRESS, State.STARTING),
        (State.STARTING, Event.BEAM_OK, State.IRRADIATING),
        (State.STANDBY, Event.LOAD, State.PREPARATORY),
    ],
)
def test_a_new_exposure_begins_with_a_clean_sheet(state: State, event: Event, after: State) -> None:
    """At loading, and at every press."""
    assert stepped(state, event) == Stage(after, 9.0, True, Outcome.TERMINATED, Event.NONE, "", "", None)


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (State.PREPARATORY, Event.STOP, State.STANDBY),
        (State.PREPARATORY, Event.CONFIRM, State.ARMING),
        (State.READY, Event.TRIP_STOP, State.PREPARATORY),
        (State.INTERRUPTED, Event.CLOSE, State.TERMINATED),
        (State.INTERRUPTED, Event.RESUME, State.PREPARATORY),
        (State.FAULT, Event.RESET, State.SELF_TEST),
    ],
)
def test_without_beam_the_last_step_is_why_and_no_beam_was_ended(state: State, event: Event, after: State) -> None:
    """The outcome of the exposure before stays until the next begins."""
    assert stepped(state, event) == Stage(after, 9.0, True, Outcome.INTERRUPTED, event, "rule", "words", None)


@pytest.mark.parametrize(
    ("event", "after", "outcome"),
    [
        (Event.TRIP_FAULT, State.FAULT, Outcome.TERMINATED),
        (Event.INTERNAL, State.FAULT, Outcome.TERMINATED),
        (Event.HV_UNCOMMANDED, State.STUCK_ON, Outcome.STUCK_ON),
    ],
)
def test_what_fails_in_standby_says_what_failed(event: Event, after: State, outcome: Outcome) -> None:
    """Once its finding has gone, the stage alone knows what the fault was."""
    assert stepped(State.STANDBY, event) == Stage(after, 9.0, True, outcome, event, "rule", "words", None)


@pytest.mark.parametrize(
    ("event", "after"),
    [
        (Event.OFF_VERIFIED_INTERRUPTED, State.INTERRUPTED),
        (Event.OFF_VERIFIED_TERMINATED, State.TERMINATED),
        (Event.OFF_VERIFIED_FAULT, State.FAULT),
    ],
)
def test_off_that_is_proved_keeps_why_the_beam_was_ended(event: Event, after: State) -> None:
    """And when, and the worst outcome."""
    assert stepped(State.STOPPING, event) == Stage(after, 9.0, True, Outcome.INTERRUPTED, *WHY)


@pytest.mark.parametrize(
    ("state", "event", "said"),
    [
        (State.STOPPING, Event.OFF_UNVERIFIED, WHY),
        (State.READY, Event.HV_UNCOMMANDED, (Event.HV_UNCOMMANDED, "rule", "words", None)),
    ],
)
def test_beam_that_may_be_on_is_the_worst_outcome(state: State, event: Event, said: tuple[Any, ...]) -> None:
    """Whatever it came from; why the beam was ended, where there was one, stays."""
    assert stepped(state, event) == Stage(State.STUCK_ON, 9.0, True, Outcome.STUCK_ON, *said)
