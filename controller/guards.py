"""The guard of every request that a person may make: taken (an event), refused with words that say what to do first, or neither yet. Pure.
It moves nothing; which event of a tick is taken is for controller/decide.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from controller import requests
from controller.exposure import Stage
from controller.facts import WAIT, Facts, Ruling
from controller.requests import Request
from controller.states import TRANSITIONS, Event, State
from controller.stray import adopt_refused
from hal.readings import Contact, Purpose, Readings, Relay, UnitState
from hal.rig import read_back
from interlocks.contact_rules import KEY_OF, KEYS
from interlocks.latch import MAY_CLEAR
from interlocks.words import Clears, Verdict

STUCK_OFF_S: Final = 60.0
"""How long everything must have been off before STUCK_ON may be left."""
MAINS_OFF_S: Final = 10.0
"""For this long without a break, within STUCK_ON, a generator must have been unheard to count as switched off and on again. An assumption: no dialect tells
that its device has started anew, so two persons' word stands for it, and this only takes from their word what was damaged replies, a moment's lost link or a
plug that was put back at once. Opening the link again and knowing the device may double a short silence."""
ANYBODY: Final = frozenset(MAY_CLEAR)
MAY_LOAD: Final = {
    Purpose.TREAT: ANYBODY,
    Purpose.DAILY: ANYBODY,
    Purpose.WARMUP: ANYBODY,
    Purpose.CALIBRATE: frozenset({"physicist", "service"}),
    Purpose.DRY_RUN: frozenset({"physicist", "service"}),
}
"""Which roles may load what: a calibration is no operator's work, and neither is high voltage over a cold filament."""
NEVER_RESUMED: Final = frozenset({Purpose.CALIBRATE, Purpose.DRY_RUN})
"""An exposure that was ended is spoiled for what it was to measure: it is taken anew."""


def rule_on(request: Request, stage: Stage, readings: Readings, verdict: Verdict, facts: Facts) -> Ruling:
    """The guard of one request; a request that the state has no row for is refused with the state's name."""
    guard = _GUARDS.get(type(request))
    if guard is None:
        return WAIT
    return guard(request, stage, readings, verdict, facts)


def _no_row(stage: Stage, what: str, where: str) -> Ruling:
    return Ruling(refused=f"{what} is not possible in {stage.state.value}; it needs {where}")


def _load(request: Request, stage: Stage, r: Readings, _v: Verdict, facts: Facts) -> Ruling:
    assert isinstance(request, requests.Load)
    if stage.state is not State.STANDBY:
        return _no_row(stage, "loading a fraction", "STANDBY")
    if facts.latches:
        return Ruling(refused=f"latched: {facts.latches[0].words}; clear it first (kerma reset)")
    purpose = request.prescribed.purpose
    if request.role not in MAY_LOAD[purpose]:
        may = " or ".join(sorted(MAY_LOAD[purpose]))
        return Ruling(
            refused=f"{purpose.name} is for {may}, and role {request.role or 'none'} asks; log in as one of these first"
        )
    return _admitted(request, r, facts, Event.LOAD)


def _resume(request: Request, stage: Stage, r: Readings, _v: Verdict, facts: Facts) -> Ruling:
    assert isinstance(request, requests.Resume)
    if stage.state not in (State.STANDBY, State.INTERRUPTED):
        return _no_row(stage, "resuming", "STANDBY or INTERRUPTED")
    if facts.latches:
        return Ruling(refused=f"latched: {facts.latches[0].words}; clear it first (kerma reset)")
    if request.prescribed.purpose in NEVER_RESUMED:
        return Ruling(refused=f"{request.prescribed.purpose.name} is not resumed; close it, and expose anew")
    if stage.state is State.INTERRUPTED and not facts.terminal_durable:
        return WAIT
    return _admitted(request, r, facts, Event.RESUME)


def _admitted(request: requests.Load | requests.Resume, r: Readings, facts: Facts, event: Event) -> Ruling:
    purpose = request.prescribed.purpose
    if r.unit is None or r.unit.contacts_a & r.unit.contacts_b & KEYS != KEY_OF[purpose]:
        place = "SERVICE" if KEY_OF[purpose] == Contact.KEY_SERVICE else "TREAT"
        return Ruling(refused=f"the key is not in {place}, which {purpose.name} needs; turn it there first")
    if facts.refused:
        return Ruling(refused=facts.refused)
    return Ruling(event) if facts.admitted is not None else WAIT


def _confirm(request: Request, stage: Stage, r: Readings, verdict: Verdict, facts: Facts) -> Ruling:
    assert isinstance(request, requests.Confirm)
    case, settings = facts.case, facts.case.settings
    if stage.state is not State.PREPARATORY or settings is None:
        return _no_row(stage, "confirming", "PREPARATORY with an offer")
    if facts.latches:
        return Ruling(refused=f"latched: {facts.latches[0].words}; unload, and clear it first (kerma reset)")
    if request.offer_id != case.offer_id or not case.on_offer(r.now_s):
        return Ruling(
            refused=f"offer {request.offer_id} is not valid (now {case.offer_id}); read the new one and confirm that"
        )
    if case.offer_at_s == r.now_s:
        return Ruling(
            refused=f"offer {request.offer_id} was made this moment and nobody has read it; read it and confirm that"
        )
    plan = read_back(r)
    if request.digest != settings.digest or plan is None or plan.digest() != settings.digest:
        return Ruling(refused="what the devices read back is not what was shown; the set-up is made again")
    if verdict.blocks_start:
        first = next((f.words for f in verdict.findings if f.rule == verdict.blocks_start[0]), verdict.blocks_start[0])
        return Ruling(refused=f"not ready: {first}")
    return Ruling(Event.CONFIRM)


def _edit(_q: Request, stage: Stage, _r: Readings, _v: Verdict, _f: Facts) -> Ruling:
    if TRANSITIONS[stage.state][Event.EDIT] is None:
        return _no_row(stage, "unloading", "a loaded fraction")
    return Ruling(Event.EDIT)


def _close(_q: Request, stage: Stage, _r: Readings, _v: Verdict, facts: Facts) -> Ruling:
    if stage.state is State.STANDBY:
        if facts.statement is None or not facts.statement.opens:
            return Ruling(refused="no fraction is open")
        return WAIT if facts.unended else Ruling(Event.CLOSE)
    if stage.state is State.INTERRUPTED:
        return Ruling(Event.CLOSE) if facts.terminal_durable else WAIT
    if stage.state is not State.TERMINATED:
        return _no_row(stage, "closing", "TERMINATED, INTERRUPTED, or STANDBY with an open fraction")
    if facts.terminal_durable and facts.reset_read_back:
        return Ruling(Event.CLOSE)
    return WAIT


def _reset(request: Request, stage: Stage, r: Readings, verdict: Verdict, facts: Facts) -> Ruling:
    assert isinstance(request, requests.Reset)
    if TRANSITIONS[stage.state][Event.RESET] is None:
        return _no_row(stage, "a reset", "STANDBY, INTERRUPTED, TERMINATED, FAULT or STUCK_ON")
    may = MAY_CLEAR.get(request.role)
    if may is None or not request.who.strip() or not request.reason.strip():
        return Ruling(refused="a reset needs a role (operator, physicist, service), a name and a reason")
    if stage.state is State.STUCK_ON:
        return _reset_stuck(request, r, facts)
    if stage.state is State.FAULT and r.unit is not None and r.unit.state == UnitState.LATCHED:
        return _unlatch(request, r, facts)
    own = {latch.rule for latch in facts.latches if latch.clears in may}
    if facts.latches and not own:
        first = facts.latches[0]
        return Ruling(refused=f"{first.words}: not for the {request.role} to clear ({first.clears.name.lower()})")
    still = {f.rule for f in verdict.findings} & own
    if still:
        words = next(f.words for f in verdict.findings if f.rule in still)
        return Ruling(refused=f"the cause is still there: {words}")
    if not facts.terminal_durable:
        return WAIT
    if stage.state is State.FAULT and not facts.off.verified:
        return Ruling(refused=f"off is not verified: {facts.off.stuck or facts.off.missing}")
    return Ruling(Event.RESET)


def _unlatch(request: requests.Reset, r: Readings, facts: Facts) -> Ruling:
    """The unit's own latch goes first, by service, whoever must clear what is latched here: else service would wait for the physicist, who waits for
    service."""
    key = r.unit is not None and r.unit.contacts_a & r.unit.contacts_b & Contact.KEY_SERVICE
    if request.role != "service" or not key:
        return Ruling(refused="the safety unit is latched: role service, with the key in SERVICE")
    if not facts.off.verified:
        return Ruling(refused=f"off is not verified: {facts.off.stuck or facts.off.missing}")
    return WAIT


def _adopt(request: Request, stage: Stage, r: Readings, _v: Verdict, facts: Facts) -> Ruling:
    """What the unit retains and no record knows keeps every self-test from passing: service takes it in, and the physicist decides on it."""
    assert isinstance(request, requests.Adopt)
    if stage.state is not State.FAULT:
        return _no_row(stage, "taking in a retained exposure", "FAULT")
    if not facts.off.verified:
        return Ruling(refused=f"off is not verified: {facts.off.stuck or facts.off.missing}")
    refused = adopt_refused(request, r, facts.statement)
    return Ruling(refused=refused) if refused else Ruling(Event.RESET)


def _reset_stuck(request: requests.Reset, r: Readings, facts: Facts) -> Ruling:
    """The only way out of STUCK_ON (docs/states.md): service, two persons, everything off for 60 s, the generator power-cycled."""
    unit = r.unit
    people = {name.strip().lower() for name in request.who.replace("+", ",").split(",") if name.strip()}
    key = unit is not None and bool(unit.contacts_a & unit.contacts_b & Contact.KEY_SERVICE)
    open_ = unit is not None and bool(unit.relays & Relay.K1_MIRROR_OPEN and unit.relays & Relay.K2_MIRROR_OPEN)
    off_s = r.now_s - facts.off_since_s if facts.off_since_s is not None else 0.0
    needs = {
        "role service": request.role == "service",
        "two names": len(people) >= 2,
        "the key in SERVICE": key,
        "both contactors' mirrors open": open_,
        f"high voltage and both chambers off for {STUCK_OFF_S:.0f} s (now {off_s:.0f} s)": facts.off.strict
        and off_s >= STUCK_OFF_S,
        f"the generator switched off and on again at the mains, off for {MAINS_OFF_S:.0f} s": facts.generator_power_cycled,
        "the record on the disk": facts.terminal_durable,
    }
    lacking = [name for name, has in needs.items() if not has]
    lacking += [f"{latch.words}: nobody may clear it" for latch in facts.latches if latch.clears is Clears.NEVER]
    if lacking:
        return Ruling(refused="the beam may be on; to leave this state: " + "; ".join(lacking))
    if unit is not None and unit.state == UnitState.LATCHED:
        return WAIT
    return Ruling(Event.RESET)


def _retest(_q: Request, stage: Stage, _r: Readings, _v: Verdict, _f: Facts) -> Ruling:
    if stage.state is not State.STANDBY:
        return _no_row(stage, "a self-test", "STANDBY")
    return Ruling(Event.RETEST)


_GUARDS: Final[dict[type, Callable[[Request, Stage, Readings, Verdict, Facts], Ruling]]] = {
    requests.Load: _load,
    requests.Resume: _resume,
    requests.Confirm: _confirm,
    requests.Edit: _edit,
    requests.Close: _close,
    requests.Reset: _reset,
    requests.Adopt: _adopt,
    requests.Retest: _retest,
}
