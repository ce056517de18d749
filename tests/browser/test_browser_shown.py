"""What a page makes of what the desk shows, on a desk whose snapshots a test writes: what is still open, old values, alarms that are heard and muted, the
screen that stays on, motion, sizes for a finger, and how pages and states look to whoever has logged in. No rig must keep time beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from by_hand import ByHand, by_hand
from desk_by_hand import dose, snapshot
from heard import HANDS, HEARD
from laid import LOOKS, PSEUDO, Laid, words_of
from playwright.sync_api import Browser, Locator, Page, Route, expect
from shelf import KeptByHand, console_on, opened
from test_browser_service_look import SECRET, people

from console.web.serve import PAGES
from controller.requests import RuleShown
from verification.sources import ROOT

pytestmark = pytest.mark.timeout(300)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
LEAST_PX = 48
OPEN = (
    RuleShown("door", "FALSE", 0.012, "the door is open; first: close the door"),
    RuleShown("applicator", "STALE", 0.9, "the applicator's code is 900 ms old"),
    RuleShown("key", "TRUE", 0.012, ""),
)
LOCKS = """window.locks = [];
Object.defineProperty(navigator, 'wakeLock', { value: { request: async (kind) => {
  window.locks.push(kind); return { release: async () => { window.locks.push('released'); } }; } } });
window.hide = (on) => {
  Object.defineProperty(document, 'hidden', { value: on, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
};"""
SMALL = """(least) => [...document.querySelectorAll("button, select, input:not([type=checkbox]), summary, nav a, a.button")]
  .filter((one) => one.offsetParent !== null && one.checkVisibility({ visibilityProperty: true }))
  .map((one) => [`${one.tagName} ${one.id} ${one.textContent.slice(0, 30)}`, one.getBoundingClientRect().height]).filter(([, high]) => high < least)"""
TOPS = """window.tops = [];
const look = () => { for (const one of document.querySelectorAll(".pick")) window.tops.push(one.getBoundingClientRect().top); requestAnimationFrame(look); };
look();"""
MOVING = """<!doctype html><meta name="viewport" content="width=device-width">
<style>button { display: block; height: 60px; width: 200px; margin: 0; }</style>
<div id="alarm"></div><button id="second">second</button><button id="first">first</button><label>Ticked<input type="checkbox" id="ticked"></label>
<script type="module">
window.clicks = []; window.pressed = [];
window.addEventListener("click", (event) => window.clicks.push(event.target.id), true);
for (const one of document.querySelectorAll("button, input")) one.addEventListener("click", () => window.pressed.push(one.id));
"""
IN_BEAM: dict[str, Any] = {
    "state": "IRRADIATING",
    "beam": "on",
    "dose": dose(),
    "kv_set": 69.5,
    "kv": 69.5,
    "ma_set": 1.6,
    "ma": 1.6,
}


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ByHand]:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with by_hand(tmp_path) as up:
        yield up


def page_on(browser: Browser, console: ByHand, script: str = "", motion: Any = "reduce", language: str = "en") -> Page:
    """The treatment page; words made longer by rule come in the place of English."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion=motion)
    shown = "en" if language == PSEUDO else language
    context.add_init_script(f"localStorage.setItem('language', '{shown}');\n{HANDS}\n{script}")
    page = context.new_page()
    in_language(page, language)
    page.goto(console.address)
    return page


def hand(page: Page) -> None:
    """A key once the page says that it waits for one; it is heard from then on."""
    page.locator("#sound", has_text="Sound is off").wait_for(timeout=10_000)
    page.keyboard.press("Tab")
    page.locator("#sound").wait_for(state="hidden", timeout=10_000)


def in_language(page: Page, language: str) -> None:
    def made(route: Route) -> None:
        route.fulfill(json=words_of(PSEUDO))

    if language == PSEUDO:
        page.route("**/words/en.json", made)


def in_control(page: Page, console: ByHand, words: dict[str, str]) -> None:
    page.get_by_label(words["code"], exact=True).fill(console.access.code)
    page.get_by_label(words["code"], exact=True).press("Enter")
    page.get_by_role("button", name=words["take"], exact=True).click()
    page.get_by_text(words["yours"], exact=True).wait_for()


def test_what_is_not_ready_is_named_with_the_first_thing_to_do(browser: Browser, console: ByHand) -> None:
    """Open rules alone, each with its sign and words; the desk's own first thing stands above them; nothing open is said so."""
    page = page_on(browser, console)
    page.locator("#why-title", has_text="Interlocks: nothing open").wait_for()
    console.shown = snapshot(state="PREPARATORY", rules=OPEN, first_to_fix="close the door")
    expect(page.locator("#first")).to_have_text("First: close the door")
    expect(page.locator("#why-title")).to_have_text("Why not ready")
    expect(page.locator("#why li")).to_have_count(2)
    expect(page.locator("#why li").first).to_contain_text("✖ door open: the door is open")
    expect(page.locator("#why li").last).to_contain_text("⧖ applicator stale: the applicator's code is 900 ms old")
    console.shown = snapshot()
    expect(page.locator("#first")).to_have_text("")
    expect(page.locator("#why li")).to_have_count(0)
    page.context.close()


def test_values_grow_old_and_are_then_no_data(browser: Browser, console: ByHand) -> None:
    """A tick that is not followed by another: struck through and grey from 0.3 s on, NO DATA from 1 s on, whatever frames still come; a new one ends it."""
    page = page_on(browser, console)
    page.locator("#state", has_text="OFF").wait_for()
    assert "old" not in (page.locator("#values").get_attribute("class") or "")
    page.evaluate(
        """() => { window.seen = [];
        const look = () => { const old = document.querySelector("#values").classList.contains("old"), state = document.querySelector("#band").dataset.state;
          const now = `${old} ${state}`; if (window.seen.at(-1) !== now) window.seen.push(now); };
        setInterval(look, 10); }"""
    )
    console.shown = snapshot(**IN_BEAM | {"at_s": console.clock.monotonic()})
    page.locator("#state", has_text="NO DATA").wait_for(timeout=5_000)
    seen = page.evaluate("window.seen")
    assert seen.index("true IRRADIATING") < seen.index("true NO_DATA"), seen
    style = "(name) => getComputedStyle(document.querySelector(name))"
    assert page.evaluate(f"({style})('#values').filter") == "grayscale(1)"
    assert "line-through" in page.evaluate(f"({style})('#left').textDecorationLine")
    expect(page.locator("#detail")).to_contain_text("press the emergency stop if in doubt")
    expect(page.locator("#alarm")).to_have_attribute("data-priority", "high")
    page.screenshot(path=PICTURES / "no-data-1280.png")
    console.shown = snapshot(**IN_BEAM)
    page.locator("#state", has_text="BEAM ON").wait_for(timeout=5_000)
    expect(page.locator("#values")).not_to_have_class("old")
    page.context.close()


def test_a_grave_alarm_is_heard_muted_and_heard_again_where_it_is_another(browser: Browser, console: ByHand) -> None:
    """Five notes of 960 Hz, again every 2.5 s; muted it is silent and still stands; a new grave one is heard through the mute."""
    page = page_on(browser, console, HEARD)
    hand(page)
    console.shown = snapshot(state="FAULT", latches=("door: the door is open",))
    page.locator("#alarm", has_text="*** HIGH").wait_for()
    page.wait_for_function("() => window.heard.filter((one) => one === 960).length >= 10", timeout=10_000)
    page.get_by_role("button", name="Mute 2 min").click()
    page.locator("#mute", has_text="Muted").wait_for()
    before = page.evaluate("window.heard.length")
    page.wait_for_timeout(3_500)
    assert page.evaluate("window.heard.length") == before and page.locator("#alarm").is_visible()
    console.shown = snapshot(state="FAULT", latches=("unit: the safety unit is silent",))
    page.wait_for_function("(before) => window.heard.length >= before + 5", arg=before, timeout=10_000)
    expect(page.locator("#mute")).to_have_text("Mute 2 min")
    page.context.close()


@pytest.mark.parametrize("touched", [True, False])
def test_a_hand_that_comes_before_the_page_is_ready_for_it_is_not_asked_for_again(
    browser: Browser, console: ByHand, touched: bool
) -> None:
    """On a slow tablet the first touch falls while the files still load: the sound is on with the page, not one touch later. Untouched it says so."""
    page = page_on(browser, console)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/files/alarms.js", hold)
    page.goto(console.address, wait_until="commit")
    page.locator("#sound").wait_for(state="attached")
    if touched:
        page.keyboard.press("Tab")
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    page.locator("#state", has_text="OFF").wait_for()
    if touched:
        page.locator("#sound").wait_for(state="hidden", timeout=10_000)
    else:
        hand(page)
    page.context.close()


def test_the_beam_is_heard_to_come_to_tick_and_to_end(browser: Browser, console: ByHand) -> None:
    page = page_on(browser, console, HEARD)
    hand(page)
    console.shown = snapshot(**IN_BEAM)
    page.wait_for_function(
        "() => window.heard.includes(880) && window.heard.filter((one) => one === 660).length >= 2", timeout=10_000
    )
    console.shown = snapshot(state="TERMINATED")
    page.wait_for_function("() => window.heard.includes(440)", timeout=10_000)
    page.context.close()


def test_no_patient_moves_under_a_finger_while_the_day_comes(browser: Browser, console: ByHand) -> None:
    """The day's card is held back: nobody can be chosen yet. With it the patients are put up, and stand where they first stood at each frame since."""
    page, held = page_on(browser, console, TOPS), list[Route]()

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/day", hold)
    with page.expect_request("**/api/day", timeout=10_000):
        in_control(page, console, words_of("en"))
    page.wait_for_timeout(500)
    assert page.evaluate("window.tops.length") == 0
    for route in held:
        route.continue_()
    page.locator(".today table").first.wait_for()
    page.locator(".pick").first.wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("new Set(window.tops).size") == 1
    page.context.close()


def test_the_line_about_the_sound_does_not_go_under_the_finger_that_lets_the_page_sound(
    browser: Browser, console: ByHand
) -> None:
    """The first touch falls on a field, and rests there as a finger does: the page sounds already, and what is under the finger has not moved. Then it goes."""
    page = page_on(browser, console)
    page.locator("#sound", has_text="Sound is off").wait_for(timeout=10_000)
    page.locator("#state", has_text="OFF").wait_for()
    expect(page.locator("#alarm")).to_be_hidden()
    code = page.get_by_label("Code", exact=True)
    code.hover()
    before = middle(code)
    page.mouse.down()
    page.wait_for_timeout(1_000)
    assert middle(code) == before
    assert page.locator("#sound").is_visible()
    page.mouse.up()
    page.locator("#sound").wait_for(state="hidden", timeout=10_000)
    assert middle(code) != before
    page.context.close()


def middle(one: Locator) -> tuple[float, float]:
    box = one.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_came_under_a_finger_is_not_pressed_by_it(browser: Browser) -> None:
    """A finger goes down on one button; an alarm's line moves another one there before the finger is lifted. Neither is pressed; the next tap presses what it
    is on, and the words of a field still lead into it."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    script = (ROOT / "console" / "web" / "files" / "finger.js").read_text(encoding="utf-8")
    page.route("**/*", lambda route: route.fulfill(body=MOVING + script + "</script>", content_type="text/html"))
    page.goto("http://127.0.0.1:9/")
    first, second = (page.get_by_role("button", name=name) for name in ("first", "second"))
    fingers = context.new_cdp_session(page)
    there = [dict(zip(("x", "y"), middle(first), strict=True))]
    above = middle(first)[1] - middle(second)[1]
    fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": there})
    page.evaluate("(px) => { document.getElementById('alarm').style.height = `${px}px`; }", above)
    assert middle(second) == pytest.approx(tuple(there[0].values()))
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("() => window.clicks.length > 0")
    assert page.evaluate("window.clicks") == ["second"]
    assert page.evaluate("window.pressed") == []
    second.tap()
    page.get_by_text("Ticked").tap()
    page.wait_for_function("() => window.pressed.length === 2")
    assert page.evaluate("window.pressed") == ["second", "ticked"]
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => window.pressed.length === 3")
    context.close()


def test_what_is_known_of_the_beam_is_said_in_the_language_of_the_page(browser: Browser, console: ByHand) -> None:
    """On, off, or not known; and a word that the page does not know is not known."""
    page = page_on(browser, console, language="fr")
    for beam, words in (
        ("off", "coupé"),
        ("on", "actif"),
        ("MAY BE ON", "PEUT-ÊTRE ACTIF"),
        ("dark", "PEUT-ÊTRE ACTIF"),
    ):
        console.shown = snapshot(state="FAULT", beam=beam, latches=("hv_uncommanded: the beam stayed on",))
        expect(page.locator("#detail")).to_have_text(
            f"bloqué : une personne doit lever le blocage ; faisceau {words}", timeout=10_000
        )
    page.context.close()


@pytest.mark.parametrize("path", PAGES)
def test_stop_works_where_no_other_file_comes(browser: Browser, console: ByHand, path: str) -> None:
    """A slow disk, or a broken file: on each page every script but the shell is held back for ever, and STOP is sent by pointer and by key."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.route(re.compile(r"/files/(?!shell\.js)\w+\.js"), lambda _route: None)
    page.goto(f"{console.address[:-1]}{path}", wait_until="commit")
    page.wait_for_function("() => document.querySelector('#language option') !== null", timeout=10_000)
    for press in (page.locator("#stop").click, lambda: page.keyboard.press("Escape")):
        with page.expect_request("**/stop", timeout=10_000):
            press()
    context.close()


def test_the_screen_stays_on_in_beam_also_for_a_page_that_was_hidden(browser: Browser, console: ByHand) -> None:
    """Asked for at beam-on, anew when the page is seen again, not while it is hidden nor after the end, and given back then."""
    page = page_on(browser, console, LOCKS)
    page.locator("#state", has_text="OFF").wait_for()
    page.evaluate("window.hide(true); window.hide(false)")
    assert page.evaluate("window.locks") == []
    console.shown = snapshot(**IN_BEAM)
    page.wait_for_function("() => window.locks.length === 1")
    page.evaluate("window.hide(true)")
    assert page.evaluate("window.locks") == ["screen"]
    page.evaluate("window.hide(false)")
    page.wait_for_function("() => window.locks.length === 2")
    console.shown = snapshot(state="TERMINATED")
    page.wait_for_function("() => window.locks.at(-1) === 'released'")
    page.evaluate("window.hide(true); window.hide(false)")
    assert page.evaluate("window.locks") == ["screen", "screen", "released"]
    page.context.close()


@pytest.mark.parametrize(("motion", "moves"), [("reduce", "none"), ("no-preference", "alarm")])
def test_an_alarm_moves_only_for_who_did_not_ask_for_less_motion(
    browser: Browser, console: ByHand, motion: str, moves: str
) -> None:
    console.shown = snapshot(state="STUCK_ON", beam="MAY BE ON", latches=("the beam stayed on",))
    page = page_on(browser, console, motion=motion)
    page.locator("#state", has_text="BEAM MAY BE ON").wait_for()
    page.locator("#alarm", has_text="*** HIGH").wait_for()
    for name in ("#band", "#alarm"):
        assert page.evaluate("(name) => getComputedStyle(document.querySelector(name)).animationName", name) == moves, (
            name
        )
    page.context.close()


@pytest.mark.parametrize("language", ["de", PSEUDO])
def test_early_steps_and_grave_states_are_laid_out(browser: Browser, console: ByHand, language: str) -> None:
    """Patient, lesion, a fault, a beam that may be on: in control, in German and in longer words, in each look."""
    words, laid = words_of(language), Laid()
    page = page_on(browser, console, language=language)
    in_control(page, console, words)

    def look(name: str) -> None:
        for size, theme in LOOKS:
            laid.look(page, f"{name} {language}", size, theme)
            page.screenshot(path=PICTURES / f"shown-{name}-{language}-{theme}-{size}.png")

    page.get_by_text(words["choose_patient"], exact=True).wait_for()
    look("patient")
    page.locator(".pick").first.click()
    page.get_by_role("button", name=words["load"], exact=True).wait_for()
    look("lesion")
    console.shown = snapshot(
        state="FAULT", latches=("door: the door is open; first: close it",), rules=OPEN, first_to_fix="close the door"
    )
    page.get_by_role("button", name=words["reset"], exact=True).wait_for()
    look("fault")
    console.shown = snapshot(state="STUCK_ON", beam="MAY BE ON", latches=("hv_uncommanded: the beam stayed on",))
    page.get_by_label(words["second_name"], exact=True).wait_for()
    look("stuck-on")
    page.context.close()
    laid.judge()


@pytest.mark.parametrize("language", ["de", PSEUDO])
def test_pages_of_whoever_has_logged_in_are_laid_out_and_large_enough_for_a_finger(
    browser: Browser, tmp_path: Path, language: str
) -> None:
    """Records with a fraction, each pane of Service, People: nothing is cut, overlaps or is lower than 48 px."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    words, laid, small = words_of(language), Laid(), list[Any]()

    def look(page: Page, name: str) -> None:
        for size, theme in LOOKS:
            laid.look(page, f"{name} {language}", size, theme)
            page.screenshot(path=PICTURES / f"entered-{name}-{language}-{theme}-{size}.png", full_page=True)
        small.extend((name, one) for one in page.evaluate(SMALL, LEAST_PX))

    def spoken(page: Page) -> None:
        in_language(page, language)
        page.evaluate(
            "(language) => localStorage.setItem('language', language)", "en" if language == PSEUDO else language
        )
        page.reload()
        page.get_by_text(words["logout"], exact=True).wait_for()

    def fill(kept: KeptByHand) -> None:
        kept.golden()

    (tmp_path / "kept").mkdir()
    with console_on(tmp_path / "kept", fill) as (address, code):
        page, _ = opened(browser, address, code, "records", WIDE)
        spoken(page)
        page.locator("#list button").first.wait_for()
        look(page, "records")
        page.goto(f"{address}service")
        for pane in ("interlocks", "faults", "due", "procedures", "counters", "configuration", "bundle", "simulator"):
            page.get_by_role("button", name=words[f"pane_{pane}"], exact=True).click()
            page.wait_for_timeout(600)
            look(page, f"service-{pane}")
        page.context.close()
    (tmp_path / "hand").mkdir()
    with by_hand(tmp_path / "hand", people(tmp_path / "people")) as up:
        page, _ = opened(browser, up.address, "", "people", WIDE)
        page.get_by_label("Name").first.fill("ada")
        page.get_by_label("Code").first.fill(SECRET)
        page.get_by_label("Code").first.press("Enter")
        page.get_by_text("ada (administrator)").wait_for()
        spoken(page)
        page.wait_for_timeout(600)
        look(page, "people")
        page.context.close()
    laid.judge()
    assert not small, small


def test_every_button_of_a_treatment_is_large_enough_for_a_finger(browser: Browser, console: ByHand) -> None:
    """At 390 px, from the login to a fault: nothing that is pressed is lower than 48 px."""
    page = page_on(browser, console)
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    small: list[Any] = page.evaluate(SMALL, LEAST_PX)
    in_control(page, console, words_of("en"))
    page.locator(".pick").first.wait_for()
    small += page.evaluate(SMALL, LEAST_PX)
    page.locator(".pick").first.click()
    page.get_by_role("button", name="Load", exact=True).wait_for()
    page.locator(".pick").first.click()
    page.locator(".pick[aria-pressed=true]").wait_for()
    page.wait_for_timeout(500)
    small += page.evaluate(SMALL, LEAST_PX)
    console.shown = snapshot(state="FAULT", latches=("door: the door is open",))
    page.get_by_role("button", name="Reset", exact=True).wait_for()
    small += page.evaluate(SMALL, LEAST_PX)
    assert not small, small
    page.context.close()
