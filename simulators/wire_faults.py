"""What can happen to bytes between a host and a device, one table row each: lost, late, twice, swapped, changed under a wrong or a right checksum.
It knows bytes, time and where a frame keeps its parts; not what a part means, which device answers, or what anyone should do about it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from simulators.frames import acknowledged, framing_of, request_key, with_other_value

LATE_US: Final = 250_000
"""Beyond every time-out that a host may sensibly have."""
SPLIT_US: Final = 4_000
LORIS_US: Final = 1_000_000
ECHO_US: Final = 500
TURN_US: Final = 1_500
AGAIN_US: Final = 100_000
BREAK_US: Final = 41_000
"""No whole number of polls, so that breaks fall on each millisecond between two of them within 1.3 s."""
NOISE_EVERY_US: Final = 20_000
FILLER_B: Final = 700
"""More than any two frames of any protocol here."""
MODBUS: Final = frozenset({"rtu", "tcp"})
SEALED: Final = frozenset({"comma", "rtu"})
ANY: Final = frozenset({"comma", "text", "rtu", "tcp"})
TCP: Final = frozenset({"tcp"})
COUNT_AT: Final = 2
"""Place of a register reply's byte count in its inner part; the registers follow."""

Sent = list[tuple[int, bytes]]
"""Bytes with the time (us) at which each piece begins to arrive."""


@dataclass(slots=True)
class Seen:
    """What a tampering may remember of one wire: the last request, the last reply to each question, and what it keeps back. `random` is its own stream."""

    random: random.Random
    request: bytes = b""
    key: bytes = b""
    replies: dict[bytes, bytes] = field(default_factory=dict)
    before: dict[bytes, bytes] = field(default_factory=dict)
    kept: bytes = b""
    longest_write: bytes = b""
    times: int = 0


ReplyAct = Callable[[Seen, bytes, int], Sent]
RequestAct = Callable[[Seen, bytes, int], tuple[list[bytes], Sent]]


def _same(_seen: Seen, reply: bytes, at_us: int) -> Sent:
    return [(at_us, reply)]


def _passed(_seen: Seen, request: bytes, _now_us: int) -> tuple[list[bytes], Sent]:
    return [request], []


@dataclass(frozen=True, slots=True)
class Tampering:
    """One way a wire can lie. `ids`: of the fault list; `on`: whose frames it can be done to (others pass unchanged); `times`: 0 = as long as it lasts.

    `unasked` gives bytes that come by themselves, again each `again_us`; `foreign` sends the device another master's write as often.
    `gone`: the wire is not there; `reset`: it ends once, roughly, and can be opened again; `hole`: nothing passes and nobody says so; `blocked`: the
    device does not read. What is late makes all that follows late, for a wire keeps its order, unless the row `overtakes`.
    """

    name: str
    ids: str
    words: str
    reply: ReplyAct = _same
    request: RequestAct = _passed
    on: frozenset[str] = ANY
    times: int = 0
    again_us: int = 0
    unasked: Callable[[Seen], bytes] | None = None
    foreign: bool = False
    gone: bool = False
    reset: bool = False
    hole: bool = False
    blocked: bool = False
    overtakes: bool = False


def _nothing(_seen: Seen, _reply: bytes, _at_us: int) -> Sent:
    return []


def _swallowed(_seen: Seen, _request: bytes, _now_us: int) -> tuple[list[bytes], Sent]:
    return [], []


def _changed(change: Callable[[Seen, bytes], bytes]) -> ReplyAct:
    """Bytes changed, the time kept; an empty result is a reply that does not come."""

    def act(seen: Seen, reply: bytes, at_us: int) -> Sent:
        changed = change(seen, reply)
        return [(at_us, changed)] if changed else []

    return act


def _garbled(seen: Seen, reply: bytes) -> bytes:
    spot = seen.random.randrange(len(reply))
    return reply[:spot] + bytes((reply[spot] ^ (1 << seen.random.randrange(8)),)) + reply[spot + 1 :]


def _bad_checksum(_seen: Seen, reply: bytes) -> bytes:
    framing = framing_of(reply)
    if framing is None or framing.name == "tcp":
        return reply
    spot = len(reply) - (2 if framing.name == "comma" else 1)
    return reply[:spot] + bytes((reply[spot] ^ 1,)) + reply[spot + 1 :]


def _truncated(seen: Seen, reply: bytes) -> bytes:
    return reply[: seen.random.randrange(len(reply))]


def _noise(seen: Seen) -> bytes:
    return seen.random.randbytes(1 + seen.random.randrange(6))


def _inner(change: Callable[[Seen, bytes, str], bytes]) -> ReplyAct:
    """The inner part changed and sealed again with a right checksum; what is no whole frame passes."""

    def act(seen: Seen, reply: bytes, at_us: int) -> Sent:
        framing = framing_of(reply)
        if framing is None:
            return [(at_us, reply)]
        return [(at_us, framing.sealed(change(seen, framing.inner(reply), framing.name), reply))]

    return act


def _other_unit(_seen: Seen, inner: bytes, name: str) -> bytes:
    return inner if name == "comma" else bytes((inner[0] ^ 3,)) + inner[1:]


def _other_function(_seen: Seen, inner: bytes, name: str) -> bytes:
    if name == "text":
        return (b"S" if inner[:1] != b"S" else b"T") + inner[1:]
    if name == "comma":
        return b"%02d" % ((int(inner[:2]) + 7) % 100) + inner[2:] if inner[:2].isdigit() else inner
    return inner[:1] + bytes((4 if inner[1] != 4 else 3,)) + inner[2:]


def _exception(code: int) -> Callable[[Seen, bytes, str], bytes]:
    return lambda _seen, inner, name: inner if name == "comma" else inner[:1] + bytes((inner[1] | 0x80, code))


def _registers(change: Callable[[bytes], bytes]) -> Callable[[Seen, bytes, str], bytes]:
    """The registers of a read's reply changed; the fields of a comma reply are its registers."""

    def act(_seen: Seen, inner: bytes, name: str) -> bytes:
        if name == "comma":
            return inner
        at = COUNT_AT + 1
        whole = len(inner) > at and inner[COUNT_AT] == len(inner) - at
        return inner[:at] + change(inner[at:]) if whole else inner

    return act


def _words(data: bytes) -> list[bytes]:
    return [data[at : at + 2] for at in range(0, len(data), 2)]


def _bytes_swapped(data: bytes) -> bytes:
    return b"".join(word[::-1] for word in _words(data))


def _words_swapped(data: bytes) -> bytes:
    return b"".join(data[at + 2 : at + 4] + data[at : at + 2] for at in range(0, len(data), 4))


def _tenfold(_seen: Seen, inner: bytes, name: str) -> bytes:
    if name == "text":
        word, *fields = inner.split(b";")
        return b";".join((word, *map(_ten_times, fields)))
    if name != "comma":
        at = COUNT_AT + 1
        tens = (int.from_bytes(word, "big") * 10 % 65536 for word in _words(inner[at:]))
        return inner[:at] + b"".join(value.to_bytes(2, "big") for value in tens) if len(inner) % 2 else inner
    number, *args = inner.split(b",")[:-1]
    return b"".join(
        arg + b"," for arg in (number, *(arg + b"0" if arg.isdigit() and arg != b"0" else arg for arg in args))
    )


def _ten_times(field: bytes) -> bytes:
    """A decimal number with its point one place further; anything else as it is."""
    whole, point, rest = field.partition(b".")
    if not whole.removeprefix(b"-").isdigit() or (point and not rest.isdigit()):
        return field
    return whole + rest[:1] + point + (rest[1:] or b"0") if point else whole + b"0"


def _as_now(reply: bytes, like: bytes) -> bytes:
    """An older reply under the number that this one carries, where replies have one."""
    framing = framing_of(like)
    return like[:2] + reply[2:] if framing is not None and framing.name == "tcp" else reply


def _stale(seen: Seen, reply: bytes) -> bytes:
    old = seen.before.get(seen.key)
    return reply if old is None else _as_now(old, reply)


def _stuck(seen: Seen, reply: bytes) -> bytes:
    seen.kept = seen.kept or reply
    return seen.kept


def _others(seen: Seen, reply: bytes) -> bytes:
    """The last reply to another question, of this reply's length if there is one, else any."""
    others = [old for key, old in seen.replies.items() if key != seen.key]
    alike = [old for old in others if len(old) == len(reply)] or others
    return _as_now(alike[-1], reply) if alike else reply


def _tid(change: Callable[[Seen, int], int]) -> ReplyAct:
    def act(seen: Seen, reply: bytes, at_us: int) -> Sent:
        framing = framing_of(reply)
        if framing is None or framing.name != "tcp":
            return [(at_us, reply)]
        return [(at_us, (change(seen, int.from_bytes(reply[:2], "big")) % 65536).to_bytes(2, "big") + reply[2:])]

    return act


def _reused(seen: Seen, tid: int) -> int:
    before = int.from_bytes(seen.kept, "big") if seen.kept else tid - 1
    seen.kept = tid.to_bytes(2, "big")
    return before


def _split(seen: Seen, reply: bytes, at_us: int) -> Sent:
    cut = 1 + seen.random.randrange(max(1, len(reply) - 1))
    return [(at_us, reply[:cut]), (at_us + SPLIT_US, reply[cut:])]


def _joined(seen: Seen, reply: bytes, at_us: int) -> Sent:
    kept, seen.kept = seen.kept, b"" if seen.kept else reply
    return [(at_us, kept + reply)] if kept else []


def _swapped(seen: Seen, reply: bytes, at_us: int) -> Sent:
    kept, seen.kept = seen.kept, b"" if seen.kept else reply
    return [(at_us, reply), (at_us + SPLIT_US, kept)] if kept else []


def _loris(_seen: Seen, reply: bytes, at_us: int) -> Sent:
    return [(at_us + place * LORIS_US, reply[place : place + 1]) for place in range(len(reply))]


def _endless(_seen: Seen, reply: bytes) -> bytes:
    framing = framing_of(reply)
    if framing is not None and framing.name == "tcp":
        return reply[:4] + b"\xff\xff" + reply[6:] + bytes(FILLER_B)
    return reply[:-1] + b"1" * FILLER_B


def _echo(_seen: Seen, request: bytes, now_us: int) -> tuple[list[bytes], Sent]:
    return [request], [(now_us + ECHO_US, request)]


def _loopback(_seen: Seen, request: bytes, now_us: int) -> tuple[list[bytes], Sent]:
    return [], [(now_us + ECHO_US, request)]


def _not_applied(_seen: Seen, request: bytes, now_us: int) -> tuple[list[bytes], Sent]:
    said = acknowledged(request)
    return ([request], []) if said is None else ([], [(now_us + TURN_US, said)])


def _request_garbled(seen: Seen, request: bytes, _now_us: int) -> tuple[list[bytes], Sent]:
    return [_garbled(seen, request)], []


def _wrong_baud(seen: Seen, data: bytes) -> bytes:
    return bytes(seen.random.choice((0x00, 0x80, 0xE0, 0xF8, 0xFE, 0xFF)) for _ in data)


EXCEPTION_CODES: Final = (1, 2, 3, 4, 6, 8, 10, 11, 99)

TAMPERINGS: Final = {
    row.name: row
    for row in (
        Tampering("dropped", "L1", "one reply does not come", _nothing, times=1),
        Tampering("silent", "L2", "requests pass, no reply comes", _nothing),
        Tampering("request-lost", "L1", "one request does not arrive", request=_swallowed, times=1),
        Tampering("garbled", "L3", "one bit of each reply is turned", _changed(_garbled)),
        Tampering("request-garbled", "L3", "one bit of each request is turned", request=_request_garbled),
        Tampering("bad-checksum", "L3", "each reply's checksum is wrong", _changed(_bad_checksum), on=SEALED),
        Tampering("truncated", "L4", "each reply ends too early", _changed(_truncated)),
        Tampering("split", "L4", "each reply comes in two parts, 4 ms apart", _split),
        Tampering("joined", "L4", "every other reply is kept back and comes in one piece with the next", _joined),
        Tampering("duplicated", "L5", "each reply comes twice", lambda _, reply, at: [(at, reply), (at + SPLIT_US, reply)]),
        Tampering("late", "L6", "each reply is 250 ms late", lambda _, reply, at: [(at + LATE_US, reply)]),
        Tampering("late-once", "L6", "one reply is 250 ms late", lambda _, reply, at: [(at + LATE_US, reply)], times=1),
        Tampering("swapped", "L7", "every other reply comes after the next one", _swapped, overtakes=True),
        Tampering("another-reply", "L7", "each reply is what was last said to another question, under a right checksum", _changed(_others)),
        Tampering("stuck", "L8", "each reply is the first one again, byte for byte", _changed(_stuck)),
        Tampering("wrong-unit", "L9", "each reply names another device", _inner(_other_unit), on=MODBUS),
        Tampering("wrong-function", "L9", "each reply names another command or function", _inner(_other_function)),
        Tampering("stale", "L10", "each reply is what the same question brought before, under a right checksum", _changed(_stale)),
        Tampering("echo", "L11", "each request comes back before its reply", request=_echo),
        Tampering("loopback", "L11", "each request comes back, and nothing else", request=_loopback),
        Tampering("vanished", "L12", "the wire is not there: the port is closed, no other opens", gone=True),
        Tampering("blocked", "L13", "the device no longer reads", _nothing, blocked=True),
        Tampering("noise-before", "L14", "noise before each reply", _changed(lambda seen, reply: _noise(seen) + reply)),
        Tampering("noise-after", "L14", "noise after each reply", _changed(lambda seen, reply: reply + _noise(seen))),
        Tampering("noise", "L14", "noise each 20 ms, asked or not", again_us=NOISE_EVERY_US, unasked=_noise),
        Tampering("break", "L14", "a break each 41 ms: a zero out of nothing", again_us=BREAK_US, unasked=lambda _: b"\0"),
        Tampering("wrong-baud", "L14", "each byte comes as one of a wrong speed", _changed(_wrong_baud)),
        *(
            Tampering(f"exception-{code}", "M1", f"each request is refused with Modbus exception {code}", _inner(_exception(code)), on=MODBUS)
            for code in EXCEPTION_CODES
        ),
        Tampering("reset", "M2", "the connection is reset, or the line closed and there again", reset=True),
        Tampering("half-open", "M3", "nothing passes either way, and nobody says so", _nothing, _swallowed, hole=True),
        Tampering("slow-loris", "M4", "each reply comes as one byte a second", _loris),
        Tampering("endless", "M4", "each reply claims to be endless, and goes on", _changed(_endless)),
        Tampering("tid-mismatch", "M5", "each reply carries the number of another request", _tid(lambda _, tid: tid + 5), on=TCP),
        Tampering("tid-zero", "M5", "each reply carries the number 0", _tid(lambda _seen, _tid: 0), on=TCP),
        Tampering("tid-reused", "M5", "each reply carries the number of the one before", _tid(_reused), on=TCP),
        Tampering("not-applied", "M6", "each write is acknowledged and never arrives", request=_not_applied),
        Tampering("shifted", "M7", "each read answers from one register further", _inner(_registers(lambda data: data[2:] + b"\0\0")), on=MODBUS),
        Tampering("byte-swapped", "M7", "the bytes of each register are swapped", _inner(_registers(_bytes_swapped)), on=MODBUS),
        Tampering("word-swapped", "M7", "each two registers are swapped", _inner(_registers(_words_swapped)), on=MODBUS),
        Tampering("tenfold", "M7", "each value is ten times as large", _inner(_tenfold)),
        Tampering("foreign-master", "M8", "another master repeats the host's longest write with another value, each 100 ms", again_us=AGAIN_US, foreign=True),
    )
}  # fmt: skip


class Tampered(Protocol):
    """A wire that can be tampered with: `withdraw` gives back what has not arrived at the host, `foreign` lets the device hear another master."""

    def withdraw(self, now_us: int) -> Sent: ...

    def foreign(self, data: bytes, now_us: int) -> None: ...

    def hang_up(self) -> None: ...


class Tamper:
    """Stands in one wire. Bytes pass untouched, and are remembered, while no tampering is laid on its link."""

    __slots__ = ("_due", "_free_at_us", "_link", "_order", "_seen", "_states", "acts", "wire")

    def __init__(self, link: Link, wire: Tampered, seed: int) -> None:
        self._link = link
        self.wire = wire
        self._seen = Seen(random.Random(seed))
        self._states: dict[str, Seen] = {}
        self._due: list[tuple[int, int, bytes]] = []
        self._order = 0
        self._free_at_us = 0
        self.acts = bool(link.laid)
        """True while bytes must go through here: something is laid on the link, or a piece is still kept."""

    def told(self) -> None:
        """What is laid on the link, or what is kept here, is other than before."""
        self.acts = bool(self._link.laid or self._due)

    @property
    def blocked(self) -> bool:
        """The device reads nothing: what the host sends is not taken."""
        laid = self._link.laid
        return bool(laid) and any(row.blocked for row in laid.values())

    @property
    def gone(self) -> bool:
        """The wire is not there."""
        laid = self._link.laid
        return bool(laid) and any(row.gone for row in laid.values())

    @property
    def hole(self) -> bool:
        """Whoever serves this wire neither reads, nor writes, nor hears of its end."""
        laid = self._link.laid
        return bool(laid) and any(row.hole for row in laid.values())

    def laid(self, row: Tampering, now_us: int) -> None:
        """A tampering begins: what has not arrived yet falls under it."""
        seen = self._seen
        self._states[row.name] = Seen(random.Random(seen.random.random()), before=dict(seen.replies))
        if row.gone or row.reset:
            self.forget()
            self.wire.hang_up()
            return
        for at_us, data in self.wire.withdraw(now_us):
            self.from_device(data, at_us)

    def again(self, row: Tampering, now_us: int) -> None:
        """What comes by itself, or from another master, comes now."""
        state = self._states.get(row.name)
        if state is None:
            return
        if row.unasked is not None:
            self._put(now_us, row.unasked(state))
        other = with_other_value(self._seen.longest_write) if row.foreign and self._seen.longest_write else None
        if other is not None:
            self.wire.foreign(other, now_us)

    def lifted(self, name: str, now_us: int) -> None:
        """A tampering ends; what it kept back, or would have brought later than LATE_US from now, never comes."""
        self._states.pop(name, None)
        self._due = [entry for entry in self._due if entry[0] - now_us <= LATE_US]
        self.told()
        self._free_at_us = max((entry[0] for entry in self._due), default=now_us)

    def asked(self, data: bytes) -> None:
        """Remember a request as sent."""
        seen = self._seen
        seen.request, seen.key = data, request_key(data)
        if len(data) > len(seen.longest_write) and acknowledged(data) is not None:
            seen.longest_write = data

    def answered(self, data: bytes) -> None:
        """Remember a reply as the device sent it."""
        seen = self._seen
        seen.replies.pop(seen.key, None)
        seen.replies[seen.key] = data

    def to_device(self, data: bytes, now_us: int) -> list[bytes]:
        """A request, as sent: what of it arrives at the device."""
        passing = [data]
        for row in self._link.laid.values():
            state = self._state(row)
            if row.request is _passed or self._spent(row, state):
                continue
            out: list[bytes] = []
            for request in passing:
                on, back = row.request(state, request, now_us)
                out += on
                for at_us, bytes_back in back:
                    self._put(at_us, bytes_back)
            state.times += 1
            passing = out
        return passing

    def from_device(self, data: bytes, at_us: int) -> None:
        """A reply, or the rest of one, that the device begins to send at `at_us`; it comes to the host when `due` says so."""
        seen = self._seen
        pieces: Sent = [(at_us, data)]
        for row in self._link.laid.values():
            state = self._state(row)
            if row.reply is _same or self._spent(row, state):
                continue
            framing = framing_of(data)
            if framing is not None and framing.name not in row.on:
                continue
            state.key, state.replies = seen.key, seen.replies
            pieces = [piece for at, reply in pieces for piece in row.reply(state, reply, at)]
            state.times += 1
        overtakes = any(row.overtakes for row in self._link.laid.values())
        for at, piece in pieces:
            self._free_at_us = at if overtakes else max(at, self._free_at_us)
            self._put(self._free_at_us, piece)

    def due(self, now_us: int) -> Sent:
        """What has begun to arrive by now, in the order of its times."""
        ready = [entry for entry in self._due if entry[0] <= now_us]
        if ready:
            self._due = [entry for entry in self._due if entry[0] > now_us]
            self.told()
        return [(at_us, data) for at_us, _, data in sorted(ready)]

    def next_us(self) -> int | None:
        """When the next piece begins to arrive; None = nothing is kept here."""
        return min(self._due)[0] if self._due else None

    def forget(self) -> None:
        """What is on its way is lost."""
        self._due.clear()
        self._free_at_us = 0
        self.told()

    def _put(self, at_us: int, data: bytes) -> None:
        if data:
            self._order += 1
            self._due.append((at_us, self._order, data))
            self.acts = True

    def _state(self, row: Tampering) -> Seen:
        state = self._states.get(row.name)
        if state is None:  # a connection opened while the tampering lasts
            state = self._states[row.name] = Seen(random.Random(self._seen.random.random()))
        return state

    @staticmethod
    def _spent(row: Tampering, state: Seen) -> bool:
        return bool(row.times) and state.times >= row.times


class Link:
    """All wires between the host and one device (one line, or its connections), and the tamperings laid on them."""

    __slots__ = ("_made", "_now_us", "_seed", "_wires", "laid")

    def __init__(self, now_us: Callable[[], int], seed: int = 1) -> None:
        self._now_us = now_us
        self._seed = seed
        self._made = 0
        self._wires: list[Tamper] = []
        self.laid: dict[str, Tampering] = {}

    def join(self, wire: Tampered) -> Tamper:
        """A tamper for one more wire of this link; TCP connections join as they come and `part` as they end."""
        self._made += 1
        tamper = Tamper(self, wire, self._seed * 1009 + self._made)
        self._wires.append(tamper)
        return tamper

    def part(self, tamper: Tamper) -> None:
        """A connection is over."""
        if tamper in self._wires:
            self._wires.remove(tamper)

    @property
    def gone(self) -> bool:
        """Nothing can be opened."""
        return any(row.gone for row in self.laid.values())

    @property
    def now_us(self) -> int:
        """The world's time."""
        return self._now_us()

    def lay(self, name: str) -> None:
        """Start a tampering; one that lasts already comes by itself again."""
        row, now_us = TAMPERINGS[name], self._now_us()
        if name not in self.laid:
            self.laid[name] = row
            for tamper in list(self._wires):
                tamper.told()
                tamper.laid(row, now_us)
        for tamper in self._wires:
            tamper.again(row, now_us)

    def lift(self, name: str) -> None:
        """End a tampering."""
        self.laid.pop(name, None)
        for tamper in self._wires:
            tamper.lifted(name, self._now_us())
