"""Words that people wrote, taken as words: an order with characters that show nothing or reorder what is shown is refused, and a terminal is given no
markup and no control character of theirs. It knows no screen's layout; whether the words are right is for people."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any, Final

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
WORDS_OF_AN_ORDER: Final = (
    "prescription_id", "patient_id", "patient_id_2", "course_id", "lesion_id", "site", "filter_id", "applicator_id",
)  # fmt: skip


def unfit(words: str) -> str:
    """Why these words may not name anything: two that are not the same must not look the same. Empty when they may."""
    for one in words:
        kind = UNSEEN.get(unicodedata.category(one))
        if kind is not None:
            return f"holds U+{ord(one):04X}, {kind}"
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
    return ""


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
    wrong = [f"{path}: {name} = {visible(said)}: {unfit(said)}" for name, said in words.items() if unfit(said)]
    if wrong:
        raise ConfigurationError("\n".join(f"{line}; first: type it anew in the order" for line in wrong))
    return prescribed


def visible(words: str) -> str:
    """What shows nothing, or what a terminal would obey, by its number."""
    return "".join(
        one if one in "\n\t" or unicodedata.category(one) not in UNSEEN else f"<U+{ord(one):04X}>" for one in words
    )


class PlainConsole(Console):
    """Rich, with every text as it stands: no [markup], no :emoji:, no control character."""

    def render_str(self, text: str, **named: Any) -> Text:
        return super().render_str(visible(text), **(named | {"markup": False, "emoji": False}))
