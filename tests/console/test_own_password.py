"""Who is logged in changes that person's own password by the old one, and every other login of that person ends; and each page is told of service at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from access_by_hand import BADGE, PIN, SECRET
from desk_by_hand import offer, snapshot
from test_web_access import Staffed
from test_web_api import ORDER, Browser, Scripted

from console.access.people import TOO_MANY
from controller.prescribed import Prescribed
from controller.requests import RuleShown
from hal.readings import Purpose

NEW = "four pears in a basket"


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> Staffed:
    return Staffed(scripted, tmp_path, prescribed)


async def changed(page: Browser, old: str, new: str, **more: Any) -> tuple[int, Any]:
    token = (await page.post("/api/token"))[1].get("token", "none")
    return await page.post("/api/own/password", {"old": old, "new": new} | more, x_kerma_token=token)


def test_t5_ones_own_password_by_the_old_one_and_every_other_login_ends(console: Staffed) -> None:
    async def story() -> None:
        for name in ("olga", "mia", "paul", "sven", "ada"):
            here, there = await console.page(name, False), await console.page(name, False)
            before = here.cookie
            assert (await changed(here, SECRET, NEW))[0] == 200
            assert here.cookie != before and (await here.post("/api/token"))[0] == 200, "this page goes on"
            assert (await there.post("/api/token"))[0] == 401
            stolen = Browser(console)
            stolen.cookie = before
            assert (await stolen.post("/api/token"))[0] == 401
            assert (await Browser(console).post("/api/login", {"name": name, "secret": SECRET}))[0] == 401
            assert (await Browser(console).post("/api/login", {"name": name, "secret": NEW}))[0] == 200
        assert (await Browser(console).post("/api/login", {"badge": BADGE, "secret": PIN}))[0] == 200, "the badge stays"

    console.play(story)
    noted = [(who, told["do"], told["name"]) for what, who, _, told in console.clerk.kept.entries if what == "users"]
    assert noted == [(name, "own password", name) for name in ("olga", "mia", "paul", "sven", "ada")]


def test_t5_a_wrong_old_one_is_throttled_and_a_weak_new_one_is_refused_in_words(console: Staffed) -> None:
    async def story() -> None:
        page = await console.page("olga", False)
        for new, words in (
            ("short", "12 to 128"), ("olga olga pears", "holds the name"), ("aaaaaaaaaaaa", "different"), ("password1234", "everybody tries"),
            (SECRET, "is the old one"),
        ):  # fmt: skip
            status, said = await changed(page, SECRET, new)
            assert status == 409 and words in said["words"] and "first:" in said["words"]
        for _ in range(3):
            status, said = await changed(page, "not the old one at all", NEW)
            assert status == 409 and "do not fit" in said["words"]
        status, said = await changed(page, SECRET, NEW)
        assert status == 409 and said["words"].startswith(TOO_MANY), "a page that is left open is no place to guess"
        assert (await changed(Browser(console), SECRET, NEW))[0] in (401, 422, 403)
        other = await console.page("paul", False)
        console.clerk.kept.full = True
        status, said = await changed(other, SECRET, NEW)
        assert status == 409 and "audit cannot be written" in said["words"]
        console.clerk.kept.full = False
        assert (await Browser(console).post("/api/login", {"name": "paul", "secret": SECRET}))[0] == 200

    console.play(story)
    assert not console.clerk.whats("users")
    assert len(console.clerk.whats("own password refused")) == 9


def test_not_from_control_and_not_while_anything_is_loaded(console: Staffed) -> None:
    async def story() -> None:
        page, other = await console.page("olga"), await console.page("paul", False)
        await page.command("control/take")
        status, said = await changed(page, SECRET, NEW)
        assert status == 409 and "holds control" in said["words"]
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        await page.command("load", ORDER)
        await console._seen("PREPARATORY")
        status, said = await changed(other, SECRET, NEW)
        assert status == 409 and "first: wait until it is idle" in said["words"]

    console.play(story)


def test_each_page_is_told_of_the_key_in_service_and_of_a_service_login_in_control(console: Staffed) -> None:
    async def shown(page: Browser, until: bool) -> bool:
        for _ in range(200):
            if (await page.show())["service"] is until:
                return True
        return False

    async def story() -> None:
        page, sven = await console.page("olga"), await console.page("sven")
        assert (await page.show())["service"] is False
        assert (await sven.command("control/take"))[0] == 200
        assert await shown(page, True), "a service login holds control"
        assert (await sven.command("control/leave"))[0] == 200
        assert await shown(page, False)
        console.shown = snapshot(state="PREPARATORY", offer=offer(purpose=Purpose.CALIBRATE))
        await page.command("control/take")
        await page.command("edit")
        assert await shown(page, True), "the key stands in SERVICE"
        wrong = RuleShown("key", "FALSE", 0.0, "the key is not there")
        console.shown = snapshot(state="PREPARATORY", offer=offer(purpose=Purpose.CALIBRATE), rules=(wrong,))
        await page.command("edit")
        assert await shown(page, False)

    console.play(story)
