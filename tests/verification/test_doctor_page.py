"""The page takes what doctor says, each way in its place, and nothing where doctor did not have the privileges that it was to have or not to have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from verification.doctor_page import NOBODY, PAGE, SHOWN, WAYS, Way, about, asked, written

LINES = [{"level": "ok", "what": what, "found": f"found {what}", "first": ""} for what in SHOWN]
REFUSED = [LINES[0] | {"level": "warn", "first": "log in again"}, *LINES[1:]]


def doctor(folder: Path, lines: list[dict[str, str]]) -> Path:
    """In its place, one that says these lines."""
    said = {"fit": True, "lines": [{"level": "ok", "what": "disk room", "found": "", "first": ""}, *lines]}
    (folder / "kerma").write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    (folder / "kerma").chmod(0o755)
    return folder / "kerma"


def test_its_lines_stand_where_they_belong_with_commit_and_day(tmp_path: Path) -> None:
    page = "before\n<!-- doctor with -->\nold\n<!-- end of doctor with -->\n<!-- doctor without -->\nold\n<!-- end of doctor without -->\nafter\n"
    for way, lines in ((Way("with", (), True), LINES), (Way("without", (), False), REFUSED)):
        found = asked(way, doctor(tmp_path, lines))
        page = written(page, way, found, about({"Commit": "abc", "on": "2026-01-02", "nothing": ""}))
    assert page.count("Commit abc, on 2026-01-02.") == 2 and page.startswith("before\n") and page.endswith("after\n")
    assert "old" not in page and "disk room" not in page
    assert (
        "warn  real-time scheduling   found real-time scheduling\n                             first: log in again\n"
        in page
    )
    with pytest.raises(SystemExit, match="0 places"):
        written("nothing", WAYS[0], LINES, "")


@pytest.mark.parametrize(("given", "lines"), [(True, REFUSED), (False, LINES)])
def test_other_privileges_than_it_was_to_have_are_said(
    tmp_path: Path, given: bool, lines: list[dict[str, str]]
) -> None:
    with pytest.raises(SystemExit, match="as root"):
        asked(Way("so", (), given), doctor(tmp_path, lines))


def test_a_doctor_that_says_nothing_or_too_little_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="wanted"):
        asked(WAYS[0], doctor(tmp_path, LINES[1:]))
    with pytest.raises(SystemExit, match="by hand"):
        asked(WAYS[0], tmp_path / "none")


def test_the_page_has_both_places_and_names_the_command() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for way in WAYS:
        assert written(text, way, LINES, "x.").count(f"<!-- doctor {way.word} -->") == 1
    assert f"`{' '.join(NOBODY)} kerma doctor`" in text and "`make doctor-page`" in text
