"""The law of signatures on the shipped loop in virtual time: what the records refuse never beams, and while they look, or cannot, the loop goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from console.access.approvals import Approvals
from controller.kernel import Kernels
from controller.requests import Load, Resume
from controller.states import State
from records.approved import values_of
from verification.reach import OPERATOR, SHORT, confirm_as_offered, load, ons, state, to_beam, turn_until, wrong
from verification.setting import lay_out, virtual_rig
from verification.virtual import VirtualRig

SIGNERS = {"physician": "mia", "physicist": "paul"}


class Clinic:
    """A virtual rig that asks for both signatures, and the two who give them."""

    def __init__(self, folder: Path, kernels: Kernels) -> None:
        self.records = folder / "records"
        self.rig: VirtualRig = virtual_rig(lay_out(folder / "rig", self.records, "monitor", 15020), kernels)
        self.rig.kill_recorder()
        self.rig._recorder_config = msgspec.structs.replace(self.rig.recorder_config, approvals=tuple(SIGNERS))
        self.rig.start_recorder()
        self.approvals = Approvals(self.records, self.rig.clock.wall)

    def sign(self) -> int:
        for role, who in SIGNERS.items():
            n = self.approvals.sign(SHORT.sha256.hex(), "RX-1", who, role, values_of(SHORT))
        return n

    def refused(self, resume: str = "") -> str:
        turn_until(self.rig, State.STANDBY, State.INTERRUPTED)
        answer = self.rig.ask(Resume(SHORT, OPERATOR, resume) if resume else Load(SHORT, OPERATOR))
        assert not answer.ok and state(self.rig) is not State.PREPARATORY
        return answer.words


@pytest.fixture
def clinic(tmp_path: Path, kernels: Kernels) -> Iterator[Clinic]:
    made = Clinic(tmp_path, kernels)
    yield made
    made.rig.close()


@pytest.mark.grid
def test_an_order_without_its_signatures_never_beams_whoever_asks_the_desk(clinic: Clinic) -> None:
    """Not loaded unsigned; signed, it is; withdrawn on the way to the press, its START has no token, and a press makes no beam."""
    rig = clinic.rig
    assert "is not approved as it is now" in clinic.refused()
    n = clinic.sign()
    load(rig)
    clinic.approvals.withdraw(n, "wrong side", "mia", "physician")
    confirm_as_offered(rig)
    turn_until(rig, State.ARMING)
    rig.press()
    turn_until(rig, State.STANDBY, State.PREPARATORY, State.FAULT)
    rig.wait(0.5)
    assert ons(rig) == 0 and state(rig) is not State.FAULT
    assert wrong(rig, presses=0) == []


@pytest.mark.grid
def test_a_signature_withdrawn_in_beam_leaves_the_beam_and_stops_the_next(clinic: Clinic) -> None:
    rig = clinic.rig
    n = clinic.sign()
    to_beam(rig, 1.0)
    clinic.approvals.withdraw(n, "wrong side", "mia", "physician")
    rig.wait(1.0)
    assert state(rig) is State.IRRADIATING, "whoever withdraws it is told to press STOP (console/web/api.py)"
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    assert "mia withdrew paul's: wrong side" in clinic.refused("go on")
    assert wrong(rig, presses=1) == []


@pytest.mark.grid
def test_a_disk_that_does_not_answer_keeps_the_answer_and_not_the_loop(clinic: Clinic) -> None:
    """The recorder stands still at the question: the loop ticks as ever, refuses in words, and the same question is answered once the disk is back."""
    rig = clinic.rig
    clinic.sign()
    turn_until(rig, State.STANDBY)
    rig.stall_recorder(True)
    before, began_s = rig.ticks, rig.now_s()
    answer = rig.ask(Load(SHORT, OPERATOR))
    assert not answer.ok and answer.words
    assert rig.ticks - before == pytest.approx((rig.now_s() - began_s) * rig.blob.tick_hz, abs=2)
    assert ons(rig) == 0
    rig.stall_recorder(False)
    rig.wait(1.0)
    load(rig)
