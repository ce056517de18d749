"""The certificate measured from the bare plant: repeatable, per combination, and good for prediction over several segments and other set-points.
It holds measured constants against fresh exposures of other seeds, never against the profile."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from simulators.profile import DEFAULT
from verification.certify import Bench, certify


def number(certificate: dict[str, object], name: str) -> float:
    value = certificate[name]
    assert isinstance(value, float)
    return value


def end_effect(certificate: dict[str, object], event: str) -> float:
    effects = certificate["dt_s"]
    assert isinstance(effects, dict)
    return float(effects[event])


@pytest.fixture(scope="module")
def certificate() -> dict[str, object]:
    return certify(DEFAULT, 1)


def test_same_seed_same_certificate_and_it_is_plain_json(certificate: dict[str, object]):
    assert json.loads(json.dumps(certificate)) == json.loads(json.dumps(certify(DEFAULT, 1)))


@pytest.mark.parametrize("event", ["hv_seen", "k1_closed"])
def test_segments_of_a_resumed_fraction_add_up_by_the_end_effect(certificate: dict[str, object], event: str):
    """Sum of r0 (t_i + dt) over segments of 3, 7 and 12 s against the true dose, by either start event."""
    bench = Bench(DEFAULT, 21, DEFAULT.applicator_code, DEFAULT.filter_code)
    bench.run(4000)
    bench.set_points(2846, 1310)
    segments = [bench.expose(ms) for ms in (3_000, 7_000, 12_000)]
    r0, dt = number(certificate, "r0_mgy_per_s"), end_effect(certificate, event)
    timed = [e.hv_seen_s if event == "hv_seen" else e.k1_closed_s for e in segments]
    assert sum(r0 * (t + dt) for t in timed) == pytest.approx(bench.plant.dose_mgy, rel=0.003)


def test_model_from_the_g_table_follows_the_ramp(certificate: dict[str, object]):
    """Trapezoid of r0 (mA/mA0) g(kV) each 10 ms over ramp, beam and tail, g interpolated straight: within 0.3 % over 10 s."""
    table = certificate["g_kv"]
    assert isinstance(table, list)

    def g(kv: float) -> float:
        points = [(0.0, 0.0), *((row["kv"], row["rel"]) for row in table)]
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            if kv <= x1:
                return float(y0 + (y1 - y0) * (kv - x0) / (x1 - x0))
        return float(points[-1][1])

    bench = Bench(DEFAULT, 22, DEFAULT.applicator_code, DEFAULT.filter_code)
    bench.run(4000)
    bench.set_points(2846, 1310)
    bench.power_up()
    bench.beam_on()
    ma0 = 1310 * 5.0 / 4095
    r0, model, last = number(certificate, "r0_mgy_per_s"), 0.0, 0.0
    for tick in range(1_100):
        if tick == 1_000:
            bench.out.k1_close = False
        bench.run(10)
        truth = bench.plant.truth()
        rate = r0 * truth.ma / ma0 * g(truth.kv)
        model, last = model + 0.5 * (last + rate) * 0.01, rate
    assert model == pytest.approx(bench.plant.dose_mgy, rel=0.003)


def test_another_combination_has_its_own_constants(certificate: dict[str, object]):
    wide = certify(DEFAULT, 1, applicator=0x66)
    ratio = number(wide, "r0_mgy_per_s") / number(certificate, "r0_mgy_per_s")
    assert ratio == pytest.approx(1.0472, rel=1e-3)
    per_count = number(wide, "n1_mgy_per_count") / number(certificate, "n1_mgy_per_count")
    assert per_count == pytest.approx(1.0472 / 0.993, rel=1e-3)
    thick = certify(DEFAULT, 1, filter_code=0x5B)
    assert number(thick, "r0_mgy_per_s") / number(certificate, "r0_mgy_per_s") == pytest.approx(0.54, rel=1e-3)
    assert number(thick, "n1_mgy_per_count") == pytest.approx(number(certificate, "n1_mgy_per_count"), rel=1e-3)


def test_another_set_point_and_a_slow_wire_certify_too():
    low = certify(replace(DEFAULT, generator_baud=9600), 1, kv=50.0, ma=1.0)
    assert 10.0 < number(low, "r0_mgy_per_s") < 30.0
    assert end_effect(low, "hv_seen") < 0.0


def test_what_gives_no_dose_is_not_certified():
    with pytest.raises(ValueError, match="0xaa"):
        certify(DEFAULT, 1, applicator=0xAA)
