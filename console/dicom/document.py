"""A fraction's report as an Encapsulated PDF (PS3.3 A.45.1): one instance for each state of record and chart, each referring to the one before it.
The paper is console/reports/paper.py's; here is what goes around it."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from console.dicom import uids
from console.dicom.common import date, instance, marked, moment, private, sequence, time
from console.reports.told import FractionReport


def document(report: FractionReport, pdf: bytes) -> Dataset:
    """The instance. UnfitError for an identifier that DICOM cannot hold."""
    serial, source = report.machine.machine_serial, report.source
    number = len(source.earlier_sha256) + 1
    data = instance(report, EncapsulatedPDFStorage, uid_of(report), "DOC", number)
    ended = moment(report.segments[-1].ended_at if report.segments else None)
    data.ContentDate, data.ContentTime, data.AcquisitionDateTime = date(ended), time(ended), ""
    data.ConversionType, data.BurnedInAnnotation = "SYN", "YES"
    data.DocumentTitle = marked(
        report, f"Fraction {report.order.fraction} of {report.order.fractions}: {report.totals.status}"
    )
    data.ConceptNameCodeSequence = sequence()
    data.VerificationFlag = "UNVERIFIED"
    data.MIMETypeOfEncapsulatedDocument = "application/pdf"
    data.EncapsulatedDocumentLength = len(pdf)
    data.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    if source.before_sha256:
        data.PredecessorDocumentsSequence = sequence(
            _before(data, uids.document(serial, report.id, source.before_sha256, source.before_entry))
        )
    private(data, {"record_sha256": source.record_sha256, "simulated": "YES" if report.simulated else "NO"})
    return data


def uid_of(report: FractionReport) -> str:
    """Who signs, corrects or names changes the paper: another state is another instance, and an archive learns of it."""
    source = report.source
    return uids.document(
        report.machine.machine_serial, report.id, source.record_sha256, source.chart_entry, source.chart_gone
    )


def _before(data: Dataset, sop_instance: str) -> Dataset:
    """The report of the state before this one: it is of the same study and series."""
    referred, series, study = Dataset(), Dataset(), Dataset()
    referred.ReferencedSOPClassUID, referred.ReferencedSOPInstanceUID = EncapsulatedPDFStorage, sop_instance
    series.SeriesInstanceUID, series.ReferencedSOPSequence = data.SeriesInstanceUID, sequence(referred)
    study.StudyInstanceUID, study.ReferencedSeriesSequence = data.StudyInstanceUID, sequence(series)
    return study
