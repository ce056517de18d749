"""A machine of unknown truth: every term drawn as its row says, one seed one machine, and each term seen to act on what wires and instruments show.
The neutral profile is left as it was: that is what the tests of the default rig say."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from statistics import fmean, pstdev

import pytest

from simulators import beams, terms
from simulators.profile import DEFAULT
from simulators.terms import DEPTH, SURFACE, TERMS
from simulators.unknown import PLANE_MM, as_engraved, unknown
from verification.certify import Bench

F2, CONE_20, CONE_30 = 0xF2, 0x35, 0x66


def bench(seed: int = 5, applicator: int = CONE_20, filter_code: int = F2, **known: float) -> Bench:
    """A bare plant of a machine that is as engraved but for the terms named."""
    machine = replace(as_engraved(), drawn={**terms.nothing(), "first_minute": 0.0, **known})
    made = Bench(machine.profile, seed, applicator, filter_code)
    made.run(4000)
    return made


def rate(made: Bench, kv_counts: int = 2846, seconds: int = 1) -> float:
    made.set_points(kv_counts, 1310)
    made.power_up()
    made.beam_on()
    made.run(2500)
    found = made.steady_rate(seconds)
    made.beam_off()
    return found


def test_each_term_has_the_spread_that_its_row_says() -> None:
    """400 seeds: mean within 4 standard errors, standard deviation within 14 % (4 of its own errors)."""
    drawn = [terms.draw(seed) for seed in range(400)]
    middle = terms.nothing()
    for name, term in TERMS.items():
        values = [draw[name] for draw in drawn]
        spread = sqrt(term.u_k1() ** 2 + (0.5 * (term.low + term.size)) ** 2 * (term.distribution == "either side"))
        assert abs(fmean(values) - middle[name]) < 4.0 * spread / sqrt(400.0), name
        assert pstdev(values) == pytest.approx(spread, rel=0.14), name


def test_the_budget_is_the_worked_example() -> None:
    """E11's type B terms at the surface give with its own dt (0.05 %) and repeat 2.5799 % at k = 1; P_TP's 0.20 % is the two instruments of air."""
    u = {name: 100.0 * term.u_k1() for name, term in TERMS.items() if term.unit == "part" and term.budget == SURFACE}
    p_tp = sqrt((100.0 * TERMS["barometer"].u_k1() / 101.33) ** 2 + (100.0 * TERMS["thermometer"].u_k1() / 295.2) ** 2)
    position = 100.0 * 2.0 * TERMS["position"].u_k1() / PLANE_MM
    assert p_tp == pytest.approx(0.20, abs=0.005)
    assert position == pytest.approx(0.57735, abs=1e-4)
    assert sorted(u.values()) == pytest.approx([0.2, 0.5, 0.7, 1.0, 1.5, 1.5])
    surface = sqrt(sum(part**2 for part in u.values()) + p_tp**2 + position**2 + 0.05**2 + 0.013533**2)
    assert surface == pytest.approx(2.5799, abs=2e-3)
    assert {name for name, term in TERMS.items() if term.budget == DEPTH} == {"pdd", "gap", "day_output", "control"}


def test_one_seed_one_machine_and_a_term_set_by_hand_changes_no_other() -> None:
    assert unknown(3).profile == unknown(3).profile != unknown(4).profile
    by_hand = unknown(3, {"b_w": 0.02}).drawn
    assert by_hand["b_w"] == 0.02
    assert {**by_hand, "b_w": unknown(3).drawn["b_w"]} == unknown(3).drawn
    with pytest.raises(ValueError, match="no term is called 'bsf'"):
        unknown(3, {"bsf": 0.0})


def test_as_engraved_gives_what_the_table_says() -> None:
    """Kerma by the inverse square and the free scale, backscatter and mu_en once each, against the plant's dose."""
    machine = as_engraved()
    al_mm = machine.al_mm(F2)
    hvl = beams.kermas().hvl1_mm_al(69.5, al_mm)
    kerma = beams.kermas().at(69.5, al_mm) * 1e-3 * (1000.0 / 60.0) ** 2 * 1.6 * 1.155
    expected = kerma * beams.backscatter(hvl, 20.0, 60.0) * beams.water_to_air(hvl)
    assert rate(bench(sag=-0.009)) == pytest.approx(expected, rel=0.002)


@pytest.mark.parametrize(("filter_code", "applicator"), [(F2, CONE_30), (0x6D, CONE_20), (0x6D, CONE_30)])
def test_kerma_and_dose_belong_together_behind_every_filter_and_applicator(filter_code: int, applicator: int) -> None:
    """D0 over the kerma of that filter and cone, at 50 and at 69.5 kV, is the protocol's factor of that half-value layer and field."""
    machine, diameter = as_engraved(), 30 if applicator == CONE_30 else 20
    for kv_counts in (2048, 2846):
        kv = kv_counts * 100.0 / 4095
        hvl = machine.hvl_mm_al(kv, filter_code)
        kerma = beams.kermas().at(kv, machine.al_mm(filter_code)) * 1e-3 * (1000.0 / 60.0) ** 2 * 1.6 * 1.155
        kerma *= machine.in_air(diameter)
        found = rate(bench(sag=-0.009, applicator=applicator, filter_code=filter_code), kv_counts) / kerma
        wanted = beams.backscatter(hvl, diameter, 60.0) * beams.water_to_air(hvl)
        assert found == pytest.approx(wanted, rel=0.004)


def test_kv_and_ma_errors_show_in_no_read_back_and_the_bleeder_shows_in_one() -> None:
    made = bench(kv_scale=0.02, kv_offset=0.4, ma_scale=-0.02, bleeder=1.0)
    made.set_points(2846, 1310)
    made.power_up()
    made.beam_on()
    made.run(3000)
    supply, truth = made.plant.supply, made.plant.truth()
    shown_kv = fmean(_seen(made, lambda: supply.read_kv))
    shown_ma = fmean(_seen(made, lambda: supply.read_ma))
    assert truth.kv == pytest.approx(69.5 * 1.02 + 0.4, rel=1e-3)
    assert truth.ma == pytest.approx(1.6 * 0.98, rel=2e-3)
    assert shown_kv == pytest.approx(69.5, rel=1e-3)
    assert shown_ma == pytest.approx(1.6 + 0.0695 * 1.026, rel=2e-3)
    made.beam_off()


def _seen(made: Bench, look: object) -> list[float]:
    values = []
    for _ in range(100):
        made.run(10)
        values.append(look())  # type: ignore[operator]
    return values


def test_output_sags_as_it_warms_settles_in_its_first_minute_and_ages() -> None:
    """30 min of beam: -0.9 % at the middle of its term; a tube that begins 1.5 % high; 500 000 mAs at 3 %."""
    tube = bench(first_minute=0.015).plant.tube
    tube.ma, per_ma = 1.6, tube._per_ma
    for _ in range(60):
        tube._drift(1.0)
    assert tube._per_ma / per_ma == pytest.approx((1.0 + 0.015 * 0.05) / 1.015 * (1.0 - 0.009 * 0.095), abs=4e-4)
    for _ in range(1740):
        tube._drift(1.0)
    assert tube._per_ma / per_ma == pytest.approx(1.0 / 1.015 * (1.0 - 0.009 * 0.95), abs=4e-4)
    tube.mas += 500_000.0
    tube._drift(0.0)
    assert tube._per_ma / per_ma == pytest.approx(0.97 / 1.015 * (1.0 - 0.009 * 0.95), abs=4e-4)
    tube.ma = 0.0
    for _ in range(14_400):
        tube._drift(1.0)
    assert tube._per_ma / per_ma == pytest.approx(0.97, abs=3e-4)  # the age stays


def test_terms_of_a_treatment_act_on_its_day_and_at_its_depth() -> None:
    """400 treatments that are planned without any error: the spread at 3.5 mm is the root sum of the four terms of E11 within 14 % (4 of its own errors)."""
    machine = unknown(4)
    day = machine.on_treatment_day()
    moved = (1.0 + machine.drawn["day_output"]) * machine.profile.rate_mgy_per_s
    assert day.profile.rate_mgy_per_s == pytest.approx(moved, rel=1e-12)
    ratios = []
    for seed in range(400):
        one = unknown(seed)
        ratios.append((1.0 + one.drawn["day_output"]) * one.at_depth_mgy(1000.0, 3.5, 82.0) / 820.0)
    expected = sqrt(2.0**2 + 0.90921**2 + 1.7321**2 + 0.20**2)
    assert fmean(ratios) == pytest.approx(1.0, abs=4.0 * expected / 100.0 / sqrt(400.0))
    assert 100.0 * pstdev(ratios) == pytest.approx(expected, rel=0.14)
    assert as_engraved().at_depth_mgy(1000.0, 3.5, 82.0) == pytest.approx(820.0)


def test_no_filter_and_codes_that_are_none_still_have_a_curve() -> None:
    made = bench()
    room = made.plant.room
    room.fit_filter(0)
    room.fit_applicator(0)
    made.run(5)
    assert made.plant.tube.relative_output(69.5) == pytest.approx(1.0, rel=0.01)
    assert as_engraved().profile.no_filter_output > 25.0


def test_the_default_profile_has_none_of_it() -> None:
    assert (DEFAULT.kv_true_scale, DEFAULT.kv_true_offset_kv, DEFAULT.ma_true_scale, DEFAULT.curves) == (
        1.0,
        0.0,
        1.0,
        (),
    )
    assert (DEFAULT.sag_part, DEFAULT.first_part, DEFAULT.ageing_per_mas) == (0.0, 0.0, 0.0)
