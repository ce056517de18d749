"""The parts of docs/verification.md that list the invariants: those of every trace, the two across runs, and the laws of the monitor.
It only writes down what the tables say."""

from __future__ import annotations

from interlocks.monitor import LAWS
from verification.invariants import INVARIANTS

ACROSS: tuple[tuple[str, str, str], ...] = (
    ("M1", "time independence", "The same run under another uptime, over each roll-over, or with a wall clock that steps in beam, is the same run."),
    ("M2", "liveness", "From every state STOP leads to off within T1 + T2 + T3 and to rest; what nothing hinders ends COMPLETE."),
)  # fmt: skip
"""What only runs beside each other can show (verification/across.py)."""

SEEN = {"true": "the world's truth", "obs": "what the program sees"}


def invariants_table() -> list[tuple[str, ...]]:
    """One row for each invariant: id, name, words, what it is judged by, and whether the program asks it of itself too."""
    rows = [
        (row.id, row.name, row.words, SEEN[row.kind], "yes" if row.id in LAWS else "")
        for row in sorted(INVARIANTS, key=lambda row: (not row.id.isdigit(), 0))
    ]
    return [*rows, *((number, name, words, "runs compared", "") for number, name, words in ACROSS)]


def monitored_table() -> list[tuple[str, ...]]:
    """One row for each law of the monitor."""
    return [(number, words) for number, words in LAWS.items()]
