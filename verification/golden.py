"""The worked examples E1 to E15: each printed number, and the public functions of the program that work it out.
Nothing here is worked out by hand where a function of the program does it; tests/calibration/test_golden.py compares, docs/dosimetry.md lists."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from calibration import cutouts
from calibration.dosimetry import beam, budget, in_air, tables
from calibration.dosimetry.budget import Term
from calibration.dosimetry.chain import Chain, Factor, Measures
from calibration.dosimetry.units import (
    Celsius,
    Kilopascals,
    Kilovolts,
    Milliamperes,
    Milligrays,
    MilligraysPerNanocoulomb,
    MilligraysPerSecond,
    Millimetres,
    MillimetresAl,
    Nanocoulombs,
    Seconds,
    Volts,
)  # fmt: skip
from calibration.end_effect import Taken, end_effect
from controller import kernel
from controller.channels import air_factor, counted, timed, weigh
from controller.conversion import converted
from controller.kernel import PLAIN
from controller.prescribed import Certificate, Combination, Prescribed
from controller.presets import Presets, Task, counts_for, discharge_s, presets
from controller.second_sum import exact_mgy
from hal.readings import Termination, TimerStart
from interlocks.bands import CERTIFIED

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
    return presets(Task(d0(), rest_mgy, starts, 1.0, 0.3, termination, 0, 0, 0, 0, CERTIFIED), CERTIFICATE, COMBINATION)


def after(*timers_s: float) -> float:
    """What is left of the fraction after segments that ran so long by the timer."""
    return d0() - sum(timed(R0, t, DT) for t in timers_s)


def b_w(hvl: float, diameter: float, ssd: float = 60.0) -> Factor:
    """Backscatter, from the program's own table."""
    return tables.b_w(MillimetresAl(hvl), Millimetres(diameter), Millimetres(ssd))


READINGS = [Nanocoulombs(one) for one in (6.4105, 6.4131, 6.4120, 6.4098, 6.4146)]
SET, DT_S, POINT, PLANE = Seconds(60.0), Seconds(DT), Millimetres(61.0), Millimetres(60.0)
MU = tables.mu_ratio(MillimetresAl(1.85))
P_TP, P_TP_20 = (in_air.p_tp(Celsius(24.6), Kilopascals(98.72), form) for form in ("22C", "20C"))
P_POL = in_air.p_pol(Nanocoulombs(6.4120), Nanocoulombs(-6.4282))
P_ION = in_air.p_ion(Volts(300.0), Volts(150.0), Nanocoulombs(6.4120), Nanocoulombs(6.3928))
HALVED: Final = (300.0 / 150.0) ** 2
"""Of both voltages: P_ion = (1 - 4) / (M_H/M_L - 4), so that the ratio of the readings comes back from it."""
P_ELEC, P_STEM = Factor("p_elec", 1.0012, 0.20, "E4"), Factor("p_stem", 1.0, 0.5, "E4")
NET = in_air.net_reading(READINGS, Nanocoulombs(-0.0011))
CHARGE = (P_TP, P_ION, P_POL, P_ELEC)
QUALITIES = [(MillimetresAl(hvl), MilligraysPerNanocoulomb(n), 0.7) for hvl, n in ((1.5, 448.2), (2.0, 447.0))]
N_K = tables.n_k(QUALITIES, MillimetresAl(1.85), "E4")
KERMA, WATER = Measures.AIR_KERMA_RATE_IN_AIR, Measures.DOSE_RATE_WATER_SURFACE


def charge_nc() -> float:
    """E4's M."""
    chain = Chain(KERMA, NET.value)
    for factor in CHARGE:
        chain = chain.times(factor)
    return chain.value


def kerma_gy_per_s(point: Millimetres = POINT) -> float:
    """E4's K: what would be R0 if the same numbers were of dose to water at the surface, which takes nothing more."""
    place = N_K, P_STEM, in_air.distance(point, PLANE, 0.0), in_air.per_second(SET, DT_S, 0.0)
    return in_air.rate(WATER, NET, (*CHARGE, *place)).whole() / 1000.0


def r0_gy_per_s() -> float:
    """E4's R0, every factor once."""
    place = N_K, P_STEM, in_air.distance(POINT, PLANE, 0.0), in_air.per_second(SET, DT_S, 0.0)
    return in_air.rate(KERMA, NET, (*CHARGE, *place, b_w(1.85, 20.0), MU)).whole() / 1000.0


def in_water(kerma: float, *factors: Factor) -> float:
    """In-air kerma to dose to water."""
    chain = Chain(KERMA, kerma)
    for factor in factors:
        chain = chain.times(factor)
    return chain.value


def depth(gap_mm: float) -> float:
    return in_air.depth_factor(100.0, Millimetres(3.5), Millimetres(gap_mm), PLANE, 1.0)


def time_s(d0_mgy: float, *timers_s: float) -> float:
    return in_air.set_time(Milligrays(d0_mgy), MilligraysPerSecond(R0), DT_S, [Seconds(t) for t in timers_s]).value


POSITION = Term("position", "B", 0.3, "rectangular", budget.inverse_square_pct_per_mm(60.0))
GAP = Term("gap", "B", 0.5, "rectangular", budget.inverse_square_pct_per_mm(63.5))
DAY = Term("day's output", "B", 3.0, "rectangular")
SURFACE = (
    Term("N_K", "B", 0.7), Term("quality", "B", 1.0), Term("B_w", "B", 1.5), Term("stem", "B", 0.5), Term("mu", "B", 1.5),
    Term("repeat", "A", 0.013533), Term("P_TP", "B", 0.20), POSITION, Term("dt", "A", 0.05), Term("electrometer", "B", 0.20),
)  # fmt: skip
DEPTH = (*SURFACE, Term("PDD", "B", 2.0), GAP, DAY, Term("control", "B", 0.20))
AT_SURFACE, AT_DEPTH = budget.budget(SURFACE), budget.budget(DEPTH)
STACK = [(MillimetresAl(mm), reading) for mm, reading in ((0.0, 10.000), (1.5, 5.690), (2.0, 4.870))]
PDD = [(Millimetres(z), pct) for z, pct in COMBINATION.pdd]


def tail_mgy(latency_s: float, rate: float) -> float:
    return beam.tail(1.0, Kilovolts(KV), Milliamperes(MA), 1.72, Seconds(latency_s), MilligraysPerSecond(rate)).value


LOST_S = beam.ramp_loss(Seconds(0.250), 1.72).value
D1 = counted((126_345 - 4_294_960_000) & kernel.MASK32, 48.9, 0.02, 0.0, 1.0)
K_TP = air_factor(99.10, 31.0, 101.325, 20.0)
D2 = counted(131_020, 48.9, 0.0196, 0.0, K_TP)
TIMED = timed(R0, 48.90, DT)
FALL_S = discharge_s(CERTIFICATE, COMBINATION)
ROUND = [Taken(5.0, 0.26703), Taken(30.0, 1.64203), Taken(30.0, 1.64203), Taken(5.0, 0.26703)]
TAIL = tail_mgy(0.012, R0)
HALF_TICK_S: Final = 0.005
"""Of 100 Hz: a host that alone ends the beam is half a tick late in the mean."""
D20 = in_water(0.050200 * 0.97830, b_w(1.85, 20.0), MU)
D30 = in_water(0.050200, b_w(1.85, 30.0), MU)
E7_DT, E7_RATE = beam.two_exposures(Seconds(5.0), 0.26703, Seconds(30.0), 1.64203)


def model_part(kv: float = 68.8, ma: float = 1.584) -> float:
    """E15 by the model channel: one second of 68.8 kV and 1.584 mA, of what 69.5 kV and 1.6 mA give."""
    state = np.zeros(kernel.MODEL_STATE)
    rows = np.array([[0.0, kv, ma, 1.0], [1.0, kv, ma, 1.0]])
    PLAIN.model(rows, np.array(COMBINATION.g_kv), R0 / MA, state)
    return float(state[kernel.M_SUM] + state[kernel.M_COMPENSATION]) / R0


@dataclass(frozen=True)
class Golden:
    """One printed number, what the program makes of it, and the functions that do."""

    name: str
    printed: str
    value: float
    by: tuple[Callable[..., object], ...]

    @property
    def functions(self) -> tuple[str, ...]:
        """As module and name."""
        return tuple(f"{one.__module__}.{one.__qualname__}" for one in self.by)


CHAIN: Final = (in_air.net_reading, Chain.times)
RATE: Final = (in_air.rate,)

GOLDEN: Final[tuple[Golden, ...]] = (
    Golden("E1 P_TP, 22 C form", "1.03547886", P_TP.value, (in_air.p_tp,)),
    Golden("E1 P_TP, 20 C form", "1.04249346", P_TP_20.value, (in_air.p_tp,)),
    Golden("E1 mixing them, %", "0.67743", 100.0 * (P_TP_20.value / P_TP.value - 1.0), (in_air.p_tp,)),
    Golden("E2 P_pol", "1.00126326", P_POL.value, (in_air.p_pol,)),
    Golden("E2 M_H/M_L", "1.0030034", HALVED - (HALVED - 1.0) / P_ION.value, (in_air.p_ion,)),
    Golden("E2 P_ion", "1.00100213", P_ION.value, (in_air.p_ion,)),
    Golden("E3 HVL 1.5 at SSD 50", "1.1035", b_w(1.5, 25.0, 50.0).value, (tables.b_w,)),
    Golden("E3 HVL 2.0 at SSD 50", "1.1180", b_w(2.0, 25.0, 50.0).value, (tables.b_w,)),
    Golden("E3 HVL 1.5 at SSD 100", "1.1070", b_w(1.5, 25.0, 100.0).value, (tables.b_w,)),
    Golden("E3 HVL 2.0 at SSD 100", "1.1200", b_w(2.0, 25.0, 100.0).value, (tables.b_w,)),
    Golden("E3 HVL 1.5 at 60 mm", "1.1042", b_w(1.5, 25.0).value, (tables.b_w,)),
    Golden("E3 HVL 2.0 at 60 mm", "1.1184", b_w(2.0, 25.0).value, (tables.b_w,)),
    Golden("E3 HVL 1.85 at 60 mm", "1.11414", b_w(1.85, 25.0).value, (tables.b_w,)),
    Golden("E3 d 20", "1.10066", b_w(1.85, 20.0).value, (tables.b_w,)),
    Golden("E3 d 30", "1.12762", b_w(1.85, 30.0).value, (tables.b_w,)),
    Golden("E3 mu_en/rho", "1.0177", MU.value, (tables.mu_ratio,)),
    Golden("E4 mean, nC", "6.4120", in_air.net_reading(READINGS, Nanocoulombs(0.0)).value, (in_air.net_reading,)),
    Golden("E4 net of leakage, nC", "6.4131", NET.value, (in_air.net_reading,)),
    Golden("E4 s, nC", "0.0019404", beam.variation(READINGS) * in_air.net_reading(READINGS, Nanocoulombs(0.0)).value, (beam.variation,)),
    Golden("E4 s / sqrt 5, %", "0.013533", 100.0 * beam.variation(READINGS) / math.sqrt(5.0), (beam.variation,)),
    Golden("E4 M, nC", "6.6637", charge_nc(), (in_air.net_reading, Chain.times,)),
    Golden("E4 N_K", "0.44736", N_K.value / 1000.0, (tables.n_k,)),
    Golden("E4 beam, s", "59.855", 1.0 / in_air.per_second(SET, DT_S, 0.0).value, (in_air.per_second,)),
    Golden("E4 K, Gy/s", "0.051479", kerma_gy_per_s(), (in_air.rate, in_air.distance, in_air.per_second,)),
    Golden("E4 R0, Gy/s", "0.057663", r0_gy_per_s(), (in_air.rate,)),
    Golden("E4 R0, Gy/min", "3.4598", 60.0 * r0_gy_per_s(), (in_air.rate,)),
    Golden("E4 forgetting 61/60, %", "-3.25", 100.0 * (kerma_gy_per_s(PLANE) / kerma_gy_per_s() - 1.0), (in_air.distance,)),
    Golden("E5 PDD", "82.000", tables.pdd_pct(PDD, Millimetres(3.5)), (tables.pdd_pct,)),
    Golden("E5 D0, Gy", "8.5366", d0() / 1000.0, (converted,)),
    Golden("E5 D0/R0, s", "155.21", d0() / R0, (converted,)),
    Golden("E5 T, s, calibration", "155.355643", time_s(d0()), (in_air.set_time,)),
    Golden("E5 T, s, presets", "155.355643", plan(d0()).exact_s, (presets,)),
    Golden("E5 T in the timer's steps, s", "155.36", plan(d0()).set_ms / 1000.0, (presets,)),
    Golden("E6 gap +1 at depth", "0.96923", depth(1.0), (in_air.depth_factor,)),
    Golden("E6 gap +1 at the surface", "0.96748", in_air.skin_dose(Milligrays(1.0), Millimetres(1.0), PLANE, 1.0).value, (in_air.skin_dose,)),
    Golden("E6 gap +1, s", "160.28", time_s(d0(1.0)), (in_air.set_time, converted,)),
    Golden("E6 gap -1 at depth", "1.0323", depth(-1.0), (in_air.depth_factor,)),
    Golden("E6 gap -1, s", "150.51", time_s(d0(-1.0)), (in_air.set_time, converted,)),
    Golden("E6 gap +2 at depth", "0.93986", depth(2.0), (in_air.depth_factor,)),
    Golden("E6 gap +2, s", "165.29", time_s(d0(2.0)), (in_air.set_time, converted,)),
    Golden("E7 dt, s", "-0.14491", E7_DT.value, (beam.two_exposures,)),
    Golden("E7 dt, s, ABBA", "-0.14491", end_effect(ROUND, 0.0005, 0.0, 0.25).dt_s, (end_effect,)),
    Golden("E7 R, Gy/s", "0.055000", E7_RATE, (beam.two_exposures,)),
    Golden("E7 u(dt), s", "0.0040998", beam.two_exposures_u(0.0005, Seconds(5.0), Seconds(30.0), E7_DT).value, (beam.two_exposures_u,)),
    Golden("E8 dt, s", "-0.14491", beam.many_exposures(Seconds(30.0), 6, 1.60218, 1.64203).value, (beam.many_exposures,)),
    Golden("E8 the trap, s", "-0.024152", beam.many_exposures(Seconds(5.0), 6, 1.60218, 1.64203).value, (beam.many_exposures,)),
    Golden("E9 delivered after 60.30 s, Gy", "3.3085", timed(R0, 60.30, DT) / 1000.0, (timed,)),
    Golden("E9 next T, s, calibration", "95.201", time_s(d0(), 60.30), (in_air.set_time,)),
    Golden("E9 next T, s, presets", "95.201", plan(after(60.30), starts=2).exact_s, (presets,)),
    Golden("E9 delivered in 41.72 s, Gy", "2.2866", timed(R0, 41.72, DT) / 1000.0, (timed,)),
    Golden("E9 rest, Gy", "2.9414", after(60.30, 41.72) / 1000.0, (timed,)),
    Golden("E9 last T, s", "53.626", plan(after(60.30, 41.72), starts=3).exact_s, (presets,)),
    Golden("E9 sum of set times, s", "155.645643", 60.30 + 41.72 + plan(after(60.30, 41.72), starts=3).exact_s, (presets,)),
    Golden("E9 D0/R0 - 3 dt, s", "155.645643", d0() / R0 - 3.0 * DT, (converted,)),
    Golden("E9 omitting two dt, %", "-0.18684", 100.0 * 2.0 * (timed(R0, 10.0, DT) - timed(R0, 10.0, 0.0)) / d0(), (timed,)),
    Golden("E10 t_fall, ms", "43.438", 1000.0 * FALL_S, (discharge_s,)),
    Golden("E10 of it at full rate, ms", "15.970", 1000.0 * tail_mgy(0.0, 1.0), (beam.tail,)),
    Golden("E10 tail, mGy", "1.5383", TAIL, (beam.tail,)),
    Golden("E10 preset, counts", "426752", plan(d0(), Termination.MONITOR).count_preset_1, (presets,)),
    Golden("E10 preset, counts, by itself", "426752", counts_for(d0() - TAIL, 0.02, 0.0, 155.0), (counts_for,)),
    Golden("E10 counts before rounding", "426752.35", (d0() - TAIL) / 0.02, (converted, beam.tail,)),
    Golden("E10 host only, off at the first tick from, mGy", "8534.7720", d0() - TAIL - timed(R0, HALF_TICK_S, 0.0), (converted, beam.tail, timed,)),
    Golden("E10 host only, as ticks see it, mGy", "8534.8", d0() - TAIL - timed(R0, HALF_TICK_S, 0.0), (converted, beam.tail, timed,)),
    Golden("E10 lost in the ramp, ms", "158.09", 1000.0 * LOST_S, (beam.ramp_loss,)),
    Golden("E10 dt, ms", "-130.12", 1000.0 * (tail_mgy(0.012, 1.0) - LOST_S), (beam.tail, beam.ramp_loss,)),
    Golden("E11 position, %", "0.57735", POSITION.u_pct, (budget.inverse_square_pct_per_mm,)),
    Golden("E11 surface k = 1, %", "2.5799", AT_SURFACE.u_pct_k1, (budget.budget,)),
    Golden("E11 surface k = 2, %", "5.1599", AT_SURFACE.u_pct_k2, (budget.budget,)),
    Golden("E11 gap, %", "0.90921", GAP.u_pct, (budget.inverse_square_pct_per_mm,)),
    Golden("E11 day's output, %", "1.7321", DAY.u_pct, (budget.Term,)),
    Golden("E11 depth k = 1, %", "3.8109", AT_DEPTH.u_pct_k1, (budget.budget,)),
    Golden("E11 depth k = 2, %", "7.6217", AT_DEPTH.u_pct_k2, (budget.budget,)),
    Golden("E11 of 7 Gy", "0.53352", 7.0 * AT_DEPTH.u_pct_k2 / 100.0, (budget.budget,)),
    Golden("E12 counts over the wrap", "133641", (126_345 - 4_294_960_000) & kernel.MASK32, (counted,)),
    Golden("E12 D1, Gy", "2.6728", D1 / 1000.0, (counted,)),
    Golden("E12 D1, Gy, exactly", "2.6728", float(exact_mgy(133_641, 48_900_000, 0.02, 0.0, 1.0)) / 1000.0, (exact_mgy,)),
    Golden("E12 k_TP", "1.0608", K_TP, (air_factor,)),
    Golden("E12 D2, Gy", "2.7242", D2 / 1000.0, (counted,)),
    Golden("E12 D2 against D1, %", "1.9213", 100.0 * (D2 / D1 - 1.0), (counted,)),
    Golden("E12 DT, Gy", "2.6815", TIMED / 1000.0, (timed,)),
    Golden("E12 DT against D1, %", "0.32569", 100.0 * (TIMED / D1 - 1.0), (timed,)),
    Golden("E12 delivered at 3.5 mm, Gy", "2.1917", weigh(D1, (D2, TIMED), 0.0, 0.0).delivered_mgy * 7000.0 / d0() / 1000.0, (weigh,)),
    Golden("E12 low, Gy", "2.6728", weigh(D1, (D2, TIMED), 0.0, 0.0).low_mgy / 1000.0, (weigh,)),
    Golden("E12 high, Gy", "2.7242", weigh(D1, (D2, TIMED), 0.0, 0.0).high_mgy / 1000.0, (weigh,)),
    Golden("E12 rest D0, Gy", "5.8638", (d0() - weigh(D1, (D2, TIMED), 0.0, 0.0).delivered_mgy) / 1000.0, (weigh,)),
    Golden("E12 resuming on the maximum, %", "0.60155", 100.0 * (D2 - D1) / d0(), (weigh,)),
    Golden("E12 dead for 1.0 s, low, Gy", "2.6700", weigh(2670.0, (), 0.0, 1.25 * R0).low_mgy / 1000.0, (weigh,)),
    Golden("E12 dead for 1.0 s, high, Gy", "2.7388", weigh(2670.0, (), 0.0, 1.25 * R0).high_mgy / 1000.0, (weigh,)),
    Golden("E13 D20, Gy/s", "0.055011", D20, (tables.b_w, tables.mu_ratio, Chain.times,)),
    Golden("E13 D30, Gy/s", "0.057608", D30, (tables.b_w, tables.mu_ratio, Chain.times,)),
    Golden("E13 surface AF", "0.95491", D20 / D30, (Chain.times,)),
    Golden("E13 surface AF of in-air AF", "0.95491", 0.97830 * cutouts.between(
        MillimetresAl(1.85), 60.0, cutouts.Field(20.0), cutouts.Field(30.0)).value, (cutouts.between,)),
    Golden("E13 in-air AF on D30, Gy/s", "0.056358", D30 * 0.97830, (Chain.times,)),
    Golden("E13 that is wrong by, %", "2.4494", 100.0 * (D30 * 0.97830 / D20 - 1.0), (Chain.times,)),
    Golden("E13 B_w twice, %", "10.066", 100.0 * (in_water(D20, b_w(1.85, 20.0)) / D20 - 1.0), (tables.b_w,)),
    Golden("E14 HVL, mm Al", "1.9154", beam.layer(STACK).value, (beam.layer,)),
    Golden("E15 kV alone, by the model channel", "0.98274", model_part(68.8, MA), (kernel.model_block,)),
    Golden("E15 mA alone, by the model channel", "0.99000", model_part(KV, 1.584), (kernel.model_block,)),
    Golden("E15 kV and mA, by the model channel", "0.97291", model_part(), (kernel.model_block,)),
    Golden("E15 mA linearity", "0.0024552", beam.nonlinearity((0.05512, 0.05498, 0.05485)), (beam.nonlinearity,)),
)  # fmt: skip
