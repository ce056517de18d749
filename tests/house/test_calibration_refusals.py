"""What a calibration refuses stands on its page with tests that exist and are named after their hazard, and the check that says so can fail."""

from __future__ import annotations

import dataclasses

import pytest

from verification.calibration_refusals import REFUSALS, wrong


def test_every_refusal_has_a_test_that_is_named_after_its_hazard() -> None:
    assert list(wrong()) == []


def test_every_part_of_a_calibration_is_in_the_table() -> None:
    """The procedures, the days, the certificate, and what is asked before every fraction."""
    parts = {row.where for row in REFUSALS}
    assert parts >= {
        "mA offset", "kV scale, mA scale", "timer and end effect", "tail", "output", "applicators, cut-outs", "monitor chambers", "HVL", "kV dependence",
        "interrupt error", "tube conditioning", "leakage survey, focal spot", "warm-up", "daily check", "monthly, annual", "commissioning",
        "the certificate", "every fraction",
    }  # fmt: skip
    assert {f"accident-A{n}" for n in (1, 2, 3, 4, 5, 12, 13)} <= {hazard for row in REFUSALS for hazard in row.hazards}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tests": ("records/test_day.py::test_a1_that_is_not_there",)}, "no such test"),
        ({"tests": ()}, "has no hazard, or no test"),
        ({"hazards": ()}, "has no hazard, or no test"),
        ({"hazards": ("accident-" + "A99",)}, "no row of hazards has this id"),
        ({"hazards": ("accident-A1", "accident-A3")}, "no test is named after A3"),
        ({"tests": ("calibration/test_golden.py::test_golden",)}, "is named after none of accident-A1"),
    ],
)
def test_a_wrong_row_is_found(change: dict[str, object], words: str) -> None:
    sound = next(row for row in REFUSALS if row.hazards == ("accident-A1",))
    spoilt = dataclasses.replace(sound, **change)  # type: ignore[arg-type]
    assert not list(wrong([sound])) and any(words in said for said in wrong([spoilt]))
