"""Whether today's check is in force, in words for `kerma status`: the records' own judgement of the journal as it stands, for what runs now.
It locks and unlocks nothing: that is the recorder's, at every question and once more at the start."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from console.configuration import Rig
from console.day.sheets import signers_of
from controller.requests import Snapshot
from hal.errors import ConfigurationError
from records import day
from records.book import Book
from records.day_forms import DaySite
from records.files import PosixFiles
from records.folds import fold
from records.fractions import JOURNAL_NAME
from records.journal import Verified, verify

WAIVED: Final = "not asked of this simulated rig (daily.waived)"


def daily_words(rig: Rig, shown: Snapshot) -> str:
    """In force until when, or why not; what could not be looked at is not in force."""
    if rig.day_check_waived:
        return WAIVED
    try:
        book, site, found = kept_day(rig)
    except ConfigurationError as error:
        return f"NOT KNOWN: {error}"
    opening = book.openings.get(shown.instance)
    if opening is None:
        beside = f": {found.words}" if found.words else ""
        return f"NOT KNOWN: {rig.records} holds nothing of the process that runs ({found.records} records{beside}); first: look at kerma doctor"
    wrong = next(day.against(book, opening, site, shown.at_s, shown.wall_s), "")
    if wrong:
        return f"NOT IN FORCE: {wrong}"
    sheet = day.held(book, site)
    assert sheet is not None
    until = datetime.fromtimestamp(day.midnight_s(sheet[1].day, site.tz), site.tz)
    beams = "; ".join(f"{one.kv:g} kV, filter {one.filter}" for one in sheet[1].lines)
    return f"in force until {until:%Y-%m-%d %H:%M} ({rig.time_zone}), for {beams}, signed by {sheet[0].sheet.who}"


def kept_day(rig: Rig) -> tuple[Book, DaySite, Verified]:
    """The journal as it lies there, whose signatures count here, and how whole it is. Raises ConfigurationError: a key cannot be read."""
    book = Book()
    found = verify(PosixFiles(), rig.records / JOURNAL_NAME, partial(fold, book))
    return book, DaySite(rig.time_zone, signers_of(rig)), found
