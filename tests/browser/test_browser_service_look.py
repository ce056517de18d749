"""Service at work is seen on each page: a purple border and the word SERVICE, within 7:1 in both themes; and one's own password is changed on a page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from by_hand import by_hand
from desk_by_hand import offer, snapshot
from playwright.sync_api import Browser
from shelf import opened

from console.access.passwords import Hasher
from console.access.people import Office, People
from console.access.users import Users
from hal.clock import SystemClock
from hal.readings import Purpose
from records.files import PosixFiles

pytestmark = pytest.mark.timeout(300)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
SIZES = ({"width": 1280, "height": 800}, {"width": 390, "height": 844})
SECRET, NEW = "plum harvest on tuesday", "four pears in a basket"
RULES = {"rules": {"color-contrast-enhanced": {"enabled": True}}}


def people(folder: Path) -> People:
    folder.mkdir(mode=0o700)
    users, hasher, clock = Users(folder, PosixFiles()), Hasher(memory_kib=8, passes=1), SystemClock()
    for name, role in (("ada", "administrator"), ("sven", "service")):
        Office(users, hasher, clock.wall).add(name, role, SECRET, lambda _before, _after: None)
    return People(users, hasher, clock.monotonic, clock.wall)


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_each_page_shows_service_and_says_it(browser: Browser, tmp_path: Path, size: dict[str, int]) -> None:
    with by_hand(tmp_path) as console:
        for where in ("", "records", "service", "people"):
            console.shown = snapshot()
            page, said = opened(browser, console.address, "", where, size)
            page.locator("#state", has_text="OFF").wait_for()
            assert page.locator("#service-mode").is_hidden() and "SERVICE" not in page.title()
            stop = page.locator("#stop").bounding_box()
            console.shown = snapshot(state="PREPARATORY", offer=offer(purpose=Purpose.CALIBRATE))
            page.locator("#service-mode").wait_for()
            page.wait_for_function("document.title.startsWith('SERVICE ')")
            assert page.locator("#service-mode").inner_text() == "SERVICE"
            label, button = page.locator("#service-mode b").bounding_box(), page.locator("#stop").bounding_box()
            assert label is not None and button is not None
            assert label["y"] >= button["y"] + button["height"] + 4 or label["x"] + label["width"] < button["x"], (
                "STOP covers no word of it"
            )
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            border = page.evaluate("getComputedStyle(document.querySelector('#service-mode')).borderTopColor")
            assert border == "rgb(161, 61, 240)"
            assert page.locator("#stop").bounding_box() == stop, "STOP stands still"
            assert page.evaluate("document.elementFromPoint(20, innerHeight - 20)?.id") != "service-mode", (
                "nothing is covered"
            )
            for theme in ("dark", "light"):
                found = Axe().run(page, options=RULES)
                assert found.violations_count == 0, (where, found.generate_report())
                page.screenshot(path=PICTURES / f"service-mode-{where or 'treat'}-{theme}-{size['width']}.png")
                page.get_by_role("button", name="Light / dark").click()
            console.shown = snapshot()
            page.locator("#service-mode").wait_for(state="hidden")
            page.wait_for_function("!document.title.includes('SERVICE')")
            assert not [words for words in said if "Security Policy" in words or "Error" in words], said
            page.context.close()


def test_ones_own_password_is_changed_on_a_page(browser: Browser, tmp_path: Path) -> None:
    with by_hand(tmp_path, people(tmp_path / "people")) as console:
        page, said = opened(browser, console.address, "", "service", SIZES[0])
        page.get_by_label("Name").fill("sven")
        page.get_by_label("Code").fill(SECRET)
        page.get_by_label("Code").press("Enter")
        page.get_by_text("Change my password").click()
        for old, new, again, words in (
            (SECRET, NEW, "other pears entirely", "The two passwords differ"), (SECRET, "short", "short", "12 to 128"),
            ("wrong wrong wrong", NEW, NEW, "do not fit"),
        ):  # fmt: skip
            page.get_by_label("Password now").fill(old)
            page.get_by_label("New password").fill(new)
            page.get_by_label("Password again").fill(again)
            page.get_by_role("button", name="Change the password").click()
            page.get_by_text(words).last.wait_for()
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, found.generate_report()
        page.get_by_label("Password now").fill(SECRET)
        page.get_by_label("New password").fill(NEW)
        page.get_by_label("Password again").fill(NEW)
        with page.expect_navigation():
            page.get_by_role("button", name="Change the password").click()
        page.get_by_text("sven (service)").wait_for()
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Code").wait_for()
        page.get_by_label("Name").fill("sven")
        page.get_by_label("Code").fill(NEW)
        page.get_by_label("Code").press("Enter")
        page.get_by_text("sven (service)").wait_for()
        assert not [words for words in said if "Security Policy" in words], said
        page.context.close()
