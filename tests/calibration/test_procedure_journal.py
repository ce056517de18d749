"""A guided session's file: what was taken is there again, every changed byte is refused, a torn end is told, a full disk does nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from calibration.procedures.journal import Journal
from calibration.procedures.session import Expose, Phase
from hal.errors import ConfigurationError
from tests.calibration.measured_bench import AT
from tests.calibration.procedure_bench import due, procedure, walk

pytestmark = pytest.mark.timeout(60)


def written(path: Path, events: int) -> Journal:
    """A session's file with so many events of the walk."""
    journal = Journal.begin(path, "S", procedure())
    for place, (session, event) in enumerate(walk()):
        assert journal.session == session
        if place == events:
            break
        assert not journal.take(event).refused
    return journal


def test_taken_up_anywhere_it_is_the_same_session(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    journal = Journal.begin(path, "S", procedure())
    for session, event in walk():
        assert journal.session == session
        journal.close()
        journal = Journal.take_up(path, procedure())
        assert journal.session == session and not journal.told
        assert not journal.take(event).refused
    assert journal.session.phase is Phase.DONE
    journal.close()


@pytest.mark.parametrize("mask", [0x01, 0x20, 0xFF, 0])
def test_g24_every_flipped_byte_is_refused(mask: int, tmp_path: Path) -> None:
    """Bits of every byte turned round; 0: every byte becomes an end of line."""
    path = tmp_path / "s.jsonl"
    written(path, 4).close()
    data, asked = path.read_bytes(), procedure()
    for place in range(len(data)):
        other = data[place] ^ mask if mask else 0x0A
        if other != data[place]:
            path.write_bytes(data[:place] + bytes([other]) + data[place + 1 :])
            with pytest.raises(ConfigurationError, match="begin"):
                Journal.take_up(path, asked)


def test_a_torn_end_is_told_and_dropped(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    written(path, 3).close()
    before = len(path.read_bytes())
    path.unlink()
    written(path, 4).close()
    data, asked = path.read_bytes(), procedure()
    third = [session for session, _ in walk()][3]
    for length in range(before, len(data)):
        path.write_bytes(data[:length])
        with Journal.take_up(path, asked) as journal:
            assert ("not finished" in journal.told) == (length > before)
            assert journal.session == third
        assert path.read_bytes() == data[:before]


def test_g24_a_line_taken_out_or_another_procedure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    written(path, 4).close()
    with pytest.raises(ConfigurationError, match="other steps"):
        Journal.take_up(path, procedure(seconds=30.0))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(ConfigurationError, match="line 3: is damaged"):
        Journal.take_up(path, procedure())


def test_g27_a_session_is_open_once_and_begun_once(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    with written(path, 1):
        with pytest.raises(ConfigurationError, match="open elsewhere"):
            Journal.take_up(path, procedure())
        with pytest.raises(ConfigurationError, match="there already"):
            Journal.begin(path, "S", procedure())


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_g13_a_full_disk_exposes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "s.jsonl"
    journal, whole = written(path, 1), os.write
    before = journal.session

    def full(descriptor: int, data: bytes = b"") -> int:
        if call == "write" and len(data) > 9:
            return whole(descriptor, data[:9])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        effects = journal.take(due(before, AT))
    assert effects.do is None and "No space left" in effects.refused and journal.session == before
    assert journal.take(due(before, AT)).do is None
    journal.close()
    with Journal.take_up(path, procedure()) as again:
        if call == "write":
            assert "dropped" in again.told or again.session == before
            assert isinstance(again.take(due(again.session, AT)).do, Expose)
        else:
            assert again.session.phase is Phase.EXPOSING
