"""What high voltage over a cold filament (DRY_RUN) may show, and how a cable empties when nothing but a bleeder draws from it (ADR 0024).
Numbers and pure functions; which rule asks them stands in the rules' own files, and what the safety unit is told in controller/presets.py."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from hal.readings import GeneratorMonitor, Purpose, TimerStart
from interlocks.words import Terms

SECONDS: Final = 5.0
"""How long each lasts: nobody chooses it. Long enough for a mean read-back after the ramp."""
MA_PER_KV: Final = 0.002
MA_NOISE: Final = 0.02
"""Read back above these it is emission: no divider is below 0.5 GOhm, and a converter shows some counts of nothing."""
FILAMENT_A: Final = 0.5
"""A tungsten filament glows and emits from about 2 A on in these tubes; what regulates nothing reads back nothing."""
COOL_S: Final = 3.0
"""Between the read-back of a filament limit of 0 and an offer: ten of a filament's time constants."""
COUNTS: Final = 2.0
"""Above the leakage's bound in 100 ms, for the counting."""
DOSE_MGY: Final = 1.0
"""A chamber's whole exposure, its leakage taken off: 2 % of a second of beam."""
RATE_PER_10MS: Final = 1
"""The safety unit's comparator: the strictest that its register takes."""
BLEEDER_S: Final = 30.0
"""The slowest discharge that is believed: 10 GOhm and 3 nF. Whatever falls slower is driven."""
KV_PART: Final = 0.02
KV_NOISE: Final = 1.0
AFTER_S: Final = 1.0

_PURPOSE_AT: Final = 24
_TIMER_START_AT: Final = 50
_RATE_AT: Final = 52
"""Places of the set's registers in its 56 bytes (docs/safety-unit.md, 4)."""


def most_ma(kv: float) -> float:
    """The most that may be read back at this kV."""
    return MA_PER_KV * kv + MA_NOISE


def is_cold(monitor: GeneratorMonitor | None) -> bool:
    """Whether the filament reads back nothing; one that was not read is not cold."""
    return monitor is not None and monitor.filament_a <= FILAMENT_A


def filament_words(monitor: GeneratorMonitor | None) -> str:
    """The filament's read-back for people; one that was not read is not known."""
    return "an unknown current" if monitor is None or math.isnan(monitor.filament_a) else f"{monitor.filament_a:.2f} A"


def left_kv(kv: float, since_s: float) -> float:
    """The most that a cable which was charged to `kv` may still hold so long after off."""
    return kv * (1.0 + KV_PART) * math.exp(-max(0.0, since_s - AFTER_S) / BLEEDER_S) + KV_NOISE


def wrong(terms: Terms) -> Iterator[str]:
    """What of these terms is not that of a cold filament; nothing where they are of another purpose."""
    if terms.purpose is not Purpose.DRY_RUN:
        return
    plan = terms.plan
    for name, value in (
        ("mA", terms.ma),
        ("the mA set-point (counts)", plan.ma_counts),
        ("the filament's limit (counts)", plan.filament_limit_counts),
        ("the filament's preheat (counts)", plan.filament_preheat_counts),
        ("the dose (mGy)", terms.d0_mgy),
    ):
        if value != 0:
            yield f"DRY_RUN is high voltage over a cold filament, and {name} is {value:g}, not 0; load it again"
    if terms.set_time_s != SECONDS:
        yield f"DRY_RUN lasts {SECONDS:g} s, and its time is {terms.set_time_s:g} s; load it again"
    if terms.timer_start is not TimerStart.K1_CLOSED:
        yield "DRY_RUN is timed from K1, for no chamber sees its high voltage; load it again"
    for name, place, wanted in (
        ("purpose", _PURPOSE_AT, int(Purpose.DRY_RUN)),
        ("timer start", _TIMER_START_AT, int(TimerStart.K1_CLOSED)),
        ("rate limit", _RATE_AT, RATE_PER_10MS),
    ):
        held = int.from_bytes(plan.staging[place : place + 2], "big")
        if held != wanted:
            yield f"DRY_RUN: the set's {name} is {held:#06x}, not {wanted:#06x}; load it again"
