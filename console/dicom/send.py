"""C-STORE to one receiver by pynetdicom: one association for a run of instances, each answer as a value, nothing raised, no retries of its own.
It knows addresses and statuses, and no outbox; when to try again is console/dicom/outbox.py's."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RTBeamsTreatmentRecordStorage,
)
from pynetdicom import AE
from pynetdicom.association import Association

from console.dicom.outbox import Answer, Sent
from hal.errors import ConfigurationError

PATIENCE_S: Final = 20.0
"""For connecting, and for each answer; a receiver that is slower is tried again later."""
CLASSES: Final = (RTBeamsTreatmentRecordStorage, EncapsulatedPDFStorage)
OUT_OF_RESOURCES: Final = range(0xA700, 0xA800)
WARNINGS: Final = (0xB000, 0xB006, 0xB007)
"""Stored with a warning (PS3.4 B.2.3)."""
ADDRESS: Final = re.compile(r"(?P<title>[^@\\]{1,16})@(?P<host>[^@\s]+):(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Receiver:
    """Where to: its application entity title, host and port; and our own title."""

    title: str
    host: str
    port: int
    calling: str = "KERMA"


def receiver(words: str, calling: str = "KERMA") -> Receiver:
    """`AE@HOST:PORT`. Raises ConfigurationError."""
    found = ADDRESS.fullmatch(words)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise ConfigurationError(
            f"{words}: is no receiver; first: write it like PACS@192.0.2.7:104, a title of 16 characters at most"
        )
    if not re.fullmatch(r"[^@\\]{1,16}", calling) or not calling.strip():
        raise ConfigurationError(f"{calling!r}: is no application entity title; first: write 1 to 16 characters")
    return Receiver(found["title"], found["host"], int(found["port"]), calling)


class Sender:
    """Stores instances at a receiver; a context manager, which opens the association at the first instance and opens it anew where it was lost."""

    def __init__(self, to: Receiver, patience_s: float = PATIENCE_S) -> None:
        self._to = to
        self._association: Association | None = None
        self._entity = AE(ae_title=to.calling)
        self._entity.acse_timeout = self._entity.dimse_timeout = self._entity.network_timeout = patience_s
        self._entity.connection_timeout = patience_s
        for sop_class in CLASSES:
            self._entity.add_requested_context(sop_class, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])

    def __enter__(self) -> Sender:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._association is not None and self._association.is_established:
            self._association.release()

    def store(self, sop_class: str, data: bytes) -> Answer:
        """Offer one instance."""
        whom = f"{self._to.title}@{self._to.host}:{self._to.port}"
        try:
            instance = dcmread(io.BytesIO(data))
        except (InvalidDicomError, ValueError, EOFError, OSError) as error:
            return Answer(Sent.REFUSED, f"the outbox: this is no DICOM file ({error}); first: queue it anew")
        try:
            return self._stored(sop_class, instance, whom)
        except (OSError, RuntimeError, ValueError) as error:
            return Answer(Sent.LATER, f"{whom}: {error}")

    def _stored(self, sop_class: str, instance: Dataset, whom: str) -> Answer:
        if self._association is None or not self._association.is_established:
            self._association = self._entity.associate(self._to.host, self._to.port, ae_title=self._to.title)
        association = self._association
        if not association.is_established:
            refused = "refused the association" if association.is_rejected else "gave no association"
            return Answer(Sent.LATER, f"{whom}: {refused}; first: see that it runs and knows {self._to.calling}")
        if not any(context.abstract_syntax == sop_class for context in association.accepted_contexts):
            return Answer(
                Sent.REFUSED, f"{whom}: does not take instances of {sop_class}; first: have it set up for this class"
            )
        status = association.send_c_store(instance)
        return answered(getattr(status, "Status", None), whom, str(getattr(status, "ErrorComment", "")))


def answered(status: int | None, whom: str, comment: str = "") -> Answer:
    """A status of C-STORE (PS3.4 B.2.3) as what is to be done."""
    if status is None:
        return Answer(Sent.LATER, f"{whom}: the association was lost before an answer")
    told = f"{whom}: status 0x{status:04X}{f' ({comment})' if comment else ''}"
    if status == 0x0000 or status in WARNINGS:
        return Answer(Sent.STORED, told)
    if status in OUT_OF_RESOURCES:
        return Answer(Sent.LATER, f"{told}, it has no room now")
    return Answer(Sent.REFUSED, f"{told}; first: ask whoever runs it, then kerma dicom outbox --again UID")
