"""What a record of a fraction should hold and these records do not: one table, printed on every report and in docs/records.md.
A report never fills such a field; whoever adds it to the records takes its row away here."""

from __future__ import annotations

from typing import Final

from console.reports.told import Lack

LACKS: Final = (
    Lack(
        "patient's name, diagnosis, intent, earlier radiotherapy",
        "the prescription has two identifiers, course, lesion, site, laterality",
    ),
    Lack(
        "signatures of the order, photo and notes of the lesion, time-out, second calculation, signatures at the end and corrections, in the journal itself",
        "they lie beside it, each in a chain of its own; told as they stood",
    ),
    Lack("timer 2 of each segment", "the records keep the safety unit's beam timer; the limit of K1 is kept by the unit alone"),
    Lack("temperature and pressure at the beam", "k_TP as it was frozen at loading is kept; readings of the day are on the daily check's sheet"),
    Lack("arcs of each segment", "an arc that the generator tells of ends the beam, and is its cause"),
)  # fmt: skip
