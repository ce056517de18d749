"""The only file of the product that reads a clock; everything else is given `now`.
It knows no tick and no deadline: those are the business of controller/pace.py."""

import time
from typing import Protocol

from hal.units import Seconds


class Clock(Protocol):
    """Two clocks that are never mixed: intervals from the first, stamps for people from the second."""

    def monotonic(self) -> Seconds:
        """Seconds since an arbitrary start; never steps."""
        ...

    def wall(self) -> Seconds:
        """Seconds since 1970-01-01 UTC; may step, so nothing is controlled by it."""
        ...

    def sleep_until(self, deadline: Seconds) -> None:
        """Return at or after the monotonic deadline; at once if it has passed."""
        ...


class SystemClock:
    """The kernel's CLOCK_MONOTONIC and its wall clock."""

    def monotonic(self) -> Seconds:
        return Seconds(time.monotonic())

    def wall(self) -> Seconds:
        return Seconds(time.time())

    def sleep_until(self, deadline: Seconds) -> None:
        left = deadline - time.monotonic()
        if left > 0:
            time.sleep(left)
