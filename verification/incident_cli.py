"""`kerma incidents`: plays what has gone wrong elsewhere on the whole simulated machine, and says for each what was seen and what was wrong.
It knows how to show and to say; what an incident is stands in verification/incidents/."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from console.exit_codes import Exit
from controller.kernel import Kernels, prepare
from verification.incident import perform
from verification.incidents.table import INCIDENTS, find

NOT_AS_IT_SHOULD: Final = 1


class Performed(msgspec.Struct, frozen=True):
    """One incident as it came out: `wrong` is empty when everything held."""

    name: str
    seen: tuple[str, ...]
    wrong: tuple[str, ...]


def incidents(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Which, by their names in docs/hazards.md; all if left out.", metavar="NAME"),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that play.")] = max(1, (os.cpu_count() or 2) // 2),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Play the incidents of docs/hazards.md on the whole SIMULATED machine in virtual time; exit 0 when each was answered, 1 else."""
    out = Console(stderr=as_json)
    try:
        chosen = [find(name).name for name in names] if names else [one.name for one in INCIDENTS]
    except ValueError as unknown:
        out.print(str(unknown), markup=False)
        raise typer.Exit(int(Exit.USAGE)) from unknown
    done = play_all(tuple(chosen), workers, out)
    if as_json:
        typer.echo(json.dumps({"simulated": True, "incidents": [msgspec.to_builtins(one) for one in done]}))
    else:
        out.print(_table(done))
        for one in done:
            for words in one.wrong:
                out.print(f"{one.name}: {words}; again: kerma incidents {one.name}", markup=False, highlight=False)
    raise typer.Exit(NOT_AS_IT_SHOULD if any(one.wrong for one in done) else int(Exit.AS_INTENDED))


def play_all(names: tuple[str, ...], workers: int, out: Console) -> list[Performed]:
    """Each incident of these names, over so many processes, in the order of the names."""
    done: dict[str, Performed] = {}
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=out, transient=True) as bar,
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
    ):
        task = bar.add_task("incidents", total=len(names))
        for one in pool.map(play_one, names):
            done[one.name] = one
            bar.advance(task)
    return [done[name] for name in names]


def play_one(name: str) -> Performed:
    """One incident in a folder of its own on tmpfs."""
    folder = Path(tempfile.mkdtemp(prefix="kerma-incident-", dir="/dev/shm"))
    try:
        theatre = perform(find(name), folder, _kernels())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Performed(name, tuple(theatre.seen), tuple(theatre.wrong))


@cache
def _kernels() -> Kernels:
    """Compiled once in each process."""
    return prepare()


def _table(done: list[Performed]) -> Table:
    table = Table(title="SIMULATED incidents", title_justify="left")
    for name in ("incident", "happened", "played here", "seen", ""):
        table.add_column(name)
    for one in done:
        incident = find(one.name)
        held = "held" if not one.wrong else f"{len(one.wrong)} WRONG"
        table.add_row(one.name, incident.happened, incident.played, "\n".join(one.seen), held)
    return table
