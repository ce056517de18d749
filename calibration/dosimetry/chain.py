"""A product of named factors, each of which goes in once: a second one of the same name is refused, and so is one that the quantity does not take (hazard A12).
It knows names, not physics; what each factor is worth, others work out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Measures(StrEnum):
    """What a chamber's reading with its coefficient is a measure of: the quantity decides which factors follow, never the place of the chamber."""

    AIR_KERMA_RATE_IN_AIR = "AIR_KERMA_RATE_IN_AIR"
    DOSE_RATE_WATER_SURFACE = "DOSE_RATE_WATER_SURFACE"


CHARGE: Final = ("p_tp", "p_ion", "p_pol", "p_elec")
PLACE: Final = ("n_k", "p_stem", "distance", "time")
WATER: Final = ("b_w", "mu_ratio")
WANTED: Final = {
    Measures.AIR_KERMA_RATE_IN_AIR: (*CHARGE, *PLACE, *WATER),
    Measures.DOSE_RATE_WATER_SURFACE: (*CHARGE, *PLACE),
}
"""Every factor between a mean net reading and R0, in its order. In-air kerma takes backscatter and the ratio of mu_en once; dose to water has both in it."""


@dataclass(frozen=True)
class Factor:
    """One factor: its name in WANTED, its value, its standard uncertainty (k = 1, %), and where the value is from."""

    name: str
    value: float
    u_pct: float
    source: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0.0):
            raise ValueError(f"{self.name} = {self.value!r}: a factor is a number above 0; correct it")
        if not (math.isfinite(self.u_pct) and self.u_pct >= 0.0):
            raise ValueError(f"{self.name}: u = {self.u_pct!r} %: is not 0 or more; correct it")
        if not self.source.strip():
            raise ValueError(f"{self.name} = {self.value!r}: says no source; write where the number is from")


@dataclass(frozen=True)
class Chain:
    """A net reading and the factors that have been applied to it."""

    measures: Measures
    reading: float
    factors: tuple[Factor, ...] = ()

    def times(self, factor: Factor) -> Chain:
        """With one factor more. ValueError: it is in already, or this quantity does not take it."""
        if factor.name in (has.name for has in self.factors):
            raise ValueError(f"{factor.name} is applied already; each factor goes in once: take one out")
        if factor.name not in WANTED[self.measures]:
            raise ValueError(f"{self.measures} takes no {factor.name}; take it out, or correct the quantity")
        return Chain(self.measures, self.reading, (*self.factors, factor))

    @property
    def value(self) -> float:
        """The product so far."""
        return self.reading * math.prod(factor.value for factor in self.factors)

    def whole(self) -> float:
        """The product when every factor is in. ValueError names what is missing."""
        missing = [name for name in WANTED[self.measures] if name not in (factor.name for factor in self.factors)]
        if missing:
            raise ValueError(f"{self.measures} lacks {', '.join(missing)}; apply each once")
        if not (math.isfinite(self.value) and self.value > 0.0):
            raise ValueError(f"the product is {self.value!r}: no dose rate; look at the readings and their sign")
        return self.value
