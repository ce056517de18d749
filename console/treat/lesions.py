"""What was attached to a lesion beside the records: a photo, and notes of how it is set up, each by its person, in a chain of the audit's kind.
A lesion is its patient, course, number, site and side as the order writes them: one that is written otherwise is another one. It draws nothing."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from console.access import whole_file
from console.access.audit import Audit, disowned
from console.places import own
from console.treat.picture import BYTES, looked
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError
from records.approved import HEAD
from records.audit_check import check, entry_of
from records.files import FileSystem, PosixFiles

FOLDER: Final = "lesions"
PHOTO, NOTE, AWAY = "photo", "note", "taken away"
KEY: Final = ("patient_id", "patient_id_2", "course_id", "lesion_id", "site", "laterality")
NAME: Final = re.compile(r"[0-9a-f]{64}[.](?:png|jpg)")
FREE_LEAST_BYTES: Final = 256 * 1024 * 1024
"""What the records need must never be taken by a photo."""
AT_MOST: Final = 100
"""Photos and notes of one lesion, those that were taken away among them."""


@dataclass(frozen=True)
class Attached:
    """A photo or a note. `file` is a photo's name in the folder; `words` are a note's."""

    n: int
    what: str
    who: str
    role: str
    wall_s: float
    words: str = ""
    file: str = ""
    away: str = ""
    away_s: float | None = None


@dataclass(frozen=True)
class About:
    """What stands at a lesion now: the newest photo, the notes in order, how much was taken away or replaced, and why nothing of it may be trusted."""

    photo: Attached | None = None
    notes: tuple[Attached, ...] = ()
    former: int = 0
    wrong: tuple[str, ...] = field(default=())


class Lesions:
    """The folder of one rig's records. What is attached is never written over; what was wrong is taken away with a reason, and stays in the chain."""

    def __init__(self, records: Path, wall: Callable[[], float], files: FileSystem | None = None) -> None:
        self._records, self.folder = records, records / FOLDER
        self._files = files or PosixFiles()
        self._chain = Audit(self.folder, self._files, wall, disowns=True)
        self._turn = threading.Lock()

    def about(self, order: Prescribed) -> About:
        """What stands at the lesion of this order. What cannot be read is said, not left out."""
        try:
            all_of, wrong = self._read(order)
        except ConfigurationError as error:
            return About(wrong=(str(error),))
        if wrong:
            return About(wrong=wrong)
        standing = [one for one in all_of if not one.away]
        photos = [one for one in standing if one.what == PHOTO]
        notes = tuple(one for one in standing if one.what == NOTE)
        return About(photos[-1] if photos else None, notes, len(all_of) - len(notes) - len(photos[-1:]))

    def attach(self, order: Prescribed, data: bytes, who: str, role: str) -> str:
        """A photo; from now on it is the one that is shown. Its name. Raises ConfigurationError."""
        return self.attached(order, data, who, role)[0]

    def attached(self, order: Prescribed, data: bytes, who: str, role: str) -> tuple[str, int]:
        """The same, with the number of its entry too."""
        picture = looked(data)
        sha256 = hashlib.sha256(data).hexdigest()
        name = f"{sha256}.{picture.kind}"
        with self._turn:
            self._room(order)
            free = shutil.disk_usage(self.folder).free
            if free < FREE_LEAST_BYTES:
                raise ConfigurationError(
                    f"{self.folder}: {free >> 20} MiB are free, and the last {FREE_LEAST_BYTES >> 20} MiB are the records'; first: make room on the disk"
                )
            try:
                whole_file.put(self._files, self.folder / name, data)
            except OSError as error:
                raise ConfigurationError(
                    f"{self.folder / name}: cannot be written ({error.strerror}); first: make room, or mend the disk"
                ) from error
            size = {"width_px": picture.width_px, "height_px": picture.height_px, "bytes": len(data)}
            return name, self._chain.note(PHOTO, who, role, _key(order) | {"file": name} | size)

    def note(self, order: Prescribed, words: str, who: str, role: str) -> int:
        """How the lesion is set up, in words. Raises ConfigurationError."""
        with self._turn:
            self._room(order)
            return self._chain.note(NOTE, who, role, _key(order) | {"words": words})

    def take_away(self, order: Prescribed, n: int, reason: str, who: str, role: str) -> int:
        """A photo or note that is wrong is shown no more; the number of the entry that says so. Raises ConfigurationError."""
        with self._turn:
            found, wrong = self._read(order)
            if wrong or not any(one.n == n and not one.away for one in found):
                raise ConfigurationError(f"there is no photo or note {n} at this lesion that stands; first: look anew")
            return self._chain.note(AWAY, who, role, _key(order) | {"of": n, "reason": reason})

    def written(self, n: int) -> str:
        """The hash of an entry that was written here, for the audit."""
        return self._chain.written(n)

    def every(self) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """Every entry that is signed for, and what is wrong with the chain, under which none of them counts."""
        try:
            kept = self._chain.kept()
        except ConfigurationError as error:
            return [], (str(error),)
        if kept is None:
            return [], ()
        log, head = kept
        found = check(log, [] if head is None else [(HEAD, head)], None)
        if head is None and found.entries <= 1 and log.count(b"\n") <= 1:
            return [], ()
        wrong = tuple(one for one in found.wrong if "is cut off; the next entry will say so" not in one)
        return ([], wrong) if wrong else (_entries(log, found.entries - found.after_the_last), ())

    def of(self, order: Prescribed, entries: list[dict[str, Any]]) -> list[Attached]:
        """What was ever attached to the lesion of this order, in order."""
        return _attached(entries, _key(order))

    def photo(self, name: str) -> bytes:
        """The bytes of a photo, which are what was attached. Raises ConfigurationError."""
        path = self.folder / name
        if not NAME.fullmatch(name):
            raise ConfigurationError(f"{name[:80]!r} is no photo of this folder")
        try:
            if path.lstat().st_size > BYTES:
                raise ConfigurationError(f"{path}: is not what was attached; first: find out who was there")
            data = self._files.read(path)
        except OSError as error:
            raise ConfigurationError(
                f"{path}: cannot be read ({error.strerror}); first: attach the photo anew"
            ) from error
        if hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
            raise ConfigurationError(f"{path}: is not what was attached; first: find out who was there, attach it anew")
        return data

    def _room(self, order: Prescribed) -> None:
        own(self._records, os.getuid(), 0o700)
        own(self.folder, os.getuid(), 0o700)
        found, wrong = self._read(order)
        if wrong:
            raise ConfigurationError(
                f"{self.folder}: the chain is not whole ({wrong[0]}); first: find out who was there"
            )
        if len(found) >= AT_MOST:
            raise ConfigurationError(f"{len(found)} photos and notes are at this lesion, at most {AT_MOST}")

    def _read(self, order: Prescribed) -> tuple[list[Attached], tuple[str, ...]]:
        entries, wrong = self.every()
        return ([], wrong) if wrong else (self.of(order, entries), ())


def _key(order: Prescribed) -> dict[str, str | int | float | bool | None]:
    return {name: getattr(order, name) for name in KEY}


def _entries(log: bytes, signed: int) -> list[dict[str, Any]]:
    """A line without a fitting hash is none, also where a later entry has accounted for it as torn."""
    every = (entry_of(line) for line in log.split(b"\n")[:-1])
    entries = [entry for entry in every if entry is not None and entry["n"] <= signed]
    nobodys = disowned(entries)
    return [entry for entry in entries if entry["n"] not in nobodys]


def _attached(entries: list[dict[str, Any]], key: dict[str, Any]) -> list[Attached]:
    found: dict[int, Attached] = {}
    for entry in entries:
        told = entry["told"]
        try:
            if any(told.get(name) != said for name, said in key.items()):
                continue
            if entry["what"] == AWAY:
                found[told["of"]] = replace(
                    found[told["of"]], away=f"{entry['who']}: {told['reason']}", away_s=entry["wall_s"]
                )
            elif entry["what"] in (PHOTO, NOTE):
                said = str(told.get("words", "")), str(told.get("file", ""))
                found[entry["n"]] = Attached(
                    entry["n"], entry["what"], entry["who"], entry["role"], entry["wall_s"], *said
                )
        except (ValueError, KeyError, TypeError):
            continue
    return list(found.values())
