"""How a trip stays and how it goes: pure functions over the latches that are set. The first words of a trip are kept.
It writes no record and asks no password; the recorder keeps latches over a restart, the desk knows who is asking."""

from __future__ import annotations

from typing import Final

from interlocks.words import Clears, Latch, Trip, Verdict

ALWAYS: Final = frozenset({Trip.HV_UNCOMMANDED, Trip.INTERNAL, Trip.TRIP_FAULT})
"""These latch in any state, the rest only in an exposure."""

MAY_CLEAR: Final = {
    "operator": frozenset({Clears.BY_ITSELF, Clears.BY_OPERATOR}),
    "physicist": frozenset({Clears.BY_ITSELF, Clears.BY_OPERATOR, Clears.BY_PHYSICIST}),
    "service": frozenset({Clears.BY_ITSELF, Clears.BY_OPERATOR, Clears.BY_SERVICE}),
}
"""What each role clears: a dose is for the physicist and not for service, a machine for service and not for the physicist; nobody clears NEVER."""


def latched(latches: tuple[Latch, ...], verdict: Verdict, in_exposure: bool) -> tuple[Latch, ...]:
    """The latches with those of this verdict added; a rule that clears by itself leaves none, and one that is latched stays as it was."""
    if not verdict.findings:
        return latches
    has = {latch.rule for latch in latches}
    new = tuple(
        Latch(f.rule, f.trip, f.clears, verdict.at_s, f.words)
        for f in verdict.findings
        if f.clears is not Clears.BY_ITSELF and f.rule not in has and (in_exposure or f.trip in ALWAYS)
    )
    return latches + new if new else latches


def cleared(
    latches: tuple[Latch, ...], role: str, verdict: Verdict
) -> tuple[tuple[Latch, ...], tuple[Latch, ...], tuple[str, ...]]:
    """(what stays latched, what was cleared, why each that stays does): a latch goes if the role may and its cause is no longer found."""
    may = MAY_CLEAR.get(role)
    if may is None:
        return latches, (), (f"role {role!r} clears nothing; one of {', '.join(MAY_CLEAR)} may",)
    findings = {finding.rule: finding.words for finding in verdict.findings}
    stay, gone, refused = [], [], []
    for latch in latches:
        if latch.clears not in may:
            stay.append(latch)
            refused.append(f"{latch.rule}: {latch.clears.name.lower()} only, not {role} ({latch.words})")
        elif latch.rule in findings:
            stay.append(latch)
            refused.append(f"{latch.rule}: the cause is still there ({findings[latch.rule]})")
        else:
            gone.append(latch)
    return tuple(stay), tuple(gone), tuple(refused)
