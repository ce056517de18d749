"""The safety unit's register map as a table: addresses, names, widths, access, and every coded constant of docs/safety-unit.md.
It knows no behaviour, no wire and no time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MAP_MAJOR: Final = 1
MAP_MINOR: Final = 0
MAGIC: Final = (0x4B45, 0x524D)
CANARY_U32: Final = 0x12345678
CANARY_I16: Final = 0xFFFE  # -2, two's complement

MASK32: Final = 0xFFFFFFFF


class State(IntEnum):
    """Hamming-coded states of 0106: any two differ in eight bits or more."""

    IDLE = 0x1111
    COMMITTED = 0x2222
    ARMED = 0x4444
    RUN = 0x8787
    ENDED = 0x7878
    LATCHED = 0xBBBB
    TEST = 0xDDDD


class Cause(IntEnum):
    """first_cause (0107); bit n of causes_all (0126) is cause n."""

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
    RESERVED = 26


class Purpose(IntEnum):
    """Hamming-coded purposes of staging +0C."""

    TREAT = 0x1E1E
    DAILY = 0x2D2D
    WARMUP = 0x4B4B
    CALIBRATE = 0x8787
    DRY_RUN = 0x7878


KEY_TREAT_PURPOSES: Final = frozenset({Purpose.TREAT, Purpose.DAILY, Purpose.WARMUP})

TERMINATION_TIME: Final = 0x3C
TERMINATION_MONITOR: Final = 0xC3
SWITCH_ONCE: Final = 0x5A
SWITCH_HOLD: Final = 0xA5
TIMER_FROM_K1: Final = 0x0FF0
TIMER_FROM_HV: Final = 0xF00F

VERB_POLL: Final = 0x0000
VERB_RENEW: Final = 0x5AA5
RESET_WORD: Final = 0x5253
UNLATCH_WORD: Final = 0x554C

CAP_SIMULATED, CAP_K2, CAP_MONITOR, CAP_HOLD, CAP_RESERVED = (1 << n for n in range(5))
IN_ESTOP, IN_DOOR, IN_KEY_TREAT, IN_KEY_SERVICE, IN_CONTACT, IN_SWITCH, IN_SPARE, IN_TEST_PULSE = (
    1 << n for n in range(8)
)
RELAY_K1, RELAY_K1_OPEN, RELAY_K2, RELAY_K2_OPEN, RELAY_HV_SEEN, RELAY_BEAM_LAMP, RELAY_READY_LAMP = (
    1 << n for n in range(7)
)
HEALTH_HT1, HEALTH_HT2, HEALTH_SAT1, HEALTH_SAT2, HEALTH_STUCK1, HEALTH_STUCK2, HEALTH_P, HEALTH_T = (
    1 << n for n in range(8)
)

TESTS: Final = {1: "timer", 2: "lease", 3: "K1", 4: "K2", 5: "count limit", 6: "lamp"}
NOT_FITTED: Final = 0xFFFF
HV_SEEN_KV_CENTI: Final = 500  # 5 % of a full scale of 100 kV


@dataclass(frozen=True, slots=True)
class Register:
    """One named value: its first address, its width in 16-bit registers, who may touch it (R, W, RW)."""

    address: int
    name: str
    words: int
    access: str


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of registers that is read within itself, or written only as a whole."""

    first: int
    words: int
    name: str


IDENTITY: Final = Block(0x0000, 30, "identity")
STATUS: Final = Block(0x0100, 32, "status")
SLOW: Final = Block(0x0120, 32, "slow")
RENEW: Final = Block(0x0200, 8, "renew")
DISARM: Final = Block(0x0210, 1, "disarm")
STAGING: Final = Block(0x0300, 28, "staging")
COMMIT: Final = Block(0x031C, 2, "commit")
ARM: Final = Block(0x0320, 8, "arm")
RESET: Final = Block(0x0328, 8, "reset")
TEST: Final = Block(0x0330, 1, "test")
UNLATCH: Final = Block(0x0334, 2, "unlatch")
ACTIVE: Final = Block(0x0340, 30, "active")
HISTORY: Final = Block(0x0400, 144, "history")
HISTORY_ENTRIES: Final = 8
HISTORY_WORDS: Final = 18

READABLE: Final = (IDENTITY, Block(0x0100, 64, "status and slow"), STAGING, ACTIVE, HISTORY)
WRITABLE: Final = (RENEW, DISARM, STAGING, COMMIT, ARM, RESET, TEST, UNLATCH)

_SET = (
    ("preset_ms", 2), ("k1_limit_ms", 2), ("count_preset_1", 2), ("count_limit_2", 2), ("lease_max_ms", 1),
    ("start_window_ms", 1), ("applicator_filter", 1), ("t2_t2d", 1), ("purpose", 1), ("arm_window_s", 1),
    ("no_dose_ms", 1), ("disagree_permille", 1), ("fraction_tag", 4), ("plan_tag", 4), ("termination_switch", 1),
    ("timer_start", 1), ("rate_limit_per_10ms", 1), ("hv_seen_per_100ms", 1),
)  # fmt: skip


def _laid_out(first: int, access: str, fields: tuple[tuple[str, int], ...], prefix: str = "") -> tuple[Register, ...]:
    table: list[Register] = []
    for name, words in fields:
        table.append(Register(first, prefix + name, words, access))
        first += words
    return tuple(table)


SET_FIELDS: Final = _laid_out(0, "RW", _SET)

REGISTERS: Final = (
    *_laid_out(0x0000, "R", (
        ("magic", 2), ("map_major", 1), ("map_minor", 1), ("canary_u32", 2), ("canary_i16", 1), ("capabilities", 1),
        ("serial", 8), ("firmware_id", 4), ("firmware_crc", 2), ("scan_us", 1), ("hard_cap_s", 1),
        ("hard_cap_counts", 2), ("lease_min_ms", 1), ("lease_max_ms", 1), ("identity_crc", 2),
    )),
    *_laid_out(0x0100, "R", (
        ("scan", 2), ("host_seq_echo", 2), ("challenge", 2), ("state", 1), ("first_cause", 1), ("boot_count", 1),
        ("contacts_a", 1), ("contacts_b", 1), ("relays", 1), ("codes_a", 1), ("codes_b", 1), ("beam_ms", 2),
        ("counts_1", 2), ("counts_2", 2), ("sample_us", 2), ("health", 1), ("lease_left_ms", 1), ("token", 2),
        ("active_crc", 2), ("press_count", 1), ("scan_lo", 1), ("status_crc", 2),
    )),
    *_laid_out(0x0120, "R", (
        ("slow_scan", 2), ("k1_ms", 2), ("run_count", 2), ("causes_all", 2), ("last_token", 2), ("rate_1", 1),
        ("rate_2", 1), ("pressure_10pa", 1), ("temperature_centi_c", 1), ("lamp_ma", 1), ("kv_centi", 1),
        ("ma_centi", 1), ("tests", 1), ("uptime_s", 2), ("fraction_tag", 4), ("plan_tag", 4), ("latch_code", 1),
        ("arm_left_s", 1), ("slow_crc", 2),
    )),
    *_laid_out(0x0200, "W", (("host_seq", 2), ("challenge_echo", 2), ("renew_token", 2), ("lease_ms", 1), ("verb", 1))),
    *_laid_out(0x0210, "W", (("disarm", 1),)),
    *_laid_out(0x0300, "RW", _SET, "staging_"),
    *_laid_out(0x031C, "W", (("commit_crc", 2),)),
    *_laid_out(0x0320, "W", (("arm_token", 2), ("arm_crc", 2), ("arm_challenge", 2), ("arm_mac", 2))),
    *_laid_out(0x0328, "W", (("reset_token", 2), ("reset_word", 1), ("reset_zero", 1), ("reset_challenge", 2), ("reset_mac", 2))),
    *_laid_out(0x0330, "W", (("test", 1),)),
    *_laid_out(0x0334, "W", (("unlatch_code", 1), ("unlatch_word", 1))),
    *_laid_out(0x0340, "R", _SET, "active_"),
    *_laid_out(0x035C, "R", (("active_set_crc", 2),)),
)  # fmt: skip


def within(blocks: tuple[Block, ...], first: int, words: int) -> Block | None:
    """The block that holds registers first .. first + words - 1 entirely, or None."""
    for block in blocks:
        if block.first <= first and first + words <= block.first + block.words:
            return block
    return None
