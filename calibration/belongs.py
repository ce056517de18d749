"""Whether finished sessions belong to one calibration: of one time, of the tube and the parts that are there now, each by one person, of a warm tube.
It reads no file and works out no number; which sessions are finished, and what the records hold of them, is said to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from calibration.equipment import named_alike, stamp
from calibration.job import JobTable
from calibration.procedures.session import Session

APART_DAYS: Final = 30
"""What stands in one combination is measured within so many days, as a second check is of this measurement (calibration/gates.py)."""


def began(session: Session) -> datetime | None:
    """When its first exposure was asked for, or its first reading taken."""
    return min([*(one.asked_at for one in session.shots), *(one.event.at for one in session.held)], default=None)


def apart(output: Session, beside: Mapping[str, Session]) -> Iterator[str]:
    """Sessions of another time than the output that they stand with (hazard A13)."""
    first = began(output)
    for name, session in beside.items():
        last = session.last_at
        if first is None or last is None or abs(last - first) > timedelta(days=APART_DAYS):
            yield (
                f"{name}: {session.id} ended at {stamp(last) if last else 'no time'}, more than {APART_DAYS} days from the output at "
                f"{stamp(first) if first else 'no time'}; measure it anew"
            )


def before_change(job: JobTable, sessions: Mapping[str, Session]) -> Iterator[str]:
    """Sessions of before the tube was built in, or of before a part was exchanged: another machine's (hazards A2 and A13)."""
    tube, change = job.facts.tube, job.certificate.get("component_change")
    since = [(f"tube {tube.serial} was built in", tube.installed_on)] if tube is not None else []
    if change is not None:
        since.append((f"the {change['what']} was exchanged", change["at"]))
    for name, session in sessions.items():
        first = began(session)
        for what, at in since:
            if first is not None and first <= at:
                yield f"{name}: {session.id} began at {stamp(first)}, and {what} at {stamp(at)}; measure it anew"


def by_one(name: str, people: Sequence[str]) -> str:
    """Who measured. ValueError: two people did, and neither could check the other (hazard A5); or nobody is known."""
    alike = {named_alike(one): one for one in people}
    if len(alike) > 1:
        raise ValueError(
            f"{name}: was exposed by {' and '.join(sorted(alike.values()))}; one person measures it from begin to end, and another one checks"
        )
    if not people or not named_alike(people[0]):
        raise ValueError(f"{name}: the records do not say who measured it; see to the records")
    return people[0]


def cold(output: Session, warmed_at: datetime | None) -> str:
    """Why the output is of a cold tube, or "": `warmed_at` is the end of the last warm-up from which on the tube was in use without a long pause (G22)."""
    first = min((one.event.at for one in output.kept("readings")), default=None)
    if warmed_at is not None and first is not None and warmed_at <= first:
        return ""
    return (
        f"{output.id}: its first reading is of {stamp(first) if first else 'no time'}, and the tube had not been warmed up before it without a long pause "
        "since, or the clock was set or the computer started anew in between; warm up until it is steady, and measure anew"
    )
