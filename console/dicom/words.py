"""Words as DICOM attributes may hold them: no delimiter of DICOM's own, no control character, no more than the attribute's length.
An identifier that does not fit is refused; other words are shortened with a mark, and stand whole in the report."""

from __future__ import annotations

from typing import Final

from console.reports.told import Stated

LOOKALIKES: Final = str.maketrans({"\\": "＼", "^": "＾", "=": "＝"})
"""Backslash parts values, ^ and = part a person's name (PS3.5 6.2): each is written as its full-width form."""
BACKSLASH: Final = str.maketrans({"\\": "＼"})
LONGEST: Final = 64
SHORT: Final = 16
CUT: Final = "..."
SIMULATED_ID: Final = "SIMULATED-"


class UnfitError(ValueError):
    """An identifier cannot be written in DICOM; the words say which, and what to do first."""


def _plain(words: str) -> str:
    return "".join(one if one.isprintable() else " " for one in words).strip()


def text(words: str, longest: int = LONGEST) -> str:
    """Words for people."""
    plain = _plain(words).translate(BACKSLASH)
    if _size(plain) <= longest:
        return plain
    return plain.encode()[: longest - len(CUT)].decode(errors="ignore") + CUT


def _size(words: str) -> int:
    """DICOM counts characters; many receivers, and dciodvfy, count bytes: the stricter of the two."""
    return len(words.encode())


def name(words: str) -> str:
    """A person's name as one component: these records know no family and given names."""
    return text(_plain(words).translate(LOOKALIKES))


def patient_name(stated: Stated | None) -> str:
    """Family and given names as two components, each cut with a mark where both do not fit together; empty where no name was stated."""
    if stated is None or not stated.family_name:
        return ""
    family, given = (_plain(one or "").translate(LOOKALIKES) for one in (stated.family_name, stated.given_names))
    room = LONGEST - 1 - min(_size(given), LONGEST // 2 - 1)
    first = text(family, room)
    return f"{first}^{text(given, LONGEST - 1 - _size(first))}" if given else first


def identifier(what: str, words: str, longest: int = LONGEST) -> str:
    """An identifier, whole or not at all."""
    plain = _plain(words).translate(BACKSLASH)
    if _size(plain) > longest:
        raise UnfitError(
            f"{what} = {words!r}: is longer than the {longest} bytes that DICOM has for it; first: give a shorter one"
        )
    return plain


def patient_id(words: str, simulated: bool) -> str:
    """A simulated fraction never comes under a real patient's identifier."""
    return identifier("patient id", f"{SIMULATED_ID}{words}" if simulated else words)
