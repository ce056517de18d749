"""Takes the good results of an older `make verify` over to these sources, where nothing but judges has changed since.
It looks that no other file differs and that every plan is still the one that was played. That a judge's change only lets through what was wrongly
called broken, the person says who calls it (`python -m verification.carry FOLDER --because "..."`), and the page repeats it."""

from __future__ import annotations

import json
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from console.sources import software_version
from verification.matrix import cells
from verification.pairs import NAME, drawn
from verification.plan import plan
from verification.results import HEAD
from verification.sources import ROOT, commit, files, source_hash
from verification.verify import CARRIED, HOME

JUDGES: Final = (
    "verification/fault_ids.py",
    "verification/judges_*.py",
    "verification/story.py",
    "verification/verify.py",
)
"""Files that only say what was wrong, or what may follow a fault; what a run does stands in none of them."""
SEEDS: Final = "seeds.jsonl"
KEPT: Final = {"crashes.jsonl": "broken", SEEDS: "broken"}
CELLS: Final = "cells.jsonl"


class CarryError(Exception):
    """Nothing was carried; the words say why."""


def changed_since(old_commit: str) -> list[str]:
    """Files of the sources' hash that are not as they were at that commit."""
    told = subprocess.run(
        ["git", "diff", "--name-only", old_commit], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    if told.returncode:
        raise CarryError(f"commit {old_commit} is not in this repository: {told.stderr.strip()}")
    hashed = {name for name, _ in files()}
    return sorted(set(told.stdout.split()) & hashed)


def carry(old: Path, new: Path, old_commit: str, because: str) -> dict[str, Any]:
    """Copy what was good, under this program's hash; what was broken, and every verdict, is left to be played anew. Raises CarryError."""
    others = [name for name in changed_since(old_commit) if not any(fnmatch(name, judge) for judge in JUDGES)]
    if others:
        raise CarryError(f"{', '.join(others)} changed since {old_commit}: what was played says nothing of it")
    there = [name for name in (CELLS, *KEPT) if (new / name).exists()]
    if there:
        raise CarryError(f"{', '.join(there)} are in {new} already; nothing is mixed")
    still = {cell.name for cell in cells()}
    good = {
        name: [one for one in _good(old / name, old_commit, name) if _is_played_so(one, name, still)]
        for name in (CELLS, *KEPT)
    }
    source = source_hash()
    software = f"{software_version()} {source[:12]}"
    new.mkdir(parents=True, exist_ok=True)
    for name, every in good.items():
        head = [] if name == CELLS else [{HEAD: 1, "source": source, "commit": commit(), "simulated": True}]
        mine = {"software": software} if name == CELLS else {"source": source}
        (new / name).write_text("".join(json.dumps(one) + "\n" for one in (*head, *(one | mine for one in every))))
    counts = {name: len(every) for name, every in good.items()}
    told = {"commit": old_commit, "because": because, "counts": counts, "changed": changed_since(old_commit)}
    (new / CARRIED).write_text(json.dumps(told, indent=1) + "\n")
    return told


def _good(path: Path, old_commit: str, name: str) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    whole = path.read_bytes()
    lines = [json.loads(line) for line in whole[: whole.rfind(b"\n") + 1].splitlines()]
    if name == CELLS:
        return [one for one in lines if not one["wrong"]]
    if not lines or lines[0].get("commit") != old_commit:
        raise CarryError(f"{path} is of commit {lines[0].get('commit') if lines else 'none'}, not of {old_commit}")
    return [one for one in lines[1:] if not one[KEPT[name]]]


def _is_played_so(one: dict[str, Any], name: str, still: set[str]) -> bool:
    """Whether this case would be the same today: the cell is there, the seed draws the same rig and faults, a case of the disk is its own plan."""
    if name == CELLS and one["cell"].startswith(NAME):
        return str(one["cell"]) == f"{NAME}:{one['seed']} {' + '.join(blow.words for blow in drawn(one['seed']))}"
    if name == CELLS:
        return one["cell"] in still
    if name == SEEDS:
        now = plan(one["seed"])
        rig = f"{now.choice.words}, {now.termination}, {now.tick_hz} Hz"
        return (one["kind"], one["rig"], one["faults"]) == (now.kind, rig, list(now.faults))
    return True


def main(
    old: Annotated[Path, typer.Argument(help="the folder that the older run kept")],
    because: Annotated[str, typer.Option(help="why a judge's change only lets through what was wrongly called broken")],
    home: Annotated[Path, typer.Option(help="where make verify keeps what it has")] = HOME,
) -> None:
    """Carry the good results of an older run over; exit 1 with words when that would prove nothing."""
    try:
        head = json.loads((old / SEEDS).read_text(encoding="utf-8").splitlines()[0])
        told = carry(old, home / source_hash()[:16], str(head["commit"]), because)
    except (CarryError, OSError, ValueError, IndexError, KeyError) as error:
        typer.echo(f"nothing was carried: {error}")
        raise typer.Exit(1) from None
    typer.echo(f"carried from {told['commit']}: {told['counts']}; changed since: {', '.join(told['changed'])}")


if __name__ == "__main__":
    typer.run(main)
