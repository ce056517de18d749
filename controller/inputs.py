"""What came into a tick from outside, packed so that the recorded tick can be played again: readings, times, the desk's packets, the recorder's word;
and what left the gate in it.
It knows how to write and read these; what is made of them is the loop's, and playing them is records/replay.py's."""

from __future__ import annotations

import math
import struct
from operator import is_
from typing import Any, Final

import msgspec

from controller.entries import Ack, Statement
from controller.ring import TickRow
from hal.commands import Command
from hal.machine import Renewal
from hal.readings import (
    Exposed,
    GeneratorFlags,
    GeneratorIdentity,
    GeneratorMonitor,
    GeneratorSetPoints,
    Link,
    Readings,
    Refusal,
    UnitActive,
    UnitIdentity,
    UnitSlow,
    UnitStatus,
)
from interlocks.gate import OFF_LOOKED, OFF_PASSED, OFF_WAITS

_FAST: Final = struct.Struct("<Bddddd dIIIHBBBBIBHIIH dddd ii dB")
"""Bits, five times of this computer, the unit's status but for what the tick's own layout has, the monitor, the flags."""
FAST_BYTES: Final = _FAST.size
_CAME: Final = struct.Struct(_FAST.format + "BHI")
"""The same, with what left the gate behind it: bits, the renewed lease in ms, its token. A record of before ends after FAST_BYTES."""
CAME_BYTES: Final = _CAME.size
_LEFT: Final = struct.Struct("<BHI")

_UNIT, _MONITOR, _FLAGS, _UNIT_LOST, _GENERATOR_LOST, _SCAN_TRUE, _STOP, _ENDING = (1 << bit for bit in range(8))
_RENEWED, _WRITTEN, _WANTED = 16, 32, 64
"""Above the bits of `Gate.offs`: a lease was renewed, a command was written, and it was the very one that was wanted."""
_HV, _LINE, _SUPPLY, _REMOTE, _FAULT, _LINE_DIFFERS = (1 << bit for bit in range(6))
"""A line that is not closed was seen open, and a closed one not, unless the last bit is set. Records of an older program, which never set it, are played as
that program took them."""
_NO_UNIT: Final = (math.nan, *(0,) * 14)
_NO_MONITOR: Final = (math.nan, 0.0, 0.0, 0.0, 0, 0)
_NO_FLAGS: Final = (math.nan, 0)
_U16, _U32 = 0xFFFF, 0xFFFF_FFFF


class Times(msgspec.Struct, frozen=True, gc=False):
    """The clock as this tick read it, monotonic s: at its begin, at its look, and by the gate when it let the command out."""

    begun_s: float
    looked_s: float
    passed_s: float


class Heard(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the desk and the signals brought in one tick: STOP datagrams, a signal that asks for the end, packets by client, clients that are gone."""

    stop: bool = False
    ending: bool = False
    packets: tuple[tuple[int, bytes], ...] = ()
    gone: tuple[int, ...] = ()


class Left(msgspec.Struct, frozen=True):
    """What left the gate in one tick: OFFs, the renewal, whether a command was written and whether it was the one wanted (its tag is in the tick)."""

    bits: int
    lease_ms: int
    token: int

    @property
    def renewed(self) -> bool:
        return bool(self.bits & _RENEWED)

    @property
    def offs(self) -> tuple[bool, ...]:
        """The OFFs in their order, each: its bytes have left."""
        return tuple(not self.bits & which << OFF_WAITS for which in (OFF_LOOKED, OFF_PASSED) if self.bits & which)

    def words(self) -> str:
        told = [words for bit, words in _LEFT_WORDS if self.bits & bit]
        if self.renewed:
            told.append(f"the lease of token {self.token} renewed for {self.lease_ms} ms")
        if self.bits & _WRITTEN:
            told.append("the wanted command" if self.bits & _WANTED else "a command other than the one wanted")
        return ", ".join(told) or "nothing"


_LEFT_WORDS: Final = (
    (OFF_LOOKED, "OFF at the look"),
    (OFF_LOOKED << OFF_WAITS, "its bytes still waiting"),
    (OFF_PASSED, "OFF"),
    (OFF_PASSED << OFF_WAITS, "its bytes still waiting"),
)
NOTHING_HEARD: Final = Heard()

RARE: Final[dict[str, Any]] = {
    "slow": UnitSlow | None,
    "unit_identity": UnitIdentity | None,
    "active": UnitActive | None,
    "history": tuple[Exposed, ...] | None,
    "generator_identity": GeneratorIdentity | None,
    "set_points": GeneratorSetPoints | None,
    "refusal": Refusal | None,
    "faults": tuple[str, ...],
    "ack": Ack | None,
    "statement": Statement | None,
    "packets": tuple[tuple[int, bytes], ...],
    "gone": tuple[int, ...],
}
"""What changes seldom, by name: told only in the tick in which it changed; packets and gone clients are of their tick alone."""
_OF_READINGS: Final = ("slow", "unit_identity", "active", "history", "generator_identity", "set_points", "refusal")
_OF_TICK: Final = ("packets", "gone")
_STANDING: Final = (*_OF_READINGS, "faults", "ack", "statement")
_UNTOLD: Final = object()
_DECODERS: Final = {name: msgspec.msgpack.Decoder(of) for name, of in RARE.items()}
_DECODE_PARTS: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])


def pack_fast(
    times: Times,
    r: Readings,
    heard: Heard,
    offs: int = 0,
    renewed: Renewal | None = None,
    written: Command | None = None,
    wanted: Command | None = None,
) -> bytes:
    """The part that every recorded tick carries, `CAME_BYTES` long; the last four are the gate's own word and what was wanted of it.

    Values are cut to their register's width: a tick may not fail for its record.
    """
    unit, monitor, flags = r.unit, r.monitor, r.flags
    bits = (
        (_UNIT if unit is not None else 0)
        | (_MONITOR if monitor is not None else 0)
        | (_FLAGS if flags is not None else 0)
        | (_UNIT_LOST if r.unit_link.lost else 0)
        | (_GENERATOR_LOST if r.generator_link.lost else 0)
        | (_SCAN_TRUE if r.scan_true else 0)
        | (_STOP if heard.stop else 0)
        | (_ENDING if heard.ending else 0)
    )
    left = (
        offs
        | (_RENEWED if renewed is not None else 0)
        | (_WRITTEN if written is not None else 0)
        | (_WANTED if written is not None and written is wanted else 0)
    )
    return _CAME.pack(
        bits,
        times.begun_s,
        times.looked_s,
        times.passed_s,
        math.nan if r.on_sent_at_s is None else r.on_sent_at_s,
        math.nan if r.off_sent_at_s is None else r.off_sent_at_s,
        *(_NO_UNIT if unit is None else _unit(unit)),
        *(_NO_MONITOR if monitor is None else _monitor(monitor)),
        *(_NO_FLAGS if flags is None else _flags(flags)),
        left,
        renewed.lease_ms & _U16 if renewed is not None else 0,
        renewed.token & _U32 if renewed is not None else 0,
    )


def left_of(came: bytes) -> Left | None:
    """What left the gate, of the part that a recorded tick carries; None in a record of before it was kept."""
    return Left(*_LEFT.unpack_from(came, FAST_BYTES)) if len(came) >= CAME_BYTES else None


def _unit(u: UnitStatus) -> tuple[float | int, ...]:
    return (
        u.asked_at_s,
        u.scan & _U32,
        u.host_seq_echo & _U32,
        u.challenge & _U32,
        u.boot_count & _U16,
        u.applicator_a & 0xFF,
        u.applicator_b & 0xFF,
        u.filter_a & 0xFF,
        u.filter_b & 0xFF,
        u.sample_us & _U32,
        u.health & 0xFF,
        u.lease_left_ms & _U16,
        u.token & _U32,
        u.active_crc & _U32,
        u.press_count & _U16,
    )


def _monitor(m: GeneratorMonitor) -> tuple[float | int, ...]:
    return m.asked_at_s, m.kv, m.ma, m.filament_a, _cut(m.kv_set_counts), _cut(m.ma_set_counts)


def _cut(counts: int) -> int:
    return max(-1, min(counts, 0x7FFF_FFFF))


def _flags(f: GeneratorFlags) -> tuple[float | int, ...]:
    bits = (
        (_HV if f.hv_on else 0)
        | (_LINE if f.interlock_closed else 0)
        | (_SUPPLY if f.supply_ready else 0)
        | (_REMOTE if f.remote else 0)
        | (_FAULT if f.fault else 0)
        | (_LINE_DIFFERS if f.interlock_open is f.interlock_closed else 0)
    )
    return f.asked_at_s, bits


class Told:
    """Remembers what was told of the parts that change seldom, so that each is told again only when it changes."""

    def __init__(self) -> None:
        self._encode = msgspec.msgpack.Encoder()
        self.begin()

    def begin(self) -> None:
        """From now on everything is news."""
        self._last: tuple[object, ...] = (_UNTOLD,) * len(_STANDING)

    def news(self, r: Readings, heard: Heard, ack: Ack | None, statement: Statement | None) -> bytes | None:
        """The entry that tells what changed, packed; None when nothing did."""
        last = self._last
        now = (
            r.slow,
            r.unit_identity,
            r.active,
            r.history,
            r.generator_identity,
            r.set_points,
            r.refusal,
            r.flags.faults if r.flags is not None else (),
            ack,
            statement,
        )
        if heard is NOTHING_HEARD and all(map(is_, now, last)):
            return None
        self._last = now
        changed: dict[str, Any] = {
            name: value for name, value, before in zip(_STANDING, now, last, strict=True) if value is not before
        }
        if heard.packets:
            changed["packets"] = heard.packets
        if heard.gone:
            changed["gone"] = heard.gone
        return self._encode.encode(changed) if changed else None


class Standing:
    """The other side of `Told`: what stands of the parts that change seldom, tick by tick."""

    def __init__(self) -> None:
        self._now: dict[str, Any] = dict.fromkeys(RARE) | {"faults": (), "packets": (), "gone": ()}

    def take(self, news: bytes | None) -> None:
        """What one tick's entry told; None: it had none. Raises msgspec.DecodeError for bytes that are no such entry."""
        self._now |= dict.fromkeys(_OF_TICK, ())
        for name, raw in _DECODE_PARTS.decode(news).items() if news is not None else ():
            if name in _DECODERS:
                self._now[name] = _DECODERS[name].decode(raw)

    @property
    def ack(self) -> Ack | None:
        """The recorder's acknowledgement as this tick read it."""
        found: Ack | None = self._now["ack"]
        return found

    @property
    def statement(self) -> Statement | None:
        """The recorder's statement as this tick read it."""
        found: Statement | None = self._now["statement"]
        return found

    def tick(self, row: TickRow, fast: bytes) -> tuple[Times, Readings, Heard]:
        """One recorded tick's times, readings and what was heard. A link's figures are not kept: they go into words, and into no decision."""
        bits, begun, looked, passed, on_sent, off_sent, *rest = _FAST.unpack_from(fast)
        unit, monitor, flags = rest[:15], rest[15:21], rest[21:]
        now = self._now
        readings = Readings(
            now_s=looked,
            unit_link=Link(lost=bool(bits & _UNIT_LOST)),
            generator_link=Link(lost=bool(bits & _GENERATOR_LOST)),
            unit=_unit_of(row, unit) if bits & _UNIT else None,
            monitor=GeneratorMonitor(*monitor) if bits & _MONITOR else None,
            flags=_flags_of(flags[0], flags[1], now["faults"]) if bits & _FLAGS else None,
            on_sent_at_s=None if math.isnan(on_sent) else on_sent,
            off_sent_at_s=None if math.isnan(off_sent) else off_sent,
            scan_true=bool(bits & _SCAN_TRUE),
            **{name: now[name] for name in _OF_READINGS},
        )
        heard = Heard(bool(bits & _STOP), bool(bits & _ENDING), now["packets"], now["gone"])
        return Times(begun, looked, passed), readings, heard


def _unit_of(row: TickRow, u: list[Any]) -> UnitStatus:
    return UnitStatus(
        asked_at_s=u[0],
        scan=u[1],
        host_seq_echo=u[2],
        challenge=u[3],
        state=row.unit_state,
        first_cause=row.first_cause,
        boot_count=u[4],
        contacts_a=row.contacts_a,
        contacts_b=row.contacts_b,
        relays=row.relays,
        applicator_a=u[5],
        applicator_b=u[6],
        filter_a=u[7],
        filter_b=u[8],
        beam_ms=row.beam_ms,
        counts_1=row.counts_1,
        counts_2=row.counts_2,
        sample_us=u[9],
        health=u[10],
        lease_left_ms=u[11],
        token=u[12],
        active_crc=u[13],
        press_count=u[14],
    )


def _flags_of(asked_at_s: float, bits: int, faults: tuple[str, ...]) -> GeneratorFlags:
    return GeneratorFlags(
        asked_at_s,
        bool(bits & _HV),
        bool(bits & _LINE),
        bool(bits & _SUPPLY),
        bool(bits & _REMOTE),
        bool(bits & _FAULT),
        faults,
        bool(bits & _LINE) is bool(bits & _LINE_DIFFERS),
    )
