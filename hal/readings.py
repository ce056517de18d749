"""One frozen snapshot of the whole machine: what each device last said and when it was asked; a reading that is missing is None, an old one says so by its age.
It judges nothing: whether an age is too old or a contact ought to be closed is for the interlocks."""

from __future__ import annotations

from enum import IntEnum, IntFlag

import msgspec


class UnitState(IntEnum):
    """The safety unit's states, in words four bits apart so that one flipped bit names none of them (docs/safety-unit.md)."""

    IDLE = 0x1111
    COMMITTED = 0x2222
    ARMED = 0x4444
    RUN = 0x8787
    ENDED = 0x7878
    LATCHED = 0xBBBB
    TEST = 0xDDDD


class Cause(IntEnum):
    """Why the safety unit ended an exposure or a permission; first-out."""

    NONE = 0
    COUNT_PRESET = 1
    TIME_PRESET = 2
    LEASE = 3
    K1_LIMIT = 4
    COUNT2 = 5
    RATE = 6
    NO_DOSE = 7
    DISAGREE = 8
    ESTOP = 9
    DOOR = 10
    KEY = 11
    CONTACT = 12
    SWITCH = 13
    APPL = 14
    FILTER = 15
    PAIR = 16
    MIRROR = 17
    DISARM = 18
    LAMP = 19
    REBOOT = 20
    SPONTANEOUS = 21
    HARD_CAP = 22
    START_WINDOW = 23
    ARM_WINDOW = 24
    TEST_PULSE = 25


class Purpose(IntEnum):
    """What an exposure is for; the words of the safety unit's purpose register."""

    TREAT = 0x1E1E
    DAILY = 0x2D2D
    WARMUP = 0x4B4B
    CALIBRATE = 0x8787
    DRY_RUN = 0x7878


class Termination(IntEnum):
    """Which preset ends the exposure: the timer, or the counts of channel 1."""

    TIME = 0x3C
    MONITOR = 0xC3


class SwitchMode(IntEnum):
    """Whether the beam-on switch is pressed once or held for the whole exposure."""

    ONCE = 0x5A
    HOLD = 0xA5


class TimerStart(IntEnum):
    """The event from which the exposure timer counts."""

    K1_CLOSED = 0x0FF0
    HV_SEEN = 0xF00F


class Contact(IntFlag):
    """Bits of the two contact channels; 1 = closed."""

    ESTOP = 1
    DOOR = 2
    KEY_TREAT = 4
    KEY_SERVICE = 8
    APPLICATOR = 16
    SWITCH = 32
    TEST_PULSE = 128


class Relay(IntFlag):
    """Bits of the contactor and lamp register."""

    K1_COMMAND = 1
    K1_MIRROR_OPEN = 2
    K2_COMMAND = 4
    K2_MIRROR_OPEN = 8
    HV_SEEN = 16
    BEAM_LAMP_OK = 32
    READY_LAMP_OK = 64


class Health(IntFlag):
    """Bits of the dose channels' own health."""

    HT1 = 1
    HT2 = 2
    SATURATED1 = 4
    SATURATED2 = 8
    STUCK1 = 16
    STUCK2 = 32
    PRESSURE_OK = 64
    TEMPERATURE_OK = 128


class UnitCapability(IntFlag):
    """Bits of the safety unit's capabilities."""

    SIMULATED = 1
    K2_FITTED = 2
    MONITOR = 4
    HOLD_TO_RUN = 8


class Link(msgspec.Struct, frozen=True, gc=False):
    """How one wire fares: when the last good reply was asked for, and what last went wrong.

    `last_good_s` is the monotonic time at which the request of the last good reply was sent (None: never); `lost` is true once the wire is
    closed or its requests have gone unanswered; counters only rise.
    """

    last_good_s: float | None = None
    lost: bool = True
    sent: int = 0
    good: int = 0
    troubles: int = 0
    last_trouble: str = ""


class GeneratorIdentity(msgspec.Struct, frozen=True, gc=False):
    """What the generator says it is; `mismatch` is empty when it is the configured one with the profile's full scale."""

    asked_at_s: float
    model: str
    firmware: str
    full_scale_kv: float
    full_scale_ma: float
    mismatch: str


class GeneratorMonitor(msgspec.Struct, frozen=True, gc=False):
    """Measured values and the set-points as the generator holds them, from one reply."""

    asked_at_s: float
    kv: float
    ma: float
    filament_a: float
    kv_set_counts: int
    ma_set_counts: int


class GeneratorFlags(msgspec.Struct, frozen=True, gc=False):
    """The generator's own status. `interlock_closed`: closed for all that the rules may believe; `interlock_open`: seen open in this very reading, so that
    it is evidence of no beam. Where neither holds, the line is not known. `faults` names what it reports, empty when sound."""

    asked_at_s: float
    hv_on: bool
    interlock_closed: bool
    supply_ready: bool
    remote: bool
    fault: bool
    faults: tuple[str, ...] = ()
    interlock_open: bool = False


class GeneratorSetPoints(msgspec.Struct, frozen=True, gc=False):
    """The four set-points read back one by one, in device counts; `asked_at_s` is that of the oldest of the four."""

    asked_at_s: float
    kv_counts: int
    ma_counts: int
    filament_limit_counts: int
    filament_preheat_counts: int


class UnitIdentity(msgspec.Struct, frozen=True, gc=False):
    """What the safety unit says it is; `mismatch` is empty when magic, map, canaries, CRC and serial are as configured."""

    asked_at_s: float
    serial: str
    firmware: str
    capabilities: int
    hard_cap_s: int
    hard_cap_counts: int
    lease_min_ms: int
    lease_max_ms: int
    mismatch: str


class UnitStatus(msgspec.Struct, frozen=True, gc=False):
    """One status block of the safety unit (one scan, CRC good, its host sequence echoed in the same transaction)."""

    asked_at_s: float
    scan: int
    host_seq_echo: int
    challenge: int
    state: int
    first_cause: int
    boot_count: int
    contacts_a: int
    contacts_b: int
    relays: int
    applicator_a: int
    applicator_b: int
    filter_a: int
    filter_b: int
    beam_ms: int
    counts_1: int
    counts_2: int
    sample_us: int
    health: int
    lease_left_ms: int
    token: int
    active_crc: int
    press_count: int


class UnitSlow(msgspec.Struct, frozen=True, gc=False):
    """The slow block: cumulative and environmental values, about once a second."""

    asked_at_s: float
    scan: int
    k1_ms: int
    run_count: int
    causes_all: int
    last_token: int
    rate_1: int
    rate_2: int
    pressure_kpa: float
    temperature_c: float
    lamp_ma: int
    kv_monitor: float | None
    ma_monitor: float | None
    tests_passed: int
    renewals_not_held: int
    uptime_s: int
    fraction_tag: int
    plan_tag: int
    latch_code: int
    arm_left_s: int


class UnitActive(msgspec.Struct, frozen=True, gc=False):
    """The active set read back as bytes (56, as sent on the wire) with the unit's CRC of it; `crc_ok` is the host's own sum over those bytes."""

    asked_at_s: float
    block: bytes
    active_crc: int
    crc_ok: bool


class Exposed(msgspec.Struct, frozen=True, gc=False):
    """One entry of the unit's history of exposures."""

    token: int
    fraction_tag: int
    beam_ms: int
    k1_ms: int
    counts_1: int
    counts_2: int
    cause: int


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """The last command that a device refused, or that could not be sent."""

    at_s: float
    what: str
    words: str


class Readings(msgspec.Struct, frozen=True, gc=False):
    """Everything known about the machine at `now_s`; each part is the latest good one and carries the time at which it was asked for."""

    now_s: float
    unit_link: Link
    generator_link: Link
    unit: UnitStatus | None = None
    slow: UnitSlow | None = None
    unit_identity: UnitIdentity | None = None
    active: UnitActive | None = None
    history: tuple[Exposed, ...] | None = None
    generator_identity: GeneratorIdentity | None = None
    monitor: GeneratorMonitor | None = None
    flags: GeneratorFlags | None = None
    set_points: GeneratorSetPoints | None = None
    on_sent_at_s: float | None = None
    off_sent_at_s: float | None = None
    refusal: Refusal | None = None
    scan_true: bool = True
