"""Modbus over TCP and RTU as two dialects: pymodbus's framers and PDUs build and undo the frames, every field of a reply is compared with its request.
It is the product's only import of pymodbus, and knows neither registers nor devices."""

from __future__ import annotations

import logging
import struct
from typing import Final

import msgspec
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.pdu.bit_message import ReadCoilsRequest, WriteSingleCoilRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard

# pymodbus logs what a peer did wrong to stderr, in the middle of a tick.
logging.getLogger("pymodbus.logging").setLevel(100)

READ_COILS: Final = 1
READ_INPUTS: Final = 2
READ: Final = 3
WRITE_COIL: Final = 5
WRITE_ONE: Final = 6
WRITE_COILS: Final = 15
WRITE: Final = 16
READ_WRITE: Final = 23
TCP_HEADER_B: Final = 7
TCP_LONGEST: Final = 254
"""Unit, function and data: the largest length field of a Modbus TCP header."""
FENCE_MOST: Final = 26

EXCEPTIONS: Final = {
    1: "function not supported",
    2: "no such register",
    3: "value refused",
    4: "device failure",
    5: "accepted, still working",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path not available",
    11: "gateway target silent",
}
_BUSY: Final = (5, 6)
_HEAD_BITS: Final = struct.Struct(">BHH")
_HEAD_23: Final = struct.Struct(">BHHHHB")
_HEADER: Final = struct.Struct(">HHHB")
_BITS: Final = (READ_COILS, READ_INPUTS)
_READS: Final = (READ, READ_WRITE, READ_COILS, READ_INPUTS)
_ECHOED: Final = (WRITE_COIL, WRITE_ONE)
"""Writes whose good reply is the request again, byte for byte."""


class Question(msgspec.Struct, frozen=True, gc=False):
    """One request: the function, what it reads (`read_at`, `count` registers or bits) and what it writes (`write_at`, the registers' bytes, high byte first;
    of a coil FF00 or 0000; of `count` coils eight to a byte, the first in the lowest place)."""

    function: int
    name: str
    read_at: int = 0
    count: int = 0
    write_at: int = 0
    data: bytes = b""


class Registers(msgspec.Struct, frozen=True, gc=False):
    """The answer: the bytes as they came, of registers high byte first, of bits eight to a byte from bit 0 on; empty for a write."""

    data: bytes


def read(name: str, at: int, count: int) -> Question:
    return Question(READ, name, read_at=at, count=count)


def read_coils(name: str, at: int, count: int) -> Question:
    return Question(READ_COILS, name, read_at=at, count=count)


def read_inputs(name: str, at: int, count: int) -> Question:
    return Question(READ_INPUTS, name, read_at=at, count=count)


def write_coils(name: str, at: int, bits: int, count: int) -> Question:
    """FC15: `count` coils from `at` on, the first in the lowest bit of `bits`."""
    return Question(WRITE_COILS, name, count=count, write_at=at, data=bits.to_bytes((count + 7) // 8, "little"))


def write_coil(name: str, at: int, up: bool) -> Question:
    return Question(WRITE_COIL, name, write_at=at, data=b"\xff\0" if up else b"\0\0")


def write_one(name: str, at: int, value: int) -> Question:
    return Question(WRITE_ONE, name, write_at=at, data=value.to_bytes(2, "big"))


def write(name: str, at: int, data: bytes) -> Question:
    return Question(WRITE, name, write_at=at, data=data)


def read_write(name: str, write_at: int, data: bytes, read_at: int, count: int) -> Question:
    """FC23: the write is done first, then the read, in one transaction."""
    return Question(READ_WRITE, name, read_at=read_at, count=count, write_at=write_at, data=data)


def pdu_bytes(q: Question) -> bytes:
    """The request's function code and data. Those that are sent each tick are packed here, the others by pymodbus's classes."""
    if q.function == READ_WRITE:
        return _HEAD_23.pack(READ_WRITE, q.read_at, q.count, q.write_at, len(q.data) // 2, len(q.data)) + q.data
    if q.function == READ_INPUTS:
        return _HEAD_BITS.pack(READ_INPUTS, q.read_at, q.count)
    if q.function == WRITE_COILS:
        return _HEAD_BITS.pack(WRITE_COILS, q.write_at, q.count) + bytes((len(q.data),)) + q.data
    if q.function == READ:
        return bytes((READ,)) + ReadHoldingRegistersRequest(address=q.read_at, count=q.count).encode()
    if q.function == READ_COILS:
        return bytes((READ_COILS,)) + ReadCoilsRequest(address=q.read_at, count=q.count).encode()
    if q.function == WRITE_COIL:
        return bytes((WRITE_COIL,)) + WriteSingleCoilRequest(address=q.write_at, bits=[any(q.data)]).encode()
    words = struct.unpack(f">{len(q.data) // 2}H", q.data)
    if q.function == WRITE_ONE:
        return bytes((WRITE_ONE,)) + WriteSingleRegisterRequest(address=q.write_at, registers=words).encode()
    return bytes((WRITE,)) + WriteMultipleRegistersRequest(address=q.write_at, registers=words).encode()


def answer_of(pdu: bytes, q: Question) -> Registers | Trouble:
    """What a reply's function code and data say to this request; FRAME_BAD unless function, byte count, address and count are the request's."""
    if not pdu:
        return _bad(q, "empty reply")
    if pdu[0] == q.function | 0x80:
        return _refused(pdu, q)
    if pdu[0] != q.function:
        return _bad(q, f"function {pdu[0]} instead of {q.function}")
    if q.function in _READS:
        size = _data_bytes(q)
        if len(pdu) != 2 + size or pdu[1] != size:
            return _bad(q, f"{len(pdu) - 2} bytes instead of {size}")
        if q.function in _BITS and int.from_bytes(pdu[2:], "little") >> q.count:
            return _bad(q, f"more than {q.count} coils are up")
        return Registers(pdu[2:])
    if q.function == WRITE_COIL:
        # pymodbus takes any value but 0 for "up"; only the request's own bytes acknowledge it.
        return Registers(b"") if pdu == pdu_bytes(q) else _bad(q, "another write is acknowledged")
    if q.function == WRITE_COILS:
        same = pdu == _HEAD_BITS.pack(WRITE_COILS, q.write_at, q.count)
        return Registers(b"") if same else _bad(q, "another write is acknowledged")
    return _written(pdu, q)


def _data_bytes(q: Question) -> int:
    """How many bytes of data a read's good reply has."""
    return (q.count + 7) // 8 if q.function in _BITS else 2 * q.count


def _refused(pdu: bytes, q: Question) -> Trouble:
    if len(pdu) != 2:
        return _bad(q, "exception of a wrong length")
    told = ExceptionResponse(q.function)
    told.decode(pdu[1:])
    code = told.exception_code
    kind = TroubleKind.BUSY if code in _BUSY else TroubleKind.REFUSED
    return Trouble(kind, q.name, f"exception {code}: {EXCEPTIONS.get(code, 'unknown')}")


def _written(pdu: bytes, q: Question) -> Registers | Trouble:
    if len(pdu) != 5:
        return _bad(q, "write acknowledged with a wrong length")
    try:
        if q.function == WRITE_ONE:
            one = WriteSingleRegisterResponse()
            one.decode(pdu[1:])
            same = one.address == q.write_at and list(one.registers) == [int.from_bytes(q.data, "big")]
        else:
            many = WriteMultipleRegistersResponse()
            many.decode(pdu[1:])
            same = many.address == q.write_at and many.count == len(q.data) // 2
    except (ModbusException, struct.error) as why:
        return _bad(q, str(why))
    return Registers(b"") if same else _bad(q, "another write is acknowledged")


def _bad(q: Question, detail: str) -> Trouble:
    return Trouble(TroubleKind.FRAME_BAD, q.name, detail)


class TcpDialect:
    """Modbus TCP. Replies carry the number of their request, so late ones are known and dropped; a header that makes no sense ends the connection.

    Its header of seven bytes is packed here: it is written and read each tick."""

    off_preempts = True
    resync = False

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._tid = 0

    def encode(self, q: Question) -> bytes:
        # 0 is never used: pymodbus, and servers built on it, take it for "any".
        self._tid = self._tid % 0xFFFF + 1
        pdu = pdu_bytes(q)
        return _HEADER.pack(self._tid, 0, len(pdu) + 1, self._unit) + pdu

    def take(self, buf: bytearray, q: Question, abandoned: Question | None) -> Registers | Trouble | Heard | None:  # noqa: ARG002
        if len(buf) < TCP_HEADER_B:
            return None
        tid, protocol, length, unit = _HEADER.unpack_from(buf)
        if protocol != 0 or not 2 < length <= TCP_LONGEST:
            return Trouble(TroubleKind.GONE, q.name, f"out of step: protocol {protocol}, length {length}")
        if len(buf) < 6 + length:
            return None
        frame = bytes(buf[: 6 + length])
        del buf[: 6 + length]
        if tid != self._tid:
            return Heard.STRAY
        if unit != self._unit:
            return _bad(q, f"unit {unit} instead of {self._unit}")
        return answer_of(frame[TCP_HEADER_B:], q)

    def fence(self, k: int) -> Question:
        return read("fence", 0, 2 + k % FENCE_MOST)

    def name(self, q: Question) -> str:
        return q.name


class RtuDialect:
    """Modbus RTU. Replies say nothing of their request, so exactly the bytes that the request fixes are taken, and anything more is not believed."""

    off_preempts = False
    resync = True

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._framer = FramerRTU(DecodePDU(False))
        self._request = b""

    def encode(self, q: Question) -> bytes:
        self._request = self._framer.encode(pdu_bytes(q), self._unit, 0)
        return self._request

    def take(self, buf: bytearray, q: Question, abandoned: Question | None) -> Registers | Trouble | Heard | None:  # noqa: ARG002
        # A half-duplex line may give the request back; that of FC5 and FC6 cannot be told from its reply and is taken for it.
        if q.function not in _ECHOED and buf.startswith(self._request):
            del buf[: len(self._request)]
            return Heard.STRAY
        if len(buf) < 2:
            return None
        if buf[0] != self._unit:
            return _bad(q, f"unit {buf[0]} instead of {self._unit}")
        if q.function not in _ECHOED and self._request.startswith(buf):
            return None
        need = self._length(buf[1], q)
        if need is None:
            return _bad(q, f"function {buf[1]} instead of {q.function}")
        if len(buf) < need:
            return None
        frame = bytes(buf[:need])
        del buf[:need]
        pdu = self._framer.decode(frame)[3]
        return answer_of(pdu, q) if pdu and len(pdu) == need - 3 else _bad(q, "wrong checksum")

    def fence(self, k: int) -> Question:
        return read("fence", 0, 2 + k % FENCE_MOST)

    def name(self, q: Question) -> str:
        return q.name

    @staticmethod
    def _length(function: int, q: Question) -> int | None:
        if function == q.function | 0x80:
            return 5
        if function != q.function:
            return None
        return 5 + _data_bytes(q) if function in _READS else 8


def request_bytes(q: Question, packets: bool) -> int:
    """Length of the request on the wire, for the poll plan."""
    return len(pdu_bytes(q)) + (TCP_HEADER_B if packets else 3)


def reply_bytes(q: Question, packets: bool) -> int:
    """Length of its good reply on the wire, for the poll plan."""
    body = 2 + _data_bytes(q) if q.function in _READS else 5
    return body + (TCP_HEADER_B if packets else 3)
