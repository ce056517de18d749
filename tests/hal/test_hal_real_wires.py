"""The product's pipes on real ptys and sockets while the simulators tear, block or swallow them: never an exception but Gone, never a wait.
The kernel is real and the clock is not; devices are turned by hand."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hal.errors import Trouble, TroubleKind
from hal.exchange import Exchange, Stage
from hal.modbus import Question, Registers, RtuDialect, TcpDialect, read
from hal.transport import Gone, Pipe, open_pipe
from simulators.endpoints import PtyEndpoint, TcpEndpoint
from simulators.world import World

IDENTITY = read("identity", 0, 30)
BAUD = 115200


class Rig:
    """The simulated unit behind a pty or a port, turned by 1 ms."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.world = World()
        self.world.advance(1_000_000)
        self.kind = kind
        if kind == "pty":
            self.end: Any = PtyEndpoint(folder / "unit", self.world.unit_line)
            self.link = f"pty:{folder / 'unit'}"
        else:
            self.end = TcpEndpoint("127.0.0.1", 0, self.world.unit_tcp)
            self.link = f"tcp:127.0.0.1:{self.end.port}"

    @property
    def now_s(self) -> Any:
        return self.world.now_us * 1e-6

    def turn(self, ms: int = 1) -> None:
        for _ in range(ms):
            self.world.advance(self.world.now_us + 1000)
            self.end.serve(self.world.now_us)

    def fault(self, name: str) -> None:
        self.world.faults.start(f"unit-wire-{name}")
        self.turn()

    def mend(self, name: str) -> None:
        self.world.faults.stop(f"unit-wire-{name}")
        self.turn()

    def open(self) -> Exchange[Question, Registers]:
        pipe = open_pipe(self.link, BAUD)
        self.turn(2)
        dialect: Any = RtuDialect(1) if self.kind == "pty" else TcpDialect(1)
        return Exchange(pipe, dialect, 0.05, 0.02)

    def ask(self, exchange: Exchange[Question, Registers], ms: int = 60) -> Any:
        """What comes of one request within so long; None = nothing yet."""
        exchange.ask(IDENTITY, self.now_s)
        for _ in range(ms):
            self.turn()
            answer = exchange.poll(self.now_s)
            if answer is not None:
                return answer.value
        return None


@pytest.fixture(params=["pty", "tcp"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, request.param)
    yield made
    made.end.close()


def is_trouble(value: Any, kind: TroubleKind) -> bool:
    return isinstance(value, Trouble) and value.kind is kind


def test_a_wire_that_is_pulled_is_gone_and_comes_back_under_its_name(rig: Rig) -> None:
    """L12, M2: the open pipe ends, for good; nothing can be opened, or nothing answers; then the same link leads to the device again."""
    exchange = rig.open()
    assert isinstance(rig.ask(exchange), Registers)
    rig.fault("vanished")
    assert is_trouble(rig.ask(exchange), TroubleKind.GONE) or exchange.stage is Stage.GONE
    try:
        assert not isinstance(rig.ask(rig.open()), Registers)
    except Gone:
        assert rig.kind == "pty"
    rig.mend("vanished")
    assert not exchange.ask(IDENTITY, rig.now_s), "an ended exchange begins again"
    again = rig.open()
    assert isinstance(rig.ask(again), Registers)
    exchange.close()
    again.close()


def test_a_reset_ends_the_connection_with_the_kernels_word_for_it(rig: Rig) -> None:
    """M2: SO_LINGER 0 on a socket, a closed terminal on a line; the next opening works at once."""
    exchange = rig.open()
    rig.fault("reset")
    rig.mend("reset")
    value = rig.ask(exchange)
    assert is_trouble(value, TroubleKind.GONE) or exchange.stage is Stage.GONE
    if rig.kind == "tcp":
        assert "reset" in value.detail.lower()
    again = rig.open()
    assert isinstance(rig.ask(again), Registers)
    exchange.close()
    again.close()


@pytest.mark.parametrize("name", ["half-open", "blocked", "silent", "slow-loris"])
def test_a_wire_that_says_nothing_ends_by_our_own_deadline(rig: Rig, name: str) -> None:
    """M3, M4, L13, L2: the kernel reports nothing; each request ends as silent within its deadline, and the wire is well afterwards."""
    exchange = rig.open()
    assert isinstance(rig.ask(exchange), Registers)
    rig.fault(name)
    assert is_trouble(rig.ask(exchange, 60), TroubleKind.LINK_SILENT)
    rig.mend(name)
    for _ in range(20):
        value = rig.ask(exchange)
        if isinstance(value, Registers):
            break
    assert isinstance(value, Registers)
    exchange.close()


def test_a_peer_that_does_not_read_fills_the_pipe_and_send_gives_less(rig: Rig) -> None:
    """L13: sending goes on until the kernel takes no more, then gives 0, and never waits."""
    pipe: Pipe = open_pipe(rig.link, BAUD)
    rig.turn(2)
    rig.fault("blocked")
    sent, taken = 0, -1
    while taken and sent < 1 << 26:
        taken = pipe.send(bytes(65536))
        sent += taken
    assert taken == 0
    assert pipe.take() == b""
    pipe.close()


def test_a_half_open_connection_is_not_told_of_its_end(tmp_path: Path) -> None:
    """M3: while the hole is there the simulator neither reads, nor closes, nor answers a new connection; its kernel still accepts."""
    rig = Rig(tmp_path, "tcp")
    rig.fault("half-open")
    host = socket.create_connection(("127.0.0.1", rig.end.port))
    host.setblocking(False)
    host.send(b"anything")
    rig.turn(50)
    with pytest.raises(BlockingIOError):
        host.recv(10)
    host.close()
    rig.mend("half-open")
    rig.turn(5)
    rig.end.close()


def test_a_pulled_port_leaves_no_name_behind(tmp_path: Path) -> None:
    """L12, L15: while it is pulled the link is not there, so no other terminal can be met under it."""
    rig = Rig(tmp_path, "pty")
    rig.fault("vanished")
    assert not os.path.lexists(tmp_path / "unit")
    assert "pulled" in rig.end.words
    with pytest.raises(Gone):
        open_pipe(rig.link, BAUD)
    rig.mend("vanished")
    assert os.path.lexists(tmp_path / "unit")
    rig.end.close()
