"""The states of one exposure, the events that move it, and the whole table: every state times every event has a row. It imports nothing of ours but names.

Law of this file:
 1. Everything that moves the state stands in TRANSITIONS and nowhere else; a pair that changes nothing says IGNORE, written out.
 2. READY x PRESS is the only way into STARTING; STARTING and IRRADIATING are left only through STOPPING, which verifies off.
 3. An event that needs a guard is only made by controller/decide.py or guards.py when its guard holds; no guard is checked here.
 4. Where several events come in one tick, the worst one that has a row here is taken; Event is ordered worst first.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final


class State(Enum):
    """Where one exposure stands; the values are what people read. A member is equal to itself alone, so its hash is its identity's."""

    __hash__ = object.__hash__

    SELF_TEST = "SELF_TEST"
    STANDBY = "STANDBY"
    PREPARATORY = "PREPARATORY"
    ARMING = "ARMING"
    READY = "READY"
    STARTING = "STARTING"
    IRRADIATING = "IRRADIATING"
    STOPPING = "STOPPING"
    INTERRUPTED = "INTERRUPTED"
    TERMINATED = "TERMINATED"
    FAULT = "FAULT"
    STUCK_ON = "STUCK_ON"


class Event(IntEnum):
    """What can happen to an exposure, worst first; NONE is a tick in which nothing did."""

    HV_UNCOMMANDED = 1
    STUCK_FOUND = 2
    LATCH_FOUND = 3
    INTERNAL = 4
    UNIT_LOST = 5
    UNIT_REBOOT = 6
    GEN_LOST = 7
    TRIP_FAULT = 8
    STOP = 9
    TRIP_STOP = 10
    KEY_OFF = 11
    RECORDER_LOST = 12
    DESK_LOST = 13
    TIME_END = 14
    DOSE_END = 15
    OFF_UNVERIFIED = 16
    OFF_VERIFIED_FAULT = 17
    OFF_VERIFIED_INTERRUPTED = 18
    OFF_VERIFIED_TERMINATED = 19
    EXPIRED = 20
    EDIT = 21
    TESTS_FAILED = 22
    TESTS_PASSED = 23
    RETEST = 24
    RESET = 25
    CLOSE = 26
    LOAD = 27
    RESUME = 28
    CONFIRM = 29
    ARMED = 30
    PRESS = 31
    BEAM_OK = 32
    NONE = 33


IGNORE: Final = None
S, E = State, Event

_ALL_BUT_NONE = tuple(event for event in Event if event is not Event.NONE)

_OFF_EVENTS = (
    E.OFF_UNVERIFIED,
    E.OFF_VERIFIED_FAULT,
    E.OFF_VERIFIED_INTERRUPTED,
    E.OFF_VERIFIED_TERMINATED,
)

_STOPS_BEAM: dict[Event, State | None] = {
    E.HV_UNCOMMANDED: IGNORE,
    E.STUCK_FOUND: IGNORE,
    E.LATCH_FOUND: IGNORE,
    E.INTERNAL: S.STOPPING,
    E.UNIT_LOST: S.STOPPING,
    E.UNIT_REBOOT: S.STOPPING,
    E.GEN_LOST: S.STOPPING,
    E.TRIP_FAULT: S.STOPPING,
    E.STOP: S.STOPPING,
    E.TRIP_STOP: S.STOPPING,
    E.KEY_OFF: S.STOPPING,
    E.RECORDER_LOST: S.STOPPING,
    E.DESK_LOST: S.STOPPING,
    E.TIME_END: S.STOPPING,
    E.DOSE_END: S.STOPPING,
    E.EDIT: S.STOPPING,
}


def _row(rows: dict[Event, State | None], ignored: tuple[Event, ...]) -> dict[Event, State | None]:
    """One state's whole row; an event named twice, or not at all, is an error at import."""
    twice = [event.name for event in ignored if event in rows]
    missing = [event.name for event in Event if event not in rows and event not in ignored and event is not E.NONE]
    if twice or missing:
        raise ValueError(f"the table is not total: named twice {twice}, missing {missing}")
    return rows | dict.fromkeys(ignored, IGNORE)


TRANSITIONS: Final[dict[State, dict[Event, State | None]]] = {
    S.SELF_TEST: _row(
        {
            E.HV_UNCOMMANDED: S.STOPPING,
            E.STUCK_FOUND: S.STUCK_ON,
            E.LATCH_FOUND: S.FAULT,
            E.INTERNAL: S.FAULT,
            E.UNIT_LOST: S.SELF_TEST,
            E.UNIT_REBOOT: S.SELF_TEST,
            E.GEN_LOST: S.SELF_TEST,
            E.TRIP_FAULT: S.FAULT,
            E.RECORDER_LOST: S.SELF_TEST,
            E.TESTS_FAILED: S.FAULT,
            E.TESTS_PASSED: S.STANDBY,
        },
        (
            E.STOP,
            E.TRIP_STOP,
            E.KEY_OFF,
            E.DESK_LOST,
            E.TIME_END,
            E.DOSE_END,
            *_OFF_EVENTS,
            E.EXPIRED,
            E.EDIT,
            E.RETEST,
            E.RESET,
            E.CLOSE,
            E.LOAD,
            E.RESUME,
            E.CONFIRM,
            E.ARMED,
            E.PRESS,
            E.BEAM_OK,
        ),
    ),
    S.STANDBY: _row(
        {
            E.HV_UNCOMMANDED: S.STUCK_ON,
            E.INTERNAL: S.FAULT,
            E.UNIT_LOST: S.SELF_TEST,
            E.UNIT_REBOOT: S.SELF_TEST,
            E.GEN_LOST: S.SELF_TEST,
            E.TRIP_FAULT: S.FAULT,
            E.RECORDER_LOST: S.SELF_TEST,
            E.RETEST: S.SELF_TEST,
            E.RESET: S.STANDBY,
            E.CLOSE: S.TERMINATED,
            E.LOAD: S.PREPARATORY,
            E.RESUME: S.PREPARATORY,
        },
        (
            E.STUCK_FOUND,
            E.LATCH_FOUND,
            E.STOP,
            E.TRIP_STOP,
            E.KEY_OFF,
            E.DESK_LOST,
            E.TIME_END,
            E.DOSE_END,
            *_OFF_EVENTS,
            E.EXPIRED,
            E.EDIT,
            E.TESTS_FAILED,
            E.TESTS_PASSED,
            E.CONFIRM,
            E.ARMED,
            E.PRESS,
            E.BEAM_OK,
        ),
    ),
    S.PREPARATORY: _row(
        {
            E.HV_UNCOMMANDED: S.STUCK_ON,
            E.INTERNAL: S.FAULT,
            E.UNIT_LOST: S.SELF_TEST,
            E.UNIT_REBOOT: S.SELF_TEST,
            E.GEN_LOST: S.SELF_TEST,
            E.TRIP_FAULT: S.FAULT,
            E.STOP: S.STANDBY,
            E.TRIP_STOP: S.PREPARATORY,
            E.KEY_OFF: S.STANDBY,
            E.RECORDER_LOST: S.SELF_TEST,
            E.DESK_LOST: S.STANDBY,
            E.EXPIRED: S.STANDBY,
            E.EDIT: S.STANDBY,
            E.CONFIRM: S.ARMING,
        },
        (
            E.STUCK_FOUND,
            E.LATCH_FOUND,
            E.TIME_END,
            E.DOSE_END,
            *_OFF_EVENTS,
            E.TESTS_FAILED,
            E.TESTS_PASSED,
            E.RETEST,
            E.RESET,
            E.CLOSE,
            E.LOAD,
            E.RESUME,
            E.ARMED,
            E.PRESS,
            E.BEAM_OK,
        ),
    ),
    S.ARMING: _row(
        {
            E.HV_UNCOMMANDED: S.STUCK_ON,
            E.INTERNAL: S.FAULT,
            E.UNIT_LOST: S.SELF_TEST,
            E.UNIT_REBOOT: S.SELF_TEST,
            E.GEN_LOST: S.SELF_TEST,
            E.TRIP_FAULT: S.FAULT,
            E.STOP: S.STANDBY,
            E.TRIP_STOP: S.PREPARATORY,
            E.KEY_OFF: S.STANDBY,
            E.RECORDER_LOST: S.SELF_TEST,
            E.DESK_LOST: S.STANDBY,
            E.EXPIRED: S.PREPARATORY,
            E.EDIT: S.STANDBY,
            E.ARMED: S.READY,
        },
        (
            E.STUCK_FOUND,
            E.LATCH_FOUND,
            E.TIME_END,
            E.DOSE_END,
            *_OFF_EVENTS,
            E.TESTS_FAILED,
            E.TESTS_PASSED,
            E.RETEST,
            E.RESET,
            E.CLOSE,
            E.LOAD,
            E.RESUME,
            E.CONFIRM,
            E.PRESS,
            E.BEAM_OK,
        ),
    ),
    S.READY: _row(
        {
            E.HV_UNCOMMANDED: S.STUCK_ON,
            E.INTERNAL: S.FAULT,
            E.UNIT_LOST: S.SELF_TEST,
            E.UNIT_REBOOT: S.SELF_TEST,
            E.GEN_LOST: S.SELF_TEST,
            E.TRIP_FAULT: S.FAULT,
            E.STOP: S.STANDBY,
            E.TRIP_STOP: S.PREPARATORY,
            E.KEY_OFF: S.STANDBY,
            E.RECORDER_LOST: S.SELF_TEST,
            E.DESK_LOST: S.STANDBY,
            E.EXPIRED: S.PREPARATORY,
            E.EDIT: S.STANDBY,
            E.PRESS: S.STARTING,
        },
        (
            E.STUCK_FOUND,
            E.LATCH_FOUND,
            E.TIME_END,
            E.DOSE_END,
            *_OFF_EVENTS,
            E.TESTS_FAILED,
            E.TESTS_PASSED,
            E.RETEST,
            E.RESET,
            E.CLOSE,
            E.LOAD,
            E.RESUME,
            E.CONFIRM,
            E.ARMED,
            E.BEAM_OK,
        ),
    ),
    S.STARTING: _row(
        _STOPS_BEAM | {E.EXPIRED: S.STOPPING, E.BEAM_OK: S.IRRADIATING},
        (
            *_OFF_EVENTS,
            E.TESTS_FAILED,
            E.TESTS_PASSED,
            E.RETEST,
            E.RESET,
            E.CLOSE,
            E.LOAD,
            E.RESUME,
            E.CONFIRM,
            E.ARMED,
            E.PRESS,
        ),
    ),
    S.IRRADIATING: _row(
        _STOPS_BEAM,
        (
            *_OFF_EVENTS,
            E.EXPIRED,
            E.TESTS_FAILED,
            E.TESTS_PASSED,
            E.RETEST,
            E.RESET,
            E.CLOSE,
            E.LOAD,
            E.RESUME,
            E.CONFIRM,
            E.ARMED,
            E.PRESS,
            E.BEAM_OK,
        ),
    ),
    S.STOPPING: _row(
        {
            E.OFF_UNVERIFIED: S.STUCK_ON,
            E.OFF_VERIFIED_FAULT: S.FAULT,
            E.OFF_VERIFIED_INTERRUPTED: S.INTERRUPTED,
            E.OFF_VERIFIED_TERMINATED: S.TERMINATED,
        },
        tuple(event for event in _ALL_BUT_NONE if event not in _OFF_EVENTS),
    ),
    S.INTERRUPTED: _row(
        {
            E.HV_UNCOMMANDED: S.STUCK_ON,
            E.INTERNAL: S.FAULT,
            E.UNIT_LOST: S.SELF_TEST,
            E.UNIT_REBOOT: S.SELF_TEST,
            E.GEN_LOST: S.SELF_TEST,
            E.TRIP_FAULT: S.FAULT,
            E.RESET: S.INTERRUPTED,
            E.CLOSE: S.TERMINATED,
            E.RESUME: S.PREPARATORY,
        },
        (
            E.STUCK_FOUND,
            E.LATCH_FOUND,
            E.STOP,
            E.TRIP_STOP,
            E.KEY_OFF,
            E.RECORDER_LOST,
            E.DESK_LOST,
            E.TIME_END,
            E.DOSE_END,
            *_OFF_EVENTS,
            E.EXPIRED,
            E.EDIT,
            E.TESTS_FAILED,
            E.TESTS_PASSED,
            E.RETEST,
            E.LOAD,
            E.CONFIRM,
            E.ARMED,
            E.PRESS,
            E.BEAM_OK,
        ),
    ),
    S.TERMINATED: _row(
        {
            E.HV_UNCOMMANDED: S.STUCK_ON,
            E.INTERNAL: S.FAULT,
            E.UNIT_LOST: S.SELF_TEST,
            E.UNIT_REBOOT: S.SELF_TEST,
            E.GEN_LOST: S.SELF_TEST,
            E.TRIP_FAULT: S.FAULT,
            E.RESET: S.TERMINATED,
            E.CLOSE: S.STANDBY,
        },
        (
            E.STUCK_FOUND,
            E.LATCH_FOUND,
            E.STOP,
            E.TRIP_STOP,
            E.KEY_OFF,
            E.RECORDER_LOST,
            E.DESK_LOST,
            E.TIME_END,
            E.DOSE_END,
            *_OFF_EVENTS,
            E.EXPIRED,
            E.EDIT,
            E.TESTS_FAILED,
            E.TESTS_PASSED,
            E.RETEST,
            E.LOAD,
            E.RESUME,
            E.CONFIRM,
            E.ARMED,
            E.PRESS,
            E.BEAM_OK,
        ),
    ),
    S.FAULT: _row(
        {E.HV_UNCOMMANDED: S.STUCK_ON, E.RESET: S.SELF_TEST},
        tuple(event for event in _ALL_BUT_NONE if event not in (E.HV_UNCOMMANDED, E.RESET)),
    ),
    S.STUCK_ON: _row({E.RESET: S.SELF_TEST}, tuple(event for event in _ALL_BUT_NONE if event is not E.RESET)),
}

EXPIRES_S: Final[dict[State, float]] = {
    State.PREPARATORY: 900.0,
    State.ARMING: 3.0,
    State.READY: 60.0,
    State.STARTING: 2.0,
}
"""How long a state may wait before EXPIRED, in seconds."""

AT_REST: Final = frozenset(
    (State.SELF_TEST, State.STANDBY, State.INTERRUPTED, State.TERMINATED, State.FAULT, State.STUCK_ON)
)
"""States in which nothing is set up or under way; a process may end in them."""
BEAM: Final = frozenset((State.STARTING, State.IRRADIATING))
"""States in which beam may be commanded; STOPPING is on its way out of them."""
RECORDED: Final = frozenset((State.ARMING, State.READY, State.STARTING, State.IRRADIATING, State.STOPPING))
"""From the confirmation to the end of an exposure: each tick that begins in one of these is recorded with all that came into it (kerma replay)."""
LEFT: Final = frozenset((State.STANDBY, State.SELF_TEST, State.PREPARATORY))
"""States in which an exposure is over whatever became of it: its case may be gone in the very tick of its end."""
