"""What must be shown at every start before anything may be loaded, as one pure step over readings and the recorder's statement.
It sends nothing: controller/drive.py turns its phase into commands, controller/loop.py writes the FOUND entry that it asks for."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec

from controller.entries import Statement
from controller.off import Evidence
from hal.machine import ALL_TESTS
from hal.readings import Readings, UnitState

OFF_HELD_S: Final = 1.0
"""Off must have been verified this long before the tests go on."""
TEST_S: Final = 4.0
"""Longest that one test of the unit, a fault clearing or a reset may take."""
TEST_SEEN_S: Final = 0.3
"""A slow block at most this much older than the status tells of a test that the status shows to be over."""
STUCK_RULE: Final = "stuck_on"
"""The latch of STUCK_ON, however it was entered; a start that finds it is STUCK_ON again."""
UNIT_TESTS: Final = ("timer", "lease", "K1", "K2", "count limit", "lamp")
"""The unit's self-tests by number, 1 first; the unit never closes K1 and K2 together in them."""


class Phase(IntEnum):
    """How far the self-test has come."""

    IDENTIFY = 0
    VERIFY_OFF = 1
    RECONCILE = 2
    SETTLE = 3
    UNIT_TESTS = 4
    PASSED = 5
    FAILED = 6
    LATCHED = 7
    STUCK = 8


class Tests(msgspec.Struct, frozen=True):
    """Progress: the phase and since when, how long off has held, the FOUND entry's sequence number (0: not yet written), and words for people.

    `number` is the unit's test that is under way, `begun_s` when the unit was first seen in it (None: not yet).
    """

    phase: Phase
    since_s: float
    off_since_s: float | None = None
    found_seq: int = 0
    faults_cleared: bool = False
    number: int = 0
    begun_s: float | None = None
    words: str = ""


class _House(msgspec.Struct, frozen=True):
    """What no reading tells: whether the dose kernel is sound, and the tests that the unit can do."""

    kernel_sound: bool
    unit_tests: tuple[int, ...]


def begin(now_s: float) -> Tests:
    """A fresh self-test."""
    return Tests(Phase.IDENTIFY, now_s, words="looking for the safety unit and the generator")


def step(
    tests: Tests,
    readings: Readings,
    off: Evidence,
    statement: Statement | None,
    kernel_sound: bool,
    unit_tests: tuple[int, ...] = ALL_TESTS,
) -> Tests:
    """One tick of the self-test; a lost device takes it back to the beginning. `unit_tests` are the tests that the unit can do."""
    now = readings.now_s
    if tests.phase in (Phase.PASSED, Phase.FAILED):
        return tests
    if readings.unit_link.lost or readings.generator_link.lost:
        return begin(now) if tests.phase is not Phase.IDENTIFY else _words(tests, _who_is_missing(readings))
    off_since = (tests.off_since_s if tests.off_since_s is not None else now) if off.strict else None
    tests = msgspec.structs.replace(tests, off_since_s=off_since)
    return _STEPS[tests.phase](tests, readings, off, statement, _House(kernel_sound, unit_tests))


def _to(tests: Tests, phase: Phase, now: float, words: str) -> Tests:
    return msgspec.structs.replace(tests, phase=phase, since_s=now, words=words)


def _words(tests: Tests, words: str) -> Tests:
    return tests if tests.words == words else msgspec.structs.replace(tests, words=words)


def _who_is_missing(readings: Readings) -> str:
    silent = [
        f"{name} does not answer ({link.last_trouble or 'no reply yet'})"
        for name, link in (("the safety unit", readings.unit_link), ("the generator", readings.generator_link))
        if link.lost
    ]
    return "; ".join(silent) + ": check its power and cable"


def _identify(tests: Tests, r: Readings, _o: Evidence, _s: Statement | None, _h: _House) -> Tests:
    unit, generator = r.unit_identity, r.generator_identity
    if unit is None or generator is None or r.unit is None:
        return _words(tests, "waiting for the devices' identities")
    wrong = "; ".join(words for words in (unit.mismatch, generator.mismatch) if words)
    if wrong:
        return _to(tests, Phase.FAILED, r.now_s, wrong)
    return _to(tests, Phase.VERIFY_OFF, r.now_s, "verifying that the beam is off")


def _verify_off(tests: Tests, r: Readings, off: Evidence, _s: Statement | None, _h: _House) -> Tests:
    if tests.off_since_s is None:
        return _words(tests, f"off is not verified: {off.stuck or off.missing or 'waiting for chamber rates'}")
    if r.now_s - tests.off_since_s < OFF_HELD_S:
        return tests
    return _to(tests, Phase.RECONCILE, r.now_s, "waiting for the recorder's opening statement")


def _reconcile(tests: Tests, r: Readings, _o: Evidence, statement: Statement | None, _h: _House) -> Tests:
    if statement is None or tests.found_seq == 0 or statement.reconciled_found_seq < tests.found_seq:
        return tests
    if any(latch.rule == STUCK_RULE for latch in statement.latches):
        return _to(tests, Phase.STUCK, r.now_s, "a record says that the beam could not be proved off")
    if r.unit is not None and r.unit.state == UnitState.LATCHED:
        code = r.slow.latch_code if r.slow is not None else 0
        return _to(tests, Phase.LATCHED, r.now_s, f"the safety unit is latched (code {code})")
    if statement.latches:
        return _to(tests, Phase.LATCHED, r.now_s, "; ".join(latch.words for latch in statement.latches))
    return _to(tests, Phase.SETTLE, r.now_s, "settling what the safety unit retains")


def _settle(tests: Tests, r: Readings, off: Evidence, statement: Statement | None, house: _House) -> Tests:
    if r.unit is None or statement is None:
        return tests
    late = r.now_s - tests.since_s > TEST_S
    if r.unit.token and statement.reset_due_token == r.unit.token:
        stays = f"the safety unit keeps token {r.unit.token} although it was asked to reset it"
        return _to(tests, Phase.FAILED, r.now_s, stays) if late else tests
    if r.unit.token and all(open_.token != r.unit.token for open_ in statement.opens):
        unknown = f"the safety unit retains exposure {r.unit.token}, which the records do not know: service takes it in (kerma adopt)"
        return _to(tests, Phase.FAILED, r.now_s, unknown) if late else tests
    if r.flags is not None and r.flags.fault:
        if late:
            names = ", ".join(r.flags.faults) or "unnamed"
            return _to(tests, Phase.FAILED, r.now_s, f"the generator reports a fault that does not clear: {names}")
        return msgspec.structs.replace(tests, faults_cleared=off.verified)
    return _next_test(tests, r, house)


def _unit_tests(tests: Tests, r: Readings, _o: Evidence, _s: Statement | None, house: _House) -> Tests:
    """One test after another, each seen to begin and then seen to have passed: what passed before this start counts for nothing."""
    unit, slow, bit = r.unit, r.slow, 1 << (tests.number - 1)
    if unit is None or slow is None:
        return tests
    if tests.begun_s is None and unit.state == UnitState.TEST:
        return msgspec.structs.replace(tests, begun_s=unit.asked_at_s)
    over = (
        tests.begun_s is not None and unit.state != UnitState.TEST and slow.asked_at_s > unit.asked_at_s - TEST_SEEN_S
    )
    if over and tests.begun_s is not None and slow.asked_at_s > tests.begun_s and slow.tests_passed & bit:
        return _next_test(tests, r, house)
    if r.now_s - tests.since_s > TEST_S:
        failed = f"the safety unit's {UNIT_TESTS[tests.number - 1]} test did not pass within {TEST_S:.0f} s: service"
        return _to(tests, Phase.FAILED, r.now_s, failed)
    return tests


def _next_test(tests: Tests, r: Readings, house: _House) -> Tests:
    """The next that the unit can do; what it cannot is no pass, and stands in its capabilities."""
    number = next((number for number in house.unit_tests if number > tests.number), 0)
    if number:
        after = _to(tests, Phase.UNIT_TESTS, r.now_s, f"testing the safety unit: {UNIT_TESTS[number - 1]}")
        return msgspec.structs.replace(after, number=number, begun_s=None)
    if not house.kernel_sound:
        return _to(
            tests, Phase.FAILED, r.now_s, "the dose kernel does not reproduce its golden vector: do not use, service"
        )
    return _to(tests, Phase.PASSED, r.now_s, "all tests passed")


def _stay(tests: Tests, _r: Readings, _o: Evidence, _s: Statement | None, _h: _House) -> Tests:
    return tests


_STEPS: Final = {
    Phase.IDENTIFY: _identify,
    Phase.VERIFY_OFF: _verify_off,
    Phase.RECONCILE: _reconcile,
    Phase.SETTLE: _settle,
    Phase.UNIT_TESTS: _unit_tests,
    Phase.LATCHED: _stay,
    Phase.STUCK: _stay,
}
