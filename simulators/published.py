"""What has been published of real machines' output, and what the table of the simulated tubes gives for the same beam: one free scale for all of them.
It knows a handful of figures and where each stands; they judge the table and make nothing."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import Final

from simulators.beams import backscatter, beam, kermas, water_to_air

MGY_PER_R: Final = 8.76
"""Air kerma of one roentgen: 2.58e-4 C/kg times 33.97 J/C."""


@dataclass(frozen=True, slots=True)
class Published:
    """One machine's figure, Gy/min, at a current and a distance: dose to water at the surface of a field, or air kerma where `diameter_mm` is None.

    The beam is named by its half-value layer; `hvl1_mm_al` is None where the source gives the aluminium, which is then `added_al_mm`. What the source does
    not give is said in `assumed`."""

    machine: str
    kv: float
    ma: float
    hvl1_mm_al: float | None
    diameter_mm: float | None
    ssd_mm: float
    gy_per_min: float
    source: str
    assumed: str
    added_al_mm: float = 0.0

    @property
    def beam(self) -> str:
        """In words, as the source names it."""
        named = f"{self.added_al_mm:g} mm Al added" if self.hvl1_mm_al is None else f"HVL {self.hvl1_mm_al:g} mm"
        return f"{self.kv:g} kV, {named}{', in air' if self.diameter_mm is None else ''}"

    def from_table(self) -> float:
        """Gy/min before any scale: kerma by the inverse square; where it is dose to water, backscatter and the ratio of mass energy absorption once each."""
        hvl = self.hvl1_mm_al
        at_1m = kermas().at(self.kv, self.added_al_mm) if hvl is None else beam(self.kv, hvl).ugy_per_mas_1m
        kerma = at_1m * 1e-6 * (1000.0 / self.ssd_mm) ** 2 * self.ma * 60.0
        if hvl is None or self.diameter_mm is None:
            return kerma
        return kerma * backscatter(hvl, self.diameter_mm, self.ssd_mm) * water_to_air(hvl)


CONTACT: Final = (
    Published("Elekta Esteya", 69.5, 1.6, 1.85, 20.0, 60.0, 3.3, "pubmed 24790622", "1.6 mA, SSD 60 mm"),
    Published("Ariane Papillon+", 50.0, 2.7, 0.64, 20.0, 40.0, 20.0, "Contact X-ray therapy (review)", "2.7 mA, HVL, SSD 40 of 20 to 50 mm"),
)  # fmt: skip
"""Machines that stand as near to the skin as the simulated tubes, whose output as engraved goes by these."""
FIGURES: Final = (
    *CONTACT,
    Published(
        "Bucky Combination", 65.0, 10.0, None, None, 236.0, 500.0 * MGY_PER_R / 1000.0,
        "osti 22577828 (Medical Dosimetry 19:1, 1994): 65 kV, 23.6 cm, 0.39 mm Al, 500 R/min", "10 mA, window as the table's, no air between", 0.39,
    ),
)  # fmt: skip


def scale(rows: tuple[Published, ...] = CONTACT) -> float:
    """The one free factor: the geometric mean of published over computed; of the simulated tubes, or of these rows."""
    return exp(sum(log(row.gy_per_min / row.from_table()) for row in rows) / len(rows))
