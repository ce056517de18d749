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
from interlocks.limits import ABSOLUTE, narrow
from interlocks.rules import T1_S, level, reaction_s
from interlocks.words import Limits

WATCHDOG_TICKS: Final = 7.0
"""A device's own watchdog is set going and first fed some ticks later, and then fed each tick: one that is shorter than this expires by itself."""

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


def unfit(capabilities: Capabilities, lease_s: float) -> tuple[str, ...]:
    """What this rig could not do at this rate and on these wires, whoever asks: prove off, keep the device's watchdog fed, hear the safety unit before
    its link counts as lost though a tick begins late, renew its lease of `lease_s`, which takes a challenge no older than half of it. In words."""
    tick_s, watchdog_s = capabilities.tick_s, capabilities.watchdog_s
    told = too_slow(capabilities)
    if watchdog_s is not None and watchdog_s < WATCHDOG_TICKS * tick_s:
        told += (
            f"the device's watchdog of {watchdog_s * 1000:.0f} ms is {watchdog_s / tick_s:.1f} ticks, bound {WATCHDOG_TICKS:g} ticks",
        )
    if capabilities.lease and watchdog_s is None:
        oldest_s = capabilities.worst_age_s["unit"] + tick_s / 2
        if oldest_s > T1_S + 1e-9:
            told += (
                f"the safety unit's status may be {oldest_s * 1000:.0f} ms old, half a tick with it, bound {T1_S * 1000:.0f} ms",
            )
        # a slot that something else has may lie between two questions; what the reply to the first says is answered by the second
        between_s, bound_s = max(capabilities.worst_age_s["unit"] - tick_s, tick_s), lease_s / 2 - CHALLENGE_S
        if between_s > bound_s + 1e-9:
            told += (
                f"the lease of {lease_s * 1000:.0f} ms is renewed after {between_s * 1000:.0f} ms, bound {bound_s * 1000:.0f} ms",
            )
    return told
