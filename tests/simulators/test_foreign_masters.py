"""Three foreign Modbus stacks read every block of the simulated unit, whole, and are refused as docs/safety-unit.md says; a refused write changes nothing.
The unit's time stands still, so that every register can be compared with the unit's own."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from foreign_masters import MASTERS, Master, Said, Served
from unit_bench import COMMITTED, IDLE, KEY, pack_set

from simulators import unit_registers
from simulators.endpoints import PtyEndpoint, TcpEndpoint
from simulators.modbus_face import ModbusRtuFace
from simulators.unit_firmware import UnitFirmware
from simulators.unit_memory import UnitConfig
from simulators.world import World

pytestmark = pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning")
BLOCKS = ((0x0000, 30), (0x0100, 64), (0x0300, 28), (0x0340, 30), (0x0400, 72), (0x0448, 72))
"""Every register of docs/safety-unit.md that can be read."""
SET = pack_set(applicator=0x35, filter=0xF2)
CRC = zlib.crc32(SET)


def registers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 2}H", data)


@dataclass(frozen=True)
class Line:
    """The RTU face as a line without a speed."""

    face: ModbusRtuFace
    gone: bool = False
    breaks: int = 0
    stalled: bool = False

    def host_write(self, data: bytes, now_us: int) -> int:
        self.face.receive(data, now_us)
        return len(data)

    def host_read(self, now_us: int) -> bytes:
        return self.face.transmit(now_us)


@dataclass(frozen=True)
class Bench:
    """A master, and the unit that it talks to."""

    master: Master
    unit: UnitFirmware

    def truth(self) -> dict[int, tuple[int, ...]]:
        """Every block as the unit itself has it."""
        return {at: registers(unit_registers.read(self.unit, at, count) or b"") for at, count in BLOCKS}

    def read(self) -> dict[int, Said]:
        """Every block as it comes over the wire."""
        return {at: self.master.read(at, count) for at, count in BLOCKS}


@pytest.fixture(params=MASTERS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    world = World(unit_config=UnitConfig(site_key=KEY))
    world.advance(1_500_000)
    if request.param.endswith("-tcp"):
        tcp = TcpEndpoint("127.0.0.1", 0, world.unit_tcp)
        served, link = Served(tcp), f"tcp:127.0.0.1:{tcp.port}"
    else:
        served = Served(PtyEndpoint(tmp_path / "unit", Line(ModbusRtuFace(world.unit))))
        link = f"pty:{tmp_path / 'unit'}"
    master = MASTERS[request.param](link)
    try:
        yield Bench(master, world.unit)
    finally:
        master.close()
        served.close()


def test_every_register_before_and_after_a_set_is_committed(bench: Bench) -> None:
    assert bench.read() == bench.truth()
    assert bench.master.read(0x0106, 1) == (IDLE,)
    assert bench.master.write(0x0300, registers(SET)) == ()
    assert bench.master.write(0x031C, (CRC >> 16, CRC & 0xFFFF)) == ()
    assert bench.unit.nv.active == SET
    assert bench.master.read(0x0106, 1) == (COMMITTED,)
    said = bench.read()
    assert said == bench.truth()
    assert said[0x0300] == registers(SET)
    assert said[0x0340] == (*registers(SET), CRC >> 16, CRC & 0xFFFF)
    assert bench.master.write_one(0x0210, 1) == ()
    assert bench.master.read(0x0106, 2) == (IDLE, 18)


def refused(master: Master) -> Iterator[tuple[str, Said, int]]:
    """What is asked, what comes back, and the exception of docs/safety-unit.md."""
    yield "coils", master.read_coils(0, 8), 1
    yield "no such block", master.read(0x0500, 1), 2
    yield "one register past a block", master.read(0x0340, 31), 2
    yield "a block that is only written", master.read(0x0320, 8), 2
    yield "half a block", master.write(0x0300, registers(SET)[:14]), 2
    yield "function 6 elsewhere", master.write_one(0x0330, 1), 2
    yield "commit with another sum", master.write(0x031C, (CRC >> 16, CRC & 0xFFFF ^ 1)), 3
    yield "ARM without a signature", master.write(0x0320, (0, 1, CRC >> 16, CRC & 0xFFFF, 0, 0, 0, 0)), 3
    yield "RESET without a signature", master.write(0x0328, (0, 1, 0x5253, 0, 0, 0, 0, 0)), 3
    yield "UNLATCH", master.write(0x0334, (0, 0x554C)), 3


def test_every_refusal_and_a_refused_write_changes_nothing(bench: Bench) -> None:
    assert bench.master.write(0x0300, registers(SET)) == ()
    assert bench.master.write(0x031C, (CRC >> 16, CRC & 0xFFFF)) == ()
    before = bench.truth()
    bench.master.refusing = True
    for asked, came, code in refused(bench.master):
        assert came == code, asked
        assert bench.truth() == before, asked


def test_function_23_writes_then_reads(bench: Bench) -> None:
    """The status that comes back echoes the sequence that went out with it; an older sequence is refused, other blocks are none."""
    if not bench.master.both:
        assert bench.master.write(0x0200, (0, 7, 0, 0, 0, 0, 0, 0)) == ()
        assert bench.unit.host_seq == 7
        return
    status = bench.master.write_read(0x0200, (0, 7, 0, 0, 0, 0, 0, 0), 0x0100, 32)
    assert status == bench.truth()[0x0100][:32]
    assert bench.unit.host_seq == 7
    bench.master.refusing = True
    assert bench.master.write_read(0x0200, (0, 7, 0, 0, 0, 0, 0, 0), 0x0100, 32) == 3
    assert bench.master.write_read(0x0200, (0, 8, 0, 0, 0, 0, 0, 0), 0x0000, 30) == 2
    assert bench.unit.host_seq == 7
