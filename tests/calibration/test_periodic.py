"""Shows the table of monthly and annual tests against dosimetry 3.5, that a due date follows from signed results alone, and that an action level stays until
a better result is signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from calibration.periodic import DAYS, TABLE, Done, State, due, level, named, of_no_day, results, trend, wrong
from hal.errors import ConfigurationError
from records.sheets import Sheet, SheetKind, Signers, body

TODAY = date(2026, 11, 28)
KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
SIGNERS = Signers((KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),))
OUTPUT = Done("output", "2026-11-20", "T-1", 1.2, None, "")


def signed(done: Done, key: Ed25519PrivateKey = KEY, kind: SheetKind = SheetKind.PERIODIC) -> Sheet:
    plain = Sheet(kind, body(done), "P. One", "physicist", done.on, b"")
    return msgspec.structs.replace(plain, ed25519=key.sign(plain.message))


def test_the_table_has_the_tests_and_bounds_of_practice() -> None:
    """Written down a second time: id, how often, tolerance, action."""
    said = {one.id: (one.every, one.tolerance, one.action) for one in TABLE}
    assert len(said) == len(TABLE)
    assert said == {
        "safety": ("week", None, None), "output": ("month", 2.0, 3.0), "backup_timer": ("month", 1.0, 1.0), "seal": ("month", 0.1, 0.3),
        "review": ("month", None, None), "reference": ("year", 1.0, 2.0), "end_effect": ("year", 0.02, 0.1), "linearity": ("year", 1.0, 2.0),
        "reproducibility": ("year", 2.0, 3.0), "interrupt": ("year", 2.0, 4.0), "hvl": ("year", 10.0, 15.0), "focal_spot": ("year", 0.5, 1.0),
        "applicator_factors": ("year", 0.3, 1.0), "head_angle": ("year", 1.0, 2.0), "congruence": ("year", 0.5, 1.0),
        "profiles": ("year", None, None), "independent": ("year", None, None),
    }  # fmt: skip
    assert all(one.then and one.what and one.source and one.every in DAYS for one in TABLE)


@pytest.mark.parametrize(
    ("test", "value", "state"),
    [
        ("output", 2.0, State.WELL), ("output", -2.0, State.WELL), ("output", 2.01, State.TOLD), ("output", -3.0, State.TOLD),
        ("output", 3.01, State.ACT), ("backup_timer", 1.0, State.WELL), ("backup_timer", -1.01, State.ACT), ("hvl", 14.0, State.TOLD),
        ("hvl", float("nan"), State.ACT),
    ],
)  # fmt: skip
def test_a_result_is_well_told_or_asks_for_action(test: str, value: float, state: State) -> None:
    assert level(named(test), Done(test, "2026-11-20", "T-1", value, None, "")) is state


def test_a13_a_result_without_day_number_or_action_is_refused_in_words() -> None:
    assert wrong(OUTPUT, TODAY) == ""
    for changed, said in (
        ({"on": "28.11.2026"}, "is no day"), ({"on": "2026-11-29"}, "is after today, 2026-11-28"), ({"value": None}, "has a number in %"),
        ({"value": float("inf")}, "has a number in %"), ({"works": True}, "has a number in %"), ({"value": 4.0}, "asks for an action"),
        ({"test": "safety"}, "works or does not"), ({"test": "safety", "value": None}, "works or does not"),
    ):  # fmt: skip
        assert said in wrong(msgspec.structs.replace(OUTPUT, **changed), TODAY), changed
    assert wrong(msgspec.structs.replace(OUTPUT, value=4.0, acted="calibrated anew"), TODAY) == ""
    broken = Done("safety", "2026-11-27", "T-1", None, False, "")
    assert "does not work asks for an action" in wrong(broken, TODAY)
    with pytest.raises(ConfigurationError, match="luck: is no test"):
        wrong(msgspec.structs.replace(OUTPUT, test="luck"), TODAY)


def test_a13_what_is_due_follows_from_signed_results_of_this_tube_alone() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
    sheets = [
        signed(OUTPUT), signed(msgspec.structs.replace(OUTPUT, test="hvl"), stranger),
        signed(msgspec.structs.replace(OUTPUT, test="reference", tube_serial="T-0")),
        signed(msgspec.structs.replace(OUTPUT, test="linearity"), kind=SheetKind.BASELINE),
    ]  # fmt: skip
    found = results(sheets, SIGNERS, "T-1")
    assert found == (OUTPUT,)
    states = {one.test.id: one.state for one in due(found, TODAY)}
    assert states.pop("output") is State.WELL and set(states.values()) == {State.NEVER}


@pytest.mark.parametrize(
    ("today", "state"),
    [
        (date(2026, 12, 17), State.WELL), (date(2026, 12, 18), State.SOON), (date(2026, 12, 21), State.SOON), (date(2026, 12, 22), State.OVERDUE),
    ],
)  # fmt: skip
def test_a13_a_test_is_due_after_its_time_and_told_beforehand(today: date, state: State) -> None:
    found = next(one for one in due([OUTPUT], today) if one.test.id == "output")
    assert found.state is state and found.on == date(2026, 12, 21) and "1.2 % on 2026-11-20" in found.words


def test_a13_an_action_level_stays_until_a_better_result_is_signed_and_stands_first() -> None:
    bad = msgspec.structs.replace(OUTPUT, value=-4.1, acted="tube exchanged")
    first = due([OUTPUT, bad], date(2027, 6, 1))
    act = next(one for one in first if one.test.id == "output")
    assert act.state is State.ACT and "action from 3 %: call the physicist; above 5 % calibrate anew" in act.words
    better = msgspec.structs.replace(OUTPUT, on="2026-11-21")
    assert next(one for one in due([bad, better], TODAY) if one.test.id == "output").state is State.WELL
    everything = [replace(one) for one in due([bad], TODAY)]
    assert [one.state for one in everything][:2] == [State.NEVER, State.NEVER] and "do it first" in everything[0].words


@pytest.mark.parametrize("day", ["2026-02-30", "", "yesterday", "9999-12-31"])
def test_a13_a_signed_result_of_no_day_is_told_by_its_sheet_and_is_none_and_the_others_go_on(day: str) -> None:
    """It ended `kerma due` and the page Service with a traceback, and nobody saw what else was due."""
    undated = signed(msgspec.structs.replace(OUTPUT, on=day))
    undated = msgspec.structs.replace(undated, at="2026-11-21T08:00:00+00:00")
    undated = msgspec.structs.replace(undated, ed25519=KEY.sign(undated.message))
    spot = signed(msgspec.structs.replace(OUTPUT, test="focal_spot", value=0.1))
    every = [undated, spot]
    found = due(results(every, SIGNERS, "T-1"), TODAY, of_no_day(every, SIGNERS, "T-1"))
    states = {one.test.id: one for one in found}
    assert states["output"].state is State.NEVER and states["focal_spot"].state is State.WELL
    words = states["output"].words
    assert f"sheet {undated.sha256[:16]} of P. One" in words and f'on = "{day}", which is no day' in words
    assert words.endswith("with the day on which it was measured first") and states["focal_spot"].beside == ""
    assert of_no_day(every, SIGNERS, "T-2") == {} and trend(named("output"), results(every, SIGNERS, "T-1"))
    anew = msgspec.structs.replace(signed(OUTPUT), at="2026-11-21T09:00:00+00:00")
    anew = msgspec.structs.replace(anew, ed25519=KEY.sign(anew.message))
    assert of_no_day([*every, anew], SIGNERS, "T-1") == {}, "signed anew"
    before = msgspec.structs.replace(anew, at="2026-11-21T07:00:00+00:00")
    before = msgspec.structs.replace(before, ed25519=KEY.sign(before.message))
    found = due(results([*every, before], SIGNERS, "T-1"), TODAY, of_no_day([*every, before], SIGNERS, "T-1"))
    one = next(one for one in found if one.test.id == "output")
    assert one.state is State.WELL and one.last == OUTPUT and "counts as not done" in one.words


def test_a13_of_two_results_of_one_day_the_one_that_was_signed_last_counts() -> None:
    """Sheets come with the newest first; of one day it was the first that was signed, so that a result signed after the action was not seen."""
    bad = signed(msgspec.structs.replace(OUTPUT, value=-4.1, acted="tube exchanged"))
    better = msgspec.structs.replace(signed(OUTPUT), at="2026-11-20T18:00:00+00:00")
    better = msgspec.structs.replace(better, ed25519=KEY.sign(better.message))
    found = due(results([better, bad], SIGNERS, "T-1"), TODAY)
    assert next(one for one in found if one.test.id == "output").state is State.WELL


def test_the_trend_is_a_picture_with_its_lines() -> None:
    picture = trend(named("output"), [OUTPUT, msgspec.structs.replace(OUTPUT, on="2026-11-25", value=-2.5)])
    assert picture.startswith(b"\x89PNG") and len(picture) > 5000
