"""Barriers that stand behind another one, each with the other taken away: what the rules already forbid, the gate's own law refuses as well."""

from typing import Any

import msgspec
import pytest
from interlock_bench import (
    BEAMING,
    CAPABILITIES,
    LIMITS,
    PLAN,
    QUIET,
    RULES,
    SENT_ARMED,
    SENT_ON,
    SENT_REST,
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

from hal.commands import Arm, ClearFaults, Off, On, Watch
from hal.readings import Readings
from hal.units import Seconds
from interlocks import rules
from interlocks.gate import Gate, GateKept, Permit
from interlocks.gate_law import Passage
from interlocks.judge import judge
from interlocks.look import UNIT, Memory
from interlocks.words import Clears, Finding, Sent, Trip, Truth, Verdict, Wanted

NOTHING_FOUND = Verdict(1, T0, b"", (), (), False)


def _passage(r: Readings, sent: Sent, command: Any, **changes: Any) -> Passage:
    """A question to the gate's law under a verdict that has found nothing."""
    p = Passage(T0, T0, r, NOTHING_FOUND, sent, Wanted(command, TERMS), LIMITS, RULES, False, 0, 0)
    return msgspec.structs.replace(p, **changes)


def test_what_is_kept_of_a_gate_is_taken_up_shut_and_with_its_spent_tokens() -> None:
    """A gate that goes on from another's memory starts shut, and never sends ON for a token that the other spent."""
    machine = FakeMachine()
    gate = Gate(machine, LIMITS, FakeClock(), TICK_S, RULES)
    kept = msgspec.structs.replace(
        gate.keep(), last_on=TOKEN, last_armed=TOKEN, sent=SENT_ARMED, off_left=True, off_tried_s=T0, tick=5
    )
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


def _taken_up(sent: Sent, **changes: Any) -> tuple[Gate, FakeMachine, FakeClock]:
    """A gate that goes on from a memory, at time 0 of its clock."""
    machine, clock = FakeMachine(), FakeClock(0.0)
    gate = Gate(machine, LIMITS, clock, TICK_S, RULES)
    gate.take_up(msgspec.structs.replace(gate.keep(), sent=sent, **changes))
    return gate, machine, clock


OFF = Wanted(Off(), TERMS)


def test_a_new_gate_remembers_nothing() -> None:
    """No token, no tick, no OFF that has left; it has not read a clock."""
    gate = Gate(FakeMachine(), LIMITS, FakeClock(), TICK_S, RULES)
    assert gate.keep() == GateKept(Sent(), Memory(), 0, 0, 0, False, None)
    assert gate.passed_at_s == 0.0


def test_ticks_are_counted_and_stand_in_what_is_sent() -> None:
    """Each look is one more, and its number is in the verdict and in whatever is let out in it."""
    machine = FakeMachine()
    gate = Gate(machine, LIMITS, FakeClock(), TICK_S, RULES)
    for number in (1, 2, 3):
        _, verdict = gate.look(Seconds(T0), QUIET)
        assert verdict.tick == number
        wanted = OFF if number == 2 else Wanted(Watch(), TERMS)
        assert gate.pass_on(wanted, verdict).tick == number


@pytest.mark.parametrize("out", ["open", "armed", "on", "nothing"])
def test_off_goes_at_once_where_anything_is_out_though_one_has_just_left(out: str) -> None:
    """An open gate, an ARM, an ON, each alone: the 100 ms are for a gate with nothing out. Its time is that of the permission's end."""
    sent = {"armed": Sent(armed_at_s=-1.0, off_at_s=-9.0), "on": Sent(on_at_s=-1.0, off_at_s=-9.0)}.get(out, Sent())
    gate, machine, _ = _taken_up(sent, off_left=True, off_tried_s=0.0)
    gate._open = out == "open"
    after = gate.pass_on(OFF, NOTHING_FOUND)
    assert len(machine.offs) == (0 if out == "nothing" else 1)
    assert after.off_at_s == (0.0 if out in ("armed", "on") else None)
    assert after.beam_off_at_s == (0.0 if out == "on" else None)
    assert after.command == "off"


@pytest.mark.parametrize(("tried_s", "now_s", "again"), [(0.0, 0.1, True), (0.0, 0.0999, False), (None, 0.0, True)])
def test_off_is_repeated_from_100_ms_on_and_where_none_was_tried(
    tried_s: float | None, now_s: float, again: bool
) -> None:
    """To the last bit."""
    gate, machine, clock = _taken_up(Sent(), off_left=True, off_tried_s=tried_s)
    clock.now = now_s
    gate.pass_on(OFF, NOTHING_FOUND)
    assert bool(machine.offs) is again


def test_what_is_said_of_an_off_is_this_ticks_and_says_no_old_refusal() -> None:
    """Within the 100 ms nothing is sent, and still what was sent is OFF without a refusal."""
    gate, machine, _ = _taken_up(Sent(command="off", refused="HOLD refused"), off_left=True, off_tried_s=0.0, tick=4)
    after = gate.pass_on(OFF, NOTHING_FOUND)
    assert (after.command, after.refused, after.tick) == ("off", "", 4) and machine.offs == []


def test_an_off_that_raised_is_not_taken_for_one_that_left() -> None:
    """The wire breaks in the middle of OFF: the next one is sent at once."""
    gate, machine, _ = _taken_up(SENT_ARMED, off_left=True, off_tried_s=0.0)
    machine.breaks = OSError("wire")
    with pytest.raises(OSError, match="wire"):
        gate.pass_on(OFF, NOTHING_FOUND)
    machine.breaks = None
    assert not gate.keep().off_left


@pytest.mark.parametrize(
    ("age_s", "renews"), [(0.0, True), (1.5 * TICK_S + 0.005, True), (1.5 * TICK_S + 0.00501, False)]
)
def test_a_permit_is_good_to_the_last_bit_of_its_time_and_of_an_open_gate_only(age_s: float, renews: bool) -> None:
    """Behind that whoever shuts the gate takes its permit too: a permit of a shut gate renews nothing."""
    for is_open in (True, False):
        gate, machine, clock = _taken_up(SENT_ARMED)
        gate._open, gate._permit = is_open, Permit(TOKEN, 200, 0.0)
        clock.now = age_s
        gate.ask(Seconds(age_s))
        assert (machine.renewals[-1] is not None) is (renews and is_open)


@pytest.mark.parametrize("how", ["off", "off again", "shut", "refused"])
def test_whoever_shuts_the_gate_takes_the_permit_and_says_off(how: str) -> None:
    """Behind that a shut gate spends no permit: there is none to spend."""
    gate, _, _ = _taken_up(SENT_REST, off_left=True, off_tried_s=0.0)
    gate._permit = Permit(TOKEN, 200, 0.0)
    if how == "off":
        gate._open = True
    if how == "shut":
        gate.shut(Seconds(0.0))
    elif how == "refused":
        gate.pass_on(Wanted(On(TOKEN), TERMS), NOTHING_FOUND)
    else:
        gate.pass_on(OFF, NOTHING_FOUND)
    assert gate._permit is None and not gate.open and gate.sent.command == "off"
    assert bool(gate.sent.refused) is (how == "refused")


def test_shut_uses_up_the_verdict_of_its_tick() -> None:
    """A command that was judged before the gate was shut does not pass after it."""
    machine = FakeMachine()
    gate = Gate(machine, LIMITS, FakeClock(), TICK_S, RULES)
    _, verdict = gate.look(Seconds(T0), QUIET)
    gate.shut(Seconds(T0))
    assert "used up" in gate.pass_on(Wanted(Watch(), TERMS), verdict).refused and machine.written == []


def test_arm_and_on_spend_their_token_for_good_and_take_back_that_off_has_left() -> None:
    """Each of the two memories by itself; and the next OFF is the first of its permission."""
    machine = FakeMachine()
    gate = Gate(machine, LIMITS, FakeClock(), TICK_S, RULES)
    gate.take_up(msgspec.structs.replace(gate.keep(), sent=SENT_SET_UP, off_left=True, off_tried_s=T0))
    clean = _passage(committed(), SENT_SET_UP, None)
    armed = gate._arm(clean, Arm(TOKEN, PLAN.staging_crc))
    assert armed.command == "arm" and gate.keep().last_armed == TOKEN and not gate.keep().off_left
    sent = msgspec.structs.replace(SENT_ARMED, on_at_s=None, refused="WATCH refused")
    gate.take_up(msgspec.structs.replace(gate.keep(), sent=sent, off_left=True, off_tried_s=T0, tick=9))
    on = gate._on(_passage(pressed(), sent, None), On(TOKEN))
    assert (on.command, on.refused, on.tick) == ("on", "", 9)
    assert gate.keep().last_on == TOKEN and not gate.keep().off_left


def test_the_off_that_ended_an_on_is_kept_through_a_permission_without_one() -> None:
    """Armed anew, and let go: only the time of the permission's own OFF moves, for only an ON leaves a cable to discharge."""
    gate = Gate(FakeMachine(), LIMITS, FakeClock(), TICK_S, RULES)
    sent = msgspec.structs.replace(SENT_SET_UP, off_at_s=T0 - 9.0, beam_off_at_s=T0 - 9.0)
    gate.take_up(msgspec.structs.replace(gate.keep(), sent=sent))
    armed = gate._arm(_passage(committed(), sent, None), Arm(TOKEN, PLAN.staging_crc))
    assert (armed.command, armed.off_at_s, armed.beam_off_at_s) == ("arm", T0 - 9.0, T0 - 9.0)
    after = gate.pass_on(OFF, NOTHING_FOUND)
    assert (after.off_at_s, after.beam_off_at_s) == (T0, T0 - 9.0)


@pytest.mark.parametrize("out", ["open", "armed", "on", "nothing"])
def test_a_service_verb_is_off_where_anything_is_out_and_else_leaves_all_as_it_is(out: str) -> None:
    """An open gate, an ARM, an ON, each alone; with nothing out the refusal is words, and OFF is not sent."""
    sent = {"armed": Sent(armed_at_s=-1.0), "on": Sent(on_at_s=-1.0)}.get(out, Sent())
    gate, machine, _ = _taken_up(sent)
    gate._open = out == "open"
    after = gate._rest(_passage(committed(unit=None), sent, None, open=gate.open), ClearFaults())
    assert bool(machine.offs) is (out != "nothing") and "clear_faults refused" in after.refused


def test_a_service_verb_other_than_set_up_sets_nothing_up() -> None:
    """Terms that are wanted beside it are not taken for set up, and the next OFF is sent at once."""
    gate, _, _ = _taken_up(Sent(), off_left=True, off_tried_s=0.0)
    after = gate._rest(_passage(committed(), Sent(), None), ClearFaults())
    assert after.command == "clear_faults" and after.terms is None and after.set_up_at_s is None
    assert not gate.keep().off_left


def test_arm_that_is_on_its_way_is_taken_back_by_a_verdict_that_only_forbids() -> None:
    """Nothing blocks a start by name, and still the beam is forbidden: OFF."""
    forbids = Verdict(1, T0, b"", (Finding("door", Truth.FALSE, Trip.TRIP_STOP, Clears.BY_ITSELF, "door"),), (), True)
    for verdict in (forbids, msgspec.structs.replace(forbids, forbids_beam=False, blocks_start=("door",))):
        gate, machine, _ = _taken_up(SENT_ARMED)
        arm = Arm(TOKEN, PLAN.staging_crc)
        after = gate._arm(_passage(committed(), SENT_ARMED, arm, verdict=verdict), arm)
        assert after.command == "off" and "door" in after.refused and machine.offs


def test_arm_that_is_on_its_way_is_taken_back_when_the_unit_is_not_read() -> None:
    """The wish is repeated and there is no status to see it by: OFF."""
    gate, machine, _ = _taken_up(SENT_ARMED)
    arm = Arm(TOKEN, PLAN.staging_crc)
    after = gate._arm(_passage(committed(unit=None), SENT_ARMED, arm), arm)
    assert after.command == "off" and machine.offs and machine.written == []


def test_the_reflex_is_no_refusal() -> None:
    """Nobody had wanted anything: OFF is said without words of refusal."""
    gate, machine, _ = _taken_up(SENT_ARMED)
    gate._open = True
    machine.says = committed(unit=None)
    gate.look(Seconds(0.0), QUIET)
    assert machine.offs and (gate.sent.command, gate.sent.refused) == ("off", "")


def test_a_refused_service_verb_leaves_what_is_set_up_and_a_watch_refuses_nothing() -> None:
    """A lost reply does not undo a set-up; and WATCH, which always passes, has no words of refusal."""
    gate, machine, _ = _taken_up(SENT_SET_UP)
    after = gate._rest(_passage(committed(unit=None), SENT_SET_UP, None), ClearFaults())
    assert after.command == "watch" and after.set_up_at_s == SENT_SET_UP.set_up_at_s
    machine.says = committed()
    _, verdict = gate.look(Seconds(0.0), QUIET)
    assert gate.pass_on(Wanted(Watch(), TERMS), verdict).refused == ""
