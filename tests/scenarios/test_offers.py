"""What is loaded waits quietly for a room that is not ready: nothing is offered, and the devices are not told off and set up again meanwhile.
What the offer holds and who confirms it is for other tests."""

from __future__ import annotations

from typing import Any

import pytest
from refusal_bench import MakeRig

from controller.requests import Load, Resume
from controller.states import State
from verification.reach import to_beam, turn_until
from verification.rigs import Choice
from verification.setting import prescribed
from verification.virtual import VirtualRig

RIGS = [
    pytest.param(Choice(), 1.2, id="spellman-xrv"),
    pytest.param(Choice("spellman-xrb80"), 1.6, id="spellman-xrb80", marks=pytest.mark.grid),
]
"""With how much beam the chambers' measurement, once a second, is still from before the STOP when the set is held again."""


def offs_while_preparing(rig: VirtualRig) -> list[float]:
    """Grows by the time of each tick in PREPARATORY that tells the machine off."""
    found: list[float] = []

    def see(tick: Any) -> None:
        if tick.stage.state is State.PREPARATORY and tick.sent.command == "off":
            found.append(tick.now)

    rig.tick_hooks.append(see)
    return found


@pytest.mark.parametrize("choice", [pytest.param(one.values[0], id=one.id, marks=one.marks) for one in RIGS])
def test_an_order_waits_for_the_door(make_rig: MakeRig, choice: Choice) -> None:
    """The door stands open for ten seconds while the patient is laid down: no off, no offer; it closes, and there is one."""
    rig = make_rig(choice=choice)
    turn_until(rig, State.STANDBY)
    rig.fault("door-open")
    rig.wait(0.5)
    assert rig.ask(Load(prescribed(900.0, choice), "operator")).ok
    turn_until(rig, State.PREPARATORY)
    offs = offs_while_preparing(rig)
    rig.wait(10.0)
    shown = rig.snapshot()
    assert shown is not None and (shown.state, shown.offer, offs) == ("PREPARATORY", None, [])
    assert "door" in shown.first_to_fix
    rig.mend("door-open")
    rig.until(lambda s: s.offer is not None, 2.0, "an offer")


@pytest.mark.parametrize(("choice", "beam_s"), RIGS)
def test_who_resumes_at_once_waits_for_the_chambers(make_rig: MakeRig, choice: Choice, beam_s: float) -> None:
    """A quarter of a second after a STOP the chambers' leakage has not been measured since the beam: the set is held, and offered when it has."""
    rig = make_rig(choice=choice)
    p = prescribed(900.0, choice)
    to_beam(rig, beam_s, p=p)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    offs = offs_while_preparing(rig)
    rig.wait(0.25)
    assert rig.ask(Resume(p, "operator", "at once")).ok
    rig.until(lambda s: s.offer is not None, 5.0, "an offer")
    assert offs == []
