"""The Therac-25's incidents as plays; Yakima's, the longest of them, is told in yakima.py."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

import msgspec

from console import configuration
from console.run import prepared
from controller.kernel import PLAIN
from controller.prescribed import Prescribed
from controller.requests import Confirm, Edit, Load, Offer, Resume
from controller.states import State
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.readings import Termination
from records.files import PosixFiles
from records.journal import read_all
from records.replay import exposures as recorded
from records.replay import replay
from simulators.units import OWN
from verification.hands import Stuck
from verification.incident import Theatre
from verification.incidents.shared import d0_of, end_of_beam, must_be_refused
from verification.reach import OPERATOR, SHORT, exposures, load, ons, patient, send, settle, state, to_beam, turn_until
from verification.rigs import Choice, with_values
from verification.setting import lay_out
from verification.virtual import VirtualRig

REMOVED: Final = Choice(unit="wago-750", generator_wire="tcp")
"""Bought I/O in the safety unit's place."""
KINDS_OF_END: Final = {
    "door-open": ("door", "unit:CHAIN", "unit:DOOR"),
    "chamber-1-dead": ("no_signal", "dose_channels", "dose_rate_low", "unit:DISAGREE"),
    "kv-overshoot": ("kv_high", "kv_steady", "dose_rate_high", "unit:RATE"),
    "unit-scan-frozen": ("scan_true", "unit_link"),
}
"""Four faults in beam and what may be told to have ended it: whichever is heard first."""
CEILING: Final = ("chamber_saturation", "unit:RATE")
"""What sees that a chamber stands at its ceiling."""
TYLER_S: Final = 10.0
TYLER_EVERY_S: Final = 0.25
OTHER: Final = patient(1, 800.0)
"""The same patient's order with twice the dose: what an edit would make of it."""


def _load_edited(rig: VirtualRig, order: Prescribed) -> None:
    """The edited order in PREPARATORY: loaded again where the unit still retained what had been confirmed, for as long as it does."""
    for _ in range(20):
        if state(rig) is State.PREPARATORY:
            return
        rig.ask(Load(order, OPERATOR))
        rig.wait(0.2)
    raise Stuck("the edited order was not loaded in 20 tries")


def _old_confirmations(theatre: Theatre, rig: VirtualRig, old: Offer, what: str) -> None:
    """What is on offer after an edit is the edited order, and neither the number nor the digest of the offer before confirms it."""
    new = rig.until(lambda s: s.offer is not None and s.offer.id != old.id, 5.0, "an offer of the edited order").offer
    if new is None:
        raise Stuck("the edited order is not on offer")
    theatre.must(new.rx_mgy == OTHER.rx_mgy, f"{what}: {new.rx_mgy:.0f} mGy are on offer, edited to {OTHER.rx_mgy:.0f}")
    must_be_refused(
        theatre, rig.ask(Confirm(old.id, new.digest)), f"{what}: the old offer's number", f"offer {old.id} is not valid"
    )
    must_be_refused(
        theatre, rig.ask(Confirm(new.id, old.digest)), f"{what}: the old offer's digest", "is not what was shown"
    )


def tyler(theatre: Theatre) -> None:
    """Confirm, and at every offset of the next ten seconds edit to another dose and press."""
    rig = theatre.rig()
    offsets = [number * TYLER_EVERY_S for number in range(round(TYLER_S / TYLER_EVERY_S) + 1)]
    for number, offset_s in enumerate(offsets):
        order = patient(100 + number)
        load(rig, p=order)
        shown = rig.until(lambda s: s.offer is not None, 5.0, "an offer").offer
        if shown is None or not rig.ask(Confirm(shown.id, shown.digest)).ok:
            raise Stuck("the offer could not be confirmed")
        rig.wait(offset_s)
        first = rig.loop.dossier.case.settings if rig.loop is not None else None
        send(rig, Edit())
        edited = msgspec.structs.replace(OTHER, patient_id=order.patient_id)
        send(rig, Load(edited, OPERATOR))
        if first is not None and rig.loop is not None:
            send(rig, Confirm(rig.loop.dossier.case.offer_id, first.digest))
        rig.press()
        rig.wait(1.5)
        theatre.must(ons(rig) == 0, f"{ons(rig)} ON after an edit {offset_s:.2f} s after the confirmation")
        _load_edited(rig, edited)
        _old_confirmations(theatre, rig, shown, f"an edit {offset_s:.2f} s after the confirmation")
        settle(rig)
    theatre.say(
        f"{len(offsets)} edits within {TYLER_S:.0f} s of a confirmation, each with the old confirmation again and a press: no beam, "
        "and of the edited order neither the old number nor the old digest is taken"
    )
    theatre.finish(rig, 0)


def proceed(theatre: Theatre) -> None:
    """A fault of the dose rate; then five times the one key that goes on."""
    rig = theatre.rig()
    to_beam(rig, 1.0)
    rig.fault("filter-missing")
    turn_until(rig, State.INTERRUPTED, State.FAULT, State.STUCK_ON)
    rig.mend("filter-missing")
    rig.wait(1.0)
    theatre.say(f"the filter fell out: {state(rig).value}")
    why = "latched: " if state(rig) is State.INTERRUPTED else "resuming is not possible in FAULT"
    for number in range(5):
        must_be_refused(theatre, rig.ask(Resume(SHORT, OPERATOR, "proceed")), f"proceed {number + 1}", why)
        must_be_refused(theatre, rig.ask(Confirm(1, b"")), f"confirm {number + 1}", "confirming is not possible")
        rig.press()
        rig.wait(0.6)
    theatre.must(ons(rig) == 1, f"{ons(rig)} ON after one press in READY")
    theatre.say("five proceeds, confirmations and presses without a reset: all refused, no beam")
    theatre.finish(rig, 1)


def malfunction_54(theatre: Theatre) -> None:
    """Four ends of different kinds: each tells what, with a value, the dose so far and the rest, and what to do first."""
    for fault, rules in KINDS_OF_END.items():
        rig = theatre.rig()
        to_beam(rig, 0.8)
        rig.fault(fault)
        turn_until(rig, State.INTERRUPTED, State.FAULT, State.STUCK_ON)
        shown = rig.until(lambda s: s.ended is not None, 2.0, "an end that is shown")
        ended = shown.ended
        by, words = (ended.rule, ended.words) if ended is not None else ("", "")
        theatre.must(by in rules, f"{fault}: ended by {by!r}, not by {' or '.join(rules)}: {words}")
        theatre.must("(" in words, f"{fault}: the end tells no value: {words!r}")
        theatre.must(ended is not None and ended.dose.delivered_mgy > 0.0, f"{fault}: no dose is shown")
        theatre.must(bool(shown.latches), f"{fault}: nothing is latched")
        theatre.must(
            all("first:" in words for words in shown.latches), f"{fault}: {shown.latches} do not say what first"
        )
        rig.mend(fault)
        theatre.finish(rig, 1)
    theatre.say("four ends, each with words, dose so far and what to do first")


def saturated(theatre: Theatre) -> None:
    """The channel that ends the beam stands at its ceiling: it counts as high, the beam ends, nobody but the physicist goes on."""
    rig = theatre.rig()
    to_beam(rig, 1.0)
    rig.fault("chamber-saturated")
    ended_by = end_of_beam(rig)
    turn_until(rig, State.INTERRUPTED, State.FAULT, State.STUCK_ON)
    ended_in = state(rig).value
    theatre.must(ended_by in CEILING, f"ended by {ended_by!r}, not by {' or '.join(CEILING)}")
    rig.mend("chamber-saturated")
    rig.wait(5.0)
    kept, true = exposures(rig)[0], rig.truth()["dose_mgy"]
    theatre.say(
        f"{ended_in} by {ended_by}; truly {true:.1f} mGy; recorded {kept['delivered_mgy']:.1f}, high {kept['high_mgy']:.1f}, {kept['quality']}"
    )
    theatre.must(kept["high_mgy"] >= true - 1.0, f"the record's high bound {kept['high_mgy']:.1f} is below {true:.1f}")
    theatre.must(kept["quality"] == "UNKNOWN", f"a dose by a saturated channel is {kept['quality']}")
    must_be_refused(theatre, rig.ask(Resume(SHORT, OPERATOR, "it looked too little")), "an operator's resume")
    theatre.finish(rig, 1)


def _as_clinical(theatre: Theatre, choice: Choice, clock: Clock) -> str:
    """What a start as a clinical rig is refused with, empty if it is not. Its devices lie on a network, so that no line is missed before."""
    folder = theatre.folder / f"clinical-{choice.unit}"
    setting = lay_out(folder / "rig", folder / "records", "time", 15020, 1, choice)
    text = with_values(setting.rig_file.read_text(encoding="utf-8"), {"rig": {"clinical": "true"}})
    setting.rig_file.write_text(f'{text}\n[daily]\ntime_zone = "Europe/Vienna"\n', encoding="utf-8")
    try:
        prepared(configuration.load(setting.rig_file, os.getuid()), clock, "i")
    except ConfigurationError as refused:
        return str(refused)
    return ""


def removed_interlock(theatre: Theatre) -> None:
    """A rig that has bought I/O where the unit should be: as a clinical rig it is not started, and what it lacks is told; on the bench it does not load
    what only a unit with chambers can end, says EMULATED, and gives what time can end."""
    choice = REMOVED
    rig = theatre.rig("time", choice=choice)
    said = _as_clinical(theatre, choice, rig.clock)
    theatre.must(
        "rig.clinical = true: the rig lacks" in said, f"a rig without a safety unit started as clinical: {said!r}"
    )
    for part in ("a lease", "count limits", "a safety unit of its own", "a unit that keeps an exposure"):
        theatre.must(f"the rig lacks {part}" in said, f"as clinical it was refused without a word of {part}: {said!r}")
    whole = _as_clinical(theatre, replace(choice, unit=OWN), rig.clock)
    theatre.must("lacks" not in whole, f"the same rig with its safety unit is told that it lacks something: {whole!r}")
    by_time = rig.blob.certificate
    rig.kill_host()
    rig.blob = msgspec.structs.replace(
        rig.blob, certificate=msgspec.structs.replace(by_time, termination=Termination.MONITOR)
    )
    rig.start_host()
    turn_until(rig, State.STANDBY)
    must_be_refused(
        theatre, rig.ask(Load(SHORT, OPERATOR)), "an order that ends by a chamber's counts", "this rig has no chambers"
    )
    rig.kill_host()
    rig.blob = msgspec.structs.replace(rig.blob, certificate=by_time)
    rig.start_host()
    turn_until(rig, State.STANDBY)
    lacks = rig.loop.gate.capabilities.clinical() if rig.loop is not None else ()
    theatre.say(f"refused as clinical: it has not {', not '.join(lacks[:4])}, ...")
    shown = rig.until(lambda s: bool(s.emulated), 2.0, "EMULATED on the desk")
    theatre.must(bool(shown.emulated), "the desk does not say EMULATED")
    to_beam(rig, 0.0)
    d0 = d0_of(rig)
    turn_until(rig, State.TERMINATED)
    theatre.say(
        f"what a chamber's counts would end is not loaded; by time it gives {rig.truth()['dose_mgy']:.1f} of {d0:.1f} mGy"
    )
    theatre.finish(rig, 1)


def no_trace(theatre: Theatre) -> None:
    """After a trip every tick from the confirmation on is on the disk, and plays again to the same decisions."""
    rig = theatre.rig()
    to_beam(rig, 2.0)
    rig.fault("arc", 0.1)
    turn_until(rig, State.INTERRUPTED, State.FAULT)
    rig.wait(1.0)
    kept = list(recorded(read_all(PosixFiles(), theatre.folder / "0" / "records" / "journal")))
    theatre.must(len(kept) == 1, f"{len(kept)} exposures can be played again, not 1")
    for one in kept:
        again = replay(one, PLAIN)
        theatre.say(f"{again.ticks} ticks kept without a gap, {again.ended}, the same decisions")
        theatre.must(again.difference is None, f"the replay differs: {again.difference}")
        theatre.must(again.ended.startswith("ended in"), again.ended)
    theatre.finish(rig, 1)
