"""The parts of docs/verification.md that list the invariants: those of every trace, the two across runs, and the laws of the monitor.
It only writes down what the tables say."""

from __future__ import annotations

from interlocks.monitor import LAWS
from verification.invariants import INVARIANTS

ACROSS: tuple[tuple[str, str, str, str], ...] = (
    (
        "M1", "time independence", "The same run under another uptime, over each roll-over, or with a wall clock that steps in beam, is the same run.",
        "5 ms of beam and 0.5 mGy, for the chambers' noise is another a millisecond later; 50 ms of a stay in a state, 0.4 s where a hand ends it.",
    ),
    (
        "M2", "liveness", "From every state STOP leads to off within T1 + T2 + T3 and to rest; what nothing hinders ends COMPLETE.",
        "T2 and T3 are the rig's own.",
    ),
)  # fmt: skip
"""What only runs beside each other can show (verification/across.py)."""

SEEN = {"true": "the world's truth", "left": "what came and left", "obs": "what the program sees"}
NOT_ASKED: dict[str, str] = {
    "5": "The monitor sees no requests. LOAD and RESUME are refused while anything is latched (controller/guards.py), and no other request leads to an offer; "
    "for the new token ask 6 and TOKEN.",
    "14": "A process that begins has let nothing out yet. SELF_TEST is left by its own tests alone (controller/self_test.py).",
    "22": "The program sees no desk. Whoever shows a snapshot says STALE of an old one; for what was confirmed asks 2.",
    "24": "The chain is the recorder's, which reads it whole before it begins; how far it lags is the rule recorder_fresh.",
    "VOID": "An end without dose is granted on the unit's own evidence alone (controller/written.py).",
}
"""Judged by what the program sees, among other things, and not asked live: why."""


def invariants_table() -> list[tuple[str, ...]]:
    """One row for each invariant: id, name, words, what it is judged by, what it lets pass, and whether the program asks it of itself too."""
    rows = [
        (row.id, row.name, row.words, _seen(row.kind), row.lets, "yes" if row.id in LAWS else "")
        for row in sorted(INVARIANTS, key=lambda row: (not row.id.isdigit(), 0))
    ]
    return [*rows, *((number, name, words, "runs compared", lets, "") for number, name, words, lets in ACROSS)]


def not_asked_table() -> list[tuple[str, ...]]:
    """What is judged by what the program sees, and that it does not ask of itself."""
    return list(NOT_ASKED.items())


def _seen(kind: str) -> str:
    return ", ".join(SEEN[one] for one in kind.split(", "))


def monitored_table() -> list[tuple[str, ...]]:
    """One row for each law of the monitor."""
    return [(number, words) for number, words in LAWS.items()]
