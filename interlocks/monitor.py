"""The invariants that the program can see itself, asked at each look of what the tick before let out: a broken one says that the program is wrong.
Pure, with its memory as a value; it knows readings, the house and what was sent, and shares no bound's arithmetic with the rules that it watches."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from hal.readings import Purpose, Readings, Relay, UnitState
from interlocks.words import House, Sent, Terms

LASTING_S: Final = 0.3
"""How long beam may go on over what its own rule should have ended at once: T1 and room for a reading's age."""
DARK_S: Final = 0.3
"""How long high voltage may be seen, with no ON out, before OFF is sent again."""
SLACK_S: Final = 0.001
CHANNELS_PART: Final = {
    Purpose.TREAT: 0.033,
    Purpose.DAILY: 0.033,
    Purpose.WARMUP: 0.033,
    Purpose.CALIBRATE: 0.33,
    Purpose.DRY_RUN: 0.033,
}
CHANNELS_MGY: Final = 11.0
"""A tenth above what the rule of the two channels allows."""
TIMER_PART: Final = 0.01
TIMER_S: Final = 0.1
KV_PART: Final = 0.1
RENEWED_MS: Final = 3
OFF_SETTLED_S: Final = 0.05

_BEAM: Final = ("hold", "on")
_OUT: Final = ("arm", "hold", "on")
_AT_REST: Final = ("set_up", "reset", "unlatch", "test", "clear_faults")
_RUN: Final = int(UnitState.RUN)
_HELD: Final = (int(UnitState.ARMED), _RUN)
_HV_SEEN: Final = Relay.HV_SEEN.value

LAWS: Final[dict[str, str]] = {
    "1": "ON follows HOLD of the same token, with the unit read in RUN for it, and terms whose times are numbers above 0",
    "2": "what is armed or in beam is what was confirmed, by its digest",
    "4": "a verdict that forbids beam lets no HOLD, ARM or ON out",
    "6": "ON and ARM name a token above every earlier one",
    "7": "HOLD in beam stands on a status, a kV and flags that are young enough",
    "17": "beam time, and the numbers of the records, never fall",
    "18": "beam does not go on past the timer's limit by more than 1 % or 0.1 s",
    "19": "beam does not go on over channels that are apart",
    "20": "OFF is repeated while high voltage is seen and no ON is out",
    "LEASE": "the lease does not rise after OFF",
    "REST": "nothing is set up, reset, tested, unlatched or cleared while a permission is out",
    "TOKEN": "the token that is armed is the one that the records gave and made durable",
}
"""Those of verification/invariants.py that a program can ask of itself, by their ids there, and REST, which only it can see."""


class Watched(msgspec.Struct, frozen=True, gc=False):
    """What the monitor remembers of the last look (`command` empty: there was none), and the first thing that was broken (empty: nothing), for good: a
    program that has contradicted itself is not trusted again before it is begun anew."""

    command: str = ""
    armed_at_s: float | None = None
    on_at_s: float | None = None
    last_armed: int = 0
    last_on: int = 0
    unit_age_s: float = math.inf
    monitor_age_s: float = math.inf
    flags_age_s: float = math.inf
    unit_state: int = 0
    unit_token: int = 0
    lease_left_ms: int = 0
    unit_asked_s: float = -math.inf
    beam_s: float = 0.0
    put: int = 0
    durable: int = 0
    apart_since_s: float = math.inf
    over_since_s: float = math.inf
    lit_since_s: float = math.inf
    broken: str = ""


def watch(
    before: Watched,
    readings: Readings,
    house: House,
    sent: Sent,
    forbade: bool,
    blocked: bool,
    stale_after_s: tuple[float, ...],
    full_scale_kv: float,
) -> Watched:
    """The memory with this look added. `forbade` and `blocked` are what the last verdict said of beam and of a start; `sent` is what followed it."""
    now, command, on_at_s, armed_at_s = readings.now_s, sent.command, sent.on_at_s, sent.armed_at_s
    unit, monitor, flags, dose = readings.unit, readings.monitor, readings.flags, house.dose
    unit_age = now - unit.asked_at_s if unit is not None else math.inf
    monitor_age = now - monitor.asked_at_s if monitor is not None else math.inf
    flags_age = now - flags.asked_at_s if flags is not None else math.inf
    apart_since = over_since = lit_since = math.inf
    last_armed, last_on = before.last_armed, before.last_on
    token = sent.token or 0
    if on_at_s is not None:
        last_on = max(last_on, token)
        if command in _BEAM:
            purpose = sent.terms.purpose if sent.terms is not None else Purpose.TREAT
            bound = max(CHANNELS_PART[purpose] * max(dose.d1_mgy, dose.d2_mgy), CHANNELS_MGY)
            apart = not abs(dose.d1_mgy - dose.d2_mgy) <= bound
            apart_since = min(now, before.apart_since_s) if apart else math.inf
            limit_s = sent.terms.timer_limit_s if sent.terms is not None else 0.0
            over = unit is not None and not unit.beam_ms * 1e-3 <= limit_s + max(TIMER_PART * limit_s, TIMER_S)
            over_since = min(now, before.over_since_s) if over else math.inf
    elif command != "off" and (
        (unit is not None and unit.relays & _HV_SEEN and unit_age <= stale_after_s[0])
        or (monitor is not None and monitor.kv > KV_PART * full_scale_kv and monitor_age <= stale_after_s[2])
    ):
        lit_since = min(now, before.lit_since_s)
    if armed_at_s is not None:
        last_armed = max(last_armed, token)
    broken = before.broken or _sequence(before, sent, forbade, blocked) or _records(before, house, sent)
    if not broken and on_at_s is not None and on_at_s == before.on_at_s and command in _BEAM:
        broken = _in_beam(before, stale_after_s, apart_since, over_since, now)
    elif not broken and lit_since != math.inf and now - lit_since > DARK_S:
        broken = (
            f"20: high voltage has been seen for {now - lit_since:.2f} s without ON, and {command} was sent, not off"
        )
    if not broken and unit is not None and command == "off" and before.command == "off":
        broken = _renewed(before, readings, sent)
    return Watched(
        command,
        armed_at_s,
        on_at_s,
        last_armed,
        last_on,
        unit_age,
        monitor_age,
        flags_age,
        unit.state if unit is not None else 0,
        unit.token if unit is not None else 0,
        unit.lease_left_ms if unit is not None else 0,
        unit.asked_at_s if unit is not None else -math.inf,
        dose.on_s,
        house.records_put or 0,
        house.records_durable or 0,
        apart_since,
        over_since,
        lit_since,
        broken,
    )


def _sequence(before: Watched, sent: Sent, forbade: bool, blocked: bool) -> str:
    """What was let out, against the verdict that it followed and what was let out before."""
    command, token = sent.command, sent.token or 0
    if not before.command:
        return ""
    if command in _BEAM and forbade:
        return f"4: {command} was let out over a verdict that forbids beam"
    if command in ("arm", "on") and (forbade or blocked) and command != before.command:
        return f"4: {command} was let out over a verdict that forbids a start"
    if command in _AT_REST and (sent.armed_at_s is not None or sent.on_at_s is not None):
        return f"REST: {command} was let out while token {token} was armed"
    if sent.armed_at_s is not None and sent.armed_at_s != before.armed_at_s and token <= before.last_armed:
        return f"6: token {token} was armed after {before.last_armed}"
    if command == "hold" and before.command not in _OUT:
        return f"1: hold was let out after {before.command}, not after arm"
    if sent.on_at_s is None or sent.on_at_s == before.on_at_s:
        return ""
    if token <= before.last_on:
        return f"6: ON was let out for token {token} after {before.last_on}"
    return _on(before, sent.terms, token)


def _on(before: Watched, terms: Terms | None, token: int) -> str:
    """The tick in which ON was let out, by what was read in it."""
    if before.command != "hold" or before.unit_state != _RUN or before.unit_token != token:
        return f"1: ON for token {token} was let out after {before.command}, with the unit in {before.unit_state:#06x} for token {before.unit_token}"
    if terms is None or not (0.0 < terms.set_time_s < math.inf and 0.0 < terms.timer_limit_s < math.inf):
        return f"1: ON for token {token} was let out without terms, or with times that are no numbers above 0"
    return ""


def _records(before: Watched, house: House, sent: Sent) -> str:
    """What the house says of the records and of what was confirmed; None: it was not told."""
    if sent.command in _OUT:
        if house.token_acked is not None and house.token_acked != sent.token:
            return f"TOKEN: token {sent.token} is armed, the records have made {house.token_acked} durable"
        if house.confirmed is not None and (sent.terms is None or house.confirmed != sent.terms.digest):
            return f"2: another plan is armed than was confirmed ({house.confirmed.hex()[:8] or 'none'})"
    put, durable = house.records_put, house.records_durable
    if put is not None and durable is not None and (put < before.put or durable < before.durable):
        return f"17: records went from {before.put} to {put}, durable ones from {before.durable} to {durable}"
    if sent.on_at_s is not None and sent.on_at_s == before.on_at_s and not house.dose.on_s >= before.beam_s:
        return f"17: beam time went from {before.beam_s:.3f} to {house.dose.on_s:.3f} s"
    return ""


def _in_beam(before: Watched, stale_after_s: tuple[float, ...], apart_s: float, over_s: float, now: float) -> str:
    """Beam was held on: what the look before stood on, and what should have ended it."""
    if not (
        before.unit_age_s <= stale_after_s[0] + SLACK_S
        and before.monitor_age_s <= stale_after_s[2] + SLACK_S
        and before.flags_age_s <= stale_after_s[3] + SLACK_S
    ):
        return f"7: beam was held on readings of {before.unit_age_s:.3f} s (unit), {before.monitor_age_s:.3f} s (kV) and {before.flags_age_s:.3f} s (flags)"
    if now - apart_s > LASTING_S:
        return f"19: beam has been held for {now - apart_s:.2f} s over dose channels that are apart"
    if now - over_s > LASTING_S:
        return f"18: beam has been held for {now - over_s:.2f} s past the timer's limit"
    return ""


def _renewed(before: Watched, readings: Readings, sent: Sent) -> str:
    """After OFF nothing may lengthen the lease."""
    unit = readings.unit
    if unit is None or sent.off_at_s is None or unit.asked_at_s - sent.off_at_s < OFF_SETTLED_S:
        return ""
    if unit.state not in _HELD or before.unit_state not in _HELD or unit.token != before.unit_token:
        return ""
    risen = unit.lease_left_ms - before.lease_left_ms
    return f"LEASE: the lease rose by {risen} ms after OFF" if risen > RENEWED_MS else ""
