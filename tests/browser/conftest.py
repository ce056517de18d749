"""A whole simulated rig with its console, and Debian's chromium: `make test-browser`, never `make test`.
It proves nothing by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from watched_page import Watched

from verification.with_console import Served, served

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("rig")
    records = tmp_path_factory.mktemp("records")
    # the folder's name is that of the rings on tmpfs too: two suites at once must not share a recorder
    with served(folder / f"k{os.getpid()}", records) as up:
        yield up


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
