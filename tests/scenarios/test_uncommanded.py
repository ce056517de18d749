"""High voltage that nobody asked for, in the states before a beam: STUCK_ON, and an exposure that was started never says less than was given."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig

from controller.states import State
from records.fractions import strays
from verification.reach import BRING, exposures, settle, state, to_beam, to_ready, turn_until, wrong
from verification.virtual import VirtualRig


def killed_while_it_lasts(rig: VirtualRig, seconds: float) -> float:
    """High voltage by itself for so long, the host dead with it, both over; a new host finds off. What was truly given of it, mGy."""
    before = rig.truth()["dose_mgy"]
    rig.fault("hv-on-at-start")
    rig.wait(seconds)
    assert state(rig) is State.STUCK_ON
    rig.kill_host()
    rig.wait(0.3)
    rig.mend("hv-on-at-start")
    rig.wait(1.0)
    rig.start_host()
    rig.wait(5.0)
    return rig.truth()["dose_mgy"] - before


@pytest.mark.parametrize("at", [State.ARMING, State.READY])
def test_beam_before_on_is_in_the_record(make_rig: MakeRig, at: State) -> None:
    """The supply raises high voltage by itself with K2 bypassed: the unit counts nothing, for K1 never closed, and yet the record may not say 0."""
    rig = make_rig()
    BRING[at](rig)
    rig.fault("hv-on-at-start")
    rig.wait(1.0)
    assert state(rig) is State.STUCK_ON
    rig.mend("hv-on-at-start")
    rig.wait(2.0)
    truly = rig.truth()["dose_mgy"]
    assert truly > 20.0
    (exposure,) = exposures(rig)
    assert not exposure["void"]
    assert exposure["outcome"] == "STUCK_ON"
    assert exposure["high_mgy"] >= truly - 1.0
    assert exposure["quality"] == "UNKNOWN"


@pytest.mark.parametrize("seconds", [0.3, 5.0])
def test_beam_before_on_is_in_the_record_of_a_host_that_died_in_it(make_rig: MakeRig, seconds: float) -> None:
    """Nobody lived to write the end, and the unit counted nothing: from the latch until off is found, all is charged. It was the lease alone."""
    rig = make_rig()
    BRING[State.READY](rig)
    truly = killed_while_it_lasts(rig, seconds)
    (exposure,) = exposures(rig)
    assert exposure["recovered"] and exposure["quality"] == "UNKNOWN"
    assert truly > 10.0
    assert truly <= exposure["high_mgy"] == exposure["delivered_mgy"] < 2.0 * truly + 400.0


def test_a_rest_after_such_a_beam_is_no_more_than_the_rest(make_rig: MakeRig) -> None:
    """The second segment never had its press, and its beam is in the sum that a resume starts from."""
    rig = make_rig()
    to_beam(rig, 2.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    to_ready(rig, "the rest")
    killed_while_it_lasts(rig, 2.0)
    (fraction,) = rig.records()
    first, second = fraction["exposures"]
    assert not first["recovered"] and second["recovered"] and not second["void"]
    assert fraction["delivered_mgy"] >= rig.truth()["dose_mgy"]


def test_beam_that_the_unit_counted_to_its_end_is_charged_once(make_rig: MakeRig) -> None:
    """The supply ignores off in beam: the unit counts until high voltage is gone, also after the host's death, and its counts are the bound."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.fault("hv-on-at-start")
    rig.stop()
    turn_until(rig, State.STUCK_ON)
    killed_while_it_lasts(rig, 1.0)
    truly = rig.truth()["dose_mgy"]
    (exposure,) = exposures(rig)
    assert exposure["recovered"] and truly <= exposure["high_mgy"] < 1.1 * truly


@pytest.mark.parametrize("ticks", [2, 40, 150])
def test_beam_of_a_dead_host_found_by_the_next_one_is_a_fault(make_rig: MakeRig, ticks: int) -> None:
    """A host that comes up while the lease of the dead one still runs finds high voltage: off, verified, FAULT; and STUCK_ON is only what stays on.
    After a service reset the exposure has its one end."""
    rig = make_rig()
    to_ready(rig)
    rig.press()
    turn_until(rig, State.STARTING)
    for _ in range(ticks):
        rig.turn()
    rig.kill_host()
    rig.wait(0.05)
    rig.start_host()
    turn_until(rig, State.STOPPING, State.FAULT)
    rig.wait(3.0)
    assert state(rig) is State.FAULT
    assert settle(rig) is State.STANDBY
    assert wrong(rig, presses=1) == []
    assert len(exposures(rig)) == 1
    assert strays(rig.recorder_config.database) == [], "its own record counts that beam"


@pytest.mark.parametrize("at", [State.STANDBY, State.READY])
def test_stuck_on_survives_a_restart_however_it_came(make_rig: MakeRig, at: State) -> None:
    """High voltage out of nothing, gone again: a new process does not make a FAULT of it that one person may reset."""
    rig = make_rig()
    BRING[at](rig)
    rig.fault("hv-on-at-start")
    turn_until(rig, State.STUCK_ON)
    rig.mend("hv-on-at-start")
    rig.wait(1.0)
    rig.kill_host()
    rig.wait(1.0)
    rig.start_host()
    turn_until(rig, State.STUCK_ON, State.FAULT, State.STANDBY)
    rig.wait(0.5)
    assert state(rig) is State.STUCK_ON


def test_beam_after_an_interruption_needs_the_physicist(make_rig: MakeRig) -> None:
    """High voltage out of nothing while a partial is open: no record holds that dose, so neither operator nor service may go on with the fraction."""
    rig = make_rig()
    BRING[State.INTERRUPTED](rig)
    rig.fault("hv-on-at-start")
    turn_until(rig, State.STUCK_ON)
    rig.mend("hv-on-at-start")
    rig.wait(1.0)
    shown = rig.snapshot()
    assert shown is not None
    assert any("the physicist decides" in words for words in shown.latches)
