"""The masters in Python of make bench-wire work, and say so when an answer is not the expected one: ours, and pymodbus's sync and async clients.
The slaves are other stacks' in threads; how long anything takes is not looked at."""

from __future__ import annotations

import os
import pty
import select
import struct
import threading
import tty
from collections.abc import Iterator

import pytest
from foreign_slaves import ModbusTkRtu, PyModbusTcp

from benchmarks.wire_masters import MASTERS, timed
from simulators import modbus_codec

pytestmark = pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning")
FLAGS = b"\x0222,0,1,1,0,0,0,1,0,0,0,1,0,0,0,0,1,1,"


def device(pdu: bytes) -> bytes:
    """Register n holds 257 n + 3, as in benchmarks/c/modbus_slave.c."""
    return modbus_codec.answer(
        pdu, lambda at, words: struct.pack(f">{words}H", *(257 * n + 3 for n in range(at, at + words))), lambda *_: 2
    )


@pytest.fixture
def comma() -> Iterator[str]:
    """Answers whatever comes as benchmarks/c/comma_slave.c does: 17 flags under a right check character ('N', worked by hand: the sum is 0x6B2)."""
    master, held = pty.openpty()
    tty.setraw(held)
    ends, end = os.pipe()

    def serve() -> None:
        while ends not in (ready := select.select([master, ends], [], [])[0]):
            if ready and os.read(master, 100):
                os.write(master, FLAGS + b"N\x03")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"pty:{os.ttyname(held)}"
    os.close(end)
    thread.join()
    for fd in (master, held, ends):
        os.close(fd)


@pytest.mark.parametrize("name", [name for name in MASTERS if name.endswith("-tcp")])
def test_masters_over_tcp(name: str) -> None:
    slave = PyModbusTcp(device, 1)
    try:
        assert len(MASTERS[name](slave.link, 2, 5)) == 5
    finally:
        slave.close()


@pytest.mark.parametrize("name", [name for name in MASTERS if name.endswith("-rtu")])
def test_masters_over_a_pty(name: str) -> None:
    slave = ModbusTkRtu(device, 1)
    try:
        assert min(MASTERS[name](slave.link, 2, 5)) > 0
    finally:
        slave.close()


def test_the_master_of_the_comma_protocol(comma: str) -> None:
    assert len(MASTERS["kerma-comma"](comma, 2, 5)) == 5


def test_a_wrong_answer_ends_the_contest() -> None:
    with pytest.raises(SystemExit, match="said 2, not 1"):
        timed(lambda: 2, 1, 0, 1)
