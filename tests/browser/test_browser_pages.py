"""Every page in both themes, four languages and words that are 40 % longer, wide and on a phone: nothing overflows, nothing lies over anything, STOP stands
still to the pixel, axe finds nothing; alarms are heard after the first hand. The console runs without a rig: what a rig shows is test_browser_treat.py's."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route
from shelf import KeptByHand, console_on, opened

from console.web.serve import HERE, WORDS

pytestmark = pytest.mark.timeout(240)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
SIZES = {1280: {"width": 1280, "height": 800}, 390: {"width": 390, "height": 844}}
ROOMS = ("", "records", "service", "people")
THEMES = ("dark", "light")
ACCENTS = str.maketrans("aceinouyACEINOUY", "àçéîñôûýÀÇÉÎÑÔÛÝ")
PSEUDO = "pseudo"

LAID = """() => {
  const boxes = [...document.querySelectorAll("h1, h2, h3, p, button, a, select, input, th, td, dt, dd, li, label > span")].filter((one) => {
    const style = getComputedStyle(one);
    return one.offsetParent !== null && style.visibility !== "hidden" && !one.closest("#stop, #simulated, .scrolled") && style.position !== "fixed";
  });
  const found = [];
  for (const one of boxes) {
    const name = `${one.tagName} ${one.textContent.slice(0, 60)}`, box = one.getBoundingClientRect();
    if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0 && !["INPUT", "SELECT"].includes(one.tagName)) found.push(`cut: ${name}`);
    if (box.right > innerWidth + 1 || box.left < -1) found.push(`outside: ${name}`);
  }
  const leaves = boxes.filter((one) => !boxes.some((other) => other !== one && one.contains(other)) && one.textContent.trim() && !one.closest("#band"));
  for (let a = 0; a < leaves.length; a++) for (let b = a + 1; b < leaves.length; b++) {
    const one = leaves[a].getBoundingClientRect(), other = leaves[b].getBoundingClientRect();
    const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left), high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    if (wide > 2 && high > 2) found.push(`over each other: ${leaves[a].textContent.slice(0, 40)} | ${leaves[b].textContent.slice(0, 40)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  return found;
}"""

HEARD = """window.heard = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...given) { window.heard.push(this.frequency.value); return start.apply(this, given); };"""


def pseudo(said: str) -> str:
    """Accented, 40 % longer and in brackets; what stands in braces stays. STOP is one word in every language."""
    if said == "STOP":
        return said
    parts = re.split(r"(\{\w+\})", said)
    long = "".join(part if part.startswith("{") else part.translate(ACCENTS) for part in parts)
    more = (" ~~~~~" * len(said))[: max(2, round(0.4 * len(said)))]
    return f"[{long}{more}]"


def words_of(language: str) -> dict[str, str]:
    """The words of a language; of the pseudo-locale, made by rule."""
    english: dict[str, str] = json.loads((HERE / "words" / "en.json").read_text(encoding="utf-8"))
    if language == PSEUDO:
        return {key: pseudo(said) for key, said in english.items()}
    found: dict[str, str] = json.loads((HERE / "words" / f"{language}.json").read_text(encoding="utf-8"))
    return found


def fill(kept: KeptByHand) -> None:
    kept.golden()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with console_on(tmp_path_factory.mktemp("shelf"), fill) as up:
        yield up


def page_in(browser: Browser, language: str, size: int) -> Page:
    """A page whose browser was told this language before; the pseudo-locale comes in the place of English."""
    context = browser.new_context(
        viewport={"width": SIZES[size]["width"], "height": SIZES[size]["height"]}, reduced_motion="reduce"
    )
    shown = "en" if language == PSEUDO else language
    context.add_init_script(f"localStorage.setItem('language', '{shown}');\n{HEARD}")
    page = context.new_page()
    if language == PSEUDO:

        def made(route: Route) -> None:
            route.fulfill(json=words_of(PSEUDO))

        page.route("**/words/en.json", made)
    return page


def shown(page: Page, address: str, room: str, theme: str) -> None:
    page.goto(address + room)
    page.locator("html").evaluate("(root, theme) => { root.dataset.theme = theme; }", theme)
    page.locator("#who > *").first.wait_for()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", [*WORDS, PSEUDO])
def test_each_page_is_laid_out_and_stop_stands_still(
    browser: Browser, shelf: tuple[str, str], language: str, size: int
) -> None:
    """The wide pages have no seam, and the button is where it is in English in the dark."""
    words, places, wrong = words_of(language), set[str](), list[str]()
    page = page_in(browser, language, size)
    for room in ROOMS:
        for theme in THEMES:
            shown(page, shelf[0], room, theme)
            page.get_by_text(words["state_NO_DATA"], exact=True).first.wait_for()
            assert page.locator("#stop span").text_content() == "STOP"
            assert page.locator("#stop-said").text_content() == words["stop_keys"]
            box = page.locator("#stop").bounding_box()
            assert box is not None and box["height"] >= 96
            # it grows upwards only where its legend needs a second line; what a finger has learnt are its bottom and its sides
            places.add(f"{box['x']:.0f} {box['width']:.0f} {box['y'] + box['height']:.0f}")
            wrong += [f"{room or 'treat'} {theme}: {one}" for one in page.evaluate(LAID)]
            page.screenshot(path=PICTURES / f"page-{room or 'treat'}-{language}-{theme}-{size}.png")
    page.context.close()
    assert not wrong, "\n".join(wrong)
    expected = {1280: "976 280 764", 390: "24 342 808"}[size]
    assert places == {expected}, places


@pytest.mark.parametrize("room", ROOMS)
def test_axe_finds_nothing_in_either_theme(browser: Browser, shelf: tuple[str, str], room: str) -> None:
    """With the strict contrast of 7:1, before anybody has logged in."""
    page = page_in(browser, "de", 1280)
    for theme in THEMES:
        shown(page, shelf[0], room, theme)
        found = Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
        assert found.violations_count == 0, found.generate_report()
    page.context.close()


def test_an_alarm_is_heard_after_the_first_hand_and_acknowledged_without_being_cleared(
    browser: Browser, shelf: tuple[str, str]
) -> None:
    """No rig answers: an alarm stands. A browser is silent before a hand, and the page says so; a key is a hand. Acknowledged, it stands and is quiet."""
    page = page_in(browser, "en", 1280)
    page.goto(shelf[0])
    page.locator("#alarm", has_text="** MEDIUM").wait_for()
    assert page.locator("#sound").is_visible()
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
    """The button of the end screen on records made by hand: the fraction is found by patient, lesion and number, and its PDF comes."""
    page, _ = opened(browser, *shelf, "records", SIZES[1280])
    order = {"patient_id": "12-34", "lesion_id": "L1", "fraction": 1}
    page.evaluate("async (order) => { document.body.prepend((await import('/files/today.js')).report(order)); }", order)
    page.get_by_role("button", name="Report (PDF)").click()
    with page.expect_download() as given:
        page.get_by_role("link", name=".pdf").click(timeout=60_000)
    assert given.value.path().read_bytes().startswith(b"%PDF")
    page.context.close()
