"""Access at the console's interface: roles, the audit before the beam, locked pages, two persons, the first administrator; STOP passes all of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from access_by_hand import BADGE, CHEAP, PIN, SECRET, Rig, quiet
from desk_by_hand import offer, snapshot
from test_web_api import CONFIRM, ORDER, Browser, Console, Scripted

from console.access.audit import Audit
from console.access.passwords import Hasher
from console.access.people import NO_FIT, TOO_MANY, People
from console.access.sessions import LOCKED_AFTER_S
from console.access.table import TABLE
from console.treat.session import STOP_HEARD
from console.web import clerk as clerk_room
from console.web.api import AT_THE_DOOR
from console.web.clerk import Clerk
from console.web.doors import Doors
from console.web.fraction import Orders
from console.web.people import Access
from console.web.serve import admitted, application
from controller.prescribed import Prescribed
from controller.requests import Edit, Load, Reply, Request, Reset, Resume, Stop
from records.audit_check import check
from records.files import PosixFiles

ROLE_OF = {"olga": "operator", "mia": "physician", "paul": "physicist", "sven": "service", "ada": "administrator"}
MAY = {
    "load": "olga paul", "resume": "olga paul", "confirm": "olga paul", "edit": "olga paul sven", "close": "olga paul", "retest": "olga paul sven",
    "reset": "olga paul sven", "press": "olga paul sven", "control/take": "olga paul sven", "control/leave": "olga paul sven",
}  # fmt: skip


class Staffed(Console):
    """A console whose people are users; time is that of the console."""

    hasher = CHEAP

    def made_access(self, folder: Path) -> Access:
        self.people = Rig(folder / "access", hasher=self.hasher).staffed()
        self.people.people._now = self.clock.monotonic
        return self.people.people

    def _heard(self, request: Request) -> list[Reply]:
        return [STOP_HEARD] if isinstance(request, Stop) else super()._heard(request)

    def use(self, people: People) -> None:
        self.room = replace(self.room, access=people)
        self.app = Doors(application(self.room), 8321, 8322, self.room.link.stop)

    async def page(self, name: str, open_: bool = True) -> Browser:
        page = Browser(self)
        status, said = await page.post("/api/login", {"name": name, "secret": SECRET})
        assert (status, said) == (200, {"name": name, "role": ROLE_OF[name]})
        if open_:
            await page.open()
        return page


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> Staffed:
    return Staffed(scripted, tmp_path, prescribed)


def test_t4_each_role_at_each_command(console: Staffed) -> None:
    """Whoever may not is refused before control, token or desk are looked at; nothing of it reaches the desk."""

    async def story() -> None:
        for name in ROLE_OF:
            page = await console.page(name)
            for command, who in MAY.items():
                body = {
                    "load": ORDER,
                    "resume": ORDER | {"reason": "r", "secret": SECRET},
                    "confirm": CONFIRM,
                    "press": {"hold": 1},
                }.get(command, {})
                status, said = await page.command(command, body)
                if name in who.split():
                    assert status in (200, 409), (name, command, said)
                else:
                    assert status == 403 and "not for the role" in said["words"], (name, command)
            assert (await page.post("/api/orders"))[0] == (200 if name in ("olga", "mia", "paul") else 403)
            await page.command("control/leave")
            assert (await page.post("/stop"))[0] == 200
        refused = console.clerk.whats("refused")
        assert {"command": "load", "status": 403} in refused
        assert not console.asked(Load)

    console.room = replace(console.room, orders=NoOrders())
    console.use(console.people.people)
    console.play(story)


def test_t9_what_leads_to_a_beam_is_not_done_when_it_cannot_be_audited_and_stop_is(console: Staffed) -> None:
    """The disk is full: no load, no confirmation, no reset; unloading, giving control back and STOP go on, and what was not written is counted."""

    async def story() -> None:
        page = await console.page("olga")
        assert (await page.command("control/take"))[0] == 200
        console.clerk.kept.full = True
        for command, body in (
            ("load", ORDER),
            ("confirm", CONFIRM),
            ("reset", {"reason": "r"}),
            ("control/take", {"over": True}),
        ):
            status, said = await page.command(command, body)
            assert status == 503 and "cannot be audited" in said["words"] and "first:" in said["words"], command
        assert not console.asked(Load) and not console.asked(Reset)
        assert (await page.post("/stop"))[0] == 200
        assert (await page.command("edit"))[0] == 200
        assert len(console.asked(Edit)) == 1
        assert not console.clerk.whats("lost")
        console.clerk.kept.full = False
        assert (await page.command("load", ORDER))[0] == 200
        lost = console.clerk.whats("lost")
        assert len(lost) == 1 and int(str(lost[0]["entries"])) >= 6

    console.play(story)


AGAIN = {
    "resume": ("olga", "resume", ORDER | {"reason": "r"}, "secret"),
    "sign": ("olga", "procedure/sign", {"question": 1, "sha256": "0" * 64}, "secret"),
    "approve": ("paul", "approvals/sign", ORDER | {"meaning": "physics checked"}, "secret"),
    "sign_off": (
        "olga",
        "chart/sign",
        {"fraction": "0" * 16, "state": "0" * 64, "meaning": "given as recorded"},
        "secret",
    ),
    "correct": (
        "olga",
        "chart/correct",
        {"fraction": "0" * 16, "field": "remark", "old": "", "new": "n", "reason": "r"},
        "secret",
    ),
    "own": ("olga", "own/password", {"new": "another plum harvest 7"}, "old"),
}
"""Of each command that asks for the secret again: who, where, with what, and in which field it is given."""


def test_t6_a_login_alone_is_not_enough_where_the_table_asks_for_the_secret_again(console: Staffed) -> None:
    """A page that was left open: each such command without the secret, with none typed, with wrong ones and with another person's badge is refused, and the
    desk is asked nothing; every one that the table names is here."""
    assert set(AGAIN) == {row.command for row in TABLE if row.again}

    async def story() -> None:
        for name, path, body, field in AGAIN.values():
            page = await console.page(name)
            commands = path in ("resume", "procedure/sign")
            of_page = {"page": page.page} if commands else {}
            if commands:
                await page.command("control/take")
            for typed in (None, "", "wrong secret 77", PIN):
                token = (await page.post("/api/token"))[1]["token"]
                given = body | of_page | ({} if typed is None else {field: typed})
                status, said = await page.post(f"/api/{path}", given, x_kerma_token=token)
                assert status in (409, 422), (path, typed, said)
                assert typed not in (PIN, "wrong secret 77") or said["words"].startswith((NO_FIT, TOO_MANY)), (
                    path,
                    said,
                )
            await page.command("control/leave")
        paul = await console.page("paul")
        token = (await paul.post("/api/token"))[1]["token"]
        given = AGAIN["approve"][2] | {"secret": PIN, "badge": BADGE}
        status, said = await paul.post("/api/approvals/sign", given, x_kerma_token=token)
        assert status == 409 and "another than paul" in said["words"]
        assert not console.asked(Resume)

    console.play(story)
    refused = console.clerk.whats("secret refused")
    assert {str(one["command"]) for one in refused} <= {row.command for row in TABLE if row.again}
    assert [one["command"] for one in refused][:5] == ["resume", "resume", "sign", "sign", "approve"]


def test_the_audit_says_what_was_asked_by_whom_and_how_it_ended(console: Staffed, prescribed: Prescribed) -> None:
    async def story() -> None:
        page = await console.page("olga")
        await page.command("control/take")
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        await page.command("load", ORDER)
        await page.command("confirm", CONFIRM | {"offer_id": 9})
        await page.post("/api/logout")

    console.play(story)
    console.clerk.whats("")
    said = [(what, who, told.get("command") or told.get("change")) for what, who, _, told in console.clerk.kept.entries]
    assert said == [
        ("login", "olga", None), ("command", "olga", "control"), ("control", "olga", "control taken"), ("command", "olga", "load"), ("done", "olga", "load"),
        ("command", "olga", "confirm"), ("refused", "olga", "confirm"), ("logout", "olga", None), ("control", "olga", "control given back"),
    ]  # fmt: skip


def test_t14_no_secret_and_no_patient_is_in_the_audit_or_among_the_users(
    console: Staffed, tmp_path: Path, prescribed: Prescribed
) -> None:
    """Planted: password, PIN, badge, a password typed for a name, the cookie, tokens, the patient, a reason; searched for in every file of the folder."""
    folder = tmp_path / "access"
    clerk = Clerk(Audit(folder, PosixFiles(), console.clock.wall))
    console.room = replace(console.room, clerk=clerk)
    console.use(console.people.people)
    planted = {
        SECRET,
        PIN,
        BADGE,
        "my password for a name",
        "wrong secret 77",
        prescribed.patient_id,
        "Mrs Planted fainted",
        ORDER["order"],
    }

    async def story() -> None:
        stranger = Browser(console)
        await stranger.post("/api/login", {"name": "my password for a name", "secret": "wrong secret 77"})
        await stranger.post("/api/login", {"name": "olga", "secret": "wrong secret 77"})
        await stranger.post("/api/login", {"badge": BADGE, "secret": "wrong secret 77"})
        assert (await stranger.post("/api/login", {"badge": BADGE, "secret": PIN}))[0] == 200
        page = await console.page("olga")
        planted.update((page.cookie, stranger.cookie))
        await page.command("control/take")
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        await page.command("load", ORDER)
        await page.command("resume", ORDER | {"reason": "Mrs Planted fainted", "secret": "wrong secret 77"})
        await page.command("reset", {"reason": "Mrs Planted fainted"})
        planted.add((await page.post("/api/token"))[1]["token"])

    console.play(story)
    clerk.close()
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {"audit.jsonl", "audit.head", "audit.key", "users.json"} <= set(files)
    for name, raw in files.items():
        for secret in planted:
            assert secret.encode() not in raw, f"{secret} in {name}"
    assert check(files["audit.jsonl"], [("head", files["audit.head"])], None).wrong == []
    assert files["audit.jsonl"].count(b'"login refused"') == 3


def idle(console: Staffed, cookie: str, for_s: float) -> None:
    """As if nobody had touched this login for so long."""
    sessions = console.people.people._sessions
    key = hashlib.sha256(cookie.encode()).digest()
    sessions._open[key] = replace(sessions._open[key], touched_s=console.clock.monotonic() - for_s)


def test_t6_a_page_that_nobody_touches_is_locked_and_keeps_neither_control_nor_lease(
    console: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames that it answers are no touch; a hand is. In beam it is not locked, and after it time begins anew."""

    async def story() -> None:
        page = await console.page("olga")
        await page.command("control/take")
        console.room.link._show(snapshot(state="IRRADIATING", beam="on"))
        idle(console, page.cookie, 3600.0)
        frame = await page.show()
        assert frame["person"] == {"name": "olga", "role": "operator"} and not frame["locked"]
        console.room.link._show(snapshot())
        assert (await page.show())["person"] is not None
        said: list[str] = []
        monkeypatch.setattr(console.room.link, "alive", lambda: said.append("alive"))
        idle(console, page.cookie, LOCKED_AFTER_S + 1)
        while (frame := await page.show())["control"]["yours"]:
            console.room.link._show(snapshot())
        assert frame["person"] is None and frame["locked"] == "olga"
        assert said == []
        assert (await page.post("/api/token"))[0] == 401
        assert (await page.post("/api/orders"))[1]["words"].startswith("this page of olga is locked")
        assert (await page.post("/stop"))[0] == 200
        stale = page.cookie
        assert (await page.post("/api/login", {"name": "olga", "secret": SECRET}))[0] == 200
        assert page.cookie != stale and console.room.seen(stale) is None

    console.play(story)


def test_t6_a_hand_at_the_page_keeps_it_open_and_an_answered_frame_does_not(console: Staffed) -> None:
    async def story() -> None:
        page = await console.page("olga")
        key = hashlib.sha256(page.cookie.encode()).digest()
        sessions = console.people.people._sessions
        assert page.socket is not None
        for hand in (False, True):
            idle(console, page.cookie, LOCKED_AFTER_S - 10)
            before = sessions._open[key].touched_s
            page.socket.say({"seen": 10**6, "t": 1.0, "hand": hand})
            await page.socket.frame()
            assert (sessions._open[key].touched_s > before) == hand

    console.play(story)


def test_t6_logout_everywhere_ends_every_page_of_one_person(console: Staffed) -> None:
    async def story() -> None:
        first, second, other = (
            await console.page("olga", False),
            await console.page("olga", False),
            await console.page("paul", False),
        )
        assert (await first.post("/api/logout", {"everywhere": True}))[0] == 200
        assert [(await one.post("/api/token"))[0] for one in (second, other)] == [401, 200]

    console.play(story)


def test_t4_stuck_on_is_left_by_two_persons_with_a_login_each(console: Staffed) -> None:
    """One person's two names, a wrong secret, an administrator: none of them reaches the desk."""

    async def story() -> None:
        page = await console.page("sven")
        await page.command("control/take")
        console.shown = snapshot(state="STUCK_ON", beam="MAY BE ON")
        await page.command("edit")
        await console._seen("STUCK_ON")
        for second in (
            None,
            {"name": "sven", "secret": SECRET},
            {"name": "paul", "secret": "not his own one"},
            {"name": "ada", "secret": SECRET},
        ):
            status, said = await page.command("reset", {"reason": "r", "second": second})
            assert status == 409 and ("two persons" in said["words"] or "second person" in said["words"]), second
        assert not console.asked(Reset)
        assert (await page.command("reset", {"reason": "r", "second": {"name": "paul", "secret": SECRET}}))[0] == 200
        assert console.asked(Reset) == [Reset("service", "sven, paul", "r")]
        assert {"command": "reset", "second": "paul"} in console.clerk.whats("command")

    console.play(story)


def test_t4_users_are_changed_by_an_administrator_alone_and_not_in_beam(console: Staffed) -> None:
    """Each change is in the audit before it is made; a user who was changed is out; the words of a refusal are those of the rooms below."""

    async def story() -> None:
        olga, ada = await console.page("olga"), await console.page("ada")
        assert (await olga.post("/api/people/list"))[0] == (await olga.post("/api/audit/verify"))[0] == 403

        async def change(page: Browser = ada, **body: str) -> tuple[int, Any]:
            token = (await page.post("/api/token"))[1].get("token", "none")
            return await page.post("/api/people/change", body, x_kerma_token=token)

        assert (await change(Browser(console), do="disable", name="paul"))[0] == 401
        assert (await change(olga, do="disable", name="paul"))[0] == 403

        assert (await change(do="add", name="otto", role="operator", secret="short"))[0] == 409
        assert (await change(do="add", name="otto", role="operator", secret=SECRET))[0] == 200
        assert (await change(do="role", name="ada", role="operator"))[1]["words"].startswith(
            "ada is the last administrator"
        )
        assert (await change(do="badge", name="otto", badge="0004712-B1", secret="123456"))[0] == 409
        assert (await change(do="badge", name="otto", badge="0004712-B1", secret=PIN))[0] == 200
        assert (await change(do="no badge", name="otto"))[0] == 200
        assert (await change(do="password", name="olga", secret=SECRET + "!"))[0] == 200
        assert (await olga.post("/api/token"))[0] == 401
        console.clerk.kept.full = True
        status, said = await change(do="disable", name="otto")
        assert status == 409 and "audit" in said["words"]
        console.clerk.kept.full = False
        users = (await ada.post("/api/people/list"))[1]["users"]
        assert [(one["name"], one["enabled"]) for one in users][-1] == ("otto", True)
        assert all(set(one) == {"name", "role", "enabled", "badge", "made_s"} for one in users)
        console.room.link._show(snapshot(state="IRRADIATING", beam="on"))
        status, said = await change(do="disable", name="otto")
        assert status == 409 and "group beam" in said["words"]
        did = [(told["do"], told["name"]) for told in console.clerk.whats("users")]
        assert did == [("add", "otto"), ("badge", "otto"), ("no badge", "otto"), ("password", "olga")]

    console.play(story)


class NoOrders(Orders):
    """An empty folder."""

    def __init__(self) -> None:
        self._folder = Path("no folder of orders")

    def listed(self) -> list[dict[str, Any]]:
        return []


class Slow(Hasher):
    """A hash that takes as long as a test says, and notes whose thread it keeps."""

    def __init__(self) -> None:
        super().__init__(8, 1)
        self.go_on, self.threads = threading.Event(), set[str]()

    def fits(self, kept: str | None, secret: str) -> bool:
        self.threads.add(threading.current_thread().name)
        self.go_on.wait(20.0)
        return super().fits(kept, secret)


def test_t5_a_flood_of_logins_keeps_neither_pages_nor_stop_waiting(
    scripted: Scripted, tmp_path: Path, prescribed: Prescribed
) -> None:
    """argon2 works on one thread that is not the pages'; so many wait, the rest is refused at once; meanwhile commands and STOP are answered."""
    slow = Slow()
    slow.go_on.set()

    class Slowly(Staffed):
        hasher = slow

    console = Slowly(scripted, tmp_path, prescribed)

    async def story() -> None:
        page = await console.page("olga")
        slow.go_on.clear()
        flood = [
            asyncio.create_task(Browser(console).post("/api/login", {"name": f"n{n}", "secret": "x"}))
            for n in range(AT_THE_DOOR + 20)
        ]
        answered = 0
        while answered < 20:
            await asyncio.sleep(0.002)
            answered = sum(one.done() for one in flood)
        assert {one.result()[0] for one in flood if one.done()} == {503}
        assert (await page.command("control/take"))[0] == 200
        assert (await page.post("/stop"))[0] == 200
        slow.go_on.set()
        assert {status for status, _ in await asyncio.gather(*flood)} == {503, 401}

    console.play(story)
    assert len(slow.threads) == 1 and threading.main_thread().name not in slow.threads


def test_t15_a_rig_without_users_shows_the_first_run_and_takes_the_code_once(
    scripted: Scripted, tmp_path: Path, prescribed: Prescribed
) -> None:
    console = Staffed(scripted, tmp_path, prescribed)
    empty = Rig(tmp_path / "empty")
    empty.people._now = console.clock.monotonic
    console.use(empty.people)
    code = empty.people.set_up_code()

    async def story() -> None:
        page = Browser(console)
        assert (await page.open())["first_run"] is True
        made = {"code": code, "name": "ada", "secret": SECRET}
        assert (await page.post("/api/login", {"name": "ada", "secret": SECRET}))[0] == 401
        assert (await page.post("/api/set-up", made | {"code": "GUESS-GUESS"}))[0] == 409
        assert (await page.post("/api/set-up", made | {"secret": "ada"}))[0] == 409
        assert (await page.post("/stop"))[0] == 200
        console.clerk.kept.full = True
        status, said = await page.post("/api/set-up", made)
        assert status == 409 and "audit" in said["words"] and empty.people.first_run
        console.clerk.kept.full = False
        assert (await page.post("/api/set-up", made))[0] == 200
        assert (await page.post("/api/set-up", made | {"name": "eve"}))[0] == 409
        assert (await page.show())["first_run"] is False
        assert (await page.post("/api/login", {"name": "ada", "secret": SECRET}))[1]["role"] == "administrator"
        assert console.clerk.whats("users")[0]["do"] == "set up"

    console.play(story)


@pytest.mark.parametrize("simulated", [True, False])
def test_t15_who_may_come_in_is_said_at_the_machines_own_terminal(
    scripted: Scripted, tmp_path: Path, prescribed: Prescribed, simulated: bool
) -> None:
    """The demonstration on a simulated rig without users alone; a code for the first administrator on a real one; never again when users are gone."""
    console = Staffed(scripted, tmp_path, prescribed)
    file = console.room.rig.file
    file = file.model_copy(update={"rig": file.rig.model_copy(update={"simulated": simulated})})
    rig = replace(console.room.rig, file=file, records=tmp_path / "records")
    rig.records.mkdir(mode=0o700)
    people = Rig(rig.records / "access")
    access, words = admitted(rig, people.users, console.clock, lambda: CHEAP)
    assert (access.code in words) if simulated else ("FIRST RUN" in words and access.first_run)  # type: ignore[attr-defined]
    audit = Audit(rig.records / "access", PosixFiles(), console.clock.wall)
    people.office.add(
        "ada",
        "administrator",
        SECRET,
        lambda before, after: (
            audit.note("users", "terminal", "", {"file_before": before, "file_after": after}) and None
        ),
    )
    access, words = admitted(rig, people.users, console.clock, lambda: CHEAP)
    assert isinstance(access, People) and "kerma users" in words and "code" not in words
    if not simulated:
        people.users.path.unlink()
        access, words = admitted(rig, people.users, console.clock, lambda: CHEAP)
        assert "is gone" in words and "AUDIT" in words and "FIRST RUN" not in words
        assert access.set_up("ANY", "eve", SECRET, quiet) != ""


def test_more_entries_than_may_wait_are_counted_and_what_must_come_first_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs keeps no page: what is told is dropped and counted, what leads to a beam is refused at once."""
    monkeypatch.setattr(clerk_room, "WAITING", 4)
    clerk = Clerk(Audit(tmp_path, PosixFiles(), lambda: 1.8e9))
    stuck = threading.Event()
    clerk._hand.submit(stuck.wait, 20.0)
    for n in range(14):
        clerk.told("control", "olga", "operator", n=n)
    assert "entries wait" in asyncio.run(clerk.first("command", "olga", "operator", command="load"))
    stuck.set()
    clerk.close()
    entries = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert {entry["what"]: entry["told"]["entries"] for entry in entries if entry["what"] == "lost"} == {"lost": 10}
    assert len(entries) == 4 + 2
