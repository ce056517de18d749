"""What the real-time process does from READY to the end of its beam, watched from inside and outside: it waits, talks to its wires and its desk, no more.
An audit hook and the collector's callbacks look from inside, strace and /proc from outside; where strace may not look the test says so."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from watched_descriptors import CALLS, OPEN, Names, judged_by_calls, judged_by_what_is_open, what_is_open

from controller.requests import Confirm, Load, Snapshot
from hal.clock import SystemClock
from hal.units import Seconds
from verification.hands import Stuck
from verification.real import RealRig
from verification.setting import Setting, clear, free_port, lay_out, prescribed, real_rig

RX_MGY: Final = 200.0
"""About 4 s of beam."""
STOLEN_S: Final = 0.015
TRIES: Final = 3
WATCHES: Final = Path(__file__).parent / "watched"
"""Its sitecustomize.py is imported before the first line of the real-time process."""
IN_STATEMENT: Final = re.compile(r"^\('/dev/shm/[^']*/statement', 'r'")
MUST: Final = "KERMA_STRACE"
"""Set to `must` where strace is known to be there and allowed (.ci/run): then a test in which it did not look has failed."""
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
    """strace on a running process, with what stands behind each descriptor, and no contents; `cannot` says why it does not look, if it does not."""

    def __init__(self, pid: int, out: Path) -> None:
        self._out, self._said = out, out.with_suffix(".said")
        self._process: subprocess.Popen[bytes] | None = None
        if shutil.which("strace") is None:
            return
        command = ["strace", "-f", "-yy", "-s", "0", "-o", str(out), "-p", str(pid)]
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=said)
        with contextlib.suppress(OSError):
            # above the process that it looks at, or that one waits for it
            os.sched_setscheduler(self._process.pid, os.SCHED_FIFO, os.sched_param(95))

    @property
    def cannot(self) -> str:
        if self._process is None:
            return "it is not installed; first: tools/install.sh strace"
        if self._process.poll() is None:
            return ""
        return " ".join(self._said.read_text(errors="replace").split()) or f"it ended with {self._process.returncode}"

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
    """What one fraction showed between two looks; `unseen` says why strace saw no call, if it did not."""

    ended: Snapshot
    names: Names
    before: Looked
    after: Looked
    open_before: dict[int, tuple[str, int]]
    open_after: dict[int, tuple[str, int]]
    inside: list[Any]
    calls: list[str]
    unseen: str


def names_of(setting: Setting, port: int) -> Names:
    """Of a rig that has started: its terminal has a number now."""
    tty = os.path.realpath(tomllib.loads(setting.rig_file.read_text())["generator"]["link"].removeprefix("pty:"))
    return Names(tty, port, str(setting.desk), str(setting.stop), str(setting.shm), str(setting.folder / "run.log"))


def watched(rig: RealRig, setting: Setting, port: int) -> Watched:
    """One fraction. Stuck where the rig does not go where it should."""
    folder = setting.folder
    rig.start()
    to_ready(rig)
    names = names_of(setting, port)
    shown = rig.snapshot()
    assert shown is not None
    strace = Strace(shown.pid, folder / "strace")
    try:
        rig.wait(0.5)
        begun, open_before, before = SystemClock().monotonic(), what_is_open(shown.pid), look(shown.pid)
        rig.press()
        ended = rig.until(lambda s: s.state in ("TERMINATED", "INTERRUPTED", "FAULT"), 90.0, "the end")
        after, open_after, over = look(shown.pid), what_is_open(shown.pid), SystemClock().monotonic()
        if ended.state != "TERMINATED":
            raise Stuck(ended.notice)
        unseen = strace.cannot
        calls = [] if unseen else strace.lines()
    finally:
        strace.end()
    rig.signal("host", signal.SIGTERM)
    out, until = folder / "watched.json", SystemClock().monotonic() + 20.0
    while not out.exists() and SystemClock().monotonic() < until:
        SystemClock().sleep_until(Seconds(SystemClock().monotonic() + 0.1))
    inside = [event for event in json.loads(out.read_text()) if begun < event[0] < over]
    return Watched(ended, names, before, after, open_before, open_after, inside, calls, unseen)


def tried() -> Watched:
    """Again, at most twice, where the machine was taken away; no bound is loosened."""
    for attempt in range(TRIES):
        with TemporaryDirectory(prefix="kerma-") as name:
            folder = Path(name)
            port = free_port()
            setting = lay_out(folder, folder / "records", "monitor", port)
            text = setting.rig_file.read_text()
            assert text.count("tick_hz = 100\n") == 1
            # strace takes longer over a call than the call: a tick of 20 ms has room for it
            setting.rig_file.write_text(text.replace("tick_hz = 100\n", "tick_hz = 50\n"))
            rig = real_rig(setting)
            rig.environment = {"PYTHONPATH": str(WATCHES), "KERMA_WATCHED": str(folder / "watched.json")}
            try:
                return watched(rig, setting, port)
            except Stuck:
                if attempt + 1 == TRIES or rig.stolen_s() < STOLEN_S:
                    raise
            finally:
                rig.close()
                clear(folder)
    raise AssertionError("not reached")


@pytest.mark.realtime
@pytest.mark.timeout(240)
def test_from_ready_to_the_end_it_only_waits_and_talks(capsys: pytest.CaptureFixture[str]) -> None:
    """No disk, no logging, no allocation that grows, no import and no compilation, no collection, one thread; says which way it looked."""
    seen = tried()
    judged_from_inside(seen.inside)
    judged_from_outside(seen.before, seen.after)
    judged_by_what_is_open(seen.open_before, seen.open_after, seen.names)
    looked = f"a fraction watched by audit hook, collector, /proc and {len(seen.open_before)} descriptors"
    if seen.unseen:
        said = f"{looked}; NOT by strace, so no call of compiled code was seen: {seen.unseen}"
    else:
        calls = judged_by_calls(seen.calls, seen.names)
        said = f"{looked}; strace saw {calls.total()} calls, of {len(calls)} kinds of the {len(CALLS)} that may be"
    with capsys.disabled():
        print(f"\n{said}")
    assert not (seen.unseen and os.environ.get(MUST) == "must"), said


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


NAMES: Final = Names("/dev/pts/3", 15020, "/x/desk.sock", "/x/stop.sock", "/dev/shm/kerma-0/x", "/x/run.log")
ROOM: Final = "/dev/shm/kerma-0/x/e94f6ec4c7f590b3"
TTY: Final = "11</dev/pts/3<char 136:3>>"
UNIT: Final = "9<TCP:[127.0.0.1:56696->127.0.0.1:15020]>"
STATEMENT: Final = f'newfstatat(AT_FDCWD</x>, "{ROOM}/statement", {{st_mode=S_IFREG|0644, ...}}, 0) = 0'


def test_a_call_is_judged_by_what_it_is_made_upon() -> None:
    """Each call of the table is let by upon what it may be, and refused upon anything else, by whatever name; so is a line that is not understood."""
    tick = ["5 clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=8}, NULL) = 0", STATEMENT]
    tick += [f'5 write({TTY}, ""..., 6) = 6', f'5 sendto({UNIT}, ""..., 33, 0, NULL, 0) = 33']
    may = [
        f"pselect6(10, [{UNIT}], NULL, NULL, {{tv_nsec=2000000}}, NULL) = 1 (in [9], left {{tv_nsec=1998367}})",
        f'pread64(16<{ROOM}/ack>, ""..., 64, 0) = 64',
        'accept4(5<UNIX:[12,"/x/desk.sock"]>, 0x7ffe, [110], SOCK_CLOEXEC) = -1 EAGAIN (Resource unavailable)',
        'sendto(17<UNIX:[12->13,"/x/desk.sock"]>, ""..., 900, 0, NULL, 0) = 900',
        f'openat(AT_FDCWD</x>, "{ROOM}/statement", O_RDONLY|O_CLOEXEC) = 18<{ROOM}/statement>',
        f'read(18<{ROOM}/statement>, ""..., 600) = 574',
        f"close(18<{ROOM}/statement>) = 0",
        "--- SIGCHLD {si_signo=SIGCHLD} ---",
        "5 clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=8},  <detached ...>",
    ]
    assert judged_by_calls([*tick * 200, *may], NAMES).total() == 200 * 4 + 8
    for call in (
        "fsync(5</var/x>) = 0",
        "mmap(NULL, 262144, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f",
        'openat(AT_FDCWD</x>, "/etc/hosts", O_RDONLY) = 3</etc/hosts>',
        "clone3({flags=CLONE_VM}, 88) = 0",
        'write(1</x/run.log>, ""..., 6) = 6',
        'write(20</x/records/journal/000001>, ""..., 6) = 6',
        f'write(18<{ROOM}/statement>, ""..., 6) = 6',
        f'write(7<{ROOM}/ring.new (deleted)>, ""..., 6) = 6',
        'write(6</dev/cpu_dma_latency<char 10:124>>, ""..., 4) = 4',
        'write(11</dev/pts/4<char 136:4>>, ""..., 6) = 6',
        'sendto(9<TCP:[127.0.0.1:56696->127.0.0.1:514]>, ""..., 33, 0, NULL, 0) = 33',
        'sendto(9<UNIX:[12->13,"/dev/log"]>, ""..., 33, 0, NULL, 0) = 33',
        'read(20</x/rig.toml>, ""..., 6) = 6',
        f'openat(AT_FDCWD</x>, "{ROOM}/statement.new", O_RDONLY) = 3',
        'write(5, ""..., 6) = 6',
        "strace: it lost its way",
    ):
        with pytest.raises(AssertionError):
            judged_by_calls([*tick * 200, call], NAMES)
    for missing in range(4):
        with pytest.raises(AssertionError):
            judged_by_calls((tick[:missing] + tick[missing + 1 :]) * 200, NAMES)


def test_what_is_open_is_judged_by_what_it_is() -> None:
    """A file of the disk, a foreign socket; one that is opened or closed, and one in which something was written."""
    sound = {0: ("/dev/null", 0), 1: ("/x/run.log", 1026), 9: ("TCP:[127.0.0.1:5->127.0.0.1:15020]", 0)}
    judged_by_what_is_open(sound, dict(sound), NAMES)
    for strange in (
        "/x/records/journal/000001",
        "TCP:[127.0.0.1:5->127.0.0.1:514]",
        'UNIX:[5,""]',
        "anon_inode:[eventpoll]",
    ):
        odd = sound | {12: (strange, 0)}
        with pytest.raises(AssertionError):
            judged_by_what_is_open(odd, odd, NAMES)
    for after in (sound | {12: ("/dev/null", 0)}, {0: sound[0], 1: sound[1]}, sound | {1: ("/x/run.log", 1027)}):
        with pytest.raises(AssertionError):
            judged_by_what_is_open(sound, after, NAMES)
    assert {NAMES.kind(what) for what, _ in sound.values()} <= set(OPEN)


def test_strace_that_cannot_look_says_why(tmp_path: Path) -> None:
    """On a process that is not there it ends, and its own words are the reason; where it is not installed, that is."""
    if shutil.which("strace") is None:
        assert "tools/install.sh strace" in Strace(1, tmp_path / "strace").cannot
        return
    gone = subprocess.Popen(["true"])
    gone.wait()
    strace = Strace(gone.pid, tmp_path / "strace")
    assert strace._process is not None
    strace._process.wait(20.0)
    assert "No such process" in strace.cannot
