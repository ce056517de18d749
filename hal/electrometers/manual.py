"""Readings that a person types in: value, unit, uncertainty, who and when, read strictly, for an electrometer that has no wire or none of this program's.
It opens nothing and carries nothing out; whatever was not typed in full is refused, and nothing is guessed."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import msgspec

from hal.electrometer import (
    MeterDone,
    MeterIdentity,
    MeterInterval,
    MeterOrder,
    MeterRange,
    MeterReading,
    MeterState,
    MeterZero,
    Unit,
)
from hal.poll_plan import Poll
from hal.readings import Link, Refusal
from hal.registry import Checksum, ElectrometerDriver, ElectrometerSetting, OpenPipe
from hal.units import Seconds

UNITS: Final = {
    "C": (Unit.COULOMB, 0), "uC": (Unit.COULOMB, -6), "nC": (Unit.COULOMB, -9), "pC": (Unit.COULOMB, -12),
    "Gy": (Unit.GRAY, 0), "mGy": (Unit.GRAY, -3), "uGy": (Unit.GRAY, -6),
    "A": (Unit.AMPERE, 0), "uA": (Unit.AMPERE, -6), "nA": (Unit.AMPERE, -9), "pA": (Unit.AMPERE, -12),
    "Gy/s": (Unit.GRAY_PER_S, 0), "mGy/s": (Unit.GRAY_PER_S, -3), "uGy/s": (Unit.GRAY_PER_S, -6),
}  # fmt: skip
"""What a person may write as a unit, and its power of ten."""
AHEAD_MOST_S: Final = 60.0
WHO_MOST: Final = 64

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?(?:[eE][+-]?[0-9]{1,2})?")
_WHO: Final = re.compile(r"\S(?:[^\x00-\x1f\x7f]*\S)?")
_WHEN: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)")


class Entry(msgspec.Struct, frozen=True):
    """What was typed, understood: value and uncertainty (k = 1) in `unit`, and the wall time in seconds since 1970 UTC."""

    value: float
    unit: Unit
    uncertainty: float
    who: str
    at_wall_s: float


class NoFault(Enum):
    """A person reports no flags."""


def parse(value: str, unit: str, uncertainty_pct: str, who: str, when: str, now_wall_s: float) -> Entry | str:
    """An Entry, or why not: what is wrong, with the value, and what to write instead. `uncertainty_pct` is k = 1, in percent of the value."""
    number, share = _number("value", value), _number("uncertainty", uncertainty_pct)
    for wrong in (number, share):
        if isinstance(wrong, str):
            return wrong
    assert isinstance(number, float)
    assert isinstance(share, float)
    known = UNITS.get(unit)
    if known is None:
        return f"unit {unit!r} is none; first: write one of {', '.join(UNITS)}"
    if not 0.0 < share <= 100.0:
        return f"uncertainty {share:g} % is not above 0 and up to 100 % of the value; first: write that of one reading at k = 1"
    if number == 0.0:
        return "value 0 has no uncertainty in percent, and a chamber that reads nothing has measured nothing; first: read again"
    if not _WHO.fullmatch(who) or len(who) > WHO_MOST:
        return f"who {who!r} is no name of 1 to {WHO_MOST} characters; first: write who has read the display"
    at_s = _wall_s(when)
    if at_s is None:
        return f"when {when!r} is no date with time and zone; first: write it like 2026-11-28T14:05Z or 2026-11-28T15:05+01:00"
    if at_s > now_wall_s + AHEAD_MOST_S:
        return (
            f"when {when} lies {at_s - now_wall_s:.0f} s ahead of this machine's clock; first: set whichever is wrong"
        )
    exact = number * 10.0 ** known[1]
    return Entry(exact, known[0], abs(exact) * share * 0.01, who, at_s)


def _number(what: str, text: str) -> float | str:
    if "," in text:
        return f"{what} {text!r} has a comma; first: write a point before the decimals, and nothing between thousands"
    if not _NUMBER.fullmatch(text):
        return f"{what} {text!r} is no plain number; first: write it like 6.4105 (an overload is no reading: choose a larger range)"
    return float(text)


def _wall_s(text: str) -> float | None:
    if not _WHEN.fullmatch(text) or not text.isascii():
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None


class ManualElectrometer:
    """See `hal.registry.Electrometer`; `reading` is the last entry. Every order is a person's to carry out, and is refused here in words."""

    def __init__(self, setting: ElectrometerSetting, open_pipe: OpenPipe) -> None:  # noqa: ARG002 - there is nothing to open
        self.identity: MeterIdentity | None = MeterIdentity(
            -math.inf,
            setting.model,
            setting.serial,
            "",
            "" if setting.serial else "the configuration names no serial number",
        )
        self.reading: MeterReading | None = None
        self.range: MeterRange | None = None
        self.interval: MeterInterval | None = None
        self.zero: MeterZero | None = None
        self.done: MeterDone | None = None
        self.refusal: Refusal | None = None
        self.entry: Entry | None = None
        self._last_s: float | None = None

    @property
    def identified(self) -> bool:
        """By what the configuration says; nobody can ask the device."""
        return self.identity is not None and not self.identity.mismatch

    @property
    def pending(self) -> MeterOrder | None:
        return None

    def type_in(self, entry: Entry, now: Seconds) -> bool:
        """One understood entry becomes the reading, settled, for a person has read it off a display that stands still."""
        if not self.identified:
            self.refusal = Refusal(
                now, "reading", "the configuration names no serial number; write it, then type again"
            )
            return False
        integrates = entry.unit in (Unit.COULOMB, Unit.GRAY)
        self.entry = entry
        self._last_s = now
        self.reading = MeterReading(
            now,
            MeterState.HELD,
            entry.value if integrates else None,
            entry.unit if integrates else None,
            None if integrates else entry.value,
            None if integrates else entry.unit,
            settled=True,
            uncertainty=entry.uncertainty,
        )
        return True

    def want(self, order: MeterOrder, now: Seconds) -> bool:
        """Nothing is carried out from here."""
        verb = str(order.__struct_config__.tag)
        self.refusal = Refusal(
            now, verb, "this electrometer has no wire; do it at the device, then type in what it shows"
        )
        return False

    def ask(self, now: Seconds, may_open: bool) -> None:
        """There is nobody to ask."""

    def take(self, now: Seconds) -> None:
        """Nothing comes by itself."""

    def link(self, now: Seconds) -> Link:  # noqa: ARG002 - a person has no silence
        """Never lost: there is no wire."""
        return Link(last_good_s=self._last_s, lost=False)


def polls(_setting: ElectrometerSetting) -> tuple[Poll, ...]:
    """Nothing is polled."""
    return ()


def worst_age_s(_setting: ElectrometerSetting) -> dict[str, float]:
    """A typed reading does not age by a plan."""
    return {}


def decode(_sent: bool, data: bytes) -> str:
    """There is no wire, so there is nothing in its log. Never raises."""
    return f"{len(data)} bytes of no wire"


DRIVER: Final = ElectrometerDriver(
    name="manual",
    words="readings that a person types in: value, unit, uncertainty, who and when",
    make=ManualElectrometer,
    polls=polls,
    worst_age_s=worst_age_s,
    wires=(),
    units=tuple(Unit),
    ranges=(),
    interval_most_s=0,
    zeroes=False,
    needs_permission=False,
    overload="only by its absence: what is no number is refused",
    checksum=Checksum.NONE,
    faults=NoFault,
    decode=decode,
)
