"""Beam that belongs to no exposure of the records: high voltage that nobody asked for, and what the safety unit retains and the records do not know.
It gives bounds on its dose and writes nothing; an entry of it is the machine's own sum, so that no dose is nowhere."""

from __future__ import annotations

from typing import Final

from controller.channels import CUT_S, RATE_MAX_OVER_R0, SATURATED_OVER_R0, uncounted_tail_mgy
from controller.entries import Statement, Stray
from controller.prescribed import Certificate
from controller.requests import Adopt
from hal.readings import Cause, Contact, Readings, UnitState
from interlocks.words import Truth, Verdict

RULE: Final = "hv_uncommanded"
ADOPTED: Final = "adopted"
UNCOMMANDED: Final = "uncommanded"
UNSEEN_S: Final = 0.3
"""What may have passed before the first sign and after the last: the age of a reading, and a window of the unit's rates."""
QUIET_S: Final = 0.5
PIECE_S: Final = 1.0
"""A beam that lasts is written down in pieces, so that a process that dies has told all but the last."""
COUNTED_S: Final = 10.0
"""One that the unit counts is looked at for so long: the exposure's own record will hold it."""
FULL: Final = 0xFFFF
AIR_MOST: Final = 2.0
"""No air correction of a vented chamber is above it (60 kPa, 40 C: 1.8)."""


def highest_mgy(
    certificate: Certificate, seconds: float, counts_1: float, counts_2: float, saturated_s: float, tails: int = 1
) -> float:
    """The most that such a beam can have given (D0): by time, by either channel's counts, each with the certificate's strongest combination. `tails` is 0 for
    the further pieces of one beam."""
    rate = max(c.r0_mgy_per_s for c in certificate.combinations)
    tail = max(uncounted_tail_mgy(c.tail_mgy, c.r0_mgy_per_s) for c in certificate.combinations)
    by_1 = counts_1 * max(c.n1_mgy_per_count for c in certificate.combinations)
    by_2 = (
        counts_2
        * max(c.n2_mgy_per_count for c in certificate.combinations)
        * (AIR_MOST if certificate.vented_2 else 1.0)
    )
    return max(RATE_MAX_OVER_R0 * rate * seconds, by_1, by_2) + SATURATED_OVER_R0 * rate * saturated_s + tails * tail


def unknown_token(readings: Readings, statement: Statement | None) -> int:
    """What the unit retains and the records do not know; 0 when there is nothing of the kind."""
    unit = readings.unit
    if unit is None or statement is None or readings.unit_link.lost:
        return 0
    known = {0, statement.reset_due_token, *(open_.token for open_ in statement.opens)}
    return unit.token if unit.token not in known and unit.state != UnitState.RUN else 0


def adopt_refused(request: Adopt, readings: Readings, statement: Statement | None) -> str:
    """Why what the unit retains may not be taken in; empty when it may."""
    unit = readings.unit
    if request.role != "service" or not request.who.strip() or not request.reason.strip():
        return "taking in a retained exposure needs the role service, a name and a reason"
    if unit is None or readings.slow is None:
        return "the safety unit has not been read; wait for it and ask again"
    if not unknown_token(readings, statement):
        return "the safety unit retains nothing that the records do not know; reset instead (kerma reset)"
    if not unit.contacts_a & unit.contacts_b & Contact.KEY_SERVICE:
        return "the key is not in SERVICE; turn it there first"
    return ""


def adopted(request: Adopt, readings: Readings, certificate: Certificate, wall_s: float) -> Stray | None:
    """The retained exposure as an entry: its dose is not known, and counts as its high bound."""
    unit, slow = readings.unit, readings.slow
    if unit is None or slow is None:
        return None
    beam_s = max(unit.beam_ms, slow.k1_ms) / 1000.0
    open_s = CUT_S if unit.first_cause in (Cause.RATE, Cause.FILTER) else 0.0
    high = highest_mgy(certificate, beam_s, unit.counts_1, unit.counts_2, open_s)
    return Stray(
        ADOPTED, unit.token, slow.fraction_tag, beam_s, unit.counts_1, unit.counts_2, 0.0, high, request.who, request.reason, wall_s,
    )  # fmt: skip


class Uncommanded:
    """Follows high voltage that nobody asked for, from its first sign until it has been quiet for a while."""

    def __init__(self) -> None:
        self._told_s = self._rates_told_s = float("-inf")
        self._forget()

    def _forget(self) -> None:
        self._since_s: float | None = None
        self._last_s = self._rates_of_s = self._saturated_s = 0.0
        self._counts = (0.0, 0.0)
        self._began: tuple[int, int] | None = None
        self._now: tuple[int, int] | None = None
        self._goes_on = False

    def follow(
        self,
        readings: Readings,
        verdict: Verdict,
        exposing: bool,
        unsettled: bool,
        certificate: Certificate,
        wall_s: float,
    ) -> Stray | None:
        """An entry when a piece of it is over. What an exposure's own record will count is none of it: one that goes on (`exposing`), or one of a
        process before, whose counters move and which the self-test has not settled yet (`unsettled`)."""
        now, unit = readings.now_s, readings.unit
        self._now = (unit.counts_1, unit.counts_2) if unit is not None else None
        seen = any(f.rule == RULE and f.truth is Truth.FALSE for f in verdict.findings)
        if seen and not exposing:
            if self._since_s is None:
                self._begin(now, unsettled)
            self._last_s = now
        if self._since_s is None:
            return None
        self._add_rates(readings)
        piece_s = COUNTED_S if self._is_counted else PIECE_S
        if now - self._last_s < QUIET_S and now - self._since_s < piece_s:
            return None
        return self.rest(certificate, wall_s)

    def rest(self, certificate: Certificate, wall_s: float) -> Stray | None:
        """An entry of what has not been written down yet; None when there is nothing."""
        if self._since_s is None:
            return None
        # what may have passed before and after, and the tail, stand in the first piece
        unseen_s, tails = (0.0, 0) if self._goes_on else (2.0 * UNSEEN_S, 1)
        seconds = self._last_s - self._since_s + unseen_s
        high = highest_mgy(certificate, seconds, *self._counts, self._saturated_s, tails)
        entry = Stray(
            UNCOMMANDED, 0, 0, seconds, round(self._counts[0]), round(self._counts[1]), 0.0, high, "", "", wall_s,
        )  # fmt: skip
        counted = self._is_counted
        if not counted:
            self._told_s, self._rates_told_s = self._last_s, self._rates_of_s
        self._forget()
        return None if counted else entry

    @property
    def _is_counted(self) -> bool:
        """Whether the unit's counters have moved in this piece of a beam that a process before began."""
        return self._began is not None and self._now is not None and self._began != self._now

    def _begin(self, now: float, unsettled: bool) -> None:
        """A new beam, or the next piece of one that was written down until a moment ago: that goes on where the last piece ended."""
        self._goes_on = now - self._told_s < QUIET_S
        self._since_s, self._rates_of_s = (self._told_s, self._rates_told_s) if self._goes_on else (now, now - UNSEEN_S)
        self._began = self._now if unsettled else None

    def _add_rates(self, readings: Readings) -> None:
        """The unit's counts of the last 100 ms, for the time since they were last read."""
        slow = readings.slow
        if slow is None or slow.asked_at_s <= self._rates_of_s:
            return
        between_s, self._rates_of_s = slow.asked_at_s - self._rates_of_s, slow.asked_at_s
        if FULL in (slow.rate_1, slow.rate_2):
            self._saturated_s += between_s
            return
        windows = between_s / 0.1
        self._counts = (self._counts[0] + slow.rate_1 * windows, self._counts[1] + slow.rate_2 * windows)
