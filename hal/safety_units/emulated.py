"""What this computer stands in for where a bench rig has bought I/O and no safety unit: states, token, commit, press edge, beam time and ends, EMULATED.
It knows contacts and outputs by name, and time as it is told; no wire and no device. Nothing of it is safety: what ends the beam when this program is
dead is the device's own watchdog."""

from __future__ import annotations

import math
import struct
import zlib
from collections import deque
from typing import Final

import msgspec

from hal.commands import STAGING_BYTES, Arm, Command, Reset, SetUp, Test, Unlatch
from hal.machine import Fitted
from hal.readings import (
    Cause,
    Contact,
    Exposed,
    Health,
    Purpose,
    Relay,
    SwitchMode,
    Termination,
    TimerStart,
    UnitActive,
    UnitSlow,
    UnitState,
    UnitStatus,
)

RELEASED_S: Final = 0.020
"""Both channels of the switch must have been open this long before a press is a press."""
MIN_OFF_S: Final = 1.0
GAP_TICKS: Final = 3.0
"""Two reads further apart than this have a gap between them."""
MIRROR_S: Final = 0.100
T2_S: Final = 0.5
CONTACTOR_S: Final = 0.200
"""Longest that a contactor may take to follow its coil in a self-test."""
RATE_S: Final = 0.100
RATE_GAP_S: Final = 2.0 * RATE_S
"""Over a longer gap counts are no rate: what was counted before it would pass for what is counted now."""
HARD_CAP_S: Final = 3600
HARD_CAP_COUNTS: Final = 1 << 30
HISTORY_ENTRIES: Final = 8
MASK16: Final = 0xFFFF
MASK32: Final = 0xFFFFFFFF
COUNTER_BITS: Final = (32, 32)
"""How wide a device's two counters are where it does not say otherwise. Half of what one can show, or more, is a step back: no device counts so far
between two reads. What this emulation has counted is always modulo 2^32."""
NAN: Final = float("nan")

_STAGING: Final = struct.Struct(">IIIIHHBBBBHHHHQQBBHHH")
assert _STAGING.size == STAGING_BYTES

TREAT_PURPOSES: Final = frozenset({Purpose.TREAT, Purpose.DAILY, Purpose.WARMUP})
SWITCH: Final = Contact.SWITCH.value
K1_OPEN: Final = Relay.K1_MIRROR_OPEN.value
K2_OPEN: Final = Relay.K2_MIRROR_OPEN.value
HV_SEEN: Final = Relay.HV_SEEN.value
LAMPS: Final = Relay.BEAM_LAMP_OK.value | Relay.READY_LAMP_OK.value
CONTACT_CAUSES: Final = (
    (Contact.ESTOP.value, Cause.ESTOP),
    (Contact.DOOR.value, Cause.DOOR),
    (Contact.KEY_TREAT.value, Cause.KEY),
    (Contact.KEY_SERVICE.value, Cause.KEY),
    (Contact.APPLICATOR.value, Cause.CONTACT),
    (SWITCH, Cause.SWITCH),
)
RESTING: Final = (UnitState.IDLE, UnitState.ENDED)
STAGEABLE: Final = (UnitState.IDLE, UnitState.COMMITTED, UnitState.ENDED)


class Pins(msgspec.Struct, frozen=True, gc=False):
    """One read of the device: when it was asked for, contacts in two channels, `relays` as `hal.readings.Relay` has them (commands as read back), codes,
    counters since the device's power-up (each modulo 2 to its bits), health bits.

    What a device does not have is 0, and its driver's `fitted` says so.
    """

    asked_at_s: float
    contacts_a: int
    contacts_b: int
    relays: int
    applicator_a: int = 0
    applicator_b: int = 0
    filter_a: int = 0
    filter_b: int = 0
    counts_1: int = 0
    counts_2: int = 0
    health: int = 0


class Outputs(msgspec.Struct, frozen=True, gc=False):
    """What the device is to drive."""

    k1: bool = False
    k2: bool = False
    beam_lamp: bool = False
    ready_lamp: bool = False


class Limits(msgspec.Struct, frozen=True, gc=False):
    """The committed set, register by register (docs/safety-unit.md, STAGING)."""

    preset_ms: int
    k1_limit_ms: int
    count_preset_1: int
    count_limit_2: int
    lease_max_ms: int
    start_window_ms: int
    applicator: int
    filter_code: int
    t2_10ms: int
    t2d_100ms: int
    purpose: int
    arm_window_s: int
    no_dose_ms: int
    disagree_permille: int
    fraction_tag: int
    plan_tag: int
    termination: int
    switch: int
    timer_start: int
    rate_limit_10ms: int
    hv_per_100ms: int


class EmulatedUnit:
    """IDLE -> COMMITTED -> ARMED -> RUN -> ENDED, as the safety unit's map has them. `see` takes each good read, `pass_time` goes on without one.

    Nothing is kept when this program ends. So that a lost memory is never taken for one in which nothing ran, boot and run counts begin with the
    time at which the emulation began (records/recovery.py compares them). A channel that counts
    `counts_most_per_s` or more is saturated: the device cannot count what is beyond.
    """

    def __init__(
        self,
        fitted: Fitted,
        tick_s: float,
        now: float,
        counts_most_per_s: float = math.inf,
        counter_bits: tuple[int, int] = COUNTER_BITS,
    ) -> None:
        self._fitted = fitted
        self._masks = ((1 << counter_bits[0]) - 1, (1 << counter_bits[1]) - 1)
        self._rate_most = RATE_S * counts_most_per_s
        self._lead_s = 0.5 * tick_s
        self._begun_s = now
        self.state = UnitState.IDLE
        self.pins: Pins | None = None
        self.status: UnitStatus | None = None
        self.boot_count = int(now * 100.0) & MASK16
        self.run_count = int(now * 1000.0) & MASK32
        self._last_token = 0
        self._armed = self._retained = 0
        self._block = b""
        self._crc = 0
        self._limits: Limits | None = None
        self._beam_s = self._k1_s = 0.0
        self._counts = (0, 0)
        self._seen_counts: tuple[int, int] | None = None
        self._window: deque[tuple[float, int, int]] = deque()
        self._rates = (0, 0)
        self._rated = False
        self._counted_at_s = now
        self._timing = self._hv = self._counting = False
        self._hv_at_s: float | None = None
        self._run_at_s = 0.0
        self._lease_until_s = self._arm_until_s = 0.0
        self._k1_open_at_s = now - MIN_OFF_S
        self._mirror_wrong_at_s: float | None = None
        self._open_since_s: float | None = None
        self._released = False
        self._press_count = 0
        self._cause = Cause.NONE
        self._causes = 0
        self._history: list[Exposed] = []
        self._test = 0
        self._test_at_s = 0.0
        self._test_closed = False
        self._tests_passed = 0
        self._not_held = 0
        self.outputs = Outputs()

    # -- what may be asked of it ------------------------------------------------------------------------------------

    def order(self, command: Command, now: float) -> str:
        """One command; words when it is refused, and nothing has changed then."""
        if isinstance(command, SetUp):
            return self._commit(command.plan.staging, command.plan.staging_crc)
        if isinstance(command, Arm):
            return self._arm(command, now)
        if isinstance(command, Reset):
            return self._reset(command.token)
        if isinstance(command, Test):
            return self._begin_test(command.number, now)
        if isinstance(command, Unlatch):
            return "an emulated unit has no latch of its own; the program's is cleared by kerma reset"
        return ""

    def holds(self, command: Command) -> bool:
        """Whether the command is done already, so that giving it again would change nothing."""
        if isinstance(command, SetUp):
            same = self._block == command.plan.staging and self._crc == command.plan.staging_crc
            return same and self.state is UnitState.COMMITTED
        if isinstance(command, Arm):
            return self._armed == command.token or self._last_token >= command.token
        if isinstance(command, Reset):
            return self._retained != command.token
        return isinstance(command, Test) and self._test == command.number

    def renew(self, token: int, lease_ms: int, now: float) -> bool:
        """The lease of the armed token; one that does not hold changes nothing and is counted."""
        limits = self._limits
        holds = (
            self.state in (UnitState.ARMED, UnitState.RUN)
            and limits is not None
            and token == self._armed
            and 0 < lease_ms <= limits.lease_max_ms
        )
        if holds:
            self._lease_until_s = now + lease_ms / 1000.0
        else:
            self._not_held = min(self._not_held + 1, 0xFF)
        return holds

    def disarm(self, now: float) -> None:
        """Never refused."""
        if self.state in (UnitState.ARMED, UnitState.COMMITTED, UnitState.TEST, UnitState.RUN):
            self._end((Cause.DISARM,), now)

    def expired(self, now: float) -> None:
        """The device has opened everything by itself."""
        if self.state in (UnitState.ARMED, UnitState.TEST, UnitState.RUN):
            self._end((Cause.LEASE,), now)
        self.outputs = Outputs()
        self.pins = None
        self._seen_counts = None

    def rebooted(self, now: float) -> None:
        """The device has lost its power, or what we had set it to: whatever was armed is over."""
        self.expired(now)
        self.boot_count = (self.boot_count + 1) & MASK16

    def _commit(self, staging: bytes, crc: int) -> str:
        if self.state not in STAGEABLE:
            return f"a set-up is for IDLE, COMMITTED and ENDED; the emulated unit is {self.state.name}; send off first"
        if len(staging) != STAGING_BYTES or zlib.crc32(staging) != crc:
            return f"staging is not {STAGING_BYTES} bytes with their CRC-32; load again"
        limits = Limits(*_STAGING.unpack(staging))
        retained = self._limits
        if self._retained and retained is not None and retained.fraction_tag != limits.fraction_tag:
            return f"exposure {self._retained} of another fraction is retained; close that one first"
        if limits.preset_ms == 0 or limits.k1_limit_ms == 0:
            return "a timer preset of 0 is no preset; load again"
        self._block, self._crc, self._limits = staging, crc, limits
        self._cause, self._causes = Cause.NONE, 0
        self.state = UnitState.COMMITTED
        return ""

    def _arm(self, command: Arm, now: float) -> str:
        pins, limits = self.pins, self._limits
        if self.state is not UnitState.COMMITTED or limits is None or pins is None:
            return f"ARM is for COMMITTED only; the emulated unit is {self.state.name}"
        if command.token <= self._last_token:
            return f"token {command.token} is not above the last one, {self._last_token}"
        if command.active_crc != self._crc:
            return "active_crc is not that of the committed set"
        if now - self._k1_open_at_s < MIN_OFF_S:
            return f"K1 has been open for {now - self._k1_open_at_s:.2f} s, less than {MIN_OFF_S:.0f} s"
        if (pins.relays & (K1_OPEN | K2_OPEN)) != K1_OPEN | K2_OPEN:
            return "a contactor is not open"
        if pins.relays & HV_SEEN or self._hv:
            return "high voltage is seen"
        if (pins.contacts_a | pins.contacts_b) & SWITCH:
            return "the beam-on switch is pressed"
        causes = self._demands(pins, limits, hold=False)
        if causes:
            return f"not ready: {', '.join(cause.name for cause in causes)}"
        self._last_token = self._armed = command.token
        self._cause, self._causes = Cause.NONE, 0
        self._lease_until_s = now + limits.lease_max_ms / 1000.0
        self._arm_until_s = now + limits.arm_window_s
        self.state = UnitState.ARMED
        self._drive(k1=False, k2=True)
        return ""

    def _reset(self, token: int) -> str:
        if self.state not in RESTING:
            return f"RESET is for IDLE and ENDED only; the emulated unit is {self.state.name}"
        if token == 0 or token != self._retained:
            return f"token {token} is not the retained one, {self._retained}"
        self._retained = 0
        self._beam_s = self._k1_s = 0.0
        self._counts = (0, 0)
        self._counting = False
        self._block, self._crc, self._limits = b"", 0, None
        self._cause, self._causes = Cause.NONE, 0
        self.state = UnitState.IDLE
        return ""

    # -- time and reads ---------------------------------------------------------------------------------------------

    def see(self, pins: Pins, now: float, counted_at_s: float | None = None) -> None:
        """One good read of the device: time and counts are added, causes are judged, a press is a press, and a status is made of it all.

        `counted_at_s`: when the counters were asked for, where that was another request. Counters that have gone back are a device that has lost its
        power, or that somebody has set to nothing. Until the counters give a rate again after a gap there is no new status: old is not quiet.
        """
        if self._gone_back(pins):
            self.rebooted(now)
        before, self.pins = self.pins, pins
        self._counted_at_s = pins.asked_at_s if counted_at_s is None else counted_at_s
        rated = self._count(pins, self._counted_at_s)
        self._hv = bool(pins.relays & HV_SEEN) or self._counted_hv()
        if before is not None:
            self._time(before, pins)
        if self._pressed(pins):
            self._press_count = (self._press_count + 1) & MASK16
            if self.state is UnitState.ARMED:
                self._run(now)
        self._judge(pins, now)
        if rated:
            self.status = self._status(pins, now)

    def pass_time(self, now: float) -> None:
        """Lease and windows run on when nothing is read, and so does t2: a K2 that waits for a read would be held by a device that no longer answers."""
        limits = self._limits
        if self.state is UnitState.ENDED and self.outputs.k2 and now - self._k1_open_at_s >= self._t2_s:
            self._drive(k1=False, k2=False)
        if self.state not in (UnitState.ARMED, UnitState.RUN) or limits is None:
            return
        causes = []
        if now >= self._lease_until_s:
            causes.append(Cause.LEASE)
        if self.state is UnitState.ARMED and now >= self._arm_until_s:
            causes.append(Cause.ARM_WINDOW)
        if causes:
            self._end(tuple(causes), now)
        if now - self._lease_until_s >= self._t2_s:
            # This program stood still for longer than t2: the device may have opened K2 by itself, and is not to close it again.
            self._drive(k1=False, k2=False)

    def _gone_back(self, pins: Pins) -> bool:
        seen = self._seen_counts
        if seen is None or not self._fitted & Fitted.CHAMBERS:
            return False
        one, two = self._fresh(seen, (pins.counts_1, pins.counts_2))
        return one > self._masks[0] >> 1 or two > self._masks[1] >> 1

    def _fresh(self, first: tuple[int, int], last: tuple[int, int]) -> tuple[int, int]:
        """What the device has counted from one read to the other, by the width of each of its counters."""
        return (last[0] - first[0]) & self._masks[0], (last[1] - first[1]) & self._masks[1]

    def _count(self, pins: Pins, at_s: float) -> bool:
        """Modular differences of the device's counters; the first read after a gap only says where they stand. True when the rates are today's."""
        now_at, seen = (pins.counts_1, pins.counts_2), self._seen_counts
        self._seen_counts = now_at
        if not self._fitted & Fitted.CHAMBERS:
            return True
        window = self._window
        if seen is not None and self._counting:
            fresh = self._fresh(seen, now_at)
            self._counts = ((self._counts[0] + fresh[0]) & MASK32, (self._counts[1] + fresh[1]) & MASK32)
        if seen is None or (window and at_s - window[-1][0] > RATE_GAP_S):
            window.clear()
            self._rates, self._rated = (0, 0), False
        if not window or at_s > window[-1][0]:
            window.append((at_s, now_at[0], now_at[1]))
            while len(window) > 2 and at_s - window[1][0] >= RATE_S:
                window.popleft()
            self._rate(window[0], window[-1])
        return self._rated

    def _rate(self, first: tuple[float, int, int], last: tuple[float, int, int]) -> None:
        span_s = last[0] - first[0]
        if span_s >= RATE_S:
            scale = RATE_S / span_s
            one, two = self._fresh(first[1:], last[1:])
            self._rates = (min(round(one * scale), MASK16), min(round(two * scale), MASK16))
            self._rated = True

    def _counted_hv(self) -> bool:
        """Chambers above the committed threshold are evidence of high voltage, as in the safety unit."""
        limits = self._limits
        threshold = limits.hv_per_100ms if limits is not None else 10
        return bool(self._fitted & Fitted.CHAMBERS) and max(self._rates) > threshold

    def _time(self, before: Pins, pins: Pins) -> None:
        """Beam time by the reads' own times; the start event lies half-way between the read that had it not and the one that has. Across a gap it lies
        at the gap's beginning: an exposure ends too early rather than too late."""
        elapsed_s = pins.asked_at_s - before.asked_at_s
        closed = not pins.relays & K1_OPEN
        if self.outputs.k1 and self.state is UnitState.RUN:
            self._k1_s += elapsed_s
        from_hv = self._limits is not None and self._limits.timer_start == TimerStart.HV_SEEN
        runs = self.state is UnitState.RUN and closed and (self._hv or not from_hv)
        if runs and self._timing:
            self._beam_s += elapsed_s
        elif runs or self._timing:
            self._beam_s += elapsed_s if elapsed_s > GAP_TICKS * 2.0 * self._lead_s else 0.5 * elapsed_s
        self._timing = runs
        if not self.outputs.k1 and closed and self._hv and pins.asked_at_s - self._k1_open_at_s > MIRROR_S:
            # A contactor that did not open: the beam goes on, and so does its time (design-A1).
            self._beam_s += elapsed_s
            self._k1_s += elapsed_s

    def _pressed(self, pins: Pins) -> bool:
        """A new press: both channels closed, after both were seen open for RELEASED_S."""
        a, b = pins.contacts_a & SWITCH, pins.contacts_b & SWITCH
        if a and b:
            pressed, self._released = self._released, False
            self._open_since_s = None
            return pressed
        if a or b:
            self._open_since_s = None
        elif self._open_since_s is None:
            self._open_since_s = pins.asked_at_s
        elif pins.asked_at_s - self._open_since_s >= RELEASED_S:
            self._released = True
        return False

    def _run(self, now: float) -> None:
        self.run_count = (self.run_count + 1) & MASK32
        self._retained = self._armed
        self._run_at_s = now
        self._hv_at_s = None
        self._timing = False
        self._counting = True
        self.state = UnitState.RUN
        self._drive(k1=True, k2=True)

    def _judge(self, pins: Pins, now: float) -> None:
        limits = self._limits
        self._mirrors(pins)
        if self.state is UnitState.TEST:
            self._go_on_testing(pins, now)
        elif self.state in (UnitState.ARMED, UnitState.RUN) and limits is not None:
            causes = list(self._demands(pins, limits, hold=self.state is UnitState.RUN))
            if self.state is UnitState.RUN:
                causes += self._presets(limits, now)
            elif self._hv:
                causes.append(Cause.SPONTANEOUS)
            if causes:
                self._end(tuple(causes), now)
        self.pass_time(now)
        if self.state is not UnitState.RUN:
            self._after_k1(pins, now)

    def _mirrors(self, pins: Pins) -> None:
        """Since when a mirror contradicts what the device drives."""
        k1_wrong = bool(pins.relays & Relay.K1_COMMAND) is bool(pins.relays & K1_OPEN)
        k2_wrong = bool(pins.relays & Relay.K2_COMMAND) is bool(pins.relays & K2_OPEN)
        if not (k1_wrong or k2_wrong):
            self._mirror_wrong_at_s = None
        elif self._mirror_wrong_at_s is None:
            self._mirror_wrong_at_s = pins.asked_at_s

    def _demands(self, pins: Pins, limits: Limits, *, hold: bool) -> tuple[Cause, ...]:
        """Everything on the contacts that forbids beam now."""
        treat = limits.purpose in TREAT_PURPOSES
        need = Contact.ESTOP | Contact.DOOR | Contact.APPLICATOR | (Contact.KEY_TREAT if treat else Contact.KEY_SERVICE)
        if hold and limits.switch == SwitchMode.HOLD:
            need |= Contact.SWITCH
        forbid = Contact.KEY_SERVICE if treat else Contact.KEY_TREAT
        a, b = pins.contacts_a, pins.contacts_b
        wrong = int(need) & ~(a & b) | int(forbid) & (a | b)
        causes = [cause for mask, cause in CONTACT_CAUSES if wrong & mask]
        if self._fitted & Fitted.CODES:
            if not pins.applicator_a == pins.applicator_b == limits.applicator:
                causes.append(Cause.APPL)
            if not pins.filter_a == pins.filter_b == limits.filter_code:
                causes.append(Cause.FILTER)
        if self._mirror_wrong_at_s is not None and pins.asked_at_s - self._mirror_wrong_at_s > MIRROR_S:
            causes.append(Cause.MIRROR)
        if self._fitted & Fitted.LAMPS and pins.relays & LAMPS != LAMPS:
            causes.append(Cause.LAMP)
        return tuple(causes)

    def _presets(self, limits: Limits, now: float) -> list[Cause]:
        """What ends an exposure by itself; half a tick early, because this is only looked at once a tick, and counts by as much more as they are old."""
        causes = []
        if self._hv_at_s is None and self._hv:
            self._hv_at_s = now
        if self._hv_at_s is None and limits.start_window_ms and now - self._run_at_s >= limits.start_window_ms / 1000.0:
            causes.append(Cause.START_WINDOW)
        lead_s = self._lead_s if self._timing else 0.0
        if self._beam_s + lead_s >= limits.preset_ms / 1000.0:
            causes.append(Cause.TIME_PRESET)
        if self._k1_s + lead_s >= limits.k1_limit_ms / 1000.0:
            causes.append(Cause.K1_LIMIT)
        if self._fitted & Fitted.CHAMBERS:
            per_s = self._rates[0] / RATE_S, self._rates[1] / RATE_S
            if (
                limits.termination == Termination.MONITOR
                and self._counts[0] + per_s[0] * (lead_s + max(0.0, now - self._counted_at_s)) >= limits.count_preset_1
            ):
                causes.append(Cause.COUNT_PRESET)
            if 0 < limits.count_limit_2 <= self._counts[1]:
                causes.append(Cause.COUNT2)
        if self._beam_s >= HARD_CAP_S or self._k1_s >= HARD_CAP_S:
            causes.append(Cause.HARD_CAP)
        return causes

    def _end(self, causes: tuple[Cause, ...], now: float) -> None:
        """RUN to ENDED (K1 opens now, K2 behind it), ARMED, COMMITTED and TEST to IDLE (both open now)."""
        was = self.state
        first = Cause.HARD_CAP if Cause.HARD_CAP in causes else min(causes)
        if self._cause is Cause.NONE:
            self._cause = first
        for cause in causes:
            self._causes |= 1 << cause
        if self.outputs.k1:
            self._k1_open_at_s = now
        self._armed = 0
        self._timing = False
        self._test = 0
        if was is UnitState.RUN:
            self.state = UnitState.ENDED
            self._drive(k1=False, k2=self.outputs.k2)
            self._remember()
        else:
            self.state = UnitState.ENDED if self._retained else UnitState.IDLE
            self._drive(k1=False, k2=False)

    def _remember(self) -> None:
        tag = self._limits.fraction_tag if self._limits is not None else 0
        entry = Exposed(
            self._retained, tag, self._ms(self._beam_s), self._ms(self._k1_s), *self._counts, int(self._cause)
        )
        rest = [one for one in self._history if one.token != self._retained]
        self._history = [entry, *rest][:HISTORY_ENTRIES]

    def _after_k1(self, pins: Pins, now: float) -> None:
        """K2 opens once K1's mirror is open and no high voltage is seen (at t2 in any case: `pass_time`); counters stop when the cable is empty."""
        limits, open_s = self._limits, now - self._k1_open_at_s
        t2d_s = limits.t2d_100ms / 10.0 if limits is not None else T2_S
        if self.state is UnitState.ENDED and self.outputs.k2 and pins.relays & K1_OPEN and not self._hv:
            self._drive(k1=False, k2=False)
        if self._counting and open_s >= t2d_s and not self._hv:
            self._counting = False
            self._remember()

    @property
    def _t2_s(self) -> float:
        return self._limits.t2_10ms / 100.0 if self._limits is not None else T2_S

    # -- self-tests -------------------------------------------------------------------------------------------------

    def _begin_test(self, number: int, now: float) -> str:
        pins = self.pins
        if self.state not in RESTING:
            return f"TEST is for IDLE and ENDED only; the emulated unit is {self.state.name}"
        if number not in (3, 4):
            return f"test {number} is none of an emulated unit: it can test K1 (3) and K2 (4)"
        if pins is None or (pins.relays & (K1_OPEN | K2_OPEN)) != K1_OPEN | K2_OPEN or self._hv:
            return "a contactor is not open, or high voltage is seen"
        self._test, self._test_at_s, self._test_closed = number, now, False
        self._tests_passed &= ~(1 << number - 1)
        self.state = UnitState.TEST
        self._drive(k1=number == 3, k2=number == 4)
        return ""

    def _go_on_testing(self, pins: Pins, now: float) -> None:
        """Close, see the mirror close, open, see it open; the other contactor and high voltage must stay off all the while."""
        own, other = (K1_OPEN, K2_OPEN) if self._test == 3 else (K2_OPEN, K1_OPEN)
        took_s = now - self._test_at_s
        failed = self._hv or not pins.relays & other or took_s > (2.0 if self._test_closed else 1.0) * CONTACTOR_S
        passed = self._test_closed and not failed and pins.relays & own
        if passed:
            self._tests_passed |= 1 << self._test - 1
        if passed or failed:
            self._test = 0
            self._drive(k1=False, k2=False)
            self.state = UnitState.ENDED if self._retained else UnitState.IDLE
        elif not pins.relays & own:
            self._test_closed = True
            self._drive(k1=False, k2=False)

    # -- how it shows itself ----------------------------------------------------------------------------------------

    def _drive(self, *, k1: bool, k2: bool) -> None:
        self.outputs = Outputs(k1, k2, beam_lamp=k1, ready_lamp=self.state is UnitState.ARMED)

    @staticmethod
    def _ms(seconds: float) -> int:
        return round(seconds * 1000.0) & MASK32

    def _status(self, p: Pins, now: float) -> UnitStatus:
        scan = int((p.asked_at_s - self._begun_s) * 1000.0) & MASK32
        return UnitStatus(
            p.asked_at_s, scan, 0, 0, int(self.state), int(self._cause), self.boot_count, p.contacts_a, p.contacts_b,
            p.relays | (HV_SEEN if self._hv else 0), p.applicator_a, p.applicator_b, p.filter_a, p.filter_b,
            self._ms(self._beam_s), *self._counts, round(p.asked_at_s * 1e6) & MASK32, self._health(p.health),
            max(0, round((self._lease_until_s - now) * 1000.0)) if self._armed else 0,
            self._armed or self._retained, self._crc, self._press_count,
        )  # fmt: skip

    def _health(self, health: int) -> int:
        """With what the device cannot tell itself: that it counts as fast as it can."""
        for rate, saturated in zip(self._rates, (Health.SATURATED1, Health.SATURATED2), strict=True):
            if rate >= self._rate_most:
                health |= saturated
        return health

    def slow(self) -> UnitSlow | None:
        """The slow block, as old as the last read; air that is not measured is not a number."""
        status, limits = self.status, self._limits
        if status is None:
            return None
        return UnitSlow(
            status.asked_at_s, status.scan, self._ms(self._k1_s), self.run_count, self._causes, self._last_token,
            *self._rates, NAN, NAN, 0, None, None, self._tests_passed, self._not_held, status.scan // 1000,
            limits.fraction_tag if limits is not None else 0, limits.plan_tag if limits is not None else 0, 0, 0,
        )  # fmt: skip

    def active(self) -> UnitActive | None:
        """The committed set as this program holds it: nothing is read back from any device."""
        if self.status is None:
            return None
        held = self._block or bytes(STAGING_BYTES)
        return UnitActive(self.status.asked_at_s, held, self._crc, bool(self._block) and zlib.crc32(held) == self._crc)

    def history(self) -> tuple[Exposed, ...]:
        """Exposures since this program started, newest first."""
        return tuple(self._history)
