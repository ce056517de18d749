"""Words as paper can hold them: what the built-in fonts have in those, other letters that run from left to right in an embedded font, and all else by its
number, never a box, a blank or an order of letters that is another name. It knows no report and no certificate."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

FONT: Final = "KermaWide"
FILE: Final = ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf")
"""A free font that a locked package carries."""
RUNS_ON: Final = frozenset({"L", "EN", "ES", "ET", "CS", "ON"})
"""Directions of writing that need no reordering; letters of the others would stand in the wrong order without a shaper."""


def printable(words: str) -> str:
    """What the built-in fonts can show; anything else as its number. For the foot of a page, which has no markup."""
    return "".join(one if _built_in(one) else _number(one) for one in unicodedata.normalize("NFC", words))


def markup(words: str) -> str:
    """The same for a paragraph, as its markup: a word with other letters is set in the embedded font."""
    parts = re.findall(r"\s+|\S+", unicodedata.normalize("NFC", words))
    return "".join(_part(part) for part in parts)


def _part(part: str) -> str:
    if all(_built_in(one) for one in part):
        return escape(part)
    shown = escape("".join(one if _built_in(one) or _wide(one) else _number(one) for one in part))
    return f'<font name="{FONT}">{shown}</font>' if any(_wide(one) for one in part) else shown


def _number(one: str) -> str:
    return f"<U+{ord(one):04X}>"


def _built_in(one: str) -> bool:
    if not one.isprintable():
        return one == "\n"
    try:
        one.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _wide(one: str) -> bool:
    """In the embedded font, and shown rightly one after the other: no mark on another letter, no direction of its own."""
    return (
        one.isprintable()
        and unicodedata.bidirectional(one) in RUNS_ON
        and not unicodedata.category(one).startswith("M")
        and ord(one) in _glyphs()
    )


@cache
def _glyphs() -> frozenset[int]:
    """What the embedded font has; nothing where it is not there, and then every such letter is a number."""
    spec = importlib.util.find_spec(FILE[0])
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / FILE[1]
        try:
            font = TTFont(FONT, str(path))
        except TTFError:
            continue
        pdfmetrics.registerFont(font)
        return frozenset(code for code, glyph in font.face.charToGlyph.items() if glyph)
    return frozenset()
