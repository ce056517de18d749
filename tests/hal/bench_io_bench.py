"""A host's driver of bought I/O with the simulated device at its other end, in virtual time over memory; every request can be seen.
It judges nothing; the device's own log and outputs say what reached it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from hal import registry
from hal.commands import Arm, Command, Plan, SetUp
from hal.machine import Renewal
from hal.readings import UnitState
from hal.registry import SafetyUnitSetting
from hal.transport import Gone, Pipe
from hal.units import Seconds
from simulators.profile import DEFAULT
from simulators.units import BENCH_IO, in_place
from simulators.world import World
from verification.pipes import FacePipe

EPOCH_S = 700.0
TICK_MS = 10
STAGING = struct.pack(
    ">IIIIHHBBBBHHHHQQBBHHH",
    *(5_000, 6_000, 50_000, 52_000, 200, 2000, 0x35, 0xF2, 30, 6, 0x1E1E, 60, 1000, 200, 1, 2, 0x3C, 0x5A, 0xF00F, 30, 40),
)  # fmt: skip
PLAN = Plan(0, 0, 0, 0, STAGING, zlib.crc32(STAGING))
RENEWAL = Renewal(1, 200)
HEADER_B = 7


@dataclass(frozen=True)
class Frame:
    """One request: which connection (in order of opening), when (us), its PDU."""

    connection: int
    at_us: int
    pdu: bytes


class IoBench:
    """`tick` asks, lets 2 ms pass and takes, as the loop does. What is sent on a connection that is one of `holes` arrives nowhere, and nobody says so;
    one that is `full` takes no byte."""

    def __init__(
        self, unit: str, serial: str | None = None, world: World | None = None, one_only: bool = False
    ) -> None:
        self.world = world or World(in_place(DEFAULT, unit), 1)
        self.device = self.world.unit
        self.frames: list[Frame] = []
        self.opened = 0
        self.cut = False
        self.holes: set[int] = set()
        self.full: set[int] = set()
        self.one_only = one_only
        self.pipes: list[Pipe] = []
        said = BENCH_IO[unit].serial if serial is None else serial
        self.setting = SafetyUnitSetting("tcp:127.0.0.1:502", 0, 1, said, True, bytes(32), 0.002, TICK_MS * 1e-3)
        self.driver = registry.safety_unit(unit)
        self.unit = self.driver.make(self.setting, self._open)

    def _open(self, _link: str, _baud: int) -> Pipe:
        if self.cut or (self.one_only and self.opened):
            raise Gone("the test has cut the cable")
        self.opened += 1
        pipe = Tap(FacePipe(self.world.unit_tcp), self, self.opened)
        self.pipes.append(pipe)
        return pipe

    @property
    def now(self) -> Seconds:
        return Seconds(EPOCH_S + self.world.now_us * 1e-6)

    @property
    def state(self) -> int:
        return self.unit.status.state if self.unit.status is not None else 0

    def pass_ms(self, ms: int) -> None:
        self.world.advance(self.world.now_us + 1000 * ms)

    def tick(self, renew: Renewal | None = None, may_open: bool = True) -> None:
        self.pass_ms(TICK_MS - 2)
        self.unit.ask(renew, self.now, may_open)
        self.pass_ms(2)
        self.unit.take(self.now)

    def until(self, reached: Callable[[], object], seconds: float, what: str, renew: Renewal | None = None) -> None:
        for _ in range(round(seconds * 1000 / TICK_MS)):
            if reached():
                return
            self.tick(renew)
        raise AssertionError(f"{what} did not come within {seconds} s: {self.unit.refusal}")

    def known(self) -> IoBench:
        self.until(lambda: self.state == UnitState.IDLE, 8.0, "IDLE")
        for _ in range(20):
            self.tick()
        return self

    def wanted(self, command: Command) -> None:
        self.unit.want(command, self.now)
        self.tick()

    def committed(self) -> IoBench:
        self.known()
        self.unit.want(SetUp(PLAN), self.now)
        self.until(lambda: self.state == UnitState.COMMITTED, 1.0, "COMMITTED")
        return self

    def armed(self) -> IoBench:
        self.committed()
        for _ in range(100):
            self.tick()
        self.unit.want(Arm(1, PLAN.staging_crc), self.now)
        self.until(lambda: self.state == UnitState.ARMED, 1.0, "ARMED", RENEWAL)
        self.until(lambda: self.world.truth().k2_closed, 1.0, "K2", RENEWAL)
        return self

    def running(self) -> IoBench:
        self.armed()
        self.world.room.press()
        self.until(lambda: self.world.truth().k1_closed, 1.0, "K1", RENEWAL)
        self.world.room.release()
        self.until(lambda: self.state == UnitState.RUN, 1.0, "RUN", RENEWAL)
        return self

    def writes(self) -> list[bytes]:
        return [frame.pdu for frame in self.frames if frame.pdu[0] in (5, 6, 15, 16, 23)]

    def contactors(self) -> tuple[bool, bool]:
        truth = self.world.truth()
        return truth.k1_coil, truth.k2_coil


class Tap:
    """Keeps each request as it leaves; the driver writes whole frames."""

    fd = None

    def __init__(self, pipe: FacePipe, bench: IoBench, number: int) -> None:
        self._pipe, self._bench, self._number = pipe, bench, number

    def take(self) -> bytes:
        if self._number in self._bench.holes:
            return b""
        if self._bench.cut:
            raise Gone("the test has cut the cable")
        return self._pipe.take()

    def send(self, data: bytes) -> int:
        if self._number in self._bench.holes:
            return len(data)
        if self._bench.cut:
            raise Gone("the test has cut the cable")
        if self._number in self._bench.full:
            return 0
        taken = self._pipe.send(data)
        if taken:
            self._bench.frames.append(Frame(self._number, self._bench.world.now_us, data[HEADER_B:]))
        return taken

    def close(self) -> None:
        self._pipe.close()
