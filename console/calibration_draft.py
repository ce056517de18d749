"""`kerma calibrate --draft`: the last finished sessions of each output, what the records say of its exposures, and the draft beside the certificate before.
It signs nothing; what a draft holds is calibration/draft.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from calibration.draft import BESIDE, Done, Program, beside_last, draft
from calibration.gates import Key
from calibration.job import JobTable, OutputTable
from calibration.procedures.journal import Journal
from calibration.procedures.session import Reading, Session
from calibration.write import write_certificate
from console import records as room
from console import sources
from console.calibration_sessions import FOLDER, files, measurable
from console.certificate import accepted
from console.configuration import Rig
from console.exit_codes import Exit
from console.exposing import Kept
from hal.clock import Clock
from hal.errors import ConfigurationError


def drafted(rig: Rig, job: JobTable, out: Path, clock: Clock, console: Console, database: Path | None = None) -> Exit:
    """Write the draft from each output's last finished session, and show it beside the certificate before. Raises ConfigurationError."""
    if out.exists():
        raise ConfigurationError(f"{out}: is there already; first: name another file")
    at, kept = datetime.fromtimestamp(clock.wall(), UTC), Kept(database or room.database(rig))
    done = {one.name: found for one in job.outputs if (found := finished(rig, job, one, at, kept)) is not None}
    last = last_r0(rig, job)
    try:
        document = draft(job, done, last, Program(version("kerma"), sources.digest()), at)
        write_certificate(out, document)
    except ValueError as error:
        raise ConfigurationError(f"{out}: {error}") from error
    for words in beside_last(document, last, str(job.certificate["supersedes"])):
        console.print(words, markup=False, highlight=False)
    console.print(
        f"{out}: written, unsigned; sign it with kerma certificate sign",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return Exit.AS_INTENDED


def finished(rig: Rig, job: JobTable, one: OutputTable, at: datetime, kept: Kept) -> Done | None:
    """The last finished session of an output, with what the records say of its exposures, and what the sessions beside it gave."""
    session = last_finished(rig, job, one.name, at)
    if session is None:
        return None
    rows = [kept.of(held.event.token) for held in session.kept("readings") if isinstance(held.event, Reading)]
    beside = {kind: last_finished(rig, job, f"{kind}-{one.name}", at) for kind in BESIDE}
    given = {kind: BESIDE[kind](found) for kind, found in beside.items() if found is not None}
    return Done(session, _name(rows), _mean(rows, "kv_mean", one.name), _mean(rows, "ma_mean", one.name), given)


def last_finished(rig: Rig, job: JobTable, name: str, at: datetime) -> Session | None:
    """The last session of this name that is at its end; None: there is none, or the bench has not what it takes now."""
    found = files(rig.records / FOLDER, name)
    if not found:
        return None
    _, procedure = measurable(job, name, at)
    for path in reversed(found):
        with Journal.take_up(path, procedure) as journal:
            session = journal.session
        if session.step is None:
            return session
    return None


def _mean(rows: list[Mapping[str, Any]], name: str, output: str) -> float:
    values = [float(row[name]) for row in rows if row.get(name)]
    if len(values) < len(rows) or not values:
        raise ConfigurationError(
            f"{output}: the records hold no {name} of {len(rows) - len(values)} of its exposures; first: see to the records"
        )
    return round(sum(values) / len(values), 4)


def _name(rows: list[Mapping[str, Any]]) -> str:
    """Who measured: the person of the first exposure."""
    return str(rows[0].get("operator", "")) or "not known"


def last_r0(rig: Rig, job: JobTable) -> dict[Key, float]:
    """R0 of the certificate that was accepted last; nothing where there was none."""
    last = accepted(rig).last(str(job.certificate["tube_serial"]), rig.signer_public_key)
    return (
        {} if last is None else {(c.kv, c.ma, c.filter, c.applicator): c.r0_mgy_per_s for c in last.table.combinations}
    )
