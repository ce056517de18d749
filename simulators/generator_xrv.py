"""The serial face of an XRV-class supply: frames in, its command table, acknowledgements, refusals and errors out.
It knows every command's shape; what HV does with it is the supply's."""

from __future__ import annotations

import random
from collections.abc import Callable

from simulators.line import SerialLine
from simulators.profile import Profile
from simulators.spellman_codec import Deframer, frame
from simulators.supply import Supply

ERROR_RANGE = 1
ERROR_REFUSED = 2

Answer = tuple[object, ...]


class XrvFirmware:
    """Commands in by `receive`. Its logic is fed apart from the inverter: it answers with K2 open. Public flags are where faults act."""

    shutter_open = True

    __slots__ = (
        "_deframer",
        "_gets",
        "_line",
        "_p",
        "_sets",
        "_stream",
        "_supply",
        "garbled",
        "late_us",
        "set_points_stick",
        "silent",
    )

    def __init__(self, profile: Profile, supply: Supply, line: SerialLine, seed: int) -> None:
        self._p = profile
        self._supply = supply
        self._line = line
        self._stream = random.Random(seed)
        self._deframer = Deframer(profile.generator_packets)
        self._gets = self._reads()
        self._sets = self._writes()
        self.silent = self.garbled = self.set_points_stick = False
        self.late_us = 0

    def reboot(self, now_us: int) -> None:
        """Logic restarts: HV off, set-points and queued answers lost; deaf for the boot time."""
        self._supply.notes.append("rebooted")
        self._line.to_host.clear()
        self._supply.boot(now_us)

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host; answers go out on the line after the turnaround."""
        if self.silent or now_us < self._supply.booted_at_us:
            return
        for fields in self._deframer.feed(data):
            self._supply.heard_us = now_us
            answer = self.answer(fields, now_us)
            if self.garbled:
                spot = 1 + self._stream.randrange(len(answer) - 2)
                answer = answer[:spot] + bytes((self._stream.randrange(0x20, 0x7F),)) + answer[spot + 1 :]
            self._line.device_put(answer, now_us + self._p.turnaround_us + self.late_us)

    def step(self, now_us: int) -> None:
        """Nothing here runs by time."""

    def answer(self, fields: tuple[str, ...], now_us: int) -> bytes:
        """Act on one command and return the reply frame."""
        command, args = fields[0], fields[1:]
        get = self._gets.get(command)
        if get is not None:
            return self._error(command, ERROR_RANGE) if args else self._frame(command, *get())
        setting = self._sets.get(command)
        if setting is None:
            return self._error(command, ERROR_REFUSED)
        tops, act = setting
        values = [int(arg) for arg in args if arg.isdigit() and len(arg) < 10]
        if (
            len(values) != len(args)
            or len(args) != len(tops)
            or any(v > top for v, top in zip(values, tops, strict=True))
        ):
            return self._error(command, ERROR_RANGE)
        return self._frame(command, "$") if act(now_us, *values) else self._error(command, ERROR_REFUSED)

    def _error(self, command: str, code: int) -> bytes:
        return self._frame(command, "!", code) if self._p.error_style == "bang" else self._frame(command, code)

    def _frame(self, *fields: object) -> bytes:
        return frame(*fields, packets=self._p.generator_packets)

    def _reads(self) -> dict[str, Callable[[], Answer]]:
        """Commands without arguments that only tell."""
        p, hv = self._p, self._supply
        scaling = (f"{p.full_scale_kv:g}", f"{p.full_scale_ma:g}")
        configuration = (0, p.over_voltage_pct, p.ramp_ms, p.ramp_ms, 0, p.arc_limit, 0, p.quench_ms, 0)
        return {
            "14": lambda: (hv.kv_counts,),
            "15": lambda: (hv.ma_counts,),
            "16": lambda: (hv.limit_counts,),
            "17": lambda: (hv.preheat_counts,),
            # Places 4 to 7 echo the panel's potentiometers, live in local mode only; place 8 is for bipolar supplies.
            "19": lambda: (*hv.analog, 0, 0, 0, 0, 0),
            "21": lambda: (f"{hv.hv_ms / 3_600_000:.6f}",),
            "22": self._status,
            "23": lambda: (p.dsp_part, p.dsp_version),
            "26": lambda: (p.model,),
            "27": lambda: (*configuration, *scaling, p.watchdog_ms),
            "28": lambda: (*scaling, 0),
            "38": lambda: (hv.power_large_w, hv.power_small_w, 0, 0, 0, 0),
            "43": lambda: (p.fpga_part, p.fpga_version),
            "68": lambda: tuple(hv.faults),
        }

    def _writes(self) -> dict[str, tuple[tuple[int, ...], Callable[..., bool]]]:
        """Commands that act: the greatest value of each argument, and the act, which says False when refused."""
        top, watts, hv = self._p.counts_full_scale, self._p.power_limit_w, self._supply
        return {
            "10": ((top,), lambda _, counts: self.set_points_stick or self._store("kv_counts", counts)),
            "11": ((top,), lambda _, counts: self.set_points_stick or self._store("ma_counts", counts)),
            "12": ((top,), lambda _, counts: self._store("limit_counts", counts)),
            "13": ((top,), lambda _, counts: self._store("preheat_counts", counts)),
            "31": ((), hv.reset_faults),
            "32": ((1,), lambda _, large: not hv.hv_on and self._store("large_filament", large == 1)),
            "70": ((1,), lambda _, on: self._store("filament_on", on == 1)),
            "97": (
                (watts, watts),
                lambda _, large, small: self._store("power_large_w", large) and self._store("power_small_w", small),
            ),
            "98": ((1,), hv.switch),
            "99": ((1,), hv.set_remote),
        }

    def _store(self, name: str, value: int) -> bool:
        setattr(self._supply, name, value)
        return True

    def _status(self) -> Answer:
        hv = self._supply
        closed = int(hv.interlock_closed)
        large, filament = int(hv.large_filament), int(hv.filament_on)
        live = (int(hv.hv_on), closed, closed, int(hv.regulating), int(hv.faulty()), int(hv.local), filament, large, 0)
        return (*live, large & filament, filament & ~large & 1, 0, 0, 0, 0, int(hv.ready), 1)
