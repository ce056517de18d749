"""A certificate, a prescription, clearances and unit readings for the tests of dose and settings, with plain numbers.
It simulates nothing: each helper only fills in a struct."""

from __future__ import annotations

from typing import Any

import msgspec

from controller.prescribed import Certificate, Clearance, Combination, Prescribed, Quality
from controller.settings import RigSide, Settings, fraction_tag, make_settings, plan_tag
from hal.readings import (
    GeneratorMonitor,
    Health,
    Link,
    Readings,
    Relay,
    SwitchMode,
    Termination,
    TimerStart,
    UnitActive,
    UnitIdentity,
    UnitSlow,
    UnitState,
    UnitStatus,
)
from interlocks.words import Limits

WALL_S = 1_800_000_000.0
SOUND = Health.HT1 | Health.HT2 | Health.PRESSURE_OK | Health.TEMPERATURE_OK
K1_OPEN = int(Relay.K1_MIRROR_OPEN | Relay.K2_MIRROR_OPEN | Relay.BEAM_LAMP_OK | Relay.READY_LAMP_OK)
K1_CLOSED_HV = int(Relay.K1_COMMAND | Relay.K2_COMMAND | Relay.HV_SEEN | Relay.BEAM_LAMP_OK | Relay.READY_LAMP_OK)

LIMITS = Limits(
    kv_min=50.0,
    kv_max=100.0,
    ma_min=0.1,
    ma_max=5.0,
    rx_max_mgy=20_000.0,
    skin_max_mgy=25_000.0,
    time_min_s=3.0,
    time_max_s=900.0,
    power_max_w=500.0,
    mas_max=18_000.0,
    mas_hour_max=36_000.0,
)
RIG = RigSide(
    full_scale_kv=100.0,
    full_scale_ma=5.0,
    kv_counts_full_scale=4095,
    ma_counts_full_scale=4095,
    lease_ms=200,
    t2_s=0.35,
    switch_mode=SwitchMode.ONCE,
)


def combination(**changes: Any) -> Combination:
    """69.5 kV, 1.6 mA, F2, A20; 55 mGy/s, 20 and 19.6 uGy a count, no leakage, g a straight line."""
    c = Combination(
        kv=69.5,
        ma=1.6,
        filter_id="F2",
        filter_code=0xF2,
        applicator_id="A20",
        applicator_code=0x35,
        r0_mgy_per_s=55.0,
        dt_s=-0.145,
        tail_mgy=1.5383,
        n1_mgy_per_count=0.02,
        n2_mgy_per_count=0.0196,
        leak1_cps=0.0,
        leak2_cps=0.0,
        g_kv=((10.0, 0.1), (40.0, 0.5), (60.0, 0.8), (69.5, 1.0), (75.0, 1.2)),
        pdd=((0.0, 100.0), (3.0, 85.0), (4.0, 79.0), (5.0, 74.0)),
        effective_ssd_mm=60.0,
        max_skin_mgy=25_000.0,
        max_time_s=600.0,
    )
    return msgspec.structs.replace(c, **changes)


def certificate(c: Combination | None = None, **changes: Any) -> Certificate:
    """In force for a year around WALL_S; channel 1 ends."""
    return msgspec.structs.replace(
        Certificate(
            id="C1",
            sha256=b"c" * 32,
            tube_serial="T1",
            machine_serial="M1",
            software_version="0.1.0",
            effective_wall_s=WALL_S - 1e6,
            expires_wall_s=WALL_S + 1e6,
            termination=Termination.MONITOR,
            timer_start=TimerStart.HV_SEEN,
            capacitance_nf=1.0,
            off_latency_s=0.012,
            press_to_hv_s=0.06,
            ramp_s=0.25,
            filament_limit_counts=2866,
            filament_preheat_counts=2375,
            vented_2=False,
            ref_pressure_kpa=101.325,
            ref_temperature_c=20.0,
            combinations=(c or combination(),),
        ),
        **changes,
    )


def prescribed(**changes: Any) -> Prescribed:
    """7 Gy at 3.5 mm."""
    p = Prescribed(
        prescription_id="RX1",
        version=1,
        sha256=bytes(range(32)),
        patient_id="P1",
        patient_id_2="1950-01-01",
        course_id="C1",
        lesion_id="L1",
        site="nose",
        laterality="left",
        rx_mgy=7000.0,
        depth_mm=3.5,
        fraction=1,
        fractions=6,
        min_interval_h=48.0,
        kv=69.5,
        ma=1.6,
        filter_id="F2",
        applicator_id="A20",
        gap_mm=0.0,
        cutout_factor=1.0,
        approved_by=("dr",),
    )
    return msgspec.structs.replace(p, **changes)


def clearance(p: Prescribed, **changes: Any) -> Clearance:
    """A fraction of which nothing has been given."""
    return msgspec.structs.replace(
        Clearance(
            query_seq=1,
            fraction_tag=fraction_tag(p),
            refused="",
            open=False,
            token=0,
            segments=0,
            resumes=0,
            trips=0,
            delivered_mgy=0.0,
            low_mgy=0.0,
            high_mgy=0.0,
            beam_s=0.0,
            quality=Quality.GOOD,
            last_end_wall_s=0.0,
            same_day=True,
            day_check_until_wall_s=WALL_S + 1e4,
            wall_s=WALL_S,
        ),
        **changes,
    )


def status(at_s: float, **changes: Any) -> UnitStatus:
    """The unit idle, everything sound, counters at 0; its clock follows `at_s`."""
    base = UnitStatus(
        asked_at_s=at_s,
        scan=int(at_s * 1000),
        host_seq_echo=1,
        challenge=1,
        state=UnitState.IDLE,
        first_cause=0,
        boot_count=1,
        contacts_a=0,
        contacts_b=0,
        relays=K1_OPEN,
        applicator_a=0x35,
        applicator_b=0x35,
        filter_a=0xF2,
        filter_b=0xF2,
        beam_ms=0,
        counts_1=0,
        counts_2=0,
        sample_us=round(at_s * 1e6) & 0xFFFF_FFFF,
        health=int(SOUND),
        lease_left_ms=0,
        token=0,
        active_crc=0,
        press_count=0,
    )
    return msgspec.structs.replace(base, **changes)


def slow(at_s: float, **changes: Any) -> UnitSlow:
    """Slow readings at the reference conditions."""
    base = UnitSlow(
        asked_at_s=at_s,
        scan=int(at_s * 1000),
        k1_ms=0,
        run_count=0,
        causes_all=0,
        last_token=0,
        rate_1=0,
        rate_2=0,
        pressure_kpa=101.325,
        temperature_c=20.0,
        lamp_ma=0,
        kv_monitor=None,
        ma_monitor=None,
        tests_passed=0x3F,
        renewals_not_held=0,
        uptime_s=10,
        fraction_tag=0,
        plan_tag=0,
        latch_code=0,
        arm_left_s=0,
    )
    return msgspec.structs.replace(base, **changes)


def identity(**changes: Any) -> UnitIdentity:
    """Caps of 1200 s and ten million counts."""
    base = UnitIdentity(
        asked_at_s=0.0,
        serial="U1",
        firmware="1",
        capabilities=15,
        hard_cap_s=1200,
        hard_cap_counts=10_000_000,
        lease_min_ms=20,
        lease_max_ms=500,
        mismatch="",
    )
    return msgspec.structs.replace(base, **changes)


LINK = Link(last_good_s=0.0, lost=False)


def readings(
    at_s: float, unit: UnitStatus | None = None, monitor: GeneratorMonitor | None = None, **changes: Any
) -> Readings:
    """A snapshot with the unit and, where given, one monitor sample."""
    return Readings(now_s=at_s, unit_link=LINK, generator_link=LINK, unit=unit, monitor=monitor, **changes)


def at_rest(at_s: float = 100.0, unit: UnitStatus | None = None, **changes: Any) -> Readings:
    """What settings are made from: status, slow readings, identity."""
    parts: dict[str, Any] = {"slow": slow(at_s), "unit_identity": identity()} | changes
    return readings(at_s, unit or status(at_s), **parts)


def made(p: Prescribed | None = None, cert: Certificate | None = None, **changes: Any) -> Settings:
    """Settings that must come out."""
    p = p or prescribed()
    result = make_settings(
        p,
        cert or certificate(),
        changes.get("clearance", clearance(p)),
        changes.get("limits", LIMITS),
        changes.get("readings", at_rest()),
        changes.get("rig", RIG),
        changes.get("wall_s", WALL_S),
    )
    assert isinstance(result, Settings), result
    return result


def retained(
    p: Prescribed, first: Settings, at_s: float, token: int, beam_ms: int, counts_1: int, counts_2: int, k1_ms: int = 0
) -> Readings:
    """The unit with one exposure retained and the limits of `first` active."""
    unit = status(at_s, state=UnitState.ENDED, token=token, beam_ms=beam_ms, counts_1=counts_1, counts_2=counts_2)
    return at_rest(
        at_s,
        unit,
        slow=slow(at_s, fraction_tag=fraction_tag(p), plan_tag=plan_tag(p), k1_ms=k1_ms or beam_ms + 60),
        active=UnitActive(at_s, first.plan.staging, first.plan.staging_crc, True),
    )
