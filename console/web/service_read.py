"""What the Service page reads of records and files: faults with the seconds before them, interlocks with their history, what is due, counters, and how the
configuration that runs differs from the file and from the last exposure's. No patient stands in any of it, and nothing is changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from calibration import periodic
from console import configuration, sources
from console.calibrate.sessions import FOLDER as SESSIONS
from console.certificate import checked_of
from console.configuration import Rig
from console.day.sheets import day_of, said_of, signers_of
from console.day.work import bound_of
from console.exit_codes import Exit
from console.followed import Followed
from console.kept import database
from console.limits import narrowed
from console.run import rig_config
from console.web.journal_part import part
from console.web.records_read import reading
from console.web.unread import NotReadError, NotThereError
from controller.blob import Scheduling, TubeHeat
from controller.checkpoint import Checkpoint
from controller.entries import TRIPS, EntryType
from controller.ring import TickRow, unpack_tick
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.readings import Purpose, SwitchMode
from hal.rig import RigConfig
from interlocks.rules import TABLE
from interlocks.words import Limits
from records import sheets
from records.day import against
from records.day_forms import Bound, DaySheet, DaySite, decoded, zone_named
from records.forms import Noted, Ticks, rows_of
from records.fractions import DATABASE_NAME, JOURNAL_NAME, sheet_words
from records.journal import Kind, Record
from records.sheets import SheetKind, wrong_signature
from records.store import EventRow, FractionRow, LatchRow, OpeningRow, SegmentRow, StoreError, applied_of
from records.warm_up import cold

Row = dict[str, Any]

PAGE: Final = 50
BEFORE_S: Final = 5.0
AFTER_S: Final = 1.0
BACK: Final = 1500
"""So many records before a fault its last seconds are looked for."""
AHEAD: Final = 40
DRAWN: Final = 700
HISTORY: Final = 2000
"""So many of the newest journal records the history of the interlocks is read from."""
CHANGES: Final = 300
SUMMED: Final = 100
ALONE: Final = ("CRASH", "STRAY")
"""Kinds that are faults whatever they say; words of the others are a person's where no rule and no trip stands with them."""


class Running(msgspec.Struct, frozen=True):
    """What is read of the document that a process was started with: not its key, not its places."""

    rig: RigConfig
    tick_hz: float
    lease_ms: int
    limits: Limits
    software_version: str
    configuration_sha256: bytes
    clinical: bool
    switch_mode: SwitchMode = SwitchMode.ONCE
    scheduling: Scheduling = Scheduling()
    tube_heat: TubeHeat | None = None
    time_zone: str = "UTC"
    day_check_waived: bool = False


def is_fault() -> ColumnElement[bool]:
    """Events that something went wrong in, and whose words the program made."""
    return or_(
        EventRow.kind.in_(ALONE),
        and_(EventRow.kind == "EVENT", EventRow.event.in_(TRIPS), EventRow.state != EventRow.to),
        and_(EventRow.kind == "TERMINAL", EventRow.rule != "", EventRow.event.in_(TRIPS)),
    )


def split(words: str) -> tuple[str, str]:
    """Cause, and what to do first."""
    cause, _, first = words.partition("; first: ")
    return cause, first


@dataclass(frozen=True)
class Service:
    """The rig's service side, for reading."""

    rig: Rig
    clock: Clock

    @cached_property
    def _followed(self) -> Followed:
        return Followed(self._journal)

    @property
    def _database(self) -> Path:
        return self.rig.records / DATABASE_NAME

    @property
    def _journal(self) -> Path:
        return self.rig.records / JOURNAL_NAME

    def faults(self, before: int) -> Row:
        """Newest first, a page at a time; and each rule that ever tripped with its count, first and last time."""
        with reading(self._database) as session:
            if session is None:
                return {"faults": [], "sums": [], "next": 0, "words": "there are no records yet"}
            where = [is_fault(), *([EventRow.index < before] if before else [])]
            query = (
                select(EventRow).where(*where).order_by(EventRow.index.desc(), EventRow.number.desc()).limit(PAGE + 1)
            )
            rows = [_fault(row) for row in session.scalars(query)]
            sums = [] if before else _sums(session)
        return {
            "faults": rows[:PAGE],
            "sums": sums,
            "next": rows[PAGE - 1]["index"] if len(rows) > PAGE else 0,
            "words": "",
        }

    def before(self, index: int) -> Row:
        """The ticks from 5 s before a fault to 1 s after it, as the journal holds them."""
        noted: Noted | None = None
        ticks: list[tuple[str, int, TickRow]] = []
        for record in part(self._journal, max(1, index - BACK), index, AHEAD):
            if record.index == index and record.kind == Kind.ENTRY:
                noted = msgspec.msgpack.decode(record.payload, type=Noted)
            ticks += _ticks(record)
        if noted is None:
            raise NotThereError(f"record {index} is no fault of a process; first: choose one of the list")
        at = noted.mono_ns
        near = [
            (ns, row)
            for name, ns, row in ticks
            if name == noted.instance and at - BEFORE_S * 1e9 <= ns <= at + AFTER_S * 1e9
        ]
        step = max(1, -(-len(near) // DRAWN))
        points = [
            [
                round((ns - at) * 1e-9, 4),
                *(_known(value) for value in (row.kv, row.ma, row.delivered_mgy, row.lateness_us, row.unit_age_ms)),
            ]
            for ns, row in near[::step]
        ]
        words = (
            "" if near else "the journal holds no tick of those seconds: of an idle machine it keeps one in ten seconds"
        )
        return {"index": index, "ticks": len(near), "points": points, "words": words}

    def interlocks(self) -> Row:
        """Latches, and when each rule changed as far back as the newest records tell."""
        with reading(self._database) as session:
            if session is None:
                return {"changes": [], "latches": [], "words": "there are no records yet"}
            latches = [
                _latch(row) for row in session.scalars(select(LatchRow).order_by(LatchRow.index.desc()).limit(PAGE))
            ]
            applied = applied_of(session.connection())
        changes: list[Row] = []
        words, last = "", dict[str, int]()
        try:
            for record in part(self._journal, max(1, applied - HISTORY), applied):
                changes += _changes(record, last)
                del changes[:-CHANGES]
        except NotReadError as error:
            words = str(error)
        return {"changes": changes[::-1], "latches": latches, "words": words}

    def configuration(self, instance: str) -> Row:
        """Key by key: the file on the disk now, the process that runs, the last exposure in the records; digests first."""
        columns: list[tuple[str, dict[str, str], str]] = []
        for name, of in (
            ("file", self._of_file),
            ("running", lambda: self._of_process(instance)),
            ("recorded", self._of_records),
        ):
            try:
                columns.append((name, of(), ""))
            except (ConfigurationError, NotReadError, NotThereError, OSError, msgspec.DecodeError, ValueError) as error:
                columns.append((name, {}, str(error)))
        keys = list(dict.fromkeys(key for _, values, _ in columns for key in values))
        rows = []
        for key in keys:
            said = [values.get(key) for _, values, _ in columns]
            known = {value for value, (_, values, _) in zip(said, columns, strict=True) if values}
            rows.append({"key": key, "values": said, "same": len(known) <= 1})
        return {
            "columns": [name for name, _, _ in columns],
            "rows": rows,
            "words": [words for _, _, words in columns if words],
        }

    def due(self) -> Row:
        """Certificate, the day's check, periodic tests and calibration sessions, as they stand."""
        certificate, words, bound = {}, "", None
        try:
            numbers = checked_of(self.rig, self.clock.wall()).numbers
            certificate = {"id": numbers.id, "sha256": numbers.sha256.hex(), "expires_wall_s": numbers.expires_wall_s}
            bound = bound_of(self.rig, numbers)
        except (ConfigurationError, OSError) as error:
            words = str(error)
        tests: list[Row] = []
        day: Row = {"waived": self.rig.day_check_waived, "last": "", "who": "", "today": False, "words": ""}
        try:
            kept, signers, today = sheets.taken(self.rig.records), signers_of(self.rig), day_of(self.rig, self.clock)
            checks = [one for one in kept if one.kind is SheetKind.DAILY and not wrong_signature(one, signers)]
            if checks:
                day |= self._check(checks[0], today, bound)
            tube = self.rig.file.tube.serial
            done, beside = periodic.results(kept, signers, tube), periodic.of_no_day(kept, signers, tube)
            found = periodic.due(done, today, beside)
            tests = [
                {
                    "test": one.test.id,
                    "every": one.test.every,
                    "what": one.test.what,
                    "state": one.state.name,
                    "words": one.words,
                }
                for one in found
            ]
        except (ConfigurationError, StoreError) as error:
            words = words or str(error)
        folder = self.rig.records / SESSIONS
        sessions = (
            sorted((path.name for path in folder.glob("*.jsonl")), reverse=True)[:PAGE] if folder.is_dir() else []
        )
        return {"certificate": certificate, "day": day, "tests": tests, "sessions": sessions, "words": words}

    def cold(self) -> str:
        """What the lock says of the tube at this moment whatever the kV, or "": by the journal and by both clocks. Raises ConfigurationError."""
        now_s, wall_s, zone = self.clock.monotonic(), self.clock.wall(), zone_named(self.rig.time_zone)
        return self._followed.look(lambda book: next(cold(book, 0.0, now_s, wall_s, zone), ""))

    def _locked(self) -> str:
        """What the lock says against the day's check at this moment, for what was started last, or "": it doubts a clock that was set, and knows what has
        happened since. Raises ConfigurationError."""
        site, now_s, wall_s = (
            DaySite(self.rig.time_zone, signers_of(self.rig)),
            self.clock.monotonic(),
            self.clock.wall(),
        )
        return self._followed.look(lambda book: next(against(book, book.ran, site, now_s, wall_s), ""))

    def _check(self, sheet: sheets.Sheet, today: date, bound: Bound | None) -> Row:
        """The newest check that was signed: of today where its own day is, by the zone in which it was made, the records said nothing against it, it is of
        what is here now (None: nobody can say what that is), and the lock says nothing against it either."""
        body = decoded(sheet.body, DaySheet)
        of_today = body is not None and body.day == today.isoformat()
        code, words = said_of(sheet_words(database(self.rig), sheet.sha256))
        wrong = of_today and code is not Exit.AS_INTENDED
        if body is not None and of_today and not wrong and body.bound != bound:
            others = [
                what.replace("_", " ")
                for what in Bound.__struct_fields__
                if getattr(body.bound, what) != getattr(bound, what, None)
            ]
            wrong, words = (
                True,
                f"it is of another {', '.join(others)} than is here now: make it first (page Service, Procedures, or kerma daily)",
            )
        if of_today and not wrong and not self.rig.day_check_waived:
            words = self._locked()
            wrong = words != ""
        return {
            "last": sheet.at, "who": f"{sheet.who} ({sheet.role})", "today": of_today and not wrong,
            "words": f"the day's check of {sheet.at}: {words}" if wrong else "",
        }  # fmt: skip

    def counters(self) -> Row:
        """What the machine has done, and what it stands on."""
        file, free = (
            self.rig.file,
            shutil.disk_usage(self.rig.records if self.rig.records.is_dir() else self.rig.path.parent),
        )
        parts = {
            "rig": self.rig.name, "software": sources.software_version(), "generator": f"{file.generator.driver} {file.generator.model}",
            "safety unit": f"{file.safety_unit.driver} {file.safety_unit.serial}", "tube": file.tube.serial,
        }  # fmt: skip
        journal = sum(path.stat().st_size for path in self._journal.glob("*.journal")) if self._journal.is_dir() else 0
        disk = {"free_bytes": free.free, "whole_bytes": free.total, "journal_bytes": journal}
        with reading(self._database) as session:
            if session is None:
                return {
                    "parts": parts,
                    "disk": disk,
                    "purposes": [],
                    "processes": 0,
                    "records": 0,
                    "words": "there are no records yet",
                }
            # high voltage over a cold filament is no beam, and wears no tube
            beam_s = case((FractionRow.purpose == Purpose.DRY_RUN.name, 0.0), else_=SegmentRow.beam_s)
            query = select(
                FractionRow.purpose,
                func.count(),
                func.sum(beam_s),
                func.sum(beam_s * FractionRow.ma),
                func.max(SegmentRow.started_wall_s),
            )
            query = (
                query.join(SegmentRow, SegmentRow.fraction_id == FractionRow.id)
                .where(SegmentRow.void.is_(False))
                .group_by(FractionRow.purpose)
            )
            names = ("purpose", "exposures", "beam_s", "mas", "last_wall_s")
            purposes = [dict(zip(names, row, strict=True)) for row in session.execute(query)]
            processes = session.scalar(select(func.count()).select_from(OpeningRow)) or 0
            applied = applied_of(session.connection())
        return {
            "parts": parts,
            "disk": disk,
            "purposes": purposes,
            "processes": processes,
            "records": applied,
            "words": "",
        }

    def _of_file(self) -> dict[str, str]:
        rig = configuration.load(self.rig.path, os.getuid())
        return flat(running_of(rig))

    def _of_process(self, instance: str) -> dict[str, str]:
        if not instance:
            raise NotThereError("no process runs; first: start kerma run")
        return flat(msgspec.msgpack.decode((self.rig.places.shm / instance / "blob").read_bytes(), type=Running))

    def _of_records(self) -> dict[str, str]:
        with reading(self._database) as session:
            last = (
                None
                if session is None
                else session.scalars(select(SegmentRow).order_by(SegmentRow.start_index.desc()).limit(1)).first()
            )
            if last is None:
                raise NotThereError("the records hold no exposure yet")
            first, needed = last.start_index, last.end_index or last.start_index
        for record in part(self._journal, first, min(needed, first + BACK)):
            if record.kind == Kind.ENTRY:
                noted = msgspec.msgpack.decode(record.payload, type=Noted)
                if noted.type == EntryType.CHECKPOINT:
                    kept = msgspec.msgpack.decode(noted.entry, type=Checkpoint)
                    return flat(msgspec.msgpack.decode(kept.configuration, type=Running))
        raise NotThereError("of the last exposure the records hold no configuration: it was never armed")


def running_of(rig: Rig) -> Running:
    """What a process would be started with now."""
    file, heat = rig.file, rig.file.tube
    known = (
        None
        if heat.heat_capacity_j is None or heat.cooling_tau_s is None
        else TubeHeat(heat.heat_capacity_j, heat.cooling_tau_s)
    )
    return Running(
        rig_config(rig), float(file.rig.tick_hz), file.rig.lease_ms, narrowed(rig), sources.software_version(), rig.sha256, file.rig.clinical,
        SwitchMode[file.safety_unit.switch.upper()], Scheduling(**file.scheduling.model_dump()), known, rig.time_zone, rig.day_check_waived,
    )  # fmt: skip


def flat(of: Running) -> dict[str, str]:
    """Each key with its value in words, digests first."""
    document = msgspec.to_builtins(of) | {"configuration_sha256": of.configuration_sha256.hex()}
    return {key: document.pop(key) for key in ("configuration_sha256", "software_version")} | dict(
        _leaves("", document)
    )


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, inner)
    else:
        yield path, f"{value:g}" if isinstance(value, float) else str(value)


def _fault(row: EventRow) -> Row:
    cause, first = split(row.words)
    return {
        "index": row.index, "wall_s": row.wall_s, "kind": row.kind, "event": row.event, "state": row.state, "to": row.to, "rule": row.rule, "cause": cause,
        "first": first,
    }  # fmt: skip


def _sums(session: Session) -> list[Row]:
    query = select(
        EventRow.rule, EventRow.event, func.count(), func.min(EventRow.wall_s), func.max(EventRow.wall_s)
    ).where(is_fault())
    query = query.group_by(EventRow.rule, EventRow.event).order_by(func.count().desc()).limit(SUMMED)
    return [
        dict(zip(("rule", "event", "count", "first_wall_s", "last_wall_s"), row, strict=True))
        for row in session.execute(query)
    ]


def _latch(row: LatchRow) -> Row:
    """What set it is the program's word; why it was cleared is a person's, and stays in the records."""
    return {
        "index": row.index,
        "wall_s": row.wall_s,
        "rule": row.rule,
        "set": row.set,
        "trip": row.trip,
        "role": row.role,
        "words": row.words if row.set else "",
    }


def _ticks(record: Record) -> Iterator[tuple[str, int, TickRow]]:
    if record.kind == Kind.TICKS:
        found = msgspec.msgpack.decode(record.payload, type=Ticks)
        for row in rows_of(found.rows):
            if row.kind == EntryType.TICK:
                yield found.instance, row.mono_ns, unpack_tick(row.payload)


def _changes(record: Record, last: dict[str, int]) -> list[Row]:
    """Which rules changed in this record's ticks; `last` is what each process had before."""
    found: list[Row] = []
    for instance, mono_ns, row in _ticks(record):
        changed = row.not_true ^ last.get(instance, row.not_true)
        last[instance] = row.not_true
        if changed:
            found += [
                {
                    "wall_s": record.wall_s,
                    "mono_s": round(mono_ns / 1e9, 3),
                    "instance": instance,
                    "rule": rule.id,
                    "true": not row.not_true >> place & 1,
                }
                for place, rule in enumerate(TABLE)
                if changed >> place & 1
            ]
    return found


def _known(value: float) -> float | None:
    return round(value, 4) if value >= 0.0 else None
