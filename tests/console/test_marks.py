"""Threat T9 at the journal of doses: after each end its newest record stands in the audit, under the audit's signed head; a tail cut at a record's edge
with the database, or an older journal that was put back, is found, and nothing is loaded until a person has taken it as it is."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk_by_hand import EXAMPLES, ended, snapshot
from kept_by_hand import KeptByHand
from test_web_api import ORDER, Browser, Console, Scripted

from console import configuration
from console.access import commands, folder, marks
from console.treat import terminal
from console.treat.plain_words import PlainConsole
from console.web.clerk import Clerk
from console.web.marking import Marking
from controller.prescribed import Prescribed
from controller.requests import Load
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from records.book import Book
from records.files import PosixFiles
from records.folds import fold
from records.journal import read_all
from records.store import Store


class Kept:
    """Records with their database, and an audit beside them."""

    def __init__(self, records: Path) -> None:
        self.records = records
        self.clerk = Clerk(folder.opened(records, SystemClock())[1])
        self.marking = Marking(records, self.clerk)
        self.hand = KeptByHand(records)

    def given(self, fraction: int) -> None:
        self.hand.golden(fraction=fraction)
        self.made()

    def made(self) -> None:
        """The database, made from the journal."""
        for path in self.records.glob("records.sqlite*"):
            path.unlink()
        book = Book()
        for record in read_all(PosixFiles(), self.records / "journal"):
            fold(book, record)
        store = Store(self.records / "records.sqlite")
        store.project(book, book.changes, record.index, record.digest)
        store.close()

    def put_back(self, journal: Path) -> None:
        """Another journal, and a database that is made from it."""
        shutil.rmtree(self.records / "journal")
        shutil.copytree(journal, self.records / "journal")
        self.made()

    def marked(self) -> list[int]:
        self.clerk._hand.submit(bool).result(5.0)
        path = self.records / "access" / "audit.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)["told"]["record"] for line in lines if '"what":"records' in line]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    (tmp_path / "records").mkdir(mode=0o700)
    return Kept(tmp_path / "records")


def test_t9_a_tail_of_the_journal_that_was_cut_with_the_database_is_found(kept: Kept) -> None:
    """The chain that is left is whole, and so is the database that was made from it: the audit alone knows of more."""
    assert kept.marking.mark() == "" and kept.marking.refusal() == "", "nothing was given yet"
    kept.given(1)
    assert kept.marking.mark() == ""
    before = Path(shutil.copytree(kept.records / "journal", kept.records.parent / "before"))
    kept.given(2)
    assert kept.marking.mark() == "" and len(kept.marked()) == 2 and kept.marking.mark() == ""
    assert len(kept.marked()) == 2 and kept.marking.refusal() == "", "the same state is marked once"
    kept.put_back(before)
    words = kept.marking.refusal()
    assert f"record {kept.marked()[-1]} was kept, and it is not there" in words and "first: have the physicist" in words
    assert kept.marking.mark() == words and len(kept.marked()) == 2, "no newer mark hides it"
    assert len(marks.every(kept.records)) == 1
    (other := KeptByHand(kept.records.parent / "other")).golden(fraction=3)
    other.golden(fraction=4)
    kept.put_back(other.records / "journal")
    assert "another in its place" in kept.marking.refusal() and kept.marking.mark(), "nor does going on"
    assert "another is in its place" in marks.every(kept.records)[0]


def test_t9_a_line_without_its_hash_marks_and_accepts_nothing(kept: Kept) -> None:
    """Who cuts the journal and writes into the audit that somebody accepted it has no key; the next entry accounts for those bytes as torn, and for no more."""
    kept.given(1)
    assert kept.marking.mark() == ""
    before = Path(shutil.copytree(kept.records / "journal", kept.records.parent / "before"))
    kept.given(2)
    assert kept.marking.mark() == "" and len(kept.marked()) == 2
    log = kept.records / "access" / "audit.jsonl"
    first = json.loads(next(line for line in log.read_text().splitlines() if '"what":"records"' in line))
    del first["hash"]
    kept.put_back(before)
    with log.open("a") as file:
        file.write(json.dumps(first | {"what": marks.ACCEPTED}, separators=(",", ":")))
    kept.clerk.audit.note("login", "olga", "operator", {})
    found = folder.looked(kept.records, [], "")
    assert found is not None and found.wrong == [], "the chain is whole"
    assert len(marks.every(kept.records)) == 1 and "was kept, and it is not there" in kept.marking.refusal()


def test_t9_an_end_that_became_durable_and_its_closing_are_marked(kept: Kept) -> None:
    kept.given(1)

    async def story() -> None:
        running = asyncio.create_task(kept.marking.run())
        await asyncio.sleep(0)
        kept.marking.heard(snapshot(ended=ended(durable=False)))
        while not kept.marked():
            await asyncio.sleep(0.01)
        assert not kept.marking._due
        kept.marking.heard(snapshot(ended=ended()))
        assert kept.marking._due
        running.cancel()

    asyncio.run(story())


def test_t9_nothing_is_loaded_with_a_journal_that_lacks_what_was_marked_until_a_person_took_it(
    scripted: Scripted, tmp_path: Path, prescribed: Prescribed, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(scripted, tmp_path, prescribed)
    tmp_path.chmod(0o700)
    kept = Kept(tmp_path)
    kept.given(1)
    _, audit = folder.opened(tmp_path, SystemClock())
    audit.note(marks.NOTED, "console", "", {"record": 9_999, "sha256": "0" * 64})

    async def story() -> None:
        page = Browser(console)
        await page.ready()
        status, said = await page.command("load", ORDER)
        assert status == 409 and "record 9999 was kept" in said["words"] and not console.asked(Load)
        monkeypatch.setattr(commands, "rig_of", lambda _: console.room.rig)
        monkeypatch.setattr(commands, "asked", lambda _: "no")
        with pytest.raises(ConfigurationError, match="nothing was changed"):
            commands.accept_records(None)
        assert commands.verify(None, [], "", True) == commands.WRONG
        monkeypatch.setattr(commands, "asked", lambda _: "yes")
        commands.accept_records(None)
        assert marks.every(tmp_path) == [] and kept.marking.refusal() == ""
        with pytest.raises(ConfigurationError, match="nothing to accept"):
            commands.accept_records(None)
        assert (await page.command("load", ORDER))[0] == 200

    console.play(story)


def test_t9_the_newest_mark_is_found_however_much_stands_behind_it(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.given(1)
    kept.marking.mark()
    for _ in range(40):
        kept.clerk.told("login", "olga", "operator")
    kept.marked()
    found = marks.last(kept.records)
    monkeypatch.setattr(marks, "BACK", 200)
    assert found is not None and marks.last(kept.records) == found


def test_t9_an_end_at_the_terminal_is_marked_where_a_console_keeps_an_audit(kept: Kept) -> None:
    kept.given(1)
    rig: Any = SimpleNamespace(records=kept.records)
    terminal._marked(rig, SystemClock(), PlainConsole(quiet=True))
    assert kept.marked() == [], "nobody keeps an audit here"
    kept.clerk.told("console begins", "console", "")
    kept.marked()
    terminal._marked(rig, SystemClock(), PlainConsole(quiet=True))
    assert kept.marked() == [marks.newest(kept.records).record]  # type: ignore[union-attr]


def test_t16_a_simulated_rig_that_calls_itself_clinical_loads_nothing() -> None:
    with pytest.raises(ConfigurationError, match=r"treats nobody; first: write rig\.clinical = false"):
        configuration.of_one_kind(EXAMPLES / "rig.toml", True, True)
    for simulated, clinical in ((True, False), (False, True), (False, False)):
        configuration.of_one_kind(EXAMPLES / "rig.toml", simulated, clinical)
