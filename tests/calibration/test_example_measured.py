"""The example certificate holds what the simulated plant gives when it is measured, not what somebody hoped for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from calibration.certificate import load_certificate
from verification.certify import certify

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """What both examples state is one measurement."""
    return certify()


@pytest.mark.parametrize("name", ["certificate.toml", "certificate-time.toml"])
def test_the_example_is_what_was_measured(name: str, measured: dict[str, Any]) -> None:
    """Measured anew with the same seed: rate and counts to 0.01 %, times to 1 ms, tail to 0.01 mGy."""
    certificate = load_certificate(EXAMPLES / name, EXAMPLES / "physicist.pub", 1_800_000_000.0)
    c = certificate.combinations[0]
    for field in ("r0_mgy_per_s", "n1_mgy_per_count", "n2_mgy_per_count", "leak1_cps", "leak2_cps"):
        assert getattr(c, field) == pytest.approx(measured[field], rel=1e-4)
    assert c.dt_s == pytest.approx(measured["dt_s"]["hv_seen"], abs=1e-3)
    assert c.tail_mgy == pytest.approx(measured["tail_mgy"], abs=0.01)
    assert c.g_kv == tuple((pytest.approx(p["kv"]), pytest.approx(p["rel"], abs=1e-4)) for p in measured["g_kv"])
    assert certificate.press_to_hv_s == pytest.approx(measured["press_to_hv_seen_s"], abs=1e-3)
    assert certificate.ramp_s == pytest.approx(measured["ramp_s"], abs=1e-3)
    assert (c.applicator_code, c.filter_code) == (measured["applicator_code"], measured["filter_code"])
    assert certificate.tube_serial == measured["tube_serial"]
