"""A whole rig with a GeniX3D whose wire, or whose source, errs in beam: the beam ends in time or rightly goes on, one ON, a record that says no less than was
given. The same faults as on the XRV's wire; what a network without checksum and a heartbeat of 1 s cannot show is named here."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig, slice_of
from test_wire_faults_in_beam import ALIKE, BEAM_S, GENERATOR, WITHIN_S, ended_well, off_after

from controller.states import State
from simulators.generator_genix3d import Genix3dFirmware
from simulators.wire_faults import TAMPERINGS
from verification.reach import ENDS, ons, settle, state, to_beam, to_ready, turn_until, wrong
from verification.rigs import Choice
from verification.setting import prescribed
from verification.virtual import VirtualRig

RIG = Choice("genix3d")
ORDER = prescribed(400.0, RIG)
SURVIVED = {
    "dropped", "request-lost", "split", "duplicated", "noise-after", "stale", "bad-checksum", "not-applied", "foreign-master",
}  # fmt: skip
"""One reply that is missing is asked for again within T1, parts are put together, what comes between two replies is nobody's; what stood still at what is true,
what nobody writes in beam, and a foreign X-rays-on while they are on, change nothing: they are tried where they would."""
SLICE = {"silent", "stuck", "split", "exception-4", "shifted"}
LATER_S = {"break": 1.0, "noise": 1.0, "garbled": 1.0, "request-garbled": 1.0, "noise-before": 1.0}
"""They hang up a connection, or meet a bit that nobody looks at, before one is met that counts."""


def beam(make_rig: MakeRig, seconds: float = 1.0) -> VirtualRig:
    rig = make_rig(choice=RIG)
    to_beam(rig, seconds, p=ORDER)
    return rig


@pytest.mark.parametrize(
    "name",
    slice_of(
        [name for name, row in TAMPERINGS.items() if "tcp" in row.on and name not in ALIKE], lambda name: name in SLICE
    ),
)
def test_a_lying_wire_in_beam(make_rig: MakeRig, name: str) -> None:
    """L1-L14 and M1-M8: off within T1 of what can be known and of the fall, and never on again by itself."""
    rig = beam(make_rig)
    rig.fault(f"generator-wire-{name}")
    off_s = off_after(rig, BEAM_S if name in SURVIVED else LATER_S.get(name, WITHIN_S))
    assert (off_s is None) is (name in SURVIVED), off_s
    rig.mend(f"generator-wire-{name}")
    rig.wait(0.2)
    assert ons(rig) == 1, "beam came back with the wire"
    rig.stop()
    turn_until(rig, *ENDS)
    rig.until(lambda shown: shown.ended is not None and shown.ended.durable, 3.0, "the record")
    assert wrong(rig, 1) == []


@pytest.mark.parametrize(
    ("name", "for_s", "becomes"),
    slice_of(GENERATOR, lambda case: case[0] in ("ma-high", "beam-lost", "readback-frozen", "generator-rebooted")),
)
def test_a_source_that_errs_in_beam(make_rig: MakeRig, name: str, for_s: float | None, becomes: str) -> None:
    """G1-G4, G7-G9."""
    rig = beam(make_rig, 1.5)
    rig.fault(name, for_s)
    off_s = off_after(rig, 1.5)
    assert (off_s is None) is (becomes == "survives"), off_s
    if name in rig.world.faults.active():
        rig.mend(name)
    rig.wait(0.3)
    assert ons(rig) == 1
    ended_well(rig, 1)


@pytest.mark.parametrize("name", ["off-command-ignored", "off-ignored"])
def test_a_source_that_ignores_off(make_rig: MakeRig, name: str) -> None:
    """G5: K1, and where the relay interlock is ignored too K2, ends it."""
    rig = beam(make_rig)
    rig.fault(name)
    rig.stop()
    turn_until(rig, *ENDS)
    rig.wait(0.5)
    assert not rig.truth()["hv_on"] and (state(rig) is State.STUCK_ON) is (name == "off-ignored")
    assert wrong(rig, 1) == []


def test_x_rays_by_themselves_are_stuck_on(make_rig: MakeRig) -> None:
    """G6, A8: high voltage before anybody pressed."""
    rig = make_rig(choice=RIG)
    to_ready(rig, p=ORDER)
    rig.fault("hv-spontaneous")
    turn_until(rig, State.STUCK_ON, within=300)
    assert ons(rig) == 0 and not rig.truth()["hv_on"]


@pytest.mark.parametrize("name", ["hv-never-rises", "set-point-ignored"])
def test_an_on_that_makes_no_beam_ends_by_itself(make_rig: MakeRig, name: str) -> None:
    """G10: ON acknowledged, and no kV; or X-rays on and a ramp that never begins."""
    rig = make_rig(choice=RIG)
    to_ready(rig, p=ORDER)
    rig.fault(name)
    rig.press()
    turn_until(rig, State.STARTING)
    turn_until(rig, State.INTERRUPTED, State.FAULT, State.STUCK_ON, within=300)
    assert ons(rig) == 1 and not rig.world.plant.supply.hv_on
    rig.mend(name)
    ended_well(rig, 1, unproved=True)


@pytest.mark.parametrize(
    "name",
    slice_of(
        ["generator-timer-early", "generator-timer-late", "generator-timer-never"], lambda name: name.endswith("early")
    ),
)
def test_it_has_no_timer_that_could_err(make_rig: MakeRig, name: str) -> None:
    """G11: without a timer of its own there is nothing to disagree with."""
    rig = beam(make_rig, 0.5)
    rig.fault(name)
    assert off_after(rig, 0.5) is None
    ended_well(rig, 1)


def test_a_program_that_stands_still_in_beam_ends_it(make_rig: MakeRig) -> None:
    """L8: the heartbeat stops and everything else answers as before; off within its longest beat and two polls."""
    rig = beam(make_rig)
    face = rig.world.plant.generator
    assert isinstance(face, Genix3dFirmware)
    face.heart_stopped = True
    off_s = off_after(rig, 2.0)
    assert off_s is not None and off_s <= 1.6 + WITHIN_S
    face.heart_stopped = False
    ended_well(rig, 1)


@pytest.mark.parametrize("what", ["switch_open", "loop_broken"])
def test_its_own_interlock_loop_opening_ends_the_beam(make_rig: MakeRig, what: str) -> None:
    """One switch open shows with the next down blink (0.5 s here), a broken loop at once; its shutter has closed by itself."""
    rig = beam(make_rig)
    setattr(rig.world.plant.generator, what, True)
    off_s = off_after(rig, 0.5 + WITHIN_S)
    assert off_s is not None and (what == "switch_open" or off_s <= WITHIN_S)
    setattr(rig.world.plant.generator, what, False)
    ended_well(rig, 1)


def test_what_a_fraction_costs_the_source_is_logged(make_rig: MakeRig) -> None:
    """The unit ends every fraction by K1, under current: the simulated source says what docs/drivers.md says."""
    rig = beam(make_rig)
    rig.stop()
    turn_until(rig, *ENDS)
    assert settle(rig) is State.STANDBY
    harmed = [what for _, who, what in rig.log() if who == "generator" and "harms the source" in what]
    assert len(harmed) == 1
