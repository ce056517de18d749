"""Barriers that stand behind another one, each with the other taken away: what the rules already forbid, the gate's own law refuses as well."""

from typing import Any

import msgspec
import pytest
from interlock_bench import (
    BEAMING,
    CAPABILITIES,
    LIMITS,
    PLAN,
    RULES,
    SENT_ARMED,
    SENT_ON,
    SENT_SET_UP,
    T0,
    TERMS,
    TICK_S,
    TOKEN,
    FakeClock,
    FakeMachine,
    beaming,
    committed,
    pressed,
    truth_of,
)

from hal.commands import Arm, On
from hal.readings import Readings, UnitState
from hal.units import Seconds
from interlocks import gate_law, rules
from interlocks.gate import Gate
from interlocks.gate_law import Passage
from interlocks.judge import judge
from interlocks.look import UNIT, Memory
from interlocks.words import Sent, Truth, Verdict, Wanted

NOTHING_FOUND = Verdict(1, T0, b"", (), (), False)


def _passage(r: Readings, sent: Sent, command: Any, **changes: Any) -> Passage:
    """A question to the gate's law under a verdict that has found nothing."""
    p = Passage(T0, T0, r, NOTHING_FOUND, sent, Wanted(command, TERMS), LIMITS, RULES, False, 0, 0)
    return msgspec.structs.replace(p, **changes)


def test_arm_needs_a_committed_unit_even_where_no_rule_says_so() -> None:
    """Behind the rule presets_committed: a unit that is IDLE, or ended, is not armed."""
    arm = Arm(TOKEN, PLAN.staging_crc)
    assert gate_law.arm(_passage(committed(), SENT_SET_UP, arm), arm) == ""
    for state in (UnitState.IDLE, UnitState.ENDED, UnitState.LATCHED):
        words = gate_law.arm(_passage(committed(unit_state=int(state)), SENT_SET_UP, arm), arm)
        assert "not COMMITTED" in words


def test_on_needs_the_same_boot_even_where_no_rule_says_so() -> None:
    """Behind the rule boot_count: a unit that restarted since ARM gets no ON, though it reads RUN with the token."""
    on = On(TOKEN)
    sent = msgspec.structs.replace(SENT_ARMED, on_at_s=None)
    assert gate_law.on(_passage(pressed(), sent, on), on) == ""
    assert "boot count" in gate_law.on(_passage(pressed(unit_boot_count=4), sent, on), on)


def test_what_is_kept_of_a_gate_is_taken_up_shut_and_with_its_spent_tokens() -> None:
    """A gate that goes on from another's memory starts shut, and never sends ON for a token that the other spent."""
    machine = FakeMachine()
    gate = Gate(machine, LIMITS, FakeClock(), TICK_S, RULES)
    kept = msgspec.structs.replace(gate.keep(), last_on=TOKEN, last_armed=TOKEN, sent=SENT_ARMED)
    after = Gate(machine, LIMITS, FakeClock(), TICK_S, RULES)
    after.take_up(kept)
    assert not after.open
    assert after.keep() == kept
    machine.says = pressed()
    _, verdict = after.look(Seconds(T0), BEAMING)
    assert "was sent before" in after.pass_on(Wanted(On(TOKEN), TERMS), verdict).refused


def test_the_gate_hands_on_what_the_machine_says_of_itself() -> None:
    """Nobody else holds the machine: descriptors, capabilities, logs and figures come through, and the rules are those it judges by."""
    machine = FakeMachine()
    gate = Gate(machine, LIMITS, FakeClock(), TICK_S, RULES)
    assert (gate.fds, gate.capabilities, gate.logs, gate.figures()) == ((), CAPABILITIES, {}, {})
    assert gate.rules is RULES


def test_shut_sends_off_even_if_nothing_can_be_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no memory left for its own notes, the bytes of OFF have gone out all the same, and nothing is raised."""

    def none_left(*_: Any) -> Sent:
        raise MemoryError

    machine = FakeMachine()
    gate = Gate(machine, LIMITS, FakeClock(), TICK_S, RULES)
    monkeypatch.setattr(Gate, "_after_off", none_left)
    gate.shut()
    assert machine.offs


def test_counts_that_cannot_be_known_are_stale_and_not_enough() -> None:
    """High voltage seen for seconds and no rate to judge by, because the counters began anew: no_dose cannot be told, and that ends the beam."""
    memory = Memory(armed_seen=True, hv_seen_at_s=T0 - 5.0, boot_count=3)
    verdict, _ = judge(beaming(), BEAMING, SENT_ON, memory, RULES)
    assert truth_of(verdict, "no_dose") is Truth.STALE
    assert truth_of(verdict, "no_signal") is Truth.STALE
    assert verdict.forbids_beam


def test_one_status_read_twice_is_one_place_of_the_trail() -> None:
    """A slow wire gives the same status again: no rate is made of it."""
    r = beaming()
    _, first = judge(r, BEAMING, SENT_ON, Memory(), RULES)
    _, again = judge(r, BEAMING, SENT_ON, first, RULES)
    assert len(first.trail) == 1
    assert again.trail is first.trail


def test_two_rules_of_one_name_are_no_table() -> None:
    """A doubled id would hide one rule's answer behind the other's."""
    with pytest.raises(ValueError, match="door"):
        rules.distinct((*rules.TABLE, next(row for row in rules.TABLE if row.id == "door")))


def test_how_old_the_evidence_of_a_rule_may_be() -> None:
    """The youngest bound of what it stands on; a rule that stands on no reading has none."""
    by_id = {row.id: row for row in rules.TABLE}
    unit_bound = RULES.stale_after_s[[bit for bit, _ in rules.SOURCES].index(UNIT)]
    assert RULES.stale_after(by_id["door"]) == unit_bound
    assert RULES.stale_after(by_id["air"]) == unit_bound
    assert RULES.stale_after(by_id["tick_gap"]) is None
