"""docs/write-a-driver.md, followed word for word: its commands are run and its files written, in a fresh environment, in an empty folder.
Real processes and a real pseudo-terminal; nothing is fetched."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "write-a-driver.md"
BLOCK = re.compile(r"(?:Write `(?P<path>[^`]+)`:\n\n)?```(?P<kind>console|python|toml)\n(?P<text>.*?)```", re.DOTALL)


pytestmark = pytest.mark.realtime


def steps() -> list[tuple[str, str]]:
    """The page's steps in order: ("run", command) or (path, text of a file to write)."""
    found: list[tuple[str, str]] = []
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8").partition("## What a driver offers")[0]):
        if block["kind"] == "console":
            lines = block["text"].splitlines()
            assert all(line.startswith("$ ") for line in lines), block["text"]
            found += [("run", line[2:]) for line in lines]
        else:
            assert block["path"], f"a file without a name: {block['text'][:60]}"
            found.append((block["path"], block["text"]))
    return found


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A fresh environment with Kerma installed in it; what Kerma needs, and the tools, are this environment's own."""
    venv = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=50)
    site = next((venv / "lib").glob("python3*")) / "site-packages"
    house = sysconfig.get_paths()["purelib"]
    (site / "house.pth").write_text(f"import site; site.addsitedir({house!r})\n")
    made = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "PYTEST"))}
    made |= {
        "PATH": os.pathsep.join((str(venv / "bin"), str(Path(sys.executable).parent), made["PATH"])),
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache" / "generated"),
        "COLUMNS": "80",
    }
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    subprocess.run([str(venv / "bin" / "python"), *install], env=made, check=True, timeout=50, capture_output=True)
    return made


@pytest.fixture
def background() -> Iterator[list[subprocess.Popen[str]]]:
    """What the page starts with `&`; ended by its own number."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=10)


@pytest.mark.timeout(170)
def test_the_page_does_what_it_says(
    tmp_path: Path, environment: dict[str, str], background: list[subprocess.Popen[str]]
) -> None:
    """Every command ends with 0; the driver is listed, shown, tested, linted and checked on its scripted device."""
    folder = tmp_path / "empty"
    folder.mkdir()
    said: dict[str, str] = {}
    for what, text in steps():
        if what != "run":
            (folder / what).write_text(text, encoding="utf-8")
            continue
        if text.endswith("&"):
            process = subprocess.Popen(text.removesuffix("&").split(), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)  # fmt: skip
            background.append(process)
            assert process.stdout is not None and "SIMULATED" in process.stdout.readline()
            continue
        done = subprocess.run(
            ["bash", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=110, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        said[text] = done.stdout
    rows = [line.split()[0] for line in said["kerma drivers"].splitlines() if line.strip()]
    assert "my-hv" in rows and "spellman-xrv" in rows
    assert "BROKEN" in said["kerma drivers show my-hv --baud 9600"]
    checked = next(words for command, words in said.items() if command.startswith("kerma drivers check"))
    assert checked.startswith("SIMULATED") and "passed: " in checked and ", 0 FAIL" in checked
    assert (
        "my-hv"
        not in subprocess.run(
            [sys.executable, "-m", "console", "drivers"], capture_output=True, text=True, timeout=50, check=True
        ).stdout
    ), "nothing was left in the environment that the tests run in"


def test_the_page_has_the_steps_that_it_is_read_for() -> None:
    """The reader above finds them: writing, installing, testing, listing, showing, checking, and one file."""
    commands = [text for what, text in steps() if what == "run"]
    for start in (
        "kerma drivers new",
        "python -m pip install",
        "python -m pytest",
        "kerma drivers show",
        "kerma drivers check",
    ):
        assert [text for text in commands if text.startswith(start)], start
    assert [what for what, _ in steps() if what != "run"] == ["my-hv/tests/test_frames.py"]
