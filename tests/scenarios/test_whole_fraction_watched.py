"""What the real-time process does from READY to the end of its beam, watched from inside and outside: it waits, talks to its wires and its desk, no more.
An audit hook and the collector's callbacks look from inside, strace and /proc from outside; where strace may not look, the others say it without it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from controller.requests import Confirm, Load, Snapshot
from hal.clock import SystemClock
from hal.units import Seconds
from verification.hands import Stuck
from verification.real import RealRig
from verification.setting import clear, free_port, lay_out, prescribed, real_rig

RX_MGY: Final = 200.0
"""About 4 s of beam."""
STOLEN_S: Final = 0.015
TRIES: Final = 3
WATCHES: Final = Path(__file__).parent / "watched"
"""Its sitecustomize.py is imported before the first line of the real-time process."""
CALLS: Final = {
    "clock_nanosleep": "waits for the next tick",
    "pselect6": "waits for a reply",
    "read": "a tty",
    "write": "a tty",
    "recvfrom": "a socket",
    "sendto": "a socket",
    "accept4": "somebody new at the desk",
    "pread64": "the recorder's acknowledgement, on tmpfs",
    "newfstatat": "whether the recorder's statement is a new one, on tmpfs",
    "restart_syscall": "strace itself, as it comes in the middle of a wait",
}
"""Every system call that a tick may make, and what for."""
STATEMENT: Final = {"openat", "fstat", "ioctl", "lseek", "read", "close"}
"""The recorder has written a new statement: one file on tmpfs is read."""
IN_STATEMENT: Final = re.compile(r"^\('/dev/shm/[^']*/statement', 'r'")
FAULTS_MOST: Final = 40
"""Minor page faults of a whole fraction; a fault a tick would be hundreds."""


@dataclass(frozen=True)
class Looked:
    """The process at one moment."""

    minor: int
    major: int
    threads: int
    resident_kib: int
    data_kib: int
    written_b: int


def look(pid: int) -> Looked:
    """From /proc, without touching the process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    io = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return Looked(
        int(fields[7]),
        int(fields[9]),
        len(os.listdir(f"/proc/{pid}/task")),
        int(status["VmRSS"].split()[0]),
        int(status["VmData"].split()[0]),
        int(io["write_bytes"]),
    )


class Strace:
    """strace on a running process; `may` is false where it is not there or not allowed to look."""

    def __init__(self, pid: int, out: Path) -> None:
        self._out = out
        self._process: subprocess.Popen[bytes] | None = None
        if shutil.which("strace") is None:
            return
        command = ["strace", "-f", "-y", "-o", str(out), "-p", str(pid)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(OSError):
            # above the process that it looks at, or that one waits for it
            os.sched_setscheduler(self._process.pid, os.SCHED_FIFO, os.sched_param(95))

    @property
    def may(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def lines(self) -> list[str]:
        """Ends it; what it saw, one call a line."""
        self.end()
        return self._out.read_text(errors="replace").splitlines()

    def end(self) -> None:
        """It looks no more; done twice it does nothing the second time."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20.0)


def to_ready(rig: RealRig) -> None:
    """Loaded, confirmed, armed."""
    rig.until(lambda s: s.state == "STANDBY", 30.0, "STANDBY")
    assert rig.ask(Load(prescribed(RX_MGY), "watched")).ok
    offered = rig.until(lambda s: s.offer is not None, 10.0, "an offer").offer
    assert offered is not None
    assert rig.ask(Confirm(offered.id, offered.digest)).ok
    rig.until(lambda s: s.state == "READY", 30.0, "READY")


@dataclass(frozen=True)
class Watched:
    """What one fraction showed between two looks; `calls` is empty where strace may not look."""

    ended: Snapshot
    before: Looked
    after: Looked
    inside: list[Any]
    calls: list[str]


def watched(rig: RealRig, folder: Path) -> Watched:
    """One fraction. Stuck where the rig does not go where it should."""
    rig.start()
    to_ready(rig)
    shown = rig.snapshot()
    assert shown is not None
    strace = Strace(shown.pid, folder / "strace")
    try:
        rig.wait(0.5)
        begun, before = SystemClock().monotonic(), look(shown.pid)
        rig.press()
        ended = rig.until(lambda s: s.state in ("TERMINATED", "INTERRUPTED", "FAULT"), 90.0, "the end")
        after, over = look(shown.pid), SystemClock().monotonic()
        if ended.state != "TERMINATED":
            raise Stuck(ended.notice)
        calls = strace.lines() if strace.may else []
    finally:
        strace.end()
    rig.signal("host", signal.SIGTERM)
    out, until = folder / "watched.json", SystemClock().monotonic() + 20.0
    while not out.exists() and SystemClock().monotonic() < until:
        SystemClock().sleep_until(Seconds(SystemClock().monotonic() + 0.1))
    inside = [event for event in json.loads(out.read_text()) if begun < event[0] < over]
    return Watched(ended, before, after, inside, calls)


def tried() -> Watched:
    """Again, at most twice, where the machine was taken away; no bound is loosened."""
    for attempt in range(TRIES):
        with TemporaryDirectory(prefix="kerma-") as name:
            folder = Path(name)
            setting = lay_out(folder, folder / "records", "monitor", free_port())
            text = setting.rig_file.read_text()
            assert text.count("tick_hz = 100\n") == 1
            # strace takes longer over a call than the call: a tick of 20 ms has room for it
            setting.rig_file.write_text(text.replace("tick_hz = 100\n", "tick_hz = 50\n"))
            rig = real_rig(setting)
            rig.environment = {"PYTHONPATH": str(WATCHES), "KERMA_WATCHED": str(folder / "watched.json")}
            try:
                return watched(rig, folder)
            except Stuck:
                if attempt + 1 == TRIES or rig.stolen_s() < STOLEN_S:
                    raise
            finally:
                rig.close()
                clear(folder)
    raise AssertionError("not reached")


@pytest.mark.realtime
@pytest.mark.timeout(240)
def test_from_ready_to_the_end_it_only_waits_and_talks() -> None:
    """No disk, no logging, no allocation that grows, no import and no compilation, no collection, one thread."""
    seen = tried()
    judged_from_inside(seen.inside)
    judged_from_outside(seen.before, seen.after)
    if seen.calls:
        judged_by_calls(seen.calls)


def judged_from_inside(events: list[Any]) -> None:
    """An audit event of Python's own for each file opened, module imported, code compiled or executed, process begun; and each collection."""
    seen = Counter(name for _, name, what in events if not (name == "open" and IN_STATEMENT.search(what)))
    assert not seen, seen


def judged_from_outside(before: Looked, after: Looked) -> None:
    """Pages are there, no byte went to a disk, nothing grew."""
    assert after.threads == before.threads == 1
    assert after.major == before.major
    assert after.minor - before.minor <= FAULTS_MOST, (before, after)
    assert after.written_b == before.written_b
    assert after.data_kib == before.data_kib
    assert after.resident_kib - before.resident_kib <= 4 * FAULTS_MOST


def judged_by_calls(lines: list[str]) -> None:
    """Every system call is one of those that a tick needs; a file is only opened for a new statement."""
    calls: Counter[str] = Counter()
    statement = False
    for line in lines:
        found = re.match(r"(?:\d+\s+)?(\w+)\((.*)", line)
        if found is None:
            continue
        name, rest = found.groups()
        if name == "openat":
            statement = '/statement"' in rest
        if name in STATEMENT and statement and "/statement" in rest:
            continue
        calls[name] += 1
    assert calls["clock_nanosleep"] > 100 and calls["newfstatat"] > 100, calls
    assert not set(calls) - set(CALLS), calls


def test_what_may_not_be_is_seen() -> None:
    """An import, a file of the disk, a collection, a byte written, a call that a tick does not need."""
    for event in ([1.0, "import", "json"], [1.0, "open", "('/var/log/x', 'a', 1)"], [1.0, "gc start", ""]):
        with pytest.raises(AssertionError):
            judged_from_inside([event])
    judged_from_inside([[1.0, "open", "('/dev/shm/kerma-0/demo/1/statement', 'r', 524288)"]])
    still = Looked(100, 0, 1, 1000, 1000, 0)
    judged_from_outside(still, still)
    for grown in (
        replace(still, minor=900),
        replace(still, threads=2),
        replace(still, written_b=4096),
        replace(still, data_kib=1132),
    ):
        with pytest.raises(AssertionError):
            judged_from_outside(still, grown)
    ticks = ["clock_nanosleep(1, 1, 0, 0) = 0", 'newfstatat(-100, "/dev/shm/a/statement", 0, 0) = 0'] * 200
    judged_by_calls(
        [
            *ticks,
            'openat(-100, "/dev/shm/a/statement", 0) = 9</dev/shm/a/statement>',
            "fstat(9</dev/shm/a/statement>, 0) = 0",
        ]
    )
    for call in (
        "fsync(5</var/x>) = 0",
        "mmap(NULL, 262144) = 0",
        'openat(-100, "/etc/hosts", 0) = 3',
        "clone3(0) = 7",
    ):
        with pytest.raises(AssertionError):
            judged_by_calls([*ticks, call])
