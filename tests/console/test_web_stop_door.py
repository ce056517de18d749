"""The STOP door's process: STOP goes out whatever else is at its socket, and nothing else does."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from console.web.doors import hosts
from console.web.stop_door import CLIENTS_AT_MOST, HEAD_WITHIN_S, StopDoor
from hal.units import Seconds

PORT = 8322
STOP = b"POST /stop HTTP/1.1\r\nHost: 127.0.0.1:8322\r\n\r\n"


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> Seconds:
        return Seconds(self.at)

    def wall(self) -> Seconds:
        return Seconds(self.at)

    def sleep_until(self, deadline: Seconds) -> None:
        self.at = max(self.at, deadline)


class Street:
    """A door on a free port, its clock and the STOPs that went through it."""

    def __init__(self) -> None:
        self.stops = 0
        self.clock = HandClock()
        self.works = True
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.door = StopDoor(self.listening, hosts(PORT), self._stop, self.clock)

    def _stop(self) -> bool:
        self.stops += 1
        return self.works

    def client(self) -> socket.socket:
        sock = socket.create_connection(self.listening.getsockname(), timeout=5.0)
        self.turns()
        return sock

    def turns(self, count: int = 3) -> None:
        for _ in range(count):
            self.door.turn(0.0)

    def asked(self, words: bytes) -> bytes:
        with self.client() as sock:
            sock.sendall(words)
            self.turns()
            return sock.recv(4096)


@pytest.fixture
def street() -> Iterator[Street]:
    made = Street()
    yield made
    made.door.close()


def test_stop_goes_out(street: Street) -> None:
    assert street.asked(STOP).startswith(b"HTTP/1.1 200")
    assert street.stops == 1
    street.works = False
    assert street.asked(STOP).startswith(b"HTTP/1.1 503")


def test_the_page_at_the_other_port_may_read_that_stop_was_not_taken(street: Street) -> None:
    """Without that its 503 looks like STOP handed over."""
    street.works = False
    assert b"\r\naccess-control-allow-origin: *\r\n" in street.asked(STOP)


@pytest.mark.parametrize("host", [b"evil.example:8322", b"127.0.0.1", b"127.0.0.1:8321", b"[::1]", b""])
def test_t3_a_foreign_name_is_refused(street: Street, host: bytes) -> None:
    assert street.asked(STOP.replace(b"127.0.0.1:8322", host)).startswith(b"HTTP/1.1 403")
    assert street.asked(STOP.replace(b"\r\n\r\n", b"\r\nHost: " + host + b"\r\n\r\n")).startswith(b"HTTP/1.1 403")
    assert street.stops == 0


def test_nothing_but_stop_is_here(street: Street) -> None:
    for words in (b"GET /stop", b"POST /api/load", b"GET /", b"POST /stopped"):
        assert street.asked(STOP.replace(b"POST /stop", words)).startswith(b"HTTP/1.1 404")
    assert street.stops == 0


def test_t8_clients_that_only_hold_a_connection_shut_nobody_out(street: Street) -> None:
    """Twice as many slow clients as there is room for, and STOP is the one that comes after them."""
    slow = [street.client() for _ in range(2 * CLIENTS_AT_MOST)]
    for sock in slow[-8:]:
        sock.sendall(b"POST /stop HTTP/1.1\r\nHost: 127")
    street.turns()
    assert street.asked(STOP).startswith(b"HTTP/1.1 200")
    street.clock.at += HEAD_WITHIN_S + 0.1
    street.turns()
    assert slow[-1].recv(1) == b""
    for sock in slow:
        sock.close()


def test_t8_a_head_without_end_is_cut(street: Street) -> None:
    with street.client() as sock:
        sock.sendall(b"POST /stop HTTP/1.1\r\n" + b"X: " + b"y" * 5000)
        street.turns(6)
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(10) == b""
    assert street.stops == 0
