"""The wire of the Seifert 3003 generators: command lines ended by LF, set commands that are never answered, replies of `*` and ten digits or a text.
It knows each question's shape of reply and nothing of what a value means; that stands in hal/generators/seifert_3003.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec

from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard

LF: Final = b"\n"
ENDS: Final = b"\r\n"
"""Either, or both, end a reply."""
LONGEST_LINE_B: Final = 48

_NUMBER: Final = re.compile(rb"\*([0-9]{10})")
_MODEL: Final = re.compile(rb"\*- ([!-~][ -~]{0,23}) -")
_WORD: Final = re.compile(rb"\*([A-Za-z][A-Za-z ]{0,15})")
_LINE_END: Final = re.compile(rb"[\r\n]")


MARK: Final = b"MR"
"""Asked with every number: the anode's name, letters."""


class Shape(Enum):
    """What comes back. A model is no anode, and neither is ever a number."""

    NOTHING = "nothing: the command is never answered"
    NUMBER = "* and ten digits, with the anode's name at the side where it was asked for"
    MODEL = "* and a name between dashes"


class Order(msgspec.Struct, frozen=True, gc=False):
    """One request: its name in the log, its lines, the shape of its reply, and the largest number that this may be."""

    name: str
    text: bytes
    shape: Shape
    most: int = 0


class Told(msgspec.Struct, frozen=True, gc=False):
    """A reply's value as it stood, and as a number where its shape has one."""

    text: str = ""
    number: int = 0


SENT: Final = Told()


def told(q: Order, lines: list[bytes], marked_behind: bool) -> Told | None:
    """The value of a reply's lines in the question's shape and range, or None."""
    if q.shape is Shape.NUMBER and len(lines) == 2:
        number, mark = lines if marked_behind else reversed(lines)
        digits = _NUMBER.fullmatch(number)
        if digits and _WORD.fullmatch(mark) and int(digits[1]) <= q.most:
            return Told(digits[1].decode("ascii"), int(digits[1]))
    if q.shape is Shape.MODEL and len(lines) == 1:
        model = _MODEL.fullmatch(lines[0])
        return None if model is None else Told(model[1].decode("ascii"))
    return None


class LineDialect:
    """A number names no question and carries no checksum. So the anode is asked with each, before one number and behind the next: a reply that comes
    twice, whole or in part, has its letters on the wrong side. It is believed in its range while one question is out, and after any trouble only behind
    silence and the fence, whose reply (the model's name) no other question has.

    A set command is told only by the question that follows. None of them ends the wait for a reply, so that an off goes out at any time.
    """

    resync = True
    off_preempts = True
    blank = ENDS
    spoil = b"?\n"

    def __init__(self, fence: Order, packets: bool) -> None:  # noqa: ARG002 - the text is the same behind a terminal server
        self._fence = fence
        self._behind = True

    def encode(self, q: Order) -> bytes:
        return LF.join(self._asked(q, turn=True)) + LF

    def unanswered(self, q: Order) -> Told | None:
        return SENT if q.shape is Shape.NOTHING else None

    def take(self, buf: bytearray, q: Order, abandoned: Order | None) -> Told | Trouble | Heard | None:  # noqa: ARG002 - nothing is ever abandoned: no off awaits a reply
        lines: list[bytes] = []
        used = 0
        while True:
            start = used + len(buf[used:]) - len(buf[used:].lstrip(ENDS))
            end = _LINE_END.search(buf, start)
            if (len(buf) if end is None else end.start()) - start > LONGEST_LINE_B:
                return _bad(q, "endless line")
            if end is None:
                return None
            line = bytes(buf[start : end.start()])
            used = len(buf) - len(buf[end.start() :].lstrip(ENDS))
            lines.append(line)
            first = _NUMBER if self._behind else _WORD
            if q.shape is not Shape.NUMBER or len(lines) == 2 or not first.fullmatch(line):
                break
        del buf[:used]
        value = told(q, lines, self._behind)
        if value is not None:
            return value
        if len(lines) == 1 and line in self._asked(q):
            return Heard.STRAY
        return _bad(q, f"{lines!r} is not {q.shape.value}, or out of range")

    def fence(self, k: int) -> Order:  # noqa: ARG002 - a late fence's reply is known by its shape wherever it comes
        return self._fence

    def name(self, q: Order) -> str:
        return q.name

    def _asked(self, q: Order, turn: bool = False) -> tuple[bytes, ...]:
        """The lines of a request; `turn`: it is a new one, and the anode changes sides."""
        if q.shape is not Shape.NUMBER:
            return (q.text,)
        if turn:
            self._behind = not self._behind
        return (q.text, MARK) if self._behind else (MARK, q.text)


def decode(names: Mapping[str, str], sent: bool, data: bytes) -> str:
    """A piece of the wire log in words: each command by name with its argument, each reply's value. Never raises."""
    return "; ".join(_words(names, sent, line) for line in _LINE_END.split(data) if line)


def _words(names: Mapping[str, str], sent: bool, line: bytes) -> str:
    text = line.decode("ascii", "replace")
    if sent:
        name = names.get(text) or names.get(text.partition(":")[0])
        return f"{text} ({name})" if name else f"{text!r} (unknown command)"
    number = _NUMBER.fullmatch(line)
    if number:
        return str(int(number[1]))
    other = _MODEL.fullmatch(line) or _WORD.fullmatch(line)
    return other[1].decode("ascii") if other else f"part of a reply {line!r}"


def _bad(q: Order, detail: str) -> Trouble:
    return Trouble(TroubleKind.FRAME_BAD, q.name, detail)
