"""What of the machine wears, how it is counted, and after how much it is looked at: a table of intervals, and how a count stands against its own.
It locks nothing and knows no record; each interval says that it is an assumption, until the maker of the part or the site says another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OK, SOON, DUE = "OK", "SOON", "DUE"
SOON_PART: Final = 0.9
"""From here on it is said that a service comes."""


@dataclass(frozen=True)
class Interval:
    """One thing that wears. `every` is in `unit`; `assumption` says where the number comes from."""

    id: str
    what: str
    unit: str
    every: float
    assumption: str


TABLE: Final = (
    Interval(
        "tube_beam", "beam time of the tube, dry runs left out", "h", 500.0,
        "assumption: metal-ceramic tubes of this class are warranted for some 1000 h; focal spot and output are looked at half-way",
    ),
    Interval(
        "tube_arcs", "beams that an arc ended", "arcs", 50.0,
        "assumption: a sound tube arcs a few times in its conditioning and hardly ever after; so many say that it ages, or the cable",
    ),
    Interval(
        "contactor_cycles", "closings of K1 and K2: exposures, and self-tests that passed", "cycles", 50_000.0,
        "assumption: contactors for direct current are rated for some 100 000 switchings under load; K1 opens under load in every exposure",
    ),
)  # fmt: skip


def stands(since: float, every: float) -> str:
    """OK, SOON from nine tenths on, DUE from the interval itself on."""
    return DUE if since >= every else SOON if since >= SOON_PART * every else OK
