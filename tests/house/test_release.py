"""Threats T13 and T16: what is in a release and what it stands on. The wheel holds neither simulators nor verification and runs without them; every package
is named by version and hash, and the list of what is inside is made from the lock."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from hal import registry
from verification import sbom

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = {"hal", "interlocks", "controller", "calibration", "records", "console"}
NOBODY = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def release(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine that has the wheel and the locked packages, and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("release")
    wheel.extractall(folder / "kerma")
    (folder / "packages").mkdir()
    for found in Path(registry.__file__).parents[1].glob(".venv/lib/python3*/site-packages/*"):
        if "kerma" not in found.name.lower() and found.suffix != ".pth":
            (folder / "packages" / found.name).symlink_to(found)
    return NOBODY | {"PYTHONPATH": f"{folder / 'kerma'}{os.pathsep}{folder / 'packages'}"}


def test_t16_the_wheel_holds_the_product_and_nothing_that_breaks_machines(wheel: zipfile.ZipFile) -> None:
    rooms = {name.split("/")[0] for name in wheel.namelist()}
    assert rooms == PRODUCT | {"kerma-0.1.0.dist-info"}
    points = wheel.read("kerma-0.1.0.dist-info/entry_points.txt").decode()
    assert "kerma.commands" not in points and "simulators" not in points and "verification" not in points
    data = {name for name in wheel.namelist() if not name.endswith(".py")}
    assert {"console/web/files/treat.html", "console/reports/codes.toml", "console/examples/rig.toml"} <= data
    for room in PRODUCT:
        files = {path for path in (ROOT / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        assert {str(path.relative_to(ROOT)) for path in files} <= set(wheel.namelist())


INSIDE = """
import importlib.util, json
from typer.testing import CliRunner
from console.cli import build
from hal import registry
told = CliRunner().invoke(build([]), ["--help"])
rooms = [room for room in ("simulators", "verification", "benchmarks", "console") if importlib.util.find_spec(room)]
registry.generator("spellman-xrv")
registry.safety_unit("kerma-unit")
print(json.dumps({"help": told.output, "code": told.exit_code, "rooms": rooms, "file": importlib.util.find_spec("console").origin}))
"""


def test_t16_a_release_runs_without_them_and_has_none_of_their_commands(release: dict[str, str]) -> None:
    """The command line is whole, drivers are found and loaded, and what the demonstration needs is not there. Without `site`: no .pth leads back here."""
    said = subprocess.run(
        [sys.executable, "-S", "-P", "-c", INSIDE], env=release, cwd="/", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["rooms"] == ["console"] and str(ROOT) not in found["file"]
    assert found["code"] == 0 and re.search(r"\bstop\b", found["help"])
    assert not re.search(r"\b(sim|inject|evil|torture|campaign|demo)\b", found["help"])


def test_t16_the_checkout_has_the_commands_by_a_distribution_of_its_own() -> None:
    """And it holds no file."""
    room = distribution("kerma-machine-room")
    assert {point.group for point in room.entry_points} == {"kerma.commands"}
    assert not distribution("kerma").entry_points.select(group="kerma.commands")


def test_t13_every_package_is_locked_by_version_and_hash_and_no_registry_is_named() -> None:
    """What pip installs is what the lock was made from, or pip refuses it; what the product declares is in it."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    packages = sbom.locked(text)
    assert all(
        one.version and one.sha256 and all(re.fullmatch(r"[0-9a-f]{64}", h) for h in one.sha256) for one in packages
    )
    assert not re.search(
        r"^\s*(-i|--(extra-)?index-url|--find-links|-f|--trusted-host|-e|git\+)|https?://", text, re.MULTILINE
    )
    names = {one.name for one in packages}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {re.split(r"[=<>\[; ]", one)[0].lower() for one in declared} <= names
    assert "--require-hashes -r requirements.txt" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_t13_the_list_of_parts_is_whole_and_the_same_twice() -> None:
    """CycloneDX: each locked package once, with version, hashes and what the installed one says of its licence."""
    made = sbom.document()
    assert sbom.document() == made
    bom = json.loads(made)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    locked = {one.name: one for one in sbom.locked((ROOT / "requirements.txt").read_text(encoding="utf-8"))}
    parts = {one["name"]: one for one in bom["components"]}
    assert parts.keys() == locked.keys() and len(bom["components"]) == len(parts)
    for name, part in parts.items():
        assert part["purl"] == f"pkg:pypi/{name}@{locked[name].version}"
        assert {h["content"] for h in part["hashes"]} == set(locked[name].sha256)
    assert {parts[name]["scope"] for name in ("msgspec", "cryptography")} == {"required"}
    assert {parts[name]["scope"] for name in ("pytest", "ruff")} == {"excluded"}
    wanted = {one["ref"]: one["dependsOn"] for one in bom["dependencies"]}
    assert f"pkg:pypi/numpy@{locked['numpy'].version}" in wanted[bom["metadata"]["component"]["bom-ref"]]
    licensed = [part for part in parts.values() if part.get("licenses")]
    assert len(licensed) > len(parts) * 0.8
