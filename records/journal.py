"""The journal: records appended to preallocated segments, each chained to the one before by SHA-256; what is not here did not happen.
It knows indices, bytes and stamps; what a record says is in records/forms.py, and no record is ever changed."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path

import msgspec

from records.files import FileSystem

SEGMENT_BYTES = 16 * 1024 * 1024
SEGMENT_LEAST_BYTES = 64 * 1024
"""The longest entry of a ring (255 parts of 228 bytes) fits with its envelope."""
_SUFFIX = ".journal"
_MAGIC = b"KERMAJ1\n"
_FIRST = struct.Struct("<8sQQ32s")
_HEAD = struct.Struct("<IHHQd")
_DIGEST_BYTES = 32
_FIRST_BYTES = _FIRST.size + _DIGEST_BYTES
_OVER_BYTES = _HEAD.size + _DIGEST_BYTES
_GENESIS = bytes(_DIGEST_BYTES)


class Kind(IntEnum):
    """What a journal record holds."""

    OPENED = 1
    ENTRY = 2
    TICKS = 3
    GAP = 4
    DRAINED = 5
    CUT = 6
    WIRE = 7
    SHEET = 8
    RESTORED = 9


class JournalError(Exception):
    """The journal cannot be written, is not whole, or belongs to another process; whoever meets this stops for good. Words say what to do first."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record: `index` rises by 1 from 1, for the machine's life; `wall_s` is when it was appended."""

    index: int
    kind: int
    wall_s: float
    payload: bytes
    digest: bytes


class Cut(msgspec.Struct, frozen=True, array_like=True):
    """A torn tail was cut: bytes of no valid record at this place, and their SHA-256."""

    segment: int
    at: int
    dropped_bytes: int
    sha256: bytes


class _Scan(msgspec.Struct):
    """Where reading a segment ended: the byte after its last valid record, the next index, the chain's last digest."""

    at: int
    index: int
    digest: bytes


def _name(segment: int) -> str:
    return f"{segment:08d}{_SUFFIX}"


def _segments(files: FileSystem, folder: Path) -> list[int]:
    return [int(name[: -len(_SUFFIX)]) for name in files.names(folder) if name.endswith(_SUFFIX)]


def _header(raw: bytes, segment: int, scan: _Scan) -> bool:
    """Whether this segment begins with a whole header that continues the chain."""
    if len(raw) < _FIRST_BYTES or hashlib.sha256(raw[: _FIRST.size]).digest() != raw[_FIRST.size : _FIRST_BYTES]:
        return False
    return bool(_FIRST.unpack_from(raw) == (_MAGIC, segment, scan.index, scan.digest))


def _records(raw: bytes, scan: _Scan, begin: int = _FIRST_BYTES) -> Iterator[Record]:
    """Valid records from the start of a segment, or from here on; `scan` is left after the last of them."""
    scan.at = begin
    while scan.at + _OVER_BYTES <= len(raw):
        length, kind, _, index, wall_s = _HEAD.unpack_from(raw, scan.at)
        body = scan.at + _HEAD.size
        end = body + length + _DIGEST_BYTES
        if kind == 0 or index != scan.index or end > len(raw):
            return
        digest = hashlib.sha256(scan.digest + raw[scan.at : body + length]).digest()
        if digest != raw[body + length : end]:
            return
        scan.at, scan.index, scan.digest = end, index + 1, digest
        yield Record(index, kind, wall_s, raw[body : body + length], digest)


def read_all(files: FileSystem, folder: Path) -> Iterator[Record]:
    """Every record in order. Raises JournalError where a segment is missing or damaged before its successor; a torn tail of the last one ends it."""
    numbers = _segments(files, folder)
    scan = _Scan(0, 1, _GENESIS)
    for place, segment in enumerate(numbers):
        raw = files.read(folder / _name(segment))
        last = place == len(numbers) - 1
        if segment != place + 1 or not _header(raw, segment, scan):
            if last and segment == place + 1 and _unborn(raw):
                return
            raise _damage(folder, segment, scan, "it does not continue the segment before it")
        yield from _records(raw, scan)
        if not last and _has_bytes(raw, scan.at):
            raise _damage(folder, segment, scan, f"the record at byte {scan.at} does not fit the chain")


def segments_up_to(
    files: FileSystem, folder: Path, last: int, seen: Callable[[Record], object]
) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each segment up to this record, which `seen` is given in order; what the recorder has begun after it is left out.

    Raises JournalError where the chain breaks before that record, or ends before it.
    """
    scan, due = _Scan(0, 1, _GENESIS), 1
    for place, segment in enumerate(_segments(files, folder)):
        if due > last:
            return
        raw = files.read(folder / _name(segment))
        if segment != place + 1 or not _header(raw, segment, scan):
            raise _damage(folder, segment, scan, "it does not continue the segment before it")
        end = _FIRST_BYTES
        for record in _records(raw, scan):
            if record.index > last:
                break
            seen(record)
            end, due = scan.at, record.index + 1
        yield _name(segment), raw[:end]
        if due <= last and _has_bytes(raw, scan.at):
            raise _damage(folder, segment, scan, f"the record at byte {scan.at} does not fit the chain")
    if due <= last:
        raise JournalError(f"{folder}: ends at record {due - 1}, {last} was due: records were lost; call service")


class Following:
    """Somebody who reads on in a journal that a recorder writes: each record once, in order, by the chain from the first one on."""

    def __init__(self, files: FileSystem, folder: Path) -> None:
        self._files, self._folder = files, folder
        self._segment = 1
        self._scan = _Scan(0, 1, _GENESIS)

    def up_to(self, last: int) -> Iterator[Record]:
        """What comes after the records that were given before, up to this one, which is durable. Raises JournalError, OSError."""
        scan = self._scan
        while scan.index <= last:
            raw = self._files.read(self._folder / _name(self._segment))
            if not scan.at and not _header(raw, self._segment, scan):
                raise _damage(self._folder, self._segment, scan, "it does not continue the segment before it")
            for record in _records(raw, scan, scan.at or _FIRST_BYTES):
                yield record
                if scan.index > last:
                    return
            if _has_bytes(raw, scan.at):
                raise _damage(self._folder, self._segment, scan, f"the record at byte {scan.at} does not fit the chain")
            self._segment, scan.at = self._segment + 1, 0


def _has_bytes(raw: bytes, at: int) -> bool:
    """Whether anything but zeros follows."""
    return raw.count(0, at) != max(0, len(raw) - at)


def _unborn(raw: bytes) -> bool:
    """A segment whose header never became durable: power was lost while it was made."""
    return not _has_bytes(raw, _FIRST_BYTES)


def _damage(folder: Path, segment: int, scan: _Scan, what: str) -> JournalError:
    return JournalError(
        f"{folder / _name(segment)}: {what} (index {scan.index} was due): the journal was changed or truncated; "
        "keep it as it is and call service"
    )


class Verified(msgspec.Struct, frozen=True):
    """The outcome of reading the whole chain: how many records fit, the digest of the last, and words that are empty when all is whole."""

    records: int
    digest: bytes
    words: str


def verify(files: FileSystem, folder: Path, seen: Callable[[Record], object] | None = None) -> Verified:
    """Read the whole chain, through `seen`; anything changed, missing or half-written is named. May run beside a recorder (its unsynced tail reads as
    torn)."""
    count, digest = 0, _GENESIS
    try:
        for record in read_all(files, folder):
            count, digest = record.index, record.digest
            if seen is not None:
                seen(record)
        words = _tail(files, folder, count, digest)
    except JournalError as error:
        words = str(error)
    except OSError as error:
        words = f"{folder}: cannot be read ({error.strerror})"
    return Verified(count, digest, words)


def _tail(files: FileSystem, folder: Path, count: int, digest: bytes) -> str:
    """Words for bytes after the last valid record of the last segment; empty when there are only zeros."""
    numbers = _segments(files, folder)
    if not numbers:
        return ""
    raw = files.read(folder / _name(numbers[-1]))
    scan = _Scan(0, 0, b"")
    if len(raw) >= _FIRST_BYTES:
        _, _, scan.index, scan.digest = _FIRST.unpack_from(raw)
    for _ in _records(raw, scan):
        pass
    if (scan.digest, scan.index) == (digest, count + 1) and not _has_bytes(raw, scan.at):
        return ""
    return f"{folder / _name(numbers[-1])}: bytes after record {count} (byte {scan.at}) fit no record: torn, or changed"


class Journal:
    """The writer. `open` takes the lock and reads everything; `go_on` cuts a torn tail and makes what was read durable again.

    Any failed write or sync ends it: the kernel may have dropped the dirty pages, so a later success would prove nothing.
    """

    def __init__(self, files: FileSystem, folder: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        if segment_bytes < SEGMENT_LEAST_BYTES:
            raise JournalError(
                f"segment_bytes is {segment_bytes}, at least {SEGMENT_LEAST_BYTES}: the longest entry must fit"
            )
        self._files = files
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._fd: int | None = None
        self._lock: int | None = None
        self._buffer = bytearray()
        self._scan = _Scan(0, 1, _GENESIS)
        self._segment = 0
        self._failed = ""
        self._cut: Cut | None = None

    def open(self) -> Iterator[Record]:
        """Take the lock and give every record in order; nothing is written before `go_on`. Raises JournalError, OSError."""
        self._files.make_folder(self._folder)
        self._lock = self._files.lock(self._folder / "lock")
        if self._lock is None:
            raise JournalError(
                f"{self._folder}: another recorder holds it; only one may write (see its lock file for the process)"
            )
        for record in read_all(self._files, self._folder):
            self._scan.index, self._scan.digest = record.index + 1, record.digest
            yield record

    def go_on(self) -> None:
        """Be ready to append after the last record. Whoever knows that records are missing must not call this: it writes over what is left of them."""
        numbers = _segments(self._files, self._folder)
        if numbers:
            self._reopen(numbers[-1])
        else:
            self._begin(1)

    @property
    def next_index(self) -> int:
        """The index that the next record will get."""
        return self._scan.index

    @property
    def last_digest(self) -> bytes:
        """Digest of the last record appended."""
        return self._scan.digest

    @property
    def cut(self) -> Cut | None:
        """The torn tail that opening cut, if there was one."""
        return self._cut

    @property
    def dirty(self) -> bool:
        """True while something is appended and not yet synced."""
        return bool(self._buffer)

    def append(self, kind: Kind, payload: bytes, wall_s: float) -> Record:
        """Append one record; it counts only after the next `sync`."""
        self._must_be_sound()
        size = _OVER_BYTES + len(payload)
        if _FIRST_BYTES + size > self._segment_bytes:
            raise JournalError(f"a record of {len(payload)} bytes does not fit a segment of {self._segment_bytes}")
        if self._scan.at + len(self._buffer) + size > self._segment_bytes:
            self._roll()
        head = _HEAD.pack(len(payload), kind, 0, self._scan.index, wall_s)
        digest = hashlib.sha256(self._scan.digest + head + payload).digest()
        self._buffer += head + payload + digest
        record = Record(self._scan.index, kind, wall_s, payload, digest)
        self._scan.index += 1
        self._scan.digest = digest
        return record

    def make_room(self, size: int) -> None:
        """Begin a new segment now unless this one has `size` bytes left (or is mostly empty): a full disk is then found before an exposure."""
        self._must_be_sound()
        left = self._segment_bytes - self._scan.at - len(self._buffer)
        if left < min(size, self._segment_bytes // 2):
            self._roll()

    def sync(self) -> None:
        """Write and fdatasync everything appended. An error is final."""
        self._must_be_sound()
        if not self._buffer or self._fd is None:
            return
        data = bytes(self._buffer)
        try:
            self._files.write(self._fd, data, self._scan.at)
            self._files.sync(self._fd)
        except OSError as error:
            raise self._fail(error) from error
        self._scan.at += len(data)
        self._buffer.clear()

    def close(self) -> None:
        """Let go of the files; what was not synced is not kept."""
        for fd in (self._fd, self._lock):
            if fd is not None:
                self._files.close(fd)
        self._fd = self._lock = None
        self._failed = self._failed or "closed"

    def _must_be_sound(self) -> None:
        if self._failed:
            raise JournalError(f"{self._folder}: the journal ended before: {self._failed}")

    def _fail(self, error: OSError) -> JournalError:
        self._failed = f"{error.strerror or error}"
        return JournalError(
            f"{self._folder / _name(self._segment)}: {self._failed}; the storage cannot be trusted: "
            "free or replace the disk, then start the recorder again"
        )

    def _roll(self) -> None:
        self.sync()
        old = self._fd
        self._fd = None
        if old is not None:
            self._files.close(old)
        self._begin(self._segment + 1)

    def _begin(self, segment: int) -> None:
        self._segment = segment
        path = self._folder / _name(segment)
        first = _FIRST.pack(_MAGIC, segment, self._scan.index, self._scan.digest)
        try:
            self._fd = self._files.create(path, self._segment_bytes)
            self._files.write(self._fd, first + hashlib.sha256(first).digest(), 0)
            self._files.sync(self._fd)
            self._files.sync_folder(self._folder)
        except OSError as error:
            raise self._fail(error) from error
        self._scan.at = _FIRST_BYTES

    def _reopen(self, segment: int) -> None:
        """Go on in the last segment: what follows its last valid record is cut, and all of it is written and synced anew.

        Written anew because a sync that failed in an earlier process may have left pages that look clean and are on no disk.
        """
        self._segment = segment
        path = self._folder / _name(segment)
        try:
            raw = self._files.read(path)
            kept = self._find_end(raw)
            tail = raw[kept:]
            whole = raw[:kept] if kept else self._first_of(segment)
            if _has_bytes(tail, 0):
                self._cut = Cut(segment, kept, len(tail.rstrip(b"\0")), hashlib.sha256(tail).digest())
            self._fd = self._files.open(path)
            self._files.write(self._fd, whole + bytes(max(self._segment_bytes, len(raw)) - len(whole)), 0)
            self._files.sync(self._fd)
            self._files.sync_folder(self._folder)
        except OSError as error:
            raise self._fail(error) from error
        self._scan.at = len(whole)

    def _find_end(self, raw: bytes) -> int:
        """Byte after the last valid record; 0 for a segment whose header never became durable."""
        if len(raw) < _FIRST_BYTES or hashlib.sha256(raw[: _FIRST.size]).digest() != raw[_FIRST.size : _FIRST_BYTES]:
            return 0
        _, _, index, digest = _FIRST.unpack_from(raw)
        scan = _Scan(0, index, digest)
        for _ in _records(raw, scan):
            pass
        return scan.at

    def _first_of(self, segment: int) -> bytes:
        first = _FIRST.pack(_MAGIC, segment, self._scan.index, self._scan.digest)
        return first + hashlib.sha256(first).digest()
