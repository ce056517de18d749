"""The recorder's two answers to one process: the acknowledgement, 64 bytes in place, and the statement, replaced whole; both on tmpfs, never synced.
It knows how they are put there; what they say is the recorder's, and how they are read is in controller/ring.py."""

from __future__ import annotations

from pathlib import Path

import msgspec

from controller.entries import Ack, Statement
from controller.ring import ACK, ACK_BYTES, STATEMENT, pack_ack
from records.files import FileSystem


class Answers:
    """The writer's side of both files in one process's folder. Raises OSError."""

    def __init__(self, files: FileSystem, folder: Path) -> None:
        self._files, self._folder = files, folder
        self._fd: int | None = None

    def acknowledge(self, ack: Ack) -> None:
        """Write the acknowledgement over the one before; a reader sees the old or the new one, or for a moment a CRC that does not fit."""
        if self._fd is None:
            path = self._folder / ACK
            there = ACK in self._files.names(self._folder)
            self._fd = self._files.open(path) if there else self._files.create(path, ACK_BYTES)
        self._files.write(self._fd, pack_ack(ack), 0)

    def state(self, statement: Statement) -> None:
        """Replace the statement; its version, which must be higher than the one there, is the file's time (clocks are too coarse to tell two apart)."""
        self._files.replace(self._folder / STATEMENT, msgspec.msgpack.encode(statement), statement.version)

    def close(self) -> None:
        if self._fd is not None:
            self._files.close(self._fd)
            self._fd = None
