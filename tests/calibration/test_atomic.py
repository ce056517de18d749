"""A file is replaced whole or not at all, whatever fails, and whoever writes or has laid something beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calibration.atomic import replaced

STEPS = ("mkstemp", "fchmod", "fsync", "replace")


def test_it_holds_the_new_bytes_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    replaced(path, b"old")
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    replaced(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["c.toml"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_a_kill_at_each_step_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"old")

    def fails(*_a: object, **_k: object) -> None:
        raise error

    monkeypatch.setattr(f"calibration.atomic.{'tempfile' if step == 'mkstemp' else 'os'}.{step}", fails)
    with pytest.raises(type(error)):
        replaced(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["c.toml"]


def test_a_link_laid_beside_it_is_not_written_through(tmp_path: Path) -> None:
    """In a folder that others may write, a foreseeable name beside the file would empty whatever it is linked to."""
    other = tmp_path / "other"
    other.write_bytes(b"somebody's")
    (tmp_path / "c.toml.new").symlink_to(other)
    replaced(tmp_path / "c.toml", b"new")
    assert other.read_bytes() == b"somebody's"


def test_two_writers_never_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second writer that comes between the first one's sync and its replacing: each puts its own whole bytes in place."""
    path = tmp_path / "c.toml"
    real: Callable[..., Any] = os.replace

    def between(source: str, target: Path) -> None:
        monkeypatch.setattr("calibration.atomic.os.replace", real)
        replaced(path, b"second")
        real(source, target)
        assert path.read_bytes() == b"first"

    monkeypatch.setattr("calibration.atomic.os.replace", between)
    replaced(path, b"first")
    assert [one.name for one in tmp_path.iterdir()] == ["c.toml"]
