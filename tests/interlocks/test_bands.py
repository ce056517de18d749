"""How far from R0 a rate may lie, by purpose: nobody but a calibration has the wide row, and the wide row still ends what is not a tube of another plate."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from interlock_bench import terms

from hal.readings import Purpose, Termination
from interlocks.bands import BANDS, CERTIFIED, NAME_PLATE
from interlocks.dose_rules import DOSE_RULES
from interlocks.monitor import CHANNELS_PART

RULES = {rule.id: rule for rule in DOSE_RULES}
S = 20.0
"""Seconds of beam so far."""


def asked(rule: str, purpose: Purpose, of_1: float, of_2: float | None = None, model: float = 1.0) -> bool:
    """The rule's own answer for a tube whose chambers count so much of R0, with the timer at R0."""
    t = terms(purpose=purpose, termination=Termination.TIME)
    of_2 = of_1 if of_2 is None else of_2
    r0 = t.r0_mgy_per_s
    dose: dict[str, Any] = {
        "d1_mgy": of_1 * r0 * S, "d2_mgy": of_2 * r0 * S, "dt_mgy": r0 * S, "dm_mgy": model * r0 * S,
        "rate_1_mgy_per_s": of_1 * r0, "rate_2_mgy_per_s": of_2 * r0,
    }  # fmt: skip
    look: Any = SimpleNamespace(
        terms=t,
        dose=SimpleNamespace(**dose),
        cps_1=of_1 * r0 / t.n1_mgy_per_count,
        cps_2=of_2 * r0 / (t.n2_mgy_per_count * t.k_tp),
    )
    return bool(RULES[rule].question(look))


@pytest.mark.parametrize(
    ("rule", "calibration", "treatment", "beyond"),
    [
        ("dose_rate_high", (3.0,), (1.6,), (4.1,)),
        ("dose_rate_high", (3.99,), (1.51,), (64.0,)),
        ("dose_rate_low", (0.3,), (0.49,), (0.24,)),
        ("dose_channels", (1.0, 1.4), (1.0, 1.04), (1.0, 1.5)),
        ("dose_timer", (3.0,), (1.06,), (4.1,)),
        ("dose_timer", (0.3,), (0.94,), (0.24,)),
        ("dose_model", (1.0, 1.0, 1.05), (1.0, 1.0, 1.04), (1.0, 1.0, 1.12)),
    ],
)
def test_a_calibration_bears_what_ends_a_treatment_and_not_everything(
    rule: str, calibration: tuple[float, ...], treatment: tuple[float, ...], beyond: tuple[float, ...]
) -> None:
    assert asked(rule, Purpose.CALIBRATE, *calibration)
    for purpose in (Purpose.TREAT, Purpose.DAILY, Purpose.WARMUP):
        assert not asked(rule, purpose, *treatment)
    assert not asked(rule, Purpose.CALIBRATE, *beyond)


def test_only_a_calibration_has_the_wide_row_and_only_a_dry_run_the_cold_one() -> None:
    assert {purpose for purpose, row in BANDS.items() if row == CERTIFIED} == set(Purpose) - {
        Purpose.CALIBRATE,
        Purpose.DRY_RUN,
    }
    assert {purpose for purpose, row in BANDS.items() if row.cold} == {Purpose.DRY_RUN}
    assert set(BANDS) == set(CHANNELS_PART) == set(Purpose)
    assert msgspec.structs.astuple(CERTIFIED) == (1.5, 0.5, 0.03, 0.05, 0.03, 3.0, 1.0, 100, False)
    assert msgspec.structs.astuple(NAME_PLATE) == (4.0, 0.25, 0.3, 0.75, 0.1, 8.0, 4.0, 400, False)


def test_the_wide_row_hangs_together() -> None:
    """A tube within the rates is within the timer's band, no sample of it is a bad one, and the safety unit's own bounds are no tighter than the program's."""
    row = NAME_PLATE
    assert row.jump > row.rate_high and row.counts >= row.rate_high
    assert 1.0 - 1.0 / row.rate_high <= row.primary and 1.0 - row.rate_low <= row.primary
    assert row.disagree_permille >= 1000.0 * row.channels
    for purpose in Purpose:
        assert CHANNELS_PART[purpose] == pytest.approx(1.1 * BANDS[purpose].channels)
