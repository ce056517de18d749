"""Every rule of the table true, false, stale, missing and broken, on both sides of each of its bounds, in the state in which it is asked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from interlock_bench import (
    BEAMING,
    CAPABILITIES,
    CLOSED,
    CONTACTS,
    HEALTH,
    HV,
    LAMPS,
    OPEN,
    PLAN,
    QUIET,
    ROW,
    RULES,
    SENT_ARMED,
    SENT_ON,
    SENT_REST,
    SENT_SET_UP,
    SWITCH,
    T0,
    TICK_S,
    WALL_S,
    armed,
    beaming,
    committed,
    finding_of,
    pressed,
    readings,
    remembered,
    truth_of,
    with_terms,
)

from hal.machine import ALL_FITTED, Fitted
from hal.readings import Contact, Health, Link, Purpose, Readings, Relay, SwitchMode, Termination, UnitActive, UnitState
from interlocks.dose_rules import drifted
from interlocks.judge import judge, shown
from interlocks.look import FLAGS, MONITOR, SLOW, UNIT, Memory, When, remember, take
from interlocks.rules import T1_S, TABLE, level
from interlocks.words import Clears, House, Sent, Trip, Truth, Verdict

BASES: dict[str, tuple[Any, Sent, House]] = {
    "rest": (readings, SENT_REST, QUIET),
    "committed": (committed, SENT_SET_UP, QUIET),
    "armed": (armed, SENT_ARMED, QUIET),
    "pressed": (pressed, SENT_ARMED, QUIET),
    "beam": (beaming, SENT_ON, BEAMING),
}


class Case(NamedTuple):
    """One bound of one rule: what is still true, what no longer is. Keys: parts of the readings, house_, dose_, terms_, sent_."""

    rule: str
    base: str
    good: dict[str, Any]
    bad: dict[str, Any]


def both(value: int) -> dict[str, Any]:
    return {"unit_contacts_a": value, "unit_contacts_b": value}


E9 = 1e-9
LOST = Link(T0 - 1.0, True, 9, 3, 1, "no reply")
FOUND = Link(T0 - 0.01, False, 9, 9)
IN_BEAM_CONTACTS = CONTACTS | SWITCH

CASES = [
    *(
        Case(rule, base, {}, {f"unit_contacts_{ch}": (IN_BEAM_CONTACTS if base == "beam" else CONTACTS) & ~bit})
        for rule, bit in (
            ("emergency_stop", Contact.ESTOP),
            ("door", Contact.DOOR),
            ("applicator_contact", Contact.APPLICATOR),
        )
        for base in BASES
        if base != "pressed"
        for ch in ("a", "b")
    ),
    Case("key", "rest", both(CONTACTS), both(CONTACTS & ~4)),
    Case("key", "rest", both(CONTACTS & ~4 | 8), both(CONTACTS | 8)),
    Case("key", "rest", {}, {"unit_contacts_a": CONTACTS & ~4}),
    Case("key", "beam", {}, both(IN_BEAM_CONTACTS & ~4 | 8)),
    Case("key", "armed", {}, {"unit_contacts_b": CONTACTS | 8}),
    Case("key", "armed", {}, {"unit_contacts_a": CONTACTS | 8}),
    Case("key", "rest", {}, {"unit_contacts_a": CONTACTS | 8}),
    Case("key", "rest", {}, {"unit_contacts_b": CONTACTS | 8}),
    *(
        Case(
            "key",
            "committed",
            {"terms_purpose": purpose, **both(CONTACTS & ~12 | (4 if treats else 8))},
            {"terms_purpose": purpose, **both(CONTACTS & ~12 | (8 if treats else 4))},
        )
        for purpose, treats in (
            (Purpose.TREAT, True),
            (Purpose.DAILY, True),
            (Purpose.WARMUP, True),
            (Purpose.CALIBRATE, False),
            (Purpose.DRY_RUN, False),
        )
    ),
    *(
        Case(f"{name}_code", base, {}, {f"unit_{name}_{ch}": wrong})
        for name in ("applicator", "filter")
        for base in ("committed", "armed", "beam")
        for ch in ("a", "b")
        for wrong in (0x00, 0xFF, 0x36)
    ),
    Case("applicator_code", "beam", {}, {"unit_applicator_a": 0x36, "unit_applicator_b": 0x36}),
    Case("filter_code", "beam", {}, {"unit_filter_a": 0xF1, "unit_filter_b": 0xF1}),
    Case(
        "switch_held",
        "beam",
        {"terms_switch_mode": SwitchMode.HOLD},
        {"terms_switch_mode": SwitchMode.HOLD, "unit_contacts_a": CONTACTS},
    ),
    *(
        Case("contacts_agree", base, {}, {"unit_contacts_b": (IN_BEAM_CONTACTS if base == "beam" else CONTACTS) ^ bit})
        for base in ("armed", "beam")
        for bit in (1, 2, 4, 8, 16, 32)
    ),
    *(Case("contacts_agree_at_rest", "rest", {}, {"unit_contacts_b": CONTACTS ^ bit}) for bit in (1, 2, 4, 8, 16, 32)),
    Case("test_pulse", "rest", {}, {"unit_contacts_a": CONTACTS & ~128, "unit_contacts_b": CONTACTS & ~128}),
    Case("generator_link", "beam", {"generator_link": FOUND}, {"generator_link": LOST}),
    Case("generator_identity", "rest", {}, {"generator_identity_mismatch": "model is X"}),
    Case("generator_fault", "beam", {}, {"flags_fault": True, "flags_faults": ("anode arc",)}),
    Case("generator_fault", "armed", {}, {"flags_fault": True}),
    Case("generator_clear", "committed", {}, {"flags_fault": True, "flags_faults": ("watchdog",)}),
    Case("generator_interlock", "beam", {}, {"flags_interlock_closed": False}),
    Case("kv_high", "beam", {"monitor_kv": 69.5 * 1.05}, {"monitor_kv": 69.5 * 1.05 + 1e-6}),
    Case("kv_low", "beam", {"monitor_kv": 69.5 * 0.95}, {"monitor_kv": 69.5 * 0.95 - 1e-6}),
    Case("ma_high", "beam", {"monitor_ma": 1.6 * 1.1}, {"monitor_ma": 1.6 * 1.1 + 1e-9}),
    Case("ma_low", "beam", {"monitor_ma": 1.6 * 0.9}, {"monitor_ma": 1.6 * 0.9 - 1e-9}),
    Case("kv_steady", "beam", {"monitor_kv": 69.5 + 1.39 - E9}, {"monitor_kv": 69.5 + 1.39 + E9}),
    Case("kv_steady", "beam", {"monitor_kv": 69.5 - 1.39 + E9}, {"monitor_kv": 69.5 - 1.39 - E9}),
    Case("kv_steady", "beam", {"monitor_kv": 31.0, "terms_kv": 30.0}, {"monitor_kv": 31.0 + E9, "terms_kv": 30.0}),
    Case("ma_steady", "beam", {"monitor_ma": 1.6 * 1.05 - E9}, {"monitor_ma": 1.6 * 1.05 + E9}),
    Case("ma_steady", "beam", {"monitor_ma": 1.6 * 0.95 + E9}, {"monitor_ma": 1.6 * 0.95 - E9}),
    Case("beam_lost", "beam", {"monitor_kv": 69.5 * 0.5}, {"monitor_kv": 69.5 * 0.5 - E9}),
    Case("beam_lost", "beam", {}, {"flags_hv_on": False}),
    Case("hv_uncommanded", "rest", {}, {"flags_hv_on": True}),
    Case("hv_uncommanded", "rest", {"monitor_kv": 10.0}, {"monitor_kv": 10.0 + E9}),
    Case("hv_uncommanded", "rest", {}, {"unit_relays": OPEN | HV}),
    Case("hv_uncommanded", "rest", {"slow_rate_1": 10}, {"slow_rate_1": 11}),
    Case("hv_uncommanded", "rest", {"slow_rate_2": 10}, {"slow_rate_2": 11}),
    Case("hv_uncommanded", "committed", {"slow_rate_1": 6}, {"slow_rate_1": 7}),
    Case(
        "hv_uncommanded",
        "committed",
        {"terms_leak2_cps": 9.0, "slow_rate_2": 9},
        {"terms_leak2_cps": 9.0, "slow_rate_2": 10},
    ),
    Case("hv_uncommanded", "armed", {}, {"flags_hv_on": True}),
    Case("hv_uncommanded", "pressed", {}, {"unit_relays": CLOSED | HV}),
    Case("unit_link", "beam", {"unit_link": FOUND}, {"unit_link": LOST}),
    Case("unit_identity", "rest", {}, {"unit_identity_mismatch": "serial is X"}),
    Case("scan_true", "beam", {}, {"scan_true": False}),
    Case("boot_count", "beam", {}, {"unit_boot_count": 4}),
    Case("unit_timer", "beam", {"dose_host_beam_s": 9.1}, {"dose_host_beam_s": 9.1 + 1e-6}),
    Case("unit_timer", "beam", {"dose_host_beam_s": 8.9}, {"dose_host_beam_s": 8.9 - 1e-6}),
    Case(
        "unit_timer",
        "beam",
        {"dose_unit_beam_s": 101.0, "dose_host_beam_s": 100.0},
        {"dose_unit_beam_s": 101.0 + 1e-6, "dose_host_beam_s": 100.0},
    ),
    *(
        Case("relay_mirrors", base, {}, {"unit_relays": relays})
        for base, relays in (
            ("rest", LAMPS | int(Relay.K2_MIRROR_OPEN)),
            ("rest", LAMPS | int(Relay.K1_MIRROR_OPEN)),
            ("rest", OPEN | int(Relay.K1_COMMAND)),
            ("beam", CLOSED | HV | int(Relay.K1_MIRROR_OPEN)),
            ("beam", CLOSED | HV | int(Relay.K2_MIRROR_OPEN)),
        )
    ),
    *(
        Case("mirrors_stay", base, {}, {"unit_relays": relays})
        for base, relays in (
            ("beam", CLOSED | HV | int(Relay.K1_MIRROR_OPEN)),
            ("beam", CLOSED | HV | int(Relay.K2_MIRROR_OPEN)),
            ("pressed", CLOSED | int(Relay.K1_MIRROR_OPEN)),
        )
    ),
    *(
        Case("unit_latched", "rest", {}, {"unit_state": state})
        for state in (int(UnitState.LATCHED), 0x0000, 0x1112, 0xFFFF)
    ),
    Case("unit_latched", "beam", {}, {"unit_state": int(UnitState.LATCHED)}),
    *(
        Case("presets_committed", "committed", {}, {"unit_state": int(state)})
        for state in (UnitState.IDLE, UnitState.ENDED, UnitState.LATCHED, UnitState.TEST)
    ),
    Case("presets_committed", "committed", {}, {"unit_active_crc": PLAN.staging_crc ^ 1}),
    *(
        Case("read_back", "armed", {}, {"active": UnitActive(T0 - 5.0, block, crc, ok)})
        for block, crc, ok in (
            (PLAN.staging, PLAN.staging_crc, False),
            (PLAN.staging, PLAN.staging_crc ^ 1, True),
            (b"\1" + PLAN.staging[1:], PLAN.staging_crc, True),
        )
    ),
    *(
        Case("read_back", base, {}, {f"set_points_{name}": 1})
        for base in ("armed", "beam")
        for name in ("kv_counts", "ma_counts", "filament_limit_counts", "filament_preheat_counts")
    ),
    Case("active_crc", "beam", {}, {"unit_active_crc": PLAN.staging_crc ^ 1}),
    Case("set_points_held", "beam", {}, {"monitor_kv_set_counts": PLAN.kv_counts + 1}),
    Case("set_points_held", "armed", {}, {"monitor_ma_set_counts": PLAN.ma_counts - 1}),
    *(
        Case("lease_armed", "armed", {}, {"unit_state": int(state)})
        for state in (UnitState.IDLE, UnitState.COMMITTED, UnitState.LATCHED)
    ),
    Case("lease_armed", "beam", {"unit_lease_left_ms": 1}, {"unit_lease_left_ms": 0}),
    Case("lease_armed", "beam", {}, {"unit_token": 8}),
    Case("lamp", "rest", {}, {"unit_relays": OPEN & ~int(Relay.BEAM_LAMP_OK)}),
    Case("lamp", "beam", {}, {"unit_relays": (CLOSED | HV) & ~int(Relay.READY_LAMP_OK)}),
    *(
        Case("chamber_supply", "beam", {}, {"unit_health": HEALTH ^ int(bit)})
        for bit in (Health.HT1, Health.HT2, Health.STUCK1, Health.STUCK2)
    ),
    *(
        Case("chamber_saturation", "beam", {}, {"unit_health": HEALTH | int(bit)})
        for bit in (Health.SATURATED1, Health.SATURATED2)
    ),
    *(
        Case("dose_rate_high", "beam", {f"dose_rate_{n}_mgy_per_s": 82.5}, {f"dose_rate_{n}_mgy_per_s": 82.5 + E9})
        for n in (1, 2)
    ),
    *(
        Case("dose_rate_low", "beam", {f"dose_rate_{n}_mgy_per_s": 27.5}, {f"dose_rate_{n}_mgy_per_s": 27.5 - E9})
        for n in (1, 2)
    ),
    Case("dose_channels", "beam", {"dose_d2_mgy": 500.0 / 0.97 - E9}, {"dose_d2_mgy": 500.0 / 0.97 + 1e-6}),
    Case("dose_channels", "beam", {"dose_d2_mgy": 485.0}, {"dose_d2_mgy": 485.0 - 1e-6}),
    Case(
        "dose_channels",
        "beam",
        {"dose_d1_mgy": 0.0, "dose_d2_mgy": 10.0},
        {"dose_d1_mgy": 0.0, "dose_d2_mgy": 10.0 + 1e-6},
    ),
    Case("dose_model", "beam", {"dose_dm_mgy": 500.0 / 0.95 - E9}, {"dose_dm_mgy": 500.0 / 0.95 + 1e-6}),
    Case("dose_model", "beam", {"dose_dt_mgy": 475.0}, {"dose_dt_mgy": 475.0 - 1e-6}),
    Case(
        "dose_model",
        "beam",
        {"dose_d1_mgy": 0.0, "dose_d2_mgy": 0.0, "dose_dt_mgy": 0.0, "dose_dm_mgy": 20.0},
        {"dose_d1_mgy": 0.0, "dose_d2_mgy": 0.0, "dose_dt_mgy": 0.0, "dose_dm_mgy": 20.0 + 1e-6},
    ),
    Case(
        "dose_model",
        "beam",
        {"terms_termination": Termination.TIME, "dose_dt_mgy": 1000.0, "dose_dm_mgy": 970.0},
        {"terms_termination": Termination.TIME, "dose_dt_mgy": 1000.0, "dose_dm_mgy": 970.0 - 1e-6},
    ),
    *(
        Case(
            "dose_timer",
            "beam",
            {
                "terms_termination": Termination.TIME,
                "dose_dt_mgy": 950.0,
                "dose_dm_mgy": 950.0,
                "dose_d1_mgy": inside,
                "dose_d2_mgy": inside,
            },
            {
                "terms_termination": Termination.TIME,
                "dose_dt_mgy": 950.0,
                "dose_dm_mgy": 950.0,
                "dose_d1_mgy": outside,
                "dose_d2_mgy": outside,
            },
        )
        for inside, outside in ((1000.0 - 1e-6, 1000.0 + 1e-6), (902.5 + 1e-6, 902.5 - 1e-6))
    ),
    Case("bad_samples", "beam", {"dose_bad_samples": 2}, {"dose_bad_samples": 3}),
    Case("backup_timer", "beam", {"unit_beam_ms": 163_200}, {"unit_beam_ms": 163_201}),
    Case("overdue", "beam", {}, {"dose_overdue": True}),
    *(
        Case("air", "committed", {name: inside}, {name: outside})
        for name, inside, outside in (
            ("slow_pressure_kpa", 60.0, 59.99),
            ("slow_pressure_kpa", 110.0, 110.01),
            ("slow_temperature_c", 10.0, 9.99),
            ("slow_temperature_c", 40.0, 40.01),
            ("unit_health", HEALTH, HEALTH & ~int(Health.PRESSURE_OK)),
            ("unit_health", HEALTH, HEALTH & ~int(Health.TEMPERATURE_OK)),
        )
    ),
    Case("k_tp_drift", "beam", {"slow_pressure_kpa": 101.3 / 1.00499}, {"slow_pressure_kpa": 101.3 / 1.00501}),
    Case("k_tp_drift", "armed", {"slow_temperature_c": 22.0 + 1.47}, {"slow_temperature_c": 22.0 + 1.48}),
    Case("leakage", "committed", {"slow_rate_1": 2}, {"slow_rate_1": 3}),
    Case("leakage", "committed", {"slow_rate_2": 2}, {"slow_rate_2": 3}),
    Case(
        "leakage", "committed", {"terms_leak1_cps": 20.0, "slow_rate_1": 7}, {"terms_leak1_cps": 20.0, "slow_rate_1": 8}
    ),
    Case("leakage_at_start", "committed", {"slow_rate_1": 2}, {"slow_rate_1": 3}),
    Case("leakage_at_start", "committed", {"slow_rate_2": 2}, {"slow_rate_2": 3}),
    Case("recorder_fresh", "rest", {"house_recorder_lag_s": 3.0}, {"house_recorder_lag_s": 3.0 + E9}),
    Case("recorder_fresh", "pressed", {"house_recorder_lag_s": 0.5}, {"house_recorder_lag_s": 0.5 + E9}),
    Case("recorder_fresh", "beam", {"house_recorder_lag_s": 0.5}, {"house_recorder_lag_s": 0.5 + E9}),
    Case("desk_lease", "armed", {"house_desk_age_s": 2.0}, {"house_desk_age_s": 2.0 + E9}),
    Case("desk_lease", "beam", {"house_desk_age_s": 2.0}, {"house_desk_age_s": math.inf}),
    Case("tick_late", "beam", {"house_late_ticks": 2}, {"house_late_ticks": 3}),
    Case("tick_gap", "rest", {"house_tick_gap_s": 0.2}, {"house_tick_gap_s": 0.2 + E9}),
    Case("dose_kernel", "rest", {}, {"house_kernel_ok": False}),
    Case(
        "dose_kernel",
        "beam",
        {},
        {"house_kernel_ok": False, "house_sums": "2 counts by the kernel, 3 by the second sum"},
    ),
    Case(
        "calibration_valid",
        "committed",
        {"terms_certificate_expires_wall_s": WALL_S + 1e-3},
        {"terms_certificate_expires_wall_s": WALL_S},
    ),
]
OWN_TESTS = {"switch_released", "switch_let_go", "no_signal", "no_dose", "invariants_held"}
"""Rules of memory; each has tests of its own below, the monitor's in test_monitor.py."""


def made(base: str, now: float, changes: dict[str, Any]) -> tuple[Readings, House, Sent]:
    """The base's readings, house and sent with these changes."""
    maker, sent, house = BASES[base]
    split: dict[str, dict[str, Any]] = {"house": {}, "dose": {}, "terms": {}, "set_points": {}}
    plain: dict[str, Any] = {}
    for name, value in changes.items():
        head = next((h for h in split if name.startswith(h + "_")), None)
        if head is None:
            plain[name] = value
        else:
            split[head][name[len(head) + 1 :]] = value
    identities = {name: plain.pop(name) for name in list(plain) if name.endswith("_mismatch")}
    r = maker(now, **plain)
    if split["set_points"]:
        r = msgspec.structs.replace(r, set_points=msgspec.structs.replace(r.set_points, **split["set_points"]))
    for name, words in identities.items():
        part = name.removesuffix("_mismatch")
        r = msgspec.structs.replace(r, **{part: msgspec.structs.replace(getattr(r, part), mismatch=words)})
    house = msgspec.structs.replace(house, **split["house"])
    house = msgspec.structs.replace(house, dose=msgspec.structs.replace(house.dose, **split["dose"]))
    if split["terms"] and sent.terms is not None:
        sent = msgspec.structs.replace(sent, terms=msgspec.structs.replace(sent.terms, **split["terms"]))
    return r, house, sent


def run(base: str, changes: dict[str, Any], memory: Memory, for_s: float) -> list[Verdict]:
    """Verdicts of ticks from T0 with these changes."""
    verdicts = []
    for n in range(round(for_s / TICK_S) + 1):
        r, house, sent = made(base, T0 + n * TICK_S, changes)
        verdict, memory = judge(r, house, sent, memory, RULES, n)
        verdicts.append(verdict)
    return verdicts


def sound(base: str) -> Memory:
    maker, sent, house = BASES[base]
    return remembered(maker, sent, house)


@pytest.mark.parametrize("base", BASES)
def test_a_sound_machine_is_true_in_every_rule(base: str) -> None:
    """In every state a sound machine gives no finding, blocks nothing and forbids nothing."""
    maker, sent, house = BASES[base]
    verdict, _ = judge(maker(T0), house, sent, sound(base), RULES)
    assert verdict.findings == ()
    assert set(verdict.truths) <= {Truth.TRUE, Truth.NOT_ASKED}
    assert not verdict.forbids_beam and not verdict.blocks_start


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.rule}-{c.base}")
def test_inside_its_bound_a_rule_is_true(case: Case) -> None:
    """The good side of the bound is TRUE and gives no finding, however long it lasts."""
    verdict = run(case.base, case.good, sound(case.base), 0.5)[-1]
    assert truth_of(verdict, case.rule) is Truth.TRUE
    assert finding_of(verdict, case.rule) is None


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.rule}-{c.base}")
def test_outside_its_bound_a_rule_trips_in_time(case: Case) -> None:
    """FALSE at once; a finding of the row's trip after its persistence, and for a rule that waits a later reading; words say what, and what first."""
    row = ROW[case.rule]
    verdicts = run(case.base, case.bad, sound(case.base), row.persists_for_s + T1_S)
    if case.rule != "boot_count":
        assert truth_of(verdicts[0], case.rule) is Truth.FALSE
    first = next(n for n, verdict in enumerate(verdicts) if finding_of(verdict, case.rule) is not None)
    assert row.persists_for_s - E9 <= first * TICK_S <= row.persists_for_s + (0.04 if row.waits_for else 0.01)
    found = finding_of(verdicts[first], case.rule)
    assert found is not None
    assert (found.truth, found.trip, found.clears) == (Truth.FALSE, row.trip, row.clears)
    assert "; first: " in found.words and len(found.words) > 20
    assert verdicts[first].forbids_beam or not row.while_beam
    assert (case.rule in verdicts[first].blocks_start) is row.blocks_start


def test_what_is_said_of_each_rule_is_what_is_written_down() -> None:
    """Every case's words, value and bound and what to do first, as rule_words.txt has them: whoever changes what people read changes it there too."""
    said: dict[str, None] = {}
    for case in CASES:
        verdicts = run(case.base, case.bad, sound(case.base), ROW[case.rule].persists_for_s + T1_S)
        found = next(found for verdict in verdicts if (found := finding_of(verdict, case.rule)))
        said[f"{case.rule}: {found.words}"] = None
    assert list(said) == Path(__file__).with_name("rule_words.txt").read_text(encoding="utf-8").splitlines()


def test_a_mirror_that_had_followed_may_not_leave() -> None:
    """Loose for 60 ms and right for 60 ms: never 100 ms on end, and one look is enough; a coil that was just told has its time, once."""
    loose = CLOSED | HV | int(Relay.K1_MIRROR_OPEN)
    verdict = run("beam", {"unit_relays": loose}, sound("beam"), 0.0)[0]
    assert finding_of(verdict, "mirrors_stay") is not None and verdict.forbids_beam
    armed_only = OPEN | int(Relay.K2_COMMAND)
    memory = sound("rest")
    for n in range(12):
        r, house, sent = made("armed", T0 + n * TICK_S, {"unit_relays": armed_only})
        verdict, memory = judge(r, house, sent, memory, RULES, n)
        assert (truth_of(verdict, "mirrors_stay") is Truth.TRUE) is (n < 10), n


def test_the_ring_has_a_bit_for_every_rule() -> None:
    """A tick's record holds 64 of them."""
    assert len(TABLE) <= 64


def test_every_rule_has_a_case() -> None:
    """No row is without a test on both sides of its bound."""
    assert {case.rule for case in CASES} | OWN_TESTS == set(ROW)


BY_SOURCE = {UNIT: "unit", SLOW: "slow", MONITOR: "monitor", FLAGS: "flags"}
NEEDS = [(case.rule, case.base, bit) for case in CASES for bit in BY_SOURCE if ROW[case.rule].needs & bit]


@pytest.mark.parametrize(("rule", "base", "bit"), sorted(set(NEEDS)))
def test_an_old_missing_or_future_reading_makes_its_rules_stale(rule: str, base: str, bit: int) -> None:
    """At the age bound TRUE, past it STALE; missing STALE; from the future STALE; a link's own rule says LOST, every other TRIP_STOP."""
    row, place = ROW[rule], {UNIT: 0, SLOW: 1, MONITOR: 2, FLAGS: 3}[bit]
    bound = RULES.stale_after_s[place]
    name = BY_SOURCE[bit]
    terms = {"terms_switch_mode": SwitchMode.HOLD} if rule == "switch_held" else {}
    for asked_at, want in (
        (T0 - bound + 1e-6, {Truth.TRUE, Truth.NOT_ASKED}),
        (T0 - bound - 1e-6, {Truth.STALE, Truth.NOT_ASKED}),
        (T0 + 0.01, {Truth.STALE}),
        (math.nan, {Truth.STALE, Truth.NOT_ASKED}),
    ):
        changes = {f"{name}_asked_at_s": asked_at, **terms}
        verdict = run(base, changes, sound(base), 0.0)[0]
        assert truth_of(verdict, rule) in want, (asked_at, truth_of(verdict, rule))
        found = finding_of(verdict, rule)
        if found is not None and Truth.TRUE not in want:
            link = row.stale_trip in (Trip.UNIT_LOST, Trip.GEN_LOST)
            assert found.trip is (row.trip if link else Trip.TRIP_STOP)
            assert found.clears is (row.clears if link else Clears.BY_ITSELF)
            assert verdict.forbids_beam or not row.while_beam
    missing = run(base, {name: None, **terms}, sound(base), 0.0)[0]
    assert truth_of(missing, rule) in (Truth.STALE, Truth.NOT_ASKED)


@pytest.mark.parametrize("part", ["unit", "monitor", "flags"])
def test_a_lost_reading_in_beam_forbids_beam_as_a_lost_link(part: str) -> None:
    """Whatever is lost in beam, the worst finding is the lost link, and beam is forbidden."""
    verdict = run("beam", {part: None}, sound("beam"), 0.0)[0]
    assert verdict.forbids_beam
    assert verdict.findings[0].trip is (Trip.UNIT_LOST if part == "unit" else Trip.GEN_LOST)


def test_nothing_read_yet_is_stale_and_not_a_fault() -> None:
    """At the very start every asked rule about a device is STALE, nothing is a fault, and nothing raises."""
    verdict, _ = judge(Readings(T0, Link(), Link()), QUIET, Sent(), Memory(), RULES)
    assert verdict.forbids_beam
    assert {f.trip for f in verdict.findings} <= {Trip.UNIT_LOST, Trip.GEN_LOST, Trip.TRIP_STOP}
    assert all(f.truth in (Truth.STALE, Truth.FALSE) for f in verdict.findings)


def test_every_moment_has_its_own_place_in_what_is_asked() -> None:
    """At rest and in beam the moments that hold are these by name: the tuple that the look makes stands in the order of When."""

    def moments(given: Readings, house: House, sent: Sent) -> set[str]:
        look = take(
            given,
            house,
            sent,
            remember(given, sent, Memory(), Memory().watched),
            RULES.stale_after_s,
            RULES.full_scale_kv,
        )
        assert len(look.asked) == len(When)
        return {when.name for when in When if look.asked[when]}

    assert moments(readings(), QUIET, SENT_REST) == {"ALWAYS", "NOT_ARMED", "NO_BEAM"}
    beam = moments(beaming(), BEAMING, SENT_ON)
    assert {"SET_UP", "CONFIRMED", "HELD", "BEAM", "STEADY", "DOSED", "LINE", "STANDING"} <= beam
    assert not {"BEFORE_ARM", "NOT_ARMED", "HELD_DOWN", "NO_BEAM", "LEAKAGE", "NEVER"} & beam


def test_rules_with_other_rows_ask_those() -> None:
    """What was worked out for one set of rows is not asked in the place of another's, for the same moment."""
    rules = level(CAPABILITIES, 0.01)
    judge(readings(), QUIET, SENT_REST, Memory(), rules)
    row = msgspec.structs.replace(ROW["door"], question=lambda _look: False)
    verdict, _ = judge(readings(), QUIET, SENT_REST, Memory(), msgspec.structs.replace(rules, rows=(row,)))
    assert [finding.rule for finding in verdict.findings] == ["door"]


@pytest.mark.parametrize("row", TABLE, ids=lambda r: r.id)
def test_a_broken_rule_is_an_error_and_a_fault(row: Any) -> None:
    """An exception, or an answer that is no answer, is ERROR: TRIP_FAULT, at least for service, and it never escapes."""

    def breaks(_look: Any) -> bool:
        raise ZeroDivisionError("a rule broke")

    def odd(_look: Any) -> Any:
        return 1

    for question in (breaks, odd):
        broken = msgspec.structs.replace(row, question=question, when=When.ALWAYS, needs=0)
        rules = msgspec.structs.replace(RULES, rows=(broken,))
        verdict, _ = judge(beaming(), BEAMING, SENT_ON, Memory(), rules)
        (found,) = verdict.findings
        assert (found.truth, found.trip) == (Truth.ERROR, Trip.TRIP_FAULT)
        assert found.clears >= Clears.BY_SERVICE
        assert verdict.forbids_beam is row.while_beam


def test_words_that_break_do_not_keep_a_rule_from_tripping() -> None:
    """A rule whose words raise still trips with its own trip."""

    def breaks(_look: Any) -> str:
        raise KeyError("words")

    row = msgspec.structs.replace(ROW["door"], wrong=breaks)
    rules = msgspec.structs.replace(RULES, rows=(row,))
    verdict, _ = judge(readings(unit_contacts_a=0), QUIET, SENT_REST, Memory(), rules)
    assert verdict.findings[0].trip is Trip.TRIP_STOP and verdict.forbids_beam


def test_findings_come_worst_first_and_every_start_is_blocked() -> None:
    """Priority of the trips: high voltage that nobody asked for before a lost link before a fault before a stop before the rest."""
    bad = {
        "flags_hv_on": True,
        "unit_contacts_a": 0,
        "unit_contacts_b": 0,
        "house_recorder_lag_s": 9.0,
        "house_desk_age_s": 9.0,
        "house_tick_gap_s": 1.0,
        "unit_boot_count": 9,
        "generator_link": LOST,
        "unit_link": LOST,
    }
    verdict = run("armed", bad, sound("armed"), 0.2)[-1]
    trips = [finding.trip for finding in verdict.findings]
    assert trips == sorted(trips)
    assert [t for n, t in enumerate(trips) if t not in trips[:n]] == [
        Trip.HV_UNCOMMANDED,
        Trip.INTERNAL,
        Trip.UNIT_LOST,
        Trip.UNIT_REBOOT,
        Trip.GEN_LOST,
        Trip.TRIP_FAULT,
        Trip.TRIP_STOP,
        Trip.KEY_OFF,
        Trip.RECORDER_LOST,
        Trip.DESK_LOST,
    ]


NOT_AFTER_THE_END = (
    "kv_high",
    "kv_low",
    "ma_high",
    "ma_low",
    "kv_steady",
    "ma_steady",
    "beam_lost",
    "no_dose",
    "no_signal",
    "dose_rate_high",
    "dose_rate_low",
    "lease_armed",
    "generator_interlock",
    "generator_fault",
)
AFTER = {
    "unit_relays": OPEN,
    "monitor_kv": 3.0,
    "monitor_ma": 0.0,
    "flags_hv_on": False,
    "flags_interlock_closed": False,
    "flags_fault": True,
    "flags_faults": ("interlock",),
    "unit_lease_left_ms": 0,
    "dose_rate_1_mgy_per_s": 0.0,
    "dose_rate_2_mgy_per_s": 0.0,
}


def test_a_normal_end_by_the_unit_trips_nothing() -> None:
    """From the tick in which the unit reads ENDED nothing that its end causes is asked; the generator still falling is no trip."""
    verdict = run("beam", {**AFTER, "unit_state": int(UnitState.ENDED)}, sound("beam"), 0.0)[0]
    assert [truth_of(verdict, rule) for rule in NOT_AFTER_THE_END] == [Truth.NOT_ASKED] * len(NOT_AFTER_THE_END)
    assert verdict.findings == ()


def test_the_generator_may_be_read_falling_before_the_unit_is_read_ended() -> None:
    """kV gone, flag off, line open, fault set, while the status read before still says RUN: one tick later the unit reads ENDED, and nothing has tripped."""
    memory = sound("beam")
    r, house, sent = made("beam", T0, {**AFTER, "unit_relays": CLOSED | HV, "unit_lease_left_ms": 190} | GOOD_RATES)
    verdict, memory = judge(r, house, sent, memory, RULES)
    assert verdict.findings == ()
    r, house, sent = made("beam", T0 + TICK_S, {**AFTER, "unit_state": int(UnitState.ENDED)})
    verdict, memory = judge(r, house, sent, memory, RULES)
    assert verdict.findings == ()


GOOD_RATES = {"dose_rate_1_mgy_per_s": 55.0, "dose_rate_2_mgy_per_s": 55.0}


def test_the_wait_for_the_unit_ends_at_t1() -> None:
    """If no later status of the unit comes, the beam is called lost T1 after it was first seen lost, at the latest."""
    rules = msgspec.structs.replace(RULES, stale_after_s=(9.0, 9.0, 9.0, 9.0))
    memory = sound("beam")
    first = None
    for n in range(30):
        now = T0 + n * TICK_S
        r = beaming(now, unit_asked_at_s=T0 - 0.001, flags_hv_on=False)
        verdict, memory = judge(r, BEAMING, SENT_ON, memory, rules)
        if first is None and finding_of(verdict, "beam_lost") is not None:
            first = n * TICK_S
    assert first == pytest.approx(T1_S)


def test_a_lost_beam_is_a_stop_and_not_a_fault() -> None:
    """An arc: kV falls through the windows with the flag off; the finding is beam_lost, TRIP_STOP, never the window's TRIP_FAULT."""
    memory = sound("beam")
    seen: set[str] = set()
    for n in range(20):
        now, kv = T0 + n * TICK_S, max(0.0, 69.5 * (1.0 - 0.1 * n))
        r = beaming(now, monitor_kv=kv, monitor_ma=0.0, flags_hv_on=n < 2)
        verdict, memory = judge(r, BEAMING, SENT_ON, memory, RULES)
        seen |= {finding.rule for finding in verdict.findings}
    assert "beam_lost" in seen
    assert not seen & {"kv_low", "ma_low"}


def test_in_the_ramp_only_upper_bounds_hold() -> None:
    """A sample asked within the ramp may be low and HV not yet on; above the window it trips at once."""
    sent = msgspec.structs.replace(SENT_ON, on_at_s=T0 - 0.1)
    ramp = {
        "on_sent_at_s": T0 - 0.09,
        "unit_relays": CLOSED,
        "monitor_kv": 9.0,
        "monitor_ma": 0.0,
        "flags_hv_on": False,
    }
    memory = remembered(pressed, SENT_ARMED)
    house = msgspec.structs.replace(QUIET)
    verdict, memory = judge(beaming(T0, **ramp), house, sent, memory, RULES)
    assert verdict.findings == ()
    assert truth_of(verdict, "kv_low") is Truth.NOT_ASKED and truth_of(verdict, "kv_high") is Truth.TRUE
    for part in ({"monitor_kv": 74.0}, {"monitor_ma": 2.0}):
        verdict, _ = judge(beaming(T0 + TICK_S, **(ramp | part)), house, sent, memory, RULES)
        assert verdict.forbids_beam


def test_an_old_sample_of_the_ramp_is_not_judged_as_steady() -> None:
    """Just after the ramp the last monitor sample may still be of the ramp: the lower bounds wait for one that is later."""
    sent = msgspec.structs.replace(SENT_ON, on_at_s=T0 - 0.26)
    r = beaming(
        T0,
        on_sent_at_s=T0 - 0.26,
        monitor_asked_at_s=T0 - 0.03,
        monitor_kv=50.0,
        flags_asked_at_s=T0 - 0.02,
        flags_hv_on=False,
    )
    verdict, _ = judge(r, BEAMING, sent, remembered(pressed, SENT_ARMED), RULES)
    assert truth_of(verdict, "kv_low") is Truth.NOT_ASKED
    assert truth_of(verdict, "beam_lost") is Truth.TRUE


OFF_SENT = Sent(tick=1, command="off", terms=SENT_ON.terms, off_at_s=T0, beam_off_at_s=T0)


@pytest.mark.parametrize(
    "sign", [{"flags_hv_on": True}, {"monitor_kv": 30.0}, {"unit_relays": OPEN | HV}, {"slow_rate_1": 99}]
)
def test_after_off_the_cable_may_discharge_for_t2d_and_no_longer(sign: dict[str, Any]) -> None:
    """Signs of high voltage are not uncommanded until t2d after OFF, and are in the first sample asked for after it (a rate's window later)."""
    for after, want in ((0.1, Truth.NOT_ASKED), (0.59, Truth.NOT_ASKED), (0.83, Truth.FALSE)):
        now = T0 + after
        given = {**sign, "on_sent_at_s": T0 - 9.0, "slow_asked_at_s": now - 0.01}
        verdict, _ = judge(readings(now, **given), QUIET, OFF_SENT, Memory(), RULES)
        assert truth_of(verdict, "hv_uncommanded") is want, after


def test_g18_another_set_up_of_the_same_settings_forgets_no_drift() -> None:
    """Hazard G18: drifted in READY, off, set up and armed again with the k_TP of the loading: drifted still. Settings of another loading, of the air
    as it is now, have not."""
    warm, memory = 22.0 + 1.6, Memory()
    for sent, make, wanted in (
        (SENT_ARMED, armed, Truth.FALSE),
        (Sent(tick=2, command="off", terms=SENT_ARMED.terms, off_at_s=T0), readings, Truth.NOT_ASKED),
        (msgspec.structs.replace(SENT_SET_UP, set_up_at_s=T0), committed, Truth.NOT_ASKED),
        (msgspec.structs.replace(SENT_ARMED, set_up_at_s=T0), armed, Truth.FALSE),
        (with_terms(SENT_ARMED, air_k_per_kpa=(273.15 + warm) / 101.3), armed, Truth.TRUE),
    ):
        verdict, memory = judge(make(T0, slow_temperature_c=warm), QUIET, sent, memory, RULES)
        assert truth_of(verdict, "k_tp_drift") is wanted


def test_a_sample_from_within_the_discharge_is_no_evidence_after_it() -> None:
    """At t2d + 1 ms the newest samples were asked for before t2d: they say nothing yet."""
    now = T0 + 0.601
    r = readings(
        now, on_sent_at_s=T0 - 9.0, monitor_kv=30.0, flags_hv_on=True, slow_rate_1=200, slow_asked_at_s=now - 0.4
    )
    verdict, _ = judge(r, QUIET, OFF_SENT, Memory(), RULES)
    assert truth_of(verdict, "hv_uncommanded") is Truth.TRUE


def test_high_voltage_found_at_power_up_is_uncommanded_at_once() -> None:
    """This process never sent ON: there is nothing to discharge, whatever OFF was sent."""
    r = readings(T0, flags_hv_on=True, monitor_kv=69.0)
    for sent in (Sent(), OFF_SENT):
        verdict, _ = judge(r, QUIET, sent, Memory(), RULES)
        assert verdict.findings[0].trip is Trip.HV_UNCOMMANDED


def test_the_off_of_a_permission_without_beam_excuses_no_high_voltage() -> None:
    """A READY that was let go, in a process that once gave beam: nothing was charged, so what comes is uncommanded from the first tick on."""
    no_beam = Sent(tick=1, command="off", terms=SENT_ARMED.terms, off_at_s=T0, beam_off_at_s=T0 - 60.0)
    for sent in (no_beam, msgspec.structs.replace(no_beam, beam_off_at_s=None)):
        r = readings(T0 + TICK_S, on_sent_at_s=T0 - 70.0, flags_hv_on=True, monitor_kv=69.0)
        verdict, _ = judge(r, QUIET, sent, Memory(), RULES)
        assert verdict.findings[0].trip is Trip.HV_UNCOMMANDED


def test_uncommanded_high_voltage_is_found_with_a_lost_link_too() -> None:
    """One sign in one fresh reading is enough; without any sign a lost reading is STALE, not TRUE."""
    verdict, _ = judge(readings(T0, unit=None, slow=None, flags_hv_on=True), QUIET, Sent(), Memory(), RULES)
    assert truth_of(verdict, "hv_uncommanded") is Truth.FALSE
    verdict, _ = judge(readings(T0, unit=None), QUIET, Sent(), Memory(), RULES)
    assert truth_of(verdict, "hv_uncommanded") is Truth.STALE
    verdict, _ = judge(readings(T0, monitor_kv=math.nan), QUIET, Sent(), Memory(), RULES)
    assert truth_of(verdict, "hv_uncommanded") is Truth.STALE


def test_the_switch_must_have_been_seen_released_within_5_s() -> None:
    """Held or stuck for longer than 5 s it blocks a start; a short press does not; once ARMED it is not asked; after OFF its 5 s begin anew."""
    memory = sound("committed")
    blocked_at = None
    for n in range(1, 600):
        r = committed(T0 + n * TICK_S, **both(CONTACTS | SWITCH))
        verdict, memory = judge(r, QUIET, SENT_SET_UP, memory, RULES)
        if blocked_at is None and "switch_released" in verdict.blocks_start:
            blocked_at = n * TICK_S
            assert not verdict.forbids_beam
    assert blocked_at == pytest.approx(5.0, abs=0.03)
    verdict, memory = judge(committed(T0 + 6.0), QUIET, SENT_SET_UP, memory, RULES)
    assert truth_of(verdict, "switch_released") is Truth.TRUE
    memory = sound("beam")
    for n in range(700):
        verdict, memory = judge(beaming(T0 + n * TICK_S), BEAMING, SENT_ON, memory, RULES)
        assert truth_of(verdict, "switch_released") is Truth.NOT_ASKED
    after = readings(T0 + 7.0, **both(CONTACTS | SWITCH))
    verdict, _ = judge(after, QUIET, Sent(command="off", terms=SENT_ON.terms, off_at_s=T0 + 7.0), memory, RULES)
    assert truth_of(verdict, "switch_released") is Truth.TRUE


def test_a_switch_that_stays_pressed_after_the_end_is_a_fault_two_seconds_later() -> None:
    """Pressed in either channel since the off: a fault of service's after 2 s. Let go for one reading, it may be pressed again as it likes."""
    ended = Sent(command="off", terms=SENT_ON.terms, off_at_s=T0)
    for channel in ("unit_contacts_a", "unit_contacts_b"):
        memory, faults = sound("beam"), []
        for n in range(1, 300):
            r = readings(T0 + n * TICK_S, **{channel: CONTACTS | SWITCH})
            verdict, memory = judge(r, QUIET, ended, memory, RULES)
            faults += [(n, finding) for finding in verdict.findings if finding.rule == "switch_let_go"]
        assert faults[0][0] * TICK_S == pytest.approx(2.0, abs=0.03)
        assert faults[0][1].trip is Trip.TRIP_FAULT and faults[0][1].clears is Clears.BY_SERVICE
        assert "still pressed 2.0" in faults[0][1].words
        assert "switch_let_go" in verdict.blocks_start
        verdict, memory = judge(readings(T0 + 3.0), QUIET, ended, memory, RULES)
        for n in range(300):
            r = readings(T0 + 3.01 + n * TICK_S, **both(CONTACTS | SWITCH))
            verdict, memory = judge(r, QUIET, ended, memory, RULES)
            assert truth_of(verdict, "switch_let_go") is Truth.TRUE


@pytest.mark.parametrize(("rule", "bit"), [("emergency_stop", 1), ("door", 2), ("applicator_contact", 16)])
@pytest.mark.parametrize("channel", ["unit_contacts_a", "unit_contacts_b"])
def test_opening_counts_at_once_and_closing_when_it_has_lasted(rule: str, bit: int, channel: str) -> None:
    """One open reading forbids a beam in its own tick; a contact that bounces as it closes is closed 100 ms after it was last read open."""
    memory, opened = sound("rest"), {channel: CONTACTS & ~bit}
    verdict, memory = judge(readings(T0, **opened), QUIET, SENT_REST, memory, RULES)
    assert finding_of(verdict, rule) is not None and verdict.forbids_beam
    for n in range(1, 8):
        verdict, memory = judge(
            readings(T0 + n * TICK_S, **(opened if n % 3 == 0 else {})), QUIET, SENT_REST, memory, RULES
        )
        assert truth_of(verdict, rule) is Truth.FALSE
    true_at = None
    for n in range(8, 30):
        verdict, memory = judge(readings(T0 + n * TICK_S), QUIET, SENT_REST, memory, RULES)
        finding = finding_of(verdict, rule)
        if finding is None and true_at is None:
            true_at = (n - 6) * TICK_S
        elif finding is not None:
            assert "s ago (bound 0.1 s)" in finding.words
    assert true_at == pytest.approx(0.1, abs=0.011)


def test_what_has_never_been_is_said_in_words() -> None:
    """No reading, no recorder, no desk: an infinite age is no number that a person can read."""
    house = msgspec.structs.replace(QUIET, recorder_lag_s=math.inf, desk_age_s=math.inf)
    nothing = readings(T0, unit=None, slow=None, monitor=None, flags=None, set_points=None, active=None)
    switch = committed(T0, **both(CONTACTS | SWITCH))
    for r in (nothing, switch):
        verdict, _ = judge(r, house, SENT_SET_UP, Memory(), RULES)
        assert {"recorder_fresh", "desk_lease"} <= {finding.rule for finding in verdict.findings}
        assert not [finding.words for finding in verdict.findings if " inf " in finding.words]
        assert finding_of(verdict, "recorder_fresh").words.startswith("the recorder has acknowledged nothing yet")
        assert finding_of(verdict, "desk_lease").words.startswith("nobody holds the desk")


def test_one_channel_of_the_switch_pressed_is_not_released() -> None:
    """Released means both channels open."""
    memory = Memory()
    verdict, _ = judge(readings(T0, unit_contacts_a=CONTACTS | SWITCH), QUIET, SENT_REST, memory, RULES)
    assert truth_of(verdict, "switch_released") is Truth.FALSE


@pytest.mark.parametrize("channel", [1, 2])
def test_a_chamber_that_dies_in_beam_trips_within_a_tenth_of_a_second_and_a_little(channel: int) -> None:
    """No count of one chamber over 100 ms, high voltage seen: TRIP_STOP."""
    memory = sound("beam")
    stopped = beaming(T0)
    assert stopped.unit is not None
    frozen = {f"unit_counts_{channel}": getattr(stopped.unit, f"counts_{channel}")}
    first = None
    for n in range(20):
        verdict, memory = judge(beaming(T0 + n * TICK_S, **frozen), BEAMING, SENT_ON, memory, RULES)
        if first is None and finding_of(verdict, "no_signal") is not None:
            first = n * TICK_S
    assert first is not None and first <= 0.13


def test_counts_of_leakage_only_are_no_dose_one_second_after_hv_was_seen() -> None:
    """High voltage on, both chambers at leakage: no_dose after 1 s, whatever the dose figures say."""
    sent = msgspec.structs.replace(SENT_ON, on_at_s=T0)
    memory = remembered(pressed, SENT_ARMED)
    first = None
    for n in range(1, 130):
        now = T0 + n * TICK_S
        counts = {"unit_counts_1": n // 4, "unit_counts_2": n // 4, "on_sent_at_s": T0, "unit_beam_ms": 10 * n}
        verdict, memory = judge(beaming(now, **counts), BEAMING, sent, memory, RULES)
        if first is None and finding_of(verdict, "no_dose") is not None:
            first = n * TICK_S
    assert first is not None and 1.0 < first <= 1.05


def test_counters_may_wrap_in_beam() -> None:
    """The 32-bit counters and the device's microseconds wrap without a trip."""
    memory = Memory()
    for n in range(60):
        now = T0 + n * TICK_S
        wrapped = {
            "unit_counts_1": (4294967295 - 400 + n * 27) % (1 << 32),
            "unit_counts_2": (4294967295 - 200 + n * 28) % (1 << 32),
            "unit_sample_us": (4294967295 - 300_000 + n * 10_000) % (1 << 32),
        }
        verdict, memory = judge(beaming(now, **wrapped), BEAMING, SENT_ON, memory, RULES)
        if n > 15:
            assert verdict.findings == ()


def test_a_counter_that_goes_back_in_beam_is_not_a_signal() -> None:
    """After a step back the rates are unknown for 100 ms: STALE, which forbids beam."""
    verdict, _ = judge(beaming(T0, unit_counts_1=0), BEAMING, SENT_ON, sound("beam"), RULES)
    assert truth_of(verdict, "no_signal") is Truth.STALE and verdict.forbids_beam


def test_a_reboot_is_found_at_rest_too_in_the_tick_in_which_it_is_seen() -> None:
    """Without a permission the new boot count is news once; with one it stays news until OFF."""
    verdict, memory = judge(readings(T0, unit_boot_count=4), QUIET, SENT_REST, sound("rest"), RULES)
    assert verdict.findings[0].trip is Trip.UNIT_REBOOT
    verdict, memory = judge(readings(T0 + TICK_S, unit_boot_count=4), QUIET, SENT_REST, memory, RULES)
    assert verdict.findings == ()
    verdicts = run("beam", {"unit_boot_count": 4}, sound("beam"), 0.1)
    assert all(finding_of(v, "boot_count") is not None for v in verdicts)


def test_the_backup_timer_counts_the_hosts_time_too() -> None:
    """The unit's timer stands still: the host's own count since HV was seen acts above the limit by max(2 %, 0.5 s)."""
    sent = with_terms(SENT_ARMED, timer_limit_s=3.0)
    memory = remembered(pressed, sent)
    sent = msgspec.structs.replace(sent, on_at_s=T0)
    first = None
    for n in range(1, 400):
        now = T0 + n * TICK_S
        verdict, memory = judge(beaming(now, unit_beam_ms=100, on_sent_at_s=T0), BEAMING, sent, memory, RULES)
        found = finding_of(verdict, "backup_timer")
        if first is None and found is not None:
            first = n * TICK_S
            assert found.trip is Trip.TIME_END and found.clears is Clears.BY_PHYSICIST and verdict.forbids_beam
    assert first == pytest.approx(3.5, abs=0.03)


def test_the_backup_timer_counts_over_a_resume() -> None:
    """What the unit had counted before this permission counts."""
    sent = with_terms(SENT_ARMED, timer_limit_s=10.0)
    memory = remembered(pressed, sent, unit_beam_ms=9_000)
    sent = msgspec.structs.replace(sent, on_at_s=T0)
    first = None
    for n in range(1, 250):
        now = T0 + n * TICK_S
        verdict, memory = judge(beaming(now, unit_beam_ms=9_000, on_sent_at_s=T0), BEAMING, sent, memory, RULES)
        if first is None and finding_of(verdict, "backup_timer") is not None:
            first = n * TICK_S
    assert first == pytest.approx(1.5, abs=0.03)


def test_the_certificate_is_not_asked_from_arm_on() -> None:
    """A wall clock that steps in beam has no effect (fault-H1)."""
    house = msgspec.structs.replace(BEAMING, wall_s=9e9)
    verdict, _ = judge(beaming(T0), house, SENT_ON, sound("beam"), RULES)
    assert verdict.findings == ()
    verdict, _ = judge(
        committed(T0), msgspec.structs.replace(QUIET, wall_s=math.nan), SENT_SET_UP, sound("committed"), RULES
    )
    assert "calibration_valid" in verdict.blocks_start


def test_set_points_are_asked_for_fresh_until_on_and_by_the_monitor_after() -> None:
    """Older than 2.5 s before ON is STALE; with ON out the wire is left to kV and mA, which carry them."""
    old = {"set_points": msgspec.structs.replace(armed().set_points, asked_at_s=T0 - 2.6)}
    verdict, _ = judge(armed(T0, **old), QUIET, SENT_ARMED, sound("armed"), RULES)
    assert truth_of(verdict, "read_back") is Truth.STALE
    verdict, _ = judge(beaming(T0, **old), BEAMING, SENT_ON, sound("beam"), RULES)
    assert truth_of(verdict, "read_back") is Truth.TRUE
    for part in ("set_points", "active"):
        verdict, _ = judge(beaming(T0, **{part: None}), BEAMING, SENT_ON, sound("beam"), RULES)
        assert truth_of(verdict, "read_back") is Truth.STALE and verdict.forbids_beam


def test_a_unit_without_k2_is_not_asked_for_its_mirror() -> None:
    """A bench unit without the second contactor has no mirror to agree."""
    r = readings(T0, unit_relays=OPEN & ~int(Relay.K2_MIRROR_OPEN))
    assert r.unit_identity is not None
    bench = msgspec.structs.replace(r, unit_identity=msgspec.structs.replace(r.unit_identity, capabilities=1))
    verdict, _ = judge(bench, QUIET, SENT_REST, Memory(), RULES)
    assert truth_of(verdict, "relay_mirrors") is Truth.TRUE


def test_a_window_that_is_left_and_entered_for_long_enough_starts_its_persistence_anew() -> None:
    """Steady mA out for 190 ms, in for 210, out again for 190: no finding, for it was never out for 200 ms with less than that between."""
    memory = sound("beam")
    for n in range(59):
        ma = 1.6 if 19 <= n < 40 else 1.7
        verdict, memory = judge(beaming(T0 + n * TICK_S, monitor_ma=ma), BEAMING, SENT_ON, memory, RULES)
        assert verdict.findings == ()


def test_ages_are_levelled_to_the_poll_plan() -> None:
    """100 Hz TCP: 50 ms; an XRV at 115200: 90 ms; at 9600 no younger than the wire can keep up; the slow block 2.5 s."""
    assert RULES.stale_after_s == pytest.approx((0.05, 2.5, 0.09, 0.09))
    slow_wire = msgspec.structs.replace(
        CAPABILITIES, worst_age_s={"unit": 0.23, "slow": 1.5, "monitor": 0.23, "flags": 0.23, "set_points": 2.0}
    )
    assert level(slow_wire, TICK_S).stale_after_s == pytest.approx((0.25, 3.01, 0.25, 0.25))


def test_what_is_shown_has_a_line_for_every_rule() -> None:
    """Ids in the table's order, ages of the evidence, words where something is wrong."""
    r, house, sent = made("beam", T0, {"unit_contacts_a": IN_BEAM_CONTACTS & ~2, "monitor_kv": 72.0})
    verdict, _ = judge(r, house, sent, sound("beam"), RULES)
    lines = {line[0]: line for line in shown(verdict, r)}
    assert list(lines) == [row.id for row in TABLE]
    assert lines["door"][1] is Truth.FALSE and "channel A open" in lines["door"][3]
    assert lines["door"][2] == pytest.approx(0.002)
    assert lines["kv_steady"][1] is Truth.FALSE and lines["kv_steady"][3]
    assert lines["tick_late"][2] is None
    nothing = Readings(T0, Link(), Link())
    verdict, _ = judge(nothing, QUIET, Sent(), Memory(), RULES)
    assert {line[2] for line in shown(verdict, nothing)} == {None}


def test_words_of_a_bound_name_value_and_bound() -> None:
    """Whoever reads the words of a rule with a numerical bound reads the value and the bound."""
    for rule in (
        "kv_high",
        "kv_steady",
        "ma_steady",
        "recorder_fresh",
        "desk_lease",
        "dose_channels",
        "dose_rate_high",
        "backup_timer",
        "air",
    ):
        case = next(case for case in CASES if case.rule == rule)
        found = finding_of(run(case.base, case.bad, sound(case.base), 0.3)[-1], rule)
        assert found is not None and "bound" in found.words and sum(ch.isdigit() for ch in found.words) >= 2


def test_a_chamber_may_be_silent_until_the_ramp_is_over() -> None:
    """High voltage seen for longer than 100 ms, kilovolts still rising and nothing counted yet: no signal is asked for before the ramp is over."""
    sent = msgspec.structs.replace(with_terms(SENT_ON, ramp_s=0.5), on_at_s=T0)
    memory = remembered(pressed, SENT_ARMED)
    truths = {}
    for n in range(1, 70):
        now = T0 + n * TICK_S
        r = beaming(now, unit_counts_1=0, unit_counts_2=0, on_sent_at_s=T0, unit_beam_ms=10 * n)
        verdict, memory = judge(r, QUIET, sent, memory, RULES)
        truths[n] = truth_of(verdict, "no_signal")
    assert {truths[n] for n in range(1, 51)} == {Truth.NOT_ASKED}
    assert truths[53] is Truth.FALSE


def swinging(hz: float, part: float, for_s: float, what: str = "kv") -> list[Verdict]:
    """Verdicts of ticks in beam whose kV or mA swings about its set value."""
    memory, verdicts = sound("beam"), []
    for n in range(round(for_s / TICK_S)):
        value = {"kv": 69.5, "ma": 1.6}[what] * (1.0 + part * math.sin(2.0 * math.pi * hz * n * TICK_S + 0.4))
        r, house, sent = made("beam", T0 + n * TICK_S, {f"monitor_{what}": value})
        verdict, memory = judge(r, house, sent, memory, RULES, n)
        verdicts.append(verdict)
    return verdicts


@pytest.mark.parametrize("hz", [3.0, 10.0, 25.0, 33.0])
def test_kv_that_swings_through_its_window_is_not_steady(hz: float) -> None:
    """4 % to either side: each stay outside is shorter than 100 ms, and the beam ends all the same, about as soon as for a constant 4 %."""
    seen = [n for n, one in enumerate(swinging(hz, 0.04, 1.0)) if finding_of(one, "kv_steady") is not None]
    assert seen and seen[0] * TICK_S <= 0.3


@pytest.mark.parametrize("hz", [1.5, 3.0, 10.0, 25.0, 33.0])
def test_ma_that_swings_through_its_window_is_not_steady(hz: float) -> None:
    """9 % to either side, of which the hard window of 10 % sees nothing: each stay outside is shorter than 200 ms or not, the beam ends all the same."""
    seen = [n for n, one in enumerate(swinging(hz, 0.09, 1.5, "ma")) if finding_of(one, "ma_steady") is not None]
    assert seen and seen[0] * TICK_S <= 0.5


def test_ma_that_swings_inside_its_window_is_borne() -> None:
    """4.9 % for ever is inside 5 %."""
    assert not [one for one in swinging(25.0, 0.049, 2.0, "ma") if one.findings]


def test_kv_that_swings_inside_its_window_and_one_that_left_it_once_are_borne() -> None:
    """1.9 % for ever is inside; outside twice, with 100 ms inside between them, is two short stays and no long one."""
    assert not [one for one in swinging(25.0, 0.019, 2.0) if one.findings]
    memory = sound("beam")
    for n in range(40):
        kv = 69.5 * (1.04 if n % 13 < 2 else 1.0)
        r, house, sent = made("beam", T0 + n * TICK_S, {"monitor_kv": kv})
        verdict, memory = judge(r, house, sent, memory, RULES, n)
        assert finding_of(verdict, "kv_steady") is None


@pytest.mark.parametrize(
    ("warmer_k", "vented", "fitted", "slow", "said"),
    [
        (1.47, True, ALL_FITTED, True, False),
        (1.48, True, ALL_FITTED, True, True),
        (-1.48, True, ALL_FITTED, True, True),
        (1.48, False, ALL_FITTED, True, False),
        (1.48, True, ALL_FITTED & ~Fitted.AIR, True, False),
        (1.48, True, ALL_FITTED, False, False),
    ],
)
def test_what_the_rule_would_refuse_is_known_before_it_is_offered(
    warmer_k: float, vented: bool, fitted: Fitted, slow: bool, said: bool
) -> None:
    """The same bound and words as k_tp_drift, of settings that nobody has confirmed yet; nothing where nobody asks it."""
    now = readings(T0, slow_temperature_c=22.0 + warmer_k) if slow else readings(T0, slow=None)
    terms = msgspec.structs.replace(SENT_SET_UP.terms, vented_2=vented)
    words = drifted(now, terms, fitted)
    assert bool(words) is said
    if said:
        verdict, _ = judge(armed(T0, slow_temperature_c=22.0 + warmer_k), QUIET, SENT_ARMED, Memory(), RULES)
        (found,) = [f.words for f in verdict.findings if f.rule == "k_tp_drift"]
        assert words == found
