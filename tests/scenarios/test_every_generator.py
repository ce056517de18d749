"""A whole fraction, and a host killed in beam, on every generator that there is a driver for, with the safety unit on either wire.
Short fractions in virtual time; the same rigs over real wires are played by `kerma demo --generator all`."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.kernel import Kernels
from hal import registry
from verification.rigs import BEAMS, Choice
from verification.scenarios import Told, find, play
from verification.setting import lay_out, prescribed, virtual_rig

SHORT_MGY = 250.0
"""About 5 s of beam."""
WIRES = {"normal": "rtu", "host-killed": "tcp"}


def test_every_driver_has_a_rig_to_be_shown_on() -> None:
    assert set(registry.names(registry.GENERATORS)) <= set(BEAMS)


@pytest.mark.parametrize("story", ["normal", "host-killed"])
@pytest.mark.parametrize("generator", registry.names(registry.GENERATORS))
def test_fraction_on(generator: str, story: str, tmp_path: Path, kernels: Kernels) -> None:
    """The whole story of the demonstration: dose within its bounds, beam off in time, the record as it should be."""
    told = played(Choice(generator, unit_wire=WIRES[story]), story, tmp_path, kernels)
    assert told.wrong == []


@pytest.mark.parametrize("wire", ["tcp", "socket"])
def test_fraction_over_a_network(wire: str, tmp_path: Path, kernels: Kernels) -> None:
    """The same generator on its own network port, where frames carry no checksum, and behind a terminal server, where they do."""
    assert played(Choice("spellman-xrv", generator_wire=wire), "normal", tmp_path, kernels).wrong == []


def played(choice: Choice, story: str, folder: Path, kernels: Kernels) -> Told:
    scenario = find(story)
    setting = lay_out(folder / "rig", folder / "records", scenario.termination, 15020, choice=choice)
    rig = virtual_rig(setting, kernels, fault=scenario.fault_at_start)
    try:
        return play(scenario, rig, prescribed(SHORT_MGY, choice))
    finally:
        rig.close()
