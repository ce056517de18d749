"""A tube with a certificate of its name plate, through the shipped controller: it exposes though it gives three times that, and treats nobody."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from calibration.procedures.session import Expose
from calibration.provisional import load_plate, provisional
from calibration.write import write_certificate
from console import configuration, hour_charge
from console.calibrate.exposing import Answered, Hand, Kept, Person
from console.treat.session import Session
from controller.kernel import Kernels
from controller.requests import Load
from controller.states import State
from hal.readings import Purpose
from tests.scenarios.test_exposing import Face
from verification.reach import turn_until
from verification.setting import CERTIFICATES, EXAMPLES, Setting, lay_out, prescribed, virtual_rig
from verification.virtual import WALL_S, VirtualRig
from verification.virtual_desk import VirtualDesk, VirtualNow

WAITS = re.compile(r"first wait (\d+) min (\d+) s, until \d\d:\d\d:\d\d UTC, then ask for it again$")
pytestmark = pytest.mark.timeout(60)


def plated(folder: Path, rate_mgy_per_s: float) -> Setting:
    """The examples' rig with a certificate of a plate that says this rate, and 8 mAs an hour."""
    setting = lay_out(folder / "rig", folder / "records", "monitor", 15020)
    plate = load_plate(EXAMPLES / "plate.toml").model_copy(update={"rate_mgy_per_s": rate_mgy_per_s})
    document = provisional(plate, version("kerma"), datetime.fromtimestamp(WALL_S - 60.0, UTC))
    write_certificate(setting.folder / CERTIFICATES["monitor"], document)
    setting.rig_file.write_text(f"{setting.rig_file.read_text()}\n[limits]\nmas_hour_max = 8.0\n")
    return setting


def later(rig: VirtualRig, seconds: float) -> None:
    """So much of the hour goes by, and the program is started again: by the clock of now, as it asks after a clock that was set."""
    rig.clock.wall_step_s += seconds
    rig.kill_host()
    rig.start_host()
    rig.come_to_desk()
    turn_until(rig, State.STANDBY)


def exposed(rig: VirtualRig, folder: Path, token: str) -> Answered:
    """4 s of beam by a physicist's hand."""
    session = Session(VirtualDesk(rig), folder / "stop", VirtualNow(rig))
    kept = Kept(Path(rig.recorder_config.database))

    def pressed() -> str:
        rig.press()
        return ""

    waits = hour_charge.waits(
        configuration.load(folder / "rig" / "rig.toml", os.getuid()), Purpose.CALIBRATE, VirtualNow(rig)
    )
    hand = Hand(session, rig.blob.certificate, kept, Person("P. One", "physicist"), Face(), pressed, waits=waits)
    answer = hand.expose(Expose(token, "physics", 69.5, 1.6, "F2", "A20", 4.0, 6.47))
    assert isinstance(answer, Answered)
    return answer


def test_what_if_the_tube_gives_three_times_its_plate(tmp_path: Path, kernels: Kernels) -> None:
    """The exposure ends after its seconds; the next is above the hour's charge; and no fraction is treated with such numbers."""
    rig = virtual_rig(plated(tmp_path, 55.0 / 3.0), kernels)
    try:
        rig.room(key="SERVICE")
        first = exposed(rig, tmp_path, "S-1")
        assert (first.ended, first.timer_s) == ("complete", 4.0)
        assert first.record.counts_1 == pytest.approx(4.0 * 55.0 / 0.02, rel=0.07)
        assert "mas_hour = 12.8 is above 8" in exposed(rig, tmp_path, "S-2").ended
        rig.room(key="TREAT")
        rig.wait(0.3)
        answer = rig.ask(Load(prescribed(), "op"))
        assert not answer.ok and "is provisional" in answer.words and "TREAT needs a signed one" in answer.words
    finally:
        rig.close()


def test_g26_a_full_hour_says_when_the_next_exposure_is_possible_and_then_it_is(
    tmp_path: Path, kernels: Kernels
) -> None:
    """Hazard G26: nobody has to try again and again; a second before what was said the desk still refuses, then it exposes."""
    rig = virtual_rig(plated(tmp_path, 55.0 / 3.0), kernels)
    try:
        rig.room(key="SERVICE")
        assert exposed(rig, tmp_path, "S-1").ended == "complete"
        found = WAITS.search(exposed(rig, tmp_path, "S-2").ended)
        assert found is not None
        wait_s = 60.0 * int(found[1]) + int(found[2])
        assert 3500.0 < wait_s <= 3600.0
        began_s = rig.now_s()
        later(rig, wait_s - 60.0)
        again = WAITS.search(exposed(rig, tmp_path, "S-3").ended)
        assert again is not None and 60.0 * int(again[1]) + int(again[2]) == pytest.approx(
            60.0 - (rig.now_s() - began_s), abs=2.0
        )
        later(rig, 60.0)
        assert exposed(rig, tmp_path, "S-4").ended == "complete"
    finally:
        rig.close()


@pytest.mark.grid
@pytest.mark.parametrize(("rate", "rule"), [(55.0 / 5.0, "rate"), (55.0 * 5.0, "dose_timer")])
def test_what_if_it_gives_five_times_or_a_fifth(tmp_path: Path, kernels: Kernels, rate: float, rule: str) -> None:
    rig = virtual_rig(plated(tmp_path, rate), kernels)
    try:
        rig.room(key="SERVICE")
        answer = exposed(rig, tmp_path, "S-1")
        assert answer.ended != "complete"
        assert rule in answer.ended.lower(), answer
        assert answer.timer_s < 1.5
    finally:
        rig.close()
