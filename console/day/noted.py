"""What the detector showed of each exposure of a day's check, on the disk as soon as it is typed: a check that fails, is left or dies takes none of it away.
It signs and judges nothing: the next check's sheet tells of it, and what follows from it the records say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from calibration.atomic import replaced
from console.treat.asking import StoppedError

FOLDER: Final = "daily"
"""Beside the journal: one file for each exposure, by its token."""


class Noted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One reading, by which detector; `kept` once a person has said that it is what the detector shows; in what air it was read, and what the check itself
    has found against it (notes of before say neither)."""

    token: int
    device: str
    reading: float
    kept: bool
    p_kpa: float | None = None
    t_c: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Notes:
    """The readings of these records' checks. Raises StoppedError where one cannot be written or read: without it the check is not made; without one that
    cannot be read it is the physicist's, who says why."""

    folder: Path

    def put(self, one: Noted) -> None:
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            replaced(self._path(one.token), msgspec.json.encode(one))
        except OSError as error:
            raise StoppedError(
                f"{self.folder}: the reading of exposure {one.token} cannot be written ({error.strerror}); first: see to the disk"
            ) from error

    def of(self, token: int) -> Noted | None:
        path = self._path(token)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Noted)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise StoppedError(
                f"{path}: what exposure {token} read cannot be read ({error}); first: call the physicist"
            ) from error

    def _path(self, token: int) -> Path:
        return self.folder / f"{token}.json"
