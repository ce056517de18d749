"""A beam that loses its filter in the tick in which the host dies: the unit ends it alone, its counters at their ceiling, and the record may not say less."""

from pathlib import Path

import pytest

from controller.kernel import Kernels
from verification.scenarios import Told, to_beam
from verification.setting import lay_out, prescribed, virtual_rig


@pytest.mark.parametrize("gap_s", [0.0, 0.01, 0.03])
def test_beam_without_its_filter_and_without_its_host_is_never_under_reported(
    tmp_path: Path, kernels: Kernels, gap_s: float
) -> None:
    """64 times the dose rate until the contactor is open: the upper bound holds it, the quality is UNKNOWN, and a physicist decides."""
    rig = virtual_rig(lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020), kernels)
    to_beam(rig, prescribed(), Told("open"), 1.0)
    rig.fault("filter-missing")
    if gap_s:
        rig.wait(gap_s)
    rig.kill_host()
    rig.wait(2.0)
    truly = rig.truth()["dose_mgy"]
    rig.mend("filter-missing")
    rig.start_host()
    rig.wait(10.0)
    record = rig.records()[0]
    assert record["high_mgy"] >= truly - 1.0
    assert record["quality"] == "UNKNOWN"
    rig.close()
