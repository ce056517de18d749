"""The real-time side of the record: puts entries into the ring and reads the recorder's two small files; tells how far behind the recorder is.
It never waits and never touches a disk; what an entry becomes is records' business."""

from __future__ import annotations

from array import array
from typing import Final

import msgspec

from controller.entries import Ack, EntryType, Statement
from controller.ring import AckFile, Ring, StatementFile
from hal.units import Seconds

_REMEMBERED: Final = 1 << 16
"""How many entries' times are kept for the lag; more than 60 s at 1 kHz."""


class Ledger:
    """One run's ring, acknowledgement and statement. `ack` and `statement` are as of the last `poll`."""

    def __init__(self, ring: Ring, acks: AckFile, statements: StatementFile) -> None:
        self._ring = ring
        self._acks = acks
        self._statements = statements
        self._encode = msgspec.msgpack.Encoder()
        self._times = array("d", bytes(8 * _REMEMBERED))
        self._last = 0
        self.ack: Ack | None = None
        self.statement: Statement | None = None

    def poll(self) -> None:
        """Read what the recorder last said; a damaged or half-written word is no word."""
        ack = self._acks.read()
        if ack is not None:
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
        for number in range(self._last + 1, seq + 1):
            self._times[number % _REMEMBERED] = now
        self._last = seq
        return seq

    @property
    def ring(self) -> Ring:
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

    def durable(self, seq: int) -> bool:
        """True when the entry of this number is on the recorder's disk."""
        return self.ack is not None and self.ack.durable_seq >= seq

    def token_of(self, start_seq: int, start_crc: int) -> int:
        """The token that the records gave this START; 0 as long as it is not durable or if they stored other bytes than were put."""
        ack = self.ack
        if ack is None or not start_seq or ack.start_seq != start_seq or ack.start_crc != start_crc:
            return 0
        return ack.token if ack.durable_seq >= start_seq else 0
