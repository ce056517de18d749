"""Limits only narrow, refuse in words, and never move a value; NaN and infinity are refused at every boundary."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from interlock_bench import LIMITS, TERMS, terms

from hal.errors import ConfigurationError
from hal.readings import Purpose
from interlocks.limits import ABSOLUTE, BOUNDS, LARGEST, MODES, SMALLEST, check, check_terms, narrow
from interlocks.words import Limits

FIELDS = Limits.__struct_fields__


def test_every_limit_is_a_largest_or_a_smallest() -> None:
    """No field of Limits is without a direction, and every bound of `check` exists."""
    assert sorted((*LARGEST, *SMALLEST)) == sorted(FIELDS)
    assert {bound for pair in BOUNDS.values() for bound in pair if bound} == set(FIELDS)


def test_nothing_else_leaves_the_absolute_limits_and_the_most_restrictive_wins() -> None:
    """Machine, applicator and purpose each narrow; the order does not matter."""
    assert narrow(ABSOLUTE) == ABSOLUTE
    assert narrow(ABSOLUTE, ABSOLUTE) == ABSOLUTE
    machine = msgspec.structs.replace(ABSOLUTE, kv_max=80.0, kv_min=50.0)
    applicator = msgspec.structs.replace(ABSOLUTE, kv_max=70.0, skin_max_mgy=9000.0)
    both = narrow(ABSOLUTE, machine, applicator)
    assert (both.kv_min, both.kv_max, both.skin_max_mgy) == (50.0, 70.0, 9000.0)
    assert narrow(ABSOLUTE, applicator, machine) == both


@pytest.mark.parametrize("name", FIELDS)
def test_a_configuration_that_widens_is_refused_in_words(name: str) -> None:
    """One step beyond the absolute bound: refused, with the value, the bound and where it stands."""
    bound = getattr(ABSOLUTE, name)
    wider = math.nextafter(bound, math.inf if name in LARGEST else -math.inf)
    with pytest.raises(ConfigurationError, match=f"{name} = .* widens the absolute limit"):
        narrow(ABSOLUTE, msgspec.structs.replace(ABSOLUTE, **{name: wider}))


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_no_number_is_refused(name: str, value: float) -> None:
    """In a configuration and in the absolute limits alike."""
    odd = msgspec.structs.replace(ABSOLUTE, **{name: value})
    for limits in ((ABSOLUTE, odd), (odd,)):
        with pytest.raises(ConfigurationError, match=name):
            narrow(*limits)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("level", ["machine", "purpose", "applicator", "fraction"])
def test_each_limit_is_narrowed_at_each_level_and_widened_at_none(name: str, level: str) -> None:
    """The narrowest of four levels holds, whichever it is; at any level a wider bound is refused and not taken."""
    levels = dict.fromkeys(("machine", "purpose", "applicator", "fraction"), ABSOLUTE)
    bound = getattr(ABSOLUTE, name)
    tight, tighter = (0.9 * bound, 0.8 * bound) if name in LARGEST else (1.1 * bound, 1.2 * bound)
    others = {other: msgspec.structs.replace(ABSOLUTE, **{name: tight}) for other in levels}
    narrowest = others | {level: msgspec.structs.replace(ABSOLUTE, **{name: tighter})}
    assert getattr(narrow(ABSOLUTE, *narrowest.values()), name) == tighter
    wide = levels | {
        level: msgspec.structs.replace(ABSOLUTE, **{name: 1.1 * bound if name in LARGEST else 0.9 * bound})
    }
    with pytest.raises(ConfigurationError, match=name):
        narrow(ABSOLUTE, *wide.values())


def test_no_purpose_widens_and_each_has_its_limits() -> None:
    assert set(MODES) == set(Purpose)
    for limits in MODES.values():
        assert narrow(ABSOLUTE, limits) == limits
    assert MODES[Purpose.DAILY].time_max_s < MODES[Purpose.TREAT].time_max_s


def test_limits_that_leave_nothing_are_refused() -> None:
    """A smallest above its largest."""
    with pytest.raises(ConfigurationError, match=r"kv_min = 90\.0 lies above kv_max = 60\.0"):
        narrow(ABSOLUTE, msgspec.structs.replace(ABSOLUTE, kv_min=90.0), msgspec.structs.replace(ABSOLUTE, kv_max=60.0))


@given(st.lists(st.tuples(*(st.floats(0.0, 1.0) for _ in FIELDS)), max_size=4))
def test_narrowing_never_widens(parts: list[tuple[float, ...]]) -> None:
    """Whatever lies inside the absolute limits: the result lies inside every one of them."""
    others = [
        Limits(
            *(
                getattr(ABSOLUTE, name) * (1.0 - 0.4 * x if name in LARGEST else 1.0 + 0.4 * x)
                for name, x in zip(FIELDS, part, strict=True)
            )
        )
        for part in parts
    ]
    narrowed = narrow(ABSOLUTE, *others)
    for other in (ABSOLUTE, *others):
        for name in FIELDS:
            ours, theirs = getattr(narrowed, name), getattr(other, name)
            assert ours <= theirs if name in LARGEST else ours >= theirs


@pytest.mark.parametrize("name", BOUNDS)
def test_a_value_at_its_bound_passes_and_one_step_beyond_does_not(name: str) -> None:
    """Dense at the bound; the words name value, bound and source."""
    low, high = BOUNDS[name]
    for bound_name, away in ((low, -math.inf), (high, math.inf)):
        if bound_name is None:
            continue
        bound = getattr(LIMITS, bound_name)
        assert check(LIMITS, {name: bound}) == ()
        (words,) = check(LIMITS, {name: math.nextafter(bound, away)}, "rig.toml")
        assert name in words and bound_name in words and "rig.toml" in words and f"{bound:g}" in words


def test_a_value_that_is_no_number_or_has_no_bound_is_refused() -> None:
    """NaN, infinities and unknown names."""
    for value in (math.nan, math.inf, -math.inf):
        assert len(check(LIMITS, {"kv": value})) == 1
    assert check(LIMITS, {"dose": 1.0})


@pytest.mark.parametrize("name", [n for n in TERMS.__struct_fields__ if isinstance(getattr(TERMS, n), float)])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_terms_with_a_number_that_is_none_are_refused(name: str, value: float) -> None:
    """Whatever float of the terms it is."""
    assert any(name in words for words in check_terms(LIMITS, terms(**{name: value})))


def test_sound_terms_pass_and_the_timers_limit_may_lie_above_the_longest_time_by_its_margin() -> None:
    """Backup margin max(4 %, 1 s) above time_max_s, not more."""
    assert check_terms(LIMITS, TERMS) == ()
    assert check_terms(LIMITS, terms(timer_limit_s=936.0)) == ()
    assert check_terms(LIMITS, terms(timer_limit_s=936.1))


@pytest.mark.parametrize(
    "name", ["r0_mgy_per_s", "n1_mgy_per_count", "n2_mgy_per_count", "k_tp", "timer_limit_s", "k1_limit_s"]
)
def test_what_is_divided_by_or_waited_for_is_above_zero(name: str) -> None:
    """0 and below are refused before a rule can divide by them."""
    for value in (0.0, -1.0):
        assert check_terms(LIMITS, terms(**{name: value}))


def test_the_bounds_are_as_they_were_designed() -> None:
    """Each number, what a check and a dry run may be at most, and which values must be above 0 or not below it."""
    assert msgspec.structs.astuple(ABSOLUTE) == (
        10.0, 100.0, 0.05, 20.0, 20_000.0, 25_000.0, 3.0, 900.0, 1000.0, 18_000.0, 36_000.0,
    )  # fmt: skip
    narrower = msgspec.structs.replace(ABSOLUTE, rx_max_mgy=10_000.0, skin_max_mgy=12_500.0, time_max_s=300.0)
    whole = {Purpose.TREAT: ABSOLUTE, Purpose.WARMUP: ABSOLUTE}
    charge = msgspec.structs.replace(ABSOLUTE, time_max_s=300.0, mas_max=300.0, mas_hour_max=3_000.0)
    nothing = {"rx_max_mgy": 0.0, "skin_max_mgy": 0.0, "power_max_w": 0.0, "mas_max": 0.0, "mas_hour_max": 0.0}
    dry = msgspec.structs.replace(ABSOLUTE, time_max_s=5.0, **nothing)
    assert whole | {Purpose.DAILY: narrower, Purpose.DRY_RUN: dry, Purpose.CALIBRATE: charge} == MODES
    assert BOUNDS == {
        "kv": ("kv_min", "kv_max"),
        "ma": ("ma_min", "ma_max"),
        "rx_mgy": (None, "rx_max_mgy"),
        "skin_mgy": (None, "skin_max_mgy"),
        "time_s": ("time_min_s", "time_max_s"),
        "power_w": (None, "power_max_w"),
        "mas": (None, "mas_max"),
        "mas_hour": (None, "mas_hour_max"),
    }


@pytest.mark.parametrize("name", ["leak1_cps", "leak2_cps", "d0_mgy", "ramp_s", "t2_s", "t2d_s"])
def test_what_is_counted_or_waited_for_is_not_below_zero(name: str) -> None:
    """0 may be, less may not, and it is said in words."""
    assert check_terms(LIMITS, terms(**{name: 0.0})) == ()
    assert check_terms(LIMITS, terms(**{name: -1.0})) == (f"{name} = -1 is below 0; check the certificate",)


def test_each_wrong_is_said_in_words() -> None:
    """What is wrong, with value and bound, and what to do first; several at once, in their order."""
    assert check(LIMITS, {"dose": 1.0, "kv": math.inf, "ma": 9.0, "time_s": 1.0}, "rig.toml") == (
        "dose has no bound; it may not be confirmed",
        "kv = inf is not a finite number; correct the file that it comes from",
        "ma = 9 is above 5 (ma_max of rig.toml); choose a smaller one",
        "time_s = 1 is below 3 (time_min_s of rig.toml); choose a larger one",
    )
    assert check(LIMITS, {"kv": 101.0}) == ("kv = 101 is above 100 (kv_max of limits); choose a smaller one",)
    assert check_terms(LIMITS, terms(k_tp=math.nan)) == ("k_tp = nan is not a finite number; load the fraction again",)
    assert check_terms(LIMITS, terms(k_tp=0.0)) == ("k_tp = 0 is not above 0; check the certificate",)
    short = msgspec.structs.replace(LIMITS, time_max_s=10.0)
    assert check_terms(short, terms(set_time_s=10.0, timer_limit_s=11.0)) == ()
    assert check_terms(short, terms(set_time_s=10.0, timer_limit_s=11.1)) == (
        "the timer's limit 11.1 s is above 11 s (time_max_s with the backup's margin); load again",
    )
    for wrong in ({"kv": 9.0}, {"ma": 9.0}, {"d0_mgy": 26_000.0}, {"set_time_s": 1.0}, {"kv": 100.0, "ma": 5.1}):
        assert check_terms(LIMITS, terms(**wrong)), wrong
    assert check_terms(msgspec.structs.replace(LIMITS, power_max_w=111.0), terms(kv=69.5, ma=1.6)) == (
        "power_w = 111.2 is above 111 (power_max_w of limits); choose a smaller one",
    )
    assert check_terms(msgspec.structs.replace(LIMITS, mas_max=247.0), terms(ma=1.6, set_time_s=155.0)) == (
        "mas = 248 is above 247 (mas_max of limits); choose a smaller one",
    )


def test_a_configuration_says_all_that_is_wrong_with_it() -> None:
    """Every bound that it widens, every number that is none, and every range that is empty, in one go."""
    odd = msgspec.structs.replace(ABSOLUTE, kv_max=101.0, ma_min=math.nan, time_min_s=50.0)
    small = msgspec.structs.replace(ABSOLUTE, time_max_s=20.0)
    with pytest.raises(ConfigurationError) as raised:
        narrow(ABSOLUTE, odd, small)
    assert str(raised.value) == (
        "limits: kv_max = 101.0 widens the absolute limit 100.0 (interlocks/limits.py); narrow it or leave it out; "
        "ma_min = nan is not a finite number (bound 0.05); write a number; "
        "time_min_s = 50.0 lies above time_max_s = 20.0: nothing could be confirmed; correct one of them"
    )
    with pytest.raises(ConfigurationError, match=r"^limits: kv_max is inf, not a finite number$"):
        narrow(msgspec.structs.replace(ABSOLUTE, kv_max=math.inf))
    for low, high in (("kv_min", "kv_max"), ("ma_min", "ma_max"), ("time_min_s", "time_max_s")):
        same = msgspec.structs.replace(ABSOLUTE, **{low: getattr(ABSOLUTE, high)})
        assert getattr(narrow(ABSOLUTE, same), low) == getattr(ABSOLUTE, high)
