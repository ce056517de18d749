"""Signatures over an order in a browser: a physician and a physicist sign, one is withdrawn, and the page Treat shows what stands at the order."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from shelf import EXAMPLES, KeptByHand, console_on, opened

from console.access.passwords import Hasher
from console.access.people import Office
from console.access.users import Users
from records.files import PosixFiles

pytestmark = pytest.mark.timeout(240)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SECRET = "plum harvest on tuesday"
PEOPLE = {"ada": "administrator", "olga": "operator", "mia": "physician", "paul": "physicist", "sven": "service"}


def staffed(kept: KeptByHand) -> None:
    """A real rig's people, made as kerma users does, and one order."""
    kept.golden()
    folder = kept.records / "access"
    folder.mkdir(mode=0o700)
    office = Office(Users(folder, PosixFiles()), Hasher(), lambda: 1.8e9)
    for name, role in PEOPLE.items():
        office.add(name, role, SECRET, lambda _before, _after: None)
    (kept.records.parent / "orders").mkdir()
    shutil.copy(EXAMPLES / "short.toml", kept.records.parent / "orders" / "short.toml")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with console_on(tmp_path_factory.mktemp("signed"), staffed, real=True) as (address, _):
        yield address


def entered(browser: Browser, address: str, where: str, name: str, size: dict[str, int]) -> tuple[Page, list[str]]:
    page, said = opened(browser, address, "", where, size)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Code").fill(SECRET)
    page.get_by_label("Code").press("Enter")
    page.get_by_text(f"{name} ({PEOPLE[name]})").wait_for()
    return page, said


def sound(page: Page, said: list[str]) -> None:
    """axe finds nothing in either theme, nothing is wider than the screen, and nothing was refused by the policy."""
    for _ in range(2):
        found = Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
        assert found.violations_count == 0, found.generate_report()
        page.get_by_role("button", name="Light / dark").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not [words for words in said if "Security Policy" in words or "Error" in words or "dialog" in words], said


def test_two_persons_sign_and_one_withdraws(browser: Browser, real: str) -> None:
    page, said = entered(browser, real, "records", "mia", WIDE)
    page.get_by_role("button", name="Orders and approvals").click()
    page.get_by_text("NOT SIGNED by a physician").wait_for()
    page.get_by_label("Password (or PIN) again").fill("not my password at all")
    page.get_by_role("button", name="Sign: prescribed").click()
    page.get_by_text("name and secret do not fit").wait_for()
    page.get_by_label("Password (or PIN) again").fill(SECRET)
    page.get_by_role("button", name="Sign: prescribed").click()
    page.get_by_text("prescribed: mia (physician)").wait_for()
    page.context.close()
    page, said = entered(browser, real, "records", "paul", PHONE)
    page.get_by_role("button", name="Orders and approvals").click()
    page.get_by_label("Password (or PIN) again").first.fill(SECRET)
    page.get_by_role("button", name="Sign: physics checked").click()
    page.get_by_text("physics checked: paul (physicist)").wait_for()
    sound(page, said)
    page.screenshot(path=PICTURES / "approvals-390.png", full_page=True)
    withdraw = page.locator("form", has=page.get_by_role("button", name="prescribed” of mia"))
    withdraw.get_by_label("Reason").fill("the depth is 4 mm")
    withdraw.get_by_label("Password (or PIN) again").fill(SECRET)
    withdraw.get_by_role("button").click()
    page.get_by_text("the depth is 4 mm").first.wait_for()
    page.context.close()
    page, said = entered(browser, real, "records", "olga", WIDE)
    page.get_by_role("button", name="Orders and approvals").click()
    page.get_by_text("the depth is 4 mm").first.wait_for()
    assert page.get_by_role("button", name="Sign:").count() == 0, "an operator is offered no signature"
    sound(page, said)
    page.screenshot(path=PICTURES / "approvals-1280.png", full_page=True)
    page.context.close()
