"""The hands reach every state of an exposure, by what people and devices do and never by setting it."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig

from controller.states import State
from verification.reach import BRING_BROKEN, PRESSED, REACH, ons, state


def test_every_state_has_hands() -> None:
    """A state that nobody can reach would make a matrix look whole."""
    assert set(REACH) == set(State)


@pytest.mark.parametrize("at", list(BRING_BROKEN))
def test_a_state_that_needs_a_fault_is_reached_by_one(make_rig: MakeRig, at: State) -> None:
    """FAULT and STUCK_ON, after one press and with the beam off; the states without a fault are reached by every other test here."""
    rig = make_rig()
    REACH[at](rig)
    assert state(rig) is at
    rig.wait(0.5)
    assert state(rig) is at
    assert ons(rig) == (at in PRESSED)
    assert not rig.truth()["hv_on"]
