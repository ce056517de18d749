"""The client's end of the desk: requests out, answers and snapshots in, and STOP by its own datagram socket.
It holds no opinion of what it is told; every wait has a deadline."""

from __future__ import annotations

import errno
import select
import socket
from pathlib import Path

import msgspec

from controller.requests import Reply, Request, Snapshot, Status
from hal.clock import Clock

PACKET_MAX_BYTES = 1 << 18
"""A snapshot has a few kilobytes; a longer packet would be cut by the kernel and is refused."""


class DeskGoneError(Exception):
    """Nobody is at the other end: the socket is missing, refused or closed. The words say which and what to do first."""


class Desk:
    """One connection to a real-time process's desk. Not shared between threads; closed by `close` or by leaving `with`."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._clock = clock
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._sock.close()

    @property
    def fd(self) -> int:
        return self._sock.fileno()

    def send(self, request: Request, timeout_s: float = 0.5) -> None:
        """Send one request. Raises DeskGoneError where the other end is gone or has not taken it within `timeout_s`."""
        data = self._encoder.encode(request)
        until = self._clock.monotonic() + timeout_s
        while True:
            try:
                self._sock.send(data)
                return
            except BlockingIOError:
                left = until - self._clock.monotonic()
                if left <= 0:
                    raise DeskGoneError(f"the desk took no request for {timeout_s} s; {FIRST}") from None
                select.select([], [self._sock], [], left)
            except OSError as error:
                raise DeskGoneError(f"the desk is gone ({error.strerror}); {FIRST}") from error

    def receive(self, timeout_s: float) -> Reply | None:
        """The next reply, or None after `timeout_s`. Raises DeskGoneError when the other end has closed or does not speak our words."""
        until = self._clock.monotonic() + timeout_s
        while True:
            try:
                data, _, flags, _ = self._sock.recvmsg(PACKET_MAX_BYTES)
            except BlockingIOError:
                left = until - self._clock.monotonic()
                if left <= 0 or not select.select([self._sock], [], [], left)[0]:
                    return None
                continue
            except OSError as error:
                raise DeskGoneError(f"the desk is gone ({error.strerror}); {FIRST}") from error
            if not data:
                raise DeskGoneError(f"the desk has closed the connection; {FIRST}")
            try:
                if flags & socket.MSG_TRUNC:
                    raise ValueError("longer than a packet may be")
                return self._decoder.decode(data)
            except (msgspec.DecodeError, ValueError) as error:
                raise DeskGoneError(
                    f"the desk speaks other words ({error}); first: see that both are of one version"
                ) from error

    def snapshot(self, timeout_s: float) -> Snapshot | None:
        """One snapshot, asked for now, or None when none came in time; answers to other requests are dropped."""
        until = self._clock.monotonic() + timeout_s
        self.send(Status(), timeout_s)
        while (left := until - self._clock.monotonic()) > 0:
            reply = self.receive(left)
            if isinstance(reply, Snapshot):
                return reply
        return None


FIRST = "first: look at the warning lamp, press the emergency stop if in doubt; then see whether kerma run still runs"


def connect(path: Path, clock: Clock, timeout_s: float = 1.0) -> Desk:
    """Connect to a desk socket. Raises DeskGoneError where there is none, or none that listens."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(timeout_s)
    try:
        sock.connect(str(path))
    except OSError as error:
        sock.close()
        why = error.strerror or "timed out"
        raise DeskGoneError(f"nobody answers at {path} ({why}); first: start kerma run --config RIG.toml") from error
    return Desk(sock, clock)


def send_stop(path: Path) -> bool:
    """Send STOP; True when it lies in the socket's queue. A full queue is True too: STOPs already lie there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.sendto(b"STOP", str(path))
        except OSError as error:
            return error.errno in (errno.EAGAIN, errno.ENOBUFS)
        return True
