"""A recorded exposure played again: the shipped loop from its checkpoint on, over the readings, requests and times that the journal kept.
It says the first place where judge, decide, drive or the dose come out otherwise than they did; it knows no device and sends nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from controller.assemble import join
from controller.blob import Blob
from controller.checkpoint import Checkpoint, recorded
from controller.drive import WATCH
from controller.entries import Ack, EntryType, Statement
from controller.inputs import NOTHING_HEARD, Left, Standing, Times, left_of
from controller.kernel import Kernels
from controller.lateness import NOTHING
from controller.ledger import Ledger
from controller.loop import COMMANDS, Loop, Tick
from controller.ring import PAYLOAD_BYTES, TICK_BYTES, TickRow, pack_tick, unpack_tick
from controller.states import RECORDED, Event, State
from hal.commands import Arm, Command, Hold
from hal.figures import LinkFigures
from hal.machine import Capabilities, Renewal
from hal.readings import Link, Readings
from hal.rig import make_rig
from hal.units import Seconds
from hal.wire_log import FrameLog
from interlocks.gate import OFF_LOOKED, OFF_PASSED, Gate
from interlocks.rules import TABLE
from records.forms import ENTRY_WORDS, Gap, Noted, Row, Ticks, rows_of
from records.journal import Kind, Record

STATES: Final = tuple(State)
_RECORDED: Final = frozenset(number for number, state in enumerate(STATES) if state in RECORDED)
_NO_KEY: Final = bytes(16)
NOT_COMPARED: Final = ("lateness_us", "words", "links", "counts", "skipped")
"""How late ticks began, words for people, and how a wire fared: no decision stands on them, and a record does not keep all that they are made of."""
PROGRESS_TICKS: Final = 500
_NO_CHECKPOINT: Final = "it was started, and the checkpoint of its confirmation is not in the record"
_NO_READINGS: Final = Readings(-math.inf, Link(), Link())


class Recorded(msgspec.Struct, frozen=True):
    """One exposure as the journal kept it: the checkpoint, and each ring record after it in order, up to its end or to where the record ends. None: it was
    started and its checkpoint is lost, so that nothing of it can be played."""

    instance: str
    seq: int
    token: int
    checkpoint: Checkpoint | None
    rows: tuple[Row, ...]


class Difference(msgspec.Struct, frozen=True):
    """The first place where the replay is not the record: in which tick since the checkpoint, when, in what state, and what differs."""

    tick: int
    at_s: float
    state: str
    what: str
    recorded: str
    replayed: str

    def words(self) -> str:
        return f"tick {self.tick} at {self.at_s:.3f} s in {self.state}: {self.what} was recorded as {self.recorded}, and comes out as {self.replayed}"


class Replayed(msgspec.Struct, frozen=True):
    """What one replay found. `states` are those passed through, `events` the entries that came out the same; `lacks` says what there is not of the
    record up to the exposure's end (empty: it is whole)."""

    token: int
    ticks: int
    seconds: float
    states: tuple[str, ...]
    events: int
    ended: str
    difference: Difference | None
    lacks: str = ""


class _OtherError(Exception):
    """The replay has left the record."""

    def __init__(self, what: str, recorded: object, replayed: object) -> None:
        super().__init__(what)
        self.what, self.recorded, self.replayed = what, recorded, replayed


def exposures(journal: Iterable[Record]) -> Iterator[Recorded]:
    """Every exposure with a checkpoint, in the order of their confirmations, and each that got a token and has none. The checkpoint is written in the tick of
    START, after it. Raises msgspec.DecodeError or ValueError for a journal that is not ours."""
    open_: dict[str, tuple[int, Checkpoint, list[Row]]] = {}
    begun: dict[str, Noted] = {}
    for record in journal:
        if record.kind == Kind.ENTRY:
            noted = msgspec.msgpack.decode(record.payload, type=Noted)
            if noted.type == EntryType.CHECKPOINT:
                yield from _finished(open_.pop(noted.instance, None), noted.instance)
                begun.pop(noted.instance, None)
                open_[noted.instance] = (noted.seq, recorded(noted.entry), [])
                continue
            if noted.type == EntryType.START and noted.token:
                yield from _lost(begun.pop(noted.instance, None))
                begun[noted.instance] = noted
            rows: Iterable[Row] = (Row(noted.seq, noted.mono_ns, noted.type, noted.entry),)
            instance = noted.instance
        elif record.kind == Kind.GAP:
            gap = msgspec.msgpack.decode(record.payload, type=Gap)
            yield from _finished(open_.pop(gap.instance, None), gap.instance)
            yield from _lost(begun.pop(gap.instance, None))
            continue
        elif record.kind == Kind.TICKS:
            ticks = msgspec.msgpack.decode(record.payload, type=Ticks)
            rows, instance = rows_of(ticks.rows), ticks.instance
        else:
            continue
        if instance not in open_:
            continue
        for row in rows:
            open_[instance][2].append(row)
            if row.kind == EntryType.TICK and unpack_tick(row.payload).state not in _RECORDED:
                yield from _finished(open_.pop(instance), instance)
                break
    for instance, found in open_.items():
        yield from _finished(found, instance)
    for start in begun.values():
        yield from _lost(start)


def _lost(start: Noted | None) -> Iterator[Recorded]:
    """A START that no checkpoint followed."""
    if start is not None:
        yield Recorded(start.instance, start.seq, start.token, None, ())


def _finished(found: tuple[int, Checkpoint, list[Row]] | None, instance: str) -> Iterator[Recorded]:
    if found is None:
        return
    seq, checkpoint, rows = found
    tokens = [unpack_tick(row.payload).token for row in rows if row.kind == EntryType.TICK]
    yield Recorded(instance, seq, max(tokens, default=0), checkpoint, tuple(rows))


class _Tape:
    """The record turned tick by tick: what came into this one, and what was written in it."""

    def __init__(self, recorded: Recorded, begun_s: float) -> None:
        self._rows = iter(recorded.rows)
        self._standing = Standing()
        self._seq = recorded.seq
        self.due: list[Row] = []
        self.times = Times(*(begun_s,) * 3)
        self.readings = _NO_READINGS
        self.heard = NOTHING_HEARD
        self.left: Left | None = None
        self.late = 0

    def turn(self) -> bool:
        """To the next recorded tick with all that belongs to it; False where the record ends. Raises _OtherError where ring records are missing that no
        GAP tells of."""
        due: list[Row] = []
        news = None
        for row in self._rows:
            if row.seq <= self._seq:
                continue  # taken up twice by a recorder that was killed in between
            first = row.seq - max(1, -(-len(row.payload) // PAYLOAD_BYTES)) + 1
            if first != self._seq + 1:
                raise _OtherError("the ring record after that before", f"number {first}", f"number {self._seq + 1}")
            self._seq = row.seq
            due.append(row)
            if row.kind == EntryType.INPUT:
                news = row.payload
            elif row.kind == EntryType.TICK:
                break
        if not due or due[-1].kind != EntryType.TICK or len(due[-1].payload) == TICK_BYTES:
            return False
        payload = due[-1].payload
        tick = unpack_tick(payload)
        self.due, self.late = due, tick.late
        self.left = left_of(payload[TICK_BYTES:])
        self._standing.take(news)
        self.times, self.readings, self.heard = self._standing.tick(tick, payload[TICK_BYTES:])
        return True

    @property
    def ack(self) -> Ack | None:
        return self._standing.ack

    @property
    def statement(self) -> Statement | None:
        return self._standing.statement


class _Ring:
    """In the ring's place: what is written must be what was written, and gets the number that it had."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape
        self.compared = 0

    def put(self, kind: int, payload: bytes, _mono_ns: int) -> int:
        row = self._next(kind, payload)
        if kind != EntryType.INPUT:
            _compare_entries(EntryType(kind), row.payload, payload)
            self.compared += 1
        return row.seq

    def put_tick(self, _mono_ns: int, *fields: Any) -> int:
        row = self._next(EntryType.TICK)
        *fields_of_row, came = fields
        _compare_ticks(unpack_tick(row.payload), unpack_tick(pack_tick(TickRow(*fields_of_row))))
        left, leaves = self._tape.left, left_of(came)
        if left is not None and leaves is not None and left != leaves:
            raise _OtherError("what left the gate", left.words(), leaves.words())
        return row.seq

    def close(self) -> None:
        """Nothing is held."""

    def _next(self, kind: int, payload: bytes = b"") -> Row:
        due = self._tape.due
        if not due or due[0].kind != kind:
            found = _entry(due[0].kind, due[0].payload) if due else "no more entries"
            raise _OtherError("what is written next", found, _entry(kind, payload))
        return due.pop(0)


class _Acks:
    """In the place of the recorder's acknowledgement."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape

    def read(self) -> Ack | None:
        return self._tape.ack


class _Statements:
    """In the place of the recorder's statement."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape

    def read(self) -> Statement | None:
        return self._tape.statement


class _Frames:
    """In the place of the ring of frames: none are kept of a replay."""

    def put(self, logs: Mapping[str, FrameLog], now: Seconds) -> None:
        """Nothing passed on any wire."""


class _Clock:
    """The clock as the gate read it, and the waits as they ended. When `ask` read it is not kept: it was between the
    tick's begin and its look. Where the lease was not renewed the permit may have grown too old until the look, else its age at the begin counts."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape
        self._asks = True
        self.late = self.skipped = 0
        self.late_us = self.stolen_s = 0.0

    def monotonic(self) -> Seconds:
        times, left = self._tape.times, self._tape.left
        if not self._asks:
            return Seconds(times.passed_s)
        return Seconds(times.begun_s if left is None or left.renewed else times.looked_s)

    def wall(self) -> Seconds:
        return Seconds(0.0)

    def sleep_until(self, deadline: Seconds) -> None:
        """A record waits for nothing."""

    def next(self) -> Seconds:
        self.late, self._asks = self._tape.late, True
        return Seconds(self._tape.times.begun_s)

    def slot(self, _fds: tuple[int, ...]) -> Seconds:
        self._asks = False
        return Seconds(self._tape.times.looked_s)

    def now(self) -> Seconds:
        return Seconds(self._tape.times.looked_s)

    def lateness_us(self) -> tuple[float, float, float]:
        return 0.0, 0.0, 0.0

    def histogram(self) -> tuple[int, ...]:
        return NOTHING


class _Machine:
    """The machine as it was read. It keeps what was let out to it in this tick, which must be what the gate says of itself in the tick's record."""

    fds: tuple[int, ...] = ()

    def __init__(self, tape: _Tape, capabilities: Capabilities) -> None:
        self._tape = tape
        self.capabilities = capabilities
        self.logs: dict[str, FrameLog] = {}
        self.renewed: Renewal | None = None
        self.written: list[Command] = []
        self.offs = 0

    def figures(self) -> dict[str, LinkFigures]:
        return {}

    def ask(self, renew: Renewal | None, _now: Seconds) -> None:
        self.renewed, self.written, self.offs = renew, [], 0

    def read(self, _now: Seconds) -> Readings:
        return self._tape.readings

    def write(self, command: Command, _now: Seconds) -> None:
        self.written.append(command)

    def beam_off(self, _now: Seconds) -> bool:
        """Whether its bytes left is the record's word; one of before says nothing of it."""
        left = self._tape.left.offs[self.offs :] if self._tape.left is not None else ()
        self.offs += 1
        return left[0] if left else True


class _Desk:
    """The desk's packets as they came; answers go nowhere."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape

    def stopped(self) -> bool:
        return self._tape.heard.stop

    def receive(self) -> list[tuple[int, bytes]]:
        return list(self._tape.heard.packets)

    def gone(self) -> list[int]:
        return list(self._tape.heard.gone)

    def send(self, client: int, packet: bytes) -> None:
        """Nobody listens."""


def replay(recorded: Recorded, kernels: Kernels, progress: Callable[[int], None] = lambda _ticks: None) -> Replayed:
    """Play one exposure again; `progress` is told the number of ticks now and then. Raises ConfigurationError for a rig that this program does not know."""
    checkpoint = recorded.checkpoint
    if checkpoint is None:
        return Replayed(recorded.token, 0, 0.0, (State.ARMING.value,), 0, "nothing is played", None, _NO_CHECKPOINT)
    blob = msgspec.msgpack.decode(checkpoint.configuration, type=Blob)
    tape = _Tape(recorded, checkpoint.begun_s)
    clock, ring = _Clock(tape), _Ring(tape)
    machine = _Machine(tape, make_rig(blob.rig, _NO_KEY).capabilities)
    ledger = Ledger(ring, _Acks(tape), _Statements(tape))
    loop = join(blob, machine, clock, clock, _Desk(tape), kernels, ledger, _Frames())
    loop.take_up(checkpoint)
    ledger.note(recorded.seq, Seconds(checkpoint.readings.now_s))  # the checkpoint's own entry
    ticks, begun_s = 0, checkpoint.begun_s
    states = [loop.exposure.stage.state.value]
    difference = None
    while True:
        state = loop.exposure.stage.state.value
        try:
            if not tape.turn():
                break
            _tick(loop, tape, machine)
        except _OtherError as other:
            at_s = tape.times.looked_s
            difference = Difference(ticks + 1, at_s, state, other.what, str(other.recorded), str(other.replayed))
            break
        ticks += 1
        if loop.exposure.stage.state.value != states[-1]:
            states.append(loop.exposure.stage.state.value)
        if ticks % PROGRESS_TICKS == 0:
            progress(ticks)
    over = loop.exposure.stage.state not in RECORDED
    ended = f"ended in {states[-1]}" if over else f"the record ends in {states[-1]}"
    seconds = tape.times.looked_s - begun_s
    lacks = "" if over or difference else _lacks(ticks, states[-1])
    return Replayed(recorded.token, ticks, seconds, tuple(states), ring.compared, ended, difference, lacks)


def _lacks(ticks: int, state: str) -> str:
    """What a record lacks that stops before its exposure's end."""
    return (
        f"what came after {ticks} ticks, in {state}, is not in the record" if ticks else "not one tick is in the record"
    )


def _tick(loop: Loop, tape: _Tape, machine: _Machine) -> None:
    """One tick; what was written in it then and not now is a difference too, and so is a gate that does otherwise than it says."""
    loop.stop_requested = tape.heard.ending
    tick = loop.tick(loop.pace.next())
    _compare_deeds(loop.gate, tick, machine)
    if tape.due:
        left = tape.due[0]
        raise _OtherError("what is written next", _entry(left.kind, left.payload), "no more entries")


def _compare_deeds(gate: Gate, tick: Tick, machine: _Machine) -> None:
    """What the gate says that it let out, which is what a tick's record holds, beside what the machine got."""
    if machine.renewed != gate.renewed:
        raise _OtherError("the renewal", gate.renewed, machine.renewed)
    offs = (gate.offs & (OFF_LOOKED | OFF_PASSED)).bit_count()
    if machine.offs != offs:
        raise _OtherError("the number of OFFs", offs, machine.offs)
    due = _due(tick)
    if machine.written != due:
        raise _OtherError("what is written to the machine", due, machine.written)


def _due(tick: Tick) -> list[Command]:
    """What must be written for the tag that the tick's record holds: what is wanted, or what the gate makes of it."""
    tag, wanted = tick.sent.command, tick.wanted.command
    if tag == "off":
        return []
    if tag == "watch":
        return [WATCH]
    return [Hold(wanted.token)] if tag == "hold" and isinstance(wanted, Arm) else [wanted]


def _entry(kind: int, payload: bytes) -> str:
    """An entry's name, with the event and the rule that it tells of."""
    words = ENTRY_WORDS.get(EntryType(kind))
    entry = msgspec.structs.asdict(msgspec.msgpack.decode(payload, type=words)) if words is not None else {}
    told = [str(entry[name]) for name in ("event", "rule") if entry.get(name)]
    return " ".join((EntryType(kind).name, *told))


def _compare_entries(kind: EntryType, recorded: bytes, replayed: bytes) -> None:
    """Field by field, words for people and figures of wires apart; a field that came to the program after the record is not in it."""
    words = ENTRY_WORDS[kind]
    was, now = (msgspec.structs.asdict(msgspec.msgpack.decode(raw, type=words)) for raw in (recorded, replayed))
    held = len(msgspec.msgpack.decode(recorded))
    for name, value in list(was.items())[:held]:
        if name not in NOT_COMPARED and value != now[name]:
            raise _OtherError(f"{kind.name} {name}", value, now[name])


def _compare_ticks(recorded: TickRow, replayed: TickRow) -> None:
    was, now = msgspec.structs.asdict(recorded), msgspec.structs.asdict(replayed)
    for name, value in was.items():
        if name in NOT_COMPARED or value == now[name] or (value != value and now[name] != now[name]):
            continue
        raise _OtherError(f"the tick's {name.replace('_', ' ')}", *(_named(name, one) for one in (value, now[name])))


def _named(name: str, value: Any) -> str:
    """Numbers of the ring as their names, where they have any."""
    if name == "state":
        return str(STATES[value].value)
    if name == "event":
        return str(Event(value).name)
    if name == "command":
        return str(COMMANDS[value])
    if name == "not_true":
        return ", ".join(row.id for place, row in enumerate(TABLE) if value >> place & 1) or "every rule true"
    return str(value)
