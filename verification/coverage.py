"""Unknown machines calibrated through the guided procedures and then treated with: how often the truth lies within what the certificate states.
It holds the engine with the bench of whole exposures against the bench's truth; `make verify-calibration` prints it, and no controller is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import track

from calibration.dosimetry.budget import Term, budget, inverse_square_pct_per_mm
from calibration.measured import MeasuredTable
from calibration.output import Output, output
from calibration.procedures.end_effect import Timing, timing
from calibration.procedures.hvl import Layers, layers
from calibration.procedures.linearity import linear
from calibration.procedures.monitor import Monitors, monitors
from calibration.procedures.output import measured_part
from calibration.procedures.parts import mean
from calibration.procedures.session import Session
from simulators.quick_bench import QuickBench, on_another_day
from simulators.unknown import Unknown, unknown
from verification.benched import (
    CHAMBER_MM,
    FILTER_CODE,
    PLANE_MM,
    SECONDS,
    end_effect_session,
    hvl_session,
    instruments,
    linearity_session,
    mgy_per_nc,
    monitor_session,
    output_session,
    warmed,
)  # fmt: skip
from verification.calibrated import Physicist

DOSE_MGY, DEPTH_MM, TABLE_PCT = 7000.0, 3.5, 82.0
TERMS: Final = (
    {
        "term": "quality",
        "type": "B",
        "stated": 1.0,
        "distribution": "normal",
        "pct_per_unit": 1.0,
        "source": "the chamber's response to this beam",
    },
)
OF_DEPTH: Final = (
    Term("pdd", "B", 2.0), Term("gap", "B", 0.5, "rectangular", inverse_square_pct_per_mm(PLANE_MM + DEPTH_MM)),
    Term("day's output", "B", 3.0, "rectangular"), Term("control", "B", 0.2),
)  # fmt: skip
"""What a treatment adds to the certificate's budget, as in E11."""


@dataclass
class Calibrated:
    """One machine's calibration: what the procedures found, and what came of two treatments with it."""

    seed: int
    found: Output
    timing: Timing
    layers: Layers
    sessions: dict[str, Session]
    monitors: Monitors | None = None
    warned: list[str] = field(default_factory=list)
    events: int = 0
    surface_error_pct: float = 0.0
    depth_error_pct: float = 0.0
    dt_error_s: float = 0.0
    hvl_error_mm: float = 0.0

    @property
    def surface_k2_pct(self) -> float:
        return self.found.budget.u_pct_k2

    @property
    def depth_k2_pct(self) -> float:
        return budget((*self.found.budget.terms, *OF_DEPTH)).u_pct_k2


def measured(sessions: dict[str, Session], layer: Layers, time: Timing) -> MeasuredTable:
    """What a certificate holds of these sessions."""
    rounds, whole = sessions["end-effect"], sessions["output"]
    times = [
        {"at": rounds.values(step, "timer_s")[0], "reading": rounds.values(step)[0]}
        for step in ("round 1 a", "round 1 b")
    ]
    times.append({"at": SECONDS, "reading": mean(whole.values("readings"))})
    table: dict[str, Any] = {
        "derived": False, "quantity": "AIR_KERMA_RATE_IN_AIR", "by": "P. One", "chamber": "A", "electrometer": "electrometer", "barometer": "barometer",
        "thermometer": "thermometer", "operating_v": 300.0, "low_v": 150.0, "chamber_ref_to_focus_mm": CHAMBER_MM, "plane_to_focus_mm": PLANE_MM,
        "position_half_width_mm": 0.3, "field_mm": 20.0, "layers": layer.part(), "u_dt_s": time.u_dt_s, "u_tail_mgy": 0.1,
        "ma_steps": linear(sessions["linearity"]).part(), "time_steps": times, "terms": list(TERMS), "u_pct_k2": 5.2, "pdd_source": "measured",
        "u_pdd_pct": 2.0, "flatness_pct": 5.0, "last_r0_mgy_per_s": 0.0,
    }  # fmt: skip
    return MeasuredTable.model_validate(table | measured_part(whole))


def calibrate(
    seed: int, machine: Unknown | None = None, blundering: tuple[str, ...] = ()
) -> tuple[Calibrated, Physicist]:
    """HVL, end effect, output, monitor chambers, and what the readings come to. Stopped or ValueError: a step refused."""
    bench = QuickBench(machine or unknown(seed), seed)
    bench.blundering.extend(blundering)
    who = Physicist(bench)
    warmed(bench)
    who.warm_at_s = bench.now_s
    sessions = {"hvl": hvl_session(who)}
    layer = layers(sessions["hvl"])
    sessions["end-effect"] = end_effect_session(who)
    time = timing(sessions["end-effect"])
    sessions["linearity"] = linearity_session(who)
    sessions["output"] = output_session(who)
    found = output(measured(sessions, layer, time), instruments(bench), 69.5, time.dt_hv_seen_s, PLANE_MM)
    done = Calibrated(seed, found, time, layer, sessions)
    _treated(done, bench)
    sessions["monitor"] = monitor_session(who, mgy_per_nc(found, sessions["output"], time.dt_hv_seen_s))
    done.monitors = monitors(sessions["monitor"])
    done.warned, done.events = who.warned, who.events
    beam, _, _ = bench.true_beam_s(69.5, 1.6, SECONDS)
    done.dt_error_s = time.dt_hv_seen_s - (beam - SECONDS)
    done.hvl_error_mm = layer.hvl_1_mm_al - bench.machine.hvl_mm_al(bench.machine.true_kv(69.5), FILTER_CODE)
    return done, who


def _treated(done: Calibrated, bench: QuickBench) -> None:
    """At the surface right after, and at depth on another day."""
    r0, dt = done.found.r0_mgy_per_s, done.timing.dt_hv_seen_s
    d0 = DOSE_MGY / (TABLE_PCT / 100.0)
    given = bench.expose(69.5, 1.6, d0 / r0 - dt).true_mgy
    done.surface_error_pct = 100.0 * (given / d0 - 1.0)
    other = on_another_day(bench, 10_000 + done.seed)
    warmed(other)
    there = other.machine.at_depth_mgy(other.expose(69.5, 1.6, d0 / r0 - dt).true_mgy, DEPTH_MM, TABLE_PCT)
    done.depth_error_pct = 100.0 * (there / DOSE_MGY - 1.0)


# --- 200 of them -----------------------------------------------------------------------------------------------------------------------------

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


def page_part(done: Sequence[Calibrated]) -> str:
    """What the page says of them."""
    rows = "".join(
        f"| {one.what} | {one.stated_k2_pct:.2f} % | **{one.within} of {one.of}** | {one.mean_pct:+.2f} % | {one.spread_pct:.2f} % | {one.worst_pct:+.2f} % |\n"
        for one in tallies(done)
    )
    dts, hvls = [1000.0 * one.dt_error_s for one in done], [one.hvl_error_mm for one in done]
    proved = sum(one.monitors is not None and one.monitors.sealed is True for one in done)
    return (
        "| dose | stated, k = 2 | within | mean error | standard deviation | worst |\n| --- | --- | --- | --- | --- | --- |\n"
        f"{rows}\n"
        f"{sum(one.events for one in done)} events went through the engine. The end effect was off by {fmean(dts):+.1f} ms in the mean "
        f"and by {max(dts, key=abs):+.1f} ms at most; the half-value layer by {fmean(hvls):+.3f} and {max(hvls, key=abs):+.3f} mm Al. "
        f"The seal of the monitor chamber was proved in {proved} of {len(done)}.\n"
    )


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
    done = [calibrate(seed)[0] for seed in track(range(1, tubes + 1), "unknown tubes", console=out)]
    out.print(page_part(done))
    if page:
        if tubes != TUBES:
            raise typer.BadParameter(f"the page is of {TUBES} tubes, and these are {tubes}; leave --tubes out")
        write_page(PAGE, page_part(done))
        draw(done, PICTURE)
    failed = [one for one in tallies(done) if not one.passes]
    for one in failed:
        out.print(f"{one.what}: {one.within} of {one.of} within k = 2, wanted {LEAST} to {MOST} of {TUBES}")
    raise typer.Exit(1 if failed else 0)


if __name__ == "__main__":
    typer.run(command)
