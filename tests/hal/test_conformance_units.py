"""The same law for every wire of the safety unit's driver: known before it is written to, DISARM first and ahead of all, a silence believed of nobody.
The simulated unit is on the other end, over memory, a real pty or a real socket, in virtual time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hal import registry
from hal.commands import Arm, Plan, SetUp
from hal.machine import Renewal
from hal.readings import UnitState
from hal.registry import SafetyUnitSetting
from hal.transport import Gone, Pipe, open_pipe
from hal.units import Seconds
from simulators.endpoints import Endpoint, PtyEndpoint, TcpEndpoint
from simulators.profile import DEFAULT
from simulators.unit_memory import UnitConfig
from simulators.units import BENCH_IO, OWN, in_place
from simulators.world import World
from verification.pipes import FacePipe, LinePipe

EPOCH_S = 700.0
TICK_MS = 10
KEY = bytes(range(32))
SERIAL = "KU-SIM-0001"
DISARM_AT = 0x0210
WIRES = (
    "memory-tcp",
    "memory-rtu",
    "pty",
    "tcp",
    *(f"{unit} {wire}" for unit in BENCH_IO for wire in ("memory-tcp", "tcp")),
)
"""The safety unit's own wires, and those of bought I/O in its place."""
STAGING = struct.pack(
    ">IIIIHHBBBBHHHHQQBBHHH",
    *(60_000, 65_000, 5_000, 5_200, 200, 2000, 0x35, 0xF2, 30, 6, 0x1E1E, 60, 1000, 200, 1, 2, 0xC3, 0x5A, 0xF00F, 30, 40),
)  # fmt: skip
PLAN = Plan(0, 0, 0, 0, STAGING, zlib.crc32(STAGING))
WRITES = (5, 6, 15, 16, 23)
TELLS_NO_SERIAL = "adam-6050"
"""Two of them cannot be told apart on the wire: their law is another name (test_hal_adam_6050.py)."""


class Bench:
    """A unit's driver and its unit; `tick` renews when told to."""

    def __init__(self, wire: str, folder: Path, serial: str = SERIAL) -> None:
        name, _, wire = wire.rpartition(" ")
        self.bought = bool(name)
        name = name or OWN
        if self.bought and serial == SERIAL:
            serial = BENCH_IO[name].serial
        self.world = World(in_place(DEFAULT, name), 1, UnitConfig(site_key=KEY))
        self.packets = wire.endswith("tcp")
        self.sent: list[bytes] = []
        self.cut = False
        self.opened = 0
        self.pipes: list[Pipe] = []
        self._wire = wire
        self.name = f"{name} {wire}" if self.bought else wire
        self._endpoint: Endpoint | None = None
        link = "tcp:127.0.0.1:502" if self.packets else f"pty:{folder / 'unit'}"
        if wire == "pty":
            self._endpoint = PtyEndpoint(folder / "unit", self.world.unit_line)
        elif wire == "tcp":
            served = TcpEndpoint("127.0.0.1", 0, self.world.unit_tcp)
            self._endpoint, link = served, f"tcp:127.0.0.1:{served.port}"
        self.setting = SafetyUnitSetting(link, DEFAULT.unit_baud, 1, serial, True, KEY, 0.002, TICK_MS * 1e-3)
        self.unit = registry.safety_unit(name).make(self.setting, self._open)

    def _open(self, link: str, baud: int) -> Pipe:
        if self.cut:
            raise Gone("the test has cut the cable")
        self.opened += 1
        pipe: Pipe
        if self._endpoint is not None:
            pipe = open_pipe(link, baud)
        else:
            pipe = FacePipe(self.world.unit_tcp) if self.packets else LinePipe(self.world, self.world.unit_line)
        self.pipes.append(pipe)
        return Spy(pipe, self)

    @property
    def now(self) -> Seconds:
        return Seconds(EPOCH_S + self.world.now_us * 1e-6)

    @property
    def state(self) -> int:
        """Of bought I/O the driver's own word: the device has none."""
        if self.bought:
            return self.unit._unit.state if self.unit._unit is not None else UnitState.IDLE
        return self.world.unit.state

    def pass_ms(self, ms: int) -> None:
        for _ in range(ms):
            self.world.advance(self.world.now_us + 1000)
            if self._endpoint is not None:
                self._endpoint.serve(self.world.now_us)

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
        raise AssertionError(f"{what} did not come within {seconds} s: {self.unit.refusal} {self.unit.identity}")

    def known(self) -> Bench:
        self.until(lambda: self.unit.identified and self.unit.status is not None, 3.0, "identity and status")
        if self.bought:
            for _ in range(120):
                self.tick()
        else:
            self.pass_ms(1200)
        return self

    def committed(self) -> Bench:
        self.known()
        self.unit.want(SetUp(PLAN), self.now)
        self.until(lambda: self.unit.active is not None and self.unit.active.block == STAGING, 5.0, "the set read back")
        return self

    def armed(self) -> Bench:
        self.committed()
        self.unit.want(Arm(1, PLAN.staging_crc), self.now)
        status = lambda: self.unit.status  # noqa: E731 - read anew each time
        self.until(lambda: status() and status().state == UnitState.ARMED, 2.0, "ARMED", Renewal(1, 200))
        return self

    def written(self) -> list[tuple[int, int]]:
        """Function and first written register of every request that writes, as the bytes on the wire say."""
        body = 7 if self.packets else 1
        asked = []
        for frame in self.sent:
            function = frame[body]
            if function in WRITES:
                at = 5 if function == 23 else 1
                asked.append((function, int.from_bytes(frame[body + at : body + at + 2], "big")))
        return asked

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.close()
        if self._endpoint is not None:
            self._endpoint.close()


class Spy:
    """Remembers each frame that leaves; the driver writes whole frames."""

    def __init__(self, pipe: Pipe, bench: Bench) -> None:
        self._pipe, self._bench = pipe, bench

    @property
    def fd(self) -> int | None:
        return self._pipe.fd

    def take(self) -> bytes:
        if self._bench.cut:
            raise Gone("the test has cut the cable")
        return self._pipe.take()

    def send(self, data: bytes) -> int:
        if self._bench.cut:
            raise Gone("the test has cut the cable")
        taken = self._pipe.send(data)
        if taken:
            self._bench.sent.append(data[:taken])
        return taken

    def close(self) -> None:
        self._pipe.close()


@pytest.fixture(params=WIRES)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(request.param, tmp_path)
    yield made
    made.close()


def test_it_is_known_before_it_is_written_to_and_disarmed_first(bench: Bench) -> None:
    bench.unit.off(bench.now, at_once=True)
    assert not bench.sent
    while not bench.unit.identified:
        assert not bench.written()
        bench.tick()
    bench.known()
    if bench.bought:
        first = next(frame for frame in bench.sent if frame[7] in WRITES)
        assert first[7] == 15 and not any(first[13:]), "the first write is not everything off"
    else:
        assert bench.written()[0] == (16, DISARM_AT) or bench.written()[0] == (6, DISARM_AT)


@pytest.mark.parametrize("bench", [wire for wire in WIRES if not wire.startswith(TELLS_NO_SERIAL)], indirect=True)
def test_a_unit_with_another_serial_hears_no_write(bench: Bench, tmp_path: Path) -> None:
    other = Bench(bench.name, tmp_path / "other", serial="KU-SIM-0002")
    try:
        for _ in range(200):
            other.unit.want(SetUp(PLAN), other.now)
            other.tick(Renewal(1, 200))
            other.unit.off(other.now, at_once=False)
        assert other.unit.identity is not None and "KU-SIM-0002" in other.unit.identity.mismatch
        assert not other.written() and other.state == UnitState.IDLE
    finally:
        other.close()


def test_a_set_is_staged_committed_and_read_back_as_bytes(bench: Bench) -> None:
    bench.committed()
    assert bench.unit.active is not None and bench.unit.active.crc_ok
    assert bench.state == UnitState.COMMITTED


@pytest.mark.parametrize("after_ms", [0, 1, 2, 4, 7, 9, 13, 21])
def test_disarm_at_any_moment_takes_the_permission(bench: Bench, after_ms: int) -> None:
    """In the middle of a reply, of a request, between two: DISARM is heard within the running frame's time, and twice is once."""
    bench.armed()
    bench.unit.ask(Renewal(1, 200), bench.now, may_open=False)
    bench.pass_ms(after_ms)
    began = bench.now
    at_once = True
    while bench.state == UnitState.ARMED:
        bench.unit.off(bench.now, at_once)
        at_once = False
        bench.tick(may_open=False)
        assert bench.now - began < 0.06
    for _ in range(30):
        bench.unit.off(bench.now, at_once=False)
        bench.tick(may_open=False)
    assert bench.state not in (UnitState.ARMED, UnitState.RUN, UnitState.LATCHED)
    assert not bench.world.truth().k1_coil and not bench.world.truth().k2_coil


def test_a_lease_that_nobody_renews_ends_by_itself(bench: Bench) -> None:
    """The host is alive and asks, but renews no more: the unit takes the permission after its lease."""
    bench.armed()
    bench.until(lambda: bench.state != UnitState.ARMED, 0.3, "the end of the lease")


@pytest.mark.parametrize("stage", ["known", "committed", "armed"])
def test_a_silent_unit_is_lost_and_comes_back_disarmed(bench: Bench, stage: str) -> None:
    getattr(bench, stage)()
    bench.world.faults.start("unit-silent")
    for _ in range(100):
        bench.tick(Renewal(1, 200), may_open=False)
    assert bench.unit.link(bench.now).lost and bench.state != UnitState.ARMED
    bench.world.faults.stop("unit-silent")
    bench.until(lambda: not bench.unit.link(bench.now).lost, 12.0, "recovery")
    assert bench.unit.identified and bench.state not in (UnitState.ARMED, UnitState.RUN)


@pytest.mark.parametrize("stage", ["known", "armed"])
def test_a_vanished_wire_is_opened_again_only_when_it_may_be(bench: Bench, stage: str) -> None:
    getattr(bench, stage)()
    opened = bench.opened
    bench.cut = True
    for _ in range(60):
        bench.tick(Renewal(1, 200), may_open=False)
    assert bench.unit.link(bench.now).lost
    bench.cut = False
    for _ in range(100):
        bench.tick(may_open=False)
    assert bench.opened == opened and bench.state != UnitState.ARMED
    bench.until(lambda: not bench.unit.link(bench.now).lost, 12.0, "recovery")
    assert bench.opened > opened and bench.unit.disarmed
