"""What may be known of a chamber's counts in the dark from windows of 100 ms, asked once a second, and from counters that run through dry runs.
Arithmetic of evenly spaced pulses, as a converter gives for a constant current; it plays nothing and imports nothing that measures."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence
from typing import Final

WINDOW_S, EVERY_S, ASKED = 0.1, 1.0, 600
"""Ten minutes of the unit's slow block at rest (docs/safety-unit.md, 012A and 012B; hal/safety_units/kerma_unit.py asks it once a second)."""
RUNS, COUNTED_S, APART_S = 12, 7.0, 12.0
"""A session of dry runs, as it goes on a simulated rig of 1 GOhm: counters run for 7 s of each, and one begins every 12 s."""
PHASES: Final = 500
RATES_CPS: Final = (0.1, 0.3, 0.5, 0.501, 1.0, 2.0, 3.0, 5.0)


def pulses(rate_cps: float, phase: float, starts: Sequence[float], length_s: float) -> int:
    """How many pulses fall into windows of one length that begin so; the first pulse comes after `phase` of a period."""
    return sum(math.ceil((at + length_s) * rate_cps - phase) - math.ceil(at * rate_cps - phase) for at in starts)


def found(rate_cps: float, starts: Sequence[float], length_s: float) -> tuple[float, float, float]:
    """Over all phases: the part that counts nothing at all, and the least and the largest rate that would be told."""
    told = [pulses(rate_cps, place / PHASES, starts, length_s) / (length_s * len(starts)) for place in range(PHASES)]
    return sum(one == 0.0 for one in told) / PHASES, min(told), max(told)


def table() -> str:
    """One line for each rate: windows in step with the asking, windows at random times, and dry runs."""
    chance = random.Random(27)
    in_step = [place * EVERY_S for place in range(ASKED)]
    at_random = [at + chance.random() * (EVERY_S - WINDOW_S) for at in in_step]
    dry = [place * APART_S for place in range(RUNS)]
    head = (
        f"| true, counts a second | {ASKED} windows once a second: counts nothing | told | at random times: counts nothing | told "
        f"| {RUNS} dry runs: counts nothing | told |\n| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    lines = []
    for rate in RATES_CPS:
        cells = [f"{rate:g}"]
        for starts, length_s in ((in_step, WINDOW_S), (at_random, WINDOW_S), (dry, COUNTED_S)):
            nothing, least, most = found(rate, starts, length_s)
            cells += [f"{100 * nothing:.0f} %", f"{least:.2f} to {most:.2f}"]
        lines.append(f"| {' | '.join(cells)} |\n")
    return head + "".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table())
