"""A whole simulated rig with its console, and Debian's chromium: `make test-browser`, never `make test`.
It proves nothing by itself."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from _pytest.runner import runtestprotocol
from playwright.sync_api import Browser, sync_playwright
from watched_page import Watched

from console.desk_client import DeskGoneError, connect
from controller.requests import Snapshot
from hal.clock import SystemClock
from hal.units import Seconds
from verification.with_console import Served, served

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


PRIORITY = -10
STARTS = 3
TAKEN_AWAY = re.compile(
    r"this program was stopped for|the safety unit's scan counter \(\d+\) does not advance with time"
)
"""What a machine that is taken away looks like: from the loop itself, or from the simulator beside it. Anything else is never a reason to start anew."""
BOTH_MUTE = ("unit_link cannot be told", "generator_link cannot be told")
"""Two devices on two wires, mute at once: the process that simulates both did not run."""
SETTLES_S = 40.0


def looks_taken_away(latches: tuple[str, ...]) -> bool:
    """Whether nobody ran the loop or the simulator for a while."""
    mute = all(any(one.startswith(link) for one in latches) for link in BOTH_MUTE)
    return mute or any(TAKEN_AWAY.search(one) for one in latches)


def faulted(up: Served) -> tuple[str, ...]:
    """What a rig that has just come up ends in: nothing where it stands at rest, else its latches in words."""
    clock = SystemClock()
    until = clock.monotonic() + SETTLES_S
    shown: Snapshot | None = None
    while clock.monotonic() < until:
        with contextlib.suppress(DeskGoneError), connect(up.laid.desk, clock) as desk:
            shown = desk.snapshot(2.0)
        if shown is not None and shown.state == "STANDBY":
            return ()
        if shown is not None and shown.state == "FAULT":
            return shown.latches
        clock.sleep_until(Seconds(clock.monotonic() + 0.2))
    return (f"not at rest within {SETTLES_S:g} s: {shown.state if shown is not None else 'no snapshot'}",)


class Rigs:
    """The suite's rig, started anew where the machine was taken away from it: so often in all, and each time said."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory, self._starts, self._open = factory, 0, contextlib.ExitStack()
        self._up: Served | None = None

    def standing(self) -> Served:
        """The rig that stands at rest or goes on; a new one where there is none."""
        while self._up is None:
            self._starts += 1
            folder, records = self._factory.mktemp("rig"), self._factory.mktemp("records")
            # the folder's name is that of the rings on tmpfs too: two suites at once must not share a recorder
            name = f"k{os.getpid()}-{self._starts}"
            up = self._open.enter_context(served(folder / name, records, nice=PRIORITY))
            words = faulted(up)
            if not words:
                self._up = up
                break
            assert looks_taken_away(words) and self._starts < STARTS, f"start {self._starts} of {STARTS}: {words}"
            self.end(words)
        return self._up

    def taken_away(self) -> bool:
        """Whether the rig stands in a fault because nobody ran it for a while, and may be started anew; it is ended then."""
        if self._up is None or self._starts >= STARTS:
            return False
        words: tuple[str, ...] = ()
        with contextlib.suppress(DeskGoneError), connect(self._up.laid.desk, SystemClock()) as desk:
            shown = desk.snapshot(2.0)
            words = shown.latches if shown is not None else ()
        away = looks_taken_away(words)
        if away:
            self.end(words)
        return away

    def end(self, words: tuple[str, ...] = ()) -> None:
        self._open.close()
        self._up = None
        if words:
            print(f"the machine was taken away from rig {self._starts} of {STARTS}: {words}", file=sys.__stderr__)


RIGS: Final = pytest.StashKey[Rigs]()


@pytest.fixture(scope="session")
def rigs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rigs]:
    made = request.config.stash[RIGS] = Rigs(tmp_path_factory)
    yield made
    made.end()


@pytest.fixture
def rig(rigs: Rigs) -> Served:
    return rigs.standing()


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """A test that failed while the machine was taken away from its rig is played again on a new one; for no other reason is anything played twice."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    beside = nextitem or next(
        (one for one in item.session.items if one is not item), None
    )  # keeps the session's rig and browser
    while True:
        reports = runtestprotocol(item, nextitem=beside, log=False)
        rigs = item.config.stash.get(RIGS, None)
        if not any(one.failed for one in reports) or rigs is None or not rigs.taken_away():
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM.exists(), "chromium is missing; first: make browser-tools"
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield made
        made.close()


@pytest.fixture
def wide(browser: Browser, rig: Served) -> Iterator[Watched]:
    made = Watched(browser, rig, WIDE)
    yield made
    made.close()


@pytest.fixture
def phone(browser: Browser, rig: Served) -> Iterator[Watched]:
    made = Watched(browser, rig, PHONE, touch=True)
    yield made
    made.close()
