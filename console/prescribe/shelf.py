"""The folder of orders as whoever writes one sees it: which version may come next, a draft that is put there whole and never over another, and which order
a newer one has taken the place of. It signs nothing: what it writes counts by two signatures alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from calibration import toml_file
from console.access import whole_file
from console.prescribe.draft import PLACE, Wrong, draft_of
from console.prescription import PrescriptionFile, prescribed_of
from console.treat.plain_words import order, unfit
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError
from hal.readings import Purpose
from records.approved import Signed, needed_of
from records.files import FileSystem, PosixFiles

FOLDER: Final = "orders"
"""Beside the rig file, where nobody says another."""
LOCK: Final = ".orders.lock"
WHOSE: Final = ("patient_id", "course_id", "lesion_id")
NEITHER: Final = ("version", "fraction")
MOST_OF_A_COURSE: Final = 60
"""Files that are written, or signed, in one act."""
OF_AN_ORDER: Final = frozenset({"prescription", "patient", "course"})
"""Tables of an order and of no other file of ours: what has none of them is no order that somebody mistyped."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Unread:
    """A folder, or a file that may be an order, which cannot be read; with number and version as far as they can be told ("" and 0: they cannot)."""

    path: Path
    prescription_id: str = ""
    version: int = 0

    def against(self, wanted: Prescribed) -> str:
        """Why this order cannot be known to be the newest; empty where this is of another one, or an older version."""
        if self.prescription_id not in ("", wanted.prescription_id) or 0 < self.version <= wanted.version:
            return ""
        return (
            f"{self.path}: cannot be read, and may be a newer version of {wanted.prescription_id}, which is version {wanted.version}; "
            "first: see what is wrong with it (kerma order check says it of a file) and mend it, or move it out of the folder"
        )


class Shelf:
    """One folder."""

    def __init__(self, folder: Path, files: FileSystem | None = None) -> None:
        self.folder, self._files = folder, files or PosixFiles()

    def orders(self) -> list[tuple[str, Prescribed]]:
        """Every order that can be read, with its file's name; what cannot be read can be neither loaded nor followed."""
        return self.looked()[0]

    def looked(self) -> tuple[list[tuple[str, Prescribed]], list[Unread]]:
        """The same, and what cannot be read and may be an order: of it nobody knows whether it takes the place of another."""
        found, unread = [], []
        try:
            paths = sorted(path for path in self.folder.iterdir() if path.name.endswith(".toml"))
        except FileNotFoundError:
            return [], []
        except OSError:
            return [], [Unread(self.folder)]
        for path in paths:
            try:
                one = order(path)
            except ConfigurationError:
                unread += _unread(path)
                continue
            if one.purpose is Purpose.TREAT:
                found.append((path.name, one))
        return found, unread

    def against(self, wanted: Prescribed, rows: Iterable[Row], loaded: Prescribed | None = None) -> tuple[Wrong, ...]:
        """Why this order may not be written beside those that are there and those that the records know of."""
        same = [(name, one) for name, one in self.orders() if one.prescription_id == wanted.prescription_id]
        kept = [row for row in rows if row["purpose"] == "TREAT" and row["prescription_id"] == wanted.prescription_id]
        return tuple(_against(wanted, same, kept, loaded))

    def write(
        self, file: PrescriptionFile, data: bytes, rows: Callable[[], Iterable[Row]], loaded: Prescribed | None
    ) -> str:
        """Look once more and write these bytes of the order, one process at a time; the file's name. Raises ConfigurationError: it may be there or not."""
        wanted = prescribed_of(file, hashlib.sha256(data).digest())
        name = name_of(wanted)
        path = self.folder / name
        try:
            self._files.make_folder(self.folder)
            with whole_file.alone(self._files, self.folder / LOCK):
                wrong = self.against(wanted, rows(), loaded)
                if wrong:
                    raise ConfigurationError("\n".join(one.words for one in wrong))
                if path.exists() or path.is_symlink():
                    raise ConfigurationError(
                        f"{name}: is there already, and is never written over; first: give the order another number or version"
                    )
                whole_file.put(self._files, path, data)
        except OSError as error:
            raise ConfigurationError(
                f"{path}: cannot be written ({error.strerror}); first: make room, or mend the disk, and look whether it is there"
            ) from error
        return name


def name_of(wanted: Prescribed) -> str:
    """The file's name: the order's number as far as a name of a file may hold it, version and fraction; nothing of a patient."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", wanted.prescription_id)[:64]
    return f"{plain}-v{wanted.version}-f{wanted.fraction}.toml"


def folder_beside(rig_file: Path) -> Path:
    """The site's folder of orders, where nobody says another."""
    return rig_file.parent / FOLDER


def displaced(wanted: Prescribed, folders: Iterable[Path], signed: Signed, asked: Sequence[str]) -> str:
    """Why this order is not the one any more, or is not known to be it, by what lies in these folders and was signed; empty where it is."""
    looks = [Shelf(folder).looked() for folder in dict.fromkeys(folder.absolute() for folder in folders)]
    orders = [one for found, _ in looks for _, one in found]
    return superseded(wanted, orders, signed, asked) or unknown(wanted, [one for _, unread in looks for one in unread])


def unknown(wanted: Prescribed, unread: Iterable[Unread]) -> str:
    """Why nobody knows whether this order is the newest; empty where it is known."""
    return next((words for one in unread if (words := one.against(wanted))), "")


def superseded(wanted: Prescribed, orders: Iterable[Prescribed], signed: Signed, asked: Sequence[str]) -> str:
    """Why this order is not the one any more: a newer version of the same fraction that somebody has signed, or that needs no signature. An open fraction is
    resumed by the order that it was begun with, so nobody asks this for a resume."""
    by_chain = signed.superseded(wanted)
    if by_chain:
        return by_chain
    newer = [
        one
        for one in orders
        if _named(one) == _named(wanted) and one.version > wanted.version and _counts(one, signed, asked)
    ]
    if not newer:
        return ""
    last = max(newer, key=lambda one: one.version)
    return (
        f"version {last.version} of {wanted.prescription_id}, fraction {wanted.fraction}, takes the place of version {wanted.version}; "
        f"first: use version {last.version}, or have its signatures withdrawn"
    )


def _unread(path: Path) -> list[Unread]:
    """None where the file is no order at all; of one that is TOML, which order it would be."""
    try:
        document = toml_file.parse(path, toml_file.read_bytes(path))
    except ConfigurationError:
        return [Unread(path)]
    if not OF_AN_ORDER & document.keys():
        return []
    table = document.get("prescription")
    named = table if isinstance(table, dict) else {}
    said, version = named.get("id"), named.get("version")
    told = said if isinstance(said, str) and not unfit(said) else ""
    return [Unread(path, told, version if type(version) is int else 0)]


def _counts(one: Prescribed, signed: Signed, asked: Sequence[str]) -> bool:
    return not needed_of(one, asked) or any(not given.against for given in signed.of(one.sha256.hex()))


def _named(one: Prescribed) -> tuple[object, ...]:
    return (*(getattr(one, name) for name in WHOSE), one.prescription_id, one.fraction)


def _against(
    wanted: Prescribed, same: Sequence[tuple[str, Prescribed]], kept: Sequence[Row], loaded: Prescribed | None
) -> Iterator[Wrong]:
    whose, named = tuple(getattr(wanted, name) for name in WHOSE), wanted.prescription_id
    foreign = [one for _, one in same if tuple(getattr(one, name) for name in WHOSE) != whose]
    if foreign or any(tuple(row[name] for name in WHOSE) != whose for row in kept):
        yield Wrong(
            "id", f"{named} is an order of another patient, course or lesion; first: give this one a number of its own"
        )
        return
    newest = max((*(one.version for _, one in same), *(int(row["prescription_version"]) for row in kept)), default=0)
    version, says = wanted.version, f"version {wanted.version} is"
    if version > newest + 1:
        most = f"at most {newest + 1}, for the newest of {named} is {newest or 'none'}"
        yield Wrong("version", f"{says} above the bound: {most}; first: write {newest + 1}")
    elif version < newest:
        do = f"write {newest} for a further fraction, {newest + 1} for another order"
        yield Wrong("version", f"{says} below the bound: at least {newest}, the newest of {named}; first: {do}")
    elif version == newest:
        yield from _further(wanted, [one for one in same if one[1].version == version])
    elif newest:
        yield from _anew(wanted, kept, loaded)
    for row in kept:
        if row["fraction"] == wanted.fraction and row["closed"]:
            yield Wrong(
                "fraction",
                f"fraction {wanted.fraction} is closed ({row['status']}) and is not given again; first: write the next one",
            )


def _further(wanted: Prescribed, siblings: Sequence[tuple[str, Prescribed]]) -> Iterator[Wrong]:
    """A further fraction of a version is as the others of it, but for its number; and none is written twice."""
    version, anew = wanted.version, f"write version {wanted.version + 1}"
    if not siblings:
        said = f"version {version} of {wanted.prescription_id} is known to the records, and its file is not here"
        yield Wrong("version", f"{said}; first: put it back, or {anew}")
        return
    for name, one in siblings:
        if one.fraction == wanted.fraction:
            said = f"version {version}, fraction {wanted.fraction} is there ({name}) and is never written over"
            there = {other.fraction for _, other in siblings}
            left = [str(n) for n in range(1, wanted.fractions + 1) if n not in there]
            # a course whose writing was cut off, by a full disk or a kill, is gone on with
            go_on = f"begin with fraction {left[0]}, the first that is not there, or " if left else ""
            yield Wrong("version", f"{said}; first: {go_on}{anew}")
            return
    name, first = siblings[0]
    now, then = draft_of(wanted).model_dump(exclude=set(NEITHER)), draft_of(first).model_dump(exclude=set(NEITHER))
    for field in PLACE:
        if field not in NEITHER and now[field] != then[field]:
            said = f"{PLACE[field]} is another than in fraction {first.fraction} of version {version} ({name})"
            yield Wrong(field, f"{said}; first: write it as there, or {anew}")


def _anew(wanted: Prescribed, kept: Sequence[Row], loaded: Prescribed | None) -> Iterator[Wrong]:
    """A new version while a fraction of an older one is begun would leave nobody an order to finish it by."""
    then = f"then write version {wanted.version}"
    for row in kept:
        if not row["closed"] and row["status"] != "NONE":
            said = f"fraction {row['fraction']} of version {row['prescription_version']} is open ({row['status']})"
            yield Wrong("version", f"{said}; first: resume it or close it, {then}")
    if loaded is not None and loaded.prescription_id == wanted.prescription_id:
        said = f"version {loaded.version} of {wanted.prescription_id} is loaded"
        yield Wrong("version", f"{said}; first: unload it, {then}")
