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
    """One row. `kind` says what it is judged by: "true", the world; "left", what came to the program or left it, on wires, desk and disk; "obs", what the
    program itself sees and says, so that interlocks/monitor.py may ask that live. `lets` is what it lets pass: each tolerance that `words` do not tell."""

    id: str
    name: str
    words: str
    kind: str
    lets: str
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
        "true, obs",
        "Verdict, state and latches are the program's own. READY may have lasted two ticks more than 60 s. Of bought I/O in the unit's place no "
        "contact is asked.",
        permit,
    ),
    Invariant(
        "2",
        "binding",
        "What was confirmed, recorded, planned, read back and truly held by the devices is the same set of integers while high voltage is on.",
        "true, left, obs",
        "What the supply holds is asked of the spellman-xrv alone. A change with high voltage on may stand for T1 + T2, the supply's for the age of "
        "its read-back more.",
        binding,
    ),
    Invariant(
        "3",
        "containment",
        "High voltage outside STARTING, IRRADIATING and STOPPING has both contactors without current within T1 + T2, and is gone after.",
        "true",
        "A dead host's lease stands in T1's place. Then 50 ms of a contactor and the certified discharge; of a plant that cannot be switched off, "
        "that both coils are off.",
        containment,
    ),
    Invariant(
        "4",
        "reaction",
        "A contact of the chain opens, or STOP comes: OFF leaves within T1, high voltage is gone within T1 + T2, or everything is cut; no ON after a STOP.",
        "true, obs",
        "OFF a tick after T1. 0.15 s of fall after T1 + T2, or the certified discharge where both coils are off; of a plant that cannot be switched "
        "off, that both are.",
        reaction,
    ),
    Invariant(
        "5",
        "latch",
        "After an end, ON needs in this order a reset of what is latched (also by a process before), a load or resume, a new confirmation and a new token.",
        "obs",
        "A tick between an end and what followed it.",
        latch,
    ),
    Invariant(
        "6",
        "no automatic re-on",
        "As many ON leave on the wire and reach the generator as tokens were spent, each in the tick of its token.",
        "left, true",
        "What reached the generator is not asked in a run in which anything was done to its wire or answers. ON on the wire 0.3 s, at the generator "
        "0.5 s after the gate.",
        no_re_on,
    ),
    Invariant(
        "7",
        "freshness",
        "In beam no reading is older than its poll plan allows, by its own time of asking and by the unit's true scan number.",
        "obs, true",
        "The age of the poll plan and two ticks, at least T1, and a tick: 110 ms at 100 Hz where the plan is faster. By the true scan number T1 and "
        "three ticks more.",
        freshness,
    ),
    Invariant(
        "8",
        "dose without fault",
        "Without any fault the true dose ends within 0.5 % or 1 cGy of D0.",
        "true",
        "Any fault at all, and any process that ended, leaves it to 9. What is not COMPLETE may be short.",
        dose_no_fault,
    ),
    Invariant(
        "9",
        "dose with a fault",
        "Under any single fault the true dose is at most D0 (1 + e) + the beam's rate times T1, this rig's t2, its lease and its contactor's time.",
        "true",
        "e is 3 % for a fault of one chamber, 5 % for one that all share; the rate is 1.25 R0, or the highest that was where the beam is not the "
        "confirmed one.",
        dose_fault,
    ),
    Invariant(
        "10",
        "caps",
        "True kV, mA, time and dose stay below the machine's limits, whatever the plan says.",
        "true",
        "kV and mA may be half a percent above, and by any amount for T1 + T2. Time by 4 % or 1 s, and T1.",
        caps,
    ),
    Invariant(
        "11",
        "never under-report",
        "The high bound of each recorded exposure is at least its true dose less 0.1 cGy.",
        "true, left",
        "Asked where a recorder runs at the end.",
        never_under,
    ),
    Invariant(
        "12",
        "record before beam",
        "The START of a token is on the disk before its ON leaves.",
        "left",
        "Nothing: ON is counted from the gate, before its bytes.",
        record_before_beam,
    ),
    Invariant(
        "13",
        "kill survival",
        "After a kill the records hold every exposure once, its dose within what nobody could see, in a whole chain.",
        "true, left",
        "0.5 s of journal, the lease with its contactor, two ticks, and what a broken wire kept unheard, all at 1.25 R0, and 0.5 cGy. No upper bound "
        "where a chamber had failed and the dose is told as UNKNOWN, if its low bound holds; so told, with high voltage latched as not proved off, the time "
        "from 0.4 s before the latch until the next process tells what the unit retains is charged too, and without end where a clock was set.",
        kill_survival,
    ),
    Invariant(
        "14",
        "restart safe",
        "A process begins in SELF_TEST; the first that it changes on each wire is OFF or DISARM; it leaves only with off read back by kV and the unit's "
        "HV_SEEN, which is of both chambers too, and with no true dose rate; it sets up and arms nothing before.",
        "left, obs, true",
        "Readings of 250 ms, kV on a slower wire as old as its plan and a tick, T2 at most. 0.1 mGy/s over 0.1 s. Of bought I/O only the generator's "
        "wire is asked.",
        restart_safe,
    ),
    Invariant(
        "15",
        "one end",
        "Each START has exactly one end; segments and rest add up to D0.",
        "left",
        "Sums within 0.01 mGy. The rest within 0.5 mGy, and only where the dose is GOOD. Asked where a recorder runs and the rig has come to rest.",
        one_end,
    ),
    Invariant(
        "16",
        "resume identity",
        "A resumed fraction has the same prescription, certificate, combination and software, and counts what was given before.",
        "left",
        "Sums of before within 0.1 % or 0.5 mGy.",
        resume_identity,
    ),
    Invariant(
        "17",
        "monotone",
        "Delivered dose, beam time and record numbers never fall within a segment; nothing starts on a timer that is no number above 0.",
        "obs",
        "0.05 mGy of leakage. A dose that was told as its upper bound may fall to what was certain, and to no less than the truth. Across processes "
        "nothing is asked.",
        monotone,
    ),
    Invariant(
        "18",
        "timer",
        "True beam time ends at the timer's limit within 1 % or 0.1 s.",
        "true, obs",
        "0.2 s for each ON, of contactor and cable; T1 + T2 + T3 where the plant cannot be switched off.",
        timer,
    ),
    Invariant(
        "19",
        "two channels",
        "Channels that differ by more than 3 % or 1 cGy end the beam; so does one that stands at its ceiling, or counts nothing 1 s after high voltage.",
        "obs",
        "0.2 s more than each of its times, 2 % more than the band. A dry run may count 60. Only of the unit of our own.",
        channels,
    ),
    Invariant(
        "20",
        "off verified",
        "Each OFF is verified or called STUCK_ON in time; the desk is shown off only if high voltage is truly off.",
        "obs, true",
        "The larger of T2 and the certified discharge, T3, and 1.5 s of settling. A dry run's cable may take 90 s while it empties. Off may be shown "
        "up to 5 kV.",
        off_verified,
    ),
    Invariant(
        "21",
        "wire",
        "kV, mA, filament and the unit's status that are believed are those of the device between their question and now; no question but OFF leaves over an "
        "open one; ON is let out once for each token.",
        "true, left",
        "2 % of full scale, 0.1 A of filament; of the unit what two changes between two ticks hide, and a door that bounces. A device may answer from "
        "30 ms before its question, a filament be 2 s older. What seals a wrong value with a right checksum excuses the generator's values, a drifted "
        "shunt mA alone, a frozen scan the unit's. A question 15 ms after another is one after its time-out.",
        wire,
    ),
    Invariant(
        "22",
        "desk truth",
        "What the desk is shown is the state of at most 1 s ago; what is confirmed is what was on offer, with the kV and mA that ON is given with.",
        "left, obs",
        "Snapshots as they come to the desk, not the pages made of them (tests/console). A snapshot of a time in which the host was frozen is not "
        "asked for its state.",
        ui_truth,
    ),
    Invariant(
        "23",
        "desk lease",
        "One client at a time is obeyed: what another asks within 2 s of it is refused; STOP is taken from all, and ends what is set up or in beam within T1.",
        "left",
        "50 ms around the end of a lease of 2 s. Who has logged in is the console's, and no part of these worlds.",
        lease_of_desk,
    ),
    Invariant(
        "24",
        "audit",
        "Each change of state and whatever was granted to a person is in the journal once, in order, each START, end and latch once, each reset of a latch "
        "with who had asked for it in which role and why; its chain is whole; no site key stands in the records, and no patient in words.",
        "left, obs",
        "The last 1.5 s of a run, and 0.5 s before a power cut. A reset that is asked again and changes nothing. Logins and orders have chains of "
        "their own (console/access), and no world holds a PIN, a password or a full name: none is looked for.",
        audit,
    ),
    Invariant(
        "25",
        "calibration",
        "Beam comes only by the certificate that the rig was built with, truly signed and in force, with a combination of it whose applicator and filter are "
        "fitted; a patient's only after a signed check of that day, where the records ask for one: most simulated rigs waive it.",
        "true, left",
        "Certificates are the examples' and those of verification/certificates: a change against the last one, and second persons, are calibration's "
        "own tests. A name plate may serve what is no patient's and no day's check.",
        calibration,
    ),
    Invariant(
        "TOKEN",
        "token after START",
        "No token is armed before its START is on the disk.",
        "left",
        "Nothing: the token is counted from the gate, before its bytes.",
        token,
    ),
    Invariant(
        "LEASE",
        "lease by permit",
        "The unit's lease is renewed only if the tick before let HOLD or ON out over a verdict that permits, at most 1.5 ticks + 5 ms ago.",
        "true, obs",
        "3 ms of its own count, and 3 ms more. On a wire with a speed, or one that is broken, any permit of the 150 ms before.",
        lease,
    ),
    Invariant(
        "PRESS",
        "K1 by a press",
        "K1 is told to close only after the beam-on switch was pressed, self-tests of the unit apart.",
        "true",
        "A press of at most 1 s before.",
        press,
    ),
    Invariant(
        "ONCE",
        "ON once",
        "No more than one ON leaves on the wire for one token.",
        "left, true",
        "The second that the generator hears is not asked while its wire is broken.",
        once,
    ),
    Invariant(
        "DEAD",
        "host dead",
        "With the host dead or frozen K1 opens by the lease, K2 by T2 after it, and high voltage goes.",
        "true",
        "20 ms after the lease, 50 ms of a contactor and 0.15 s of fall. Not asked where the process is back by then.",
        host_dead,
    ),
    Invariant(
        "VOID",
        "expired READY",
        "A READY that ends without a press leaves a VOID of its token, and no dose.",
        "left, obs",
        "Not asked after a press, over a broken wire of the unit, and in the last 1.5 s of a run.",
        void,
    ),
)
"""Numbers are those of the design's list; the names in capitals are the ones that were added to it."""
