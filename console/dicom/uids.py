"""UIDs that follow from the record alone: the same record gives the same UID, on any day and any computer; another record another one.
They are of the form 2.25.UUID (ISO/IEC 9834-8), which needs no registration."""

from __future__ import annotations

import hashlib
import uuid


def uid(kind: str, *parts: str) -> str:
    """The UID of these words; each is taken with its length, so that no two lists of words read alike."""
    sums = hashlib.sha256(b"kerma dicom 1\n")
    for part in (kind, *parts):
        raw = part.encode()
        sums.update(len(raw).to_bytes(8, "big") + raw)
    return f"2.25.{uuid.UUID(bytes=sums.digest()[:16], version=5).int}"


def study(machine_serial: str, fraction_id: str) -> str:
    """One study for each fraction: what stands at its level (day, time) is the same in all its instances."""
    return uid("study", machine_serial, fraction_id)


def series(machine_serial: str, modality: str, fraction_id: str) -> str:
    """One series of records and one of documents for each fraction."""
    return uid("series", machine_serial, modality, fraction_id)


def record(machine_serial: str, record_sha256: str) -> str:
    """The treatment record of one exposure, by the journal record that ended it."""
    return uid("record", machine_serial, record_sha256)


def document(machine_serial: str, fraction_id: str, record_sha256: str, entry: int = 0, gone: int = 0) -> str:
    """The report of a fraction in one state of the record and of the chart: the last entry that tells of it, and the last one that is gone."""
    charted = (str(entry), str(gone)) if entry or gone else ()
    return uid("document", machine_serial, fraction_id, record_sha256, *charted)
