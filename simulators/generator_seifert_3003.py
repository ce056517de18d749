"""The face of a Seifert 3003 generator: command lines in, `*` and ten digits out, set commands without a word; own timers, a shutter, warm-up, messages.
It knows every command's shape; what HV does with it is the supply's. What the published protocol leaves open is marked as an assumption."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from simulators.line import SerialLine
from simulators.profile import DEFAULT, Profile
from simulators.supply import (
    ARC_CATHODE,
    INVERTER_NOT_READY,
    OVER_CURRENT,
    OVER_POWER,
    OVER_TEMP_ANODE,
    OVER_VOLTAGE,
    UNDER_CURRENT,
    UNDER_VOLTAGE,
    WATCHDOG,
    Supply,
)

LF = 0x0A
LONGEST_B = 24
HEARD = 400
STEP_US = 1000
SHUTTER_MS = 120
WARM_UP_MS = 300_000
DOORS, EMERGENCY, STAND_BY, WARM_UP_NEEDED, SHUTTER_SAFETY = 63, 46, 76, 106, 112
# Fault flag of the supply -> message, the one that is shown first first; arcs, overload and a lost inverter have no number of their own (assumption).
CODES = (
    (UNDER_VOLTAGE, 37), (OVER_VOLTAGE, 38), (UNDER_CURRENT, 39), (OVER_TEMP_ANODE, 33), (ARC_CATHODE, 37), (OVER_CURRENT, 51), (OVER_POWER, 52),
    (INVERTER_NOT_READY, 37), (WATCHDOG, 43),
)  # fmt: skip
# Digits of SV and SC by the name that ID tells: two are kV and mA, six V and uA.
DIGITS = {"ISO-DEBYEFLEX 3003": 2, "ISOVOLT 3003": 6}
UNITS_A_COUNT = 10
Act = Callable[..., None]

PROFILE = replace(
    DEFAULT,
    generator="seifert-3003",
    model="ISOVOLT 3003",
    kv_set_counts=10_000,  # it keeps its set-points in steps of 10 V and 10 uA
    ma_set_counts=500,
    adc_overrange=1.0,
    generator_baud=9600,
    charge_ms=0,
)
TWO_DIGITS = replace(
    PROFILE,
    model="ISO-DEBYEFLEX 3003",
    full_scale_kv=60.0,
    full_scale_ma=80.0,
    kv_set_counts=6000,
    ma_set_counts=8000,
    power_limit_w=3000,
)


@dataclass(slots=True)
class Timer:
    """One exposure timer: set to whole seconds, counting up while it runs."""

    nominal_s: int = 0
    counted_us: float = 0.0
    runs: bool = False


@dataclass(slots=True)
class Shutter:
    """One shutter: what it was told, where it stands (0 closed to SHUTTER_MS open), and its safety circuit."""

    fitted: bool = False
    by_computer: bool = False
    commanded: bool = False
    at_ms: int = 0
    circuit_closed: bool = True
    jammed: bool = False

    @property
    def is_open(self) -> bool:
        return self.at_ms == SHUTTER_MS

    def nibble(self) -> int:
        """Commanded, open, circuit not closed, absent."""
        return 8 * self.commanded + 4 * self.is_open + 2 * (self.fitted and not self.circuit_closed) + (not self.fitted)


class Seifert3003Firmware:
    """Lines in by `receive`. Public flags are where faults and tests act; `end` is what ends its replies, `timer_gain` how fast its timers run,
    `timer_drops_hv` whether an ended timer ends high voltage beside closing its shutter (no public text says)."""

    __slots__ = (
        "_acts", "_content", "_digits", "_line", "_p", "_stream", "_supply", "_tells", "_warm_left_us", "emergency_stop", "end", "garbled", "heard",
        "late_us", "message", "needs_warm_up", "set_points_stick", "shutters", "silent", "timer_drops_hv", "timer_gain", "timers",
    )  # fmt: skip

    def __init__(self, profile: Profile, supply: Supply, line: SerialLine, seed: int) -> None:
        self._p = profile
        self._supply = supply
        self._line = line
        self._stream = random.Random(seed)
        self._digits = DIGITS.get(profile.model, 0)
        self._content = bytearray()
        self._tells = self._questions()
        self._acts = self._commands()
        self.heard: deque[tuple[str, ...]] = deque(maxlen=HEARD)
        self.end = b"\r"
        self.timer_gain = 1.0
        self.late_us = 0
        self.silent = self.garbled = self.set_points_stick = self.timer_drops_hv = False
        self.needs_warm_up = self.emergency_stop = False
        self._forget()

    def _forget(self) -> None:
        self._content.clear()
        self._warm_left_us = 0
        self.message = 0
        self.timers = tuple(Timer() for _ in range(4))
        self.shutters = tuple(Shutter(fitted=place == 0) for place in range(4))

    @property
    def shutter_open(self) -> bool:
        """Whether shutter 1 lets the beam out."""
        return self.shutters[0].is_open

    def reboot(self, now_us: int) -> None:
        """Logic restarts: HV off, shutters closed, timers, set-points and queued answers lost; deaf for the boot time."""
        self._supply.notes.append("rebooted")
        self._line.to_host.clear()
        self._forget()
        self._supply.boot(now_us)

    def idle_ms(self) -> int:
        """Its shutters and timers move in each ms."""
        return 0

    def step(self, now_us: int) -> None:  # noqa: ARG002 - each call is one ms
        """One ms: shutters move, timers count, a timer that has counted out closes its shutter; a warm-up goes on."""
        if self._warm_left_us:
            self._warm_left_us -= STEP_US
            self.needs_warm_up = self.needs_warm_up and self._warm_left_us > 0
        for place, (timer, shutter) in enumerate(zip(self.timers, self.shutters, strict=True)):
            if timer.runs:
                timer.counted_us += STEP_US * self.timer_gain
                if timer.counted_us >= timer.nominal_s * 1e6:
                    timer.runs = False
                    shutter.commanded = False
                    self._supply.notes.append(f"timer {place + 1} ended")
                    if self.timer_drops_hv:
                        self._supply.drop("own timer")
            wanted = shutter.commanded and shutter.circuit_closed
            if not shutter.jammed:
                shutter.at_ms = min(SHUTTER_MS, max(0, shutter.at_ms + (1 if wanted else -1)))

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host; answers to questions go out on the line after the turnaround."""
        if self.silent or now_us < self._supply.booted_at_us:
            return
        for byte in data:
            if byte != LF:
                self._content.append(byte)
                del self._content[:-LONGEST_B]
                continue
            text = bytes(self._content).decode("latin-1").rstrip("\r")
            self._content.clear()
            answer = self.answer(text, now_us)
            if answer is not None:
                self._say(answer, now_us)

    def answer(self, text: str, now_us: int) -> str | None:
        """Act on one line; what a question brings behind the `*`, None for a set command and for what is no command."""
        tell = self._tells.get(text)
        if tell is not None:
            self.heard.append((text,))
            value = tell()
            return f"{value:010d}" if isinstance(value, int) else value
        for pattern, act in self._acts:
            match = pattern.fullmatch(text)
            if match:
                self.heard.append((text[:2], text[3:]))
                act(now_us, *match.groups())
        return None

    def shown(self) -> int:
        """The one message that SR:12 shows: what is kept, then what lasts."""
        hv = self._supply
        for flag, code in CODES:
            if hv.faults[flag]:
                return code
        lasting = (
            (self.emergency_stop, EMERGENCY),
            (self.message != 0, self.message),
            (not self.shutters[0].circuit_closed, SHUTTER_SAFETY),
            (self.needs_warm_up, WARM_UP_NEEDED),
            (not hv.interlock_closed or hv.interlock_fault, DOORS),
            (not hv.ready, STAND_BY),
        )
        return next((code for true, code in lasting if true), 0)

    def _word_1(self) -> int:
        hv = self._supply
        off_kv = hv.hv_on and abs(hv.read_kv - hv.set_kv) > 0.02 * self._p.full_scale_kv
        off_ma = hv.hv_on and abs(hv.read_ma - hv.set_ma) > 0.02 * self._p.full_scale_ma
        shutter_bad = not self.shutters[0].circuit_closed
        return (
            128 * (not hv.local) + 64 * hv.hv_on + 32 * (self.shown() == 33) + 8 * off_ma + 4 * off_kv + 2 * shutter_bad
        )

    def _word_2(self) -> int:
        timers = sum(128 >> place for place, timer in enumerate(self.timers) if timer.runs)
        return timers + sum(8 >> place for place, shutter in enumerate(self.shutters) if shutter.by_computer)

    def _questions(self) -> dict[str, Callable[[], int | str]]:
        hv = self._supply
        timed: dict[str, Callable[[], int | str]] = {}
        for place in range(4):
            timed[f"TN:{place + 1}"] = lambda place=place: self.timers[place].nominal_s  # type: ignore[misc]
            timed[f"TA:{place + 1}"] = lambda place=place: int(self.timers[place].counted_us // 1e6)  # type: ignore[misc]
        return timed | {
            "ID": lambda: f"- {self._p.model} -",
            "MR": lambda: "Mo",
            "FR": lambda: "0.15 x 8 mm",
            "XT": lambda: self._p.tube_serial,
            "VN": lambda: hv.kv_counts * UNITS_A_COUNT,
            "CN": lambda: hv.ma_counts * UNITS_A_COUNT,
            "VA": lambda: round(hv.read_kv * 1000),
            "CA": lambda: round(hv.read_ma * 1000),
            "SR:01": self._word_1,
            "SR:02": self._word_2,
            "SR:03": lambda: 16 * self.shutters[0].nibble() + self.shutters[1].nibble(),
            "SR:04": lambda: 16 * self.shutters[2].nibble() + self.shutters[3].nibble(),
            "SR:06": lambda: 8 + 2 if self._warm_left_us else 0,
            "SR:12": self.shown,
            "ER": lambda: f"{self.shown()}",
            "WT": lambda: self._warm_left_us // 1_000_000,
        }

    def _commands(self) -> tuple[tuple[re.Pattern[str], Act], ...]:
        """What it does, by the shape of the line; none of these is ever answered."""
        rows: dict[str, Act] = {
            r"HV:([01])": lambda now_us, on: self._high_voltage(now_us, int(on)),
            r"SV:([0-9]+)": lambda _now_us, digits: self._set("kv_counts", digits),
            r"SC:([0-9]+)": lambda _now_us, digits: self._set("ma_counts", digits),
            r"OS:([1-4])": lambda _now_us, number: self._shutter(int(number) - 1, True),
            r"CS:([1-4])": lambda _now_us, number: self._shutter(int(number) - 1, False),
            r"CC:([01]{4})": lambda _now_us, digits: self._control(digits),
            r"TP:([1-4]),([0-9]{2}),([0-9]{2}),([0-9]{2})": lambda _now_us, *what: self._set_timer(*what),
            r"TS:([1-4])": lambda _now_us, number: self._start_timer(int(number) - 1, True),
            r"TE:([1-4])": lambda _now_us, number: self._start_timer(int(number) - 1, False),
            r"CL": self._clear,
            r"KB:[01]": lambda _now_us: None,
            r"WU:([0-4]),[0-9]{3}": lambda _now_us, interval: self._warm_up(int(interval)),
        }
        return tuple((re.compile(pattern), act) for pattern, act in rows.items())

    def _set(self, which: str, digits: str) -> None:
        """SV or SC in this model's own digits; others, and what is above full scale, change nothing and are not told (assumption)."""
        if len(digits) != self._digits or self.set_points_stick:
            return
        counts = int(digits) * 1000 // UNITS_A_COUNT if self._digits == 2 else int(digits) // UNITS_A_COUNT
        most = self._p.kv_set_counts if which == "kv_counts" else self._p.ma_set_counts
        if counts <= most:
            setattr(self._supply, which, counts)

    def _high_voltage(self, now_us: int, on: int) -> None:
        """HV:1 is refused without a word; the message says why."""
        if not on:
            self._supply.switch(now_us, 0)
            return
        refused = (
            (self.emergency_stop, "emergency stop"),
            (self.needs_warm_up, "warm-up needed"),
            (bool(self._warm_left_us), "warming up"),
            (not self.shutters[0].circuit_closed, "shutter safety circuit"),
            (self.message != 0, "message not cleared"),
        )
        words = [why for true, why in refused if true]
        if words:
            self._supply.notes.append(f"HV ON refused: {', '.join(words)}")
            return
        self._supply.switch(now_us, 1)

    def _shutter(self, place: int, opens: bool) -> None:
        """By the computer only if it is under the computer; closing always."""
        shutter = self.shutters[place]
        if not shutter.fitted or (opens and not (shutter.by_computer and shutter.circuit_closed)):
            return
        shutter.commanded = opens
        self._supply.notes.append(f"shutter {place + 1} {'opens' if opens else 'closes'}")

    def _control(self, digits: str) -> None:
        for shutter, digit in zip(self.shutters, digits, strict=True):
            shutter.by_computer = digit == "1" and shutter.fitted

    def _set_timer(self, number: str, hours: str, minutes: str, seconds: str) -> None:
        """Not while it runs (assumption), and only what a clock can show."""
        timer = self.timers[int(number) - 1]
        if timer.runs or int(minutes) > 59 or int(seconds) > 59:
            return
        timer.nominal_s = 3600 * int(hours) + 60 * int(minutes) + int(seconds)

    def _start_timer(self, place: int, runs: bool) -> None:
        """From nothing, if it was set (assumption)."""
        timer = self.timers[place]
        if runs and not timer.nominal_s:
            return
        if runs:
            timer.counted_us = 0.0
        timer.runs = runs

    def _clear(self, now_us: int) -> None:
        self.message = 0
        self._supply.reset_faults(now_us)

    def _warm_up(self, interval: int) -> None:
        """Its programme: for a while no exposure, then none is needed (assumption: it ends by itself and makes no beam outside)."""
        self._warm_left_us = WARM_UP_MS * 1000 if interval else 0

    def _say(self, answer: str, now_us: int) -> None:
        data = b"*" + answer.encode("latin-1") + self.end
        if self.garbled:
            spot = self._stream.randrange(len(data) - len(self.end))
            data = data[:spot] + bytes((self._stream.randrange(0x20, 0x7F),)) + data[spot + 1 :]
        self._line.device_put(data, now_us + self._p.turnaround_us + self.late_us)
