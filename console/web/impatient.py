"""Connections that only stand there: one whose request has not begun within some seconds is closed, and where there are many the one that has waited longest
makes room, so that nobody is kept out by sockets that say nothing, and STOP at the pages' port least of all. It knows no request."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN_S: Final = 5.0
"""From the connection, or from the first byte of a further request, to the whole head."""
ROOM_AT: Final = 200
"""So many connections, and one more takes the place of the one that has waited longest; the server's own bound (serve.CONNECTIONS) lies above it."""


class Impatient(H11Protocol):
    """The server's protocol for one connection, with a clock."""

    since_s = 0.0
    _late_at: asyncio.TimerHandle | None = None
    _upgraded = False

    @property
    def waiting(self) -> bool:
        """Whether no request is being answered here."""
        return not self._upgraded and (self.cycle is None or self.cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.since_s = self.loop.time()
        super().connection_made(transport)
        standing = [one for one in self.connections if not one.transport.is_closing()]
        if len(standing) > ROOM_AT:
            idle = [one for one in standing if isinstance(one, Impatient) and one is not self and one.waiting]
            if idle:
                min(idle, key=lambda one: one.since_s).transport.abort()
        self._look()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._upgraded = True
        self._look()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_go()
        super().connection_lost(exc)

    def _look(self) -> None:
        if not self.waiting or self.transport.is_closing():
            self._let_go()
        elif self._late_at is None:
            self.since_s = self.loop.time()
            self._late_at = self.loop.call_later(HEAD_WITHIN_S, self.transport.abort)

    def _let_go(self) -> None:
        if self._late_at is not None:
            self._late_at.cancel()
            self._late_at = None
