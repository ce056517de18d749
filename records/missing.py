"""Records that are missing, known by a restored copy or by the safety unit's last token, and the physicist's word on what was given meanwhile.
Pure; what is missing is not found here, and until the word is signed no patient is treated."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from records.book import Book
from records.day_forms import DaySite, decoded
from records.sheets import Sheet, SheetKind, wrong_signature


class Missing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The word: on which gap (the journal record since which it is known), what was compared, and what follows for the patients."""

    index: int
    found: str


def unanswered(book: Book, site: DaySite) -> Iterator[str]:
    """Why nobody is treated on these records; nothing where none are missing, or a physicist has signed for this very gap after it was known."""
    gone = book.gone
    if not gone.index:
        return
    for kept in reversed(book.sheets.get(SheetKind.MISSING, [])):
        if kept.index > gone.index and not wrong_signature(kept.sheet, site.signers) and not against(book, kept.sheet):
            return
    yield (
        f"{gone.words}: what was given meanwhile could be given twice; the physicist compares these records with the patients' own, "
        "and signs first (kerma sheet missing)"
    )


def against(book: Book, sheet: Sheet) -> str:
    """What stands against this sheet, or ""."""
    word = decoded(sheet.body, Missing)
    if word is None or not word.found.strip():
        return "the sheet says not what was compared with what, and what came of it; write that first"
    if word.index != book.gone.index:
        return f"the sheet speaks of the gap of record {word.index}, and that of record {book.gone.index} is open; look at that one first"
    return ""
