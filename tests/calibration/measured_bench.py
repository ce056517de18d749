"""E4 as a measurement: instruments, readings and layers of which 57.663 mGy/s come.
It decides nothing; tests change what they ask about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from calibration.equipment import Base, Instrument
from calibration.measured import MeasuredTable
from calibration.output import output

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
CAL = {"lab": "Lab", "at": AT - timedelta(days=300), "expires_at": AT + timedelta(days=300), "certificate_no": "N-1"}
NK = [{"hvl_mm_al": h, "kv": 70.0, "mgy_per_nc": n, "u_pct_k1": 0.7} for h, n in ((1.5, 448.2), (2.0, 447.0))]
CHAMBER: dict[str, Any] = {
    "kind": "chamber", "type": "pp", "volume_cc": 0.02, "sensitive_mm": 5.0, "ref_point_mm_from_face": 0.5, "vented": True, "foil_mm": 0.1,
    "polarising_v": 300.0, "stem_factor": 1.0, "u_stem_pct": 0.5, "nk": NK, "coefficient": "air_kerma", "ref_form": "22C", "ref_t_c": 22.0, "ref_p_kpa": 101.33,
    "protocol": "TG61",
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "E1": {"kind": "electrometer", "factor": 1.0012, "u_pct": 0.2, "leakage_na": 0.0},
    "B1": {"kind": "barometer", "reads": "station", "altitude_m": 200.0},
    "T1": {"kind": "thermometer", "u_c": 0.2},
    "C2": CHAMBER,
}
LAYERS = [{"al_mm": mm, "reading": 10.0 * 0.5 ** (mm / 1.85)} for mm in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)]
READINGS = [
    {
        "nc": nc,
        "set_s": 60.0,
        "t_c": 24.6,
        "p_kpa": 98.72,
        "since_warmup_s": 600.0 + 90.0 * i,
        "at": AT + timedelta(seconds=90 * i),
    }
    for i, nc in enumerate((6.4105, 6.4131, 6.4120, 6.4098, 6.4146))
]
STEPS = [{"at": at, "reading": at * r} for at, r in ((0.8, 0.05512), (1.2, 0.05498), (1.6, 0.05485))]
TIME_STEPS = [{"at": at, "reading": (at - 0.145) * r} for at, r in ((5.0, 0.10690), (30.0, 0.10702), (60.0, 0.10714))]
TERMS = [
    {"term": "quality", "type": "B", "stated": 1.0, "distribution": "normal", "pct_per_unit": 1.0, "source": "E11"}
]
MEASURED: dict[str, Any] = {
    "derived": False, "quantity": "AIR_KERMA_RATE_IN_AIR", "by": "P. One", "chamber": "C1", "electrometer": "E1", "barometer": "B1",
    "thermometer": "T1", "readings": READINGS, "operating_v": 300.0, "low_v": 150.0, "low_v_nc": 6.3928, "opposite_nc": -6.4282,
    "leakage_nc": -0.0011, "chamber_ref_to_focus_mm": 61.0, "plane_to_focus_mm": 60.0, "position_half_width_mm": 0.3, "field_mm": 20.0,
    "layers": LAYERS, "u_dt_s": 0.004, "u_tail_mgy": 0.1, "ma_steps": STEPS, "time_steps": TIME_STEPS, "terms": TERMS, "u_pct_k2": 5.2,
    "pdd_source": "measured", "u_pdd_pct": 2.0, "flatness_pct": 5.0, "last_r0_mgy_per_s": 0.0,
}  # fmt: skip


def measured(**changes: Any) -> MeasuredTable:
    """E4's measurement with some of it changed."""
    return MeasuredTable.model_validate(MEASURED | changes)


def equipment(**chamber: Any) -> list[dict[str, Any]]:
    """The instruments as tables, the chamber changed."""
    named = {"C1": CHAMBER | chamber} | OTHERS
    return [{"id": name, "model": "M", "serial": f"S-{name}", "cal": CAL} | table for name, table in named.items()]


def instruments(**chamber: Any) -> dict[str, Base]:
    """The instruments by their names."""
    adapter: TypeAdapter[Any] = TypeAdapter(Instrument)
    return {one["id"]: adapter.validate_python(one) for one in equipment(**chamber)}


def document(**changes: Any) -> dict[str, Any]:
    """A whole certificate of one combination, measured as E4, version 1 of a tube, with what is changed."""
    found = output(measured(), instruments(), 69.5, -0.145, 60.0)
    combination = {
        "kv": 69.5, "ma": 1.6, "filter": "F2", "filter_code": 0xF2, "applicator": "A20", "applicator_code": 0x35,
        "r0_mgy_per_s": found.r0_mgy_per_s, "dt_s": -0.145, "tail_mgy": 1.5, "n1_mgy_per_count": 0.02, "n2_mgy_per_count": 0.0196,
        "leak1_cps": 0.5, "leak2_cps": 0.3, "effective_ssd_mm": 60.0, "max_skin_mgy": 15000.0, "max_time_s": 300.0, "closed_end": False,
        "g_kv": [{"kv": kv, "rel": (kv / 69.5) ** 1.72} for kv in (10.0, 20.0, 35.0, 50.0, 69.5)],
        "pdd": [{"depth_mm": z, "pct": pct} for z, pct in ((0.0, 100.0), (3.0, 85.0), (4.0, 79.0))],
        "measured": MEASURED | {"u_pct_k2": found.budget.u_pct_k2},
    }  # fmt: skip
    return {
        "schema": 2, "id": "CAL-1", "version": 1, "supersedes": "", "simulated": True, "basis": "measured", "tube_serial": "T-1",
        "machine_serial": "K-1", "software_version": "0.1.0", "software_sha256": "ab" * 32, "safety_unit_fw": "1.0", "generator_fw": "1.0",
        "ramp_profile": "linear 250 ms", "explanation": "", "effective_at": AT, "expires_at": AT + timedelta(days=365), "termination": "time",
        "timer_start": "hv_seen", "capacitance_nf": 1.0, "off_latency_s": 0.015, "press_to_hv_s": 0.06, "ramp_s": 0.25,
        "filament_limit_counts": 2866, "filament_preheat_counts": 2375, "vented_2": True, "ref_pressure_kpa": 101.325,
        "ref_temperature_c": 20.0,
        "audit": {"kind": "TLD", "by": "IAEA", "tube_serial": changes.get("tube_serial", "T-1"), "at": AT, "ratio": 1.01, "u_pct": 1.5},
        "instruments": equipment(), "combinations": [combination],
    } | changes  # fmt: skip


def scaled(old: dict[str, Any], by: float, **changes: Any) -> dict[str, Any]:
    """The next version of a certificate, every reading of it larger by a factor, the comparison written as it must be."""
    c = old["combinations"][0]
    m = c["measured"]
    moved = m | {
        "readings": [one | {"nc": one["nc"] * by} for one in m["readings"]], "low_v_nc": m["low_v_nc"] * by,
        "opposite_nc": m["opposite_nc"] * by, "leakage_nc": m["leakage_nc"] * by, "last_r0_mgy_per_s": c["r0_mgy_per_s"],
    }  # fmt: skip
    found = output(MeasuredTable.model_validate(moved), instruments(), 69.5, -0.145, 60.0)
    moved["u_pct_k2"] = found.budget.u_pct_k2
    number = old["version"] + 1
    new = {key: value for key, value in old.items() if key != "audit"}
    new |= {"id": f"CAL-{number}", "version": number, "supersedes": old["id"]}
    return new | {"combinations": [c | {"r0_mgy_per_s": found.r0_mgy_per_s, "measured": moved}]} | changes


def seconded(whole: dict[str, Any]) -> dict[str, Any]:
    """A certificate whose second check brings its own readings: the first ones, larger by what it found, with the chamber and by whom it names."""
    second = whole.get("second_check")
    if second is None or "raw" in second:
        return whole
    c = whole["combinations"][0]
    m, by = c["measured"], 1.0 + second["result_pct"] / 100.0
    adapter: TypeAdapter[Any] = TypeAdapter(Instrument)
    named = {one["id"]: adapter.validate_python(one) for one in whole["instruments"]}
    moved = m | {
        "readings": [one | {"nc": one["nc"] * by} for one in m["readings"]], "low_v_nc": m["low_v_nc"] * by, "opposite_nc": m["opposite_nc"] * by,
        "leakage_nc": m["leakage_nc"] * by, "chamber": second["chamber"], "by": second["who"], "last_r0_mgy_per_s": 0.0,
    }  # fmt: skip
    found = output(MeasuredTable.model_validate(moved), named, c["kv"], c["dt_s"], c["effective_ssd_mm"])
    moved["u_pct_k2"] = found.budget.u_pct_k2
    raw = {key: c[key] for key in ("kv", "ma", "filter", "applicator")} | {"measured": moved}
    result = 100.0 * (found.r0_mgy_per_s / c["r0_mgy_per_s"] - 1.0)
    at = max(second["at"], *(one["at"] for one in m["readings"]))
    return whole | {"second_check": second | {"result_pct": result, "at": at, "raw": raw}}
