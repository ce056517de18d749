"""The end effect by ABBA: the worked example, a drift taken out, honest uncertainty, what is refused, and the simulated tube's own by both start events."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from calibration.end_effect import MOST_U_S, EndEffect, Taken, end_effect
from simulators.profile import DEFAULT
from verification.certify import PREHEAT_MS, Bench, Exposure

RATE, DT = 0.055, -0.145
KV, MA = 69.5, 1.6
ABBA = (5.0, 30.0, 30.0, 5.0)


def rounds(
    times: tuple[float, ...] = ABBA, drift_a_step: float = 0.0, noise: float = 0.0, seed: int = 1
) -> list[Taken]:
    rng = random.Random(seed)
    return [
        Taken(
            t,
            RATE * (t + DT) * (1.0 + drift_a_step * i) * (1.0 + rng.gauss(0.0, noise))
            if noise
            else RATE * (t + DT) * (1.0 + drift_a_step * i),
        )
        for i, t in enumerate(times)
    ]


def test_e7_in_abba() -> None:
    """The worked example's readings, each twice: dt -0.14491 s, 0.055 Gy/s; u of the mean of two is the example's over the root of two."""
    found = end_effect(
        [Taken(5.0, 0.26703), Taken(30.0, 1.64203), Taken(30.0, 1.64203), Taken(5.0, 0.26703)], 0.0005, 0.0, 0.25
    )
    assert found.dt_s == pytest.approx(-0.144909, rel=1e-5)
    assert found.rate == pytest.approx(0.055, rel=1e-5)
    assert found.u_dt_s == pytest.approx(0.0040998 / 2**0.5, rel=1e-4)
    assert found.significant and found.words == "dt -0.1449 s, u 0.0029 s (k = 1)"


def test_a_steady_drift_is_taken_out() -> None:
    """0.5 % from one exposure to the next: short and long alone would be 30 ms off and more, ABBA less than 1 ms."""
    drifting = rounds(drift_a_step=0.005)
    alone = drifting[0].reading / ((drifting[1].reading - drifting[0].reading) / 25.0) - 5.0
    assert abs(alone - DT) > 0.025
    found = end_effect(drifting, 0.0005, 0.0, 0.25)
    assert abs(found.dt_s - DT) < 0.001
    assert found.drift == pytest.approx(0.005, rel=0.02)


def test_its_uncertainty_is_honest() -> None:
    """Of 400 drawn with 0.05 % of noise and a timer of 10 ms some 95 % are within 2 u."""
    rng = random.Random(7)
    within = 0
    for seed in range(400):
        taken = []
        for one in rounds((*ABBA, *ABBA), noise=0.0005, seed=seed):
            true_s = one.timer_s + rng.uniform(-0.005, 0.005)
            taken.append(Taken(one.timer_s, one.reading * (true_s + DT) / (one.timer_s + DT)))
        found = end_effect(taken, 0.0005, 0.010, 0.25)
        within += abs(found.dt_s - DT) <= 2.0 * found.u_dt_s
    assert 368 <= within <= 396


def test_readings_that_scatter_more_than_was_stated_count() -> None:
    stated = end_effect(rounds((*ABBA, *ABBA, *ABBA)), 0.0001, 0.0, 0.25)
    scattered = end_effect(rounds((*ABBA, *ABBA, *ABBA), noise=0.001), 0.0001, 0.0, 0.25)
    assert scattered.u_dt_s > 3.0 * stated.u_dt_s


@pytest.mark.parametrize(
    ("reproducibility", "step", "ramp"),
    [(0.0, 0.0, 0.25), (-0.1, 0.0, 0.25), (float("nan"), 0.0, 0.25), (0.0005, -1.0, 0.25), (0.0005, 0.0, 0.0)],
)
def test_an_end_effect_is_never_certain(reproducibility: float, step: float, ramp: float) -> None:
    """One round of a chamber that is said to scatter by nothing gave u = 0."""
    with pytest.raises(ValueError, match="no chamber, timer or tube is so"):
        end_effect(rounds(ABBA), reproducibility, step, ramp)


def test_a_small_one_is_kept_and_said_not_to_be_significant() -> None:
    found = EndEffect(0.004, RATE, 0.003, 0.001, 0.0)
    assert not found.significant
    assert found.words == "dt +0.0040 s, u 0.0030 s (k = 1): not significant, and kept"


@pytest.mark.parametrize(
    ("taken", "reproducibility", "words"),
    [
        (rounds()[:3], 0.0005, "3 exposures are no whole rounds"),
        ([], 0.0005, "0 exposures are no whole rounds"),
        (rounds((5.0, 30.0, 5.0, 30.0)), 0.0005, "round 1 is 5, 30, 5, 30 s, not short, long, long, short"),
        (rounds((2.0, 30.0, 30.0, 2.0)), 0.0005, r"the short exposure is 2 s, below 10 ramps of 0\.25 s"),
        ([Taken(5.0, 1.0)] * 1 + [Taken(30.0, 0.9)] * 2 + [Taken(5.0, 1.0)], 0.0005, "check the chamber and the order"),
        ([Taken(5.0, float("nan")), *rounds()[1:]], 0.0005, "is no exposure"),
        (rounds(), 0.005, r"u of the end effect is 29\.\d ms, above 10 ms; add rounds, or expose longer than 30 s"),
    ],
)
def test_hazard_a7_exposures_that_give_no_end_effect_are_refused(
    taken: list[Taken], reproducibility: float, words: str
) -> None:
    """The order, ten ramps, u of at most 10 ms: with the value, its bound, and what to do first."""
    with pytest.raises(ValueError, match=words):
        end_effect(taken, reproducibility, 0.0, 0.25)


def analytic_s(start: str, exposure: Exposure) -> float:
    """The end effect of the simulated tube from its data sheet: lost in the linear ramp, given in the contactor's opening and the cable's discharge.

    Output goes as (kV - threshold) to a power, so the integral over a straight ramp is closed. The unit sees high voltage at 5 kV, some of the ramp later;
    K1 had closed before by what its two times differ in.
    """
    p = DEFAULT
    above = KV - p.rate_threshold_kv
    power = p.rate_exponent * above / p.rate_kv
    held = above / KV / (power + 1.0)
    ramp_s = p.ramp_ms / 1000.0
    seen_s = 5.0 / KV * ramp_s
    tail_s = p.k1_open_ms / 1000.0 + p.cable_nf * KV / MA / 1000.0 * held
    from_hv = seen_s - ramp_s * (1.0 - held) + tail_s
    return from_hv if start == "hv_seen_s" else from_hv - (exposure.k1_closed_s - exposure.hv_seen_s)


@pytest.fixture(scope="module")
def exposed() -> list[tuple[Exposure, float]]:
    """One round on the simulated tube, read by its own noisy chamber less its leakage."""
    bench = Bench(replace(DEFAULT, arcs_per_h_at_full_kv=0.0), 5, DEFAULT.applicator_code, DEFAULT.filter_code)
    bench.run(PREHEAT_MS)
    bench.set_points(round(KV / 100.0 * 4095), round(MA / 5.0 * 4095))
    taken = []
    for seconds in ABBA:
        before, began_us = bench.plant.pins.pulses_1, bench.plant.now_us
        exposure = bench.expose(round(1000 * seconds))
        leaked = DEFAULT.leak_1_cps * (bench.plant.now_us - began_us) * 1e-6
        taken.append((exposure, bench.plant.pins.pulses_1 - before - leaked))
    return taken


@pytest.mark.parametrize("start", ["hv_seen_s", "k1_closed_s"])
def test_the_simulated_tubes_own(start: str, exposed: list[tuple[Exposure, float]]) -> None:
    """Within 2 u of the analytic one, u at most 10 ms, for either start event; the rate is the plant's own."""
    found = end_effect([Taken(getattr(e, start), counts) for e, counts in exposed], 0.0005, 0.001, 0.27)
    assert found.u_dt_s <= MOST_U_S
    assert abs(found.dt_s - analytic_s(start, exposed[0][0])) <= 2.0 * found.u_dt_s
    assert found.rate * DEFAULT.mgy_per_count_1 == pytest.approx(54.98, rel=1e-3)


def test_where_the_timer_starts_is_another_end_effect(exposed: list[tuple[Exposure, float]]) -> None:
    """They differ by what passes from K1 to high voltage: a certificate of the one is void for the other."""
    by_hv, by_k1 = (
        end_effect([Taken(getattr(e, start), counts) for e, counts in exposed], 0.0005, 0.001, 0.27)
        for start in ("hv_seen_s", "k1_closed_s")
    )
    apart_s = exposed[0][0].k1_closed_s - exposed[0][0].hv_seen_s
    assert by_hv.dt_s - by_k1.dt_s == pytest.approx(apart_s, abs=0.002)
    assert apart_s > 0.02
