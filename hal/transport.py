"""Byte pipes that never wait: tty and pty (opened by pyserial, then read and written by the kernel's own calls), TCP, and a pair in memory.
It knows no frame, no deadline and no device; a pipe that has ended says so by raising Gone, and that is all it ever raises."""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import os
import re
import socket
import termios
from collections import deque
from typing import Final, Protocol

import msgspec
import serial

from hal.errors import ConfigurationError

TAKE_B: Final = 4096
UNACKNOWLEDGED_MOST_MS: Final = 500
"""How long the kernel goes on sending what a device has not acknowledged, also for a process that has ended. One lost segment comes again after 200 ms; any
later, and a write that permitted beam could reach a module whose own watchdog (1 s at most) has let go of its outputs, and be taken as a new one."""
KINDS: Final = ("pty", "tty", "tcp", "socket")
OWN_NAMES: Final = ("/dev/serial/by-id/", "/dev/serial/by-path/")
"""Names that belong to a device, or to a socket of the machine, whatever number the kernel gives to the line behind them."""
_NUMBERED: Final = re.compile(r"/dev/tty(USB|ACM)[0-9]+")


class Gone(Exception):  # noqa: N818 - a state of the line, named as the exchange names it
    """The line or connection is closed, or could not be opened; the words say which and why."""


class Pipe(Protocol):
    """A byte pipe. `take` gives what is there (b"" = nothing), `send` the number of bytes accepted (0 = full or not yet connected); both raise only Gone.

    `fd` is the descriptor to wait on, None where there is none (memory) or the pipe is closed. `close` may be called twice.
    """

    @property
    def fd(self) -> int | None: ...

    def take(self) -> bytes: ...

    def send(self, data: bytes) -> int: ...

    def close(self) -> None: ...


class LinkAddress(msgspec.Struct, frozen=True):
    """A link as configured: its kind (one of KINDS) and either a path or a numeric host and a port."""

    kind: str
    path: str = ""
    host: str = ""
    port: int = 0

    @property
    def packets(self) -> bool:
        """True for Modbus TCP, false for a serial line (of its own, or behind a terminal server)."""
        return self.kind == "tcp"


def parse_link(link: str) -> LinkAddress:
    """Reads `pty:PATH`, `tty:PATH`, `tcp:HOST:PORT` or `socket:HOST:PORT`; ConfigurationError names what is wrong.

    HOST is a numeric address or localhost, because asking a name server would stall the tick that reconnects.
    """
    kind, _, rest = link.partition(":")
    if kind not in KINDS or not rest:
        raise ConfigurationError(f"link {link!r}: write pty:PATH, tty:PATH, tcp:HOST:PORT or socket:HOST:PORT")
    if kind in ("pty", "tty"):
        return LinkAddress(kind, path=rest)
    host, _, port = rest.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ConfigurationError(
            f"link {link!r}: host {host!r} is not a numeric address; names are not looked up"
        ) from None
    if not port.isascii() or not port.isdigit() or len(port) > 5 or not 1 <= int(port) <= 65535:
        raise ConfigurationError(f"link {link!r}: port {port!r} is not a number from 1 to 65535")
    return LinkAddress(kind, host=host, port=int(port))


def open_pipe(link: str, baud: int) -> Pipe:
    """Opens one link; never waits. Raises Gone when it cannot be opened now, ConfigurationError when it never could."""
    address = parse_link(link)
    if address.kind in ("tcp", "socket"):
        return TcpPipe(address.host, address.port)
    if address.kind == "pty":
        _refuse_orphan(address.path)
    return SerialPipe(address.path, baud, alone=address.kind == "tty")


def numbered(path: str) -> bool:
    """Whether a tty's name says no more than in which order things were plugged in: after the next plug it may be another device's."""
    return _NUMBERED.fullmatch(path) is not None


class Lines:
    """`open_pipe` for the life of one process: a tty's name must lead to the line that it led to at first, unless the name is the device's own.

    Pseudo-terminals are left out: a simulator that starts anew gets another number.
    """

    def __init__(self) -> None:
        self._led: dict[str, int] = {}

    def __call__(self, link: str, baud: int) -> Pipe:
        pipe = open_pipe(link, baud)
        path = parse_link(link).path
        if not link.startswith("tty:") or path.startswith(OWN_NAMES) or pipe.fd is None:
            return pipe
        number = os.fstat(pipe.fd).st_rdev
        if self._led.setdefault(path, number) != number:
            pipe.close()
            raise Gone(
                f"{path}: leads to {os.path.realpath(path)}, another line than at first; look at the device, then start kerma run again"
            )
        return pipe


def _refuse_orphan(path: str) -> None:
    """Terminal numbers are reused: a link whose maker has died may name a stranger's terminal (its lock file is then free)."""
    try:
        lock = os.open(path + ".lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as why:
        raise Gone(f"{path}.lock: {why.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    finally:
        os.close(lock)
    raise Gone(f"{path}: left over, the simulator that made it has ended")


class SerialPipe:
    """A serial line, 8N1, held exclusively. pyserial opens and sets it; its write() can spin for ever on a stopped line and is never used."""

    def __init__(self, path: str, baud: int, alone: bool = False) -> None:
        """`alone`: the kernel too refuses to open it again. It would go on doing so on a pseudo-terminal that its maker holds open."""
        self._fd: int | None = None
        try:
            self._port = serial.Serial(path, baud, timeout=0, exclusive=True)
        except (OSError, ValueError) as why:
            raise Gone(f"{path}: {why}") from None
        try:
            fd = self._port.fileno()
            settings = termios.tcgetattr(fd)
            # With VMIN = 0 an empty line and an ended one both read b""; with 1 they differ.
            settings[6][termios.VMIN], settings[6][termios.VTIME] = 1, 0
            termios.tcsetattr(fd, termios.TCSANOW, settings)
            os.set_blocking(fd, False)
            if alone:
                fcntl.ioctl(fd, termios.TIOCEXCL)
        except (OSError, termios.error) as why:
            self._port.close()
            raise Gone(f"{path}: {why}") from None
        self._fd = fd

    @property
    def fd(self) -> int | None:
        return self._fd

    def take(self) -> bytes:
        if self._fd is None:
            raise Gone("closed")
        try:
            data = os.read(self._fd, TAKE_B)
        except BlockingIOError:
            return b""
        except OSError as why:
            raise Gone(str(why.strerror)) from None
        if not data:
            raise Gone("the other end is closed")
        return data

    def send(self, data: bytes) -> int:
        if self._fd is None:
            raise Gone("closed")
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as why:
            raise Gone(str(why.strerror)) from None

    def close(self) -> None:
        self._fd = None
        self._port.close()


class TcpPipe:
    """A TCP connection. It begins to connect when made; until that is done `take` gives nothing and `send` accepts nothing."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket: socket.socket | None = socket.socket(family, socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # No SO_LINGER of 0: it would throw away the OFF that was sent just before the process ended.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MOST_MS)
            code = self._socket.connect_ex((host, port))
        except OSError as why:
            raise Gone(f"{host}:{port}: {why.strerror}") from None
        if code not in (0, errno.EINPROGRESS):
            self.close()
            raise Gone(f"{host}:{port}: {os.strerror(code)}")

    @property
    def fd(self) -> int | None:
        return None if self._socket is None else self._socket.fileno()

    def take(self) -> bytes:
        if self._socket is None:
            raise Gone("closed")
        try:
            data = self._socket.recv(TAKE_B)
        except BlockingIOError:
            return b""
        except OSError as why:
            # A socket that is still connecting has nothing to read, which the kernel calls ENOTCONN.
            if why.errno == errno.ENOTCONN:
                return b""
            raise Gone(str(why.strerror)) from None
        if not data:
            raise Gone("the other end has closed the connection")
        return data

    def send(self, data: bytes) -> int:
        if self._socket is None:
            raise Gone("closed")
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as why:
            if why.errno == errno.ENOTCONN:
                return 0
            raise Gone(str(why.strerror)) from None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Channel:
    """One direction of a pair in memory: bytes under way, up to its room, until one end closes it."""

    __slots__ = ("closed", "data", "held", "room")

    def __init__(self, room: int) -> None:
        self.data: deque[bytes] = deque()
        self.held = 0
        self.room = room
        self.closed = False


class MemoryPipe:
    """One end of a pair in memory; `fd` is None, nothing waits on it."""

    __slots__ = ("_inward", "_outward")

    def __init__(self, inward: _Channel, outward: _Channel) -> None:
        self._inward = inward
        self._outward = outward

    @property
    def fd(self) -> int | None:
        return None

    def take(self) -> bytes:
        inward = self._inward
        if inward.held:
            data = inward.data.popleft() if len(inward.data) == 1 else b"".join(inward.data)
            inward.data.clear()
            inward.held = 0
            return data
        if inward.closed:
            raise Gone("the other end is closed")
        return b""

    def send(self, data: bytes) -> int:
        outward = self._outward
        if outward.closed:
            raise Gone("the other end is closed")
        taken = min(len(data), outward.room - outward.held)
        if taken > 0:
            outward.data.append(bytes(data[:taken]))
            outward.held += taken
        return taken

    def close(self) -> None:
        self._inward.closed = True
        self._outward.closed = True


def memory_pair(room: int = 4096) -> tuple[MemoryPipe, MemoryPipe]:
    """Two joined ends; each direction holds at most `room` bytes that were not yet taken."""
    there, back = _Channel(room), _Channel(room)
    return MemoryPipe(back, there), MemoryPipe(there, back)
