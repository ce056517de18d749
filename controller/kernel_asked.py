"""What the real-time process asks of the kernel before its first tick, so that nothing but its own work is between a deadline and a tick.
It says in words what it did not get; whether a rig may run without is for its caller to judge."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import struct
from pathlib import Path
from typing import Any, Final

from controller.blob import Scheduling

RTTIME_US: Final = 200_000
"""A real-time process that computes this long without waiting is ended by the kernel; the safety unit's lease then ends the beam."""
TIMER_SLACK_NS: Final = 1
"""Without SCHED_FIFO the kernel may wake a process 50 us late to save power; anybody may ask it not to."""
CPU_LATENCY: Final = "/dev/cpu_dma_latency"
RESERVE_BYTES: Final = 4 << 20
"""Memory taken from the kernel beforehand, in each of the two ways in which it is taken later: small objects, and what malloc gives."""
SMALL_BYTES, ONE_IN = 400, 256

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_PR_SET_TIMERSLACK = 29
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_CAP_IPC_LOCK = 14


def ask_kernel(scheduling: Scheduling) -> tuple[str, ...]:
    """SCHED_FIFO, one CPU, locked memory, awake processors, no timer slack, collector frozen and off.

    Returns what could not be had, in words (empty: all of it); what a rig file does not ask for is not missed.
    """
    lacking: list[str] = []
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0)
    gc.collect()
    gc.freeze()
    gc.disable()
    if scheduling.cpu >= 0:
        try:
            os.sched_setaffinity(0, {scheduling.cpu})
        except OSError as error:
            lacking.append(f"CPU {scheduling.cpu}: {error.strerror}")
    if scheduling.fifo_priority:
        resource.setrlimit(resource.RLIMIT_RTTIME, (RTTIME_US, RTTIME_US))
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(scheduling.fifo_priority))
        except OSError as error:
            lacking.append(
                f"SCHED_FIFO priority {scheduling.fifo_priority}: {error.strerror} (needs CAP_SYS_NICE or rtprio)"
            )
    if scheduling.lock_memory:
        lacking.extend(_lock_memory(libc))
    if scheduling.keep_awake:
        lacking.extend(keep_awake())
    return tuple(lacking)


def _lock_memory(libc: Any) -> list[str]:
    """Every page that is there now, and every later one as soon as it is touched."""
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if not may_lock(Path("/proc/self/status").read_text(encoding="ascii"), soft):
        return [f"locked memory: limit is {soft} bytes, unlimited is needed (memlock)"]
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        return [f"locked memory: {os.strerror(ctypes.get_errno())}"]
    return []


def may_lock(status: str, limit: int) -> bool:
    """Whether /proc/self/status has CAP_IPC_LOCK, or the limit is none. Asked first: below a limit mlockall may succeed, and the next allocation fail."""
    held = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return limit == resource.RLIM_INFINITY or bool(int(held, 16) >> _CAP_IPC_LOCK & 1)


def keep_awake(path: str = CPU_LATENCY) -> list[str]:
    """No processor may sleep so deeply that waking it takes time. The kernel keeps to it while the file is open: until this process ends."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        return [f"processors kept awake: {path}: {error.strerror} (needs to be written)"]
    try:
        os.write(fd, struct.pack("=i", 0))
    except OSError as error:
        os.close(fd)
        return [f"processors kept awake: {path}: {error.strerror}"]
    return []


def hold_reserve() -> list[bytes]:
    """Touch memory now, and have it kept when it is free again: what a tick needs then comes without the kernel. For as long as what is returned lives.

    malloc is told to give nothing back; of small objects one in so many is kept, so that the pages of those between them stay ours.
    """
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_TRIM_THRESHOLD, -1)
    libc.mallopt(_M_MMAP_MAX, 0)
    large = bytearray(b"\1" * RESERVE_BYTES)
    del large
    small = [bytes(SMALL_BYTES) for _ in range(RESERVE_BYTES // SMALL_BYTES)]
    return small[::ONE_IN]
