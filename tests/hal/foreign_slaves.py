"""Two Modbus stacks that are not pymodbus, as slaves: pyModbusTCP's server (TCP) and modbus_tk's (RTU on a real pty, and TCP), each in a thread of its own.
What they hold, and what they refuse, is a simulated device's own; framing, request checks and exceptions on the wire are theirs."""

from __future__ import annotations

import ctypes
import os
import select
import struct
from collections.abc import Callable
from typing import Any, Protocol

import serial
from modbus_tk import defines, modbus, modbus_rtu, modbus_tcp
from pyModbusTCP.server import DataHandler, ModbusServer

from hal.errors import Trouble
from hal.exchange import Exchange
from hal.modbus import Question, Registers
from hal.transport import Gone, Pipe
from hal.units import Seconds

READY_MOST_S = 10.0
COILS, INPUTS, HOLDING, INPUT_REGISTERS = 1, 2, 3, 4
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16

Answer = Callable[[bytes], bytes]
"""A simulated device: a request PDU in, its reply PDU out."""


class RefusedError(Exception):
    """The device's own exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def read_words(device: Answer, function: int, at: int, count: int) -> list[int]:
    """Registers of the device."""
    reply = _said(device, struct.pack(">BHH", function, at, count))
    return list(struct.unpack(f">{count}H", reply[2:]))


def read_bits(device: Answer, function: int, at: int, count: int) -> list[int]:
    """Coils or inputs of the device."""
    reply = _said(device, struct.pack(">BHH", function, at, count))
    return [reply[2 + place // 8] >> place % 8 & 1 for place in range(count)]


def write_words(device: Answer, at: int, words: list[int], single: bool) -> None:
    """One register by function 6, a block by 16, as it was asked."""
    if single:
        _said(device, struct.pack(">BHH", WRITE_REGISTER, at, *words))
    else:
        _said(device, struct.pack(f">BHHB{len(words)}H", WRITE_REGISTERS, at, len(words), 2 * len(words), *words))


def write_bits(device: Answer, at: int, bits: list[int], single: bool) -> None:
    """One coil by function 5, several by 15, as it was asked."""
    if single:
        _said(device, struct.pack(">BHH", WRITE_COIL, at, 0xFF00 * bool(bits[0])))
        return
    packed = sum(bool(bit) << place for place, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    _said(device, struct.pack(">BHHB", WRITE_COILS, at, len(bits), len(packed)) + packed)


def _said(device: Answer, pdu: bytes) -> bytes:
    reply = device(pdu)
    if reply[0] & 0x80:
        raise RefusedError(reply[1])
    return reply


class Slave(Protocol):
    """A served device: `link` is what a driver opens."""

    link: str

    def close(self) -> None: ...


class _Handler(DataHandler):  # type: ignore[misc]
    """pyModbusTCP's way to a device: values, or an exception code."""

    def __init__(self, device: Answer) -> None:
        super().__init__()
        self._device = device

    def _do(self, call: Callable[..., list[int] | None], *arguments: object) -> DataHandler.Return:
        try:
            return DataHandler.Return(exp_code=0, data=call(self._device, *arguments))
        except RefusedError as why:
            return DataHandler.Return(exp_code=why.code)

    def read_coils(self, address: int, count: int, srv_info: object) -> DataHandler.Return:  # noqa: ARG002
        return self._do(read_bits, COILS, address, count)

    def read_d_inputs(self, address: int, count: int, srv_info: object) -> DataHandler.Return:  # noqa: ARG002
        return self._do(read_bits, INPUTS, address, count)

    def read_h_regs(self, address: int, count: int, srv_info: object) -> DataHandler.Return:  # noqa: ARG002
        return self._do(read_words, HOLDING, address, count)

    def read_i_regs(self, address: int, count: int, srv_info: object) -> DataHandler.Return:  # noqa: ARG002
        return self._do(read_words, INPUT_REGISTERS, address, count)

    def write_coils(self, address: int, bits_l: list[int], srv_info: Any) -> DataHandler.Return:
        return self._do(write_bits, address, bits_l, srv_info.recv_frame.pdu.func_code == WRITE_COIL)

    def write_h_regs(self, address: int, words_l: list[int], srv_info: Any) -> DataHandler.Return:
        return self._do(write_words, address, words_l, srv_info.recv_frame.pdu.func_code == WRITE_REGISTER)


class PyModbusTcp:
    """pyModbusTCP's server; a thread for each connection."""

    def __init__(self, device: Answer, unit_id: int) -> None:  # noqa: ARG002 - it answers every address
        self._server = ModbusServer("127.0.0.1", 0, no_block=True, data_hdl=_Handler(device))
        self._server.start()
        self.link = f"tcp:127.0.0.1:{self._server._service.server_address[1]}"

    def close(self) -> None:
        self._server.stop()


class _Block:
    """What one request of modbus_tk reads or writes: read as a slice, written register by register and passed on when whole."""

    def __init__(self, device: Answer, kind: int, at: int, length: int, single: bool) -> None:
        self._device, self._kind, self._at, self._length, self._single = device, kind, at, length, single
        self._written: list[int] = []

    def __getitem__(self, part: slice) -> list[int]:
        read = read_bits if self._kind in (COILS, INPUTS) else read_words
        return self._do(read, self._kind, self._at, self._length)

    def __setitem__(self, place: int, value: int) -> None:
        self._written.append(value)
        if len(self._written) == self._length:
            self._do(write_bits if self._kind == COILS else write_words, self._at, self._written, self._single)

    def _do(self, call: Callable[..., list[int] | None], *arguments: object) -> list[int]:
        try:
            return call(self._device, *arguments) or []
        except RefusedError as why:
            raise modbus.ModbusError(why.code) from None


class _TkSlave(modbus.Slave):  # type: ignore[misc]
    """modbus_tk's slave over a device. Its own function 23 reads before it writes; the specification says the other way round, and so it is done here."""

    FUNCTIONS = {defines.COILS: COILS, defines.DISCRETE_INPUTS: INPUTS, defines.HOLDING_REGISTERS: HOLDING, defines.ANALOG_INPUTS: INPUT_REGISTERS}  # fmt: skip # noqa: RUF012

    def __init__(self, device: Answer, unit_id: int) -> None:
        super().__init__(unit_id)
        self._device = device
        self._single = False

    def handle_request(self, request_pdu: bytes, broadcast: bool = False) -> bytes:
        self._single = request_pdu[0] in (WRITE_COIL, WRITE_REGISTER)
        said: bytes = super().handle_request(request_pdu, broadcast)
        return said

    def _get_block_and_offset(self, block_type: int, address: int, length: int) -> tuple[_Block, int]:
        return _Block(self._device, self.FUNCTIONS[block_type], address, length, self._single), 0

    def _read_write_multiple_registers(self, request_pdu: bytes) -> bytes:
        self._write_multiple_registers(request_pdu[:1] + request_pdu[5:])
        said: bytes = self._read_holding_registers(request_pdu[:5])
        return said


class ReadsFirst(_TkSlave):
    """modbus_tk's slave as it is: function 23 reads first."""

    _read_write_multiple_registers = modbus.Slave._read_write_multiple_registers


def _databank(slave: modbus.Slave, unit_id: int) -> modbus.Databank:
    databank = modbus.Databank(error_on_missing_slave=False)
    databank._slaves[unit_id] = slave
    return databank


class _TkTcpServer(modbus_tcp.TcpServer):  # type: ignore[misc]
    """On a port of the kernel's choice, bound before the thread begins."""

    def __init__(self, databank: modbus.Databank) -> None:
        super().__init__(port=0, address="127.0.0.1", databank=databank)
        super()._do_init()
        self.port = self._sock.getsockname()[1]

    def _do_init(self) -> None:
        """Bound already."""


class ModbusTkTcp:
    """modbus_tk's TCP server: one thread, all connections."""

    def __init__(self, device: Answer, unit_id: int, slave: type[_TkSlave] = _TkSlave) -> None:
        self._server = _TkTcpServer(_databank(slave(device, unit_id), unit_id))
        self._server.start()
        self.link = f"tcp:127.0.0.1:{self._server.port}"

    def close(self) -> None:
        self._server.stop()


class ModbusTkRtu:
    """modbus_tk's RTU server on the master end of a pseudo-terminal that pyserial has opened; the other end is held open so that masters may come and go."""

    def __init__(self, device: Answer, unit_id: int) -> None:
        port = serial.Serial("/dev/ptmx", 115200)
        libc = ctypes.CDLL(None)
        libc.ptsname.restype = ctypes.c_char_p
        assert libc.unlockpt(port.fd) == 0
        path = libc.ptsname(port.fd).decode()
        self._held = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self._server = modbus_rtu.RtuServer(port, _databank(_TkSlave(device, unit_id), unit_id))
        self._server.start()
        self.link = f"pty:{path}"

    def close(self) -> None:
        self._server.stop()
        os.close(self._held)


STACKS: dict[str, Callable[[Answer, int], Slave]] = {
    "pyModbusTCP-tcp": PyModbusTcp,
    "modbus_tk-rtu": ModbusTkRtu,
    "modbus_tk-tcp": ModbusTkTcp,
}


class Patient:
    """A pipe that can be waited on until every request that left has its reply: real time, bounded. Frames are counted on TCP; on RTU any byte is the reply."""

    def __init__(self, pipe: Pipe, packets: bool) -> None:
        self._pipe = pipe
        self._packets = packets
        self._held = self._part = b""
        self._open = 0

    @property
    def fd(self) -> int | None:
        return self._pipe.fd

    def take(self) -> bytes:
        held, self._held = self._held, b""
        return held or self._read()

    def send(self, data: bytes) -> int:
        taken = self._pipe.send(data)
        self._open += taken > 0
        return taken

    def close(self) -> None:
        self._open = 0
        self._pipe.close()

    def wait(self) -> None:
        """Until nothing is open; what came is held for `take`."""
        while self._open and self.fd is not None:
            try:
                if not select.select([self.fd], [], [], READY_MOST_S)[0]:
                    return
                self._held += self._read()
            except Gone:  # the next take says so
                return

    def _read(self) -> bytes:
        data = self._pipe.take()
        if not self._packets:
            self._open = 0 if data else self._open
            return data
        self._part += data
        while len(self._part) >= 6 and len(self._part) >= (end := 6 + int.from_bytes(self._part[4:6], "big")):
            self._part = self._part[end:]
            self._open -= 1
        return data


def ask(exchange: Exchange[Question, Registers], pipe: Pipe, question: Question) -> Registers | Trouble:
    """One transaction of our own link layer, whose clock stands still; bytes are waited for in real time, bounded."""
    assert exchange.ask(question, Seconds(0.0))
    for _ in range(200):
        answer = exchange.poll(Seconds(0.0))
        if answer is not None:
            return answer.value
        if pipe.fd is not None:
            select.select(
                [pipe.fd] if exchange.flushed else [], [] if exchange.flushed else [pipe.fd], [], READY_MOST_S
            )
    raise AssertionError(f"no answer to {question}")
