"""A machine at rest, armed, pressed and in beam as plain readings, and a fake machine and clock for the gate.
It simulates nothing: each helper only fills in a struct."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgspec

from hal.commands import Command, Plan
from hal.figures import LinkFigures
from hal.machine import Capabilities, Renewal
from hal.readings import (
    GeneratorFlags,
    GeneratorIdentity,
    GeneratorMonitor,
    GeneratorSetPoints,
    Health,
    Link,
    Purpose,
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
from hal.units import Seconds
from hal.wire_log import FrameLog
from interlocks.judge import judge
from interlocks.look import Memory
from interlocks.rules import TABLE, Rules, level
from interlocks.words import DoseFigures, Finding, House, Limits, Sent, Terms, Truth, Verdict

TICK_S = 0.01
T0 = 1000.0
TOKEN = 7
CAPABILITIES = Capabilities(
    simulated=True,
    generator="spellman-xrv",
    safety_unit="kerma-unit",
    full_scale_kv=100.0,
    full_scale_ma=5.0,
    kv_counts_full_scale=4095,
    ma_counts_full_scale=4095,
    hardware_timer=True,
    lease=True,
    second_contactor=True,
    count_limits=True,
    set_point_read_back=True,
    wire_watchdog_s=None,
    worst_age_s={"unit": 0.012, "slow": 1.02, "monitor": 0.04, "flags": 0.04, "set_points": 1.2},
    off_s=0.02,
)
RULES = level(CAPABILITIES, TICK_S)
ROW = {row.id: row for row in TABLE}
PLACE = {row.id: place for place, row in enumerate(TABLE)}
LIMITS = Limits(50.0, 100.0, 0.1, 5.0, 20_000.0, 25_000.0, 3.0, 900.0, 500.0, 18_000.0, 36_000.0)

STAGING = struct.pack(">II", 160_000, 165_000) + bytes(48)
PLAN = Plan(2846, 1310, 2866, 2375, STAGING, zlib.crc32(STAGING))
TERMS = Terms(
    plan=PLAN,
    digest=PLAN.digest(),
    kv=69.5,
    ma=1.6,
    applicator_code=0x35,
    filter_code=0xF2,
    purpose=Purpose.TREAT,
    termination=Termination.MONITOR,
    switch_mode=SwitchMode.ONCE,
    timer_start=TimerStart.HV_SEEN,
    r0_mgy_per_s=55.0,
    n1_mgy_per_count=0.02,
    n2_mgy_per_count=0.0196,
    leak1_cps=1.0,
    leak2_cps=1.0,
    d0_mgy=8500.0,
    set_time_s=155.0,
    timer_limit_s=160.0,
    k1_limit_s=165.0,
    ramp_s=0.25,
    t2_s=0.35,
    t2d_s=0.6,
    hv_seen_counts_per_100ms=6,
    lease_ms=200,
    k_tp=1.01,
    certificate_expires_wall_s=2e9,
    vented_2=True,
    air_k_per_kpa=(273.15 + 22.0) / 101.3,
)
LAMPS = int(Relay.BEAM_LAMP_OK | Relay.READY_LAMP_OK)
OPEN = int(Relay.K1_MIRROR_OPEN | Relay.K2_MIRROR_OPEN) | LAMPS
CLOSED = int(Relay.K1_COMMAND | Relay.K2_COMMAND) | LAMPS
HV = int(Relay.HV_SEEN)
CONTACTS = 1 | 2 | 4 | 16 | 128
SWITCH = 32
HEALTH = int(Health.HT1 | Health.HT2 | Health.PRESSURE_OK | Health.TEMPERATURE_OK)
WALL_S = 1.9e9
QUIET = House(recorder_lag_s=0.1, desk_age_s=0.1, late_ticks=0, wall_s=WALL_S)
GOOD_DOSE = DoseFigures(
    d1_mgy=500.0,
    d2_mgy=501.0,
    dm_mgy=499.0,
    dt_mgy=502.0,
    rate_1_mgy_per_s=55.0,
    rate_2_mgy_per_s=55.2,
    on_s=9.0,
    unit_beam_s=9.0,
    host_beam_s=9.01,
)
BEAMING = msgspec.structs.replace(QUIET, dose=GOOD_DOSE)


def unit(now: float, **changes: Any) -> UnitStatus:
    """Idle, everything closed, nothing counted."""
    u = UnitStatus(
        asked_at_s=now - 0.002,
        scan=int(now * 1000),
        host_seq_echo=1,
        challenge=1,
        state=int(UnitState.IDLE),
        first_cause=0,
        boot_count=3,
        contacts_a=CONTACTS,
        contacts_b=CONTACTS,
        relays=OPEN,
        applicator_a=0x35,
        applicator_b=0x35,
        filter_a=0xF2,
        filter_b=0xF2,
        beam_ms=0,
        counts_1=0,
        counts_2=0,
        sample_us=int(now * 1e6) % (1 << 32),
        health=HEALTH,
        lease_left_ms=0,
        token=0,
        active_crc=0,
        press_count=4,
    )
    return msgspec.structs.replace(u, **changes)


def slow(now: float, **changes: Any) -> UnitSlow:
    s = UnitSlow(now - 0.5, *(0,) * 5, 0, 0, 101.3, 22.0, 120, None, None, 63, 0, 1000, 0, 0, 0, 0)
    return msgspec.structs.replace(s, **changes)


def readings(now: float = T0, **changes: Any) -> Readings:
    """At rest: identified, links up, nothing set up. `unit_`, `monitor_`, `flags_`, `slow_` prefixes change a part."""
    parts: dict[str, dict[str, Any]] = {"unit": {}, "monitor": {}, "flags": {}, "slow": {}}
    whole: dict[str, Any] = {}
    for name, value in changes.items():
        head, _, tail = name.partition("_")
        if tail and head in parts and tail not in ("link", "identity"):
            parts[head][tail] = value
        else:
            whole[name] = value
    r = Readings(
        now,
        Link(now - 0.002, False, 10, 10),
        Link(now - 0.02, False, 10, 10),
        unit=unit(now, **parts["unit"]),
        slow=slow(now, **parts["slow"]),
        unit_identity=UnitIdentity(1.0, "U1", "fw", 15, 1200, 10**6, 20, 500, ""),
        active=None,
        generator_identity=GeneratorIdentity(1.0, "XRV", "1", 100.0, 5.0, ""),
        monitor=msgspec.structs.replace(GeneratorMonitor(now - 0.02, 0.1, 0.0, 1.0, 0, 0), **parts["monitor"]),
        flags=msgspec.structs.replace(
            GeneratorFlags(now - 0.01, False, False, True, True, False, interlock_open=True), **parts["flags"]
        ),
        set_points=None,
    )
    return msgspec.structs.replace(r, **whole)


def committed(now: float = T0, **changes: Any) -> Readings:
    """Set up and read back, not armed."""
    given: dict[str, Any] = {
        "unit_state": int(UnitState.COMMITTED),
        "unit_active_crc": PLAN.staging_crc,
        "monitor_kv_set_counts": PLAN.kv_counts,
        "monitor_ma_set_counts": PLAN.ma_counts,
        "active": UnitActive(now - 5.0, PLAN.staging, PLAN.staging_crc, True),
        "set_points": GeneratorSetPoints(now - 0.6, *msgspec.structs.astuple(PLAN)[:4]),
    }
    return readings(now, **(given | changes))


def armed(now: float = T0, **changes: Any) -> Readings:
    given: dict[str, Any] = {
        "unit_state": int(UnitState.ARMED),
        "unit_token": TOKEN,
        "unit_lease_left_ms": 190,
        "unit_relays": int(Relay.K2_COMMAND | Relay.K1_MIRROR_OPEN) | LAMPS,
    }
    return committed(now, **(given | changes))


def pressed(now: float = T0, **changes: Any) -> Readings:
    """RUN, K1 closed, no ON yet."""
    given: dict[str, Any] = {
        "unit_state": int(UnitState.RUN),
        "unit_relays": CLOSED,
        "unit_press_count": 5,
        "unit_contacts_a": CONTACTS | SWITCH,
        "unit_contacts_b": CONTACTS | SWITCH,
        "flags_interlock_closed": True,
        "flags_interlock_open": False,
    }
    return armed(now, **(given | changes))


def beaming(now: float = T0, **changes: Any) -> Readings:
    """Steady beam, ten seconds after ON; counters run at the certified rate of the clock `now`."""
    given: dict[str, Any] = {
        "unit_relays": CLOSED | HV,
        "unit_beam_ms": 9000,
        "unit_counts_1": round((now - T0 + 100.0) * 2750) % (1 << 32),
        "unit_counts_2": round((now - T0 + 100.0) * 2806) % (1 << 32),
        "monitor_kv": 69.4,
        "monitor_ma": 1.61,
        "flags_hv_on": True,
        "slow_rate_1": 275,
        "slow_rate_2": 281,
        "on_sent_at_s": T0 - 9.99,
    }
    return pressed(now, **(given | changes))


SENT_REST = Sent(tick=1, command="watch")
SENT_SET_UP = Sent(tick=1, command="set_up", terms=TERMS, set_up_at_s=T0 - 30.0)
SENT_ARMED = msgspec.structs.replace(
    SENT_SET_UP, command="hold", armed_at_s=T0 - 20.0, press_count=4, boot_count=3, token=TOKEN
)
SENT_ON = msgspec.structs.replace(SENT_ARMED, on_at_s=T0 - 10.0)


def terms(**changes: Any) -> Terms:
    return msgspec.structs.replace(TERMS, **changes)


def with_terms(sent: Sent, **changes: Any) -> Sent:
    return msgspec.structs.replace(sent, terms=terms(**changes))


def remembered(
    maker: Any, sent: Sent, house: House = QUIET, rules: Rules = RULES, until: float = T0, **changes: Any
) -> Memory:
    """The memory after 0.2 s of ticks of such readings, the last one tick before `until`."""
    memory = Memory()
    for n in range(20, 0, -1):
        now = until - n * TICK_S
        _, memory = judge(maker(now, **changes), house, sent, memory, rules)
    return memory


def truth_of(verdict: Verdict, rule: str) -> Truth:
    return Truth(verdict.truths[PLACE[rule]])


def finding_of(verdict: Verdict, rule: str) -> Finding | None:
    return next((finding for finding in verdict.findings if finding.rule == rule), None)


class FakeClock:
    def __init__(self, now: float = T0) -> None:
        self.now = now

    def monotonic(self) -> Seconds:
        return Seconds(self.now)

    def wall(self) -> Seconds:
        return Seconds(WALL_S)

    def sleep_until(self, deadline: Seconds) -> None:
        self.now = max(self.now, deadline)


class FakeMachine:
    """Says what it is told to say and keeps what it is told."""

    def __init__(self) -> None:
        self.says: Readings = readings()
        self.written: list[Command] = []
        self.offs: list[float] = []
        self.renewals: list[Renewal | None] = []
        self.off_leaves = True
        self.breaks: BaseException | None = None
        self.fds: tuple[int, ...] = ()
        self.capabilities = CAPABILITIES
        self.logs: dict[str, FrameLog] = {}

    def figures(self) -> dict[str, LinkFigures]:
        return {}

    def ask(self, renew: Renewal | None, _now: Seconds) -> None:
        self.renewals.append(renew)

    def read(self, _now: Seconds) -> Readings:
        return self.says

    def write(self, command: Command, _now: Seconds) -> None:
        self.written.append(command)

    def beam_off(self, now: Seconds) -> bool:
        self.offs.append(now)
        if self.breaks is not None:
            raise self.breaks
        return self.off_leaves
