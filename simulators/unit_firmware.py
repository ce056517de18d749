"""The safety unit's firmware: one scan a millisecond over its pins, the exposure's states, and all that ends the beam with the host dead or lying.
It knows no wire and no register address (unit_registers, unit_requests), and nothing of the tube beyond what its pins see."""

from __future__ import annotations

from collections import deque
from typing import Final

from simulators import unit_map as m
from simulators.seam import UnitInputs, UnitOutputs
from simulators.unit_chambers import Chambers
from simulators.unit_limits import CommittedSet, decode
from simulators.unit_memory import HISTORY_ENTRIES, Exposure, UnitConfig, UnitMemory
from simulators.unit_pins import PinWatch, guards
from simulators.unit_selftest import SelfTest

IDLE: Final = int(m.State.IDLE)
COMMITTED: Final = int(m.State.COMMITTED)
ARMED: Final = int(m.State.ARMED)
RUN: Final = int(m.State.RUN)
ENDED: Final = int(m.State.ENDED)
LATCHED: Final = int(m.State.LATCHED)
TEST: Final = int(m.State.TEST)

MASK32: Final = 0xFFFFFFFF
MIN_OFF_MS: Final = 1000
WELD_MS: Final = 100
HV_KV_CENTI: Final = m.HV_SEEN_KV_CENTI
NOT_FITTED: Final = m.NOT_FITTED
CHALLENGES_KEPT: Final = 32
CHALLENGE_MS: Final = 10
WINDOW_MS: Final = 10
CABLE_MS: Final = 90_000
CABLE_LOOK_MS: Final = 1000
CABLE_FALLS: Final = 0.97
CABLE_NOISE_CENTI: Final = 100
"""After a dry run a cable empties by its bleeder alone; what falls by less than 3 % in a second is driven."""
SLOW_TIMER_DROPS_EVERY: Final = 33
WRONG_CLOCK_EVERY: Final = 12
"""Of so many ms of the world a clock that runs wrong makes one more or one less: 8 %."""
WRONG_CLOCKS: Final = {"clock-fast", "clock-slow"}
FAULTS: Final = (
    "silent", "garbled", "timer-slow", "timer-dead", "lease-dead", "count-limit-dead", "scan-frozen", "mirror-lies",
    "clock-fast", "clock-slow", "cause-lost",
)  # fmt: skip

_B = {cause: 1 << cause for cause in m.Cause}
B_COUNT_PRESET, B_TIME_PRESET, B_COUNT2 = _B[m.Cause.COUNT_PRESET], _B[m.Cause.TIME_PRESET], _B[m.Cause.COUNT2]
B_LEASE, B_K1_LIMIT, B_HARD_CAP = _B[m.Cause.LEASE], _B[m.Cause.K1_LIMIT], _B[m.Cause.HARD_CAP]
B_START_WINDOW, B_ARM_WINDOW = _B[m.Cause.START_WINDOW], _B[m.Cause.ARM_WINDOW]


B_PAIR, B_MIRROR = _B[m.Cause.PAIR], _B[m.Cause.MIRROR]


def first_of(bits: int) -> int:
    """The first cause among those that came true in one scan: the hard cap, else the lowest number."""
    if bits & B_HARD_CAP:
        return int(m.Cause.HARD_CAP)
    return (bits & -bits).bit_length() - 1


class UnitFirmware:
    """The unit: scan() once a millisecond, requests (unit_requests) between scans. faults holds names out of FAULTS, for injection only."""

    __slots__ = (
        "_ahead_us", "_armed_guard", "_cable_kv", "_decade", "_fresh", "_hv_at_ms", "_hv_lasting", "_pulses_1", "_pulses_2", "_random", "_run_guard",
        "_run_ms", "_slow_drop", "_timing", "_wrong_ms", "arm_left_ms", "armed_token", "bad_renewals", "boot_left_ms", "causes_all",
        "challenges", "chambers", "config", "contacts_a", "contacts_b", "counting", "faults", "first_cause", "frozen_scan",
        "host_seq", "hv_per_100ms", "hv_seen", "inputs", "k1", "k1_open_ms", "k2", "lease_left_ms", "limits", "notes",
        "now_us", "nv", "pins", "press_count", "sample_us", "scan_count", "selftest", "since_challenge_ms", "staging",
        "state", "state_before_test", "t2_ms", "t2d_ms", "tests_passed", "uptime_ms",
    )  # fmt: skip

    def __init__(self, config: UnitConfig, nv: UnitMemory) -> None:
        self.config = config
        self.nv = nv
        self.faults: set[str] = set()
        self.notes: deque[tuple[int, str]] = deque(maxlen=4096)
        self._power_up(0)

    @property
    def mute(self) -> bool:
        """No answer on any wire: booting, or the injected fault `silent`."""
        return self.boot_left_ms > 0 or "silent" in self.faults

    def reboot(self, now_us: int) -> None:
        """Brown-out: relays open at once (the next scan drives them so), memory of UnitMemory only survives, answers again after boot_ms."""
        self._power_up(now_us)
        self.boot_left_ms = self.config.boot_ms
        self.note("reboot")

    def note(self, words: str) -> None:
        """One line of what the unit did, for whoever drains notes."""
        self.notes.append((self.now_us, words))

    def _power_up(self, now_us: int) -> None:
        nv = self.nv
        nv.boot_count = (nv.boot_count + 1) & 0xFFFF
        self.now_us = now_us
        self.sample_us = now_us & MASK32
        self.boot_left_ms = 0
        self._fresh = True
        self._ahead_us = self._wrong_ms = 0
        self.inputs = UnitInputs()
        self.staging = bytes(m.STAGING.words * 2)
        self.limits: CommittedSet | None = None
        self.selftest: SelfTest | None = None
        self.state_before_test = IDLE
        self.scan_count = self.uptime_ms = self.host_seq = self.lease_left_ms = self.arm_left_ms = 0
        self.contacts_a = self.contacts_b = self.press_count = self.armed_token = 0
        self.tests_passed = self.bad_renewals = self.first_cause = self.causes_all = 0
        self.frozen_scan = -1
        self.chambers = Chambers()
        self.pins = PinWatch(self.config.mirror_ms, self.config.k2_fitted)
        self.k1 = self.k2 = self.counting = self.hv_seen = self._hv_lasting = self._timing = False
        self.t2_ms = self.t2d_ms = self.hv_per_100ms = 0
        self.k1_open_ms = self._decade = self._pulses_1 = self._pulses_2 = self._run_ms = self._slow_drop = 0
        self._hv_at_ms = -1
        self._cable_kv = 0
        self._armed_guard = self._run_guard = (0, 0)
        self._random = (
            self.config.seed * 0x9E3779B97F4A7C15 + nv.boot_count * 0xD1B54A32D192ED03 + 1
        ) & 0xFFFFFFFFFFFFFFFF
        self.challenges: deque[int] = deque(maxlen=CHALLENGES_KEPT)
        self.new_challenge()
        self.use_active()
        self._refresh_history()
        if nv.run_open:
            self.counting = True
            self._write_exposure(int(m.Cause.REBOOT))
            self.first_cause, self.causes_all = int(m.Cause.REBOOT), 1 << m.Cause.REBOOT
        elif nv.retained_token and nv.history and nv.history[0].token == nv.retained_token:
            self.first_cause = nv.history[0].cause
            self.causes_all = 1 << self.first_cause
        if nv.latch_code:
            self.first_cause = self.first_cause or int(m.Cause.SPONTANEOUS)
            self.causes_all |= 1 << m.Cause.SPONTANEOUS
        self.state = LATCHED if nv.latch_code else self.resting_state()

    def resting_state(self) -> int:
        """ENDED while an exposure is retained, else IDLE."""
        return ENDED if self.nv.retained_token else IDLE

    def use_active(self) -> None:
        """Take t2, t2d and the hv_seen threshold from ACTIVE, or those the unit was built with. While a tail runs a commit may not loosen them."""
        config = self.config
        t2_ms, t2d_ms, hv_per_100ms = config.idle_t2_ms, config.idle_t2d_ms, config.idle_hv_per_100ms
        self.limits = None
        if self.nv.active:
            s = self.limits = decode(self.nv.active)
            t2_ms, t2d_ms, hv_per_100ms = s.t2_ms, s.t2d_ms, s.hv_per_100ms
        if self.counting:
            self.hv_per_100ms = min(self.hv_per_100ms, hv_per_100ms)
        else:
            self.t2_ms, self.t2d_ms, self.hv_per_100ms = t2_ms, t2d_ms, hv_per_100ms

    def new_challenge(self) -> None:
        """xorshift64*: stands in for the hardware random number generator that a real unit must have."""
        x = self._random
        x ^= x >> 12
        x = (x ^ (x << 25)) & 0xFFFFFFFFFFFFFFFF
        x ^= x >> 27
        self._random = x
        self.challenges.appendleft((x * 0x2545F4914F6CDD1D >> 32) & MASK32)
        self.since_challenge_ms = 0

    def challenge_age_ms(self, challenge: int) -> int:
        """Milliseconds since this challenge was issued; a number beyond any lease if it never was, or too long ago."""
        if challenge not in self.challenges:
            return 1 << 30
        return self.since_challenge_ms + CHALLENGE_MS * self.challenges.index(challenge)

    # -- the scan ---------------------------------------------------------------------------------------------------

    def scan(self, now_us: int, inputs: UnitInputs, outputs: UnitOutputs) -> None:
        """One millisecond of the unit's life: read pins, judge, drive coils. now_us is the unit's own free-running clock."""
        if self._fresh or self.boot_left_ms:
            self._boot_scan(now_us, inputs, outputs)
            return
        if self.faults and self._missed():
            return
        self.now_us = now_us
        self.sample_us = (now_us + self._ahead_us) & MASK32
        self.scan_count = (self.scan_count + 1) & MASK32
        self.uptime_ms += 1
        self.since_challenge_ms += 1
        self.inputs = inputs
        pulse_bit = inputs.test_pulse << 7
        a = (
            inputs.estop_a | inputs.door_a << 1 | inputs.key_treat_a << 2 | inputs.key_service_a << 3
            | inputs.contact_a << 4 | inputs.switch_a << 5 | pulse_bit
        )  # fmt: skip
        b = (
            inputs.estop_b | inputs.door_b << 1 | inputs.key_treat_b << 2 | inputs.key_service_b << 3
            | inputs.contact_b << 4 | inputs.switch_b << 5 | pulse_bit
        )  # fmt: skip
        self.contacts_a, self.contacts_b = a, b

        self._count(inputs)
        self._decade += 1
        if self._decade == WINDOW_MS:
            self._window(inputs)

        hv = self.chambers.hv or (HV_KV_CENTI < inputs.kv_centi != NOT_FITTED and self.config.monitor_fitted)
        self.hv_seen = hv
        pins = self.pins
        if (a ^ b) & 0x3F or pins.timing_pairs:
            self._pairs_differ(a ^ b)
        pins.no_pulse_ms = 0 if pulse_bit else pins.no_pulse_ms + 1
        if inputs.k1_mirror_open == self.k1 or inputs.k2_mirror_open == self.k2 or pins.timing_mirrors:
            self._mirrors_differ(inputs)

        state = self.state
        if state == RUN:
            self._run(a, b, hv, inputs)
        elif state == ARMED:
            self._armed(a, b, hv, inputs)
        elif state == TEST:
            self._test(now_us, inputs)
        if ((a | b) & 0x20 or not pins.released) and pins.step_switch(a, b):
            self._press()

        if not self.k1:
            self.k1_open_ms += 1
            if hv or self.k2 or self.counting:
                self._after_k1(hv, inputs)
            elif self._hv_lasting:
                self._hv_lasting = False
        self._drive(outputs)
        if self.faults and "clock-fast" in self.faults:
            self._wrong_ms += 1
            if self._wrong_ms % WRONG_CLOCK_EVERY == 0:
                self._ahead_us += 1000
                self.scan(now_us, inputs, outputs)

    def _missed(self) -> bool:
        """Whether a clock that runs slow lets this ms go by."""
        if "clock-slow" not in self.faults:
            return False
        self._wrong_ms += 1
        missed = self._wrong_ms % WRONG_CLOCK_EVERY == 0
        self._ahead_us -= 1000 * missed
        return missed

    def _count(self, inputs: UnitInputs) -> None:
        pulses = inputs.pulses_1
        if pulses != self._pulses_1:
            fresh = (pulses - self._pulses_1) & MASK32
            self._pulses_1 = pulses
            self.chambers.bucket_1 += fresh
            if self.counting:
                self.nv.counts_1 = (self.nv.counts_1 + fresh) & MASK32
        pulses = inputs.pulses_2
        if pulses != self._pulses_2:
            fresh = (pulses - self._pulses_2) & MASK32
            self._pulses_2 = pulses
            self.chambers.bucket_2 += fresh
            if self.counting:
                self.nv.counts_2 = (self.nv.counts_2 + fresh) & MASK32

    def idle_ms(self, most_pulses: int) -> int:
        """How many scans from now on, up to the next window of 10 ms, would only count: every pin but the pulses stays as the last scan saw it,
        no master asks, and neither chamber gives more than `most_pulses` in one ms."""
        pins, state = self.pins, self.state
        if self._fresh or self.boot_left_ms or pins.timing_pairs or pins.timing_mirrors or pins.no_pulse_ms:
            return 0
        held = self.contacts_a & self.contacts_b & m.IN_SWITCH
        if not (pins.released or held) or state == TEST or not WRONG_CLOCKS.isdisjoint(self.faults):
            return 0
        if not self.k1 and (self._hv_lasting or self.hv_seen or (self.k2 and state != ARMED)):
            return 0
        idle = WINDOW_MS - 1 - self._decade
        if self.counting and not self.k1:
            idle = min(idle, self.t2d_ms - self.k1_open_ms - 1)
        if state == RUN:
            return min(idle, self._run_idle_ms(most_pulses))
        return min(idle, self.lease_left_ms - 1, self.arm_left_ms - 1) if state == ARMED else idle

    def _run_idle_ms(self, most_pulses: int) -> int:
        """In RUN: how many scans from now on are too few to reach any of the presets and limits that `_run` compares."""
        limits, nv, config = self.limits, self.nv, self.config
        if (
            not self._timing
            or self._hv_at_ms < 0
            or self._slow_drop
            or self.faults
            or self.chambers.bits
            or limits is None
        ):
            return 0
        most_1 = most_2 = config.hard_cap_counts
        if limits.termination == m.TERMINATION_MONITOR:
            most_1 = min(most_1, limits.count_preset_1)
        if limits.count_limit_2 > 0:
            most_2 = min(most_2, limits.count_limit_2)
        cap_ms = config.hard_cap_s * 1000
        return min(
            self.lease_left_ms - 1,
            min(limits.preset_ms, cap_ms) - nv.beam_ms - 1,
            min(limits.k1_limit_ms, cap_ms) - nv.k1_ms - 1,
            (min(most_1 - nv.counts_1, most_2 - nv.counts_2) - 1) // most_pulses,
        )

    def skip(self, ms: int, now_us: int, inputs: UnitInputs) -> None:
        """`ms` scans, at most `idle_ms`, the last of them at `now_us`."""
        self.now_us = now_us
        self.sample_us = (now_us + self._ahead_us) & MASK32
        self.scan_count = (self.scan_count + ms) & MASK32
        self.uptime_ms += ms
        self.since_challenge_ms += ms
        self._count(inputs)
        self._decade += ms
        if not self.k1:
            self.k1_open_ms += ms
        if self.state == RUN:
            self._run_ms += ms
            self.nv.k1_ms += ms
            self.nv.beam_ms += ms
            self.lease_left_ms -= ms
        elif self.state == ARMED:
            self.lease_left_ms -= ms
            self.arm_left_ms -= ms

    def _boot_scan(self, now_us: int, inputs: UnitInputs, outputs: UnitOutputs) -> None:
        """While booting the unit holds everything open; its first scan only takes the pulse counters as they stand."""
        self.now_us = now_us
        self._fresh = False
        self._pulses_1, self._pulses_2 = inputs.pulses_1, inputs.pulses_2
        if self.boot_left_ms:
            self.boot_left_ms -= 1
        self._drive(outputs)

    def _drive(self, outputs: UnitOutputs) -> None:
        k1, state = self.k1, self.state
        outputs.k1_close = k1
        outputs.k2_close = self.k2
        lamps = self.selftest is not None and self.selftest.lamps
        outputs.beam_lamp = k1 or lamps
        outputs.ready_lamp = state == ARMED or lamps
        outputs.sounder = state == LATCHED or (self.hv_seen and not k1 and self.k1_open_ms > self.t2_ms)

    def _window(self, inputs: UnitInputs) -> None:
        """Every 10 ms: a new challenge, chamber rates, and in RUN the rules that live on them."""
        self._decade = 0
        self.new_challenge()
        c1, c2 = self.chambers.window(self.hv_per_100ms, inputs)
        if self.state == RUN and self.limits is not None:
            counts = self.nv.counts_1, self.nv.counts_2
            self.chambers.judge(c1, c2, self._run_ms, self._hv_at_ms >= 0, counts, self.limits, inputs)

    def _pairs_differ(self, differ: int) -> None:
        if self.pins.step_pairs(differ):
            self.causes_all |= B_PAIR
            self.note("PAIR: two channels of a contact disagree")

    def _mirrors_differ(self, inputs: UnitInputs) -> None:
        if self.pins.step_mirrors(self.k1, self.k2, inputs):
            self.causes_all |= B_MIRROR
            self.note("MIRROR: a contactor does not follow its coil")

    # -- armed and run ----------------------------------------------------------------------------------------------

    def arm(self, token: int) -> None:
        """COMMITTED to ARMED, after unit_requests found nothing against it: K2 closes, lease and arm window run, K1 stays open."""
        assert self.limits is not None
        self.nv.last_token = token
        self.armed_token = token
        self.first_cause = self.causes_all = 0
        self.settle()
        self.use_active()
        self._armed_guard = guards(self.limits)
        required, forbidden = self._armed_guard
        hold = m.IN_SWITCH if self.limits.switch == m.SWITCH_HOLD else 0
        self._run_guard = (required | hold, forbidden)
        self.lease_left_ms = self.limits.lease_max_ms
        self.arm_left_ms = self.limits.arm_window_s * 1000
        self.k2 = self.config.k2_fitted
        self.state = ARMED
        self.note(f"ARMED token {token}")

    def _armed(self, a: int, b: int, hv: bool, inputs: UnitInputs) -> None:
        limits = self.limits
        assert limits is not None
        if hv:
            self._latch(int(m.Cause.SPONTANEOUS))
            return
        bits = self.pins.demands(a, b, *self._armed_guard, inputs, limits)
        self.lease_left_ms -= 1
        self.arm_left_ms -= 1
        if self.lease_left_ms <= 0:
            bits |= B_LEASE
        if self.arm_left_ms <= 0:
            bits |= B_ARM_WINDOW
        if bits:
            self.end(bits)

    def _press(self) -> None:
        """A new press of both switch channels, after both were seen released: counted always, closes K1 only from ARMED."""
        self.press_count = (self.press_count + 1) & 0xFFFF
        if self.state != ARMED:
            return
        nv = self.nv
        nv.run_count = (nv.run_count + 1) & MASK32
        nv.retained_token = self.armed_token
        nv.ran = nv.active
        nv.run_open = True
        self.state = RUN
        self.k1 = self.counting = True
        self.k1_open_ms = 0
        self.arm_left_ms = 0
        self._run_ms = 0
        self.chambers.start_run(nv.counts_1, nv.counts_2)
        self._hv_at_ms = -1
        self._timing = False
        self.note("RUN: K1 told to close")

    def _run(self, a: int, b: int, hv: bool, inputs: UnitInputs) -> None:
        limits, nv = self.limits, self.nv
        assert limits is not None
        run_ms = self._run_ms = self._run_ms + 1
        nv.k1_ms += 1
        if self._timing:
            self._slow_drop = self._slow_drop + 1 if self.faults and "timer-slow" in self.faults else 0
            if self._slow_drop == SLOW_TIMER_DROPS_EVERY:
                self._slow_drop = 0
            elif not self.faults or "timer-dead" not in self.faults:
                nv.beam_ms += 1
        elif hv if limits.timer_start == m.TIMER_FROM_HV else not inputs.k1_mirror_open:
            self._timing = True
        bits = self.chambers.bits
        if self._hv_at_ms < 0:
            if hv:
                self._hv_at_ms = run_ms
                self.chambers.start_beam(run_ms, nv.counts_1, nv.counts_2)
            elif limits.start_window_ms and run_ms >= limits.start_window_ms:
                bits |= B_START_WINDOW
        if not self.faults or "lease-dead" not in self.faults:
            self.lease_left_ms -= 1
        if self.lease_left_ms <= 0:
            bits |= B_LEASE
        if nv.beam_ms >= limits.preset_ms:
            bits |= B_TIME_PRESET
        if nv.k1_ms >= limits.k1_limit_ms:
            bits |= B_K1_LIMIT
        if nv.counts_1 >= limits.count_preset_1 and limits.termination == m.TERMINATION_MONITOR:
            bits |= B_COUNT_PRESET
        if nv.counts_2 >= limits.count_limit_2 > 0:
            bits |= B_COUNT2
        if self.faults and "count-limit-dead" in self.faults:
            bits &= ~(B_COUNT_PRESET | B_COUNT2)
        cap_ms, cap_counts = self.config.hard_cap_s * 1000, self.config.hard_cap_counts
        if nv.beam_ms >= cap_ms or nv.k1_ms >= cap_ms or nv.counts_1 >= cap_counts or nv.counts_2 >= cap_counts:
            bits |= B_HARD_CAP
        bits |= self.pins.demands(a, b, *self._run_guard, inputs, limits)
        if bits:
            self.end(bits)

    def end(self, bits: int) -> None:
        """RUN to ENDED (K1 opens now, K2 after it), ARMED, COMMITTED and TEST to IDLE (both open now), with the causes that came true."""
        was = self.state
        cause = first_of(bits)
        self.causes_all |= bits
        if not self.first_cause:
            self.first_cause = cause
        self._open_k1()
        self.selftest = None
        self.armed_token = self.lease_left_ms = self.arm_left_ms = 0
        if was == RUN:
            self.state = ENDED
            self._write_exposure(self.first_cause)
        else:
            self.state = IDLE
            self.k2 = False
        self.note(f"{m.State(self.state).name}: {m.Cause(cause).name}")

    def _open_k1(self) -> None:
        if self.k1:
            self.k1 = False
            self.k1_open_ms = 0
            self._hv_lasting = self.hv_seen

    # -- after K1 ---------------------------------------------------------------------------------------------------

    def _after_k1(self, hv: bool, inputs: UnitInputs) -> None:
        """With K1 told to open: count the tail, open K2 in its turn, escalate at t2, latch after t2d."""
        open_ms, nv = self.k1_open_ms, self.nv
        if self.counting:
            if hv and not inputs.k1_mirror_open and open_ms >= WELD_MS:
                overrun_ms = WELD_MS if open_ms == WELD_MS else 1
                nv.k1_ms += overrun_ms
                nv.beam_ms += overrun_ms
            if open_ms >= self.t2d_ms and not hv:
                self.settle()
        if hv and self.state != LATCHED and open_ms > self.t2d_ms and not self._cable_empties(inputs):
            self._latch(self.first_cause if self._hv_lasting else int(m.Cause.SPONTANEOUS))
        if not hv:
            self._hv_lasting = False
        if self.k2 and self.state not in (ARMED, TEST):
            if open_ms >= self.t2_ms:
                self.k2 = False
                self.note("K2 told to open at t2")
            elif inputs.k1_mirror_open and not hv:
                self.k2 = False

    def _cable_empties(self, inputs: UnitInputs) -> bool:
        """Only after a dry run, with both mirrors open and both chambers dark: high voltage that the monitor alone sees, for as long as it falls."""
        nv, open_ms, kv = self.nv, self.k1_open_ms, inputs.kv_centi
        if not (nv.ran and decode(nv.ran).purpose == m.Purpose.DRY_RUN and self.state == ENDED):
            return False
        if self.chambers.hv or not (inputs.k1_mirror_open and inputs.k2_mirror_open) or open_ms > CABLE_MS:
            return False
        since_ms = open_ms - self.t2d_ms
        if since_ms == 1:
            self._cable_kv = kv
        elif since_ms % CABLE_LOOK_MS == 0:
            if kv > CABLE_FALLS * self._cable_kv:
                return False
            self._cable_kv = kv
        return kv <= self._cable_kv + CABLE_NOISE_CENTI

    def _latch(self, cause: int) -> None:
        """HV where there must be none: both contactors open, sounder, non-volatile until UNLATCH in the SERVICE key."""
        nv = self.nv
        nv.latch_count = nv.latch_count % 255 + 1
        nv.latch_code = nv.latch_count << 8 | int(m.Cause.SPONTANEOUS)
        self.first_cause = cause
        self.causes_all |= 1 << m.Cause.SPONTANEOUS
        self._open_k1()
        self.k2 = False
        self.selftest = None
        self.armed_token = self.lease_left_ms = self.arm_left_ms = 0
        self.state = LATCHED
        self.note(f"LATCHED: {m.Cause(cause).name}")

    def settle(self) -> None:
        """The tail is over: counters stop, the history entry gets its final figures."""
        self.counting = False
        self._refresh_history()

    def forget(self) -> None:
        """RESET: the retained exposure and the ACTIVE set go, history and token numbers stay."""
        self.settle()
        nv = self.nv
        nv.retained_token = nv.beam_ms = nv.k1_ms = nv.counts_1 = nv.counts_2 = 0
        nv.active = nv.ran = b""
        self.use_active()
        self.first_cause = self.causes_all = 0
        self.state = IDLE

    def _write_exposure(self, cause: int) -> None:
        nv = self.nv
        tag = decode(nv.ran).fraction_tag if nv.ran else 0
        entry = Exposure(nv.retained_token, tag, nv.beam_ms, nv.k1_ms, nv.counts_1, nv.counts_2, cause)
        nv.history.insert(0, entry)
        del nv.history[HISTORY_ENTRIES:]
        nv.run_open = False

    def _refresh_history(self) -> None:
        """The newest entry follows the retained counters until they have settled."""
        nv = self.nv
        if nv.history and nv.retained_token and nv.history[0].token == nv.retained_token and not nv.run_open:
            entry = nv.history[0]
            entry.beam_ms, entry.k1_ms, entry.counts_1, entry.counts_2 = nv.beam_ms, nv.k1_ms, nv.counts_1, nv.counts_2

    def history(self) -> list[Exposure]:
        """The last exposures, newest first, the newest with its counters as they stand."""
        self._refresh_history()
        return self.nv.history

    # -- self-test --------------------------------------------------------------------------------------------------

    def start_test(self, number: int) -> None:
        """IDLE or ENDED to TEST n; unit_requests has checked that nothing speaks against it."""
        self.state_before_test = self.state
        self.tests_passed &= ~(1 << number - 1)
        self.selftest = SelfTest(number, self.now_us)
        self.state = TEST
        self.note(f"TEST {number} {m.TESTS[number]}")

    def _test(self, now_us: int, inputs: UnitInputs) -> None:
        test = self.selftest
        assert test is not None
        if self.hv_seen:
            self._latch(int(m.Cause.SPONTANEOUS))
            return
        test.step(now_us, inputs, self.faults)
        if not test.k1:
            self._open_k1()
        self.k1, self.k2 = test.k1, test.k2
        if test.passed is None:
            return
        if test.passed:
            self.tests_passed |= 1 << test.number - 1
        self.note(f"TEST {test.number} {'passed' if test.passed else 'FAILED'}")
        self.selftest = None
        self.k2 = False
        self.state = self.state_before_test
