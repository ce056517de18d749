"""Device counts to kilovolts and milliamps and back, and whether a device's full scale is the profile's.
It refuses and never clips; it knows no command and no wire."""

from __future__ import annotations

import math
from typing import Final

from hal.units import Counts

COUNTS_FULL_SCALE: Final = 4095
"""12 bits: the set-points of every Spellman comma dialect that counts, and of most others; a device with another scale says so in its driver."""
MONITOR_OVERRANGE: Final = 1.2
"""XRV: the monitors' converter spans 120 % of full scale over the same 4095 counts."""
SCALE_TOLERANCE: Final = 1e-6


def to_counts(value: float, full_scale: float, what: str, counts_full_scale: int = COUNTS_FULL_SCALE) -> Counts:
    """The nearest set-point in counts. ValueError for NaN, infinity, below 0 or above full scale."""
    if not math.isfinite(full_scale) or full_scale <= 0:
        raise ValueError(f"{what}: full scale {full_scale} is not above 0; correct the generator's profile")
    if not math.isfinite(value) or not 0 <= value <= full_scale:
        raise ValueError(
            f"{what} {value} is outside 0 to {full_scale} (generator's full scale); ask for a value within it"
        )
    return Counts(round(value * counts_full_scale / full_scale))


def from_counts(counts: int, full_scale: float, counts_full_scale: int = COUNTS_FULL_SCALE) -> float:
    """What a set-point in counts stands for."""
    return counts * full_scale / counts_full_scale


def from_monitor(counts: int, full_scale: float) -> float:
    """What a measured value in converter counts stands for (20 % overrange)."""
    return counts * MONITOR_OVERRANGE * full_scale / COUNTS_FULL_SCALE


def scale_mismatch(said: float, configured: float, what: str) -> str:
    """Empty when the device's full scale is the configured one, else the words that say how they differ."""
    if math.isfinite(said) and math.isclose(said, configured, rel_tol=SCALE_TOLERANCE):
        return ""
    return f"{what} full scale is {said:g}, the profile says {configured:g}"
