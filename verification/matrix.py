"""Every fault in every state for a tick, for a second and for ever: one cell is one run of a virtual rig, judged by the world, the records and time.
It knows no device and no rule of the product; what may come of a fault stands in verification/fault_ids.py."""

from __future__ import annotations

import fnmatch
import hashlib
import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final

from controller.kernel import Kernels
from controller.requests import Answer, Close, Confirm, Load, Reset, Resume
from controller.states import Event, State
from records.fractions import strays
from simulators.unit_firmware import UnitFirmware
from simulators.unit_map import Cause
from simulators.unit_map import State as UnitState
from verification import reach
from verification.fault_ids import FAULT_IDS, FIRST, NO_START, find
from verification.hands import Stuck
from verification.injections import RAMP_S, USUAL_RIG, Injection, nothing, restart, start_recorder
from verification.invariants import Expectation, Lasting, check_all
from verification.rigs import Choice
from verification.scenarios import MOST_MGY_PER_S, means_of
from verification.setting import lay_out, virtual_rig
from verification.story import HV_KV, NO_CURRENT_MA
from verification.times import reaction_s
from verification.trace import Observer, Trace
from verification.virtual import VirtualRig

TICK_S: Final = 0.01
SAME_STROKE: Final = 1e-6
FREE_PART: Final = 0.01
FREE_MGY: Final = 10.0
"""Invariant 8: a dose is met within max(1 %, 1 cGy)."""
PATIENCE_S: Final = 5.0
"""How long an operator tries on without beam."""
AT_MOST_S: Final = 25.0
AFTER_S: Final = 1.5
"""How long a cell is watched after the beam, or after the fault where there was none."""
REOPENED_S: Final = 6.0
"""A wire that failed is opened again after pauses that double, up to 5 s; then the device is identified, and off must be read for 0.2 s before an
exposure in STUCK_ON has its end."""
UNSEEN_S: Final = 3.0
"""An exposure that ran unseen and could not be proved VOID has its end this long after STANDBY: what the unit retains is told to the records when they
have not known it for 1.5 s, and they settle it and read it back."""
CELL_S: Final = 400.0
CELL_TURNS: Final = 80_000
"""Simulated time and ticks that one cell may take: several times what the longest takes. One that needs more would hang the whole sweep."""
SET_UP_S: Final = 1.0
"""Where a fault has no bound of its own in beam: a set-up reads everything back, and the slow readings come once a second."""
NORMAL: Final = (Cause.DISARM, Cause.COUNT_PRESET, Cause.TIME_PRESET)
"""How the unit ends what is asked of it."""
SHOWS: Final = (State.IRRADIATING, State.PREPARATORY, State.STANDBY)
"""Where a fault that comes to nothing in one state is asked to show that it is one: in beam, while the machine is set up, and before."""
PROGRESS: Final = ("presets_committed", "switch_released")
"""Rules that are not true for a while in every treatment: before the set-up was read back, and while the switch is let go."""
RESTS: Final = (State.INTERRUPTED, State.TERMINATED, State.FAULT, State.STUCK_ON)
BEFORE: Final = (State.SELF_TEST, State.STANDBY, State.PREPARATORY, State.ARMING, State.READY)


PAIR: Final = "pair:"
"""What the name of two faults together begins with (verification/pairs.py)."""


@dataclass(frozen=True)
class Quiet:
    """Faults (patterns of id and injection) that nobody need notice in these states though they last for ever, and why."""

    why: str
    at: tuple[State, ...]
    faults: tuple[str, ...]


IN_BEAM: Final = (State.STARTING, State.IRRADIATING)
OVER: Final = (State.STOPPING, State.TERMINATED, State.FAULT, State.STUCK_ON)
"""Beam is being ended, or is over, and none can begin before people have put the exposure away."""
QUIET: Final = (
    Quiet(
        "borne: a lost or doubled reply, an echo, a frame in parts, noise between two replies",
        tuple(State),
        ("L1/generator-wire-dropped", "L1/generator-wire-request-lost", "L4/generator-wire-split", "L5/unit-wire-duplicated", "L11/*-echo",
         "L14/unit-wire-noise", "L14/unit-wire-noise-after", "L14/unit-wire-break"),
    ),
    Quiet(
        "a lost write: what was set before it came is held, and nothing new is written to that device in this state",
        (State.ARMING, State.READY, *IN_BEAM, State.INTERRUPTED, *OVER),
        ("M6/set-point-ignored", "M6/generator-wire-not-applied", "M6/unit-wire-not-applied"),
    ),
    Quiet("the supply's deafness to its off command is made up for by its interlock line and K1", tuple(State), ("G5/off-command-ignored",)),
    Quiet(
        "the loss of the generator that led to FAULT is found already, and stays latched",
        (State.FAULT,),
        ("L*/generator-wire-*", "M[2347]/generator-wire-*", "G9/generator-rebooted"),
    ),
    Quiet(
        "shows in a beam, or while one is set up: beam is over here, and none can begin",
        OVER,
        ("L10/generator-wire-stale", "M8/*-wire-foreign-master", "G1/kv-high", "G2/ma-high", "G3/arc", "G4/filament-open", "G5/off-ignored", "G5/k1-welded",
         "G7/readback-frozen", "G8/readback-off", "G10/hv-never-rises", "G11/unit-timer-slow", "D1/chamber-1-dead", "D5/chamber-1-back",
         "D7/barometer-wrong", "I3/door-contact-stuck"),
    ),
    Quiet("no power reaches the supply here, and no high voltage comes", (State.TERMINATED, State.FAULT), ("G6/hv-spontaneous",)),
    Quiet(
        "within what two daily checks and the physicist's bounds allow: the error of dose is bounded (3 %, or 5 % where both chambers err alike)",
        tuple(State),
        ("D2/chamber-1-drift", "D3/chambers-low"),
    ),
    Quiet("no software can see it: the code is right and the applicator is not; the daily check must", tuple(State), ("I7/applicator-code-lies",)),
    Quiet(
        "leakage is measured before a beam is armed; what comes later is within 3 % of the dose",
        (State.ARMING, State.READY, *IN_BEAM, *OVER),
        ("D6/leakage-high",),
    ),
    Quiet("the count that jumped reaches its preset at once: the unit ends the beam, below the prescription", IN_BEAM, ("D4/chamber-1-jumps",)),
    Quiet("a counter goes round and is right: nobody may notice", (State.READY, *IN_BEAM), ("D5/counters-wrap", "X9/presses-wrap")),
    Quiet("what runs goes by the monotonic clock alone; a clock that was set is told to whoever loads next", tuple(State), ("H1/wall-*",)),
    Quiet("60 ms, twice a second: below every bound of lateness", tuple(State), ("H2/stutters",)),
    Quiet(
        "the program is away where no beam is; the lease has nothing to end, and the next process begins in SELF_TEST",
        (State.TERMINATED, State.FAULT, State.STUCK_ON),
        ("H2/stalls", "H3/stopped", "H4/killed-between", "H7/raises-gate.ask", "H8/hangs-gate.ask", "H10/mains-lost", "O4/power-cycle"),
    ),
    Quiet(
        "nothing waits for the records here: the end is kept until they are back, and nothing begins without them",
        (State.STOPPING, State.FAULT, State.STUCK_ON),
        ("H5/recorder-dead", "S1/disk-*", "S2/sync-stalls", "S8/journal-*"),
    ),
    Quiet(
        "the records go on at once from what is left of the journal",
        (State.STANDBY,),
        ("S8/journal-cut-at-rest",),
    ),
    Quiet("the operator's hands, program and key are needed for a beam, and for none that is over", OVER,
          ("H5/desk-dead", "O3/stop-start", "O7/console-lost", "O10/unattended", "O11/key-service")),
    Quiet("a client without the lease is refused where nobody else hears it", tuple(State), ("H6/desk-flooded", "O6/two-consoles")),
    Quiet(
        "what is asked is refused, as people are refused there without it",
        (State.SELF_TEST, State.INTERRUPTED, State.FAULT),
        ("S6/certificate-of-another", "O1/double-confirm", "O2/edit", "O5/resume-of-another", "O8/out-of-range", "O9/proceed"),
    ),
    Quiet(
        "a press that is made already, or comes where none is waited for, begins nothing; the dose ends the beam",
        (State.READY, *IN_BEAM, *OVER),
        ("O1/double-press", "I3/switch-stuck"),
    ),
)  # fmt: skip
"""The first row that fits speaks. A row that speaks of no cell any more is taken out: a test asks."""


class Lasts(Enum):
    """How long a fault lasts; for ever: until nothing more can come of it, then it is mended and the rest is judged."""

    TICK = "1 tick"
    SECOND = "1 s"
    EVER = "for ever"

    @property
    def seconds(self) -> float:
        """In seconds of the world."""
        return {"1 tick": TICK_S, "1 s": 1.0}.get(self.value, AT_MOST_S)


@dataclass(frozen=True)
class Cell:
    """One fault in one state for one time. `name` is what a replay needs."""

    fault_id: str
    injection: str
    at: State
    lasts: Lasts

    @property
    def name(self) -> str:
        return f"{self.fault_id}/{self.injection}@{self.at.value}~{self.lasts.value}"


def cell_of(name: str) -> Cell:
    """The cell of that name. ValueError when there is none."""
    which, _, where = name.rpartition("@")
    at, _, lasts = where.partition("~")
    fault_id, injection = find(which)
    return Cell(fault_id, injection.name, State(at), Lasts(lasts))


def cells(only: str = "", state: str = "") -> list[Cell]:
    """Every cell, or those of one id (`G5`) or injection (`G5/off-ignored`), or of one state."""
    made = [
        Cell(fault_id, injection.name, at, lasts)
        for fault_id, injections in FAULT_IDS.items()
        for injection in injections
        if not only or only in (fault_id, f"{fault_id}/{injection.name}")
        for at in State
        if injection.applies(at) and (not state or at.value == state)
        for lasts in Lasts
    ]
    if not made:
        raise ValueError(f"no cell of {only or 'any id'} in {state or 'any state'}; ids: {', '.join(FAULT_IDS)}")
    return made


class DidNotEnd(Stuck):
    """A cell that has used up its time; no hand may take it for a thing that was waited for in vain."""


class Budget:
    """Counts the turns of one rig, and ends the cell when it has had its time."""

    def __init__(self, rig: VirtualRig) -> None:
        self._rig, self._turns, self._from_s = rig, 0, rig.now_s()
        rig.each_turn["the cell's budget"] = self._turn

    def _turn(self) -> None:
        self._turns += 1
        took_s = self._rig.now_s() - self._from_s
        if self._turns > CELL_TURNS or took_s > CELL_S:
            raise DidNotEnd(
                f"did not end: {took_s:.0f} s and {self._turns} ticks, at most {CELL_S:.0f} s and {CELL_TURNS}"
            )


@dataclass
class Told:
    """What one cell brought out. `reaction_s`: from the fault (or the beam, where it came later) to the true end of the beam; `bound_s` its bound;
    `over_mgy`: the true dose beyond the prescription; `detector`: who first noticed; empty `wrong`: as it should be."""

    cell: str
    seed: int
    software: str = ""
    state: str = ""
    ended_by: str = ""
    detector: str = ""
    reaction_s: float | None = None
    bound_s: float | None = None
    over_mgy: float = 0.0
    d0_mgy: float = 0.0
    true_mgy: float = 0.0
    presses: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def replay(self) -> str:
        """One line from which this run can be had again."""
        if self.cell.startswith(PAIR):
            return f"kerma matrix --pairs 1 --first-seed {self.seed}   # {self.software}"
        return f"kerma matrix --cell '{self.cell}' --seed {self.seed}   # {self.software}"


class Watch:
    """Sees every tick of one rig: who was first to notice what has gone wrong, the prescribed dose, and every press."""

    def __init__(self, rig: VirtualRig) -> None:
        self._rig = rig
        self._before: frozenset[str] = frozenset()
        self._seen: frozenset[str] = frozenset()
        self._causes = 0
        self._log_at = 0
        self.since_s: float | None = None
        self.noticed: list[tuple[float, int, str]] = []
        self.refused = ""
        self._host_ended_s: float | None = None
        self.rests: list[State] = []
        self.d0_mgy = 0.0
        self.presses = 0
        self.runs = 0
        self.lit_s = 0.0
        rig.tick_hooks.append(self._tick)
        rig.event_hooks.append(self._event)

    def begin(self) -> None:
        """The fault comes now."""
        self.since_s = self._rig.now_s()
        self._before = self._seen
        self._log_at = len(self._rig.world.log)
        self._causes = self._first_cause()

    @property
    def first(self) -> str:
        """Who was first to notice; empty when nobody did."""
        self._hear_devices()
        return min(self.noticed)[2] if self.noticed else self.refused

    @property
    def everybody(self) -> frozenset[str]:
        """All who noticed anything."""
        self._hear_devices()
        return frozenset(who for _, _, who in self.noticed) | ({self.refused} if self.refused else frozenset())

    def _lit(self) -> None:
        """A charge that stands on a cable when the filament has gone out makes no beam."""
        plant = self._rig.world.plant
        if plant.tube.kv > HV_KV and (plant.supply.hv_on or plant.tube.ma > NO_CURRENT_MA):
            self.lit_s = self._rig.now_s()

    def _tick(self, tick: Any) -> None:
        self._lit()
        settings = self._rig.loop.dossier.case.settings if self._rig.loop is not None else None
        if settings is not None:
            self.d0_mgy = settings.d0_mgy
        if tick.stage.entered and tick.stage.state in RESTS:
            self.rests.append(tick.stage.state)
        found = frozenset(finding.rule for finding in tick.verdict.findings)
        self._seen = found
        if self.since_s is None or self._host_ended_s is not None:
            return
        if tick.stage.entered and tick.decided.rule and tick.decided.event is not Event.DOSE_END:
            self.noticed.append((tick.now, 0, tick.decided.rule))
        self.noticed += [(tick.now, 1, rule) for rule in sorted(found - self._before) if rule not in PROGRESS]
        self._before = found
        self._hear_unit()

    def _event(self, kind: str, what: Any) -> None:
        if kind == "hand" and what == "pressed":
            self.presses += 1
            self.runs += self._armed()
        if kind == "host" and what == "killed" and self.since_s is not None and self._host_ended_s is None:
            self._host_ended_s = self._rig.now_s()
        if kind == "told" and isinstance(what, Answer) and not what.ok and self.since_s is not None:
            self.refused = self.refused or "refused at the desk"
        if kind == "idle":
            self._lit()
            if self.since_s is not None:
                self._hear_unit()

    def _armed(self) -> bool:
        """Whether a press begins something: one that nobody was armed for leaves no exposure."""
        unit = self._rig.world.unit
        return isinstance(unit, UnitFirmware) and unit.state == UnitState.ARMED

    def _hear_unit(self) -> None:
        cause = self._first_cause()
        if cause and cause != self._causes and cause not in NORMAL:
            self.noticed.append((self._rig.now_s() - TICK_S, 0, f"unit:{Cause(cause).name}"))
        self._causes = cause

    def _first_cause(self) -> int:
        unit = self._rig.world.unit
        return unit.first_cause if isinstance(unit, UnitFirmware) else 0

    def _hear_devices(self) -> None:
        log = self._rig.log()[self._log_at :]
        self._log_at = len(self._rig.world.log)
        for at_s, who, words in log:
            if words == "HV OFF accepted" and self._host_ended_s is not None and at_s <= self._host_ended_s + TICK_S:
                self.noticed.append((at_s, 2, "off sent"))
            if who == "generator" and words.startswith("fault:"):
                self.noticed.append((at_s, 0, f"generator:{words.removeprefix('fault: ')}"))


class Operator:
    """An operator who wants this fraction given, and presses once for each READY; goes on after an end only where the cell began with one."""

    def __init__(self, rig: VirtualRig, at: State) -> None:
        self._rig, self._at = rig, at
        self._next_s = 0.0
        self._ready = False

    def turn(self) -> None:
        """One tick in which the operator does what is next."""
        rig, now = self._rig, reach.state(self._rig)
        if now is State.READY and not self._ready and self._at in (*BEFORE, *RESTS):
            rig.press()
        self._ready = now is State.READY
        if rig.loop is not None and rig.now_s() >= self._next_s:
            self._ask(now)
        rig.turn()

    def _ask(self, now: State) -> None:
        rig, after_s = self._rig, 0.5
        case = rig.loop.dossier.case if rig.loop is not None else None
        if now is State.STANDBY and self._at in BEFORE:
            rig.send(Load(reach.SHORT, reach.OPERATOR))
        elif (
            now is State.PREPARATORY and case is not None and case.offer_at_s is not None and case.settings is not None
        ):
            rig.send(Confirm(case.offer_id, case.settings.digest))
            after_s = 0.1
        elif now is State.INTERRUPTED and self._at is State.INTERRUPTED:
            rig.send(Resume(reach.SHORT, reach.OPERATOR, "go on"))
        elif now is State.TERMINATED and self._at is State.TERMINATED:
            rig.send(Close("done"))
        elif now is State.FAULT and self._at is State.FAULT:
            rig.send(Reset("operator", reach.OPERATOR, "looked at"))
        else:
            return
        self._next_s = rig.now_s() + after_s


def beams(rig: VirtualRig) -> list[tuple[float, float | None]]:
    """When beam was truly on: (from, to), the last without an end when it still is."""
    spans: list[tuple[float, float | None]] = []
    for at_s, who, words in rig.log():
        if who == "tube" and words == "beam on":
            spans.append((at_s, None))
        elif who == "tube" and words == "beam off" and spans:
            spans[-1] = (spans[-1][0], at_s)
    return spans


def play(cell: Cell, kernels: Kernels, folder: Path, seed: int = 1) -> Told:
    """Bring a fresh rig to the state, let the fault come and go, let people do what they do, put it right, and judge.

    A fault for ever of which nobody noticed more than without it is held against the same run without it. Where nothing at all is different it has come to
    nothing, as an arc does without high voltage; and where it comes to nothing everywhere, nothing was injected.
    """
    _, injection = find(f"{cell.fault_id}/{cell.injection}")
    run = _played(cell, injection, kernels, folder / "with", seed)
    told = run.told
    if cell.lasts is not Lasts.EVER or told.wrong or injection.unfelt:
        return told
    noticed = beyond(told, _baseline(cell.at, injection, kernels, seed))
    if not noticed and run.print_ == _without(cell, injection, kernels, folder, seed):
        places = [at for at in SHOWS if at is not cell.at and injection.applies(at)]
        if not any(_shows(replace(cell, at=at), injection, kernels, folder, seed) for at in places):
            told.wrong.append("the fault made no difference to anything: it was not injected")
    return told


def _without(cell: Cell, injection: Injection, kernels: Kernels, folder: Path, seed: int) -> str:
    """The print of the same run with nothing done. It is played in the same folder, whose name is in the hash of what the records hold."""
    return _played(cell, replace(injection, start=nothing, stop=nothing), kernels, folder / "with", seed).print_


def _shows(cell: Cell, injection: Injection, kernels: Kernels, folder: Path, seed: int) -> bool:
    """Whether it makes a difference in this cell."""
    run = _played(cell, injection, kernels, folder / "with", seed)
    if beyond(run.told, _baseline(cell.at, injection, kernels, seed)):
        return True
    return run.print_ != _without(cell, injection, kernels, folder, seed)


@dataclass(frozen=True)
class Run:
    """One run: what it brought out, everybody who noticed anything in it, and a print of all that it was."""

    told: Told
    noticed: frozenset[str] = frozenset()
    print_: str = ""


def beyond(told: Told, without: Run) -> bool:
    """Whether somebody was first to notice who notices nothing where no fault comes."""
    return bool(told.detector) and told.detector not in without.noticed


def otherwise(told: Told, without: Run) -> bool:
    """Whether it ended otherwise than without its fault: in another state, or an exposure by another end."""
    return (told.state, told.ended_by) != (without.told.state, without.told.ended_by)


@dataclass(frozen=True)
class Baseline:
    """What a cell is without its fault: the state, the rig and the seed say the whole of it."""

    at: State
    choice: Choice = USUAL_RIG
    termination: str = "monitor"
    seed: int = 1

    @property
    def name(self) -> str:
        return f"no fault@{self.at.value}, {self.choice.words}, {self.termination}"


def baseline_of(name: str, seed: int = 1) -> Baseline:
    """The baseline of the cell of that name; of a pair, a fraction from the start of the process on. ValueError when there is no such cell."""
    if name.startswith(PAIR):
        return Baseline(State.SELF_TEST)
    cell = cell_of(name)
    _, injection = find(f"{cell.fault_id}/{cell.injection}")
    return Baseline(cell.at, injection.choice, injection.termination, seed)


_BASELINES: Final[dict[Baseline, Run]] = {}
"""Of this process: each is played once."""


def baseline(one: Baseline, kernels: Kernels) -> Run:
    """The run of a cell for ever with nothing done; what is wrong there is wrong with the rig or with people, and with no fault."""
    if one not in _BASELINES:
        none = Injection("none", "nothing is done", nothing, nothing, choice=one.choice, termination=one.termination)
        with tempfile.TemporaryDirectory(prefix="kerma-baseline-") as folder:
            cell = Cell("none", none.name, one.at, Lasts.EVER)
            _BASELINES[one] = _played(cell, none, kernels, Path(folder) / "with", one.seed)
    return _BASELINES[one]


def _baseline(at: State, injection: Injection, kernels: Kernels, seed: int) -> Run:
    return baseline(Baseline(at, injection.choice, injection.termination, seed), kernels)


@dataclass
class Held:
    """What was brought out, held against the same without a fault. `told`: as it was, but a detector that is there without the fault too is no detector;
    `nothing`: by how long the fault lasts, how many show nothing beyond that; of those for ever, `declared` by reason, and those without one."""

    told: list[Told] = field(default_factory=list)
    taken: Counter[str] = field(default_factory=Counter)
    nothing: Counter[str] = field(default_factory=Counter)
    otherwise: int = 0
    declared: Counter[str] = field(default_factory=Counter)
    unexplained: list[Told] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def broken(self) -> list[str]:
        """In words, what is wrong without any fault, and each fault for ever that nobody noticed and no row of QUIET speaks of."""
        return self.wrong + [
            f"{one.cell}: it lasts for ever and shows nothing that is not there without it, and no row of QUIET says why; again: {one.replay}"
            for one in self.unexplained
        ]

    @property
    def figures(self) -> dict[str, str]:
        """In words, for the page."""
        times = ", ".join(f"{lasts.value} {self.nothing[lasts.value]}" for lasts in Lasts if self.nothing[lasts.value])
        taken = ", ".join(f"{name} {count}" for name, count in self.taken.most_common())
        return {
            "firsts that are there without any fault, and do not count": f"{self.taken.total()} ({taken or 'none'})",
            "cells that show nothing beyond the same cell without its fault": f"{self.nothing.total()} of {len(self.told)} ({times or 'none'})",
            "of those for ever: nothing is there to notice, by reason": "; ".join(
                f"{count}: {why}" for why, count in self.declared.most_common()
            )
            or "none",
            "of those for ever: unexplained": f"{len(self.unexplained)}",
            "noticed by nobody, and ended otherwise than without the fault": f"{self.otherwise}",
        }


def held_against_none(told: Iterable[Told], kernels: Kernels) -> Held:
    """These cells and pairs against the same without a fault, which are played here where this process has not played them yet."""
    held = Held()
    asked: dict[Baseline, Run] = {}
    for one in told:
        key = baseline_of(one.cell, one.seed)
        without = asked[key] = baseline(key, kernels)
        noticed = beyond(one, without)
        if one.detector and not noticed:
            held.taken[one.detector] += 1
        held.told.append(one if noticed else replace(one, detector=""))
        if noticed or one.wrong:
            continue
        if one.cell.startswith(PAIR):
            held.nothing["together"] += 1
        elif otherwise(one, without):
            held.otherwise += 1
        else:
            _count_nothing(held, one)
    held.wrong += [f"{key.name}: {'; '.join(run.told.wrong)}" for key, run in asked.items() if run.told.wrong]
    return held


def _count_nothing(held: Held, one: Told) -> None:
    cell = cell_of(one.cell)
    held.nothing[cell.lasts.value] += 1
    if cell.lasts is not Lasts.EVER:
        return
    why = why_quiet(cell)
    if why:
        held.declared[why] += 1
    else:
        held.unexplained.append(one)


def why_quiet(cell: Cell) -> str:
    """Why nobody need notice this fault in this state; empty where somebody must."""
    name = f"{cell.fault_id}/{cell.injection}"
    return next(
        (row.why for row in QUIET if cell.at in row.at and any(fnmatch.fnmatch(name, one) for one in row.faults)), ""
    )


def _played(cell: Cell, injection: Injection, kernels: Kernels, folder: Path, seed: int) -> Run:
    """One run in this folder, which is gone afterwards, with a print of all that it was but the words that name the fault."""
    run = Run(Told(cell.name, seed))
    setting = lay_out(folder / "rig", folder / "records", injection.termination, 15020, seed, injection.choice)
    rig = virtual_rig(setting, kernels, seed)
    Budget(rig)
    try:
        trace, noticed = _play(cell, injection, rig, run.told)
        run = replace(run, noticed=noticed, print_=_print(trace))
    except DidNotEnd as ended:
        run.told.wrong.append(str(ended))
    except Stuck as stuck:
        run.told.wrong.append(f"stuck: {stuck}")
    finally:
        rig.close()
        shutil.rmtree(folder, ignore_errors=True)
    return run


def _print(trace: Trace) -> str:
    """Ticks, world, hands and journal, with its stamps: a wall clock that is wrong stands in those alone. What other clients ask is what was done."""
    told = [(at_s, who, what) for at_s, who, what in trace.log if who != "fault"]
    entries = [(entry.kind, entry.token, entry.at_s, entry.wall_s, entry.fields) for entry in trace.entries]
    acts = [(act.at_s, act.kind, act.what) for act in trace.acts if act.kind not in ("came", "elsewhere", "parted")]
    whole = (trace.rows, told, acts, entries, trace.shown, trace.wrote)
    return hashlib.sha256(repr(whole).encode()).hexdigest()


def _play(cell: Cell, injection: Injection, rig: VirtualRig, told: Told) -> tuple[Trace, frozenset[str]]:
    watch, watched = Watch(rig), Observer(rig)
    if injection.from_start:
        injection.start(rig)
    reach.REACH[cell.at](rig)
    watch.begin()
    began_s = rig.now_s()
    if not injection.from_start:
        injection.start(rig)
    operator = Operator(rig, cell.at)
    _go_on(rig, operator, began_s + cell.lasts.seconds)
    stopped_s = rig.now_s()
    injection.stop(rig)
    if cell.lasts is not Lasts.EVER:
        _go_on(rig, operator, rig.now_s() + AT_MOST_S)
    told.detector, noticed = watch.first, watch.everybody
    told.state = watch.rests[-1].value if watch.rests else reach.state(rig).value
    _judge_times(cell, injection, rig, told, began_s, stopped_s, watch.lit_s)
    put_right(rig)
    told.presses = watch.presses
    _judge_end(cell, injection, rig, told, watch)
    rate = injection.rate_times * MOST_MGY_PER_S if injection.rate_times != 1.0 else None
    lasting = Lasting(cell.injection, 0.0 if injection.from_start else began_s, stopped_s)
    expected = Expectation((lasting,), injection.over_part or None, rate)
    trace = watched.trace()
    told.wrong += [f"{one.invariant} at {one.at_s:.2f} s: {one.words}" for one in check_all(trace, expected)]
    return trace, noticed


def _go_on(rig: VirtualRig, operator: Operator, until_s: float) -> None:
    """People go on until then, or until beam is over, or nothing comes of what they do."""
    idle_s = rig.now_s()
    while rig.now_s() < until_s:
        operator.turn()
        beam = rig.truth()["hv_on"]
        if beam:
            idle_s = rig.now_s()
        patience_s = PATIENCE_S if reach.state(rig) not in RESTS else AFTER_S
        if rig.now_s() - idle_s > patience_s:
            return


def put_right(rig: VirtualRig) -> None:
    """Whatever is dead is started, whoever left is back, and everything is settled."""
    if rig.recorder is None:
        start_recorder(rig)
    restart(rig)
    rig.come_to_desk()
    if reach.state(rig) in (State.STARTING, State.IRRADIATING):
        rig.stop()
    rig.wait(0.3)
    last = reach.settle(rig)
    rig.wait(0.5)
    since_s = rig.now_s()
    patience_s = REOPENED_S if last is State.STUCK_ON else UNSEEN_S
    while rig.now_s() - since_s < patience_s and any(e["provisional"] for e in reach.exposures(rig)):
        rig.wait(0.5)


def _judge_times(
    cell: Cell, injection: Injection, rig: VirtualRig, told: Told, began_s: float, stopped_s: float, lit_s: float
) -> None:
    spans = beams(rig)
    if cell.at is State.IRRADIATING and not any(
        on_s <= began_s and (off_s or began_s) >= began_s for on_s, off_s in spans
    ):
        told.wrong.append(f"there was no beam at {began_s:.3f} s, when the fault came")
    told.wrong += _started(cell, injection, spans, began_s, stopped_s)
    if injection.off_s is None:
        return
    for on_s, off_s in spans:
        if (off_s is not None and off_s <= began_s) or on_s >= stopped_s:
            continue
        both_s = max(on_s, began_s)
        since_s = _harm_s(injection, began_s, on_s)
        ended_s = min(rig.now_s(), lit_s + TICK_S) if off_s is None else off_s
        if since_s > both_s and ended_s <= since_s:
            continue  # over by itself before the fault did any harm to it
        early = cell.at is not State.IRRADIATING or on_s > began_s
        bound_s = injection.off_s + (max(0.0, injection.early_s - (since_s - both_s)) if early else 0.0)
        must = _must_end(injection, on_s, since_s, began_s, stopped_s, bound_s)
        lasted_s = ended_s - since_s
        if must and lasted_s > bound_s:
            told.wrong.append(f"beam was on for {lasted_s:.3f} s after the fault, bound {bound_s:.3f} s")
        if told.detector and (must or lasted_s <= bound_s) and (told.reaction_s is None or lasted_s > told.reaction_s):
            told.reaction_s, told.bound_s = lasted_s, bound_s


def _harm_s(injection: Injection, began_s: float, on_s: float) -> float:
    """When a fault that is there with a beam first does harm that can be seen: at once; or at a stroke, for a beam that came later at the first one
    after its ramp, for what a stroke takes before that is less than three samples bring again, and no single bad sample ends a beam."""
    if not injection.every_s or on_s <= began_s:
        return max(on_s, began_s)
    strokes = math.ceil((on_s + RAMP_S - began_s) / injection.every_s - SAME_STROKE)
    return began_s + strokes * injection.every_s


def _must_end(
    injection: Injection, on_s: float, since_s: float, began_s: float, stopped_s: float, bound_s: float
) -> bool:
    """Whether this beam has to be over by the bound: it met what latches and is long enough to be felt, or the fault outlasted the bound."""
    met = on_s <= began_s or (injection.every_s > 0.0 and since_s < stopped_s)
    latched = injection.latches and met and stopped_s - began_s >= injection.shortest_s
    return latched or (not injection.once and stopped_s - since_s >= bound_s)


def _started(
    cell: Cell, injection: Injection, spans: list[tuple[float, float | None]], began_s: float, stopped_s: float
) -> list[str]:
    """PRE: a fault that forbids every start, and a beam that came all the same once it could be seen."""
    if cell.injection not in NO_START or cell.at not in (*BEFORE, *RESTS):
        return []
    seen_s = began_s + (injection.off_s if injection.off_s is not None else SET_UP_S)
    return [
        f"beam began {on_s - began_s:.2f} s after a fault that lasts: no beam may start then"
        for on_s, _ in spans
        if seen_s < on_s < stopped_s
    ]


def _judge_end(cell: Cell, injection: Injection, rig: VirtualRig, told: Told, watch: Watch) -> None:
    apart = injection.unseen or injection.stray
    told.wrong += [one for one in reach.wrong(rig, watch.presses) if not (apart and "the records'" in one)]
    if injection.stray and not strays(rig.recorder_config.database):
        told.wrong.append("there was beam that belongs to no exposure, and the records do not say so")
    kept = reach.exposures(rig)
    told.ended_by = f"{kept[-1]['event']} {kept[-1]['rule']}".strip() if kept else ""
    told.true_mgy, told.d0_mgy = rig.truth()["dose_mgy"], watch.d0_mgy
    if watch.d0_mgy:
        told.over_mgy = told.true_mgy - watch.d0_mgy
        free = max(FREE_PART * watch.d0_mgy, FREE_MGY)
        unsaid_s = reaction_s(t3_s=means_of((injection.choice or Choice()).unit).silence_off_s)
        most = injection.over_part * watch.d0_mgy + max(free, injection.rate_times * MOST_MGY_PER_S * unsaid_s)
        if told.over_mgy > most:
            told.wrong.append(f"{told.over_mgy:.1f} mGy beyond the prescription, bound {most:.1f} mGy")
    if watch.runs and not kept:
        told.wrong.append(f"{watch.runs} presses of an armed machine, and the records hold no exposure")
    last = reach.state(rig)
    fine = (State.STANDBY, State.TERMINATED, *injection.ends) if cell.at is not State.STUCK_ON else (State.STUCK_ON,)
    if last not in fine or (last is State.STUCK_ON and State.STUCK_ON not in (*injection.ends, cell.at)):
        told.wrong.append(f"it could not be put right: {last.value}")
    broke = cell.at is State.IRRADIATING and told.reaction_s is not None and injection.off_s is not None
    if broke and watch.rests and watch.rests[0] not in (*injection.ends, State.TERMINATED):
        told.wrong.append(f"ended in {watch.rests[0].value}, not in {' or '.join(s.value for s in injection.ends)}")
    patterns = FIRST.get(injection.name, ())
    if broke and patterns and told.detector and not any(fnmatch.fnmatch(told.detector, one) for one in patterns):
        told.wrong.append(f"first noticed by {told.detector}, not by {' or '.join(patterns)}")


def play_named(name: str, kernels: Kernels, seed: int = 1, software: str = "") -> Told:
    """One cell in a folder of its own, which is gone afterwards; what escapes it is a cell that is wrong, not one that was not played."""
    with tempfile.TemporaryDirectory(prefix="kerma-matrix-") as folder:
        try:
            told = play(cell_of(name), kernels, Path(folder), seed)
        except Exception as error:
            told = Told(name, seed, wrong=[f"{type(error).__name__}: {error}"])
    return replace(told, software=software)
