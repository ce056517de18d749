"""What the fractions of `make bench-dose` come to: the bound of each, how near control came to its primary channel and the truth, as tables and a picture.
It works on the documents of results alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.table import Table

from verification.rigs import TIMED_ONLY

PAGE: Final = Path("docs/dose.md")
PICTURE: Final = Path("docs/pictures/bench-dose.png")
PART: Final = re.compile(r"(<!-- measured by make bench-dose -->\n).*?(<!-- end of bench-dose -->\n)", re.DOTALL)
PRESET_PART, PRESET_COUNTS, PRESET_S = 0.001, 2.0, 0.002
HOST_PART, HOST_TICKS = 0.002, 0.6
PRESET_WORDS: Final = "max(0.1 %, 2 counts + 2 ms x R0)"
HOST_WORDS: Final = "max(0.2 %, 0.6 ticks x R0)"
TRUTH_PART, TRUTH_MGY = 0.005, 10.0
"""A dose without any fault against the truth: max(0.5 %, 1 cGy)."""
WIDTH_IN, HEIGHT_IN = 9.0, 7.0


@dataclass(frozen=True)
class Judged:
    """One fraction with its bound, mGy. `error_mgy`: its primary channel against what was asked for; where the dose is not GOOD the pieces before the last
    are taken by their high bound, as a resume takes them."""

    given: dict[str, Any]
    bound_mgy: float
    error_mgy: float
    true_error_mgy: float

    @property
    def near(self) -> bool:
        """Control came near enough to its primary channel."""
        return not self.given["wrong"] and abs(self.error_mgy) <= self.bound_mgy

    @property
    def ok(self) -> bool:
        d0 = self.given["d0_mgy"]
        return self.near and abs(self.true_error_mgy) <= max(TRUTH_PART * d0, TRUTH_MGY)

    @property
    def words(self) -> str:
        g = self.given
        rig = f"seed {g['seed']}: {g['generator']}, {g['unit']}, {g['termination']}, {g['tick_hz']} Hz, {g['applicator']}, {g['pieces']} pieces"
        if g["wrong"]:
            return f"{rig}: {g['wrong']}"
        return f"{rig}: {self.error_mgy:+.3f} mGy of {g['d0_mgy']:.1f}, bound {self.bound_mgy:.3f}; against the truth {self.true_error_mgy:+.3f} mGy"

    @property
    def kind(self) -> tuple[bool, str, int]:
        return self.given["presets"], self.given["termination"], self.given["tick_hz"]


def bound_mgy(given: dict[str, Any]) -> float:
    """How near the primary channel must come to what was asked for."""
    d0, r0 = given["d0_mgy"], given["r0_mgy_per_s"]
    if given["presets"]:
        return float(max(PRESET_PART * d0, PRESET_COUNTS * given.get("n1_mgy_per_count", 0.0) + PRESET_S * r0))
    return float(max(HOST_PART * d0, HOST_TICKS * r0 / given["tick_hz"]))


def judged(given: dict[str, Any]) -> Judged:
    """One document with its bound."""
    if given["wrong"]:
        return Judged(given, bound_mgy(given), float("nan"), float("nan"))
    if given["quality"] != "GOOD" and given["unit"] not in TIMED_ONLY:
        words = f"its dose is {given['quality']}, without a fault and with both chambers"
        return Judged(given | {"wrong": words}, bound_mgy(given), float("nan"), float("nan"))
    d0, true_mgy = given["d0_mgy"], given["true_mgy"]
    whole = given["delivered_mgy"] - d0
    error = whole if given["quality"] == "GOOD" else given["rest_error_mgy"]
    return Judged(given, bound_mgy(given), error, true_mgy - d0)


def _pct(found: list[Judged], errors: list[float]) -> list[float]:
    return [100.0 * abs(error) / j.given["d0_mgy"] for j, error in zip(found, errors, strict=True)]


CONTROL_HEAD: Final = (
    "ended by", "tick, Hz", "fractions", "in 1, 2, 3 pieces", "R0, mGy/s", "counts, in one piece", "bound on the error",
    "median error", "worst error", "worst, of its bound", "outside", "without an end",
)  # fmt: skip
TRUTH_HEAD: Final = (
    "ended by", "tick, Hz", "true against asked: median", "worst", "worst, mGy", "certificate alone, k = 2: up to",
)  # fmt: skip
TUBE_HEAD: Final = ("tube", "fractions", "doses, Gy", "R0, mGy/s", "uGy a count", "worst error of its bound")


def _kinds(found: list[Judged]) -> Iterator[tuple[tuple[bool, str, int], list[Judged], list[Judged]]]:
    for kind in sorted({j.kind for j in found}, reverse=True):
        every = [j for j in found if j.kind == kind]
        yield kind, every, [j for j in every if not j.given["wrong"]]


def _who(kind: tuple[bool, str, int]) -> str:
    what = "counts" if kind[1] == "monitor" else "time"
    return f"the unit, by {what}" if kind[0] else f"this program, by {what}"


def _range(values: list[float], digits: int = 1) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}" if values else "-"


def control_rows(found: list[Judged]) -> Iterator[tuple[str, ...]]:
    """How near each kind of end came to its own primary channel."""
    for kind, every, whole in _kinds(found):
        errors = _pct(whole, [j.error_mgy for j in whole])
        pieces = [sum(1 for j in every if j.given["pieces"] == n) for n in (1, 2, 3)]
        counts = [float(j.given["counts_1"]) for j in whole if j.given["pieces"] == 1 and j.given["counts_1"]]
        yield (
            _who(kind), str(kind[2]), str(len(every)), ", ".join(map(str, pieces)),
            _range([j.given["r0_mgy_per_s"] for j in every]), _range(counts, 0),
            PRESET_WORDS if kind[0] else HOST_WORDS,
            f"{median(errors):.4f} %" if errors else "-", f"{max(errors):.4f} %" if errors else "-",
            f"{max(abs(j.error_mgy) / j.bound_mgy for j in whole):.2f}" if whole else "-",
            str(sum(1 for j in whole if not j.near)), str(len(every) - len(whole)),
        )  # fmt: skip


def truth_rows(found: list[Judged]) -> Iterator[tuple[str, ...]]:
    """How near the true dose came to what was asked for, and what the certificate alone may be off."""
    for kind, _, whole in _kinds(found):
        errors = _pct(whole, [j.true_error_mgy for j in whole])
        if errors:
            yield (
                _who(kind), str(kind[2]), f"{median(errors):.4f} %", f"{max(errors):.4f} %",
                f"{max((j.true_error_mgy for j in whole), key=abs):+.2f}",
                f"{max(j.given['u_certificate_pct'] for j in whole):.1g} %",
            )  # fmt: skip


def tube_rows(found: list[Judged]) -> Iterator[tuple[str, ...]]:
    """Each tube: what it gave, at what rate and in what counts."""
    for tube in sorted({j.given["generator"] for j in found}):
        every = [j for j in found if j.given["generator"] == tube]
        whole = [j for j in every if not j.given["wrong"]]
        yield (
            tube, str(len(every)), _range([j.given["d0_mgy"] / 1000.0 for j in every], 2),
            _range([j.given["r0_mgy_per_s"] for j in every]),
            _range([1000.0 * j.given["n1_mgy_per_count"] for j in whole]),
            f"{max(abs(j.error_mgy) / j.bound_mgy for j in whole):.2f}" if whole else "-",
        )  # fmt: skip


def _made(found: list[Judged]) -> tuple[tuple[str, tuple[str, ...], list[tuple[str, ...]]], ...]:
    return (
        ("Control: the primary channel against what was asked for", CONTROL_HEAD, list(control_rows(found))),
        ("The truth against what was asked for, and the certificate's own uncertainty", TRUTH_HEAD, list(truth_rows(found))),
        ("The tubes", TUBE_HEAD, list(tube_rows(found))),
    )  # fmt: skip


def tables(found: list[Judged]) -> Iterator[Table]:
    """For people at a terminal."""
    for title, head, rows in _made(found):
        table = Table(title=title)
        for name in head:
            table.add_column(name)
        for row in rows:
            table.add_row(*row)
        yield table


def page_part(found: list[Judged], wanted: int) -> str:
    """The same for docs/dose.md; `wanted`: how many a whole run has."""
    hours = sum(j.given.get("simulated_s", 0.0) for j in found) / 3600.0
    outside, without = [j for j in found if not j.given["wrong"] and not j.ok], [j for j in found if j.given["wrong"]]
    doses = [j.given["d0_mgy"] / 1000.0 for j in found]
    lines = [
        f"{'All' if len(found) >= wanted else f'So far {len(found)} of'} {wanted} fractions, of {_range(doses)} Gy, "
        f"{hours:.1f} simulated hours: {len(outside)} outside a bound, "
        f"{len(without)} without their proper end. Every figure is SIMULATED.\n"
    ]
    for title, head, rows in _made(found):
        lines += [f"\n{title}:\n\n", _line(head), _line(("---",) * len(head)), *map(_line, rows)]
    lines += ["\nOutside:\n\n", *(f"- {j.words}\n" for j in outside)] if outside else []
    lines += ["\nWithout their proper end:\n\n", *(f"- {words}\n" for words in _causes(without))] if without else []
    lines += [f"\n![Errors of the fractions against their dose](pictures/{PICTURE.name})\n"]
    return "".join(lines)


def _causes(without: list[Judged]) -> Iterator[str]:
    """Each tube and unit with its seeds, and what the first of them said."""
    for tube, unit in sorted({(j.given["generator"], j.given["unit"]) for j in without}):
        every = [j.given for j in without if (j.given["generator"], j.given["unit"]) == (tube, unit)]
        yield f"{tube} with {unit}, seeds {', '.join(str(g['seed']) for g in every)}: {every[0]['wrong']}"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"


def write_page(page: Path, part: str) -> None:
    """Put it where the page says that it belongs."""
    text, times = PART.subn(lambda block: f"{block[1]}{part}{block[2]}", page.read_text(encoding="utf-8"))
    if times != 1:
        raise ValueError(f"{page} has {times} places measured by make bench-dose, not one")
    page.write_text(text, encoding="utf-8")


def draw(found: list[Judged], path: Path) -> None:
    """Both errors against the dose, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    whole = [j for j in found if not j.given["wrong"]]
    figure, panels = pyplot.subplots(2, 1, figsize=(WIDTH_IN, HEIGHT_IN), sharex=True, layout="constrained")
    for presets, colour, label in (
        (True, "#206080", "ended by the safety unit"),
        (False, "#c07000", "ended by this program"),
    ):
        some = [j for j in whole if j.given["presets"] is presets]
        doses = [j.given["d0_mgy"] / 1000.0 for j in some]
        for axes, errors in zip(panels, ([j.error_mgy for j in some], [j.true_error_mgy for j in some]), strict=True):
            percents = [100.0 * error / j.given["d0_mgy"] for j, error in zip(some, errors, strict=True)]
            axes.plot(doses, percents, ".", color=colour, markersize=4, label=f"{label} ({len(some)})")
        part = 100.0 * (PRESET_PART if presets else HOST_PART)
        for sign in (1.0, -1.0):
            panels[0].axhline(sign * part, color=colour, linewidth=0.8, linestyle="--")
    for axes, words in zip(panels, ("primary channel", "truth"), strict=True):
        axes.set_ylabel(f"{words} less what was asked for, %")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    panels[1].set_xscale("log")
    panels[1].set_xlabel("dose asked for at the surface, Gy")
    panels[0].set_title(f"SIMULATED: {len(whole)} fractions without any fault")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
