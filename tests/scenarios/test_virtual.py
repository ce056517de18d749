"""Every scenario of `kerma demo` in virtual time: the shipped loop, recorder and drivers against the simulated world, to the end that each must have."""

from pathlib import Path

import pytest

from controller.kernel import Kernels
from verification.scenarios import SCENARIOS, Scenario, play
from verification.setting import lay_out, prescribed, virtual_rig


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_scenario_ends_as_it_should(scenario: Scenario, tmp_path: Path, kernels: Kernels) -> None:
    """State, reason, time to beam off, true dose, record and no restart, as the scenario says."""
    setting = lay_out(tmp_path / "rig", tmp_path / "records", scenario.termination, 15020)
    rig = virtual_rig(setting, kernels, fault=scenario.fault_at_start)
    try:
        told = play(scenario, rig, prescribed(scenario.rx_mgy))
    finally:
        rig.close()
    assert told.wrong == []
