"""What the real-time process asks of the kernel: what it does not get it says in words, a clinical rig then does not start, and any other goes on without."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from console.desk_client import connect
from console.run import environment
from controller import kernel_asked
from controller.blob import Blob, Paths, Scheduling
from controller.kernel_asked import ask_kernel, hold_reserve, keep_awake
from hal.clock import SystemClock
from verification.setting import blob_of, lay_out

NOBODY: Final = (
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
    "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
)  # fmt: skip
"""Of root's powers only that of reading what lies in a home that is not its own."""
WITHOUT: Final = ("prlimit", "--rtprio=0:0", f"--memlock={8 << 20}:{8 << 20}", *(NOBODY if os.geteuid() == 0 else ()))
"""Somebody without any privilege, whoever runs the tests."""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for compiled kernels in which anybody may write."""
    folder = tmp_path_factory.mktemp("numba")
    folder.chmod(0o777)
    return folder


@pytest.fixture
def collector() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_what_the_kernel_does_not_give_is_said_in_words(collector: None) -> None:
    """Nothing asked: nothing lacking, and the collector is off. An impossible CPU or priority is named with its number."""
    nothing = Scheduling(fifo_priority=0, cpu=-1, lock_memory=False, keep_awake=False)
    assert ask_kernel(nothing) == ()
    assert not gc.isenabled()
    (words,) = ask_kernel(msgspec.structs.replace(nothing, cpu=100_000))
    assert "100000" in words


def test_processors_that_cannot_be_kept_awake_are_said(tmp_path: Path) -> None:
    """The file is not there, or may not be written; where it can be, it stays open and says 0 us."""
    (words,) = keep_awake(str(tmp_path / "none"))
    assert words.startswith("processors kept awake: ") and "No such file" in words
    (words,) = keep_awake(str(tmp_path))
    assert "directory" in words
    file = tmp_path / "latency"
    file.write_bytes(b"")
    assert keep_awake(str(file)) == [] and file.read_bytes() == bytes(4)
    (held,) = (fd for fd in Path("/proc/self/fd").iterdir() if fd.exists() and fd.readlink() == file)
    os.close(int(held.name))


RESERVED = """
import resource, sys
from controller.kernel_asked import hold_reserve, RESERVE_BYTES
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def grow():
    kept = [bytes(300) for _ in range(RESERVE_BYTES // 800)]
    large = [bytearray(65536) for _ in range(16)]
    before = faults()
    return before
if sys.argv[1] == "reserve":
    reserve = hold_reserve()
before = faults()
grow()
print(faults() - before)
"""


def test_memory_that_was_reserved_comes_without_the_kernel() -> None:
    """Growth by some MiB faults pages in by the hundred; after the reserve it does not."""
    faults = {}
    for how in ("reserve", "plain"):
        said = subprocess.run(
            [sys.executable, "-c", RESERVED, how], capture_output=True, text=True, timeout=60, check=True
        )
        faults[how] = int(said.stdout)
    assert faults["reserve"] < 0.1 * faults["plain"], faults


def clinical(tmp_path: Path, asked: bool) -> Path:
    """The document of a simulated rig's process, in a folder that anybody may use."""
    os.chmod(tmp_path, 0o777)
    setting = lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020)
    paths = Paths(str(tmp_path / "shm" / "i"), str(tmp_path / "desk"), str(tmp_path / "stop"))
    blob: Blob = msgspec.structs.replace(blob_of(setting), paths=paths, instance="i", clinical=asked)
    document = tmp_path / "blob"
    document.write_bytes(msgspec.msgpack.encode(blob))
    return document


def started(document: Path, compiled: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*WITHOUT, sys.executable, "-P", "-m", "controller", str(document)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(compiled),
    )  # fmt: skip


def test_a_clinical_rig_does_not_start_without(tmp_path: Path, compiled: Path) -> None:
    """It says each thing that it did not get, and ends with a code of its own before the first tick."""
    with started(clinical(tmp_path, True), compiled) as process:
        out, err = process.communicate(timeout=50)
    assert process.returncode == 71 and "ready" not in out
    assert "clinical mode needs real-time scheduling" in err
    for words in ("SCHED_FIFO priority 80", "locked memory", "processors kept awake"):
        assert words in err


def test_any_other_rig_runs_without_and_says_so_to_everybody_who_looks(tmp_path: Path, compiled: Path) -> None:
    """The notice of every snapshot names what is lacking; a signal ends it as ever."""
    with started(clinical(tmp_path, False), compiled) as process:
        assert process.stdout is not None
        assert "ready" in process.stdout.readline()
        with connect(tmp_path / "desk", SystemClock()) as desk:
            shown = desk.snapshot(5.0)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert shown is not None and sum(shown.lateness_counts) > 0
    for words in ("SCHED_FIFO priority 80", "locked memory", "processors kept awake"):
        assert words in shown.notice


def test_the_doctor_of_somebody_without_privileges_says_what_to_do() -> None:
    """Each of the three that a clinical rig needs is a warning with its first step; lateness is still tried, with what there is."""
    said = subprocess.run(
        [*WITHOUT, sys.executable, "-P", "-m", "console", "doctor", "--json"],
        capture_output=True, text=True, timeout=50, check=False, cwd="/",
    )  # fmt: skip
    lines = {line["what"]: line for line in json.loads(said.stdout)["lines"]}
    for what in ("real-time scheduling", "locked memory", "awake processors"):
        assert lines[what]["level"] == "warn" and lines[what]["first"], lines[what]
    assert "500 ticks" in lines["punctuality"]["found"]


def test_root_without_the_capability_is_not_taken_for_one_who_may_lock() -> None:
    """In a container root may lack it: what counts is the capability or the limit, not the name."""
    assert kernel_asked.may_lock("CapEff:\t0000000000004000\n", 8 << 20)
    assert not kernel_asked.may_lock("CapEff:\t00000000a80425fb\n", 8 << 20)
    assert kernel_asked.may_lock("CapEff:\t0000000000000000\n", resource.RLIM_INFINITY)
    assert hold_reserve()
