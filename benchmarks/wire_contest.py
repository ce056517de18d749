"""The contest: one slave per wire, every contestant a process of its own, windows in turn so that each meets the same machine.
It knows who takes part and gathers times in ns; what they mean is for benchmarks/wire_page.py."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "benchmarks" / "c"
BUILT: Final = ROOT / "var" / "bench"
PROGRAMS: Final = {
    "modbus_slave": ("-lmodbus",),
    "modbus_master": ("-lmodbus",),
    "comma_slave": (),
    "comma_master": (),
}
"""Each program in C, one source of the same name, and what it is linked with."""
FLAGS: Final = ("-O2", "-Wall", "-Wextra")
WARM: Final = 50
COUNT: Final = 500
SLOW_PART: Final = 10
"""A contestant that sleeps milliseconds gets a tenth of the transactions, so that the windows of all stay close together in time."""
WINDOW_MOST_S: Final = 60.0


@dataclass(frozen=True)
class Contestant:
    """Who reads what: `wire` is one of WIRES; `program` is one in C with its arguments before the link, or empty for a name of benchmarks/wire_masters.py."""

    name: str
    wire: str
    words: str
    program: tuple[str, ...] = ()
    slow: bool = False


CONTESTANTS: Final = (
    Contestant("libmodbus-rtu", "rtu", "libmodbus (C)", ("modbus_master", "rtu")),
    Contestant("kerma-rtu", "rtu", "Kerma"),
    Contestant("pymodbus-async-rtu", "rtu", "pymodbus, async client"),
    Contestant("pymodbus-sync-rtu", "rtu", "pymodbus, sync client", slow=True),
    Contestant("libmodbus-tcp", "tcp", "libmodbus (C)", ("modbus_master", "tcp")),
    Contestant("kerma-tcp", "tcp", "Kerma"),
    Contestant("pymodbus-async-tcp", "tcp", "pymodbus, async client"),
    Contestant("pymodbus-sync-tcp", "tcp", "pymodbus, sync client"),
    Contestant("c-comma", "comma", "write, poll, read (C)", ("comma_master",)),
    Contestant("kerma-comma", "comma", "Kerma"),
)
WIRES: Final = {
    "rtu": "Modbus RTU, 20 registers, pty",
    "tcp": "Modbus TCP, 20 registers, loopback",
    "comma": "Spellman XRV, command 22, pty",
}
SLAVES: Final = {"rtu": ("modbus_slave", "rtu"), "tcp": ("modbus_slave", "tcp"), "comma": ("comma_slave",)}


@dataclass(frozen=True)
class Place:
    """Where slave and master compute."""

    name: str
    words: str
    slave_cpu: int
    master_cpu: int


@dataclass(frozen=True)
class Noise:
    """What else the machine did meanwhile: parts of all CPU time, and the load before and after."""

    others_part: float
    stolen_part: float
    load_before: float
    load_after: float


Windows = Mapping[str, list[list[int]]]
"""By contestant: each window's times in ns."""


def places() -> tuple[Place, ...]:
    """Both ways to lay two processes on a machine: as far apart as host and device, or so that no CPU has to be woken, where C is at its fastest."""
    cpus = sorted(os.sched_getaffinity(0))
    together = Place("together", f"both on CPU {cpus[-1]}", cpus[-1], cpus[-1])
    if len(cpus) < 2:
        return (together,)
    return (Place("apart", f"slave on CPU {cpus[0]}, master on CPU {cpus[-1]}", cpus[0], cpus[-1]), together)


def build() -> None:
    """Compile the programs in C into var/bench; SystemExit says what is missing."""
    BUILT.mkdir(parents=True, exist_ok=True)
    for name, libraries in PROGRAMS.items():
        command = ["gcc", *FLAGS, "-o", str(BUILT / name), str(SOURCES / f"{name}.c"), *libraries]
        try:
            subprocess.run(command, check=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as why:
            raise SystemExit(f"{name}.c was not compiled ({why}); first: make bench-tools") from None


def contest(place: Place, windows: int, scale: float = 1.0) -> tuple[Windows, Noise]:
    """`windows` rounds; each round begins with the next contestant. `scale` shortens the windows."""
    taken: dict[str, list[list[int]]] = {one.name: [] for one in CONTESTANTS}
    with _running(place) as (masters, processes):
        load, busy = os.getloadavg()[0], _cpu(processes)
        for turn in range(windows):
            first = turn % len(CONTESTANTS)
            for one in (*CONTESTANTS[first:], *CONTESTANTS[:first]):
                part = scale / SLOW_PART if one.slow else scale
                count = max(5, round(COUNT * part))
                taken[one.name].append(_window(one, masters[one.name], max(2, round(WARM * part)), count))
        noise = _noise(busy, _cpu(processes), load)
    return taken, noise


def _window(one: Contestant, master: subprocess.Popen[str], warm: int, count: int) -> list[int]:
    assert master.stdin is not None and master.stdout is not None
    with suppress(BrokenPipeError):  # it has ended: said below, and by itself on stderr
        master.stdin.write(f"{warm} {count}\n")
        master.stdin.flush()
    ready, _, _ = select.select([master.stdout], [], [], WINDOW_MOST_S)
    line = master.stdout.readline() if ready else ""
    times = [int(word) for word in line.split()]
    if len(times) != count:
        raise SystemExit(f"{one.name}: {len(times)} of {count} transactions within {WINDOW_MOST_S:g} s; see above")
    return times


@contextmanager
def _running(place: Place) -> Iterator[tuple[dict[str, subprocess.Popen[str]], list[subprocess.Popen[str]]]]:
    processes: list[subprocess.Popen[str]] = []

    def start(command: tuple[str, ...], cpu: int) -> subprocess.Popen[str]:
        made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        processes.append(made)
        os.sched_setaffinity(made.pid, {cpu})
        return made

    try:
        ends: dict[str, str] = {}
        for wire, (program, *arguments) in SLAVES.items():
            slave = start((str(BUILT / program), *arguments), place.slave_cpu)
            assert slave.stdout is not None
            ends[wire] = slave.stdout.readline().strip()
            if not ends[wire]:
                raise SystemExit(f"{program} ended before it was ready; see above")
        masters = {one.name: start(_command(one, ends[one.wire]), place.master_cpu) for one in CONTESTANTS}
        yield masters, processes
    finally:
        for process in processes:
            process.kill()
            with suppress(BrokenPipeError):
                process.communicate()


def _command(one: Contestant, end: str) -> tuple[str, ...]:
    if one.program:
        program, *arguments = one.program
        return (str(BUILT / program), *arguments, end)
    link = f"tcp:127.0.0.1:{end}" if one.wire == "tcp" else f"pty:{end}"
    return (sys.executable, "-m", "benchmarks.wire_masters", one.name, link)


def _cpu(processes: list[subprocess.Popen[str]]) -> tuple[int, int, int, int]:
    """Ticks since boot: all, idle, stolen by other machines; and ours: the contest's own."""
    user, nice, system, idle, iowait, irq, softirq, steal = (
        int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    own = 0
    for pid in (os.getpid(), *(process.pid for process in processes)):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own += int(fields[11]) + int(fields[12])
    return user + nice + system + idle + iowait + irq + softirq + steal, idle + iowait, steal, own


def _noise(before: tuple[int, int, int, int], after: tuple[int, int, int, int], load: float) -> Noise:
    total, idle, steal, own = (b - a for a, b in zip(before, after, strict=True))
    others = max(0, total - idle - steal - own)
    return Noise(others / max(1, total), steal / max(1, total), load, os.getloadavg()[0])
