"""The register map of Kerma's safety unit as tables, its blocks taken apart and its writes put together (docs/safety-unit.md, map_major 1).
It knows no wire, no time and no order of doing things; a block that does not hold is a Trouble."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from hal.commands import STAGING_BYTES
from hal.errors import Trouble, TroubleKind
from hal.modbus import Question, read, read_write, write, write_one
from hal.readings import Exposed, UnitActive, UnitCapability, UnitIdentity, UnitSlow, UnitStatus

MAGIC: Final = 0x4B45524D
MAP_MAJOR: Final = 1
CANARY_U32: Final = 0x12345678
CANARY_I16: Final = -2
NOT_FITTED: Final = 0xFFFF
VERB_POLL: Final = 0x0000
VERB_RENEW: Final = 0x5AA5
RESET_WORD: Final = 0x5253
UNLATCH_WORD: Final = 0x554C
HISTORY_ENTRIES: Final = 6
"""Entries of one request; the unit keeps eight."""
HISTORY_ENTRY_B: Final = 36
MAC_B: Final = 4
WRAP: Final = 1 << 32
SCAN_US: Final = 1000
"""One scan by the map's word; register 0016 says what it truly is."""


@dataclass(frozen=True)
class Block:
    """A stretch of holding registers: first address, number of registers, access."""

    name: str
    at: int
    registers: int
    access: str


IDENTITY: Final = Block("identity", 0x0000, 30, "R")
STATUS: Final = Block("status", 0x0100, 32, "R")
SLOW: Final = Block("slow", 0x0120, 32, "R")
RENEW: Final = Block("renew", 0x0200, 8, "W")
DISARM: Final = Block("disarm", 0x0210, 1, "W")
STAGING: Final = Block("staging", 0x0300, 28, "RW")
COMMIT: Final = Block("commit", 0x031C, 2, "W")
ARM: Final = Block("arm", 0x0320, 8, "W")
RESET: Final = Block("reset", 0x0328, 8, "W")
TEST: Final = Block("test", 0x0330, 1, "W")
UNLATCH: Final = Block("unlatch", 0x0334, 2, "W")
ACTIVE: Final = Block("active", 0x0340, 30, "R")
HISTORY: Final = Block("history", 0x0400, HISTORY_ENTRIES * HISTORY_ENTRY_B // 2, "R")
BLOCKS: Final = (IDENTITY, STATUS, SLOW, RENEW, DISARM, STAGING, COMMIT, ARM, RESET, TEST, UNLATCH, ACTIVE, HISTORY)

READ_IDENTITY: Final = read(IDENTITY.name, IDENTITY.at, IDENTITY.registers)
READ_STATUS: Final = read("status", STATUS.at, STATUS.registers)
READ_SLOW: Final = read(SLOW.name, SLOW.at, SLOW.registers)
READ_ACTIVE: Final = read(ACTIVE.name, ACTIVE.at, ACTIVE.registers)
READ_HISTORY: Final = read(HISTORY.name, HISTORY.at, HISTORY.registers)
DISARM_NOW: Final = write_one(DISARM.name, DISARM.at, 1)

# 0000 magic, map_major, map_minor, canaries, capabilities, serial, firmware id, its CRC, scan us, caps, lease min and max, CRC of the block.
_IDENTITY: Final = struct.Struct(">IHHIhH16sQIHHIHHI")
# 0100 scan, echo, challenge | state .. relays | code readers A, B twice | beam, counts 1, 2, sample | health, lease | token, crc | press, scan low | CRC.
_STATUS: Final = struct.Struct(">3I6H4B4I2H2I2HI")
# 0120 scan, k1_ms, run_count, causes_all, last_token | rates, p, T (signed), lamp, kV, mA, tests | uptime, tags | latch code, arm window left | CRC.
_SLOW: Final = struct.Struct(">5I3Hh4HIQQ2HI")
_RENEW: Final = struct.Struct(">3I2H")
_EXPOSED: Final = struct.Struct(">IQ4IHHI")


def _sound(block: bytes) -> bool:
    """The last four bytes are the CRC-32 of those before."""
    return zlib.crc32(block[:-4]) == int.from_bytes(block[-4:], "big")


def _bad(name: str, detail: str) -> Trouble:
    return Trouble(TroubleKind.FRAME_BAD, name, detail)


def identity_of(block: bytes, asked_at_s: float, serial: str, simulated: bool) -> tuple[UnitIdentity, int]:
    """Who the unit says it is, judged against the configuration, and its scan period in us (60 bytes, 0000-001D)."""
    (
        magic,
        major,
        _minor,
        canary,
        negative,
        capabilities,
        name,
        firmware,
        crc,
        scan_us,
        cap_s,
        cap_counts,
        least,
        most,
        _,
    ) = _IDENTITY.unpack(block)
    said = name.rstrip(b"\0 ").decode("ascii", "replace")
    whether = {True: "simulated", False: "real"}
    findings = (
        (magic != MAGIC, f"magic {magic:08X} is not {MAGIC:08X}: not this kind of unit"),
        (major != MAP_MAJOR, f"map_major {major}, this driver knows {MAP_MAJOR}"),
        (
            canary != CANARY_U32 or negative != CANARY_I16,
            f"canaries {canary:08X} and {negative} are not {CANARY_U32:08X} and {CANARY_I16}",
        ),
        (not _sound(block), "CRC of the identity block is wrong"),
        (not said.isprintable() or said != serial, f"serial is {said!r}, the configuration says {serial!r}"),
        (
            bool(capabilities & UnitCapability.SIMULATED) is not simulated,
            f"the unit is {whether[bool(capabilities & UnitCapability.SIMULATED)]}, the configuration says {whether[simulated]}",
        ),
        (scan_us == 0, "scan period 0"),
    )
    mismatch = next((words for wrong, words in findings if wrong), "")
    identity = UnitIdentity(
        asked_at_s, said, f"{firmware:016x}/{crc:08x}", capabilities, cap_s, cap_counts, least, most, mismatch
    )
    return identity, scan_us


def status_of(block: bytes, asked_at_s: float, host_seq: int | None) -> UnitStatus | Trouble:
    """One status block (64 bytes): CRC, both halves of one scan, and the host sequence of its own transaction, unless it was only read."""
    if not _sound(block):
        return _bad(STATUS.name, "CRC")
    values = _STATUS.unpack(block)
    if values[0] & 0xFFFF != values[-2]:
        return _bad(STATUS.name, "torn: two scans in one block")
    if host_seq is not None and values[1] != host_seq:
        return _bad(STATUS.name, f"echoes {values[1]}, asked with {host_seq}")
    return UnitStatus(asked_at_s, *values[:-2])


def slow_of(block: bytes, asked_at_s: float) -> UnitSlow | Trouble:
    """The slow block (64 bytes)."""
    if not _sound(block):
        return _bad(SLOW.name, "CRC")
    (
        scan,
        k1_ms,
        runs,
        causes,
        last,
        rate_1,
        rate_2,
        pressure,
        temperature,
        lamp,
        kv,
        ma,
        tests,
        uptime,
        fraction,
        plan,
        latch,
        left,
        _,
    ) = _SLOW.unpack(block)
    if left and left == scan & 0xFFFF:
        # fault-L7: a status block has the same length, and the low half of its scan at this place; by chance it is so once in 65536 reads, a second late.
        return _bad(SLOW.name, "this is a status block")
    return UnitSlow(
        asked_at_s, scan, k1_ms, runs, causes, last, rate_1, rate_2, pressure / 100.0, temperature / 100.0, lamp,
        None if kv == NOT_FITTED else kv / 100.0, None if ma == NOT_FITTED else ma / 100.0, tests & 0xFF, tests >> 8,
        uptime, fraction, plan, latch, left,
    )  # fmt: skip


def active_of(block: bytes, asked_at_s: float) -> UnitActive:
    """The active set as bytes with the unit's CRC of it, and whether ours agrees (60 bytes)."""
    held, crc = block[:STAGING_BYTES], int.from_bytes(block[STAGING_BYTES:], "big")
    return UnitActive(asked_at_s, held, crc, zlib.crc32(held) == crc)


def history_of(block: bytes) -> tuple[Exposed, ...]:
    """The entries that hold, newest first; empty ones and those torn by a power cut are left out."""
    entries = (block[at : at + HISTORY_ENTRY_B] for at in range(0, len(block), HISTORY_ENTRY_B))
    taken = (_EXPOSED.unpack(entry) for entry in entries if len(entry) == HISTORY_ENTRY_B and _sound(entry))
    return tuple(Exposed(*values[:7]) for values in taken if values[0])


def renew_question(host_seq: int, challenge: int, token: int, lease_ms: int, renew: bool) -> Question:
    """FC23: the host's sequence, and the renewal if there is one, written; the status block read, in one transaction."""
    data = (
        _RENEW.pack(host_seq, challenge, token, lease_ms, VERB_RENEW)
        if renew
        else _RENEW.pack(host_seq, 0, 0, 0, VERB_POLL)
    )
    return read_write("status", RENEW.at, data, STATUS.at, STATUS.registers)


def stage_question(staging: bytes) -> Question:
    return write(STAGING.name, STAGING.at, staging)


def commit_question(crc: int) -> Question:
    return write(COMMIT.name, COMMIT.at, crc.to_bytes(4, "big"))


def arm_question(token: int, active_crc: int, challenge: int, site_key: bytes) -> Question:
    """ARM: token, active_crc, challenge, and the first four bytes of HMAC-SHA256(site key, the twelve bytes before)."""
    return write(ARM.name, ARM.at, _signed(struct.pack(">3I", token, active_crc, challenge), site_key))


def reset_question(token: int, challenge: int, site_key: bytes) -> Question:
    """RESET: token, 0x5253, 0, challenge, and the same signature over the twelve bytes before."""
    return write(RESET.name, RESET.at, _signed(struct.pack(">IHHI", token, RESET_WORD, 0, challenge), site_key))


def test_question(number: int) -> Question:
    return write(TEST.name, TEST.at, number.to_bytes(2, "big"))


def unlatch_question(latch_code: int) -> Question:
    return write(UNLATCH.name, UNLATCH.at, struct.pack(">2H", latch_code, UNLATCH_WORD))


def _signed(block: bytes, site_key: bytes) -> bytes:
    return block + hmac.new(site_key, block, hashlib.sha256).digest()[:MAC_B]
