"""Over a cold filament: a lit filament, any count, a supply that goes on after off, a plan with a current are each seen; a cable is none of them."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from interlock_bench import LIMITS, PLAN, terms

from hal.commands import Plan
from hal.readings import Purpose, TimerStart
from interlocks import cold
from interlocks.dose_rules import DOSE_RULES
from interlocks.generator_rules import GENERATOR_RULES, cable_charged
from interlocks.limits import ABSOLUTE, MODES, check_terms, narrow
from interlocks.words import Terms

ROWS = {row.id: row for row in (*DOSE_RULES, *GENERATOR_RULES)}


def staged(rate: int = 1) -> bytes:
    """Purpose, timer start and comparator in their places; the rest is nobody's here."""
    return (
        bytes(24) + (0x7878).to_bytes(2, "big") + bytes(24) + (0x0FF0).to_bytes(2, "big") + rate.to_bytes(2, "big") + bytes(2)
    )  # fmt: skip


def dry(**changes: Any) -> Terms:
    """69.5 kV and nothing else."""
    plan = Plan(PLAN.kv_counts, 0, 0, 0, staged(), 0)
    nothing = {
        "ma": 0.0,
        "d0_mgy": 0.0,
        "set_time_s": 5.0,
        "timer_limit_s": 5.0,
        "k1_limit_s": 6.0,
        "timer_start": TimerStart.K1_CLOSED,
    }
    return terms(**({"purpose": Purpose.DRY_RUN, "kv": 69.5, "plan": plan} | nothing | changes))


def look(**seen: Any) -> Any:
    """What is seen 3 s into it: a bleeder of 1 GOhm, chambers that leak as certified."""
    given = {
        "ma": 0.07,
        "kv": 69.4,
        "filament_a": 0.0,
        "cps_1": 0.0,
        "cps_2": 0.0,
        "d1": 0.0,
        "d2": 0.0,
        "t": dry(),
    } | seen
    return SimpleNamespace(
        terms=given["t"], monitor=SimpleNamespace(kv=given["kv"], ma=given["ma"], filament_a=given["filament_a"], asked_at_s=given.get("at", 100.0)),
        dose=SimpleNamespace(d1_mgy=given["d1"], d2_mgy=given["d2"]), cps_1=given["cps_1"], cps_2=given["cps_2"],
        flags=SimpleNamespace(hv_on=given.get("on", False)), stale=given.get("stale", 0), sent=SimpleNamespace(beam_off_at_s=given.get("off")),
        monitor_on_s=3.0, flags_on_s=3.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ("ma_high", {"ma": 0.16}),
        ("ma_high", {"filament_a": 0.51}),
        ("ma_high", {"ma": math.nan}),
        ("ma_high", {"filament_a": math.nan}),
        ("ma_steady", {"ma": 0.16}),
        ("ma_steady", {"ma": -0.01}),
        ("dose_rate_high", {"cps_1": 300.0}),
        ("dose_rate_high", {"cps_2": 300.0}),
        ("dose_rate_high", {"d1": 1.01}),
        ("dose_rate_high", {"d2": 1.01}),
    ],
)
def test_a_lit_filament_is_seen_by_its_current_its_heat_and_its_radiation(rule: str, seen: dict[str, float]) -> None:
    assert ROWS[rule].question(look()) is True
    assert ROWS[rule].question(look(**seen)) is False
    words = ROWS[rule].wrong(look(**seen))
    assert "radiation where none was asked" in words or "it is lit" in words
    assert "nan A" not in words and ("an unknown current" in words) is math.isnan(seen.get("filament_a", 0.0))


def test_a_rate_that_nobody_knows_is_no_dark_one() -> None:
    assert ROWS["dose_rate_high"].question(look(cps_1=math.nan)) is None
    assert ROWS["dose_rate_high"].question(look(cps_2=math.nan)) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ma": 0.05}, "mA is 0.05"),
        ({"plan": Plan(1, 1, 0, 0, staged(), 0)}, "mA set-point"),
        ({"plan": Plan(1, 0, 1, 0, staged(), 0)}, "filament's limit"),
        ({"plan": Plan(1, 0, 0, 1, staged(), 0)}, "filament's preheat"),
        ({"plan": Plan(1, 0, 0, 0, staged(0), 0)}, "rate limit"),
        ({"plan": Plan(1, 0, 0, 0, staged(2), 0)}, "rate limit"),
        ({"plan": Plan(1, 0, 0, 0, bytes(56), 0)}, "purpose"),
        ({"d0_mgy": 1.0}, "dose"),
        ({"set_time_s": 5.01}, "lasts 5 s"),
        ({"timer_start": TimerStart.HV_SEEN}, "from K1"),
        ({"kv": 101.0}, "kv"),
    ],
)
def test_the_gate_lets_no_dry_run_through_that_has_a_current_a_dose_or_a_wide_comparator(changes: dict[str, Any], words: str) -> None:  # fmt: skip
    """Whatever made the plan: the last word before the machine asks for each itself."""
    bounds = narrow(ABSOLUTE, LIMITS, MODES[Purpose.DRY_RUN])
    assert check_terms(bounds, dry()) == ()
    assert any(words in one for one in check_terms(bounds, dry(**changes)))


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.DRY_RUN}))
def test_what_a_dry_run_must_be_is_asked_of_no_other_purpose(purpose: Purpose) -> None:
    """Terms with a current, a dose and a time of their own have nothing wrong by these; as a dry run each of them is named."""
    given = terms(purpose=purpose)
    assert list(cold.wrong(given)) == []
    assert len(list(cold.wrong(msgspec.structs.replace(given, purpose=Purpose.DRY_RUN)))) > 3


def test_no_other_purpose_goes_without_a_current() -> None:
    """mA 0 stays refused for a beam."""
    for purpose in set(Purpose) - {Purpose.DRY_RUN}:
        bounds = narrow(ABSOLUTE, LIMITS, MODES[purpose])
        assert any(one.startswith("ma = 0 is below") for one in check_terms(bounds, terms(purpose=purpose, ma=0.0)))


def test_a_cable_that_empties_is_no_beam_and_a_supply_that_goes_on_is() -> None:
    """Off at 100 s. The slowest bleeder that is believed leaves 64 of 69.5 kV after 4 s; a supply that holds them, or says that it is on, is uncommanded."""
    assert cable_charged(look(off=100.0, at=104.0, kv=58.0))
    assert not cable_charged(look(off=100.0, at=104.0, kv=69.4))
    assert not cable_charged(look(off=100.0, at=104.0, kv=58.0, on=True))
    assert not cable_charged(look(off=100.0, at=104.0, kv=58.0, stale=4))
    assert not cable_charged(look(off=100.0, at=104.0, kv=math.nan))
    assert not cable_charged(look(at=104.0, kv=58.0))
    assert not cable_charged(
        look(off=100.0, at=104.0, kv=58.0, t=msgspec.structs.replace(dry(), purpose=Purpose.TREAT))
    )
    assert cold.left_kv(100.0, 100.0) < 5.0


def test_the_bounds_over_a_cold_filament_are_written_down_twice() -> None:
    """Whoever changes one changes the other, or has slipped."""
    assert [cold.SECONDS, cold.COOL_S, cold.RATE_PER_10MS] == [5.0, 3.0, 1]
    assert [cold.FILAMENT_A, cold.COUNTS, cold.DOSE_MGY] == [0.5, 2.0, 1.0]
    assert [cold.most_ma(kv) for kv in (0.0, 50.0, 100.0)] == pytest.approx([0.02, 0.12, 0.22], rel=1e-12)


def test_a_filament_at_its_bound_is_cold_and_one_that_was_not_read_is_not() -> None:
    def read(filament_a: float) -> Any:
        return SimpleNamespace(filament_a=filament_a)

    assert [cold.is_cold(read(a)) for a in (0.0, 0.5, 0.5001, math.nan)] == [True, True, False, False]
    assert cold.is_cold(None) is False


def test_a_cable_may_hold_its_kv_for_a_second_and_then_a_thirtieth_less_in_each() -> None:
    """By hand: 2 % and 1 kV above 100 kV until 1 s after off, then 102 exp(-(t - 1) / 30) + 1."""
    by_hand = {0.0: 103.0, 0.5: 103.0, 1.0: 103.0, 2.0: 99.65604, 31.0: 38.52370, 61.0: 14.80420}
    assert {at: cold.left_kv(100.0, at) for at in by_hand} == pytest.approx(by_hand, abs=1e-5)
    assert cold.left_kv(0.0, 100.0) == 1.0


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ("ma_high", {"ma": 0.159}),
        ("ma_high", {"filament_a": 0.5}),
        ("dose_rate_high", {"d1": 1.0}),
        ("dose_rate_high", {"d2": 1.0}),
    ],
)
def test_what_lies_at_its_bound_is_still_dark(rule: str, seen: dict[str, float]) -> None:
    assert ROWS[rule].question(look(**seen)) is True
