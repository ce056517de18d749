"""What the wires leave behind: their frames in a ring of their own each tick, their figures in the record at each end and each trip.
It judges no wire and decides nothing; how a wire fares is counted in hal."""

from __future__ import annotations

from controller.case import Case
from controller.entries import TRIPS, EntryType
from controller.entries import Links as LinksEntry
from controller.exposure import Decided, Stage
from controller.ledger import Ledger
from controller.states import LEFT, RECORDED, State
from controller.wire_ring import Frames
from hal.figures import LinkFigures, LinkSummary, summary
from hal.units import Seconds
from interlocks.gate import Gate


class Links:
    """One run's wires. An exposure's figures are counted from its START."""

    def __init__(self, ring: Frames, gate: Gate, ledger: Ledger) -> None:
        self._ring, self._gate, self._ledger = ring, gate, ledger
        self._before: dict[str, LinkFigures] = {}
        self._token = 0
        self._ended_seq = 0
        self._open = False

    def keep(self, now: Seconds) -> None:
        """Everything that passed since the last tick goes into the ring."""
        self._ring.put(self._gate.logs, now)

    def follow(self, before: Stage, stage: Stage, decided: Decided, case: Case, now: Seconds) -> None:
        """After the table was stepped: an exposure begins, something went wrong, or an exposure has ended."""
        if stage.entered and stage.state is State.ARMING:
            self._before, self._token = self._gate.figures(), 0
        self._token = case.token or self._token
        if stage.entered and decided.event.name in TRIPS and stage.state is not before.state:
            self._tell(decided.rule or decided.event.name, now)
        self._open = self._open or stage.state in RECORDED
        ended = case.terminal_seq not in (0, self._ended_seq)
        if ended:
            self._ended_seq = case.terminal_seq
        left = self._open and stage.entered and stage.state in LEFT
        if ended or (left and self._token):
            self._tell("", now)
        if ended or left:
            self._before, self._token, self._open = {}, 0, False

    def summary(self) -> tuple[LinkSummary, ...]:
        """Since the process began, for the snapshot."""
        return tuple(summary(name, figures) for name, figures in self._gate.figures().items())

    def _tell(self, rule: str, now: Seconds) -> None:
        links = tuple(summary(name, found, self._before.get(name)) for name, found in self._gate.figures().items())
        self._ledger.put(EntryType.LINKS, LinksEntry(self._token, rule, links), now)
