"""The power goes: relays fall, tmpfs and everything unsynced is gone, the unit's memory stays; and whatever the disk left, no dose is said lower than given."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig

from controller.states import State
from verification.disk import FaultyDisk
from verification.reach import exposures, settle, state, to_beam, to_ready, turn_until, wrong


def test_power_cut_in_beam_ends_the_beam_at_once_and_loses_no_dose(make_rig: MakeRig) -> None:
    rig = make_rig(disk=FaultyDisk(3))
    to_beam(rig, 2.0)
    rig.power_cut()
    assert rig.loop is None and rig.recorder is None
    for _ in range(30):
        rig.turn()
    assert not rig.truth()["k1_closed"] and not rig.truth()["k2_closed"] and not rig.truth()["hv_on"]
    dose_mgy = rig.truth()["dose_mgy"]
    rig.wait(60.0)
    assert rig.truth()["dose_mgy"] == dose_mgy
    assert rig.world.unit.mute, "a unit without power answers"
    rig.power_on(uptime_s=12.0)
    assert settle(rig) is State.STANDBY
    assert wrong(rig, presses=1) == []
    (only,) = exposures(rig)
    assert only["recovered"] and only["high_mgy"] >= dose_mgy - 1.0


@pytest.mark.parametrize("seed", range(4))
def test_power_cut_before_the_press_leaves_a_void(make_rig: MakeRig, seed: int) -> None:
    """A START that was durable is ended as VOID by the unit's own evidence, whatever became of the database."""
    rig = make_rig(disk=FaultyDisk(seed))
    to_ready(rig)
    rig.power_cut()
    rig.wait(5.0)
    rig.power_on()
    turn_until(rig, State.STANDBY)
    assert wrong(rig, presses=0) == []
    (only,) = exposures(rig)
    assert only["void"]


def test_a_disk_without_strikes_changes_nothing_and_counts(make_rig: MakeRig) -> None:
    rig = make_rig()
    turn_until(rig, State.STANDBY)
    assert rig.disk.calls > 20 and rig.disk.struck == [] and state(rig) is State.STANDBY
