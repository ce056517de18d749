"""Whether an arc ended a beam, by what its record says: one table, and one question for everybody who counts arcs.
It knows no wire and judges no tube; what a record cannot show it does not count, and each row says what else may look the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

NAMED: Final = re.compile(r"\barcs?\b")
COUNTED: Final = re.compile(r"^chambers count (\d+) and (\d+) in 1 s\b")
RATED: Final = re.compile(r"^dose rates ([\d.]+) and ([\d.]+) mGy/s, certified ([\d.]+) mGy/s")
FIRST: Final = "; first: "
"""What stands behind it is what to do first: it may tell a person to look for an arc, and is no finding."""
NEVER_ON: Final = "the beam was lost: high voltage off"
SILENT_CPS: Final = 100
"""What both chambers may count of nothing, with the last of a beam in the window. An assumption: chambers count some thousand in a beam."""
TOGETHER: Final = 10
"""Two chambers that fell together are no further apart than this; a dead one beside a sound one is apart by more."""
FELL: Final = 0.4
"""Of the certified rate: what creeps is found just below the half that is its bound; what breaks down has fallen on while the bound's 20 ms went by."""


@dataclass(frozen=True)
class Sign:
    """One rule that ends a beam which arcs, what its words must show, and why; `also` is what else may look the same and is counted with it."""

    rule: str
    shows: Callable[[str], bool]
    because: str
    also: str


def _always(_finding: str) -> bool:
    return True


def _named(finding: str) -> bool:
    return NAMED.search(finding) is not None


def _both_silent(finding: str) -> bool:
    counted = COUNTED.match(finding)
    if counted is None:
        return False
    low, high = sorted(map(int, counted.groups()))
    return high <= max(SILENT_CPS, TOGETHER * low)


def _both_fell(finding: str) -> bool:
    rated = RATED.match(finding)
    if rated is None:
        return False
    first, second, certified = map(float, rated.groups())
    return max(first, second) <= FELL * certified


TABLE: Final = (
    Sign(
        "beam_lost", _always, "kV fell below half of what is set, or high voltage went off, in beam", "a supply that dropped its high voltage unasked",
    ),
    Sign("generator_fault", _named, "the generator names an arc", ""),
    Sign(
        "no_signal", _both_silent, "both chambers fell silent together before kV was read again: an arc in the ramp, or at a slow tick",
        "whatever else takes the beam from both chambers at once",
    ),
    Sign(
        "dose_rate_low", _both_fell, "both rates broke down together before kV was read again: on a slow wire at a quick tick",
        "whatever else takes the beam from both chambers at once",
    ),
    Sign(
        "no_dose", _both_silent, "both chambers fell silent together before kV was read again: kV and flags take turns on the wire, at 20 Hz every 100 ms",
        "whatever else takes the beam from both chambers at once",
    ),
)  # fmt: skip
"""Found by arcs on every simulated generator at the slowest and the usual tick (tests/scenarios/test_arcs_played.py). A generator's fault whose name was
not read before it ended the beam stands in the record without one, and is not counted."""
SIGNS: Final = {one.rule: one for one in TABLE}
RULES: Final = tuple(SIGNS)


def ended(row: Mapping[str, Any]) -> bool:
    """Whether an arc ended this exposure, a row of the records with `rule`, `words` and `void`, and with `kv_mean` where that is at hand. One that had no
    beam had no arc: a high voltage that never came on, as where the generator refuses it, is told as a beam lost, too."""
    sign, words = SIGNS.get(row["rule"]), str(row["words"])
    if sign is None or row["void"] or (words.startswith(NEVER_ON) and not row.get("kv_mean", True)):
        return False
    return sign.shows(words.partition(FIRST)[0])
