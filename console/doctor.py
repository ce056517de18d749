"""`kerma doctor`: is this machine fit to run a rig; one line for each thing looked at, with what to do where it is not well.
It opens no device and leaves nothing behind; every judgement is a function of what a probe has found."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from console import places, sources
from console.configuration import Rig
from console.exit_codes import Exit
from console.fitness import MIB, Line, given, punctual, running, tried
from console.rig_file import SchedulingTable
from console.treat.plain_words import PlainConsole
from controller.blob import Scheduling
from hal.clock import Clock
from hal.transport import numbered

DISK_BAD_MIB, DISK_WARN_MIB = 200, 2000
SHM_MIB = 64
"""A ring of two minutes at 1000 Hz and its frames have 47 MiB; an old instance's, at the usual 100 Hz, 6 more."""
FSYNC_WARN_S, FSYNC_BAD_S = 0.05, 0.3
"""The recorder must be durable within 0.5 s in beam, or the beam ends."""
WALL_FROM_S = 1_735_689_600.0
"""2025-01-01 UTC: a clock that says less was never set."""
TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
PINNED = {"pymodbus": "3.16.1", "pyserial": "3.5"}
STYLES = {"ok": "green", "warn": "dark_orange", "bad": "bold red"}


def lines(rig: Rig | None, clock: Clock) -> Iterator[Line]:
    """Everything that is looked at, in order."""
    yield from ttys(rig)
    clinical = rig is not None and rig.file.rig.clinical
    asked = rig.file.scheduling if rig is not None else SchedulingTable()
    for line in given():
        yield replace(line, level="bad") if clinical and line.level == "warn" else line
    yield punctual(*tried(clock, Scheduling(**asked.model_dump())))
    if rig is not None:
        yield from running(rig, clock)
    yield processors(len(os.sched_getaffinity(0)))
    yield wall(clock.wall(), synchronised())
    yield from disk(rig.records if rig else Path.cwd(), clock)
    yield from tmpfs(rig.places.shm if rig else places.default("any", os.getuid()).shm)
    yield kernels(sources.kernel_cache(Path.home()))
    yield from versions()


def ttys(rig: Rig | None) -> Iterator[Line]:
    """May the lines of this rig be opened? A simulated line need not be there yet."""
    if rig is None:
        yield Line(
            "ok", "lines", "no rig file given, so none was looked at", "kerma doctor --config RIG.toml looks at them"
        )
        return
    for name, link in (("generator", rig.generator), ("safety unit", rig.safety_unit)):
        if link.path is None:
            yield Line("ok", name, f"{link.words()}, over the network")
        elif numbered(str(link.path)):
            yield Line(
                "bad" if rig.file.rig.clinical else "warn",
                name,
                f"{link.words()}: after the next plug this name may be another device's",
                "write its name under /dev/serial/by-id (or by-path), see ls -l /dev/serial/by-id",
            )
        elif not link.path.exists():
            level, first = ("warn", "start kerma sim with this file") if link.kind == "pty" else ("bad", "plug it in")
            yield Line(level, name, f"{link.words()} is not there", first)
        elif not os.access(link.path, os.R_OK | os.W_OK):
            yield Line(
                "bad",
                name,
                f"{link.words()} may not be read and written",
                f"sudo usermod -aG dialout {os.getuid()}, and log in again",
            )
        else:
            yield Line("ok", name, f"{link.words()} may be read and written")


def processors(count: int) -> Line:
    if count >= 2:
        return Line("ok", "processors", f"{count}")
    return Line("warn", "processors", f"{count}: loop and recorder share it", "use a board with two or more")


def synchronised() -> bool:
    """Whether the kernel holds the wall clock for synchronised (adjtimex); false where it cannot be asked."""
    buffer = ctypes.create_string_buffer(512)
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return False
    return 0 <= int(state) < TIME_ERROR


def wall(wall_s: float, synced: bool) -> Line:
    """The wall clock dates certificates, day checks and intervals."""
    if wall_s < WALL_FROM_S:
        return Line("bad", "wall clock", f"{wall_s:.0f} s after 1970 is before 2025", "set the clock")
    if not synced:
        return Line(
            "warn",
            "wall clock",
            "not synchronised",
            "start chrony or systemd-timesyncd, or check the time every morning",
        )
    return Line("ok", "wall clock", "synchronised")


def disk(folder: Path, clock: Clock) -> Iterator[Line]:
    """Room for records, and how long the disk takes to be sure."""
    at = places.nearest(folder)
    yield room(folder, shutil.disk_usage(at).free // MIB)
    try:
        yield sure(str(at), fsync_worst_s(at, clock))
    except OSError as error:
        yield Line(
            "bad",
            "disk sync",
            f"{at}: cannot be written ({error.strerror})",
            "give this user the folder, or set records.dir",
        )


def room(folder: Path, free_mib: int) -> Line:
    level = "bad" if free_mib < DISK_BAD_MIB else ("warn" if free_mib < DISK_WARN_MIB else "ok")
    return Line(
        level,
        "disk room",
        f"{folder}: {free_mib} MiB free",
        "" if level == "ok" else "make room, or set records.dir to another disk",
    )


def fsync_worst_s(folder: Path, clock: Clock, times: int = 8) -> float:
    """The longest of some appends of 4 KiB, each synced, to a file that is gone afterwards. Raises OSError."""
    worst = 0.0
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            began = clock.monotonic()
            file.write(b"\0" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            worst = max(worst, clock.monotonic() - began)
    return worst


def sure(where: str, worst_s: float) -> Line:
    level = "bad" if worst_s > FSYNC_BAD_S else ("warn" if worst_s > FSYNC_WARN_S else "ok")
    first = (
        "" if level == "ok" else "use a local disk with nothing else writing to it; a record 0.5 s late ends the beam"
    )
    return Line(level, "disk sync", f"{where}: longest of eight {worst_s * 1000:.1f} ms", first)


def tmpfs(shm: Path) -> Iterator[Line]:
    """The ring must lie on tmpfs: a store into a file on a disk can wait for the disk."""
    at = places.nearest(shm)
    kind = places.filesystem(at, Path("/proc/self/mountinfo").read_text())
    if kind != "tmpfs":
        yield Line(
            "bad",
            "tmpfs",
            f"{shm} lies on {kind or 'an unknown file system'}",
            "set paths.shm to a folder on tmpfs, such as /dev/shm",
        )
        return
    free = shutil.disk_usage(at).free // MIB
    level = "ok" if free >= SHM_MIB else "bad"
    yield Line(level, "tmpfs", f"{shm}: {free} MiB free", "" if level == "ok" else f"make it {SHM_MIB} MiB or larger")


def kernels(cache: Path) -> Line:
    """Compiled kernels for exactly these sources; without them the first start takes some seconds longer."""
    warm = any(cache.rglob("*.nbi")) if cache.is_dir() else False
    if warm:
        return Line("ok", "numba", f"warm in {cache}")
    return Line("warn", "numba", f"cold ({cache}): the first start compiles for some seconds", "start kerma run once")


def versions() -> Iterator[Line]:
    """The interpreter, and the packages whose version is part of the design."""
    here = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info[:2] == (3, 11)
    yield Line("ok" if good else "bad", "python", here, "" if good else "use Python 3.11")
    for package in (
        "kerma",
        "pymodbus",
        "pyserial",
        "numba",
        "numpy",
        "transitions",
        "msgspec",
        "pydantic",
        "sqlalchemy",
        "cryptography",
    ):
        try:
            found = version(package)
        except PackageNotFoundError:
            yield Line("bad", package, "not installed", "make setup")
            continue
        wanted = PINNED.get(package, found)
        yield Line(
            "ok" if found == wanted else "bad",
            package,
            found,
            "" if found == wanted else f"install {wanted}: make setup",
        )


def run(rig: Rig | None, clock: Clock, as_json: bool) -> Exit:
    """Print the lines; UNFIT when one of them is bad."""
    found = tuple(lines(rig, clock))
    code = Exit.UNFIT if any(line.level == "bad" for line in found) else Exit.AS_INTENDED
    if as_json:
        print(json.dumps({"fit": code is Exit.AS_INTENDED, "lines": [asdict(line) for line in found]}))
        return code
    console = PlainConsole()
    for line in found:
        console.print(
            f"{line.level:<5} {line.what:<22} {line.found}",
            style=STYLES[line.level],
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        if line.first:
            console.print(f"{'':<29}first: {line.first}", markup=False, highlight=False, soft_wrap=True)
    return code
