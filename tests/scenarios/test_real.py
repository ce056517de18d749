"""The scenarios that take the operating system's own faults to real processes: a pty, TCP, sockets, kill -9 and SIGSTOP, one after another."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from refusal_bench import slice_of

from verification.real import RealRig
from verification.rigs import Choice
from verification.scenarios import Told, find, means_of, play
from verification.setting import clear, free_port, lay_out, prescribed, real_rig

STOLEN_S = 0.015
TRIES = 3
RX_MGY = 300.0
"""About 6.5 s of beam: the stories need 3 s of it, and the suite its five minutes."""
SLICE = {"normal", "host-killed", "host-frozen", "recorder-killed", "port-pulled"}
"""What only real processes and a real kernel can show; the others differ from virtual time in nothing that these do not show too."""
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


def _once(name: str, folders: list[Path], choice: Choice | None = None) -> tuple[Told, float]:
    scenario = find(name)
    folder = Path(mkdtemp(prefix="kerma-"))
    folders.append(folder)
    choice = choice or Choice()
    setting = lay_out(folder, folder / "records", scenario.termination, free_port(), choice=choice)
    rig: RealRig = real_rig(setting)
    try:
        rig.start(scenario.fault_at_start)
        return play(scenario, rig, prescribed(RX_MGY), means_of(choice.unit)), rig.stolen_s()
    finally:
        rig.close()


@pytest.mark.realtime
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", slice_of(NAMES, lambda name: name in SLICE))
def test_scenario_over_real_wires(name: str, folders: list[Path]) -> None:
    """It ends as it should; where the machine was taken away it is played again, at most twice, and no bound is loosened."""
    assert _played(name, folders).wrong == []


@pytest.mark.realtime
@pytest.mark.timeout(180)
def test_a_real_host_killed_on_bought_io(folders: list[Path]) -> None:
    """kill -9 of the real-time process: the coupler's watchdog opens both contactors within what its driver states."""
    assert _played("host-killed", folders, Choice(unit="wago-750")).wrong == []


def _played(name: str, folders: list[Path], choice: Choice | None = None) -> Told:
    told = Told(name)
    for _ in range(TRIES):
        told, stolen_s = _once(name, folders, choice)
        if told.ok or stolen_s < STOLEN_S:
            break
    return told
