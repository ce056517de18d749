"""What a combination's measurement comes to: R0 with every factor once, its uncertainty budget, and in words why a measurement may not be used.
It takes tables and gives numbers; signatures, files and the comparison with the last certificate are others' business."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from calibration.bench_air import implausible
from calibration.dosimetry import beam, in_air, tables
from calibration.dosimetry.budget import Budget, Term, budget, inverse_square_pct_per_mm
from calibration.dosimetry.chain import Chain, Factor, Measures
from calibration.dosimetry.units import Celsius, Kilopascals, Millimetres, MillimetresAl, Nanocoulombs, Seconds, Volts
from calibration.equipment import (
    Barometer,
    Base,
    Chamber,
    Electrometer,
    Thermometer,
    coefficient,
    unfit_for_field,
    unusable,
)
from calibration.measured import MeasuredTable, StepTable
from calibration.plausible import implausible_backscatter, implausible_budget, implausible_numbers

Kind = TypeVar("Kind", bound=Base)

PCT_PER_C: Final = 100.0 / 295.2
"""Air density for each degree; a thermometer worse than the 0.20 % of P_TP stands in the budget with its own."""
STEADY_K_TP: Final = 0.005
"""P_TP changes by no more over one set of readings."""


@dataclass(frozen=True)
class Output:
    """R0 of one combination with all that it came from; `warned` are words that refuse nothing."""

    chain: Chain
    budget: Budget
    cov: float
    hvl_1: MillimetresAl
    hvl_2: MillimetresAl
    ma_nonlinearity: float
    time_nonlinearity: float
    warned: tuple[str, ...]

    @property
    def r0_mgy_per_s(self) -> float:
        return self.chain.whole()


def output(m: MeasuredTable, instruments: Mapping[str, Base], kv: float, dt_s: float, ssd_mm: float) -> Output:
    """Work it out. ValueError: what is wrong, and what to do first."""
    chamber, electrometer = _chamber(m, instruments, kv), _of(Electrometer, m.electrometer, instruments)
    _looked(m, instruments)
    nc = [Nanocoulombs(reading.nc) for reading in m.readings]
    _stop(implausible_numbers(m, chamber, ssd_mm))
    cov = beam.variation(nc)
    mean = in_air.net_reading(nc, Nanocoulombs(0.0))
    hvl_1, hvl_2 = beam.half_value_layers([(MillimetresAl(one.al_mm), one.reading) for one in m.layers])
    u_dt_pct = 100.0 * m.u_dt_s / (m.readings[0].set_s + dt_s)
    measures = Measures(m.quantity)
    factors = [
        _air(m, chamber),
        in_air.p_ion(Volts(m.operating_v), Volts(m.low_v), mean, Nanocoulombs(m.low_v_nc)),
        in_air.p_pol(mean, Nanocoulombs(m.opposite_nc)),
        Factor("p_elec", electrometer.factor, electrometer.u_pct, electrometer.cal.certificate_no),
        Factor("n_k", *coefficient(chamber, hvl_1), chamber.cal.certificate_no),
        Factor("p_stem", chamber.stem_factor, chamber.u_stem_pct, f"{chamber.id}, {chamber.model}"),
        in_air.distance(Millimetres(m.chamber_ref_to_focus_mm), Millimetres(m.plane_to_focus_mm), 0.0),
        in_air.per_second(Seconds(m.readings[0].set_s), Seconds(dt_s), u_dt_pct),
    ]
    _stop(implausible_backscatter(m, hvl_1, ssd_mm))
    if measures is Measures.AIR_KERMA_RATE_IN_AIR:
        factors += [_backscatter(m, hvl_1, ssd_mm), tables.mu_ratio(hvl_1)]
    chain = in_air.rate(measures, in_air.net_reading(nc, Nanocoulombs(m.leakage_nc)), factors)
    ma, time = _linearity("mA", m.ma_steps, 0.0), _linearity("time", m.time_steps, dt_s)
    warned = tuple(
        f"linearity in {name} is off by {100 * value:.2f} %, above {100 * beam.LINEAR_WARN:g} %"
        for name, value in (("mA", ma), ("time", time))
        if value > beam.LINEAR_WARN
    )
    whole = budget(list(_terms(m, chain, cov, _of(Thermometer, m.thermometer, instruments))))
    _stop(implausible_budget(whole))
    return Output(chain, whole, cov, hvl_1, hvl_2, ma, time, warned)


def _stop(words: Iterator[str]) -> None:
    """ValueError where there are any."""
    wrong = next(words, "")
    if wrong:
        raise ValueError(wrong)


def _of(kind: type[Kind], name: str, instruments: Mapping[str, Base]) -> Kind:
    found = instruments.get(name)
    if not isinstance(found, kind):
        raise ValueError(f"{name}: is no {kind.__name__.lower()} among the instruments; write the one that was used")
    return found


def _chamber(m: MeasuredTable, instruments: Mapping[str, Base], kv: float) -> Chamber:
    """The chamber, which fits field and beam and measures what is stated."""
    chamber = _of(Chamber, m.chamber, instruments)
    wrong = unfit_for_field(chamber, m.field_mm, kv)
    if wrong:
        raise ValueError(wrong)
    if (chamber.coefficient == "air_kerma") != (m.quantity == "AIR_KERMA_RATE_IN_AIR"):
        raise ValueError(
            f"{chamber.id} is calibrated in {chamber.coefficient}, and quantity says {m.quantity}; correct the quantity"
        )
    if m.backscatter is not None and m.quantity != "AIR_KERMA_RATE_IN_AIR":
        raise ValueError(f"{m.quantity} takes no backscatter; take it out")
    if m.operating_v != chamber.polarising_v:
        raise ValueError(
            f"operating_v = {m.operating_v:g} is not the {chamber.polarising_v:g} V of {chamber.id}'s calibration; measure at that"
        )
    return chamber


def _looked(m: MeasuredTable, instruments: Mapping[str, Base]) -> None:
    """Instruments in date at every reading, one set time, steady air, and a station pressure that can be."""
    barometer = _of(Barometer, m.barometer, instruments)
    used = (
        instruments[m.chamber],
        instruments[m.electrometer],
        barometer,
        _of(Thermometer, m.thermometer, instruments),
    )
    for reading in m.readings:
        wrong = next((words for words in (unusable(one, reading.at) for one in used) if words), "")
        if wrong:
            raise ValueError(wrong)
        if reading.set_s != m.readings[0].set_s:
            raise ValueError(
                f"set times {m.readings[0].set_s:g} and {reading.set_s:g} s are mixed; expose anew with one"
            )
    for reading in m.readings:
        wrong = implausible(reading.p_kpa, barometer.altitude_m)
        if wrong:
            raise ValueError(wrong)


def _air(m: MeasuredTable, chamber: Chamber) -> Factor:
    """P_TP at the mean of the conditions; none for a sealed chamber."""
    if not chamber.vented:
        return in_air.no_p_tp()
    each = [in_air.p_tp(Celsius(one.t_c), Kilopascals(one.p_kpa), chamber.ref_form).value for one in m.readings]
    if max(each) / min(each) - 1.0 > STEADY_K_TP:
        raise ValueError(
            f"air density changed by {100 * (max(each) / min(each) - 1):.2f} %, above {100 * STEADY_K_TP:g} %; wait, and expose anew"
        )
    t, p = (math.fsum(getattr(one, name) for one in m.readings) / len(m.readings) for name in ("t_c", "p_kpa"))
    return in_air.p_tp(Celsius(t), Kilopascals(p), chamber.ref_form)


def _backscatter(m: MeasuredTable, hvl: MillimetresAl, ssd_mm: float) -> Factor:
    if m.backscatter is not None:
        return Factor("b_w", m.backscatter.value, m.backscatter.u_pct, m.backscatter.source)
    return tables.b_w(hvl, Millimetres(m.field_mm), Millimetres(ssd_mm))


def _linearity(name: str, steps: Sequence[StepTable], more: float) -> float:
    """Of the reading for each mA, or for each second of beam: set time and end effect, which alone would be 3 % in 5 s."""
    if len({step.at for step in steps}) != len(steps):
        raise ValueError(f"the linearity test in {name} has a step twice; take three different ones at least")
    return beam.nonlinearity([step.reading / (step.at + more) for step in steps])


def _terms(m: MeasuredTable, chain: Chain, cov: float, thermometer: Thermometer) -> Iterator[Term]:
    """Of each factor, of the readings' scatter, of the position, and what is stated beside."""
    yield Term("repeat", "A", 100.0 * cov / math.sqrt(len(m.readings)))
    yield Term(
        "position",
        "B",
        m.position_half_width_mm,
        "rectangular",
        inverse_square_pct_per_mm(min(m.plane_to_focus_mm, m.chamber_ref_to_focus_mm)),
    )
    for factor in chain.factors:
        if factor.name != "distance":
            u_pct = (
                max(factor.u_pct, PCT_PER_C * thermometer.u_c)
                if factor.name == "p_tp" and factor.u_pct
                else factor.u_pct
            )
            yield Term(factor.name, "A" if factor.name == "time" else "B", u_pct)
    for row in m.terms:
        yield Term(row.term, row.type, row.stated, row.distribution, row.pct_per_unit)


def first_at(m: MeasuredTable) -> datetime:
    """When the first reading was taken."""
    return min(reading.at for reading in m.readings)
