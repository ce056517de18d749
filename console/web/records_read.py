"""What the Records pages read: patients, lesions with their prescriptions, fractions a page at a time, and one fraction with all that is kept of it.
Read only, each read with its bound; it judges nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session

from console.configuration import Rig
from console.day.sheets import signers_of
from console.reports import keep
from console.reports.trace import trace
from console.treat.chart import FIELDS, REMARK, End, Recorded
from console.web.journal_part import part
from console.web.unread import NotReadError, NotThereError
from controller.entries import EntryType, Query, Start
from controller.prescribed import Prescribed
from controller.ring import TickRow, unpack_tick
from hal.errors import ConfigurationError
from hal.readings import Cause
from records import sheets
from records.day_forms import decoded
from records.forms import Noted, Ticks, rows_of
from records.fractions import DATABASE_NAME, JOURNAL_NAME
from records.journal import Kind, Record
from records.overrides import Override
from records.schema import readable
from records.sheets import FOLDER, TAKEN, Sheet, SheetKind, wrong_signature
from records.store import EventRow, FractionRow, LatchRow, SegmentRow, StoreError, engine_for

PAGE: Final = 50
EVENTS: Final = 400
SEGMENTS: Final = 64
LESIONS: Final = 200
BEFORE: Final = 400
"""So many records before a START its query is looked for."""
AFTER: Final = 40
"""So many records after an end its last ticks may lie."""
MOST_TICKS: Final = 150_000
"""Ten minutes at 200 Hz, and some more: the longest that a trace is drawn of."""
SEARCHED: Final = ("patient_id", "patient_id_2", "course_id", "lesion_id", "prescription_id", "site", "id")
CAUSES: Final = {cause.value: cause.name for cause in Cause}

Row = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """The records of one rig, for reading."""

    rig: Rig

    @property
    def _journal(self) -> Path:
        return self.rig.records / JOURNAL_NAME

    def patients(self, search: str, after: str) -> Row:
        """By their identifiers, a page at a time; `after` is the last one that was shown."""
        with reading(self.rig.records / DATABASE_NAME) as session:
            if session is None:
                return {"patients": [], "next": "", "words": "there are no records yet"}
            query = select(
                FractionRow.patient_id,
                func.min(FractionRow.patient_id_2), func.max(FractionRow.patient_id_2), func.count(),
                func.count(func.distinct(FractionRow.course_id + "\0" + FractionRow.lesion_id)),
                func.max(FractionRow.started_wall_s), func.max(FractionRow.simulated),
            ).where(FractionRow.patient_id > after, *_matching(search))  # fmt: skip
            query = query.group_by(FractionRow.patient_id).order_by(FractionRow.patient_id).limit(PAGE + 1)
            names = ("patient_id", "patient_id_2", "other_id_2", "fractions", "lesions", "last_wall_s", "simulated")
            rows = [dict(zip(names, row, strict=True)) for row in session.execute(query)]
        shown = rows[:PAGE]
        for row in shown:
            other = row.pop("other_id_2")
            row["words"] = "" if other == row["patient_id_2"] else f"also recorded with {other}"
        return {"patients": shown, "next": shown[-1]["patient_id"] if len(rows) > PAGE else "", "words": ""}

    def lesions(self, patient_id: str) -> Row:
        """One patient's lesions and prescriptions, with what was given of each."""
        with reading(self.rig.records / DATABASE_NAME) as session:
            if session is None:
                raise NotThereError("there are no records yet")
            of = (
                FractionRow.course_id, FractionRow.lesion_id, FractionRow.site, FractionRow.laterality, FractionRow.prescription_id,
                FractionRow.prescription_version, FractionRow.purpose, FractionRow.rx_mgy, FractionRow.depth_mm, FractionRow.fractions,
            )  # fmt: skip
            sums = (
                func.count(), func.sum(FractionRow.delivered_mgy * FractionRow.rx_factor), func.sum(FractionRow.low_mgy * FractionRow.rx_factor),
                func.sum(FractionRow.high_mgy * FractionRow.rx_factor), func.sum(FractionRow.quality == "UNKNOWN"), func.max(FractionRow.started_wall_s),
            )  # fmt: skip
            query = select(*of, *sums).where(FractionRow.patient_id == patient_id).group_by(*of)
            query = query.order_by(FractionRow.course_id, FractionRow.lesion_id, FractionRow.prescription_version)
            names = (
                *(one.key for one in of),
                "given",
                "delivered_rx_mgy",
                "low_rx_mgy",
                "high_rx_mgy",
                "unknown",
                "last_wall_s",
            )
            rows = [dict(zip(names, row, strict=True)) for row in session.execute(query.limit(LESIONS + 1))]
        if not rows:
            raise NotThereError(
                f"{patient_id}: no fraction of this patient is kept; first: search by the other identifier"
            )
        more = len(rows) > LESIONS
        return {"lesions": rows[:LESIONS], "words": f"more than {LESIONS} lines: the first are shown" if more else ""}

    def fractions(self, search: str, patient_id: str, before: str) -> Row:
        """Newest first, a page at a time; `before` is what the page before handed on as `next`."""
        with reading(self.rig.records / DATABASE_NAME) as session:
            if session is None:
                return {"fractions": [], "next": "", "words": "there are no records yet"}
            where = [*_matching(search), *_before(before)]
            if patient_id:
                where.append(FractionRow.patient_id == patient_id)
            query = select(FractionRow).where(*where)
            query = query.order_by(FractionRow.started_wall_s.desc(), FractionRow.id.desc()).limit(PAGE + 1)
            rows = [_fraction(row) for row in session.scalars(query)]
        shown = rows[:PAGE]
        following = f"{shown[-1]['started_wall_s']!r} {shown[-1]['id']}" if len(rows) > PAGE else ""
        return {"fractions": shown, "next": following, "words": ""}

    def fraction(self, fraction_id: str) -> Row:
        """One fraction: its segments, what happened, corrections, reports that lie there, and the order as the journal holds it."""
        with reading(self.rig.records / DATABASE_NAME) as session:
            row = None if session is None else session.get(FractionRow, fraction_id)
            if session is None or row is None:
                raise NotThereError(f"{fraction_id}: is no fraction of these records; first: choose one of the list")
            found = _fraction(row)
            kept = select(SegmentRow).where(SegmentRow.fraction_id == fraction_id).order_by(SegmentRow.start_index)
            segments = list(session.scalars(kept.limit(SEGMENTS)))
            found["exposures"] = [_exposure(one, row.rx_factor) for one in segments]
            events = [event for one in segments for event in _events(session, one)][: EVENTS + 1]
            found["events"] = events[:EVENTS]
            found["events_words"] = f"more than {EVENTS} entries: the first are shown" if len(events) > EVENTS else ""
            tag = row.tag
            signed = session.scalars(
                select(EventRow).where(EventRow.kind == "SHEET", EventRow.event == SheetKind.OVERRIDE.value)
                .order_by(EventRow.index.desc()).limit(EVENTS)
            )  # fmt: skip
            overrides = [(one.state, one.wall_s) for one in signed]
        found["order"], found["order_words"] = self._order(segments)
        found["corrections"] = _corrections(found) + self._overrides(tag, overrides)
        found["reports"] = self._reports(fraction_id)
        return found

    def treated(self, patients: Sequence[str]) -> list[Row]:
        """Every fraction of these patients, whatever its lesion."""
        with reading(self.rig.records / DATABASE_NAME) as session:
            if session is None or not patients:
                return []
            query = select(FractionRow).where(FractionRow.patient_id.in_(sorted(set(patients))))
            return [_fraction(row) for row in session.scalars(query)]

    def trace(self, token: int) -> Row:
        """kV, mA and dose of one exposure against time, thinned to what a screen shows with every extreme kept."""
        with reading(self.rig.records / DATABASE_NAME) as session:
            row = None if session is None else session.get(SegmentRow, token)
            if row is None:
                raise NotThereError(f"token {token}: is no exposure of these records; first: choose one of the list")
            first, last = row.start_index, row.end_index
        if last is None:
            raise NotThereError(f"token {token}: the exposure has no end yet; first: wait for it")
        ticks: list[tuple[int, TickRow]] = []
        for record in part(self._journal, first, last, AFTER):
            if record.kind == Kind.TICKS:
                ticks += _ticks(record, token)
            if len(ticks) > MOST_TICKS:
                raise NotReadError(
                    f"token {token}: above {MOST_TICKS} ticks; first: take its report (kerma records report)"
                )
        points = trace(ticks)
        words = "" if points else "the journal holds no tick of this exposure with the unit running"
        return {
            "token": token,
            "ticks": len(ticks),
            "points": [msgspec.structs.astuple(one) for one in points],
            "words": words,
        }

    def report(self, name: str) -> bytes:
        """A report that lies there, whole."""
        try:
            return (self.rig.records / keep.FOLDER / name).read_bytes()
        except OSError as error:
            raise NotReadError(f"{name}: cannot be read ({error.strerror}); first: kerma records report") from error

    def _reports(self, fraction_id: str) -> list[str]:
        """Names of reports that lie there, the newest state of the record first."""
        folder = self.rig.records / keep.FOLDER
        if not fraction_id.replace("-", "").isalnum():
            return []
        shapes = [f"{signed}{gone}" for signed in ("", "-c??????") for gone in ("", "-g??????")]
        some = [one for shape in shapes for one in folder.glob(f"fraction-{fraction_id}-????????{shape}.*")]
        return [path.name for path in sorted(some, key=lambda path: (path.stem, path.suffix), reverse=True)][:12]

    def _order(self, segments: list[SegmentRow]) -> tuple[list[Row], str]:
        """Of each exposure what it was started by: the order with who approved it, and the reason of a resume."""
        found: list[Row] = []
        try:
            for one in segments:
                asked: Query | None = None
                for record in part(self._journal, max(1, one.start_index - BEFORE), one.start_index):
                    entry = _entry(record)
                    if isinstance(entry, Query):
                        asked = entry
                    elif isinstance(entry, Start) and record.index == one.start_index:
                        found.append(_started(one.token, entry.prescribed, asked, entry))
        except (NotReadError, msgspec.DecodeError, ValueError) as error:
            return found, f"the journal cannot be read there: {error}"
        return found, ""

    def _overrides(self, tag: str, signed: list[tuple[str, float]]) -> list[Row]:
        """A physicist's signed words on this fraction, with whether this rig believes the signature."""
        found: list[Row] = []
        for sha256, wall_s in signed:
            sheet = sheets.read(self.rig.records / FOLDER / f"{sha256}{TAKEN}")
            word = decoded(sheet.body, Override) if isinstance(sheet, Sheet) else None
            if isinstance(sheet, Sheet) and word is not None and word.fraction_tag == tag:
                against = self._against(sheet)
                said = f"time {word.set_time_s:.2f} s against {word.first_s:.2f} s of fraction 1: {word.reason}"
                found.append(
                    {
                        "wall_s": wall_s,
                        "what": "override",
                        "who": f"{sheet.who} ({sheet.role})",
                        "words": said,
                        "against": against,
                    }
                )
        return found

    def _against(self, sheet: Sheet) -> str:
        try:
            return wrong_signature(sheet, signers_of(self.rig))
        except ConfigurationError as error:
            return f"the signature cannot be looked at: {error}"


def recorded(found: Row) -> Recorded:
    """One fraction as `Kept.fraction` tells it, for whoever signs or corrects."""
    beams = [one for one in found["exposures"] if not one["void"]]
    ends = tuple(
        End(
            one["token"], one["outcome"] or "", one["delivered_mgy"], one["low_mgy"], one["high_mgy"], one["quality"], one["beam_s"],
        )
        for one in beams
    )  # fmt: skip
    words = {field: found[field] for field in FIELDS if field != REMARK}
    operators = tuple(one["operator"] for one in beams)
    return Recorded(found["id"], found["purpose"], found["status"], bool(found["closed"]), operators, ends, words)


def _started(token: int, order: Prescribed, asked: Query | None, start: Start) -> Row:
    fits = asked is not None and asked.fraction_tag == start.fraction_tag
    return {
        "token": token, "approved_by": list(order.approved_by), "version": order.version, "sha256": order.sha256.hex(), "gap_mm": order.gap_mm,
        "cutout_factor": order.cutout_factor, "min_interval_h": order.min_interval_h, "reason": asked.reason if asked is not None and fits else "",
        "physicist": asked.physicist if asked is not None and fits else False, "operator": start.operator, "resume": start.resume,
        "set_up": None if order.set_up is UNSET else msgspec.to_builtins(order.set_up),
    }  # fmt: skip


def _corrections(found: Row) -> list[Row]:
    """What was added later to what stood there: a resume with its reason, an end that was found afterwards, the closing."""
    told: list[Row] = []
    ends = {one["token"]: one for one in found["exposures"]}
    for one in found["order"]:
        if one["resume"]:
            who = f"{one['operator']}{' (physicist)' if one['physicist'] else ''}"
            told.append(
                {
                    "wall_s": ends[one["token"]]["started_wall_s"],
                    "what": "resume",
                    "who": who,
                    "words": one["reason"],
                    "against": "",
                }
            )
    told += [
        {"wall_s": one["ended_wall_s"], "what": "recovered", "who": "", "words": one["words"], "against": ""}
        for one in found["exposures"]
        if one["recovered"] and one["outcome"]
    ]
    if found["closed"]:
        told.append(
            {
                "wall_s": found["ended_wall_s"],
                "what": "closed",
                "who": "",
                "words": found["closed_words"],
                "against": "",
            }
        )
    return told


def _entry(record: Record) -> Query | Start | None:
    if record.kind != Kind.ENTRY:
        return None
    noted = msgspec.msgpack.decode(record.payload, type=Noted)
    if noted.type == EntryType.QUERY:
        return msgspec.msgpack.decode(noted.entry, type=Query)
    return msgspec.msgpack.decode(noted.entry, type=Start) if noted.type == EntryType.START else None


def _ticks(record: Record, token: int) -> Iterator[tuple[int, TickRow]]:
    for row in rows_of(msgspec.msgpack.decode(record.payload, type=Ticks).rows):
        if row.kind == EntryType.TICK:
            tick = unpack_tick(row.payload)
            if tick.token == token:
                yield row.mono_ns, tick


def _matching(search: str) -> list[ColumnElement[bool]]:
    """Each word stands in one of the columns that are searched; signs of the database's own are signs."""
    return [
        or_(*(getattr(FractionRow, name).icontains(word, autoescape=True) for name in SEARCHED))
        for word in search.split()[:6]
    ]


def _before(before: str) -> list[ColumnElement[bool]]:
    wall_s, _, name = before.partition(" ")
    try:
        since_s = float(wall_s)
    except ValueError:
        return []
    same = and_(FractionRow.started_wall_s == since_s, FractionRow.id < name)
    return [or_(FractionRow.started_wall_s < since_s, same)]


def _columns(row: DeclarativeBase) -> Row:
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}


def _fraction(row: FractionRow) -> Row:
    at_depth = {f"{name}_rx_mgy": getattr(row, f"{name}_mgy") * row.rx_factor for name in ("delivered", "low", "high")}
    return _columns(row) | at_depth


def _exposure(row: SegmentRow, rx_factor: float) -> Row:
    cause = CAUSES.get(row.unit_cause, str(row.unit_cause))
    return _columns(row) | {
        "cause": cause,
        "provisional": row.outcome is None,
        "delivered_rx_mgy": row.delivered_mgy * rx_factor,
    }


def _events(session: Session, one: SegmentRow) -> list[Row]:
    """What happened from START to the end, and which latches were set or cleared then."""
    last = one.end_index if one.end_index is not None else one.start_index + EVENTS
    rows = session.scalars(
        select(EventRow).where(EventRow.index.between(one.start_index, last)).order_by(EventRow.index, EventRow.number).limit(EVENTS)
    )  # fmt: skip
    latched = session.scalars(select(LatchRow).where(LatchRow.index.between(one.start_index, last)).limit(EVENTS))
    told = [{**_columns(row), "token": one.token} for row in rows]
    told += [
        {
            "index": row.index, "number": 0, "kind": "LATCH", "wall_s": row.wall_s, "state": "", "event": "SET" if row.set else "CLEARED", "to": "",
            "rule": row.rule, "words": row.words, "token": one.token,
        }
        for row in latched
    ]  # fmt: skip
    return sorted(told, key=lambda event: (event["index"], event["number"]))


@contextmanager
def reading(path: Path) -> Iterator[Session | None]:
    """A read-only session; None where there is no database yet. Whatever is wrong with the file is words."""
    if not path.exists():
        yield None
        return
    engine = engine_for(path, read_only=True)
    try:
        with Session(engine) as session:
            yield session if readable(session.connection(), path) else None
    except StoreError as error:
        raise NotReadError(f"{error}; first: look with the program that wrote it") from error
    except SQLAlchemyError as error:
        why = getattr(error, "orig", None) or error
        raise NotReadError(
            f"{path}: cannot be read ({why}); first: kerma records list, and see whether the recorder lives"
        ) from error
    finally:
        engine.dispose()
