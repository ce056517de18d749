"""`kerma crash-matrix`: plays the crash matrix, or every so many calls of it, with progress, and says what was wrong and how it is played again.
It knows how to show and to say; what a case is stands in verification/crash_matrix.py."""

from __future__ import annotations

import json
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import cache
from multiprocessing import get_context
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from console.exit_codes import Exit
from controller.kernel import Kernels, prepare
from verification.crash_matrix import Case, Played, calls_of, cases, play
from verification.disk import WHATS

NOT_AS_IT_SHOULD: Final = 1


def crash_matrix(
    every: Annotated[int, typer.Option(min=1, help="play every so many calls only")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, help="first call that is played (modulo --every), and what power cuts leave")
    ] = 0,
    what: Annotated[str, typer.Option(help=f"what happens, by commas: {', '.join(WHATS)}; default: all")] = ",".join(
        WHATS
    ),
    call: Annotated[int, typer.Option(min=0, help="play this call only, with --case-seed: one case again")] = 0,
    case_seed: Annotated[int, typer.Option(min=0, help="the seed that a case was told with")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="processes that play")] = max(1, (os.cpu_count() or 2) // 2),
    json_: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Kill, fill, break and cut off the SIMULATED rig's records at every call to the disk of one short treatment; exit 0 when nothing was wrong, 1 else."""
    out = Console(stderr=json_)
    whats = tuple(word.strip() for word in what.split(","))
    unknown = [word for word in whats if word not in WHATS]
    if unknown:
        out.print(f"--what {', '.join(unknown)}: is none of {', '.join(WHATS)}")
        raise typer.Exit(int(Exit.USAGE))
    verbs = calls_of(_kernels())
    chosen = [Case(call, one, case_seed) for one in whats] if call else cases(verbs, every, seed, whats)
    if not chosen or call > len(verbs):
        out.print(f"no case: the treatment makes {len(verbs)} calls; --call, --seed and --every must leave one of them")
        raise typer.Exit(int(Exit.USAGE))
    broken, ended = _play(chosen, workers, out)
    if json_:
        document = {
            "calls": len(verbs),
            "cases": len(chosen),
            "broken": [asdict(one) for one in broken],
            "simulated": True,
        }
        typer.echo(json.dumps(document))
    else:
        out.print(_table(ended))
        for one in broken:
            out.print(f"[bold red]wrong[/] {one.case.told()}: {one.struck}: {'; '.join(one.wrong)}", highlight=False)
        out.print(
            f"SIMULATED  {len(chosen)} cases of {len(verbs)} calls, {len(broken)} with something wrong", highlight=False
        )
    raise typer.Exit(NOT_AS_IT_SHOULD if broken else 0)


@cache
def _kernels() -> Kernels:
    """Compiled once in each process."""
    return prepare()


def _played(case: Case) -> Played:
    return play(_kernels(), case)


def _play(chosen: list[Case], workers: int, out: Console) -> tuple[list[Played], Counter[tuple[str, str]]]:
    broken: list[Played] = []
    ended: Counter[tuple[str, str]] = Counter()
    columns = TextColumn("crash matrix"), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn()
    # a worker begins with nothing of this process: forked threads and open databases are nobody's friends
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    with Progress(*columns, console=out) as progress, pool:
        task = progress.add_task("", total=len(chosen))
        for played in pool.map(_played, chosen):
            ended[played.case.what, played.state] += 1
            if played.wrong:
                broken.append(played)
            progress.update(task, advance=1, description=f"{len(broken)} wrong")
    return broken, ended


def _table(ended: Counter[tuple[str, str]]) -> Table:
    table = Table("what", "the rig then stands in", "cases", box=None)
    for (what, state), count in sorted(ended.items()):
        table.add_row(what, state, str(count))
    return table
