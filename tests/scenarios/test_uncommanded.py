"""High voltage that nobody asked for, in the states before a beam: STUCK_ON, and an exposure that was started never says less than was given."""

from __future__ import annotations

import pytest
from refusal_bench import BRING, MakeRig, exposures, state

from controller.states import State


@pytest.mark.parametrize("at", [State.ARMING, State.READY])
def test_beam_before_on_is_in_the_record(make_rig: MakeRig, at: State) -> None:
    """The supply raises high voltage by itself with K2 bypassed: the unit counts nothing, for K1 never closed, and yet the record may not say 0."""
    rig = make_rig()
    BRING[at](rig)
    rig.fault("hv-on-at-start")
    rig.wait(1.0)
    assert state(rig) is State.STUCK_ON
    rig.mend("hv-on-at-start")
    rig.wait(2.0)
    truly = rig.truth()["dose_mgy"]
    assert truly > 20.0
    (exposure,) = exposures(rig)
    assert not exposure["void"]
    assert exposure["outcome"] == "STUCK_ON"
    assert exposure["high_mgy"] >= truly - 1.0
    assert exposure["quality"] == "UNKNOWN"
