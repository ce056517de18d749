"""The scenarios that take the operating system's own faults to real processes: a pty, TCP, sockets, kill -9 and SIGSTOP, one after another."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from verification.real import RealRig
from verification.scenarios import Told, find, play
from verification.setting import clear, free_port, lay_out, prescribed, real_rig

STOLEN_S = 0.015
TRIES = 3
RX_MGY = 300.0
"""About 6.5 s of beam: the stories need 3 s of it, and the suite its five minutes."""
NAMES = (
    "normal",
    "door-opens",
    "operator-stop",
    "host-killed",
    "host-frozen",
    "recorder-killed",
    "desk-killed",
    "port-pulled",
    "stop-flooded",
)


@pytest.fixture
def folders() -> Iterator[list[Path]]:
    """Short paths for sockets, gone afterwards."""
    made: list[Path] = []
    yield made
    for folder in made:
        clear(folder)


def _once(name: str, folders: list[Path]) -> tuple[Told, float]:
    scenario = find(name)
    folder = Path(mkdtemp(prefix="kerma-"))
    folders.append(folder)
    setting = lay_out(folder, folder / "records", scenario.termination, free_port())
    rig: RealRig = real_rig(setting)
    try:
        rig.start(scenario.fault_at_start)
        return play(scenario, rig, prescribed(RX_MGY)), rig.stolen_s()
    finally:
        rig.close()


@pytest.mark.realtime
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NAMES)
def test_scenario_over_real_wires(name: str, folders: list[Path]) -> None:
    """It ends as it should; where the machine was taken away it is played again, at most twice, and no bound is loosened."""
    for attempt in range(TRIES):
        told, stolen_s = _once(name, folders)
        if told.ok or stolen_s < STOLEN_S or attempt + 1 == TRIES:
            break
    assert told.wrong == []
