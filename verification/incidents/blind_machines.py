"""Radiation machines that did not see what they did, as plays: contact was lost, no source came, a switch moved with its stop, a meter stood still."""

from __future__ import annotations

from typing import Final

from controller.states import State
from verification import papers
from verification.incident import Theatre
from verification.incidents.shared import WITHIN_MGY, clear_latches, d0_of, end_of_beam, must_be_given
from verification.reach import exposures, ons, patient, state, to_beam, to_ready, turn_until
from verification.scenarios import MOST_MGY_PER_S
from verification.story import Expectation

LINK_LOST: Final = ("unit_link", "unit:LEASE")
"""Who is first to notice that the safety unit's link is gone."""
NO_BEAM: Final = ("no_dose", "no_signal", "kv_low", "kv_steady", "beam_lost", "unit:NO_DOSE", "unit:START_WINDOW")
NO_BEAM_S: Final = 2.0
BY_DOSE: Final = ("dose_model", "dose_rate_low", "dose_timer", "unit:RATE")
BY_DOSE_S: Final = 2.0
"""What still tells that output has fallen when no read-back does, and within which time."""
ANOTHER_APPLICATOR: Final = 1.2
"""The dose rate at the end of a shorter applicator against the confirmed one."""


def bumped_table(theatre: Theatre) -> None:
    """The link is lost for 0.1 to 10 s in beam: no beam by itself when it comes back, and the rest is exact."""
    for gap_s in (0.1, 0.3, 1.0, 3.0, 10.0):
        rig = theatre.rig()
        to_beam(rig, 1.5)
        rig.fault("unit-wire-half-open", gap_s)
        until_s = rig.now_s() + gap_s + 2.0
        ended_by = end_of_beam(rig)
        rig.wait(max(0.0, until_s - rig.now_s()))
        theatre.must(not rig.truth()["hv_on"], f"beam {gap_s} s after the link was lost")
        before = ons(rig)
        theatre.must(before == 1, f"{before} ON")
        theatre.must(
            ended_by in LINK_LOST, f"a gap of {gap_s} s: ended by {ended_by!r}, not by {' or '.join(LINK_LOST)}"
        )
        clear_latches(rig)
        to_beam(rig, 0.0, resume="the cable was put back", physicist=True)
        d0 = d0_of(rig)
        turn_until(rig, State.TERMINATED)
        must_be_given(theatre, rig, d0, f"a gap of {gap_s} s, resumed")
        theatre.finish(rig, 2)


def no_source(theatre: Theatre) -> None:
    """ON is taken and no high voltage comes: the timer does not run on, the beam ends, and the dose is what was measured."""
    rig = theatre.rig()
    to_ready(rig)
    rig.fault("hv-never-rises")
    rig.press()
    turn_until(rig, State.STARTING)
    begun = rig.now_s()
    ended_by = end_of_beam(rig)
    took_s = rig.now_s() - begun
    turn_until(rig, State.INTERRUPTED, State.FAULT, State.STUCK_ON, within=600)
    rig.wait(0.5)
    theatre.say(f"ended as {state(rig).value} by {ended_by} after {took_s:.2f} s")
    theatre.must(ended_by in NO_BEAM, f"ended by {ended_by!r}, not by {' or '.join(NO_BEAM)}")
    theatre.must(took_s <= NO_BEAM_S, f"the timer ran on for {took_s:.2f} s without a source, bound {NO_BEAM_S} s")
    kept = exposures(rig)
    theatre.must(
        bool(kept) and kept[0]["delivered_mgy"] < 1.0,
        f"{kept and kept[0]['delivered_mgy']} mGy are recorded of no beam",
    )
    rig.mend("hv-never-rises")
    theatre.finish(rig, 1)


def iba(theatre: Theatre) -> None:
    """The code says the confirmed applicator and another is on: no switch can tell. What the chambers and the model still bound is shown, and that a
    measurement from end to end would stop it."""
    rig = theatre.rig()
    to_ready(rig)
    confirmed, d0 = rig.truth()["applicator"], d0_of(rig)
    rig.fault("applicator-code-lies")
    rig.press()
    turn_until(rig, State.TERMINATED, State.INTERRUPTED, State.FAULT, within=4000)
    rig.wait(0.5)
    truth = rig.truth()
    true, kept = truth["dose_mgy"], exposures(rig)[0]
    part = true / d0 - 1.0
    theatre.say(
        f"{state(rig).value} with truly {true:.1f} of {d0:.1f} mGy, {kept['delivered_mgy']:.1f} in the records: "
        "only a measurement from end to end finds this"
    )
    theatre.must(truth["applicator"] != confirmed, f"the confirmed applicator {confirmed} is still the one that is on")
    theatre.must(abs(part) > papers.STOP_PART, f"truly {part:+.1%}: no measurement from end to end would stop that")
    theatre.must(abs(part) < ANOTHER_APPLICATOR - 1.0, f"truly {part:+.1%}: more than another applicator can do")
    theatre.must(state(rig) is State.TERMINATED, f"{state(rig).value}: a switch or a chamber told what none can tell")
    said = abs(kept["delivered_mgy"] - d0)
    theatre.must(
        said <= WITHIN_MGY, f"the records say {kept['delivered_mgy']:.1f} mGy of {d0:.1f}: the chambers bound nothing"
    )
    theatre.finish(rig, 1, Expectation(rate_mgy_per_s=ANOTHER_APPLICATOR * MOST_MGY_PER_S), unseen=True)


def zaragoza(theatre: Theatre) -> None:
    """The read-backs stand still at good values while kV falls by 15 %: dose tells, the beam ends, and off is not believed of a meter that stands still."""
    rig = theatre.rig()
    to_beam(rig, 1.0, p=patient(1, 1400.0))
    before = rig.truth()
    rig.fault("readback-frozen")
    rig.fault("kv-undershoot")
    begun = rig.now_s()
    rig.wait(0.3)
    fell, read = rig.truth()["kv"] / before["kv"] - 1.0, rig.snapshot()
    read_kv = read.kv if read is not None and read.kv is not None else 0.0
    theatre.must(fell < -0.1, f"kV went by {fell:+.1%}, not by -15 %")
    theatre.must(
        abs(read_kv / before["kv"] - 1.0) < 0.02, f"the read-back shows {read_kv:.1f} kV, it does not stand still"
    )
    ended = end_of_beam(rig, within=6000)
    took_s = rig.now_s() - begun
    turn_until(rig, State.TERMINATED, State.INTERRUPTED, State.FAULT, State.STUCK_ON, within=6000)
    d0 = d0_of(rig)
    true = rig.truth()["dose_mgy"]
    theatre.say(f"{state(rig).value} by {ended} {took_s:.2f} s after kV fell, truly {true:.1f} of {d0:.1f} mGy")
    theatre.must(ended in BY_DOSE, f"ended by {ended!r}, not by {' or '.join(BY_DOSE)}")
    theatre.must(took_s <= BY_DOSE_S, f"ended {took_s:.2f} s after kV fell, bound {BY_DOSE_S} s")
    theatre.must(true < 0.5 * d0, f"truly {true:.1f} mGy of {d0:.1f}: it went on to its end")
    for fault in ("readback-frozen", "kv-undershoot"):
        rig.mend(fault)
    theatre.finish(rig, 1, Expectation(part=0.05))
