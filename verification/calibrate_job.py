"""The files that people write for the calibration of a simulated tube: name plate, and the job file with its instruments, applicators and sections.
It knows papers, labels and the data sheet; what the tube truly is stands only in what no session measures, as its maker would have it on paper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from simulators.unknown import PLANE_MM, Unknown
from verification.calibrate_script import (
    AL_MM,
    CAP,
    CAPSULES_NO,
    CHAMBER_MM,
    ENGRAVED,
    FAR_MM,
    FITTED,
    G_PARTS,
    KV,
    MA,
    MA_AT_KV,
    NAME,
    NONE,
    OTHER,
    SCALE_KV,
    SCALE_MA,
    SEASONED_KV,
    SECONDS,
)
from verification.virtual import WALL_S

DAY: Final = timedelta(days=1)
PDD: Final = ((0.0, 100.0), (1.0, 95.0), (2.0, 90.0), (3.0, 85.0), (4.0, 79.0), (5.0, 74.0))
PLATE: Final = {"bleeder_gohm": 1.0, "kv_exponent": 3.0}
"""Of the data sheets: the divider; and behind so much aluminium a beam falls faster with kV than without, so that its low kV are expected as weak as they
are, and are not ended for it."""
G_LOW: Final = ({"kv": 10.4, "rel": 0.0},)
"""Below what the desk exposes. SpekPy 2.5.4 has 1e-6 there behind 1.9 mm Al."""


CAPSULES_U_PCT: Final = 1.5
"""k = 1, of what a house reads of its capsules."""


def plated() -> list[tuple[float, float, str]]:
    """kV, mA and applicator of everything that is exposed: the plate lists them all."""
    scales = [(kv, MA, "A20") for kv in SCALE_KV] + [(kv, ma, "A20") for kv in MA_AT_KV for ma in SCALE_MA]
    parts = [(round(part * KV, 2), MA, "A20") for part in G_PARTS]
    capped = [(kv, MA, CAP) for kv in (round(0.6 * SEASONED_KV, 2), round(0.6 * SEASONED_KV + 20.0, 2), SEASONED_KV)]
    return list(dict.fromkeys(((KV, MA, "A20"), *scales, *parts, *((KV, MA, name) for name in (OTHER, NONE)), *capped)))


def job(machine: Unknown, papers: dict[str, Any], bare: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The job file as a document, with a section for each of these sessions; what none of them gives is typed."""
    at = datetime.fromtimestamp(WALL_S, UTC).replace(microsecond=0)
    beam = {"filter": "F2", "applicator": "A20"}
    capped = {"kv": SEASONED_KV, "ma": MA, "filter": "F2", "applicator": CAP}
    scales: list[dict[str, Any]] = [
        beam | {"name": "kv", "unit": "kV", "at": list(SCALE_KV), "ma": MA, "meter": "kvp-meter"}
    ]
    scales += [
        beam
        | {
            "name": "ma" if kv == KV else f"ma-{kv:g}",
            "unit": "mA",
            "at": list(SCALE_MA),
            "kv": kv,
            "meter": "ma-meter",
        }
        for kv in MA_AT_KV
    ]
    sections: dict[str, Any] = {
        "offset": beam | {"meter": "ma-meter"}, "conditioning": capped, "survey": capped | {"instrument": "survey-meter"},
        "spot": beam | {"kv": KV, "ma": MA, "instrument": "film"},
    }  # fmt: skip
    audited = {"audit": {"kind": "simulated", "by": "nobody: a simulated tube", "tube_serial": machine.profile.tube_serial,
                         "at": at, "ratio": 1.0, "u_pct": 1.5}}  # fmt: skip
    return {
        "certificate": {
            "id": f"SIM-{machine.seed:04d}-1", "version": 1, "supersedes": "", "simulated": True, "tube_serial": machine.profile.tube_serial,
            "machine_serial": "KU-SIM-0001", "safety_unit_fw": "simulated", "generator_fw": f"{machine.profile.dsp_part} {machine.profile.dsp_version}",
            "ramp_profile": "as delivered", "expires_at": at + 365 * DAY, "termination": "time", "timer_start": "hv_seen",
            "capacitance_nf": round(float(bare["capacitance_nf"]), 4), "off_latency_s": 0.02, "press_to_hv_s": float(bare["press_to_hv_seen_s"]),
            "ramp_s": round(0.03 + machine.drawn["ramp"] * 1e-3, 3), "filament_limit_counts": 2866, "filament_preheat_counts": 2375, "vented_2": True,
            "ref_pressure_kpa": 101.325, "ref_temperature_c": 20.0, **({} if f"audit-{NAME}" in names else audited),
            "facts": {"tube": _tube(machine, at), "applicators": [_applicator(name, code) for name, code in FITTED.items()]},
        },
        "instruments": instruments(papers),
        "outputs": [_output(bare, names)],
        "scales": [one for one in scales if f"scale-{one['name']}" in names],
        "fitted": [{"name": "a30", "reference": NAME, "applicator": OTHER}],
        **{name: section for name, section in sections.items() if name in names},
    }  # fmt: skip


def _output(bare: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The one combination, with what its sessions need."""
    g_kv = {} if f"dependence-{NAME}" in names else {"g_kv": bare["g_kv"]}
    steps = (
        {}
        if f"linearity-{NAME}" in names
        else {"ma_steps": [{"at": at, "reading": round(0.1 * at, 5)} for at in SCALE_MA]}
    )
    sections: dict[str, Any] = {
        "hvl": {
            "applicator": NONE, "sheets": "sheets", "stack_mm": list(AL_MM), "chamber_mm": FAR_MM, "aperture_mm": 20.0, "expected_mm": 1.95, "most_nc": 5.0,
        },
        "monitor": {"supply_v": 300.0, "voltmeter": "voltmeter"},
        "dependence": {"parts": list(G_PARTS), "low": list(G_LOW)},
        "second": {"chamber": "B", "low_v": 150.0, "expected_nc": 2.42},
        "audit": {"kind": "TLD", "by": "Example audit service", "capsules": CAPSULES_NO, "seconds": 40.0, "u_pct": CAPSULES_U_PCT},
    }  # fmt: skip
    return {
        "name": NAME, "kv": KV, "ma": MA, "filter": "F2", "applicator": "A20", "seconds": SECONDS, "most_nc": 5.0, "expected_nc": 2.1, "low_v": 150.0,
        "source": "typed",
        "combination": {
            "filter_code": 0xF2, "applicator_code": FITTED["A20"], "effective_ssd_mm": PLANE_MM,
            "max_skin_mgy": 15000.0, "max_time_s": 300.0, "closed_end": False, "pdd": [{"depth_mm": z, "pct": pct} for z, pct in PDD], **g_kv,
        },
        "measured": {
            "quantity": "AIR_KERMA_RATE_IN_AIR", "chamber": "A", "electrometer": "electrometer", "barometer": "barometer", "thermometer": "thermometer",
            "operating_v": 300.0, "low_v": 150.0, "chamber_ref_to_focus_mm": CHAMBER_MM, "plane_to_focus_mm": PLANE_MM,
            "position_half_width_mm": 0.3, "field_mm": 20.0, **steps,
            "terms": [{"term": "quality", "type": "B", "stated": 1.0, "distribution": "normal", "pct_per_unit": 1.0, "source": "E11"}],
            "pdd_source": "published", "u_pdd_pct": 2.0, "flatness_pct": 5.0,
        },
        **{kind: section for kind, section in sections.items() if f"{kind}-{NAME}" in names},
    }  # fmt: skip


def _tube(machine: Unknown, at: datetime) -> dict[str, Any]:
    """The tube's book as its maker hands it over: two days ago it stood on his bench."""
    return {
        "id": "XT-70", "serial": machine.profile.tube_serial, "model": "simulated tube", "target_angle_deg": 30.0, "inherent_mm_be": 0.5, "max_kv": 100.0,
        "max_ma": 2.0, "max_w": 150.0, "heat_capacity_j": 30000.0, "cooling_tau_s": 300.0, "max_on_s": 180.0, "min_rest_s": 10.0,
        "installed_on": at - 0.1 * DAY, "hours_s": 0.0, "arcs_total": 3, "ma_seconds": 0.0,
        "leak_survey": {"at": at - 2 * DAY, "mgy_h_1m": 0.02, "mgy_h_5cm": 5.0, "by": "the maker"}, "focal_spot_mm": 1.0, "last_beam_at": at - 2 * DAY,
    }  # fmt: skip


def _applicator(name: str, code: int) -> dict[str, Any]:
    """As engraved."""
    mm = 30.0 if name == OTHER else 20.0
    kind = {NONE: "calibration_none", CAP: "conditioning_cap"}.get(name, "clinical")
    return {
        "id": name, "serial": f"AP-{name}", "code": code, "kind": kind, "shape": "circle", "diameter_mm": mm, "end": "open", "plane_to_focus_mm": PLANE_MM,
        "effective_ssd_mm": PLANE_MM, "u_mm": 0.3, "contact_sensor": True, "lot": "L1", "recalled": False, "max_skin_mgy": 15000.0, "max_time_s": 300.0,
    }  # fmt: skip


def instruments(papers: dict[str, Any]) -> list[dict[str, Any]]:
    """What lies on the bench, as its papers say."""
    since, until = _day("2026-01-31"), _day("2028-01-31")
    more: dict[str, dict[str, Any]] = {
        "electrometer": {"factor": papers["electrometer_factor"], "u_pct": 0.2, "leakage_na": 0.0},
        "barometer": {"reads": "station", "altitude_m": papers["altitude_m"]},
        "thermometer": {"u_c": 0.5},
        "kvp-meter": {"u_pct_k1": 1.5, "least_kv": 35.0, "most_kv": 110.0},
        "ma-meter": {"u_pct_k1": 0.5},
        "sheets": {"kind": "hvl_set", "purity_pct": 99.9, "sheets_mm": [0.5, 0.5, 1.0, 2.0, 4.0]},
        "voltmeter": {"kind": "qa_device", "jig": "none"},
        "survey-meter": {"kind": "qa_device", "jig": "none"},
        "film": {"kind": "qa_device", "jig": "pinhole 0.1 mm"},
    }
    serials = {name: row["serial"] for name, row in papers["instruments"].items()} | ENGRAVED
    cal = {"lab": "Example laboratory", "at": since, "expires_at": until}
    return [*(_chamber(key, papers["chambers"][key]) for key in ("A", "B")), *(
        {"kind": kind.replace("-", "_"), "id": kind, "model": f"simulated {kind}", "serial": serials[kind],
         "cal": cal | {"certificate_no": f"EX-{kind}"}, **facts}
        for kind, facts in more.items()
    )]  # fmt: skip


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _chamber(key: str, paper: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "chamber", "id": key, "model": "simulated soft X-ray chamber", "serial": paper["serial"],
        "cal": {"lab": "ADCL", "at": _day(paper["date"]), "expires_at": _day(paper["expires"]), "certificate_no": paper["certificate"]},
        "type": "pp", "volume_cc": 0.02, "sensitive_mm": paper["sensitive_mm"], "ref_point_mm_from_face": 0.5, "vented": True, "foil_mm": 0.1,
        "polarising_v": float(paper["volts"]), "stem_factor": paper["stem_factor"], "u_stem_pct": 0.5,
        "nk": [{"hvl_mm_al": hvl, "kv": 70.0, "mgy_per_nc": 1000.0 * n_k, "u_pct_k1": 0.7} for hvl, n_k in paper["n_k_gy_per_nc"].items()],
        "coefficient": "air_kerma", "ref_form": paper["ref_form"], "ref_t_c": paper["ref_c"], "ref_p_kpa": paper["ref_kpa"], "protocol": "TG61",
    }  # fmt: skip
