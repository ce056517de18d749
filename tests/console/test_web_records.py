"""What the Records pages read: everything that is kept, a bounded piece at a time, and the truth where it cannot be read; only for whoever may."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from access_by_hand import ClerkByHand
from asgi_by_hand import PORT, headers, http
from desk_by_hand import EXAMPLES
from kept_by_hand import GOLDEN, ORDER, WALL_S, KeptByHand
from sqlalchemy import Engine, create_engine, insert

from console import configuration
from console.treat.chart import FOLDER as CHART
from console.web import records_page, records_read
from console.web.doors import Doors
from console.web.journal_part import part
from console.web.people import Demonstration, Person, Typed
from console.web.reading import AT_ONCE, WAITING, Reading
from console.web.records_page import RecordsPage
from console.web.records_read import Kept
from console.web.serve import application, assembled
from console.web.unread import NotReadError, NotThereError
from hal.clock import SystemClock
from records import sheets
from records.approved import LOG
from records.files import PosixFiles
from records.journal import Kind, read_all
from records.sheets import SheetKind
from records.store import FractionRow, engine_for

SHOWN = 400
HOSTILE = "<script>alert(1)</script>=1+2"


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    return KeptByHand(tmp_path / "records")


def reader(records: Path) -> Kept:
    return Kept(replace(configuration.load(EXAMPLES / "rig.toml", 0), records=records))


def test_one_fraction_with_all_that_is_kept_of_it(kept: KeptByHand) -> None:
    """Sums, segments, who approved, reasons of resumes, the closing; each as the journal or the database has it."""
    name = kept.golden()
    found = reader(kept.done())
    (patient,) = found.patients("", "")["patients"]
    assert (patient["patient_id"], patient["fractions"], patient["lesions"], patient["words"]) == ("12-34", 1, 1, "")
    (lesion,) = found.lesions("12-34")["lesions"]
    (row,) = found.fractions("nose left", "12-34", "")["fractions"]
    one = found.fraction(name)
    assert (
        lesion["delivered_rx_mgy"] == row["delivered_rx_mgy"] == one["delivered_rx_mgy"] == pytest.approx(7000, abs=1)
    )
    assert [segment["beam_s"] for segment in one["exposures"]] == pytest.approx(GOLDEN, abs=0.001)
    assert {tuple(order["approved_by"]) for order in one["order"]} == {("Dr. A", "M. B")} and not one["order_words"]
    told = [(row["what"], row["words"]) for row in one["corrections"]]
    assert told[:2] == [("resume", "the door was opened"), ("resume", "the patient coughed")]
    assert told[2] == ("closed", "delivered")
    assert [event["kind"] for event in one["events"]].count("TERMINAL") == 3


def test_of_patients_it_is_said_why_no_name_that_was_stated_counts(kept: KeptByHand, tmp_path: Path) -> None:
    """A chart that cannot be believed is not one in which nothing was stated."""
    kept.golden()
    records, clock = kept.done(), SystemClock()
    (records / CHART).mkdir()
    (records / CHART / LOG).write_text("no entry\n" * 2)
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=records)
    desk = assembled(rig, tmp_path / "orders", Demonstration(clock), ClerkByHand(), clock)
    found = RecordsPage(desk, Reading(desk))._patients("", "")
    assert [row["names"] for row in found["patients"]] == [[]] and found["wrong"] and not found["words"]


def test_a_trace_comes_from_its_own_part_of_the_journal(kept: KeptByHand) -> None:
    """Behind it lie other segments; what is read is the same as reading everything, and damage there is said and not drawn around."""
    kept.golden()
    for n in range(40):
        kept.start(msgspec.structs.replace(ORDER, patient_id=f"P-{n}"))
        kept.ticks(30.0, 0.05)
        kept.end(30.0)
    found = reader(kept.done())
    journal = kept.records / "journal"
    assert len(list(journal.glob("*.journal"))) > 5
    every = list(read_all(PosixFiles(), journal))
    for first, last in ((1, 3), (60, 90), (len(every) - 5, len(every))):
        assert list(part(journal, first, last)) == every[first - 1 : last]
    token = kept.token
    drawn = found.trace(token)
    assert drawn["ticks"] == 601 and drawn["points"][-1][3] == pytest.approx(55.0 * 30.0)
    last = max(journal.glob("*.journal"))
    raw = bytearray(last.read_bytes())
    end = len(bytes(raw).rstrip(b"\0"))
    raw[end - 100] ^= 1
    last.write_bytes(raw)
    with pytest.raises(NotReadError, match=r"torn or changed.*first:"):
        found.trace(token)
    assert found.trace(1)["points"], "what lies in whole segments is still shown"


def test_an_order_that_cannot_be_read_is_said_beside_what_can(kept: KeptByHand) -> None:
    """The journal is gone: the database is still shown, and the page says what it lacks."""
    name = kept.golden()
    found = reader(kept.done())
    for path in (kept.records / "journal").glob("*.journal"):
        path.unlink()
    one = found.fraction(name)
    assert one["status"] == "COMPLETE" and "no segment holds" in one["order_words"]


def test_five_thousand_fractions_are_shown_a_page_at_a_time(kept: KeptByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, in order, never more than a page in an answer; and a search finds the one."""
    monkeypatch.setattr(records_read, "PAGE", SHOWN)
    kept.golden()
    records = kept.done()
    engine = engine_for(records / "records.sqlite")
    with engine.begin() as connection:
        (like,) = connection.execute(FractionRow.__table__.select()).mappings().all()
        connection.execute(
            insert(FractionRow),
            [
                dict(like) | {"id": f"{n:016x}", "patient_id": f"P-{n // 10:04d}", "started_wall_s": WALL_S + n // 3}
                for n in range(5000)
            ],
        )
    engine.dispose()
    found, seen, before = reader(records), list[str](), ""
    while True:
        page = found.fractions("", "", before)
        assert len(page["fractions"]) <= SHOWN
        seen += [row["id"] for row in page["fractions"]]
        before = page["next"]
        if not before:
            break
    assert len(seen) == len(set(seen)) == 5001
    assert [row["patient_id"] for row in found.patients("P-0321", "")["patients"]] == ["P-0321"]
    assert len(found.patients("", "")["patients"]) == SHOWN and found.patients("", "")["next"]
    assert found.fractions("100%", "", "")["fractions"] == [], "a sign of the database's own is a sign"


def test_what_cannot_be_read_is_said(kept: KeptByHand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No records yet, an unknown fraction, a locked and a damaged database: words and what to do first, never an empty list as if nothing were kept."""
    assert reader(tmp_path / "none").patients("", "")["words"] == "there are no records yet"
    kept.golden()
    found = reader(kept.done())
    for ask in (lambda: found.fraction("0" * 16), lambda: found.lesions("nobody"), lambda: found.trace(99)):
        with pytest.raises(NotThereError, match="first:"):
            ask()

    def hasty(path: Path, *, read_only: bool = False) -> Engine:
        return create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", connect_args={"timeout": 0.01})

    monkeypatch.setattr(records_read, "engine_for", hasty)
    path = kept.records / "records.sqlite"
    holder = sqlite3.connect(path)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("DELETE FROM meta WHERE key = 'none'")
    with pytest.raises(NotReadError, match="locked"):
        found.patients("", "")
    holder.rollback()
    holder.close()
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(NotReadError, match="cannot be read"):
        found.patients("", "")


def test_what_a_dead_recorder_left_beside_the_database_is_read(kept: KeptByHand, tmp_path: Path) -> None:
    """Killed with its last rows in the log beside the database only: they are shown, and reading has written nothing into the database."""
    kept.golden()
    records = kept.done()
    engine = engine_for(records / "records.sqlite")
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE fractions SET site = 'written last'")
        connection.commit()
        dead = tmp_path / "dead"
        dead.mkdir()
        for path in records.glob("records.sqlite*"):
            shutil.copy(path, dead / path.name)
    engine.dispose()
    before = (dead / "records.sqlite").read_bytes()
    assert b"written last" not in before
    assert [row["site"] for row in reader(dead).fractions("", "", "")["fractions"]] == ["written last"]
    assert (dead / "records.sqlite").read_bytes() == before


def test_an_override_counts_as_its_signature_does(kept: KeptByHand) -> None:
    """A sheet whose signature fits nobody is shown with what stands against it."""
    name = kept.golden()
    tag = f"{kept.began.fraction_tag:016x}"
    override = records_read.Override(tag, "5", "k", 61.0, 60.3, "measured again")

    sheet = sheets.Sheet(
        SheetKind.OVERRIDE, sheets.body(override), "M. B", "physicist", "2026-11-28T10:00:00+00:00", b"x" * 64
    )
    path = sheets.hand_in(kept.records, sheet)
    path.rename(path.with_suffix(sheets.TAKEN))

    kept.append(Kind.SHEET, sheets.Taken(sheet, 1.0, ""))
    rows = [row for row in reader(kept.done()).fraction(name)["corrections"] if row["what"] == "override"]
    assert len(rows) == 1 and "measured again" in rows[0]["words"] and rows[0]["against"]


class Reader(Demonstration):
    """A demonstration whose person has a role that a test gives."""

    role = "operator"

    def who(self, cookie: str, beam: bool) -> Person | None:
        person = super().who(cookie, beam)
        return None if person is None else Person(person.name, self.role)


def test_only_who_may_reads_and_names_stay_text(kept: KeptByHand, tmp_path: Path) -> None:
    """Nobody without a login, no role that the table does not name, no foreign page; a hostile name comes back as JSON that no browser runs."""
    kept.golden(patient_id=HOSTILE)
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=kept.done())
    access = Reader(SystemClock())
    app = Doors(
        application(assembled(rig, tmp_path, access, ClerkByHand(), SystemClock())), PORT, PORT + 1, lambda: True
    )

    async def get(path: str, **more: str) -> tuple[int, Any, dict[str, str]]:
        return await http(app, path, b"", headers(**more), "GET")

    async def story() -> None:
        for path in (
            "patients",
            "lesions?patient=x",
            "fractions",
            f"fraction?fraction={'0' * 16}",
            "trace?token=1",
            f"report?name=fraction-{'0' * 16}-00000001.pdf",
        ):
            assert (await get(f"/api/records/{path}"))[0] == 401, path
        cookie = access.enter(Typed("demonstration", access.code, "here")).cookie
        status, said, answered = await get("/api/records/patients", cookie=f"kerma={cookie}")
        assert status == 200 and said["patients"][0]["patient_id"] == HOSTILE
        assert (answered["content-type"], answered["x-content-type-options"]) == ("application/json", "nosniff")
        assert (await get("/api/records/patients", cookie=f"kerma={cookie}", origin="https://evil.example"))[0] == 403
        assert (await get("/api/records/fraction?fraction=../../etc/passwd", cookie=f"kerma={cookie}"))[0] == 422
        assert (await get("/api/records/report?name=../records.sqlite", cookie=f"kerma={cookie}"))[0] == 422
        access.role = "visitor"
        assert (await get("/api/records/patients", cookie=f"kerma={cookie}"))[0] == 403

    asyncio.run(story())


def test_t1_a_report_needs_a_token_of_its_own(
    kept: KeptByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token, with an invented one, a used one or another login's no report is made."""
    made: list[str] = []

    async def reported(_rig_file: Path, fraction: str) -> tuple[int, str]:
        made.append(fraction)
        return 0, ""

    monkeypatch.setattr(records_page, "reported", reported)
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=kept.done())
    access = Demonstration(SystemClock())
    desk = assembled(rig, tmp_path, access, ClerkByHand(), SystemClock())
    app = Doors(application(desk), PORT, PORT + 1, lambda: True)

    async def story() -> None:
        own, other = (f"kerma={access.enter(Typed('demonstration', access.code, 'here')).cookie}" for _ in range(2))

        async def make(token: str | None) -> int:
            given = headers(cookie=own, x_kerma_token=token)
            return (await http(app, "/api/records/report", {"fraction": "0" * 16}, given))[0]

        async def token(cookie: str) -> str:
            return str((await http(app, "/api/token", {}, headers(cookie=cookie)))[1]["token"])

        assert [await make(None), await make("invented"), await make(await token(other))] == [422, 403, 403]
        assert made == []
        good = await token(own)
        assert [await make(good), await make(good)] == [200, 403]
        assert made == ["0" * 16]

    asyncio.run(story())


def test_reads_that_hang_are_words_and_never_more_than_so_many(tmp_path: Path) -> None:
    """The page has its answer in time, the next ones too, and the turns come back when the disk does."""
    rig = configuration.load(EXAMPLES / "rig.toml", 0)
    reading = Reading(assembled(rig, tmp_path, Demonstration(SystemClock()), ClerkByHand(), SystemClock()), 0.05)
    stuck = threading.Event()

    async def story() -> None:
        asked = [asyncio.create_task(reading.turn(stuck.wait)) for _ in range(AT_ONCE + WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Exception, match="reads wait already"):
            await reading.turn(int)
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            assert "not read within" in str(answer)
        stuck.set()
        while True:
            try:
                assert await reading.turn(int, "7") == 7
                return
            except Exception as error:
                assert "reads wait" in str(error) or "not read" in str(error)
                await asyncio.sleep(0.001)

    asyncio.run(story())
