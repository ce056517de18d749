"""A press in the very tick between ARM and an unload: the unit ran without beam and retains a token that the records took for one that never ran."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig

from controller.requests import Close, Edit
from controller.states import State
from verification.reach import exposures, load, ons, patient, send, settle, state, to_arming, to_beam, turn_until, wrong
from verification.virtual import VirtualRig


def arm_is_sent(rig: VirtualRig) -> None:
    """From ARMING: ARM is on its way."""
    for _ in range(50):
        assert rig.loop is not None
        if rig.loop.gate.sent.armed_at_s is not None:
            break
        rig.turn()
    assert state(rig) is State.ARMING


def pressed_and_unloaded(rig: VirtualRig) -> None:
    """From ARMING: ARM is on its way when the switch is pressed and the fraction unloaded; RUN lasts until the next tick's OFF."""
    arm_is_sent(rig)
    runs = rig.world.unit.nv.run_count
    rig.press()
    send(rig, Edit())
    rig.wait(3.0)
    assert rig.world.unit.nv.run_count == runs + 1


@pytest.mark.parametrize("times", [1, 2])
def test_a_token_that_ran_unseen_is_reset_all_the_same(make_rig: MakeRig, times: int) -> None:
    """The next fraction can be loaded: what the unit retains of a VOID exposure goes, whatever VOIDs came before it."""
    rig = make_rig()
    for number in range(20, 20 + times):
        to_arming(rig, p=patient(number))
        assert rig.ask(Edit()).ok
    for number in range(times):
        to_arming(rig, p=patient(number))
        pressed_and_unloaded(rig)
        assert state(rig) is State.STANDBY
        assert rig.world.unit.nv.retained_token == 0
    load(rig, p=patient(9))
    assert settle(rig) is State.STANDBY
    assert ons(rig) == 0
    assert wrong(rig, presses=0) == []


def test_the_same_in_a_resume_keeps_the_fraction_and_lets_it_be_closed(make_rig: MakeRig) -> None:
    """The unit retains the later token with the counts of the earlier: the fraction stays open, can be resumed, and its close resets the unit."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    to_arming(rig, resume="go on")
    pressed_and_unloaded(rig)
    assert state(rig) is State.STANDBY
    to_beam(rig, 1.0, resume="go on at last")
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    to_arming(rig, resume="and once more")
    pressed_and_unloaded(rig)
    assert rig.ask(Close("enough")).ok
    assert settle(rig) is State.STANDBY
    assert rig.world.unit.nv.retained_token == 0
    load(rig, p=patient(9))
    assert wrong(rig, presses=2) == []


@pytest.mark.parametrize("wait_s", [0.0, 0.3, 2.5])
def test_what_ran_unseen_in_arming_has_its_end_before_anything_is_offered_again(
    make_rig: MakeRig, wait_s: float
) -> None:
    """Pressed before READY, the unit runs without ON until its window ends it, and no VOID is proved: a second START beside this one would hide it
    from the records for as long as the process lives. So nothing is offered until it is unloaded; then it has its one end, however
    soon a person closes it, and the next fraction comes."""
    rig = make_rig()
    to_arming(rig)
    arm_is_sent(rig)
    rig.press()
    turn_until(rig, State.PREPARATORY)
    rig.wait(1.5)
    shown = rig.snapshot()
    assert shown is not None
    assert state(rig) is State.PREPARATORY
    assert shown.offer is None
    assert "unload" in shown.first_to_fix
    assert rig.ask(Edit()).ok
    rig.wait(wait_s)
    assert rig.ask(Close("the unit's K1 time is used up")).ok
    assert settle(rig) is State.STANDBY
    (exposure,) = exposures(rig)
    assert (exposure["provisional"], exposure["void"]) == (False, False)
    load(rig, p=patient(9))
    assert wrong(rig, presses=0) == []
