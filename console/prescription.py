"""The prescription file: what the physician ordered for one fraction, read strictly into the controller's own words.
It converts no dose and knows no certificate; the unit of every number stands in its key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from console.strict import Strict, read
from controller.prescribed import Prescribed
from hal.readings import Purpose

Name = Annotated[str, Field(min_length=1, max_length=64)]


class OrderTable(Strict):
    """[prescription]: which order this is, and who approved it."""

    id: Name = Field(description="write the prescription's own number")
    version: int = Field(ge=1, le=10_000, description="write the version of the prescription, from 1")
    purpose: Literal["treat", "daily", "warmup", "calibrate"] = Field(description='write "treat" for a patient')
    approved_by: list[Name] = Field(
        min_length=1, max_length=8, description='write who approved it: ["physician", "physicist"]'
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
        description="write the measured factor of the cut-out, 1.0 without one; with one, depth_mm is 0.0",
    )


class PrescriptionFile(Strict):
    """A whole prescription file."""

    prescription: OrderTable
    patient: PatientTable
    course: CourseTable
    dose: DoseTable
    beam: BeamTable

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
        """The certificate's depth dose is the open field's, and a cut-out's factor is of the surface (hazard A12)."""
        factor, depth_mm = self.beam.cutout_factor, self.dose.depth_mm
        if factor != 1.0 and depth_mm > 0.0:
            raise ValueError(
                f"beam.cutout_factor = {factor}: with dose.depth_mm = {depth_mm} it is refused: a smaller field's dose falls faster with depth than the "
                "open one's, which the certificate holds; first: order the dose at the surface, depth_mm = 0.0, by a depth dose measured under this lead"
            )
        return self


def load(path: Path) -> Prescribed:
    """Read and check a prescription file; its SHA-256 is that of the file's bytes. Raises ConfigurationError."""
    taken = read(path, PrescriptionFile)
    file = taken.model
    return Prescribed(
        prescription_id=file.prescription.id,
        version=file.prescription.version,
        sha256=taken.sha256,
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
        approved_by=tuple(file.prescription.approved_by),
        purpose=Purpose[file.prescription.purpose.upper()],
    )
