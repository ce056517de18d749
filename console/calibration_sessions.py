"""The session files of `kerma calibrate`: where they lie, how they stand, and the open one of a name, taken up or begun.
What is in them is calibration/procedures/journal.py."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from calibration.gates import Key
from calibration.given import Known
from calibration.job import JobTable
from calibration.planned import Planned, offered
from calibration.procedures.journal import Journal
from calibration.procedures.session import Session
from calibration.procedures.step import Procedure
from console.configuration import Rig
from hal.errors import ConfigurationError

FOLDER: Final = "calibration"


def measurable(job: JobTable, name: str, at: datetime, known: Known) -> Planned:
    try:
        return offered(job, name, at, known)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from error


def known_of(rig: Rig, job: JobTable, at: datetime, last_n1: Mapping[Key, float]) -> Known:
    """The finished sessions that lie in the rig's folder; a file is read once, however often it is asked for."""
    read: dict[str, Session | None] = {}

    def finished(name: str) -> Session | None:
        if name not in read:
            read[name] = last_finished(rig, job, name, at, known)
        return read[name]

    known = Known(finished, last_n1)
    return known


def last_finished(rig: Rig, job: JobTable, name: str, at: datetime, known: Known) -> Session | None:
    """The last session of this name that is at its end; None: there is none, or the bench has not what it takes now."""
    found = files(rig.records / FOLDER, name)
    if not found:
        return None
    procedure = measurable(job, name, at, known).procedure
    for path in reversed(found):
        with Journal.take_up(path, procedure) as journal:
            session = journal.session
        if session.step is None:
            return session
    return None


@contextmanager
def opened(rig: Rig, name: str, procedure: Procedure, at: datetime, anew: bool) -> Iterator[Journal]:
    """The open session of this name, or a new one. Raises ConfigurationError."""
    folder = rig.records / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    found = None if anew else next((path for path in reversed(files(folder, name)) if _is_open(path, procedure)), None)
    fresh = f"{name}.{at:%Y%m%dT%H%M%S}.{secrets.token_hex(2)}"
    if found is not None:
        with Journal.take_up(found, procedure) as journal:
            yield journal
    else:
        with Journal.begin(folder / f"{fresh}.jsonl", fresh, procedure) as journal:
            yield journal


def files(folder: Path, name: str) -> list[Path]:
    """The session files of this name, oldest first."""
    return sorted(folder.glob(f"{name}.*.jsonl"))


def _is_open(path: Path, procedure: Procedure) -> bool:
    """Whether a session is not at its end. Raises ConfigurationError: a file that is damaged, or of other steps."""
    with Journal.take_up(path, procedure) as journal:
        return journal.session.step is not None


def stands(path: Path, procedure: Procedure) -> str:
    try:
        with Journal.take_up(path, procedure) as journal:
            step = journal.session.step
            return "at its end" if step is None else f"open, step {step.id}, {journal.session.phase.value} is due"
    except ConfigurationError as error:
        return str(error)
