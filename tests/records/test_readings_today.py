"""Shows that what was read once on a day is not gone because it was read again (A1): a reading that is off asks for the physicist, or for a new certificate,
whatever is measured after it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from day_bench import DEVICE, OPERATOR, PHYSICIST, READING, DayRig, made, signed

from controller.entries import Outcome
from hal.readings import Purpose
from records import baselines, day, day_forms, day_readings
from records.book import Kept
from records.day_forms import DaySheet, Left, decoded
from records.sheets import Sheet, SheetKind, Signers, body, wrong_signature


def _check(rig: DayRig, content: DaySheet, *, physicist: bool = False) -> str:
    """Signed and laid down; gives what the records say to a treatment then."""
    key, role = (PHYSICIST, "physicist") if physicist else (OPERATOR, "operator")
    rig.lay_down(signed(SheetKind.DAILY, content, key, role))
    return rig.refused()


@pytest.mark.parametrize(
    ("part", "kept", "device", "operator", "physicist"),
    [
        (0.98, True, DEVICE, "", ""),
        (1.029, False, "qa-1  7001", "", ""),
        (0.96, True, DEVICE, "4.00 % off its baseline, above 3 %: have the physicist make the daily check", ""),
        (1.04, False, DEVICE, "4.00 % off its baseline, above 3 %: have the physicist make the daily check", ""),
        (0.92, False, DEVICE, "8.00 % off its baseline, above 3 %: have the physicist make the daily check", ""),
        (0.92, True, DEVICE, "8.00 % off its baseline, above 5 %: calibrate, and sign a", "8.00 % off its baseline, above 5 %: calibrate"),
        (1.0, False, "QA-9", "by QA-9, that has no baseline in force for it: have the physicist make the daily check", ""),
        (1.0, True, "QA-9", "by QA-9, that has no baseline in force for it: have the physicist make the daily check", ""),
    ],
)  # fmt: skip
def test_a1_a_reading_that_was_off_today_is_not_measured_away(
    tmp_path: Path, part: float, kept: bool, device: str, operator: str, physicist: str
) -> None:
    """The check failed and was begun again, with "jig" for what was left of it, and reads well now: an operator's signature does not open the day."""
    rig = made(tmp_path)
    rig.opened()
    base = rig.baseline()
    token = rig.expose(Purpose.DAILY)
    content = rig.measured(base, left=(Left(token, "jig", part * READING, kept, device),))
    for who, words in ((False, operator), (True, physicist)):
        said = _check(rig, content, physicist=who)
        assert (said == "") is (words == "") and words in said, said
    rig.close()


AIR = (101.325, 20.0)


@pytest.mark.parametrize(
    ("air", "how", "operator", "physicist"),
    [
        (AIR, "noted", "5.50 % off its baseline, above 5 %: calibrate, and sign a new", "5.50 % off its baseline, above 5 %: calibrate"),
        (AIR, "signed", "5.50 % off its baseline, above 5 %: calibrate, and sign a new", "5.50 % off its baseline, above 5 %: calibrate"),
        (AIR, "rejected", "5.50 % off its baseline, above 3 %: have the physicist make the daily check", ""),
        ((105.5, 20.0), "noted", "", ""),
        ((None, None), "noted", "", ""),
        ((0.0, 20.0), "noted", "in an air that is not of this place (0 kPa is not within 5 of the 101.3", ""),
        ((101.325, -273.15), "rejected", "in an air that is not of this place (-273.15 C is not within 10 to 40", ""),
    ],
)  # fmt: skip
def test_a1_a12_the_air_of_the_next_check_makes_no_reading_of_before_better(
    tmp_path: Path, air: tuple[float | None, float | None], how: str, operator: str, physicist: str
) -> None:
    """5.5 % high at 101.3 kPa and the check has failed; the next one says 105.5 kPa, within 5 kPa of what the place has, and the same readings are 1.3 % high
    with it. What was read before was read in its own air; where an older program has noted none, in that of the check; in an impossible one by nothing."""
    rig = made(tmp_path)
    rig.opened()
    base, left = rig.baseline(), tuple[Left, ...]()

    def high(content: DaySheet) -> DaySheet:
        read = [msgspec.structs.replace(one, reading=1.055 * READING) for one in (*content.lines, content.seated_anew)]
        return msgspec.structs.replace(content, lines=(read[0],), seated_anew=read[1])

    if how == "signed":
        assert "+5.50 %" in _check(rig, high(rig.measured(base)))
    else:
        left = (Left(rig.expose(Purpose.DAILY), "jig", 1.055 * READING, how == "noted", DEVICE, *air),)
    for who, words in ((False, operator), (True, physicist)):
        said = _check(rig, high(rig.measured(base, left=left, p_kpa=105.5)), physicist=who)
        assert (said == "") is (words == "") and words in said, said
    rig.close()


def test_a1_a_reading_that_was_off_stays_so_in_every_later_check_of_the_day_and_under_the_next_days_no_more(
    tmp_path: Path,
) -> None:
    """A second sheet that does not tell of it again is no way out: the first one has."""
    rig = made(tmp_path)
    rig.opened()
    base = rig.baseline()
    token = rig.expose(Purpose.DAILY)
    assert "above 3 %" in _check(rig, rig.measured(base, left=(Left(token, "jig", 0.96 * READING, True, DEVICE),)))
    assert "above 3 %" in _check(rig, rig.measured(base))
    assert _check(rig, rig.measured(base), physicist=True) == ""
    rig.clock.go(24 * 3600.0)
    for _ in range(3):
        rig.expose(Purpose.WARMUP, 110.0)
    assert _check(rig, rig.measured(base)) == ""
    rig.close()


def test_a1_a_failed_check_that_was_signed_all_the_same_is_one_of_the_readings_of_its_day(tmp_path: Path) -> None:
    rig = made(tmp_path)
    rig.opened()
    base = rig.baseline()
    content = rig.measured(base)
    low = [msgspec.structs.replace(one, reading=0.94 * READING) for one in (*content.lines, content.seated_anew)]
    assert "above 5 %" in _check(rig, msgspec.structs.replace(content, lines=(low[0],), seated_anew=low[1]))
    said = _check(rig, rig.measured(base), physicist=True)
    assert f"exposure {low[0].token} of this day read {0.94 * READING:g}" in said and "above 5 %: calibrate" in said
    rig.close()


@pytest.mark.parametrize("as_line", [True, False])
def test_a1_a_reading_that_was_off_is_what_the_first_sheet_told_of_it(tmp_path: Path, *, as_line: bool) -> None:
    """-6 % signed, as a line or as one that was left; the next sheet tells of the same exposure with a reading that fits, and clears nothing."""
    rig = made(tmp_path)
    rig.opened()
    base = rig.baseline()
    content = rig.measured(base)
    token = content.lines[0].token
    if as_line:
        low = msgspec.structs.replace(content.lines[0], reading=0.94 * READING)
        content = msgspec.structs.replace(content, lines=(low,))
    else:
        token = rig.expose(Purpose.DAILY)
        content = msgspec.structs.replace(content, left=(Left(token, "jig", 0.94 * READING, True, DEVICE),))
    assert "above 5 %" in _check(rig, content)
    for physicist in (False, True):
        again = rig.measured(base, left=(Left(token, "jig", READING, device=DEVICE),))
        said = _check(rig, again, physicist=physicist)
        assert f"exposure {token} of this day read {0.94 * READING:g}" in said and "above 5 %: calibrate" in said
    rig.close()


def test_a1_a_sheet_that_says_another_day_is_one_of_those_that_were_laid_down_on_this_one(tmp_path: Path) -> None:
    """Whose readings count goes by the exposures and by where the sheet lies, not by the day that it names."""
    rig = made(tmp_path)
    rig.opened()
    base = rig.baseline()
    token = rig.expose(Purpose.DAILY)
    other = rig.measured(base, day="2020-01-01", left=(Left(token, "jig", 0.94 * READING, True, DEVICE),))
    assert "the daily check is of 2020-01-01" in _check(rig, other)
    assert "above 5 %: calibrate" in _check(rig, rig.measured(base), physicist=True)
    rig.close()


def test_a_question_looks_at_the_signatures_of_its_own_day_however_many_years_the_records_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question is answered within what ARMING waits; a thousand mornings more cost no signature more, with a further detector's baseline too."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    assert _check(rig, rig.measured(first)) == ""
    second = rig.baseline(device="QA-2")
    assert _check(rig, rig.measured(first)) == ""
    assert _check(rig, rig.measured(second, device="QA-2")) == ""
    book = rig.recorder.book  # type: ignore[union-attr]
    looked: list[Sheet] = []

    def counted(sheet: Sheet, signers: Signers) -> str:
        looked.append(sheet)
        return wrong_signature(sheet, signers)

    for room in (day, baselines, day_readings, day_forms):
        monkeypatch.setattr(room, "wrong_signature", counted)

    def asked() -> int:
        looked.clear()
        assert rig.refused() == ""
        return len(looked)

    few = asked()
    daily = book.sheets[SheetKind.DAILY]
    old = [
        Kept(0, 86400.0 * number, 86400.0 * number, msgspec.structs.replace(daily[0].sheet, at=f"{number}"))
        for number in range(1000)
    ]
    book.sheets[SheetKind.DAILY] = [*old, *daily]
    assert 0 < few == asked() < 60
    rig.close()


@pytest.mark.parametrize(
    ("left", "operator"),
    [
        (("whole",), ""),
        (("whole", "whole"), "ran to their end, and no sheet tells what the detector showed of them (at most 1 may be so): have the physicist"),
        (("whole", "read"), ""),
        (("whole", "interrupted", "interrupted"), ""),
        (("whole", "longer", "longer"), ""),
    ],
)  # fmt: skip
def test_a1_whoever_leaves_checks_before_a_reading_is_typed_calls_the_physicist(
    tmp_path: Path, left: tuple[str, ...], operator: str
) -> None:
    """Once it may have been a crash; what was broken off, or exposed for the interrupt, was never to be read. Told in two sheets it is counted once."""
    rig = made(tmp_path)
    rig.opened()
    base = rig.baseline()
    told = []
    for how in left:
        outcome = Outcome.INTERRUPTED if how == "interrupted" else Outcome.TERMINATED
        rig.started = {"set_time_s": 20.0} if how == "longer" else {}
        token = rig.expose(Purpose.DAILY, outcome=outcome)
        told.append(Left(token, "jig", READING, True, DEVICE) if how == "read" else Left(token, "jig"))
    rig.started = {}
    for who, words in ((False, operator), (False, operator), (True, "")):
        said = _check(rig, rig.measured(base, left=tuple(told)), physicist=who)
        assert (said == "") is (words == "") and words in said, said
    rig.close()


def test_a_sheet_of_before_has_no_readings_beside_what_was_left_and_is_read_and_written_as_it_was() -> None:
    """Its bytes are under a signature: what is not said is not written."""
    old = b'{"token":7,"why":"jig"}'
    left = decoded(old, Left)
    assert left == Left(7, "jig") and body(Left(7, "jig")) == old


@pytest.mark.parametrize("how", ["a check signed twice", "a reading rejected"])
def test_a1_a_further_detector_is_given_its_baseline_on_a_day_with_readings_that_serve_no_line(
    tmp_path: Path, how: str
) -> None:
    """Which baselines are in force is asked of that day's check, and its readings ask for baselines: the records answer all the same, then and ever after,
    and both detectors open the day after it."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    if how == "a check signed twice":
        assert _check(rig, rig.measured(first)) == ""
        assert _check(rig, rig.measured(first)) == ""
    else:
        token = rig.expose(Purpose.DAILY)
        assert _check(rig, rig.measured(first, left=(Left(token, "jig", READING, device=DEVICE),))) == ""
    second = rig.baseline(device="QA-2")
    assert "a daily check was begun after the last one was signed" in rig.refused()
    rig.clock.go(24 * 3600.0)
    for _ in range(3):
        rig.expose(Purpose.WARMUP, 110.0)
    assert _check(rig, rig.measured(first)) == ""
    assert _check(rig, rig.measured(second, device="QA-2")) == ""
    rig.drop_recorder()
    rig.new_recorder()
    rig.run(0.04)
    assert rig.refused() == ""
    rig.close()
