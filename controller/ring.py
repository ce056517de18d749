"""The shared memory between the real-time process and the recorder: a ring of 256-byte records one way, an acknowledgement and a statement the other way.
It knows bytes, sequence numbers and checksums; what an entry means is in controller/entries.py, and no disk is touched here (the folder lies on tmpfs)."""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import msgspec

from controller.entries import Ack, EntryType, Statement

SLOT_BYTES = 256
PAYLOAD_BYTES = 228
MAX_PARTS = 255
KEEP_S = 120.0
"""The recorder may be dead for this long before ticks are overwritten."""
SPARE_SLOTS = 1024
"""Room for what is not a tick within KEEP_S."""
RING, ACK, STATEMENT = "ring", "ack", "statement"
ACK_BYTES = 64

_HEAD = struct.Struct("<QQHBBHH")
_HEAD_BYTES = _HEAD.size
_CRC = struct.Struct("<I")
_CRC_AT = SLOT_BYTES - _CRC.size
_TICK = struct.Struct("<BBBBQffddddIIIHBBBBHfffI")
_TICK_ROW = struct.Struct("<BBBxQffddddIIIHBBBBHfffI")
"""The same, read: without the byte that is always 0."""
_NEWS = struct.Struct("<BBBxQ8x32x12xHB3x2x12xI")
_TICK_RECORD = struct.Struct("<QQII" + _TICK_ROW.format[1:])
"""_HEAD and a tick, with what is the same in each tick's head as one number, for each field costs as much as any other."""
_TICK_KIND = 1 | 0 << 16 | 1 << 24
"""Kind 1, part 0 of 1."""
_ACK = struct.Struct("<QQQIII24x")


class RingError(Exception):
    """The folder or the files in it cannot be used; the words name what was found and what is needed."""


class TickRow(msgspec.Struct, frozen=True, array_like=True):
    """One tick as the ring keeps it. Codes are the controller's own; doses D0 mGy of this segment; `beam_ms` and counts are the unit's registers.

    A missing value is below 0 or NaN; with such a `unit_age_ms` there was no unit status and the unit's integers mean nothing.
    `late` counts modulo 65536. `token` is that of the exposure in hand, 0 for none.
    """

    state: int
    event: int
    command: int
    not_true: int
    kv: float
    ma: float
    d1_mgy: float
    d2_mgy: float
    dm_mgy: float
    delivered_mgy: float
    beam_ms: int
    counts_1: int
    counts_2: int
    unit_state: int
    first_cause: int
    contacts_a: int
    contacts_b: int
    relays: int
    late: int
    lateness_us: float
    unit_age_ms: float
    generator_age_ms: float
    token: int


TICK_BYTES = _TICK.size


def unpack_tick(payload: bytes) -> TickRow:
    """The tick at the head of a record; what may follow it is in controller/inputs.py."""
    return TickRow(*_TICK_ROW.unpack_from(payload))


def unpack_news(payload: bytes) -> tuple[int, ...]:
    """Of the tick at the head of a record what tells one tick from the next on an idle machine: state, event, command, the rules that are not true,
    the unit's state and first cause, the token."""
    return _NEWS.unpack_from(payload)


def pack_tick(row: TickRow) -> bytes:
    """`TICK_BYTES` bytes of this tick, as `Ring.put_tick` lays them."""
    state, event, command, *rest = msgspec.structs.astuple(row)
    return _TICK.pack(state, event, command, 0, *rest)


def slots_for(tick_hz: float) -> int:
    """Slots, a power of two, that hold KEEP_S seconds of ticks and what comes between them."""
    return 1 << (int(KEEP_S * tick_hz) + SPARE_SLOTS - 1).bit_length()


def make_folder(path: str) -> None:
    """Make the instance's folder (0700), or accept one that is ours, private and no link; raises RingError (a squatted folder is refused)."""
    with suppress(FileExistsError):
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        os.mkdir(path, 0o700)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise RingError(
            f"{path}: mode {found.st_mode:o}, owner {found.st_uid}; a folder of mode 700 owned by {os.geteuid()} is needed: remove it first"
        )


class Ring:
    """The real-time side: writes records, reads nothing back, holds an exclusive flock on the file for as long as it lives (so its death is seen).
    Checksums are laid in the machine's own byte order, which is little-endian on every board (64-bit ARM and x86)."""

    def __init__(self, folder: str, slots: int, name: str = RING) -> None:
        if slots < 2 or slots & (slots - 1):
            raise RingError(f"ring of {slots} slots: a power of two is needed (slots_for)")
        make_folder(folder)
        self._map = _new_map(os.path.join(folder, name), slots * SLOT_BYTES)
        self._view = memoryview(self._map)
        self._words = self._view.cast("I")
        self._mask = slots - 1
        self.seq = 0

    @classmethod
    def create(cls, folder: str, tick_hz: float) -> Ring:
        """A fresh ring for this tick rate in the instance's folder. Raises RingError, or OSError when tmpfs is full or a ring is there already."""
        return cls(folder, slots_for(tick_hz))

    def put(self, kind: int, payload: bytes, mono_ns: int) -> int:
        """Write one entry, cut into parts of one type; gives the sequence number of its last part. Raises RingError if it is too long."""
        parts = -(-len(payload) // PAYLOAD_BYTES) or 1
        if parts > MAX_PARTS:
            raise RingError(
                f"entry {EntryType(kind).name} of {len(payload)} bytes: at most {MAX_PARTS * PAYLOAD_BYTES} fit the ring's parts"
            )
        mapped, view = self._map, self._view
        for part in range(parts):
            # stale bytes past the piece are covered by the CRC, and by nothing else: its length says where it ends
            piece = payload if parts == 1 else payload[part * PAYLOAD_BYTES : (part + 1) * PAYLOAD_BYTES]
            seq, length = self.seq + 1, len(piece)
            at = (seq & self._mask) * SLOT_BYTES
            start = at + _HEAD_BYTES
            _HEAD.pack_into(mapped, at, seq, mono_ns, kind, part, parts, length, 0)
            mapped[start : start + length] = piece
            self._words[(at + _CRC_AT) >> 2] = zlib.crc32(view[at : at + _CRC_AT])
            self.seq = seq
        return self.seq

    def put_tick(
        self,
        mono_ns: int,
        state: int,
        event: int,
        command: int,
        not_true: int,
        kv: float,
        ma: float,
        d1_mgy: float,
        d2_mgy: float,
        dm_mgy: float,
        delivered_mgy: float,
        beam_ms: int,
        counts_1: int,
        counts_2: int,
        unit_state: int,
        first_cause: int,
        contacts_a: int,
        contacts_b: int,
        relays: int,
        late: int,
        lateness_us: float,
        unit_age_ms: float,
        generator_age_ms: float,
        token: int,
        came: bytes = b"",
        /,
    ) -> int:
        """Write one tick in its fixed layout, and behind it what came into it (controller/inputs.py), if it is one of those that are kept for a
        replay; gives its sequence number. Fields as TickRow, by place: two dozen names cost as much as the record. Stale bytes past both are
        covered by the CRC."""
        seq = self.seq + 1
        at = (seq & self._mask) * SLOT_BYTES
        _TICK_RECORD.pack_into(
            self._map,
            at,
            seq,
            mono_ns,
            _TICK_KIND,
            TICK_BYTES + len(came),
            state,
            event,
            command,
            not_true,
            kv,
            ma,
            d1_mgy,
            d2_mgy,
            dm_mgy,
            delivered_mgy,
            beam_ms,
            counts_1,
            counts_2,
            unit_state,
            first_cause,
            contacts_a,
            contacts_b,
            relays,
            late & 0xFFFF,
            lateness_us,
            unit_age_ms,
            generator_age_ms,
            token,
        )
        if came:
            start = at + _HEAD_BYTES + TICK_BYTES
            self._map[start : start + len(came)] = came
        self._words[(at + _CRC_AT) >> 2] = zlib.crc32(self._view[at : at + _CRC_AT])
        self.seq = seq
        return seq

    def close(self) -> None:
        """Let go of the memory and of the lock; what was written stays for the recorder. The kernel does the same when the process is killed."""
        self._words.release()
        self._view.release()
        self._map.close()


def _new_map(path: str, size: int) -> mmap.mmap:
    """A fresh file of `size` bytes, its blocks taken and mapped now (a hole on a full tmpfs is SIGBUS later, a page not mapped a fault in a tick), locked
    before it gets its name.

    Only the mapping keeps the file open, and with it the lock: dropping the object is what a kill is.
    """
    raw = path + ".new"
    fd = os.open(raw, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.posix_fallocate(fd, 0, size)
        mapped = mmap.mmap(fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        os.link(raw, path)
        return mapped
    finally:
        os.unlink(raw)
        os.close(fd)


class RingEntry(msgspec.Struct, frozen=True):
    """One whole entry: `seq` is that of its last part, `first_seq` of its first."""

    seq: int
    first_seq: int
    mono_ns: int
    kind: int
    payload: bytes


class RingGap(msgspec.Struct, frozen=True):
    """Records `first` to `last` that can no longer be read: overwritten before they were drained, or damaged."""

    first: int
    last: int


class RingReader:
    """The recorder's side: reads whole entries in order from `next_seq`; a record counts only if its CRC and its sequence number fit its slot.

    Raises OSError or ValueError for a file that is no ring, as one is that was cut.
    """

    def __init__(self, folder: str, next_seq: int = 1, name: str = RING) -> None:
        path = os.path.join(folder, name)
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        size = os.fstat(self._fd).st_size
        if size < 2 * SLOT_BYTES or size & (size - 1):
            os.close(self._fd)
            raise ValueError(f"{path}: {size} bytes are no ring; a power of two from {2 * SLOT_BYTES} on is needed")
        self._map = mmap.mmap(self._fd, size, mmap.MAP_SHARED, mmap.PROT_READ)
        self._slots = size // SLOT_BYTES
        self._next = next_seq
        self._parts: list[bytes] = []
        self._suspect = 0

    def writer_is_dead(self) -> bool:
        """True once no process holds the ring's lock; ask before the last read, never after it."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        return True

    def read(self, limit: int) -> list[RingEntry | RingGap]:
        """Up to about `limit` records' worth of entries; an empty list says that there is nothing new (or only half an entry)."""
        found: list[RingEntry | RingGap] = []
        for _ in range(limit):
            record = self._slot(self._next)
            if record is None or record[0] < self._next:
                gap = self._damaged(record is None)
            elif record[0] > self._next:
                gap = self._overrun()
            else:
                self._take(record, found)
                continue
            if gap is None:
                break
            self._parts.clear()
            found.append(gap)
        return found

    def lost(self) -> RingGap | None:
        """Of a dead writer, once `read` gives no more: records that are damaged where whole ones follow, which are read next; None at the ring's end."""
        first, last = self._next, self.newest()
        whole = (seq for seq in range(max(first, last - self._slots + 1), last + 1) if self._is_whole(seq))
        self._next = next(whole, first)
        if self._next == first:
            return None
        self._parts.clear()
        return RingGap(first, self._next - 1)

    def newest(self) -> int:
        """The highest sequence number that is here, 0 for an empty ring; looks at every slot."""
        return max((record[0] for slot in range(self._slots) if (record := self._slot(slot)) is not None), default=0)

    def go_back(self) -> None:
        """To the oldest record that will not be overwritten while it is read: an eighth of a lap behind the writer's edge."""
        self._next = max(1, self.newest() - self._slots + 1 + self._slots // 8)
        self._parts.clear()

    @property
    def half_read(self) -> bool:
        """True while the first parts of an entry are here and its last is not."""
        return bool(self._parts)

    def close(self) -> None:
        self._map.close()
        os.close(self._fd)

    def _slot(self, seq: int) -> tuple[int, int, int, int, int, bytes] | None:
        at = (seq & (self._slots - 1)) * SLOT_BYTES
        raw = self._map[at : at + SLOT_BYTES]
        if zlib.crc32(raw[:_CRC_AT]) != _CRC.unpack_from(raw, _CRC_AT)[0]:
            return None
        seq, mono_ns, kind, part, parts, length, _ = _HEAD.unpack_from(raw)
        return seq, mono_ns, kind, part, parts, raw[_HEAD.size : _HEAD.size + length]

    def _is_whole(self, seq: int) -> bool:
        record = self._slot(seq)
        return record is not None and record[0] == seq

    def _take(self, record: tuple[int, int, int, int, int, bytes], found: list[RingEntry | RingGap]) -> None:
        seq, mono_ns, kind, part, parts, payload = record
        self._next = seq + 1
        if parts == 1:
            self._parts.clear()
            found.append(RingEntry(seq, seq, mono_ns, kind, payload))
            return
        if part == 0:
            self._parts.clear()
        elif len(self._parts) != part:
            # the head of this entry fell into a gap that is already told
            return
        self._parts.append(payload)
        if part == parts - 1:
            found.append(RingEntry(seq, seq - part, mono_ns, kind, b"".join(self._parts)))
            self._parts.clear()

    def _damaged(self, bad_crc: bool) -> RingGap | None:
        """A record that still fits nothing at the second look while its successor is whole is lost; else it is only not written yet."""
        after = self._slot(self._next + 1) if bad_crc else None
        if after is None or after[0] <= self._next:
            self._suspect = 0
            return None
        if self._suspect != self._next:
            self._suspect = self._next
            return None
        self._next += 1
        return RingGap(self._next - 1, self._next - 1)

    def _overrun(self) -> RingGap:
        """The writer is a lap ahead: go on an eighth of a lap behind its edge, so that it does not catch up at once."""
        first = self._next
        self.go_back()
        return RingGap(first, self._next - 1)


def pack_ack(ack: Ack) -> bytes:
    """The acknowledgement as it lies in its file."""
    body = _ACK.pack(ack.recorder, ack.durable_seq, ack.start_seq, ack.start_crc, ack.token, ack.ended_token)
    return body + _CRC.pack(zlib.crc32(body))


class AckFile:
    """The real-time side of the 64-byte acknowledgement in the instance's folder: read once a tick (one pread). The recorder writes it (records/answers.py)."""

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, ACK)
        self._fd = -1
        self._last: Ack | None = None
        self._raw = b""

    def read(self) -> Ack | None:
        """The newest acknowledgement whose CRC fits; None if there never was one. A damaged file keeps the last good one, whose age then grows."""
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError:
                return None
        raw = os.pread(self._fd, ACK_BYTES, 0)
        if raw != self._raw and len(raw) == ACK_BYTES and zlib.crc32(raw[:60]) == _CRC.unpack_from(raw, 60)[0]:
            self._raw = raw
            self._last = Ack(*_ACK.unpack_from(raw))
        return self._last

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class StatementFile:
    """The reader's side of the recorder's statement in the instance's folder: its modification time is its version, so one stat tells news."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / STATEMENT
        self._name = str(self._path)
        self._seen: tuple[int, int] | None = None
        self._last: Statement | None = None
        self._decoder = msgspec.msgpack.Decoder(Statement)

    def read(self) -> Statement | None:
        """The newest statement, decoded only when it changed; None if there never was one. One that cannot be decoded leaves the last good one."""
        try:
            found = os.stat(self._name)
            seen = (found.st_ino, found.st_mtime_ns)
            if seen != self._seen:
                self._last = self._decoder.decode(self._path.read_bytes())
                self._seen = seen
        except (OSError, msgspec.DecodeError):
            return self._last
        return self._last
