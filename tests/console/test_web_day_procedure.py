"""The day's work at a page: the check's own questions by whoever holds control, and its signature by that person's secret over the very bytes that were shown.
Desk, hand and records are scripts; the key, the sheet and who may sign are the console's own."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import pytest
from access_by_hand import SECRET
from desk_by_hand import EXAMPLES, certificate, snapshot
from test_console_daily import BASE, BOUND
from test_web_access import Staffed
from test_web_api import Browser, Scripted
from test_web_procedures import now, said, typed, until

from calibration import keys
from console import configuration
from console.access import day_key
from console.access.commands import day_key as day_key_command
from console.calibrate.exposing import Answered
from console.day import daily, work
from console.day.noted import Notes
from console.day.warm_up import Day
from console.web import procedure_day
from console.web.control import GONE_AFTER_S
from console.web.doors import Doors
from console.web.procedure import Procedure
from console.web.serve import application
from controller.prescribed import Prescribed
from controller.proofs import NEEDED
from controller.requests import Reply, Request, Retest
from hal.errors import ConfigurationError
from records.day import ITEMS
from records.day_forms import BaseLine, DaySheet, Left, Line, decoded
from records.day_readings import furthest
from records.sheets import Sheet, wrong_signature

CHECK = {"what": "daily"}
ANSWERS = {
    "open each alone": "", "station pressure": "101.3 kPa", "temperature": "21.0 degC", "reading of the detector": "10.05 nC", "keep": "",
    "yes/no": "yes",
}  # fmt: skip
"""What is typed to a question that holds these words."""


class Hand:
    """Exposes at once; the third is interrupted."""

    def __init__(self, *_: object, **__: object) -> None:
        self.count = 0

    def begin(self) -> None:
        pass

    def expose(self, asked: Any) -> Answered:
        self.count += 1
        ended = "interrupted, DOOR" if self.count == 3 else "complete"
        return Answered(asked.token, ended, asked.seconds, number=100 + self.count)


class DayBench(Staffed):
    """A console on a rig that believes its key for the day's check; `laid` is what it has laid down, `answers` what the records say to each."""

    def __init__(self, scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> None:
        super().__init__(scripted, tmp_path, prescribed)
        self.tests = 0
        self.laid: list[Sheet] = []
        self.answers: list[str | ConfigurationError | None] = []
        records = tmp_path / "records"
        (records / "access").mkdir(parents=True, mode=0o700)
        signers = tmp_path / "day.pub"
        signers.write_bytes(day_key.made(records))
        rig = replace(self.room.rig, records=records, path=tmp_path / "rig.toml", day_signers=signers)
        self.room = replace(self.room, rig=rig)
        self.app = Doors(application(self.room), 8321, 8322, self.room.link.stop)

    def _heard(self, request: Request) -> list[Reply]:
        if isinstance(request, Retest):
            self.tests = 5
        self.tests -= 1
        if self.shown.state in ("STANDBY", "SELF_TEST"):
            self.shown = snapshot(state="SELF_TEST" if self.tests > 0 else "STANDBY")
        return super()._heard(request)

    def lay(self, _rig: object, sheet: Sheet, _clock: object) -> str | None:
        answer = self.answers.pop(0) if self.answers else ""
        if isinstance(answer, ConfigurationError):
            raise answer
        self.laid.append(sheet)
        return answer

    async def at(self, name: str) -> Browser:
        page = await self.page(name)
        assert (await page.command("control/take"))[0] == 200
        return page


@pytest.fixture
def bench(scripted: Scripted, tmp_path: Path, prescribed: Prescribed, monkeypatch: pytest.MonkeyPatch) -> DayBench:
    made = DayBench(scripted, tmp_path, prescribed)
    monkeypatch.setattr(procedure_day, "certificate_of", lambda _rig, _wall_s: certificate())
    monkeypatch.setattr(procedure_day, "Hand", Hand)
    monkeypatch.setattr(procedure_day, "laid_down", made.lay)

    def site(_rig: object, _certificate: object, _device: str, who: str, _clock: object) -> daily.Site:
        return daily.Site(
            who, BOUND, BASE, "ab" * 32, lambda _since: frozenset(NEEDED), lambda: (), Notes(tmp_path / "daily")
        )

    monkeypatch.setattr(work, "site_of", site)
    monkeypatch.setattr(work, "day_of", lambda _rig, clock: Day(lambda: (), clock.wall, UTC))
    return made


async def begun(bench: DayBench, page: Browser) -> dict[str, Any]:
    status, answer = await page.command("procedure/day", CHECK)
    assert status == 200, answer
    return await until(page, bench, lambda found: found.get("question") or not found["running"])


async def to_the_signature(bench: DayBench, page: Browser, **changed: str) -> dict[str, Any]:
    """Every question answered, until a signature is wanted or the check is at its end."""
    found = await begun(bench, page)
    for _ in range(60):
        if found["signing"] or not found["running"]:
            return found
        table = {**ANSWERS, **{key.replace("_", " "): value for key, value in changed.items()}}
        line = next(value for key, value in table.items() if key in found["asked"])
        question = found["question"]
        status, answer = await page.command("procedure/line", {"question": question, "line": line})
        assert status == 200, answer
        found = await until(
            page, bench, lambda one, before=question: one["question"] > before or one["signing"] or not one["running"]
        )
    raise AssertionError(found["asked"])


def signing(found: dict[str, Any], **changed: Any) -> dict[str, Any]:
    shown = found["signing"]
    return {"question": shown["question"], "sha256": shown["sha256"], "secret": SECRET} | changed


def test_a_check_is_made_at_a_page_and_signed_by_the_login_of_whoever_made_it(bench: DayBench) -> None:
    """What is shown are the bytes that are signed, with the console's key, in the person's name; a wrong secret, other bytes and a second word sign nothing."""

    async def story() -> None:
        page = await bench.at("olga")
        found = await to_the_signature(bench, page)
        shown = found["signing"]
        assert [(row["token"], round(row["off_pct"], 2)) for row in shown["lines"]] == [(101, 0.5), (102, 0.5)]
        assert shown["items"] == [name for name, _ in ITEMS] and shown["interrupt_token"] == 103
        status, answer = await page.command("procedure/sign", signing(found, secret="wrong wrong wrong"))
        assert status == 409 and "do not fit" in answer["words"]
        status, answer = await page.command("procedure/sign", signing(found, sha256="00" * 32))
        assert status == 409 and "not what stands here" in answer["words"]
        status, answer = await page.command("procedure/line", {"question": shown["question"], "line": "yes"})
        assert status == 409 and "nothing is asked" in answer["words"]
        assert not bench.laid
        assert (await page.command("procedure/sign", signing(found)))[0] == 200
        found = await until(page, bench, lambda one: not one["running"])
        assert found["ended"] == "signed, and in the records" and "in the records" in said(found)
        assert (await page.command("procedure/sign", signing(found | {"signing": shown})))[0] == 409

    bench.play(story)
    (sheet,) = bench.laid
    assert (sheet.who, sheet.role) == ("olga (login)", "operator")
    assert not wrong_signature(sheet, work.signers_of(bench.room.rig))
    content = decoded(sheet.body, DaySheet)
    assert content is not None and content.day and [one.token for one in content.lines] == [101]
    digest = hashlib.sha256(sheet.body).hexdigest()
    assert {"command": "sign", "question": bench.clerk.whats("command")[-1]["question"], "sheet": digest} == (
        bench.clerk.whats("command")[-1]
    )
    assert bench.clerk.whats("secret refused")


def test_a_check_that_fails_asks_for_no_signature(bench: DayBench) -> None:
    """4 % high: the words say so, nothing is laid down, and nothing can be signed afterwards."""

    async def story() -> None:
        page = await bench.at("paul")
        found = await to_the_signature(bench, page, reading_of_the_detector="10.4 nC")
        assert not found["signing"] and "treatment stays locked" in found["ended"]
        assert "call the physicist first" in said(found)
        status, answer = await page.command("procedure/sign", {"question": 1, "sha256": "00" * 32, "secret": SECRET})
        assert status == 409 and "no procedure" in answer["words"]
        assert not bench.laid

    bench.play(story)


@pytest.mark.parametrize("how", ["left", "given back", "silent"])
def test_whoever_is_gone_signs_nothing(bench: DayBench, how: str) -> None:
    """The page is closed, left or gives control back while the signature is asked for: the check is not made."""

    async def story() -> None:
        page = await bench.at("olga")
        found = await to_the_signature(bench, page)
        other = await bench.page("paul")
        if how == "left":
            assert (await page.command("procedure/leave"))[0] == 200
        elif how == "given back":
            assert (await page.command("control/leave"))[0] == 200
        else:
            bench.clock.more_s += GONE_AFTER_S + 1.0
        after = await until(other, bench, lambda one: not one["running"])
        assert after["ended"].startswith("left")
        assert (await page.command("procedure/sign", signing(found)))[0] == 409
        assert not bench.laid

    bench.play(story)


def test_what_could_not_be_written_is_signed_again_and_not_measured_again(bench: DayBench) -> None:
    """The disk is full: the words say so, the same bytes wait under a new number, and the second word signs them."""
    bench.answers = [ConfigurationError("sheets: cannot be written (No space left on device); first: see to the disk")]

    async def story() -> None:
        page = await bench.at("olga")
        found = await to_the_signature(bench, page)
        assert (await page.command("procedure/sign", signing(found)))[0] == 200
        before = found["signing"]
        found = await until(page, bench, lambda one: one["signing"] and one["signing"] != before)
        assert "No space left" in said(found) and found["signing"]["sha256"] == before["sha256"]
        assert (await page.command("procedure/sign", signing(found | {"signing": before})))[0] == 409
        assert (await page.command("procedure/sign", signing(found)))[0] == 200
        await until(page, bench, lambda one: not one["running"])
        assert len(bench.laid) == 1

    bench.play(story)


def test_what_the_records_refuse_locks_and_says_why(bench: DayBench) -> None:
    """A sheet that they take in and that opens nothing is no check."""
    bench.answers = ["exposures that no sheet tells of: 7"]

    async def story() -> None:
        page = await bench.at("olga")
        found = await to_the_signature(bench, page)
        assert (await page.command("procedure/sign", signing(found)))[0] == 200
        found = await until(page, bench, lambda one: not one["running"])
        assert "treatment stays locked" in found["ended"] and "it opens nothing: exposures" in said(found)

    bench.play(story)


def test_t9_a_signature_that_cannot_be_audited_is_none(bench: DayBench) -> None:
    async def story() -> None:
        page = await bench.at("olga")
        found = await to_the_signature(bench, page)
        bench.clerk.kept.full = True
        status, answer = await page.command("procedure/sign", signing(found))
        assert status == 503 and "cannot be audited" in answer["words"]
        await asyncio.sleep(0.05)
        assert not bench.laid
        bench.clerk.kept.full = False
        assert (await page.command("procedure/leave"))[0] == 200

    bench.play(story)


@pytest.mark.parametrize(("name", "status"), [("mia", 403), ("sven", 403), ("ada", 403), ("olga", 409), ("paul", 409)])
def test_t4_who_treats_makes_the_check_and_nobody_else(bench: DayBench, name: str, status: int) -> None:
    """Without control nobody does."""

    async def story() -> None:
        page = await bench.page(name)
        for path, body in (("day", CHECK), ("sign", {"question": 1, "sha256": "00" * 32, "secret": SECRET})):
            got, answer = await page.command(f"procedure/{path}", body)
            assert got == status, (path, answer)

    bench.play(story)


def no_key(bench: DayBench) -> None:
    day_key.path_of(bench.room.rig.records).unlink()


def not_named(bench: DayBench) -> None:
    bench.room.rig.day_signers.write_bytes((EXAMPLES / "physicist.pub").read_bytes())  # type: ignore[union-attr]


def nobody_named(bench: DayBench) -> None:
    bench.room = replace(bench.room, rig=replace(bench.room.rig, day_signers=None))
    bench.app = Doors(application(bench.room), 8321, 8322, bench.room.link.stop)


def among_physicists(bench: DayBench) -> None:
    rig = bench.room.rig
    both = rig.path.parent / "both.pub"
    both.write_bytes((EXAMPLES / "physicist.pub").read_bytes() + day_key.made(rig.records))
    bench.room = replace(bench.room, rig=replace(rig, signer_public_key=both))
    bench.app = Doors(application(bench.room), 8321, 8322, bench.room.link.stop)


def read_by_others(bench: DayBench) -> None:
    day_key.path_of(bench.room.rig.records).chmod(0o644)


def test_whoever_is_refused_may_begin_at_once(bench: DayBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that said why not may take its time to end: the refusal is answered when it has, so that the next beginning is not refused for it."""
    told, end = threading.Event(), threading.Event()
    real = Procedure._told

    def slow(one: Procedure, words: str) -> None:
        real(one, words)
        if words:
            told.set()
            end.wait(20.0)

    monkeypatch.setattr(Procedure, "_told", slow)
    no_key(bench)

    async def story() -> None:
        page = await bench.at("olga")
        refused = asyncio.create_task(page.command("procedure/day", CHECK))
        await asyncio.to_thread(told.wait)
        for _ in range(20):
            await asyncio.sleep(0)
        early = refused.done()
        end.set()
        status, answer = await refused
        assert not early and status == 409 and "has no key" in answer["words"]
        status, answer = await page.command(
            "procedure/day", {"what": "warm-up", "filter_id": "F2", "applicator_id": "A20"}
        )
        assert status == 200, answer

    bench.play(story)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_key, "has no key for the day's check; first: kerma users signer"), (not_named, "does not name this console's key"),
        (nobody_named, "does not name this console's key"), (among_physicists, "would sign whatever they sign; first: take it out"),
        (read_by_others, "may be read by others"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)  # fmt: skip
def test_a_console_whose_key_counts_for_nothing_or_too_much_begins_no_check_and_names_the_command_that_signs(
    bench: DayBench, spoil: Callable[[DayBench], None], words: str
) -> None:
    """Nobody works for half an hour at what cannot be signed; the terminal's own command stands in the words. A warm-up needs no signature."""
    spoil(bench)

    async def story() -> None:
        page = await bench.at("olga")
        status, answer = await page.command("procedure/day", CHECK)
        assert status == 409 and words in answer["words"] and "kerma daily --config" in answer["words"]
        warm = {"what": "warm-up", "filter_id": "F2", "applicator_id": "A20"}
        status, answer = await page.command("procedure/day", warm)
        assert status == 200, answer
        found = await until(page, bench, lambda one: one.get("question"))
        assert "WARM-UP" in found["banner"] and "the room is empty" in found["asked"]
        found = await typed(page, bench, "no")
        assert found["ended"] == "left: the tube is not warm"

    bench.play(story)


def test_a_calibrations_line_and_a_checks_line_are_of_different_roles(bench: DayBench) -> None:
    """Service types at calibrations and not at the day's check, also in control of the very page."""

    async def story() -> None:
        page = await bench.at("olga")
        found = await begun(bench, page)
        other = await bench.page("sven")
        status, answer = await other.command("procedure/line", {"question": found["question"], "line": ""})
        assert status == 403 and "answer is not for the role service" in answer["words"]
        assert (await now(other, bench))["question"] == found["question"], "watching is allowed"
        assert (await page.command("procedure/leave"))[0] == 200

    bench.play(story)


def test_the_key_is_made_once_for_its_owner_alone_and_its_public_half_is_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked twice it is the same key; nothing is written over; that it was made stands in the audit first."""
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=tmp_path / "records")
    monkeypatch.setattr("console.access.commands.rig_of", lambda _config: rig)
    out, again = tmp_path / "day.pub", tmp_path / "again.pub"
    for path in (out, again):
        assert day_key_command(None, path) == 0
    assert out.read_bytes() == again.read_bytes() and "PUBLIC KEY" in out.read_text()
    key = day_key.path_of(rig.records)
    assert key.stat().st_mode & 0o777 == 0o600
    assert keys.raw(keys.public_keys(out)[0]) == keys.raw(keys.private_key(key).public_key())
    with pytest.raises(ConfigurationError, match="name a new file"):
        day_key_command(None, out)
    assert "[daily] signers" in capsys.readouterr().out
    audit = (rig.records / "access" / "audit.jsonl").read_text(encoding="utf-8")
    assert audit.count('"what":"day key"') == 3


def test_a1_what_is_signed_shows_how_far_it_is_off_both_of_what_the_records_hold_it_against() -> None:
    """A second baseline 0.9 % above the first one, begun with an output that was 0.8 % or 1.0 % too high: 2.5 % off the one in force is 4.5 % off the whole,
    and whoever signs read 2.5 %. What the records call the furthest is one of both."""
    lower = BaseLine(69.5, 1.6, "F2", "A20", 10.0, 10.0 / 1.009)
    first = msgspec.structs.replace(BASE, lines=(lower,))
    line = Line(69.5, 1.6, "F2", "A20", 101, 10.25)
    sheet = DaySheet("2026-11-28", 0.0, BOUND, "QA-1", "ab", 101.325, 20.0, (line,), line, 103, (), ())
    off = {(69.5, "F2"): (1.008, 1.010)}
    site = daily.Site(
        "P", BOUND, BASE, "ab", lambda _since: frozenset(), tuple, Notes(Path("daily")), first=first, off=off
    )
    row, anew = procedure_day.shown(sheet, site)["lines"]
    assert (round(row["off_pct"], 2), round(row["begun_pct"], 2)) == (2.5, 4.46) and anew == row
    ratio, of = furthest(BASE, first, off, (69.5, 1.6, "F2", "A20"), 10.25, (101.325, 20.0))
    assert of == "what the first detector was begun with" and row["begun_pct"] == pytest.approx(100.0 * (ratio - 1.0))
    (alone, _) = procedure_day.shown(sheet, replace(site, first=None, off={}))["lines"]
    assert (round(alone["off_pct"], 2), alone["begun_pct"]) == (2.5, None), "the same is said once"


def test_a1_what_is_signed_shows_what_an_exposure_read_that_serves_no_reading() -> None:
    assert procedure_day.left_words(Left(7, "jig", 9.2, True, "QA-1"), "nC") == "jig (read 9.2 nC)"
    assert procedure_day.left_words(Left(7, "jig"), "nC") == "jig"
