"""The case in hand from tick to tick: offers, START and token, VOID and the one end, latches, and what is told to the records; over a ledger by hand."""

from __future__ import annotations

import zlib
from typing import Any, cast

import msgspec
import pytest
from decide_bench import (
    CLOSED,
    LOST,
    MACHINE,
    NOW,
    OFF_BAD,
    OFF_GOOD,
    OPEN,
    QUIET,
    SENT_REST,
    SETTINGS,
    TOKEN,
    armed,
    beaming,
    committed,
    finding,
    open_fraction,
    pressed,
    readings,
    stage,
    statement,
    verdict,
)
from dose_bench import LIMITS, RIG, certificate, prescribed

from controller.admission import Admission, Site
from controller.case import Case
from controller.dose import Dose, Meter
from controller.dossier import STRANGE_S, Dossier, Identity
from controller.entries import Ack, EntryType, Found, LatchCleared, LatchSet, Outcome, ResetDone, Start, Statement
from controller.exposure import Decided, Stage
from controller.guards import MAINS_OFF_S
from controller.ledger import Ledger
from controller.off import Evidence
from controller.requests import Close, Load, Request, Reset, Resume
from controller.settings import Settings
from controller.states import Event, State
from hal.readings import Readings, UnitState
from hal.units import Seconds
from interlocks.words import Clears, Sent, Trip, Verdict

P = prescribed()


class Book:
    """A ledger that keeps what is put, and whose recorder is this test."""

    def __init__(self) -> None:
        self.put_in: list[tuple[EntryType, Any]] = []
        self.statement: Statement | None = statement()
        self.ack: Ack | None = None
        self.durable_to = 10**9
        self.tokens: dict[tuple[int, int], int] = {}

    def put(self, kind: EntryType, entry: msgspec.Struct, _now: Seconds) -> tuple[int, bytes]:
        self.put_in.append((kind, entry))
        return len(self.put_in), msgspec.msgpack.encode(entry)

    def durable(self, seq: int) -> bool:
        return seq <= self.durable_to

    def token_of(self, start_seq: int, start_crc: int) -> int:
        return self.tokens.get((start_seq, start_crc), 0)

    def of(self, kind: EntryType) -> list[Any]:
        """The entries of this type."""
        return [entry for k, entry in self.put_in if k is kind]


class Count:
    """A meter that says one dose and remembers how often it was settled."""

    def __init__(self) -> None:
        self.dose = Dose(delivered_mgy=100.0, fraction_delivered_mgy=100.0, low_mgy=99.0, high_mgy=101.0)
        self.begun = 0
        self.settlings = 0

    def begin(self, _settings: Settings, _r: Readings, _now: float) -> None:
        self.begun += 1

    def settled(self, _r: Readings) -> Dose:
        self.settlings += 1
        return self.dose


class Bench:
    """One dossier, turned by hand."""

    def __init__(self) -> None:
        self.book, self.meter = Book(), Count()
        self.dossier = Dossier(
            cast(Ledger, self.book),
            cast(Meter, self.meter),
            certificate(),
            Site(LIMITS, RIG),
            Identity("rig", True, "i", "0.1.0", 1),
            MACHINE,
            Seconds(NOW - 100.0),
            1.9e9,
        )

    def tick(
        self, at: Stage, r: Readings, sent: Sent = SENT_REST, dose: Dose | None = None, judged: Verdict = QUIET
    ) -> Any:
        """What is known before the decision of one tick."""
        return self.dossier.facts(at, r, judged, dose if dose is not None else Dose(), sent, True)

    def move(
        self,
        before: State,
        after: State,
        event: Event,
        r: Readings | None = None,
        request: Request | None = None,
        off: Evidence = OFF_GOOD,
        v: Verdict = QUIET,
        rule: str = "",
        outcome: Outcome = Outcome.TERMINATED,
    ) -> Stage:
        """One transition, and what it leaves behind."""
        r = r if r is not None else readings()
        to = stage(after, r.now_s, entered=True, event=event, rule=rule, outcome=outcome)
        self.dossier.moved(stage(before), to, Decided(event, event, rule, "words"), r, v, request, SENT_REST, off)
        return to

    def load(self) -> None:
        """Into PREPARATORY with the bench's settings, K1 open for long."""
        self.tick(stage(State.STANDBY, NOW - 60.0), readings(now_s=NOW - 50.0))
        self.dossier.admission = Admission(settings=SETTINGS)
        self.move(State.STANDBY, State.PREPARATORY, Event.LOAD, request=Load(P, "anna"))

    def arm(self) -> Start:
        """Loaded, offered and confirmed: ARMING with a START in the ring."""
        self.load()
        self.tick(stage(State.PREPARATORY), committed())
        self.move(State.PREPARATORY, State.ARMING, Event.CONFIRM, committed())
        return cast(Start, self.book.of(EntryType.START)[-1])

    def take_token(self) -> None:
        """The START is durable."""
        self.book.tokens = {(self.case.start_seq, self.case.start_crc): TOKEN}
        self.tick(stage(State.ARMING), committed())

    @property
    def case(self) -> Case:
        return self.dossier.case


@pytest.fixture
def bench() -> Bench:
    return Bench()


# offers


def test_an_offer_is_made_when_the_devices_hold_the_plan(bench: Bench) -> None:
    """COMMITTED and read back equal; not before, and void as soon as it is no longer so."""
    bench.load()
    for r in (
        readings(),
        committed(unit_state=int(UnitState.IDLE)),
        committed(set_points=None),
        committed(active=None),
    ):
        bench.tick(stage(State.PREPARATORY), r)
        assert bench.case.offer_at_s is None
    bench.tick(stage(State.PREPARATORY), committed())
    assert (bench.case.offer_id, bench.case.offer_at_s) == (1, NOW)
    bench.tick(stage(State.PREPARATORY), committed(set_points_kv_counts=1))
    assert bench.case.offer_at_s is None
    bench.tick(stage(State.PREPARATORY), committed())
    assert bench.case.offer_id == 2


@pytest.mark.parametrize(("trip", "offered"), [(Trip.TRIP_STOP, False), (Trip.DESK_LOST, True)])
def test_nothing_is_offered_that_a_rule_would_take_back_in_the_same_tick(
    bench: Bench, trip: Trip, offered: bool
) -> None:
    """A door that stands open while a patient is laid down: the set is held and waits; it is offered when the door closes."""
    bench.load()
    judged = verdict(finding("door", trip))
    bench.tick(stage(State.PREPARATORY), committed(), judged=judged)
    assert (bench.case.offer_at_s is not None) is offered
    bench.tick(stage(State.PREPARATORY), committed())
    assert bench.case.offer_at_s == NOW


def test_no_offer_before_k1_has_been_open_for_the_units_second(bench: Bench) -> None:
    """The unit would refuse ARM; so the offer waits."""
    bench.load()
    bench.tick(stage(State.PREPARATORY), committed(unit_relays=CLOSED))
    for at_s, offered in ((0.1, False), (1.0, False), (1.3, True)):
        bench.tick(stage(State.PREPARATORY), committed(now_s=NOW + at_s))
        assert (bench.case.offer_at_s is not None) is offered


def test_an_offer_that_ran_out_is_followed_by_another(bench: Bench) -> None:
    """After 60 s a new number, not the old one longer."""
    bench.load()
    bench.tick(stage(State.PREPARATORY), committed())
    bench.tick(stage(State.PREPARATORY), committed(now_s=NOW + 59.0))
    assert bench.case.offer_id == 1
    bench.tick(stage(State.PREPARATORY), committed(now_s=NOW + 60.0))
    assert (bench.case.offer_id, bench.case.offer_at_s) == (2, NOW + 60.0)


def test_offer_numbers_are_never_given_twice(bench: Bench) -> None:
    """Not after an unload, a stop event, or a self-test."""
    seen = []
    for _ in range(3):
        bench.load()
        bench.tick(stage(State.PREPARATORY), committed())
        seen.append(bench.case.offer_id)
        bench.move(State.PREPARATORY, State.PREPARATORY, Event.TRIP_STOP)
        bench.tick(stage(State.PREPARATORY), readings())
        bench.tick(stage(State.PREPARATORY), committed())
        seen.append(bench.case.offer_id)
        bench.move(State.PREPARATORY, State.STANDBY, Event.EDIT)
    bench.move(State.STANDBY, State.SELF_TEST, Event.RETEST)
    bench.load()
    bench.tick(stage(State.PREPARATORY), committed())
    seen.append(bench.case.offer_id)
    assert len(set(seen)) == len(seen) == 7


def test_after_a_stop_event_the_unit_must_be_committed_anew(bench: Bench) -> None:
    """The commit from before is no ground for an offer: the unit must first have been seen at rest."""
    bench.load()
    bench.tick(stage(State.PREPARATORY), committed())
    bench.move(State.PREPARATORY, State.PREPARATORY, Event.TRIP_STOP)
    assert bench.case.recommit
    assert bench.case.offer_at_s is None
    bench.tick(stage(State.PREPARATORY), committed())
    assert bench.case.offer_at_s is None
    for unit in (UnitState.ARMED, UnitState.RUN, UnitState.LATCHED):
        bench.tick(stage(State.PREPARATORY), committed(unit_state=int(unit)))
        assert bench.case.recommit
    bench.tick(stage(State.PREPARATORY), readings())
    assert not bench.case.recommit
    assert bench.case.settings == SETTINGS
    assert bench.case.operator == "anna"


# START and token


def test_confirm_writes_one_start_and_begins_the_meter(bench: Bench) -> None:
    """With the settings' digest and the unit's registers as they stand; the offer is gone."""
    start = bench.arm()
    assert len(bench.book.of(EntryType.START)) == bench.meter.begun == 1
    assert (start.digest, start.fraction_tag, start.segment) == (SETTINGS.digest, SETTINGS.fraction_tag, 1)
    assert (start.unit_beam_ms, start.unit_counts_1, start.unit_counts_2) == (0, 0, 0)
    assert (start.operator, start.simulated, start.resume) == ("anna", True, False)
    assert bench.case.start_crc == zlib.crc32(msgspec.msgpack.encode(start))
    assert bench.case.offer_at_s is None
    assert bench.case.token == 0


def test_without_the_slow_block_there_is_no_start_and_so_no_token(bench: Bench) -> None:
    """A START over registers that were not read is not written; ARMING runs out."""
    bench.load()
    bench.move(State.PREPARATORY, State.ARMING, Event.CONFIRM, committed(slow=None))
    assert bench.book.of(EntryType.START) == []
    bench.book.tokens = {(0, 0): TOKEN}
    bench.tick(stage(State.ARMING), committed())
    assert bench.case.start_seq == 0


def test_the_token_is_taken_in_arming_only_and_once(bench: Bench) -> None:
    """That of our START; a later word of the recorder changes nothing."""
    bench.arm()
    key = (bench.case.start_seq, bench.case.start_crc)
    bench.book.tokens = {(key[0] + 1, key[1]): 7, (key[0], key[1] ^ 1): 8}
    bench.tick(stage(State.ARMING), committed())
    assert bench.case.token == 0
    bench.book.tokens[key] = TOKEN
    for state in (State.PREPARATORY, State.STANDBY, State.READY):
        bench.tick(stage(state), readings())
        assert bench.case.token == 0
    bench.tick(stage(State.ARMING), committed())
    assert bench.case.token == TOKEN
    bench.book.tokens[key] = TOKEN + 1
    bench.tick(stage(State.ARMING), committed())
    assert bench.case.token == TOKEN


# VOID and the end


@pytest.mark.parametrize("to", [State.STANDBY, State.PREPARATORY, State.SELF_TEST, State.FAULT])
@pytest.mark.parametrize("before", [State.ARMING, State.READY])
def test_an_exposure_without_beam_is_void_by_the_units_registers(bench: Bench, before: State, to: State) -> None:
    """Whatever took it out of ARMING or READY: one VOID, dose 0, and no second end afterwards."""
    bench.arm()
    bench.take_token()
    bench.move(before, to, Event.STOP, armed())
    (end,) = bench.book.of(EntryType.TERMINAL)
    assert end.void
    assert (end.outcome, end.delivered_mgy, end.high_mgy) == (Outcome.VOID, 0.0, 0.0)
    bench.move(State.STOPPING, State.FAULT, Event.OFF_VERIFIED_FAULT)
    assert len(bench.book.of(EntryType.TERMINAL)) == 1


@pytest.mark.parametrize(("known", "times"), [(False, 2), (True, 1)])
def test_an_end_that_another_recorder_does_not_know_is_written_once_more(bench: Bench, known: bool, times: int) -> None:
    """It calls it durable, for it is behind the last that it read, but it lay in a gap of the ring. It is not taken as on the disk until the second one is;
    a recorder that has it already, and the one that was there when it was put, are told nothing."""
    bench.book.ack = Ack(1, 0, 0, 0, TOKEN, 0)
    start = bench.arm()
    bench.book.tokens[(bench.case.start_seq, zlib.crc32(msgspec.msgpack.encode(start)))] = TOKEN
    bench.tick(stage(State.ARMING), committed())
    bench.move(State.STOPPING, State.FAULT, Event.OFF_VERIFIED_FAULT, outcome=Outcome.FAULT)
    (end,) = bench.book.of(EntryType.TERMINAL)
    first = bench.case.terminal_seq
    assert end.token == TOKEN
    bench.book.durable_to = first - 1
    assert not bench.tick(stage(State.FAULT), readings()).terminal_durable
    bench.book.ack = Ack(2, first, 0, 0, TOKEN, TOKEN if known else TOKEN - 1)
    bench.book.durable_to = first
    assert bench.tick(stage(State.FAULT), readings()).terminal_durable is known
    bench.dossier.refresh_ended()
    assert bench.dossier.ended is not None and bench.dossier.ended.durable is known
    bench.book.durable_to = bench.case.terminal_seq
    bench.book.ack = Ack(2, bench.case.terminal_seq, 0, 0, TOKEN, TOKEN)
    assert bench.tick(stage(State.FAULT), readings()).terminal_durable
    assert bench.book.of(EntryType.TERMINAL) == [end] * times


@pytest.mark.parametrize(("given", "times"), [(0, 1), (TOKEN, 2)])
def test_the_end_of_a_start_without_a_token_is_told_again_only_to_a_recorder_that_gave_it_one(
    bench: Bench, given: int, times: int
) -> None:
    """ARMING ended before a token was heard, and the recorder died. The next one has given it none: there is nothing to end. Or it has, and the end lay in a
    gap: that exposure would stay open."""
    bench.book.ack = Ack(1, 0, 0, 0, 0, TOKEN - 1)
    bench.arm()
    bench.move(State.ARMING, State.PREPARATORY, Event.EXPIRED, armed())
    (end,) = bench.book.of(EntryType.TERMINAL)
    bench.book.ack = Ack(2, 0, end.start_seq if given else 0, 0, given, TOKEN - 1)
    for _ in range(2):
        bench.tick(stage(State.PREPARATORY), readings())
    assert end.token == 0 and bench.book.of(EntryType.TERMINAL) == [end] * times


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_beam_ms": 1},
        {"unit_counts_1": 1},
        {"unit_counts_2": 1},
        {"unit_boot_count": 2},
        {"unit_link": LOST},
        {"unit": None},
        {"unit_state": int(UnitState.ENDED)},
    ],
    ids=str,
)
def test_void_needs_the_units_proof(bench: Bench, changes: dict[str, Any]) -> None:
    """One count, one millisecond, another boot or a lost link; or that it ended one with this token, whose last counts may still come: no VOID is written; the
    next FOUND settles it."""
    bench.arm()
    bench.take_token()
    bench.move(State.READY, State.STANDBY, Event.STOP, armed(**changes))
    assert bench.book.of(EntryType.TERMINAL) == []


@pytest.mark.parametrize("state", [UnitState.IDLE, UnitState.ENDED])
def test_a_permission_that_lapsed_is_void_whatever_the_unit_retains(bench: Bench, state: UnitState) -> None:
    """On a resume the unit goes back to what it retained, or to nothing: it did not run with this token."""
    bench.arm()
    bench.take_token()
    bench.move(State.READY, State.PREPARATORY, Event.TRIP_STOP, armed(unit_state=int(state), unit_token=TOKEN - 1))
    (end,) = bench.book.of(EntryType.TERMINAL)
    assert end.void


def test_before_the_records_give_a_token_nothing_can_have_run(bench: Bench) -> None:
    """Unloaded while START is on its way: token 0 of a unit that retains nothing is not this exposure's."""
    bench.arm()
    bench.move(State.ARMING, State.STANDBY, Event.EDIT, committed(unit_token=0))
    (end,) = bench.book.of(EntryType.TERMINAL)
    assert end.void


def test_high_voltage_before_on_is_no_void(bench: Bench) -> None:
    """READY to STUCK_ON: the exposure ends when high voltage has been gone for a while in this state, with the dose of then."""
    bench.arm()
    stuck = bench.move(State.READY, State.STUCK_ON, Event.HV_UNCOMMANDED, beaming(), off=OFF_BAD, rule="hv_uncommanded")
    assert bench.book.of(EntryType.TERMINAL) == []
    going = msgspec.structs.replace(stuck, entered=False)
    for at_s in (NOW + 0.1, NOW + 1.0, NOW + 1.1):
        r = readings(now_s=at_s) if at_s >= NOW + 1.0 else beaming(now_s=at_s)
        bench.tick(going, r)
        self_moved(bench, going, r)
    assert bench.book.of(EntryType.TERMINAL) == []
    for at_s in (NOW + 1.21, NOW + 1.3):
        bench.tick(going, readings(now_s=at_s))
        self_moved(bench, going, readings(now_s=at_s))
    (end,) = bench.book.of(EntryType.TERMINAL)
    assert end.outcome is Outcome.STUCK_ON
    assert not end.void


def self_moved(bench: Bench, at: Stage, r: Readings) -> None:
    """A tick in which nothing happened."""
    bench.dossier.moved(at, at, Decided(Event.NONE, Event.NONE), r, QUIET, None, SENT_REST, OFF_GOOD)


@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        (State.TERMINATED, Outcome.TERMINATED),
        (State.INTERRUPTED, Outcome.INTERRUPTED),
        (State.FAULT, Outcome.FAULT),
    ],
)
def test_leaving_stopping_writes_the_one_end(bench: Bench, to: State, outcome: Outcome) -> None:
    """With the settled dose, and shown to people as not yet durable until it is."""
    bench.arm()
    bench.book.durable_to = 0
    bench.move(State.STOPPING, to, Event.OFF_VERIFIED_FAULT, pressed(unit_relays=OPEN))
    (end,) = bench.book.of(EntryType.TERMINAL)
    assert (end.outcome, end.delivered_mgy, end.high_mgy) == (outcome, 100.0, 101.0)
    assert end.start_seq == bench.case.start_seq
    assert bench.meter.settlings == 1
    assert bench.dossier.ended is not None
    assert not bench.dossier.ended.durable
    assert not bench.tick(stage(to), readings()).terminal_durable
    bench.book.durable_to = 10**9
    bench.dossier.refresh_ended()
    assert bench.dossier.ended.durable
    assert bench.tick(stage(to), readings()).terminal_durable


def owed(bench: Bench) -> None:
    """In FAULT with the unit silent: off is proved, and the end is owed."""
    bench.arm()
    bench.move(State.STOPPING, State.FAULT, Event.OFF_VERIFIED_FAULT, readings(unit_link=LOST))
    assert bench.book.of(EntryType.TERMINAL) == []
    assert bench.dossier.ended is not None and not bench.dossier.ended.durable


def test_the_end_of_a_silent_units_exposure_waits_until_it_was_heard_for_a_second(bench: Bench) -> None:
    """Its counters are whole only past the cable's discharge; a link that comes and goes begins the second anew."""
    owed(bench)
    at = stage(State.FAULT)
    for now_s, silent in (
        (NOW + 1.0, False),
        (NOW + 1.9, False),
        (NOW + 1.95, True),
        (NOW + 2.1, False),
        (NOW + 3.0, False),
    ):
        self_moved(bench, at, readings(now_s=now_s, **({"unit_link": LOST} if silent else {})))
        assert bench.book.of(EntryType.TERMINAL) == [], now_s
    self_moved(bench, at, readings(now_s=NOW + 3.2))
    (end,) = bench.book.of(EntryType.TERMINAL)
    assert end.outcome is Outcome.FAULT and bench.meter.settlings == 1
    self_moved(bench, at, readings(now_s=NOW + 9.0))
    assert len(bench.book.of(EntryType.TERMINAL)) == 1


def test_the_end_of_a_silent_units_exposure_is_owed_for_15_s_and_no_longer(bench: Bench) -> None:
    """By the bounds then: nobody waits for a unit that does not come back."""
    owed(bench)
    self_moved(bench, stage(State.FAULT), readings(now_s=NOW + 14.9, unit_link=LOST))
    assert bench.book.of(EntryType.TERMINAL) == []
    self_moved(bench, stage(State.FAULT), readings(now_s=NOW + 15.1, unit_link=LOST))
    assert len(bench.book.of(EntryType.TERMINAL)) == 1


def test_an_end_that_is_owed_is_written_as_fault_is_left_and_never_to_the_next_exposure(bench: Bench) -> None:
    """A reset does not lose it, and a debt that outlived its exposure would end the one after."""
    owed(bench)
    first = bench.case.start_seq
    bench.move(
        State.FAULT,
        State.SELF_TEST,
        Event.RESET,
        readings(now_s=NOW + 0.5, unit_link=LOST),
        Reset("operator", "anna", "looked"),
    )
    (end,) = bench.book.of(EntryType.TERMINAL)
    assert end.start_seq == first
    bench.arm()
    for now_s in (NOW + 2.0, NOW + 20.0):
        self_moved(bench, stage(State.IRRADIATING), readings(now_s=now_s))
    assert len(bench.book.of(EntryType.TERMINAL)) == 1


def test_beam_found_at_a_start_has_no_end_of_its_own(bench: Bench) -> None:
    """No START, no TERMINAL."""
    bench.move(State.STOPPING, State.FAULT, Event.OFF_VERIFIED_FAULT)
    assert bench.book.of(EntryType.TERMINAL) == []


# latches


def test_a_latch_is_written_once_and_cleared_by_name(bench: Bench) -> None:
    """Set in beam, kept while it lasts, cleared with who and why; a class above stays."""
    door, kv = finding("door", Trip.TRIP_STOP), finding("kv_high", Trip.TRIP_FAULT, Clears.BY_PHYSICIST)
    for _ in range(3):
        bench.move(State.IRRADIATING, State.STOPPING, Event.TRIP_FAULT, v=verdict(door, kv))
    assert {entry.rule for entry in bench.book.of(EntryType.LATCH_SET)} == {"door", "kv_high"}
    assert len(bench.book.of(EntryType.LATCH_SET)) == 2
    request = Reset("operator", "anna", "closed it")
    bench.move(State.INTERRUPTED, State.INTERRUPTED, Event.RESET, request=request)
    (gone,) = bench.book.of(EntryType.LATCH_CLEARED)
    assert gone == LatchCleared("door", "operator", "anna", "closed it", gone.wall_s)
    assert [latch.rule for latch in bench.dossier.latches] == ["kv_high"]


@pytest.mark.parametrize(
    ("event", "rule", "clears"),
    [
        (Event.TIME_END, "unit:TIME_PRESET", Clears.BY_PHYSICIST),
        (Event.TRIP_FAULT, "unit:RATE", Clears.BY_PHYSICIST),
        (Event.UNIT_REBOOT, "unit:REBOOT", Clears.BY_OPERATOR),
    ],
)
def test_ends_that_only_the_unit_reports_latch_too(bench: Bench, event: Event, rule: str, clears: Clears) -> None:
    """No rule of the interlocks says them."""
    bench.move(State.IRRADIATING, State.STOPPING, event, rule=rule)
    (entry,) = bench.book.of(EntryType.LATCH_SET)
    assert (entry.rule, entry.clears) == (rule, clears)


@pytest.mark.parametrize("before", [State.STANDBY, State.PREPARATORY, State.READY, State.STOPPING, State.FAULT])
def test_stuck_on_leaves_its_own_latch_however_it_came(bench: Bench, before: State) -> None:
    """So that the next start finds it."""
    bench.move(before, State.STUCK_ON, Event.HV_UNCOMMANDED, off=OFF_BAD, rule="hv_uncommanded")
    entries = bench.book.of(EntryType.LATCH_SET)
    assert [(e.rule, e.clears) for e in entries if e.rule == "stuck_on"] == [("stuck_on", Clears.BY_SERVICE)]


def test_the_opening_statement_hands_latches_back_once(bench: Bench) -> None:
    """What the records hold is latched at the first statement; one cleared since does not come back with a later one."""
    bench.book.statement = None
    bench.tick(stage(State.SELF_TEST), readings())
    assert bench.dossier.latches == ()
    held = (LatchSet("door", Trip.TRIP_STOP, Clears.BY_OPERATOR, "w", 0.0),)
    bench.book.statement = statement(latches=held)
    bench.tick(stage(State.SELF_TEST), readings())
    assert [latch.rule for latch in bench.dossier.latches] == ["door"]
    bench.move(State.FAULT, State.SELF_TEST, Event.RESET, request=Reset("operator", "a", "b"))
    bench.tick(stage(State.SELF_TEST), readings())
    assert bench.dossier.latches == ()


# the unit's retained exposure


def test_a_reset_is_noted_once_when_it_reads_back(bench: Bench) -> None:
    """The token that was due, when the unit reads 0; not while the link is lost, and not twice."""
    bench.book.statement = statement(reset_due_token=TOKEN)
    ended = readings(unit_token=TOKEN, slow_fraction_tag=5)
    bench.tick(stage(State.STANDBY), ended)
    assert not bench.tick(stage(State.STANDBY), ended).reset_read_back
    bench.tick(stage(State.STANDBY), readings(unit_link=LOST))
    assert bench.book.of(EntryType.RESET_DONE) == []
    for _ in range(3):
        assert bench.tick(stage(State.STANDBY), readings()).reset_read_back
    assert bench.book.of(EntryType.RESET_DONE) == [ResetDone(TOKEN, 5)]


@pytest.mark.parametrize("state", [State.STANDBY, State.INTERRUPTED, State.TERMINATED])
def test_a_retained_token_that_the_records_do_not_know_is_told_once(bench: Bench, state: State) -> None:
    """After 1.5 s at rest; what they know, as open or as due, is never told."""
    for said in (statement(opens=(open_fraction(),)), statement(reset_due_token=TOKEN)):
        bench.book.statement = said
        for at_s in (NOW, NOW + 5.0):
            bench.tick(stage(state), readings(now_s=at_s, unit_state=int(UnitState.ENDED), unit_token=TOKEN))
    assert bench.book.of(EntryType.FOUND) == []
    bench.book.statement = statement()
    for step in range(40):
        bench.tick(stage(state), readings(now_s=NOW + 0.1 * step, unit_state=int(UnitState.ENDED), unit_token=TOKEN))
        assert len(bench.book.of(EntryType.FOUND)) == (0.1 * step >= STRANGE_S)
    (found,) = bench.book.of(EntryType.FOUND)
    assert isinstance(found, Found)
    assert found.token == TOKEN


@pytest.mark.parametrize(
    ("state", "unit"),
    [
        (State.FAULT, UnitState.ENDED),
        (State.STOPPING, UnitState.ENDED),
        (State.PREPARATORY, UnitState.ENDED),
        (State.READY, UnitState.ENDED),
        (State.STANDBY, UnitState.RUN),
        (State.STANDBY, UnitState.ARMED),
        (State.STANDBY, UnitState.LATCHED),
    ],
)
def test_nothing_is_told_while_anything_goes_on(bench: Bench, state: State, unit: UnitState) -> None:
    """Only at rest, of a unit at rest."""
    for at_s in (NOW, NOW + 9.0):
        bench.tick(stage(state), readings(now_s=at_s, unit_state=int(unit), unit_token=TOKEN))
    assert bench.book.of(EntryType.FOUND) == []


def test_an_exposure_that_could_not_be_void_is_ended_by_found(bench: Bench) -> None:
    """In STANDBY the records are told what the unit holds, and so end it; once."""
    bench.arm()
    bench.move(State.READY, State.STANDBY, Event.STOP, armed(unit_counts_2=1))
    for at_s in (NOW, NOW + 1.6, NOW + 3.3, NOW + 5.0):
        r = readings(now_s=at_s, unit_state=int(UnitState.ENDED), unit_token=TOKEN, unit_counts_2=1)
        bench.tick(stage(State.STANDBY), r)
    (found,) = bench.book.of(EntryType.FOUND)
    assert (found.token, found.counts_2) == (TOKEN, 1)


# the rest


def test_a_queue_of_the_same_event_is_noted_once(bench: Bench) -> None:
    """A self-test that begins again each tick for one reason is one line; a different reason is another."""
    for _ in range(5):
        bench.move(State.SELF_TEST, State.SELF_TEST, Event.UNIT_LOST)
    bench.move(State.SELF_TEST, State.SELF_TEST, Event.GEN_LOST)
    assert [e.event for e in bench.book.of(EntryType.EVENT)] == ["UNIT_LOST", "GEN_LOST"]


def test_close_names_the_fraction(bench: Bench) -> None:
    """Of the case in hand, else the first that the records hold open; TERMINATED is closed by its end already."""
    bench.book.statement = statement(opens=(open_fraction(),))
    bench.move(State.STANDBY, State.TERMINATED, Event.CLOSE, request=Close("enough"))
    words = [e.words for e in bench.book.of(EntryType.EVENT)]
    assert any(f"{1:016x}" in w and "enough" in w for w in words)
    before = len(words)
    bench.move(State.TERMINATED, State.STANDBY, Event.CLOSE, request=Close("done"))
    assert not any("closed" in e.words for e in bench.book.of(EntryType.EVENT)[before:])


def test_off_since_is_without_a_break(bench: Bench) -> None:
    """One tick with a sign of high voltage begins it anew."""
    assert bench.tick(stage(State.STUCK_ON), readings()).off_since_s == NOW
    assert bench.tick(stage(State.STUCK_ON), readings(now_s=NOW + 1, unit_relays=CLOSED)).off_since_s is None
    assert bench.tick(stage(State.STUCK_ON), readings(now_s=NOW + 2)).off_since_s == NOW + 2


def cycled(bench: Bench, at_s: float, lost: bool, state: State = State.STUCK_ON) -> bool:
    """One tick then; whether the generator counts as switched off and on again."""
    read = readings(now_s=NOW + at_s, **({"generator_link": LOST} if lost else {}))
    return bench.tick(stage(state), read).generator_power_cycled


def test_a_generator_is_switched_off_and_on_only_by_a_long_silence_in_stuck_on(bench: Bench) -> None:
    """To the last bit; three damaged replies, a plug put back at once and several short losses together are no mains switch; nor is what began before."""
    assert not cycled(bench, 0.0, lost=False)
    for short in range(1, 20, 2):
        assert not cycled(bench, short, lost=True)
        assert not cycled(bench, short + 1.0, lost=False), "short losses do not add up"
    assert not cycled(bench, 30.0, lost=True)
    assert not cycled(bench, 30.0 + MAINS_OFF_S - 1 / 64, lost=False)
    assert not cycled(bench, 50.0, lost=True)
    assert not cycled(bench, 55.0, lost=True)
    assert not cycled(bench, 50.0 + 3 * MAINS_OFF_S, lost=True), "it is not back yet"
    assert cycled(bench, 90.0, lost=False)
    assert cycled(bench, 91.0, lost=True), "it was, whatever comes after"
    assert not cycled(bench, 92.0, lost=True, state=State.SELF_TEST)
    assert not cycled(bench, 92.0 + MAINS_OFF_S, lost=False), "what began before this STUCK_ON"
    assert not cycled(bench, 110.0, lost=True)
    assert cycled(bench, 110.0 + MAINS_OFF_S, lost=False)


def test_a_load_is_asked_of_the_records_once_and_only_where_it_can_be_had(bench: Bench) -> None:
    """One QUERY for one request; none in another state, none over a latch, none before the last end is durable."""
    load = Load(P, "anna")
    for state in State:
        if state not in (State.STANDBY, State.INTERRUPTED):
            bench.dossier.admit(load, stage(state), readings(), 1)
            bench.dossier.admit(None, stage(state), readings(), 2)
    assert bench.book.of(EntryType.QUERY) == []
    for number in range(3, 8):
        bench.dossier.admit(load, stage(State.STANDBY), readings(), number)
    (query,) = bench.book.of(EntryType.QUERY)
    assert query.query_seq == 3
    bench.dossier.admit(Resume(P, "anna", "x"), stage(State.STANDBY), readings(), 9)
    assert len(bench.book.of(EntryType.QUERY)) == 2
    bench.dossier.admit(None, stage(State.STANDBY), readings(), 10)
    assert bench.dossier.admission == Admission()


def test_an_unlatch_is_wanted_only_while_a_reset_waits(bench: Bench) -> None:
    """In FAULT or STUCK_ON, with the unit latched, and not refused."""
    latched = readings(unit_state=int(UnitState.LATCHED))
    reset = Reset("service", "a", "b")
    for request, at, refused, r, wanted in (
        (reset, State.FAULT, "", latched, True),
        (reset, State.STUCK_ON, "", latched, True),
        (reset, State.FAULT, "no", latched, False),
        (reset, State.STANDBY, "", latched, False),
        (reset, State.FAULT, "", readings(), False),
        (None, State.FAULT, "", latched, False),
    ):
        bench.dossier.waiting(request, stage(at), refused, r)
        assert bench.dossier.unlatching is wanted


def test_the_wall_clock_is_the_monotonic_one_from_the_start(bench: Bench) -> None:
    """It cannot step."""
    assert bench.dossier.wall_s(NOW - 100.0) == 1.9e9
    assert bench.dossier.wall_s(NOW) == 1.9e9 + 100.0
