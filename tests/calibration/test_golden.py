"""The golden numbers of E1 to E15, each beside the public function that works it out: as printed, and where more than five digits are printed to 1e-5.
The table with its functions is verification/golden.py, which also makes docs/dosimetry.md."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng

from controller.channels import differing, smallest_rest_mgy
from verification.golden import AT_DEPTH, D1, D2, DEPTH, GOLDEN, Golden, model_part

PAGE = Path(__file__).resolve().parents[2] / "docs" / "dose.md"


@pytest.mark.parametrize("row", GOLDEN, ids=[row.name for row in GOLDEN])
def test_golden(row: Golden) -> None:
    """To the last digit that is printed, and never worse than 1e-5 where that digit is finer."""
    unit = float(Decimal(1).scaleb(int(Decimal(row.printed).as_tuple().exponent)))
    golden = float(row.printed)
    near = abs(row.value - golden) <= max(0.5000001 * unit, 1e-5 * abs(golden))
    assert near, f"{row.name}: {row.value!r}, printed {row.printed}"


def test_every_number_names_its_function() -> None:
    """Product functions only, none of this file's own."""
    for row in GOLDEN:
        assert row.functions
        assert all(name.split(".")[0] in ("calibration", "controller") for name in row.functions), row


def test_every_example_is_here() -> None:
    assert {row.name.split()[0] for row in GOLDEN} == {f"E{n}" for n in range(1, 16)}


def test_every_number_that_the_page_says_comes_out_has_its_row() -> None:
    """docs/dose.md, column "comes out": each number with a point, or of four digits and more, is a row's value as far as it is printed."""
    lines = re.findall(r"^\| (E\d+) \|[^|]*\| ([^|]*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == 15
    for example, said in lines:
        values = [row.value for row in GOLDEN if row.name.split()[0] == example]
        for printed in re.findall(r"(?<![\w.])-?(?:\d+\.\d+|\d{4,})", said):
            half = 0.5000001 * float(Decimal(1).scaleb(int(Decimal(printed).as_tuple().exponent)))
            assert any(abs(abs(value) - abs(float(printed))) <= half for value in near_units(values)), (
                example,
                printed,
            )


def near_units(values: list[float]) -> list[float]:
    """The same in s for ms and in Gy for mGy, as the page's sentences have it."""
    return [*values, *(value / 1000.0 for value in values)]


def test_e11_drawn() -> None:
    """400 000 draws of the budget's own distributions: 95.6 % within k = 2."""
    rng = default_rng(1)
    n = 400_000
    total = np.zeros(n)
    for term in DEPTH:
        half = math.sqrt(3.0) * term.u_pct
        total += rng.uniform(-half, half, n) if term.distribution == "rectangular" else rng.normal(0.0, term.u_pct, n)
    assert np.mean(np.abs(total) <= AT_DEPTH.u_pct_k2) == pytest.approx(0.956, abs=0.002)


def test_e12_and_e15_are_told_and_trip_nothing() -> None:
    """1.92 % between the chambers and 2.7 % between timer and model are said in words; under 1.5 %, and under the floor, nothing is."""
    told = differing(D1, D2, 1000.0, 1000.0 * model_part())
    assert [words.split(" mGy")[0] for words in told] == ["channel 1 2672.8", "the timer 1000.0"]
    assert "+1.92 % apart" in told[0] and "-2.71 % apart" in told[1]
    assert differing(D1, 1.0149 * D1, 1000.0, 981.0) == ()
    assert differing(100.0, 109.9, None, None) == differing(None, None, 300.0, 319.9) == ()
    assert len(differing(100.0, 110.1, None, None)) == len(differing(None, None, 300.0, 320.1)) == 1
    assert differing(0.0, 11.0, None, None) == (
        "channel 1 0.0 mGy, channel 2 11.0 mGy: one shows nothing (told above 1.5 %)",
    )


def test_a_rest_that_small_is_closed() -> None:
    """1 % or 2 cGy, whichever is more."""
    assert (smallest_rest_mgy(8536.6), smallest_rest_mgy(1000.0)) == (pytest.approx(85.366), 20.0)
