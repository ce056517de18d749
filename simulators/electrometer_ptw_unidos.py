"""A UNIDOS-class reference electrometer: text ended by CR LF in, the same text with its fields out; states, ranges with overload, a zero that takes its time.
It knows every command's shape and says no with the device's own codes. What the published command list leaves open is marked as an assumption."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from simulators.line import SerialLine

BAUD: Final = 9600
TURNAROUND_US: Final = 8_000
BOOT_US: Final = 3_000_000
ZERO_US: Final = 82_000_000
LONGEST_B: Final = 64
PARAMETERS_MOST: Final = 4
INTERVAL_MOST_S: Final = 3_599_999
VOLTS_MOST: Final = 400
HEARD: Final = 512
SMOOTHING: Final = 0.01
"""Of the displayed current, per ms: a time constant of 100 ms."""
ZERO_MOST_A: Final = 1e-12
"""More than this is a beam, or a broken cable, and no zero."""
LOW_STEPS: Final = 20
OVER_I, OVER_Q, HV_I, HV_Q, LOW_I, LOW_Q, UNCALIBRATED = 1, 2, 4, 8, 16, 32, 2048
SYNTAX, CONTEXT, MOMENT, VALUE, TOO_LONG, TOO_MANY, EMPTY, NUMBER_OF, NO_RIGHTS, UNKNOWN, KIND = (
    "E01", "E02", "E03", "E08", "E16", "E17", "E18", "E19", "E20", "E28", "E29",
)  # fmt: skip


class Chamber(Protocol):
    """What may be plugged in."""

    volts: int

    @property
    def n_k_gy_per_c(self) -> float: ...

    def step(self, mgy: float, air: float) -> float: ...


@dataclass(frozen=True, slots=True)
class Range:
    """One range: the largest current that it shows, its smallest step of current and charge, and the power of ten of each display."""

    most_a: float
    step_a: float
    step_c: float
    current_power: int
    charge_power: int


RANGES: Final = {
    "VERY_LOW": Range(10e-12, 1e-16, 1e-15, -12, -12),
    "LOW": Range(500e-12, 1e-14, 1e-13, -12, -12),
    "MEDIUM": Range(50e-9, 1e-12, 1e-11, -9, -9),
    "HIGH": Range(1e-6, 1e-10, 1e-9, -6, -6),
}
"""Plausible, not published: a UNIDOS's own limits depend on its type."""
PREFIX: Final = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: ""}
RUNNING: Final = ("MEAS", "INT")
ENDED: Final = ("HOLD", "INTHLD")


class Unidos:
    """Commands in by `receive`. Public flags are where faults and hands act; `viewer`: the lock at its display is closed, so that a host may take TOK."""

    __slots__ = (
        "_booted_us", "_charge_c", "_content", "_dose_mgy", "_elapsed_us", "_flags", "_line", "_offset_a", "_over", "_rate_a", "_stream", "_zero_sum",
        "_zero_us", "chamber", "electrical", "garbled", "heard", "hv_broken", "input_a", "interval_s", "late_us", "locked_range", "model", "range", "serial",
        "shows", "silent", "state", "token", "turnaround_us", "uncalibrated", "viewer", "volts", "zero",
    )  # fmt: skip

    def __init__(self, chamber: Chamber, line: SerialLine, seed: int) -> None:
        self.chamber = chamber
        self._line = line
        self._stream = random.Random(seed)
        self._content = bytearray()
        self.model = ("UNIDOS Tango", "TM10052", "1.2.4", "A16")
        self.serial = "123456"
        self.viewer = True
        self.electrical = True
        self.silent = self.garbled = self.locked_range = self.hv_broken = self.uncalibrated = False
        self.shows = 1.0  # charge on the display for a true one
        self.input_a = 0.0  # its own, without a chamber
        self.late_us = 0
        self.turnaround_us = TURNAROUND_US
        self.heard: deque[str] = deque(maxlen=HEARD)
        self._dose_mgy = 0.0
        self.boot(0)

    def boot(self, now_us: int) -> None:
        """It restarts: everything that was set or measured is lost, and for three seconds it is INIT."""
        self._booted_us = now_us + BOOT_US
        self.state = "INIT"
        self.range = "LOW"
        self.volts = 300
        self.interval_s = 60
        self.token = False
        self.zero = ("None", 0)
        self._offset_a = self._rate_a = self._charge_c = self._zero_sum = 0.0
        self._elapsed_us = self._zero_us = self._flags = 0
        self._over = False
        self._content.clear()
        self._line.to_host.clear()

    def step(self, now_us: int, dose_mgy: float, air: float) -> None:
        """One ms, up to which `dose_mgy` has been delivered since the world began."""
        self.chamber.volts = 0 if self.hv_broken else self.volts
        charge = self.chamber.step(dose_mgy - self._dose_mgy, air)
        self._dose_mgy = dose_mgy
        if self.state == "INIT" and now_us >= self._booted_us:
            self.state = "RES"
        current = charge * 1e3 * self.shows + self.input_a - self._offset_a
        most = RANGES[self.range].most_a
        self._over = abs(current) > most
        current = min(max(current, -most), most)  # a saturated input shows less than there is
        self._rate_a += (current - self._rate_a) * SMOOTHING
        if self.state in RUNNING:
            self._charge_c += current * 1e-3
            self._elapsed_us += 1000
            self._flags |= OVER_Q if self._over else 0
            self._flags |= HV_Q if self.hv_broken else 0
            if self.state == "INT" and self._elapsed_us >= self.interval_s * 1_000_000:
                self.state = "INTHLD"
        elif self.state == "ZERO":
            self._find_zero(current)

    def _find_zero(self, current: float) -> None:
        """The mean of a zero measurement is what is taken off from then on; with a beam on it fails, and the old zero stays."""
        self._zero_sum += current
        self._zero_us += 1000
        if self._zero_us < ZERO_US:
            self.zero = ("Running", (ZERO_US - self._zero_us) // 1000)
            return
        mean = self._zero_sum * 1000.0 / ZERO_US
        passed = abs(mean) <= ZERO_MOST_A
        self._offset_a += mean if passed else 0.0
        self.zero = ("Passed" if passed else "Failed", 0)
        self.state = "RES"

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host; answers go out on the line after the turnaround."""
        if self.silent:
            return
        for byte in data:
            self._content.append(byte)
            if not self._content.endswith(b"\r\n"):
                del self._content[: -(LONGEST_B * 2)]
                continue
            text = self._content[:-2].decode("latin-1")
            self._content.clear()
            if text:
                self.heard.append(text)
                self._say(self.answer(text), now_us)

    def answer(self, text: str) -> str:
        """Act on one command: its text with the fields behind it, or an error code."""
        if len(text) > LONGEST_B:
            return TOO_LONG
        word, *args = text.split(";")
        if len(args) > PARAMETERS_MOST:
            return TOO_MANY
        if "" in args:
            return EMPTY
        tells = self._tells(word)
        if tells is not None and not args:
            return ";".join((word, *tells))
        if word in ("STA", "HLD", "RES", "INT", "NUL"):
            wrong = NUMBER_OF if args else self._may() or self._act(word)
        elif word in ("IT", "RGE", "HV", "UEL"):
            wrong = NUMBER_OF if len(args) != 1 else self._set(word, args[0])
        elif word == "TOK":
            return self._permission(args)
        else:
            wrong = SYNTAX if tells is None else NUMBER_OF
        return wrong or text

    def press_key(self, word: str) -> str:
        """STA, HLD, RES, INT or NUL at its own keys, where no host needs to be asked; the error's code, or nothing."""
        if word not in ("STA", "HLD", "RES", "INT", "NUL"):
            raise ValueError(f"key {word!r} is none of its keys; known: STA, HLD, RES, INT, NUL")
        return MOMENT if self.state in ("INIT", "ZERO") else self._act(word)

    def turn_to(self, word: str, value: str) -> str:
        """HV, RGE, IT or UEL set at its own keys."""
        token, self.token = self.token, True
        wrong = self._set(word, value)
        self.token = token
        return wrong

    def display(self) -> tuple[str, str]:
        """The charge (or dose) on its display, and the unit."""
        fields = self._value()
        return fields[1], f"{PREFIX[int(fields[2][1:])]}{fields[4]}"

    def _tells(self, word: str) -> tuple[str, ...] | None:
        """The fields of a question's answer; None for what is no question."""
        asked: dict[str, Callable[[], tuple[str, ...]]] = {
            "PTW": lambda: self.model, "SER": lambda: (self.serial,), "MAC": lambda: ("00-1d-b8-00-00-01",), "S": lambda: (self.state,),
            "MV": self._value, "MVM": lambda: (self.range, *self._display_current(RANGES[self.range].most_a)),
            "RGE": lambda: (self.range,), "IT": lambda: (str(self.interval_s),), "HV": lambda: (str(self.volts),),
            "UEL": lambda: ("true" if self.electrical else "false",), "NUS": lambda: (self.zero[0], str(self.zero[1]), str(ZERO_US // 1000)),
        }  # fmt: skip
        return asked[word]() if word in asked else None

    def _value(self) -> tuple[str, ...]:
        """MV: state, charge or dose, current or dose rate, measuring time, chamber voltage, flags."""
        shown, step = RANGES[self.range], RANGES[self.range].step_c
        charge = round(self._charge_c / step) * step
        volts = 0 if self.hv_broken else self.volts
        quantity = self._scaled(charge, shown.charge_power, "C") if self.electrical else self._dose(charge)
        current = self._display_current(self._rate_a)
        time = f"{self._elapsed_us / 1000:.1f}"
        return (self.state, *quantity, *current, time, "ms", f"{volts:.1f}", "V", f"0x{self._bits():x}")

    def _display_current(self, current: float) -> tuple[str, ...]:
        shown = RANGES[self.range]
        if self.electrical:
            return (*self._scaled(current, shown.current_power, "A"), "")
        rate = current * self.chamber.n_k_gy_per_c * 60.0
        return (*self._scaled(rate, -3, "Gy"), "min")

    def _dose(self, charge: float) -> tuple[str, ...]:
        return self._scaled(charge * self.chamber.n_k_gy_per_c, -3, "Gy")

    def _scaled(self, value: float, power: int, unit: str) -> tuple[str, ...]:
        return (f"{value * 10.0**-power:.4f}", f"E-{-power:02d}", PREFIX[power], unit)

    def _bits(self) -> int:
        running, shown = self.state in RUNNING, RANGES[self.range]
        low_i = running and abs(self._rate_a) < LOW_STEPS * shown.step_a
        low_q = self.state in ENDED and abs(self._charge_c) < LOW_STEPS * shown.step_c
        bits = self._flags | (OVER_I if self._over else 0) | (HV_I if self.hv_broken else 0)
        return bits | (LOW_I if low_i else 0) | (LOW_Q if low_q else 0) | (UNCALIBRATED if self.uncalibrated else 0)

    def _permission(self, args: list[str]) -> str:
        """TOK asks for the right to write, TOK;0 gives it back, TOK;1 tells who has it."""
        if len(args) > 1:
            return NUMBER_OF
        if not args:
            self.token = self.token or self.viewer
            return f"TOK;{'true' if self.token else 'false'}"
        if args[0] == "0":
            self.token = False
            return "TOK;0;true"
        return f"TOK;1;{'true' if self.token else 'false'}" if args[0] == "1" else VALUE

    def _may(self) -> str:
        if not self.token:
            return NO_RIGHTS
        return MOMENT if self.state in ("INIT", "ZERO") else ""

    def _act(self, word: str) -> str:
        """Assumptions: what runs is not started again, STA from HOLD goes on with the same charge, and there is nothing to hold in RES."""
        if word == "RES":
            self.state = "RES"
            self._charge_c = 0.0
            self._elapsed_us = self._flags = 0
        elif word == "HLD":
            if self.state == "RES":
                return CONTEXT
            self.state = {"MEAS": "HOLD", "INT": "INTHLD"}.get(self.state, self.state)
        elif self.state in RUNNING:
            return MOMENT
        elif word == "STA":
            self.state = "MEAS"
        elif self.state != "RES":
            return CONTEXT
        elif word == "INT":
            self.state = "INT"
        else:
            self.state, self._zero_us, self._zero_sum = "ZERO", 0, 0.0
        return ""

    def _set(self, word: str, arg: str) -> str:
        """Assumption: a range, a voltage or a unit is changed in RES only; a range locked by the detector's entry is not changed at all."""
        wrong = self._may()
        if wrong:
            return wrong
        if word == "UEL":
            if arg not in ("true", "false"):
                return KIND
        elif word == "RGE":
            if arg not in RANGES:
                return UNKNOWN
        elif not arg.removeprefix("-").isdigit() or not arg.isascii():
            return KIND
        if word == "IT":
            if not 1 <= int(arg) <= INTERVAL_MOST_S:
                return VALUE
            self.interval_s = int(arg)
            return ""
        if word == "HV" and abs(int(arg)) > VOLTS_MOST:
            return VALUE
        if self.state != "RES":
            return MOMENT
        if word == "RGE":
            if self.locked_range:
                return CONTEXT
            self.range = arg
        elif word == "HV":
            self.volts = int(arg)
        else:
            self.electrical = arg == "true"
        return ""

    def _say(self, answer: str, now_us: int) -> None:
        data = answer.encode("utf-8") + b"\r\n"
        if self.garbled:
            spot = self._stream.randrange(len(data) - 2)
            data = data[:spot] + bytes((self._stream.randrange(0x20, 0x7F),)) + data[spot + 1 :]
        self._line.device_put(data, now_us + self.turnaround_us + self.late_us)
