"""Station pressure that can be at an altitude, and one that cannot: reduced to sea level, or misread.
It measures no air."""

from __future__ import annotations

from typing import Final

SITE_KPA: Final = 5.0
"""Station pressure lies so near to the standard atmosphere at the barometer's altitude: one reduced to sea level does not."""
REDUCTION_KPA: Final = 0.5
"""From 42 m on a reduction adds so much; below, it is less than 0.5 % of a dose."""
REDUCED_PART: Final = 0.7
"""Of what a reduction adds: good weather at 200 m stays below it on most days. An assumption."""


def standard_kpa(altitude_m: float) -> float:
    """The standard atmosphere."""
    return float(101.325 * (1.0 - 2.25577e-5 * altitude_m) ** 5.25588)


def implausible(p_kpa: float, altitude_m: float) -> str:
    """Why this is no station pressure here, or ""."""
    standard = standard_kpa(altitude_m)
    if abs(p_kpa - standard) <= SITE_KPA:
        return ""
    return f"p_kpa = {p_kpa:g}: {altitude_m:g} m above the sea have {standard:.1f} kPa within {SITE_KPA:g}; read station pressure"


def reduced(p_kpa: float, altitude_m: float) -> str:
    """Why a pressure may be one that was reduced to sea level, or "" (hazard A12): it lies above the standard by most of what the reduction adds.

    Weather does that too, so who has looked at the barometer says so."""
    standard = standard_kpa(altitude_m)
    adds = standard_kpa(0.0) - standard
    if adds < REDUCTION_KPA or p_kpa - standard < REDUCED_PART * adds:
        return ""
    return (
        f"p_kpa = {p_kpa:g}: {altitude_m:g} m above the sea have {standard:.1f} kPa, and a pressure reduced to sea level is {adds:.1f} more; "
        "read the barometer itself"
    )
