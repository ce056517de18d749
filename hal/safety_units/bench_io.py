"""Bought Modbus TCP I/O as the safety unit of a bench rig: known, its watchdog proved, then inputs each tick and outputs written only while they may be.
It knows the order of asking and writing; addresses and bits are a Device's table, and what the contacts mean is hal/safety_units/emulated.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hal.commands import Arm, Command, Reset, SetUp, Test, Unlatch
from hal.errors import Trouble, TroubleKind
from hal.exchange import Answer
from hal.machine import Fitted, Renewal
from hal.modbus import Question, Registers, TcpDialect, reply_bytes, request_bytes
from hal.modbus_words import NAMES, Telling, words
from hal.poll_plan import Poll
from hal.readings import (
    Exposed,
    Link,
    Refusal,
    UnitActive,
    UnitCapability,
    UnitIdentity,
    UnitSlow,
    UnitState,
    UnitStatus,
)
from hal.registry import OpenPipe, SafetyUnitSetting
from hal.safety_units.emulated import COUNTER_BITS, HARD_CAP_COUNTS, HARD_CAP_S, EmulatedUnit, Outputs, Pins
from hal.units import Seconds
from hal.wire import Wire

TCP_DEADLINE_S: Final = 0.050
STATUS_OLD_S: Final = 0.100
OFF_REPEAT_S: Final = 0.100
SLOW_EVERY_S: Final = 0.100
SUPERVISE_EVERY_S: Final = 0.500
STOP_CHECK_EVERY_S: Final = 1.0
BEGIN_AGAIN_S: Final = 1.0
ALIVE_S: Final = 0.300
"""Three times the bound of one old status: a device whose looped output stands still for longer repeats itself (fault-L8)."""


def _request(function: int, read_at: int, count: int, write_at: int, data: bytes) -> str:
    if data:
        return f"{NAMES.get(function, function)} {data.hex()} at {write_at:04x}"
    return f"{NAMES.get(function, function)} {count} at {read_at:04x}"


TELLING: Final = Telling(_request, lambda function, data: f"{NAMES.get(function, function)}: {data.hex()}")
LEASE_LEAST_MS: Final = 20
LEASE_MOST_MS: Final = 500
EXPIRED: Final = "exception 4:"
ONE_SHOTS: Final = (Arm, Reset, Unlatch, Test)

Notes = dict[str, int]
"""What the steps of one opening have read and later ones need."""


@dataclass(frozen=True)
class Step:
    """One request of the opening and what must come of it: `check` gives words when it does not hold.

    `optional`: a device without this register may refuse it. `expires_s`: asked again and again until everything is answered with exception 4, which
    must come between these times after the step before. `quiet_s`: nothing at all is sent for this long before it.
    """

    name: str
    question: Callable[[Notes], Question]
    check: Callable[[Notes, bytes], str]
    optional: bool = False
    expires_s: tuple[float, float] | None = None
    quiet_s: float = 0.0


@dataclass(frozen=True)
class Device:
    """One kind of bought I/O. The first `identifies` steps only read; `who` makes of their notes the serial number, firmware words, and what is wrong.

    `restart` brings a device back that answers everything with exception 4 (None: it has no such state); `supervise` is read now and then and
    `supervised` gives words when the watchdog does not run; `looped` is the pulse output as an input sees it (None: not wired). `counter_bits`:
    how wide each of its two counters is.
    """

    words: str
    steps: tuple[Step, ...]
    identifies: int
    who: Callable[[Notes, SafetyUnitSetting], tuple[str, str, str]]
    again: Question
    known_by: Callable[[Notes, bytes], bool]
    status: Question
    read_back: Question
    supervise: Question | None
    supervised: Callable[[bytes], str]
    restart: Question | None
    outputs: Callable[[Outputs, bool], Question]
    pins: Callable[[bytes, bytes, float], Pins]
    looped: Callable[[bytes], bool] | None
    fitted: Fitted
    counts_most_per_s: float = math.inf
    counter_bits: tuple[int, int] = COUNTER_BITS

    @property
    def off(self) -> Question:
        return self.outputs(Outputs(), False)

    def polls(self, setting: SafetyUnitSetting) -> tuple[Poll, ...]:
        """Inputs and outputs each tick, side by side on two connections; the read-back behind the inputs."""
        questions = (self.status, self.read_back, self.off)
        return tuple(
            Poll(q.name, request_bytes(q, True), reply_bytes(q, True), setting.turnaround_s) for q in questions
        )

    def decode(self, sent: bool, data: bytes) -> str:
        """A piece of the wire log in words. Never raises."""
        return words(TELLING, sent, data)

    def worst_age_s(self, setting: SafetyUnitSetting) -> dict[str, float]:
        """A reply that misses the slot is taken a tick later."""
        return {
            "unit": 2.0 * setting.tick_s + setting.turnaround_s,
            "slow": SLOW_EVERY_S + 2.0 * setting.tick_s + setting.turnaround_s,
        }


class BenchUnit:
    """One device with the emulation over it; see `hal.registry.SafetyUnit` for the verbs.

    Outputs are written with a renewal, in a self-test, or to turn something off; everything off is written each tick. So the device's watchdog is fed by
    what the gate permits, and by nothing else while a contactor is closed.
    """

    def __init__(self, setting: SafetyUnitSetting, open_pipe: OpenPipe, device: Device) -> None:
        self._setting, self._device = setting, device

        def wire() -> Wire[Question, Registers]:
            return Wire(
                lambda: open_pipe(setting.link, setting.baud), lambda: TcpDialect(setting.unit_id), TCP_DEADLINE_S, 0.0
            )

        self._wire, self._stop = wire(), wire()
        self._status_old_s = max(STATUS_OLD_S, device.worst_age_s(setting)["unit"])
        self._unit: EmulatedUnit | None = None
        self.status: UnitStatus | None = None
        self.slow: UnitSlow | None = None
        self.history: tuple[Exposed, ...] | None = None
        self.active: UnitActive | None = None
        self._refusal: Refusal | None = None
        self._command: Command | None = None
        self._given = False
        self._off_at_s = -math.inf
        self._off_waits = False
        self._off_answered = True
        self._ever_ready = False
        self._firmware = ""
        self._from_scratch()

    def _from_scratch(self) -> None:
        """After an opening, and whenever the device is not as it was set: known and proved again before anything is believed."""
        self._opened = self._wire.opened
        self.identity: UnitIdentity | None = None
        self.disarmed = False
        self._stop_known = 0
        self._notes: Notes = {}
        self._place = 0
        self._expired = False
        self._fault = ""
        self._stepped_at_s = -math.inf
        self._asked: dict[str, float] = {}
        self._read_back: bytes | None = None
        self._read_back_at_s = -math.inf
        self._inputs_at_s: float | None = None
        self._written: Outputs | None = None
        self._renewed = self._put_turn = False
        self._pulse = self._looped = False
        self._alive_at_s: float | None = None
        self.scan_true = True

    # -- what it is -------------------------------------------------------------------------------------------------

    @property
    def wires(self) -> tuple[Wire[Question, Registers], ...]:
        return (self._wire, self._stop)

    @property
    def identified(self) -> bool:
        return self.identity is not None and not self.identity.mismatch

    @property
    def absent(self) -> bool:
        return self._wire.tried or (self.identity is not None and bool(self.identity.mismatch))

    @property
    def ready(self) -> bool:
        """Known, set, and its watchdog seen to act in this opening."""
        return self._place == len(self._device.steps) and not self._expired and not self._fault

    @property
    def refusal(self) -> Refusal | None:
        return self._refusal

    @property
    def fds(self) -> tuple[int, ...]:
        exchange = self._wire.exchange
        if exchange is None or exchange.idle or not exchange.flushed or not self.ready:
            return ()
        fd = self._wire.fd
        return () if fd is None else (fd,)

    def link(self, now: Seconds) -> Link:
        status = self.status
        old = status is None or now - status.asked_at_s > self._status_old_s
        return self._wire.link(not self._wire.up or old, now)

    # -- the verbs --------------------------------------------------------------------------------------------------

    def ask(self, renew: Renewal | None, now: Seconds, may_open: bool) -> None:
        """The inputs are asked for; the outputs follow the emulation, with this renewal or without."""
        self._wire.serve(now, may_open)
        self._stop.serve(now, may_open)
        if self._wire.opened != self._opened:
            self._from_scratch()
        self.take(now, more=False)
        unit = self._unit
        # A renewal stands on a device that was just heard, as the safety unit's stands on its newest challenge.
        heard = self._inputs_at_s is not None and now - self._inputs_at_s <= self._status_old_s
        self._renewed = (
            unit is not None and renew is not None and heard and unit.renew(renew.token, renew.lease_ms, now)
        )
        if unit is not None:
            unit.pass_time(now)
        if self._off_waits:
            self._send_off(now)
        self._know_stop(now)
        if not self.ready:
            self._open_up(now, may_open)
            return
        if self._writer() is not self._wire:
            self._put_out(now)
        self._ask(self._device.status, now)

    def take(self, now: Seconds, more: bool = True) -> None:
        """Takes what came; whatever must go off then goes at once, and the read-back is asked for behind the inputs."""
        answer = self._wire.poll(now)
        if answer is not None:
            self._heard(answer, now)
        answer = self._stop.poll(now)
        if answer is not None:
            self._stop_heard(answer, now)
        if more and self.ready:
            self._go_on(now)
            self._less(now)
            self._behind(now)

    def want(self, command: Command | None, now: Seconds) -> None:
        """A set-up is given until it is held, a one-shot once."""
        if command != self._command:
            self._command, self._given = command, False
        self._go_on(now)

    def off(self, now: Seconds, at_once: bool) -> bool:
        """Everything that may be off goes off, on its own connection and on the other if that one does not answer. True when the bytes have left."""
        self._command = None
        if self._unit is not None:
            self._unit.disarm(now)
        if not self.ready and not (self._fault and self.disarmed):
            # The opening's own off comes right behind identity; a second one would feed the watchdog that is being proved.
            return self.disarmed and not self._off_waits
        if at_once or self._off_waits or now - self._off_at_s >= OFF_REPEAT_S:
            self._send_off(now)
        return not self._off_waits and self._left()

    # -- commands ---------------------------------------------------------------------------------------------------

    def _go_on(self, now: Seconds) -> None:
        unit, command = self._unit, self._command
        if unit is None or command is None or unit.pins is None or not self.ready:
            return
        if isinstance(command, SetUp):
            if not unit.holds(command):
                self._told(unit.order(command, now), "set-up", now)
                self._refresh(now)
        elif isinstance(command, ONE_SHOTS) and not self._given:
            self._given = True
            if not unit.holds(command):
                self._told(unit.order(command, now), type(command).__name__.lower(), now)
                self._refresh(now)

    def _told(self, refused: str, what: str, now: Seconds) -> None:
        last = self._refusal
        if refused and (last is None or (last.what, last.words) != (what, refused)):
            self._refusal = Refusal(now, what, refused)

    def _refresh(self, now: Seconds) -> None:
        """Slow block and active set are made of the last status; often enough, or because something has changed."""
        unit = self._unit
        if unit is not None:
            self._asked["slow"] = now
            self.slow, self.active, self.history = unit.slow(), unit.active(), unit.history()

    # -- outputs ----------------------------------------------------------------------------------------------------

    def _writer(self) -> Wire[Question, Registers]:
        """The second connection once it is known to end at the same device; else the first."""
        known = self._stop_known == self._stop.opened > 0 and self._stop.up
        return self._stop if known else self._wire

    def _put_out(self, now: Seconds) -> None:
        unit = self._unit
        if unit is None or self._off_waits:
            return
        wanted = unit.outputs
        closed = wanted.k1 or wanted.k2
        if not closed or self._renewed or unit.state is UnitState.TEST:
            self._write(wanted, now)

    def _less(self, now: Seconds) -> None:
        """What the last read has ended is opened now and not a tick later."""
        unit, written = self._unit, self._written
        if unit is None or written is None:
            return
        wanted = unit.outputs
        if (written.k1 and not wanted.k1) or (written.k2 and not wanted.k2):
            only_off = Outputs(wanted.k1 and written.k1, wanted.k2 and written.k2, wanted.beam_lamp, wanted.ready_lamp)
            exchange = self._writer().exchange
            if exchange is not None and exchange.off(self._device.outputs(only_off, self._pulse), now):
                self._written = only_off

    def _write(self, wanted: Outputs, now: Seconds) -> None:
        exchange = self._writer().exchange
        if exchange is not None and exchange.idle:
            pulse = not self._pulse
            if exchange.ask(self._device.outputs(wanted, pulse), now):
                self._pulse, self._written = pulse, wanted

    def _send_off(self, now: Seconds) -> None:
        unit = self._unit
        wanted = unit.outputs if unit is not None else Outputs()
        question = self._device.outputs(Outputs(False, wanted.k2, False, False), self._pulse)
        writer, unanswered = self._writer(), not self._off_answered
        sent = self._off_on(writer, question, now)
        if writer is not self._wire and (unanswered or not sent):
            sent = self._off_on(self._wire, question, now) or sent
        self._off_waits = not sent
        if sent:
            self._off_at_s, self._off_answered = now, False
            self._written = Outputs(False, wanted.k2, False, False)

    def _off_on(self, wire: Wire[Question, Registers], question: Question, now: Seconds) -> bool:
        exchange = wire.exchange
        if exchange is None:
            return False
        exchange.purge(now)
        return exchange.off(question, now) and exchange.flushed

    def _left(self) -> bool:
        return any(wire.exchange is not None and wire.exchange.flushed for wire in (self._stop, self._wire))

    # -- opening ----------------------------------------------------------------------------------------------------

    def _open_up(self, now: Seconds, may_open: bool) -> None:
        """One step at a time. A device that does not hold what it must is left alone for a second and asked again from the beginning."""
        exchange, device = self._wire.exchange, self._device
        if exchange is None or not exchange.idle or not may_open:
            return
        if self._fault:
            if now - self._stepped_at_s >= BEGIN_AGAIN_S:
                self._from_scratch()
            return
        if self._expired:
            # A unit that refuses everything cannot say who it is either: this one write comes before identity (docs/decisions/0013).
            if device.restart is not None and now - self._asked.get(device.restart.name, -math.inf) >= OFF_REPEAT_S:
                self._ask(device.restart, now)
            return
        step = device.steps[self._place]
        if now - self._stepped_at_s >= step.quiet_s or not step.quiet_s:
            self._ask(step.question(self._notes), now)

    def _took_step(self, q: Question, data: bytes, now: Seconds) -> None:
        device = self._device
        step = device.steps[self._place]
        if q.name != step.name:
            return
        if step.expires_s is not None:
            if now - self._stepped_at_s > step.expires_s[1]:
                self._fail(f"{device.words}: the watchdog did not act within {step.expires_s[1]:.2f} s of silence", now)
            return
        wrong = step.check(self._notes, data)
        if wrong:
            self._fail(f"{device.words}: {wrong}", now)
        else:
            self._next_step(now)

    def _next_step(self, now: Seconds) -> None:
        self._place += 1
        self._stepped_at_s = now
        device = self._device
        if self._place == device.identifies:
            self._identify(now)
        elif self._place == device.identifies + 1:
            self.disarmed = True
        if self._place == len(device.steps):
            if self._ever_ready and self._notes.get("was_off") and self._unit is not None:
                self._unit.rebooted(now)
            self._ever_ready = True
            self._wire.content()

    def _identify(self, now: Seconds) -> None:
        setting = self._setting
        serial, firmware, wrong = self._device.who(self._notes, setting)
        if not wrong and self._firmware and firmware != self._firmware:
            wrong = (
                f"it says {firmware}, and said {self._firmware} before; look at the device, then start kerma run again"
            )
        capabilities = UnitCapability.K2_FITTED | UnitCapability.HOLD_TO_RUN
        if setting.simulated:
            capabilities |= UnitCapability.SIMULATED
        self.identity = UnitIdentity(
            now, serial, f"EMULATED on {firmware}", int(capabilities), HARD_CAP_S, HARD_CAP_COUNTS,
            LEASE_LEAST_MS, LEASE_MOST_MS, wrong,
        )  # fmt: skip
        if wrong:
            self._fail(wrong, now)
            return
        self._firmware = firmware
        if self._unit is None:
            self._unit = EmulatedUnit(
                self._device.fitted,
                setting.tick_s,
                now,
                self._device.counts_most_per_s,
                self._device.counter_bits,
            )

    def _fail(self, words: str, now: Seconds) -> None:
        self._fault, self._stepped_at_s = words, now
        self._wire.trouble(Trouble(TroubleKind.REFUSED, "opening", words))
        self._told(words, "opening", now)

    def _found_expired(self, q: Question, now: Seconds) -> None:
        """Exception 4: expected where the watchdog is being proved, else the device has opened everything by itself."""
        place, device = self._place, self._device
        step = device.steps[place] if place < len(device.steps) else None
        if step is not None and step.expires_s is not None and q.name == step.name:
            least_s, most_s = step.expires_s
            took_s = now - self._stepped_at_s
            if least_s <= took_s <= most_s:
                self._next_step(now)
            else:
                self._fail(
                    f"{device.words}: the watchdog acted after {took_s:.2f} s, not within {least_s:.2f} to {most_s:.2f} s",
                    now,
                )
            return
        if not self._expired:
            words = (
                f"{device.words}: the watchdog has expired; it answers everything with exception 4, its outputs are off"
            )
            self._wire.trouble(Trouble(TroubleKind.REFUSED, "watchdog", words))
            self._told(words, "watchdog", now)
            if self._unit is not None:
                self._unit.expired(now)
            self._from_scratch()
            self._expired = True

    def _know_stop(self, now: Seconds) -> None:
        """The second connection says who is there when it opens, and now and then: it is only used in need otherwise."""
        exchange = self._stop.exchange
        if exchange is None or not exchange.idle or not self.ready:
            return
        if self._stop_known != self._stop.opened or now - self._asked.get("stop", -math.inf) >= STOP_CHECK_EVERY_S:
            self._asked["stop"] = now
            exchange.ask(self._device.again, now)

    # -- replies ----------------------------------------------------------------------------------------------------

    def _ask(self, q: Question, now: Seconds) -> None:
        exchange = self._wire.exchange
        if exchange is not None and exchange.ask(q, now):
            self._asked[q.name] = now

    def _behind(self, now: Seconds) -> None:
        """Behind this tick's inputs the wire is free: the outputs if they have no connection of their own, what is due, else the read-back."""
        exchange, device = self._wire.exchange, self._device
        if exchange is None or not exchange.idle or self._inputs_at_s is None:
            return
        self._put_turn = not self._put_turn
        if self._put_turn and self._writer() is self._wire:
            self._put_out(now)
            return
        if (
            device.supervise is not None
            and now - self._asked.get(device.supervise.name, -math.inf) >= SUPERVISE_EVERY_S
        ):
            self._ask(device.supervise, now)
        elif self._asked.get(device.read_back.name, -math.inf) < self._asked.get(device.status.name, 0.0):
            self._ask(device.read_back, now)

    def _heard(self, answer: Answer[Question, Registers], now: Seconds) -> None:
        q, value = answer.q, answer.value
        if answer.fence:
            return
        try:
            if isinstance(value, Trouble):
                self._troubled(q, value, now)
            elif not self.ready:
                self._opening_heard(q, value.data, now)
            else:
                self._took(q, value.data, answer.asked_at, now)
        except Exception as why:  # a decoder's fault must not stop the tick
            self._wire.trouble(Trouble(TroubleKind.FRAME_BAD, q.name, repr(why)))

    def _opening_heard(self, q: Question, data: bytes, now: Seconds) -> None:
        if self._expired:
            if self._device.restart is not None and q.name == self._device.restart.name:
                self._from_scratch()
            return
        if self._place < len(self._device.steps) and not self._fault:
            self._took_step(q, data, now)

    def _took(self, q: Question, data: bytes, asked_at: Seconds, now: Seconds) -> None:
        device, unit = self._device, self._unit
        if q == device.read_back:
            self._read_back, self._read_back_at_s = data, asked_at
        elif device.supervise is not None and q == device.supervise:
            wrong = device.supervised(data)
            if wrong and unit is not None:
                unit.rebooted(now)
                self._send_off(now)
                self._fail(f"{device.words}: {wrong}", now)
        elif q == device.status and unit is not None:
            self._inputs_at_s = asked_at
            if self._read_back is None or asked_at - self._read_back_at_s > self._status_old_s:
                # What the device drives and counts is half of a status; fresh inputs do not make it younger.
                return
            self._beat(data, asked_at)
            unit.see(device.pins(data, self._read_back, asked_at), now, self._read_back_at_s)
            self.status = unit.status
            if now - self._asked.get("slow", -math.inf) >= SLOW_EVERY_S or self.slow is None:
                self._refresh(now)
        elif q.write_at == device.off.write_at and q.function == device.off.function:
            self._off_answered = True

    def _beat(self, data: bytes, asked_at: Seconds) -> None:
        """The pulse output comes back on an input of its own; one that stands still is a device that repeats itself."""
        looped = self._device.looped
        if looped is None:
            return
        seen = looped(data)
        if self._alive_at_s is None or seen is not self._looped:
            self._alive_at_s, self._looped = asked_at, seen
        self.scan_true = asked_at - self._alive_at_s <= ALIVE_S

    def _troubled(self, q: Question, trouble: Trouble, now: Seconds) -> None:
        if (
            trouble.kind is TroubleKind.REFUSED
            and trouble.detail.startswith(EXPIRED)
            and self._device.restart is not None
        ):
            self._found_expired(q, now)
            return
        if self.ready or trouble.kind not in (TroubleKind.REFUSED, TroubleKind.BUSY) or self._expired or self._fault:
            return
        step = self._device.steps[self._place]
        if q.name == step.name:
            if step.optional:
                self._next_step(now)
            else:
                self._fail(f"{self._device.words}: {step.name} is refused: {trouble.detail}", now)

    def _stop_heard(self, answer: Answer[Question, Registers], now: Seconds) -> None:
        value, q = answer.value, answer.q
        if isinstance(value, Trouble):
            if (
                value.kind is TroubleKind.REFUSED
                and value.detail.startswith(EXPIRED)
                and self._device.restart is not None
            ):
                self._found_expired(q, now)
        elif q == self._device.again:
            if self._device.known_by(self._notes, value.data):
                self._stop_known = self._stop.opened
                self._stop.content()
            else:
                words = f"{self._device.words}: another device answers on the second connection"
                self._wire.trouble(Trouble(TroubleKind.WRONG_DEVICE, "off connection", words))
                self._stop.close(answer.asked_at)
        else:
            self._off_answered = True
