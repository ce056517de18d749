"""What a report says of a fraction and of a course: frozen structs, one unit a quantity, in its name; null is what the records do not hold.
It reads nothing and works nothing out; its JSON form is the one documented schema (docs/reports.md)."""

from __future__ import annotations

from typing import Final

import msgspec

FRACTION_SCHEMA: Final = "kerma-fraction-report-1"
COURSE_SCHEMA: Final = "kerma-course-report-1"


class Source(msgspec.Struct, frozen=True):
    """What the report was made from: the last journal record that told of it, by index and chained SHA-256, and whether the journal is whole; and the last
    entry of the chart with which people signed or corrected it, or stated whose lesion it is, and the last one that the audit says was made of it and the
    chart does not hold (0: none). `before_sha256` and `before_entry` name this report's state before, alike; empty where it is the first."""

    record_index: int
    record_sha256: str
    earlier_sha256: tuple[str, ...]
    journal_whole: bool
    journal_words: str
    chart_entry: int = 0
    chart_gone: int = 0
    before_sha256: str = ""
    before_entry: int = 0


class Machine(msgspec.Struct, frozen=True):
    """The rig as it opened the run of the last segment; digests in hex."""

    rig: str
    machine_serial: str
    tube_serial: str
    generator_driver: str
    safety_unit_driver: str
    software_version: str
    configuration_sha256: str
    certificate_id: str
    certificate_sha256: str


class Patient(msgspec.Struct, frozen=True):
    """Two identifiers, by which a fraction is whose it is; a name is stated beside them (`particulars`)."""

    id: str
    id_2: str


class Order(msgspec.Struct, frozen=True):
    """The prescription of this fraction. `set_up_stated`: it is of the form that says bolus, backing, cut-out, shields and flags; else nobody said them."""

    prescription_id: str
    version: int
    sha256: str
    approved_by: tuple[str, ...]
    purpose: str
    course_id: str
    lesion_id: str
    site: str
    laterality: str
    fraction: int
    fractions: int
    rx_mgy: float
    depth_mm: float
    gap_mm: float
    cutout_factor: float
    min_interval_h: float
    set_up_stated: bool
    bolus_or_cover_mm: float
    backing: str
    cutout_id: str
    cutout_diameter_mm: float
    cutout_measured_by: str
    shield_notes: str
    tolerance_flags: tuple[str, ...]


class Beam(msgspec.Struct, frozen=True):
    """The measured combination that was used, with its certified constants; rates and doses D0."""

    kv_set: float
    ma_set: float
    filter_id: str
    filter_code: int
    applicator_id: str
    applicator_code: int
    closed_end: bool
    effective_ssd_mm: float
    ends_by: str
    timer_starts_at: str
    r0_mgy_per_s: float
    dt_s: float
    tail_mgy: float
    n1_mgy_per_count: float
    n2_mgy_per_count: float


class Calculation(msgspec.Struct, frozen=True):
    """The calculation term by term. `f_by_terms` is made of the terms anew; `f_recorded` is what the machine used. They agree, or the report says so."""

    pdd_pct: float | None
    gap_factor: float | None
    surface_gap_factor: float | None
    bolus_pdd_pct: float | None
    cutout_factor: float
    skin_factor: float | None
    f_by_terms: float | None
    f_recorded: float
    d0_by_terms_mgy: float | None
    d0_recorded_mgy: float
    skin_mgy: float | None
    time_by_terms_s: float | None
    agrees: bool


class UncertaintyTerm(msgspec.Struct, frozen=True):
    """One term, standard uncertainty (k = 1) in percent; null where nobody has stated it."""

    name: str
    u_pct_k1: float | None
    source: str


class Uncertainty(msgspec.Struct, frozen=True):
    """Calibration and clinical uncertainty, k = 2, each with its own terms; null where a term is not stated."""

    calibration_pct_k2: float | None
    clinical_terms: tuple[UncertaintyTerm, ...]
    clinical_pct_k2: float | None
    clinical_rx_mgy_k2: float | None


class Point(msgspec.Struct, frozen=True, array_like=True):
    """One tick of the trace: seconds since the unit ran, kV, mA, dose delivered in this segment (D0 mGy)."""

    at_s: float
    kv: float | None
    ma: float | None
    delivered_mgy: float | None


class Segment(msgspec.Struct, frozen=True):
    """One exposure with beam, begun by the journal record `record_index`: times, its end in words, dose by channel with bounds (D0 mGy), figures."""

    number: int
    token: int
    record_index: int
    started_at: str
    ended_at: str | None
    operator: str
    resume: bool
    provisional: bool
    recovered: bool
    outcome: str
    ended_by: str
    end_words: str
    end_event: str
    end_rule: str
    unit_cause: str
    set_time_s: float
    timer_s: float
    on_to_off_s: float | None
    counts_1: int
    counts_2: int
    k_tp: float
    d1_mgy: float
    d2_mgy: float
    dt_mgy: float
    dm_mgy: float | None
    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    quality: str
    unknown_s: float
    kv_mean: float | None
    kv_min: float | None
    kv_max: float | None
    ma_mean: float | None
    ma_min: float | None
    ma_max: float | None
    settings_sha256: str
    record_sha256: str
    trace: tuple[Point, ...]
    ramp_s: float | None = None
    """From the unit's RUN to the first tick with kV within 5 % of the set value; null where no tick shows it."""
    host_beam_s: float | None = None
    """The beam's time by this computer's monotonic clock, beside the unit's own timer `timer_s`; null where it was not seen, or the record is of before."""
    arc: bool | None = None
    """Whether an arc ended it, by the end's rule and words; null where nobody saw the end. One that is shorter than a poll is in no record."""
    arc_words: str = ""


class Interruption(msgspec.Struct, frozen=True):
    """Between two segments: what ended the one, how long it was, what had been given, and who let it go on."""

    after_segment: int
    cause: str
    pause_s: float | None
    delivered_d0_mgy: float
    resumed_by: str
    physicist: bool
    reason: str


class Totals(msgspec.Struct, frozen=True):
    """The fraction summed up. `*_rx_mgy` at the prescription's depth, `*_d0_mgy` at the applicator's plane, `*_skin_mgy` at the skin."""

    status: str
    flagged: bool
    closed: bool
    closed_words: str
    quality: str
    delivered_d0_mgy: float
    low_d0_mgy: float
    high_d0_mgy: float
    delivered_rx_mgy: float
    low_rx_mgy: float
    high_rx_mgy: float
    delivered_skin_mgy: float | None
    low_skin_mgy: float | None
    high_skin_mgy: float | None
    off_rx_mgy: float
    off_pct: float
    rest_d0_mgy: float
    timer_sum_s: float
    timer_sum_by_terms_s: float | None
    set_sum_s: float
    resumes: int
    trips: int


class Lesion(msgspec.Struct, frozen=True):
    """Sums over fractions of one lesion. UNKNOWN fractions count in `delivered` with their high bound, as everywhere."""

    lesion_id: str
    site: str
    laterality: str
    fractions_given: int
    fractions_ordered: int
    ordered_rx_mgy: float
    delivered_rx_mgy: float
    low_rx_mgy: float
    high_rx_mgy: float
    delivered_skin_mgy: float | None


class Before(msgspec.Struct, frozen=True):
    """What came before this fraction. `same_day` names other fractions of this lesion on the day of this one, `same_day_lesions` other lesions."""

    previous_fraction: str
    interval_h: float | None
    least_interval_h: float
    interval_kept: bool
    same_day: tuple[str, ...]
    same_day_lesions: tuple[str, ...]
    with_this: Lesion


class Code(msgspec.Struct, frozen=True):
    """A procedure code that the table offers for this date and kV; whether it is billed is a person's decision."""

    system: str
    code: str
    words: str
    once_per: str
    verify: str


class Signed(msgspec.Struct, frozen=True):
    """A signed sheet that the records held when the fraction was started."""

    kind: str
    who: str
    role: str
    at: str
    sha256: str
    record_index: int
    words: str


class Signature(msgspec.Struct, frozen=True):
    """One signature over the order's bytes that stood when the fraction was started; `late`: given after its first START; `accepted`: the
    order's flags that were ticked with it."""

    number: int
    meaning: str
    who: str
    role: str
    at: str
    late: bool
    accepted: tuple[str, ...] = ()


class Approval(msgspec.Struct, frozen=True):
    """Who had signed, which meanings were missing, whether their chain is whole and with whose key it is signed; and all of it in words."""

    signatures: tuple[Signature, ...]
    missing: tuple[str, ...]
    chain_whole: bool
    chain_key: str
    words: str


class Photo(msgspec.Struct, frozen=True):
    """The photo of the lesion that stood then, by its SHA-256; `words` is why its picture is not on the paper, empty where it is."""

    sha256: str
    file: str
    number: int
    who: str
    role: str
    at: str
    words: str


class Note(msgspec.Struct, frozen=True):
    """A note of how the lesion is set up."""

    number: int
    who: str
    role: str
    at: str
    words: str


class AtLesion(msgspec.Struct, frozen=True):
    """What was attached to the lesion when the fraction was started."""

    photo: Photo | None
    notes: tuple[Note, ...]
    chain_whole: bool
    words: str


class Ticked(msgspec.Struct, frozen=True):
    """One item of a time-out and when it was ticked; null where that was not noted."""

    item: str
    at: str | None


class SecondLine(msgspec.Struct, frozen=True):
    """One line of the second calculation as it was shown beside the offer."""

    name: str
    offered: str
    calculated: str
    agrees: bool


class SecondTime(msgspec.Struct, frozen=True):
    """One calculated time beside the offered one; the bound is the wider of a part (percent of the calculated) and of seconds."""

    method: str
    source: str
    offered_s: float
    calculated_s: float
    diff_pct: float
    bound_pct: float
    bound_s: float
    agrees: bool


class Confirmation(msgspec.Struct, frozen=True):
    """What was done before a segment was let go: time-out, second calculation, and the presets that were read back and confirmed."""

    segment: int
    number: int
    at: str
    who: str
    role: str
    place: str
    ticked: tuple[Ticked, ...]
    lines: tuple[SecondLine, ...]
    times: tuple[SecondTime, ...]
    timer_preset_s: float
    count_preset: int


class SignedOff(msgspec.Struct, frozen=True):
    """One signature at the end; `covers`: over the record as it is, and not over an earlier state of it."""

    number: int
    meaning: str
    who: str
    role: str
    at: str
    covers: bool


class Corrected(msgspec.Struct, frozen=True):
    """What a person corrected of the words that people wrote: what was recorded stays, and both stand here."""

    number: int
    field: str
    recorded: str
    corrected: str
    who: str
    role: str
    at: str
    reason: str


class ChartTold(msgspec.Struct, frozen=True):
    """What people said of this fraction: confirmations by segment, signatures, corrections; `unsigned` are the meanings that are asked for
    and not signed over the record as it is; `gone` is what the audit says was made, and the chart does not hold."""

    confirmations: tuple[Confirmation, ...]
    signatures: tuple[SignedOff, ...]
    unsigned: tuple[str, ...]
    corrections: tuple[Corrected, ...]
    chain_whole: bool
    chain_key: str
    words: str
    gone: tuple[str, ...] = ()


class Stated(msgspec.Struct, frozen=True):
    """One statement of whose lesion it is; null is what was not stated. `reason` is why it corrected the one before."""

    number: int
    who: str
    role: str
    at: str
    family_name: str | None
    given_names: str | None
    birth_date: str | None
    diagnosis: str | None
    diagnosis_code: str | None
    intent: str | None
    earlier: str | None
    earlier_words: str | None
    reason: str


class Particulars(msgspec.Struct, frozen=True):
    """What people stated of this patient's course and lesion: the last statement, those before it, oldest first, which stay, the one that stood at the
    fraction's first START, and what is not stated. No dose and no identity goes by it."""

    now: Stated | None
    before: tuple[Stated, ...]
    at_start: Stated | None
    not_stated: tuple[str, ...]
    chain_whole: bool
    words: str


class OfLesion(msgspec.Struct, frozen=True):
    """The particulars of one lesion of a course."""

    lesion_id: str
    particulars: Particulars


class WarmStep(msgspec.Struct, frozen=True):
    """One exposure of the day's warm-up; the rate is channel 1's, D0."""

    at: str
    kv: float
    ma: float
    beam_s: float
    rate_mgy_per_s: float | None


class WarmUp(msgspec.Struct, frozen=True):
    """The warm-up before this fraction, as the records had it at its first START: idle time before it (null: not known), what that asks for, what was given,
    and at which kV the last three were steady (null: at none), with how far they lay apart."""

    idle_h: float | None
    needed_s: float
    given_s: float
    steps: tuple[WarmStep, ...]
    steady_kv: float | None
    steady_pct: float | None
    words: str


class Air(msgspec.Struct, frozen=True):
    """What was read of the air for the check of this fraction's day, between the check's begin and its signature. What the beam was corrected by is each
    segment's `k_tp`, as it was frozen at loading."""

    p_kpa: float
    t_c: float
    begun_at: str
    signed_at: str


class Rated(msgspec.Struct, frozen=True):
    """How the rate R0 of this combination was measured, by the very certificate that the record names."""

    quantity: str
    chamber: str
    hvl1_mm_al: float
    hvl2_mm_al: float
    backscatter: float | None
    backscatter_source: str
    pdd_source: str


class Lack(msgspec.Struct, frozen=True):
    """Something that a record of a fraction should hold and these records do not."""

    field: str
    words: str


class FractionReport(msgspec.Struct, frozen=True):
    """One fraction. Doses mGy, times s unless the name says otherwise, instants ISO 8601 UTC."""

    schema: str
    simulated: bool
    id: str
    day: str
    time_zone: str
    source: Source
    machine: Machine
    patient: Patient
    order: Order
    beam: Beam
    calculation: Calculation
    uncertainty: Uncertainty
    segments: tuple[Segment, ...]
    starts_without_beam: int
    interruptions: tuple[Interruption, ...]
    totals: Totals
    before: Before
    daily_check: Signed | None
    overrides: tuple[Signed, ...]
    codes: tuple[Code, ...]
    flags: tuple[str, ...]
    lacks: tuple[Lack, ...]
    approval: Approval | None = None
    lesion: AtLesion | None = None
    """Null in a document of before these were told, and where nobody looked beside the records."""
    chart: ChartTold | None = None
    warm_up: WarmUp | None = None
    rated: Rated | None = None
    """Null where the certificate is not at hand, or states no measurement."""
    air: Air | None = None
    """Null where the records held no daily check of this day before the fraction."""
    particulars: Particulars | None = None
    """Null where nobody looked beside the records."""


class FractionLine(msgspec.Struct, frozen=True):
    """One fraction in a course's table."""

    id: str
    day: str
    started_at: str
    lesion_id: str
    fraction: int
    fractions: int
    status: str
    flagged: bool
    quality: str
    rx_mgy: float
    delivered_rx_mgy: float
    low_rx_mgy: float
    high_rx_mgy: float
    delivered_d0_mgy: float
    delivered_skin_mgy: float | None
    timer_sum_s: float
    resumes: int
    interval_h: float | None
    interval_kept: bool
    same_day: tuple[str, ...]
    codes: tuple[str, ...]
    record_sha256: str
    approval: Approval | None = None
    lesion: AtLesion | None = None
    chart: ChartTold | None = None


class CourseReport(msgspec.Struct, frozen=True):
    """One course of one patient: every fraction, and the sums by lesion."""

    schema: str
    simulated: bool
    rig: str
    time_zone: str
    course_id: str
    patient: Patient
    source: Source
    fractions: tuple[FractionLine, ...]
    lesions: tuple[Lesion, ...]
    flags: tuple[str, ...]
    lacks: tuple[Lack, ...]
    particulars: tuple[OfLesion, ...] = ()
    """Empty where nobody looked beside the records."""
