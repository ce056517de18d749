"""The safety unit's Modbus, bytes against bytes: known frames, every refusal, and no input that makes it raise, obey a bad CRC, or differ when split.
Known frames are from the Modbus application protocol and serial line documents, typed in."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_bench import ARMED, Bench

from simulators import modbus_codec as codec
from simulators.modbus_face import ModbusRtuFace, ModbusTcpFace
from simulators.unit_firmware import UnitFirmware
from simulators.unit_memory import UnitConfig, UnitMemory

READ_IDENTITY = bytes.fromhex("03 0000 001e")
POLL = bytes.fromhex("17 0100 0020 0200 0008 10")


def unit() -> UnitFirmware:
    return UnitFirmware(UnitConfig(site_key=bytes(32)), UnitMemory())


def rtu(pdu: bytes, unit_id: int = 1) -> bytes:
    return codec.rtu_frame(unit_id, pdu)


def mbap(pdu: bytes, tid: int = 7, unit_id: int = 1, protocol: int = 0) -> bytes:
    return struct.pack(">HHHB", tid, protocol, len(pdu) + 1, unit_id) + pdu


def test_crc16_known_values() -> None:
    """The check value of CRC-16/MODBUS, and the frame of the serial line document."""
    assert codec.crc16(b"123456789") == 0x4B37
    assert rtu(bytes.fromhex("03 006b 0003"), 0x11) == bytes.fromhex("11 03 006b 0003 7687")


def test_reads_and_writes_over_rtu() -> None:
    face = ModbusRtuFace(unit())
    face.receive(rtu(READ_IDENTITY), 1000)
    answer = face.transmit(1000)
    assert codec.rtu_whole(answer)
    assert answer[:3] == b"\x01\x03\x3c"
    assert answer[3:7] == b"KERM"
    face.receive(rtu(b"\x06\x02\x10\x00\x01"), 9000)
    assert face.transmit(9000) == rtu(b"\x06\x02\x10\x00\x01")


def test_fc23_writes_first_and_reads_the_echo_back() -> None:
    bench = Bench()
    bench.to_armed()
    bench.feeding = False
    bench.run_ms(20)
    seq = bench.u32(0x0102) + 5
    body = struct.pack(">IIIHH", seq, bench.u32(0x0104), bench.u32(0x0118), 150, 0x5AA5)
    face = ModbusTcpFace(bench.unit)
    connection = face.connect()
    assert connection is not None
    connection.host_write(mbap(POLL + body))
    answer = connection.host_read()
    assert answer[7:9] == bytes((23, 64))
    status = answer[9:]
    assert int.from_bytes(status[4:8], "big") == seq
    assert int.from_bytes(status[0x17 * 2 : 0x18 * 2], "big") == 150
    assert bench.unit.state == ARMED


REFUSED = [
    ("unknown function", "2b 0e 01 00", 1),
    ("read coils", "01 0000 0001", 1),
    ("FC4", "04 0000 0001", 1),
    ("FC5", "05 0210 ff00", 1),
    ("read nothing", "03 0000 0000", 3),
    ("read 126", "03 0400 007e", 3),
    ("read a hole", "03 001e 0001", 2),
    ("read write-only", "03 0320 0008", 2),
    ("read over an end", "03 013f 0002", 2),
    ("read short", "03 0000", 3),
    ("FC6 elsewhere", "06 0300 0001", 2),
    ("FC6 test", "06 0330 0001", 2),
    ("FC16 half a block", "10 0300 0002 04 00000001", 2),
    ("FC16 two blocks", "10 031c 000a 14" + "00" * 20, 2),
    ("FC16 not at a block's start", "10 0301 0001 02 0001", 2),
    ("FC16 status", "10 0100 0001 02 0001", 2),
    ("FC16 byte count", "10 0210 0001 04 00000000", 3),
    ("FC16 nothing", "10 0210 0000 00", 3),
    ("FC16 short", "10 0210 0001 02 00", 3),
    ("FC16 commit of nothing", "10 031c 0002 04 00000000", 3),
    ("FC16 test 9", "10 0330 0001 02 0009", 3),
    ("FC23 other read", "17 0100 001f 0200 0008 10" + "00" * 16, 2),
    ("FC23 other write", "17 0100 0020 0300 0008 10" + "00" * 16, 2),
    ("FC23 byte count", "17 0100 0020 0200 0008 0f" + "00" * 15, 3),
    ("FC23 old host_seq", "17 0100 0020 0200 0008 10" + "00" * 16, 3),
    ("FC23 short", "17 0100 0020", 3),
]


@pytest.mark.parametrize(("name", "pdu", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refusals(name: str, pdu: str, code: int) -> None:
    """The exception is 1, 2 or 3, and the unit is as it was."""
    request = bytes.fromhex(pdu)
    device = unit()
    before = device.nv.to_text(), device.state, device.host_seq, device.staging
    connection = ModbusTcpFace(device).connect()
    assert connection is not None
    connection.host_write(mbap(request))
    assert connection.host_read()[7:] == bytes((request[0] | 0x80, code))
    assert (device.nv.to_text(), device.state, device.host_seq, device.staging) == before


def test_tcp_answers_under_the_same_transaction_and_in_order() -> None:
    connection = ModbusTcpFace(unit()).connect()
    assert connection is not None
    connection.host_write(
        mbap(READ_IDENTITY, tid=1) + mbap(b"\x06\x02\x10\x00\x00", tid=2) + mbap(READ_IDENTITY, tid=65535)
    )
    answer = connection.host_read()
    assert [answer[0:2], answer[69:71], answer[81:83]] == [b"\0\1", b"\0\2", b"\xff\xff"]


@pytest.mark.parametrize(
    "junk", [mbap(READ_IDENTITY, protocol=1), b"\0\1\0\0\0\1\1", b"\0\1\0\0\xff\xff\1\3", b"\0\1\0\0\0\0\1"]
)
def test_tcp_out_of_step_is_closed(junk: bytes) -> None:
    connection = ModbusTcpFace(unit()).connect()
    assert connection is not None
    connection.host_write(junk)
    assert connection.closed
    assert connection.host_write(mbap(READ_IDENTITY)) == 0
    assert connection.host_read() == b""


def test_tcp_three_connections_and_no_fourth() -> None:
    face = ModbusTcpFace(unit())
    three = [face.connect() for _ in range(3)]
    assert None not in three
    assert face.connect() is None
    first = three[0]
    assert first is not None
    first.close()
    assert face.connect() is not None


def test_reboot_drops_connections_and_is_mute_until_up() -> None:
    bench = Bench()
    face = ModbusTcpFace(bench.unit)
    rtu_face = ModbusRtuFace(bench.unit)
    connection = face.connect()
    assert connection is not None
    bench.unit.reboot(bench.now_us)
    assert connection.closed
    assert face.connect() is None
    rtu_face.receive(rtu(READ_IDENTITY), bench.now_us)
    assert rtu_face.transmit(bench.now_us) == b""
    bench.run_ms(201)
    assert face.connect() is not None
    rtu_face.receive(rtu(READ_IDENTITY), bench.now_us)
    assert rtu_face.transmit(bench.now_us)


def test_silent_swallows_everything() -> None:
    device = unit()
    connection = ModbusTcpFace(device).connect()
    assert connection is not None
    device.faults.add("silent")
    assert connection.host_write(mbap(READ_IDENTITY)) == 12
    device.faults.clear()
    assert connection.host_read() == b""
    connection.host_write(mbap(READ_IDENTITY))
    assert len(connection.host_read()) == 69


def test_a_reader_that_never_reads_is_hung_up_on() -> None:
    connection = ModbusTcpFace(unit()).connect()
    assert connection is not None
    for _ in range(2000):
        connection.host_write(mbap(READ_IDENTITY))
    assert connection.closed


@pytest.mark.parametrize("frame", [rtu(READ_IDENTITY, 2), rtu(READ_IDENTITY, 0), rtu(b"\x06\x02\x10\0\0", 0)])
def test_rtu_is_silent_to_others_and_to_broadcast(frame: bytes) -> None:
    face = ModbusRtuFace(unit())
    face.receive(frame, 1000)
    assert face.transmit(1000) == b""
    face.receive(rtu(READ_IDENTITY), 5000)
    assert face.transmit(5000)


def test_rtu_unknown_function_is_answered_after_silence() -> None:
    face = ModbusRtuFace(unit())
    face.receive(rtu(b"\x2b\x0e\x01\x00"), 1000)
    assert face.transmit(2000) == b""
    assert face.transmit(30_000) == rtu(b"\xab\x01")


def test_rtu_garbage_costs_one_silence() -> None:
    """Noise before a request loses that request, and nothing after the next silence; a half frame is forgotten."""
    face = ModbusRtuFace(unit())
    face.receive(b"\xff\x03\x00" + rtu(READ_IDENTITY), 1000)
    assert face.transmit(1000) == b""
    face.receive(rtu(READ_IDENTITY), 4000)
    assert face.transmit(4000)
    face.receive(rtu(READ_IDENTITY)[:5], 5000)
    face.receive(rtu(READ_IDENTITY), 40_000)
    assert face.transmit(40_000)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_over_tcp(data: bytes) -> None:
    """Never an exception; what comes back is whole frames; no contactor closes."""
    device = unit()
    connection = ModbusTcpFace(device).connect()
    assert connection is not None
    connection.host_write(data)
    out = bytearray(connection.host_read())
    while out:
        assert isinstance(codec.take_tcp(out), tuple)
    assert not device.k1


@given(st.binary(min_size=1, max_size=253))
@settings(max_examples=500, deadline=None)
def test_any_pdu_is_answered_or_refused(pdu: bytes) -> None:
    device = unit()
    connection = ModbusTcpFace(device).connect()
    assert connection is not None
    connection.host_write(mbap(pdu))
    answer = connection.host_read()[7:]
    assert answer[0] & 0x7F == pdu[0] & 0x7F
    assert answer[0] == pdu[0] or answer[1] in (1, 2, 3)


@given(st.binary(max_size=300), st.integers(0, 300))
@settings(max_examples=300, deadline=None)
def test_rtu_split_anywhere_is_the_same(data: bytes, cut: int) -> None:
    whole, split = ModbusRtuFace(unit()), ModbusRtuFace(unit())
    whole.receive(data, 1000)
    split.receive(data[:cut], 1000)
    split.receive(data[cut:], 1000)
    assert whole.transmit(1000) == split.transmit(1000)
    assert whole.transmit(50_000) == split.transmit(50_000)


PDUS = st.sampled_from(
    [READ_IDENTITY, b"\x06\x02\x10\0\0", b"\x03\x01\x00\x00\x40", POLL + struct.pack(">IIIHH", 1, 0, 0, 0, 0)]
)


@given(st.lists(PDUS, min_size=1, max_size=4), st.integers(0, 200))
@settings(max_examples=200, deadline=None)
def test_good_frames_split_anywhere(pdus: list[bytes], cut: int) -> None:
    """Over both wires the same answers come out whole or split, one answer a request."""
    for frame in (rtu, mbap):
        data = b"".join(frame(pdu) for pdu in pdus)
        outs = []
        for pieces in ([data], [data[:cut], data[cut:]], [bytes((byte,)) for byte in data]):
            device = unit()
            if frame is rtu:
                face = ModbusRtuFace(device)
                for piece in pieces:
                    face.receive(piece, 1000)
                outs.append(face.transmit(1000))
            else:
                connection = ModbusTcpFace(device).connect()
                assert connection is not None
                for piece in pieces:
                    connection.host_write(piece)
                outs.append(connection.host_read())
        assert outs[0] == outs[1] == outs[2] != b""


@given(PDUS, st.integers(0, 8 * 29 - 1))
@settings(max_examples=300, deadline=None)
def test_one_flipped_bit_is_never_obeyed(pdu: bytes, bit: int) -> None:
    """RTU: a frame with one bit flipped is met with silence, and the unit has not moved."""
    frame = bytearray(rtu(pdu))
    frame[bit // 8 % len(frame)] ^= 1 << bit % 8
    device = unit()
    face = ModbusRtuFace(device)
    face.receive(bytes(frame), 1000)
    assert face.transmit(1000) == b""
    assert face.transmit(90_000) == b""
    assert device.host_seq == 0
