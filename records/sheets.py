"""A sheet that a person signed (daily check, baseline, periodic test, commissioning, override, what is missing), and its one way into the journal.
It knows no device and judges no content: what a sheet must say is for records/day.py and the tables of calibration."""

from __future__ import annotations

import hashlib
import json
import os
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEAD: Final = b"kerma-sheet-1\n"
FOLDER: Final = "sheets"
"""Beside the journal: where a signed sheet waits for the recorder."""
SUFFIX: Final = ".sheet"
REFUSED: Final = ".refused"
TAKEN: Final = ".taken"
"""What the journal has taken in stays beside it for people and their commands to read; no lock reads it there."""
MOST_BYTES: Final = 256 * 1024
AT_ONCE: Final = 16


class SheetKind(Enum):
    DAILY = "daily"
    BASELINE = "baseline"
    PERIODIC = "periodic"
    COMMISSIONING = "commissioning"
    OVERRIDE = "override"
    MISSING = "missing"


PHYSICIST_ONLY: Final = frozenset(SheetKind) - {SheetKind.DAILY}
"""A day's check is signed by whoever may make it; everything else that follows from a sheet is the physicist's."""


class Sheet(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What was signed, word for word (`body`, JSON), by whom as what and when, and the Ed25519 signature over all of it."""

    kind: SheetKind
    body: bytes
    who: str
    role: str
    at: str
    ed25519: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.message).hexdigest()

    @property
    def message(self) -> bytes:
        """What the signature is over."""
        signer = json.dumps([self.kind.value, self.who, self.role, self.at], separators=(",", ":")).encode()
        return HEAD + signer + b"\n" + self.body


class Taken(msgspec.Struct, frozen=True, array_like=True):
    """A sheet as the journal keeps it. `mono_s` is the recorder's monotonic clock as it took the sheet: with the record's own wall time it shows later
    whether anybody has set the clock. `words` say what stood against it then; they are for people, and no lock believes them."""

    sheet: Sheet
    mono_s: float
    words: str


class Signers(msgspec.Struct, frozen=True):
    """Raw public keys of 32 bytes, as the rig file names them: physicists, and whoever else may sign a day's check."""

    physicists: tuple[bytes, ...] = ()
    others: tuple[bytes, ...] = ()


def body(content: msgspec.Struct) -> bytes:
    """A sheet's content as the bytes that are signed."""
    return msgspec.json.encode(content, order="deterministic")


def wrong_signature(sheet: Sheet, signers: Signers) -> str:
    """Why nobody may believe this sheet, or ""."""
    if not sheet.who.strip():
        return f"the {sheet.kind.value} sheet names nobody who signed it; sign it with your name"
    if _fits(sheet, signers.physicists):
        return (
            ""
            if sheet.role == "physicist"
            else f"the {sheet.kind.value} sheet is signed with a physicist's key as {sheet.role or 'nothing'}; sign it as physicist"
        )
    if sheet.kind in PHYSICIST_ONLY:
        return f"the {sheet.kind.value} sheet, signed by {sheet.who}, fits no physicist's key of this rig; have the physicist sign it"
    if not _fits(sheet, signers.others):
        return f"the {sheet.kind.value} sheet, signed by {sheet.who}, fits no key of this rig (daily.signers); have it signed by one of those"
    return "" if sheet.role == "operator" else "a day's check is signed as operator or as physicist; sign it anew"


@lru_cache(maxsize=256)
def _fits(sheet: Sheet, keys: tuple[bytes, ...]) -> bool:
    for raw in keys:
        try:
            Ed25519PublicKey.from_public_bytes(raw).verify(sheet.ed25519, sheet.message)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def hand_in(records: Path, sheet: Sheet) -> Path:
    """Lay a sheet down whole for the recorder of these records. OSError: it could not be written."""
    folder = records / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{sheet.sha256}{SUFFIX}"
    raw = path.with_suffix(".new")
    fd = os.open(raw, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.msgpack.encode(sheet))
        file.flush()
        os.fsync(file.fileno())
    raw.replace(path)
    return path


def waiting(folder: Path) -> tuple[Path, ...]:
    """Sheets that lie there, a bounded number."""
    try:
        names = os.listdir(folder)
    except OSError:
        return ()
    return tuple(folder / name for name in sorted(name for name in names if name.endswith(SUFFIX))[:AT_ONCE])


def read(path: Path) -> Sheet | str:
    """A sheet that lies there, or the words why it is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            return f"{path}: is longer than {MOST_BYTES} bytes"
        return msgspec.msgpack.decode(data, type=Sheet)
    except (OSError, msgspec.DecodeError, ValueError, RecursionError) as error:
        return f"{path}: is no sheet ({error})"


def taken(records: Path) -> tuple[Sheet, ...]:
    """Every sheet that the records have taken in, the newest first, for commands to read; believe none before its signature."""
    folder = records / FOLDER
    try:
        paths = [folder / name for name in os.listdir(folder) if name.endswith(TAKEN)]
    except OSError:
        return ()
    found = [one for one in (read(path) for path in paths) if isinstance(one, Sheet)]
    return tuple(sorted(found, key=lambda sheet: sheet.at, reverse=True))


def put_aside(path: Path) -> str:
    """Out of the way, and kept; words where even that fails."""
    try:
        path.rename(path.with_suffix(REFUSED))
    except OSError as error:
        return f"{path}: cannot be put aside ({error.strerror}); remove it by hand"
    return ""
