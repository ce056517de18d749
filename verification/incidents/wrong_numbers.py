"""Treatment machines that took a wrong number for the dose, as plays: it was measured wrongly, read in another unit, changed by an edit, not taken from what
was given before, computed from another distance, or entered twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from console import prescription
from controller.prescribed import Prescribed
from controller.requests import Confirm, Load, Resume
from controller.states import State
from hal.errors import ConfigurationError
from verification import papers
from verification.incident import Theatre
from verification.incidents.shared import d0_of, end_of_beam, must_be_given, must_be_refused
from verification.reach import OPERATOR, SHORT, ons, patient, settle, state, to_beam, to_ready, turn_until
from verification.setting import EXAMPLES
from verification.story import Expectation

DAY_S: Final = 86400.0
XOFT_TIMES: Final = 1.89
"""436.6 s for 230.7 s."""
DOSE_KEY: Final = "rx_mgy_per_fraction"
NO_DOSES: Final = ('"950"', '"950,0"', '"0.95 Gy"', "950,0", "nan", "inf", "-950.0", "1e309", '""')


def calibration_189(theatre: Theatre) -> None:
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
    ended_by = end_of_beam(rig)
    turn_until(rig, State.INTERRUPTED, State.FAULT, State.TERMINATED, State.STUCK_ON)
    true = rig.truth()["dose_mgy"]
    theatre.say(
        f"ended as {state(rig).value} by {ended_by} after {rig.now_s() - begun:.2f} s with {true:.1f} mGy of {SHORT.rx_mgy:.0f} at depth"
    )
    theatre.must(state(rig) is not State.TERMINATED, "a beam of 1.89 times its certificate went to its end")
    theatre.must(true < 0.5 * SHORT.rx_mgy, f"{true:.1f} mGy were given before it was found")
    theatre.finish(rig, 1, Expectation(part=0.05, rate_mgy_per_s=110.0))


def units(theatre: Theatre) -> None:
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


def nucletron(theatre: Theatre) -> None:
    """An interrupted fraction, and its order edited in one field: the edited order is another one, and is not resumed."""
    rig = theatre.rig()
    to_beam(rig, 1.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    rig.wait(0.3)
    for field, value in (("rx_mgy", 500.0), ("depth_mm", 2.0), ("fraction", 2), ("lesion_id", "L2"), ("ma", 1.5)):
        edited = edit(SHORT, field, value)
        theatre.must(getattr(edited, field) != getattr(SHORT, field), f"{field} was not edited")
        must_be_refused(theatre, rig.ask(Resume(edited, OPERATOR, "edited")), f"a resume with another {field}")
    theatre.say("five fields edited one by one: each resume refused; the order that was begun is resumed")
    to_beam(rig, 0.0, resume="as it was")
    d0 = d0_of(rig)
    turn_until(rig, State.TERMINATED)
    must_be_given(theatre, rig, d0, "both pieces")
    theatre.finish(rig, 2)


def reflexion(theatre: Theatre) -> None:
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
    must_be_refused(
        theatre, rig.ask(Resume(order, OPERATOR, "the next day")), "an operator's resume on another day", "physicist"
    )
    to_beam(rig, 0.0, resume="the next day, seen by the physicist", physicist=True, p=order)
    theatre.must(rig.hosts == 3, f"the program began {rig.hosts} times, not 3: no restart or no power cut")
    d0 = d0_of(rig)
    turn_until(rig, State.TERMINATED)
    must_be_given(theatre, rig, d0, "three pieces over a restart, a power cut and midnight")
    theatre.finish(rig, 3)


def siemens(theatre: Theatre) -> None:
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
        must_be_refused(theatre, rig.ask(Confirm(offer, digest)), "a confirmation with another applicator")
    rig.press()
    rig.wait(1.0)
    theatre.must(ons(rig) == 0, f"{ons(rig)} ON with another applicator")
    theatre.say(f"nothing could be confirmed: {said}")
    rig.mend("applicator-swapped")
    settle(rig)
    theatre.finish(rig, 0)


def infusion_pump(theatre: Theatre) -> None:
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
