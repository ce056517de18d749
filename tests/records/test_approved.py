"""The desk's own law of signatures: no program, however it asks, has an order of a patient cleared or started without what was signed over exactly it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from records_bench import Rig, prescribed, warmup

from console.access.approvals import Approvals
from console.access.audit import Audit
from controller.entries import Outcome
from controller.prescribed import Prescribed
from records.approved import FOLDER, HEAD, LOG, AuditLook, Signatures, values_of
from records.files import PosixFiles
from records.recorder import RecorderConfig

BOTH = ("physician", "physicist")
SIGNERS = {"physician": "mia", "physicist": "paul"}
ORDER = prescribed()
SHA256 = ORDER.sha256.hex()


@dataclass
class Signing(Rig):
    """The bench of the records, where both signatures are asked for."""

    needed: tuple[str, ...] = BOTH
    approvals: Approvals = field(init=False)

    def __post_init__(self) -> None:
        self.approvals = Approvals(self.folder, lambda: self.clock.wall)
        super().__post_init__()

    @property
    def config(self) -> RecorderConfig:
        return msgspec.structs.replace(super().config, approvals=self.needed)

    def sign(self, *roles: str, order: Prescribed = ORDER) -> list[int]:
        return [
            self.approvals.sign(order.sha256.hex(), "RX-1", SIGNERS[role], role, values_of(order))
            for role in roles or BOTH
        ]

    def refused(self, order: Prescribed = ORDER, **changed: Any) -> str:
        """What a QUERY is answered."""
        self.host.query(order, **changed)
        self.run(0.04)
        clearance = self.host.statement().clearance
        assert clearance is not None and clearance.query_seq == self.host.queries
        return clearance.refused

    def token(self, order: Prescribed = ORDER, **changed: Any) -> int:
        """What a START is answered: 0 is none."""
        self.host.confirm(order, **changed)
        self.run(0.04)
        return self.host.take_token()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Signing]:
    made = Signing(tmp_path)
    made.new_recorder()
    yield made
    made.close()


def test_what_is_not_signed_is_refused_with_words_and_what_is_signed_is_cleared(rig: Signing) -> None:
    """By one, by none, by both; the words come first and say what to do first."""
    said = rig.refused()
    assert said.startswith("the order is not approved as it is now: ")
    assert '"prescribed" (physician) and "physics checked" (physicist) is missing' in said and "first: have a" in said
    rig.sign("physician")
    assert '"physics checked" (physicist) is missing' in rig.refused() and rig.token() == 0
    rig.sign("physicist")
    assert rig.refused() == ""
    assert rig.token() > 0


def test_a_start_that_nobody_asked_about_gets_no_token(rig: Signing) -> None:
    assert rig.token() == 0
    assert rig.refused(warmup()) == "", "what is for nobody needs no signature"


def test_a_signature_withdrawn_before_start_gives_token_0_and_one_in_beam_ends_nothing(rig: Signing) -> None:
    """Between the answer and the press lies time: START is judged by what stands then. A beam goes on to its end, and what is left of it is not resumed."""
    _, n = rig.sign()
    assert rig.refused() == ""
    rig.approvals.withdraw(n, "depth is 4 mm", "mia", "physician")
    assert rig.token() == 0
    assert "mia withdrew paul's: depth is 4 mm" in rig.refused()
    (n,) = rig.sign("physicist")
    rig.to_beam(ORDER)
    rig.run(1.0, beam=True)
    rig.approvals.withdraw(n, "wrong side", "mia", "physician")
    rig.run(1.0, beam=True)
    rig.end_beam(Outcome.INTERRUPTED)
    assert rig.recorder is not None and rig.recorder.book.running == set()
    given = rig.host.statement().opens
    assert [one.fraction for one in given] == [1], "it was recorded as any other"
    assert "wrong side" in rig.refused(resume=True, physicist=True, reason="go on"), "no physicist overrules it"
    assert rig.token(segment=2, resume=True, delivered_mgy=500.0) == 0
    rig.sign("physicist")
    assert rig.refused(resume=True) == ""


def test_the_values_are_those_that_were_signed_and_a_borrowed_name_gives_nothing(rig: Signing) -> None:
    """Whoever asks says which file it was; ten times the dose under the name of a signed file is no signed order."""
    rig.sign()
    for change in (
        {"rx_mgy": 10 * ORDER.rx_mgy},
        {"applicator_id": "A30"},
        {"patient_id": "9"},
        {"cutout_factor": 0.9},
    ):
        other = msgspec.structs.replace(ORDER, **change)
        assert "was signed over other values than these" in rig.refused(other), change
        assert rig.token(other) == 0, change
    assert rig.refused() == ""
    old = prescribed(sha256=b"\x07" * 32)
    for role, who in SIGNERS.items():
        rig.approvals.sign(old.sha256.hex(), "RX-0", who, role)
    assert "did not note its values" in rig.refused(old), "of a program before this law"


def test_of_a_chain_that_is_damaged_cut_gone_or_no_file_nothing_counts(rig: Signing, tmp_path: Path) -> None:
    """And the recorder goes on: nothing that lies there ends it, keeps it waiting or makes an order signed."""
    rig.sign()
    log, head = tmp_path / FOLDER / LOG, tmp_path / FOLDER / HEAD
    whole, signed = log.read_bytes(), head.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    deep = b"[" * 100_000
    for left, newest in (
        (whole.replace(b'"mia"', b'"eve"', 1), signed), (whole[:last], signed), (b"", signed), (whole, b"{}"), (whole, deep), (whole + deep + b"\n", signed),
    ):  # fmt: skip
        log.write_bytes(left)
        head.write_bytes(newest)
        assert "their chain is not whole" in rig.refused(), (left[-40:], newest[:40])
    log.write_bytes(whole)
    head.write_bytes(signed)
    assert rig.refused() == "" and rig.token() > 0, "what was put back is believed: it is what was signed"
    rig.end_beam(Outcome.VOID)
    log.unlink()
    os.mkfifo(log)
    assert "it is no file" in rig.refused()
    log.unlink()
    log.symlink_to(tmp_path / "elsewhere")
    assert "cannot be read" in rig.refused()
    log.unlink()
    head.unlink()
    assert "is missing" in rig.refused()


@pytest.mark.grid
def test_a_withdrawal_that_a_folder_put_back_has_forgotten_is_known_by_the_audit(rig: Signing, tmp_path: Path) -> None:
    """The folder of signatures alone is put back from a copy: it is whole, and older than what the audit says."""
    _, n = rig.sign()
    log, head = tmp_path / FOLDER / LOG, tmp_path / FOLDER / HEAD
    kept = log.read_bytes(), head.read_bytes()
    (tmp_path / "access").mkdir(mode=0o700)
    audit = Audit(tmp_path / "access", PosixFiles(), lambda: 1.8e9)
    audit.note("signed", "paul", "physicist", {"signature": n, "order_sha256": SHA256})
    assert rig.refused() == ""
    rig.approvals.withdraw(n, "wrong side", "mia", "physician")
    audit.note("withdrawn", "mia", "physician", {"signature": n, "order_sha256": SHA256})
    log.write_bytes(kept[0])
    head.write_bytes(kept[1])
    assert f"signature {n}: the audit says that mia withdrew it, and here it stands" in rig.refused()
    assert rig.token() == 0
    audit.log.write_bytes(b"")
    look = AuditLook(tmp_path)
    look.look()
    assert look.beside(Signatures(tmp_path).looked()) == []


@pytest.mark.grid
def test_what_nobody_asks_for_is_not_read(tmp_path: Path) -> None:
    """A simulated rig: not even a folder that would stand still."""
    (tmp_path / FOLDER).mkdir()
    os.mkfifo(tmp_path / FOLDER / LOG)
    rig = Signing(tmp_path, needed=())
    rig.new_recorder()
    assert rig.refused() == "" and rig.token() > 0
    rig.close()
