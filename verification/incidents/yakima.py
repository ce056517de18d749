"""The Therac-25 at Yakima as a play: a check that fails is looked at more often than a counter has values."""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from controller.dose import Dose
from controller.exposure import Stage
from controller.facts import Facts
from controller.guards import rule_on
from controller.requests import Answer, Confirm, Edit
from controller.states import State
from hal.readings import Contact, Readings
from hal.units import Seconds
from interlocks.gate_law import not_ready
from interlocks.words import House, Sent, Verdict
from verification.hands import Stuck
from verification.incident import Theatre
from verification.incidents.shared import must_be_refused
from verification.reach import confirm_as_offered, load, ons, send, state, turn_until
from verification.virtual import VirtualRig

YAKIMA_PASSES: Final = 70_000
"""More than a word has values: a counter of eight or of sixteen bits goes round."""
YAKIMA_STARTS: Final = 300
"""More than a byte has values, on the whole machine: each takes a new set-up and a new offer."""
DOOR_REFUSES: Final = "not ready: the door is open"
GATE_REFUSES: Final = "the verdict forbids beam: the door is open"


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


def yakima(theatre: Theatre) -> None:
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
        must_be_refused(theatre, answer, f"start {number + 1} as the door opens", DOOR_REFUSES)
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
