"""Whether an arc ended a beam, by rule and words: each row of the table with words that the rules themselves make, and what must not be taken for one."""

from __future__ import annotations

import pytest

from console import arcs
from console.arcs import TABLE, ended
from interlocks.rules import TABLE as RULES

LOST = "the beam was lost: high voltage on, 0.0 kV (bound 34.8 kV); first: look for an arc; resume only if the generator is sound"
SAID = "the generator reports a fault: {}; first: read its manual for this fault, then reset"
RATES = "dose rates {} and {} mGy/s, certified 55.00 mGy/s (bound 50 %); first: look at kV, mA and the chambers before resuming"
COUNT = "chambers count {} and {} in 1 s with high voltage on; first: look at kV, mA and the chambers before resuming"


@pytest.mark.parametrize(
    ("rule", "words", "arc"),
    [
        ("beam_lost", LOST, True),
        ("generator_fault", SAID.format("anode arc"), True),
        ("generator_fault", SAID.format("watchdog, arc"), True),
        ("generator_fault", SAID.format("over-temperature"), False),
        ("generator_fault", SAID.format("fault, not yet named"), False),
        ("generator_fault", "the generator reports a fault: under-voltage; first: look for an arc", False),
        ("generator_fault", SAID.format("search coil"), False),
        ("no_signal", COUNT.format(0, 0), True),
        ("no_signal", COUNT.format(0, 9), True),
        ("no_signal", COUNT.format(0, 2750), False),
        ("no_signal", COUNT.format(2750, 0), False),
        ("no_dose", COUNT.format(10, 0), True),
        ("no_dose", COUNT.format(0, 100), True),
        ("no_dose", COUNT.format(0, 101), False),
        ("no_dose", COUNT.format(380, 300), True),
        ("no_dose", COUNT.format(400, 4000), True),
        ("no_dose", COUNT.format(400, 4001), False),
        ("no_dose", "no count is known; first: look for an arc", False),
        ("dose_rate_low", RATES.format("10.99", "11.04"), True),
        ("dose_rate_low", RATES.format("0.00", "22.00"), True),
        ("dose_rate_low", RATES.format("0.00", "22.01"), False),
        ("dose_rate_low", RATES.format("27.40", "27.45"), False),
        ("dose_rate_low", RATES.format("nan", "nan"), False),
        ("dose_rate_high", RATES.format("0.00", "0.00"), False),
        ("kv_low", LOST, False),
        ("door", "the door is open", False),
        ("", "", False),
    ],
)
def test_g7_an_end_is_an_arcs_by_its_rule_and_what_its_words_show(rule: str, words: str, arc: bool) -> None:
    """Hazard G7: what to do first is no finding, and one dead chamber beside a sound one is no arc."""
    assert ended({"rule": rule, "words": words, "void": False}) is arc


def test_what_had_no_beam_had_no_arc() -> None:
    """A high voltage that never came on is told as a beam that was lost."""
    assert not ended({"rule": "beam_lost", "words": LOST, "void": True})
    off = LOST.replace("voltage on", "voltage off")
    for kv_mean, arc in ((None, False), (0.0, False), (69.4, True)):
        assert ended({"rule": "beam_lost", "words": off, "void": False, "kv_mean": kv_mean}) is arc
        assert ended({"rule": "beam_lost", "words": LOST, "void": False, "kv_mean": kv_mean}), (
            "in the ramp no steady kV is seen"
        )


def test_every_row_is_a_rule_that_ends_a_beam_and_says_why() -> None:
    beam = {rule.id: rule for rule in RULES if rule.while_beam}
    assert set(arcs.RULES) <= set(beam) and len(arcs.RULES) == len(TABLE)
    assert all(one.because for one in TABLE)
