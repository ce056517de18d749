"""The most that beam of no exposure can have given: the largest of what time and either channel say, and the longest tail.
Which beam is one is tests/scenarios/test_stray.py's."""

from __future__ import annotations

import msgspec
import pytest
from dose_bench import certificate, combination

from controller.stray import AIR_MOST, highest_mgy

TAIL_MGY = 1.5383 + 1.25 * 55.0 * 0.05
"""engineering-G20: the certified one, and what K1 alone may take: nobody knows whether OFF by wire ended it."""


@pytest.mark.parametrize(
    ("given", "mgy"),
    [
        ((0.0, 0.0, 0.0, 0.0), 0.0),
        ((2.0, 0.0, 0.0, 0.0), 1.25 * 55.0 * 2.0),
        ((0.0, 1000.0, 0.0, 0.0), 20.0),
        ((0.0, 0.0, 1000.0, 0.0), 19.6),
        ((0.0, 0.0, 0.0, 0.07), 64.0 * 55.0 * 0.07),
    ],
    ids=["nothing", "by time", "by channel 1", "by channel 2", "saturated"],
)
def test_the_longest_tail_is_upon_whatever_was_seen(given: tuple[float, float, float, float], mgy: float) -> None:
    assert highest_mgy(certificate(), *given) == pytest.approx(mgy + TAIL_MGY)


def test_the_tail_is_that_of_the_combination_that_has_the_longest() -> None:
    """Nobody knows with which one it was: a weak beam with a long tail counts, and a strong one whose K1 costs more."""
    weak = combination(kv=60.0, r0_mgy_per_s=10.0, tail_mgy=9.0)
    strong = combination(kv=80.0, r0_mgy_per_s=200.0, tail_mgy=1.0)
    both = certificate(combinations=(weak, strong))
    assert highest_mgy(both, 0.0, 0.0, 0.0, 0.0) == pytest.approx(1.0 + 1.25 * 200.0 * 0.05)
    vented = msgspec.structs.replace(certificate(), vented_2=True)
    assert highest_mgy(vented, 0.0, 0.0, 1000.0, 0.0) == pytest.approx(AIR_MOST * 19.6 + TAIL_MGY)


@pytest.mark.parametrize(
    ("given", "mgy"),
    [
        ((2.0, 0.0, 0.0, 0.0), 1.25 * 200.0 * 2.0),
        ((0.0, 0.0, 0.0, 0.07), 64.0 * 200.0 * 0.07),
        ((0.0, 10_000.0, 0.0, 0.0), 10_000 * 0.03),
        ((0.0, 0.0, 10_000.0, 0.0), 10_000 * 0.04),
    ],
    ids=["by time", "saturated", "by channel 1", "by channel 2"],
)
@pytest.mark.parametrize("order", [1, -1])
def test_each_bound_is_that_of_the_combination_that_gives_the_most(
    given: tuple[float, float, float, float], mgy: float, order: int
) -> None:
    """Whichever stands first in the certificate: the strongest by time is not the one whose counts are worth most."""
    weak = combination(kv=60.0, r0_mgy_per_s=10.0, tail_mgy=0.0, n1_mgy_per_count=0.03, n2_mgy_per_count=0.04)
    strong = combination(kv=80.0, r0_mgy_per_s=200.0, tail_mgy=0.0, n1_mgy_per_count=0.02, n2_mgy_per_count=0.01)
    both = certificate(combinations=(weak, strong)[::order])
    assert highest_mgy(both, *given) == pytest.approx(mgy + 1.25 * 200.0 * 0.05)
