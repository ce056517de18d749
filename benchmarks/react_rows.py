"""The row of the reaction: from the door's bit in a device until the frame that takes the beam off is there, Kerma's host and one in C by turns on one CPU.
Both ask, wait and look in the same way, each with a device of its own in C; times are the devices'."""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.react_host import PRIORITY, hold
from benchmarks.table import Figure, quantile
from benchmarks.wire_contest import BUILT, ROOT, SOURCES
from controller.pace import SLOT_PART, SLOT_S

PROGRAMS: Final = ("react_device", "react_master")
RATES: Final = {100: (1.2, 40), 1000: (1.5, 120)}
"""How far from C, and how many doors a window."""
WARM: Final = 5
TRANSACTION_S: Final = 0.0002
"""One transaction with the device in C on the other CPU, generously: two of them are allowed beside the ticks."""
TICKS: Final = 1.2
MOST_S: Final = 60.0


class Pair:
    """A host and its device; stopped while it is not its turn, so that hosts do not meet on their CPU."""

    def __init__(self, stack: ExitStack, tick_hz: int, cpus: list[int], blocks: Path, held: Path | None) -> None:
        self._stack = stack
        period_us = 1_000_000 // tick_hz
        self._device = self._start((str(BUILT / "react_device"), str(blocks), str(period_us)))
        os.sched_setaffinity(self._device.pid, {cpus[0]})
        os.sched_setscheduler(self._device.pid, os.SCHED_FIFO, os.sched_param(PRIORITY - 10))
        assert self._device.stdout is not None
        port = self._device.stdout.readline().strip()
        command: tuple[str, ...]
        if held is None:
            slot_us = round(1e6 * min(SLOT_S, SLOT_PART / tick_hz))
            command = (
                str(BUILT / "react_master"), port, str(period_us), str(slot_us), str(cpus[-1]), str(PRIORITY),
            )  # fmt: skip
        else:
            command = (sys.executable, "-m", "benchmarks.react_host", port, str(tick_hz), str(cpus[-1]), str(held))
        self._host = self._start(command)
        self.window(1)
        self._turn(signal.SIGSTOP)

    def _start(self, command: tuple[str, ...]) -> subprocess.Popen[str]:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    @property
    def pids(self) -> tuple[int, int]:
        """Of the host and of its device."""
        return self._host.pid, self._device.pid

    def _turn(self, number: signal.Signals) -> None:
        self._host.send_signal(number)

    def window(self, count: int) -> list[float]:
        """Reactions in ms."""
        self._turn(signal.SIGCONT)
        assert self._device.stdin is not None and self._device.stdout is not None
        self._device.stdin.write(f"{WARM} {count}\n")
        self._device.stdin.flush()
        ready, _, _ = select.select([self._device.stdout], [], [], MOST_S)
        times = [1e-6 * int(word) for word in self._device.stdout.readline().split()] if ready else []
        if len(times) != count:
            raise SystemExit(f"{len(times)} of {count} reactions within {MOST_S:.0f} s; see above")
        self._turn(signal.SIGSTOP)
        return times


def build() -> None:
    """Compile device and host into var/bench; SystemExit says what is missing."""
    BUILT.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-o", str(BUILT / name), str(SOURCES / f"{name}.c")]
        try:
            subprocess.run(command, check=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as why:
            raise SystemExit(f"{name}.c was not compiled ({why}); first: make bench-tools") from None


def react(windows: int) -> list[Figure]:
    """Both hosts at both rates, by turns."""
    build()
    cpus = sorted(os.sched_getaffinity(0))
    out = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        held, blocks = hold(folder)
        (folder / "blocks").write_bytes(blocks)
        (folder / "held").write_bytes(pickle.dumps(held))
        for tick_hz, (bound, count) in RATES.items():
            with ExitStack() as stack:
                kerma = Pair(stack, tick_hz, cpus, folder / "blocks", folder / "held")
                plain = Pair(stack, tick_hz, cpus, folder / "blocks", None)
                pairs = [(kerma.window(count), plain.window(count)) for _ in range(windows)]
            out.extend(figures(tick_hz, bound, pairs))
    return out


def figures(tick_hz: int, bound: float, pairs: list[tuple[list[float], list[float]]]) -> list[Figure]:
    """The ratios to C of the windows' medians and 99 %, and the longest of all against its bound."""
    out = []
    name = f"door's bit to HV-off frame, {tick_hz} Hz"
    for part, words in ((0.5, "median"), (0.99, "99 %")):
        both = [(quantile(ours, part), quantile(theirs, part)) for ours, theirs in pairs]
        ours_ms, theirs_ms = (median(column) for column in zip(*both, strict=True))
        out.append(
            Figure(
                f"{name}: {words}",
                f"at most {bound}x of C",
                tuple(ours / theirs for ours, theirs in both),
                bound,
                f"{ours_ms:.2f} against {theirs_ms:.2f} ms, {len(pairs[0][0])} doors a window",
                "x",
            )
        )
    return [*out, _absolute(name, tick_hz, pairs)]


def _absolute(name: str, tick_hz: int, pairs: list[tuple[list[float], list[float]]]) -> Figure:
    """The longest reaction of each window: the bound is on every one, for the door of a treatment room does not open at the median."""
    allowed_ms = 1000.0 * (TICKS / tick_hz + 2.0 * TRANSACTION_S)
    ours, theirs = ([max(one) for one in column] for column in zip(*pairs, strict=True))
    over = sum(ms > allowed_ms for one, _ in pairs for ms in one)
    return Figure(
        f"{name}: longest",
        f"each at most 1.2 ticks + 2 transactions of 0.2 ms: {allowed_ms:.1f} ms",
        tuple(ours),
        allowed_ms,
        f"{over} of {sum(len(one) for one, _ in pairs)} over; C {median(theirs):.3g} ms, worst window {max(theirs):.3g} ms",
        "ms",
        each=True,
    )
