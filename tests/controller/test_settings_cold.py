"""A dry run's settings: no current, no heat, no dose, its own seconds from K1, a unit that ends it at any count; or words why not."""

from __future__ import annotations

import struct

import msgspec
import pytest
from dose_bench import LIMITS, RIG, WALL_S, at_rest, certificate, clearance, combination, identity, prescribed

from controller.prescribed import Prescribed
from controller.presets import LAYOUT
from controller.refusals import RigSide
from controller.settings import Refusal, Settings, make_settings
from hal.machine import NOTHING_FITTED
from hal.readings import Purpose, TimerStart
from interlocks.limits import ABSOLUTE, MODES, check_terms, narrow

COLD_RIG = msgspec.structs.replace(RIG, not_cold="")
TWO = certificate(
    combinations=(combination(ma=2.0, r0_mgy_per_s=68.75, leak1_cps=5.0), combination(leak1_cps=0.5, kv_read=69.4, ma_read=1.67))
)  # fmt: skip


def asked(**changes: object) -> Prescribed:
    nothing = {"purpose": Purpose.DRY_RUN, "rx_mgy": 0.0, "depth_mm": 0.0, "ma": 0.0, "approved_by": ()}
    return prescribed(**(nothing | changes))


def settings(p: Prescribed | None = None, rig: RigSide = COLD_RIG, capabilities: int = 15) -> Settings | Refusal:
    p = p or asked()
    seen = at_rest(unit_identity=identity(capabilities=capabilities))
    return make_settings(p, TWO, clearance(p), LIMITS, seen, rig, WALL_S)


def test_nothing_heats_the_filament_and_the_unit_ends_it_at_any_count() -> None:
    """The rate of the least mA says what is dark; t2d is the longest that the register takes; both channels have one bound, so that none is scaled."""
    made = settings()
    assert isinstance(made, Settings), made
    plan, t = made.plan, made.terms
    assert (plan.ma_counts, plan.filament_limit_counts, plan.filament_preheat_counts) == (0, 0, 0)
    assert (t.kv, t.ma, t.d0_mgy, t.set_time_s, t.r0_mgy_per_s, t.timer_start) == (
        69.4,
        0.0,
        0.0,
        5.0,
        55.0,
        TimerStart.K1_CLOSED,
    )
    assert (made.d0_mgy, made.skin_mgy, made.rest_mgy, made.tail_mgy, made.combination.ma) == (0.0, 0.0, 0.0, 0.0, 0.0)
    held = LAYOUT.unpack(plan.staging)
    preset, k1, count_1, count_2 = held[:4]
    window, t2, t2d, purpose, no_dose = held[5], held[8], held[9], held[10], held[12]
    end, start, rate = held[16], held[18], held[19]
    assert (preset, k1, count_1, count_2, rate, no_dose) == (5000, 5560, 19, 19, 1, 0)
    assert (window, t2, t2d, purpose, end, start) == (2000, 35, 40, 0x7878, 0x3C, 0x0FF0)
    assert check_terms(narrow(ABSOLUTE, LIMITS, MODES[Purpose.DRY_RUN]), t) == ()


def test_a_unit_without_a_monitor_of_kv_is_not_asked_to_wait_for_counts() -> None:
    made = settings(capabilities=11)
    assert isinstance(made, Settings)
    assert struct.unpack_from(">H", made.plan.staging, 18) == (0,)


@pytest.mark.parametrize(
    ("p", "rig", "words"),
    [
        (asked(ma=1.6), COLD_RIG, "mA 1.6 is not 0"),
        (asked(ma=0.001), COLD_RIG, "mA 0.001 is not 0"),
        (asked(ma=-0.1), COLD_RIG, "mA -0.1 is not 0"),
        (asked(rx_mgy=100.0), COLD_RIG, "dose 100 is not 0"),
        (asked(kv=60.0), COLD_RIG, "60 kV, filter F2, applicator A20 is in no combination"),
        (asked(), RIG, "nobody said whether its filament can be kept cold"),
        (asked(), msgspec.structs.replace(COLD_RIG, fitted=NOTHING_FITTED), "with two chambers"),
        (asked(), msgspec.structs.replace(COLD_RIG, watchdog_s=1.0), "a safety unit of its own"),
    ],
)
def test_what_is_no_dry_run_is_refused_in_words(p: Prescribed, rig: RigSide, words: str) -> None:
    made = settings(p, rig)
    assert not isinstance(made, Settings) and any(words in one for one in made), made


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.DRY_RUN}))
def test_no_beam_goes_without_a_current(purpose: Purpose) -> None:
    made = settings(prescribed(purpose=purpose, ma=0.0))
    assert not isinstance(made, Settings)
