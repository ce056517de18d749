"""One calibration procedure at the Service page of a rig that runs: the first exposure and reading of an output, answers typed; a second page watches, and a
page that is closed leaves the session where it is. STOP, a page that is lost and a logout each end the procedure's beam."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from shelf import CODE, TESTS, opened
from truth import at_rest, until

from calibration.write import text_of
from console import configuration
from console.access.passwords import Hasher
from console.access.people import Office
from console.access.users import Users
from console.calibrate import simulated_hand
from console.web.control import IN_BEAM
from hal.clock import SystemClock
from hal.units import Seconds
from records.files import PosixFiles
from tests.console.test_console_calibrate import job_document
from verification import setting
from verification.with_console import Served

pytestmark = pytest.mark.timeout(300)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
WIDE = {"width": 1280, "height": 800}
SECRET = "plum harvest on tuesday"
STAFF = (("ada", "administrator"), ("paul", "physicist"))
AIR = "air 22.0 degC 99.00 kPa"
SECONDS = 6.0
ANSWERS = {"yes or no": "yes", "connected as shown": "ok", "ask for the reading": "go"}
CHANGED = "before => document.querySelector('#question').textContent !== before"


def job_of(rig_file: Path) -> str:
    """E4's job with this rig's tube and machine, and short exposures."""
    rig = configuration.load(rig_file, os.getuid())
    made = job_document()
    made["certificate"] |= {"tube_serial": rig.file.tube.serial, "machine_serial": rig.file.safety_unit.serial}
    made["outputs"][0] |= {"seconds": SECONDS, "expected_nc": 0.66}
    return text_of(made)


@contextmanager
def staffed(up: Served, people: tuple[tuple[str, str], ...] = STAFF) -> Iterator[str]:
    """A second console beside the rig's own, for people with names."""
    rig = configuration.load(up.laid.rig_file, os.getuid())
    folder = rig.records / "access"
    folder.mkdir(mode=0o700, exist_ok=True)
    users = Users(folder, PosixFiles())
    office = Office(users, Hasher(), lambda: 1.8e9)
    for name, role in people:
        office.add(name, role, SECRET, lambda _before, _after: None)
    (rig.path.parent / "calibration.toml").write_text(job_of(rig.path), encoding="utf-8")
    port, log = setting.free_port(), rig.path.parent / "staffed.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "console", "console", "--config", str(rig.path), "--port", str(port)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
        )  # fmt: skip
    try:
        clock = SystemClock()
        until = clock.monotonic() + 60.0
        while not re.search(CODE, log.read_text(encoding="utf-8")):
            assert process.poll() is None and clock.monotonic() < until, log.read_text(encoding="utf-8")
            clock.sleep_until(Seconds(clock.monotonic() + 0.1))
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(20.0)
        users.path.unlink()


def entered(browser: Browser, address: str) -> Page:
    page, _ = opened(browser, address, "", "service", WIDE)
    page.get_by_label("Name").fill("paul")
    page.get_by_label("Code").fill(SECRET)
    page.get_by_label("Code").press("Enter")
    page.get_by_text("paul (physicist)").wait_for()
    page.get_by_role("button", name="Procedures", exact=True).click()
    return page


def typed(page: Page, line: str, then: str) -> None:
    """One answer typed, and the question that follows."""
    page.wait_for_timeout(1200)
    page.locator("#procedure-line").fill(line)
    page.locator("#procedure-line").press("Enter")
    page.locator("#question", has_text=then).wait_for(timeout=20_000)


def room(up: Served, **change: Any) -> None:
    answer = simulated_hand.asked(up.laid.control, {"do": "room", "set": change})
    assert answer.get("ok") is True, json.dumps(answer)


def test_an_output_is_measured_at_a_page(browser: Browser, rig: Served) -> None:
    room(rig, key="SERVICE")
    try:
        with staffed(rig) as address:
            page, other = entered(browser, address), entered(browser, address)
            page.get_by_role("button", name="Take control", exact=True).click()
            page.locator("#procedure-name").fill("a20")
            page.locator("#procedure-name").press("Enter")
            answered_to_an_exposure(page)
            page.locator("#procedure-line").fill("go")
            page.locator("#procedure-line").press("Enter")
            page.get_by_role("button", name="SIMULATED: press the switch").click(timeout=30_000)
            page.locator("#state", has_text="BEAM ON").wait_for(timeout=20_000)
            page.get_by_role("img", name="Tube voltage").wait_for()
            other.get_by_role("img", name="Tube voltage").wait_for()
            assert other.locator("#procedure-line").is_hidden()
            page.wait_for_timeout(2000)
            page.evaluate("window.scrollTo(0, 0)")
            page.screenshot(path=PICTURES / "service-procedure-beam-1280.png", full_page=True)
            page.locator("#question", has_text="E1 in nC").wait_for(timeout=30_000)
            typed(page, "0.66 nC", "expose a20")
            found = Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
            assert found.violations_count == 0, found.generate_report()
            page.screenshot(path=PICTURES / "service-procedure-1280.png", full_page=True)
            page.context.close()
            other.get_by_text("left, and taken up again by its name").wait_for(timeout=20_000)
            other.context.close()
    finally:
        room(rig, key="TREAT")


def answered_to_an_exposure(page: Page) -> None:
    """Every question of a session that was begun, until the next one asks whether to expose."""
    page.locator("#question", has_text="connected as shown").wait_for(timeout=20_000)
    typed(page, "ok S-E1 S-C1", "ask for the reading")
    typed(page, "go", "yes or no")
    typed(page, AIR, "yes or no")
    for _ in range(12):
        page.wait_for_timeout(1200)
        before = page.locator("#question").text_content() or ""
        if "expose a20" in before:
            return
        answer = next((line for part, line in ANSWERS.items() if part in before), "accept")
        page.locator("#procedure-line").fill(answer)
        page.locator("#procedure-line").press("Enter")
        page.wait_for_function(CHANGED, arg=before)
    raise AssertionError(page.locator("#question").text_content())


def stopped(page: Page, _other: Page) -> None:
    page.keyboard.press("Escape")


def lost(page: Page, _other: Page) -> None:
    page.close()


def logged_out(page: Page, _other: Page) -> None:
    page.get_by_role("button", name="Log out").click()


@pytest.mark.parametrize(
    ("end", "within_s", "cause", "then"),
    [(stopped, 3.0, "STOP", "interrupted"), (lost, 6.0, "DESK_LOST", "left"), (logged_out, 6.0, "DESK_LOST", "left")],
    ids=["stop", "lost", "logout"],
)
def test_the_beam_of_a_procedure_ends_by_stop_with_its_page_and_with_its_login(
    browser: Browser, rig: Served, end: Any, within_s: float, cause: str, then: str
) -> None:
    """STOP goes out at once and the session says that its exposure was interrupted; without its page, or its login, nobody keeps the lease, and the session
    is left where it is: it can be taken up again by its name."""
    room(rig, key="SERVICE")
    try:
        with staffed(rig) as address:
            page, other = entered(browser, address), entered(browser, address)
            page.get_by_role("button", name="Take control", exact=True).click()
            page.locator("#procedure-name").fill("a20")
            page.get_by_label("Begin anew").check()
            page.locator("#procedure-name").press("Enter")
            answered_to_an_exposure(page)
            page.locator("#procedure-line").fill("go")
            page.locator("#procedure-line").press("Enter")
            page.get_by_role("button", name="SIMULATED: press the switch").click(timeout=40_000)
            page.locator("#state", has_text="BEAM ON").wait_for(timeout=20_000)
            end(page, other)
            found = until(rig, lambda one: one.ended is not None and one.state not in IN_BEAM, within_s).ended
            assert found is not None and found.event == cause, found
            other.locator("#state", has_text="BEAM ON").wait_for(state="hidden", timeout=5_000)
            other.get_by_text(then).last.wait_for(timeout=20_000)
            assert not page.is_closed() or then == "left"
            for one in (page, other):
                one.context.close()
    finally:
        room(rig, key="TREAT")
        at_rest(rig)
