"""The drivers of bought I/O on slaves that are not ours and not pymodbus: known, watchdog proved, armed, expired and back as on our own simulated port.
The device's time is turned by hand and waits for the foreign stack's threads."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from foreign_slaves import STACKS, Answer, Patient, Slave, ask

from hal import registry
from hal.commands import Arm, Plan, SetUp
from hal.errors import Trouble
from hal.exchange import Exchange
from hal.machine import Renewal
from hal.modbus import (
    Question,
    Registers,
    TcpDialect,
    answer_of,
    pdu_bytes,
    read,
    read_coils,
    read_inputs,
    read_write,
    write_coils,
    write_one,
)
from hal.readings import Relay, UnitState
from hal.registry import SafetyUnitSetting
from hal.transport import Pipe, open_pipe
from hal.units import Seconds
from simulators.profile import DEFAULT
from simulators.units import BENCH_IO, in_place
from simulators.world import World
from verification.pipes import FacePipe

pytestmark = [
    # modbus_tk's own loop asks its Event by the old name.
    pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning"),
]
OWN = "own"
OVER_TCP = tuple(stack for stack in STACKS if stack.endswith("-tcp"))
EPOCH_S = 900.0
SETTLED_TICKS = 60
STAGING = struct.pack(
    ">IIIIHHBBBBHHHHQQBBHHH",
    *(60_000, 65_000, 0, 0, 200, 2000, 0x35, 0xF2, 30, 6, 0x1E1E, 60, 0, 0, 1, 2, 0x3C, 0x5A, 0xF00F, 0, 40),
)  # fmt: skip
PLAN = Plan(0, 0, 0, 0, STAGING, zlib.crc32(STAGING))
K2_CLOSED = Relay.K2_COMMAND.value | Relay.K2_MIRROR_OPEN.value
CLOCKED = (
    "asked_at_s", "scan", "host_seq_echo", "challenge", "sample_us", "lease_left_ms", "uptime_s", "arm_left_s",
    "renewals_not_held", "counts_1", "counts_2", "rate_1", "rate_2", "kv_monitor", "ma_monitor",
)  # fmt: skip


def device_of(world: World) -> Answer:
    """The simulated I/O as a device without a wire."""
    unit: Any = world.unit
    answer: Answer = unit.answer
    return answer


class Bench:
    """A driver and its I/O, over our own face in memory or over a foreign stack's threads and a real socket."""

    def __init__(self, name: str, stack: str) -> None:
        self.world = World(in_place(DEFAULT, name), 1)
        self.world.advance(1_500_000)
        self.slave: Slave | None = None if stack == OWN else STACKS[stack](device_of(self.world), 1)
        self.pipes: list[Pipe] = []
        link = "tcp:127.0.0.1:502" if self.slave is None else self.slave.link
        setting = SafetyUnitSetting(link, 0, 1, BENCH_IO[name].serial, True, b"", 0.002, 0.01)
        self.unit = registry.safety_unit(name).make(setting, self._open)

    def _open(self, link: str, baud: int) -> Pipe:
        pipe: Pipe = FacePipe(self.world.unit_tcp)
        if self.slave is not None:
            pipe = Patient(open_pipe(link, baud), packets=True)
        self.pipes.append(pipe)
        return pipe

    @property
    def now(self) -> Seconds:
        return Seconds(EPOCH_S + self.world.now_us * 1e-6)

    def _wait(self) -> None:
        for pipe in self.pipes:
            if isinstance(pipe, Patient):
                pipe.wait()

    def tick(self, renew: Renewal | None = None) -> None:
        """10 ms of the device's life; every reply of a foreign stack is in before the next step, however long its threads take."""
        self._wait()
        self.world.advance(self.world.now_us + 8000)
        self.unit.ask(renew, self.now, True)
        self._wait()
        self.world.advance(self.world.now_us + 2000)
        self.unit.take(self.now)

    def until(self, what: str, reached: Callable[[], object], renew: Renewal | None = None) -> None:
        for _ in range(1000):
            if reached():
                return
            self.tick(renew)
        raise AssertionError(
            f"{what} did not come: {self.unit.refusal} {self.unit.identity} {self.unit.link(self.now)}"
        )

    def state(self) -> int | None:
        return None if self.unit.status is None else self.unit.status.state

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.close()
        if self.slave is not None:
            self.slave.close()


def told(reading: Any) -> dict[str, Any] | None:
    """A reading without what only time changes."""
    if reading is None:
        return None
    return {key: value for key, value in msgspec.structs.asdict(reading).items() if key not in CLOCKED}


def story(name: str, stack: str) -> list[tuple[str, Any]]:
    """What the driver reads from an unknown port to ARMED, through a watchdog that expires, and back."""
    bench = Bench(name, stack)
    unit, seen = bench.unit, []

    def tell(stage: str, renew: Renewal | None = None) -> None:
        for _ in range(SETTLED_TICKS):
            bench.tick(renew)
        link = unit.link(bench.now)
        seen.append((stage, (told(unit.identity), told(unit.status), told(unit.active), link.lost)))

    try:
        bench.until("identity and status", lambda: unit.identified and unit.status and not unit.link(bench.now).lost)
        tell("known")
        unit.want(SetUp(PLAN), bench.now)
        bench.until("COMMITTED", lambda: bench.state() == UnitState.COMMITTED)
        tell("committed")
        unit.want(Arm(1, PLAN.staging_crc), bench.now)
        bench.until("ARMED", lambda: bench.state() == UnitState.ARMED, Renewal(1, 200))
        tell("armed", Renewal(1, 200))
        # The host stands still for longer than any watchdog: the device has ended everything, and answers so until it is restarted.
        bench.world.advance(bench.world.now_us + 3_000_000)
        bench.until("known again", lambda: bench.state() == UnitState.IDLE and not unit.link(bench.now).lost)
        tell("after a silence")
        unit.off(bench.now, at_once=True)
        tell("off")
    finally:
        bench.close()
    return seen


@pytest.mark.parametrize("stack", OVER_TCP)
@pytest.mark.parametrize("name", BENCH_IO)
def test_the_driver_reads_the_same_on_a_foreign_slave(name: str, stack: str) -> None:
    foreign, own = story(name, stack), story(name, OWN)
    for (stage, theirs), (_, ours) in zip(foreign, own, strict=True):
        assert theirs == ours, stage
    stages = dict(foreign)
    assert stages["armed"][1]["state"] == UnitState.ARMED
    assert stages["armed"][1]["relays"] & K2_CLOSED == Relay.K2_COMMAND.value
    assert stages["after a silence"][1]["relays"] & K2_CLOSED == Relay.K2_MIRROR_OPEN.value


PASS = read("three seconds pass", 0, 1)
"""Not asked: time goes on instead."""
QUESTIONS: dict[str, tuple[Question, ...]] = {
    "wago-750": (
        read_inputs("inputs", 0, 64),
        read_coils("outputs", 0x0200, 8),
        read("input words", 0, 4),
        read("watchdog", 0x1000, 11),
        read("mac", 0x1031, 3),
        read("modules", 0x2030, 64),
        write_coils("put", 0, 0b1010, 8),
        read_coils("outputs", 0x0200, 8),
        read("past the watchdog", 0x100A, 2),
        read_inputs("over the edge", 511, 2),
        write_coils("past the outputs", 511, 3, 2),
        write_one("simple stop, wrong word", 0x1008, 1),
        write_one("stop 1", 0x1005, 0xAAAA),
        write_one("stop 2", 0x1005, 0x5555),
        write_one("time", 0x1000, 3),
        write_one("mask", 0x1001, 1 << 14),
        write_one("trigger", 0x1003, 1),
        write_one("time while it runs", 0x1000, 5),
        read_write("function 23", 0, b"\0\2", 0x0200, 1),
        read("state", 0x1006, 1),
        PASS,
        read("state, expired", 0x1006, 1),
        write_coils("put, expired", 0, 1, 8),
        write_one("restart", 0x1007, 1),
        read_coils("outputs", 0x0200, 8),
    ),
    "adam-6050": (
        read_inputs("inputs", 0, 12),
        read_coils("outputs", 16, 6),
        read("counters", 0, 24),
        read("name", 210, 4),
        read("points", 300, 3),
        read("logic", 305, 1),
        write_coils("put", 16, 0b1010, 6),
        read("points", 300, 3),
        read("past the counters", 24, 1),
        read_inputs("between", 12, 1),
        write_coils("an input", 0, 1, 1),
        write_one("an input word", 300, 1),
        write_one("outputs that it has not", 302, 64),
        PASS,
        read("points, after a silence", 300, 3),
    ),
}


@pytest.mark.parametrize("stack", OVER_TCP)
@pytest.mark.parametrize("name", BENCH_IO)
def test_same_tables_and_same_exceptions_while_time_stands_still(name: str, stack: str) -> None:
    """Every table of the device and every way to be refused: what comes back through the foreign frames is what the device itself says."""
    worlds = [World(in_place(DEFAULT, name), 1) for _ in range(2)]
    for world in worlds:
        world.advance(1_500_000)
    slave = STACKS[stack](device_of(worlds[0]), 1)
    pipe = open_pipe(slave.link, 0)
    exchange, own_device = Exchange(pipe, TcpDialect(1), 1e6, 0.0), device_of(worlds[1])
    refusals = set()
    try:
        for question in QUESTIONS[name]:
            if question is PASS:
                for world in worlds:
                    world.advance(world.now_us + 3_000_000)
                continue
            own = answer_of(own_device(pdu_bytes(question)), question)
            assert ask(exchange, pipe, question) == own, question
            if isinstance(own, Trouble):
                refusals.add(own.detail[:12])
            else:
                assert isinstance(own, Registers)
    finally:
        pipe.close()
        slave.close()
    expired = {"exception 4:"} if name == "wago-750" else set()
    assert refusals == {"exception 2:", "exception 3:"} | expired
