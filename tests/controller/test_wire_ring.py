"""The wires' ring: frames come out as they went in, long ones whole; a slow reader is told what it missed, and a dead writer is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.ring import Ring, RingError
from controller.wire_ring import WIRE, WireFrame, WireLost, WireReader, WireRing, wire_slots_for
from hal.units import Seconds
from hal.wire_log import LOG_FRAMES, LOGGED_B, FrameLog

NOW = Seconds(1000.0)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "instance")


def logs() -> dict[str, FrameLog]:
    return {"generator": FrameLog(), "unit": FrameLog(), "unit stop": FrameLog()}


def test_frames_come_out_as_they_went_in(folder: str) -> None:
    ring, wires = WireRing(folder, 64), logs()
    wires["unit"].add(Seconds(1000.001), True, b"\x01\x03")
    wires["unit"].add(Seconds(1000.002), False, b"\x02")
    wires["generator"].add(Seconds(1000.003), True, b"\x0298,0,")
    ring.put(wires, NOW)
    wires["unit stop"].add(Seconds(1000.011), True, b"off")
    ring.put(wires, Seconds(1000.01))
    ring.put(wires, Seconds(1000.02))
    found = WireReader(folder).read(100)
    assert found == [
        WireFrame(1_000_003_000_000, "generator", True, b"\x0298,0,"),
        WireFrame(1_000_001_000_000, "unit", True, b"\x01\x03"),
        WireFrame(1_000_002_000_000, "unit", False, b"\x02"),
        WireFrame(1_000_011_000_000, "unit stop", True, b"off"),
    ]


@pytest.mark.parametrize("length", [227, 228, 229, 456, LOGGED_B])
def test_a_long_frame_is_whole(folder: str, length: int) -> None:
    ring, wires = WireRing(folder, 64), logs()
    data = bytes(n % 251 for n in range(length))
    wires["generator"].add(NOW, False, data)
    ring.put(wires, NOW)
    assert WireReader(folder).read(100) == [WireFrame(10**12, "generator", False, data)]


def test_what_a_wires_own_log_lost_is_told_with_its_count(folder: str) -> None:
    ring, wires = WireRing(folder, 256), logs()
    for _ in range(LOG_FRAMES + 3):
        wires["unit"].add(NOW, False, b"flood")
    ring.put(wires, NOW)
    wires["unit"].add(NOW, False, bytes(LOGGED_B + 1))
    ring.put(wires, NOW)
    found = WireReader(folder).read(1000)
    assert [item for item in found if isinstance(item, WireLost)] == [WireLost(3, "unit"), WireLost(1, "unit")]
    assert sum(isinstance(item, WireFrame) for item in found) == LOG_FRAMES + 1


def test_a_slow_reader_is_told_how_many_records_it_missed(folder: str) -> None:
    ring, wires = WireRing(folder, 64), logs()
    wires["unit"].add(NOW, True, b"first")
    ring.put(wires, NOW)
    reader = WireReader(folder)
    assert len(reader.read(10)) == 1
    for n in range(200):
        wires["unit"].add(NOW, True, b"%d" % n)
        ring.put(wires, NOW)
    found = reader.read(1000)
    lost = found[0]
    assert isinstance(lost, WireLost) and lost.link == ""
    frames = [item for item in found if isinstance(item, WireFrame)]
    assert lost.count + len(frames) == 200
    assert frames[-1].data == b"199"


def test_a_reader_from_now_on_sees_only_what_comes(folder: str) -> None:
    ring, wires = WireRing(folder, 64), logs()
    wires["unit"].add(NOW, True, b"before")
    ring.put(wires, NOW)
    reader = WireReader(folder, from_now=True)
    assert reader.read(10) == []
    wires["unit"].add(NOW, True, b"after")
    ring.put(wires, NOW)
    assert [item.data for item in reader.read(10) if isinstance(item, WireFrame)] == [b"after"]


def test_a_reader_disturbs_nobody_and_sees_the_writer_die(folder: str) -> None:
    ring = WireRing(folder, 64)
    first, second = WireReader(folder), WireReader(folder)
    assert not first.writer_is_dead() and not second.writer_is_dead()
    wires = logs()
    wires["unit"].add(NOW, True, b"x")
    ring.put(wires, NOW)
    assert len(first.read(10)) == len(second.read(10)) == 1
    ring.close()
    assert first.writer_is_dead()


def test_a_damaged_record_is_a_gap_and_never_a_frame(folder: str) -> None:
    ring, wires = WireRing(folder, 64), logs()
    for n in range(3):
        wires["unit"].add(NOW, True, b"%d" % n)
    ring.put(wires, NOW)
    path = Path(folder) / WIRE
    raw = bytearray(path.read_bytes())
    raw[2 * 256 + 30] ^= 1
    path.write_bytes(bytes(raw))
    reader = WireReader(folder)
    found = reader.read(10) + reader.read(10)
    assert [item.data for item in found if isinstance(item, WireFrame)] == [b"0", b"2"]
    assert [item.count for item in found if isinstance(item, WireLost)] == [1]


def test_it_lies_beside_the_ticks_and_neither_takes_the_others_place(folder: str) -> None:
    Ring(folder, 64)
    WireRing(folder, 64)
    with pytest.raises((RingError, OSError)):
        WireRing(folder, 64)


def test_it_holds_ten_seconds_at_every_rate() -> None:
    for tick_hz in (20.0, 100.0, 1000.0):
        slots = wire_slots_for(tick_hz)
        assert slots & (slots - 1) == 0
        assert 10.0 * tick_hz * 5 <= slots <= 20.0 * tick_hz * 5
