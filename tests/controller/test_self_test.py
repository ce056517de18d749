"""The self-test step by step: each phase is left by its own evidence and by nothing else, and a lost device begins it again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from decide_bench import LOST, NOW, OFF_BAD, OFF_GOOD, TOKEN, open_fraction, readings, statement

from controller.entries import LatchSet, Statement
from controller.off import Evidence
from controller.self_test import OFF_HELD_S, STUCK_RULE, TEST_S, UNIT_TESTS, Phase, begin, step
from controller.self_test import Tests as Progress
from hal.readings import Readings, UnitState
from interlocks.words import Clears, Trip

SAID = statement(reconciled_found_seq=50)
NOT_STRICT = msgspec.structs.replace(OFF_GOOD, strict=False)


def at(phase: Phase, since_s: float = NOW - 0.1, **changes: Any) -> Progress:
    """Progress in this phase, off held for a while, FOUND written."""
    base = Progress(phase, since_s, off_since_s=NOW - 9.0, found_seq=50, words="w")
    return msgspec.structs.replace(base, **changes)


def after(
    tests: Progress,
    r: Readings | None = None,
    off: Evidence = OFF_GOOD,
    said: Statement | None = SAID,
    kernel_sound: bool = True,
) -> Progress:
    """One step."""
    return step(tests, r if r is not None else readings(), off, said, kernel_sound)


def test_identities_first() -> None:
    """Both known, and both the configured ones; a wrong one is the end."""
    assert after(begin(NOW)).phase is Phase.VERIFY_OFF
    for missing in ("unit_identity", "generator_identity", "unit"):
        assert after(begin(NOW), readings(**{missing: None})).phase is Phase.IDENTIFY
    for wrong in ("unit_identity_mismatch", "generator_identity_mismatch"):
        failed = after(begin(NOW), readings(**{wrong: "serial is X"}))
        assert failed.phase is Phase.FAILED
        assert "serial is X" in failed.words


def test_off_must_be_proved_strictly_for_a_second_without_a_break() -> None:
    """A break of one tick begins the second anew; an evidence that is not strict is a break."""
    tests = at(Phase.VERIFY_OFF, off_since_s=NOW - OFF_HELD_S)
    assert after(tests).phase is Phase.RECONCILE
    for off in (OFF_BAD, NOT_STRICT):
        broken = after(tests, off=off)
        assert broken.phase is Phase.VERIFY_OFF
        assert broken.off_since_s is None
        assert after(broken).off_since_s == NOW
        assert after(broken).phase is Phase.VERIFY_OFF
    assert after(at(Phase.VERIFY_OFF, off_since_s=NOW - OFF_HELD_S + 0.01)).phase is Phase.VERIFY_OFF


@pytest.mark.parametrize(
    ("found_seq", "said"),
    [(50, None), (0, SAID), (50, statement(reconciled_found_seq=49)), (51, SAID), (50, statement())],
)
def test_nothing_goes_on_before_the_records_have_reconciled(found_seq: int, said: Statement | None) -> None:
    """No statement, no FOUND, or a statement older than it: wait, for ever if need be."""
    tests = at(Phase.RECONCILE, NOW - 1e5, found_seq=found_seq)
    assert after(tests, said=said).phase is Phase.RECONCILE
    assert after(at(Phase.RECONCILE)).phase is Phase.SETTLE


def test_latches_are_found_worst_first() -> None:
    """STUCK_ON as stored, then the unit's own latch, then any other of the records."""
    door = LatchSet("door", Trip.TRIP_STOP, Clears.BY_OPERATOR, "door was open", 0.0)
    stuck = LatchSet(STUCK_RULE, Trip.HV_UNCOMMANDED, Clears.BY_SERVICE, "beam may be on", 0.0)
    latched = readings(unit_state=int(UnitState.LATCHED), slow_latch_code=9)
    both = statement(reconciled_found_seq=50, latches=(door, stuck))
    one = statement(reconciled_found_seq=50, latches=(door,))
    assert after(at(Phase.RECONCILE), latched, said=both).phase is Phase.STUCK
    assert after(at(Phase.RECONCILE), said=both).phase is Phase.STUCK
    assert "code 9" in after(at(Phase.RECONCILE), latched, said=one).words
    assert after(at(Phase.RECONCILE), latched).phase is Phase.LATCHED
    assert after(at(Phase.RECONCILE), said=one).words == "door was open"


def test_what_is_retained_must_be_known_and_go_when_due() -> None:
    """A due reset is waited for, an open partial may stay, an unknown token is service."""
    retained = readings(unit_state=int(UnitState.ENDED), unit_token=TOKEN)
    due = statement(reconciled_found_seq=50, reset_due_token=TOKEN)
    partial = statement(reconciled_found_seq=50, opens=(open_fraction(),))
    late = NOW - TEST_S - 0.01
    assert after(at(Phase.SETTLE), retained, said=due).phase is Phase.SETTLE
    assert "asked to reset" in after(at(Phase.SETTLE, late), retained, said=due).words
    assert after(at(Phase.SETTLE), retained, said=partial).phase is Phase.UNIT_TESTS
    assert after(at(Phase.SETTLE), retained).phase is Phase.SETTLE
    unknown = after(at(Phase.SETTLE, late), retained)
    assert unknown.phase is Phase.FAILED
    assert "do not know" in unknown.words
    assert after(at(Phase.SETTLE, late), readings(unit=None)).phase is Phase.SETTLE


def test_a_generator_fault_is_cleared_with_off_verified_or_fails() -> None:
    """The clearing is asked for only while off is verified."""
    faulty = readings(flags_fault=True, flags_faults=("arc",))
    assert after(at(Phase.SETTLE), faulty).faults_cleared
    assert not after(at(Phase.SETTLE), faulty, off=OFF_BAD).faults_cleared
    failed = after(at(Phase.SETTLE, NOW - TEST_S - 0.01), faulty)
    assert failed.phase is Phase.FAILED
    assert "arc" in failed.words
    assert after(at(Phase.SETTLE)).phase is Phase.UNIT_TESTS


def trial(number: int, begun_s: float | None = NOW - 0.3, since_s: float = NOW - 0.5) -> Progress:
    """This test of the unit is under way."""
    return at(Phase.UNIT_TESTS, since_s, number=number, begun_s=begun_s)


@pytest.mark.parametrize("number", range(1, len(UNIT_TESTS) + 1))
def test_each_test_of_the_unit_is_seen_to_begin_and_to_pass(number: int) -> None:
    """Bits that were set before it was seen to begin count for nothing; then its own bit is needed, not the others."""
    passed, idle = readings(slow_asked_at_s=NOW - 0.01), int(UnitState.IDLE)
    assert after(trial(number, None), passed).number == number
    testing = readings(unit_state=int(UnitState.TEST))
    assert after(trial(number, None), testing).begun_s == testing.unit.asked_at_s if testing.unit is not None else False
    other = readings(slow_asked_at_s=NOW - 0.01, slow_tests_passed=0x3F & ~(1 << (number - 1)), unit_state=idle)
    assert after(trial(number), other).number == number
    old = readings(slow_asked_at_s=NOW - 0.31)
    assert after(trial(number), old).number == number
    done = after(trial(number), passed)
    assert done.phase is (Phase.PASSED if number == len(UNIT_TESTS) else Phase.UNIT_TESTS)
    assert done.number == (number if number == len(UNIT_TESTS) else number + 1)


def test_a_test_that_does_not_pass_in_time_fails_by_name() -> None:
    """The lease test hangs: FAILED, and the words say which."""
    failed = after(trial(2, since_s=NOW - TEST_S - 0.01), readings(slow_tests_passed=1, slow_asked_at_s=NOW - 0.01))
    assert failed.phase is Phase.FAILED
    assert "lease" in failed.words


def test_a_kernel_that_is_not_sound_fails_the_self_test() -> None:
    """After the unit's tests, whatever they said."""
    last = trial(len(UNIT_TESTS))
    assert after(last, readings(slow_asked_at_s=NOW - 0.01), kernel_sound=False).phase is Phase.FAILED


@pytest.mark.parametrize("link", ["unit_link", "generator_link"])
def test_a_lost_device_begins_everything_again(link: str) -> None:
    """In every phase but the two that are over; off must be proved and FOUND be written anew, also behind a latch."""
    for phase in Phase:
        again = after(at(phase), readings(**{link: LOST}))
        if phase in (Phase.PASSED, Phase.FAILED):
            assert again.phase is phase
        else:
            assert again.phase is Phase.IDENTIFY
            assert again.found_seq == 0 or phase is Phase.IDENTIFY
    words = after(begin(NOW), readings(unit_link=LOST, generator_link=LOST)).words
    assert "safety unit" in words
    assert "generator" in words


@pytest.mark.parametrize("phase", [Phase.PASSED, Phase.FAILED, Phase.LATCHED, Phase.STUCK])
def test_an_end_stays(phase: Phase) -> None:
    """What has ended does not go on by itself, however long."""
    tests = at(phase)
    for off in (OFF_GOOD, OFF_BAD):
        assert after(tests, off=off).phase is phase
