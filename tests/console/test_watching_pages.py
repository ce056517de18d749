"""The pages Records, Service and New prescription by their own scripts (watching.mjs): what was asked for last is what is shown, nothing older stands there as
if it were it, and what the console says is not swallowed. What a browser draws of it is the browser suite's."""

from __future__ import annotations

from typing import Any

import pytest
from panels_by_hand import played


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page Records showed, step by step."""
    return played(tmp_path_factory.mktemp("records"), "watching.mjs", "records")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page Service showed, step by step."""
    return played(tmp_path_factory.mktemp("service"), "watching.mjs", "service")


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page New prescription showed, step by step."""
    return played(tmp_path_factory.mktemp("order"), "watching.mjs", "order")


def test_no_numbers_of_an_older_draft_stand_beside_one_that_was_not_worked_out(order: dict[str, Any]) -> None:
    """Nor the button that writes."""
    assert "7.000" in order["worked_out"] and "Write the draft" in order["worked_out"]
    assert order["not_worked_out"] == ["", "the rig's limits cannot be read"]


def test_what_a_withdrawal_says_is_shown_at_once_and_stays(records: dict[str, Any]) -> None:
    """It may say to press STOP: also while the list behind it is still being read."""
    assert "beam may be on for this very order; first: press STOP" in records["withdrawn_at_once"]
    assert "beam may be on for this very order; first: press STOP" in records["withdrawn"]
    assert "prescribed: NOT SIGNED" in records["withdrawn"]


def test_the_patient_that_was_chosen_last_is_shown_whichever_answer_comes_last(records: dict[str, Any]) -> None:
    assert "Patient B" in records["chosen"] and "Patient A" not in records["chosen"]


def test_a_report_that_is_made_takes_nobody_back_from_whom_they_chose_meanwhile(records: dict[str, Any]) -> None:
    assert "COMPLETE" in records["fraction"]
    words, waiting = records["reported"]
    assert "Patient B" in words and waiting == 0


def test_the_list_is_of_the_last_search_whichever_answer_comes_last(records: dict[str, Any]) -> None:
    assert "Y" in records["searched"] and "X" not in records["searched"]


def test_of_a_patient_that_cannot_be_read_no_other_one_stands_there(records: dict[str, Any]) -> None:
    assert records["not_read"] == ["", "not read within 8 s"]


def test_in_the_list_of_patients_what_is_not_believed_is_not_not_stated(records: dict[str, Any]) -> None:
    """With what is wrong, though the list has patients."""
    rows, words = records["unbelieved"]
    assert "name not stated" not in rows and rows.count("no name in it counts") == 2
    assert "line 3: was altered" in words
    assert "Meier" in records["listed"] and "name not stated" in records["listed"]


def test_each_interlock_is_shown_as_the_machine_says_now(service: dict[str, Any]) -> None:
    """As long as the pane is open; of a machine that is silent none is shown to stand in any way."""
    assert (service["true"], service["open"]) == (True, True)
    assert service["silent"] == [True, False]


def test_a_pane_that_was_left_shows_neither_its_answer_nor_its_refusal_in_another(service: dict[str, Any]) -> None:
    assert service["left"] == [True, ""]


def test_what_the_records_say_against_the_days_check_stands_where_it_is_told(service: dict[str, Any]) -> None:
    assert "in the records, and it opens nothing" in service["due"]


def test_the_seconds_before_a_fault_are_of_the_one_that_was_asked_for_last(service: dict[str, Any]) -> None:
    assert service["before"] == [False, True]
