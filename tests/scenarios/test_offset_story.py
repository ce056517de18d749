"""The mA offset at the terminal: an unknown tube's bleeder is found through the shipped loop, a scale of mA waits for it, and no exposure of it is beam."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibration.procedures.ma_offset import N
from controller.kernel import Kernels
from verification.calibrate_script import MA_AT_KV, OFFSET
from verification.calibrate_story import DOCS
from verification.offset_story import COUNT_MA, told


def test_the_page_shows_what_is_typed() -> None:
    assert f"```text\n{OFFSET}```" in (DOCS / "calibration.md").read_text(encoding="utf-8")


@pytest.mark.grid
@pytest.mark.timeout(300)
def test_an_unknown_tubes_bleeder_is_found_before_any_scale_of_ma(tmp_path: Path, kernels: Kernels) -> None:
    """Within its own uncertainty; each read-back within one count of the converter, the meter within its zero and 0.5 %."""
    found = told(tmp_path, kernels, 31)
    assert "offset was not measured; do that first" in found.refused
    assert abs(found.found_gohm - found.bleeder_gohm) < found.u_gohm
    for (kv, read_back, meter), true, at in zip(found.offset.rows, found.truths, MA_AT_KV, strict=True):
        assert kv == pytest.approx(at, abs=0.3) and read_back == pytest.approx(true, abs=COUNT_MA)
        assert meter == pytest.approx(true, abs=0.002 + 0.005 * true)
    given = dict(found.scale.steps[0].accept.numbers)
    assert given["offset_ma"] == pytest.approx(found.truths[-1], abs=COUNT_MA)
    assert len(found.rows) == len(found.exposures) == 2 * N * len(MA_AT_KV)
    assert {row["purpose"] for row in found.rows} == {"DRY_RUN"} and {row["quality"] for row in found.exposures} == {
        "GOOD"
    }
    assert found.dose_mgy < 1e-9 and max(row["high_mgy"] for row in found.exposures) < 0.1
    assert found.since_warmup_s == 0.0
    assert "DRY RUN, HIGH VOLTAGE OVER A COLD FILAMENT" in found.shown and "purpose DRY_RUN" in found.shown
