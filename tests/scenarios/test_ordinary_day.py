"""What people do without thinking, on every generator with every safety unit: a door that stands open, an order taken back, a READY that nobody uses,
a STOP and a hasty resume. Nothing is broken, and so nothing may end in FAULT; what the beam gives is for other tests."""

from __future__ import annotations

from typing import Any

import pytest
from refusal_bench import MakeRig

from controller.requests import Confirm, Edit, Load, Resume
from controller.states import State
from verification.reach import turn_until, wrong
from verification.rigs import BEAMS, UNITS, Choice
from verification.setting import prescribed
from verification.virtual import VirtualRig

UNUSED_S = 70.0
"""Longer than an offer or a READY lasts."""


def confirmed(rig: VirtualRig) -> None:
    """The offer as it stands, read again where another has taken its place meanwhile; and READY."""
    until_s = rig.now_s() + 8.0
    while True:
        offer = rig.until(lambda shown: shown.offer is not None, until_s - rig.now_s(), "an offer").offer
        assert offer is not None
        rig.wait(0.2)
        if rig.ask(Confirm(offer.id, offer.digest)).ok:
            break
    turn_until(rig, State.READY)


@pytest.mark.grid
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("generator", BEAMS)
def test_an_ordinary_day_ends_in_no_fault(make_rig: MakeRig, generator: str, unit: str) -> None:
    """Each act leads where it should, without a latch, and no state on the way is FAULT or STUCK_ON."""
    choice = Choice(generator, unit=unit)
    rig = make_rig("time" if unit == "wago-750" else "monitor", choice=choice)
    seen: set[State] = set()

    def see(tick: Any) -> None:
        seen.add(tick.stage.state)

    rig.tick_hooks.append(see)
    p = prescribed(900.0, choice)
    turn_until(rig, State.STANDBY)
    rig.fault("door-open")
    rig.wait(0.5)
    assert rig.ask(Load(p, "operator")).ok
    rig.wait(10.0)
    rig.mend("door-open")
    rig.until(lambda shown: shown.offer is not None, 8.0, "an offer once the door is closed")
    assert rig.ask(Edit()).ok
    turn_until(rig, State.STANDBY)
    assert rig.ask(Load(p, "operator")).ok
    confirmed(rig)
    rig.fault("door-open", 1.0)
    turn_until(rig, State.PREPARATORY)
    rig.wait(2.0)
    confirmed(rig)
    rig.wait(UNUSED_S)
    confirmed(rig)
    rig.press()
    turn_until(rig, State.IRRADIATING)
    rig.wait(1.6)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    assert rig.ask(Resume(p, "operator", "at once")).ok
    rig.until(lambda shown: shown.offer is not None, 8.0, "an offer after a hasty resume")
    rig.wait(UNUSED_S)
    shown = rig.snapshot()
    assert shown is not None and (shown.state, shown.latches) == ("PREPARATORY", ())
    assert not seen & {State.FAULT, State.STUCK_ON}
    assert wrong(rig, 1) == []
