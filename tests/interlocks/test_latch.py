"""A trip stays until somebody of its class clears it and its cause is gone; the first words are kept."""

from __future__ import annotations

import pytest

from interlocks.latch import cleared, latched
from interlocks.words import Clears, Finding, Latch, Trip, Truth, Verdict


def verdict(*found: tuple[str, Trip, Clears], at_s: float = 5.0) -> Verdict:
    findings = tuple(Finding(rule, Truth.FALSE, trip, clears, f"{rule} at {at_s}") for rule, trip, clears in found)
    return Verdict(1, at_s, b"", findings, (), bool(findings))


DOOR = ("door", Trip.TRIP_STOP, Clears.BY_OPERATOR)
KEY = ("key", Trip.KEY_OFF, Clears.BY_ITSELF)
CHANNELS = ("dose_channels", Trip.TRIP_FAULT, Clears.BY_PHYSICIST)
HV = ("hv_uncommanded", Trip.HV_UNCOMMANDED, Clears.BY_SERVICE)
GAP = ("tick_gap", Trip.INTERNAL, Clears.BY_OPERATOR)
LOST = ("unit_link", Trip.UNIT_LOST, Clears.BY_OPERATOR)


def rules(latches: tuple[Latch, ...]) -> list[str]:
    return [latch.rule for latch in latches]


def test_in_an_exposure_everything_latches_but_what_clears_by_itself() -> None:
    """Stops and lost links only in an exposure; faults, lost control and uncommanded high voltage always."""
    v = verdict(HV, GAP, LOST, CHANNELS, DOOR, KEY)
    assert rules(latched((), v, True)) == ["hv_uncommanded", "tick_gap", "unit_link", "dose_channels", "door"]
    assert rules(latched((), v, False)) == ["hv_uncommanded", "tick_gap", "dose_channels"]


def test_the_first_words_are_kept_and_a_rule_latches_once() -> None:
    """A trip that goes on, or comes back, does not move its latch."""
    first = latched((), verdict(DOOR, at_s=5.0), True)
    assert latched(first, verdict(DOOR, at_s=6.0), True) == first
    assert first[0].words == "door at 5.0" and first[0].at_s == 5.0
    assert rules(latched(first, verdict(LOST), True)) == ["door", "unit_link"]
    for nothing_new in (verdict(), verdict(KEY), verdict(DOOR)):
        assert latched(first, nothing_new, True) is first


MAY = {
    "operator": {Clears.BY_ITSELF, Clears.BY_OPERATOR},
    "physicist": {Clears.BY_ITSELF, Clears.BY_OPERATOR, Clears.BY_PHYSICIST},
    "service": {Clears.BY_ITSELF, Clears.BY_OPERATOR, Clears.BY_SERVICE},
}
"""Written out once more: what the program may clear is not asked of the program."""


@pytest.mark.parametrize("role", [*MAY, "administrator", "", "Operator"])
@pytest.mark.parametrize("clears", Clears, ids=lambda c: c.name)
def test_a_latch_goes_by_its_class_only(role: str, clears: Clears) -> None:
    """Each role clears its own classes and no other; an unknown role clears nothing; NEVER stays for everybody. Words say why."""
    latches = (Latch("rule", Trip.TRIP_FAULT, clears, 5.0, "as it was"),)
    stay, gone, refused = cleared(latches, role, verdict())
    may = clears in MAY.get(role, ())
    assert (stay, gone) == (((), latches) if may else (latches, ()))
    assert bool(refused) is not may


def test_a_latch_whose_cause_is_still_found_stays() -> None:
    """The door is still open: not cleared, and the words say so."""
    latches = latched((), verdict(DOOR, CHANNELS), True)
    stay, gone, refused = cleared(latches, "physicist", verdict(DOOR, at_s=9.0))
    assert rules(stay) == ["door"] and rules(gone) == ["dose_channels"]
    assert refused == ("door: the cause is still there (door at 9.0)",)


def test_nothing_latched_is_nothing_cleared() -> None:
    """An empty set of latches stays empty without words."""
    assert cleared((), "operator", verdict(DOOR)) == ((), (), ())
