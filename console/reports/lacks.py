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
    Lack("signatures of the order, photo and notes of the lesion, in the journal itself", "they lie beside it, each in a chain of its own; told as they stood"),
    Lack("second calculation", "it is made and compared before the confirmation, and its figures are not kept"),
    Lack("time-out items, and by whom", "nobody is asked for them yet"),
    Lack("timer 2 of each segment", "the records keep the safety unit's beam timer; the limit of K1 is kept by the unit alone"),
    Lack("timer and count presets of each segment", "the settings' SHA-256 is kept, and the set time"),
    Lack("temperature and pressure at the beam", "k_TP as it was frozen at loading is kept; readings of the day are on the daily check's sheet"),
    Lack("ramp and arcs of each segment", "the trace is kept tick by tick"),
    Lack("backscatter, HVL and how the rate was measured", "they are in the certificate, which the record names by its SHA-256"),
    Lack("warm-up before this fraction", "its exposures are in the records as exposures of their own"),
)  # fmt: skip
