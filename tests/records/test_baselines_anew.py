"""Shows that a certificate signed anew hides no machine that has moved (A1): its baseline is held against those of the certificates before it unless the
output was measured anew."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from day_bench import (
    DEVICE,
    READING,
    SITE,
    DayRig,
    by_detector,
    made,
    next_day,
    row,
)
from records_bench import COMBINATION, OPENING

from console.day import state as daily_state
from console.day import work
from hal.readings import Purpose
from records.baselines import baseline_of, baselines_of, of_baseline
from records.day_forms import BaseLine, Baseline


def _under(rig: DayRig, certificate: bytes, part_r0: float, part: float, *, of: Any = None, **changed: Any) -> str:
    """A baseline under another certificate, whose R0 is this part of the bench's and whose combination is otherwise `of`; gives what stood against it as it
    was laid down, "" where it is in force."""
    combination = msgspec.structs.replace(COMBINATION, r0_mgy_per_s=part_r0 * COMBINATION.r0_mgy_per_s, **(of or {}))
    rig.started = {"certificate_sha256": certificate, "combination": combination}
    sheet = rig.baseline(certificate_sha256=certificate.hex(), **(row(part) | changed))
    book = rig.recorder.book  # type: ignore[union-attr]
    found = baseline_of(book, SITE, certificate.hex(), changed.get("device", DEVICE))
    said = of_baseline(book, SITE, sheet)
    assert (found is not None and found[0].sheet.sha256 == sheet.sha256) is (said == ""), said
    return said


def test_a1_what_a_detector_was_begun_with_holds_under_the_next_certificate_too(tmp_path: Path) -> None:
    """QA-2 was begun 0.9 % off. A certificate that is signed anew without a measurement takes its 0.9 % more not; one within 1 % of the whole it takes, and
    a detector that is begun from there has the same 1 %. What is measured anew begins anew."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    assert by_detector(rig, DEVICE, first, 1.009) == ""
    rig.baseline(device="QA-2", **row(1.009))
    said = _under(rig, b"n" * 32, 1.0, 1.018, device="QA-2")
    assert "has 12.6125, begun with the output +0.90 % off, more than 1 % apart: calibrate" in said
    assert _under(rig, b"m" * 32, 1.0, 1.005, device="QA-2") == ""
    book, lines = rig.recorder.book, row(1.005)["lines"]  # type: ignore[union-attr]
    held = baselines_of(book, SITE, (b"m" * 32).hex())["qa2"]
    assert held.off == {(69.5, "F1"): (pytest.approx(1.005), pytest.approx(1.005))} and held.first.lines == lines
    assert baselines_of(book, SITE, OPENING.certificate_sha256.hex())["qa17001"].off == {}
    assert "has 12.5625, begun with the output +0.50 % off, more than 1 % apart" in _under(
        rig, b"m" * 32, 1.0, 1.0125, device="QA-2"
    )
    assert _under(rig, b"k" * 31 + b"l", 1.05, 1.05, device="QA-2") == ""
    assert baselines_of(book, SITE, (b"k" * 31 + b"l").hex())["qa2"].off == {}
    rig.close()


@pytest.mark.parametrize(
    ("part_r0", "part", "changed", "words"),
    [
        (1.0, 0.935, {}, "earlier certificate (the output was read before it, or over 7 days ago) has 12.5, more than 1 % apart"),
        (1.0, 0.995, {"device": "qa1 7001"}, ""),
        (1.0, 1.0, {"device": "QA-2"}, "which is by QA-1 7001: make this one with QA-1 7001, or measure the output anew"),
        (1.0 + 1e-7, 0.935, {"device": "QA-2"}, "which is by QA-1 7001: make this one"),
        (1.009, 0.935, {}, "has 12.5, more than 1 % apart: calibrate"),
        (0.935, 0.935, {}, ""),
        (0.935, 0.935, {"device": "QA-2"}, ""),
        (1.0, 0.935, {"tube_serial": "T-2"}, ""),
        (1.0, 0.935, {"machine_serial": "M-2"}, "more than 1 % apart: calibrate"),
        (1.0, 0.995, {"machine_serial": "M-2"}, ""),
        (1.0, 1.0, {"machine_serial": "M-2", "device": "QA-2"}, "make this one with QA-1 7001, or measure the output anew"),
        (0.935, 0.935, {"machine_serial": "M-2", "device": "QA-2"}, ""),
    ],
)  # fmt: skip
def test_a1_a_certificate_signed_anew_without_a_measurement_hides_no_machine_that_has_moved(
    tmp_path: Path, part_r0: float, part: float, changed: dict[str, Any], words: str
) -> None:
    """Drafted from the old sessions, its R0 is the old one: the detector shows what it showed, or the output is measured. Measured anew it begins with any
    detector, and so does another tube; another safety unit, whose serial is the machine's, frees nothing that was not measured. The same by a recorder that
    reads the journal anew."""
    rig = made(tmp_path)
    rig.opened()
    rig.baseline()
    said = _under(rig, b"n" * 32, part_r0, part, **changed)
    assert (said == "") is (words == "") and words in said, said
    rig.drop_recorder()
    rig.new_recorder()
    found = baseline_of(rig.recorder.book, SITE, (b"n" * 32).hex(), changed.get("device", DEVICE))  # type: ignore[union-attr]
    assert (found is None) is (words != "")
    rig.close()


A30 = BaseLine(69.5, 1.6, "F1", "A30", 10.0, 0.935 * READING)


@pytest.mark.parametrize(
    ("part_r0", "of", "changed", "words"),
    [
        (1.0 + 1e-7, {}, {}, "more than 1 % apart: calibrate"),
        (1.03, {}, {}, "more than 1 % apart: calibrate"),
        (1.0 + 1e-7, {}, {"device": "QA-2"}, "which is by QA-1 7001: make this one with QA-1 7001, or measure the output anew"),
        (1.03, {}, {"device": "QA-2"}, "which is by QA-1 7001: make this one with QA-1 7001"),
        (1.0, {"applicator_id": "A30"}, {"lines": (A30,)}, "which is of 69.5 kV 1.6 mA F1 A20: make this one of that, or measure"),
        (1.0, {"ma": 1.5}, {"lines": (msgspec.structs.replace(A30, ma=1.5, applicator="A20"),)}, "which is of 69.5 kV 1.6 mA F1 A20: make this"),
        (1.0, {}, {"lines": (msgspec.structs.replace(A30, applicator="A20", set_s=20.0),)}, "F1 A20, 10 s, of this kV and filter: make this one of that"),
    ],
)  # fmt: skip
def test_a1_an_output_that_was_read_before_the_baseline_of_before_is_held_against_it_whatever_its_r0(
    tmp_path: Path, part_r0: float, of: dict[str, Any], changed: dict[str, Any], words: str
) -> None:
    """The machine shows 0.935. The old readings under another end effect or chamber factor are the old readings, another detector and another applicator
    have not measured it, and what was read since the baseline of before begins anew, with the very same R0 too."""
    rig = made(tmp_path)
    rig.opened()
    rig.baseline()
    exposed_s = min(
        one.seen.wall_s for one in rig.recorder.book.exposures.values() if one.start.prescribed.purpose is Purpose.DAILY
    )  # type: ignore[union-attr]
    for number, (read_s, refused) in enumerate(((exposed_s - 0.001, True), (0.0, True), (exposed_s, False))):
        said = _under(rig, bytes([number]) * 32, part_r0, 0.935, of={"measured_wall_s": read_s} | of, **changed)
        assert (words in said and said != "") if refused else (said == ""), (read_s, said)
    rig.close()


@pytest.mark.parametrize("device", [DEVICE, "QA-2"])
def test_a1_readings_of_long_before_a_baseline_free_no_machine_that_moved_after_them(
    tmp_path: Path, device: str
) -> None:
    """A session of the day after the first baseline was drafted more than a week later only, when the machine shows 0.935: nothing has measured that. Within
    seven days of the readings a baseline begins free, and measuring the output again is the way out."""
    rig = made(tmp_path)
    rig.opened()
    rig.baseline()
    day = 86400.0
    next_day(rig)
    read_s = rig.clock.wall
    for _ in range(8):
        next_day(rig)
    words = (
        "more than 1 % apart: calibrate"
        if device == DEVICE
        else "which is by QA-1 7001: make this one with QA-1 7001, or measure the output anew"
    )
    for number, (at_s, refused) in enumerate(
        ((read_s, True), (rig.clock.wall - 7.01 * day, True), (rig.clock.wall - 6.99 * day, False))
    ):
        said = _under(rig, bytes([number]) * 32, 0.935, 0.935, of={"measured_wall_s": at_s}, device=device)
        assert (words in said and "over 7 days ago" in said) if refused else (said == ""), (at_s, said)
    rig.close()


@pytest.mark.parametrize(
    ("part_r0", "refused"), [(0.96, True), (1.04, True), (0.989, True), (0.992, False), (1.008, False)]
)
def test_a1_a_detector_that_shows_what_it_showed_of_another_output_is_no_witness_of_this_one(
    tmp_path: Path, part_r0: float, refused: bool
) -> None:
    """The output was read anew, 4 % down; no baseline was made of it, and over a week later the machine is back: it shows what it showed before those readings,
    and a patient would be treated at 4 % above what R0 says. Where R0 had not moved the old detector is one."""
    rig = made(tmp_path)
    rig.opened()
    rig.baseline()
    next_day(rig)
    of = {"measured_wall_s": rig.clock.wall}
    for _ in range(8):
        next_day(rig)
    said = _under(rig, b"b" * 32, part_r0, 1.0, of=of)
    assert ("no detector has shown this output within 7 days of its readings" in said) is refused, said
    assert (said == "") is not refused, said
    rig.close()


def _moved_and_measured_anew(rig: DayRig, device: str) -> dict[str, Any]:
    """A certificate with its baseline by QA-1, the output 4 % down and measured anew, a baseline on those readings by `device`, and over seven days since;
    gives when the readings were."""
    rig.opened()
    rig.baseline()
    next_day(rig)
    of = {"measured_wall_s": rig.clock.wall}
    rig.clock.go(60.0)
    assert _under(rig, b"b" * 32, 0.96, 0.96, of=of, device=device) == ""
    for _ in range(8):
        next_day(rig)
    return of


def test_a1_a_certificate_signed_anew_is_by_a_detector_that_has_shown_its_readings_and_by_none_of_before_them(
    tmp_path: Path,
) -> None:
    """The output was 4 % down as it was measured and QA-2 had its baseline, and is back over a week later. QA-2 refuses the certificate that is signed anew
    from those readings; QA-1, whose baseline is of before them, reads what it read then, and would let the day be treated at 4 % off."""
    rig = made(tmp_path)
    of = _moved_and_measured_anew(rig, "QA-2")
    assert "has 12, more than 1 % apart: calibrate" in _under(rig, b"c" * 32, 0.96, 1.0, of=of, device="QA-2")
    said = _under(rig, b"c" * 32, 0.96, 1.0, of=of)
    assert "which is by QA-2: make this one with QA-2, or measure the output anew" in said
    assert _under(rig, b"c" * 32, 0.96, 0.96, of=of, device="QA-2") == "", "a sound machine has its baseline by QA-2"
    rig.close()


def test_a1_a_certificate_signed_anew_late_is_not_held_against_what_was_there_before_its_readings(
    tmp_path: Path,
) -> None:
    """QA-1 has both baselines, the machine is sound, and reads as it did under the certificate of the same readings: the one of before says 4 % more, of an
    output that was another."""
    rig = made(tmp_path)
    of = _moved_and_measured_anew(rig, DEVICE)
    assert _under(rig, b"c" * 32, 0.96, 0.96, of=of) == ""
    assert "has 12, more than 1 % apart: calibrate" in _under(rig, b"d" * 32, 0.96, 1.0, of=of)
    rig.close()


@pytest.mark.parametrize("device", [DEVICE, "QA-2"])
@pytest.mark.parametrize("days", [1, 8])
def test_a1_readings_that_were_made_anew_since_begin_no_baseline_of_the_old_ones(
    tmp_path: Path, device: str, days: int
) -> None:
    """The output was read before it went 4 % down and once more after it; a certificate of the first readings would be held against what the detector showed
    of the second ones, and treat at 4 % off. From the newer ones it has its baseline."""
    rig = made(tmp_path)
    rig.opened()
    rig.baseline()
    next_day(rig)
    read_s = rig.clock.wall
    next_day(rig)
    of = {"measured_wall_s": rig.clock.wall}
    rig.clock.go(60.0)
    assert _under(rig, b"b" * 32, 0.96, 0.96, of=of, device=device) == ""
    for _ in range(days):
        next_day(rig)
    said = _under(rig, b"c" * 32, 1.0, 0.96, of={"measured_wall_s": read_s}, device=device)
    assert (
        f"the output was read anew since the readings that this certificate has, and the baseline by {device} stands on the newer ones"
        in said
    )
    assert _under(rig, b"d" * 32, 0.96, 0.96, of=of, device=device) == ""
    rig.close()


def test_a1_the_first_baseline_of_an_earlier_certificate_is_its_first_detectors(tmp_path: Path) -> None:
    """A further detector of the old certificate got its baseline after the new readings: those are of after the first one all the same."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    assert by_detector(rig, DEVICE, first) == ""
    read_s = rig.clock.wall
    rig.clock.go(1.0)
    rig.baseline(device="QA-2", **row())
    assert _under(rig, b"n" * 32, 1.0, 0.935, of={"measured_wall_s": read_s}, device="QA-3") == ""
    rig.close()


@pytest.mark.parametrize("changed", [{"applicator": "A30"}, {"ma": 1.5}, {"set_s": 20.0}])
def test_a1_a_second_baseline_of_the_same_certificate_is_of_what_the_first_one_is_of(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    """The machine has moved, and 0.93 of another applicator, current or set time would be held against nothing."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    second = rig.baseline(lines=(msgspec.structs.replace(A30, **({"applicator": "A20"} | changed)),))
    assert "make this one of that first" in of_baseline(rig.recorder.book, SITE, second)  # type: ignore[union-attr]
    found = baseline_of(rig.recorder.book, SITE, OPENING.certificate_sha256.hex(), DEVICE)  # type: ignore[union-attr]
    assert found is not None and found[0].sheet.sha256 == first.sha256
    rig.close()


def test_a1_a_new_baseline_is_of_the_combination_that_has_one_already(
    checked: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order the certificate names its applicators; where it has the old one no more, and for another filter or machine, its first."""
    monkeypatch.setattr(daily_state, "signers_of", lambda _rig: SITE.signers)
    rig: Any = SimpleNamespace(records=checked.rig.folder, time_zone="UTC")
    other = msgspec.structs.replace(COMBINATION, applicator_id="A30")
    of_f2 = msgspec.structs.replace(COMBINATION, filter_id="F2", applicator_id="A40")

    def begun(*combinations: Any, **changed: Any) -> list[tuple[str, str, float]]:
        certificate: Any = SimpleNamespace(combinations=combinations)
        wanted = Baseline("n" * 64, OPENING.tube_serial, OPENING.machine_serial, DEVICE, "nC", True, 0.0, (), ())
        found = work.baseline_begun(rig, msgspec.structs.replace(wanted, **changed), certificate)
        return [(one.filter, one.applicator, one.reading) for one in found.lines]

    assert begun(other, of_f2, COMBINATION) == [("F1", "A20", 0.0), ("F2", "A40", 0.0)]
    assert begun(other, of_f2) == [("F1", "A30", 0.0), ("F2", "A40", 0.0)]
    assert begun(other, COMBINATION, tube_serial="T-2") == [("F1", "A30", 0.0)]


def test_a_combination_says_when_its_output_was_read_and_one_of_an_older_program_is_written_as_it_was() -> None:
    old = msgspec.json.encode(COMBINATION)
    assert b"measured_wall_s" not in old and msgspec.json.decode(old, type=type(COMBINATION)) == COMBINATION
    dated = msgspec.structs.replace(COMBINATION, measured_wall_s=12.5)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(dated), type=type(COMBINATION)) == dated


def test_a1_a_baseline_creeps_away_by_no_row_of_unmeasured_certificates_and_a_refused_one_is_none_to_hold_against(
    tmp_path: Path,
) -> None:
    rig = made(tmp_path)
    rig.opened()
    rig.baseline()
    assert "has 12.5, more than 1 %" in _under(rig, b"a" * 32, 1.0, 0.94)
    assert _under(rig, b"b" * 32, 1.0, 1.009) == "", "the one at 0.94 was never in force"
    assert "has 12.5, more than 1 %" in _under(rig, b"c" * 32, 1.0, 1.018), "the first of all holds, too"
    assert _under(rig, b"a" * 32, 1.0, 1.0) == "", "and the detector seated anew it is one"
    assert _under(rig, b"d" * 32, 0.94, 0.94) == ""
    assert "has 12.5, more than 1 %" in _under(rig, b"e" * 32, 1.0, 0.94), "the old numbers brought back"
    assert "has 11.75, more than 1 %" in _under(rig, b"f" * 32, 0.94, 1.0)
    rig.close()


def test_a1_a_detector_that_an_unmeasured_certificate_cannot_begin_with_is_refused_before_anything_is_exposed(
    checked: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the console, from the certificate's own R0; the detector of before may, and any where the output was measured."""
    monkeypatch.setattr(daily_state, "signers_of", lambda _rig: SITE.signers)
    rig: Any = SimpleNamespace(records=checked.rig.folder, time_zone="UTC")
    now: Any = SimpleNamespace(wall=lambda: checked.wall)
    for r0_part, device, words in (
        (1.0, "QA-2", "make this one with QA-1 7001"),
        (1.0, DEVICE, ""),
        (0.94, "QA-2", ""),
    ):
        combination = msgspec.structs.replace(COMBINATION, r0_mgy_per_s=r0_part * COMBINATION.r0_mgy_per_s)
        certificate: Any = SimpleNamespace(id="C-2", sha256=b"n" * 32, combinations=(combination,))
        wanted = Baseline(
            certificate.sha256.hex(), OPENING.tube_serial, OPENING.machine_serial, device, "nC", True, 0.0, row(0.0)["lines"], ()
        )  # fmt: skip
        said = work.no_baseline_yet(rig, certificate, wanted, now)
        assert (said == "") is (words == "") and words in said, said
