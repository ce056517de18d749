"""The rows that need the real process: wake-up lateness beside cyclictest and under load, a tick's work and record, the start, and memory.
It starts rigs and other programs, each ended by its own id; times inside the process come from benchmarks/timed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import flood
from benchmarks.load import NICE
from benchmarks.process_rig import TRIES, Timed, late_us, process_rig
from benchmarks.table import Figure, quantile
from benchmarks.wire_contest import ROOT
from controller.states import State
from hal.clock import SystemClock
from hal.units import Seconds
from verification.hands import Stuck

CYCLIC_PRIORITY: Final = 90
CYCLIC_WARM_S: Final = 0.2
HISTOGRAM_US: Final = 60_000
WAKE_S: Final = 2.0
LOAD_S: Final = 1.5
PARTS: Final = ((0.5, "median", 1.3), (0.99, "99 %", 1.3), (0.999, "99.9 %", 1.5))
STOLEN_S: Final = 0.015
FRACTIONS: Final = 6
LATE: Final = "ticks in a row were late"
LOADED: Final = "the same with the console under load and the disk busy: 99 %"
RX_MGY: Final = {100: 900.0, 1000: 500.0}
"""Beam for nine windows: about 20 s at 100 Hz, 11 s at 1 kHz."""
SHARES: Final = {1000: (0.25, 0.60), 100: (0.08, None)}
"""Of a tick: what its work may be at the median, and for 99 of 100."""


def cyclictest(cpu: int, seconds: float) -> list[float]:
    """Lateness in us of Debian's cyclictest at 1 kHz on this CPU, as many values as its histogram counts."""
    command = [
        "cyclictest", "--quiet", "--mlockall", f"--priority={CYCLIC_PRIORITY}", "--threads=1", f"--affinity={cpu}", "--interval=1000",
        f"--histogram={HISTOGRAM_US}", f"--loops={round(1000 * seconds)}",
    ]  # fmt: skip
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError) as why:
        raise SystemExit(f"cyclictest did not run ({why}); first: make bench-tools, and be root") from None
    values: list[float] = []
    for line in said.splitlines():
        found = re.fullmatch(r"(\d+)\s+(\d+)\s*", line)
        if found is not None:
            values.extend([float(found[1])] * int(found[2]))
    overflows = re.search(r"# Histogram Overflows: (\d+)", said)
    values.extend([float(HISTOGRAM_US)] * (int(overflows[1]) if overflows is not None else 0))
    return values


def wake(windows: int) -> list[Figure]:
    """Window by window: cyclictest and the real loop on the same CPU at the same time, both at 1 kHz, the loop in STANDBY."""
    cpu = sorted(os.sched_getaffinity(0))[-1]
    pairs = []
    with process_rig(1000, cpu) as rig:
        reader = rig.lateness()
        late_us(reader, 0.0, 0.0)
        for _ in range(windows):
            begun = SystemClock().monotonic()
            theirs = cyclictest(cpu, WAKE_S)
            pairs.append((late_us(reader, begun + CYCLIC_WARM_S, SystemClock().monotonic()), theirs))
    out = []
    for part, name, bound in PARTS:
        ours = [quantile(mine, part) for mine, _ in pairs]
        theirs = [quantile(other, part) for _, other in pairs]
        out.append(
            Figure(
                f"wake-up lateness, 1 kHz: {name}",
                f"at most {bound}x of cyclictest",
                tuple(a / max(1.0, b) for a, b in zip(ours, theirs, strict=True)),
                bound,
                f"{median(ours):.0f} against {median(theirs):.0f} us; worst window {max(ours):.0f} against {max(theirs):.0f} us",
                "x",
            )
        )
    return out


@contextmanager
def loaded(port: int) -> Iterator[Callable[[], float]]:
    """The console flooded and the disk busy; what is yielded ends the flood and says how many requests a second were answered."""
    with TemporaryDirectory(dir=ROOT / "var") as folder, ExitStack() as stack:
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.load", folder], cwd=ROOT)
        stack.callback(process.wait)
        stack.callback(process.kill)
        ended = stack.enter_context(flood.flood(port, True, NICE))
        begun_s = SystemClock().monotonic()
        SystemClock().sleep_until(Seconds(begun_s + 0.7))
        yield lambda: ended() / (SystemClock().monotonic() - begun_s)


def asked(port: int, window: Callable[[], tuple[float, float]]) -> tuple[tuple[float, float], float]:
    """One window under load, and how many requests a second the console answered; one in which it answered none was no load, and is made again."""
    for _ in range(TRIES):
        with loaded(port) as ended:
            busy, per_s = window(), ended()
        if per_s > 0.0:
            return busy, per_s
    raise SystemExit(
        f"the console answered no request in {TRIES} windows, so nothing loaded it; first: leave the machine alone"
    )


def load(windows: int) -> list[Figure]:
    """The same loop by turns quiet, beside a console that nobody asks, and beside the same console flooded and a busy disk; and cyclictest, which does no
    work, at the same time."""
    cpu = sorted(os.sched_getaffinity(0))[-1]
    ours, theirs, answered = [], [], []
    (ROOT / "var").mkdir(exist_ok=True)
    with process_rig(1000, cpu, network=True) as rig, flood.console(rig, NICE) as port:
        reader = rig.lateness()
        late_us(reader, 0.0, 0.0)

        def window() -> tuple[float, float]:
            begun = SystemClock().monotonic()
            other = cyclictest(cpu, LOAD_S)
            mine = late_us(reader, begun + CYCLIC_WARM_S, SystemClock().monotonic())
            return quantile(mine, 0.99), quantile(other, 0.99)

        for _ in range(windows):
            quiet = window()
            busy, per_s = asked(port, window)
            answered.append(per_s)
            ours.append((quiet[0], busy[0]))
            theirs.append((quiet[1], busy[1]))

    def figure(name: str, goal: str, bound: float | None, pairs: list[tuple[float, float]], and_: str = "") -> Figure:
        quiet_us, busy_us = (median(column) for column in zip(*pairs, strict=True))
        times = tuple(busy / max(1.0, quiet) for quiet, busy in pairs)
        return Figure(name, goal, times, bound, f"{busy_us:.0f} against {quiet_us:.0f} us{and_}", "x")

    return [
        figure(
            LOADED,
            "at most 1.3x of quiet",
            1.3,
            ours,
            f"; kerma console answered {median(answered):.0f} requests a second, at least {min(answered):.0f}",
        ),
        figure("cyclictest under the same load, at the same time: 99 %", "printed", None, theirs),
    ]


def fraction(tick_hz: int) -> tuple[list[Timed], int]:
    """Every tick of one fraction on the real process, and how many were ended before it because ticks were late: on a machine that others share
    three of a millisecond may be late in a row, and then it is the product's part to end the beam."""
    for attempt in range(FRACTIONS):
        with process_rig(tick_hz) as rig:
            try:
                rig.ready(RX_MGY[tick_hz])
                rig.beam()
                return rig.ended()[1], attempt
            except Stuck as stuck:
                if attempt + 1 == FRACTIONS or (LATE not in str(stuck) and rig.rig.stolen_s() < STOLEN_S):
                    raise SystemExit(
                        f"{attempt + 1} fractions at {tick_hz} Hz did not come to their end: {stuck}"
                    ) from None
    raise AssertionError("not reached")


def ticks(windows: int) -> list[Figure]:
    """The work of every tick of beam without the wire's calls and the wait for a reply, and of its record, at 1 kHz and 100 Hz."""
    out = []
    for tick_hz, (most, most_99) in SHARES.items():
        seen, before = fraction(tick_hz)
        beam = [tick for tick in seen if tick.state is State.IRRADIATING]
        size = len(beam) // windows
        cut = [beam[at * size : (at + 1) * size] for at in range(windows)]
        share = tick_hz * 1e-4
        whole = median(1e-3 * (tick.took_ns - tick.slot_ns) for tick in beam)
        works = [[tick.work_us for tick in window] for window in cut]
        beside = f"{median(map(median, works)):.0f} us; with the wire's calls {whole:.0f} us; windows of {size} ticks of beam"
        beside += f"; {before} fractions before it were ended for late ticks" if before else ""
        name = f"tick work without the wire's calls, {tick_hz} Hz"
        tick_ms = 1000 / tick_hz
        out.append(
            Figure(
                f"{name}: median",
                f"at most {100 * most:.0f} % of {tick_ms:g} ms",
                tuple(share * median(work) for work in works),
                100 * most,
                beside,
                "%",
            )
        )
        if most_99 is not None:
            tails = tuple(share * quantile(work, 0.99) for work in works)
            out.append(
                Figure(
                    f"{name}: 99 %", f"at most {100 * most_99:.0f} % of {tick_ms:g} ms", tails, 100 * most_99, "", "%"
                )
            )
        puts = tuple(median(1e-3 * tick.put_ns for tick in window) for window in cut)
        out.append(
            Figure(f"ring record in the paced loop, {tick_hz} Hz: median", "at most 15 us", puts, 15.0, "", "us")
        )
    return out


def start(windows: int) -> list[Figure]:
    """A warm start each: from the first line of the real-time process to its first tick, SELF_TEST with every dry run, the first tick after READY."""
    firsts, tests, readies = [], [], []
    for _ in range(windows):
        for attempt in range(TRIES):
            with process_rig(100) as rig:
                try:
                    rig.ready(200.0)
                    rig.rig.wait(0.1)
                    begun_ns, seen = rig.ended()
                    break
                except Stuck as stuck:
                    if attempt + 1 == TRIES:
                        raise SystemExit(f"a start did not come to READY: {stuck}") from None
        first = seen[0]
        standby = next(tick for tick in seen if tick.state is State.STANDBY)
        ready = [tick for tick in seen if tick.state is State.READY]
        firsts.append(1e-9 * (first.at_ns - begun_ns))
        tests.append(1e-9 * (standby.at_ns - first.at_ns))
        readies.append(1e-3 * ready[1].work_us)
    return [
        Figure("process start, warm: first tick", "at most 1.5 s", tuple(firsts), 1.5, "from its first line, after the interpreter's own start", "s"),
        Figure("SELF_TEST with all dry runs", "at most 6 s", tuple(tests), 6.0, "simulated rig, 100 Hz", "s"),
        Figure("first tick after READY", "at most 1 ms work", tuple(readies), 1.0, "without the wire's calls", "ms"),
    ]  # fmt: skip


KINDS: Final = (
    ("rings on tmpfs", re.compile(r"/dev/shm/")),
    ("numba and LLVM", re.compile(r"llvm|numba")),
    ("numpy and BLAS", re.compile(r"numpy|openblas", re.IGNORECASE)),
    ("other libraries and Python itself", re.compile(r"\.so|/python3")),
    ("memory of its own", re.compile(r"^$|\[heap\]|\[stack\]")),
)


def resident_mib(pid: int) -> dict[str, float]:
    """What holds its resident memory, from /proc/PID/smaps."""
    held = dict.fromkeys((name for name, _ in KINDS), 0.0) | {"other": 0.0}
    kind = "other"
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)", line)
        if head is not None:
            kind = next((name for name, pattern in KINDS if pattern.search(head[1])), "other")
        elif line.startswith("Rss:"):
            held[kind] += int(line.split()[1]) / 1024
    return held


def memory(windows: int) -> list[Figure]:
    """The resident memory of the process in STANDBY, twice a window apart; what holds it."""
    with process_rig(100) as rig:
        pid = rig.pid()
        totals = []
        held = resident_mib(pid)
        for _ in range(windows):
            totals.append(sum(resident_mib(pid).values()))
            rig.rig.wait(0.5)
    words = ", ".join(f"{name} {mib:.0f}" for name, mib in held.items() if mib >= 0.5)
    return [
        Figure("memory of the real-time process, resident", "printed; growth: make soak", tuple(totals), None, words, "MiB"),
    ]  # fmt: skip
