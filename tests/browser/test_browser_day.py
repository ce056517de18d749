"""The day's check at the Service page, in a browser: begun by an operator in control, answered by buttons and lines, signed with the own secret. Desk, hand and
records are scripts (tests/console/test_web_day_procedure.py says what each does); the page and its words are the console's own."""

from __future__ import annotations

import os
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from by_hand import by_hand
from desk_by_hand import certificate, snapshot
from playwright.sync_api import Browser, Page, expect
from shelf import opened
from test_console_daily import BASE, BOUND
from test_web_day_procedure import ANSWERS, Hand

from console.access import day_key
from console.access.passwords import Hasher
from console.access.people import Office, People
from console.access.users import Users
from console.day import daily, work
from console.day.noted import Notes
from console.day.warm_up import Day
from console.web import procedure_day
from controller.proofs import NEEDED
from hal.clock import SystemClock
from records.files import PosixFiles
from records.sheets import Sheet, wrong_signature

pytestmark = pytest.mark.timeout(300)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
SECRET = "plum harvest on tuesday"
SIZES = ({"width": 1280, "height": 800}, {"width": 390, "height": 844})
CHANGED = "(before) => document.querySelector('#question').textContent !== before"
BUTTONS = {"yes": "Yes", "": "Done"}
RULES = {"rules": {"color-contrast-enhanced": {"enabled": True}}}


def staff(folder: Path) -> People:
    folder.mkdir(mode=0o700)
    users, hasher, clock = Users(folder, PosixFiles()), Hasher(memory_kib=8, passes=1), SystemClock()
    for name, role in (("ada", "administrator"), ("olga", "operator")):
        Office(users, hasher, clock.wall).add(name, role, SECRET, lambda _before, _after: None)
    return People(users, hasher, clock.monotonic, clock.wall)


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_a_days_check_is_made_and_signed_at_the_page(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: dict[str, int]
) -> None:
    """Every question by its button or a line; what is signed stands on the page; a wrong secret is refused in words, the right one lays the sheet down."""
    laid: list[Sheet] = []

    def lay(_rig: object, sheet: Sheet, _clock: object) -> str:
        laid.append(sheet)
        return ""

    def site(_rig: object, _certificate: object, _device: str, who: str, _clock: object) -> daily.Site:
        return daily.Site(
            who, BOUND, BASE, "ab" * 32, lambda _since: frozenset(NEEDED), lambda: (), Notes(tmp_path / "daily")
        )

    monkeypatch.setattr(procedure_day, "certificate_of", lambda _rig, _wall_s: certificate())
    monkeypatch.setattr(procedure_day, "Hand", Hand)
    monkeypatch.setattr(procedure_day, "laid_down", lay)
    monkeypatch.setattr(work, "site_of", site)
    monkeypatch.setattr(work, "day_of", lambda _rig, clock: Day(lambda: (), clock.wall, UTC))
    with by_hand(tmp_path, staff(tmp_path / "people")) as console:
        signers = tmp_path / "day.pub"
        signers.write_bytes(day_key.made(console.records))
        object.__setattr__(console.room.rig, "day_signers", signers)
        console.after = {"Retest": snapshot(state="SELF_TEST")}
        page, said = opened(browser, console.address, "", "service", size)
        page.get_by_label("Name").fill("olga")
        page.get_by_label("Code").fill(SECRET)
        page.get_by_label("Code").press("Enter")
        page.get_by_role("button", name="Procedures", exact=True).click()
        page.get_by_role("button", name="Take control", exact=True).click()
        page.get_by_role("button", name="Begin the daily check").click()
        page.locator("#state", has_text="SELF-TEST").wait_for(timeout=10_000)
        page.wait_for_timeout(700)
        console.shown = snapshot()
        answered(page)
        page.get_by_text("You sign this check of").wait_for(timeout=20_000)
        page.get_by_role("cell", name="0.50").first.wait_for()
        for _ in range(2):
            found = Axe().run(page, options=RULES)
            assert found.violations_count == 0, found.generate_report()
            page.get_by_role("button", name="Light / dark").click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.screenshot(path=PICTURES / f"service-day-sign-{size['width']}.png", full_page=True)
        for secret, then in (("wrong wrong wrong", "do not fit"), (SECRET, "signed, and in the records")):
            page.get_by_label("Password (or PIN) again").last.fill(secret)
            page.get_by_role("button", name="Sign the daily check").click()
            page.get_by_text(then).first.wait_for(timeout=20_000)
        expect(page.get_by_role("button", name="Begin the daily check")).to_be_visible()
        assert not [words for words in said if "Security Policy" in words], said
        page.context.close()
        (sheet,) = laid
        assert sheet.who == "olga (login)" and not wrong_signature(sheet, work.signers_of(console.room.rig))


def answered(page: Page) -> None:
    """Each question as the table says, until there is none."""
    question, sign = page.locator("#question"), page.get_by_role("button", name="Sign the daily check")
    for _ in range(80):
        asked: Any = question.text_content()
        page.wait_for_timeout(900)  # a button says nothing right after a new question
        if sign.is_visible():
            return
        if question.text_content() != asked:
            continue
        line = next((said for part, said in ANSWERS.items() if part in asked), None)
        if line is None:
            continue
        if line in BUTTONS:
            page.get_by_role("button", name=BUTTONS[line], exact=True).click()
        else:
            page.locator("#procedure-line").fill(line)
            page.locator("#procedure-line").press("Enter")
        page.wait_for_function(CHANGED, arg=asked, timeout=20_000)
    raise AssertionError(question.text_content())
