"""Short plays that show what an evil patch does: hands on a rig in virtual time, the search, or one test of the house.
It knows no patch: it is run in a folder where one has been made, or none."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast
from unittest import mock

import msgspec

from controller import __main__ as process
from controller.kernel import PLAIN
from controller.requests import Confirm, Edit, Load, Offer
from controller.states import State
from hal.readings import Cause, Purpose
from simulators.tube import Tube
from simulators.unit_firmware import UnitFirmware
from verification.barriers import ALWAYS_HEARD, deaf_but_to, only_rule
from verification.hands import Stuck
from verification.injections import Broken, Ended
from verification.invariants import check_all
from verification.reach import (
    OPERATOR,
    confirm_as_offered,
    load,
    patient,
    settle,
    state,
    to_beam,
    to_ready,
    turn_until,
)
from verification.rigs import Choice
from verification.setting import lay_out, prescribed, virtual_rig
from verification.trace import Observer
from verification.virtual import VirtualRig

if TYPE_CHECKING:
    from controller.loop import Loop

Hands = Callable[[VirtualRig], None]
ENDED: Final = (State.INTERRUPTED, State.TERMINATED, State.FAULT, State.STUCK_ON)
SMALL: Final = prescribed(220.0)
MIDDLE: Final = prescribed(400.0)
CEILING: Final = 0.98
"""Of the rate of the beam: less than channels may differ by."""
MIDDLE_OF_ANOTHER: Final = patient(2, 300.0)
CHANGED: Final = msgspec.structs.replace(prescribed(390.0), sha256=b"\x01" * 32)
"""The order of the usual fraction, edited."""
LIT_A: Final = 2.9
"""What a filament takes for a beam."""
TEST: Final = "test "
TEST_S: Final = 240.0
SEARCH: Final = "search "
RULE: Final = "invariants_held"
LATE_US: Final = 60_000
"""An answer may take so long, and the reading before it is still young enough."""
CONTRADICTED: Final = "this program has contradicted itself: "


def ended(rig: VirtualRig, within: int = 3000) -> None:
    """Turn until the exposure has ended and its record had time to reach the disk."""
    turn_until(rig, *ENDED, within=within)
    rig.wait(1.0)


def plain(rig: VirtualRig) -> None:
    """One small fraction, closed."""
    to_beam(rig, 0.0, p=SMALL)
    ended(rig)
    settle(rig)
    rig.wait(1.0)


def stopped(rig: VirtualRig) -> None:
    """STOP in the middle of a beam."""
    to_beam(rig, 1.0)
    rig.stop()
    ended(rig)


def resumed(rig: VirtualRig) -> None:
    """STOP in the middle of a beam, and the rest in a second piece."""
    stopped(rig)
    to_beam(rig, 0.0, resume="stopped by hand")
    ended(rig)
    settle(rig)
    rig.wait(1.0)


def door(rig: VirtualRig) -> None:
    """The door opens in beam."""
    to_beam(rig, 1.0)
    rig.fault("door-open")
    ended(rig)


def asks_for_ever(rig: VirtualRig) -> None:
    """Somebody asks for one thing after another, and STOP comes in the middle of a beam."""
    to_beam(rig, 1.0)
    rig.each_turn["asks"] = lambda: rig.send(Load(MIDDLE, OPERATOR))
    rig.wait(0.3)
    rig.stop()
    rig.wait(1.0)
    del rig.each_turn["asks"]
    ended(rig)


def _faulty(*names: str, for_s: float | None = None, after_s: float = 1.0) -> Hands:
    """Beam, then these faults."""

    def hands(rig: VirtualRig) -> None:
        to_beam(rig, after_s)
        for name in names:
            rig.fault(name, for_s)
        ended(rig)
        for name in names:
            rig.mend(name)
        rig.wait(17.0)

    return hands


def unit_silent_for_long(rig: VirtualRig) -> None:
    """The safety unit falls silent in beam and stays so for longer than its end is owed: the record has only bounds."""
    to_beam(rig, 1.0)
    rig.fault("unit-silent")
    ended(rig)
    rig.wait(17.0)
    rig.mend("unit-silent")
    rig.wait(2.0)


def off_ignored(rig: VirtualRig) -> None:
    """STOP in beam, and the supply ignores its OFF."""
    to_beam(rig, 1.0)
    rig.fault("off-command-ignored")
    rig.stop()
    rig.wait(3.0)
    rig.mend("off-command-ignored")
    rig.wait(1.0)


def host_stands_still(rig: VirtualRig) -> None:
    """The host's process is not run for 30 ms in the middle of a beam, and then goes on."""
    to_beam(rig, 1.0)
    rig.freeze_host()
    rig.wait(0.03)
    rig.thaw_host()
    ended(rig)


def slow_disk(rig: VirtualRig) -> None:
    """The recorder's disk answers nothing from the confirmation on, for two seconds."""
    load(rig)
    rig.stall_recorder(True)
    case = rig.loop.dossier.case if rig.loop is not None else None
    for _ in range(300):
        case = rig.loop.dossier.case if rig.loop is not None else None
        if (
            case is not None
            and case.offer_at_s is not None
            and case.settings is not None
            and state(rig) is State.PREPARATORY
        ):
            rig.send(Confirm(case.offer_id, case.settings.digest))
        rig.turn()
        if state(rig) is State.READY:
            rig.press()
    rig.stall_recorder(False)
    rig.wait(2.0)


def stands_still_for_long(rig: VirtualRig) -> None:
    """The host's process is not run for half a second in the middle of a beam: the lease runs out."""
    to_beam(rig, 1.0)
    rig.freeze_host()
    rig.wait(0.5)
    rig.thaw_host()
    ended(rig)


def nobody_presses(rig: VirtualRig) -> None:
    """READY, and nobody at the switch for two seconds."""
    to_ready(rig)
    rig.wait(2.0)
    rig.stop()
    rig.wait(3.0)


def another_filter(rig: VirtualRig) -> None:
    """Somebody changes the filter before the set-up; the fraction is treated if it can be."""
    rig.fault("filter-swapped")
    with contextlib.suppress(Stuck):
        to_beam(rig, 1.0)
    rig.stop()
    rig.wait(3.0)


def latched_and_restarted(rig: VirtualRig) -> None:
    """The door opens in beam and is closed again; nobody resets what that has latched, but the program is killed and begun anew, and the rest asked for."""
    door(rig)
    rig.mend("door-open")
    rig.kill_host()
    rig.start_host()
    with contextlib.suppress(Stuck):
        to_beam(rig, 0.5, resume="goes on", physicist=True)
    rig.stop()
    rig.wait(3.0)


def killed_at_the_units_end(rig: VirtualRig) -> None:
    """The chambers part too far for the unit, which ends the beam; in that moment the program is killed, and begun anew."""
    to_beam(rig, 1.0)
    cast(UnitFirmware, rig.world.unit).end(1 << Cause.DISAGREE)
    rig.kill_host()
    rig.wait(1.0)
    rig.start_host()
    turn_until(rig, State.STANDBY, State.FAULT)
    settle(rig)
    rig.wait(1.0)


def chamber_saturated(rig: VirtualRig) -> None:
    """The ceiling of chamber 1 comes down in beam to a little below its rate, at a unit that compares no rates and no channels: it reads low and says so."""
    to_beam(rig, 1.0)
    terms = rig.loop.gate.sent.terms if rig.loop is not None else None
    if terms is None:
        raise Stuck("nothing is set up: there are no terms")
    with deaf_but_to(*ALWAYS_HEARD):
        per_ms = terms.r0_mgy_per_s / terms.n1_mgy_per_count * 1e-3
        rig.world.plant.chamber_1._max_ms = CEILING * per_ms  # noqa: SLF001 - its ceiling is of its making, and no fault of the table
        ended(rig)


def resumed_with_another_order(rig: VirtualRig) -> None:
    """STOP in the middle of a beam; the order is changed meanwhile, and the rest is asked for by the changed one."""
    stopped(rig)
    with contextlib.suppress(Stuck):
        to_beam(rig, 0.5, resume="goes on", physicist=True, p=CHANGED)
    rig.stop()
    rig.wait(3.0)


def _offer(rig: VirtualRig, other_than: int = 0) -> Offer:
    """What the desk is shown as offered, once it is another than that number."""
    shown = rig.until(lambda s: s.offer is not None and s.offer.id != other_than, 5.0, "an offer")
    if shown.offer is None:
        raise Stuck("no offer is shown")
    return shown.offer


def confirmed_by_an_old_digest(rig: VirtualRig) -> None:
    """Another fraction is loaded instead, and its offer is confirmed with the digest of the one before."""
    load(rig)
    old = _offer(rig)
    rig.ask(Edit())
    load(rig, p=MIDDLE_OF_ANOTHER)
    new = _offer(rig, other_than=old.id)
    _pressed_if_taken(rig, Confirm(new.id, old.digest))


def confirmed_by_an_old_number(rig: VirtualRig) -> None:
    """The same fraction is unloaded and loaded again, and the offer of the first time is confirmed: its digest is still the right one."""
    load(rig)
    old = _offer(rig)
    rig.ask(Edit())
    load(rig)
    _offer(rig, other_than=old.id)
    _pressed_if_taken(rig, Confirm(old.id, old.digest))


def _pressed_if_taken(rig: VirtualRig, stale: Confirm) -> None:
    """A person who thinks that all is well goes on to the switch; then the fraction is unloaded."""
    if rig.ask(stale).ok:
        turn_until(rig, State.READY, *ENDED)
        rig.press()
        rig.wait(1.0)
        rig.stop()
    rig.wait(1.0)
    settle(rig)
    rig.wait(1.0)


def threads_live_on(rig: VirtualRig) -> None:
    """The host's loop stands still for half a second in the middle of a beam, and whatever thread the program has besides goes on."""
    timers = _Timers(rig)
    with mock.patch.object(threading, "Timer", timers.make):
        rig.kill_host()
        rig.start_host()
        rig.each_turn["threads"] = timers.turn
        stands_still_for_long(rig)
        del rig.each_turn["threads"]


class _Timers:
    """Timers of threading as the world's time has them: each function is called in the first turn after its seconds, whether the loop runs or not."""

    def __init__(self, rig: VirtualRig) -> None:
        self._rig = rig
        self._due: list[tuple[float, Callable[[], None]]] = []

    def make(self, interval: float, function: Callable[[], None]) -> _Timer:
        return _Timer(lambda: self._due.append((self._rig.now_s() + interval, function)))

    def turn(self) -> None:
        due = [function for at_s, function in self._due if at_s <= self._rig.now_s()]
        self._due = [one for one in self._due if one[0] > self._rig.now_s()]
        for function in due:
            function()


class _Timer:
    """What a program sees of one; a daemon or none, for there is no process that it could keep alive."""

    daemon = False

    def __init__(self, start: Callable[[], None]) -> None:
        self.start = start


def late_in_the_ramp(rig: VirtualRig) -> None:
    """Each answer of the supply is late from the first question for kV after ON on, while kV rise."""
    to_ready(rig)
    rig.press()
    turn_until(rig, State.STARTING)
    rig.turn()
    rig.world.plant.generator.late_us = LATE_US
    rig.wait(1.0)
    rig.world.plant.generator.late_us = 0
    rig.wait(2.0)


def error_at_a_stop(rig: VirtualRig) -> None:
    """The tick that has heard STOP in the middle of a beam ends by an error that nobody thought of; what becomes of it is the process's own `run`."""
    to_beam(rig, 1.0)
    if rig.loop is None:
        raise Stuck("no host runs: no tick of it can end by an error")
    dossier = rig.loop.dossier

    def raises(*_asked: object) -> NoReturn:
        del vars(dossier)["admit"]
        raise Broken("injected once STOP was heard")

    vars(dossier)["admit"] = raises
    rig.stop()
    with (
        mock.patch.object(os, "_exit", _leave),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.suppress(Ended),
    ):
        process.run(cast("Loop", _Run(rig, 1.0)))
    rig.kill_host()
    rig.wait(1.0)


def _leave(_code: int) -> NoReturn:
    """The process is gone."""
    raise Ended


class _Run:
    """A rig's loop as the process's `run` has it; each tick is a turn of the whole rig, and after some seconds a signal asks for the end."""

    may_end = True

    def __init__(self, rig: VirtualRig, seconds: float) -> None:
        self._rig, self._until_s = rig, rig.now_s() + seconds
        self.pace = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rig.loop, name)

    @property
    def stop_requested(self) -> bool:
        return self._rig.now_s() >= self._until_s

    def next(self) -> float:
        return self._rig.now_s()

    def now(self) -> float:
        return self._rig.now_s()

    def tick(self, _now: float) -> None:
        self._rig.turn()


def nothing_but_the_backup_timer(rig: VirtualRig) -> None:
    """The unit's timer stands still and it ends nothing by itself, no rule but the backup timer's is asked, and the supply ignores its OFF: K1 must end it."""
    to_beam(rig, 0.5, p=SMALL)
    only_rule(rig, "backup_timer")
    rig.fault("unit-timer-dead")
    rig.fault("off-command-ignored")
    with deaf_but_to(*ALWAYS_HEARD):
        with contextlib.suppress(Stuck):
            turn_until(rig, *ENDED, within=1000)
        rig.wait(2.0)


def k2_has_welded(rig: VirtualRig) -> None:
    """K2 welds in a beam that is stopped, and nobody looks; in the next one the supply ignores every off, so that K2 alone could end it."""
    to_beam(rig, 0.5)
    rig.fault("k2-welded")
    rig.stop()
    ended(rig)
    with contextlib.suppress(Stuck):
        if settle(rig) is State.STANDBY:
            to_beam(rig, 0.5, p=MIDDLE_OF_ANOTHER)
            rig.fault("off-ignored")
            rig.stop()
            rig.wait(10.0)


def lit_dry_run(rig: VirtualRig) -> None:
    """The filament glows in a dry run, behind read-backs that stand still, at a unit that ends nothing by itself; of the rules only the chambers' is asked."""
    turn_until(rig, State.STANDBY)
    rig.room(key="SERVICE")
    cold = msgspec.structs.replace(prescribed(), purpose=Purpose.DRY_RUN, ma=0.0, rx_mgy=0.0, depth_mm=0.0)
    answer = rig.ask(Load(cold, OPERATOR, role="physicist"))
    if not answer.ok:
        raise Stuck(answer.words)
    turn_until(rig, State.PREPARATORY)
    confirm_as_offered(rig)
    turn_until(rig, State.READY)
    rig.press()
    turn_until(rig, State.IRRADIATING)
    rig.wait(1.0)
    only_rule(rig, "dose_rate_high")
    rig.fault("readback-frozen")
    with deaf_but_to(*ALWAYS_HEARD), mock.patch.object(Tube, "_regulated", lambda *_: LIT_A):
        rig.wait(1.0)
        rig.stop()
        rig.wait(1.0)


def links_fall_silent_at_rest(rig: VirtualRig) -> None:
    """Both links fall silent at rest, and then the supply turns high voltage on by itself, past K2."""
    turn_until(rig, State.STANDBY)
    rig.wait(0.5)
    rig.fault("unit-silent")
    rig.fault("generator-silent")
    rig.wait(0.23)
    rig.fault("hv-on-at-start")
    rig.wait(0.5)
    rig.mend("hv-on-at-start")
    rig.wait(0.5)


VIRTUAL: Final[dict[str, Hands]] = {
    "plain": plain,
    "stopped": stopped,
    "resumed": resumed,
    "door": door,
    "asks for ever": asks_for_ever,
    "generator silent": _faulty("generator-silent"),
    "unit silent": _faulty("unit-silent"),
    "unit silent for long": unit_silent_for_long,
    "host stands still": host_stands_still,
    "slow disk": slow_disk,
    "host stands still for long": stands_still_for_long,
    "nobody presses": nobody_presses,
    "another filter": another_filter,
    "kV too high": _faulty("kv-high"),
    "off ignored": off_ignored,
    "chamber saturated": chamber_saturated,
    "latched and restarted": latched_and_restarted,
    "killed at the unit's end": killed_at_the_units_end,
    "resumed with another order": resumed_with_another_order,
    "confirmed by an old digest": confirmed_by_an_old_digest,
    "confirmed by an old number": confirmed_by_an_old_number,
}

BESIDE: Final[dict[str, Hands]] = {
    "threads live on": threads_live_on,
    "late in the ramp": late_in_the_ramp,
    "an error at a STOP": error_at_a_stop,
    "nothing but the backup timer": nothing_but_the_backup_timer,
    "K2 has welded": k2_has_welded,
    "links fall silent at rest": links_fall_silent_at_rest,
    "lit dry run": lit_dry_run,
}
"""The same, which the replay stage does not play again: they reach into the program or the world itself, break more than one thing, or record no exposure."""
PLAYS: Final = VIRTUAL | BESIDE


def play(name: str) -> dict[str, str]:
    """Who noticed something in this play, with words, the first first; `says` is how it ended where it could not go on, and comes last."""
    if name.startswith(TEST):
        return _test(name.removeprefix(TEST))
    if name.startswith(SEARCH):
        return _search(int(name.removeprefix(SEARCH)))
    seen: list[tuple[float, str, str]] = []
    said = ""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        at = Path(folder)
        choice = CHOICES.get(name)
        rig = virtual_rig(lay_out(at / "rig", at / "records", "monitor", 15020, 1, choice), PLAIN)
        observer, monitor = Observer(rig), _Monitor(rig)
        try:
            try:
                PLAYS[name](rig)
            except Stuck as stuck:
                shown = rig.snapshot()
                said = f"{stuck} ({shown.first_to_fix or shown.notice if shown is not None else 'nothing is shown'})"
            except Exception as error:  # a patch may break anything at all; what was seen until then is judged
                said = f"{type(error).__name__}: {error}"
            seen += [(broken.at_s, broken.invariant, broken.words) for broken in check_all(observer.trace())]
            seen += monitor.said
        finally:
            rig.close()
    caught: dict[str, str] = {}
    for _, who, words in sorted(seen, key=lambda one: one[0]):
        caught.setdefault(who, words)
    return caught | ({"says": said} if said else {})


class _Monitor:
    """What the program's own monitor says: when, by which law, in which words."""

    def __init__(self, rig: VirtualRig) -> None:
        self.said: list[tuple[float, str, str]] = []
        rig.tick_hooks.append(self._tick)

    def _tick(self, tick: Any) -> None:
        for finding in tick.verdict.findings:
            if finding.rule == RULE:
                law = finding.words.removeprefix(CONTRADICTED).partition(":")[0]
                self.said.append((tick.now, f"monitor:{law}", finding.words))


def _search(faults: int) -> dict[str, str]:
    from verification.explore import explore

    found = explore(faults, to_the_first=True)
    return {f"search:{one.law}": f"{one.words} ({'; '.join(one.steps)})" for one in found.broken}


def _test(node: str) -> dict[str, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", node]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TEST_S)
    except subprocess.TimeoutExpired:
        return {"test": f"it was not over after {TEST_S:.0f} s"}
    if run.returncode not in (0, 1):
        raise RuntimeError(f"{node} could not be played: {run.stdout[-1000:]}{run.stderr[-1000:]}")
    last = next((line for line in reversed(run.stdout.splitlines()) if line.startswith("E ")), "it fails")
    return {"test": last} if run.returncode else {}


def _memory() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


CHOICES: Final[dict[str, Choice]] = {}
"""Plays on another rig than the demonstration's."""
