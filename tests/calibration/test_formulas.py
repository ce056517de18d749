"""The worked examples E1 to E15 of docs/dose.md, to five digits, and the controller's own coding of F, D0 and T_set against this one."""

from __future__ import annotations

import random

import msgspec
import pytest

from calibration import formulas as f
from controller.channels import air_factor, counted, timed, weigh
from controller.conversion import Converted, converted
from controller.prescribed import Certificate, Combination, Lead, Prescribed, Quality, SetUp
from controller.presets import Task, presets
from hal.readings import Termination, TimerStart
from interlocks.bands import CERTIFIED

R0, DT, F_MM = 0.055, -0.145, 60.0
D0 = 7.0 / 0.82


def near(value: float, digits: float = 1e-5) -> object:
    return pytest.approx(value, rel=digits)


BW = {
    1.5: {25.0: {50.0: 1.1035, 100.0: 1.1070}},
    2.0: {25.0: {50.0: 1.1180, 100.0: 1.1200}},
}


def test_e1_air_density() -> None:
    assert f.p_tp(24.6, 98.72, "22C") == near(1.03547886)
    assert f.p_tp(24.6, 98.72, "20C") == near(1.04249346)
    assert f.p_tp(24.6, 98.72, "20C") / f.p_tp(24.6, 98.72, "22C") - 1 == near(0.0067743, 1e-3)
    with pytest.raises(ValueError, match="none of 22C, 20C"):
        f.p_tp(24.6, 98.72, "21C")


def test_e2_polarity_and_recombination() -> None:
    assert f.p_pol(6.4120, -6.4282) == near(1.00126326)
    assert f.p_ion(300.0, 150.0, 6.4120, 6.3928) == near(1.00100213)
    with pytest.raises(ValueError, match="opposite signs"):
        f.p_pol(6.4, 6.4)
    with pytest.raises(ValueError, match=r"outside 0\.998"):
        f.p_ion(300.0, 150.0, 6.4120, 6.0)


def test_e3_backscatter() -> None:
    """Linear in SSD, then diameter, then HVL; nothing is extrapolated."""
    assert f.b_w(BW, 1.85, 25.0, 60.0) == near(1.11414)
    assert f.b_w({1.85: {20.0: {60.0: 1.10066}, 30.0: {60.0: 1.12762}}}, 1.85, 25.0, 60.0) == near(1.11414)
    with pytest.raises(ValueError, match="nothing is extrapolated"):
        f.b_w(BW, 1.85, 25.0, 40.0)
    with pytest.raises(ValueError, match="nothing is extrapolated"):
        f.b_w(BW, 2.2, 25.0, 60.0)


def test_e4_output() -> None:
    readings = (6.4105, 6.4131, 6.4120, 6.4098, 6.4146)
    m = f.corrected_nc(readings, -0.0011, f.p_tp(24.6, 98.72, "22C"), 1.00100213, 1.00126326, 1.0012)
    assert m == near(6.6637)
    n_k = f.linear(((1.5, 0.4482), (2.0, 0.4470)), 1.85)
    assert n_k == near(0.44736)
    kerma = f.air_kerma_rate(m, n_k, 1.0, 61.0, 60.0, 60.0, DT)
    assert kerma == near(0.051479)
    assert f.surface_rate(kerma, 1.10066, 1.0177) == near(0.057663)
    assert f.surface_rate(kerma, 1.10066, 1.0177) * 60 == near(3.4598, 2e-5)
    assert f.air_kerma_rate(m, n_k, 1.0, 60.0, 60.0, 60.0, DT) / kerma - 1 == near(-0.0325, 2e-3)


def test_e5_time_at_depth() -> None:
    pdd = f.linear(((3.0, 85.0), (4.0, 79.0)), 3.5)
    assert pdd == near(82.0)
    factor = f.depth_factor(pdd, 3.5, 0.0, F_MM, 1.0)
    assert 7.0 / factor == near(8.5366, 2e-6 * 5)
    assert f.set_time(7.0 / factor, R0, DT) == near(155.355643, 1e-8)


@pytest.mark.parametrize(
    ("gap", "at_depth", "time_s"), [(1, 0.96923, 160.28), (-1, 1.0323, 150.51), (2, 0.93986, 165.29)]
)
def test_e6_gap(gap: float, at_depth: float, time_s: float) -> None:
    factor = f.depth_factor(82.0, 3.5, gap, F_MM, 1.0)
    assert factor / 0.82 == near(at_depth, 5e-5)
    assert f.set_time(7.0 / factor, R0, DT) == near(time_s, 5e-5)


def test_e7_two_exposures() -> None:
    dt, rate = f.two_exposures(5.0, 0.26703, 30.0, 1.64203)
    assert dt == near(-0.14491, 4e-5)
    assert rate == near(0.055)
    assert f.two_exposures_u(0.0005, 5.0, 30.0, dt) == near(0.0040998)


def test_e8_many_exposures() -> None:
    assert f.many_exposures(30.0, 6, 1.60218, 1.64203) == near(-0.14491, 4e-5)
    assert f.many_exposures(5.0, 6, 1.60218, 1.64203) == near(-0.024152, 4e-5)


def test_e9_resumes_in_time_mode() -> None:
    """Two interruptions: the set times sum to D0/R0 - 3 dt."""
    first = f.set_time(D0, R0, DT)
    second = f.set_time(D0, R0, DT, [60.30])
    third = f.set_time(D0, R0, DT, [60.30, 41.72])
    assert (first, second, third) == (near(155.36, 4e-5), near(95.201), near(53.626))
    assert 60.30 + 41.72 + third == near(155.645643, 1e-8)
    assert 60.30 + 41.72 + third == near(D0 / R0 - 3 * DT, 1e-12)
    assert near(-0.0018684, 3e-5) == 2 * R0 * DT / D0


def test_e10_tail_and_ramp() -> None:
    assert f.tail(1.0, 69.5, 1.6, 1.72, 0.012, 55.0) == near(1.5383, 3e-5)
    assert f.ramp_loss(0.250, 1.72) == near(0.15809, 2e-5)
    dt = f.tail(1.0, 69.5, 1.6, 1.72, 0.012, 1.0) - f.ramp_loss(0.250, 1.72)
    assert dt == near(-0.13012, 2e-5)


def test_e11_budget() -> None:
    surface = [0.7, 1.0, 1.5, 0.5, 1.5, 0.013533, 0.20, f.rectangular_pct(0.3, 200 / 60), 0.05, 0.20]
    assert f.rectangular_pct(0.3, 200 / 60) == near(0.57735)
    assert f.combined(surface) == near(2.5799)
    assert 2 * f.combined(surface) == near(5.1599)
    depth = [*surface, 2.0, f.rectangular_pct(0.5, 200 / 63.5), f.rectangular_pct(3.0), 0.20]
    assert f.rectangular_pct(0.5, 200 / 63.5) == near(0.90921)
    assert f.combined(depth) == near(3.8109, 2e-5)
    assert 2 * f.combined(depth) == near(7.6217, 2e-5)


def test_e12_channels() -> None:
    """Counters over the wrap, a vented chamber, the timer; delivered is the primary, the bounds stand beside it."""
    d1 = counted((126345 - 4_294_960_000) & 0xFFFF_FFFF, 48.9, 0.02, 0.0, 1.0)
    k = air_factor(99.10, 31.0, 101.325, 20.0)
    d2 = counted(131_020, 48.9, 0.0196, 0.0, k)
    dt = timed(55.0, 48.90, -0.145)
    assert (d1, k, d2, dt) == (near(2672.8, 1e-5 * 2), near(1.0608, 2e-5), near(2724.2, 2e-5), near(2681.5, 2e-5))
    assert d2 / d1 - 1 == near(0.019213, 3e-4)
    assert dt / d1 - 1 == near(0.0032569, 1e-3)
    weighed = weigh(d1, (d2, dt), 0.0, 0.0)
    assert (weighed.delivered_mgy, weighed.low_mgy, weighed.high_mgy, weighed.quality) == (d1, d1, d2, Quality.GOOD)
    assert d1 * 0.82 == near(2191.7, 2e-5)
    assert 1000 * D0 - d1 == near(5863.8, 2e-5)
    assert (d2 - d1) / (1000 * D0) == near(0.0060155, 2e-3)


def test_e12_host_dead_for_a_second() -> None:
    """1.0 s of which nothing is known is charged at 1.25 times the rate, to the upper bound only."""
    weighed = weigh(2670.0, (), 0.0, 1.25 * 55.0 * 1.0)
    assert (weighed.low_mgy, weighed.high_mgy) == (2670.0, near(2738.8, 2e-5))
    assert weighed.quality is Quality.DEGRADED


def test_e13_applicator_factors() -> None:
    d20 = f.surface_rate(0.050200 * 0.97830, 1.10066, 1.0177)
    d30 = f.surface_rate(0.050200, 1.12762, 1.0177)
    assert (d20, d30) == (near(0.055011, 2e-5), near(0.057608, 2e-5))
    assert d20 / d30 == near(0.95491)
    assert d30 * 0.97830 / d20 - 1 == near(0.024494, 1e-4)
    assert f.surface_rate(d20, 1.10066, 1.0) / d20 - 1 == near(0.10066, 1e-4)


def test_e14_hvl() -> None:
    assert f.hvl_mm((0.0, 1.5, 2.0), (10.0, 5.690, 4.870)) == near(1.9154, 3e-5)
    with pytest.raises(ValueError, match="thicker layer"):
        f.hvl_mm((0.0, 1.5), (10.0, 5.690))


def test_e15_supervision() -> None:
    assert near(0.97291) == (68.8 / 69.5) ** 1.72 * (1.584 / 1.600)
    assert f.nonlinearity((0.05512, 0.05498, 0.05485)) == near(0.0024552, 2e-5)


def rig(rng: random.Random) -> tuple[Prescribed, Combination]:
    """A random prescription and combination, well inside every bound; under a cut-out with its own depth dose."""
    z, cut = rng.uniform(0.0, 5.0), rng.uniform(0.7, 1.0)
    c = Combination(
        kv=69.5, ma=1.6, filter_id="F", filter_code=1, applicator_id="A", applicator_code=2,
        r0_mgy_per_s=rng.uniform(20.0, 100.0), dt_s=rng.uniform(-0.3, 0.1), tail_mgy=rng.uniform(0.1, 4.0),
        n1_mgy_per_count=rng.uniform(0.01, 0.05), n2_mgy_per_count=0.02, leak1_cps=rng.uniform(0.0, 2.0), leak2_cps=0.0,
        g_kv=((10.0, 0.1), (69.5, 1.0)), pdd=((0.0, 100.0), (2.0, 90.0), (5.0, 70.0)),
        effective_ssd_mm=rng.uniform(30.0, 150.0), max_skin_mgy=1e9, max_time_s=1e9,
        leads=(Lead("C", cut, ((0.0, 100.0), (2.0, 84.0), (5.0, 60.0))),),
    )  # fmt: skip
    p = Prescribed(
        prescription_id="R", version=1, sha256=bytes(32), patient_id="P", patient_id_2="2", course_id="C", lesion_id="L",
        site="s", laterality="left", rx_mgy=rng.uniform(1000.0, 9000.0), depth_mm=z, fraction=1, fractions=1,
        min_interval_h=0.0, kv=69.5, ma=1.6, filter_id="F", applicator_id="A", gap_mm=rng.uniform(-3.0, 15.0),
        cutout_factor=cut, approved_by=("x",), set_up=SetUp(cutout_id="C"),
    )  # fmt: skip
    return p, c


@pytest.mark.parametrize("seed", range(50))
def test_the_controller_agrees(seed: int) -> None:
    """F, D0, skin dose and set time of the controller equal these formulas, for random prescriptions, first start and resume."""
    rng = random.Random(seed)
    p, c = rig(rng)
    result = converted(p, c)
    assert isinstance(result, Converted)
    pdd = f.linear(c.leads[0].pdd, p.depth_mm)
    factor = f.depth_factor(pdd, p.depth_mm, p.gap_mm, c.effective_ssd_mm, p.cutout_factor)
    assert result.rx_factor == near(factor, 1e-12)
    assert result.d0_mgy == near(p.rx_mgy / factor, 1e-12)
    assert result.skin_mgy == near(f.skin_dose(p.rx_mgy / factor, p.gap_mm, c.effective_ssd_mm, p.cutout_factor), 1e-12)
    ran_s = rng.uniform(1.0, 0.5 * result.d0_mgy / c.r0_mgy_per_s)
    given = timed(c.r0_mgy_per_s, ran_s, c.dt_s)
    task = Task(result.d0_mgy, result.d0_mgy - given, 2, 1.0, 0.3, Termination.TIME, 0, 0, 0, 0, CERTIFIED)
    numbers = presets(task, CERTIFICATE, c)
    assert numbers.exact_s == near(f.set_time(result.d0_mgy, c.r0_mgy_per_s, c.dt_s, [ran_s]), 1e-12)
    assert abs(numbers.set_ms / 1000 - numbers.exact_s) <= 0.005 + 1e-9


CERTIFICATE = msgspec.convert(
    {
        "id": "C", "sha256": b"", "tube_serial": "", "machine_serial": "", "software_version": "", "effective_wall_s": 0.0,
        "expires_wall_s": 0.0, "termination": int(Termination.TIME), "timer_start": int(TimerStart.HV_SEEN), "capacitance_nf": 1.0,
        "off_latency_s": 0.0, "press_to_hv_s": 0.06, "ramp_s": 0.25, "filament_limit_counts": 1, "filament_preheat_counts": 1,
        "vented_2": False, "ref_pressure_kpa": 101.325, "ref_temperature_c": 20.0, "combinations": (),
    },
    Certificate,
)  # fmt: skip
