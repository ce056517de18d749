"""Which guided procedure stands behind each name of a job file, planned with the instruments and settings that stand there and with sessions that are finished.
It reads no session's file: whoever asks says which ones are finished; what they come to for the certificate is calibration/draft.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from calibration.belongs import APART_DAYS
from calibration.equipment import Barometer, Chamber, Electrometer, HvlSet, KvpMeter, MaMeter, QaDevice, stamp
from calibration.geometry import misplaced, too_large
from calibration.given import LATER, Known, beside, facts_of, key_of, lacking, second_of, worked
from calibration.job import JobTable, OutputTable
from calibration.job_parts import FittedJob, ScaleJob, ServiceJob
from calibration.procedures.applicator import applicator_procedure
from calibration.procedures.audit import audit_procedure
from calibration.procedures.conditioning import conditioning_procedure
from calibration.procedures.dark import dark_procedure
from calibration.procedures.end_effect import end_effect_procedure
from calibration.procedures.hvl import hvl_procedure
from calibration.procedures.interrupt import interrupt_procedure
from calibration.procedures.kv_dependence import kv_dependence_procedure
from calibration.procedures.linearity import linearity_procedure
from calibration.procedures.ma_offset import MaOffset, ma_offset, ma_offset_procedure, per_kv
from calibration.procedures.monitor import Vents, monitor_procedure
from calibration.procedures.output import OF_CERTIFICATE, OF_NAME_PLATE, Beam, output_procedure
from calibration.procedures.parts import LEAK_S, SHIPPED, Charge, Setting, charges, in_date, mean
from calibration.procedures.scales import kv_scale_procedure, ma_scale_procedure
from calibration.procedures.step import Procedure
from calibration.procedures.survey import focal_spot_procedure, leakage_survey_procedure
from calibration.procedures.tail import tail_procedure
from calibration.procedures.warm import warm_procedure
from hal.errors import ConfigurationError

OFFSET: Final = "offset"
OF_ITS_FIRMWARE: Final = ("timer", "tail")
USUAL_START: Final = "hv_seen"
WARM_S: Final = 20.0
INTERRUPTED_S: Final = 20.0
REPRODUCIBLE: Final = 0.0005
"""k = 1, of one reading of a chamber, as E7 has it; where the readings scatter more, that counts."""
TIMER_STEP_S: Final = 0.01
"""Of the safety unit's timer."""


@dataclass(frozen=True)
class Planned:
    """A procedure, how long an electrometer integrates where it reads without beam, and of which machine a session of it is."""

    procedure: Procedure
    dark_s: float = LEAK_S
    of: str = ""


def offered(job: JobTable, name: str, at: datetime, known: Known) -> Planned:
    """What is measured under this name. ConfigurationError or ValueError: nothing is, or not now."""
    return replace(_offered(job, name, at, known), of=whose(job, name))


def whose(job: JobTable, name: str) -> str:
    """Of which machine a session of this name is: a tube that is exchanged takes its sessions with it (hazards A2 and G24).

    End effect and tail hold for one ramp, timer start and firmware; a change of any voids their sessions (hazard A7). The timer start is in every set time; a
    session that names none is of the usual one."""
    head = job.certificate
    start = "" if head["timer_start"] == USUAL_START else f", timer from {head['timer_start']}"
    said = f"tube {head['tube_serial']}, machine {head['machine_serial']}{start}"
    if name.partition("-")[0] not in OF_ITS_FIRMWARE:
        return said
    return f"{said}, unit {head.get('safety_unit_fw', '')}, generator {head.get('generator_fw', '')}, ramp {head.get('ramp_profile', '')}"


def _offered(job: JobTable, name: str, at: datetime, known: Known) -> Planned:
    kind, _, of = name.partition("-")
    if kind in BESIDE and of:
        one = job.output(of)
        return Planned(BESIDE[kind](job, one, at, known), one.seconds if kind == "second" else LEAK_S)
    if kind == "scale" and of:
        return Planned(_scale(job, _named(job.scales, of, "scale"), at, known))
    if kind == "fitted" and of:
        return Planned(_fitted(job, _named(job.fitted, of, "fitted applicator"), at))
    if name == OFFSET:
        return Planned(_offset(job, at))
    if name in SERVICE:
        section = getattr(job, name)
        if section is None:
            raise ConfigurationError(f"{name}: is no section of the job file; first: write [{name}]")
        return Planned(SERVICE[name](job, section, at))
    output = job.output(name)
    return Planned(procedure_of(job, output, at), output.seconds)


def names(job: JobTable) -> tuple[str, ...]:
    """Everything that may be measured, in the order in which one follows from the other."""
    first = [name for name in (OFFSET, *SERVICE) if getattr(job, name) is not None]
    scales = [f"scale-{one.name}" for one in job.scales]
    beside: list[str] = []
    for one in job.outputs:
        wanted = {
            "hvl": one.hvl,
            "monitor": one.monitor,
            "dependence": one.dependence,
            "second": one.second,
            "audit": one.audit,
        }
        kinds = [kind for kind in BESIDE if wanted.get(kind, True) not in (False, None)]
        beside += [f"{kind}-{one.name}" for kind in kinds if kind not in LATER]
        beside += [one.name, *(f"{kind}-{one.name}" for kind in kinds if kind in LATER)]
    return (*first, *scales, *beside, *(f"fitted-{one.name}" for one in job.fitted))


def _named(rows: list[Any], name: str, what: str) -> Any:
    found = next((one for one in rows if one.name == name), None)
    if found is None:
        raise ConfigurationError(f"{name}: is no {what} of the job file; first: write it there")
    return found


# --- the output and what stands beside it ----------------------------------------------------------------------------------------------------


def procedure_of(job: JobTable, one: OutputTable, at: datetime) -> Procedure:
    """The guided procedure of an output. ValueError or ConfigurationError: an instrument may not be used, or is not there."""
    chamber = job.instrument(Chamber, str(one.measured["chamber"]))
    electrometer = job.instrument(Electrometer, str(one.measured["electrometer"]))
    job.instrument(Barometer, str(one.measured["barometer"]))
    _stop(misplaced(job, one))
    within = OF_CERTIFICATE if job.certificate["supersedes"] else OF_NAME_PLATE
    beam = Beam(
        one.kv, one.ma, one.filter, one.applicator, one.seconds, one.most_nc, float(one.measured["chamber_ref_to_focus_mm"]), one.expected_nc, within,
        one.kpa_recorded,
    )  # fmt: skip
    known = [other for other in job.instruments if other.id not in (chamber.id, electrometer.id)]
    return output_procedure(beam, chamber, electrometer, one.low_v, one.source, at, known)


def _second(job: JobTable, one: OutputTable, at: datetime, _known: Known) -> Procedure:
    """The same output with the other chamber; what it comes to is held against the first (hazard A5)."""
    return procedure_of(job, second_of(one), at)


def _setting(one: OutputTable) -> Setting:
    return Setting(one.kv, one.ma, one.filter, one.applicator)


def _charge(job: JobTable, one: OutputTable) -> tuple[Charge, str]:
    """The chamber's charge as for the output, and where the chamber is."""
    electrometer = job.instrument(Electrometer, str(one.measured["electrometer"]))
    chamber = job.instrument(Chamber, str(one.measured["chamber"]))
    head = f"{one.measured['chamber']} as for the output, on {electrometer.id} ({electrometer.serial})"
    return Charge(electrometer, one.most_nc, one.source, chamber.vented), head


def _warm(_job: JobTable, one: OutputTable, _at: datetime, _known: Known) -> Procedure:
    return warm_procedure(_setting(one), max(WARM_S, one.seconds))


def _dark(_job: JobTable, one: OutputTable, _at: datetime, _known: Known) -> Procedure:
    return dark_procedure(_setting(one))


def _timer(job: JobTable, one: OutputTable, at: datetime, _known: Known) -> Procedure:
    charge, head = _charge(job, one)
    meter = _radiation_timer(job, one)
    ramp_s, start = float(job.certificate["ramp_s"]), job.certificate["timer_start"]
    return end_effect_procedure(
        _setting(one), charge, head, REPRODUCIBLE, TIMER_STEP_S, ramp_s, meter, "typed", at, start, SHIPPED
    )


def _radiation_timer(job: JobTable, one: OutputTable) -> KvpMeter | None:
    """The meter that shows the time of radiation: as named, or the only meter of kV that there is."""
    if one.timer_meter is not None:
        return job.instrument(KvpMeter, one.timer_meter)
    found = [instrument for instrument in job.instruments if isinstance(instrument, KvpMeter)]
    if len(found) > 1:
        raise ConfigurationError(
            f"{one.name}: {', '.join(each.id for each in found)} are meters of kV; first: write as outputs.timer_meter which one shows the time of radiation"
        )
    return found[0] if found else None


def _linearity(job: JobTable, one: OutputTable, at: datetime, _known: Known) -> Procedure:
    charge, head = _charge(job, one)
    in_date(at, charge.electrometer)
    return linearity_procedure(_setting(one), charge, head)


def _interrupt(job: JobTable, one: OutputTable, at: datetime, known: Known) -> Procedure:
    charge, head = _charge(job, one)
    in_date(at, charge.electrometer)
    facts, _ = facts_of(one, beside(one, known))
    lacking(one, facts, "dt_s")
    return interrupt_procedure(_setting(one), charge, head, max(INTERRUPTED_S, one.seconds), float(facts["dt_s"]))


def _hvl(job: JobTable, one: OutputTable, at: datetime, _known: Known) -> Procedure:
    section = _section(one, "hvl")
    charge, _ = _charge(job, one)
    return hvl_procedure(
        Setting(one.kv, one.ma, one.filter, section.applicator), job.applicator(section.applicator), job.instrument(HvlSet, section.sheets),
        section.stack_mm, replace(charge, most_nc=section.most_nc), section.chamber_mm, section.aperture_mm, section.expected_mm, at,
    )  # fmt: skip


def _dependence(job: JobTable, one: OutputTable, at: datetime, known: Known) -> Procedure:
    charge, head = _charge(job, one)
    in_date(at, charge.electrometer)
    section = _section(one, "dependence")
    typed = section.offset_ma_per_kv
    if typed is not None and job.offset is not None:
        raise ValueError(
            f"outputs.dependence.offset_ma_per_kv: typed beside [{OFFSET}]; take it out of the job file, measured is measured"
        )
    a_kv = typed if typed is not None else per_kv(found_offset(job, f"dependence-{one.name}", at, known))
    return kv_dependence_procedure(_setting(one), charge, head, a_kv, section.parts)


def _tail(job: JobTable, one: OutputTable, _at: datetime, known: Known) -> Procedure:
    """Of the exposures' own counts: a part of them came after the end, and what all of them gave the reference chamber has measured."""
    session = known.finished(one.name)
    if session is None:
        raise ValueError(f"{one.name} was not measured; what a tail gives comes of its output: do that first")
    given = beside(one, known)
    found, (facts, _) = worked(job, one, session, given), facts_of(one, given)
    lacking(one, facts, "dt_s", "leak1_cps", "leak2_cps")
    leaks = float(facts["leak1_cps"]), float(facts["leak2_cps"])
    return tail_procedure(_setting(one), found.r0_mgy_per_s, float(facts["dt_s"]), leaks, known.tick_s, SHIPPED)


def _monitor(job: JobTable, one: OutputTable, at: datetime, known: Known) -> Procedure:
    section = _section(one, "monitor")
    session = known.finished(one.name)
    if session is None:
        raise ValueError(f"{one.name} was not measured; what a count is worth comes of its output: do that first")
    charge, head = _charge(job, one)
    found, given = worked(job, one, session, beside(one, known)), beside(one, known)
    facts, _ = facts_of(one, given)
    lacking(one, facts, "leak1_cps", "leak2_cps")
    mgy_per_nc = found.r0_mgy_per_s * (one.seconds + facts["dt_s"]) / mean(charges(session, "readings"))
    head_of = job.certificate
    vents = Vents(False, head_of["vented_2"], float(head_of["ref_temperature_c"]), float(head_of["ref_pressure_kpa"]))
    return monitor_procedure(
        _setting(one), charge, head, one.seconds, mgy_per_nc, vents, section.supply_v, known.last_n1.get(key_of(one), 0.0), at, SHIPPED,
        job.instrument(QaDevice, section.voltmeter), (float(facts["leak1_cps"]), float(facts["leak2_cps"])),
    )  # fmt: skip


def _audit(job: JobTable, one: OutputTable, _at: datetime, known: Known) -> Procedure:
    section = _section(one, "audit")
    session = known.finished(one.name)
    if session is None:
        raise ValueError(f"{one.name} was not measured; an audit is of what it came to: do that first")
    given = beside(one, known)
    found = worked(job, one, session, given)
    facts, _ = facts_of(one, given)
    return audit_procedure(
        _setting(one), section.seconds, found.r0_mgy_per_s, float(facts["dt_s"]), section.by, section.capsules
    )


def _section(one: OutputTable, name: str) -> Any:
    found = getattr(one, name)
    if found is None:
        raise ConfigurationError(f"{one.name}: has no {name} in the job file; first: write outputs.{name}")
    return found


Beside = Callable[[JobTable, OutputTable, datetime, Known], Procedure]
BESIDE: Final[Mapping[str, Beside]] = {
    "dark": _dark, "warm": _warm,
    "timer": _timer, "linearity": _linearity, "interrupt": _interrupt, "hvl": _hvl, "dependence": _dependence, "tail": _tail,
    "monitor": _monitor, "second": _second, "audit": _audit,
}  # fmt: skip
"""What is measured beside an output, with the job file's own numbers; named like interrupt-OUTPUT."""


# --- what is of the machine and of no output -------------------------------------------------------------------------------------------------


def _offset(job: JobTable, at: datetime) -> Procedure:
    """At each kV at which mA will be measured or given."""
    section = job.offset
    if section is None:
        raise ConfigurationError(f"{OFFSET}: is no section of the job file; first: write [{OFFSET}]")
    kvs = {one.kv for one in job.outputs} | {one.kv for one in job.scales if one.kv is not None}
    meter = job.instrument(MaMeter, section.meter) if section.meter is not None else None
    setting = Setting(max(kvs), 0.0, section.filter, section.applicator)
    return ma_offset_procedure(tuple(kvs), setting, meter, section.source, at)


def found_offset(job: JobTable, name: str, at: datetime, known: Known) -> MaOffset:
    """The bleeder's current as the session `offset` found it; typed only in a job file without that section, which is of a generator whose filament nobody
    can keep cold. ValueError: it was not measured, not lately, or typed beside it."""
    rows, session = job.facts.ma_offset, known.finished(OFFSET) if job.offset is not None else None
    if job.offset is not None and rows:
        raise ValueError(
            f"certificate.facts.ma_offset: typed beside [{OFFSET}]; take it out of the job file, measured is measured"
        )
    if session is not None:
        last = session.last_at
        if last is None or abs(at - last) > timedelta(days=APART_DAYS):
            raise ValueError(
                f"{name}: {session.id} ended at {stamp(last) if last else 'no time'}, more than {APART_DAYS} days from it; measure {OFFSET} anew"
            )
        return ma_offset(session)
    if job.offset is not None:
        raise ValueError(f"{name}: the bleeder's current is taken off, and {OFFSET} was not measured; do that first")
    if not rows:
        raise ValueError(
            f"{name}: the bleeder's current is taken off, and nobody measured it: write [{OFFSET}] and measure {OFFSET} first; with a generator whose "
            "filament cannot be kept cold, measure it by the maker's program, and write certificate.facts.ma_offset"
        )
    return MaOffset(tuple((row.kv, row.read_back_ma, row.meter_ma) for row in rows))


def _scale(job: JobTable, one: ScaleJob, at: datetime, known: Known) -> Procedure:
    if one.unit == "kV":
        setting = Setting(one.at[0], cast(float, one.ma), one.filter, one.applicator)
        return kv_scale_procedure(tuple(one.at), setting, job.instrument(KvpMeter, one.meter), one.source, at)
    offset = found_offset(job, f"scale-{one.name}", at, known)
    setting = Setting(cast(float, one.kv), one.at[0], one.filter, one.applicator)
    return ma_scale_procedure(tuple(one.at), setting, job.instrument(MaMeter, one.meter), offset, one.source, at)


def _fitted(job: JobTable, one: FittedJob, at: datetime) -> Procedure:
    reference = job.output(one.reference)
    _stop(too_large(job, one))
    charge, head = _charge(job, reference)
    in_date(at, charge.electrometer)
    return applicator_procedure(
        _setting(reference), one.applicator, one.cutout, charge, head, reference.seconds, one.history
    )


def _as_high(job: JobTable, one: ServiceJob) -> None:
    """ValueError: a survey, or a ladder, that ends below what is measured and used later shows nothing of that (hazard G22)."""
    kv, ma = max(each.kv for each in job.outputs), max(each.ma for each in job.outputs)
    if one.kv < kv or one.ma < ma:
        raise ValueError(
            f"{one.kv:g} kV, {one.ma:g} mA: the outputs go up to {kv:g} kV, {ma:g} mA; write as much at least"
        )


def _stop(words: Iterator[str]) -> None:
    """ValueError where there are any."""
    wrong = next(words, "")
    if wrong:
        raise ValueError(wrong)


def _conditioning(job: JobTable, one: ServiceJob, at: datetime) -> Procedure:
    tube = job.facts.tube
    if tube is None:
        raise ValueError("certificate.facts.tube is missing: a ladder goes by the tube's idle time and duty; write it")
    _as_high(job, one)
    return conditioning_procedure(tube, job.applicator(one.applicator), one.filter, one.kv, one.ma, at, SHIPPED)


def _survey(job: JobTable, one: ServiceJob, at: datetime) -> Procedure:
    meter = job.instrument(QaDevice, one.instrument or "")
    if job.facts.tube is None:
        raise ValueError("certificate.facts.tube is missing: a survey's result stands in the tube's record; write it")
    _as_high(job, one)
    setting = Setting(one.kv, one.ma, one.filter, one.applicator)
    return leakage_survey_procedure(setting, job.applicator(one.applicator), meter, at, SHIPPED)


def _spot(job: JobTable, one: ServiceJob, _at: datetime) -> Procedure:
    tube = job.facts.tube
    if tube is None:
        raise ValueError("certificate.facts.tube is missing: a spot is held against the tube's own record; write it")
    film = job.instrument(QaDevice, one.instrument or "")
    return focal_spot_procedure(Setting(one.kv, one.ma, one.filter, one.applicator), film, tube.focal_spot_mm)


SERVICE: Final[Mapping[str, Callable[[JobTable, ServiceJob, datetime], Procedure]]] = {
    "conditioning": _conditioning,
    "survey": _survey,
    "spot": _spot,
}
"""Guided records of the machine, each a section of its own."""
