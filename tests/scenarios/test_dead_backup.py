"""Whatever would end a beam and is dead is found at the start, by the safety unit's own tests and with beam off: no exposure is ever begun."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig, slice_of

from controller.requests import Load
from controller.states import State
from verification.reach import OPERATOR, SHORT, ons, state, turn_until

DEAD = [
    ("unit-timer-dead", "the safety unit's timer test did not pass"),
    ("unit-timer-slow", "the safety unit's timer test did not pass"),
    ("unit-lease-dead", "the safety unit's lease test did not pass"),
    ("k1-welded", "K1 told to open, mirror says closed"),
    ("k2-welded", "K2 told to open, mirror says closed"),
    ("unit-count-limit-dead", "the safety unit's count limit test did not pass"),
    ("lamp-open", "a warning lamp does not draw its current"),
]
"""Each dead part with what is said of it: a weld shows on its mirror before the contactor's test has run out of time."""


@pytest.mark.parametrize(("dead", "said"), slice_of(DEAD, lambda case: case[0] == "unit-timer-dead"))
def test_a_dead_part_is_found_before_the_first_exposure(make_rig: MakeRig, dead: str, said: str) -> None:
    """FAULT, which names the part; nothing can be loaded, and high voltage was never on."""
    rig = make_rig()
    rig.fault(dead)
    turn_until(rig, State.FAULT, State.STANDBY)
    assert state(rig) is State.FAULT
    rig.wait(0.2)
    shown = rig.snapshot()
    assert shown is not None and said in " ".join((shown.first_to_fix, shown.notice, *shown.latches))
    assert not rig.ask(Load(SHORT, OPERATOR)).ok
    assert ons(rig) == 0 and rig.truth()["dose_mgy"] == 0.0
