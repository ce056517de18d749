"""A journal that is followed while it is written gives the same book as one that is read whole, and reads no year twice for it; one that was put back is
read anew."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from kept_by_hand import WALL_S, KeptByHand

from console import followed
from console.followed import Followed
from hal.errors import ConfigurationError
from records.book import Book, Changes
from records.files import PosixFiles
from records.folds import fold
from records.journal import SEGMENT_LEAST_BYTES, Journal, Kind, verify


def whole(folder: Path) -> Book:
    """What the records themselves make of it."""
    book = Book()
    verify(PosixFiles(), folder, partial(fold, book))
    book.changes = Changes()
    return book


def test_what_is_followed_is_what_is_read_whole_and_only_what_came_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through several segments; a record that is cut off half-way is taken once it is whole."""
    looked = Followed(tmp_path / "journal")
    assert looked.look(lambda book: book) == Book(), "before anything was written"
    kept = KeptByHand(tmp_path)
    kept.start()
    kept.ticks(2.0)
    assert looked.look(lambda book: book) == whole(tmp_path / "journal")
    monkeypatch.setattr(followed, "verify", lambda *_: pytest.fail("read whole once more"))
    kept.end(60.3)
    for _ in range(40):
        kept.start(fraction_tag=kept.book.last_token + 7)
        kept.ticks(20.0)
        kept.end(60.3)
        assert looked.look(lambda book: list(book.exposures)) == list(kept.book.exposures)
    assert len(list((tmp_path / "journal").glob("*.journal"))) > 1
    book = looked.look(lambda one: one)
    assert book == whole(tmp_path / "journal") and book is looked.look(lambda one: one)
    last = max((tmp_path / "journal").glob("*.journal"))
    before = last.read_bytes()
    kept.day_check("2026-11-18", 101.3, 20.0)
    after = last.read_bytes()
    last.write_bytes(after[: len(before.rstrip(b"\0")) + 40].ljust(len(after), b"\0"))
    assert looked.look(lambda one: len(one.sheets)) == 0
    last.write_bytes(after)
    assert looked.look(lambda one: len(one.sheets)) == 1


def test_records_that_were_put_back_are_read_anew_and_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    kept = KeptByHand(tmp_path / "r")
    kept.start()
    kept.end(60.3)
    shutil.copytree(tmp_path / "r" / "journal", tmp_path / "copy")
    kept.start(fraction_tag=8)
    kept.end(60.3)
    looked = Followed(tmp_path / "r" / "journal")
    assert len(looked.look(lambda book: book.exposures)) == 2
    kept.journal.close()
    shutil.rmtree(tmp_path / "r" / "journal")
    shutil.move(tmp_path / "copy", tmp_path / "r" / "journal")
    assert len(looked.look(lambda book: book.exposures)) == 1
    journal = Journal(PosixFiles(), tmp_path / "r" / "journal", SEGMENT_LEAST_BYTES)
    assert [*journal.open()]
    journal.go_on()
    journal.append(Kind.ENTRY, b"\xc1", WALL_S)
    journal.sync()
    for _ in range(2):
        with pytest.raises(
            ConfigurationError, match=r"holds what this version cannot read .*; first: look with the program"
        ):
            looked.look(lambda book: book)
