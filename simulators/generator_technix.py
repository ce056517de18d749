"""The face of a Technix-class HV supply (SR, CCR): text ended by CR in, its echo and a value out, relay pulses, status bits and the 5 s of silence.
It knows every command's shape; what HV does with it is the supply's. What the published protocol leaves open is marked as an assumption."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace

from simulators.line import SerialLine
from simulators.profile import DEFAULT, Profile
from simulators.supply import Supply

CR = 0x0D
LONGEST_B = 24
HEARD = 256
FULL = 4095
SILENCE_US = 5_000_000
INHIBITED, LOCAL, OFF_GIVEN, ON_GIVEN, HV_ON, INTERLOCK_OPEN, FAULT, VOLTAGE_REGULATED = 128, 64, 32, 16, 8, 4, 2, 1

PROFILE = replace(
    DEFAULT,
    generator="technix",
    model="SR100N500",
    adc_overrange=1.0,
    generator_baud=9600,
    boots_local=True,
    charge_ms=0,
)


class TechnixFirmware:
    """Commands in by `receive`. Public flags are where faults act; `pulses` is what P5 and P6 stand at, `inhibited` what P8 does."""

    shutter_open = True

    __slots__ = (
        "_content", "_heard_us", "_line", "_p", "_stream", "_supply",
        "garbled", "heard", "inhibited", "late_us", "pulses", "set_points_stick", "silent",
    )  # fmt: skip

    def __init__(self, profile: Profile, supply: Supply, line: SerialLine, seed: int) -> None:
        self._p = profile
        self._supply = supply
        self._line = line
        self._stream = random.Random(seed)
        self._content = bytearray()
        self._heard_us = 0
        self.pulses = {"P5": 0, "P6": 0}
        self.inhibited = False
        self.heard: deque[tuple[str, ...]] = deque(maxlen=HEARD)
        self.silent = self.garbled = self.set_points_stick = False
        self.late_us = 0

    def reboot(self, now_us: int) -> None:
        """Logic restarts: HV off, set-points, relays and queued answers lost; deaf for the boot time, then in local mode."""
        self._supply.notes.append("rebooted")
        self._line.to_host.clear()
        self._content.clear()
        self.pulses = {"P5": 0, "P6": 0}
        self.inhibited = False
        self._supply.boot(now_us)
        self._heard_us = self._supply.booted_at_us

    def step(self, now_us: int) -> None:
        """Five seconds without an instruction: HV off and local mode."""
        if now_us - self._heard_us > SILENCE_US and not self._supply.local:
            self._supply.notes.append("5 s without an instruction: local mode")
            self._supply.set_remote(now_us, 0)

    def idle_ms(self) -> int:
        """Its silence is judged in each ms."""
        return 0

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host; answers go out on the line after the turnaround."""
        if self.silent or now_us < self._supply.booted_at_us:
            return
        for byte in data:
            if byte != CR:
                self._content.append(byte)
                del self._content[:-LONGEST_B]
                continue
            text = self._content.decode("latin-1")
            self._content.clear()
            answer = self.answer(text, now_us)
            if answer is not None:
                self._heard_us = now_us
                self._say(answer, now_us)

    def answer(self, text: str, now_us: int) -> str | None:
        """Act on one command; its echo with the value behind it, or None for what is no command."""
        hv = self._supply
        name, comma, argument = text.partition(",")
        tells = {"a1": lambda: hv.analog[0], "a2": lambda: hv.analog[1], "E": self.status}
        if name in tells and not comma:
            self.heard.append((name,))
            return f"{name}{tells[name]()}"
        most = {"d1": FULL, "d2": FULL, "P5": 1, "P6": 1, "P7": 1, "P8": 1}.get(name)
        digits = argument.isascii() and argument.isdigit() and len(argument) <= 4
        if most is None or not digits or int(argument) > most:
            return None
        self.heard.append((name, argument))
        self._act(name, int(argument), now_us)
        return text

    def status(self) -> int:
        """The eight bits of E."""
        hv = self._supply
        bits = (
            (INHIBITED, self.inhibited),
            (LOCAL, hv.local),
            (OFF_GIVEN, self.pulses["P6"] == 1),
            (ON_GIVEN, self.pulses["P5"] == 1),
            (HV_ON, hv.hv_on),
            (INTERLOCK_OPEN, not hv.interlock_closed),
            (FAULT, hv.faulty()),
            (VOLTAGE_REGULATED, hv.regulating),
        )
        return sum(bit for bit, up in bits if up)

    def _act(self, name: str, value: int, now_us: int) -> None:
        """In local mode everything but OFF, inhibit and the mode itself is echoed and left undone (assumption)."""
        hv = self._supply
        if name in ("d1", "d2"):
            if not hv.local and not self.set_points_stick:
                setattr(hv, "kv_counts" if name == "d1" else "ma_counts", value)
        elif name == "P7":
            hv.set_remote(now_us, 1 - value)
        elif name == "P8":
            self.inhibited = value == 1
            if self.inhibited and not hv.deaf_to_off:
                hv.drop("inhibited")
        else:
            rises = value > self.pulses[name]
            self.pulses[name] = value
            if rises:
                self._pulse(name, now_us)

    def _pulse(self, name: str, now_us: int) -> None:
        """A relay closes: OFF wins over ON for as long as it is closed, and takes a latched fault away (both assumptions)."""
        hv = self._supply
        if name == "P6":
            hv.switch(now_us, 0)
            hv.reset_faults(now_us)
        elif self.pulses["P6"] or self.inhibited:
            hv.notes.append("HV ON refused: off relay closed" if self.pulses["P6"] else "HV ON refused: inhibited")
        else:
            hv.switch(now_us, 1)

    def _say(self, answer: str, now_us: int) -> None:
        data = answer.encode("latin-1") + b"\r"
        if self.garbled:
            spot = self._stream.randrange(len(data) - 1)
            data = data[:spot] + bytes((self._stream.randrange(0x20, 0x7F),)) + data[spot + 1 :]
        self._line.device_put(data, now_us + self._p.turnaround_us + self.late_us)
