"""Whole treatments in a real browser on the simulated rig: a fraction to its end, STOP and the rest, a page that dies in beam; all of it on loopback.
The tests share one rig, and each brings what it treats."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from by_key import HEARD, Keys, hands
from truth import until
from watched_page import WIDE, Watched

from verification.with_console import Served

pytestmark = pytest.mark.timeout(240)
MIDDLE = "(one) => one.scrollIntoView({ block: 'center' })"
AGAIN = ("The patient said both identifiers", "Lesion, side and site are these")
"""What a resume asks for anew."""
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))


def picture(watched: Watched, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    watched.page.screenshot(path=PICTURES / f"{name}.png")


def clean(watched: Watched) -> None:
    """It asked nothing outside loopback, and the content policy had nothing to say."""
    assert {urlsplit(url).hostname for url in watched.asked if not url.startswith("data:")} == {"127.0.0.1"}
    assert not [words for words in watched.said if "Content Security Policy" in words or "Error" in words], watched.said


def test_a_fraction_is_treated(wide: Watched) -> None:
    """From login to the closed fraction, signed at its end with the code again; every page says SIMULATED. The next lesion begins with the patient, and nothing
    of this one is carried over but the login and its control."""
    wide.state("OFF")
    picture(wide, "login-1280")
    wide.enter()
    assert wide.page.locator("#simulated").is_visible()
    wide.page.get_by_text("Nothing that is looked at here locks treatment.").wait_for()
    wide.page.locator(".today tr", has_text="forehead").get_by_text("● due").wait_for()
    picture(wide, "day-1280")
    wide.load("EXAMPLE-0003", "forehead")
    wide.state("PREPARING")
    picture(wide, "applicator-1280")
    wide.page.get_by_role("button", name="Applicator and shields").click()
    wide.page.get_by_role("button", name="The room is ready").click()
    wide.page.get_by_role("button", name="Confirm exactly this").wait_for(timeout=40_000)
    picture(wide, "confirm-1280")
    wide.page.get_by_role("button", name="Confirm exactly this").click()
    wide.state("READY")
    picture(wide, "ready-1280")
    wide.page.get_by_role("button", name="SIMULATED: press").click()
    wide.state("BEAM ON")
    wide.state("ENDED")
    wide.page.get_by_text("on the disk", exact=True).wait_for(timeout=10_000)
    assert "TERMINATED" in (wide.page.locator("#panel").text_content() or "")
    assert wide.page.locator("#alarm").is_hidden(), "the end of a fraction is no alarm"
    wide.page.get_by_text("given as recorded: NOT SIGNED").wait_for(timeout=40_000)
    wide.page.get_by_label("Code again").fill("00000000")
    wide.page.get_by_role("button", name="Sign: given as recorded").click()
    wide.page.get_by_text("name and secret do not fit").wait_for()
    wide.page.get_by_label("Code again").fill(wide.rig.code)
    wide.page.locator("section.chart").evaluate(MIDDLE)
    picture(wide, "sign-1280")
    wide.page.get_by_role("button", name="Sign: given as recorded").click()
    wide.page.get_by_text("given as recorded: demonstration (operator)").wait_for()
    wide.page.locator("section.chart").evaluate(MIDDLE)
    picture(wide, "signed-1280")
    wide.page.get_by_role("button", name="Report (PDF)").click()
    with wide.page.expect_download() as given:
        wide.page.get_by_role("link", name=".pdf").click(timeout=60_000)
    assert given.value.path().read_bytes().startswith(b"%PDF")
    wide.page.get_by_text("No other order of this patient lies in the folder.").wait_for()
    wide.page.get_by_role("button", name="Next lesion").click()
    wide.state("OFF")
    wide.page.get_by_text("Ask the patient for name and both identifiers, then choose:").wait_for()
    wide.page.locator(".today tr", has_text="forehead").get_by_text("✔ given").wait_for(timeout=40_000)
    assert wide.page.get_by_role("button", name="forehead").count() == 0
    wide.page.get_by_text("This page holds control").wait_for()
    clean(wide)


def test_a_whole_treatment_by_touch_alone_on_a_phone(phone: Watched) -> None:
    """From login to the closed fraction at 390 px, by fingers and the phone's own keyboard, which sends no keys: STOP interrupts while the finger is still
    down, the rest is resumed by the same page and the code given again, it is signed at its end, and nothing is wider
    than the screen."""
    page = phone.page
    phone.prescribe("EXAMPLE-0021", "nose, left ala", 950.0)
    page.evaluate(HEARD)
    phone.state("OFF")
    picture(phone, "login-390")
    page.get_by_label("Code").tap()
    # with the first hand the page says no more that it is silent, and all below moves up
    page.locator("#sound").wait_for(state="hidden", timeout=10_000)
    page.keyboard.insert_text(phone.rig.code)
    page.get_by_role("button", name="Log in").first.tap()
    page.get_by_role("button", name="Take control").tap()
    page.get_by_text("This page holds control").wait_for()
    page.get_by_role("button", name="EXAMPLE-0021").tap()
    page.get_by_role("button", name="nose").tap()
    page.get_by_role("button", name="Load", exact=True).tap()
    confirmed_by_touch(phone)
    picture(phone, "ready-390")
    page.get_by_role("button", name="SIMULATED: press").tap()
    phone.state("BEAM ON")
    page.wait_for_timeout(3000)
    picture(phone, "beam-390")
    box = page.locator("#stop").bounding_box()
    assert box is not None and box["height"] >= 96
    finger = page.context.new_cdp_session(page)
    at = {"x": box["x"] + 20, "y": box["y"] + 20}
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    phone.state("INTERRUPTED", 3.0)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert until(phone.rig, lambda shown: shown.ended is not None).ended.event == "STOP"  # type: ignore[union-attr]
    page.get_by_text("on the disk", exact=True).wait_for(timeout=10_000)
    page.get_by_label("Reason").tap()
    page.keyboard.insert_text("eye shield slipped")
    page.get_by_role("button", name="Resume the rest").tap()
    page.locator("#answer", has_text="first: type it").wait_for()
    page.get_by_label("Code again").tap()
    page.keyboard.insert_text(phone.rig.code)
    picture(phone, "interrupted-390")
    page.get_by_role("button", name="Resume the rest").tap()
    page.get_by_text("Ask the patient for name and both identifiers anew").wait_for()
    picture(phone, "asked-again-390")
    confirmed_by_touch(phone, AGAIN)
    page.get_by_role("button", name="SIMULATED: press").tap()
    phone.state("BEAM ON")
    picture(phone, "resumed-390")
    phone.state("ENDED", 60.0)
    page.get_by_text("on the disk", exact=True).wait_for(timeout=10_000)
    assert "TERMINATED" in (page.locator("#panel").text_content() or "")
    picture(phone, "end-390")
    page.get_by_text("given as recorded: NOT SIGNED").wait_for(timeout=40_000)
    page.get_by_label("Code again").tap()
    page.keyboard.insert_text(phone.rig.code)
    page.locator("section.chart").evaluate(MIDDLE)
    picture(phone, "sign-390")
    page.get_by_role("button", name="Sign: given as recorded").tap()
    page.get_by_text("given as recorded: demonstration (operator)").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Close the fraction").tap()
    phone.state("OFF")
    assert hands(page) == {"touch"}
    clean(phone)


def confirmed_by_touch(phone: Watched, again: tuple[str, ...] = ()) -> None:
    for name in (*again, "Applicator and shields", "The room is ready"):
        phone.page.get_by_role("button", name=name).tap()
    phone.page.get_by_role("button", name="Confirm exactly this").tap(timeout=40_000)
    phone.state("READY")


def test_a_whole_treatment_by_keyboard_alone(wide: Watched) -> None:
    """From login to the closed fraction without a pointer: the focus is seen at each place, interrupted by Esc, what is typed as the reason survives the
    page's own changes, the rest is resumed. A button that is there after a step is not the one that has the focus."""
    page, keys = wide.page, Keys(wide.page)
    wide.prescribe("EXAMPLE-0022", "ear, left helix", 900.0)
    wide.state("OFF")
    keys.type("Code", wide.rig.code)
    page.keyboard.press("Enter")
    keys.enter("Take control")
    page.get_by_text("This page holds control").wait_for()
    keys.at_the_panel()
    keys.enter("EXAMPLE-0022")
    keys.at_the_panel()
    keys.enter("ear, left")
    keys.at_the_panel()
    keys.enter("Load")
    confirmed_by_key(wide, keys)
    keys.enter("SIMULATED: press")
    wide.state("BEAM ON")
    page.wait_for_timeout(4000)
    picture(wide, "beam-1280")
    page.keyboard.press("Escape")
    wide.state("INTERRUPTED", 3.0)
    keys.type("Reason", "the patient moved")
    page.get_by_text("on the disk", exact=True).wait_for(timeout=10_000)
    # whether or not the record's end came while it was typed, the panel is built anew once for certain
    page.evaluate("async () => (await import('/files/shell.js')).page.spoken()")
    assert page.get_by_label("Reason").input_value() == "the patient moved"
    keys.type("Code again", wide.rig.code)
    picture(wide, "interrupted-1280")
    keys.enter("Resume the rest")
    confirmed_by_key(wide, keys, AGAIN)
    keys.enter("SIMULATED: press")
    wide.state("BEAM ON")
    picture(wide, "resumed-1280")
    wide.state("ENDED", 60.0)
    page.get_by_text("on the disk", exact=True).wait_for(timeout=10_000)
    assert "TERMINATED" in (page.locator("#panel").text_content() or "")
    picture(wide, "end-1280")
    keys.enter("Close the fraction")
    wide.state("OFF")
    assert hands(page) == {"keydown"}
    clean(wide)


def confirmed_by_key(wide: Watched, keys: Keys, again: tuple[str, ...] = ()) -> None:
    for name in (*again, "Applicator and shields", "The room is ready", "Confirm exactly this"):
        keys.at_the_panel()
        keys.enter(name)
    wide.state("READY")
    keys.at_the_panel()


@pytest.mark.parametrize("key", ["Space", "Escape"])
def test_stop_by_key(wide: Watched, key: str) -> None:
    """Space and Esc, whatever has the focus; here before any beam: what was armed is unloaded. Space on the button that unloads is STOP too, by both ways,
    and not that button's press."""
    asked: list[str] = []
    wide.page.on("request", lambda one: asked.append(one.url.partition("/api")[1] + one.url.rpartition("/")[2]))
    wide.enter()
    wide.load("EXAMPLE-0004", "cheek")
    wide.confirm()
    wide.state("READY")
    wide.page.get_by_role("button", name="Unload").focus()
    asked.clear()
    wide.page.keyboard.press(key)
    wide.state("OFF", 3.0)
    assert asked.count("stop") == 2 and "/apiedit" not in asked, asked


def test_a_page_that_dies_in_beam_interrupts_it(wide: Watched, rig: Served) -> None:
    """Nobody else keeps the lease: the beam ends by itself, another page sees it, and whoever takes control there closes the fraction as partial."""
    wide.prescribe("EXAMPLE-0027", "cheek, left", 1200.0)
    wide.enter()
    wide.load("EXAMPLE-0027", "cheek")
    wide.confirm()
    wide.state("READY")
    wide.page.get_by_role("button", name="SIMULATED: press").click()
    wide.state("BEAM ON")
    context = wide.page.context
    assert context.browser is not None
    other = Watched(context.browser, rig, WIDE)
    other.state("BEAM ON")
    wide.page.close()
    other.state("INTERRUPTED", 6.0)
    picture(other, "watching-1280")
    other.enter()
    other.page.get_by_text("DESK_LOST").first.wait_for()
    other.page.get_by_label("Reason").fill("patient unwell")
    other.page.get_by_role("button", name="Close as partial").click()
    other.state("ENDED")
    other.page.get_by_role("button", name="Close the fraction").click()
    other.state("OFF")
    other.close()
