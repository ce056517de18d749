"""Whether the safety unit's own clock runs as ours does, from its scan counter.
It knows two numbers a status block and no wire; what follows from an untrue scan is for the interlocks."""

from __future__ import annotations

from collections import deque
from typing import Final

WRAP: Final = 1 << 32
WINDOW_S: Final = 0.100
TOLERANCE: Final = 0.10
AHEAD_S: Final = 0.020
LEAST_S: Final = 0.002
"""Two requests closer than this may meet the same scan."""


class ScanCheck:
    """`true` while the scan advances by elapsed time +-10 % over a sliding 100 ms; from one block to the next only forward, by no more than elapsed + 20 ms.

    (Each block for itself may be 10 % off on healthy hardware: a reply waits, a scan has just begun.)
    """

    __slots__ = ("_seen", "true")

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self.true = True

    def forget(self) -> None:
        """After a new connection or a reboot there is nothing to compare with."""
        self._seen.clear()

    def add(self, asked_at_s: float, scan: int, scan_us: int) -> None:
        """One more block: when it was asked for, its scan counter (modulo 2^32), the length of a scan."""
        seen = self._seen
        if seen:
            last_s, last = seen[-1]
            elapsed_s = asked_at_s - last_s
            advanced_s = ((scan - last) % WRAP) * scan_us / 1e6
            steady = (advanced_s > 0.0 or elapsed_s < LEAST_S) and advanced_s <= elapsed_s + AHEAD_S
            while len(seen) > 1 and asked_at_s - seen[1][0] >= WINDOW_S:
                seen.popleft()
            window_s = asked_at_s - seen[0][0]
            if window_s >= WINDOW_S:
                ran_s = ((scan - seen[0][1]) % WRAP) * scan_us / 1e6
                self.true = steady and abs(ran_s - window_s) <= TOLERANCE * window_s
            elif not steady:
                self.true = False
        seen.append((asked_at_s, scan))
