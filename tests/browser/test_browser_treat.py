"""Whole treatments in a real browser on the simulated rig: a fraction to its end, STOP and the rest, a page that dies in beam; all of it on loopback.
The tests share one rig and are played in their order."""

from __future__ import annotations

import http.client
import os
import re
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from watched_page import Watched

from verification.with_console import Served

pytestmark = pytest.mark.timeout(240)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))


def picture(watched: Watched, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    watched.page.screenshot(path=PICTURES / f"{name}.png")


def clean(watched: Watched) -> None:
    """It asked nothing outside loopback, and the content policy had nothing to say."""
    assert {urlsplit(url).hostname for url in watched.asked if not url.startswith("data:")} == {"127.0.0.1"}
    assert not [words for words in watched.said if "Content Security Policy" in words or "Error" in words], watched.said


def test_a_fraction_is_treated(wide: Watched) -> None:
    """From login to the closed fraction; every page says SIMULATED."""
    wide.state("OFF")
    picture(wide, "login-1280")
    wide.enter()
    assert wide.page.locator("#simulated").is_visible()
    wide.page.get_by_text("Nothing that is looked at here locks treatment.").wait_for()
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
    wide.page.wait_for_timeout(1500)
    picture(wide, "beam-1280")
    wide.state("ENDED")
    wide.page.get_by_text("on the disk", exact=True).wait_for(timeout=10_000)
    assert "TERMINATED" in (wide.page.locator("#panel").text_content() or "")
    picture(wide, "end-1280")
    assert wide.page.locator("#alarm").is_hidden(), "the end of a fraction is no alarm"
    wide.page.get_by_role("button", name="Report (PDF)").click()
    with wide.page.expect_download() as given:
        wide.page.get_by_role("link", name=".pdf").click(timeout=60_000)
    assert given.value.path().read_bytes().startswith(b"%PDF")
    wide.page.get_by_text("No other order of this patient lies in the folder.").wait_for()
    wide.page.get_by_role("button", name="Close the fraction").click()
    wide.state("OFF")
    clean(wide)


def test_stop_by_touch_and_the_rest_on_a_phone(phone: Watched) -> None:
    """STOP at pointer-down interrupts; the rest is resumed by the same page at 390 px, and nothing is wider than the screen."""
    phone.state("OFF")
    picture(phone, "login-390")
    phone.enter()
    phone.load("EXAMPLE-0002", "nose")
    phone.confirm()
    phone.state("READY")
    picture(phone, "ready-390")
    phone.page.get_by_role("button", name="SIMULATED: press").click()
    phone.state("BEAM ON")
    phone.page.wait_for_timeout(1000)
    picture(phone, "beam-390")
    box = phone.page.locator("#stop").bounding_box()
    assert box is not None and box["height"] >= 96
    phone.page.mouse.move(box["x"] + 20, box["y"] + 20)
    phone.page.mouse.down()
    phone.state("INTERRUPTED", 3.0)
    phone.page.mouse.up()
    assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.page.get_by_text("on the disk", exact=True).wait_for(timeout=10_000)
    phone.page.get_by_label("Reason").fill("eye shield slipped")
    picture(phone, "interrupted-390")
    phone.page.get_by_role("button", name="Resume the rest").click()
    phone.confirm()
    phone.state("READY")
    phone.page.get_by_role("button", name="SIMULATED: press").click()
    phone.state("BEAM ON")
    phone.state("ENDED", 60.0)
    phone.page.get_by_text("on the disk", exact=True).wait_for(timeout=10_000)
    assert "TERMINATED" in (phone.page.locator("#panel").text_content() or "")
    phone.page.get_by_role("button", name="Close the fraction").click()
    phone.state("OFF")
    clean(phone)


@pytest.mark.parametrize("key", ["Space", "Escape"])
def test_stop_by_key(wide: Watched, key: str) -> None:
    """Space and Esc, whatever has the focus; here before any beam: what was armed is unloaded."""
    wide.enter()
    wide.load("EXAMPLE-0004", "cheek")
    wide.confirm()
    wide.state("READY")
    wide.page.get_by_role("button", name="Unload").focus()
    wide.page.keyboard.press(key)
    wide.state("OFF", 3.0)


def test_a_page_that_dies_in_beam_interrupts_it(wide: Watched, rig: Served) -> None:
    """Nobody else keeps the lease: the beam ends by itself, and another page sees it."""
    wide.enter()
    wide.load("EXAMPLE-0004", "cheek")
    wide.confirm()
    wide.state("READY")
    wide.page.get_by_role("button", name="SIMULATED: press").click()
    wide.state("BEAM ON")
    context = wide.page.context
    other = context.browser.new_context() if context.browser is not None else context
    page = other.new_page()
    page.goto(rig.address)
    page.locator("#state", has_text="BEAM ON").wait_for(timeout=10_000)
    wide.page.close()
    page.locator("#state", has_text="INTERRUPTED").wait_for(timeout=6_000)
    page.screenshot(path=PICTURES / "watching-1280.png")


def interrupted(wide: Watched) -> None:
    """In control of an interrupted fraction: that which a page left before, or, on a rig that was started anew, one of this page's own."""
    wide.enter()
    wide.page.locator("#state", has_text=re.compile("INTERRUPTED|OFF")).wait_for()
    if "INTERRUPTED" in (wide.page.locator("#state").text_content() or ""):
        return
    wide.load("EXAMPLE-0002", "ear")
    wide.confirm()
    wide.state("READY")
    wide.page.get_by_role("button", name="SIMULATED: press").click()
    wide.state("BEAM ON")
    wide.page.keyboard.press("Escape")
    wide.state("INTERRUPTED")


def test_the_page_has_no_violation_that_axe_finds(wide: Watched) -> None:
    """Both themes, with the strict contrast of 7:1."""
    interrupted(wide)
    for _ in range(2):
        found = Axe().run(wide.page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
        assert found.violations_count == 0, found.generate_report()
        wide.page.get_by_role("button", name="Light / dark").click()


def test_an_interrupted_fraction_is_closed_as_partial(wide: Watched) -> None:
    """Whoever holds control closes it, with a reason."""
    interrupted(wide)
    wide.page.get_by_label("Reason").fill("patient unwell")
    wide.page.get_by_role("button", name="Close as partial").click()
    wide.state("ENDED")
    wide.page.get_by_role("button", name="Close the fraction").click()
    wide.state("OFF")


def test_the_stop_door_takes_stop_while_the_console_hangs(rig: Served) -> None:
    """T8: the console's process is stopped; STOP goes out by the door beside it."""
    os.kill(rig.pids["console"], signal.SIGSTOP)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", rig.port + 1, timeout=3.0)
        connection.request("POST", "/stop")
        assert connection.getresponse().status == 200
    finally:
        os.kill(rig.pids["console"], signal.SIGCONT)
