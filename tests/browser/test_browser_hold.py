"""Hold-to-beam on the simulated rig whose switch is held: the page's button is the switch. Held to the end, let go in beam by finger, key, another window
and a page that is lost; a finger that is quicker than the request presses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from conftest import Rigs
from playwright.sync_api import Browser, Page, expect
from truth import at_rest, shown, until
from watched_page import PHONE, WIDE, Watched

from verification.with_console import Served

pytestmark = pytest.mark.timeout(300)
SWITCH = "SIMULATED: press the switch and hold it"


@pytest.fixture
def rig(rigs: Rigs) -> Served:
    """At rest, with the switch that is held; the suite's own one comes up again behind it."""
    up = rigs.standing("hold")
    at_rest(up)
    return up


@pytest.fixture
def wide(browser: Browser, rig: Served) -> Iterator[Watched]:
    made = Watched(browser, rig, WIDE)
    yield made
    made.close()


@pytest.fixture
def phone(browser: Browser, rig: Served) -> Iterator[Watched]:
    made = Watched(browser, rig, PHONE, phone=True)
    yield made
    made.close()


def ready(at: Watched, patient: str, rx_mgy: float) -> None:
    """A fraction confirmed: the next press starts the beam."""
    at.prescribe(patient, "cheek, left", rx_mgy)
    at.enter()
    at.load(patient, "cheek")
    at.confirm()
    at.state("READY")


def switch(page: Page) -> tuple[float, float]:
    """Where the button is, in view."""
    button = page.get_by_role("button", name=SWITCH)
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def ended(at: Watched) -> str:
    """The rule that ended the beam, as the rig itself says."""
    found = until(at.rig, lambda one: one.ended is not None and one.state == "INTERRUPTED").ended
    assert found is not None
    return f"{found.event} {found.rule} {found.words}"


def closed(at: Watched) -> None:
    at.page.get_by_label("Reason").fill("test")
    at.page.get_by_role("button", name="Close as partial").click()
    at.state("ENDED")


def test_a_fraction_is_held_to_its_end(wide: Watched) -> None:
    """Pressed and held by a pointer: the beam runs to its own end, the button shows that it is held, and lifting it then is nothing."""
    ready(wide, "EXAMPLE-0101", 300.0)
    page = wide.page
    page.get_by_text("Press and hold the beam switch").wait_for()
    page.mouse.move(*switch(page))
    page.mouse.down()
    wide.state("BEAM ON")
    expect(page.get_by_role("button", name=SWITCH)).to_have_attribute("aria-pressed", "true")
    page.get_by_text("Whoever lets go interrupts.").wait_for()
    wide.state("ENDED", 60.0)
    page.mouse.up()
    expect(page.get_by_role("button", name=SWITCH)).to_be_hidden()
    until(wide.rig, lambda one: one.ended is not None and one.ended.outcome == "TERMINATED")
    page.get_by_role("button", name="Close the fraction").click()
    wide.state("OFF")


def lifted(page: Page) -> None:
    page.mouse.up()


def another_window(page: Page) -> None:
    """A second window takes the focus away: nobody can be sure of the finger any more."""
    page.evaluate("window.dispatchEvent(new Event('blur'))")


def hidden(page: Page) -> None:
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true }); document.dispatchEvent(new Event('visibilitychange'))"
    )


@pytest.mark.parametrize(("let_go", "patient"), [(lifted, "0102"), (another_window, "0107"), (hidden, "0108")])
def test_a_switch_that_is_let_go_in_beam_interrupts_it(
    wide: Watched, let_go: Callable[[Page], None], patient: str
) -> None:
    """By a finger that is lifted, a window without focus, a page that is hidden: the safety unit sees the switch open, and the rest is left."""
    ready(wide, f"EXAMPLE-{patient}", 1200.0)
    page = wide.page
    page.mouse.move(*switch(page))
    page.mouse.down()
    wide.state("BEAM ON")
    let_go(page)
    wide.state("INTERRUPTED", 3.0)
    assert "SWITCH" in ended(wide).upper()
    page.mouse.up()
    closed(wide)


def test_a_finger_that_is_lifted_or_slips_off_the_screen_lets_go(phone: Watched) -> None:
    """By touch, although the button has moved from under the finger with the beam."""
    ready(phone, "EXAMPLE-0103", 1200.0)
    page = phone.page
    x, y = switch(page)
    finger = page.context.new_cdp_session(page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    phone.state("BEAM ON")
    page.wait_for_timeout(1000)
    assert shown(phone.rig).state == "IRRADIATING", "the finger still lies there"
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.state("INTERRUPTED", 3.0)
    assert "SWITCH" in ended(phone).upper()
    closed(phone)


def test_it_is_held_by_enter_too(wide: Watched) -> None:
    """The key that is down is the switch; the focus leaves the button with the beam, and the key's end is heard all the same."""
    ready(wide, "EXAMPLE-0104", 1200.0)
    page = wide.page
    page.get_by_role("button", name=SWITCH).focus()
    page.keyboard.down("Enter")
    wide.state("BEAM ON")
    page.wait_for_timeout(500)
    page.keyboard.up("Enter")
    wide.state("INTERRUPTED", 3.0)
    assert "SWITCH" in ended(wide).upper()
    closed(wide)


def test_a_page_that_is_lost_holds_nothing(wide: Watched, rig: Served, browser: Browser) -> None:
    """Closed while it holds: the switch is open long before the lease of 2 s ends, and that is the cause."""
    ready(wide, "EXAMPLE-0105", 1200.0)
    other = Watched(browser, rig, WIDE)
    page = wide.page
    page.mouse.move(*switch(page))
    page.mouse.down()
    other.state("BEAM ON")
    page.close()
    assert "SWITCH" in ended(other).upper(), "not DESK_LOST"
    other.enter()
    closed(other)
    other.close()


def test_a_finger_quicker_than_the_request_presses_nothing(wide: Watched) -> None:
    """Where the switch is held a tap is none; the rig stays READY, and STOP unloads it."""
    ready(wide, "EXAMPLE-0106", 300.0)
    page = wide.page
    page.get_by_role("button", name=SWITCH).evaluate(
        """(one) => {
          const finger = { bubbles: true, pointerId: 1, button: 0 };
          for (const kind of ["pointerdown", "pointerup"]) one.dispatchEvent(new PointerEvent(kind, finger));
        }"""
    )
    page.wait_for_timeout(1500)
    assert shown(wide.rig).state == "READY"
    page.keyboard.press("Escape")
    wide.state("OFF", 3.0)
