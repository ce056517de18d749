"""From "load this" to settings or a refusal: asks the records whether the fraction may be delivered, then works out the settings. One request at a time.
It opens no file and moves no state; a request that is no longer asked is forgotten."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from controller.entries import Query, Statement
from controller.prescribed import Certificate, Clearance
from controller.requests import Load, Request, Resume
from controller.settings import RigSide, Settings, fraction_tag, make_settings, plan_tag
from hal.readings import Readings
from interlocks.words import Limits

ANSWER_S: Final = 3.0
"""How long the recorder may take to answer a query, and the safety unit to be read anew."""
SLOW_WORDS: Final = "the safety unit's slow block has not been read"


class Site(msgspec.Struct, frozen=True):
    """What the configuration brings to a fraction: the narrowed limits, and the rig's own figures."""

    limits: Limits
    rig: RigSide


class Admission(msgspec.Struct, frozen=True):
    """The pending request and what came of it: `query_seq` 0 = not yet asked; then settings, or words of refusal."""

    request: Request | None = None
    query_seq: int = 0
    asked_at_s: float = -math.inf
    settings: Settings | None = None
    refused: str = ""


def query_for(
    request: Load | Resume, seq: int, certificate: Certificate, software_version: str, wall_s: float
) -> Query:
    """The question to the records at the process's own wall time; its number is the sequence number that the entry will have been given before."""
    resume = isinstance(request, Resume)
    return Query(
        query_seq=seq,
        fraction_tag=fraction_tag(request.prescribed),
        plan_tag=plan_tag(request.prescribed),
        resume=resume,
        physicist=isinstance(request, Resume) and request.physicist,
        reason=request.reason if isinstance(request, Resume) else "",
        prescribed=request.prescribed,
        certificate_sha256=certificate.sha256,
        software_version=software_version,
        wall_s=wall_s,
    )


def judge_clearance(
    pending: Admission, statement: Statement | None, readings: Readings, certificate: Certificate, site: Site
) -> Admission:
    """Take the recorder's answer if it is to this query; settings or a refusal come of it, or a refusal when it is overdue."""
    if pending.settings is not None or pending.refused or not pending.query_seq:
        return pending
    clearance = statement.clearance if statement is not None else None
    if clearance is None or clearance.query_seq != pending.query_seq:
        if readings.now_s - pending.asked_at_s > ANSWER_S:
            return _refuse(
                pending, f"the recorder did not answer within {ANSWER_S:.0f} s: is it running? (kerma status)"
            )
        return pending
    if readings.slow is not None and readings.slow.asked_at_s < pending.asked_at_s:
        # what it says of the contactor's time may still be of the fraction before, which was reset in between
        overdue = readings.now_s - pending.asked_at_s > ANSWER_S
        return (
            _refuse(pending, f"{SLOW_WORDS} for {ANSWER_S:.0f} s; see its link (kerma status)") if overdue else pending
        )
    return _settle(pending, clearance, readings, certificate, site)


def _settle(
    pending: Admission, clearance: Clearance, readings: Readings, certificate: Certificate, site: Site
) -> Admission:
    if clearance.refused:
        return _refuse(pending, clearance.refused)
    request = pending.request
    if not isinstance(request, Load | Resume) or readings.unit is None or readings.slow is None:
        return _refuse(pending, "the safety unit has not been read; wait for it and ask again")
    if isinstance(request, Load) and clearance.open:
        return _refuse(
            pending, "this fraction was begun and is still open: resume it (kerma treat --resume) or close it"
        )
    if isinstance(request, Resume) and not clearance.open:
        return _refuse(pending, "there is nothing to resume: this fraction is not open")
    result = make_settings(
        request.prescribed, certificate, clearance, site.limits, readings, site.rig, clearance.wall_s
    )
    if not isinstance(result, Settings):
        return _refuse(pending, "; ".join(result))
    return msgspec.structs.replace(pending, settings=result)


def _refuse(pending: Admission, words: str) -> Admission:
    return msgspec.structs.replace(pending, refused=words)
