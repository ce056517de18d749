"""How an event changes a session: a pure function with a refusal in words for all that does not fit.
It waits for nothing, knows no device, file or clock; the time comes with the event."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import stdev
from typing import Final

from calibration.procedures.session import (
    ACCEPT,
    AnyEvent,
    Confirmed,
    Connected,
    Effects,
    Expose,
    Exposed,
    Held,
    Leave,
    MeterOrder,
    Phase,
    Reading,
    Reject,
    Repeat,
    Session,
    Shot,
)
from calibration.procedures.step import Step, Wanted, number

TIMER_SHARE: Final = 0.01
TIMER_LEAST_S: Final = 0.1
"""The unit's timer is so near to what was asked: max(1 %, 0.1 s)."""
ROUNDING: Final = 1.0 + 1e-9

Result = tuple[Session, Effects]


def after(session: Session, event: AnyEvent) -> Result:
    """The session after an event, and what is to be done. A refused event leaves it as it was."""
    step = session.step
    if event.at.tzinfo is None:
        return _refused(session, f"{event.at} has no time zone; state the time in UTC")
    if session.last_at is not None and event.at < session.last_at:
        return _refused(session, f"{event.at} is before {session.last_at}, the last event; set the clock right first")
    if step is None:
        return _refused(session, f"{session.procedure.name} is at its end; begin a session anew")
    if event.step != step.id:
        return _refused(session, f"that was for step {event.step}, and {step.id} is shown; look again")
    now, effects = _one(session, step, event)
    return (session, effects) if effects.refused else (replace(now, last_at=event.at), effects)


def judged(session: Session, step: Step) -> str:
    """Why a step's kept readings are not accepted, or ""."""
    values = [one.value for one in session.kept(step.id)]
    if len(values) < step.least_readings:
        return f"step {step.id} has {len(values)} of {step.least_readings} readings; take the others"
    if step.accept.cov is not None:
        if _mean(values) == 0.0:
            return "the readings' mean is 0; look at the connection, reject with the reason, and repeat"
        cov = abs(stdev(values) / _mean(values))
        if cov > step.accept.cov:
            return f"the readings vary by {100 * cov:.2f} %, above {100 * step.accept.cov:g} %; find out why, reject with the reason, and repeat"
    if step.accept.ratio_to:
        other = _mean([one.value for one in session.kept(step.accept.ratio_to)])
        ratio = _mean(values) / other if other else math.inf
        if not step.accept.least <= ratio <= step.accept.most:
            return f"{ratio:.4f} of step {step.accept.ratio_to} is not within {step.accept.least:g} to {step.accept.most:g}; look at the connection, and repeat"
    return ""


def _one(session: Session, step: Step, event: AnyEvent) -> Result:
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
        case Leave():
            return replace(session, connected=False, asked=False), Effects()


def _confirmed(session: Session, step: Step, event: Confirmed) -> Result:
    if session.phase in (Phase.READY, Phase.JUDGE) and event.token == ACCEPT:
        wrong = judged(session, step)
        if wrong:
            return _refused(session, wrong)
        return replace(session, place=session.place + 1, connected=False, more=0), Effects()
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


def _ask(session: Session, step: Step, event: Confirmed) -> Result:
    """The exposure, unless the step's charge is used up: what was asked for counts whole."""
    what = step.exposes
    assert what is not None
    used = what.mas * sum(1 for one in session.shots if one.step == step.id)
    if used + what.mas > what.mas_cap * ROUNDING:
        return _refused(
            session,
            f"{used:g} mAs are used in step {step.id}, and {what.mas:g} more are above its {what.mas_cap:g}; find what spoils exposures, and begin anew",
        )
    request = Expose(
        event.token,
        session.procedure.limits,
        what.kv,
        what.ma,
        what.filter,
        what.applicator,
        what.seconds,
        what.mas * (1.0 + TIMER_SHARE),
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
    answered = replace(shot, timer_s=event.timer_s, spoiled=spoiled)
    now = replace(session, shots=(*session.shots[:-1], answered))
    return now, Effects() if spoiled else Effects(_order(step.reading[0]))


def _reading(session: Session, step: Step, event: Reading) -> Result:
    if session.phase is not Phase.READ:
        return _refused(session, f"no reading is due: {session.phase.value} is")
    wanted, shot = _next(session, step), session.shot
    if event.token != (shot.token if shot else ""):
        return _refused(
            session,
            f"the reading is of {event.token or 'no exposure'}, and {shot.token if shot else 'none'} is due; an exposure serves one reading",
        )
    serial = dict(session.procedure.serials)[wanted.instrument]
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
    held = Held(step.id, value, event, shot.timer_s if shot else None)
    shots = (*session.shots[:-1], replace(shot, read=True)) if shot else session.shots
    return replace(session, held=(*session.held, held), shots=shots, asked=False), Effects()


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
        return replace(session, shots=(*session.shots[:-1], replace(session.shot, spoiled=event.why))), Effects()
    if not 0 <= event.reading < len(session.held):
        return _refused(session, f"reading {event.reading} is none of {len(session.held)}; look again")
    held = session.held[event.reading]
    if held.step != step.id or held.rejected:
        return _refused(
            session,
            f"reading {event.reading} is of step {held.step}{', rejected already' if held.rejected else ''}; a step that was accepted stays",
        )
    place = event.reading
    gone = (*session.held[:place], replace(held, rejected=event.why), *session.held[place + 1 :])
    return replace(session, held=gone), Effects()


def _next(session: Session, step: Step) -> Wanted:
    """The reading that is due: the first instrument that has none kept."""
    if step.exposes is not None:
        return step.reading[0]
    have = {one.event.instrument for one in session.kept(step.id)}
    return next(one for one in step.reading if one.instrument not in have)


def _order(wanted: Wanted) -> MeterOrder | None:
    return MeterOrder(wanted.instrument, wanted.unit) if wanted.source == "wire" else None


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _refused(session: Session, words: str) -> Result:
    return session, Effects(refused=words)
