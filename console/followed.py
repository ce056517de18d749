"""The journal as a book that is followed while it is written: folded once, and what came since at each look, so that years of it are not read for a card.
It judges nothing; what the book says of the day is asked of the records' own rules (records/day.py, records/warm_up.py)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar

import msgspec

from console.web.journal_part import part
from console.web.unread import NotReadError
from hal.errors import ConfigurationError
from records.book import Book, Changes
from records.files import PosixFiles
from records.folds import fold
from records.journal import verify

T = TypeVar("T")


class Followed:
    """One folder's journal. A tail that is not whole yet is a recorder's that writes beside this, and is taken at the next look."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._turn = folder, Lock()
        self._book, self._index, self._digest = Book(), 0, b""

    def look(self, read: Callable[[Book], T]) -> T:
        """What `read` makes of the book up to the last whole record; one look at a time. Raises ConfigurationError for a record that this version cannot
        read."""
        with self._turn:
            try:
                if not self._goes_on():
                    self._book = Book()
                    found = verify(PosixFiles(), self._folder, partial(fold, self._book))
                    self._index, self._digest = found.records, found.digest
            except (msgspec.DecodeError, ValueError) as error:
                self._index = 0
                raise ConfigurationError(
                    f"{self._folder}: holds what this version cannot read ({error}); first: look with the program that wrote it"
                ) from error
            # only a database asks for them
            self._book.changes = Changes()
            return read(self._book)

    def _goes_on(self) -> bool:
        """Fold what follows the last record that was folded; False where that one is no more what it was (records of a copy), or nothing was folded yet."""
        if not self._index:
            return False
        try:
            for record in part(self._folder, self._index, self._index, sys.maxsize):
                if record.index > self._index:
                    fold(self._book, record)
                    self._index, self._digest = record.index, record.digest
                elif record.digest != self._digest:
                    return False
        except NotReadError:
            return False
        return True
