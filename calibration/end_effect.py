"""The end effect by two exposures in the order short, long, long, short: its value, its rate, its standard uncertainty, and when it may not be used.
It knows readings and timers only; no chamber, no tube, no file, and nothing of the tail, which is another number with another measurement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from calibration.formulas import two_exposures

MOST_U_S: Final = 0.010
"""Above it the end effect is not known well enough: more rounds, or a longer long exposure."""
LEAST_RAMPS: Final = 10.0
"""The short exposure is at least so many ramps: within the ramp no rate holds."""
SURE: Final = 2.0
"""An end effect below so many standard uncertainties is not significant; its value is kept all the same."""


@dataclass(frozen=True)
class Taken:
    """One exposure: the timer's seconds from its start event, and what the chamber read, corrected to one pressure and temperature, in any unit."""

    timer_s: float
    reading: float


@dataclass(frozen=True)
class EndEffect:
    """Net time that an exposure lacks (below 0) or has too much, s, and the rate, per s in the readings' unit; u are standard uncertainties (k = 1).

    `drift` is by what part the readings changed from the first half of a round to the second: ABBA takes a steady one out.
    """

    dt_s: float
    rate: float
    u_dt_s: float
    u_rate_part: float
    drift: float

    @property
    def significant(self) -> bool:
        return abs(self.dt_s) >= SURE * self.u_dt_s

    @property
    def words(self) -> str:
        """For people and for the certificate."""
        said = f"dt {self.dt_s:+.4f} s, u {self.u_dt_s:.4f} s (k = 1)"
        return said if self.significant else f"{said}: not significant, and kept"


def end_effect(rounds: Sequence[Taken], reproducibility: float, timer_step_s: float, ramp_s: float) -> EndEffect:
    """From whole rounds of short, long, long, short. `reproducibility` is the relative standard deviation of one reading as it was stated for the chamber;
    where the readings themselves scatter more, that counts. Raises ValueError: what is wrong, and what to do first."""
    if not (0.0 < reproducibility < 1.0 and timer_step_s >= 0.0 and ramp_s > 0.0):
        raise ValueError(
            f"reproducibility {reproducibility!r}, timer step {timer_step_s!r} s, ramp {ramp_s!r} s: no chamber, timer or tube is so; state what they are"
        )
    short, long = _sorted(rounds)
    t_1, t_2 = short[0].timer_s, long[0].timer_s
    if t_1 < LEAST_RAMPS * ramp_s:
        raise ValueError(
            f"the short exposure is {t_1:g} s, below {LEAST_RAMPS:g} ramps of {ramp_s:g} s; expose for longer"
        )
    m_1, m_2 = fmean(e.reading for e in short), fmean(e.reading for e in long)
    mean_1, mean_2 = fmean(e.timer_s for e in short), fmean(e.timer_s for e in long)
    if not m_2 > m_1 > 0.0:
        raise ValueError(f"the long exposures read {m_2:g}, the short ones {m_1:g}; check the chamber and the order")
    dt, rate = two_exposures(mean_1, m_1, mean_2, m_2)
    n = len(short)
    u_1, u_2 = (max(reproducibility, _scatter(part)) / math.sqrt(n) for part in (short, long))
    step = timer_step_s / math.sqrt(12.0 * n)
    lever = m_1 * m_2 * (mean_2 - mean_1) / (m_2 - m_1) ** 2
    u = math.hypot(lever * u_1, lever * u_2, m_2 / (m_2 - m_1) * step, m_1 / (m_2 - m_1) * step)
    u_rate = math.hypot(m_1 * u_1, m_2 * u_2) / (m_2 - m_1)
    u_rate = math.hypot(u_rate, math.sqrt(2.0) * step / (mean_2 - mean_1))
    if u > MOST_U_S:
        raise ValueError(
            f"u of the end effect is {1000.0 * u:.1f} ms, above {1000.0 * MOST_U_S:g} ms; add rounds, or expose longer than {t_2:g} s"
        )
    return EndEffect(dt, rate, u, u_rate, _drift(rounds))


def _sorted(rounds: Sequence[Taken]) -> tuple[list[Taken], list[Taken]]:
    """The short and the long exposures of whole rounds."""
    if not rounds or len(rounds) % 4:
        raise ValueError(
            f"{len(rounds)} exposures are no whole rounds of short, long, long, short; add what is missing"
        )
    for one in rounds:
        if not (math.isfinite(one.timer_s) and math.isfinite(one.reading) and one.timer_s > 0.0):
            raise ValueError(f"{one} is no exposure; correct it")
    for at in range(0, len(rounds), 4):
        a, b, c, d = (one.timer_s for one in rounds[at : at + 4])
        if not max(a, d) < min(b, c):
            raise ValueError(
                f"round {at // 4 + 1} is {a:g}, {b:g}, {c:g}, {d:g} s, not short, long, long, short; expose in that order"
            )
    short = [one for place, one in enumerate(rounds) if place % 4 in (0, 3)]
    return short, [one for place, one in enumerate(rounds) if place % 4 in (1, 2)]


def _scatter(part: list[Taken]) -> float:
    """Relative standard deviation of readings about their course: from the differences of neighbours, which a steady drift hardly moves."""
    rates = [one.reading / one.timer_s for one in part]
    pairs = list(zip(rates[::2], rates[1::2], strict=True))
    steps = [second - first for first, second in pairs]
    steady = fmean(steps) if len(steps) > 1 else 0.0
    if len(steps) < 2:
        return 0.0
    variance = sum((step - steady) ** 2 for step in steps) / (2.0 * (len(steps) - 1))
    return math.sqrt(variance) / fmean(rates)


def _drift(rounds: Sequence[Taken]) -> float:
    """Of the long exposures, which show it best: the second against the first of each round."""
    return fmean(
        rounds[at + 2].reading / rounds[at + 2].timer_s * rounds[at + 1].timer_s / rounds[at + 1].reading - 1.0
        for at in range(0, len(rounds), 4)
    )
