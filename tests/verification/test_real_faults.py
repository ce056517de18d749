"""Faults of the operating system on real processes: the plans, and each kind of them once on a real rig (make grid; make real plays more)."""

from __future__ import annotations

import pytest

from verification.faulty_recorder import DiskPlan
from verification.real_faults import KINDS, WHOLE_S, Plan, plan_of, play

TRIES = 3
"""A run beside which the machine was taken away is played again; no bound is loosened."""


def test_a_seed_is_one_plan_and_a_row_of_seeds_holds_every_kind() -> None:
    plans = [plan_of(seed) for seed in range(2 * len(KINDS))]
    assert plans == [plan_of(plan.seed) for plan in plans]
    assert [plan.kind for plan in plans] == [*KINDS, *KINDS]
    assert all(0.0 <= plan.at_s <= WHOLE_S and str(plan.seed) in plan.told() for plan in plans)
    assert all((plan.disk is not None) is plan.kind.startswith("disk-") for plan in plans)
    assert len({plan.at_s for plan in plans}) > len(KINDS)


def test_some_kinds_alone_come_in_turn_too() -> None:
    assert [plan_of(seed, ("host-killed", "disk-slow")).kind for seed in range(3)] == [
        "host-killed",
        "disk-slow",
        "host-killed",
    ]


@pytest.mark.grid
@pytest.mark.realtime
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 100 + len(KINDS)))
def test_each_kind_at_a_random_instant(seed: int) -> None:
    played = play(plan_of(seed))
    for _ in range(TRIES - 1):
        if played.wrong and played.late:
            played = play(plan_of(seed))
    assert played.wrong == [], played.plan.told()


@pytest.mark.grid
@pytest.mark.realtime
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("what", ["EIO", "ENOSPC", "KILL"])
def test_every_call_of_a_real_recorder_to_its_disk(what: str) -> None:
    """Every 40th call of some 400; `kerma torture --kinds disk-fails,disk-kills` draws from all of them."""
    wrong = [
        (played.plan.told(), played.wrong)
        for call in range(1, 420, 40)
        if (played := play(Plan(call, "disk-fails", 0.0, disk=DiskPlan(call, what, 1, 0.0, call)))).wrong
    ]
    assert wrong == []
