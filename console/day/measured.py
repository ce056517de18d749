"""The result of a periodic test from finished sessions of `kerma calibrate`: files, people and days looked at, so that nobody types what was measured.
What a session gives is calibration/periodic_session.py; a sheet is signed and kept by console/day/sheets.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from calibration.belongs import before_change, by_one
from calibration.equipment import named_alike
from calibration.given import Known
from calibration.job import JobTable, load_job
from calibration.periodic import DAYS, Done, Measured, Test, named, results, worst
from calibration.periodic import wrong as wrong_result
from calibration.periodic_session import GIVES, SINCE, kind, missing, value
from calibration.planned import names
from calibration.procedures.session import Session
from calibration.schema import CertificateTable
from console import kept as room
from console.calibrate.draft import last_n1
from console.calibrate.exposing import Kept
from console.calibrate.sessions import FOLDER, files, known_of, left_open, of_this_rig
from console.calibrate.terminal import JOB
from console.certificate import checked_of
from console.configuration import Rig
from console.day.sheets import Signer, day_of, done, signers_of
from console.exit_codes import Exit
from hal.clock import Clock, SystemClock
from hal.errors import ConfigurationError
from records import sheets
from records.day_forms import zone_named
from records.warm_up import today


@dataclass(frozen=True)
class Bench:
    """What sessions are looked at with."""

    rig: Rig
    job: JobTable
    known: Known
    table: CertificateTable

    @property
    def folder(self) -> Path:
        return self.rig.records / FOLDER

    def day(self, session: Session) -> date:
        assert session.last_at is not None
        return today(session.last_at.timestamp(), zone_named(self.rig.time_zone))


def sessions_lie(rig: Rig, job: Path | None) -> bool:
    """Whether there is any session that could have measured something, and the job file that says what."""
    path = job or rig.path.parent / JOB
    return (job is not None or path.exists()) and any((rig.records / FOLDER).glob("*.jsonl"))


def bench(rig: Rig, clock: Clock, job: Path | None) -> Bench:
    """ConfigurationError: job file or certificate may not be used."""
    table = load_job(job or rig.path.parent / JOB)
    of_this_rig(rig, table)
    at = datetime.fromtimestamp(clock.wall(), UTC)
    known = known_of(rig, table, at, last_n1(rig, table))
    return Bench(rig, table, known, checked_of(rig, clock.wall()).table)


def measured(at: Bench, test_id: str, paths: Sequence[Path], who: str, before: Sequence[Done], acted: str) -> Done:
    """The result that these sessions give, of the day of the oldest. Raises ConfigurationError: one of them is none for this test, tube, person or time."""
    test = named(test_id)
    if test.id not in GIVES:
        raise ConfigurationError(f"{test.id}: no session measures that; first: type its result")
    if len({path.resolve() for path in paths}) != len(paths):
        raise ConfigurationError(f"{test.id}: a session is given twice; first: give each once")
    found = [_one(at, test, path, who, before) for path in paths]
    lacks = missing(test, at.job, tuple(_name(path) for path in paths), at.table)
    if lacks:
        raise ConfigurationError(
            f"{test.id}: {test.what}, and none of the sessions is of {lacks}; first: measure that too"
        )
    rows = tuple(row for row, _ in found)
    on = min(day for _, day in found)
    return Done(test.id, on.isoformat(), at.rig.file.tube.serial, worst(rows), None, acted, rows)


def typed_instead(at: Bench, test_id: str, on: date, before: Sequence[Done]) -> None:
    """ConfigurationError: a finished session measured what is typed here, and is in no result yet (hazard A4: a number copied by hand)."""
    test = named(test_id)
    signed = {one.session for done in before if done.test == test.id for one in done.sessions}
    for name, session in _finished(at, test):
        since = on - timedelta(days=DAYS[test.every])
        if session.id not in signed and since <= at.day(session) <= on:
            raise ConfigurationError(
                f"{test.id}: session {session.id} measured it on {at.day(session)}; first: give --session {at.folder / session.id}.jsonl and no number, "
                f"or void it (kerma calibrate {name} --void WHY)"
            )


def _finished(at: Bench, test: Test) -> Iterator[tuple[str, Session]]:
    """The last finished session of each name that measures this test, as it stands against this certificate."""
    for name in names(at.job):
        if kind(at.job, name) == GIVES[test.id][0]:
            session = at.known.finished(name)
            ended = session.last_at if session is not None else None
            if session is not None and ended is not None and (test.id not in SINCE or ended > at.table.effective_at):
                yield name, session


def _name(path: Path) -> str:
    return path.stem.rsplit(".", 2)[0]


def _one(at: Bench, test: Test, path: Path, who: str, before: Sequence[Done]) -> tuple[Measured, date]:
    """One session, looked at from every side."""
    name = _name(path)
    if path.resolve().parent != at.folder.resolve() or path.resolve() not in [
        one.resolve() for one in files(at.folder, name)
    ]:
        raise ConfigurationError(f"{path}: is no session of this rig; first: give one of {at.folder}")
    if name not in names(at.job):
        raise ConfigurationError(
            f"{path}: {name} is nothing that the job file measures; first: give the job file that it was measured with"
        )
    still = left_open(at.rig, at.job, name, at.known)
    if still:
        raise ConfigurationError(f"{path}: {still}")
    session = at.known.finished(name)
    if session is None or session.id != path.stem:
        newest = "none is finished" if session is None else f"{session.id} is the last one that is finished"
        raise ConfigurationError(f"{path}: is not finished, voided, or not the last: {newest}; first: give that")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if any(sha256 == one.sha256 for done in before if done.test == test.id for one in done.sessions):
        raise ConfigurationError(f"{path}: is in the records already as a result of {test.id}; first: measure anew")
    try:
        wrong = next(before_change(at.job, {name: session}), "")
        if wrong:
            raise ValueError(wrong)
        by = by_one(name, [str(_kept(at).of(shot.token).get("operator") or "") for shot in session.shots if shot.read])
        if session.procedure.limits == "physics" and named_alike(by) != named_alike(who):
            raise ValueError(
                f"{session.id} was measured by {by}, and {who} signs; let the physicist sign who measured it"
            )
        gave = value(test, at.job, name, session, at.known, at.table)
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return Measured(session.id, sha256, by, gave), at.day(session)


def _kept(at: Bench) -> Kept:
    return Kept(room.database(at.rig))


def said(done: Done, test: Test) -> Iterator[str]:
    """Each session of a result, in words, before it is signed."""
    for one in done.sessions:
        yield f"{one.session}, by {one.by}: {one.value:+.3f} {test.unit}, file {one.sha256[:16]}"


@dataclass(frozen=True)
class Typed:
    """What was typed for a periodic test: a number, or whether it works, its day ("": today); or the sessions that measured it, with their job file."""

    test: str
    value: float | None = None
    works: bool | None = None
    acted: str = ""
    on: str = ""
    sessions: tuple[Path, ...] = ()
    job: Path | None = None


def result_of(rig: Rig, clock: Clock, typed: Typed, signer: Signer) -> Done:
    """The result that is to be signed. Raises ConfigurationError: a number beside sessions, or one that a session measured."""
    before = results(sheets.taken(rig.records), signers_of(rig), rig.file.tube.serial)
    if typed.sessions:
        beside = [
            name
            for name, one in (("--value", typed.value), ("--works", typed.works), ("--on", typed.on or None))
            if one is not None
        ]
        if beside:
            raise ConfigurationError(
                f"{', '.join(beside)}: typed beside a session, which says that itself; first: leave it out, measured is measured"
            )
        at = bench(rig, clock, typed.job)
        return measured(at, typed.test, typed.sessions, signer.who, before, typed.acted)
    day = typed.on or day_of(rig, clock).isoformat()
    found = Done(typed.test, day, rig.file.tube.serial, typed.value, typed.works, typed.acted)
    if typed.test in GIVES and not wrong_result(found, day_of(rig, clock)) and sessions_lie(rig, typed.job):
        typed_instead(bench(rig, clock, typed.job), typed.test, date.fromisoformat(day), before)
    return found


def run_periodic(config: Path | None, typed: Typed, signer: Signer) -> Exit:
    """`kerma sheet periodic`, from the command line."""
    rig, clock = room.rig_of(config), SystemClock()
    result = result_of(rig, clock, typed, signer)
    for words in said(result, named(result.test)):
        print(words)
    return done(rig, clock, result, signer)
