"""`kerma torture`: seeded faults of the operating system on real processes of the SIMULATED rig, one run after another, with progress and replayable plans.
It knows how to show and to say; what a plan is stands in verification/real_faults.py."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from console.exit_codes import Exit
from verification.real_faults import KINDS, Kind, Plan, Played, plan_of, play

NOT_AS_IT_SHOULD: Final = 1
TRIES: Final = 2


def torture(
    seeds: Annotated[int, typer.Option(min=1, help="how many plans; the kinds of fault come in turn")] = len(KINDS),
    first_seed: Annotated[int, typer.Option(min=0, help="the first plan's seed")] = 0,
    kinds: Annotated[str, typer.Option(help="only these kinds, by commas; --list names them")] = "",
    list_: Annotated[bool, typer.Option("--list", help="name every kind of fault and end")] = False,
    json_: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Kill, stop, unplug, fill and step the real processes of the SIMULATED rig at random instants; exit 0 when nothing was wrong, 1 when something was,
    75 when the machine was taken away."""
    out = Console(stderr=json_)
    if list_:
        _list(out, json_)
        raise typer.Exit(0)
    chosen = tuple(word.strip() for word in kinds.split(",")) if kinds else tuple(KINDS)
    unknown = [word for word in chosen if word not in KINDS]
    if unknown:
        out.print(f"--kinds {', '.join(unknown)}: is none of {', '.join(KINDS)}", highlight=False)
        raise typer.Exit(int(Exit.USAGE))
    results = _play_all([plan_of(seed, chosen) for seed in range(first_seed, first_seed + seeds)], out)
    wrong = [played for played in results if played.counted]
    unsure = [played for played in results if played.excused and not played.counted]
    if json_:
        typer.echo(
            json.dumps(
                {"runs": [asdict(played) for played in results], "wrong": len(wrong), "simulated": True}, default=str
            )
        )
    else:
        out.print(_table(results))
        for played in (*wrong, *unsure):
            verdict, words = ("wrong", played.counted) if played.counted else ("inconclusive", played.excused)
            out.print(f"[bold red]{verdict}[/] {played.plan.told()}: {'; '.join(words)}", highlight=False)
            out.print(
                f"  again: kerma torture --seeds 1 --first-seed {played.plan.seed}"
                + (f" --kinds {kinds}" if kinds else ""),
                highlight=False,
            )
        out.print(
            f"SIMULATED  {len(results)} runs, {len(wrong)} with something wrong, {len(unsure)} inconclusive",
            highlight=False,
        )
    raise typer.Exit(NOT_AS_IT_SHOULD if wrong else int(Exit.INCONCLUSIVE) if unsure else 0)


def _play_all(plans: list[Plan], out: Console) -> list[Played]:
    results: list[Played] = []
    columns = (
        TextColumn("real processes"),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out) as progress:
        task = progress.add_task("", total=len(plans))
        for plan in plans:
            progress.update(task, description=plan.kind)
            results.append(tried(plan))
            progress.update(task, advance=1)
    return results


def tried(plan: Plan) -> Played:
    """Once more where nothing was wrong but what the machine may have done, for it was taken away; what else was wrong stays, however the next try goes."""
    played = play(plan)
    for _ in range(TRIES - 1):
        if played.excused and not played.counted:
            played = play(plan)
    return played


def _list(out: Console, json_: bool) -> None:
    if json_:
        typer.echo(json.dumps({name: kind.words for name, kind in KINDS.items()}))
        return
    table = Table("kind", "what happens", "beam off within", box=None)
    for name, kind in KINDS.items():
        table.add_row(name, kind.words, _bound(kind))
    out.print(table)


def _bound(kind: Kind) -> str:
    """How long beam may go on after it, and after which of them."""
    if kind.off_s is None:
        return "-"
    least = f", if it lasts {kind.least_s * 1000:.0f} ms" if kind.least_s else ""
    return f"{kind.off_s * 1000:.0f} ms{least}"


def _table(results: list[Played]) -> Table:
    """By kind: how often, in which states, the longest beam after it, and the largest difference of the records' high bound from the truth."""
    table = Table("kind", "runs", "struck in", "off, worst", "high - true", box=None)
    by_kind: dict[str, list[Played]] = defaultdict(list)
    for played in results:
        by_kind[played.plan.kind].append(played)
    for kind, runs in by_kind.items():
        states = ", ".join(sorted({played.at_state or "-" for played in runs}))
        offs = [played.off_after_s for played in runs if played.off_after_s is not None]
        over = [played.high_mgy - played.true_mgy for played in runs]
        table.add_row(
            kind,
            str(len(runs)),
            states,
            f"{max(offs) * 1000:.0f} ms" if offs else "-",
            f"{min(over):+.1f} to {max(over):+.1f} mGy",
        )
    return table
