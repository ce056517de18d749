"""From finished sessions to an unsigned certificate: the readings as they were kept, the facts of the job file, and what both come to.
It signs nothing and judges no change; that is calibration/gates.py, when the draft is signed and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from calibration.equipment import Barometer, Base, Chamber, Electrometer, KvpMeter, stamp
from calibration.gates import Key
from calibration.job import JobTable, OutputTable
from calibration.measured import MeasuredTable
from calibration.output import output
from calibration.procedures.end_effect import end_effect_procedure, timing
from calibration.procedures.interrupt import interrupt_procedure
from calibration.procedures.linearity import linear, linearity_procedure
from calibration.procedures.output import OF_CERTIFICATE, OF_NAME_PLATE, Beam, measured_part, output_procedure
from calibration.procedures.parts import SHIPPED, Charge, Setting, in_date
from calibration.procedures.session import Session
from calibration.procedures.step import Procedure
from calibration.procedures.warm import warm_procedure

WARM_S: Final = 20.0
INTERRUPTED_S: Final = 20.0
REPRODUCIBLE: Final = 0.0005
"""k = 1, of one reading of a chamber, as E7 has it; where the readings scatter more, that counts."""
TIMER_STEP_S: Final = 0.01
"""Of the safety unit's timer."""
PLACEHOLDER_PCT: Final = 1.0
"""The uncertainty is one of the things that the measurement comes to; it is put in when it is known."""


@dataclass(frozen=True)
class Given:
    """What a session beside the output's gave: keys of the combination, and of its measurement. They stand instead of the job file's."""

    combination: Mapping[str, Any]
    measured: Mapping[str, Any]


@dataclass(frozen=True)
class Done:
    """A finished session of one output: by whom, what the generator's own meters showed over its readings, and what the sessions beside it gave, by kind."""

    session: Session
    by: str
    kv_read: float
    ma_read: float
    given: Mapping[str, Given] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """Which program measures."""

    version: str
    sha256: str


def procedure_of(job: JobTable, one: OutputTable, at: datetime) -> Procedure:
    """The guided procedure of an output. ValueError or ConfigurationError: an instrument may not be used, or is not there."""
    chamber = job.instrument(Chamber, str(one.measured["chamber"]))
    electrometer = job.instrument(Electrometer, str(one.measured["electrometer"]))
    job.instrument(Barometer, str(one.measured["barometer"]))
    within = OF_CERTIFICATE if job.certificate["supersedes"] else OF_NAME_PLATE
    beam = Beam(
        one.kv, one.ma, one.filter, one.applicator, one.seconds, one.most_nc, float(one.measured["chamber_ref_to_focus_mm"]), one.expected_nc, within,
        one.kpa_recorded,
    )  # fmt: skip
    known = [other for other in job.instruments if other.id not in (chamber.id, electrometer.id)]
    return output_procedure(beam, chamber, electrometer, one.low_v, one.source, at, known)


def offered(job: JobTable, name: str, at: datetime) -> tuple[OutputTable, Procedure]:
    """What is measured under this name: an output's, or one of FURTHER and an output's. ConfigurationError or ValueError: nothing is, or not now."""
    kind, _, of = name.partition("-")
    if kind in FURTHER and of:
        one = job.output(of)
        return one, FURTHER[kind](job, one, at)
    one = job.output(name)
    return one, procedure_of(job, one, at)


def names(job: JobTable) -> tuple[str, ...]:
    """Everything that may be measured; the unit's timer where the job file has a meter of radiation time to prove it by."""
    metered = any(isinstance(one, KvpMeter) for one in job.instruments)
    kinds = [kind for kind in FURTHER if kind != "timer" or metered]
    return tuple(name for one in job.outputs for name in (*(f"{kind}-{one.name}" for kind in kinds), one.name))


def _warm(_job: JobTable, one: OutputTable, _at: datetime) -> Procedure:
    return warm_procedure(Setting(one.kv, one.ma, one.filter, one.applicator), max(WARM_S, one.seconds))


def _interrupt(job: JobTable, one: OutputTable, at: datetime) -> Procedure:
    charge, head = _charge(job, one)
    in_date(at, charge.electrometer)
    setting = Setting(one.kv, one.ma, one.filter, one.applicator)
    return interrupt_procedure(setting, charge, head, max(INTERRUPTED_S, one.seconds), float(one.combination["dt_s"]))


def _charge(job: JobTable, one: OutputTable) -> tuple[Charge, str]:
    """The chamber's charge as for the output, and where the chamber is."""
    electrometer = job.instrument(Electrometer, str(one.measured["electrometer"]))
    head = f"{one.measured['chamber']} as for the output, on {electrometer.id} ({electrometer.serial})"
    return Charge(electrometer, one.most_nc, one.source), head


def _timer(job: JobTable, one: OutputTable, at: datetime) -> Procedure:
    charge, head = _charge(job, one)
    meter = next((instrument for instrument in job.instruments if isinstance(instrument, KvpMeter)), None)
    setting = Setting(one.kv, one.ma, one.filter, one.applicator)
    ramp_s, start = float(job.certificate["ramp_s"]), job.certificate["timer_start"]
    return end_effect_procedure(
        setting, charge, head, REPRODUCIBLE, TIMER_STEP_S, ramp_s, meter, "typed", at, start, SHIPPED
    )


def _linearity(job: JobTable, one: OutputTable, at: datetime) -> Procedure:
    charge, head = _charge(job, one)
    in_date(at, charge.electrometer)
    return linearity_procedure(Setting(one.kv, one.ma, one.filter, one.applicator), charge, head)


FURTHER: Final[Mapping[str, Callable[[JobTable, OutputTable, datetime], Procedure]]] = {
    "warm": _warm,
    "timer": _timer,
    "linearity": _linearity,
    "interrupt": _interrupt,
}
"""What is measured beside an output, with the job file's own numbers; named like interrupt-OUTPUT."""


def _of_timer(session: Session) -> Given:
    found = timing(session)
    return Given({"dt_s": round(found.dt_s, 5)}, {"u_dt_s": round(found.u_dt_s, 5)})


def _of_linearity(session: Session) -> Given:
    return Given({}, {"ma_steps": linear(session).part()})


BESIDE: Final[Mapping[str, Callable[[Session], Given]]] = {"timer": _of_timer, "linearity": _of_linearity}
"""What the draft takes of finished sessions beside the output's: end effect with its uncertainty, and linearity in mA."""


def draft(
    job: JobTable, done: Mapping[str, Done], last: Mapping[Key, float], program: Program, at: datetime
) -> dict[str, Any]:
    """The document. ValueError: an output has no finished session, or its readings may not be used."""
    missing = [one.name for one in job.outputs if one.name not in done]
    if missing:
        raise ValueError(f"{', '.join(missing)} was not measured; do that first")
    instruments: dict[str, Base] = {one.id: one for one in job.instruments}
    return {
        "schema": 2, "basis": "measured", "software_version": program.version, "software_sha256": program.sha256,
        "effective_at": at.replace(microsecond=0), **job.certificate,
        "instruments": [_plain(one.model_dump(exclude_none=True)) for one in job.instruments],
        "combinations": [_combination(one, done[one.name], last, instruments) for one in job.outputs],
    }  # fmt: skip


def _combination(
    one: OutputTable, done: Done, last: Mapping[Key, float], instruments: Mapping[str, Base]
) -> dict[str, Any]:
    measured = {
        "derived": False, "by": done.by, **one.measured, **measured_part(done.session), "u_pct_k2": PLACEHOLDER_PCT,
        "last_r0_mgy_per_s": last.get((one.kv, one.ma, one.filter, one.applicator), 0.0),
    }  # fmt: skip
    facts = dict(one.combination)
    for given in done.given.values():
        facts |= given.combination
        measured |= given.measured
    try:
        found = output(
            MeasuredTable.model_validate(measured), instruments, one.kv, facts["dt_s"], facts["effective_ssd_mm"]
        )
    except ValueError as error:
        raise ValueError(f"{one.name}: {error}") from error
    measured["u_pct_k2"] = found.budget.u_pct_k2
    if not measured["rejected"]:
        del measured["rejected"]
    return {
        "kv": one.kv, "ma": one.ma, "filter": one.filter, "applicator": one.applicator, "r0_mgy_per_s": found.r0_mgy_per_s, **facts,
        "kv_read": done.kv_read, "ma_read": done.ma_read, "measured": measured,
    }  # fmt: skip


def beside_last(document: Mapping[str, Any], last: Mapping[Key, float], supersedes: str) -> tuple[str, ...]:
    """Each R0 of a draft beside that of the certificate before, in words."""
    words = [
        f"draft {document['id']}, version {document['version']}, effective {stamp(document['effective_at'])}, supersedes {supersedes or 'none'}"
    ]
    for c in document["combinations"]:
        key = (c["kv"], c["ma"], c["filter"], c["applicator"])
        was, r0 = last.get(key), c["r0_mgy_per_s"]
        change = "none before" if was is None else f"was {was:.3f}, {100.0 * (r0 / was - 1.0):+.2f} %"
        u_pct = c["measured"]["u_pct_k2"]
        words.append(
            f"{key[0]:g} kV, {key[1]:g} mA, {key[2]}, {key[3]}: {r0:.3f} mGy/s, u {u_pct:.2f} % (k = 2); {change}"
        )
    return tuple(words)


def _plain(value: Any) -> Any:
    """Times to whole seconds, as a certificate holds them."""
    if isinstance(value, datetime):
        return value.replace(microsecond=0)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
