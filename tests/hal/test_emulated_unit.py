"""The emulation by itself: contacts and times in, states, causes and outputs out. No wire, no device, no clock."""

from __future__ import annotations

import struct
import zlib

import pytest
from msgspec.structs import replace

from hal.commands import Arm, Plan, Reset, SetUp, Test, Unlatch
from hal.machine import Fitted
from hal.readings import Cause, Contact, Health, Relay, UnitState
from hal.safety_units.emulated import EmulatedUnit, Outputs, Pins

Test.__test__ = False  # type: ignore[attr-defined]
TICK_S = 0.01
SOUND = Contact.ESTOP | Contact.DOOR | Contact.KEY_TREAT | Contact.APPLICATOR
LAMPS = Relay.BEAM_LAMP_OK | Relay.READY_LAMP_OK
NAMES = (
    "preset_ms", "k1_limit_ms", "count_preset_1", "count_limit_2", "lease_max_ms", "start_window_ms", "applicator", "filter",
    "t2", "t2d", "purpose", "arm_window_s", "no_dose_ms", "disagree", "fraction", "plan", "termination", "switch", "start", "rate", "hv",
)  # fmt: skip
USUAL = dict(
    zip(
        NAMES,
        (1000, 2000, 900, 2000, 200, 500, 0x35, 0xF2, 30, 6, 0x1E1E, 60, 0, 100, 7, 8, 0x3C, 0x5A, 0xF00F, 0, 40),
        strict=True,
    )
)
TIME, MONITOR, HOLD, FROM_K1 = 0x3C, 0xC3, 0xA5, 0x0FF0
EVERYTHING = Fitted.CODES | Fitted.LAMPS | Fitted.PAIRS


def plan(**changes: int) -> Plan:
    staging = struct.pack(">IIIIHHBBBBHHHHQQBBHHH", *(USUAL | changes).values())
    return Plan(0, 0, 0, 0, staging, zlib.crc32(staging))


class Rig:
    """Contactors that follow in 20 ms, high voltage 30 ms behind K1 when `beam`, counters at `cps`; renews while `renews`."""

    def __init__(self, fitted: Fitted = EVERYTHING, now: float = 50.0) -> None:
        self.now = now
        self.unit = EmulatedUnit(fitted, TICK_S, now)
        self.contacts_a = self.contacts_b = int(SOUND)
        self.codes = [0x35, 0x35, 0xF2, 0xF2]
        self.lamps = int(LAMPS)
        self.beam, self.renews, self.welded = True, True, False
        self.cps = (0.0, 0.0)
        self.counts = [0.0, 0.0]
        self._k1 = self._k2 = 0.0
        self.hv = False

    def tick(self, n: int = 1) -> None:
        for _ in range(n):
            self.now += TICK_S
            out = self.unit.outputs
            self._k1 = min(self._k1 + TICK_S, 1.0) if out.k1 else (self._k1 if self.welded else 0.0)
            self._k2 = min(self._k2 + TICK_S, 1.0) if out.k2 else 0.0
            self.hv = self.beam and self._k1 > 0.045 and self._k2 > 0.015
            if self.hv:
                self.counts = [count + cps * TICK_S for count, cps in zip(self.counts, self.cps, strict=True)]
            if self.renews and self.unit.status is not None and self.unit.state in (UnitState.ARMED, UnitState.RUN):
                self.unit.renew(self.unit.status.token, 200, self.now)
            self.unit.see(self.pins(), self.now)

    def pins(self) -> Pins:
        out = self.unit.outputs
        relays = self.lamps
        relays |= Relay.K1_COMMAND if out.k1 else 0
        relays |= Relay.K2_COMMAND if out.k2 else 0
        relays |= 0 if self._k1 > 0.015 else Relay.K1_MIRROR_OPEN
        relays |= 0 if self._k2 > 0.015 else Relay.K2_MIRROR_OPEN
        relays |= Relay.HV_SEEN if self.hv and not self.unit._fitted & Fitted.CHAMBERS else 0
        a, b, c, d = self.codes
        counts = [int(count) & 0xFFFFFFFF for count in self.counts]
        return Pins(self.now, self.contacts_a, self.contacts_b, relays, a, b, c, d, *counts)

    def give(self, command: object) -> str:
        return self.unit.order(command, self.now)  # type: ignore[arg-type]

    def ready(self, **changes: int) -> Rig:
        self.tick(5)
        assert self.give(SetUp(plan(**changes))) == ""
        self.tick(110)
        assert self.give(Arm(5, plan(**changes).staging_crc)) == ""
        self.tick(3)
        assert self.unit.state is UnitState.ARMED
        return self

    def press(self) -> None:
        self.contacts_a |= Contact.SWITCH
        self.contacts_b |= Contact.SWITCH
        self.tick()

    def release(self) -> None:
        self.contacts_a &= ~Contact.SWITCH
        self.contacts_b &= ~Contact.SWITCH
        self.tick()

    def running(self, **changes: int) -> Rig:
        self.ready(**changes).press()
        self.tick(10)
        assert self.unit.state is UnitState.RUN and self.hv
        return self

    @property
    def cause(self) -> Cause:
        assert self.unit.status is not None
        return Cause(self.unit.status.first_cause)


def test_time_ends_the_exposure_to_half_a_tick() -> None:
    """The timer runs from the middle of the two reads between which high voltage came, and is looked at once a tick."""
    rig = Rig().running()
    while rig.unit.state is UnitState.RUN:
        rig.tick()
    assert rig.cause is Cause.TIME_PRESET and rig.unit.status is not None
    assert abs(rig.unit.status.beam_ms - 1000) <= 5
    assert rig.unit.outputs == Outputs(k2=True), "K1 first"
    rig.tick(2)
    assert rig.unit.outputs == Outputs()
    assert rig.unit.status.token == 5, "retained until it is reset"


def test_a_start_that_nobody_saw_is_the_earliest_that_it_can_have_been() -> None:
    """This program stood still for 0.15 s while high voltage rose: all of it counts, and the preset is never outrun by what was not seen."""
    rig = Rig().ready(preset_ms=1000)
    rig.press()
    rig.tick()
    rig.now += 0.14
    rig._k1 = 0.2
    began = rig.now
    rig.tick()
    assert rig.hv and rig.unit.status is not None and rig.unit.status.beam_ms == 150
    while rig.unit.state is UnitState.RUN:
        rig.tick()
    assert rig.now - began <= 0.87


def test_counts_end_it_where_there_are_chambers() -> None:
    rig = Rig(EVERYTHING | Fitted.CHAMBERS)
    rig.cps = (2000.0, 1900.0)
    rig.running(termination=MONITOR, preset_ms=9000)
    while rig.unit.state is UnitState.RUN:
        rig.tick()
    assert rig.cause is Cause.COUNT_PRESET and rig.unit.status is not None
    assert abs(rig.unit.status.counts_1 - 900) <= 21


@pytest.mark.parametrize("old_ticks", [0, 1, 3])
def test_old_counts_end_it_no_later(old_ticks: int) -> None:
    """Where the counters are read by another request, what has been counted since goes into the predicted end: half a tick either way, however old."""
    rig = Rig(EVERYTHING | Fitted.CHAMBERS)
    rig.cps = (2000.0, 1900.0)
    rig.running(termination=MONITOR, preset_ms=9000)
    kept: list[tuple[float, int, int]] = []
    while rig.unit.state is UnitState.RUN:
        rig.renews = False
        rig.now += TICK_S
        rig.counts = [count + cps * TICK_S for count, cps in zip(rig.counts, rig.cps, strict=True)]
        rig.unit.renew(5, 200, rig.now)
        pins = rig.pins()
        kept.append((rig.now, pins.counts_1, pins.counts_2))
        at_s, one, two = kept[max(0, len(kept) - 1 - old_ticks)]
        rig.unit.see(replace(pins, counts_1=one, counts_2=two), rig.now, at_s)
    assert rig.cause is Cause.COUNT_PRESET
    assert abs(kept[-1][1] - 900) <= 11


def test_e10_ends_at_the_first_tick_with_that_dose() -> None:
    """E10: 8536.59 mGy less a tail of 1.54 mGy is 426752 counts of 20 uGy; 55 mGy/s looked at each 10 ms ends at the first look from 8534.77 mGy on."""
    for start in (0.0, 7.0, 14.0, 21.0):
        rig = Rig(EVERYTHING | Fitted.CHAMBERS)
        rig.cps = (2750.0, 2700.0)
        rig.running(
            termination=MONITOR, preset_ms=900_000, k1_limit_ms=900_000, count_preset_1=426_752, count_limit_2=500_000
        )
        rig.tick(20)
        rig.unit._counts = (426_600 + int(start), 400_000)
        while rig.unit.state is UnitState.RUN:
            rig.tick()
        assert rig.unit.status is not None
        ended_mgy = 0.02 * rig.unit.status.counts_1
        assert 8534.7720 - 0.02 <= ended_mgy < 8534.7720 + 0.55 + 0.02


def test_the_second_channel_backs_up() -> None:
    rig = Rig(EVERYTHING | Fitted.CHAMBERS)
    rig.cps = (10.0, 4000.0)
    rig.running(termination=MONITOR, preset_ms=9000)
    rig.tick(60)
    assert rig.cause is Cause.COUNT2


def test_counts_are_never_seen_where_there_are_no_chambers() -> None:
    rig = Rig()
    rig.cps = (9000.0, 9000.0)
    rig.running(preset_ms=60_000, k1_limit_ms=65_000)
    rig.tick(100)
    assert rig.unit.state is UnitState.RUN and rig.unit.status is not None and rig.unit.status.counts_1 == 0


@pytest.mark.parametrize(("cps", "saturated"), [(2900.0, False), (2960.0, True)])
def test_a_counter_at_the_devices_limit_is_saturated(cps: float, saturated: bool) -> None:
    rig = Rig(EVERYTHING | Fitted.CHAMBERS)
    rig.unit = EmulatedUnit(EVERYTHING | Fitted.CHAMBERS, TICK_S, rig.now, 2940.0)
    rig.cps = (cps, 10.0)
    rig.running(preset_ms=60_000, k1_limit_ms=65_000, count_preset_1=10**9, count_limit_2=10**9)
    rig.tick(20)
    assert rig.unit.status is not None and bool(rig.unit.status.health & Health.SATURATED1) is saturated
    assert not rig.unit.status.health & Health.SATURATED2


def test_counters_that_wrap_go_on() -> None:
    rig = Rig(EVERYTHING | Fitted.CHAMBERS)
    rig.counts = [float(2**32 - 50), float(2**32 - 3)]
    rig.cps = (2000.0, 1000.0)
    rig.running(preset_ms=60_000, k1_limit_ms=65_000)
    rig.tick(20)
    assert rig.unit.status is not None and 300 < rig.unit.status.counts_1 < 700


@pytest.mark.parametrize("bits", [(16, 16), (16, 32), (32, 16)])
def test_a_narrow_counter_wraps_at_its_own_width(bits: tuple[int, int]) -> None:
    """What is counted goes on over the turn of a counter of 16 bits, beside one of 32; the exposure goes on with it."""
    rig = Rig(EVERYTHING | Fitted.CHAMBERS)
    rig.unit = EmulatedUnit(EVERYTHING | Fitted.CHAMBERS, TICK_S, rig.now, counter_bits=bits)
    rig.cps = (2700.0, 2800.0)
    rig.counts = [2.0 ** bits[0] - 700.0, 2.0 ** bits[1] - 700.0]
    whole = rig.pins
    rig.pins = lambda: replace(  # type: ignore[method-assign]
        whole(), counts_1=int(rig.counts[0]) % 2 ** bits[0], counts_2=int(rig.counts[1]) % 2 ** bits[1]
    )
    before = rig.running(count_preset_1=10**6, count_limit_2=10**6).unit.status
    rig.tick(60)
    status = rig.unit.status
    assert status is not None and before is not None
    assert (rig.unit.state, status.boot_count) == (UnitState.RUN, before.boot_count)
    assert (status.counts_1 - before.counts_1, status.counts_2 - before.counts_2) == (60 * 27, 60 * 28)


@pytest.mark.parametrize("channel", [0, 1])
def test_a_counter_that_goes_back_is_a_reboot_and_never_a_smaller_dose(channel: int) -> None:
    """The device has lost its power, or another master has cleared it: 65 counts back is not 2^32 - 65 on, and not 65 off the sum."""
    rig = Rig(EVERYTHING | Fitted.CHAMBERS)
    rig.cps = (1000.0, 1000.0)
    rig.running(preset_ms=60_000, k1_limit_ms=65_000)
    rig.tick(20)
    before = rig.unit.status
    assert before is not None and before.counts_1 > 100
    rig.counts[channel] = 0.0
    rig.tick()
    assert rig.unit.state is UnitState.ENDED and not rig.unit.outputs.k1
    rig.tick(20)
    after = rig.unit.status
    assert after is not None and after.boot_count == before.boot_count + 1
    assert before.counts_1 <= after.counts_1 < 1000 and before.counts_2 <= after.counts_2 < 1000


def test_after_a_gap_the_rate_is_todays() -> None:
    """2 s without a read, with beam at their beginning: the counts are taken, and are no high voltage of now; until the rate is known nothing is said."""
    rig = Rig(EVERYTHING | Fitted.CHAMBERS)
    rig.cps = (1000.0, 1000.0)
    rig.running(preset_ms=60_000, k1_limit_ms=65_000)
    rig.tick(20)
    before = rig.unit.status
    assert before is not None and before.relays & Relay.HV_SEEN
    rig.unit.disarm(rig.now)
    rig.counts = [count + 300.0 for count in rig.counts]
    rig._k1 = rig._k2 = 0.0
    rig.now += 2.0
    rig.tick()
    assert rig.unit.status is before
    rig.tick(12)
    after = rig.unit.status
    assert after is not None and after is not before
    assert not after.relays & Relay.HV_SEEN and after.counts_1 >= before.counts_1 + 300


@pytest.mark.parametrize(
    ("contact", "cause"),
    [(Contact.ESTOP, Cause.ESTOP), (Contact.DOOR, Cause.DOOR), (Contact.KEY_TREAT, Cause.KEY), (Contact.APPLICATOR, Cause.CONTACT)],
)  # fmt: skip
@pytest.mark.parametrize("channel", ["a", "b"])
@pytest.mark.parametrize("state", ["ready", "running"])
def test_either_channel_of_a_contact_ends_it_in_the_same_read(
    contact: Contact, cause: Cause, channel: str, state: str
) -> None:
    rig = getattr(Rig(), state)()
    setattr(rig, f"contacts_{channel}", getattr(rig, f"contacts_{channel}") & ~contact)
    rig.tick()
    assert rig.cause is cause and not rig.unit.outputs.k1
    assert rig.unit.state is (UnitState.ENDED if state == "running" else UnitState.IDLE)


@pytest.mark.parametrize(("place", "cause"), [(0, Cause.APPL), (1, Cause.APPL), (2, Cause.FILTER), (3, Cause.FILTER)])
def test_a_code_that_changes_ends_it(place: int, cause: Cause) -> None:
    rig = Rig().running()
    rig.codes[place] ^= 0x0F
    rig.tick()
    assert rig.cause is cause


def test_codes_that_are_not_fitted_are_not_asked() -> None:
    rig = Rig(Fitted.PAIRS)
    rig.codes = [0, 0, 0, 0]
    rig.running()
    assert rig.unit.state is UnitState.RUN


def test_a_lease_ends_with_the_last_renewal_and_without_a_read() -> None:
    rig = Rig().running()
    rig.renews = False
    last = rig.now
    for ms in range(1, 260):
        rig.unit.pass_time(last + ms / 1000.0)
        if rig.unit.state is not UnitState.RUN:
            break
    assert rig.unit.state is UnitState.ENDED and abs(ms - 200) <= 1


@pytest.mark.parametrize(("token", "lease_ms"), [(6, 200), (5, 201), (5, 0)])
def test_a_renewal_that_does_not_hold_is_counted_and_changes_nothing(token: int, lease_ms: int) -> None:
    rig = Rig().ready()
    rig.renews = False
    before = rig.unit.slow()
    assert not rig.unit.renew(token, lease_ms, rig.now + 0.1)
    rig.tick(21)
    assert rig.unit.state is UnitState.IDLE and rig.cause is Cause.LEASE
    after = rig.unit.slow()
    assert before is not None and after is not None and after.renewals_not_held == before.renewals_not_held + 1


def test_one_press_one_run() -> None:
    """Pressed while armed, after it was seen released; the same press, and a second one in ENDED, start nothing."""
    rig = Rig().running()
    rig.unit.disarm(rig.now)
    assert rig.cause is Cause.NONE or rig.unit.state is UnitState.ENDED
    rig.tick(5)
    rig.release()
    rig.tick(5)
    rig.press()
    assert rig.unit.state is UnitState.ENDED and rig.unit.outputs == Outputs()
    assert rig.unit.status is not None and rig.unit.status.press_count == 2


def test_a_switch_that_was_never_released_arms_nothing() -> None:
    rig = Rig()
    rig.tick(5)
    rig.give(SetUp(plan()))
    rig.press()
    rig.tick(110)
    assert "pressed" in rig.give(Arm(5, plan().staging_crc))


@pytest.mark.parametrize("channel", ["a", "b"])
def test_the_other_position_of_the_key_ends_it_in_either_channel(channel: str) -> None:
    """Both positions closed at once is a broken key, whatever the purpose wants."""
    rig = Rig().running()
    held = getattr(rig, f"contacts_{channel}")
    setattr(rig, f"contacts_{channel}", held | Contact.KEY_SERVICE)
    rig.tick()
    assert rig.unit.state is UnitState.ENDED and rig.cause is Cause.KEY


def test_a_bounce_is_no_second_press() -> None:
    """Open for one read more, 10 ms, is a contact that bounces; 40 ms is a finger that let go."""
    rig = Rig()
    rig.tick(5)
    rig.press()
    assert rig.unit.status is not None and rig.unit.status.press_count == 1
    for open_ticks, presses in ((1, 1), (2, 1), (4, 2)):
        rig.release()
        rig.tick(open_ticks - 1)
        rig.press()
        assert rig.unit.status.press_count == presses


def test_one_channel_of_the_switch_is_no_press() -> None:
    rig = Rig().ready()
    rig.contacts_a |= Contact.SWITCH
    rig.tick(20)
    assert rig.unit.state is UnitState.ARMED and rig.unit.status is not None and rig.unit.status.press_count == 0


def test_hold_to_run() -> None:
    rig = Rig().running(switch=HOLD)
    rig.release()
    assert rig.cause is Cause.SWITCH


def test_no_high_voltage_in_the_start_window() -> None:
    rig = Rig().ready()
    rig.beam = False
    rig.press()
    rig.tick(51)
    assert rig.cause is Cause.START_WINDOW
    assert rig.unit.status is not None and rig.unit.status.beam_ms == 0


def test_the_arm_window() -> None:
    rig = Rig().ready(arm_window_s=2)
    rig.tick(205)
    assert rig.cause is Cause.ARM_WINDOW and rig.unit.state is UnitState.IDLE


def test_high_voltage_before_the_press() -> None:
    rig = Rig().ready()
    rig._k1 = 1.0
    rig.welded = True
    rig.tick()
    assert rig.unit.state is UnitState.IDLE and not rig.unit.outputs.k2


def test_a_weld_goes_on_counting_and_k2_opens_at_t2() -> None:
    rig = Rig().running()
    rig.welded = True
    rig.unit.disarm(rig.now)
    before = rig.unit.status
    assert before is not None
    rig.tick(28)
    assert rig.unit.outputs.k2
    rig.tick(5)
    after = rig.unit.status
    assert not rig.unit.outputs.k2 and after is not None and after.beam_ms >= before.beam_ms + 150


def test_k2_opens_at_t2_without_a_read() -> None:
    """K1 may be welded and the device may have stopped telling: K2 waits for nobody."""
    rig = Rig().running()
    rig.unit.disarm(rig.now)
    for _ in range(29):
        rig.now += TICK_S
        rig.unit.pass_time(rig.now)
    assert rig.unit.outputs.k2
    rig.now += 2 * TICK_S
    rig.unit.pass_time(rig.now)
    assert not rig.unit.outputs.k2


def test_a_mirror_that_lies_for_100_ms() -> None:
    rig = Rig().running()
    rig._k1 = 0.0
    rig.beam = False
    rig.unit.see(rig.pins(), rig.now)
    honest = rig.pins
    rig.pins = lambda: Pins(  # type: ignore[method-assign]
        rig.now, rig.contacts_a, rig.contacts_b, honest().relays | Relay.K1_MIRROR_OPEN, *rig.codes
    )
    rig.tick(12)
    assert rig.cause is Cause.MIRROR


def test_refusals_change_nothing() -> None:
    rig = Rig()
    rig.tick(5)
    broken = Plan(0, 0, 0, 0, plan().staging, 1)
    for command, said in (
        (SetUp(broken), "CRC-32"),
        (SetUp(plan(preset_ms=0)), "no preset"),
        (Arm(5, plan().staging_crc), "COMMITTED only"),
        (Reset(5), "not the retained one"),
        (Unlatch(1), "no latch"),
        (Test(1), "none of an emulated unit"),
    ):
        assert said in rig.give(command)
        assert rig.unit.state is UnitState.IDLE and rig.unit.outputs == Outputs()


@pytest.mark.parametrize(
    ("crc", "token", "said"), [(1, 6, "active_crc"), (None, 0, "not above"), (None, 6, "less than 1 s")]
)
def test_arm_is_refused(crc: int | None, token: int, said: str) -> None:
    rig = Rig().running()
    rig.unit.disarm(rig.now)
    rig.release()
    rig.tick(5 if "less" in said else 120)
    assert rig.give(SetUp(plan())) == ""
    assert said in rig.give(Arm(token, plan().staging_crc if crc is None else crc))


@pytest.mark.parametrize("what", ["K1", "K2", "high voltage"])
def test_arm_is_refused_while_a_contactor_or_high_voltage_is_there(what: str) -> None:
    rig = Rig()
    rig.tick(5)
    assert rig.give(SetUp(plan())) == ""
    rig.tick(110)
    if what == "high voltage":
        rig.lamps |= Relay.HV_SEEN
    rig.tick()
    pins = rig.unit.pins
    assert pins is not None
    if what != "high voltage":
        mirror = Relay.K1_MIRROR_OPEN if what == "K1" else Relay.K2_MIRROR_OPEN
        rig.unit.see(replace(pins, relays=pins.relays & ~mirror), rig.now)
    refused = rig.give(Arm(5, plan().staging_crc))
    assert refused == ("high voltage is seen" if what == "high voltage" else "a contactor is not open")
    assert rig.unit.state is UnitState.COMMITTED and not rig.unit.outputs.k2


def test_k1_alone_may_not_stay_closed_beyond_its_limit() -> None:
    """Without high voltage the beam timer stands, and there is no start window: K1's own limit is what is left."""
    rig = Rig()
    rig.beam = False
    rig.ready(preset_ms=60_000, k1_limit_ms=300, start_window_ms=0).press()
    rig.tick(25)
    assert rig.unit.state is UnitState.RUN
    rig.tick(10)
    assert rig.unit.state is UnitState.ENDED and rig.cause is Cause.K1_LIMIT and not rig.unit.outputs.k1


def test_what_is_counted_before_a_press_is_no_dose() -> None:
    rig = Rig(EVERYTHING | Fitted.CHAMBERS)
    rig.tick(5)
    for _ in range(60):
        rig.counts = [rig.counts[0] + 1, rig.counts[1] + 2]
        rig.tick()
    assert rig.unit.status is not None and (rig.unit.status.counts_1, rig.unit.status.counts_2) == (0, 0)


def test_a_token_is_good_once() -> None:
    rig = Rig().running()
    rig.unit.disarm(rig.now)
    rig.release()
    rig.tick(120)
    assert rig.give(SetUp(plan())) == ""
    assert "not above the last one" in rig.give(Arm(5, plan().staging_crc))


def test_a_retained_exposure_admits_its_own_fraction_only_and_runs_on() -> None:
    rig = Rig().running()
    rig.tick(20)
    rig.unit.disarm(rig.now)
    rig.release()
    rig.tick(120)
    given = rig.unit.status
    assert given is not None and given.beam_ms > 100
    assert "another fraction" in rig.give(SetUp(plan(fraction=9)))
    assert rig.give(SetUp(plan())) == "" and rig.give(Arm(6, plan().staging_crc)) == ""
    rig.tick(3)
    rig.press()
    rig.tick(20)
    assert rig.unit.status is not None and rig.unit.status.beam_ms > given.beam_ms
    rig.unit.disarm(rig.now)
    rig.tick(60)
    assert rig.give(Reset(6)) == "" and rig.unit.state is UnitState.IDLE
    rig.tick()
    assert rig.unit.status.token == 0 and rig.unit.status.beam_ms == 0
    assert [entry.token for entry in rig.unit.history()] == [6, 5]


def test_an_expired_device_ends_everything() -> None:
    rig = Rig().running()
    rig.unit.expired(rig.now)
    assert rig.unit.state is UnitState.ENDED and rig.unit.outputs == Outputs()
    rig.tick()
    assert rig.cause is Cause.LEASE


def test_two_emulations_never_look_alike() -> None:
    """A lost memory must not pass for one in which nothing ran: its run and boot counts tell."""
    first, second = EmulatedUnit(EVERYTHING, TICK_S, 50.0), EmulatedUnit(EVERYTHING, TICK_S, 53.2)
    assert first.run_count != second.run_count and first.boot_count != second.boot_count
