"""The Service page in a real browser: each pane on records made by hand, then traces, wires and the simulated room of a rig that runs; STOP from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser
from shelf import HOSTILE, KeptByHand, console_on, opened

from verification.with_console import Served

pytestmark = pytest.mark.timeout(240)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PANES = ("Wires", "Interlocks", "Faults", "Due", "Counters", "Configuration", "Procedures", "Support bundle", "Traces")


def fill(kept: KeptByHand) -> None:
    kept.golden(patient_id=HOSTILE, site=HOSTILE)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with console_on(tmp_path_factory.mktemp("shelf"), fill) as up:
        yield up


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_each_pane_shows_what_it_has_or_says_what_it_lacks(
    browser: Browser, shelf: tuple[str, str], size: dict[str, int]
) -> None:
    """No rig runs: the panes stand all the same, nothing overflows, axe finds nothing in either theme, and no patient is named."""
    page, said = opened(browser, *shelf, "service", size)
    page.get_by_role("button", name="Traces").wait_for()
    for pane in PANES:
        page.get_by_role("button", name=pane, exact=True).click()
        page.locator("#pane > *").first.wait_for()
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), pane
        for _ in range(2):
            found = Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
            assert found.violations_count == 0, (pane, found.generate_report())
            page.get_by_role("button", name="Light / dark").click()
        assert HOSTILE not in (page.locator("body").text_content() or ""), pane
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=PICTURES / f"service-{pane.split()[0].lower()}-{size['width']}.png")
    page.get_by_role("button", name="Support bundle").click()
    page.get_by_role("button", name="Take the bundle").click()
    page.locator("#answer", has_text="bundle is not for the role operator").wait_for()
    said = [words for words in said if "Failed to load resource" not in words]
    assert not [words for words in said if "Security Policy" in words or "Error" in words or "dialog" in words], said
    page.context.close()


def test_a_running_rig_is_traced_and_its_room_is_moved(browser: Browser, rig: Served) -> None:
    """Traces and frames of the running process; the simulated door opens, the interlock says so, and shuts again; STOP goes out from here."""
    page, _ = opened(browser, rig.address, rig.code, "service", WIDE)
    page.get_by_role("img", name="Tube voltage").wait_for(timeout=20_000)
    page.get_by_role("img", name="Lateness of the ticks").wait_for()
    page.screenshot(path=PICTURES / "service-1280.png")
    page.get_by_role("button", name="Wires", exact=True).click()
    page.get_by_role("cell", name="generator").first.wait_for(timeout=20_000)
    page.get_by_role("button", name="Freeze").click()
    page.screenshot(path=PICTURES / "service-wire-1280.png")
    page.get_by_role("button", name="SIMULATED room").click()
    page.get_by_role("button", name="Open the door").click()
    page.get_by_role("button", name="Interlocks", exact=True).click()
    for _ in range(40):
        page.get_by_role("button", name="Interlocks", exact=True).click()
        if page.locator("tr.wrong", has_text="door").count():
            break
        page.wait_for_timeout(250)
    assert page.locator("tr.wrong", has_text="door").count()
    page.get_by_role("button", name="SIMULATED room").click()
    page.get_by_role("button", name="Shut the door").click()
    page.locator("#stop").dispatch_event("pointerdown")
    page.locator("#stop-said", has_text="handed over").wait_for()
    page.context.close()
