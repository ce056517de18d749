"""The folder of one rig's access beside its records: users, audit, and a look at both with the checker.
It changes nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from console.access.audit import Audit
from console.access.users import USERS, Users
from console.places import own
from hal.clock import Clock
from hal.errors import ConfigurationError
from records.approved import AUDIT, HEAD, LOG
from records.audit_check import Found, check
from records.files import PosixFiles

FOLDER: Final = AUDIT


def opened(records: Path, clock: Clock) -> tuple[Users, Audit]:
    """Users and audit of these records; their folder is made where there is none. Raises ConfigurationError."""
    folder = records / FOLDER
    own(records, os.getuid(), 0o700)
    own(folder, os.getuid(), 0o700)
    return Users(folder, PosixFiles()), Audit(folder, PosixFiles(), clock.wall)


def looked(records: Path, kept: Sequence[Path] = (), key: str = "") -> Found | None:
    """What the checker finds, with checkpoints that were kept elsewhere; None where nothing was ever begun. Raises ConfigurationError."""
    folder = records / FOLDER
    log, head, users = (_read(folder / name) for name in (LOG, HEAD, USERS))
    if log is None and head is None and users is None:
        return None
    heads = [] if head is None else [(HEAD, head)]
    for path in kept:
        data = _read(path)
        if data is None:
            raise ConfigurationError(f"{path}: is not there; first: give the path of a checkpoint that was taken")
        heads.append((str(path), data))
    return check(log or b"", heads, users, key)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); first: mend that") from error
