"""The few verbs of a file system that the records need, behind a protocol so that a test can let any of them fail, tear or lie.
It knows paths and bytes; what they mean is in records/journal.py, wires.py and answers.py. The database has a file system of its own."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol


class FileSystem(Protocol):
    """Every verb raises OSError as the kernel does; a descriptor belongs to whoever opened it."""

    def make_folder(self, path: Path) -> None:
        """Make a folder (0700) with its parents, each durable in the one above it; one that is there is accepted."""
        ...

    def names(self, path: Path) -> list[str]:
        """Sorted names in a folder."""
        ...

    def read(self, path: Path) -> bytes:
        """The whole file."""
        ...

    def create(self, path: Path, size: int) -> int:
        """A new file (0600, never one that is there) with `size` bytes of blocks allocated and zero; gives its descriptor."""
        ...

    def open(self, path: Path) -> int:
        """Open for reading and writing; gives its descriptor."""
        ...

    def write(self, fd: int, data: bytes, at: int) -> None:
        """All of `data` at this place."""
        ...

    def sync(self, fd: int) -> None:
        """fdatasync."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        ...

    def rename(self, path: Path, to: Path) -> None:
        """Give a file another name in its folder, in place of whatever has that name."""
        ...

    def remove(self, path: Path) -> None:
        """Take a file's name away; one that is not there is accepted."""
        ...

    def replace(self, path: Path, data: bytes, mtime_ns: int) -> None:
        """The whole file anew in one go, with this time of modification; nothing is synced: for files that need not outlive the power."""
        ...

    def lock(self, path: Path) -> int | None:
        """Hold an exclusive lock on this file (made when missing) until the descriptor is closed; None if another holds it."""
        ...

    def close(self, fd: int) -> None: ...


def held_by_another(path: Path) -> bool:
    """Whether a process holds the lock on this file now; one that cannot be looked at counts as held, and one that is not there is not."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


class PosixFiles:
    """The kernel's own."""

    def make_folder(self, path: Path) -> None:
        if not path.parent.is_dir():
            self.make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        # a folder whose name is lost at a power cut takes along everything that was synced in it; whoever made it may have died before this
        self.sync_folder(path.parent)

    def names(self, path: Path) -> list[str]:
        return sorted(os.listdir(path))

    def read(self, path: Path) -> bytes:
        return path.read_bytes()

    def create(self, path: Path, size: int) -> int:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError:
            os.close(fd)
            os.unlink(path)
            raise
        return fd

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    def write(self, fd: int, data: bytes, at: int) -> None:
        left = memoryview(data)
        while left:
            done = os.pwrite(fd, left, at)
            left, at = left[done:], at + done

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)

    def sync_folder(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, path: Path, to: Path) -> None:
        os.replace(path, to)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def replace(self, path: Path, data: bytes, mtime_ns: int) -> None:
        raw = path.with_suffix(".new")
        raw.write_bytes(data)
        os.utime(raw, ns=(mtime_ns, mtime_ns))
        os.replace(raw, path)

    def lock(self, path: Path) -> int | None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError:
            os.close(fd)
            raise
        return fd

    def close(self, fd: int) -> None:
        os.close(fd)
