"""The network port of a simulated generator: one host at a time, whose bytes go to the same face as a line's would.
It knows no frame; a second host is hung up on, as small devices do."""

from __future__ import annotations

from collections.abc import Callable

from simulators.line import SerialLine


class GeneratorConnection:
    """One accepted connection, seen from the host."""

    __slots__ = ("_breaks", "_clock", "_ended", "_line")

    def __init__(self, line: SerialLine, clock: Callable[[], int]) -> None:
        self._line, self._clock = line, clock
        self._breaks = line.breaks
        self._ended = False

    @property
    def closed(self) -> bool:
        """Whether either side has hung up, or the wire has ended."""
        return self._ended or self.reset

    @property
    def reset(self) -> bool:
        """Whether the connection was torn rather than closed."""
        return self._line.breaks != self._breaks

    @property
    def stalled(self) -> bool:
        """Whether the device's end neither reads nor writes any more."""
        return self._line.stalled

    @property
    def pending(self) -> bool:
        """Whether an answer waits to be read."""
        due_us = self._line.host_next_us()
        return due_us is not None and due_us <= self._clock()

    def host_write(self, data: bytes) -> int:
        """Bytes from the host; returns how many were taken (0 when closed)."""
        return 0 if self.closed else self._line.host_write(data, self._clock())

    def host_read(self) -> bytes:
        """Everything that the device has answered by now."""
        return b"" if self.closed else self._line.host_read(self._clock())

    def close(self) -> None:
        """Hang up; what was under way is lost."""
        if not self.closed:
            self._ended = True
            self._line.to_device.clear()
            self._line.to_host.clear()


class GeneratorTcpFace:
    """The port. `clock` gives the world's time in us."""

    __slots__ = ("_clock", "_line", "_open")

    def __init__(self, line: SerialLine, clock: Callable[[], int]) -> None:
        self._line, self._clock = line, clock
        self._open: GeneratorConnection | None = None

    def connect(self) -> GeneratorConnection | None:
        """A connection, or None while another host holds the port or the wire is gone."""
        if self._line.gone or (self._open is not None and not self._open.closed):
            return None
        self._open = GeneratorConnection(self._line, self._clock)
        return self._open
