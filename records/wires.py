"""What passed on the wires around a trip, as a file beside the journal: written once, named and sealed by its SHA-256 in a journal record.
It knows frames and times, no driver: what a frame says in words is for whoever reads it with the driver's name, which stands in the file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from controller.entries import Opening
from controller.wire_ring import WireFrame, WireLost, WireReader

FOLDER_NAME = "wires"
"""Within a rig's folder of records."""
BEFORE_S, AFTER_S = 5.0, 1.0
"""What is kept around a trip."""
AT_ONCE = 4096


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


def keep(folder: Path, due: WireDue, opening: Opening | None, shm: Path, wall_less_mono_s: float) -> Sealed:
    """Write the frames around this trip from the process's wire ring; gives what the journal is to say. A disk or a ring that fails is words."""
    instance = shm.name
    try:
        frames, lost = _around(shm, due.mono_ns)
        kept = Kept(
            instance=instance,
            token=due.token,
            rule=due.rule,
            trip_ns=due.mono_ns,
            wall_less_mono_s=wall_less_mono_s,
            rig=opening.rig if opening is not None else "",
            simulated=opening.simulated if opening is not None else False,
            generator_driver=opening.generator_driver if opening is not None else "",
            safety_unit_driver=opening.safety_unit_driver if opening is not None else "",
            frames=frames,
            lost=lost,
        )
        data = msgspec.msgpack.encode(kept)
        name = f"{instance}-{due.seq}.wire"
        _write(folder, name, data)
    except (OSError, ValueError) as error:
        words = f"the frames around {due.rule} were not kept: {error}"
        return Sealed(instance, due.seq, due.token, due.rule, "", b"", 0, 0, words)
    digest = hashlib.sha256(data).digest()
    return Sealed(instance, due.seq, due.token, due.rule, name, digest, len(frames), lost)


def read(path: Path, sha256: bytes) -> tuple[Kept, str]:
    """One file, and words where it is not the one that was sealed. Raises OSError, msgspec.DecodeError."""
    data = path.read_bytes()
    same = hashlib.sha256(data).digest() == sha256
    return msgspec.msgpack.decode(data, type=Kept), "" if same else f"{path}: was changed since it was kept"


def _around(shm: Path, trip_ns: int) -> tuple[tuple[WireFrame, ...], int]:
    reader = WireReader(str(shm))
    frames: list[WireFrame] = []
    lost = 0
    try:
        while found := reader.read(AT_ONCE):
            for item in found:
                if isinstance(item, WireLost):
                    lost += item.count
                elif trip_ns - BEFORE_S * 1e9 <= item.mono_ns <= trip_ns + AFTER_S * 1e9:
                    frames.append(item)
    finally:
        reader.close()
    return tuple(frames), lost


def _write(folder: Path, name: str, data: bytes) -> None:
    """Durable under its name, or not there: a recorder that was killed half-way leaves a .new file, which the next one writes over."""
    folder.mkdir(mode=0o700, exist_ok=True)
    raw = folder / (name + ".new")
    fd = os.open(raw, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left) :]
        os.fsync(fd)
    except OSError:
        # a full disk is not helped by half a file
        raw.unlink()
        raise
    finally:
        os.close(fd)
    os.replace(raw, folder / name)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(at)
    finally:
        os.close(at)
