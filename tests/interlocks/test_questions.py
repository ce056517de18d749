"""Single questions asked at the bound itself, which no walk through ticks hits, and what is said when there is no number to say.
A look is made as the judge makes it, with a memory of the test's own."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import msgspec
import pytest
from interlock_bench import CONTACTS, ROW, RULES, SENT_ON, SWITCH, T0
from test_rules import both, made, sound

from interlocks.look import Look, take
from interlocks.words import Sent

NEVER = -math.inf
ENDED = Sent(command="off", terms=SENT_ON.terms, off_at_s=T0 - 2.0)
PRESSED = both(CONTACTS | SWITCH)


class Asked(NamedTuple):
    """One rule, a base with changes as in test_rules.py, a memory of it with changes, and what is wanted."""

    rule: str
    base: str
    changes: dict[str, Any]
    memory: dict[str, Any]
    wanted: bool | str | None
    now_s: float = T0
    sent: Sent | None = None

    def look(self) -> Look:
        given, house, sent = made(self.base, self.now_s, self.changes)
        memory = msgspec.structs.replace(sound(self.base), **self.memory)
        bounds = RULES.stale_after_s, RULES.full_scale_kv, RULES.paired
        return take(given, house, self.sent or sent, memory, *bounds)


AT_THE_BOUND = [
    Asked("door", "rest", {}, {"opened_at_s": (NEVER, 0.0, NEVER)}, True, 0.1),
    Asked("switch_released", "rest", PRESSED, {"released_at_s": T0 - 5.0}, True),
    Asked("switch_let_go", "rest", PRESSED, {"released_at_s": NEVER}, True, T0, ENDED),
    Asked("switch_let_go", "rest", PRESSED, {"released_at_s": T0 - 2.0}, False, T0 + 0.5, ENDED),
]


@pytest.mark.parametrize("asked", AT_THE_BOUND, ids=lambda asked: asked.rule)
def test_a_bound_itself_is_inside_or_not_as_it_is_written(asked: Asked) -> None:
    """Exactly the bound, in numbers that the machine holds exactly."""
    assert ROW[asked.rule].question(asked.look()) is asked.wanted


SAID = [
    Asked(
        "switch_released", "committed", PRESSED, {"released_at_s": T0 - 6.0},
        "the beam-on switch was last seen released 6.0 s ago (bound 5 s)",
    ),
    Asked(
        "switch_released", "committed", PRESSED, {"released_at_s": NEVER},
        "the beam-on switch has not been seen released yet (bound 5 s)",
    ),
    Asked(
        "switch_let_go", "rest", PRESSED, {"released_at_s": NEVER},
        "the beam-on switch is still pressed 2.5 s after the beam's end (bound 2 s; channel A closed, channel B closed)",
        T0 + 0.5, ENDED,
    ),
    Asked(
        "door", "rest", {}, {"opened_at_s": (NEVER, T0 - 0.04, NEVER)},
        "the door is open, or was 0.04 s ago (bound 0.1 s)",
    ),
]  # fmt: skip


@pytest.mark.parametrize("asked", SAID, ids=lambda asked: asked.rule)
def test_what_is_said_of_it(asked: Asked) -> None:
    """Of rules of memory, and of readings that have never come."""
    look = asked.look()
    assert ROW[asked.rule].question(look) is not True
    assert ROW[asked.rule].wrong(look) == asked.wanted
