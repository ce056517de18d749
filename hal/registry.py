"""Drivers by name, through entry points, and what a driver must offer; a new device is one file and one line in pyproject.toml.
It imports no driver itself, so that no room above sees one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Protocol

import msgspec

from hal.commands import Command
from hal.electrometer import (
    MeterDone,
    MeterIdentity,
    MeterInterval,
    MeterOrder,
    MeterRange,
    MeterReading,
    MeterZero,
    Unit,
)
from hal.errors import ConfigurationError
from hal.machine import ALL_FITTED, ALL_PAIRED, ALL_TESTS, CUT_S, Fitted, Renewal
from hal.poll_plan import Poll
from hal.readings import (
    Exposed,
    GeneratorFlags,
    GeneratorIdentity,
    GeneratorMonitor,
    GeneratorSetPoints,
    Link,
    Refusal,
    UnitActive,
    UnitIdentity,
    UnitSlow,
    UnitStatus,
)
from hal.transport import Pipe
from hal.units import Seconds
from hal.wire import Wire

GENERATORS: Final = "kerma.generators"
SAFETY_UNITS: Final = "kerma.safety_units"
ELECTROMETERS: Final = "kerma.electrometers"

NO_FILAMENT: Final = "it has no set-points of its filament, so nobody can prove that it is cold"
"""Of most dialects: at mA 0 their filament stands at a heat of the device's own."""

OpenPipe = Callable[[str, int], Pipe]


class GeneratorSetting(msgspec.Struct, frozen=True):
    """What a generator's driver is made with: its wire, and what it must say it is."""

    link: str
    baud: int
    model: str
    full_scale_kv: float
    full_scale_ma: float
    turnaround_s: float
    tick_s: float
    simulated: bool


class SafetyUnitSetting(msgspec.Struct, frozen=True):
    """What a safety unit's driver is made with. `unit_id` is its Modbus address; `site_key` signs ARM and RESET."""

    link: str
    baud: int
    unit_id: int
    serial: str
    simulated: bool
    site_key: bytes
    turnaround_s: float
    tick_s: float


class ElectrometerSetting(msgspec.Struct, frozen=True):
    """What an electrometer's driver is made with: its wire, and what it must say it is. Its calibration factor holds for one serial number only."""

    link: str
    baud: int
    model: str
    serial: str
    turnaround_s: float
    tick_s: float
    simulated: bool


class Generator(Protocol):
    """A generator at the end of a wire. `ask` sends at most one request; `take` takes what came; readings are the latest good ones."""

    identity: GeneratorIdentity | None
    monitor: GeneratorMonitor | None
    flags: GeneratorFlags | None
    set_points: GeneratorSetPoints | None
    on_sent_at_s: float | None
    refusal: Refusal | None

    @property
    def wires(self) -> tuple[Wire[Any, Any], ...]: ...

    @property
    def identified(self) -> bool: ...

    @property
    def on_waits(self) -> bool: ...

    def ask(self, now: Seconds, may_open: bool, may_write: bool, pressed: bool, spare: bool = False) -> None: ...

    def take(self, now: Seconds) -> None: ...

    def want(self, command: Command | None, now: Seconds) -> None: ...

    def on(self, now: Seconds) -> None: ...

    def forget_on(self, now: Seconds) -> None: ...

    def off(self, now: Seconds, at_once: bool, spare: bool = False) -> bool: ...

    def link(self, now: Seconds) -> Link: ...


class SafetyUnit(Protocol):
    """A safety unit at the end of its wires. `ask` sends one status request, with the renewal if one is given; `off` is its DISARM.

    `wires`: the one that carries status, and one of its own for DISARM where there is one.
    """

    identity: UnitIdentity | None
    status: UnitStatus | None
    slow: UnitSlow | None
    active: UnitActive | None
    history: tuple[Exposed, ...] | None
    disarmed: bool

    @property
    def wires(self) -> tuple[Wire[Any, Any], ...]: ...

    @property
    def refusal(self) -> Refusal | None: ...

    @property
    def scan_true(self) -> bool: ...

    @property
    def identified(self) -> bool: ...

    @property
    def absent(self) -> bool: ...

    @property
    def fds(self) -> tuple[int, ...]: ...

    def ask(self, renew: Renewal | None, now: Seconds, may_open: bool) -> None: ...

    def take(self, now: Seconds) -> None: ...

    def want(self, command: Command | None, now: Seconds) -> None: ...

    def off(self, now: Seconds, at_once: bool) -> bool: ...

    def link(self, now: Seconds) -> Link: ...


class Electrometer(Protocol):
    """A reference electrometer; it is never in the beam's path, and nothing here ends or permits a beam. Each reading is the latest good one, or None.

    `want` takes one order, to be carried out by the next `ask`s, each act sent once and proven by a reading; False, with `refusal` in words, if it cannot be.
    `pending` is the order under way; `done` is set when it is proven, `refusal` when it is not (None again with the next order that is taken). A Hold or a
    Reset takes the place of a pending order.
    """

    identity: MeterIdentity | None
    reading: MeterReading | None
    range: MeterRange | None
    interval: MeterInterval | None
    zero: MeterZero | None
    done: MeterDone | None
    refusal: Refusal | None

    @property
    def identified(self) -> bool: ...

    @property
    def pending(self) -> MeterOrder | None: ...

    def want(self, order: MeterOrder, now: Seconds) -> bool: ...

    def ask(self, now: Seconds, may_open: bool) -> None: ...

    def take(self, now: Seconds) -> None: ...

    def link(self, now: Seconds) -> Link: ...


class Checksum(Enum):
    """What guards a frame of a wire."""

    NONE = "none"
    SIX_BIT_SUM = "six-bit sum: unseen are swapped digits and a quarter of single flips"
    CRC16 = "CRC-16"
    TCP = "the network's own"


@dataclass(frozen=True)
class Scale:
    """How many counts a set-point has at the generator's full scale; counts and volts are proportional."""

    kv_counts_full_scale: int
    ma_counts_full_scale: int


@dataclass(frozen=True)
class GeneratorDriver:
    """One generator dialect: how it is made, its poll plan, the oldest that its values get, and what a person should know.

    `wires` are the kinds of link it speaks on; `wire_watchdog_s` the silence after which the device itself ends HV, as this driver sets it (None: never),
    `wire_watchdog_least_s` the shortest that it could be set to. `unsolicited` says in words what it sends unasked; each value of `faults` is words
    for a fault; `decode(sent, data)` puts bytes of the wire log into words and never raises. Without `filament_set_points` a certificate must say 0 for both;
    `not_cold` says why its high voltage cannot stand over a filament that is known to be cold (empty: limit, preheat and mA can be set to 0 and read back);
    a device that `identifies` not (no request makes it say what it is) is for the bench only. One with `own_set_points` goes to kV and mA of its own,
    which nothing can change: a plan that differs is refused. `baud_most` is the fastest line that it speaks.
    """

    name: str
    words: str
    make: Callable[[GeneratorSetting, OpenPipe], Generator]
    polls: Callable[[GeneratorSetting], tuple[Poll, ...]]
    worst_age_s: Callable[[GeneratorSetting], dict[str, float]]
    off_s: Callable[[GeneratorSetting], float]
    wires: tuple[str, ...]
    scale: Callable[[GeneratorSetting], Scale]
    set_point_read_back: bool
    exposure_timer: bool
    wire_watchdog_s: float | None
    wire_watchdog_least_s: float | None
    unsolicited: tuple[str, ...]
    checksum: Checksum
    faults: type[Enum]
    decode: Callable[[bool, bytes], str]
    filament_set_points: bool = True
    identifies: bool = True
    own_set_points: bool = False
    baud_most: int = 115200
    not_cold: str = NO_FILAMENT


def undecoded(sent: bool, data: bytes) -> str:
    """For a driver that says nothing of its frames: how many bytes there were."""
    return f"{len(data)} bytes {'sent' if sent else 'heard'}"


@dataclass(frozen=True)
class SafetyUnitDriver:
    """One safety unit: how it is made, its poll plan, and which of the walls it can hold by itself, and a frame of its wire in words (`decode`, never raises).

    `wires` are the kinds of link it speaks on. The last eight are explained in `hal.machine.Capabilities`, into which they go as they are.
    """

    name: str
    words: str
    make: Callable[[SafetyUnitSetting, OpenPipe], SafetyUnit]
    polls: Callable[[SafetyUnitSetting], tuple[Poll, ...]]
    worst_age_s: Callable[[SafetyUnitSetting], dict[str, float]]
    off_s: Callable[[SafetyUnitSetting], float]
    hardware_timer: bool
    lease: bool
    second_contactor: bool
    count_limits: bool
    decode: Callable[[bool, bytes], str] = undecoded
    wires: tuple[str, ...] = ("tcp", "tty", "pty")
    fitted: Fitted = ALL_FITTED
    paired: int = ALL_PAIRED
    unit_tests: tuple[int, ...] = ALL_TESTS
    watchdog_s: float | None = None
    cut_s: float = CUT_S
    retains: bool = True
    emulated: str = ""
    counts_most_per_s: float | None = None

    def silence_off_s(self, lease_s: float) -> float:
        """The longest beam after this computer's last word, s, with the rig file's lease."""
        return (lease_s if self.watchdog_s is None else self.watchdog_s) + self.cut_s


@dataclass(frozen=True)
class ElectrometerDriver:
    """One electrometer: how it is made, its poll plan, the oldest that its values get, and what it can do by itself.

    `wires` are the kinds of link it speaks on; none: a person types its readings in (hal/electrometers/manual.py). `units` are those that it may read in,
    `ranges` its own names for its ranges, `interval_most_s` the longest Interval (0: it keeps no time), `zeroes` whether it measures its zero on request;
    `needs_permission`: somebody at its panel may have to let a host act. `overload` says how it shows that a value is too large to be shown.
    """

    name: str
    words: str
    make: Callable[[ElectrometerSetting, OpenPipe], Electrometer]
    polls: Callable[[ElectrometerSetting], tuple[Poll, ...]]
    worst_age_s: Callable[[ElectrometerSetting], dict[str, float]]
    wires: tuple[str, ...]
    units: tuple[Unit, ...]
    ranges: tuple[str, ...]
    interval_most_s: int
    zeroes: bool
    needs_permission: bool
    overload: str
    checksum: Checksum
    faults: type[Enum]
    decode: Callable[[bool, bytes], str]


def names(group: str) -> tuple[str, ...]:
    """The drivers installed in a group (GENERATORS, SAFETY_UNITS or ELECTROMETERS), sorted."""
    return tuple(sorted(point.name for point in _installed(entry_points, group)))


def generator(name: str) -> GeneratorDriver:
    """The generator driver of this name; ConfigurationError names those there are."""
    driver = _point(GENERATORS, name).load()
    if not isinstance(driver, GeneratorDriver):
        raise ConfigurationError(f"generator driver {name!r}: its entry point is no GeneratorDriver; reinstall it")
    return driver


def safety_unit(name: str) -> SafetyUnitDriver:
    """The safety-unit driver of this name; ConfigurationError names those there are."""
    driver = _point(SAFETY_UNITS, name).load()
    if not isinstance(driver, SafetyUnitDriver):
        raise ConfigurationError(f"safety-unit driver {name!r}: its entry point is no SafetyUnitDriver; reinstall it")
    return driver


def electrometer(name: str) -> ElectrometerDriver:
    """The electrometer driver of this name; ConfigurationError names those there are."""
    driver = _point(ELECTROMETERS, name).load()
    if not isinstance(driver, ElectrometerDriver):
        raise ConfigurationError(
            f"electrometer driver {name!r}: its entry point is no ElectrometerDriver; reinstall it"
        )
    return driver


def _point(group: str, name: str) -> EntryPoint:
    for point in _installed(entry_points, group):
        if point.name == name:
            return point
    raise ConfigurationError(f"driver {name!r} is not installed; {group} has: {', '.join(names(group)) or 'none'}")


@cache
def _installed(look: Callable[..., Iterable[EntryPoint]], group: str) -> tuple[EntryPoint, ...]:
    """Looked up once in a process, for it reads the list of every installed package: a table of all drivers asks some hundred times."""
    return tuple(look(group=group))
