"""The desk's real sockets: STOP from any account and drained in bounds, clients counted, and nobody who does not read can hold the tick."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from controller.desk import CLIENTS_AT_MOST, PACKETS_A_TICK, STOPS_A_TICK, Sockets


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, as sockets need it."""
    with TemporaryDirectory(prefix="ks-") as name:
        yield Path(name)


@pytest.fixture
def wire(folder: Path) -> Iterator[Sockets]:
    sockets = Sockets(str(folder / "desk"), str(folder / "stop"))
    yield sockets
    sockets.close()


def client(folder: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    sock.connect(str(folder / "desk"))
    return sock


def stops(folder: Path, number: int) -> int:
    """STOPs sent until the queue is full; how many went."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        for sent in range(number):
            try:
                sock.sendto(b"", str(folder / "stop"))
            except BlockingIOError:
                return sent
    return number


def test_anybody_may_stop_and_only_the_house_may_ask(folder: Path, wire: Sockets) -> None:
    """Law 4: STOP needs no login."""
    assert not wire.stopped()
    assert stat.S_IMODE(os.stat(folder / "stop").st_mode) == 0o666
    assert stat.S_IMODE(os.stat(folder / "desk").st_mode) == 0o660


def test_a_flood_of_stops_is_drained_in_bounds_and_then_is_over(folder: Path, wire: Sockets) -> None:
    """Each tick takes at most 64, all of them are STOP, also an empty one, and none is left for later."""
    sent = stops(folder, 3 * STOPS_A_TICK)
    assert sent
    for _ in range(-(-sent // STOPS_A_TICK)):
        assert wire.stopped()
    assert not wire.stopped()


def test_a_client_that_floods_is_heard_a_few_packets_a_tick(folder: Path, wire: Sockets) -> None:
    """The rest waits in its own queue, and the others are heard in the same tick."""
    with client(folder) as loud, client(folder) as quiet:
        for _ in range(20 * PACKETS_A_TICK):
            try:
                loud.send(b"x")
            except BlockingIOError:
                break
        quiet.send(b"y")
        heard = [wire.receive() for _ in range(3)]
        assert max(len([p for _, p in packets if p == b"x"]) for packets in heard) == PACKETS_A_TICK
        assert any(p == b"y" for packets in heard for _, p in packets)


def test_no_more_than_sixteen_clients(folder: Path, wire: Sockets) -> None:
    """One more takes the place of the one that has been silent longest, who learns it by his closed line."""
    clients = [client(folder) for _ in range(CLIENTS_AT_MOST + 1)]
    for _ in clients:
        wire.receive()
    assert wire.gone() == [1]
    assert clients[0].recv(16) == b""
    for sock in clients[1:]:
        sock.send(b"here")
    heard = {number for _ in range(2 * CLIENTS_AT_MOST) for number, _ in wire.receive()}
    assert len(heard) == CLIENTS_AT_MOST
    for sock in clients:
        sock.close()


def test_who_does_not_read_loses_packets_and_holds_nobody(folder: Path, wire: Sockets) -> None:
    """A full queue drops the packet; the client stays, and gets the next one once it has read."""
    with client(folder) as sleeper:
        sleeper.send(b"watch")
        ((number, _),) = wire.receive()
        for _ in range(10_000):
            wire.send(number, b"snapshot" * 100)
        assert wire.gone() == []
        got = 0
        while True:
            try:
                sleeper.recv(4096)
            except BlockingIOError:
                break
            got += 1
        assert 0 < got < 10_000
        wire.send(number, b"next")
        assert sleeper.recv(16) == b"next"


def test_a_socket_file_left_by_a_killed_process_is_replaced(folder: Path) -> None:
    """kill -9 leaves the files; the next process takes the places, and a clean end removes them."""
    for name in ("desk", "stop"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
            left.bind(str(folder / name))
    sockets = Sockets(str(folder / "desk"), str(folder / "stop"))
    assert stops(folder, 1) == 1
    assert sockets.stopped()
    sockets.close()
    assert not list(folder.iterdir())
