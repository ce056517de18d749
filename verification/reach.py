"""Hands that bring a virtual rig to any state by real commands, people that put it right again, and what must hold of world and records afterwards.
It looks into the loop for its state only; what it judges by is the world's own truth and the records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from controller.prescribed import Prescribed
from controller.requests import Close, Confirm, Edit, Load, Request, Reset, Resume
from controller.states import State
from simulators.unit_firmware import UnitFirmware
from verification.hands import Stuck
from verification.setting import prescribed
from verification.virtual import VirtualRig

OPERATOR: Final = "test operator"
SHORT: Final = prescribed(400.0)
"""About 8 s of beam."""
ENDS: Final = (State.INTERRUPTED, State.TERMINATED, State.FAULT, State.STUCK_ON)
LEAST_MGY: Final = 1.0


def state(rig: VirtualRig) -> State:
    """Where the exposure stands; SELF_TEST while no host runs, which is where the next one begins."""
    return rig.loop.exposure.stage.state if rig.loop is not None else State.SELF_TEST


def turn_until(rig: VirtualRig, *states: State, within: int = 4000) -> None:
    """Turn until one of these states; Stuck after that many ticks."""
    for _ in range(within):
        if state(rig) in states:
            return
        rig.turn()
    raise Stuck(f"none of {[s.value for s in states]} within {within} ticks, but {state(rig).value}")


def send(rig: VirtualRig, request: Request) -> None:
    """Ask without waiting for the answer."""
    rig.send(request)


def confirm_as_offered(rig: VirtualRig) -> None:
    """Confirm what is on offer until it is taken."""
    for _ in range(3000):
        if state(rig) is not State.PREPARATORY:
            return
        if rig.loop is None:
            raise Stuck("no host runs: nothing can be confirmed")
        case = rig.loop.dossier.case
        if case.offer_at_s is not None and case.settings is not None:
            send(rig, Confirm(case.offer_id, case.settings.digest))
        rig.turn()
    raise Stuck("the offer could not be confirmed")


def load(rig: VirtualRig, resume: str = "", physicist: bool = False, p: Prescribed = SHORT) -> None:
    """Into PREPARATORY."""
    turn_until(rig, State.STANDBY, State.INTERRUPTED)
    answer = rig.ask(Resume(p, OPERATOR, resume, physicist) if resume else Load(p, OPERATOR))
    if not answer.ok:
        raise Stuck(answer.words)
    turn_until(rig, State.PREPARATORY)


def to_arming(rig: VirtualRig, resume: str = "", physicist: bool = False, p: Prescribed = SHORT) -> None:
    """Loaded, offered, confirmed: the first tick of ARMING."""
    load(rig, resume, physicist, p)
    confirm_as_offered(rig)
    turn_until(rig, State.ARMING)


def to_ready(rig: VirtualRig, resume: str = "", physicist: bool = False, p: Prescribed = SHORT) -> None:
    """The first tick of READY."""
    to_arming(rig, resume, physicist, p)
    turn_until(rig, State.READY)


def to_beam(
    rig: VirtualRig, seconds: float = 1.0, resume: str = "", physicist: bool = False, p: Prescribed = SHORT
) -> None:
    """Beam on by one press, and left on for some seconds."""
    to_ready(rig, resume, physicist, p)
    rig.press()
    turn_until(rig, State.IRRADIATING)
    rig.wait(seconds)


def _standby(rig: VirtualRig) -> None:
    turn_until(rig, State.STANDBY)


def _starting(rig: VirtualRig) -> None:
    to_ready(rig)
    rig.press()
    turn_until(rig, State.STARTING)
    rig.wait(0.15)


def _stopping(rig: VirtualRig) -> None:
    to_beam(rig)
    rig.stop()
    turn_until(rig, State.STOPPING)


def _interrupted(rig: VirtualRig) -> None:
    _stopping(rig)
    turn_until(rig, State.INTERRUPTED)


def _terminated(rig: VirtualRig) -> None:
    to_beam(rig, 0.0, p=prescribed(200.0))
    turn_until(rig, State.TERMINATED)


def _fault(rig: VirtualRig) -> None:
    """The generator's cable out and in again, in beam: off is verified, and what it was must be looked at."""
    to_beam(rig, 0.5)
    rig.fault("generator-silent")
    turn_until(rig, State.FAULT)
    rig.mend("generator-silent")


def _stuck_on(rig: VirtualRig) -> None:
    """K1 welds in beam and the beam is stopped: K2 has ended it, and its proof is missing. The weld is mended, the state stays."""
    to_beam(rig, 0.5)
    rig.fault("k1-welded")
    rig.wait(0.2)
    rig.stop()
    turn_until(rig, State.STUCK_ON)
    rig.mend("k1-welded")


BRING: Final[dict[State, Callable[[VirtualRig], None]]] = {
    State.SELF_TEST: lambda rig: rig.wait(0.5),
    State.STANDBY: _standby,
    State.PREPARATORY: load,
    State.ARMING: to_arming,
    State.READY: to_ready,
    State.STARTING: _starting,
    State.IRRADIATING: to_beam,
    State.STOPPING: _stopping,
    State.INTERRUPTED: _interrupted,
    State.TERMINATED: _terminated,
}
"""The hands that lead into each state that needs no fault."""
BRING_BROKEN: Final[dict[State, Callable[[VirtualRig], None]]] = {State.FAULT: _fault, State.STUCK_ON: _stuck_on}
"""The hands that lead into each state that needs one; what was broken has been mended when they are done, or is not needed any more."""
REACH: Final = {at: (BRING | BRING_BROKEN)[at] for at in State}
"""Every state of an exposure; a state without hands is an error here."""
PRESSED: Final = (
    State.STARTING,
    State.IRRADIATING,
    State.STOPPING,
    State.INTERRUPTED,
    State.TERMINATED,
    State.FAULT,
    State.STUCK_ON,
)
"""States that the hands above reach by one press."""


def ons(rig: VirtualRig) -> int:
    """ON commands that the generator took."""
    return sum(1 for _, who, what in rig.log() if who == "generator" and what == "HV ON accepted")


def exposures(rig: VirtualRig) -> list[dict[str, Any]]:
    """Every START that the records hold, with its end."""
    return [exposure for fraction in rig.records() for exposure in fraction["exposures"]]


def settle(rig: VirtualRig) -> State:
    """Whatever people may do to come back to STANDBY: reset with the role that it takes, close, unload. STUCK_ON stays."""
    for _ in range(60):
        now = state(rig)
        if now is State.STUCK_ON:
            return now
        latched = rig.loop is not None and bool(rig.loop.dossier.latches)
        if now in (State.STANDBY, State.INTERRUPTED, State.TERMINATED, State.FAULT) and (latched or now is State.FAULT):
            rig.room(key="SERVICE")
            rig.wait(0.2)
            any(rig.ask(Reset(role, "a, b", "test")).ok for role in ("operator", "physicist", "service"))
            rig.room(key="TREAT")
        elif now in (State.INTERRUPTED, State.TERMINATED):
            rig.ask(Close("test"))
        elif now in (State.PREPARATORY, State.ARMING, State.READY):
            rig.ask(Edit())
        elif now is State.STANDBY:
            return now
        rig.wait(0.3)
    return state(rig)


def cleared(rig: VirtualRig) -> None:
    """Settled in STANDBY, and nothing retained by the unit any more."""
    if settle(rig) is not State.STANDBY:
        raise Stuck(f"not settled but {state(rig).value}")
    unit = rig.world.unit
    for _ in range(400):
        if not isinstance(unit, UnitFirmware) or not unit.nv.retained_token:
            return
        rig.turn()
    raise Stuck("the unit still retains an exposure 4 s after everything was settled")


def wrong(rig: VirtualRig, presses: int) -> list[str]:
    """What may never be, once everything has settled: beam, beam without a press, an exposure without exactly one end, dose said lower than given."""
    found = []
    truth, kept = rig.truth(), exposures(rig)
    if truth["hv_on"]:
        found.append("high voltage is on")
    if ons(rig) > presses:
        found.append(f"{ons(rig)} ON commands for {presses} presses")
    found += [f"exposure {e['token']} has no end" for e in kept if e["provisional"]]
    if len({e["token"] for e in kept}) != len(kept):
        found.append("a token was given twice")
    high = sum(e["high_mgy"] for e in kept)
    if high < truth["dose_mgy"] - LEAST_MGY:
        found.append(f"the records' high bound is {high:.1f} mGy, truly {truth['dose_mgy']:.1f}")
    low = sum(e["low_mgy"] for e in kept)
    if low > truth["dose_mgy"] + max(0.02 * truth["dose_mgy"], 10.0):
        found.append(f"the records' low bound is {low:.1f} mGy, truly {truth['dose_mgy']:.1f}")
    return found


def patient(number: int, rx_mgy: float = 400.0) -> Prescribed:
    """The same order for somebody else."""
    return msgspec.structs.replace(prescribed(rx_mgy), patient_id=f"P{number}")
