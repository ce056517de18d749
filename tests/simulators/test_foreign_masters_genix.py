"""Two foreign Modbus stacks read every coil and register of the simulated GeniX3D, order its shutter, and are refused where its map has nothing.
The source's time goes on while it is served, so that what moves with it (the heartbeat) is left out of the comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from foreign_masters import MASTERS, Master, Said, Served

from simulators.alone import GeneratorAlone
from simulators.endpoints import TcpEndpoint
from simulators.generator_genix3d import PROFILE, Genix3dFirmware

STATUS, ORDERS, END = 210, 240, 253
HEARTBEAT = 234
OPEN_SHUTTER, CLOSE_SHUTTER, STANDBY = 247, 248, 250
SHUTTER_CLOSED, SHUTTER_OPEN = 236, 237


class Bench:
    """A master, and the source that it talks to."""

    def __init__(self, stack: str) -> None:
        self.world = GeneratorAlone(replace(PROFILE, generator_baud=0), 1)
        self.world.advance(6_000_000)
        endpoint = TcpEndpoint("127.0.0.1", 0, self.world.generator_tcp)
        self._served = Served(endpoint, lambda: self.world.advance(self.world.now_us + 1000))
        self.master: Master = MASTERS[stack](f"tcp:127.0.0.1:{endpoint.port}")

    @property
    def source(self) -> Genix3dFirmware:
        firmware = self.world.plant.generator
        assert isinstance(firmware, Genix3dFirmware)
        return firmware

    def coils(self) -> dict[int, int]:
        """Every coil as it comes over the wire, but the heartbeat."""
        said = self.master.read_coils(STATUS, END - STATUS)
        assert isinstance(said, tuple)
        return {STATUS + place: up for place, up in enumerate(said[: END - STATUS]) if STATUS + place != HEARTBEAT}

    def truth(self) -> dict[int, int]:
        """Every coil as the source itself has it, but the heartbeat."""
        return {at: int(up) for at, up in (self.source.status() | self.source.orders).items() if at != HEARTBEAT}

    def close(self) -> None:
        self.master.close()
        self._served.close()


@pytest.fixture(params=[name for name in MASTERS if name.endswith("-tcp")])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(request.param)
    yield made
    made.close()


def test_every_coil_and_register(bench: Bench) -> None:
    assert bench.coils() == bench.truth()
    assert bench.master.read_coils(ORDERS, END - ORDERS) == (0,) * (END - ORDERS)
    assert bench.master.read(50, 2) == (0, 0)
    assert bench.master.read(54, 3) == (254, 0, 0)


def test_an_order_is_carried_out(bench: Bench) -> None:
    """A coil is written by one master and read back; the shutter goes open and shut, and X-rays stay off."""
    for coil, up, opens in ((OPEN_SHUTTER, True, 1), (OPEN_SHUTTER, False, 1), (CLOSE_SHUTTER, True, 0)):
        assert bench.master.write_coil(coil, up) == ()
        for _ in range(1000):
            came = bench.coils()
            if (came[SHUTTER_OPEN], came[SHUTTER_CLOSED]) == (opens, 1 - opens):
                break
        assert (came[coil], came[SHUTTER_OPEN], came[SHUTTER_CLOSED], came[251]) == (int(up), opens, 1 - opens, 0)
    assert bench.coils() == bench.truth()


def refused(master: Master) -> Iterator[tuple[str, Said, int]]:
    """What is asked, what comes back, and the exception: 1 for a function that the source has not, 2 where its map has nothing."""
    yield "a coil before the first", master.read_coils(STATUS - 1, 2), 2
    yield "a coil past the last", master.read_coils(ORDERS, END - ORDERS + 1), 2
    yield "a register between the blocks", master.read(52, 1), 2
    yield "registers over the gap", master.read(50, 5), 2
    yield "a status coil written", master.write_coil(STATUS, True), 2
    yield "no such order", master.write_coil(END, True), 2
    yield "function 6", master.write_one(50, 1), 1
    yield "function 16", master.write(50, (1, 2)), 1
    yield "function 23", master.write_read(50, (1, 2), 50, 2), 1


def test_every_refusal_and_it_changes_nothing(bench: Bench) -> None:
    before = bench.truth()
    for asked, came, code in refused(bench.master):
        assert came == code, asked
    assert bench.truth() == before
    assert bench.master.write_coil(STANDBY, False) == ()
