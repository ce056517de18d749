"""The records as people read them: every fraction with its prescription, dose by channel, times and reasons, straight from the database.
It writes nothing and judges nothing; a database that is not there yet is an empty list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session

from controller.prescribed import Quality
from controller.proofs import OPENED
from hal.readings import Cause, Purpose
from records.book import Book
from records.files import PosixFiles
from records.folds import TUBE, fold
from records.journal import verify
from records.schema import readable, said
from records.store import (
    EventRow,
    FractionRow,
    LatchRow,
    SegmentRow,
    StoreError,
    applied_of,
    differing,
    engine_for,
    named,
    place_of,
    running,
)
from records.warm_up import Beam, is_beam

DATABASE_NAME = "records.sqlite"
JOURNAL_NAME = "journal"
"""Names within a rig's folder of records."""


def list_fractions(database: str | Path) -> list[dict[str, Any]]:
    """Every fraction, newest first: the columns of the fractions table with `delivered_rx_mgy`. Raises StoreError (newer schema, unreadable)."""
    with _reading(database) as session:
        if session is None:
            return []
        rows = session.scalars(select(FractionRow).order_by(FractionRow.started_wall_s.desc(), FractionRow.id.desc()))
        return [_fraction(row) for row in rows]


def sheet_words(database: str | Path, sha256: str) -> str | None:
    """What stood against a signed sheet as the records took it in ("" for nothing); None where they have not. Raises StoreError."""
    with _reading(database) as session:
        if session is None:
            return None
        found = session.scalars(select(EventRow).where(EventRow.kind == "SHEET", EventRow.state == sha256)).first()
        return found.words if found is not None else None


def beams_kept(database: str | Path, clocks_s: float, *, of_this_tube: bool) -> tuple[Beam, ...]:
    """Every exposure that had beam, by the lock's own word for it, the newest first, as the warm-up asks for them of this tube alone. The database has wall
    times alone, so no clock is doubted: `clocks_s` (wall less monotonic clock now) stands for each. Raises StoreError."""
    with _reading(database) as session:
        if session is None:
            return ()
        order = {row.id: row for row in session.scalars(select(FractionRow))}
        since = _fitted(session)[0] if of_this_tube else 0
        rows = session.scalars(
            select(SegmentRow).where(SegmentRow.start_index > since).order_by(SegmentRow.start_index.desc())
        ).all()
        return tuple(
            _beam(row, order[row.fraction_id], clocks_s)
            for row in rows
            if row.outcome is not None and not row.void and is_beam(Purpose[order[row.fraction_id].purpose])
        )


def fitted_at_s(database: str | Path) -> float:
    """When the tube that is there was built in (wall time of the first start that named it after another one); 0 where these records know no other.
    Raises StoreError."""
    with _reading(database) as session:
        return 0.0 if session is None else _fitted(session)[1]


def last_tube(journal: str | Path) -> str:
    """The serial of the tube that the last start named, by the journal as it lies there; "" where none did."""
    book = Book()
    verify(PosixFiles(), Path(journal), partial(fold, book))
    return book.tube


def _fitted(session: Session) -> tuple[int, float]:
    """The record since which this tube is there, and its wall time."""
    last = session.scalars(select(EventRow).where(EventRow.kind == TUBE).order_by(EventRow.index.desc())).first()
    return (last.index, last.wall_s) if last is not None else (0, 0.0)


def _beam(row: SegmentRow, of: FractionRow, clocks_s: float) -> Beam:
    ended_s = row.ended_wall_s if row.ended_wall_s is not None else row.started_wall_s
    return Beam(
        token=row.token,
        begun_s=ended_s - row.beam_s,
        ended_s=ended_s,
        beam_s=row.beam_s,
        purpose=Purpose[of.purpose],
        kv=of.kv,
        key=(of.kv, of.ma, of.filter_id, of.applicator_id),
        rate_mgy_per_s=row.d1_mgy / row.beam_s if row.beam_s > 0.0 and row.counts_1 else 0.0,
        sound=row.outcome == "TERMINATED" and row.quality == Quality.GOOD.value and not row.recovered,
        clocks_s=clocks_s,
    )


def opened_alone(database: str | Path, since_wall_s: float) -> frozenset[str]:
    """Contacts that were read open by themselves, with no other, since this wall time, as "DOOR.A". Raises StoreError."""
    with _reading(database) as session:
        if session is None:
            return frozenset()
        rows = session.scalars(select(EventRow).where(EventRow.event == OPENED, EventRow.wall_s >= since_wall_s))
        alone = [
            names for names in (row.words.split() for row in rows) if len({n.partition(".")[0] for n in names}) == 1
        ]
        return frozenset(name for names in alone for name in names)


def show(database: str | Path, fraction_id: str, journal_dir: str | Path | None = None) -> dict[str, Any]:
    """One fraction by its id, or the start of it if only one begins so. `exposures`: every START with its end; `events`; `links` and `wires`: how its
    wires fared, and the frames kept of its trips; with a journal folder `journal`: {records, whole, words}. Doses D0 mGy, `*_rx_mgy` at the
    prescription's depth. Raises StoreError."""
    with _reading(database) as session:
        if session is None:
            raise StoreError(f"{database}: there are no records yet")
        rows = session.scalars(select(FractionRow).where(FractionRow.id.startswith(fraction_id, autoescape=True))).all()
        exact = [row for row in rows if row.id == fraction_id] or list(rows)
        if len(exact) != 1:
            raise StoreError(f"{fraction_id}: {len(exact)} fractions begin so; kerma records list shows them")
        shown = _fraction(exact[0])
        segments = session.scalars(
            select(SegmentRow).where(SegmentRow.fraction_id == exact[0].id).order_by(SegmentRow.start_index)
        ).all()
        shown["exposures"] = [_segment(row, exact[0].rx_factor) for row in segments]
        shown["events"] = _events(session, list(segments))
        shown["links"] = [kept for row in segments for kept in _of_token(session, "LINKS", row.token)]
        shown["wires"] = [kept for row in segments for kept in _of_token(session, "WIRE", row.token)]
        shown["latches"] = [_columns(row) for row in session.scalars(select(LatchRow).order_by(LatchRow.index))]
    if journal_dir is not None:
        shown["journal"] = _compared(database, shown["id"], Path(journal_dir))
    return shown


def _compared(database: str | Path, fraction_id: str, journal_dir: Path) -> dict[str, Any]:
    """Whether the journal is whole, and whether the database shows of this fraction what the journal says. A recorder may run beside."""
    book = Book()
    with _reading(database) as session:
        assert session is not None
        applied = applied_of(session.connection())
        found = verify(
            PosixFiles(), journal_dir, lambda record: fold(book, record) if record.index <= applied else None
        )
        words = found.words
        if not words:
            wrong = [row for row in differing(session, book, fraction_id) if not running(book, row)]
            words = "; ".join(f"the database shows {named(row)} otherwise than the journal" for row in wrong)
    return {"records": found.records, "whole": not words, "words": words}


def wires(database: str | Path, token: int) -> list[dict[str, Any]]:
    """The files of frames that were kept of this exposure's trips, oldest first; token 0: of trips outside exposures. Raises StoreError."""
    with _reading(database) as session:
        return [] if session is None else _of_token(session, "WIRE", token)


def strays(database: str | Path) -> list[dict[str, Any]]:
    """Beam that no fraction holds, oldest first: when, of what kind, and its bounds in words. Raises StoreError."""
    with _reading(database) as session:
        if session is None:
            return []
        rows = session.scalars(
            select(EventRow).where(EventRow.kind == "STRAY").order_by(EventRow.index, EventRow.number)
        )
        return [{"wall_s": row.wall_s, "kind": row.event, "words": row.words} for row in rows]


@contextmanager
def _reading(database: str | Path) -> Iterator[Session | None]:
    """A read-only session; None when there is no database yet."""
    path = place_of(str(database))
    if isinstance(path, Path) and not path.exists():
        yield None
        return
    engine = engine_for(path, read_only=True)
    try:
        with Session(engine) as session:
            yield session if readable(session.connection(), path) else None
    except SQLAlchemyError as error:
        raise StoreError(f"{path}: cannot be read ({said(error)})") from error
    finally:
        engine.dispose()


def _columns(row: DeclarativeBase) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}


def _fraction(row: FractionRow) -> dict[str, Any]:
    return _columns(row) | {
        "delivered_rx_mgy": row.delivered_mgy * row.rx_factor,
        "low_rx_mgy": row.low_mgy * row.rx_factor,
        "high_rx_mgy": row.high_mgy * row.rx_factor,
    }


def _segment(row: SegmentRow, rx_factor: float) -> dict[str, Any]:
    causes = {cause.value: cause.name for cause in Cause}
    return _columns(row) | {
        "cause": causes.get(row.unit_cause, str(row.unit_cause)),
        "provisional": row.outcome is None,
        "delivered_rx_mgy": row.delivered_mgy * rx_factor,
    }


def _of_token(session: Session, kind: str, token: int) -> list[dict[str, Any]]:
    """What was noted of one exposure's wires: `name` and `sha256` of a file of frames are empty for figures."""
    query = select(EventRow).where(EventRow.kind == kind, EventRow.event == str(token)).order_by(EventRow.index)
    return [
        {
            "token": token,
            "wall_s": row.wall_s,
            "rule": row.rule,
            "words": row.words,
            "name": row.to,
            "sha256": row.state,
        }
        for row in session.scalars(query)
    ]


def _events(session: Session, segments: list[SegmentRow]) -> list[dict[str, Any]]:
    """What happened from each START to its end."""
    events: list[dict[str, Any]] = []
    for segment in segments:
        query = select(EventRow).where(EventRow.index >= segment.start_index).order_by(EventRow.index, EventRow.number)
        if segment.end_index is not None:
            query = query.where(EventRow.index <= segment.end_index)
        events += [_columns(row) for row in session.scalars(query)]
    return events
