"""The two tags by which the safety unit and the records name a fraction and its prescription file, and the one of a set of filters and applicators.
It knows no device and no dose."""

from __future__ import annotations

import hashlib
import struct

from controller.prescribed import Combination, Prescribed


def fraction_tag(prescribed: Prescribed) -> int:
    """u64 that names one fraction of one patient's lesion: the same after a restart, whatever else the file says."""
    p = prescribed
    sums = hashlib.sha256()
    for text in (p.patient_id, p.course_id, p.lesion_id, p.prescription_id):
        raw = text.encode()
        sums.update(struct.pack(">I", len(raw)) + raw)
    sums.update(struct.pack(">I", p.fraction))
    return int.from_bytes(sums.digest()[:8], "big")


def plan_tag(prescribed: Prescribed) -> int:
    """u64 that names the prescription file: the first 8 bytes of its SHA-256."""
    return int.from_bytes(prescribed.sha256[:8], "big")


def parts_sha256(combinations: tuple[Combination, ...]) -> bytes:
    """SHA-256 over the filters and applicators with their codes: a day's check holds for one set."""
    parts = {(c.filter_id, c.filter_code, c.applicator_id, c.applicator_code) for c in combinations}
    return hashlib.sha256(repr(sorted(parts)).encode()).digest()
