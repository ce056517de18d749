"""One generator driver and its simulated device on one wire, turned by hand in virtual time: memory, a real pty, or a real socket on loopback.
The kernel's buffers are real where the wire is; time never is, so that every test gives the same each time."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from hal import registry
from hal.commands import Command, Plan
from hal.registry import Generator, GeneratorDriver, GeneratorSetting
from hal.scaling import to_counts
from hal.transport import Gone, Pipe, open_pipe
from hal.units import Seconds
from simulators.alone import GeneratorAlone
from simulators.endpoints import Endpoint, PtyEndpoint, TcpEndpoint
from simulators.generators import PROFILES
from verification.pipes import FacePipe, LinePipe
from verification.rigs import BEAMS

EPOCH_S = 500.0
TICK_S = 0.01
NETWORK = ("tcp", "socket")
K1_LIMIT_MS = 120_000
STAGING = bytes(4) + K1_LIMIT_MS.to_bytes(4, "big") + bytes(48)
"""Nothing but a K1 limit, from which a generator with a timer of its own sets it."""


def wires(driver: GeneratorDriver) -> tuple[str, ...]:
    """The wires of the suite that a driver speaks on: memory always, a pty if it has a serial line, and its network or a terminal server's."""
    network = tuple(kind for kind in NETWORK if kind in driver.wires)[:1]
    return ("memory", *(("pty",) if "pty" in driver.wires else ()), *network)


CASES = [(name, wire) for name in registry.names(registry.GENERATORS) for wire in wires(registry.generator(name))]


@dataclass
class Sent:
    """What the driver put on the wire, chunk by chunk, with the time."""

    chunks: list[tuple[float, bytes]] = field(default_factory=list)


class Spy:
    """A pipe that remembers what was sent through it, and that can be cut."""

    def __init__(self, pipe: Pipe, sent: Sent, bench: Bench) -> None:
        self._pipe, self._sent, self._bench = pipe, sent, bench

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
            self._sent.chunks.append((self._bench.now, data[:taken]))
        return taken

    def close(self) -> None:
        self._pipe.close()


class Bench:
    """`tick` is one tick of a loop: 10 ms of the world or `tick_s` in steps of 1 ms, then take and ask. Everything else is what a rig would call."""

    def __init__(
        self,
        name: str,
        wire: str,
        folder: Path,
        device: str | None = None,
        model: str | None = None,
        tick_s: float = TICK_S,
    ) -> None:
        self.tick_s = tick_s
        self.driver = registry.generator(name)
        profile = PROFILES[device or name]
        ours = PROFILES[name]
        network = wire in NETWORK or "pty" not in self.driver.wires
        packets = wire == "tcp" or "pty" not in self.driver.wires
        baud = 0 if network else ours.generator_baud
        self.profile = replace(profile, generator_baud=baud, generator_packets=packets)
        self.world = GeneratorAlone(self.profile, 1)
        self.sent = Sent()
        self.cut = False
        self.opened = 0
        self.pipes: list[Pipe] = []
        self._wire = wire
        self._endpoint: Endpoint | None = None
        link = f"pty:{folder / 'generator'}"
        if wire == "pty":
            self._endpoint = PtyEndpoint(folder / "generator", self.world.generator_line)
        elif wire in NETWORK:
            served = TcpEndpoint("127.0.0.1", 0, self.world.generator_tcp)
            self._endpoint = served
            link = f"{wire}:127.0.0.1:{served.port}"
        elif network:
            link = "tcp:127.0.0.1:502"
        self.setting = GeneratorSetting(
            link,
            self.profile.generator_baud,
            model or ours.model,
            ours.full_scale_kv,
            ours.full_scale_ma,
            profile.turnaround_us * 1e-6 + 0.0005,
            tick_s,
            True,
        )
        self.generator: Generator = self.driver.make(self.setting, self._open)
        beam, scale = BEAMS[name], self.driver.scale(self.setting)
        filament = self.driver.filament_set_points
        self.plan = Plan(
            to_counts(beam.kv, ours.full_scale_kv, "kV", scale.kv_counts_full_scale),
            to_counts(beam.ma, ours.full_scale_ma, "mA", scale.ma_counts_full_scale),
            ours.filament_limit_counts if filament else 0,
            ours.filament_preheat_counts if filament else 0,
            STAGING,
            zlib.crc32(STAGING),
        )

    def _open(self, link: str, baud: int) -> Pipe:
        if self.cut:
            raise Gone("the test has cut the cable")
        self.opened += 1
        pipe: Pipe
        if self._endpoint is not None:
            pipe = open_pipe(link, baud)
        elif link.startswith("tcp:"):
            pipe = FacePipe(self.world.generator_tcp)
        else:
            pipe = LinePipe(self.world, self.world.generator_line)
        self.pipes.append(pipe)
        return Spy(pipe, self.sent, self)

    @property
    def now(self) -> Seconds:
        return Seconds(EPOCH_S + self.world.now_us * 1e-6)

    @property
    def hv_on(self) -> bool:
        """What is true at the device."""
        return self.world.truth().generator_hv_on

    def pass_ms(self, ms: int) -> None:
        """Time at the device and on the wire; the host does nothing."""
        for _ in range(ms):
            self.world.advance(self.world.now_us + 1000)
            if self._endpoint is not None:
                self._endpoint.serve(self.world.now_us)

    def tick(self, may_open: bool = True, may_write: bool = True, pressed: bool = False) -> None:
        self.pass_ms(round(self.tick_s * 1000))
        self.generator.take(self.now)
        self.generator.ask(self.now, may_open, may_write, pressed)

    def ticks(self, seconds: float, **how: bool) -> None:
        for _ in range(round(seconds / self.tick_s)):
            self.tick(**how)

    def until(self, seconds: float, what: str, reached: object = None, **how: bool) -> None:
        """Tick until `reached()` is true; AssertionError with what was awaited when it is not within `seconds`."""
        assert callable(reached)
        for _ in range(round(seconds / self.tick_s)):
            if reached():
                return
            self.tick(**how)
        raise AssertionError(
            f"{what} did not come within {seconds} s: {self.generator.refusal} {self.generator.identity}"
        )

    def known(self) -> Bench:
        self.until(12.0, "identity", lambda: self.generator.identified)
        return self

    def ready(self) -> Bench:
        """Identified, prepared, set up and read back, the supply charged, both readings there."""
        self.known()
        self.want_set_up()
        self.until(8.0, "the plan read back", self.set_up)
        self.until(8.0, "a supply that is ready", lambda: self.world.truth().supply_ready and self.generator.monitor)
        self.until(8.0, "flags that say ready", lambda: self.generator.flags and self.generator.flags.supply_ready)
        return self

    def want_set_up(self) -> None:
        from hal.commands import SetUp

        self.generator.want(SetUp(self.plan), self.now)

    def want(self, command: Command) -> None:
        self.generator.want(command, self.now)

    def set_up(self) -> bool:
        points, plan = self.generator.set_points, self.plan
        return points is not None and (
            points.kv_counts,
            points.ma_counts,
            points.filament_limit_counts,
            points.filament_preheat_counts,
        ) == (plan.kv_counts, plan.ma_counts, plan.filament_limit_counts, plan.filament_preheat_counts)

    def beam(self) -> Bench:
        """HV on at the device, seen by the driver."""
        self.ready()
        self.generator.on(self.now)
        self.until(
            3.0,
            "HV",
            lambda: self.hv_on and self.generator.flags and self.generator.flags.hv_on,
            may_open=False,
            may_write=False,
        )
        return self

    def words(self) -> list[str]:
        """What the device's log says that it heard and did."""
        return [words for _, who, words in self.world.log if who == "generator"]

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.close()
        if self._endpoint is not None:
            self._endpoint.close()
