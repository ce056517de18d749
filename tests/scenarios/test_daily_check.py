"""A whole morning on the shipped loop in virtual time: a cold tube, warm-up, baseline, daily check and signature as they are typed; then a patient may be
treated, and a power cut in beam locks again."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from console.calibrate.exposing import Hand, Kept, Person
from console.day import daily as room
from console.day import warm_up
from console.day.daily import Site
from console.day.noted import Notes
from console.day.warm_up import Day, Fitted
from console.day.work import beams_of
from console.exit_codes import Exit
from console.second_calculation import Compared
from console.treat.session import Session
from controller.kernel import Kernels
from controller.prescribed import Prescribed
from controller.requests import Close, Edit, Load, Offer, Reply, Request, Reset, Resume, Snapshot
from controller.states import State
from controller.tags import parts_sha256
from hal.readings import Purpose
from records import fractions
from records.backup import About, Trust, backup, public, restore
from records.commissioning import ITEMS, Audit, Commissioned, Commissioning
from records.day_forms import Baseline, Bound, DaySheet, zone_named
from records.files import PosixFiles
from records.missing import Missing
from records.sheets import Sheet, SheetKind, body, hand_in
from verification.disk import FaultyDisk
from verification.judges_start import calibration
from verification.papers import Sheet as Signed
from verification.reach import OPERATOR, SHORT, ons, to_beam, to_ready, turn_until
from verification.setting import lay_out, virtual_rig
from verification.story import Expectation, Story
from verification.trace import Observer, Trace
from verification.virtual import VirtualRig

PHYSICIST = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OPERATOR_KEY = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
SECOND = msgspec.structs.replace(SHORT, fraction=2)
DEVICE = "QA-1 7001"
NIGHT_S = 6 * 3600.0
NC_PER_MGY = 0.02


class Desk:
    """The desk of a virtual rig, for the console's own session: waiting turns the world."""

    def __init__(self, rig: VirtualRig) -> None:
        self._rig, self._replies = rig, deque[Reply]()
        rig.event_hooks.append(lambda kind, what: self._replies.append(what) if kind == "told" else None)

    def send(self, request: Request, timeout_s: float = 0.5) -> None:
        assert timeout_s >= 0.0
        self._rig.send(request)

    def receive(self, timeout_s: float) -> Reply | None:
        until = self._rig.now_s() + timeout_s
        while not self._replies and self._rig.now_s() < until:
            self._rig.turn()
        return self._replies.popleft() if self._replies else None


class Face:
    """Types what a table says to a question that begins so; what is asked otherwise fails the test."""

    def __init__(self, answers: dict[str, Callable[[], str]]) -> None:
        self._answers, self._next, self.said = answers, deque[str](), list[str]()

    def say(self, words: str) -> None:
        self.said.append(words)

    def show_offer(self, _order: Prescribed, _offer: Offer, lines: tuple[Compared, ...], simulated: bool) -> None:
        assert simulated and all(line.agrees for line in lines)

    def ask(self, words: str) -> None:
        found = [answer for start, answer in self._answers.items() if start in words]
        assert len(found) == 1, words
        self.said.append(words)
        self._next.append(found[0]())

    def typed(self) -> str | None:
        return self._next.popleft() + "\n" if self._next else None

    def progress(self, _snapshot: Snapshot, _silent_s: float) -> None:
        pass


@pytest.mark.grid
@pytest.mark.timeout(300)
def test_a_morning_from_a_cold_tube_to_a_patient_and_a_power_cut_that_locks_again(
    tmp_path: Path, kernels: Kernels
) -> None:
    rig = made(tmp_path, kernels)
    morning = Morning(rig, tmp_path / "records")
    morning.expose_once()
    night(rig)
    assert "the tube had no beam for 6.0 h" in refused(rig) and "has not been made" in refused(rig)
    assert morning.warm_up() is Exit.AS_INTENDED
    assert "warm-up" not in refused(rig) and "the tube" not in refused(rig)
    morning.commission()
    assert "not commissioned" not in refused(rig)
    assert morning.baseline() is Exit.AS_INTENDED
    assert morning.daily(1.04) is Exit.REFUSED, "4 % high"
    assert "has not been made" in refused(rig)
    assert morning.daily(1.0) is Exit.AS_INTENDED, morning.answers
    assert morning.answers[-1] == ""
    assert refused(rig) == ""
    watched = Observer(rig)
    to_ready(rig)
    rig.press()
    turn_until(rig, State.IRRADIATING)
    rig.wait(2.0)
    judged_by_the_day(watched.trace())
    rig.power_cut()
    rig.power_on()
    rig.come_to_desk()
    turn_until(rig, State.STANDBY, State.FAULT)
    if rig.loop is not None and rig.loop.exposure.stage.state is State.FAULT:
        for role in ("operator", "physicist", "service"):
            rig.ask(Reset(role, "A. Person", "power was cut"))
        turn_until(rig, State.STANDBY)
    said = refused(rig, again=True)
    assert "power or program were lost in beam" in said, said
    rig.close()


@pytest.mark.grid
@pytest.mark.timeout(300)
def test_a_restored_copy_treats_nobody_before_the_physicist_has_signed_for_what_is_missing(
    tmp_path: Path, kernels: Kernels
) -> None:
    """A copy is made, a patient treated, the disk dies, the copy comes back, on a rig whose day is not waived: the shipped loop loads no patient, a press
    makes no beam, a new check of the day opens nothing, an operator's word neither; the physicist's does, and then there is beam."""
    rig = made(tmp_path, kernels)
    morning = Morning(rig, tmp_path / "records")
    morning.expose_once()
    night(rig)
    morning.commission()
    open_the_day(morning)
    assert refused(rig) == ""
    backup(PosixFiles(), morning.records, tmp_path / "copy", About("0", "bench", True, OPERATOR_KEY), rig.clock.wall())
    to_beam(rig, 0.0)
    turn_until(rig, State.TERMINATED)
    rig.wait(1.0)
    assert "closed" in refused(rig)
    rig.kill_host()
    rig.kill_recorder()
    shutil.rmtree(morning.records)
    restore(
        PosixFiles(),
        tmp_path / "copy",
        morning.records,
        Trust("bench", True, public(OPERATOR_KEY)),
        "S. One",
        "the disk died",
        rig.clock.wall(),
    )
    rig.disk = FaultyDisk(volatile=rig.disk.volatile)
    rig.start_recorder()
    rig.start_host()
    rig.come_to_desk()
    given = ons(rig)
    for meanwhile in (None, open_the_day, signed_by_the_operator):
        if meanwhile is not None:
            meanwhile(morning)
        said = refused(rig)
        assert "what was given meanwhile could be given twice" in said and "kerma sheet missing" in said, said
        before = ons(rig)
        rig.press()
        rig.wait(1.0)
        assert ons(rig) == before, "nothing is loaded: a press is nothing"
    assert "given twice" in refused_of(rig, SECOND), "nor any other fraction"
    signed_for(morning, PHYSICIST)
    assert morning.answers[-1] == ""
    assert refused_of(rig, SECOND) == ""
    to_beam(rig, 0.0, p=SECOND)
    turn_until(rig, State.TERMINATED)
    rig.wait(1.0)
    assert ons(rig) > given and rig.records()[-1]["status"] == "COMPLETE"
    rig.close()


def open_the_day(morning: Morning) -> None:
    """Warm-up, baseline and check."""
    assert morning.warm_up() is Exit.AS_INTENDED
    assert morning.baseline() is Exit.AS_INTENDED
    assert morning.daily(1.0) is Exit.AS_INTENDED, morning.answers


def signed_by_the_operator(morning: Morning) -> None:
    signed_for(morning, OPERATOR_KEY)
    assert "fits no physicist's key" in morning.answers[-1]


def judged_by_the_day(trace: Trace) -> None:
    """Invariant 25 holds a patient's beam to the day's check as the journal took it in, read anew: this one, signed, of that day, of that combination."""

    def held(changed: Trace) -> list[str]:
        return [words for _, words in calibration(Story(changed, Expectation()))]

    def sheets(change: Callable[[Signed], Signed]) -> Trace:
        return replace(trace, sheets=tuple(change(one) if one.kind == "daily" else one for one in trace.sheets))

    def content(one: Signed, **changes: Any) -> Signed:
        return replace(one, content={**one.content, **changes})

    assert not trace.rig.waives_day
    assert held(trace) == []
    assert "no signed check" in held(replace(trace, sheets=()))[0]
    assert "no signed check" in held(sheets(lambda one: replace(one, by_physicist=False, by_other=False)))[0]
    assert "no signed check" in held(sheets(lambda one: content(one, day="2026-01-01")))[0]
    assert "no signed check" in held(sheets(lambda one: replace(one, index=10**6)))[0]
    assert "another certificate" in held(sheets(lambda one: content(one, bound={"software_version": "0"})))[0]
    assert "holds no reading" in held(sheets(lambda one: content(one, lines=[])))[0]
    high = sheets(
        lambda one: content(one, lines=[{**line, "reading": 1.04 * line["reading"]} for line in one.content["lines"]])
    )
    assert "holds no reading" in held(high)[0]
    assert (
        "holds no reading" in held(replace(trace, sheets=tuple(one for one in trace.sheets if one.kind == "daily")))[0]
    )


def signed_for(morning: Morning, key: Ed25519PrivateKey) -> None:
    """A word on the gap that the records know of."""
    assert morning.rig.recorder is not None
    morning.sign(SheetKind.MISSING, Missing(morning.rig.recorder.book.gone.index, "charts: fraction 1 was given"), key)


def made(folder: Path, kernels: Kernels) -> VirtualRig:
    """The example's rig, not waived, with a physicist's key of ours."""
    setting = lay_out(folder / "rig", folder / "records", "time", 15020)
    rig = virtual_rig(setting, kernels)
    key = PHYSICIST.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    config = msgspec.structs.replace(rig.recorder_config, day_check_waived_simulated=False, physicists=(key,))
    rig.close()
    again = virtual_rig(setting, kernels)
    again.kill_recorder()
    again._recorder_config = config
    again.start_recorder()
    return again


def night(rig: VirtualRig) -> None:
    """Everything is switched off but the clocks."""
    turn_until(rig, State.STANDBY)
    rig.kill_host()
    rig.kill_recorder()
    rig.clock.epoch_s += NIGHT_S
    rig.clock.wall_step_s += NIGHT_S
    rig.start_recorder()
    rig.start_host()
    rig.come_to_desk()
    turn_until(rig, State.STANDBY)


def refused(rig: VirtualRig, again: bool = False) -> str:
    """What the rig says to a patient's fraction now; it is unloaded at once where it is taken."""
    return refused_of(rig, SHORT, again)


def refused_of(rig: VirtualRig, order: Prescribed, again: bool = False) -> str:
    turn_until(rig, State.STANDBY, State.TERMINATED)
    if rig.loop is not None and rig.loop.exposure.stage.state is State.TERMINATED:
        rig.ask(Close("closed before the next"))
        turn_until(rig, State.STANDBY)
    answer = rig.ask(Resume(order, OPERATOR, "power", True) if again else Load(order, OPERATOR))
    if answer.ok:
        rig.ask(Edit())
        turn_until(rig, State.STANDBY)
    return "" if answer.ok else answer.words


class Morning:
    """The commands as they are typed, on one rig."""

    def __init__(self, rig: VirtualRig, records: Path) -> None:
        self.rig, self.records = rig, records
        self.certificate = rig.blob.certificate
        self.desk = Desk(rig)
        self.session = Session(self.desk, records / "stop.sock", rig.clock)  # type: ignore[arg-type]
        self.day = Day(self._beams, rig.clock.wall, zone_named("UTC"))
        self.answers: list[str] = []
        self.high = 1.0
        self.base: Sheet | None = None

    def expose_once(self) -> None:
        hand = self._hand(Purpose.WARMUP, Face({}))
        answer = hand.expose(warm_up.asked("S", 1, self.certificate.combinations[0], 10.0))
        assert getattr(answer, "ended", "") == "complete", answer

    def warm_up(self) -> Exit:
        face = Face({"the room is empty": lambda: "yes"})
        one = self.certificate.combinations[0]
        fitted = Fitted(one.filter_id, one.applicator_id)
        return warm_up.warm_up(self.session, self._hand(Purpose.WARMUP, face), self.certificate, self.day, fitted, face)

    def commission(self) -> None:
        c = self.certificate
        every = tuple(name for name, _ in ITEMS)
        rows = tuple(Commissioned(o.kv, o.ma, o.filter_id, o.applicator_id, every) for o in c.combinations)
        audit = Audit("mailed dosimeters", "Another House", "2026-10-01", 1.01)
        self.sign(SheetKind.COMMISSIONING, Commissioning(c.tube_serial, c.machine_serial, c.sha256.hex(), audit, rows))

    def baseline(self) -> Exit:
        c, face = self.certificate, Face(self._answers())
        wanted = Baseline(c.sha256.hex(), c.tube_serial, c.machine_serial, DEVICE, "nC", False, 0.0, beams_of(c), ())

        def sign(base: Baseline) -> Exit:
            self.base = self.sign(SheetKind.BASELINE, base)
            return Exit.AS_INTENDED

        return room.baseline(
            self.session, self._hand(Purpose.DAILY, face), c, wanted, face, Notes(self.records / "daily"), sign
        )

    def daily(self, high: float) -> Exit:
        self.high = high
        face = Face(self._answers())
        assert self.base is not None
        base = msgspec.json.decode(self.base.body, type=Baseline)

        def sign(sheet: DaySheet) -> Exit:
            self.sign(SheetKind.DAILY, sheet)
            return Exit.AS_INTENDED

        site = Site(
            "A. Person",
            self._bound(),
            base,
            self.base.sha256,
            self._opened,
            self._untold,
            Notes(self.records / "daily"),
        )
        return room.daily(self.session, self._hand(Purpose.DAILY, face), self.certificate, self.day, site, face, sign)

    def _answers(self) -> dict[str, Callable[[], str]]:
        say_yes: Callable[[], str] = lambda: "yes"  # noqa: E731 - one answer to many questions
        return {
            "open each alone": self._open_each, "station pressure": lambda: "101.3 kPa", "temperature at": lambda: "21.0 degC",
            "is seated in its jig": say_yes, "seated anew, the room": say_yes, "reading of the detector": self._reading,
            "keep ": lambda: "", "are of a check that was left": lambda: "the reading was high",
            "latched: the door is open": say_yes,
            **{words: say_yes for _, words in room.ITEMS},
        }  # fmt: skip

    def _reading(self) -> str:
        ended = self.session.snapshot.ended if self.session.snapshot is not None else None
        assert ended is not None
        return f"{ended.dose.delivered_mgy * NC_PER_MGY * self.high:.4f} nC"

    def _open_each(self) -> str:
        rig = self.rig
        fitted = rig.world.room.applicator
        for there, back in (
            ({"emergency_stop": True}, {"emergency_stop": False}), ({"door_open": True}, {"door_open": False}),
            ({"key": "SERVICE"}, {"key": "TREAT"}), ({"applicator": 0}, {"applicator": fitted}),
        ):  # fmt: skip
            rig.room(**there)
            rig.wait(0.3)
            rig.room(**back)
            rig.wait(0.3)
        rig.wait(0.5)
        return " "

    def _hand(self, purpose: Purpose, face: Face) -> Hand:
        rig, session = self.rig, self.session

        def press() -> str:
            rig.press()
            if face.said and "is to be interrupted" in " ".join(face.said[-4:]):
                rig.each_turn["door"] = self._door_in_beam
            return ""

        database = Path(rig.recorder_config.database)
        return Hand(
            session, self.certificate, Kept(database), Person("A. Person", "operator"), face, press, None, purpose
        )

    def _door_in_beam(self) -> None:
        shown = self.rig.snapshot()
        if shown is not None and shown.state == "IRRADIATING" and shown.since_s > 1.0:
            self.rig.room(door_open=True)
        elif shown is not None and shown.state not in ("READY", "STARTING", "IRRADIATING", "STOPPING", "ARMING"):
            self.rig.room(door_open=False)
            del self.rig.each_turn["door"]

    def sign(self, kind: SheetKind, content: Any, key: Ed25519PrivateKey = PHYSICIST) -> Sheet:
        plain = Sheet(kind, body(content), "P. One", "physicist", f"{self.rig.clock.wall():.3f}", b"")
        sheet = msgspec.structs.replace(plain, ed25519=key.sign(plain.message))
        hand_in(self.records, sheet)
        self.rig.wait(0.5)
        words = fractions.sheet_words(self.rig.recorder_config.database, sheet.sha256)
        assert words is not None
        self.answers.append(words)
        return sheet

    def _bound(self) -> Bound:
        blob, c = self.rig.blob, self.certificate
        return Bound(
            blob.rig.name, blob.software_version, blob.configuration_sha256.hex(), c.sha256.hex(), c.tube_serial, c.machine_serial,
            parts_sha256(c.combinations).hex(),
        )  # fmt: skip

    def _beams(self) -> Any:
        return fractions.beams_kept(
            self.rig.recorder_config.database, self.rig.clock.wall() - self.rig.clock.monotonic(), of_this_tube=True
        )

    def _opened(self, since_s: float) -> frozenset[str]:
        return fractions.opened_alone(self.rig.recorder_config.database, since_s)

    def _untold(self) -> tuple[int, ...]:
        known = set(msgspec.json.decode(self.base.body, type=Baseline).tokens) if self.base is not None else set()
        made_today = {one.token for one in self._beams() if one.purpose is Purpose.DAILY}
        return tuple(sorted(made_today - known))
