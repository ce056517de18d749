"""T8 on real processes: console and door are flooded with requests and half requests while the beam is on, and STOP by the door ends it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from watched_page import Watched

from hal.clock import SystemClock
from verification.with_console import Served

pytestmark = pytest.mark.timeout(240)
SOCKETS = 200
THREADS = 4


@contextlib.contextmanager
def flood(port: int) -> Iterator[list[int]]:
    """So many connections that say half a request and no more, and threads that ask without a pause; yields how often each was answered."""
    ended = threading.Event()
    answered = [0] * THREADS

    def ask(which: int) -> None:
        while not ended.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
            with contextlib.suppress(OSError, http.client.HTTPException):
                for path in ("/", "/openapi.json", "/files/treat.js", "/api/load"):
                    connection.request(
                        "POST" if path == "/api/load" else "GET", path, b"x" * 1000 if path == "/api/load" else None
                    )
                    connection.getresponse().read()
                    answered[which] += 1
            connection.close()

    half: list[socket.socket] = []
    threads = [threading.Thread(target=ask, args=(which,), daemon=True) for which in range(THREADS)]
    try:
        for _ in range(SOCKETS):
            with contextlib.suppress(OSError):
                half.append(socket.create_connection(("127.0.0.1", port), timeout=2.0))
                half[-1].sendall(b"POST /api/load HTTP/1.1\r\nHost: 127.0.0.1")
        for thread in threads:
            thread.start()
        yield answered
    finally:
        ended.set()
        for thread in threads:
            thread.join(5.0)
        for one in half:
            one.close()


def stopped_s(port: int) -> float:
    """How long STOP took to be handed over."""
    clock = SystemClock()
    began = clock.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    connection.request("POST", "/stop")
    assert connection.getresponse().status == 200
    connection.close()
    return clock.monotonic() - began


def test_t8_a_flooded_console_keeps_no_stop(browser: Browser, rig: Served) -> None:
    """The door's STOP beside the console's, quiet and flooded; the times are printed, the beam's end is what is asked for."""
    page = Watched(browser, rig, {"width": 1280, "height": 800})
    page.state("OFF")
    page.enter()
    page.load("EXAMPLE-0005", "chin")
    page.confirm()
    page.state("READY")
    page.page.get_by_role("button", name="SIMULATED: press").click()
    page.state("BEAM ON")
    with flood(rig.port) as answered, flood(rig.port + 1):
        page.page.wait_for_timeout(1500)
        door_s = [stopped_s(rig.port + 1) for _ in range(20)]
        page.page.locator("#state", has_text="BEAM ON").wait_for(state="detached", timeout=10_000)
        console_s = [stopped_s(rig.port) for _ in range(5)]
    quiet_s = [stopped_s(rig.port + 1) for _ in range(20)]
    print(
        f"\nSTOP handed over, s (median, worst): door flooded {sorted(door_s)[10]:.4f}, {max(door_s):.4f}; "
        f"door quiet {sorted(quiet_s)[10]:.4f}, {max(quiet_s):.4f}; "
        f"console flooded {sorted(console_s)[2]:.4f}, {max(console_s):.4f}; {sum(answered)} requests of the flood were answered"
    )
    page.state("INTERRUPTED")
    assert sum(answered) > 0
    page.close()
