"""A file that could not be written, in words: which, why, and what to do first.
It writes nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hal.errors import ConfigurationError


@contextmanager
def written(path: Path) -> Iterator[None]:
    """ConfigurationError in place of OSError (hazard G13: a full disk); what stood there before stands as it was."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be written ({error.strerror}); first: make room, or give a path that may be written"
        ) from error
