"""`make verify-calibration`: 200 unknown tubes calibrated through the guided procedures and treated with, and every blunder made, as figures, page and picture.
It counts and draws; who calibrates is verification/coverage.py, who blunders verification/blundered.py, and no controller is in either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import track

from hal.clock import SystemClock
from simulators.blunders import BLUNDERS
from verification.blundered import SHOULD, Stop, stopped
from verification.coverage import DEPTH_MM, Calibrated, calibrate
from verification.sources import commit, source_hash

TUBES: Final = 200
LEAST, MOST = 184, 196
"""Of 200: 95 % within its own chance."""
PAGE: Final = Path("docs/dosimetry.md")
PICTURE: Final = Path("docs/pictures/coverage.png")
BEGINS, ENDS = "<!-- measured: coverage -->\n", "<!-- end of coverage -->\n"


@dataclass(frozen=True)
class Tally:
    """How many lay within k = 2, how far off they were, and what was stated."""

    what: str
    within: int
    of: int
    mean_pct: float
    spread_pct: float
    worst_pct: float
    stated_k2_pct: float

    @property
    def passes(self) -> bool:
        """Between what 95 % may give by chance."""
        return LEAST / TUBES <= self.within / self.of <= MOST / TUBES


def tally(what: str, errors: Sequence[float], stated: Sequence[float]) -> Tally:
    """Errors and stated uncertainties in percent."""
    within = sum(abs(error) <= k2 for error, k2 in zip(errors, stated, strict=True))
    return Tally(what, within, len(errors), fmean(errors), stdev(errors), max(errors, key=abs), fmean(stated))


def tallies(done: Sequence[Calibrated]) -> tuple[Tally, Tally]:
    """At the surface and at depth."""
    return (
        tally("at the surface, on the day of the calibration", [one.surface_error_pct for one in done], [one.surface_k2_pct for one in done]),
        tally(f"at {DEPTH_MM:g} mm, on another day", [one.depth_error_pct for one in done], [one.depth_k2_pct for one in done]),
    )  # fmt: skip


def of_when(wall_s: float) -> str:
    """On which day, of which sources and of which commit these figures are, in words."""
    day = datetime.fromtimestamp(wall_s, UTC).date().isoformat()
    return f"SIMULATED, on {day}, sources `{source_hash()[:16]}`, commit `{commit() or 'unknown'}`.\n\n"


def page_part(done: Sequence[Calibrated], wall_s: float) -> str:
    """What the page says of them, and first of when and of what they are."""
    rows = "".join(
        f"| {one.what} | {one.stated_k2_pct:.2f} % | **{one.within} of {one.of}** | {one.mean_pct:+.2f} % | {one.spread_pct:.2f} % | {one.worst_pct:+.2f} % |\n"
        for one in tallies(done)
    )
    dts, hvls = [1000.0 * one.dt_error_s for one in done], [one.hvl_error_mm for one in done]
    proved = sum(one.monitors is not None and one.monitors.sealed is True for one in done)
    return (
        of_when(wall_s)
        + "| dose | stated, k = 2 | within | mean error | standard deviation | worst |\n| --- | --- | --- | --- | --- | --- |\n"
        f"{rows}\n"
        f"{sum(one.events for one in done)} events went through the engine. The end effect was off by {fmean(dts):+.1f} ms in the mean "
        f"and by {max(dts, key=abs):+.1f} ms at most; the half-value layer by {fmean(hvls):+.3f} and {max(hvls, key=abs):+.3f} mm Al. "
        f"The seal of the monitor chamber was proved in {proved} of {len(done)}.\n"
    )


def blunders_part(rows: Sequence[Stop]) -> str:
    """Each blunder, where it stopped, and in which words."""
    lines = "".join(
        f"| `{row.blunder}` | {BLUNDERS[row.blunder].hazard} | {row.place}: {row.step} | {row.words} |\n"
        for row in rows
    )
    return f"\n| blunder | hazard | stopped in | in these words |\n| --- | --- | --- | --- |\n{lines}"


def write_page(page: Path, part: str) -> None:
    """Between its marks. ValueError: the page has no such place."""
    text = page.read_text(encoding="utf-8")
    if text.count(BEGINS) != 1 or text.count(ENDS) != 1:
        raise ValueError(f"{page} has no one place {BEGINS.strip()} ... {ENDS.strip()}; put it in")
    before, rest = text.split(BEGINS)
    page.write_text(f"{before}{BEGINS}{part}{ENDS}{rest.split(ENDS)[1]}", encoding="utf-8")


def draw(done: Sequence[Calibrated], path: Path) -> None:
    """Errors in order, with what was stated, as PNG; the drawing library is loaded here only."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained", sharey=True)
    for axis, one, errors, k2 in zip(
        axes, tallies(done), ([d.surface_error_pct for d in done], [d.depth_error_pct for d in done]),
        ([d.surface_k2_pct for d in done], [d.depth_k2_pct for d in done]), strict=True,
    ):  # fmt: skip
        order = sorted(range(len(done)), key=errors.__getitem__)
        axis.fill_between(
            range(len(done)),
            [-k2[i] for i in order],
            [k2[i] for i in order],
            color="#206080",
            alpha=0.15,
            label="stated, k = 2",
        )
        colours = ["#206080" if abs(errors[i]) <= k2[i] else "#c02020" for i in order]
        axis.scatter(
            range(len(done)), [errors[i] for i in order], s=5, c=colours, label=f"{one.within} of {one.of} within"
        )
        axis.set_title(one.what, fontsize=9)
        axis.set_xlabel("simulated tubes, by error")
        axis.axhline(0.0, color="#808080", linewidth=0.6)
        axis.legend(fontsize=8, loc="upper left")
    axes[0].set_ylabel("true dose less stated, %")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def command(
    tubes: Annotated[int, typer.Option(help="how many unknown tubes", min=10, max=5000)] = TUBES,
    page: Annotated[
        bool,
        typer.Option("--page", help=f"write the figures into {PAGE} and the picture into {PICTURE}; of {TUBES} tubes"),
    ] = False,
) -> None:
    """Calibrate unknown tubes through the procedures, treat with them, and print how often k = 2 holds the truth."""
    out = Console()
    rows = [stopped(name) for name in track(SHOULD, "blunders", console=out)]
    done = [calibrate(seed)[0] for seed in track(range(1, tubes + 1), "unknown tubes", console=out)]
    part = page_part(done, SystemClock().wall()) + blunders_part(rows)
    out.print(part)
    if page:
        if tubes != TUBES:
            raise typer.BadParameter(f"the page is of {TUBES} tubes, and these are {tubes}; leave --tubes out")
        write_page(PAGE, part)
        draw(done, PICTURE)
    failed = [one for one in tallies(done) if not one.passes]
    for one in failed:
        out.print(f"{one.what}: {one.within} of {one.of} within k = 2, wanted {LEAST} to {MOST} of {TUBES}")
    missed = [row for row in rows if (row.place, row.step) != SHOULD[row.blunder]]
    for row in missed:
        out.print(
            f"{row.blunder}: should stop in {SHOULD[row.blunder]}, and stopped in {row.place or 'nothing'} {row.step}: {row.words}"
        )
    raise typer.Exit(1 if failed or missed else 0)


if __name__ == "__main__":
    typer.run(command)
