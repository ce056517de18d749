"""What a rig may be set to, and whether it reacts fast enough for clinical use: the file's narrowing and the drivers' poll plans against fixed bounds.
It opens nothing; the bounds themselves are interlocks/limits.py and docs/safety.md's T1."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from console.configuration import Rig
from controller.off import too_slow
from hal.errors import ConfigurationError
from hal.machine import Capabilities
from hal.rig import RigConfig
from hal.transport import parse_link
from interlocks.limits import ABSOLUTE, narrow
from interlocks.rules import T1_S, level, reaction_s
from interlocks.words import Limits

WATCHDOG_TICKS: Final = 7.0
"""A device's own watchdog is set going and first fed some ticks later, and then fed each tick: one that is shorter than this expires by itself."""

SERIAL_BAUD: Final = 57600
"""A status takes 18 ms there; at 38400 baud it takes 27 ms, longer than an off waits for what runs (20 ms), and the line comes to nothing."""
SERIAL_HZ: Final = 35.0
"""Where another question lies between, a status is three turns old, and with half a tick then no more than T1; played at 24 Hz the link was lost."""
AGED: Final = ("unit", "slow", "monitor", "flags")
"""The readings that interlocks and the proof of off go by."""
CHALLENGE_S: Final = 0.01
"""The safety unit gives a new challenge so often; the one in a reply may be as old already (docs/safety-unit.md, 0104)."""


def narrowed(rig: Rig) -> Limits:
    """The absolute limits, narrowed by full scale and by the rig file. Raises ConfigurationError: file, key, value and bound."""
    generator = rig.file.generator
    own = {
        "kv_max": min(ABSOLUTE.kv_max, float(generator.full_scale_kv)),
        "ma_max": min(ABSOLUTE.ma_max, float(generator.full_scale_ma)),
    }
    wanted = {name: float(value) for name, value in rig.file.limits.model_dump().items() if value is not None}
    try:
        return narrow(ABSOLUTE, msgspec.structs.replace(ABSOLUTE, **own), msgspec.structs.replace(ABSOLUTE, **wanted))
    except ConfigurationError as error:
        raise ConfigurationError(f"{rig.path}: {error}; first: correct [limits], or leave the key out") from error


def reaction(capabilities: Capabilities, tick_s: float) -> tuple[str, ...]:
    """The rules that react slower than T1 by the poll plan, in words and rounded up, the slowest first; empty when none does."""
    worst = reaction_s(level(capabilities, tick_s), capabilities)
    slow = sorted(((at_s, rule) for rule, at_s in worst.items() if at_s > T1_S), reverse=True)
    return tuple(
        f"{rule}: worst reaction {math.ceil(at_s * 1000 - 1e-6)} ms, bound {T1_S * 1000:.0f} ms" for at_s, rule in slow
    )


def unfit(capabilities: Capabilities, serial_baud: int) -> tuple[str, ...]:
    """What this rig could not do at this rate and on these wires, whoever asks: prove off, keep the device's watchdog fed, hear the safety unit before
    its link counts as lost. `serial_baud` is the unit's line, 0 for a network. Value and bound, in words."""
    tick_s, watchdog_s = capabilities.tick_s, capabilities.watchdog_s
    told = too_slow(capabilities)
    if watchdog_s is not None and watchdog_s < WATCHDOG_TICKS * tick_s:
        told += (
            f"the device's watchdog of {watchdog_s * 1000:.0f} ms is {watchdog_s / tick_s:.1f} ticks, bound {WATCHDOG_TICKS:g} ticks",
        )
    if capabilities.lease and serial_baud:
        if serial_baud < SERIAL_BAUD:
            told += (
                f"the safety unit's serial line has {serial_baud} baud, bound {SERIAL_BAUD}: an off would withdraw its status",
            )
        if tick_s > 1.0 / SERIAL_HZ + 1e-9:
            told += (
                f"the safety unit's serial line is asked {1.0 / tick_s:.0f} times a second, bound {SERIAL_HZ:g}: its link would count as lost",
            )
    return told


def ageless(capabilities: Capabilities) -> str:
    """The readings whose age no driver of this rig states, in words: every bound on age stands on it, and none would count as never old."""
    ages = capabilities.worst_age_s
    missing = [name for name in AGED if not 0.0 < ages.get(name, 0.0) < math.inf]
    if not missing:
        return ""
    return f"no driver says how old {', '.join(missing)} may get; first: have it stated in the driver's worst_age_s (docs/write-a-driver.md)"


def serial_baud(config: RigConfig) -> int:
    """The speed of the safety unit's serial line; 0 where it is on a network."""
    return 0 if parse_link(config.safety_unit_link).packets else config.safety_unit_baud


def too_short(capabilities: Capabilities, lease_s: float) -> str:
    """Whether the unit's lease is too short for its line, in words: it takes a challenge no older than half of it, and between two questions for its
    status something else may have the line."""
    if not capabilities.lease:
        return ""
    tick_s = capabilities.tick_s
    between_s = max(capabilities.worst_age_s.get("unit", math.inf) - tick_s, tick_s)
    least_s = 2.0 * (between_s + CHALLENGE_S)
    if lease_s > least_s - 1e-9:
        return ""
    return f"rig.lease_ms = {lease_s * 1000:.0f}: renewed each {between_s * 1000:.0f} ms, it is at least {math.ceil(least_s * 1000 - 1e-6)} ms; first: raise it"
