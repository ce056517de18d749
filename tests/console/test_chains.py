"""An older folder that is put back beside the records is whole by itself, and the audit knows more: what is gone is named, and so is what the audit never heard
of; a report and the page say it where somebody reads who signed. What is being written meanwhile is no find."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asgi_by_hand import http
from desk_by_hand import EXAMPLES, dumped, offer
from kept_by_hand import ORDER, WALL_S, KeptByHand
from test_chart import SITE, AtPage, console, kept  # noqa: F401
from test_lesions import made as photo

from console import configuration
from console.access import beside, commands
from console.access.approvals import Approvals
from console.access.audit import Audit
from console.access.beside import Missing, compared
from console.access.folder import FOLDER as ACCESS
from console.reports import commands as reporting
from console.reports import keep, paper
from console.reports.beside import Beside, recorded_of
from console.reports.course import course_report
from console.reports.gather import gather
from console.reports.model import fraction_report
from console.reports.told import FractionReport
from console.treat import chart, terminal
from console.treat.chart import GIVEN, REVIEWED
from console.treat.chart_hand import Chart, stated_of, told_of
from console.treat.lesions import AWAY, NOTE, PHOTO, Lesions
from console.treat.particulars import Statement
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from records.files import PosixFiles
from verification.disk import FaultyDisk, Killed, Strike

SHA256 = ORDER.sha256.hex()


class Room:
    """Records in which olga gave a fraction, with everything that people say beside them, told to the audit as the console tells it."""

    def __init__(self, folder: Path) -> None:
        self.now_s = WALL_S
        self.hand = KeptByHand(folder)
        self.hand.start(operator="olga")
        self.hand.end(60.3)
        self.records, self.fraction = folder, self.hand.book.exposures[self.hand.token].fraction
        folder.chmod(0o700)
        self.opened()

    def opened(self) -> None:
        """As a console that is started anew."""
        self.records.joinpath(ACCESS).mkdir(mode=0o700, exist_ok=True)
        self.chart, self.approvals = Chart(self.records, self.wall), Approvals(self.records, self.wall)
        self.lesions = Lesions(self.records, self.wall)
        self.audit = Audit(self.records / ACCESS, PosixFiles(), self.wall)

    def wall(self) -> float:
        self.now_s += 1.0
        return self.now_s

    def recorded(self) -> chart.Recorded:
        found = gather(self.records / "journal")
        fraction = found.book.fractions[self.fraction]
        return recorded_of(found, fraction, found.book.tally(fraction))

    def asked(self, command: str, who: str) -> None:
        self.audit.note("command", who, "", {"command": command})

    def signed(self, who: str = "olga", meaning: str = GIVEN) -> int:
        found = self.recorded()
        self.asked("sign_off", who)
        n = self.chart.sign(found, meaning, found.state, who, "physicist" if meaning == REVIEWED else "operator")
        told = {"do": "sign_off", "entry": n, "fraction": self.fraction, "entry_sha256": self.chart.written(n)}
        self.audit.note("charted", who, "", told)
        return n

    def confirmed(self) -> int:
        self.asked("confirm", "olga")
        n = self.chart.confirm(ORDER, offer(), "olga", "operator", chart.PAGE, (), (), ())
        self.audit.note("charted", "olga", "", told_of(ORDER, n, self.chart.written(n)))
        return n

    def all_of_it(self) -> None:
        """One of each kind that there is."""
        for who, role in (("mia", "physician"), ("paul", "physicist")):
            self.asked("approve", who)
            n = self.approvals.sign(SHA256, "RX-7 version 2", who, role)
            told = {"signature": n, "order_sha256": SHA256, "entry_sha256": self.approvals.written(n)}
            self.audit.note("signed", who, role, told)
        self.asked("approve", "paul")
        self.approvals.withdraw(3, "wrong side", "paul", "physicist")
        self.audit.note("withdrawn", "paul", "physicist", {"signature": 3, "order_sha256": SHA256})
        _, first = self.lesions.attached(ORDER, photo("PNG"), "olga", "operator")
        acts = (
            (PHOTO, first), (NOTE, self.lesions.note(ORDER, "head left", "olga", "operator")),
            (AWAY, self.lesions.take_away(ORDER, first, "the other ear", "olga", "operator")),
        )  # fmt: skip
        for do, n in acts:
            told = {"do": do, "entry": n, "order_sha256": SHA256, "entry_sha256": self.lesions.written(n)}
            self.audit.note("attached", "olga", "operator", told)
        self.confirmed()
        self.signed()
        self.asked("correct", "olga")
        n = self.chart.correct(self.recorded(), "remark", "", "he slept", "for the next one", "olga", "operator")
        told = {"do": "correct", "entry": n, "fraction": self.fraction, "entry_sha256": self.chart.written(n)}
        self.audit.note("charted", "olga", "operator", told)
        stood = [one.n for one in self.chart.read().stated(ORDER)]
        n = self.chart.state(
            ORDER, stood[-1] if stood else 0, Statement(f"Meier {len(stood)}"), "r", "mia", "physician"
        )
        self.audit.note("charted", "mia", "physician", stated_of(ORDER, n, self.chart.written(n)))

    def wrong(self) -> str:
        return "\n".join(compared(self.records).wrong())

    def put_back(self, name: str, act: Callable[[], object]) -> None:
        """What this folder was before the act comes back after it."""
        old = self.records.with_name(f"{name}.old")
        shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(self.records / name, old)
        act()
        shutil.rmtree(self.records / name)
        shutil.copytree(old, self.records / name)

    def stated(self, name: str, **whose: str) -> int:
        """By mia at the page, beside an order of this lesion that is not the one that was given."""
        one = msgspec.structs.replace(ORDER, **({"sha256": b"o" * 32} | whose))
        stood = [said.n for said in self.chart.read().stated(one)]
        self.asked("order", "mia")
        n = self.chart.state(one, stood[-1] if stood else 0, Statement(name), "misread", "mia", "physician")
        self.audit.note("charted", "mia", "physician", stated_of(one, n, self.chart.written(n)))
        return n

    def report(self) -> FractionReport:
        return fraction_report(gather(self.records / "journal"), self.fraction, SITE, beside=Beside(self.records))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "records")


def test_everything_that_the_console_does_is_named_by_the_audit_and_found(room: Room) -> None:
    """Each kind of act in each chain once; and without any chain or audit there is nothing to find."""
    assert room.wrong() == "" and not compared(room.records).notes
    room.all_of_it()
    found = compared(room.records)
    assert (found.wrong(), found.notes) == ([], ())
    assert (
        {name: len(made.acts) for name, made in found.made.items()}
        == {"approvals": 3, "chart": 4, "lesions": 3}
        == dict(found.told)
    )
    assert {do for (_, do, _) in (act.key for made in found.made.values() for act in made.acts.values())} == set(
        beside.WORDS
    )


@pytest.mark.parametrize("name", beside.CHAINS)
def test_an_older_folder_put_back_or_taken_away_is_named_entry_by_entry(room: Room, name: str) -> None:
    """Whole by itself, with its own signed head; each thing that was made since is named, with who made it."""
    room.chart.confirm(ORDER, offer(), "terminal", "", chart.TERMINAL, (), (), ())
    room.approvals.sign("ab" * 32, "RX-8 version 1", "mia", "physician")
    room.lesions.note(ORDER, "first", "olga", "operator")
    room.opened()
    room.put_back(name, room.all_of_it)
    found = compared(room.records)
    assert found.made[name].wrong == (), "by itself it is whole"
    every = {"chart": 4}.get(name, 3)
    assert {one.chain for one in found.gone} == {name} and len(found.gone) == every
    said = [one for one in found.wrong() if "it is not there: an older folder was put back" in one]
    assert len(said) == every and all(one.startswith(f"{name} ") for one in said)
    shutil.rmtree(room.records / name)
    assert len(compared(room.records).gone) == every


def test_a_tail_that_is_cut_says_what_is_gone(room: Room) -> None:
    """The log alone, which its head then contradicts; and log and head, which contradict nothing but the audit."""
    room.signed()
    log, head = room.chart.folder / "audit.jsonl", room.chart.folder / "audit.head"
    before = log.read_bytes(), head.read_bytes()
    n = room.signed("paul", REVIEWED)
    whole = log.read_bytes()
    log.write_bytes(before[0])
    assert "its tail was cut" in room.wrong() and f"chart entry {n} (a signature at the end, paul" in room.wrong()
    head.write_bytes(before[1])
    assert not compared(room.records).made["chart"].wrong and f"chart entry {n} " in room.wrong()
    log.write_bytes(whole)
    assert f"chart entry {n} " in room.wrong(), "what stands after the signed head counts for nothing, and is not there"


def test_entries_that_change_places_and_a_chain_made_anew_with_other_words_are_named(room: Room) -> None:
    """Two lines changed about break the chain itself. Who has its key makes a whole chain of as many entries: the audit knows each by its hash."""
    room.signed()
    room.signed("paul", REVIEWED)
    log = room.chart.folder / "audit.jsonl"
    first, second, third = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(first + third + second)
    assert "stands where entry 2 is wanted" in room.wrong()
    shutil.rmtree(room.chart.folder)
    room.now_s = WALL_S
    forged, found = Chart(room.records, lambda: WALL_S + 30.0), room.recorded()
    forged.sign(found, GIVEN, found.state, "olga", "operator")
    forged.sign(found, REVIEWED, found.state, "petra", "physicist")
    assert [one.who for one in forged.read().signatures] == ["olga", "petra"] and not forged.read().wrong
    wrong = compared(room.records).wrong()
    assert len(wrong) == 2 and all("another stands in its place" in one for one in wrong), wrong
    assert "chart entry 3 (a signature at the end, paul" in wrong[1] and "petra" in wrong[1]


def test_what_the_audit_never_heard_of_is_named_where_it_is_older_or_gone_or_somebody_wrote(room: Room) -> None:
    room.signed()
    room.put_back(ACCESS, lambda: room.signed("paul", REVIEWED))
    words = "chart entry 3 (a signature at the end, paul"
    assert words in room.wrong() and "the audit heard neither of it nor that anybody asked for it" in room.wrong()
    shutil.rmtree(room.records / ACCESS)
    assert len(compared(room.records).unheard) == 2, "without an audit nobody vouches for any of it"
    room.opened()
    room.now_s += 3600.0
    room.audit.note("login", "olga", "operator", {})
    assert len(compared(room.records).unheard) == 2, "nor does one that was begun anew"


def test_a_kill_or_a_full_disk_between_the_two_is_noted_and_is_no_find(room: Room) -> None:
    """Asked for, written, and not told: there it stands, and the audit says that it was asked for. Asked for and never written: nothing is missing."""
    room.asked("sign_off", "olga")
    found = room.recorded()
    n = room.chart.sign(found, GIVEN, found.state, "olga", "operator")
    noted = compared(room.records)
    assert noted.wrong() == [] and f"chart entry {n} " in noted.notes[0] and "a kill or a full disk" in noted.notes[0]
    room.asked("sign_off", "paul")
    assert compared(room.records).wrong() == [] and len(compared(room.records).notes) == 1
    room.now_s += beside.ASKED_WITHIN_S
    room.chart.sign(found, REVIEWED, found.state, "paul", "physicist")
    assert "paul" in room.wrong(), "what was asked for a minute before was not this"


@pytest.mark.parametrize("what", ["ENOSPC", "SHORT"])
def test_a_full_disk_at_any_call_of_the_chain_is_no_find(tmp_path: Path, what: str) -> None:
    """The chain refuses or holds the entry; the audit, on a disk with room, is told of what was taken alone; the next signature is taken and told."""
    call, struck = 0, True
    while struck:
        call += 1
        room = Room(tmp_path / f"r{call}")
        disk = FaultyDisk(seed=call, strikes=[Strike(call, what)])
        room.chart = Chart(room.records, room.wall, disk)
        with suppress(ConfigurationError):
            room.signed()
        struck = bool(disk.struck)
        room.opened()
        assert compared(room.records).wrong() == [], call
        room.signed("paul", REVIEWED)
        assert compared(room.records).wrong() == [], call
    assert call > 5, "every call was struck once"


def test_what_is_written_while_it_is_compared_is_no_find(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature between the look at the audit and the look at the chains, one after both, and a chain whose log is ahead of its head."""
    room.all_of_it()
    plain, done = beside.made, []

    def meanwhile(records: Path, chain: str) -> beside.Made:
        if chain == "chart" and not done:
            done.append(room.signed("paul", REVIEWED))
        found = plain(records, chain)
        if chain == "chart" and len(done) == 1:
            done.append(room.confirmed())
        return found

    monkeypatch.setattr(beside, "made", meanwhile)
    assert (compared(room.records).wrong(), len(done)) == ([], 2)
    log = room.chart.folder / "audit.jsonl"
    log.write_bytes(log.read_bytes() + b'{"n":9,"wall_s"')
    assert compared(room.records).wrong() == []


def test_a_confirmation_at_a_terminal_without_an_audit_is_noted_and_after_it_is_asked_for(room: Room) -> None:
    """Where no console keeps an audit nobody is told; once the audit names a later one by its hash, an earlier one is of before and a later one is a find."""
    room.chart.confirm(ORDER, offer(), "otto", "", chart.TERMINAL, (), (), ())
    assert room.wrong() == "" and "at a terminal" in compared(room.records).notes[0]
    room.confirmed()
    assert room.wrong() == "" and len(compared(room.records).notes) == 1
    room.chart.confirm(ORDER, offer(), "otto", "", chart.TERMINAL, (), (), ())
    assert "chart entry 4 (a confirmation before the beam, otto" in room.wrong()


def test_lines_of_the_audit_that_are_no_entries_or_say_nothing_whole_change_nothing(room: Room) -> None:
    """A line without its own hash, a number that is none, a kind that nobody knows: not believed, and nothing falls over it."""
    room.signed()
    for told in (
        {"do": "sign_off"},
        {"do": "sign_off", "entry": "x"},
        {"do": "sold", "entry": 3},
        {"do": "sign_off", "entry": None},
    ):
        room.audit.note("charted", "olga", "", told)
    room.audit.note("command", "olga", "", {"n": 1})
    with (room.records / ACCESS / "audit.jsonl").open("ab") as log:
        log.write(
            b'{"n":99,"what":"charted","told":{"do":"sign_off","entry":7,"fraction":"x"},"hash":"' + b"0" * 64 + b'"}\n'
        )
    assert compared(room.records).wrong() == []


def forged(folder: Path, what: str, end: bytes, **changes: Any) -> None:
    """The last entry of its kind once more with other words and no hash, by somebody who has no key."""
    log = folder / "audit.jsonl"
    every = [json.loads(line) for line in log.read_bytes().splitlines()]
    line = [one for one in every if one["what"] == what][-1]
    line["told"] |= changes
    del line["hash"]
    with log.open("ab") as file:
        file.write(json.dumps(line).encode() + end)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_t9_a_line_without_its_hash_counts_for_nothing_after_the_next_entry_has_accounted_for_it(
    room: Room, end: bytes
) -> None:
    """Threat T9: it looks as what a crash left, and whoever acts next says so many bytes were torn; no name, signature or note is made by it."""
    room.all_of_it()
    before, about = room.chart.read(), room.lesions.about(ORDER)
    assert before.stated(ORDER)[-1].name == "Meier 0" and [one.words for one in about.notes] == ["head left"]
    for what, changes in ((chart.STATED, {"family_name": "Planted"}), (chart.SIGNED, {"meaning": REVIEWED})):
        forged(room.chart.folder, what, end, **changes)
        room.confirmed()
    room.lesions.note(ORDER, "a pillow", "olga", "operator")
    forged(room.lesions.folder, NOTE, b"", words="head RIGHT")
    room.lesions.note(ORDER, "a towel", "olga", "operator")
    found, now = Chart(room.records, room.wall).read(), Lesions(room.records, room.wall).about(ORDER)
    assert (found.wrong, now.wrong) == ((), ()), "what was torn is accounted for"
    assert found.particulars == before.particulars and found.signatures == before.signatures
    assert [one.words for one in now.notes] == ["head left", "a pillow", "a towel"]


@pytest.mark.parametrize("what", ["ENOSPC", *(pytest.param(one, marks=pytest.mark.grid) for one in ("EIO", "KILL"))])
def test_a17_what_was_told_to_nobody_as_written_is_not_made_by_the_next_entry(tmp_path: Path, what: str) -> None:
    """Hazard A17: a name and a note whose writing was broken off, by a full disk or a kill at any call, were refused or never answered; whoever acts next
    states neither, and so they stand as at the moment after. The audit misses nothing."""
    call, struck = 0, True
    while struck:
        call += 1
        room = Room(tmp_path / f"r{call}")
        room.confirmed()
        room.lesions.note(ORDER, "head left", "olga", "operator")
        disk = FaultyDisk(seed=call, strikes=[Strike(call, what)])
        with suppress(ConfigurationError, Killed):
            Chart(room.records, room.wall, disk).state(ORDER, 0, Statement("Planted"), "", "mia", "physician")
            Lesions(room.records, room.wall, disk).note(ORDER, "head RIGHT", "mia", "physician")
        struck = bool(disk.struck)
        disk.die(lambda: None)
        after = room.chart.read().particulars, room.lesions.about(ORDER).notes
        room.opened()
        room.confirmed()
        room.lesions.note(ORDER, "a towel", "olga", "operator")
        assert (room.chart.read().particulars, room.lesions.about(ORDER).notes[:-1]) == after, call
        assert room.chart.read().wrong == () and not compared(room.records).gone, call
    assert call > 20, "every call was struck once"


def test_of_many_the_first_are_named_and_the_rest_counted(room: Room) -> None:
    for _ in range(beside.MOST + 5):
        room.confirmed()
    shutil.rmtree(room.records / "chart")
    wrong = compared(room.records).wrong()
    assert len(wrong) == beside.MOST + 1 and wrong[-1] == "chart: 5 more like these"


def rig_of(room: Room) -> Path:
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text(encoding="utf-8"))
    document["records"]["dir"] = room.records.name
    path = room.records.parent / "rig.toml"
    path.write_text(dumped(document), encoding="utf-8")
    room.hand.done()
    return path


def test_the_command_ends_with_one_where_something_is_gone_and_says_what(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    """`kerma audit chains`, in words and as JSON; `kerma audit verify` says it too, also where there is no audit any more."""
    rig = rig_of(room)
    room.all_of_it()
    assert commands.chains(rig, False) == 0 and "nothing is gone" in capsys.readouterr().out
    assert commands.verify(rig, [], "", False) == 0
    room.put_back("chart", lambda: room.signed("paul", REVIEWED))
    capsys.readouterr()
    assert commands.chains(rig, False) == 1
    said = capsys.readouterr().out
    assert "WRONG  chart entry 6 (a signature at the end, paul" in said and "first: keep every folder as it is" in said
    assert commands.chains(rig, True) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["chains"][1] == {"chain": "chart", "entries": 5, "told": 5} and len(document["wrong"]) == 1
    assert commands.verify(rig, [], "", False) == 1 and "chart entry 6 " in capsys.readouterr().out
    shutil.rmtree(room.records / ACCESS)
    assert commands.verify(rig, [], "", False) == 1
    assert "no audit was ever begun here" in (out := capsys.readouterr().out) and "WRONG  chart entry 2" in out


def test_a_report_says_what_the_chart_has_lost_beside_not_signed_and_is_another_file(room: Room) -> None:
    """On paper, as a flag, in the course; the report of before stays as it was, and lies beside it."""
    before = room.report()
    assert (
        before.chart is not None
        and before.chart.gone == ()
        and "given as recorded: NOT SIGNED" in paper.signed_off(before.chart)
    )
    room.confirmed()
    room.put_back("chart", room.signed)
    told = room.report()
    assert told.chart is not None and told.chart.chain_whole and GIVEN in told.chart.unsigned
    (said,) = told.chart.gone
    assert (
        "the audit says that olga made a signature at the end" in said
        and "entry 3" in said
        and "first: kerma audit chains" in said
    )
    lines = paper.signed_off(told.chart)
    assert {"given as recorded: NOT SIGNED IN THIS CHART", f"LOOK: {said}"} <= {*lines} and said in told.flags
    assert keep.stem(told) == f"{keep.stem(before)}-g000003" and paper.fraction_pdf(told).startswith(b"%PDF")
    course = course_report(
        gather(room.records / "journal"), ORDER.patient_id, ORDER.course_id, SITE, Beside(room.records)
    )
    assert any(said in flag for flag in course.flags) and keep.stem(course).endswith("-g000003")
    room.signed()
    again = room.report()
    assert (
        again.chart is not None
        and [one.who for one in again.chart.signatures] == ["olga"]
        and len(again.chart.gone) == 1
    )


def test_a17_a_name_is_told_with_what_the_audit_knows_was_stated_since(room: Room) -> None:
    """Hazard A17: a chart that was put back tells the name of before the correction, whole by itself: report, course, page and terminal say that a later one
    is gone, of this lesion and of no other, and a statement that takes the lost one's number makes no report of the same file."""
    room.stated("Meier", lesion_id="L2")
    first = room.stated("Meier")
    whole = room.report()
    lost = list[str]()
    room.put_back("chart", lambda: (room.stated("Mayer"), lost.append(keep.stem(room.report()))))
    told = room.report()
    assert told.chart is not None and told.particulars is not None and told.particulars.now is not None
    assert told.particulars.now.family_name == "Meier" and told.chart.chain_whole
    (said,) = told.chart.gone
    assert "mia made a statement of whose lesion it is (" in said and f"entry {first + 1})" in said
    assert said in told.flags and keep.stem(told) == f"{keep.stem(whole)}-g{first + 1:06d}"
    course = course_report(
        gather(room.records / "journal"), ORDER.patient_id, ORDER.course_id, SITE, Beside(room.records)
    )
    assert any(said in flag for flag in course.flags)
    shown = room.chart.shown(ORDER)
    assert shown["now"]["family_name"] == "Meier" and shown["gone"] == [said]
    assert room.chart.shown(msgspec.structs.replace(ORDER, lesion_id="L2"))["gone"] == []
    rig = configuration.load(rig_of(room), os.getuid())
    assert terminal.whose(rig, ORDER).endswith(f"name Meier, born not stated\nLOOK  {said}")
    assert room.stated("Maier") == first + 1 and keep.stem(room.report()) not in (keep.stem(told), *lost)
    assert room.chart.shown(ORDER)["gone"] == [said], "that it was stated and is not here stays to be read"


def test_the_report_that_follows_is_written_anew_when_the_chart_was_put_back(room: Room) -> None:
    """Closed fractions too, which need not be looked at again else."""
    done = set[str]()
    room.confirmed()
    room.hand.close()
    rig = configuration.load(rig_of(room), os.getuid())
    made = {path.name for path in reporting.write_all(rig, SITE, done)}
    room.put_back("chart", room.signed)
    written = {path.name for path in reporting.write_all(rig, SITE, done)}
    assert any("-g000003" in name for name in written) and not written & made


def test_the_page_says_it_too_and_a_signature_is_still_taken(console: AtPage) -> None:  # noqa: F811
    """What the page is told of the fraction names who signed; signing anew is taken, and what is gone stays named."""
    records, state = console.hand.done(), console.of().state

    async def shown() -> dict[str, Any]:
        page = await console.page("olga", False)
        path = f"/api/records/fraction?fraction={console.fraction}"
        status, said, _ = await http(console.app, path, b"", page.headers(), "GET")
        assert status == 200
        return dict(said["chart"])

    async def story() -> None:
        assert (await console.sign("olga", GIVEN, state))[0] == 200
        (told,) = console.clerk.whats("charted")
        audit = Audit(records / ACCESS, PosixFiles(), lambda: WALL_S)
        audit.note(
            "charted", "olga", "operator", {name: told[name] for name in ("do", "entry", "fraction", "entry_sha256")}
        )
        assert ((first := await shown())["gone"], len(first["signatures"])) == ([], 1)
        shutil.rmtree(records / "chart")
        assert "the audit says that olga made a signature at the end" in (await shown())["gone"][0]
        console.room.chart.__init__(records, lambda: WALL_S)  # type: ignore[misc]
        assert (await console.sign("olga", GIVEN, state))[0] == 200
        assert (len((last := await shown())["gone"]), len(last["signatures"])) == (1, 1)
        assert Missing(records).of("00000000000000ff", "") == ()

    console.play(story)


def test_a_confirmation_at_the_terminal_is_told_to_an_audit_that_is_kept_and_refused_where_it_cannot_be(
    room: Room,
) -> None:
    """Where no console keeps one, nobody is told; where one is kept and cannot be written, the confirmation is not asked of the desk."""
    rig, clock = configuration.load(rig_of(room), os.getuid()), SystemClock()
    n = room.chart.confirm(ORDER, offer(), "otto", "", chart.TERMINAL, (), (), ())
    told = told_of(ORDER, n, room.chart.written(n))
    terminal._told(rig, clock, "otto", told)
    assert not (room.records / ACCESS / "audit.jsonl").exists() and len(compared(room.records).notes) == 1
    room.audit.note("login", "olga", "operator", {})
    terminal._told(rig, clock, "otto", told)
    found = compared(room.records)
    assert (found.wrong(), found.notes, found.told["chart"]) == ([], (), 1)
    (room.records / ACCESS / "audit.head").write_bytes(b"{}")
    with pytest.raises(ConfigurationError, match="is not what was signed here"):
        terminal._told(rig, clock, "otto", told)
