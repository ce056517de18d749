"""Real wires for a simulated world: a pseudo-terminal with a stable name for a serial line, and a listening TCP port for Modbus.
They move bytes without ever waiting; what the bytes mean they do not know, and what time it is they are told."""

from __future__ import annotations

import fcntl
import os
import pty
import socket
import struct
import termios
import tty
from pathlib import Path
from typing import Final, Protocol

CHUNK_B: Final = 4096
BACKLOG_B: Final = 65536
RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing throws away what waits and sends the other side a reset instead of an end."""


class Line(Protocol):
    """The host's side of a serial line in the world. `gone`: its port is not there; `breaks`: how often it was closed; `stalled`: nobody reads it."""

    @property
    def gone(self) -> bool: ...

    @property
    def breaks(self) -> int: ...

    @property
    def stalled(self) -> bool: ...

    def host_write(self, data: bytes, now_us: int) -> int: ...

    def host_read(self, now_us: int) -> bytes: ...


class Connection(Protocol):
    """One TCP connection of the world. `reset`: it was torn, not closed; `stalled`: its device's end neither reads, nor writes, nor hears of its end."""

    @property
    def closed(self) -> bool: ...

    @property
    def reset(self) -> bool: ...

    @property
    def stalled(self) -> bool: ...

    def host_write(self, data: bytes) -> int: ...

    def host_read(self) -> bytes: ...

    def close(self) -> None: ...


class Face(Protocol):
    """A Modbus TCP port of the world; None = refused."""

    def connect(self) -> Connection | None: ...


class Endpoint(Protocol):
    """Something to wait on (`fds`) and to serve; `words` says where it is; `close` removes what it made."""

    @property
    def words(self) -> str: ...

    def fds(self) -> list[int]: ...

    def serve(self, now_us: int) -> None: ...

    def close(self) -> None: ...


def hold_lock(path: str) -> int:
    """Take PATH.lock for as long as this process lives; OSError says who else serves PATH. Returns the descriptor that holds it."""
    while True:
        lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.fstat(lock).st_ino == os.stat(path + ".lock").st_ino
        except FileNotFoundError:
            same = False
        except BlockingIOError:
            os.close(lock)
            raise OSError(f"{path} is served by another simulator (it holds {path}.lock); end that one first") from None
        if same:
            return lock
        os.close(lock)  # its maker removed the file between our open and our lock


def drop_lock(path: str, lock: int) -> None:
    """Give the lock back and leave no file behind."""
    Path(path + ".lock").unlink(missing_ok=True)
    os.close(lock)


class PtyEndpoint:
    """A serial line as a pseudo-terminal, raw 8N1, under a symlink that keeps its name; a slave descriptor stays open so that hosts may come and go."""

    def __init__(self, path: Path, line: Line) -> None:
        self._path = path
        self._line = line
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_symlink():
            raise OSError(
                f"{path} is there and is not a link that a simulator made; move it away or choose another path"
            )
        self._lock = hold_lock(str(path))
        self._breaks = line.breaks
        self._terminal: tuple[int, int] | None = None
        self._make()

    @property
    def words(self) -> str:
        """Where it is."""
        return f"pty:{self._path}" + (
            f" ({os.ttyname(self._terminal[1])})" if self._terminal is not None else " (pulled)"
        )

    def _make(self) -> None:
        master, slave = pty.openpty()
        self._terminal = master, slave
        tty.setraw(slave)
        settings = termios.tcgetattr(slave)
        settings[2] = settings[2] & ~(termios.CSIZE | termios.PARENB | termios.CSTOPB) | termios.CS8 | termios.CLOCAL
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        os.set_blocking(master, False)
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(slave))
        fresh.replace(self._path)

    def _pull(self) -> None:
        """The plug is out: the name is gone, and whoever has the terminal open is told that it has ended."""
        self._path.unlink(missing_ok=True)
        for descriptor in self._terminal or ():
            os.close(descriptor)
        self._terminal = None

    def _wired(self) -> int | None:
        """The terminal's descriptor; None while the port is not there."""
        line = self._line
        if self._terminal is not None and (line.gone or line.breaks != self._breaks):
            self._pull()
        elif self._terminal is None and not line.gone:
            self._breaks = line.breaks
            self._make()
        return None if self._terminal is None else self._terminal[0]

    def fds(self) -> list[int]:
        return [] if self._terminal is None or self._line.stalled else [self._terminal[0]]

    def serve(self, now_us: int) -> None:
        """Bytes the host has sent go in, bytes the device has sent by now come out; what a full terminal does not take is lost, as on a wire."""
        master = self._wired()
        if master is None or self._line.stalled:
            return
        try:
            data = os.read(master, CHUNK_B)
        except OSError:
            data = b""
        if data:
            self._line.host_write(data, now_us)
        answer = self._line.host_read(now_us)
        if answer:
            try:
                os.write(master, answer)
            except OSError:
                return

    def close(self) -> None:
        """Remove the link, then the lock, then the terminal."""
        self._path.unlink(missing_ok=True)
        drop_lock(str(self._path), self._lock)
        self._pull()


class TcpEndpoint:
    """A listening port; each accepted socket is joined to one connection of the world, or hung up on when the world refuses it."""

    def __init__(self, host: str, port: int, face: Face) -> None:
        self._face = face
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self._socket.listen(8)
        except OSError as error:
            self._socket.close()
            raise OSError(
                f"tcp:{host}:{port} cannot be opened ({error.strerror}); end what uses it or choose another port"
            ) from None
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.words = f"tcp:{host}:{self.port}"
        self._open: list[tuple[socket.socket, Connection, bytearray]] = []

    def fds(self) -> list[int]:
        return [self._socket.fileno(), *(sock.fileno() for sock, connection, _ in self._open if not connection.stalled)]

    def serve(self, now_us: int) -> None:  # noqa: ARG002 - a TCP request is answered when it is read
        """Accept, read, answer, write; a connection that either side has ended is forgotten."""
        self._accept()
        ended = [entry for entry in self._open if not entry[1].stalled and not self._pump(*entry)]
        for entry in ended:
            if entry[1].reset:
                entry[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            entry[1].close()
            entry[0].close()
            self._open.remove(entry)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            connection = self._face.connect()
            if connection is None:
                sock.close()
                continue
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 2), (socket.TCP_KEEPCNT, 3)):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._open.append((sock, connection, bytearray()))

    def _pump(self, sock: socket.socket, connection: Connection, waiting: bytearray) -> bool:
        """Move bytes both ways; False when the connection is over."""
        if connection.reset:
            return False
        try:
            data = sock.recv(CHUNK_B)
            if not data:
                return False
            connection.host_write(data)
        except BlockingIOError:
            pass
        except OSError:
            return False
        waiting += connection.host_read()
        if len(waiting) > BACKLOG_B:
            return False
        if waiting:
            try:
                del waiting[: sock.send(waiting)]
            except BlockingIOError:
                pass
            except OSError:
                return False
        return not connection.closed or bool(waiting)

    def close(self) -> None:
        """Hang up on everybody and free the port."""
        for sock, connection, _ in self._open:
            connection.close()
            sock.close()
        self._open.clear()
        self._socket.close()
