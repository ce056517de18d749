"""Modbus over TCP and RTU: only the bytes that a request fixes are an answer to it; every case that pymodbus's framers let through is tried."""

from __future__ import annotations

import itertools
import logging
import struct

import pytest
from hal_scripted import crc16
from hypothesis import given
from hypothesis import strategies as st

from hal import modbus
from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard
from hal.modbus import Question, Registers, RtuDialect, TcpDialect, read, read_write, write, write_one

STATUS = read_write("status", 0x200, bytes(16), 0x100, 4)
FEW = read("few", 0, 4)


def rtu(body: str) -> bytes:
    data = bytes.fromhex(body)
    return data + crc16(data)


def tcp(tid: int, body: str, protocol: int = 0) -> bytes:
    data = bytes.fromhex(body)
    return struct.pack(">HHH", tid, protocol, len(data)) + data


def hear_rtu(data: bytes, q: Question = FEW) -> Registers | Trouble | Heard | None:
    made = RtuDialect(1)
    made.encode(q)
    return made.take(bytearray(data), q, None)


def hear_tcp(data: bytes, q: Question = FEW) -> Registers | Trouble | Heard | None:
    made = TcpDialect(1)
    made.encode(q)
    return made.take(bytearray(data), q, None)


def bad(heard: object, kind: TroubleKind = TroubleKind.FRAME_BAD) -> bool:
    return isinstance(heard, Trouble) and heard.kind is kind


def test_requests_are_the_specifications_bytes() -> None:
    """MODBUS Application Protocol 1.1b3, 6.3, 6.6, 6.12, 6.17: the fields by hand."""
    made = TcpDialect(1)
    assert made.encode(FEW) == bytes.fromhex("0001 0000 0006 01 03 0000 0004")
    assert made.encode(write_one("disarm", 0x210, 1)) == bytes.fromhex("0002 0000 0006 01 06 0210 0001")
    assert made.encode(write("commit", 0x31C, b"\xde\xad\xbe\xef")) == bytes.fromhex(
        "0003 0000 000B 01 10 031C 0002 04 DEADBEEF"
    )
    assert made.encode(STATUS) == bytes.fromhex("0004 0000 001B 01 17 0100 0004 0200 0008 10") + bytes(16)
    assert RtuDialect(1).encode(read("one", 0, 10)) == bytes.fromhex("01 03 0000 000A C5 CD")


def test_transaction_numbers_run_from_1_to_65535_and_round() -> None:
    made = TcpDialect(1)
    seen = {int.from_bytes(made.encode(FEW)[:2], "big") for _ in range(65535)}
    assert seen == set(range(1, 65536))
    assert made.encode(FEW)[:2] == b"\0\1"


@pytest.mark.parametrize("pdu", ["83", "83 02 00", "83 02 02 02"])
def test_an_exception_of_another_length_is_no_refusal(pdu: str) -> None:
    """M1: a code with bytes behind it, or none, is damage; taken for an exception it would say that the device had understood."""
    made, body = TcpDialect(1), bytes.fromhex("01" + pdu)
    sent = made.encode(FEW)
    got = made.take(bytearray(sent[:4] + len(body).to_bytes(2, "big") + body), FEW, None)
    assert isinstance(got, Trouble) and got.kind in (TroubleKind.FRAME_BAD, TroubleKind.GONE)


GOOD = "01 03 08 0001 0002 0003 0004"


def test_a_reply_is_taken_at_every_split() -> None:
    for data, dialect in ((rtu(GOOD), RtuDialect(1)), (tcp(1, GOOD), TcpDialect(1))):
        for cut in range(1, len(data)):
            made = type(dialect)(1)
            made.encode(FEW)
            buf = bytearray(data[:cut])
            assert made.take(buf, FEW, None) is None, cut
            buf += data[cut:]
            assert made.take(buf, FEW, None) == Registers(bytes.fromhex("0001 0002 0003 0004"))
            assert not buf


@pytest.mark.parametrize(
    "data",
    [
        rtu("02 03 08 0001 0002 0003 0004"),
        rtu("01 04 08 0001 0002 0003 0004"),
        rtu("01 03 06 0001 0002 0003") + b"\0\0",
        rtu("01 03 07 0001 0002 0003 00") + b"\0",
        rtu(GOOD)[:-1] + b"\0",
        b"\xff" + rtu(GOOD),
        bytes.fromhex("0003ff"),
        rtu("01 63 08 0001 0002 0003 0004"),
    ],
    ids=[
        "unit",
        "function",
        "fewer registers",
        "odd byte count",
        "checksum",
        "noise before",
        "noise",
        "unknown function",
    ],
)
def test_rtu_damage_is_a_bad_frame(data: bytes) -> None:
    assert bad(hear_rtu(data))


def test_rtu_takes_no_more_than_the_request_fixes() -> None:
    """Two frames joined: the rest stays in the buffer, and the exchange does not believe the first either."""
    made, buf = RtuDialect(1), bytearray(rtu(GOOD) + rtu("01 03 08 0009 0009 0009 0009"))
    made.encode(FEW)
    assert isinstance(made.take(buf, FEW, None), Registers)
    assert len(buf) == 13


def test_rtu_drops_its_own_echo() -> None:
    made = RtuDialect(1)
    buf = bytearray(made.encode(FEW)) + rtu(GOOD)
    assert made.take(buf, FEW, None) is Heard.STRAY
    assert isinstance(made.take(buf, FEW, None), Registers)


@pytest.mark.parametrize("code", [1, 2, 3, 4, 8, 10, 11, 99])
def test_exceptions_are_refusals(code: int) -> None:
    for heard in (hear_rtu(rtu(f"01 83 {code:02x}")), hear_tcp(tcp(1, f"01 83 {code:02x}"))):
        assert bad(heard, TroubleKind.REFUSED)
        assert isinstance(heard, Trouble)
        assert f"exception {code}" in heard.detail


@pytest.mark.parametrize("code", [5, 6])
def test_busy_is_busy(code: int) -> None:
    assert bad(hear_tcp(tcp(1, f"01 83 {code:02x}")), TroubleKind.BUSY)


@pytest.mark.parametrize("tid", [0, 2, 65535])
def test_tcp_replies_of_other_numbers_are_strays(tid: int) -> None:
    """pymodbus lets 0 through; a late reply has an older number."""
    assert hear_tcp(tcp(tid, GOOD)) is Heard.STRAY


def test_tcp_out_of_step_hangs_up() -> None:
    assert bad(hear_tcp(tcp(1, GOOD, protocol=7)), TroubleKind.GONE)
    assert bad(hear_tcp(struct.pack(">HHHB", 1, 0, 65535, 1)), TroubleKind.GONE)
    assert bad(hear_tcp(struct.pack(">HHHB", 1, 0, 1, 1)), TroubleKind.GONE)


@pytest.mark.parametrize(
    "body",
    [
        "02 03 08 0001 0002 0003 0004",
        "01 04 08 0001 0002 0003 0004",
        "01 03 0A 0001 0002 0003 0004",
        "01 03 06 0001 0002 0003",
    ],
)
def test_tcp_checks_unit_function_and_byte_count(body: str) -> None:
    assert bad(hear_tcp(tcp(1, body)))


@pytest.mark.parametrize(
    ("q", "good", "wrong"),
    [
        (write_one("disarm", 0x210, 1), "01 06 0210 0001", "01 06 0210 0002"),
        (write_one("disarm", 0x210, 1), "01 06 0210 0001", "01 06 0211 0001"),
        (write("commit", 0x31C, bytes(4)), "01 10 031C 0002", "01 10 031C 0001"),
        (write("commit", 0x31C, bytes(4)), "01 10 031C 0002", "01 10 0300 0002"),
    ],
)
def test_writes_are_acknowledged_by_address_and_count(q: Question, good: str, wrong: str) -> None:
    assert hear_rtu(rtu(good), q) == hear_tcp(tcp(1, good), q) == Registers(b"")
    assert bad(hear_rtu(rtu(wrong), q))
    assert bad(hear_tcp(tcp(1, wrong), q))


def test_fences_have_lengths_that_no_poll_has_and_change_each_time() -> None:
    for dialect in (RtuDialect(1), TcpDialect(1)):
        counts = [dialect.fence(k).count for k in range(60)]
        assert set(counts) == set(range(2, 28))
        assert all(one != other for one, other in itertools.pairwise(counts))
        assert all(dialect.fence(k).read_at == 0 for k in range(60))


def test_pymodbus_is_mute(capfd: pytest.CaptureFixture[str]) -> None:
    """It logs a wrong unit to stderr from the tick; at level 100 it cannot."""
    assert logging.getLogger("pymodbus.logging").level == 100
    assert modbus.READ == 3
    hear_rtu(rtu("02 03 08 0001 0002 0003 0004"))
    hear_tcp(tcp(9, "02 83 01"))
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@given(
    st.binary(min_size=1, max_size=300),
    st.sampled_from([FEW, STATUS, write_one("w", 0x210, 1), write("c", 0x31C, bytes(4))]),
)
def test_no_bytes_make_the_decoders_raise(data: bytes, q: Question) -> None:
    for made in (TcpDialect(1), RtuDialect(1)):
        made.encode(q)
        buf = bytearray(data)
        while buf:
            size = len(buf)
            heard = made.take(buf, q, None)
            if heard is None or isinstance(heard, Trouble) or len(buf) == size:
                break


@given(st.binary(max_size=250), st.integers(0, 255))
def test_no_reply_with_a_good_checksum_makes_the_decoders_raise(body: bytes, function: int) -> None:
    pdu = bytes([function]) + body
    for q in (FEW, STATUS, write_one("w", 0x210, 1), write("c", 0x31C, bytes(4))):
        hear_rtu(b"\x01" + pdu + crc16(b"\x01" + pdu), q)
        hear_tcp(struct.pack(">HHHB", 1, 0, len(pdu) + 1, 1) + pdu, q)


COILS = modbus.read_coils("coils", 0xD2, 30)
UP = modbus.write_coil("up", 0xFB, True)
DOWN = modbus.write_coil("down", 0xFB, False)


def test_coil_requests_are_the_specifications_bytes() -> None:
    """MODBUS Application Protocol 1.1b3, 6.1 and 6.5: a coil is FF00 up and 0000 down, and nothing else."""
    made = TcpDialect(1)
    assert made.encode(COILS) == bytes.fromhex("0001 0000 0006 01 01 00D2 001E")
    assert made.encode(UP) == bytes.fromhex("0002 0000 0006 01 05 00FB FF00")
    assert made.encode(DOWN) == bytes.fromhex("0003 0000 0006 01 05 00FB 0000")
    assert RtuDialect(1).encode(UP) == rtu("01 05 00FB FF00")
    for q, packets, sends, answers in ((COILS, True, 12, 13), (COILS, False, 8, 9), (UP, True, 12, 12)):
        assert (modbus.request_bytes(q, packets), modbus.reply_bytes(q, packets)) == (sends, answers)


def test_coils_come_as_many_bytes_as_were_asked_and_no_coil_more() -> None:
    """30 coils are four bytes; bits 30 and 31 belong to nobody and are 0."""
    for hear, frame in ((hear_tcp, lambda body: tcp(1, body)), (hear_rtu, rtu)):
        assert hear(frame("01 01 04 01020304"), COILS) == Registers(bytes.fromhex("01020304"))
        assert hear(frame("01 01 04 0102033F"), COILS) == Registers(bytes.fromhex("0102033F"))
        for body in (
            "01 01 04 01020340",
            "01 01 04 01020380",
            "01 01 03 01020304",
            "01 01 05 0102030405",
            "01 02 04 01020304",
        ):
            assert not isinstance(hear(frame(body), COILS), Registers), body
        assert bad(hear(frame("01 81 02"), COILS), TroubleKind.REFUSED)
    assert bad(hear_tcp(tcp(1, "01 01 03 010203"), COILS)) and bad(hear_tcp(tcp(1, "02 01 04 01020304"), COILS))


@pytest.mark.parametrize("q", [UP, DOWN])
def test_a_coils_write_is_acknowledged_by_itself_alone(q: Question) -> None:
    """Address and value must both come back; a value that is neither FF00 nor 0000 is no acknowledgement of either."""
    own = "01 05 00FB " + q.data.hex()
    for hear, frame in ((hear_tcp, lambda body: tcp(1, body)), (hear_rtu, rtu)):
        assert hear(frame(own), q) == Registers(b"")
        for body in ("01 05 00FA FF00", "01 05 00FB 0001", "01 05 00FB 00FF", "01 05 00FB FF01", "01 05 01FB FF00"):
            assert bad(hear(frame(body), q)), body
        other = DOWN if q is UP else UP
        assert bad(hear(frame("01 05 00FB " + other.data.hex()), q)), "the other value is acknowledged"
        assert bad(hear(frame("01 85 06"), q), TroubleKind.BUSY)
    for bit in range(48, 96):
        flipped = bytearray(tcp(1, own))
        flipped[bit // 8] ^= 1 << bit % 8
        assert not isinstance(hear_tcp(bytes(flipped), q), Registers)


def test_coil_replies_are_taken_at_every_split() -> None:
    for body, q, want in (("01 01 04 01020304", COILS, bytes.fromhex("01020304")), ("01 05 00FB FF00", UP, b"")):
        for data, dialect in ((rtu(body), RtuDialect(1)), (tcp(1, body), TcpDialect(1))):
            for cut in range(1, len(data)):
                made = type(dialect)(1)
                made.encode(q)
                buf = bytearray(data[:cut])
                assert made.take(buf, q, None) is None, cut
                buf += data[cut:]
                assert made.take(buf, q, None) == Registers(want)
                assert not buf
