"""The exposing hand: one exposure for one token, exactly as asked, and no answer where nobody knows. The desk is a script in time of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk_by_hand import certificate, dose, ended, offer, snapshot

from calibration.procedures.session import OF_THE_END, Expose, Recorded
from console.calibrate.exposing import FILAMENT_S, PATIENT, Answered, Hand, Person, Unanswered, compared, order
from console.desk_client import DeskGoneError
from console.second_calculation import Compared
from console.treat.session import Session
from controller.prescribed import Prescribed
from controller.requests import (
    Answer,
    Close,
    Confirm,
    Edit,
    Load,
    Offer,
    Reply,
    Request,
    Snapshot,
    Stop,
)
from hal.readings import Purpose
from hal.units import Seconds

ASKED = Expose("S-1", "physics", 69.5, 1.6, "F2", "A20", 10.0, 16.16)
PERSON = Person("P. One", "physicist")
OFFERED = {
    "purpose": Purpose.CALIBRATE, "termination": "time", "rx_mgy": 542.025, "d0_mgy": 542.025, "skin_mgy": 542.025, "rest_mgy": 542.025,
    "set_time_s": 10.0, "timer_preset_ms": 10000,
}  # fmt: skip
ROW = {
    "certificate_sha256": certificate().sha256.hex(),
    "token": 7,
    "outcome": "TERMINATED",
    "beam_s": 10.0,
    "kv_mean": 69.4,
    "ma_mean": 1.61,
    "counts_1": 27000,
    "counts_2": 27500,
    "k_tp": 1.02,
    "host_beam_s": 10.004,
    "rule": "unit:TIME_PRESET",
    "words": "",
    "void": False,
    "after_end_1": 48.25,
    "after_end_2": 49.5,
    "after_end_s": 0.341,
    "after_end_k1_s": 0.013,
    "after_end_unseen": None,
}


RECORD = Recorded(
    set_kv=69.499, set_ma=1.6, kv=69.4, ma=1.61, counts_1=27000.0, counts_2=27500.0, head_p_tp=1.02, clock_s=10.004, arcs=0.0,
    after_off_1=48.25, after_off_2=49.5, after_off_s=0.341, k1_closed_s=0.013,
)  # fmt: skip


class Desk:
    """A desk that answers at once, and a clock that goes on only while somebody waits. `beam` are the snapshots after the press."""

    def __init__(self, beam: list[dict[str, Any]], offered: dict[str, Any] | None = None) -> None:
        self.now = 100.0
        self.at_s: dict[str, float] = {}
        self.beam, self.offered = list(beam), OFFERED | (offered or {})
        self.state: dict[str, Any] = {"state": "STANDBY"}
        self.refuse: dict[type, str] = {}
        self.silent = self.gone = self.pressed = False
        self.sent: list[Request] = []
        self._replies: list[Reply] = []

    def monotonic(self) -> Seconds:
        return Seconds(self.now)

    def wall(self) -> Seconds:
        return Seconds(1.8e9 + self.now)

    def sleep_until(self, deadline: Seconds) -> None:
        self.now = deadline

    def send(self, request: Request, timeout_s: float = 0.5) -> None:
        assert timeout_s >= 0.0
        if self.gone:
            raise DeskGoneError("the desk is gone")
        self.sent.append(request)
        self.at_s[type(request).__name__] = self.now
        if type(request) in self.refuse:
            self._replies.append(Answer(False, self.refuse[type(request)]))
            return
        match request:
            case Load():
                self.state |= {"state": "PREPARATORY", "offer": offer(**self.offered)}
            case Confirm():
                self.state |= {"state": "READY", "offer": None}
            case Edit() | Close():
                self.state |= {"state": "STANDBY", "offer": None}
            case Stop() if self.state["state"] in ("PREPARATORY", "READY"):
                self.state |= {"state": "STANDBY", "offer": None}
            case Stop():
                pass
            case _:
                return
        self._replies.append(Answer(True, type(request).__name__.lower()))

    def receive(self, timeout_s: float) -> Reply | None:
        if self.gone:
            raise DeskGoneError("the desk is gone")
        if self._replies:
            return self._replies.pop(0)
        if timeout_s <= 0.0:
            return None
        self.now += timeout_s
        if self.silent:
            return None
        if self.pressed and self.beam:
            self.state |= self.beam.pop(0)
        return snapshot(**self.state)

    def press(self) -> str:
        self.pressed = True
        return ""

    def kinds(self) -> list[str]:
        return [type(one).__name__ for one in self.sent if type(one).__name__ not in ("Alive", "Watch")]


class Book:
    """Records that a test writes."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = set(tokens)
        self.row: Mapping[str, Any] | None = ROW
        self.was_cold = False

    def cold(self) -> bool:
        return self.was_cold

    def known(self, token: str) -> bool:
        return token in self.tokens

    def exposure(self, tag: int, number: int) -> Mapping[str, Any] | None:
        assert tag
        return self.row if number == ROW["token"] else None


class Face:
    """Shows nothing; `seen` is called with every snapshot."""

    def __init__(self, seen: Callable[[Snapshot], None] = lambda _shown: None) -> None:
        self._seen = seen

    def say(self, words: str) -> None:
        assert words

    def show_offer(self, prescribed: Prescribed, shown: Offer, lines: tuple[Compared, ...], simulated: bool) -> None:
        assert simulated and lines and prescribed.rx_mgy > 0.0 and shown.id

    def ask(self, words: str) -> None:
        raise AssertionError(f"the hand asks nobody: {words}")

    def typed(self) -> str | None:
        return None

    def progress(self, shown: Snapshot, silent_s: float) -> None:
        assert silent_s >= 0.0
        self._seen(shown)


def end(**changes: Any) -> dict[str, Any]:
    return {"state": "TERMINATED", "beam": "off", "ended": ended(dose=dose(beam_s=10.0), **changes)}


BEAM = [{"state": "IRRADIATING", "beam": "on"}, end()]


def made(
    desk: Desk, book: Book | None = None, face: Face | None = None, person: Person = PERSON
) -> tuple[Hand, Session]:
    session = Session(desk, Path("/nowhere/stop"), desk)
    return Hand(session, certificate(), book or Book(), person, face or Face(), desk.press), session


def test_one_request_is_one_exposure_with_what_the_records_say_of_it() -> None:
    desk = Desk(BEAM)
    hand, _ = made(desk)
    assert hand.expose(ASKED) == Answered("S-1", "complete", 10.0, RECORD, 7)
    assert desk.kinds() == ["Load", "Confirm", "Close"]
    load = next(one for one in desk.sent if isinstance(one, Load))
    assert load.role == "physicist" and load.prescribed.purpose is Purpose.CALIBRATE
    assert load.prescribed.patient_id == PATIENT and load.prescribed.prescription_id == "S-1"


def test_a7_an_exposure_by_another_certificate_than_the_one_that_lies_here_is_no_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hazard A7: the file was exchanged and kerma run goes on with the one before, by which the unit's timer may start at another event."""
    monkeypatch.setitem(ROW, "certificate_sha256", "ab" * 32)
    hand, _ = made(Desk(BEAM))
    answer = hand.expose(ASKED)
    assert isinstance(answer, Answered) and answer.ended != "complete" and answer.number == 7
    assert (
        answer.ended.startswith("was made by certificate abababababababab, ") and "start kerma run anew" in answer.ended
    )


def test_a7_nothing_is_exposed_by_another_certificate_than_the_one_that_lies_here() -> None:
    """Hazard A7: its offer names it, and so no beam is given for what would be no reading."""
    desk = Desk(BEAM, offered={"certificate_sha256": b"\xab" * 32})
    answer = made(desk)[0].expose(ASKED)
    assert isinstance(answer, Answered) and "by certificate abababababababab, which kerma run still has" in answer.ended
    assert desk.kinds() == ["Load", "Edit"]


@pytest.mark.parametrize("why", ["the safety unit restarted at the end", None])
def test_a7_an_end_that_the_record_did_not_see_brings_no_counts_and_its_reason(
    monkeypatch: pytest.MonkeyPatch, why: str | None
) -> None:
    """Hazard A7: nothing is put in the place of what was not seen; a record of before knows no reason."""
    for name in ("after_end_1", "after_end_2", "after_end_s", "after_end_k1_s"):
        monkeypatch.setitem(ROW, name, None)
    monkeypatch.setitem(ROW, "after_end_unseen", why)
    hand, _ = made(Desk(BEAM))
    answer = hand.expose(ASKED)
    assert isinstance(answer, Answered)
    seen = [getattr(answer.record, name) for name in OF_THE_END]
    assert seen == [None] * len(OF_THE_END) and answer.record.after_off_unseen == (why or "")


@pytest.mark.parametrize(
    ("offered", "name"),
    [
        ({"set_time_s": 10.01, "timer_preset_ms": 10010}, "time asked for"),
        ({"set_time_s": 9.99, "timer_preset_ms": 9990}, "time asked for"),
        ({"timer_preset_ms": 10300}, "timer preset"),
        ({"ma": 1.62}, "charge, at most"),
        ({"segment": 2}, "segment"),
        ({"kv": 70.5}, "tube voltage"),
        ({"purpose": Purpose.TREAT}, "purpose"),
        ({"termination": "monitor"}, "ends by"),
        ({"filter_id": "F1"}, "filter"),
    ],
)
def test_t1_an_offer_of_anything_else_is_never_confirmed(offered: dict[str, Any], name: str) -> None:
    """Second calculation of time and charge: whatever differs, nothing is confirmed, and the answer says that nothing was exposed."""
    desk = Desk(BEAM, offered)
    answer = made(desk)[0].expose(ASKED)
    assert isinstance(answer, Answered) and answer.timer_s == 0.0
    assert answer.ended.startswith("not exposed: the second calculation differs") and f"{name}:" in answer.ended
    assert desk.kinds() == ["Load", "Edit"]


def test_o1_a_token_is_used_once() -> None:
    """By the same hand, and by another one that only has the records."""
    desk, book = Desk(BEAM), Book()
    hand, _ = made(desk, book)
    hand.expose(ASKED)
    sent = len(desk.kinds())
    assert isinstance(hand.expose(ASKED), Unanswered)
    book.tokens.add("S-1")
    assert isinstance(made(desk, book)[0].expose(ASKED), Unanswered)
    assert len(desk.kinds()) == sent


@pytest.mark.parametrize("was_cold", [False, True])
def test_g6_after_a_dry_run_the_filament_has_its_time_before_the_confirmation(was_cold: bool) -> None:
    """Hazard G6: set at its stand-by by the offer, 1.5 s before anybody can press; without a dry run nobody waits."""
    desk, book = Desk(BEAM), Book()
    book.was_cold = was_cold
    assert isinstance(made(desk, book)[0].expose(ASKED), Answered) and desk.kinds() == ["Load", "Confirm", "Close"]
    assert (desk.at_s["Confirm"] - desk.at_s["Load"] >= FILAMENT_S) is was_cold


def test_g6_a_stop_while_the_filament_warms_confirms_nothing() -> None:
    """Hazard G6: the wait is no time in which STOP waits too."""
    desk, book = Desk(BEAM), Book()
    book.was_cold = True
    hand, session = made(desk, book)

    def receive(timeout_s: float, real: Callable[[float], Reply | None] = desk.receive) -> Reply | None:
        if desk.state.get("offer") is not None and desk.now > 101.0:
            session.stopped = True
        return real(timeout_s)

    desk.receive = receive  # type: ignore[method-assign]
    answer = hand.expose(ASKED)
    assert isinstance(answer, Answered) and "stopped while the filament warmed up" in answer.ended
    assert "Confirm" not in desk.kinds() and desk.kinds()[-1] == "Edit"


@pytest.mark.parametrize("how", ["silent", "gone"])
def test_a_desk_that_is_silent_or_gone_in_beam_gives_no_answer(how: str) -> None:
    desk = Desk(BEAM[:1])

    def seen(shown: Snapshot) -> None:
        if shown.state == "IRRADIATING":
            setattr(desk, how, True)

    answer = made(desk, face=Face(seen))[0].expose(ASKED)
    assert isinstance(answer, Unanswered) and "NO ANSWER" in answer.words


def test_a_refused_load_is_no_exposure_and_says_why() -> None:
    desk = Desk(BEAM)
    desk.refuse[Load] = "the key is not in SERVICE"
    answer = made(desk)[0].expose(ASKED)
    assert answer == Answered("S-1", "not exposed: the key is not in SERVICE", 0.0)


def test_a_refusal_that_the_records_contradict_is_no_answer() -> None:
    """Confirmed, not answered for, and begun all the same: the records know."""
    desk, book = Desk(BEAM), Book()
    desk.refuse[Confirm] = "no answer within 9 s"

    def seen(shown: Snapshot) -> None:
        if shown.offer is not None:
            book.tokens.add("S-1")

    assert isinstance(made(desk, book, Face(seen))[0].expose(ASKED), Unanswered)


def test_stop_sends_stop_and_the_end_is_told() -> None:
    stopped = end(outcome="INTERRUPTED", event="STOP", rule="stop", words="stopped at the desk") | {
        "state": "INTERRUPTED"
    }
    desk = Desk([BEAM[0], stopped])

    def seen(shown: Snapshot) -> None:
        if shown.state == "IRRADIATING" and not session.stopped:
            session.stop()

    hand, session = made(desk, face=Face(seen))
    answer = hand.expose(ASKED)
    assert isinstance(answer, Answered) and answer.ended == "interrupted, STOP, stop, stopped at the desk"
    assert "Stop" in desk.kinds() and desk.kinds()[-1] == "Close"
    hand.begin()
    assert not session.stopped


@pytest.mark.parametrize("change", [{"durable": False}, {"outcome": "STUCK_ON"}])
def test_an_end_that_is_not_kept_or_not_off_is_no_answer(change: dict[str, Any]) -> None:
    last = end(**change) | ({"state": "STUCK_ON"} if "outcome" in change else {})
    assert isinstance(made(Desk([BEAM[0], last]))[0].expose(ASKED), Unanswered)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": "FAULT", "event": "TRIP_FAULT", "rule": "dose_rate_high"}, "fault, TRIP_FAULT, dose_rate_high"),
        ({"event": "TIME_END", "rule": "backup_timer"}, "terminated, TIME_END, backup_timer"),
        ({"outcome": "VOID", "void": True, "event": "EXPIRED", "rule": ""}, "no beam, EXPIRED"),
    ],
)
def test_every_other_end_is_told_and_never_complete(change: dict[str, Any], words: str) -> None:
    answer = made(Desk([BEAM[0], end(**change)]))[0].expose(ASKED)
    assert isinstance(answer, Answered) and answer.ended == words


def test_g7_a_beam_that_an_arc_ended_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hazard G7: by the one question of everybody who counts arcs (console/arcs.py), at a slow tick by the chambers' silence."""
    monkeypatch.setitem(ROW, "rule", "no_dose")
    for words, counted in (("0 and 10", 1.0), ("0 and 2700", 0.0)):
        monkeypatch.setitem(ROW, "words", f"chambers count {words} in 1 s with high voltage on")
        answer = made(Desk(BEAM))[0].expose(ASKED)
        assert isinstance(answer, Answered) and answer.record.arcs == counted


def test_a7_an_exposure_of_which_the_records_tell_nothing_is_no_reading() -> None:
    """Hazard A7: by which certificate it was made stands in its record alone; taken as complete it would be a reading by whichever."""
    book = Book()
    book.row = None
    answer = made(Desk(BEAM), book)[0].expose(ASKED)
    assert isinstance(answer, Unanswered) and answer.token == "S-1"
    assert "exposure 7 ended as it was asked for, and the records told nothing of it within 5 s" in answer.words
    assert "first: see that the recorder runs" in answer.words and "reject this one" in answer.words


def test_a7_one_that_was_ended_otherwise_is_no_reading_with_or_without_a_record() -> None:
    """How it ended is told, as it is where the record came: nobody has to reject it first."""
    book = Book()
    book.row = None
    stopped = end(outcome="INTERRUPTED", event="STOP", rule="stop", words="stopped") | {"state": "INTERRUPTED"}
    answer = made(Desk([BEAM[0], stopped]), book)[0].expose(ASKED)
    assert answer == Answered("S-1", "interrupted, STOP, stop, stopped", 10.0, number=7)


def test_a_combination_that_the_certificate_lacks_is_said_before_the_desk_is_asked() -> None:
    desk = Desk(BEAM)
    answer = made(desk)[0].expose(replace(ASKED, filter="F9"))
    assert isinstance(answer, Answered) and "has no combination 69.5 kV, 1.6 mA, filter F9" in answer.ended
    answer = made(desk)[0].expose(replace(ASKED, token="S-2", ma=0.0, how="cold"))
    assert isinstance(answer, Answered) and "for 5 s, and S-2 asks for 10 s" in answer.ended
    answer = made(desk)[0].expose(replace(ASKED, token="S-3", kv=0.0, ma=0.0, how="dark"))
    assert isinstance(answer, Answered) and "asks for dark" in answer.ended
    assert desk.kinds() == []


def test_the_comparison_agrees_with_the_offer_that_follows_from_the_order() -> None:
    made_order = order(ASKED, certificate(), PERSON, Purpose.CALIBRATE)
    assert isinstance(made_order, Prescribed) and made_order.rx_mgy == pytest.approx(55.0 * (10.0 - 0.145))
    assert all(line.agrees for line in compared(ASKED, offer(**OFFERED)))
