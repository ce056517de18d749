"""Is the beam off, and by what evidence? Pure: readings in, an answer with words out.
It sends nothing and knows no state; the deadlines that follow from "not verified" stand in controller/decide.py."""

from __future__ import annotations

from typing import Final

import msgspec

from hal.machine import Capabilities, Fitted
from hal.readings import Health, Readings, Relay

FRESH_S: Final = 0.25
"""Oldest status, flag or monitor reading that counts as evidence of off; the slow block has its own bound."""
SLOW_FRESH_S: Final = 2.5
KV_OFF_PART: Final = 0.05
"""High voltage below this part of full scale counts as gone (docs/safety.md)."""
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


def evidence(readings: Readings, machine: Capabilities, counted: bool) -> Evidence:
    """Evidence of off from one snapshot; `counted` says that both chambers counted in this exposure (without chambers: that the
    high-voltage contact closed), so that their silence means something."""
    now = readings.now_s
    unit, monitor, flags = readings.unit, readings.monitor, readings.flags
    unit_fresh = unit is not None and now - unit.asked_at_s <= FRESH_S and not readings.unit_link.lost
    kv_fresh = monitor is not None and now - monitor.asked_at_s <= FRESH_S and not readings.generator_link.lost
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
    if flags is not None and now - flags.asked_at_s <= FRESH_S and not readings.generator_link.lost:
        generator_open = not flags.interlock_closed
        if flags.hv_on:
            stuck.append("the generator says high voltage on")
    by_unit = k1_open and quiet and (kv_gone or (counted and not kv_fresh))
    by_generator = not unit_fresh and kv_gone and generator_open
    verified = not stuck and ((unit_fresh and by_unit) or by_generator)
    slow = readings.slow
    chambers_known = slow is not None and now - slow.asked_at_s <= SLOW_FRESH_S
    rates_known = chambers_known or not machine.fitted.value & CHAMBERS
    strict = verified and unit_fresh and kv_fresh and kv_gone and rates_known
    return Evidence(verified, strict, kv_gone and quiet, "; ".join(stuck), ", ".join(missing))
