"""The monitor is silent over the sequence that a sound loop makes, and names the law for each one that a wrong loop would make; what it found stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from interlock_bench import (
    BEAMING,
    QUIET,
    RULES,
    SENT_REST,
    SENT_SET_UP,
    T0,
    TERMS,
    TICK_S,
    TOKEN,
    armed,
    beaming,
    committed,
    pressed,
    readings,
)

from hal.clock import SystemClock
from hal.readings import Readings
from interlocks.judge import judge
from interlocks.look import Memory
from interlocks.monitor import LAWS, Watched, watch
from interlocks.words import House, Sent

ARMED = msgspec.structs.replace(SENT_SET_UP, command="arm", armed_at_s=T0 + 0.03, token=TOKEN)
HOLD = msgspec.structs.replace(ARMED, command="hold")
ON = msgspec.structs.replace(HOLD, command="on", on_at_s=T0 + 0.06)
BEAM = msgspec.structs.replace(ON, command="hold")
OFF = Sent(command="off", terms=TERMS, off_at_s=T0 + 0.2)
TOLD = msgspec.structs.replace(BEAMING, records_put=100, records_durable=90, token_acked=TOKEN, confirmed=TERMS.digest)


@dataclass(frozen=True)
class Step:
    """One look: what was read in it, and what had been let out in the tick before; whether that tick's verdict forbade beam or a start."""

    read: Callable[..., Readings]
    sent: Sent
    house: House = TOLD
    forbade: bool = False
    blocked: bool = False
    changes: dict[str, Any] = field(default_factory=dict)
    after_s: float = TICK_S


SOUND = (
    Step(readings, SENT_REST),
    Step(committed, SENT_SET_UP),
    Step(committed, SENT_SET_UP),
    Step(armed, ARMED),
    Step(armed, HOLD),
    Step(pressed, HOLD),
    Step(beaming, ON),
    Step(beaming, BEAM),
    *(Step(beaming, BEAM) for _ in range(40)),
    Step(readings, OFF),
    Step(readings, OFF),
    Step(readings, SENT_REST),
)  # fmt: skip
IN_BEAM = 20
"""The place of a look in beam."""


def play(steps: tuple[Step, ...]) -> Watched:
    """The monitor's memory after these looks."""
    watched, now = Watched(), T0
    for step in steps:
        now += step.after_s
        watched = watch(
            watched,
            step.read(now, **step.changes),
            step.house,
            step.sent,
            step.forbade,
            step.blocked,
            RULES.stale_after_s,
            RULES.full_scale_kv,
        )
    return watched


def altered(place: int, steps: int = 1, **changes: Any) -> tuple[Step, ...]:
    """The sound sequence with some steps otherwise."""
    made = list(SOUND)
    for at in range(place, place + steps):
        step = made[at]
        made[at] = Step(**{name: changes.get(name, getattr(step, name)) for name in Step.__dataclass_fields__})
    return tuple(made)


def of(sent: Sent, **changes: Any) -> Sent:
    return msgspec.structs.replace(sent, **changes)


def told(**changes: Any) -> House:
    return msgspec.structs.replace(TOLD, **changes)


def apart(d1_mgy: float, d2_mgy: float) -> House:
    return told(dose=msgspec.structs.replace(BEAMING.dose, d1_mgy=d1_mgy, d2_mgy=d2_mgy))


AFTER_OFF: tuple[Step, ...] = altered(8, 40, sent=OFF, changes={"unit_lease_left_ms": 150})[:48]


WRONG: tuple[tuple[str, str, tuple[Step, ...]], ...] = (
    ("1", "ON without HOLD before", altered(5, sent=ARMED)),
    ("1", "ON with the unit not in RUN", altered(5, read=armed)),
    ("1", "ON with the unit in RUN for another token", altered(5, changes={"unit_token": TOKEN - 1})),
    ("1", "HOLD without ARM", altered(3, 2, sent=SENT_SET_UP)),
    ("1", "ON with no set time", altered(6, sent=of(ON, terms=msgspec.structs.replace(TERMS, set_time_s=0.0)))),
    ("2", "another plan armed than confirmed", altered(4, house=told(confirmed=b"x" * 32))),
    ("2", "armed and nothing confirmed", altered(4, house=told(confirmed=b""))),
    ("4", "HOLD over a verdict that forbids", altered(IN_BEAM, forbade=True)),
    ("4", "ARM over a verdict that blocks a start", altered(3, blocked=True)),
    ("4", "ON over a verdict that blocks a start", altered(6, blocked=True)),
    ("6", "ON twice for a token", altered(IN_BEAM, sent=of(ON, on_at_s=T0 + 1.0))),
    ("6", "an old token armed", altered(IN_BEAM, sent=of(ARMED, armed_at_s=T0 + 1.0, on_at_s=None))),
    ("7", "HOLD on an old status", altered(IN_BEAM, changes={"unit_asked_at_s": T0 - 1.0})),
    ("7", "HOLD on an old kV", altered(IN_BEAM, changes={"monitor_asked_at_s": T0 - 1.0})),
    ("7", "HOLD without flags", altered(IN_BEAM, changes={"flags": None})),
    ("17", "beam time falls", altered(IN_BEAM, house=told(dose=msgspec.structs.replace(BEAMING.dose, on_s=1.0)))),
    ("17", "beam time is no number", altered(IN_BEAM, house=told(dose=msgspec.structs.replace(BEAMING.dose, on_s=float("nan"))))),
    ("17", "records fall", altered(IN_BEAM, house=told(records_put=99))),
    ("17", "durable records fall", altered(IN_BEAM, house=told(records_durable=1))),
    ("18", "beam past the timer's limit", altered(8, 35, changes={"unit_beam_ms": 170_000})),
    ("19", "channels apart", altered(8, 35, house=apart(500.0, 400.0))),
    ("19", "a channel that is no number", altered(8, 35, house=apart(500.0, float("nan")))),
    ("20", "high voltage and WATCH", altered(8, 35, sent=SENT_REST, changes={})),
    ("LEASE", "renewed after OFF", (*AFTER_OFF, Step(beaming, OFF, changes={"unit_lease_left_ms": 190}))),
    ("REST", "a reset while armed", altered(4, sent=of(HOLD, command="reset"))),
    ("REST", "set up again while armed", altered(4, sent=of(HOLD, command="set_up"))),
    ("TOKEN", "armed before the records gave a token", altered(3, house=told(token_acked=0))),
    ("TOKEN", "in beam on another token", altered(IN_BEAM, house=told(token_acked=TOKEN + 1))),
)  # fmt: skip


def test_a_sound_sequence_is_held() -> None:
    """Set up, armed, pressed, in beam, off: nothing is found."""
    assert play(SOUND).broken == ""


SAID = """
1: ON for token 7 was let out after arm, with the unit in 0x8787 for token 7
1: ON for token 7 was let out after hold, with the unit in 0x4444 for token 7
1: ON for token 7 was let out after hold, with the unit in 0x8787 for token 6
1: hold was let out after set_up, not after arm
1: ON for token 7 was let out without terms, or with times that are no numbers above 0
2: another plan is armed than was confirmed (78787878)
2: another plan is armed than was confirmed (none)
4: hold was let out over a verdict that forbids beam
4: arm was let out over a verdict that forbids a start
4: on was let out over a verdict that forbids a start
6: ON was let out for token 7 after 7
6: token 7 was armed after 7
7: beam was held on readings of 1.210 s (unit), 0.020 s (kV) and 0.010 s (flags)
7: beam was held on readings of 0.002 s (unit), 1.210 s (kV) and 0.010 s (flags)
7: beam was held on readings of 0.002 s (unit), 0.020 s (kV) and inf s (flags)
17: beam time went from 9.000 to 1.000 s
17: beam time went from 9.000 to nan s
17: records went from 100 to 99, durable ones from 90 to 90
17: records went from 100 to 100, durable ones from 90 to 1
18: beam has been held for 0.31 s past the timer's limit
19: beam has been held for 0.31 s over dose channels that are apart
19: beam has been held for 0.31 s over dose channels that are apart
20: high voltage has been seen for 0.31 s without ON, and watch was sent, not off
LEASE: the lease rose by 40 ms after OFF
REST: reset was let out while token 7 was armed
REST: set_up was let out while token 7 was armed
TOKEN: token 7 is armed, the records have made 0 durable
TOKEN: token 7 is armed, the records have made 8 durable
"""


@pytest.mark.parametrize(
    ("place", "law", "steps"),
    [(place, law, steps) for place, (law, _, steps) in enumerate(WRONG)],
    ids=[f"{law}: {what}" for law, what, _ in WRONG],
)
def test_a_wrong_sequence_is_named(place: int, law: str, steps: tuple[Step, ...]) -> None:
    """Each law is broken by a loop that breaks it, and says its own id, and what was seen."""
    broken = play(steps).broken
    assert broken.startswith(f"{law}: ") and broken == SAID.strip().splitlines()[place]


def test_every_law_has_a_sequence_that_breaks_it() -> None:
    """A law that cannot fail would prove nothing."""
    assert set(LAWS) == {law for law, _, _ in WRONG}


def test_what_was_found_stays_found() -> None:
    """A program that has contradicted itself is not trusted again, whatever it does next."""
    once = play(altered(IN_BEAM, forbade=True))
    assert once.broken and play((*altered(IN_BEAM, forbade=True), *SOUND[:3])).broken == once.broken


def test_short_discrepancies_belong_to_the_rules() -> None:
    """What a rule ends at once lasts no 0.3 s: the monitor says nothing of it."""
    assert play(altered(8, 20, house=apart(500.0, 400.0))).broken == ""


def test_a_house_that_is_not_told_is_not_asked() -> None:
    """Where nobody says what the records gave, the laws that need it are silent; the loop always says."""
    bare = {"house": BEAMING}
    assert play(altered(0, len(SOUND), **bare)).broken == ""


def test_the_rule_trips_and_needs_service() -> None:
    """In the table a broken law is one rule: no start, no beam, latched for service."""
    memory = Memory(watched=Watched(command="watch", broken="7: held on nothing"))
    verdict, _ = judge(readings(), QUIET, SENT_REST, memory, RULES)
    found = {f.rule: f for f in verdict.findings}["invariants_held"]
    assert (found.trip.name, found.clears.name, verdict.forbids_beam) == ("TRIP_FAULT", "BY_SERVICE", True)
    assert "7: held on nothing" in found.words and "invariants_held" in verdict.blocks_start


def test_the_judge_remembers_what_its_verdict_forbade() -> None:
    """HOLD that is let out over a verdict that forbids beam is found at the next look."""
    memory = Memory()
    _, memory = judge(armed(T0), QUIET, HOLD, memory, RULES)
    _, memory = judge(armed(T0 + TICK_S, unit_contacts_a=0), QUIET, HOLD, memory, RULES)
    assert memory.forbade and memory.blocked and not memory.watched.broken
    _, memory = judge(armed(T0 + 2 * TICK_S), QUIET, HOLD, memory, RULES)
    assert memory.watched.broken.startswith("4: ")


def test_it_costs_little() -> None:
    """Below 10 us a look, with a factor of ten for a busy machine."""
    r, watched = beaming(), play(SOUND[:IN_BEAM])
    best, clock = 1.0, SystemClock()
    for _ in range(5):
        begun = clock.monotonic()
        for _ in range(200):
            watch(watched, r, TOLD, BEAM, False, False, RULES.stale_after_s, RULES.full_scale_kv)
        best = min(best, (clock.monotonic() - begun) / 200)
    assert best < 100e-6, f"{best * 1e6:.1f} us a look"
