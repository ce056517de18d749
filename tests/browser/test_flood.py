"""T8 on real processes, so small that two shared cores carry it: console and door are asked and held while the beam is on, and STOP by the door ends it.
How late ticks begin under 1,000 requests a second and 200 sockets is what `make bench-flood` measures, on a rig of its own."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
from truth import CLOCK, shown, until
from watched_page import Watched

from console.web.stop_door import CLIENTS_AT_MOST

pytestmark = pytest.mark.timeout(240)
HOLDERS = CLIENTS_AT_MOST + 16
"""More than the door has places for: it must take them from those who only hold one."""
ASKED_EVERY_S = 0.02
PATHS = ("/", "/openapi.json", "/files/treat.js", "/api/load")


@contextlib.contextmanager
def flood(port: int) -> Iterator[list[int]]:
    """So many connections that say half a request and no more, and one that asks fifty times a second; yields how often it was answered."""
    ended, answered = threading.Event(), [0]

    def ask() -> None:
        while not ended.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                for path in PATHS:
                    body = b"x" * 1000 if path == "/api/load" else None
                    connection.request("GET" if body is None else "POST", path, body)
                    connection.getresponse().read()
                    answered[0] += 1
                    ended.wait(ASKED_EVERY_S)

    asking = threading.Thread(target=ask, daemon=True)
    with contextlib.ExitStack() as half:
        for _ in range(HOLDERS):
            one = half.enter_context(socket.create_connection(("127.0.0.1", port), timeout=2.0))
            one.sendall(b"POST /api/load HTTP/1.1\r\nHost: 127.0.0.1")
        asking.start()
        try:
            yield answered
        finally:
            ended.set()
            asking.join(5.0)


def test_t8_a_flooded_console_keeps_no_stop(wide: Watched) -> None:
    """The beam goes on under the flood, its page keeps control, and STOP by the flooded door is what ends it: not a lease that ran out."""
    rig = wide.rig
    wide.enter()
    wide.load("EXAMPLE-0005", "chin")
    wide.confirm()
    wide.state("READY")
    wide.page.get_by_role("button", name="SIMULATED: press").click()
    wide.state("BEAM ON")
    with flood(rig.port) as at_the_pages, flood(rig.port + 1) as at_the_door:
        wide.page.wait_for_timeout(2000)
        assert shown(rig).state == "IRRADIATING" and at_the_pages[0] > 0 and at_the_door[0] > 0
        began = CLOCK.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", rig.port + 1, timeout=10.0)
        with contextlib.closing(connection):
            connection.request("POST", "/stop")
            assert connection.getresponse().status == 200
        answered_s = CLOCK.monotonic() - began
        ended = until(rig, lambda one: one.state == "INTERRUPTED").ended
    assert ended is not None and ended.event == "STOP", ended
    print(
        f"STOP handed over in {answered_s:.4f} s; {at_the_pages[0]} and {at_the_door[0]} requests were answered before"
    )
    wide.state("INTERRUPTED")
    wide.page.get_by_label("Reason").fill("test")
    wide.page.get_by_role("button", name="Close as partial").click()
    wide.state("ENDED")
    wide.page.get_by_role("button", name="Close the fraction").click()
    wide.state("OFF")
