"""The Records page in a real browser: nothing without a login, everything as text, traces drawn, a report made; STOP goes out from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from laid import whole
from playwright.sync_api import Browser
from shelf import FORMULA, HOSTILE, KeptByHand, console_on, opened

pytestmark = pytest.mark.timeout(240)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
CUT = """() => [...document.querySelectorAll("#one .scrolled")].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.ariaLabel)"""
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def fill(kept: KeptByHand) -> None:
    kept.golden()
    kept.golden(patient_id=HOSTILE, patient_id_2=FORMULA, site=HOSTILE, lesion_id="L2")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with console_on(tmp_path_factory.mktemp("shelf"), fill) as up:
        yield up


def test_nobody_sees_a_patient_without_a_login(browser: Browser, shelf: tuple[str, str]) -> None:
    page, _ = opened(browser, shelf[0], "", "records", WIDE)
    page.get_by_label("Code").wait_for()
    assert "12-34" not in page.content()
    page.context.close()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_fraction_with_its_trace_and_report(browser: Browser, shelf: tuple[str, str], size: dict[str, int]) -> None:
    """From the list to the drawn trace; hostile names are text; nothing is wider than the screen, and axe finds nothing in either theme."""
    page, said = opened(browser, *shelf, "records", size)
    page.get_by_role("button", name=HOSTILE).wait_for()
    page.get_by_role("button", name=HOSTILE).click()
    page.get_by_text(FORMULA).first.wait_for()
    page.get_by_role("button", name="12-34").click()
    # the other patient's fractions stand there until this one's have come
    page.get_by_role("heading", name="12-34").wait_for()
    page.get_by_role("button", name="Look").first.click()
    page.get_by_text("the door was opened").wait_for()
    page.get_by_text("Dr. A, M. B").wait_for()
    page.get_by_role("button", name="Draw segment 1").click()
    page.get_by_role("img", name="kV").wait_for()
    page.get_by_role("img", name="kV").press("ArrowLeft")
    page.get_by_role("button", name="Make the report").click()
    page.get_by_role("link", name="PDF").wait_for(timeout=60_000)
    with page.expect_download() as given:
        page.get_by_role("link", name="CSV").click()
    assert "'=HYPERLINK" not in given.value.path().read_text() and "7000" in given.value.path().read_text()
    page.get_by_role("button", name="Draw segment 1").click()
    page.get_by_role("img", name="kV").wait_for()
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=PICTURES / f"records-{size['width']}.png", full_page=True)
    whole(page, PICTURES / f"records-fraction-{size['width']}.png", "#one")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert size is PHONE or page.evaluate(CUT) == [], "on a wide page every column of every table is seen"
    for _ in range(2):
        found = Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
        assert found.violations_count == 0, found.generate_report()
        page.get_by_role("button", name="Light / dark").click()
    assert not [words for words in said if "Security Policy" in words or "Error" in words or "dialog" in words], said
    page.context.close()


def test_stop_goes_out_from_the_records(browser: Browser, shelf: tuple[str, str]) -> None:
    """At pointer-down, by both ways; nobody listens here, and the page says so. The button stands where it stands on the page Treat."""
    page, _ = opened(browser, shelf[0], "", "", WIDE)
    place = page.locator("#stop").bounding_box()
    page.goto(shelf[0] + "records")
    assert page.locator("#stop").bounding_box() == place
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("#stop").dispatch_event("pointerdown")
    page.locator("#stop-said", has_text="NO ANSWER").or_(page.locator("#stop-said", has_text="STOP door")).wait_for()
    assert len([url for url in asked if url.endswith("/stop")]) == 2
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert len([url for url in asked if url.endswith("/stop")]) == 4
    page.context.close()
