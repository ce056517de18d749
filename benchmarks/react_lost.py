"""`python -m benchmarks.react_lost`: where a reaction at 1 kHz loses time: what the kernel counts, and cyclictest's worst in the same window.
It turns the pairs of benchmarks/react_rows.py and gives no figure of its own: cyclictest beside it makes every reaction a little longer."""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.process_rows import cyclictest
from benchmarks.react_host import hold
from benchmarks.react_rows import RATES, TICKS, TRANSACTION_S, Pair, build

TICK_HZ: Final = 1000
CYCLIC_S: Final = 0.7
"""As long as a window takes, or a little longer."""
ALLOWED_MS: Final = 1000.0 * (TICKS / TICK_HZ + 2.0 * TRANSACTION_S)
JIFFY_MS: Final = 1000.0 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Counted:
    """What the kernel has counted so far: of two processes, and of the machine what its host took."""

    faults: int
    waited_ms: float
    switched: int
    stolen_ms: float


@dataclass(frozen=True)
class Looked:
    """One window: whose, its reactions, what was counted in it, and cyclictest's worst on the host's and the device's CPU."""

    name: str
    ms: tuple[float, ...]
    counted: Counted
    host_cpu_us: float
    device_cpu_us: float

    @property
    def over(self) -> int:
        return sum(one > ALLOWED_MS for one in self.ms)


def counted(pids: tuple[int, ...]) -> Counted:
    """Page faults; time that they could have run and did not; times that they were put off the CPU; time that the host of this virtual machine had the CPUs."""
    faults = switched = waited_ns = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        faults += int(fields[7]) + int(fields[9])
        waited_ns += int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("nonvoluntary_ctxt_switches"):
                switched += int(line.split()[1])
    stolen = int(Path("/proc/stat").read_text().splitlines()[0].split()[8])
    return Counted(faults, 1e-6 * waited_ns, switched, JIFFY_MS * stolen)


def looked(name: str, pair: Pair, count: int, cpus: list[int]) -> Looked:
    """One window of this host, cyclictest on both CPUs at the same time."""
    with ThreadPoolExecutor(2) as pool:
        worst = [pool.submit(cyclictest, cpu, CYCLIC_S) for cpu in (cpus[-1], cpus[0])]
        before = counted(pair.pids)
        ms = pair.window(count)
        after = counted(pair.pids)
        host_us, device_us = (max(one.result(), default=0.0) for one in worst)
    between = Counted(
        after.faults - before.faults,
        after.waited_ms - before.waited_ms,
        after.switched - before.switched,
        after.stolen_ms - before.stolen_ms,
    )
    return Looked(name, tuple(ms), between, host_us, device_us)


def measure(windows: int, console: Console) -> list[Looked]:
    """Kerma's host and the one in C by turns."""
    build()
    cpus, (_, count) = sorted(os.sched_getaffinity(0)), RATES[TICK_HZ]
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        held, blocks = hold(folder)
        (folder / "blocks").write_bytes(blocks)
        (folder / "held").write_bytes(pickle.dumps(held))
        pairs = {
            "Kerma": Pair(stack, TICK_HZ, cpus, folder / "blocks", folder / "held"),
            "C": Pair(stack, TICK_HZ, cpus, folder / "blocks", None),
        }
        for who, pair in pairs.items():
            slack = [Path(f"/proc/{pid}/timerslack_ns").read_text().strip() for pid in pair.pids]
            console.print(f"timer slack of {who}'s host and of its device: {' and '.join(slack)} ns", highlight=False)
        return [
            looked(who, pair, count, cpus)
            for _ in track(range(windows), "windows", console=console)
            for who, pair in pairs.items()
        ]


def table(found: list[Looked]) -> Table:
    """For people, the longest reaction first."""
    shown = Table(
        title_justify="left",
        title=f"Reactions at {TICK_HZ} Hz by window, the longest first; {ALLOWED_MS:.1f} ms are allowed",
    )
    heads = (
        *("host", "longest, ms", "over", "cyclictest's worst there, us", "on the device's CPU, us"),
        *("stolen, ms", "waited, ms", "put off", "page faults"),
    )
    for head in heads:
        shown.add_column(head, justify="left" if head == "host" else "right")
    for one in sorted(found, key=lambda one: -max(one.ms)):
        c = one.counted
        shown.add_row(
            *(one.name, f"{max(one.ms):.2f}", str(one.over), f"{one.host_cpu_us:.0f}", f"{one.device_cpu_us:.0f}"),
            *(f"{c.stolen_ms:.0f}", f"{c.waited_ms:.2f}", str(c.switched), str(c.faults)),
        )
    return shown


def main(arguments: list[str]) -> int:
    """Measure and show; it judges nothing."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.react_lost", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--windows", type=int, default=18, help="of each host, 120 doors each")
    chosen, console = parser.parse_args(arguments), Console()
    found = measure(chosen.windows, console)
    console.print(table(found))
    for who in ("Kerma", "C"):
        mine = [one for one in found if one.name == who]
        console.print(
            f"{who}: {sum(one.over for one in mine)} of {sum(len(one.ms) for one in mine)} reactions over {ALLOWED_MS:.1f} ms",
            highlight=False,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
