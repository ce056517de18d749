"""A whole rig with a DXM that begins to refuse a question of its round in beam, with a bare code: two counts, or too long without a set-point, end the beam."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig
from test_wire_faults_in_beam import ended_well, off_after

from controller.states import State
from verification.reach import ons, to_ready, turn_until
from verification.rigs import Choice
from verification.setting import prescribed
from verification.virtual import VirtualRig

RIG = Choice("spellman-dxm")
WITHIN_S = {"kv": 0.4, "ma": 0.6, "set-point": 1.5}
"""Windows are judged for up to 200 ms; set-points are asked for once a second."""


def in_beam(make_rig: MakeRig, seconds: float) -> VirtualRig:
    rig = make_rig(choice=RIG)
    to_ready(rig, p=prescribed(7000.0, RIG))
    rig.wait(0.5)  # a DXM does not tell when it is charged
    rig.press()
    turn_until(rig, State.IRRADIATING)
    rig.wait(seconds)
    return rig


@pytest.mark.parametrize("what", WITHIN_S)
def test_a_question_that_is_refused_in_beam_ends_it(make_rig: MakeRig, what: str) -> None:
    """The kV, the mA or the set-points of a beam are no error's code: nothing is taken for sound that was refused."""
    rig = in_beam(make_rig, 1.5)
    rig.fault(f"{what}-query-refused")
    off_s = off_after(rig, 3.0)
    assert off_s is not None and off_s < WITHIN_S[what]
    rig.mend(f"{what}-query-refused")
    rig.wait(0.3)
    assert ons(rig) == 1
    ended_well(rig, 1, unproved=True)


def test_a_filament_that_is_refused_in_a_beam_that_is_not_dark_changes_nothing(make_rig: MakeRig) -> None:
    """Its current is watched over a cold filament alone."""
    rig = in_beam(make_rig, 0.5)
    rig.fault("filament-query-refused")
    assert off_after(rig, 2.5) is None
    ended_well(rig, 1)
