"""A guided procedure as data: steps, what each exposes, which readings it wants and what it accepts, and the one grammar of a number.
It does nothing; how a session goes through it is calibration/procedures/engine.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Limits = Literal["service", "physics"]
Source = Literal["wire", "typed"]

_NUMBER: Final = re.compile(r"([+-]?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,9})?) (\S+)", re.ASCII)


@dataclass(frozen=True)
class Grammar:
    """Between which bounds a number may lie at all; beyond them it is of another unit or another instrument."""

    least: float
    most: float


@dataclass(frozen=True)
class Wanted:
    """One reading: of which instrument, in which unit, and how it comes."""

    instrument: str
    unit: str
    grammar: Grammar
    source: Source


@dataclass(frozen=True)
class Exposure:
    """Exactly what is exposed, n times at least; `mas_cap` holds for the whole step, repeats and spoiled ones counted."""

    kv: float
    ma: float
    filter: str
    applicator: str
    seconds: float
    n: int
    mas_cap: float

    def __post_init__(self) -> None:
        if min(self.kv, self.ma, self.seconds, self.n) <= 0:
            raise ValueError(f"{self}: kV, mA, seconds and n are above 0; state them")
        if not self.mas <= self.mas_cap / self.n * (1.0 + 1e-9):
            raise ValueError(
                f"{self.n} exposures of {self.mas:g} mAs are above mas_cap = {self.mas_cap:g}; raise the cap"
            )

    @property
    def mas(self) -> float:
        """Charge of one exposure."""
        return self.ma * self.seconds


@dataclass(frozen=True)
class Accept:
    """What a step's kept readings must show: so small a spread (None: not asked), and a ratio to the mean of an earlier step ("": not asked)."""

    cov: float | None = None
    ratio_to: str = ""
    least: float = 0.0
    most: float = 0.0


@dataclass(frozen=True)
class Step:
    """One step. With an exposure it wants one reading for each; without one, each wanted reading once."""

    id: str
    why: str
    connect: str
    exposes: Exposure | None
    live: tuple[str, ...]
    reading: tuple[Wanted, ...]
    accept: Accept
    hazard: str

    def __post_init__(self) -> None:
        if not self.reading:
            raise ValueError(f"step {self.id} wants no reading; leave it out")
        if self.exposes is not None and len(self.reading) != 1:
            raise ValueError(
                f"step {self.id}: an exposure serves one reading, and {len(self.reading)} are wanted; split it"
            )

    @property
    def least_readings(self) -> int:
        return len(self.reading) if self.exposes is None else self.exposes.n


@dataclass(frozen=True)
class Procedure:
    """Steps in their order, under whose limits they expose, and the serial numbers of the instruments in use."""

    name: str
    limits: Limits
    serials: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        known, before = dict(self.serials), set[str]()
        for step in self.steps:
            if step.id in before:
                raise ValueError(f"{self.name}: step {step.id} stands twice; name it anew")
            if step.accept.ratio_to and step.accept.ratio_to not in before:
                raise ValueError(f"step {step.id} is compared with {step.accept.ratio_to}, which is no step before it")
            unknown = [one.instrument for one in step.reading if one.instrument not in known]
            if unknown:
                raise ValueError(f"step {step.id} reads {unknown[0]}, whose serial number is not stated; state it")
            before.add(step.id)
        if not self.steps:
            raise ValueError(f"{self.name} has no step")


def number(text: str, wanted: Wanted) -> float:
    """A number with its unit, as "6.4105 nC". ValueError: what is wrong, and how it is written."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no number with its unit; write it like 12.34 {wanted.unit}, with a point and no comma"
        )
    if found[2] != wanted.unit:
        raise ValueError(f"{text!r} is in {found[2]}, and {wanted.unit} is wanted; read it in that unit")
    value = float(found[1])
    if not wanted.grammar.least <= value <= wanted.grammar.most:
        raise ValueError(
            f"{text!r} is not within {wanted.grammar.least:g} to {wanted.grammar.most:g} {wanted.unit}; look at the instrument's range"
        )
    return value
