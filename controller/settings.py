"""What will be delivered, worked out once from prescription, certificate and records, as device integers that are read back, hashed and confirmed.
It sends nothing and asks nobody; what is out of bounds is refused with the value, the bound, its source, and what to do first."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from controller.channels import BAND_MGY, BAND_PART, air_factor, counted
from controller.conversion import Converted, converted
from controller.prescribed import Certificate, Clearance, Combination, Prescribed, Quality
from controller.presets import (
    ARM_WINDOW_S,
    LAYOUT,
    NO_DOSE_MS,
    START_WINDOW_MS,
    Presets,
    Task,
    beyond_retained,
    discharge_s,
    outside,
    presets,
)
from hal.commands import Plan
from hal.readings import (
    Health,
    Purpose,
    Readings,
    SwitchMode,
    Termination,
    UnitActive,
    UnitIdentity,
    UnitSlow,
    UnitStatus,
)
from hal.scaling import COUNTS_FULL_SCALE, from_counts, to_counts
from interlocks.words import Limits, Terms

SHORTEST_S: Final = 3.0
SHORTEST_RAMPS: Final = 10.0
"""Below 3 s or ten ramps a beam is mostly ramp."""
T2_MOST_S: Final = 0.5
REST_PART: Final = 0.01
REST_MGY: Final = 20.0
PRESSURE_KPA: Final = (60.0, 110.0)
TEMPERATURE_C: Final = (0.0, 60.0)
SLOW_FRESH_S: Final = 5.0

PRIMARY_END: Final = MappingProxyType(
    {Purpose.WARMUP: Termination.TIME, Purpose.CALIBRATE: Termination.TIME, Purpose.DRY_RUN: Termination.TIME}
)
"""Purposes that end on time whatever the certificate says; the others end as certified."""

Refusal = tuple[str, ...]


class RigSide(msgspec.Struct, frozen=True):
    """What the configuration of the rig brings: full scales, the lease, t2 (from off to verified off, s), how the beam-on switch works."""

    full_scale_kv: float
    full_scale_ma: float
    counts_full_scale: int
    lease_ms: int
    t2_s: float
    switch_mode: SwitchMode


class Settings(msgspec.Struct, frozen=True):
    """One segment, complete. Doses in D0 mGy; presets and limits are totals over the fraction, as the safety unit keeps them.

    `rx_factor` is F = PDD x gap x cut-out; `rest_mgy` what this segment is to give, `set_time_s` its beam time in 10 ms steps, `rounding_mgy` what
    that step leaves out; `*_before` what earlier segments gave; `retained_*` what the unit held when this was made.
    """

    prescribed: Prescribed
    certificate_id: str
    certificate_sha256: bytes
    combination: Combination
    plan: Plan
    digest: bytes
    terms: Terms
    fraction_tag: int
    plan_tag: int
    segment: int
    resume: bool
    token_before: int
    rx_factor: float
    d0_mgy: float
    skin_mgy: float
    rest_mgy: float
    delivered_before_mgy: float
    low_before_mgy: float
    high_before_mgy: float
    quality_before: Quality
    set_time_s: float
    rounding_mgy: float
    timer_preset_ms: int
    k1_limit_ms: int
    count_preset_1: int
    count_limit_2: int
    rate_limit_per_10ms: int
    kv_quantised: float
    ma_quantised: float
    k_tp: float
    tail_mgy: float
    press_to_hv_s: float
    discharge_s: float
    lease_ms: int
    retained_beam_ms: int
    retained_counts_1: int
    retained_counts_2: int


class _Unit(msgspec.Struct, frozen=True):
    """The safety unit's readings, all there."""

    status: UnitStatus
    slow: UnitSlow
    identity: UnitIdentity
    active: UnitActive | None


def fraction_tag(prescribed: Prescribed) -> int:
    """u64 that names one fraction of one patient's lesion: the same after a restart, whatever else the file says."""
    p = prescribed
    sums = hashlib.sha256()
    for text in (p.patient_id, p.course_id, p.lesion_id, p.prescription_id):
        raw = text.encode()
        sums.update(struct.pack(">I", len(raw)) + raw)
    sums.update(struct.pack(">I", p.fraction))
    return int.from_bytes(sums.digest()[:8], "big")


def plan_tag(prescribed: Prescribed) -> int:
    """u64 that names the prescription file: the first 8 bytes of its SHA-256."""
    return int.from_bytes(prescribed.sha256[:8], "big")


def smallest_rest_mgy(d0_mgy: float) -> float:
    """A rest at or below this is closed, not resumed: max(1 %, 2 cGy)."""
    return max(REST_PART * d0_mgy, REST_MGY)


def make_settings(
    prescribed: Prescribed,
    certificate: Certificate,
    clearance: Clearance,
    limits: Limits,
    readings: Readings,
    rig: RigSide,
    wall_s: float,
) -> Settings | Refusal:
    """Everything that will be delivered, or every reason why not, worst known first. `readings` bring the unit's counters, caps and air."""
    not_numbers = tuple(
        words
        for name, value in (
            ("prescription", prescribed),
            ("certificate", certificate),
            ("records", clearance),
            ("limits", limits),
            ("rig", rig),
            ("wall time", wall_s),
        )
        for words in _not_finite(name, value)
    )
    if not_numbers:
        return not_numbers
    combination = _combination(prescribed, certificate)
    unit = _unit(readings)
    refused = (
        *_paper(prescribed, certificate, clearance, wall_s),
        *(combination if isinstance(combination, tuple) else ()),
        *(unit if isinstance(unit, tuple) else ()),
    )
    if refused or isinstance(combination, tuple) or isinstance(unit, tuple):
        return refused
    conversion = converted(prescribed, combination)
    k_tp = _k_tp(certificate, unit, readings.now_s)
    refused = (
        *(conversion if isinstance(conversion, tuple) else ()),
        *((k_tp,) if isinstance(k_tp, str) else ()),
        *(() if isinstance(k_tp, str) else _retained(prescribed, combination, clearance, unit, k_tp)),
        *_machine(prescribed, combination, limits, rig, unit),
    )
    if refused or isinstance(conversion, tuple) or isinstance(k_tp, str):
        return refused
    task = _task(prescribed, certificate, clearance, unit, rig, conversion, k_tp)
    numbers = presets(task, certificate, combination)
    refused = tuple(_bounds(certificate, combination, limits, unit, conversion, task, numbers))
    if refused:
        return refused
    return _settings(prescribed, certificate, combination, clearance, unit, rig, conversion, task, numbers)


def _task(
    p: Prescribed,
    certificate: Certificate,
    clearance: Clearance,
    unit: _Unit,
    rig: RigSide,
    conversion: Converted,
    k_tp: float,
) -> Task:
    """What is left of the fraction: D0 less delivered while the records' dose is GOOD, less high otherwise."""
    used = clearance.delivered_mgy if clearance.quality is Quality.GOOD else clearance.high_mgy
    return Task(
        d0_mgy=conversion.d0_mgy,
        rest_mgy=conversion.d0_mgy - (used if clearance.open else 0.0),
        starts=clearance.segments + 1 if clearance.open else 1,
        k_tp=k_tp,
        t2_s=rig.t2_s,
        termination=PRIMARY_END.get(p.purpose, certificate.termination),
        beam_ms=unit.status.beam_ms,
        k1_ms=unit.slow.k1_ms,
        counts_1=unit.status.counts_1,
        counts_2=unit.status.counts_2,
    )


def _not_finite(name: str, value: object) -> Iterator[str]:
    """Every number under `value` that is NaN or infinite, by its path."""
    if isinstance(value, float):
        if not math.isfinite(value):
            yield f"{name} is {value}, not a number; correct the file that it comes from"
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from _not_finite(f"{name}.{field}", getattr(value, field))
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _not_finite(f"{name}[{i}]", item)


def _paper(prescribed: Prescribed, certificate: Certificate, clearance: Clearance, wall_s: float) -> Iterator[str]:
    if clearance.refused:
        yield clearance.refused
    if len(prescribed.sha256) != 32:
        yield "the prescription carries no SHA-256 of its file; load it from a file"
    if clearance.fraction_tag != fraction_tag(prescribed):
        yield "the records answered for another fraction; load the prescription again"
    if not prescribed.approved_by and prescribed.purpose is Purpose.TREAT:
        yield "the prescription names no approver; have it approved first"
    if wall_s < certificate.effective_wall_s:
        yield (
            f"certificate {certificate.id} takes effect {certificate.effective_wall_s - wall_s:.0f} s from now; "
            "check the clock, or use the certificate in force"
        )
    if wall_s >= certificate.expires_wall_s:
        yield (
            f"certificate {certificate.id} expired {wall_s - certificate.expires_wall_s:.0f} s ago; "
            "calibrate, and sign a new certificate first"
        )


def _combination(p: Prescribed, certificate: Certificate) -> Combination | Refusal:
    """The measured combination that equals the prescribed one exactly; nothing is interpolated between combinations."""
    fits = [c for c in certificate.combinations if (c.filter_id, c.applicator_id) == (p.filter_id, p.applicator_id)]
    for c in fits:
        if (c.kv, c.ma) == (p.kv, p.ma):
            return c
    asked = f"{p.kv:g} kV, {p.ma:g} mA, filter {p.filter_id}, applicator {p.applicator_id}"
    known = fits or list(certificate.combinations)
    has = "; ".join(f"{c.kv:g} kV, {c.ma:g} mA, filter {c.filter_id}, applicator {c.applicator_id}" for c in known)
    return (f"{asked} is not in certificate {certificate.id}, which has {has}; prescribe one of these",)


def _unit(readings: Readings) -> _Unit | Refusal:
    missing = [
        name
        for name, part in (
            ("status", readings.unit),
            ("slow readings", readings.slow),
            ("identity", readings.unit_identity),
        )
        if part is None
    ]
    if missing or readings.unit is None or readings.slow is None or readings.unit_identity is None:
        return (f"the safety unit's {', '.join(missing)} has not been read; wait until it answers",)
    return _Unit(readings.unit, readings.slow, readings.unit_identity, readings.active)


def _k_tp(certificate: Certificate, unit: _Unit, now_s: float) -> float | str:
    """k_TP of channel 2, frozen here; 1 for a sealed chamber."""
    if not certificate.vented_2:
        return 1.0
    slow = unit.slow
    if now_s - slow.asked_at_s > SLOW_FRESH_S:
        return f"pressure and temperature are {now_s - slow.asked_at_s:.1f} s old (bound {SLOW_FRESH_S:g} s); wait"
    sound = Health.PRESSURE_OK | Health.TEMPERATURE_OK
    if unit.status.health & sound != sound:
        return "the safety unit calls its pressure or temperature sensor unsound; service"
    for name, value, (low, high) in (
        ("air pressure (kPa)", slow.pressure_kpa, PRESSURE_KPA),
        ("chamber temperature (deg C)", slow.temperature_c, TEMPERATURE_C),
    ):
        if not low <= value <= high:
            return f"{name} {value:g} is outside {low:g} to {high:g} (controller/settings.py); check the sensor"
    return air_factor(
        slow.pressure_kpa, slow.temperature_c, certificate.ref_pressure_kpa, certificate.ref_temperature_c
    )


def _retained(p: Prescribed, c: Combination, clearance: Clearance, unit: _Unit, k_tp: float) -> Iterator[str]:
    """Whether what the unit retains is what the records say: nothing for a new fraction, this very fraction and its dose for a resume.

    The token itself may be a later one than the records' last: that of a press that gave no beam.
    """
    status, slow = unit.status, unit.slow
    if not status.token:
        if clearance.token or clearance.segments:
            yield (
                f"the records hold exposure {clearance.token} open, the safety unit retains none; close the fraction (physicist)"
            )
        elif status.beam_ms or status.counts_1 or status.counts_2:
            yield (
                f"the safety unit's counters are not at 0 ({status.beam_ms} ms, {status.counts_1} and {status.counts_2} counts) "
                "though it retains no exposure; service"
            )
        return
    if not clearance.open:
        yield f"the safety unit still retains exposure {status.token}; close that fraction first"
    elif slow.fraction_tag != fraction_tag(p):
        yield f"the safety unit retains exposure {status.token} of another fraction; close that fraction first"
    elif slow.plan_tag != plan_tag(p):
        yield "the prescription file is not the one that this fraction was started with; resume with the unchanged file"
    elif unit.active is None or not unit.active.crc_ok:
        yield "the limits of the retained exposure have not been read back; wait"
    else:
        yield from _same_dose(c, clearance, status, k_tp)


def _same_dose(c: Combination, clearance: Clearance, status: UnitStatus, k_tp: float) -> Iterator[str]:
    """Records that are behind the unit's counters would let the rest be given twice."""
    beam_s = status.beam_ms / 1000.0
    d1 = counted(status.counts_1, beam_s, c.n1_mgy_per_count, c.leak1_cps, 1.0)
    d2 = counted(status.counts_2, beam_s, c.n2_mgy_per_count, c.leak2_cps, k_tp)
    most = max(d1, d2)
    band = max(BAND_PART * most, BAND_MGY)
    if not clearance.low_mgy - band <= most <= clearance.high_mgy + band:
        yield (
            f"the safety unit counted {most:.1f} mGy in this fraction, the records hold {clearance.low_mgy:.1f} to "
            f"{clearance.high_mgy:.1f} mGy (bound: max of 3 % and 2 cGy apart); reconcile first (physicist)"
        )


def _machine(p: Prescribed, c: Combination, limits: Limits, rig: RigSide, unit: _Unit) -> Iterator[str]:
    for name, value, low, high, source in (
        ("kV", p.kv, limits.kv_min, limits.kv_max, "limits"),
        ("mA", p.ma, limits.ma_min, limits.ma_max, "limits"),
        ("kV", p.kv, 0.0, rig.full_scale_kv, "the generator's full scale"),
        ("mA", p.ma, 0.0, rig.full_scale_ma, "the generator's full scale"),
        ("power (W)", p.kv * p.ma, 0.0, limits.power_max_w, "limits"),
        ("prescribed dose (mGy)", p.rx_mgy, 0.0, limits.rx_max_mgy, "limits"),
        ("lease (ms)", rig.lease_ms, unit.identity.lease_min_ms, unit.identity.lease_max_ms, "the safety unit"),
        ("t2 (s)", rig.t2_s, 0.01, T2_MOST_S, "controller/settings.py"),
    ):
        if not low <= value <= high:
            yield f"{name} {value:g} is outside {low:g} to {high:g} ({source}); prescribe or configure within it"
    if rig.counts_full_scale != COUNTS_FULL_SCALE:
        yield f"the generator counts to {rig.counts_full_scale}, the scaling to {COUNTS_FULL_SCALE}; correct its profile"
    for name, value in (
        ("r0_mgy_per_s", c.r0_mgy_per_s),
        ("n1_mgy_per_count", c.n1_mgy_per_count),
        ("n2_mgy_per_count", c.n2_mgy_per_count),
        ("effective_ssd_mm", c.effective_ssd_mm),
    ):
        if value <= 0.0:
            yield f"{name} {value:g} is not above 0 (certificate); have it corrected and signed again"


def _bounds(
    certificate: Certificate,
    c: Combination,
    limits: Limits,
    unit: _Unit,
    converted: Converted,
    task: Task,
    n: Presets,
) -> Iterator[str]:
    """Every bound on dose, time and registers."""
    whole_s = converted.d0_mgy / c.r0_mgy_per_s - c.dt_s
    least_s = max(SHORTEST_S, SHORTEST_RAMPS * certificate.ramp_s, limits.time_min_s)
    for name, value, bound, source in (
        ("skin dose (mGy)", converted.skin_mgy, limits.skin_max_mgy, "limits"),
        ("skin dose (mGy)", converted.skin_mgy, c.max_skin_mgy, f"applicator {c.applicator_id}"),
        ("beam time (s)", whole_s, limits.time_max_s, "limits"),
        ("beam time (s)", whole_s, c.max_time_s, f"applicator {c.applicator_id}"),
    ):
        if value > bound:
            yield f"{name} {value:.1f} is above {bound:g} ({source}); prescribe less, or another combination"
    if task.starts > 1 and task.rest_mgy <= smallest_rest_mgy(task.d0_mgy):
        yield (
            f"the rest, {task.rest_mgy:.1f} mGy, is not above {smallest_rest_mgy(task.d0_mgy):.1f} mGy (max of 1 % and 2 cGy); "
            "close the fraction"
        )
    elif n.set_ms < 1000.0 * least_s:
        yield (
            f"set time {n.set_ms / 1000.0:.2f} s is below {least_s:.2f} s (3 s, ten ramps, limits); "
            + ("close the fraction" if task.starts > 1 else "choose a combination with a lower rate")
        )
    yield from outside(n, task, certificate.press_to_hv_s, unit.identity.hard_cap_s, unit.identity.hard_cap_counts)
    if unit.status.token and unit.active is not None:
        yield from beyond_retained(n, unit.active.block)
    for name, code in (("applicator", c.applicator_code), ("filter", c.filter_code)):
        if not 0 < code < 0xFF:
            yield f"{name} code {code} is outside 1 to 254 (certificate); have it corrected and signed again"
    for name, counts in (
        ("filament limit", certificate.filament_limit_counts),
        ("filament preheat", certificate.filament_preheat_counts),
    ):
        if not 0 <= counts <= COUNTS_FULL_SCALE:
            yield f"{name} {counts} counts is outside 0 to {COUNTS_FULL_SCALE} (certificate); have it corrected and signed again"


def _plan(p: Prescribed, certificate: Certificate, c: Combination, rig: RigSide, end: Termination, n: Presets) -> Plan:
    """Device integers only."""
    staging = LAYOUT.pack(
        n.preset_ms,
        n.k1_limit_ms,
        n.count_preset_1,
        n.count_limit_2,
        rig.lease_ms,
        START_WINDOW_MS,
        c.applicator_code,
        c.filter_code,
        n.t2_10ms,
        n.t2d_100ms,
        int(p.purpose),
        ARM_WINDOW_S,
        NO_DOSE_MS,
        n.disagree_permille,
        fraction_tag(p),
        plan_tag(p),
        int(end),
        int(rig.switch_mode),
        int(certificate.timer_start),
        n.rate_per_10ms,
        n.hv_per_100ms,
    )
    return Plan(
        kv_counts=to_counts(c.kv, rig.full_scale_kv, "kV"),
        ma_counts=to_counts(c.ma, rig.full_scale_ma, "mA"),
        filament_limit_counts=certificate.filament_limit_counts,
        filament_preheat_counts=certificate.filament_preheat_counts,
        staging=staging,
        staging_crc=zlib.crc32(staging),
    )


def _terms(
    plan: Plan, p: Prescribed, certificate: Certificate, c: Combination, rig: RigSide, task: Task, n: Presets
) -> Terms:
    """The same numbers for the rules, as the devices will hold them."""
    return Terms(
        plan=plan,
        digest=plan.digest(),
        kv=c.kv,
        ma=c.ma,
        applicator_code=c.applicator_code,
        filter_code=c.filter_code,
        purpose=p.purpose,
        termination=task.termination,
        switch_mode=rig.switch_mode,
        timer_start=certificate.timer_start,
        r0_mgy_per_s=c.r0_mgy_per_s,
        n1_mgy_per_count=c.n1_mgy_per_count,
        n2_mgy_per_count=c.n2_mgy_per_count,
        leak1_cps=c.leak1_cps,
        leak2_cps=c.leak2_cps,
        d0_mgy=task.d0_mgy,
        set_time_s=n.set_ms / 1000.0,
        timer_limit_s=n.preset_ms / 1000.0,
        k1_limit_s=n.k1_limit_ms / 1000.0,
        ramp_s=certificate.ramp_s,
        t2_s=n.t2_10ms / 100.0,
        t2d_s=n.t2d_100ms / 10.0,
        hv_seen_counts_per_100ms=n.hv_per_100ms,
        lease_ms=rig.lease_ms,
        k_tp=task.k_tp,
        certificate_expires_wall_s=certificate.expires_wall_s,
        vented_2=certificate.vented_2,
    )


def _settings(
    p: Prescribed,
    certificate: Certificate,
    c: Combination,
    clearance: Clearance,
    unit: _Unit,
    rig: RigSide,
    converted: Converted,
    task: Task,
    n: Presets,
) -> Settings:
    """The checked numbers, put together."""
    plan = _plan(p, certificate, c, rig, task.termination, n)
    terms = _terms(plan, p, certificate, c, rig, task, n)
    before = clearance if clearance.open else None
    return Settings(
        prescribed=p,
        certificate_id=certificate.id,
        certificate_sha256=certificate.sha256,
        combination=c,
        plan=plan,
        digest=terms.digest,
        terms=terms,
        fraction_tag=fraction_tag(p),
        plan_tag=plan_tag(p),
        segment=task.starts,
        resume=clearance.open,
        token_before=unit.status.token,
        rx_factor=converted.rx_factor,
        d0_mgy=task.d0_mgy,
        skin_mgy=converted.skin_mgy,
        rest_mgy=task.rest_mgy,
        delivered_before_mgy=before.delivered_mgy if before else 0.0,
        low_before_mgy=before.low_mgy if before else 0.0,
        high_before_mgy=before.high_mgy if before else 0.0,
        quality_before=before.quality if before else Quality.GOOD,
        set_time_s=terms.set_time_s,
        rounding_mgy=(terms.set_time_s - n.exact_s) * c.r0_mgy_per_s,
        timer_preset_ms=n.preset_ms,
        k1_limit_ms=n.k1_limit_ms,
        count_preset_1=n.count_preset_1,
        count_limit_2=n.count_limit_2,
        rate_limit_per_10ms=n.rate_per_10ms,
        kv_quantised=from_counts(plan.kv_counts, rig.full_scale_kv),
        ma_quantised=from_counts(plan.ma_counts, rig.full_scale_ma),
        k_tp=task.k_tp,
        tail_mgy=c.tail_mgy,
        press_to_hv_s=certificate.press_to_hv_s,
        discharge_s=certificate.off_latency_s + discharge_s(certificate, c),
        lease_ms=rig.lease_ms,
        retained_beam_ms=task.beam_ms,
        retained_counts_1=task.counts_1,
        retained_counts_2=task.counts_2,
    )
