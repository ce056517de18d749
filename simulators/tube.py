"""The X-ray tube with its cable: kV ramp and discharge, filament heat and emission under a closed loop, anode heat, arcs.
It knows volts, amperes and heat; not who asked for them, nor what dose they make beyond a relative output."""

from __future__ import annotations

import random
from math import exp

from simulators.profile import Profile

RICHARDSON_A_CM2_K2 = 60.0
WORK_FUNCTION_K = 52_453.0  # 4.52 eV over Boltzmann's constant
# The emission loop: crossover near 3 Hz, integral placed on the filament's own lag.
LOOP_A = 0.96
ROOM_K = 300.0


class Tube:
    """Stepped 1 ms at a time; kV and mA are what truly is, `output_s` the output of the last step against the reference rate, in seconds."""

    __slots__ = (
        "_arc_kv",
        "_arc_rng",
        "_arc_scale",
        "_arc_steep",
        "_bleeder_ma_kv",
        "_curve",
        "_curve_per_kv",
        "_drifts",
        "_driven",
        "_emission_ma_k2",
        "_first",
        "_g_exponent",
        "_g_scale",
        "_heater_loop_a",
        "_last_g",
        "_last_kv",
        "_loop_step",
        "_p",
        "_per_ma",
        "_relax",
        "_steady_k",
        "_warm",
        "anode_j",
        "arcs",
        "filament_k",
        "heater_a",
        "kv",
        "ma",
        "mas",
        "output_s",
        "quench_ms",
    )

    def __init__(self, profile: Profile, seed: int) -> None:
        p = self._p = profile
        self.kv = 0.0
        self.ma = 0.0
        self.filament_k = ROOM_K
        self.heater_a = 0.0
        self.anode_j = 0.0
        self.output_s = 0.0
        self.arcs = 0
        self.quench_ms = 0
        self._driven = False
        self._heater_loop_a = 0.0
        self._steady_k = ROOM_K
        self._bleeder_ma_kv = 1e-3 / p.bleeder_gohm
        self._per_ma = 1e-3 / p.rate_ma
        self._relax = 1.0 - exp(-1.0 / p.filament_tau_ms)
        self._loop_step = LOOP_A / p.filament_tau_ms
        self._emission_ma_k2 = 1000.0 * p.filament_area_cm2 * RICHARDSON_A_CM2_K2
        span = p.rate_kv - p.rate_threshold_kv
        self._g_exponent = p.rate_exponent * span / p.rate_kv
        self._g_scale = 1.0 / span
        self._last_kv = 0.0
        self._last_g = 0.0
        self._arc_rng = random.Random(seed)
        self._arc_scale = p.arcs_per_h_at_full_kv / 3_600_000.0
        self._arc_kv = self._arc_steep = 0.0
        self._curve: tuple[float, ...] = ()
        self._curve_per_kv = 1.0 / p.curve_step_kv
        self._drifts = bool(p.sag_part or p.first_part or p.ageing_per_mas)
        self._warm = self._first = self.mas = 0.0
        self._drift(0.0)

    def relative_output(self, kv: float) -> float:
        """Dose rate at `kv` against the reference kV, at equal mA; 1 at the reference."""
        if self._curve:
            place = kv * self._curve_per_kv
            low = min(int(place), len(self._curve) - 2)
            return self._curve[low] + (self._curve[low + 1] - self._curve[low]) * (place - low)
        above = kv - self._p.rate_threshold_kv
        return (above * self._g_scale) ** self._g_exponent if above > 0.0 else 0.0

    def through(self, curve: tuple[float, ...]) -> None:
        """Another filter is in the beam: its output by kV, on the profile's grid."""
        self._curve = curve
        self._last_g = self.relative_output(self._last_kv)

    def emission_ma(self, kelvin: float) -> float:
        """Richardson's law for this filament. Space charge is left out: it matters only below some kV here."""
        return self._emission_ma_k2 * kelvin * kelvin * exp(-WORK_FUNCTION_K / kelvin)

    def arc(self) -> None:
        """The gap breaks down, if there is a voltage: kV collapses at once and the inverter is held off for the quench time."""
        if self.kv == 0.0:
            return
        self.kv = 0.0
        self.quench_ms = self._p.quench_ms
        self.arcs += 1

    def _heat(self, heater: float) -> None:
        """One ms of the filament on `heater` amperes."""
        if heater != self.heater_a:
            self.heater_a = heater
            p = self._p
            self._steady_k = max(
                ROOM_K, p.filament_reference_k * (heater / p.filament_reference_a) ** p.filament_exponent
            )
        self.filament_k += (self._steady_k - self.filament_k) * self._relax

    def _regulated(self, ma_target: float, limit_a: float) -> float:
        """The emission loop's heater current, A; it holds still while no current can flow (start, quench)."""
        if not self._driven:
            self._heater_loop_a = self.heater_a
            self._driven = True
        if self.kv == 0.0:
            return min(self._heater_loop_a, limit_a)
        error = (ma_target - self.ma) / ma_target if ma_target > 0.0 else -1.0
        wanted = self._heater_loop_a + LOOP_A * error
        if wanted <= 0.0:
            return 0.0
        if wanted >= limit_a:
            return limit_a
        self._heater_loop_a += self._loop_step * error
        return wanted

    def step(self, driving: bool, kv_target: float, ma_target: float, standby_a: float, limit_a: float) -> None:
        """One ms. `driving`: the inverter pushes charge; kV and mA targets are the regulators', heater currents in A."""
        kv = self.kv
        if driving:
            self._heat(self._regulated(ma_target, limit_a))
            if self.quench_ms:
                self.quench_ms -= 1
                driving = False
        else:
            self._driven = False
            self.quench_ms = 0
            self._heat(min(standby_a, limit_a))
        if not driving and kv == 0.0:
            self.ma = 0.0
            self.output_s = 0.0
            return
        kelvin = self.filament_k
        emission = self._emission_ma_k2 * kelvin * kelvin * exp(-WORK_FUNCTION_K / kelvin)
        flowing_ms = 1.0
        if driving and kv <= kv_target:
            after = kv if kv == kv_target else min(kv + kv_target / self._p.ramp_ms, kv_target)
        else:
            fall = (emission + kv * self._bleeder_ma_kv) / self._p.cable_nf
            after = max(kv - fall, kv_target if driving else 0.0)
            if after == 0.0:
                flowing_ms = kv / fall
        self.kv = after
        self.ma = emission if after > 0.0 else 0.0
        self.output_s = self._output(kv, after) * emission * self._per_ma * flowing_ms

    def rests(self, driving: bool, kv_target: float) -> bool:
        """Whether kV stands where it is driven, or at nothing: a step then moves the filament and the current only."""
        if driving:
            return self._driven and not self.quench_ms and 0.0 < kv_target == self.kv
        return not self._driven and self.kv == 0.0

    def skip_dark(self, ms: int, standby_a: float, limit_a: float) -> None:
        """`ms` steps at rest without high voltage: the filament goes towards its standby."""
        self._heat(min(standby_a, limit_a))
        steady_k, relax, kelvin = self._steady_k, self._relax, self.filament_k
        for _ in range(ms - 1):
            warmer = kelvin + (steady_k - kelvin) * relax
            if warmer == kelvin:
                break
            kelvin = warmer
        self.filament_k = kelvin
        self.ma = self.output_s = 0.0

    def skip_lit(self, ms: int, ma_target: float, limit_a: float) -> list[float]:
        """`ms` steps at rest under high voltage; the output of each."""
        p, kv = self._p, self.kv
        gain = self._output(kv, kv)
        loop_a, heater_a, steady_k = self._heater_loop_a, self.heater_a, self._steady_k
        kelvin, ma, relax, loop_step = self.filament_k, self.ma, self._relax, self._loop_step
        emission_ma_k2, per_ma = self._emission_ma_k2, self._per_ma
        outputs = []
        for left in range(ms - 1, -1, -1):
            loop_before, heater_before, kelvin_before, ma_before = loop_a, heater_a, kelvin, ma
            error = (ma_target - ma) / ma_target if ma_target > 0.0 else -1.0
            wanted = loop_a + LOOP_A * error
            if wanted <= 0.0:
                wanted = 0.0
            elif wanted >= limit_a:
                wanted = limit_a
            else:
                loop_a += loop_step * error
            if wanted != heater_a:
                heater_a = wanted
                steady_k = p.filament_reference_k * (wanted / p.filament_reference_a) ** p.filament_exponent
                if steady_k < ROOM_K:
                    steady_k = ROOM_K
            kelvin += (steady_k - kelvin) * relax
            ma = emission_ma_k2 * kelvin * kelvin * exp(-WORK_FUNCTION_K / kelvin)
            outputs.append(gain * ma * per_ma)
            if (
                ma == ma_before and kelvin == kelvin_before and loop_a == loop_before and heater_a == heater_before
            ):  # it stands still
                outputs += outputs[-1:] * left
                break
        self._heater_loop_a, self.heater_a, self._steady_k, self.filament_k, self.ma = (
            loop_a,
            heater_a,
            steady_k,
            kelvin,
            ma,
        )
        self.output_s = outputs[-1]
        return outputs

    def _output(self, before: float, after: float) -> float:
        """Mean relative output over a step in which kV runs straight from `before` to `after` (Simpson)."""
        if before == self._last_kv:
            first = self._last_g
        else:
            first = self.relative_output(before)
        if after == before:
            self._last_kv, self._last_g = after, first
            return first
        last = self.relative_output(after)
        self._last_kv, self._last_g = after, last
        return (first + 4.0 * self.relative_output(0.5 * (before + after)) + last) / 6.0

    def slow_step(self, ms: int) -> None:
        """What changes slowly, every `ms`: anode heat, and arcs by chance (Poisson, steep in kV)."""
        p = self._p
        self.anode_j += (self.kv * self.ma - self.anode_j / p.anode_tau_s) * ms * 1e-3
        if self._drifts:
            self._drift(ms * 1e-3)
        if self.kv > 20.0:
            if self.kv != self._arc_kv:
                self._arc_kv = self.kv
                self._arc_steep = exp((self.kv - p.full_scale_kv) / 5.0)
            if self._arc_rng.random() < self._arc_scale * ms * self._arc_steep:
                self.arc()

    def _drift(self, seconds: float) -> None:
        """What the output is against that of the cold new tube after its first minute: the first seconds, warming, age."""
        p = self._p
        if self.ma > 0.0:
            self._warm += (1.0 - self._warm) * seconds / p.sag_tau_s
            self._first += (1.0 - self._first) * seconds / p.first_tau_s
            self.mas += self.ma * seconds
        else:
            self._warm -= self._warm * seconds / p.cooling_tau_s
            self._first -= self._first * seconds / p.cooling_tau_s
        drifted = (1.0 - p.sag_part * self._warm) * (1.0 + p.first_part * (1.0 - self._first))
        self._per_ma = 1e-3 / p.rate_ma * drifted * (1.0 - p.ageing_per_mas * self.mas)
