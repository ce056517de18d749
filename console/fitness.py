"""May the real-time process of this user be punctual here: what the kernel would give it, and how late a tick begins with that, tried for a moment.
It starts no rig and opens no device; what is lacking is said with what to do first."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from console import screen
from console.configuration import Rig
from console.desk_client import DeskGoneError, connect
from controller import lateness
from controller.blob import Scheduling
from controller.kernel_asked import CPU_LATENCY, ask_kernel, may_lock
from controller.pace import KernelPace
from hal.clock import Clock

MIB: Final = 1 << 20
TRIED_HZ, TRIED_S = 1000, 0.5
LATE_US = 2000.0
"""A fifth of the usual 100 Hz tick: 99 of 100 ticks begin within it, or somebody should look."""
ANSWER_S = 1.0


@dataclass(frozen=True)
class Line:
    """One thing looked at: ok, warn or bad, what was found, and what to do first (empty when nothing)."""

    level: str
    what: str
    found: str
    first: str = ""


def given() -> Iterator[Line]:
    """What a clinical rig does not start without."""
    yield scheduling()
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    yield memory(limit, may_lock(Path("/proc/self/status").read_text(encoding="ascii"), limit))
    yield awake(os.access(CPU_LATENCY, os.W_OK))


def scheduling() -> Line:
    """Can this user have SCHED_FIFO? Tried in a child, so that nothing is left changed."""
    allowed = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
    child = os.fork()
    if child == 0:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except OSError:
            os._exit(1)
        os._exit(0)
    can = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return fifo(can, allowed)


def fifo(can: bool, allowed: int) -> Line:
    if can:
        return Line("ok", "real-time scheduling", f"SCHED_FIFO is given (RLIMIT_RTPRIO {allowed})")
    first = "add 'USER - rtprio 90' to /etc/security/limits.d/kerma.conf and log in again"
    return Line(
        "warn",
        "real-time scheduling",
        f"SCHED_FIFO is refused (RLIMIT_RTPRIO {allowed}): other programs can delay the loop, and a clinical rig does not start",
        first,
    )


def memory(limit: int, may: bool) -> Line:
    """May the real-time process lock itself into memory?"""
    words = "unlimited" if limit == resource.RLIM_INFINITY else f"{limit / MIB:.0f} MiB"
    if may:
        return Line(
            "ok",
            "locked memory",
            f"limit {words}" + ("" if limit == resource.RLIM_INFINITY else " (not applied to this user)"),
        )
    first = "add 'USER - memlock unlimited' to /etc/security/limits.d/kerma.conf and log in again"
    return Line(
        "warn",
        "locked memory",
        f"limit {words}, unlimited is needed: a page fault can delay the loop, and a clinical rig does not start",
        first,
    )


def awake(may: bool) -> Line:
    """May this user keep processors out of deep sleep?"""
    if may:
        return Line("ok", "awake processors", f"{CPU_LATENCY} may be written")
    return Line(
        "warn",
        "awake processors",
        f"{CPU_LATENCY} may not be written: a sleeping processor can delay the loop, and a clinical rig does not start",
        f'a udev rule: KERNEL=="cpu_dma_latency", GROUP="dialout", MODE="0660"; then sudo usermod -aG dialout {os.getuid()}, and log in again',
    )


def tried(clock: Clock, asked: Scheduling) -> tuple[tuple[int, ...], int]:
    """The real-time process's own pace for a moment, in a child, with what this user is given of what it asks for; lateness by bin, and skipped ticks."""
    ear, mouth = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            ask_kernel(asked)
            pace = KernelPace(clock, 1.0 / TRIED_HZ)
            for _ in range(round(TRIED_S * TRIED_HZ)):
                pace.next()
            os.write(mouth, json.dumps([pace.histogram(), pace.skipped]).encode())
        finally:
            os._exit(0)
    os.close(mouth)
    with os.fdopen(ear, "rb") as file:
        said = file.read()
    os.waitpid(child, 0)
    counts, skipped = json.loads(said) if said else ((), 0)
    return tuple(counts), skipped


def punctual(counts: tuple[int, ...], skipped: int) -> Line:
    """How late this machine lets ticks begin; what it takes away must leave the usual tick its half."""
    found = f"{TRIED_HZ} Hz for {TRIED_S:g} s: {lateness.words(counts, skipped)}"
    if sum(counts) and lateness.quantile_us(counts, 0.99) <= LATE_US:
        return Line("ok", "punctuality", found)
    return Line(
        "warn", "punctuality", found, "see what else runs here (top), and get real-time scheduling; then look again"
    )


def running(rig: Rig, clock: Clock) -> Iterator[Line]:
    """The lateness of the real-time process of this rig since it began, if it runs and answers."""
    try:
        with connect(rig.places.desk, clock) as desk:
            shown = desk.snapshot(ANSWER_S)
    except DeskGoneError:
        return
    if shown is not None:
        found = lateness.words(shown.lateness_counts, shown.skipped_ticks)
        yield Line("ok", "running rig", f"pid {shown.pid}: {found}; {screen.late_by(shown.lateness_counts)}")
