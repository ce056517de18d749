"""A job file for the quick bench, every section filled, and the sessions that are planned from it and gone through there.
It judges nothing; what a session comes to is the program's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from calibration.given import Known
from calibration.job import JobTable, load_job
from calibration.planned import offered
from calibration.procedures.session import Session
from calibration.procedures.step import Step
from calibration.write import text_of
from simulators.quick_bench import QuickBench
from simulators.unknown import PLANE_MM, unknown
from tests.calibration.measured_bench import document
from verification import benched
from verification.calibrated import Physicist, applicator, back_or_again, chamber, instrument

NAME: Final = "a20"
G_LOW: Final = ({"kv": 8.0, "rel": 0.0}, {"kv": 13.9, "rel": 0.0})
HEAD: Final = (
    "ramp_profile",
    "capacitance_nf",
    "off_latency_s",
    "press_to_hv_s",
    "filament_limit_counts",
    "filament_preheat_counts",
)


def job_document(bench: QuickBench) -> dict[str, Any]:
    """Nothing of what a session at the desk measures is typed."""
    whole = document()
    now = datetime(2026, 6, 15, 8, tzinfo=UTC)
    who = Physicist(bench)
    kinds = ("20 mm", "30 mm", "calibration, none", "conditioning cap")
    codes = (0x35, 0x66, 0x99, 0xAA)
    tube = benched.tube(who).model_dump() | {"installed_on": now.replace(month=1)}
    c = whole["combinations"][0]
    facts = {
        "tube": tube,
        "applicators": [applicator(kind).model_copy(update={"code": code}).model_dump(exclude_none=True) for kind, code in zip(kinds, codes, strict=True)],
    }  # fmt: skip
    certificate = {key: whole[key] for key in HEAD} | {
        "id": "BENCH-1", "version": 1, "supersedes": "", "simulated": True, "tube_serial": "SIM-1", "machine_serial": "KU-1", "safety_unit_fw": "f",
        "generator_fw": "g", "expires_at": now.replace(year=2027), "termination": "time", "timer_start": "hv_seen", "ramp_s": benched.RAMP_S,
        "vented_2": True, "ref_pressure_kpa": 101.325, "ref_temperature_c": 20.0, "facts": facts,
    }  # fmt: skip
    names = (
        "electrometer",
        "barometer",
        "thermometer",
        "kvp-meter",
        "divider",
        "ma-meter",
        "sheets",
        "survey-meter",
        "film",
        "voltmeter",
    )
    output = {
        "name": NAME, "kv": 69.5, "ma": 1.6, "filter": "F2", "applicator": "20 mm", "seconds": benched.SECONDS, "most_nc": 40.0,
        "expected_nc": benched.expected_nc("A", "20 mm"), "low_v": 150.0, "source": "typed", "timer_meter": "kvp-meter",
        "combination": {
            "filter_code": 0xF2, "applicator_code": 0x35, "effective_ssd_mm": PLANE_MM,
            "max_skin_mgy": 15000.0, "max_time_s": 300.0, "closed_end": False, "pdd": c["pdd"],
        },
        "measured": {
            "quantity": "AIR_KERMA_RATE_IN_AIR", "chamber": "A", "electrometer": "electrometer", "barometer": "barometer", "thermometer": "thermometer",
            "operating_v": 300.0, "low_v": 150.0, "chamber_ref_to_focus_mm": benched.CHAMBER_MM, "plane_to_focus_mm": PLANE_MM,
            "position_half_width_mm": 0.3, "field_mm": 20.0,
            "terms": [{"term": "quality", "type": "B", "stated": 1.0, "distribution": "normal", "pct_per_unit": 1.0, "source": "E11"}],
            "pdd_source": "published", "u_pdd_pct": 2.0, "flatness_pct": 5.0,
        },
        "hvl": {"applicator": "calibration, none", "sheets": "sheets", "stack_mm": list(benched.STACK_MM), "chamber_mm": 300.0, "aperture_mm": 20.0,
                "expected_mm": benched.EXPECTED_HVL_MM, "most_nc": 40.0},
        "second": {"chamber": "B", "low_v": 150.0, "expected_nc": benched.expected_nc("B", "20 mm")},
        "monitor": {"supply_v": 300.0, "voltmeter": "voltmeter"},
        "audit": {"kind": "TLD", "by": "Another House", "capsules": "TLD-1", "seconds": 40.0, "u_pct": 1.5},
        "dependence": {"parts": [0.5, 0.6, 0.7, 0.8, 0.9, 1.0], "low": list(G_LOW)},
    }  # fmt: skip
    at = {"filter": "F2", "kv": 69.5, "ma": 1.6}
    return {
        "certificate": certificate,
        "instruments": [one.model_dump(exclude_none=True) for one in (chamber(bench, "A"), chamber(bench, "B"), *map(instrument, names))],
        "outputs": [output],
        "offset": {"filter": "F2", "applicator": "20 mm", "meter": "ma-meter"},
        "scales": [
            {"name": "kv", "unit": "kV", "at": list(benched.KVS), "ma": 1.0, "filter": "F2", "applicator": "20 mm", "meter": "divider"},
            {"name": "ma", "unit": "mA", "at": [0.4, 0.8, 1.2, 1.6, 2.0], "kv": 69.5, "filter": "F2", "applicator": "20 mm", "meter": "ma-meter"},
        ],
        "fitted": [
            {"name": "a30", "reference": NAME, "applicator": "30 mm"},
            {"name": "c15", "reference": NAME, "applicator": "20 mm", "cutout": "C15", "diameter_mm": 15.0,
             "backscatter": {"value": 1.08, "u_pct": 1.7, "source": "between 10 and 20 mm of TG-61 table 5"}},
        ],
        "conditioning": at | {"applicator": "conditioning cap"},
        "survey": at | {"applicator": "conditioning cap", "instrument": "survey-meter"},
        "spot": at | {"applicator": "20 mm", "instrument": "film"},
    }  # fmt: skip


def job(folder: Path, document: Mapping[str, Any]) -> JobTable:
    path = folder / "calibration.toml"
    path.write_text(text_of(document), encoding="utf-8")
    return load_job(path)


def hands(name: str, step: Step) -> dict[str, Any]:
    """Where the chamber is and what is fitted, as the step says it."""
    if name.startswith("hvl"):
        mm = float(step.id.split()[0]) if step.id[0].isdigit() else 0.0
        return {"chamber": "A", "applicator": "calibration, none", "distance_mm": 300.0, "al_mm": mm, "volts": 300}
    if name in ("conditioning", "survey"):
        return {"applicator": "conditioning cap", "chamber": "none", "al_mm": 0.0}
    key = "B" if name.startswith("second") else "A"
    fitted = "30 mm" if name == "fitted-a30" and step.id == "applicator" else "20 mm"
    return benched.hands_of_output(step, key, fitted)


class Shop:
    """A bench, a job file, and the sessions that are finished there, by name."""

    def __init__(self, table: JobTable, bench: QuickBench) -> None:
        self.table, self.done = table, dict[str, Session]()
        self.who = Physicist(bench)
        self.known = Known(self.done.get)

    def measures(self, name: str) -> Session:
        """From the job file to the end of the session."""
        planned = offered(self.table, name, self.who.at, self.known)
        self.who.rejects = back_or_again if name == "conditioning" else None
        self.done[name] = self.who.goes_through(planned.procedure, name, lambda step: hands(name, step))
        return self.done[name]


def warm_bench(seed: int = 3) -> QuickBench:
    bench = QuickBench(unknown(seed), seed)
    benched.warmed(bench)
    return bench
