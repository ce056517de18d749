"""What the real-time process tells the recorder and what it is told back, as structs; a ring carries the first, two small files the second.
Nothing here writes: the journal's own form is records' business."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from controller.lateness import words
from controller.prescribed import Clearance, Combination, Prescribed, Quality
from hal.figures import LinkSummary
from hal.readings import Termination, TimerStart
from interlocks.words import Clears, Trip


class EntryType(IntEnum):
    """Types of ring records; a long entry is cut into parts of one type with consecutive sequence numbers."""

    TICK = 1
    OPENING = 2
    QUERY = 3
    START = 4
    TERMINAL = 5
    LATCH_SET = 6
    LATCH_CLEARED = 7
    RESET_DONE = 8
    FOUND = 9
    EVENT = 10
    CRASH = 11
    LINKS = 12
    INPUT = 13
    CHECKPOINT = 14
    STRAY = 15
    LATENESS = 16


TRIPS = (
    "HV_UNCOMMANDED", "STUCK_FOUND", "INTERNAL", "UNIT_LOST", "UNIT_REBOOT", "GEN_LOST", "TRIP_FAULT", "TRIP_STOP", "RECORDER_LOST", "DESK_LOST",
    "OFF_UNVERIFIED",
)  # fmt: skip
"""Events after which somebody will ask what was on the wires; what a person does, and what ends as it should, is none of them."""


class Outcome(IntEnum):
    """How an exposure ended, better first; STOPPING carries the worst seen so far."""

    TERMINATED = 0
    INTERRUPTED = 1
    FAULT = 2
    STUCK_ON = 3
    VOID = 4


class Opening(msgspec.Struct, frozen=True, array_like=True):
    """First entry of every run: which program, configuration and rig, and the certificate with the tube, machine and parts that it is of."""

    instance: str
    software_version: str
    rig: str
    simulated: bool
    configuration_sha256: bytes
    tick_s: float
    wall_s: float
    generator_driver: str = ""
    safety_unit_driver: str = ""
    certificate_sha256: bytes = b""
    tube_serial: str = ""
    machine_serial: str = ""
    parts_sha256: bytes = b""


class Query(msgspec.Struct, frozen=True, array_like=True):
    """May this fraction be delivered or resumed? The recorder answers with a Clearance of the same sequence number. `wall_s` is the asking process's own
    wall time (0: a record of before)."""

    query_seq: int
    fraction_tag: int
    plan_tag: int
    resume: bool
    physicist: bool
    reason: str
    prescribed: Prescribed
    certificate_sha256: bytes
    software_version: str
    wall_s: float = 0.0


class Start(msgspec.Struct, frozen=True, array_like=True):
    """The opening of an exposure; no token exists before this entry is durable. `delivered_mgy` is what earlier segments gave (D0).

    The last four are what the dose rule needs after a crash (controller/channels.py), from the certificate.
    """

    digest: bytes
    fraction_tag: int
    plan_tag: int
    segment: int
    resume: bool
    prescribed: Prescribed
    certificate_id: str
    certificate_sha256: bytes
    combination: Combination
    d0_mgy: float
    rx_factor: float
    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    set_time_s: float
    k_tp: float
    unit_boot_count: int
    unit_counts_1: int
    unit_counts_2: int
    unit_beam_ms: int
    unit_run_count: int
    unit_last_token: int
    lease_s: float
    software_version: str
    simulated: bool
    operator: str
    wall_s: float
    termination: Termination = Termination.MONITOR
    timer_start: TimerStart = TimerStart.HV_SEEN
    ramp_s: float = 3.0
    press_to_hv_s: float = 0.0


class Terminal(msgspec.Struct, frozen=True, array_like=True):
    """The one end of a START: doses in D0 mGy of this segment with its tail; `fraction_*` sums over all segments.

    `void` is an exposure that never had beam, by the unit's own evidence. `rest_mgy` is what the fraction still lacks. `host_beam_s` is the
    monotonic clock's time between the events of the unit's timer, beside its `beam_ms` (None: not seen, or a record of before).
    `after_end_1` and `_2`: what each channel counted after the unit had ended the beam by its own preset, leakage in it, in `after_end_s`; `after_end_k1_s`:
    until when K1's mirror was still seen closed. None where that was not seen, for the reason `after_end_unseen` ("" with None: a record of before).
    """

    token: int
    start_seq: int
    fraction_tag: int
    segment: int
    outcome: Outcome
    void: bool
    event: str
    rule: str
    words: str
    unit_cause: int
    d1_mgy: float
    d2_mgy: float
    dt_mgy: float
    dm_mgy: float
    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    fraction_delivered_mgy: float
    fraction_low_mgy: float
    fraction_high_mgy: float
    rest_mgy: float
    quality: Quality
    beam_ms: int
    counts_1: int
    counts_2: int
    unknown_s: float
    kv_mean: float
    kv_min: float
    kv_max: float
    ma_mean: float
    ma_min: float
    ma_max: float
    on_at_s: float | None
    off_at_s: float | None
    off_verified_s: float | None
    wall_s: float
    host_beam_s: float | None = None
    after_end_1: float | None = None
    after_end_2: float | None = None
    after_end_s: float | None = None
    after_end_k1_s: float | None = None
    after_end_unseen: str = ""


class LatchSet(msgspec.Struct, frozen=True, array_like=True):
    """A latch was set; it survives restart and power loss."""

    rule: str
    trip: Trip
    clears: Clears
    words: str
    wall_s: float


class LatchCleared(msgspec.Struct, frozen=True, array_like=True):
    """A latch was cleared by a person of the right role, with a reason."""

    rule: str
    role: str
    who: str
    reason: str
    wall_s: float


class ResetDone(msgspec.Struct, frozen=True, array_like=True):
    """The unit's retained exposure of this token was cleared and read back as 0."""

    token: int
    fraction_tag: int


class Found(msgspec.Struct, frozen=True, array_like=True):
    """What the unit retained when this process came up; the recorder closes the open exposure of this token with it (token 0: nothing retained)."""

    token: int
    fraction_tag: int
    boot_count: int
    beam_ms: int
    k1_ms: int
    counts_1: int
    counts_2: int
    run_count: int
    last_token: int
    cause: int
    sound: bool


class Stray(msgspec.Struct, frozen=True, array_like=True):
    """Beam that belongs to no exposure of these records (controller/stray.py): adopted from the unit's memory, or uncommanded. Dose bounds in D0 mGy."""

    kind: str
    token: int
    fraction_tag: int
    seconds: float
    counts_1: int
    counts_2: int
    low_mgy: float
    high_mgy: float
    who: str
    reason: str
    wall_s: float

    def words(self) -> str:
        of = f"exposure {self.token} of fraction {self.fraction_tag:016x}, " if self.token else ""
        by = f"; by {self.who}: {self.reason}" if self.who else ""
        return (
            f"{self.kind} beam: {of}{self.seconds:.2f} s, {self.counts_1} and {self.counts_2} counts, "
            f"{self.low_mgy:.1f} to {self.high_mgy:.1f} mGy D0, UNKNOWN{by}"
        )


class Event(msgspec.Struct, frozen=True, array_like=True):
    """A change of state, or a person's act, for the journal."""

    state: str
    event: str
    to: str
    rule: str
    words: str

    @property
    def trips(self) -> bool:
        """Whether something went wrong, and the state changed by it."""
        return self.event in TRIPS and self.state != self.to


class Crash(msgspec.Struct, frozen=True, array_like=True):
    """An exception escaped a tick: the process shut the gate and ended."""

    words: str


LINKS_APART = " | "
"""Between the words of one link and the next."""


class Links(msgspec.Struct, frozen=True, array_like=True):
    """How the wires fared: at the end of an exposure (`rule` empty), and at once when something trips (its rule, or the event's name). Since the
    exposure's START, or since the process began where there is none (token 0)."""

    token: int
    rule: str
    links: tuple[LinkSummary, ...]

    def words(self) -> str:
        return LINKS_APART.join(link.words() for link in self.links)


class LatenessEntry(msgspec.Struct, frozen=True, array_like=True):
    """How punctual the ticks of an exposure were, from its confirmation to its end: how many were how late, by the bins of controller/lateness.py, and
    how many were skipped meanwhile."""

    token: int
    counts: tuple[int, ...]
    skipped: int

    def words(self) -> str:
        return words(self.counts, self.skipped)


class Open(msgspec.Struct, frozen=True):
    """An exposure that the records hold open: started, resumable, not closed."""

    fraction_tag: int
    token: int
    patient_id: str
    lesion_id: str
    fraction: int
    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    d0_mgy: float
    quality: Quality


class Statement(msgspec.Struct, frozen=True):
    """The recorder's word to the real-time process, rewritten whole whenever it changes (`version` rises).

    `recorder` names who is speaking: a new one at each start of a recorder, and behind each gap that it finds in a ring, for it knows less from then on;
    `reconciled_found_seq` is the sequence number of the last FOUND entry that the records have taken in and made durable;
    `reset_due_token` the retained token whose end is durable and whose fraction is closed, so that the unit may be reset (0: none);
    `refused_seq` the last START of this process that was given no token (0: none), and `refused` why.
    """

    version: int
    recorder: str
    last_token: int
    last_wall_s: float
    latches: tuple[LatchSet, ...]
    opens: tuple[Open, ...]
    reconciled_found_seq: int
    reset_due_token: int
    clearance: Clearance | None = None
    refused_seq: int = 0
    refused: str = ""


class Ack(msgspec.Struct, frozen=True):
    """The recorder's 64-byte acknowledgement: everything up to `durable_seq` is on the disk; the START at `start_seq` got this token.

    `start_crc` is the CRC-32 of the START entry's encoded bytes as the recorder stored them; `ended_token` the last token whose TERMINAL is durable.
    """

    recorder: int
    durable_seq: int
    start_seq: int
    start_crc: int
    token: int
    ended_token: int
