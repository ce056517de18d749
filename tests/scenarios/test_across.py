"""The laws that compare runs: no reading of a clock decides anything, STOP leads to off from every state, and what nothing hinders comes to its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from refusal_bench import MakeRig, slice_of

from controller.kernel import Kernels
from controller.states import EXPIRES_S, State
from verification.across import OTHERS, USUAL, Clocks, comes_to_its_end, stop_leads_off, time_independent
from verification.invariants import check_all
from verification.reach import REACH, settle, to_ready, turn_until
from verification.scenarios import find, play
from verification.setting import lay_out, prescribed, virtual_rig
from verification.trace import Observer, Trace


def run(folder: Path, kernels: Kernels, clocks: Clocks) -> Trace:
    """A short fraction under these clocks."""
    setting = lay_out(folder / "rig", folder / "records", "monitor", 15020)
    rig = virtual_rig(setting, kernels, epoch_s=clocks.epoch_s)
    observer = Observer(rig)
    steps = list(clocks.steps)

    def step(_: Any) -> None:
        while steps and rig.now_s() - clocks.epoch_s >= steps[0][0]:
            rig.clock.wall_step_s += steps.pop(0)[1]

    rig.tick_hooks.append(step)
    try:
        assert play(find("normal"), rig, prescribed(200.0)).wrong == []
        assert not steps
        return observer.trace()
    finally:
        rig.close()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory, kernels: Kernels) -> Trace:
    """The run under the usual clock."""
    return run(tmp_path_factory.mktemp("usual"), kernels, USUAL)


@pytest.mark.parametrize("clocks", slice_of(OTHERS, lambda c: c.name.startswith("2^32")), ids=lambda c: c.name)
def test_no_reading_of_a_clock_decides_anything(usual: Trace, tmp_path: Path, kernels: Kernels, clocks: Clocks) -> None:
    """M1: the same states in the same order, dose and records, and no beam longer or shorter by more than the chambers' noise makes it (5 ms)."""
    made = {USUAL: usual, clocks: run(tmp_path, kernels, clocks)}
    assert time_independent(made.__getitem__, (clocks,)) == []
    assert check_all(made[clocks]) == []


def test_runs_that_part_are_seen(usual: Trace) -> None:
    """M1 can fail: another state, a longer stay, more dose, shorter beam, another record."""
    middle = next(n for n, row in enumerate(usual.rows) if row.state == "IRRADIATING") + 50
    other = [msgspec.structs.replace(r, state="FAULT" if n == middle else r.state) for n, r in enumerate(usual.rows)]
    late = [msgspec.structs.replace(r, t=r.t + (0.2 if n > middle else 0.0)) for n, r in enumerate(usual.rows)]
    more = [msgspec.structs.replace(r, mgy=r.mgy + (1.0 if n > middle else 0.0)) for n, r in enumerate(usual.rows)]
    log = tuple((at - 0.01 if what == "beam off" else at, who, what) for at, who, what in usual.log)
    for parted in (
        replace(usual, rows=tuple(other)),
        replace(usual, rows=tuple(late)),
        replace(usual, rows=tuple(more)),
        replace(usual, log=log),
        replace(usual, fractions=()),
    ):
        made = {USUAL: usual, OTHERS[0]: parted}
        assert [b.invariant for b in time_independent(made.__getitem__, OTHERS[:1])] == ["M1"]


@pytest.mark.parametrize("state", slice_of(REACH, lambda s: s is State.STARTING), ids=lambda s: s.value)
def test_stop_leads_to_off_from_every_state(make_rig: MakeRig, state: State) -> None:
    """M2: brought there by real commands, one STOP; high voltage is gone and stays away."""
    rig = make_rig()
    observer = Observer(rig)
    REACH[state](rig)
    stop_at_s = rig.now_s()
    rig.stop()
    rig.wait(3.0)
    assert stop_leads_off(observer.trace(), stop_at_s) == []


def test_what_nothing_hinders_comes_to_its_end(usual: Trace) -> None:
    """M2, and that it can fail: beam after a STOP, no rest after it, a fraction that stays partial, no fraction at all."""
    assert comes_to_its_end(usual) == []
    partial = tuple({**f, "status": "PARTIAL"} for f in usual.fractions)
    assert comes_to_its_end(replace(usual, fractions=partial)) and comes_to_its_end(replace(usual, fractions=()))
    beam = next(row.t for row in usual.rows if row.state == "IRRADIATING")
    assert {b.words.split(" ")[1] for b in stop_leads_off(usual, beam)} == {"kV"}
    assert stop_leads_off(replace(usual, rows=usual.rows[:300]), usual.rows[0].t)
    assert stop_leads_off(usual, usual.rows[-1].t)


@pytest.mark.grid
def test_an_expired_ready_leaves_a_void(make_rig: MakeRig) -> None:
    """A READY that nobody presses for a minute: the unit's own window ends it, the token's record is a VOID without dose."""
    rig = make_rig()
    observer = Observer(rig)
    to_ready(rig)
    rig.wait(EXPIRES_S[State.READY] + 0.5)
    turn_until(rig, State.PREPARATORY)
    settle(rig)
    rig.wait(2.0)
    trace = observer.trace()
    assert [(e["void"], e["delivered_mgy"]) for f in trace.fractions for e in f["exposures"]] == [(True, 0.0)]
    assert check_all(trace) == []
