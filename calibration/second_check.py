"""Whether each second check of a certificate is one: another chamber that was in date, and readings of its own that come to what it says.
It takes tables and gives words; whether one is needed, of which combination, and by whom it may be, is calibration/gates.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, Protocol

from calibration.equipment import Base, Chamber, named_alike, stamp, unusable
from calibration.facts import AGAIN, SAME, Keyed
from calibration.measured import MeasuredTable, SecondCheckTable, SecondReadingsTable
from calibration.output import output

AFTER_DAYS: Final = 7
"""A session may be left and taken up again; what was read longer ago is of another measurement (hazard A13). An assumption."""


class First(Keyed, Protocol):
    """Of a combination, what the second check is held against."""

    @property
    def r0_mgy_per_s(self) -> float: ...
    @property
    def dt_s(self) -> float: ...
    @property
    def effective_ssd_mm(self) -> float: ...
    @property
    def measured(self) -> MeasuredTable | None: ...


def wrong(
    checks: Mapping[str, SecondCheckTable], instruments: Sequence[Base], combinations: Sequence[First]
) -> Iterator[str]:
    """Why one of them, by its key, is none. One without its readings is of an older certificate."""
    for where, second in checks.items():
        yield from _wrong(where, second, instruments, combinations)
    yield from _copied(checks)


def _copied(checks: Mapping[str, SecondCheckTable]) -> Iterator[str]:
    """The second readings of one combination under the name of another (hazard A2)."""
    seen: dict[tuple[float, ...], str] = {}
    for where, second in checks.items():
        if second.raw is not None:
            other = seen.setdefault(tuple(reading.nc for reading in second.raw.measured.readings), where)
            if other != where:
                yield f"{where}.raw: are the readings of {other}, digit for digit; first: have this combination measured itself"


def _wrong(
    where: str, second: SecondCheckTable, instruments: Sequence[Base], combinations: Sequence[First]
) -> Iterator[str]:
    chambers = {one.id: one for one in instruments if isinstance(one, Chamber)}
    found = chambers.get(second.chamber)
    if found is None:
        yield f"{where}.chamber = {second.chamber}: is no chamber among the instruments; first: write the one that was used"
        return
    if unusable(found, second.at):
        yield f"{where}.chamber: {unusable(found, second.at)}; first: {AGAIN}"
    used = {c.measured.chamber for c in combinations if c.measured is not None}
    serials = {named_alike(one.serial) for name, one in chambers.items() if name in used}
    if named_alike(found.serial) in serials:
        yield f"{where}.chamber = {second.chamber}: is {found.serial}, and so is the first one; first: take another chamber"
    if second.raw is not None:
        yield from _readings(where, second, second.raw, {one.id: one for one in instruments}, combinations)


def _readings(
    where: str,
    second: SecondCheckTable,
    raw: SecondReadingsTable,
    instruments: dict[str, Base],
    combinations: Sequence[First],
) -> Iterator[str]:
    """Whether they are by who is said to have read them, with that chamber, not the first ones again, and come to the result (hazard A5)."""
    m, key = raw.measured, (raw.kv, raw.ma, raw.filter, raw.applicator)
    c = next((c for c in combinations if (c.kv, c.ma, c.filter, c.applicator) == key), None)
    if c is None or c.measured is None:
        yield f"{where}.raw: no combination has {raw.kv:g} kV, {raw.ma:g} mA, {raw.filter}, {raw.applicator}; first: {AGAIN}"
        return
    if (named_alike(m.by), m.chamber) != (named_alike(second.who), second.chamber):
        yield f"{where}.raw: was read by {m.by} with {m.chamber}, and {second.who} with {second.chamber} is written; first: {AGAIN}"
    if {reading.nc for reading in m.readings} <= {reading.nc for reading in c.measured.readings}:
        yield f"{where}.raw: are the first one's readings, digit for digit; first: have {second.chamber} read itself"
    last = max(reading.at for reading in m.readings)
    if not last <= second.at <= last + timedelta(days=AFTER_DAYS):
        yield f"{where}.at = {stamp(second.at)}: its own last reading is of {stamp(last)}, not at most {AFTER_DAYS} days before; first: {AGAIN}"
    try:
        found = output(m, instruments, c.kv, c.dt_s, c.effective_ssd_mm)
    except ValueError as error:
        yield f"{where}.raw: {error}; first: have it measured again"
        return
    comes = 100.0 * (found.r0_mgy_per_s / c.r0_mgy_per_s - 1.0)
    if not abs(second.result_pct - comes) <= SAME * max(1.0, abs(comes)):
        yield f"{where}.result_pct = {second.result_pct!r}: its readings come to {comes:.9g}; first: {AGAIN}"
