"""Every page in both themes, four languages and words that are 40 % longer, wide and on a phone: nothing overflows, nothing lies over anything, STOP stands
still to the pixel, axe finds nothing; alarms are heard after the first hand. The console runs without a rig: what a rig shows is test_browser_treat.py's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from heard import HANDS, HEARD
from laid import LANGUAGES, LOOKS, PSEUDO, THEMED, THEMES, Laid, words_of
from playwright.sync_api import Browser, Page, Route
from shelf import ORDER, KeptByHand, console_on, opened
from watched_page import WIDE

pytestmark = pytest.mark.timeout(240)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
ROOMS = ("", "records", "service", "people", "order")


def fill(kept: KeptByHand) -> None:
    kept.golden()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with console_on(tmp_path_factory.mktemp("shelf"), fill) as up:
        yield up


def page_in(browser: Browser, language: str) -> Page:
    """A page whose browser was told this language before; the pseudo-locale comes in the place of English."""
    context = browser.new_context(viewport={"width": WIDE["width"], "height": WIDE["height"]}, reduced_motion="reduce")
    shown = "en" if language == PSEUDO else language
    context.add_init_script(f"localStorage.setItem('language', '{shown}');\n{HANDS}\n{HEARD}")
    page = context.new_page()
    if language == PSEUDO:

        def made(route: Route) -> None:
            route.fulfill(json=words_of(PSEUDO))

        page.route("**/words/en.json", made)
    return page


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_is_laid_out_and_stop_stands_still(browser: Browser, shelf: tuple[str, str], language: str) -> None:
    """The wide pages have no seam, and the button is where it is in English in the dark."""
    words, laid = words_of(language), Laid()
    page = page_in(browser, language)
    for room in ROOMS:
        page.goto(shelf[0] + room)
        page.locator("#who > *").first.wait_for()
        page.get_by_text(words["state_NO_DATA"], exact=True).first.wait_for()
        assert page.locator("#stop span").text_content() == "STOP"
        assert page.locator("#stop-said").text_content() == words["stop_keys"]
        for size, theme in LOOKS:
            laid.look(page, room or "treat", size, theme)
            page.screenshot(path=PICTURES / f"page-{room or 'treat'}-{language}-{theme}-{size}.png")
    page.context.close()
    laid.judge()


@pytest.mark.parametrize("room", ROOMS)
def test_axe_finds_nothing_in_either_theme(browser: Browser, shelf: tuple[str, str], room: str) -> None:
    """With the strict contrast of 7:1, before anybody has logged in."""
    page = page_in(browser, "de")
    for theme in THEMES:
        page.goto(shelf[0] + room)
        page.locator("#who > *").first.wait_for()
        page.locator("html").evaluate(THEMED, theme)
        found = Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
        assert found.violations_count == 0, found.generate_report()
    page.context.close()


def test_an_alarm_is_heard_after_the_first_hand_and_acknowledged_without_being_cleared(
    browser: Browser, shelf: tuple[str, str]
) -> None:
    """No rig answers: an alarm stands. A browser is silent before a hand, and the page says so; a key is a hand. Acknowledged, it stands and is quiet."""
    page = page_in(browser, "en")
    page.goto(shelf[0])
    page.locator("#alarm", has_text="** MEDIUM").wait_for()
    page.locator("#sound", has_text="Sound is off").wait_for(timeout=10_000)
    assert page.evaluate("window.heard") == []
    page.keyboard.press("Tab")
    page.locator("#sound").wait_for(state="hidden", timeout=10_000)
    page.wait_for_timeout(2_000)
    assert len(page.evaluate("window.heard")) >= 3
    assert set(page.evaluate("window.heard")) == {720}
    page.get_by_role("button", name="Acknowledge").press("Enter")
    page.locator("#acknowledge", has_text="Acknowledged").wait_for()
    count = page.evaluate("window.heard.length")
    page.wait_for_timeout(9_000)
    assert page.evaluate("window.heard.length") == count
    assert page.locator("#alarm").is_visible()
    page.context.close()


def test_a_report_is_made_and_taken_where_a_fraction_ends(browser: Browser, shelf: tuple[str, str]) -> None:
    """The button of the end screen on records made by hand: the fraction is found by its order's own digest, and its PDF comes."""
    page, _ = opened(browser, *shelf, "records", WIDE)
    order = {"patient_id": "12-34", "sha256": ORDER.sha256.hex()}
    page.evaluate("async (order) => { document.body.prepend((await import('/files/today.js')).report(order)); }", order)
    page.get_by_role("button", name="Report (PDF)").click()
    with page.expect_download() as given:
        page.get_by_role("link", name=".pdf").click(timeout=60_000)
    assert given.value.path().read_bytes().startswith(b"%PDF")
    page.context.close()
