"""One seed, one run: a fresh virtual rig on tmpfs, its plan played, everything looked for afterwards that may never be, and one line that replays it.
It knows how a run is judged as a whole; what is planned, played and asked of every trace stands in plan.py, played.py and invariants.py."""

from __future__ import annotations

import gc
import hashlib
import os
import re
import shutil
import tempfile
import traceback
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from controller.blob import Blob
from controller.kernel import Kernels, prepare
from hal.clock import SystemClock
from simulators.unit_memory import UnitConfig
from simulators.world import World
from verification.disk import FaultyDisk
from verification.fault_ids import FAULT_IDS
from verification.invariants import Expectation, Lasting, check_all
from verification.plan import LONG_FROM, Plan, plan
from verification.played import Played, order
from verification.reach import wrong
from verification.rigs import Choice, with_values
from verification.setting import blob_of, lay_out, recorder_of
from verification.sources import commit, source_hash
from verification.story import Story
from verification.trace import Observer, Trace
from verification.treating import Operator

TMPFS: Final = Path("/dev/shm")
WITHIN_PART: Final = 0.005
WITHIN_MGY: Final = 10.0
"""A dose without any fault against the truth: max(0.5 %, 1 cGy) (docs/dose.md)."""
SETTLE_S: Final = 1.0
STRAY: Final = frozenset({"G6/hv-spontaneous"})
"""Beam that belongs to no exposure: no record can hold it."""
UNSEEN: Final = frozenset(
    f"{fault_id}/{one.name}" for fault_id, injections in FAULT_IDS.items() for one in injections if one.unseen
)
"""What no software can see: the dose in the records is not held against the true one."""


@dataclass
class Given:
    """One fraction as it came out: prescribed D0, what was truly given, what the records say (mGy D0)."""

    patient: int
    word: str
    rx_mgy: float
    d0_mgy: float | None = None
    true_mgy: float = 0.0
    delivered_mgy: float = 0.0
    low_mgy: float = 0.0
    high_mgy: float = 0.0
    status: str = ""
    exposures: int = 0


@dataclass
class Reaction:
    """What broke while the beam was on or coming, and how fast it was off: bytes of OFF sent, and beam truly gone, in s from the fault on."""

    fault: str
    state: str
    ended_by: str
    off_sent_s: float | None
    beam_off_s: float | None


@dataclass
class Outcome:
    """One run. `broken`: (invariant, at s, words) of everything that may never be; `digest` is over every tick, every event of the world and every record."""

    seed: int
    source: str
    kind: str
    rig: str
    tick_hz: int
    faults: tuple[str, ...]
    began: tuple[str, ...] = ()
    """Those of the faults that truly came: the state that one waits for may never be reached, and a disk may not be called any more."""
    end_state: str = ""
    simulated_s: float = 0.0
    beam_s: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    ticks: int = 0
    presses: int = 0
    given: list[Given] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    broken: list[tuple[str, float, str]] = field(default_factory=list)
    digest: str = ""
    worker: int = 0

    @property
    def ok(self) -> bool:
        """True when nothing was broken."""
        return not self.broken

    def lines(self) -> list[str]:
        """A run in words: the whole plan, what was broken, and how to see it again."""
        said = [f"broken {name} at {at_s:.3f} s: {words}" for name, at_s, words in self.broken]
        return [*plan(self.seed).lines(), f"ended in {self.end_state}", *said, replay_line(self.seed)]


def replay_line(seed: int) -> str:
    """The one line that plays this seed again: how, and which commit is to be checked out; + where tracked files differ from it."""
    return f"again: kerma campaign --seeds 1 --first-seed {seed} at commit {commit() or 'unknown'}, sources {source_hash()[:12]}"


TOKEN: Final = re.compile(r"(?<=token )[0-9]+")


def by_turn(log: Iterable[str]) -> list[str]:
    """These words with each token by its turn among the tokens: its number is a place in the journal, which one more entry about an exposure before moves."""
    turns: dict[str, str] = {}
    return [TOKEN.sub(lambda found: turns.setdefault(found[0], f"#{len(turns) + 1}"), what) for what in log]


class Digest:
    """Everything that a run was, bit for bit."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def tick(self, tick: Any) -> None:
        dose, unit, monitor = tick.dose, tick.readings.unit, tick.readings.monitor
        self._hash.update(
            repr(
                (
                    tick.now, tick.stage.state.value, tick.decided.event, tick.sent.command, tick.verdict.truths,
                    dose.delivered_mgy, dose.high_mgy, dose.dm_mgy,
                    (unit.beam_ms, unit.counts_1, unit.relays, unit.state) if unit is not None else None,
                    (monitor.kv, monitor.ma) if monitor is not None else None,
                )
            ).encode()
        )  # fmt: skip

    def add(self, what: object) -> None:
        self._hash.update(repr(what).encode())

    def hex(self) -> str:
        return self._hash.hexdigest()


@cache
def kernels() -> Kernels:
    """Compiled once for each process; what lives by then lives on, and no collector need look at it again."""
    made = prepare()
    gc.collect()
    gc.freeze()
    return made


@cache
def _blob(choice: Choice, termination: str, tick_hz: int) -> Blob:
    """The rig file of such a rig read once for each process, its certificate verified once. Its hash is of what it is and not of where it lay."""
    folder = Path(tempfile.mkdtemp(prefix="kerma-seeded-", dir=TMPFS))
    try:
        setting = lay_out(folder, folder / "records", termination, 15020, 1, choice)
        text = with_values(setting.rig_file.read_text(encoding="utf-8"), {"rig": {"tick_hz": str(tick_hz)}})
        setting.rig_file.write_text(text, encoding="utf-8")
        blob = blob_of(setting)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    same = hashlib.sha256(f"{choice.words} {termination} {tick_hz}".encode()).digest()
    return msgspec.structs.replace(blob, configuration_sha256=same)


def make(planned: Plan, folder: Path) -> Played:
    """The plan's rig, fresh, in `folder`."""
    choice = planned.choice
    blob = _blob(choice, planned.termination, planned.tick_hz)
    world = World(choice.profile, planned.seed, UnitConfig(site_key=blob.site_key))
    recorder = recorder_of(folder, folder / "records")
    return Played(blob, recorder, kernels(), folder, world, FaultyDisk(planned.seed), planned.epoch_s)


def run(seed: int, parent: Path = TMPFS) -> Outcome:
    """Plan, play, judge; the folder of the run lies in `parent` and is gone afterwards. Never raises for what a run does: that is an outcome."""
    planned = plan(seed)
    out = Outcome(
        seed,
        source_hash(),
        planned.kind,
        f"{planned.choice.words}, {planned.termination}, {planned.tick_hz} Hz",
        planned.tick_hz,
        planned.faults,
    )
    clock, cpu = SystemClock(), os.times()
    begun_s = clock.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="kerma-seed-", dir=parent))
    kernels()
    gc.disable()  # a trace is a million objects in no cycle: a seventh of the time would go into looking at them
    try:
        _play(planned, folder, out)
    except Exception:
        out.broken.append(("no exception", out.simulated_s, traceback.format_exc(limit=-6)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        gc.enable()
    gc.collect()
    after = os.times()
    out.wall_s = clock.monotonic() - begun_s
    out.cpu_s = after.user - cpu.user + after.system - cpu.system
    out.worker = os.getpid()
    return out


def _play(planned: Plan, folder: Path, out: Outcome) -> None:
    rig = make(planned, folder)
    observer = Observer(rig)
    rig.prepare(planned)
    digest = Digest()

    def see(tick: Any) -> None:
        digest.tick(tick)
        rig.saw(tick)

    rig.tick_hooks.append(see)
    try:
        operator = Operator(rig)
        for fraction in planned.fractions:
            word = operator.treat(fraction, order(planned, fraction))
            out.given.append(Given(fraction.patient, word, fraction.rx_mgy))
            if word == "stuck on":
                break
        rig.put_right()
        rig.wait(SETTLE_S)
        out.end_state = operator.settle()
        rig.wait(SETTLE_S)
        _judge(planned, rig, observer.trace(), out)
        log = rig.world.log
        words = by_turn(what for _, _, what in log)
        digest.add([(at, who, what) for (at, who, _), what in zip(log, words, strict=True)])
        digest.add([(g.true_mgy, g.delivered_mgy, g.low_mgy, g.high_mgy, g.status, g.word) for g in out.given])
        digest.add(operator.said)
        out.digest = digest.hex()
    finally:
        out.simulated_s = rig.world.now_us * 1e-6
        out.ticks, out.presses = rig.ticks, rig.presses
        rig.close()


def _judge(planned: Plan, rig: Played, trace: Trace, out: Outcome) -> None:
    at_s = rig.now_s()
    log = list(trace.log)
    out.beam_s = _beam_s(log, at_s)
    out.reactions = _reactions(rig, log)
    out.began = tuple(broke.name for broke in rig.broke if broke.name != "disk" or rig.disk.struck)
    names = set(out.faults)
    found = wrong(rig, rig.presses)
    if names & STRAY:
        found = [words for words in found if "high bound" not in words]
    if names & UNSEEN:
        found = [words for words in found if "the records'" not in words]
    out.broken += [("world and records", at_s, words) for words in found]
    expected = Expectation(faults=tuple(Lasting(b.name.rpartition("/")[2], b.at_s, b.until_s) for b in rig.broke))
    out.broken += [(broken.invariant, broken.at_s, broken.words) for broken in check_all(trace, expected)]
    _given(planned, trace, out)
    if out.end_state != "STANDBY":
        shown = rig.snapshot()
        latches = "; ".join(shown.latches) if shown is not None else "no snapshot"
        out.broken.append(
            ("M2", at_s, f"everything was mended, and people could not bring it back: {out.end_state}; {latches}")
        )
    if not planned.deeds:
        _judge_whole(out, at_s)


def _judge_whole(out: Outcome, at_s: float) -> None:
    """Nothing broke and nobody did anything odd: every fraction is whole, and its dose is right."""
    for given in out.given:
        if given.status != "COMPLETE" or given.d0_mgy is None:
            out.broken.append(
                (
                    "M2",
                    at_s,
                    f"patient {given.patient}: nothing was wrong and the fraction is {given.status or given.word}",
                )
            )
            continue
        band = max(WITHIN_PART * given.d0_mgy, WITHIN_MGY)
        if abs(given.true_mgy - given.d0_mgy) > band:
            out.broken.append(
                ("8", at_s, f"patient {given.patient}: {given.true_mgy:.1f} mGy of {given.d0_mgy:.1f}, band {band:.1f}")
            )


def _given(planned: Plan, trace: Trace, out: Outcome) -> None:
    """What the records say of each planned fraction, and what was truly given by its tokens."""
    true_mgy = Story(trace, Expectation()).true_mgy
    kept = {row["patient_id"]: row for row in trace.fractions}
    for given in out.given:
        row = kept.get(f"SEED-{planned.seed}-{given.patient}")
        if row is None:
            continue
        given.exposures = len(row["exposures"])
        given.true_mgy = sum(true_mgy.get(exposure["token"], 0.0) for exposure in row["exposures"])
        given.d0_mgy, given.status = row["d0_mgy"], row["status"]
        given.delivered_mgy, given.low_mgy, given.high_mgy = row["delivered_mgy"], row["low_mgy"], row["high_mgy"]


def _beam_s(log: list[tuple[float, str, str]], until_s: float) -> float:
    total, on = 0.0, None
    for at_s, who, what in log:
        if who != "tube":
            continue
        if what == "beam on":
            on = at_s
        elif what == "beam off" and on is not None:
            total += at_s - on
            on = None
    return total + (until_s - on if on is not None else 0.0)


def _reactions(rig: Played, log: list[tuple[float, str, str]]) -> list[Reaction]:
    offs = [at_s for at_s, who, what in log if who == "tube" and what == "beam off"]
    found = []
    for broke in rig.broke:
        if broke.state not in ("STARTING", "IRRADIATING"):
            continue
        off = next((at_s for at_s in offs if at_s >= broke.at_s), None)
        found.append(
            Reaction(
                broke.name,
                broke.state,
                broke.ended_by,
                None if broke.off_sent_s is None else broke.off_sent_s - broke.at_s,
                None if off is None else off - broke.at_s,
            )
        )
    return found


def document(out: Outcome) -> dict[str, Any]:
    """An outcome as JSON knows it."""
    return asdict(out)


def is_long(seed: int) -> bool:
    """True for the long runs without faults."""
    return seed >= LONG_FROM
