"""What the suites install for themselves: it says what is missing and how to get it, and gives up in a bounded time, whatever apt-get does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "install.sh"
NEEDED = ("sh", "id", "timeout", "paste", "sleep", "env", "touch", "chmod")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A path with a shell, and with nothing of what the suites need."""
    for name in NEEDED:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    return tmp_path


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def installed(folder: Path, group: str, root: bool = True, within_s: str = "5") -> tuple[int, str]:
    (folder / "id").unlink(missing_ok=True)
    put(folder, "id", f"echo {0 if root else 1000}")
    given = {"PATH": str(folder), "INSTALL_WITHIN_S": within_s}
    said = subprocess.run(
        [str(folder / "sh"), str(SCRIPT), group], env=given, capture_output=True, text=True, timeout=30, check=False
    )
    return said.returncode, said.stdout


@pytest.mark.parametrize(
    ("group", "package"),
    [
        ("bench", "rt-tests"),
        ("browser", "chromium"),
        ("dicom", "dcmtk"),
        ("paper", "poppler-utils"),
        ("postgres", "postgresql"),
        ("strace", "strace"),
    ],
)
def test_without_root_or_apt_it_says_what_to_install(machine: Path, group: str, package: str) -> None:
    put(machine, "apt-get", "exit 0")
    code, said = installed(machine, group, root=False)
    assert code == 1 and "missing:" in said and "apt-get install" in said and package in said
    (machine / "apt-get").unlink()
    assert installed(machine, group)[0] == 1


def test_an_apt_that_hangs_is_given_up(machine: Path) -> None:
    put(machine, "apt-get", "exec sleep 60")
    code, said = installed(machine, "dicom", within_s="0.3")
    assert code == 1 and "was not done within 0.3 s" in said


@pytest.mark.parametrize(("does", "ended"), [("exit 100", 100), ("exit 0", 0)])
def test_an_apt_that_fails_or_brings_nothing_is_no_success(machine: Path, does: str, ended: int) -> None:
    put(machine, "apt-get", does)
    code, said = installed(machine, "dicom")
    assert code == 1 and f"still missing: dciodvfy,storescp (apt-get ended with {ended})" in said


def test_what_is_installed_is_ready_and_is_not_installed_twice(machine: Path) -> None:
    put(machine, "apt-get", f'case "$*" in *chromium*) touch {machine}/chromium; chmod +x {machine}/chromium ;; esac')
    assert installed(machine, "browser")[1].splitlines()[-1] == "browser-tools: ready"
    assert installed(machine, "browser", root=False) == (0, "browser-tools: everything is here; nothing to install\n")


def test_a_group_that_is_none_is_said() -> None:
    said = subprocess.run(
        [str(SCRIPT), "games"], env=dict(os.environ), capture_output=True, text=True, timeout=30, check=False
    )
    assert said.returncode == 2 and "bench, browser, dicom, paper, postgres or strace" in said.stdout
