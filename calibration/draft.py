"""From finished sessions to an unsigned certificate: the readings as they were kept, the facts of the job file, and what both come to.
It signs nothing and judges no change; that is calibration/gates.py, when the draft is signed and read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from calibration.belongs import apart, before_change
from calibration.equipment import Chamber, stamp
from calibration.facts import Facts, aged
from calibration.gates import Key
from calibration.geometry import not_far
from calibration.given import Given, came_to, facts_of, key_of, lacking, measured_table, never_here, second_of, worked
from calibration.job import SESSIONS_GIVE, JobTable, OutputTable
from calibration.looked import backscatter_between
from calibration.machine_facts import Record, facts
from calibration.measured import AuditTable, MeasuredTable, SecondCheckTable, SecondReadingsTable
from calibration.procedures.audit import audit
from calibration.procedures.parts import mean
from calibration.procedures.second import Side, second_check
from calibration.procedures.session import Session
from calibration.schema import MEASURED_MOST_DAYS

COUNTED: Final = 0.01
"""What a count is worth, against what the output's own exposures counted: a sealed chamber keeps it, the vented one within its air. An assumption."""
AUDIT_DAYS: Final = 180
"""An audit of longer ago is of another state of the machine. An assumption."""


@dataclass(frozen=True)
class Counted:
    """What one exposure counted in the unit, both channels, its time, and the air of the head (k_TP of the vented channel)."""

    counts_1: float
    counts_2: float
    seconds: float
    k_tp: float


@dataclass(frozen=True)
class Done:
    """A finished session of one output: by whom, what the generator's own meters showed over its readings, what the unit counted in each, what the
    sessions beside it gave, by kind, and those sessions by their names."""

    session: Session
    by: str
    kv_read: float
    ma_read: float
    given: Mapping[str, Given] = field(default_factory=dict)
    counted: tuple[Counted, ...] = ()
    beside: Mapping[str, Session] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """Which program measures."""

    version: str
    sha256: str


def draft(
    job: JobTable, done: Mapping[str, Done], last: Mapping[Key, float], program: Program, at: datetime, records: tuple[Record, ...] = ()
) -> dict[str, Any]:  # fmt: skip
    """The document. ValueError: an output has no finished session, or its readings may not be used."""
    missing = [one.name for one in job.outputs if one.name not in done]
    if missing:
        raise ValueError(f"{', '.join(missing)} was not measured; do that first")
    head = dict(job.certificate)
    audits = [_audit(job, one) for one in records if one.name.startswith("audit-")]
    if audits:
        if "audit" in head:
            raise ValueError(
                "certificate.audit: typed beside a finished session; take it out of the job file, measured is measured"
            )
        head["audit"] = max(audits, key=lambda one: abs(one.ratio - 1.0)).model_dump(exclude_none=True)
    wrong = next(chain(audit_fits(job, head.get("audit"), done, at), of_one_calibration(job, done, records)), "")
    if wrong:
        raise ValueError(wrong)
    seconds = [_second(job, done, one) for one in records if one.name.startswith("second-")]
    if seconds:
        typed_too = next((key for key in ("second_check", "further_second_checks") if key in head), None)
        if typed_too is not None:
            raise ValueError(
                f"certificate.{typed_too}: typed beside a finished session; take it out of the job file, measured is measured"
            )
        head |= second_checks(seconds)
    combinations = {one.name: _combination(job, one, done[one.name], last) for one in job.outputs}
    found = facts(job, records, combinations)
    if found:
        head["facts"] = found
        old = next(aged(Facts.model_validate(_plain(found)), head["expires_at"], MEASURED_MOST_DAYS), "")
        if old:
            raise ValueError(old)
    return {
        "schema": 2, "basis": "measured", "software_version": program.version, "software_sha256": program.sha256,
        "effective_at": at.replace(microsecond=0), **_plain(head),
        "instruments": [_plain(one.model_dump(exclude_none=True)) for one in job.instruments],
        "combinations": list(combinations.values()),
    }  # fmt: skip


def of_one_calibration(job: JobTable, done: Mapping[str, Done], records: tuple[Record, ...]) -> Iterator[str]:
    """Whether all sessions are of one time, and of the machine as it is now."""
    of_machine = {one.name: one.session for one in records}
    for name, one in done.items():
        of_output = {
            f"{kind}-{name}": of_machine[f"{kind}-{name}"]
            for kind in ("second", "interrupt")
            if f"{kind}-{name}" in of_machine
        }
        yield from apart(one.session, {**one.beside, **of_output})
        yield from before_change(job, {name: one.session, **one.beside})
    yield from before_change(job, of_machine)


def _audit(job: JobTable, record: Record) -> AuditTable:
    """What another house read, against what was stated."""
    section = job.output(record.name.removeprefix("audit-")).audit
    assert section is not None
    return audit(record.session, section.kind, section.by, section.u_pct, str(job.certificate["tube_serial"]))


def _second(job: JobTable, done: Mapping[str, Done], record: Record) -> SecondCheckTable:
    """The second physicist's session against the first. ValueError: it is no second check, or the two differ (hazard A5)."""
    one = job.output(record.name.removeprefix("second-"))
    other, first = second_of(one), done[one.name]
    combination, measured = measured_table(other, record.session, first.given, record.by, 0.0)
    found = came_to(job, other, combination, measured)
    measured["u_pct_k2"] = found.budget.u_pct_k2
    raw = SecondReadingsTable(
        kv=other.kv, ma=other.ma, filter=other.filter, applicator=other.applicator, measured=MeasuredTable.model_validate(_plain(measured)),
    )  # fmt: skip
    r0 = worked(job, one, first.session, first.given).r0_mgy_per_s
    chambers = [job.instrument(Chamber, str(each.measured["chamber"])) for each in (one, other)]
    return second_check(
        Side(first.by, chambers[0], first.session, r0),
        Side(record.by, chambers[1], record.session, found.r0_mgy_per_s),
        raw,
    )


def _combination(job: JobTable, one: OutputTable, done: Done, last: Mapping[Key, float]) -> dict[str, Any]:
    combination, measured = measured_table(one, done.session, done.given, done.by, last.get(key_of(one), 0.0))
    lacking(one, combination, "tail_mgy", "n1_mgy_per_count", "n2_mgy_per_count", "g_kv", "leak1_cps", "leak2_cps")
    lacking(one, facts_of(one, done.given)[1], "u_tail_mgy")
    found = came_to(job, one, combination, measured)
    wrong = [
        *backscatter_between(one, measured, found),
        *counts_meet(one, combination, done.counted, found.r0_mgy_per_s),
        *_far(one, done),
    ]
    if wrong:
        raise ValueError(f"{one.name}: {wrong[0]}")
    measured["u_pct_k2"] = found.budget.u_pct_k2
    if not measured["rejected"]:
        del measured["rejected"]
    return {
        "kv": one.kv, "ma": one.ma, "filter": one.filter, "applicator": one.applicator, "r0_mgy_per_s": found.r0_mgy_per_s, **combination,
        "kv_read": done.kv_read, "ma_read": done.ma_read, "measured": measured,
    }  # fmt: skip


def second_checks(found: Sequence[SecondCheckTable]) -> dict[str, Any]:
    """As the certificate holds them, each of its own combination; one at least."""
    one, *further = (_bare(each.model_dump(exclude_none=True)) for each in found)
    return {"second_check": one} | ({"further_second_checks": further} if further else {})


def _bare(second: dict[str, Any]) -> dict[str, Any]:
    """Without a list of rejected readings where none was, as a combination's measurement is written."""
    measured = second["raw"]["measured"]
    if not measured["rejected"]:
        del measured["rejected"]
    return second


def _far(one: OutputTable, done: Done) -> Iterator[str]:
    hvl = done.beside.get(f"hvl-{one.name}")
    if hvl is not None and done.counted:
        yield from not_far(one, hvl, done.session, mean([each.counts_1 for each in done.counted]))


def audit_fits(job: JobTable, found: Mapping[str, Any] | None, done: Mapping[str, Done], at: datetime) -> Iterator[str]:
    """Whether an audit can be of this tube as measured here: after it was built in, within AUDIT_DAYS of the readings, not of tomorrow (hazard A13)."""
    if found is None:
        return
    tube, mine, its = job.facts.tube, job.certificate["tube_serial"], found.get("tube_serial")
    if its != mine:
        said = "is missing" if its is None else f"= {its}: the certificate is of tube {mine}"
        yield f"audit.tube_serial {said}; first: write of which tube the audit was, and have this one audited"
    if found["at"] > at:
        yield f"audit.at = {stamp(found['at'])}: is after now, {stamp(at)}; first: write when it was made"
    elif tube is not None and found["at"] < tube.installed_on:
        yield f"audit.at = {stamp(found['at'])}: tube {tube.serial} was built in at {stamp(tube.installed_on)}; first: have this tube's output audited"
    began = min((shot.asked_at for one in done.values() for shot in one.session.shots), default=at)
    if found["at"] < began - timedelta(days=AUDIT_DAYS):
        yield f"audit.at = {stamp(found['at'])}: is more than {AUDIT_DAYS} days before the first exposure; first: have the output audited anew"


def counts_meet(
    one: OutputTable, combination: Mapping[str, Any], counted: tuple[Counted, ...], r0_mgy_per_s: float
) -> Iterator[str]:
    """Whether a count is worth what the output's own exposures counted (hazard A12: a reading corrected twice, in one of two sessions; a plate's number)."""
    mgy = math.fsum(r0_mgy_per_s * (each.seconds + combination["dt_s"]) for each in counted)
    for channel, air in ((1, False), (2, True)):
        leak = combination[f"leak{channel}_cps"]
        net = math.fsum(
            (getattr(each, f"counts_{channel}") - leak * each.seconds) * (each.k_tp if air else 1.0) for each in counted
        )
        says = combination[f"n{channel}_mgy_per_count"]
        if counted and (net <= 0.0 or abs(says * net / mgy - 1.0) > COUNTED):
            comes = f"{mgy / net:.6g}" if net > 0.0 else "none"
            yield (
                f"n{channel}_mgy_per_count = {says:.6g}, and the readings' own exposures counted {comes}: more than {100 * COUNTED:g} % apart; "
                f"measure monitor-{one.name} anew, and find out which reading is wrong"
            )


def beside_open(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Each cut-out's factor as an order takes it, and the backscatter in it, in words."""
    return tuple(
        f"cut-out {one['id']} in {one['applicator']}, {one['b_w_ratio']['kv']:g} kV, {one['b_w_ratio']['filter']}: factor at the surface "
        f"{one['factor']:.4f}, u {one['u_pct']:.2f} % (k = 1); in it the ratio of backscatter, {one['b_w_ratio']['value']:.4f}"
        for one in document.get("facts", {}).get("cutouts", [])
        if "b_w_ratio" in one
    )


def typed(one: OutputTable, given: Mapping[str, Given]) -> tuple[str, ...]:
    """What of a combination nobody measured at the terminal, in words: it stands in the certificate as typed."""
    combination, measured = facts_of(one, given)
    keys = {**one.combination, **one.measured}
    could = sorted(SESSIONS_GIVE & keys.keys())
    never = never_here({**combination, **measured})
    return (*(f"{key}, which a session measures" for key in could), *never)


def beside_last(document: Mapping[str, Any], last: Mapping[Key, float], supersedes: str) -> tuple[str, ...]:
    """Each R0 of a draft beside that of the certificate before, in words."""
    words = [
        f"draft {document['id']}, version {document['version']}, effective {stamp(document['effective_at'])}, supersedes {supersedes or 'none'}"
    ]
    for c in document["combinations"]:
        key = (c["kv"], c["ma"], c["filter"], c["applicator"])
        was, r0 = last.get(key), c["r0_mgy_per_s"]
        change = "none before" if was is None else f"was {was:.3f}, {100.0 * (r0 / was - 1.0):+.2f} %"
        u_pct = c["measured"]["u_pct_k2"]
        words.append(
            f"{key[0]:g} kV, {key[1]:g} mA, {key[2]}, {key[3]}: {r0:.3f} mGy/s, u {u_pct:.2f} % (k = 2); {change}"
        )
    return tuple(words)


def _plain(value: Any) -> Any:
    """Times to whole seconds, as a certificate holds them."""
    if isinstance(value, datetime):
        return value.replace(microsecond=0)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
