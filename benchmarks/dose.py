"""`make bench-dose`: 500 seeded fractions without any fault, on all simulated tubes and applicators, by counts and by time, ended by the unit and by the host.
It hands seeds to workers, goes on where it was cut off, and judges each fraction by the bounds of docs/dose.md; how one is given, others know."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.dose_fractions import plan, play
from benchmarks.dose_page import PAGE, PICTURE, draw, judged, page_part, tables, write_page
from verification.results import Results, ResultsError
from verification.sources import commit, source_hash

KEPT: Final = Path("var/bench-dose")
FRACTIONS: Final = 500


def one(seed: int, kept: Path = KEPT) -> dict[str, Any]:
    """One seed's fraction."""
    return play(plan(seed, kept))


def give(seeds: list[int], workers: int, results: Results, out: Console) -> None:
    """Every seed that has no result yet, in processes of their own; each result is written when it comes."""
    left = [seed for seed in seeds if seed not in results.by_key]
    columns = (TextColumn("fractions"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=out) as progress,
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
    ):
        task = progress.add_task("fractions", total=len(seeds), completed=len(seeds) - len(left))
        for done in as_completed([pool.submit(one, seed) for seed in left]):
            results.add(done.result())
            progress.advance(task)


def main(arguments: list[str]) -> int:
    """Give, judge, show; 1 where a fraction is outside its bound or did not come to its end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dose", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fractions", type=int, default=FRACTIONS, help=f"how many seeds, from 0 on ({FRACTIONS})")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    parser.add_argument(
        "--json", type=Path, default=None, help="JSON lines of every fraction; gone on with when it is there"
    )
    parser.add_argument(
        "--page", action="store_true", help=f"write the tables into {PAGE} and the picture into {PICTURE}"
    )
    chosen = parser.parse_args(arguments)
    if chosen.fractions < 1 or chosen.workers < 1:
        parser.error("--fractions and --workers are 1 or more")
    out = Console()
    path = chosen.json or KEPT / f"{source_hash()[:12]}.jsonl"
    try:
        results = Results(path, source_hash(), commit(), resume=path.exists())
    except ResultsError as error:
        out.print(str(error))
        return 2
    seeds = list(range(chosen.fractions))
    try:
        give(seeds, chosen.workers, results, out)
    finally:
        results.close()
    found = [judged(document) for document in results.all() if document["seed"] in set(seeds)]
    for table in tables(found):
        out.print(table)
    outside = [fraction for fraction in found if not fraction.ok]
    for fraction in outside:
        out.print(fraction.words)
    out.print(f"{len(found)} fractions, {len(outside)} outside their bounds; every figure: {path}")
    if chosen.page:
        draw(found, PICTURE)
        write_page(PAGE, page_part(found, FRACTIONS))
        out.print(f"written: {PAGE}, {PICTURE}")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
