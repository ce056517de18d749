"""Which sources a verification speaks of: one hash over product, simulators and this room, with their data; what only explains is not in it.
It asks no version control, so that a copy without history proves as much; the commit's name is looked up only to be shown beside the hash."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOMS: Final = ("hal", "interlocks", "controller", "calibration", "records", "console", "simulators", "verification")
KINDS: Final = (".py", ".toml", ".pub", ".sql", ".json")
ROOT: Final = Path(__file__).resolve().parents[1]


def files() -> list[tuple[str, Path]]:
    """Every source file that decides what a run does, as (name, path), by name: code and data of the rooms, and the locked requirements."""
    found = []
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            found += [
                (f"{room}/{path.relative_to(folder)}", path)
                for path in Path(folder).rglob("*")
                if path.suffix in KINDS and "__pycache__" not in path.parts
            ]
    locked = ROOT / "requirements.txt"
    return sorted([*found, *([("requirements.txt", locked)] if locked.is_file() else [])])


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
