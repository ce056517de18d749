"""A calibration procedure at a page: the same lines as at the terminal by whoever holds control, each for one question; a page that goes leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from asgi_by_hand import http
from desk_by_hand import ScriptedDesk, certificate, snapshot
from test_console_calibrate import job, rig
from test_web_api import Browser, Console, MovedClock

from console.access.table import Situation, may
from console.calibrate import terminal
from console.calibrate.sessions import FOLDER
from console.desk_client import DeskGoneError
from console.treat import treat
from console.web.control import GONE_AFTER_S
from console.web.doors import Doors
from console.web.people import Access, Demonstration, Person
from console.web.procedure_face import OF_A_TERMINAL, PageFace
from console.web.procedure_line import Relay
from console.web.serve import application
from controller.prescribed import Prescribed
from controller.requests import Alive, Answer, Confirm, Edit, Load, Reply, Request, Reset, Resume, Retest, Stop, Watch
from hal.units import Seconds
from tests.calibration.measured_bench import AT

Scripted = Callable[[Callable[[Request], list[Reply]]], ScriptedDesk]


class AtE4(MovedClock):
    """The machine's clock on the day of the example's job."""

    def wall(self) -> Seconds:
        return Seconds(AT.timestamp())


class Roles(Demonstration):
    """The demonstration's login with the role that a test gives it, judged by the table."""

    role = "physicist"

    def who(self, cookie: str, beam: bool, /) -> Person | None:
        found = super().who(cookie, beam)
        return None if found is None else replace(found, role=self.role)

    def may(self, role: str, command: str, where: Situation, /) -> bool:
        return may(role, command, where)


class Bench(Console):
    """A console on a rig with E4's job."""

    def __init__(self, scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> None:
        super().__init__(scripted, tmp_path, prescribed)
        job(tmp_path)
        self.clock = AtE4()
        here = replace(rig(tmp_path), path=tmp_path / "rig.toml", places=self.desk.places, control=None)
        self.room = replace(self.room, rig=here, clock=self.clock)
        self.app = Doors(application(self.room), 8321, 8322, self.room.link.stop)

    def made_access(self, _folder: Path) -> Access:
        return Roles(self.clock)

    @property
    def sessions(self) -> list[Path]:
        return sorted((self.room.rig.records / FOLDER).glob("*.jsonl"))


@pytest.fixture
def bench(scripted: Scripted, tmp_path: Path, prescribed: Prescribed, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(terminal, "certificate_of", lambda _rig, _wall_s: certificate())
    return Bench(scripted, tmp_path, prescribed)


async def now(page: Browser, console: Bench) -> dict[str, Any]:
    status, answer, _ = await http(console.app, "/api/procedure", b"", page.headers(), "GET")
    assert status == 200, answer
    found: dict[str, Any] = answer["procedure"]
    return found


async def until(page: Browser, console: Bench, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Alive at the page until the procedure is as wanted."""
    assert page.socket is not None
    async with asyncio.timeout(20.0):
        for turn in count():
            if turn % 8 == 0:
                page.socket.say({"seen": 10**6, "t": 12.5})
            if wanted(found := await now(page, console)):
                return found
            await asyncio.sleep(0.005)
    raise AssertionError


async def begun(console: Bench) -> tuple[Browser, dict[str, Any]]:
    page = Browser(console)
    await page.ready()
    status, answer = await page.command("procedure/begin", {"name": "a20"})
    assert status == 200, answer
    return page, await until(page, console, lambda found: found.get("question"))


async def typed(page: Browser, console: Bench, line: str) -> dict[str, Any]:
    """One line for the question that stands, and the procedure at its next one or its end."""
    question = (await until(page, console, lambda found: found.get("question") or not found["running"]))["question"]
    status, answer = await page.command("procedure/line", {"question": question, "line": line})
    assert status == 200, answer
    return await until(page, console, lambda found: found["question"] > question or not found["running"])


def said(found: dict[str, Any]) -> str:
    return "\n".join(words for _, words in found["words"])


def test_lines_are_those_of_the_terminal_and_a_session_that_was_left_is_taken_up(bench: Bench) -> None:
    """Serial numbers as engraved, a step's question, leave; the same file goes on, and nothing is written twice."""

    async def story() -> None:
        page, found = await begun(bench)
        assert found["step"]["place"] == 1 and "S-C1" in found["step"]["connect"] and "SIMULATED" in found["banner"]
        assert (found["by"], found["role"]) == ("demonstration", "physicist")
        found = await typed(page, bench, "ok S-WRONG")
        assert "S-WRONG was typed" in said(found) and found["step"]["phase"] == "connect"
        found = await typed(page, bench, "ok S-E1 S-C1")
        assert found["asked"] == "ask for the reading? go, leave"
        (path,) = bench.sessions
        found = await typed(page, bench, "leave")
        assert not found["running"] and found["ended"].startswith("left") and found["session"] == path.stem
        status, answer = await page.command("procedure/line", {"question": 1, "line": "go"})
        assert status == 409 and "no procedure" in answer["words"]
        assert (await page.command("procedure/begin", {"name": "a20"}))[0] == 200
        found = await until(page, bench, lambda found: found.get("question"))
        assert bench.sessions == [path] and found["step"]["phase"] == "connect"
        await typed(page, bench, "leave")

    bench.play(story)


def test_a_line_is_for_one_question_and_by_the_page_in_control(bench: Bench) -> None:
    """A second page sees all of it and types nothing; a late line, a used token and a second procedure are refused."""

    async def story() -> None:
        page, found = await begun(bench)
        other = Browser(bench)
        await other.enter()
        await other.open()
        assert await now(other, bench) == found
        line = {"question": found["question"], "line": "leave"}
        status, answer = await other.command("procedure/line", line)
        assert status == 409 and "holds control on another page" in answer["words"]
        status, answer = await page.command("procedure/line", line | {"question": 99})
        assert status == 409 and "question 99" in answer["words"]
        status, answer = await page.command("procedure/line", line | {"line": "ok\u202eS"})
        assert status == 422
        assert (await page.post("/api/procedure/line", {"page": page.page} | line, x_kerma_token="used"))[0] == 403
        status, answer = await page.command("procedure/begin", {"name": "a20"})
        assert status == 409 and "being done" in answer["words"]
        assert len(bench.sessions) == 1 and await now(page, bench) == found
        await typed(page, bench, "leave")

    bench.play(story)


@pytest.mark.grid
@pytest.mark.parametrize("how", ["silent", "given back", "taken over"])
def test_whoever_holds_control_no_more_is_at_no_procedure(bench: Bench, how: str) -> None:
    """The session stays where it is, and whoever comes takes it up by its name."""

    async def story() -> None:
        page, _ = await begun(bench)
        other = Browser(bench)
        await other.enter()
        await other.open()
        if how == "silent":
            bench.clock.more_s += GONE_AFTER_S + 1.0
        elif how == "given back":
            assert (await page.command("control/leave"))[0] == 200
        else:
            assert (await other.command("control/take", {"over": True}))[0] == 200
        found = await until(other, bench, lambda found: not found["running"])
        assert found["ended"].startswith("left") and len(bench.sessions) == 1

    bench.play(story)


@pytest.mark.grid
@pytest.mark.parametrize(
    ("role", "status", "words"),
    [("operator", 403, "log in as"), ("physician", 403, "log in as"), ("service", 409, "have the physicist do it")],
)
def test_who_may_not_measure_begins_nothing(bench: Bench, role: str, status: int, words: str) -> None:
    async def story() -> None:
        page = Browser(bench)
        await page.ready()
        bench.access.role = role
        got, answer = await page.command("procedure/begin", {"name": "a20"})
        assert got == status and words in answer["words"]
        assert not bench.sessions

    bench.play(story)


@pytest.mark.grid
def test_what_cannot_be_begun_says_why(bench: Bench) -> None:
    async def story() -> None:
        page = Browser(bench)
        await page.enter()
        await page.open()
        got, answer = await page.command("procedure/begin", {"name": "a20"})
        assert got == 409 and "take control" in answer["words"]
        assert (await page.command("control/take"))[0] == 200
        got, answer = await page.command("procedure/begin", {"name": "b99"})
        assert got == 409 and "b99" in answer["words"]
        assert (await page.command("procedure/begin", {"name": "../a20"}))[0] == 422
        bench.shown = snapshot(state="FAULT")
        await page.command("retest")
        await bench._seen("FAULT")
        got, answer = await page.command("procedure/begin", {"name": "a20"})
        assert got == 409 and "group fault" in answer["words"]
        assert not bench.sessions

    bench.play(story)


async def at_an_exposure(page: Browser, console: Bench) -> dict[str, Any]:
    """A session begun and answered up to the question whether to expose."""
    for line in ("ok S-E1 S-C1", "go", "air 22.0 degC 99.00 kPa"):
        found = await typed(page, console, line)
    for _ in range(20):
        if found["step"]["exposes"] is not None and found["step"]["phase"] == "ready":
            break
        due = {"connect": "ok", "ready": "go", "judge": "accept it is so"}
        unit = found["asked"].partition(" in ")[2].partition(",")[0]
        number = "yes" if found["asked"].endswith("yes or no") else f"0.001 {unit}"
        line = due.get(found["step"]["phase"], number)
        found = await typed(page, console, line)
    assert found["asked"].startswith(f"expose {found['step']['token']}?"), found
    return found


def test_an_exposure_goes_to_the_desk_on_the_consoles_own_line(bench: Bench) -> None:
    """By the console's own lease, as CALIBRATION, under the step's token; what the desk refuses is told, and no page's word that it is there is invented."""

    async def story() -> None:
        page, _ = await begun(bench)
        await at_an_exposure(page, bench)
        bench.answer = Answer(False, "the door is open")
        found = await typed(page, bench, "go")
        (load,) = bench.asked(Load)
        assert isinstance(load, Load) and load.prescribed.patient_id == "CALIBRATION"
        assert "not exposed: the door is open" in said(found)
        assert found["step"]["exposes"]["used_mas"] == 0.0, "what the desk refused takes nothing of the step's charge"
        await typed(page, bench, "leave")

    bench.play(story)


@pytest.mark.parametrize("how", ["silent", "given back", "taken over", "logged out", "left"])
def test_t6_an_exposure_is_not_begun_for_whoever_said_go_and_is_gone(bench: Bench, how: str) -> None:
    """Go is said while the rig tests itself, and by the time it is ready the control in which it was said is another's or nobody's."""

    async def story() -> None:
        page, _ = await begun(bench)
        question = (await at_an_exposure(page, bench))["question"]
        bench.shown = snapshot(state="SELF_TEST")
        bench.room.link._send(Watch())
        await bench._seen("SELF_TEST")
        assert (await page.command("procedure/line", {"question": question, "line": "go"}))[0] == 200
        other = Browser(bench)
        await other.enter()
        await other.open()
        await until(page, bench, lambda found: found["exposing"])
        if how == "silent":
            bench.clock.more_s += GONE_AFTER_S + 1.0
        elif how == "given back":
            assert (await page.command("control/leave"))[0] == 200
        elif how == "left":
            assert (await page.command("procedure/leave"))[0] == 200
        elif how == "logged out":
            assert (await page.post("/api/logout"))[0] == 200
        else:
            assert (await other.command("control/take", {"over": True}))[0] == 200
        bench.shown = snapshot(state="STANDBY")
        async with asyncio.timeout(10.0):
            while (found := await now(other, bench))["running"]:
                bench.room.link._send(Watch())
                await asyncio.sleep(0.02)
        assert not bench.asked(Load), "nobody is there who said it"
        assert "not exposed: " in said(found)

    bench.play(story)


def test_t6_the_procedures_line_asks_nothing_that_leads_to_a_beam_for_a_control_that_has_ended(
    bench: Bench, prescribed: Prescribed
) -> None:
    """Looked at in the moment in which the request goes out; what unloads goes out whoever is there."""

    async def story() -> None:
        held = True
        relay = Relay(bench.room.link, lambda: held)

        async def asked(request: Request) -> Answer:
            await asyncio.to_thread(relay.send, request)
            while not isinstance(reply := await asyncio.to_thread(relay.receive, 1.0), Answer):
                pass
            return reply

        begins: tuple[Request, ...] = (
            Load(prescribed, "paul", "physicist"),
            Resume(prescribed, "paul", "why", True),
            Confirm(7, b"digest"),
        )
        begins = *begins, Retest(), Reset("physicist", "paul", "why")
        for request in begins:
            assert (await asked(request)).ok
        held = False
        for request in begins:
            assert "has ended; first: take control" in (await asked(request)).words
            assert len(bench.asked(type(request))) == 1
        assert (await asked(Edit())).ok and len(bench.asked(Edit)) == 1
        relay.end("over")

    bench.play(story)


def test_the_procedures_line_never_says_that_somebody_is_there(bench: Bench) -> None:
    """Alive is the word of the page in control alone: without it the desk's lease ends a procedure's beam as any other."""

    async def story() -> None:
        relay = Relay(bench.room.link, lambda: True)
        await asyncio.to_thread(relay.send, Alive())
        await asyncio.to_thread(relay.send, Edit())
        reply = None
        while not isinstance(reply, Answer):
            reply = await asyncio.to_thread(relay.receive, 1.0)
        assert reply.ok and len(bench.asked(Edit)) == 1 and not bench.asked(Alive)
        relay.end("over")
        with pytest.raises(DeskGoneError, match="over"):
            relay.send(Edit())

    bench.play(story)


@pytest.mark.grid
def test_a_stop_at_a_page_is_one_of_the_procedure(bench: Bench) -> None:
    """It goes out by both ways at once, and the next exposure that was not confirmed anew is none."""

    async def story() -> None:
        page, _ = await begun(bench)
        line = bench.room.link.stopping
        assert len(line) == 1
        assert (await page.post("/stop"))[0] == 200
        await typed(page, bench, "leave")
        async with asyncio.timeout(5.0):
            while bench.room.link.stopping or bench.asked(Stop) == []:
                await asyncio.sleep(0.002)

    bench.play(story)


def test_a_page_names_no_key_that_stops_nothing_there() -> None:
    """Ctrl-C is STOP at a terminal alone; treat's own words are asked for it, so that the two cannot part."""
    words = f"READY: press the beam-on switch{OF_A_TERMINAL}"
    assert words in Path(treat.__file__).read_text(encoding="utf-8")
    face = PageFace("banner")
    face.say(words)
    assert face.shown()["words"] == [(1, "READY: press the beam-on switch")]
