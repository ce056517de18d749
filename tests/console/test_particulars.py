"""Whose lesion it is, stated beside the order: who may, what is refused, nothing written over, each patient and course by itself; shown where people ask for a
name and told in every report; in no audit and no bundle; and nothing goes by it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shutil
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from access_by_hand import SECRET
from asgi_by_hand import http
from desk_by_hand import EXAMPLES, dumped
from kept_by_hand import ORDER, WALL_S, KeptByHand
from msgspec.structs import replace as other
from pydicom import dcmread
from test_approvals import Signing
from test_web_access import ROLE_OF
from test_web_api import Browser, Scripted
from test_web_service import put as put_ticks
from test_web_service import service

from console import configuration
from console.access import whole_file
from console.configuration import Rig
from console.dicom import beams, document
from console.dicom.commands import fill
from console.dicom.common import as_file
from console.dicom.outbox import Outbox
from console.exit_codes import Exit
from console.prescribe import particulars as typed
from console.prescribe import terminal
from console.reports import flat, keep, paper
from console.reports.beside import Beside, recorded_of
from console.reports.codes import load_codes
from console.reports.commands import site_of, write_all
from console.reports.course import course_report
from console.reports.gather import gather
from console.reports.model import Site, fraction_report
from console.reports.told import FractionReport
from console.treat import particulars, unstated
from console.treat import terminal as treating
from console.treat.chart import GIVEN, NOTHING
from console.treat.chart_hand import Chart
from console.treat.particulars import Statement
from console.treat.plain_words import order
from console.web.live import Live, Page
from console.web.records_read import Kept
from console.web.service_bundle import bundle
from console.web.service_read import Service
from console.web.service_ring import Following
from controller.entries import Outcome
from controller.prescribed import Prescribed
from controller.ring import Ring
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from verification.disk import FaultyDisk, Killed, Strike

SITE = Site("demo", "UTC", load_codes())
TODAY = date(2026, 11, 18)
MEIER = Statement("Planted-Meier", "Anna", "1950-01-01", "basal cell carcinoma", "ICD-10 C44.3", "curative", "none", "")
PEOPLE = ("Łukasiewicz", "Зоя Петрова", "כהן", "李小龍")
"""One name in each of four scripts."""
UNCHARTED = "no time-out and no second calculation is kept of segment 1, 2, 3"
MARKUP = "<b>O'Neil</b> & <script>alert(1)</script>"


def kept(records: Path, wall_s: float = WALL_S - 60.0, files: FaultyDisk | None = None) -> Chart:
    (records / "chart").mkdir(mode=0o700, parents=True, exist_ok=True)
    records.chmod(0o700)
    return Chart(records, lambda: wall_s, files)


def rig_of(folder: Path) -> Rig:
    """A rig whose records lie in this folder."""
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text(encoding="utf-8"))
    document["records"]["dir"] = "records"
    (folder / "rig.toml").write_text(dumped(document), encoding="utf-8")
    return configuration.load(folder / "rig.toml", 1000)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as error:
        act()
    return str(error.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Statement("Anna\x07"), "holds U+0007, a control character"),
        (Statement("A\u202enna"), "turns the direction of writing"),
        (Statement("Me\u0131er\u0430"), "mixes CYRILLIC and LATIN"),
        (Statement("A · B"), "holds U+00B7"),
        (Statement(" Anna"), "begins or ends with a blank"),
        (Statement("x" * 201), "has 201 characters, at most 200"),
        (Statement(diagnosis="a\nb"), "U+000A"),
        (Statement(given_names="Anna"), "without family_name; first: write a single name"),
        (Statement("A", birth_date="1.2.1950"), "is no date; first: write YYYY-MM-DD"),
        (Statement("A", birth_date="1950-02-30"), "is no date"),
        (Statement("A", birth_date="19500230"), "is no date"),
        (Statement("A", birth_date="1879-12-31"), "is not from 1880-01-01 to 2026-11-18"),
        (Statement("A", birth_date="2026-11-19"), "is not from 1880-01-01 to 2026-11-18"),
        (Statement(intent="radical"), "is none of curative, adjuvant, palliative, prophylactic, benign; first: choose"),
        (Statement(earlier="some"), "is none of none, given"),
        (Statement(earlier="given"), "first: say where, when and how much"),
        (Statement(earlier="none", earlier_words="2019"), "and nothing otherwise"),
        (Statement(earlier_words="2019"), "and nothing otherwise"),
    ],
)
def test_each_thing_that_cannot_be_stated_says_value_bound_and_what_to_do_first(said: Statement, words: str) -> None:
    found = "\n".join(unstated.wrong(said, TODAY))
    assert words in found and "first:" in found
    assert not any(ord(one) < 32 or one == "\u202e" for one in found.replace("\n", "")), (
        "what shows nothing is numbered"
    )


@pytest.mark.parametrize("name", [*PEOPLE, MARKUP, "x" * 200, "de la Cruz-O'Brien y Álvarez", "Madonna"])
def test_a_name_of_any_script_with_markup_or_of_200_characters_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    """And stands on paper, in CSV and JSON, as one value; a spreadsheet calculates nothing and a page of paper is made."""
    room = KeptByHand(tmp_path / "records")
    kept(room.records).state(
        ORDER, 0, Statement(name, "Ä", earlier="given", earlier_words="=1+1"), "", "mia", "physician"
    )
    room.golden()
    told = report(room)
    assert told.particulars is not None and told.particulars.now is not None
    assert told.particulars.now.family_name == name and paper.named(told.particulars) == f"{name}, Ä, born not stated"
    document = json.loads(flat.as_json(told))
    assert document["particulars"]["now"]["family_name"] == name and flat.read_json(flat.as_json(told)) == told
    cells = dict(row for row in csv.reader(io.StringIO(flat.as_csv(told))) if len(row) == 2)
    assert cells["particulars.now.family_name"] == name and cells["particulars.now.earlier_words"] == "'=1+1"
    assert cells["particulars.not_stated.0"] == "birth_date"
    assert paper.fraction_pdf(told).startswith(b"%PDF") and paper.course_pdf(course(room)).startswith(b"%PDF")


def report(room: KeptByHand, name: str = "", beside: bool = True) -> FractionReport:
    found = gather(room.records / "journal")
    one = name or list(found.book.fractions)[-1]
    return fraction_report(found, one, SITE, beside=Beside(room.records) if beside else None)


def course(room: KeptByHand, name: str = "C1") -> Any:
    return course_report(gather(room.records / "journal"), ORDER.patient_id, name, SITE, Beside(room.records))


def test_a_later_statement_writes_nothing_over_and_is_of_what_was_shown(tmp_path: Path) -> None:
    """Both stay; one that was made of a stale page, that says the same, or gives no reason is refused."""
    page = kept(tmp_path)
    assert "nothing is stated in any field" in refused(
        lambda: page.state(ORDER, 0, Statement(), "", "mia", "physician")
    )
    first = page.state(ORDER, 0, MEIER, "", "mia", "physician")
    mayer = other(MEIER, family_name="Mayer")
    for stood, said, reason, words in (
        (0, mayer, "misread", f"mia has stated them, entry {first}; first: look anew"),
        (first, MEIER, "misread", "says this already"),
        (first, mayer, "", "without a reason; first: say why"),
        (first, mayer, "a\x00b", "U+0000"),
        (first, mayer, "r" * 201, "at most 200"),
    ):
        assert words in refused(lambda: page.state(ORDER, stood, said, reason, "paul", "physicist")), words  # noqa: B023
    second = page.state(ORDER, first, mayer, "misread", "paul", "physicist")
    assert [(one.n, one.name, one.who, one.reason) for one in page.read().stated(ORDER)] == [
        (first, "Planted-Meier, Anna", "mia", ""),
        (second, "Mayer, Anna", "paul", "misread"),
    ]
    page.state(ORDER, second, Statement(), "of another patient", "mia", "physician")
    assert particulars.told(page.read().stated(ORDER)[-1])["name"] == "not stated", (
        "a mistake is taken back, and stays to be read"
    )


def test_what_is_stated_at_a_terminal_while_a_page_states_it_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes look, and see that nothing is stated: whoever writes second is told that something is; nothing is corrected unseen and without a reason."""
    page, typed_there = kept(tmp_path), kept(tmp_path)
    monkeypatch.setattr(whole_file, "LOOKS", 1)
    against, words = Chart.against, list[str]()

    def meanwhile(self: Chart, *given: Any) -> str:
        found = against(self, *given)
        if self is page:
            words.append(
                refused(lambda: typed_there.state(ORDER, 0, other(MEIER, family_name="Mayer"), "", "otto", ""))
            )
        return found

    monkeypatch.setattr(Chart, "against", meanwhile)
    page.state(ORDER, 0, MEIER, "", "mia", "physician")
    assert [one.family_name for one in page.read().stated(ORDER)] == ["Planted-Meier"]
    assert "another process has held it" in words[0]
    assert "mia has stated them" in refused(
        lambda: typed_there.state(ORDER, 0, other(MEIER, family_name="Mayer"), "", "otto", "")
    )


def test_two_patients_of_one_name_and_one_patient_of_two_courses_are_each_their_own(tmp_path: Path) -> None:
    """By both identifiers, course and lesion; the name joins nobody and parts nobody."""
    page = kept(tmp_path)
    others = [
        other(ORDER, **change)
        for change in (
            {"patient_id_2": "1950-01-02"},
            {"patient_id": "12-35"},
            {"course_id": "C2"},
            {"lesion_id": "L2"},
        )
    ]
    page.state(ORDER, 0, MEIER, "", "mia", "physician")
    assert [page.read().stated(one) for one in others] == [()] * 4
    for one in others:
        page.state(one, 0, other(MEIER, diagnosis=one.course_id), "", "mia", "physician")
    assert [len(page.read().stated(one)) for one in (ORDER, *others)] == [1] * 5
    assert page.read().stated(others[2])[0].diagnosis == "C2" and page.read().names("12-34") == ("Planted-Meier, Anna",)
    page.state(
        others[2], page.read().stated(others[2])[0].n, other(MEIER, family_name="Mayer"), "married", "mia", "physician"
    )
    assert page.read().names("12-34") == ("Planted-Meier, Anna", "Mayer, Anna") and page.read().names("99") == ()


def test_of_a_chain_that_is_not_whole_no_name_is_believed_and_none_is_added(tmp_path: Path) -> None:
    """The report says so first, and shows no name of it."""
    room = KeptByHand(tmp_path / "records")
    page = kept(room.records)
    page.state(ORDER, 0, MEIER, "", "mia", "physician")
    room.golden()
    log = page.folder / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b"Planted-Meier", b"Planted-Mayer"))
    assert page.read().wrong and page.read().particulars == ()
    assert "not whole" in refused(lambda: page.state(ORDER, 0, MEIER, "", "mia", "physician"))
    told = report(room)
    assert told.particulars is not None and told.particulars.now is None and not told.particulars.chain_whole
    assert any("can be believed" in flag for flag in told.flags) and "Planted" not in flat.as_csv(told)
    assert beams.record(told, told.segments[0]).PatientName == "SIMULATED"


@pytest.mark.grid
@pytest.mark.parametrize("what", ["ENOSPC", "KILL", "TORN KILL", "POWER", "TORN POWER", "SHORT", "EIO"])
def test_what_was_told_to_be_stated_is_there_after_a_crash_at_any_call(tmp_path: Path, what: str) -> None:
    call, struck = 0, True
    while struck:
        call += 1
        disk = FaultyDisk(seed=call, strikes=[Strike(call, what)])
        folder = tmp_path / f"r{call}"
        page, told = kept(folder, files=disk), list[int]()
        try:
            told.append(page.state(ORDER, 0, MEIER, "", "mia", "physician"))
        except ConfigurationError as error:
            assert "first:" in str(error)
        except Killed:
            pass
        struck = bool(disk.struck)
        disk.die(lambda: None)
        if "POWER" in what:
            disk.cut()
        found = kept(folder).read()
        assert found.wrong == () and set(told) <= {one.n for one in found.stated(ORDER)}, (call, found.wrong)
        assert not found.stated(ORDER) or found.stated(ORDER)[0].said == MEIER, "whole or not at all"
    assert call > 5, "every call was struck once"


def test_a_report_tells_what_stands_what_stood_and_what_is_not_stated(tmp_path: Path) -> None:
    """A correction makes another file beside the first, with both names and a flag; of a name that was not stated nothing is guessed."""
    room = KeptByHand(tmp_path / "records")
    room.golden()
    told = report(room)
    assert (
        told.particulars is not None and told.particulars.now is None and told.particulars.words == "nothing is stated"
    )
    assert dict(paper._who(told))["patient"] == "name not stated, born not stated; 12-34, second identifier 1950-01-01"
    assert told.source.chart_entry == 0 and report(room, beside=False).particulars is None
    bare = keep.stem(told)
    n = kept(room.records, WALL_S + 1e6).state(ORDER, 0, MEIER, "", "mia", "physician")
    told = report(room)
    assert keep.stem(told) == f"{bare}-c{n:06d}" and told.flags == (UNCHARTED,)
    assert told.particulars is not None and (told.particulars.at_start, told.particulars.not_stated) == (
        None,
        ("earlier_words",),
    )
    assert told.particulars.words == "nothing was stated when it was started"
    rows = dict(paper._who(told))
    assert (
        rows["patient"].startswith("Planted-Meier, Anna, born 1950-01-01; 12-34")
        and rows["earlier radiotherapy here"] == "none"
    )
    assert (rows["diagnosis"], rows["intent"]) == ("basal cell carcinoma, ICD-10 C44.3", "curative")
    first = flat.as_json(told)
    m = kept(room.records, WALL_S + 2e6).state(
        ORDER, n, other(MEIER, family_name="Mayer"), "misread", "paul", "physicist"
    )
    told = report(room)
    assert keep.stem(told).endswith(f"-c{m:06d}") and flat.as_json(told) != first
    assert told.flags == (
        UNCHARTED,
        "stated otherwise: the patient's name was 'Planted-Meier, Anna' and is 'Mayer, Anna' (paul, physicist): misread",
    )
    assert "Planted-Meier" in dict(paper._who(told))["stated before"] and course(room).flags == told.flags[1:]
    assert "Meier" not in keep.stem(told)


def test_a_course_says_where_its_lesions_name_the_patient_differently(tmp_path: Path) -> None:
    room = KeptByHand(tmp_path / "records")
    page = kept(room.records)
    page.state(ORDER, 0, MEIER, "", "mia", "physician")
    page.state(
        other(ORDER, lesion_id="L2"),
        0,
        other(MEIER, family_name="Mayer", birth_date="1951-01-01"),
        "",
        "mia",
        "physician",
    )
    room.golden()
    assert course(room).flags == ()
    room.wall_s += 1e6
    room.golden(lesion_id="L2")
    told = course(room)
    assert [(one.lesion_id, one.particulars.now.family_name) for one in told.particulars] == [
        ("L1", "Planted-Meier"),
        ("L2", "Mayer"),
    ]
    assert told.flags == (
        "the patient's name is stated differently for lesions of this course: 'Planted-Meier, Anna' and 'Mayer, Anna'",
        "the patient's birth date is stated differently for lesions of this course: '1950-01-01' and '1951-01-01'",
    )
    assert paper.course_pdf(told).startswith(b"%PDF")


def test_a17_a_course_under_two_second_identifiers_says_so_before_any_name(tmp_path: Path) -> None:
    """Hazard A17: two patients to whom one number was given have one course of sums, and the name that stands there is of one of them."""
    room = KeptByHand(tmp_path / "records")
    page, bea = kept(room.records), other(ORDER, patient_id_2="1960-02-02")
    page.state(ORDER, 0, MEIER, "", "mia", "physician")
    page.state(bea, 0, other(MEIER, family_name="Beck", birth_date="1960-02-02"), "", "mia", "physician")
    room.golden()
    room.close()
    assert course(room).flags == ()
    room.wall_s += 1e6
    room.golden(fraction=2, patient_id_2="1960-02-02")
    told = course(room)
    assert told.flags[0].startswith(
        "the fractions of this course have different second identifiers ('1950-01-01' and '1960-02-02')"
    )
    assert [one.particulars.now.family_name for one in told.particulars] == ["Beck"]


@pytest.mark.parametrize("letter", ["ש", "李"])
def test_t12_particulars_that_fill_more_than_a_page_go_on_overleaf(tmp_path: Path, letter: str) -> None:
    """Threat T12: each letter that no font has is its number, eight signs long; a statement of those stops no report of anybody."""
    room, name = KeptByHand(tmp_path / "records"), letter * unstated.MOST
    page = kept(room.records)
    said = Statement(name, name, "1950-01-01", name, name, "curative", "given", name)
    n = page.state(ORDER, 0, said, "", "mia", "physician")
    page.state(ORDER, n, MEIER, name, "mia", "physician")
    room.golden()
    told = report(room)
    assert paper.fraction_pdf(told).startswith(b"%PDF") and paper.course_pdf(course(room)).startswith(b"%PDF")


def test_the_follower_makes_the_reports_of_the_lesion_that_was_named_and_of_no_other(tmp_path: Path) -> None:
    """Of a closed fraction too; what is there is not written over."""
    room = KeptByHand(tmp_path / "records")
    for lesion in ("L1", "L2"):
        room.golden(lesion_id=lesion)
        room.close()
        room.wall_s += 1e6
    rig = rig_of(tmp_path)
    site, done = site_of(rig), set[str]()
    assert len(write_all(rig, site, done)) == 9
    n = kept(room.records).state(ORDER, 0, MEIER, "", "mia", "physician")
    written = [path.name for path in write_all(rig, site, done)]
    assert sorted(name.split("-")[0] for name in written) == ["course"] * 3 + ["fraction"] * 3
    assert all(f"-c{n:06d}." in name for name in written) and write_all(rig, site, done) == []


def real(room: KeptByHand) -> list[bytes]:
    told = report(room)
    return [
        as_file(one)
        for one in (*(beams.record(told, segment) for segment in told.segments), document.document(told, b"%PDF-1.4 a"))
    ]


@pytest.mark.parametrize("name", [*PEOPLE, MARKUP, "x" * 200, "A^B=C\\D"])
def test_dicom_has_the_name_and_birth_date_that_stood_at_the_start_and_keeps_them(tmp_path: Path, name: str) -> None:
    """In each instance of a fraction, as two components; what is stated later changes no byte of one that was made, and a simulated one names nobody."""
    room = KeptByHand(tmp_path / "real", simulated=False)
    n = kept(room.records).state(ORDER, 0, other(MEIER, family_name=name), "", "mia", "physician")
    room.golden()
    before = real(room)
    made = [dcmread(io.BytesIO(raw)) for raw in before]
    shown = name.translate(str.maketrans("^=\\", "＾＝＼"))
    for data in made:
        family = str(data.PatientName.family_name)
        fits = len(f"{shown}^Anna".encode()) <= 64
        assert family == shown if fits else family.endswith("...") and len(str(data.PatientName).encode()) <= 64
        assert (str(data.PatientName.given_name), data.PatientBirthDate, data.PatientSex) == ("Anna", "19500101", "")
        assert str(data.PatientName).count("^") == 1 and data.PatientID == "12-34"
    kept(room.records, WALL_S + 1e6).state(ORDER, n, MEIER, "misread", "paul", "physicist")
    assert real(room)[:3] == before[:3] and dcmread(io.BytesIO(real(room)[3])).PatientName == made[3].PatientName
    assert dcmread(io.BytesIO(real(room)[3])).SOPInstanceUID != made[3].SOPInstanceUID, "its paper tells another name"
    demo = KeptByHand(tmp_path / "simulated")
    kept(demo.records).state(ORDER, 0, other(MEIER, family_name=name), "", "mia", "physician")
    demo.golden()
    assert {
        (str(one.PatientName), one.PatientBirthDate) for one in (dcmread(io.BytesIO(raw)) for raw in real(demo))
    } == {("SIMULATED", "")}


def test_dicom_of_a_fraction_without_a_name_or_with_a_later_one_has_an_empty_one(tmp_path: Path) -> None:
    room = KeptByHand(tmp_path / "real", simulated=False)
    room.golden()
    before = real(room)
    assert {(str(one.PatientName), one.PatientBirthDate) for one in (dcmread(io.BytesIO(raw)) for raw in before)} == {
        ("", "")
    }
    kept(room.records, WALL_S + 1e6).state(ORDER, 0, MEIER, "", "mia", "physician")
    assert real(room)[:3] == before[:3] and str(dcmread(io.BytesIO(real(room)[3])).PatientName) == ""


def test_each_state_of_the_chart_is_a_document_of_its_own_that_names_the_one_before(tmp_path: Path) -> None:
    """One UID is one document: the paper of an unsigned report, of a signed one and of one that names the patient otherwise are three, and each comes after
    the one before it; what was stated before the beam and before a resume is in the first document and the next."""
    room = KeptByHand(tmp_path / "real", simulated=False)
    page = kept(room.records)
    first = page.state(ORDER, 0, MEIER, "", "mia", "physician")
    room.start()
    room.end(60.3, Outcome.INTERRUPTED)
    told = [report(room)]
    later = kept(room.records, room.wall_s + 10.0)
    found = gather(room.records / "journal")
    fraction = next(iter(found.book.fractions.values()))
    known = recorded_of(found, fraction, found.book.tally(fraction))
    later.sign(known, GIVEN, known.state, known.operators[0], "operator")
    told.append(report(room))
    later.state(ORDER, first, other(MEIER, family_name="Mayer"), "misread", "paul", "physicist")
    told.append(report(room))
    room.wall_s += 3600.0
    room.start(segment=2)
    room.end(95.2)
    told.append(report(room))
    made = [document.document(one, paper.fraction_pdf(one)) for one in told]
    uids = [one.SOPInstanceUID for one in made]
    assert len(set(uids)) == len(uids) == 4 and not hasattr(made[0], "PredecessorDocumentsSequence")
    referred = [
        one.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0] for one in made[1:]
    ]
    assert [one.ReferencedSOPInstanceUID for one in referred] == uids[:-1]
    assert [as_file(document.document(one, paper.fraction_pdf(one))) for one in told] == list(map(as_file, made))


def test_of_a_chart_that_is_not_whole_nothing_is_made_for_others(tmp_path: Path) -> None:
    """A record without the name that stood would come under the UID of the one with it."""
    room = KeptByHand(tmp_path / "records", simulated=False)
    page = kept(room.records)
    page.state(ORDER, 0, MEIER, "", "mia", "physician")
    room.golden()
    room.done()
    rig = rig_of(tmp_path)
    outbox = Outbox(rig.records)
    queued, _ = fill(rig, outbox, "", WALL_S)
    assert len(queued) == 4 and fill(rig, outbox, "", WALL_S) == ([], [])
    log = page.folder / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b"Planted-Meier", b"Planted-Mayer"))
    words = refused(lambda: fill(rig, outbox, "", WALL_S))
    assert "the chart's chain is not whole" in words and "nothing is made of it for others" in words
    outbox.close()


class AtPage(Signing):
    """A staffed clinical console; what is stated is of the example's order."""

    async def told(self, page: Browser, **changes: Any) -> tuple[int, Any]:
        said = {name: getattr(MEIER, name) for name in Statement.__struct_fields__}
        body = self.order | said | {"stood": 0, "reason": "", "secret": SECRET} | changes
        token = (await page.post("/api/token"))[1].get("token", "none")
        return await page.post("/api/order/particulars/state", body, x_kerma_token=token)


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> AtPage:
    return AtPage(scripted, tmp_path, prescribed)


def test_t4_who_writes_orders_states_whose_they_are_with_the_secret_again(
    console: AtPage, prescribed: Prescribed
) -> None:
    """Nobody else; not with a wrong secret, not twice from one page, not of an order that was changed, not without the audit; nothing of it in the audit."""

    async def story() -> None:
        for name in ("olga", "sven", "ada"):
            page = await console.page(name, False)
            assert (await console.told(page))[0] == 403 and (await page.post("/api/order/particulars", console.order))[
                0
            ] == 403, ROLE_OF[name]
        mia, paul = await console.page("mia", False), await console.page("paul", False)
        assert (await Browser(console).post("/api/order/particulars", console.order))[0] == 401
        assert (
            await mia.post(
                "/api/order/particulars/state", console.order | {"stood": 0, "secret": SECRET}, x_kerma_token="none"
            )
        )[0] == 403
        assert (await console.told(mia, secret="wrong secret 77"))[0] == 409
        assert "first: type it" in (await console.told(mia, secret=""))[1]["words"]
        assert "was changed since" in (await console.told(mia, sha256="0" * 64))[1]["words"]
        assert "is no date" in (await console.told(mia, birth_date="Planted"))[1]["words"]
        assert not console.room.chart.read().particulars
        assert (await console.told(mia)) == (200, {"n": 2, "words": "stated by mia: entry 2"})
        status, said = await console.told(paul, family_name="Mayer", reason="misread")
        assert status == 409 and "entry 2; first: look anew" in said["words"]
        assert "first: say why" in (await console.told(paul, stood=2, family_name="Mayer"))[1]["words"]
        assert (await console.told(paul, stood=2, family_name="Mayer", reason="Planted misread"))[0] == 200
        looked = (await paul.post("/api/order/particulars", console.order))[1]
        assert (looked["now"]["family_name"], looked["now"]["who"], looked["before"][0]["family_name"]) == (
            "Mayer",
            "paul",
            "Planted-Meier",
        )
        assert looked["whose"] == {name: getattr(prescribed, name) for name in particulars.KEY}
        console.clerk.kept.full = True
        status, said = await console.told(mia, stood=3, family_name="Third", reason="r")
        assert status == 503 and "cannot be audited" in said["words"]

    console.play(story)
    assert [one.family_name for one in console.room.chart.read().stated(prescribed)] == ["Planted-Meier", "Mayer"]
    asked = [one for one in console.clerk.whats("command") if one["command"] == "order"]
    assert (
        asked[0] == {"command": "order", "do": "particulars", "order_sha256": console.order["sha256"]}
        and len(asked) == 2
    )
    assert [one["entry"] for one in console.clerk.whats("charted")] == [2, 3]
    everything = json.dumps([entry for *_, entry in console.clerk.kept.entries])
    for planted in ("Planted", "Meier", "Mayer", "1950-01-01", "carcinoma", prescribed.patient_id):
        assert planted not in everything, planted


def test_t7_a_name_is_told_to_whoever_sees_orders_and_to_no_page_without_a_login(
    console: AtPage, prescribed: Prescribed
) -> None:
    """Not by the live line either, whether or not somebody has loaded the order."""
    console.room.chart.state(prescribed, 0, MEIER, "", "mia", "physician")

    async def story() -> None:
        olga = await console.page("olga", False)
        rows = (await olga.post("/api/orders"))[1]["orders"]
        (one,) = [row for row in rows if row["name"] == console.order["order"]]
        assert one["particulars"]["now"]["family_name"] == "Planted-Meier" and one["particulars"]["wrong"] == []
        for name in ("sven", "ada"):
            assert (await (await console.page(name, False)).post("/api/orders"))[0] == 403
        nobody = Browser(console)
        for path in ("/api/orders", "/api/approvals/list"):
            status, said = await nobody.post(path)
            assert status == 401 and "Planted" not in json.dumps(said)
        console.room.fraction.take(
            await asyncio.to_thread(console.room.orders.read, console.order["order"], console.order["sha256"], False),
            0.0,
            0,
        )
        for room in (console.room, replace(console.room, abroad=True)):
            frame = json.dumps(_frame(room))
            assert "Planted" not in frame

    console.play(story)


def _frame(room: Any) -> Any:
    return Live(room).frame(Page("1", ""))


def test_the_records_page_tells_names_beside_identifiers_and_of_a_fraction_all_that_was_stated(
    scripted: Scripted, tmp_path: Path, prescribed: Prescribed
) -> None:
    """Two patients of one name are two rows; a name is no word that is searched for."""
    made = AtPage(scripted, tmp_path, prescribed)
    room = KeptByHand(tmp_path)
    for patient in ("12-34", "12-35"):
        room.golden(patient_id=patient)
        made.room.chart.state(other(ORDER, patient_id=patient), 0, MEIER, "", "mia", "physician")
    made.room.chart.state(ORDER, 2, other(MEIER, family_name="Mayer"), "misread", "paul", "physicist")
    fraction = next(iter(room.book.fractions))
    room.done()

    async def story() -> None:
        olga = await made.page("olga", False)
        found = (await http(made.app, "/api/records/patients", b"", olga.headers(), "GET"))[1]
        assert [(one["patient_id"], one["names"]) for one in found["patients"]] == [
            ("12-34", ["Mayer, Anna"]),
            ("12-35", ["Planted-Meier, Anna"]),
        ]
        one = (await http(made.app, f"/api/records/fraction?fraction={fraction}", b"", olga.headers(), "GET"))[1]
        assert (
            one["particulars"]["now"]["family_name"] == "Mayer"
            and one["particulars"]["before"][0]["family_name"] == "Planted-Meier"
        )

    made.play(story)


def test_t14_a_bundle_holds_no_name_whatever_file_it_came_into(tmp_path: Path) -> None:
    """No file is made of the chart; and what was stated is looked for in every file, as whole words, also where the chart is not whole any more."""
    room = KeptByHand(tmp_path / "records")
    room.golden()
    n = kept(room.records).state(ORDER, 0, other(MEIER, family_name="Planted"), "", "mia", "physician")
    kept(room.records).state(ORDER, n, other(MEIER, family_name="Wall"), "misread", "paul", "physicist")
    log = room.records / "chart" / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b"physician", b"physicist"))
    assert Chart(room.records, lambda: WALL_S).read().wrong
    (room.records / "recorder.log").write_text("planted fainted, and Anna Wall, born 1950-01-01\n")
    shutil.copy(EXAMPLES / "rig.toml", tmp_path / "rig.toml")
    found = Service(replace(service(room.done(), tmp_path).rig, path=tmp_path / "rig.toml"), SystemClock())
    ring = Ring.create(str(found.rig.places.shm / "i1"), 100.0)
    put_ticks(ring, 1.0)
    packed = zipfile.ZipFile(io.BytesIO(bundle(found, Following(found.rig.places, SystemClock()), True)))
    ring.close()
    said = "".join(packed.read(name).decode() for name in packed.namelist())
    for planted in ("Planted", "planted", "Anna", "1950-01-01", "carcinoma", " Wall"):
        assert planted not in said, planted
    assert "[removed] fainted, and [removed] [removed], born [removed]" in said and "wall_s" in said, (
        "no key of a file is taken apart"
    )


@pytest.fixture
def desk_rig(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text(encoding="utf-8"))
    document["records"]["dir"] = str(tmp_path / "records")
    (tmp_path / "examples" / "rig.toml").write_text(dumped(document), encoding="utf-8")
    return tmp_path / "examples" / "rig.toml"


def by_hand(*answers: str | None) -> Callable[[str], str]:
    left = list(answers)

    def said(_question: str) -> str:
        answer = left.pop(0)
        if answer is None:
            raise EOFError
        return answer

    return said


WHOLE = (
    "Planted-Meier",
    "Anna",
    "1950",
    "1950-01-01",
    "basal cell carcinoma",
    "",
    "curative",
    "given",
    "",
    "2019, 50 Gy",
    "yes",
)
"""A birth date and the words of an earlier course are typed wrong once."""


def test_the_terminal_states_it_once_and_shows_it_and_what_stands_is_corrected_at_the_page(
    desk_rig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = EXAMPLES / "short.toml"
    one = order(path)
    assert typed.state(desk_rig, path, SystemClock(), by_hand(*WHOLE)) is Exit.AS_INTENDED
    out = capsys.readouterr().out
    assert (
        "birth_date '1950' is no date" in out
        and "say where, when and how much" in out
        and "at a terminal: entry 2" in out
    )
    rig = terminal.rig_of(desk_rig)
    (entry,) = Chart(rig.records, SystemClock().wall).read().stated(one)
    assert (entry.family_name, entry.earlier_words, entry.role) == ("Planted-Meier", "2019, 50 Gy", "terminal")
    assert "first: correct it at the page" in refused(lambda: typed.state(desk_rig, path, SystemClock(), by_hand()))
    assert terminal.show(desk_rig, path, SystemClock(), as_json=False) is Exit.AS_INTENDED
    assert "Planted-Meier, Anna" in capsys.readouterr().out
    assert terminal.show(desk_rig, path, SystemClock(), as_json=True) is Exit.AS_INTENDED
    assert json.loads(capsys.readouterr().out)["particulars"]["now"]["birth_date"] == "1950-01-01"
    assert (
        treating.whose(rig, one)
        == f"patient {one.patient_id}, {one.patient_id_2}; name Planted-Meier, Anna, born 1950-01-01"
    )
    (rig.records / "chart" / "audit.head").unlink()
    assert "not believed" in treating.whose(rig, one) and "Planted" not in treating.whose(rig, one)


@pytest.mark.parametrize("answers", [(*WHOLE[:-1], "y"), ("", "", "", "", "", "", ""), ("Planted", None)])
def test_anything_but_a_typed_yes_states_nothing(desk_rig: Path, answers: tuple[str | None, ...]) -> None:
    assert typed.state(desk_rig, EXAMPLES / "short.toml", SystemClock(), by_hand(*answers)) is Exit.NOT_CONFIRMED
    rig = terminal.rig_of(desk_rig)
    assert Chart(rig.records, SystemClock().wall).read().particulars == ()
    assert treating.whose(rig, order(EXAMPLES / "short.toml")).endswith("name not stated, born not stated")


def test_nothing_that_loads_confirms_or_counts_goes_by_a_name(tmp_path: Path) -> None:
    """A fraction's identity, its sums and what the records page finds are the same with a name, without one, and with another one."""
    found = []
    for name in ("", "Meier", "Mayer"):
        room = KeptByHand(tmp_path / (name or "none"))
        if name:
            kept(room.records).state(ORDER, 0, Statement(name), "", "mia", "physician")
        room.golden()
        told = report(room)
        found.append((told.id, told.patient, told.order, told.totals, told.segments, told.calculation, told.before))
        kept_rows = Kept(replace(rig_of(tmp_path), records=room.done()))
        assert (
            kept_rows.patients("Meier", "")["patients"] == [] and len(kept_rows.patients("12-34", "")["patients"]) == 1
        )
    assert found[0] == found[1] == found[2] and NOTHING.stated(ORDER) == ()
