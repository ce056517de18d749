"""Reads the journal once, beside a recorder that may be writing it, and keeps what a report needs: the book, what told of each fraction, traces, queries.
It opens the journal for reading only and judges nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from controller.entries import EntryType, Query, Start
from controller.ring import TickRow, unpack_tick
from records.book import Book, Fraction
from records.files import PosixFiles
from records.folds import fold
from records.forms import Noted, Ticks, rows_of
from records.journal import Kind, Record, Verified, verify
from records.sheets import Taken

READINGS: Final = 3
Traced = Callable[[Fraction, Start], bool]


@dataclass(frozen=True)
class Telling:
    """A journal record that changed what is known of a fraction, and when it was appended."""

    index: int
    digest: bytes
    wall_s: float


@dataclass
class Gathered:
    """The records as far as a report needs them. `told`: by fraction, oldest first, only records after which no exposure of it ran, each a state that a
    report may be made of; `ticks`: by token; `asked`: the query before each START, by token; `digests`: the chain's digest at an exposure's end; `against`: by
    journal index of a signed sheet, what stood against it when the records took it, a wrong signature among it."""

    book: Book = field(default_factory=Book)
    verified: Verified = field(default_factory=lambda: Verified(0, b"", ""))
    told: dict[str, list[Telling]] = field(default_factory=dict)
    last_told: dict[str, Telling] = field(default_factory=dict)
    ticks: dict[int, list[tuple[int, TickRow]]] = field(default_factory=dict)
    asked: dict[int, Query] = field(default_factory=dict)
    digests: dict[int, bytes] = field(default_factory=dict)
    said: dict[str, object] = field(default_factory=dict)
    against: dict[int, str] = field(default_factory=dict)


def gather(journal: Path, traced: Traced = lambda _fraction, _start: True) -> Gathered:
    """Read everything; traces are kept of the fractions that `traced` names, each with the START that a tick is of. What stands against the journal is in
    `verified.words`; it is read again before that is believed, for beside a recorder that is writing its last record may be half there."""
    for _ in range(READINGS - 1):
        found = _once(journal, traced)
        if not found.verified.words:
            return found
    return _once(journal, traced)


def _once(journal: Path, traced: Traced) -> Gathered:
    found = Gathered()
    queries: dict[str, Query] = {}

    def take(record: Record) -> None:
        book = found.book
        _query(record, queries)
        known = len(book.exposures)
        fold(book, record)
        if len(book.exposures) > known:
            exposure = next(reversed(book.exposures.values()))
            asked = queries.get(exposure.instance)
            if asked is not None and asked.fraction_tag == exposure.start.fraction_tag:
                found.asked[exposure.token] = asked
        for name in sorted(book.changes.fractions):
            _told(found, name, Telling(record.index, record.digest, record.wall_s))
        for told_now in (
            book.changes.fractions,
            book.changes.latches,
            book.changes.events,
            book.changes.openings,
        ):
            told_now.clear()
        if record.kind == Kind.TICKS:
            _ticks(found, record, traced)
        elif record.kind == Kind.SHEET:
            found.against[record.index] = msgspec.msgpack.decode(record.payload, type=Taken).words

    found.verified = verify(PosixFiles(), journal, take)
    return found


def _query(record: Record, queries: dict[str, Query]) -> None:
    if record.kind != Kind.ENTRY:
        return
    noted = msgspec.msgpack.decode(record.payload, type=Noted)
    if noted.type == EntryType.QUERY:
        queries[noted.instance] = msgspec.msgpack.decode(noted.entry, type=Query)


def _told(found: Gathered, name: str, telling: Telling) -> None:
    """A record that changes nothing of what a report says (a reset of the unit) told nothing."""
    book = found.book
    fraction = book.fractions[name]
    exposures = [book.exposures[token] for token in fraction.tokens]
    for exposure in exposures:
        if exposure.end is not None and exposure.token not in found.digests:
            found.digests[exposure.token] = telling.digest
    ends = tuple(
        (exposure.token, exposure.end_index, exposure.seen if exposure.end is None else None) for exposure in exposures
    )
    says = (ends, fraction.closed, fraction.closed_words)
    if found.said.get(name) == says:
        return
    found.said[name] = says
    found.last_told[name] = telling
    if all(exposure.end is not None for exposure in exposures) and not all(exposure.void for exposure in exposures):
        found.told.setdefault(name, []).append(telling)


def _ticks(found: Gathered, record: Record, traced: Traced) -> None:
    book = found.book
    for row in rows_of(msgspec.msgpack.decode(record.payload, type=Ticks).rows):
        if row.kind != EntryType.TICK:
            continue
        tick = unpack_tick(row.payload)
        exposure = book.exposures.get(tick.token)
        if exposure is not None and traced(book.fractions[exposure.fraction], exposure.start):
            found.ticks.setdefault(tick.token, []).append((row.mono_ns, tick))
