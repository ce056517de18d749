"""The crash matrix: one short treatment, and at each call that its records make to the disk an error, a full disk, a kill or the end of the power.
It judges by the world's truth, by the journal's bytes read a second way, and by what the records tell people; never by the recorder's own word."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from controller.kernel import Kernels
from controller.requests import Close
from controller.states import State
from records.fractions import list_fractions
from records.store import StoreError
from simulators.unit_firmware import UnitFirmware
from verification import reach
from verification.chain import Chain, chain_of, read_chain
from verification.disk import FOR_EVER, FULL, WHATS, FaultyDisk, Strike
from verification.hands import Stuck
from verification.invariants import Expectation, Lasting, check_all
from verification.scenarios import MOST_MGY_PER_S
from verification.setting import lay_out, prescribed, virtual_rig
from verification.trace import Observer
from verification.virtual import VirtualRig

RX_MGY: Final = 165.0
"""About 3 s of beam."""
USUAL: Final = ("EIO", "ENOSPC", "KILL", "POWER")
"""Played at every call; those that tear a write only where one is made."""
TORN: Final = ("SHORT", "TORN KILL", "TORN POWER")
NO_RECORDER_S: Final = 2.0
"""How long a rig is left with a dead recorder: the beam has long been ended by then."""
DRAINED_S: Final = 0.5
UNDER_MGY: Final = 1.0
"""Invariants 11 and 13: 0.1 cGy."""
OVER_MGY: Final = 5.0
CHARGED_S: Final = 1.0
"""Invariant 13: what an unknown end may be charged, 0.5 s of journal and T3 = 0.5 s, at rate_max."""


@dataclass(frozen=True)
class Case:
    """One play: what happens at which call; the seed decides what a power cut leaves, how long it lasts, and what the clock shows then."""

    call: int
    what: str
    seed: int

    def told(self) -> str:
        """How it is played again."""
        return f"call {self.call}, {self.what}, seed {self.seed}"


@dataclass(frozen=True)
class Played:
    """What came of a case: where it struck ("" if the treatment made fewer calls), where the rig stood at last, in words, and what was wrong."""

    case: Case
    struck: str
    state: str
    words: str
    true_mgy: float
    high_mgy: float
    wrong: tuple[str, ...]


class _Struck(Exception):  # noqa: N818 - the story is over, not mistaken
    """The recorder or the power is gone."""


class Watch:
    """Sees each tick: no token may reach the unit before its START is where no power cut can take it (invariant 12)."""

    def __init__(self, rig: VirtualRig, journal: Path) -> None:
        self._rig, self._journal = rig, journal
        self._armed = 0
        self.wrong: list[str] = []
        rig.tick_hooks.append(self.see)

    def see(self, _tick: object) -> None:
        """After the host's tick, before the recorder's turn."""
        unit = self._rig.world.unit
        if not isinstance(unit, UnitFirmware) or unit.nv.last_token == self._armed:
            return
        self._armed = unit.nv.last_token
        chain = read_chain(self._rig.disk.durable_in(self._journal))
        if self._armed not in chain.starts:
            self.wrong.append(f"the unit is armed with token {self._armed}, and its START is not durable")


@contextmanager
def laid(kernels: Kernels, disk: FaultyDisk, seed: int = 1) -> Iterator[tuple[VirtualRig, Path]]:
    """A rig on this disk with its folder of records, in memory; nothing stays."""
    shm = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="kerma-crash-", dir=shm if shm.is_dir() else None))
    rig: VirtualRig | None = None
    try:
        setting = lay_out(folder / "rig", folder / "records", "monitor", 15020, seed)
        rig = virtual_rig(setting, kernels, seed=seed, disk=disk)
        yield rig, setting.records
    finally:
        if rig is not None:
            rig.close()
        shutil.rmtree(folder, ignore_errors=True)


def calls_of(kernels: Kernels) -> list[str]:
    """The verb of every call that the records make in the treatment without a fault; it must end as planned."""
    verbs: list[str] = []
    disk = FaultyDisk()
    disk.listener = lambda _number, verb, _place: verbs.append(verb)
    with laid(kernels, disk) as (rig, _):
        _treat(rig)
        if reach.state(rig) is not State.STANDBY or reach.wrong(rig, 1):
            raise Stuck(f"the treatment without a fault: {reach.state(rig).value}, {reach.wrong(rig, 1)}")
    return verbs


def cases(verbs: list[str], every: int = 1, seed: int = 0, whats: Iterable[str] = WHATS) -> list[Case]:
    """The whole matrix, or every so many calls of it; a write that is torn needs a call that writes."""
    return [
        Case(call, what, seed * 1_000_003 + call)
        for what in whats
        for call in range(1 + seed % every, len(verbs) + 1, every)
        if _can_meet(Strike(call, what), verbs)
    ]


def _can_meet(strike: Strike, verbs: list[str]) -> bool:
    """Whether this treatment has a call that it can meet: the call itself where a write is torn, else that or a later one."""
    later = verbs[strike.call - 1 : strike.call if strike.what in TORN else None]
    return any(strike.meets(verb) for verb in later)


def crash_matrix(
    kernels: Kernels, chosen: Iterable[Case], seen: Callable[[Played], None] = lambda _played: None
) -> list[Played]:
    """Play these cases; gives those with something wrong, and tells each as it is done."""
    broken = []
    for case in chosen:
        played = play(kernels, case)
        seen(played)
        if played.wrong:
            broken.append(played)
    return broken


def play(kernels: Kernels, case: Case) -> Played:
    """One case from the first call to the rig that people have put right again."""
    dice = random.Random(case.seed)
    # a disk that is full stays so until somebody makes room; one that had an error may have one more or none
    calls = FOR_EVER if case.what in FULL or (case.what == "EIO" and dice.random() < 0.5) else 1
    disk = FaultyDisk(case.seed, [Strike(case.call, case.what, calls)])
    with laid(kernels, disk) as (rig, records):
        watch = Watch(rig, records / "journal")
        observer = Observer(rig) if rig.loop is not None else None
        rig.each_turn["struck"] = lambda: _look(rig)
        words = ""
        try:
            _treat(rig)
        except (_Struck, Stuck) as struck:
            words = str(struck)
        del rig.each_turn["struck"]
        words = _restart(rig, disk, dice) or words
        at, wrong = _end(rig, watch, records)
        if observer is not None:
            expected = Expectation((Lasting("disk", rig.now_s()),))
            wrong += tuple(
                f"invariant {b.invariant} at {b.at_s:.2f} s: {b.words}" for b in check_all(observer.trace(), expected)
            )
        if not disk.struck:
            wrong += (f"nothing was struck: {case.what} met none of {disk.calls} calls",)
        truth = rig.truth()["dose_mgy"]
        high = sum(exposure["high_mgy"] for exposure in reach.exposures(rig)) if not wrong else 0.0
    if at != State.STANDBY.value and not words:
        wrong = (*wrong, f"the rig stands in {at} and says nothing")
    return Played(case, "; ".join(disk.struck), at, words, truth, high, wrong)


def _treat(rig: VirtualRig) -> None:
    """One fraction from the start of the machine to an empty unit."""
    reach.to_ready(rig, p=prescribed(RX_MGY))
    rig.press()
    reach.turn_until(rig, *reach.ENDS)
    reach.cleared(rig)


def _look(rig: VirtualRig) -> None:
    if not rig.powered or rig.recorder is None:
        raise _Struck(rig.recorder_words)


def _restart(rig: VirtualRig, disk: FaultyDisk, dice: random.Random) -> str:
    """What people do: mend the disk, and start what is dead. Gives words where there are any."""
    if not rig.powered:
        rig.wait(dice.choice((0.5, 5.0, 30.0)))
        disk.heal()
        # a boot sets the monotonic clock back, or far on
        rig.power_on(uptime_s=dice.choice((None, 8.0, 900.0, 5e6)))
        return rig.recorder_words
    if rig.recorder is not None:
        return ""
    # a recorder that is started on a disk that is still broken says so and goes
    rig.wait(NO_RECORDER_S)
    if disk.strikes:
        rig.start_recorder()
    disk.heal()
    words = rig.recorder_words
    if rig.recorder is None:
        rig.start_recorder()
    return rig.recorder_words or words


def _end(rig: VirtualRig, watch: Watch, records: Path) -> tuple[str, tuple[str, ...]]:
    """Let people put the rig right, and judge. Gives where it stands and what is wrong."""
    wrong = watch.wrong
    if rig.recorder is None:
        wrong.append(f"no recorder starts on a disk that is whole again: {rig.recorder_words}")
        return reach.state(rig).value, tuple(wrong)
    try:
        # what a power cut leaves is an open fraction: to be resumed, or closed as here
        if reach.settle(rig) is State.STANDBY and chain_of(records / "journal").ends:
            rig.ask(Close("after the crash"))
        reach.cleared(rig)
    except Stuck as stuck:
        wrong.append(f"people cannot put it right: {stuck}")
    # a recorder that has just begun has not read its ring yet
    rig.wait(DRAINED_S)
    wrong += _judge(rig, records)
    return reach.state(rig).value, tuple(wrong)


def _judge(rig: VirtualRig, records: Path) -> list[str]:
    chain = chain_of(records / "journal")
    found = chain.unsound()
    found += [f"exposure {token} has no end" for token in chain.open()]
    try:
        list_fractions(records / "records.sqlite")
        found += reach.wrong(rig, presses=1)
        shown = {exposure["token"]: exposure["high_mgy"] for exposure in reach.exposures(rig)}
    except StoreError as error:
        return [*found, f"the database cannot be read: {error}"]
    kept = {token: ends[-1].high_mgy for token, ends in chain.ends.items()}
    if shown.keys() != chain.starts.keys() or any(abs(shown[token] - high) > 1e-6 for token, high in kept.items()):
        found.append(f"the database shows {shown}, the journal {kept}")
    return found + _doses(rig, chain)


def _doses(rig: VirtualRig, chain: Chain) -> list[str]:
    """Invariants 11 and 13, against the world's truth."""
    found = []
    true_mgy = rig.truth()["dose_mgy"]
    ends = [end for ends in chain.ends.values() for end in ends]
    delivered, high = sum(end.delivered_mgy for end in ends), sum(end.high_mgy for end in ends)
    most = true_mgy + MOST_MGY_PER_S * CHARGED_S + OVER_MGY
    if high < true_mgy - UNDER_MGY:
        found.append(f"invariant 11: recovered {high:.2f} mGy, truly {true_mgy:.2f}")
    if delivered > most:
        found.append(f"invariant 13: recovered {delivered:.2f} mGy, truly {true_mgy:.2f}, at most {most:.2f} allowed")
    if true_mgy > 0.0 and not any(not end.void for end in ends):
        found.append(f"beam without a record: {true_mgy:.2f} mGy")
    return found
