"""The simulators' only clock: the monotonic time of this machine, for serving a world in real time.
It knows no world; in virtual time nobody asks it."""

from __future__ import annotations

import time


def monotonic_us() -> int:
    """Microseconds since some moment in the past; never goes back."""
    return time.monotonic_ns() // 1000
