"""The desk: STOP beats everything, the lease is held by one client, and nothing that a client does blocks or starves a tick."""

import socket
from collections import deque
from pathlib import Path

import msgspec

from controller.desk import LEASE_S, Desk, Sockets
from controller.facts import Ruling
from controller.requests import Alive, Answer, Close, Confirm, Reply, Request, Retest, Status, Stop
from controller.states import Event
from hal.units import Seconds


class Wire:
    """Lists instead of sockets."""

    def __init__(self) -> None:
        self.packets: list[tuple[int, bytes]] = []
        self.sent: deque[tuple[int, Reply]] = deque()
        self.stop = False
        self.left: list[int] = []

    def stopped(self) -> bool:
        came, self.stop = self.stop, False
        return came

    def receive(self) -> list[tuple[int, bytes]]:
        packets, self.packets = self.packets, []
        return packets

    def send(self, client: int, packet: bytes) -> None:
        self.sent.append((client, msgspec.msgpack.decode(packet, type=Reply)))

    def gone(self) -> list[int]:
        left, self.left = self.left, []
        return left

    def ask(self, client: int, request: Request) -> None:
        self.packets.append((client, msgspec.msgpack.encode(request)))


def test_stop_discards_every_request_before_it_and_with_it() -> None:
    """A CONFIRM in the same batch as a STOP is refused, not done afterwards."""
    wire = Wire()
    desk = Desk(wire)
    wire.ask(1, Confirm(1, b"x" * 32))
    assert desk.take(Seconds(0.0)).request is not None
    wire.stop = True
    wire.ask(1, Retest())
    asked = desk.take(Seconds(0.01))
    assert asked.stop
    assert asked.request is None
    answers = [reply for _, reply in wire.sent]
    assert len(answers) == 2
    assert all(isinstance(answer, Answer) and not answer.ok and "STOP" in answer.words for answer in answers)


def test_anybody_may_stop_and_only_the_leaseholder_may_command() -> None:
    """A second client's command is refused while the first is heard; its STOP is not."""
    wire = Wire()
    desk = Desk(wire)
    wire.ask(1, Alive())
    desk.take(Seconds(0.0))
    wire.ask(2, Retest())
    assert desk.take(Seconds(0.1)).request is None
    assert "lease" in str(wire.sent.pop()[1])
    wire.ask(2, Stop())
    assert desk.take(Seconds(0.2)).stop


def test_a_lease_that_is_not_renewed_passes_on() -> None:
    """After 2 s of silence another client may take control."""
    wire = Wire()
    desk = Desk(wire)
    wire.ask(1, Alive())
    desk.take(Seconds(0.0))
    assert desk.age_s(Seconds(1.5)) == 1.5
    wire.ask(2, Retest())
    assert desk.take(Seconds(LEASE_S + 0.1)).request == Retest()


def test_a_closed_client_has_no_lease_at_once() -> None:
    """kill -9 of the operator's program is seen in the next tick, not after 2 s."""
    wire = Wire()
    desk = Desk(wire)
    wire.ask(1, Alive())
    desk.take(Seconds(0.0))
    wire.left = [1]
    desk.take(Seconds(0.01))
    assert desk.age_s(Seconds(0.01)) == float("inf")


def test_a_request_is_answered_once_and_waits_only_within_its_bound() -> None:
    """Neither taken nor refused: it waits, and is refused when its time is over."""
    wire = Wire()
    desk = Desk(wire)
    wire.ask(1, Close())
    desk.take(Seconds(0.0))
    desk.settle(Ruling(), False, Seconds(1.0))
    assert not wire.sent
    desk.settle(Ruling(), False, Seconds(9.0))
    assert wire.sent.pop()[1] == Answer(False, "no decision within 8 s; look at kerma status")
    wire.ask(1, Close())
    desk.take(Seconds(9.1))
    desk.settle(Ruling(Event.CLOSE), True, Seconds(9.1))
    assert wire.sent.pop()[1] == Answer(True, "close")
    assert desk.take(Seconds(9.2)).request is None


def test_garbage_is_answered_with_words_and_changes_nothing() -> None:
    """A packet that is no request neither ends the loop nor counts as a sign of life."""
    wire = Wire()
    desk = Desk(wire)
    for packet in (b"", b"\xff" * 100, b"\x81\xa4type\xa4load", bytes(range(256))):
        wire.packets.append((1, packet))
    asked = desk.take(Seconds(0.0))
    assert not asked.stop
    assert asked.request is None
    assert len(wire.sent) == 4
    assert desk.age_s(Seconds(0.0)) == float("inf")


def test_a_flooded_stop_socket_still_stops_and_drains_a_bounded_number(tmp_path: Path) -> None:
    """The queue full of STOPs, and more than 64 of them: STOP is seen in the first tick, and every tick ends."""
    sockets = Sockets(str(tmp_path / "desk"), str(tmp_path / "stop"))
    desk = Desk(sockets)
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.setblocking(False)
    sent = 0
    try:
        while sent < 10_000:
            sender.sendto(b"STOP", str(tmp_path / "stop"))
            sent += 1
    except BlockingIOError:
        pass
    assert sent > 0
    assert desk.take(Seconds(0.0)).stop
    sender.close()
    sockets.close()


def test_a_client_that_never_reads_loses_snapshots_and_nothing_else(tmp_path: Path) -> None:
    """A stopped console cannot block the tick: its packets are dropped."""
    sockets = Sockets(str(tmp_path / "desk"), str(tmp_path / "stop"))
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(str(tmp_path / "desk"))
    client.send(msgspec.msgpack.encode(Status()))
    assert sockets.receive()
    for _ in range(2000):
        sockets.send(1, b"x" * 4000)
    client.close()
    assert sockets.receive() == []
    assert sockets.gone() == [1]
    sockets.close()


def test_clients_that_say_nothing_shut_nobody_out(tmp_path: Path) -> None:
    """Forty connections that never speak: the client that is heard keeps its place, and a new one is served."""
    sockets = Sockets(str(tmp_path / "desk"), str(tmp_path / "stop"))
    speaker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    speaker.connect(str(tmp_path / "desk"))
    silent = []
    for _ in range(40):
        speaker.send(msgspec.msgpack.encode(Alive()))
        sockets.receive()
        dumb = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        dumb.connect(str(tmp_path / "desk"))
        silent.append(dumb)
        sockets.receive()
    assert 1 not in sockets.gone()
    late = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    late.connect(str(tmp_path / "desk"))
    late.send(msgspec.msgpack.encode(Status()))
    assert [packet for _, packet in sockets.receive()] == [msgspec.msgpack.encode(Status())]
    for client in (speaker, late, *silent):
        client.close()
    sockets.close()
