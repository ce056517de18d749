"""A file of this room's own that is replaced whole: after any crash it holds the old bytes or the new ones, for its user's eyes alone.
It knows no format."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hal.errors import ConfigurationError
from records.files import FileSystem

LOOKS: Final = 80
LOOK_EVERY_S: Final = 0.025


def put(files: FileSystem, path: Path, data: bytes) -> None:
    """Write beside it, sync, put it in its place, sync the folder. OSError: the old file stands as it was, or already the new one."""
    new = path.with_name(f".{path.name}.new")
    files.remove(new)
    descriptor = files.create(new, max(1, len(data)))
    try:
        files.write(descriptor, data, 0)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
    files.rename(new, path)
    files.sync_folder(path.parent)


@contextmanager
def alone(files: FileSystem, path: Path) -> Iterator[None]:
    """One process at a time; each holds it for one write. Raises ConfigurationError when another does not let go."""
    for _ in range(LOOKS):
        try:
            descriptor = files.lock(path)
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be locked ({error.strerror}); first: see the disk") from error
        if descriptor is not None:
            break
        threading.Event().wait(LOOK_EVERY_S)
    else:
        raise ConfigurationError(
            f"{path}: another process has held it for {LOOKS * LOOK_EVERY_S:g} s; first: see which, and end it"
        )
    try:
        yield
    finally:
        files.close(descriptor)
