"""What a rig may be set to, and whether it reacts fast enough for clinical use: the file's narrowing and the drivers' poll plans against the program's own bounds.
It opens nothing; the bounds themselves are interlocks/limits.py and the safety design's T1."""

from __future__ import annotations

import msgspec

from console.configuration import Rig
from hal.errors import ConfigurationError
from hal.machine import Capabilities
from interlocks.limits import ABSOLUTE, narrow
from interlocks.words import Limits

T1_S = 0.100
"""From an event at the device to the off bytes sent, for everything that is judged while the beam is on."""
JUDGED_IN_BEAM = ("unit", "monitor", "flags")
"""Readings that end a beam; set-points are read in beam from the monitor's own reply, the slow block ends none within T1."""


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
    """What is slower than T1 by the poll plan, in words; empty when nothing is. Reaction = oldest reading + one tick + the off's wait for its wire."""
    slow = []
    for name in JUDGED_IN_BEAM:
        age_s = capabilities.worst_age_s.get(name)
        if age_s is None:
            slow.append(f"nothing is known of the age of {name}")
        elif age_s + tick_s + capabilities.off_s > T1_S:
            worst_ms = 1000 * (age_s + tick_s + capabilities.off_s)
            slow.append(f"{name}: worst reaction {worst_ms:.0f} ms, bound {T1_S * 1000:.0f} ms (T1)")
    return tuple(slow)
