"""A measurement gives R0 with every factor once, or is refused with words; the gates ask for more the further R0 moved."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from measured_bench import AT, LAYERS, instruments, measured

from calibration.equipment import Base, Chamber
from calibration.gates import Brought, Combined, compared_with_last, refused, signatures_wanted
from calibration.measured import AuditTable, ComponentTable, MeasuredTable, SecondCheckTable
from calibration.output import output

MONTE_CARLO = {"value": 1.12, "u_pct": 2.0, "source": "Monte Carlo of the lab"}


def worked(of: dict[str, Any] | None = None, /, **changes: Any) -> Any:
    return output(measured(**changes), instruments(**(of or {})), 69.5, -0.145, 60.0)


def test_e4_and_e11_come_out_of_the_tables() -> None:
    """E4 whole: 57.663 mGy/s, each factor with its source; the budget is E11's with u of dt in its bound."""
    got = worked()
    assert got.r0_mgy_per_s == pytest.approx(57.663, rel=1e-5)
    assert [factor.name for factor in got.chain.factors] == [
        "p_tp",
        "p_ion",
        "p_pol",
        "p_elec",
        "n_k",
        "p_stem",
        "distance",
        "time",
        "b_w",
        "mu_ratio",
    ]
    assert all(factor.source for factor in got.chain.factors)
    by = {term.name: term.u_pct for term in got.budget.terms}
    assert by["repeat"] == pytest.approx(0.013533, rel=1e-4)
    assert by["position"] == pytest.approx(0.57735, rel=1e-4)
    without_dt = (0.7**2 + 1.0 + 1.5**2 + 0.5**2 + 1.5**2 + 0.013533**2 + 0.2**2 + 0.57735**2 + 0.2**2) ** 0.5
    assert got.budget.u_pct_k1 == pytest.approx((without_dt**2 + by["time"] ** 2) ** 0.5, rel=1e-6)
    assert (got.hvl_1.value, got.hvl_2.value) == (pytest.approx(1.85), pytest.approx(1.85))
    assert got.warned == ()


def test_dose_to_water_takes_neither_backscatter_nor_mu() -> None:
    """The quantity decides: B_w and mu are 12 % apart from nothing (E13)."""
    water = worked({"coefficient": "dose_to_water"}, quantity="DOSE_RATE_WATER_SURFACE")
    assert worked().r0_mgy_per_s / water.r0_mgy_per_s == pytest.approx(1.10066 * 1.0177, rel=1e-5)
    assert {"b_w", "mu_ratio"}.isdisjoint(factor.name for factor in water.chain.factors)


def test_a_sealed_chamber_takes_no_p_tp_and_a_typed_backscatter_counts() -> None:
    assert worked({"vented": False}).r0_mgy_per_s == pytest.approx(57.663 / 1.03547886, rel=1e-5)
    typed = worked(backscatter=MONTE_CARLO)
    assert typed.r0_mgy_per_s == pytest.approx(57.663 / 1.10066 * 1.12, rel=1e-5)


readings = measured().model_dump()["readings"]
WATER = {"quantity": "DOSE_RATE_WATER_SURFACE"}
STEPS = [{"at": at, "reading": r * at} for at, r in ((1.0, 1.0), (2.0, 1.03), (3.0, 1.01))]


@pytest.mark.parametrize(
    ("chamber", "changes", "words"),
    [
        ({}, {"readings": readings[:4]}, "4 readings are fewer than 5"),
        ({}, {"readings": [*readings[:4], readings[4] | {"nc": 6.50}]}, "the readings vary by"),
        ({}, {"readings": [*readings[:4], readings[4] | {"set_s": 30.0}]}, "set times 60 and 30 s are mixed"),
        ({}, {"readings": [*readings[:4], readings[4] | {"t_c": 26.5}]}, r"air density changed by 0\.64 %"),
        ({}, {"readings": [one | {"p_kpa": 104.9} for one in readings]}, "read station pressure"),
        ({}, {"readings": [one | {"at": AT + timedelta(days=400)} for one in readings]}, "its calibration expired"),
        ({}, {"chamber": "E1"}, "E1: is no chamber among the instruments"),
        ({}, {"barometer": "none"}, "none: is no barometer"),
        ({}, {"quantity": "DOSE_RATE_WATER_SURFACE"}, "is calibrated in air_kerma, and quantity says DOSE_RATE_WATER_SURFACE"),
        ({"coefficient": "dose_to_water"}, WATER | {"backscatter": MONTE_CARLO}, "takes no backscatter"),
        ({}, {"operating_v": 250.0}, "is not the 300 V of C1's calibration"),
        ({}, {"opposite_nc": 6.4282}, "see to cable and voltage"),
        ({}, {"low_v_nc": 6.0}, "P_ion"),
        ({}, {"field_mm": 9.0}, "do not fit a field of 9 mm"),
        ({"type": "cyl"}, {}, "below 30 mm"),
        ({}, {"layers": [*LAYERS[:2], {"al_mm": 1.0, "reading": 6.0}]}, "thicker layer"),
        ({}, {"layers": [one | {"reading": 10.0 * 0.5 ** (one["al_mm"] / 2.2)} for one in LAYERS]}, "nothing is extrapolated"),
        ({}, {"ma_steps": [*STEPS[:2], {"at": 3.0, "reading": 3.2}]}, "linearity is off"),
        ({}, {"ma_steps": STEPS[:2] + STEPS[:1]}, "has a step twice"),
        ({}, {"field_mm": 51.0}, "nothing is extrapolated"),
    ],
)  # fmt: skip
def test_a1_a12_a13_a14_a_measurement_that_may_not_be_used_is_refused(
    chamber: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        worked(chamber, **changes)


ZERO = {"readings": [one | {"nc": 0.0} for one in readings], "leakage_nc": 0.0}
TWICE = MONTE_CARLO | {"value": 1.2114}
NK = [{"hvl_mm_al": h, "kv": 70.0, "mgy_per_nc": n, "u_pct_k1": 0.7} for h, n in ((1.5, 448.2), (2.0, 447.0))]


@pytest.mark.parametrize(
    ("chamber", "changes", "words"),
    [
        # a unit that is not what was written
        ({"nk": [one | {"mgy_per_nc": 1000.0 * one["mgy_per_nc"]} for one in NK]}, {}, "do not go together"),
        ({"nk": [one | {"mgy_per_nc": 0.06 * one["mgy_per_nc"]} for one in NK]}, {}, "do not go together"),
        ({}, {"readings": [one | {"nc": 1e-3 * one["nc"]} for one in readings]}, "leakage_nc = -0.0011: is more than"),
        ({}, {"plane_to_focus_mm": 600.0}, "from the effective SSD 60 mm"),
        ({}, {"plane_to_focus_mm": 6.0 * 5.0}, "from the effective SSD 60 mm"),
        # a factor twice, not at all, or of nothing
        ({}, {"backscatter": TWICE}, "see that it is applied once"),
        ({}, {"backscatter": TWICE | {"value": 1.0}}, "see that it is applied once"),
        ({}, {"leakage_nc": 0.1}, "leakage_nc = 0.1: is more than"),
        ({}, {"opposite_nc": -3.2}, "see to cable and voltage"),
        ({}, {"low_v": 299.0, "low_v_nc": 6.4119}, "take half of it"),
        ({}, {"low_v_nc": 0.0}, "do not belong to 300 and 150 V"),
        ({}, {"low_v_nc": -6.3928}, "do not belong to 300 and 150 V"),
        ({}, {"low_v_nc": 1.0}, "do not belong to 300 and 150 V"),
        ({}, ZERO, "0 nC in the mean"),
        # the wrong form of the reference air, where the paper's own is not typed
        ({"ref_t_c": None}, {}, "ref_t_c and ref_p_kpa of N-1 are not stated"),
        ({"ref_p_kpa": None}, {}, "ref_t_c and ref_p_kpa of N-1 are not stated"),
        # two coefficients at one quality: the larger was taken, 25 % too high
        ({"nk": [NK[0], NK[0] | {"mgy_per_nc": 560.0}, NK[1]]}, {}, "a point stands there twice"),
        ({"nk": [one | {"hvl_mm_al": 1.85} for one in NK]}, {}, "a point stands there twice"),
        # steps side by side are no test
        ({}, {"ma_steps": [{"at": 1.6 + 1e-4 * i, "reading": 1.0} for i in range(3)]}, r"in mA is from 1\.6"),
        ({}, {"time_steps": [{"at": 60.0 + 1e-4 * i, "reading": 1.0} for i in range(3)]}, "in time is from 60"),
    ],
)  # fmt: skip
def test_a3_a12_a13_numbers_that_cannot_be_so_are_refused(
    chamber: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    """Hazards A3, A12, A13: units, factors and papers that were not what was written, told by what does not go together."""
    with pytest.raises(ValueError, match=words):
        worked(chamber, **changes)


def test_a12_an_uncertainty_that_nobody_reaches_is_refused() -> None:
    """A budget of terms that are all stated as 0 certified 0.5 %."""
    terms = [
        {"term": "quality", "type": "B", "stated": 0.0, "distribution": "normal", "pct_per_unit": 1.0, "source": "x"}
    ]
    chamber = {"nk": [one | {"u_pct_k1": 0.0} for one in NK], "u_stem_pct": 0.0, "coefficient": "dose_to_water"}
    with pytest.raises(ValueError, match=r"below 2 %; state every term"):
        worked(chamber, terms=terms, **WATER)


def test_the_budget_knows_a_bad_thermometer_and_where_the_chamber_stands() -> None:
    """2 K are 0.68 %; 0.3 mm count at the nearer of plane and chamber, where they are most."""
    have: dict[str, Base] = dict(instruments())
    have["T1"] = have["T1"].model_copy(update={"u_c": 2.0})
    by = {term.name: term.u_pct for term in output(measured(), have, 69.5, -0.145, 60.0).budget.terms}
    assert by["p_tp"] == pytest.approx(100.0 * 2.0 / 295.2)
    far = {term.name: term.u_pct for term in worked(chamber_ref_to_focus_mm=90.0).budget.terms}
    assert far["position"] == pytest.approx(0.3 * 200.0 / 60.0 / 3.0**0.5)


def test_linearity_above_1_pct_is_told() -> None:
    steps = [{"at": at, "reading": r * (at - 0.145)} for at, r in ((5.0, 1.0), (30.0, 1.03), (60.0, 1.01))]
    assert worked(time_steps=steps).warned == ("linearity in time is off by 1.48 %, above 1 %",)


def test_the_end_effect_is_no_nonlinearity() -> None:
    """A steady beam with dt -0.145 s is linear in time; without dt its 5 s would be off by 1.4 %."""
    steps = [{"at": at, "reading": at - 0.145} for at in (5.0, 30.0, 60.0)]
    assert worked(time_steps=steps).time_nonlinearity == pytest.approx(0.0, abs=1e-12)


def test_a13_each_instrument_must_be_there_and_in_date() -> None:
    """Hazard A13, for each of the four."""
    for name in ("C1", "E1", "B1", "T1"):
        have: dict[str, Base] = dict(instruments())
        old = have[name]
        have[name] = old.model_copy(update={"cal": old.cal.model_copy(update={"expires_at": AT})})
        with pytest.raises(ValueError, match=f"{name} .* its calibration expired"):
            output(measured(), have, 69.5, -0.145, 60.0)
        del have[name]
        with pytest.raises(ValueError, match=f"{name}: is no"):
            output(measured(), have, 69.5, -0.145, 60.0)
    assert isinstance(instruments()["C1"], Chamber)


def one(r0: float, last: float, applicator: str = "A20", shift: float = 0.0) -> Combined:
    return Combined((69.5, 1.6, "F2", applicator), r0, last, "C1", (6.41 + shift, 6.42), AT)


BOTH = ("P. One", "P. Two")
BROUGHT = Brought("OLD", "", {}, None, None, ("P. One",), frozenset({"P. One"}))
SECOND = SecondCheckTable(who="P. Two", chamber="C2", result_pct=0.8, at=AT)
CHANGE = ComponentTable(what="tube", old_serial="T-1", new_serial="T-2", by="S", at=AT - timedelta(days=1))
AUDIT = AuditTable(kind="TLD", by="IAEA", at=AT, ratio=1.02, u_pct=1.5)


def check(**changes: Any) -> dict[str, SecondCheckTable]:
    return {"second_check": SECOND.model_copy(update=changes)}


TUBE = replace(BROUGHT, explanation="tube", signers=BOTH, second_checks=check())


@pytest.mark.parametrize(
    ("r0", "brought", "words"),
    [
        (101.99, BROUGHT, ""),
        (102.01, BROUGHT, r"\+2.01 % since OLD, above 2 %, and explanation is empty"),
        (97.9, BROUGHT, r"-2.10 % since OLD, above 2 %"),
        (104.99, replace(BROUGHT, explanation="target"), ""),
        (105.1, replace(BROUGHT, explanation="target", second_checks=check()), "one physicist has signed"),
        (105.1, replace(BROUGHT, explanation="target", signers=BOTH), "second_check is missing"),
        (105.1, replace(BROUGHT, explanation="target", signers=BOTH, second_checks=check()), ""),
        (105.1, replace(BROUGHT, explanation="target", signers=BOTH, second_checks=check(chamber="C1")), "take another chamber"),
        (105.1, replace(BROUGHT, explanation="target", signers=BOTH, second_checks=check(who="P. One")), "another physicist"),
        (105.1, replace(BROUGHT, explanation="target", signers=BOTH, second_checks=check(who="One P")), "another physicist"),
        (105.1, replace(BROUGHT, explanation="target", signers=BOTH, second_checks=check(who="P. Three")), "has not signed"),
        (105.1, replace(BROUGHT, explanation="t", signers=BOTH, second_checks=check(at=AT - timedelta(days=31))), "30 days before"),
        (105.1, replace(BROUGHT, explanation="target", signers=BOTH, second_checks=check(result_pct=2.1)), "the two differ"),
        (110.1, TUBE, r"above 10 %: refused"),
        (189.0, TUBE, r"\+89.00 % since OLD, above 10 %: refused"),
        (110.1, replace(TUBE, component_change=CHANGE), ""),
        (110.1, replace(TUBE, component_change=CHANGE.model_copy(update={"at": AT})), "from scratch"),
        (110.1, replace(TUBE, component_change=CHANGE.model_copy(update={"new_serial": "T-1"})), "for itself"),
    ],
)  # fmt: skip
def test_a1_the_further_it_moved_the_more_is_asked(r0: float, brought: Brought, words: str) -> None:
    """Hazard A1 (436.6 s for 230.7 s was +89 %): 2 % an explanation, 5 % a second physicist and chamber, 10 % an exchanged part and everything anew."""
    said = list(refused((one(r0, 100.0),), brought))
    assert (said == []) if not words else any(re.search(words, line) for line in said), said
    assert all("first: " in line for line in said)
    assert signatures_wanted((one(r0, 100.0),)) == (2 if abs(r0 - 100.0) > 5.0 else 1)


def test_a2_a_combination_with_anothers_readings_is_refused() -> None:
    """Hazard A2 (cone factors from a formula for three years): each combination has readings of its own."""
    said = list(refused((one(100.0, 100.0), one(98.0, 98.0, "A30")), BROUGHT))
    assert said == [
        "69.5 kV, 1.6 mA, F2, A30: has the very readings of 69.5 kV, 1.6 mA, F2, A20; first: measure it itself, nothing is derived"
    ]
    assert not list(refused((one(100.0, 100.0), one(98.0, 98.0, "A30", 0.1)), BROUGHT))


def test_a13_the_first_certificate_of_a_tube_needs_an_audit() -> None:
    """Within 5 %; and it has nothing to be compared with."""
    first = replace(BROUGHT, supersedes="")
    assert not list(refused((one(100.0, 0.0),), replace(first, audit=AUDIT)))
    assert "has no audit" in next(refused((one(100.0, 0.0),), first))
    far = AUDIT.model_copy(update={"ratio": 0.949})
    assert "off by more than 5 %" in next(refused((one(100.0, 0.0),), replace(first, audit=far)))
    assert "supersedes none" in next(refused((one(100.0, 99.0),), replace(first, audit=AUDIT)))


def test_a1_what_is_said_of_the_last_certificate_is_held_against_it() -> None:
    """A changed last value would hide a change; a new combination says 0."""
    both = (one(100.0, 99.0), one(80.0, 0.0, "A30"))
    assert not list(compared_with_last(both, {both[0].key: 99.0}, "OLD"))
    assert "OLD says 90.0" in next(compared_with_last(both, {both[0].key: 90.0}, "OLD"))
    assert "A30" in next(compared_with_last(both, {both[0].key: 99.0, both[1].key: 80.0}, "OLD"))


def test_a2_a_derived_entry_has_no_place() -> None:
    """Hazard A2: the schema knows derived = false only."""
    with pytest.raises(ValueError, match="derived"):
        MeasuredTable.model_validate(measured().model_dump() | {"derived": True})
