"""What passed on the wires around a trip, as a file beside the journal: written once, named and sealed by its SHA-256 in a journal record.
It knows frames and times, no driver: what a frame says in words is for whoever reads it with the driver's name, which stands in the file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from controller.entries import Opening
from controller.wire_ring import WireFrame, WireLost, WireReader
from records.files import FileSystem

FOLDER_NAME = "wires"
"""Within a rig's folder of records."""
BEFORE_S, AFTER_S = 5.0, 1.0
"""What is kept around a trip."""
ORDER_S = 0.2
"""Frames of one tick are written wire by wire, and those of a wire that was late a tick or two later: what is this much past the end is past it."""
AT_ONCE = 2048
"""Ring records taken in one step of the recorder: some 10 ms of it."""


class WireDue(msgspec.Struct, frozen=True):
    """A trip whose frames are to be kept: the ring's number of the entry that told it, when it was, by which rule, in which exposure (token 0: none)."""

    seq: int
    mono_ns: int
    rule: str
    token: int


class Sealed(msgspec.Struct, frozen=True, array_like=True):
    """The journal's word on one file of frames; `words` say why there is none, and `name` is then empty."""

    instance: str
    seq: int
    token: int
    rule: str
    name: str
    sha256: bytes
    frames: int
    lost: int
    words: str = ""

    def told(self) -> str:
        """One line for people."""
        lost = f", {self.lost} lost" if self.lost else ""
        return self.words or f"{self.frames} frames{lost} in {FOLDER_NAME}/{self.name}"


class Kept(msgspec.Struct, frozen=True):
    """One file: frames in the order in which they were written. `wall_less_mono_s` turns their times into wall time."""

    instance: str
    token: int
    rule: str
    trip_ns: int
    wall_less_mono_s: float
    rig: str
    simulated: bool
    generator_driver: str
    safety_unit_driver: str
    frames: tuple[WireFrame, ...]
    lost: int = 0


class Keeping:
    """The frames around one trip, gathered a piece at a time: copying must never keep the records waiting. A disk or a ring that fails is words."""

    def __init__(
        self,
        files: FileSystem,
        folder: Path,
        due: WireDue,
        opening: Opening | None,
        shm: Path,
        wall_less_mono_s: float,
    ) -> None:
        self._files, self._folder, self.due, self._opening, self._shm = files, folder, due, opening, shm
        self._wall_less_mono_s = wall_less_mono_s
        self._frames: list[WireFrame] = []
        self._lost = 0
        self._reader: WireReader | None = None

    def step(self, limit: int = AT_ONCE) -> Sealed | None:
        """Take up to about `limit` records from the ring; what the journal is to say once all of it is on the disk, None before."""
        try:
            return self._seal() if self._gathered(limit) else None
        except (OSError, ValueError) as error:
            due = self.due
            words = f"the frames around {due.rule} were not kept: {error}"
            return Sealed(self._shm.name, due.seq, due.token, due.rule, "", b"", 0, 0, words)

    def close(self) -> None:
        """Let go of the ring."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _gathered(self, limit: int) -> bool:
        """True when the ring has nothing more that belongs to this trip."""
        if self._reader is None:
            self._reader = WireReader(str(self._shm))
        found = self._reader.read(limit)
        trip_ns, past = self.due.mono_ns, False
        for item in found:
            if isinstance(item, WireLost):
                self._lost += item.count
            elif trip_ns - BEFORE_S * 1e9 <= item.mono_ns <= trip_ns + AFTER_S * 1e9:
                self._frames.append(item)
            else:
                past = past or item.mono_ns > trip_ns + (AFTER_S + ORDER_S) * 1e9
        return past or not found

    def _seal(self) -> Sealed:
        due, opening, instance = self.due, self._opening, self._shm.name
        kept = Kept(
            instance=instance,
            token=due.token,
            rule=due.rule,
            trip_ns=due.mono_ns,
            wall_less_mono_s=self._wall_less_mono_s,
            rig=opening.rig if opening is not None else "",
            simulated=opening.simulated if opening is not None else False,
            generator_driver=opening.generator_driver if opening is not None else "",
            safety_unit_driver=opening.safety_unit_driver if opening is not None else "",
            frames=tuple(self._frames),
            lost=self._lost,
        )
        data = msgspec.msgpack.encode(kept)
        name = f"{instance}-{due.seq}.wire"
        _write(self._files, self._folder, name, data)
        digest = hashlib.sha256(data).digest()
        return Sealed(instance, due.seq, due.token, due.rule, name, digest, len(self._frames), self._lost)


def read(path: Path, sha256: bytes) -> tuple[Kept, str]:
    """One file, and words where it is not the one that was sealed. Raises OSError, msgspec.DecodeError."""
    data = path.read_bytes()
    same = hashlib.sha256(data).digest() == sha256
    return msgspec.msgpack.decode(data, type=Kept), "" if same else f"{path}: was changed since it was kept"


def _write(files: FileSystem, folder: Path, name: str, data: bytes) -> None:
    """Durable under its name, or not there: a recorder that was killed half-way leaves a .new file, which the next one replaces."""
    files.make_folder(folder)
    raw = folder / (name + ".new")
    files.remove(raw)
    fd = files.create(raw, len(data))
    try:
        files.write(fd, data, 0)
        files.sync(fd)
    except OSError:
        # a full disk is not helped by half a file
        files.remove(raw)
        raise
    finally:
        files.close(fd)
    files.rename(raw, folder / name)
    files.sync_folder(folder)
