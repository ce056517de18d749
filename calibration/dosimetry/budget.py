"""The uncertainty budget of a product: named terms of type A and B, each once, combined by the package `uncertainties`, and expanded with k = 2.
It knows percentages; what each term stands for, and why it is that large, stands in the certificate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from uncertainties import ufloat

K: Final = 2.0
DIVISORS: Final = {"normal": 1.0, "normal_k2": 2.0, "rectangular": math.sqrt(3.0), "triangular": math.sqrt(6.0)}
Distribution = Literal["normal", "normal_k2", "rectangular", "triangular"]


@dataclass(frozen=True)
class Term:
    """One term: `stated` is standard deviation, k = 2 value or half-width, by its distribution; `pct_per_unit` makes percent of it."""

    name: str
    type: Literal["A", "B"]
    stated: float
    distribution: Distribution = "normal"
    pct_per_unit: float = 1.0

    @property
    def u_pct(self) -> float:
        """Standard uncertainty (k = 1), percent of the result."""
        return abs(self.stated * self.pct_per_unit) / DIVISORS[self.distribution]


@dataclass(frozen=True)
class Budget:
    """Terms, and what they come to."""

    terms: tuple[Term, ...]
    u_pct_k1: float

    @property
    def u_pct_k2(self) -> float:
        return K * self.u_pct_k1


def budget(terms: Sequence[Term]) -> Budget:
    """Combine independent terms of a product. ValueError: a term twice, a term that is no number of 0 or more, or none at all."""
    if not terms:
        raise ValueError("a budget of no terms says nothing; state every term, also those that are 0")
    product = 1.0
    seen: set[str] = set()
    for term in terms:
        if term.name in seen:
            raise ValueError(f"the budget has {term.name} twice; take one out")
        if not math.isfinite(term.u_pct) or term.stated < 0.0:
            raise ValueError(f"{term.name} = {term.stated!r}: is not 0 or more; correct it")
        seen.add(term.name)
        u = term.u_pct / 100.0
        if u > 0.0:
            product = product * ufloat(1.0, u)
    return Budget(tuple(terms), 100.0 * float(getattr(product, "std_dev", 0.0)))


def inverse_square_pct_per_mm(distance_mm: float) -> float:
    """By how many percent dose changes for each mm at this distance from the focus."""
    if distance_mm <= 0.0:
        raise ValueError(f"{distance_mm} mm is no distance from the focus; it must be above 0")
    return 200.0 / distance_mm
