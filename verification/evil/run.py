"""Plays evil patches, each on a copy of the sources in a folder of its own and in a process of its own, and says whether the one who must notice noticed.
It never touches the checkout; what a patch is meant to break stands in the tables."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from verification.evil.patch import NOTHING, Change, Evil, OutOfDateError, Pair, apply
from verification.evil.plays import TEST
from verification.sources import ROOMS, ROOT

LONGEST_S: Final = 600.0
CONTROL: Final = "no patch"
TESTED: Final = "a test of the house"
FIRST: Final = "the first alone"
SECOND: Final = "the second alone"
BOTH: Final = "both"
SAYS: Final = "says"
LONGEST: Final = 200
"""Characters of one answer."""


@dataclass(frozen=True)
class Job:
    """One copy with these changes, one play, and who must notice (`nothing`: nobody, and no law may be broken)."""

    name: str
    part: str
    changes: tuple[Change, ...]
    play: str
    by: str

    @property
    def key(self) -> str:
        return f"{self.name}, {self.part}" if self.part else self.name


@dataclass(frozen=True)
class Told:
    """What one job came to: who noticed what, in words, the first first, and what is wrong with that (empty: it is as it must be)."""

    job: str
    by: str
    play: str
    wrong: str
    caught: dict[str, str] = field(default_factory=dict)

    @property
    def before(self) -> tuple[str, ...]:
        """Who saw it no later than the one that is meant for it: it fails, and perhaps not first by the right one."""
        who = list(self.caught)
        return tuple(who[: who.index(self.by)]) if self.by in self.caught else ()


def jobs(patches: Sequence[Evil | Pair]) -> list[Job]:
    """The plays without any patch first, then each patch; one with a test beside its play is two, a pair is three."""
    plays = (play for patch in patches for play in (patch.play, _test(patch)) if play)
    found = [Job(CONTROL, play, (), play, NOTHING) for play in dict.fromkeys(plays)]
    for patch in patches:
        if isinstance(patch, Evil):
            found.append(Job(patch.name, "", patch.changes, patch.play, patch.by))
            if patch.test:
                found.append(Job(patch.name, TESTED, patch.changes, _test(patch), "test"))
            continue
        for part, changes, by in (
            (FIRST, patch.first, patch.first_by),
            (SECOND, patch.second, patch.second_by),
            (BOTH, (*patch.first, *patch.second), patch.by),
        ):
            found.append(Job(patch.name, part, (*patch.common, *changes), patch.play, by))
    return found


def _test(patch: Evil | Pair) -> str:
    """The test that must see it too, as a play; empty where there is none."""
    return TEST + patch.test if isinstance(patch, Evil) and patch.test else ""


def run(todo: Sequence[Job], workers: int) -> Iterator[Told]:
    """Each job once, in the order in which they end."""
    with ThreadPoolExecutor(workers) as pool:
        for done in as_completed([pool.submit(one, job) for job in todo]):
            yield done.result()


def one(job: Job) -> Told:
    """Copy, patch, play, judge."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        root = Path(folder)
        copy(root, tests=job.play.startswith(TEST))
        try:
            apply(job.changes, root)
        except OutOfDateError as error:
            return Told(job.key, job.by, job.play, str(error))
        return judged(job, root)


def copy(root: Path, tests: bool) -> None:
    """The rooms as they stand, and the tests where one of them is the play."""
    for room in (*ROOMS, *(("tests", "docs", "examples") if tests else ())):
        shutil.copytree(ROOT / room, root / room)
    if tests:
        for name in ("pyproject.toml", "Makefile", "README.md"):
            shutil.copy2(ROOT / name, root / name)


def judged(job: Job, root: Path) -> Told:
    """Play in that folder. A play that gives no result has shown nothing, and is wrong."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_", "COVERAGE"))
    } | {
        "PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(root / "numba"), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "verification.evil.child", job.play],
            cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Told(job.key, job.by, job.play, f"the play was not over after {LONGEST_S:.0f} s")
    line = next((line for line in reversed(done.stdout.splitlines()) if line.startswith("{")), "")
    if done.returncode or not line:
        return Told(
            job.key, job.by, job.play, f"the play gave no result (exit {done.returncode}): {done.stderr[-400:]}"
        )
    caught: dict[str, str] = json.loads(line)["caught"]
    return Told(job.key, job.by, job.play, wrong(job, caught), caught)


def wrong(job: Job, caught: dict[str, str]) -> str:
    """What is not as it must be."""
    if job.name == CONTROL:
        return f"without any patch: {_told(caught)}" if caught else ""
    laws = {who: words for who, words in caught.items() if who != SAYS}
    if job.by == NOTHING:
        return f"the other barrier should have held: {_told(laws)}" if laws else ""
    kind, _, words = job.by.partition(":")
    if kind == SAYS:
        said = caught.get(SAYS, "")
        return "" if words in said else f"the program did not say {words!r} but {said or 'nothing'!r}"
    return "" if job.by in caught else f"not caught by {job.by}, but by {_told(caught)}"


def _told(caught: dict[str, str]) -> str:
    return "; ".join(f"{who}: {words[:LONGEST]}" for who, words in caught.items()) or "nobody"
