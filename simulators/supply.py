"""The high-voltage part of an XRV-class supply: set-points, interlock line, inverter power, states and protective trips, advanced 1 ms at a time.
It knows no wire and no command; the firmware beside it turns bytes into its verbs."""

from __future__ import annotations

import random

from simulators.profile import Profile
from simulators.tube import Tube

# Fault flags of command 68, by place from 0.
OVER_TEMP_NEAR, OVER_VOLTAGE, UNDER_VOLTAGE, OVER_CURRENT, UNDER_CURRENT, OVER_TEMP_ANODE = 1, 2, 3, 4, 5, 6
ARC_CATHODE, WATCHDOG, OVER_POWER, INVERTER_NOT_READY = 12, 21, 23, 26
FAULT_FLAGS = 27
REGULATION_AFTER_MS = 1000


class Supply:
    """Drives the tube. `notes` are words for the log of what really happened; attributes from `deaf_to_off` on are where faults act."""

    __slots__ = (
        "_adc",
        "_adc_per_kv",
        "_adc_per_ma",
        "_arc_times_us",
        "_arcs_seen",
        "_charged_at_us",
        "_frozen",
        "_kv_offset",
        "_kv_per_count",
        "_kv_true_per_count",
        "_ma_per_count",
        "_ma_scale",
        "_ma_true_per_count",
        "_noise",
        "_on_since_us",
        "_p",
        "_rising_at_us",
        "_tube",
        "booted_at_us",
        "deaf_to_interlock",
        "deaf_to_off",
        "faults",
        "filament_on",
        "heard_us",
        "hv_ms",
        "hv_on",
        "interlock_closed",
        "interlock_fault",
        "kv_counts",
        "kv_gain",
        "large_filament",
        "limit_counts",
        "local",
        "ma_counts",
        "ma_gain",
        "ma_read_gain",
        "notes",
        "power_bypassed",
        "power_large_w",
        "power_small_w",
        "powered",
        "preheat_counts",
        "ready",
        "spontaneous",
        "watchdog_ms",
    )  # fmt: skip

    def __init__(self, profile: Profile, tube: Tube, seed: int) -> None:
        self._p = profile
        self._tube = tube
        self._noise = random.Random(seed)
        self._kv_per_count = profile.full_scale_kv / profile.kv_set_counts
        self._ma_per_count = profile.full_scale_ma / profile.ma_set_counts
        self._kv_true_per_count = self._kv_per_count * profile.kv_true_scale
        self._kv_offset = profile.kv_true_offset_kv
        self._ma_scale = profile.ma_true_scale
        self._ma_true_per_count = self._ma_per_count * profile.ma_true_scale
        # What regulates is what is read back: an error of its divider or shunt shows in neither.
        self._adc_per_kv = profile.counts_full_scale / (profile.adc_overrange * profile.full_scale_kv)
        self._adc_per_kv /= profile.kv_true_scale
        self._adc_per_ma = profile.counts_full_scale / (profile.adc_overrange * profile.full_scale_ma)
        self.notes: list[str] = []
        self.hv_ms = 0
        self.powered = self.interlock_closed = False
        self.deaf_to_off = self.deaf_to_interlock = self.spontaneous = self.power_bypassed = False
        self.kv_gain = self.ma_gain = self.ma_read_gain = 1.0
        self._frozen: tuple[int, int, int] | None = None
        self.power_large_w = self.power_small_w = profile.power_limit_w
        self.boot(-profile.boot_ms * 1000)

    def boot(self, now_us: int) -> None:
        """Logic starts: HV off, set-points 0, factory filament values; deaf until `booted_at_us`."""
        p = self._p
        self.booted_at_us = now_us + p.boot_ms * 1000
        self.kv_counts = self.ma_counts = 0
        self.limit_counts, self.preheat_counts = p.filament_limit_counts, p.filament_preheat_counts
        self.hv_on = self.ready = self.interlock_fault = self.large_filament = False
        self.filament_on = True
        self.local = p.boots_local
        self.faults = [0] * FAULT_FLAGS
        self._charged_at_us = self.booted_at_us + p.charge_ms * 1000
        self._on_since_us = self._rising_at_us = 0
        self.heard_us = now_us
        self.watchdog_ms = p.watchdog_ms
        self._arcs_seen = self._tube.arcs
        self._arc_times_us: list[int] = []
        self._adc = (0, 0, 0)

    @property
    def analog(self) -> tuple[int, int, int]:
        """kV, mA and filament current as converted, counts; those of the moment a fault froze them, while it lasts."""
        return self._frozen or self._adc

    @property
    def set_kv(self) -> float:
        """What the kV set-point stands for."""
        return self.kv_counts * self._kv_per_count

    @property
    def set_ma(self) -> float:
        """What the mA set-point stands for."""
        return self.ma_counts * self._ma_per_count

    @property
    def read_kv(self) -> float:
        """kV as converted, for faces that do not speak of converter counts."""
        return self.analog[0] * self._p.adc_overrange * self._p.full_scale_kv / self._p.counts_full_scale

    @property
    def read_ma(self) -> float:
        """mA as converted."""
        return self.analog[1] * self._p.adc_overrange * self._p.full_scale_ma / self._p.counts_full_scale

    @property
    def read_filament_a(self) -> float:
        """Filament current as converted, A."""
        return self.analog[2] * self._p.filament_full_scale_a / self._p.counts_full_scale

    @property
    def regulating(self) -> bool:
        """HV is on and current flows."""
        return self.hv_on and self._tube.ma > 0.0

    def reset_faults(self, now_us: int) -> bool:
        """Clear every latched fault; what still lasts trips again."""
        self.faults = [0] * FAULT_FLAGS
        self.interlock_fault = False
        self.heard_us = now_us
        self._arc_times_us.clear()
        return True

    def switch(self, now_us: int, wanted: int) -> bool:
        """HV on (1) or off (0); False = refused."""
        if not wanted:
            obeys = self.hv_on and not self.deaf_to_off
            self.notes.append("HV OFF accepted" if obeys else "HV OFF received")
            if obeys:
                self.drop("off command")
            return True
        if self.hv_on:
            self.notes.append("HV ON repeated")
            return True
        reasons = self.refusals()
        if reasons:
            self.notes.append(f"HV ON refused: {', '.join(reasons)}")
            return False
        if self._set_power_w() > (self.power_large_w if self.large_filament else self.power_small_w):
            self.trip(OVER_POWER, "over-power")
            return False
        self.notes.append("HV ON accepted")
        self._turn_on(now_us)
        return True

    def set_remote(self, _now_us: int, remote: int) -> bool:
        """Remote (1) or local (0); local ends HV."""
        self.local = not remote
        if self.local and not self.deaf_to_off:
            self.drop("local mode")
        return True

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
        faults = self.faults
        return self.interlock_fault or any(faults[:OVER_TEMP_NEAR]) or any(faults[OVER_TEMP_NEAR + 1 :])

    def drop(self, why: str) -> None:
        """HV off, no fault flag."""
        if self.hv_on:
            self.hv_on = False
            self.notes.append(f"HV off: {why}")

    def trip(self, flag: int, words: str) -> None:
        """HV off with a latched fault flag."""
        if not self.faults[flag]:
            self.faults[flag] = 1
            self.notes.append(f"fault: {words}")
        self.drop(words)

    def freeze(self, frozen: bool, at: tuple[int, int, int] | None = None) -> None:
        """Analog read-backs stand still, as they are or `at` these counts, or live again (a named fault)."""
        self._frozen = (at or self._frozen or self._adc) if frozen else None

    def _set_power_w(self) -> float:
        return self.set_kv * self.set_ma

    def _turn_on(self, now_us: int) -> None:
        self.hv_on = True
        self._on_since_us = now_us
        self._rising_at_us = now_us + self._p.hv_on_delay_ms * 1000

    def moved(self, now_us: int) -> None:
        """The set-points move while HV is on: regulation is judged again only when there was time for it."""
        self._on_since_us = now_us

    def step(self, now_us: int, interlock_closed: bool, powered: bool) -> None:
        """One ms: the interlock line and the inverter's power come from the contactors; drives the tube."""
        if powered is not self.powered or interlock_closed is not self.interlock_closed:
            self._rewired(now_us, interlock_closed, powered)
        if now_us >= self._charged_at_us and not self.ready and self.powered and now_us >= self.booted_at_us:
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
                kv_counts, ma_counts = kv_counts or p.kv_set_counts * 3 // 5, ma_counts or p.ma_set_counts // 5
            full = p.counts_full_scale
            kv = kv_counts * self._kv_true_per_count * self.kv_gain
            if self._kv_offset and kv:
                kv += self._kv_offset
            ma = ma_counts * self._ma_true_per_count * self.ma_gain if self.filament_on else 0.0
            self._tube.step(
                True, kv, ma, 0.0, self.limit_counts * p.filament_full_scale_a / full if self.filament_on else 0.0
            )
        else:
            standby = self.preheat_counts * p.filament_full_scale_a / p.counts_full_scale if self.filament_on else 0.0
            self._tube.step(False, 0.0, 0.0, standby, self.limit_counts * p.filament_full_scale_a / p.counts_full_scale)

    def rests(self, now_us: int, interlock_closed: bool, powered: bool) -> bool:
        """Whether steps from now on only go on as they are: filament, current, and nothing that is due, refused or risen."""
        if (
            powered is not self.powered
            or interlock_closed is not self.interlock_closed
            or self.notes
            or self.spontaneous
        ):
            return False
        if not self.hv_on:
            return (self.ready or not powered) and self._tube.rests(False, 0.0)
        kv = self.kv_counts * self._kv_true_per_count * self.kv_gain
        if self._kv_offset and kv:
            kv += self._kv_offset
        return (
            self.ready and powered and interlock_closed and now_us >= self._rising_at_us and self._tube.rests(True, kv)
        )

    def skip(self, ms: int) -> list[float]:
        """`ms` steps at rest; the tube's output in each."""
        p = self._p
        if not self.hv_on:
            standby = self.preheat_counts * p.filament_full_scale_a / p.counts_full_scale if self.filament_on else 0.0
            self._tube.skip_dark(ms, standby, self.limit_counts * p.filament_full_scale_a / p.counts_full_scale)
            return [0.0] * ms
        self.hv_ms += ms
        ma = self.ma_counts * self._ma_true_per_count * self.ma_gain if self.filament_on else 0.0
        limit_a = self.limit_counts * p.filament_full_scale_a / p.counts_full_scale if self.filament_on else 0.0
        return self._tube.skip_lit(ms, ma, limit_a)

    def _rewired(self, now_us: int, interlock_closed: bool, powered: bool) -> None:
        if powered and not self.powered:
            self._charged_at_us = max(now_us, self.booted_at_us) + self._p.charge_ms * 1000
        self.interlock_closed, self.powered = interlock_closed, powered
        if not powered:
            self.ready = False

    def _undermined(self) -> bool:
        """HV is on and its interlock line is open or its inverter has no power: it drops; True when it did."""
        if not self.interlock_closed and not self.deaf_to_interlock:
            self.drop("interlock open")
            self.interlock_fault = self._p.interlock_latches
        elif not self.powered and not self.power_bypassed:
            self.trip(INVERTER_NOT_READY, "inverter power lost")
        return not self.hv_on

    def slow_step(self, now_us: int) -> None:
        """Every 10 ms: read-backs are converted afresh, and the protective comparators look."""
        p, tube = self._p, self._tube
        top = p.counts_full_scale
        gauss = self._noise.gauss
        ma = tube.ma * self.ma_read_gain / self._ma_scale + tube.kv / p.bleeder_gohm * 1e-3
        self._adc = (
            min(top, max(0, round((tube.kv - self._kv_offset) * self._adc_per_kv * (1.0 + gauss(0.0, p.adc_noise))))),
            min(top, max(0, round(ma * self._adc_per_ma * (1.0 + gauss(0.0, p.adc_noise))))),
            min(top, round(tube.heater_a / p.filament_full_scale_a * top)),
        )
        if self.watchdog_ms and self.hv_on and now_us - self.heard_us > self.watchdog_ms * 1000:
            self.trip(WATCHDOG, "watchdog")
        if tube.arcs != self._arcs_seen:
            self._count_arcs(now_us)
        self.faults[OVER_TEMP_NEAR] = int(tube.anode_j > p.anode_warning_j)
        if tube.anode_j > p.anode_limit_j and not self.faults[OVER_TEMP_ANODE]:
            self.trip(OVER_TEMP_ANODE, "anode over temperature")
        if self.hv_on:
            self._compare(now_us)

    def _count_arcs(self, now_us: int) -> None:
        p, tube = self._p, self._tube
        self._arc_times_us += [now_us] * (tube.arcs - self._arcs_seen)
        self._arcs_seen = tube.arcs
        self._arc_times_us = [at for at in self._arc_times_us if now_us - at < p.arc_window_ms * 1000]
        if len(self._arc_times_us) >= p.arc_limit and not self.faults[ARC_CATHODE]:
            self.trip(ARC_CATHODE, "arcs")

    def _compare(self, now_us: int) -> None:
        p, tube = self._p, self._tube
        kv_set, ma_set = self.set_kv, self.set_ma
        if tube.kv > p.full_scale_kv * p.over_voltage_pct / 100:
            self.trip(OVER_VOLTAGE, "over-voltage")
        elif tube.ma > p.full_scale_ma * 1.1:
            self.trip(OVER_CURRENT, "over-current")
        elif self.spontaneous or now_us - self._on_since_us < (p.ramp_ms + REGULATION_AFTER_MS) * 1000:
            return
        elif tube.kv < 0.8 * kv_set and not tube.quench_ms and now_us - (self._arc_times_us or [0])[-1] > 1_000_000:
            self.trip(UNDER_VOLTAGE, "under-voltage")
        elif tube.ma < 0.5 * ma_set and now_us - (self._arc_times_us or [0])[-1] > 1_000_000:
            self.trip(UNDER_CURRENT, "under-current")
