"""A unit's faces to its masters: Modbus TCP (a few connections), and the safety unit's Modbus RTU (one bus address).
They know bytes and, for RTU, the silence between them; what a register means they leave to the unit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from simulators import modbus_codec as codec
from simulators import unit_registers, unit_requests
from simulators.seam import BenchIo
from simulators.unit_firmware import UnitFirmware
from simulators.wire_faults import Link, Sent, Tamper

CONNECTIONS: Final = 3
"""Of the safety unit; bought I/O says itself how many it takes."""
BACKLOG_BYTES: Final = 65536
FRAME_SILENCE_US: Final = 20_000
RESYNC_SILENCE_US: Final = 1_750

Unit = UnitFirmware | BenchIo


def _boots(unit: Unit) -> int:
    return unit.nv.boot_count if isinstance(unit, UnitFirmware) else unit.boots


def _answers(unit: Unit) -> Callable[[bytes], bytes]:
    """What gives this unit's reply PDU to a request PDU."""
    if not isinstance(unit, UnitFirmware):
        return unit.answer
    return partial(codec.answer, read=partial(unit_registers.read, unit), write=partial(unit_requests.write, unit))


class TcpConnection:
    """One accepted connection, seen from the host; closed when either side closes it, the stream is out of step, or the unit reboots."""

    __slots__ = ("_answer", "_boot", "_closed", "_in", "_link", "_out", "_tamper", "_unit", "reset")

    def __init__(self, unit: Unit, link: Link | None = None) -> None:
        self._unit = unit
        self._answer = _answers(unit)
        self._link = link
        self._tamper: Tamper | None = None if link is None else link.join(self)
        self.reset = False
        self._boot = _boots(unit)
        self._closed = False
        self._in = bytearray()
        self._out = bytearray()

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent; what the unit had already answered may still be read."""
        if not self._closed and self._boot != _boots(self._unit):
            self._out.clear()
            self._closed = True
        return self._closed

    @property
    def pending(self) -> bool:
        """Whether an answer waits to be read."""
        if self._tamper is not None and self._tamper.acts:
            self._release(self._tamper)
        return bool(self._out)

    @property
    def stalled(self) -> bool:
        """Whether the unit's end of this connection neither reads nor writes any more."""
        return self._tamper is not None and (self._tamper.blocked or self._tamper.hole)

    def host_write(self, data: bytes) -> int:
        """Bytes from the host, answered at once; returns how many were taken (0 when closed)."""
        if self.closed:
            return 0
        tamper, link = self._tamper, self._link
        if tamper is None or link is None:
            return self._serve(data)
        if tamper.blocked:
            return 0
        tamper.asked(data)
        for piece in tamper.to_device(data, link.now_us) if tamper.acts else (data,):
            self._serve(piece)
        return len(data)

    def _serve(self, data: bytes) -> int:
        if self._unit.mute:
            return len(data)
        self._in += data
        while not self._closed:
            frame = codec.take_tcp(self._in)
            if isinstance(frame, bool):
                self.close()
            elif frame is None:
                break
            else:
                header, pdu = frame
                self._reply(codec.tcp_frame(header, self._answer(pdu)))
                if len(self._out) > BACKLOG_BYTES:
                    self.close()
        return len(data)

    def host_read(self) -> bytes:
        """Everything the unit has answered since the last call."""
        if self._tamper is not None and self._tamper.acts:
            self._release(self._tamper)
        if not self._out or (self.closed and not self._out):
            return b""
        data = bytes(self._out)
        self._out.clear()
        return data

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        self._in.clear()
        if self._link is not None and self._tamper is not None:
            self._link.part(self._tamper)

    def hang_up(self) -> None:
        """The connection is torn, not closed: what the unit had answered is lost, and the host's kernel is told so by a reset."""
        self.reset = True
        self._out.clear()
        self.close()

    def withdraw(self, now_us: int) -> Sent:
        """What the host has not read yet."""
        data = bytes(self._out)
        self._out.clear()
        return [(now_us, data)] if data else []

    def foreign(self, data: bytes, _now_us: int) -> None:
        """Another master's request, on a connection of its own: the unit does what it says, the answer goes elsewhere."""
        frame = codec.take_tcp(bytearray(data))
        if isinstance(frame, tuple) and not self._unit.mute:
            self._answer(frame[1])

    def _reply(self, frame: bytes) -> None:
        tamper, link = self._tamper, self._link
        if tamper is not None and link is not None:
            tamper.answered(frame)
            if tamper.acts:
                tamper.from_device(frame, link.now_us)
                return
        self._out += frame

    def _release(self, tamper: Tamper) -> None:
        if self._link is not None:
            for _, piece in tamper.due(self._link.now_us):
                self._out += piece


class ModbusTcpFace:
    """The unit's TCP port: at most three connections (or as many as it is made with), one more is refused while they are open."""

    __slots__ = ("_connections", "_link", "_most", "_unit")

    def __init__(self, unit: Unit, most: int = CONNECTIONS) -> None:
        self._unit = unit
        self._most = most
        self._link: Link | None = None
        self._connections: list[TcpConnection] = []

    def tampered(self, link: Link) -> None:
        """From now on what passes on new connections may be tampered with."""
        self._link = link

    def connect(self) -> TcpConnection | None:
        """A new connection, or None if all are open, the unit is booting or the wire is gone."""
        if self._link is not None and self._link.gone:
            return None
        self._connections = [connection for connection in self._connections if not connection.closed]
        if len(self._connections) >= self._most or self._unit.boot_left_ms:
            return None
        connection = TcpConnection(self._unit, self._link)
        self._connections.append(connection)
        return connection


class ModbusRtuFace:
    """The unit on a serial bus: answers its own address only, no broadcast and no damaged frame; a silence brings it back in step."""

    __slots__ = ("_answer", "_in", "_last_us", "_lost", "_out", "_unit", "_unit_id")

    def __init__(self, unit: UnitFirmware, unit_id: int = 1) -> None:
        self._unit = unit
        self._answer = _answers(unit)
        self._unit_id = unit_id
        self._in = bytearray()
        self._out = bytearray()
        self._last_us = 0
        self._lost = False

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes off the wire, with the time of the last of them."""
        if not data:
            return
        silence_us = now_us - self._last_us
        self._last_us = now_us
        if self._unit.mute:
            self._in.clear()
            return
        if self._lost:
            if silence_us < RESYNC_SILENCE_US:
                return
            self._lost = False
        elif self._in and silence_us > FRAME_SILENCE_US:
            self._in.clear()
        self._in += data
        self._take_frames()

    @property
    def waiting(self) -> bool:
        """Whether a frame has begun to come in, or an answer has not been taken."""
        return bool(self._in or self._out)

    def transmit(self, now_us: int) -> bytes:
        """Reply bytes for the wire; also notices that a silence has ended a frame whose length only silence can tell."""
        if self._in and now_us - self._last_us >= FRAME_SILENCE_US:
            if codec.rtu_request_length(self._in) < 0:
                self._serve(self._in)
            self._in.clear()
        if not self._out:
            return b""
        data = bytes(self._out)
        self._out.clear()
        return data

    def _take_frames(self) -> None:
        while self._in:
            length = codec.rtu_request_length(self._in)
            if length > codec.RTU_MAX or len(self._in) > 2 * codec.RTU_MAX:
                self._lose()
            elif length <= 0 or len(self._in) < length:
                return
            elif codec.rtu_whole(self._in[:length]):
                self._serve(self._in[:length])
                del self._in[:length]
            else:
                self._lose()

    def _lose(self) -> None:
        """A damaged frame: nothing more is believed until the wire has been silent."""
        self._in.clear()
        self._lost = True

    def _serve(self, frame: bytearray) -> None:
        if not codec.rtu_whole(frame) or frame[0] != self._unit_id:
            return
        self._out += codec.rtu_frame(self._unit_id, self._answer(bytes(frame[1:-2])))
