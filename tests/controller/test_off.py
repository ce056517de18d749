"""Is the beam off? Each piece of evidence alone, missing, old and against it: never verified on what is not there."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
import pytest
from decide_bench import CLOSED, K2_CLOSED, LAMPS, LOST, MACHINE, NOW, OPEN, readings

from controller.off import (
    FRESH_S,
    KV_OFF_PART,
    OFF_MOST_S,
    SLOW_FRESH_S,
    Evidence,
    discharging,
    evidence,
    fresh_s,
    too_slow,
)
from hal.machine import Fitted
from hal.readings import Health, Relay
from interlocks.cold import left_kv

OLD = NOW - FRESH_S - 0.01
HV = int(Relay.HV_SEEN)


def off(counted: bool = False, **changes: Any) -> Evidence:
    """The evidence of a machine at rest with these changes."""
    return evidence(readings(**changes), MACHINE, counted)


def test_a_machine_at_rest_is_off() -> None:
    """K1 open by its fresh mirror, nothing against it, no kilovolts, quiet chambers: verified, and strictly so."""
    told = off()
    assert told.verified
    assert told.strict
    assert told.gone
    assert (told.stuck, told.missing) == ("", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unit_relays": CLOSED}, "K1"),
        ({"unit_relays": K2_CLOSED & ~int(Relay.K1_MIRROR_OPEN)}, "K1"),
        ({"unit_relays": OPEN | int(Relay.K1_COMMAND)}, "K1"),
        ({"unit_relays": LAMPS}, "K1"),
        ({"unit_relays": OPEN | HV}, "safety unit sees"),
        ({"monitor_kv": 5.0}, "5.0 kV"),
        ({"monitor_kv": 69.5}, "69.5 kV"),
        ({"monitor_kv": float("nan")}, "nan kV"),
        ({"flags_hv_on": True}, "generator says"),
    ],
    ids=str,
)
def test_one_sign_of_high_voltage_is_enough(changes: dict[str, Any], words: str) -> None:
    """Not verified, and the sign is named; whether the chambers counted makes no difference."""
    for counted in (False, True):
        told = off(counted, **changes)
        assert not told.verified
        assert not told.strict
        assert words in told.stuck


@pytest.mark.parametrize("kv", [-1.0, 0.0, 4.99])
def test_kilovolts_below_five_percent_are_gone(kv: float) -> None:
    """Of full scale, not of the set value."""
    assert off(monitor_kv=kv).verified


@pytest.mark.parametrize(
    "changes", [{"unit": None}, {"unit_asked_at_s": OLD}, {"unit_link": LOST}], ids=["missing", "old", "lost"]
)
def test_without_the_unit_the_generator_must_say_both(changes: dict[str, Any]) -> None:
    """kV gone and its own interlock input open: verified, never strictly. Either alone is not."""
    assert off(**changes).verified
    assert not off(**changes).strict
    assert "safety unit" in off(**changes).missing
    for more in ({"flags_interlock_open": False}, {"flags": None}, {"flags_asked_at_s": OLD}, {"monitor": None}):
        assert not off(True, **changes, **more).verified


@pytest.mark.parametrize(
    "changes",
    [{"monitor": None}, {"monitor_asked_at_s": OLD}, {"generator_link": LOST}],
    ids=["missing", "old", "lost"],
)
def test_without_the_generator_the_chambers_must_have_counted(changes: dict[str, Any]) -> None:
    """Silence of chambers that never counted in this exposure proves nothing (design-A11)."""
    assert off(True, **changes).verified
    assert not off(False, **changes).verified
    assert not off(True, **changes).strict
    assert "generator" in off(**changes).missing


def test_a_line_that_is_not_known_proves_nothing() -> None:
    """Not closed for the rules is not seen open: without the unit's mirror neither off nor an emptying cable follows from it."""
    unknown = {"unit_link": LOST, "flags_interlock_closed": False, "flags_interlock_open": False}
    assert not off(True, **unknown).verified
    assert off(True, **(unknown | {"flags_interlock_open": True})).verified
    assert not empties(unknown)
    assert empties(unknown | {"flags_interlock_open": True})


def test_both_links_lost_is_never_verified() -> None:
    """Whatever the last readings said."""
    for counted in (False, True):
        told = off(counted, unit_link=LOST, generator_link=LOST)
        assert not told.verified
        assert told.missing == "safety unit, generator"


@pytest.mark.parametrize("bit", [Health.SATURATED1, Health.SATURATED2])
def test_a_saturated_chamber_is_not_quiet(bit: Health) -> None:
    """Its silence is not zero."""
    sound = int(Health.HT1 | Health.HT2)
    assert not off(True, unit_health=sound | int(bit)).verified
    assert not off(True, unit_health=sound | int(bit)).gone


def test_strict_needs_everything_fresh() -> None:
    """SELF_TEST asks for kV and for chamber rates."""
    assert not off(slow=None).strict
    assert not off(slow_asked_at_s=NOW - SLOW_FRESH_S - 0.01).strict
    assert off(slow=None).verified


def test_old_flags_neither_prove_nor_speak_against() -> None:
    """An HV flag of long ago is not held against a generator that has been read since; it is no evidence either."""
    assert off(flags_asked_at_s=OLD, flags_hv_on=True).stuck == ""


def test_never_verified_without_a_positive_sign() -> None:
    """Searched: over missing and old parts, links and counts, verified always stands on K1's fresh mirror with kV or counted chambers, or on
    the generator's kV with its interlock line."""
    ages = (NOW - 0.01, OLD)
    for unit_at, kv_at, flags_at, unit_lost, gen_lost, counted, line in product(
        ages, ages, ages, (False, True), (False, True), (False, True), (False, True)
    ):
        changes: dict[str, Any] = {
            "unit_asked_at_s": unit_at,
            "monitor_asked_at_s": kv_at,
            "flags_asked_at_s": flags_at,
            "flags_interlock_open": not line,
        }
        if unit_lost:
            changes["unit_link"] = LOST
        if gen_lost:
            changes["generator_link"] = LOST
        unit, kv = unit_at != OLD and not unit_lost, kv_at != OLD and not gen_lost
        flags = flags_at != OLD and not gen_lost
        expected = (unit and (kv or counted)) or (not unit and kv and flags and not line)
        assert off(counted, **changes).verified is expected


SLOW = msgspec.structs.replace(MACHINE, worst_age_s={"monitor": 0.35, "flags": 0.35}, tick_s=0.05)
"""A generator whose kV comes every third of a second: the DXM at 20 Hz."""


def on_slow_wire(age_s: float, **changes: Any) -> Evidence:
    return evidence(readings(monitor_asked_at_s=NOW - age_s, **changes), SLOW, False)


def test_a_slow_wire_s_kv_counts_by_its_poll_plan_and_only_from_after_the_off() -> None:
    """Worst age and a tick, when it was asked for after the last off and after any ON; from before it proves nothing."""
    off_left = {"off_sent_at_s": NOW - 0.5}
    assert on_slow_wire(0.39, **off_left).strict
    assert not on_slow_wire(0.41, **off_left).verified
    assert not on_slow_wire(0.39).verified
    assert not on_slow_wire(0.39, off_sent_at_s=NOW - 0.38).verified
    assert not on_slow_wire(0.39, on_sent_at_s=NOW - 0.3, **off_left).verified
    assert not off(monitor_asked_at_s=NOW - 0.39, **off_left).verified


def test_no_evidence_is_older_than_t2_whatever_the_plan_says() -> None:
    slower = msgspec.structs.replace(MACHINE, worst_age_s={"monitor": 0.55, "flags": 0.2}, tick_s=0.05)
    assert fresh_s(slower, "monitor") == OFF_MOST_S
    assert too_slow(slower) == ("the generator's kV may be 550 ms old, bound 500 ms",)
    assert too_slow(SLOW) == ()


def test_flags_of_a_lost_link_speak_of_nothing() -> None:
    """However young they are: what the generator last said before it fell silent is not held against the unit and chambers that counted."""
    told = off(True, generator_link=LOST, flags_hv_on=True)
    assert told.verified
    assert told.stuck == ""


# Bounds, to the last one that counts. NOW and the ages here are exact in binary.


def test_bounds_are_those_of_the_documents() -> None:
    """docs/safety.md: a quarter of a second, T2 where the wire is slow, 2.5 s for the chambers' rates, 5 % of full scale."""
    assert (FRESH_S, OFF_MOST_S, SLOW_FRESH_S, KV_OFF_PART) == (0.25, 0.5, 2.5, 0.05)


def test_evidence_counts_up_to_its_bound_and_no_longer() -> None:
    """At the bound each reading still counts, 1/64 s later none does."""
    at = {"unit_asked_at_s": NOW - 0.25, "monitor_asked_at_s": NOW - 0.25, "slow_asked_at_s": NOW - 2.5}
    assert off(**at).strict
    for name in at:
        assert not off(**(at | {name: at[name] - 1 / 64})).strict, name
    by_generator = {"unit": None, "monitor_asked_at_s": NOW - 0.25, "flags_asked_at_s": NOW - 0.25}
    assert off(**by_generator).verified
    assert not off(**(by_generator | {"flags_asked_at_s": NOW - 0.25 - 1 / 64})).verified


EXACT = msgspec.structs.replace(MACHINE, worst_age_s={"monitor": 0.375, "flags": 0.375}, tick_s=0.0625)
"""A slow wire whose bound is 0.4375 s to the bit."""


@pytest.mark.parametrize(
    ("age_s", "off_age_s", "on_age_s", "proves"),
    [
        (0.4375, 0.5, None, True),
        (0.453125, 0.5, None, False),
        (0.40625, 0.40625, None, True),
        (0.40625, 0.390625, None, False),
        (0.40625, 0.5, 0.40625, True),
        (0.40625, 0.5, 0.390625, False),
        (0.40625, 0.5, 0.484375, True),
        (0.40625, None, None, False),
    ],
)
def test_a_slow_wire_s_readings_count_to_their_bound_from_the_moment_of_the_off(
    age_s: float, off_age_s: float | None, on_age_s: float | None, proves: bool
) -> None:
    """kV, and without the unit the flags: asked for at the moment of the last off, or of the last ON, is from after it."""
    sent = {
        "off_sent_at_s": None if off_age_s is None else NOW - off_age_s,
        "on_sent_at_s": None if on_age_s is None else NOW - on_age_s,
    }
    assert evidence(readings(monitor_asked_at_s=NOW - age_s, **sent), EXACT, False).strict is proves
    assert evidence(readings(unit=None, flags_asked_at_s=NOW - age_s, **sent), EXACT, False).verified is proves


def test_what_a_plan_says_nothing_of_is_fresh_for_a_quarter_of_a_second() -> None:
    """A wire as quick as can be asks for no longer bound, and a tick is added to what its plan says."""
    quick = msgspec.structs.replace(MACHINE, worst_age_s={}, tick_s=0.01)
    assert [fresh_s(quick, name) for name in ("unit", "monitor", "flags")] == [0.25] * 3
    assert too_slow(quick) == ()
    assert fresh_s(EXACT, "monitor") == 0.4375


def test_a_rig_too_slow_to_prove_off_is_told_each_reading_with_its_bound() -> None:
    """The unit's status may be 250 ms old, what the generator says 500 ms."""
    slow = msgspec.structs.replace(MACHINE, worst_age_s={"unit": 0.3, "monitor": 0.625, "flags": 0.75})
    assert too_slow(slow) == (
        "the safety unit's status may be 300 ms old, bound 250 ms",
        "the generator's kV may be 625 ms old, bound 500 ms",
        "the generator's flags may be 750 ms old, bound 500 ms",
    )


@pytest.mark.parametrize(("over_s", "told"), [(0.0, False), (0.95e-9, False), (1e-9, False), (1.05e-9, True)])
def test_a_plan_s_age_is_not_held_to_its_last_bits(over_s: float, told: bool) -> None:
    """Ages are sums of periods: what is over by no more than a nanosecond is rounding."""
    assert bool(too_slow(msgspec.structs.replace(MACHINE, worst_age_s={"unit": 0.25 + over_s}))) is told


# What each sign is worth


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({}, True),
        ({"unit_relays": CLOSED}, True),
        ({"unit_relays": OPEN | HV}, False),
        ({"unit": None}, False),
        ({"monitor": None}, False),
        ({"monitor_kv": 5.0}, False),
    ],
    ids=str,
)
def test_gone_is_what_kv_and_chambers_say_whatever_the_contactors_do(changes: dict[str, Any], gone: bool) -> None:
    """The fraction's beam is over when there is no high voltage; both must have been heard."""
    assert off(True, **changes).gone is gone


def test_every_sign_is_named() -> None:
    """Whoever stands beside the machine reads all that says it is on, not the first of it."""
    told = off(unit_relays=CLOSED | HV, monitor_kv=69.5, flags_hv_on=True)
    assert told.stuck.split("; ") == [
        "the mirror contact of K1 says closed",
        "the safety unit sees high voltage",
        "the generator reads 69.5 kV",
        "the generator says high voltage on",
    ]


def test_a_rig_without_chambers_is_strictly_off_without_their_rates() -> None:
    """Whatever else is fitted; one that has chambers must have heard them."""
    without = msgspec.structs.replace(MACHINE, fitted=MACHINE.fitted & ~Fitted.CHAMBERS)
    chambers_alone = msgspec.structs.replace(MACHINE, fitted=Fitted.CHAMBERS)
    assert evidence(readings(slow=None), without, False).strict
    assert not evidence(readings(slow=None), chambers_alone, False).strict


# A cable that empties through its bleeder


def empties(changes: dict[str, Any], machine: Any = MACHINE, kv: float = 70.0, since_s: float = 4.0) -> bool:
    """Whether only a cable's charge is left, of 70 kV that went off 4 s ago; 60 kV are read unless it is said otherwise."""
    return discharging(readings(**({"monitor_kv": 60.0} | changes)), machine, kv, since_s)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"flags_interlock_open": False},
        {"unit": None},
        {"unit_asked_at_s": OLD, "unit_relays": CLOSED},
        {"unit_link": LOST, "unit_relays": CLOSED},
    ],
    ids=str,
)
def test_an_open_contactor_and_falling_kv_are_a_cable(changes: dict[str, Any]) -> None:
    """Open by the unit's mirror; where the unit is not heard, by the generator's own line."""
    assert empties(changes) is True


@pytest.mark.parametrize(
    "changes",
    [
        {"monitor": None},
        {"flags": None},
        {"generator_link": LOST},
        {"flags_hv_on": True},
        {"monitor_asked_at_s": OLD},
        {"flags_asked_at_s": OLD},
        {"unit_relays": CLOSED},
        {"unit_relays": LAMPS},
        {"unit_relays": OPEN | int(Relay.K1_COMMAND)},
        {"unit_health": int(Health.HT1 | Health.HT2 | Health.SATURATED1)},
        {"unit_health": int(Health.HT1 | Health.HT2 | Health.SATURATED2)},
        {"unit": None, "flags_interlock_open": False},
        {"unit_link": LOST, "flags_interlock_open": False},
    ],
    ids=str,
)
def test_one_sign_against_a_cable_is_enough(changes: dict[str, Any]) -> None:
    """Nothing heard of the generator, its supply on, the contactor closed, or a saturated chamber: it is not only the cable."""
    assert empties(changes) is False


def test_a_cable_holds_no_more_than_its_bleeder_has_left() -> None:
    """To the last bit, and by the kV that it was charged to."""
    left = left_kv(70.0, 4.0)
    assert empties({"monitor_kv": left})
    assert not empties({"monitor_kv": left + 0.001})
    assert not empties({"monitor_kv": left}, since_s=6.0)
    assert not empties({"monitor_kv": left}, kv=69.0)


@pytest.mark.parametrize("name", ["monitor", "flags"])
def test_a_cable_on_a_slow_wire_is_seen_by_its_poll_plan(name: str) -> None:
    """As any other evidence: asked for after the off, no older than the plan says."""
    asked = {f"{name}_asked_at_s": NOW - 0.40625}
    assert empties(asked | {"off_sent_at_s": NOW - 4.0}, EXACT)
    assert not empties(asked, EXACT)
