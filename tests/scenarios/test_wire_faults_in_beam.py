"""Every way a wire can lie, and every way a generator can, through a whole rig in virtual time: the beam ends in time or rightly goes on,
no ON goes out that nobody pressed for, and the record never says less than was given."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig, slice_of

from controller.requests import Edit
from controller.states import State
from simulators.faults import TABLE
from simulators.wire_faults import TAMPERINGS, Tamper
from verification.hands import Stuck
from verification.reach import BRING, ENDS, exposures, ons, send, settle, state, to_beam, to_ready, turn_until, wrong
from verification.rigs import Choice
from verification.virtual import VirtualRig

FRAMES = {"generator": "comma", "unit": "tcp"}
"""Whose frames the example rig's wires carry."""
WITHIN_S = 0.25
"""T1 from the fault to the off bytes, one tick for what was asked before it, and the fall of the high voltage."""
LATER_S = {
    "generator-wire-break": 1.5,
    "generator-wire-foreign-master": 1.5,
    "unit-wire-split": 3.0,
}
"""A break each 41 ms does harm when one meets a reply, and three of those in a second end the beam; another master's set-point shows when set-points are
read again, once a second; replies that miss their slot crowd out the slow block, whose rules then have nothing to stand on."""
SURVIVED = {
    "generator-wire-split",
    "generator-wire-echo",
    "generator-wire-dropped",
    "generator-wire-request-lost",
    "generator-wire-stale",
    "generator-wire-not-applied",
    "unit-wire-duplicated",
    "unit-wire-echo",
    "unit-wire-noise",
    "unit-wire-noise-after",
    "unit-wire-break",
    "unit-wire-not-applied",
}
"""One lost reply is asked again in time, frames in parts and echoes are known for what they are, and what TCP brings between two replies is dropped.
Read-backs that stand still at what is true, and writes that nobody makes in beam, harm nothing: what they hide is in the tests below."""
BEAM_S = 1.0


ALIKE = {f"exception-{code}" for code in (1, 2, 3, 8, 10, 11, 99)}
"""To the exchange every exception but 5 and 6 (busy) is a refusal; tests/hal tries each. Here 4 and 6 stand for them."""


def names() -> list[str]:
    return [
        f"{link}-wire-{name}"
        for link, kind in FRAMES.items()
        for name, row in TAMPERINGS.items()
        if kind in row.on and name not in ALIKE
    ]


def in_slice(name: str) -> bool:
    """One that ends the beam and one that it survives; test_matrix.py plays one of each id in `make test`."""
    return name in ("generator-wire-another-reply", "generator-wire-stale")


def off_after(rig: VirtualRig, within_s: float) -> float | None:
    """How long from now the high voltage is on; None if it still is after `within_s`."""
    began_s = rig.now_s()
    while rig.now_s() - began_s < within_s:
        rig.turn()
        if not rig.truth()["hv_on"]:
            return rig.now_s() - began_s
    return None


def ended_well(rig: VirtualRig, presses: int, unproved: bool = False) -> None:
    """Nothing comes back by itself; after the hands that it takes, everything is as it must be. `unproved`: where the generator could not be heard while
    nothing had been counted yet, off may not be provable, and STUCK_ON stays (docs/states.md)."""
    if state(rig) is State.IRRADIATING:
        rig.stop()
    last = settle(rig)
    assert last is State.STANDBY or (unproved and last is State.STUCK_ON)
    assert not rig.truth()["hv_on"]
    assert wrong(rig, presses) == []


@pytest.mark.parametrize("name", slice_of(names(), in_slice))
def test_a_lying_wire_in_beam(make_rig: MakeRig, name: str) -> None:
    """Until mended: the beam ends within T1 of what can be known and of the fall, or it goes on with everything that matters known."""
    rig = make_rig()
    to_beam(rig, 0.6)
    rig.fault(name)
    off_s = off_after(rig, BEAM_S if name in SURVIVED else LATER_S.get(name, WITHIN_S))
    assert (off_s is None) is (name in SURVIVED), off_s
    before = ons(rig)
    rig.mend(name)
    rig.wait(0.2)
    assert ons(rig) == before == 1, "beam came back with the wire"
    rig.stop()
    turn_until(rig, *ENDS)
    rig.until(lambda shown: shown.ended is not None and shown.ended.durable, 3.0, "the record")
    assert state(rig) is not State.STUCK_ON
    assert wrong(rig, 1) == []


@pytest.mark.parametrize(("name", "for_s"), [("silent", 0.01), ("late", 0.01), ("garbled", 0.06), ("half-open", 0.06)])
def test_a_wire_that_lies_for_a_moment_in_beam(make_rig: MakeRig, name: str, for_s: float) -> None:
    """Shorter than T1, on one wire and then on the other: the beam ends or goes on, and either way the record holds."""
    rig = make_rig()
    to_beam(rig, 0.3)
    for link in FRAMES:
        rig.fault(f"{link}-wire-{name}", for_s)
        rig.wait(0.4)
    assert ons(rig) == 1
    ended_well(rig, 1)


AROUND = [
    *(
        (link, name, State.STARTING)
        for link in FRAMES
        for name in ("silent", "garbled", "late", "stuck", "vanished", "stale")
    ),
    *((link, name, State.PREPARATORY) for link in FRAMES for name in ("truncated", "swapped", "half-open")),
    ("generator", "silent", State.READY),
    ("generator", "not-applied", State.READY),
    ("unit", "not-applied", State.ARMING),
    ("generator", "foreign-master", State.STARTING),
    ("generator", "stale", State.STOPPING),
]
"""One row of each kind for the states around the beam."""


@pytest.mark.parametrize(
    ("link", "name", "at"), slice_of(AROUND, lambda case: case[2] is not State.STARTING and case[1] != "truncated")
)
def test_a_lying_wire_around_the_beam(make_rig: MakeRig, link: str, name: str, at: State) -> None:
    """For 1.2 s: no beam without a press, one end for each START, nothing that starts again, and afterwards the rig is usable."""
    rig = make_rig()
    BRING[at](rig)
    rig.fault(f"{link}-wire-{name}", 1.2)
    pressed = at in (State.READY, State.STARTING, State.STOPPING)
    if at is State.READY:
        rig.press()
    rig.wait(2.5)
    assert ons(rig) <= pressed
    if state(rig) in (State.PREPARATORY, State.READY):
        send(rig, Edit())
    ended_well(rig, int(pressed), unproved=pressed and link == "generator")
    assert len(exposures(rig)) == (at is not State.PREPARATORY)


@pytest.mark.parametrize(
    ("name", "ticks"),
    slice_of(
        [
            (name, ticks)
            for name in ("dropped", "late-once", "garbled", "duplicated", "echo", "reset")
            for ticks in (0, 3)
        ],
        lambda case: case[1] == 0 and case[0] in ("dropped", "duplicated", "echo", "reset"),
    ),
)
def test_an_on_leaves_once_whatever_becomes_of_its_answer(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch, name: str, ticks: int
) -> None:
    """L1: from a press on, at several ticks around the ON, its frames are counted as they leave, not as the supply takes them."""
    left: list[bytes] = []
    asked = Tamper.asked
    monkeypatch.setattr(Tamper, "asked", lambda tamper, data: (left.append(data), asked(tamper, data))[1])
    rig = make_rig()
    to_ready(rig)
    rig.press()
    turn_until(rig, State.STARTING)
    for _ in range(ticks):
        rig.turn()
    rig.fault(f"generator-wire-{name}")
    rig.wait(1.0)
    rig.mend(f"generator-wire-{name}")
    rig.wait(0.5)
    assert sum(data.count(b"\x0298,1,") for data in left) == 1
    assert sum(data.count(b"\x0298,0,") for data in left) >= 1


def test_set_points_that_are_acknowledged_and_not_applied_never_lead_to_beam(make_rig: MakeRig) -> None:
    """M6: read back and compared before anything is offered."""
    rig = make_rig()
    turn_until(rig, State.STANDBY)
    rig.fault("generator-wire-not-applied")
    with pytest.raises(Stuck):
        to_ready(rig)
    assert ons(rig) == 0
    send(rig, Edit())
    rig.mend("generator-wire-not-applied")
    ended_well(rig, 0)


def test_an_off_that_is_acknowledged_and_not_applied_is_not_relied_on(make_rig: MakeRig) -> None:
    """M6 with G5: the unit's contactor ends the beam, whatever the generator's wire says; the supply has not heard of any off."""
    rig = make_rig()
    to_beam(rig, 0.5)
    rig.fault("generator-wire-not-applied")
    rig.stop()
    assert off_after(rig, WITHIN_S) is not None
    rig.wait(0.5)
    assert [what for _, who, what in rig.log() if who == "generator"][-1] == "HV off: interlock open"
    rig.mend("generator-wire-not-applied")
    ended_well(rig, 1)


def test_answers_from_before_do_not_hide_beam_that_comes(make_rig: MakeRig) -> None:
    """G8, L10: every answer says off, from the press on; the chambers and the unit say otherwise, or nothing proves beam, and it ends."""
    rig = make_rig()
    to_ready(rig)
    rig.fault("generator-wire-stale")
    rig.press()
    turn_until(rig, State.STARTING)
    rig.wait(1.2)
    assert not rig.truth()["hv_on"]
    rig.mend("generator-wire-stale")
    ended_well(rig, 1, unproved=True)


BY_CHAMBERS = ("dose_rate_low", "no_signal", "no_dose")
"""Rules that stand on what is counted alone; where the generator's answers were believed, it was they that ended the beam."""


def test_answers_from_before_do_not_hide_beam_that_goes(make_rig: MakeRig) -> None:
    """G7, L10: every answer says on; the chambers say that there is none."""
    rig = make_rig()
    to_beam(rig, 0.5)
    rig.fault("generator-wire-stale")
    rig.wait(0.2)
    rig.fault("beam-lost")
    turn_until(rig, State.STOPPING, State.INTERRUPTED, State.FAULT, State.STUCK_ON, within=150)
    rig.mend("beam-lost")
    rig.mend("generator-wire-stale")
    ended_well(rig, 1, unproved=True)
    (end,) = exposures(rig)
    assert end["rule"] in BY_CHAMBERS, (end["rule"], end["words"])


GENERATOR = [
    ("kv-overshoot", 0.05, "ends"),
    ("kv-overshoot", 0.5, "ends"),
    ("kv-undershoot", 0.05, "ends"),
    ("kv-undershoot", 0.5, "ends"),
    ("kv-high", None, "ends"),
    ("kv-low", None, "ends"),
    ("ma-high", None, "ends"),
    ("ma-low", None, "ends"),
    ("arc", None, "ends"),
    ("generator-fault", None, "ends"),
    ("beam-lost", None, "ends"),
    ("readback-frozen", None, "survives"),
    ("readback-off", None, "ends"),
    ("generator-rebooted", None, "ends"),
]
"""G1-G4, G7-G9 in beam: the fault, how long it lasts (None: on), and what becomes of the beam. G5 and G6 are scenarios of their own."""


@pytest.mark.parametrize(
    ("name", "for_s", "becomes"),
    slice_of(
        GENERATOR,
        lambda case: case[0] == "beam-lost",
    ),
)
def test_a_generator_that_errs_in_beam(make_rig: MakeRig, name: str, for_s: float | None, becomes: str) -> None:
    """The envelope is watched for its time; what the record says holds under every one of them."""
    rig = make_rig()
    to_beam(rig, 1.2)
    rig.fault(name, for_s)
    off_s = off_after(rig, 1.5)
    assert (off_s is None) is (becomes == "survives"), off_s
    if name in rig.world.faults.active():
        rig.mend(name)
    rig.wait(0.3)
    assert ons(rig) == 1
    ended_well(rig, 1)


@pytest.mark.grid
def test_an_on_that_makes_no_beam_ends_by_itself(make_rig: MakeRig) -> None:
    """G10: no dose within a second of ON."""
    rig = make_rig()
    to_ready(rig)
    rig.fault("hv-never-rises")
    rig.press()
    turn_until(rig, State.STARTING)
    turn_until(rig, *(State.INTERRUPTED, State.FAULT, State.STUCK_ON), within=300)
    assert not rig.world.plant.supply.hv_on
    rig.mend("hv-never-rises")
    ended_well(rig, 1, unproved=True)


@pytest.mark.parametrize(
    "name",
    slice_of(
        ["bad-checksum", "duplicated", "swapped", "another-reply", "stuck", "late", "wrong-unit", "noise"],
        lambda name: name == "another-reply",
    ),
)
def test_a_lying_unit_wire_in_beam_over_rtu(make_rig: MakeRig, name: str) -> None:
    """On a wire whose replies say nothing of their request: ended in time, by sequence, checksum or lease."""
    rig = make_rig(choice=Choice(unit_wire="rtu"))
    to_beam(rig, 0.5)
    rig.fault(f"unit-wire-{name}")
    assert off_after(rig, WITHIN_S + 0.1) is not None
    rig.mend(f"unit-wire-{name}")
    ended_well(rig, 1)


def test_every_wire_fault_has_a_name_for_inject() -> None:
    """`kerma inject` knows each tampering on both wires."""
    assert {f"{link}-wire-{name}" for link in FRAMES for name in TAMPERINGS} <= set(TABLE)


@pytest.mark.parametrize("gap_s", [0.4, 3.0])
def test_an_end_waits_for_the_units_counters(make_rig: MakeRig, gap_s: float) -> None:
    """The unit's network is gone when the beam ends: the record is provisional and never below the truth; when the unit is heard again its counters
    close the gap to the count, and the rest may be given by an operator."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.fault("unit-wire-half-open", gap_s)
    turn_until(rig, State.FAULT)
    rig.wait(0.2)
    (kept,) = exposures(rig)
    true = rig.truth()["dose_mgy"]
    assert kept["provisional"]
    assert kept["high_mgy"] >= true
    rig.until(lambda shown: shown.ended is not None and shown.ended.durable, gap_s + 4.0, "the end")
    (kept,) = exposures(rig)
    assert not kept["provisional"]
    assert kept["quality"] == "GOOD"
    assert kept["delivered_mgy"] == pytest.approx(true, rel=0.005, abs=1.0)
    assert wrong(rig, 1) == []


def test_an_end_does_not_wait_for_ever(make_rig: MakeRig) -> None:
    """The unit stays away: after 15 s the bounds are the record, UNKNOWN, and never below the truth."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.fault("unit-wire-half-open")
    turn_until(rig, State.FAULT)
    rig.wait(14.0)
    assert exposures(rig)[0]["provisional"]
    rig.until(lambda shown: shown.ended is not None and shown.ended.durable, 3.0, "the end")
    (kept,) = exposures(rig)
    assert (kept["provisional"], kept["quality"]) == (False, "UNKNOWN")
    assert kept["high_mgy"] >= rig.truth()["dose_mgy"]
