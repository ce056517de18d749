"""Every threat leads to its control and to tests that exist, no number of the two lists is left out, and the check that says so can fail."""

from __future__ import annotations

import dataclasses

import pytest

from verification import threats


def test_every_link_leads_somewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """What `make lint` asks."""
    assert list(threats.wrong()) == []
    assert threats.main(["--check"]) == 0
    assert "every link leads somewhere" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["threat-T1", "threat-T16", "operator-O11"])
def test_a_row_that_is_left_out_or_stands_twice_is_found(name: str) -> None:
    kept = [one for one in threats.ROWS if one.id != name]
    assert list(threats.wrong(kept)) == [f"{name}: has 0 rows, not one"]
    doubled = [*threats.ROWS, next(one for one in threats.ROWS if one.id == name)]
    assert list(threats.wrong(doubled)) == [f"{name}: has 2 rows, not one"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tests": ("console/test_web_doors.py::test_of_nothing",)}, "no such test"),
        ({"tests": ()}, "no test shows it"),
        ({"answers": ("code:console/web/doors.py::Windows",)}, "nothing of this name"),
    ],
)
def test_a_wrong_link_is_found(change: dict[str, object], words: str) -> None:
    """As in the tables of hazards."""
    spoilt = dataclasses.replace(threats.THREATS[0], **change)  # type: ignore[arg-type]
    (found,) = threats.wrong((spoilt, *threats.ROWS[1:]))
    assert words in found and found.startswith("threat-T1:")


def test_what_stands_open_is_said_on_the_page() -> None:
    for one in threats.ROWS:
        assert (f"[{one.id}](#{one.anchor})" in threats.standing_open()) == bool(one.stands_open)
