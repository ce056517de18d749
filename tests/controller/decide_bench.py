"""A machine in every stage of one exposure as plain readings, and what decide, drive and the self-test are given besides.
It simulates nothing: each helper only fills in a struct."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from dose_bench import identity, made, slow, status

from controller.case import Case
from controller.decide import decide
from controller.dose import Dose
from controller.entries import Open, Outcome, Statement
from controller.exposure import Decided, Stage
from controller.facts import Asked, Facts, Ruling
from controller.off import Evidence
from controller.prescribed import Quality
from controller.requests import Request
from controller.self_test import Phase, Tests
from controller.states import Event, State
from hal.machine import Capabilities
from hal.readings import (
    Contact,
    GeneratorFlags,
    GeneratorIdentity,
    GeneratorMonitor,
    GeneratorSetPoints,
    Link,
    Readings,
    Relay,
    UnitActive,
    UnitState,
)
from interlocks.words import Clears, Finding, Latch, Sent, Trip, Truth, Verdict

NOW: Final = 500.0
TOKEN: Final = 41
SETTINGS: Final = made()
PLAN: Final = SETTINGS.plan
MACHINE: Final = Capabilities(
    simulated=True,
    generator="g",
    safety_unit="u",
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
    worst_age_s={},
    off_s=0.02,
)
CONTACTS: Final = int(Contact.ESTOP | Contact.DOOR | Contact.KEY_TREAT | Contact.APPLICATOR | Contact.TEST_PULSE)
SERVICE: Final = int(Contact.ESTOP | Contact.DOOR | Contact.KEY_SERVICE | Contact.APPLICATOR | Contact.TEST_PULSE)
LAMPS: Final = int(Relay.BEAM_LAMP_OK | Relay.READY_LAMP_OK)
OPEN: Final = int(Relay.K1_MIRROR_OPEN | Relay.K2_MIRROR_OPEN) | LAMPS
K2_CLOSED: Final = int(Relay.K1_MIRROR_OPEN | Relay.K2_COMMAND) | LAMPS
CLOSED: Final = int(Relay.K1_COMMAND | Relay.K2_COMMAND) | LAMPS
UP: Final = Link(last_good_s=NOW - 0.002, lost=False)
LOST: Final = Link(last_good_s=NOW - 5.0, lost=True, last_trouble="no reply")

_PARTS: Final = ("unit", "slow", "monitor", "flags", "set_points", "active", "unit_identity", "generator_identity")


def readings(**changes: Any) -> Readings:
    """At rest, everything sound and fresh. `unit_state=...` and its like change a field of that part, `unit=None` the part itself."""
    now = changes.pop("now_s", NOW)
    parts: dict[str, Any] = {
        "unit": status(now - 0.002, contacts_a=CONTACTS, contacts_b=CONTACTS, press_count=7),
        "slow": slow(now - 0.4),
        "monitor": GeneratorMonitor(now - 0.02, 0.1, 0.0, 1.0, 0, 0),
        "flags": GeneratorFlags(now - 0.01, False, False, True, True, False, interlock_open=True),
        "set_points": GeneratorSetPoints(now - 0.6, 0, 0, 0, 0),
        "active": UnitActive(now - 1.0, b"", 0, True),
        "unit_identity": identity(),
        "generator_identity": GeneratorIdentity(1.0, "XRV", "1", 100.0, 5.0, ""),
    }
    whole: dict[str, Any] = {"unit_link": UP, "generator_link": UP}
    for name, value in changes.items():
        part = next((p for p in sorted(_PARTS, key=len, reverse=True) if name.startswith(p + "_")), None)
        if name in parts or name in whole or part is None:
            (parts if name in parts else whole)[name] = value
        else:
            parts[part] = msgspec.structs.replace(parts[part], **{name[len(part) + 1 :]: value})
    return Readings(now_s=now, **whole, **parts)


def _over(given: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return given | changes


def committed(**changes: Any) -> Readings:
    """Set up and read back."""
    now = changes.get("now_s", NOW)
    given: dict[str, Any] = {
        "set_points": GeneratorSetPoints(
            now - 0.6, PLAN.kv_counts, PLAN.ma_counts, PLAN.filament_limit_counts, PLAN.filament_preheat_counts
        ),
        "active": UnitActive(now - 1.0, PLAN.staging, PLAN.staging_crc, True),
        "unit_state": int(UnitState.COMMITTED),
        "unit_active_crc": PLAN.staging_crc,
    }
    return readings(**_over(given, changes))


def armed(**changes: Any) -> Readings:
    """Armed with the token, K2 closed, not pressed."""
    given: dict[str, Any] = {
        "unit_state": int(UnitState.ARMED),
        "unit_token": TOKEN,
        "unit_relays": K2_CLOSED,
        "unit_lease_left_ms": 190,
    }
    return committed(**_over(given, changes))


def pressed(**changes: Any) -> Readings:
    """The switch was pressed once: RUN, K1 closed."""
    given: dict[str, Any] = {"unit_state": int(UnitState.RUN), "unit_relays": CLOSED, "unit_press_count": 8}
    return armed(**_over(given, changes))


def beaming(**changes: Any) -> Readings:
    """Steady beam."""
    given: dict[str, Any] = {
        "unit_relays": CLOSED | int(Relay.HV_SEEN),
        "monitor_kv": SETTINGS.terms.kv,
        "monitor_ma": SETTINGS.terms.ma,
        "flags_hv_on": True,
        "flags_interlock_closed": True,
        "flags_interlock_open": False,
    }
    return pressed(**_over(given, changes))


SENT_REST: Final = Sent()
SENT_ARMED: Final = Sent(
    tick=1,
    command="hold",
    terms=SETTINGS.terms,
    armed_at_s=NOW - 2.0,
    press_count=7,
    boot_count=1,
    token=TOKEN,
    set_up_at_s=NOW - 20.0,
)
SENT_ON: Final = msgspec.structs.replace(SENT_ARMED, command="on", on_at_s=NOW - 1.0)
RATES: Final = Dose(rate_1_mgy_per_s=50.0, rate_2_mgy_per_s=50.0)
OFF_GOOD: Final = Evidence(verified=True, strict=True, gone=True, stuck="", missing="")
OFF_BAD: Final = Evidence(verified=False, strict=False, gone=False, stuck="the generator reads 69.5 kV", missing="")
LOADED: Final = Case(settings=SETTINGS, operator="op", offer_id=3)
OFFERED: Final = msgspec.structs.replace(LOADED, offer_at_s=NOW - 1.0)
STARTED: Final = msgspec.structs.replace(LOADED, start_seq=90, start_crc=5, confirmed_at_s=NOW - 3.0)
TOKENED: Final = msgspec.structs.replace(STARTED, token=TOKEN)


def open_fraction(token: int = TOKEN) -> Open:
    """A partial fraction that the records hold open."""
    return Open(1, token, "P1", "L1", 1, 100.0, 100.0, 100.0, 8500.0, Quality.GOOD)


def statement(**changes: Any) -> Statement:
    """The recorder's opening statement with nothing in it."""
    base = Statement(
        version=1,
        recorder="r",
        last_token=0,
        last_wall_s=0.0,
        latches=(),
        opens=(),
        reconciled_found_seq=0,
        reset_due_token=0,
    )
    return msgspec.structs.replace(base, **changes)


def facts(case: Case | None = None, **changes: Any) -> Facts:
    """Nothing latched, everything durable, off proved for 100 s, tests passed."""
    base = Facts(
        machine=MACHINE,
        sent=SENT_REST,
        case=case if case is not None else Case(),
        tests=Tests(Phase.PASSED, NOW - 50.0),
        off=OFF_GOOD,
        latches=(),
        statement=statement(),
        admitted=None,
        refused="",
        terminal_durable=True,
        unended=False,
        reset_read_back=True,
        off_since_s=NOW - 100.0,
        generator_power_cycled=False,
    )
    return msgspec.structs.replace(base, **changes)


def stage(state: State, since_s: float = NOW - 1.0, **changes: Any) -> Stage:
    """In this state for a second."""
    base = Stage(state, since_s, False, Outcome.TERMINATED, Event.NONE, "", "", None)
    return msgspec.structs.replace(base, **changes)


def finding(rule: str, trip: Trip, clears: Clears = Clears.BY_OPERATOR) -> Finding:
    """A rule that is not true."""
    return Finding(rule, Truth.FALSE, trip, clears, f"{rule} is not true")


def verdict(*findings: Finding, blocks_start: tuple[str, ...] | None = None, forbids: bool | None = None) -> Verdict:
    """A verdict with these findings, each of which blocks a start and forbids beam unless said otherwise."""
    blocks = tuple(f.rule for f in findings) if blocks_start is None else blocks_start
    return Verdict(1, NOW, b"", findings, blocks, bool(findings) if forbids is None else forbids)


QUIET: Final = verdict()
DOOR: Final = finding("door", Trip.TRIP_STOP)


def latch(clears: Clears, rule: str = "door") -> Latch:
    """A latch of this class."""
    return Latch(rule, Trip.TRIP_STOP, clears, NOW - 10.0, f"{rule} was not true")


def decided(
    at: Stage,
    r: Readings,
    f: Facts,
    v: Verdict = QUIET,
    request: Request | None = None,
    stop: bool = False,
    dose: Dose = RATES,
) -> tuple[Decided, Ruling]:
    """One decision."""
    return decide(at, Asked(stop, request), r, v, dose, f)


def event_of(*args: Any, **kwargs: Any) -> Event:
    """The event that the table would be given."""
    return decided(*args, **kwargs)[0].event


def refused(*args: Any, **kwargs: Any) -> str:
    """The words of a refusal; the event must be none."""
    told, ruling = decided(*args, **kwargs)
    assert ruling.event is Event.NONE
    assert told.event is Event.NONE
    return ruling.refused
