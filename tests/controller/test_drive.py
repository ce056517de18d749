"""What is wanted in each state: ON in one tick of one state, HOLD only where a permission is out, OFF wherever one may not be; searched over everything."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec
import pytest
from decide_bench import (
    CLOSED,
    K2_CLOSED,
    NOW,
    OPEN,
    PLAN,
    SENT_ARMED,
    SETTINGS,
    TOKEN,
    TOKENED,
    armed,
    beaming,
    committed,
    facts,
    pressed,
    readings,
    stage,
    statement,
)

from controller.case import Case
from controller.drive import drive
from controller.self_test import Phase
from controller.self_test import Tests as Progress
from controller.states import State
from hal import commands
from hal.commands import Arm, ClearFaults, Command, Hold, Off, On, Reset, SetUp, Unlatch, Watch
from hal.readings import Readings, UnitState

MAY_HOLD = {State.ARMING, State.READY, State.STARTING, State.IRRADIATING}
CASES = {
    "empty": Case(),
    "loaded": msgspec.structs.replace(TOKENED, token=0, start_seq=0),
    "recommit": msgspec.structs.replace(TOKENED, token=0, start_seq=0, recommit=True),
    "started": msgspec.structs.replace(TOKENED, token=0),
    "tokened": TOKENED,
    "closing": msgspec.structs.replace(TOKENED, closing=True),
    "token-only": Case(token=TOKEN),
}
STATEMENTS = {
    "none": None,
    "nothing-due": statement(),
    "due": statement(reset_due_token=TOKEN),
    "other-due": statement(reset_due_token=TOKEN + 1),
}
UNITS = (*(int(state) for state in UnitState), 0, 0xFFFF)


def every_reading() -> Iterator[Readings]:
    """Unit states x relays x tokens x generator fault, and snapshots with parts missing."""
    for state, relays, token in product(UNITS, (OPEN, K2_CLOSED, CLOSED), (0, TOKEN, TOKEN + 1)):
        yield committed(unit_state=state, unit_relays=relays, unit_token=token)
    yield from (readings(unit=None), readings(slow=None), readings(flags=None), readings(flags_fault=True), beaming())


def wanted(state: State, case: Case, r: Readings, entered: bool = False, unlatch: bool = False, **f: Any) -> Command:
    """The command of one tick."""
    at = stage(state, entered=entered)
    return drive(at, case, r, facts(case, **f), unlatch).command


def test_searched_over_everything() -> None:
    """Every state, entered or not, over every case, statement, self-test phase and reading: ON only in STARTING's first tick, HOLD only in the four states
    of a permission and never without the case's token, ARM only in ARMING with a token, and a set-up only in PREPARATORY."""
    for state, entered, case, said, r, unlatch in product(
        State, (False, True), CASES.values(), STATEMENTS.values(), every_reading(), (False, True)
    ):
        phases = (
            [Progress(phase, NOW, faults_cleared=True, number=1) for phase in Phase]
            if state is State.SELF_TEST
            else [Progress(Phase.PASSED, NOW)]
        )
        for tests in phases:
            command = wanted(state, case, r, entered, unlatch, statement=said, tests=tests)
            if isinstance(command, On):
                assert state is State.STARTING
                assert entered
                assert command.token == case.token
            elif isinstance(command, Hold):
                assert state in MAY_HOLD
                assert command.token == case.token
                assert state is not State.ARMING or (r.unit is not None and r.unit.state == UnitState.ARMED)
            elif isinstance(command, Arm):
                assert state is State.ARMING
                assert command.token == case.token != 0
                assert command.active_crc == PLAN.staging_crc
            elif isinstance(command, SetUp):
                assert state is State.PREPARATORY
                assert command.plan == PLAN
            elif isinstance(command, Reset):
                assert said is not None
                assert r.unit is not None
                assert command.token == r.unit.token == said.reset_due_token
                assert r.unit.state in (UnitState.IDLE, UnitState.ENDED)
            elif isinstance(command, Unlatch):
                assert unlatch
                assert state in (State.FAULT, State.STUCK_ON)
            elif isinstance(command, commands.Test | ClearFaults):
                assert state is State.SELF_TEST


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("state", [State.STOPPING, State.FAULT, State.STUCK_ON])
def test_off_is_wanted_in_these_states_whatever_is_read(state: State, unit: int) -> None:
    """Also with nothing read at all, and while an unlatch is asked of a unit that is not latched."""
    for case in CASES.values():
        for r in (committed(unit_state=unit), readings(unit=None, slow=None)):
            unlatch = unit != UnitState.LATCHED
            assert wanted(state, case, r, unlatch=unlatch) == Off()


@pytest.mark.parametrize("state", [State.STANDBY, State.PREPARATORY, State.INTERRUPTED, State.TERMINATED])
@pytest.mark.parametrize("unit", [UnitState.ARMED, UnitState.RUN])
def test_off_is_wanted_where_the_unit_permits_and_nobody_asked(state: State, unit: UnitState) -> None:
    """A unit found ARMED or running outside an exposure is disarmed, a closing or due reset or not."""
    for case, said in product(CASES.values(), STATEMENTS.values()):
        for token in (0, TOKEN, TOKEN + 1):
            r = committed(unit_state=int(unit), unit_token=token)
            assert wanted(state, case, r, statement=said) == Off()


@pytest.mark.parametrize("state", [State.STANDBY, State.INTERRUPTED, State.TERMINATED])
@pytest.mark.parametrize("unit", [UnitState.IDLE, UnitState.ENDED, UnitState.COMMITTED])
def test_what_was_armed_is_taken_back_whatever_the_unit_says(state: State, unit: UnitState) -> None:
    """A STOP or an unload in the tick in which another master has disarmed: the unit permits nothing any more, and OFF leaves all the same."""
    assert wanted(state, Case(), readings(unit_state=int(unit)), sent=SENT_ARMED) == Off()


@pytest.mark.parametrize("relays", [K2_CLOSED, CLOSED])
@pytest.mark.parametrize("state", [State.STANDBY, State.INTERRUPTED, State.TERMINATED])
def test_off_is_wanted_while_a_contactor_is_told_to_close(state: State, relays: int) -> None:
    """K2 alone too."""
    assert wanted(state, Case(), readings(unit_relays=relays)) == Off()
    assert wanted(state, Case(), readings(unit_relays=OPEN)) == Watch()


def test_on_is_wanted_in_the_first_tick_of_starting_only() -> None:
    """The next tick holds, and so does every tick of IRRADIATING, its first included."""
    assert wanted(State.STARTING, TOKENED, pressed(), entered=True) == On(TOKEN)
    assert wanted(State.STARTING, TOKENED, pressed()) == Hold(TOKEN)
    assert wanted(State.IRRADIATING, TOKENED, beaming(), entered=True) == Hold(TOKEN)
    assert wanted(State.READY, TOKENED, armed(), entered=True) == Hold(TOKEN)


def test_arming_in_its_order() -> None:
    """Nothing before there is a token; then ARM; then, once the unit reads it back, HOLD; a unit that is not read is only watched."""
    assert wanted(State.ARMING, CASES["started"], committed()) == Watch()
    assert wanted(State.ARMING, TOKENED, committed()) == Arm(TOKEN, PLAN.staging_crc)
    assert wanted(State.ARMING, TOKENED, armed(unit_token=TOKEN - 1)) == Arm(TOKEN, PLAN.staging_crc)
    assert wanted(State.ARMING, TOKENED, armed()) == Hold(TOKEN)
    assert wanted(State.ARMING, TOKENED, readings(unit=None)) == Watch()


def test_preparatory_in_its_order() -> None:
    """What the unit retains of a finished fraction goes first; a forced re-commit is OFF until the unit is at rest; then the set-up."""
    due = STATEMENTS["due"]
    r = readings(unit_state=int(UnitState.ENDED), unit_token=TOKEN)
    assert wanted(State.PREPARATORY, CASES["loaded"], r, statement=due) == Reset(TOKEN)
    assert wanted(State.PREPARATORY, CASES["recommit"], committed()) == Off()
    assert wanted(State.PREPARATORY, CASES["empty"], readings()) == Off()
    assert wanted(State.PREPARATORY, CASES["loaded"], readings(unit=None)) == Off()
    assert wanted(State.PREPARATORY, CASES["loaded"], readings()) == SetUp(PLAN)


def test_nothing_is_set_up_over_an_exposure_that_has_no_end_yet() -> None:
    """A commit would take away the unit's cause of its end: readings only, or OFF while anything may still be out."""
    for state in (UnitState.ENDED, UnitState.IDLE, UnitState.COMMITTED):
        r = readings(unit_state=int(state), unit_token=TOKEN)
        assert wanted(State.PREPARATORY, CASES["loaded"], r, unended=True) == Watch()
        assert wanted(State.PREPARATORY, CASES["loaded"], r, unended=True, sent=SENT_ARMED) == Off()
    assert wanted(State.PREPARATORY, CASES["loaded"], pressed(), unended=True) == Off()


def test_terms_go_with_every_command() -> None:
    """The gate judges by the terms of the case in hand, or by none."""
    assert drive(stage(State.READY), TOKENED, armed(), facts(TOKENED), False).terms == SETTINGS.terms
    assert drive(stage(State.STANDBY), Case(), readings(), facts(), False).terms is None


def test_what_is_retained_is_reset_only_when_the_fraction_is_being_closed() -> None:
    """In TERMINATED and INTERRUPTED nothing is reset before a person closes; in STANDBY whatever is due, from a
    unit that ended or is idle; any other is sent off first."""
    r = readings(unit_state=int(UnitState.ENDED), unit_token=TOKEN)
    due = STATEMENTS["due"]
    for state in (State.TERMINATED, State.INTERRUPTED):
        assert wanted(state, TOKENED, r, statement=due) == Watch()
        assert wanted(state, CASES["closing"], r, statement=due) == Reset(TOKEN)
        assert wanted(state, CASES["closing"], r, statement=STATEMENTS["other-due"]) == Watch()
    assert wanted(State.STANDBY, Case(), r, statement=due) == Reset(TOKEN)
    assert wanted(State.STANDBY, Case(), r, statement=None) == Watch()
    idle = readings(unit_state=int(UnitState.IDLE), unit_token=TOKEN)
    assert wanted(State.STANDBY, Case(), idle, statement=due) == Reset(TOKEN)
    committed_still = readings(unit_state=int(UnitState.COMMITTED), unit_token=TOKEN)
    assert wanted(State.STANDBY, Case(), committed_still, statement=due) == Off()


def test_unlatching() -> None:
    """Only while a reset waits for it, only a unit that reads LATCHED, with the code that it says."""
    latched = readings(unit_state=int(UnitState.LATCHED), slow_latch_code=777)
    assert wanted(State.FAULT, Case(), latched, unlatch=True) == Unlatch(777)
    assert wanted(State.STUCK_ON, Case(), latched, unlatch=True) == Unlatch(777)
    assert wanted(State.FAULT, Case(), latched) == Off()
    assert wanted(State.FAULT, Case(), readings(unit_state=int(UnitState.LATCHED), slow=None), unlatch=True) == Off()


def test_the_self_tests_phases() -> None:
    """OFF until off is verified and the records have spoken; then fault clearing, a due reset, and the unit's tests one by one."""
    for phase in (Phase.IDENTIFY, Phase.VERIFY_OFF, Phase.RECONCILE, Phase.FAILED, Phase.STUCK):
        assert wanted(State.SELF_TEST, Case(), readings(), tests=Progress(phase, NOW)) == Off()
    for phase in (Phase.PASSED, Phase.LATCHED):
        assert wanted(State.SELF_TEST, Case(), readings(), tests=Progress(phase, NOW)) == Watch()
    settle = Progress(Phase.SETTLE, NOW)
    clearing = Progress(Phase.SETTLE, NOW, faults_cleared=True)
    faulty = readings(flags_fault=True)
    assert wanted(State.SELF_TEST, Case(), faulty, tests=settle) == Watch()
    assert wanted(State.SELF_TEST, Case(), faulty, tests=clearing) == ClearFaults()
    assert wanted(State.SELF_TEST, Case(), readings(), tests=clearing) == Watch()
    retained = readings(unit_state=int(UnitState.ENDED), unit_token=TOKEN)
    assert wanted(State.SELF_TEST, Case(), retained, tests=settle, statement=STATEMENTS["due"]) == Reset(TOKEN)
    assert wanted(State.SELF_TEST, Case(), retained, tests=settle) == Watch()
    for number in range(1, 7):
        asked = Progress(Phase.UNIT_TESTS, NOW, number=number)
        assert wanted(State.SELF_TEST, Case(), readings(), tests=asked) == commands.Test(number)
        begun = msgspec.structs.replace(asked, begun_s=NOW)
        assert wanted(State.SELF_TEST, Case(), readings(), tests=begun) == Watch()
