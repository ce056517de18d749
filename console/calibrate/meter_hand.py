"""The hand at a reference electrometer on its wire: reset and started before an exposure, held and read after it; every wait has an end and words.
It converts no charge into dose, and opens no other device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from calibration.procedures.session import MeterOrder
from calibration.procedures.step import Step
from hal import electrometer as words
from hal.clock import Clock
from hal.registry import Electrometer
from hal.units import Seconds

KNOWN_S: Final = 12.0
PROVEN_S: Final = 8.0
SLOT_S: Final = 0.002
NANO: Final = 1e9
AWAKE: Final = words.INTEGRATING | words.ENDED | {words.MeterState.RESET}
"""States in which it takes an order; while it starts, tests itself or finds its zero it takes none."""


class NoMeters:
    """Where nothing is on a wire."""

    def ready(self, step: Step) -> str:
        return f"step {step.id} reads an instrument on its wire, and the rig file names none; write [electrometer] with its link"

    def read(self, order: MeterOrder) -> tuple[str, str] | str:
        return f"the rig file names no {order.instrument} on a wire"


class WireMeter:
    """One electrometer. `idle` is called between two ticks, so that the desk is not left alone; `dark_s` is how long it integrates without beam."""

    def __init__(
        self, name: str, serial: str, driver: Electrometer, clock: Clock, tick_s: float, idle: Callable[[], object], dark_s: float
    ) -> None:  # fmt: skip
        self._name, self._serial, self._driver, self._clock = name, serial, driver, clock
        self._tick_s, self._idle, self._dark_s = tick_s, idle, dark_s
        self._started = False

    def ready(self, step: Step) -> str:
        """Reset; for an exposure started too. Words say why it is not."""
        wrong = self._known() or self._done(words.Reset(), PROVEN_S)
        if wrong or step.exposes is None:
            return wrong
        wrong = self._done(words.Start(), PROVEN_S)
        self._started = not wrong
        return wrong

    def read(self, order: MeterOrder) -> tuple[str, str] | str:
        """The charge since it was started, or over its own time where there was no beam."""
        if order.unit != "nC" or order.instrument != self._name:
            return f"it reads nC as {self._name}, and {order.instrument} in {order.unit} is wanted"
        if self._started:
            wrong = self._known() or self._done(words.Hold(), PROVEN_S)
        else:
            seconds = max(1, round(self._dark_s))
            wrong = self._known() or self._done(words.Interval(seconds), PROVEN_S)
            wrong = wrong or self._until(self._ended, seconds + PROVEN_S, "its interval has not ended")
        wrong = wrong or self._until(self._settled, PROVEN_S, "its value does not settle")
        reading = self._driver.reading
        if wrong or reading is None:
            return wrong or "it was not read"
        if reading.void or reading.integral is None or reading.integral_unit is not words.Unit.COULOMB:
            return f"its value means nothing: {', '.join(reading.void) or 'no charge'}"
        self._started = False
        return f"{reading.integral * NANO:.4f} nC", self._serial

    def _known(self) -> str:
        wrong = self._until(lambda: self._driver.identity is not None, KNOWN_S, "it does not say who it is")
        identity = self._driver.identity
        wrong = wrong or (identity.mismatch if identity is not None else "")
        return wrong or self._until(self._awake, KNOWN_S, "it is not ready for an order")

    def _done(self, order: words.MeterOrder, within_s: float) -> str:
        """Give one order and wait for its proof."""
        asked_at = self._clock.monotonic()
        if not self._driver.want(order, asked_at):
            refusal = self._driver.refusal
            return f"it refuses {type(order).__name__.lower()}: {refusal.words if refusal is not None else 'no reason'}"

        def proven() -> bool:
            done = self._driver.done
            return (
                done is not None and done.order == order and done.asked_at_s >= asked_at
            ) or self._driver.refusal is not None

        wrong = self._until(proven, within_s, f"{type(order).__name__.lower()} is not proven")
        refusal = self._driver.refusal
        return wrong or (refusal.words if refusal is not None else "")

    def _awake(self) -> bool:
        reading = self._driver.reading
        return reading is not None and reading.state in AWAKE

    def _ended(self) -> bool:
        return self._driver.reading is not None and self._driver.reading.state in words.ENDED

    def _settled(self) -> bool:
        return self._driver.reading is not None and self._driver.reading.settled

    def _until(self, reached: Callable[[], bool], within_s: float, what: str) -> str:
        until = self._clock.monotonic() + within_s
        while not reached():
            now = self._clock.monotonic()
            if now >= until:
                return f"{what} within {within_s:g} s; look at its wire"
            self._driver.ask(now, True)
            self._clock.sleep_until(Seconds(now + SLOT_S))
            self._driver.take(self._clock.monotonic())
            self._idle()
            self._clock.sleep_until(Seconds(now + self._tick_s))
        return ""
