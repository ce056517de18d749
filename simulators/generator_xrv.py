"""Firmware of an XRV-class supply: its command table, states, refusals and protective trips, advanced 1 ms at a time.
It knows its set-points, its interlock line and its inverter's power; not the room, the safety unit, or anybody's prescription."""

from __future__ import annotations

import random
from collections.abc import Callable

from simulators.line import SerialLine
from simulators.profile import Profile
from simulators.spellman_codec import Deframer, frame
from simulators.tube import Tube

ERROR_RANGE = 1
ERROR_REFUSED = 2

# Fault flags of command 68, by place from 0.
OVER_TEMP_NEAR, OVER_VOLTAGE, UNDER_VOLTAGE, OVER_CURRENT, UNDER_CURRENT, OVER_TEMP_ANODE = 1, 2, 3, 4, 5, 6
ARC_CATHODE, WATCHDOG, OVER_POWER, INVERTER_NOT_READY = 12, 21, 23, 26
FAULT_FLAGS = 27
REGULATION_AFTER_MS = 1000

Answer = tuple[object, ...]


class XrvFirmware:
    """Commands in by `receive`, one `step` each ms; drives the tube. Serial logic is fed apart from the inverter and answers with K2 open."""

    __slots__ = (
        "_adc",
        "_arc_times_us",
        "_arcs_seen",
        "_booted_at_us",
        "_charged_at_us",
        "_deframer",
        "_frozen",
        "_gets",
        "_heard_us",
        "_line",
        "_noise",
        "_on_since_us",
        "_p",
        "_rising_at_us",
        "_sets",
        "_stream",
        "_tube",
        "deaf_to_interlock",
        "deaf_to_off",
        "faults",
        "filament_on",
        "garbled",
        "hv_ms",
        "hv_on",
        "interlock_closed",
        "interlock_fault",
        "kv_counts",
        "kv_gain",
        "large_filament",
        "late_us",
        "limit_counts",
        "local",
        "ma_counts",
        "ma_gain",
        "notes",
        "power_bypassed",
        "power_large_w",
        "power_small_w",
        "powered",
        "preheat_counts",
        "ready",
        "set_points_stick",
        "silent",
        "spontaneous",
    )

    def __init__(self, profile: Profile, tube: Tube, line: SerialLine, seed: int) -> None:
        self._p = profile
        self._tube = tube
        self._line = line
        self._noise = random.Random(seed)
        self._stream = random.Random(seed + 1)
        self._deframer = Deframer()
        self._gets = self._reads()
        self._sets = self._writes()
        self.notes: list[str] = []
        self.hv_ms = 0
        self.powered = False
        self.interlock_closed = False
        self.silent = self.garbled = self.set_points_stick = self.spontaneous = self.power_bypassed = False
        self.deaf_to_off = self.deaf_to_interlock = False
        self.late_us = 0
        self.kv_gain = self.ma_gain = 1.0
        self._frozen: tuple[int, int, int] | None = None
        self.power_large_w = self.power_small_w = profile.power_limit_w
        self._boot(-profile.boot_ms * 1000)

    def _boot(self, now_us: int) -> None:
        p = self._p
        self._booted_at_us = now_us + p.boot_ms * 1000
        self.kv_counts = self.ma_counts = 0
        self.limit_counts, self.preheat_counts = p.filament_limit_counts, p.filament_preheat_counts
        self.hv_on = self.ready = self.interlock_fault = self.large_filament = False
        self.filament_on = True
        self.local = p.boots_local
        self.faults = [0] * FAULT_FLAGS
        self._charged_at_us = self._booted_at_us + p.charge_ms * 1000
        self._on_since_us = self._rising_at_us = 0
        self._heard_us = now_us
        self._arcs_seen = self._tube.arcs
        self._arc_times_us: list[int] = []
        self._adc = (0, 0, 0)

    # ---- the wire

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host; answers go out on the line after the turnaround."""
        if self.silent or now_us < self._booted_at_us:
            return
        for fields in self._deframer.feed(data):
            self._heard_us = now_us
            answer = self.answer(fields, now_us)
            if self.garbled:
                spot = 1 + self._stream.randrange(len(answer) - 2)
                answer = answer[:spot] + bytes((self._stream.randrange(0x20, 0x7F),)) + answer[spot + 1 :]
            self._line.device_put(answer, now_us + self._p.turnaround_us + self.late_us)

    def answer(self, fields: tuple[str, ...], now_us: int) -> bytes:
        """Act on one command and return the reply frame."""
        command, args = fields[0], fields[1:]
        get = self._gets.get(command)
        if get is not None:
            return self._error(command, ERROR_RANGE) if args else frame(command, *get())
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
        return frame(command, "$") if act(now_us, *values) else self._error(command, ERROR_REFUSED)

    def _error(self, command: str, code: int) -> bytes:
        return frame(command, "!", code) if self._p.error_style == "bang" else frame(command, code)

    def _reads(self) -> dict[str, Callable[[], Answer]]:
        """Commands without arguments that only tell."""
        p = self._p
        scaling = (f"{p.full_scale_kv:g}", f"{p.full_scale_ma:g}")
        configuration = (
            0,
            p.over_voltage_pct,
            p.ramp_ms,
            p.ramp_ms,
            0,
            p.arc_limit,
            0,
            p.quench_ms,
            0,
            *scaling,
            p.watchdog_ms,
        )
        return {
            "14": lambda: (self.kv_counts,),
            "15": lambda: (self.ma_counts,),
            "16": lambda: (self.limit_counts,),
            "17": lambda: (self.preheat_counts,),
            # Places 4 to 7 echo the panel's potentiometers, live in local mode only; place 8 is for bipolar supplies.
            "19": lambda: (*(self._frozen or self._adc), 0, 0, 0, 0, 0),
            "21": lambda: (f"{self.hv_ms / 3_600_000:.6f}",),
            "22": self._status,
            "23": lambda: (p.dsp_part, p.dsp_version),
            "26": lambda: (p.model,),
            "27": lambda: configuration,
            "28": lambda: (*scaling, 0),
            "38": lambda: (self.power_large_w, self.power_small_w, 0, 0, 0, 0),
            "43": lambda: (p.fpga_part, p.fpga_version),
            "68": lambda: tuple(self.faults),
        }

    def _writes(self) -> dict[str, tuple[tuple[int, ...], Callable[..., bool]]]:
        """Commands that act: the greatest value of each argument, and the act, which says False when refused."""
        top, watts = self._p.counts_full_scale, self._p.power_limit_w
        return {
            "10": ((top,), lambda _, counts: self.set_points_stick or self._store("kv_counts", counts)),
            "11": ((top,), lambda _, counts: self.set_points_stick or self._store("ma_counts", counts)),
            "12": ((top,), lambda _, counts: self._store("limit_counts", counts)),
            "13": ((top,), lambda _, counts: self._store("preheat_counts", counts)),
            "31": ((), self._reset_faults),
            "32": ((1,), lambda _, large: not self.hv_on and self._store("large_filament", large == 1)),
            "70": ((1,), lambda _, on: self._store("filament_on", on == 1)),
            "97": (
                (watts, watts),
                lambda _, large, small: self._store("power_large_w", large) and self._store("power_small_w", small),
            ),
            "98": ((1,), self._switch_hv),
            "99": ((1,), self._set_remote),
        }

    def _store(self, name: str, value: int) -> bool:
        setattr(self, name, value)
        return True

    def _status(self) -> Answer:
        closed = int(self.interlock_closed)
        regulating = int(self.hv_on and self._tube.ma > 0.0)
        large, filament = int(self.large_filament), int(self.filament_on)
        confirmed = (large & filament, filament & ~large & 1)
        faults = (int(self.faulty()), int(self.local))
        return (
            int(self.hv_on),
            closed,
            closed,
            regulating,
            *faults,
            filament,
            large,
            0,
            *confirmed,
            0,
            0,
            0,
            0,
            int(self.ready),
            1,
        )

    def _reset_faults(self, now_us: int) -> bool:
        self.faults = [0] * FAULT_FLAGS
        self.interlock_fault = False
        self._heard_us = now_us
        self._arc_times_us.clear()
        return True

    def _switch_hv(self, now_us: int, wanted: int) -> bool:
        if not wanted:
            obeys = self.hv_on and not self.deaf_to_off
            self.notes.append("HV OFF accepted" if obeys else "HV OFF received")
            if obeys:
                self._drop("off command")
            return True
        if self.hv_on:
            return True
        reasons = self.refusals()
        if reasons:
            self.notes.append(f"HV ON refused: {', '.join(reasons)}")
            return False
        if self._set_power_w() > (self.power_large_w if self.large_filament else self.power_small_w):
            self._trip(OVER_POWER, "over-power")
            return False
        self.notes.append("HV ON accepted")
        self._turn_on(now_us)
        return True

    def _set_remote(self, _now_us: int, remote: int) -> bool:
        self.local = not remote
        if self.local and self.hv_on and not self.deaf_to_off:
            self._drop("local mode")
        return True

    # ---- states

    def refusals(self) -> list[str]:
        """Why HV ON would be refused now; empty = it would be taken."""
        asked = (
            (self.local, "local mode"),
            (not self.interlock_closed, "interlock open"),
            (not self.ready, "supply not ready"),
            (self.faulty(), "fault"),
        )
        return [words for true, words in asked if true]

    def faulty(self) -> bool:
        """Any latched fault; the over-temperature warning is none."""
        return self.interlock_fault or any(flag for place, flag in enumerate(self.faults) if place != OVER_TEMP_NEAR)

    def reboot(self, now_us: int) -> None:
        """Logic restarts: HV off, set-points and queued answers lost; deaf for the boot time."""
        self.notes.append("rebooted")
        self._line.to_host.clear()
        self._boot(now_us)

    def drop(self, why: str) -> None:
        """HV off without a fault flag, from inside (a named fault)."""
        if self.hv_on:
            self._drop(why)

    def trip(self, flag: int, words: str) -> None:
        """A protective trip from inside (a named fault)."""
        self._trip(flag, words)

    def freeze(self, frozen: bool) -> None:
        """Analog read-backs stand still, or live again (a named fault)."""
        self._frozen = (self._frozen or self._adc) if frozen else None

    def _set_power_w(self) -> float:
        p = self._p
        scale = p.full_scale_kv * p.full_scale_ma / p.counts_full_scale**2
        return self.kv_counts * self.ma_counts * scale

    def _turn_on(self, now_us: int) -> None:
        self.hv_on = True
        self._on_since_us = now_us
        self._rising_at_us = now_us + self._p.hv_on_delay_ms * 1000

    def _drop(self, why: str) -> None:
        self.hv_on = False
        self.notes.append(f"HV off: {why}")

    def _trip(self, flag: int, words: str) -> None:
        if not self.faults[flag]:
            self.faults[flag] = 1
            self.notes.append(f"fault: {words}")
        if self.hv_on:
            self._drop(words)

    def step(self, now_us: int, interlock_closed: bool, powered: bool) -> None:
        """One ms: the interlock line and the inverter's power come from the contactors; drives the tube."""
        if powered is not self.powered or interlock_closed is not self.interlock_closed:
            self._rewired(now_us, interlock_closed, powered)
        if now_us >= self._charged_at_us and not self.ready and self.powered and now_us >= self._booted_at_us:
            self.ready = True
            self.notes.append("supply ready")
        hv_on = self.hv_on
        if self.spontaneous and not hv_on and (self.ready or self.power_bypassed):
            self.notes.append("HV on by itself")
            self._turn_on(now_us)
            hv_on = True
        if hv_on and not (interlock_closed and powered) and self._undermined():
            hv_on = False
        p = self._p
        if hv_on and now_us >= self._rising_at_us:
            self.hv_ms += 1
            kv_counts, ma_counts = self.kv_counts, self.ma_counts
            if self.spontaneous:  # with nothing set, it runs at a little over half scale
                kv_counts, ma_counts = kv_counts or 2457, ma_counts or 819
            full = p.counts_full_scale
            kv = kv_counts * p.full_scale_kv / full * self.kv_gain
            ma = ma_counts * p.full_scale_ma / full * self.ma_gain if self.filament_on else 0.0
            self._tube.step(
                True, kv, ma, 0.0, self.limit_counts * p.filament_full_scale_a / full if self.filament_on else 0.0
            )
        else:
            standby = self.preheat_counts * p.filament_full_scale_a / p.counts_full_scale if self.filament_on else 0.0
            self._tube.step(False, 0.0, 0.0, standby, self.limit_counts * p.filament_full_scale_a / p.counts_full_scale)

    def _rewired(self, now_us: int, interlock_closed: bool, powered: bool) -> None:
        if powered and not self.powered:
            self._charged_at_us = max(now_us, self._booted_at_us) + self._p.charge_ms * 1000
        self.interlock_closed, self.powered = interlock_closed, powered
        if not powered:
            self.ready = False

    def _undermined(self) -> bool:
        """HV is on and its interlock line is open or its inverter has no power: it drops; True when it did."""
        if not self.interlock_closed and not self.deaf_to_interlock:
            self._drop("interlock open")
            self.interlock_fault = self._p.interlock_latches
        elif not self.powered and not self.power_bypassed:
            self._trip(INVERTER_NOT_READY, "inverter power lost")
        return not self.hv_on

    def slow_step(self, now_us: int) -> None:
        """Every 10 ms: read-backs are converted afresh, and the protective comparators look."""
        p, tube = self._p, self._tube
        top = p.counts_full_scale
        gauss = self._noise.gauss
        kv_scale = top / (p.adc_overrange * p.full_scale_kv)
        ma_scale = top / (p.adc_overrange * p.full_scale_ma)
        ma = tube.ma + tube.kv / p.bleeder_gohm * 1e-3
        self._adc = (
            min(top, max(0, round(tube.kv * kv_scale * (1.0 + gauss(0.0, p.adc_noise))))),
            min(top, max(0, round(ma * ma_scale * (1.0 + gauss(0.0, p.adc_noise))))),
            min(top, round(tube.heater_a / p.filament_full_scale_a * top)),
        )
        if p.watchdog_ms and self.hv_on and now_us - self._heard_us > p.watchdog_ms * 1000:
            self._trip(WATCHDOG, "watchdog")
        if tube.arcs != self._arcs_seen:
            self._count_arcs(now_us)
        self.faults[OVER_TEMP_NEAR] = int(tube.anode_j > p.anode_warning_j)
        if tube.anode_j > p.anode_limit_j and not self.faults[OVER_TEMP_ANODE]:
            self._trip(OVER_TEMP_ANODE, "anode over temperature")
        if self.hv_on:
            self._compare(now_us)

    def _count_arcs(self, now_us: int) -> None:
        p, tube = self._p, self._tube
        self._arc_times_us += [now_us] * (tube.arcs - self._arcs_seen)
        self._arcs_seen = tube.arcs
        self._arc_times_us = [at for at in self._arc_times_us if now_us - at < p.arc_window_ms * 1000]
        if len(self._arc_times_us) >= p.arc_limit and not self.faults[ARC_CATHODE]:
            self._trip(ARC_CATHODE, "arcs")

    def _compare(self, now_us: int) -> None:
        p, tube = self._p, self._tube
        kv_set = self.kv_counts * p.full_scale_kv / p.counts_full_scale
        ma_set = self.ma_counts * p.full_scale_ma / p.counts_full_scale
        if tube.kv > p.full_scale_kv * p.over_voltage_pct / 100:
            self._trip(OVER_VOLTAGE, "over-voltage")
        elif tube.ma > p.full_scale_ma * 1.1:
            self._trip(OVER_CURRENT, "over-current")
        elif self.spontaneous or now_us - self._on_since_us < (p.ramp_ms + REGULATION_AFTER_MS) * 1000:
            return
        elif tube.kv < 0.8 * kv_set and not tube.quench_ms and now_us - (self._arc_times_us or [0])[-1] > 1_000_000:
            self._trip(UNDER_VOLTAGE, "under-voltage")
        elif tube.ma < 0.5 * ma_set and now_us - (self._arc_times_us or [0])[-1] > 1_000_000:
            self._trip(UNDER_CURRENT, "under-current")
