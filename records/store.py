"""The database that people's pages read: a copy of the book through SQLAlchemy, in SQLite or PostgreSQL, written after the journal and rebuilt from it at will.
It decides nothing; whatever it holds can be thrown away, except its anchor, which tells a journal that lost its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Dialect,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    TypeDecorator,
    create_engine,
    event,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from controller.entries import LatchSet, Terminal
from records.book import Book, Changes, Exposure, Fraction
from records.forms import Noted
from records.schema import OURS, SERVER, Revisions, bring_up, on_server, said
from records.schema import Place as Place
from records.schema import StoreError as StoreError

NOTHING: Final = "\u2400"
"""What stands for a NUL in PostgreSQL, which keeps none in its texts."""


class Words(TypeDecorator[str]):
    """A text of any length."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value.replace("\0", NOTHING) if value is not None and dialect.name == "postgresql" else value


WORDS = Words()
WHOLE = BigInteger().with_variant(Integer(), "sqlite")
"""Tokens and counts are 32 bits without a sign; SQLite's own INTEGER holds them all."""


class Base(DeclarativeBase):
    """All tables. Doses D0 mGy unless the name says rx; tags and hashes in hex; wall times seconds since 1970 UTC."""


class MetaRow(Base):
    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(WORDS, primary_key=True)
    value: Mapped[str] = mapped_column(WORDS)


class FractionRow(Base):
    __tablename__ = "fractions"
    id: Mapped[str] = mapped_column(WORDS, primary_key=True)
    tag: Mapped[str] = mapped_column(WORDS)
    plan_tag: Mapped[str] = mapped_column(WORDS)
    prescription_id: Mapped[str] = mapped_column(WORDS)
    prescription_version: Mapped[int] = mapped_column(WHOLE)
    prescription_sha256: Mapped[str] = mapped_column(WORDS)
    patient_id: Mapped[str] = mapped_column(WORDS, index=True)
    patient_id_2: Mapped[str] = mapped_column(WORDS)
    course_id: Mapped[str] = mapped_column(WORDS)
    lesion_id: Mapped[str] = mapped_column(WORDS)
    site: Mapped[str] = mapped_column(WORDS)
    laterality: Mapped[str] = mapped_column(WORDS)
    purpose: Mapped[str] = mapped_column(WORDS)
    fraction: Mapped[int] = mapped_column(WHOLE)
    fractions: Mapped[int] = mapped_column(WHOLE)
    kv: Mapped[float] = mapped_column(Float)
    ma: Mapped[float] = mapped_column(Float)
    filter_id: Mapped[str] = mapped_column(WORDS)
    applicator_id: Mapped[str] = mapped_column(WORDS)
    depth_mm: Mapped[float] = mapped_column(Float)
    rx_mgy: Mapped[float] = mapped_column(Float)
    d0_mgy: Mapped[float] = mapped_column(Float)
    rx_factor: Mapped[float] = mapped_column(Float)
    status: Mapped[str] = mapped_column(WORDS)
    flagged: Mapped[bool] = mapped_column(Boolean)
    closed: Mapped[bool] = mapped_column(Boolean)
    closed_words: Mapped[str] = mapped_column(WORDS)
    quality: Mapped[str] = mapped_column(WORDS)
    delivered_mgy: Mapped[float] = mapped_column(Float)
    low_mgy: Mapped[float] = mapped_column(Float)
    high_mgy: Mapped[float] = mapped_column(Float)
    rest_mgy: Mapped[float] = mapped_column(Float)
    beam_s: Mapped[float] = mapped_column(Float)
    segments: Mapped[int] = mapped_column(WHOLE)
    resumes: Mapped[int] = mapped_column(WHOLE)
    trips: Mapped[int] = mapped_column(WHOLE)
    started_wall_s: Mapped[float] = mapped_column(Float)
    ended_wall_s: Mapped[float | None] = mapped_column(Float, nullable=True)
    certificate_id: Mapped[str] = mapped_column(WORDS)
    certificate_sha256: Mapped[str] = mapped_column(WORDS)
    software_version: Mapped[str] = mapped_column(WORDS)
    simulated: Mapped[bool] = mapped_column(Boolean)


class SegmentRow(Base):
    __tablename__ = "segments"
    token: Mapped[int] = mapped_column(WHOLE, primary_key=True, autoincrement=False)
    fraction_id: Mapped[str] = mapped_column(ForeignKey("fractions.id"))
    segment: Mapped[int] = mapped_column(WHOLE)
    void: Mapped[bool] = mapped_column(Boolean)
    start_index: Mapped[int] = mapped_column(WHOLE)
    end_index: Mapped[int | None] = mapped_column(WHOLE, nullable=True)
    instance: Mapped[str] = mapped_column(WORDS)
    operator: Mapped[str] = mapped_column(WORDS)
    digest: Mapped[str] = mapped_column(WORDS)
    resume: Mapped[bool] = mapped_column(Boolean)
    set_time_s: Mapped[float] = mapped_column(Float)
    k_tp: Mapped[float] = mapped_column(Float)
    started_wall_s: Mapped[float] = mapped_column(Float)
    ended_wall_s: Mapped[float | None] = mapped_column(Float, nullable=True)
    outcome: Mapped[str | None] = mapped_column(WORDS, nullable=True)
    recovered: Mapped[bool] = mapped_column(Boolean)
    event: Mapped[str] = mapped_column(WORDS)
    rule: Mapped[str] = mapped_column(WORDS)
    words: Mapped[str] = mapped_column(WORDS)
    unit_cause: Mapped[int] = mapped_column(WHOLE)
    d1_mgy: Mapped[float] = mapped_column(Float)
    d2_mgy: Mapped[float] = mapped_column(Float)
    dt_mgy: Mapped[float] = mapped_column(Float)
    dm_mgy: Mapped[float | None] = mapped_column(Float, nullable=True)
    delivered_mgy: Mapped[float] = mapped_column(Float)
    low_mgy: Mapped[float] = mapped_column(Float)
    high_mgy: Mapped[float] = mapped_column(Float)
    quality: Mapped[str] = mapped_column(WORDS)
    beam_s: Mapped[float] = mapped_column(Float)
    counts_1: Mapped[int] = mapped_column(WHOLE)
    counts_2: Mapped[int] = mapped_column(WHOLE)
    unknown_s: Mapped[float] = mapped_column(Float)
    kv_mean: Mapped[float | None] = mapped_column(Float, nullable=True)
    kv_min: Mapped[float | None] = mapped_column(Float, nullable=True)
    kv_max: Mapped[float | None] = mapped_column(Float, nullable=True)
    ma_mean: Mapped[float | None] = mapped_column(Float, nullable=True)
    ma_min: Mapped[float | None] = mapped_column(Float, nullable=True)
    ma_max: Mapped[float | None] = mapped_column(Float, nullable=True)
    on_at_s: Mapped[float | None] = mapped_column(Float, nullable=True)
    off_at_s: Mapped[float | None] = mapped_column(Float, nullable=True)
    off_verified_s: Mapped[float | None] = mapped_column(Float, nullable=True)
    reset: Mapped[bool] = mapped_column(Boolean)
    # at the end, where a revision adds it to a table that was there
    host_beam_s: Mapped[float | None] = mapped_column(Float, nullable=True)
    after_end_1: Mapped[float | None] = mapped_column(Float, nullable=True)
    after_end_2: Mapped[float | None] = mapped_column(Float, nullable=True)
    after_end_s: Mapped[float | None] = mapped_column(Float, nullable=True)
    after_end_k1_s: Mapped[float | None] = mapped_column(Float, nullable=True)
    after_end_unseen: Mapped[str | None] = mapped_column(WORDS, nullable=True)
    # a START that never had beam leaves its number to the next one
    __table_args__ = (
        Index(
            "one_segment_of_a_number",
            "fraction_id",
            "segment",
            unique=True,
            sqlite_where=text("void = 0"),
            postgresql_where=text("NOT void"),
        ),
    )


class LatchRow(Base):
    __tablename__ = "latches"
    index: Mapped[int] = mapped_column(WHOLE, primary_key=True, autoincrement=False)
    rule: Mapped[str] = mapped_column(WORDS, index=True)
    set: Mapped[bool] = mapped_column(Boolean)
    wall_s: Mapped[float] = mapped_column(Float)
    trip: Mapped[str] = mapped_column(WORDS)
    clears: Mapped[str] = mapped_column(WORDS)
    words: Mapped[str] = mapped_column(WORDS)
    role: Mapped[str] = mapped_column(WORDS)
    who: Mapped[str] = mapped_column(WORDS)


class EventRow(Base):
    __tablename__ = "events"
    index: Mapped[int] = mapped_column(WHOLE, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(WHOLE, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(WORDS)
    instance: Mapped[str] = mapped_column(WORDS)
    seq: Mapped[int] = mapped_column(WHOLE)
    wall_s: Mapped[float] = mapped_column(Float)
    state: Mapped[str] = mapped_column(WORDS)
    event: Mapped[str] = mapped_column(WORDS)
    to: Mapped[str] = mapped_column(WORDS)
    rule: Mapped[str] = mapped_column(WORDS)
    words: Mapped[str] = mapped_column(WORDS)


class OpeningRow(Base):
    __tablename__ = "openings"
    index: Mapped[int] = mapped_column(WHOLE, primary_key=True, autoincrement=False)
    instance: Mapped[str] = mapped_column(WORDS)
    software_version: Mapped[str] = mapped_column(WORDS)
    rig: Mapped[str] = mapped_column(WORDS)
    simulated: Mapped[bool] = mapped_column(Boolean)
    configuration_sha256: Mapped[str] = mapped_column(WORDS)
    tick_s: Mapped[float] = mapped_column(Float)
    wall_s: Mapped[float] = mapped_column(Float)


CONNECT_S, STATEMENT_S, SILENT_S = 5, 30, 10
"""How long PostgreSQL may take to be reached, over one statement, and to acknowledge what was sent."""


def place_of(words: str) -> Place:
    """A URL as it stands, anything else as a path."""
    return words if on_server(words) else Path(words)


def engine_for(database: Place, *, read_only: bool = False) -> Engine:
    """SQLite in WAL with synchronous=FULL (NORMAL loses committed rows at a power cut); every transaction is begun by us, data definition included."""
    if isinstance(database, str) and on_server(database):
        return _server(database, read_only)
    place = f"file:{database}?mode=ro&uri=true" if read_only else str(database)
    engine = create_engine(f"sqlite:///{place}", connect_args={"timeout": 5.0})

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)
    return engine


def _server(url: str, read_only: bool) -> Engine:
    """PostgreSQL: each wait has a bound, so that a server that is gone is an error and no silence; a commit is on its disk (synchronous_commit)."""
    asked = {
        "statement_timeout": f"{STATEMENT_S}s",
        "lock_timeout": f"{CONNECT_S}s",
        "idle_in_transaction_session_timeout": f"{STATEMENT_S}s",
        "synchronous_commit": "on",
        "default_transaction_read_only": "on" if read_only else "off",
    }
    arguments = {
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": SILENT_S * 1000,
        "keepalives_idle": SILENT_S,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "application_name": "kerma",
        "options": " ".join(f"-c {name}={value}" for name, value in asked.items()),
    }
    return create_engine(make_url(url).set(drivername=f"{SERVER}+psycopg"), connect_args=arguments)


OpenDatabase = Callable[[Place], Engine]
"""How the writer opens its database: `engine_for`, or a test's that fails as told."""


def applied_of(connection: Connection) -> int:
    """The journal index up to which the rows are."""
    return int(connection.execute(text("SELECT value FROM meta WHERE key = 'applied'")).scalar_one())


class Store:
    """The writer's side. `applied` is the journal index up to which the rows are, `digest` that record's."""

    def __init__(self, database: Place, open_database: OpenDatabase = engine_for, revisions: Revisions = OURS) -> None:
        self._database = database
        self._engine = open_database(database)
        try:
            with self._engine.begin() as connection:
                if bring_up(connection, database, Base.metadata, revisions):
                    _put_meta(connection, {"schema": str(int(revisions.head)), "applied": "0", "digest": ""})
                for table in Base.metadata.sorted_tables:
                    # every column by its name: one that a flipped bit renamed is found here, and not by whoever asks for it first
                    connection.execute(select(table).limit(0))
                found = connection.execute(text("SELECT key, value FROM meta")).all()
                rows = {str(row[0]): str(row[1]) for row in found}
        except BaseException as error:
            self._engine.dispose()
            raise self._refused(error) if isinstance(error, SQLAlchemyError) else error from None
        self.applied = int(rows["applied"])
        self.digest = bytes.fromhex(rows["digest"])

    def project(self, book: Book, changes: Changes, index: int, digest: bytes) -> None:
        """Bring the rows up to this journal index, in one transaction; what is there already is written over with the same. Raises StoreError."""
        try:
            with Session(self._engine) as session, session.begin():
                for name in sorted(changes.fractions):
                    fraction = book.fractions[name]
                    session.merge(_fraction(book, fraction))
                    for token in fraction.tokens:
                        session.merge(_segment(book, book.exposures[token]))
                        # in order: a number that a VOID gives free may be taken by the next in the same step
                        session.flush()
                for row in _added(changes):
                    session.merge(row)
                session.flush()
                _put_meta(session.connection(), {"applied": str(index), "digest": digest.hex()})
        except SQLAlchemyError as error:
            raise self._refused(error) from error
        self.applied, self.digest = index, digest

    def mend(self, book: Book) -> list[str]:
        """Write anew what of fractions and exposures is not as the journal says: a file that lay damaged must show nobody a wrong dose. Gives words on
        each. Raises StoreError."""
        try:
            with Session(self._engine) as session, session.begin():
                found = differing(session, book)
                for row in found:
                    if row in session:
                        session.delete(row)
                    else:
                        session.merge(row)
                    session.flush()
                for index, wall_s, noted, kind, words in book.fitted:
                    # a database from before these events were told has none of them
                    session.merge(_event(index, 0, wall_s, noted, kind, words))
                told = [row for row in found if not running(book, row)]
                return [
                    f"{self._database}: {named(row)} was not as the journal says, and is written anew" for row in told
                ]
        except SQLAlchemyError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        self._engine.dispose()

    def _refused(self, error: BaseException) -> StoreError:
        cause = said(error)
        if on_server(self._database):
            return StoreError(f"{self._database}: {cause}; see to the server and the network first")
        return StoreError(
            f"{self._database}: {cause}; see to the disk; if the file is damaged move it and its -wal away, the journal makes it anew; then start the recorder"
        )


def differing(session: Session, book: Book, only: str = "") -> list[FractionRow | SegmentRow]:
    """Rows of fractions and exposures as they should be where the database's are missing or not so, and those (persistent) that the book does not know;
    of `only` this fraction where it is given."""
    fractions = [fraction for fraction in book.fractions.values() if only in ("", fraction.id)]
    wanted: dict[tuple[type, Any], FractionRow | SegmentRow] = {
        (FractionRow, fraction.id): _fraction(book, fraction) for fraction in fractions
    }
    for fraction in fractions:
        wanted |= {(SegmentRow, token): _segment(book, book.exposures[token]) for token in fraction.tokens}
    segments, rows = select(SegmentRow), select(FractionRow)
    if only:
        segments, rows = segments.where(SegmentRow.fraction_id == only), rows.where(FractionRow.id == only)
    strange: list[FractionRow | SegmentRow] = []
    kept: list[FractionRow | SegmentRow] = [*session.scalars(segments), *session.scalars(rows)]
    for row in kept:
        key = (type(row), row.token if isinstance(row, SegmentRow) else row.id)
        if key not in wanted:
            strange.append(row)
        elif _columns(row) == _columns(wanted[key]):
            del wanted[key]
    return [*strange, *wanted.values()]


def _columns(row: Base) -> dict[str, Any]:
    """What can be told apart in every database: a NaN, which SQLite keeps as nothing, is nothing, and a NUL is what stands for it."""
    values = {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
    return {
        key: None
        if isinstance(value, float) and value != value
        else value.replace("\0", NOTHING)
        if isinstance(value, str)
        else value
        for key, value in values.items()
    }


def running(book: Book, row: FractionRow | SegmentRow) -> bool:
    """Whether an exposure of it has no end: its provisional dose goes on with the journal, and the database follows later."""
    id_ = row.fraction_id if isinstance(row, SegmentRow) else row.id
    return id_ in book.fractions and any(book.exposures[token].end is None for token in book.fractions[id_].tokens)


def named(row: FractionRow | SegmentRow) -> str:
    """The row in words."""
    return f"exposure {row.token}" if isinstance(row, SegmentRow) else f"fraction {row.id}"


_PUT = text(
    "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def _put_meta(connection: Connection, values: dict[str, str]) -> None:
    for key, value in values.items():
        connection.execute(_PUT, {"key": key, "value": value})


def _added(changes: Changes) -> list[Base]:
    rows: list[Base] = []
    for index, latch in changes.latches:
        set_ = isinstance(latch, LatchSet)
        rows.append(
            LatchRow(
                index=index,
                rule=latch.rule,
                set=set_,
                wall_s=latch.wall_s,
                trip=latch.trip.name if isinstance(latch, LatchSet) else "",
                clears=latch.clears.name if isinstance(latch, LatchSet) else "",
                words=latch.words if isinstance(latch, LatchSet) else latch.reason,
                role="" if isinstance(latch, LatchSet) else latch.role,
                who="" if isinstance(latch, LatchSet) else latch.who,
            )
        )
    last, number = 0, 0
    for index, wall_s, noted, kind, words in changes.events:
        number = number + 1 if index == last else 0
        last = index
        rows.append(_event(index, number, wall_s, noted, kind, words))
    for index, o in changes.openings:
        rows.append(
            OpeningRow(
                index=index,
                instance=o.instance,
                software_version=o.software_version,
                rig=o.rig,
                simulated=o.simulated,
                configuration_sha256=o.configuration_sha256.hex(),
                tick_s=o.tick_s,
                wall_s=o.wall_s,
            )
        )
    return rows


def _event(
    index: int, number: int, wall_s: float, noted: Noted, kind: str, words: tuple[str, str, str, str, str]
) -> EventRow:
    state, name, to, rule, said = words
    return EventRow(
        index=index,
        number=number,
        kind=kind,
        instance=noted.instance,
        seq=noted.seq,
        wall_s=wall_s,
        state=state,
        event=name,
        to=to,
        rule=rule,
        words=said,
    )


def _fraction(book: Book, fraction: Fraction) -> FractionRow:
    tally = book.tally(fraction)
    first = book.exposures[fraction.tokens[0]].start
    start = book.exposures[fraction.tokens[-1]].start
    p = start.prescribed
    return FractionRow(
        id=fraction.id,
        tag=f"{fraction.tag:016x}",
        plan_tag=f"{start.plan_tag:016x}",
        prescription_id=p.prescription_id,
        prescription_version=p.version,
        prescription_sha256=p.sha256.hex(),
        patient_id=p.patient_id,
        patient_id_2=p.patient_id_2,
        course_id=p.course_id,
        lesion_id=p.lesion_id,
        site=p.site,
        laterality=p.laterality,
        purpose=p.purpose.name,
        fraction=p.fraction,
        fractions=p.fractions,
        kv=p.kv,
        ma=p.ma,
        filter_id=p.filter_id,
        applicator_id=p.applicator_id,
        depth_mm=p.depth_mm,
        rx_mgy=p.rx_mgy,
        d0_mgy=start.d0_mgy,
        rx_factor=start.rx_factor,
        status=tally.status.value,
        flagged=tally.flagged,
        closed=fraction.closed,
        closed_words=fraction.closed_words,
        quality=tally.quality.value,
        delivered_mgy=tally.delivered_mgy,
        low_mgy=tally.low_mgy,
        high_mgy=tally.high_mgy,
        rest_mgy=tally.rest_mgy,
        beam_s=tally.beam_s,
        segments=tally.segments,
        resumes=tally.resumes,
        trips=tally.trips,
        started_wall_s=first.wall_s,
        ended_wall_s=tally.last_end_wall_s or None,
        certificate_id=start.certificate_id,
        certificate_sha256=start.certificate_sha256.hex(),
        software_version=start.software_version,
        simulated=start.simulated,
    )


def _segment(book: Book, exposure: Exposure) -> SegmentRow:
    """One exposure; without an end its provisional dose, with an empty outcome."""
    start, end = exposure.start, exposure.end
    row = SegmentRow(
        token=exposure.token,
        fraction_id=exposure.fraction,
        segment=start.segment,
        void=exposure.void,
        start_index=exposure.index,
        instance=exposure.instance,
        operator=start.operator,
        digest=start.digest.hex(),
        resume=start.resume,
        set_time_s=start.set_time_s,
        k_tp=start.k_tp,
        started_wall_s=start.wall_s,
        reset=exposure.reset,
    )
    return _ended(row, exposure, end) if end is not None else _provisional(row, book, exposure)


def _provisional(row: SegmentRow, book: Book, exposure: Exposure) -> SegmentRow:
    figures = book.figures(exposure)
    row.recovered, row.event, row.rule, row.words, row.unit_cause = True, "", "", figures.words, 0
    row.d1_mgy, row.d2_mgy, row.dt_mgy, row.dm_mgy = figures.d1_mgy, figures.d2_mgy, figures.dt_mgy, None
    w = figures.weighed
    row.delivered_mgy, row.low_mgy, row.high_mgy, row.quality = w.delivered_mgy, w.low_mgy, w.high_mgy, w.quality.value
    row.beam_s, row.unknown_s = figures.beam_s, figures.charged_s
    row.counts_1, row.counts_2 = exposure.seen.counts_1, exposure.seen.counts_2
    return row


def _ended(row: SegmentRow, exposure: Exposure, end: Terminal) -> SegmentRow:
    row.end_index, row.ended_wall_s = exposure.end_index, exposure.end_wall_s
    row.outcome, row.recovered = end.outcome.name, end.event == "RECOVERED"
    row.event, row.rule, row.words, row.unit_cause = end.event, end.rule, end.words, end.unit_cause
    row.d1_mgy, row.d2_mgy, row.dt_mgy = end.d1_mgy, end.d2_mgy, end.dt_mgy
    row.dm_mgy = None if row.recovered else end.dm_mgy
    row.delivered_mgy, row.low_mgy, row.high_mgy = end.delivered_mgy, end.low_mgy, end.high_mgy
    row.quality = end.quality.value
    row.beam_s = max(0, end.beam_ms - exposure.start.unit_beam_ms) / 1000.0
    row.counts_1, row.counts_2, row.unknown_s = end.counts_1, end.counts_2, end.unknown_s
    if end.kv_max > 0.0:
        row.kv_mean, row.kv_min, row.kv_max = end.kv_mean, end.kv_min, end.kv_max
        row.ma_mean, row.ma_min, row.ma_max = end.ma_mean, end.ma_min, end.ma_max
    row.on_at_s, row.off_at_s, row.off_verified_s = end.on_at_s, end.off_at_s, end.off_verified_s
    row.host_beam_s = end.host_beam_s
    row.after_end_1, row.after_end_2, row.after_end_s = end.after_end_1, end.after_end_2, end.after_end_s
    row.after_end_k1_s = end.after_end_k1_s
    row.after_end_unseen = end.after_end_unseen or None
    return row
