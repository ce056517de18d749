"""What `kerma drivers check` does with an electrometer: who it is, its readings and their ages, and what it does about a dead link or another serial number.
It is asked questions only: nothing is measured, held, reset or set."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from console.drivers.bench import DriverSubject
from console.drivers.steps import CHANGED, Check, Expected, Outcome, Row, Step
from hal.clock import Clock
from hal.electrometer import MeterState
from hal.registry import Electrometer, ElectrometerDriver, ElectrometerSetting, OpenPipe
from hal.units import Seconds


class MeterSubject(DriverSubject[Electrometer]):
    """An electrometer's driver. It has no off, and there is no way to its orders from here."""

    def ask(self, now: Seconds, may_open: bool) -> None:
        self.driver.ask(now, may_open)

    def off(self, now: Seconds, at_once: bool) -> bool:  # noqa: ARG002 - there is no beam to end here
        return False

    def asked_at_s(self, reading: str) -> float | None:
        found = {
            "reading": self.driver.reading, "range": self.driver.range, "interval": self.driver.interval, "zero": self.driver.zero,
        }  # fmt: skip
        value = found.get(reading)
        return None if value is None else value.asked_at_s


class MeterCheck(Check[MeterSubject]):
    """Identity, readings, ages, links; the other device is one with another serial number."""

    def __init__(
        self, driver: ElectrometerDriver, setting: ElectrometerSetting, open_pipe: OpenPipe, clock: Clock, seconds: float
    ) -> None:  # fmt: skip
        self._driver = driver
        other = msgspec.structs.replace(setting, serial=setting.serial + CHANGED)
        expected = Expected(driver.polls(setting), driver.worst_age_s(setting), setting.tick_s, setting.baud)

        def made(with_setting: ElectrometerSetting) -> Callable[[OpenPipe], MeterSubject]:
            return lambda opener: MeterSubject(driver.make(with_setting, opener))

        super().__init__(made(setting), made(other), expected, open_pipe, clock, seconds)

    @property
    def _meter(self) -> Electrometer:
        return self.bench.subject.driver

    def steps(self) -> tuple[tuple[str, Step], ...]:
        return (
            ("opens", self.opens),
            ("says who it is", self.known),
            ("is read", self.reads),
            ("says how it is", self._state),
            ("answers in time", self.turnaround),
            *((f"age of {name}", partial(self.age, name)) for name in self.expected.worst_age_s),
            ("half-open link", self.half_open),
            ("closed link", self.unplugged),
            ("another serial number", partial(self.refuses, "another serial number")),
            ("opened again", self.reopened),
        )

    def question(self, sent: bytes) -> str:
        return self._driver.decode(True, sent)

    def identity_words(self) -> str:
        who = self._meter.identity
        assert who is not None
        return f"{who.model}, serial number {who.serial}, firmware {who.firmware}"

    def _state(self) -> Row:
        """State, values and range as it shows them; a value that means nothing is no failure where its reason is said."""
        what, reading, in_range = "says how it is", self._meter.reading, self._meter.range
        if reading is None or in_range is None:
            return Row(what, Outcome.FAIL, "value or range were never read")
        integral = _shown(reading.integral, reading.integral_unit)
        rate = _shown(reading.rate, reading.rate_unit)
        words = (
            f"{reading.state.value}, {integral}, {rate} in range {in_range.name}, chamber at {reading.chamber_v:g} V"
        )
        said = (*reading.void, *reading.warnings)
        words += f"; it says: {', '.join(said)}" if said else ""
        return Row(what, Outcome.FAIL if reading.state is MeterState.FAILED else Outcome.PASS, words)


def _shown(value: float | None, unit: object) -> str:
    name = getattr(unit, "value", "")
    return f"no value in {name}" if value is None else f"{value:.4g} {name}"
