"""What can be wrong on a wire or with a device, as one flat list; above `Machine.read` and `Machine.write` these are values, not exceptions.
It does not say what follows from a trouble: that is for the interlocks."""

from enum import Enum

import msgspec


class TroubleKind(Enum):
    """One word for each way in which a request can fail; the value is what a person reads. A member is equal to itself alone, so its hash is its identity's."""

    __hash__ = object.__hash__

    LINK_SILENT = "no reply before the deadline (retryable)"
    FRAME_BAD = "a reply that is damaged or belongs to another request (retryable)"
    REFUSED = "the device understood the request and refused it"
    BUSY = "the device is busy (retryable)"
    WRONG_DEVICE = "the device is not the one that the configuration names"
    GONE = "the line or connection is closed"


class Trouble(msgspec.Struct, frozen=True):
    """A trouble with its particulars: which request, and the device's own words or code if it gave any."""

    kind: TroubleKind
    request: str
    detail: str = ""

    def words(self) -> str:
        return f"{self.request}: {self.kind.value}" + (f" ({self.detail})" if self.detail else "")


class ConfigurationError(Exception):
    """Raised only before the loop runs: says file, key, value, bound and what to do first."""
