"""What may pass the gate, one pure question for each command: words that refuse it, or none.
It holds nothing and sends nothing; the gate asks with what it has itself just read and judged."""

from __future__ import annotations

import zlib
from typing import Final

import msgspec

from hal.commands import STAGING_BYTES, Arm, ClearFaults, Hold, On, Plan, Reset, SetUp, Test, Unlatch
from hal.readings import Contact, Readings, Relay, UnitState, UnitStatus
from interlocks.limits import ABSOLUTE, MODES, check_terms, narrow
from interlocks.look import fresh
from interlocks.rules import Rules
from interlocks.unit_rules import read_back_wrong
from interlocks.words import Limits, Sent, Terms, Verdict, Wanted

ON_WITHIN_S: Final = 0.020
"""From look to ON: whatever is older was frozen in between (design-A12)."""
BACK_S: Final = 0.001
KV_OFF: Final = 0.05
"""Below this part of full scale no high voltage is there to arm over (design-A8)."""
PRESET_SLACK_MS: Final = 1.0
UNIT_MISSING: Final = "the safety unit's status is missing or old; check its link"
BEAM_STATES: Final = (int(UnitState.ARMED), int(UnitState.RUN))
SWITCH: Final = Contact.SWITCH.value
K1_COMMAND: Final = Relay.K1_COMMAND.value
K1_OPEN: Final = Relay.K1_MIRROR_OPEN.value
HV_SEEN: Final = Relay.HV_SEEN.value

Service = SetUp | Reset | Unlatch | Test | ClearFaults
"""Commands that are only for a machine at rest."""


class Passage(msgspec.Struct, frozen=True, gc=False):
    """What the gate knows when it is asked: this tick's verdict and readings, when they were looked at, its own clock, what it let through before.

    `last_armed` and `last_on` are the last tokens that ARM and ON were let through for, for ever.
    """

    now_s: float
    looked_at_s: float
    readings: Readings
    verdict: Verdict
    sent: Sent
    wanted: Wanted
    limits: Limits
    rules: Rules
    open: bool
    last_armed: int
    last_on: int


def beam_is_off(p: Passage) -> str:
    """Why the beam cannot be said to be off for a command to a machine at rest; empty when it is."""
    unit, flags = p.readings.unit, p.readings.flags
    if p.open or p.sent.armed_at_s is not None or p.sent.on_at_s is not None:
        return "a permission is out; send off first"
    if unit is None or not fresh(p.now_s, unit.asked_at_s, p.rules.stale_after_s[0]):
        return UNIT_MISSING
    if unit.state in BEAM_STATES:
        return f"the safety unit is in state {unit.state:#06x}; send off first"
    if unit.state != UnitState.TEST and (unit.relays & K1_COMMAND or not unit.relays & K1_OPEN):
        return "the mirror contact does not say that K1 is open"
    if unit.relays & HV_SEEN:
        return "the safety unit sees high voltage"
    if flags is None or not fresh(p.now_s, flags.asked_at_s, p.rules.stale_after_s[3]):
        return "the generator's flags are missing or old; check its link"
    return "the generator says high voltage on" if flags.hv_on else ""


def set_up(p: Passage, command: SetUp) -> str:
    """A plan passes if it is whole, is that of the terms, and lies within the limits; terms that passed before need no second proof."""
    terms = p.wanted.terms
    if terms is None or terms.plan != command.plan:
        return "the plan is not that of the confirmed terms; load the fraction again"
    if terms is p.sent.terms:
        return beam_is_off(p)
    return (
        beam_is_off(p)
        or plan_wrong(command.plan, terms)
        or "; ".join(check_terms(narrow(ABSOLUTE, p.limits, MODES[terms.purpose]), terms))
    )


def plan_wrong(plan: Plan, terms: Terms) -> str:
    """What in the staging bytes contradicts the terms that the rules judge by; the preset is their first register pair, k1 limit the second."""
    if len(plan.staging) != STAGING_BYTES or zlib.crc32(plan.staging) != plan.staging_crc:
        return (
            f"the staging block ({len(plan.staging)} bytes) does not have the CRC {plan.staging_crc:#010x}; load again"
        )
    if terms.digest != plan.digest():
        return "the terms carry another digest than their plan; load again"
    for name, place, limit_s in (("timer preset", 0, terms.timer_limit_s), ("K1 limit", 4, terms.k1_limit_s)):
        value_ms = int.from_bytes(plan.staging[place : place + 4], "big")
        if not 0 < value_ms <= 1000.0 * limit_s + PRESET_SLACK_MS:
            return f"the {name} of {value_ms} ms is 0 or above its limit of {1000.0 * limit_s:.0f} ms; load again"
    return ""


def arm(p: Passage, command: Arm) -> str:
    """ARM passes over a committed set that reads back equal, with nothing that blocks a start, for a token above every earlier one."""
    terms, unit, monitor = p.sent.terms, p.readings.unit, p.readings.monitor
    if terms is None or p.sent.set_up_at_s is None or terms != p.wanted.terms:
        return "what is set up is not what was confirmed; set up again"
    if p.sent.armed_at_s is not None:
        if command.token != p.sent.token:
            return f"token {p.sent.token} is armed; send off before arming {command.token}"
        return "" if unit is not None else not_ready(p.verdict) or UNIT_MISSING
    if command.token <= max(p.last_armed, p.last_on):
        return f"token {command.token} is not above {max(p.last_armed, p.last_on)}, the last one; it was used before"
    if command.active_crc != terms.plan.staging_crc:
        return f"ARM names CRC {command.active_crc:#010x}, confirmed {terms.plan.staging_crc:#010x}"
    refused = not_ready(p.verdict) or beam_is_off(p) or read_back_wrong(p.readings, terms)
    if refused:
        return refused
    assert unit is not None
    if unit.state != UnitState.COMMITTED:
        return f"the safety unit is in state {unit.state:#06x}, not COMMITTED; set up first"
    if (unit.contacts_a | unit.contacts_b) & SWITCH:
        return "the beam-on switch is pressed; let go of it"
    bound = KV_OFF * p.rules.full_scale_kv
    if monitor is None or not fresh(p.now_s, monitor.asked_at_s, p.rules.stale_after_s[2]) or not monitor.kv < bound:
        return f"the generator does not read back less than {bound:.1f} kV; wait until it does"
    return ""


def hold(p: Passage, command: Hold) -> str:
    """A renewal passes while the verdict permits and the unit has been read ARMED or RUN with this token, later than ARM was passed on."""
    return _forbidden(p.verdict) or _not_held(p, command.token, BEAM_STATES)


def on(p: Passage, command: On) -> str:
    """ON passes once for a token, at once after its look, in RUN of that token, after one press and no restart since ARM."""
    since = p.now_s - p.looked_at_s
    if not -BACK_S <= since <= ON_WITHIN_S:
        return f"{1000 * since:.1f} ms since the look (bound {1000 * ON_WITHIN_S:.0f} ms); release the switch and arm again"
    if command.token <= p.last_on or p.sent.on_at_s is not None:
        return f"ON was sent before for token {command.token} or a later one; arm again"
    refused = not_ready(p.verdict) or _not_held(p, command.token, (int(UnitState.RUN),))
    if refused:
        return refused
    unit, sent = p.readings.unit, p.sent
    assert unit is not None
    if unit.boot_count != sent.boot_count:
        return f"the safety unit's boot count went from {sent.boot_count} to {unit.boot_count}; arm again"
    if sent.press_count is None or (unit.press_count - sent.press_count) & 0xFFFF != 1:
        return f"the press count went from {sent.press_count} to {unit.press_count}, not up by one; arm again"
    return ""


def rest(p: Passage, command: Reset | Unlatch | Test | ClearFaults) -> str:
    """The service verbs pass only at rest, RESET and UNLATCH only in a state that has something to clear."""
    refused = beam_is_off(p)
    unit = p.readings.unit
    if refused or unit is None:
        return refused
    if isinstance(command, Reset) and unit.state not in (UnitState.IDLE, UnitState.ENDED):
        return f"the safety unit is in state {unit.state:#06x}, not IDLE or ENDED; send off first"
    if isinstance(command, Unlatch) and unit.state != UnitState.LATCHED:
        return f"the safety unit is in state {unit.state:#06x}, not LATCHED; there is nothing to clear"
    return ""


def _forbidden(verdict: Verdict) -> str:
    return f"the verdict forbids beam: {_first(verdict)}" if verdict.forbids_beam else ""


def not_ready(verdict: Verdict) -> str:
    """Why this verdict lets nothing start, by its worst finding; empty when it does."""
    return _forbidden(verdict) or (f"not ready: {_first(verdict)}" if verdict.blocks_start else "")


def _first(verdict: Verdict) -> str:
    return verdict.findings[0].words if verdict.findings else "it does not say why"


def _not_held(p: Passage, token: int, states: tuple[int, ...]) -> str:
    unit, armed_at_s = p.readings.unit, p.sent.armed_at_s
    if armed_at_s is None or token != p.sent.token:
        return f"token {token} is not armed (armed: {p.sent.token}); arm it first"
    if unit is None or not unit.asked_at_s > armed_at_s:
        return "the safety unit has not been read since ARM; wait for it"
    return (
        ""
        if holds(unit, token, states)
        else (
            f"the safety unit is in state {unit.state:#06x} with token {unit.token}, not armed for {token}; arm again"
        )
    )


def holds(unit: UnitStatus, token: int, states: tuple[int, ...] = BEAM_STATES) -> bool:
    """Whether the unit reads one of these states for this token."""
    return unit.state in states and unit.token == token
