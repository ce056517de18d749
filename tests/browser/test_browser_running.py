"""How a treatment that runs is laid out: confirmed, ready, with the beam on, interrupted, ended; in four languages and in longer words, wide and on a phone,
in both themes. Nothing is cut or overlaps, STOP stands still, and axe finds nothing. The words of the rig itself are English everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from laid import LANGUAGES, LOOKS, PSEUDO, SIZES, THEMED, THEMES, Laid, words_of
from playwright.sync_api import Page, Route, expect
from watched_page import Watched

pytestmark = pytest.mark.timeout(360)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
PICTURED = ("de", PSEUDO)


@pytest.fixture
def spoken(wide: Watched) -> Iterator[Speaking]:
    made = Speaking(wide.page)
    yield made
    made.page.unroute("**/words/en.json")


class Speaking:
    """A page that is told other languages while it runs, as its select does it; the longer words come in the place of English."""

    def __init__(self, page: Page) -> None:
        self.page, self.pseudo, self.laid = page, False, Laid()
        page.route("**/words/en.json", self._words)

    def _words(self, route: Route) -> None:
        route.fulfill(json=words_of(PSEUDO if self.pseudo else "en"))

    def look(self, name: str, state: str) -> None:
        """In every language and look, as long as the state stays what it is."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        for language in LANGUAGES:
            self.say(language, f"state_{state}")
            for size, theme in LOOKS:
                self.laid.look(self.page, f"{name} {language}", size, theme)
                if language in PICTURED:
                    self.page.screenshot(path=PICTURES / f"running-{name}-{language}-{theme}-{size}.png")
        self.say("en", f"state_{state}")
        self.page.set_viewport_size({"width": SIZES[1280]["width"], "height": SIZES[1280]["height"]})

    def say(self, language: str, shown: str) -> None:
        self.pseudo = language == PSEUDO
        chosen = self.page.locator("#language")
        if language in ("en", PSEUDO):
            chosen.select_option("de")  # a select that is told what it shows says nothing
        chosen.select_option("en" if self.pseudo else language)
        expect(self.page.locator("#state")).to_have_text(words_of(language)[shown], timeout=10_000)

    def axe(self) -> None:
        for theme in THEMES:
            self.page.locator("html").evaluate(THEMED, theme)
            found = Axe().run(self.page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
            assert found.violations_count == 0, found.generate_report()


def test_a_running_treatment_is_laid_out_in_every_language_and_look(wide: Watched, spoken: Speaking) -> None:
    """One fraction: looked at before it is confirmed, ready, in beam, interrupted, and after its end."""
    page = wide.page
    wide.prescribe("EXAMPLE-0028", "cheek, left", 1200.0)
    wide.enter()
    wide.load("EXAMPLE-0028", "cheek")
    for name in ("Applicator and shields", "The room is ready"):
        page.get_by_role("button", name=name).click()
    page.get_by_role("button", name="Confirm exactly this").wait_for(timeout=40_000)
    spoken.look("confirm", "PREPARATORY")
    page.get_by_role("button", name="Confirm exactly this").click()
    wide.state("READY")
    spoken.look("ready", "READY")
    page.get_by_role("button", name="SIMULATED: press").click()
    wide.state("BEAM ON")
    spoken.look("beam", "IRRADIATING")
    spoken.axe()
    wide.state("BEAM ON")
    page.keyboard.press("Escape")
    wide.state("INTERRUPTED", 3.0)
    page.get_by_text("on the disk", exact=True).wait_for(timeout=10_000)
    spoken.look("interrupted", "INTERRUPTED")
    spoken.axe()
    page.get_by_label("Reason").fill("test")
    page.get_by_role("button", name="Close as partial").click()
    wide.state("ENDED")
    spoken.look("end", "TERMINATED")
    spoken.axe()
    page.get_by_role("button", name="Close the fraction").click()
    wide.state("OFF")
    spoken.laid.judge()
