"""What the journal's records hold: the form of each, but for those of records/journal.py (Cut), records/sheets.py (Taken) and records/wires.py (Sealed).
It judges nothing; records/folds.py says what each of them changes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from controller.checkpoint import Checkpoint
from controller.entries import (
    Crash,
    EntryType,
    Event,
    Found,
    LatchCleared,
    LatchSet,
    LatenessEntry,
    Links,
    Opening,
    Query,
    ResetDone,
    Start,
    Stray,
    Terminal,
)
from controller.prescribed import Clearance

_ROW = struct.Struct("<QQHH")


class Opened(msgspec.Struct, frozen=True, array_like=True):
    """A recorder began to write."""

    recorder: int
    instance: str
    simulated: bool


class Noted(msgspec.Struct, frozen=True, array_like=True):
    """One entry of a ring as the journal keeps it: its own bytes, and what the records made of it at that moment, in one record, so that neither is
    durable without the other. `token` is that given to a START (0: refused, `words` say why); `ends` are the ends that this entry brought, `latches` what they
    left: of a FOUND entry, one at most."""

    instance: str
    seq: int
    mono_ns: int
    type: int
    entry: bytes
    token: int = 0
    words: str = ""
    ends: tuple[Terminal, ...] = ()
    resets: tuple[int, ...] = ()
    clearance: Clearance | None = None
    latches: tuple[LatchSet, ...] = ()


class Ticks(msgspec.Struct, frozen=True, array_like=True):
    """Ticks of one process, in order, and what came into them: rows of sequence number and mono_ns (u64), type and length (u16), all little endian,
    and the ring record's payload. `mono_s` is what the recorder's monotonic clock showed at the record's own wall time (0: a record of before)."""

    instance: str
    rows: bytes
    mono_s: float = 0.0

    def wall_s(self, mono_ns: int, kept_wall_s: float) -> float:
        """Wall time of a row by the clock that this record was kept with, at `kept_wall_s`: a ring may be drained long after it was written."""
        return kept_wall_s - max(0.0, self.mono_s - mono_ns * 1e-9)


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """Ring records that were lost, and what the records hold against that: a latch, for one may have been among them (none in a record of before)."""

    instance: str
    first: int
    last: int
    latches: tuple[LatchSet, ...] = ()


class Drained(msgspec.Struct, frozen=True, array_like=True):
    """The ring of a dead process was read to its end."""

    instance: str
    last_seq: int


class Row(msgspec.Struct, frozen=True, gc=False):
    """One ring record of `Ticks`: a TICK, or the INPUT that belongs to the next one."""

    seq: int
    mono_ns: int
    kind: int
    payload: bytes


def pack_row(seq: int, mono_ns: int, kind: int, payload: bytes) -> bytes:
    """One row of `Ticks`."""
    return _ROW.pack(seq, mono_ns, kind, len(payload)) + payload


def rows_of(rows: bytes) -> Iterator[Row]:
    """The rows of `Ticks`. Raises struct.error for bytes that are none."""
    at = 0
    while at < len(rows):
        seq, mono_ns, kind, length = _ROW.unpack_from(rows, at)
        at += _ROW.size + length
        yield Row(seq, mono_ns, kind, rows[at - length : at])


class Restored(msgspec.Struct, frozen=True, array_like=True):
    """These records were made from a copy: taken when, up to which record; what came after it is not here. By whom, and why."""

    copied_wall_s: float
    last_index: int
    manifest_sha256: bytes
    who: str
    reason: str
    unsigned: bool = False

    def words(self) -> str:
        at = datetime.fromtimestamp(self.copied_wall_s, UTC).strftime("%Y-%m-%d %H:%M")
        copy = "UNSIGNED copy" if self.unsigned else "copy"
        return f"restored by {self.who} from the {copy} of {at} UTC, which ends at record {self.last_index} ({self.reason}): what came after it is missing"


ENTRY_WORDS: dict[EntryType, type[msgspec.Struct]] = {
    EntryType.OPENING: Opening,
    EntryType.QUERY: Query,
    EntryType.START: Start,
    EntryType.TERMINAL: Terminal,
    EntryType.LATCH_SET: LatchSet,
    EntryType.LATCH_CLEARED: LatchCleared,
    EntryType.RESET_DONE: ResetDone,
    EntryType.FOUND: Found,
    EntryType.EVENT: Event,
    EntryType.CRASH: Crash,
    EntryType.LINKS: Links,
    EntryType.LATENESS: LatenessEntry,
    EntryType.CHECKPOINT: Checkpoint,
    EntryType.STRAY: Stray,
}
"""The struct of every entry that stands alone; ticks have a layout of their own."""
