"""The real-time side of the record: puts entries into the ring and reads the recorder's two small files; tells how far behind the recorder is.
It never waits and never touches a disk; what an entry becomes is records' business."""

from __future__ import annotations

from array import array
from typing import Any, Final, Protocol

import msgspec

from controller.entries import Ack, EntryType, Statement
from hal.units import Seconds

KEPT_AT_MOST: Final = 1024
_REMEMBERED: Final = 1 << 16
"""How many entries' times are kept for the lag; more than 60 s at 1 kHz."""


class RingOut(Protocol):
    """What entries and ticks are written into; both give the sequence number of what was written last (controller/ring.py)."""

    def put(self, kind: int, payload: bytes, mono_ns: int) -> int: ...
    def put_tick(self, mono_ns: int, /, *fields: Any) -> int: ...
    def close(self) -> None: ...


class Acks(Protocol):
    """Where the recorder's acknowledgement is read."""

    def read(self) -> Ack | None: ...


class Statements(Protocol):
    """Where the recorder's statement is read."""

    def read(self) -> Statement | None: ...


class LedgerKept(msgspec.Struct, frozen=True):
    """A ledger as it stands between two ticks: the last sequence number, and the times of the entries up to it that are not durable, oldest first."""

    last: int
    times_s: tuple[float, ...]


class Ledger:
    """One run's ring, acknowledgement and statement. `ack` and `statement` are as of the last `poll`."""

    def __init__(self, ring: RingOut, acks: Acks, statements: Statements) -> None:
        self._ring = ring
        self._acks = acks
        self._statements = statements
        self._encode = msgspec.msgpack.Encoder()
        self._times = array("d", bytes(8 * _REMEMBERED))
        self._last = 0
        self.ack: Ack | None = None
        self.statement: Statement | None = None

    def poll(self) -> None:
        """Read what the recorder last said; a damaged or half-written word is no word, nor is one about entries that were never put: it is somebody else's."""
        ack = self._acks.read()
        if ack is not None and ack.durable_seq <= self._last:
            self.ack = ack
        statement = self._statements.read()
        if statement is not None:
            self.statement = statement

    def put(self, kind: EntryType, entry: msgspec.Struct, now: Seconds) -> tuple[int, bytes]:
        """Write one entry; returns the sequence number of its last part, and its bytes."""
        packed = self._encode.encode(entry)
        return self.put_bytes(kind, packed, now), packed

    def put_bytes(self, kind: EntryType, packed: bytes, now: Seconds) -> int:
        """Write an entry that is already encoded."""
        return self.note(self._ring.put(kind, packed, int(now * 1e9)), now)

    def note(self, seq: int, now: Seconds) -> int:
        """Remember when everything up to this sequence number was written."""
        if seq == self._last + 1:
            self._times[seq % _REMEMBERED] = now
        else:
            for number in range(self._last + 1, seq + 1):
                self._times[number % _REMEMBERED] = now
        self._last = seq
        return seq

    def keep(self) -> LedgerKept:
        """Where it stands now."""
        behind = self._last - self.ack.durable_seq if self.ack is not None else 0
        first = self._last - min(max(behind, 0), KEPT_AT_MOST) + 1
        return LedgerKept(self._last, tuple(self._times[n % _REMEMBERED] for n in range(first, self._last + 1)))

    def take_up(self, kept: LedgerKept) -> None:
        """Go on from there (kerma replay)."""
        self._last = kept.last
        for back, at_s in enumerate(reversed(kept.times_s)):
            self._times[(kept.last - back) % _REMEMBERED] = at_s

    @property
    def ring(self) -> RingOut:
        """The ring, for the tick's fixed record."""
        return self._ring

    def lag_s(self, now: Seconds) -> float:
        """Age of the oldest entry that is not yet durable; infinite before the recorder has said anything, 0 when all is durable."""
        if self.ack is None:
            return float("inf")
        behind = self._last - self.ack.durable_seq
        if behind <= 0:
            return 0.0
        return now - self._times[(self.ack.durable_seq + 1) % _REMEMBERED] if behind < _REMEMBERED else float("inf")

    @property
    def last_seq(self) -> int:
        """The number of the last entry that was put."""
        return self._last

    @property
    def durable_seq(self) -> int:
        """The last entry that is on the recorder's disk, 0 before it has said anything."""
        return self.ack.durable_seq if self.ack is not None else 0

    @property
    def token_acked(self) -> int:
        """The token of this process's last START that is durable, 0 for none."""
        ack = self.ack
        return ack.token if ack is not None and ack.durable_seq >= ack.start_seq else 0

    def durable(self, seq: int) -> bool:
        """True when the entry of this number is on the recorder's disk."""
        return self.ack is not None and self.ack.durable_seq >= seq

    def token_of(self, start_seq: int, start_crc: int) -> int:
        """The token that the records gave this START; 0 as long as it is not durable or if they stored other bytes than were put."""
        ack = self.ack
        if ack is None or not start_seq or ack.start_seq != start_seq or ack.start_crc != start_crc:
            return 0
        return ack.token if ack.durable_seq >= start_seq else 0
