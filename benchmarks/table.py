"""What `make bench` tells its measurements in: figures with goal, reference, median and worst window, as a table, as JSON and as the made part of the page.
It measures nothing and knows no row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.table import Table

WINDOWS_LEAST: Final = 9
PART: Final = re.compile(r"(<!-- measured by make bench -->\n).*?(<!-- end of bench -->)", re.DOTALL)
HEAD: Final = ("figure", "goal", "median", "worst window", "beside", "met")


@dataclass(frozen=True)
class Figure:
    """One figure: `bound` is what its median may be at most (`least`: at least), None where it is only printed; where the goal is on every event and
    not on a ratio (`each`), its worst window. `beside` says what it was measured against in the same run, and with which absolute values."""

    name: str
    goal: str
    windows: tuple[float, ...]
    bound: float | None
    beside: str = ""
    unit: str = ""
    least: bool = False
    each: bool = False

    @property
    def median(self) -> float:
        return median(self.windows)

    @property
    def worst(self) -> float:
        """The window that is furthest on the wrong side."""
        return min(self.windows) if self.least else max(self.windows)

    @property
    def met(self) -> bool | None:
        """Whether the median, or the worst window, keeps the bound; None where there is none."""
        if self.bound is None:
            return None
        judged = self.worst if self.each else self.median
        return judged >= self.bound if self.least else judged <= self.bound

    def cells(self) -> tuple[str, ...]:
        verdict = {None: "printed", True: "yes", False: "NO"}[self.met]
        return (self.name, self.goal, self._said(self.median), self._said(self.worst), self.beside, verdict)

    def _said(self, value: float) -> str:
        return f"{value:.3g} {self.unit}".rstrip() if abs(value) < 1000 else f"{value:.0f} {self.unit}".rstrip()


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which this part of all lies; the largest for a part that has none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def tables(figures: Sequence[Figure]) -> Table:
    """For people."""
    shown = Table(title="make bench: each figure against its reference in the same run")
    for number, name in enumerate(HEAD):
        shown.add_column(name, justify="right" if number in (2, 3) else "left")
    for one in figures:
        style = "bold red" if one.met is False else ""
        shown.add_row(*one.cells(), style=style)
    return shown


def plain(figures: Sequence[Figure], about: Mapping[str, str], notes: Sequence[str]) -> dict[str, Any]:
    """As one JSON document."""
    kept = [asdict(one) | {"median": one.median, "worst": one.worst, "met": one.met} for one in figures]
    return {"about": dict(about), "notes": list(notes), "figures": kept}


def page_part(figures: Sequence[Figure], about: Mapping[str, str], notes: Sequence[str]) -> str:
    """The part of docs/performance.md between its markers."""
    rows = [HEAD, tuple("---" for _ in HEAD), *(one.cells() for one in figures)]
    lines = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    said = "".join(f"- {note}\n" for note in notes)
    machine = "Machine: " + ", ".join(f"{key} {value}" for key, value in about.items()) + ".\n"
    return f"{lines}\n{said}\n{machine}" if said else f"{lines}\n{machine}"


def page_part_anew(page: Path, figures: Sequence[Figure], about: Mapping[str, str], notes: Sequence[str]) -> str:
    """The page's part with these figures as they are now and all others as they were; says which were measured apart, and beside what."""
    found = PART.search(page.read_text(encoding="utf-8"))
    lines = found[0].splitlines()[1:-1] if found is not None else []
    anew = {one.name: f"| {' | '.join(one.cells())} |" for one in figures}
    table = [line for line in lines if line.startswith("|")]
    places = {line[2:].partition(" | ")[0]: place for place, line in enumerate(table)}
    at = next((places[name] for name in anew if name in places), None)
    if at is None:
        raise SystemExit(f"{page} has none of these figures yet; first: make bench PAGE=1")
    for name, line in anew.items():
        there = [one[2:].partition(" | ")[0] for one in table]
        if name in there:
            at = there.index(name)
            table[at] = line
        else:
            at += 1
            table.insert(at, line)
    said = [line for line in lines if line.startswith("- ") and line[2:].partition(": missed.")[0] not in anew]
    said += [f"- {note}" for note in notes]
    last = [
        line
        for line in lines
        if line.startswith("Machine: ") or (line.startswith("Apart: ") and not _all_in(line, anew))
    ]
    names = "; ".join(one.name for one in figures)
    last.append(f"Apart: {names}. Machine: {', '.join(f'{key} {value}' for key, value in about.items())}.")
    return "\n".join([*table, "", *said, *([""] if said else []), *last]) + "\n"


def _all_in(apart: str, anew: Mapping[str, str]) -> bool:
    """Whether nothing is left in the table of what this line says was measured apart."""
    names = apart.removeprefix("Apart: ").partition(". Machine: ")[0].split("; ")
    return all(name in anew for name in names)


def write_page(page: Path, part: str) -> None:
    """Put the part between its markers; SystemExit if the page has none."""
    made, times = PART.subn(lambda block: f"{block[1]}{part}{block[2]}", page.read_text(encoding="utf-8"))
    if times != 1:
        raise SystemExit(f"{page}: {times} parts between the markers of bench, one is needed")
    page.write_text(made, encoding="utf-8")
