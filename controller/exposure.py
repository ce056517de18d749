"""The table of controller/states.py turned by the `transitions` library, one row a tick at most; keeps since when, why it stopped, and the worst outcome seen.
It decides no event and knows no reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from transitions import Machine as Engine

from controller.entries import Outcome
from controller.states import BEAM, TRANSITIONS, Event, State
from hal.units import Seconds

OUTCOME_OF: Final[dict[Event, Outcome]] = {
    Event.HV_UNCOMMANDED: Outcome.FAULT,
    Event.INTERNAL: Outcome.FAULT,
    Event.UNIT_LOST: Outcome.FAULT,
    Event.UNIT_REBOOT: Outcome.FAULT,
    Event.GEN_LOST: Outcome.FAULT,
    Event.TRIP_FAULT: Outcome.FAULT,
    Event.STOP: Outcome.INTERRUPTED,
    Event.TRIP_STOP: Outcome.INTERRUPTED,
    Event.KEY_OFF: Outcome.INTERRUPTED,
    Event.RECORDER_LOST: Outcome.INTERRUPTED,
    Event.DESK_LOST: Outcome.INTERRUPTED,
    Event.EXPIRED: Outcome.INTERRUPTED,
    Event.EDIT: Outcome.INTERRUPTED,
    Event.TIME_END: Outcome.TERMINATED,
    Event.DOSE_END: Outcome.TERMINATED,
}
"""What an event that stops the beam makes of the exposure; STOPPING keeps the worst."""

FAILED: Final = (State.FAULT, State.STUCK_ON)
"""Where people read what brought the exposure there, whatever state it came from."""


class Decided(msgspec.Struct, frozen=True, gc=False):
    """One tick's event, the rule behind it (empty when none) and words; `heard` is the worst event of the tick even where the table ignores it."""

    event: Event
    heard: Event
    rule: str = ""
    words: str = ""


class Stage(msgspec.Struct, frozen=True, gc=False):
    """Where the exposure stands. `entered` is true in the tick of the transition; `event`, `rule`, `words` and `stopped_at_s` say why beam was ended."""

    state: State
    since_s: float
    entered: bool
    outcome: Outcome
    event: Event
    rule: str
    words: str
    stopped_at_s: float | None


class Model:
    """What `transitions` moves; it holds the state and nothing else. `trigger` is set by the engine."""

    state: State
    trigger: Callable[[str], bool]


def build(initial: State = State.SELF_TEST) -> Model:
    """The engine over the total table; rows that say IGNORE become internal transitions, so an unknown pair cannot exist."""
    model = Model()
    engine = Engine(model=None, states=State, initial=initial, auto_transitions=False)
    for state, row in TRANSITIONS.items():
        for event, to in row.items():
            engine.add_transition(event.name, state, to)
    engine.add_model(model)
    return model


def worse(first: Outcome, second: Outcome) -> Outcome:
    """The worse of two outcomes; VOID never competes."""
    return max(first, second)


class Exposure:
    """The exposure's stage, moved by `step` and by nothing else."""

    def __init__(self, now: Seconds) -> None:
        self._model = build()
        self.stage = Stage(State.SELF_TEST, now, True, Outcome.TERMINATED, Event.NONE, "", "", None)

    def take_up(self, stage: Stage) -> None:
        """Go on from there (kerma replay)."""
        self._model, self.stage = build(stage.state), stage

    def step(self, decided: Decided, now: Seconds) -> State:
        """Take at most one row of the table; returns the state after it."""
        stage, event = self.stage, decided.event
        before = stage.state
        outcome = stage.outcome
        if before is State.STOPPING and decided.heard in OUTCOME_OF:
            outcome = worse(outcome, OUTCOME_OF[decided.heard])
        moves = event is not Event.NONE and TRANSITIONS[before][event] is not None
        if not moves:
            if stage.entered or outcome != stage.outcome:
                self.stage = msgspec.structs.replace(stage, entered=False, outcome=outcome)
            return before
        self._model.trigger(event.name)
        after = self._model.state
        why = (stage.event, stage.rule, stage.words, stage.stopped_at_s)
        if after is State.STOPPING:
            outcome = OUTCOME_OF[event]
            why = (event, decided.rule, decided.words, now)
        elif after in BEAM or before is State.STANDBY:
            outcome = Outcome.TERMINATED
            why = (event, decided.rule, decided.words, None) if after in FAILED else (Event.NONE, "", "", None)
        elif before not in (State.STOPPING, *BEAM):
            why = (event, decided.rule, decided.words, None)
        if after is State.STUCK_ON:
            outcome = Outcome.STUCK_ON
        self.stage = Stage(after, now, True, outcome, *why)
        return after
