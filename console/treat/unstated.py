"""What cannot be stated of a patient beside an order: words that nobody can read or compare, a date that is none, a choice that is not there.
Each is said with its field, value, bound and what to do first; whether what is stated is true is for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from console.treat.particulars import EARLIER, EARLIER_GIVEN, FIELDS, INTENTS, Statement
from console.treat.plain_words import parting, unfit, visible

MOST: Final = 200
"""Characters of each field."""
FIRST_BIRTH: Final = date(1880, 1, 1)
"""Nobody who is treated was born before; an earlier date is a slip of the hand."""
ISO_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def wrong(said: Statement, today: date) -> Iterator[str]:
    """What cannot be stated, each with its field, the value, the bound and what to do first."""
    for name in FIELDS:
        words = getattr(said, name)
        why = unfit(words) or parting(words)
        if not why and len(words) > MOST:
            why = f"has {len(words)} characters, at most {MOST}"
        if why:
            yield f"{name} {visible(words)!r} {why}; first: type it anew"
    if said.given_names and not said.family_name:
        yield f"given_names {visible(said.given_names)!r} stand without family_name; first: write a single name as family_name"
    if said.birth_date:
        yield from _no_birth(said.birth_date, today)
    if said.intent not in ("", *INTENTS):
        yield f"intent {visible(said.intent)!r} is none of {', '.join(INTENTS)}; first: choose one, or leave it empty"
    if said.earlier not in ("", *EARLIER):
        yield f"earlier {visible(said.earlier)!r} is none of {', '.join(EARLIER)}; first: choose one, or leave it empty"
    if (said.earlier == EARLIER_GIVEN) != bool(said.earlier_words):
        yield (
            f"earlier is {visible(said.earlier)!r} and earlier_words are {visible(said.earlier_words)!r}; "
            f"first: say where, when and how much with {EARLIER_GIVEN!r}, and nothing otherwise"
        )


def _no_birth(words: str, today: date) -> Iterator[str]:
    try:
        born = date.fromisoformat(words) if ISO_DATE.fullmatch(words) else None
    except ValueError:
        born = None
    if born is None:
        yield f"birth_date {visible(words)!r} is no date; first: write YYYY-MM-DD, or leave it empty"
    elif not FIRST_BIRTH <= born <= today:
        yield f"birth_date {words} is not from {FIRST_BIRTH} to {today}; first: look at the year"
