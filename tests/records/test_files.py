"""The kernel's files as the records use them: a lock whose holder's number cannot be written, as on a full disk, is not held by nobody."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from records.files import PosixFiles, held_by_another


def test_a_lock_whose_number_cannot_be_written_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full: whoever asks is told, and the next one may have it."""
    path, files = tmp_path / "lock", PosixFiles()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="no space"):
            files.lock(path)
    assert not held_by_another(path)
    fd = files.lock(path)
    assert fd is not None and path.read_text() == f"{os.getpid()}\n"
    assert files.lock(path) is None
    files.close(fd)
