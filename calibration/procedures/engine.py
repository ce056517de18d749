"""How an event changes a session: a pure function with a refusal in words for all that does not fit.
It waits for nothing, knows no device, file or clock; the time comes with the event."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from calibration.procedures.judgements import judged
from calibration.procedures.session import (
    ACCEPT,
    AnyEvent,
    Back,
    Confirmed,
    Connected,
    Effects,
    Expose,
    Exposed,
    Held,
    Leave,
    MeterOrder,
    OfStep,
    Passed,
    Phase,
    Reading,
    Reject,
    Repeat,
    Session,
    Shot,
    Void,
)
from calibration.procedures.step import COLD_SHOTS, TIMER_LEAST_S, TIMER_SHARE, Step, Wanted, number

ROUNDING: Final = 1.0 + 1e-9

Result = tuple[Session, Effects]


def after(session: Session, event: AnyEvent) -> Result:
    """The session after an event, and what is to be done. A refused event leaves it as it was."""
    step = session.step
    if event.at.tzinfo is None:
        return _refused(session, f"{event.at} has no time zone; state the time in UTC")
    if session.void:
        return _refused(session, f"{session.id} was voided: {session.void}; begin a session anew")
    if isinstance(event, Void):
        if not event.why.strip():
            return _refused(session, "a session is voided with its reason; write it")
        return replace(session, void=event.why), Effects()  # at any time: a clock may have stood ahead
    if session.last_at is not None and event.at < session.last_at:
        return _refused(session, f"{event.at} is before {session.last_at}, the last event; set the clock right first")
    if step is None:
        return _refused(session, f"{session.procedure.name} is at its end; begin a session anew")
    if event.step != step.id:
        return _refused(session, f"that was for step {event.step}, and {step.id} is shown; look again")
    now, effects = _one(session, step, event)
    return (session, effects) if effects.refused else (replace(now, last_at=event.at), effects)


def _one(session: Session, step: Step, event: OfStep) -> Result:
    match event:
        case Connected():
            if session.connected:
                return _refused(session, "all is connected already")
            return replace(session, connected=True), Effects()
        case Confirmed():
            return _confirmed(session, step, event)
        case Exposed():
            return _exposed(session, step, event)
        case Reading():
            return _reading(session, step, event)
        case Reject():
            return _reject(session, step, event)
        case Repeat():
            if session.phase is not Phase.JUDGE or step.exposes is None:
                return _refused(
                    session, "a repeat comes after a step's exposures are read; reject a reading to take it anew"
                )
            return replace(session, more=session.more + 1), Effects()
        case Back():
            return _back(session, step, event)
        case Leave():
            return replace(session, connected=False, asked=False), Effects()


def _confirmed(session: Session, step: Step, event: Confirmed) -> Result:
    if session.phase in (Phase.READY, Phase.JUDGE) and event.token == ACCEPT:
        return _accepted(session, step, event)
    if session.phase is not Phase.READY:
        return _refused(session, f"nothing is to be confirmed: {session.phase.value} is due")
    if step.exposes is None:
        if event.token:
            return _refused(session, f"step {step.id} exposes nothing, and {event.token} was confirmed; look again")
        return replace(session, asked=True), Effects(_order(_next(session, step)))
    if event.token != session.next_token:
        return _refused(
            session, f"{event.token or 'no exposure'} was confirmed, and {session.next_token} is shown; look again"
        )
    return _ask(session, step, event)


def _accepted(session: Session, step: Step, event: Confirmed) -> Result:
    """On to the next step; what is connected stays so where that step moves nothing."""
    verdict = judged(session, step)
    if verdict.refused:
        return _refused(session, verdict.refused)
    if verdict.warned and not event.why.strip():
        return _refused(session, f"{', and '.join(verdict.warned)}; accept it with the reason, or repeat")
    now = replace(
        session,
        place=session.place + 1,
        more=0,
        passed=(*session.passed, Passed(step.id, event.at, verdict, event.why)),
    )
    return replace(now, connected=now.step is not None and not now.step.connect), Effects()


def _ask(session: Session, step: Step, event: Confirmed) -> Result:
    """The exposure, unless the step's charge is used up: what was asked for counts whole, but where the desk answers that there was no beam."""
    what = step.exposes
    assert what is not None
    used = session.used_mas(step)
    if used + what.mas > what.mas_cap * ROUNDING:
        return _refused(
            session,
            f"{used:g} mAs are used in step {step.id}, and {what.mas:g} more are above its {what.mas_cap:g}; find what spoils exposures, and begin anew",
        )
    asked = sum(1 for one in session.shots if one.step == step.id)
    if what.how != "beam" and asked >= COLD_SHOTS * what.n:
        return _refused(
            session, f"{asked} exposures were made in step {step.id}; find what spoils them, and begin anew"
        )
    until = session.rests_until
    if until is not None and event.at < until:
        return _refused(session, f"the tube rests until {until:%H:%M:%S}; wait so long")
    request = Expose(
        event.token,
        session.procedure.limits,
        what.kv,
        what.ma,
        what.filter,
        what.applicator,
        what.seconds,
        what.mas * (1.0 + TIMER_SHARE),
        what.how,
    )
    return replace(session, shots=(*session.shots, Shot(event.token, step.id, event.at))), Effects(request)


def _exposed(session: Session, step: Step, event: Exposed) -> Result:
    shot = session.shot
    if shot is None or not shot.open or shot.token != event.token or step.exposes is None:
        return _refused(session, f"exposure {event.token} is not outstanding; its answer is not believed")
    if not math.isfinite(event.timer_s):
        return _refused(session, f"the unit's timer shows {event.timer_s}; reject the exposure with the reason")
    asked = step.exposes.seconds
    spoiled = "" if event.ended == "complete" else f"ended by {event.ended or 'nothing that was told'}"
    if abs(event.timer_s - asked) > max(TIMER_SHARE * asked, TIMER_LEAST_S):
        spoiled = spoiled or f"the unit's timer shows {event.timer_s:g} s, and {asked:g} were asked"
    recorded, wrong = _recorded(step, event)
    spoiled = spoiled or wrong
    answered = replace(
        shot, ended_at=event.at, timer_s=event.timer_s, spoiled=spoiled, read=not spoiled and not step.by_hand,
        arcs=(event.recorded("arcs") or 0.0) if spoiled else 0.0,
    )  # fmt: skip
    now = replace(session, shots=(*session.shots[:-1], answered))
    if spoiled:
        return now, Effects()
    now = replace(now, held=(*now.held, *recorded))
    return now, Effects(_order(step.by_hand[0]) if step.by_hand else None)


def _recorded(step: Step, event: Exposed) -> tuple[list[Held], str]:
    """The readings that the exposure's own record holds; or why it does not."""
    held = list[Held]()
    for one in step.reading:
        if one.source != "record":
            continue
        value = event.recorded(one.instrument)
        if value is None:
            why = event.lacking(one.instrument)
            return [], f"the record holds no {one.instrument}{f': {why}' if why else ''}"
        if not one.grammar.least <= value <= one.grammar.most:
            return (
                [],
                f"{one.instrument} = {value:g} is not within {one.grammar.least:g} to {one.grammar.most:g} {one.unit}",
            )
        held.append(Held(step.id, value, one.instrument, event, event.timer_s))
    return held, ""


def _reading(session: Session, step: Step, event: Reading) -> Result:
    if session.phase is not Phase.READ:
        return _refused(session, f"no reading is due: {session.phase.value} is")
    wanted, shot = _next(session, step), session.shot
    if event.token != (shot.token if shot else ""):
        return _refused(
            session,
            f"the reading is of {event.token or 'no exposure'}, and {shot.token if shot else 'none'} is due; an exposure serves one reading",
        )
    serial = dict(session.procedure.serials).get(wanted.instrument, "")
    if (event.instrument, event.serial) != (wanted.instrument, serial):
        return _refused(
            session, f"{event.instrument} {event.serial} was read, and {wanted.instrument} {serial} is wanted; use that"
        )
    wrong = _conditions(event)
    try:
        value = number(event.text, wanted)
    except ValueError as words:
        wrong = str(words)
    if wrong:
        return _refused(session, wrong)
    held = Held(step.id, value, wanted.instrument, event, shot.timer_s if shot else None)
    now = replace(session, held=(*session.held, held), asked=False)
    if shot is None:
        return now, Effects()
    if len(_read_of(now, shot.token)) == len(step.by_hand):
        return replace(now, shots=(*session.shots[:-1], replace(shot, read=True))), Effects()
    return now, Effects(_order(_next(now, step)))


def _read_of(session: Session, token: str) -> set[str]:
    """The instruments of which a person or a wire brought a reading of this exposure."""
    return {one.instrument for one in session.held if isinstance(one.event, Reading) and one.event.token == token}


def _conditions(event: Reading) -> str:
    for name, value, least, most in (
        ("t_c", event.t_c, 10.0, 45.0),
        ("p_kpa", event.p_kpa, 60.0, 110.0),
        ("since_warmup_s", event.since_warmup_s, 0.0, 86400.0),
    ):
        if not least <= value <= most:
            return f"{name} = {value:g} is not within {least:g} to {most:g}; measure it"
    return ""


def _reject(session: Session, step: Step, event: Reject) -> Result:
    if not event.why.strip():
        return _refused(session, "a rejection has a reason; write it")
    if event.reading is None:
        if session.shot is None:
            return _refused(session, "no exposure is outstanding or unread; name the reading")
        return _spoiled(session, session.shot.token, event), Effects()
    if not 0 <= event.reading < len(session.held):
        return _refused(session, f"reading {event.reading} is none of {len(session.held)}; look again")
    held = session.held[event.reading]
    if held.step != step.id or held.rejected:
        return _refused(
            session,
            f"reading {event.reading} is of step {held.step}{', rejected already' if held.rejected else ''}; a step that was accepted stays",
        )
    if held.event.token:
        return _spoiled(session, held.event.token, event), Effects()
    place = event.reading
    gone = (*session.held[:place], replace(held, rejected=event.why), *session.held[place + 1 :])
    return replace(session, held=gone), Effects()


def _spoiled(session: Session, token: str, event: Reject) -> Session:
    """An exposure is rejected with all that was read of it."""
    held = tuple(
        replace(one, rejected=one.rejected or event.why) if one.event.token == token else one for one in session.held
    )
    shots = tuple(
        replace(one, spoiled=one.spoiled or event.why, ended_at=one.ended_at or event.at)
        if one.token == token and not one.read
        else one
        for one in session.shots
    )
    return replace(session, held=held, shots=shots)


def _back(session: Session, step: Step, event: Back) -> Result:
    """To the earlier step that this one names: what was taken from there on is rejected, and what was used up stays so."""
    if not step.accept.back:
        return _refused(session, f"step {step.id} goes back to no other; a step that was accepted stays")
    if session.shot is not None:
        return _refused(session, "an exposure is outstanding or not yet read; reject it with the reason first")
    if not event.why.strip():
        return _refused(session, "going back has a reason; write it")
    names = [one.id for one in session.procedure.steps]
    place = names.index(step.accept.back)
    again = set(names[place : session.place + 1])
    held = tuple(replace(one, rejected=one.rejected or event.why) if one.step in again else one for one in session.held)
    passed = tuple(one for one in session.passed if one.step not in again)
    return replace(session, place=place, connected=False, asked=False, more=0, held=held, passed=passed), Effects()


def _next(session: Session, step: Step) -> Wanted:
    """The reading that is due: the first instrument that has none of this exposure, or none kept."""
    shot = session.shot
    have = {one.instrument for one in session.kept(step.id)} if shot is None else _read_of(session, shot.token)
    return next(one for one in step.by_hand if one.instrument not in have)


def _order(wanted: Wanted) -> MeterOrder | None:
    return MeterOrder(wanted.instrument, wanted.unit) if wanted.source == "wire" else None


def _refused(session: Session, words: str) -> Result:
    return session, Effects(refused=words)
