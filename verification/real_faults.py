"""Faults of the operating system on real processes, at seeded instants of a whole fraction, and what people then do; judged from the outside only.
One seed gives one plan; what is asked afterwards is the world's truth, the records as people read them, and the journal read a second way."""

from __future__ import annotations

import math
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final, cast

import msgspec

from controller.requests import Close, Edit, Reset, Snapshot
from interlocks.words import Terms
from records.store import StoreError
from verification import reach, scenarios, trace
from verification.chain import Chain, chain_of
from verification.disk import ERRORS, FOR_EVER, FULL
from verification.faulty_recorder import DiskPlan
from verification.hands import Stuck
from verification.invariants import INVARIANTS, MOST_PLACES
from verification.real import Ended, RealRig
from verification.setting import clear, free_port, lay_out, prescribed, real_rig
from verification.story import EVENT, START, Expectation, On, Start, Story
from verification.times import T1_S
from verification.trace import NO_CONTACTS, NOT_RUNNING, Act, Entry, JournalEye, Rigged, Row, Trace

RX_MGY: Final = 300.0
"""About 6 s of beam."""
WHOLE_S: Final = 12.0
"""From the start of the real-time process to the unloaded fraction, about: the instants are drawn from it."""
DISK_CALLS: Final = 450
"""Calls of the recorder to its disk in that time, about."""
STOLEN_S: Final = 0.015
"""A wake-up later than this was the machine's doing; a bound on time that is broken beside one proves nothing."""
DEAD_S: Final = 1.5
"""How long people take to see that a process is dead."""
DRAINED_S: Final = 10.0
"""How long a recorder that is kept waiting may take to bring everything to the disk, with nothing left to do."""
ON_TAKEN: Final = "HV ON accepted"
NO_TERMS: Final = cast(Terms, None)
"""A real run leaves none; no judge that is asked of one looks at them."""
THAWED: Final[dict[str, Any]] = {"state": "as before"}
"""What is so from a SIGCONT on."""
STEPPED: Final = """import os
import time

kernel_s, place = time.time, os.environ["KERMA_STEPPED_CLOCK"]


def stepped_s():
    with open(place, encoding="ascii") as said:
        return kernel_s() + float(said.read() or 0)


time.time = stepped_s
time.time_ns = lambda: int(stepped_s() * 1e9)
"""
"""Laid as sitecustomize into the way of a Python process, and so of its recorder: every wall clock in it is the kernel's and what a file says more.
Neither the machine's clock nor the product is changed. libfaketime would do it below Python, but breaks sleeps on the monotonic clock (EINVAL)."""
ENDS: Final = ("INTERRUPTED", "TERMINATED", "FAULT", "STUCK_ON")
HOST_SILENT: Final = scenarios.LEASE_S + scenarios.FALL_S
HOST_GONE: Final = scenarios.LEASE_S + 0.02
"""A process that stands still for so long cannot renew its lease in time, and that of the unit ends the beam: T3."""
SYNC_S: Final = 0.1
"""The oldest entry that a recorder may have left unsynced when it was struck."""
LAG_S: Final = 0.5
"""The lag of the journal that ends beam (docs/safety.md)."""
RECORDER_SILENT: Final = LAG_S + SYNC_S + T1_S + scenarios.FALL_S
"""Beam off this long after the recorder's last word: the lag, then T1."""
RECORDER_GONE: Final = LAG_S + T1_S
"""A recorder that stands still for so long lets the lag pass its bound, whatever it had synced before; one that goes on sooner may come in time."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault. `off_s` is the longest that beam may go on after it (None: it need not end by it), asked where it lasts for `least_s` or more:
    a shorter one need end nothing. `stops` is the process that it makes late itself, of which lateness therefore tells nothing of the machine."""

    words: str
    off_s: float | None = None
    lasts_s: tuple[float, ...] = ()
    least_s: float = 0.0
    stops: str = ""

    def bound_s(self, lasts_s: float) -> float | None:
        """The longest that beam may go on after one that lasts so long, s; None: it may go on."""
        return self.off_s if lasts_s >= self.least_s else None


KINDS: Final[dict[str, Kind]] = {
    "host-killed": Kind("kill -9 of the real-time process", HOST_SILENT),
    "host-stopped": Kind("SIGSTOP of the real-time process, then SIGCONT", HOST_SILENT, (0.02, 0.1, 0.25, 1.0, 4.0), HOST_GONE, stops="host"),
    "recorder-killed": Kind("kill -9 of the recorder", RECORDER_SILENT),
    "recorder-stopped": Kind("SIGSTOP of the recorder, then SIGCONT", RECORDER_SILENT, (0.1, 0.4, 1.0, 4.0), RECORDER_GONE),
    "both-killed": Kind("kill -9 of the real-time process and of the recorder", HOST_SILENT),
    "desk-killed": Kind("the operator's program dies", 2.0 + T1_S + scenarios.FALL_S),
    "devices-stopped": Kind("SIGSTOP of everything on the other end of the wires, then SIGCONT", None, (0.1, 0.5, 2.0), stops="sim"),
    "tty-unplugged": Kind("the generator's tty is closed by its other end, and there again", 2 * T1_S + scenarios.FALL_S, (0.5, 3.0)),
    "socket-reset": Kind("the safety unit's connection is reset", 2 * T1_S + scenarios.FALL_S),
    "unit-unplugged": Kind("the safety unit's socket is gone, and there again", HOST_SILENT, (0.5, 3.0)),
    "disk-fails": Kind("a call of the recorder to its disk fails, once or from then on"),
    "disk-kills": Kind("the recorder is killed at a call to its disk"),
    "disk-slow": Kind("each sync of the recorder takes so long", None, (0.05, 0.3, 0.8, 3.0)),
    "clock-stepped": Kind("the wall clock of real-time process and recorder is stepped"),
}  # fmt: skip
STEPS_S: Final = (3600.0, -3600.0, 2.0, -2.0, 86400.0, -86400.0 * 365, 86400.0 * 365 * 15)
"""An hour either way, an NTP step, a day, a year back, past 2038."""


class Gone(Exception):  # noqa: N818 - the story is over, not mistaken
    """What the story was told to is dead."""


@dataclass(frozen=True)
class Plan:
    """What one seed says: which fault, when (s after the start of the real-time process), for how long; `disk` and `step_s` where it is of that kind."""

    seed: int
    kind: str
    at_s: float
    lasts_s: float = 0.0
    disk: DiskPlan | None = None
    step_s: float = 0.0

    def told(self) -> str:
        """One line; the seed alone plays it again."""
        parts = [f"seed {self.seed}: {self.kind} at {self.at_s:.3f} s"]
        if self.lasts_s:
            parts.append(f"for {self.lasts_s:g} s")
        if self.disk is not None:
            parts.append(f"disk {msgspec.json.encode(self.disk).decode()}")
        if self.step_s:
            parts.append(f"by {self.step_s:+g} s")
        return " ".join(parts)


def plan_of(seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> Plan:
    """The plan of a seed; the kinds come in turn, so that any row of seeds holds all of them."""
    dice = random.Random(seed)
    name = kinds[seed % len(kinds)]
    kind = KINDS[name]
    at_s = dice.uniform(0.0, WHOLE_S)
    lasts_s = dice.choice(kind.lasts_s) if kind.lasts_s else 0.0
    disk = None
    if name.startswith("disk-"):
        call = dice.randrange(1, DISK_CALLS)
        what = {"disk-fails": dice.choice((*ERRORS, "SHORT")), "disk-kills": "KILL", "disk-slow": ""}[name]
        calls = FOR_EVER if what in FULL else 1
        disk = DiskPlan(call, what, calls, lasts_s, seed)
        at_s, lasts_s = 0.0, 0.0
    step_s = dice.choice(STEPS_S) if name == "clock-stepped" else 0.0
    return Plan(seed, name, at_s, lasts_s, disk, step_s)


@dataclass(frozen=True)
class Finding:
    """One thing that was wrong. `timed`: a process that was kept waiting may have it too, so that it proves nothing in a run that was late."""

    words: str
    timed: bool = False


@dataclass
class Played:
    """What came of a plan. `late`: the machine was taken away, so that bounds on time prove nothing; what is no matter of time counts all the same."""

    plan: Plan
    state: str = ""
    at_state: str = ""
    true_mgy: float = 0.0
    high_mgy: float = 0.0
    off_after_s: float | None = None
    late: bool = False
    wrong: list[Finding] = field(default_factory=list)

    @property
    def counted(self) -> list[str]:
        """What was wrong and nothing excuses."""
        return [one.words for one in self.wrong if not (self.late and one.timed)]

    @property
    def excused(self) -> list[str]:
        """What was wrong and may have been the machine's doing: it must be played again."""
        return [one.words for one in self.wrong if self.late and one.timed]


class Striker:
    """Does what the plan says when its time has come, in whatever wait the story then is."""

    def __init__(self, rig: RealRig, plan: Plan, clock_file: Path) -> None:
        self._rig, self._plan, self._clock_file = rig, plan, clock_file
        self._begun_s = rig.now_s()
        self.at_s: float | None = None
        self.at_state = ""
        self._undo: Callable[[], None] | None = None
        rig.each_turn["strike"] = self.look

    @property
    def done(self) -> bool:
        """It has struck, and what lasted is over."""
        return self.at_s is not None and self._undo is None

    def look(self) -> None:
        """Strike, or undo; raises Gone where the story cannot go on."""
        now, plan, rig = self._rig.now_s(), self._plan, self._rig
        if self.at_s is None and now >= self._begun_s + plan.at_s:
            shown = rig.snapshot()
            self.at_s, self.at_state = now, shown.state if shown is not None else "SELF_TEST"
            self._undo = self._strike()
        if self._undo is not None and self.at_s is not None and now >= self.at_s + plan.lasts_s:
            undo, self._undo = self._undo, None
            undo()
        if not rig.running("host") or (not rig.running("recorder") and now > self._begun_s + 1.0):
            raise Gone

    def end(self) -> None:
        """Nothing more is done; what lasts is undone."""
        del self._rig.each_turn["strike"]
        if self._undo is not None:
            self._undo()

    def _strike(self) -> Callable[[], None] | None:
        rig, kind = self._rig, self._plan.kind
        if kind in ("host-killed", "both-killed"):
            if kind == "both-killed":
                rig.kill_recorder()
            rig.kill_host()
        elif kind == "recorder-killed":
            rig.kill_recorder()
        elif kind == "desk-killed":
            rig.leave_desk()
            raise Gone
        elif kind == "socket-reset":
            rig.fault("unit-wire-reset")
        elif kind in ("tty-unplugged", "unit-unplugged"):
            name = "generator-wire-vanished" if kind == "tty-unplugged" else "unit-wire-vanished"
            rig.fault(name)
            return lambda: rig.mend(name)
        elif kind == "clock-stepped":
            fresh = self._clock_file.with_suffix(".new")
            fresh.write_text(f"{self._plan.step_s:.0f}\n", encoding="ascii")
            fresh.replace(self._clock_file)
        elif kind.endswith("-stopped"):
            who = {"host-stopped": "host", "recorder-stopped": "recorder", "devices-stopped": "sim"}[kind]
            rig.signal(who, signal.SIGSTOP)
            return lambda: rig.signal(who, signal.SIGCONT)
        return None


def play(plan: Plan) -> Played:
    """One plan on fresh processes; its records go with it unless something was wrong."""
    folder = Path(mkdtemp(prefix="kerma-"))
    setting = lay_out(folder, folder / "records", "monitor", free_port(), plan.seed)
    rig = real_rig(setting)
    played = Played(plan)
    clock_file = folder / "clock"
    if plan.kind == "clock-stepped":
        rig.environment = stepped(folder, clock_file)
    try:
        rig.start()
        _play(rig, plan, played, setting.records, clock_file)
    except Stuck as stuck:
        played.wrong.append(Finding(str(stuck), timed=not isinstance(stuck, Ended)))
    finally:
        played.late = rig.stolen_s(KINDS[plan.kind].stops) >= STOLEN_S
        rig.close()
        if not played.wrong:
            clear(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return played


def stepped(folder: Path, clock_file: Path) -> dict[str, str]:
    """What lets a file step the wall clock of a process and of its recorder."""
    clock_file.write_text("0\n", encoding="ascii")
    way = folder / "stepped"
    way.mkdir()
    (way / "sitecustomize.py").write_text(STEPPED, encoding="ascii")
    return {"PYTHONPATH": str(way), "KERMA_STEPPED_CLOCK": str(clock_file)}


def _play(rig: RealRig, plan: Plan, played: Played, records: Path, clock_file: Path) -> None:
    if plan.disk is not None:
        rig.kill_recorder()
        rig.start_recorder("verification.faulty_recorder", msgspec.json.encode(plan.disk).decode())
    striker = Striker(rig, plan, clock_file)
    try:
        _treat(rig)
        while not striker.done:
            rig.wait(0.1)
    except Gone:
        pass
    except Stuck as stuck:
        # the story waits for what the fault has made impossible; whether people get the rig back is judged below
        played.state = f"the story stopped: {str(stuck).splitlines()[0]}"
    striker.end()
    played.at_state = striker.at_state
    rig.wait(DEAD_S)
    _judge_off(rig, plan, striker, played)
    played.state = settle(rig, records)
    if played.state != "STANDBY":
        shown = rig.snapshot()
        said = (shown.first_to_fix or shown.notice) if shown is not None else "no snapshot"
        played.wrong.append(Finding(f"people cannot put it right: {played.state}, {said}", timed=True))
    _judge(rig, played, records)


def _treat(rig: RealRig) -> None:
    """One fraction as an operator gives it."""
    scenarios.to_ready(rig, prescribed(RX_MGY))
    rig.press()
    rig.until(scenarios.in_state(*ENDS), 40.0, "the end of the exposure")
    if rig.ask(Close("test")).ok:
        rig.until(scenarios.in_state("TERMINATED", "STANDBY"), 10.0, "the closed fraction")
        rig.ask(Close("test"))
    rig.until(scenarios.in_state("STANDBY"), 10.0, "STANDBY after the fraction")


def settle(rig: RealRig, records: Path) -> str:
    """What people do: start what is dead, wait for the self-test, reset, close, unload. Gives where the rig then stands."""
    _start_the_dead(rig)
    closed = False
    until = rig.now_s() + 60.0
    while rig.now_s() < until:
        shown = rig.snapshot()
        try:
            if shown is not None and _put_right(rig, shown, closed, records):
                return shown.state
            closed = closed or (shown is not None and shown.state == "STANDBY")
        except Stuck:
            _start_the_dead(rig)
        rig.wait(0.5)
        _start_the_dead(rig)
    shown = rig.snapshot()
    return shown.state if shown is not None else "nobody answers"


def _start_the_dead(rig: RealRig) -> None:
    if not rig.running("host"):
        rig.kill_host()
        rig.start_host()
    elif not rig.running("recorder"):
        rig.start_recorder()


def _put_right(rig: RealRig, shown: Snapshot, closed: bool, records: Path) -> bool:
    """One thing that people do about what they see; True when there is nothing more to do."""
    if shown.state in ("STANDBY", "INTERRUPTED", "TERMINATED", "FAULT", "STUCK_ON") and (
        shown.latches or shown.state in ("FAULT", "STUCK_ON")
    ):
        rig.room(key="SERVICE")
        rig.wait(0.3)
        any(rig.ask(Reset(role, "a, b", "test")).ok for role in ("operator", "physicist", "service"))
        rig.room(key="TREAT")
    elif shown.state in ("INTERRUPTED", "TERMINATED"):
        rig.ask(Close("test"))
    elif shown.state in ("PREPARATORY", "ARMING", "READY"):
        rig.ask(Edit())
    elif shown.state == "STANDBY":
        if closed or not chain_of(records / "journal").ends:
            return not shown.latches
        # what a dead process leaves is an open fraction
        rig.ask(Close("after the fault"))
    return False


def _judge_off(rig: RealRig, plan: Plan, striker: Striker, played: Played) -> None:
    """Beam that was on when it struck is off within the kind's bound, by the world's own log."""
    bound_s = KINDS[plan.kind].bound_s(plan.lasts_s)
    if striker.at_s is None or bound_s is None:
        return
    played.off_after_s = off_after(rig.log(), striker.at_s)
    played.wrong += over(played.off_after_s, bound_s)


def off_after(log: list[tuple[float, str, str]], at_s: float) -> float | None:
    """Seconds from a time to the end of the beam that was on then, by the world's log; infinite: it never went off; None: there was none."""
    beam = [(at, what) for at, who, what in log if who == "tube" and what in ("beam on", "beam off")]
    before = [what for at, what in beam if at <= at_s]
    if not before or before[-1] != "beam on":
        return None
    return next((at - at_s for at, what in beam if at > at_s and what == "beam off"), math.inf)


def over(off_after_s: float | None, bound_s: float) -> list[Finding]:
    """What is wrong with a beam that was off after so long; no waiting explains one that never was."""
    if off_after_s is None or off_after_s <= bound_s:
        return []
    if math.isinf(off_after_s):
        return [Finding("beam was never off again after the fault")]
    return [Finding(f"beam off {off_after_s:.3f} s after the fault, {bound_s:.3f} s allowed", timed=True)]


@dataclass(frozen=True)
class Past:
    """A real run as it can be told afterwards: the world's log, what was done from outside, the journal read by its chain, the records, the true dose at
    the end. Times in s of one monotonic clock. `rests`: people have brought the rig to STANDBY; `recorder_runs`: then there was a recorder."""

    log: tuple[tuple[float, str, str], ...]
    acts: tuple[Act, ...]
    entries: tuple[Entry, ...]
    chain: trace.Chain
    fractions: tuple[dict[str, Any], ...]
    true_mgy: float
    end_s: float
    rests: bool
    recorder_runs: bool


@dataclass(frozen=True)
class Asked:
    """A judge of verification/invariants.py that is asked of a real run. `timed`: by the time of something, which a late run excuses, and a world that was
    stopped does not keep; `whole`: what it asks once the rig has come to rest is asked too."""

    why: str
    timed: bool = False
    whole: bool = True


ASKED: Final[dict[str, Asked]] = {
    "3": Asked("states by the journal, beam and coils by the world's log", timed=True),
    "9": Asked("D0 by START, the true dose by the world"),
    "11": Asked("the high bound by the records, the true dose by the world"),
    "13": Asked("every ON by the world's log, its exposure by journal and records", timed=True),
    "15": Asked("STARTs by the journal, ends and sums by the records"),
    "24": Asked("journal, chain and files; what changed state is known from that journal alone, and is not held against it", whole=False),
    "PRESS": Asked("K1's coil by the world's log, the press by the hand that did it", timed=True),
    "ONCE": Asked("ON that the generator took by the world's log, tokens by the journal"),
    "DEAD": Asked("both coils and beam by the world's log, the kill or stop by who did it", timed=True),
    "VOID": Asked("READY and its end by the journal, K1's coil by the world's log", timed=True),
}  # fmt: skip
"""The invariants that a real run is judged by, and on what."""
NOT_ASKED: Final[dict[str, str]] = {
    "1": "what the program had judged, and the contacts, in the tick of ON",
    "2": "what the devices held in each tick of beam",
    "4": "the contacts in each tick; nobody opens one or presses STOP in these runs",
    "5": "a second ON: there is one press in each of these runs",
    "6": "when the gate let ON out",
    "7": "the readings of each tick",
    "8": "a run without a fault",
    "10": "true kV and mA in each tick",
    "12": "what was on the disk at the moment of ON",
    "14": "the readings in the tick of STANDBY, and the first bytes on each wire",
    "16": "a resume: none of these runs has one",
    "17": "counters and numbers of each tick",
    "18": "the timer's limit, which is in the terms that the unit was set up with",
    "19": "the unit's counters in each tick",
    "20": "true kV when each snapshot was made, and each tick of STOPPING",
    "21": "each reading, with what was true meanwhile",
    "22": "the state in the tick of each snapshot",
    "23": "a second client: none of these runs has one",
    "25": "the terms that ON was given by",
    "TOKEN": "what was on the disk at the moment of ARM",
    "LEASE": "the unit's lease in each tick",
}
"""What the others would need, and a real run does not leave."""


class Afterwards(Story):
    """A real run for its judges. ON is what the generator took, for the token whose START came last before it: a later one is none."""

    def next_tick_s(self, at_s: float) -> float:
        """By the journal, in which not every tick has an entry: the rows are made every 10 ms, whether the process ran or not."""
        return next((e.at_s for e in self.trace.entries if e.at_s > at_s), self.times[-1])

    @cached_property
    def ons(self) -> tuple[On, ...]:
        """The first ON of each token; whatever terms it stood on, nobody saw them."""
        given = [(e.at_s, e.token) for e in self.trace.entries if e.kind == START and e.token]
        first: dict[int, int] = {}
        for at_s, _ in self.log("generator", ON_TAKEN):
            token = next((token for start_s, token in reversed(given) if start_s <= at_s), 0)
            first.setdefault(token, self.place(at_s))
        ends = [*list(first.values())[1:], len(self.rows) - 1]
        return tuple(On(at, until, token, NO_TERMS) for (token, at), until in zip(first.items(), ends, strict=False))


def broken(past: Past, stopped: str = "") -> list[Finding]:
    """What the invariants that can be asked hold against a real run. While the simulated devices were `stopped` (sim) their world's clock stood still, so that
    its times say nothing beside the program's."""
    told, found = told_again(past), []
    for row in INVARIANTS:
        asked = ASKED.get(row.id)
        if asked is None or (asked.timed and stopped == "sim"):
            continue
        story = Afterwards(told, Expectation(whole=past.rests and asked.whole))
        places = islice(row.predicate(story), MOST_PLACES)
        found += [Finding(f"invariant {row.id}, {row.name}: {words}", asked.timed) for _, words in places]
    return found


def told_again(past: Past) -> Trace:
    """The run as a trace: a row every 10 ms, of what journal, log and acts say was then. What nobody saw is as in a row without a host."""
    return Trace(
        rig=Rigged("spellman-xrv", "kerma-unit", scenarios.TICK_S, 0.0, True, scenarios.means_of("kerma-unit").silence_off_s, False, "", {}, {}),
        rows=tuple(_rows(past)), log=past.log, acts=past.acts, shown=(), wrote=(), entries=past.entries, chain=past.chain,
        fractions=past.fractions, recorder_runs=past.recorder_runs,
    )  # fmt: skip


def _rows(past: Past) -> Iterator[Row]:
    changes = sorted(_changes(past), key=lambda change: change[0])
    begun_s = changes[0][0] if changes else past.end_s
    row = Row(
        begun_s,
        0,
        NOT_RUNNING,
        0.0,
        0.0,
        0.0,
        False,
        False,
        False,
        False,
        NO_CONTACTS,
        0,
        0,
        NO_CONTACTS,
        0,
        0,
        0,
        b"",
        (0, 0, 0, 0),
    )
    before, place = "", 0
    ticks = math.ceil((past.end_s - begun_s) / scenarios.TICK_S) + 1
    for tick in range(ticks):
        fresh: dict[str, Any] = {"t": min(begun_s + tick * scenarios.TICK_S, past.end_s), "event": ""}
        while place < len(changes) and changes[place][0] <= fresh["t"]:
            change = changes[place][1]
            if change.get("state") == NOT_RUNNING:
                before = fresh.get("state", row.state)
            fresh |= {"state": before} if change == THAWED else change
            place += 1
        row = msgspec.structs.replace(row, **fresh)
        yield row


def _changes(past: Past) -> Iterator[tuple[float, dict[str, Any]]]:
    """When something was another from then on: fields of a row."""
    host, kv, ma = 0, 0.0, 0.0
    for act in past.acts:
        if act.kind == "host" and act.what == "started":
            host += 1
            yield act.at_s, {"host": host, "state": "SELF_TEST"}
        elif act.kind == "host":
            yield act.at_s, THAWED if act.what == "thawed" else {"state": NOT_RUNNING}
    for entry in past.entries:
        if entry.kind == EVENT:
            yield entry.at_s, {"state": entry.fields[2], "event": entry.fields[1]}
        elif entry.kind == START and entry.token:
            combination = Start(entry).combination
            kv, ma = combination["kv"], combination["ma"]
            yield entry.at_s, {"token": entry.token}
    for at_s, who, what in past.log:
        if who == "tube" and what in ("beam on", "beam off"):
            on = what == "beam on"
            yield at_s, {"kv": kv * on, "ma": ma * on, "hv_on": on}
        elif who == "unit" and what[:7] in ("K1 coil", "K2 coil"):
            yield at_s, {what[:2].lower(): what.endswith("on")}
        elif who == "generator" and what == ON_TAKEN:
            yield at_s + 2 * scenarios.TICK_S, {"mgy": past.true_mgy}


@dataclass(frozen=True)
class Left:
    """What is there when people have done what they can. `kept`: exposures of the database, or why it cannot be read; `ons`: ON that the generator took."""

    chain: Chain
    kept: list[dict[str, Any]] | str
    true_mgy: float
    hv_on: bool
    ons: int
    settled: bool


def judged(left: Left) -> list[Finding]:
    """What is wrong with it; an end that is missing is a matter of time only where people have not come to an end."""
    chain, kept = left.chain, left.kept
    found = [Finding(words) for words in chain.unsound()]
    found += [Finding(f"exposure {token} has no end", timed=not left.settled) for token in chain.open()]
    if left.ons > 1:
        found.append(Finding(f"{left.ons} ON commands for one press"))
    if left.hv_on:
        found.append(Finding("high voltage is on"))
    if isinstance(kept, str):
        return [*found, Finding(f"the database cannot be read: {kept}")]
    if {exposure["token"] for exposure in kept} != set(chain.starts):
        found.append(Finding(f"the database shows {[e['token'] for e in kept]}, the journal {list(chain.starts)}"))
    high_mgy = sum(exposure["high_mgy"] for exposure in kept)
    if high_mgy < left.true_mgy - reach.LEAST_MGY:
        found.append(Finding(f"the records' high bound is {high_mgy:.1f} mGy, truly {left.true_mgy:.1f}"))
    return found


def _judge(rig: RealRig, played: Played, records: Path) -> None:
    """Of what is left, again and again until a recorder that was kept waiting has had its time: what then is wrong is no matter of time."""
    until = rig.now_s() + DRAINED_S
    found = _found(rig, played, records)
    while found and rig.now_s() < until:
        rig.wait(0.5)
        found = _found(rig, played, records)
    played.wrong += found


def _found(rig: RealRig, played: Played, records: Path) -> list[Finding]:
    left = _left(rig, played, records)
    played.true_mgy = left.true_mgy
    played.high_mgy = sum(end.high_mgy for ends in left.chain.ends.values() for end in ends)
    found = judged(left)
    if isinstance(left.kept, str):
        return found
    return found + broken(past_of(rig, records, left), KINDS[played.plan.kind].stops)


def past_of(rig: RealRig, records: Path, left: Left) -> Past:
    """What there is of a run now; the site key is looked for in every file of its records, as bytes and in hex."""
    eye = JournalEye(records / "journal", Path.read_bytes)
    eye.look(math.inf)
    key = rig.site_key()
    files = [path.read_bytes() for path in records.rglob("*") if path.is_file()]
    secret = any(form in data for data in files for form in (key, key.hex().encode()))
    return Past(
        tuple(rig.log()), tuple(rig.acts), tuple(eye.entries), trace.Chain(eye.records, eye.words, secret), tuple(rig.records()),
        left.true_mgy, rig.now_s(), left.settled, rig.running("recorder"),
    )  # fmt: skip


def _left(rig: RealRig, played: Played, records: Path) -> Left:
    try:
        kept: list[dict[str, Any]] | str = [one for fraction in rig.records() for one in fraction["exposures"]]
    except StoreError as error:
        kept = str(error)
    ons = sum(1 for _, who, what in rig.log() if who == "generator" and what == ON_TAKEN)
    truth = rig.truth()
    chain = chain_of(records / "journal")
    return Left(chain, kept, truth["dose_mgy"], truth["hv_on"], ons, played.state == "STANDBY")
