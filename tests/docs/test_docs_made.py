"""What the pages say of tables in the code is what the code holds: parts made anew are equal, and every rule, event and state has its words."""

import re
from pathlib import Path

import pytest

from controller.latches import OF_UNIT
from controller.states import Event, State
from hal import registry
from interlocks.look import When
from interlocks.rules import TABLE
from interlocks.words import Clears
from verification import pages, picture, rule_words
from verification.scenarios import SCENARIOS, find

PAGES = sorted(pages.DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_what_its_code_makes_of_it(page: Path) -> None:
    """`python -m verification.pages` would change nothing in it."""
    text = page.read_text(encoding="utf-8")
    assert pages.made(text) == text, f"{page.name}: first: python -m verification.pages"


def test_every_part_stands_on_one_page() -> None:
    """Nothing is made for no page, and nothing twice."""
    standing = [name for page in PAGES for name in pages.parts_of(page.read_text(encoding="utf-8"))]
    assert sorted(standing) == sorted(pages.MADE)


def test_a_changed_table_is_noticed(tmp_path: Path) -> None:
    """The comparison can fail: a page with another word in a made part is made anew."""
    text = (pages.DOCS / "states.md").read_text(encoding="utf-8")
    spoilt = text.replace("| **PRESS** |", "| **PUSH** |")
    assert spoilt != text
    assert pages.made(spoilt) == text
    with pytest.raises(KeyError):
        pages.made("<!-- made from code: nothing -->\n<!-- end of nothing -->\n")


def test_every_rule_has_its_question() -> None:
    assert set(rule_words.QUESTIONS) == {row.id for row in TABLE}


def test_every_state_event_and_moment_has_its_words() -> None:
    assert set(rule_words.STATES) == set(State)
    assert set(rule_words.EVENTS) == set(Event) - {Event.NONE}
    assert set(rule_words.WHEN) == set(When)
    assert set(rule_words.CLEARED_BY) == set(Clears)


def test_no_rule_and_no_end_is_for_nobody_to_clear() -> None:
    """docs/interlocks.md says that the class *never* is given by nothing today; whoever gives it says there by what and why."""
    assert {row.clears for row in TABLE} == set(Clears) - {Clears.NEVER}
    assert Clears.NEVER not in {clears for _, clears in OF_UNIT.values()}
    assert "No rule and no event gives it today" in (pages.DOCS / "interlocks.md").read_text(encoding="utf-8")


def test_the_picture_says_simulated_and_loads_nothing() -> None:
    """A capture of a simulated rig is marked as one wherever it is shown, and asks no other host for a font."""
    svg = picture.PICTURE.read_text(encoding="utf-8")
    assert svg.count("SIMULATED") >= 3
    assert "url(http" not in svg
    assert picture.PICTURE == pages.DOCS / "pictures" / "demo.svg"


def test_numbers_in_words() -> None:
    """README counts rules and scenarios as the code does."""
    readme = " ".join((pages.ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{len(TABLE)} interlock rules" in readme
    assert f"{len(TABLE)} rules judge" in readme
    assert len(SCENARIOS) == 23 and "names twenty-three scenarios" in readme
    groups = (registry.GENERATORS, registry.SAFETY_UNITS, registry.ELECTROMETERS)
    installed = {name for group in groups for name in registry.names(group)}
    for row in re.findall(r"\| `([a-z0-9-]+)`", readme):
        assert row in installed or find(row).name == row


def test_every_driver_is_on_the_front_page_and_has_a_section() -> None:
    """A device that is driven is said to be driven, and what is assumed of it stands on the drivers' page."""
    readme = (pages.ROOT / "README.md").read_text(encoding="utf-8")
    sections = (pages.DOCS / "drivers.md").read_text(encoding="utf-8")
    heads = " ".join(re.findall(r"(?m)^## (.*)$", sections)).replace(",", " ").split()
    for group in (registry.GENERATORS, registry.SAFETY_UNITS, registry.ELECTROMETERS):
        for name in registry.names(group):
            assert f"`{name}`" in readme or f"`{name.removeprefix('spellman')}`" in readme, name
            assert name in heads, name
