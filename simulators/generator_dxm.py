"""The command table of a DXM-class supply: four status values with the interlock as 1 = open, analog values one by one, local mode after mains.
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
    Supply,
)

PROFILE = replace(
    DEFAULT,
    generator="spellman-dxm",
    model="DXM100P600",
    full_scale_ma=6.0,
    power_limit_w=600,
    dsp_part="SWM9732-003",
    dsp_version="2.04",
    boots_local=True,
    charge_ms=20,
    generator_baud=115200,
)
FAULT_ORDER = (ARC_CATHODE, OVER_TEMP_ANODE, OVER_VOLTAGE, UNDER_VOLTAGE, OVER_CURRENT, UNDER_CURRENT)


def firmware(profile: Profile, supply: Supply, line: SerialLine, seed: int) -> CommaFace:
    """A DXM on this line."""
    return CommaFace(profile, supply, line, seed, tables)


def tables(face: CommaFace, p: Profile, hv: Supply) -> Tables:
    """Counts of 4095 throughout; 99 is remote (1) or local (0), and local refuses 98."""
    top = p.kv_set_counts
    return Tables(
        reads={
            "14": lambda: (hv.kv_counts,),
            "15": lambda: (hv.ma_counts,),
            "16": lambda: (hv.limit_counts,),
            "17": lambda: (hv.preheat_counts,),
            "19": lambda: (hv.analog[1], hv.analog[0], hv.analog[2], 0),
            "21": lambda: (f"{hv.hv_ms / 3_600_000:.1f}",),
            "22": lambda: (int(hv.hv_on), int(not hv.interlock_closed), int(hv.faulty()), int(not hv.local)),
            "23": lambda: (p.dsp_part, p.dsp_version),
            "24": lambda: ("HW", "C"),
            "25": lambda: ("WEB", "1.00"),
            "26": lambda: (p.model,),
            "60": lambda: (hv.analog[0],),
            "61": lambda: (hv.analog[1],),
            "62": lambda: (hv.analog[2],),
            "65": lambda: (2048,),
            "68": lambda: tuple(int(bool(hv.faults[place])) for place in FAULT_ORDER),
        },
        writes={
            "10": ((top,), lambda _, counts: face.set_point("kv_counts", counts)),
            "11": ((top,), lambda _, counts: face.set_point("ma_counts", counts)),
            "12": ((top,), lambda _, counts: face.store("limit_counts", counts)),
            "13": ((top,), lambda _, counts: face.store("preheat_counts", counts)),
            "31": ((), hv.reset_faults),
            "98": ((1,), hv.switch),
            "99": ((1,), hv.set_remote),
        },
        headers={},
    )
