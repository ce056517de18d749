"""The heat that the tube holds by its records, and the exposure that would end too hot (engineering-G21): refused with value, bound and how long to wait.
The tube's body is one time constant; the figures here are worked by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from day_bench import DayRig, made
from records_bench import prescribed

from controller.blob import TubeHeat
from hal.readings import Purpose
from records.heat import held_j, too_hot
from records.warm_up import beams

TAU_S = 600.0
POWER_W = 69.5 * 1.6
ONE_J = POWER_W * TAU_S * (1.0 - math.exp(-30.0 / TAU_S))
"""What 30 s of beam leave, at their end."""


def _rig(folder: Path, capacity_j: float = 6000.0) -> DayRig:
    return made(
        folder, waived=True, changed={"tube_heat": TubeHeat(capacity_j, TAU_S), "day_check_waived_simulated": True}
    )


def _held(rig: DayRig) -> float:
    return held_j(rig.recorder.book, TubeHeat(6000.0, TAU_S), rig.clock.now, rig.clock.wall)


def test_g21_each_exposure_adds_its_heat_and_the_tube_cools_by_its_time_constant(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    assert _held(rig) == 0.0
    rig.expose(Purpose.CALIBRATE, 30.0)
    ended = rig.clock.now
    assert _held(rig) == pytest.approx(ONE_J, rel=0.01)
    rig.clock.go(TAU_S)
    assert _held(rig) == pytest.approx(ONE_J / math.e, rel=0.01)
    rig.expose(Purpose.WARMUP, 30.0)
    assert _held(rig) == pytest.approx(ONE_J * (1.0 + math.exp(-(rig.clock.now - ended) / TAU_S)), rel=0.01)
    rig.clock.go(13.0 * TAU_S)
    assert _held(rig) == 0.0
    rig.close()


def test_high_voltage_over_a_cold_filament_is_no_beam_no_heat_and_no_use_of_the_tube(tmp_path: Path) -> None:
    """Whatever its record says of time: it warms nothing."""
    rig = _rig(tmp_path)
    rig.expose(Purpose.DRY_RUN, 5.0)
    assert _held(rig) == 0.0 and list(beams(rig.recorder.book)) == []
    rig.expose(Purpose.CALIBRATE, 30.0, fraction=51)
    assert [one.purpose for one in beams(rig.recorder.book)] == [Purpose.CALIBRATE]
    rig.close()


def test_g21_an_exposure_that_would_end_too_hot_gets_no_token_and_is_told_how_long_to_wait(tmp_path: Path) -> None:
    """Four exposures of 30 s leave no room; the words' minutes later there is room, and a minute before there is none."""
    rig = _rig(tmp_path, 14_000.0)
    for _ in range(4):
        rig.expose(Purpose.WARMUP, 30.0)
    rig.host.confirm(prescribed(), set_time_s=30.0)
    rig.run(0.04)
    assert not rig.host.take_token()
    said = next(too_hot(rig.recorder.book, TubeHeat(14_000.0, TAU_S), 30.0 * POWER_W, rig.clock.now, rig.clock.wall))
    assert "tube.heat_capacity_j" in said and "let it cool for" in said
    minutes = int(said.split("let it cool for ")[1].split(" min")[0])
    rig.clock.go(60.0 * (minutes - 1) - 5.0)
    assert next(
        too_hot(rig.recorder.book, TubeHeat(14_000.0, TAU_S), 30.0 * POWER_W, rig.clock.now, rig.clock.wall), ""
    )
    rig.clock.go(65.0)
    assert not next(
        too_hot(rig.recorder.book, TubeHeat(14_000.0, TAU_S), 30.0 * POWER_W, rig.clock.now, rig.clock.wall), ""
    )
    rig.close()


def test_g21_a_tube_without_room_for_a_second_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 3200.0)
    rig.expose(Purpose.CALIBRATE, 30.0)
    assert "the tube holds" in rig.refused()
    rig.clock.go(TAU_S)
    assert rig.refused() == ""
    rig.close()


def test_g21_a_clock_that_was_set_cools_no_tube_and_a_computer_that_began_anew_vouches_for_its_own_time_alone(
    tmp_path: Path,
) -> None:
    rig = _rig(tmp_path)
    rig.expose(Purpose.CALIBRATE, 30.0)
    book, tube = rig.recorder.book, TubeHeat(6000.0, TAU_S)
    hot = _held(rig)
    day = 86_400.0
    assert held_j(book, tube, rig.clock.now, rig.clock.wall + day) == pytest.approx(hot, rel=0.01), "set forward"
    assert held_j(book, tube, rig.clock.now, rig.clock.wall - day) == pytest.approx(hot, rel=0.01), "set back"
    assert held_j(book, tube, 20.0, rig.clock.wall + day) == pytest.approx(ONE_J * math.exp(-20.0 / TAU_S), rel=0.01)
    rig.close()


def test_g21_what_no_tube_bears_is_told_so_and_without_figures_nothing_is_asked(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    book = rig.recorder.book
    said = next(too_hot(book, TubeHeat(6000.0, TAU_S), 6001.0, 1.0, 1.0))
    assert "6001 J are more than the tube bears from cold (6000 J" in said
    assert not list(too_hot(book, TubeHeat(6000.0, TAU_S), 6000.0, 1.0, 1.0))
    assert not list(too_hot(book, None, 1e9, 1.0, 1.0))
    rig.close()
