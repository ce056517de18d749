"""The simulated devices' wires as byte pipes of the product, in memory and in virtual time; nothing but bytes crosses here.
They know no frame and no device beyond the line that they are plugged into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from hal.transport import Gone, Pipe, parse_link
from simulators.line import SerialLine
from simulators.world import World

Tap = Callable[[str, bytes], None]
"""Sees the bytes that the host puts on a wire, with the name of the link as the rig file has it; only those that were taken."""
NO_TAPS: Final[tuple[Tap, ...]] = ()
Ear = Callable[[str, object, bytes, bool], None]
"""Hears both directions of a wire: link, connection, bytes, and whether they are the host's."""
NO_EARS: Final[tuple[Ear, ...]] = ()


class Timed(Protocol):
    """A world, or a part of one, that knows its time."""

    @property
    def now_us(self) -> int: ...


class LinePipe:
    """One end of a paced serial line; Gone when its port is pulled, then and ever after."""

    fd = None

    def __init__(
        self,
        world: Timed,
        line: SerialLine,
        link: str = "",
        taps: Sequence[Tap] = NO_TAPS,
        ears: Sequence[Ear] = NO_EARS,
    ) -> None:
        self._world, self._line = world, line
        self._link, self._taps, self._ears = link, taps, ears
        self._breaks = line.breaks
        self._see()

    def take(self) -> bytes:
        self._see()
        data = self._line.host_read(self._world.now_us)
        if data:
            for ear in self._ears:
                ear(self._link, self, data, False)
        return data

    def send(self, data: bytes) -> int:
        self._see()
        taken = self._line.host_write(data, self._world.now_us)
        for tap in self._taps:
            tap(self._link, data[:taken])
        for ear in self._ears:
            ear(self._link, self, data[:taken], True)
        return taken

    def _see(self) -> None:
        if self._line.gone or self._line.breaks != self._breaks:
            raise Gone("the port is not there")

    def close(self) -> None:
        """A cable has no end of its own."""


class Connection(Protocol):
    """One connection of a simulated device, from the host's side."""

    @property
    def closed(self) -> bool: ...

    @property
    def pending(self) -> bool: ...

    def host_write(self, data: bytes) -> int: ...

    def host_read(self) -> bytes: ...

    def close(self) -> None: ...


class Face(Protocol):
    """A simulated device's port; None = refused."""

    def connect(self) -> Connection | None: ...


class FacePipe:
    """One connection to a device's port; a connection that the device refuses or drops is Gone."""

    fd = None

    def __init__(
        self, face: Face, link: str = "", taps: Sequence[Tap] = NO_TAPS, ears: Sequence[Ear] = NO_EARS
    ) -> None:
        self._link, self._taps, self._ears = link, taps, ears
        connection = face.connect()
        if connection is None:
            raise Gone("the device refuses the connection")
        self._connection = connection

    def take(self) -> bytes:
        data = self._connection.host_read()
        if not data and self._connection.closed:
            raise Gone("the device has hung up")
        if data:
            for ear in self._ears:
                ear(self._link, self, data, False)
        return data

    def send(self, data: bytes) -> int:
        if self._connection.closed:
            raise Gone("the device has hung up")
        taken = self._connection.host_write(data)
        for tap in self._taps:
            tap(self._link, data[:taken])
        for ear in self._ears:
            ear(self._link, self, data[:taken], True)
        return taken

    def close(self) -> None:
        self._connection.close()

    def waiting(self) -> bool:
        """True when a reply is there to be taken."""
        return self._connection.pending


class Plugs:
    """Opens the links of a rig file onto one world, and remembers the newest safety-unit connections so that pace can see a reply."""

    def __init__(
        self, world: World, generator_link: str, taps: Sequence[Tap] = NO_TAPS, ears: Sequence[Ear] = NO_EARS
    ) -> None:
        self._world, self._generator_link, self._taps, self._ears = world, generator_link, taps, ears
        self.connections: list[FacePipe] = []
        self._generator: FacePipe | None = None

    def open(self, link: str, _baud: int) -> Pipe:
        """The pipe for a link: the generator by its name, on its line or its port; the unit by TCP or by its own serial line."""
        if link == self._generator_link:
            if parse_link(link).kind not in ("tcp", "socket"):
                return LinePipe(self._world, self._world.generator_line, link, self._taps, self._ears)
            self._generator = FacePipe(self._world.generator_tcp, link, self._taps, self._ears)
            return self._generator
        if parse_link(link).packets:
            pipe = FacePipe(self._world.unit_tcp, link, self._taps, self._ears)
            self.connections = [*self.connections[-3:], pipe]
            return pipe
        return LinePipe(self._world, self._world.unit_line, link, self._taps, self._ears)

    def close(self) -> None:
        """The host's process ends: the kernel closes its sockets."""
        for pipe in (*self.connections, *([] if self._generator is None else [self._generator])):
            pipe.close()
        self.connections, self._generator = [], None
