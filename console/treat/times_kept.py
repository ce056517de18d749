"""The physicist's time table that was last held against a time, for each certificate: an older one, or another of the same time, is refused (hazards A5, G24).
It reads no table and judges no time; what it is given has been verified already."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from calibration.atomic import replaced
from calibration.equipment import stamp
from calibration.time_table import TimesTable
from hal.errors import ConfigurationError

FOLDER: Final = "times"
FILE: Final = "kept.json"
LOCK: Final = ".lock"


def keep(folder: Path, table: TimesTable) -> None:
    """Remember this table as the last one of its certificate. Raises ConfigurationError: it is not, or it cannot be remembered, and then nothing is treated."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(folder):
            known = _known(folder / FILE)
            key, now = f"{table.tube_serial} {table.certificate}", _row(table)
            words = refused(known.get(key), now)
            if words:
                raise ConfigurationError(f"time table {table.id}: {words}")
            if known.get(key) != now:
                replaced(folder / FILE, _sealed(known | {key: now}))
    except BlockingIOError as error:
        raise ConfigurationError(f"{folder}: another process is at it; first: try again when it has ended") from error
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written ({error.strerror}); first: see to the disk") from error


def refused(was: dict[str, str] | None, now: dict[str, str]) -> str:
    """Why a table may not follow the last one, or ""."""
    if was is None or was["sha256"] == now["sha256"]:
        return ""
    if now["effective_at"] < was["effective_at"]:
        return f"is of {now['effective_at']}, older than {was['id']} of {was['effective_at']}, which was used; first: use that one"
    if now["effective_at"] == was["effective_at"]:
        return f"is another than {was['id']}, which was used, and of the same time; first: use that one, or sign a table that takes effect later"
    return ""


def _row(table: TimesTable) -> dict[str, str]:
    """What is remembered of it; who signed is no part of it."""
    content = table.model_dump_json(by_alias=True, exclude={"signatures"}).encode()
    return {
        "id": table.id,
        "effective_at": stamp(table.effective_at),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Terminal and page remember one after the other; neither waits. BlockingIOError: the other one is at it."""
    with (folder / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _known(path: Path) -> dict[str, dict[str, str]]:
    """What is remembered; a damaged file is never taken for an empty one."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        found: dict[str, Any] = json.loads(data)["tables"]
        if _sealed(found) != data or any(set(one) != {"id", "effective_at", "sha256"} for one in found.values()):
            raise ValueError("its check sum is another")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigurationError(
            f"{path}: is damaged ({error}); first: put it back from a backup, or have the physicist look at the table and take the file away"
        ) from error
    return found


def _sealed(tables: dict[str, dict[str, str]]) -> bytes:
    """The file's bytes: what is remembered and a sum over it, against damage; against malice stand the signatures."""
    content = json.dumps(tables, sort_keys=True, separators=(",", ":")).encode()
    seal = hashlib.sha256(content).hexdigest()
    return json.dumps({"tables": tables, "sha256": seal}, sort_keys=True, indent=1).encode()
