"""Two foreign Modbus stacks read every table of the simulated WAGO coupler, set its watchdog up, let it expire and bring it back, with its own exceptions.
The coupler's time is moved by the test alone, between requests."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest
from foreign_masters import MASTERS, Master, Served

from simulators.bench_wago_750 import CONNECTIONS, Wago750
from simulators.endpoints import TcpEndpoint
from simulators.modbus_face import ModbusTcpFace
from simulators.seam import UnitInputs, UnitOutputs

WD_TIME, WD_LOW, WD_TRIGGER, WD_STOP, WD_STATE, WD_RESTART = (
    0x1000, 0x1001, 0x1003, 0x1005, 0x1006, 0x1007,
)  # fmt: skip
RUNNING = 1
REGISTERS = ((0x0000, 4), (0x0200, 1), (WD_TIME, 11), (0x1031, 3), (0x2030, 64))
FEEDS = 1 << 14
"""Function 15 alone."""


class Bench:
    """A master, and the coupler that it talks to; door closed, a key in TREAT, an applicator on."""

    def __init__(self, stack: str) -> None:
        self.coupler = Wago750()
        self.now_us = 0
        self.outputs = UnitOutputs()
        pins = replace(UnitInputs(), door_a=True, door_b=True, key_treat_a=True, key_treat_b=True, applicator_a=0x35)
        self.pins = replace(pins, applicator_b=0x35, k1_mirror_open=True, kv_centi=0)
        endpoint = TcpEndpoint("127.0.0.1", 0, ModbusTcpFace(self.coupler, CONNECTIONS))
        self.pass_ms(10)
        self._served = Served(endpoint)
        self.master: Master = MASTERS[stack](f"tcp:127.0.0.1:{endpoint.port}")

    def pass_ms(self, ms: int) -> None:
        for _ in range(ms):
            self.now_us += 1000
            self.coupler.scan(self.now_us, self.pins, self.outputs)

    def close(self) -> None:
        self.master.close()
        self._served.close()


@pytest.fixture(params=[name for name in MASTERS if name.endswith("-tcp")])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param)
    yield made
    made.close()


def bits(value: int | None, count: int) -> tuple[int, ...]:
    assert value is not None
    return tuple(value >> place & 1 for place in range(count))


def test_every_register_input_and_coil(bench: Bench) -> None:
    for at, count in REGISTERS:
        own = bench.coupler.registers(at, count)
        assert own is not None
        assert bench.master.read(at, count) == struct.unpack(f">{count}H", own)
    inputs = bits(bench.coupler.inputs(0, 64), 64)
    assert bench.master.read_inputs(0, 64) == inputs == bench.master.read_coils(0, 64)
    assert (inputs[1], inputs[2], inputs[16 + 1], inputs[32:40]) == (1, 1, 1, bits(0x35, 8))
    assert bench.master.read(0x2030, 6) == (0x9001, 0x9001, 0x9001, 0x9001, 0x8802, 0)


def test_outputs_are_written_and_read_back(bench: Bench) -> None:
    assert bench.master.write_coils(0, (0, 1, 0, 1, 0, 0, 0, 0)) == ()
    assert bench.master.read_coils(512, 8) == (0, 1, 0, 1, 0, 0, 0, 0)
    assert bench.master.write_coil(2, True) == ()
    assert bench.master.read(0x0200, 1) == (0b1110,)
    bench.pass_ms(2)
    assert (bench.outputs.k1_close, bench.outputs.k2_close, bench.outputs.beam_lamp, bench.outputs.ready_lamp) == (
        False, True, True, True,
    )  # fmt: skip
    assert bench.master.write_one(0x0000, 0) == ()
    assert bench.coupler.outputs == 0


def test_what_it_has_not_is_exception_2(bench: Bench) -> None:
    bench.master.refusing = True
    assert bench.master.read(0x0004, 1) == 2
    assert bench.master.read(0x100A, 2) == 2
    assert bench.master.read_coils(1024, 1) == 2
    assert bench.master.read_inputs(511, 2) == 2
    assert bench.master.write_coils(511, (1, 1)) == 2
    assert bench.master.write_one(0x3000, 1) == 2


def test_the_watchdog_and_its_exceptions(bench: Bench) -> None:
    """Set up, started, fed by function 15 alone; expired, everything is exception 4 but for the one write that restarts it."""
    master = bench.master
    for at, value in ((WD_STOP, 0xAAAA), (WD_STOP, 0x5555), (WD_TIME, 3), (WD_LOW, FEEDS), (WD_TRIGGER, 1)):
        assert master.write_one(at, value) == ()
    assert master.read(WD_STATE, 1) == (RUNNING,)
    assert master.write_one(WD_TIME, 5) == 3
    for _ in range(4):
        bench.pass_ms(200)
        assert master.write_coils(0, (0, 0, 0, 1, 0, 0, 0, 0)) == ()
    bench.pass_ms(200)
    assert master.read(WD_STATE, 1) == (RUNNING,)
    bench.pass_ms(150)
    assert bench.coupler.outputs == 0
    assert master.read(WD_STATE, 1) == 4
    assert master.write_coils(0, (1, 0, 0, 0, 0, 0, 0, 0)) == 4
    assert master.write_one(WD_RESTART, 2) == 4
    assert master.write_one(WD_RESTART, 1) == ()
    assert master.read(WD_STATE, 1) == (RUNNING,)
    assert master.read_coils(512, 8) == (0,) * 8
