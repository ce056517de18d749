"""Timer and end effect at `kerma calibrate`, through the shipped controller and recorder: what the physicist finds is what the same exposures truly gave."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from calibration.procedures import end_effect
from calibration.procedures.journal import Journal
from calibration.procedures.session import AnyEvent, Effects, Exposed, Session
from console.exit_codes import Exit
from controller.kernel import Kernels
from verification.calibrate_script import CHAMBER_MM, NAME, WARM
from verification.calibrate_story import Story

pytestmark = [pytest.mark.grid, pytest.mark.timeout(900)]
ONE = ("@bench key RES", "@bench key STA", "go", "@bench key HLD", "@read electrometer nC")
SCRIPT = "\n".join((
    "ok EL-4004 KV-5005", "@air", "go", "@read timer", "accept", f"@bench chamber A distance_mm {CHAMBER_MM} volts 300 range LOW", "@wait 5", "ok", "@air",
    "@bench key RES", "@bench key STA", "@wait 60", "@bench key HLD", "go", "@read electrometer nC", "accept", *(*ONE, "accept") * 4, *ONE * 6, "accept",
    "@air", *(*ONE, "accept") * 4,
)) + "\n"  # fmt: skip


def test_the_end_effect_is_found_through_the_controller(
    tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Story(tmp_path, kernels, tick_hz=100)
    rig = told.begin()
    ends: list[float] = []
    sessions: list[Session] = []
    before = Journal.take

    def take(self: Journal, event: AnyEvent) -> Effects:
        effects = before(self, event)
        if isinstance(event, Exposed):
            ends.append(told.world.plant.dose_mgy)
        sessions[:] = [self.session]
        return effects

    monkeypatch.setattr(Journal, "take", take)
    try:
        assert told.measure(rig, f"warm-{NAME}", WARM) is Exit.AS_INTENDED
        assert told.measure(rig, f"timer-{NAME}", SCRIPT) is Exit.AS_INTENDED, told.told.shown[f"timer-{NAME}"][-3000:]
    finally:
        rig.close()
    found = end_effect.timing(sessions[0])
    given = [after - before for before, after in pairwise(ends)][-14:]
    short, long = (sum(given[place] for place in places) / 4.0 for places in ((0, 3, 10, 13), (1, 2, 11, 12)))
    true_dt_s = short / ((long - short) / 25.0) - 5.0
    assert found.dt_s == pytest.approx(true_dt_s, abs=2.0 * found.u_dt_s)
    assert found.dt_k1_closed_s is None and found.u_dt_s < 0.005
    assert found.timer_worst_s is not None and abs(found.timer_worst_s) < 0.02, (
        "the unit's timer against the monotonic clock of the records"
    )
