"""Spellman's comma protocol: framing, checksum, strict digits, and the matching of a reply to its command by a dialect's table.
It knows no dialect: what a command number means, and how many values its reply has, stand in the tables of the spellman_* files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

import msgspec

from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard
from hal.generators.sheet import Pieces, SetPoint

STX: Final = 0x02
ETX: Final = 0x03
COMMA: Final = 0x2C
LONGEST_FRAME_B: Final = 160
ANY_COUNT: Final = -1

_DECIMAL: Final = re.compile(rb"[0-9]{1,6}(\.[0-9]{1,6})?")
_WHOLES: Final = re.compile(rb"[0-9]{1,10}(?:,[0-9]{1,10})*")
_TEXT: Final = re.compile(rb"[ -+\--~]{0,40}")


class Shape(Enum):
    """What the arguments of a reply are."""

    ACK = "$"
    WHOLE = "whole numbers, digits only"
    DECIMAL = "numbers that may have a decimal point"
    TEXT = "printable text"


@dataclass(frozen=True)
class CommaCommand:
    """One row of a dialect: number, name, shape of the reply, how many values it has, and the largest that a whole number may be.

    `replies_as` is the number that heads its reply where that is another (0: its own). A refusal may be a code and nothing else (`62,2,`), which no
    count tells from a reply of one value. `code_first`: a lone code of the dialect's book is then taken for the refusal, and as a value it is never
    believed. For what must not be small by mistake; a set-point needs it not, for no plan may ask for a code (`SetPoint.unclear`).
    """

    number: int
    name: str
    shape: Shape
    count: int = 0
    most: int = 0
    replies_as: int = 0
    code_first: bool = False


@dataclass(frozen=True)
class CommaBook:
    """One dialect: words for its error codes, replies that it sends unasked, whether an off may follow an unanswered command, and its fences.

    `fences` are queries that no poll uses, at least two, so that a fence's late reply is never the next fence's.
    """

    name: str
    errors: Mapping[int, str]
    unsolicited: frozenset[int]
    off_preempts: bool
    fences: tuple[CommaCommand, ...]


class Order(msgspec.Struct, frozen=True, gc=False):
    """A command and its arguments, whole numbers."""

    command: CommaCommand
    args: tuple[int, ...] = ()


class Said(msgspec.Struct, frozen=True, gc=False):
    """A reply's values: `numbers` for WHOLE and DECIMAL, `text` for TEXT, neither for ACK."""

    numbers: tuple[float, ...] = ()
    text: tuple[str, ...] = ()


def checksum(body: bytes) -> int:
    """The check character of a body (from the command number up to and including the last comma): two's complement of the sum, & 0x7F, | 0x40."""
    return (-sum(body) & 0x7F) | 0x40


@lru_cache(maxsize=64)
def frame(number: int, args: tuple[int, ...], packets: bool) -> bytes:
    """STX, number and arguments each closed by a comma, check character (on serial lines only), ETX."""
    body = b"%02d," % number + b"".join(b"%d," % arg for arg in args)
    return bytes((STX, *body, ETX)) if packets else bytes((STX, *body, checksum(body), ETX))


def whole(field: bytes, most: int) -> int | None:
    """A number of one to ten ASCII digits, at most `most`; None for anything else (signs, spaces, points, letters: a flipped bit passes the sum)."""
    if not field.isdigit() or len(field) > 10:
        return None
    value = int(field)
    return value if value <= most else None


def wholes(fields: list[bytes], most: int) -> tuple[int, ...] | None:
    """All fields of a body, split at its commas, as numbers, under the same strictness as `whole`; None if any is not one."""
    if not _WHOLES.fullmatch(b",".join(fields)):
        return None
    numbers = tuple(map(int, fields))
    return numbers if max(numbers) <= most else None


class CommaDialect:
    """The comma protocol over one table; a reply is believed only with its own number, its own count of values, and nothing but digits in them."""

    resync = True

    def __init__(self, book: CommaBook, packets: bool) -> None:
        self._book = book
        self._packets = packets
        self._request = b""
        self._known: dict[int, tuple[Order, bytes, Said]] = {}
        self.off_preempts = book.off_preempts

    def encode(self, q: Order) -> bytes:
        self._request = frame(q.command.number, q.args, self._packets)
        return self._request

    def take(self, buf: bytearray, q: Order, abandoned: Order | None) -> Said | Trouble | Heard | None:
        if buf[0] != STX:
            return _bad(q, "bytes before the frame")
        end = buf.find(ETX, 0, LONGEST_FRAME_B + 1)
        if end < 0:
            return _bad(q, "endless frame") if len(buf) > LONGEST_FRAME_B else None
        got = bytes(buf[: end + 1])
        del buf[: end + 1]
        if got == self._request:
            return Heard.STRAY
        known = self._known.get(q.command.number)
        if known is not None and known[0] is q and known[1] == got:
            # the same reply to the same request, byte for byte, is read the same
            return Heard.STRAY if buf and self._said_again(buf, q) else known[2]
        body = self._body(got)
        if body is None:
            return _bad(q, "checksum or framing")
        fields = body[:-1].split(b",")
        if fields[0].startswith(b"E#"):
            return self._refused(q, fields[0][2:])
        if len(fields[0]) != 2 or not fields[0].isdigit():
            return _bad(q, "no command number")
        number = int(fields[0])
        if number != (q.command.replies_as or q.command.number):
            return self._other(number, q, abandoned)
        said = self._said(fields[1:], q)
        if isinstance(said, Trouble) and said.kind is TroubleKind.FRAME_BAD and number in self._book.unsolicited:
            # Of the same number, but not of the shape that was asked for: the device spoke by itself.
            return Heard.STRAY
        if isinstance(said, Said):
            self._known[q.command.number] = q, got, said
            if buf and self._said_again(buf, q):
                return Heard.STRAY
        return said

    def _said_again(self, buf: bytearray, q: Order) -> bool:
        """Behind an answer stand whole frames that are as good a one: the device spoke by itself, and no frame says which that was. All came after the
        question had left, so the last is the newest word, and those before it are dropped."""
        if (q.command.replies_as or q.command.number) not in self._book.unsolicited or not self._spoken(buf):
            return False
        bodies = (self._body(piece + bytes((ETX,))) for piece in bytes(buf).split(bytes((ETX,)))[:-1])
        return all(body is not None and isinstance(self._said(body[:-1].split(b",")[1:], q), Said) for body in bodies)

    def unasked(self, buf: bytearray, q: Order | None) -> bool:
        """Whole frames of the numbers that this device says by itself, and none that `q` could be answered by."""
        numbers = self._book.unsolicited
        if not numbers or (q is not None and (q.command.replies_as or q.command.number) in numbers):
            return False
        return self._spoken(buf)

    def _spoken(self, buf: bytearray) -> bool:
        """Nothing but whole frames of the numbers that this device says by itself."""
        numbers = self._book.unsolicited
        pieces = bytes(buf).split(bytes((ETX,)))
        bodies = [self._body(piece + bytes((ETX,))) if piece[:1] == bytes((STX,)) else None for piece in pieces[:-1]]
        return not pieces[-1] and all(
            body is not None and body[:2].isdigit() and int(body[:2]) in numbers for body in bodies
        )

    def fence(self, k: int) -> Order:
        return Order(self._book.fences[k % len(self._book.fences)])

    def name(self, q: Order) -> str:
        return q.command.name

    def _body(self, got: bytes) -> bytes | None:
        body = got[1:-1] if self._packets else got[1:-2]
        if not body or body[-1] != COMMA or STX in body:
            return None
        return body if self._packets or checksum(body) == got[-2] else None

    def _other(self, number: int, q: Order, abandoned: Order | None) -> Trouble | Heard:
        if abandoned is not None and number == (abandoned.command.replies_as or abandoned.command.number):
            return Heard.ABANDONED
        if number in self._book.unsolicited:
            return Heard.STRAY
        return _bad(q, f"reply to command {number}")

    def _said(self, args: list[bytes], q: Order) -> Said | Trouble:
        row = q.command
        if row.shape is Shape.ACK and args == [b"$"]:
            return Said()
        if args and args[0] == b"!":
            return self._refused(q, args[1] if len(args) == 2 else b"")
        if len(args) == 1 and args[0].isdigit():
            if row.count != 1 and row.shape is not Shape.TEXT:
                return self._refused(q, args[0])
            if row.code_first and int(args[0]) in self._book.errors:
                return self._refused(q, args[0], " (or that is its value: nothing tells them apart)")
        if row.shape is Shape.ACK or (row.count != ANY_COUNT and len(args) != row.count):
            return _bad(q, f"{len(args)} values instead of {row.count}")
        if row.shape is Shape.WHOLE:
            numbers = wholes(args, row.most)
            return _bad(q, "not digits, or out of range") if numbers is None else Said(numbers=numbers)
        if row.shape is Shape.DECIMAL:
            if not all(_DECIMAL.fullmatch(arg) for arg in args):
                return _bad(q, "not a number")
            return Said(numbers=tuple(float(arg) for arg in args))
        if not all(_TEXT.fullmatch(arg) for arg in args):
            return _bad(q, "not printable")
        return Said(text=tuple(arg.decode("ascii") for arg in args))

    def _refused(self, q: Order, code: bytes, more: str = "") -> Trouble:
        number = whole(code, 99)
        if number is None:
            return _bad(q, "error without a code")
        return Trouble(
            TroubleKind.REFUSED, q.command.name, f"error {number}: {self._book.errors.get(number, 'unknown')}{more}"
        )


def set_point(book: CommaBook, write: CommaCommand, read: CommaCommand) -> SetPoint[Order, Said]:
    """A set-point of one number, written by one command and read back by another. A read-back that is a lone error code differs from every plan."""
    return SetPoint(
        read.name,
        lambda counts: Order(write, (counts,)),
        Order(read),
        lambda said: int(said.numbers[0]),
        read.most,
        unclear=max(book.errors),
    )


def held_counts(pieces: Pieces[Said], row: CommaCommand) -> int:
    """The set-point as last read, in counts; -1 where it was never read, which no plan asks for."""
    piece = pieces.get(row.name)
    return -1 if piece is None else int(piece.value.numbers[0])


def names(*rows: CommaCommand) -> dict[int, str]:
    """The rows' names by number, for the wire log."""
    return {row.number: row.name for row in rows}


def model_of(said: Mapping[str, Said], row: CommaCommand) -> str:
    """What the device calls itself, or "" while it has not been asked."""
    return " ".join(said[row.name].text) if row.name in said else ""


def decode(names: Mapping[int, str], sent: bool, data: bytes) -> str:
    """A piece of the wire log in words: each frame's command by name, its values, and whether its checksum holds (none on a network). Never raises."""
    words = [_frame_words(names, sent, part) for part in data.split(bytes((ETX,))) if part]
    return "; ".join(words)


def _frame_words(names: Mapping[int, str], sent: bool, part: bytes) -> str:
    start = part.find(bytes((STX,)))
    body, comma, check = part[start + 1 :].rpartition(b",")
    if start < 0 or not comma or len(check) > 1:
        return f"part of a frame {part!r}"
    fields = body.decode("ascii", "replace").split(",")
    number = whole(fields[0].encode("ascii", "replace"), 99)
    name = names.get(-1 if number is None else number, "unknown command")
    sound = not check or checksum(body + comma) == check[0]
    asks = "" if sent or fields[1:] else " (empty)"
    return f"{fields[0]} {name} {' '.join(fields[1:])}".rstrip() + asks + ("" if sound else " BAD CHECKSUM")


def _bad(q: Order, detail: str) -> Trouble:
    return Trouble(TroubleKind.FRAME_BAD, q.command.name, detail)
