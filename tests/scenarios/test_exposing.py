"""The exposing hand through the shipped controller and recorder, in virtual time: key, role, and a token that is used once whoever asks again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from calibration.procedures.session import Expose
from console.calibrate.exposing import Answered, Hand, Kept, Person, Unanswered
from console.second_calculation import Compared
from console.treat.session import Session
from controller.kernel import Kernels
from controller.prescribed import Prescribed
from controller.requests import Offer, Snapshot
from verification.setting import lay_out, virtual_rig
from verification.virtual_desk import VirtualDesk, VirtualNow

PERSON = Person("P. One", "physicist")


class Nothing:
    """Records that know of nothing."""

    def cold(self) -> bool:
        return False

    def known(self, token: str) -> bool:
        return not token

    def exposure(self, tag: int, number: int) -> Mapping[str, Any] | None:
        assert tag and number
        return None


class Face:
    """Shows nothing and types nothing."""

    def say(self, words: str) -> None:
        assert words

    def show_offer(self, prescribed: Prescribed, shown: Offer, lines: tuple[Compared, ...], simulated: bool) -> None:
        assert simulated and lines and prescribed.purpose is shown.purpose

    def ask(self, words: str) -> None:
        raise AssertionError(f"the hand asks nobody: {words}")

    def typed(self) -> str | None:
        return None

    def progress(self, shown: Snapshot, silent_s: float) -> None:
        assert silent_s >= 0.0 and shown.simulated


@pytest.mark.timeout(60)
def test_through_the_shipped_controller(tmp_path: Path, kernels: Kernels) -> None:
    """In virtual time: the key in SERVICE, a physicist, one exposure of 4 s; then the same token of another hand, an operator, the key in TREAT, and a token
    that a hand without memory and without records asks for again."""
    rig = virtual_rig(lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020), kernels)
    try:
        rig.room(key="SERVICE")
        desk = VirtualDesk(rig)
        session = Session(desk, tmp_path / "stop", VirtualNow(rig))
        kept = Kept(Path(rig.recorder_config.database))

        def pressed() -> str:
            rig.press()
            return ""

        def hand(person: Person = PERSON, book: Any = kept) -> Hand:
            return Hand(session, rig.blob.certificate, book, person, Face(), pressed)

        asked = Expose("S-1", "physics", 69.5, 1.6, "F2", "A20", 4.0, 6.5)
        answer = hand().expose(asked)
        assert isinstance(answer, Answered) and answer.ended == "complete" and answer.timer_s == 4.0
        assert answer.record.kv == pytest.approx(69.5, abs=0.3) and answer.record.ma == pytest.approx(1.6, abs=0.03)
        assert answer.record.counts_1 == pytest.approx(4.0 * 55.0 / 0.02, rel=0.05)
        assert isinstance(hand().expose(asked), Unanswered)
        again = hand(book=Nothing()).expose(asked)
        assert isinstance(again, Answered) and "is closed" in again.ended
        nurse = hand(Person("A. Nurse", "operator")).expose(Expose("S-2", "physics", 69.5, 1.6, "F2", "A20", 4.0, 6.5))
        assert isinstance(nurse, Answered) and "CALIBRATE is for physicist or service" in nurse.ended
        rig.room(key="TREAT")
        rig.wait(0.3)
        other = hand().expose(Expose("S-3", "physics", 69.5, 1.6, "F2", "A20", 4.0, 6.5))
        assert isinstance(other, Answered) and "the key is not in SERVICE" in other.ended
    finally:
        rig.close()
