"""The safety unit ends a beam and the real-time process dies before it sees it: what a living one would have latched is latched at the next start, and only
who clears it may send the machine on."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig, slice_of

from controller.requests import Reset
from controller.states import State
from hal.readings import Cause
from verification.reach import exposures, settle, state, to_beam, turn_until, wrong
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
