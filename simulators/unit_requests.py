"""What a master may ask of the safety unit by writing registers: each request is checked whole, then done whole, or refused with a reason and nothing changed.
It knows blocks of bytes, not wires; the reasons are for the simulator's log, a wire only carries the exception code."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from collections.abc import Callable
from typing import Final

from simulators import unit_map as m
from simulators.unit_firmware import ARMED, COMMITTED, ENDED, IDLE, LATCHED, MASK32, MIN_OFF_MS, RUN, TEST, UnitFirmware
from simulators.unit_limits import refusal
from simulators.unit_pins import guards

_STAGING_STATES: Final = frozenset({IDLE, COMMITTED, ENDED})
_RESTING_STATES: Final = frozenset({IDLE, ENDED})
MAC_BYTES: Final = 12


def mac(site_key: bytes, data: bytes) -> int:
    """First four bytes, big endian, of HMAC-SHA256 over the block's bytes before the mac."""
    return int.from_bytes(hmac.new(site_key, data, hashlib.sha256).digest()[:4], "big")


def _relays_refusal(unit: UnitFirmware) -> str:
    inputs = unit.inputs
    if unit.k1 or unit.k2 or not inputs.k1_mirror_open or not (inputs.k2_mirror_open or not unit.config.k2_fitted):
        return "a contactor is not open"
    return "HV is seen" if unit.hv_seen else ""


def _signed_refusal(unit: UnitFirmware, data: bytes, challenge: int) -> str:
    if unit.challenge_age_ms(challenge) > unit.config.lease_max_ms // 2:
        return "the challenge is not one of the newest"
    if mac(unit.config.site_key, data[:MAC_BYTES]) != int.from_bytes(data[MAC_BYTES:], "big"):
        return "the mac is wrong"
    return ""


def _renew(unit: UnitFirmware, data: bytes) -> str:
    """0200-0207: poll or RENEW; a RENEW that does not hold is a poll, and is counted."""
    seq, challenge, token, lease_ms, verb = struct.unpack(">IIIHH", data)
    if verb not in (m.VERB_POLL, m.VERB_RENEW):
        return f"verb {verb:#06x} is neither poll nor RENEW"
    if not 1 <= (seq - unit.host_seq) & MASK32 <= 0x7FFFFFFF:
        return f"host_seq {seq} is not newer than {unit.host_seq}"
    unit.host_seq = seq
    if verb == m.VERB_RENEW:
        limits = unit.limits
        holds = (
            unit.state in (ARMED, RUN)
            and limits is not None
            and token == unit.armed_token
            and unit.challenge_age_ms(challenge) <= limits.lease_max_ms // 2
            and unit.config.lease_min_ms <= lease_ms <= limits.lease_max_ms
        )
        if holds:
            unit.lease_left_ms = lease_ms
        elif unit.bad_renewals < 0xFF:
            unit.bad_renewals += 1
    return ""


def _disarm(unit: UnitFirmware, _data: bytes) -> str:
    """0210: any value, any master, any state, never refused."""
    if unit.state in (ARMED, COMMITTED, TEST, RUN):
        unit.end(1 << m.Cause.DISARM)
    return ""


def _stage(unit: UnitFirmware, data: bytes) -> str:
    if unit.state not in _STAGING_STATES:
        return "staging is writable in IDLE, COMMITTED and ENDED only"
    unit.staging = data
    unit.state = IDLE
    return ""


def _commit(unit: UnitFirmware, data: bytes) -> str:
    if unit.state not in _STAGING_STATES:
        return "COMMIT is for IDLE, COMMITTED and ENDED only"
    if int.from_bytes(data, "big") != zlib.crc32(unit.staging):
        return "the CRC-32 is not that of the staged set"
    why = refusal(unit.staging, unit.config, unit.nv)
    if why:
        return why
    unit.nv.active = unit.staging
    unit.use_active()
    unit.first_cause = unit.causes_all = 0
    unit.state = COMMITTED
    unit.note("COMMITTED")
    return ""


def _arm(unit: UnitFirmware, data: bytes) -> str:
    token, crc, challenge = struct.unpack(">III", data[:MAC_BYTES])
    limits = unit.limits
    if unit.state != COMMITTED or limits is None:
        return "ARM is for COMMITTED only"
    why = _signed_refusal(unit, data, challenge)
    if why:
        return why
    if token <= unit.nv.last_token:
        return f"token {token} is not above the last one, {unit.nv.last_token}"
    if crc != zlib.crc32(unit.nv.active):
        return "active_crc is not that of the ACTIVE set"
    if unit.k1_open_ms < MIN_OFF_MS:
        return f"K1 has been open for {unit.k1_open_ms} ms, less than {MIN_OFF_MS}"
    why = _relays_refusal(unit)
    if why:
        return why
    if (unit.contacts_a | unit.contacts_b) & m.IN_SWITCH:
        return "the beam-on switch is pressed"
    bits = unit.pins.demands(unit.contacts_a, unit.contacts_b, *guards(limits), unit.inputs, limits)
    if bits:
        return "not ready: " + ", ".join(cause.name for cause in m.Cause if bits >> cause & 1)
    unit.arm(token)
    return ""


def _reset(unit: UnitFirmware, data: bytes) -> str:
    token, word, zero, challenge = struct.unpack(">IHHI", data[:MAC_BYTES])
    if unit.state not in _RESTING_STATES:
        return "RESET is for IDLE and ENDED only"
    if word != m.RESET_WORD or zero != 0:
        return "the RESET words are wrong"
    why = _signed_refusal(unit, data, challenge)
    if why:
        return why
    if token == 0 or token != unit.nv.retained_token:
        return f"token {token} is not the retained one, {unit.nv.retained_token}"
    if unit.hv_seen:
        return "HV is seen"
    unit.forget()
    unit.note(f"RESET token {token}")
    return ""


def _test(unit: UnitFirmware, data: bytes) -> str:
    number = int.from_bytes(data, "big")
    if unit.state not in _RESTING_STATES:
        return "TEST is for IDLE and ENDED only"
    if number not in m.TESTS:
        return f"TEST {number} is not one of 1 .. {len(m.TESTS)}"
    why = _relays_refusal(unit)
    if why:
        return why
    unit.start_test(number)
    return ""


def _unlatch(unit: UnitFirmware, data: bytes) -> str:
    code, word = struct.unpack(">HH", data)
    if unit.state != LATCHED:
        return "UNLATCH is for LATCHED only"
    if word != m.UNLATCH_WORD or code != unit.nv.latch_code:
        return "latch code or UNLATCH word is wrong"
    both, either = unit.contacts_a & unit.contacts_b, unit.contacts_a | unit.contacts_b
    if not both & m.IN_KEY_SERVICE or either & m.IN_KEY_TREAT:
        return "the key is not in SERVICE"
    why = _relays_refusal(unit)
    if why:
        return why
    unit.nv.latch_code = 0
    unit.state = unit.resting_state()
    unit.note("UNLATCH")
    return ""


_ACTIONS: Final[dict[int, Callable[[UnitFirmware, bytes], str]]] = {
    m.RENEW.first: _renew,
    m.DISARM.first: _disarm,
    m.STAGING.first: _stage,
    m.COMMIT.first: _commit,
    m.ARM.first: _arm,
    m.RESET.first: _reset,
    m.TEST.first: _test,
    m.UNLATCH.first: _unlatch,
}
_WORDS: Final = {block.first: block.words for block in m.WRITABLE}
_NAMES: Final = {block.first: block.name for block in m.WRITABLE}


def write(unit: UnitFirmware, address: int, data: bytes) -> int:
    """Write one whole block; 0 if done, else Modbus exception 2 (no such block) or 3 (refused; nothing has changed)."""
    action = _ACTIONS.get(address)
    if action is None or len(data) != _WORDS[address] * 2:
        return 2
    why = action(unit, data)
    if why:
        unit.note(f"refused {_NAMES[address]}: {why}")
        return 3
    return 0
