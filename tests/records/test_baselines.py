"""Shows that no baseline hides a machine that has moved (A1): not a later one, not one of another or a further detector, and none that was refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from day_bench import (
    DEVICE,
    OPERATOR,
    PHYSICIST,
    READING,
    SITE,
    by_detector,
    in_force,
    made,
    next_day,
    row,
    signed,
)
from records_bench import COMBINATION, OPENING

from console.day import state as daily_state
from console.day import work
from controller.entries import EntryType, Stray
from hal.errors import ConfigurationError
from hal.readings import Purpose
from records.baselines import baseline_of, of_baseline
from records.day import against
from records.day_forms import BaseLine, Baseline, DaySheet, Left, decoded
from records.sheets import SheetKind


def test_a1_a_new_baseline_does_not_hide_that_the_machine_has_moved(tmp_path: Path) -> None:
    """The output sags, and somebody signs a new baseline at 4 % less: the first one of this certificate stays in force."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    row = BaseLine(69.5, 1.6, "F1", "A20", 10.0, 0.96 * READING)
    rig.baseline(lines=(row,))
    book, sha = rig.recorder.book, OPENING.certificate_sha256.hex()  # type: ignore[union-attr]

    def now() -> str:
        found = baseline_of(book, SITE, sha, DEVICE)
        return found[0].sheet.sha256 if found is not None else ""

    assert now() == first.sha256
    near = rig.baseline(lines=(msgspec.structs.replace(row, reading=1.009 * READING),))
    assert now() == near.sha256
    rig.baseline(lines=(msgspec.structs.replace(row, reading=1.018 * READING),))
    assert now() == near.sha256, "step by step it does not creep away either"
    for changed in ({"tokens": ()}, {"tokens": (1,)}, {"tokens": (987_654,)}, {"lines": ()}):
        rig.baseline(**changed)
        assert now() == near.sha256, changed
    rig.baseline(OPERATOR, lines=(msgspec.structs.replace(row, reading=READING),))
    assert now() == near.sha256, "an operator makes no baseline"
    rig.close()


@pytest.mark.parametrize("device", ["QA-1  7001", "qa-1 7001.", " QA1 7001", "QA-2", "7001"])
def test_a1_another_detectors_name_hides_no_machine_that_has_moved(tmp_path: Path, device: str) -> None:
    """The check by the first detector fails at -6 %; a baseline of now under another name would be 100 %, and open the day with no new certificate."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    assert "above 5 %: calibrate, and sign a new certificate first" in by_detector(rig, DEVICE, first, 0.94)
    second = rig.baseline(device=device, **row(0.94))
    book, sha = rig.recorder.book, OPENING.certificate_sha256.hex()  # type: ignore[union-attr]
    found = baseline_of(book, SITE, sha, device)
    assert found is None or found[0].sheet.sha256 == first.sha256
    assert "not against the baseline in force" in by_detector(rig, device, second, 0.94)
    rig.close()


def test_a1_a_further_detector_has_its_baseline_from_a_day_that_the_first_one_checked(tmp_path: Path) -> None:
    """Checked by QA-1, QA-2 gets its baseline, and either of them checks from then on; what voids that day's check later takes the baseline not away."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    assert by_detector(rig, DEVICE, first) == ""
    second = rig.baseline(device="QA-2", **row())
    assert "a daily check was begun after the last one was signed" in rig.refused(), (
        "its exposures are of after the check"
    )
    assert by_detector(rig, DEVICE, first) == ""
    assert by_detector(rig, "QA-2", second) == ""
    rig.host.put(EntryType.STRAY, Stray("uncommanded", 0, 0, 1.0, 5, 5, 0.0, 90.0, "", "", rig.clock.wall))
    next_day(rig)
    assert by_detector(rig, "qa 2", second) == ""
    near = rig.baseline(device="QA 2", **row(1.009))
    assert by_detector(rig, "QA-2", near) == "", "the same detector's next one needs no check before it"
    rig.close()


def test_a1_further_detectors_add_not_up_what_each_may_be_off(tmp_path: Path) -> None:
    """The output creeps by 0.9 % from one detector to the next, each of which shows its own first baseline: 1 % holds from the first one on, whatever lies
    between. QA-2 may have its baseline, and no second one that is further off; QA-3 none by it, nor by the first one, and once the output is back it has
    one by either. The same by a recorder that reads the journal anew."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    assert by_detector(rig, DEVICE, first, 1.009) == ""
    second = rig.baseline(device="QA-2", **row(1.009))
    assert in_force(rig, "QA-2")
    assert by_detector(rig, "QA-2", second, 1.018) == "", "it shows 0.9 %, and that lets the day be treated"
    sheet = rig.baseline(device="QA-3", **row(1.018))
    assert not in_force(rig, "QA-3")
    words = of_baseline(rig.recorder.book, SITE, sheet)  # type: ignore[union-attr]
    assert "no daily check by QA-1 7001 or QA-2 within 1 % of what the first detector was begun with" in words
    assert "was in force as its baseline was begun (the last one read +1.80 % off that): make the daily check" in words
    near = rig.baseline(device="QA-2", **row(1.018))
    words = of_baseline(rig.recorder.book, SITE, near)  # type: ignore[union-attr]
    assert "has 12.6125, begun with the output +0.90 % off, more than 1 % apart: calibrate" in words
    assert by_detector(rig, DEVICE, first, 1.018) == ""
    rig.baseline(device="QA-3", **row(1.018))
    assert not in_force(rig, "QA-3"), "the first one shows it, too"
    assert by_detector(rig, "QA-2", second, 1.0) == ""
    third = rig.baseline(device="QA-3", **row(1.0))
    assert by_detector(rig, "QA-3", third, 1.0) == ""
    rig.drop_recorder()
    rig.new_recorder()
    rig.run(0.04)
    assert [in_force(rig, f"QA-{n}") for n in (1, 2, 3)] == [False, True, True] and in_force(rig, DEVICE)
    rig.close()


def test_a1_the_patients_bounds_are_of_the_whole_and_not_of_each_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """QA-2 was begun 0.9 % off, and QA-1 has a second baseline 0.99 % off: 2.9 % of their own are 3.8 % and 3.9 % of what QA-1 was begun with, at which nobody
    is treated, and 4.5 % are above 5 %. What is within 3 % of the whole passes, and a reading of a sheet
    of before is judged alike."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    assert by_detector(rig, DEVICE, first, 1.009) == ""
    second = rig.baseline(device="QA-2", **row(1.009))
    assert by_detector(rig, "QA-2", second, 1.009 * 1.019) == ""
    said = by_detector(rig, "QA-2", second, 1.009 * 1.029)
    assert "+3.83 % off what the first detector was begun with, above 3 %: call the physicist first" in said
    next_day(rig)
    near = rig.baseline(**row(1.0099))
    assert by_detector(rig, DEVICE, near, 1.0099 * 1.019) == ""
    monkeypatch.setattr(daily_state, "signers_of", lambda _rig: SITE.signers)
    here: Any = SimpleNamespace(name="demo", sha256=b"", records=rig.folder, time_zone="UTC")
    certificate: Any = SimpleNamespace(
        id="C-1", sha256=OPENING.certificate_sha256, combinations=(COMBINATION,), tube_serial="T", machine_serial="M"
    )
    now: Any = SimpleNamespace(wall=lambda: rig.clock.wall)
    for device, reading, off in (
        (DEVICE, READING, {}),
        ("QA-2", 1.009 * READING, {(69.5, "F1"): pytest.approx((1.009, 1.009))}),
    ):
        site = work.site_of(here, certificate, device, "A. Person", now)
        assert site.first is not None and site.first.lines[0].reading == pytest.approx(reading) and site.off == off
    assert "+3.92 % off what the first detector was begun with, above 3 %" in by_detector(
        rig, DEVICE, near, 1.0099 * 1.029
    )
    next_day(rig)
    assert "+5.53 % off what the first detector was begun with, above 5 %: calibrate" in by_detector(
        rig, DEVICE, near, 1.0099 * 1.045
    )
    said = by_detector(rig, DEVICE, near, 1.0)
    assert "5.53 % off what the first detector was begun with, above 5 %: calibrate" in said, (
        "as the sheets after it say"
    )
    rig.close()


def _numbers(content: Any) -> Iterator[tuple[str, Any]]:
    """Each number of a sheet's content in turn as no honest sheet has it; what is in a line in its first line."""
    for name in content.__struct_fields__:
        value = getattr(content, name)
        if isinstance(value, float):
            for number in (1e300, -1e300, 1e61, -1e61, 1e70, -1e13, 1e13, 2.6e11, 44_400.0, 0.0, -1.0, 5e-324):
                yield f"{name} {number:g}", msgspec.structs.replace(content, **{name: number})
        elif isinstance(value, msgspec.Struct) or (isinstance(value, tuple) and isinstance(value[:1], tuple) and value):
            first = value[0] if isinstance(value, tuple) else value
            for what, changed in _numbers(first) if isinstance(first, msgspec.Struct) else ():
                put = (changed, *value[1:]) if isinstance(value, tuple) else changed
                yield f"{name} {what}", msgspec.structs.replace(content, **{name: put})


def test_a_number_of_no_day_or_place_in_a_sheet_is_refused_in_words_and_ends_no_recorder(tmp_path: Path) -> None:
    """A sheet is kept whatever it says, signed as it must be; with a further detector's baseline behind it every question asks for the days and the air that
    it names. Each number of both kinds of sheet in turn; and at the bench the one that ended the recorder, at every start anew."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    assert by_detector(rig, DEVICE, first) == ""
    book = rig.recorder.book  # type: ignore[union-attr]
    check, founded = book.sheets[SheetKind.DAILY][-1], book.sheets[SheetKind.BASELINE]
    content, base = decoded(check.sheet.body, DaySheet), decoded(first.body, Baseline)
    assert content is not None and base is not None
    content = msgspec.structs.replace(content, left=(Left(min(book.exposures), "jig", READING, True, DEVICE),))
    now = (book, OPENING, SITE, rig.clock.now, rig.clock.wall)
    wanted = msgspec.structs.replace(base, device="QA-2", tokens=(rig.expose(Purpose.DAILY),))
    further, asked = signed(SheetKind.BASELINE, wanted, PHYSICIST, "physicist"), 0
    for name, changed in _numbers(content):
        sheet = signed(SheetKind.DAILY, changed, OPERATOR, "operator")
        book.sheets[SheetKind.DAILY] = [msgspec.structs.replace(check, sheet=sheet)]
        assert next(against(*now), "") and isinstance(of_baseline(book, SITE, further), str), name
        asked += 1
    book.sheets[SheetKind.DAILY] = [check]
    for name, changed in _numbers(base):
        sheet = signed(SheetKind.BASELINE, changed, PHYSICIST, "physicist")
        book.sheets[SheetKind.BASELINE] = [msgspec.structs.replace(founded[-1], sheet=sheet)]
        assert next(against(*now), "") and isinstance(of_baseline(book, SITE, further), str), name
        asked += 1
    assert asked > 150
    book.sheets[SheetKind.BASELINE] = founded
    for begun in (1e300, -1e13):
        rig.lay_down(
            signed(SheetKind.DAILY, msgspec.structs.replace(content, begun_wall_s=begun), OPERATOR, "operator")
        )
        assert "says that it was begun on another day" in rig.refused()
        rig.baseline(device="QA-2", **row())
        assert "says that it was begun on another day" in rig.refused()
        rig.drop_recorder()
        rig.new_recorder()
        rig.run(0.04)
        assert "says that it was begun on another day" in rig.refused() and not in_force(rig, "QA-2")
    rig.close()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"altitude_m": 44_400.0}, "44400 m above the sea is not within -500 to 6000"),
        ({"altitude_m": -1e61}, "m above the sea is not within -500 to 6000"),
        (row(0.0), "69.5 kV 1.6 mA F1 A20: the baseline reads 0, which is nothing to hold a reading against"),
        (row(-1.0), "reads -12.5, which is nothing"),
    ],
)
def test_a12_a_baseline_of_no_place_or_of_no_reading_is_none(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    """And the next one, as it should be, is the first one: nobody is locked out by what was never in force."""
    rig = made(tmp_path)
    rig.opened()
    assert words in of_baseline(rig.recorder.book, SITE, rig.baseline(**changed))  # type: ignore[union-attr]
    assert not in_force(rig, DEVICE)
    rig.baseline(altitude_m=-400.0)
    assert in_force(rig, DEVICE)
    rig.close()


def test_a1_two_seatings_of_a_check_let_no_output_creep_between_detectors(tmp_path: Path) -> None:
    """Each check's first seating shows 0.9 % more than its second: the second says where the output is, and both have to be within 1 % of the first of all."""
    rig = made(tmp_path)
    rig.opened()
    first, found = rig.baseline(), []
    for number, part in ((2, 0.991), (3, 0.982)):
        content = rig.measured(first, device=DEVICE if number == 2 else "QA-2")
        line = msgspec.structs.replace(content.lines[0], reading=part * 1.009 * READING)
        anew = msgspec.structs.replace(content.seated_anew, reading=part * READING)
        rig.lay_down(
            signed(SheetKind.DAILY, msgspec.structs.replace(content, lines=(line,), seated_anew=anew), OPERATOR, "operator")
        )  # fmt: skip
        assert rig.refused() == ""
        first = rig.baseline(device=f"QA-{number}", **row(part))
        found.append(in_force(rig, f"QA-{number}"))
    assert found == [True, False]
    rig.close()


@pytest.mark.parametrize(
    "why",
    [
        "no check",
        "yesterday's",
        "failed",
        "2 % off",
        "begun anew",
        "voided",
        "exchanged",
        "an operator's",
        "not all combinations",
    ],
)
def test_a1_a_further_detector_has_no_baseline_where_no_check_is_in_force(tmp_path: Path, why: str) -> None:
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    if why != "no check":
        part = {"failed": 0.94, "2 % off": 0.98}.get(why, 1.0)
        assert (by_detector(rig, DEVICE, first, part) == "") is (why != "failed")
    if why == "yesterday's":
        next_day(rig)
    elif why == "begun anew":
        rig.expose(Purpose.DAILY)
    elif why == "voided":
        rig.host.put(EntryType.STRAY, Stray("uncommanded", 0, 0, 1.0, 5, 5, 0.0, 90.0, "", "", rig.clock.wall))
        rig.run(0.04)
    elif why == "exchanged":
        for file in (b"d" * 32, OPENING.configuration_sha256):
            rig.host.put(EntryType.OPENING, msgspec.structs.replace(rig.host.opening, configuration_sha256=file))
        rig.run(0.04)
    changed = row()
    if why == "not all combinations":
        other = BaseLine(50.0, 1.6, "F9", "A20", 10.0, READING)
        changed = {"lines": (*changed["lines"], other), "tokens": tuple(rig.expose(Purpose.DAILY) for _ in range(2))}
    second = rig.baseline(OPERATOR if why == "an operator's" else PHYSICIST, device="QA-2", **changed)
    found = baseline_of(rig.recorder.book, SITE, OPENING.certificate_sha256.hex(), "QA-2")  # type: ignore[union-attr]
    assert found is None
    assert "not against the baseline in force for QA-2" in by_detector(rig, "QA-2", second)
    rig.close()


@pytest.mark.parametrize("why", ["voided", "exchanged", "not told of"])
def test_a1_a_further_detectors_baseline_that_was_refused_comes_not_into_force_with_what_happens_later(
    tmp_path: Path, why: str
) -> None:
    """The event between check and baseline counts for ever, whatever came after it: also by a recorder that reads the journal anew."""
    rig = made(tmp_path)
    rig.opened()
    first = rig.baseline()
    if why == "not told of":
        rig.expose(Purpose.DAILY)
    assert (by_detector(rig, DEVICE, first) == "") is (why != "not told of")

    def happens() -> None:
        if why != "exchanged":
            rig.host.put(EntryType.STRAY, Stray("uncommanded", 0, 0, 1.0, 5, 5, 0.0, 90.0, "", "", rig.clock.wall))
        else:
            for file in (b"d" * 32, OPENING.configuration_sha256):
                rig.host.put(EntryType.OPENING, msgspec.structs.replace(rig.host.opening, configuration_sha256=file))
        rig.run(0.04)

    if why != "not told of":
        happens()
    rig.baseline(device="QA-2", **row(1.0))
    for again in (False, True):
        if again:
            happens()
            happens()
        for anew in (False, True):
            if anew:
                rig.drop_recorder()
                rig.new_recorder()
                rig.run(0.04)
            found = baseline_of(rig.recorder.book, SITE, OPENING.certificate_sha256.hex(), "QA-2")  # type: ignore[union-attr]
            assert found is None, (again, anew)
    rig.close()


def test_a1_what_stands_against_a_further_detectors_baseline_is_said_as_it_is_laid_down(tmp_path: Path) -> None:
    rig = made(tmp_path)
    rig.opened()
    rig.baseline()
    sheet = rig.baseline(device="QA-2", **row(0.94))
    words = of_baseline(rig.recorder.book, SITE, sheet)  # type: ignore[union-attr]
    assert (
        words.startswith("QA-2 is a further detector beside QA-1 7001")
        and "make the daily check with QA-1 7001 first" in words
    )
    rig.close()


def test_a1_a_further_detectors_baseline_is_refused_before_anything_is_exposed_for_it(
    checked: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the console, from the journal: today, checked, it may be begun, tomorrow not; and a check finds the detector's baseline however its name is typed."""
    monkeypatch.setattr(daily_state, "signers_of", lambda _rig: SITE.signers)
    monkeypatch.setattr(work, "bound_of", lambda *_: checked.sheet.bound)
    rig: Any = SimpleNamespace(records=checked.rig.folder, time_zone="UTC")
    certificate: Any = SimpleNamespace(id="C-1", sha256=OPENING.certificate_sha256, combinations=())
    now: Any = SimpleNamespace(wall=lambda: checked.wall)
    tomorrow: Any = SimpleNamespace(wall=lambda: checked.wall + 86400.0)
    plain = Baseline(
        certificate.sha256.hex(),
        OPENING.tube_serial,
        OPENING.machine_serial,
        DEVICE,
        "nC",
        True,
        0.0,
        row()["lines"],
        (),
    )
    other = msgspec.structs.replace(plain, device="QA-2")
    assert (
        work.no_baseline_yet(rig, certificate, other, now)
        == work.no_baseline_yet(rig, certificate, plain, tomorrow)
        == ""
    )
    assert work.no_baseline_yet(rig, certificate, other, tomorrow).startswith(
        "QA-2 is a further detector beside QA-1 7001"
    )
    for typed in ("", DEVICE, "qa-1  7001"):
        site = work.site_of(rig, certificate, typed, "A. Person", now)
        assert (site.baseline.device, site.baseline_sha256) == (DEVICE, checked.sheet.baseline_sha256)
        assert site.first == site.baseline and site.off == {}, "what the records hold readings against, too"
    with pytest.raises(ConfigurationError, match="C-1 has no baseline in force for QA-2"):
        work.site_of(rig, certificate, "QA-2", "A. Person", now)
