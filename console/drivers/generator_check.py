"""What `kerma drivers check` does with a generator: off first, kV, mA, flags, ages; set-points only where they are asked for, a hundredth of full scale and 0.
There is no way from here to its ON."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from console.drivers.bench import DriverSubject
from console.drivers.steps import CHANGED, Check, Expected, Outcome, Row, Step
from hal.clock import Clock
from hal.commands import STAGING_BYTES, Plan, SetUp
from hal.readings import GeneratorFlags, GeneratorMonitor
from hal.registry import Generator, GeneratorDriver, GeneratorSetting, OpenPipe
from hal.units import Seconds

SMALL: Final = 0.01
"""The part of full scale that a set-point is tried with; HV is off, and it ends at 0."""
REST: Final = 0.05
"""The part of full scale of kV and of mA that a generator which is off stays below."""
WRITTEN_S: Final = 8.0
PREPARED_S: Final = 4.0
LIMIT_ONLY: Final = bytes(4) + (60_000).to_bytes(4, "big") + bytes(STAGING_BYTES - 8)
"""A unit's set with nothing in it but a K1 limit of 60 s, from which a generator with a timer of its own sets it."""


class GeneratorSubject(DriverSubject[Generator]):
    """A generator's driver; `may_write` only while set-points are tried. There is no way to its `on` from here."""

    def __init__(self, driver: Generator) -> None:
        super().__init__(driver)
        self.may_write = False

    def ask(self, now: Seconds, may_open: bool) -> None:
        self.driver.ask(now, may_open, self.may_write, pressed=False)

    def off(self, now: Seconds, at_once: bool) -> bool:
        return self.driver.off(now, at_once)

    def asked_at_s(self, reading: str) -> float | None:
        found = {"monitor": self.driver.monitor, "flags": self.driver.flags, "set_points": self.driver.set_points}
        value = found.get(reading)
        return None if value is None else value.asked_at_s


class GeneratorCheck(Check[GeneratorSubject]):
    """Off first, kV, mA, flags, ages; set-points at a hundredth of full scale and at 0 where they are asked for."""

    def __init__(
        self, driver: GeneratorDriver, setting: GeneratorSetting, open_pipe: OpenPipe, clock: Clock, seconds: float, set_points: bool
    ) -> None:  # fmt: skip
        self._driver, self._setting, self._set_points = driver, setting, set_points
        other = msgspec.structs.replace(setting, model=setting.model + CHANGED)
        expected = Expected(driver.polls(setting), dict(driver.worst_age_s(setting)), setting.tick_s, setting.baud)

        def made(with_setting: GeneratorSetting) -> Callable[[OpenPipe], GeneratorSubject]:
            return lambda opener: GeneratorSubject(driver.make(with_setting, opener))

        super().__init__(made(setting), made(other), expected, open_pipe, clock, seconds)

    @property
    def _generator(self) -> Generator:
        return self.bench.subject.driver

    def steps(self) -> tuple[tuple[str, Step], ...]:
        off_s = self._driver.off_s(self._setting)
        mute = "" if self._driver.identifies else "this device cannot say what it is: any other passes; label the cable"
        ages = tuple((f"age of {name}", partial(self.age, name)) for name in self.expected.worst_age_s)
        return (
            ("opens", self.opens),
            ("says who it is", self.known),
            ("off first", partial(self.off_first, "off first", off_s, self._not_off)),
            ("set-points", self._points),
            ("is read", self.reads),
            ("says how it is", self._state),
            ("answers in time", self.turnaround),
            *ages,
            ("half-open link", self.half_open),
            ("closed link", self.unplugged),
            ("another model", partial(self.refuses, "another model", mute)),
            ("opened again", self.reopened),
            ("off at the end", partial(self.off_last, "off at the end", off_s)),
        )

    def question(self, sent: bytes) -> str:
        return self._driver.decode(True, sent)

    def identity_words(self) -> str:
        who = self._generator.identity
        assert who is not None
        return f"{who.model}, firmware {who.firmware}, {who.full_scale_kv:g} kV, {who.full_scale_ma:g} mA"

    def never_came(self, reading: str) -> tuple[Outcome, str]:
        if reading == "set_points" and not self._set_points:
            return Outcome.NOT_TRIED, "not known before the device is prepared; --set-points tries it"
        return super().never_came(reading)

    def _not_off(self, since: float) -> str | None:
        """By its flag and by its meters: a flag that is wrong would else hide what they show."""
        flags, monitor = self._generator.flags, self._generator.monitor
        if flags is None or monitor is None or min(flags.asked_at_s, monitor.asked_at_s) < since:
            return None
        return f"{words}: PRESS THE EMERGENCY STOP" if (words := self._on_words(flags, monitor)) else ""

    def _on_words(self, flags: GeneratorFlags, monitor: GeneratorMonitor) -> str:
        """What is on by the device's flag or by its meters, in words; empty when it is off by all of them."""
        on = ["the device still says on"] if flags.hv_on else []
        for value, full_scale, unit in (
            (monitor.kv, self._setting.full_scale_kv, "kV"),
            (monitor.ma, self._setting.full_scale_ma, "mA"),
        ):
            if not value < REST * full_scale:  # what is no number is not off
                on.append(f"it reads {value:.4g} {unit} (off is below {REST * full_scale:.4g})")
        return ", ".join(on)

    def _state(self) -> Row:
        """Interlock, readiness and faults in words, kV and mA as numbers; a fault without a name of the driver's own is a defect of the driver."""
        what, flags, monitor = "says how it is", self._generator.flags, self._generator.monitor
        if flags is None or monitor is None:
            return Row(what, Outcome.FAIL, "flags or kV and mA were never read")
        words = (
            f"HV {'ON' if flags.hv_on else 'off'}, interlock {_line(flags)}, "
            f"{'ready' if flags.supply_ready else 'not ready'}, {'remote' if flags.remote else 'local'}, "
            f"{monitor.kv:.2f} kV, {monitor.ma:.3f} mA, "
            f"faults: {', '.join(flags.faults) if flags.fault else 'none'}"
        )
        known = {fault.value for fault in self._driver.faults}
        nameless = flags.fault and not set(flags.faults) <= known
        outside = not (
            math.isfinite(monitor.kv)
            and math.isfinite(monitor.ma)
            and -REST * self._setting.full_scale_kv <= monitor.kv
        )
        on = self._on_words(flags, monitor)
        words += f"; {on}: PRESS THE EMERGENCY STOP" if on else ""
        return Row(what, Outcome.FAIL if on or nameless or outside else Outcome.PASS, words)

    def _points(self) -> Row:
        """A small value, read back to the count, then 0, read back; what the filament holds is left as it is."""
        what = "set-points"
        if self._driver.own_set_points:
            return Row(what, Outcome.NOT_TRIED, "the device's own: nothing writes them")
        if not self._set_points:
            return Row(what, Outcome.NOT_TRIED, "not asked for; --set-points writes a hundredth of full scale, then 0")
        self.bench.subject.may_write = True
        self.bench.until(PREPARED_S, lambda: self._generator.set_points is not None)
        scale = self._driver.scale(self._setting)
        small = (_part(scale.kv_counts_full_scale), _part(scale.ma_counts_full_scale))
        for kv, ma in (small, (0, 0)):
            plan = self._plan(kv, ma)
            self._generator.want(SetUp(plan), self.bench.now)
            held = self.bench.until(WRITTEN_S, partial(self._holds, plan))
            self._generator.want(None, self.bench.now)
            if not held:
                refusal = self._generator.refusal
                why = f"{refusal.what}: {refusal.words}" if refusal else f"it holds {self._generator.set_points}"
                return Row(what, Outcome.FAIL, f"{kv} and {ma} counts not read back within {WRITTEN_S:g} s; {why}")
        how = "read back to the count" if self._driver.set_point_read_back else "echoed; this wire reads none back"
        return Row(what, Outcome.PASS, f"{small[0]} and {small[1]} counts, then 0 and 0, each {how}")

    def _plan(self, kv: int, ma: int) -> Plan:
        points = self._generator.set_points
        limit, preheat = (0, 0) if points is None else (points.filament_limit_counts, points.filament_preheat_counts)
        return Plan(kv, ma, limit, preheat, LIMIT_ONLY, zlib.crc32(LIMIT_ONLY))

    def _holds(self, plan: Plan) -> bool:
        points = self._generator.set_points
        return points is not None and (points.kv_counts, points.ma_counts) == (plan.kv_counts, plan.ma_counts)


def _line(flags: GeneratorFlags) -> str:
    """The interlock line in a word."""
    return "closed" if flags.interlock_closed else "open" if flags.interlock_open else "not known"


def _part(counts_full_scale: int) -> int:
    return max(1, round(SMALL * counts_full_scale))
