"""Each question of the gate's law by itself, under a verdict that has found nothing: one thing is wrong at a time, and each bound is met to the last bit."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
import pytest
from interlock_bench import (
    CONTACTS,
    LIMITS,
    PLAN,
    RULES,
    SENT_ARMED,
    SENT_REST,
    SENT_SET_UP,
    SWITCH,
    T0,
    TERMS,
    TOKEN,
    armed,
    committed,
    pressed,
    readings,
    terms,
)

from hal.commands import Arm, Hold, On, Plan, SetUp
from hal.readings import Readings, UnitState
from interlocks import gate_law
from interlocks.gate_law import Passage
from interlocks.words import Clears, Finding, Sent, Trip, Truth, Verdict, Wanted

BOUNDS = msgspec.structs.replace(RULES, stale_after_s=(0.1, 0.2, 0.4, 0.8))
"""A bound of its own for each source: unit, slow, monitor, flags."""
ARM, HOLD, ON = Arm(TOKEN, PLAN.staging_crc), Hold(TOKEN), On(TOKEN)


def verdict(*words: str, blocks: tuple[str, ...] = (), forbids: bool = False) -> Verdict:
    findings = tuple(Finding(w, Truth.FALSE, Trip.TRIP_STOP, Clears.BY_ITSELF, w) for w in words)
    return Verdict(1, T0, b"", findings, blocks, forbids)


NOTHING = verdict()


def passage(r: Readings, sent: Sent, command: Any, **changes: Any) -> Passage:
    p = Passage(T0, T0, r, NOTHING, sent, Wanted(command, TERMS), LIMITS, BOUNDS, False, 0, 0)
    return msgspec.structs.replace(p, **changes)


def arming(r: Readings | None = None, **changes: Any) -> str:
    return gate_law.arm(passage(r or committed(), changes.pop("sent", SENT_SET_UP), ARM, **changes), ARM)


def holding(r: Readings | None = None, **changes: Any) -> str:
    return gate_law.hold(passage(r or armed(), changes.pop("sent", SENT_ARMED), HOLD, **changes), HOLD)


def switching_on(r: Readings | None = None, **changes: Any) -> str:
    return gate_law.on(passage(r or pressed(), changes.pop("sent", SENT_ARMED), ON, **changes), ON)


def sent(before: Sent, **changes: Any) -> Sent:
    return msgspec.structs.replace(before, **changes)


def test_with_nothing_wrong_each_passes() -> None:
    """Or no refusal below would prove anything."""
    assert (arming(), holding(), switching_on()) == ("", "", "")
    assert gate_law.beam_is_off(passage(readings(), SENT_REST, None)) == ""


@pytest.mark.parametrize(
    "out",
    [
        {"open": True},
        {"sent": sent(SENT_REST, armed_at_s=T0 - 1.0)},
        {"sent": sent(SENT_REST, on_at_s=T0 - 1.0)},
    ],
)
def test_a_permission_that_is_out_is_not_off_whatever_the_machine_reads(out: dict[str, Any]) -> None:
    """An open gate, an ARM or an ON that was not taken back, each alone, while all readings are those of a machine at rest."""
    p = msgspec.structs.replace(passage(readings(), SENT_REST, None), **out)
    assert "permission is out" in gate_law.beam_is_off(p)


@pytest.mark.parametrize(
    ("part", "bound_s"), [("unit_asked_at_s", 0.1), ("flags_asked_at_s", 0.8), ("monitor_asked_at_s", 0.4)]
)
def test_each_reading_is_held_against_its_own_bound(part: str, bound_s: float) -> None:
    """Just young enough passes and just too old does not, with another bound for each."""
    young, old = (committed(**{part: T0 - bound_s + d}) for d in (0.001, -0.001))
    assert arming(young) == "" and ("old" in arming(old) or "does not read back" in arming(old))
    assert bool(gate_law.beam_is_off(passage(old, SENT_REST, None))) is (part != "monitor_asked_at_s")


def test_a_plan_that_is_not_the_terms_own_is_refused_by_that_name_even_after_the_terms_passed() -> None:
    """Terms that passed before need no second proof, but the plan that comes with them does."""
    other = Plan(1, 2, 3, 4, PLAN.staging, PLAN.staging_crc)
    for before in (SENT_REST, sent(SENT_REST, terms=TERMS)):
        command = SetUp(other)
        assert "not that of the confirmed terms" in gate_law.set_up(passage(readings(), before, command), command)


@pytest.mark.parametrize(
    ("preset_ms", "limit_s", "passes"),
    [
        (1, 160.0, True),
        (0, 160.0, False),
        (160_001, 160.0, True),
        (160_002, 160.0, False),
        (160_002, 160.00095, False),
    ],
)
def test_a_preset_is_above_0_and_at_most_1_ms_above_its_limit(preset_ms: int, limit_s: float, passes: bool) -> None:
    """1 ms for rounding, and not more."""
    staging = preset_ms.to_bytes(4, "big") + PLAN.staging[4:]
    plan = Plan(1, 2, 3, 4, staging, zlib.crc32(staging))
    words = gate_law.plan_wrong(plan, terms(plan=plan, digest=plan.digest(), timer_limit_s=limit_s))
    assert ("timer preset" not in words) is passes


def test_arm_needs_terms_even_where_none_are_wanted() -> None:
    """No terms were set up and none are confirmed: equal, and nothing to arm."""
    p = passage(committed(), sent(SENT_SET_UP, terms=None), ARM, wanted=Wanted(ARM))
    assert "not what was confirmed" in gate_law.arm(p, ARM)


@pytest.mark.parametrize(("last_armed", "last_on"), [(TOKEN, 0), (0, TOKEN), (TOKEN + 1, 3), (3, TOKEN + 1)])
def test_a_token_is_above_every_one_that_was_armed_or_switched_on(last_armed: int, last_on: int) -> None:
    """Either of the two memories is enough to refuse it."""
    assert "used before" in arming(last_armed=last_armed, last_on=last_on)


@pytest.mark.parametrize("channel", ["unit_contacts_a", "unit_contacts_b"])
def test_a_switch_that_either_channel_reads_pressed_is_pressed(channel: str) -> None:
    """One channel is enough, behind whatever the rules say of the two."""
    assert "switch is pressed" in arming(committed(**{channel: CONTACTS | SWITCH}))


@pytest.mark.parametrize(("kv", "passes"), [(4.9, True), (5.0, False)])
def test_no_high_voltage_is_there_to_arm_over(kv: float, passes: bool) -> None:
    """Below 5 % of full scale, and read at all."""
    assert "read back less than" in arming(committed(monitor=None))
    assert ("read back less than" not in arming(committed(monitor_kv=kv))) is passes


@pytest.mark.parametrize(
    ("looked_at_s", "now_s", "passes"),
    [
        (0.0, 0.020, True),
        (0.0, 0.0201, False),
        (0.001, 0.0, True),
        (0.00105, 0.0, False),
    ],
)
def test_on_leaves_from_1_ms_before_to_20_ms_after_its_look(looked_at_s: float, now_s: float, passes: bool) -> None:
    """Both bounds belong to it, and nothing beyond."""
    given = {"sent": sent(SENT_ARMED, armed_at_s=-20.0), "looked_at_s": looked_at_s, "now_s": now_s}
    assert ("since the look" not in switching_on(pressed(0.0), **given)) is passes


def test_on_is_once_by_either_memory_and_needs_the_press_count_of_arm() -> None:
    """By the last token that was switched on, by the time of ON in this permission; without a count at ARM no press is one."""
    assert "sent before" in switching_on(last_on=TOKEN)
    assert "sent before" in switching_on(sent=sent(SENT_ARMED, on_at_s=T0 - 1.0))
    assert "press count" in switching_on(sent=sent(SENT_ARMED, press_count=None))


def test_a_verdict_that_forbids_is_obeyed_whatever_else_it_says() -> None:
    """Forbidding alone, blocking alone, and neither with a reason; the worst finding is the one that is told."""
    for ask in (arming, switching_on):
        assert "forbids beam: door" in ask(verdict=verdict("door", "air", forbids=True))
        assert "not ready: air" in ask(verdict=verdict("air", "door", blocks=("air",)))
        assert "does not say why" in ask(verdict=verdict(forbids=True))
    assert "forbids beam" in holding(verdict=verdict("door", forbids=True))
    assert holding(verdict=verdict("air", blocks=("air",))) == ""


@pytest.mark.parametrize(
    ("r", "before", "words"),
    [
        (armed(), sent(SENT_ARMED, armed_at_s=None), "is not armed"),
        (armed(), sent(SENT_ARMED, token=TOKEN + 1), "is not armed"),
        (readings(unit=None), SENT_ARMED, "has not been read since ARM"),
        (armed(unit_asked_at_s=T0 - 20.0), SENT_ARMED, "has not been read since ARM"),
        (armed(unit_token=TOKEN + 1), SENT_ARMED, f"not armed for {TOKEN}"),
    ],
)
def test_hold_needs_the_unit_read_after_arm_with_this_token(r: Readings, before: Sent, words: str) -> None:
    """Each alone: no ARM, another token armed, no unit, a status asked for in the moment of ARM, another token in the unit."""
    assert words in holding(r, sent=before)


def test_arm_needs_a_committed_unit_even_where_no_rule_says_so() -> None:
    """Behind the rule presets_committed: a unit that is IDLE, or ended, is not armed."""
    for state in (UnitState.IDLE, UnitState.ENDED, UnitState.LATCHED):
        assert "not COMMITTED" in arming(committed(unit_state=int(state)))


def test_on_needs_the_same_boot_even_where_no_rule_says_so() -> None:
    """Behind the rule boot_count: a unit that restarted since ARM gets no ON, though it reads RUN with the token."""
    assert "boot count" in switching_on(pressed(unit_boot_count=4))


def test_a_second_arm_without_a_status_names_the_status_where_no_rule_does() -> None:
    """The rule of the unit's link says it first; the law does not lean on that."""
    silent = msgspec.structs.replace(armed(), unit=None)
    assert "status is missing" in arming(silent, sent=SENT_ARMED)
    assert arming(silent, sent=SENT_ARMED, verdict=verdict("the link is lost", forbids=True)).endswith(
        "the link is lost"
    )
