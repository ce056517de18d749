"""The wire of Spellman's XRB80 monoblock: `NAME[ ARG];` frames, their check character, and replies that carry a value and no name.
It knows each command's shape of reply and nothing of what a value means; that stands in hal/generators/spellman_xrb80.py."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec

from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard
from hal.generators.spellman import STX, checksum

END: Final = b"\r\n"
SEMICOLON: Final = 0x3B
LONGEST_FRAME_B: Final = 48

_MODEL: Final = re.compile(r"[A-Za-z][ !-\-/-:<-~]{4,31}")
_VERSION: Final = re.compile(r"(?=.*[^0-9])[ -:<-~]{1,32}")


class Shape(Enum):
    """What a reply's value is. A model (a letter first, five or more, no point) is never a version, and neither is ever a number."""

    ACK = "nothing"
    COUNT = "one to five digits"
    BIT = "0 or 1"
    FAULT = "a code of one or two digits, or nine flags"
    MODEL = "a model name"
    VERSION = "a version, not all digits"
    TEXT = "printable text"


_PATTERNS: Final = {
    Shape.ACK: re.compile(r""),
    Shape.COUNT: re.compile(r"[0-9]{1,5}"),
    Shape.BIT: re.compile(r"[01]"),
    Shape.FAULT: re.compile(r"[0-9]{1,2}|[01]{9}"),
    Shape.MODEL: _MODEL,
    Shape.VERSION: _VERSION,
    Shape.TEXT: re.compile(r"[ -:<-~]{1,32}"),
}


@dataclass(frozen=True)
class Command:
    """One row of the table: its name in the log, its word on the wire, the shape of its reply, and the largest number that this may be."""

    name: str
    word: str
    shape: Shape
    most: int = 0


class Order(msgspec.Struct, frozen=True, gc=False):
    """A command and its argument; None: it has none."""

    command: Command
    arg: int | None = None


class Told(msgspec.Struct, frozen=True, gc=False):
    """A reply's value as it stood, and as a number where its shape has one."""

    text: str = ""
    number: int = 0


def frame(word: str, arg: int | None, packets: bool) -> bytes:
    """STX, name, space and argument, semicolon, check character (RS-232 only; STX is not summed, the semicolon is), CR LF."""
    body = (f"{word};" if arg is None else f"{word} {arg};").encode("ascii")
    return bytes((STX, *body)) + (b"" if packets else bytes((checksum(body),))) + END


def value_of(got: bytes, packets: bool) -> str | None:
    """The text before the semicolon of one whole frame; None when framing or check character do not hold."""
    body = got[1 : -len(END)] if packets else got[1 : -len(END) - 1]
    if not body or body[-1] != SEMICOLON or not body.isascii():
        return None
    if not packets and checksum(body) != got[-len(END) - 1]:
        return None
    return body[:-1].decode("ascii")


def told(command: Command, text: str) -> Told | None:
    """A value in its command's shape and range, or None."""
    shape = command.shape
    if not _PATTERNS[shape].fullmatch(text) or (shape is Shape.VERSION and _MODEL.fullmatch(text)):
        return None
    if shape is Shape.COUNT or shape is Shape.BIT or (shape is Shape.FAULT and len(text) < 9):
        number = int(text)
        return Told(text, number) if number <= command.most else None
    return Told(text)


class MonoblockDialect:
    """A reply names no request: it is believed by its shape, only while one request is out, and after any trouble only behind silence and a fence.

    The fences are the model and the firmware: a late number is neither, and neither of them is the other. STX flushes the device's
    buffer, so an off may follow a request that is unanswered or was cut short.
    """

    resync = True
    off_preempts = True

    def __init__(self, fences: tuple[Command, Command], packets: bool) -> None:
        self._fences = fences
        self._packets = packets
        self._request = b""

    def encode(self, q: Order) -> bytes:
        self._request = frame(q.command.word, q.arg, self._packets)
        return self._request

    def take(self, buf: bytearray, q: Order, abandoned: Order | None) -> Told | Trouble | Heard | None:
        if buf[0] != STX:
            return _bad(q, "bytes before the frame")
        end = buf.find(END)
        if end < 0:
            return _bad(q, "endless frame") if len(buf) > LONGEST_FRAME_B else None
        got = bytes(buf[: end + len(END)])
        del buf[: end + len(END)]
        if got == self._request:
            return Heard.STRAY
        text = value_of(got, self._packets)
        if text is None:
            return _bad(q, "checksum or framing")
        value = told(q.command, text)
        if value is not None:
            return value
        if abandoned is not None and told(abandoned.command, text) is not None:
            return Heard.ABANDONED
        return _bad(q, f"{text!r} is not {q.command.shape.value}, or out of range")

    def fence(self, k: int) -> Order:
        return Order(self._fences[k % 2])

    def name(self, q: Order) -> str:
        return q.command.name


def decode(names: dict[str, str], sent: bool, data: bytes) -> str:
    """A piece of the wire log in words: each request's command by name, each reply's value, and whether its check character holds. Never raises."""
    return "; ".join(_frame_words(names, sent, part) for part in data.split(b"\n") if part)


def _frame_words(names: dict[str, str], sent: bool, part: bytes) -> str:
    start = part.find(bytes((STX,)))
    body, semicolon, check = part[start + 1 :].rstrip(b"\r").rpartition(b";")
    if start < 0 or not semicolon or len(check) > 1:
        return f"part of a frame {part!r}"
    text = body.decode("ascii", "replace")
    sound = "" if not check or checksum(body + semicolon) == check[0] else " BAD CHECKSUM"
    if not sent:
        return (text or "acknowledged") + sound
    word = text.split(" ")[0]
    return f"{text} ({names.get(text, names.get(word, 'unknown command'))}){sound}"


def _bad(q: Order, detail: str) -> Trouble:
    return Trouble(TroubleKind.FRAME_BAD, q.command.name, detail)
