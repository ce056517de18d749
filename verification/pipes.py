"""The simulated devices' wires as byte pipes of the product, in memory and in virtual time; nothing but bytes crosses here.
They know no frame and no device beyond the line that they are plugged into."""

from __future__ import annotations

from hal.transport import Gone, Pipe, parse_link
from simulators.line import SerialLine
from simulators.world import World


class LinePipe:
    """One end of a paced serial line."""

    fd = None

    def __init__(self, world: World, line: SerialLine) -> None:
        self._world, self._line = world, line

    def take(self) -> bytes:
        return self._line.host_read(self._world.now_us)

    def send(self, data: bytes) -> int:
        return self._line.host_write(data, self._world.now_us)

    def close(self) -> None:
        """A cable has no end of its own."""


class TcpLinkPipe:
    """One connection to the safety unit; a connection that the unit refuses or drops is Gone."""

    fd = None

    def __init__(self, world: World) -> None:
        connection = world.unit_tcp.connect()
        if connection is None:
            raise Gone("the safety unit refuses the connection")
        self._connection = connection

    def take(self) -> bytes:
        data = self._connection.host_read()
        if not data and self._connection.closed:
            raise Gone("the safety unit has hung up")
        return data

    def send(self, data: bytes) -> int:
        if self._connection.closed:
            raise Gone("the safety unit has hung up")
        return self._connection.host_write(data)

    def close(self) -> None:
        self._connection.close()

    def waiting(self) -> bool:
        """True when a reply is there to be taken."""
        return self._connection.pending


class Plugs:
    """Opens the links of a rig file onto one world, and remembers the newest safety-unit connections so that pace can see a reply."""

    def __init__(self, world: World, generator_link: str) -> None:
        self._world, self._generator_link = world, generator_link
        self.connections: list[TcpLinkPipe] = []

    def open(self, link: str, _baud: int) -> Pipe:
        """The pipe for a link: the generator's line by its name, the unit by TCP or by its own serial line."""
        if link == self._generator_link:
            return LinePipe(self._world, self._world.generator_line)
        if parse_link(link).packets:
            pipe = TcpLinkPipe(self._world)
            self.connections = [*self.connections[-3:], pipe]
            return pipe
        return LinePipe(self._world, self._world.unit_line)

    def close(self) -> None:
        """The host's process ends: the kernel closes its sockets."""
        for pipe in self.connections:
            pipe.close()
        self.connections = []
