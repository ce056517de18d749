"""The tests of week, month and year as a table: what is tested, how often, from which result on it is told and from which on somebody acts; and what is due.
It measures nothing and locks nothing: the results are sheets that a physicist signed (records/sheets.py), and the lock of the day is records/day.py."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum
from typing import Final, Literal

import msgspec
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hal.errors import ConfigurationError
from records.day_forms import decoded
from records.sheets import Sheet, SheetKind, Signers, wrong_signature

Every = Literal["week", "month", "year"]
DAYS: Final[dict[Every, int]] = {"week": 7, "month": 31, "year": 366}
"""A test is due so many days after it was done last."""
LAST_DAY: Final = date.max - timedelta(days=max(DAYS.values()))
"""After it no test would be due again on any day of the calendar."""
SOON_PART: Final = 0.1
"""It is told beforehand for this part of its time."""


class State(Enum):
    NEVER = "never done"
    OVERDUE = "overdue"
    ACT = "act"
    TOLD = "out of tolerance"
    SOON = "due soon"
    WELL = "done"


WORSE: Final = tuple(State)
"""Worst first."""


@dataclass(frozen=True)
class Test:
    """One row. `tolerance` and `action` are bounds of the result's size in `unit` (None: it works or it does not)."""

    id: str
    what: str
    every: Every
    unit: str
    tolerance: float | None
    action: float | None
    then: str
    source: str


TABLE: Final = (
    Test(
        "safety",
        "door, emergency stop, key, contact, lamps: each ends or prevents the beam",
        "week",
        "",
        None,
        None,
        "no beam before service has mended it",
        "OAR 333-123-0150",
    ),
    Test(
        "output",
        "output of each combination against its certificate",
        "month",
        "%",
        2.0,
        3.0,
        "call the physicist; above 5 % calibrate anew",
        "PMC12450352; OAR 333-123-0145",
    ),
    Test(
        "backup_timer",
        "backup timer and timer accuracy, of what was set",
        "month",
        "%",
        1.0,
        1.0,
        "no beam before service has mended it",
        "OAR 333-123-0075",
    ),
    Test(
        "seal",
        "the sealed chamber's trend against pressure and temperature: dose per kPa",
        "month",
        "%/kPa",
        0.1,
        0.3,
        "the chamber leaks: correct it as a vented one, or exchange it",
        "docs/dosimetry.md",
    ),
    Test(
        "review",
        "the physicist has read the daily checks of the month",
        "month",
        "",
        None,
        None,
        "read them; nobody is treated on unread checks for longer than a month",
        "OAR 333-123-0150",
    ),
    Test(
        "reference",
        "reference dosimetry",
        "year",
        "%",
        1.0,
        2.0,
        "find out why, and sign a new certificate",
        "PMC5849838",
    ),
    Test(
        "end_effect",
        "timer and end effect, change since the certificate",
        "year",
        "s",
        0.02,
        0.1,
        "sign a new certificate with the new end effect",
        "PMC5849838; docs/dose.md",
    ),
    Test(
        "linearity",
        "linearity in mA and in time",
        "year",
        "%",
        1.0,
        2.0,
        "nobody is treated; service",
        "PMC5849838; docs/dose.md",
    ),
    Test(
        "reproducibility",
        "reproducibility of output",
        "year",
        "%",
        2.0,
        3.0,
        "nobody is treated; service",
        "PMC5849838",
    ),
    Test(
        "interrupt",
        "a fraction in pieces against one",
        "year",
        "%",
        2.0,
        4.0,
        "nobody is resumed; service",
        "PMC5849838",
    ),
    Test(
        "hvl",
        "beam quality (HVL), change since the certificate",
        "year",
        "%",
        10.0,
        15.0,
        "filter or tube: measure everything anew",
        "PMC5849838",
    ),
    Test(
        "focal_spot",
        "focal spot alignment",
        "year",
        "mm",
        0.5,
        1.0,
        "service; film of every applicator anew",
        "PMC5849838",
    ),
    Test(
        "applicator_factors",
        "applicator factors, change since the certificate",
        "year",
        "%",
        0.3,
        1.0,
        "measure that applicator anew",
        "PMC12450352",
    ),
    Test(
        "head_angle",
        "output against the head's angle",
        "year",
        "%",
        1.0,
        2.0,
        "no treatment at the angles that differ",
        "PMC12450352",
    ),
    Test("congruence", "applicator against field", "year", "mm", 0.5, 1.0, "service", "PMC12450352"),
    Test(
        "profiles",
        "depth dose and profiles, documented",
        "year",
        "",
        None,
        None,
        "measure them, and compare with the certificate's",
        "PMC5849838",
    ),
    Test("independent", "review by a physicist of another house", "year", "", None, None, "have it done", "PMC5849838"),
)


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A session that a result is of: its id, the SHA-256 of its file, who measured, and what it gave in the test's unit."""

    session: str
    sha256: str
    by: str
    value: float


class Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A result as it is signed: which test on which day (ISO), the number in the test's unit or whether it works, and what was done about it.

    `sessions`: what measured it (empty: it was typed); the number is the worst of theirs."""

    test: str
    on: str
    tube_serial: str
    value: float | None
    works: bool | None
    acted: str
    sessions: tuple[Measured, ...] = ()


@dataclass(frozen=True)
class Due:
    """One test as it stands: its state, the last result, and when the next is due; `beside` says of which signed sheet there is no result, or is empty."""

    test: Test
    state: State
    last: Done | None
    on: date | None
    beside: str = ""

    @property
    def words(self) -> str:
        return "; ".join(words for words in (self._words, self.beside) if words)

    @property
    def _words(self) -> str:
        if self.last is None:
            return f"{self.state.value}; do it first"
        result = f"{self.last.value:g} {self.test.unit}" if self.last.value is not None else _WORKS[self.last.works]
        told = f"{self.state.value}: {result} on {self.last.on}"
        if self.state is State.ACT:
            return f"{told}, action from {bound(self.test.action, self.test.unit)}: {self.test.then}"
        if self.state is State.TOLD:
            return f"{told}, tolerance {bound(self.test.tolerance, self.test.unit)}: tell the physicist"
        return f"{told}, next on {self.on}"


_WORKS: Final = {True: "works", False: "does not work", None: "no result"}


def named(name: str) -> Test:
    """A row by its id. Raises ConfigurationError."""
    found = next((one for one in TABLE if one.id == name), None)
    if found is None:
        raise ConfigurationError(f"{name}: is no test; first: write one of {', '.join(one.id for one in TABLE)}")
    return found


def wrong(done: Done, today: date) -> str:
    """Why a result is none, or ""."""
    test = named(done.test)
    try:
        on = date.fromisoformat(done.on)
    except ValueError:
        return f"{done.on!r} is no day; first: write it like 2026-11-28"
    if on > today:
        return f"{done.on} is after today, {today}; first: write the day on which it was measured"
    if test.action is None and (done.works is None or done.value is not None):
        return f"{test.id} works or does not, and has no number; first: write yes or no"
    if test.action is not None and (done.value is None or done.works is not None or not math.isfinite(done.value)):
        return f"{test.id} has a number in {test.unit}; first: write it"
    if done.sessions and done.value != worst(done.sessions):
        return f"{test.id}: {done.value:g} {test.unit} is not what its sessions gave; first: give the sessions, and no number"
    if level(test, done) is State.ACT and not done.acted.strip():
        return f"{test.id}: {_result(test, done)} asks for an action ({test.then}); first: write what was done"
    return ""


def worst(sessions: Sequence[Measured]) -> float:
    """The number that is furthest from 0."""
    return max((one.value for one in sessions), key=abs)


def level(test: Test, done: Done) -> State:
    """What a result means by itself."""
    if test.action is None or test.tolerance is None or done.value is None:
        return State.WELL if done.works else State.ACT
    size = abs(done.value)
    if not size <= test.action:
        return State.ACT
    return State.WELL if size <= test.tolerance else State.TOLD


def results(sheets: Iterable[Sheet], signers: Signers, tube_serial: str) -> tuple[Done, ...]:
    """Every result for this tube that a physicist signed, oldest first, of one day as they were signed; what nobody signed is none, and so is one of no day."""
    every = _signed(sheets, signers, tube_serial)
    found = [(on, sheet.at, done) for sheet, done in every if (on := _day(done)) is not None]
    return tuple(done for _, _, done in sorted(found, key=lambda one: one[:2]))


def of_no_day(sheets: Iterable[Sheet], signers: Signers, tube_serial: str) -> dict[str, str]:
    """For each test which signed sheets for this tube are of no day, in words: they count as not done. One after which a result of that test was signed is
    not told any more."""
    every = sorted(_signed(sheets, signers, tube_serial), key=lambda one: one[0].at)
    dated = {done.test: sheet.at for sheet, done in every if _day(done) is not None}
    found: dict[str, str] = {}
    for sheet, done in every:
        if _day(done) is None and sheet.at >= dated.get(done.test, ""):
            words = (
                f'sheet {sheet.sha256[:16]} of {sheet.who}, signed {sheet.at}, says on = "{done.on}", which is no day, and counts as not done: '
                "sign that result anew with the day on which it was measured first"
            )
            found[done.test] = "; ".join(part for part in (found.get(done.test, ""), words) if part)
    return found


def _signed(sheets: Iterable[Sheet], signers: Signers, tube_serial: str) -> Iterator[tuple[Sheet, Done]]:
    for sheet in sheets:
        if sheet.kind is SheetKind.PERIODIC and not wrong_signature(sheet, signers):
            done = decoded(sheet.body, Done)
            if done is not None and done.tube_serial == tube_serial and any(one.id == done.test for one in TABLE):
                yield sheet, done


def _day(done: Done) -> date | None:
    """On which day it was; None where there is no such day, or none after which a test can be due again."""
    try:
        on = date.fromisoformat(done.on)
    except ValueError:
        return None
    return on if on <= LAST_DAY else None


def due(done: Sequence[Done], today: date, beside: Mapping[str, str] | None = None) -> tuple[Due, ...]:
    """Every test as it stands today, the worst first. One whose last result asks for action stays so until a better one is signed. `beside`: what is to be
    told of a test besides its results (`of_no_day`)."""
    told = beside or {}
    found = (replace(_due(test, done, today), beside=told.get(test.id, "")) for test in TABLE)
    return tuple(sorted(found, key=lambda one: WORSE.index(one.state)))


def _due(test: Test, done: Sequence[Done], today: date) -> Due:
    last = next((one for one in reversed(done) if one.test == test.id), None)
    if last is None:
        return Due(test, State.NEVER, None, None)
    on = date.fromisoformat(last.on) + timedelta(days=DAYS[test.every])
    state = level(test, last)
    if state is not State.ACT and today > on:
        state = State.OVERDUE
    elif state is State.WELL and today > on - timedelta(days=math.ceil(SOON_PART * DAYS[test.every])):
        state = State.SOON
    return Due(test, state, last, on)


def bound(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}"


def _result(test: Test, done: Done) -> str:
    return _WORKS[done.works] if done.value is None else f"{done.value:g} {test.unit}"


def trend(test: Test, done: Sequence[Done]) -> bytes:
    """A picture, PNG: every result of a test, with the lines of tolerance and action."""
    mine = [(date.fromisoformat(one.on), one.value) for one in done if one.test == test.id and one.value is not None]
    figure = Figure(figsize=(8.0, 3.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([on.toordinal() for on, _ in mine], [value for _, value in mine], "o-")
    for value, style, name in ((test.tolerance, "--", "tolerance"), (test.action, "-", "action")):
        for sign in (-1.0, 1.0) if value is not None else ():
            axes.axhline(
                sign * (value or 0.0),
                color="0.4",
                linestyle=style,
                label=f"{name} {value:g} {test.unit}" if sign > 0 else None,
            )
    ticks = sorted({on for on, _ in mine})[:: max(1, len(mine) // 8)]
    axes.set_xticks([on.toordinal() for on in ticks], [on.isoformat() for on in ticks], rotation=20, fontsize=8)
    axes.set_title(test.what, fontsize=9)
    axes.set_ylabel(test.unit)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
