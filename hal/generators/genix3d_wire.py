"""The GeniX3D's wire: every coil and register by name, answers unpacked with what a row of them shows, and the wire log in words.
It knows no order of asking, and not what a coil means for the beam: that is hal/generators/genix3d.py."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final

import msgspec

from hal import modbus
from hal.errors import Trouble
from hal.exchange import Heard
from hal.generators.sheet import Piece
from hal.modbus import Question

UNIT: Final = 1


class Coil(IntEnum):
    """Every coil that is known, by its address; from CURRENT_UP on they are written. 251 and 250 are levels, the others pulses: up, then down."""

    REMOTE = 210
    XRAYS_ON = 211
    TO_STANDBY = 212
    RAMPING = 213
    AUTO_OK = 214
    POWERING_DOWN = 215
    WARMING_UP = 216
    TUBE_50_W = 217
    FAULTS = 219
    XRAY_LAMP = 220
    SHUTTER_LAMP = 221
    SENSOR_2 = 222
    TUBE_POSITION = 223
    VACUUM = 224
    WATER_FLOW = 225
    SAFETY_SHUTTER = 226
    TEMPERATURE = 227
    SENSOR_1 = 228
    RELAY_INTERLOCK = 229
    DOOR = 230
    FILAMENT = 231
    WARM_UP_NEEDED = 232
    HEARTBEAT = 234
    INTERLOCK = 235
    SHUTTER_CLOSED = 236
    SHUTTER_OPEN = 237
    OVERRIDDEN = 239
    CURRENT_UP = 240
    CURRENT_DOWN = 241
    HT_UP = 242
    HT_DOWN = 243
    POWER_OFF = 244
    WARM_UP_START = 245
    WARM_UP_STOP = 246
    OPEN_SHUTTER = 247
    CLOSE_SHUTTER = 248
    RESET_FAULTS = 249
    STANDBY = 250
    XRAYS = 251
    RAMP_UP = 252

    @property
    def words(self) -> str:
        return self.name.lower().replace("_", " ")


STATUS_AT, STATUS_COUNT = 210, 30
ORDERS_AT, ORDERS_COUNT = 240, 13
HT_AT, TUBE_AT = 50, 54
BEAT_LEAST_S: Final = 0.2
BEAT_MOST_S: Final = 1.6
"""Coil 234 stays up, and down, for no less and no more than this ("1 s blink": whether a whole or half a period is not said)."""
BEATS: Final = 3
CLOSED_AFTER_S: Final = 3.0
GAP_MOST_S: Final = 0.4
"""Coil 235 stands closed for this long before it counts, and between two looks no blink (half a period is 0.5 s or more) is missed."""
STOOD_S: Final = 0.6
"""A pulse is over long before: an order that stands for so long has lost its end."""


STATUS: Final = modbus.read_coils("status", STATUS_AT, STATUS_COUNT)
ORDERS: Final = modbus.read_coils("orders", ORDERS_AT, ORDERS_COUNT)
HT: Final = modbus.read("kv and ma", HT_AT, 2)
TUBE: Final = modbus.read("tube temperature and hours", TUBE_AT, 3)
IDENTIFY: Final = (STATUS, ORDERS, HT, TUBE)


def up(coil: Coil) -> Question:
    return modbus.write_coil(f"{coil.words} up", coil, True)


def down(coil: Coil) -> Question:
    return modbus.write_coil(f"{coil.words} down", coil, False)


class Seen(msgspec.Struct, frozen=True, gc=False):
    """What the status answers up to `at_s` show together, times in s: watched without a gap since `since_s`, `beats` well-spaced changes of the heartbeat,
    the last at `beat_at_s`, its level held since `level_from_s`, the interlock coil up since `closed_from_s`."""

    at_s: float = -math.inf
    since_s: float = math.inf
    beats: int = 0
    beat_at_s: float = -math.inf
    level_from_s: float = -math.inf
    closed_from_s: float = math.inf

    def alive(self, at_s: float) -> bool:
        """Whether the device's program still ran at this time, as far as a heartbeat of 1 s can say."""
        return self.beats >= BEATS and at_s - self.beat_at_s <= BEAT_MOST_S

    @property
    def closed(self) -> bool:
        """Whether the interlock coil has stood up for long enough; what is not known is open."""
        return self.at_s - self.closed_from_s >= CLOSED_AFTER_S


NOTHING_SEEN: Final = Seen()


class Said(msgspec.Struct, frozen=True, gc=False):
    """An answer: coils from address `at` on as bits, or registers; of status `seen`, of orders since when each is up (inf: it is not) and which have
    stood up for longer than any pulse."""

    at: int = 0
    bits: int = 0
    words: tuple[int, ...] = ()
    seen: Seen = NOTHING_SEEN
    up_from_s: tuple[float, ...] = ()
    stood: int = 0

    def up(self, coil: Coil) -> bool:
        return bool(self.bits >> (coil - self.at) & 1)


class GenixDialect:
    """Modbus TCP whose answers are unpacked: replies carry the number of their request, so an OFF follows an unanswered one at once."""

    off_preempts = True
    resync = False

    def __init__(self, packets: bool) -> None:  # noqa: ARG002 - it has a network port and no line
        self._modbus = modbus.TcpDialect(UNIT)

    def encode(self, q: Question) -> bytes:
        return self._modbus.encode(q)

    def take(self, buf: bytearray, q: Question, abandoned: Question | None) -> Said | Trouble | Heard | None:
        heard = self._modbus.take(buf, q, abandoned)
        if not isinstance(heard, modbus.Registers):
            return heard
        if q.function == modbus.READ_COILS:
            return Said(q.read_at, int.from_bytes(heard.data, "little"))
        words = (int.from_bytes(heard.data[at : at + 2], "big") for at in range(0, len(heard.data), 2))
        return Said(q.read_at, words=tuple(words))

    def fence(self, k: int) -> Question:
        return self._modbus.fence(k)

    def name(self, q: Question) -> str:
        return q.name


def fold(name: str, before: Piece[Said] | None, came: Piece[Said]) -> Said:
    """The answer with its history: of status the heartbeat and the interlock coil, of orders how long each has stood."""
    if name == STATUS.name:
        return msgspec.structs.replace(came.value, seen=_seen(before, came))
    if name == ORDERS.name:
        old = (math.inf,) * ORDERS_COUNT if before is None else before.value.up_from_s
        at_s, bits = came.asked_at_s, came.value.bits
        since = tuple(min(from_s, at_s) if bits >> place & 1 else math.inf for place, from_s in enumerate(old))
        stood = sum(1 << place for place, from_s in enumerate(since) if at_s - from_s >= STOOD_S)
        return msgspec.structs.replace(came.value, up_from_s=since, stood=stood)
    return came.value


def _seen(before: Piece[Said] | None, came: Piece[Said]) -> Seen:
    at_s, said = came.asked_at_s, came.value
    closed = said.up(Coil.INTERLOCK)
    if before is None:
        return Seen(at_s, at_s, closed_from_s=at_s if closed else math.inf)
    old = before.value.seen
    gap = at_s - before.asked_at_s > GAP_MOST_S
    closed_from_s = min(math.inf if gap else old.closed_from_s, at_s) if closed else math.inf
    since_s = at_s if gap else old.since_s
    level_from_s = -math.inf if gap else old.level_from_s
    beats = old.beats if at_s - old.beat_at_s <= BEAT_MOST_S else 0
    if said.up(Coil.HEARTBEAT) == before.value.up(Coil.HEARTBEAT):
        return Seen(at_s, since_s, beats, old.beat_at_s, level_from_s, closed_from_s)
    beats = beats + 1 if at_s - level_from_s >= BEAT_LEAST_S else 0
    return Seen(at_s, since_s, beats, at_s, at_s, closed_from_s)


def decode(sent: bool, data: bytes) -> str:
    """A piece of the wire log in words: what is asked, each coil by its name, values as they came. Never raises."""
    words, rest = [], data
    while len(rest) >= 8 and rest[2:4] == b"\0\0" and len(rest) >= 6 + (size := int.from_bytes(rest[4:6], "big")) >= 8:
        words.append(_words(sent, rest[7 : 6 + size]))
        rest = rest[6 + size :]
    return "; ".join([*words, *([f"part of a frame {rest!r}"] if rest else [])])


def _words(sent: bool, pdu: bytes) -> str:
    function, at = pdu[0], int.from_bytes(pdu[1:3], "big")
    if function & 0x80:
        return f"refused: exception {pdu[1]}, {modbus.EXCEPTIONS.get(pdu[1], 'unknown')}" if len(pdu) == 2 else "odd"
    asked = {(q.function, q.read_at): q.name for q in IDENTIFY}
    if function == modbus.WRITE_COIL and len(pdu) == 5 and at in Coil.__members__.values():
        return f"{Coil(at).words} {'up' if pdu[3] else 'down'}"
    if sent:
        return f"{asked.get((function, at), f'function {function}, {pdu[1:].hex()}')}?"
    if function == modbus.READ_COILS and pdu[1:2] == b"\4" and len(pdu) == 6:
        status = Said(STATUS_AT, int.from_bytes(pdu[2:], "little"))
        return "up: " + (", ".join(coil.words for coil in Coil if coil < ORDERS_AT and status.up(coil)) or "none")
    if function == modbus.READ_COILS and pdu[1:2] == b"\2" and len(pdu) == 4:
        orders = Said(ORDERS_AT, int.from_bytes(pdu[2:], "little"))
        return "orders: " + (", ".join(coil.words for coil in Coil if coil >= ORDERS_AT and orders.up(coil)) or "none")
    values = [int.from_bytes(pdu[place : place + 2], "big") for place in range(2, len(pdu) - 1, 2)]
    return f"registers {values}" if function == modbus.READ else f"function {function}, {pdu[1:].hex()}"
