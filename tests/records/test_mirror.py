"""A second database that follows the records: it may lag, die and come back, on SQLite and on PostgreSQL; it never holds anything that is not durable here,
and what is not its journal's is not written over. What the recorder does is the same with it and without."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_bench import Server, running
from records_bench import Rig, lose_database, warmup
from sqlalchemy import Engine, event

from controller.entries import Outcome
from hal.readings import UnitState
from records.files import PosixFiles
from records.fractions import list_fractions, show
from records.journal import Following, JournalError, read_all
from records.mirror import LOCK, Mirror, MirrorError, durable
from records.schema import StoreError
from records.store import Place, engine_for

Places = Callable[[str], Place]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, segment_bytes=1 << 16)
    made.new_recorder()
    yield made
    made.close()


def shown(place: Place) -> list[dict[str, Any]]:
    return [show(str(place), row["id"]) for row in list_fractions(str(place))]


def here(rig: Rig) -> list[dict[str, Any]]:
    return shown(rig.folder / "records.sqlite")


def caught_up(mirror: Mirror, most: int = 2000) -> list[str]:
    words: list[str] = []
    while True:
        step = mirror.step(most)
        words += step.words
        if not step.behind:
            return words


def one_more(rig: Rig) -> None:
    """An exposure of no patient, and the unit is empty again."""
    rig.unit.state = UnitState.IDLE
    rig.deliver(0.5, Outcome.TERMINATED, warmup())
    rig.host.reset()
    rig.run(0.1)


def altered(place: Place, words: str) -> None:
    engine = engine_for(place)
    with engine.begin() as connection:
        connection.exec_driver_sql(words)
    engine.dispose()


def test_a_reader_of_the_journal_goes_on_where_it_was(rig: Rig) -> None:
    following, given = Following(PosixFiles(), rig.folder / "journal"), []
    for _ in range(7):
        one_more(rig)
        end = durable(rig.folder)
        given += [*following.up_to(end - 1), *following.up_to(end), *following.up_to(end)]
        assert given == [record for record in read_all(PosixFiles(), rig.folder / "journal") if record.index <= end]
    assert len(list((rig.folder / "journal").glob("*.journal"))) > 2
    with pytest.raises(FileNotFoundError):
        list(following.up_to(end + 1000))
    (rig.folder / "journal" / "00000002.journal").write_bytes(bytes(5000))
    with pytest.raises(JournalError, match=r"00000002.journal: it does not continue"):
        list(Following(PosixFiles(), rig.folder / "journal").up_to(end))


def test_it_follows_step_by_step_and_shows_the_same(rig: Rig, place: Places) -> None:
    where = place("second")
    mirror = Mirror(rig.folder, where)
    rig.to_beam()
    rig.run(0.5, beam=True)
    for most in (1, 3, 2000):
        rig.run(0.2, beam=True)
        assert caught_up(mirror, most) == []
        assert shown(where) == here(rig)
    rig.end_beam(Outcome.INTERRUPTED)
    rig.run(0.1)
    assert mirror.step(1).behind > 0
    mirror.close()
    another = Mirror(rig.folder, where)
    assert caught_up(another) == [] and shown(where) == here(rig)
    another.close()


@pytest.mark.grid
def test_what_is_only_begun_here_is_not_there(rig: Rig, place: Places) -> None:
    """The journal's tail may be lost at a power cut: a copy that knew it would say later that records were lost."""
    mirror = Mirror(rig.folder, place("second"))
    rig.deliver(0.5, Outcome.INTERRUPTED)
    end = durable(rig.folder)
    rig.host.tick()
    assert rig.recorder is not None
    rig.recorder._drain_all(rig.clock.now, rig.clock.wall)
    rig.recorder._journal.sync()
    assert mirror.step().applied == durable(rig.folder) == end
    mirror.close()


@pytest.mark.grid
def test_rows_that_somebody_altered_are_written_anew_and_told(rig: Rig, place: Places) -> None:
    where = place("second")
    rig.deliver(1.0, Outcome.INTERRUPTED)
    mirror = Mirror(rig.folder, where)
    caught_up(mirror)
    mirror.close()
    altered(where, "UPDATE segments SET delivered_mgy = delivered_mgy / 2")
    mirror = Mirror(rig.folder, where)
    (words,) = caught_up(mirror)
    assert "was not as the journal says, and is written anew" in words and shown(where) == here(rig)
    mirror.close()


def test_a_copy_of_other_records_and_one_that_knows_more_are_left_alone(
    rig: Rig, place: Places, tmp_path: Path
) -> None:
    where = place("second")
    (tmp_path / "others").mkdir()
    others = Rig(tmp_path / "others")
    others.new_recorder()
    others.run(0.3)
    mirror = Mirror(others.folder, where)
    caught_up(mirror)
    mirror.close()
    before = shown(where)
    rig.deliver(1.0, Outcome.INTERRUPTED)
    mirror = Mirror(rig.folder, where)
    with pytest.raises(MirrorError, match="is the copy of other records; name an empty database first"):
        mirror.step()
    mirror.close()
    others.deliver(3.0, Outcome.INTERRUPTED)
    others.close()
    mirror = Mirror(others.folder, where)
    caught_up(mirror)
    mirror.close()
    more = shown(where)
    assert more != before
    altered(where, "UPDATE meta SET value = '100000' WHERE key = 'applied'")
    mirror = Mirror(rig.folder, where)
    with pytest.raises(MirrorError, match="records were lost, or an older copy was restored"):
        mirror.step()
    mirror.close()
    assert shown(where) == more


@pytest.mark.grid
def test_it_waits_for_a_database_that_is_made_anew(rig: Rig, place: Places) -> None:
    rig.deliver(1.0, Outcome.INTERRUPTED)
    mirror = Mirror(rig.folder, place("second"))
    caught_up(mirror)
    rig.drop_recorder()
    lose_database(rig)
    with pytest.raises(StoreError, match="is not there yet; kerma run makes it"):
        mirror.step()
    altered(rig.folder / "records.sqlite", "CREATE TABLE meta (key VARCHAR, value VARCHAR)")
    altered(rig.folder / "records.sqlite", "INSERT INTO meta VALUES ('schema', '3'), ('applied', '0'), ('digest', '')")
    with pytest.raises(StoreError, match="is made anew from the journal; wait for it"):
        mirror.step()
    lose_database(rig)
    rig.new_recorder()
    assert caught_up(mirror) == []
    mirror.close()


@pytest.mark.grid
def test_two_never_write_together(rig: Rig, place: Places) -> None:
    rig.run(0.2)
    mirror, other = Mirror(rig.folder, place("second")), Mirror(rig.folder, place("second"))
    mirror.step()
    with pytest.raises(MirrorError, match="another kerma records mirror"):
        other.step()
    assert (rig.folder / LOCK).exists()
    mirror.close()
    other.step()
    other.close()


@pytest.fixture
def own_server() -> Iterator[Server]:
    with running() as one:
        yield one


@pytest.mark.postgres
@pytest.mark.timeout(300)
def test_a_server_that_dies_in_beam_and_comes_back(rig: Rig, own_server: Server, tmp_path: Path) -> None:
    """Gone at the start, killed while a fraction is given, back again: the recorder knows nothing of it, and the copy makes up for it."""
    where = own_server.place(tmp_path)
    own_server.end()
    mirror = Mirror(rig.folder, where)
    with pytest.raises(StoreError, match="see to the server and the network first"):
        mirror.step()
    rig.to_beam()
    rig.run(0.3, beam=True)
    own_server.start()
    caught_up(mirror)
    assert shown(where) == here(rig)
    own_server.end(signal.SIGKILL)
    rig.run(0.3, beam=True)
    rig.end_beam(Outcome.INTERRUPTED)
    rig.run(0.2)
    with pytest.raises(StoreError):
        mirror.step()
    before = here(rig)
    own_server.start()
    caught_up(mirror)
    assert shown(where) == before
    mirror.close()


@pytest.mark.postgres
@pytest.mark.timeout(300)
def test_killed_at_each_statement_it_holds_the_old_or_the_new(rig: Rig, databases: Server, tmp_path: Path) -> None:
    """The server's process of this connection gets kill -9 at the n-th statement of a copying, and all others with it: PostgreSQL starts anew by itself."""
    where = databases.place(tmp_path)
    one_more(rig)
    first = Mirror(rig.folder, where)
    caught_up(first)
    first.close()
    for n in range(1, 60, 6):
        one_more(rig)
        counted = [0]

        def opened(database: Place, counted: list[int] = counted, n: int = n) -> Engine:
            engine = engine_for(database)

            def struck(connection: Any, *_: Any) -> None:
                counted[0] += 1
                if counted[0] == n:
                    os.kill(connection.connection.driver_connection.info.backend_pid, signal.SIGKILL)

            event.listen(engine, "before_cursor_execute", struck)
            return engine

        mirror = Mirror(rig.folder, where, open_database=opened)
        before = shown_when_up(where)
        try:
            caught_up(mirror)
            assert counted[0] < n
        except StoreError:
            assert counted[0] >= n
            assert shown_when_up(where) in (before, here(rig))
        mirror.close()
        again = Mirror(rig.folder, where)
        when_up(partial(caught_up, again))
        assert shown(where) == here(rig)
        again.close()


def when_up(do: Callable[[], object]) -> Any:
    """A server whose child was killed refuses for a moment."""
    for _ in range(200):
        try:
            return do()
        except StoreError:
            threading.Event().wait(0.05)
    return do()


def shown_when_up(where: Place) -> Any:
    return when_up(lambda: shown(where))


@pytest.mark.postgres
def test_a_server_that_holds_the_table_is_an_error_and_no_silence(
    rig: Rig, databases: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.store.CONNECT_S", 1)
    where = databases.place(tmp_path)
    rig.deliver(0.5, Outcome.INTERRUPTED)
    mirror = Mirror(rig.folder, where)
    caught_up(mirror)
    rig.host.close_fraction(rig.unit.fraction_tag)
    rig.run(0.1)
    with psycopg.connect(str(where), autocommit=False) as holder:
        holder.execute("LOCK TABLE fractions IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="lock timeout"):
            mirror.step()
    caught_up(mirror)
    assert shown(where) == here(rig)
    mirror.close()
