"""Takes the good results of an older `make verify` over to these sources: where nothing but judges has changed since, or where a sample of them,
played again, is the same to the last digit. It looks that every plan is still the one that was played. Why the change touches nothing else, the
person says who calls it (`python -m verification.carry FOLDER --because "..." --again 200`), and the page repeats it with what the sample was."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from console.sources import software_version
from verification import stages
from verification.campaign import hand_out, one
from verification.matrix import cells, play_named
from verification.pairs import NAME, drawn, play_pair
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
CRASHES: Final = "crashes.jsonl"
KEPT: Final = {CRASHES: "broken", SEEDS: "broken"}
CELLS: Final = "cells.jsonl"
DISK: Final = ("records/*", "verification/disk.py", "verification/crash_matrix.py")
"""What decides which call to the disk is the n-th: where one of these changed, a crash case is another one, and so is a seed in which a call fails."""
OF_THE_DISK: Final = "disk"
"""The name of that in a seed's plan."""
OF_THE_RUN: Final = frozenset(("source", "software", "wall_s", "cpu_s", "worker"))
"""What a result says of the run that made it, and not of what happened."""
DIGEST: Final = "digest"
DIGEST_OF: Final = "verification/seeded.py"
"""Says what a seed's digest is over."""
OLD_PLAYS: Final = """import json, sys
from verification.seeded import document, run
for seed in sys.argv[1:]:
    print(json.dumps(document(run(int(seed)))), flush=True)
"""
"""What the old program is asked to do."""


SHOWN: Final = 5


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


def carry(
    old: Path, new: Path, old_commit: str, because: str, again: int = 0, workers: int = 2, anew: Sequence[str] = ()
) -> dict[str, Any]:
    """Copy what was good, under this program's hash; what was broken, and every verdict, is left to be played anew. `again`: so many of each kind are
    played once more, and each must be the same to the last digit. `anew`: whatever has one of these faults is not carried, as its play is known to be another
    one now. Raises CarryError."""
    changed = changed_since(old_commit)
    others = [name for name in changed if not any(fnmatch(name, judge) for judge in JUDGES)]
    if others and not again:
        raise CarryError(
            f"{', '.join(others)} changed since {old_commit}: what was played says nothing of it, unless a sample is the same (--again 200)"
        )
    there = [name for name in (CELLS, *KEPT) if (new / name).exists()]
    if there:
        raise CarryError(f"{', '.join(there)} are in {new} already; nothing is mixed")
    still = {cell.name for cell in cells()}
    good = {
        name: [
            one
            for one in _good(old / name, old_commit, name)
            if _is_played_so(one, name, still) and not _has(one, anew)
        ]
        for name in (CELLS, *KEPT)
    }
    if any(fnmatch(name, disk) for name in others for disk in DISK):
        good[CRASHES] = []
        good[SEEDS] = [told for told in good[SEEDS] if not _has(told, (OF_THE_DISK,))]
    drawn_now = {name: sample(every, again, old_commit) for name, every in good.items()}
    unlike: list[str] = []
    if DIGEST_OF in changed:
        # what a digest is over is another thing now: those that were kept say nothing any more, and both programs play the sample by the new one
        good[SEEDS] = [{key: value for key, value in told.items() if key != DIGEST} for told in good[SEEDS]]
        drawn_now[SEEDS] = [{key: value for key, value in told.items() if key != DIGEST} for told in drawn_now[SEEDS]]
        then = by_the_old_program([told["seed"] for told in drawn_now[SEEDS]], old_commit, workers)
        unlike = unlike_the_kept(drawn_now[SEEDS], then)
        drawn_now[SEEDS] = then
    differ = unlike or played_again(drawn_now, workers)
    if differ:
        raise CarryError(f"{len(differ)} of the sample are not what they were: {'; '.join(differ[:SHOWN])}")
    source = source_hash()
    software = f"{software_version()} {source[:12]}"
    new.mkdir(parents=True, exist_ok=True)
    for name, every in good.items():
        head = [] if name == CELLS else [{HEAD: 1, "source": source, "commit": commit(), "simulated": True}]
        mine = {"software": software} if name == CELLS else {"source": source}
        (new / name).write_text("".join(json.dumps(one) + "\n" for one in (*head, *(one | mine for one in every))))
    counts = {name: len(every) for name, every in good.items()}
    told = {
        "no_digest": DIGEST_OF in changed, "anew": list(anew), "commit": old_commit, "because": because, "counts": counts, "changed": changed,
        "again": {name: len(every) for name, every in drawn_now.items()},
        "before": json.loads((old / CARRIED).read_text(encoding="utf-8")) if (old / CARRIED).exists() else None,
    }  # fmt: skip
    (new / CARRIED).write_text(json.dumps(told, indent=1) + "\n")
    return told


def _has(told: dict[str, Any], faults: Sequence[str]) -> bool:
    """Whether one of these faults is in a seed's plan, or in the name of a cell, a pair or a case."""
    planned = told.get("faults", ())
    name = str(told.get("cell", told.get("case", "")))
    return any(fault in name or fault in planned for fault in faults)


def sample(every: list[dict[str, Any]], count: int, seed: str) -> list[dict[str, Any]]:
    """So many of these, drawn by a seed that nobody chose."""
    return random.Random(seed).sample(every, min(count, len(every)))


def by_the_old_program(seeds: list[int], old_commit: str, workers: int) -> list[dict[str, Any]]:
    """These seeds as the program of that commit plays them, told by the digest of today. Raises CarryError."""
    with tempfile.TemporaryDirectory(prefix="kerma-carry-") as folder:
        there = Path(folder) / "old"
        _git("worktree", "add", "--detach", str(there), old_commit)
        try:
            shutil.copy(ROOT / DIGEST_OF, there / DIGEST_OF)
            parts = [part for part in (seeds[first::workers] for first in range(workers)) if part]
            told = [Path(folder) / f"{number}.jsonl" for number in range(len(parts))]
            codes = [one.wait() for one in [_started(there, *pair) for pair in zip(parts, told, strict=True)]]
            lines = [line for one in told for line in one.read_text(encoding="utf-8").splitlines()]
        finally:
            _git("worktree", "remove", "--force", str(there))
    if any(codes):
        raise CarryError(
            f"the program of {old_commit} does not play its seeds by today's {DIGEST_OF}; its words stand above"
        )
    return [json.loads(line) for line in lines]


def _started(there: Path, seeds: list[int], told: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", OLD_PLAYS, *map(str, seeds)]
    with told.open("wb") as out:
        return subprocess.Popen(command, cwd=there, env=os.environ | {"PYTHONPATH": str(there)}, stdout=out)


def _git(*words: str) -> None:
    told = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    if told.returncode:
        raise CarryError(f"git {' '.join(words)}: {told.stderr.strip()}")


def played_again(drawn_now: dict[str, list[dict[str, Any]]], workers: int) -> list[str]:
    """In words, each of these that is not the same when it is played on these sources."""
    todo = [(name, told) for name, every in drawn_now.items() for told in every]
    differ: list[str] = []

    def done(pair: dict[str, Any]) -> None:
        differ.extend(_difference(pair["before"], pair["now"]))

    if todo:
        hand_out(todo, _once_more, workers, done, lambda what, error: {"before": what[1], "now": {"lost": f"{error}"}})
    return differ


def unlike_the_kept(kept: list[dict[str, Any]], then: list[dict[str, Any]]) -> list[str]:
    """In words, each that the old program does not play as it was kept: what was kept is then not what that program does."""
    played = {told["seed"]: told for told in then}
    return [words for told in kept for words in _difference(told, played.get(told["seed"], {}))]


def _difference(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """In words, what of a result is not the same; nothing where all is. A digest that the first has not is not asked."""
    before, now = _what_happened(one), _what_happened(other)
    if DIGEST not in before:
        now.pop(DIGEST, None)
    keys = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    name = next(before[key] for key in ("case", "cell", "seed") if key in before)
    return [f"{name}: {', '.join(f'{key} was {before.get(key)}, is {now.get(key)}' for key in keys)}"] if keys else []


def _what_happened(told: dict[str, Any]) -> dict[str, Any]:
    """A result without what is of its run, as JSON keeps it."""
    kept: dict[str, Any] = json.loads(json.dumps(told))
    return {key: value for key, value in kept.items() if key not in OF_THE_RUN}


def _once_more(what: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """One of them at a worker: what it was, and what it is."""
    name, before = what
    return {"before": before, "now": _PLAYS[name](before)}


def _cell(before: dict[str, Any]) -> dict[str, Any]:
    if before["cell"].startswith(NAME):
        return asdict(play_pair(before["seed"], stages.kernels()))
    return asdict(play_named(before["cell"], stages.kernels(), before["seed"]))


_PLAYS: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    CELLS: _cell,
    CRASHES: lambda before: stages.crash(before["case"]),
    SEEDS: lambda before: one(before["seed"]),
}


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
    again: Annotated[int, typer.Option(help="play so many of each kind again; each must be the same", min=0)] = 0,
    workers: Annotated[int, typer.Option(help="processes", min=1)] = 2,
    anew: Annotated[
        list[str] | None, typer.Option(help="a fault, as I6/test-pulse-lost, whose results are left to be played anew")
    ] = None,
    home: Annotated[Path, typer.Option(help="where make verify keeps what it has")] = HOME,
) -> None:
    """Carry the good results of an older run over; exit 1 with words when that would prove nothing."""
    try:
        kept = next((old / name for name in KEPT if (old / name).exists()), old / SEEDS)
        head = json.loads(kept.read_text(encoding="utf-8").splitlines()[0])
        told = carry(old, home / source_hash()[:16], str(head["commit"]), because, again, workers, anew or ())
    except (CarryError, OSError, ValueError, IndexError, KeyError) as error:
        typer.echo(f"nothing was carried: {error}")
        raise typer.Exit(1) from None
    typer.echo(f"carried from {told['commit']}: {told['counts']}; changed since: {', '.join(told['changed'])}")


if __name__ == "__main__":
    typer.run(main)
