"""Two foreign Modbus stacks read every point, counter and register of the simulated ADAM-6050, drive its outputs, and see its fail-safe values after a silence.
The module's time is moved by the test alone, between requests."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest
from foreign_masters import MASTERS, Master, Served

from simulators.bench_adam_6050 import CONNECTIONS, Adam6050
from simulators.endpoints import TcpEndpoint
from simulators.modbus_face import ModbusTcpFace
from simulators.seam import UnitInputs, UnitOutputs

REGISTERS = ((0, 24), (210, 4), (300, 3), (305, 1))
OUTPUT_AT, OUTPUTS = 16, 6
CHAMBER_1, OUTPUT_WORD = 20, 302


class Bench:
    """A master, and the module that it talks to; door closed in both channels, emergency stop in one, a key in TREAT, both chambers at work."""

    def __init__(self, stack: str) -> None:
        self.module = Adam6050()
        self.now_us = 0
        self.outputs = UnitOutputs()
        pins = replace(UnitInputs(), door_a=True, door_b=True, estop_a=True, estop_b=False, contact_a=False)
        self.pins = replace(pins, key_treat_a=True, k1_mirror_open=True, k2_mirror_open=False)
        endpoint = TcpEndpoint("127.0.0.1", 0, ModbusTcpFace(self.module, CONNECTIONS))
        self.pass_ms(100)
        self._served = Served(endpoint)
        self.master: Master = MASTERS[stack](f"tcp:127.0.0.1:{endpoint.port}")

    def pass_ms(self, ms: int) -> None:
        """Each ms, two pulses of chamber 1 and one of chamber 2."""
        for _ in range(ms):
            self.now_us += 1000
            pulses_1, pulses_2 = self.pins.pulses_1 + 2, self.pins.pulses_2 + 1
            self.pins = replace(self.pins, pulses_1=pulses_1, pulses_2=pulses_2)
            self.module.scan(self.now_us, self.pins, self.outputs)

    def close(self) -> None:
        self.master.close()
        self._served.close()


@pytest.fixture(params=[name for name in MASTERS if name.endswith("-tcp")])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param)
    yield made
    made.close()


def test_every_register_and_point(bench: Bench) -> None:
    for at, count in REGISTERS:
        own = bench.module.registers(at, count)
        assert own is not None
        assert bench.master.read(at, count) == struct.unpack(f">{count}H", own)
    assert bench.master.read(CHAMBER_1, 4) == (200, 0, 100, 0)
    points = (1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0)
    assert bench.master.read_inputs(0, 12) == points == bench.master.read_coils(0, 12)
    assert bench.master.read_coils(OUTPUT_AT, OUTPUTS) == (0,) * OUTPUTS


def test_outputs_are_written_read_back_and_dropped_after_a_silence(bench: Bench) -> None:
    assert bench.master.write_coils(OUTPUT_AT, (0, 1, 0, 1, 0, 0)) == ()
    assert bench.master.write_coil(OUTPUT_AT + 2, True) == ()
    assert bench.master.read(OUTPUT_WORD, 1) == (0b1110,)
    bench.pass_ms(900)
    assert (bench.outputs.k1_close, bench.outputs.k2_close, bench.outputs.ready_lamp) == (False, True, True)
    assert bench.master.read_coils(OUTPUT_AT, OUTPUTS) == (0, 1, 1, 1, 0, 0)
    bench.pass_ms(1001)
    assert (bench.outputs.k2_close, bench.outputs.ready_lamp) == (False, False)
    assert bench.master.read_coils(OUTPUT_AT, OUTPUTS) == (0,) * OUTPUTS
    assert bench.master.write_one(OUTPUT_WORD, 0b1000) == ()
    assert bench.module.outputs == 0b1000


def test_every_refusal_and_it_changes_nothing(bench: Bench) -> None:
    bench.master.refusing = True
    assert bench.master.read(24, 1) == 2
    assert bench.master.read(210, 5) == 2
    assert bench.master.read_coils(12, 1) == 2
    assert bench.master.read_inputs(OUTPUT_AT, OUTPUTS + 1) == 2
    assert bench.master.write_coils(0, (1, 1)) == 2
    assert bench.master.write_coils(OUTPUT_AT + 5, (1, 1)) == 2
    assert bench.master.write_one(300, 1) == 2
    assert bench.master.write_one(OUTPUT_WORD, 64) == 3
    assert bench.module.outputs == 0
