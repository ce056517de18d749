"""What every instance of ours has in common: patient, study, equipment, character set, private block; and how it becomes bytes.
It knows pydicom and the report's structs, and sends nothing."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any, Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from console.dicom import uids, words
from console.dicom.block import CREATOR, GROUP, PRIVATE
from console.reports.told import FractionReport

MANUFACTURER: Final = "Kerma"
MODEL: Final = "Kerma"


def instance(report: FractionReport, sop_class: str, sop_instance: str, modality: str, number: int) -> Dataset:
    """An instance with all that does not depend on its kind; times are UTC, and say so."""
    m, o = report.machine, report.order
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = sop_class, sop_instance
    data.TimezoneOffsetFromUTC = "+0000"
    stood = report.particulars.at_start if report.particulars is not None and not report.simulated else None
    data.PatientName = "SIMULATED" if report.simulated else words.patient_name(stood)
    data.PatientID = words.patient_id(report.patient.id, report.simulated)
    data.PatientBirthDate = "" if stood is None else (stood.birth_date or "").replace("-", "")
    data.PatientSex = ""
    data.StudyInstanceUID = uids.study(m.machine_serial, report.id)
    data.StudyID = words.text(o.course_id, words.SHORT)
    data.StudyDescription = marked(report, f"course {o.course_id}, fraction {o.fraction} of {o.fractions}")
    data.AccessionNumber, data.ReferringPhysicianName = "", ""
    first = moment(report.segments[0].started_at if report.segments else None)
    data.StudyDate, data.StudyTime = date(first), time(first)
    data.Modality = modality
    data.SeriesInstanceUID = uids.series(m.machine_serial, modality, report.id)
    data.SeriesNumber, data.InstanceNumber = o.fraction, number
    data.SeriesDescription = marked(report, f"fraction {o.fraction} of {o.fractions}, lesion {o.lesion_id}")
    data.Manufacturer, data.ManufacturerModelName = MANUFACTURER, MODEL
    data.DeviceSerialNumber = words.identifier("machine serial", m.machine_serial)
    data.StationName = words.text(m.rig, words.SHORT)
    data.SoftwareVersions = words.text(m.software_version)
    return data


def marked(report: FractionReport, said: str) -> str:
    return words.text(f"SIMULATED: {said}" if report.simulated else said)


def private(data: Dataset, values: dict[str, Any]) -> None:
    """The private block, of what is known."""
    block = data.private_block(GROUP, CREATOR, create=True)
    for name, value in values.items():
        element, vr, _ = PRIVATE[name]
        if value is not None:
            block.add_new(element, vr, value)


def moment(instant: str | None) -> datetime | None:
    return None if instant is None else datetime.fromisoformat(instant.replace("Z", "+00:00")).astimezone(UTC)


def date(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y%m%d")


def time(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%H%M%S.%f")


def decimal(value: float) -> str:
    """A decimal string of 16 characters at most (PS3.5)."""
    return next(said for said in (f"{value:.{digits}g}" for digits in range(12, 0, -1)) if len(said) <= 16)


def sequence(*items: Dataset) -> Sequence:
    return Sequence(items)


def as_file(data: Dataset) -> bytes:
    """The instance as a file of DICOM (PS3.10); the same bytes for the same instance."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = data.SOPClassUID, data.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta = meta
    out = io.BytesIO()
    dcmwrite(out, data, enforce_file_format=True)
    return out.getvalue()
