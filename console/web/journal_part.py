"""A part of the journal, from one index to another, without the years before it: the segment that holds it is found by the heads alone.
It checks the chain within each segment that it reads, and says where the part ends; whether the whole journal is whole says kerma records show."""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from console.web.unread import NotReadError
from records.journal import Record

SUFFIX: Final = ".journal"
FIRST: Final = struct.Struct("<8sQQ32s")
HEAD: Final = struct.Struct("<IHHQd")
"""As docs/records.md says: length, kind, index, wall time; then the payload, and the SHA-256 of all that and of the record before."""
MAGIC: Final = b"KERMAJ1\n"
DIGEST: Final = 32
FIRST_TO_DO: Final = "first: keep it as it is, look with kerma records show, call service"
MOST_BYTES: Final = 128 * 1024 * 1024
"""Eight segments: more than any exposure leaves."""


def part(folder: Path, first: int, needed: int, more: int = 0) -> Iterator[Record]:
    """Records `first` to `needed`, and up to `more` that follow, as far as they are there. Raises NotReadError for a journal that is not whole up to
    `needed`: nobody is shown a part as if it were all."""
    index = 0
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX)
        place = bisect_right(names, first, key=lambda path: _head(path)[0]) - 1
        if place < 0:
            raise NotReadError(f"{folder}: no segment holds record {first}; {FIRST_TO_DO}")
        digest = b""
        taken = 0
        for path in names[place:]:
            began, before, raw = _segment(path)
            taken += len(raw)
            if taken > MOST_BYTES:
                raise NotReadError(
                    f"{folder}: above {MOST_BYTES} bytes from record {first} on; first: kerma records report"
                )
            if index and (began, before) != (index, digest):
                raise NotReadError(f"{path}: does not continue the segment before it; {FIRST_TO_DO}")
            index, digest = began, before
            for record in _records(raw, began, before):
                index, digest = record.index + 1, record.digest
                if record.index >= first:
                    yield record
                if record.index >= needed + more:
                    return
    except OSError as error:
        raise NotReadError(f"{folder}: cannot be read ({error.strerror}); first: see to the disk") from error
    if index <= needed:
        raise NotReadError(
            f"{folder}: ends at record {index - 1} where {needed} was due, torn or changed; {FIRST_TO_DO}"
        )


def _head(path: Path) -> tuple[int, bytes]:
    with path.open("rb") as file:
        return _whole(path, file.read(FIRST.size + DIGEST))


def _whole(path: Path, raw: bytes) -> tuple[int, bytes]:
    """The first index of a segment, and the digest of the record before it."""
    if len(raw) < FIRST.size + DIGEST or hashlib.sha256(raw[: FIRST.size]).digest() != raw[FIRST.size :]:
        raise NotReadError(f"{path}: its head is not whole; {FIRST_TO_DO}")
    magic, _, index, digest = FIRST.unpack_from(raw)
    if magic != MAGIC:
        raise NotReadError(f"{path}: is no segment of this journal; {FIRST_TO_DO}")
    return int(index), bytes(digest)


def _segment(path: Path) -> tuple[int, bytes, bytes]:
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise NotReadError(f"{path}: is above {MOST_BYTES} bytes; first: kerma records show")
    return *_whole(path, raw[: FIRST.size + DIGEST]), raw


def _records(raw: bytes, index: int, digest: bytes) -> Iterator[Record]:
    """As long as each fits the one before: a torn tail, or a change, ends it."""
    at = FIRST.size + DIGEST
    while at + HEAD.size + DIGEST <= len(raw):
        length, kind, _, found, wall_s = HEAD.unpack_from(raw, at)
        body, end = at + HEAD.size, at + HEAD.size + length + DIGEST
        if kind == 0 or found != index or end > len(raw):
            return
        digest = hashlib.sha256(digest + raw[at : body + length]).digest()
        if digest != raw[body + length : end]:
            return
        yield Record(index, kind, wall_s, raw[body : body + length], digest)
        at, index = end, index + 1
