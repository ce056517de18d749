"""An ionisation chamber as a laboratory has it: its own N_K by half-value layer, vented air, polarity, recombination, leakage and stem.
It turns kerma in air at its place into charge and corrects nothing; where it stands and what anyone believes of it are not its matter."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import exp
from typing import Final

from simulators.beams import straight

NOISE_EVERY_MS: Final = 10
NOISE_MOST: Final = 0.01
SETTLE_A_PER_V: Final = 5e-15
"""Of the polarisation current that a change of voltage leaves behind, and how long it takes to go."""
SETTLE_TAU_S: Final = 20.0
REFERENCE_V: Final = 300.0
REFERENCE_GY_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Paper:
    """What the certificate of a chamber says, as a person would type it. N_K in Gy/nC by half-value layer in mm Al, at its reference air."""

    serial: str
    certificate: str
    date: str
    expires: str
    n_k_gy_per_nc: dict[float, float]
    ref_c: float
    ref_kpa: float
    ref_form: str
    stem_factor: float
    volts: int
    sensitive_mm: float


class IonChamber:
    """`step` takes 1 ms. Hands set `volts`, the laboratory `kerma_per_dose` (kerma in air at its place for a dose in the plane), `hvl_mm_al` and `air`."""

    __slots__ = (
        "_fade",
        "_ms",
        "_n_k",
        "_noise",
        "_per_gy",
        "_random",
        "_recombination",
        "_settling_a",
        "_spread",
        "_stem",
        "_volts",
        "_wrong",
        "air",
        "kerma_per_dose",
        "leak_a",
        "n_k_gy_per_c",
        "paper",
        "polarity",
    )  # fmt: skip

    def __init__(
        self, paper: Paper, seed: int, n_k_error: float, stem_error: float, polarity: float, recombination: float, leak_a: float, noise: float = 0.0005
    ) -> None:  # fmt: skip
        self.paper = paper
        self._n_k = {hvl: value * 1e9 for hvl, value in paper.n_k_gy_per_nc.items()}
        self._wrong = 1.0 + n_k_error
        self._stem = (1.0 + stem_error) / paper.stem_factor
        self.polarity = polarity
        # In a continuous beam the loss goes as rate over voltage squared; `recombination` is that at 300 V and 0.05 Gy/s.
        self._recombination = recombination * REFERENCE_V**2 / REFERENCE_GY_S
        self.leak_a = leak_a
        self.kerma_per_dose = 0.0
        self.air = 1.0
        self._volts = paper.volts  # it has been at its voltage since long before
        self._settling_a = 0.0
        self._fade = exp(-1e-3 / SETTLE_TAU_S)
        self._spread = noise
        self._noise = 1.0
        self._ms = 0
        self._random = random.Random(seed)
        self.see(next(iter(self._n_k)))

    def see(self, hvl_mm_al: float) -> None:
        """The beam now has this half-value layer."""
        self.n_k_gy_per_c = straight(self._n_k, hvl_mm_al)
        """As its certificate would have it, which is what a display in Gy uses."""
        self._per_gy = self._stem / (self.n_k_gy_per_c * self._wrong)

    @property
    def volts(self) -> int:
        """Across it now."""
        return self._volts

    @volts.setter
    def volts(self, volts: int) -> None:
        if volts != self._volts:
            self._settling_a += (volts - self._volts) * SETTLE_A_PER_V
            self._volts = volts

    def step(self, mgy: float, air: float) -> float:  # noqa: ARG002 - it holds the air of its own place
        """Charge (C) of one ms in which `mgy` of D0 passed the plane."""
        self._ms += 1
        if self._ms % NOISE_EVERY_MS == 0:
            self._noise = 1.0 + min(max(self._random.gauss(0.0, self._spread), -NOISE_MOST), NOISE_MOST)
        dark = self.leak_a
        if self._settling_a:
            dark += self._settling_a
            self._settling_a *= self._fade
        kerma = mgy * 1e-3 * self.kerma_per_dose
        volts = self._volts
        if not kerma or not volts:
            return dark * 1e-3
        squared = float(volts * volts)
        collected = squared / (squared + self._recombination * kerma * 1e3)
        sign = (1.0 if volts > 0 else -1.0) - self.polarity
        return kerma * self._per_gy * self.air * self._noise * collected * sign + dark * 1e-3
