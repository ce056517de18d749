"""Three Modbus stacks that are not pymodbus, as masters with one face: pyModbusTCP (TCP), minimalmodbus (RTU), modbus_tk (TCP and RTU).
Each gives values, or the exception code that its slave sent; what is asked, and of whom, they do not know."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from typing import Any, Protocol

import minimalmodbus
import serial
from modbus_tk import defines, modbus, modbus_rtu, modbus_tcp
from pyModbusTCP.client import ModbusClient

from simulators.endpoints import Endpoint

BAUD = 115200
WAIT_S = 10.0
RTU_WAIT_S = 0.6
"""A refusal is shorter than the reply that minimalmodbus waits for: each costs it this long."""
REFUSAL_B = 5
CODES = {"illegal function": 1, "illegal data address": 2, "illegal data value": 3}

Said = tuple[int, ...] | int
"""Values (none for a write), or an exception code."""


class Master(Protocol):
    """Reads of holding registers, coils and inputs, writes by functions 16, 6, 5 and 15, and function 23 where `both` says that the stack has it.

    `refusing`: refusals are expected from now on; a stack that can be told need not wait for more bytes than those.
    """

    both: bool
    refusing: bool

    def read(self, at: int, count: int) -> Said: ...

    def read_coils(self, at: int, count: int) -> Said: ...

    def read_inputs(self, at: int, count: int) -> Said: ...

    def write(self, at: int, words: tuple[int, ...]) -> Said: ...

    def write_one(self, at: int, word: int) -> Said: ...

    def write_coil(self, at: int, up: bool) -> Said: ...

    def write_coils(self, at: int, bits: tuple[int, ...]) -> Said: ...

    def write_read(self, write_at: int, words: tuple[int, ...], read_at: int, count: int) -> Said: ...

    def close(self) -> None: ...


class PyModbusTcp:
    """pyModbusTCP's client; `last_except` is the slave's exception, anything else that failed is raised here."""

    both = True
    refusing = False

    def __init__(self, link: str, unit_id: int = 1) -> None:
        host, _, port = link.removeprefix("tcp:").rpartition(":")
        self._client = ModbusClient(host=host, port=int(port), unit_id=unit_id, timeout=WAIT_S)

    def _said(self, got: Any) -> Said:
        if got:
            return () if got is True else tuple(int(value) for value in got)
        if not self._client.last_except:
            raise AssertionError(self._client.last_error_as_txt)
        return int(self._client.last_except)

    def read(self, at: int, count: int) -> Said:
        return self._said(self._client.read_holding_registers(at, count))

    def read_coils(self, at: int, count: int) -> Said:
        return self._said(self._client.read_coils(at, count))

    def read_inputs(self, at: int, count: int) -> Said:
        return self._said(self._client.read_discrete_inputs(at, count))

    def write(self, at: int, words: tuple[int, ...]) -> Said:
        return self._said(self._client.write_multiple_registers(at, list(words)))

    def write_one(self, at: int, word: int) -> Said:
        return self._said(self._client.write_single_register(at, word))

    def write_coil(self, at: int, up: bool) -> Said:
        return self._said(self._client.write_single_coil(at, up))

    def write_coils(self, at: int, bits: tuple[int, ...]) -> Said:
        return self._said(self._client.write_multiple_coils(at, [bool(bit) for bit in bits]))

    def write_read(self, write_at: int, words: tuple[int, ...], read_at: int, count: int) -> Said:
        return self._said(self._client.write_read_multiple_registers(write_at, list(words), read_at, count))

    def close(self) -> None:
        self._client.close()


class MinimalModbus:
    """minimalmodbus; it knows no function 23."""

    both = False
    refusing = False

    def __init__(self, link: str, unit_id: int = 1) -> None:
        self._instrument = minimalmodbus.Instrument(link.removeprefix("pty:"), unit_id)
        assert self._instrument.serial is not None
        self._serial = self._instrument.serial
        self._serial.baudrate, self._serial.timeout = BAUD, RTU_WAIT_S

    def _do(self, call: Callable[..., Any], *arguments: Any, **more: Any) -> Said:
        try:
            got = call(*arguments, **more)
        except minimalmodbus.IllegalRequestError as why:
            return CODES[str(why).removeprefix("Slave reported ")]
        return () if got is None else tuple(got)

    def read(self, at: int, count: int) -> Said:
        return self._do(self._instrument.read_registers, at, count)

    def read_coils(self, at: int, count: int) -> Said:
        return self._do(self._instrument.read_bits, at, count, functioncode=1)

    def read_inputs(self, at: int, count: int) -> Said:
        return self._do(self._instrument.read_bits, at, count, functioncode=2)

    def write(self, at: int, words: tuple[int, ...]) -> Said:
        return self._do(self._instrument.write_registers, at, list(words))

    def write_one(self, at: int, word: int) -> Said:
        return self._do(self._instrument.write_register, at, word, functioncode=6)

    def write_coil(self, at: int, up: bool) -> Said:
        return self._do(self._instrument.write_bit, at, int(up), functioncode=5)

    def write_coils(self, at: int, bits: tuple[int, ...]) -> Said:
        return self._do(self._instrument.write_bits, at, list(bits))

    def write_read(self, write_at: int, words: tuple[int, ...], read_at: int, count: int) -> Said:
        raise AssertionError(f"function 23 of {write_at}, {words}, {read_at}, {count}: minimalmodbus has none")

    def close(self) -> None:
        self._serial.close()


class ModbusTk:
    """modbus_tk's master over TCP or RTU."""

    both = True
    refusing = False

    def __init__(self, link: str, unit_id: int = 1) -> None:
        self._unit_id = unit_id
        self._serial: serial.Serial | None = None
        if link.startswith("tcp:"):
            host, _, port = link.removeprefix("tcp:").rpartition(":")
            self._master: modbus.Master = modbus_tcp.TcpMaster(host, int(port), WAIT_S)
        else:
            self._serial = serial.Serial(link.removeprefix("pty:"), BAUD)
            self._master = modbus_rtu.RtuMaster(self._serial)
            self._master.set_timeout(WAIT_S)

    def _do(self, function: int, at: int, writes: bool = False, **more: Any) -> Said:
        try:
            length = REFUSAL_B if self.refusing else -1
            got = self._master.execute(self._unit_id, function, at, expected_length=length, **more)
        except modbus.ModbusError as why:
            return int(why.get_exception_code())
        return () if writes else tuple(got)

    def read(self, at: int, count: int) -> Said:
        return self._do(defines.READ_HOLDING_REGISTERS, at, quantity_of_x=count)

    def read_coils(self, at: int, count: int) -> Said:
        return self._do(defines.READ_COILS, at, quantity_of_x=count)

    def read_inputs(self, at: int, count: int) -> Said:
        return self._do(defines.READ_DISCRETE_INPUTS, at, quantity_of_x=count)

    def write(self, at: int, words: tuple[int, ...]) -> Said:
        return self._do(defines.WRITE_MULTIPLE_REGISTERS, at, True, output_value=words)

    def write_one(self, at: int, word: int) -> Said:
        return self._do(defines.WRITE_SINGLE_REGISTER, at, True, output_value=word)

    def write_coil(self, at: int, up: bool) -> Said:
        return self._do(defines.WRITE_SINGLE_COIL, at, True, output_value=int(up))

    def write_coils(self, at: int, bits: tuple[int, ...]) -> Said:
        return self._do(defines.WRITE_MULTIPLE_COILS, at, True, output_value=bits)

    def write_read(self, write_at: int, words: tuple[int, ...], read_at: int, count: int) -> Said:
        return self._do(
            defines.READ_WRITE_MULTIPLE_REGISTERS,
            read_at,
            quantity_of_x=count,
            write_starting_address_fc23=write_at,
            output_value=words,
        )

    def close(self) -> None:
        self._master.close()


MASTERS: dict[str, Callable[[str], Master]] = {
    "pyModbusTCP-tcp": PyModbusTcp,
    "modbus_tk-tcp": ModbusTk,
    "minimalmodbus-rtu": MinimalModbus,
    "modbus_tk-rtu": ModbusTk,
}


class Served:
    """An endpoint of a simulated device, served by a thread. Only the wire's time goes on; the device's stands still unless `advance` moves it."""

    def __init__(self, endpoint: Endpoint, advance: Callable[[], None] | None = None) -> None:
        self._endpoint = endpoint
        self._advance = advance
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        now_us = 1_000_000
        while not self._ended.is_set():
            select.select(self._endpoint.fds(), [], [], 0.02 if self._advance is None else 0.001)
            now_us += 1000
            if self._advance is not None:
                self._advance()
            self._endpoint.serve(now_us)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._endpoint.close()
