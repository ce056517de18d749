"""Modbus frames in words, for people who read a wire log: split from what was sent or heard, TCP and RTU told apart by what holds.
It knows functions, exceptions and checksums; what registers mean is for the driver that names them, and nothing here is ever believed by a driver."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

import msgspec

from hal.modbus import EXCEPTIONS, READ, READ_WRITE, TCP_LONGEST, WRITE, WRITE_ONE

WRITE_COIL: Final = 5
READ_COILS: Final = 1
NAMES: Final = {
    READ_COILS: "read coils", 2: "read inputs", READ: "read", 4: "read input registers", WRITE_COIL: "write coil", WRITE_ONE: "write one",
    15: "write coils", WRITE: "write", READ_WRITE: "write and read",
}  # fmt: skip
_HEADER: Final = struct.Struct(">HHHB")
_ADDRESSES: Final = struct.Struct(">HH")
_FC23: Final = struct.Struct(">HHHHB")


class Adu(msgspec.Struct, frozen=True):
    """One frame: its unit, function code and data, the transaction's number (None on RTU), and what does not hold of its envelope."""

    unit: int
    pdu: bytes
    number: int | None = None
    wrong: str = ""


class Telling(msgspec.Struct, frozen=True):
    """A driver's words: of a request (function, read address, read count, write address, the bytes written) and of a reply (function, its data)."""

    request: Callable[[int, int, int, int, bytes], str]
    reply: Callable[[int, bytes], str]


def words(telling: Telling, sent: bool, data: bytes) -> str:
    """A piece of the wire log in words. Never raises."""
    return "; ".join(_adu_words(telling, sent, adu) for adu in split(sent, data)) or "nothing"


def split(sent: bool, data: bytes) -> list[Adu]:
    """The frames in a piece of the wire log; bytes that make none are one of their own, with words on what is wrong."""
    serial = _rtu(sent, data)
    if not any(adu.wrong for adu in serial):
        return serial
    packets = _tcp(data)
    return packets if packets is not None else serial


def crc16(data: bytes) -> int:
    """The RTU checksum (Modbus over serial line 1.02, 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def _tcp(data: bytes) -> list[Adu] | None:
    """None unless the first header is one of Modbus TCP."""
    found: list[Adu] = []
    while len(data) >= _HEADER.size:
        number, protocol, length, unit = _HEADER.unpack_from(data)
        if protocol or not 2 <= length <= TCP_LONGEST:
            break
        pdu = data[_HEADER.size : 6 + length]
        short = length - 1 - len(pdu)
        found.append(Adu(unit, pdu, number, f"{short} bytes short" if short else ""))
        data = data[6 + length :]
    if not found:
        return None
    return [*found, _part(data)] if data else found


def _rtu(sent: bool, data: bytes) -> list[Adu]:
    found: list[Adu] = []
    while data:
        length = _rtu_length(sent, data)
        frame = data if length is None or length > len(data) else data[:length]
        if len(frame) < 4 or crc16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            whole = length is not None and len(frame) == length and len(frame) >= 4
            found.append(Adu(frame[0], frame[1:-2], None, "BAD CHECKSUM") if whole else _part(frame))
        else:
            found.append(Adu(frame[0], frame[1:-2]))
        data = data[len(frame) :]
    return found


def _rtu_length(sent: bool, data: bytes) -> int | None:
    """How long the frame at the head is by its own word; None where it has none."""
    if len(data) < 2:
        return None
    function = data[1]
    if function & 0x80:
        return 5
    if not sent and function in (READ_COILS, 2, READ, 4, READ_WRITE):
        return 5 + data[2] if len(data) > 2 else None
    if sent and function in (15, WRITE):
        return 9 + data[6] if len(data) > 6 else None
    if sent and function == READ_WRITE:
        return 13 + data[10] if len(data) > 10 else None
    return 8 if function in NAMES else None


def _part(data: bytes) -> Adu:
    return Adu(0, b"", None, f"part of a frame {data.hex(' ')}")


def _adu_words(telling: Telling, sent: bool, adu: Adu) -> str:
    if not adu.pdu:
        return adu.wrong or "an empty frame"
    number = "" if adu.number is None else f"#{adu.number} "
    wrong = f" {adu.wrong}" if adu.wrong else ""
    try:
        said = _request(telling, adu.pdu) if sent else _reply(telling, adu.pdu)
    except (struct.error, IndexError, ValueError, UnicodeError):
        said = f"function {adu.pdu[0]} with {len(adu.pdu) - 1} bytes that it does not have"
    return f"{number}{said}{wrong}"


def _request(telling: Telling, pdu: bytes) -> str:
    function = pdu[0]
    if function == READ_WRITE:
        read_at, count, write_at, _, length = _FC23.unpack_from(pdu, 1)
        return telling.request(function, read_at, count, write_at, pdu[10 : 10 + length])
    at, value = _ADDRESSES.unpack_from(pdu, 1)
    if function in (WRITE, 15):
        return telling.request(function, 0, 0, at, pdu[6:])
    if function in (WRITE_ONE, WRITE_COIL):
        return telling.request(function, 0, 0, at, pdu[3:5])
    if function not in NAMES:
        return f"function {function}"
    return telling.request(function, at, value, 0, b"")


def _reply(telling: Telling, pdu: bytes) -> str:
    function = pdu[0]
    if function & 0x80:
        code = pdu[1]
        return f"refuses {NAMES.get(function & 0x7F, f'function {function & 0x7F}')}: exception {code}, {EXCEPTIONS.get(code, 'unknown')}"
    if function in (READ_COILS, 2, READ, 4, READ_WRITE):
        return telling.reply(function, pdu[2 : 2 + pdu[1]])
    return telling.reply(function, pdu[1:])
