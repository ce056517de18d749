"""The physicist's own times: typed from another spreadsheet, for each combination, depth and dose, and signed; the independent half of the second calculation.
It shares no number with the certificate (hazard A5): it is held against the offered time, and no time comes from here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from calibration import signed, toml_file
from calibration.equipment import Instant, Name, Positive, Table, Words, stamp
from calibration.schema import SignatureTable
from hal.errors import ConfigurationError

HEAD: Final = b"kerma time table 1\n"
WARN: Final = 0.02
STOP: Final = 0.05
PHYSICIST: Final = 0.05
"""Time so far off that of fraction 1 needs the physicist."""
NEVER: Final = 0.10
"""Above it nobody can let it pass."""
SHORT_S: Final = 0.2
"""Less is not told: typed times are rounded, and of a very short rest that is more than 2 %. What stops, stops at its part of any time."""


class TimeTable(Table):
    """A dose at depth, and the timer setting for it at gap 0 without a cut-out, end effect included."""

    rx_mgy: Positive
    set_time_s: Positive


class EntryTable(Table):
    """[[entries]]: one combination at one depth; at least two doses, between which it is linear."""

    kv: Positive
    ma: Positive
    filter: Name
    applicator: Name
    depth_mm: float = Field(ge=0, le=100)
    times: list[TimeTable] = Field(min_length=2, max_length=50)


class TimesTable(Table):
    """The whole file. `method` says where the numbers are from: not this program."""

    table_schema: Literal[1] = Field(alias="schema")
    id: Name
    tube_serial: Name
    machine_serial: Name
    certificate: Name
    method: Words
    effective_at: Instant
    expires_at: Instant
    entries: list[EntryTable] = Field(min_length=1, max_length=1000)
    signatures: list[SignatureTable] = Field(default_factory=list, max_length=10)


@dataclass(frozen=True)
class Against:
    """A time held against another: by what part it is off, whether it may go on, whether it is to be told, and whether the physicist can let it pass."""

    off: float
    agrees: bool
    warned: bool
    overridable: bool


def load_times(
    path: Path, public_key: Path, wall_s: float, tube_serial: str, machine_serial: str, certificate: str
) -> TimesTable:
    """Read, check and verify a time table for this tube, machine and certificate. Raises ConfigurationError."""
    document = toml_file.parse(path, toml_file.read_bytes(path))
    table = signed.checked(path, document, TimesTable)
    wrong = [
        f"{path}: {words}"
        for words in (*_contradictions(table), *_unfit(table, wall_s, tube_serial, machine_serial, certificate))
    ]
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    signed.signers(path, HEAD, document, public_key)
    return table


def sign_times(path: Path, private_key: Path, who: str, wall_s: float) -> None:
    """Sign the file in place. Raises ConfigurationError."""
    data = toml_file.read_bytes(path)
    table = signed.checked(path, toml_file.parse(path, data), TimesTable)
    wrong = [f"{path}: {words}" for words in _contradictions(table)]
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    signed.sign(path, data, HEAD, TimesTable, private_key, who, wall_s)


def time_of(table: TimesTable, key: tuple[float, float, str, str], depth_mm: float, rx_mgy: float) -> float | str:
    """The typed time, s, for a dose at depth under gap 0 and no cut-out, or the words why there is none: nothing is supposed between depths or beyond doses."""
    named = f"{key[0]:g} kV, {key[1]:g} mA, {key[2]}, {key[3]} at {depth_mm:g} mm"
    entry = next(
        (e for e in table.entries if (e.kv, e.ma, e.filter, e.applicator) == key and e.depth_mm == depth_mm), None
    )
    if entry is None:
        return f"time table {table.id} has no entry {named}; first: have the physicist type and sign one"
    for low, high in pairwise(entry.times):
        if low.rx_mgy <= rx_mgy <= high.rx_mgy:
            part = (rx_mgy - low.rx_mgy) / (high.rx_mgy - low.rx_mgy)
            return low.set_time_s + part * (high.set_time_s - low.set_time_s)
    span = f"{entry.times[0].rx_mgy:g} to {entry.times[-1].rx_mgy:g} mGy"
    return f"time table {table.id}, {named}: {rx_mgy:.1f} mGy is outside {span}; first: have the physicist type and sign more doses"


def independent(offered_s: float, typed_s: float) -> Against:
    """The offered time against the typed one: above 2 % it is told, above 5 % nothing is delivered, however short it is."""
    off = offered_s / typed_s - 1.0
    agrees = abs(off) <= STOP
    told = not abs(off) <= WARN and not (agrees and abs(offered_s - typed_s) <= SHORT_S)
    return Against(off, agrees, told, False)


def against_first(offered_s: float, first_s: float, physicist: bool) -> Against:
    """The time of a later fraction against that of fraction 1 (hazard A1): above 5 % the physicist's, above 10 % nobody's."""
    off = offered_s / first_s - 1.0
    overridable = abs(off) <= NEVER
    return Against(off, abs(off) <= PHYSICIST or (physicist and overridable), not abs(off) <= PHYSICIST, overridable)


def _contradictions(table: TimesTable) -> Iterator[str]:
    again = "have the table corrected and signed again"
    if table.expires_at <= table.effective_at:
        yield f"expires_at = {stamp(table.expires_at)}: is not after effective_at; first: {again}"
    seen: set[tuple[float, float, str, str, float]] = set()
    for i, e in enumerate(table.entries):
        key = (e.kv, e.ma, e.filter, e.applicator, e.depth_mm)
        if key in seen:
            yield f"entries.{i}: {e.applicator} at {e.depth_mm:g} mm stands here twice; first: {again}"
        seen.add(key)
        if any(b.rx_mgy <= a.rx_mgy or b.set_time_s <= a.set_time_s for a, b in pairwise(e.times)):
            yield f"entries.{i}.times: dose and time do not ascend together; first: {again}"


def _unfit(table: TimesTable, wall_s: float, tube: str, machine: str, certificate: str) -> Iterator[str]:
    now = datetime.fromtimestamp(wall_s, UTC)
    if not table.effective_at <= now < table.expires_at:
        yield f"is in force from {stamp(table.effective_at)} to {stamp(table.expires_at)}, and now is {stamp(now)}; first: use the table in force"
    for key, has, needs in (
        ("tube_serial", table.tube_serial, tube),
        ("machine_serial", table.machine_serial, machine),
        ("certificate", table.certificate, certificate),
    ):
        if has != needs:
            yield f'{key} = "{has}": is not "{needs}"; first: have the physicist work the times out for this one, and sign'
