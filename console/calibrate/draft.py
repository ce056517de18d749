"""`kerma calibrate --draft`: the last finished sessions of each output, what the records say of its exposures, and the draft beside the certificate before.
It signs nothing; what a draft holds is calibration/draft.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from calibration.accepted import Accepted
from calibration.belongs import by_one, cold
from calibration.draft import Counted, Done, Program, beside_last, beside_open, draft, typed
from calibration.equipment import stamp
from calibration.gates import Key
from calibration.geometry import not_held
from calibration.given import GIVES, Known, beside
from calibration.history import left_behind
from calibration.job import JobTable, OutputTable
from calibration.machine_facts import Record, told
from calibration.planned import names
from calibration.procedures.dark import words as dark_words
from calibration.procedures.session import Reading
from calibration.procedures.warm import together
from calibration.schema import CombinationTable
from calibration.since import Moved, since
from calibration.write import content_of, write_certificate
from console import kept as room
from console import sources
from console.calibrate.exposing import Kept
from console.calibrate.sessions import known_of, left_open, of_this_rig, voided_since
from console.calibrate.writing import written
from console.certificate import accepted
from console.configuration import Rig
from console.exit_codes import Exit
from console.tube_use import warmed_at
from hal.clock import Clock
from hal.errors import ConfigurationError
from records.day_forms import zone_named
from records.warm_up import SAME_KV

OF_MACHINE: Final = ("offset", "second", "audit", "scale", "fitted", "interrupt", "conditioning", "survey", "spot")
"""Kinds of sessions whose findings are of no output's combination."""


def drafted(rig: Rig, job: JobTable, out: Path, clock: Clock, console: Console, database: Path | None = None) -> Exit:
    """Write the draft from each output's last finished session, and show it beside the certificate before. Raises ConfigurationError."""
    if out.exists():
        raise ConfigurationError(f"{out}: is there already; first: name another file")
    of_this_rig(rig, job)
    at, kept = datetime.fromtimestamp(clock.wall(), UTC), Kept(database or room.database(rig))
    last = last_r0(rig, job)
    known = known_of(rig, job, at, last_n1(rig, job))
    still = next((words for name in names(job) if (words := left_open(rig, job, name, known))), "")
    if still:
        raise ConfigurationError(f"{out}: {still}")
    try:
        done = {one.name: found for one in job.outputs if (found := finished(one, known, kept)) is not None}
        _warm(job, done, known, kept, zone_named(rig.time_zone))
        records = tuple(_records(job, known, kept))
        document = draft(job, done, last, Program(version("kerma"), sources.digest()), at, records)
        changes = _changes(rig, job, document)
        _none_behind(accepted(rig), job, document)
        with written(out):
            write_certificate(out, document)
    except ValueError as error:
        raise ConfigurationError(f"{out}: {error}") from error
    of_outputs = (
        f"{one.name}: typed, and measured by no session here: {'; '.join((*typed(one, done[one.name].given), *not_held(job, one)))}"
        for one in job.outputs
    )
    beside_before = (*beside_last(document, last, str(job.certificate["supersedes"])), *(one.words for one in changes))
    for words in (
        *beside_before,
        *used(rig, known, job),
        *in_the_dark(known, job),
        *told(job, records),
        *beside_open(document),
        *of_outputs,
    ):
        console.print(words, markup=False, highlight=False)
    console.print(
        f"{out}: written, unsigned, content {content_of(document)}; sign it with kerma certificate sign, which shows the same content",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return Exit.AS_INTENDED


def finished(one: OutputTable, known: Known, kept: Kept) -> Done | None:
    """The last finished session of an output, with what the records say of its exposures, and what the sessions beside it gave."""
    session = known.finished(one.name)
    if session is None:
        return None
    rows = [kept.of(held.event.token) for held in session.kept("readings") if isinstance(held.event, Reading)]
    kv, ma = _mean(rows, "kv_mean", one.name), _mean(rows, "ma_mean", one.name)
    counted = tuple(
        Counted(float(row["counts_1"]), float(row["counts_2"]), float(row["beam_s"]), float(row["k_tp"]))
        for row in rows
    )
    others = {
        f"{kind}-{one.name}": found for kind in GIVES if (found := known.finished(f"{kind}-{one.name}")) is not None
    }
    for name, other in others.items():
        _by(name, [kept.of(shot.token) for shot in other.shots if shot.read])
    return Done(session, _by(one.name, rows), kv, ma, beside(one, known, frozenset()), counted, others)


def _changes(rig: Rig, job: JobTable, document: Mapping[str, Any]) -> tuple[Moved, ...]:
    """What moved beside R0. ValueError: too far, and no part was exchanged."""
    last = accepted(rig).last(str(job.certificate["tube_serial"]), rig.signer_public_key)
    found = tuple(since(document, last.table)) if last is not None else ()
    wrong = next((one for one in found if one.refused), None)
    if wrong is not None and "component_change" not in job.certificate:
        raise ValueError(f"{wrong.words}, above {wrong.most_pct:g} %; find out why, and record what was exchanged")
    return found


def _none_behind(before: Accepted, job: JobTable, document: Mapping[str, Any]) -> None:
    """ValueError: an output keeps a session of before another one of its kV and filter moved."""
    outputs = [CombinationTable.model_validate(c) for c in document["combinations"]]
    tubes = before.before(str(job.certificate["tube_serial"]))
    wrong = tuple(left_behind(str(document["id"]), outputs, tubes))
    if wrong:
        raise ValueError("\n".join(wrong))


def used(rig: Rig, known: Known, job: JobTable) -> Iterator[str]:
    """Which sessions the draft stands on, so that who signs sees whose and of when they are, and which newer ones somebody voided."""
    for name in names(job):
        session = known.finished(name)
        if session is not None and session.last_at is not None:
            ended = f"{name}: {session.id}, ended {stamp(session.last_at)}"
            yield "; ".join((ended, *voided_since(rig, job, session, name, known)))


def in_the_dark(known: Known, job: JobTable) -> Iterator[str]:
    """What the chambers counted of nothing, with its uncertainty: the certificate holds the mean alone."""
    for one in job.outputs:
        session = known.finished(f"dark-{one.name}")
        if session is not None:
            yield f"{one.name}, {dark_words(session)}"


def steady_tokens(job: JobTable, known: Known, kv: float) -> frozenset[str]:
    """The exposures of sessions that ended on steadiness at this kV or above: by the rule of the day's own, a tube that is steady at a lower one is not yet so
    at this one."""
    sessions = (known.finished(f"warm-{one.name}") for one in job.outputs if kv <= one.kv * (1.0 + SAME_KV))
    steady = [session for session in sessions if session is not None and together(session)]
    return frozenset(shot.token for session in steady for shot in session.shots if shot.read)


def _warm(job: JobTable, done: Mapping[str, Done], known: Known, kept: Kept, zone: tzinfo) -> None:
    """ValueError: an output is of a cold tube."""
    made, kvs = kept.beams(), {one.name: one.kv for one in job.outputs}
    for name, one in done.items():
        first = min((held.event.at for held in one.session.kept("readings")), default=None)
        steady = steady_tokens(job, known, kvs[name])
        warm = warmed_at(kept.used(), first.timestamp(), steady, made, kvs[name], zone) if first is not None else None
        wrong = cold(one.session, warm)
        if wrong:
            raise ValueError(wrong)


def _records(job: JobTable, known: Known, kept: Kept) -> Iterator[Record]:
    """The finished sessions that are of no output's combination; by whom, the records of their exposures say."""
    for name in names(job):
        if name.partition("-")[0] in OF_MACHINE:
            session = known.finished(name)
            if session is not None:
                yield Record(name, session, _by(name, [kept.of(shot.token) for shot in session.shots if shot.read]))


def _mean(rows: list[Mapping[str, Any]], name: str, output: str) -> float:
    values = [float(row[name]) for row in rows if row.get(name)]
    if len(values) < len(rows) or not values:
        raise ConfigurationError(
            f"{output}: the records hold no {name} of {len(rows) - len(values)} of its exposures; first: see to the records"
        )
    return round(sum(values) / len(values), 4)


def _by(name: str, rows: list[Mapping[str, Any]]) -> str:
    """Who measured, as the exposures' records say."""
    return by_one(name, [str(row.get("operator") or "") for row in rows])


def last_r0(rig: Rig, job: JobTable) -> dict[Key, float]:
    """R0 of the certificate that was accepted last; nothing where there was none."""
    last = accepted(rig).last(str(job.certificate["tube_serial"]), rig.signer_public_key)
    return (
        {} if last is None else {(c.kv, c.ma, c.filter, c.applicator): c.r0_mgy_per_s for c in last.table.combinations}
    )


def last_n1(rig: Rig, job: JobTable) -> dict[Key, float]:
    """What a count of channel 1 was by that certificate."""
    last = accepted(rig).last(str(job.certificate["tube_serial"]), rig.signer_public_key)
    return (
        {}
        if last is None
        else {(c.kv, c.ma, c.filter, c.applicator): c.n1_mgy_per_count for c in last.table.combinations}
    )
