"""kill -9 at every moment around the press on a bench rig, whose unit's memory dies with the host: no beam of its own afterwards, one end for the one START,
and never a dose below what was given, nor VOID for one that had beam."""

from __future__ import annotations

from pathlib import Path

import pytest
from refusal_bench import slice_of

from controller.kernel import Kernels
from simulators.units import BENCH_IO
from verification.rigs import Choice
from verification.scenarios import in_state, to_ready
from verification.setting import lay_out, prescribed, virtual_rig

AFTER_S = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.13, 0.21, 0.34, 0.55)


@pytest.mark.parametrize(
    ("unit", "after_s"),
    slice_of(
        [(unit, after_s) for unit in BENCH_IO for after_s in AFTER_S],
        lambda case: case[1] in (0.01, 0.34) or case == ("wago-750", 0.08),
    ),
)
def test_a_host_killed_around_the_press(unit: str, after_s: float, tmp_path: Path, kernels: Kernels) -> None:
    choice = Choice(unit=unit)
    setting = lay_out(tmp_path / "rig", tmp_path / "records", "time", 15020, choice=choice)
    rig = virtual_rig(setting, kernels)
    try:
        to_ready(rig, prescribed(250.0, choice))
        rig.press()
        rig.wait(after_s)
        rig.kill_host()
        rig.wait(3.0)
        truth = rig.truth()
        assert not truth["hv_on"] and not truth["k1_coil"] and not truth["k2_coil"]
        rig.start_host()
        rig.until(in_state("STANDBY"), 40.0, "STANDBY")
        rig.wait(2.0)
        assert rig.truth()["dose_mgy"] == truth["dose_mgy"], "beam after the restart"
        (record,) = rig.records()
        (exposure,) = record["exposures"]
        assert record["high_mgy"] >= truth["dose_mgy"]
        assert not exposure["void"], "nobody is left who could prove that nothing was given"
        assert record["quality"] == "UNKNOWN"
    finally:
        rig.close()
