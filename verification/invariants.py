"""What must hold in every run, whatever was done to it: a table of predicates over a trace, each with its id and words; `check_all` asks them all.
It imports nothing of the controller and believes nothing that the program says of itself where the far side can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from verification.judges_beam import caps, containment, freshness, host_dead, lease, off_verified, reaction
from verification.judges_dose import channels, dose_fault, dose_no_fault, kill_survival, monotone, never_under, timer
from verification.judges_records import (
    audit,
    lease_of_desk,
    one_end,
    record_before_beam,
    resume_identity,
    ui_truth,
    void,
)
from verification.judges_start import binding, calibration, latch, no_re_on, once, permit, press, restart_safe, token
from verification.judges_wire import wire
from verification.story import Expectation, Found, Lasting, Story
from verification.trace import Trace

__all__ = ["INVARIANTS", "Broken", "Expectation", "Invariant", "Lasting", "check_all"]

MOST_PLACES: Final = 5
"""How many places of one invariant are told."""
SEEN: Final = "SEEN"
"""What is broken where nobody looked: a trace without ticks, or one that ends before its world does, holds nothing against anything."""
BLIND_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Broken:
    """One invariant that did not hold, when, and by what values."""

    invariant: str
    at_s: float
    words: str


Predicate = Callable[[Story], Found]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One row. `kind` is "obs" where it stands on what the program can see itself, so that interlocks/monitor.py may ask it live, else "true"."""

    id: str
    name: str
    words: str
    kind: str
    predicate: Predicate


def check_all(trace: Trace, expectation: Expectation | None = None) -> list[Broken]:
    """Every invariant that this trace breaks, each with the first few places where it does, in the table's order."""
    broken = list(_unseen(trace))
    if not trace.rows:
        return broken
    story = Story(trace, expectation or Expectation())
    for row in INVARIANTS:
        for number, (at_s, words) in enumerate(row.predicate(story)):
            if number >= MOST_PLACES:
                break
            broken.append(Broken(row.id, at_s, words))
    return broken


def _unseen(trace: Trace) -> Iterator[Broken]:
    if not trace.rows:
        yield Broken(SEEN, 0.0, "no tick was seen: what nobody looked at holds nothing")
    elif trace.log and trace.log[-1][0] > trace.rows[-1].t + BLIND_S:
        words = f"the last tick was seen at {trace.rows[-1].t:.2f} s, and the world went on to {trace.log[-1][0]:.2f} s"
        yield Broken(SEEN, trace.rows[-1].t, words)


INVARIANTS: Final = (
    Invariant(
        "1",
        "permit",
        "High voltage comes only after READY, with every rule true, contacts closed, an unused token, no latch, and a press at most 2 s ago.",
        "true",
        permit,
    ),
    Invariant(
        "2",
        "binding",
        "What was confirmed, recorded, planned, read back and truly held by the devices is the same set of integers while high voltage is on.",
        "true",
        binding,
    ),
    Invariant(
        "3",
        "containment",
        "High voltage outside STARTING, IRRADIATING and STOPPING has both contactors without current within T1 + T2, and is gone after.",
        "true",
        containment,
    ),
    Invariant(
        "4",
        "reaction",
        "A contact of the chain opens, or STOP comes: OFF leaves within T1, high voltage is gone within T1 + T2, or everything is cut; no ON after a STOP.",
        "true",
        reaction,
    ),
    Invariant(
        "5",
        "latch",
        "After an end, ON needs in this order a reset of what is latched (also by a process before), a load or resume, a new confirmation and a new token.",
        "obs",
        latch,
    ),
    Invariant(
        "6",
        "no automatic re-on",
        "As many ON leave on the wire and reach the generator as tokens were spent, each in the tick of its token.",
        "true",
        no_re_on,
    ),
    Invariant(
        "7",
        "freshness",
        "In beam no reading is older than its poll plan allows, by its own time of asking and by the unit's true scan number.",
        "true",
        freshness,
    ),
    Invariant(
        "8",
        "dose without fault",
        "Without any fault the true dose ends within 0.5 % or 1 cGy of D0.",
        "true",
        dose_no_fault,
    ),
    Invariant(
        "9",
        "dose with a fault",
        "Under any single fault the true dose is at most D0 (1 + e) + the beam's rate times T1, this rig's t2, its lease and its contactor's time.",
        "true",
        dose_fault,
    ),
    Invariant(
        "10",
        "caps",
        "True kV, mA, time and dose stay below the machine's limits, whatever the plan says.",
        "true",
        caps,
    ),
    Invariant(
        "11",
        "never under-report",
        "The high bound of each recorded exposure is at least its true dose less 0.1 cGy.",
        "true",
        never_under,
    ),
    Invariant(
        "12",
        "record before beam",
        "The START of a token is on the disk before its ON leaves.",
        "true",
        record_before_beam,
    ),
    Invariant(
        "13",
        "kill survival",
        "After a kill the records hold every exposure once, its dose within what nobody could see, in a whole chain.",
        "true",
        kill_survival,
    ),
    Invariant(
        "14",
        "restart safe",
        "A process begins in SELF_TEST; the first that it changes on each wire is OFF or DISARM; it leaves only with off read back by kV and the unit's "
        "HV_SEEN, which is of both chambers too, and with no true dose rate; it sets up and arms nothing before.",
        "true",
        restart_safe,
    ),
    Invariant(
        "15",
        "one end",
        "Each START has exactly one end; segments and rest add up to D0.",
        "true",
        one_end,
    ),
    Invariant(
        "16",
        "resume identity",
        "A resumed fraction has the same prescription, certificate, combination and software, and counts what was given before.",
        "true",
        resume_identity,
    ),
    Invariant(
        "17",
        "monotone",
        "Delivered dose, beam time and record numbers never fall within a segment; nothing starts on a timer that is no number above 0.",
        "obs",
        monotone,
    ),
    Invariant(
        "18",
        "timer",
        "True beam time ends at the timer's limit within 1 % or 0.1 s.",
        "true",
        timer,
    ),
    Invariant(
        "19",
        "two channels",
        "Channels that differ by more than 3 % or 1 cGy end the beam; so does one that stands at its ceiling, or counts nothing 1 s after high voltage.",
        "obs",
        channels,
    ),
    Invariant(
        "20",
        "off verified",
        "Each OFF is verified or called STUCK_ON in time; the desk is shown off only if high voltage is truly off.",
        "true",
        off_verified,
    ),
    Invariant(
        "21",
        "wire",
        "kV, mA, filament and the unit's status that are believed are those of the device between their question and now; no question but OFF leaves over an "
        "open one; ON is let out once for each token.",
        "true",
        wire,
    ),
    Invariant(
        "22",
        "desk truth",
        "What the desk is shown is the state of at most 1 s ago; what is confirmed is what was on offer, with the kV and mA that ON is given with.",
        "true",
        ui_truth,
    ),
    Invariant(
        "23",
        "desk lease",
        "One client at a time is obeyed: what another asks within 2 s of it is refused; STOP is taken from all, and ends what is set up or in beam within T1.",
        "obs",
        lease_of_desk,
    ),
    Invariant(
        "24",
        "audit",
        "Each change of state and whatever was granted to a person is in the journal once, in order, each START, end and latch once, each reset of a latch "
        "with who had asked for it in which role and why; its chain is whole; no site key stands in the records, and no patient in words.",
        "true",
        audit,
    ),
    Invariant(
        "25",
        "calibration",
        "Beam comes only by the certificate that the rig was built with, truly signed and in force, with a combination of it whose applicator and filter are "
        "fitted; a patient's only after a signed check of that day, where the records ask for one: most simulated rigs waive it.",
        "true",
        calibration,
    ),
    Invariant(
        "TOKEN",
        "token after START",
        "No token is armed before its START is on the disk.",
        "true",
        token,
    ),
    Invariant(
        "LEASE",
        "lease by permit",
        "The unit's lease is renewed only if the tick before let HOLD or ON out over a verdict that permits, at most 1.5 ticks + 5 ms ago.",
        "true",
        lease,
    ),
    Invariant(
        "PRESS",
        "K1 by a press",
        "K1 is told to close only after the beam-on switch was pressed, self-tests of the unit apart.",
        "true",
        press,
    ),
    Invariant(
        "ONCE",
        "ON once",
        "No more than one ON leaves on the wire for one token.",
        "true",
        once,
    ),
    Invariant(
        "DEAD",
        "host dead",
        "With the host dead or frozen K1 opens by the lease, K2 by T2 after it, and high voltage goes.",
        "true",
        host_dead,
    ),
    Invariant(
        "VOID",
        "expired READY",
        "A READY that ends without a press leaves a VOID of its token, and no dose.",
        "true",
        void,
    ),
)
"""Numbers are those of the design's list; the names in capitals are the ones that were added to it."""
