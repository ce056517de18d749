"""`kerma campaign`: many seeds over many processes, on this machine or on a scheduler's; resumable, and a worker that dies loses no seed.
It knows how seeds are handed out and results come back; what a seed is stands in plan.py, how it is judged in seeded.py."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from console.exit_codes import Exit
from hal.clock import SystemClock
from verification.figures import Figures, figures
from verification.plan import plan
from verification.results import Results, ResultsError
from verification.sources import commit, source_hash

NOT_AS_IT_SHOULD: Final = 1
AHEAD: Final = 3
"""Seeds that wait at each worker: none stands idle, and few are played twice when one dies."""
SHOWN: Final = 10
CONFIG: Final[dict[str, Any]] = {
    "distributed.scheduler.allowed-failures": 4,
    "distributed.scheduler.worker-ttl": None,
    "distributed.worker.daemon": True,
    "distributed.admin.tick.limit": "60s",
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
}
"""Its own profiler took a fifth of each seed's time, and kept what it saw. A seed that has taken four workers with it is a result too, and not a good
one. Workers of a run that was stopped for minutes (SIGSTOP) are not taken for dead when it goes on, which would leave it waiting for ever: one that dies
closes its connection, and the library begins another."""

Done = Callable[[dict[str, Any]], None]
Work = Callable[[Any], dict[str, Any]]
Lost = Callable[[Any, BaseException], dict[str, Any]]


def campaign(
    seeds: Annotated[int, typer.Option(help="how many seeds")] = 100,
    first_seed: Annotated[
        int, typer.Option(help="the first of them; from 1000000 on they are long runs without faults")
    ] = 0,
    workers: Annotated[int, typer.Option(help="processes on this machine")] = 2,
    json_: Annotated[
        Path | None, typer.Option("--json", help="write each result into this file, as JSON lines")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="go on with this file of --json")] = None,
    scheduler: Annotated[
        str, typer.Option(help="a dask scheduler whose workers have these sources, as tcp://HOST:PORT")
    ] = "",
    plot: Annotated[Path | None, typer.Option(help="draw dose errors and reaction times into this PNG")] = None,
    show: Annotated[bool, typer.Option("--show", help="only read the plans aloud")] = False,
) -> None:
    """Play seeded plans against the SIMULATED rig and look for anything that may never be; exit 0 when nothing was broken, 1 otherwise."""
    out = Console()
    if seeds < 1 or first_seed < 0 or workers < 1:
        out.print(f"--seeds {seeds} and --workers {workers} are at least 1, --first-seed {first_seed} at least 0")
        raise typer.Exit(int(Exit.USAGE))
    wanted = range(first_seed, first_seed + seeds)
    if show:
        for seed in wanted:
            out.print("\n".join(plan(seed).lines()), highlight=False, soft_wrap=True)
        raise typer.Exit(0)
    try:
        if json_ is not None and resume is not None:
            raise ResultsError("--json begins a file and --resume goes on with one; give one of them")
        results = Results(resume or json_, source_hash(), commit(), resume=resume is not None)
    except ResultsError as error:
        out.print(str(error), soft_wrap=True)
        raise typer.Exit(int(Exit.USAGE)) from error
    out.print(
        f"SIMULATED  seeds {wanted.start} to {wanted.stop - 1} at sources {source_hash()[:12]} {commit()}",
        highlight=False,
    )
    try:
        play(wanted, workers, results, out, scheduler)
    finally:
        results.close()
    mine = [results.by_key[seed] for seed in wanted if seed in results.by_key]
    sums = figures(mine)
    tell(mine, sums, out)
    if plot is not None:
        from verification.plots import draw

        draw(sums, plot)
        out.print(f"drawn: {plot}")
    raise typer.Exit(NOT_AS_IT_SHOULD if sums.broken or len(mine) < seeds else 0)


def play(
    wanted: Iterable[int], workers: int, results: Results, out: Console, scheduler: str = "", words: str = "seeds"
) -> None:
    """Play what is not among the results yet; each result is written as it comes."""
    todo = [seed for seed in wanted if seed not in results.by_key]
    if not todo:
        return
    clock = SystemClock()
    begun_s, simulated_s, wrong = clock.monotonic(), 0.0, 0
    columns = (
        TextColumn(words),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=out) as progress:
        bar = progress.add_task(words, total=len(todo), rate="")

        def done(document: dict[str, Any]) -> None:
            nonlocal simulated_s, wrong
            if not results.add(document):
                if document["source"] != results.source:
                    raise ResultsError(
                        f"a worker has other sources ({document['source'][:12]}); give all workers these, {results.source[:12]}"
                    )
                return
            simulated_s += document["simulated_s"]
            wrong += bool(document["broken"])
            rate = simulated_s / max(clock.monotonic() - begun_s, 1e-3)
            progress.update(
                bar, advance=1, rate=f"{rate:.0f} simulated s/s" + (f", [bold red]{wrong} broken[/]" if wrong else "")
            )
            for name, at_s, said in document["broken"][:1]:
                out.print(
                    f"[bold red]seed {document['seed']}[/]: {name} at {at_s:.3f} s: {said.splitlines()[-1]}",
                    highlight=False,
                    soft_wrap=True,
                )

        hand_out(todo, one, workers, done, _lost, scheduler)


def hand_out(todo: Sequence[Any], work: Work, workers: int, done: Done, lost: Lost, scheduler: str = "") -> None:
    """`work` on each of these at some worker, a few ahead; `done` gets each result once, or what `lost` makes of one that no worker could give."""
    with _client(workers, scheduler) as (distributed, client):
        waiting = iter(enumerate(todo))
        count = max(1, len(client.scheduler_info(n_workers=-1)["workers"])) if scheduler else workers

        def submitted(most: int) -> list[Any]:
            return [
                client.submit(work, what, key=f"kerma-{at}", pure=False)
                for _, (at, what) in zip(range(most), waiting, strict=False)
            ]

        futures = distributed.as_completed(submitted(AHEAD * count), loop=client.loop)
        for future in futures:
            what, error = todo[int(future.key.rsplit("-", 1)[-1])], future.exception()
            done(future.result() if error is None else lost(what, error))
            for more in submitted(1):
                futures.add(more)


def one(seed: int) -> dict[str, Any]:
    """What a worker does."""
    from verification.seeded import document, run

    return document(run(seed))


def _lost(seed: int, error: BaseException) -> dict[str, Any]:
    """A seed that gave no result on any worker."""
    from verification.seeded import Outcome, document

    planned = plan(seed)
    out = Outcome(seed, source_hash(), planned.kind, planned.choice.words, planned.tick_hz, planned.faults)
    out.broken.append(("no exception", 0.0, f"it gave no result: {type(error).__name__}: {error}"))
    return document(out)


@contextmanager
def _client(workers: int, scheduler: str) -> Iterator[tuple[Any, Any]]:
    """The library, loaded only now, and a client of that scheduler, or of a cluster of processes on loopback that ends with this."""
    distributed: Any = import_module("distributed")
    with import_module("dask").config.set(CONFIG):
        if scheduler:
            with distributed.Client(scheduler, set_as_default=False) as client:
                yield distributed, client
            return
        with (
            tempfile.TemporaryDirectory(prefix="kerma-campaign-") as folder,
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                memory_limit=0,
                local_directory=folder,
                silence_logs="CRITICAL",
            ) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield distributed, client


def again(seed: int) -> str:
    """The line that plays this seed again, and the commit that is to be checked out for it; + where tracked files differ from it."""
    from verification.seeded import replay_line

    return f"{replay_line(seed)}, commit {commit() or 'unknown'}"


def tell(documents: list[dict[str, Any]], sums: Figures, out: Console) -> None:
    """The summary, and what was broken with the whole plan and the line that plays it again."""
    for document in [d for d in documents if d["broken"]][:SHOWN]:
        out.print("\n".join(plan(document["seed"]).lines()), highlight=False, soft_wrap=True)
        for name, at_s, said in document["broken"]:
            out.print(f"[bold red]broken {name}[/] at {at_s:.3f} s: {said}", highlight=False, soft_wrap=True)
        out.print(again(document["seed"]), highlight=False, soft_wrap=True)
    out.print(summary(sums))


def summary(sums: Figures) -> Table:
    """The figures in one table."""
    table = Table.grid(padding=(0, 2, 0, 0))
    off, sent = sums.times("beam_off"), sums.times("off_sent")
    rows = (
        ("SIMULATED runs", f"{sums.runs}, in {sums.fault_runs} of them faults came"),
        ("broken", f"{len({seed for seed, _, _ in sums.broken})} runs"),
        ("beam", f"{sums.beam_s / 3600.0:.2f} h in {sums.exposures} exposures"),
        ("beam by rate", sums.beam_by_rate),
        ("simulated", f"{sums.simulated_s / 3600.0:.2f} h, {sums.speed:.0f} s for each second of a processor"),
        ("dose, nothing broke", f"at worst {100.0 * sums.worst_error:+.3f} % of D0 (seed {sums.worst_error_seed})"),
        (
            "most above D0",
            f"{sums.most_over_mgy:.1f} mGy (seed {sums.most_over_seed}: {', '.join(sums.most_over_faults) or 'no fault'})",
        ),
        ("slowest OFF sent", _worst(sent)),
        ("slowest beam off", _worst(off)),
        ("ended in", ", ".join(f"{state} {count}" for state, count in sorted(sums.ends.items()))),
    )
    for name, words in rows:
        table.add_row(name, words)
    return table


def _worst(times: list[Any]) -> str:
    return "; ".join(f"{t.fault} {1000.0 * t.worst_s:.0f} ms (seed {t.seed})" for t in times[:3]) or "-"
