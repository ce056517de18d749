"""Every scenario of `kerma demo` in virtual time: the shipped loop, recorder and drivers against the simulated world, to the end that each must have,
with every invariant asked of the whole run."""

from pathlib import Path

import pytest

from controller.kernel import Kernels
from verification.invariants import check_all
from verification.scenarios import SCENARIOS, Scenario, play
from verification.setting import lay_out, prescribed, virtual_rig
from verification.trace import Observer


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_scenario_ends_as_it_should(scenario: Scenario, tmp_path: Path, kernels: Kernels) -> None:
    """State, reason, time to beam off, true dose, record and no restart, as the scenario says; and no invariant is broken on the way."""
    setting = lay_out(tmp_path / "rig", tmp_path / "records", scenario.termination, 15020)
    rig = virtual_rig(setting, kernels, fault=scenario.fault_at_start)
    watched = Observer(rig)
    try:
        told = play(scenario, rig, prescribed(scenario.rx_mgy))
        broken = check_all(watched.trace())
    finally:
        rig.close()
    assert told.wrong == []
    assert broken == []
