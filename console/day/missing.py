"""`kerma sheet missing`: which records are missing, and the physicist's word on what was given meanwhile.
It decides nothing: whether anybody is treated is judged by the records at each question (records/missing.py)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from console.configuration import Rig
from console.day.sheets import Signer, laid_down, signed, signers_of, told
from console.exit_codes import Exit
from console.kept import rig_of
from hal.clock import Clock, SystemClock
from hal.errors import ConfigurationError
from records.book import Book
from records.day_forms import DaySite
from records.files import PosixFiles
from records.folds import fold
from records.fractions import JOURNAL_NAME
from records.journal import verify
from records.missing import Missing, unanswered
from records.sheets import SheetKind

FIRST = (
    "nobody is treated; first: the physicist compares these records with the patients' own and with what left the house (reports, DICOM, copies), and "
    "signs: kerma sheet missing --found WORDS --key KEY.pem --who NAME"
)


def gap(rig: Rig, clock: Clock, found: str, signer: Signer | None) -> Exit:
    """Say what is missing, and with a signer sign what was found about it; REFUSED while nobody has."""
    book = Book()
    whole = verify(PosixFiles(), rig.records / JOURNAL_NAME, partial(fold, book))
    if not whole.records:
        raise ConfigurationError(
            f"{rig.records}: holds no records ({whole.words or 'none yet'}); first: see whether this is the right rig"
        )
    if not book.gone.index:
        print(f"no records are known to be missing ({whole.records} records)")
        return Exit.AS_INTENDED
    if not next(unanswered(book, DaySite(rig.time_zone, signers_of(rig))), ""):
        print(f"{book.gone.words}; the physicist has signed for it")
        return Exit.AS_INTENDED
    print(book.gone.words)
    if rig.day_check_waived:
        print("this simulated rig does without the daily check, and without this lock")
        return Exit.AS_INTENDED
    if signer is None:
        print(FIRST)
        return Exit.REFUSED
    if not found.strip():
        raise ConfigurationError("--found is empty; first: write what was compared with what, and what came of it")
    word = Missing(book.gone.index, found)
    return told(laid_down(rig, signed(SheetKind.MISSING, word, signer, rig, clock.wall()), clock))


def run(config: Path | None, found: str, signer: Signer | None) -> Exit:
    """From the command line."""
    return gap(rig_of(config), SystemClock(), found, signer)
