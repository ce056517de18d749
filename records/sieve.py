"""Which ticks the journal keeps: every one around an exposure and every change, and while high voltage is stuck on; one in ten seconds of an idle machine.
It reads nothing but the tick, and is told whether an exposure waits for its end; what it drops is acknowledged all the same, because nothing in it is news."""

from __future__ import annotations

from controller.ring import unpack_news, unpack_tick
from controller.states import RECORDED, State
from hal.readings import Relay, UnitState

IDLE_S = 10.0
AFTER_S = 5.0
"""Every tick is kept for this long after the unit last permitted anything: the tail of the exposure."""
_RECORDED = frozenset(number for number, state in enumerate(State) if state in RECORDED)
_STUCK = list(State).index(State.STUCK_ON)
_BUSY = (UnitState.ARMED, UnitState.RUN, UnitState.TEST)


class Sieve:
    """One process's ticks, in order."""

    def __init__(self) -> None:
        self._last: tuple[int, ...] = ()
        self._kept_ns = 0
        self._busy_ns: int | None = None

    def keeps(self, tick: bytes, mono_ns: int, owed: bool = False) -> bool:
        """Whether this tick, as it lies in the ring, goes into the journal. `owed`: an exposure of this process has no end yet, and what it got may go on."""
        news = unpack_news(tick)
        if owed or news[4] in _BUSY or news[0] in _RECORDED or (news[0] == _STUCK and _is_on(tick)):
            self._busy_ns = mono_ns
        busy = self._busy_ns is not None and mono_ns - self._busy_ns <= AFTER_S * 1e9
        if not busy and news == self._last and mono_ns - self._kept_ns < IDLE_S * 1e9:
            return False
        self._last, self._kept_ns = news, mono_ns
        return True


def _is_on(tick: bytes) -> bool:
    """STUCK_ON stays until somebody comes, for days maybe: what is kept whole of it is the time in which high voltage is seen."""
    row = unpack_tick(tick)
    return row.unit_age_ms >= 0.0 and bool(row.relays & Relay.HV_SEEN)
