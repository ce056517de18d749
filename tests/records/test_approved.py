"""The desk's own law of signatures: no program, however it asks, has an order of a patient cleared or started without what was signed over exactly it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from records_bench import Rig, prescribed, warmup

from console.access.approvals import Approvals
from console.access.audit import Audit
from controller.entries import Outcome
from controller.prescribed import Prescribed
from records.approved import FOLDER, HEAD, LOG, AuditLook, Signatures, tag_of, values_of
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


NEWER = prescribed(version=ORDER.version + 1, rx_mgy=0.7 * ORDER.rx_mgy, sha256=b"\x22" * 32)
TAKEN = f"version {NEWER.version} of {ORDER.prescription_id}, fraction {ORDER.fraction}, takes the place of version {ORDER.version}: mia (physician)"


def signed_by_both(rig: Signing, order: Prescribed) -> list[int]:
    return [rig.approvals.sign_order(order, who, role, ()) for role, who in SIGNERS.items()]


def audited(audit: Audit, what: str, n: int, role: str, order: Prescribed) -> None:
    """As the page tells the audit of it."""
    told = {"signature": n, "order_sha256": order.sha256.hex(), "tag": tag_of(order), "version": order.version}
    audit.note(what, SIGNERS[role], role, told)


def test_an_older_version_is_not_given_where_a_folder_put_back_has_forgotten_the_newer_one(
    rig: Signing, tmp_path: Path
) -> None:
    """The folder of signatures alone is put back from before the newer version was signed, by one of two: only the audit knows. Another order is given all the
    while; so is the older one once the newer is signed anew and withdrawn, or was withdrawn before the folder was put back."""
    log, head = tmp_path / FOLDER / LOG, tmp_path / FOLDER / HEAD
    (tmp_path / "access").mkdir(mode=0o700)
    audit = Audit(tmp_path / "access", PosixFiles(), lambda: 1.8e9)
    other = prescribed(lesion_id="another", sha256=b"\x23" * 32)
    for order in (ORDER, other):
        for role, n in zip(SIGNERS, signed_by_both(rig, order), strict=True):
            audited(audit, "signed", n, role, order)
    kept = log.read_bytes(), head.read_bytes()
    n = rig.approvals.sign_order(NEWER, "mia", "physician", ())
    audited(audit, "signed", n, "physician", NEWER)
    assert rig.refused().startswith(TAKEN)
    log.write_bytes(kept[0])
    head.write_bytes(kept[1])
    words = rig.refused()
    assert words.startswith(f"signature {n}: the audit says that mia signed version {NEWER.version}")
    assert f"and have mia sign version {NEWER.version} anew" in words and rig.token() == 0
    assert rig.refused(other) == ""
    n = rig.approvals.sign_order(NEWER, "mia", "physician", ())
    audited(audit, "signed", n, "physician", NEWER)
    assert rig.refused().startswith(TAKEN)
    rig.approvals.withdraw(n, "typed wrong", "mia", "physician")
    audited(audit, "withdrawn", n, "physician", NEWER)
    assert rig.refused() == ""
    log.write_bytes(kept[0])
    head.write_bytes(kept[1])
    assert rig.refused() == "" and rig.token() > 0


@pytest.mark.parametrize("needed", [BOTH, ()], ids=["both-asked", "none-asked"])
def test_whoever_signs_a_newer_version_takes_the_place_of_the_older_one_at_the_desk(
    tmp_path: Path, needed: tuple[str, ...]
) -> None:
    """Wherever either file lies: the older version's own signatures stand, and QUERY and START of it are refused from the first signature over the newer."""
    rig = Signing(tmp_path, needed=needed)
    rig.new_recorder()
    signed_by_both(rig, ORDER)
    assert rig.refused() == ""
    first = rig.approvals.sign_order(NEWER, "mia", "physician", ())
    words = rig.refused()
    assert (
        words.startswith(TAKEN) and f"Z; first: use version {NEWER.version}, or have its signatures withdrawn" in words
    )
    assert f"signed it on {datetime.fromtimestamp(rig.clock.wall, UTC):%Y-%m-%d}" in words
    assert rig.token() == 0
    assert rig.refused(resume=True) and rig.token(resume=True) == 0, "to call it a resume begins nothing"
    assert bool(rig.refused(NEWER)) is bool(needed), "one signature displaces, and is not yet enough to be given"
    for other in (
        msgspec.structs.replace(NEWER, lesion_id="another", version=9, sha256=b"\x23" * 32),
        msgspec.structs.replace(NEWER, fraction=2, version=9, sha256=b"\x24" * 32),
    ):
        signed_by_both(rig, other)
    rig.approvals.withdraw(first, "typed wrong", "mia", "physician")
    assert rig.refused() == "", "another lesion's and another fraction's order displace nothing, nor what is withdrawn"
    signed_by_both(rig, NEWER)
    assert rig.refused().startswith(TAKEN.partition(":")[0]) and rig.refused(NEWER) == "" and rig.token(NEWER) > 0
    rig.close()


def test_a_fraction_is_finished_by_the_order_that_it_was_begun_with(rig: Signing) -> None:
    """A newer version that is signed meanwhile keeps nothing of the rest back; once the fraction is closed the older one begins nothing any more."""
    signed_by_both(rig, ORDER)
    rig.deliver(1.0, Outcome.INTERRUPTED)
    signed_by_both(rig, NEWER)
    assert rig.refused(resume=True) == ""
    assert rig.token(segment=2, resume=True, delivered_mgy=500.0) > 0


def test_a_start_without_beam_begins_nothing_that_an_older_order_could_finish(rig: Signing) -> None:
    """The older version was confirmed once and never beamed; the newer one was begun: the rest is by the newer, and the older is refused."""
    signed_by_both(rig, ORDER)
    assert rig.token(plan_tag=5) > 0
    rig.end_beam(Outcome.VOID)
    signed_by_both(rig, NEWER)
    rig.deliver(1.0, Outcome.INTERRUPTED, NEWER, plan_tag=6)
    assert rig.refused(NEWER, plan_tag=6, resume=True) == ""
    assert rig.refused(plan_tag=5, resume=True).startswith(TAKEN)
    assert rig.token(plan_tag=5, segment=2, resume=True, delivered_mgy=500.0) == 0


def test_signatures_of_an_older_program_are_read_and_take_no_place(rig: Signing) -> None:
    """They name neither version nor fraction: they stand over their own bytes and displace nothing by the chain."""
    rig.sign(order=ORDER)
    rig.sign(order=NEWER)
    assert rig.refused() == rig.refused(NEWER) == ""
    kept = Signatures(rig.folder).looked().approvals
    assert [(one.tag, one.version, one.fraction) for one in kept] == [("", 0, 0)] * 4


@pytest.mark.grid
def test_what_cannot_be_read_keeps_nothing_back_where_nobody_asks_for_it(tmp_path: Path) -> None:
    """A simulated rig: not even a folder that would stand still."""
    (tmp_path / FOLDER).mkdir()
    os.mkfifo(tmp_path / FOLDER / LOG)
    rig = Signing(tmp_path, needed=())
    rig.new_recorder()
    assert rig.refused() == "" and rig.token() > 0
    rig.close()
