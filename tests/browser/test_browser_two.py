"""Who holds control, in a real browser on the simulated rig: two pages and an explicit takeover, a tab that is stale, a console that is killed and one that
hangs in beam. What the pages say is held against the desk's own snapshot and the console's audit."""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from truth import CLOCK, audited, audited_since, shown, until
from watched_page import WIDE, Watched

from interlocks.house_rules import DESK_S
from verification.with_console import Served

pytestmark = pytest.mark.timeout(240)

ASKED = """async ([path, body, token]) => {
  const answer = await fetch(path, { method: "POST", body: JSON.stringify(body), headers: {
    "Content-Type": "application/json", "X-Kerma": "console", "X-Kerma-Token": token } });
  return [answer.status, (await answer.json()).words];
}"""


@pytest.fixture
def other(browser: Browser, rig: Served) -> Iterator[Watched]:
    made = Watched(browser, rig, WIDE)
    yield made
    made.close()


def in_beam(watched: Watched, patient: str, lesion: str) -> None:
    watched.load(patient, lesion)
    watched.confirm()
    watched.state("READY")
    watched.page.get_by_role("button", name="SIMULATED: press").click()
    watched.state("BEAM ON")


def closed_as_partial(watched: Watched) -> None:
    watched.state("INTERRUPTED")
    watched.page.get_by_label("Reason").fill("test")
    watched.page.get_by_role("button", name="Close as partial").click()
    watched.state("ENDED")
    watched.page.get_by_role("button", name="Close the fraction").click()
    watched.state("OFF")


def test_control_is_taken_over_by_hand_and_never_in_beam(wide: Watched, other: Watched) -> None:
    """The page that lost control says to whom, shows no command, and is refused what it asks all the same.
    In beam nothing changes hands, and STOP is anybody's."""
    wide.prescribe("EXAMPLE-0023", "cheek", 1200.0)
    wide.enter()
    wide.load("EXAMPLE-0023", "cheek")
    wide.state("PREPARING")
    other.page.get_by_label("Code").fill(other.rig.code)
    other.page.get_by_label("Code").press("Enter")
    other.page.get_by_text("demonstration holds control on another page").wait_for()
    assert other.page.locator("#panel button").count() == 0
    other.page.get_by_role("button", name="Take control over").click()
    wide.page.get_by_text("demonstration has taken control over on another page").wait_for()
    other.page.get_by_text("This page holds control").wait_for()
    # what was loaded was confirmed by nobody who is in control now
    other.state("OFF")
    assert wide.page.locator("#panel button").count() == 0
    number = wide.page.evaluate("sessionStorage.getItem('page')")
    before = audited(wide.rig, "edit")
    other.load("EXAMPLE-0023", "cheek")
    other.state("PREPARING")
    token = wide.page.evaluate(
        "async () => (await (await import('/files/shell.js')).post('/api/token')).token",
    )
    status, words = wide.page.evaluate(ASKED, ["/api/edit", {"page": number}, token])
    assert (status, words) == (409, "demonstration holds control on another page; first: take control")
    assert audited_since(wide.rig, "edit", before, 1) == ["refused"]
    assert shown(wide.rig).state == "PREPARATORY"
    other.confirm()
    other.state("READY")
    other.page.get_by_role("button", name="SIMULATED: press").click()
    other.state("BEAM ON")
    wide.page.get_by_role("button", name="Take control over").click()
    wide.page.locator("#answer", has_text="control does not change hands in beam").wait_for()
    assert other.page.get_by_text("This page holds control").is_visible()
    assert shown(wide.rig).state == "IRRADIATING"
    wide.page.keyboard.press("Escape")
    ended = until(wide.rig, lambda one: one.state == "INTERRUPTED", 3.0).ended
    assert ended is not None and ended.event == "STOP"
    closed_as_partial(other)


def test_a_stale_tab_is_refused_in_words_and_nothing_is_sent(wide: Watched) -> None:
    """T6: one page twice, as a browser duplicates a tab. The older one still shows its offer and has its button; neither its number nor a token is good."""
    wide.prescribe("EXAMPLE-0024", "forehead", 300.0)
    wide.prescribe("EXAMPLE-0025", "cheek", 1200.0)
    wide.enter()
    wide.load("EXAMPLE-0024", "forehead")
    for name in ("Applicator and shields", "The room is ready"):
        wide.page.get_by_role("button", name=name).click()
    wide.page.get_by_role("button", name="Confirm exactly this").wait_for(timeout=40_000)
    old = shown(wide.rig).offer
    tokens: list[str] = []
    wide.page.on("request", lambda one: tokens.append(one.headers.get("x-kerma-token", "")))
    with wide.page.context.expect_page() as opened:
        wide.page.evaluate("() => { window.open(location.href); }")
    tab = opened.value
    newer = Watched.over(tab, wide.rig)
    tab.get_by_text("This page holds control").wait_for()
    wide.page.locator("#answer", has_text="opened in another tab").wait_for()
    tab.get_by_role("button", name="Unload").click()
    newer.load("EXAMPLE-0025", "cheek")
    newer.state("PREPARING")
    new = until(wide.rig, lambda one: one.offer is not None, 40.0).offer
    assert old is not None and new is not None and (old.id, old.digest) != (new.id, new.digest)
    before = audited(wide.rig, "confirm")
    wide.page.get_by_role("button", name="Confirm exactly this").click()
    wide.page.locator("#answer", has_text="demonstration holds control on another page").wait_for()
    assert audited_since(wide.rig, "confirm", before, 1) == ["refused"]
    used = [token for token in tokens if token][-1]
    number = tab.evaluate("sessionStorage.getItem('page')")
    status, words = tab.evaluate(ASKED, ["/api/edit", {"page": number}, used])
    assert (status, words.partition(",")[0]) == (403, "the token was used")
    now = shown(wide.rig)
    assert now.state == "PREPARATORY" and now.offer == new
    tab.get_by_role("button", name="Unload").click()
    newer.state("OFF")


def test_a_console_that_is_killed_or_hangs_in_beam(wide: Watched, request: pytest.FixtureRequest) -> None:
    """Killed, its line to the desk is cut and the beam ends at once; hung, after the configured time and not before. A new console at the same port shows the
    interruption as the rig tells it, and resumes the rest although it never loaded it. The STOP door beside a console that hangs takes STOP."""
    rigs = request.getfixturevalue("rigs")
    up: Served = wide.rig
    wide.prescribe("EXAMPLE-0026", "cheek", 1200.0)
    wide.enter()
    in_beam(wide, "EXAMPLE-0026", "cheek")
    os.kill(up.pids["console"], signal.SIGKILL)
    ended = until(up, lambda one: one.state == "INTERRUPTED", DESK_S + 1.0).ended
    assert ended is not None and ended.event == "DESK_LOST"
    wide.state("NO DATA", 5.0)
    up = wide.rig = rigs.console_again()
    wide.state("INTERRUPTED")
    wide.enter()
    wide.page.get_by_text(f"DESK_LOST · {ended.rule}").wait_for()
    wide.page.get_by_role("cell", name=f"{ended.dose.delivered_mgy * ended.dose.rx_factor / 1000:.3f}").wait_for()
    wide.page.get_by_label("Reason").fill("the console was killed")
    wide.page.get_by_label("Code again").fill(up.code)
    wide.page.get_by_role("button", name="Resume the rest").click()
    wide.asked_again()
    wide.confirm()
    wide.state("READY")
    wide.page.get_by_role("button", name="SIMULATED: press").click()
    wide.state("BEAM ON")
    os.kill(up.pids["console"], signal.SIGSTOP)
    try:
        began = CLOCK.monotonic()
        ended = until(up, lambda one: one.state == "INTERRUPTED", DESK_S + 2.0).ended
        took = CLOCK.monotonic() - began
        assert ended is not None and ended.event == "DESK_LOST"
        # a page is heard several times a second until its console hangs
        assert took > 0.5 * DESK_S, took
        connection = http.client.HTTPConnection("127.0.0.1", up.port + 1, timeout=3.0)
        connection.request("POST", "/stop")
        assert connection.getresponse().status == 200
        connection.close()
    finally:
        os.kill(up.pids["console"], signal.SIGCONT)
    # a console that hung still has what it saw last: in beam nobody takes control
    wide.state("INTERRUPTED")
    wide.page.get_by_role("button", name="Take control").click()
    closed_as_partial(wide)
