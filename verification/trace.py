"""What truly happened in one run of a virtual rig, and what the program saw, said and sent meanwhile: a row a tick, and what came from outside.
It judges nothing and imports nothing of the controller; of what left on a wire or came to the disk it asks the far side."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from hal.readings import GeneratorFlags, GeneratorMonitor, GeneratorSetPoints, UnitActive, UnitStatus
from interlocks.words import Sent
from verification import papers

ON_BYTES: Final = {
    "spellman-xrv": b"\x0298,1,",
    "spellman-dxm": b"\x0298,1,",
    "spellman-ux": b"\x0299,1,",
    "spellman-xrb011": b"\x0299,1,",
    "spellman-xrb80": b"ENBL 1;",
    "seifert-3003": b"HV:1",
    "genix3d": b"\x05\x00\xfb\xff\x00",
    "technix": b"P5,1",
}
"""What ON looks like on each generator's wire, from the manuals' facts; the drivers' own words are not asked."""
DISARM_BYTES: Final = (b"\x06\x02\x10",)
"""FC6 on register 0210, the safety unit's DISARM."""
_SPELLMAN: Final = re.compile(rb"\x02\d\d,[^\x02\x03]*,[^\x02\x03]?\x03")
CHANGES: Final = {
    "spellman-xrv": (_SPELLMAN, b"\x0298,0,"),
    "spellman-dxm": (_SPELLMAN, b"\x0298,0,"),
    "spellman-ux": (_SPELLMAN, b"\x0299,0,"),
    "spellman-xrb011": (_SPELLMAN, b"\x0299,0,"),
    "spellman-xrb80": (re.compile(rb"\x02[A-Z]+ [^;]*;"), b"\x02ENBL 0;"),
    "seifert-3003": (re.compile(rb"(?:HV|CS|OS|SV|SC|TP|TS|TE|CC):[^\n]*\n"), b"HV:0\n"),
    "genix3d": (
        re.compile(rb"\x00\x00\x00.\x01[\x05\x06\x0f\x10]....", re.DOTALL),
        b"\x00\x00\x00\x06\x01\x05\x00\xfb\x00\x00",
    ),
    "technix": (re.compile(rb"(?:P\d|d\d),[^\r]*\r"), b"P6,1\r"),
}
"""What any order that changes something looks like on each generator's wire, and how OFF begins."""
UNANSWERED: Final = ("seifert-3003",)
"""Generators that answer questions, and no order."""
UNIT_CHANGES: Final = {
    "tcp": re.compile(rb"\A..\x00\x00...([\x05\x06\x0f\x10]..)", re.DOTALL),
    "rtu": re.compile(rb"\A.([\x05\x06\x0f\x10]..)", re.DOTALL),
}
"""The same of the safety unit's, a frame over TCP or RTU: a write without a read; polls and renewals are a write and a read in one."""
NOT_RUNNING: Final = ""
"""The state of a host that is dead or frozen."""
NO_CONTACTS: Final = -1


class Row(msgspec.Struct, frozen=True, gc=False):
    """One tick, or 10 ms without a running host (`state` empty). `kv`, `ma`, `mgy` (since the world began), `k1`, `k2` (closed) are true, and so is
    what stands from `contacts` to `held`: contacts closed in both channels, the applicator's and the filter's codes, the safety unit's own state, token,
    lease, scan and active set, the supply's four set-points; and so are the last three: the heater's current, and the unit's own timer and counters. The rest
    is what the program read (`unit` to `active`), judged, sent and said.

    `host` counts the processes; `latched` is how many causes are latched; `durable` what the recorder has told the program; `lead_s` by how much the
    host's clock is ahead of `t` (0 until a boot). `unit_state` is NO_CONTACTS, as `contacts`, where bought I/O stands in the unit's place.
    """

    t: float
    host: int
    state: str
    kv: float
    ma: float
    mgy: float
    k1: bool
    k2: bool
    hv_on: bool
    switch: bool
    contacts: int
    applicator: int
    filter: int
    unit_state: int
    unit_token: int
    lease_left_ms: int
    scan: int
    active_set: bytes
    held: tuple[int, int, int, int]
    event: str = ""
    rule: str = ""
    unit: UnitStatus | None = None
    monitor: GeneratorMonitor | None = None
    flags: GeneratorFlags | None = None
    points: GeneratorSetPoints | None = None
    active: UnitActive | None = None
    unit_lost: bool = True
    generator_lost: bool = True
    sent: Sent | None = None
    forbids: bool = False
    blocks: tuple[str, ...] = ()
    latched: int = 0
    delivered: float = 0.0
    low: float = 0.0
    high: float = 0.0
    beam_s: float = 0.0
    token: int = 0
    start_seq: int = 0
    plan_digest: bytes = b""
    seq: int = 0
    durable: int = 0
    lead_s: float = 0.0
    filament_a: float = 0.0
    beam_ms: int = 0
    counts: tuple[int, int] = (0, 0)

    def age_s(self, asked_at_s: float) -> float:
        """How old a reading is that was asked for at this time of the host's clock."""
        return self.t + self.lead_s - asked_at_s


@dataclass(frozen=True, slots=True)
class Act:
    """What came from outside the controller: a host's or recorder's fate, a hand, a request or a reply. `detail` holds a request's fields."""

    at_s: float
    kind: str
    what: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A snapshot as it reached the desk at `at_s`: what it said, of its own time `of_s`."""

    at_s: float
    of_s: float
    state: str
    beam: str
    simulated: bool
    offer: bytes
    offer_kv_counts: int
    offer_ma_counts: int
    offer_id: int = 0


@dataclass(frozen=True, slots=True)
class Wrote:
    """Bytes that left on a wire: `what` is "on" or "disarm"."""

    at_s: float
    link: str
    what: str


@dataclass(frozen=True, slots=True)
class First:
    """The first that a process sent to the generator or the safety unit (`part`) which changes anything, and whether that is OFF, or the unit's DISARM."""

    at_s: float
    host: int
    part: str
    is_off: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Crossed:
    """A question that left on a connection while the one before, `after_s` old, had no byte of an answer; `is_off`: it is OFF or DISARM."""

    at_s: float
    link: str
    after_s: float
    is_off: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a ring as the journal holds it: `index` in the chain, `at_s` its stamp in the rows' time, `seen_s` when it was first seen on the disk
    (infinite: only when all was over), `fields` in the order of its struct."""

    index: int
    instance: str
    seq: int
    at_s: float
    kind: int
    token: int
    fields: list[Any]
    seen_s: float
    wall_s: float = 0.0
    """The recorder's stamp."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The journal read from its first byte: how many records fit, what is wrong with it, and whether the site key stands in any file of the records."""

    records: int
    words: str
    secret: bool


@dataclass(frozen=True)
class Rigged:
    """What the rig of a run is: names of its devices, tick, time of the world's zero, the limits that it may not pass, and what it is calibrated by."""

    generator: str
    safety_unit: str
    tick_s: float
    epoch_s: float
    own_unit: bool
    silence_s: float
    timed_unit_wire: bool
    instance: str
    worst_age_s: dict[str, float]
    limits: dict[str, float]
    paper: papers.Paper | None = None
    """The certificate that the world was built with, read anew."""
    waives_day: bool = True
    """Whether its records ask for no day's check."""
    zone: str = "UTC"
    """That of the site's days."""
    full_scale: tuple[float, float] = (100.0, 10.0)
    """The generator's, kV and mA."""


@dataclass(frozen=True)
class Trace:
    """One run, whole. `log` is the world's own, in seconds of the same clock as the rows; `fractions` are the records as people read them."""

    rig: Rigged
    rows: tuple[Row, ...]
    log: tuple[tuple[float, str, str], ...]
    acts: tuple[Act, ...]
    shown: tuple[Shown, ...]
    wrote: tuple[Wrote, ...]
    entries: tuple[Entry, ...]
    chain: Chain
    fractions: tuple[dict[str, Any], ...]
    recorder_runs: bool
    sheets: tuple[papers.Sheet, ...] = ()
    """What people had signed and the journal took in."""
    firsts: tuple[First, ...] = ()
    crossed: tuple[Crossed, ...] = ()


_FIRST: Final = struct.Struct("<8sQQ32s")
_HEAD: Final = struct.Struct("<IHHQd")
_DIGEST: Final = 32
_TICKS: Final = 1
LATCH_SET: Final = 6
_LATCHES: Final = 4
"""Behind an entry's token stand its words, ends, resets, clearance, and the latches that the records themselves set with it."""
_GAP_LATCHES: Final = 3
"""The same behind a gap's process and its two ends."""
_IS_ENTRY: Final = 2
_IS_GAP: Final = 4
_IS_SHEET: Final = 8


class JournalEye:
    """Reads a recorder's journal as far as its chain goes, by the layout in docs/records.md and with nothing of the recorder's own. `read` gives what of a
    file would outlive the power."""

    def __init__(self, folder: Path, read: Callable[[Path], bytes]) -> None:
        self._folder, self._read = folder, read
        self._segment, self._at, self._index, self._digest = 1, 0, 1, bytes(_DIGEST)
        self.entries: list[Entry] = []
        self.sheets: list[tuple[int, bytes]] = []
        self.words = ""

    @property
    def records(self) -> int:
        """How many records fit the chain so far."""
        return self._index - 1

    def look(self, seen_s: float) -> None:
        """Take what has come since the last look."""
        while True:
            path = self._folder / f"{self._segment:08d}.journal"
            try:
                raw = self._read(path)
            except OSError:
                return
            self._take(raw + bytes(_DIGEST), seen_s)
            if not (self._folder / f"{self._segment + 1:08d}.journal").exists():
                return
            if any(raw[self._at :]):
                self.words = f"{path.name}: bytes after record {self.records} fit no record"
                return
            self._segment, self._at = self._segment + 1, 0

    def _take(self, raw: bytes, seen_s: float) -> None:
        if not self._at:
            body = raw[: _FIRST.size]
            whole = len(raw) >= _FIRST.size + _DIGEST
            if not whole or hashlib.sha256(body).digest() != raw[_FIRST.size : _FIRST.size + _DIGEST]:
                return
            _, segment, index, digest = _FIRST.unpack(body)
            if (segment, index, digest) != (self._segment, self._index, self._digest):
                self.words = f"segment {self._segment} does not continue the chain"
                return
            self._at = _FIRST.size + _DIGEST
        while self._at + _HEAD.size + _DIGEST <= len(raw):
            length, kind, _, index, wall_s = _HEAD.unpack_from(raw, self._at)
            body_at = self._at + _HEAD.size
            end = body_at + length
            if not kind or index != self._index:
                return
            digest = hashlib.sha256(self._digest + raw[self._at : end]).digest()
            if digest != raw[end : end + _DIGEST]:
                return
            if kind == _IS_ENTRY:
                self._entry(index, raw[body_at:end], seen_s, wall_s)
            elif kind == _IS_GAP:
                self._gap(index, raw[body_at:end], seen_s, wall_s)
            elif kind == _IS_SHEET:
                self.sheets.append((index, raw[body_at:end]))
            self._at, self._index, self._digest = end + _DIGEST, index + 1, digest

    def _entry(self, index: int, payload: bytes, seen_s: float, wall_s: float) -> None:
        instance, seq, mono_ns, kind, entry, token, *made = msgspec.msgpack.decode(payload)
        if kind == _TICKS:
            return
        told = [(kind, token, msgspec.msgpack.decode(entry))]
        told += [(LATCH_SET, 0, latch) for latch in (made[_LATCHES] if len(made) > _LATCHES else ())]
        self.entries += [
            Entry(index, instance, seq, mono_ns * 1e-9, what, of, fields, seen_s, wall_s) for what, of, fields in told
        ]

    def _gap(self, index: int, payload: bytes, seen_s: float, wall_s: float) -> None:
        """Latches of a gap, as of the entry before it: nothing in it says when it was."""
        gap = msgspec.msgpack.decode(payload)
        at_s = self.entries[-1].at_s if self.entries else 0.0
        self.entries += [
            Entry(index, gap[0], gap[2], at_s, LATCH_SET, 0, latch, seen_s, wall_s)
            for latch in (gap[_GAP_LATCHES] if len(gap) > _GAP_LATCHES else ())
        ]


class Observer:
    """Watches a VirtualRig from now on, over every death and restart of its host, and gives what it saw as a Trace. Times are those of the first host's
    clock, whatever a later boot's shows."""

    def __init__(self, rig: Any) -> None:
        self._rig = rig
        world = rig.world
        self._world, self._plant, self._supply, self._tube = world, world.plant, world.plant.supply, world.plant.tube
        self._pins, self._unit = world.plant.pins, world.unit
        self._own = hasattr(world.unit, "nv")
        self._link = rig.blob.rig.generator_link
        self._epoch_s = rig.clock.epoch_s
        self._on_bytes = ON_BYTES.get(rig.blob.rig.generator_driver, b"")
        self._can = rig.loop.gate.capabilities
        self._read = rig.disk.durable
        self._folder = Path(rig.recorder_config.journal_dir)
        self._eye = JournalEye(self._folder, self._read)
        self._rows: list[Row] = []
        self._acts: list[Act] = []
        self._shown: list[Shown] = []
        self._wrote: list[Wrote] = []
        self._firsts: list[First] = []
        self._crossed: list[Crossed] = []
        self._changes = CHANGES.get(rig.blob.rig.generator_driver)
        self._unsaid: dict[str, bytes] = {}
        """Of each wire what a process has sent, until it has changed something."""
        self._open: dict[str, tuple[object, float]] = {}
        """Of each wire the connection whose question waits for an answer, and since when."""
        self._done: set[str] = set()
        self._lead_s = {f"{rig.blob.instance}{rig.hosts}": 0.0}
        self._host = 1
        self._armed_at_s: float | None = None
        rig.tick_hooks.append(self._tick)
        rig.event_hooks.append(self._event)
        rig.taps.append(self._tap)
        rig.ears.append(self._ear)

    def trace(self) -> Trace:
        """Everything until now; the records are read as they stand on the disk."""
        rig = self._rig
        blob = rig.blob
        whole = JournalEye(self._folder, self._read)
        whole.look(float("inf"))
        self._eye.look(float("inf"))
        secret = any(key in data for data in self._files() for key in _forms(blob.site_key))
        seen = {(e.index, e.instance, e.seq): e.seen_s for e in self._eye.entries}
        entries = tuple(
            replace(e, at_s=round(e.at_s - self._lead_s.get(e.instance, 0.0), 6), seen_s=seen.get((e.index, e.instance, e.seq), e.seen_s))
            for e in whole.entries
        )  # fmt: skip
        records = rig.recorder_config
        return Trace(
            rig=Rigged(
                generator=blob.rig.generator_driver,
                safety_unit=blob.rig.safety_unit_driver,
                tick_s=1.0 / blob.tick_hz,
                epoch_s=self._epoch_s,
                own_unit=self._own,
                silence_s=self._can.silence_off_s(blob.lease_ms * 1e-3),
                timed_unit_wire=not blob.rig.safety_unit_link.startswith("tcp:"),
                instance=blob.instance,
                worst_age_s=dict(self._can.worst_age_s),
                limits=msgspec.structs.asdict(blob.limits),
                paper=papers.KEPT.get(blob.certificate.sha256),
                waives_day=records.simulated and records.day_check_waived_simulated,
                zone=records.time_zone,
                full_scale=(blob.rig.full_scale_kv, blob.rig.full_scale_ma),
            ),
            rows=tuple(self._rows),
            log=tuple((self._epoch_s + at_us * 1e-6, who, what) for at_us, who, what in self._world.log),
            acts=tuple(self._acts),
            shown=tuple(self._shown),
            wrote=tuple(self._wrote),
            entries=entries,
            chain=Chain(whole.records, whole.words, secret),
            fractions=tuple(rig.records()),
            recorder_runs=rig.recorder is not None,
            sheets=tuple(papers.sheet(at, raw, records.physicists, records.day_signers) for at, raw in whole.sheets),
            firsts=tuple(self._firsts),
            crossed=tuple(self._crossed),
        )

    def _files(self) -> list[bytes]:
        """Everything that the records keep on the disk, as it would outlive the power."""
        kept = []
        for path in sorted(self._folder.parent.rglob("*")):
            with contextlib.suppress(OSError):
                kept.append(self._read(path))
        return kept

    def _tick(self, tick: Any) -> None:
        loop, readings, sent, stage = self._rig.loop, tick.readings, tick.sent, tick.stage
        plant, supply, tube, pins, unit = self._plant, self._supply, self._tube, self._pins, self._unit
        case, verdict, dose, ack = loop.dossier.case, tick.verdict, tick.dose, loop.ledger.ack
        own = self._own
        if sent.armed_at_s is not None and sent.armed_at_s != self._armed_at_s:
            self._armed_at_s = sent.armed_at_s
            self._eye.look(self._now_s())
        event = tick.decided.event
        lead_s = self._rig.clock.epoch_s - self._epoch_s
        self._rows.append(
            Row(
                round(tick.now - lead_s, 6),
                self._host,
                stage.state.value,
                tube.kv,
                tube.ma,
                plant.dose_mgy,
                plant.k1.closed,
                plant.k2.closed,
                supply.hv_on,
                pins.switch_a,
                unit.contacts_a & unit.contacts_b if own else NO_CONTACTS,
                pins.applicator_a,
                pins.filter_a,
                unit.state if own else NO_CONTACTS,
                (unit.armed_token or unit.nv.retained_token) if own else 0,
                unit.lease_left_ms if own else 0,
                unit.scan_count if own else 0,
                unit.nv.active if own else b"",
                (supply.kv_counts, supply.ma_counts, supply.limit_counts, supply.preheat_counts),
                "" if event == _NONE else event.name,
                tick.decided.rule,
                readings.unit,
                readings.monitor,
                readings.flags,
                readings.set_points,
                readings.active,
                readings.unit_link.lost,
                readings.generator_link.lost,
                sent,
                verdict.forbids_beam,
                verdict.blocks_start,
                len(loop.dossier.latches),
                dose.delivered_mgy,
                dose.low_mgy,
                dose.high_mgy,
                dose.beam_s,
                case.token,
                case.start_seq,
                case.settings.digest if case.settings is not None else b"",
                loop.ledger.ring.seq,
                ack.durable_seq if ack is not None else 0,
                lead_s,
                tube.heater_a,
                unit.nv.beam_ms if own else 0,
                (unit.nv.counts_1, unit.nv.counts_2) if own else (0, 0),
            )
        )

    def _now_s(self) -> float:
        """To the microsecond, as the rows' own times: after days of uptime a float's last bits are no order of events."""
        return round(float(self._epoch_s + self._world.now_us * 1e-6), 6)

    def _idle(self) -> None:
        plant, supply, tube, pins, unit = self._plant, self._supply, self._tube, self._pins, self._unit
        own = self._own
        self._rows.append(
            Row(
                self._now_s(),
                self._host,
                NOT_RUNNING,
                tube.kv,
                tube.ma,
                plant.dose_mgy,
                plant.k1.closed,
                plant.k2.closed,
                supply.hv_on,
                pins.switch_a,
                unit.contacts_a & unit.contacts_b if own else NO_CONTACTS,
                pins.applicator_a,
                pins.filter_a,
                unit.state if own else NO_CONTACTS,
                (unit.armed_token or unit.nv.retained_token) if own else 0,
                unit.lease_left_ms if own else 0,
                unit.scan_count if own else 0,
                unit.nv.active if own else b"",
                (supply.kv_counts, supply.ma_counts, supply.limit_counts, supply.preheat_counts),
            )
        )

    def _event(self, kind: str, what: Any) -> None:
        if kind == "idle":
            self._idle()
            return
        now = self._now_s()
        if kind == "told":
            self._told(now, what)
            return
        if kind in ("came", "elsewhere"):
            self._desk(now, kind, *what)
            return
        if kind == "parted":
            self._acts.append(Act(now, kind, "", {"client": what}))
            return
        if kind == "asked":
            tag = str(what.__struct_config__.tag)
            if tag != "alive":
                self._acts.append(Act(now, kind, tag, msgspec.to_builtins(what, builtin_types=(bytes,))))
            return
        if kind == "host" and what == "started":
            self._host += 1
            self._unsaid, self._open, self._done = {}, {}, set()
            self._lead_s[f"{self._rig.blob.instance}{self._rig.hosts}"] = self._rig.clock.epoch_s - self._epoch_s
        self._acts.append(Act(now, kind, what))

    def _told(self, now: float, reply: Any) -> None:
        if reply.__struct_config__.tag == "answer":
            self._acts.append(Act(now, "told", reply.words, {"ok": reply.ok}))
            return
        offer = reply.offer
        digest, kv, ma, number = (
            (offer.digest, offer.kv_counts, offer.ma_counts, offer.id) if offer is not None else (b"", 0, 0, 0)
        )
        self._shown.append(
            Shown(
                now,
                reply.at_s - self._rig.clock.epoch_s + self._epoch_s,
                reply.state,
                reply.beam,
                reply.simulated,
                digest,
                kv,
                ma,
                number,
            )
        )

    def _desk(self, now: float, kind: str, client: int, what: Any) -> None:
        """A packet as the host took it, or what another client than the operator's was granted: questions, rubbish and refusals tell nothing."""
        if kind == "came":
            try:
                asked = msgspec.msgpack.decode(what)
                tag = str(asked["type"])
            except (msgspec.DecodeError, KeyError, TypeError):
                return
            if tag not in ("status", "watch"):
                who = {name: asked[name] for name in ("role", "who", "reason") if tag == "reset"}
                self._acts.append(Act(now, kind, tag, {"client": client, **who}))
        elif what.__struct_config__.tag == "answer" and what.ok:
            self._acts.append(Act(now, kind, what.words, {"ok": True, "client": client}))

    def _ear(self, link: str, connection: object, data: bytes, is_hosts: bool) -> None:
        """What is open on a wire, and the first that a process changes on it."""
        if not is_hosts:
            self._open.pop(link, None)
            return
        if not data:
            return
        is_generators = link == self._link
        units = UNIT_CHANGES["tcp" if self._rig.blob.rig.safety_unit_link.startswith("tcp:") else "rtu"]
        changes, off = self._changes or (_SPELLMAN, b"") if is_generators else (units, DISARM_BYTES[0])
        if link not in self._done:
            said = self._unsaid.get(link, b"") + data if is_generators else data
            change = changes.search(said)
            self._unsaid[link] = said[-_LONGEST:]
            if change is not None:
                self._done.add(link)
                self._firsts.append(
                    First(
                        self._now_s(),
                        self._host,
                        "generator" if is_generators else "unit",
                        change[changes.groups].startswith(off),
                        change[0],
                    )
                )
        open_on, since_s = self._open.get(link, (None, 0.0))
        if open_on is connection:
            self._crossed.append(Crossed(self._now_s(), link, self._now_s() - since_s, off in data))
        if not (is_generators and self._rig.blob.rig.generator_driver in UNANSWERED and not changes.sub(b"", data)):
            self._open[link] = connection, self._now_s()

    def _tap(self, link: str, data: bytes) -> None:
        if link == self._link:
            if self._on_bytes in data:
                self._wrote.append(Wrote(self._now_s(), link, "on"))
        elif DISARM_BYTES[0] in data:
            self._wrote.append(Wrote(self._now_s(), link, "disarm"))


def _forms(key: bytes) -> tuple[bytes, ...]:
    """What a secret looks like where somebody has written it down."""
    return (
        bytes(key),
        key.hex().encode(),
        key.hex().upper().encode(),
        base64.b64encode(key).rstrip(b"="),
        repr(bytes(key))[2:-1].encode(),
    )


_LONGEST: Final = 64
_NONE: Final = 33
"""The event of a tick in which nothing happened; a test holds it against the table."""
