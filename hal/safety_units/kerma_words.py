"""What passes on the wire of Kerma's safety unit, in words: blocks by name, states and causes by theirs, a signature in hex and nothing else.
It is for people; no driver believes a word of it (kerma_map does that)."""

from __future__ import annotations

import struct
from typing import Final

from hal.commands import STAGING_BYTES
from hal.errors import Trouble
from hal.modbus import READ_WRITE, WRITE, WRITE_ONE
from hal.modbus_words import NAMES, Telling, words
from hal.readings import Cause, Contact, Relay, UnitState
from hal.safety_units import kerma_map as m

_RENEW: Final = struct.Struct(">3I2H")
_SIGNED: Final = struct.Struct(">3I4s")


def decode(sent: bool, data: bytes) -> str:
    """A piece of the wire log in words, Modbus TCP or RTU. Never raises."""
    return words(_TELLING, sent, data)


def _request(function: int, read_at: int, count: int, write_at: int, data: bytes) -> str:
    if function == READ_WRITE and write_at == m.RENEW.at and read_at == m.STATUS.at:
        return _renewal(data)
    if function in (WRITE, WRITE_ONE):
        return _written(write_at, data)
    if read_at == 0 and count != m.IDENTITY.registers:
        return f"fence: read {count} registers at 0000"
    return f"{NAMES[function]} {_block(read_at)} ({count} registers)"


def _renewal(data: bytes) -> str:
    seq, challenge, token, lease_ms, verb = _RENEW.unpack(data)
    if verb == m.VERB_RENEW:
        return f"renew token {token} seq {seq} lease {lease_ms} ms challenge {challenge:08x}"
    return f"status? seq {seq}" if verb == m.VERB_POLL else f"status? seq {seq}, unknown verb {verb:04x}"


def _written(at: int, data: bytes) -> str:
    value = int.from_bytes(data, "big")
    if at == m.DISARM.at:
        return "DISARM"
    if at == m.STAGING.at:
        return f"stage {len(data)} bytes"
    if at == m.COMMIT.at:
        return f"commit crc {value:08x}"
    if at == m.ARM.at:
        token, crc, challenge, mac = _SIGNED.unpack(data)
        return f"ARM token {token} crc {crc:08x} challenge {challenge:08x} mac {mac.hex()}"
    if at == m.RESET.at:
        token, _, challenge, mac = _SIGNED.unpack(data)
        return f"RESET token {token} challenge {challenge:08x} mac {mac.hex()}"
    if at == m.TEST.at:
        return f"test {value}"
    if at == m.UNLATCH.at:
        return f"unlatch code {value >> 16}"
    return f"write {len(data) // 2} registers at {at:04x}"


def _reply(function: int, data: bytes) -> str:
    if function in (WRITE, WRITE_ONE):
        return f"{_block(int.from_bytes(data[:2], 'big'))} accepted"
    if len(data) == 2 * m.STATUS.registers:
        return _status_or_slow(function, data)
    if len(data) == 2 * m.IDENTITY.registers:
        return _identity(data) if data[:4] == m.MAGIC.to_bytes(4, "big") else _active(data)
    if len(data) == 2 * m.HISTORY.registers:
        return _history(data)
    return f"{len(data) // 2} registers: {data.hex()}"


def _status_or_slow(function: int, data: bytes) -> str:
    status = m.status_of(data, 0.0, None)
    if not isinstance(status, Trouble):
        state = (
            UnitState(status.state).name
            if status.state in UnitState._value2member_map_
            else f"state {status.state:04x}"
        )
        cause = f" ended by {_cause(status.first_cause)}" if status.first_cause else ""
        pair = "" if status.contacts_a == status.contacts_b else f" (B: {_names(Contact, status.contacts_b)})"
        return (
            f"status {state}{cause} seq {status.host_seq_echo} scan {status.scan} token {status.token} lease {status.lease_left_ms} ms, "
            f"beam {status.beam_ms} ms, counts {status.counts_1} and {status.counts_2}, "
            f"closed: {_names(Contact, status.contacts_a)}{pair}; {_names(Relay, status.relays)}"
        )
    slow = m.slow_of(data, 0.0)
    if function == READ_WRITE or isinstance(slow, Trouble):
        return f"status that does not hold: {status.detail}"
    return (
        f"slow scan {slow.scan} runs {slow.run_count} last token {slow.last_token}, rates {slow.rate_1} and {slow.rate_2}, "
        f"{slow.pressure_kpa:.2f} kPa {slow.temperature_c:.2f} C, tests {slow.tests_passed:02x}, latch {slow.latch_code}, up {slow.uptime_s} s"
    )


def _identity(data: bytes) -> str:
    who, _ = m.identity_of(data, 0.0, "", True)
    return f"identity serial {who.serial!r} firmware {who.firmware} capabilities {who.capabilities:04x}"


def _active(data: bytes) -> str:
    active = m.active_of(data, 0.0)
    held = "holds" if active.crc_ok else "DOES NOT HOLD"
    return f"active set of {STAGING_BYTES} bytes, crc {active.active_crc:08x} {held}"


def _history(data: bytes) -> str:
    entries = (f"token {one.token} {one.beam_ms} ms {_cause(one.cause)}" for one in m.history_of(data))
    return "history " + (", ".join(entries) or "empty")


def _block(at: int) -> str:
    return next((block.name for block in m.BLOCKS if block.at == at), f"register {at:04x}")


def _cause(number: int) -> str:
    return Cause(number).name if number in Cause._value2member_map_ else f"cause {number}"


def _names(flags: type[Contact] | type[Relay], bits: int) -> str:
    return " ".join(flag.name for flag in flags if flag.name is not None and bits & flag) or "none"


_TELLING: Final = Telling(_request, _reply)
