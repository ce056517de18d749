"""The doctor's judgements from what its probes could find, and that looking leaves nothing behind.
The machine that runs the tests need not be fit."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from desk_by_hand import EXAMPLES

from console import configuration, doctor, fitness, places
from console.exit_codes import Exit
from console.fitness import MIB, Line
from hal.clock import SystemClock

MOUNTS = """25 30 0:23 / /proc rw,nosuid - proc proc rw
26 30 0:24 / / rw - ext4 /dev/root rw
27 26 0:25 / /dev/shm rw,nosuid - tmpfs tmpfs rw
28 26 0:26 / /mnt/a\\040b rw - xfs /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (fitness.fifo(True, 90), "ok"),
        (fitness.fifo(False, 0), "warn"),
        (fitness.memory(8 * MIB, False), "warn"),
        (fitness.memory(8 * MIB, True), "ok"),
        (fitness.memory(resource.RLIM_INFINITY, True), "ok"),
        (fitness.memory(512 * MIB, False), "warn"),
        (fitness.awake(True), "ok"),
        (fitness.awake(False), "warn"),
        (fitness.punctual((0, 0, 990, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0), 0), "ok"),
        (fitness.punctual((0, 0, 900, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0), 3), "warn"),
        (fitness.punctual((), 0), "warn"),
        (doctor.processors(1), "warn"),
        (doctor.processors(2), "ok"),
        (doctor.wall(1.0, True), "bad"),
        (doctor.wall(1.8e9, False), "warn"),
        (doctor.wall(1.8e9, True), "ok"),
        (doctor.room(Path("/r"), 199), "bad"),
        (doctor.room(Path("/r"), 1999), "warn"),
        (doctor.room(Path("/r"), 2000), "ok"),
        (doctor.sure("/r", 0.301), "bad"),
        (doctor.sure("/r", 0.051), "warn"),
        (doctor.sure("/r", 0.002), "ok"),
    ],
)
def test_each_judgement_and_what_to_do(line: Line, level: str) -> None:
    assert line.level == level and (bool(line.first) is (level != "ok"))


def test_the_file_system_of_a_path() -> None:
    assert places.filesystem(Path("/dev/shm/kerma-0/demo"), MOUNTS) == "tmpfs"
    assert places.filesystem(Path("/dev/shmoo"), MOUNTS) == "ext4"
    assert places.filesystem(Path("/mnt/a b/c"), MOUNTS) == "xfs"


def test_kernels_are_warm_only_for_these_sources(tmp_path: Path) -> None:
    assert doctor.kernels(tmp_path / "none").level == "warn"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "kernel.nbi").write_text("")
    assert doctor.kernels(tmp_path).level == "ok"


def test_the_disk_is_left_as_it_was(tmp_path: Path) -> None:
    assert doctor.fsync_worst_s(tmp_path, SystemClock(), 2) >= 0.0
    assert list(tmp_path.iterdir()) == []
    lines = list(doctor.disk(tmp_path / "not" / "there", SystemClock()))
    assert [line.what for line in lines] == ["disk room", "disk sync"]


def test_the_whole_look_is_one_document_and_every_bad_line_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    rig = configuration.load(EXAMPLES / "rig.toml", 1000)
    code = doctor.run(rig, SystemClock(), True)
    document = json.loads(capsys.readouterr().out)
    assert code is (Exit.AS_INTENDED if document["fit"] else Exit.UNFIT)
    assert {
        "generator",
        "safety unit",
        "real-time scheduling",
        "locked memory",
        "wall clock",
        "disk sync",
        "numba",
        "python",
    } <= {line["what"] for line in document["lines"]}
    assert all(line["first"] for line in document["lines"] if line["level"] == "bad")
    assert doctor.run(None, SystemClock(), False) in (Exit.AS_INTENDED, Exit.UNFIT)


def test_a_line_that_is_not_there(tmp_path: Path) -> None:
    rig = configuration.load(EXAMPLES / "rig.toml", 1000)
    found = {line.what: line for line in doctor.ttys(rig)}
    assert "network" in found["safety unit"].found
