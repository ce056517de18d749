"""State and confirmed settings become one command; pure, and the only place that says what is wanted of the machine in each state.
It has no last word: interlocks/gate.py may still refuse every line of it, except OFF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from controller.case import Case
from controller.exposure import Stage
from controller.facts import Facts
from controller.self_test import Phase
from controller.states import State
from hal.commands import Arm, ClearFaults, Command, Hold, Off, On, Reset, SetUp, Test, Unlatch, Watch
from hal.readings import Readings, Relay, UnitState
from interlocks.words import Wanted

OFF = Off()
WATCH = Watch()

_COMMANDED: Final = Relay.K1_COMMAND.value | Relay.K2_COMMAND.value
_PERMITTED = (UnitState.ARMED, UnitState.RUN)


def drive(stage: Stage, case: Case, readings: Readings, facts: Facts, unlatch: bool) -> Wanted:
    """What is wanted this tick; `unlatch` is true while a reset waits for the unit's own latch to clear."""
    terms = case.settings.terms if case.settings is not None else None
    return Wanted(_WANTED[stage.state](stage, case, readings, facts, unlatch), terms)


def _at_rest(readings: Readings, facts: Facts) -> Command:
    """Nothing is wanted: OFF while the unit still permits anything or ARM was never taken back, else only readings."""
    unit = readings.unit
    if facts.sent.armed_at_s is not None:
        return OFF
    permits = unit is not None and (unit.state in _PERMITTED or unit.relays & _COMMANDED)
    return OFF if permits else WATCH


def _reset_if_due(readings: Readings, facts: Facts) -> Command | None:
    unit, statement = readings.unit, facts.statement
    if unit is None or statement is None or not unit.token or statement.reset_due_token != unit.token:
        return None
    return Reset(unit.token) if unit.state in (UnitState.IDLE, UnitState.ENDED) else OFF


def _self_test(_s: Stage, _c: Case, r: Readings, facts: Facts, _u: bool) -> Command:
    tests = facts.tests
    if tests.phase is Phase.SETTLE:
        if tests.faults_cleared and r.flags is not None and r.flags.fault:
            return ClearFaults()
        return _reset_if_due(r, facts) or WATCH
    if tests.phase is Phase.UNIT_TESTS:
        return Test(tests.number) if tests.begun_s is None else WATCH
    return WATCH if tests.phase in (Phase.PASSED, Phase.LATCHED) else OFF


def _standby(_s: Stage, _c: Case, r: Readings, facts: Facts, _u: bool) -> Command:
    return _reset_if_due(r, facts) or _at_rest(r, facts)


def _preparatory(_s: Stage, case: Case, r: Readings, facts: Facts, _u: bool) -> Command:
    reset = _reset_if_due(r, facts)
    if reset is not None:
        return reset
    unit = r.unit
    if case.settings is None or unit is None or case.recommit or unit.state in _PERMITTED:
        return OFF
    if facts.unended:
        # a commit would take away what the unit ended it for, before the records have heard of it
        return _at_rest(r, facts)
    return SetUp(case.settings.plan)


def _arming(_s: Stage, case: Case, r: Readings, _f: Facts, _u: bool) -> Command:
    unit, settings = r.unit, case.settings
    if not case.token or settings is None or unit is None:
        return WATCH
    if unit.state == UnitState.ARMED and unit.token == case.token:
        return Hold(case.token)
    return Arm(case.token, settings.plan.staging_crc)


def _hold(_s: Stage, case: Case, _r: Readings, _f: Facts, _u: bool) -> Command:
    return Hold(case.token)


def _starting(stage: Stage, case: Case, _r: Readings, _f: Facts, _u: bool) -> Command:
    return On(case.token) if stage.entered else Hold(case.token)


def _off(_s: Stage, _c: Case, _r: Readings, _f: Facts, _u: bool) -> Command:
    return OFF


def _ended(_s: Stage, case: Case, r: Readings, facts: Facts, _u: bool) -> Command:
    return (_reset_if_due(r, facts) if case.closing else None) or _at_rest(r, facts)


def _fault(_s: Stage, _c: Case, r: Readings, _f: Facts, unlatch: bool) -> Command:
    if unlatch and r.slow is not None and r.unit is not None and r.unit.state == UnitState.LATCHED:
        return Unlatch(r.slow.latch_code)
    return OFF


_WANTED: Final[dict[State, Callable[[Stage, Case, Readings, Facts, bool], Command]]] = {
    State.SELF_TEST: _self_test,
    State.STANDBY: _standby,
    State.PREPARATORY: _preparatory,
    State.ARMING: _arming,
    State.READY: _hold,
    State.STARTING: _starting,
    State.IRRADIATING: _hold,
    State.STOPPING: _off,
    State.INTERRUPTED: _ended,
    State.TERMINATED: _ended,
    State.FAULT: _fault,
    State.STUCK_ON: _fault,
}
