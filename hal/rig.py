"""A generator and a safety unit joined as one Machine: who is asked first, who is switched off first, and one snapshot of both.
It knows no driver (they come by name) and no rule; ON passes through it once for a token, OFF as often as it is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from hal import registry, transport
from hal.commands import Command, Hold, Off, On, Plan, Watch
from hal.errors import ConfigurationError
from hal.figures import LinkFigures
from hal.machine import LINKS, Capabilities, Renewal
from hal.readings import Readings, Refusal, Relay, UnitCapability, UnitState
from hal.registry import Generator, GeneratorSetting, OpenPipe, SafetyUnit, SafetyUnitSetting
from hal.units import Seconds
from hal.wire_log import FrameLog

SITE_KEY_LEAST_B: Final = 16
SEEN_OFF_S: Final = 0.3
"""No older are the readings by which a repeated off lets a running answer come first: a unit that has gone silent is no word of a beam that is off."""
K1_OPEN: Final = Relay.K1_MIRROR_OPEN.value
CLOSED_OR_LIT: Final = Relay.K1_COMMAND.value | Relay.HV_SEEN.value
UNIT_TURNAROUND_S: Final = 0.002
"""Within it the safety unit answers (docs/safety-unit.md)."""
BAUDS: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


class RigConfig(msgspec.Struct, frozen=True):
    """One rig as configured. Links are pty:PATH, tty:PATH, tcp:HOST:PORT or socket:HOST:PORT; a baud is ignored on a network.

    `generator_model` and `unit_serial` are what the devices must say they are; `simulated` must agree with what the unit says of itself.
    `turnaround_s` is the generator's, measured: from the end of a command to the start of its reply.
    """

    name: str
    simulated: bool
    generator_driver: str
    generator_link: str
    generator_baud: int
    generator_model: str
    full_scale_kv: float
    full_scale_ma: float
    turnaround_s: float
    safety_unit_driver: str
    safety_unit_link: str
    safety_unit_baud: int
    unit_serial: str
    unit_id: int = 1
    tick_s: float = 0.01


def make_rig(config: RigConfig, site_key: bytes, open_pipe: OpenPipe | None = None) -> Rig:
    """The rig of this configuration, nothing opened yet: the first `ask` does that. ConfigurationError names key, value and bound.

    `open_pipe(link, baud)` gives the pipes (default: real ones). A unit on tcp: is opened twice, the second time for DISARM.
    """
    _refuse(config, site_key)
    generator = registry.generator(config.generator_driver)
    unit = registry.safety_unit(config.safety_unit_driver)
    kind = transport.parse_link(config.generator_link).kind
    if kind not in generator.wires:
        raise ConfigurationError(
            f"rig {config.name!r}: generator_link {config.generator_link!r}: {generator.name} speaks on {', '.join(generator.wires)} only; correct it"
        )
    if kind != "tcp" and config.generator_baud > generator.baud_most:
        raise ConfigurationError(
            f"rig {config.name!r}: generator_baud = {config.generator_baud} is above {generator.baud_most}, "
            f"the fastest that {generator.name} speaks; correct it"
        )
    kind = transport.parse_link(config.safety_unit_link).kind
    if kind not in unit.wires:
        raise ConfigurationError(
            f"rig {config.name!r}: safety_unit_link {config.safety_unit_link!r}: {unit.name} speaks on {', '.join(unit.wires)} only; correct it"
        )
    generator_setting = GeneratorSetting(
        config.generator_link,
        0 if transport.parse_link(config.generator_link).packets else config.generator_baud,
        config.generator_model,
        config.full_scale_kv,
        config.full_scale_ma,
        config.turnaround_s,
        config.tick_s,
        config.simulated,
    )
    unit_setting = SafetyUnitSetting(
        config.safety_unit_link,
        config.safety_unit_baud,
        config.unit_id,
        config.unit_serial,
        config.simulated,
        site_key,
        UNIT_TURNAROUND_S,
        config.tick_s,
    )
    scale = generator.scale(generator_setting)
    capabilities = Capabilities(
        simulated=config.simulated,
        generator=generator.name,
        safety_unit=unit.name,
        full_scale_kv=config.full_scale_kv,
        full_scale_ma=config.full_scale_ma,
        kv_counts_full_scale=scale.kv_counts_full_scale,
        ma_counts_full_scale=scale.ma_counts_full_scale,
        hardware_timer=unit.hardware_timer,
        lease=unit.lease,
        second_contactor=unit.second_contactor,
        count_limits=unit.count_limits,
        set_point_read_back=generator.set_point_read_back,
        wire_watchdog_s=generator.wire_watchdog_s,
        worst_age_s={**unit.worst_age_s(unit_setting), **generator.worst_age_s(generator_setting)},
        off_s=max(unit.off_s(unit_setting), generator.off_s(generator_setting)),
        identifies=generator.identifies,
        fitted=unit.fitted,
        paired=unit.paired,
        unit_tests=unit.unit_tests,
        watchdog_s=unit.watchdog_s,
        cut_s=unit.cut_s,
        retains=unit.retains,
        emulated=unit.emulated,
        counts_most_per_s=unit.counts_most_per_s,
        tick_s=config.tick_s,
        not_cold=generator.not_cold,
    )
    opener = open_pipe or transport.Lines()
    return Rig(unit.make(unit_setting, opener), generator.make(generator_setting, opener), capabilities)


def _refuse(config: RigConfig, site_key: bytes) -> None:
    """Refuses what no rig can run with; the words name the key, the value and the bound."""
    bounds: Mapping[str, tuple[float, float, float]] = {
        "full_scale_kv": (config.full_scale_kv, 1.0, 450.0),
        "full_scale_ma": (config.full_scale_ma, 0.01, 100.0),
        "turnaround_s": (config.turnaround_s, 0.0, 0.5),
        "tick_s": (config.tick_s, 0.001, 0.1),
        "unit_id": (config.unit_id, 1, 247),
    }
    for key, (value, low, high) in bounds.items():
        if not math.isfinite(value) or not low <= value <= high:
            raise ConfigurationError(
                f"rig {config.name!r}: {key} = {value} is outside {low} to {high}; correct it in the rig file"
            )
    for key, link, baud in (
        ("generator_baud", config.generator_link, config.generator_baud),
        ("safety_unit_baud", config.safety_unit_link, config.safety_unit_baud),
    ):
        if not transport.parse_link(link).packets and baud not in BAUDS:
            raise ConfigurationError(
                f"rig {config.name!r}: {key} = {baud} is none of {BAUDS}; correct it in the rig file"
            )
    if len(site_key) < SITE_KEY_LEAST_B:
        raise ConfigurationError(
            f"rig {config.name!r}: site key has {len(site_key)} bytes, at least {SITE_KEY_LEAST_B}; commission it first"
        )


class Rig:
    """The Machine of hal/machine.py. An ON stands from the moment it may have left until the next off; while it stands nothing is opened again."""

    def __init__(self, unit: SafetyUnit, generator: Generator, capabilities: Capabilities) -> None:
        self._unit = unit
        self._generator = generator
        self._capabilities = capabilities
        self._wires = dict(zip(LINKS, (*generator.wires, *unit.wires), strict=False))
        self.logs: dict[str, FrameLog] = {name: wire.log for name, wire in self._wires.items()}
        self._on_stands = False
        self._last_on = -1
        self._begun = False
        self._holds = False
        self._changed = True
        self._off_due = True
        self._off_at_s: float | None = None
        self._refusal: Refusal | None = None

    @property
    def fds(self) -> tuple[int, ...]:
        return self._unit.fds

    @property
    def capabilities(self) -> Capabilities:
        """As the drivers can; a unit that says it has no second contactor fitted has none."""
        identity = self._unit.identity
        if identity is None or identity.capabilities & UnitCapability.K2_FITTED:
            return self._capabilities
        return msgspec.structs.replace(self._capabilities, second_contactor=False)

    def figures(self) -> dict[str, LinkFigures]:
        """How each wire has fared, by its name."""
        return {name: wire.figures() for name, wire in self._wires.items()}

    def ask(self, renew: Renewal | None, now: Seconds) -> None:
        """Sends what is due: to the unit its status request with the renewal, to the generator one poll or write."""
        may_open = not self._on_stands
        self._unit.ask(renew, now, may_open)
        may_write = may_open and self._may_write()
        self._generator.ask(now, may_open, may_write, self._press_pending(), self._beam_seen_off(now))

    def read(self, now: Seconds) -> Readings:
        """The snapshot; every part is the latest good one with the time at which it was asked for. Never raises."""
        unit, generator = self._unit, self._generator
        unit.take(now)
        generator.take(now)
        return Readings(
            now,
            unit.link(now),
            generator.link(now),
            unit.status,
            unit.slow,
            unit.identity,
            unit.active,
            unit.history,
            generator.identity,
            generator.monitor,
            generator.flags,
            generator.set_points,
            generator.on_sent_at_s,
            self._off_at_s,
            self._latest_refusal(),
            unit.scan_true,
        )

    def write(self, command: Command, now: Seconds) -> None:
        """Starts a command; the same one again changes nothing. ON goes out once for each token, a token no higher than the last is refused."""
        if isinstance(command, Off):
            self.beam_off(now)
            return
        if not isinstance(command, Watch):
            self._changed = self._off_due = True
        self._holds = isinstance(command, Hold | On)
        if isinstance(command, On):
            self._on(command, now)
            return
        if not isinstance(command, Hold):
            self._generator.forget_on(now)
        self._unit.want(command, now)
        self._generator.want(command, now)

    def beam_off(self, now: Seconds) -> bool:
        """DISARM and the generator's off, unit first, whatever else is going on. True when the bytes of both have left.

        What one of them raises keeps nothing from the other, and the next call is a first one again.
        """
        self._holds = False
        at_once = self._changed
        try:
            disarmed = self._unit.off(now, at_once)
        finally:
            off = self._may_write() and self._generator.off(now, at_once, self._beam_seen_off(now))
            self._generator.forget_on(now)
            self._on_stands = False
        self._changed = False
        if disarmed and off and self._off_due:
            self._off_at_s, self._off_due = now, False
        return disarmed and off

    def _beam_seen_off(self, now: Seconds) -> bool:
        """The unit, asked after this off had left, says that K1 is open and sees no high voltage; nor does the generator, as far as it was heard since."""
        unit, flags, off_at_s = self._unit.status, self._generator.flags, self._off_at_s
        if unit is None or off_at_s is None or self._off_due or not off_at_s < unit.asked_at_s >= now - SEEN_OFF_S:
            return False
        on = flags is not None and flags.hv_on and off_at_s < flags.asked_at_s >= now - SEEN_OFF_S
        return bool(unit.relays & K1_OPEN) and not unit.relays & CLOSED_OR_LIT and not on

    def _may_write(self) -> bool:
        """The first write anywhere is the unit's DISARM; once that is done, or there was no unit to disarm, the generator's off waits for nothing."""
        self._begun = self._begun or self._unit.disarmed or self._unit.absent
        return self._begun

    def _on(self, command: On, now: Seconds) -> None:
        if command.token <= self._last_on:
            if command.token != self._last_on:
                self._refusal = Refusal(
                    now, "on", f"token {command.token} is older than {self._last_on}, which was spent"
                )
            return
        self._last_on = command.token
        self._on_stands = True
        self._unit.want(command, now)
        self._generator.want(command, now)
        self._generator.on(now)

    def _press_pending(self) -> bool:
        """The unit runs under our hold and no ON stands yet: one may come with any tick."""
        status = self._unit.status
        return status is not None and status.state == UnitState.RUN and self._holds and not self._on_stands

    def _latest_refusal(self) -> Refusal | None:
        latest = self._refusal
        for refusal in (self._unit.refusal, self._generator.refusal):
            if refusal is not None and (latest is None or refusal.at_s > latest.at_s):
                latest = refusal
        return latest


def read_back(readings: Readings) -> Plan | None:
    """The plan as the devices hold it: the generator's four set-points and the unit's active set with its CRC. None while either is unknown or damaged."""
    points, active = readings.set_points, readings.active
    if points is None or active is None or not active.crc_ok:
        return None
    return Plan(
        points.kv_counts,
        points.ma_counts,
        points.filament_limit_counts,
        points.filament_preheat_counts,
        active.block,
        active.active_crc,
    )
