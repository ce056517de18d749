"""Request, readings, verdict and dose become one event, the worst that has a row; pure. With controller/guards.py the only place where a guard of the
table is checked. It moves nothing and sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from controller.channels import smallest_rest_mgy
from controller.dose import Dose
from controller.ends import LIT, lit_words, own_words, unit_words
from controller.entries import Outcome
from controller.exposure import Decided, Stage, worse
from controller.facts import WAIT, Asked, Facts, Ruling
from controller.guards import rule_on
from controller.off import SLOW_FRESH_S, discharging
from controller.prescribed import Quality
from controller.self_test import Phase, Tests
from controller.settings import Settings
from controller.states import BEAM, EXPIRES_S, TRANSITIONS, Event, State
from hal.machine import Fitted
from hal.readings import Cause, Purpose, Readings, Relay, Termination, UnitState
from interlocks.cold import most_ma
from interlocks.generator_rules import KV_STEADY, KV_STEADY_KV, MA_STEADY
from interlocks.look import RATE_WINDOW_S
from interlocks.rules import TABLE
from interlocks.words import Finding, Sent, Trip, Verdict

WHILE_BEAM: Final = frozenset(row.id for row in TABLE if row.while_beam)
"""Rules that may end a beam; the others only forbid its start."""
STOP_WORDS: Final = own_words("stop")
QUIET: Final = Decided(Event.NONE, Event.NONE, "", "")
"""A tick in which nothing happened."""
K1_OPEN: Final = Relay.K1_MIRROR_OPEN.value
_LINK_LOST = (Event.UNIT_LOST, Event.GEN_LOST)
_NOTHING_TESTED = (Phase.IDENTIFY, Phase.FAILED)
"""A device that is silent, or whose values are not asked for because it is a wrong one, takes no test back here; beginning again each tick would
only take away the words that say so."""
_NEEDS_BEAM = (Event.TIME_END, Event.DOSE_END)
_ENDS_BY_BACKUP = (Cause.K1_LIMIT, Cause.COUNT2, Cause.HARD_CAP)
_UNIT_FAULTS = (
    Cause.NONE,
    Cause.RATE,
    Cause.DISAGREE,
    Cause.PAIR,
    Cause.MIRROR,
    Cause.TEST_PULSE,
    Cause.SPONTANEOUS,
)
"""NONE too: a unit that ended an exposure and does not know why is not sound (fault-X8)."""


def cause_event(cause: int, termination: Termination) -> Event:
    """What the safety unit's first cause means for the exposure that it ended; an unknown cause, and none, is a fault."""
    if cause == Cause.REBOOT:
        return Event.UNIT_REBOOT
    if cause == Cause.COUNT_PRESET:
        return Event.DOSE_END if termination is Termination.MONITOR else Event.TIME_END
    if cause == Cause.TIME_PRESET:
        return Event.DOSE_END if termination is Termination.TIME else Event.TIME_END
    if cause in _ENDS_BY_BACKUP:
        return Event.TIME_END
    if cause in _UNIT_FAULTS or cause not in Cause._value2member_map_:
        return Event.TRIP_FAULT
    return Event.KEY_OFF if cause == Cause.KEY else Event.TRIP_STOP


def unit_ended(cause: int, termination: Termination, purpose: Purpose, by: str = "") -> tuple[Event, str, str]:
    """What an end by the safety unit is for its exposure: event, rule and words; `by` is added to its name where somebody else disarmed."""
    name = Cause(cause).name if cause in Cause._value2member_map_ else str(cause)
    if purpose is Purpose.DRY_RUN and cause in LIT:
        return Event.TRIP_FAULT, f"unit:{name}", lit_words(cause)
    return cause_event(cause, termination), f"unit:{name}", unit_words(cause, by)


def decide(
    stage: Stage, asked: Asked, readings: Readings, verdict: Verdict, dose: Dose, facts: Facts
) -> tuple[Decided, Ruling]:
    """The tick's event, and the ruling on the request that was asked (WAIT when none was)."""
    in_beam = stage.state in BEAM
    heard: list[tuple[Event, str, str]] = [
        (_event_of(f, stage, facts.tests), f.rule, f.words)
        for f in verdict.findings
        if not in_beam or f.rule in WHILE_BEAM
    ]
    if asked.stop:
        heard.append((Event.STOP, "stop", STOP_WORDS))
    look = _LOOKS.get(stage.state)
    if look is not None:
        heard.extend(look(stage, readings, verdict, dose, facts))
    heard.extend(_expired(stage, readings))
    if not heard and asked.request is None:
        return QUIET, WAIT
    ruling = WAIT
    if asked.request is not None:
        ruling = rule_on(asked.request, stage, readings, verdict, facts)
        if ruling.event is not Event.NONE:
            heard.append((ruling.event, "", ""))
    row = TRANSITIONS[stage.state]
    worst = min(heard, default=(Event.NONE, "", ""))
    with_row = min((h for h in heard if h[0] is not Event.NONE and row[h[0]] is not None), default=(Event.NONE, "", ""))
    if with_row[0] is Event.TRIP_STOP and stage.state is State.PREPARATORY and facts.case.offer_at_s is None:
        rest = [h for h in heard if h[0] not in (Event.NONE, Event.TRIP_STOP) and row[h[0]] is not None]
        with_row = min(rest, default=(Event.NONE, "", ""))
    return Decided(with_row[0], worst[0], with_row[1], with_row[2]), ruling


def _event_of(finding: Finding, stage: Stage, tests: Tests) -> Event:
    event = Event[finding.trip.name]
    if event in _LINK_LOST and stage.state is State.SELF_TEST and tests.phase in _NOTHING_TESTED:
        return Event.NONE
    if event is Event.UNIT_REBOOT and stage.state is State.SELF_TEST:
        return Event.NONE
    if finding.rule == "unit_latched" and stage.state is State.SELF_TEST:
        return Event.NONE
    return event


def _expired(stage: Stage, readings: Readings) -> list[tuple[Event, str, str]]:
    bound = EXPIRES_S.get(stage.state)
    if bound is None or readings.now_s - stage.since_s <= bound:
        return []
    words = own_words("expired", f"{stage.state.value} lasted longer than {bound:.0f} s")
    return [(Event.EXPIRED, "expired", words)]


def _self_test(_s: Stage, _r: Readings, _v: Verdict, _d: Dose, facts: Facts) -> list[tuple[Event, str, str]]:
    event = {
        Phase.PASSED: Event.TESTS_PASSED,
        Phase.FAILED: Event.TESTS_FAILED,
        Phase.LATCHED: Event.LATCH_FOUND,
        Phase.STUCK: Event.STUCK_FOUND,
    }.get(facts.tests.phase)
    return [(event, "self_test", facts.tests.words)] if event is not None else []


def _ran_unseen(r: Readings, facts: Facts) -> list[tuple[Event, str, str]]:
    """The unit ran with this exposure's token and ended it between two looks, without ON: heard as in beam, but a preset or a backup that was reached
    all the same is a fault of the unit."""
    unit, settings = r.unit, facts.case.settings
    if unit is None or settings is None or unit.state != UnitState.ENDED or unit.token != facts.case.token:
        return []
    event, rule, words = _end_of(unit.first_cause, settings, facts.sent)
    return [(Event.TRIP_FAULT if event in _NEEDS_BEAM else event, rule, words)]


def _end_of(cause: int, settings: Settings, sent: Sent) -> tuple[Event, str, str]:
    by = _disarmed_by(sent) if cause == Cause.DISARM else ""
    return unit_ended(cause, settings.terms.termination, settings.terms.purpose, by)


def _refused(verdict: Verdict, sent: Sent) -> list[tuple[Event, str, str]]:
    """The gate let nothing out and sent OFF: no permission is out any more, and none comes back by waiting. Where a verdict made it, its rule says why."""
    if verdict.forbids_beam or sent.armed_at_s is not None:
        return []
    return [(Event.TRIP_STOP, "refused", own_words("refused", sent.refused))]


def _arming(_s: Stage, r: Readings, verdict: Verdict, _d: Dose, facts: Facts) -> list[tuple[Event, str, str]]:
    unit, case, settings, said = r.unit, facts.case, facts.case.settings, facts.statement
    if said is not None and case.start_seq and said.refused_seq == case.start_seq:
        # no token comes any more: unloaded, so that the words stand until somebody loads again, and a new question is asked then
        return [(Event.EDIT, "start", own_words("start", said.refused))]
    if unit is None or settings is None or not case.token or facts.sent.armed_at_s is None:
        return []
    armed = (
        unit.state == UnitState.ARMED
        and unit.token == case.token
        and unit.active_crc == settings.plan.staging_crc
        and unit.asked_at_s > facts.sent.armed_at_s
    )
    ready = r.flags is not None and r.flags.supply_ready
    if not (armed and ready and not verdict.blocks_start and not verdict.forbids_beam):
        return []
    return [(Event.ARMED, "", "")]


def _ready(_s: Stage, r: Readings, verdict: Verdict, _d: Dose, facts: Facts) -> list[tuple[Event, str, str]]:
    unit, case, sent = r.unit, facts.case, facts.sent
    if unit is None or unit.state != UnitState.RUN or unit.token != case.token:
        return _ran_unseen(r, facts) or _refused(verdict, sent)
    if verdict.forbids_beam:
        # the gate has sent off and forgotten the press; the rule that made it do so says why
        return []
    if sent.armed_at_s is None:
        # the same where it refused by itself: RUN was asked for before that off
        return _refused(verdict, sent)
    pressed_once = sent.press_count is not None and (unit.press_count - sent.press_count) & 0xFFFF == 1
    if not pressed_once:
        words = f"the unit runs, but its press count went from {sent.press_count} to {unit.press_count}, not up by one"
        return [(Event.TRIP_FAULT, "press", own_words("press", words))]
    if unit.relays & K1_OPEN or verdict.blocks_start:
        return []
    return [(Event.PRESS, "", "")]


def _beam(stage: Stage, r: Readings, verdict: Verdict, dose: Dose, facts: Facts) -> list[tuple[Event, str, str]]:
    heard: list[tuple[Event, str, str]] = []
    unit, settings = r.unit, facts.case.settings
    if unit is not None and settings is not None:
        if unit.state in (UnitState.ENDED, UnitState.LATCHED) and unit.token == facts.case.token:
            heard.append(_end_of(unit.first_cause, settings, facts.sent))
        elif unit.state in (UnitState.IDLE, UnitState.COMMITTED):
            heard.append((Event.TRIP_STOP, "unit:IDLE", own_words("unit:IDLE")))
        else:
            heard.extend(_refused(verdict, facts.sent))
    if stage.state is State.STARTING and _beam_ok(r, dose, facts):
        heard.append((Event.BEAM_OK, "", ""))
    return heard


def _disarmed_by(sent: Sent) -> str:
    """Anybody may disarm: where this program's permission was still out, it was somebody else."""
    return (
        ", sent by another Modbus master" if sent.armed_at_s is not None else f", sent by this program {sent.refused}"
    )


def _beam_ok(r: Readings, dose: Dose, facts: Facts) -> bool:
    settings, monitor, on_at = facts.case.settings, r.monitor, facts.sent.on_at_s
    if settings is None or monitor is None or on_at is None or monitor.asked_at_s < on_at:
        return False
    kv_ok = abs(monitor.kv - settings.terms.kv) <= max(KV_STEADY_KV, KV_STEADY * settings.terms.kv)
    if settings.terms.purpose is Purpose.DRY_RUN:
        return kv_ok and 0.0 <= monitor.ma <= most_ma(settings.terms.kv)
    ma_ok = abs(monitor.ma - settings.terms.ma) <= MA_STEADY * settings.terms.ma
    counts = dose.rate_1_mgy_per_s > 0.0 and dose.rate_2_mgy_per_s > 0.0
    return kv_ok and ma_ok and (counts or not facts.machine.fitted & Fitted.CHAMBERS)


def _stopping(stage: Stage, r: Readings, _v: Verdict, dose: Dose, facts: Facts) -> list[tuple[Event, str, str]]:
    since = r.now_s - stage.since_s
    settings = facts.case.settings
    t2_s, t2d_s = (settings.terms.t2_s, settings.terms.t2d_s) if settings is not None else (0.5, 4.0)
    grace = settings.silence_s if settings is not None else facts.machine.watchdog_s or 0.2
    if facts.off.verified and facts.off_since_s is not None and r.now_s - facts.off_since_s >= SETTLE_S:
        own = settings is not None
        return [(settled_event(stage, dose, facts), "", "")] if own or _rates_are_later(r, facts.off_since_s) else []
    lost = r.unit_link.lost or r.generator_link.lost
    deadline = max(t2_s, t2d_s) + (grace if lost else 0.0)
    if since > deadline and not facts.off.verified and not _empties(since, r, facts):
        why = facts.off.stuck or f"no evidence from {facts.off.missing or 'the devices'}"
        words = f"off is not verified {since:.1f} s after it was sent (bound {deadline:.1f} s): {why}"
        return [(Event.OFF_UNVERIFIED, "stuck_on", own_words("stuck_on", words))]
    return []


def _empties(since_s: float, r: Readings, facts: Facts) -> bool:
    """A dry run's cable has nothing but its bleeder to empty it: that takes its own time, and is no beam while it falls."""
    settings = facts.case.settings
    if settings is None or settings.terms.purpose is not Purpose.DRY_RUN:
        return False
    return discharging(r, facts.machine, settings.terms.kv, since_s)


def _rates_are_later(r: Readings, off_since_s: float) -> bool:
    """Beam that was found at a start is over when the chambers' rates were read since, or are too old to be judged by: those from before would call
    it uncommanded once more."""
    read = r.slow is not None and r.slow.asked_at_s >= off_since_s + RATE_WINDOW_S
    return read or r.now_s - off_since_s >= SLOW_FRESH_S


SETTLE_S: Final = 0.2
"""Off must hold this long before the dose is settled, so that the cable's discharge has been counted."""


def settled_event(stage: Stage, dose: Dose, facts: Facts) -> Event:
    """The end by the worst outcome seen and by the settled dose: a stop with nothing left to give is TERMINATED, an end that fell short is not."""
    outcome, settings = stage.outcome, facts.case.settings
    if settings is not None and dose.fraction_quality is not Quality.UNKNOWN:
        # of its own rest: a resume gives D0 less the high bound of what came before, where that is not known to be GOOD
        rest = settings.rest_mgy - (dose.fraction_delivered_mgy - settings.delivered_before_mgy)
        short = not rest <= smallest_rest_mgy(settings.d0_mgy)
        if outcome is Outcome.INTERRUPTED and not short and settings.terms.purpose is not Purpose.DRY_RUN:
            outcome = Outcome.TERMINATED
        elif outcome is Outcome.TERMINATED and short:
            outcome = worse(outcome, Outcome.INTERRUPTED)
    return {
        Outcome.TERMINATED: Event.OFF_VERIFIED_TERMINATED,
        Outcome.INTERRUPTED: Event.OFF_VERIFIED_INTERRUPTED,
    }.get(outcome, Event.OFF_VERIFIED_FAULT)


_LOOKS: Final[dict[State, Callable[[Stage, Readings, Verdict, Dose, Facts], list[tuple[Event, str, str]]]]] = {
    State.SELF_TEST: _self_test,
    State.ARMING: _arming,
    State.READY: _ready,
    State.STARTING: _beam,
    State.IRRADIATING: _beam,
    State.STOPPING: _stopping,
}


TRIP_EVENTS: Final = {trip: Event[trip.name] for trip in Trip}
"""Every trip of the interlocks has an event of its name; a trip without one fails at import."""
