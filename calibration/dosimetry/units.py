"""Numbers that carry their unit: each kind is a type of its own, and a bare number, or a number of another kind, is refused where a kind is asked for.
There is one unit for each kind and no minute: what stands in minutes on somebody's paper is refused when it is read (hazard A3)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar


@dataclass(frozen=True, order=True)
class Quantity:
    """A finite number in the unit of its kind. TypeError: no number; ValueError: not finite."""

    value: float
    unit: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)):
            raise TypeError(f"{self.value!r} is no number; write one in {self.unit}")
        if not math.isfinite(self.value):
            raise ValueError(f"{self.value!r} {self.unit} is not finite; read the instrument again")
        object.__setattr__(self, "value", float(self.value))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.value + bare(type(self), other))

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.value - bare(type(self), other))

    def __str__(self) -> str:
        return f"{self.value!r} {self.unit}"

    @classmethod
    def read(cls, words: str) -> Self:
        """A number and this kind's unit, as `str` writes it. ValueError for anything else: nothing is converted and no unit is supposed."""
        found = re.fullmatch(r"([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?) (\S.*)", words.strip())
        if found is None or found[2] != cls.unit:
            raise ValueError(f'"{words}" is no number of {cls.unit}; write it as 1.5 {cls.unit}, with a decimal point')
        return cls(float(found[1]))


Q = TypeVar("Q", bound=Quantity)


def bare(kind: type[Q], quantity: Q) -> float:
    """The number of a quantity that must be of this kind. TypeError for a bare number and for another kind."""
    if type(quantity) is not kind:
        raise TypeError(f"{quantity!r} is not in {kind.unit}; write {kind.__name__}(...)")
    return quantity.value


class Seconds(Quantity):
    unit = "s"


class Millimetres(Quantity):
    unit = "mm"


class MillimetresAl(Quantity):
    """A half-value layer or an absorber."""

    unit = "mm Al"


class Kilovolts(Quantity):
    unit = "kV"


class Milliamperes(Quantity):
    unit = "mA"


class Volts(Quantity):
    """A chamber's polarising voltage."""

    unit = "V"


class Celsius(Quantity):
    unit = "degC"


class Kilopascals(Quantity):
    """Station pressure; never reduced to sea level."""

    unit = "kPa"


class Nanocoulombs(Quantity):
    unit = "nC"


class MilligraysPerNanocoulomb(Quantity):
    """A chamber's calibration coefficient."""

    unit = "mGy/nC"


class Milligrays(Quantity):
    unit = "mGy"


class MilligraysPerSecond(Quantity):
    unit = "mGy/s"


KINDS: tuple[type[Quantity], ...] = (
    Seconds, Millimetres, MillimetresAl, Kilovolts, Milliamperes, Volts, Celsius, Kilopascals, Nanocoulombs, MilligraysPerNanocoulomb,
    Milligrays, MilligraysPerSecond,
)  # fmt: skip
