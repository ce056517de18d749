"""Every file of the records folder cut, emptied, changed and taken away while nothing ran: refused in words, or made anew; never a lower dose without a word.
What lies damaged is left as it is: it may be all that is left to tell what was given."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from records_bench import Rig, flip, journal_files

from controller.entries import Outcome
from records.fractions import list_fractions, show
from records.recorder import RecorderError
from records.store import StoreError, engine_for


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def flipped(at: float) -> Callable[[Path], None]:
    """One bit, at this part of what is not zeros."""

    def do(path: Path) -> None:
        flip(path, int(at * (len(path.read_bytes().rstrip(b"\0")) - 1)))

    return do


DAMAGES: dict[str, Callable[[Path], None]] = {
    "halved": halved,
    "emptied": emptied,
    "gone": gone,
    "zeroed": zeroed,
    **{f"flipped at {at:g}": flipped(at) for at in (0.0, 0.03, 0.3, 0.5, 0.7, 0.97, 1.0)},
}
FILES = ("00000001.journal", "the last journal", "records.sqlite", "lock")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[Path, bytes], list[dict[str, Any]]]:
    """The files that an interrupted exposure leaves, and what was shown of it."""
    folder = tmp_path_factory.mktemp("kept")
    rig = Rig(folder, segment_bytes=1 << 16)
    rig.new_recorder()
    rig.deliver(12.0, Outcome.INTERRUPTED)
    rig.run(0.3)
    exposures = exposures_of(rig)
    assert len(exposures) == 1 and len(journal_files(folder)) > 2
    rig.close()
    files = (path for path in (*folder.glob("records.sqlite*"), *(folder / "journal").iterdir()))
    return {path.relative_to(folder): path.read_bytes() for path in files}, exposures


def exposures_of(rig: Rig) -> list[dict[str, Any]]:
    database = rig.config.database
    return [
        e for row in list_fractions(database) for e in show(database, row["id"], rig.config.journal_dir)["exposures"]
    ]


def laid(folder: Path, files: dict[Path, bytes]) -> Rig:
    rig = Rig(folder, segment_bytes=1 << 16)
    (folder / "journal").mkdir()
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    return rig


def doses(exposures: list[dict[str, Any]]) -> dict[int, tuple[float, float]]:
    return {e["token"]: (e["delivered_mgy"], e["high_mgy"]) for e in exposures}


@pytest.mark.parametrize(("file", "damage"), list(itertools.product(FILES, DAMAGES)))
def test_a_damaged_file_is_refused_in_words_or_made_anew(
    tmp_path: Path, kept: tuple[dict[Path, bytes], list[dict[str, Any]]], file: str, damage: str
) -> None:
    files, before = kept
    rig = laid(tmp_path, files)
    journal = journal_files(tmp_path)
    path = {"the last journal": journal[-1], "records.sqlite": tmp_path / file}.get(file, tmp_path / "journal" / file)
    DAMAGES[damage](path)
    left = {one: one.read_bytes() for one in journal if one.exists()}
    try:
        recorder = rig.new_recorder()
    except RecorderError as refused:
        words = str(refused)
        assert str(tmp_path) in words and ("service" in words or "move" in words or "program" in words), words
        assert {one: one.read_bytes() for one in left} == left, "what is left of the journal was written over"
        return
    said = recorder.step(rig.clock.now, rig.clock.wall).words
    assert doses(exposures_of(rig)) == doses(before), f"another dose than before, and: {said}"
    rig.close()


@pytest.mark.parametrize("table", ["fractions", "segments"])
def test_a_lower_dose_in_the_database_is_told_and_written_anew(
    tmp_path: Path, kept: tuple[dict[Path, bytes], list[dict[str, Any]]], table: str
) -> None:
    """SQLite has no sums over its pages: a bit that fell in a dose is a lower dose, on the page and nowhere else."""
    files, before = kept
    rig = laid(tmp_path, files)
    engine = engine_for(tmp_path / "records.sqlite")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET delivered_mgy = delivered_mgy / 2, high_mgy = high_mgy / 2")
    engine.dispose()
    (fraction,) = list_fractions(rig.config.database)
    told = show(rig.config.database, fraction["id"], rig.config.journal_dir)["journal"]
    assert not told["whole"] and "otherwise than the journal" in told["words"]
    recorder = rig.new_recorder()
    said = recorder.step(rig.clock.now, rig.clock.wall).words
    assert any("was not as the journal says" in words for words in said)
    assert doses(exposures_of(rig)) == doses(before)
    (fraction,) = list_fractions(rig.config.database)
    assert show(rig.config.database, fraction["id"], rig.config.journal_dir)["journal"]["whole"]
    rig.close()


def test_a_damaged_database_is_words_for_those_who_read(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        list_fractions(tmp_path / "records.sqlite")
