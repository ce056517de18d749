"""A whole simulated rig with its console, and Debian's chromium: `make test-browser`, never `make test`.
It proves nothing by itself."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from _pytest.runner import runtestprotocol
from playwright.sync_api import Browser, sync_playwright
from truth import at_rest, family
from watched_page import PHONE, WIDE, Watched

from console.calibrate import simulated_hand
from console.desk_client import DeskGoneError, connect
from controller.requests import Snapshot
from hal.clock import SystemClock
from hal.units import Seconds
from verification.setting import Setting
from verification.with_console import Served, served

sys.path.append(str(Path(__file__).parents[1] / "console"))
CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PRIORITY = -20
"""Before the browser, which may itself stand before all else of this machine."""
BESIDE_SINGLE_PROCESSES = "-10"
STARTS, OF_ONE_TEST = 9, 3
QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Records whose disk is another program's for half a second interrupt a beam, as they should; here that would only say what else the machine does."""
TAKEN_AWAY = re.compile(
    r"this program was stopped for|the safety unit's scan counter \(\d+\) does not advance with time"
)
"""What a machine that is taken away looks like from the loop, where both stood still. Anything else is never a reason to start anew, but for this:"""
HELD_UP_S = 0.05
"""the simulated devices say themselves that nobody ran them for so long, which no wire's rule forgives."""
SETTLES_S = 40.0


def held_up_s(up: Served) -> float:
    """The worst that this machine kept the simulated devices waiting, as they measured it."""
    truth = simulated_hand.asked(up.laid.control, {"do": "truth"})
    return float(truth.get("held_up_us", 0)) * 1e-6


def looks_taken_away(latches: tuple[str, ...], held_s: float) -> bool:
    """Whether nobody ran the loop or the simulator for a while."""
    return any(TAKEN_AWAY.search(one) for one in latches) or (bool(latches) and held_s >= HELD_UP_S)


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


Prepared = Callable[[Setting], None]


class Rigs:
    """The suite's rig, started anew where the machine was taken away from it: so often in all, and each time said."""

    def __init__(self) -> None:
        self._starts, self._open = 0, contextlib.ExitStack()
        self._up: Served | None = None
        self._kind: tuple[str, Prepared | None] = "once", None

    def standing(self, switch: str = "once", prepared: Prepared | None = None) -> Served:
        """The rig that stands at rest or goes on; a new one where there is none, or where its switch, or what was prepared for it, is another."""
        if self._kind != (switch, prepared):
            self.end()
            self._kind = switch, prepared
        while self._up is None:
            self._starts += 1
            folder = Path(self._open.enter_context(TemporaryDirectory(prefix="kerma-browser-", dir=QUICK)))
            # the folder's name is that of the rings on tmpfs too: two suites at once must not share a recorder
            name = f"k{os.getpid()}-{self._starts}"
            (folder / "records").mkdir()
            up = self._open.enter_context(
                served(folder / name, folder / "records", nice=PRIORITY, switch=switch, prepared=prepared)
            )
            words = faulted(up)
            if not words:
                self._up = up
                break
            assert looks_taken_away(words, held_up_s(up)) and self._starts < STARTS, (
                f"start {self._starts} of {STARTS}: {words}"
            )
            self.end(words)
        return self._up

    def console_again(self) -> Served:
        """The same rig with a new console, where the one before has died."""
        assert self._up is not None
        self._up = self._up.again()
        return self._up

    def taken_away(self) -> bool:
        """Whether the rig stands in a fault because nobody ran it for a while, and may be started anew; it is ended then."""
        if self._up is None or self._starts >= STARTS:
            return False
        words: tuple[str, ...] = ()
        with contextlib.suppress(DeskGoneError), connect(self._up.laid.desk, SystemClock()) as desk:
            shown = desk.snapshot(2.0)
            words = shown.latches if shown is not None else ()
        away = looks_taken_away(words, held_up_s(self._up))
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
def rigs(request: pytest.FixtureRequest) -> Iterator[Rigs]:
    made = request.config.stash[RIGS] = Rigs()
    yield made
    made.end()


@pytest.fixture
def rig(rigs: Rigs) -> Served:
    """At rest, whatever the test before has left."""
    up = rigs.standing()
    at_rest(up)
    return up


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """A test that failed while the machine was taken away from its rig is played again on a new one; for no other reason is anything played twice."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    beside = nextitem or next(
        (one for one in item.session.items if one is not item), None
    )  # keeps the session's rig and browser
    for played in range(1, OF_ONE_TEST + 1):
        reports = runtestprotocol(item, nextitem=beside, log=False)
        rigs = item.config.stash.get(RIGS, None)
        if not any(one.failed for one in reports) or rigs is None or not rigs.taken_away() or played == OF_ONE_TEST:
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def as_we_stand() -> None:
    """The browser is started in a session of its own, which is a group of its own for the kernel: it shall stand among this machine's processes as its
    tests do, for a page in control that nobody runs for 2 s interrupts its beam. The file is empty where no session was ever begun (an init's own children):
    there the tests stand one by one, and the browser's whole group beside them."""
    with contextlib.suppress(OSError):
        ours = (Path("/proc/self/autogroup").read_text(encoding="ascii").split() or [BESIDE_SINGLE_PROCESSES])[-1]
        for pid in family(os.getpid()):
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/autogroup").write_text(ours, encoding="ascii")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert CHROMIUM.exists(), "chromium is missing; first: make browser-tools"
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        as_we_stand()
        yield made
        made.close()


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
