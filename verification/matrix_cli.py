"""`kerma matrix`: every fault in every state for a tick, for a second and for ever, on simulated rigs in virtual time, with a table of what came of it.
It asks and shows; what a cell is stands in verification/matrix.py, how cells are run in verification/matrix_run.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from console.exit_codes import Exit
from controller.kernel import prepare
from verification.matrix import Held, Told, cell_of, cells, held_against_none
from verification.matrix_run import Summary, software, summed, sweep
from verification.pairs import NAME
from verification.scenarios import FALL_S

WRONG: Final = 1
SHORT: Final = {
    "SELF_TEST": "SELF", "STANDBY": "STBY", "PREPARATORY": "PREP", "ARMING": "ARM", "READY": "READY", "STARTING": "START",
    "IRRADIATING": "BEAM", "STOPPING": "STOP", "INTERRUPTED": "INTR", "TERMINATED": "TERM", "FAULT": "FAULT", "STUCK_ON": "STUCK",
}  # fmt: skip


def matrix(
    workers: Annotated[int, typer.Option(help="processes to play in")] = 1,
    only: Annotated[str, typer.Option(help="one fault id, as G5, or one injection, as G5/off-ignored")] = "",
    state: Annotated[str, typer.Option(help="one state, as IRRADIATING")] = "",
    cell: Annotated[str, typer.Option(help="one cell by the name that a failure prints")] = "",
    pairs: Annotated[int, typer.Option(help="instead: this many seeded pairs of faults at random moments")] = 0,
    first_seed: Annotated[int, typer.Option("--first-seed", help="seed of the first pair")] = 1,
    seed: Annotated[int, typer.Option(help="seed of the simulated worlds of the cells")] = 1,
    resume: Annotated[
        Path | None,
        typer.Option(help="file of results, a line a cell: what it holds for this software is not played again"),
    ] = None,
    json_: Annotated[
        Path | None, typer.Option("--json", help="write the summary to this file as one JSON document")
    ] = None,
) -> None:
    """Play every fault in every state on SIMULATED rigs and judge each; exit 0 when all was as it should be, 1 when not."""
    out = Console()
    try:
        if not 1 <= workers <= 256:
            raise ValueError(f"--workers {workers} is outside 1 to 256")
        jobs = [(NAME, number) for number in range(first_seed, first_seed + pairs)] if pairs else []
        if not jobs:
            names = [cell_of(cell).name] if cell else [one.name for one in cells(only, state)]
            jobs = [(name, seed) for name in names]
    except ValueError as error:
        out.print(str(error), markup=False)
        raise typer.Exit(int(Exit.USAGE)) from error
    version = software()
    told = _played(out, jobs, workers, version, resume)
    held = held_against_none(told, prepare())
    summary = summed(held.told, version)
    show(out, summary, held)
    if json_ is not None:
        json_.write_text(document(summary), encoding="utf-8")
    raise typer.Exit(WRONG if summary.wrong or held.broken else 0)


def document(summary: Summary) -> str:
    """As JSON. A counter stays one here; dataclasses.asdict makes one of its pairs."""
    return json.dumps(msgspec.to_builtins(summary) | {"never_first": summary.never_first}, indent=1)


def _played(out: Console, jobs: list[tuple[str, int]], workers: int, version: str, resume: Path | None) -> list[Told]:
    told: list[Told] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out) as progress:
        bar = progress.add_task("all as it should be", total=len(jobs))
        wrong = 0
        for one in sweep(jobs, workers, version, resume):
            told.append(one)
            if one.wrong:
                wrong += 1
                progress.console.print(f"WRONG {one.cell}: {'; '.join(one.wrong)}\n  {one.replay}", markup=False)
            progress.update(bar, advance=1, description=f"{wrong} wrong" if wrong else "all as it should be")
    return told


def show(out: Console, summary: Summary, held: Held) -> None:
    """The tables, then the figures, then each cell that is wrong with its replay line."""
    table = Table(title=f"Beam off after a fault, worst / bound in ms, by state in which it came ({summary.software})")
    table.add_column("fault")
    for name in SHORT.values():
        table.add_column(name, justify="right")
    for fault_id, played in summary.played.items():
        worst = summary.worst.get(fault_id, {})
        row = []
        for state in SHORT:
            at = worst.get(state)
            row.append(f"{at[0] * 1e3:.0f}/{at[1] * 1e3:.0f}" if at else "-" if played[state] else "")
        table.add_row(fault_id, *row)
    out.print(table)
    who = Table(title="Who noticed first, and in how many cells")
    who.add_column("fault")
    who.add_column("first detectors")
    for fault_id, counter in summary.first.items():
        who.add_row(fault_id, ", ".join(f"{name} {times}" for name, times in counter.most_common()))
    out.print(who)
    out.print(
        f"{summary.cells} cells, {len(summary.wrong)} wrong; 'off' counts the fall of the high voltage, {FALL_S * 1e3:.0f} ms at most"
    )
    if summary.most_over is not None:
        most = summary.most_over
        part = most.over_mgy / most.d0_mgy if most.d0_mgy else 0.0
        out.print(
            f"largest overdose {most.over_mgy:.1f} mGy ({part:+.1%} of the prescription) in {most.cell}", markup=False
        )
    if summary.nearest is not None and summary.nearest.reaction_s is not None:
        near = summary.nearest
        out.print(f"nearest to its bound: {near.reaction_s:.3f} of {near.bound_s:.3f} s in {near.cell}", markup=False)
    for name, words in held.figures.items():
        out.print(f"{name}: {words}", markup=False)
    out.print(f"barriers that were never first here: {', '.join(summary.never_first) or 'none'}", markup=False)
    for one in summary.wrong:
        out.print(f"WRONG {one.cell}: {'; '.join(one.wrong)}\n  {one.replay}", markup=False)
    for words in held.broken:
        out.print(f"WRONG {words}", markup=False)
