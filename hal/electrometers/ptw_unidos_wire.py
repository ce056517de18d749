"""The wire of PTW's UNIDOS Tango and Romeo: a word with fields behind semicolons, CR LF, and a reply that repeats the request and puts its fields behind it.
It knows the shape of each reply and the device's error codes; what a value means stands in hal/electrometers/ptw_unidos.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec

from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard

END: Final = b"\r\n"
SEMICOLON: Final = ";"
LONGEST_FRAME_B: Final = 160

_ERROR: Final = re.compile(r"(E[0-9]{2});?")


class Question(msgspec.Struct, frozen=True, gc=False):
    """One row of the table: its name in the log, its text, and a pattern for each field of its reply. `acts`: it changes something at the device."""

    name: str
    text: str
    fields: tuple[str, ...] = ()
    acts: bool = False
    fence: bool = False


class Told(msgspec.Struct, frozen=True, gc=False):
    """A reply's fields behind the repeated request, each whole and in its pattern."""

    fields: tuple[str, ...] = ()


class Refused(Enum):
    """The device's error codes, in words; the name is the code."""

    E01 = "unknown command, or a mistake in its form"
    E02 = "not allowed in this state"
    E03 = "not allowed at this moment"
    E08 = "a value out of range, or a parameter in the wrong form"
    E12 = "ended by somebody at the device"
    E16 = "the command is too long"
    E17 = "too many parameters"
    E18 = "an empty parameter"
    E19 = "the wrong number of parameters"
    E20 = "no permission to write: another holds it, or the lock at the device is open"
    E21 = "something that the command needs is missing (a detector, for one)"
    E24 = "its memory could not store the data"
    E28 = "an unknown parameter"
    E29 = "a parameter of the wrong kind"
    E33 = "its measuring module is defective"
    E51 = "an undefined command inside the device"
    E52 = "a parameter of the wrong kind inside the device"
    E54 = "a request inside the device was denied"
    E58 = "a wrong value inside the device"
    E96 = "a time-out inside the device"
    UNKNOWN = "an error code that the published list does not name"


def refused(code: str) -> Refused:
    """The words for a code; one that nobody has published is a refusal all the same."""
    return Refused.__members__.get(code, Refused.UNKNOWN)


class UnidosDialect:
    """A reply repeats its request, whole, and each field behind it has its own pattern; there is no checksum, so nothing is read that is not wholly in form.

    An act's reply is its own text, which a line that only echoes says too: no act is proven by it. The fences are `identify`'s own questions in turn, the
    only ones that a stranger may hear; an error code behind a fence belongs to an older request. Half duplex by habit: nothing is sent over an open request.
    """

    resync = True
    off_preempts = False

    def __init__(self, fences: tuple[Question, Question]) -> None:
        self._fences = tuple(msgspec.structs.replace(one, fence=True) for one in fences)
        self._patterns: dict[str, re.Pattern[str]] = {}

    def encode(self, q: Question) -> bytes:
        return q.text.encode("ascii") + END

    def take(self, buf: bytearray, q: Question, abandoned: Question | None) -> Told | Trouble | Heard | None:  # noqa: ARG002 - nothing overtakes
        end = buf.find(END)
        if end >= LONGEST_FRAME_B or (end < 0 and len(buf) > LONGEST_FRAME_B):
            return _bad(q, "endless frame")
        if end < 0:
            return None
        got = bytes(buf[:end])
        del buf[: end + len(END)]
        try:
            text = got.decode("utf-8")
        except UnicodeDecodeError:
            return _bad(q, f"reply {got!r}")
        if text == q.text:
            return Told() if not q.fields else Heard.STRAY
        error = _ERROR.fullmatch(text)
        if error is not None and not q.fence:
            return Trouble(TroubleKind.REFUSED, q.name, f"{error[1]}: {refused(error[1]).value}")
        told = self._told(q, text)
        return _bad(q, f"reply {got!r}") if told is None else told

    def fence(self, k: int) -> Question:
        return self._fences[k % 2]

    def name(self, q: Question) -> str:
        return q.name

    def _told(self, q: Question, text: str) -> Told | None:
        head = q.text + SEMICOLON
        fields = tuple(text[len(head) :].split(SEMICOLON))
        if not text.startswith(head) or len(fields) != len(q.fields):
            return None
        return Told(fields) if all(map(self._fits, q.fields, fields)) else None

    def _fits(self, pattern: str, field: str) -> bool:
        known = self._patterns.get(pattern)
        if known is None:
            known = self._patterns[pattern] = re.compile(pattern)
        return known.fullmatch(field) is not None


def decode(names: Mapping[str, str], sent: bool, data: bytes) -> str:
    """A piece of the wire log in words: each command by name with its fields, each error by its words. Never raises."""
    return "; ".join(_words(names, sent, part) for part in data.split(END) if part)


def _words(names: Mapping[str, str], sent: bool, part: bytes) -> str:
    word, *fields = part.decode("utf-8", "backslashreplace").split(SEMICOLON)
    error = _ERROR.fullmatch(word)
    if error is not None and not sent:
        return f"refused, {word}: {refused(word).value}"
    name = names.get(word)
    if name is None:
        return f"part of a frame {part!r}"
    return f"{name}{'?' if sent and not fields else ''}" + (f" {', '.join(fields)}" if fields else "")


def _bad(q: Question, detail: str) -> Trouble:
    return Trouble(TroubleKind.FRAME_BAD, q.name, detail)
