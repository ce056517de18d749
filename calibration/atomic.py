"""A file that is replaced whole: after any crash it holds the old bytes or the new ones, and a caller that returns has them on the disk.
It knows no format."""

from __future__ import annotations

import os
from pathlib import Path


def replaced(path: Path, data: bytes) -> None:
    """Write `data` beside the file, sync it, put it in the file's place, and sync the folder. OSError: the old file stands as it was."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
