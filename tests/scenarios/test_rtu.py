"""The safety unit on a serial line: Modbus RTU at 115200 baud, paced, carries lease, status and DISARM over one wire, and every story ends alike."""

from pathlib import Path

import pytest
from refusal_bench import MakeRig

from controller.kernel import Kernels
from hal.machine import CUT_S
from interlocks.gate import SHUT_AFTER_S
from verification.invariants import check_all
from verification.reach import to_beam
from verification.rigs import Choice
from verification.scenarios import find, play
from verification.setting import lay_out, prescribed, virtual_rig
from verification.trace import Observer


@pytest.mark.parametrize("name", ["normal", "time-mode", "door-opens", "operator-stop", "host-killed", "unit-reboots"])
def test_scenario_over_rtu(name: str, tmp_path: Path, kernels: Kernels) -> None:
    """State, reason, time to beam off, true dose and record as over TCP."""
    scenario = find(name)
    setting = lay_out(tmp_path / "rig", tmp_path / "records", scenario.termination, 15020)
    text = setting.rig_file.read_text(encoding="utf-8")
    serial = f'link = "pty:{tmp_path / "unit"}"\nbaud = 115200'
    setting.rig_file.write_text(text.replace('link = "tcp:127.0.0.1:15020"', serial), encoding="utf-8")
    rig = virtual_rig(setting, kernels, fault=scenario.fault_at_start)
    watched = Observer(rig)
    try:
        told = play(scenario, rig, prescribed(scenario.rx_mgy))
        broken = check_all(watched.trace())
    finally:
        rig.close()
    assert told.wrong == []
    assert broken == []


@pytest.mark.parametrize("after_us", [0, 4_000])
@pytest.mark.parametrize("ticks", [0, 1])
def test_a_host_that_crashes_in_beam_disarms_the_unit_over_rtu(make_rig: MakeRig, ticks: int, after_us: int) -> None:
    """The generator ignores its OFF, so that the unit alone ends the beam: by the DISARM of the gate that is shut, at any place of the round of two ticks
    that a status takes, and not by the lease, which was renewed just before and runs 200 ms longer."""
    rig = make_rig(choice=Choice(unit_wire="rtu"))
    to_beam(rig, 0.6)
    rig.fault("off-command-ignored")
    for _ in range(ticks):
        rig.turn()
    rig.world.advance(rig.world.now_us + after_us)
    began_s = rig.now_s()
    assert rig.loop is not None
    rig.loop.gate.shut()
    rig.kill_host()
    while rig.truth()["hv_on"] and rig.now_s() < began_s + 1.0:
        rig.world.advance(rig.world.now_us + 1_000)
    assert rig.now_s() - began_s <= SHUT_AFTER_S[-1] + CUT_S
