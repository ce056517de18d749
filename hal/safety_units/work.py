"""What a command still needs of the safety unit: the next write of a set-up, or the one write of ARM, RESET, UNLATCH and TEST.
It looks only at status blocks asked for after its last write, and knows no wire."""

from __future__ import annotations

import math
import struct
import zlib
from typing import Final

from hal.commands import STAGING_BYTES, Arm, Command, Plan, Reset, SetUp, Test, Unlatch
from hal.modbus import Question
from hal.readings import Refusal, UnitActive, UnitState, UnitStatus
from hal.safety_units import kerma_map as m

RETRY_S: Final = 0.200
COMMIT_AGAIN_S: Final = 1.0
WRITABLE: Final = (UnitState.IDLE, UnitState.COMMITTED, UnitState.ENDED)
OneShot = Arm | Reset | Unlatch | Test
SHOTS: Final = frozenset({m.ARM.name, m.RESET.name, m.UNLATCH.name, m.TEST.name})


class Work:
    """One command at a time: a set-up goes on until it reads back equal; a one-shot goes out once, and again only if the unit shows that it did not take."""

    def __init__(self, site_key: bytes) -> None:
        self._site_key = site_key
        self.refusal: Refusal | None = None
        self.want(None)
        self.from_scratch()

    def from_scratch(self) -> None:
        """After an opening: nothing is staged by us, and any status is newer than our last write."""
        self._staged: bytes | None = None
        self._wrote_at_s = -math.inf

    def want(self, command: Command | None) -> None:
        """The command from now on, as if for the first time."""
        self.command = command
        self._shot_at_s = -math.inf
        self._shot_over = False
        self._commit_again_s = -math.inf

    def next(self, status: UnitStatus, active: UnitActive | None, now: float) -> Question | None:
        """The next request towards the command; None when there is none to send now."""
        if isinstance(self.command, SetUp):
            return self._set_up(self.command.plan, status, active, now)
        if isinstance(self.command, OneShot):
            return self._one_shot(self.command, status, now)
        return None

    def acknowledged(self, q: Question) -> None:
        """The unit has accepted one of our writes."""
        if q.name == m.STAGING.name:
            self._staged = q.data
        elif q.name in (m.TEST.name, m.UNLATCH.name):
            self._shot_over = True

    def refused(self, q: Question, words: str, now: float) -> None:
        """The unit has refused one of our writes."""
        self._staged = None
        self._shot_over = self._shot_over or q.name in SHOTS
        self.refusal = Refusal(now, q.name, words)

    def refuse(self, what: str, words: str, now: float) -> None:
        """Something that could not be sent at all; told once while it lasts."""
        if self.refusal is None or (self.refusal.what, self.refusal.words) != (what, words):
            self.refusal = Refusal(now, what, words)

    def _one_shot(self, command: OneShot, status: UnitStatus, now: float) -> Question | None:
        if self._shot_over or now - self._shot_at_s < RETRY_S or status.asked_at_s <= self._shot_at_s:
            return None
        if self._shot_at_s > -math.inf and _taken(command, status):
            self._shot_over = True
            return None
        self._shot_at_s = now
        try:
            return _shot(command, status.challenge, self._site_key)
        except (OverflowError, ValueError, struct.error) as why:
            self._shot_over = True
            self.refuse(type(command).__name__.lower(), f"cannot be put on this wire: {why}", now)
        return None

    def _set_up(self, plan: Plan, status: UnitStatus, active: UnitActive | None, now: float) -> Question | None:
        """Stage, commit, read back as bytes."""
        if len(plan.staging) != STAGING_BYTES or zlib.crc32(plan.staging) != plan.staging_crc:
            self.refuse("set-up", f"staging is not {STAGING_BYTES} bytes with their CRC-32; load again", now)
            return None
        if status.asked_at_s <= self._wrote_at_s or status.state not in WRITABLE:
            return None
        if status.state == UnitState.COMMITTED and status.active_crc == plan.staging_crc:
            if active is None or active.asked_at_s <= self._wrote_at_s or active.active_crc != status.active_crc:
                return m.READ_ACTIVE
            if active.crc_ok and active.block == plan.staging:
                return None
        if self._staged == plan.staging:
            self._staged = None
            self._wrote_at_s = now
            return m.commit_question(plan.staging_crc)
        if now < self._commit_again_s:
            return None
        self._commit_again_s = now + COMMIT_AGAIN_S
        self._wrote_at_s = now
        return m.stage_question(plan.staging)


def _taken(command: OneShot, status: UnitStatus) -> bool:
    """Does a status asked for after the command show that it took?"""
    if isinstance(command, Arm):
        return status.token == command.token and status.state in (UnitState.ARMED, UnitState.RUN, UnitState.ENDED)
    if isinstance(command, Reset):
        return status.token != command.token
    if isinstance(command, Unlatch):
        return status.state != UnitState.LATCHED
    return status.state == UnitState.TEST


def _shot(command: OneShot, challenge: int, site_key: bytes) -> Question:
    """The write of a one-shot command, with the newest challenge."""
    if isinstance(command, Arm):
        return m.arm_question(command.token, command.active_crc, challenge, site_key)
    if isinstance(command, Reset):
        return m.reset_question(command.token, challenge, site_key)
    if isinstance(command, Unlatch):
        return m.unlatch_question(command.latch_code)
    return m.test_question(command.number)
