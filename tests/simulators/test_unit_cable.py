"""After a dry run the unit's monitor sees the charged cable for longer than t2d: it latches on what does not fall, on counts, on a mirror, and after no other
purpose; and a set with a comparator that sees nothing is refused."""

from __future__ import annotations

import pytest
from unit_bench import ENDED, IDLE, LATCHED, Bench

DRY = {
    "purpose": 0x7878, "termination": 0x3C, "timer_start": 0x0FF0, "preset_ms": 500, "k1_limit_ms": 900, "count_preset_1": 10, "count_limit_2": 10,
    "rate": 1, "no_dose_ms": 0, "hv": 6,
}  # fmt: skip


def emptying(kept: float, **changes: int) -> Bench:
    """A dry run to its end, and then a cable that keeps so much of its charge each millisecond."""
    bench = Bench()
    bench.counts_per_ms_1 = bench.counts_per_ms_2 = 0
    bench.inputs.key_treat_a = bench.inputs.key_treat_b = False
    bench.inputs.key_service_a = bench.inputs.key_service_b = True
    bench.run_ms(50)
    bench.to_beam(**(DRY | changes))
    bench.until(ENDED, 700)
    bench.force_hv = True
    kv = 7000.0
    for _ in range(9000):
        kv *= kept
        bench.kv_centi = int(kv)
        bench.step()
    return bench


def test_a_cable_that_empties_slowly_latches_nothing() -> None:
    """20 GOhm and 1 nF: 45 kV are left after 9 s, nine seconds in which every second was lower than the one before."""
    bench = emptying(1.0 - 1.0 / 20_000.0)
    assert bench.unit.state == ENDED and bench.kv_centi > 4000 and bench.nv.latch_code == 0


@pytest.mark.parametrize("kept", [1.0, 1.0 - 1.0 / 60_000.0])
def test_a_supply_that_goes_on_latches(kept: float) -> None:
    """At one kV, or falling by less than 3 % in a second."""
    assert emptying(kept).unit.state == LATCHED


def test_no_other_purpose_has_a_cable_that_is_excused() -> None:
    assert emptying(1.0 - 1.0 / 20_000.0, purpose=0x8787, rate=30).unit.state == LATCHED


@pytest.mark.parametrize(("what", "value"), [("counts_per_ms_1", 2), ("weld_1", True)])
def test_counts_and_a_mirror_that_does_not_open_latch(what: str, value: int) -> None:
    bench = emptying(1.0 - 1.0 / 20_000.0)
    assert bench.unit.state == ENDED
    setattr(bench, what, value)
    bench.run_ms(200)
    assert bench.unit.state == LATCHED


@pytest.mark.parametrize("rate", [0, 11])
def test_a_dry_run_without_a_comparator_is_no_set(rate: int) -> None:
    bench = Bench()
    assert bench.commit(**(DRY | {"rate": rate})) == 3
    assert bench.commit(**(DRY | {"rate": 10})) == 0
    assert bench.unit.state != IDLE


def test_two_counts_in_a_row_end_it() -> None:
    """RATE: more than one count in each of two windows of 10 ms."""
    bench = Bench()
    bench.counts_per_ms_1 = bench.counts_per_ms_2 = 0
    bench.inputs.key_treat_a = bench.inputs.key_treat_b = False
    bench.inputs.key_service_a = bench.inputs.key_service_b = True
    bench.run_ms(50)
    bench.to_beam(**DRY)
    for _ in range(5):
        bench.counts_per_ms_2 = 1
        bench.run_ms(4)
        bench.counts_per_ms_2 = 0
        bench.run_ms(6)
    assert bench.unit.state == ENDED and bench.first_cause == 6
