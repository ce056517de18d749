"""A second database, on a PostgreSQL, that follows the records and may lag: made from the journal up to what is durable, in a process of its own.
Nobody waits for it: what the beam stands on is the journal and the database beside it (docs/decisions/0023)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from records.book import Book, Changes
from records.files import FileSystem, PosixFiles
from records.folds import fold
from records.fractions import DATABASE_NAME, JOURNAL_NAME
from records.journal import Following, JournalError, Record, verify
from records.schema import StoreError, readable, said
from records.store import OpenDatabase, Place, Store, applied_of, engine_for

AT_ONCE: Final = 2000
"""Journal records that are brought over in one transaction."""
LOCK: Final = "mirror.lock"


class MirrorError(Exception):
    """The copy cannot go on, and trying again will not help; the words say why and what to do first."""


class Step(msgspec.Struct, frozen=True):
    """What one step did: up to which journal record the copy is, up to which the records are, and words where something is to be said."""

    applied: int
    durable: int
    words: tuple[str, ...] = ()

    @property
    def behind(self) -> int:
        return max(0, self.durable - self.applied)


def durable(records: Path) -> int:
    """The last journal record that the database beside it was told, which comes after the journal's sync. Raises StoreError."""
    database = records / DATABASE_NAME
    if not database.exists():
        raise StoreError(f"{database}: is not there yet; kerma run makes it")
    engine = engine_for(database, read_only=True)
    try:
        with engine.connect() as connection:
            return applied_of(connection) if readable(connection, database) else 0
    except SQLAlchemyError as error:
        raise StoreError(f"{database}: cannot be read ({said(error)}); see whether the recorder lives") from error
    finally:
        engine.dispose()


class Mirror:
    """The writer's side. A step that fails with StoreError may be tried again; whatever was begun in it is begun anew."""

    def __init__(
        self, records: Path, place: Place, files: FileSystem | None = None, open_database: OpenDatabase = engine_for
    ) -> None:
        self._records, self._place, self._open_database = records, place, open_database
        self._files = files if files is not None else PosixFiles()
        self._lock: int | None = None
        self._store: Store | None = None
        self._book, self._at, self._digest = Book(), 0, b""
        self._following = Following(self._files, records / JOURNAL_NAME)
        self._compared = False

    def step(self, most: int = AT_ONCE) -> Step:
        """Bring over what is due, at most so many records. Raises StoreError where the server or the database beside the journal does not answer, and
        MirrorError for good."""
        if self._lock is None:
            self._lock = self._files.lock(self._records / LOCK)
            if self._lock is None:
                raise MirrorError(f"{self._records / LOCK}: another kerma records mirror holds it; end that one first")
        end = durable(self._records)
        try:
            if self._store is None:
                self._store = Store(self._place, self._open_database)
            return self._step(self._store, end, most)
        except StoreError:
            self._let_go()
            raise
        except (JournalError, OSError, msgspec.DecodeError, ValueError) as error:
            self._let_go()
            raise MirrorError(f"{error}; then start this again, which reads the journal anew") from error

    def close(self) -> None:
        self._let_go()
        if self._lock is not None:
            self._files.close(self._lock)
            self._lock = None

    def _step(self, store: Store, end: int, most: int) -> Step:
        if store.applied > end:
            self._must_still_be_there(store)
        before = self._at
        # a copy that was here before, or one that a server put back from an older state of its own
        if store.applied != before or (before and store.digest != self._digest):
            before = self._found_again(store)
        last = min(end, before + most)
        for record in self._following.up_to(last):
            fold(self._book, record)
            self._at, self._digest = record.index, record.digest
        if self._at > before:
            store.project(self._book, self._book.changes, self._at, self._digest)
            self._book.changes = Changes()
        words: list[str] = []
        if not self._compared and self._at == end:
            words = store.mend(self._book)
            self._compared = True
        return Step(self._at, end, tuple(words))

    def _must_still_be_there(self, store: Store) -> None:
        """More than the database beside the journal: that one is just made anew, or records are gone from here."""
        digests: dict[int, bytes] = {}

        def seen(record: Record) -> None:
            if record.index == store.applied:
                digests[record.index] = record.digest

        found = verify(self._files, self._records / JOURNAL_NAME, seen)
        if digests.get(store.applied) == store.digest:
            raise StoreError(f"{self._records / DATABASE_NAME}: is made anew from the journal; wait for it")
        raise MirrorError(
            f"{self._place}: knows record {store.applied}, and the records here end at {found.records}, or differ there: records were lost, or an older copy "
            "was restored. What it holds of later fractions may be all that is left: keep it, look at it, and name an empty database for these records first"
        )

    def _found_again(self, store: Store) -> int:
        """Read up to where the copy is; what it knows must be what stands here. Gives that record."""
        if store.applied < self._at:
            self._book, self._at, self._digest = Book(), 0, b""
            self._following = Following(self._files, self._records / JOURNAL_NAME)
        for record in self._following.up_to(store.applied):
            fold(self._book, record)
            self._at, self._digest = record.index, record.digest
        self._book.changes, self._compared = Changes(), False
        if store.digest != self._digest:
            raise MirrorError(
                f"{self._place}: its record {store.applied} is not the one of {self._records}: it is the copy of other records; name an empty database first"
            )
        return self._at

    def _let_go(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
