"""The reference chamber of a calibration, at the applicator's plane: true dose becomes charge by its N_K and the air in it, with leakage and noise.
It corrects nothing: pressure and temperature, polarity and recombination are the physicist's; what an electrometer shows of its charge it does not know."""

from __future__ import annotations

import random

NOISE_EVERY_MS = 10
NOISE_MOST = 0.01


class ReferenceChamber:
    """`step` takes 1 ms. `air` is the density of the air in it against its reference conditions (1 at 20 C, 101.325 kPa); `gain` is what faults bend."""

    __slots__ = ("_ms", "_noise", "_per_mgy", "_random", "_spread", "gain", "leak_a", "n_k_gy_per_c", "volts")

    def __init__(
        self,
        seed: int,
        n_k_gy_per_c: float = 0.44736e9,
        kerma_per_dose: float = 1.0 / (1.1007 * 1.0177),
        leak_a: float = -2.0e-14,
        noise: float = 0.0005,
    ) -> None:
        self.n_k_gy_per_c = n_k_gy_per_c
        self._per_mgy = kerma_per_dose * 1e-3 / n_k_gy_per_c
        self.leak_a = leak_a
        self.gain = 1.0
        self.volts = 0  # this one collects all at any voltage
        self._spread = noise
        self._noise = 1.0
        self._ms = 0
        self._random = random.Random(seed)

    def step(self, mgy: float, air: float) -> float:
        """Charge (C) of one ms in which `mgy` of D0 passed: the kerma in air behind it is less by backscatter and the ratio of mass energy absorption."""
        self._ms += 1
        if self._ms % NOISE_EVERY_MS == 0:
            self._noise = 1.0 + min(max(self._random.gauss(0.0, self._spread), -NOISE_MOST), NOISE_MOST)
        return mgy * self._per_mgy * air * self.gain * self._noise + self.leak_a * 1e-3
