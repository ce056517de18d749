"""Why an exposure ended, in words for a report: by whom or what, and what the safety unit said, table by table.
It decides nothing; the end is the real-time process's or the recorder's word."""

from __future__ import annotations

from typing import Final

from console import arcs
from controller.entries import Outcome, Terminal
from controller.states import Event
from hal.readings import Cause

RECOVERED: Final = "RECOVERED"
EVENTS: Final[dict[str, str]] = {
    Event.HV_UNCOMMANDED.name: "high voltage that nobody had asked for",
    Event.STUCK_FOUND.name: "beam that did not go off",
    Event.LATCH_FOUND.name: "a latch that was found set",
    Event.INTERNAL.name: "the control program found itself wrong",
    Event.UNIT_LOST.name: "the safety unit was not heard",
    Event.UNIT_REBOOT.name: "the safety unit started anew in beam",
    Event.GEN_LOST.name: "the generator was not heard",
    Event.TRIP_FAULT.name: "an interlock found a fault",
    Event.STOP.name: "STOP, by a person",
    Event.TRIP_STOP.name: "an interlock opened",
    Event.KEY_OFF.name: "the key was turned off",
    Event.RECORDER_LOST.name: "the recorder was lost",
    Event.DESK_LOST.name: "the desk was lost",
    Event.TIME_END.name: "a backup ended it, not the primary channel",
    Event.DOSE_END.name: "the primary channel: the dose was given",
    Event.OFF_UNVERIFIED.name: "off could not be verified",
    RECOVERED: "the control process ended in beam; its end was settled by the records",
}
"""Every event that may be named as an exposure's end."""
CAUSES: Final[dict[Cause, str]] = {
    Cause.NONE: "no cause",
    Cause.COUNT_PRESET: "count preset of channel 1",
    Cause.TIME_PRESET: "timer preset",
    Cause.LEASE: "lease ran out: this computer was not heard",
    Cause.K1_LIMIT: "limit of contactor K1",
    Cause.COUNT2: "count limit of channel 2",
    Cause.RATE: "dose rate too high",
    Cause.NO_DOSE: "no dose after beam on",
    Cause.DISAGREE: "channels disagree",
    Cause.ESTOP: "emergency stop",
    Cause.DOOR: "door",
    Cause.KEY: "key",
    Cause.CONTACT: "skin contact",
    Cause.SWITCH: "beam-on switch",
    Cause.APPL: "applicator",
    Cause.FILTER: "filter",
    Cause.PAIR: "two channels of one contact differ",
    Cause.MIRROR: "contactor's mirror contact",
    Cause.DISARM: "disarmed by this computer",
    Cause.LAMP: "beam lamp",
    Cause.REBOOT: "the unit started anew",
    Cause.SPONTANEOUS: "high voltage without permission",
    Cause.HARD_CAP: "hard cap of the unit",
    Cause.START_WINDOW: "no press within the start window",
    Cause.ARM_WINDOW: "not armed within the window",
    Cause.TEST_PULSE: "test pulse",
}
NO_ARC: Final = "no, none ended it; one that is shorter than a poll, or that a generator did not name, is in no record"
PERSONS: Final = frozenset({Cause.ESTOP, Cause.KEY, Cause.SWITCH})
"""What a person does by hand."""


def cause_words(code: int) -> str:
    """The safety unit's cause; one that is not known keeps its number."""
    known = {cause.value: words for cause, words in CAUSES.items()}
    return known.get(code, f"cause {code}, which this program does not know")


def event_words(event: str) -> str:
    return EVENTS.get(event, event)


def by_whom(end: Terminal) -> str:
    """`primary`, `backup`, `operator`, `machine`, or `unknown` where nobody saw the end."""
    if end.event == RECOVERED:
        return "unknown"
    if end.outcome is Outcome.TERMINATED:
        return "backup" if end.event == Event.TIME_END.name else "primary"
    known = {cause.value: cause for cause in Cause}
    if end.event in (Event.STOP.name, Event.KEY_OFF.name) or known.get(end.unit_cause) in PERSONS:
        return "operator"
    return "machine"


def arc_of(end: Terminal) -> tuple[bool | None, str]:
    """Whether an arc ended this exposure, by the one table of arcs, with what else may look the same; None where nobody saw its end."""
    if end.event == RECOVERED:
        return None, "not known, for nobody saw the end"
    if not arcs.ended({"rule": end.rule, "words": end.words, "void": end.void, "kv_mean": end.kv_mean}):
        return False, NO_ARC
    sign = arcs.SIGNS[end.rule]
    return True, f"yes, {sign.because} (rule {sign.rule}){f'; not told apart from {sign.also}' if sign.also else ''}"


def end_words(end: Terminal) -> str:
    """The end in one line: what happened, which rule, what the unit said, and the controller's own words."""
    said = [event_words(end.event)]
    if end.rule:
        said.append(f"rule {end.rule}")
    if end.unit_cause:
        said.append(f"safety unit: {cause_words(end.unit_cause)}")
    if end.words:
        said.append(end.words)
    return "; ".join(said)
