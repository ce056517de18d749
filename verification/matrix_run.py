"""The cells of the matrix over several processes, resumable, and what they come to: worst reaction by fault, largest overdose, who noticed first.
It plays nothing itself; one cell is verification/matrix.py's, one pair verification/pairs.py's."""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path

from controller.kernel import Kernels, prepare
from interlocks.rules import TABLE
from simulators.unit_map import Cause
from verification import sources
from verification.fault_ids import FAULT_IDS, SHOWN_BY
from verification.matrix import NORMAL, Told, cell_of, play_named
from verification.pairs import NAME, play_pair

_KERNELS: list[Kernels] = []


def software() -> str:
    """The commit, and a hash over everything that decides what a cell does."""
    return f"{sources.commit()} {sources.source_hash()[:12]}".strip()


@dataclass
class Summary:
    """What a run of cells came to. `worst`: by fault id and state, the longest reaction and its bound, s; `first`: by fault id, who noticed how often."""

    software: str
    cells: int = 0
    wrong: list[Told] = field(default_factory=list)
    worst: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    played: dict[str, Counter[str]] = field(default_factory=dict)
    first: dict[str, Counter[str]] = field(default_factory=dict)
    most_over: Told | None = None
    nearest: Told | None = None

    @property
    def never_first(self) -> tuple[str, ...]:
        """Barriers that were first to notice in no cell, because others are before them: rules that may end a beam, and causes for which the unit ends one
        by itself. verification/barriers.py shows each of them alone."""
        seen = {name for counter in self.first.values() for name in counter}
        barriers = [row.id for row in TABLE if row.while_beam]
        barriers += [f"unit:{cause.name}" for cause in Cause if cause not in (Cause.NONE, Cause.RESERVED, *NORMAL)]
        return tuple(name for name in barriers if name not in seen)

    @property
    def not_played(self) -> tuple[str, ...]:
        """Fault ids without a cell here that no named test shows either."""
        return tuple(fault_id for fault_id in FAULT_IDS if fault_id not in self.played and fault_id not in SHOWN_BY)


def summed(told: Iterable[Told], software: str) -> Summary:
    """The summary of these cells."""
    s = Summary(software)
    worst: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    first: dict[str, Counter[str]] = defaultdict(Counter)
    played: dict[str, Counter[str]] = defaultdict(Counter)
    for one in told:
        s.cells += 1
        if one.wrong:
            s.wrong.append(one)
        pair = one.cell.startswith(f"{NAME}:")
        fault_id, at = (NAME, "-") if pair else (cell_of(one.cell).fault_id, cell_of(one.cell).at.value)
        played[fault_id][at] += 1
        if one.detector:
            first[fault_id][one.detector] += 1
        if one.reaction_s is not None and one.bound_s is not None:
            before = worst[fault_id].get(at)
            if before is None or one.reaction_s / one.bound_s > before[0] / before[1]:
                worst[fault_id][at] = (one.reaction_s, one.bound_s)
            if s.nearest is None or one.reaction_s / one.bound_s > _part(s.nearest):
                s.nearest = one
        if s.most_over is None or one.over_mgy > s.most_over.over_mgy:
            s.most_over = one
    s.worst, s.first, s.played = dict(worst), dict(first), dict(played)
    return s


def _part(told: Told) -> float:
    return (told.reaction_s or 0.0) / (told.bound_s or 1.0)


def kept(path: Path | None, software: str) -> dict[str, Told]:
    """What a file of an earlier run holds for exactly this software, by cell and seed; a last line that was cut is left out."""
    found: dict[str, Told] = {}
    if path is None or not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            one = Told(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if one.software == software:
            found[f"{one.cell}#{one.seed}"] = one
    return found


def _prepare() -> None:
    _KERNELS.append(prepare())


def _one(name: str, seed: int, software: str) -> Told:
    if name == NAME:
        return play_pair(seed, _KERNELS[0], software)
    return play_named(name, _KERNELS[0], seed, software)


def sweep(jobs: list[tuple[str, int]], workers: int, software: str, path: Path | None = None) -> Iterator[Told]:
    """Each job (cell or `pair`, seed) once, in the order in which they end; appended to the file as they come, and taken from it where it holds them."""
    before = kept(path, software)
    names = {
        f"{one.cell.split(' ')[0] if one.cell.startswith(NAME) else one.cell}#{one.seed}": one
        for one in before.values()
    }
    left = []
    for name, seed in jobs:
        known = names.get(f"{NAME}:{seed}#{seed}" if name == NAME else f"{name}#{seed}")
        if known is not None:
            yield known
        else:
            left.append((name, seed))
    for told in _played(left, workers, software):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(told)) + "\n")
        yield told


def _at_worker(name: str, seed: int, software: str, source: str) -> Told:
    """One job in a process of its own, which must have the sources of the one that asks: a file may have been edited meanwhile."""
    mine = sources.source_hash()
    if mine != source:
        raise RuntimeError(f"a worker has other sources ({mine[:12]}) than this sweep ({source[:12]}); begin it anew")
    return _one(name, seed, software)


def _played(jobs: list[tuple[str, int]], workers: int, software: str) -> Iterator[Told]:
    if workers <= 1:
        if jobs and not _KERNELS:
            _prepare()
        for name, seed in jobs:
            yield _one(name, seed, software)
        return
    left = list(jobs)
    while left:
        for job, told in _pooled(list(left), workers, software):
            left.remove(job)
            yield told
        # a process died; the jobs that may have been its last are played alone, so that only the guilty one is wrong
        for job in left[: 2 * workers]:
            alone = dict(_pooled([job], 1, software))
            left.remove(job)
            yield alone.get(job) or Told(job[0], job[1], software, wrong=["the process that played it died"])


def _pooled(jobs: list[tuple[str, int]], workers: int, software: str) -> Iterator[tuple[tuple[str, int], Told]]:
    """What comes of these jobs, until all are done or one of the processes dies."""
    context = multiprocessing.get_context("spawn")
    source = sources.source_hash()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare) as pool:
        asked = {pool.submit(_at_worker, name, seed, software, source): (name, seed) for name, seed in jobs}
        for done in as_completed(asked):
            try:
                told = done.result()
            except BrokenProcessPool:
                continue
            yield asked[done], told
