"""What leaves a tungsten tube through its window and some aluminium: air kerma against kV and filter, from the committed table, and what follows of it.
It knows spectra only by that table (tools/tube_tables.py made it); no machine, no dose to a patient and no wire."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from math import exp, log
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "tables"
NOTHING_BELOW_KV: Final = 5.0
"""Between this and the table's first row the output goes straight to nothing."""
HALF_TO_MM: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Kermas:
    """Logarithms of air kerma, uGy per mAs at 1 m: a row for each kV, a column for each thickness of aluminium."""

    kvs: tuple[float, ...]
    al_mm: tuple[float, ...]
    logs: tuple[tuple[float, ...], ...]

    def at(self, kv: float, al_mm: float) -> float:
        """uGy per mAs at 1 m. ValueError where the table ends: nothing is guessed beyond it."""
        if not 0.0 <= al_mm <= self.al_mm[-1] or not 0.0 <= kv <= self.kvs[-1]:
            raise ValueError(
                f"{kv} kV through {al_mm} mm Al: the table ends at {self.kvs[-1]} kV and {self.al_mm[-1]} mm"
            )
        if kv <= NOTHING_BELOW_KV:
            return 0.0
        first = self.kvs[0]
        if kv < first:
            return exp(self._through(0, al_mm)) * (kv - NOTHING_BELOW_KV) / (first - NOTHING_BELOW_KV)
        row = min(bisect_right(self.kvs, kv), len(self.kvs) - 1) - 1
        low, high = self._through(row, al_mm), self._through(row + 1, al_mm)
        part = log(kv / self.kvs[row]) / log(self.kvs[row + 1] / self.kvs[row])
        return exp(low + (high - low) * part)

    def _through(self, row: int, al_mm: float) -> float:
        place = min(bisect_right(self.al_mm, al_mm), len(self.al_mm) - 1) - 1
        before, after = self.al_mm[place], self.al_mm[place + 1]
        logs = self.logs[row]
        return logs[place] + (logs[place + 1] - logs[place]) * (al_mm - before) / (after - before)

    def more_al_mm(self, kv: float, al_mm: float, part: float) -> float:
        """How much more aluminium leaves this part of the kerma."""
        wanted = self.at(kv, al_mm) * part
        low, high = 0.0, self.al_mm[-1] - al_mm
        while high - low > HALF_TO_MM:
            middle = 0.5 * (low + high)
            if self.at(kv, al_mm + middle) > wanted:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)

    def hvl1_mm_al(self, kv: float, al_mm: float) -> float:
        """First half-value layer."""
        return self.more_al_mm(kv, al_mm, 0.5)

    def hvl2_mm_al(self, kv: float, al_mm: float) -> float:
        """Second half-value layer: from the first half to the quarter."""
        return self.more_al_mm(kv, al_mm, 0.25) - self.hvl1_mm_al(kv, al_mm)

    def exponent(self, low_kv: float, high_kv: float, al_mm: float) -> float:
        """n of output ~ kV^n between two kV, through a fixed filter."""
        return log(self.at(high_kv, al_mm) / self.at(low_kv, al_mm)) / log(high_kv / low_kv)


@dataclass(frozen=True, slots=True)
class Beam:
    """One beam of the spectrum program, found by its first half-value layer."""

    kv: float
    hvl1_mm_al: float
    added_al_mm: float
    hvl2_mm_al: float
    e_mean_kev: float
    ugy_per_mas_1m: float


def _rows(name: str) -> list[list[str]]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line.split(",") for line in lines if not line.startswith("#")]


@cache
def kermas() -> Kermas:
    """The committed table."""
    head, *rows = _rows("tube_kerma.csv")
    values = [tuple(float(cell) for cell in row) for row in rows]
    logs = tuple(tuple(log(cell) for cell in row[1:]) for row in values)
    return Kermas(tuple(row[0] for row in values), tuple(float(cell) for cell in head[1:]), logs)


@cache
def beams() -> tuple[Beam, ...]:
    """The committed beams, with what the spectrum program says of each by itself."""
    return tuple(Beam(*map(float, row)) for row in _rows("tube_beams.csv")[1:])


@cache
def beam(kv: float, hvl1_mm_al: float) -> Beam:
    """The committed beam of this kV and half-value layer."""
    return next(row for row in beams() if (row.kv, row.hvl1_mm_al) == (kv, hvl1_mm_al))


# TG-61's back-scatter factors by half-value layer (mm Al), at SSD 50, 100 and 150 mm, for field diameters in mm; and mu_en/rho, water to air.
BACKSCATTER: Final[dict[float, dict[float, dict[float, float]]]] = {
    0.5: {50: {10: 1.036, 20: 1.057, 30: 1.066, 50: 1.074}, 100: {20: 1.058, 30: 1.069, 50: 1.079}, 150: {20: 1.058, 50: 1.079}},
    1.0: {50: {10: 1.046, 20: 1.081, 30: 1.098, 50: 1.116}, 100: {20: 1.083, 30: 1.103, 50: 1.126}, 150: {20: 1.083, 50: 1.128}},
    1.5: {50: {10: 1.051, 20: 1.092, 30: 1.115, 50: 1.140}, 100: {20: 1.094, 30: 1.120, 50: 1.152}, 150: {20: 1.095, 50: 1.155}},
    2.0: {50: {10: 1.056, 20: 1.104, 30: 1.132, 50: 1.163}, 100: {20: 1.105, 30: 1.135, 50: 1.177}, 150: {20: 1.106, 50: 1.180}},
    3.0: {50: {10: 1.060, 20: 1.115, 30: 1.150, 50: 1.191}, 100: {20: 1.120, 30: 1.159, 50: 1.211}, 150: {20: 1.118, 50: 1.213}},
}  # fmt: skip
WATER_TO_AIR: Final = {0.5: 1.028, 1.0: 1.020, 1.5: 1.017, 2.0: 1.018, 3.0: 1.021}


def straight(table: dict[float, float], at: float) -> float:
    """Straight between the points of a table, and its end beyond them."""
    points = sorted(table)
    at = min(max(at, points[0]), points[-1])
    place = min(bisect_right(points, at), len(points) - 1) - 1
    low, high = points[place], points[place + 1]
    return table[low] + (table[high] - table[low]) * (at - low) / (high - low)


def backscatter(hvl_mm_al: float, diameter_mm: float, ssd_mm: float) -> float:
    """B_w, straight in SSD where both distances know the diameter, then in diameter, then in half-value layer. 10 mm stands at SSD 50 only."""
    by_hvl = {}
    for hvl, by_ssd in BACKSCATTER.items():
        if diameter_mm < 20.0:
            by_hvl[hvl] = straight(by_ssd[50], diameter_mm)
        else:
            by_hvl[hvl] = straight({ssd: straight(row, diameter_mm) for ssd, row in by_ssd.items()}, ssd_mm)
    return straight(by_hvl, hvl_mm_al)


def water_to_air(hvl_mm_al: float) -> float:
    """mu_en/rho of water over air."""
    return straight(WATER_TO_AIR, hvl_mm_al)
