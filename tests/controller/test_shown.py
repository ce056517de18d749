"""What a snapshot says first: the recorder where the self-test cannot begin without it, and the cause of a fault that no rule finds any more."""

from __future__ import annotations

import msgspec
import pytest
from decide_bench import QUIET, finding, stage, verdict

from controller.self_test import begin
from controller.shown import first_to_fix
from controller.states import State
from hal.units import Seconds
from interlocks.words import Trip, Verdict

TESTS = begin(Seconds(0.0))
LOST = verdict(finding("recorder_fresh", Trip.RECORDER_LOST))
DOOR = verdict(finding("door", Trip.TRIP_STOP))


@pytest.mark.parametrize(
    ("state", "judged", "words"),
    [
        (State.SELF_TEST, QUIET, TESTS.words),
        (State.SELF_TEST, DOOR, TESTS.words),
        (State.SELF_TEST, LOST, LOST.findings[0].words),
        (State.STANDBY, DOOR, DOOR.findings[0].words),
        (State.STANDBY, QUIET, ""),
        (State.FAULT, DOOR, DOOR.findings[0].words),
    ],
)
def test_what_is_first_to_fix(state: State, judged: Verdict, words: str) -> None:
    assert first_to_fix(stage(state), judged, TESTS) == words


@pytest.mark.parametrize("state", [State.FAULT, State.STUCK_ON])
def test_a_fault_that_no_rule_finds_says_what_it_was(state: State) -> None:
    """Nothing to fix would be read as nothing wrong."""
    why = msgspec.structs.replace(stage(state), words="the unit retains exposure 34")
    assert first_to_fix(why, QUIET, TESTS) == "the unit retains exposure 34"


def test_a_fault_names_its_own_cause_first() -> None:
    """A wrong generator is not asked for its values: their age must not hide that it is a wrong one."""
    stale, wrong = finding("generator_link", Trip.GEN_LOST), finding("generator_identity", Trip.TRIP_FAULT)
    why = stage(State.FAULT, rule="generator_identity", words="the generator is not the configured one")
    assert first_to_fix(why, verdict(stale, wrong), TESTS) == wrong.words
    assert first_to_fix(why, verdict(stale), TESTS) == stale.words
