"""The ring, the acknowledgement and the statement as memory: what a reader may and may not believe, and who may make them.
The recorder on top of them is tested elsewhere."""

from __future__ import annotations

import math
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from records_bench import flip

from controller.entries import Ack, EntryType, Statement
from controller.ring import (
    PAYLOAD_BYTES,
    SLOT_BYTES,
    TICK_BYTES,
    AckFile,
    Ring,
    RingEntry,
    RingError,
    RingGap,
    RingReader,
    StatementFile,
    slots_for,
    unpack_news,
    unpack_tick,
)
from records.answers import Answers
from records.files import PosixFiles

TICK = (3, 33, 4, 5, 69.5, 1.6, 1.0, 2.0, 3.0, 4.0, 5, 6, 7, 0x8787, 8, 9, 10, 11, 70000, 1.5, 2.5, 3.5, 42)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "instance")


@pytest.fixture
def pair(folder: str) -> Iterator[tuple[Ring, RingReader]]:
    ring = Ring(folder, 64)
    reader = RingReader(folder)
    yield ring, reader
    reader.close()


def test_tick_comes_back_as_it_was_put(pair: tuple[Ring, RingReader]) -> None:
    ring, reader = pair
    assert ring.put_tick(123, *TICK) == 1
    (entry,) = reader.read(10)
    assert isinstance(entry, RingEntry) and (entry.seq, entry.mono_ns, entry.kind) == (1, 123, EntryType.TICK)
    row = unpack_tick(entry.payload)
    assert (row.state, row.unit_state, row.token, row.beam_ms, row.delivered_mgy) == (3, 0x8787, 42, 5, 4.0)
    assert row.late == 70000 % 65536 and math.isclose(row.kv, 69.5)
    news = (row.state, row.event, row.command, row.not_true, row.unit_state, row.first_cause, row.token)
    assert unpack_news(entry.payload) == news, "what the recorder sifts by is read from the same places"
    ring.close()


@pytest.mark.parametrize("size", [0, 1, PAYLOAD_BYTES, PAYLOAD_BYTES + 1, 5 * PAYLOAD_BYTES])
def test_long_entries_are_cut_and_joined(pair: tuple[Ring, RingReader], size: int) -> None:
    """put gives the number of the last part; the reader gives the entry whole, under that number."""
    ring, reader = pair
    payload = os.urandom(size)
    seq = ring.put(EntryType.START, payload, 5)
    (entry,) = reader.read(10)
    assert entry == RingEntry(seq, 1, 5, EntryType.START, payload)
    ring.close()


def test_half_an_entry_is_no_entry(pair: tuple[Ring, RingReader]) -> None:
    ring, reader = pair
    ring.put(EntryType.START, bytes(2 * PAYLOAD_BYTES), 5)
    at = 2 * SLOT_BYTES
    ring._map[at : at + 8] = bytes(8)
    assert reader.read(10) == [] and reader.half_read
    ring.close()


def test_an_entry_too_long_for_its_parts_is_refused(pair: tuple[Ring, RingReader]) -> None:
    ring, _ = pair
    with pytest.raises(RingError, match="at most"):
        ring.put(EntryType.START, bytes(256 * PAYLOAD_BYTES), 5)
    assert ring.seq == 0
    ring.close()


def test_overrun_is_a_gap_and_reading_goes_on_in_order(pair: tuple[Ring, RingReader]) -> None:
    ring, reader = pair
    for n in range(300):
        ring.put_tick(n, *TICK)
    gap, *entries = reader.read(1000)
    assert isinstance(gap, RingGap) and gap.first == 1 and gap.last > 300 - 64
    assert [e.seq for e in entries if isinstance(e, RingEntry)] == list(range(gap.last + 1, 301))
    ring.close()


def test_overrun_drops_the_tail_of_a_cut_entry(pair: tuple[Ring, RingReader]) -> None:
    """The first part fell into the gap: the rest of that entry is not taken for one."""
    ring, reader = pair
    ring.put(EntryType.START, bytes(40 * PAYLOAD_BYTES), 5)
    for n in range(50):
        ring.put_tick(n, *TICK)
    found = reader.read(1000)
    assert isinstance(found[0], RingGap)
    assert all(isinstance(e, RingEntry) and e.kind == EntryType.TICK for e in found[1:])
    ring.close()


@pytest.mark.parametrize("at", [0, 9, 17, 30, 200, SLOT_BYTES - 1])
def test_a_flipped_bit_is_never_read(folder: str, at: int) -> None:
    """The damaged record is told as a gap of one, at the second look, and its neighbours are read."""
    ring = Ring(folder, 64)
    for n in range(3):
        ring.put_tick(n, *TICK)
    flip(Path(folder) / "ring", 2 * SLOT_BYTES + at)
    reader = RingReader(folder)
    found = reader.read(10) + reader.read(10)
    assert [type(e) for e in found] == [RingEntry, RingGap, RingEntry] and found[1] == RingGap(2, 2)
    reader.close()
    ring.close()


@pytest.mark.parametrize("written", [6, 60, 70])
def test_of_a_dead_writer_what_follows_damage_is_read(folder: str, written: int) -> None:
    """Two records side by side are damaged and one more: each place is one gap, whatever follows is read, and behind the last whole record there is none,
    be that a slot that was never written or half of one."""
    ring = Ring(folder, 64)
    for n in range(written):
        ring.put_tick(n, *TICK)
    ring.close()
    reader = RingReader(folder, written - 5)
    for seq in (written - 4, written - 3, written - 1, written + 1):
        flip(Path(folder) / "ring", seq % 64 * SLOT_BYTES + 30)
    found = reader.read(100)
    while (gap := reader.lost()) is not None:
        found += [gap, *reader.read(100)]
    assert found[1::2] == [RingGap(written - 4, written - 3), RingGap(written - 1, written - 1)]
    assert [e.seq for e in found if isinstance(e, RingEntry)] == [written - 5, written - 2, written]
    assert reader.read(100) == [] and reader.lost() is None
    reader.close()


def test_a_record_is_only_read_where_it_belongs(folder: str) -> None:
    """A whole record in the wrong slot is not believed."""
    ring = Ring(folder, 64)
    ring.put_tick(1, *TICK)
    ring._map[2 * SLOT_BYTES : 3 * SLOT_BYTES] = ring._map[SLOT_BYTES : 2 * SLOT_BYTES]
    reader = RingReader(folder)
    assert [e.seq for e in reader.read(10) if isinstance(e, RingEntry)] == [1]
    assert reader.read(10) == []
    reader.close()
    ring.close()


def test_death_of_the_writer_is_seen(folder: str) -> None:
    """Closing is what the kernel does at a kill; dropping the object does the same."""
    ring = Ring(folder, 64)
    reader = RingReader(folder)
    assert not reader.writer_is_dead()
    ring.close()
    assert reader.writer_is_dead()
    reader.close()
    second = Ring(folder + "2", 64)
    reader = RingReader(folder + "2")
    assert not reader.writer_is_dead()
    del second
    assert reader.writer_is_dead()
    reader.close()


def test_ring_is_made_once_and_in_a_private_folder_only(folder: str, tmp_path: Path) -> None:
    Ring(folder, 64).close()
    with pytest.raises(FileExistsError):
        Ring(folder, 64)
    assert os.listdir(folder) == ["ring"]
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with pytest.raises(RingError, match="mode 700"):
        Ring(str(open_to_all), 64)
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(RingError, match="mode 700"):
        Ring(str(tmp_path / "link"), 64)


def test_ring_holds_two_minutes_and_its_blocks_are_there(folder: str) -> None:
    assert [slots_for(hz) for hz in (20.0, 100.0, 1000.0)] == [4096, 16384, 131072]
    assert all(slots_for(hz) >= 120 * hz for hz in (7.0, 50.0, 333.0))
    Ring.create(folder, 20.0).close()
    found = os.stat(os.path.join(folder, "ring"))
    assert found.st_blocks * 512 >= found.st_size == 4096 * SLOT_BYTES
    with pytest.raises(RingError, match="power of two"):
        Ring(folder + "x", 100)


def test_a_tick_keeps_no_memory(folder: str) -> None:
    ring = Ring(folder, 64)
    for n in range(100):
        ring.put_tick(n, *TICK)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for n in range(1000):
        ring.put_tick(n, *TICK)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 1000
    ring.close()
    assert TICK_BYTES <= PAYLOAD_BYTES


def test_ack_is_believed_by_its_crc_only(folder: str) -> None:
    os.mkdir(folder, 0o700)
    writer, reader = Answers(PosixFiles(), Path(folder)), AckFile(folder)
    assert reader.read() is None
    ack = Ack(2**62, 10, 9, 0xFFFFFFFF, 77, 70)
    writer.acknowledge(ack)
    assert reader.read() == ack
    flip(Path(folder) / "ack", 12)
    assert reader.read() == ack
    newer = Ack(2**62, 11, 9, 0xFFFFFFFF, 77, 77)
    writer.acknowledge(newer)
    assert reader.read() == newer
    assert os.stat(os.path.join(folder, "ack")).st_size == 64
    writer.close()
    reader.close()


def test_ack_damaged_from_the_start_is_none(folder: str) -> None:
    os.mkdir(folder, 0o700)
    (Path(folder) / "ack").write_bytes(bytes(64))
    reader = AckFile(folder)
    assert reader.read() is None
    reader.close()


def test_every_statement_is_seen_however_fast_they_follow(folder: str) -> None:
    """Inode and clock may repeat within one jiffy; the version as modification time does not."""
    os.mkdir(folder, 0o700)
    writer, reader = Answers(PosixFiles(), Path(folder)), StatementFile(folder)
    assert reader.read() is None
    for version in range(1, 200):
        said = Statement(version, "r", 1, 0.0, (), (), 0, 0)
        writer.state(said)
        assert reader.read() == said
    same = reader.read()
    assert reader.read() is same
    (Path(folder) / "statement").write_bytes(b"\xc1")
    assert reader.read() == same
