"""What the safety unit's contacts, codes, lamps and mirrors say about the beam: which of them forbid it now, and which have disagreed for too long.
It knows pins and milliseconds; no state, no register and no dose."""

from __future__ import annotations

from typing import Final

from simulators import unit_map as m
from simulators.seam import UnitInputs
from simulators.unit_limits import CommittedSet

PAIR_MS: Final = 100
TEST_PULSE_MS: Final = 10
RELEASED_MS: Final = 20
CONTACT_CAUSES: Final = (
    (m.IN_ESTOP, 1 << m.Cause.ESTOP),
    (m.IN_DOOR, 1 << m.Cause.DOOR),
    (m.IN_KEY_TREAT, 1 << m.Cause.KEY),
    (m.IN_KEY_SERVICE, 1 << m.Cause.KEY),
    (m.IN_CONTACT, 1 << m.Cause.CONTACT),
    (m.IN_SWITCH, 1 << m.Cause.SWITCH),
)
_APPL, _FILTER, _PAIR, _MIRROR = (1 << c for c in (m.Cause.APPL, m.Cause.FILTER, m.Cause.PAIR, m.Cause.MIRROR))
_LAMP, _TEST_PULSE = 1 << m.Cause.LAMP, 1 << m.Cause.TEST_PULSE


def guards(limits: CommittedSet) -> tuple[int, int]:
    """(contacts that must be closed, contacts that must be open) for this set's purpose; hold-to-run's switch not included."""
    treat = limits.purpose in m.KEY_TREAT_PURPOSES
    required = m.IN_ESTOP | m.IN_DOOR | m.IN_CONTACT | (m.IN_KEY_TREAT if treat else m.IN_KEY_SERVICE)
    return required, m.IN_KEY_SERVICE if treat else m.IN_KEY_TREAT


class PinWatch:
    """Times what may be wrong for a moment only. step_* are called in each scan in which there is something to time."""

    __slots__ = (
        "_k2_fitted", "_mirror_1_ms", "_mirror_2_ms", "_mirror_ms", "_pair_ms", "_switch_open_ms", "mirror_fault", "no_pulse_ms",
        "pair_fault", "released", "timing_mirrors", "timing_pairs",
    )  # fmt: skip

    def __init__(self, mirror_ms: int, k2_fitted: bool) -> None:
        self._mirror_ms, self._k2_fitted = mirror_ms, k2_fitted
        self._pair_ms = [0] * 6
        self._mirror_1_ms = self._mirror_2_ms = self._switch_open_ms = self.no_pulse_ms = 0
        self.pair_fault = self.mirror_fault = self.released = self.timing_mirrors = self.timing_pairs = False

    def step_pairs(self, differ: int) -> bool:
        """How long the two channels of each contact have told different things; True when that has just become a fault."""
        ms, was = self._pair_ms, self.pair_fault
        for n in range(6):
            ms[n] = ms[n] + 1 if differ & 1 << n else 0
        self.timing_pairs = any(ms)
        self.pair_fault = any(value > PAIR_MS for value in ms)
        return self.pair_fault and not was

    def step_mirrors(self, k1: bool, k2: bool, inputs: UnitInputs) -> bool:
        """How long a mirror contact has contradicted its coil's command; True when that has just become a fault."""
        was = self.mirror_fault
        self._mirror_1_ms = self._mirror_1_ms + 1 if inputs.k1_mirror_open == k1 else 0
        self._mirror_2_ms = self._mirror_2_ms + 1 if inputs.k2_mirror_open == k2 and self._k2_fitted else 0
        longest = max(self._mirror_1_ms, self._mirror_2_ms)
        self.timing_mirrors = longest > 0
        self.mirror_fault = longest > self._mirror_ms
        return self.mirror_fault and not was

    def step_switch(self, a: int, b: int) -> bool:
        """True on a new press: both channels closed, after both were seen open for RELEASED_MS."""
        if a & b & m.IN_SWITCH:
            pressed, self.released = self.released, False
            self._switch_open_ms = 0
            return pressed
        if (a | b) & m.IN_SWITCH:
            self._switch_open_ms = 0
        else:
            self._switch_open_ms += 1
            self.released = self.released or self._switch_open_ms >= RELEASED_MS
        return False

    def demands(self, a: int, b: int, required: int, forbidden: int, inputs: UnitInputs, limits: CommittedSet) -> int:
        """Cause bits of everything on the pins that forbids beam now; 0 if all is well."""
        bits = 0
        wrong = required & ~(a & b) | forbidden & (a | b)
        if wrong:
            for mask, cause in CONTACT_CAUSES:
                if wrong & mask:
                    bits |= cause
        if inputs.applicator_a != limits.applicator or inputs.applicator_b != limits.applicator:
            bits |= _APPL
        if inputs.filter_a != limits.filter_code or inputs.filter_b != limits.filter_code:
            bits |= _FILTER
        if self.pair_fault:
            bits |= _PAIR
        if self.mirror_fault:
            bits |= _MIRROR
        if self.no_pulse_ms >= TEST_PULSE_MS:
            bits |= _TEST_PULSE
        if not (inputs.beam_lamp_ok and inputs.ready_lamp_ok):
            bits |= _LAMP
        return bits
