"""How punctual the ticks of each exposure were, into the record at its end; a reader sees then whether a computer was fit for what it did.
It measures nothing itself and decides nothing: the rule on late ticks stands in interlocks/house_rules.py."""

from __future__ import annotations

from controller.case import Case
from controller.entries import EntryType, LatenessEntry
from controller.exposure import Stage
from controller.ledger import Ledger
from controller.pace import Pace
from controller.states import LEFT, RECORDED, State
from hal.units import Seconds


class Punctual:
    """One run's ticks. An exposure's are counted from its confirmation."""

    def __init__(self, pace: Pace, ledger: Ledger) -> None:
        self._pace, self._ledger = pace, ledger
        self._counts, self._skipped = pace.histogram(), 0
        self._token = self._ended_seq = 0
        self._open = False

    def follow(self, stage: Stage, case: Case, now: Seconds) -> None:
        """After the table was stepped: an exposure begins, or has ended."""
        if stage.entered and stage.state is State.ARMING:
            self._counts, self._skipped = self._pace.histogram(), self._pace.skipped
            self._token = 0
        self._token = case.token or self._token
        self._open = self._open or stage.state in RECORDED
        ended = case.terminal_seq not in (0, self._ended_seq)
        if ended:
            self._ended_seq = case.terminal_seq
        left = self._open and stage.entered and stage.state in LEFT
        if ended or (left and self._token):
            counts = tuple(new - old for new, old in zip(self._pace.histogram(), self._counts, strict=True))
            entry = LatenessEntry(self._token, counts, self._pace.skipped - self._skipped)
            self._ledger.put(EntryType.LATENESS, entry, now)
        if ended or left:
            self._token, self._open = 0, False
