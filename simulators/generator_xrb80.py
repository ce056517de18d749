"""The face of an XRB80-class monoblock: `NAME[ ARG];` frames in, values without a name out, its clamps, its fault codes and its 10 s watchdog.
It knows every command's shape; what HV does with it is the supply's. Codec and table are written from the published facts alone."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from simulators.line import SerialLine
from simulators.profile import DEFAULT, Profile
from simulators.supply import (
    ARC_CATHODE,
    INVERTER_NOT_READY,
    OVER_CURRENT,
    OVER_POWER,
    OVER_TEMP_ANODE,
    OVER_TEMP_NEAR,
    OVER_VOLTAGE,
    UNDER_CURRENT,
    UNDER_VOLTAGE,
    WATCHDOG,
    Supply,
)

STX = 0x02
CR = 0x0D
LF = 0x0A
LONGEST_B = 32
HEARD = 256
CLAMP = 3685
WATCHDOG_MS = 10_000
INTERLOCK = 9
TEMPERATURE_WARNING = 11
# Fault flag of the supply -> code of FLT, the one that is shown first first; 8 is the manual's "power".
CODES = (
    (WATCHDOG, 7), (ARC_CATHODE, 2), (OVER_CURRENT, 3), (UNDER_CURRENT, 4), (UNDER_VOLTAGE, 5), (OVER_VOLTAGE, 6),
    (OVER_TEMP_ANODE, 1), (OVER_POWER, 8), (INVERTER_NOT_READY, 8),
)  # fmt: skip
# The nine flags of older firmware by the code that they became: arc, OT, OV, UV, OC, UC, watchdog, interlock, over-power.
FLAG_CODES = (2, 1, 6, 5, 3, 4, 7, INTERLOCK, 8)

PROFILE = replace(
    DEFAULT,
    generator="spellman-xrb80",
    model="XRB80N100",
    full_scale_kv=88.89,
    full_scale_ma=1.389,
    ma_set_counts=1389,  # it keeps its mA set-point in uA, as ISET tells it
    adc_overrange=1.0,
    dsp_part="SWM0300-001",
    dsp_version="3.6",
    fpga_version="B02",
    power_limit_w=100,
    charge_ms=0,
    boot_ms=5000,
)


def checksum(summed: bytes) -> int:
    """The check character of everything between STX and itself: 0x40 to 0x7F."""
    return 0x40 | (0x100 - sum(summed)) & 0x7F


def frame(value: str, packets: bool) -> bytes:
    """One reply: STX, value, semicolon, check character (RS-232 only), CR, LF."""
    body = value.encode("ascii") + b";"
    tail = b"\r\n" if packets else bytes((checksum(body), CR, LF))
    return b"\x02" + body + tail


class Deframer:
    """Collects bytes into commands; STX always starts afresh, what does not hold is dropped without an answer."""

    __slots__ = ("_content", "_inside", "_packets")

    def __init__(self, packets: bool) -> None:
        self._content = bytearray()
        self._inside = False
        self._packets = packets

    def feed(self, data: bytes) -> list[tuple[str, str | None]]:
        """The good commands completed by `data`: name and argument (None: it has none)."""
        commands = []
        for byte in data:
            if byte == STX:
                self._content.clear()
                self._inside = True
            elif self._inside:
                self._content.append(byte)
                if byte == LF:
                    self._inside = False
                    command = self._parse(bytes(self._content))
                    commands += [] if command is None else [command]
                elif len(self._content) > LONGEST_B:
                    self._inside = False
        return commands

    def _parse(self, content: bytes) -> tuple[str, str | None] | None:
        if content[-2:] != b"\r\n":
            return None
        summed = content[:-2] if self._packets else content[:-3]
        if not summed.endswith(b";") or not summed.isascii() or b";" in summed[:-1]:
            return None
        if not self._packets and checksum(summed) != content[-3]:
            return None
        name, space, argument = summed[:-1].decode("ascii").partition(" ")
        return name, argument if space else None


class Xrb80Firmware:
    """Commands in by `receive`. Its logic is fed apart from the inverter. Public flags are where faults act; `nine_flags` is the older firmware's FLT."""

    shutter_open = True

    __slots__ = (
        "_acts", "_deframer", "_line", "_p", "_stream", "_supply", "_tells",
        "garbled", "heard", "late_us", "nine_flags", "set_points_stick", "silent",
    )  # fmt: skip

    def __init__(self, profile: Profile, supply: Supply, line: SerialLine, seed: int) -> None:
        self._p = profile
        self._supply = supply
        self._line = line
        self._stream = random.Random(seed)
        self._deframer = Deframer(profile.generator_packets)
        self._tells = self._questions()
        self._acts = self._commands()
        self.heard: deque[tuple[str, ...]] = deque(maxlen=HEARD)
        self.silent = self.garbled = self.set_points_stick = self.nine_flags = False
        self.late_us = 0

    def reboot(self, now_us: int) -> None:
        """Logic restarts: HV off, set-points, watchdog and queued answers lost; the port is ignored for its first 5 s."""
        self._supply.notes.append("rebooted")
        self._line.to_host.clear()
        self._supply.boot(now_us)

    def step(self, now_us: int) -> None:
        """Nothing here runs by time: the supply keeps the watchdog."""

    def idle_ms(self) -> int:
        """For ever."""
        return 1 << 30

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host; answers go out on the line after the turnaround."""
        if self.silent or now_us < self._supply.booted_at_us:
            return
        for name, argument in self._deframer.feed(data):
            self.heard.append((name,) if argument is None else (name, argument))
            value = self.answer(name, argument, now_us)
            if value is None:
                continue
            answer = frame(value, self._p.generator_packets)
            if self.garbled:
                spot = 1 + self._stream.randrange(len(answer) - 2)
                answer = answer[:spot] + bytes((self._stream.randrange(0x20, 0x7F),)) + answer[spot + 1 :]
            self._line.device_put(answer, now_us + self._p.turnaround_us + self.late_us)

    def answer(self, name: str, argument: str | None, now_us: int) -> str | None:
        """Act on one command; its value, empty for an acknowledgement, None for the silence that means no."""
        tell = self._tells.get(name)
        if tell is not None:
            return None if argument is not None else tell()
        act = self._acts.get(name)
        if act is None:
            return None
        most, run = act
        if most is None:
            return None if argument is not None else run(now_us, 0)
        if argument is None or not argument.isdigit() or len(argument) > 9 or int(argument) > most:
            return None
        return run(now_us, int(argument))

    def fault_code(self) -> int:
        """The one code that FLT shows."""
        hv = self._supply
        for flag, code in CODES:
            if hv.faults[flag]:
                return code
        if hv.interlock_fault or not hv.interlock_closed:
            return INTERLOCK
        return TEMPERATURE_WARNING if hv.faults[OVER_TEMP_NEAR] else 0

    def _faults(self) -> str:
        if not self.nine_flags:
            return str(self.fault_code())
        hv = self._supply
        up = {code for flag, code in CODES if hv.faults[flag]}
        if hv.interlock_fault or not hv.interlock_closed:
            up.add(INTERLOCK)
        return "".join(str(int(code in up)) for code in FLAG_CODES)

    def _questions(self) -> dict[str, Callable[[], str]]:
        """What it tells: name and the value's text."""
        p, hv = self._p, self._supply
        return {
            "MODR": lambda: p.model,
            "FREV": lambda: f"V{p.dsp_version}",
            "HWVR": lambda: p.fpga_version,
            "SOFT": lambda: p.dsp_part,
            "SLVR": lambda: str(round(p.full_scale_kv * 100)),
            "SLIR": lambda: str(round(p.full_scale_ma * 1000)),
            "VSET": lambda: str(hv.kv_counts),
            "ISET": lambda: str(hv.ma_counts),
            "VMON": lambda: str(hv.analog[0]),
            "IMON": lambda: str(hv.analog[1]),
            "FMON": lambda: str(hv.analog[2]),
            "TEMP": lambda: "410",
            "LVPS": lambda: "1562",
            "STAT": lambda: str(int(hv.hv_on)),
            "FLT": self._faults,
        }

    def _commands(self) -> dict[str, tuple[int | None, Callable[[int, int], str]]]:
        """What it does: the argument's greatest value (None: it takes none), and the act, which gives the reply's value."""
        return {
            "VREF": (4095, self._set_kv),
            "IREF": (4095, self._set_ma),
            "ENBL": (1, self._enable),
            "CLR": (None, self._clear),
            "WDTE": (1, self._watch),
            "WDTT": (None, self._tickle),
        }

    def _set_kv(self, _now_us: int, counts: int) -> str:
        if not self.set_points_stick:
            self._supply.kv_counts = min(counts, CLAMP)
        return ""

    def _set_ma(self, _now_us: int, counts: int) -> str:
        if not self.set_points_stick:
            self._supply.ma_counts = min(counts, CLAMP) * self._p.ma_set_counts // 4095
        return ""

    def _enable(self, now_us: int, on: int) -> str:
        """Acknowledged either way: that HV was refused shows in STAT and FLT."""
        self._supply.switch(now_us, on)
        return ""

    def _clear(self, now_us: int, _none: int) -> str:
        heard_us = self._supply.heard_us
        self._supply.reset_faults(now_us)
        self._supply.heard_us = heard_us  # nothing but a tickle feeds the watchdog
        return ""

    def _watch(self, now_us: int, on: int) -> str:
        """Enabling starts it; enabling what is enabled feeds nothing."""
        if on and not self._supply.watchdog_ms:
            self._supply.heard_us = now_us
        self._supply.watchdog_ms = WATCHDOG_MS * on
        return ""

    def _tickle(self, now_us: int, _none: int) -> str:
        self._supply.heard_us = now_us
        return ""
