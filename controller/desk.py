"""The mailbox to the outside: requests in, snapshots out, never blocking; STOP has a datagram socket of its own, drained first.
It decides nothing: it keeps who holds the control lease and which request waits for its answer."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import deque
from typing import Final, Protocol

import msgspec

from controller import requests
from controller.facts import Asked, Ruling
from controller.inputs import NOTHING_HEARD, Heard
from controller.requests import Answer, Reply, Request, Snapshot
from hal.units import Seconds

LEASE_S: Final = 2.0
"""A controlling client that has not been heard this long has lost the lease."""
SNAPSHOT_EVERY_S: Final = 0.1
PACKET_BYTES: Final = 65536
CLIENTS_AT_MOST: Final = 16
"""One more takes the place of the one that has been silent longest, so that nobody is shut out by clients that only hold a connection."""
STOPS_A_TICK: Final = 64
PACKETS_A_TICK: Final = 4
ANSWER_WITHIN_S: Final = 8.0
"""Longest that a request may wait for its guard (the recorder's clearance, a reset) before it is refused."""


class Wire(Protocol):
    """What carries packets: sockets in a process, lists in the virtual world. None of these waits."""

    def stopped(self) -> bool: ...
    def receive(self) -> list[tuple[int, bytes]]: ...
    def send(self, client: int, packet: bytes) -> None: ...
    def gone(self) -> list[int]: ...


class Sockets:
    """AF_UNIX sockets at two paths; the stop socket takes any datagram from anybody, without a login."""

    def __init__(self, desk_path: str, stop_path: str) -> None:
        for path in (desk_path, stop_path):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._paths = (desk_path, stop_path)
        self._stop = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._stop.bind(stop_path)
        os.chmod(stop_path, 0o666)
        self._desk = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        self._desk.bind(desk_path)
        os.chmod(desk_path, 0o660)
        self._desk.listen(CLIENTS_AT_MOST)
        self._clients: dict[int, socket.socket] = {}
        self._gone: list[int] = []
        self._serial = 0

    def stopped(self) -> bool:
        """True if any datagram came; at most 64 are drained, one is as good as all."""
        came = False
        for _ in range(STOPS_A_TICK):
            try:
                self._stop.recv(16)
            except OSError:
                break
            came = True
        return came

    def receive(self) -> list[tuple[int, bytes]]:
        """What has come since the last call, as (client, packet), a bounded number from each client."""
        with contextlib.suppress(OSError):
            client, _ = self._desk.accept()
            client.setblocking(False)
            if len(self._clients) >= CLIENTS_AT_MOST:
                self._drop(next(iter(self._clients)))
            self._serial += 1
            self._clients[self._serial] = client
        packets: list[tuple[int, bytes]] = []
        for number, client in list(self._clients.items()):
            for _ in range(PACKETS_A_TICK):
                try:
                    packet = client.recv(PACKET_BYTES)
                except BlockingIOError:
                    break
                except OSError:
                    packet = b""
                if not packet:
                    self._drop(number)
                    break
                packets.append((number, packet))
                self._clients[number] = self._clients.pop(number)
        return packets

    def send(self, client: int, packet: bytes) -> None:
        """Hand over one packet; a client that does not read loses it, a dead one is dropped."""
        peer = self._clients.get(client)
        if peer is None:
            return
        try:
            peer.send(packet, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return
        except OSError:
            self._drop(client)

    def gone(self) -> list[int]:
        """Clients that have closed since the last call."""
        gone, self._gone = self._gone, []
        return gone

    def close(self) -> None:
        """Let go of both sockets and every client; a STOP that finds no socket knows that nobody answers."""
        for path in self._paths:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        for client in self._clients.values():
            client.close()
        self._clients = {}
        self._desk.close()
        self._stop.close()

    def _drop(self, number: int) -> None:
        self._clients.pop(number).close()
        self._gone.append(number)


class DeskKept(msgspec.Struct, frozen=True):
    """A desk as it stands between two ticks: who holds the lease and was heard when, and the requests that wait."""

    controller: int
    heard_at_s: float | None
    waiting: tuple[tuple[int, Request, float], ...]


class Desk:
    """Keeps the lease, the subscribers and the one request that is being answered; `take` is called once a tick."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._decode = msgspec.msgpack.Decoder(Request)
        self._encode = msgspec.msgpack.Encoder()
        self._watchers: set[int] = set()
        self._once: set[int] = set()
        self._waiting: deque[tuple[int, Request, Seconds]] = deque()
        self._controller = 0
        self._heard_at: float | None = None
        self._shown_at = -1.0
        self.heard = NOTHING_HEARD

    def take(self, now: Seconds, stopping: bool = False) -> Asked:
        """STOP first, then everything that came; a STOP throws away whatever would start, continue or resume. `stopping`: a signal asks for it."""
        stopped = self._wire.stopped()
        stop = stopped or stopping
        packets = self._wire.receive()
        for client, packet in packets:
            stop = self._hear(client, packet, now) or stop
        gone = self._wire.gone()
        for client in gone:
            self._forget(client)
        self.heard = Heard(stopped, stopping, tuple(packets), tuple(gone)) if packets or gone or stop else NOTHING_HEARD
        if stop:
            while self._waiting:
                client, _, _ = self._waiting.popleft()
                self._reply(client, Answer(False, "STOP came; nothing asked before it is done"))
        return Asked(stop, self._waiting[0][1] if self._waiting else None)

    def keep(self) -> DeskKept:
        """Where it stands now, subscribers apart."""
        return DeskKept(self._controller, self._heard_at, tuple(self._waiting))

    def take_up(self, kept: DeskKept) -> None:
        """Go on from there."""
        self._controller, self._heard_at = kept.controller, kept.heard_at_s
        self._waiting = deque((client, request, Seconds(since)) for client, request, since in kept.waiting)

    def settle(self, ruling: Ruling, taken: bool, now: Seconds) -> None:
        """Answer the request that was ruled on: taken, refused with words, or kept waiting within its bound."""
        if not self._waiting:
            return
        client, request, since = self._waiting[0]
        if taken:
            answer = Answer(True, type(request).__name__.lower())
        elif ruling.refused:
            answer = Answer(False, ruling.refused)
        elif now - since > ANSWER_WITHIN_S:
            answer = Answer(False, f"no decision within {ANSWER_WITHIN_S:.0f} s; look at kerma status")
        else:
            return
        self._waiting.popleft()
        self._reply(client, answer)

    def age_s(self, now: Seconds) -> float:
        """Time since the controlling client was heard; infinite when there is none."""
        return now - self._heard_at if self._controller and self._heard_at is not None else float("inf")

    def due(self, now: Seconds) -> bool:
        """True when somebody waits for a snapshot."""
        return bool(self._once) or (bool(self._watchers) and now - self._shown_at >= SNAPSHOT_EVERY_S)

    def publish(self, snapshot: Snapshot, now: Seconds) -> None:
        """One snapshot to all who wait for one."""
        packet = self._encode.encode(snapshot)
        for client in self._once | self._watchers:
            self._wire.send(client, packet)
        self._once.clear()
        self._shown_at = now

    def _hear(self, client: int, packet: bytes, now: Seconds) -> bool:
        try:
            request = self._decode.decode(packet)
        except (msgspec.DecodeError, RecursionError) as error:
            self._reply(client, Answer(False, f"not a request: {error}"))
            return False
        match request:
            case requests.Stop():
                self._reply(client, Answer(True, "stop"))
                return True
            case requests.Status():
                self._once.add(client)
            case requests.Watch():
                self._watchers.add(client)
            case _:
                self._command(client, request, now)
        return False

    def _command(self, client: int, request: Request, now: Seconds) -> None:
        if self._controller not in (0, client) and self.age_s(now) <= LEASE_S:
            if not isinstance(request, requests.Alive):
                self._reply(client, Answer(False, "another client holds the control lease; it must end first"))
            return
        self._controller, self._heard_at = client, now
        if isinstance(request, requests.Alive):
            return
        if len(self._waiting) >= PACKETS_A_TICK:
            self._reply(client, Answer(False, "an earlier request is still waiting for its answer"))
            return
        self._waiting.append((client, request, now))

    def _reply(self, client: int, reply: Reply) -> None:
        self._wire.send(client, self._encode.encode(reply))

    def _forget(self, client: int) -> None:
        self._watchers.discard(client)
        self._once.discard(client)
        if client == self._controller:
            self._controller, self._heard_at = 0, None
        self._waiting = deque(item for item in self._waiting if item[0] != client)
