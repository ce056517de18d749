"""Dosimetry by its laws: units go round and are never mixed, minutes are refused, each factor is applied once, tables are monotone and end where they end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.dosimetry import beam, budget, in_air, tables
from calibration.dosimetry.budget import Term
from calibration.dosimetry.chain import WANTED, Chain, Factor, Measures
from calibration.dosimetry.units import (
    KINDS,
    Celsius,
    Kilopascals,
    Kilovolts,
    Milliamperes,
    Milligrays,
    MilligraysPerNanocoulomb,
    MilligraysPerSecond,
    Millimetres,
    MillimetresAl,
    Nanocoulombs,
    Quantity,
    Seconds,
    Volts,
)

CALLED = re.compile(r"calibration\.formulas|calibration import .*formulas")
ROOT = Path(__file__).resolve().parents[2]
FEW = settings(max_examples=60, deadline=None, database=None)
finite = st.floats(-1e9, 1e9, allow_nan=False)


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(value=finite)
def test_a3_every_unit_goes_round(kind: type[Quantity], value: float) -> None:
    """Hazard A3: what is written is read as the same number of the same kind, and as no other kind."""
    one = kind(value)
    assert kind.read(str(one)) == one
    for other in KINDS:
        if other is not kind:
            with pytest.raises(ValueError, match="is no number of"):
                other.read(str(one))


@pytest.mark.parametrize("words", ["0.3 min", "0.3", "0,3 s", "18s", "s", "18 sec", "18 s min", "nan s", "inf s", ""])
def test_a3_minutes_and_bare_numbers_are_no_time(words: str) -> None:
    """Hazard A3: 0.3 minutes were read as 30 seconds once; here a time has its unit, or is refused."""
    with pytest.raises(ValueError, match=r"is no number of s; write it as 1\.5 s"):
        Seconds.read(words)


def test_a3_a_bare_number_is_never_taken() -> None:
    """Hazard A3: each argument with a unit refuses a bare number, another kind, and what is no finite number."""
    for call in (
        lambda: in_air.per_second(60.0, Seconds(0.0), 0.0),  # type: ignore[arg-type]
        lambda: in_air.set_time(Milligrays(1.0), MilligraysPerSecond(1.0), 0.1),  # type: ignore[arg-type]
        lambda: in_air.set_time(Milligrays(1.0), MilligraysPerSecond(1.0), Seconds(0.1), [1.0]),  # type: ignore[list-item]
        lambda: in_air.p_tp(Kilopascals(101.3), Celsius(20.0), "22C"),  # type: ignore[arg-type]
        lambda: beam.two_exposures(5.0, 1.0, Seconds(30.0), 6.0),  # type: ignore[arg-type]
        lambda: tables.b_w(Millimetres(2.0), Millimetres(20.0), Millimetres(60.0)),  # type: ignore[arg-type]
        lambda: Seconds(1.0) + Millimetres(1.0),  # type: ignore[operator]
        lambda: Seconds(True),
        lambda: Seconds("1"),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match=r"is not in|is no number"):
            call()
    with pytest.raises(ValueError, match="not finite"):
        Seconds(float("nan"))


def factors(measures: Measures) -> list[Factor]:
    return [Factor(name, 1.0 + 0.01 * place, 0.1, "test") for place, name in enumerate(WANTED[measures], 1)]


@pytest.mark.parametrize("measures", Measures)
def test_a12_each_factor_is_applied_once(measures: Measures) -> None:
    """Hazard A12: a factor twice is refused, one that is missing too; the order does not matter."""
    each = factors(measures)
    whole = in_air.rate(measures, Nanocoulombs(5.0), each).value
    assert in_air.rate(measures, Nanocoulombs(5.0), each[::-1]).value == pytest.approx(whole, rel=1e-14)
    for factor in each:
        with pytest.raises(ValueError, match=f"{factor.name} is applied already; each factor goes in once"):
            in_air.rate(measures, Nanocoulombs(5.0), [*each, factor])
        with pytest.raises(ValueError, match=f"lacks {factor.name}"):
            in_air.rate(measures, Nanocoulombs(5.0), [one for one in each if one is not factor])


@pytest.mark.parametrize("name", ["b_w", "mu_ratio"])
def test_a12_dose_to_water_takes_no_backscatter(name: str) -> None:
    """Hazard A12: the quantity decides, not the place of the chamber; twice would be 10 % (E13)."""
    chain = Chain(Measures.DOSE_RATE_WATER_SURFACE, 1.0)
    with pytest.raises(ValueError, match=f"DOSE_RATE_WATER_SURFACE takes no {name}"):
        chain.times(Factor(name, 1.1, 1.5, "test"))


@pytest.mark.parametrize(
    ("value", "u_pct", "source"), [(0.0, 0.1, "x"), (float("nan"), 0.1, "x"), (1.0, -0.1, "x"), (1.0, 0.1, " ")]
)
def test_a_factor_says_value_uncertainty_and_source(value: float, u_pct: float, source: str) -> None:
    with pytest.raises(ValueError, match=r"correct it|says no source"):
        Factor("p_tp", value, u_pct, source)


@FEW
@given(t=st.floats(10.0, 40.0), p=st.floats(60.0, 110.0), more=st.floats(0.1, 5.0))
def test_air_density_is_monotone_and_its_forms_differ(t: float, p: float, more: float) -> None:
    """Warmer or thinner air: more correction; the forms are 0.68 % apart everywhere."""
    at = in_air.p_tp(Celsius(t), Kilopascals(p), "22C").value
    assert in_air.p_tp(Celsius(t + more), Kilopascals(p), "22C").value > at
    assert in_air.p_tp(Celsius(t), Kilopascals(p + more), "22C").value < at
    assert in_air.p_tp(Celsius(t), Kilopascals(p), "20C").value / at == pytest.approx(1.0067743, abs=2e-5)


@FEW
@given(hvl=st.floats(0.5, 2.9), d=st.floats(20.0, 29.0), ssd=st.floats(50.0, 99.0))
def test_backscatter_grows_with_field_and_hvl(hvl: float, d: float, ssd: float) -> None:
    """Within the table, between 1 and 1.2."""
    at = tables.b_w(MillimetresAl(hvl), Millimetres(d), Millimetres(ssd)).value
    assert 1.0 < at < 1.25
    assert tables.b_w(MillimetresAl(hvl + 0.1), Millimetres(d), Millimetres(ssd)).value > at
    assert tables.b_w(MillimetresAl(hvl), Millimetres(d + 1.0), Millimetres(ssd)).value > at


def test_a13_tables_give_their_own_points_and_nothing_beyond() -> None:
    """Every tabulated number comes out as it stands; one step outside, and where a neighbour lacks this distance, is refused."""
    for hvl, fields in tables.B_W.items():
        for d, ssds in fields.items():
            for ssd, value in ssds.items():
                assert tables.b_w(MillimetresAl(hvl), Millimetres(d), Millimetres(ssd)).value == value
    for hvl, ratio in tables.MU_RATIO:
        assert tables.mu_ratio(MillimetresAl(hvl)).value == ratio
    for hvl, d, ssd in (
        (0.4, 20, 60),
        (3.1, 20, 60),
        (2, 9, 50),
        (2, 51, 60),
        (2, 20, 49),
        (2, 20, 151),
        (2, 25, 150),
        (2, 15, 60),
    ):
        with pytest.raises(ValueError, match="nothing is extrapolated"):
            tables.b_w(MillimetresAl(float(hvl)), Millimetres(float(d)), Millimetres(float(ssd)))
    with pytest.raises(ValueError, match="nothing is extrapolated"):
        tables.mu_ratio(MillimetresAl(0.49))


def test_a13_a_coefficient_is_not_carried_beyond_its_qualities() -> None:
    """Hazard A13: N_K holds between two calibrated qualities, and takes the larger uncertainty of the two."""
    rows = [(MillimetresAl(h), MilligraysPerNanocoulomb(n), u) for h, n, u in ((2.0, 447.0, 0.9), (1.5, 448.2, 0.7))]
    between = tables.n_k(rows, MillimetresAl(1.75), "lab")
    assert (between.value, between.u_pct) == (pytest.approx(447.6), 0.9)
    assert tables.n_k(rows, MillimetresAl(1.5), "lab").u_pct == 0.7
    for hvl in (1.49, 2.01):
        with pytest.raises(ValueError, match="nothing is extrapolated"):
            tables.n_k(rows, MillimetresAl(hvl), "lab")


@FEW
@given(
    rate=st.floats(0.1, 900.0),
    dt=st.floats(-0.3, 0.3),
    short=st.floats(3.0, 10.0),
    longer=st.floats(5.0, 60.0),
    starts=st.integers(2, 9),
)
def test_end_effect_goes_round(rate: float, dt: float, short: float, longer: float, starts: int) -> None:
    """Both procedures give back the end effect that made the readings."""
    long = short + longer
    got, r = beam.two_exposures(Seconds(short), rate * (short + dt), Seconds(long), rate * (long + dt))
    assert (got.value, r) == (pytest.approx(dt, abs=1e-8), pytest.approx(rate, rel=1e-9))
    many = beam.many_exposures(Seconds(long), starts, rate * (long + starts * dt), rate * (long + dt))
    assert many.value == pytest.approx(dt, abs=1e-8)


@FEW
@given(d0=st.floats(500.0, 20_000.0), r0=st.floats(5.0, 300.0), dt=st.floats(-0.3, 0.3), part=st.floats(0.1, 0.9))
def test_time_and_dose_go_round(d0: float, r0: float, dt: float, part: float) -> None:
    """The set times of any number of pieces give the dose: sum of r0 (t + dt) is d0."""
    whole = in_air.set_time(Milligrays(d0), MilligraysPerSecond(r0), Seconds(dt))
    assert r0 * (whole.value + dt) == pytest.approx(d0, rel=1e-12)
    first = Seconds(part * whole.value)
    rest = in_air.set_time(Milligrays(d0), MilligraysPerSecond(r0), Seconds(dt), [first])
    assert r0 * (first.value + rest.value + 2.0 * dt) == pytest.approx(d0, rel=1e-12)


@FEW
@given(z=st.floats(0.0, 10.0), f=st.floats(30.0, 300.0), gap=st.floats(-3.0, 20.0))
def test_a_gap_lowers_the_dose_and_a_protruding_lesion_raises_it(z: float, f: float, gap: float) -> None:
    at = in_air.depth_factor(80.0, Millimetres(z), Millimetres(gap), Millimetres(f), 1.0)
    skin = in_air.skin_dose(Milligrays(1.0), Millimetres(gap), Millimetres(f), 1.0).value
    assert (at < 0.8) == (skin < 1.0) == (gap > 0.0) or abs(gap) < 1e-9
    assert abs(skin - 1.0) >= abs(at / 0.8 - 1.0) - 1e-12


@FEW
@given(hvl=st.floats(0.5, 3.0), first=st.floats(1.0, 100.0))
def test_layers_of_a_hard_beam_are_exact(hvl: float, first: float) -> None:
    """Exponential attenuation: both layers are the same, wherever the absorbers are."""
    stack = [(MillimetresAl(mm), first * 0.5 ** (mm / hvl)) for mm in (0.0, 0.4, 1.1, 2.3, 4.0, 7.0)]
    one, two = beam.half_value_layers(stack)
    assert (one.value, two.value) == (pytest.approx(hvl, rel=1e-9), pytest.approx(hvl, rel=1e-9))


def test_a2_a_stack_that_is_none_is_refused() -> None:
    for rows, words in (
        (((0.0, 10.0), (1.5, 5.69)), "thicker layer"),
        (((0.5, 10.0), (1.5, 4.0)), "does not ascend from 0"),
        (((0.0, 10.0), (1.5, 4.0), (1.0, 3.0)), "does not ascend"),
        (((0.0, 10.0), (1.5, 4.0), (2.0, 4.1)), "do not fall"),
    ):
        with pytest.raises(ValueError, match=words):
            beam.layer([(MillimetresAl(mm), reading) for mm, reading in rows])


def test_a1_readings_that_vary_or_are_few_are_refused() -> None:
    steady = [Nanocoulombs(value) for value in (6.41, 6.42, 6.40, 6.41, 6.42)]
    assert beam.variation(steady) < beam.MOST_COV
    with pytest.raises(ValueError, match="4 readings are fewer than 5"):
        beam.variation(steady[:4])
    with pytest.raises(ValueError, match=r"vary by 0\.\d+ %, above 0\.5 %"):
        beam.variation([*steady[:4], Nanocoulombs(6.50)])
    assert beam.nonlinearity((1.0, 1.02)) > beam.LINEAR_WARN - 1e-3
    with pytest.raises(ValueError, match=r"linearity is off by 2\.44 %"):
        beam.nonlinearity((1.0, 1.05))


def test_a12_other_refusals_say_what_to_do() -> None:
    for call, words in (
        (
            lambda: in_air.p_ion(Volts(150.0), Volts(300.0), Nanocoulombs(6.4), Nanocoulombs(6.4)),
            "operating voltage first",
        ),
        (lambda: in_air.distance(Millimetres(0.0), Millimetres(60.0), 0.0), "above 0"),
        (lambda: in_air.per_second(Seconds(0.1), Seconds(-0.2), 0.0), "is no beam"),
        (lambda: beam.many_exposures(Seconds(30.0), 1, 1.0, 1.0), "show no end effect"),
        (lambda: budget.inverse_square_pct_per_mm(0.0), "no distance"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    assert (
        beam.tail(1.0, Kilovolts(69.5), Milliamperes(1.6), 1.72, Seconds(0.012), MilligraysPerSecond(55.0)).value > 0.0
    )
    assert in_air.no_p_tp().value == 1.0


@FEW
@given(parts=st.lists(st.floats(0.0, 5.0), min_size=1, max_size=12))
def test_a_budget_is_the_root_of_the_sum_of_squares(parts: list[float]) -> None:
    """By the package, against the sum by hand; whatever the order, and never below its largest term."""
    terms = [Term(f"t{place}", "B", part) for place, part in enumerate(parts)]
    got = budget.budget(terms)
    assert got.u_pct_k1 == pytest.approx(sum(part**2 for part in parts) ** 0.5, rel=1e-9, abs=1e-12)
    assert got.u_pct_k2 == 2.0 * got.u_pct_k1
    assert got.u_pct_k1 >= max(parts) - 1e-9


def test_a12_a_budget_names_each_term_once() -> None:
    term = Term("N_K", "B", 1.4, "normal_k2")
    assert term.u_pct == 0.7
    with pytest.raises(ValueError, match="has N_K twice"):
        budget.budget([term, term])
    with pytest.raises(ValueError, match="no terms"):
        budget.budget([])
    for bad in (-0.1, float("nan")):
        with pytest.raises(ValueError, match="is not 0 or more"):
            budget.budget([Term("N_K", "B", bad)])


def test_bare_arithmetic_is_called_from_calibration_only() -> None:
    """calibration/formulas.py takes bare numbers; no other room of the product or of its checkers calls it."""
    for room in ("console", "records", "controller", "verification", "benchmarks", "hal", "interlocks"):
        for path in (ROOT / room).rglob("*.py"):
            assert not CALLED.search(path.read_text(encoding="utf-8")), path
