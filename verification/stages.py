"""The stages of `make verify`, each a callable that goes on where it was cut off and says what it came to; a stage that is not there fails.
They know whom to ask; what each of them proves stands in the file that it asks."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from verification.campaign import Work, again, hand_out, play
from verification.figures import Figures, figures
from verification.plan import LONG_FROM, plan
from verification.results import Results
from verification.sources import ROOT, commit, source_hash

FAULT_RUNS: Final = 10_000
BEAM_HOURS: Final = 100.0
MOST_FAULTS: Final = 2
MOST_SEEDS: Final = 4
"""So many seeds for each run in which a fault comes, and `MOST_LONG` long runs for each hour of beam: with more, none of it does what it is for."""
MOST_LONG: Final = 30
QUIET_BELOW: Final = 3_000
"""Below this seed plans in which nothing breaks (people may still do odd things) are played too; beyond it they count for neither figure."""
PAIRS: Final = 500
CALLS_EVERY: Final = 1
REAL_ROUNDS: Final = 5
"""So often each kind of fault of the operating system."""
SHOWN_S: Final = 1200.0
"""The longest that one named test may take."""


@dataclass(frozen=True)
class Room:
    """Where a stage keeps what it has (`folder`), how many processes it may use, and how much of it is wanted: 1.0 is the whole."""

    folder: Path
    workers: int
    out: Console
    part: float = 1.0

    def file(self, name: str) -> Path:
        return self.folder / name


@dataclass(frozen=True)
class Verdict:
    """What a stage came to: its figures in words, by name, and everything that was broken."""

    figures: dict[str, str]
    broken: tuple[str, ...] = ()
    seeds: dict[str, tuple[int, int]] = field(default_factory=dict)


Run = Callable[[Room], Verdict]


@dataclass(frozen=True)
class Stage:
    """One row: its name, what it shows, and who does it. `needs` are the modules without which it cannot be played: missing, it fails."""

    name: str
    words: str
    run: Run
    needs: tuple[str, ...] = ()

    def lacking(self) -> str:
        """Which of its modules is not there, in words; empty when all are."""
        for module in self.needs:
            try:
                import_module(module)
            except ImportError as error:
                return f"{module} cannot be loaded ({error}): what is not there shows nothing"
        return ""


def search(room: Room) -> Verdict:
    """Every state and step with no, one and two faults."""
    explore = import_module("verification.explore").explore
    faults = MOST_FAULTS if room.part >= 1.0 else 0
    with Progress(TextColumn("search"), TextColumn("{task.description}"), TimeElapsedColumn(), console=room.out) as bar:
        task = bar.add_task("", total=None)

        def told(spent: int, states: int, steps: int) -> None:
            bar.update(task, description=f"with {spent} of {faults} faults: {states:,} states, {steps:,} steps")

        found = explore(faults, told=told)
    room.file("search.txt").write_text(json.dumps(asdict(found), default=str) + "\n", encoding="utf-8")
    broken = [f"{one.law}: {one.words} ({'; '.join(one.steps)})" for one in found.broken]
    if not found.complete:
        broken.append(f"the search was cut short at {found.states:,} states")
    return Verdict(
        {
            "faults at most": f"{faults}",
            "states": f"{found.states:,}",
            "steps": f"{found.edges:,}",
            "different ticks of the program": f"{found.ticks:,}",
            "laws": f"{len(found.laws)}, of them broken {len({one.law for one in found.broken})}",
        },
        tuple(broken),
    )


def single_faults(room: Room) -> Verdict:
    """Every fault id that applies, in every state, for a tick, a second and for ever."""
    matrix, runs = import_module("verification.matrix"), import_module("verification.matrix_run")
    jobs = [(cell.name, 1) for cell in matrix.cells()]
    told = _swept(room, jobs[:: max(1, round(1.0 / room.part))], runs, "single faults")
    held = matrix.held_against_none(told, kernels())
    summary = runs.summed(held.told, _software())
    nearest, most = summary.nearest, summary.most_over
    broken = [_cell_in_words(one) for one in summary.wrong] + held.broken
    if room.part >= 1.0:
        broken += [f"{fault_id} is played by no cell and shown by no test" for fault_id in summary.not_played]
    return Verdict(
        {
            "cells": f"{summary.cells}",
            "fault ids": f"{len(summary.played)}",
            **held.figures,
            "barriers that were first to notice nowhere": ", ".join(summary.never_first) or "none",
            "nearest to its bound": f"{nearest.cell}: {nearest.reaction_s:.3f} of {nearest.bound_s:.3f} s"
            if nearest
            else "-",
            "largest overdose under any single fault": f"{max(0.0, most.over_mgy):.1f} mGy D0 beyond {most.d0_mgy:.0f} ({most.cell})"
            if most
            else "-",
        },
        tuple(broken),
    )


def _cell_in_words(one: Any) -> str:
    """What is wrong with a cell or a pair, whose name is its whole plan, and how to have it again."""
    return f"{one.cell}: {'; '.join(one.wrong)}; again: {one.replay} at commit {commit() or 'unknown'}"


def barriers(room: Room) -> Verdict:
    """Each barrier with all the others taken away."""
    rows = import_module("verification.barriers")
    names = rows.all_barriers()
    results = _kept(room, "barriers.jsonl", "case")
    _played(room, results, [name for name in names if name in rows.BARRIERS], barrier, "barriers")
    told = results.all()
    broken = [f"{one['case']}: {'; '.join(one['broken'])}" for one in told if one["broken"]]
    broken += [f"{name} is shown alone by no play" for name in names if name not in rows.BARRIERS]
    figures = {"barriers shown alone, each first and in time": f"{len(names) - len(broken)} of {len(names)}"}
    timed = [one for one in told if one.get("after_s") and one["bound_s"]]
    if timed:
        nearest = max(timed, key=lambda one: one["after_s"] / one["bound_s"])
        figures["nearest to its bound"] = f"{nearest['case']}: {nearest['after_s']:.3f} of {nearest['bound_s']:.3f} s"
    return Verdict(figures, tuple(broken))


def barrier(name: str) -> dict[str, Any]:
    """One barrier at a worker."""
    acted = import_module("verification.barriers").play_named(name, kernels())
    broken = [acted.wrong] if acted.wrong else []
    return {"case": name, "source": source_hash(), "broken": broken, "after_s": acted.after_s, "bound_s": acted.bound_s}


def pairs(room: Room) -> Verdict:
    """Seeded pairs of faults."""
    runs, name = import_module("verification.matrix_run"), import_module("verification.pairs").NAME
    count = max(1, round(PAIRS * room.part))
    told = _swept(room, [(name, seed) for seed in range(count)], runs, "pairs")
    held = import_module("verification.matrix").held_against_none(told, kernels())
    broken = [_cell_in_words(one) for one in told if one.wrong] + held.wrong
    figures = {
        "pairs": f"{len(told)}",
        "pairs in which nobody notices more than without a fault": f"{held.nothing.total()}",
    }
    return Verdict(figures, tuple(broken), {"pairs": (0, count - 1)})


def _swept(room: Room, jobs: Sequence[tuple[str, int]], runs: Any, words: str) -> list[Any]:
    told = []
    with _bar(room, words) as bar:
        task = bar.add_task(words, total=len(jobs))
        for one in runs.sweep(list(jobs), room.workers, _software(), room.file("cells.jsonl")):
            told.append(one)
            bar.advance(task)
    return told


def _software() -> str:
    return f"{import_module('console.sources').software_version()} {source_hash()[:12]}"


def crashes(room: Room) -> Verdict:
    """Every call to the disk of one short treatment, with every error, kill and power cut."""
    matrix = import_module("verification.crash_matrix")
    every = max(1, round(CALLS_EVERY / room.part))
    chosen = matrix.cases(matrix.calls_of(kernels()), every)
    results = _kept(room, "crashes.jsonl", "case")
    keys = [f"{c.call} {c.seed} {c.what}" for c in chosen]
    _played(room, results, keys, crash, "crash matrix")
    broken = [f"crash {d['case']}: {'; '.join(d['broken'])}" for d in results.all() if d["broken"]]
    missing = [case for case in keys if case not in results.by_key]
    broken += [f"crash {case}: it gave no result" for case in missing]
    return Verdict(
        {"cases": f"{len(keys) - len(missing)}", "calls to the disk": f"{len({c.call for c in chosen})}"}, tuple(broken)
    )


def crash(case: str) -> dict[str, Any]:
    """One case at a worker."""
    matrix = import_module("verification.crash_matrix")
    call, seed, what = case.split(" ", 2)
    played = matrix.play(kernels(), matrix.Case(int(call), what, int(seed)))
    return {"case": case, "source": source_hash(), "broken": list(played.wrong), "state": played.state}


def seeds(room: Room) -> Verdict:
    """Seeded fault runs from 0 on, until in so many a fault came; then long runs until so many hours of beam. A file that another run has begun, or that was
    carried, may reach further: what is missing up to its last seed is played, so that the ranges have no gaps."""
    fault_runs, hours = max(1, math.ceil(FAULT_RUNS * room.part)), BEAM_HOURS * room.part
    results = _kept(room, "seeds.jsonl", "seed")
    known = max((seed for seed in results.by_key if seed < LONG_FROM), default=-1)
    last = max(_last_of(fault_runs), known)
    short: list[str] = []
    try:
        play(_wanted(last), room.workers, results, room.out, words="fault runs")
        while (missing := fault_runs - figures(results.all()).fault_runs) > 0:
            if last > MOST_SEEDS * fault_runs:
                short.append(f"in {last + 1} seeds faults came in {fault_runs - missing} runs, wanted {fault_runs}")
                break
            last += missing
            play(_wanted(last), room.workers, results, room.out, words="fault runs")
        longest = max(LONG_FROM, max(results.by_key, default=0) + 1)
        play(range(LONG_FROM, longest), room.workers, results, room.out, words="beam hours")
        while (missing_s := hours * 3600.0 - figures(results.all()).beam_s) > 0.0:
            if longest - LONG_FROM > MOST_LONG * (1.0 + hours):
                short.append(f"{longest - LONG_FROM} long runs, and {missing_s / 3600.0:.1f} h of beam are missing")
                break
            more, planned_s = longest, 0.0
            while planned_s <= missing_s:
                planned_s += plan(more).beam_s
                more += 1
            play(range(longest, more), room.workers, results, room.out, words="beam hours")
            longest = more
    finally:
        results.close()
    sums = figures(results.all())
    broken = (*short, *(f"seed {seed}: {name}: {words}; {_again(seed)}" for seed, name, words in sums.broken))
    last = max((seed for seed in results.by_key if seed < LONG_FROM), default=0)
    ranges = {"fault runs": (0, last), "runs without a fault": (0, min(last, QUIET_BELOW - 1))}
    if (last_long := max(results.by_key, default=0)) >= LONG_FROM:
        ranges["long runs"] = (LONG_FROM, last_long)
    return Verdict(_of_seeds(sums), broken, ranges)


def _again(seed: int) -> str:
    """The whole plan of a seed, and how to have it again."""
    return "; ".join((*plan(seed).lines(), again(seed)))


def _last_of(fault_runs: int) -> int:
    """The seed with which so many plans have had a fault; where some of those faults never came, more seeds are wanted."""
    seed = -1
    while fault_runs:
        seed += 1
        fault_runs -= bool(plan(seed).faults)
    return seed


def _wanted(last: int) -> list[int]:
    """The seeds up to this one that are to be played."""
    return [seed for seed in range(last + 1) if seed < QUIET_BELOW or plan(seed).faults]


def _of_seeds(sums: Figures) -> dict[str, str]:
    return {
        "runs": f"{sums.runs}, in {sums.fault_runs} of them faults came",
        "beam": f"{sums.beam_s / 3600.0:.1f} h in {sums.exposures} exposures",
        "beam by rate": sums.beam_by_rate,
        "simulated": f"{sums.simulated_s / 3600.0:.1f} h",
        "dose where nothing broke": _clean(sums),
        "most above D0 in any run": f"{sums.most_over_mgy:.1f} mGy (seed {sums.most_over_seed}: {', '.join(sums.most_over_faults) or 'no fault'})",
        **{
            words: f"worst {1000.0 * worst_s:.0f} ms ({fault}, seed {seed}), median {1000.0 * median_s:.0f} ms, {count} runs"
            for words, count, worst_s, median_s, fault, seed in sums.reactions()
        },
        "beam off before any OFF had left (no T2 to hold it against)": f"{sums.before_off} runs, by the safety unit, the wired chain or the supply alone",
        "K2 opened by the safety unit at t2": "no run's line keeps which contactor ended a beam, so that of K2 by itself no time can be told",
    }


def _clean(sums: Figures) -> str:
    """A stop with less left than the smallest rest that is given ends a fraction, and is the worst of them."""
    every = sums.clean_errors()
    if not every:
        return "-"
    within = every[math.ceil(0.99 * len(every)) - 1]
    return (
        f"{len(every)} complete fractions, 99 % of them within {100.0 * within:.2f} % of D0; at worst {100.0 * sums.worst_error:+.2f} % "
        f"(seed {sums.worst_error_seed}): a stop with less left than is given ends one too"
    )


def evil(room: Room) -> Verdict:
    """Evil patches, each caught by the invariant that it is meant for."""
    verdict: Verdict = import_module("verification.evil.command").stage(room)
    return verdict


def incidents(room: Room) -> Verdict:
    """What has gone wrong elsewhere, each on the whole machine."""
    names = [one.name for one in import_module("verification.incidents.table").INCIDENTS]
    told, broken = _each(room, "incidents", names, incident)
    return Verdict({"incidents": f"{told}"}, broken)


def incident(name: str) -> dict[str, Any]:
    """One incident at a worker."""
    performed = import_module("verification.incident_cli").play_one(name)
    return {"case": name, "source": source_hash(), "broken": list(performed.wrong)}


def replays(room: Room) -> Verdict:
    """Records of many plays, played again."""
    results = _kept(room, "replay.jsonl", "case")
    told, broken = _each(room, "replay", import_module("verification.replays").NAMES, replayed, results)
    ticks = sum(one.get("ticks", 0) for one in results.all())
    exposures = sum(one.get("exposures", 0) for one in results.all())
    return Verdict(
        {"plays": f"{told}", "exposures and ticks, every decision the same": f"{exposures}, {ticks}"}, broken
    )


def replayed(name: str) -> dict[str, Any]:
    """One play at a worker, recorded and played again."""
    exposures, ticks, wrong = import_module("verification.replays").play_again(name)
    return {"case": name, "source": source_hash(), "broken": wrong, "exposures": exposures, "ticks": ticks}


def real_processes(room: Room) -> Verdict:
    """Faults of the operating system on real processes, one run at a time; a kind of fault of which no run could be judged has shown nothing. Where the
    machine was taken away, what is no matter of time counts all the same."""
    faults, tried = import_module("verification.real_faults"), import_module("verification.real_cli")
    kinds, results = tuple(faults.KINDS), _kept(room, "real.jsonl", "case")
    wanted = range(max(1, round(REAL_ROUNDS * len(kinds) * room.part)))
    try:
        with _bar(room, "real processes") as bar:
            task = bar.add_task("real processes", total=len(wanted))
            for seed in wanted:
                if f"{seed}" not in results.by_key:
                    one = tried.tried(faults.plan_of(seed))
                    results.add(
                        {"case": f"{seed}", "source": source_hash(), "broken": one.counted, "late": bool(one.excused),
                         "kind": one.plan.kind, "off_s": one.off_after_s}
                    )  # fmt: skip
                bar.advance(task)
    finally:
        results.close()
    told = [results.by_key[f"{seed}"] for seed in wanted if f"{seed}" in results.by_key]
    late = [one for one in told if one["late"]]
    broken = [
        f"torture seed {one['case']} ({one['kind']}): {'; '.join(one['broken'])}" for one in told if one["broken"]
    ]
    judged = {one["kind"] for one in told if not one["late"]}
    broken += [
        f"{kind}: no run of it could be judged, the machine was taken away"
        for kind in dict.fromkeys(kinds[seed % len(kinds)] for seed in wanted)
        if kind not in judged
    ]
    return Verdict(
        {"runs": f"{len(told)}", "of them not judged by time, for the machine was taken away": f"{len(late)}"},
        tuple(broken), {"torture": (0, wanted[-1])},
    )  # fmt: skip


def shown_by_tests(room: Room) -> Verdict:
    """The tests that show what no virtual world can, or not the whole of it."""
    nodes = import_module("verification.fault_ids").SHOWN_BY
    wanted = list(dict.fromkeys(node for named in nodes.values() for node in named))
    told, broken = _each(room, "tests", wanted, shown)
    return Verdict({"fault ids": f"{len(nodes)}", "tests that show them": f"{told}"}, broken)


def shown(node: str) -> dict[str, Any]:
    """One test at a worker, in a process of its own; one that is not there, or is not run, has shown nothing."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", node]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SHOWN_S)
        wrong = [f"pytest {run.returncode}: {(run.stderr + run.stdout).strip()[-400:]}"] if run.returncode else []
    except subprocess.TimeoutExpired:
        wrong = [f"it was not over after {SHOWN_S:.0f} s"]
    return {"case": node, "source": source_hash(), "broken": wrong}


ACROSS: Final[dict[str, tuple[str, ...]]] = {
    "M1, a run under six other clocks is the same run": (
        "tests/scenarios/test_across.py::test_no_reading_of_a_clock_decides_anything",
    ),
    "M2, STOP leads to off from each state, and a sound plan to its end": (
        "tests/scenarios/test_across.py::test_stop_leads_to_off_from_every_state",
        "tests/scenarios/test_across.py::test_what_nothing_hinders_comes_to_its_end",
    ),
    "VOID, a READY that nobody presses": ("tests/scenarios/test_across.py::test_an_expired_ready_leaves_a_void",),
    "each class of latch outlives deaths and power, an end that nobody saw too": (
        "tests/scenarios/test_pieces.py::test_a_latch_survives_restart_and_power_loss_and_goes_by_its_role",
        "tests/scenarios/test_end_unseen.py",
    ),
}
"""What takes several runs to see: the laws that compare runs, and what is carried from one process to the next. Each test is played with all its cases."""


def across(room: Room) -> Verdict:
    """Laws over more than one run."""
    wanted = [node for nodes in ACROSS.values() for node in nodes]
    told, broken = _each(room, "across", wanted, shown)
    return Verdict({"laws": "; ".join(ACROSS), "tests, each with all its cases": f"{told}"}, broken)


def _each(
    room: Room, words: str, every: Sequence[str], work: Work, results: Results | None = None
) -> tuple[int, tuple[str, ...]]:
    """Each of these names once; how many gave a result, and what was broken, one that gave none among it. A part is the first so many."""
    names = list(every)[: max(1, round(len(every) * room.part))]
    results = results if results is not None else _kept(room, f"{words}.jsonl", "case")
    _played(room, results, names, work, words)
    told = [results.by_key[name] for name in names if name in results.by_key]
    broken = [f"{one['case']}: {'; '.join(one['broken'])}" for one in told if one["broken"]]
    broken += [f"{name}: it gave no result" for name in names if name not in results.by_key]
    return len(told), tuple(broken)


_MATRIX: Final = ("verification.matrix", "verification.matrix_run")
STAGES: Final[tuple[Stage, ...]] = (
    Stage("search", "every state and step of the shipped program, with up to two faults", search, ("verification.explore",)),
    Stage("single faults", "every fault id in every state, for a tick, a second and for ever", single_faults, _MATRIX),
    Stage("barriers", "each barrier with all the others taken away acts first, and in time", barriers, ("verification.barriers",)),
    Stage("pairs", "seeded pairs of faults", pairs, (*_MATRIX, "verification.pairs")),
    Stage("crashes", "every call to the disk fails, kills or loses the power", crashes, ("verification.crash_matrix",)),
    Stage("seeds", f"{FAULT_RUNS} seeded fault runs and {BEAM_HOURS:.0f} simulated hours of beam", seeds),
    Stage("across", "laws that one run cannot show: other clocks, STOP from everywhere, deaths in between", across, ("verification.across",)),
    Stage("incidents", "what has gone wrong elsewhere, each on the whole machine", incidents, ("verification.incidents.table", "verification.incident_cli")),
    Stage("replay", "recorded exposures played again: every decision the same", replays, ("verification.replays", "records.replay")),
    Stage("real processes", "kill, stop, unplug, fill and step real processes", real_processes, ("verification.real_faults", "verification.real_cli")),
    Stage("tests", "what no virtual world can show, by the tests that are named for it", shown_by_tests, ("verification.fault_ids",)),
    Stage("evil", "evil patches by hand, each caught by the invariant, law or test that it is meant for", evil, ("verification.evil.command",)),
)  # fmt: skip
"""In this order; none is left out, and one that cannot be played fails."""


@cache
def kernels() -> Any:
    """Compiled once for each process."""
    return import_module("controller.kernel").prepare()


def _kept(room: Room, name: str, key: str) -> Results:
    path = room.file(name)
    return Results(path, source_hash(), commit(), resume=path.exists(), key=key)


def _bar(room: Room, words: str) -> Progress:
    return Progress(
        TextColumn(words),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=room.out,
    )


def _played(room: Room, results: Results, keys: Sequence[str], work: Work, words: str) -> None:
    """What is not among the results yet, at workers."""
    todo = [key for key in keys if key not in results.by_key]
    try:
        if todo:
            with _bar(room, words) as bar:
                task = bar.add_task(words, total=len(todo))

                def done(document: dict[str, Any]) -> None:
                    if results.add(document):
                        bar.advance(task)

                hand_out(todo, work, room.workers, done, _lost)
    finally:
        results.close()


def _lost(key: str, error: BaseException) -> dict[str, Any]:
    return {
        "case": key,
        "source": source_hash(),
        "broken": [f"it gave no result: {type(error).__name__}: {error}"],
        "state": "",
    }
