"""The private block of our instances: creator, group, and a row for each element.
It knows no DICOM library, so that a page can be made of it."""

from __future__ import annotations

from typing import Final

CREATOR: Final = "KERMA 1"
GROUP: Final = 0x4B45
PRIVATE: Final[dict[str, tuple[int, str, str]]] = {
    "kv_set": (0x01, "FD", "tube voltage as set, kV"),
    "kv_mean": (0x02, "FD", "tube voltage read back, mean, kV"),
    "kv_min": (0x03, "FD", "least, kV"),
    "kv_max": (0x04, "FD", "most, kV"),
    "ma_set": (0x05, "FD", "tube current as set, mA"),
    "ma_mean": (0x06, "FD", "tube current read back, mean, mA"),
    "ma_min": (0x07, "FD", "least, mA"),
    "ma_max": (0x08, "FD", "most, mA"),
    "delivered_mgy": (0x09, "FD", "delivered in this exposure, mGy D0 (water, surface, central axis, applicator's plane)"),
    "low_mgy": (0x0A, "FD", "its low bound, mGy D0"),
    "high_mgy": (0x0B, "FD", "its high bound, mGy D0"),
    "quality": (0x0C, "LO", "GOOD, DEGRADED or UNKNOWN"),
    "primary_meterset": (0x0D, "LO", "what the primary meterset counts"),
    "secondary_meterset": (0x0E, "LO", "what the secondary meterset counts, in its own unit"),
    "rx_factor": (0x0F, "FD", "F: dose at the prescription's depth over D0"),
    "record_sha256": (0x10, "LO", "SHA-256 of the journal record, chained"),
    "simulated": (0x11, "CS", "YES or NO"),
    "end_words": (0x12, "UT", "how the exposure ended, in words"),
    "second_identifier": (0x13, "LO", "the patient's second identifier, as prescribed"),
}  # fmt: skip
"""The private block (4B45,10xx): name, element, value representation, meaning."""
