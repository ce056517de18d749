"""What a certificate holds of the machine: sessions' results go in as they are, its rows come to what it says, and each contradiction is refused in words."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from calibration.certificate import Checked
from calibration.cutouts import ratio_part
from calibration.measured import BackscatterTable
from calibration.procedures.applicator import applicator
from calibration.procedures.interrupt import interrupted
from calibration.procedures.ma_offset import ma_offset, part
from calibration.procedures.scales import scale
from calibration.report import rows
from calibration.schema import CertificateTable, contradictions
from calibration.write import write_certificate
from simulators.quick_bench import QuickBench
from simulators.unknown import unknown
from tests.calibration.measured_bench import AT, CAL, document
from verification import benched
from verification.calibrated import Physicist

pytestmark = pytest.mark.timeout(60)
METERS = [
    {"kind": "kvp_meter", "id": "divider", "model": "M", "serial": "DV", "cal": CAL, "u_pct_k1": 0.25, "least_kv": 10.0, "most_kv": 150.0},
    {"kind": "ma_meter", "id": "ma-meter", "model": "M", "serial": "MA", "cal": CAL, "u_pct_k1": 0.2},
]  # fmt: skip
TUBE = {
    "id": "T", "serial": "T-1", "model": "M", "target_angle_deg": 30.0, "inherent_mm_be": 0.8, "max_kv": 80.0, "max_ma": 5.0, "max_w": 250.0,
    "heat_capacity_j": 40000.0, "cooling_tau_s": 300.0, "max_on_s": 180.0, "min_rest_s": 60.0, "installed_on": AT, "hours_s": 0.0, "arcs_total": 0,
    "ma_seconds": 0.0, "leak_survey": {"at": AT, "mgy_h_1m": 0.1, "mgy_h_5cm": 1.0, "by": "S. One"}, "focal_spot_mm": 1.0, "last_beam_at": AT,
}  # fmt: skip
FILTER = {
    "id": "F2",
    "code": 0xF2,
    "layers": [{"material": "Al", "thickness_mm": 1.9}],
    "proof_inputs": ["F2A", "F2B"],
    "allowed_kv": [69.5],
}
APPLICATOR = {
    "id": "A20", "serial": "AP", "code": 0x35, "kind": "clinical", "shape": "circle", "diameter_mm": 20.0, "end": "open", "plane_to_focus_mm": 60.0,
    "effective_ssd_mm": 60.0, "u_mm": 0.3, "contact_sensor": True, "lot": "L1", "recalled": False, "max_skin_mgy": 15000.0, "max_time_s": 300.0,
}  # fmt: skip


@cache
def found() -> dict[str, Any]:
    """The facts of one machine, by its sessions."""
    who = Physicist(QuickBench(unknown(3), 3))
    benched.warmed(who.bench)
    scales = [scale(run(who)).part() for run in (benched.kv_scale_session, benched.ma_scale_session)]
    (c,) = CertificateTable.model_validate(document()).combinations
    ratio = ratio_part(
        c, 12.0, BackscatterTable(value=1.064, u_pct=1.7, source="between 10 and 20 mm of TG-61 table 5")
    )
    cutout = applicator(benched.applicator_session(who, "20 mm", "lead 12")).cutout(12.0, "P. One", AT, ratio)
    return {
        "tube": TUBE, "filters": [FILTER], "applicators": [APPLICATOR], "ma_offset": part(ma_offset(benched.ma_offset_session(who))),
        "scales": [one | {"at": AT} for one in scales], "cutouts": [cutout | {"applicator": "A20"}],
        "interrupt_ratio": interrupted(benched.interrupt_session(who)).ratio,
    }  # fmt: skip


def checked(table: CertificateTable) -> Checked:
    """As one that was verified; its numbers for treatment are not asked for here."""
    return Checked(Path(), b"", table, b"\0" * 32, (), None)  # type: ignore[arg-type]


def whole(**changes: Any) -> dict[str, Any]:
    whole = document(facts=copy.deepcopy(found()))
    whole["instruments"] = [*whole["instruments"], *METERS]
    return whole | changes


def test_what_the_sessions_gave_is_written_read_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    write_certificate(path, whole())
    read = CertificateTable.model_validate(tomllib.loads(path.read_text()))
    assert not list(contradictions(read)) and len(read.facts.scales) == 2 and read.facts.scales[0].unit == "kV"
    shown = {row.name: row for row in rows(checked(read))}
    assert {
        "tube model",
        "filter F2",
        "applicator A20",
        "kV scale",
        "mA scale at 69.5 kV",
        "cut-out lead 12 in A20",
        "cut-out lead 12: b_w_ratio, applied once",
    } <= set(shown)
    assert "1.06400 (between 10 and 20 mm" in shown["cut-out lead 12: b_w_ratio, applied once"].source
    assert "read-back" in shown["kV scale"].value and shown["a dose in pieces against one"].value.startswith(
        ("0.99", "1.00")
    )


def test_a_rejected_reading_is_shown_with_its_reason() -> None:
    changed = whole()
    gone = {"step": "readings", "nc": 6.9, "at": AT, "why": "cable moved"}
    changed["combinations"][0]["measured"] = changed["combinations"][0]["measured"] | {"rejected": [gone]}
    read = CertificateTable.model_validate(changed)
    (row,) = (row for row in rows(checked(read)) if row.name.startswith("rejected"))
    assert row.value == "6.9" and "cable moved" in row.source


def _set(where: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(facts: dict[str, Any]) -> None:
        *path, last = where.split(".")
        at: Any = facts
        for key in path:
            at = at[int(key)] if key.isdigit() else at[key]
        at[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_set("tube.serial", "T-2"), "the certificate is of tube T-1"), (_set("tube.max_kv", 60.0), "above what tube T-1 bears"),
        (_set("filters.0.id", "F9"), "is none of facts.filters"), (_set("filters.0.code", 0x6D), "F2 has 109"),
        (_set("filters.0.allowed_kv", [50.0]), "is not for 69.5 kV"), (_set("applicators.0.id", "A9"), "is none of facts.applicators"),
        (_set("applicators.0.code", 0x53), "A20 has 83"), (_set("applicators.0.kind", "conditioning_cap"), "nobody is treated with it"),
        (_set("applicators.0.recalled", True), "is recalled"), (_set("applicators.0.max_time_s", 100.0), "is above that of A20"),
        (_set("scales.0.meter", "ma-meter"), "is no meter of kV"), (_set("scales.0.at", AT + timedelta(days=400)), "expired"),
        (_set("scales.0.slope", 1.5), "the rows come to"), (_set("scales.1.offset", 1.5), "the rows come to"),
        (_set("cutouts.0.factor", 0.9), "the readings come to"), (_set("cutouts.0.applicator", "A9"), "no combination has it"),
        (_set("cutouts.0.readings_nc", [5.0] * 5), "nothing is derived"), (_set("cutouts.0.readings_nc", [9.0, 9.1, 9.0, 9.1, 9.0]), "lead adds nothing"),
        (_set("cutouts.0.b_w_ratio.value", 0.99), "tables and layers come to"), (_set("cutouts.0.b_w_ratio.kv", 50.0), "no combination has 50 kV"),
        (_set("cutouts.0.b_w_ratio.b_w.value", 1.2), "the fields next to 12 mm have"), (_set("cutouts.0.b_w_ratio.u_pct", 0.5), "of both factors"),
        (_set("cutouts.0.diameter_mm", 20.0), "is no cut-out in one of 20 mm"), (_set("cutouts.0.u_pct", 1.0), "of its backscatter alone"),
    ],
)  # fmt: skip
def test_a2_a12_a13_a16_g24_what_contradicts_itself_may_not_be_signed(
    change: Callable[[dict[str, Any]], None], words: str
) -> None:
    changed = whole()
    change(changed["facts"])
    said = "\n".join(contradictions(CertificateTable.model_validate(changed)))
    assert words in said, said


def test_hazard_a2_a_derived_cut_out_is_refused_by_the_schema() -> None:
    changed = whole()
    changed["facts"]["cutouts"][0]["derived"] = True
    with pytest.raises(ValidationError, match="derived"):
        CertificateTable.model_validate(changed)
