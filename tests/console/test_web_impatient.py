"""Threat T8 at the pages' port: connections that send nothing, or half a head, are closed; and while hundreds of them stand, STOP is taken all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgi_by_hand import PORT
from uvicorn.server import ServerState

from console.web import impatient
from console.web.doors import Doors, Message, Receive, Scope, Send
from console.web.impatient import Impatient
from console.web.serve import CONNECTIONS, settings
from console.web.tls import Address

STOP = f"POST /stop HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\ncontent-length: 0\r\n\r\n".encode()


class Wire(asyncio.Transport):
    """What a connection is told, and whether it stands."""

    def __init__(self, protocol: Impatient) -> None:
        super().__init__()
        self.protocol, self.said, self.closed = protocol, b"", False

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.said += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Nothing is read here."""

    def resume_reading(self) -> None:
        """Nothing is read here."""

    def abort(self) -> None:
        self.close()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.protocol.loop.call_soon(self.protocol.connection_lost, None)


class Port:
    """The server's side of one port, as the console sets it up; each STOP is counted."""

    def __init__(self) -> None:
        self.stops = 0
        self.state = ServerState()
        self.config = settings(Doors(self.nothing, PORT, PORT + 1, self.stop), Address("127.0.0.1", ("127.0.0.1",)))

    def stop(self) -> bool:
        self.stops += 1
        return True

    async def nothing(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        message: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
        await send(message)
        await send({"type": "http.response.body", "body": b""})

    def connected(self) -> Wire:
        protocol = Impatient(self.config, self.state, {})
        wire = Wire(protocol)
        protocol.connection_made(wire)
        return wire


async def turns() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


def test_t8_connections_that_only_stand_there_keep_no_stop_at_the_pages_port() -> None:
    """As many as the server takes: every request after them, STOP too, was answered with 503 by the server itself, and they were never closed."""

    async def story() -> None:
        port = Port()
        idle = [port.connected() for _ in range(CONNECTIONS + 10)]
        await turns()
        assert [wire.closed for wire in idle].count(False) <= impatient.ROOM_AT
        assert idle[0].closed and not idle[-1].closed, "the one that has waited longest makes room"
        person = port.connected()
        person.protocol.data_received(STOP)
        await turns()
        assert port.stops == 1 and person.said.startswith(b"HTTP/1.1 200") and not person.closed
        for wire in idle:
            wire.close()
        await turns()

    asyncio.run(story())


def test_t8_a_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing, half a head, and half a second head; whoever is answered stays, and so does a live line."""
    monkeypatch.setattr(impatient, "HEAD_WITHIN_S", 0.01)

    async def story() -> None:
        port = Port()
        silent, half, again, whole = (port.connected() for _ in range(4))
        half.protocol.data_received(STOP[:30])
        for wire in (again, whole):
            wire.protocol.data_received(STOP)
        await turns()
        again.protocol.data_received(STOP[:30])
        line = port.connected()
        line.protocol._upgraded = True
        line.protocol._look()
        await asyncio.sleep(0.05)
        assert [wire.closed for wire in (silent, half, again, whole, line)] == [True, True, True, False, False]
        for wire in (whole, line):
            wire.close()
        await turns()

    asyncio.run(story())
