"""Which schema a database of the records has, and how it comes to the one that this program writes: Alembic's revisions, in one transaction.
It knows the revisions and in what order they follow; what stands in the tables is records/store.py's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import ProgrammingError
from typing import Final

import msgspec
from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, text
from sqlalchemy.exc import MultipleResultsFound, NoResultFound, SQLAlchemyError

REVISION: Final = "alembic_version"
"""Alembic's own table: one row, the revision."""
LOCK_S: Final = 5
"""PostgreSQL waits so long for a table that somebody holds; SQLite's own wait is in records/store.py."""
UPGRADE_S: Final = 120
"""The longest that one statement of an upgrade may take on PostgreSQL."""
STEPS_AT_ONCE: Final = 1_000_000
STEPS: Final = 20_000
"""SQLite counts steps of its machine and no seconds: so many times `STEPS_AT_ONCE` of an upgrade, then it is given up and nothing has changed."""
Place = Path | str
"""Where a database is: the path of a SQLite file, or the URL of a PostgreSQL (`postgresql://...`)."""
SERVER: Final = "postgresql"


class StoreError(Exception):
    """The database cannot be used; the words name the file, what was found and what to do first."""


class Revisions(msgspec.Struct, frozen=True):
    """A folder of revisions for Alembic, and the last of them. Revisions are four digits in order, so that a newer one is told from a strange one."""

    scripts: Path
    head: str


OURS: Final = Revisions(Path(__file__).parent / "migrations", "0003")


def on_server(place: Place) -> bool:
    """Whether this is a PostgreSQL's URL."""
    return isinstance(place, str) and place.partition(":")[0] == SERVER


def said(error: BaseException) -> str:
    """What the engine itself said, in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _anew(place: Place) -> str:
    return (
        "or name an empty database" if on_server(place) else "or move the file and its -wal away"
    ) + ": the journal makes it anew"


def revision_of(connection: Connection, place: Place) -> str:
    """The revision in the database, "" for an empty one. Raises StoreError for one that is not ours, SQLAlchemyError for one that cannot be read.

    A database from before Alembic has no table of revisions. Its own word on its schema is kept up by each revision too: the higher of both counts.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return ""
    asked = ["SELECT value FROM meta WHERE key = 'schema'"]
    asked += [f"SELECT version_num FROM {REVISION}"] if REVISION in tables else []
    try:
        if "meta" not in tables:
            raise ValueError("it has no table of that name")
        return f"{max(int(connection.execute(text(one)).scalar_one()) for one in asked):04d}"
    except (NoResultFound, MultipleResultsFound, ValueError) as error:
        raise StoreError(f"{place}: no database of this program; move it away first") from error


def readable(connection: Connection, place: Place, revisions: Revisions = OURS) -> bool:
    """Whether there is anything to read. Raises StoreError for a database that is not ours, or that another program wrote."""
    found = revision_of(connection, place)
    _not_newer(found, place, revisions)
    if found and found < revisions.head:
        raise StoreError(
            f"{place}: schema {found}, this program reads {revisions.head}; the recorder brings it there: start kerma run first"
        )
    return bool(found)


def bring_up(connection: Connection, place: Place, tables: MetaData, revisions: Revisions = OURS) -> bool:
    """Make or upgrade the tables within the transaction that is open, so that a kill leaves the old or the new ones; True where they were made.

    Raises StoreError, SQLAlchemyError. An empty database gets the tables as they are now: Alembic is loaded for an upgrade alone.
    """
    found = revision_of(connection, place)
    _not_newer(found, place, revisions)
    if not found:
        tables.create_all(connection)
        _stamp(connection, revisions.head)
    elif found < revisions.head:
        _upgrade(connection, place, found, revisions)
    elif REVISION not in inspect(connection).get_table_names():
        _stamp(connection, found)
    return not found


def _not_newer(found: str, place: Place, revisions: Revisions) -> None:
    if found > revisions.head:
        raise StoreError(
            f"{place}: schema {found}, this program knows up to {revisions.head}; use the newer program, {_anew(place)} for this one"
        )


def _stamp(connection: Connection, revision: str) -> None:
    """The table as Alembic makes it itself, with one row."""
    table = Table(
        REVISION,
        MetaData(),
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name=f"{REVISION}_pkc"),
    )
    table.create(connection)
    connection.execute(table.insert().values(version_num=revision))


def _upgrade(connection: Connection, place: Place, found: str, revisions: Revisions) -> None:
    """Every revision after the one found; a database from before Alembic is stamped first."""
    from alembic import command
    from alembic.config import Config

    if REVISION not in inspect(connection).get_table_names():
        _stamp(connection, found)
    config = Config()
    # a % in a path would be taken for a setting to be filled in
    config.set_main_option("script_location", str(revisions.scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        with _bounded(connection):
            command.upgrade(config, revisions.head)
    except SQLAlchemyError as error:
        raise StoreError(
            f"{place}: cannot be brought from schema {found} to {revisions.head} ({said(error)}), and is as it was; see to the disk, {_anew(place)}"
        ) from error


@contextmanager
def _bounded(connection: Connection) -> Iterator[None]:
    """An upgrade ends within a bound, by its end or by an error."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_S}s'"))
        connection.execute(text(f"SET LOCAL statement_timeout = '{UPGRADE_S}s'"))
        yield
        return
    raw = connection.connection.driver_connection
    assert raw is not None
    left = iter(range(STEPS))
    raw.set_progress_handler(lambda: next(left, None) is None, STEPS_AT_ONCE)
    try:
        yield
    finally:
        # a process that is being ended has closed it already
        with suppress(ProgrammingError):
            raw.set_progress_handler(None, 0)
