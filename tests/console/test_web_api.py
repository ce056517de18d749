"""The interface behind the doors: two consoles, a stale confirmation, a stale tab, a used token, and who may ask for what; the desk is a scripted one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from access_by_hand import ClerkByHand, Rig
from asgi_by_hand import PORT, Socket, headers, http
from desk_by_hand import EXAMPLES, OK, ScriptedDesk, certificate, offer, snapshot

from console import configuration
from console.access.table import ROW, situation
from console.treat.independent import Beside
from console.web.control import GONE_AFTER_S
from console.web.doors import App, Doors
from console.web.fraction import CHECKS, LOOK, LOOKED_S, Fraction, Loaded, Orders
from console.web.people import Access, Demonstration, Person, Typed
from console.web.serve import application, assembled
from controller.prescribed import Prescribed
from controller.requests import Alive, Answer, Confirm, Edit, Load, Reply, Request, Resume, Snapshot, Watch
from hal.clock import SystemClock
from hal.units import Seconds

Scripted = Callable[[Callable[[Request], list[Reply]]], ScriptedDesk]
CONFIRM = {"offer_id": 1, "digest": "01" * 32, "checked": list(CHECKS), "ago_s": [40.0, 30.0, 20.0, 10.0]}
COMPARED = CONFIRM | {"checked": [*CHECKS, "photo"], "ago_s": [40.0, 30.0, 20.0, 10.0, 5.0]}
"""Where a photo was compared too."""


class MovedClock(SystemClock):
    """The machine's clock, and what a test adds to it."""

    more_s = 0.0

    def monotonic(self) -> Seconds:
        return Seconds(super().monotonic() + self.more_s)


class StoodClock(MovedClock):
    """Time passes as a test says, and not as a machine is busy: a second in which nothing was played is no silent desk."""

    def monotonic(self) -> Seconds:
        return Seconds(1e6 + self.more_s)


class OneOrder(Orders):
    """Reads one order that a test made; `other` are words of another certificate that was laid there since."""

    other = ""

    def __init__(self, prescribed: Prescribed) -> None:
        self._prescribed, self._folder = prescribed, Path("no folder of orders")

    def read(self, _name: str, _sha256: str, resumed: bool) -> Loaded:
        return Loaded(self._prescribed, certificate(), Beside(), resumed, None)

    def exchanged(self, _loaded: Loaded) -> str:
        return self.other


class Console:
    """A console on a scripted desk, and browsers at it; `shown` is what the desk shows after its next request, and not ten a second as one that turns."""

    timed: type[MovedClock] = MovedClock

    def __init__(self, scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> None:
        self.shown: Snapshot = snapshot()
        self.answer = OK
        self.desk = scripted(self._heard)
        self.clock = self.timed()
        self.access: Any = self.made_access(tmp_path)
        self.clerk = ClerkByHand()
        rig = replace(
            configuration.load(EXAMPLES / "rig.toml", 0), places=self.desk.places, records=tmp_path, control=None
        )
        joined = assembled(rig, tmp_path, self.access, self.clerk, self.clock)
        self.room = replace(joined, orders=OneOrder(prescribed))
        self.app: App = Doors(application(self.room), PORT, PORT + 1, self.room.link.stop)

    def made_access(self, _folder: Path) -> Access:
        return Demonstration(self.clock)

    @property
    def noted(self) -> list[object]:
        return [told["change"] for told in self.clerk.whats("control")]

    def _heard(self, request: Request) -> list[Reply]:
        return [self.shown] if isinstance(request, Watch | Alive) else [self.answer, self.shown]

    def asked(self, kind: type) -> list[Request]:
        return [one for one in self.desk.requests if isinstance(one, kind)]

    def play(self, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def both() -> None:
            running = asyncio.create_task(self.room.link.run())
            try:
                await asyncio.wait_for(self._seen("STANDBY"), 10.0)
                await asyncio.wait_for(story(), 30.0)
            finally:
                running.cancel()

        asyncio.run(both())

    async def _seen(self, state: str) -> None:
        while self.room.link.snapshot is None or self.room.link.snapshot.state != state:
            await asyncio.sleep(0.002)


class Browser:
    """One page with its cookie, its number and its live line."""

    def __init__(self, console: Console, cookie: str = "") -> None:
        self._console, self.cookie, self.page = console, cookie, ""
        self.socket: Socket | None = None

    def headers(self, **more: str) -> list[tuple[bytes, bytes]]:
        return headers(**({"cookie": f"kerma={self.cookie}"} if self.cookie else {}), **more)

    async def post(self, path: str, body: Any = None, **more: str) -> tuple[int, Any]:
        status, said, answered = await http(self._console.app, path, body, self.headers(**more))
        if "set-cookie" in answered:
            self.cookie = answered["set-cookie"].split(";")[0].removeprefix("kerma=").strip('"')
            assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in answered["set-cookie"].split(";")}
        return status, said

    async def enter(self) -> None:
        assert (await self.post("/api/login", {"name": "demonstration", "secret": self._console.access.code}))[0] == 200

    async def open(self, page: str = "") -> Any:
        ticket = (await self.post("/api/ticket"))[1]["token"]
        self.socket = Socket(self._console.app, self.headers())
        assert (await self.socket.heard())["type"] == "websocket.accept"
        self.socket.say({"ticket": ticket, "page": page})
        frame = await self.socket.frame()
        self.page = frame["page"]
        return frame

    async def show(self) -> Any:
        """Say that the last frame was shown, and take the next."""
        assert self.socket is not None
        self.socket.say({"seen": 10**6, "t": 12.5})
        return await self.socket.frame()

    async def command(self, name: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        status, said = await self.post("/api/token")
        token = said["token"] if status == 200 else "none"
        return await self.post(f"/api/{name}", {"page": self.page} | (body or {}), x_kerma_token=token)

    async def ready(self) -> None:
        """Logged in, open, in control."""
        await self.enter()
        await self.open()
        assert (await self.command("control/take"))[0] == 200


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> Console:
    return Console(scripted, tmp_path, prescribed)


ORDER = {"order": "short.toml", "sha256": "0" * 64}
RESUME = ORDER | {"reason": "the door was opened", "secret": "typed again"}


def test_a_fraction_is_loaded_compared_and_confirmed_by_number_and_digest(
    console: Console, prescribed: Prescribed
) -> None:
    async def story() -> None:
        page = Browser(console)
        await page.ready()
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        assert (await page.command("load", ORDER))[0] == 200
        assert console.asked(Load) == [Load(prescribed, "demonstration", "operator")]
        frame = await page.show()
        while frame["snapshot"]["offer"] is None:
            frame = await page.show()
        assert frame["compared"] and all(line[3] for line in frame["compared"])
        assert frame["order"]["patient_id"] == prescribed.patient_id
        assert (await page.command("confirm", CONFIRM))[0] == 200
        assert console.asked(Confirm) == [Confirm(1, b"\x01" * 32)]
        assert console.asked(Alive)

    console.play(story)


@pytest.mark.parametrize(
    ("changes", "body", "words"),
    [
        ({}, {"offer_id": 2}, "stale"), ({}, {"digest": "02" * 32}, "stale"),
        ({}, {"checked": ["patient", "lesion", "room"], "ago_s": [3.0, 2.0, 1.0]}, "not checked: applicator; first: look at applicator, filter"),
        ({}, {"checked": ["applicator", "room"], "ago_s": [2.0, 1.0]}, "not checked: patient, lesion; first: ask the patient for name and both identifiers"),
        ({}, {"checked": [], "ago_s": []}, "not checked: patient, lesion, applicator, room"),
        ({}, {"checked": ["lesion", *CHECKS[::3], "applicator"]}, "in order"),
        ({}, {"ago_s": []}, "patient: when it was looked at is not told; first: ask the patient"),
        ({}, {"ago_s": [3.0, 2.0, None, 1.0]}, "applicator: when it was looked at is not told; first: look at applicator"),
        ({}, {"ago_s": [LOOKED_S + 1.0, 3.0, 2.0, 1.0]}, "patient: was looked at 901 s ago, at most 900 s count; first: ask the patient"),
        ({}, {"ago_s": [3.0, 2.0, 1.0, 86400.0]}, "room: was looked at 86400 s ago, at most 900 s count; first: see that nobody"),
        ({"certificate_sha256": b"\xab" * 32}, {}, "abababababababab, which kerma run still has, and C-1 (0202020202020202) lies here; first: "),
        ({"certificate_sha256": b""}, {}, "of an older program"),
        ({"set_time_s": 25.0}, {}, "differs"), ({"d0_mgy": 1200.0, "rest_mgy": 1200.0}, {}, "differs"),
    ],
)  # fmt: skip
def test_a_stale_unchecked_or_wrong_offer_is_not_passed_on(
    console: Console, changes: dict[str, Any], body: dict[str, Any], words: str
) -> None:
    """The second tap on a page that shows the offer before this one confirms nothing."""

    async def story() -> None:
        page = Browser(console)
        await page.ready()
        console.shown = snapshot(state="PREPARATORY", offer=offer(**changes))
        await page.command("load", ORDER)
        await console._seen("PREPARATORY")
        status, said = await page.command("confirm", CONFIRM | body)
        assert status == 409 and words in said["words"]
        assert not console.asked(Confirm)

    console.play(story)


@pytest.mark.parametrize("state", ["INTERRUPTED", "TERMINATED", "SELF_TEST"])
def test_a17_what_was_looked_at_before_an_interruption_does_not_count_for_the_rest(
    console: Console, state: str
) -> None:
    """The patient leaves, and another one sits down: an item counts that was looked at after the machine was last seen neither idle nor set up."""

    async def story() -> None:
        page = Browser(console)
        await page.ready()
        now_s = console.clock.monotonic
        console.shown = snapshot(state=state, at_s=now_s() - 60.0)
        await page.command("edit")
        await console._seen(state)
        console.shown = snapshot(state="PREPARATORY", offer=offer(), at_s=now_s())
        assert (await page.command("resume", RESUME | {"secret": console.access.code}))[0] == 200
        await console._seen("PREPARATORY")
        for place, item in enumerate(CHECKS):
            before = CONFIRM | {"ago_s": [90.0 if at == place else 5.0 for at in range(4)]}
            status, said = await page.command("confirm", before)
            assert status == 409 and said["words"].startswith(f"{item}: was looked at 90."), said
            assert f"the machine was in {state} 60." in said["words"] and f"first: {LOOK[item]} anew" in said["words"]
        assert not console.asked(Confirm)
        assert (await page.command("confirm", CONFIRM))[0] == 200

    console.play(story)
    assert len(console.asked(Confirm)) == 1


def test_with_another_certificate_laid_there_since_nothing_is_confirmed(console: Console) -> None:
    """What was loaded with the one before agrees with its offer in all; the certificate that lies there now says another cap."""

    async def story() -> None:
        page = Browser(console)
        await page.ready()
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        await page.command("load", ORDER)
        await console._seen("PREPARATORY")
        console.room.orders.other = "C-2 lies here now; first: unload"  # type: ignore[attr-defined]
        assert await page.command("confirm", CONFIRM) == (409, {"words": "C-2 lies here now; first: unload"})
        assert not console.asked(Confirm)

    console.play(story)


def test_the_same_offer_by_another_certificate_is_compared_anew(prescribed: Prescribed) -> None:
    """Number and digest may be the same after kerma run was started again: the digest is of what the devices hold, and no cap is in it."""
    fraction = Fraction()
    fraction.take(Loaded(prescribed, certificate(), Beside(), False, None), 0.0, 0)
    assert not isinstance(fraction.compared(offer()), str)
    assert "abababababababab" in str(fraction.compared(offer(certificate_sha256=b"\xab" * 32)))


def test_an_offer_that_another_program_loaded_is_not_confirmed_here(console: Console) -> None:
    async def story() -> None:
        page = Browser(console)
        await page.ready()
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        await page.command("edit")
        await console._seen("PREPARATORY")
        status, said = await page.command("confirm", CONFIRM)
        assert status == 409 and "not loaded here" in said["words"]

    console.play(story)


def test_of_two_consoles_one_commands_and_a_takeover_unloads_and_is_recorded(console: Console) -> None:
    async def story() -> None:
        first, second = Browser(console), Browser(console)
        await first.ready()
        await second.enter()
        await second.open()
        assert (await second.command("load", ORDER))[0] == 409
        assert (await second.command("control/take"))[0] == 409
        console.shown = snapshot(state="PREPARATORY")
        assert (await first.command("load", ORDER))[0] == 200
        await console._seen("PREPARATORY")
        assert (await second.command("control/take", {"over": True}))[0] == 200
        assert len(console.asked(Edit)) == 1
        status, said = await first.command("confirm", CONFIRM)
        assert status == 409 and "another page" in said["words"]
        before = len(console.asked(Alive))
        console.clock.more_s += 0.5
        await first.show()
        await first.show()
        assert len(console.asked(Alive)) == before, "the page that lost control keeps no lease alive"
        assert console.noted == ["control taken", "control taken over"]

    console.play(story)


def test_control_does_not_change_hands_in_beam(console: Console) -> None:
    async def story() -> None:
        first, second = Browser(console), Browser(console)
        await first.ready()
        await second.enter()
        await second.open()
        console.shown = snapshot(state="IRRADIATING", beam="on")
        await first.command("edit")
        await console._seen("IRRADIATING")
        status, said = await second.command("control/take", {"over": True})
        assert status == 409 and "IRRADIATING" in said["words"]

    console.play(story)


def test_a_silent_page_loses_control_and_says_nothing_on_its_behalf(console: Console) -> None:
    """A page that is dead, though its socket stands, is not there: nothing else keeps the desk's lease."""

    async def story() -> None:
        page = Browser(console)
        await page.ready()
        await page.show()
        console.clock.more_s += GONE_AFTER_S + 0.1
        before = len(console.asked(Alive))
        assert (await page.command("load", ORDER))[0] == 409
        frame = await page.show()
        assert frame["control"] == {"yours": False, "by": ""}
        assert len(console.asked(Alive)) == before
        assert not console.asked(Load)

    console.play(story)


def test_t6_a_stale_tab_and_a_logout(console: Console) -> None:
    """The same page opened twice is one page: the earlier tab is closed and commands nothing, also where it never heard of that; after a logout its cookie
    and its tokens are worth nothing."""

    async def story() -> None:
        page, again = Browser(console), Browser(console)
        await page.ready()
        again.cookie = page.cookie
        await again.open(page.page)
        assert again.page != page.page and (await again.show())["control"]["yours"]
        status, said = await page.command("load", ORDER)
        assert status == 409 and "another page" in said["words"] and not console.asked(Load)
        assert (await again.command("load", ORDER))[0] == 200
        assert page.socket is not None
        message = await page.socket.heard()
        while message["type"] == "websocket.send":
            message = await page.socket.heard()
        assert message["type"] == "websocket.close" and message["code"] == 4002
        stolen, kept = page.cookie, (await page.post("/api/token"))[1]["token"]
        assert (await page.post("/api/logout"))[0] == 200
        page.cookie = stolen
        assert (await page.post("/api/load", {"page": page.page} | ORDER, x_kerma_token=kept))[0] == 401
        assert console.noted[-1] == "control given back"

    console.play(story)


def test_t1_each_command_needs_a_token_of_its_own(console: Console) -> None:
    """Used, foreign, invented and old tokens are refused."""

    async def story() -> None:
        page, other = Browser(console), Browser(console)
        await page.ready()
        await other.enter()

        async def edit(token: str) -> int:
            return (await page.post("/api/edit", {"page": page.page}, x_kerma_token=token))[0]

        token = (await page.post("/api/token"))[1]["token"]
        assert [await edit(token), await edit(token), await edit("invented")] == [200, 403, 403]
        assert await edit((await other.post("/api/token"))[1]["token"]) == 403
        old = (await page.post("/api/token"))[1]["token"]
        console.clock.more_s += 21.0
        await page.command("control/take")
        assert await edit(old) == 403
        assert (await page.post("/api/edit", {"page": page.page}))[0] == 422

    console.play(story)


def test_t2_the_live_line_needs_a_ticket_once(console: Console) -> None:
    async def story() -> None:
        page = Browser(console)
        ticket = (await page.post("/api/ticket"))[1]["token"]
        for first in ({"ticket": "invented"}, {"ticket": ticket}, {"ticket": ticket}, {"other": 1}):
            socket = Socket(console.app, page.headers())
            assert (await socket.heard())["type"] == "websocket.accept"
            socket.say(first)
            message = await socket.heard()
            seen = message["type"], message.get("code")
            assert (
                seen == ("websocket.send", None)
                if first == {"ticket": ticket} and not spent
                else ("websocket.close", 4001)
            )
            spent.extend([first] if first == {"ticket": ticket} else [])

    spent: list[Any] = []
    console.play(story)


def test_t8_a_page_that_shows_nothing_gets_no_second_frame(console: Console) -> None:
    """Dropped, never queued: while one frame is not shown, no other is sent, however many snapshots come; then the newest is."""

    async def story() -> None:
        page = Browser(console)
        await page.open()
        assert page.socket is not None
        for tick in range(200, 220):
            console.shown = snapshot(tick=tick)
            console.room.link._show(console.shown)
            await asyncio.sleep(0)
        assert page.socket.out.empty()
        frame = await page.show()
        assert frame["snapshot"]["tick"] == 219
        assert frame["echo"][0] == 12.5

    console.play(story)


def test_t8_a_talkative_page_is_closed(console: Console) -> None:
    async def story() -> None:
        page = Browser(console)
        await page.open()
        assert page.socket is not None
        for _ in range(200):
            page.socket.say({"seen": 0, "t": 0.0})
        message = await page.socket.heard()
        while message["type"] == "websocket.send":
            message = await page.socket.heard()
        assert message["code"] == 4004

    console.play(story)


def test_who_is_not_logged_in_watches_and_asks_nothing(console: Console) -> None:
    async def story() -> None:
        page = Browser(console)
        frame = await page.open()
        assert frame["snapshot"]["state"] == "STANDBY" and frame["person"] is None
        for name in ("load", "resume", "confirm", "edit", "close", "retest", "reset", "press", "control/take"):
            body = {"load": ORDER, "resume": RESUME, "confirm": CONFIRM, "press": {"hold": 1}}.get(name, {})
            assert (await page.command(name, body))[0] == 401, name
        assert [type(one) for one in console.desk.requests] == [Watch]

    console.play(story)


def test_t5_codes_are_not_guessed_and_stop_is_never_locked_out(console: Console) -> None:
    async def story() -> None:
        page = Browser(console)
        right = {"name": "demonstration", "secret": console.access.code}
        for _ in range(5):
            assert (await page.post("/api/login", right | {"secret": "00000000x"}))[0] == 401
        assert (await page.post("/api/login", right))[0] == 401
        assert (await page.post("/stop"))[0] == 200
        console.clock.more_s += 31.0
        assert (await page.post("/api/login", right))[0] == 200

    console.play(story)


def test_t4_watching_is_all_that_a_real_rig_gives_without_people(tmp_path: Path) -> None:
    """A real rig without users lets nobody in, and the demonstration operator is no operator there."""
    nobody = Rig(tmp_path / "access").people
    assert nobody.first_run and not nobody.enter(Typed("demonstration", "12345678", "here")).cookie
    assert nobody.who("x", False) is None
    demonstration = Demonstration(SystemClock())
    clinical, simulated = situation(snapshot(), False, True), situation(snapshot(), True, True)
    for access in (nobody, demonstration):
        assert access.may("nobody", "watch", clinical) and access.may("nobody", "stop", clinical)
    for command in set(ROW) - {"stop", "watch"}:
        assert not nobody.may("nobody", command, clinical)
        assert not demonstration.may("operator", command, clinical)
        assert not demonstration.may("nobody", command, simulated)
        assert not any(
            demonstration.may(role, command, simulated) for role in ("physicist", "service", "administrator")
        )
    assert demonstration.who("", False) is None
    assert Person("a", "operator").role == "operator"


def test_the_desk_answers_in_its_own_words(console: Console) -> None:
    async def story() -> None:
        page = Browser(console)
        await page.ready()
        console.answer = Answer(False, "the door is open; first: close it")
        assert await page.command("load", ORDER) == (409, {"words": "the door is open; first: close it"})

    console.play(story)


def test_t6_the_rest_is_given_by_whoever_gives_the_secret_again(console: Console, prescribed: Prescribed) -> None:
    """A login alone resumes nothing: without the code, or with a wrong one, the desk is not asked, and the audit is told; wrong ones are throttled."""

    async def story() -> None:
        page = Browser(console)
        await page.ready()
        right = RESUME | {"secret": console.access.code}
        assert (await page.command("resume", ORDER | {"reason": "r"}))[0] == 422
        assert await page.command("resume", RESUME | {"secret": ""}) == (
            409,
            {"words": "resume asks for your password, or the PIN of your badge, again; first: type it"},
        )
        for _ in range(3):
            status, said = await page.command("resume", RESUME)
            assert status == 409 and "first:" in said["words"]
        status, said = await page.command("resume", right)
        assert status == 409 and said["words"].startswith("too many wrong tries"), "the right one waits too"
        assert not console.asked(Resume)
        console.clock.more_s += 60.0
        console.room.link._show(console.shown)
        await page.command("control/take")
        assert (await page.command("resume", right))[0] == 200
        assert console.asked(Resume) == [Resume(prescribed, "demonstration", RESUME["reason"], False)]

    console.play(story)
    assert console.clerk.whats("secret refused")[0] == {"command": "resume", "source": "127.0.0.1"}


def test_the_openapi_document_names_each_refusal(console: Console) -> None:
    document = application(console.room).openapi()
    for path, methods in document["paths"].items():
        for method in methods.values():
            answers = method["responses"]
            assert {"200", "403", "413", "422"} <= set(answers), path
            assert all(
                answers[status]["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")
                for status in answers
                if status != "200"
            )
    assert {"/api/load", "/api/confirm", "/api/control/take"} <= set(document["paths"])


def test_orders_are_read_from_their_folder_and_nowhere_else(tmp_path: Path) -> None:
    """A damaged one is listed with its words; a changed one, an unknown name and a way out of the folder are refused."""
    text = (EXAMPLES / "short.toml").read_text()
    (tmp_path / "a.toml").write_text(text)
    (tmp_path / "b.toml").write_text(text.replace("kv = 69.5", "kv = 1e9"))
    orders = Orders(configuration.load(EXAMPLES / "rig.toml", 0), tmp_path, SystemClock())
    good, bad = orders.listed()
    assert good["order"]["patient_id"] == "EXAMPLE-0002" and not good["words"]
    assert bad["order"] is None and "beam.kv" in bad["words"]
    assert orders.read("a.toml", good["order"]["sha256"], False).prescribed.rx_mgy == 950.0
    for name, digest in (
        ("a.toml", "0" * 64),
        ("../a.toml", good["order"]["sha256"]),
        ("c.toml", good["order"]["sha256"]),
    ):
        with pytest.raises(Exception, match="first:"):
            orders.read(name, digest, False)
