"""The database's schema: made, taken over from before Alembic, upgraded, refused; on SQLite and on PostgreSQL the same.
What a kill leaves in the middle of an upgrade is the old schema or the new one with all that was in it, and never a part."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from records_bench import Rig
from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.orm import Session

from controller.entries import Outcome
from records import schema
from records.fractions import list_fractions, show
from records.schema import OURS, Revisions, StoreError, readable
from records.store import Base, LatchRow, Place, Store, engine_for
from verification.disk import FaultyDisk, Killed, Strike

BEFORE = (Path(__file__).parent / "schema_before_alembic.sql").read_text(encoding="utf-8")
NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0004", "0003", None, None


def upgrade():
    op.add_column("fractions", sa.Column("note", sa.String(), nullable=False, server_default=""))
    op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("words", sa.String(), nullable=False))
    op.execute("INSERT INTO notes (id, words) SELECT 1, 'was ' || value FROM meta WHERE key = 'schema'")
    op.execute("UPDATE meta SET value = '4' WHERE key = 'schema'")
"""
Places = Callable[[str], Place]


def ours(engine: Engine) -> list[Any]:
    """What Alembic would still do to come from this database to the tables of records/store.py."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))


def asked(place: Place, words: str) -> list[tuple[Any, ...]]:
    engine = engine_for(place)
    with engine.begin() as connection:
        found = connection.execute(text(words))
        rows = [tuple(row) for row in found] if found.returns_rows else []
    engine.dispose()
    return rows


def with_next(folder: Path, words: str = NEXT) -> Revisions:
    """A program of tomorrow: our revisions and one more."""
    scripts = folder / "migrations"
    shutil.copytree(OURS.scripts, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "r0004_note.py").write_text(words, encoding="utf-8")
    return Revisions(scripts, "0004")


def options(index: Any) -> dict[str, str]:
    """Of which rows an index is, in words."""
    return {name: str(value) for name, value in index.get("dialect_options", {}).items()}


def by_revisions(connection: Connection) -> None:
    """From nothing by Alembic alone, as no recorder does it."""
    schema._upgrade(connection, "nothing", "", OURS)


def test_head_is_the_last_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(OURS.scripts))
    assert ScriptDirectory.from_config(config).get_current_head() == OURS.head


def test_revisions_and_tables_say_the_same(place: Places) -> None:
    """A database made at once and one made revision by revision have the same tables, and those of the code."""
    made, grown = place("made"), place("grown")
    Store(made).close()
    engine = engine_for(grown)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
            )
        )
        by_revisions(connection)
    engine.dispose()
    shapes = []
    for one in (made, grown):
        engine = engine_for(one)
        assert ours(engine) == []
        with engine.connect() as connection:
            look = inspect(connection)
            shapes.append(
                {
                    table: (
                        [(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(table)],
                        look.get_pk_constraint(table)["constrained_columns"],
                        [(i["name"], i["column_names"], i["unique"], options(i)) for i in look.get_indexes(table)],
                        [(k["constrained_columns"], k["referred_table"]) for k in look.get_foreign_keys(table)],
                    )
                    for table in look.get_table_names()
                }
            )  # fmt: skip
        engine.dispose()
    assert shapes[0] == shapes[1]
    assert asked(made, "SELECT key, value FROM meta ORDER BY key") == asked(
        grown, "SELECT key, value FROM meta ORDER BY key"
    )
    Store(grown).close()


def test_a_database_from_before_alembic_is_taken_over_with_all_that_is_in_it(tmp_path: Path) -> None:
    """As the last release made it: its tables, its rows, and no table of revisions."""
    rig = Rig(tmp_path)
    rig.new_recorder()
    rig.deliver(2.0, Outcome.INTERRUPTED)
    rig.run(0.2)
    rig.drop_recorder()
    new, old = tmp_path / "records.sqlite", tmp_path / "old.sqlite"
    with sqlite3.connect(old) as database:
        database.executescript(BEFORE)
        database.execute("ATTACH ? AS new", (str(new),))
        for table in ("meta", "fractions", "segments", "latches", "events", "openings"):
            columns = ", ".join(f'"{row[1]}"' for row in database.execute(f"PRAGMA main.table_info({table})"))
            database.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
        database.execute("UPDATE main.meta SET value = '1' WHERE key = 'schema'")
    database.close()
    shown = [show(new, row["id"]) for row in list_fractions(new)]
    with pytest.raises(StoreError, match=r"schema 0001, this program reads 0003; the recorder brings it there"):
        list_fractions(old)
    for path in tmp_path.glob("records.sqlite*"):
        path.unlink()
    old.rename(new)
    rig.new_recorder()
    rig.run(0.2)
    assert [show(new, row["id"]) for row in list_fractions(new)] == shown
    assert asked(new, "SELECT version_num FROM alembic_version") == [(OURS.head,)]
    rig.close()


def test_an_upgrade_leaves_what_was_there(place: Places, tmp_path: Path) -> None:
    where, revisions = place("one"), with_next(tmp_path)
    Store(where).close()
    asked(where, "INSERT INTO openings VALUES (7, 'a', '1', 'rig', true, '', 0.01, 3.0)")
    Store(where, revisions=revisions).close()
    assert asked(where, "SELECT words FROM notes") == [("was 3",)]
    assert asked(where, 'SELECT "index", tick_s FROM openings') == [(7, 0.01)]
    assert asked(where, "SELECT version_num FROM alembic_version") == [("0004",)]
    with pytest.raises(
        StoreError, match=r"schema 0004, this program knows up to 0003; use the newer program, or (move|name an empty)"
    ):
        Store(where)
    Store(where, revisions=revisions).close()


@pytest.mark.grid
def test_an_upgrade_that_fails_changes_nothing(place: Places, tmp_path: Path) -> None:
    """At its last statement, when everything else is done."""
    where = place("one")
    Store(where).close()
    revisions = with_next(tmp_path, NEXT + '    op.execute("INSERT INTO nowhere VALUES (1)")\n')
    with pytest.raises(StoreError, match=r"cannot be brought from schema 0003 to 0004 .*nowhere.*is as it was"):
        Store(where, revisions=revisions)
    engine = engine_for(where)
    assert ours(engine) == []
    engine.dispose()
    Store(where).close()


@pytest.mark.parametrize(
    "before", [pytest.param(BEFORE, id="before-alembic"), pytest.param("", id="0003", marks=pytest.mark.grid)]
)
def test_a_kill_at_any_statement_of_an_upgrade_leaves_old_or_new(tmp_path: Path, before: str) -> None:
    """SQLite takes table definitions into a transaction only where nobody but us begins it: the files as they are at each statement and at the commit."""
    where, revisions = tmp_path / "one.sqlite", with_next(tmp_path)
    if before:
        with sqlite3.connect(where) as database:
            database.executescript(before)
            database.execute("INSERT INTO meta VALUES ('schema', '1'), ('applied', '5'), ('digest', '00')")
        database.close()
    else:
        Store(where).close()
        asked(where, "UPDATE meta SET value = '5' WHERE key = 'applied'")
    copies: list[Path] = []

    def copied(*_: object) -> None:
        folder = tmp_path / f"at{len(copies)}"
        folder.mkdir()
        for path in tmp_path.glob("one.sqlite*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder / path.name)
        copies.append(folder / where.name)

    def opened(database: Place) -> Engine:
        engine = engine_for(database)
        for name in ("before_cursor_execute", "commit"):
            event.listen(engine, name, copied)
        return engine

    Store(where, opened, revisions).close()
    copied()
    found = []
    for copy in copies:
        with sqlite3.connect(copy) as database:
            tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            columns = {row[1] for row in database.execute("PRAGMA table_info(fractions)")}
            schema, applied = (
                database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]
                for key in ("schema", "applied")
            )
        database.close()
        found.append(("notes" in tables, "note" in columns, schema))
        assert applied == "5"
        store = Store(copy, revisions=revisions)
        assert store.applied == 5
        store.close()
    assert set(found) == {(False, False, "1" if before else "3"), (True, True, "4")} and len(copies) > 6


@pytest.mark.grid
@pytest.mark.parametrize("what", ["EIO", "ENOSPC", "EROFS", "KILL", "POWER"])
def test_an_error_or_a_kill_at_any_call_of_an_upgrade_leaves_old_or_new(tmp_path: Path, what: str) -> None:
    """By the crash matrix's own disk: whatever the call, the database is read and goes on, as one of the two."""
    revisions, at, reached = with_next(tmp_path), 0, True
    found = set()
    while reached:
        at += 1
        where = tmp_path / f"at{at}" / "one.sqlite"
        where.parent.mkdir()
        Store(where).close()
        asked(where, "UPDATE meta SET value = '5' WHERE key = 'applied'")
        disk = FaultyDisk(at, [Strike(at, what)])
        try:
            Store(where, disk.database, revisions).close()
        except StoreError as error:
            assert "disk" in str(error) or "readonly" in str(error), error
        except Killed:
            pass
        reached = bool(disk.struck)
        disk.die(lambda: None)
        found.add(asked(where, "SELECT value FROM meta WHERE key = 'schema'")[0][0])
        store = Store(where, revisions=revisions)
        assert store.applied == 5
        store.close()
        assert asked(where, "SELECT words FROM notes") == [("was 3",)]
    assert found == {"3", "4"} and at > 15


@pytest.mark.parametrize("most", [0, pytest.param(3, marks=pytest.mark.grid)])
def test_an_upgrade_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr("records.schema.STEPS", most)
    monkeypatch.setattr("records.schema.STEPS_AT_ONCE", 1000)
    where = tmp_path / "one.sqlite"
    Store(where).close()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO notes SELECT i, '' FROM n WHERE i > 1"
    revisions = with_next(tmp_path, NEXT + f'    op.execute("{endless}")\n')
    with pytest.raises(StoreError, match=r"schema 0003 to 0004 \(interrupted\), and is as it was"):
        Store(where, revisions=revisions)
    Store(where).close()


@pytest.mark.grid
@pytest.mark.parametrize(
    "words", ["DROP TABLE meta", "UPDATE meta SET value = 'x' WHERE key = 'schema'", "DELETE FROM alembic_version"]
)
def test_a_strange_database_is_refused(place: Places, words: str) -> None:
    where = place("one")
    Store(where).close()
    asked(where, words)
    with pytest.raises(StoreError, match="no database of this program"):
        Store(where)


@pytest.mark.grid
def test_readers_say_what_to_do_with_an_older_schema(place: Places, tmp_path: Path) -> None:
    where = place("one")
    engine = engine_for(where)
    with engine.begin() as connection:
        assert not readable(connection, where), "an empty database has nothing to read"
    engine.dispose()
    Store(where).close()
    engine = engine_for(where, read_only=True)
    with engine.begin() as connection:
        assert readable(connection, where)
        with pytest.raises(StoreError, match="start kerma run first"):
            readable(connection, where, Revisions(tmp_path, "0004"))
    engine.dispose()


@pytest.mark.grid
def test_a_nul_in_a_name_stops_no_database(place: Places) -> None:
    """PostgreSQL keeps no NUL in a text; what somebody wrote into a file must not end the copying of all that follows."""
    where = place("one")
    Store(where).close()
    engine = engine_for(where)
    with Session(engine) as session, session.begin():
        session.merge(
            LatchRow(index=1, rule="a\0b", set=True, wall_s=1.0, trip="", clears="", words="", role="", who="")
        )
    with Session(engine) as session:
        row = session.get(LatchRow, 1)
        assert row is not None and row.rule.replace("\0", "␀") == "a␀b"
    engine.dispose()
