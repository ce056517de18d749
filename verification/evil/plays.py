"""Short plays that show what an evil patch does: hands on a rig in virtual time, the search, or one test of the house.
It knows no patch: it is run in a folder where one has been made, or none."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from controller.kernel import PLAIN
from controller.requests import Confirm, Edit, Load, Offer
from controller.states import State
from verification.barriers import ALWAYS_HEARD, deaf_but_to
from verification.hands import Stuck
from verification.invariants import check_all
from verification.reach import (
    OPERATOR,
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

Hands = Callable[[VirtualRig], None]
ENDED: Final = (State.INTERRUPTED, State.TERMINATED, State.FAULT, State.STUCK_ON)
SMALL: Final = prescribed(220.0)
MIDDLE: Final = prescribed(400.0)
CEILING: Final = 0.98
"""Of the rate of the beam: less than channels may differ by."""
MIDDLE_OF_ANOTHER: Final = patient(2, 300.0)
CHANGED: Final = msgspec.structs.replace(prescribed(390.0), sha256=b"\x01" * 32)
"""The order of the usual fraction, edited."""
TEST: Final = "test "
TEST_S: Final = 240.0
SEARCH: Final = "search "
RULE: Final = "invariants_held"
ANSWERS_US: Final = 32000
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
    "resumed with another order": resumed_with_another_order,
    "confirmed by an old digest": confirmed_by_an_old_digest,
    "confirmed by an old number": confirmed_by_an_old_number,
}


def play(name: str) -> dict[str, str]:
    """Who noticed something in this play, with words; `says` is how it ended where it could not go on."""
    if name.startswith(TEST):
        return _test(name.removeprefix(TEST))
    if name.startswith(SEARCH):
        return _search(int(name.removeprefix(SEARCH)))
    caught: dict[str, str] = {}
    said = ""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        at = Path(folder)
        choice = CHOICES.get(name)
        rig = virtual_rig(lay_out(at / "rig", at / "records", "monitor", 15020, 1, choice), PLAIN)
        observer, monitor = Observer(rig), _Monitor(rig)
        try:
            try:
                VIRTUAL[name](rig)
            except Stuck as stuck:
                shown = rig.snapshot()
                said = f"{stuck} ({shown.first_to_fix or shown.notice if shown is not None else 'nothing is shown'})"
            except Exception as error:  # a patch may break anything at all; what was seen until then is judged
                said = f"{type(error).__name__}: {error}"
            for broken in check_all(observer.trace()):
                caught.setdefault(broken.invariant, broken.words)
            caught |= monitor.said
        finally:
            rig.close()
    return caught | ({"says": said} if said else {})


class _Monitor:
    """What the program's own monitor says, by law."""

    def __init__(self, rig: VirtualRig) -> None:
        self.said: dict[str, str] = {}
        rig.tick_hooks.append(self._tick)

    def _tick(self, tick: Any) -> None:
        for finding in tick.verdict.findings:
            if finding.rule == RULE:
                law = finding.words.removeprefix(CONTRADICTED).partition(":")[0]
                self.said.setdefault(f"monitor:{law}", finding.words)


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
