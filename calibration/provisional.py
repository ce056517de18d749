"""The certificate of a tube that has none yet, made of its name plate: enough to expose for the first calibration, and refused for anything else.
It measures nothing and knows nothing better than the plate; how far a tube may be from it is interlocks/bands.py."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from calibration import signed, toml_file
from calibration.equipment import Code, Name, Positive, Table
from calibration.procedures.kv_dependence import PARTS
from calibration.schema import PROVISIONAL_MOST_DAYS

NOBODY_PCT: Final = ((0.0, 100.0), (1.0, 90.0))
"""A depth dose must stand there; calibrations are of the surface, and nobody is treated with it."""
MOST_TIME_S: Final = 300.0


class WantedTable(Table):
    """[[combinations]]: one that is to be calibrated."""

    kv: float = Field(gt=0, le=225)
    ma: float = Field(gt=0, le=100)
    filter: Name
    filter_code: Code
    applicator: Name
    applicator_code: Code
    plane_to_focus_mm: float = Field(ge=10, le=1000)


class PlateTable(Table):
    """What plates, data sheets and the tests at delivery say; `rate_mgy_per_s` is the output at `rate_kv` and `rate_ma`, and goes with kV to `kv_exponent`.

    `bleeder_gohm`: of the divider that the read-back of mA holds too, as the supply's data sheet or the session `offset` has it; left out, there is none."""

    id: Name
    simulated: bool
    tube_serial: Name
    machine_serial: Name
    rate_mgy_per_s: float = Field(gt=0, le=2000)
    rate_kv: float = Field(gt=0, le=225)
    rate_ma: Positive
    kv_exponent: float = Field(ge=1, le=4)
    bleeder_gohm: float | None = Field(default=None, ge=0.1, le=1000)
    n1_mgy_per_count: float = Field(ge=1e-4, le=1)
    n2_mgy_per_count: float = Field(ge=1e-4, le=1)
    leak1_cps: float = Field(ge=0, le=100)
    leak2_cps: float = Field(ge=0, le=100)
    timer_start: Literal["k1_closed", "hv_seen"]
    capacitance_nf: float = Field(gt=0, le=100)
    off_latency_s: float = Field(ge=0, le=0.5)
    press_to_hv_s: float = Field(gt=0, le=2)
    ramp_s: float = Field(gt=0, le=5)
    filament_limit_counts: int = Field(ge=0, le=4095)
    filament_preheat_counts: int = Field(ge=0, le=4095)
    vented_2: bool
    ref_pressure_kpa: float = Field(ge=90, le=110)
    ref_temperature_c: float = Field(ge=15, le=25)
    combinations: list[WantedTable] = Field(min_length=1, max_length=500)


def load_plate(path: Path) -> PlateTable:
    """Read it strictly. Raises ConfigurationError."""
    return signed.checked(path, toml_file.parse(path, toml_file.read_bytes(path)), PlateTable)


def provisional(plate: PlateTable, software_version: str, at: datetime) -> dict[str, Any]:
    """The document of the certificate. End effect and tail are 0: the timer runs for the seconds that are asked for, and no dose is claimed for them."""
    shared = {
        name: getattr(plate, name)
        for name in (
            "simulated", "tube_serial", "machine_serial", "timer_start", "capacitance_nf", "off_latency_s", "press_to_hv_s", "ramp_s",
            "filament_limit_counts", "filament_preheat_counts", "vented_2", "ref_pressure_kpa", "ref_temperature_c",
        )
    }  # fmt: skip
    at = at.replace(microsecond=0)
    return {
        "schema": 2, "id": f"{plate.id}-provisional", "version": 1, "supersedes": "", "basis": "provisional", "software_version": software_version,
        "effective_at": at, "expires_at": at + timedelta(days=PROVISIONAL_MOST_DAYS), "termination": "time", **shared,
        "combinations": [_combination(plate, one) for one in plate.combinations],
    }  # fmt: skip


def _combination(plate: PlateTable, wanted: WantedTable) -> dict[str, Any]:
    rate = plate.rate_mgy_per_s * (wanted.kv / plate.rate_kv) ** plate.kv_exponent * wanted.ma / plate.rate_ma
    drawn = (
        {} if plate.bleeder_gohm is None else {"ma_read": round(wanted.ma + 1e-3 * wanted.kv / plate.bleeder_gohm, 4)}
    )
    return {
        "kv": wanted.kv, "ma": wanted.ma, "filter": wanted.filter, "filter_code": wanted.filter_code, "applicator": wanted.applicator,
        "applicator_code": wanted.applicator_code, "r0_mgy_per_s": rate, "dt_s": 0.0, "tail_mgy": 0.0, "n1_mgy_per_count": plate.n1_mgy_per_count,
        "n2_mgy_per_count": plate.n2_mgy_per_count, "leak1_cps": plate.leak1_cps, "leak2_cps": plate.leak2_cps,
        "effective_ssd_mm": wanted.plane_to_focus_mm, "max_skin_mgy": 25000.0, "max_time_s": MOST_TIME_S, "closed_end": False,
        "g_kv": [{"kv": part * wanted.kv, "rel": part**plate.kv_exponent} for part in PARTS],
        "pdd": [{"depth_mm": depth, "pct": pct} for depth, pct in NOBODY_PCT], **drawn,
    }  # fmt: skip
