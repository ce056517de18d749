"""docs/safety.md is an argument of three pages: short enough to be read, and what it counts is counted here."""

from __future__ import annotations

from typing import Final

from controller.off import KV_OFF_PART
from interlocks.rules import T1_S
from verification import pages
from verification.barriers import BARRIERS
from verification.explore import GRAPH_LAWS
from verification.explore_laws import LAWS
from verification.invariants import INVARIANTS
from verification.story import HV_KV

WORDS_MOST: Final = 1500
"""Three printed pages, tables and links among them."""
PAGE: Final = (pages.DOCS / "safety.md").read_text(encoding="utf-8")
FLAT: Final = " ".join(PAGE.split())
README: Final = " ".join((pages.ROOT / "README.md").read_text(encoding="utf-8").split())


def test_it_is_three_pages() -> None:
    """Whoever adds a word takes one away, or puts it on the page where it belongs."""
    assert len(PAGE.split()) <= WORDS_MOST


def test_what_starts_by_itself_is_told_with_its_bounds() -> None:
    """The one failure that can start a beam, and how soon each of its two barriers has acted, are those of the barriers that are played alone."""
    assert "**No single failure of this program, a wire, the unit or a person starts it.**" in FLAT
    assert "**A generator that makes high voltage by itself can start it**" in FLAT
    assert f"The unit opens K2 within {BARRIERS['unit:SPONTANEOUS'].within}," in FLAT
    assert f"the rule `hv_uncommanded` acts within {BARRIERS['hv_uncommanded'].within}" in FLAT


def test_two_welded_contactors_are_nothing_that_an_emergency_stop_ends() -> None:
    """It cuts coils (tests/simulators/test_world_rig.py plays it); each page that tells what remains says what is left then."""
    unit = " ".join((pages.DOCS / "safety-unit.md").read_text(encoding="utf-8").split())
    for page in (FLAT, README, unit):
        assert "welded" in page and "else the mains switch alone" in page
        assert "only the wired emergency stop" not in page


def test_bounds_and_counts_are_those_of_the_code() -> None:
    """T1, what counts as off, the invariants and the laws of the search, here and on the front page."""
    assert f"T1 = {1000 * T1_S:.0f} ms" in FLAT
    assert f"kV read back below {100 * KV_OFF_PART:.0f} % of full scale, and called true below {HV_KV:g} kV" in FLAT
    assert len(INVARIANTS) == 31 and "Thirty-one invariants" in FLAT and "[thirty-one invariants]" in README
    assert len(LAWS) == 15 and len(GRAPH_LAWS) == 2 and "fifteen laws on each step, two on the whole graph" in README
