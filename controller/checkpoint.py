"""Everything that the loop's next tick stands on, as one value: written when an exposure is confirmed, so that the record of it can be played again.
It knows no record and plays nothing; each room says itself what it keeps."""

from __future__ import annotations

import msgspec

from controller.desk import DeskKept
from controller.dossier import DossierKept
from controller.exposure import Stage
from controller.ledger import LedgerKept
from controller.settings import air_at
from hal.readings import Readings
from interlocks.gate import GateKept


class Checkpoint(msgspec.Struct, frozen=True):
    """After the tick that entered ARMING: START is written, the gate is shut, the segment's dose has just begun with `readings`.

    `configuration` is the process's Blob in msgpack, without its key and its paths; `begun_s` is when this tick began.
    """

    configuration: bytes
    number: int
    begun_s: float
    stage: Stage
    kernel_sound: bool
    readings: Readings
    gate: GateKept
    dossier: DossierKept
    desk: DeskKept
    ledger: LedgerKept


def recorded(packed: bytes) -> Checkpoint:
    """A checkpoint as it was written. Terms of before they held the air of the loading get that of its own readings, at most an offer's time later."""
    kept = msgspec.msgpack.decode(packed, type=Checkpoint)
    settings, slow = kept.dossier.case.settings, kept.readings.slow
    if settings is None or slow is None or settings.terms.air_k_per_kpa:
        return kept
    terms = msgspec.structs.replace(settings.terms, air_k_per_kpa=air_at(slow))
    case = msgspec.structs.replace(kept.dossier.case, settings=msgspec.structs.replace(settings, terms=terms))
    return msgspec.structs.replace(
        kept,
        gate=msgspec.structs.replace(kept.gate, sent=msgspec.structs.replace(kept.gate.sent, terms=terms)),
        dossier=msgspec.structs.replace(kept.dossier, case=case),
    )
