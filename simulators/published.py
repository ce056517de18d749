"""What has been published of real machines' output, and what the table of the simulated tubes gives for the same beam: one free scale for all of them.
It knows a handful of figures and where each stands; they judge the table and make nothing."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import Final

from simulators.beams import backscatter, beam, water_to_air


@dataclass(frozen=True, slots=True)
class Published:
    """One machine's figure: surface dose rate in water, Gy/min, at a current and a distance. What the source does not give is said in `assumed`."""

    machine: str
    kv: float
    ma: float
    hvl1_mm_al: float
    diameter_mm: float
    ssd_mm: float
    gy_per_min: float
    source: str
    assumed: str

    def from_table(self) -> float:
        """Gy/min before any scale: kerma by the inverse square, backscatter and the ratio of mass energy absorption once each."""
        kerma = beam(self.kv, self.hvl1_mm_al).ugy_per_mas_1m * 1e-6 * (1000.0 / self.ssd_mm) ** 2 * self.ma * 60.0
        return kerma * backscatter(self.hvl1_mm_al, self.diameter_mm, self.ssd_mm) * water_to_air(self.hvl1_mm_al)


FIGURES: Final = (
    Published("Elekta Esteya", 69.5, 1.6, 1.85, 20.0, 60.0, 3.3, "pubmed 24790622", "1.6 mA, SSD 60 mm"),
    Published("Ariane Papillon+", 50.0, 2.7, 0.64, 20.0, 40.0, 20.0, "Contact X-ray therapy (review)", "2.7 mA, HVL, SSD 40 of 20 to 50 mm"),
)  # fmt: skip


def scale() -> float:
    """The one free factor: the geometric mean of published over computed."""
    return exp(sum(log(row.gy_per_min / row.from_table()) for row in FIGURES) / len(FIGURES))
