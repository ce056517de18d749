"""Is the beam off, and by what evidence? Pure: readings in, an answer with words out.
It sends nothing and knows no state; the deadlines that follow from "not verified" stand in controller/decide.py."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from hal.machine import Capabilities, Fitted
from hal.readings import Health, Readings, Relay
from interlocks.cold import left_kv

FRESH_S: Final = 0.25
"""Oldest status, flag or monitor reading that counts as evidence of off; the slow block has its own bound. On a wire whose plan is slower see `fresh_s`."""
OFF_MOST_S: Final = 0.5
"""No evidence of off is ever older: the longest that off may take to be verified (T2)."""
SLOW_FRESH_S: Final = 2.5
KV_OFF_PART: Final = 0.05
"""High voltage below this part of full scale counts as gone (docs/safety.md)."""
READING_WORDS: Final = {
    "unit": "the safety unit's status",
    "monitor": "the generator's kV",
    "flags": "the generator's flags",
}
K1_OPEN: Final = Relay.K1_MIRROR_OPEN.value
K1_COMMAND: Final = Relay.K1_COMMAND.value
HV_SEEN: Final = Relay.HV_SEEN.value
SATURATED: Final = Health.SATURATED1.value | Health.SATURATED2.value
CHAMBERS: Final = Fitted.CHAMBERS.value


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """`verified`: off is proved by a fresh K1 mirror, nothing that speaks against it, and one positive sign. `strict` asks for both kV and
    chambers, as SELF_TEST does; a rig without chambers has the contact of its high-voltage monitor instead. `gone`: no high voltage by kV and
    chambers, whatever the contactors say. `stuck` names what says that it is still there; `missing` what is not known."""

    verified: bool
    strict: bool
    gone: bool
    stuck: str
    missing: str


def fresh_s(machine: Capabilities, reading: str) -> float:
    """How old the generator's reading may be as evidence of off: by its poll plan and a tick on a slow wire, never beyond T2."""
    return min(OFF_MOST_S, max(FRESH_S, machine.worst_age_s.get(reading, 0.0) + machine.tick_s))


def too_slow(machine: Capabilities) -> tuple[str, ...]:
    """The readings by which this rig could not prove off, for its poll plan lets them grow older than any evidence of off may be."""
    bounds = {"unit": FRESH_S, "monitor": OFF_MOST_S, "flags": OFF_MOST_S}
    ages = {name: machine.worst_age_s.get(name, 0.0) for name in bounds}
    return tuple(
        f"{READING_WORDS[name]} may be {math.ceil(age_s * 1000 - 1e-6)} ms old, bound {bounds[name] * 1000:.0f} ms"
        for name, age_s in ages.items()
        if age_s > bounds[name] + 1e-9
    )


def _counts(readings: Readings, asked_at_s: float, bound_s: float) -> bool:
    """Young enough; and one that only a slow wire's bound lets pass was asked for after the last off had left and after any ON,
    so that no value from before either is ever evidence of what came of it."""
    age_s = readings.now_s - asked_at_s
    if age_s <= FRESH_S:
        return True
    off_at_s, on_at_s = readings.off_sent_at_s, readings.on_sent_at_s
    after = off_at_s is not None and asked_at_s >= off_at_s and (on_at_s is None or asked_at_s >= on_at_s)
    return after and age_s <= bound_s


def discharging(readings: Readings, machine: Capabilities, kv: float, since_s: float) -> bool:
    """Whether all that is left of a dry run is its cable's charge: the contactor is open, by the unit's mirror or by the generator's own line seen open, the
    generator says off, no chamber is saturated, and kV is no more than a bleeder would have left by now."""
    unit, monitor, flags = readings.unit, readings.monitor, readings.flags
    if monitor is None or flags is None or readings.generator_link.lost or flags.hv_on:
        return False
    if not all(
        _counts(readings, one.asked_at_s, fresh_s(machine, name))
        for name, one in (("monitor", monitor), ("flags", flags))
    ):
        return False
    heard = unit is not None and _counts(readings, unit.asked_at_s, FRESH_S) and not readings.unit_link.lost
    is_open = flags.interlock_open
    if heard and unit is not None:
        is_open = bool(unit.relays & K1_OPEN) and not unit.relays & K1_COMMAND and not unit.health & SATURATED
    return is_open and monitor.kv <= left_kv(kv, since_s)


def evidence(readings: Readings, machine: Capabilities, counted: bool) -> Evidence:
    """Evidence of off from one snapshot; `counted` says that both chambers counted in this exposure (without chambers: that the
    high-voltage contact closed), so that their silence means something."""
    unit, monitor, flags = readings.unit, readings.monitor, readings.flags
    unit_fresh = unit is not None and _counts(readings, unit.asked_at_s, FRESH_S) and not readings.unit_link.lost
    kv_bound_s, flags_bound_s = fresh_s(machine, "monitor"), fresh_s(machine, "flags")
    supply_up = not readings.generator_link.lost
    kv_fresh = monitor is not None and _counts(readings, monitor.asked_at_s, kv_bound_s) and supply_up
    stuck, missing = [], []
    k1_open = generator_open = kv_gone = quiet = False
    if unit_fresh and unit is not None:
        k1_open = bool(unit.relays & K1_OPEN) and not unit.relays & K1_COMMAND
        hv_seen = bool(unit.relays & HV_SEEN)
        quiet = not hv_seen and not unit.health & SATURATED
        if not k1_open:
            stuck.append("the mirror contact of K1 says closed")
        if hv_seen:
            stuck.append("the safety unit sees high voltage")
    else:
        missing.append("safety unit")
    if kv_fresh and monitor is not None:
        kv_gone = monitor.kv < KV_OFF_PART * machine.full_scale_kv
        if not kv_gone:
            stuck.append(f"the generator reads {monitor.kv:.1f} kV")
    else:
        missing.append("generator")
    if flags is not None and _counts(readings, flags.asked_at_s, flags_bound_s) and supply_up:
        generator_open = flags.interlock_open
        if flags.hv_on:
            stuck.append("the generator says high voltage on")
    by_unit = k1_open and quiet and (kv_gone or (counted and not kv_fresh))
    by_generator = not unit_fresh and kv_gone and generator_open
    verified = not stuck and ((unit_fresh and by_unit) or by_generator)
    slow = readings.slow
    chambers_known = slow is not None and readings.now_s - slow.asked_at_s <= SLOW_FRESH_S
    rates_known = chambers_known or not machine.fitted.value & CHAMBERS
    strict = verified and unit_fresh and kv_fresh and kv_gone and rates_known
    return Evidence(verified, strict, kv_gone and quiet, "; ".join(stuck), ", ".join(missing))
