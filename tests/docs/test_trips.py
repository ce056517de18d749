"""Every code that a person can be shown is on the manual's page with words: what happened and what to do first; a new code without them fails here."""

from __future__ import annotations

import re

import pytest

from console.exit_codes import Exit
from console.screen import end_lines
from controller.decide import TRIP_EVENTS, cause_event
from controller.ends import CAUSES, OWN, own_words, unit_words
from controller.entries import Outcome
from controller.requests import DoseShown, Ended
from controller.states import Event
from hal.readings import Cause, Termination
from interlocks.rules import TABLE
from verification import pages, rule_words, trips_page
from verification.refusal_words import FILES, refusals
from verification.trip_words import HAPPENED

PAGE = (pages.DOCS / "trips.md").read_text(encoding="utf-8")
ADVICE = re.compile(r"[;:] ?\S.*|needs|needed")
PARTS = "_for_physicist"
"""What this function says stands behind "a physicist is needed: "."""


def test_every_code_has_what_happened_and_what_to_do_first() -> None:
    for row in TABLE:
        assert len(HAPPENED[row.id]) > 15 and len(row.first) > 8, row.id
        assert f"[`{row.id}`](interlocks.md#{row.id}) | {HAPPENED[row.id]} | {row.first} |" in PAGE
    assert set(CAUSES) == set(Cause)
    for happened, first in (*CAUSES.values(), *OWN.values()):
        assert len(happened) > 8 and len(first) > 8
        assert happened in PAGE and first in PAGE
    assert all(f"`unit:{cause.name}`" in PAGE for cause in Cause)
    assert all(f"`{name}`" in PAGE for name in OWN)


def test_what_happened_is_said_and_not_asked() -> None:
    """Whoever stands beside a patient reads what is so: each rule has one sentence of its own, no question, and none of a rule that is gone."""
    assert set(HAPPENED) == {row.id for row in TABLE} == set(rule_words.QUESTIONS)
    assert len(set(HAPPENED.values())) == len(HAPPENED)
    for name, words in HAPPENED.items():
        assert "?" not in words and not words.startswith(("is ", "are ", "does ", "do ", "was ", "has ")), name
        assert not words.endswith(".") and "|" not in words, name
    assert "**no**" not in PAGE


def test_every_event_and_outcome_is_explained() -> None:
    for event in Event:
        assert event is Event.NONE or f"| {event.name} | {rule_words.EVENTS[event]} |" in PAGE
    assert set(trips_page.OUTCOMES) == set(Outcome)
    assert set(TRIP_EVENTS.values()) <= set(Event)
    for cause in Cause:
        assert {cause_event(cause, t) for t in Termination} <= set(Event) - {Event.NONE}


def test_what_the_program_says_carries_the_advice() -> None:
    """The words of an end are those of the page, and a cause that is none has words too."""
    for cause in Cause:
        said = unit_words(cause, ", sent by another Modbus master")
        assert CAUSES[cause][0] in said and said.endswith(f"; first: {CAUSES[cause][1]}") and cause.name in said
    assert "99" in unit_words(99) and "; first: " in unit_words(99)
    for name, (happened, first) in OWN.items():
        assert own_words(name) == f"{happened}; first: {first}"
        assert own_words(name, "66.1 kV") == f"66.1 kV; first: {first}"


def test_every_refusal_is_on_the_page_and_says_what_to_do() -> None:
    found = refusals()
    assert {refusal.file for refusal in found} == set(FILES)
    for refusal in found:
        assert refusal.words.replace("|", "\\|") in PAGE
        assert ADVICE.search(refusal.words) or refusal.function == PARTS, refusal.words


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_end_is_shown_with_delivered_and_rest(outcome: Outcome) -> None:
    dose = DoseShown(401.0, 402.0, 403.0, 404.0, 401.0, 400.0, 405.0, "GOOD", 1117.0, 0.85, 7.0, 20.0, 55.0)
    ended = Ended(
        7, 1, 1, outcome.name, "TRIP_STOP", "door", "the door is open; first: close the door", outcome is Outcome.VOID, dose, 716.0, True, None,
    )  # fmt: skip
    said = dict(end_lines(None, ended, Exit.INTERRUPTED, "7"))
    assert said["delivered (D0)"].startswith("401.0 mGy, low 400.0, high 405.0") and said["rest (D0)"] == "716.0 mGy"
    assert said["reason"].endswith("first: close the door")
