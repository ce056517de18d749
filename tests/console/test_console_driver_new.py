"""`kerma drivers new`: what it writes passes the linter, the type checker and its own test, in a package or in this repository; and it overwrites nothing.
The generated test is run as it was written; nothing is installed here (tests/docs/test_write_a_driver.py does that)."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console import cli
from console.drivers import new as driver_new
from console.exit_codes import Exit
from hal import registry
from hal.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
NAMES = ("x1", "my-own-very-long-generator-name")


def tool(folder: Path, *command: str, **environment: str) -> str:
    """Run one tool there; its words, if it is not content."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=55, check=False, env=dict(os.environ) | environment
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("kind", driver_new.KINDS)
@pytest.mark.parametrize("name", [NAMES[0], *(pytest.param(name, marks=pytest.mark.grid) for name in NAMES[1:])])
def test_a_package_lints_and_types(tmp_path: Path, kind: str, name: str) -> None:
    """Short names and long ones: ruff, its formatter and mypy --strict, with the package's own settings, find nothing."""
    folder = tmp_path / "package"
    driver_new.new(name, kind, folder, None)
    assert not tool(folder, str(BIN / "ruff"), "check", "--no-cache", ".")
    assert not tool(folder, str(BIN / "ruff"), "format", "--no-cache", "--check", ".")
    assert not tool(folder, str(BIN / "mypy"), "--strict", ".", MYPY_CACHE_DIR=str(ROOT / ".mypy_cache" / "generated"))


@pytest.mark.parametrize(
    "kind", [kind if kind == "generator" else pytest.param(kind, marks=pytest.mark.grid) for kind in driver_new.KINDS]
)
def test_a_package_passes_its_own_test_and_fails_where_it_is_not_installed(tmp_path: Path, kind: str) -> None:
    """All of it holds against the device that was written with it; only its entry point is missing until it is installed."""
    folder = tmp_path / "package"
    driver_new.new("x1", kind, folder, None)
    python = str(BIN / "python")
    said = tool(folder, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", PYTHONPATH=str(folder))
    assert "test_it_is_installed_under_its_name" in said and "1 failed" in said, said
    rest = ("-k", "not installed")
    assert not tool(folder, python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *rest, PYTHONPATH=str(folder))


@pytest.mark.parametrize("kind", driver_new.KINDS)
def test_a_driver_in_this_repository_lints_as_the_rest_does(tmp_path: Path, kind: str) -> None:
    """The same templates under this repository's own settings; its line stands in the right group."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    for room in ("hal", "console"):
        (tmp_path / room).mkdir()
    driver_new.new("x1", kind, None, tmp_path)
    points = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]["entry-points"]
    chosen = driver_new.KINDS[kind]
    assert points[chosen.group]["x1"] == f"{chosen.folder.replace('/', '.')}.x1:DRIVER"
    usual = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    for group, lines in usual.items():
        assert points[group].items() >= lines.items()
    assert not tool(tmp_path, str(BIN / "ruff"), "check", "--no-cache", ".")
    assert not tool(tmp_path, str(BIN / "ruff"), "format", "--no-cache", "--check", ".")


def test_a_group_that_is_not_there_yet_is_made() -> None:
    text = '[project.entry-points."kerma.old"]\nz = "a:b"\n\n[tool.hatch.build.targets.wheel]\npackages = []\n'
    made = tomllib.loads(driver_new.with_line(text, "kerma.new", 'x = "y:DRIVER"'))
    assert made["project"]["entry-points"] == {"kerma.old": {"z": "a:b"}, "kerma.new": {"x": "y:DRIVER"}}
    assert made["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": []}


@pytest.mark.parametrize("name", ["X1", "1x", "x_1", "x--1", "-x", "x-", "class", "", "x" * 33, "../x", "x.y"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="small letters"):
        driver_new.new(name, "generator", tmp_path / "package", None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", [name for group in (registry.GENERATORS, registry.SAFETY_UNITS) for name in registry.names(group)]
)
def test_a_name_that_another_driver_has_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="has a driver of this name"):
        driver_new.new(name, "generator", tmp_path / "package", None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", ["pyproject.toml", "tests/test_x1.py", "kerma_x1/driver.py"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    """One file of it is there already: it stays as it was, and no other is written."""
    path = tmp_path / there
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="nothing is overwritten"):
        driver_new.new("x1", "generator", tmp_path, None)
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path] and path.read_text() == "mine"


def test_another_s_repository_is_not_written_into(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not Kerma's own"):
        driver_new.new("x1", "generator", None, tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\n')
    with pytest.raises(ConfigurationError, match="is not Kerma's own"):
        driver_new.new("x1", "generator", None, tmp_path)


def test_a_file_in_this_repository_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    driver_new.new("x1", "generator", None, tmp_path)
    before = (tmp_path / "pyproject.toml").read_text()
    with pytest.raises(ConfigurationError, match="nothing is overwritten"):
        driver_new.new("x1", "generator", None, tmp_path)
    assert (tmp_path / "pyproject.toml").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("x1",), "--package FOLDER or --in-tree"),
        (("x1", "--package", "a", "--in-tree"), "--package FOLDER or --in-tree"),
        (("x1", "--kind", "toaster", "--package", "a"), "--kind toaster"),
    ],
)
def test_the_command_refuses_in_words(arguments: tuple[str, ...], says: str) -> None:
    words = ("drivers", "new", *arguments)
    said = CliRunner().invoke(cli.build(words), list(words))
    assert said.exit_code == Exit.USAGE and says in said.stderr


def test_the_wheel_holds_the_templates_and_the_types(tmp_path: Path) -> None:
    """Who installs Kerma from a wheel can write a driver too, and check its types."""
    wheel = ("-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    assert not tool(ROOT, str(BIN / "python"), *wheel, "-w", str(tmp_path), ".")
    held = set(zipfile.ZipFile(next(tmp_path.glob("kerma-*.whl"))).namelist())
    ours = {f"console/drivers/templates/{path.name}" for path in (ROOT / "console" / "drivers" / "templates").iterdir()}
    assert len(ours) >= 6 and ours | {"hal/py.typed", "console/py.typed"} <= held
