"""What a record of a fraction should hold and these records do not: one table, printed on every report and in docs/records.md.
A report never fills such a field; whoever adds it to the records takes its row away here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from console.reports.told import Air, Lack

NO_AIR: Final = Lack(
    "temperature and pressure of a day without a daily check",
    "k_TP as it was frozen at loading is told of each segment; of a day with a check its readings are, with their time",
)
LACKS: Final = (
    Lack(
        "particulars of the patient, signatures of the order, photo and notes of the lesion, time-out, second calculation, signatures at the end "
        "and corrections, in the journal itself",
        "they lie beside it, in chains of their own; told as they stood, and particulars also as they are stated now",
    ),
    Lack(
        "a second timer of the safety unit in each segment (its limit of K1)",
        "the unit's beam timer, and beside it the beam's time by this computer's monotonic clock",
    ),
    NO_AIR,
    Lack("arcs that are shorter than a poll", "of each segment whether an arc ended it, by the end's rule and words"),
)


def lacks_of(airs: Iterable[Air | None]) -> tuple[Lack, ...]:
    """What the record of these fractions lacks, by what was read of the air on the day of each."""
    known = all(one is not None for one in airs)
    return tuple(one for one in LACKS if not (known and one is NO_AIR))
