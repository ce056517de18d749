"""A simulated device by itself under `kerma drivers check`, in virtual time: the clock's sleep is what moves the device's world.
It keeps what was truly opened and sent, and the device's own log of what it heard; nothing here is the check's."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from console.drivers.check import Asked, check
from console.drivers.steps import Row
from hal import registry
from hal.transport import Gone, Pipe
from hal.units import Seconds
from simulators.alone import ElectrometerAlone, GeneratorAlone
from simulators.generators import PROFILES
from simulators.unit_firmware import UnitFirmware
from simulators.units import BENCH_IO, in_place
from simulators.world import World
from verification.pipes import FacePipe, LinePipe

EPOCH_S = 300.0


@dataclass
class WorldClock:
    """Time that passes only in sleep, 1 ms of the world at a time."""

    world: GeneratorAlone | ElectrometerAlone | World
    skips_s: list[float] = field(default_factory=list)
    most_counts: int = 0
    unit_states: set[int] = field(default_factory=set)
    closed: bool = False

    def monotonic(self) -> Seconds:
        return Seconds(EPOCH_S + self.world.now_us * 1e-6)

    def wall(self) -> Seconds:
        return self.monotonic()

    def sleep_until(self, deadline: Seconds) -> None:
        if self.skips_s:
            deadline = Seconds(deadline + self.skips_s.pop())
        while self.monotonic() < deadline - 1e-9:
            self.world.advance(self.world.now_us + 1000)
            supply = self.world.plant.supply
            self.most_counts = max(self.most_counts, supply.kv_counts, supply.ma_counts)
            if isinstance(self.world, World):
                if isinstance(self.world.unit, UnitFirmware):
                    self.unit_states.add(self.world.unit.state)
                self.closed = self.closed or not (self.world.plant.pins.k1_mirror_open and self.world.plant.pins.k2_mirror_open)  # fmt: skip


class Device:
    """One simulated device on its line or its network port, and one check of it."""

    def __init__(self, name: str, network: bool = False, baud: int = 0) -> None:
        self.name, self.network = name, network
        self.is_unit = name in registry.names(registry.SAFETY_UNITS)
        self.world: GeneratorAlone | World
        if self.is_unit:
            self.profile = in_place(PROFILES["spellman-xrv"], name)
            self.world = World(self.profile)
            self.baud = 0 if network else 115200
        else:
            sheet = PROFILES[name]
            self.baud = 0 if network else (baud or sheet.generator_baud)
            self.profile = replace(sheet, generator_packets=network, generator_baud=self.baud)
            self.world = GeneratorAlone(self.profile, 1)
            if hasattr(self.world.plant.generator, "heard"):
                # All of it, not only the newest.
                self.world.plant.generator.heard = deque()
        self.clock = WorldClock(self.world)
        self.serial = (BENCH_IO[name].serial if name in BENCH_IO else "KU-SIM-0001") if self.is_unit else ""
        self.sent = b""
        self.opened = 0

    def open(self, _link: str, _baud: int) -> Pipe:
        self.opened += 1
        pipe: Pipe
        if self.is_unit:
            assert isinstance(self.world, World)
            pipe = FacePipe(self.world.unit_tcp) if self.network else LinePipe(self.world, self.world.unit_line)
        else:
            pipe = FacePipe(self.world.generator_tcp) if self.network else LinePipe(self.world, self.world.generator_line)  # fmt: skip
        return Heard(pipe, self)

    def asked(self, **changes: object) -> Asked:
        link = "tcp:127.0.0.1:502" if self.network else "pty:device"
        asked = Asked(
            self.name, link, self.baud or None, self.profile.model, self.profile.full_scale_kv, self.profile.full_scale_ma,
            self.serial, 1, self.profile.turnaround_us / 1000.0 + 0.5, 100.0, 2.0, False, True,
        )  # fmt: skip
        return replace(asked, **changes)  # type: ignore[arg-type]

    def check(self, **changes: object) -> dict[str, Row]:
        return {row.what: row for row in check(self.asked(**changes), self.clock, self.open)}

    def heard(self) -> set[tuple[str, ...]]:
        """Every command that the device took for whole, with its arguments, by its own list."""
        return set(getattr(self.world.plant.generator, "heard", ()))

    @property
    def log(self) -> list[str]:
        """What the device itself says that happened."""
        return [words for _, _, words in self.world.log]


class Heard:
    """A pipe that keeps what was sent through it, and says nothing else."""

    def __init__(self, pipe: Pipe, device: Device | Meter) -> None:
        self._pipe, self._device = pipe, device
        self._closed = False

    @property
    def fd(self) -> int | None:
        return None

    def take(self) -> bytes:
        if self._closed:
            raise Gone("closed")
        return self._pipe.take()

    def send(self, data: bytes) -> int:
        if self._closed:
            raise Gone("closed")
        taken = self._pipe.send(data)
        self._device.sent += data[:taken]
        return taken

    def close(self) -> None:
        self._closed = True
        self._pipe.close()


class Meter:
    """One simulated electrometer on its line or its network port, and one check of it."""

    def __init__(self, network: bool = False) -> None:
        self.network = network
        self.world = ElectrometerAlone("ptw-unidos", 1, 0 if network else None)
        self.device = self.world.electrometer.device
        self.device.heard = deque()
        self.clock = WorldClock(self.world)
        self.sent = b""
        self.opened = 0

    def open(self, _link: str, _baud: int) -> Pipe:
        self.opened += 1
        meter = self.world.electrometer
        return Heard(FacePipe(meter.tcp) if self.network else LinePipe(self.world, meter.line), self)

    def check(self, **changes: object) -> dict[str, Row]:
        link = "tcp:127.0.0.1:8123" if self.network else "pty:device"
        asked = Asked("ptw-unidos", link, None, "UNIDOS Tango", None, None, "123456", 1, 10.0, 100.0, 6.0, False, True)
        return {row.what: row for row in check(replace(asked, **changes), self.clock, self.open)}  # type: ignore[arg-type]
