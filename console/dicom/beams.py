"""One exposure as an RT Beams Treatment Record (PS3.3 A.29): the first of a fraction is TREATMENT, each after it CONTINUATION and refers to those before.
Every value is the report's; what DICOM asks for and this machine has not is said in docs/dicom.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import RTBeamsTreatmentRecordStorage

from console.dicom import uids, words
from console.dicom.common import date, decimal, instance, marked, moment, private, sequence, time
from console.reports.told import FractionReport, Segment

MU: Final = "MU: 1 MU = 1 cGy D0, water, surface, applicator plane"
MINUTES: Final = "MINUTE: beam timer of the safety unit"
MU_CHANNEL_1: Final = f"{MU}, channel 1"
STATUS: Final = {
    "primary": "NORMAL",
    "backup": "MACHINE",
    "operator": "OPERATOR",
    "machine": "MACHINE",
    "unknown": "UNKNOWN",
}
"""Treatment Termination Status; an end by a backup is the machine's, and no normal one."""
SPECIFIED_TIME: Final = Tag(0x3008, 0x003A)


def record(report: FractionReport, segment: Segment) -> Dataset:
    """The record of one exposure that has ended. ValueError for one that has not, UnfitError for an identifier that DICOM cannot hold."""
    if segment.provisional or segment.ended_at is None:
        raise ValueError(f"segment {segment.number} of fraction {report.id} has no end yet; first: wait for it")
    serial = report.machine.machine_serial
    started, ended = moment(segment.started_at), moment(segment.ended_at)
    data = instance(
        report, RTBeamsTreatmentRecordStorage, uids.record(serial, segment.record_sha256), "RTRECORD", segment.number
    )
    data.InstanceCreationDate, data.InstanceCreationTime = date(ended), time(ended)
    data.OperatorsName = words.name(segment.operator)
    data.TreatmentDate, data.TreatmentTime = date(started), time(started)
    data.ReferencedRTPlanSequence = sequence()
    before = [one for one in report.segments if one.number < segment.number]
    if before:
        data.ReferencedTreatmentRecordSequence = sequence(
            *(_referred(uids.record(serial, one.record_sha256)) for one in before)
        )
    data.TreatmentMachineSequence = sequence(_machine(report))
    data.NumberOfFractionsPlanned = report.order.fractions
    data.PrimaryDosimeterUnit = "MINUTE" if report.beam.ends_by == "time" else "MU"
    data.TreatmentSessionBeamSequence = sequence(_beam(report, segment, bool(before)))
    _private(data, report, segment)
    return data


def _referred(sop_instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = RTBeamsTreatmentRecordStorage, sop_instance
    return item


def _machine(report: FractionReport) -> Dataset:
    item = Dataset()
    item.TreatmentMachineName = words.text(report.machine.rig, words.SHORT)
    item.Manufacturer, item.ManufacturerModelName, item.InstitutionName = "Kerma", "Kerma", ""
    item.DeviceSerialNumber = words.identifier("machine serial", report.machine.machine_serial)
    return item


def metersets(report: FractionReport, segment: Segment) -> tuple[tuple[float, float], tuple[float, float], str, str]:
    """(specified, delivered) of the primary and of the backup, and what each counts. Specified is what this exposure was still to give."""
    at_set_mgy = report.beam.r0_mgy_per_s * (segment.set_time_s + report.beam.dt_s)
    minutes = (segment.set_time_s / 60.0, segment.timer_s / 60.0)
    mu = (at_set_mgy / 10.0, segment.d1_mgy / 10.0)
    if report.beam.ends_by == "time":
        return minutes, mu, MINUTES, MU_CHANNEL_1
    return mu, minutes, MU_CHANNEL_1, MINUTES


def _beam(report: FractionReport, segment: Segment, continued: bool) -> Dataset:
    b, o = report.beam, report.order
    primary, secondary, primary_words, _ = metersets(report, segment)
    item = Dataset()
    item.ReferencedBeamNumber = 1
    item.BeamName = marked(report, f"{b.kv_set:g} kV {b.applicator_id}")
    item.BeamDescription = words.text(f"{o.site}, {o.laterality}; {primary_words}", 1024)
    item.BeamType, item.RadiationType = "STATIC", "PHOTON"
    item.BeamLimitingDeviceLeafPairsSequence = sequence(*(_pair(axis) for axis in ("X", "Y")))
    item.NumberOfWedges = 0
    item.NumberOfCompensators, item.NumberOfBoli, item.NumberOfBlocks = None, None, None
    item.ApplicatorSequence = sequence(_applicator(report))
    item.GeneralAccessorySequence = sequence(_filter(report))
    item.CurrentFractionNumber = o.fraction
    item.TreatmentDeliveryType = "CONTINUATION" if continued else "TREATMENT"
    item.TreatmentTerminationStatus = STATUS[segment.ended_by]
    item.TreatmentTerminationCode = words.text(segment.end_event, words.SHORT)
    # no record-and-verify system took part, so nothing is claimed here (type 2); overrides stand in their own sequence
    item.TreatmentVerificationStatus = ""
    item.SpecifiedPrimaryMeterset, item.DeliveredPrimaryMeterset = (decimal(one) for one in primary)
    item.SpecifiedSecondaryMeterset, item.DeliveredSecondaryMeterset = (decimal(one) for one in secondary)
    item.SpecifiedTreatmentTime, item.DeliveredTreatmentTime = decimal(segment.set_time_s), decimal(segment.timer_s)
    points = _points(report, segment, primary)
    item.NumberOfControlPoints = len(points)
    item.ControlPointDeliverySequence = sequence(*points)
    return item


def _pair(axis: str) -> Dataset:
    """DICOM wants jaws; an applicator stands for one fixed pair on each axis, and has no positions."""
    item = Dataset()
    item.RTBeamLimitingDeviceType, item.NumberOfLeafJawPairs = axis, 1
    return item


def _applicator(report: FractionReport) -> Dataset:
    b = report.beam
    item = Dataset()
    item.ApplicatorID = words.text(b.applicator_id, words.SHORT)
    item.ApplicatorType = "OTHER"
    item.AccessoryCode = words.text(str(b.applicator_code))
    end = "closed" if b.closed_end else "open"
    item.ApplicatorDescription = words.text(
        f"{b.applicator_id}, {end} end, effective SSD {b.effective_ssd_mm:g} mm", 1024
    )
    return item


def _filter(report: FractionReport) -> Dataset:
    item = Dataset()
    item.GeneralAccessoryNumber = 1
    item.GeneralAccessoryID = words.text(report.beam.filter_id, words.SHORT)
    item.GeneralAccessoryDescription = words.text(f"filter {report.beam.filter_id}", 1024)
    item.AccessoryCode = words.text(str(report.beam.filter_code))
    return item


def _points(report: FractionReport, segment: Segment, primary: tuple[float, float]) -> Sequence[Dataset]:
    """Two control points: beam on, and its end."""
    rate = report.beam.r0_mgy_per_s * 6.0 if report.beam.ends_by == "monitor" else 1.0
    begin, end = Dataset(), Dataset()
    for number, (point, at, of) in enumerate(((begin, segment.started_at, 0.0), (end, segment.ended_at, 1.0))):
        when = moment(at)
        point.ReferencedControlPointIndex = number
        point.TreatmentControlPointDate, point.TreatmentControlPointTime = date(when), time(when)
        point.SpecifiedMeterset, point.DeliveredMeterset = decimal(of * primary[0]), decimal(of * primary[1])
        point.DoseRateSet, point.DoseRateDelivered = decimal(rate), None
    begin.NominalBeamEnergy = decimal(report.beam.kv_set / 1000.0)
    begin.NominalBeamEnergyUnit = "MV"
    overrides = _overrides(report, segment)
    if overrides:
        begin.OverrideSequence = sequence(*overrides)
    return begin, end


def _overrides(report: FractionReport, segment: Segment) -> list[Dataset]:
    """Who let it go on against a rule, and why: signed sheets, and a physicist by whom a fraction was resumed."""
    found = [(one.who, one.words) for one in report.overrides if one.record_index < segment.record_index]
    resumed = [stop for stop in report.interruptions if stop.physicist and stop.after_segment == segment.number - 1]
    found += [(stop.resumed_by, f"resumed with a physicist by: {stop.reason}") for stop in resumed]
    items = []
    for who, why in found:
        item = Dataset()
        item.OverrideParameterPointer = SPECIFIED_TIME
        item.OperatorsName = words.name(who)
        item.OverrideReason = words.text(why, 1024)
        items.append(item)
    return items


def _private(data: Dataset, report: FractionReport, segment: Segment) -> None:
    _, _, primary, secondary = metersets(report, segment)
    names = (
        "kv_mean",
        "kv_min",
        "kv_max",
        "ma_mean",
        "ma_min",
        "ma_max",
        "delivered_mgy",
        "low_mgy",
        "high_mgy",
        "quality",
        "record_sha256",
        "end_words",
    )
    private(
        data,
        {name: getattr(segment, name) for name in names}
        | {
            "kv_set": report.beam.kv_set,
            "ma_set": report.beam.ma_set,
            "rx_factor": report.calculation.f_recorded,
            "primary_meterset": words.text(primary),
            "secondary_meterset": words.text(secondary),
            "simulated": "YES" if report.simulated else "NO",
            "second_identifier": words.text(report.patient.id_2),
        },
    )
