"""A further limit on beam time: the unit's own count and the host's, each against the timer's limit; fed by readings only.
It ends nothing: the rule backup_timer asks it, and the safety unit's presets act long before."""

from __future__ import annotations

from typing import Final

import msgspec

MARGIN_PART: Final = 0.02
MARGIN_S: Final = 0.5
"""Above the timer's limit by max(2 %, 0.5 s) (docs/dose.md), so that the unit's presets always come first."""


class BeamTime(msgspec.Struct, frozen=True, gc=False):
    """Beam time of one permission: `begun_ms` is what the unit had counted before it, `host_s` what the host has counted since."""

    begun_ms: int = 0
    host_s: float = 0.0
    seen_at_s: float | None = None
    beam: bool = False


NO_BEAM_TIME: Final = BeamTime()


def begin(unit_beam_ms: int) -> BeamTime:
    """A permission begins with this much on the unit's timer."""
    return BeamTime(unit_beam_ms)


def counted(time: BeamTime, beam: bool, now_s: float) -> BeamTime:
    """One look later: the time between two looks counts whole when either of them saw beam."""
    if time.seen_at_s is None or not (beam or time.beam):
        return BeamTime(time.begun_ms, time.host_s, now_s, beam)
    return BeamTime(time.begun_ms, time.host_s + max(0.0, now_s - time.seen_at_s), now_s, beam)


def bound_s(timer_limit_s: float) -> float:
    """Beam time above which this timer acts."""
    return timer_limit_s + max(MARGIN_PART * timer_limit_s, MARGIN_S)


def longest_s(time: BeamTime, unit_beam_ms: int) -> float:
    """The larger of the two counts over the whole fraction."""
    return max(unit_beam_ms / 1000.0, time.begun_ms / 1000.0 + time.host_s)
