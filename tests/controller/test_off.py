"""Is the beam off? Each piece of evidence alone, missing, old and against it: never verified on what is not there."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
import pytest
from decide_bench import CLOSED, K2_CLOSED, LAMPS, LOST, MACHINE, NOW, OPEN, readings

from controller.off import FRESH_S, OFF_MOST_S, SLOW_FRESH_S, Evidence, evidence, fresh_s, too_slow
from hal.readings import Health, Relay

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
    for more in ({"flags_interlock_closed": True}, {"flags": None}, {"flags_asked_at_s": OLD}, {"monitor": None}):
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
            "flags_interlock_closed": line,
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
