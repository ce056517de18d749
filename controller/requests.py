"""What may be asked through the desk, and the snapshot that everybody is shown; one msgpack document per datagram of a SOCK_SEQPACKET socket.
It decides nothing: a request is only heard here, the table answers it."""

from __future__ import annotations

import msgspec

from controller.prescribed import Prescribed
from hal.figures import LinkSummary
from hal.readings import Purpose


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """The controlling client is there; its lease is 2 s."""


class Status(msgspec.Struct, frozen=True, tag="status"):
    """One snapshot, please; anybody may ask."""


class Watch(msgspec.Struct, frozen=True, tag="watch"):
    """Send me snapshots, ten a second, until I go."""


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Load this fraction; `operator` is the person at the desk, in this role. Takes the control lease if nobody holds it."""

    prescribed: Prescribed
    operator: str
    role: str = "operator"


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """Deliver the rest of the open fraction; the same prescription, with a reason."""

    prescribed: Prescribed
    operator: str
    reason: str
    physicist: bool = False


class Confirm(msgspec.Struct, frozen=True, tag="confirm"):
    """The person has read the offer: its one-use id and the digest that was shown."""

    offer_id: int
    digest: bytes


class Edit(msgspec.Struct, frozen=True, tag="edit"):
    """Unload; anything confirmed is void."""


class Close(msgspec.Struct, frozen=True, tag="close"):
    """Close the ended fraction."""

    reason: str = ""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """STOP."""


class Reset(msgspec.Struct, frozen=True, tag="reset"):
    """Clear latches of this role's class, with a named reason."""

    role: str
    who: str
    reason: str


class Adopt(msgspec.Struct, frozen=True, tag="adopt"):
    """Take into the records what the safety unit retains and they do not know; its dose is UNKNOWN. Service, with a name and a reason."""

    role: str
    who: str
    reason: str


class Retest(msgspec.Struct, frozen=True, tag="retest"):
    """Back to SELF_TEST."""


Request = Alive | Status | Watch | Load | Resume | Confirm | Edit | Close | Stop | Reset | Adopt | Retest


class RuleShown(msgspec.Struct, frozen=True):
    """One interlock as people see it: `truth` TRUE, FALSE, STALE, ERROR, NOT_ASKED or NOT_FITTED; age of its evidence in s (None: none)."""

    id: str
    truth: str
    age_s: float | None
    words: str


class Offer(msgspec.Struct, frozen=True):
    """What was read back from the devices and may now be confirmed, once, within 60 s.

    `certificate_sha256` is of the certificate that this process started with; empty where an older program does not say it.
    """

    id: int
    digest: bytes
    kv: float
    ma: float
    kv_counts: int
    ma_counts: int
    applicator_id: str
    filter_id: str
    purpose: Purpose
    termination: str
    rx_mgy: float
    skin_mgy: float
    d0_mgy: float
    rest_mgy: float
    set_time_s: float
    count_preset: int
    timer_preset_ms: int
    segment: int
    certificate_sha256: bytes = b""


class DoseShown(msgspec.Struct, frozen=True):
    """Dose of the fraction so far, D0 mGy: by channel for this segment, delivered, low, high and quality for the fraction.

    Without `chambers` there is no channel, and what stands for it means nothing.
    """

    d1_mgy: float
    d2_mgy: float
    dt_mgy: float
    dm_mgy: float
    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    quality: str
    d0_mgy: float
    rx_factor: float
    beam_s: float
    set_time_s: float
    rate_mgy_per_s: float
    chambers: bool = True


class Ended(msgspec.Struct, frozen=True):
    """How the last exposure ended, for people and for the exit code of `kerma treat`."""

    token: int
    fraction_tag: int
    segment: int
    outcome: str
    event: str
    rule: str
    words: str
    void: bool
    dose: DoseShown
    rest_mgy: float
    durable: bool
    reaction_s: float | None


class Snapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    """The whole truth that the real-time process shows, at `at_s` (monotonic) and `wall_s`; beam is "on", "off" or "MAY BE ON".

    `wires` say how each wire has fared since the process began; `emulated` is what stands in for a safety unit (empty: there is one).
    """

    simulated: bool
    rig: str
    instance: str
    pid: int
    tick: int
    at_s: float
    wall_s: float
    state: str
    since_s: float
    beam: str
    kv_set: float | None
    kv: float | None
    ma_set: float | None
    ma: float | None
    unit_state: str
    k1_open: bool | None
    k2_open: bool | None
    rules: tuple[RuleShown, ...]
    first_to_fix: str
    latches: tuple[str, ...]
    offer: Offer | None
    dose: DoseShown | None
    ended: Ended | None
    open_fractions: tuple[str, ...]
    recorder_lag_s: float
    desk_age_s: float
    late_ticks: int
    skipped_ticks: int
    lateness_us: tuple[float, float, float]
    links: tuple[str, ...]
    notice: str = ""
    wires: tuple[LinkSummary, ...] = ()
    emulated: str = ""
    lateness_counts: tuple[int, ...] = ()


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Whether a request was taken; `words` say why not, with value and bound, and what to do first."""

    ok: bool
    words: str


Reply = Snapshot | Answer
