"""The tail at `kerma calibrate`, through the shipped controller and recorder: what the physicist finds is what the same exposures truly gave after their ends.
Its R0 and end effect are the plant's own; how they are measured is tests/scenarios/test_calibrated_tube.py's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from calibration.planned import Planned
from calibration.procedures.journal import Journal
from calibration.procedures.parts import SHIPPED, Setting
from calibration.procedures.session import AnyEvent, Effects, Exposed, Session
from calibration.procedures.tail import tail, tail_procedure
from console.exit_codes import Exit
from controller.kernel import Kernels
from simulators.unit_firmware import RUN, UnitFirmware
from verification import calibrate_story
from verification.calibrate_script import KV, MA, NAME, WARM
from verification.calibrate_story import Story

pytestmark = [pytest.mark.grid, pytest.mark.timeout(900)]
TAIL = "\n".join(("ok", *["go"] * 6, "accept")) + "\n"
TICK_S = 0.01


@dataclass
class Seen:
    """The true dose in the plane at each end of the unit, and when each exposure was answered."""

    at_end: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    @property
    def tails_mgy(self) -> list[float]:
        return [after - end for end, after in zip(self.at_end, self.after, strict=True)][-6:]


def story(tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> tuple[Story, Seen]:
    """An unknown tube whose tail is planned with its true rate, and the truth of every exposure."""
    told, seen = Story(tmp_path, kernels), Seen()
    take, end = Journal.take, UnitFirmware.end

    def taken(self: Journal, event: AnyEvent) -> Effects:
        effects = take(self, event)
        if isinstance(event, Exposed):
            seen.after.append(told.world.plant.dose_mgy)
        seen.sessions[:] = [self.session]
        return effects

    def ended(self: UnitFirmware, bits: int) -> None:
        if self.state == RUN:
            seen.at_end.append(told.world.plant.dose_mgy)
        end(self, bits)

    def planned(*of: Any) -> Planned:
        if not of[1].startswith("tail"):
            return measurable(*of)
        r0, dt_s = float(told.bare["r0_mgy_per_s"]), float(told.bare["dt_s"]["hv_seen"])
        return Planned(tail_procedure(Setting(KV, MA, "F2", "A20"), r0, dt_s, (0.5, 0.3), TICK_S, SHIPPED))

    measurable = calibrate_story.measurable
    monkeypatch.setattr(Journal, "take", taken)
    monkeypatch.setattr(UnitFirmware, "end", ended)
    monkeypatch.setattr(calibrate_story, "measurable", planned)
    return told, seen


def test_the_tail_is_found_through_the_controller(
    tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within u of what the six ends truly gave, and shorter than through K1 alone, for OFF by wire goes out with the tick that reads of the end."""
    told, seen = story(tmp_path, kernels, monkeypatch)
    rig = told.begin()
    try:
        assert told.measure(rig, f"warm-{NAME}", WARM) is Exit.AS_INTENDED
        assert told.measure(rig, f"tail-{NAME}", TAIL) is Exit.AS_INTENDED, told.told.shown[f"tail-{NAME}"][-3000:]
    finally:
        rig.close()
    found = tail(seen.sessions[0])
    assert found.tail_mgy == pytest.approx(fmean(seen.tails_mgy), abs=found.u_tail_mgy)
    assert 0.1 < found.u_tail_mgy < 0.3 * found.tail_mgy and found.tail_mgy < float(told.bare["tail_mgy"])
    assert "tail as full rate" in told.told.shown[f"tail-{NAME}"]


def test_a7_a_contactor_that_hangs_on_some_ends_is_refused(
    tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard A7: OFF by wire hides it from the dose, and the mirror shows it: every other end K1 opens 65 ms after it was told to."""
    told, seen = story(tmp_path, kernels, monkeypatch)
    rig = told.begin()

    def hung(*_: object) -> None:
        told.world.plant.k1.open_late_us = 50_000 * (len(seen.at_end) % 2)

    rig.tick_hooks.append(hung)
    try:
        assert told.measure(rig, f"warm-{NAME}", WARM) is Exit.AS_INTENDED
        assert told.measure(rig, f"tail-{NAME}", TAIL) is not Exit.AS_INTENDED
    finally:
        rig.close()
    shown = " ".join(told.told.shown[f"tail-{NAME}"].split())
    assert "ms after it was told to open, and 50 are charged; treat nobody, have K1 looked at" in shown
    assert max(seen.tails_mgy) < 1.1 * min(seen.tails_mgy)
