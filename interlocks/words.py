"""The words of the interlocks: what was confirmed as the rules need it, what the house knows of itself, what was last sent, and a verdict.
It holds no rule; those are rows of interlocks/rules.py."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from hal.commands import Command, Plan
from hal.readings import Purpose, SwitchMode, Termination, TimerStart


class Truth(IntEnum):
    """The answer to one rule's question; only TRUE is true. NOT_ASKED is a rule whose question has no meaning at this moment, NOT_FITTED one
    that this rig has nothing to ask for, at any moment."""

    TRUE = 0
    FALSE = 1
    STALE = 2
    ERROR = 3
    NOT_ASKED = 4
    NOT_FITTED = 5


class Trip(IntEnum):
    """What a rule that is not true means for an exposure, worst first; the controller has an event of each name."""

    HV_UNCOMMANDED = 1
    INTERNAL = 3
    UNIT_LOST = 4
    UNIT_REBOOT = 5
    GEN_LOST = 6
    TRIP_FAULT = 7
    TRIP_STOP = 9
    KEY_OFF = 10
    RECORDER_LOST = 11
    DESK_LOST = 12
    TIME_END = 13


class Clears(IntEnum):
    """Who may clear the latch that a trip leaves, mildest first."""

    BY_ITSELF = 0
    BY_OPERATOR = 1
    BY_PHYSICIST = 2
    BY_SERVICE = 3
    NEVER = 4


class Terms(msgspec.Struct, frozen=True):
    """What was confirmed, as the rules need it; every number comes from the frozen settings. Doses and rates are D0 (dose-to-water at the surface).

    `set_time_s` is the beam time still to come in this segment, `timer_limit_s` the timer preset's total for the fraction,
    `k1_limit_s` the contactor limit's total; `ramp_s` the certified time from ON to steady values; `t2_s` and `t2d_s` the times after off
    by which high voltage must be gone and by which the cable must be discharged. `k_tp` is that of the loading, and `air_k_per_kpa` the air that it was
    taken from, (273.15 + T) / p; 0: there was none to read, or a record of before.
    """

    plan: Plan
    digest: bytes
    kv: float
    ma: float
    applicator_code: int
    filter_code: int
    purpose: Purpose
    termination: Termination
    switch_mode: SwitchMode
    timer_start: TimerStart
    r0_mgy_per_s: float
    n1_mgy_per_count: float
    n2_mgy_per_count: float
    leak1_cps: float
    leak2_cps: float
    d0_mgy: float
    set_time_s: float
    timer_limit_s: float
    k1_limit_s: float
    ramp_s: float
    t2_s: float
    t2d_s: float
    hv_seen_counts_per_100ms: int
    lease_ms: int
    k_tp: float
    certificate_expires_wall_s: float
    vented_2: bool
    air_k_per_kpa: float = 0.0


class DoseFigures(msgspec.Struct, frozen=True, gc=False):
    """The last tick's dose figures, for the rules that compare channels. mGy and mGy/s in D0; `on_s` is the beam time of this segment by the unit.

    `rate_1` and `rate_2` are over the last 100 ms at least; `bad_samples` counts refused samples within the last second;
    `unit_beam_s` against `host_beam_s` is the unit's timer against the host's clock since high voltage was seen (None before).
    """

    d1_mgy: float = 0.0
    d2_mgy: float = 0.0
    dm_mgy: float = 0.0
    dt_mgy: float = 0.0
    rate_1_mgy_per_s: float = 0.0
    rate_2_mgy_per_s: float = 0.0
    on_s: float = 0.0
    unit_beam_s: float | None = None
    host_beam_s: float | None = None
    bad_samples: int = 0
    overdue: bool = False


class House(msgspec.Struct, frozen=True, gc=False):
    """What the program knows of itself and no device can tell: ages of its recorder and desk, lateness, wall time, latched causes, dose figures.

    `kernel_ok` is that the dose kernel gives its golden vector and agrees with the second sum; `sums` say in words how they differ.
    The four before the last are for the monitor (None: nobody said): the numbers of the last record put and of the last durable one, the token that the records
    gave and made durable, the digest of what was confirmed.
    """

    recorder_lag_s: float
    desk_age_s: float
    late_ticks: int
    wall_s: float
    tick_gap_s: float = 0.0
    kernel_ok: bool = True
    dose: DoseFigures = DoseFigures()
    records_put: int | None = None
    records_durable: int | None = None
    token_acked: int | None = None
    confirmed: bytes | None = None
    sums: str = ""


class Sent(msgspec.Struct, frozen=True, gc=False):
    """What the gate last let through. `command` is the tag of the last command; times are monotonic seconds, None = not since the last OFF.

    `terms` are those of the last set-up that was passed on (None: nothing is set up); `armed_at_s` the first HOLD or ARM of this permission,
    `on_at_s` the ON of this exposure, `off_at_s` the OFF that ended the last permission (its repetitions do not move it); `press_count` and
    `boot_count` those of the unit when ARM was passed on. `token` is that of this permission, `set_up_at_s` the first SET UP of these terms
    since the last OFF. `refused` says in words why what was wanted this tick was not let through (empty: it was). `beam_off_at_s` is the OFF that
    ended the last ON, which the OFF of a permission that never had one does not move.
    """

    tick: int = 0
    command: str = "off"
    terms: Terms | None = None
    armed_at_s: float | None = None
    on_at_s: float | None = None
    off_at_s: float | None = None
    press_count: int | None = None
    boot_count: int | None = None
    token: int | None = None
    set_up_at_s: float | None = None
    refused: str = ""
    beam_off_at_s: float | None = None


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """What the controller wants of the gate this tick: one command and the terms it stands on (None when nothing is confirmed)."""

    command: Command
    terms: Terms | None = None


class Finding(msgspec.Struct, frozen=True):
    """One rule that is not true: its id, the answer, the trip it names, and words with value and bound."""

    rule: str
    truth: Truth
    trip: Trip
    clears: Clears
    words: str


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The judgement of one snapshot; good for the tick of its number and for no other.

    `truths` has one Truth per row of the table, in its order. `findings` are the rules that are not true and have persisted, worst trip first;
    `blocks_start` holds the ids among them that forbid a start, `forbids_beam` says whether any of them forbids beam.
    """

    tick: int
    at_s: float
    truths: bytes
    findings: tuple[Finding, ...]
    blocks_start: tuple[str, ...]
    forbids_beam: bool


class Latch(msgspec.Struct, frozen=True):
    """A trip that stays until somebody of the named class clears it."""

    rule: str
    trip: Trip
    clears: Clears
    at_s: float
    words: str


class Limits(msgspec.Struct, frozen=True):
    """Bounds on what may be confirmed; units in the names. interlocks/limits.py holds the absolute ones, everything else only narrows them."""

    kv_min: float
    kv_max: float
    ma_min: float
    ma_max: float
    rx_max_mgy: float
    skin_max_mgy: float
    time_min_s: float
    time_max_s: float
    power_max_w: float
    mas_max: float
    mas_hour_max: float
