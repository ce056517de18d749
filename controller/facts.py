"""What a decision is given besides readings, verdict and dose, and what a guard answers; the loop gathers the first, the desk is told the second.
It decides nothing: controller/decide.py and controller/guards.py do."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.case import Case
from controller.entries import Statement
from controller.off import Evidence
from controller.requests import Request
from controller.self_test import Tests
from controller.settings import Settings
from controller.states import Event
from hal.machine import Capabilities
from interlocks.words import Latch, Sent


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What the desk and the signals brought in this tick: STOP, and at most one request."""

    stop: bool = False
    request: Request | None = None


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What the loop knows besides the readings, each worked out by a pure function or read from the recorder's files."""

    machine: Capabilities
    sent: Sent
    case: Case
    tests: Tests
    off: Evidence
    latches: tuple[Latch, ...]
    statement: Statement | None
    admitted: Settings | None
    refused: str
    terminal_durable: bool
    unended: bool
    reset_read_back: bool
    off_since_s: float | None
    generator_power_cycled: bool


class Ruling(msgspec.Struct, frozen=True, gc=False):
    """What a guard says of a request: taken (an event), refused (words), or neither yet."""

    event: Event = Event.NONE
    refused: str = ""


WAIT: Final = Ruling()
