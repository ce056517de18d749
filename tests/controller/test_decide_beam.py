"""Beam on and on its way off: what each end by the safety unit means, when beam counts as steady, by what evidence STOPPING is left, and what it is called."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from decide_bench import (
    CLOSED,
    DOOR,
    LOST,
    NOW,
    OFF_BAD,
    OFF_GOOD,
    QUIET,
    RATES,
    SENT_ON,
    SETTINGS,
    TOKEN,
    TOKENED,
    beaming,
    decided,
    event_of,
    facts,
    finding,
    pressed,
    readings,
    stage,
    verdict,
)

from controller.case import Case
from controller.channels import smallest_rest_mgy
from controller.decide import SETTLE_S, WHILE_BEAM, cause_event, settled_event
from controller.dose import Dose
from controller.entries import Outcome
from controller.off import SLOW_FRESH_S
from controller.prescribed import Quality
from controller.states import BEAM, Event, State
from hal.readings import Cause, Purpose, Termination, UnitState
from interlocks.cold import left_kv, most_ma
from interlocks.words import Sent, Trip

IRRADIATING = stage(State.IRRADIATING)
STARTING = stage(State.STARTING)
BEAM_FACTS = facts(TOKENED, sent=SENT_ON)

EVENTS = {
    Cause.NONE: "TRIP_FAULT",
    Cause.LEASE: "TRIP_STOP",
    Cause.K1_LIMIT: "TIME_END",
    Cause.COUNT2: "TIME_END",
    Cause.RATE: "TRIP_FAULT",
    Cause.NO_DOSE: "TRIP_STOP",
    Cause.DISAGREE: "TRIP_FAULT",
    Cause.ESTOP: "TRIP_STOP",
    Cause.DOOR: "TRIP_STOP",
    Cause.KEY: "KEY_OFF",
    Cause.CONTACT: "TRIP_STOP",
    Cause.SWITCH: "TRIP_STOP",
    Cause.APPL: "TRIP_STOP",
    Cause.FILTER: "TRIP_STOP",
    Cause.PAIR: "TRIP_FAULT",
    Cause.MIRROR: "TRIP_FAULT",
    Cause.DISARM: "TRIP_STOP",
    Cause.LAMP: "TRIP_STOP",
    Cause.REBOOT: "UNIT_REBOOT",
    Cause.SPONTANEOUS: "TRIP_FAULT",
    Cause.HARD_CAP: "TIME_END",
    Cause.START_WINDOW: "TRIP_STOP",
    Cause.ARM_WINDOW: "TRIP_STOP",
    Cause.TEST_PULSE: "TRIP_FAULT",
}
"""What the presets do not decide; written out once more, so that the table in the code is held against a second one."""
ENDS = {
    (Cause.COUNT_PRESET, Termination.MONITOR): "DOSE_END",
    (Cause.COUNT_PRESET, Termination.TIME): "TIME_END",
    (Cause.TIME_PRESET, Termination.MONITOR): "TIME_END",
    (Cause.TIME_PRESET, Termination.TIME): "DOSE_END",
}


@pytest.mark.parametrize("termination", list(Termination))
def test_every_cause_register_has_an_event_that_stops(termination: Termination) -> None:
    """All 256 causes, and far beyond, in both terminations: the table's event, an unknown cause a fault; nothing is ignored and nothing goes on."""
    for number in [*range(256), 0xFFFF, -1]:
        known = Cause(number) if number in Cause._value2member_map_ else None
        if known is None:
            wanted = "TRIP_FAULT"
        else:
            wanted = ENDS.get((known, termination)) or EVENTS[known]
        assert cause_event(number, termination).name == wanted


def test_only_the_primary_preset_is_a_normal_end() -> None:
    """DOSE_END comes of exactly one cause in each termination."""
    for termination in Termination:
        ends = [n for n in range(256) if cause_event(n, termination) is Event.DOSE_END]
        assert ends == [Cause.COUNT_PRESET if termination is Termination.MONITOR else Cause.TIME_PRESET]


@pytest.mark.parametrize("at", [STARTING, IRRADIATING], ids=["STARTING", "IRRADIATING"])
@pytest.mark.parametrize("cause", [*Cause, 99])
def test_an_end_by_the_unit_is_heard_in_both_beam_states(at: Any, cause: int) -> None:
    """ENDED or LATCHED with our token: the cause's event and its name; short fractions end in STARTING."""
    for unit in (UnitState.ENDED, UnitState.LATCHED):
        told, _ = decided(at, beaming(unit_state=int(unit), unit_first_cause=int(cause)), BEAM_FACTS)
        assert told.event is cause_event(cause, SETTINGS.terms.termination)
        assert told.rule.startswith("unit:")


def test_an_end_of_another_token_is_not_ours_and_the_gate_s_off_for_it_ends_the_beam() -> None:
    """ENDED of a token that is not the exposure's says nothing about it, and the lease is not asked for then: HOLD is refused with OFF in that tick,
    and in the next one that is the end, in the refusal's words."""
    r = beaming(unit_state=int(UnitState.ENDED), unit_token=TOKEN - 1, unit_first_cause=int(Cause.COUNT_PRESET))
    assert event_of(IRRADIATING, r, BEAM_FACTS) is Event.NONE
    off = Sent(command="off", terms=SENT_ON.terms, refused="HOLD refused: another token")
    for at in (STARTING, IRRADIATING):
        told, _ = decided(at, r, facts(TOKENED, sent=off))
        assert (told.event, told.rule) == (Event.TRIP_STOP, "refused")
        assert told.words.startswith("HOLD refused: another token; first: ")
        door, _ = decided(at, r, facts(TOKENED, sent=off), verdict(DOOR))
        assert door.rule == "door", "where a verdict sent the off, its rule says why"


@pytest.mark.parametrize("unit", [UnitState.IDLE, UnitState.COMMITTED])
def test_a_unit_that_left_run_without_an_end_stops_the_beam(unit: UnitState) -> None:
    """IDLE in beam: stop."""
    assert event_of(IRRADIATING, beaming(unit_state=int(unit)), BEAM_FACTS) is Event.TRIP_STOP


def test_a_trip_beats_an_end_and_stop_beats_the_door() -> None:
    """In one tick the worst is taken: fault, STOP, door, end by time, end by dose."""
    ended = beaming(unit_state=int(UnitState.ENDED), unit_first_cause=int(Cause.COUNT_PRESET))
    assert event_of(IRRADIATING, ended, BEAM_FACTS) is Event.DOSE_END
    assert event_of(IRRADIATING, ended, BEAM_FACTS, verdict(DOOR)) is Event.TRIP_STOP
    assert event_of(IRRADIATING, ended, BEAM_FACTS, verdict(DOOR), stop=True) is Event.STOP
    fault = finding("kv_high", Trip.TRIP_FAULT)
    assert event_of(IRRADIATING, ended, BEAM_FACTS, verdict(DOOR, fault), stop=True) is Event.TRIP_FAULT


def test_a_rule_that_only_forbids_a_start_ends_no_beam() -> None:
    """The certificate that expires, the switch that is held: heard before beam, not in it."""
    for rule in ("calibration_valid", "switch_released", "leakage", "leakage_at_start", "generator_clear"):
        assert rule not in WHILE_BEAM
        one = verdict(finding(rule, Trip.TRIP_STOP), forbids=False)
        assert event_of(IRRADIATING, beaming(), BEAM_FACTS, one) is Event.NONE


@pytest.mark.parametrize("trip", list(Trip))
def test_every_trip_has_an_event_that_moves_beam(trip: Trip) -> None:
    """Each trip of a rule that is asked in beam ends it, except high voltage that nobody asked for, which in beam everybody did."""
    event = event_of(IRRADIATING, beaming(), BEAM_FACTS, verdict(finding("door", trip)))
    assert event is (Event.NONE if trip is Trip.HV_UNCOMMANDED else Event[trip.name])


def test_steady_beam_is_beam_ok() -> None:
    """The guard can be true."""
    assert event_of(STARTING, beaming(), BEAM_FACTS) is Event.BEAM_OK
    assert event_of(IRRADIATING, beaming(), BEAM_FACTS) is Event.NONE


@pytest.mark.parametrize(
    "changes",
    [
        {"monitor": None},
        {"monitor_asked_at_s": NOW - 1.001},
        {"monitor_kv": SETTINGS.terms.kv - 1.6},
        {"monitor_kv": SETTINGS.terms.kv + 1.6},
        {"monitor_kv": float("nan")},
        {"monitor_ma": 0.94 * SETTINGS.terms.ma},
        {"monitor_ma": 1.06 * SETTINGS.terms.ma},
        {"monitor_ma": float("nan")},
    ],
    ids=str,
)
def test_beam_is_not_ok_outside_its_windows(changes: dict[str, Any]) -> None:
    """kV or mA out of its window, no number, or a sample from before ON."""
    assert event_of(STARTING, beaming(**changes), BEAM_FACTS) is Event.NONE


@pytest.mark.parametrize(("rate_1", "rate_2"), [(0.0, 50.0), (50.0, 0.0), (0.0, 0.0), (float("nan"), 50.0)])
def test_both_chambers_must_count(rate_1: float, rate_2: float) -> None:
    """One silent chamber is no beam."""
    dose = msgspec.structs.replace(RATES, rate_1_mgy_per_s=rate_1, rate_2_mgy_per_s=rate_2)
    assert event_of(STARTING, beaming(), BEAM_FACTS, dose=dose) is Event.NONE


def test_an_on_that_was_never_sent_is_no_beam() -> None:
    """Refused by the gate: on_at_s is None, and STARTING runs out after 2 s."""
    refused = facts(TOKENED, sent=msgspec.structs.replace(SENT_ON, on_at_s=None))
    assert event_of(STARTING, beaming(), refused) is Event.NONE
    assert event_of(stage(State.STARTING, NOW - 2.01), pressed(), refused) is Event.EXPIRED
    assert event_of(stage(State.IRRADIATING, NOW - 1e5), beaming(), BEAM_FACTS) is Event.NONE


# A dry run: high voltage over a cold filament

DRY = msgspec.structs.replace(
    SETTINGS, terms=msgspec.structs.replace(SETTINGS.terms, purpose=Purpose.DRY_RUN, ma=0.0, d0_mgy=0.0)
)
DRY_FACTS = facts(msgspec.structs.replace(TOKENED, settings=DRY), sent=SENT_ON)
DRY_OFF = msgspec.structs.replace(DRY_FACTS, off=OFF_BAD, off_since_s=None)
DARK = Dose()


@pytest.mark.parametrize("cause", [*Cause, 99])
def test_a_count_ends_a_dry_run_as_a_fault(cause: int) -> None:
    """Channel 2's preset and the rate's comparator stand at the dark's there: what is an ordinary end of a beam is radiation where none was asked."""
    ended = beaming(unit_state=int(UnitState.ENDED), unit_first_cause=int(cause))
    told, _ = decided(IRRADIATING, ended, DRY_FACTS)
    if cause in (Cause.RATE, Cause.COUNT2):
        assert told.event is Event.TRIP_FAULT
        assert "radiation where none was asked" in told.words
        beam, _ = decided(IRRADIATING, ended, BEAM_FACTS)
        assert "radiation where none was asked" not in beam.words
    else:
        assert told.event is cause_event(cause, SETTINGS.terms.termination)
        assert "radiation" not in told.words


@pytest.mark.parametrize(
    ("ma", "off_kv", "ok"),
    [
        (0.0, 0.0, True),
        (most_ma(SETTINGS.terms.kv) - 1e-6, 0.0, True),
        (most_ma(SETTINGS.terms.kv), 0.0, True),
        (most_ma(SETTINGS.terms.kv) + 1e-6, 0.0, False),
        (SETTINGS.terms.ma, 0.0, False),
        (-0.01, 0.0, False),
        (float("nan"), 0.0, False),
        (0.0, 1.6, False),
        (0.0, -1.6, False),
    ],
)
def test_a_dry_run_is_on_by_its_high_voltage_alone(ma: float, off_kv: float, ok: bool) -> None:
    """No chamber counts, and no more current flows than a bleeder takes; with a beam's current it is none."""
    r = beaming(monitor_ma=ma, monitor_kv=SETTINGS.terms.kv + off_kv)
    assert event_of(STARTING, r, DRY_FACTS, dose=DARK) is (Event.BEAM_OK if ok else Event.NONE)
    assert event_of(STARTING, r, BEAM_FACTS, dose=DARK) is Event.NONE


def emptying(kv: float, **changes: Any) -> Any:
    """Off was sent, the contactor is open, and the cable still holds this."""
    given: dict[str, Any] = {"monitor_kv": kv, "flags_interlock_closed": True, "flags_interlock_open": False}
    return readings(**(given | changes))


LATE_S = max(SETTINGS.terms.t2_s, SETTINGS.terms.t2d_s) + 1.0
LEFT_KV = left_kv(SETTINGS.terms.kv, LATE_S)


@pytest.mark.parametrize(
    ("r", "event"),
    [
        (emptying(LEFT_KV - 0.1), Event.NONE),
        (emptying(LEFT_KV + 0.1), Event.OFF_UNVERIFIED),
        (emptying(LEFT_KV - 0.1, flags_hv_on=True), Event.OFF_UNVERIFIED),
        (emptying(LEFT_KV - 0.1, unit_relays=CLOSED), Event.OFF_UNVERIFIED),
    ],
    ids=["falls", "stands", "supply on", "contactor closed"],
)
def test_the_cable_of_a_dry_run_is_given_its_bleeders_time(r: Any, event: Event) -> None:
    """A second after the deadline: kV that a bleeder leaves is waited for, more is not; after a beam the same kV is stuck on."""
    late = stopping(Outcome.TERMINATED, NOW - LATE_S)
    assert event_of(late, r, DRY_OFF, dose=DARK) is event
    assert event_of(late, r, facts(TOKENED, off=OFF_BAD, off_since_s=None), dose=DARK) is Event.OFF_UNVERIFIED


# STOPPING


def dose(delivered_mgy: float, quality: Quality = Quality.GOOD) -> Dose:
    """A settled dose of the fraction."""
    return Dose(fraction_delivered_mgy=delivered_mgy, fraction_quality=quality)


WHOLE = dose(SETTINGS.d0_mgy)
TOLERANCE = smallest_rest_mgy(SETTINGS.d0_mgy)
PART = dose(0.5 * SETTINGS.d0_mgy)


def stopping(outcome: Outcome, since_s: float = NOW - 0.3) -> Any:
    """On the way off."""
    return stage(State.STOPPING, since_s, outcome=outcome, stopped_at_s=since_s)


@pytest.mark.parametrize(
    ("outcome", "given", "event"),
    [
        (Outcome.TERMINATED, WHOLE, "TERMINATED"),
        (Outcome.TERMINATED, dose(SETTINGS.d0_mgy - TOLERANCE + 1e-6), "TERMINATED"),
        (Outcome.TERMINATED, dose(SETTINGS.d0_mgy - TOLERANCE - 0.1), "INTERRUPTED"),
        (Outcome.TERMINATED, PART, "INTERRUPTED"),
        (Outcome.TERMINATED, dose(0.0), "INTERRUPTED"),
        (Outcome.INTERRUPTED, PART, "INTERRUPTED"),
        (Outcome.INTERRUPTED, dose(SETTINGS.d0_mgy - TOLERANCE + 0.1), "TERMINATED"),
        (Outcome.INTERRUPTED, WHOLE, "TERMINATED"),
        (Outcome.INTERRUPTED, dose(2 * SETTINGS.d0_mgy), "TERMINATED"),
        (Outcome.INTERRUPTED, dose(2 * SETTINGS.d0_mgy, Quality.UNKNOWN), "INTERRUPTED"),
        (Outcome.TERMINATED, dose(0.0, Quality.UNKNOWN), "TERMINATED"),
        (Outcome.INTERRUPTED, dose(float("nan")), "INTERRUPTED"),
        (Outcome.TERMINATED, dose(float("nan")), "INTERRUPTED"),
        (Outcome.FAULT, WHOLE, "FAULT"),
        (Outcome.FAULT, PART, "FAULT"),
        (Outcome.STUCK_ON, WHOLE, "FAULT"),
        (Outcome.VOID, WHOLE, "FAULT"),
    ],
)
def test_the_end_is_named_by_outcome_and_settled_dose(outcome: Outcome, given: Dose, event: str) -> None:
    """A stop with nothing left to give is TERMINATED, an end that fell short is not, a fault stays one; an unknown dose decides nothing."""
    assert settled_event(stopping(outcome), given, facts(TOKENED)) is Event[f"OFF_VERIFIED_{event}"]
    assert event_of(stopping(outcome), readings(), facts(TOKENED), dose=given) is Event[f"OFF_VERIFIED_{event}"]


@pytest.mark.parametrize("outcome", [Outcome.TERMINATED, Outcome.INTERRUPTED])
def test_a_dry_run_that_was_stopped_is_no_whole_one_though_it_has_no_dose_to_give(outcome: Outcome) -> None:
    """D0 is 0 and so nothing is left: only its time tells whether it was whole, and who stopped it says that it was not."""
    dry = msgspec.structs.replace(DRY, d0_mgy=0.0, rest_mgy=0.0, delivered_before_mgy=0.0)
    case = msgspec.structs.replace(TOKENED, settings=dry)
    assert settled_event(stopping(outcome), dose(0.0), facts(case)) is Event[f"OFF_VERIFIED_{outcome.name}"]


@pytest.mark.parametrize(
    ("lacks_mgy", "event"), [(0.0, "TERMINATED"), (TOLERANCE - 1.0, "TERMINATED"), (TOLERANCE + 1.0, "INTERRUPTED")]
)
def test_a_resume_from_the_high_bound_has_ended_with_its_own_rest(lacks_mgy: float, event: str) -> None:
    """Of a DEGRADED fraction less than D0 is delivered when its resume has given all that it was to give: that is its end, as it was planned."""
    before = 0.5 * SETTINGS.d0_mgy
    rest = SETTINGS.d0_mgy - (before + 3.0 * TOLERANCE)
    settings = msgspec.structs.replace(SETTINGS, delivered_before_mgy=before, rest_mgy=rest)
    case = msgspec.structs.replace(TOKENED, settings=settings)
    given = dose(before + rest - lacks_mgy, Quality.DEGRADED)
    for outcome in (Outcome.TERMINATED, Outcome.INTERRUPTED):
        assert settled_event(stopping(outcome), given, facts(case)) is Event[f"OFF_VERIFIED_{event}"]


@pytest.mark.parametrize(
    ("held_s", "ends"), [(0.0, False), (SETTLE_S - 0.01, False), (SETTLE_S + 1e-6, True), (50.0, True)]
)
def test_off_must_hold_before_the_dose_is_settled(held_s: float, ends: bool) -> None:
    """The tail is counted first."""
    f = facts(TOKENED, off_since_s=NOW - held_s)
    event = event_of(stopping(Outcome.INTERRUPTED), readings(), f, dose=PART)
    assert event is (Event.OFF_VERIFIED_INTERRUPTED if ends else Event.NONE)


@pytest.mark.parametrize("lost", [False, True])
def test_off_that_is_not_verified_in_time_is_stuck_on(lost: bool) -> None:
    """t2d, and the lease more when a link is lost; not a tick earlier, and not while off is verified."""
    t = SETTINGS.terms
    deadline_s = max(t.t2_s, t.t2d_s) + (t.lease_ms / 1000.0 if lost else 0.0)
    r = readings(unit_link=LOST) if lost else readings()
    bad = facts(TOKENED, off=OFF_BAD, off_since_s=None)
    assert event_of(stopping(Outcome.FAULT, NOW - deadline_s + 0.005), r, bad) is Event.NONE
    assert event_of(stopping(Outcome.FAULT, NOW - deadline_s - 0.005), r, bad) is Event.OFF_UNVERIFIED
    settling = facts(TOKENED, off=OFF_GOOD, off_since_s=NOW - 0.01)
    assert event_of(stopping(Outcome.FAULT, NOW - deadline_s - 9.0), r, settling) is Event.NONE


def test_without_settings_the_longest_deadline_holds() -> None:
    """Beam found at a start: 4 s."""
    bad = facts(Case(), off=OFF_BAD, off_since_s=None)
    assert event_of(stopping(Outcome.FAULT, NOW - 3.99), readings(), bad) is Event.NONE
    assert event_of(stopping(Outcome.FAULT, NOW - 4.01), readings(), bad) is Event.OFF_UNVERIFIED


@pytest.mark.parametrize(
    ("sent", "who"),
    [
        (SENT_ON, "another Modbus master"),
        (
            msgspec.structs.replace(SENT_ON, armed_at_s=None, on_at_s=None, command="off", refused="HOLD refused: x"),
            "x",
        ),
    ],
)
def test_a_disarm_says_whose_it_was(sent: Sent, who: str) -> None:
    """Anybody may disarm: while this program's permission is out, the words send nobody to look for the cause in here."""
    ended = beaming(unit_state=int(UnitState.ENDED), unit_first_cause=int(Cause.DISARM))
    told, _ = decided(IRRADIATING, ended, msgspec.structs.replace(BEAM_FACTS, sent=sent))
    assert told.event is Event.TRIP_STOP
    assert f"{who}: it was disarmed; first: " in told.words


@pytest.mark.parametrize(
    ("rates_at_s", "held_s", "ends"),
    [(NOW - 0.4, 0.55, False), (NOW - 0.4, 0.65, True), (None, 1.0, False), (None, SLOW_FRESH_S, True)],
)
def test_beam_found_at_a_start_ends_by_later_rates(rates_at_s: float | None, held_s: float, ends: bool) -> None:
    """Rates whose window reaches back before the off would say high voltage once more."""
    r = readings(slow=None) if rates_at_s is None else readings(slow_asked_at_s=rates_at_s)
    event = event_of(stopping(Outcome.FAULT), r, facts(Case(), off_since_s=NOW - held_s))
    assert event is (Event.OFF_VERIFIED_FAULT if ends else Event.NONE)


@pytest.mark.parametrize("trip", list(Trip))
def test_nothing_but_evidence_moves_stopping(trip: Trip) -> None:
    """Each trip is heard, to raise the outcome, and moves nothing; STOP likewise."""
    bad = facts(TOKENED, off=OFF_BAD, off_since_s=None)
    told, _ = decided(stopping(Outcome.INTERRUPTED, NOW - 0.05), beaming(), bad, verdict(finding("x", trip)), stop=True)
    assert told.event is Event.NONE
    assert told.heard is min(Event[trip.name], Event.STOP)


def test_a_trip_in_the_tick_of_the_evidence_does_not_keep_stopping() -> None:
    """Levels that outrank OFF_VERIFIED must not hold the exposure in STOPPING for ever."""
    told, _ = decided(
        stopping(Outcome.INTERRUPTED), readings(), facts(TOKENED), verdict(finding("g", Trip.GEN_LOST)), dose=PART
    )
    assert told.event is Event.OFF_VERIFIED_INTERRUPTED
    assert told.heard is Event.GEN_LOST


def test_the_quiet_tick_is_none() -> None:
    """No event in any state when nothing happened and the tests are not over."""
    for state in State:
        if state in (State.SELF_TEST, State.STOPPING):
            continue
        r = beaming() if state in BEAM else readings()
        assert event_of(stage(state), r, facts(TOKENED, sent=SENT_ON), QUIET, dose=Dose()) is Event.NONE
