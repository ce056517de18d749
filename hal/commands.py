"""What may be said to the machine: a set-up (driven until it reads back equal), ARM, HOLD (renew), ON (once, names its token), OFF, and the service verbs.
It does not say when: that is for controller/drive.py, and whether, for interlocks/gate.py."""

from __future__ import annotations

import hashlib
import struct

import msgspec

STAGING_BYTES = 56
"""Length of the safety unit's staging and active sets: 28 registers, big endian (docs/safety-unit.md)."""


class Plan(msgspec.Struct, frozen=True):
    """What will run, as device integers only: four generator set-points and the safety unit's 56 staging bytes with their CRC-32.

    The same struct is built from what was confirmed and from what was read back, so that equality of the two is equality of bytes.
    """

    kv_counts: int
    ma_counts: int
    filament_limit_counts: int
    filament_preheat_counts: int
    staging: bytes
    staging_crc: int

    @property
    def k1_limit_ms(self) -> int:
        """The longest that K1 may be closed for this exposure, as the staging block has it (registers 0302-0303)."""
        return int.from_bytes(self.staging[4:8], "big")

    def as_bytes(self) -> bytes:
        """Canonical bytes: four u16 and the staging block, big endian."""
        points = (self.kv_counts, self.ma_counts, self.filament_limit_counts, self.filament_preheat_counts)
        return struct.pack(">4H", *points) + self.staging

    def digest(self) -> bytes:
        """SHA-256 (32 bytes) of the canonical bytes; the hash that is confirmed, read back and recorded."""
        return hashlib.sha256(self.as_bytes()).digest()


class Watch(msgspec.Struct, frozen=True, tag="watch"):
    """Ask for readings, change nothing."""


class Off(msgspec.Struct, frozen=True, tag="off"):
    """No beam: DISARM to the safety unit and off to the generator, in this tick, whatever else is going on."""


class SetUp(msgspec.Struct, frozen=True, tag="set_up"):
    """Bring the devices to this plan, one write after another, until the read-back equals it."""

    plan: Plan


class Arm(msgspec.Struct, frozen=True, tag="arm"):
    """Arm the safety unit for this token over the committed set with this CRC."""

    token: int
    active_crc: int


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Keep the permission alive: the lease of this token is renewed from this tick's permit."""

    token: int


class On(msgspec.Struct, frozen=True, tag="on"):
    """High voltage on, once, for this token; never sent twice."""

    token: int


class Reset(msgspec.Struct, frozen=True, tag="reset"):
    """Clear the retained exposure of this token, whose end is durably recorded."""

    token: int


class Unlatch(msgspec.Struct, frozen=True, tag="unlatch"):
    """Clear the safety unit's own latch; service key."""

    latch_code: int


class Test(msgspec.Struct, frozen=True, tag="test"):
    """Run one self-test of the safety unit (1 timer, 2 lease, 3 K1, 4 K2, 5 count limit, 6 lamp), beam off."""

    number: int


class ClearFaults(msgspec.Struct, frozen=True, tag="clear_faults"):
    """Clear the generator's latched faults; only with off verified."""


Command = Watch | Off | SetUp | Arm | Hold | On | Reset | Unlatch | Test | ClearFaults
