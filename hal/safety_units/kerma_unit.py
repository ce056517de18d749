"""Kerma's safety unit on Modbus TCP or RTU: identified, disarmed, then one status transaction a tick and all else in between; DISARM has its own connection.
It knows the order of asking and writing, not the layout (kerma_map) and no rule: what a state means for the beam is for the interlocks."""

from __future__ import annotations

import math
import struct
from typing import Final

import msgspec

from hal import poll_plan
from hal.commands import Command
from hal.errors import Trouble, TroubleKind
from hal.exchange import ROUNDING_S, Answer
from hal.machine import Renewal
from hal.modbus import Question, Registers, RtuDialect, TcpDialect, reply_bytes, request_bytes
from hal.poll_plan import Poll
from hal.readings import Exposed, Link, Refusal, UnitActive, UnitIdentity, UnitSlow, UnitState, UnitStatus
from hal.registry import OpenPipe, SafetyUnitDriver, SafetyUnitSetting
from hal.safety_units import kerma_map as m
from hal.safety_units.kerma_words import decode
from hal.safety_units.scan_check import ScanCheck
from hal.safety_units.work import RETRY_S, Work
from hal.transport import parse_link
from hal.units import Seconds
from hal.wire import Wire

SLOW_EVERY_S: Final = 1.0
TESTED_EVERY_S: Final = 0.1
AFTER_TEST_S: Final = 1.0
"""While the unit tests itself, and shortly after, the slow block with the results is read this often."""
ACTIVE_EVERY_S: Final = 2.0
STOP_CHECK_EVERY_S: Final = 1.0
OFF_REPEAT_S: Final = 0.100
ASK_AGAIN_S: Final = 1.0
STATUS_OLD_S: Final = 0.100
HISTORY_AFTER_S: Final = 0.5
"""The history is the longest reply of all, 20 ms on a serial line: right behind the end of a beam it would stand before DISARM and the status after it."""
TCP_DEADLINE_S: Final = 0.050
_NEVER: Final = -math.inf
_PERMITTING: Final = (int(UnitState.ARMED), int(UnitState.RUN))
_TEST: Final = int(UnitState.TEST)
_HISTORY: Final = m.HISTORY.name
_ACTIVE: Final = m.ACTIVE.name
_SLOW: Final = m.SLOW.name
_POLL_QUESTION: Final = m.renew_question(0, 0, 0, 0, False)


def _frames(q: Question, setting: SafetyUnitSetting, every_s: float = 0.0) -> Poll:
    packets = parse_link(setting.link).packets
    return Poll(q.name, request_bytes(q, packets), reply_bytes(q, packets), setting.turnaround_s, every_s)


def _baud(setting: SafetyUnitSetting) -> int:
    return 0 if parse_link(setting.link).packets else setting.baud


def _polls(setting: SafetyUnitSetting) -> tuple[Poll, ...]:
    """The status block whenever the wire is free (each tick on TCP), the slow block once a second, the active set every other second."""
    return (
        _frames(_POLL_QUESTION, setting),
        _frames(m.READ_SLOW, setting, SLOW_EVERY_S),
        _frames(m.READ_ACTIVE, setting, ACTIVE_EVERY_S),
    )


def _worst_age_s(setting: SafetyUnitSetting) -> dict[str, float]:
    """On TCP the reply is in within the tick's own slot, and the rest fits behind it; on RTU a second request takes the next place."""
    if parse_link(setting.link).packets:
        return {"unit": setting.tick_s + setting.turnaround_s, "slow": SLOW_EVERY_S + 2 * setting.tick_s}
    ages = poll_plan.plan(_baud(setting), _polls(setting), setting.tick_s)
    return {"unit": ages["status"], "slow": ages["slow"]}


def _off_s(setting: SafetyUnitSetting) -> float:
    """TCP: at once, on its own connection. RTU: behind the running frame, which is waited for no longer than the exchange allows."""
    if parse_link(setting.link).packets:
        return setting.turnaround_s
    return max(poll.takes_s(_baud(setting)) for poll in _polls(setting))


class KermaUnit:
    """The unit at the end of its wires; see `hal.registry.SafetyUnit` for the verbs.

    On TCP the status connection carries one request a tick and, once its reply is in, one more; DISARM has a connection of its own and goes
    on both unless that one has answered the last that it was asked. On RTU the two kinds take turns, and DISARM follows the running frame.
    """

    def __init__(self, setting: SafetyUnitSetting, open_pipe: OpenPipe) -> None:
        self._setting = setting
        self._tcp = parse_link(setting.link).packets
        deadline_s, drain_s = TCP_DEADLINE_S, 0.0
        if not self._tcp:
            longest_s = max(
                poll.takes_s(_baud(setting)) for poll in (*_polls(setting), _frames(m.READ_HISTORY, setting))
            )
            deadline_s, drain_s = longest_s + setting.turnaround_s + 0.020, max(0.020, 2.0 * setting.turnaround_s)
        dialect = TcpDialect if self._tcp else RtuDialect

        def wire() -> Wire[Question, Registers]:
            return Wire(
                lambda: open_pipe(setting.link, setting.baud), lambda: dialect(setting.unit_id), deadline_s, drain_s
            )

        self._wire = wire()
        self._stop = wire() if self._tcp else self._wire
        self._status_old_s = max(STATUS_OLD_S, _worst_age_s(setting)["unit"])
        self._scan = ScanCheck()
        self._scan_us = m.SCAN_US
        self.identity: UnitIdentity | None = None
        self.status: UnitStatus | None = None
        self.slow: UnitSlow | None = None
        self._tested_at = -math.inf
        self.active: UnitActive | None = None
        self.history: tuple[Exposed, ...] | None = None
        self._work = Work(setting.site_key)
        self._off_at_s = -math.inf
        self._off_waits = False
        self._off_alone = False
        self._stop_answered = 0
        self._stop_known = 0
        self._firmware = ""
        self._from_scratch()

    def _from_scratch(self) -> None:
        self._opened = self._wire.opened
        self.identity = None
        self.disarmed = False
        self._seq: int | None = None
        self._asked_seq: int | None = None
        self._asked: dict[str, float] = {}
        self._other_turn = False
        self._work.from_scratch()
        self._history_token: int | None = None
        self._history_for = 0
        self._permitted_at = -math.inf
        self._scan.forget()

    @property
    def wires(self) -> tuple[Wire[Question, Registers], ...]:
        return (self._wire, self._stop) if self._tcp else (self._wire,)

    @property
    def identified(self) -> bool:
        return self.identity is not None and not self.identity.mismatch

    @property
    def absent(self) -> bool:
        """Nobody answers, or somebody else does: there is no unit to disarm first."""
        return self._wire.tried or (self.identity is not None and bool(self.identity.mismatch))

    @property
    def refusal(self) -> Refusal | None:
        return self._work.refusal

    @property
    def scan_true(self) -> bool:
        return self._scan.true

    @property
    def fds(self) -> tuple[int, ...]:
        """The status connection while a reply is under way on it; a serial line's reply does not fit a slot."""
        exchange = self._wire.exchange
        if not self._tcp or exchange is None or exchange.idle or not exchange.flushed:
            return ()
        fd = self._wire.fd
        return () if fd is None else (fd,)

    def link(self, now: Seconds) -> Link:
        status = self.status
        lost = not self._wire.up or status is None or now - status.asked_at_s > self._status_old_s
        return self._wire.link(lost, now)

    def ask(self, renew: Renewal | None, now: Seconds, may_open: bool) -> None:
        """One request if the wire is free: the status, with the renewal; what the wire has no room for is not sent later."""
        self._wire.serve(now, may_open)
        if self._tcp:
            self._stop.serve(now, may_open)
        if self._wire.opened != self._opened:
            self._from_scratch()
        self.take(now, more=False)
        if self._off_waits or self._off_unheard:
            self._send_off(now)
        elif self._tcp:
            self._check_stop(now)
        exchange = self._wire.exchange
        if exchange is None or not exchange.idle:
            return
        question = self._opening(now)
        if question is None and self._seq is not None:
            question = None if self._tcp or not self._other_turn else self._other(now)
            self._other_turn = question is None
            question = question or self._status_question(renew, now)
        if question is not None:
            self._ask(question, now)

    def take(self, now: Seconds, more: bool = True) -> None:
        """Takes what came. `more`: on TCP the wire is then free until the next tick, so what is due goes out behind the status."""
        answer = self._wire.poll(now)
        if answer is not None:
            self._heard(answer, now)
        if not self._tcp:
            return
        answer = self._stop.poll(now)
        if answer is not None:
            self._stop_heard(answer)
        if more:
            self._send_other(now)

    def want(self, command: Command | None, now: Seconds) -> None:
        """What to work towards from now on. A one-shot goes out once; the same again is the same, and what is due for it went out behind the status."""
        if command == self._work.command:
            return
        self._work.want(command)
        if self._tcp:
            self._send_other(now)

    def off(self, now: Seconds, at_once: bool) -> bool:
        """DISARM, again each OFF_REPEAT_S (`at_once`: even if the last is younger), and on both connections where the last went alone and was not answered.
        True when its bytes have left; False for an unidentified unit."""
        self._work.want(None)
        if not self._may_disarm():
            return False
        due = at_once or now - self._off_at_s >= OFF_REPEAT_S - ROUNDING_S or self._off_waits
        if not due and (self._off_unheard or not self._off_left()):
            self.take(now, more=False)
        if due or self._off_unheard:
            self._send_off(now)
        return not self._off_waits and self._off_left()

    def _may_disarm(self) -> bool:
        """The unit is identified on the status connection; or, while that one is opened again, on the connection kept for this."""
        return (self.identified and self._wire.opened == self._opened) or (self._tcp and self._stop_identified)

    @property
    def _stop_identified(self) -> bool:
        return self._stop_known == self._stop.opened > 0

    @property
    def _stop_answers(self) -> bool:
        """The connection kept for DISARM has answered the last that it was asked."""
        return self._stop_answered == self._stop.opened

    @property
    def _off_unheard(self) -> bool:
        """The last DISARM went on its own connection alone, and that one has not answered it."""
        return self._off_alone and not self._stop_answers

    def _send_off(self, now: Seconds) -> None:
        """On its own connection, once the unit is identified there; on the status connection too, unless that one is up and has answered its last check or
        DISARM. A DISARM that went there alone and is not answered by the next tick, or the next call of `off`, goes again, on both."""
        self.take(now, more=False)
        answers = self._stop_answers
        sent = (self._stop_identified or not self._tcp) and self._disarm_on(self._stop, now)
        self._off_alone = self._tcp and answers and sent
        if self._tcp and not self._off_alone and self.identified:
            sent = self._disarm_on(self._wire, now) or sent
        self._off_waits = not sent
        if sent:
            self._off_at_s, self._stop_answered = now, 0
            self._work.from_scratch()
            # DISARM had the turn of something else; what comes of it is in the status
            self._other_turn = False

    def _disarm_on(self, wire: Wire[Question, Registers], now: Seconds) -> bool:
        exchange = wire.exchange
        if exchange is None:
            return False
        exchange.purge(now)
        return exchange.off(m.DISARM_NOW, now) and exchange.flushed

    def _off_left(self) -> bool:
        wires = (self._stop, self._wire) if self._tcp else (self._wire,)
        return any(wire.exchange is not None and wire.exchange.flushed for wire in wires)

    def _check_stop(self, now: Seconds) -> None:
        """A connection that is only used in need may be dead unseen: it reads the identity now and then."""
        exchange = self._stop.exchange
        if exchange is not None and exchange.idle and self._waited("stop", now) >= STOP_CHECK_EVERY_S:
            self._asked["stop"] = now
            self._stop_answered = 0
            exchange.ask(m.READ_IDENTITY, now)

    def _opening(self, now: Seconds) -> Question | None:
        """Identity, DISARM, then one status that only reads, for the host sequence to go on from; None when that is all done."""
        if self.identity is None or (self.identity.mismatch and now - self.identity.asked_at_s >= ASK_AGAIN_S):
            return m.READ_IDENTITY
        if self.identity.mismatch:
            return None
        if not self.disarmed:
            self._send_off(now)
            self.disarmed = not self._off_waits
            exchange = self._wire.exchange
            if exchange is None or not exchange.idle:
                return None
        return m.READ_STATUS if self.disarmed and self._seq is None else None

    def _status_question(self, renew: Renewal | None, now: Seconds) -> Question:
        seq = ((self._seq or 0) + 1) % m.WRAP
        self._seq = self._asked_seq = seq
        if renew is not None and self.status is not None:
            try:
                return m.renew_question(seq, self.status.challenge, renew.token, renew.lease_ms, True)
            except struct.error as why:
                self._work.refuse("renew", f"{renew} cannot be put on this wire: {why}", now)
        return m.renew_question(seq, 0, 0, 0, False)

    def _ask(self, question: Question, now: Seconds) -> None:
        exchange = self._wire.exchange
        if exchange is not None and exchange.ask(question, now):
            self._asked[question.name] = now

    def _send_other(self, now: Seconds) -> None:
        exchange = self._wire.exchange
        # Behind this tick's status only: before it, the wire belongs to the renewal.
        if (
            exchange is None
            or not exchange.idle
            or self._seq is None
            or self._off_waits
            or self._asked.get("status") != now_of(self.status)
        ):
            return
        question = self._other(now)
        if question is not None:
            self._ask(question, now)

    def _other(self, now: Seconds) -> Question | None:
        """The most urgent of what is not the status: a command's write, then what changed, then what is due."""
        status, active = self.status, self.active
        if status is None:
            return None
        work = self._work.next(status, active, now)
        if work is not None:
            return work
        if (
            self._history_token != status.token
            and status.state not in _PERMITTING
            and now - self._permitted_at >= HISTORY_AFTER_S
            and self._waited(_HISTORY, now) >= RETRY_S
        ):
            self._history_for = status.token
            return m.READ_HISTORY
        changed, asked = active is None or active.active_crc != status.active_crc, self._asked
        if now - asked.get(_ACTIVE, _NEVER) >= (RETRY_S if changed else ACTIVE_EVERY_S):
            return m.READ_ACTIVE
        if status.state == _TEST:
            self._tested_at = now
        tested = now - self._tested_at < AFTER_TEST_S
        if now - asked.get(_SLOW, _NEVER) >= (TESTED_EVERY_S if tested else SLOW_EVERY_S):
            return m.READ_SLOW
        return None

    def _waited(self, name: str, now: Seconds) -> float:
        """How long ago this was asked."""
        return now - self._asked.get(name, _NEVER)

    def _heard(self, answer: Answer[Question, Registers], now: Seconds) -> None:
        q, value = answer.q, answer.value
        try:
            if answer.fence:
                return
            if isinstance(value, Trouble):
                self._troubled(q, value, now)
                return
            trouble = self._took(q, value.data, answer.asked_at)
        except Exception as why:  # a decoder's fault must not stop the tick
            trouble = Trouble(TroubleKind.FRAME_BAD, q.name, repr(why))
        if trouble is not None:
            self._wire.trouble(trouble)

    def _took(self, q: Question, data: bytes, asked_at: Seconds) -> Trouble | None:
        """Puts a good reply where it belongs; the trouble if its block does not hold."""
        if q.read_at == m.STATUS.at and q.count == m.STATUS.registers:
            return self._took_status(q, data, asked_at)
        if q == m.READ_IDENTITY:
            self.identity, self._scan_us = m.identity_of(data, asked_at, self._setting.serial, self._setting.simulated)
            self._recognise()
        elif q == m.READ_SLOW:
            slow = m.slow_of(data, asked_at)
            if isinstance(slow, Trouble):
                return slow
            self.slow = slow
        elif q == m.READ_ACTIVE:
            self.active = m.active_of(data, asked_at)
        elif q == m.READ_HISTORY:
            self.history, self._history_token = m.history_of(data), self._history_for
        else:
            self._work.acknowledged(q)
        return None

    def _recognise(self) -> None:
        """The serial is the configured one; a unit that comes back with another program is another unit until a person starts anew."""
        identity = self.identity
        if identity is None:
            return
        if not identity.mismatch and self._firmware and identity.firmware != self._firmware:
            words = f"firmware is {identity.firmware}, and was {self._firmware} before; look at the unit, then start kerma run again"
            identity = self.identity = msgspec.structs.replace(identity, mismatch=words)
        if identity.mismatch:
            self._wire.trouble(Trouble(TroubleKind.WRONG_DEVICE, m.IDENTITY.name, identity.mismatch))
        else:
            self._firmware = identity.firmware

    def _took_status(self, q: Question, data: bytes, asked_at: Seconds) -> Trouble | None:
        read_only = q == m.READ_STATUS
        status = m.status_of(data, asked_at, None if read_only else self._asked_seq)
        if isinstance(status, Trouble):
            return status
        if self.status is not None and status.boot_count != self.status.boot_count:
            # A reboot, or another unit: who it is, its sequence and its history are read again; it is disarmed by having rebooted.
            self._scan.forget()
            self.identity, self._seq, self._history_token = None, None, None
        elif read_only:
            self._seq = status.host_seq_echo
        self._scan.add(asked_at, status.scan, self._scan_us)
        if status.state in _PERMITTING:
            self._permitted_at = asked_at
        self.status = status
        self._wire.content()
        return None

    def _troubled(self, q: Question, trouble: Trouble, now: Seconds) -> None:
        if trouble.kind not in (TroubleKind.REFUSED, TroubleKind.BUSY):
            return
        if q.name == "status":
            # Another master has moved the sequence, or the renewal is out of its bounds: find the place again.
            self._seq = None
        elif q.write_at and q.name != m.DISARM.name:
            self._work.refused(q, trouble.detail, now)

    def _stop_heard(self, answer: Answer[Question, Registers]) -> None:
        value = answer.value
        if isinstance(value, Trouble):
            return
        self._stop_answered, self._off_alone = self._stop.opened, False
        if answer.q.name != m.DISARM.name:
            setting = self._setting
            who, _ = m.identity_of(value.data, answer.asked_at, setting.serial, setting.simulated)
            if who.mismatch:
                self._wire.trouble(Trouble(TroubleKind.WRONG_DEVICE, "disarm connection", who.mismatch))
                self._stop.close(answer.asked_at)
            else:
                self._stop_known = self._stop.opened
                self._stop.content()


def now_of(status: UnitStatus | None) -> float | None:
    """When the latest status was asked for."""
    return None if status is None else status.asked_at_s


DRIVER: Final = SafetyUnitDriver(
    name="kerma-unit",
    words="Kerma's published safety unit (docs/safety-unit.md), Modbus TCP or RTU: timer, count presets, lease, two contactors, contacts in two channels",
    make=KermaUnit,
    polls=_polls,
    worst_age_s=_worst_age_s,
    off_s=_off_s,
    hardware_timer=True,
    lease=True,
    second_contactor=True,
    count_limits=True,
    decode=decode,
)
