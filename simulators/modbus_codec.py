"""Modbus as the simulated devices speak it: PDUs of registers and of bits, their exceptions, CRC-16, and the frames of TCP and RTU.
It knows bytes only: no socket, no clock, no register's meaning; every length is capped and nothing here raises on any input."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, Protocol

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
DEVICE_FAILURE: Final = 4

BITS_WRITE_MAX: Final = 1968
READ_MAX: Final = 125
WRITE_MAX: Final = 123
PDU_MAX: Final = 253
RTU_MAX: Final = 256
MBAP_BYTES: Final = 7

DISARM_ADDRESS: Final = 0x0210
FC23_WRITE: Final = (0x0200, 8)
FC23_READ: Final = (0x0100, 32)

Read = Callable[[int, int], bytes | None]
Write = Callable[[int, bytes], int]
ReadBits = Callable[[int, int], list[bool] | None]
WriteBit = Callable[[int, bool], int]

BITS_MAX: Final = 2000
UP, DOWN = 0xFF00, 0x0000


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


def crc16(data: bytes | bytearray) -> int:
    """The RTU checksum (polynomial A001 reflected, start FFFF); sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc


def exception(function: int, code: int) -> bytes:
    """The PDU that refuses a request."""
    return bytes((function | 0x80, code))


def answer(pdu: bytes, read: Read, write: Write) -> bytes:
    """The reply PDU to a request PDU of 1 .. 253 bytes. read(address, words) gives bytes or None; write(address, bytes) gives 0 or an exception code."""
    function = pdu[0]
    if function == 3:
        return read_registers(pdu, read)
    if function == 6:
        return _write_single(pdu, write)
    if function == 16:
        return _write_block(pdu, write)
    if function == 23:
        return _read_write(pdu, read, write)
    return exception(function & 0x7F, ILLEGAL_FUNCTION)


class Io(Protocol):
    """Bought I/O by its four tables. Reads give a value or None (no such address), writes 0 or an exception code; bits: the first in the lowest place."""

    def coils(self, address: int, count: int) -> int | None: ...

    def inputs(self, address: int, count: int) -> int | None: ...

    def registers(self, address: int, words: int) -> bytes | None: ...

    def put_coils(self, address: int, count: int, bits: int) -> int: ...

    def put_registers(self, address: int, data: bytes) -> int: ...


def io_answer(pdu: bytes, io: Io) -> bytes:
    """The reply PDU of a device with bits and registers: FC1, 2, 3, 5, 6, 15, 16, 23."""
    function = pdu[0]
    if function in (1, 2):
        return read_bits(pdu, _listed(io.coils if function == 1 else io.inputs))
    if function == 3:
        return read_registers(pdu, io.registers)
    if function == 5:
        return write_bit(pdu, lambda address, up: io.put_coils(address, 1, int(up)))
    if function == 6:
        if len(pdu) != 5:
            return exception(6, ILLEGAL_VALUE)
        code = io.put_registers(int.from_bytes(pdu[1:3], "big"), pdu[3:5])
        return exception(6, code) if code else pdu
    if function == 15:
        return _write_bits(pdu, io)
    if function == 16:
        return _write_block(pdu, io.put_registers)
    if function == 23:
        return _exchange(pdu, io)
    return exception(function & 0x7F, ILLEGAL_FUNCTION)


def _listed(read: Callable[[int, int], int | None]) -> ReadBits:
    """A table that gives its bits in one number, as a list."""

    def bits_of(address: int, count: int) -> list[bool] | None:
        bits = read(address, count)
        return None if bits is None else [bool(bits >> place & 1) for place in range(count)]

    return bits_of


def _write_bits(pdu: bytes, io: Io) -> bytes:
    if len(pdu) < 7:
        return exception(15, ILLEGAL_VALUE)
    address, count, size = struct.unpack_from(">HHB", pdu, 1)
    if not 1 <= count <= BITS_WRITE_MAX or size != (count + 7) // 8 or len(pdu) != 6 + size:
        return exception(15, ILLEGAL_VALUE)
    bits = int.from_bytes(pdu[6:], "little") & (1 << count) - 1
    code = io.put_coils(address, count, bits)
    return exception(15, code) if code else pdu[:5]


def _exchange(pdu: bytes, io: Io) -> bytes:
    """FC23 anywhere: the write is executed first; a refused write reads nothing."""
    if len(pdu) < 10:
        return exception(23, ILLEGAL_VALUE)
    read_at, read_words, write_at, write_words, size = struct.unpack_from(">HHHHB", pdu, 1)
    fits = 1 <= read_words <= READ_MAX and 1 <= write_words <= 121 and size == 2 * write_words
    if not fits or len(pdu) != 10 + size:
        return exception(23, ILLEGAL_VALUE)
    code = io.put_registers(write_at, pdu[10:])
    if code:
        return exception(23, code)
    data = io.registers(read_at, read_words)
    return exception(23, ILLEGAL_ADDRESS) if data is None else bytes((23, len(data))) + data


def read_registers(pdu: bytes, read: Read) -> bytes:
    """FC3: read(address, words) gives bytes or None."""
    if len(pdu) != 5:
        return exception(3, ILLEGAL_VALUE)
    address, words = struct.unpack_from(">HH", pdu, 1)
    if not 1 <= words <= READ_MAX:
        return exception(3, ILLEGAL_VALUE)
    data = read(address, words)
    return exception(3, ILLEGAL_ADDRESS) if data is None else bytes((3, len(data))) + data


def read_bits(pdu: bytes, read: ReadBits) -> bytes:
    """FC1 and FC2: read(address, count) gives the bits or None; the first is bit 0 of the first byte, spare bits are 0."""
    function = pdu[0]
    if len(pdu) != 5:
        return exception(function, ILLEGAL_VALUE)
    address, count = struct.unpack_from(">HH", pdu, 1)
    if not 1 <= count <= BITS_MAX:
        return exception(function, ILLEGAL_VALUE)
    bits = read(address, count)
    if bits is None:
        return exception(function, ILLEGAL_ADDRESS)
    data = bytearray((count + 7) // 8)
    for place, up in enumerate(bits):
        data[place // 8] |= up << place % 8
    return bytes((function, len(data))) + data


def write_bit(pdu: bytes, write: WriteBit) -> bytes:
    """FC5: FF00 is up, 0000 down, nothing else is a value; write(address, up) gives 0 or an exception code."""
    if len(pdu) != 5:
        return exception(5, ILLEGAL_VALUE)
    address, value = struct.unpack_from(">HH", pdu, 1)
    if value not in (UP, DOWN):
        return exception(5, ILLEGAL_VALUE)
    code = write(address, value == UP)
    return exception(5, code) if code else pdu


def _write_single(pdu: bytes, write: Write) -> bytes:
    if len(pdu) != 5:
        return exception(6, ILLEGAL_VALUE)
    if struct.unpack_from(">H", pdu, 1)[0] != DISARM_ADDRESS:
        return exception(6, ILLEGAL_ADDRESS)
    code = write(DISARM_ADDRESS, pdu[3:5])
    return exception(6, code) if code else pdu


def _write_block(pdu: bytes, write: Write) -> bytes:
    if len(pdu) < 6:
        return exception(16, ILLEGAL_VALUE)
    address, words, size = struct.unpack_from(">HHB", pdu, 1)
    if not 1 <= words <= WRITE_MAX or size != words * 2 or len(pdu) != 6 + size:
        return exception(16, ILLEGAL_VALUE)
    code = write(address, pdu[6:])
    return exception(16, code) if code else pdu[:5]


def _read_write(pdu: bytes, read: Read, write: Write) -> bytes:
    """The write is executed first; a refused write reads nothing."""
    if len(pdu) < 10:
        return exception(23, ILLEGAL_VALUE)
    read_at, read_words, write_at, write_words, size = struct.unpack_from(">HHHHB", pdu, 1)
    if (
        not 1 <= read_words <= READ_MAX
        or not 1 <= write_words <= 121
        or size != write_words * 2
        or len(pdu) != 10 + size
    ):
        return exception(23, ILLEGAL_VALUE)
    if (read_at, read_words) != FC23_READ or (write_at, write_words) != FC23_WRITE:
        return exception(23, ILLEGAL_ADDRESS)
    code = write(write_at, pdu[10:])
    if code:
        return exception(23, code)
    data = read(read_at, read_words)
    return exception(23, ILLEGAL_ADDRESS) if data is None else bytes((23, len(data))) + data


def take_tcp(buffer: bytearray) -> tuple[bytes, bytes] | bool | None:
    """Eat one MBAP frame off the front: (header without length, PDU); None while more bytes are needed; False if the stream is out of step (close it)."""
    if len(buffer) < MBAP_BYTES:
        return None
    protocol, length = struct.unpack_from(">HH", buffer, 2)
    if protocol != 0 or not 2 <= length <= PDU_MAX + 1:
        return False
    end = 6 + length
    if len(buffer) < end:
        return None
    header, pdu = bytes(buffer[:7]), bytes(buffer[7:end])
    del buffer[:end]
    return header, pdu


def tcp_frame(header: bytes, pdu: bytes) -> bytes:
    """A reply under the request's transaction and unit id."""
    return header[:4] + (len(pdu) + 1).to_bytes(2, "big") + header[6:7] + pdu


def rtu_request_length(buffer: bytes | bytearray) -> int:
    """How long the RTU request at the front is, CRC included; 0 if that cannot be told yet; -1 if only the silence after it can tell."""
    if len(buffer) < 2:
        return 0
    function = buffer[1]
    if 1 <= function <= 6:
        return 8
    if function in (15, 16):
        return 0 if len(buffer) < 7 else 9 + buffer[6]
    if function == 23:
        return 0 if len(buffer) < 11 else 13 + buffer[10]
    return -1


def rtu_whole(frame: bytes | bytearray) -> bool:
    """Whether a frame's length is legal and its last two bytes are its CRC-16."""
    return 4 <= len(frame) <= RTU_MAX and crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")


def rtu_frame(unit_id: int, pdu: bytes) -> bytes:
    """A reply with unit id and CRC-16."""
    body = bytes((unit_id,)) + pdu
    return body + crc16(body).to_bytes(2, "little")
