"""The prescription file: what the physician ordered for one fraction, read strictly into the controller's own words.
It converts no dose and knows no certificate; the unit of every number stands in its key. A file without [set_up] is of the older form, and still an order."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from msgspec import UNSET
from pydantic import Field, model_validator

from console.strict import Strict, read
from controller.prescribed import Backing, Prescribed, SetUp
from hal.readings import Purpose

Name = Annotated[str, Field(min_length=1, max_length=64)]
Flag = Literal["earlier_field", "neighbouring_field", "eye", "cartilage_or_bone", "implant"]
FLAG_WORDS: Final = MappingProxyType(
    {
        "backing_thin": "a thin part: less scatters back than the certificate's deep tissue, and how much is not known",
        "backing_lead": "lead behind the part: less scatters back than the certificate's deep tissue, and the lead's own electrons add dose at its face",
        "earlier_field": "the field overlaps one that was treated earlier",
        "neighbouring_field": "the field overlaps a neighbouring one of now",
        "eye": "an eye is near the field",
        "cartilage_or_bone": "cartilage or bone lies under the field",
        "implant": "an implant is near the field",
    }
)
"""Everything that an order can flag, for people; who signs the order accepts each by name."""
BY_SIGNATURE: Final = ("the signatures of a physician and a physicist",)
"""Who approves an order whose file names nobody."""


class OrderTable(Strict):
    """[prescription]: which order this is, and who approved it."""

    id: Name = Field(description="write the prescription's own number")
    version: int = Field(ge=1, le=10_000, description="write the version of the prescription, from 1")
    purpose: Literal["treat", "daily", "warmup", "calibrate"] = Field(description='write "treat" for a patient')
    approved_by: list[Name] = Field(
        max_length=8,
        description='write who approved it: ["physician", "physicist"]; [] for an order that only the signatures of both make valid',
    )


class PatientTable(Strict):
    """[patient]: two identifiers, read at the machine against the person."""

    id: Name = Field(description="write the patient's number")
    id_2: Name = Field(description="write a second identifier, such as the date of birth")


class CourseTable(Strict):
    """[course]: which lesion, and where it is."""

    id: Name = Field(description="write the course's number")
    lesion_id: Name = Field(description="write the lesion's number")
    site: Name = Field(description="write where the lesion is, in words")
    laterality: Literal["left", "right", "midline", "none"] = Field(
        description='write "left", "right", "midline" or "none"'
    )


class DoseTable(Strict):
    """[dose]: absorbed dose to water at depth for each fraction; which fraction this file orders."""

    rx_mgy_per_fraction: float = Field(
        gt=0, le=20_000, description="write the dose of one fraction at depth, in mGy (7 Gy = 7000.0)"
    )
    depth_mm: float = Field(ge=0, le=30, description="write the depth of the prescription in mm")
    fraction: int = Field(ge=1, le=60, description="write the number of this fraction, from 1")
    fractions: int = Field(ge=1, le=60, description="write how many fractions the course has")
    min_interval_h: float = Field(ge=0, le=336, description="write the shortest time between two fractions in hours")


class BeamTable(Strict):
    """[beam]: the measured combination and the geometry."""

    kv: float = Field(gt=0, le=225, description="write the tube voltage in kV, as on the certificate")
    ma: float = Field(gt=0, le=100, description="write the tube current in mA, as on the certificate")
    filter: Name = Field(description="write the filter, as on the certificate")
    applicator: Name = Field(description="write the applicator, as on the certificate")
    gap_mm: float = Field(
        ge=-5, le=20, description="write the gap between applicator and skin in mm (more than 0: away from it)"
    )
    cutout_factor: float = Field(
        ge=0.5,
        le=1.1,
        description="write the measured factor of the cut-out at the surface, 1.0 without one",
    )


class CutoutTable(Strict):
    """[cutout]: the lead in the applicator, by the name under which it was measured; beam.cutout_factor is its factor."""

    id: Name = Field(description="write the cut-out's own number, as on the certificate")
    diameter_mm: float = Field(gt=0, le=200, description="write the diameter of its field in mm")
    measured_by: Name = Field(description="write who measured its factor")


class SetUpTable(Strict):
    """[set_up]: how the patient is set up for this dose; an order of the older form has none, and then nobody said it."""

    bolus_or_cover_mm: float = Field(
        ge=0,
        le=30,
        description="write how thick, as water, what lies on the skin under the applicator is, in mm; 0.0 without any, and for a film below 0.1 mm",
    )
    backing: Literal["full", "thin", "lead"] = Field(
        description='write "full" where deep tissue lies behind, "thin" for an ear, a lid or a wing of the nose, "lead" where a shield lies behind'
    )
    shield_notes: str = Field(max_length=400, description='write what is shielded, and with what; "" for nothing')
    tolerance_flags: list[Flag] = Field(
        max_length=8, description='write what bears less or was treated before, such as ["eye"]; [] for nothing'
    )


class PrescriptionFile(Strict):
    """A whole prescription file."""

    prescription: OrderTable
    patient: PatientTable
    course: CourseTable
    dose: DoseTable
    beam: BeamTable
    cutout: CutoutTable | None = None
    set_up: SetUpTable | None = None

    @model_validator(mode="after")
    def _within_course(self) -> Self:
        number, count = self.dose.fraction, self.dose.fractions
        if number > count:
            raise ValueError(
                f"dose.fraction = {number}: is above the bound: at most dose.fractions = {count}; first: write the number of this fraction"
            )
        return self

    @model_validator(mode="after")
    def _no_lead_at_depth(self) -> Self:
        """A combination's depth dose is the open field's, and a cut-out's factor is of the surface: at a depth the cut-out is named (hazard A12)."""
        factor, depth_mm = self.beam.cutout_factor, self.dose.depth_mm
        bolus_mm = self.set_up.bolus_or_cover_mm if self.set_up is not None else 0.0
        lead = factor != 1.0 or self.cutout is not None
        if lead and bolus_mm > 0.0:
            raise ValueError(
                f"set_up.bolus_or_cover_mm = {bolus_mm}: with a cut-out it is refused: under bolus a smaller field's dose falls faster than the open one's, "
                "which the certificate holds; first: order the cut-out without bolus, 0.0, or the open field"
            )
        if lead and depth_mm > 0.0 and self.cutout is None:
            raise ValueError(
                f"beam.cutout_factor = {factor}: with dose.depth_mm = {depth_mm} and no [cutout] it is refused: a smaller field's dose falls faster with "
                "depth than the open one's; first: name the cut-out, whose own depth dose the certificate holds, or order at the surface, depth_mm = 0.0"
            )
        return self

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """What goes together stands together; the older form names neither cut-out nor set-up, and somebody who approved it."""
        if self.cutout is not None and self.set_up is None:
            raise ValueError("the table [cutout] stands without [set_up]; first: write both")
        if self.set_up is not None and self.cutout is None and self.beam.cutout_factor != 1.0:
            raise ValueError(
                f"beam.cutout_factor = {self.beam.cutout_factor}: belongs to no cut-out; first: write its table [cutout], or 1.0"
            )
        if self.set_up is None and not self.prescription.approved_by:
            raise ValueError(
                'prescription.approved_by = []: has too few entries: at least 1 without [set_up]; first: write who approved it: ["physician", "physicist"]'
            )
        flags = self.set_up.tolerance_flags if self.set_up is not None else []
        if len(set(flags)) != len(flags):
            raise ValueError(f"set_up.tolerance_flags = {flags}: names one twice; first: write each once")
        return self


def load(path: Path) -> Prescribed:
    """Read and check a prescription file; its SHA-256 is that of the file's bytes. Raises ConfigurationError."""
    taken = read(path, PrescriptionFile)
    return prescribed_of(taken.model, taken.sha256)


def prescribed_of(file: PrescriptionFile, sha256: bytes) -> Prescribed:
    """A checked file in the controller's words."""
    return Prescribed(
        prescription_id=file.prescription.id,
        version=file.prescription.version,
        sha256=sha256,
        patient_id=file.patient.id,
        patient_id_2=file.patient.id_2,
        course_id=file.course.id,
        lesion_id=file.course.lesion_id,
        site=file.course.site,
        laterality=file.course.laterality,
        rx_mgy=float(file.dose.rx_mgy_per_fraction),
        depth_mm=float(file.dose.depth_mm),
        fraction=file.dose.fraction,
        fractions=file.dose.fractions,
        min_interval_h=float(file.dose.min_interval_h),
        kv=float(file.beam.kv),
        ma=float(file.beam.ma),
        filter_id=file.beam.filter,
        applicator_id=file.beam.applicator,
        gap_mm=float(file.beam.gap_mm),
        cutout_factor=float(file.beam.cutout_factor),
        approved_by=tuple(file.prescription.approved_by) or BY_SIGNATURE,
        purpose=Purpose[file.prescription.purpose.upper()],
        set_up=UNSET if file.set_up is None else _set_up(file.set_up, file.cutout),
        by_signature=UNSET if file.prescription.approved_by else True,
    )


def _set_up(table: SetUpTable, cutout: CutoutTable | None) -> SetUp:
    return SetUp(
        bolus_mm=float(table.bolus_or_cover_mm),
        backing=Backing(table.backing),
        cutout_id=cutout.id if cutout is not None else "",
        cutout_diameter_mm=float(cutout.diameter_mm) if cutout is not None else 0.0,
        cutout_measured_by=cutout.measured_by if cutout is not None else "",
        shield_notes=table.shield_notes,
        tolerance_flags=tuple(table.tolerance_flags),
    )
