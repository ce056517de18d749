"""The golden numbers of E1 to E15, each beside the public function that works it out: as printed, and where more than five digits are printed to 1e-5.
Nothing here is worked out by hand in the test where a function of the program does it."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from numpy.random import default_rng

from calibration import formulas as f
from calibration.end_effect import Taken, end_effect
from controller import kernel
from controller.channels import air_factor, counted, differing, smallest_rest_mgy, timed, weigh
from controller.conversion import converted
from controller.kernel import PLAIN
from controller.prescribed import Certificate, Combination, Prescribed
from controller.presets import Presets, Task, counts_for, discharge_s, presets
from controller.second_sum import exact_mgy
from hal.readings import Termination, TimerStart

KV, MA, R0, DT = 69.5, 1.6, 55.0, -0.145
COMBINATION = Combination(
    kv=KV, ma=MA, filter_id="F2", filter_code=0xF2, applicator_id="A20", applicator_code=0x35, r0_mgy_per_s=R0, dt_s=DT, tail_mgy=1.5383,
    n1_mgy_per_count=0.02, n2_mgy_per_count=0.0196, leak1_cps=0.0, leak2_cps=0.0, g_kv=((68.8, (68.8 / KV) ** 1.72), (KV, 1.0)),
    pdd=((0.0, 100.0), (3.0, 85.0), (4.0, 79.0)), effective_ssd_mm=60.0, max_skin_mgy=25_000.0, max_time_s=600.0,
)  # fmt: skip
PRESCRIBED = Prescribed(
    prescription_id="RX", version=1, sha256=bytes(32), patient_id="P", patient_id_2="Q", course_id="C", lesion_id="L", site="nose",
    laterality="left", rx_mgy=7000.0, depth_mm=3.5, fraction=1, fractions=6, min_interval_h=48.0, kv=KV, ma=MA, filter_id="F2",
    applicator_id="A20", gap_mm=0.0, cutout_factor=1.0, approved_by=("dr",),
)  # fmt: skip
CERTIFICATE = Certificate(
    id="C", sha256=b"", tube_serial="T", machine_serial="M", software_version="0", effective_wall_s=0.0, expires_wall_s=1.0,
    termination=Termination.TIME, timer_start=TimerStart.HV_SEEN, capacitance_nf=1.0, off_latency_s=0.012, press_to_hv_s=0.06, ramp_s=0.25,
    filament_limit_counts=1, filament_preheat_counts=1, vented_2=True, ref_pressure_kpa=101.325, ref_temperature_c=20.0,
    combinations=(COMBINATION,),
)  # fmt: skip


def d0(gap_mm: float = 0.0) -> float:
    """7 Gy at 3.5 mm at the surface, mGy."""
    result = converted(msgspec.structs.replace(PRESCRIBED, gap_mm=gap_mm), COMBINATION)
    assert not isinstance(result, tuple)
    return result.d0_mgy


def plan(rest_mgy: float, termination: Termination = Termination.TIME, starts: int = 1) -> Presets:
    return presets(Task(d0(), rest_mgy, starts, 1.0, 0.3, termination, 0, 0, 0, 0), CERTIFICATE, COMBINATION)


def after(*timers_s: float) -> float:
    """What is left of the fraction after segments that ran so long by the timer."""
    return d0() - sum(timed(R0, t, DT) for t in timers_s)


def b_w(hvl: float, diameter: float) -> float:
    """Backscatter at 60 mm: E3's table of 25 mm, and what is printed there of 20 and 30 mm at HVL 1.85."""
    at_25 = {1.5: {25.0: {50.0: 1.1035, 100.0: 1.1070}}, 2.0: {25.0: {50.0: 1.1180, 100.0: 1.1200}}}
    if diameter == 25.0:
        return f.b_w(at_25, hvl, 25.0, 60.0)
    return f.b_w({1.85: {20.0: {60.0: 1.10066}, 30.0: {60.0: 1.12762}}}, hvl, diameter, 60.0)


READINGS = (6.4105, 6.4131, 6.4120, 6.4098, 6.4146)
MU = 1.0177
P_TP, P_POL, P_ION = f.p_tp(24.6, 98.72, "22C"), f.p_pol(6.4120, -6.4282), f.p_ion(300.0, 150.0, 6.4120, 6.3928)
M_NC = f.corrected_nc(READINGS, -0.0011, P_TP, P_ION, P_POL, 1.0012)
N_K = f.linear(((1.5, 0.4482), (2.0, 0.4470)), 1.85)
KERMA = f.air_kerma_rate(M_NC, N_K, 1.0, 61.0, 60.0, 60.0, DT)
SURFACE = (0.7, 1.0, 1.5, 0.5, 1.5, 0.013533, 0.20, f.rectangular_pct(0.3, 200 / 60), 0.05, 0.20)
DEPTH = (*SURFACE, 2.0, f.rectangular_pct(0.5, 200 / 63.5), f.rectangular_pct(3.0), 0.20)
D1 = counted((126_345 - 4_294_960_000) & kernel.MASK32, 48.9, 0.02, 0.0, 1.0)
K_TP = air_factor(99.10, 31.0, 101.325, 20.0)
D2 = counted(131_020, 48.9, 0.0196, 0.0, K_TP)
TIMED = timed(R0, 48.90, DT)
D20, D30 = f.surface_rate(0.050200 * 0.97830, b_w(1.85, 20.0), MU), f.surface_rate(0.050200, b_w(1.85, 30.0), MU)
FALL_S = discharge_s(CERTIFICATE, COMBINATION)
TAIL = f.tail(1.0, KV, MA, 1.72, 0.012, R0)
ROUND = [Taken(5.0, 0.26703), Taken(30.0, 1.64203), Taken(30.0, 1.64203), Taken(5.0, 0.26703)]
E7_DT, E7_RATE = f.two_exposures(5.0, 0.26703, 30.0, 1.64203)


def model_part() -> float:
    """E15 by the model channel: one second of 68.8 kV and 1.584 mA, of what 69.5 kV and 1.6 mA give."""
    state = np.zeros(kernel.MODEL_STATE)
    rows = np.array([[0.0, 68.8, 1.584, 1.0], [1.0, 68.8, 1.584, 1.0]])
    PLAIN.model(rows, np.array(COMBINATION.g_kv), R0 / MA, state)
    return float(state[kernel.M_SUM] + state[kernel.M_COMPENSATION]) / R0


GOLDEN: tuple[tuple[str, str, float], ...] = (
    ("E1 P_TP, 22 C form", "1.03547886", P_TP),
    ("E1 P_TP, 20 C form", "1.04249346", f.p_tp(24.6, 98.72, "20C")),
    ("E1 mixing them, %", "0.67743", 100.0 * (f.p_tp(24.6, 98.72, "20C") / P_TP - 1.0)),
    ("E2 P_pol", "1.00126326", P_POL),
    ("E2 P_ion", "1.00100213", P_ION),
    ("E3 HVL 1.5 at 60 mm", "1.1042", b_w(1.5, 25.0)),
    ("E3 HVL 2.0 at 60 mm", "1.1184", b_w(2.0, 25.0)),
    ("E3 HVL 1.85 at 60 mm", "1.11414", b_w(1.85, 25.0)),
    ("E4 M, nC", "6.6637", M_NC),
    ("E4 N_K", "0.44736", N_K),
    ("E4 K, Gy/s", "0.051479", KERMA),
    ("E4 R0, Gy/s", "0.057663", f.surface_rate(KERMA, b_w(1.85, 20.0), MU)),
    ("E4 R0, Gy/min", "3.4598", 60.0 * f.surface_rate(KERMA, b_w(1.85, 20.0), MU)),
    ("E4 forgetting 61/60, %", "-3.25", 100.0 * (f.air_kerma_rate(M_NC, N_K, 1.0, 60.0, 60.0, 60.0, DT) / KERMA - 1.0)),
    ("E5 PDD", "82.000", f.linear(COMBINATION.pdd, 3.5)),
    ("E5 D0, Gy", "8.5366", d0() / 1000.0),
    ("E5 D0/R0, s", "155.21", d0() / R0),
    ("E5 T, s, calibration", "155.355643", f.set_time(d0(), R0, DT)),
    ("E5 T, s, presets", "155.355643", plan(d0()).exact_s),
    ("E6 gap +1 at depth", "0.96923", f.depth_factor(100.0, 3.5, 1.0, 60.0, 1.0)),
    ("E6 gap +1 at the surface", "0.96748", f.skin_dose(1.0, 1.0, 60.0, 1.0)),
    ("E6 gap +1, s", "160.28", f.set_time(d0(1.0), R0, DT)),
    ("E6 gap -1 at depth", "1.0323", f.depth_factor(100.0, 3.5, -1.0, 60.0, 1.0)),
    ("E6 gap -1, s", "150.51", f.set_time(d0(-1.0), R0, DT)),
    ("E6 gap +2 at depth", "0.93986", f.depth_factor(100.0, 3.5, 2.0, 60.0, 1.0)),
    ("E6 gap +2, s", "165.29", f.set_time(d0(2.0), R0, DT)),
    ("E7 dt, s", "-0.14491", E7_DT),
    ("E7 dt, s, ABBA", "-0.14491", end_effect(ROUND, 0.0005, 0.0, 0.25).dt_s),
    ("E7 R, Gy/s", "0.055000", E7_RATE),
    ("E7 u(dt), s", "0.0040998", f.two_exposures_u(0.0005, 5.0, 30.0, E7_DT)),
    ("E8 dt, s", "-0.14491", f.many_exposures(30.0, 6, 1.60218, 1.64203)),
    ("E8 the trap, s", "-0.024152", f.many_exposures(5.0, 6, 1.60218, 1.64203)),
    ("E9 delivered after 60.30 s, Gy", "3.3085", timed(R0, 60.30, DT) / 1000.0),
    ("E9 next T, s, calibration", "95.201", f.set_time(d0(), R0, DT, [60.30])),
    ("E9 next T, s, presets", "95.201", plan(after(60.30), starts=2).exact_s),
    ("E9 delivered in 41.72 s, Gy", "2.2866", timed(R0, 41.72, DT) / 1000.0),
    ("E9 rest, Gy", "2.9414", after(60.30, 41.72) / 1000.0),
    ("E9 last T, s", "53.626", plan(after(60.30, 41.72), starts=3).exact_s),
    ("E9 sum of set times, s", "155.645643", 60.30 + 41.72 + plan(after(60.30, 41.72), starts=3).exact_s),
    ("E9 omitting two dt, %", "-0.18684", 100.0 * 2.0 * (timed(R0, 10.0, DT) - timed(R0, 10.0, 0.0)) / d0()),
    ("E10 t_fall, ms", "43.438", 1000.0 * FALL_S),
    ("E10 of it at full rate, ms", "15.970", 1000.0 * f.tail(1.0, KV, MA, 1.72, 0.0, 1.0)),
    ("E10 tail, mGy", "1.5383", TAIL),
    ("E10 preset, counts", "426752", plan(d0(), Termination.MONITOR).count_preset_1),
    ("E10 counts before rounding", "426752", counts_for(d0() - TAIL, 0.02, 0.0, 155.0)),
    ("E10 lost in the ramp, ms", "158.09", 1000.0 * f.ramp_loss(0.250, 1.72)),
    ("E10 dt, ms", "-130.12", 1000.0 * (f.tail(1.0, KV, MA, 1.72, 0.012, 1.0) - f.ramp_loss(0.250, 1.72))),
    ("E11 position, %", "0.57735", f.rectangular_pct(0.3, 200 / 60)),
    ("E11 surface k = 1, %", "2.5799", f.combined(SURFACE)),
    ("E11 surface k = 2, %", "5.1599", 2.0 * f.combined(SURFACE)),
    ("E11 gap, %", "0.90921", f.rectangular_pct(0.5, 200 / 63.5)),
    ("E11 day's output, %", "1.7321", f.rectangular_pct(3.0)),
    ("E11 depth k = 1, %", "3.8109", f.combined(DEPTH)),
    ("E11 depth k = 2, %", "7.6217", 2.0 * f.combined(DEPTH)),
    ("E11 of 7 Gy", "0.53352", 7.0 * 2.0 * f.combined(DEPTH) / 100.0),
    ("E12 counts over the wrap", "133641", (126_345 - 4_294_960_000) & kernel.MASK32),
    ("E12 D1, Gy", "2.6728", D1 / 1000.0),
    ("E12 D1, Gy, exactly", "2.6728", float(exact_mgy(133_641, 48_900_000, 0.02, 0.0, 1.0)) / 1000.0),
    ("E12 k_TP", "1.0608", K_TP),
    ("E12 D2, Gy", "2.7242", D2 / 1000.0),
    ("E12 D2 against D1, %", "1.9213", 100.0 * (D2 / D1 - 1.0)),
    ("E12 DT, Gy", "2.6815", TIMED / 1000.0),
    ("E12 DT against D1, %", "0.32569", 100.0 * (TIMED / D1 - 1.0)),
    ("E12 delivered at 3.5 mm, Gy", "2.1917", weigh(D1, (D2, TIMED), 0.0, 0.0).delivered_mgy * 7000.0 / d0() / 1000.0),
    ("E12 low, Gy", "2.6728", weigh(D1, (D2, TIMED), 0.0, 0.0).low_mgy / 1000.0),
    ("E12 high, Gy", "2.7242", weigh(D1, (D2, TIMED), 0.0, 0.0).high_mgy / 1000.0),
    ("E12 rest D0, Gy", "5.8638", (d0() - weigh(D1, (D2, TIMED), 0.0, 0.0).delivered_mgy) / 1000.0),
    ("E12 resuming on the maximum, %", "0.60155", 100.0 * (D2 - D1) / d0()),
    ("E12 dead for 1.0 s, low, Gy", "2.6700", weigh(2670.0, (), 0.0, 1.25 * R0).low_mgy / 1000.0),
    ("E12 dead for 1.0 s, high, Gy", "2.7388", weigh(2670.0, (), 0.0, 1.25 * R0).high_mgy / 1000.0),
    ("E13 D20, Gy/s", "0.055011", D20),
    ("E13 D30, Gy/s", "0.057608", D30),
    ("E13 surface AF", "0.95491", D20 / D30),
    ("E13 in-air AF on D30, Gy/s", "0.056358", D30 * 0.97830),
    ("E13 that is wrong by, %", "2.4494", 100.0 * (D30 * 0.97830 / D20 - 1.0)),
    ("E13 B_w twice, %", "10.066", 100.0 * (f.surface_rate(D20, b_w(1.85, 20.0), 1.0) / D20 - 1.0)),
    ("E14 HVL, mm Al", "1.9154", f.hvl_mm((0.0, 1.5, 2.0), (10.000, 5.690, 4.870))),
    ("E15 kV and mA, by the model channel", "0.97291", model_part()),
    ("E15 mA linearity", "0.0024552", f.nonlinearity((0.05512, 0.05498, 0.05485))),
)  # fmt: skip


@pytest.mark.parametrize(("name", "printed", "value"), GOLDEN, ids=[name for name, _, _ in GOLDEN])
def test_golden(name: str, printed: str, value: float) -> None:
    """To the last digit that is printed, and never worse than 1e-5 where that digit is finer."""
    unit = float(Decimal(1).scaleb(int(Decimal(printed).as_tuple().exponent)))
    golden = float(printed)
    assert abs(value - golden) <= max(0.5000001 * unit, 1e-5 * abs(golden)), f"{name}: {value!r}, printed {printed}"


def test_every_example_is_here() -> None:
    assert {name.split()[0] for name, _, _ in GOLDEN} == {f"E{n}" for n in range(1, 16)}


def test_e11_drawn() -> None:
    """400 000 draws of the budget's own distributions: 95.6 % within k = 2."""
    rng = default_rng(1)
    n = 400_000
    total = np.zeros(n)
    for part in (0.7, 1.0, 1.5, 0.5, 1.5, 0.013533, 0.20, 0.05, 0.20, 2.0, 0.20):
        total += rng.normal(0.0, part, n)
    for part in (f.rectangular_pct(0.3, 200 / 60), f.rectangular_pct(0.5, 200 / 63.5), f.rectangular_pct(3.0)):
        total += rng.uniform(-math.sqrt(3.0) * part, math.sqrt(3.0) * part, n)
    assert np.mean(np.abs(total) <= 2.0 * f.combined(DEPTH)) == pytest.approx(0.956, abs=0.002)


def test_e12_and_e15_are_told_and_trip_nothing() -> None:
    """1.92 % between the chambers and 2.7 % between timer and model are said in words; under 1.5 %, and under the floor, nothing is."""
    told = differing(D1, D2, 1000.0, 1000.0 * model_part())
    assert [words.split(" mGy")[0] for words in told] == ["channel 1 2672.8", "the timer 1000.0"]
    assert "+1.92 % apart" in told[0] and "-2.71 % apart" in told[1]
    assert differing(D1, 1.0149 * D1, 1000.0, 981.0) == ()
    assert differing(100.0, 109.9, None, None) == differing(None, None, 300.0, 319.9) == ()
    assert len(differing(100.0, 110.1, None, None)) == len(differing(None, None, 300.0, 320.1)) == 1


def test_a_rest_that_small_is_closed() -> None:
    """1 % or 2 cGy, whichever is more."""
    assert (smallest_rest_mgy(8536.6), smallest_rest_mgy(1000.0)) == (pytest.approx(85.366), 20.0)
