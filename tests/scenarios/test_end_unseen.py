"""The safety unit ends a beam and the real-time process dies before it sees it, or hears of something worse, or of nothing: what one that sees the end latches
is latched all the same, and only who clears it may send the machine on."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig, slice_of

from controller.requests import Load, Reset
from controller.states import State
from hal.readings import Cause, UnitState
from verification.reach import SHORT, exposures, settle, state, to_beam, to_ready, turn_until, wrong
from verification.virtual import VirtualRig

PHYSICIST, SERVICE = "physicist", "service"
CLEARED_BY = {
    Cause.TIME_PRESET: PHYSICIST,
    Cause.K1_LIMIT: PHYSICIST,
    Cause.COUNT2: PHYSICIST,
    Cause.RATE: PHYSICIST,
    Cause.DISAGREE: PHYSICIST,
    Cause.HARD_CAP: PHYSICIST,
    Cause.SPONTANEOUS: PHYSICIST,
    Cause.PAIR: SERVICE,
    Cause.MIRROR: SERVICE,
    Cause.TEST_PULSE: SERVICE,
}
"""Of a fraction that its counts should have ended. What is not here leaves no latch: whoever was there saw a door, a key or a switch."""
QUICK = (Cause.K1_LIMIT, Cause.MIRROR, Cause.LEASE)


def ended_unseen(rig: VirtualRig, cause: Cause) -> None:
    """In beam the unit ends it; the process is killed in the same moment, and started again."""
    to_beam(rig, 1.0)
    rig.world.unit.end(1 << cause)
    rig.kill_host()
    rig.wait(1.0)
    rig.start_host()
    turn_until(rig, State.STANDBY, State.FAULT)


@pytest.mark.parametrize(
    "cause", slice_of((c for c in Cause if c not in (Cause.NONE, Cause.REBOOT)), lambda cause: cause in QUICK)
)
def test_what_an_end_that_nobody_saw_leaves_is_latched_at_the_next_start(make_rig: MakeRig, cause: Cause) -> None:
    """By its cause's own rule and role; the other role is refused, and a cause that a living process does not latch leaves none."""
    rig = make_rig()
    ended_unseen(rig, cause)
    assert rig.loop is not None
    held = {latch.rule: latch.clears.name.lower() for latch in rig.loop.dossier.latches}
    role = CLEARED_BY.get(cause)
    if role is None:
        assert held == {} and state(rig) is State.STANDBY
        return
    assert held == {f"unit:{cause.name}": f"by_{role}"}
    assert state(rig) is State.FAULT
    (exposure,) = exposures(rig)
    assert exposure["event"] == "RECOVERED" and exposure["unit_cause"] == cause
    other = SERVICE if role == PHYSICIST else PHYSICIST
    refused = rig.ask(Reset(other, "somebody", "go on"))
    assert not refused.ok and f"by_{role}" in refused.words
    assert rig.ask(Reset(role, "who may", "looked at it")).ok
    turn_until(rig, State.STANDBY)
    assert rig.loop.dossier.latches == ()
    assert wrong(rig, presses=1) == []


def held(rig: VirtualRig) -> set[tuple[str, str]]:
    """What is latched in the process, and for whom."""
    assert rig.loop is not None
    return {(latch.rule, latch.clears.name) for latch in rig.loop.dossier.latches}


def test_a_stop_in_the_same_moment_hides_nothing(make_rig: MakeRig) -> None:
    """STOP is the worse event of that tick: the exposure is INTERRUPTED by it, and the backup that had ended the beam is the physicist's."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.world.unit.end(1 << Cause.K1_LIMIT)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    assert held(rig) == {("unit:K1_LIMIT", "BY_PHYSICIST")}
    assert not rig.ask(Reset("operator", "somebody", "go on")).ok
    assert rig.ask(Reset(PHYSICIST, "who may", "looked at it")).ok
    assert held(rig) == set()


def test_what_the_unit_did_while_its_wire_was_silent_is_latched_once_it_is_heard(make_rig: MakeRig) -> None:
    """The link is lost first, for which the operator is asked; then the unit's cause is read with its counters, and the physicist is asked too."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.fault("unit-silent")
    rig.world.unit.end(1 << Cause.DISAGREE)
    turn_until(rig, State.FAULT)
    rig.mend("unit-silent")
    rig.wait(2.0)
    assert ("unit:DISAGREE", "BY_PHYSICIST") in held(rig)
    (exposure,) = exposures(rig)
    assert exposure["event"] == "UNIT_LOST" and exposure["unit_cause"] == Cause.DISAGREE
    rig.ask(Reset("operator", "somebody", "the wire is back"))
    assert not rig.ask(Reset("operator", "somebody", "the wire is back")).ok
    assert ("unit:DISAGREE", "BY_PHYSICIST") in held(rig)


def test_a_contactor_that_fails_between_two_looks_is_services(make_rig: MakeRig) -> None:
    """Pressed, run and ended by its mirror before the next status: READY hears the end alone, and is a fault of service's at once. What the unit retains
    tells the exposure's end to the records in the self-test after the reset."""
    rig = make_rig()
    to_ready(rig)
    rig.press()
    for _ in range(20):
        if rig.world.unit.state == UnitState.RUN:
            break
        rig.turn()
    assert rig.world.unit.state == UnitState.RUN and state(rig) is State.READY
    rig.world.unit.end(1 << Cause.MIRROR)
    turn_until(rig, State.FAULT, within=3)
    rig.wait(1.0)
    assert held(rig) == {("unit:MIRROR", "BY_SERVICE")}
    refused = rig.ask(Load(SHORT, "somebody"))
    assert not refused.ok and "FAULT" in refused.words
    assert rig.ask(Reset(SERVICE, "who may", "exchanged it")).ok
    rig.wait(8.0)
    assert held(rig) == {("unit:MIRROR", "BY_SERVICE")}, "the recovered end sets the latch anew"
    (exposure,) = exposures(rig)
    assert exposure["event"] == "RECOVERED" and exposure["unit_cause"] == Cause.MIRROR


def test_it_outlives_another_death_and_is_set_once(make_rig: MakeRig) -> None:
    """It lies in the journal with the end that it belongs to: killed again, with its recorder, the machine comes up latched; cleared, it stays so."""
    rig = make_rig()
    ended_unseen(rig, Cause.K1_LIMIT)
    for _ in range(2):
        rig.kill_host()
        rig.kill_recorder()
        rig.wait(0.5)
        rig.start_recorder()
        rig.start_host()
        turn_until(rig, State.FAULT)
        assert rig.loop is not None and [latch.rule for latch in rig.loop.dossier.latches] == ["unit:K1_LIMIT"]
    assert rig.ask(Reset(PHYSICIST, "who may", "looked at it")).ok
    turn_until(rig, State.STANDBY)
    rig.kill_host()
    rig.wait(0.5)
    rig.start_host()
    turn_until(rig, State.STANDBY, State.FAULT)
    assert state(rig) is State.STANDBY
    assert len(exposures(rig)) == 1
    assert wrong(rig, presses=1) == []


def test_a_power_cut_after_such_an_end_leaves_it_too(make_rig: MakeRig) -> None:
    """The unit's memory holds the cause over its own power, and so does the latch that is made of it."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.world.unit.end(1 << Cause.DISAGREE)
    rig.power_cut()
    rig.wait(3.0)
    rig.power_on()
    turn_until(rig, State.FAULT)
    assert rig.loop is not None
    held = [(latch.rule, latch.clears.name) for latch in rig.loop.dossier.latches]
    assert held == [("unit:DISAGREE", "BY_PHYSICIST")]
    assert settle(rig) is State.STANDBY
