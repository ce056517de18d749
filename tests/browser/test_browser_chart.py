"""A fraction signed at its end, reviewed and corrected in a browser: who may is offered it, what was recorded and what should stand are both shown, in every
language wide and on a phone; a dose is offered to nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from laid import LANGUAGES, LOOKS, PSEUDO, Laid, whole, words_of
from playwright.sync_api import Browser, Page, Route, expect
from shelf import KeptByHand, console_on
from test_browser_approvals import PHONE, SECRET, WIDE, entered, sound, staffed

from controller.entries import Outcome

pytestmark = pytest.mark.timeout(240)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))


def fill(kept: KeptByHand) -> None:
    """A part that stays one, given by olga."""
    staffed(kept)
    kept.wall_s += 86400.0
    kept.start(kept.began.prescribed, operator="olga", fraction_tag=77)
    kept.end(60.3, Outcome.INTERRUPTED)
    kept.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with console_on(tmp_path_factory.mktemp("chart"), fill, real=True) as (address, _):
        yield address


def shown(page: Page) -> None:
    page.get_by_role("button", name="12-34").click()
    page.get_by_role("button", name="Look").first.click()
    page.get_by_role("heading", name="Signatures at the end").wait_for()


def signed(page: Page, word: str) -> None:
    form = page.locator("form", has=page.get_by_role("button", name=f"Sign: {word}"))
    form.get_by_label("Password (or PIN) again").fill(SECRET)
    form.get_by_role("button").click()


def test_it_is_signed_by_whoever_gave_it_reviewed_and_corrected_and_both_words_stand(
    browser: Browser, real: str
) -> None:
    page, said = entered(browser, real, "records", "olga", WIDE)
    shown(page)
    page.get_by_text("reviewed: NOT SIGNED by a physicist, and asked for: PARTIAL").wait_for()
    signed(page, "given as recorded")
    page.get_by_text("given as recorded: olga (operator)").wait_for()
    assert page.get_by_role("button", name="Sign:").count() == 0
    page.get_by_text("Correct", exact=True).click()
    assert page.get_by_label("What is wrong").locator("option").all_text_contents() == ["Remark"]
    sound(page, said)
    page.context.close()
    page, said = entered(browser, real, "records", "paul", PHONE)
    shown(page)
    signed(page, "reviewed")
    page.get_by_text("reviewed: paul (physicist)").wait_for()
    page.get_by_text("Correct", exact=True).click()
    fields = page.get_by_label("What is wrong")
    assert ["Remark", "First", "identifier", "Second", "identifier", "Course", "Lesion", "Site", "Side"][
        0
    ] in fields.locator("option").all_text_contents()
    assert not {"dose", "time"} & {
        word.lower() for one in fields.locator("option").all_text_contents() for word in one.split()
    }
    fields.select_option("site")
    page.get_by_label("What should stand").fill("nose, right ala")
    form = page.locator("form", has=page.get_by_role("button", name="Add the correction"))
    form.get_by_label("Reason").fill("misread")
    form.get_by_label("Password (or PIN) again").fill(SECRET)
    form.get_by_role("button").click()
    page.get_by_text("Site corrected:").wait_for()
    assert page.get_by_text("nose, left ala").first.is_visible(), "what was recorded stays"
    sound(page, said)
    page.locator("#one").screenshot(path=PICTURES / "chart-390.png")
    page.context.close()


def test_the_chart_is_laid_out_in_every_language_and_look(browser: Browser, real: str) -> None:
    page, _ = entered(browser, real, "records", "paul", WIDE)
    laid, pseudo = Laid(), [False]

    def words(route: Route) -> None:
        route.fulfill(json=words_of(PSEUDO if pseudo[0] else "en"))

    page.route("**/words/en.json", words)
    shown(page)
    for language in LANGUAGES:
        pseudo[0] = language == PSEUDO
        chosen = page.locator("#language")
        if language in ("en", PSEUDO):
            chosen.select_option("de")
        chosen.select_option("en" if pseudo[0] else language)
        expect(page.locator("#one h3").first).to_have_text(words_of(language)["chart_sign"], timeout=10_000)
        page.get_by_text(words_of(language)["chart_correct"], exact=True).click()
        for size, theme in LOOKS:
            laid.look(page, f"chart {language}", size, theme)
            if language in ("en", "de"):
                whole(page, PICTURES / f"chart-{language}-{theme}-{size}.png")
    page.context.close()
    laid.judge()
