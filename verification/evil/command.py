"""`kerma evil`: the evil patches from the command line, with progress, a table and JSON; and the stage of `make verify` that plays them all.
It plays nothing itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from verification.evil.patch import Evil, Pair, patches
from verification.evil.run import CONTROL, Job, Told, jobs, run

if TYPE_CHECKING:
    from verification.stages import Room, Verdict

BROKEN: Final = 1
UNKNOWN: Final = 2


def evil(
    names: Annotated[list[str] | None, typer.Argument(help="patches by name; none: all of them")] = None,
    workers: Annotated[int, typer.Option(help="processes", min=1)] = 2,
    file: Annotated[Path | None, typer.Option("--json", help="write what was found here")] = None,
    only_list: Annotated[
        bool,
        typer.Option("--list", help="tell what each breaks, who must catch it, and why no invariant can; play none"),
    ] = False,
) -> None:
    """Play evil patches of this program; exit 0 when each is caught by the one that is meant for it, and nothing is broken without them."""
    out = Console()
    every = patches()
    unknown = set(names or ()) - {patch.name for patch in every}
    if unknown:
        known = "; ".join(patch.name for patch in every)
        out.print(f"no patch {', '.join(sorted(unknown))}; there are: {known}", soft_wrap=True)
        raise typer.Exit(UNKNOWN)
    chosen = [patch for patch in every if not names or patch.name in names]
    if only_list:
        show(chosen, out)
        return
    told = played(jobs(chosen), workers, out)
    tell(told, out)
    if file is not None:
        document = {"simulated": True, "patches": [asdict(one) for one in told]}
        file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(BROKEN if any(one.wrong for one in told) else 0)


def played(todo: Sequence[Job], workers: int, out: Console, keep: Callable[[Told], None] | None = None) -> list[Told]:
    """All of them with a bar, in the order of the table; each is handed to `keep` as it ends."""
    told = []
    bar = Progress(
        TextColumn("evil patches"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=out,
    )
    with bar:
        task = bar.add_task("", total=len(todo))
        for one in run(todo, workers):
            told.append(one)
            if keep is not None:
                keep(one)
            bar.advance(task)
    order = {job.key: place for place, job in enumerate(todo)}
    return sorted(told, key=lambda one: order[one.job])


def show(chosen: Sequence[Evil | Pair], out: Console) -> None:
    """Each patch in a few lines: what it breaks, in which play, who must catch it, and why no invariant can where none can."""
    for patch in chosen:
        out.print(f"[bold]{patch.name}[/]: {patch.breaks}", highlight=False, soft_wrap=True)
        out.print(f"  {patch.play}: by {' and '.join(catchers(patch))}", highlight=False, soft_wrap=True)
        if isinstance(patch, Evil) and patch.why:
            out.print(f"  no invariant: {patch.why}", highlight=False, soft_wrap=True)


def catchers(patch: Evil | Pair) -> tuple[str, ...]:
    """Who must catch it, and the test that must see it too."""
    also = isinstance(patch, Evil) and patch.test
    return (patch.by, f"test {also}") if also else (patch.by,)


def tell(told: Sequence[Told], out: Console) -> None:
    """Patch, who must catch it, who did in the order in which they saw it; what is wrong comes last, whole, and who saw it no later."""
    table = Table("patch", "must be caught by", "caught by", "", box=None)
    for one in told:
        caught = [f"[bold]{who}[/]" if who == one.by else who for who in one.caught]
        right = "[bold red]WRONG[/]" if one.wrong else "[bold green]as it must[/]"
        table.add_row(one.job, one.by, ", ".join(caught) or "nothing", right)
    out.print(table)
    for one in told:
        if one.before:
            out.print(
                f"{one.job}: {', '.join(one.before)} saw it no later than {one.by}", highlight=False, soft_wrap=True
            )
        if one.wrong:
            out.print(f"[bold red]{one.job}[/]: {one.wrong}", highlight=False, soft_wrap=True)


def stage(room: Room) -> Verdict:
    """The stage of `make verify`: all of them, going on where it was cut off; a part is the first so many."""
    from verification.sources import commit, source_hash
    from verification.stages import Verdict

    every = patches()
    chosen = every[: max(1, round(len(every) * room.part))]
    todo, path = jobs(chosen), room.file("evil.jsonl")
    known = _known(path, source_hash())
    with path.open("a", encoding="utf-8") as kept:

        def keep(one: Told) -> None:
            known[one.job] = one
            kept.write(json.dumps(asdict(one) | {"source": source_hash(), "commit": commit()}) + "\n")
            kept.flush()

        played([job for job in todo if job.key not in known], room.workers, room.out, keep)
    told = [known[job.key] for job in todo]
    plain = [one for one in told if one.job.startswith(CONTROL)]
    patched = [one for one in told if not one.job.startswith(CONTROL)]
    single = sum(isinstance(patch, Evil) for patch in chosen)
    return Verdict(
        {
            "patches": f"{single}, and {len(chosen) - single} pairs of barriers that hide each other",
            "plays with a patch that came out as they must": f"{sum(not one.wrong for one in patched)} of {len(patched)}",
            "plays without one that broke nothing": f"{sum(not one.wrong for one in plain)} of {len(plain)}",
        },
        tuple(f"{one.job}: {one.wrong}" for one in told if one.wrong),
    )


def _known(path: Path, source: str) -> dict[str, Told]:
    """What was played of exactly these sources and came out as it must; a last line that was cut is left out."""
    known: dict[str, Told] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if document.pop("source") == source and not document["wrong"]:
            document.pop("commit")
            known[document["job"]] = Told(**document)
    return known
