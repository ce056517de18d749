"""A guided procedure as data: steps, what each exposes, which readings it wants and what it accepts, and the one grammar of a number.
It does nothing; how a session goes through it is calibration/procedures/engine.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import UNSET, UnsetType

Limits = Literal["service", "physics"]
Source = Literal["wire", "typed", "record", "told"]
"""On the instrument's wire; typed by a person; of the exposure's own record; told by a person in words, yes or no."""
How = Literal["beam", "cold", "dark"]
"""With the beam; high voltage with the filament cold, so no beam; no high voltage at all, counters and timers only."""
HOWS: Final[tuple[How, ...]] = ("beam", "cold", "dark")
ANSWERS: Final = {"yes": 1.0, "no": 0.0}
RECORDED: Final = {
    "set_kv": "kV", "set_ma": "mA", "kv": "kV", "ma": "mA", "timer_s": "s", "timer_2_s": "s", "clock_s": "s", "k1_to_hv_s": "s",
    "counts_1": "counts", "counts_2": "counts", "after_off_1": "counts", "after_off_2": "counts", "after_off_s": "s",
    "k1_closed_s": "s", "arcs": "arcs", "head_c": "degC", "p_kpa": "kPa", "head_p_tp": "", "counted_s": "s",
}  # fmt: skip
"""What an exposure's own record may hold, and in which unit: a reading of source "record" names one of these."""

_NUMBER: Final = re.compile(r"([+-]?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,9})?) (\S+)", re.ASCII)


@dataclass(frozen=True)
class Grammar:
    """Between which bounds a number may lie at all; beyond them it is of another unit or another instrument."""

    least: float
    most: float


@dataclass(frozen=True)
class Wanted:
    """One reading: of which instrument, in which unit, and how it comes. `sealed`: a chamber's that holds its own air, so that no density of the room's is
    taken out; unset of any other, by which the bytes of a procedure, and so its sessions, stay what they were."""

    instrument: str
    unit: str
    grammar: Grammar
    source: Source
    sealed: Literal[True] | UnsetType = UNSET


TIMER_SHARE: Final = 0.01
TIMER_LEAST_S: Final = 0.1
"""What a timer may be off: max(1 %, 0.1 s) (OR 333-123-0075)."""
WITH: Final = {"beam": ("above 0", "above 0"), "cold": ("above 0", "0"), "dark": ("0", "0")}
COLD_SHOTS: Final = 4
"""A step without beam has no charge to cap: it exposes so many times what its readings need at most."""


@dataclass(frozen=True)
class Exposure:
    """Exactly what is exposed, n times at least; `mas_cap` holds for the whole step, repeats and spoiled ones counted.

    `rest_s`: so long after the end of the exposure before. Without beam mA is 0, and dark kV too."""

    kv: float
    ma: float
    filter: str
    applicator: str
    seconds: float
    n: int
    mas_cap: float
    how: How = "beam"
    rest_s: float = 0.0

    def __post_init__(self) -> None:
        if min(self.seconds, self.n) <= 0 or self.rest_s < 0.0:
            raise ValueError(f"{self}: seconds and n are above 0, and rest_s is not below; state them")
        if (self.kv > 0.0, self.ma > 0.0) != (self.how != "dark", self.how == "beam") or min(self.kv, self.ma) < 0.0:
            raise ValueError(f"{self}: {self.how} has kV {WITH[self.how][0]} and mA {WITH[self.how][1]}; state them so")
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
    """What a step's kept readings must show: so small a spread (None: not asked), and a ratio to the mean of an earlier step ("": not asked), both
    of its first instrument; and what a judgement of this name, with these numbers, says of this and earlier steps ("": not asked).

    `back`: the earlier step that a person may go back to from here, all since then taken anew ("": none)."""

    cov: float | None = None
    ratio_to: str = ""
    least: float = 0.0
    most: float = 0.0
    judgement: str = ""
    numbers: tuple[tuple[str, float], ...] = ()
    back: str = ""


@dataclass(frozen=True)
class Step:
    """One step. With an exposure it wants each reading once for each exposure; without one, each once.

    `connect` is "" where nothing is moved since the step before."""

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
        named = [one.instrument for one in self.reading]
        if len(set(named)) != len(named):
            raise ValueError(f"step {self.id} wants two readings of one instrument; split it")
        for one in self.reading:
            if one.source == "record" and (self.exposes is None or RECORDED.get(one.instrument) != one.unit):
                raise ValueError(
                    f"step {self.id}: no exposure's record holds {one.instrument} in {one.unit}; known: {', '.join(RECORDED)}"
                )

    @property
    def by_hand(self) -> tuple[Wanted, ...]:
        """The readings that no record holds."""
        return tuple(one for one in self.reading if one.source != "record")

    @property
    def least_sets(self) -> int:
        """How many exposures with all their readings, or readings of each instrument."""
        return 1 if self.exposes is None else self.exposes.n


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
            if step.accept.back and step.accept.back not in before:
                raise ValueError(f"step {step.id} goes back to {step.accept.back}, which is no step before it")
            unknown = [
                one.instrument
                for one in step.reading
                if one.source in ("wire", "typed") and one.instrument not in known
            ]
            if unknown:
                raise ValueError(f"step {step.id} reads {unknown[0]}, whose serial number is not stated; state it")
            before.add(step.id)
        if not self.steps:
            raise ValueError(f"{self.name} has no step")
        if not self.steps[0].connect:
            raise ValueError(f"{self.name}: its first step connects nothing; say what is connected")


def number(text: str, wanted: Wanted) -> float:
    """A number with its unit, as "6.4105 nC"; or an answer, yes 1 and no 0. ValueError: what is wrong, and how it is written."""
    if wanted.source == "told":
        if text not in ANSWERS:
            raise ValueError(f"{text!r} is no answer; write yes or no")
        return ANSWERS[text]
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
