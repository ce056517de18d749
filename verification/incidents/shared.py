"""Steps that several plays have in common. No incident is told here."""

from __future__ import annotations

from typing import Final

from controller.requests import Answer, Reset
from controller.states import State
from verification.hands import Stuck
from verification.incident import Theatre
from verification.reach import ENDS, state, turn_until
from verification.virtual import VirtualRig

WITHIN_PART: Final = 0.005
WITHIN_MGY: Final = 10.0


def d0_of(rig: VirtualRig) -> float:
    settings = rig.loop.dossier.case.settings if rig.loop is not None else None
    return settings.d0_mgy if settings is not None else 0.0


def must_be_refused(theatre: Theatre, answer: Answer, what: str, word: str = "") -> None:
    theatre.must(not answer.ok, f"{what} was taken")
    theatre.must(word in answer.words, f"{what}: {answer.words!r} does not say {word!r}")


def end_of_beam(rig: VirtualRig, within: int = 4000) -> str:
    """Turn until the exposure has left its beam: the rule, or the unit's cause, that ended it; empty when no host runs."""
    turn_until(rig, State.STOPPING, *ENDS, within=within)
    return rig.loop.exposure.stage.rule if rig.loop is not None else ""


def must_be_given(theatre: Theatre, rig: VirtualRig, d0_mgy: float, what: str) -> None:
    true = rig.truth()["dose_mgy"]
    band = max(WITHIN_PART * d0_mgy, WITHIN_MGY)
    theatre.say(f"{what}: {true:.1f} of {d0_mgy:.1f} mGy")
    theatre.must(abs(true - d0_mgy) <= band, f"{what}: truly {true:.1f} mGy of {d0_mgy:.1f}, band {band:.1f}")


def clear_latches(rig: VirtualRig) -> None:
    """Every latch by the role that it takes, the mildest first, without closing what is open."""
    for role in ("operator", "physicist", "service") * 6:
        rig.wait(0.7)
        turn_until(rig, State.FAULT, State.INTERRUPTED, State.STANDBY)
        if rig.loop is not None and not rig.loop.dossier.latches and state(rig) in (State.INTERRUPTED, State.STANDBY):
            return
        if rig.ask(Reset(role, "a, b", "looked at")).ok or role != "service":
            continue
        rig.room(key="SERVICE")
        rig.wait(0.2)
        rig.ask(Reset(role, "a, b", "looked at"))
        rig.room(key="TREAT")
    raise Stuck(f"not cleared: {state(rig).value}")
