"""The safety unit's readable registers as bytes, each block of one scan and with its CRC-32.
It knows how values are laid out; it decides nothing and changes nothing."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from simulators import unit_map as m
from simulators.unit_firmware import MASK32, UnitFirmware

_IDENTITY: Final = struct.Struct(">HHHHIHH16sQIHHIHH")
_STATUS: Final = struct.Struct(">IIIHHHHHHHHIIIIHHIIHH")
_SLOW: Final = struct.Struct(">IIIIIHHHhHHHHIQQHH")
_EXPOSURE: Final = struct.Struct(">IQIIIIHH")
_CRC: Final = struct.Struct(">I")
_FIRMWARE_CRC: Final = zlib.crc32(b"kerma simulated safety unit, map 1.0")
_NO_SET: Final = bytes(m.STAGING.words * 2)


def _sealed(body: bytes) -> bytes:
    return body + _CRC.pack(zlib.crc32(body))


def _clip16(value: int) -> int:
    """A rate that does not fit reads as the highest value, never as a low one."""
    return value if value < 0xFFFF else 0xFFFF


def identity(unit: UnitFirmware) -> bytes:
    """0000-001D."""
    config = unit.config
    capabilities = (
        m.CAP_SIMULATED
        | config.k2_fitted * m.CAP_K2
        | config.monitor_fitted * m.CAP_MONITOR
        | config.hold_to_run * m.CAP_HOLD
    )
    return _sealed(
        _IDENTITY.pack(
            *m.MAGIC, m.MAP_MAJOR, m.MAP_MINOR, m.CANARY_U32, m.CANARY_I16, capabilities, config.serial.encode("ascii"),
            config.firmware_id, _FIRMWARE_CRC, 1000, config.hard_cap_s, config.hard_cap_counts, config.lease_min_ms,
            config.lease_max_ms,
        )
    )  # fmt: skip


def relay_bits(unit: UnitFirmware) -> int:
    """010B, as the unit sees its contactors and lamps; the injected fault mirror-lies turns K1's mirror round in the report only."""
    i = unit.inputs
    mirror_1 = i.k1_mirror_open != ("mirror-lies" in unit.faults)
    return (
        unit.k1 | mirror_1 << 1 | unit.k2 << 2 | i.k2_mirror_open << 3 | unit.hv_seen << 4 | i.beam_lamp_ok << 5
        | i.ready_lamp_ok << 6
    )  # fmt: skip


def _scan_reported(unit: UnitFirmware) -> int:
    """The scan counter; while the injected fault scan-frozen lasts, its value at the first read."""
    if "scan-frozen" not in unit.faults:
        unit.frozen_scan = -1
        return unit.scan_count
    if unit.frozen_scan < 0:
        unit.frozen_scan = unit.scan_count
    return unit.frozen_scan


def status(unit: UnitFirmware) -> bytes:
    """0100-011F."""
    i, nv = unit.inputs, unit.nv
    scan = _scan_reported(unit)
    health = (
        i.ht_1 | i.ht_2 << 1 | i.saturated_1 << 2 | i.saturated_2 << 3 | i.stuck_1 << 4 | i.stuck_2 << 5
        | i.pressure_ok << 6 | i.temperature_ok << 7
    )  # fmt: skip
    return _sealed(
        _STATUS.pack(
            scan, unit.host_seq, unit.challenges[0], unit.state, 0 if "cause-lost" in unit.faults else unit.first_cause, nv.boot_count, unit.contacts_a,
            unit.contacts_b, relay_bits(unit), i.applicator_a << 8 | i.applicator_b, i.filter_a << 8 | i.filter_b,
            nv.beam_ms & MASK32, nv.counts_1, nv.counts_2, unit.sample_us, health, max(unit.lease_left_ms, 0),
            unit.armed_token or nv.retained_token, zlib.crc32(nv.active) if nv.active else 0, unit.press_count,
            scan & 0xFFFF,
        )
    )  # fmt: skip


def slow(unit: UnitFirmware) -> bytes:
    """0120-013F."""
    i, nv, limits = unit.inputs, unit.nv, unit.limits
    return _sealed(
        _SLOW.pack(
            _scan_reported(unit), nv.k1_ms & MASK32, nv.run_count, unit.causes_all, nv.last_token, _clip16(unit.chambers.rate_1),
            _clip16(unit.chambers.rate_2), _clip16(i.pressure_10pa), max(-32768, min(32767, i.temperature_centi_c)),
            _clip16(i.lamp_ma), _clip16(i.kv_centi), _clip16(i.ma_centi), unit.bad_renewals << 8 | unit.tests_passed,
            unit.uptime_ms // 1000 & MASK32, limits.fraction_tag if limits else 0, limits.plan_tag if limits else 0,
            nv.latch_code, (max(unit.arm_left_ms, 0) + 999) // 1000,
        )
    )  # fmt: skip


def staging(unit: UnitFirmware) -> bytes:
    """0300-031B, as last written since boot."""
    return unit.staging


def active(unit: UnitFirmware) -> bytes:
    """0340-035D: the committed set and its CRC-32; all zero when there is none."""
    set_ = unit.nv.active
    return _sealed(set_) if set_ else _NO_SET + bytes(4)


def history(unit: UnitFirmware) -> bytes:
    """0400-048F: eight entries, newest first; an empty one is zero with its CRC-32."""
    entries = b"".join(
        _sealed(
            _EXPOSURE.pack(
                e.token, e.fraction_tag, e.beam_ms & MASK32, e.k1_ms & MASK32, e.counts_1, e.counts_2, e.cause, 0
            )
        )
        for e in unit.history()
    )
    missing = m.HISTORY_ENTRIES - len(unit.nv.history)
    return entries + _sealed(bytes(_EXPOSURE.size)) * missing


def read(unit: UnitFirmware, address: int, words: int) -> bytes | None:
    """Registers address .. address + words - 1 of one scan as wire bytes; None if any of them is not readable (exception 2)."""
    block = m.within(m.READABLE, address, words)
    if block is None or words < 1:
        return None
    if block is m.READABLE[1]:
        if address == m.STATUS.first and words <= m.STATUS.words:
            data = status(unit)
        else:
            data = status(unit) + slow(unit)
    elif block is m.IDENTITY:
        data = identity(unit)
    elif block is m.STAGING:
        data = staging(unit)
    elif block is m.ACTIVE:
        data = active(unit)
    else:
        data = history(unit)
    first = (address - block.first) * 2
    data = data[first : first + words * 2]
    if "garbled" in unit.faults:
        at = unit.scan_count * 7 % len(data)
        data = data[:at] + bytes((data[at] ^ 0x5A,)) + data[at + 1 :]
    return data
