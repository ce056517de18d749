"""A fraction in pieces is one fraction: whatever interrupts it, over restarts, power cuts and midnights, the rest is given and no more.
And a start begins nothing by itself: it is SELF_TEST with off proved, whatever was under way, and a press gives no beam until somebody confirms anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import pytest
from refusal_bench import MakeRig, slice_of

from controller.requests import Reset
from controller.states import State
from verification.reach import BRING, confirm_as_offered, exposures, load, ons, state, to_beam, turn_until, wrong
from verification.virtual import VirtualRig

MIDNIGHT_S: Final = 86_400.0


def _stop(rig: VirtualRig) -> None:
    rig.stop()
    turn_until(rig, State.INTERRUPTED)


def _door(rig: VirtualRig) -> None:
    rig.fault("door-open", 0.5)
    turn_until(rig, State.INTERRUPTED)
    rig.wait(1.0)
    assert rig.ask(Reset("operator", "O. Perator", "the door is closed")).ok


def _killed(rig: VirtualRig) -> None:
    rig.kill_host()
    rig.wait(0.5)
    rig.start_host()


def _both_killed(rig: VirtualRig) -> None:
    rig.kill_host()
    rig.kill_recorder()
    rig.wait(0.5)
    rig.start_recorder()
    rig.start_host()


def _power(rig: VirtualRig) -> None:
    rig.power_cut()
    rig.wait(5.0)
    rig.power_on()


CUTS: Final[tuple[Callable[[VirtualRig], None], ...]] = (_stop, _door, _killed, _both_killed, _power)


@pytest.mark.parametrize("seed", slice_of(range(8), lambda seed: seed == 4))
def test_a_fraction_in_any_pieces_sums_to_what_was_ordered(make_rig: MakeRig, seed: int) -> None:
    """By the world's truth: never more than 1 % or 1 cGy above the order, and as little below it where no power was lost, but for what the records charge of
    pieces whose dose is not GOOD: that is not given again."""
    draw = random.Random(seed)
    rig, cuts = make_rig(seed=seed + 1), draw.sample(CUTS, draw.randint(2, 4))
    resume = ""
    for cut in cuts:
        to_beam(rig, draw.uniform(0.2, 1.2), resume, physicist=bool(resume))
        assert ons(rig) == len([e for e in exposures(rig) if not e["void"]])
        cut(rig)
        steps = draw.random() < 0.5
        turn_until(rig, State.STANDBY, State.INTERRUPTED)
        rig.wait(1.5)
        if steps:
            # a clock that is set is known to a new process alone (docs/records.md)
            rig.clock.wall_step_s += MIDNIGHT_S
            rig.kill_host()
            rig.start_host()
            turn_until(rig, State.STANDBY)
            rig.wait(1.5)
        resume = f"after {cut.__name__}"
    to_beam(rig, 0.0, resume, physicist=True)
    turn_until(rig, State.TERMINATED)
    rig.wait(0.5)
    assert rig.loop is not None and rig.loop.dossier.case.settings is not None
    d0, truly = rig.loop.dossier.case.settings.d0_mgy, rig.truth()["dose_mgy"]
    band = max(0.01 * d0, 10.0)
    assert truly <= d0 + band, (cuts, truly, d0)
    charged = sum(e["high_mgy"] - e["delivered_mgy"] for e in exposures(rig) if e["quality"] != "GOOD")
    assert truly >= (0.75 * d0 if _power in cuts else d0 - band - charged), (cuts, truly, d0, charged)
    assert wrong(rig, presses=len(cuts) + 1) == []
    assert len({e["token"] for e in exposures(rig)}) == len(cuts) + 1


def test_what_is_shown_of_a_degraded_fraction_is_what_is_recorded(make_rig: MakeRig) -> None:
    """The host was killed in beam, and its resume counts from the high bound: before, during and after it the page shows the dose that the records sum
    up, and not the bound; and what is delivered in the end is less than D0 by what the bound held above it."""
    rig = make_rig()
    to_beam(rig, 3.0)
    _killed(rig)
    turn_until(rig, State.STANDBY)
    rig.wait(0.5)
    (first,) = exposures(rig)
    above = first["high_mgy"] - first["delivered_mgy"]
    assert first["quality"] == "DEGRADED" and above > 2.0
    load(rig, "started again")
    shown = rig.until(lambda s: s.offer is not None and s.dose is not None, 5.0, "an offer")
    assert shown.dose is not None and shown.offer is not None
    assert shown.dose.delivered_mgy == pytest.approx(first["delivered_mgy"], abs=1e-6)
    assert shown.offer.rest_mgy == pytest.approx(shown.offer.d0_mgy - first["high_mgy"], abs=1e-6)
    confirm_as_offered(rig)
    turn_until(rig, State.READY)
    rig.press()
    turn_until(rig, State.TERMINATED)
    ended = rig.until(lambda s: s.ended is not None and s.ended.durable, 5.0, "the end").ended
    assert ended is not None
    (fraction,) = rig.records()
    told = (ended.dose.delivered_mgy, ended.dose.low_mgy, ended.dose.high_mgy)
    assert told == pytest.approx((fraction["delivered_mgy"], fraction["low_mgy"], fraction["high_mgy"]), abs=1e-6)
    assert ended.dose.d0_mgy - ended.dose.delivered_mgy == pytest.approx(above, abs=1.5)
    assert wrong(rig, presses=2) == []


def test_the_rest_that_is_shown_is_the_rest_that_a_resume_offers(make_rig: MakeRig) -> None:
    """Of a degraded fraction, whose resume counts from the high bound: at its second interruption the end says what the next resume is to give, to the
    same number, and not what would be left by what was delivered."""
    rig = make_rig()
    to_beam(rig, 3.0)
    _killed(rig)
    turn_until(rig, State.STANDBY)
    rig.wait(0.5)
    to_beam(rig, 2.0, "started again")
    _stop(rig)
    ended = rig.until(lambda s: s.ended is not None and s.ended.durable, 5.0, "the end").ended
    assert ended is not None and ended.dose.quality == "DEGRADED"
    assert ended.rest_mgy < ended.dose.d0_mgy - ended.dose.delivered_mgy - 2.0
    load(rig, "stopped", physicist=True)
    shown = rig.until(lambda s: s.offer is not None, 5.0, "an offer")
    assert shown.offer is not None and shown.offer.rest_mgy == pytest.approx(ended.rest_mgy, abs=1e-6)


@pytest.mark.parametrize("at", slice_of(BRING, lambda at: at is State.IRRADIATING))
def test_a_start_begins_nothing_by_itself(make_rig: MakeRig, at: State) -> None:
    """SELF_TEST first, off proved by contactor, read-back and both chambers; then STANDBY, and presses in plenty give no beam."""
    rig = make_rig()
    BRING[at](rig)
    before = ons(rig)
    rig.kill_host()
    rig.wait(1.0)
    rig.start_host()
    assert state(rig) is State.SELF_TEST
    proved, seen = False, set()
    for turn in range(600):
        rig.turn()
        if turn % 40 == 0:
            rig.press()
        assert rig.loop is not None
        seen.add(state(rig))
        tests = rig.loop.dossier.tests
        proved = proved or (tests.off_since_s is not None and rig.now_s() - tests.off_since_s >= 1.0)
        assert proved or state(rig) is not State.STANDBY
    assert proved and seen <= {State.SELF_TEST, State.STANDBY}
    assert ons(rig) == before and not rig.truth()["hv_on"]


LATCHED: Final = (
    ("door-open", "door", "operator"),
    ("chamber-supply-lost", "chamber_supply", "physicist"),
    ("test-pulse-lost", "test_pulse", "service"),
)


@pytest.mark.parametrize(("fault", "rule", "role"), slice_of(LATCHED, lambda _: False))
def test_a_latch_survives_restart_and_power_loss_and_goes_by_its_role(
    make_rig: MakeRig, fault: str, rule: str, role: str
) -> None:
    """Each class: with host and recorder dead, and with the power gone, it is there again; other roles do not clear it, its own does."""
    rig = make_rig()
    to_beam(rig, 0.5)
    rig.fault(fault, 0.6)
    turn_until(rig, State.INTERRUPTED, State.FAULT)
    rig.wait(1.5)
    for again in (_both_killed, _power):
        again(rig)
        turn_until(rig, State.FAULT)
        assert rig.loop is not None
        assert rule in {latch.rule for latch in rig.loop.dossier.latches}
    rig.wait(0.5)
    others = {"operator": (), "physicist": ("operator", "service"), "service": ("operator", "physicist")}[role]
    for other in others:
        rig.ask(Reset(other, "N. Obody", "let me"))
        turn_until(rig, State.FAULT)
        rig.wait(0.3)
        assert rig.loop is not None
        assert rule in {latch.rule for latch in rig.loop.dossier.latches}
    for mine in (role, "physicist", "service"):
        if state(rig) is State.FAULT:
            rig.ask(Reset(mine, "R. Ight", "its cause is gone"))
            turn_until(rig, State.FAULT, State.STANDBY)
            rig.wait(0.3)
    turn_until(rig, State.STANDBY)
