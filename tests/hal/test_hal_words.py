"""What passed on the safety unit's wire in words: each verb and block by name, refusals in words, damage said, and no bytes that raise."""

from __future__ import annotations

import struct
import zlib

import pytest
from hal_scripted import crc16
from hypothesis import given
from hypothesis import strategies as st

from hal.registry import safety_unit
from hal.safety_units.kerma_words import decode


def tcp(pdu: str, number: int = 7, unit: int = 1) -> bytes:
    """By hand: transaction, protocol 0, length, unit, PDU."""
    body = bytes.fromhex(pdu)
    return struct.pack(">HHHB", number, 0, len(body) + 1, unit) + body


def rtu(pdu: str, unit: int = 1) -> bytes:
    body = bytes([unit]) + bytes.fromhex(pdu)
    return body + crc16(body)


STATUS = struct.pack(
    ">3I6H4B4I2H2I2H",
    70_000, 4711, 0xDEADBEEF, 0x8787, 0, 3, 0x27, 0x27, 0x51, 5, 5, 3, 3, 1234, 55, 56, 10, 0xC0, 190, 12, 0xAABBCCDD, 4, 70_000 & 0xFFFF,
)  # fmt: skip
STATUS += zlib.crc32(STATUS).to_bytes(4, "big")


@pytest.mark.parametrize("wrap", [tcp, rtu], ids=["tcp", "rtu"])
@pytest.mark.parametrize(
    ("pdu", "words"),
    [
        ("17 0100 0020 0200 0008 10 00001267 deadbeef 0000000c 00c8 5aa5", "renew token 12 seq 4711 lease 200 ms challenge deadbeef"),
        ("17 0100 0020 0200 0008 10 00001267 00000000 00000000 0000 0000", "status? seq 4711"),
        ("06 0210 0001", "DISARM"),
        ("03 0000 001e", "read identity (30 registers)"),
        ("03 0000 000a", "fence: read 10 registers at 0000"),
        ("03 0120 0020", "read slow (32 registers)"),
        ("10 031c 0002 04 12345678", "commit crc 12345678"),
        ("10 0320 0008 10 0000000c aabbccdd deadbeef 01020304", "ARM token 12 crc aabbccdd challenge deadbeef mac 01020304"),
        ("10 0328 0008 10 0000000c 52530000 deadbeef 01020304", "RESET token 12 challenge deadbeef mac 01020304"),
        ("10 0334 0002 04 0009554c", "unlatch code 9"),
        ("10 0330 0001 02 0003", "test 3"),
    ],
)  # fmt: skip
def test_what_the_host_asks_is_said_by_name(wrap: object, pdu: str, words: str) -> None:
    data = wrap(pdu)  # type: ignore[operator]
    assert decode(True, data) == ("#7 " if wrap is tcp else "") + words


def test_the_classic_frame_of_the_serial_specification() -> None:
    """01 03 00 00 00 0A C5 CD stands in every primer of Modbus RTU."""
    assert decode(True, bytes.fromhex("0103 0000 000a c5cd")) == "fence: read 10 registers at 0000"


@pytest.mark.parametrize("wrap", [tcp, rtu], ids=["tcp", "rtu"])
def test_a_status_is_said_with_its_state_and_contacts(wrap: object) -> None:
    words = decode(False, wrap("1740" + STATUS.hex()))  # type: ignore[operator]
    assert "status RUN seq 4711 scan 70000 token 12 lease 190 ms, beam 1234 ms, counts 55 and 56" in words
    assert "closed: ESTOP DOOR KEY_TREAT SWITCH" in words
    assert "K1_COMMAND HV_SEEN READY_LAMP_OK" in words
    assert "(B:" not in words


def test_a_status_that_does_not_hold_says_so() -> None:
    broken = bytearray(STATUS)
    broken[3] ^= 1
    assert "status that does not hold: CRC" in decode(False, tcp("1740" + bytes(broken).hex()))


@pytest.mark.parametrize("wrap", [tcp, rtu], ids=["tcp", "rtu"])
def test_refusals_and_acknowledgements_in_words(wrap: object) -> None:
    number = "#7 " if wrap is tcp else ""
    assert decode(False, wrap("97 03")) == f"{number}refuses write and read: exception 3, value refused"  # type: ignore[operator]
    assert decode(False, wrap("90 02")) == f"{number}refuses write: exception 2, no such register"  # type: ignore[operator]
    assert decode(False, wrap("06 0210 0001")) == f"{number}disarm accepted"  # type: ignore[operator]
    assert decode(False, wrap("10 0320 0008")) == f"{number}arm accepted"  # type: ignore[operator]


def test_damage_is_said() -> None:
    good = rtu("03 0120 0020")
    assert decode(True, good[:-1] + bytes([good[-1] ^ 1])).endswith("BAD CHECKSUM")
    assert "part of a frame" in decode(True, good[:5])
    assert "bytes short" in decode(False, tcp("1740" + STATUS.hex())[:-3])


def test_two_frames_of_one_piece_are_two() -> None:
    assert decode(False, tcp("06 0210 0001") + tcp("90 02", number=8)).count(";") == 1
    assert decode(False, rtu("06 0210 0001") + rtu("90 02")).count(";") == 1


@given(st.booleans(), st.binary(max_size=300))
def test_no_bytes_raise(sent: bool, data: bytes) -> None:
    assert isinstance(decode(sent, data), str)


@given(st.booleans(), st.binary(max_size=260))
def test_no_block_under_a_right_envelope_raises(sent: bool, body: bytes) -> None:
    assert isinstance(decode(sent, rtu(body.hex())), str)
    assert isinstance(decode(sent, tcp(body[:250].hex())), str)


def test_the_driver_offers_it() -> None:
    assert safety_unit("kerma-unit").decode is decode
