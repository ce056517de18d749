"""Unknown machines calibrated through the guided procedures and then treated with: how often the truth lies within what the certificate states.
It holds the engine with the bench of whole exposures against the bench's truth; verification/calibration_figures.py counts, and no controller is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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


def measured(
    sessions: Mapping[str, Session], layer: Layers, time: Timing, other: Session | None = None
) -> MeasuredTable:
    """What a certificate holds of these sessions; `other` is another output session, with the same layers and steps."""
    rounds, whole = sessions["end-effect"], sessions["output"]
    times = [
        {"at": rounds.values(step, "timer_s")[0], "reading": rounds.values(step)[0]}
        for step in ("round 1 a", "round 1 b")
    ]
    times.append({"at": SECONDS, "reading": mean(whole.values("readings"))})
    table: dict[str, Any] = {
        "derived": False, "quantity": "AIR_KERMA_RATE_IN_AIR", "by": "P. One",
        "chamber": "A" if other is None else other.id.removeprefix("output-"), "electrometer": "electrometer", "barometer": "barometer",
        "thermometer": "thermometer", "operating_v": 300.0, "low_v": 150.0, "chamber_ref_to_focus_mm": CHAMBER_MM, "plane_to_focus_mm": PLANE_MM,
        "position_half_width_mm": 0.3, "field_mm": 20.0, "layers": layer.part(), "u_dt_s": time.u_dt_s, "u_tail_mgy": 0.1,
        "ma_steps": linear(sessions["linearity"]).part(), "time_steps": times, "terms": list(TERMS), "u_pct_k2": 5.2, "pdd_source": "measured",
        "u_pdd_pct": 2.0, "flatness_pct": 5.0, "last_r0_mgy_per_s": 0.0,
    }  # fmt: skip
    return MeasuredTable.model_validate(table | measured_part(other or whole))


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
    found = output(measured(sessions, layer, time), instruments(bench), 69.5, time.dt_s, PLANE_MM)
    done = Calibrated(seed, found, time, layer, sessions)
    _treated(done, bench)
    sessions["monitor"] = monitor_session(who, mgy_per_nc(found, sessions["output"], time.dt_s))
    done.monitors = monitors(sessions["monitor"])
    done.warned, done.events = who.warned, who.events
    beam, _, _ = bench.true_beam_s(69.5, 1.6, SECONDS)
    done.dt_error_s = time.dt_s - (beam - SECONDS)
    done.hvl_error_mm = layer.hvl_1_mm_al - bench.machine.hvl_mm_al(bench.machine.true_kv(69.5), FILTER_CODE)
    return done, who


def _treated(done: Calibrated, bench: QuickBench) -> None:
    """At the surface right after, and at depth on another day."""
    r0, dt = done.found.r0_mgy_per_s, done.timing.dt_s
    d0 = DOSE_MGY / (TABLE_PCT / 100.0)
    given = bench.expose(69.5, 1.6, d0 / r0 - dt).true_mgy
    done.surface_error_pct = 100.0 * (given / d0 - 1.0)
    other = on_another_day(bench, 10_000 + done.seed)
    warmed(other)
    there = other.machine.at_depth_mgy(other.expose(69.5, 1.6, d0 / r0 - dt).true_mgy, DEPTH_MM, TABLE_PCT)
    done.depth_error_pct = 100.0 * (there / DOSE_MGY - 1.0)
