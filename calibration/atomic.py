"""A file that is replaced whole: after any crash it holds the old bytes or the new ones, and a caller that returns has them on the disk.
It knows no format."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

NEW_MODE = 0o644
"""Of a file that was not there: what is signed may be read by everybody."""


def replaced(path: Path, data: bytes) -> None:
    """Write `data` beside the file under a name of its own, sync it, put it in the file's place, and sync the folder. OSError: the old file stands as it was.

    No name that others could foresee is opened, so neither a link laid there nor a second writer gets between.
    """
    mode = _mode(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _mode(path: Path) -> int:
    """The permissions that the file has."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return NEW_MODE
