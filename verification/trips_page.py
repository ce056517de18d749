"""The manual of trips (docs/trips.md): every code that a person can be shown, what happened, what to do first, who may go on; made from the code that says it.
It knows where each kind of code comes from; the words are those of the program."""

from __future__ import annotations

from typing import Final

from controller.decide import cause_event
from controller.ends import CAUSES, OWN
from controller.entries import Outcome
from controller.latches import OF_UNIT as LATCHED_FOR
from controller.latches import clears_of
from controller.states import Event
from hal.readings import Cause, Termination
from interlocks.rules import TABLE
from verification import rule_words
from verification.refusal_words import refusals
from verification.trip_words import HAPPENED

OUTCOMES: Final[dict[Outcome, tuple[str, str]]] = {
    Outcome.TERMINATED: (
        "the beam ended by its preset, or with nothing left to give; a backup that had to end it leaves a latch",
        "delivered and rest as counted; the rest is at or below max(1 %, 2 cGy), or is not given",
    ),
    Outcome.INTERRUPTED: (
        "the beam was ended before its time; the fraction is open",
        "delivered so far with its low and high bound, and the rest, which `kerma treat --resume` gives",
    ),
    Outcome.FAULT: (
        "something is broken, or disagrees; latched",
        "delivered so far with its bounds; an UNKNOWN dose counts as its high bound, and the rest is the physicist's",
    ),
    Outcome.STUCK_ON: (
        "off could not be proved, or beam came without a command",
        "the dose goes on being counted until high voltage is gone; UNKNOWN, with its high bound",
    ),
    Outcome.VOID: ("confirmed, and by the unit's own evidence never any beam", "nothing was delivered; the whole fraction is left"),
}  # fmt: skip
"""Each outcome: what it means, and what is shown as delivered and as rest."""

Rows = list[tuple[str, ...]]


def rules() -> tuple[tuple[str, ...], Rows]:
    """Every rule of the interlocks as a trip."""
    rows: Rows = [
        (
            f"[`{row.id}`](interlocks.md#{row.id})",
            HAPPENED[row.id],
            row.first,
            rule_words.CLEARED_BY[row.clears],
            row.trip.name,
        )
        for row in TABLE
    ]
    return ("code", "what happened", "do first", "cleared by", "event"), rows


def causes() -> tuple[tuple[str, ...], Rows]:
    """Every cause for which the safety unit ends an exposure by itself."""
    rows: Rows = []
    for cause in Cause:
        by_count, by_time = cause_event(cause, Termination.MONITOR), cause_event(cause, Termination.TIME)
        event = by_count.name if by_count is by_time else f"{by_count.name}; in time mode {by_time.name}"
        happened, first = CAUSES[cause]
        clears = " or ".join(sorted({_cleared(by, f"unit:{cause.name}") for by in (by_count, by_time)}))
        rows.append((str(int(cause)), f"`unit:{cause.name}`", happened, first, clears, event))
    return ("", "code", "what happened: the safety unit ended the beam, for", "do first", "cleared by", "event"), rows


def _cleared(event: Event, cause: str) -> str:
    return rule_words.CLEARED_BY[clears_of(event, cause)] if event in LATCHED_FOR else "leaves no latch of its own"


def own() -> tuple[tuple[str, ...], Rows]:
    """Ends that the program finds for itself."""
    return ("code", "what happened", "do first"), [(f"`{name}`", *words) for name, words in OWN.items()]


def events() -> tuple[tuple[str, ...], Rows]:
    """The events that stand in a record behind "by"."""
    return ("event", "what it means"), [
        (event.name, rule_words.EVENTS[event]) for event in Event if event is not Event.NONE
    ]


def outcomes() -> tuple[tuple[str, ...], Rows]:
    """How an exposure ended, and what is said of its dose."""
    return ("outcome", "what it means", "what is shown as delivered and as rest"), [
        (outcome.name, *OUTCOMES[outcome]) for outcome in Outcome
    ]


def refused() -> tuple[tuple[str, ...], Rows]:
    """Everything that a request of a person can be refused with."""
    return ("what is said (a value stands in braces)", "said by"), [
        (refusal.words, f"[{refusal.file}](../{refusal.file})") for refusal in refusals()
    ]
