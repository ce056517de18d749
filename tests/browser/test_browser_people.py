"""The first run of a real rig in a browser, then its users: the code once, a login, a user made and disabled, the audit verified; STOP before all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from shelf import console_on, opened

pytestmark = pytest.mark.timeout(240)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SECRET = "plum harvest on tuesday"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    folder = tmp_path_factory.mktemp("real")
    with console_on(folder, lambda kept: kept.golden(), real=True) as (address, code):
        yield address, code, folder


def sound(page: Page) -> None:
    """axe finds nothing in either theme, and nothing is wider than the screen."""
    for _ in range(2):
        found = Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
        assert found.violations_count == 0, found.generate_report()
        page.get_by_role("button", name="Light / dark").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_t15_a_real_rig_begins_with_its_first_administrator(browser: Browser, real: tuple[str, str, Path]) -> None:
    """Nothing else is there but watching and STOP; the code works once; who was let in works, and who was not is not."""
    address, code, folder = real
    page, said = opened(browser, address, "", "people", WIDE)
    page.get_by_label("Set-up").wait_for()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#stop").dispatch_event("pointerdown")
    page.locator("#stop-said", has_text="NO ANSWER").or_(page.locator("#stop-said", has_text="STOP door")).wait_for()
    assert len([url for url in asked if url.endswith("/stop")]) == 2
    sound(page)
    page.screenshot(path=PICTURES / "first-run-1280.png", full_page=True)
    page.get_by_label("Set-up").fill("ABCD-EFGH-JKMN")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_label("Password again").fill(SECRET)
    page.get_by_role("button", name="Make the administrator").click()
    page.get_by_text("this is not the set-up code").wait_for()
    page.get_by_label("Set-up").fill(code)
    page.get_by_role("button", name="Make the administrator").click()
    page.get_by_label("Code").wait_for()
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Code").fill(SECRET)
    page.get_by_label("Code").press("Enter")
    page.get_by_role("button", name="Make a user").click()
    page.get_by_label("Name").fill("olga")
    page.get_by_label("Password", exact=True).fill("olga olga olga")
    page.locator("input[name=again]").fill("olga olga olga")
    page.get_by_role("button", name="Make a user").last.click()
    page.get_by_text("holds the name").wait_for()
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.locator("input[name=again]").fill(SECRET)
    page.get_by_role("button", name="Make a user").last.click()
    page.get_by_role("button", name="olga", exact=True).click()
    sound(page)
    page.screenshot(path=PICTURES / "people-1280.png", full_page=True)
    page.get_by_role("button", name="Let in no more").click()
    page.get_by_text("NOT", exact=True).wait_for()
    page.get_by_role("button", name="Verify the audit").click()
    page.get_by_text("Nothing was altered.").wait_for()
    assert not [words for words in said if "Security Policy" in words or "dialog" in words], said
    page.context.close()
    kept = b"".join(path.read_bytes() for path in (folder / "records" / "access").iterdir())
    assert SECRET.encode() not in kept and code.encode() not in kept


def test_the_login_and_the_users_on_a_phone(browser: Browser, real: tuple[str, str, Path]) -> None:
    page, _ = opened(browser, real[0], "", "people", PHONE)
    page.get_by_label("Code").wait_for()
    sound(page)
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Code").fill(SECRET)
    page.get_by_label("Code").press("Enter")
    page.get_by_role("button", name="ada", exact=True).click()
    sound(page)
    page.context.close()
