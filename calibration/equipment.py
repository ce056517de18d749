"""What a calibration is done with and on: tube, filters, applicators and instruments, each a strict table, an instrument with its own calibration.
It measures nothing; whether an instrument may be used at a time is answered in words, "" for yes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from calibration.dosimetry.tables import n_k
from calibration.dosimetry.units import MilligraysPerNanocoulomb, MillimetresAl

BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and patterns that are printed as nothing."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def readable(words: str) -> str:
    """Words that show all that they hold. ValueError: two names could look the same, or a sentence say nothing."""
    if words and not any(one.isalnum() for one in words):
        raise ValueError(f"{words!a} has no letter and no digit")
    if words != words.strip():
        raise ValueError(f"{words!a} has a space at its begin or end")
    if any(one in BLANK or not (one.isprintable() or one == "\n") for one in words):
        raise ValueError(f"{words!a} has an invisible character")
    if not unicodedata.is_normalized("NFC", words):
        raise ValueError(f"{words!a} is not composed (NFC)")
    return words


def one_line(words: str) -> str:
    """A name stands in one line."""
    if "\n" in words:
        raise ValueError(f"{words!a} has more than one line")
    return words


Readable = AfterValidator(readable)
Name = Annotated[str, Field(min_length=1, max_length=64), Readable, AfterValidator(one_line)]
Words = Annotated[str, Field(min_length=1, max_length=400), Readable]
Instant = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
"""A time with its zone, in years that every part of the program can work with."""
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Code = Annotated[int, Field(ge=1, le=0xFE)]

CODE_DISTANCE = 2
"""Two codes of one machine differ in so many bits at least: one broken contact makes no other filter."""
EDGE_MM = 2.0
"""A chamber's sensitive part and so much on each side stay inside the field."""
FARMER_LEAST_FIELD_MM = 30.0
PLANE_PARALLEL_BELOW_KV = 70.0
ATMOSPHERE_KPA = 101.325
"""Both reference forms' pressure; the 22 C form prints it as 101.33."""


class Table(BaseModel):
    """Frozen, no unknown key, no conversion, every number finite."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class LeakSurvey(Table):
    """Leakage through the head, tube on."""

    at: Instant
    mgy_h_1m: NotNegative
    mgy_h_5cm: NotNegative
    by: Name


class Tube(Table):
    """The X-ray tube, with what heats and ages it."""

    id: Name
    serial: Name
    model: Name
    target_angle_deg: float = Field(gt=0, lt=90)
    inherent_mm_be: NotNegative
    max_kv: float = Field(gt=0, le=225)
    max_ma: float = Field(gt=0, le=100)
    max_w: Positive
    heat_capacity_j: Positive
    cooling_tau_s: Positive
    max_on_s: Positive
    min_rest_s: NotNegative
    installed_on: Instant
    hours_s: NotNegative
    arcs_total: int = Field(ge=0)
    ma_seconds: NotNegative
    leak_survey: LeakSurvey
    focal_spot_mm: Positive
    last_beam_at: Instant


class Layer(Table):
    """One sheet of a filter, from the focus outwards."""

    material: Name
    thickness_mm: Positive


class Filter(Table):
    """An added filter and what proves that it is in."""

    id: Name
    code: Code
    layers: list[Layer] = Field(min_length=1, max_length=10)
    proof_inputs: list[Name] = Field(min_length=1, max_length=4)
    allowed_kv: list[Positive] = Field(min_length=1, max_length=20)


class GapPoint(Table):
    """Measured factor of a closed applicator's stand-off."""

    gap_mm: float = Field(ge=-5, le=50)
    factor: float = Field(gt=0, le=1.5)


class DepthPoint(Table):
    """Percentage depth dose on the central axis; 100 at the surface."""

    depth_mm: float = Field(ge=0, le=100)
    pct: float = Field(gt=0, le=120)


PDD_RISE_PCT = 2.0
"""Depth dose rises by no more from one point to the next: behind the surface it falls."""


def no_depth_dose(points: Sequence[DepthPoint]) -> Iterator[str]:
    """Why these are no depth dose, in words without what to do first."""
    if points[0].depth_mm != 0.0 or points[0].pct != 100.0:
        yield f"begins with {points[0].pct:g} % at {points[0].depth_mm:g} mm, not 100 % at 0 mm"
    if any(b.depth_mm <= a.depth_mm for a, b in pairwise(points)):
        yield "does not ascend strictly"
    if any(b.pct > a.pct + PDD_RISE_PCT for a, b in pairwise(points)):
        yield f"rises by more than {PDD_RISE_PCT:g} % with depth"


class Applicator(Table):
    """An applicator; `calibration_none` (nothing fitted) and `conditioning_cap` are for the service only."""

    id: Name
    serial: Name
    code: Code
    kind: Literal["clinical", "calibration_none", "conditioning_cap"]
    shape: Literal["circle", "rect"]
    diameter_mm: Positive | None = None
    a_mm: Positive | None = None
    b_mm: Positive | None = None
    end: Literal["open", "closed"]
    end_material: str = Field(default="", max_length=64)
    end_mm: NotNegative = 0.0
    plane_to_focus_mm: float = Field(ge=10, le=1000)
    effective_ssd_mm: float = Field(ge=10, le=1000)
    u_mm: NotNegative
    gap_table: list[GapPoint] = Field(default_factory=list, max_length=100)
    contact_sensor: bool
    lot: Name
    recalled: bool
    max_skin_mgy: Positive
    max_time_s: Positive

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        sides = (self.diameter_mm is None, self.a_mm is None, self.b_mm is None)
        if sides != ((False, True, True) if self.shape == "circle" else (True, False, False)):
            raise ValueError(
                f"a {self.shape} has {'diameter_mm' if self.shape == 'circle' else 'a_mm and b_mm'} and no other size"
            )
        if (self.end == "closed") != bool(self.end_material):
            raise ValueError("a closed end has end_material and end_mm, an open one has none")
        if self.gap_table and self.end == "open":
            raise ValueError("gap_table stands with an open applicator, which takes the inverse square")
        if any(b.gap_mm <= a.gap_mm for a, b in pairwise(self.gap_table)):
            raise ValueError("gap_table does not ascend strictly")
        return self

    @property
    def field_mm(self) -> float:
        """The smallest size of the field."""
        return min(one for one in (self.diameter_mm, self.a_mm, self.b_mm) if one is not None)


class Calibrated(Table):
    """An instrument's own calibration."""

    lab: Name
    at: Instant
    expires_at: Instant
    certificate_no: Name


class Base(Table):
    """What every instrument has."""

    id: Name
    model: Name
    serial: Name
    cal: Calibrated


class Quality(Table):
    """A chamber's coefficient at one beam quality."""

    hvl_mm_al: Positive
    kv: float = Field(gt=0, le=225)
    mgy_per_nc: Positive
    u_pct_k1: float = Field(ge=0, le=10)


class Chamber(Base):
    """A reference chamber: what it is, and its coefficients between two calibrated qualities at least."""

    kind: Literal["chamber"]
    type: Literal["pp", "cyl"]
    volume_cc: Positive
    sensitive_mm: Positive
    ref_point_mm_from_face: NotNegative
    vented: bool
    foil_mm: NotNegative
    polarising_v: float = Field(gt=0, le=1000)
    stem_factor: float = Field(gt=0.9, lt=1.1)
    u_stem_pct: float = Field(ge=0, le=10)
    nk: list[Quality] = Field(min_length=2, max_length=20)
    coefficient: Literal["air_kerma", "dose_to_water"]
    ref_form: Literal["22C", "20C"]
    ref_t_c: float | None = Field(default=None, ge=15, le=25)
    ref_p_kpa: float | None = Field(default=None, ge=100, le=103)
    protocol: Literal["TG61", "TRS398", "TRS277", "DIN"]

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        said = float(self.ref_form.removesuffix("C"))
        if self.ref_t_c is not None and self.ref_t_c != said:
            raise ValueError(
                f"ref_form = {self.ref_form} and ref_t_c = {self.ref_t_c:g}: the paper has one reference air; mixing them is 0.7 %"
            )
        if self.ref_p_kpa is not None and abs(self.ref_p_kpa - ATMOSPHERE_KPA) > 0.01:
            raise ValueError(
                f"ref_p_kpa = {self.ref_p_kpa:g} is no reference pressure, {ATMOSPHERE_KPA:g} kPa; read the paper again"
            )
        return self


class Electrometer(Base):
    """Factor to the chamber's true charge."""

    kind: Literal["electrometer"]
    factor: float = Field(gt=0.9, lt=1.1)
    u_pct: float = Field(ge=0, le=10)
    leakage_na: NotNegative


class Barometer(Base):
    """Reads station pressure, never a pressure reduced to sea level."""

    kind: Literal["barometer"]
    reads: Literal["station"]
    altitude_m: float = Field(ge=-400, le=5000)


class Thermometer(Base):
    """Lies at the chamber."""

    kind: Literal["thermometer"]
    u_c: NotNegative


class KvpMeter(Base):
    """A non-invasive meter, or a divider."""

    kind: Literal["kvp_meter"]
    u_pct_k1: float = Field(ge=0, le=10)
    least_kv: Positive
    most_kv: Positive


class MaMeter(Base):
    kind: Literal["ma_meter"]
    u_pct_k1: float = Field(ge=0, le=10)


class QaDevice(Base):
    """The detector outside the head that proves its own seating, for the daily check."""

    kind: Literal["qa_device"]
    jig: Name


class HvlSet(Base):
    """Aluminium sheets of known purity."""

    kind: Literal["hvl_set"]
    purity_pct: float = Field(ge=99, le=100)
    sheets_mm: list[Positive] = Field(min_length=1, max_length=50)


class WellJig(Base):
    """Holds a detector where it belongs, and proves it."""

    kind: Literal["well_jig"]
    seat_proof: Name


Instrument = Annotated[
    Chamber | Electrometer | Barometer | Thermometer | KvpMeter | MaMeter | QaDevice | HvlSet | WellJig,
    Field(discriminator="kind"),
]


def unusable(instrument: Base, at: datetime) -> str:
    """Why an instrument may not be used at this time (hazard A13), or ""."""
    cal = instrument.cal
    who = f"{instrument.id} ({instrument.model} {instrument.serial})"
    if at >= cal.expires_at:
        return f"{who}: its calibration expired at {stamp(cal.expires_at)}, before {stamp(at)}; have it calibrated"
    if at < cal.at:
        return f"{who}: its calibration is of {stamp(cal.at)}, after {stamp(at)}; use what was calibrated before"
    return ""


def superseded(instrument: Base, known: Iterable[Base]) -> str:
    """Why a calibration is not the instrument's last one (hazard A13: the paper of before a repair), or ""."""
    for one in known:
        if one.serial == instrument.serial and one.cal.at > instrument.cal.at:
            return (
                f"{instrument.id} ({instrument.model} {instrument.serial}): {instrument.cal.certificate_no} of {stamp(instrument.cal.at)} was followed by "
                f"{one.cal.certificate_no} of {stamp(one.cal.at)}; use that"
            )
    return ""


def unstated(chamber: Chamber) -> str:
    """Why the reference air of a chamber's paper does not say which form it has, or "" (hazard A12)."""
    if chamber.ref_t_c is None or chamber.ref_p_kpa is None:
        return f"{chamber.id}: ref_t_c and ref_p_kpa of {chamber.cal.certificate_no} are not stated; type them as the paper has them"
    return ""


def unfit_for_field(chamber: Chamber, field_mm: float, kv: float) -> str:
    """Why a chamber does not fit a field or a beam, or ""."""
    needs = chamber.sensitive_mm + 2.0 * EDGE_MM
    if needs >= field_mm:
        return f"{chamber.id}: {chamber.sensitive_mm:g} mm and {EDGE_MM:g} mm each side do not fit a field of {field_mm:g} mm; take a smaller chamber"
    if chamber.type == "cyl" and field_mm < FARMER_LEAST_FIELD_MM:
        return f"{chamber.id}: is cylindrical, and the field {field_mm:g} mm is below {FARMER_LEAST_FIELD_MM:g} mm; take a plane-parallel chamber"
    if kv < PLANE_PARALLEL_BELOW_KV and (chamber.type != "pp" or chamber.foil_mm <= 0.0):
        return f"{chamber.id}: below {PLANE_PARALLEL_BELOW_KV:g} kV a plane-parallel chamber with its foil is wanted; take one"
    return ""


def coefficient(chamber: Chamber, hvl: MillimetresAl) -> tuple[float, float]:
    """(mGy per nC, u in % at k = 1) at a beam quality. ValueError outside the calibrated qualities."""
    rows = [(MillimetresAl(q.hvl_mm_al), MilligraysPerNanocoulomb(q.mgy_per_nc), q.u_pct_k1) for q in chamber.nk]
    factor = n_k(rows, hvl, chamber.cal.certificate_no)
    return factor.value, factor.u_pct


def codes_too_near(codes: list[int]) -> str:
    """Which two codes one broken contact would make the same, or ""."""
    for place, one in enumerate(codes):
        for other in codes[place + 1 :]:
            if (one ^ other).bit_count() < CODE_DISTANCE:
                return f"codes {one:#04x} and {other:#04x} differ in fewer than {CODE_DISTANCE} bits; choose another"
    return ""


def named_alike(name: str) -> str:
    """A name without what people write differently: case, accents, dots, spaces and the order of its words."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    bare = (one if one.isalnum() else " " for one in decomposed if not unicodedata.combining(one))
    return " ".join(sorted("".join(bare).split()))


def stamp(at: datetime) -> str:
    """ISO 8601, UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
