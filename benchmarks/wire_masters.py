"""`python -m benchmarks.wire_masters NAME LINK`: one contestant in Python; each line "WARM COUNT" on stdin is one window, each line out its times in ns.
It knows what is asked of every contestant and what the answer must be, not how figures are compared."""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient, ModbusSerialClient, ModbusTcpClient

from controller.pace import KernelPace
from hal.clock import SystemClock
from hal.errors import Trouble
from hal.exchange import Dialect
from hal.generators import spellman_xrv
from hal.generators.spellman import CommaDialect, Order, Said
from hal.modbus import Registers, RtuDialect, TcpDialect, read
from hal.transport import open_pipe, parse_link
from hal.wire import Wire

BAUD: Final = 115200
UNIT: Final = 1
COUNT: Final = 20
REGISTERS: Final = tuple(257 * n + 3 for n in range(COUNT))
"""What the slave in C holds."""
FLAGS: Final = (0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
"""What the responder in C says to command 22."""
TICK_S: Final = 0.01
DEADLINE_S: Final = 0.2
DRAIN_S: Final = 0.02
TIMEOUT_S: Final = 1.0
WORDS: Final = struct.Struct(f">{COUNT}H")

Transact = Callable[[], object]
Window = Callable[[str, int, int], list[int]]


def timed(transact: Transact, expected: object, warm: int, count: int) -> list[int]:
    """`count` transactions after `warm` that are not counted; each answer must be the expected one."""
    took = []
    for _ in range(warm):
        _same(transact(), expected)
    for _ in range(count):
        begun = time.perf_counter_ns()
        got = transact()
        took.append(time.perf_counter_ns() - begun)
        _same(got, expected)
    return took


def _same(got: object, expected: object) -> None:
    if got != expected:
        raise SystemExit(f"the slave said {got}, not {expected}")


def _ours(
    dialect: Callable[[], Dialect[Any, Any]], question: Any, values: Callable[[Any], object], expected: object
) -> Window:
    """The product's path: its pipe, wire, exchange and dialect, waiting in its pace's slot."""

    def window(link: str, warm: int, count: int) -> list[int]:
        pace = KernelPace(SystemClock(), TICK_S)
        wire: Wire[Any, Any] = Wire(lambda: open_pipe(link, BAUD), dialect, DEADLINE_S, DRAIN_S)
        wire.serve(pace.now(), may_open=True)
        exchange, fd = wire.exchange, wire.fd
        if exchange is None or fd is None:
            raise SystemExit(f"{link}: {wire.link(lost=True).last_trouble}")
        fds = (fd,)

        def transact() -> object:
            exchange.ask(question, pace.now())
            while (answer := wire.poll(pace.slot(fds))) is None:
                pass
            return answer.value.words() if isinstance(answer.value, Trouble) else values(answer.value)

        try:
            return timed(transact, expected, warm, count)
        finally:
            wire.close(pace.now())

    return window


def _registers(value: Registers) -> tuple[int, ...]:
    return WORDS.unpack(value.data)


def _flags(value: Said) -> tuple[float, ...]:
    return value.numbers


def _pymodbus_sync(client: Callable[[str], Any]) -> Window:
    def window(link: str, warm: int, count: int) -> list[int]:
        master = client(link)
        if not master.connect():
            raise SystemExit(f"{link}: no connection")

        def transact() -> object:
            return tuple(master.read_holding_registers(0, count=COUNT, device_id=UNIT).registers)

        try:
            return timed(transact, REGISTERS, warm, count)
        finally:
            master.close()

    return window


def _pymodbus_async(client: Callable[[str], Any]) -> Window:
    async def talk(link: str, warm: int, count: int) -> list[int]:
        master = client(link)
        if not await master.connect():
            raise SystemExit(f"{link}: no connection")
        took = []
        try:
            for place in range(warm + count):
                begun = time.perf_counter_ns()
                got = await master.read_holding_registers(0, count=COUNT, device_id=UNIT)
                ended = time.perf_counter_ns()
                _same(tuple(got.registers), REGISTERS)
                if place >= warm:
                    took.append(ended - begun)
        finally:
            master.close()
        return took

    def window(link: str, warm: int, count: int) -> list[int]:
        run: Coroutine[Any, Any, list[int]] = talk(link, warm, count)
        return asyncio.run(run)

    return window


def _serial(link: str) -> dict[str, Any]:
    return {"port": parse_link(link).path, "baudrate": BAUD, "timeout": TIMEOUT_S, "retries": 0}


def _tcp(link: str) -> dict[str, Any]:
    address = parse_link(link)
    return {"host": address.host, "port": address.port, "timeout": TIMEOUT_S, "retries": 0}


MASTERS: Final[dict[str, Window]] = {
    "kerma-rtu": _ours(lambda: RtuDialect(UNIT), read("bench", 0, COUNT), _registers, REGISTERS),
    "kerma-tcp": _ours(lambda: TcpDialect(UNIT), read("bench", 0, COUNT), _registers, REGISTERS),
    "kerma-comma": _ours(
        lambda: CommaDialect(spellman_xrv.BOOK, packets=False), Order(spellman_xrv.FLAGS), _flags, FLAGS
    ),
    "pymodbus-sync-rtu": _pymodbus_sync(lambda link: ModbusSerialClient(**_serial(link))),
    "pymodbus-sync-tcp": _pymodbus_sync(lambda link: ModbusTcpClient(**_tcp(link))),
    "pymodbus-async-rtu": _pymodbus_async(lambda link: AsyncModbusSerialClient(**_serial(link))),
    "pymodbus-async-tcp": _pymodbus_async(lambda link: AsyncModbusTcpClient(**_tcp(link))),
}
"""Every contestant in Python; each makes its own client with its own defaults, no retries, and reads the same 20 registers (comma: the same flags)."""


def main(arguments: list[str]) -> int:
    """Answer orders until stdin ends."""
    name, link = arguments
    window = MASTERS[name]
    for line in sys.stdin:
        warm, count = (int(word) for word in line.split())
        sys.stdout.write(" ".join(map(str, window(link, warm, count))) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
