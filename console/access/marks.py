"""What the audit says of the journal of doses: after each end the newest record that is on the disk, by its index and chained hash. A journal that does not
hold such a record was cut at its tail, or an older one was put back. It reads both, and mends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from console.access.folder import FOLDER
from console.web.journal_part import part
from console.web.unread import NotReadError
from hal.errors import ConfigurationError
from records.approved import LOG
from records.audit_check import entry_of
from records.files import PosixFiles
from records.fractions import DATABASE_NAME, JOURNAL_NAME
from records.journal import Record, verify
from records.schema import readable
from records.store import StoreError, engine_for

NOTED, ACCEPTED = "records", "records accepted"
"""An entry of the audit; and one by which a person took the journal as it stands, whatever older marks say."""
BACK: Final = 1 << 20
FIRST: Final = (
    "first: have the physicist look: what was given since then is not in these records; kerma audit verify, then "
    "kerma audit accept"
)


@dataclass(frozen=True)
class Mark:
    """One record of the journal."""

    record: int
    sha256: str


def newest(records: Path) -> Mark | None:
    """The newest record that is on the disk for certain: that up to which the database is. None where there is none. Raises ConfigurationError."""
    path = records / DATABASE_NAME
    if not path.exists():
        return None
    engine = engine_for(path, read_only=True)
    try:
        with engine.connect() as connection:
            if not readable(connection, path):
                return None
            rows = {str(key): str(value) for key, value in connection.exec_driver_sql("SELECT key, value FROM meta")}
            index = int(rows["applied"])
            return Mark(index, rows["digest"]) if index else None
    except (SQLAlchemyError, StoreError, KeyError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error}); first: kerma records list") from error
    finally:
        engine.dispose()


def last(records: Path) -> Mark | None:
    """The newest mark of the audit; None where it has none. Raises ConfigurationError."""
    path = records / FOLDER / LOG
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - BACK))
            tail = file.read()
            found = _marks(tail.split(b"\n"))
            if not found and size > BACK:
                file.seek(0)
                found = _marks(file.read().split(b"\n"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); first: kerma audit verify") from error
    return found[-1][1] if found else None


def lacking(records: Path) -> str:
    """Why the journal is not the one that was marked last; empty where it is, or where nothing was ever marked. Raises ConfigurationError."""
    mark = last(records)
    return "" if mark is None else missing(records, mark)


def missing(records: Path, mark: Mark) -> str:
    """Why the journal does not hold this record, and what to do first; empty where it does."""
    why = "the journal has another in its place"
    try:
        for record in part(records / JOURNAL_NAME, mark.record, mark.record):
            if record.digest.hex() == mark.sha256:
                return ""
    except NotReadError as error:
        why = str(error).partition("; first:")[0]
    return f"the audit says that record {mark.record} was kept, and it is not there ({why}); {FIRST}"


def every(records: Path) -> list[str]:
    """What is wrong with any mark since the last one that a person accepted: the whole journal is read once."""
    try:
        lines = (records / FOLDER / LOG).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"{LOG}: cannot be read ({error.strerror}); first: mend that") from error
    found = _marks(lines)
    accepted = max((place for place, (what, _) in enumerate(found) if what == ACCEPTED), default=0)
    wanted = {mark.record: mark for _, mark in found[accepted:]}
    if not wanted:
        return []
    kept: dict[int, str] = {}

    def seen(record: Record) -> None:
        if record.index in wanted:
            kept[record.index] = record.digest.hex()

    verify(PosixFiles(), records / JOURNAL_NAME, seen)
    wrong = [mark for index, mark in wanted.items() if kept.get(index) != mark.sha256]
    return [
        f"records: the audit says that record {mark.record} was kept, and {'another is' if mark.record in kept else 'none is'} in its place: "
        "the journal's tail was cut, or an older journal put back"
        for mark in wrong[:20]
    ]


def _marks(lines: list[bytes]) -> list[tuple[str, Mark]]:
    return list(_told(lines))


def _told(lines: list[bytes]) -> Iterator[tuple[str, Mark]]:
    """A line without a fitting hash is none: who writes one by hand accepts nothing by it."""
    for line in lines:
        if b'"what":"records' not in line:
            continue
        entry = entry_of(line)
        if entry is None or entry["what"] not in (NOTED, ACCEPTED):
            continue
        with suppress(ValueError, KeyError, TypeError):
            yield entry["what"], Mark(int(entry["told"]["record"]), str(entry["told"]["sha256"]))
