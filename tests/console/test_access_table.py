"""Each cell of role x command x mode x key x state is what this page says, written down a second time; what is not written is denied, and STOP never is."""

from __future__ import annotations

import pytest
from desk_by_hand import offer, snapshot

from console.access.table import (
    EVERYBODY,
    GROUPS,
    KEYS,
    MODES,
    ROW,
    TABLE,
    TWO_PERSONS,
    Situation,
    beam_may_be_on,
    may,
    situation,
    starts,
    why_not,
)
from controller.requests import RuleShown
from controller.states import State
from hal.readings import Purpose

WRITTEN = """
stop      nompsa SC  TSN  ilbfd  free -
watch     nompsa SC  TSN  ilbfd  free -
orders    omp    SC  TSN  ilbfd  free -
lesion    omp    SC  TSN  ilfd   first -
order     mp     SC  TSN  ilfd   first -
approve   mp     SC  TSN  ilbfd  first again
control   ops    SC  TSN  ilbfd  first -
leave     ops    SC  TSN  ilbfd  free -
load      op     SC  TN   il     first -
resume    op     SC  TN   il     first again
confirm   op     SC  TN   il     first -
edit      ops    SC  TSN  ilbf   free -
close     op     SC  TSN  ilf    free -
retest    ops    SC  TSN  ilf    first -
reset     ops    SC  TSN  ilf    first -
room      ops    S   TSN  ilbf   first -
release   ops    S   TSN  ilbfd  free -
records   omp    SC  TSN  ilbfd  free -
sign_off  op     SC  TSN  ilfd   first again
correct   omp    SC  TSN  ilfd   first again
report    omp    SC  TSN  ilbfd  first -
service   ops    SC  TSN  ilbfd  free -
bundle    ps     SC  TSN  ilbfd  first -
maintain  ps     SC  TSN  ifd    first -
procedure ps     SC  SN   i      first -
step      ps     SC  SN   ilf    first -
day       op     SC  TN   i      first -
answer    op     SC  TN   ilf    first -
sign      op     SC  TN   ilf    first again
simulator ops    S   TSN  ilbfd  first -
own       ompsa  SC  TSN  ifd    first again
people    a      SC  TSN  ilfd   first -
audit     pa     SC  TSN  ilfd   first -
"""
"""Roles nobody, operator, medicus (physician), physicist, service, administrator; modes; keys TREAT, SERVICE, not shown; groups; audit first or not; the
secret again or not."""
LETTERS = {
    "roles": dict(
        zip("nompsa", ("nobody", "operator", "physician", "physicist", "service", "administrator"), strict=True)
    ),
    "modes": {"S": "simulated", "C": "clinical"},
    "keys": {"T": "TREAT", "S": "SERVICE", "N": "NOT_SHOWN"},
    "groups": {"i": "idle", "l": "loaded", "b": "beam", "f": "fault", "d": "no_data"},
}
LINES = {line.split()[0]: line.split()[1:] for line in WRITTEN.strip().splitlines()}
UNKNOWN = ("", "root", "OPERATOR", "operator ")


def test_both_name_the_same_commands_roles_modes_keys_and_groups() -> None:
    assert set(LINES) == set(ROW) and len(LINES) == len(TABLE), "each command has one row"
    assert tuple(LETTERS["roles"].values()) == EVERYBODY
    assert tuple(LETTERS["modes"].values()) == MODES
    assert tuple(LETTERS["keys"].values()) == KEYS
    assert tuple(LETTERS["groups"].values()) == tuple(GROUPS)


@pytest.mark.parametrize("command", LINES)
@pytest.mark.parametrize("role", [*LETTERS["roles"].values(), *UNKNOWN])
def test_t4_each_cell(command: str, role: str) -> None:
    """Of every mode, key and group, unknown ones among them; and each denial says why and, where anything helps, what to do first."""
    allowed = [
        {LETTERS[kind][letter] for letter in letters}
        for kind, letters in zip(("roles", "modes", "keys", "groups"), LINES[command][:4], strict=True)
    ]
    for mode in (*MODES, "treatment", ""):
        for key in (*KEYS, "", "OFF"):
            for group in (*GROUPS, "", "STANDBY"):
                said = may(role, command, Situation(mode, key, group))
                expected = role in allowed[0] and mode in allowed[1] and key in allowed[2] and group in allowed[3]
                assert said == (expected or command == "stop"), (mode, key, group)
                if not said:
                    assert command in why_not(role, command, Situation(mode, key, group)) or "first:" in why_not(
                        role, command, Situation(mode, key, group)
                    )
    assert starts(command) == (LINES[command][4] == "first")
    assert ROW[command].again == (LINES[command][5] == "again")


@pytest.mark.parametrize("command", ["", "Stop", "STOP", "adopt", "beam", "load ", "*"])
def test_t4_a_command_that_the_table_does_not_name_is_denied_to_everybody(command: str) -> None:
    for role in EVERYBODY:
        for mode in MODES:
            for key in KEYS:
                for group in GROUPS:
                    where = Situation(mode, key, group)
                    assert not may(role, command, where)
                    assert why_not(role, command, where) == f"there is no command {command}"
    assert starts(command)


def test_every_state_stands_in_one_group_and_one_that_is_not_known_is_no_data() -> None:
    for state in State:
        assert sum(state.value in states for states in GROUPS.values()) == 1
        assert situation(snapshot(state=state.value), True, True).group != "no_data"
    assert situation(snapshot(state="OTHER"), True, True).group == "no_data"
    assert situation(None, True, True).group == situation(snapshot(), True, False).group == "no_data"
    assert {state for _, state in TWO_PERSONS} <= {state.value for state in State}


def test_the_key_is_shown_while_something_is_loaded_and_its_rule_is_true() -> None:
    treat, service = offer(), offer(purpose=Purpose.CALIBRATE)
    assert situation(snapshot(offer=treat), False, True) == Situation("clinical", "TREAT", "idle")
    assert situation(snapshot(offer=service, state="READY"), False, True) == Situation("clinical", "SERVICE", "loaded")
    wrong = snapshot(offer=treat, rules=(RuleShown("key", "FALSE", 0.0, "the key is not in TREAT"),))
    assert situation(wrong, True, True).key == situation(snapshot(), True, True).key == "NOT_SHOWN"


def test_beam_is_off_only_where_the_last_snapshot_said_so() -> None:
    assert not beam_may_be_on(None) and not beam_may_be_on(snapshot())
    assert beam_may_be_on(snapshot(state="STARTING")) and beam_may_be_on(snapshot(state="FAULT", beam="MAY BE ON"))
