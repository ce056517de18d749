"""High voltage that nobody asked for, in the states before a beam: STUCK_ON, and an exposure that was started never says less than was given."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig

from controller.states import State
from records.fractions import strays
from verification.reach import BRING, exposures, settle, state, to_ready, turn_until, wrong


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
