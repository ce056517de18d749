"""The walls of the house stand: each planted bad import, and a clock read where none may be, breaks the lint that `make lint` runs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "hal",
    "interlocks",
    "controller",
    "calibration",
    "records",
    "console",
    "simulators",
    "verification",
    "benchmarks",
)
BIN = Path(sys.executable).parent

PLANTED = (
    ("hal/units.py", "import simulators.world\n", "The product never imports the simulators"),
    ("console/screen.py", "import verification.scenarios\n", "The product never imports the simulators"),
    ("simulators/room.py", "import hal.readings\n", "The simulators import nothing of ours"),
    ("interlocks/judge.py", "import hal.generators.spellman_xrv\n", "Interlocks see words, not drivers"),
    ("interlocks/judge.py", "import structlog\n", "Interlocks see words, not drivers"),
    ("controller/loop.py", "import rich\n", "The controller sees no driver, no page"),
    ("controller/decide.py", "import sqlalchemy\n", "The controller sees no driver, no page"),
    ("hal/units.py", "import controller.states\n", "Imports only point down"),
    ("records/day_readings.py", "import records.baselines\n", "The rooms of the day's check import one way"),
    ("console/reports/model.py", "import reportlab\n", "What a report says knows no paper"),
    ("console/reports/keep.py", "import records.recorder\n", "Reports read the records and drive nothing"),
    ("verification/judges_beam.py", "import controller.states\n", "Who judges a run imports nothing of the controller"),
    ("verification/trace.py", "import records.journal\n", "Who judges a run imports nothing of the controller"),
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rooms and the configuration, without tests and environment."""
    folder = tmp_path_factory.mktemp("house")
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return folder


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "lint-imports"), "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_contracts_hold_unplanted(copy: Path) -> None:
    """Without a plant the same command passes: the tests below fail for the right reason."""
    said = _lint(copy)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"), PLANTED, ids=[f"{file}:{line.split()[1]}" for file, line, _ in PLANTED]
)
def test_a_planted_import_breaks_its_contract(copy: Path, file: str, line: str, contract: str) -> None:
    """One line in one file, and the contract that forbids it is the one that is broken."""
    path = copy / file
    before = path.read_text(encoding="utf-8")
    head, marker, rest = before.partition("from __future__ import annotations\n")
    planted = head + marker + line + rest if marker else before + line
    path.write_text(planted, encoding="utf-8")
    try:
        said = _lint(copy)
    finally:
        path.write_text(before, encoding="utf-8")
    assert said.returncode != 0
    broken = [row for row in said.stdout.splitlines() if "BROKEN" in row]
    assert any(contract in row for row in broken), said.stdout


@pytest.mark.parametrize(
    "line", ["import time\n", "import datetime\n\nNOW = datetime.datetime.now()\n", "from time import monotonic\n"]
)
@pytest.mark.parametrize("file", ["controller/planted.py", "simulators/planted.py", "interlocks/planted.py"])
def test_reading_a_clock_outside_the_clocks_breaks_ruff(copy: Path, file: str, line: str) -> None:
    """Only hal/clock.py and simulators/clock.py may read the time."""
    path = copy / file
    path.write_text('"""Planted."""\n\n' + line, encoding="utf-8")
    try:
        said = subprocess.run(
            [str(BIN / "ruff"), "check", "--no-cache", file],
            cwd=copy,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        path.unlink()
    assert said.returncode != 0
    assert "TID251" in said.stdout
