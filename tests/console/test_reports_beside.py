"""What stood beside the records reaches the reports: who signed the order and the lesion's photo and notes, as they stood when the fraction was started;
what is not there is said in words, what is not whole is not believed, and what comes later changes no report of before."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from kept_by_hand import ORDER, WALL_S, KeptByHand
from msgspec.structs import replace
from test_lesions import made as photo

from console.access.approvals import Approvals
from console.dicom import beams
from console.dicom.commands import instances
from console.dicom.common import as_file
from console.reports import codes, flat, keep, paper
from console.reports.beside import Beside
from console.reports.course import course_report
from console.reports.gather import gather
from console.reports.model import Site, fraction_report
from console.reports.told import FractionReport, Note, Photo, Signature
from console.treat.lesions import Lesions

SITE = Site("demo", "UTC", codes.load_codes())
SHA256 = ORDER.sha256.hex()
BOTH = (("mia", "physician"), ("paul", "physicist"))


class Room:
    """Records with the two chains beside them; `now_s` is their clock."""

    def __init__(self, records: Path) -> None:
        self.kept = KeptByHand(records)
        records.chmod(0o700)
        self.now_s = WALL_S - 60.0
        self.approvals = Approvals(records, lambda: self.now_s)
        self.lesions = Lesions(records, lambda: self.now_s)

    def signed(self, *who: tuple[str, str]) -> None:
        for name, role in who:
            self.approvals.sign(SHA256, "RX-7 version 2", name, role)

    def report(self, beside: bool = True) -> FractionReport:
        found = gather(self.kept.records / "journal")
        name = next(iter(found.book.fractions))
        return fraction_report(found, name, SITE, beside=Beside(self.kept.records) if beside else None)

    def course(self) -> Any:
        found = gather(self.kept.records / "journal")
        return course_report(found, ORDER.patient_id, ORDER.course_id, SITE, Beside(self.kept.records))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "records")


def test_a_report_of_an_order_without_approvals_or_photo_says_so_in_words(room: Room) -> None:
    room.kept.golden()
    told = room.report()
    assert told.approval is not None and told.approval.missing == ("prescribed", "physics checked")
    assert told.approval.words.startswith("NOT APPROVED BY SIGNATURE: nobody had signed this order when it was last")
    assert told.lesion is not None and told.lesion.words == "no photo of this lesion stood when it was started"
    assert paper.approved(told.approval)[0] == told.approval.words and told.approval.words in str(paper._who(told))
    assert paper.approved(None) == ["nobody looked for signatures"] and room.report(beside=False).approval is None
    assert "NOT APPROVED BY SIGNATURE" in flat.as_csv(told) and "NOT APPROVED" in flat.as_csv(room.course())
    assert paper.fraction_pdf(told) and paper.course_pdf(room.course()).startswith(b"%PDF")


def test_signatures_photo_and_notes_stand_on_paper_in_json_csv_and_course(room: Room) -> None:
    room.signed(*BOTH)
    data = photo("JPEG")
    name = room.lesions.attach(ORDER, data, "olga", "operator")
    room.lesions.note(ORDER, "=head left", "olga", "operator")
    room.kept.golden()
    told, beside = room.report(), Beside(room.kept.records)
    assert told.approval is not None and told.approval.chain_whole and not told.approval.missing
    assert [(one.meaning, one.who, one.at) for one in told.approval.signatures] == [
        ("prescribed", "mia", "2026-11-18T11:05:40Z"),
        ("physics checked", "paul", "2026-11-18T11:05:40Z"),
    ]
    assert told.approval.words.startswith("approved: prescribed (physician) and physics checked (physicist)")
    document = json.loads(flat.as_json(told))
    assert document["lesion"]["photo"]["sha256"] == name.partition(".")[0]
    assert flat.read_json(flat.as_json(told)) == told
    cells = dict(row for row in csv.reader(io.StringIO(flat.as_csv(told))) if len(row) == 2)
    assert cells["approval.signatures.1.who"] == "paul" and cells["lesion.notes.0.words"] == "'=head left"
    picture = beside.picture(told)
    assert picture is not None and len(picture) < len(data) * 4
    whole = keep.files(told, picture)
    pdf = next(data for file, data in whole.items() if file.endswith(".pdf"))
    assert b"/Subtype /Image" in pdf and b"/Subtype /Image" not in paper.fraction_pdf(told)
    assert keep.files(told, beside.picture(told)) == whole, "the same record gives the same bytes"
    line = room.course().fractions[0]
    assert line.approval == told.approval and line.lesion == told.lesion
    sent = dict(instances(told, picture=picture))
    document_of = next(data for what, data in sent.items() if "report of record" in what)
    assert bytes(document_of.EncapsulatedDocument).startswith(pdf)
    bare = room.report(beside=False)
    assert as_file(beams.record(told, told.segments[0])) == as_file(beams.record(bare, bare.segments[0]))


def test_what_comes_later_changes_no_report_of_before_and_what_was_withdrawn_before_does_not_stand(room: Room) -> None:
    room.signed(*BOTH)
    n = room.approvals.signed().approvals[1].n
    room.lesions.attach(ORDER, photo("PNG"), "olga", "operator")
    room.kept.golden()
    before = flat.as_json(room.report())
    room.now_s = WALL_S + 1e6
    room.approvals.withdraw(n, "wrong side", "paul", "physicist")
    room.lesions.take_away(ORDER, 2, "the other ear", "olga", "operator")
    room.lesions.note(ORDER, "later", "olga", "operator")
    assert flat.as_json(room.report()) == before
    room.kept.wall_s = WALL_S + 2e6
    room.kept.golden(fraction=2)
    found = gather(room.kept.records / "journal")
    told = fraction_report(found, list(found.book.fractions)[1], SITE, beside=Beside(room.kept.records))
    assert told.approval is not None and told.approval.missing == ("physics checked",)
    assert "approved in part: physics checked (physicist) was missing" in told.approval.words
    assert told.lesion is not None and told.lesion.photo is None and told.lesion.notes[0].words == "later"


@pytest.mark.grid
def test_as_many_notes_and_signatures_as_there_may_be_go_onto_paper(room: Room) -> None:
    """A hundred notes of four hundred letters were higher than a page in one cell, and there was no report at all."""
    room.kept.golden()
    told, small = room.report(), photo("JPEG")
    assert told.lesion is not None and told.approval is not None
    notes = tuple(Note(n, "olga", "operator", "2026-11-18T11:05:40Z", "supine, " * 50) for n in range(100))
    signatures = tuple(Signature(n, "prescribed", f"mia{n}", "physician", "2026", False) for n in range(200))
    lesion = Photo("0" * 64, "0" * 64 + ".jpg", 1, "olga", "operator", "2026", "")
    whole = replace(
        told,
        lesion=replace(told.lesion, notes=notes, photo=lesion),
        approval=replace(told.approval, signatures=signatures),
    )
    assert paper.fraction_pdf(whole, small).count(b"/Type /Page\n") >= 6
    line = replace(room.course().fractions[0], approval=whole.approval, lesion=whole.lesion)
    assert paper.course_pdf(replace(room.course(), fractions=(line,)))


def test_a_signature_after_the_first_beam_is_flagged(room: Room) -> None:
    room.signed(BOTH[0])
    room.now_s = WALL_S + 1.0
    room.signed(BOTH[1])
    room.kept.golden()
    told = room.report()
    assert told.approval is not None and [one.late for one in told.approval.signatures] == [False, True]
    assert "paul signed (physics checked) after the first beam of this fraction" in told.flags
    assert "AFTER THE FIRST BEAM" in paper.approved(told.approval)[2]


def test_a_chain_that_is_not_whole_is_not_believed_and_a_photo_that_is_gone_is_said(room: Room) -> None:
    room.signed(*BOTH)
    name = room.lesions.attach(ORDER, photo("PNG"), "olga", "operator")
    room.kept.golden()
    (room.lesions.folder / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    told = room.report()
    assert (
        told.lesion is not None and told.lesion.photo is not None and "not what was attached" in told.lesion.photo.words
    )
    assert Beside(room.kept.records).picture(told) is None and paper.fraction_pdf(told)
    for folder, old, new in ((room.approvals.folder, b"paul", b"pavl"), (room.lesions.folder, b"olga", b"olaf")):
        log = folder / "audit.jsonl"
        log.write_bytes(log.read_bytes().replace(old, new))
    told = room.report()
    assert told.approval is not None and told.approval.signatures == () and not told.approval.chain_whole
    assert told.lesion is not None and told.lesion.photo is None and not told.lesion.chain_whole
    assert len([flag for flag in told.flags if "chain is not whole" in flag]) == 2
    assert len([flag for flag in room.course().flags if "chain is not whole" in flag]) == 2
    assert "NOT WHOLE" in paper.approved(told.approval)[-1]
