"""The second physicist's own output session with another chamber, held against the first: what a certificate brings as its second check.
It compares two finished sessions; whether a second check is needed is calibration/gates.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from calibration.equipment import Chamber, named_alike
from calibration.gates import SECOND_AGREES_PCT
from calibration.measured import SecondCheckTable, SecondReadingsTable
from calibration.procedures.parts import at_end
from calibration.procedures.session import Session


@dataclass(frozen=True)
class Side:
    """One output session: who, with which chamber, and what R0 it came to."""

    who: str
    chamber: Chamber
    session: Session
    r0_mgy_per_s: float


def second_check(first: Side, second: Side, raw: SecondReadingsTable | None = None) -> SecondCheckTable:
    """With the second one's own readings, as a certificate holds them. ValueError: it is no second check (hazard A5), or the two differ; what to do first."""
    at_end(first.session)
    at_end(second.session)
    if named_alike(second.who) == named_alike(first.who):
        raise ValueError(f"{second.who} measured it the first time too; have another physicist measure")
    if named_alike(second.chamber.serial) == named_alike(first.chamber.serial):
        raise ValueError(f"{second.chamber.id} ({second.chamber.serial}) is the first chamber; take another")
    one, two = first.session.values("readings"), second.session.values("readings")
    if set(two) <= set(one):
        said = ", ".join(f"{nc:g}" for nc in two)
        raise ValueError(f"{said} nC are the first session's readings, digit for digit; read the second chamber itself")
    percent = 100.0 * (second.r0_mgy_per_s / first.r0_mgy_per_s - 1.0)
    if abs(percent) > SECOND_AGREES_PCT:
        raise ValueError(
            f"{second.chamber.id} gives {percent:+.2f} % against {first.chamber.id}, above {SECOND_AGREES_PCT:g} %: "
            "find out which is wrong, and what was plugged in"
        )
    at: datetime | None = second.session.last_at
    assert at is not None
    at = at.replace(microsecond=0)
    return SecondCheckTable(who=second.who, chamber=second.chamber.id, result_pct=percent, at=at, raw=raw)
