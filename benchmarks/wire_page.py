"""What the contest's times come to: medians, worst windows, goals; as tables, as JSON, as a part of docs/performance.md and as a picture.
It knows the goals and how figures are shown, not how they are taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from html import escape
from math import log10
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from rich.table import Table

from benchmarks.wire_contest import CONTESTANTS, WIRES, Noise, Place, Windows

PART: Final = re.compile(r"(<!-- measured by make bench-wire -->\n).*?(<!-- end of bench-wire -->\n)", re.DOTALL)


@dataclass(frozen=True)
class Goal:
    """Ours takes at most `most` times what `other` takes, median against median."""

    ours: str
    other: str
    most: float
    words: str


GOALS: Final = (
    Goal("kerma-rtu", "libmodbus-rtu", 4.0, "RTU read: at most 4 times libmodbus"),
    Goal("kerma-rtu", "pymodbus-sync-rtu", 0.1, "RTU read: at most a tenth of pymodbus's sync client"),
    Goal("kerma-tcp", "libmodbus-tcp", 3.0, "TCP read: at most 3 times libmodbus"),
    Goal("kerma-tcp", "pymodbus-sync-tcp", 1.0, "TCP read: no slower than pymodbus's sync client"),
    Goal("kerma-comma", "c-comma", 4.0, "Spellman round trip: at most 4 times write, poll, read in C"),
)


@dataclass(frozen=True)
class Figure:
    """One contestant in one place, in microseconds: median of the windows' medians, the best and the worst window's median, and the 99th percentile of all."""

    median_us: float
    best_us: float
    worst_us: float
    p99_us: float


@dataclass(frozen=True)
class Held:
    """A goal and what it came to: medians divided, and the worst that one round showed."""

    goal: Goal
    ratio: float
    worst: float

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal.most


@dataclass(frozen=True)
class Result:
    """One place's contest."""

    place: Place
    figures: Mapping[str, Figure]
    goals: tuple[Held, ...]
    noise: Noise


def result(place: Place, windows: Windows, noise: Noise) -> Result:
    """The figures of a contest."""
    medians = {name: [median(window) / 1000 for window in taken] for name, taken in windows.items()}
    figures = {
        name: Figure(median(each), min(each), max(each), _p99([ns for window in windows[name] for ns in window]) / 1000)
        for name, each in medians.items()
    }
    goals = tuple(
        Held(
            goal,
            figures[goal.ours].median_us / figures[goal.other].median_us,
            max(ours / other for ours, other in zip(medians[goal.ours], medians[goal.other], strict=True)),
        )
        for goal in GOALS
    )
    return Result(place, figures, goals, noise)


def _p99(times: list[int]) -> float:
    return quantiles(times, n=100)[98]


def plain(results: list[Result], about: Mapping[str, str]) -> dict[str, Any]:
    """Everything as JSON knows it."""
    return {
        "machine": dict(about),
        "places": [
            {
                "place": asdict(one.place),
                "noise": asdict(one.noise),
                "contestants": {
                    name: {key: round(value, 2) for key, value in asdict(figure).items()}
                    for name, figure in one.figures.items()
                },
                "goals": [
                    {**asdict(held.goal), "ratio": round(held.ratio, 3), "worst": round(held.worst, 3), "met": held.met}
                    for held in one.goals
                ],
            }
            for one in results
        ],
    }


def rows(results: list[Result]) -> Iterator[tuple[str, ...]]:
    """One row per contestant: wire, who, and for each place median, worst window and p99."""
    for one in CONTESTANTS:
        cells = [
            f"{figure.median_us:.0f} ({figure.worst_us:.0f}; {figure.p99_us:.0f})"
            for figure in (result.figures[one.name] for result in results)
        ]
        yield WIRES[one.wire], one.words, *cells


def goal_rows(results: list[Result]) -> Iterator[tuple[str, ...]]:
    """One row per goal: bound, and for each place the ratio and the worst round's."""
    for place, goal in enumerate(GOALS):
        helds = [result.goals[place] for result in results]
        cells = [f"{held.ratio:.3g} ({held.worst:.3g})" for held in helds]
        yield goal.words, f"{goal.most:g}", *cells, "yes" if all(held.met for held in helds) else "**no**"


def heads(results: list[Result]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = [f"{result.place.name}, us" for result in results]
    ratios = [result.place.name for result in results]
    return ("wire", "master", *names), ("goal", "at most", *ratios, "met")


def tables(results: list[Result]) -> tuple[Table, Table]:
    """For a terminal."""
    made = []
    titles = ("median (worst window; 99th percentile)", "median / median (worst round)")
    for title, head, body in zip(titles, heads(results), (rows(results), goal_rows(results)), strict=True):
        one = Table(*head, title=title)
        for row in body:
            one.add_row(*(cell.strip("*") for cell in row))
        made.append(one)
    return made[0], made[1]


def page_part(results: list[Result], about: Mapping[str, str]) -> str:
    """The part of docs/performance.md between its markers."""
    first, second = heads(results)
    return "\n".join(
        (
            "Median of the windows' medians, in brackets the worst window's median and the 99th percentile of all transactions:\n",
            _markdown(first, rows(results)),
            "Medians divided, in brackets the worst round:\n",
            _markdown(second, goal_rows(results)),
            "Machine: " + ", ".join(f"{key} {value}" for key, value in about.items()) + ".",
            f"Noise: {'; '.join(map(noise_words, results))}.\n",
        )
    )


def noise_words(one: Result) -> str:
    """Where it was measured, and what else the machine did meanwhile."""
    noise = one.noise
    return (
        f"{one.place.name} ({one.place.words}): other processes took {100 * noise.others_part:.0f} % of all CPU time, "
        f"the host {100 * noise.stolen_part:.1f} %; load {noise.load_before:.1f} before, {noise.load_after:.1f} after"
    )


def _markdown(head: tuple[str, ...], body: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write_page(page: Path, part: str) -> None:
    """Put the part between its markers; SystemExit if the page has none."""
    text = page.read_text(encoding="utf-8")
    made, times = PART.subn(lambda block: f"{block[1]}{part}{block[2]}", text)
    if times != 1:
        raise SystemExit(f"{page}: {times} parts between the markers of bench-wire, one is needed")
    page.write_text(made, encoding="utf-8")


WIDTH: Final = 760
LEFT: Final = 200
RIGHT: Final = 700
DECADES: Final = (1.0, 10.0, 100.0, 1000.0, 10000.0)
COLOURS: Final = ("#4477aa", "#ccbb44")


def picture(results: list[Result]) -> str:
    """Bars on a logarithmic axis: the medians, with a line to the worst window's."""
    out: list[str] = []
    y = 40
    for wire, words in WIRES.items():
        out.append(_text(12, y + 12, words, "bold"))
        y += 22
        for one in (each for each in CONTESTANTS if each.wire == wire):
            out.append(_text(LEFT - 8, y + 6 + 6 * len(results), one.words, anchor="end"))
            for place, each in enumerate(results):
                out.extend(_bar(each.figures[one.name], y + 13 * place, COLOURS[place]))
            y += 13 * len(results) + 8
        y += 8
    axis = [
        f'<line x1="{_x(us):.1f}" x2="{_x(us):.1f}" y1="34" y2="{y}" stroke="#cccccc"/>'
        + _text(_x(us), y + 16, f"{us:g} us" if us < 1000 else f"{us / 1000:g} ms", anchor="middle")
        for us in DECADES
    ]
    legend = []
    for place, each in enumerate(results):
        x = 12 + 320 * place
        legend.append(f'<rect x="{x}" y="10" width="12" height="12" fill="{COLOURS[place]}"/>')
        legend.append(_text(x + 18, 20, f"{each.place.name}: {each.place.words}"))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 26}" font-family="sans-serif" font-size="12">'
    title = "<title>Time of one transaction, median and worst window (make bench-wire)</title>"
    ground = f'<rect width="{WIDTH}" height="{y + 26}" fill="#ffffff"/>'
    return "\n".join((head, title, ground, *axis, *legend, *out, "</svg>\n"))


def _bar(figure: Figure, y: int, colour: str) -> tuple[str, ...]:
    start, middle, worst = _x(DECADES[0]), _x(figure.median_us), _x(figure.worst_us)
    return (
        f'<rect x="{start:.1f}" y="{y}" width="{middle - start:.1f}" height="11" fill="{colour}"/>',
        f'<line x1="{middle:.1f}" x2="{worst:.1f}" y1="{y + 5.5}" y2="{y + 5.5}" stroke="#333333"/>',
        _text(worst + 5, y + 10, f"{figure.median_us:.0f}"),
    )


def _x(us: float) -> float:
    part = log10(min(max(us, DECADES[0]), DECADES[-1]) / DECADES[0]) / log10(DECADES[-1] / DECADES[0])
    return LEFT + part * (RIGHT - LEFT)


def _text(x: float, y: float, words: str, weight: str = "normal", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}" text-anchor="{anchor}">{escape(words)}</text>'
