"""The incidents of docs/hazards.md as things done to the whole machine in virtual time: each by its name, and what must hold at its end.
It judges by the world's truth, by the records and by the invariants; of the program it asks what a person at the desk is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from console import prescription
from controller.kernel import PLAIN
from controller.requests import Answer, Confirm, Edit, Load, Reset, Resume
from controller.states import State
from hal.errors import ConfigurationError
from records.files import PosixFiles
from records.journal import read_all
from records.replay import exposures as recorded
from records.replay import replay
from simulators.unit_firmware import UnitFirmware
from verification import papers
from verification.hands import Stuck
from verification.incident import Incident, Theatre
from verification.injections import PARTS, raise_in
from verification.matrix import put_right
from verification.reach import (
    OPERATOR,
    SHORT,
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
from verification.rigs import Choice
from verification.scenarios import MOST_MGY_PER_S
from verification.setting import EXAMPLES
from verification.story import Expectation
from verification.virtual import VirtualRig

DAY_S: Final = 86400.0
YAKIMA_PASSES: Final = 70_000
"""More than a word has values: a counter of eight or of sixteen bits goes round."""
TYLER_S: Final = 10.0
TYLER_EVERY_S: Final = 0.25
OTHER: Final = patient(1, 800.0)
"""The same patient's order with twice the dose: what an edit would make of it."""
ANOTHER_APPLICATOR: Final = 1.2
"""The dose rate at the end of a shorter applicator against the confirmed one."""
WITHIN_PART: Final = 0.005
WITHIN_MGY: Final = 10.0


def _d0(rig: VirtualRig) -> float:
    settings = rig.loop.dossier.case.settings if rig.loop is not None else None
    return settings.d0_mgy if settings is not None else 0.0


def _refused(theatre: Theatre, answer: Answer, what: str, word: str = "") -> None:
    theatre.must(not answer.ok, f"{what} was taken")
    theatre.must(word in answer.words, f"{what}: {answer.words!r} does not say {word!r}")


def _given(theatre: Theatre, rig: VirtualRig, d0_mgy: float, what: str) -> None:
    true = rig.truth()["dose_mgy"]
    band = max(WITHIN_PART * d0_mgy, WITHIN_MGY)
    theatre.say(f"{what}: {true:.1f} of {d0_mgy:.1f} mGy")
    theatre.must(abs(true - d0_mgy) <= band, f"{what}: truly {true:.1f} mGy of {d0_mgy:.1f}, band {band:.1f}")


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
        send(rig, Load(msgspec.structs.replace(OTHER, patient_id=order.patient_id), OPERATOR))
        if first is not None and rig.loop is not None:
            send(rig, Confirm(rig.loop.dossier.case.offer_id, first.digest))
        rig.press()
        rig.wait(1.2)
        theatre.must(ons(rig) == 0, f"{ons(rig)} ON after an edit {offset_s:.2f} s after the confirmation")
        settle(rig)
    theatre.say(
        f"{len(offsets)} edits within {TYLER_S:.0f} s of a confirmation, each with the old confirmation again and a press: no beam"
    )
    theatre.finish(rig, 0)


def _yakima(theatre: Theatre) -> None:
    """A check that fails, looked at 70,000 times; a start is tried in every pass, so at every index of a byte and of a word."""
    rig = theatre.rig()
    load(rig)
    rig.until(lambda shown: shown.offer is not None, 5.0, "an offer")
    settings = rig.loop.dossier.case.settings if rig.loop is not None else None
    if settings is None:
        raise Stuck("nothing is loaded")
    rig.fault("door-open")
    rig.wait(0.1)
    started = []
    for number in range(YAKIMA_PASSES):
        send(rig, Confirm(1 + number % 4, settings.digest))
        if number % 2:
            rig.world.room.press()
        else:
            rig.world.room.release()
        rig.turn()
        if state(rig) is not State.PREPARATORY:
            started.append(number)
            break
    rig.world.room.release()
    theatre.must(not started, f"pass {started} left PREPARATORY for {state(rig).value} with the door open")
    theatre.must(ons(rig) == 0, f"{ons(rig)} ON")
    theatre.say(f"{YAKIMA_PASSES} passes with the door open, a start tried in each: none left PREPARATORY")
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
    for number in range(5):
        _refused(theatre, rig.ask(Resume(SHORT, OPERATOR, "proceed")), f"proceed {number + 1}")
        _refused(theatre, rig.ask(Confirm(1, b"")), f"confirm {number + 1}")
        rig.press()
        rig.wait(0.6)
    theatre.must(ons(rig) == 1, f"{ons(rig)} ON after one press in READY")
    theatre.say("five proceeds, confirmations and presses without a reset: all refused, no beam")
    theatre.finish(rig, 1)


def _malfunction_54(theatre: Theatre) -> None:
    """Four ends of different kinds: each tells what, with a value, the dose so far and the rest, and what to do first."""
    for fault in ("door-open", "chamber-1-dead", "kv-overshoot", "unit-scan-frozen"):
        rig = theatre.rig()
        to_beam(rig, 0.8)
        rig.fault(fault)
        turn_until(rig, State.INTERRUPTED, State.FAULT, State.STUCK_ON)
        shown = rig.until(lambda s: s.ended is not None, 2.0, "an end that is shown")
        ended = shown.ended
        theatre.must(ended is not None and len(ended.words) > 20, f"{fault}: the end says {ended and ended.words!r}")
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
    turn_until(rig, State.INTERRUPTED, State.FAULT, State.STUCK_ON)
    ended_in = state(rig).value
    rig.mend("chamber-saturated")
    rig.wait(5.0)
    kept, true = exposures(rig)[0], rig.truth()["dose_mgy"]
    theatre.say(
        f"{ended_in}; truly {true:.1f} mGy; recorded {kept['delivered_mgy']:.1f}, high {kept['high_mgy']:.1f}, {kept['quality']}"
    )
    theatre.must(kept["high_mgy"] >= true - 1.0, f"the record's high bound {kept['high_mgy']:.1f} is below {true:.1f}")
    theatre.must(kept["quality"] == "UNKNOWN", f"a dose by a saturated channel is {kept['quality']}")
    _refused(theatre, rig.ask(Resume(SHORT, OPERATOR, "it looked too little")), "an operator's resume")
    theatre.finish(rig, 1)


def _removed_interlock(theatre: Theatre) -> None:
    """A rig that has bought I/O where the unit should be: what keeps it from the clinic is told, and it works on the bench."""
    rig = theatre.rig("time", choice=Choice(unit="wago-750"))
    turn_until(rig, State.STANDBY)
    lacks = rig.loop.gate.capabilities.clinical() if rig.loop is not None else ()
    theatre.must(bool(lacks), "nothing keeps a rig without a safety unit from the clinic")
    theatre.say(f"refused as clinical: it has not {', not '.join(lacks[:4])}, ...")
    shown = rig.until(lambda s: bool(s.emulated), 2.0, "EMULATED on the desk")
    theatre.must(bool(shown.emulated), "the desk does not say EMULATED")
    theatre.finish(rig, 0)


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
    low = tuple(msgspec.structs.replace(c, r0_mgy_per_s=c.r0_mgy_per_s / 1.89) for c in certificate.combinations)
    wrong = msgspec.structs.replace(certificate, combinations=low, sha256=bytes(reversed(certificate.sha256)))
    rig.blob = msgspec.structs.replace(rig.blob, certificate=wrong)
    paper = papers.KEPT[certificate.sha256]
    rows = tuple(one | {"r0_mgy_per_s": one["r0_mgy_per_s"] / 1.89} for one in paper.combinations)
    papers.KEPT[wrong.sha256] = replace(paper, sha256=wrong.sha256, combinations=rows)
    rig.start_host()
    to_ready(rig)
    rig.press()
    turn_until(rig, State.STARTING)
    begun = rig.now_s()
    turn_until(rig, State.INTERRUPTED, State.FAULT, State.TERMINATED, State.STUCK_ON)
    true = rig.truth()["dose_mgy"]
    theatre.say(
        f"ended as {state(rig).value} after {rig.now_s() - begun:.2f} s with {true:.1f} mGy of {SHORT.rx_mgy:.0f} at depth"
    )
    theatre.must(state(rig) is not State.TERMINATED, "a beam of 1.89 times its certificate went to its end")
    theatre.must(true < 0.5 * SHORT.rx_mgy, f"{true:.1f} mGy were given before it was found")
    theatre.finish(rig, 1, Expectation(part=0.05, rate_mgy_per_s=110.0))


def _units(theatre: Theatre) -> None:
    """Minutes for seconds, a comma for a point, a unit in the text: each is refused with the key and what to write."""
    text = (EXAMPLES / "short.toml").read_text(encoding="utf-8")
    key = next(line for line in text.splitlines() if line.startswith("rx_mgy"))
    theatre.folder.mkdir(parents=True, exist_ok=True)
    for value in ('"950"', '"950,0"', '"0.95 Gy"', "950,0", "nan", "inf", "-950.0", "1e309", '""'):
        path = theatre.folder / "order.toml"
        path.write_text(text.replace(key, f"rx_mgy = {value}"), encoding="utf-8")
        try:
            prescription.load(path)
        except ConfigurationError as refused:
            theatre.must(
                str(path) in str(refused) or "rx_mgy" in str(refused), f"{value}: {refused} names no key and no file"
            )
        else:
            theatre.must(False, f"rx_mgy = {value} was taken")
    theatre.say("nine ways of writing a dose that are none: each refused")


def _nucletron(theatre: Theatre) -> None:
    """An interrupted fraction, and its order edited in one field: the edited order is another one, and is not resumed."""
    rig = theatre.rig()
    to_beam(rig, 1.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    rig.wait(0.3)
    for field, value in (("rx_mgy", 500.0), ("depth_mm", 2.0), ("fraction", 2), ("lesion_id", "L2"), ("ma", 1.5)):
        edited = msgspec.structs.replace(SHORT, **{field: value, "sha256": b"\x01" * 32})
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
        rig.wait(gap_s + 2.0)
        theatre.must(not rig.truth()["hv_on"], f"beam {gap_s} s after the link was lost")
        before = ons(rig)
        theatre.must(before == 1, f"{before} ON")
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
    turn_until(rig, State.INTERRUPTED, State.FAULT, State.STUCK_ON, within=600)
    rig.wait(0.5)
    theatre.say(f"ended as {state(rig).value} after {rig.now_s() - begun - 0.5:.2f} s")
    kept = exposures(rig)
    theatre.must(
        bool(kept) and kept[0]["delivered_mgy"] < 1.0,
        f"{kept and kept[0]['delivered_mgy']} mGy are recorded of no beam",
    )
    rig.mend("hv-never-rises")
    theatre.finish(rig, 1)


def _iba(theatre: Theatre) -> None:
    """The code says the confirmed applicator and another is on: no switch can tell. What the chambers and the model still bound is shown."""
    rig = theatre.rig()
    to_ready(rig)
    rig.fault("applicator-code-lies")
    rig.press()
    turn_until(rig, State.TERMINATED, State.INTERRUPTED, State.FAULT, within=4000)
    true, d0 = rig.truth()["dose_mgy"], SHORT.rx_mgy
    theatre.say(
        f"{state(rig).value} with truly {true:.1f} mGy (order {d0:.0f} at depth): only a measurement from end to end finds this"
    )
    theatre.finish(rig, 1, Expectation(rate_mgy_per_s=ANOTHER_APPLICATOR * MOST_MGY_PER_S), unseen=True)


def _zaragoza(theatre: Theatre) -> None:
    """The read-backs stand still at good values while kV falls by 15 %: the chambers and the model disagree, and the beam ends."""
    rig = theatre.rig()
    to_beam(rig, 1.0, p=patient(1, 1400.0))
    rig.fault("readback-frozen")
    rig.fault("kv-undershoot")
    begun = rig.now_s()
    turn_until(rig, State.TERMINATED, State.INTERRUPTED, State.FAULT, State.STUCK_ON, within=6000)
    d0 = _d0(rig)
    true = rig.truth()["dose_mgy"]
    theatre.say(f"{state(rig).value} {rig.now_s() - begun:.1f} s after kV fell, truly {true:.1f} of {d0:.1f} mGy")
    theatre.must(true <= d0 * 1.05 + 10.0, f"truly {true:.1f} mGy of {d0:.1f}")
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
    if answer.ok:
        settings = rig.loop.dossier.case.settings if rig.loop is not None else None
        for offer in range(3):
            if settings is not None:
                _refused(theatre, rig.ask(Confirm(offer, settings.digest)), "a confirmation with another applicator")
    rig.press()
    rig.wait(1.0)
    theatre.must(ons(rig) == 0, f"{ons(rig)} ON with another applicator")
    theatre.say("another applicator: nothing could be confirmed")
    rig.mend("applicator-swapped")
    settle(rig)
    theatre.finish(rig, 0)


def _infusion_pump(theatre: Theatre) -> None:
    """The switch bounces thirty times within 600 ms: one press, one ON, one exposure."""
    rig = theatre.rig()
    to_ready(rig)
    for _ in range(30):
        rig.press()
        rig.turn()
        rig.world.room.release()
        rig.turn()
    rig.wait(1.0)
    theatre.say(f"thirty bounces: {ons(rig)} ON, {state(rig).value}")
    theatre.must(ons(rig) <= 1, f"{ons(rig)} ON for one bouncing press")
    rig.stop()
    rig.wait(1.0)
    settle(rig)
    theatre.finish(rig, 1)


def _at_uptime(theatre: Theatre, uptime_s: float, what: str) -> None:
    """A whole fraction with the host's clock and the unit's counters going over their edge in the middle of the beam."""
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
    d0 = _d0(rig)
    turn_until(rig, State.TERMINATED)
    _given(theatre, rig, d0, what)
    theatre.finish(rig, 1)


def _boeing(theatre: Theatre) -> None:
    """248.55 days of hundredths of a second, 49.7 and 24.9 days of milliseconds: the edge falls into the beam."""
    for uptime_s, what in (
        ((1 << 31) / 100.0, "2^31 x 10 ms"),
        ((1 << 32) / 1000.0, "2^32 ms"),
        ((1 << 31) / 1000.0, "2^31 ms"),
        ((1 << 31) / 1e6, "2^31 us"),
    ):
        _at_uptime(theatre, uptime_s - 18.0, what)


def _patriot(theatre: Theatre) -> None:
    """After 100 h and after 1000 days: the unit's timer, this computer's and the dose still agree."""
    _at_uptime(theatre, 100.0 * 3600.0, "after 100 h")
    _at_uptime(theatre, 1000.0 * DAY_S, "after 1000 days")


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
        theatre.must(took <= 0.35, f"an exception in {part}: beam off after {took:.2f} s")
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
    Incident("yakima", "1987: a counted flag was 0 on every 256th pass", "70,000 passes with the door open, a start tried in each", _yakima),
    Incident("proceed", "one key proceeded after a malfunction, five times", "five proceeds and presses after the filter fell out", _proceed),
    Incident("malfunction-54", "a number that no manual explained", "four kinds of end, each read at the desk", _malfunction_54),
    Incident("saturated-chamber", "a saturated chamber read as too little dose", "the primary channel at its ceiling in beam", _saturated),
    Incident("removed-interlock", "the hardware interlocks were left out", "bought I/O in the safety unit's place", _removed_interlock),
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
