"""Station pressure that can be at an altitude, and one that cannot: reduced to sea level, or misread.
It measures no air."""

from __future__ import annotations

from typing import Final

SITE_KPA: Final = 5.0
"""Station pressure lies so near to the standard atmosphere at the barometer's altitude: one reduced to sea level does not."""


def standard_kpa(altitude_m: float) -> float:
    """The standard atmosphere."""
    return float(101.325 * (1.0 - 2.25577e-5 * altitude_m) ** 5.25588)


def implausible(p_kpa: float, altitude_m: float) -> str:
    """Why this is no station pressure here, or ""."""
    standard = standard_kpa(altitude_m)
    if abs(p_kpa - standard) <= SITE_KPA:
        return ""
    return f"p_kpa = {p_kpa:g}: {altitude_m:g} m above the sea have {standard:.1f} kPa within {SITE_KPA:g}; read station pressure"
