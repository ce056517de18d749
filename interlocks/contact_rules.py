"""Rules about the room and the head: emergency stop, door, key, applicator, filter, beam-on switch, test pulse; all read by the safety unit.
They report only: emergency stop, door and key are wired in series with both contactors' coils and act without any program."""

from __future__ import annotations

import math
from typing import Final

from hal.machine import Fitted
from hal.readings import Contact, Purpose
from interlocks.look import SETTLING, UNIT, Look, When
from interlocks.rule import Rule
from interlocks.words import Clears, Trip

ESTOP: Final = Contact.ESTOP.value
DOOR: Final = Contact.DOOR.value
TREAT: Final = Contact.KEY_TREAT.value
SERVICE: Final = Contact.KEY_SERVICE.value
APPLICATOR: Final = Contact.APPLICATOR.value
SWITCH: Final = Contact.SWITCH.value
PULSE: Final = Contact.TEST_PULSE.value
KEYS: Final = TREAT | SERVICE
PAIRED: Final = ESTOP | DOOR | KEYS | APPLICATOR | SWITCH

KEY_OF: Final[dict[Purpose, int]] = {
    Purpose.TREAT: TREAT,
    Purpose.DAILY: TREAT,
    Purpose.WARMUP: TREAT,
    Purpose.CALIBRATE: SERVICE,
    Purpose.DRY_RUN: SERVICE,
}
"""Where the key must stand for each purpose; the safety unit holds the same table."""

RELEASED_WITHIN_S: Final = 5.0
STUCK_S: Final = 2.0
PAIR_S: Final = 0.1
PAIR_REST_S: Final = 0.5
"""How long two channels may differ: while something is permitted, as the safety unit's own bound; and at rest, where a door may be closed slowly."""
CLOSED_FOR_S: Final = 0.1
"""A contact that bounces as it closes is closed when it has stopped; as it opens it is open at once (fault-I2)."""


def _both(look: Look, bit: int) -> str:
    """What the two channels say of one contact."""
    a, b = look.unit.contacts_a & bit, look.unit.contacts_b & bit
    return f"channel A {'closed' if a else 'open'}, channel B {'closed' if b else 'open'}"


def _closed(look: Look, bit: int) -> bool:
    """Closed in both channels, and for long enough since it was last read open."""
    return look.closed & bit == bit and look.now_s - look.memory.opened_at_s[SETTLING.index(bit)] >= CLOSED_FOR_S


def _closed_words(look: Look, bit: int, is_open: str) -> str:
    if look.closed & bit != bit:
        return f"{is_open} ({_both(look, bit)})"
    since_s = look.now_s - look.memory.opened_at_s[SETTLING.index(bit)]
    return f"{is_open}, or was {since_s:.2f} s ago (bound {CLOSED_FOR_S} s)"


def _key(look: Look) -> bool:
    either = (look.unit.contacts_a | look.unit.contacts_b) & KEYS
    both = look.closed & KEYS
    if look.sent.set_up_at_s is None:
        return either == both and both in (TREAT, SERVICE)
    return either == both == KEY_OF[look.terms.purpose]


def _key_words(look: Look) -> str:
    wanted = "TREAT or SERVICE"
    if look.sent.set_up_at_s is not None:
        wanted = f"{'TREAT' if KEY_OF[look.terms.purpose] == TREAT else 'SERVICE'} for {look.terms.purpose.name}"
    return f"the key is not in {wanted}: TREAT {_both(look, TREAT)}; SERVICE {_both(look, SERVICE)}"


def _applicator(look: Look) -> bool:
    return look.unit.applicator_a == look.unit.applicator_b == look.terms.applicator_code


def _filter(look: Look) -> bool:
    return look.unit.filter_a == look.unit.filter_b == look.terms.filter_code


def _agree(look: Look) -> bool:
    return not (look.unit.contacts_a ^ look.unit.contacts_b) & PAIRED & look.paired


def _agree_words(look: Look) -> str:
    names = [bit.name or "?" for bit in Contact if (look.unit.contacts_a ^ look.unit.contacts_b) & bit.value & PAIRED]
    bound_s = PAIR_S if look.asked[When.STANDING] else PAIR_REST_S
    return f"the two channels of {', '.join(names)} disagree for longer than {bound_s * 1000:.0f} ms"


def _released(look: Look) -> bool:
    return look.now_s - look.memory.released_at_s <= RELEASED_WITHIN_S


def _released_words(look: Look) -> str:
    ago_s = look.now_s - look.memory.released_at_s
    seen = "has not been seen released yet" if math.isinf(ago_s) else f"was last seen released {ago_s:.1f} s ago"
    return f"the beam-on switch {seen} (bound {RELEASED_WITHIN_S:.0f} s)"


def _let_go(look: Look) -> bool:
    """Never let go since the off that ended the last permission, and still pressed in either channel."""
    off_at_s = look.sent.off_at_s
    if off_at_s is None or not (look.unit.contacts_a | look.unit.contacts_b) & SWITCH:
        return True
    return look.memory.released_at_s > off_at_s or look.now_s - off_at_s <= STUCK_S


def _stuck_words(look: Look) -> str:
    held_s = look.now_s - (look.sent.off_at_s or look.now_s)
    return f"the beam-on switch is still pressed {held_s:.1f} s after the beam's end (bound {STUCK_S:g} s; {_both(look, SWITCH)})"


CONTACT_RULES: Final = (
    Rule(
        id="emergency_stop",
        hazards=("fault-I9", "engineering-G30"),
        when=When.ALWAYS,
        needs=UNIT,
        question=lambda look: _closed(look, ESTOP),
        wrong=lambda look: _closed_words(look, ESTOP, "the emergency stop is pressed"),
        first="find out why, then pull the button out",
    ),
    Rule(
        id="door",
        hazards=("fault-I1", "engineering-G31"),
        when=When.ALWAYS,
        needs=UNIT,
        question=lambda look: _closed(look, DOOR),
        wrong=lambda look: _closed_words(look, DOOR, "the door is open"),
        first="close the door",
    ),
    Rule(
        id="key",
        hazards=("fault-I10", "design-D14"),
        when=When.ALWAYS,
        needs=UNIT,
        question=_key,
        wrong=_key_words,
        first="turn the key to its place",
        trip=Trip.KEY_OFF,
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="applicator_contact",
        hazards=("accident-A9", "engineering-G32"),
        when=When.ALWAYS,
        needs=UNIT,
        question=lambda look: _closed(look, APPLICATOR),
        wrong=lambda look: _closed_words(look, APPLICATOR, "the applicator is not seated"),
        first="seat the applicator until it clicks",
    ),
    Rule(
        id="applicator_code",
        hazards=("engineering-G9", "fault-I8", "Therac-T7"),
        stands_on=Fitted.CODES,
        when=When.SET_UP,
        needs=UNIT,
        question=_applicator,
        wrong=lambda look: (
            f"applicator code reads {look.unit.applicator_a:#04x} and {look.unit.applicator_b:#04x}, "
            f"confirmed is {look.terms.applicator_code:#04x}"
        ),
        first="fit the applicator of the prescription",
    ),
    Rule(
        id="filter_code",
        hazards=("engineering-G8", "Therac-T7"),
        stands_on=Fitted.CODES,
        when=When.SET_UP,
        needs=UNIT,
        question=_filter,
        wrong=lambda look: (
            f"filter code reads {look.unit.filter_a:#04x} and {look.unit.filter_b:#04x}, confirmed is {look.terms.filter_code:#04x}"
        ),
        first="fit the filter of the prescription",
    ),
    Rule(
        id="switch_released",
        hazards=("accident-A11", "design-A7"),
        when=When.NOT_ARMED,
        needs=UNIT,
        question=_released,
        wrong=_released_words,
        first="let go of the beam-on switch; if nobody holds it, it is stuck: service",
        while_beam=False,
        clears=Clears.BY_ITSELF,
    ),
    Rule(
        id="switch_held",
        hazards=("accident-A11",),
        when=When.HELD_DOWN,
        needs=UNIT,
        question=lambda look: look.closed & SWITCH == SWITCH,
        wrong=lambda look: f"the beam-on switch was let go ({_both(look, SWITCH)})",
        first="resume with a new press, and hold the switch until the end",
    ),
    Rule(
        id="switch_let_go",
        hazards=("accident-A11",),
        when=When.NOT_ARMED,
        needs=UNIT,
        question=_let_go,
        wrong=_stuck_words,
        first="let go of the beam-on switch; if nobody holds it, it is stuck: service",
        while_beam=False,
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="contacts_agree",
        hazards=("fault-I5", "accident-A10"),
        stands_on=Fitted.PAIRS,
        when=When.STANDING,
        needs=UNIT,
        question=_agree,
        wrong=_agree_words,
        first="call service: one channel of the contact is broken",
        persists_for_s=PAIR_S,
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="contacts_agree_at_rest",
        hazards=("fault-I5", "accident-A10"),
        stands_on=Fitted.PAIRS,
        when=When.ALWAYS,
        needs=UNIT,
        question=_agree,
        wrong=_agree_words,
        first="call service: one channel of the contact is broken",
        persists_for_s=PAIR_REST_S,
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
    Rule(
        id="test_pulse",
        hazards=("fault-I6",),
        stands_on=Fitted.TEST_PULSE,
        when=When.ALWAYS,
        needs=UNIT,
        question=lambda look: look.closed & PULSE == PULSE,
        wrong=lambda look: f"the contacts' test pulse does not come back ({_both(look, PULSE)})",
        first="call service: a contact's wire is shorted or broken",
        persists_for_s=PAIR_S,
        trip=Trip.TRIP_FAULT,
        clears=Clears.BY_SERVICE,
    ),
)
