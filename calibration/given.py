"""What the finished sessions beside an output give to its certificate, and that each number is from one place: measured, or typed where nothing measured it.
It plans no procedure and reads no file; which sessions are finished is said to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from calibration.equipment import Base
from calibration.gates import Key
from calibration.job import JobTable, OutputTable
from calibration.measured import MeasuredTable
from calibration.output import Output, output
from calibration.procedures.dark import dark
from calibration.procedures.end_effect import times, timing
from calibration.procedures.hvl import layers
from calibration.procedures.kv_dependence import dependence
from calibration.procedures.linearity import linear
from calibration.procedures.monitor import monitors
from calibration.procedures.output import measured_part
from calibration.procedures.parts import charges, mean
from calibration.procedures.session import Session
from calibration.procedures.tail import tail

PLACEHOLDER_PCT: Final = 1.0
"""The uncertainty is one of the things that the measurement comes to; it is put in when it is known."""
PLACEHOLDER_MGY: Final = 0.0
"""The tail's uncertainty takes no part in the output, which is worked out before there is one; a draft without the tail is refused."""
LATER: Final = frozenset({"tail", "monitor", "second", "audit"})
"""What needs the output's own session."""


NEVER_HERE: Final = {
    "pdd": "depth dose", "flatness_pct": "flatness",
    "backscatter": "a backscatter factor that the table has not", "gap_table": "the table of gaps",
}  # fmt: skip
"""What no session at the terminal measures: it stands in the certificate as it was typed."""


def never_here(keys: Mapping[str, Any]) -> tuple[str, ...]:
    """Of these keys, what stands as it was typed, in words."""
    return tuple(sorted({words for key, words in NEVER_HERE.items() if keys.get(key)}))


@dataclass(frozen=True)
class Known:
    """What is known beside the job file: the last finished session of a name (None: there is none), what a count of channel 1 was last, and the rig's tick
    (0: none is known, and nothing is granted for it)."""

    finished: Callable[[str], Session | None] = lambda _name: None
    last_n1: Mapping[Key, float] = field(default_factory=dict)
    tick_s: float = 0.0


@dataclass(frozen=True)
class Given:
    """What a session beside the output's gave: keys of the combination, and of its measurement."""

    combination: Mapping[str, Any]
    measured: Mapping[str, Any]


def second_of(one: OutputTable) -> OutputTable:
    """The output as the second physicist measures it. ValueError: the job file names no second chamber."""
    if one.second is None:
        raise ValueError(f"{one.name}: has no second in the job file; write outputs.second, with another chamber")
    measured = one.measured | {"chamber": one.second.chamber, "low_v": one.second.low_v}
    update = {"measured": measured, "low_v": one.second.low_v, "expected_nc": one.second.expected_nc}
    return one.model_copy(update=update)


def key_of(one: OutputTable) -> Key:
    return one.kv, one.ma, one.filter, one.applicator


def _of_timer(_one: OutputTable, session: Session) -> Given:
    found = timing(session)
    return Given({"dt_s": round(found.dt_s, 5)}, {"u_dt_s": round(found.u_dt_s, 5)})


def _of_dark(_one: OutputTable, session: Session) -> Given:
    found = dark(session)
    return Given({"leak1_cps": round(found.one.cps, 3), "leak2_cps": round(found.two.cps, 3)}, {})


def _of_tail(_one: OutputTable, session: Session) -> Given:
    found = tail(session)
    return Given({"tail_mgy": round(found.tail_mgy, 4)}, {"u_tail_mgy": round(found.u_tail_mgy, 4)})


def _of_monitor(_one: OutputTable, session: Session) -> Given:
    found = monitors(session)
    return Given({"n1_mgy_per_count": found.n1_mgy_per_count, "n2_mgy_per_count": found.n2_mgy_per_count}, {})


def _of_dependence(one: OutputTable, session: Session) -> Given:
    """The measured points, and below them what is typed. ValueError: a typed one is not below them."""
    rows = dependence(session).part()
    low = [point.model_dump() for point in one.dependence.low] if one.dependence is not None else []
    if low and (low[-1]["kv"] >= rows[0]["kv"] or low[-1]["rel"] > rows[0]["rel"]):
        raise ValueError(
            f"{one.name}: dependence.low ends at {low[-1]['kv']:g} kV, {low[-1]['rel']:g}, and {rows[0]['kv']:.1f} kV gave {rows[0]['rel']:.4f}; "
            "type only what lies below what was measured"
        )
    return Given({"g_kv": [*low, *rows]}, {})


GIVES: Final[Mapping[str, Callable[[OutputTable, Session], Given]]] = {
    "dark": _of_dark,
    "timer": _of_timer,
    "linearity": lambda _one, session: Given({}, {"ma_steps": linear(session).part()}),
    "hvl": lambda _one, session: Given({}, {"layers": layers(session).part()}),
    "dependence": _of_dependence,
    "tail": _of_tail,
    "monitor": _of_monitor,
}
"""What a draft takes of finished sessions beside the output's, by kind."""
WHENCE: Final = {
    "dt_s": "timer", "u_dt_s": "timer", "time_steps": "timer", "ma_steps": "linearity", "layers": "hvl", "g_kv": "dependence", "n1_mgy_per_count": "monitor",
    "n2_mgy_per_count": "monitor", "leak1_cps": "dark", "leak2_cps": "dark", "tail_mgy": "tail", "u_tail_mgy": "tail",
}  # fmt: skip


def beside(one: OutputTable, known: Known, but: frozenset[str] = LATER) -> dict[str, Given]:
    """What the finished sessions beside an output gave; not of those that need the output itself."""
    found = {kind: known.finished(f"{kind}-{one.name}") for kind in GIVES if kind not in but}
    given = {kind: GIVES[kind](one, session) for kind, session in found.items() if session is not None}
    timer, whole = found.get("timer"), known.finished(one.name)
    if timer is not None and whole is not None:
        steps = {"time_steps": time_steps(timer, whole)}
        given["timer"] = replace(given["timer"], measured={**given["timer"].measured, **steps})
    return given


def time_steps(timer: Session, whole: Session) -> list[dict[str, float]]:
    """Linearity in time: the short and the long exposures of the timer's session, and the output's own, which the end effect was not worked out from.

    One chamber at one place in both sessions; put back elsewhere, it is off by what the distance makes, and that is to be seen."""
    seconds = next(
        one.exposes.seconds for one in whole.procedure.steps if one.id == "readings" and one.exposes is not None
    )
    reading = mean(charges(whole, "readings")) - mean(charges(whole, "leakage"))
    rows = sorted((*times(timer), (seconds, reading)))
    return [{"at": round(at, 4), "reading": round(nc, 6)} for at, nc in rows]


def facts_of(one: OutputTable, given: Mapping[str, Given]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Combination and measurement, each number from one place. ValueError: from two, which a typed one never is beside a measured one (hazard A2)."""
    combination, measured = dict(one.combination), dict(one.measured)
    for kind, gave in given.items():
        typed = [key for key in (*gave.combination, *gave.measured) if key in one.combination or key in one.measured]
        if typed:
            raise ValueError(
                f"{one.name}: {', '.join(typed)} typed beside the finished session {kind}-{one.name}; take it out of the job file, measured is measured"
            )
        combination |= gave.combination
        measured |= gave.measured
    return combination, measured


def lacking(one: OutputTable, keys: Mapping[str, Any], *wanted: str) -> None:
    """ValueError: a number that is neither measured nor typed."""
    missing = [key for key in wanted if key not in keys]
    if missing:
        raise ValueError(
            f"{one.name}: {missing[0]} is neither measured nor typed; measure {WHENCE[missing[0]]}-{one.name}, or write it"
        )


def measured_table(
    one: OutputTable, session: Session, given: Mapping[str, Given], by: str, last_r0: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Combination and measurement as the certificate will hold them, the uncertainty not yet worked out."""
    combination, facts = facts_of(one, given)
    lacking(one, combination, "dt_s")
    lacking(one, facts, "u_dt_s", "ma_steps", "time_steps", "layers")
    measured = {
        "derived": False, "by": by, "u_tail_mgy": PLACEHOLDER_MGY, **facts, **measured_part(session), "u_pct_k2": PLACEHOLDER_PCT, "last_r0_mgy_per_s": last_r0,
    }  # fmt: skip
    return combination, measured


def worked(job: JobTable, one: OutputTable, session: Session, given: Mapping[str, Given]) -> Output:
    """What an output's readings come to with the sessions beside it. ValueError: what is wrong with them."""
    combination, measured = measured_table(one, session, given, "nobody yet", 0.0)
    return came_to(job, one, combination, measured)


def came_to(job: JobTable, one: OutputTable, combination: Mapping[str, Any], measured: Mapping[str, Any]) -> Output:
    instruments: dict[str, Base] = {each.id: each for each in job.instruments}
    try:
        table = MeasuredTable.model_validate(measured)
        return output(table, instruments, one.kv, combination["dt_s"], combination["effective_ssd_mm"])
    except ValueError as error:
        raise ValueError(f"{one.name}: {error}") from error
