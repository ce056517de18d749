"""Everything that the loop's next tick stands on, as one value: written when an exposure is confirmed, so that the record of it can be played again.
It knows no record and plays nothing; each room says itself what it keeps."""

from __future__ import annotations

import msgspec

from controller.desk import DeskKept
from controller.dossier import DossierKept
from controller.exposure import Stage
from controller.ledger import LedgerKept
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
