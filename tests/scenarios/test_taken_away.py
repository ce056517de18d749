"""Everything that an exposure stands on taken away, at every point of it: the host killed between two ticks and within one, frozen, the recorder killed,
the unit or the generator restarted. No beam without a press, one end for each START, and no dose said lower than it was."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig, slice_of

from controller.channels import uncounted_tail_mgy
from controller.requests import Confirm, Edit
from controller.states import State
from verification.reach import (
    BRING,
    exposures,
    ons,
    send,
    settle,
    state,
    to_arming,
    to_beam,
    to_ready,
    turn_until,
    wrong,
)
from verification.virtual import VirtualRig

STATES = tuple(BRING)


class Killed(BaseException):
    """The process ends here, in the middle of a tick."""


def _dies(*_args: object, **_kwargs: object) -> None:
    raise Killed


def kill_within(rig: VirtualRig, part: str) -> None:
    """kill -9 in the next tick, at the call of this part of it; what the tick did before that has been done."""
    if part:
        owner: object = rig.loop
        *path, last = part.split(".")
        for name in path:
            owner = getattr(owner, name)
        setattr(owner, last, _dies)
        with pytest.raises(Killed):
            rig.turn()
    rig.kill_host()


def after_restart(rig: VirtualRig, presses: int, down_s: float) -> None:
    """A new host after some seconds: it finds one end for the one START, and wants no beam of its own."""
    rig.wait(down_s)
    assert not rig.truth()["hv_on"], "the unit did not cut the beam of a dead host"
    before = ons(rig)
    rig.start_host()
    turn_until(rig, State.STANDBY)
    rig.wait(0.5)
    assert ons(rig) == before
    assert wrong(rig, presses) == []
    assert len(exposures(rig)) == 1


PARTS = ("", "gate.look", "exposure.step", "dossier.moved", "dossier.waiting", "gate.pass_on", "_record", "")
LEAKED_MGY = 0.4
TICKS_OF_ARMING = (0, 1, 2, 3, 5, 9, 20, 30)
TICKS_OF_READY = (0, 1, 5)
TICKS_FROM_PRESS = (1, 2, 3, 4, 6, 8, 12, 20, 30, 50, 120)


@pytest.mark.parametrize("ticks", slice_of(TICKS_OF_ARMING, lambda ticks: ticks in (0, 2, 3, 20)))
def test_a_host_killed_in_arming_leaves_a_void(make_rig: MakeRig, ticks: int) -> None:
    """Before and after the START is durable, before and after ARM: VOID, by what the unit says."""
    rig = make_rig()
    to_arming(rig)
    for _ in range(ticks):
        rig.turn()
    kill_within(rig, PARTS[ticks % len(PARTS)])
    after_restart(rig, 0, 0.05 if ticks % 2 else 2.0)
    assert exposures(rig)[0]["void"]


def test_a_host_killed_in_the_tick_of_confirm_has_no_start_or_a_void(make_rig: MakeRig) -> None:
    """Dead before, at and after the START goes into the ring: at most one exposure, and it is VOID."""
    for part in ("exposure.step", "dossier.moved", "gate.pass_on"):
        rig = make_rig()
        BRING[State.PREPARATORY](rig)
        rig.until(lambda s: s.offer is not None, 5.0, "an offer")
        assert rig.loop is not None
        case = rig.loop.dossier.case
        assert case.settings is not None
        send(rig, Confirm(case.offer_id, case.settings.digest))
        kill_within(rig, part)
        rig.wait(0.5)
        rig.start_host()
        turn_until(rig, State.STANDBY)
        assert wrong(rig, 0) == []
        assert all(e["void"] for e in exposures(rig))
        assert len(exposures(rig)) == (part == "gate.pass_on")


@pytest.mark.parametrize("ticks", TICKS_OF_READY)
def test_a_host_killed_in_ready_leaves_a_void_or_nothing_to_speak_of(make_rig: MakeRig, ticks: int) -> None:
    """Armed and not pressed: VOID. Pressed after its death while the lease still runs: no ON, so no beam, but the unit's counters are no longer
    those of the START, and a count of leakage is taken for dose rather than forgotten; with it what K1 alone may let through, for nobody read the counters
    again before the cable had emptied."""
    rig = make_rig()
    to_ready(rig)
    for _ in range(ticks):
        rig.turn()
    kill_within(rig, PARTS[ticks])
    if ticks:
        rig.press()
    after_restart(rig, 0, 2.0)
    (exposure,) = exposures(rig)
    used = rig.blob.certificate.combinations[0]
    most_mgy = LEAKED_MGY + uncounted_tail_mgy(used.tail_mgy, used.r0_mgy_per_s)
    assert exposure["void"] or (ticks and exposure["high_mgy"] < most_mgy)


@pytest.mark.parametrize("ticks", slice_of(TICKS_FROM_PRESS, lambda ticks: ticks in (1, 2, 3, 8, 30, 120)))
def test_a_host_killed_from_the_press_on_leaves_a_partial(make_rig: MakeRig, ticks: int) -> None:
    """In the tick of ON, in the ramp, in the beam: the lease ends it, and the unit's counters say how much it was."""
    rig = make_rig()
    to_ready(rig)
    rig.press()
    for _ in range(ticks):
        rig.turn()
    kill_within(rig, PARTS[ticks % len(PARTS)])
    after_restart(rig, 1, 1.2)


@pytest.mark.parametrize(
    ("at", "part"),
    slice_of(
        [
            (at, part)
            for at in (State.STOPPING, State.INTERRUPTED, State.TERMINATED)
            for part in ("", "dossier.moved", "gate.pass_on")
        ],
        lambda case: case[0] is State.STOPPING or case[1] == "dossier.moved",
    ),
)
def test_a_host_killed_around_the_end_leaves_one_end(make_rig: MakeRig, at: State, part: str) -> None:
    """In STOPPING, in the tick in which the TERMINAL is written or the next, and before the unit is reset."""
    rig = make_rig()
    to_beam(rig, 0.6)
    if at is State.TERMINATED:
        turn_until(rig, State.TERMINATED)
    else:
        rig.stop()
        turn_until(rig, State.STOPPING)
        rig.turn()
        if at is State.INTERRUPTED:
            turn_until(rig, State.INTERRUPTED)
    kill_within(rig, part)
    after_restart(rig, 1, 1.2)


@pytest.mark.parametrize("at", [State.ARMING, State.READY, State.STARTING, State.IRRADIATING, State.STOPPING])
def test_host_and_recorder_killed_together(make_rig: MakeRig, at: State) -> None:
    """Both gone, both started again, the recorder second: one end, and no dose lost."""
    rig = make_rig()
    BRING[at](rig)
    rig.kill_recorder()
    kill_within(rig, "gate.pass_on")
    rig.wait(1.0)
    rig.start_host()
    rig.wait(0.5)
    assert state(rig) is State.SELF_TEST
    rig.start_recorder()
    turn_until(rig, State.STANDBY)
    assert wrong(rig, 1) == []
    assert len(exposures(rig)) == 1


GOES_ON = {State.READY: State.READY, State.STARTING: State.IRRADIATING, State.IRRADIATING: State.IRRADIATING}
"""Where an exposure is a second after it was there, if nothing ended it."""


@pytest.mark.parametrize(
    ("at", "down_s"),
    slice_of(
        [(at, down_s) for at in STATES for down_s in (0.3, 4.0)],
        lambda case: case[0] is State.ARMING or case == (State.IRRADIATING, 0.3),
    ),
)
def test_a_recorder_killed_and_started_again(make_rig: MakeRig, at: State, down_s: float) -> None:
    """Back within 0.5 s nothing is lost and nothing ends; later than that every beam and every permission is gone."""
    rig = make_rig()
    BRING[at](rig)
    presses = 0 if at in (State.SELF_TEST, State.STANDBY, State.PREPARATORY, State.ARMING, State.READY) else 1
    rig.kill_recorder()
    rig.wait(down_s)
    if down_s > 1.0:
        assert not rig.truth()["hv_on"]
        assert state(rig) not in (State.ARMING, State.READY, State.STARTING, State.IRRADIATING)
    rig.start_recorder()
    rig.wait(0.5)
    if down_s < 0.5 and at in GOES_ON:
        assert state(rig) is GOES_ON[at], "it ended what it was back for in time"
    assert settle(rig) in (State.STANDBY, State.IRRADIATING)
    if state(rig) is State.IRRADIATING:
        rig.stop()
        assert settle(rig) is State.STANDBY
    assert wrong(rig, presses) == []
    assert len(exposures(rig)) == (at not in (State.SELF_TEST, State.STANDBY, State.PREPARATORY))


@pytest.mark.parametrize(
    ("at", "stands_s"),
    slice_of(
        [(at, stands_s) for at in STATES for stands_s in (0.25, 2.0)],
        lambda case: case in ((State.READY, 2.0), (State.STARTING, 2.0), (State.IRRADIATING, 0.25)),
    ),
)
def test_a_frozen_host_goes_on_with_nothing(make_rig: MakeRig, at: State, stands_s: float) -> None:
    """Stopped and continued: the unit has cut the beam within its lease, and nothing goes on, whatever the thawed process still had in hand."""
    rig = make_rig()
    BRING[at](rig)
    beam = at in (State.STARTING, State.IRRADIATING)
    before = ons(rig)
    rig.freeze_host()
    rig.press()
    rig.wait(0.4 if stands_s < 1.0 else stands_s)
    assert not rig.truth()["hv_on"], "the unit did not cut the beam of a frozen host"
    rig.thaw_host()
    for _ in range(200):
        rig.turn()
        assert state(rig) not in (State.STARTING, State.IRRADIATING) or not rig.truth()["hv_on"]
    assert ons(rig) == before
    assert state(rig) in (State.FAULT, State.STANDBY, State.SELF_TEST)
    assert state(rig) is State.FAULT or not beam
    assert settle(rig) is State.STANDBY
    assert wrong(rig, before) == []


@pytest.mark.parametrize(
    ("at", "what"),
    slice_of(
        [(at, what) for at in STATES for what in ("unit-rebooted", "generator-rebooted")],
        lambda case: case[0] in (State.ARMING, State.READY),
    ),
)
def test_a_device_that_restarts(make_rig: MakeRig, at: State, what: str) -> None:
    """In any state: beam and permission are gone within half a second and do not come back by themselves; the record holds one end."""
    rig = make_rig()
    BRING[at](rig)
    before = ons(rig)
    rig.fault(what)
    rig.wait(0.5)
    assert not rig.truth()["hv_on"]
    assert state(rig) not in (State.READY, State.STARTING, State.IRRADIATING)
    rig.press()
    rig.wait(3.0)
    assert ons(rig) == before
    if state(rig) in (State.PREPARATORY, State.READY):
        assert rig.ask(Edit()).ok
    assert settle(rig) is State.STANDBY
    assert wrong(rig, before) == []
    assert len(exposures(rig)) == (at not in (State.SELF_TEST, State.STANDBY, State.PREPARATORY))
