"""What an instance says is what the record says: metersets in both modes, continuation, references, UIDs that follow from the record, words made safe."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kept_by_hand import GOLDEN, ORDER, KeptByHand
from pydicom import dcmread
from pydicom.dataset import Dataset

from console.dicom import uids, words
from console.dicom.beams import record
from console.dicom.block import CREATOR, GROUP, PRIVATE
from console.dicom.common import as_file, decimal
from console.dicom.document import document
from console.reports.codes import load_codes
from console.reports.gather import gather
from console.reports.model import Site, fraction_report
from console.reports.told import FractionReport
from controller.entries import Outcome
from hal.readings import Termination

SITE = Site("demo", "UTC", load_codes())


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    return KeptByHand(tmp_path / "records")


def told(kept: KeptByHand) -> FractionReport:
    found = gather(kept.records / "journal")
    return fraction_report(found, list(found.book.fractions)[-1], SITE)


def read(raw: bytes) -> Dataset:
    return dcmread(io.BytesIO(raw))


def private(data: Dataset, name: str) -> Any:
    return data.private_block(GROUP, CREATOR)[PRIVATE[name][0]].value


def test_a_fraction_in_three_exposures(kept: KeptByHand) -> None:
    """The worked example in *time*: minutes of the timer first, the chamber in MU beside; the second and third continue and refer back."""
    kept.golden()
    report = told(kept)
    made = [read(as_file(record(report, segment))) for segment in report.segments]
    beams = [data.TreatmentSessionBeamSequence[0] for data in made]
    assert [data.PrimaryDosimeterUnit for data in made] == ["MINUTE"] * 3
    assert [float(beam.DeliveredPrimaryMeterset) for beam in beams] == pytest.approx([one / 60 for one in GOLDEN])
    assert [float(beam.DeliveredSecondaryMeterset) for beam in beams] == pytest.approx(
        [330.85, 228.66, 294.15], abs=0.02
    )
    assert [beam.TreatmentDeliveryType for beam in beams] == ["TREATMENT", "CONTINUATION", "CONTINUATION"]
    assert [beam.TreatmentTerminationStatus for beam in beams] == ["MACHINE", "OPERATOR", "NORMAL"]
    referred = [
        [one.ReferencedSOPInstanceUID for one in data.get("ReferencedTreatmentRecordSequence", ())] for data in made
    ]
    assert referred == [[], [made[0].SOPInstanceUID], [made[0].SOPInstanceUID, made[1].SOPInstanceUID]]
    assert {data.StudyInstanceUID for data in made} == {made[0].StudyInstanceUID}
    assert private(made[0], "kv_mean") == 69.5
    assert private(made[0], "secondary_meterset").startswith("MU: 1 MU = 1 cGy D0")
    point = beams[0].ControlPointDeliverySequence[0]
    assert (float(point.NominalBeamEnergy), point.NominalBeamEnergyUnit) == (0.0695, "MV")


def test_in_monitor_one_mu_is_one_cgy_and_the_timer_stands_beside(kept: KeptByHand) -> None:
    kept.start(termination=Termination.MONITOR)
    kept.end(155.36)
    data = record(told(kept), told(kept).segments[0])
    beam = data.TreatmentSessionBeamSequence[0]
    assert data.PrimaryDosimeterUnit == "MU"
    assert float(beam.DeliveredPrimaryMeterset) == pytest.approx(55.0 * (155.36 - 0.145) / 10)
    assert float(beam.DeliveredSecondaryMeterset) == pytest.approx(155.36 / 60)
    assert private(data, "primary_meterset").startswith("MU: 1 MU = 1 cGy D0")
    assert private(data, "secondary_meterset").startswith("MINUTE")


def test_a_physicist_by_is_an_override_of_that_exposure_alone(kept: KeptByHand) -> None:
    kept.golden()
    report = told(kept)
    points = [
        record(report, one).TreatmentSessionBeamSequence[0].ControlPointDeliverySequence[0] for one in report.segments
    ]
    assert ["OverrideSequence" in point for point in points] == [False, False, True]
    assert "the patient coughed" in points[2].OverrideSequence[0].OverrideReason


def test_the_same_record_is_the_same_instance_byte_for_byte(kept: KeptByHand) -> None:
    """The first exposure's instance is the same before and after the resume; the report's is another one, which refers to the one before."""
    kept.start()
    kept.end(60.3, Outcome.INTERRUPTED)
    before = told(kept)
    first, paper = as_file(record(before, before.segments[0])), document(before, b"%PDF-1.4 a")
    kept.wall_s += 60.0
    kept.start(segment=2)
    kept.end(95.2)
    after = told(kept)
    assert as_file(record(after, after.segments[0])) == first
    again = document(after, b"%PDF-1.4 ab")
    assert again.SOPInstanceUID != paper.SOPInstanceUID
    referred = again.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert referred.ReferencedSOPInstanceUID == paper.SOPInstanceUID
    assert (again.InstanceNumber, again.SeriesInstanceUID) == (2, paper.SeriesInstanceUID)
    assert (len(again.EncapsulatedDocument) % 2, again.EncapsulatedDocumentLength) == (0, 11)


def test_one_that_runs_has_no_record(kept: KeptByHand) -> None:
    kept.start()
    report = told(kept)
    with pytest.raises(ValueError, match="has no end yet"):
        record(report, report.segments[0])


def test_simulated_is_in_the_name_the_identifier_and_the_block(tmp_path: Path) -> None:
    """A real one carries none of it."""
    for simulated in (True, False):
        kept = KeptByHand(tmp_path / str(simulated), simulated)
        kept.golden()
        data = record(told(kept), told(kept).segments[0])
        marks = [
            data.PatientName == "SIMULATED",
            data.PatientID == "SIMULATED-12-34",
            "SIMULATED" in data.StudyDescription,
        ]
        marks += ["SIMULATED" in data.SeriesDescription, private(data, "simulated") == "YES"]
        assert set(marks) == {simulated}


@pytest.mark.parametrize("evil", ["A\\B", "A^B=C", "Jürgen Łukasz 李 Ω", "a\nb\tc", "x" * 64, "\u202eabc", "' OR 1=1"])
def test_words_come_back_as_one_value(kept: KeptByHand, evil: str) -> None:
    """Backslash and caret part nothing, every script comes back as written, nothing invisible stays."""
    kept.start(operator=evil, order=kept_order(evil))
    kept.end(155.36)
    report = told(kept)
    data = read(as_file(record(report, report.segments[0])))
    assert data.SpecificCharacterSet == "ISO_IR 192"
    name = data.OperatorsName
    assert str(name).count("^") == str(name).count("=") == str(name).count("\\") == 0
    assert isinstance(data.TreatmentSessionBeamSequence[0].BeamDescription, str)
    if evil.isprintable() and not set(evil) & set("\\^="):
        assert str(name) == evil


def kept_order(site: str) -> Any:
    return msgspec.structs.replace(ORDER, site=site)


def test_an_identifier_is_whole_or_refused() -> None:
    assert words.patient_id("1" * 64, False) == "1" * 64
    with pytest.raises(words.UnfitError, match="longer than the 64 bytes"):
        words.patient_id("1" * 64, True)
    assert words.text("x" * 80) == "x" * 61 + "..."
    assert len(words.text("李" * 80).encode()) <= 64


def test_uids_are_of_the_right_form_and_never_alike() -> None:
    """2.25 and a UUID in decimal, 64 characters at most (PS3.5 9); words that run together are told apart."""
    made = {
        uids.uid("a", "bc"),
        uids.uid("ab", "c"),
        uids.uid("a", "b", "c"),
        uids.record("m", "1"),
        uids.document("m", "1", "1"),
    }
    assert len(made) == 5
    assert all(one.startswith("2.25.") and len(one) <= 64 and not one[5:].startswith("0") for one in made)
    assert uids.study("m", "f") == uids.study("m", "f")


@pytest.mark.parametrize("value", [0.0, 1.0, -0.145, 8536.585365853658, 1 / 3, 1e-9, 1.23456789e12, -1.23456789012e-7])
def test_a_decimal_string_fits_and_keeps_its_value(value: float) -> None:
    said = decimal(value)
    assert len(said) <= 16
    assert float(said) == pytest.approx(value, rel=1e-8)
