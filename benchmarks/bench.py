"""`make bench`: every figure that is promised, each against its reference in the same run, in one table: median, worst window, met or not.
It puts the rows together and shows them; what a row measures stands beside it in the modules of the rows."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import kernel_rows, process_rows, react_rows, table, world_rows
from benchmarks.table import WINDOWS_LEAST, Figure
from benchmarks.wire_contest import ROOT
from hal.clock import SystemClock
from verification.hands import Stuck
from verification.sources import commit

FILE_COLUMNS: Final = 200
"""Where nobody looks, a line of the table is one line."""
PAGE: Final = ROOT / "docs" / "performance.md"
ROWS: Final[dict[str, tuple[Callable[[int], list[Figure]], str]]] = {
    "kernel": (kernel_rows.batch, "dose kernel in batch, against C"),
    "block": (kernel_rows.one_tick, "dose kernel, one tick's block, against plain Python"),
    "sums": (kernel_rows.sums, "dose kernel, a thousand million steps against exact rationals"),
    "ring": (world_rows.ring_hot, "ring record in a hot loop"),
    "plant": (world_rows.plant, "simulated plant alone, against plain Python"),
    "virtual": (world_rows.virtual_time, "virtual time"),
    "react": (react_rows.react, "interlock bit to HV-off frame, against C"),
    "wake": (process_rows.wake, "wake-up lateness, against cyclictest"),
    "load": (process_rows.load, "wake-up lateness under load, against quiet"),
    "tick": (process_rows.ticks, "a tick's work, and its record, in a real fraction"),
    "start": (process_rows.start, "process start, SELF_TEST, first tick after READY"),
    "memory": (process_rows.memory, "memory of the real-time process"),
}
"""By the word that ROW= takes."""
NOTES: Final = ROOT / "benchmarks" / "limits.json"
"""For figures that are missed: what limits them and what was tried, by the figure's name."""


def about() -> dict[str, str]:
    """What the figures depend on: of which program and day they are, and the machine."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )  # fmt: skip
    return {
        "commit": commit() or "unknown",
        "on": datetime.fromtimestamp(SystemClock().wall(), UTC).date().isoformat(),
        "processor": model,
        "CPUs": str(os.cpu_count()),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def notes_of(figures: Sequence[Figure]) -> list[str]:
    """A line for each missed figure, from what is known of its limit."""
    known: dict[str, str] = json.loads(NOTES.read_text(encoding="utf-8"))
    missed = [one.name for one in figures if one.met is False]
    return [f"{name}: missed. {known.get(name, 'Nothing is known of it yet.')}" for name in missed]


def measured(names: Sequence[str], windows: int, console: Console) -> tuple[list[Figure], list[str]]:
    """Row by row, with progress; and in words each row that could not be measured, which keeps no other from being."""
    figures: list[Figure] = []
    failed: list[str] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:
            row, words = ROWS[name]
            progress.update(task, description=words)
            try:
                figures.extend(row(windows))
            except (SystemExit, Stuck) as why:
                failed.append(f"{name} ({words}) was not measured: {why}")
            progress.advance(task)
    return figures, failed


def main(arguments: list[str]) -> int:
    """Measure and show; 1 where a goal is missed or could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--row", action="append", choices=tuple(ROWS), help="only this row; may be given again")
    parser.add_argument(
        "--windows", type=int, default=WINDOWS_LEAST, help=f"windows of each figure, at least {WINDOWS_LEAST}"
    )
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md, or of it the chosen rows")
    chosen = parser.parse_args(arguments)
    if chosen.windows < WINDOWS_LEAST:
        parser.error(f"--windows {chosen.windows} is less than {WINDOWS_LEAST}")
    console, facts = Console(), about()
    console = console if console.is_terminal else Console(width=FILE_COLUMNS)
    figures, failed = measured(chosen.row or tuple(ROWS), chosen.windows, console)
    notes = [*notes_of(figures), *failed]
    if chosen.json is not None:
        said = table.plain(figures, facts, notes)
        chosen.json.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    if chosen.page and figures:
        part = (
            table.page_part_anew(PAGE, figures, facts, notes) if chosen.row else table.page_part(figures, facts, notes)
        )
        table.write_page(PAGE, part)
    console.print(table.tables(figures))
    for note in notes:
        console.print(note, highlight=False)
    return 0 if not failed and all(one.met is not False for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
