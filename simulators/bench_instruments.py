"""Instruments that a person reads: kVp meter, divider and mA meter, each with an error of its own, and the air of the room over hours.
They show numbers rounded as a display rounds; who reads them wrongly is in simulators/blunders.py."""

from __future__ import annotations

import random
from math import pi, sin
from typing import Final

HV_KV: Final = 5.0
SETTLE_MS: Final = 600
LEAST_MS: Final = 1000
"""A mean begins this long after high voltage is there, and is shown when it holds this much."""
LEAST_MGY_S: Final = 2.0
STEADY: Final = 0.95
"""Of the highest so far: what is below is the fall after off, or an arc, and belongs to no mean."""
KVP_KV: Final = (35.0, 110.0)
HOUR_S: Final = 3600.0


class Meters:
    """Divider and mA meter average while there is high voltage, the non-invasive kVp meter while there is a beam too; held until the next."""

    __slots__ = (
        "_dose_ms", "_hv_ms", "_kv", "_ma", "_meant_ms", "_noise", "_on", "_peak_kv", "_random", "errors", "exposures",
    )  # fmt: skip

    def __init__(self, seed: int, kvp: float, divider: float, ma: float, ma_zero: float) -> None:
        self.errors = {"kvp-meter": kvp, "divider": divider, "ma-meter": ma, "ma-zero": ma_zero}
        self.exposures = 0
        self._random = random.Random(seed)
        self._on = False
        self._begin()

    def _begin(self) -> None:
        self._hv_ms = self._dose_ms = self._meant_ms = 0
        self._kv = self._ma = self._peak_kv = 0.0
        self._noise = {name: self._random.gauss(0.0, 0.0005) for name in self.errors}

    def step(self, kv: float, ma: float, mgy_s: float) -> None:
        """One ms of what is truly there: tube voltage, current in the return (tube and bleeder), dose rate in the plane."""
        if kv <= HV_KV:
            self._on = False
            return
        if not self._on:
            self._on = True
            self.exposures += 1
            self._begin()
        self._hv_ms += 1
        if mgy_s > LEAST_MGY_S:
            self._dose_ms += 1
        if self._hv_ms <= SETTLE_MS or kv < STEADY * self._peak_kv:
            return
        self._peak_kv = max(self._peak_kv, kv)
        self._meant_ms += 1
        self._kv += kv
        self._ma += ma

    def shown(self, name: str) -> float | None:
        """The display; None: it shows dashes. Time is that of radiation, in s."""
        averaged = self._meant_ms
        if name == "timer":
            return round(self._dose_ms * 1e-3, 3) if self._dose_ms else None
        if averaged < LEAST_MS:
            return None
        noise = 1.0 + self._noise[name]
        if name == "ma-meter":
            return round(self._ma / averaged * (1.0 + self.errors[name]) * noise + self.errors["ma-zero"], 4)
        if name == "divider":
            return round(self._kv / averaged * (1.0 + self.errors[name]) * noise, 2)
        low, high = KVP_KV
        mean = self._kv / averaged
        if self._dose_ms < LEAST_MS or not low <= mean <= high:
            return None
        return round(mean * (1.0 + self.errors[name]) * noise, 2)


class Air:
    """Pressure and temperature of the room over hours, by seed: two slow waves about the day's mean at this altitude."""

    __slots__ = ("_c", "_kpa", "_phases", "altitude_m")

    def __init__(self, seed: int, altitude_m: float) -> None:
        stream = random.Random(f"air {seed}")
        self.altitude_m = altitude_m
        self._kpa = standard_kpa(altitude_m) + stream.uniform(-1.2, 1.2)
        self._c = stream.uniform(20.5, 24.0)
        self._phases = stream.uniform(0.0, 2.0 * pi), stream.uniform(0.0, 2.0 * pi)

    def at(self, seconds: float) -> tuple[float, float]:
        """kPa and degC."""
        one, two = self._phases
        kpa = self._kpa + 0.5 * sin(2.0 * pi * seconds / (9.0 * HOUR_S) + one)
        return kpa, self._c + 1.2 * sin(2.0 * pi * seconds / (5.0 * HOUR_S) + two)


def standard_kpa(altitude_m: float) -> float:
    """The standard atmosphere's pressure."""
    return float(101.325 * (1.0 - 2.25577e-5 * altitude_m) ** 5.25588)


def at_sea_level(kpa: float, altitude_m: float) -> float:
    """QNH: what a weather service or an airport gives for a pressure measured here."""
    return kpa * 101.325 / standard_kpa(altitude_m)
