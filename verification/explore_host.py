"""One tick of the shipped program from any state that it can be in: real gate, judge, dossier, decide, table and drive, put where a node left them.
It models nothing of them: fields become the structs that they keep, and what they keep becomes fields again; only ages are told in three classes."""

from __future__ import annotations

import os
import zlib
from functools import cache
from typing import Final, NamedTuple

import msgspec

from calibration.certificate import load_certificate
from console import configuration
from console.limits import narrowed
from console.run import capabilities_of, rig_config
from controller import decide as decide_room
from controller import drive as drive_room
from controller import requests
from controller.admission import Admission, Site
from controller.case import Case
from controller.dose import Dose, Meter
from controller.dossier import Dossier, Identity, Owed
from controller.entries import Ack, EntryType, LatchSet, Open, Outcome, Start, Statement, Terminal
from controller.entries import Event as EventEntry
from controller.exposure import Decided, Exposure, Stage
from controller.facts import Asked, Ruling
from controller.ledger import Ledger
from controller.prescribed import Clearance, Prescribed, Quality
from controller.self_test import STUCK_RULE, Phase, Tests
from controller.settings import RigSide, Settings, make_settings
from controller.states import EXPIRES_S, Event, State
from controller.tags import fraction_tag
from controller.written import start_entry
from hal.commands import Arm, Command, Hold, Off, On, Reset
from hal.figures import LinkFigures
from hal.machine import Capabilities, Renewal
from hal.readings import (
    Contact,
    GeneratorFlags,
    GeneratorIdentity,
    GeneratorMonitor,
    GeneratorSetPoints,
    Health,
    Link,
    Purpose,
    Readings,
    Relay,
    SwitchMode,
    UnitActive,
    UnitIdentity,
    UnitSlow,
    UnitStatus,
)
from hal.units import Seconds
from hal.wire_log import FrameLog
from interlocks.backup_timer import NO_BEAM_TIME, begin
from interlocks.gate import Gate, Permit
from interlocks.look import Memory
from interlocks.rules import TABLE
from interlocks.words import Clears, House, Latch, Sent, Trip, Verdict
from verification import setting
from verification.explore_world import (
    ARMED,
    DOOR_OPEN,
    DURABLE,
    DURABLE_OTHER,
    FOREIGN,
    GOOD,
    KEY_AWAY,
    KEY_SERVICE,
    NO_DOSE,
    RUN,
    TOO_LONG,
    WRITTEN,
    Ask,
    Generator,
    Said,
    Unit,
    World,
)
from verification.virtual import WALL_S

NOW: Final = 1000.0
"""Every tick is at this time: what came before is told by its age."""
JUST, EARLIER, LONG_AGO = 0.05, 0.4, 10_000.0
"""A few ticks; more than any settling time, less than any deadline; more than any deadline."""
STATES: Final = tuple(State)
EVENTS: Final = tuple(Event)
START_SEQ, TERMINAL_SEQ, FOUND_SEQ = 90, 95, 80
PACKED: Final = b"START"
WAITS: Final = frozenset(place for place, row in enumerate(TABLE) if row.persists_for_s or row.waits_for)
"""Rules whose FALSE does not count at once: since when they are FALSE is part of a node."""


class Host(NamedTuple):
    """What the program keeps from one tick to the next and a later tick depends on. Ages: 0 not at all, 1 a few ticks, 2 long; of the state 2 is too long.

    `off` is the OFF that ended an ON; `last_armed` and `last_on` are the gate's; `start` is 0, or one more than the dose at START; `pending` the
    rules that are FALSE and do not count yet or not at once, with whether they have lasted; `owed` an end that waits for a silent unit,
    `owed_heard` since when that one is heard again.
    """

    state: int = 0
    outcome: int = 0
    age: int = 0
    set_up: bool = False
    terms: bool = False
    armed: bool = False
    on: int = 0
    off: int = 0
    token: int = 0
    boot_same: bool = True
    pressed: bool = False
    open: bool = False
    last_armed: int = 0
    last_on: int = 0
    permit: int = 0
    on_sent: bool = False
    armed_seen: bool = False
    hv_seen: int = 0
    held_long: bool = True
    pending: tuple[tuple[int, bool], ...] = ()
    loaded: bool = False
    offer: int = 0
    recommit: bool = False
    confirmed: bool = False
    case_token: int = 0
    terminal: bool = False
    closing: bool = False
    phase: int = 0
    clearing: bool = False
    start: int = 0
    resetting: int = 0
    off_since: int = 0
    gone: int = 0
    cycle: int = 0
    strange: bool = False
    owed: int = 0
    owed_heard: int = 0
    latches: tuple[tuple[str, int], ...] = ()


class Seen(NamedTuple):
    """What reaches the program of the world in one tick."""

    unit: Unit
    hv: bool
    unit_silent: bool
    generator: Generator
    generator_silent: bool
    recorder: bool
    desk: bool
    start: int
    token: int
    end: bool
    due: int
    open: int
    dose: int
    channels_disagree: bool
    stood_still: bool


class Ticked(NamedTuple):
    """What one tick did: the program after it, what it sent, and how it came to it."""

    host: Host
    said: Said
    renewed: bool
    event: int
    heard: int
    taken: bool
    refused: str
    forbids: bool
    blocks: tuple[str, ...]
    why: str


def seen(world: World, stood_still: bool) -> Seen:
    """What the program can read of this world; a silent link leaves what was last heard, with its age."""
    unit, hv = world.unit_frozen or (world.unit, world.generator.hv)
    return Seen(
        unit._replace(last=0, kept=0),
        hv,
        world.unit_frozen is not None,
        (world.generator_frozen or world.generator)._replace(broken=0),
        world.generator_frozen is not None,
        world.recorder,
        world.desk,
        world.start,
        world.token if world.start in (DURABLE, DURABLE_OTHER) else 0,
        bool(world.end),
        world.due,
        world.open,
        world.dose,
        world.channels_disagree,
        stood_still,
    )


class _Machine:
    """What the gate holds: says what is to be read, keeps what is written."""

    fds: tuple[int, ...] = ()
    logs: dict[str, FrameLog] = {}  # noqa: RUF012 - never filled

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.says: Readings | None = None
        self.written: list[Command] = []
        self.offs = 0
        self.renewal: Renewal | None = None

    def figures(self) -> dict[str, LinkFigures]:
        return {}

    def ask(self, renew: Renewal | None, _now: Seconds) -> None:
        self.renewal = renew

    def read(self, _now: Seconds) -> Readings:
        assert self.says is not None
        return self.says

    def write(self, command: Command, _now: Seconds) -> None:
        self.written.append(command)

    def beam_off(self, _now: Seconds) -> bool:
        self.offs += 1
        return True


class _Clock:
    def monotonic(self) -> Seconds:
        return Seconds(NOW)

    def wall(self) -> Seconds:
        return Seconds(WALL_S)

    def sleep_until(self, _deadline: Seconds) -> None:
        return


class _Ledger(Ledger):
    """The records' two words as the world has them; what is put is kept for the world. How a token is taken from an acknowledgement is the shipped code."""

    def __init__(self) -> None:
        self.ack = None
        self.statement = None
        self.entries: list[tuple[EntryType, msgspec.Struct]] = []

    def put(self, kind: EntryType, entry: msgspec.Struct, _now: Seconds) -> tuple[int, bytes]:
        self.entries.append((kind, entry))
        return {EntryType.START: START_SEQ, EntryType.TERMINAL: TERMINAL_SEQ, EntryType.FOUND: FOUND_SEQ}.get(
            kind, 1
        ), PACKED


class _Meter(Meter):
    """The dose as the world has it."""

    def __init__(self) -> None:
        self.says = Dose()
        self.sums = ""

    @property
    def dose(self) -> Dose:
        """What the world says that it is."""
        return self.says

    def begin(self, _settings: Settings, _readings: Readings, _now: float) -> None:
        return

    def settled(self, _readings: Readings) -> Dose:
        return self.says


class _Exposure(Exposure):
    """The shipped exposure, put where a node left it."""

    def put(self, stage: Stage) -> None:
        self.stage = stage
        self._model.state = stage.state


class _Gate(Gate):
    """The shipped gate, put where a node left it."""

    def put(self, host: Host, sent: Sent, memory: Memory, lease_ms: int) -> None:
        self._sent, self._memory, self._open = sent, memory, host.open
        self._permit = Permit(host.permit, lease_ms, NOW - 0.01) if host.permit else None
        self._verdict = self._readings = None
        self._tick = 1
        self._last_armed, self._last_on = host.last_armed, host.last_on
        self._off_left, self._off_tried_s = True, None

    def take(self) -> tuple[Sent, Memory, int, int, int]:
        return (
            self._sent,
            self._memory,
            self._permit.token if self._permit is not None else 0,
            self._last_armed,
            self._last_on,
        )


class _Dossier(Dossier):
    """The shipped dossier, put where a node left it."""

    def opened(self) -> None:
        """The recorder's opening statement has been heard; latches that outlive a process come with the node."""
        self._latches.open(_statement(seen(World(), False), Host()), NOW)

    def put(self, host: Host, case: Case, tests: Tests, start: Start | None, latches: tuple[Latch, ...]) -> None:
        self.case, self.tests, self.ended = case, tests, None
        self.unlatching = False
        self._latches.held = latches
        self._start = start
        self._off_since = _ago(host.off_since)
        self._gone_since = _ago(host.gone)
        self._k1_open_since = self._same_since = NOW - LONG_AGO
        self._away_since, self._power_cycled = _ago(AWAY.get(host.cycle, 0)), host.cycle == CYCLED
        self._resetting = (host.resetting, 0)
        self._offers, self._told = 2, 0
        self._strange_since = NOW - LONG_AGO if host.strange else None
        self._noted = None
        self._ended_seq, self._last_end = 0, None
        self._latches.found(0)
        heard = _ago(host.owed_heard)
        self._owed = Owed(_stage(host), NOW - (LONG_AGO if host.owed == 2 else EARLIER), heard) if host.owed else None

    def owed(self) -> tuple[int, int]:
        """Whether an end is owed, and whether the unit has been heard since, each by its age."""
        owed = self._owed
        return (0, 0) if owed is None else (2 if owed.since_s == NOW - LONG_AGO else 1, _aged(owed.heard_since_s))

    def take(self) -> tuple[bool, int, int, int, int, bool]:
        return (
            self._start is not None,
            _aged(self._off_since),
            _aged(self._gone_since),
            CYCLED if self._power_cycled else _AWAY_OF[_aged(self._away_since)],
            self._resetting[0],
            self._strange_since is not None,
        )


CYCLED: Final = 2
"""The generator's mains as a node holds it: it has been away for long enough and has come back."""
AWAY: Final = {1: 1, 3: 2}
"""It is away: by the node's figure, since when by its age."""
_AWAY_OF: Final = {0: 0} | {age: cycle for cycle, age in AWAY.items()}


def _ago(age: int) -> float | None:
    return (None, NOW - JUST, NOW - LONG_AGO)[age]


def _aged(at_s: float | None) -> int:
    return 0 if at_s is None else 2 if at_s < NOW - 1.0 else 1


def aged(host: Host, passes: int, switch: bool) -> Host:
    """The program after time has passed without a tick that changed anything."""
    if not passes:
        return host
    old = {"on": 2, "off": 2, "off_since": 2, "gone": 2, "hv_seen": 2, "owed": 2, "owed_heard": 2}
    fields = host._asdict()
    changes: dict[str, object] = {name: long for name, long in old.items() if fields[name]}
    if host.cycle == 1:
        changes["cycle"] = 3
    changes["pending"] = tuple((place, True) for place, _ in host.pending)
    if passes == TOO_LONG:
        changes["age"] = 2
        changes["offer"] = 2 if host.offer else 0
        changes["held_long"] = host.held_long or switch
    else:
        changes["age"] = max(host.age, 1)
    return host._replace(**changes)  # type: ignore[arg-type]


_CONTACTS: Final = {
    GOOD: int(Contact.ESTOP | Contact.DOOR | Contact.KEY_TREAT | Contact.APPLICATOR | Contact.TEST_PULSE),
    DOOR_OPEN: int(Contact.ESTOP | Contact.KEY_TREAT | Contact.APPLICATOR | Contact.TEST_PULSE),
    KEY_AWAY: int(Contact.ESTOP | Contact.DOOR | Contact.APPLICATOR | Contact.TEST_PULSE),
    KEY_SERVICE: int(Contact.ESTOP | Contact.DOOR | Contact.KEY_SERVICE | Contact.APPLICATOR | Contact.TEST_PULSE),
}
_LAMPS: Final = int(Relay.BEAM_LAMP_OK | Relay.READY_LAMP_OK)
_SOUND: Final = int(Health.HT1 | Health.HT2 | Health.PRESSURE_OK | Health.TEMPERATURE_OK)
_UP: Final = Link(NOW - 0.002, False)
_DOWN: Final = Link(NOW - 5.0, True, last_trouble="no reply")
_PRESSES, _BOOT = 10, 3
RATE_COUNTS: Final = 300
LIT_MGY_PER_S, DARK_MGY_PER_S = 50.0, 0.0
BLEEDER_MA: Final = 0.07
_KEYS: Final = int(Contact.KEY_TREAT | Contact.KEY_SERVICE)


def dry_run() -> Prescribed:
    """The demonstration's place and kV, with no current and no dose."""
    return msgspec.structs.replace(setting.prescribed(), purpose=Purpose.DRY_RUN, ma=0.0, rx_mgy=0.0, depth_mm=0.0)


class Shipped:
    """The program's rooms, joined as controller/loop.py joins them, over a machine that says what the world is. `dry`: a dry run in the place of a
    treatment, with the key in SERVICE and a bleeder's current for all that is seen of it."""

    def __init__(self, dry: bool = False) -> None:
        self._dry = dry
        self.service = (GOOD, KEY_SERVICE) if dry else (KEY_SERVICE,)
        rig = configuration.load(setting.EXAMPLES / "rig.toml", os.getuid())
        config = rig_config(rig)
        found = capabilities_of(rig, config, configuration.site_key(rig))
        self._capabilities = msgspec.structs.replace(found, unit_tests=())
        certificate = load_certificate(rig.certificate, rig.signer_public_key, WALL_S)
        side = RigSide(
            full_scale_kv=found.full_scale_kv,
            full_scale_ma=found.full_scale_ma,
            kv_counts_full_scale=found.kv_counts_full_scale,
            ma_counts_full_scale=found.ma_counts_full_scale,
            lease_ms=rig.file.rig.lease_ms,
            t2_s=0.5,
            switch_mode=SwitchMode.ONCE,
            not_cold=found.not_cold,
        )
        limits = narrowed(rig)
        self.prescribed = dry_run() if dry else setting.prescribed()
        self._machine = _Machine(self._capabilities)
        self._gate = _Gate(self._machine, limits, _Clock(), config.tick_s)
        self._ledger, self._meter = _Ledger(), _Meter()
        identity = Identity("search", True, "s", "0", 1)
        self._dossier = _Dossier(
            self._ledger,
            self._meter,
            certificate,
            Site(limits, side),
            identity,
            self._capabilities,
            Seconds(NOW),
            WALL_S,
        )
        self._exposure = _Exposure(Seconds(NOW))
        self._codes = (0, 0)
        self.settings: Settings | None = None
        clearance = Clearance(
            1, fraction_tag(self.prescribed), "", False, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, Quality.GOOD, 0.0, True, WALL_S + 1e4, WALL_S
        )  # fmt: skip
        at_rest = self._read(seen(World(), False), False)
        made = make_settings(self.prescribed, certificate, clearance, limits, at_rest, side, WALL_S)
        if not isinstance(made, Settings):
            raise TypeError(f"the demonstration's fraction is refused: {made}")
        self.settings = made
        self._codes = (made.terms.applicator_code, made.terms.filter_code)
        self._known: dict[tuple[Seen, bool], Readings] = {}
        self._load = requests.Load(self.prescribed, "op", "physicist" if dry else "operator")
        self._requests: dict[Ask, requests.Request | None] = {
            Ask.NOTHING: None,
            Ask.LOAD: self._load,
            Ask.RESUME: requests.Resume(self.prescribed, "op", "goes on"),
            Ask.CONFIRM: requests.Confirm(3, made.digest),
            Ask.CONFIRM_OLD: requests.Confirm(2, made.digest),
            Ask.CONFIRM_OTHER: requests.Confirm(3, b"other numbers"),
            Ask.EDIT: requests.Edit(),
            Ask.CLOSE: requests.Close("closed"),
            Ask.RESET_OPERATOR: requests.Reset("operator", "A", "seen"),
            Ask.RESET_PHYSICIST: requests.Reset("physicist", "B", "seen"),
            Ask.RESET_SERVICE: requests.Reset("service", "C, D", "seen"),
            Ask.RETEST: requests.Retest(),
        }
        self._starts: dict[int, Start | None] = {}
        self._dossier.opened()

    def tick(self, host: Host, s: Seen, ask: Ask, stop: bool) -> Ticked:
        """One tick, in the order of controller/loop.py."""
        gate, dossier, exposure, ledger, machine = (
            self._gate,
            self._dossier,
            self._exposure,
            self._ledger,
            self._machine,
        )
        settings = self.settings
        assert settings is not None
        readings = self._readings_of(s, host.on_sent)
        machine.says, machine.offs, machine.renewal = readings, 0, None
        machine.written.clear()
        ledger.entries.clear()
        ledger.ack, ledger.statement = _ack(s), _statement(s, host)
        sent, memory = self._sent(host), self._memory(host, s, readings)
        gate.put(host, sent, memory, settings.terms.lease_ms)
        before = _stage(host)
        exposure.put(before)
        dossier.put(host, self._case(host), _tests(host), self._start_of(host), _latches(host))
        request = self._requests[ask]
        dossier.admission = _admission(request, settings, s)
        dose = _dose(s, settings.d0_mgy, host.on > 0, DARK_MGY_PER_S if self._dry else LIT_MGY_PER_S)
        self._meter.says = dose

        now = Seconds(NOW)
        gate.ask(now)
        readings, verdict = gate.look(now, _house(s, dose))
        dossier.admit(request, before, readings, 1)
        facts = dossier.facts(before, readings, verdict, dose, gate.sent, True)
        decided, ruling = decide_room.decide(before, Asked(stop, request), readings, verdict, dose, facts)
        exposure.step(decided, now)
        stage = exposure.stage
        dossier.moved(before, stage, decided, readings, verdict, request, gate.sent, facts.off)
        dossier.waiting(request, stage, ruling.refused, readings)
        facts = msgspec.structs.replace(facts, case=dossier.case, tests=dossier.tests)
        wanted = drive_room.drive(stage, dossier.case, readings, facts, dossier.unlatching)
        gate.pass_on(wanted, verdict)
        return self._ticked(host, s, stage, decided, ruling, verdict)

    def _ticked(self, host: Host, s: Seen, stage: Stage, decided: Decided, ruling: Ruling, verdict: Verdict) -> Ticked:
        machine, dossier = self._machine, self._dossier
        sent, memory, permit, last_armed, last_on = self._gate.take()
        started, off_since, gone, cycle, resetting, strange = dossier.take()
        owed, owed_heard = dossier.owed()
        case, state = dossier.case, stage.state
        number = STATES.index(state)
        put = tuple(told for kind, entry in self._ledger.entries if (told := _entry(kind, entry))[0])
        if decided.event is Event.LOAD:
            put += (("LOADED", 0, 0),)
        command = next((c for c in machine.written if not isinstance(c, Off)), None)
        said = Said(machine.offs > 0, _tag(command), _token(command), bool(permit), put)
        armed = sent.armed_at_s is not None
        boot = _BOOT + 1 if s.unit.restarted else _BOOT
        after = Host(
            state=number,
            outcome=int(stage.outcome) if state is State.STOPPING else 0,
            age=0 if stage.entered else _age(state, dossier.tests.phase, host.age),
            set_up=sent.set_up_at_s is not None,
            terms=sent.terms is not None,
            armed=armed,
            on=0 if sent.on_at_s is None else host.on or 1,
            off=1 if sent.beam_off_at_s == NOW else host.off if sent.beam_off_at_s is not None and host.off == 1 else 0,
            token=sent.token or 0,
            boot_same=sent.boot_count is None or sent.boot_count == boot,
            pressed=sent.press_count is not None,
            open=self._gate.open,
            last_armed=last_armed,
            last_on=last_on,
            permit=permit,
            on_sent=host.on_sent or isinstance(command, On),
            armed_seen=memory.armed_seen,
            hv_seen=0 if memory.hv_seen_at_s is None else host.hv_seen or 1,
            held_long=memory.released_at_s < NOW - 1.0,
            # what a swing leaves behind while its rule is true is not searched
            pending=tuple(
                sorted(
                    (p, first < NOW - 1.0) for p, (first, last) in memory.pending.items() if p in WAITS and last == NOW
                )
            ),
            loaded=case.settings is not None,
            offer=0 if case.offer_at_s is None else 2 if case.offer_at_s < NOW - 10.0 else 1,
            recommit=case.recommit,
            confirmed=bool(case.start_seq),
            case_token=case.token,
            terminal=bool(case.terminal_seq) and (s.end or any(name == "TERMINAL" for name, *_ in put)),
            closing=case.closing,
            phase=int(dossier.tests.phase) if state is State.SELF_TEST else 0,
            clearing=dossier.tests.faults_cleared and state is State.SELF_TEST,
            start=0 if not started else 1 + s.dose if any(name == "START" for name, *_ in put) else host.start,
            resetting=resetting,
            off_since=off_since if state in (State.STOPPING, State.STUCK_ON) else 0,
            gone=gone if state is State.STUCK_ON else 0,
            cycle=cycle,
            strange=strange,
            owed=owed,
            owed_heard=owed_heard,
            latches=_kept(dossier.latches, verdict),
        )
        taken = ruling.event is not Event.NONE and ruling.event is decided.event
        return Ticked(
            after,
            said,
            machine.renewal is not None,
            int(decided.event),
            int(decided.heard),
            taken,
            ruling.refused,
            verdict.forbids_beam,
            verdict.blocks_start,
            decided.words or (decided.rule if decided.rule else ""),
        )

    def _sent(self, host: Host) -> Sent:
        assert self.settings is not None
        off_at_s = NOW - JUST if host.off == 1 else None
        return Sent(
            tick=0,
            command="watch",
            terms=self.settings.terms if host.terms else None,
            armed_at_s=NOW - EARLIER if host.armed else None,
            on_at_s=(None, NOW - JUST, NOW - self._steady_s)[host.on],
            off_at_s=off_at_s,
            press_count=_PRESSES if host.pressed else None,
            boot_count=(_BOOT if host.boot_same else _BOOT - 1) if host.armed else None,
            token=host.token or None,
            set_up_at_s=NOW - 5.0 if host.set_up else None,
            beam_off_at_s=off_at_s,
        )

    @property
    def _steady_s(self) -> float:
        """Past the ramp, and before what STARTING may last."""
        assert self.settings is not None
        return self.settings.terms.ramp_s + 1.5

    def _memory(self, host: Host, s: Seen, r: Readings) -> Memory:
        unit = r.unit
        assert unit is not None and r.slow is not None
        earlier = RATE_COUNTS if s.hv and not s.unit_silent and not self._dry else 0
        trail = (
            msgspec.structs.replace(
                unit,
                sample_us=unit.sample_us - 120_000,
                counts_1=unit.counts_1 - earlier,
                counts_2=unit.counts_2 - earlier,
            ),
        )
        return Memory(
            pending={place: (NOW - (LONG_AGO if old else JUST), NOW) for place, old in host.pending},
            trail=trail if host.on else (),
            boot_count=_BOOT,
            rebooted=False,
            released_at_s=NOW - (LONG_AGO if host.held_long else JUST),
            armed_seen=host.armed_seen,
            hv_seen_at_s=(None, NOW - JUST, NOW - 1.5)[host.hv_seen],
            beam_time=begin(unit.beam_ms) if host.armed else NO_BEAM_TIME,
            # a contactor's own time is less than a step of this search: its mirror is told by relay_mirrors, which waits for it
            commands=unit.relays & (Relay.K1_COMMAND.value | Relay.K2_COMMAND.value),
            commanded_at_s=NOW,
        )

    def _case(self, host: Host) -> Case:
        return Case(
            settings=self.settings if host.loaded else None,
            operator="op",
            offer_id=3 if host.offer else 2,
            offer_at_s=(None, NOW - 1.0, NOW - 100.0)[host.offer],
            recommit=host.recommit,
            start_seq=START_SEQ if host.confirmed else 0,
            start_crc=zlib.crc32(PACKED) if host.confirmed else 0,
            token=host.case_token,
            terminal_seq=TERMINAL_SEQ if host.terminal else 0,
            closing=host.closing,
        )

    def _start_of(self, host: Host) -> Start | None:
        """The START that has no end yet, over the counters of its time."""
        if not host.start:
            return None
        if host.start not in self._starts:
            assert self.settings is not None
            at = self._readings_of(seen(World(dose=host.start - 1), False), False)
            self._starts[host.start] = start_entry(self.settings, Case(settings=self.settings), at, WALL_S, "0", True)
        return self._starts[host.start]

    def _readings_of(self, s: Seen, on_sent: bool) -> Readings:
        key = (s, on_sent)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._read(s, on_sent)
        return known

    def _read(self, s: Seen, on_sent: bool) -> Readings:
        """The snapshot that the rig would give of what is seen."""
        unit_at = NOW - (5.0 if s.unit_silent else 0.002)
        generator_at = NOW - (5.0 if s.generator_silent else 0.02)
        points, plan = s.generator.points, self.settings.plan if self.settings is not None else None
        kv_counts, ma_counts, limit, preheat = (
            (plan.kv_counts, plan.ma_counts, plan.filament_limit_counts, plan.filament_preheat_counts)
            if plan is not None and points
            else (0, 0, 0, 0)
        )
        kv_counts += points == FOREIGN
        hv, closed = s.generator.hv, s.unit.state == RUN or s.unit.welded
        kv, ma = (self.settings.terms.kv, self.settings.terms.ma) if hv and self.settings is not None else (0.1, 0.0)
        ma, filament_a = (BLEEDER_MA if hv else 0.0, 0.0) if self._dry else (ma, 1.0)
        crc = (0, plan.staging_crc if plan is not None else 0, 12345)[s.unit.crc]
        block = (b"", plan.staging if plan is not None else b"", b"other")[s.unit.crc]
        return Readings(
            now_s=NOW,
            unit_link=_DOWN if s.unit_silent else _UP,
            generator_link=_DOWN if s.generator_silent else _UP,
            unit=self._status(s, unit_at, crc),
            slow=self._slow(s, NOW - (5.0 if s.unit_silent else 0.4)),
            unit_identity=UnitIdentity(1.0, "U1", "fw", 15, 1200, 10**9, 20, 500, ""),
            active=UnitActive(unit_at, block, crc, s.unit.crc != FOREIGN),
            generator_identity=GeneratorIdentity(1.0, "XRV", "1", 100.0, 5.0, ""),
            monitor=GeneratorMonitor(generator_at, kv, ma, filament_a, kv_counts, ma_counts),
            flags=GeneratorFlags(generator_at, hv, closed, True, True, s.generator.fault, interlock_open=not closed),
            set_points=GeneratorSetPoints(generator_at, kv_counts, ma_counts, limit, preheat),
            on_sent_at_s=NOW - self._steady_s if on_sent and self.settings is not None else None,
        )

    def _status(self, s: Seen, at_s: float, crc: int) -> UnitStatus:
        unit = s.unit
        contacts = _CONTACTS[unit.contacts] | (int(Contact.SWITCH) if unit.switch else 0)
        if self._dry and contacts & Contact.KEY_TREAT:
            contacts ^= _KEYS
        running, permits = unit.state == RUN, unit.state in (ARMED, RUN)
        relays = (
            _LAMPS
            | (int(Relay.K1_COMMAND) if running else 0)
            | (int(Relay.K2_COMMAND) if permits else int(Relay.K2_MIRROR_OPEN))
        )
        if not running and not unit.welded:
            relays |= int(Relay.K1_MIRROR_OPEN)
        if s.hv:
            relays |= int(Relay.HV_SEEN)
        applicator, filter_ = self._codes
        counts = 1000 * s.dose
        return UnitStatus(
            asked_at_s=at_s,
            scan=1,
            host_seq_echo=1,
            challenge=1,
            state=unit.state,
            first_cause=unit.cause,
            boot_count=_BOOT + 1 if unit.restarted else _BOOT,
            contacts_a=contacts,
            contacts_b=contacts,
            relays=relays,
            applicator_a=applicator,
            applicator_b=applicator,
            filter_a=filter_,
            filter_b=filter_,
            beam_ms=counts,
            counts_1=0 if self._dry else counts,
            counts_2=0 if self._dry else counts,
            sample_us=10_000_000,
            health=_SOUND,
            lease_left_ms=150 if permits else 0,
            token=unit.token,
            active_crc=crc,
            press_count=_PRESSES + unit.presses,
        )

    def _slow(self, s: Seen, at_s: float) -> UnitSlow:
        rate = RATE_COUNTS if s.hv and not self._dry else 0
        return UnitSlow(at_s, *(0,) * 5, rate, rate, 101.3, 20.0, 120, None, None, 63, 0, 1000, 0, 0, 0, 0)


def _age(state: State, phase: Phase, age: int) -> int:
    """How long the state has lasted, as far as it matters there."""
    if state is State.STUCK_ON:
        return age
    matters = state in EXPIRES_S or state is State.STOPPING or (state is State.SELF_TEST and phase is Phase.SETTLE)
    return age if matters and age == 2 else 0


def _stage(host: Host) -> Stage:
    since = NOW - (JUST, EARLIER, LONG_AGO)[host.age]
    return Stage(STATES[host.state], since, False, Outcome(host.outcome), Event.NONE, "", "", None)


def _tests(host: Host) -> Tests:
    since = NOW - (JUST, EARLIER, LONG_AGO)[host.age]
    phase = Phase(host.phase)
    return Tests(phase, since, NOW - LONG_AGO, FOUND_SEQ if phase >= Phase.RECONCILE else 0, host.clearing)


def _kept(latches: tuple[Latch, ...], verdict: Verdict) -> tuple[tuple[str, int], ...]:
    """Latches by name where the cause is still found or the name matters; of the others only whose they are to clear."""
    if not latches:
        return ()
    found = {finding.rule for finding in verdict.findings}
    named = {
        (latch.rule if latch.rule in found or latch.rule == STUCK_RULE else "", int(latch.clears)) for latch in latches
    }
    return tuple(sorted(named))


@cache
def _latch(rule: str, clears: int) -> Latch:
    return Latch(rule or "gone", Trip.TRIP_STOP, Clears(clears), NOW - LONG_AGO, f"{rule or 'something'} was not true")


def _latches(host: Host) -> tuple[Latch, ...]:
    return tuple(_latch(*latch) for latch in host.latches)


def _admission(request: requests.Request | None, settings: Settings, s: Seen) -> Admission:
    """The records' answer to a load or a resume: a fraction that is open is resumed, one that is not is loaded."""
    if not isinstance(request, requests.Load | requests.Resume):
        return Admission()
    fits = bool(s.open) is isinstance(request, requests.Resume)
    asked = Admission(request, 1, NOW - 1.0)
    return (
        msgspec.structs.replace(asked, settings=settings)
        if fits
        else msgspec.structs.replace(asked, refused="the records refuse")
    )


def _ack(s: Seen) -> Ack:
    durable = 50 if s.start == WRITTEN or not s.recorder else 92 if s.end else 100
    acked = s.start in (DURABLE, DURABLE_OTHER)
    crc = zlib.crc32(PACKED) ^ (s.start == DURABLE_OTHER)
    return Ack(1, durable, START_SEQ if acked else 0, crc, s.token, 0)


def _statement(s: Seen, host: Host) -> Statement:
    return Statement(
        version=1,
        recorder="r",
        last_token=0,
        last_wall_s=0.0,
        latches=tuple(LatchSet(rule, Trip.TRIP_STOP, Clears(clears), rule, 0.0) for rule, clears in host.latches),
        opens=(Open(1, s.open, "P", "L", 1, 1.0, 1.0, 1.0, 100.0, Quality.GOOD),) if s.open else (),
        reconciled_found_seq=FOUND_SEQ if s.recorder else 0,
        reset_due_token=s.due,
    )


def _house(s: Seen, dose: Dose) -> House:
    return House(
        recorder_lag_s=0.1 if s.recorder else 10.0,
        desk_age_s=0.1 if s.desk else float("inf"),
        late_ticks=0,
        wall_s=WALL_S,
        tick_gap_s=1.0 if s.stood_still else 0.01,
        dose=dose.figures(),
    )


def _dose(s: Seen, d0_mgy: float, on: bool, lit_mgy_per_s: float) -> Dose:
    total = (0.0, 0.5 * d0_mgy, d0_mgy)[s.dose]
    given = total if on else 0.0
    rate = lit_mgy_per_s if s.hv else 0.0
    return Dose(
        d1_mgy=given,
        d2_mgy=given + (0.1 * d0_mgy if s.channels_disagree else 0.0),
        dt_mgy=given,
        dm_mgy=given,
        delivered_mgy=given,
        fraction_delivered_mgy=total,
        fraction_low_mgy=total,
        fraction_high_mgy=total,
        rate_1_mgy_per_s=rate,
        rate_2_mgy_per_s=rate,
        unit_beam_s=1.0 if on else None,
        host_beam_s=1.0 if on else None,
        counted=s.dose != NO_DOSE,
    )


def _entry(kind: EntryType, entry: msgspec.Struct) -> tuple[str, int, int]:
    """What the world's records make of an entry: its name, a value, a token; no name where they make nothing of it."""
    if isinstance(entry, Terminal):
        return "TERMINAL", int(entry.outcome), entry.token
    if isinstance(entry, EventEntry):
        return ("CLOSED" if entry.event == Event.CLOSE.name and "closed:" in entry.words else ""), 0, 0
    return (kind.name if kind in (EntryType.START, EntryType.FOUND, EntryType.RESET_DONE) else ""), 0, 0


def _tag(command: Command | None) -> str:
    return str(command.__struct_config__.tag) if command is not None else ""


def _token(command: Command | None) -> int:
    return command.token if isinstance(command, Arm | Hold | On | Reset) else 0
