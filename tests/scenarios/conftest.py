"""The compiled kernels once for all scenarios, and rigs in virtual time that are closed after their test.
It plays no scenario itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from refusal_bench import MakeRig

from controller.kernel import Kernels, prepare
from verification.disk import FaultyDisk
from verification.rigs import Choice
from verification.setting import lay_out, virtual_rig
from verification.virtual import VirtualRig


@pytest.fixture(scope="session")
def kernels() -> Kernels:
    """Compiled once for all scenarios."""
    return prepare()


@pytest.fixture
def make_rig(tmp_path: Path, kernels: Kernels) -> Iterator[MakeRig]:
    """`make_rig(termination="monitor", seed=1, fault="", choice=None, disk=None)`: a rig in virtual time with records of its own."""
    rigs: list[VirtualRig] = []

    def make(
        termination: str = "monitor",
        seed: int = 1,
        fault: str = "",
        choice: Choice | None = None,
        disk: FaultyDisk | None = None,
    ) -> VirtualRig:
        folder = tmp_path / f"{len(rigs)}"
        setting = lay_out(folder / "rig", folder / "records", termination, 15020, seed, choice)
        rigs.append(virtual_rig(setting, kernels, seed=seed, fault=fault, disk=disk))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()
