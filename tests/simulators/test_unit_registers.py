"""The register map as a master reads it: identity, layout, CRC of every block, history, wraps at 2^32, and the injected faults of the unit itself.
Addresses are the page's, typed again."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_bench import ENDED, RUN, Bench

from simulators import unit_map as m
from simulators import unit_registers, unit_requests
from simulators.unit_firmware import UnitFirmware
from simulators.unit_memory import UnitConfig, UnitMemory


def crc_holds(block: bytes) -> bool:
    return zlib.crc32(block[:-4]) == int.from_bytes(block[-4:], "big")


def test_identity() -> None:
    bench = Bench(serial="KU-7", firmware_id=0x0102030405060708)
    data = bench.read(0x0000, 30)
    assert data[:16] == bytes.fromhex("4b45524d 0001 0000 12345678 fffe 000f".replace(" ", ""))
    assert data[16:32] == b"KU-7".ljust(16, b"\0")
    assert data[32:40] == bytes(range(1, 9))
    assert bench.u16(0x0016) == 1000
    assert (bench.u16(0x0017), bench.u32(0x0018), bench.u16(0x001A), bench.u16(0x001B)) == (1200, 10_000_000, 20, 500)
    assert crc_holds(data)


def test_the_table_has_no_hole_and_no_overlap() -> None:
    """Within each block every address has exactly one owner."""
    taken: set[int] = set()
    for register in m.REGISTERS:
        own = set(range(register.address, register.address + register.words))
        assert not own & taken, register
        taken |= own
    for block in (
        m.IDENTITY,
        m.STATUS,
        m.SLOW,
        m.RENEW,
        m.DISARM,
        m.STAGING,
        m.COMMIT,
        m.ARM,
        m.RESET,
        m.TEST,
        m.UNLATCH,
        m.ACTIVE,
    ):
        assert set(range(block.first, block.first + block.words)) <= taken, block
    assert len({r.name for r in m.REGISTERS}) == len(m.REGISTERS)


def test_every_block_carries_its_crc() -> None:
    bench = Bench()
    bench.to_beam()
    for _ in range(300):
        bench.step()
        status, slow = bench.read(0x0100, 32), bench.read(0x0120, 32)
        assert crc_holds(status)
        assert crc_holds(slow)
        assert status[2:4] == status[58:60]
        assert status[:4] == slow[:4]
    both = bench.read(0x0100, 64)
    assert both == bench.read(0x0100, 32) + bench.read(0x0120, 32)
    assert crc_holds(bench.read(0x0340, 30))
    history = bench.read(0x0400, 108) + bench.read(0x046C, 36)
    assert all(crc_holds(history[at : at + 36]) for at in range(0, 288, 36))


def test_contacts_codes_relays_and_health_bits() -> None:
    bench = Bench()
    i = bench.inputs
    assert (bench.u16(0x0109), bench.u16(0x010A)) == (0b10010111, 0b10010111)
    assert bench.u16(0x010B) == 0b1101010
    assert (bench.u16(0x010C), bench.u16(0x010D)) == (0x3333, 0x5555)
    assert bench.u16(0x0116) == 0b11000011
    i.estop_a, i.door_b, i.key_service_a, i.contact_b, i.switch_a, i.test_pulse = False, False, True, False, True, False
    i.applicator_b, i.filter_a = 0x35, 0x56
    i.ht_1, i.saturated_2, i.stuck_1, i.temperature_ok = False, True, True, False
    bench.run_ms(1)
    assert (bench.u16(0x0109), bench.u16(0x010A)) == (0b00111110, 0b00000101)
    assert (bench.u16(0x010C), bench.u16(0x010D)) == (0x3335, 0x5655)
    assert bench.u16(0x0116) == 0b01011010
    bench = Bench()
    bench.to_beam()
    assert bench.u16(0x010B) == 0b1110101


def test_slow_block_values() -> None:
    bench = Bench()
    i = bench.inputs
    i.pressure_10pa, i.temperature_centi_c, i.lamp_ma, i.ma_centi = 9876, -150, 42, 160
    bench.to_beam()
    bench.run_ms(200)
    assert [bench.u16(a) for a in (0x012A, 0x012B, 0x012C, 0x012D, 0x012E, 0x012F, 0x0130)] == [
        200,
        200,
        9876,
        0xFF6A,
        42,
        7000,
        160,
    ]
    assert bench.read(0x0134, 4).hex() == "1122334455667788"
    assert bench.read(0x0138, 4).hex() == "99aabbccddeeff00"
    assert bench.u32(0x0124) == 1
    assert bench.u32(0x0128) == 101
    assert bench.u32(0x0132) == 1


HOLES = [
    (0x001E, 1), (0x001D, 2), (0x0140, 1), (0x0200, 8), (0x0210, 1), (0x031C, 2), (0x0320, 8), (0x035E, 1), (0x0490, 1),
    (0x048F, 2), (0x00FF, 2), (0xFFFF, 1),
]  # fmt: skip


@pytest.mark.parametrize(("address", "words"), HOLES)
def test_unreadable_addresses(address: int, words: int) -> None:
    assert unit_registers.read(Bench().unit, address, words) is None


@given(st.integers(0, 0x29), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_a_part_of_a_block_is_cut_out_of_the_whole(first: int, words: int) -> None:
    """Any stretch within identity reads as the same bytes as in the whole block."""
    unit = UnitFirmware(UnitConfig(site_key=bytes(16)), UnitMemory())
    whole = unit_registers.identity(unit)
    got = unit_registers.read(unit, first, words)
    assert got == (whole[first * 2 : (first + words) * 2] if first + words <= 30 else None)


@given(st.integers(0, 0xFFFF), st.binary(max_size=70))
@settings(max_examples=300, deadline=None)
def test_any_write_is_answered_with_a_code(address: int, data: bytes) -> None:
    """Any address, any bytes: 0, 2 or 3; and no stray write ever closes a contactor."""
    unit = UnitFirmware(UnitConfig(site_key=bytes(16)), UnitMemory())
    assert unit_requests.write(unit, address, data) in (0, 2, 3)
    assert not unit.k1
    assert not unit.k2


def test_history_holds_eight_newest_first() -> None:
    bench = Bench()
    for n in range(10):
        bench.to_beam(count_preset_1=200, fraction_tag=n + 1)
        bench.until(ENDED, 400)
        bench.beam_wanted = False
        bench.release()
        bench.run_ms(1100)
        assert bench.reset() == 0
    data = bench.read(0x0400, 72) + bench.read(0x0448, 72)
    entries = [data[at : at + 36] for at in range(0, 288, 36)]
    assert [int.from_bytes(e[4:12], "big") for e in entries] == list(range(10, 2, -1))
    assert [int.from_bytes(e[:4], "big") for e in entries] == list(range(110, 102, -1))
    assert all(int.from_bytes(e[28:30], "big") == m.Cause.COUNT_PRESET and crc_holds(e) for e in entries)
    assert all(int.from_bytes(e[20:24], "big") >= 200 for e in entries)


def test_scan_sample_and_counts_wrap_at_2_32() -> None:
    bench = Bench()
    bench.to_armed(termination=0x3C, count_preset_1=0, count_limit_2=0, no_dose_ms=0, disagree_permille=0)
    bench.unit.scan_count = 0xFFFFFFFF - 20
    bench.now_us = 0xFFFFFFFF // 1000 * 1000 - 20_000
    bench.inputs.pulses_1 = bench.inputs.pulses_2 = 0xFFFFFFFF - 61
    bench.unit._pulses_1 = bench.unit._pulses_2 = bench.inputs.pulses_1
    bench.press()
    bench.beam_wanted = True
    before = bench.nv.counts_1
    bench.run_ms(15)
    for _ in range(100):
        bench.inputs.pulses_1 &= 0xFFFFFFFF
        bench.inputs.pulses_2 &= 0xFFFFFFFF
        bench.step()
    assert bench.unit.state == RUN
    assert 195 <= bench.nv.counts_1 - before <= 202
    assert bench.u32(0x0100) < 1000
    assert bench.u32(0x0114) == bench.now_us & 0xFFFFFFFF < 1_000_000


def test_retained_counters_wrap_and_never_exceed_32_bits() -> None:
    bench = Bench(hard_cap_counts=2**32 - 1)
    bench.to_armed(termination=0x3C, count_preset_1=0, count_limit_2=0, no_dose_ms=0, disagree_permille=0)
    bench.nv.counts_2 = 0xFFFFFFFF - 31
    bench.press()
    bench.beam_wanted = True
    bench.run_ms(100)
    assert bench.u32(0x0112) < 1000


def test_memory_text_round_trip_and_damage() -> None:
    bench = Bench()
    bench.to_beam()
    bench.run_ms(100)
    text = bench.nv.to_text()
    assert UnitMemory.from_text(text) == bench.nv
    for broken in ("", "{}", text[:-20], text.replace('"last_token": 101', '"last_token": 1')):
        with pytest.raises(ValueError, match="unit memory"):
            UnitMemory.from_text(broken)
    with pytest.raises(ValueError, match="site_key"):
        UnitConfig(site_key=b"short")


def test_injected_faults_show_where_they_say() -> None:
    bench = Bench()
    bench.to_beam(termination=0x3C, preset_ms=50_000)
    faults = bench.unit.faults
    faults.add("timer-slow")
    before = bench.nv.beam_ms
    bench.run_ms(330)
    assert bench.nv.beam_ms - before == 320
    faults.clear()
    faults.add("scan-frozen")
    scan = bench.u32(0x0100)
    bench.run_ms(5)
    assert bench.u32(0x0100) == scan
    faults.clear()
    bench.run_ms(1)
    assert bench.u32(0x0100) == scan + 6
    faults.add("garbled")
    assert not crc_holds(bench.read(0x0100, 32))
    faults.clear()
    faults.add("mirror-lies")
    assert bench.u16(0x010B) & 0b11 == 0b11
    faults.clear()
    assert bench.u16(0x010B) & 0b11 == 0b01
