"""The faulty disk itself: what it counts, what it lets fail, and what it leaves after a power cut.
A disk that was kinder than a real one would prove nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from records.store import engine_for
from verification.disk import FOR_EVER, WHATS, FaultyDisk, Killed, PowerLost, Strike

SEEDS = range(60)


def written(folder: Path, seed: int, *, sync: bool, sync_folder: bool) -> FaultyDisk:
    """A file of two writes, the first of them synced or not; its name durable or not."""
    disk = FaultyDisk(seed)
    fd = disk.create(folder / "file", 4096)
    disk.write(fd, b"a" * 2000, 0)
    if sync:
        disk.sync(fd)
    if sync_folder:
        disk.sync_folder(folder)
    disk.write(fd, b"b" * 2000, 2000)
    disk.die(lambda: disk.close(fd))
    return disk


def test_what_was_synced_under_a_durable_name_is_there_after_every_cut(tmp_path: Path) -> None:
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        written(folder, seed, sync=True, sync_folder=True).cut()
        assert (folder / "file").read_bytes()[:2000] == b"a" * 2000


def test_what_was_not_synced_is_lost_kept_and_torn(tmp_path: Path) -> None:
    """Over the seeds each of these happens, blocks in any order too."""
    tails = set()
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        written(folder, seed, sync=True, sync_folder=True).cut()
        tails.add((folder / "file").read_bytes()[2000:4000].ljust(2000, b"\0"))
    assert bytes(2000) in tails and b"b" * 2000 in tails
    assert any(tail.startswith(b"b") and tail.endswith(b"\0") for tail in tails), "torn in the middle"
    assert any(tail.startswith(b"\0") and b"b" in tail for tail in tails), "a later block without an earlier one"


def test_a_name_that_was_not_synced_may_vanish_with_everything_in_it(tmp_path: Path) -> None:
    there = set()
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        written(folder, seed, sync=True, sync_folder=False).cut()
        there.add((folder / "file").exists())
    assert there == {True, False}


def test_a_folder_whose_name_was_not_synced_may_vanish(tmp_path: Path) -> None:
    there = set()
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        disk = FaultyDisk(seed, [Strike(2, "POWER")])
        with pytest.raises(PowerLost):
            disk.make_folder(folder / "journal")
        disk.die(lambda: None)
        disk.cut()
        there.add((folder / "journal").exists())
    assert there == {True, False}


def test_a_rename_that_was_not_synced_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    found = set()
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        disk = FaultyDisk(seed)
        fd = disk.create(folder / "new", 3)
        disk.write(fd, b"new", 0)
        disk.sync(fd)
        disk.sync_folder(folder)
        disk.rename(folder / "new", folder / "kept")
        disk.die(lambda fd=fd, disk=disk: disk.close(fd))  # type: ignore[misc]
        disk.cut()
        (path,) = folder.iterdir()
        assert path.read_bytes() == b"new"
        found.add(path.name)
    assert found == {"new", "kept"}


def test_after_a_failed_sync_no_later_sync_saves_what_was_written(tmp_path: Path) -> None:
    """The kernel takes the pages for clean: they are read back until the power goes."""
    disk = FaultyDisk(1, [Strike(3, "EIO")])
    fd = disk.create(tmp_path / "file", 512)
    disk.write(fd, b"a" * 512, 0)
    with pytest.raises(OSError, match="EIO"):
        disk.sync(fd)
    disk.sync(fd)
    disk.sync_folder(tmp_path)
    assert disk.read(tmp_path / "file") == b"a" * 512
    disk.die(lambda: disk.close(fd))
    disk.cut()
    assert disk.read(tmp_path / "file") == bytes(512)


@pytest.mark.parametrize("what", WHATS)
def test_every_kind_of_strike_strikes_at_its_call_and_says_so(tmp_path: Path, what: str) -> None:
    disk = FaultyDisk(1, [Strike(2, what)])
    fd = disk.create(tmp_path / "file", 512)
    with pytest.raises((OSError, Killed)) as raised:
        disk.write(fd, b"a" * 512, 0)
    assert disk.struck == [f"{what} at call 2, write {tmp_path / 'file'}"]
    if isinstance(raised.value, OSError):
        assert raised.value.errno == getattr(errno, {"SHORT": "ENOSPC"}.get(what, what))
        disk.sync(fd)
    else:
        with pytest.raises(Killed):
            disk.sync(fd)
    begun = len((tmp_path / "file").read_bytes().rstrip(b"\0"))
    assert (0 < begun < 512) is (what in ("SHORT", "TORN KILL", "TORN POWER"))
    disk.die(lambda: disk.close(fd))
    assert disk.read(tmp_path / "file"), "the next process is alive"


def test_an_error_goes_on_for_as_long_as_it_says(tmp_path: Path) -> None:
    disk = FaultyDisk(1, [Strike(2, "ENOSPC", calls=2)])
    fd = disk.create(tmp_path / "file", 512)
    for _ in range(2):
        with pytest.raises(OSError, match="ENOSPC"):
            disk.write(fd, b"a", 0)
        assert disk.read(tmp_path / "file"), "a read needs no room"
    disk.write(fd, b"a", 0)
    disk.strikes.append(Strike(0, "EROFS", calls=FOR_EVER))
    for _ in range(3):
        with pytest.raises(OSError, match="EROFS"):
            disk.write(fd, b"a", 0)
    disk.heal()
    disk.write(fd, b"a", 0)
    disk.close(fd)


def test_a_strike_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="EWHAT is none of EIO"):
        Strike(1, "EWHAT")


def test_a_killed_writer_leaves_its_transaction_open_and_no_row(tmp_path: Path) -> None:
    """What SQLAlchemy and SQLite would tidy up on the way out, a killed process does not; what was committed stays."""
    disk = FaultyDisk(1)
    engine = disk.database(tmp_path / "db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    disk.strikes.append(Strike(0, "KILL"))
    with pytest.raises(Killed), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO t VALUES (2)")
    disk.die(engine.dispose)
    assert os.path.getsize(tmp_path / "db-wal") > 0, "nobody wrote the log back into the database"
    after = engine_for(tmp_path / "db")
    with after.begin() as connection:
        assert connection.exec_driver_sql("SELECT x FROM t").all() == [(1,)]
    after.dispose()


def test_the_database_is_kept_older_or_gone_after_a_cut(tmp_path: Path) -> None:
    found = set()
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        disk = FaultyDisk(seed)
        fd = disk.create(folder / "journal", 16)
        engine = disk.database(folder / "db")
        for n in range(3):
            disk.sync(fd)
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (x)")
                connection.exec_driver_sql(f"INSERT INTO t VALUES ({n})")
        disk.die(lambda fd=fd, disk=disk, engine=engine: (disk.close(fd), engine.dispose()))  # type: ignore[misc]
        disk.cut()
        if not (folder / "db").exists():
            found.add(0)
            continue
        after = engine_for(folder / "db")
        with after.begin() as connection:
            found.add(len(connection.exec_driver_sql("SELECT x FROM t").all()))
        after.dispose()
    assert found == {0, 1, 2, 3}
