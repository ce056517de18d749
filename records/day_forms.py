"""What a day's check is written in: the forms of its sheets. It judges none of them.
The rooms of the day import one way, each only those before it: day_forms, day_readings, baselines, day."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from records.book import Book, Kept
from records.sheets import SheetKind, Signers, wrong_signature

S = TypeVar("S", bound=msgspec.Struct)
Beamed = tuple[float, float, str, str]
"""A combination: kV, mA, filter, applicator."""
Offs = Mapping[tuple[float, str], tuple[float, float]]
"""For each kV and filter the least and the most of what a certificate's output was measured as that it was when something was begun; 1 where nothing says."""
NOT_OFF: Final = (1.0, 1.0)
FIRST: Final = "make the daily check first (kerma daily)"


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a check holds for; digests in hex. A change of any of these voids it."""

    rig: str
    software_version: str
    configuration_sha256: str
    certificate_sha256: str
    tube_serial: str
    machine_serial: str
    parts_sha256: str


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One combination measured: the exposure by its token, and what the detector showed of it, in the detector's own unit and not corrected."""

    kv: float
    ma: float
    filter: str
    applicator: str
    token: int
    reading: float


class Left(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An exposure of the check that serves no reading, and why: all beam is accounted for (accident-A14). What a detector showed of it is told all the same
    (None: nobody typed it), by which one, whether a person kept it as what it shows, and in what air it was read; sheets of before have no such words."""

    token: int
    why: str
    reading: float | None = None
    kept: bool = False
    device: str = ""
    p_kpa: float | None = None
    t_c: float | None = None


class DaySheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day's check. `seated_anew` is the first combination once more, with the detector taken off and put back in between."""

    day: str
    begun_wall_s: float
    bound: Bound
    device: str
    baseline_sha256: str
    p_kpa: float
    t_c: float
    lines: tuple[Line, ...]
    seated_anew: Line
    interrupt_token: int
    left: tuple[Left, ...]
    items: tuple[str, ...]


class BaseLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the detector showed of one combination when the certificate was made: per exposure of this set time, at 101.325 kPa and 20 C if it is vented."""

    kv: float
    ma: float
    filter: str
    applicator: str
    set_s: float
    reading: float


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every day's readings are held against; the physicist's, and of one certificate. `tokens` are all exposures made for it."""

    certificate_sha256: str
    tube_serial: str
    machine_serial: str
    device: str
    unit: str
    vented: bool
    altitude_m: float
    lines: tuple[BaseLine, ...]
    tokens: tuple[int, ...]


class Held(msgspec.Struct, frozen=True):
    """A detector's baselines under one certificate: the first one, and the one in force with where it lies. `off`: how far the output was off as the first
    one was begun, told through every detector and certificate in between by the readings that they were begun with."""

    first: Baseline
    last: tuple[Kept, Baseline]
    off: Offs


class DaySite(msgspec.Struct, frozen=True):
    """Where the machine stands, and whose signatures count there."""

    zone: str
    signers: Signers

    @property
    def tz(self) -> tzinfo:
        return zone_named(self.zone)


def zone_named(name: str) -> tzinfo:
    """A time zone by its IANA name. ValueError: this computer does not know it."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"time zone {name!r} is not known on this computer ({error}); write an IANA name such as Europe/Vienna, or install tzdata"
        ) from error


def beam_of(row: BaseLine) -> Beamed:
    return row.kv, row.ma, row.filter, row.applicator


def alike(device: str) -> str:
    """A detector's name without what people write differently: case, accents, spaces and signs."""
    return "".join(one for one in unicodedata.normalize("NFKD", device).casefold() if one.isalnum())


def signed_baselines(book: Book, site: DaySite) -> Iterator[tuple[Kept, Baseline]]:
    """Every baseline that is signed as it must be, in the order of the records."""
    for kept in book.sheets.get(SheetKind.BASELINE, []):
        base = decoded(kept.sheet.body, Baseline) if not wrong_signature(kept.sheet, site.signers) else None
        if base is not None:
            yield kept, base


def decoded(raw: bytes, kind: type[S]) -> S | None:
    """A sheet's content, None where it is none of this kind."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
