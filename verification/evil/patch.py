"""What an evil patch is: a few lines of the product as somebody might write them by mistake or out of helpfulness, and who must notice it.
It changes texts and plays nothing; a text that is not there exactly once is an error, for a patch that fits nothing shows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

NOTHING: Final = "nothing"
"""In the place of a catcher: another barrier holds, and no play shows anything."""
TABLES: Final = Path(__file__).parent / "patches"


class OutOfDateError(Exception):
    """A patch whose old text is not in its file exactly once."""


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place of one file: `old` stands there exactly once and becomes `new`."""

    file: str
    old: str
    new: str


class Evil(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One patch. `by` is who must catch it: the id of an invariant, `monitor:` with a law of interlocks/monitor.py, `search:` with a law of the search,
    `test` where only a test of the house (the play) can see it, or `says:` with words in which the program itself refuses to go on. `test`, where it is given,
    is a test of the house that must fail too; `why` says why no invariant can see it: each that is caught by a test alone has one."""

    name: str
    breaks: str
    play: str
    by: str
    changes: tuple[Change, ...]
    test: str = ""
    why: str = ""


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two barriers that hide each other. `common` is what somebody does wrong; with either barrier taken away too the other one still holds, so that it is
    caught by `first_by` or `second_by` (often `nothing`); with both away the harm is done, and `by` must catch it."""

    name: str
    breaks: str
    play: str
    by: str
    first: tuple[Change, ...]
    second: tuple[Change, ...]
    common: tuple[Change, ...] = ()
    first_by: str = NOTHING
    second_by: str = NOTHING


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of patches/."""

    evil: tuple[Evil, ...] = ()
    pair: tuple[Pair, ...] = ()


def patches() -> tuple[Evil | Pair, ...]:
    """Every patch of every table, the single ones of each first; two of one name are no tables."""
    found: list[Evil | Pair] = []
    for path in sorted(TABLES.glob("*.toml")):
        table = msgspec.toml.decode(path.read_bytes(), type=Table)
        found += [*table.evil, *table.pair]
    names = [patch.name for patch in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two evil patches have the same name: {', '.join(twice)}")
    return tuple(found)


def apply(changes: tuple[Change, ...], root: Path) -> None:
    """Make the changes below `root`; OutOfDateError when one does not fit."""
    for change in changes:
        path = root / change.file
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise OutOfDateError(f"{change.file} cannot be read: {error}") from error
        found = text.count(change.old)
        if found != 1:
            raise OutOfDateError(
                f"{change.file} holds this text {found} times, not once: {change.old!r}; write the patch anew"
            )
        path.write_text(text.replace(change.old, change.new), encoding="utf-8")
