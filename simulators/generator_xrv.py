"""The command table of an XRV-class supply, as its face answers it.
It knows every command's shape; framing is simulators/spellman_face.py, what HV does with it is the supply's."""

from __future__ import annotations

from simulators.line import SerialLine
from simulators.profile import Profile
from simulators.spellman_face import Answer, CommaFace, Tables
from simulators.supply import Supply


def firmware(profile: Profile, supply: Supply, line: SerialLine, seed: int) -> CommaFace:
    """An XRV on this line."""
    return CommaFace(profile, supply, line, seed, tables)


def tables(face: CommaFace, p: Profile, hv: Supply) -> Tables:
    """Counts of 4095 throughout; places 4 to 7 of command 19 echo the panel's potentiometers, live in local mode only, and place 8 is for bipolar supplies."""
    top, watts = p.kv_set_counts, p.power_limit_w
    scaling = (f"{p.full_scale_kv:g}", f"{p.full_scale_ma:g}")
    configuration = (0, p.over_voltage_pct, p.ramp_ms, p.ramp_ms, 0, p.arc_limit, 0, p.quench_ms, 0)
    return Tables(
        reads={
            "14": lambda: (hv.kv_counts,),
            "15": lambda: (hv.ma_counts,),
            "16": lambda: (hv.limit_counts,),
            "17": lambda: (hv.preheat_counts,),
            "19": lambda: (*hv.analog, 0, 0, 0, 0, 0),
            "21": lambda: (f"{hv.hv_ms / 3_600_000:.6f}",),
            "22": lambda: _status(hv),
            "23": lambda: (p.dsp_part, p.dsp_version),
            "26": lambda: (p.model,),
            "27": lambda: (*configuration, *scaling, p.watchdog_ms),
            "28": lambda: (*scaling, 0),
            "38": lambda: (hv.power_large_w, hv.power_small_w, 0, 0, 0, 0),
            "43": lambda: (p.fpga_part, p.fpga_version),
            "68": lambda: tuple(hv.faults),
        },
        writes={
            "10": ((top,), lambda _, counts: face.set_point("kv_counts", counts)),
            "11": ((top,), lambda _, counts: face.set_point("ma_counts", counts)),
            "12": ((top,), lambda _, counts: face.store("limit_counts", counts)),
            "13": ((top,), lambda _, counts: face.store("preheat_counts", counts)),
            "31": ((), hv.reset_faults),
            "32": ((1,), lambda _, large: not hv.hv_on and face.store("large_filament", large == 1)),
            "70": ((1,), lambda _, on: face.store("filament_on", on == 1)),
            "97": (
                (watts, watts),
                lambda _, large, small: face.store("power_large_w", large) and face.store("power_small_w", small),
            ),
            "98": ((1,), hv.switch),
            "99": ((1,), hv.set_remote),
        },
        headers={},
    )


def _status(hv: Supply) -> Answer:
    """Seventeen flags, 1 = closed."""
    closed = int(hv.interlock_closed)
    large, filament = int(hv.large_filament), int(hv.filament_on)
    live = (int(hv.hv_on), closed, closed, int(hv.regulating), int(hv.faulty()), int(hv.local), filament, large, 0)
    return (*live, large & filament, filament & ~large & 1, 0, 0, 0, 0, int(hv.ready), 1)
