"""What `kerma drivers check` does with a safety unit: DISARM first, its status and the age of it, its own clock; nothing else is said to it.
It is never told what to work towards, so that it arms, resets and tests nothing."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Final

import msgspec

from console.drivers.bench import DriverSubject
from console.drivers.steps import CHANGED, Check, Expected, Outcome, Row, Step
from hal.clock import Clock
from hal.modbus import READ, READ_COILS, READ_INPUTS, READ_WRITE, WRITE, WRITE_COIL, WRITE_COILS, WRITE_ONE
from hal.readings import Cause, Contact, Relay, UnitCapability, UnitState, UnitStatus
from hal.registry import OpenPipe, SafetyUnit, SafetyUnitDriver, SafetyUnitSetting
from hal.transport import parse_link
from hal.units import Seconds

SERIAL_MOST: Final = 16
AT_REST: Final = (UnitState.IDLE, UnitState.COMMITTED, UnitState.ENDED)
WRITES: Final = (WRITE_COIL, WRITE_ONE, WRITE_COILS, WRITE)
FUNCTIONS: Final = (*WRITES, READ_COILS, READ_INPUTS, READ, READ_WRITE)


class UnitSubject(DriverSubject[SafetyUnit]):
    """A safety unit's driver. It is never told what to work towards, so it arms, resets and tests nothing."""

    def ask(self, now: Seconds, may_open: bool) -> None:
        self.driver.ask(None, now, may_open)

    def off(self, now: Seconds, at_once: bool) -> bool:
        return self.driver.off(now, at_once)

    def asked_at_s(self, reading: str) -> float | None:
        value = {"unit": self.driver.status, "slow": self.driver.slow}.get(reading)
        return None if value is None else value.asked_at_s


class UnitCheck(Check[UnitSubject]):
    """DISARM first, the status and its age, the unit's own clock; nothing is armed, reset or tested."""

    def __init__(
        self, driver: SafetyUnitDriver, setting: SafetyUnitSetting, open_pipe: OpenPipe, clock: Clock, seconds: float
    ) -> None:
        self._driver, self._setting = driver, setting
        self._packets = parse_link(setting.link).packets
        other = msgspec.structs.replace(setting, serial=setting.serial[: SERIAL_MOST - len(CHANGED)] + CHANGED)
        expected = Expected(driver.polls(setting), dict(driver.worst_age_s(setting)), setting.tick_s, 0 if self._packets else setting.baud)  # fmt: skip

        def made(with_setting: SafetyUnitSetting) -> Callable[[OpenPipe], UnitSubject]:
            return lambda opener: UnitSubject(driver.make(with_setting, opener))

        super().__init__(made(setting), made(other), expected, open_pipe, clock, seconds)

    @property
    def _unit(self) -> SafetyUnit:
        return self.bench.subject.driver

    def steps(self) -> tuple[tuple[str, Step], ...]:
        off_s = self._driver.off_s(self._setting)
        return (
            ("opens", self.opens),
            ("says who it is", self.known),
            ("DISARM first", partial(self.off_first, "DISARM first", off_s, self._not_off)),
            ("is read", self.reads),
            ("says how it is", self._state),
            ("its clock", self._scan),
            ("answers in time", self.turnaround),
            *((f"age of {name}", partial(self.age, name)) for name in self.expected.worst_age_s),
            ("half-open link", self.half_open),
            ("closed link", self.unplugged),
            ("another serial number", self._another),
            ("opened again", self.reopened),
            ("DISARM at the end", partial(self.off_last, "DISARM at the end", off_s)),
        )

    def question(self, sent: bytes) -> str:
        # A TCP frame begins with its own number.
        return (sent[2:] if self._packets else sent).hex(" ")

    def identity_words(self) -> str:
        who = self._unit.identity
        assert who is not None
        return (
            f"{who.serial}, firmware {who.firmware}, hard cap {who.hard_cap_s} s and {who.hard_cap_counts} counts, "
            f"lease {who.lease_min_ms} to {who.lease_max_ms} ms"
        )

    def commands(self, sent: bytes, questions: frozenset[str]) -> bool:
        """By the function of Modbus: a status that carries a number of its own is another one each time, and bought I/O is written off each tick."""
        function = int.from_bytes(sent[7:8] if self._packets else sent[1:2], "big")
        return function in WRITES if function in FUNCTIONS else super().commands(sent, questions)

    def _not_off(self, since: float) -> str | None:
        status = self._unit.status
        return None if status is None or status.asked_at_s < since else self._on_words(status)

    def _on_words(self, status: UnitStatus) -> str:
        """Why this status is not that of a unit at rest, with what to do first; empty when it is."""
        who, relays = self._unit.identity, Relay(status.relays)
        fitted = who is None or bool(who.capabilities & UnitCapability.K2_FITTED)
        mirrors = (Relay.K1_MIRROR_OPEN, Relay.K2_MIRROR_OPEN) if fitted else (Relay.K1_MIRROR_OPEN,)
        on = [f"{bit.name} is set" for bit in (Relay.K1_COMMAND, Relay.K2_COMMAND, Relay.HV_SEEN) if bit in relays]
        on += [f"{bit.name} is not set" for bit in mirrors if bit not in relays]
        said = f"its state is {_name(UnitState, status.state)}"
        if status.state == UnitState.LATCHED:
            said += f" by {_name(Cause, status.first_cause)}"
        if on or status.state not in (*AT_REST, UnitState.LATCHED):
            return f"{', '.join((said, *on))}: PRESS THE EMERGENCY STOP"
        return f"{said}; first: find the cause and reset the unit" if status.state == UnitState.LATCHED else ""

    def _state(self) -> Row:
        what, status = "says how it is", self._unit.status
        if status is None:
            return Row(what, Outcome.FAIL, "its status was never read")
        unequal = status.contacts_a ^ status.contacts_b
        closed = [bit.name or "" for bit in Contact if status.contacts_a & status.contacts_b & bit]
        apart = [bit.name or "" for bit in Contact if unequal & bit]
        words = (
            f"{_name(UnitState, status.state)}, last ended by {_name(Cause, status.first_cause)}, closed: {', '.join(closed) or 'nothing'}"
            + (f"; CHANNELS DIFFER: {', '.join(apart)}" if apart else "")
        )
        on = self._on_words(status)
        words += f"; {on}" if on else ""
        return Row(what, Outcome.FAIL if apart or on else Outcome.PASS, words)

    def _another(self) -> Row:
        who = self._unit.identity
        told = who is not None and who.serial.upper() == self._setting.serial.upper()
        mute = "" if told else "this device tells no serial number: any other of its kind passes; label the cable"
        return self.refuses("another serial number", mute)

    def _scan(self) -> Row:
        true = self._unit.scan_true
        words = "its scan counter runs as this computer's clock does" if true else "its scan counter runs untrue"
        return Row("its clock", Outcome.PASS if true else Outcome.FAIL, words)


def _name(words: type[IntEnum], value: int) -> str:
    return words(value).name if value in words._value2member_map_ else f"unknown {value:#x}"
