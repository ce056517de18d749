"""The whole table, in the order in which it is shown, and the ages that its readings may reach, levelled to the rig's poll plan.
It judges nothing; one row is one question of interlocks/judge.py."""

from __future__ import annotations

from typing import Final

import msgspec

from hal import poll_plan
from hal.machine import ALL_PAIRED, Capabilities
from interlocks.contact_rules import CONTACT_RULES
from interlocks.dose_rules import DOSE_RULES
from interlocks.generator_rules import GENERATOR_RULES
from interlocks.house_rules import HOUSE_RULES
from interlocks.look import FLAGS, MONITOR, SLOW, UNIT, When
from interlocks.rule import Question, Rule
from interlocks.unit_rules import UNIT_RULES
from interlocks.words import Truth

TRUE: Final = int(Truth.TRUE)
NOT_ASKED: Final = int(Truth.NOT_ASKED)
NOT_FITTED: Final = int(Truth.NOT_FITTED)
T1_S: Final = poll_plan.T1_S
"""From an event at a device to off-bytes sent."""
SLOW_LEAST_S: Final = 2.5

SOURCES: Final = ((UNIT, "unit"), (SLOW, "slow"), (MONITOR, "monitor"), (FLAGS, "flags"))
"""The bits of `Rule.needs` by their names in Capabilities.worst_age_s, in the order of `Rules.stale_after_s`."""
SOURCE_WORDS: Final = {
    UNIT: "the safety unit's status",
    SLOW: "the safety unit's slow block",
    MONITOR: "the generator's kV and mA",
    FLAGS: "the generator's flags",
}


def distinct(rows: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The rows, if no two have the same id."""
    ids = [row.id for row in rows]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"two rules have the same id: {', '.join(twice)}")
    return rows


TABLE: Final = distinct((*CONTACT_RULES, *GENERATOR_RULES, *UNIT_RULES, *DOSE_RULES, *HOUSE_RULES))


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What is asked at one kind of moment: of each row its place, what it needs, its question; `truths` when every one of them is TRUE."""

    questions: tuple[tuple[int, int, Question], ...]
    truths: bytes


class Rules(msgspec.Struct, frozen=True):
    """The table with what the rig adds: the oldest that each source may be (order of SOURCES), full scale, the contacts with two channels.

    `known` keeps what `asked` has worked out: the kinds of moment are few, and the rows never change.
    """

    rows: tuple[Rule, ...]
    stale_after_s: tuple[float, ...]
    full_scale_kv: float
    paired: int = ALL_PAIRED
    known: dict[tuple[bool, ...], Asked] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        # a copy with other rows begins with nothing known
        msgspec.structs.force_setattr(self, "known", {})

    def asked(self, when: tuple[bool, ...]) -> Asked:
        """The rows that have a meaning at this moment (`Look.asked`)."""
        found = self.known.get(when)
        if found is None:
            found = self.known[when] = _asked(self.rows, when)
        return found

    def stale_after(self, rule: Rule) -> float | None:
        """The oldest evidence that this rule takes, s; None for a rule that stands on no polled reading."""
        bounds = [age for (bit, _), age in zip(SOURCES, self.stale_after_s, strict=True) if rule.needs & bit]
        return min(bounds, default=None)


def _asked(rows: tuple[Rule, ...], when: tuple[bool, ...]) -> Asked:
    truths = bytes(TRUE if when[row.when] else NOT_FITTED if row.when is When.NEVER else NOT_ASKED for row in rows)
    return Asked(tuple((place, row.needs, row.question) for place, row in enumerate(rows) if when[row.when]), truths)


def level(capabilities: Capabilities, tick_s: float, table: tuple[Rule, ...] = TABLE) -> Rules:
    """The table for this rig. What trips within T1 may be two polls old at most, but never so young that a sound wire could not keep up;
    a row whose part the rig does not have is asked at no moment, and says so."""
    ages = []
    for _, name in SOURCES:
        worst = capabilities.worst_age_s.get(name, 0.0)
        if name == "slow":
            ages.append(max(SLOW_LEAST_S, poll_plan.POLLS * worst + tick_s))
            continue
        ages.append(poll_plan.bound_s(worst, tick_s))
    rows = tuple(
        msgspec.structs.replace(row, when=When.NEVER) if row.stands_on & ~capabilities.fitted else row for row in table
    )
    return Rules(rows, tuple(ages), capabilities.full_scale_kv, capabilities.paired)


def reaction_s(rules: Rules, capabilities: Capabilities) -> dict[str, float]:
    """The worst time from the event at the device to off-bytes sent of every rule with while_beam on a polled reading; persistence, and
    the wait for the unit's later word, apart.

    Above T1_S the rig is not clinical. A rule on the slow block guards a drift, not an event, and has none.
    """
    worst = {}
    for rule in rules.rows:
        polled = [capabilities.worst_age_s.get(name, 0.0) for bit, name in SOURCES if rule.needs & bit]
        if rule.while_beam and rule.when is not When.NEVER and polled and not rule.needs & SLOW:
            worst[rule.id] = max(polled) + capabilities.off_s
    return worst
