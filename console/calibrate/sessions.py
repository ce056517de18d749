"""The session files of `kerma calibrate`: where they lie, how they stand, and the open one of a name, taken up or begun.
What is in them is calibration/procedures/journal.py."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from calibration.equipment import stamp
from calibration.gates import Key
from calibration.given import Known
from calibration.job import JobTable
from calibration.planned import Planned, offered
from calibration.procedures.conditioning import paused
from calibration.procedures.journal import Journal
from calibration.procedures.session import Session
from console.calibrate.writing import written
from console.configuration import Rig
from controller.prescribed import Certificate
from hal.errors import ConfigurationError

FOLDER: Final = "calibration"
BEGAN: Final = "%Y%m%dT%H%M%S"
FIRST_LINE_MOST: Final = 1 << 16
BY_TIME: Final = "conditioning"
"""Whose steps follow from when it is begun: it is planned anew for no later time."""


def measurable(job: JobTable, name: str, at: datetime, known: Known) -> Planned:
    try:
        return offered(job, name, at, known)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from error


def of_this_rig(rig: Rig, job: JobTable) -> None:
    """ConfigurationError: the job file is of another tube or machine, and what is measured here would stand in its certificate (hazards A2 and G24)."""
    for key, has, here in (
        ("tube_serial", job.certificate["tube_serial"], rig.file.tube.serial),
        ("machine_serial", job.certificate["machine_serial"], rig.file.safety_unit.serial),
    ):
        if has != here:
            raise ConfigurationError(
                f"certificate.{key} = {has}: {rig.path} drives {here}; first: take the job file of this machine and tube"
            )


def of_this_start(job: JobTable, certificate: Certificate) -> None:
    """ConfigurationError: the unit's timer starts by the certificate in force at another event than by the job file (hazard A7)."""
    named, runs = job.certificate["timer_start"], certificate.timer_start.name.lower()
    if named != runs:
        raise ConfigurationError(
            f"certificate.timer_start = {named}: by {certificate.id}, which is in force, the safety unit's timer starts at {runs}, and an end effect or a set "
            f"time measured now would be of that; first: write {runs} in the job file, or put a name plate with {named} into force and measure all under it"
        )


def known_of(rig: Rig, job: JobTable, at: datetime, last_n1: Mapping[Key, float]) -> Known:
    """The finished sessions that lie in the rig's folder; a file is read once, however often it is asked for."""
    read: dict[str, Session | None] = {}

    def finished(name: str) -> Session | None:
        if name not in read:
            read[name] = last_finished(rig, job, name, at, known)
        return read[name]

    known = Known(finished, last_n1, 1.0 / rig.file.rig.tick_hz)
    return known


def last_finished(rig: Rig, job: JobTable, name: str, at: datetime, known: Known) -> Session | None:
    """The last session of this name that is at its end and not voided; None: there is none. Raises ConfigurationError."""
    tube = job.facts.tube
    for path in reversed(files(rig.records / FOLDER, name)):
        if name == BY_TIME and tube is not None and began(path) < tube.last_beam_at:
            return None  # the tube's book holds it already
        session = read(path, measurable(job, name, began(path), known))
        if session.void:
            continue
        if session.last_at is not None and max(session.last_at, began(path)) > at:
            raise ConfigurationError(
                f"{path}: is of {stamp(session.last_at)}, after now, {stamp(at)}; first: set the clock right, or void it"
            )
        if session.step is None:
            if name != BY_TIME and session.last_at is not None:
                # an instrument whose calibration ended meanwhile is found here
                measurable(job, name, session.last_at, known)
            return session
    return None


def voided_since(rig: Rig, job: JobTable, session: Session, name: str, known: Known) -> Iterator[str]:
    """Why each newer session of this name was voided, the newest first: by that this one serves again, which somebody had measured anew."""
    for path in reversed(files(rig.records / FOLDER, name)):
        if path.stem == session.id:
            return
        void = read(path, measurable(job, name, began(path), known)).void
        if void:
            yield f"a newer one was voided: {path.stem}: {void}"


def read(path: Path, planned: Planned) -> Session:
    """A session as its file tells it. Raises ConfigurationError: also where a session lies under another name, and so under another time."""
    with Journal.take_up(path, planned.procedure, planned.of) as journal:
        if journal.session.id != path.stem:
            raise ConfigurationError(
                f"{path}: is session {journal.session.id}; first: take the copy away, a session counts once"
            )
        return journal.session


def began(path: Path) -> datetime:
    """When a session was begun, by the name of its file."""
    return datetime.strptime(path.stem.rsplit(".", 2)[1], BEGAN).replace(tzinfo=UTC)


def left_open(rig: Rig, job: JobTable, name: str, known: Known) -> str:
    """The session of this name that was begun last, where it is neither at its end nor voided, in words; or ""."""
    for path in reversed(files(rig.records / FOLDER, name)):
        session = read(path, measurable(job, name, began(path), known))
        if session.void:
            continue
        if session.step is None:
            return ""
        return f"{path.stem} is open in step {session.step.id}, and newer than what is finished: finish it, or void it (kerma calibrate {name} --void WHY)"
    return ""


def voided(rig: Rig, name: str, at: datetime, why: str) -> str:
    """Void the newest session of this name that is not yet voided, whatever it is of; its id. Raises ConfigurationError."""
    for path in reversed(files(rig.records / FOLDER, name)):
        with written(path):
            found = Journal.void(path, at, why)
        if found:
            return found
    raise ConfigurationError(f"{name}: has no session that could be voided")


@contextmanager
def opened(rig: Rig, name: str, planned: Planned, at: datetime, anew: bool) -> Iterator[Journal]:
    """The open session of this name, or a new one. Raises ConfigurationError."""
    folder = rig.records / FOLDER
    with written(folder):
        folder.mkdir(parents=True, exist_ok=True)
    found = None if anew else next((path for path in reversed(files(folder, name)) if _is_open(path, planned)), None)
    fresh = f"{name}.{at:{BEGAN}}.{secrets.token_hex(2)}"
    if found is not None:
        with Journal.take_up(found, planned.procedure, planned.of) as journal:
            rested = paused(journal.session, at) if name == BY_TIME else ""
            if rested:
                raise ConfigurationError(f"{found}: {rested}")
            yield journal
    else:
        with written(folder / fresh):
            begun = Journal.begin(folder / f"{fresh}.jsonl", fresh, planned.procedure, planned.of)
        with begun as journal:
            yield journal


def files(folder: Path, name: str) -> list[Path]:
    """The session files of this very name, oldest first; a name may have a point in it.

    A file without a whole first line was never a session: nothing is exposed before that is on the disk (hazard G13: a full disk, a kill)."""
    of_name = re.compile(rf"{re.escape(name)}\.[0-9]{{8}}T[0-9]{{6}}\.[0-9a-f]{{4}}", re.ASCII)
    return sorted(path for path in folder.glob(f"{name}.*.jsonl") if of_name.fullmatch(path.stem) and _has_a_line(path))


def _has_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(FIRST_LINE_MOST).endswith(b"\n")


def _is_open(path: Path, planned: Planned) -> bool:
    """Whether a session is not at its end. Raises ConfigurationError: a file that is damaged, or of other steps."""
    session = read(path, planned)
    return session.step is not None and not session.void


def stands(path: Path, planned: Planned) -> str:
    try:
        session = read(path, planned)
    except ConfigurationError as error:
        return str(error)
    if session.void:
        return f"voided: {session.void}"
    return "at its end" if session.step is None else f"open, step {session.step.id}, {session.phase.value} is due"
