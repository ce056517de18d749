"""A trace thinned for paper: few points, and yet every extreme of kV and mA.
It knows ticks and nothing of fractions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from console.reports.told import Point
from controller.ring import TickRow
from hal.readings import UnitState

POINTS: Final = 400
BEFORE_S: Final = 0.5
AFTER_S: Final = 1.5
UP_PART: Final = 0.05
"""The ramp ends within this of the set kV."""


def trace(ticks: Sequence[tuple[int, TickRow]], most: int = POINTS) -> tuple[Point, ...]:
    """From half a second before the unit ran to a second and a half after it stopped; of each stretch its first and last tick and the extremes."""
    running = [mono_ns for mono_ns, tick in ticks if tick.unit_state == UnitState.RUN and tick.unit_age_ms >= 0.0]
    if not running:
        return ()
    points = [_point(mono_ns, tick, running[0]) for mono_ns, tick in ticks]
    end_s = (running[-1] - running[0]) * 1e-9 + AFTER_S
    shown = [point for point in points if -BEFORE_S <= point.at_s <= end_s]
    per = math.ceil(6 * len(shown) / most)
    if per <= 1:
        return tuple(shown)
    kept: list[Point] = []
    for at in range(0, len(shown), per):
        part = shown[at : at + per]
        chosen = {0, len(part) - 1}
        for name in ("kv", "ma"):
            known = [(getattr(point, name), i) for i, point in enumerate(part) if getattr(point, name) is not None]
            chosen |= {min(known)[1], max(known)[1]} if known else set()
        kept += [part[i] for i in sorted(chosen)]
    return tuple(kept)


def ramp_s(ticks: Sequence[tuple[int, TickRow]], kv: float) -> float | None:
    """From the unit's RUN to the first tick whose kV lies within 5 % of the set value, as near as the ticks tell; None where none does."""
    running = [
        (mono_ns, tick) for mono_ns, tick in ticks if tick.unit_state == UnitState.RUN and tick.unit_age_ms >= 0.0
    ]
    up = [mono_ns for mono_ns, tick in running if abs(tick.kv - kv) <= UP_PART * kv]
    return round((up[0] - running[0][0]) * 1e-9, 4) if up else None


def _point(mono_ns: int, tick: TickRow, zero_ns: int) -> Point:
    return Point(round((mono_ns - zero_ns) * 1e-9, 4), _known(tick.kv), _known(tick.ma), _known(tick.delivered_mgy))


def _known(value: float) -> float | None:
    """A missing reading is below 0 or no number."""
    return round(value, 5) if value >= 0.0 else None
