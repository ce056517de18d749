"""A process that can do one thing: hand STOP from an HTTP POST to the stop socket, beside the console, so that no flood or hang there keeps STOP in.
It knows no user, no page and no state; it never waits for a client, not even for its handshake, and it ends when the console that started it does."""

from __future__ import annotations

import argparse
import contextlib
import selectors
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from console.desk_client import send_stop
from console.web.doors import hosts
from console.web.tls import Tls, context
from hal.clock import Clock, SystemClock

CLIENTS_AT_MOST: Final = 64
"""One more takes the place of the oldest, which has had its time: nobody is shut out by clients that only hold a connection."""
HEAD_BYTES: Final = 4096
HEAD_WITHIN_S: Final = 2.0
TURN_S: Final = 0.5
ANSWER: Final = (
    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n"
    "connection: close\r\naccess-control-allow-origin: *\r\n\r\n{body}"
)
"""Any page may read what came of its STOP: the console's own stands at another port, and there is nothing else to read here."""


class StopDoor:
    """A listening socket and its clients; `turn` takes what is there."""

    def __init__(
        self,
        listening: socket.socket,
        named: frozenset[bytes],
        stop: Callable[[], bool],
        clock: Clock,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        listening.setblocking(False)
        self._tls = tls
        self._listening, self._named, self._stop, self._clock = listening, named, stop, clock
        self._heads: dict[socket.socket, tuple[float, bytes]] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)

    def turn(self, wait_s: float) -> None:
        """Accept, read, answer; waits at most `wait_s` for the first of it."""
        for key, _ in self._selector.select(wait_s):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if sock is self._listening:
                self._accept()
            elif sock in self._heads:
                self._read(sock)
        now = self._clock.monotonic()
        for sock in [sock for sock, (since, _) in self._heads.items() if now - since > HEAD_WITHIN_S]:
            self._drop(sock)

    def close(self) -> None:
        for sock in list(self._heads):
            self._drop(sock)
        self._selector.close()
        self._listening.close()

    def _accept(self) -> None:
        try:
            client, _ = self._listening.accept()
        except OSError:
            return
        client.setblocking(False)
        if self._tls is not None:
            try:
                client = self._tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
            except OSError:
                client.close()
                return
        if len(self._heads) >= CLIENTS_AT_MOST:
            self._drop(next(iter(self._heads)))
        self._heads[client] = (self._clock.monotonic(), b"")
        self._selector.register(client, selectors.EVENT_READ)

    def _read(self, client: socket.socket) -> None:
        since, head = self._heads[client]
        try:
            part = client.recv(HEAD_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            self._watch(client, selectors.EVENT_READ)
            return
        except ssl.SSLWantWriteError:
            self._watch(client, selectors.EVENT_WRITE)
            return
        except OSError:
            part = b""
        head += part
        if not part or (len(head) > HEAD_BYTES and b"\r\n\r\n" not in head):
            self._drop(client)
        elif b"\r\n\r\n" in head:
            self._answer(client, head)
        else:
            self._heads[client] = (since, head)
            if isinstance(client, ssl.SSLSocket) and client.pending():
                self._read(client)

    def _watch(self, client: socket.socket, for_what: int) -> None:
        """A handshake may want either; it is gone on with when the client is there for it."""
        if self._selector.get_key(client).events != for_what:
            self._selector.modify(client, for_what)

    def _answer(self, client: socket.socket, head: bytes) -> None:
        lines = head.split(b"\r\n\r\n")[0].split(b"\r\n")
        given = [line.split(b":", 1)[1].strip().lower() for line in lines[1:] if line.lower().startswith(b"host:")]
        if len(given) != 1 or given[0] not in self._named:
            status, body = "403 Forbidden", '{"words": "this host name is not the console\'s"}'
        elif not lines[0].startswith((b"POST /stop HTTP/1.", b"POST / HTTP/1.")):
            status, body = "404 Not Found", '{"words": "here is STOP alone, by POST /stop"}'
        elif self._stop():
            status, body = "200 OK", '{"sent": true, "words": "STOP was handed over; look whether the beam is off"}'
        else:
            status, body = "503 Service Unavailable", '{"words": "NO ANSWER: press the emergency stop"}'
        with contextlib.suppress(OSError):
            client.send(ANSWER.format(status=status, length=len(body), body=body).encode())
        self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        self._heads.pop(client, None)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client)
        client.close()


def main() -> None:
    """`python -m console.web.stop_door FD PORT STOP_SOCKET NAME...`: serves the listening socket of that number until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("fd", type=int)
    parser.add_argument("port", type=int)
    parser.add_argument("stop", type=Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    asked = parser.parse_args()
    stop: Path = asked.stop
    names: Sequence[str] = asked.names
    tls = context(Tls(asked.tls_cert, asked.tls_key)) if asked.tls_cert is not None else None
    named = hosts(asked.port, names, "http" if tls is None else "https")
    door = StopDoor(socket.socket(fileno=asked.fd), named, lambda: send_stop(stop), SystemClock(), tls)
    watched = selectors.DefaultSelector()
    watched.register(sys.stdin, selectors.EVENT_READ)
    try:
        while not watched.select(0):
            door.turn(TURN_S)
    finally:
        door.close()


if __name__ == "__main__":
    main()
