"""Which sources a verification speaks of: one hash over code and data that decide a played run, with the locked requirements, and nothing that only shows.
It asks no version control, so that a copy without history proves as much; the commit's name is looked up only to be shown beside the hash."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOMS: Final = ("hal", "interlocks", "controller", "calibration", "records", "console", "simulators", "verification")
WHOLE: Final = ("hal", "interlocks", "controller", "records", "simulators")
"""Of these rooms every file counts: drivers and machines are found by name. Of the others what `BEGIN` imports, at any depth."""
BEGIN: Final = (
    "console.run",
    "console.stop",
    "verification.barriers",
    "verification.campaign",
    "verification.crash_matrix",
    "verification.certify",
    "verification.evil",
    "verification.evil.child",
    "verification.explore",
    "verification.fault_ids",
    "verification.incident_cli",
    "verification.incidents.table",
    "verification.matrix",
    "verification.matrix_run",
    "verification.pairs",
    "verification.real_cli",
    "verification.real_faults",
    "verification.replays",
    "verification.seeded",
    "verification.soak",
    "verification.stages",
    "verification.verify",
)
SHOWS: Final = (
    "calibration/procedures",
    "console/dicom",
    "console/reports",
    "console/web",
    "verification/mutants_survive.toml",
)
"""What no played run reads, data or code: a test looks at what is loaded once everything was played."""
KINDS: Final = (".py", ".toml", ".pub", ".sql", ".json")
ROOT: Final = Path(__file__).resolve().parents[1]


def files() -> list[tuple[str, Path]]:
    """Every source file that decides what a run does, as (name, path), by name: code and data of the rooms, and the locked requirements."""
    every = _everything()
    reached = set(_reached(every))
    found = {
        name: path
        for name, path in every.items()
        if name.split("/")[0] in WHOLE or name in reached or (path.suffix != ".py" and not name.startswith(SHOWS))
    }
    locked = ROOT / "requirements.txt"
    return sorted((found | ({"requirements.txt": locked} if locked.is_file() else {})).items())


def names_of_modules() -> dict[str, str]:
    """Every Python file of the rooms by the name that it is imported by, whether it is in the hash or not."""
    return {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name
        for name in _everything()
        if name.endswith(".py")
    }


@cache
def _everything() -> Mapping[str, Path]:
    found = {}
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for path in Path(folder).rglob("*"):
                if path.suffix in KINDS and "__pycache__" not in path.parts:
                    found[f"{room}/{path.relative_to(folder)}"] = path
    return found


def _reached(every: Mapping[str, Path]) -> Iterator[str]:
    """The names of all files of ours that `BEGIN` imports, wherever in a file the import stands, the packages around them among them."""
    begin, seen = list(BEGIN), set(BEGIN)
    while begin:
        module = begin.pop()
        stem = module.replace(".", "/")
        name = next((one for one in (f"{stem}.py", f"{stem}/__init__.py") if one in every), "")
        imported = {module.rpartition(".")[0]}
        if name:
            yield name
            imported |= set(_imports(every[name]))
        begin += imported - seen
        seen |= imported


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{one.name}" for one in node.names))


@cache
def source_hash() -> str:
    """SHA-256 in hex over names and bytes, as they were when this process first asked."""
    whole = hashlib.sha256()
    for name, path in files():
        data = path.read_bytes()
        whole.update(f"{name}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()


def commit() -> str:
    """The commit that is checked out, with + when tracked files differ from it; empty without a repository."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, timeout=10, check=True
        )
        changed = subprocess.run(
            ["git", "diff", "--quiet", "HEAD"], cwd=ROOT, capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return head.stdout.strip() + ("+" if changed.returncode else "")
