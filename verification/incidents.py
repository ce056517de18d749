"""The incidents of docs/hazards.md as things done to the whole machine in virtual time: each by its name, and what must hold at its end.
It judges by the world's truth, by the records and by the invariants; of the program it asks what a person at the desk is told."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from console import configuration, prescription
from console.run import prepared
from controller.dose import Dose
from controller.exposure import Stage
from controller.facts import Facts
from controller.guards import rule_on
from controller.kernel import PLAIN
from controller.prescribed import Prescribed
from controller.requests import Answer, Confirm, Edit, Load, Offer, Reset, Resume
from controller.states import State
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.readings import Contact, Readings, Termination
from hal.units import Seconds
from interlocks.gate_law import not_ready
from interlocks.words import House, Sent, Verdict
from records.files import PosixFiles
from records.journal import read_all
from records.replay import exposures as recorded
from records.replay import replay
from simulators.unit_firmware import UnitFirmware
from simulators.units import OWN
from verification import papers
from verification.hands import Stuck
from verification.incident import Incident, Theatre
from verification.injections import PARTS, raise_in
from verification.matrix import put_right
from verification.reach import (
    ENDS,
    OPERATOR,
    SHORT,
    confirm_as_offered,
    exposures,
    load,
    ons,
    patient,
    send,
    settle,
    state,
    to_beam,
    to_ready,
    turn_until,
)
from verification.rigs import Choice, with_values
from verification.scenarios import MOST_MGY_PER_S
from verification.setting import EXAMPLES, lay_out
from verification.story import Expectation
from verification.virtual import VirtualRig

HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0
EDGES: Final = (
    ((1 << 31) / 100.0, "2^31 x 10 ms", True),
    ((1 << 32) / 1000.0, "2^32 ms", True),
    ((1 << 31) / 1000.0, "2^31 ms", True),
    ((1 << 31) / 1e6, "2^31 us", False),
)
"""Uptime at which a clock of 32 bits, with a sign or without, is at its end, s; what it counts; whether it is the safety unit's counter of scans too."""
EDGE_AFTER_BOOT_S: Final = 9.0
"""Beam lasts from 4.5 to 13.2 s after the boot."""
SHUT_S: Final = 0.15
"""From an exception to no beam by a gate that shuts; a process that only ends leaves its beam to the lease, for 0.26 s."""
TIMERS_APART_S: Final = 0.05
REMOVED: Final = Choice(unit="wago-750", generator_wire="tcp")
"""Bought I/O in the safety unit's place."""
YAKIMA_PASSES: Final = 70_000
"""More than a word has values: a counter of eight or of sixteen bits goes round."""
YAKIMA_STARTS: Final = 300
"""More than a byte has values, on the whole machine: each takes a new set-up and a new offer."""
DOOR_REFUSES: Final = "not ready: the door is open"
GATE_REFUSES: Final = "the verdict forbids beam: the door is open"
KINDS_OF_END: Final = {
    "door-open": ("door", "unit:CHAIN", "unit:DOOR"),
    "chamber-1-dead": ("no_signal", "dose_channels", "dose_rate_low", "unit:DISAGREE"),
    "kv-overshoot": ("kv_high", "kv_steady", "dose_rate_high", "unit:RATE"),
    "unit-scan-frozen": ("scan_true", "unit_link"),
}
"""Four faults in beam and what may be told to have ended it: whichever is heard first."""
CEILING: Final = ("chamber_saturation", "unit:RATE")
"""What sees that a chamber stands at its ceiling."""
XOFT_TIMES: Final = 1.89
"""436.6 s for 230.7 s."""
DOSE_KEY: Final = "rx_mgy_per_fraction"
NO_DOSES: Final = ('"950"', '"950,0"', '"0.95 Gy"', "950,0", "nan", "inf", "-950.0", "1e309", '""')
LINK_LOST: Final = ("unit_link", "unit:LEASE")
"""Who is first to notice that the safety unit's link is gone."""
NO_BEAM: Final = ("no_dose", "no_signal", "kv_low", "kv_steady", "beam_lost", "unit:NO_DOSE", "unit:START_WINDOW")
NO_BEAM_S: Final = 2.0
BY_DOSE: Final = ("dose_model", "dose_rate_low", "dose_timer", "unit:RATE")
BY_DOSE_S: Final = 2.0
"""What still tells that output has fallen when no read-back does, and within which time."""
TYLER_S: Final = 10.0
TYLER_EVERY_S: Final = 0.25
OTHER: Final = patient(1, 800.0)
"""The same patient's order with twice the dose: what an edit would make of it."""
ANOTHER_APPLICATOR: Final = 1.2
"""The dose rate at the end of a shorter applicator against the confirmed one."""
WITHIN_PART: Final = 0.005
WITHIN_MGY: Final = 10.0


@dataclass(frozen=True, slots=True)
class Beam:
    """From when to when there was beam, s by this computer's clock and scans of the safety unit."""

    on_s: float
    off_s: float
    on_scan: int
    off_scan: int


def _d0(rig: VirtualRig) -> float:
    settings = rig.loop.dossier.case.settings if rig.loop is not None else None
    return settings.d0_mgy if settings is not None else 0.0


def _refused(theatre: Theatre, answer: Answer, what: str, word: str = "") -> None:
    theatre.must(not answer.ok, f"{what} was taken")
    theatre.must(word in answer.words, f"{what}: {answer.words!r} does not say {word!r}")


def _end_of_beam(rig: VirtualRig, within: int = 4000) -> str:
    """Turn until the exposure has left its beam: the rule, or the unit's cause, that ended it; empty when no host runs."""
    turn_until(rig, State.STOPPING, *ENDS, within=within)
    return rig.loop.exposure.stage.rule if rig.loop is not None else ""


def _given(theatre: Theatre, rig: VirtualRig, d0_mgy: float, what: str) -> None:
    true = rig.truth()["dose_mgy"]
    band = max(WITHIN_PART * d0_mgy, WITHIN_MGY)
    theatre.say(f"{what}: {true:.1f} of {d0_mgy:.1f} mGy")
    theatre.must(abs(true - d0_mgy) <= band, f"{what}: truly {true:.1f} mGy of {d0_mgy:.1f}, band {band:.1f}")


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
    _refused(
        theatre, rig.ask(Confirm(old.id, new.digest)), f"{what}: the old offer's number", f"offer {old.id} is not valid"
    )
    _refused(theatre, rig.ask(Confirm(new.id, old.digest)), f"{what}: the old offer's digest", "is not what was shown")


def _tyler(theatre: Theatre) -> None:
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


def _door_is_read_open(readings: Readings) -> bool:
    unit = readings.unit
    return unit is not None and not unit.contacts_a & unit.contacts_b & Contact.DOOR


def _confirm_as_the_door_opens(rig: VirtualRig) -> None:
    """From now on a confirmation of what stands on offer comes to the desk in each tick that reads the door open while it stands: after the look, and
    before the desk is heard. A tick later nothing is on offer any more, and the door is not what refuses it."""
    loop = rig.loop
    if loop is None:
        raise Stuck("no host runs: nobody can be asked")
    look = loop.gate.look

    def looked(now: Seconds, house: House) -> tuple[Readings, Verdict]:
        readings, verdict = look(now, house)
        case = loop.dossier.case
        if case.settings is not None and case.on_offer(readings.now_s) and _door_is_read_open(readings):
            send(rig, Confirm(case.offer_id, case.settings.digest))
        return readings, verdict

    vars(loop.gate)["look"] = looked


def _start_at_an_opening(rig: VirtualRig, answers: list[Answer]) -> Answer:
    """An offer that stands, the door opens, and the offer is confirmed in the tick that sees it: what the desk answers."""
    rig.mend("door-open")
    for _ in range(400):
        if rig.loop is None or rig.loop.dossier.case.offer_at_s is not None:
            break
        rig.turn()
    rig.turn()
    answers.clear()
    rig.fault("door-open")
    for _ in range(100):
        rig.turn()
        if answers:
            return answers[0]
    raise Stuck("an offer stood, the door opened, and no confirmation was answered within 100 ticks")


def _ask_each_pass(rig: VirtualRig, refused: Counter[str]) -> None:
    """In each tick from now on what guards a confirmation is asked once more, with that tick's own readings and verdict and an offer that stands, and so is
    what guards ARM and ON at the gate; `refused` counts what they say, "" where one of them lets it pass."""
    loop = rig.loop
    if loop is None:
        raise Stuck("no host runs: nobody can be asked")
    dossier, made = loop.dossier, loop.dossier.facts

    def faced(stage: Stage, readings: Readings, verdict: Verdict, dose: Dose, sent: Sent, kernel_sound: bool) -> Facts:
        facts = made(stage, readings, verdict, dose, sent, kernel_sound)
        case = facts.case
        if case.settings is not None and _door_is_read_open(readings):
            standing = msgspec.structs.replace(case, offer_at_s=readings.now_s - 1.0)
            confirm = Confirm(case.offer_id, case.settings.digest)
            ruling = rule_on(confirm, stage, readings, verdict, msgspec.structs.replace(facts, case=standing))
            refused[ruling.refused.partition(" (")[0]] += 1
            refused[not_ready(verdict).partition(" (")[0]] += 1
        return facts

    vars(dossier)["facts"] = faced


def _yakima(theatre: Theatre) -> None:
    """A check that fails, looked at 70,000 times. An offer that stands is confirmed at more openings of the door than a byte has values; then the door stays
    open for more passes than a word has values, and in each what guards a confirmation, ARM and ON is asked for an offer that stands."""
    rig = theatre.rig()
    load(rig)
    answers: list[Answer] = []
    rig.event_hooks.append(
        lambda kind, what: answers.append(what) if kind == "told" and isinstance(what, Answer) else None
    )
    _confirm_as_the_door_opens(rig)
    for number in range(YAKIMA_STARTS):
        answer = _start_at_an_opening(rig, answers)
        _refused(theatre, answer, f"start {number + 1} as the door opens", DOOR_REFUSES)
        if theatre.wrong:
            break
    rig.wait(0.5)
    asked: Counter[str] = Counter()
    _ask_each_pass(rig, asked)
    for number in range(YAKIMA_PASSES):
        if number % 2:
            rig.world.room.press()
        else:
            rig.world.room.release()
        rig.turn()
        if state(rig) is not State.PREPARATORY:
            theatre.must(False, f"pass {number} left PREPARATORY for {state(rig).value} with the door open")
            break
    rig.world.room.release()
    rig.turn()
    offers = rig.loop.dossier.case.offer_id if rig.loop is not None else 0
    theatre.must(offers == YAKIMA_STARTS, f"{offers} offers for {YAKIMA_STARTS} times that the door was closed")
    for who, words in (("a confirmation", DOOR_REFUSES), ("ARM and ON", GATE_REFUSES)):
        by_door = asked.pop(words, 0)
        theatre.must(by_door >= YAKIMA_PASSES, f"the door refused {who} {by_door} times in {YAKIMA_PASSES} passes")
    theatre.must(
        not asked, f"of {YAKIMA_PASSES} passes with the door open these were not refused by the door: {dict(asked)}"
    )
    theatre.must(ons(rig) == 0, f"{ons(rig)} ON")
    theatre.say(
        f"{YAKIMA_STARTS} starts as the door opens and {YAKIMA_PASSES} passes with the door open: each refused because of the door"
    )
    rig.mend("door-open")
    confirm_as_offered(rig)
    theatre.say("the door closed, the same confirmation is taken")
    turn_until(rig, State.READY)
    send(rig, Edit())
    theatre.finish(rig, 0)


def _proceed(theatre: Theatre) -> None:
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
        _refused(theatre, rig.ask(Resume(SHORT, OPERATOR, "proceed")), f"proceed {number + 1}", why)
        _refused(theatre, rig.ask(Confirm(1, b"")), f"confirm {number + 1}", "confirming is not possible")
        rig.press()
        rig.wait(0.6)
    theatre.must(ons(rig) == 1, f"{ons(rig)} ON after one press in READY")
    theatre.say("five proceeds, confirmations and presses without a reset: all refused, no beam")
    theatre.finish(rig, 1)


def _malfunction_54(theatre: Theatre) -> None:
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


def _saturated(theatre: Theatre) -> None:
    """The channel that ends the beam stands at its ceiling: it counts as high, the beam ends, nobody but the physicist goes on."""
    rig = theatre.rig()
    to_beam(rig, 1.0)
    rig.fault("chamber-saturated")
    ended_by = _end_of_beam(rig)
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
    _refused(theatre, rig.ask(Resume(SHORT, OPERATOR, "it looked too little")), "an operator's resume")
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


def _removed_interlock(theatre: Theatre) -> None:
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
    _refused(
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
    d0 = _d0(rig)
    turn_until(rig, State.TERMINATED)
    theatre.say(
        f"what a chamber's counts would end is not loaded; by time it gives {rig.truth()['dose_mgy']:.1f} of {d0:.1f} mGy"
    )
    theatre.finish(rig, 1)


def _no_trace(theatre: Theatre) -> None:
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


def _calibration_189(theatre: Theatre) -> None:
    """A certificate whose output is 1/1.89 of the truth, truly signed and in force, chambers as they are: the dose channels and the model disagree before 2 cGy
    more are given."""
    rig = theatre.rig()
    rig.kill_host()
    certificate = rig.blob.certificate
    low = tuple(msgspec.structs.replace(c, r0_mgy_per_s=c.r0_mgy_per_s / XOFT_TIMES) for c in certificate.combinations)
    wrong = msgspec.structs.replace(certificate, combinations=low, sha256=bytes(reversed(certificate.sha256)))
    rig.blob = msgspec.structs.replace(rig.blob, certificate=wrong)
    paper = papers.KEPT[certificate.sha256]
    rows = tuple(one | {"r0_mgy_per_s": one["r0_mgy_per_s"] / XOFT_TIMES} for one in paper.combinations)
    papers.KEPT[wrong.sha256] = replace(paper, sha256=wrong.sha256, combinations=rows)
    rig.start_host()
    to_ready(rig)
    rig.press()
    turn_until(rig, State.STARTING)
    begun = rig.now_s()
    ended_by = _end_of_beam(rig)
    turn_until(rig, State.INTERRUPTED, State.FAULT, State.TERMINATED, State.STUCK_ON)
    true = rig.truth()["dose_mgy"]
    theatre.say(
        f"ended as {state(rig).value} by {ended_by} after {rig.now_s() - begun:.2f} s with {true:.1f} mGy of {SHORT.rx_mgy:.0f} at depth"
    )
    theatre.must(state(rig) is not State.TERMINATED, "a beam of 1.89 times its certificate went to its end")
    theatre.must(true < 0.5 * SHORT.rx_mgy, f"{true:.1f} mGy were given before it was found")
    theatre.finish(rig, 1, Expectation(part=0.05, rate_mgy_per_s=110.0))


def _units(theatre: Theatre) -> None:
    """Minutes for seconds, a comma for a point, a unit in the text: each is refused with the key and what to write."""
    text = (EXAMPLES / "short.toml").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith(DOSE_KEY))
    theatre.folder.mkdir(parents=True, exist_ok=True)
    path = theatre.folder / "order.toml"
    for value in NO_DOSES:
        path.write_text(text.replace(line, f"{DOSE_KEY} = {value}"), encoding="utf-8")
        try:
            prescription.load(path)
        except ConfigurationError as refused:
            words = str(refused)
            theatre.must(
                f"{DOSE_KEY} = " in words and "first: " in words,
                f"{value}: {words} does not tell the key and what first",
            )
        else:
            theatre.must(False, f"{DOSE_KEY} = {value} was taken")
    path.write_text(text.replace(line, f"{DOSE_KEY} = 950.0"), encoding="utf-8")
    theatre.must(prescription.load(path).rx_mgy == 950.0, "the same order with its dose as a number is refused too")
    theatre.say(f"{len(NO_DOSES)} ways of writing a dose that are none: each refused")


def edit(order: Prescribed, field: str, value: object) -> Prescribed:
    """The order with one field changed, as a changed file is read."""
    return msgspec.structs.replace(order, **{field: value, "sha256": b"\x01" * 32})


def _nucletron(theatre: Theatre) -> None:
    """An interrupted fraction, and its order edited in one field: the edited order is another one, and is not resumed."""
    rig = theatre.rig()
    to_beam(rig, 1.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    rig.wait(0.3)
    for field, value in (("rx_mgy", 500.0), ("depth_mm", 2.0), ("fraction", 2), ("lesion_id", "L2"), ("ma", 1.5)):
        edited = edit(SHORT, field, value)
        theatre.must(getattr(edited, field) != getattr(SHORT, field), f"{field} was not edited")
        _refused(theatre, rig.ask(Resume(edited, OPERATOR, "edited")), f"a resume with another {field}")
    theatre.say("five fields edited one by one: each resume refused; the order that was begun is resumed")
    to_beam(rig, 0.0, resume="as it was")
    d0 = _d0(rig)
    turn_until(rig, State.TERMINATED)
    _given(theatre, rig, d0, "both pieces")
    theatre.finish(rig, 2)


def _bumped_table(theatre: Theatre) -> None:
    """The link is lost for 0.1 to 10 s in beam: no beam by itself when it comes back, and the rest is exact."""
    for gap_s in (0.1, 0.3, 1.0, 3.0, 10.0):
        rig = theatre.rig()
        to_beam(rig, 1.5)
        rig.fault("unit-wire-half-open", gap_s)
        until_s = rig.now_s() + gap_s + 2.0
        ended_by = _end_of_beam(rig)
        rig.wait(max(0.0, until_s - rig.now_s()))
        theatre.must(not rig.truth()["hv_on"], f"beam {gap_s} s after the link was lost")
        before = ons(rig)
        theatre.must(before == 1, f"{before} ON")
        theatre.must(
            ended_by in LINK_LOST, f"a gap of {gap_s} s: ended by {ended_by!r}, not by {' or '.join(LINK_LOST)}"
        )
        _clear(rig)
        to_beam(rig, 0.0, resume="the cable was put back", physicist=True)
        d0 = _d0(rig)
        turn_until(rig, State.TERMINATED)
        _given(theatre, rig, d0, f"a gap of {gap_s} s, resumed")
        theatre.finish(rig, 2)


def _clear(rig: VirtualRig) -> None:
    """Every latch by the role that it takes, the mildest first, without closing what is open."""
    for role in ("operator", "physicist", "service") * 6:
        rig.wait(0.7)
        turn_until(rig, State.FAULT, State.INTERRUPTED, State.STANDBY)
        if rig.loop is not None and not rig.loop.dossier.latches and state(rig) in (State.INTERRUPTED, State.STANDBY):
            return
        if rig.ask(Reset(role, "a, b", "looked at")).ok or role != "service":
            continue
        rig.room(key="SERVICE")
        rig.wait(0.2)
        rig.ask(Reset(role, "a, b", "looked at"))
        rig.room(key="TREAT")
    raise Stuck(f"not cleared: {state(rig).value}")


def _no_source(theatre: Theatre) -> None:
    """ON is taken and no high voltage comes: the timer does not run on, the beam ends, and the dose is what was measured."""
    rig = theatre.rig()
    to_ready(rig)
    rig.fault("hv-never-rises")
    rig.press()
    turn_until(rig, State.STARTING)
    begun = rig.now_s()
    ended_by = _end_of_beam(rig)
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


def _iba(theatre: Theatre) -> None:
    """The code says the confirmed applicator and another is on: no switch can tell. What the chambers and the model still bound is shown, and that a
    measurement from end to end would stop it."""
    rig = theatre.rig()
    to_ready(rig)
    confirmed, d0 = rig.truth()["applicator"], _d0(rig)
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


def _zaragoza(theatre: Theatre) -> None:
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
    ended = _end_of_beam(rig, within=6000)
    took_s = rig.now_s() - begun
    turn_until(rig, State.TERMINATED, State.INTERRUPTED, State.FAULT, State.STUCK_ON, within=6000)
    d0 = _d0(rig)
    true = rig.truth()["dose_mgy"]
    theatre.say(f"{state(rig).value} by {ended} {took_s:.2f} s after kV fell, truly {true:.1f} of {d0:.1f} mGy")
    theatre.must(ended in BY_DOSE, f"ended by {ended!r}, not by {' or '.join(BY_DOSE)}")
    theatre.must(took_s <= BY_DOSE_S, f"ended {took_s:.2f} s after kV fell, bound {BY_DOSE_S} s")
    theatre.must(true < 0.5 * d0, f"truly {true:.1f} mGy of {d0:.1f}: it went on to its end")
    for fault in ("readback-frozen", "kv-undershoot"):
        rig.mend(fault)
    theatre.finish(rig, 1, Expectation(part=0.05))


def _reflexion(theatre: Theatre) -> None:
    """One fraction in three pieces over a restart of the program, a power cut and another day: the sum is what was prescribed."""
    rig = theatre.rig()
    order = patient(1, 800.0)
    to_beam(rig, 3.2, p=order)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    rig.wait(0.5)
    rig.kill_host()
    rig.wait(1.0)
    rig.start_host()
    to_beam(rig, 3.2, resume="the program was started again", p=order)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    rig.wait(0.5)
    rig.power_cut()
    rig.clock.wall_step_s += DAY_S
    rig.power_on(30.0)
    turn_until(rig, State.STANDBY, State.FAULT)
    _refused(
        theatre, rig.ask(Resume(order, OPERATOR, "the next day")), "an operator's resume on another day", "physicist"
    )
    to_beam(rig, 0.0, resume="the next day, seen by the physicist", physicist=True, p=order)
    theatre.must(rig.hosts == 3, f"the program began {rig.hosts} times, not 3: no restart or no power cut")
    d0 = _d0(rig)
    turn_until(rig, State.TERMINATED)
    _given(theatre, rig, d0, "three pieces over a restart, a power cut and midnight")
    theatre.finish(rig, 3)


def _siemens(theatre: Theatre) -> None:
    """The applicator that is sensed is not the one of the order: no offer can be confirmed, and no other distance can be given."""
    rig = theatre.rig()
    turn_until(rig, State.STANDBY)
    rig.fault("applicator-swapped")
    answer = rig.ask(Load(SHORT, OPERATOR))
    rig.wait(2.0)
    shown = rig.snapshot()
    said = answer.words if not answer.ok else shown.first_to_fix if shown is not None else ""
    theatre.must("applicator" in said, f"another applicator, and what is told is {said!r}")
    theatre.must(shown is not None and shown.offer is None, "with another applicator something is on offer")
    settings = rig.loop.dossier.case.settings if rig.loop is not None else None
    for offer in range(3):
        digest = settings.digest if settings is not None else b""
        _refused(theatre, rig.ask(Confirm(offer, digest)), "a confirmation with another applicator")
    rig.press()
    rig.wait(1.0)
    theatre.must(ons(rig) == 0, f"{ons(rig)} ON with another applicator")
    theatre.say(f"nothing could be confirmed: {said}")
    rig.mend("applicator-swapped")
    settle(rig)
    theatre.finish(rig, 0)


def _infusion_pump(theatre: Theatre) -> None:
    """The switch bounces thirty times within 600 ms: one press, one ON, one exposure."""
    rig = theatre.rig()
    to_ready(rig)
    changes, held = 0, False
    for _ in range(30):
        for hand in (rig.press, rig.world.room.release):
            hand()
            rig.turn()
            changes += rig.world.room.switch_held is not held
            held = rig.world.room.switch_held
    rig.press()
    rig.wait(1.0)
    theatre.say(f"thirty bounces and a press: {changes} changes of the switch, {ons(rig)} ON, {state(rig).value}")
    theatre.must(changes == 60, f"the switch changed {changes} times, not 60: it did not bounce")
    theatre.must(ons(rig) == 1, f"{ons(rig)} ON for one bouncing press")
    rig.stop()
    rig.wait(1.0)
    settle(rig)
    theatre.finish(rig, 1)


def _at_uptime(theatre: Theatre, uptime_s: float, what: str) -> tuple[VirtualRig, Beam]:
    """A whole fraction after a boot that shows `uptime_s`, host's clock and the unit's counter of scans alike; and from when to when there was beam."""
    rig = theatre.rig()
    turn_until(rig, State.STANDBY)
    rig.wait(1.0)
    rig.power_cut()
    rig.power_on(uptime_s)
    unit = rig.world.unit
    if isinstance(unit, UnitFirmware):
        unit.scan_count = (round(uptime_s * 1000.0)) % (1 << 32)
    to_ready(rig)
    rig.press()
    turn_until(rig, State.IRRADIATING)
    d0, on_s, on_scan = _d0(rig), rig.now_s(), _scan(rig)
    turn_until(rig, State.STOPPING)
    beam = Beam(on_s, rig.now_s(), on_scan, _scan(rig))
    turn_until(rig, State.TERMINATED)
    rig.wait(0.5)
    _given(theatre, rig, d0, what)
    kept = exposures(rig)[0]
    apart_s = abs((kept["host_beam_s"] or 0.0) - kept["beam_s"])
    theatre.must(
        apart_s <= TIMERS_APART_S,
        f"{what}: this computer counts {kept['host_beam_s']} s of beam, the unit's timer {kept['beam_s']} s",
    )
    return rig, beam


def _scan(rig: VirtualRig) -> int:
    unit = rig.world.unit
    return unit.scan_count if isinstance(unit, UnitFirmware) else 0


def _boeing(theatre: Theatre) -> None:
    """248.55 days of hundredths of a second, 49.7 and 24.9 days of milliseconds: the edge falls into the beam."""
    for edge_s, what, scans in EDGES:
        rig, beam = _at_uptime(theatre, edge_s - EDGE_AFTER_BOOT_S, what)
        theatre.say(
            f"{what}: the edge {edge_s - beam.on_s:.1f} s after beam on, {beam.off_s - edge_s:.1f} s before beam off"
        )
        theatre.must(
            beam.on_s < edge_s < beam.off_s,
            f"{what}: the edge at {edge_s:.2f} s is not between beam on at {beam.on_s:.2f} and beam off at {beam.off_s:.2f} s",
        )
        over = beam.on_scan < 1 << 31 <= beam.off_scan or beam.off_scan < beam.on_scan
        theatre.must(
            over is scans,
            f"{what}: the unit's scans went from {beam.on_scan} to {beam.off_scan}, {'not ' * scans}over an edge",
        )
        theatre.finish(rig, 1)


def _patriot(theatre: Theatre) -> None:
    """After 100 h and after 1000 days: the unit's timer, this computer's and the dose still agree."""
    for uptime_s, what in ((100.0 * 3600.0, "after 100 h"), (1000.0 * DAY_S, "after 1000 days")):
        rig, beam = _at_uptime(theatre, uptime_s, what)
        theatre.must(
            uptime_s < beam.on_s < uptime_s + HOUR_S, f"{what}: beam on at {beam.on_s:.1f} s by this computer's clock"
        )
        theatre.finish(rig, 1)


def _toyota(theatre: Theatre) -> None:
    """Each part in turn dies in beam while the others live: whatever dies, the beam ends in its time."""
    deaths: tuple[tuple[str, float, Callable[[VirtualRig], None]], ...] = (
        ("the loop is killed", 0.4, lambda rig: rig.kill_host()),
        ("the loop stands still", 0.4, lambda rig: rig.freeze_host()),
        ("the recorder is killed", 0.9, lambda rig: rig.kill_recorder()),
        ("the recorder stands still", 0.9, lambda rig: rig.stall_recorder(True)),
        ("the operator's program is killed", 2.4, lambda rig: rig.leave_desk()),
        ("the safety unit is silent", 0.4, lambda rig: rig.fault("unit-silent")),
        ("the generator is silent", 0.4, lambda rig: rig.fault("generator-silent")),
    )
    for words, within_s, die in deaths:
        rig = theatre.rig()
        to_beam(rig, 1.0)
        theatre.must(rig.truth()["hv_on"], f"{words}: there was no beam that it could end")
        begun = rig.now_s()
        die(rig)
        while rig.truth()["hv_on"] and rig.now_s() - begun < 5.0:
            rig.turn()
        took = rig.now_s() - begun
        theatre.say(f"{words}: beam off after {1000 * took:.0f} ms")
        theatre.must(took <= within_s, f"{words}: beam off after {took:.2f} s, bound {within_s} s")
        rig.thaw_host()
        rig.stall_recorder(False)
        for name in rig.world.faults.active():
            rig.mend(name)
        put_right(rig)
        theatre.finish(rig, 1)


def _ariane(theatre: Theatre) -> None:
    """An exception that nobody thought of, at each part of a tick in beam: the gate is shut, the process ends, nothing goes on."""
    for part in PARTS:
        rig = theatre.rig()
        to_beam(rig, 0.5)
        begun = rig.now_s()
        raise_in(part)(rig)
        while rig.truth()["hv_on"] and rig.now_s() - begun < 2.0:
            rig.turn()
        took = rig.now_s() - begun
        theatre.must(took <= SHUT_S, f"an exception in {part}: beam off after {took:.2f} s, bound {SHUT_S} s")
        theatre.must(rig.loop is None, f"an exception in {part}: the process goes on")
        rig.start_host()
        turn_until(rig, State.STANDBY, State.FAULT)
        _clear(rig)
        theatre.finish(rig, 1)
    theatre.say(
        f"an exception in each of {len(PARTS)} parts of a tick: gate shut, beam off, the restart finds the dose"
    )


def _px4(theatre: Theatre) -> None:
    """A fault that the simulated world does not know is an error, never a run that passes."""
    rig = theatre.rig()
    try:
        rig.fault("no-such-fault")
    except ValueError as unknown:
        theatre.say(str(unknown).split(";")[0])
    else:
        theatre.must(False, "a fault that nobody knows was injected")
    theatre.finish(rig, 0)


INCIDENTS: Final[tuple[Incident, ...]] = (
    Incident("tyler", "1986: an edit within eight seconds was shown and not acted on", "41 edits within 10 s of a confirmation, then a press", _tyler),
    Incident("yakima", "1987: a counted flag was 0 on every 256th pass", "300 starts as the door opens, 70,000 passes with it open", _yakima),
    Incident("proceed", "one key proceeded after a malfunction, five times", "five proceeds and presses after the filter fell out", _proceed),
    Incident("malfunction-54", "a number that no manual explained", "four kinds of end, each read at the desk", _malfunction_54),
    Incident("saturated-chamber", "a saturated chamber read as too little dose", "the primary channel at its ceiling in beam", _saturated),
    Incident("removed-interlock", "the hardware interlocks were left out", "bought I/O in its place, as clinical and on the bench", _removed_interlock),
    Incident("no-trace", "nobody could say what the machine had done", "an arc in beam; the record is played again tick by tick", _no_trace),
    Incident("xoft", "2014: 436.6 s instead of 230.7 s", "a certificate of 1/1.89 of the true output, in beam", _calibration_189),
    Incident("costa-rica", "1996: 0.3 min read as 30 s", "nine ways of writing a dose that are none", _units),
    Incident("nucletron", "1999: an edit of one field changed another", "five fields of an open order edited one by one", _nucletron),
    Incident("bumped-table", "1996: contact was lost in the middle of a treatment", "gaps of 0.1 to 10 s on the unit's link, then the rest", _bumped_table),
    Incident("no-source", "1996: the timer ran with no source exposed", "ON is taken and no high voltage comes", _no_source),
    Incident("iba", "a stop and its switch moved together", "the code of the confirmed applicator on another one", _iba),
    Incident("zaragoza", "1990: the meter stood still at one value", "read-backs frozen while kV falls by 15 %", _zaragoza),
    Incident("reflexion", "2024: the rest of a partial fraction was wrong", "three pieces over a restart, a power cut and midnight", _reflexion),
    Incident("siemens", "2021: a wrong distance in the dose", "another applicator than the order's is sensed", _siemens),
    Incident("infusion-pump", "a bouncing key entered a digit twice", "the beam-on switch bounces thirty times", _infusion_pump),
    Incident("boeing-787", "2015: all units fail together after 248 days", "a fraction over each edge of a 32-bit clock", _boeing),
    Incident("patriot", "1991: 0.34 s off after 100 h", "a fraction after 100 h and after 1000 days", _patriot),
    Incident("toyota", "one task dead, the others alive", "each part killed or stopped in turn", _toyota),
    Incident("ariane-5", "1996: an exception ended both computers and was read as data", "an exception at each part of a tick", _ariane),
    Incident("px4", "a fault that the simulator did not have passed unseen", "a fault of a name that nobody knows", _px4),
)  # fmt: skip
"""Every incident of docs/hazards.md that can be played, in its order."""


def find(name: str) -> Incident:
    """The incident of that name; ValueError lists them all."""
    for incident in INCIDENTS:
        if incident.name == name:
            return incident
    raise ValueError(f"no incident {name!r}; there are: {', '.join(one.name for one in INCIDENTS)}")
