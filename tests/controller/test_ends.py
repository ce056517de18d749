"""What people are told of an end that no rule reports: every cause has its own words, and none is said of another."""

from __future__ import annotations

import pytest

from controller.ends import CAUSES, LIT, OWN, PHYSICIST, SERVICE, lit_words, own_words, unit_words
from hal.readings import Cause


def test_every_cause_of_the_unit_has_words_of_its_own() -> None:
    """What happened, and what to do first; no two causes happened alike."""
    assert set(CAUSES) == set(Cause)
    assert len({happened for happened, _ in CAUSES.values()}) == len(Cause)
    assert all(happened and first for happened, first in CAUSES.values())


def test_every_end_of_the_program_s_own_has_words() -> None:
    """By the names that controller/decide.py and the self-test end by."""
    names = {
        "stop",
        "self_test",
        "press",
        "unit:IDLE",
        "stuck_on",
        "stray_beam",
        "adopted_beam",
        "start",
        "refused",
        "expired",
    }
    assert set(OWN) == names
    assert all(happened and first for happened, first in OWN.values())


@pytest.mark.parametrize(
    "cause",
    [Cause.TIME_PRESET, Cause.K1_LIMIT, Cause.COUNT2, Cause.RATE, Cause.DISAGREE, Cause.HARD_CAP],
    ids=lambda cause: cause.name,
)
def test_an_end_that_leaves_the_dose_in_doubt_names_the_physicist(cause: Cause) -> None:
    """A backup that acted, or chambers that cannot both be right."""
    assert "physicist" in CAUSES[cause][1]


def test_beam_that_nobody_can_account_for_names_the_physicist_and_beam_that_may_be_on_the_emergency_stop() -> None:
    assert OWN["stray_beam"][1] == OWN["adopted_beam"][1] == PHYSICIST
    for first in (OWN["stuck_on"][1], CAUSES[Cause.SPONTANEOUS][1]):
        assert first.startswith("press the emergency stop") and "at the mains" in first


@pytest.mark.parametrize("cause", list(Cause), ids=lambda cause: cause.name)
def test_an_end_by_the_unit_says_who_why_and_what_to_do(cause: Cause) -> None:
    """`by` stands behind the cause; without it nothing does."""
    happened, first = CAUSES[cause]
    assert unit_words(int(cause)) == f"the safety unit ended the beam: {cause.name}: {happened}; first: {first}"
    sent = ", sent by another Modbus master"
    assert (
        unit_words(int(cause), sent)
        == f"the safety unit ended the beam: {cause.name}{sent}: {happened}; first: {first}"
    )


@pytest.mark.parametrize("number", [-1, len(Cause), 65535])
def test_a_cause_that_is_none_is_said_as_its_number(number: int) -> None:
    """The unit is of another make, or broken: for service."""
    assert unit_words(number) == f"the safety unit ended the beam: {number}, which is no cause; first: {SERVICE}"
    assert f"{number}, which is no cause, sent by another;" in unit_words(number, ", sent by another")


@pytest.mark.parametrize(
    ("cause", "happened"),
    [
        (Cause.RATE, "a channel counted faster than in the dark"),
        (Cause.COUNT2, "channel 2 counted more than in the dark"),
    ],
)
def test_counts_over_a_cold_filament_are_radiation_that_nobody_asked_for(cause: Cause, happened: str) -> None:
    """These two end a dry run, and the physicist decides."""
    assert set(LIT) == {Cause.RATE, Cause.COUNT2}
    assert lit_words(int(cause)) == (
        f"the safety unit ended the beam: {cause.name}: radiation where none was asked, {happened}; first: {PHYSICIST}"
    )


@pytest.mark.parametrize("name", list(OWN))
def test_an_end_of_the_program_s_own_says_a_value_where_there_is_one(name: str) -> None:
    """In place of the general words; what to do first stays."""
    happened, first = OWN[name]
    assert own_words(name) == f"{happened}; first: {first}"
    assert own_words(name, "66.1 kV") == f"66.1 kV; first: {first}"
