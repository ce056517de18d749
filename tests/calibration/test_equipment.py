"""Equipment is read strictly, an expired instrument is refused with words, and a chamber must fit field and beam."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from calibration.dosimetry.units import MillimetresAl
from calibration.equipment import (
    Applicator,
    Chamber,
    Filter,
    Instrument,
    Tube,
    codes_too_near,
    coefficient,
    unfit_for_field,
    unusable,
)

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
CAL = {"lab": "PTB", "at": AT - timedelta(days=300), "expires_at": AT + timedelta(days=300), "certificate_no": "N-1"}
BASE = {"id": "I1", "model": "M", "serial": "S", "cal": CAL}
NK = [{"hvl_mm_al": h, "kv": 70.0, "mgy_per_nc": n, "u_pct_k1": 0.7} for h, n in ((1.5, 448.2), (2.0, 447.0))]
CHAMBER: dict[str, Any] = BASE | {
    "kind": "chamber", "type": "pp", "volume_cc": 0.02, "sensitive_mm": 5.0, "ref_point_mm_from_face": 0.5, "vented": True, "foil_mm": 0.1,
    "polarising_v": 300.0, "stem_factor": 1.0, "u_stem_pct": 0.5, "nk": NK, "coefficient": "air_kerma", "ref_form": "22C", "protocol": "TG61",
}  # fmt: skip
OTHERS: list[dict[str, Any]] = [
    {"kind": "electrometer", "factor": 1.0012, "u_pct": 0.2, "leakage_na": 0.0},
    {"kind": "barometer", "reads": "station", "altitude_m": 500.0},
    {"kind": "thermometer", "u_c": 0.2},
    {"kind": "kvp_meter", "u_pct_k1": 1.0, "least_kv": 40.0, "most_kv": 150.0},
    {"kind": "ma_meter", "u_pct_k1": 0.5},
    {"kind": "qa_device", "jig": "J1"},
    {"kind": "hvl_set", "purity_pct": 99.9, "sheets_mm": [0.1, 0.5, 1.0]},
    {"kind": "well_jig", "seat_proof": "contact"},
]
TUBE: dict[str, Any] = {
    "id": "T", "serial": "T-1", "model": "X", "target_angle_deg": 30.0, "inherent_mm_be": 0.8, "max_kv": 80.0, "max_ma": 2.0, "max_w": 140.0,
    "heat_capacity_j": 20000.0, "cooling_tau_s": 300.0, "max_on_s": 300.0, "min_rest_s": 60.0, "installed_on": AT, "hours_s": 0.0, "arcs_total": 0,
    "ma_seconds": 0.0, "leak_survey": {"at": AT, "mgy_h_1m": 0.1, "mgy_h_5cm": 1.0, "by": "S"}, "focal_spot_mm": 1.0, "last_beam_at": AT,
}  # fmt: skip
APPLICATOR: dict[str, Any] = {
    "id": "A20", "serial": "A-1", "code": 0x35, "kind": "clinical", "shape": "circle", "diameter_mm": 20.0, "end": "open", "plane_to_focus_mm": 60.0,
    "effective_ssd_mm": 60.0, "u_mm": 0.3, "contact_sensor": True, "lot": "L", "recalled": False, "max_skin_mgy": 15000.0, "max_time_s": 300.0,
}  # fmt: skip
FILTER: dict[str, Any] = {
    "id": "F2", "code": 0xF2, "layers": [{"material": "Al", "thickness_mm": 1.9}], "proof_inputs": ["slot"], "allowed_kv": [69.5]
}  # fmt: skip
ANY: TypeAdapter[Any] = TypeAdapter(Instrument)


@pytest.mark.parametrize("table", [CHAMBER, *(BASE | other for other in OTHERS)], ids=lambda table: table["kind"])
def test_a4_every_instrument_is_strict(table: dict[str, Any]) -> None:
    """Each kind is read by its name; an unknown key, a missing one, text for a number and NaN are refused, in every place."""
    assert ANY.validate_python(table).kind == table["kind"]
    with pytest.raises(ValidationError, match="Extra inputs"):
        ANY.validate_python(table | {"colour": "red"})
    for key, value in table.items():
        with pytest.raises(ValidationError):
            ANY.validate_python({name: one for name, one in table.items() if name != key})
        if isinstance(value, float):
            for bad in (float("nan"), float("inf"), str(value), True):
                with pytest.raises(ValidationError):
                    ANY.validate_python(table | {key: bad})


@pytest.mark.parametrize(("model", "table"), [(Tube, TUBE), (Applicator, APPLICATOR), (Filter, FILTER)])
def test_a4_tube_applicator_filter_are_strict(model: type[Any], table: dict[str, Any]) -> None:
    assert model.model_validate(table).id == table["id"]
    for bad in (
        {"colour": "red"},
        {"id": ""},
        {next(k for k, v in table.items() if isinstance(v, (float, int))): float("nan")},
    ):
        with pytest.raises(ValidationError):
            model.model_validate(table | bad)


def test_an_applicator_has_one_shape_and_one_end() -> None:
    assert Applicator.model_validate(APPLICATOR).field_mm == 20.0
    rect = {k: v for k, v in APPLICATOR.items() if k != "diameter_mm"} | {"shape": "rect", "a_mm": 30.0, "b_mm": 40.0}
    assert Applicator.model_validate(rect).field_mm == 30.0
    closed = APPLICATOR | {
        "end": "closed",
        "end_material": "PMMA",
        "end_mm": 1.0,
        "gap_table": [{"gap_mm": 1.0, "factor": 0.97}],
    }
    assert Applicator.model_validate(closed).gap_table[0].factor == 0.97
    for bad in ({"a_mm": 1.0}, {"shape": "rect"}, {"end": "closed"}, {"gap_table": closed["gap_table"]}):
        with pytest.raises(ValidationError, match=r"has |stands with"):
            Applicator.model_validate(APPLICATOR | bad)
    with pytest.raises(ValidationError, match="does not ascend"):
        Applicator.model_validate(closed | {"gap_table": closed["gap_table"] * 2})


def test_a13_an_expired_instrument_is_refused() -> None:
    """Hazard A13: with its name, its date, and what to do; before its calibration too. The end is exclusive."""
    chamber = Chamber.model_validate(CHAMBER)
    assert unusable(chamber, AT) == ""
    late = chamber.cal.expires_at
    assert unusable(chamber, late).startswith("I1 (M S): its calibration expired at 2027-03-28T12:00:00Z, before 2027")
    assert unusable(chamber, late - timedelta(seconds=1)) == ""
    assert "its calibration is of 2025-08-05" in unusable(chamber, chamber.cal.at - timedelta(seconds=1))


def test_a14_a_chamber_that_does_not_fit_the_field_is_refused() -> None:
    """Hazard A14: sensitive part and 2 mm each side inside the field; a cylinder needs 30 mm; below 70 kV plane-parallel with its foil."""
    pp, cyl = (Chamber.model_validate(CHAMBER | {"type": one}) for one in ("pp", "cyl"))
    assert unfit_for_field(pp, 20.0, 50.0) == "" == unfit_for_field(cyl, 30.0, 70.0)
    assert "do not fit a field of 9 mm" in unfit_for_field(pp, 9.0, 70.0)
    assert "below 30 mm" in unfit_for_field(cyl, 29.9, 100.0)
    assert "with its foil is wanted" in unfit_for_field(cyl, 50.0, 69.5)
    assert "with its foil is wanted" in unfit_for_field(Chamber.model_validate(CHAMBER | {"foil_mm": 0.0}), 50.0, 69.5)


def test_a13_a_coefficient_lies_between_calibrated_qualities() -> None:
    """E4's N_K, mGy per nC; one quality is no calibration."""
    chamber = Chamber.model_validate(CHAMBER)
    assert coefficient(chamber, MillimetresAl(1.85)) == (pytest.approx(447.36, rel=1e-9), 0.7)
    with pytest.raises(ValueError, match="nothing is extrapolated"):
        coefficient(chamber, MillimetresAl(2.1))
    with pytest.raises(ValidationError):
        Chamber.model_validate(CHAMBER | {"nk": NK[:1]})


def test_g9_codes_stand_one_broken_contact() -> None:
    assert codes_too_near([0xF2, 0x35, 0x5A]) == ""
    assert codes_too_near([0xF2, 0x35, 0xF3]).startswith("codes 0xf2 and 0xf3 differ in fewer than 2 bits")
