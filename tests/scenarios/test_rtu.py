"""The safety unit on a serial line: Modbus RTU at 115200 baud, paced, carries lease, status and DISARM over one wire, and every story ends alike."""

from pathlib import Path

import pytest

from controller.kernel import Kernels
from verification.invariants import check_all
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
