"""The command table of an XRB011-class monoblock: tenths of a kV, microamps, 99 for X rays, 98 to ask for them, and a communication watchdog.
It knows every command's shape; framing is simulators/spellman_face.py, what HV does with it is the supply's."""

from __future__ import annotations

from dataclasses import replace

from simulators.line import SerialLine
from simulators.profile import DEFAULT, Profile
from simulators.spellman_face import CommaFace, Tables
from simulators.supply import (
    ARC_CATHODE,
    OVER_CURRENT,
    OVER_TEMP_ANODE,
    OVER_VOLTAGE,
    UNDER_CURRENT,
    UNDER_VOLTAGE,
    WATCHDOG,
    Supply,
)

WATCHDOG_MOST_S = 10

PROFILE = replace(
    DEFAULT,
    generator="spellman-xrb011",
    model="XRB011",
    full_scale_kv=80.0,
    full_scale_ma=2.0,
    kv_set_counts=800,
    ma_set_counts=2000,
    power_limit_w=160,
    dsp_part="SWM0201-001",
    dsp_version="1.03",
    watchdog_ms=5000,
    charge_ms=20,
    generator_baud=115200,
)
FAULT_ORDER = (ARC_CATHODE, OVER_TEMP_ANODE, OVER_VOLTAGE, UNDER_VOLTAGE, OVER_CURRENT, UNDER_CURRENT, WATCHDOG)


class Xrb011Face(CommaFace):
    """`locked`: its configuration has not been unlocked, so that the watchdog keeps its time; `watchdog_lies`: it acknowledges another and keeps its own."""

    __slots__ = ("locked", "watchdog_lies")

    def __init__(self, profile: Profile, supply: Supply, line: SerialLine, seed: int) -> None:
        super().__init__(profile, supply, line, seed, tables)
        self.locked = self.watchdog_lies = False

    def set_watchdog(self, seconds: int) -> bool:
        """Keep the watchdog's time; False while the configuration is locked."""
        if not self.locked and not self.watchdog_lies:
            self._supply.watchdog_ms = 1000 * seconds
        return not self.locked

    def answer(self, fields: tuple[str, ...], now_us: int) -> bytes:
        """28 asks without an argument and sets with one."""
        if fields == ("28",) and "28" not in self.refuses:
            return self.put("28", self._supply.watchdog_ms // 1000)
        return super().answer(fields, now_us)


def firmware(profile: Profile, supply: Supply, line: SerialLine, seed: int) -> CommaFace:
    """An XRB011 on this line."""
    return Xrb011Face(profile, supply, line, seed)


def tables(face: CommaFace, p: Profile, hv: Supply) -> Tables:
    """Set-points and measured values in tenths of a kV and in uA."""
    assert isinstance(face, Xrb011Face)
    return Tables(
        reads={
            "14": lambda: (hv.kv_counts,),
            "15": lambda: (hv.ma_counts,),
            "19": lambda: (round(hv.read_kv * 10), round(hv.read_ma * 1000), round(hv.read_filament_a * 1000)),
            "21": lambda: (f"{hv.hv_ms / 3_600_000:.1f}",),
            "22": lambda: (int(hv.hv_on), int(not hv.interlock_closed), int(hv.faulty())),
            "23": lambda: (p.dsp_part, p.dsp_version),
            "24": lambda: ("A",),
            "26": lambda: (p.model,),
            "68": lambda: tuple(int(bool(hv.faults[place])) for place in FAULT_ORDER),
            "98": lambda: (int(hv.hv_on),),
        },
        writes={
            "10": ((p.kv_set_counts,), lambda _, tenths: face.set_point("kv_counts", tenths)),
            "11": ((p.ma_set_counts,), lambda _, microamps: face.set_point("ma_counts", microamps)),
            "28": ((WATCHDOG_MOST_S,), lambda _, seconds: face.set_watchdog(seconds)),
            "31": ((), hv.reset_faults),
            "99": ((1,), hv.switch),
        },
        headers={},
    )
