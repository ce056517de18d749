"""A faulty disk under the records: real files in a real folder, every call counted, any call able to fail, to kill or to lose the power.
It knows what was synced and what was not, and after a power cut leaves only what a disk may leave; what the bytes mean it does not know."""

from __future__ import annotations

import errno
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from records.files import PosixFiles
from records.store import Place, engine_for

BLOCK_BYTES: Final = 512
"""What a disk writes whole or not at all."""
FOR_EVER: Final = 1 << 62
FULL: Final = ("ENOSPC", "EDQUOT", "EROFS")
"""Errors that only a call that writes can meet; EIO any call can."""
ERRORS: Final = ("EIO", *FULL)
DEATHS: Final = ("KILL", "TORN KILL", "POWER", "TORN POWER")
"""TORN: the first part of what a call writes has gone to the kernel, the rest has not."""
WHATS: Final = (*ERRORS, "SHORT", *DEATHS)
"""SHORT: part of a write goes through, then the disk is full."""
_READS: Final = ("names", "read", "lock", "open", "select")
_SAID: Final = {
    "EIO": "disk I/O error",
    "ENOSPC": "database or disk is full",
    "EDQUOT": "database or disk is full",
    "EROFS": "attempt to write a readonly database",
}
"""What SQLite makes of each error."""


class Killed(BaseException):
    """The process ends at this call: kill -9."""


class PowerLost(Killed):
    """The power goes at this call."""


@dataclass(frozen=True)
class Strike:
    """What happens at the `call`-th call (the first is 1), or at the first after it that can meet it; an error goes on for `calls` calls."""

    call: int
    what: str
    calls: int = 1

    def __post_init__(self) -> None:
        if self.what not in WHATS:
            raise ValueError(f"{self.what} is none of {', '.join(WHATS)}")

    def meets(self, verb: str) -> bool:
        """Whether a call of this kind can meet this."""
        if self.what == "SHORT" or self.what.startswith("TORN"):
            return verb in ("write", "replace")
        return verb not in _READS or self.what not in FULL


@dataclass(eq=False)
class _File:
    """One file: what is on the disk, and what was written since."""

    durable: bytearray = field(default_factory=bytearray)
    durable_bytes: int = 0
    size: int = 0
    pending: list[tuple[int, bytes]] = field(default_factory=list)

    def settle(self) -> None:
        """A sync: everything written is on the disk."""
        for at, data in self.pending:
            _lay(self.durable, at, data)
        self.pending.clear()
        self.durable_bytes = self.size

    def after_cut(self, dice: random.Random) -> bytes:
        """What is left of it: of the writes since the last sync none, all, a first part, or any of their blocks."""
        raw = bytearray(self.durable)
        size = self.durable_bytes if dice.random() < 0.5 else self.size
        how = dice.choice(("none", "all", "part", "blocks"))
        left = dice.randrange(1 + sum(len(data) for _, data in self.pending)) if how == "part" else FOR_EVER
        for at, data in self.pending if how != "none" else ():
            if how == "blocks":
                for block in range(0, len(data), BLOCK_BYTES):
                    if dice.random() < 0.5:
                        _lay(raw, at + block, data[block : block + BLOCK_BYTES])
                continue
            _lay(raw, at, data[:left])
            left -= min(left, len(data))
        size = max(size, len(raw))
        return bytes(raw) + bytes(size - len(raw))


def _lay(raw: bytearray, at: int, data: bytes) -> None:
    """Zeros at the end are not kept: a segment is mostly those."""
    data = data.rstrip(b"\0") if at + len(data) >= len(raw) else data
    if at + len(data) > len(raw):
        raw.extend(bytes(at + len(data) - len(raw)))
    raw[at : at + len(data)] = data


@dataclass(frozen=True)
class _Renaming:
    """A name that was given or taken and is not durable yet: file None takes it away, a folder has neither file nor old name."""

    path: Path
    file: _File | None
    old: Path | None = None
    folder: bool = False


class FaultyDisk(PosixFiles):
    """The kernel's file system with a plan of strikes. Files in `volatile` (tmpfs) are counted and fail too, but are synced nowhere.

    No call reaches a real disk's cache flush: what is durable is what this class says, so a world with it is as fast as memory.
    """

    def __init__(self, seed: int = 0, strikes: Iterable[Strike] = (), volatile: Path | None = None) -> None:
        self.calls = 0
        self.strikes = list(strikes)
        self.struck: list[str] = []
        self.volatile = volatile
        self.listener: Callable[[int, str, str], None] | None = None
        self._dice = random.Random(seed)
        self._dead: type[Killed] | None = None
        self._files: dict[Path, _File] = {}
        self._by_fd: dict[int, _File] = {}
        self._paths: dict[int, Path] = {}
        self._names: dict[Path, _File] = {}
        self._renamings: dict[Path, list[_Renaming]] = {}
        self._database: Path | None = None
        self._copies: list[dict[Path, bytes]] = []
        self._database_touched = True
        self._at_death: dict[Path, bytes] | None = None

    def heal(self) -> None:
        """Nothing more happens to any call."""
        self.strikes.clear()

    # every call

    def hit(self, verb: str, place: Path | str) -> Strike | None:
        """Count one call; raises what is to happen before it. A strike that is given back is the caller's to carry out half-way."""
        if self._dead is not None:
            raise self._dead
        self.calls += 1
        if self.listener is not None:
            self.listener(self.calls, verb, str(place))
        for strike in self.strikes:
            if self.calls < strike.call or not strike.meets(verb):
                continue
            self._spend(strike)
            self.struck.append(f"{strike.what} at call {self.calls}, {verb} {place}")
            if strike.what in ("KILL", "POWER"):
                raise self._die(strike)
            if strike.what in ERRORS:
                number = getattr(errno, strike.what)
                raise OSError(number, f"{errno.errorcode[number]} injected", str(place))
            return strike
        return None

    def _spend(self, strike: Strike) -> None:
        self.strikes.remove(strike)
        if strike.calls > 1:
            self.strikes.insert(0, Strike(self.calls + 1, strike.what, strike.calls - 1))

    def _die(self, strike: Strike) -> Killed:
        self._dead = PowerLost if strike.what.endswith("POWER") else Killed
        self._at_death = self._read_database()
        return self._dead(self.struck[-1])

    # the verbs of records/files.py

    def make_folder(self, path: Path) -> None:
        there = path.is_dir()
        self.hit("make_folder", path)
        if not path.parent.is_dir():
            self.make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        if not there:
            self._renamed(_Renaming(path, None, folder=True))
        self.sync_folder(path.parent)

    def names(self, path: Path) -> list[str]:
        self.hit("names", path)
        return super().names(path)

    def read(self, path: Path) -> bytes:
        self.hit("read", path)
        return super().read(path)

    def create(self, path: Path, size: int) -> int:
        self.hit("create", path)
        fd = super().create(path, size)
        self._paths[fd] = path
        if not self._is_volatile(path):
            file = self._by_fd[fd] = self._files[path] = _File(size=size)
            self._renamed(_Renaming(path, file))
        return fd

    def open(self, path: Path) -> int:
        self.hit("open", path)
        fd = super().open(path)
        self._paths[fd] = path
        if not self._is_volatile(path):
            self._by_fd[fd] = self._known(path)
        return fd

    def write(self, fd: int, data: bytes, at: int) -> None:
        strike = self.hit("write", self._paths[fd])
        whole = len(data)
        if strike is not None:
            data = data[: self._dice.randrange(whole)]
        super().write(fd, data, at)
        file = self._by_fd.get(fd)
        if file is not None:
            file.pending.append((at, data))
            file.size = max(file.size, at + len(data))
        if strike is not None:
            self._half_way(strike)

    def _half_way(self, strike: Strike) -> None:
        if strike.what == "SHORT":
            raise OSError(errno.ENOSPC, "ENOSPC injected half-way")
        raise self._die(strike)

    def sync(self, fd: int) -> None:
        file = self._by_fd.get(fd)
        try:
            self.hit("sync", self._paths[fd])
        except OSError:
            # the kernel takes the pages for clean now: they are seen until the power goes, and no later sync writes them
            if file is not None:
                file.pending.clear()
            raise
        self._copy_database()
        if file is not None:
            file.settle()

    def durable(self, path: Path) -> bytes:
        """What of this file is on the disk for certain, name and writes synced, without the zeros at its end. A look, no call of the recorder's."""
        file = self._names.get(path)
        if file is not None:
            return bytes(file.durable)
        return b"" if path in self._files else path.read_bytes().rstrip(b"\0")

    def sync_folder(self, path: Path) -> None:
        self.hit("sync_folder", path)
        for renaming in self._renamings.pop(path, ()):
            _apply(self._names, renaming)

    def rename(self, path: Path, to: Path) -> None:
        self.hit("rename", path)
        file = self._known(path)
        super().rename(path, to)
        del self._files[path]
        self._files[to] = file
        self._renamed(_Renaming(to, file, old=path))

    def remove(self, path: Path) -> None:
        self.hit("remove", path)
        there = path.exists()
        if there and not self._is_volatile(path):
            self._known(path)
        super().remove(path)
        if there and not self._is_volatile(path):
            del self._files[path]
            self._renamed(_Renaming(path, None))

    def replace(self, path: Path, data: bytes, mtime_ns: int) -> None:
        strike = self.hit("replace", path)
        if strike is not None:
            path.with_suffix(".new").write_bytes(data[: self._dice.randrange(len(data))])
            self._half_way(strike)
        super().replace(path, data, mtime_ns)

    def lock(self, path: Path) -> int | None:
        self.hit("lock", path)
        return super().lock(path)

    def close(self, fd: int) -> None:
        """Not counted: a dying process's files are closed too."""
        self._by_fd.pop(fd, None)
        self._paths.pop(fd, None)
        super().close(fd)

    # the database, which has a file system of its own

    def database(self, path: Place) -> Engine:
        """The writer's engine; each statement and each commit is a call. Nothing is synced: copies stand for what a power cut may leave."""
        engine = engine_for(path)
        if not isinstance(path, Path):
            # on a server: a disk and a power of its own
            return self.listened(engine)
        self._database = path

        def connected(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        event.listen(engine, "connect", connected)
        return self.listened(engine)

    def listened(self, engine: Engine) -> Engine:
        """The same engine, counting."""

        def statement(_connection: Any, _cursor: Any, words: str, *_: Any) -> None:
            self._hit_database("select" if words.startswith("SELECT") else "statement", words)

        event.listen(engine, "before_cursor_execute", statement)
        event.listen(engine, "commit", lambda _connection: self._hit_database("commit", "COMMIT"))
        return engine

    def _hit_database(self, verb: str, words: str) -> None:
        self._database_touched = True
        try:
            self.hit(verb, " ".join(words.split())[:60])
        except OSError as error:
            said = sqlite3.OperationalError(_SAID[errno.errorcode[error.errno or errno.EIO]])
            raise OperationalError(words, None, said) from error

    def _read_database(self) -> dict[Path, bytes]:
        """The database's files as they are; the third of them, -shm, is made anew from these."""
        if self._database is None:
            return {}
        paths = (self._database, self._database.with_name(self._database.name + "-wal"))
        return {path: path.read_bytes() for path in paths if path.exists()}

    def _copy_database(self) -> None:
        """Between two transactions: before a journal's sync, which comes before the next. Without a statement since the last copy there is nothing new."""
        if not self._database_touched:
            return
        self._database_touched = False
        kept = self._read_database()
        if kept and (not self._copies or self._copies[-1] != kept):
            self._copies = [*self._copies[-3:], kept]

    def _put_database(self, files: dict[Path, bytes]) -> None:
        if self._database is None:
            return
        for suffix in ("", "-wal", "-shm"):
            self._database.with_name(self._database.name + suffix).unlink(missing_ok=True)
        for path, data in files.items():
            path.write_bytes(data)

    def durable_in(self, folder: Path) -> list[tuple[str, bytes]]:
        """Names and bytes in a folder that no power cut can take."""
        return [(path.name, bytes(file.durable)) for path, file in self._names.items() if path.parent == folder]

    # death

    def die(self, let_go: Callable[[], None]) -> None:
        """End the process now, if no strike has: what it holds is let go as the kernel does, and nothing of it reaches a file any more."""
        kept = self._at_death if self._at_death is not None else self._read_database()
        self._dead = self._dead or Killed
        let_go()
        self._by_fd.clear()
        self._paths.clear()
        self._put_database(kept)
        self._dead = self._at_death = None

    def cut(self) -> str:
        """The power is gone and the process has died: leave what a disk may leave; gives words on what became of the database."""
        dice = self._dice
        names = dict(self._names)
        for renamings in self._renamings.values():
            for renaming in renamings:
                if dice.random() < 0.5:
                    _apply(names, renaming)
                elif renaming.folder:
                    shutil.rmtree(renaming.path, ignore_errors=True)
                    names = {path: file for path, file in names.items() if renaming.path not in path.parents}
        for path in {*self._files, *self._names} - set(names):
            path.unlink(missing_ok=True)
        after = {id(file): file.after_cut(dice) for file in names.values()}
        self._files, self._names = {}, {}
        self._renamings.clear()
        for path, file in names.items():
            if path.parent.is_dir():
                path.write_bytes(after[id(file)])
        return self._cut_database(dice)

    def _cut_database(self, dice: random.Random) -> str:
        """It may be as it was, as it was some transactions ago, or gone: the journal is the truth."""
        fate = dice.choice(("kept", "kept", "older", "gone"))
        if fate == "gone" or (self._database is not None and not self._database.parent.is_dir()):
            self._put_database({})
            fate = "gone"
        elif fate == "older" and self._copies:
            self._put_database(dice.choice(self._copies))
        self._copies.clear()
        self._database_touched = True
        return f"database {fate}"

    def _known(self, path: Path) -> _File:
        """A file that was there before this disk was is durable as it is."""
        if path not in self._files:
            raw = path.read_bytes()
            file = _File(bytearray(raw.rstrip(b"\0")), len(raw), len(raw))
            self._files[path] = self._names[path] = file
        return self._files[path]

    def _renamed(self, renaming: _Renaming) -> None:
        self._renamings.setdefault(renaming.path.parent, []).append(renaming)

    def _is_volatile(self, path: Path) -> bool:
        return self.volatile is not None and self.volatile in path.parents


def _apply(names: dict[Path, _File], renaming: _Renaming) -> None:
    if renaming.folder:
        return
    if renaming.file is None:
        names.pop(renaming.path, None)
        return
    names[renaming.path] = renaming.file
    if renaming.old is not None and names.get(renaming.old) is renaming.file:
        del names[renaming.old]
