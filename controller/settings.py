"""What will be delivered, worked out once from prescription, certificate and records, as device integers that are read back, hashed and confirmed.
It sends nothing and asks nobody; why something is refused stands in controller/refusals.py."""

from __future__ import annotations

import math
import zlib
from types import MappingProxyType
from typing import Final

import msgspec

from controller.channels import air_factor
from controller.conversion import Converted, converted
from controller.prescribed import Certificate, Clearance, Combination, Prescribed, Quality
from controller.presets import (
    ARM_WINDOW_S,
    LAYOUT,
    NO_DOSE_MS,
    START_WINDOW_MS,
    Presets,
    Task,
    discharge_s,
    presets,
)
from controller.refusals import (
    Refusal,
    RigSide,
    UnitSide,
    bounds,
    charge,
    cold_side,
    firmware,
    machine,
    not_finite,
    paper,
    parts,
    retained,
    unit_side,
)
from controller.tags import fraction_tag, plan_tag
from hal.commands import Plan
from hal.machine import Fitted
from hal.readings import Health, Purpose, Readings, Termination, TimerStart, UnitCapability, UnitSlow
from hal.scaling import from_counts, to_counts
from interlocks.bands import BANDS
from interlocks.dose_rules import PRESSURE_KPA, TEMPERATURE_C
from interlocks.limits import ABSOLUTE, MODES, narrow
from interlocks.look import air_over_pressure
from interlocks.words import Limits, Terms

__all__ = ["Refusal", "RigSide", "Settings", "fraction_tag", "make_settings", "plan_tag"]

SLOW_FRESH_S: Final = 5.0
NO_DOSE: Final = Converted(rx_factor=1.0, d0_mgy=0.0, skin_mgy=0.0)
"""Of a dry run."""

PRIMARY_END: Final = MappingProxyType(
    {Purpose.WARMUP: Termination.TIME, Purpose.CALIBRATE: Termination.TIME, Purpose.DRY_RUN: Termination.TIME}
)
"""Purposes that end on time whatever the certificate says; the others end as certified."""


class Settings(msgspec.Struct, frozen=True):
    """One segment, complete. Doses in D0 mGy; presets and limits are totals over the fraction, as the safety unit keeps them.

    `rx_factor` is F = PDD x gap x cut-out; `rest_mgy` what this segment is to give, `set_time_s` its beam time in 10 ms steps, `rounding_mgy` what
    that step leaves out; `*_before` what earlier segments gave; `silence_s` how long the beam
    may outlast this computer's last word, contactor apart; `retained_*` what the unit held when this was made.
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
    silence_s: float
    retained_beam_ms: int
    retained_counts_1: int
    retained_counts_2: int


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
        for words in not_finite(name, value)
    )
    if not_numbers:
        return not_numbers
    limits = narrow(ABSOLUTE, limits, MODES[prescribed.purpose])
    dry = prescribed.purpose is Purpose.DRY_RUN
    combination = _cold_combination(prescribed, certificate) if dry else _combination(prescribed, certificate)
    unit = unit_side(readings)
    refused = (
        *paper(prescribed, certificate, clearance, wall_s),
        *firmware(prescribed, certificate, readings),
        *(cold_side(prescribed, rig) if dry else ()),
        *(combination if isinstance(combination, tuple) else ()),
        *(unit if isinstance(unit, tuple) else ()),
    )
    if refused or isinstance(combination, tuple) or isinstance(unit, tuple):
        return refused
    conversion = NO_DOSE if dry else converted(prescribed, combination)
    end = PRIMARY_END.get(prescribed.purpose, certificate.termination)
    k_tp = _k_tp(certificate, unit, readings.now_s, rig.fitted)
    refused = (
        *(conversion if isinstance(conversion, tuple) else ()),
        *((k_tp,) if isinstance(k_tp, str) else ()),
        *(() if isinstance(k_tp, str) else retained(prescribed, combination, clearance, unit, k_tp, rig.fitted)),
        *parts(certificate, combination, end, rig, BANDS[prescribed.purpose]),
        *machine(prescribed, combination, limits, rig, unit),
    )
    if refused or isinstance(conversion, tuple) or isinstance(k_tp, str):
        return refused
    task = _task(prescribed, certificate, clearance, unit, rig, conversion, k_tp)
    numbers = presets(task, certificate, combination)
    refused = (
        *bounds(certificate, combination, limits, unit, conversion, task, numbers),
        *charge(prescribed, clearance, limits, numbers),
    )
    if refused:
        return refused
    return _settings(prescribed, certificate, combination, clearance, unit, rig, conversion, task, numbers)


def _task(
    p: Prescribed,
    certificate: Certificate,
    clearance: Clearance,
    unit: UnitSide,
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
        bands=BANDS[p.purpose],
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


def _cold_combination(p: Prescribed, certificate: Certificate) -> Combination | Refusal:
    """What a certificate says of this kV, filter and applicator, at no mA and with no dose. Its rate stays that of the least mA: by it the rules know what is
    dark."""
    place = (p.kv, p.filter_id, p.applicator_id)
    fits = [c for c in certificate.combinations if (c.kv, c.filter_id, c.applicator_id) == place]
    if fits:
        least = min(fits, key=lambda c: c.r0_mgy_per_s)
        return msgspec.structs.replace(least, ma=0.0, ma_read=0.0, dt_s=0.0, tail_mgy=0.0)
    has = "; ".join(
        sorted({f"{c.kv:g} kV, filter {c.filter_id}, applicator {c.applicator_id}" for c in certificate.combinations})
    )
    asked = f"{p.kv:g} kV, filter {p.filter_id}, applicator {p.applicator_id}"
    return (f"{asked} is in no combination of certificate {certificate.id}, which has {has}; ask for one of these",)


def _k_tp(certificate: Certificate, unit: UnitSide, now_s: float, fitted: Fitted) -> float | str:
    """k_TP of channel 2, frozen here; 1 for a sealed chamber, and where there is no chamber to correct."""
    if not certificate.vented_2 or not fitted & Fitted.CHAMBERS or not fitted & Fitted.AIR:
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


def air_at(slow: UnitSlow) -> float:
    """(273.15 + T) / p as it was read, by which the drift of k_TP is told; 0 where there is none to read."""
    air = air_over_pressure(slow)
    return air if math.isfinite(air) else 0.0


def _timer_start(p: Prescribed, certificate: Certificate) -> TimerStart:
    """Over a cold filament no chamber sees high voltage: K1 is the only event that every unit has."""
    return TimerStart.K1_CLOSED if p.purpose is Purpose.DRY_RUN else certificate.timer_start


def _start_window_ms(p: Prescribed, unit: UnitSide) -> int:
    """A unit without a monitor of kV would wait for counts that must not come."""
    unasked = p.purpose is Purpose.DRY_RUN and not unit.identity.capabilities & UnitCapability.MONITOR
    return 0 if unasked else START_WINDOW_MS


def _plan(
    p: Prescribed,
    certificate: Certificate,
    c: Combination,
    rig: RigSide,
    unit: UnitSide,
    end: Termination,
    n: Presets,
) -> Plan:
    """Device integers only. In a dry run nothing may heat the filament: not the regulator, whose limit is 0, and not the stand-by."""
    dry = p.purpose is Purpose.DRY_RUN
    staging = LAYOUT.pack(
        n.preset_ms,
        n.k1_limit_ms,
        n.count_preset_1,
        n.count_limit_2,
        rig.lease_ms,
        _start_window_ms(p, unit),
        c.applicator_code,
        c.filter_code,
        n.t2_10ms,
        n.t2d_100ms,
        int(p.purpose),
        ARM_WINDOW_S,
        0 if dry else NO_DOSE_MS,
        n.disagree_permille,
        fraction_tag(p),
        plan_tag(p),
        int(end),
        int(rig.switch_mode),
        int(_timer_start(p, certificate)),
        n.rate_per_10ms,
        n.hv_per_100ms,
    )
    return Plan(
        kv_counts=to_counts(c.kv, rig.full_scale_kv, "kV", rig.kv_counts_full_scale),
        ma_counts=to_counts(c.ma, rig.full_scale_ma, "mA", rig.ma_counts_full_scale),
        filament_limit_counts=0 if dry else certificate.filament_limit_counts,
        filament_preheat_counts=0 if dry else certificate.filament_preheat_counts,
        staging=staging,
        staging_crc=zlib.crc32(staging),
    )


def _terms(
    plan: Plan,
    p: Prescribed,
    certificate: Certificate,
    c: Combination,
    rig: RigSide,
    task: Task,
    n: Presets,
    slow: UnitSlow,
) -> Terms:
    """The same numbers for the rules, as the devices will hold them."""
    return Terms(
        plan=plan,
        digest=plan.digest(),
        kv=c.kv_read or c.kv,
        ma=c.ma_read or c.ma,
        applicator_code=c.applicator_code,
        filter_code=c.filter_code,
        purpose=p.purpose,
        termination=task.termination,
        switch_mode=rig.switch_mode,
        timer_start=_timer_start(p, certificate),
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
        air_k_per_kpa=air_at(slow),
    )


def _settings(
    p: Prescribed,
    certificate: Certificate,
    c: Combination,
    clearance: Clearance,
    unit: UnitSide,
    rig: RigSide,
    converted: Converted,
    task: Task,
    n: Presets,
) -> Settings:
    """The checked numbers, put together."""
    plan = _plan(p, certificate, c, rig, unit, task.termination, n)
    empties_s = 0.0 if p.purpose is Purpose.DRY_RUN else discharge_s(certificate, c)
    terms = _terms(plan, p, certificate, c, rig, task, n, unit.slow)
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
        kv_quantised=from_counts(plan.kv_counts, rig.full_scale_kv, rig.kv_counts_full_scale),
        ma_quantised=from_counts(plan.ma_counts, rig.full_scale_ma, rig.ma_counts_full_scale),
        k_tp=task.k_tp,
        tail_mgy=c.tail_mgy,
        press_to_hv_s=certificate.press_to_hv_s,
        discharge_s=certificate.off_latency_s + empties_s,
        lease_ms=rig.lease_ms,
        silence_s=rig.lease_ms / 1000.0 if rig.watchdog_s is None else rig.watchdog_s,
        retained_beam_ms=task.beam_ms,
        retained_counts_1=task.counts_1,
        retained_counts_2=task.counts_2,
    )
