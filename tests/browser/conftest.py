"""A whole simulated rig with its console, and Debian's chromium: `make test-browser`, never `make test`.
It proves nothing by itself."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
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
SETTLES_S = 40.0


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


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that stands at rest. Where the machine was taken away from it while it came up it is started anew, twice at most, and that is said."""
    for turn in range(1, STARTS + 1):
        folder = tmp_path_factory.mktemp("rig")
        records = tmp_path_factory.mktemp("records")
        # the folder's name is that of the rings on tmpfs too: two suites at once must not share a recorder
        with served(folder / f"k{os.getpid()}", records, nice=PRIORITY) as up:
            words = faulted(up)
            if not words:
                yield up
                return
        assert turn < STARTS and all(TAKEN_AWAY.search(one) for one in words), f"start {turn} of {STARTS}: {words}"
        print(f"the machine was taken away from the rig, it is started anew ({turn}): {words}", file=sys.__stderr__)


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
