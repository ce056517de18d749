"""The simulators' only clock: the monotonic time of this machine, for serving a world in real time, and the priority that keeps it punctual.
It knows no world; in virtual time nobody asks it."""

from __future__ import annotations

import gc
import os
import time


def monotonic_us() -> int:
    """Microseconds since some moment in the past; never goes back."""
    return time.monotonic_ns() // 1000


def be_punctual(priority: int) -> str:
    """Ask for SCHED_FIFO at this priority and freeze the collector: a real device is not held up by what else a computer runs. Says what it got."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError as error:
        return f"no real-time priority ({error.strerror}); a busy machine may hold the simulated devices up"
    return f"real-time priority {priority}"
