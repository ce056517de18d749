"""A whole rig with a generator whose replies name nothing and whose commands are never answered (seifert-3003), in virtual time: its wire lies,
its own timer errs (G11), the generator itself errs (G1-G10); the beam ends in time or rightly goes on, and the record never says less than was given."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig, slice_of
from test_wire_faults_in_beam import off_after

from controller.states import State
from simulators.wire_faults import TAMPERINGS
from verification.reach import ENDS, ons, settle, state, to_beam, to_ready, turn_until, wrong
from verification.rigs import Choice
from verification.virtual import VirtualRig

CHOICE = Choice("seifert-3003")
WITHIN_S = 0.75
"""The oldest that a value may get at 9600 baud before it counts as missing, and what is asked before that."""
SLICE = {"silent", "late", "another-reply", "stale", "echo"}
LATER_S = {"break": 2.0}
SURVIVED = {
    "split",
    "joined",
    "dropped",
    "request-lost",
    "echo",
    "not-applied",
    "foreign-master",
    "wrong-function",
    "tenfold",
}
"""What changes nothing here: frames in parts or two lines in one piece, one reply that is lost, echoes, and what is done only to frames of other wires."""


def names() -> list[str]:
    return [name for name, row in TAMPERINGS.items() if "text" in row.on]


def ended_well(rig: VirtualRig, unproved: bool = False) -> None:
    if state(rig) is State.IRRADIATING:
        rig.stop()
    last = settle(rig)
    assert last is State.STANDBY or (unproved and last is State.STUCK_ON)
    assert not rig.truth()["hv_on"]
    rig.wait(1.0)  # STUCK_ON ends its exposure once high voltage has been read gone for a while, at this wire's pace
    assert wrong(rig, 1) == []


@pytest.mark.parametrize("name", slice_of(names(), lambda name: name in SLICE))
def test_a_lying_wire_in_beam(make_rig: MakeRig, name: str) -> None:
    """L1-L15 until mended: the beam ends as soon as the age of a value tells, or it goes on with everything that matters known."""
    rig = make_rig(choice=CHOICE)
    to_beam(rig, 1.2)
    rig.fault(f"generator-wire-{name}")
    off_s = off_after(rig, 1.5 if name in SURVIVED else LATER_S.get(name, WITHIN_S))
    assert (off_s is None) is (name in SURVIVED), off_s
    before = ons(rig)
    rig.mend(f"generator-wire-{name}")
    rig.wait(0.3)
    assert ons(rig) == before == 1, "beam came back with the wire"
    rig.stop()
    turn_until(rig, *ENDS)
    rig.until(lambda shown: shown.ended is not None and shown.ended.durable, 3.0, "the record")
    assert wrong(rig, 1) == []


@pytest.mark.parametrize(
    ("fault", "words"),
    slice_of(
        [
            ("generator-timer-early", "own exposure timer runs fast or ended early"),
            ("generator-timer-late", "own exposure timer runs slow: it would end late"),
            ("generator-timer-never", "own exposure timer does not count: it would never end"),
        ],
        lambda case: case[0].endswith("never"),
    ),
)
def test_its_own_timer_is_held_against_the_hosts_clock(make_rig: MakeRig, fault: str, words: str) -> None:
    """G11: long before the fraction's end the beam ends by a fault that names how the timer is wrong; the unit's timer needed nothing of it."""
    rig = make_rig(choice=CHOICE, fault=fault)
    to_beam(rig, 1.0)
    turn_until(rig, *ENDS, within=900)
    assert state(rig) is State.FAULT
    assert rig.loop is not None and words in rig.loop.exposure.stage.words
    rig.mend(fault)
    ended_well(rig)


GENERATOR = [
    ("kv-overshoot", "ends"),
    ("kv-undershoot", "ends"),
    ("kv-high", "ends"),
    ("kv-low", "ends"),
    ("ma-high", "ends"),
    ("ma-low", "ends"),
    ("arc", "ends"),
    ("generator-fault", "ends"),
    ("beam-lost", "ends"),
    ("readback-frozen", "survives"),
    ("readback-off", "ends"),
    ("generator-rebooted", "ends"),
]
"""G1-G4, G7-G9; G5, G6 and G10 are below and in the demonstration's scenarios."""


@pytest.mark.parametrize(
    ("name", "becomes"), slice_of(GENERATOR, lambda case: case[0] in ("ma-high", "beam-lost", "readback-frozen"))
)
def test_a_generator_that_errs_in_beam(make_rig: MakeRig, name: str, becomes: str) -> None:
    rig = make_rig(choice=CHOICE)
    to_beam(rig, 1.2)
    rig.fault(name)
    off_s = off_after(rig, 2.0)
    assert (off_s is None) is (becomes == "survives"), off_s
    if name in rig.world.faults.active():
        rig.mend(name)
    rig.wait(0.3)
    assert ons(rig) == 1
    ended_well(rig)


@pytest.mark.parametrize("name", ["off-command-ignored", "off-ignored"])
def test_an_off_that_the_supply_ignores(make_rig: MakeRig, name: str) -> None:
    """G5: the shutter closes with the off, the contactors end high voltage, and nobody calls it off before it is."""
    rig = make_rig(choice=CHOICE)
    to_beam(rig, 1.2)
    rig.fault(name)
    rig.stop()
    rig.wait(1.0)
    assert rig.truth()["dose_rate_mgy_s"] == 0.0 and not rig.truth()["hv_on"]
    rig.mend(name)
    ended_well(rig, unproved=True)


def test_an_on_that_makes_no_beam_ends_by_itself(make_rig: MakeRig) -> None:
    """G10 twice: a supply that makes no kV, and a shutter that does not open."""
    for place in range(2):
        rig = make_rig(choice=CHOICE)
        to_ready(rig)
        if place == 0:
            rig.fault("hv-never-rises")
        else:
            rig.world.plant.generator.shutters[0].jammed = True  # type: ignore[attr-defined]
        rig.press()
        turn_until(rig, State.STARTING)
        turn_until(rig, State.INTERRUPTED, State.FAULT, State.STUCK_ON, within=400)
        assert not rig.world.plant.supply.hv_on and rig.truth()["dose_mgy"] == 0.0
