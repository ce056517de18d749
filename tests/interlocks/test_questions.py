"""Single questions asked at the bound itself, which no walk through ticks hits, and what is said when there is no number to say.
A look is made as the judge makes it, with a memory of the test's own."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import msgspec
import pytest
from interlock_bench import CLOSED, CONTACTS, HV, OPEN, ROW, RULES, SENT_ON, SWITCH, T0, TERMS
from test_rules import both, made, sound

from hal.readings import Link, Relay, Termination, UnitCapability, UnitIdentity, UnitState
from interlocks.generator_rules import seen_counts
from interlocks.look import RATE_WINDOW_S, Look, take
from interlocks.words import Sent

NEVER = -math.inf
ENDED = Sent(command="off", terms=SENT_ON.terms, off_at_s=T0 - 2.0)
PRESSED = both(CONTACTS | SWITCH)


K2_OPEN = int(Relay.K2_MIRROR_OPEN)
RAMP_ENDS = {"on_sent_at_s": T0 - 0.5}
QUIET = Sent(command="off", terms=SENT_ON.terms, off_at_s=T0 - 0.65, beam_off_at_s=T0 - 0.65)
QUIET_S = T0 - 0.65 + TERMS.t2d_s
COUNTED_S = QUIET_S + RATE_WINDOW_S
"""When nothing of the beam is left, and when a count holds nothing of it."""


def fitted(capabilities: int) -> UnitIdentity:
    """A unit that has these of its parts."""
    return UnitIdentity(1.0, "U1", "fw", capabilities, 1200, 10**6, 20, 500, "")


def cps(one: float, two: float) -> dict[str, float]:
    """What both chambers count a second."""
    return {"cps_1": one, "cps_2": two}


class Asked(NamedTuple):
    """One rule, a base with changes as in test_rules.py, a memory of it with changes, and what is wanted."""

    rule: str
    base: str
    changes: dict[str, Any]
    memory: dict[str, Any]
    wanted: bool | str | None
    now_s: float = T0
    sent: Sent | None = None
    seen: dict[str, Any] = {}  # noqa: RUF012
    """What the look itself works out, given instead."""

    def look(self) -> Look:
        given, house, sent = made(self.base, self.now_s, self.changes)
        memory = msgspec.structs.replace(sound(self.base), **self.memory)
        bounds = RULES.stale_after_s, RULES.full_scale_kv, RULES.paired
        return msgspec.structs.replace(take(given, house, self.sent or sent, memory, *bounds), **self.seen)


AT_THE_BOUND = [
    Asked("door", "rest", {}, {"opened_at_s": (NEVER, 0.0, NEVER)}, True, 0.1),
    Asked("switch_released", "rest", PRESSED, {"released_at_s": T0 - 5.0}, True),
    Asked("switch_let_go", "rest", PRESSED, {"released_at_s": NEVER}, True, T0, ENDED),
    Asked("switch_let_go", "rest", PRESSED, {"released_at_s": T0 - 2.0}, False, T0 + 0.5, ENDED),
    Asked("unit_identity", "rest", {"unit_identity": None}, {}, None),
    Asked("generator_identity", "rest", {"generator_identity": None}, {}, None),
    Asked("boot_count", "rest", {}, {"rebooted": True}, False),
    Asked("boot_count", "armed", {}, {"rebooted": True}, False),
    Asked("unit_timer", "beam", {"dose_unit_beam_s": None}, {}, False),
    Asked("unit_timer", "beam", {"dose_host_beam_s": None}, {}, False),
    Asked("unit_timer", "beam", {"dose_unit_beam_s": 0.0, "dose_host_beam_s": 0.1}, {}, True),
    Asked("relay_mirrors", "rest", {"unit_identity": None, "unit_relays": OPEN & ~K2_OPEN}, {}, False),
    Asked("relay_mirrors", "rest", {"unit_identity": fitted(15 & ~UnitCapability.K2_FITTED), "unit_relays": OPEN & ~K2_OPEN}, {}, True),
    Asked("relay_mirrors", "rest", {"unit_identity": fitted(UnitCapability.K2_FITTED), "unit_relays": OPEN & ~K2_OPEN}, {}, False),
    Asked("presets_committed", "armed", {"unit_state": int(UnitState.IDLE)}, {}, False),
    Asked("presets_committed", "armed", {"unit_state": int(UnitState.ENDED)}, {}, True),
    Asked("mirrors_stay", "beam", {"unit_relays": CLOSED | HV | K2_OPEN}, {"commanded_at_s": 0.0}, False, 0.1),
    Asked("mirrors_stay", "beam", {"unit_relays": CLOSED | HV | K2_OPEN}, {"commanded_at_s": 0.0}, True, 0.09),
    Asked("read_back", "armed", {"set_points_asked_at_s": T0 - 2.5}, {}, True),
    Asked("beam_lost", "beam", {**RAMP_ENDS, "flags_hv_on": False, "flags_asked_at_s": T0 - 0.25}, {}, True),
    Asked("beam_lost", "beam", {**RAMP_ENDS, "monitor_kv": 1.0, "monitor_asked_at_s": T0 - 0.25}, {}, True),
    Asked("beam_lost", "beam", {"monitor_kv": 0.5 * 69.5}, {}, True),
    Asked("kv_low", "beam", {"monitor_kv": 69.5 * (1.0 - 0.05)}, {}, True),
    Asked("ma_low", "beam", {"monitor_ma": 1.6 * (1.0 - 0.10)}, {}, True),
    Asked("kv_low", "beam", {"monitor_kv": math.nan, "flags_hv_on": False}, {}, False),
    Asked("ma_low", "beam", {"monitor_ma": math.nan, "flags_hv_on": False}, {}, False),
    Asked("hv_uncommanded", "rest", {"on_sent_at_s": 1.0, "flags_hv_on": True, "flags_asked_at_s": QUIET_S}, {}, False, T0, QUIET),
    Asked("hv_uncommanded", "rest", {"on_sent_at_s": 1.0, "monitor_kv": 30.0, "monitor_asked_at_s": QUIET_S}, {}, False, T0, QUIET),
    Asked("hv_uncommanded", "rest", {"on_sent_at_s": 1.0, "unit_relays": OPEN | HV, "unit_asked_at_s": COUNTED_S}, {}, False, COUNTED_S, QUIET),
    Asked("hv_uncommanded", "rest", {"on_sent_at_s": 1.0, "slow_rate_1": 99, "slow_asked_at_s": COUNTED_S}, {}, False, COUNTED_S, QUIET),
    Asked("hv_uncommanded", "rest", {"on_sent_at_s": 1.0, "flags_hv_on": True, "flags_asked_at_s": QUIET_S - 0.01}, {}, True, T0, QUIET),
    Asked("hv_uncommanded", "rest", {"on_sent_at_s": 1.0, "monitor_kv": 30.0, "monitor_asked_at_s": QUIET_S - 0.01}, {}, True, T0, QUIET),
    Asked("hv_uncommanded", "rest", {"on_sent_at_s": 1.0, "unit_relays": OPEN | HV, "unit_asked_at_s": COUNTED_S - 0.01}, {}, True, COUNTED_S, QUIET),
    Asked("hv_uncommanded", "rest", {"on_sent_at_s": 1.0, "slow_rate_1": 99, "slow_asked_at_s": COUNTED_S - 0.01}, {}, True, COUNTED_S, QUIET),
    Asked("hv_uncommanded", "rest", {"flags_hv_on": True, "flags_asked_at_s": T0 - 1.0}, {}, None),
    Asked("hv_uncommanded", "rest", {"monitor_kv": 30.0, "monitor_asked_at_s": T0 - 1.0}, {}, None),
    Asked("hv_uncommanded", "rest", {"unit_relays": OPEN | HV, "unit_asked_at_s": T0 - 1.0}, {}, None),
    Asked("hv_uncommanded", "rest", {"slow_rate_1": 99, "slow_asked_at_s": T0 - 9.0}, {}, None),
    Asked("ma_steady", "beam", {"terms_ma": 0.0, "monitor_ma": 0.0}, {}, True),
    *(
        Asked(rule, "beam", {}, {}, wanted, seen=cps(one, two))
        for rule, one, two, wanted in (
            ("no_signal", 0.5, 0.5, True), ("no_signal", 0.0, 9.0, False), ("no_signal", 9.0, 0.0, False),
            ("no_signal", math.nan, 9.0, None), ("no_signal", 9.0, math.nan, None),
            ("no_dose", 61.0, 61.0, True), ("no_dose", 60.0, 61.0, False), ("no_dose", 61.0, 60.0, False),
            ("no_dose", math.nan, 99.0, None), ("no_dose", 99.0, math.nan, None),
            ("dose_rate_high", 4124.0, 4167.0, True), ("dose_rate_high", 4126.0, 0.0, False), ("dose_rate_high", 0.0, 4168.0, False),
        )
    ),
    Asked("dose_timer", "beam", {"dose_dt_mgy": 400.0}, {}, True),
    Asked("dose_timer", "beam", {"terms_termination": Termination.TIME, "dose_dt_mgy": 400.0}, {}, False),
    Asked("k_tp_drift", "beam", {"terms_air_k_per_kpa": 0.0}, {}, False),
    Asked("k_tp_drift", "beam", {"slow_pressure_kpa": 300.0, "terms_air_k_per_kpa": (273.15 + 22.0) / 300.0}, {}, True),
    Asked("k_tp_drift", "beam", {"slow_temperature_c": 10.0}, {}, False),
    Asked("leakage", "committed", {"terms_leak2_cps": 20.0, "slow_rate_2": 7}, {}, True),
    Asked("leakage", "committed", {"terms_leak2_cps": 20.0, "slow_rate_2": 8}, {}, False),
    Asked("leakage_at_start", "committed", {"on_sent_at_s": 1.0, "slow_asked_at_s": COUNTED_S}, {}, True, COUNTED_S, QUIET),
    Asked("leakage_at_start", "committed", {"on_sent_at_s": 1.0, "slow_asked_at_s": COUNTED_S - 0.01}, {}, False, COUNTED_S, QUIET),
]  # fmt: skip


@pytest.mark.parametrize("asked", AT_THE_BOUND, ids=lambda asked: asked.rule)
def test_a_bound_itself_is_inside_or_not_as_it_is_written(asked: Asked) -> None:
    """Exactly the bound, in numbers that the machine holds exactly."""
    assert ROW[asked.rule].question(asked.look()) is asked.wanted


SAID = [
    Asked(
        "switch_released", "committed", PRESSED, {"released_at_s": T0 - 6.0},
        "the beam-on switch was last seen released 6.0 s ago (bound 5 s)",
    ),
    Asked(
        "switch_released", "committed", PRESSED, {"released_at_s": NEVER},
        "the beam-on switch has not been seen released yet (bound 5 s)",
    ),
    Asked(
        "switch_let_go", "rest", PRESSED, {"released_at_s": NEVER},
        "the beam-on switch is still pressed 2.5 s after the beam's end (bound 2 s; channel A closed, channel B closed)",
        T0 + 0.5, ENDED,
    ),
    Asked(
        "door", "rest", {}, {"opened_at_s": (NEVER, T0 - 0.04, NEVER)},
        "the door is open, or was 0.04 s ago (bound 0.1 s)",
    ),
    Asked("unit_identity", "rest", {"unit_identity": None}, {}, "the safety unit is not the configured one: no identity yet"),
    Asked("generator_identity", "rest", {"generator_identity": None}, {}, "the generator is not the configured one: no identity yet"),
    Asked("unit_link", "rest", {"unit_link": Link()}, {}, "the safety unit's link is lost; last good reply never; no trouble named"),
    Asked("generator_link", "rest", {"generator_link": Link()}, {}, "the generator's link is lost; last good reply never; no trouble named"),
    Asked("boot_count", "rest", {}, {"rebooted": True}, "the safety unit has restarted: boot count 3"),
    Asked(
        "unit_timer", "beam", {"dose_unit_beam_s": None, "dose_host_beam_s": None}, {},
        "the safety unit counted nothing of beam, this computer nothing (bound 1 % or 0.1 s)",
    ),
    Asked("no_signal", "beam", {}, {}, "chambers count 0 and 9 in 1 s with high voltage on", seen=cps(0.0, 9.0)),
    Asked("no_dose", "beam", {}, {}, "chambers count 9 and 8 in 1 s with high voltage on", seen=cps(9.0, 8.0)),
    Asked(
        "dose_rate_high", "beam", {}, {},
        "dose rates 100.00 and 98.98 mGy/s, certified 55.00 mGy/s (bound 150 %)", seen=cps(5000.0, 5000.0),
    ),
    Asked(
        "leakage_at_start", "committed", {"on_sent_at_s": 1.0, "slow_asked_at_s": COUNTED_S - 0.01}, {},
        "the chambers' leakage has not been measured since the last beam", COUNTED_S, QUIET,
    ),
]  # fmt: skip


@pytest.mark.parametrize("asked", SAID, ids=lambda asked: asked.rule)
def test_what_is_said_of_it(asked: Asked) -> None:
    """Of rules of memory, and of readings that have never come."""
    look = asked.look()
    assert ROW[asked.rule].question(look) is not True
    assert ROW[asked.rule].wrong(look) == asked.wanted


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"terms_leak1_cps": 20.0, "terms_leak2_cps": 30.0}, (20.0, 30.0)),
        ({"terms_r0_mgy_per_s": 100.0}, (10.0, 10.2040816)),
        ({"terms_r0_mgy_per_s": 100.0, "terms_n1_mgy_per_count": 0.01, "terms_n2_mgy_per_count": 0.04}, (20.0, 6.0)),
        ({"terms_hv_seen_counts_per_100ms": 50}, (50.0, 50.0)),
    ],
)
def test_counts_that_mean_high_voltage_are_above_each_of_three(
    changes: dict[str, Any], wanted: tuple[float, float]
) -> None:
    """Ten times the certified leakage, 2 % of the certified rate, and the committed threshold: the largest, for each chamber by itself."""
    assert seen_counts(Asked("", "committed", changes, {}, None).look()) == pytest.approx(wanted)
    assert seen_counts(Asked("", "rest", {}, {}, None).look()) == (10.0, 10.0)
