"""The command table of a uX-class supply: 99 is high voltage, 12 and 13 the other way round, 32 answered under 22, and a 22 that nobody asked for.
It knows every command's shape; framing is simulators/spellman_face.py, what HV does with it is the supply's."""

from __future__ import annotations

from dataclasses import replace

from simulators.line import SerialLine
from simulators.profile import DEFAULT, Profile
from simulators.spellman_face import IDLE_MS, CommaFace, Tables
from simulators.supply import OVER_VOLTAGE, Supply

FILAMENT_TOP_A = 3.6

PROFILE = replace(
    DEFAULT,
    generator="spellman-ux",
    model="UX80P100",
    full_scale_kv=80.0,
    full_scale_ma=2.0,
    power_limit_w=100,
    dsp_part="SWM0133-001",
    dsp_version="1.22",
    interlock_latches=True,
    over_voltage_pct=106,
    charge_ms=20,
    generator_baud=115200,
)


class UxFace(CommaFace):
    """Says 22 by itself when the interlock opens under HV, and at over-voltage; an interlock fault goes when the line closes again."""

    __slots__ = ("_closed", "_live", "_over")

    def __init__(self, profile: Profile, supply: Supply, line: SerialLine, seed: int) -> None:
        super().__init__(profile, supply, line, seed, tables)
        self._live = self._over = False
        self._closed = True

    def step(self, now_us: int) -> None:
        hv = self._supply
        closed, over = hv.interlock_closed, bool(hv.faults[OVER_VOLTAGE])
        opened_live = self._closed and not closed and (self._live or hv.hv_on)
        if (opened_live or (over and not self._over)) and not self.silent and now_us >= hv.booted_at_us:
            self.say(self.put("22", int(hv.hv_on), int(not closed), 1), now_us)
        if closed and hv.interlock_fault:
            hv.interlock_fault = False
        self._live, self._over, self._closed = hv.hv_on, over, closed

    def idle_ms(self) -> int:
        """Until anything that it watches changes."""
        hv = self._supply
        seen = (hv.hv_on, bool(hv.faults[OVER_VOLTAGE]), hv.interlock_closed)
        return 0 if seen != (self._live, self._over, self._closed) or hv.interlock_fault else IDLE_MS


def firmware(profile: Profile, supply: Supply, line: SerialLine, seed: int) -> CommaFace:
    """A uX on this line."""
    return UxFace(profile, supply, line, seed)


def tables(face: CommaFace, p: Profile, hv: Supply) -> Tables:
    """Counts of 4095; command 20: board temperature, 24 V, kV, mA, filament A, filament V, HV-board temperature."""
    top = p.kv_set_counts

    def filament() -> int:
        return min(4095, round(hv.read_filament_a / FILAMENT_TOP_A * 4095))

    def on(now_us: int, wanted: int) -> bool:
        if wanted:
            hv.faults[OVER_VOLTAGE] = 0
        return hv.switch(now_us, wanted)

    return Tables(
        reads={
            "14": lambda: (hv.kv_counts,),
            "15": lambda: (hv.ma_counts,),
            "16": lambda: (hv.preheat_counts,),
            "17": lambda: (hv.limit_counts,),
            "20": lambda: (430, 2290, hv.analog[0], hv.analog[1], filament(), 1500, 450),
            "21": lambda: (f"{hv.hv_ms / 3_600_000:.1f}",),
            "22": lambda: (int(hv.hv_on), int(not hv.interlock_closed), int(hv.faulty())),
            "23": lambda: (p.dsp_part, p.dsp_version),
            "24": lambda: ("B",),
            "25": lambda: ("1.01",),
            "26": lambda: (p.model,),
            "32": lambda: (
                int(hv.hv_on),
                int(not hv.interlock_closed),
                int(hv.interlock_fault),
                int(bool(hv.faults[OVER_VOLTAGE])),
                int(any(flag for place, flag in enumerate(hv.faults) if place not in (1, OVER_VOLTAGE))),
            ),
            "48": lambda: (0, 0),
            "55": lambda: (int(not hv.interlock_closed),),
            "65": lambda: (hv.analog[0],),
            "66": lambda: ("1234",),
        },
        writes={
            "10": ((top,), lambda _, counts: face.set_point("kv_counts", counts)),
            "11": ((top,), lambda _, counts: face.set_point("ma_counts", counts)),
            "12": ((top,), lambda _, counts: face.store("preheat_counts", counts)),
            "13": ((top,), lambda _, counts: face.store("limit_counts", counts)),
            "47": ((1, 10_000), lambda _, _enable, _ms: True),
            "52": ((), hv.reset_faults),
            "99": ((1,), on),
        },
        headers={"32": "22"},
    )
