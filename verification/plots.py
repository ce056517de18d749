"""Two pictures of many runs: how far doses were off, and how fast the beam went off by fault, beside the bounds T1, T2 and T3.
The drawing library is loaded here and nowhere else, and only when a picture is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from verification.figures import Figures
from verification.times import T1_S, T2_MOST_S, reaction_s

WIDTH_IN: Final = 9.0
ROW_IN: Final = 0.16
BOUNDS: Final = (("T1", T1_S), ("T1 + T2", T1_S + T2_MOST_S), ("T1 + T2 + T3", reaction_s()))


def draw(sums: Figures, path: Path) -> None:
    """One picture with both, written as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = sorted(sums.beam_off, key=lambda fault: max(sums.beam_off[fault]))
    height = 4.0 + ROW_IN * max(len(rows), 10)
    figure, (dose, reaction) = pyplot.subplots(
        2, 1, figsize=(WIDTH_IN, height), height_ratios=(3.0, height - 4.0), layout="constrained"
    )
    _doses(dose, sums)
    _reactions(reaction, sums, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _doses(axes: Any, sums: Figures) -> None:
    for clean, label, colour in ((False, "something broke", "#c07000"), (True, "nothing broke", "#206080")):
        values = [100.0 * error for error, whole in sums.errors if whole is clean]
        if values:
            axes.hist(values, bins=60, label=f"{label} ({len(values)} fractions)", color=colour, alpha=0.7)
    axes.set_yscale("log")
    axes.set_xlabel("true dose of a complete fraction against the prescribed, % of D0")
    axes.set_ylabel("fractions")
    axes.set_title(f"SIMULATED: {sums.runs} runs, {sums.beam_s / 3600.0:.1f} hours of beam")
    if sums.errors:
        axes.legend(fontsize=8)


def _reactions(axes: Any, sums: Figures, rows: list[str]) -> None:
    for place, fault in enumerate(rows):
        axes.plot(
            [value for value, _ in sums.beam_off[fault]], [place] * len(sums.beam_off[fault]), "|", color="#206080"
        )
        sent = [value for value, _ in sums.off_sent.get(fault, [])]
        axes.plot(sent, [place] * len(sent), ".", color="#c02020", markersize=3)
    for label, bound_s in BOUNDS:
        axes.axvline(bound_s, color="#808080", linewidth=0.8)
        axes.annotate(
            label, (bound_s, 1.0), xycoords=("data", "axes fraction"), fontsize=7, ha="right", va="bottom", rotation=30
        )
    axes.set_yticks(range(len(rows)), rows, fontsize=6)
    axes.set_ylim(-1, max(len(rows), 1))
    axes.set_xscale("log")
    axes.set_xlim(left=0.01)
    axes.set_xlabel(
        "seconds from the fault, in beam: OFF sent (dots), beam truly off (bars); a fault that shows late acts late"
    )
