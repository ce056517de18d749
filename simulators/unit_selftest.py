"""The safety unit's six self-tests, advanced a millisecond at a time on shadow counters: what each drives, how long it lasts, what passes it.
It knows no register, no retained value and no state machine."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from simulators.seam import UnitInputs

SHADOW_MS = 200
SHADOW_LEASE_MS = 100
SHADOW_PULSES = 100
CONTACTOR_MS = 200
RELEASE_MS = 400
LAMP_MS = 100
LONGEST_MS = 600
NO_FAULTS: frozenset[str] = frozenset()
SLOW_DROPS_EVERY = 33
"""The slow timer misses as many of these as in an exposure."""


class SelfTest:
    """TEST n in progress; passed is None until it is over. K1 and K2 are never wished closed both."""

    __slots__ = (
        "elapsed_ms",
        "k1",
        "k2",
        "lamps",
        "lease_ms",
        "number",
        "passed",
        "pulses",
        "seen_closed",
        "started_us",
        "timer_ms",
    )

    def __init__(self, number: int, now_us: int) -> None:
        self.number = number
        self.started_us = now_us
        self.elapsed_ms = 0
        self.pulses = self.timer_ms = 0
        self.lease_ms = SHADOW_LEASE_MS
        self.seen_closed = False
        self.k1 = number == 3
        self.k2 = number == 4
        self.lamps = number == 6
        self.passed: bool | None = None

    def step(self, now_us: int, inputs: UnitInputs, faults: AbstractSet[str] = NO_FAULTS) -> None:
        """One scan further; sets passed when the test is over. What is dead in an exposure (`faults` of the unit) is dead on its shadow too."""
        self.elapsed_ms += 1
        if self.elapsed_ms > LONGEST_MS:
            self.passed = self.k1 = self.k2 = self.lamps = False
        elif self.number == 1:
            self._timer(now_us, faults)
        elif self.number == 2:
            self.lease_ms -= 0 if "lease-dead" in faults else 1
            if self.lease_ms <= 0:
                self.passed = True
        elif self.number == 3:
            self._contactor(inputs.k1_mirror_open, inputs.k2_mirror_open)
        elif self.number == 4:
            self._contactor(inputs.k2_mirror_open, inputs.k1_mirror_open)
        elif self.number == 5:
            self.pulses += 1
            if self.pulses >= SHADOW_PULSES and "count-limit-dead" not in faults:
                self.passed = True
        elif self.elapsed_ms >= LAMP_MS:
            self.passed = inputs.beam_lamp_ok and inputs.ready_lamp_ok
            self.lamps = False

    def _timer(self, now_us: int, faults: AbstractSet[str]) -> None:
        """The shadow timer reaches its preset when the free-running clock says the same, to 1 %."""
        misses = "timer-dead" in faults or ("timer-slow" in faults and self.elapsed_ms % SLOW_DROPS_EVERY == 0)
        self.timer_ms += 0 if misses else 1
        if self.timer_ms >= SHADOW_MS:
            clock_us = (now_us - self.started_us) & 0xFFFFFFFF
            self.passed = abs(clock_us - SHADOW_MS * 1000) <= SHADOW_MS * 10

    def _contactor(self, own_open: bool, other_open: bool) -> None:
        """Close, see the mirror close, open, see it open; the other contactor must stay open all the while."""
        if not other_open:
            self.k1 = self.k2 = False
            self.passed = False
        elif self.k1 or self.k2:
            self.seen_closed = self.seen_closed or not own_open
            if self.elapsed_ms >= CONTACTOR_MS:
                self.k1 = self.k2 = False
        elif own_open:
            self.passed = self.seen_closed
        elif self.elapsed_ms >= RELEASE_MS:
            self.passed = False
