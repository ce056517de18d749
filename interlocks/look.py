"""What one look at the machine gives the rules: readings with nothing missing, what is too old, which questions have a meaning, what to remember.
It answers no question: a reading that is missing becomes one of impossible values and of infinite age."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import IntEnum
from typing import Final

import msgspec

from hal.commands import Plan
from hal.machine import ALL_PAIRED
from hal.readings import (
    Contact,
    GeneratorFlags,
    GeneratorMonitor,
    GeneratorSetPoints,
    Purpose,
    Readings,
    Relay,
    SwitchMode,
    Termination,
    TimerStart,
    UnitActive,
    UnitSlow,
    UnitState,
    UnitStatus,
)
from interlocks.backup_timer import NO_BEAM_TIME, BeamTime, begin, counted
from interlocks.monitor import Watched
from interlocks.words import DoseFigures, House, Sent, Terms

UNIT: Final = 1
SLOW: Final = 2
MONITOR: Final = 4
FLAGS: Final = 8
"""Bits of the readings that a rule stands on; a rule is STALE when one of its own is missing or too old."""

WINDOW_US: Final = 100_000
STEP_US: Final = 20_000
SPAN_MOST_US: Final = 1_000_000
WRAP: Final = 1 << 32
"""Of every counter in a status: what a device counts in fewer bits goes on in 32 behind its driver (hal/safety_units/emulated.py)."""
BACKWARDS: Final = 1 << 31
AHEAD_S: Final = 0.001
"""A reading may not come from the future; the bound is for rounding."""
T2D_MOST_S: Final = 4.0
KV_HALF: Final = 0.5
KV_SOME: Final = 0.1
NO_SIGNAL_S: Final = 0.1
NO_DOSE_S: Final = 1.0
RATE_WINDOW_S: Final = 0.2
"""The safety unit's rates are over 100 ms that ended up to 100 ms ago: only a status later by this holds none of the time before."""
RATE_SETTLE_S: Final = 0.2
"""After the ramp until a rate over 100 ms holds none of it."""

_RUN: Final = int(UnitState.RUN)
_ARMED: Final = int(UnitState.ARMED)
_ENDED: Final = int(UnitState.ENDED)
_HV_SEEN: Final = Relay.HV_SEEN.value
_COMMANDS: Final = Relay.K1_COMMAND.value | Relay.K2_COMMAND.value
_SWITCH: Final = 32
SETTLING: Final = (Contact.ESTOP.value, Contact.DOOR.value, Contact.APPLICATOR.value)
"""Contacts whose closing counts only once it has lasted; their opening counts in the tick that reads it."""
_SETTLED: Final = Contact.ESTOP.value | Contact.DOOR.value | Contact.APPLICATOR.value


class When(IntEnum):
    """When a rule's question has a meaning, told from what was sent and read alone; the index into `Look.asked`."""

    ALWAYS = 0
    SET_UP = 1
    """From SET UP to OFF."""
    BEFORE_ARM = 2
    """From SET UP until ARM is passed on."""
    VENTED = 3
    """From SET UP to OFF, with a vented second chamber."""
    NOT_ARMED = 4
    """Until the unit has been read ARMED."""
    CONFIRMED = 5
    """From ARM to OFF."""
    CONFIRMED_VENTED = 6
    HELD = 7
    """From the unit's ARMED until it reads ENDED, or OFF."""
    HELD_DOWN = 8
    """From PRESS until ENDED or OFF, hold-to-run only."""
    NO_BEAM = 9
    """No ON is out, and the cable's discharge time since OFF has passed."""
    LEAKAGE = 10
    """The same, with terms set up and chamber rates measured since."""
    BEAM = 11
    """From ON until the unit reads ENDED, or OFF."""
    STEADY = 12
    """The same, once the generator's sample is later than the ramp."""
    TIMED = 13
    """The same as BEAM, once both clocks run."""
    DOSED = 14
    """The same as BEAM, for a purpose that gives dose."""
    SIGNAL = 15
    """DOSED, ramp over and high voltage seen for 100 ms."""
    DOSE = 16
    """DOSED, high voltage seen for 1 s."""
    RATED = 17
    """DOSED, with the ramp out of the rate's window."""
    LINE = 18
    """BEAM, once the flags are later than ON."""
    STANDING = 19
    """From ARM until the unit reads ENDED, or OFF."""
    NEVER = 20
    """On this rig there is nothing to ask: `interlocks.rules.level` puts it in the place of a row's own."""


NOTHING_WATCHED: Final = Watched()


Times = Mapping[int, tuple[float, float]]
"""First and last time, by a rule's place in the table."""


class Memory(msgspec.Struct, frozen=True, gc=False):
    """What the rules must remember from one look to the next; all of it may be lost, and is then learned again on the safe side.

    `pending`: since when each rule (by its place in the table) has been FALSE, and when it last was.
    `trail`: statuses of the last 100 ms or so of the device's clock.
    `watched` is the monitor's; `forbade` and `blocked` are what the last verdict said of beam and of a start.
    """

    pending: Times = msgspec.field(default_factory=dict)
    trail: tuple[UnitStatus, ...] = ()
    boot_count: int | None = None
    rebooted: bool = False
    released_at_s: float = -math.inf
    armed_seen: bool = False
    hv_seen_at_s: float | None = None
    beam_time: BeamTime = NO_BEAM_TIME
    opened_at_s: tuple[float, float, float] = (-math.inf, -math.inf, -math.inf)
    """When each contact of SETTLING was last read open in either channel."""
    commands: int = 0
    commanded_at_s: float = -math.inf
    """What the coils of both contactors were last told, and since when."""
    watched: Watched = NOTHING_WATCHED
    forbade: bool = False
    blocked: bool = False


_NAN: Final = math.nan
NO_UNIT: Final = UnitStatus(-math.inf, *(0,) * 22)
NO_SLOW: Final = UnitSlow(-math.inf, *(0,) * 7, _NAN, _NAN, 0, None, None, *(0,) * 7)
NO_MONITOR: Final = GeneratorMonitor(-math.inf, _NAN, _NAN, _NAN, -1, -1)
NO_FLAGS: Final = GeneratorFlags(-math.inf, True, False, False, False, True)
NO_SET_POINTS: Final = GeneratorSetPoints(-math.inf, -1, -1, -1, -1)
NO_ACTIVE: Final = UnitActive(-math.inf, b"", -1, False)
NO_TERMS: Final = Terms(
    plan=Plan(-1, -1, -1, -1, b"", -1),
    digest=b"",
    kv=_NAN,
    ma=_NAN,
    applicator_code=-1,
    filter_code=-1,
    purpose=Purpose.TREAT,
    termination=Termination.TIME,
    switch_mode=SwitchMode.HOLD,
    timer_start=TimerStart.K1_CLOSED,
    r0_mgy_per_s=_NAN,
    n1_mgy_per_count=_NAN,
    n2_mgy_per_count=_NAN,
    leak1_cps=_NAN,
    leak2_cps=_NAN,
    d0_mgy=_NAN,
    set_time_s=_NAN,
    timer_limit_s=_NAN,
    k1_limit_s=_NAN,
    ramp_s=_NAN,
    t2_s=_NAN,
    t2d_s=T2D_MOST_S,
    hv_seen_counts_per_100ms=0,
    lease_ms=0,
    k_tp=_NAN,
    certificate_expires_wall_s=_NAN,
    vented_2=True,
    air_k_per_kpa=_NAN,
)
"""What stands in for a reading or for terms that do not exist: no comparison with it is true."""


class Look(msgspec.Struct, frozen=True, gc=False):
    """One look. `closed`: contacts that both channels call closed. `stale`: bits of the readings that are missing or too old.

    `on_s` is the time since ON left, and `monitor_on_s` and `flags_on_s` the same for the samples (-inf: no ON is out). `cps_1` and `cps_2` are
    over the last 100 ms and more (NaN: not known). `quiet_from_s`: a sample asked for before it may still show the cable's discharge.
    """

    now_s: float
    readings: Readings
    house: House
    dose: DoseFigures
    sent: Sent
    terms: Terms
    unit: UnitStatus
    slow: UnitSlow
    monitor: GeneratorMonitor
    flags: GeneratorFlags
    memory: Memory
    stale: int
    closed: int
    monitor_on_s: float
    flags_on_s: float
    cps_1: float
    cps_2: float
    quiet_from_s: float
    full_scale_kv: float
    running: bool
    asked: tuple[bool, ...]
    paired: int = ALL_PAIRED


def fresh(now_s: float, asked_at_s: float, bound_s: float) -> bool:
    """Whether a reading is young enough; one from the future, and a time that is not a number, are not."""
    return -AHEAD_S <= now_s - asked_at_s <= bound_s


def remember(readings: Readings, sent: Sent, memory: Memory, watched: Watched) -> Memory:
    """The memory with this snapshot added; the pending rules and the verdict's word are added by the judge."""
    now = readings.now_s
    unit = readings.unit or NO_UNIT
    known = readings.unit is not None
    terms = sent.terms or NO_TERMS
    armed = sent.armed_at_s is not None
    seen = armed and (memory.armed_seen or _armed_by(unit, sent))
    released = memory.released_at_s
    if seen:
        released = now
    elif known and not (unit.contacts_a | unit.contacts_b) & _SWITCH:
        released = max(released, unit.asked_at_s)
    beam_time = memory.beam_time
    if not armed:
        beam_time = NO_BEAM_TIME
    elif sent.on_at_s is not None:
        beam_time = counted(beam_time, _beam_seen(readings, unit, terms), now)
    elif beam_time is NO_BEAM_TIME and known:
        beam_time = begin(unit.beam_ms)
    opened = memory.opened_at_s
    if known and unit.contacts_a & unit.contacts_b & _SETTLED != _SETTLED:
        opened = _opened_at(unit, opened, now)
    commands, commanded_at = memory.commands, memory.commanded_at_s
    if known and unit.relays & _COMMANDS != commands:
        commands, commanded_at = unit.relays & _COMMANDS, now
    return Memory(
        memory.pending,
        _trail(memory.trail, unit) if known else memory.trail,
        unit.boot_count if known else memory.boot_count,
        known and memory.boot_count is not None and unit.boot_count != memory.boot_count,
        released,
        seen,
        _hv_seen_at(readings, unit, sent, terms, memory),
        beam_time,
        opened,
        commands,
        commanded_at,
        watched,
    )


def _opened_at(unit: UnitStatus, before: tuple[float, float, float], now: float) -> tuple[float, float, float]:
    closed = unit.contacts_a & unit.contacts_b
    first, second, third = (at if closed & bit else now for bit, at in zip(SETTLING, before, strict=True))
    return first, second, third


def air_over_pressure(slow: UnitSlow) -> float:
    """(273.15 + T) / p, to which k_TP is proportional; NaN when there is no pressure."""
    return (273.15 + slow.temperature_c) / slow.pressure_kpa if slow.pressure_kpa > 0.0 else _NAN


def _armed_by(unit: UnitStatus, sent: Sent) -> bool:
    if sent.armed_at_s is None or not unit.asked_at_s > sent.armed_at_s:
        return False
    return unit.state in (_ARMED, _RUN) and unit.token == sent.token


def _beam_seen(readings: Readings, unit: UnitStatus, terms: Terms) -> bool:
    monitor = readings.monitor
    return bool(unit.relays & _HV_SEEN) or (monitor is not None and not monitor.kv <= KV_SOME * terms.kv)


def _hv_seen_at(readings: Readings, unit: UnitStatus, sent: Sent, terms: Terms, memory: Memory) -> float | None:
    """When high voltage was first seen in this exposure: by the unit, or half the kilovolts by the generator."""
    on_at = sent.on_at_s
    if on_at is None or memory.hv_seen_at_s is not None:
        return None if on_at is None else memory.hv_seen_at_s
    if unit.asked_at_s > on_at and unit.relays & _HV_SEEN:
        return readings.now_s
    monitor = readings.monitor
    if monitor is not None and monitor.asked_at_s > on_at and not monitor.kv < KV_HALF * terms.kv:
        return readings.now_s
    return None


def _trail(trail: tuple[UnitStatus, ...], unit: UnitStatus) -> tuple[UnitStatus, ...]:
    """Statuses at least 20 ms apart whose oldest is the youngest that is 100 ms older than this one; begun anew when a counter went back."""
    if not trail:
        return (unit,)
    last = trail[-1]
    if unit is last:
        return trail
    step = (unit.sample_us - last.sample_us) % WRAP
    back = (unit.counts_1 - last.counts_1) % WRAP > BACKWARDS or (unit.counts_2 - last.counts_2) % WRAP > BACKWARDS
    if back or step > SPAN_MOST_US or unit.boot_count != last.boot_count:
        return (unit,)
    if step < STEP_US:
        return trail
    keep = 0
    while keep + 1 < len(trail) and (unit.sample_us - trail[keep + 1].sample_us) % WRAP >= WINDOW_US:
        keep += 1
    return (*trail[keep:], unit)


def _rates(trail: tuple[UnitStatus, ...], unit: UnitStatus) -> tuple[float, float]:
    if not trail:
        return _NAN, _NAN
    first = trail[0]
    span_us = (unit.sample_us - first.sample_us) % WRAP
    if not WINDOW_US <= span_us <= SPAN_MOST_US:
        return _NAN, _NAN
    per_s = 1e6 / span_us
    return (unit.counts_1 - first.counts_1) % WRAP * per_s, (unit.counts_2 - first.counts_2) % WRAP * per_s


def take(
    readings: Readings,
    house: House,
    sent: Sent,
    memory: Memory,
    stale_after_s: tuple[float, ...],
    full_scale_kv: float,
    paired: int = ALL_PAIRED,
) -> Look:
    """Everything that the rules may look at, worked out once."""
    now = readings.now_s
    unit, slow = readings.unit or NO_UNIT, readings.slow or NO_SLOW
    monitor, flags = readings.monitor or NO_MONITOR, readings.flags or NO_FLAGS
    terms = sent.terms or NO_TERMS
    stale = 0
    if not -AHEAD_S <= now - unit.asked_at_s <= stale_after_s[0]:
        stale = UNIT
    if not -AHEAD_S <= now - slow.asked_at_s <= stale_after_s[1]:
        stale |= SLOW
    if not -AHEAD_S <= now - monitor.asked_at_s <= stale_after_s[2]:
        stale |= MONITOR
    if not -AHEAD_S <= now - flags.asked_at_s <= stale_after_s[3]:
        stale |= FLAGS
    armed, on_at = sent.armed_at_s is not None, sent.on_at_s
    ended = unit.state == _ENDED
    set_up = sent.set_up_at_s is not None
    quiet_from = _quiet_from(readings, sent, terms)
    no_beam = on_at is None and not now < quiet_from
    running = armed and unit.state == _RUN
    on_s = monitor_on_s = flags_on_s = -math.inf
    cps_1 = cps_2 = _NAN
    beam = steady = timed = dosed = signal = dose = rated = False
    if on_at is not None:
        left = readings.on_sent_at_s
        left = left if left is not None and left >= on_at else on_at
        on_s, monitor_on_s, flags_on_s = now - left, monitor.asked_at_s - left, flags.asked_at_s - left
        beam = not ended
        steady = beam and not monitor_on_s <= terms.ramp_s
        timed = beam and house.dose.unit_beam_s is not None and house.dose.host_beam_s is not None
        dosed = beam and terms.purpose is not Purpose.DRY_RUN
        if beam:
            cps_1, cps_2 = _rates(memory.trail, unit)
        if dosed:
            seen = memory.hv_seen_at_s
            seen_s = -math.inf if seen is None else now - seen
            signal = not on_s <= terms.ramp_s and not seen_s <= NO_SIGNAL_S
            dose = not seen_s <= NO_DOSE_S
            rated = not on_s <= terms.ramp_s + RATE_SETTLE_S
    asked = (
        True,  # ALWAYS, and so on in the order of When
        set_up,
        set_up and not armed,  # BEFORE_ARM
        set_up and terms.vented_2,
        not memory.armed_seen,  # NOT_ARMED
        armed,
        armed and terms.vented_2,
        memory.armed_seen and not ended,  # HELD
        running and terms.switch_mode is SwitchMode.HOLD,
        no_beam,
        no_beam and set_up and slow.asked_at_s >= quiet_from + RATE_WINDOW_S,  # LEAKAGE
        beam,
        steady,
        timed,
        dosed,
        signal,
        dose,
        rated,
        beam and not flags_on_s <= 0.0,  # LINE
        armed and not ended,  # STANDING
        False,  # NEVER
    )
    return Look(
        now,
        readings,
        house,
        house.dose,
        sent,
        terms,
        unit,
        slow,
        monitor,
        flags,
        memory,
        stale,
        unit.contacts_a & unit.contacts_b,
        monitor_on_s,
        flags_on_s,
        cps_1,
        cps_2,
        quiet_from,
        full_scale_kv,
        running or on_at is not None,
        asked,
        paired,
    )


def _quiet_from(readings: Readings, sent: Sent, terms: Terms) -> float:
    """The cable discharges only after an OFF that ended an ON which left: any other high voltage is uncommanded at once."""
    if sent.beam_off_at_s is None or readings.on_sent_at_s is None:
        return -math.inf
    return sent.beam_off_at_s + terms.t2d_s
