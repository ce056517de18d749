"""What a rig has nothing to ask for is NOT FITTED at every moment, as its safety unit's driver states; never TRUE, and never in the way."""

from __future__ import annotations

import msgspec
import pytest
from interlock_bench import (
    BEAMING,
    CAPABILITIES,
    CONTACTS,
    QUIET,
    SENT_ON,
    SENT_REST,
    T0,
    beaming,
    readings,
    truth_of,
    unit,
)

from hal import registry
from hal.machine import ALL_FITTED, NOTHING_FITTED, Fitted
from interlocks.judge import judge, shown
from interlocks.look import Memory, When
from interlocks.rules import TABLE, level, reaction_s
from interlocks.words import Truth

TICK_S = 0.01
BY_PART = {
    Fitted.CHAMBERS: {
        "chamber_saturation", "dose_rate_high", "dose_rate_low", "no_signal", "no_dose", "dose_channels",
        "dose_timer", "leakage", "leakage_at_start",
    },
    Fitted.CHAMBER_SUPPLY: {"chamber_supply"},
    Fitted.AIR: {"air", "k_tp_drift"},
    Fitted.CODES: {"applicator_code", "filter_code"},
    Fitted.TEST_PULSE: {"test_pulse"},
    Fitted.LAMPS: {"lamp"},
    Fitted.TIMER: {"unit_timer"},
    Fitted.SCAN: {"scan_true"},
    Fitted.PAIRS: {"contacts_agree", "contacts_agree_at_rest"},
}  # fmt: skip


def test_every_part_has_its_rules_and_no_other() -> None:
    for part, wanted in BY_PART.items():
        assert {row.id for row in TABLE if row.stands_on & part} == wanted
    assert set(BY_PART) == set(Fitted)


def test_a_whole_rig_asks_everything() -> None:
    assert level(CAPABILITIES, TICK_S).rows == TABLE


@pytest.mark.parametrize("part", Fitted)
def test_a_part_that_is_missing_takes_its_rules_and_no_others(part: Fitted) -> None:
    """NOT FITTED at rest and in beam, though the readings would make it TRUE or STALE; the rest is asked as ever."""
    rules = level(msgspec.structs.replace(CAPABILITIES, fitted=ALL_FITTED & ~part), TICK_S)
    whole = level(CAPABILITIES, TICK_S)
    for snapshot, house, sent in ((readings(), QUIET, SENT_REST), (beaming(), BEAMING, SENT_ON)):
        lacking, _ = judge(snapshot, house, sent, Memory(), rules)
        asked, _ = judge(snapshot, house, sent, Memory(), whole)
        for row, truth, before in zip(TABLE, lacking.truths, asked.truths, strict=True):
            assert truth == (Truth.NOT_FITTED if row.id in BY_PART[part] else before), row.id
        said = {rule: (truth, words) for rule, truth, _, words in shown(lacking, snapshot)}
        for rule in BY_PART[part]:
            assert said[rule][0] is Truth.NOT_FITTED and said[rule][1].startswith("this rig has no ")
        assert not {finding.rule for finding in lacking.findings} & BY_PART[part]


def test_no_reaction_is_claimed_for_what_is_not_asked() -> None:
    capabilities = msgspec.structs.replace(CAPABILITIES, fitted=NOTHING_FITTED)
    rules = level(capabilities, TICK_S)
    gone = {row.id for row in rules.rows if row.when is When.NEVER}
    assert gone == set().union(*BY_PART.values()) and not gone & set(reaction_s(rules, capabilities))


def test_contacts_in_one_channel_are_not_compared() -> None:
    """The unit reads the second channel of what has two; the other contacts show the first twice, and are not called agreeing."""
    door, estop = 2, 1
    capabilities = msgspec.structs.replace(CAPABILITIES, paired=estop)
    rules = level(capabilities, TICK_S)
    for bit, wanted in ((door, Truth.TRUE), (estop, Truth.FALSE)):
        snapshot = readings(unit=unit(T0, contacts_b=CONTACTS & ~bit))
        verdict, _ = judge(snapshot, QUIET, SENT_REST, Memory(), rules)
        assert truth_of(verdict, "contacts_agree_at_rest") is wanted


@pytest.mark.parametrize("name", registry.names(registry.SAFETY_UNITS))
def test_a_driver_states_the_same_thing_twice_alike(name: str) -> None:
    """A unit without timer, lease or count limits is never clinical and says that it is emulated, or has all of them."""
    driver = registry.safety_unit(name)
    bought = bool(driver.emulated)
    assert bought is not driver.lease and bought is not driver.hardware_timer and bought is not driver.count_limits
    assert bought is not bool(driver.fitted & Fitted.TIMER) and bought is not driver.retains
    assert bought is (driver.watchdog_s is not None) and ("EMULATED" in driver.words) is bought
