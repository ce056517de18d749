"""What the safety unit is born with (UnitConfig) and what it remembers without power (UnitMemory), with the text form of that memory.
It knows no register, no rule and no wire."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, field

SITE_KEY_MIN_BYTES = 16
HISTORY_ENTRIES = 8


@dataclass(frozen=True, slots=True)
class UnitConfig:
    """Set when the unit is built and commissioned; nothing here can be changed over a wire, and site_key cannot be read over one."""

    site_key: bytes
    serial: str = "KU-SIM-0001"
    firmware_id: int = 0x4B55_5349_4D00_0001
    bus_id: int = 1
    hard_cap_s: int = 1200
    hard_cap_counts: int = 10_000_000
    lease_min_ms: int = 20
    lease_max_ms: int = 500
    k2_fitted: bool = True
    monitor_fitted: bool = True
    hold_to_run: bool = True
    idle_t2_ms: int = 300
    idle_t2d_ms: int = 1000
    idle_hv_per_100ms: int = 50
    mirror_ms: int = 150
    boot_ms: int = 200
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuses what no unit could be built with; ValueError names the value and its bound."""
        if len(self.site_key) < SITE_KEY_MIN_BYTES:
            raise ValueError(
                f"site_key has {len(self.site_key)} bytes; HMAC-SHA256 here wants at least {SITE_KEY_MIN_BYTES}"
            )
        if not (self.serial.isascii() and self.serial.isprintable() and 1 <= len(self.serial) <= 16):
            raise ValueError(f"serial {self.serial!r} must be 1 to 16 printable ASCII characters (registers 0008-000F)")
        for name, low, high in (
            ("firmware_id", 0, 2**64 - 1),
            ("bus_id", 1, 247),
            ("hard_cap_s", 1, 65535),
            ("hard_cap_counts", 1, 2**32 - 1),
            ("lease_min_ms", 1, 500),
            ("lease_max_ms", self.lease_min_ms, 500),
            ("idle_t2_ms", 10, 500),
            ("idle_t2d_ms", self.idle_t2_ms, 4000),
            ("idle_hv_per_100ms", 1, 65534),
            ("mirror_ms", 10, 500),
            ("boot_ms", 1, 10_000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} = {value} is outside {low} .. {high}")


@dataclass(slots=True)
class Exposure:
    """One finished RUN as 0400-048F tell it; times in ms, counts cumulative over the fraction."""

    token: int = 0
    fraction_tag: int = 0
    beam_ms: int = 0
    k1_ms: int = 0
    counts_1: int = 0
    counts_2: int = 0
    cause: int = 0


@dataclass(slots=True)
class UnitMemory:
    """Non-volatile: survives reboot and power loss. run_open is true from the press until the exposure's cause is written."""

    boot_count: int = 0
    last_token: int = 0
    retained_token: int = 0
    run_count: int = 0
    beam_ms: int = 0
    k1_ms: int = 0
    counts_1: int = 0
    counts_2: int = 0
    run_open: bool = False
    latch_code: int = 0
    latch_count: int = 0
    active: bytes = b""
    ran: bytes = b""
    history: list[Exposure] = field(default_factory=list)

    def to_text(self) -> str:
        """One JSON document with a CRC-32 over its body, for a file that stands in for FRAM."""
        body = asdict(self) | {"active": self.active.hex(), "ran": self.ran.hex()}
        text = json.dumps(body, sort_keys=True)
        return json.dumps({"unit_memory": 1, "crc32": zlib.crc32(text.encode()), "body": body}, sort_keys=True) + "\n"

    @staticmethod
    def from_text(text: str) -> UnitMemory:
        """The memory that to_text wrote; ValueError if it is torn, edited, or of another version."""
        try:
            outer = json.loads(text)
            body = outer["body"]
            whole = (
                outer["unit_memory"] == 1 and zlib.crc32(json.dumps(body, sort_keys=True).encode()) == outer["crc32"]
            )
            if not whole:
                raise ValueError("its CRC does not fit its content")
            body["active"], body["ran"] = bytes.fromhex(body["active"]), bytes.fromhex(body["ran"])
            body["history"] = [Exposure(**entry) for entry in body["history"]]
            memory = UnitMemory(**body)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"not a whole unit memory ({error}); move the file away to start with an empty one"
            ) from None
        return memory
