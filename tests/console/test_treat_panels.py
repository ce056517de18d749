"""The treatment page's own scripts on a document made by hand (panels.mjs): no two patients and no two orders are shown alike, whoever takes control begins
with the patient, and what is asked for is the very order. What a browser draws of it is the browser suite's."""

from __future__ import annotations

from typing import Any

import pytest
from panels_by_hand import played


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page said and asked, step by step."""
    return played(tmp_path_factory.mktemp("page"), "panels.mjs")


def test_each_identifier_is_isolated_and_no_two_patients_are_one_button(told: dict[str, Any]) -> None:
    """Each name behind the identifiers stands by itself too."""
    assert told["patients"] == [["שלום", "7", "Meier, Anna", "Meier, Änne"], ["7", "שלום", "Meier, Anna"]]


def test_a17_a_name_stands_beside_both_identifiers_and_names_that_differ_say_so(told: dict[str, Any]) -> None:
    """Two patients of one name are two buttons; of one patient that is named differently for two courses both names are shown, and what to do;
    a name of a chart that has lost a later one says so."""
    first, second = told["named"]
    assert "Meier, Anna / Meier, Änne" in first and "find out which is right" in first and "born not stated" in first
    assert "Meier, Anna" in second and "find out which" not in second
    assert "find out before you believe a name. the audit says that mia" in second and "believe" not in first
    assert "Meier, Anna / Meier, Änne" in told["whose"]


def test_what_is_not_believed_is_not_not_stated(told: dict[str, Any]) -> None:
    """Of a chart whose chain is not whole an order's card says so, and not that nobody stated a name or an earlier radiotherapy."""
    ((name, words),) = told["unbelieved"]
    assert name == "Particulars of the patient" and "no name in it counts. line 3: was altered" in words


def test_two_courses_of_one_lesion_are_told_apart_and_the_chosen_one_is_loaded(told: dict[str, Any]) -> None:
    """The other patient's order is in neither list."""
    chosen = [words for words in told["lesions"] if words.startswith("○")]
    assert ["C1 · RX · 1" in chosen[0], "C2 · RX · 1" in chosen[1], len(chosen)] == [True, True, 2]
    assert [(one["order"], one["sha256"]) for one in told["loaded"]] == [("a.toml", "a" * 64)]


def test_whoever_takes_control_begins_with_the_patient(told: dict[str, Any]) -> None:
    assert told["again"] is True


CHOOSE, PATIENT, LESION = "Ask the patient for name and both identifiers, then", "anew. They must be", "anew. Lesion"
APPLICATOR, ROOM, OFFER = "Fit applicator", "Nobody but the patient", "Offer 1"
ITEMS = ["patient", "lesion", "applicator", "room"]


def test_a17_what_a_person_looked_at_is_sent_with_its_own_time(told: dict[str, Any]) -> None:
    """Patient and lesion were chosen before the order was loaded; where it was armed and set back, applicator and room alone are asked for once more."""
    assert told["looked"] == [APPLICATOR, ROOM, OFFER]
    assert told["first"] == [ITEMS, [40, 30, 20, 10]]
    assert told["set_back"] == [APPLICATOR, ROOM, OFFER]


def test_a17_a_resume_asks_for_patient_and_lesion_anew(told: dict[str, Any]) -> None:
    """The patient left during the interruption, and another one sits there: nothing of before is sent, and nothing that nobody looked at."""
    assert told["resumed"] == [PATIENT, LESION, APPLICATOR, ROOM, OFFER]
    assert told["rest"] == [ITEMS, [40, 30, 20, 10]]


def test_a17_what_was_looked_at_too_long_ago_or_was_unloaded_is_asked_for_anew(told: dict[str, Any]) -> None:
    """The patient was asked 895 s ago, then 905 s, which the console would refuse. Of an order that was not loaded here nothing is asked."""
    assert [told["within"], told["too_long_ago"], told["unloaded"]] == [OFFER, PATIENT, CHOOSE]
    assert told["foreign"] == ["Unload"]


def test_no_patient_is_there_to_be_chosen_before_the_card_above_is_whole(told: dict[str, Any]) -> None:
    """A card that fills later moves the buttons below it: under a finger, one patient comes to stand where another one was. A card that does not come
    keeps nobody from choosing, and says that nothing is known of what locks."""
    assert told["before_the_day"] == [0, False]
    assert told["with_the_day"] == [2, True]
    assert told["without_the_day"] == [2, True]


def test_of_two_orders_that_may_be_the_open_one_a_person_says_which(told: dict[str, Any]) -> None:
    """Where the console knows the order, it alone is offered."""
    resumes = [words for words in told["interrupted"] if words.startswith("Resume")]
    assert ["C1" in resumes[0], "C2" in resumes[1], len(resumes)] == [True, True, 2]
    assert [words for words in told["own"] if words.startswith("Resume")] == ["Resume the rest"]


def test_the_report_at_the_end_is_of_the_very_order(told: dict[str, Any]) -> None:
    """And not of the other course, though it is the newest with this lesion and number."""
    assert told["reported"] == ["own"]


def test_a_recorder_that_was_never_heard_is_an_alarm_too(told: dict[str, Any]) -> None:
    """Its lag is endless, and a value that is not finite comes as null: null is no lag of 0 s."""
    assert ["Record" in words for words in told["lags"]] == [False, True, True]


def test_what_is_wrong_with_the_desk_is_told_beside_a_fault(told: dict[str, Any]) -> None:
    assert "door: open" in told["fault"] and "first: press STOP" in told["fault"]


def test_a_rig_without_chambers_has_no_channel_at_the_end_screen_either(told: dict[str, Any]) -> None:
    assert "1.0\N{NO-BREAK SPACE}mGy" in told["with_chambers"] and "NOT FITTED" not in told["with_chambers"]
    assert "NOT FITTED" in told["without_chambers"] and "mGy" not in told["without_chambers"]


def test_a_bench_rig_is_marked_emulated_and_says_what_is_not_fitted(told: dict[str, Any]) -> None:
    """And a rig with a safety unit is not."""
    assert told["bench"] == ["EMULATED safety unit: no timer, no lease", "Interlocks: nothing open · 1 NOT FITTED"]
    assert told["unit"] == [True, "Interlocks: nothing open"]


def test_where_the_desk_is_another_rigs_no_patient_is_left_on_the_page(told: dict[str, Any]) -> None:
    """A page that is locked meanwhile shows its login."""
    assert told["before_another"] is True
    assert "NO DATA" in told["another"] and "שלום" not in told["another"]
    assert told["another_locked"] is True


def test_whoever_is_not_logged_out_is_told_so(told: dict[str, Any]) -> None:
    assert told["logout"] == "503 requests at once"
