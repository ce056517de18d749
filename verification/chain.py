"""A second reader of the journal, from its published form alone: the chain of digests, each START that got a token, and the ends that it was given.
It shares no code with what writes and reads journals in the product, so that neither can hide the other's mistake."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

MAGIC: Final = b"KERMAJ1\n"
FIRST: Final = struct.Struct("<8sQQ32s")
"""Of a segment: magic, its number, the index of its first record, the digest of the record before."""
HEAD: Final = struct.Struct("<IHHQd")
"""Of a record: length of the payload, kind, spare, index, wall time."""
DIGEST: Final = 32
ENTRY_KIND: Final = 2
START_TYPE: Final = 4
_END_DELIVERED, _END_LOW, _END_HIGH, _END_VOID = 14, 15, 16, 5


@dataclass(frozen=True)
class End:
    """One end of an exposure, D0 mGy, by the journal record with this index."""

    index: int
    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    void: bool


@dataclass
class Chain:
    """What a journal says: how many records fit, every token with the index of its START and its ends; `words` are empty where all of it is whole."""

    records: int = 0
    starts: dict[int, int] = field(default_factory=dict)
    ends: dict[int, list[End]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    torn_bytes: int = 0
    _digest: bytes = bytes(DIGEST)

    def take(self, number: int, raw: bytes, *, last: bool) -> None:
        """One segment's bytes, in order; zeros at its end may be missing."""
        digest = hashlib.sha256(raw[: FIRST.size]).digest()
        if raw[FIRST.size : FIRST.size + DIGEST] != digest:
            self._stopped(f"segment {number} has no head", raw, 0, last)
            return
        if FIRST.unpack_from(raw) != (MAGIC, number, self.records + 1, self._digest):
            self.words.append(f"segment {number} does not go on from record {self.records}")
            return
        at = FIRST.size + DIGEST
        while at + HEAD.size + DIGEST <= len(raw):
            length, kind, _, index, _ = HEAD.unpack_from(raw, at)
            body, end = at + HEAD.size, at + HEAD.size + length
            digest = hashlib.sha256(self._digest + raw[at:end]).digest()
            if not kind or index != self.records + 1 or raw[end : end + DIGEST] != digest:
                break
            self.records, self._digest = index, digest
            if kind == ENTRY_KIND:
                self._entry(msgspec.msgpack.decode(raw[body:end]))
            at = end + DIGEST
        self._stopped(f"bytes after record {self.records} in segment {number}", raw, at, last)

    def _stopped(self, words: str, raw: bytes, at: int, last: bool) -> None:
        left = len(raw[at:].rstrip(b"\0"))
        if last:
            self.torn_bytes = left
        elif left or not at:
            self.words.append(words)

    def _entry(self, noted: list[Any]) -> None:
        _, _, _, kind, _, token, _, ends, *_ = noted
        if kind == START_TYPE and token:
            if token in self.starts:
                self.words.append(f"token {token} was given twice, by records {self.starts[token]} and {self.records}")
            self.starts[token] = self.records
        for end in ends:
            known = End(self.records, end[_END_DELIVERED], end[_END_LOW], end[_END_HIGH], bool(end[_END_VOID]))
            self.ends.setdefault(end[0], []).append(known)

    def unsound(self) -> list[str]:
        """What may never be in a journal: a broken chain, an end without a START, and a START with more than one end."""
        found = list(self.words)
        found += [f"exposure {token} has an end and no START" for token in self.ends if token not in self.starts]
        found += [f"exposure {token} has {len(ends)} ends" for token, ends in self.ends.items() if len(ends) > 1]
        return found

    def open(self) -> list[int]:
        """Tokens of STARTs without an end."""
        return [token for token in self.starts if token not in self.ends]


def read_chain(segments: Iterable[tuple[str, bytes]]) -> Chain:
    """Segments by their file names (00000001.journal, ...) and bytes."""
    chain = Chain()
    ordered = sorted(segments)
    for place, (name, raw) in enumerate(ordered, 1):
        if int(name.split(".")[0]) != place:
            chain.words.append(f"segment {place} is missing")
            break
        chain.take(place, raw, last=place == len(ordered))
    return chain


def chain_of(folder: Path) -> Chain:
    """The journal in a folder, as its files are now."""
    return read_chain((path.name, path.read_bytes()) for path in folder.glob("*.journal"))
