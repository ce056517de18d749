"""What the ends that no rule reports say to people: each cause of the safety unit and each end of the program's own, with what happened and what to do first.
It decides nothing; controller/decide.py names an end, and a rule's own words stand in its row."""

from __future__ import annotations

from typing import Final

from hal.readings import Cause

SERVICE: Final = "do not go on: service"
PHYSICIST: Final = "do not go on; the physicist decides on the dose"

CAUSES: Final[dict[Cause, tuple[str, str]]] = {
    Cause.NONE: ("it names no cause", SERVICE),
    Cause.COUNT_PRESET: ("channel 1 reached its count preset", "close the fraction; where its dose is called unknown, call the physicist"),
    Cause.TIME_PRESET: ("its timer reached the preset", "close the fraction; where counts should have ended the beam, call the physicist"),
    Cause.LEASE: ("this program did not renew its permission in time", "see what held the program up (kerma doctor), then resume"),
    Cause.K1_LIMIT: ("the contactor had been closed for as long as it may", PHYSICIST),
    Cause.COUNT2: ("channel 2 reached its limit before channel 1 reached its preset", PHYSICIST),
    Cause.RATE: ("a channel counted faster than its limit", "check filter and applicator; the physicist decides on the dose"),
    Cause.NO_DOSE: ("a chamber counted nothing although high voltage was on", "look at kV, mA and the chambers before resuming"),
    Cause.DISAGREE: ("the two chambers disagree", PHYSICIST),
    Cause.ESTOP: ("the emergency stop was pressed", "find out why, then pull the button out"),
    Cause.DOOR: ("the door was opened", "close the door"),
    Cause.KEY: ("the key left its place", "turn the key to its place"),
    Cause.CONTACT: ("the applicator lost its seat", "seat the applicator until it clicks"),
    Cause.SWITCH: ("the beam-on switch was let go", "resume with a new press, and hold the switch until the end"),
    Cause.APPL: ("the applicator's code changed", "fit the applicator of the prescription"),
    Cause.FILTER: ("the filter's code changed", "fit the filter of the prescription"),
    Cause.PAIR: ("the two channels of a contact differed for too long", "call service: one channel of the contact is broken"),
    Cause.MIRROR: ("a contactor did not follow its coil", "call service: a contactor does not follow its coil"),
    Cause.DISARM: ("it was disarmed", "find out who did it, then resume"),
    Cause.LAMP: ("a warning lamp went out", "replace the lamp"),
    Cause.REBOOT: ("it restarted", "wait for the self-test; if it comes again, check the safety unit's supply"),
    Cause.SPONTANEOUS: ("it saw high voltage where none may be", "press the emergency stop and switch the generator off at the mains"),
    Cause.HARD_CAP: ("the cap that is burned into it was reached", PHYSICIST),
    Cause.START_WINDOW: ("no high voltage came in time after the press", "look at the generator and its interlock line, then confirm again"),
    Cause.ARM_WINDOW: ("nobody pressed the switch in time", "confirm again"),
    Cause.TEST_PULSE: ("the contacts' test pulse did not come back", "call service: a contact's wire is shorted or broken"),
}  # fmt: skip
"""Every cause: what happened, and what to do first."""

OWN: Final[dict[str, tuple[str, str]]] = {
    "stop": ("STOP was pressed", "find out why; then resume, or close the fraction"),
    "self_test": ("a self-test failed, or a latch was found at the start", "read what it says; the right role resets (kerma reset)"),
    "press": ("the safety unit runs, and its count of presses does not fit", SERVICE),
    "unit:IDLE": ("the safety unit left RUN without an end of its own", "look at the safety unit's supply, then resume"),
    "stuck_on": ("off could not be proved: the beam may be on", "press the emergency stop, take the patient away, switch the generator off at the mains"),
    "stray_beam": ("high voltage was on that belongs to no exposure", PHYSICIST),
    "adopted_beam": ("the records had lost an exposure that the safety unit kept: its dose is not known", PHYSICIST),
    "start": ("the records refused this start", "load it again, or resume it"),
    "refused": ("nothing is permitted any more: what was wanted of the machine was refused", "confirm again; if it comes again, call service"),
    "expired": ("the state lasted longer than it may", "look at what is first to fix (kerma status), then begin again"),
}  # fmt: skip
"""Ends of the program's own, by the rule that an end names: what happened, and what to do first."""


LIT: Final[dict[Cause, str]] = {
    Cause.RATE: "a channel counted faster than in the dark",
    Cause.COUNT2: "channel 2 counted more than in the dark",
}
"""What these causes are over a filament that ought to be cold."""


def lit_words(cause: int) -> str:
    """A dry run that its safety unit ended because it counted."""
    return f"the safety unit ended the beam: {Cause(cause).name}: radiation where none was asked, {LIT[Cause(cause)]}; first: {PHYSICIST}"


def unit_words(cause: int, by: str = "") -> str:
    """An end by the safety unit in words; a cause that is none is said as its number."""
    if cause not in Cause._value2member_map_:
        return f"the safety unit ended the beam: {cause}, which is no cause{by}; first: {SERVICE}"
    happened, first = CAUSES[Cause(cause)]
    return f"the safety unit ended the beam: {Cause(cause).name}{by}: {happened}; first: {first}"


def own_words(name: str, words: str = "") -> str:
    """An end of the program's own, with `words` in place of the general ones where there is a value to say."""
    happened, first = OWN[name]
    return f"{words or happened}; first: {first}"
