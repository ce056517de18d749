"""A full calibration of a simulated tube of unknown truth at the terminal, from its name plate to a signed certificate, and a fraction with it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from console.exit_codes import Exit
from controller.kernel import Kernels
from verification.calibrate_story import AL_MM, DARK, DOCS, NAME, SESSIONS, Story, told

PAGE = (DOCS / "calibration.md").read_text(encoding="utf-8")


def test_the_page_shows_what_the_story_types() -> None:
    for _name, script in SESSIONS:
        assert f"```text\n{script}```" in PAGE


@pytest.mark.grid
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [7, 11])
def test_from_name_plate_to_treatment(tmp_path: Path, kernels: Kernels, seed: int) -> None:
    """R0 within the certificate's own k = 2, the dose within that and what a day adds; seed 7 is the page's."""
    found = told(tmp_path, kernels, seed)
    off = found.r0_mgy_per_s / found.true_r0_mgy_per_s - 1.0
    assert abs(off) < found.u_pct_k2 / 100.0 and 4.0 < found.u_pct_k2 < 6.0
    assert found.dt_s == pytest.approx(found.true_dt_s, abs=0.01)
    assert found.treated is not None and found.treated.code is Exit.AS_INTENDED
    assert abs(found.given_mgy / found.asked_mgy - 1.0) < 1.5 * found.u_pct_k2 / 100.0
    certificate = tomllib.loads(found.certificate.decode())
    (c,) = certificate["combinations"]
    assert len(c["measured"]["layers"]) == len(AL_MM) and [one["unit"] for one in certificate["facts"]["scales"]] == [
        "kV"
    ]
    assert (c["leak1_cps"], c["leak2_cps"]) == (pytest.approx(0.5, abs=0.1), pytest.approx(0.3, abs=0.1))
    assert c["n1_mgy_per_count"] != c["n2_mgy_per_count"] and "applicator A30 against A20" in found.shown["draft"]
    assert found.pdf.startswith(b"%PDF") and b'basis = "measured"' in found.certificate
    assert found.shown[NAME].count("complete, 10.00 s by the safety unit") == 8
    if seed == 7:
        assert f"R0 {found.r0_mgy_per_s:.3f} mGy/s" in PAGE


@pytest.mark.grid
@pytest.mark.timeout(300)
def test_counts_in_the_dark_are_what_the_chambers_count_of_nothing(tmp_path: Path, kernels: Kernels) -> None:
    """Half a count a second falls between all windows that the unit shows at rest; in 12 dry runs it is counted (ADR 0027)."""
    story = Story(tmp_path, kernels)
    rig, name = story.begin(), f"dark-{NAME}"
    try:
        assert story.measure(rig, name, DARK) is Exit.AS_INTENDED
    finally:
        rig.close()
    shown = story.told.shown[name]
    assert shown.count("complete, 5.00 s by the safety unit") == 12
    assert "dark 1: 0.499 cps" in shown and "at most 1: 0.6455 cps" in shown
    assert "dark 2: 0.3089 cps" in shown and "at most 2: 0.4287 cps" in shown
    assert story.world.plant.dose_mgy < 1e-9
