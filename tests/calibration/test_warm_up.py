"""Shows the ladder of a warm-up: from the lowest kV up by idle time, then 10 s exposures at the top until three are steady, and an end where they never are."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC

import pytest

from calibration.warm_up import LONGEST_S, MOST_STEADY, following, ladder
from controller.prescribed import Combination
from hal.readings import Purpose
from records.warm_up import HOUR_S, LADDER, Beam, standing

WALL = 1_795_000_000.0
NOW = 5000.0


def combination(kv: float, ma: float = 1.6, applicator: str = "A20") -> Combination:
    return Combination(
        kv=kv, ma=ma, filter_id="F2", filter_code=0xF2, applicator_id=applicator, applicator_code=0x35, r0_mgy_per_s=55.0, dt_s=-0.1,
        tail_mgy=1.0, n1_mgy_per_count=0.02, n2_mgy_per_count=0.02, leak1_cps=0.0, leak2_cps=0.0, g_kv=(), pdd=((0.0, 100.0),),
        effective_ssd_mm=60.0, max_skin_mgy=15_000.0, max_time_s=300.0,
    )  # fmt: skip


COMBINATIONS = (
    combination(69.5),
    combination(50.0),
    combination(50.0, 0.5),
    combination(60.0),
    combination(80.0, applicator="A30"),
)


def warmed(idle_h: float, rate: Callable[[int], float] = lambda _n: 55.0) -> tuple[list[tuple[float, float]], str]:
    """Do whatever is asked for; what was exposed, and the last words."""
    rungs, made = ladder(COMBINATIONS, "F2", "A20"), list[Beam]()
    begun_s = WALL - idle_h * HOUR_S
    if math.isfinite(idle_h):
        made.append(beam(0, begun_s - 10.0, begun_s, Purpose.CALIBRATE, rungs[0], 55.0))
    wall_s, exposed = WALL, list[tuple[float, float]]()
    for number in range(1, 200):
        now = standing(reversed(made), NOW + wall_s - WALL, wall_s, UTC)
        todo = following(rungs, idle_h * HOUR_S, now)
        if todo.combination is None:
            return exposed, todo.words
        assert 3.0 <= todo.seconds <= LONGEST_S
        exposed.append((todo.combination.kv, todo.seconds))
        made.append(beam(number, wall_s, wall_s + todo.seconds, Purpose.WARMUP, todo.combination, rate(number)))
        wall_s += todo.seconds + 10.0
    raise AssertionError("no end")


def beam(token: int, begun_s: float, ended_s: float, purpose: Purpose, c: Combination, rate: float) -> Beam:
    key = (c.kv, c.ma, c.filter_id, c.applicator_id)
    return Beam(token, begun_s, ended_s, ended_s - begun_s, purpose, c.kv, key, rate, True, WALL - NOW)


def test_the_rungs_are_what_is_fitted_one_for_each_kv_with_its_lowest_ma() -> None:
    assert [(c.kv, c.ma) for c in ladder(COMBINATIONS, "F2", "A20")] == [(50.0, 0.5), (60.0, 1.6), (69.5, 1.6)]
    with pytest.raises(
        ValueError,
        match="filter F2 and applicator A40 are in no combination of the certificate; fit one of F2 A20, F2 A30",
    ):
        ladder(COMBINATIONS, "F2", "A40")


@pytest.mark.parametrize("idle_h", [5.0, 10.0, 100.0, math.inf])
def test_after_its_idle_time_the_tube_gets_its_minutes_kv_by_kv_and_ends_steady(idle_h: float) -> None:
    exposed, words = warmed(idle_h)
    row = next(row for row in LADDER if idle_h * HOUR_S <= row.idle_most_s)
    assert words.startswith("warm: ") and "steady at 69.5 kV" in words
    assert sum(seconds for _, seconds in exposed) == pytest.approx(row.beam_s, abs=10.0)
    assert exposed[-3:] == [(69.5, 10.0)] * 3
    kvs = [kv for kv, _ in exposed]
    assert kvs == sorted(kvs) and (set(kvs) == {50.0, 60.0, 69.5} if row.ladder else set(kvs) == {69.5})


def test_g22_minutes_alone_are_no_end_and_a_tube_that_is_never_steady_is_given_up() -> None:
    later, words = warmed(5.0, lambda n: 55.0 * (1.0 + 0.01 * max(0, 8 - n)))
    assert words.startswith("warm: ") and len(later) > len(warmed(5.0)[0])
    never, words = warmed(5.0, lambda n: 55.0 * (1.0 + 0.01 * (n % 2)))
    assert words == f"not steady after {MOST_STEADY} exposures of 10 s at 69.5 kV; call service"
    assert sum(1 for _, seconds in never if seconds == 10.0) == MOST_STEADY


def test_a_warm_tube_is_asked_for_nothing_and_a_higher_kv_for_its_own() -> None:
    rungs = ladder(COMBINATIONS, "F2", "A20")
    made = [beam(n, WALL + 20.0 * n, WALL + 20.0 * n + 20.0, Purpose.WARMUP, rungs[1], 55.0) for n in range(3)]
    now = standing(reversed(made), NOW, WALL + 60.0, UTC)
    assert now is not None and now.reached_kv == 60.0
    assert following(rungs, 60.0, now).combination is not None
    assert following(rungs[:2], 60.0, now).combination is not None, "an unknown idle time asks for an hour"
