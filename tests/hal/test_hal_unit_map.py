"""The safety unit's blocks, bytes laid out by hand: what they say, and that a damaged one is never a reading."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import struct
import zlib

import pytest
from hal_scripted import SERIAL, SITE_KEY, STATUS_FIELDS, ScriptedUnit, identity_block, sealed
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import Trouble
from hal.readings import Exposed, UnitStatus
from hal.safety_units import kerma_map as m


def test_identity_says_who_it_is() -> None:
    identity, scan_us = m.identity_of(identity_block(), 5.0, SERIAL, True)
    assert (identity.mismatch, identity.serial, identity.firmware) == ("", SERIAL, "1122334455667788/cafef00d")
    assert (
        identity.capabilities,
        identity.hard_cap_s,
        identity.hard_cap_counts,
        identity.lease_min_ms,
        identity.lease_max_ms,
    ) == (11, 1200, 10_000_000, 20, 500)
    assert (identity.asked_at_s, scan_us) == (5.0, 1000)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (identity_block(magic=0x4B45524E), "magic"),
        (identity_block(major=2), "map_major 2"),
        (identity_block(negative=2), "canaries"),
        (identity_block(serial="KU-0043"), "serial is 'KU-0043'"),
        (identity_block(capabilities=0b1010), "the unit is real"),
        (identity_block()[:-1] + b"\0", "CRC"),
        (bytes(60), "magic"),
        (b"".join(struct.pack("<H", word) for word in struct.unpack(">30H", identity_block())), "magic"),
    ],
    ids=["magic", "major", "canary", "serial", "simulated", "crc", "zeros", "bytes swapped"],
)
def test_another_device_is_a_mismatch_with_words(block: bytes, words: str) -> None:
    """M7: another map, swapped bytes or words, another unit; and a real unit where a simulated one is configured."""
    assert words in m.identity_of(block, 5.0, SERIAL, True)[0].mismatch


def test_a_simulated_unit_is_refused_on_a_real_rig() -> None:
    assert "the unit is simulated" in m.identity_of(identity_block(), 5.0, SERIAL, False)[0].mismatch


def test_swapped_words_are_a_mismatch() -> None:
    block = identity_block()
    swapped = block[2:4] + block[:2] + block[4:]
    assert "magic" in m.identity_of(swapped, 5.0, SERIAL, True)[0].mismatch


def status_block(**values: int) -> bytes:
    unit = ScriptedUnit()
    unit.status |= values
    return unit.status_block()


def test_status_fields_are_where_the_map_puts_them() -> None:
    """Each field its own value, so that two exchanged ones would show."""
    values = {name: 3 + n for n, name in enumerate(STATUS_FIELDS)} | {"scan": 0x12345, "state": 0x8787}
    status = m.status_of(status_block(**values), 7.0, values["host_seq"])
    assert isinstance(status, UnitStatus)
    assert {name: getattr(status, name if name != "host_seq" else "host_seq_echo") for name in STATUS_FIELDS} == values
    assert status.asked_at_s == 7.0


def test_a_status_of_another_transaction_is_not_believed() -> None:
    """L7, L8: a stuck or swapped reply carries another host sequence."""
    assert isinstance(m.status_of(status_block(host_seq=8), 7.0, 9), Trouble)
    assert isinstance(m.status_of(status_block(host_seq=8), 7.0, None), UnitStatus)


def test_a_torn_status_is_not_believed() -> None:
    body = bytearray(status_block(scan=5)[:60])
    body[58:60] = struct.pack(">H", 6)
    assert isinstance(m.status_of(sealed(bytes(body)), 7.0, None), Trouble)


@given(st.integers(0, 511), st.sampled_from(["status", "slow"]))
def test_every_flipped_bit_of_a_block_is_found(bit: int, which: str) -> None:
    block = bytearray(status_block() if which == "status" else ScriptedUnit().slow)
    block[bit // 8] ^= 1 << bit % 8
    decoded = m.status_of(bytes(block), 1.0, None) if which == "status" else m.slow_of(bytes(block), 1.0)
    assert isinstance(decoded, Trouble)


def test_the_slow_block() -> None:
    slow = m.slow_of(ScriptedUnit().slow, 3.0)
    assert not isinstance(slow, Trouble)
    assert (slow.run_count, slow.last_token, slow.rate_1, slow.rate_2) == (5, 77, 1, 2)
    assert (slow.pressure_kpa, slow.temperature_c, slow.lamp_ma) == (101.32, 22.05, 120)
    assert (slow.kv_monitor, slow.ma_monitor) == (None, 1.60)
    assert (slow.tests_passed, slow.renewals_not_held) == (6, 2)
    assert (slow.uptime_s, slow.fraction_tag, slow.plan_tag, slow.latch_code, slow.arm_left_s) == (60, 7, 8, 9, 10)


def test_the_active_set_is_bytes_and_our_own_sum_over_them() -> None:
    held = bytes(range(56))
    good = m.active_of(held + struct.pack(">I", zlib.crc32(held)), 1.0)
    assert (good.block, good.active_crc, good.crc_ok) == (held, zlib.crc32(held), True)
    assert not m.active_of(held + b"\0\0\0\1", 1.0).crc_ok


def test_history_leaves_out_what_is_empty_or_torn() -> None:
    entry = sealed(struct.pack(">IQIIIIHH", 41, 7, 3000, 3100, 8000, 8100, 1, 0))
    torn = entry[:-1] + bytes([entry[-1] ^ 1])
    assert m.history_of(entry + torn + sealed(bytes(32)) * 4) == (Exposed(41, 7, 3000, 3100, 8000, 8100, 1),)


def test_arm_and_reset_are_signed_over_the_bytes_before() -> None:
    arm = m.arm_question(5, 0xAABBCCDD, 0x01020304, SITE_KEY)
    body = bytes.fromhex("00000005 AABBCCDD 01020304")
    assert (arm.write_at, arm.data) == (0x320, body + hmac.new(SITE_KEY, body, hashlib.sha256).digest()[:4])
    reset = m.reset_question(5, 0x01020304, SITE_KEY)
    body = bytes.fromhex("00000005 5253 0000 01020304")
    assert (reset.write_at, reset.data) == (0x328, body + hmac.new(SITE_KEY, body, hashlib.sha256).digest()[:4])


def test_the_other_writes() -> None:
    renew = m.renew_question(9, 0x0A0B0C0D, 5, 200, True)
    assert (renew.function, renew.write_at, renew.read_at, renew.count) == (23, 0x200, 0x100, 32)
    assert renew.data == bytes.fromhex("00000009 0A0B0C0D 00000005 00C8 5AA5")
    assert m.renew_question(9, 7, 5, 200, False).data == bytes.fromhex("00000009 00000000 00000000 0000 0000")
    assert (m.commit_question(0xDEADBEEF).write_at, m.commit_question(0xDEADBEEF).data) == (0x31C, b"\xde\xad\xbe\xef")
    assert (m.unlatch_question(0x12).write_at, m.unlatch_question(0x12).data) == (0x334, bytes.fromhex("0012554C"))
    assert (m.test_question(3).write_at, m.test_question(3).data) == (0x330, b"\0\3")
    assert (m.DISARM_NOW.function, m.DISARM_NOW.write_at) == (6, 0x210)


def test_blocks_do_not_overlap() -> None:
    ends = sorted((block.at, block.at + block.registers) for block in m.BLOCKS)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(ends))


@given(st.binary(min_size=60, max_size=60))
def test_no_identity_or_active_block_raises(block: bytes) -> None:
    m.identity_of(block, 1.0, SERIAL, True)
    m.active_of(block, 1.0)
    m.identity_of(sealed(block[:56]), 1.0, SERIAL, False)


@given(st.binary(min_size=60, max_size=60), st.binary(max_size=300))
def test_no_sound_block_raises(body: bytes, history: bytes) -> None:
    m.status_of(sealed(body), 1.0, None)
    m.slow_of(sealed(body), 1.0)
    m.history_of(history)
