"""One treatment from the operator's side against a scripted rig: what is confirmed, what is refused, and what each end gives as exit code.
The rig's states are moved by a script, not by a loop; every wait is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from desk_by_hand import ScriptedDesk, certificate, dose, ended, offer, snapshot

from console.desk_client import connect
from console.exit_codes import Exit
from console.second_calculation import Compared
from console.treat import treat as room
from console.treat.independent import Beside
from console.treat.session import Session
from console.treat.treat import Result, Wanted, treat
from controller.prescribed import Prescribed
from controller.requests import (
    Alive,
    Answer,
    Close,
    Confirm,
    Edit,
    Ended,
    Load,
    Offer,
    Reply,
    Request,
    Resume,
    Snapshot,
    Status,
    Stop,
    Watch,
)
from hal.clock import SystemClock

CLOCK = SystemClock()
Make = Callable[[Callable[[Request], list[Reply]]], ScriptedDesk]


class Rig:
    """The desk of a rig that a script moves: each request changes the state as the table would, and each Alive shows the next of `beam`."""

    def __init__(self, beam: list[dict[str, Any]], **changes: Any) -> None:
        self.beam = beam
        self.offer: dict[str, Any] = changes.pop("offer", {})
        self.refuse: dict[type, str] = changes.pop("refuse", {})
        self.now: dict[str, Any] = {"state": "STANDBY"} | changes
        self.pressed = False

    def shown(self) -> Snapshot:
        return snapshot(**self.now)

    def heard(self, request: Request) -> list[Reply]:
        if type(request) in self.refuse:
            return [Answer(False, self.refuse[type(request)]), self.shown()]
        match request:
            case Watch() | Status():
                return [self.shown()]
            case Load() | Resume():
                self.now |= {"state": "PREPARATORY", "offer": offer(**self.offer)}
            case Confirm():
                self.now |= {"state": "READY", "offer": None}
                self.pressed = False
            case Edit():
                self.now |= {"state": "STANDBY", "offer": None}
            case Close():
                self.now |= {"state": "STANDBY"}
            case Stop():
                self._stopped()
                return [Answer(True, "stop"), self.shown()]
            case Alive():
                self._go_on()
                return [self.shown()]
        return [Answer(True, type(request).__name__.lower()), self.shown()]

    def press(self) -> str:
        self.pressed = True
        return ""

    def _stopped(self) -> None:
        if self.now["state"] in ("STARTING", "IRRADIATING"):
            self.now |= {
                "state": "INTERRUPTED",
                "beam": "off",
                "ended": ended(outcome="INTERRUPTED", event="STOP", rule="stop", rest_mgy=600.0),
            }
        elif self.now["state"] in ("PREPARATORY", "READY"):
            self.now |= {"state": "STANDBY", "offer": None}

    def _go_on(self) -> None:
        if self.pressed and self.beam and self.now["state"] != "INTERRUPTED":
            self.now |= self.beam.pop(0)


class Script:
    """A face that answers from a list and keeps what it was shown; `on_progress` is called with every snapshot."""

    def __init__(self, answers: list[str | None], on_progress: Callable[[Snapshot], None] | None = None) -> None:
        self.answers = answers
        self.said: list[str] = []
        self.offers: list[Offer] = []
        self._on_progress = on_progress

    def say(self, words: str) -> None:
        self.said.append(words)

    def show_offer(self, prescribed: Prescribed, shown: Offer, compared: tuple[Compared, ...], simulated: bool) -> None:
        assert simulated and compared and prescribed.rx_mgy == shown.rx_mgy
        self.offers.append(shown)

    def ask(self, words: str) -> None:
        self.said.append(words)

    def typed(self) -> str | None:
        return self.answers.pop(0) if self.answers else None

    def progress(self, shown: Snapshot, silent_s: float) -> None:
        assert silent_s >= 0.0
        if self._on_progress is not None:
            self._on_progress(shown)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The room's patience, shortened: what is tested is what follows, not how long it takes."""
    monkeypatch.setattr(room, "END_SHOWN_WITHIN_S", 0.6)
    monkeypatch.setattr(room, "GONE_AFTER_S", 1.0)
    monkeypatch.setattr(room, "OFFER_WITHIN_S", 0.6)
    monkeypatch.setattr(room, "STANDBY_WITHIN_S", 0.6)
    monkeypatch.setattr("console.treat.session.ALIVE_EVERY_S", 0.02)


def play(
    scripted: Make,
    rig: Rig,
    prescribed: Prescribed,
    face: Script | None = None,
    at: Callable[[Session, Snapshot], None] | None = None,
    **wants: Any,
) -> tuple[Result, ScriptedDesk, Script]:
    desk = scripted(rig.heard)
    with connect(desk.places.desk, CLOCK) as client:
        session = Session(client, desk.places.stop, CLOCK)
        face = face or Script(["yes\n"])
        if at is not None:
            face._on_progress = lambda shown: at(session, shown)
        result = treat(session, Wanted(prescribed, certificate(), "A. Nurse", **({"press": rig.press} | wants)), face)
    desk.end()
    return result, desk, face


BEAM = [
    {"state": "STARTING", "beam": "on"},
    {"state": "IRRADIATING", "beam": "on", "dose": dose(delivered_mgy=500.0)},
    {"state": "STOPPING", "beam": "MAY BE ON"},
    {"state": "TERMINATED", "beam": "off", "ended": ended(durable=False)},
    {"ended": ended()},
]


def kinds(desk: ScriptedDesk) -> list[str]:
    return [type(request).__name__ for request in desk.requests if not isinstance(request, Alive)]


def test_a_whole_fraction_is_loaded_confirmed_pressed_watched_and_closed(
    scripted: Make, prescribed: Prescribed
) -> None:
    result, desk, face = play(scripted, Rig(list(BEAM)), prescribed)
    assert result.code is Exit.AS_INTENDED and result.ended is not None and result.ended.durable
    assert kinds(desk) == ["Watch", "Load", "Confirm", "Close"]
    confirm = next(request for request in desk.requests if isinstance(request, Confirm))
    assert (confirm.offer_id, confirm.digest) == (face.offers[0].id, face.offers[0].digest)
    assert result.trail[:2] == ("STANDBY", "PREPARATORY") and "IRRADIATING" in result.trail
    assert any("press" in words for words in face.said)


@pytest.mark.parametrize("typed", ["no\n", "y\n", "", "yes please\n"])
def test_anything_but_a_typed_yes_unloads(scripted: Make, prescribed: Prescribed, typed: str) -> None:
    result, desk, _ = play(scripted, Rig([]), prescribed, Script([None, typed]))
    assert result.code is Exit.NOT_CONFIRMED and result.ended is None
    assert kinds(desk) == ["Watch", "Load", "Edit"]


def test_a4_a5_an_offer_that_the_second_calculation_does_not_meet_is_never_confirmed(
    scripted: Make, prescribed: Prescribed
) -> None:
    result, desk, _ = play(scripted, Rig([], offer={"set_time_s": 25.0}), prescribed, yes=True)
    assert result.code is Exit.REFUSED and "second calculation differs" in result.words and "set time" in result.words
    assert kinds(desk) == ["Watch", "Load", "Edit"]


@pytest.mark.parametrize(("made_by", "named"), [(b"\xab" * 32, "abababababababab"), (b"", "of an older program")])
def test_an_offer_by_another_certificate_than_lies_here_is_never_confirmed(
    scripted: Make, prescribed: Prescribed, made_by: bytes, named: str
) -> None:
    """A new certificate lies in the folder and kerma run was not started again: every figure agrees, whoever says yes."""
    result, desk, _ = play(scripted, Rig([], offer={"certificate_sha256": made_by}), prescribed, yes=True)
    assert result.code is Exit.REFUSED and kinds(desk) == ["Watch", "Load", "Edit"]
    assert named in result.words and "C-1 (0202020202020202) lies here" in result.words
    assert "first: start kerma run again, then load again" in result.words


def test_a1_a_time_off_that_of_fraction_1_is_never_confirmed(scripted: Make, prescribed: Prescribed) -> None:
    """Hazard A1: the same offer, and fraction 1 that took a tenth less: whoever says yes."""
    later = msgspec.structs.replace(prescribed, fraction=2, fractions=6)
    result, desk, _ = play(scripted, Rig([]), later, yes=True, beside=Beside(None, 18.0))
    assert result.code is Exit.REFUSED
    assert "set time, fraction 1: offered" in result.words
    assert "above 10 %: nobody may" in result.words
    assert kinds(desk) == ["Watch", "Load", "Edit"]


def test_an_offer_that_changes_before_the_yes_is_shown_again(scripted: Make, prescribed: Prescribed) -> None:
    rig = Rig(list(BEAM))
    face = Script([])

    def at(_session: Session, shown: Snapshot) -> None:
        if shown.offer is not None and shown.offer.id == 1 and len(face.offers) == 1:
            rig.now["offer"] = offer(id=2, digest=b"\x07" * 32)
        elif len(face.offers) == 2 and not face.answers:
            face.answers.append("yes\n")

    result, desk, _ = play(scripted, rig, prescribed, face, at)
    assert result.code is Exit.AS_INTENDED
    assert [shown.id for shown in face.offers] == [1, 2]
    assert [request.offer_id for request in desk.requests if isinstance(request, Confirm)] == [2]


def test_a_refused_load_gives_the_desks_own_words(scripted: Make, prescribed: Prescribed) -> None:
    result, _, _ = play(scripted, Rig([], refuse={Load: "this fraction was delivered on Monday"}), prescribed)
    assert result.code is Exit.REFUSED and result.words == "this fraction was delivered on Monday"


def test_a_refused_confirmation_unloads(scripted: Make, prescribed: Prescribed) -> None:
    result, desk, _ = play(scripted, Rig([], refuse={Confirm: "not ready: door open"}), prescribed)
    assert result.code is Exit.REFUSED and "door open" in result.words and kinds(desk)[-1] == "Edit"


def test_an_order_whose_signature_was_withdrawn_while_it_was_read_is_not_confirmed(
    scripted: Make, prescribed: Prescribed
) -> None:
    result, desk, _ = play(scripted, Rig([]), prescribed, allowed=lambda: "mia withdrew mia's: wrong side")
    assert result.code is Exit.REFUSED and "wrong side" in result.words and kinds(desk) == ["Watch", "Load", "Edit"]


ITEMS = (("patient", "both identifiers?"), ("room", "nobody else in the room?"))


def test_the_time_out_is_asked_item_by_item_and_kept_before_the_desk_is_asked(
    scripted: Make, prescribed: Prescribed
) -> None:
    """Each item by a typed yes, then the question itself; what was ticked, offered and compared is kept, and then confirmed."""
    kept: list[Any] = []

    def charted(shown: Offer, ticked: tuple[str, ...], compared: tuple[Compared, ...]) -> str:
        kept.append((shown.id, ticked, all(line.agrees for line in compared)))
        return ""

    face = Script(["yes\n", "yes\n", "yes\n"])
    result, desk, _ = play(scripted, Rig(list(BEAM)), prescribed, face, time_out=ITEMS, charted=charted)
    assert result.code is Exit.AS_INTENDED and kept == [(1, ("patient", "room"), True)]
    assert [words for words in face.said if "type yes" in words] == [
        "both identifiers? type yes: ",
        "nobody else in the room? type yes: ",
        "deliver this? type yes: ",
    ]
    assert kinds(desk) == ["Watch", "Load", "Confirm", "Close"]


@pytest.mark.parametrize("answers", [["no\n"], ["yes\n", "no\n"], ["yes\n", ""], ["yes\n", "yes\n", "no\n"]])
def test_a_time_out_that_is_not_whole_unloads(
    scripted: Make, prescribed: Prescribed, answers: list[str | None]
) -> None:
    kept: list[object] = []
    result, desk, _ = play(
        scripted, Rig([]), prescribed, Script(answers), time_out=ITEMS, charted=lambda *given: str(kept.append(given))
    )
    assert result.code is Exit.NOT_CONFIRMED and kinds(desk) == ["Watch", "Load", "Edit"] and not kept


def test_a17_what_cannot_be_kept_before_the_beam_is_not_confirmed(scripted: Make, prescribed: Prescribed) -> None:
    """Hazard A17: nobody could say later who looked."""
    result, desk, _ = play(
        scripted, Rig([]), prescribed, charted=lambda *_: "cannot be kept: the disk is full; first: make room"
    )
    assert result.code is Exit.REFUSED and "disk is full" in result.words and kinds(desk) == ["Watch", "Load", "Edit"]


def test_stop_in_beam_waits_for_the_end_and_leaves_the_fraction_open(scripted: Make, prescribed: Prescribed) -> None:
    def at(session: Session, shown: Snapshot) -> None:
        if shown.state == "IRRADIATING" and not session.stopped:
            session.stop()

    result, desk, _ = play(scripted, Rig(list(BEAM[:2])), prescribed, at=at)
    assert result.code is Exit.INTERRUPTED and result.ended is not None and result.ended.event == "STOP"
    assert "Close" not in kinds(desk) and "Stop" in kinds(desk)
    assert desk.stops == 1


def test_stop_before_the_yes_delivers_nothing(scripted: Make, prescribed: Prescribed) -> None:
    def at(session: Session, shown: Snapshot) -> None:
        if shown.offer is not None:
            session.stop()

    result, desk, _ = play(scripted, Rig([]), prescribed, Script([]), at)
    assert result.code is Exit.NOT_CONFIRMED and "Confirm" not in kinds(desk)


@pytest.mark.parametrize("earlier", [None, ended(token=7)], ids=["none", "one"])
@pytest.mark.parametrize(("at", "code"), [("PREPARATORY", Exit.NOT_CONFIRMED), ("READY", Exit.VOID)])
def test_a_stop_is_told_by_whether_it_was_confirmed(
    scripted: Make, prescribed: Prescribed, at: str, code: Exit, earlier: dict[str, Any] | None
) -> None:
    """Whether this process had an exposure before changes nothing of it: the end that is shown of that one is taken away when the next is loaded."""

    def stop(session: Session, shown: Snapshot) -> None:
        if shown.state == at and not session.stopped:
            session.stop()
            rig.now |= {"ended": None}

    rig = Rig([], ended=earlier)
    result, _, _ = play(scripted, rig, prescribed, at=stop)
    assert result.code is code


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ({"state": "FAULT", "beam": "off", "ended": ended(outcome="FAULT", event="TRIP_FAULT", rule="dose_channels")}, Exit.FAULT),
        ({"state": "INTERRUPTED", "beam": "off", "ended": ended(outcome="INTERRUPTED", event="TRIP_STOP", rule="door")}, Exit.INTERRUPTED),
        ({"state": "TERMINATED", "beam": "off", "ended": ended(event="TIME_END")}, Exit.BACKUP_END),
        ({"state": "STUCK_ON", "beam": "MAY BE ON"}, Exit.STUCK_ON),
        ({"state": "STUCK_ON", "beam": "MAY BE ON", "ended": ended(outcome="STUCK_ON", event="OFF_UNVERIFIED")}, Exit.STUCK_ON),
        ({"state": "PREPARATORY", "beam": "off", "ended": ended(outcome="VOID", void=True)}, Exit.VOID),
        ({"state": "SELF_TEST", "beam": "off"}, Exit.VOID),
        ({"state": "FAULT", "beam": "off"}, Exit.FAULT),
    ],
)  # fmt: skip
def test_every_other_end_has_its_own_exit_code(
    scripted: Make, prescribed: Prescribed, last: dict[str, Any], code: Exit
) -> None:
    result, desk, _ = play(scripted, Rig([*BEAM[:2], last]), prescribed)
    assert result.code is code
    assert ("Close" in kinds(desk)) is (last["state"] == "TERMINATED")


def test_what_set_it_back_is_told_although_a_new_offer_stands_by_then(scripted: Make, prescribed: Prescribed) -> None:
    """The cause is shown until the next offer is made, which is sooner than an end is waited for; its words are kept from when it was left."""
    why = "the reply of the safety unit is 230 ms old, at most 200 ms"
    back = {"state": "PREPARATORY", "beam": "off", "offer": None, "notice": why}
    result, _, _ = play(scripted, Rig([back, {"offer": offer(id=9), "notice": ""}]), prescribed)
    assert result.words == f"left in PREPARATORY: {why}"


def test_the_end_of_an_earlier_exposure_is_never_taken_for_this_one(scripted: Make, prescribed: Prescribed) -> None:
    rig = Rig([*BEAM[:3], {"state": "TERMINATED", "beam": "off", "ended": ended(token=8)}], ended=ended(token=7))
    result, _, _ = play(scripted, rig, prescribed)
    assert result.ended is not None and result.ended.token == 8


def test_a_desk_that_goes_silent_in_beam_is_no_answer(scripted: Make, prescribed: Prescribed) -> None:
    rig = Rig(list(BEAM[:2]))
    silent: list[bool] = []

    def heard(request: Request) -> list[Reply]:
        replies = rig.heard(request)
        if rig.now["state"] == "IRRADIATING":
            silent.append(True)
        return [] if len(silent) > 1 else replies

    desk = scripted(heard)
    with connect(desk.places.desk, CLOCK) as client:
        result = treat(
            Session(client, desk.places.stop, CLOCK),
            Wanted(prescribed, certificate(), "A", press=rig.press),
            Script(["yes\n"]),
        )
    assert result.code is Exit.NO_ANSWER
    assert "lease" in result.words and "emergency stop" in result.words


def test_a_desk_that_dies_in_beam_is_no_answer_and_the_switch_is_let_go(scripted: Make, prescribed: Prescribed) -> None:
    rig = Rig(list(BEAM[:2]))
    desk = scripted(rig.heard)
    let_go: list[bool] = []

    def progress(shown: Snapshot) -> None:
        if shown.state == "IRRADIATING":
            desk._ended.set()

    def release() -> str:
        let_go.append(True)
        return ""

    with connect(desk.places.desk, CLOCK) as client:
        wanted = Wanted(prescribed, certificate(), "A", press=rig.press, release=release)
        result = treat(Session(client, desk.places.stop, CLOCK), wanted, Script(["yes\n"], progress))
    assert result.code is Exit.NO_ANSWER and let_go == [True, True]


def test_a_press_that_the_simulator_does_not_do_is_a_stop(scripted: Make, prescribed: Prescribed) -> None:
    result, desk, _ = play(scripted, Rig([]), prescribed, press=lambda: "the simulator refused")
    assert result.code is Exit.REFUSED and result.words == "the simulator refused" and desk.stops == 1


def test_a_person_is_asked_to_press_and_one_press_is_asked_for_once(scripted: Make, prescribed: Prescribed) -> None:
    rig = Rig(list(BEAM))

    def at(_session: Session, shown: Snapshot) -> None:
        if any("press the beam-on switch" in words for words in face.said):
            rig.pressed = True

    face = Script(["yes\n"])
    result, _, face = play(scripted, rig, prescribed, face, at, press=None)
    assert result.code is Exit.AS_INTENDED
    assert sum("press the beam-on switch" in words for words in face.said) == 1


def test_resume_sends_the_reason_and_is_checked_against_the_records(scripted: Make, prescribed: Prescribed) -> None:
    rest = {"rest_mgy": 617.647, "set_time_s": 11.37, "segment": 2}
    result, desk, _ = play(
        scripted,
        Rig(list(BEAM), offer=rest),
        prescribed,
        resume=True,
        reason="eye shield",
        physicist=True,
        given_d0_mgy=500.0,
    )
    assert result.code is Exit.AS_INTENDED
    asked = next(request for request in desk.requests if isinstance(request, Resume))
    assert (asked.reason, asked.physicist, asked.operator) == ("eye shield", True, "A. Nurse")


def test_resume_against_other_records_is_refused(scripted: Make, prescribed: Prescribed) -> None:
    rest = {"rest_mgy": 617.647, "set_time_s": 11.37, "segment": 2}
    result, _, _ = play(scripted, Rig([], offer=rest), prescribed, resume=True, reason="r", given_d0_mgy=700.0)
    assert result.code is Exit.REFUSED and "rest of D0" in result.words


def test_a_fraction_that_ended_and_was_not_closed_is_closed_first(scripted: Make, prescribed: Prescribed) -> None:
    rig = Rig(
        [*BEAM[:3], {"state": "TERMINATED", "beam": "off", "ended": ended(token=8)}],
        state="TERMINATED",
        ended=ended(token=7),
    )
    result, desk, _ = play(scripted, rig, prescribed)
    assert result.code is Exit.AS_INTENDED and kinds(desk) == ["Watch", "Close", "Load", "Confirm", "Close"]


@pytest.mark.parametrize(
    ("state", "code"),
    [("FAULT", Exit.FAULT), ("STUCK_ON", Exit.STUCK_ON), ("IRRADIATING", Exit.REFUSED), ("INTERRUPTED", Exit.REFUSED)],
)
def test_a_rig_that_is_not_in_standby_is_left_alone(
    scripted: Make, prescribed: Prescribed, state: str, code: Exit
) -> None:
    result, desk, _ = play(scripted, Rig([], state=state, first_to_fix="see the log"), prescribed)
    assert result.code is code and "see the log" in result.words and kinds(desk) == ["Watch"]


def test_a_self_test_that_never_passes_is_given_up_with_what_it_waits_for(
    scripted: Make, prescribed: Prescribed
) -> None:
    result, _, _ = play(scripted, Rig([], state="SELF_TEST", first_to_fix="the generator does not answer"), prescribed)
    assert result.code is Exit.REFUSED and "the generator does not answer" in result.words


def test_no_offer_is_given_up_and_unloaded(scripted: Make, prescribed: Prescribed) -> None:
    rig = Rig([])
    rig.offer = {}

    def heard(request: Request) -> list[Reply]:
        replies = rig.heard(request)
        rig.now["offer"] = None
        return [reply if isinstance(reply, Answer) else rig.shown() for reply in replies]

    desk = scripted(heard)
    with connect(desk.places.desk, CLOCK) as client:
        result = treat(Session(client, desk.places.stop, CLOCK), Wanted(prescribed, certificate(), "A"), Script([]))
    desk.end()
    assert result.code is Exit.REFUSED and "no offer" in result.words and kinds(desk)[-1] == "Edit"


def test_an_end_that_never_becomes_durable_is_shown_as_such_and_not_closed(
    scripted: Make, prescribed: Prescribed
) -> None:
    result, desk, _ = play(scripted, Rig(BEAM[:4]), prescribed)
    assert isinstance(result.ended, Ended) and not result.ended.durable
    assert result.code is Exit.NOT_RECORDED and "Close" not in kinds(desk)
