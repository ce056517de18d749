"""Words that people wrote, taken as words: an order with characters that show nothing or reorder what is shown is refused, and a terminal is given no
markup and no control character of theirs. It knows no screen's layout; whether the words are right is for people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET
from rich.console import Console
from rich.text import Text

from console import prescription
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError

UNSEEN: Final = {
    "Cc": "a control character",
    "Cf": "a character that shows nothing or turns the direction of writing",
    "Cs": "half a character",
    "Co": "a character of private use",
    "Cn": "no character",
    "Zl": "a break of lines",
    "Zp": "a break of paragraphs",
}
NOT_SHOWN: Final = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0),
    (0x16FE4, 0x16FE4), (0x1D159, 0x1D159), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""Marks, letters and signs that draw nothing, or are a blank: two names that differ by one of them look the same."""
MARKS_AT_MOST: Final = 3
"""On one letter; more of them are drawn over the lines above and below."""
LATIN, GREEK, CYRILLIC = "LATIN", "GREEK", "CYRILLIC"
GREEK_LIKE_LATIN: Final = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧικνορυχ")
"""Of Greek only what looks Latin: kΩ and µGy are words."""
BETWEEN: Final = re.compile(r"(^|\s)·|·(\s|$)")
"""The pages set identifiers apart by it: two patients, A and "B · C" and "A · B" and C, would be shown alike."""
WORDS_OF_AN_ORDER: Final = (
    "prescription_id", "patient_id", "patient_id_2", "course_id", "lesion_id", "site", "filter_id", "applicator_id",
)  # fmt: skip

WORDS_OF_A_SET_UP: Final = ("cutout_id", "cutout_measured_by", "shield_notes")


def unfit(words: str) -> str:
    """Why these words may not name anything: two that are not the same must not look the same. Empty when they may."""
    marks = 0
    for one in words:
        kind = UNSEEN.get(unicodedata.category(one))
        if kind is not None:
            return f"holds U+{ord(one):04X}, {kind}"
        if _draws_nothing(one):
            return f"holds U+{ord(one):04X}, a character that shows nothing"
        marks = marks + 1 if unicodedata.category(one)[0] == "M" else 0
        if marks > MARKS_AT_MOST:
            return f"holds more than {MARKS_AT_MOST} marks on one letter"
        if one.isspace() and one != " ":
            return f"holds U+{ord(one):04X}, a blank that is no plain one"
    if words != words.strip() or "  " in words:
        return "begins or ends with a blank, or has two in a row"
    if words and unicodedata.combining(words[0]):
        return f"begins with U+{ord(words[0]):04X}, a mark that belongs onto a letter"
    if words != unicodedata.normalize("NFC", words):
        return (
            "holds letters in parts that exist as one (not in NFC), and so may look like other words and not be equal"
        )
    for scripts, run in _runs(words):
        if len(scripts) > 1:
            return f"mixes {' and '.join(sorted(scripts))} letters, of which some look alike, in {run!r}"
    return ""


def _draws_nothing(one: str) -> bool:
    return any(low <= ord(one) <= high for low, high in NOT_SHOWN)


def _runs(words: str) -> Iterator[tuple[set[str], str]]:
    """Letters that stand together, with those of their alphabets whose letters look alike."""
    for run in re.findall(r"[^\W\d_]+", words):
        scripts = {unicodedata.name(one, "").split(" ")[0] for one in run}
        yield (scripts & {LATIN, CYRILLIC}) | ({GREEK} if GREEK_LIKE_LATIN & set(run) else set()), run


def plain(words: str) -> str:
    """The words themselves. ValueError says why they may not be taken."""
    wrong = unfit(words)
    if wrong:
        raise ValueError(f"{visible(words)!r} {wrong}; first: type it anew")
    return words


def order(path: Path) -> Prescribed:
    """An order whose every word is one that a person can read and compare. Raises ConfigurationError."""
    prescribed = prescription.load(path)
    words = {name: getattr(prescribed, name) for name in WORDS_OF_AN_ORDER}
    words |= {f"approved_by {number}": who for number, who in enumerate(prescribed.approved_by, 1)}
    if prescribed.set_up is not UNSET:
        words |= {name: getattr(prescribed.set_up, name) for name in WORDS_OF_A_SET_UP}
    found = {name: unfit(said) or parting(said) for name, said in words.items()}
    wrong = [f"{path}: {name} = {visible(words[name])}: {why}" for name, why in found.items() if why]
    if wrong:
        raise ConfigurationError("\n".join(f"{line}; first: type it anew in the order" for line in wrong))
    return prescribed


def parting(words: str) -> str:
    return "holds U+00B7 beside a blank, by which the pages set words apart" if BETWEEN.search(words) else ""


def visible(words: str) -> str:
    """What shows nothing, or what a terminal would obey, by its number."""
    return "".join(
        one
        if one in "\n\t" or not (unicodedata.category(one) in UNSEEN or _draws_nothing(one))
        else f"<U+{ord(one):04X}>"
        for one in words
    )


class PlainConsole(Console):
    """Rich, with every text as it stands: no [markup], no :emoji:, no control character."""

    def render_str(self, text: str, **named: Any) -> Text:
        return super().render_str(visible(text), **(named | {"markup": False, "emoji": False}))
