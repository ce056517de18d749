"""What the front page says of each room, and what the pages say of bounds, latches and orders that no made table holds."""

from __future__ import annotations

import re
from typing import Final

from controller.drive import _WANTED as WANTED
from controller.latches import TOLD_LATER
from controller.states import Event, State
from interlocks.bands import BANDS, CERTIFIED, NAME_PLATE
from verification import pages, rule_words

README: Final = (pages.ROOT / "README.md").read_text(encoding="utf-8")
HOUSE: Final = README.split("## The house")[1].split("## Read on")[0]
NO_ROOM: Final = ("var", "build", "dist")
"""What make leaves beside the rooms."""


def test_every_room_is_on_the_map_as_one_thing() -> None:
    """Each folder of a checkout has its row, and what it is needs no "and": a room that does needs two."""
    rows = dict(re.findall(r"(?m)^\| \[([a-z]+)/\]\(\1/\) \| (.*) \|$", HOUSE))
    folders = {
        path.name for path in pages.ROOT.iterdir() if path.is_dir() and path.name not in NO_ROOM and path.name.isalpha()
    }
    assert set(rows) == folders
    assert [name for name, words in rows.items() if re.search(r"\band\b", words)] == []


def test_the_wider_bounds_of_a_tube_that_is_measured_are_said() -> None:
    """One purpose alone is judged by other bands than the table of the dose rules shows."""
    assert [purpose.name for purpose, bands in BANDS.items() if bands is NAME_PLATE] == ["CALIBRATE"]
    assert (CERTIFIED.rate_high, CERTIFIED.rate_low) == (1.5, 0.5)
    p = NAME_PLATE
    said = (
        f"(CALIBRATE), rates may be {100 * p.rate_low:.0f} to {100 * p.rate_high:.0f} %, channels {100 * p.channels:.0f} %, "
        f"primary {100 * p.primary:.0f} % and model {100 * p.model:.0f} % apart"
    )
    assert said in (pages.DOCS / "interlocks.md").read_text(encoding="utf-8")


def test_what_an_end_that_nobody_saw_leaves_is_said() -> None:
    """A backup and a fault leave their latch at the next start; no other end of the safety unit does."""
    assert {Event.TIME_END, Event.TRIP_FAULT} == TOLD_LATER
    said = " ".join((pages.DOCS / "interlocks.md").read_text(encoding="utf-8").split())
    assert "leaves at the next start the latch of a backup or of a fault" in said
    assert "a restart of the unit and an end without a cause leave none" in said


def test_a_state_that_may_unlatch_says_so() -> None:
    """What is wanted in FAULT is wanted in STUCK_ON: OFF, and UNLATCH for as long as service asks for it."""
    for state in State:
        assert ("UNLATCH" in rule_words.STATES[state][1]) is (WANTED[state] is WANTED[State.FAULT])
