"""Every reason why a fraction may not be delivered as asked: paper, machine, what the safety unit retains, bounds of dose and time.
It works out no setting; each reason names the value, the bound and its source, and what to do first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import msgspec

from controller.channels import BAND_MGY, BAND_PART, counted, smallest_rest_mgy, timed
from controller.conversion import Converted
from controller.prescribed import Certificate, Clearance, Combination, Prescribed
from controller.presets import Presets, Task, beyond_retained, outside
from controller.tags import fraction_tag, plan_tag
from hal.machine import ALL_FITTED, Fitted
from hal.readings import Purpose, Readings, SwitchMode, Termination, UnitActive, UnitIdentity, UnitSlow, UnitStatus
from hal.scaling import COUNTS_FULL_SCALE, from_counts, to_counts
from interlocks.bands import Bands
from interlocks.limits import check
from interlocks.words import Limits

SHORTEST_S: Final = 3.0
SHORTEST_RAMPS: Final = 10.0
"""Below 3 s or ten ramps a beam is mostly ramp."""
PROVISIONAL_FOR: Final = frozenset({Purpose.CALIBRATE, Purpose.DRY_RUN})
"""What a certificate of name-plate numbers serves: to find out the true ones."""
T2_MOST_S: Final = 0.5
QUANTISED_PART: Final = 0.005
"""A device's step may move a set-point by this part of it at most; output goes with about the square of kV."""

Refusal = tuple[str, ...]
"""Every reason at once, in words for people."""


class RigSide(msgspec.Struct, frozen=True):
    """What the configuration of the rig brings: full scales, the lease, t2 (from off to verified off, s), how the beam-on switch works.

    `watchdog_s` is the fixed time of silence of a device without a lease (None: it has one), `fitted` what the rig has to ask,
    `counts_most_per_s` what its counters can take (None: anything), `not_cold` why no dry run is possible with this generator (empty: one is).
    """

    full_scale_kv: float
    full_scale_ma: float
    kv_counts_full_scale: int
    ma_counts_full_scale: int
    lease_ms: int
    t2_s: float
    switch_mode: SwitchMode
    watchdog_s: float | None = None
    fitted: Fitted = ALL_FITTED
    counts_most_per_s: float | None = None
    not_cold: str = "nobody said whether its filament can be kept cold"


class UnitSide(msgspec.Struct, frozen=True):
    """The safety unit's readings, all there."""

    status: UnitStatus
    slow: UnitSlow
    identity: UnitIdentity
    active: UnitActive | None


def not_finite(name: str, value: object) -> Iterator[str]:
    """Every number under `value` that is NaN or infinite, by its path."""
    if isinstance(value, float):
        if not math.isfinite(value):
            yield f"{name} is {value}, not a number; correct the file that it comes from"
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from not_finite(f"{name}.{field}", getattr(value, field))
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from not_finite(f"{name}[{i}]", item)


def paper(prescribed: Prescribed, certificate: Certificate, clearance: Clearance, wall_s: float) -> Iterator[str]:
    """Records, approval and the certificate's dates."""
    if clearance.refused:
        yield clearance.refused
    if len(prescribed.sha256) != 32:
        yield "the prescription carries no SHA-256 of its file; load it from a file"
    if clearance.fraction_tag != fraction_tag(prescribed):
        yield "the records answered for another fraction; load the prescription again"
    if prescribed.purpose is Purpose.TREAT and not wall_s < clearance.day_check_until_wall_s:
        yield "the records say of no daily check that is in force; make the daily check first (kerma daily)"
    if not prescribed.approved_by and prescribed.purpose is Purpose.TREAT:
        yield "the prescription names no approver; have it approved first"
    if certificate.provisional and prescribed.purpose not in PROVISIONAL_FOR:
        yield (
            f"certificate {certificate.id} is provisional: its numbers are of a name plate, and nobody measured them; "
            f"{prescribed.purpose.name} needs a signed one: calibrate first"
        )
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


def firmware(prescribed: Prescribed, certificate: Certificate, readings: Readings) -> Iterator[str]:
    """Whether the devices run what the certificate was measured with: end effect and tail belong to it. A calibration may be made with any."""
    if prescribed.purpose not in (Purpose.TREAT, Purpose.DAILY):
        return
    for what, stated, identity in (
        ("safety unit", certificate.safety_unit_fw, readings.unit_identity),
        ("generator", certificate.generator_fw, readings.generator_identity),
    ):
        says = identity.firmware if identity is not None else "nothing"
        if stated and says != stated:
            yield (
                f"the {what}'s firmware is {says}, and certificate {certificate.id} was measured with {stated}; "
                "calibrate, and sign a new certificate first"
            )


def unit_side(readings: Readings) -> UnitSide | Refusal:
    """The unit's three readings together, or what is missing."""
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
    return UnitSide(readings.unit, readings.slow, readings.unit_identity, readings.active)


def retained(
    p: Prescribed, c: Combination, clearance: Clearance, unit: UnitSide, k_tp: float, fitted: Fitted = ALL_FITTED
) -> Iterator[str]:
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
        yield from _same_dose(c, clearance, status, k_tp, fitted)


def _same_dose(c: Combination, clearance: Clearance, status: UnitStatus, k_tp: float, fitted: Fitted) -> Iterator[str]:
    """Records that are behind the unit's counters would let the rest be given twice."""
    beam_s = status.beam_ms / 1000.0
    d1 = counted(status.counts_1, beam_s, c.n1_mgy_per_count, c.leak1_cps, 1.0)
    d2 = counted(status.counts_2, beam_s, c.n2_mgy_per_count, c.leak2_cps, k_tp)
    most = max(d1, d2) if fitted & Fitted.CHAMBERS else timed(c.r0_mgy_per_s, beam_s, clearance.segments * c.dt_s)
    band = max(BAND_PART * most, BAND_MGY)
    if not clearance.low_mgy - band <= most <= clearance.high_mgy + band:
        yield (
            f"the safety unit counted {most:.1f} mGy in this fraction, the records hold {clearance.low_mgy:.1f} to "
            f"{clearance.high_mgy:.1f} mGy (bound: max of 3 % and 2 cGy apart); reconcile first (physicist)"
        )


def parts(certificate: Certificate, c: Combination, end: Termination, rig: RigSide, bands: Bands) -> Iterator[str]:
    """What the certificate stands on and this rig does not have."""
    fitted, most = rig.fitted, rig.counts_most_per_s
    fastest = bands.rate_high * c.r0_mgy_per_s / min(c.n1_mgy_per_count, c.n2_mgy_per_count)
    if most is not None and fitted & Fitted.CHAMBERS and fastest > most:
        yield (
            f"at {bands.rate_high:g} x R0 a chamber gives {fastest:.0f} counts/s, above {most:.0f}, the most that the safety unit counts; "
            "set the converters lower, and certify anew"
        )
    if end is Termination.MONITOR and not fitted & Fitted.CHAMBERS:
        yield (
            f"certificate {certificate.id} ends the beam by channel 1, and this rig has no chambers; "
            "use one with termination = time"
        )
    if certificate.vented_2 and fitted & Fitted.CHAMBERS and not fitted & Fitted.AIR:
        yield (
            f"certificate {certificate.id} has a vented chamber 2, and this rig has no barometer and no thermometer; "
            "fit a sealed chamber, and certify it"
        )


def cold_side(p: Prescribed, rig: RigSide) -> Iterator[str]:
    """Why this is no dry run, or none on this rig: mA, a dose, a filament that nobody can prove cold, a unit that could not see that it is lit."""
    if p.ma != 0.0:
        yield f"DRY_RUN is high voltage over a cold filament: mA {p.ma:g} is not 0; ask for mA 0, or for a beam under its own purpose"
    for name, value in (("dose", p.rx_mgy), ("depth", p.depth_mm), ("gap", p.gap_mm)):
        if value != 0.0:
            yield f"DRY_RUN gives no dose: {name} {value:g} is not 0; ask for 0"
    if rig.not_cold:
        yield f"no DRY_RUN with this generator: {rig.not_cold}; measure the offset of mA by the maker's program, and type it"
    if rig.watchdog_s is not None or not rig.fitted & Fitted.CHAMBERS:
        yield "DRY_RUN needs a safety unit of its own with two chambers, which end it when they count; this rig has none"


def machine(p: Prescribed, c: Combination, limits: Limits, rig: RigSide, unit: UnitSide) -> Iterator[str]:
    """What limits, generator and certificate say of the combination and the dose."""
    least_ma = 0.0 if p.purpose is Purpose.DRY_RUN else limits.ma_min
    for name, value, low, high, source in (
        ("kV", p.kv, limits.kv_min, limits.kv_max, "limits"),
        ("mA", p.ma, least_ma, limits.ma_max, "limits"),
        ("kV", p.kv, 0.0, rig.full_scale_kv, "the generator's full scale"),
        ("mA", p.ma, 0.0, rig.full_scale_ma, "the generator's full scale"),
        ("power (W)", p.kv * p.ma, 0.0, limits.power_max_w, "limits"),
        ("prescribed dose (mGy)", p.rx_mgy, 0.0, limits.rx_max_mgy, "limits"),
        ("lease (ms)", rig.lease_ms, unit.identity.lease_min_ms, unit.identity.lease_max_ms, "the safety unit"),
        ("t2 (s)", rig.t2_s, 0.01, T2_MOST_S, "controller/settings.py"),
    ):
        if not low <= value <= high:
            yield f"{name} {value:g} is outside {low:g} to {high:g} ({source}); prescribe or configure within it"
    for name, value, full_scale, counts_full_scale in (
        ("kV", p.kv, rig.full_scale_kv, rig.kv_counts_full_scale),
        ("mA", p.ma, rig.full_scale_ma, rig.ma_counts_full_scale),
    ):
        if 0.0 <= value <= full_scale:
            nearest = from_counts(to_counts(value, full_scale, name, counts_full_scale), full_scale, counts_full_scale)
            if abs(nearest - value) > QUANTISED_PART * value:
                yield (
                    f"{name} {value:g} cannot be set on this generator, its nearest is {nearest:g} "
                    f"(bound {100.0 * QUANTISED_PART:g} %); prescribe what it can be set to"
                )
    for name, value in (
        ("r0_mgy_per_s", c.r0_mgy_per_s),
        ("n1_mgy_per_count", c.n1_mgy_per_count),
        ("n2_mgy_per_count", c.n2_mgy_per_count),
        ("effective_ssd_mm", c.effective_ssd_mm),
    ):
        if value <= 0.0:
            yield f"{name} {value:g} is not above 0 (certificate); have it corrected and signed again"


def bounds(
    certificate: Certificate,
    c: Combination,
    limits: Limits,
    unit: UnitSide,
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


def charge(p: Prescribed, clearance: Clearance, limits: Limits, n: Presets) -> Iterator[str]:
    """Every bound on the tube's charge, of this exposure and of the hour with it; what was asked for counts whole."""
    mas = p.ma * n.set_ms / 1000.0
    yield from check(limits, {"mas": mas, "mas_hour": clearance.hour_mas + mas}, f"limits of {p.purpose.name}")
