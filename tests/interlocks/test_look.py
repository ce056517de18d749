"""What one look remembers and works out, field by field: nothing here is asked by a rule, so that a slip is seen where it is made."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from interlock_bench import (
    BEAMING,
    CLOSED,
    CONTACTS,
    HV,
    OPEN,
    QUIET,
    RULES,
    SENT_ARMED,
    SENT_ON,
    SENT_REST,
    SENT_SET_UP,
    SWITCH,
    T0,
    TERMS,
    TOKEN,
    armed,
    beaming,
    committed,
    pressed,
    readings,
    truth_of,
    unit,
    with_terms,
)

from hal.commands import Plan
from hal.readings import Purpose, Readings, SwitchMode, Termination, TimerStart, UnitSlow, UnitState, UnitStatus
from interlocks.backup_timer import NO_BEAM_TIME, BeamTime, begin, counted
from interlocks.judge import judge
from interlocks.look import (
    FLAGS,
    MONITOR,
    NO_ACTIVE,
    NO_FLAGS,
    NO_MONITOR,
    NO_SET_POINTS,
    NO_SLOW,
    NO_TERMS,
    NO_UNIT,
    NOTHING_WATCHED,
    SLOW,
    UNIT,
    WRAP,
    Memory,
    When,
    _rates,
    _trail,
    air_over_pressure,
    fresh,
    remember,
    take,
)
from interlocks.monitor import Watched
from interlocks.words import House, Sent, Truth

INF = math.inf
ASKED_S = T0 - 0.002
"""When the unit's status of `readings(T0)` was asked for."""


def test_what_stands_in_for_what_is_missing_is_true_of_nothing() -> None:
    """Field by field: infinitely old, no number, no code that a device has; by these a rule without its reading is not TRUE."""
    inf, nan, no = -INF, math.nan, -1
    for stand_in, fields in (
        (NO_UNIT, (inf, *(0,) * 22)),
        (NO_SLOW, (inf, *(0,) * 7, nan, nan, 0, None, None, *(0,) * 7)),
        (NO_MONITOR, (inf, nan, nan, nan, no, no)),
        (NO_FLAGS, (inf, True, False, False, False, True, (), False)),
        (NO_SET_POINTS, (inf, no, no, no, no)),
        (NO_ACTIVE, (inf, b"", no, False)),
        (NO_TERMS, (
            Plan(no, no, no, no, b"", no), b"", nan, nan, no, no, Purpose.TREAT, Termination.TIME, SwitchMode.HOLD, TimerStart.K1_CLOSED,
            *(nan,) * 11, 4.0, 0, 0, nan, nan, True, nan,
        )),
        (Memory(), (
            {}, (), None, False, inf, False, None, BeamTime(0, 0.0, None, False), (inf, inf, inf), 0, inf, Watched(), False, False,
        )),
    ):  # fmt: skip
        assert repr(msgspec.structs.astuple(stand_in)) == repr(fields)


def kept(given: Readings, sent: Sent = SENT_REST, memory: Memory | None = None) -> Memory:
    """The memory after this look."""
    return remember(given, sent, memory or Memory(), NOTHING_WATCHED)


@pytest.mark.parametrize(
    ("now_s", "asked_s", "is_fresh"),
    [(0.0, 0.001, True), (0.0, 0.0011, False), (0.1, 0.0, True), (0.11, 0.0, False), (0.0, math.nan, False)],
)
def test_a_reading_is_fresh_up_to_its_bound_and_not_from_the_future(
    now_s: float, asked_s: float, is_fresh: bool
) -> None:
    """1 ms of the future is rounding."""
    assert fresh(now_s, asked_s, 0.1) is is_fresh


@pytest.mark.parametrize(
    ("changes", "armed_at_s", "before", "is_seen"),
    [
        ({}, T0 - 20.0, False, True),
        ({"unit_state": int(UnitState.RUN)}, T0 - 20.0, False, True),
        ({"unit_state": int(UnitState.COMMITTED)}, T0 - 20.0, False, False),
        ({"unit_state": int(UnitState.COMMITTED)}, T0 - 20.0, True, True),
        ({"unit_token": TOKEN + 1}, T0 - 20.0, False, False),
        ({}, ASKED_S, False, False),
        ({}, None, True, False),
        ({"unit": None}, T0 - 20.0, False, False),
    ],
)
def test_the_unit_was_seen_armed_for_this_permission(
    changes: dict[str, Any], armed_at_s: float | None, before: bool, is_seen: bool
) -> None:
    """ARMED or RUN, with its token, in a status later than ARM; it stays seen until the permission ends, and the switch counts as let go until then."""
    sent = msgspec.structs.replace(SENT_ARMED, armed_at_s=armed_at_s)
    memory = kept(armed(T0, **changes), sent, Memory(armed_seen=before, released_at_s=5.0))
    assert memory.armed_seen is is_seen
    if is_seen:
        assert memory.released_at_s == T0


@pytest.mark.parametrize(
    ("changes", "before_s", "after_s"),
    [
        ({}, 5.0, ASKED_S),
        ({}, T0 + 1.0, T0 + 1.0),
        ({"unit_contacts_a": CONTACTS | SWITCH}, 5.0, 5.0),
        ({"unit_contacts_b": CONTACTS | SWITCH}, 5.0, 5.0),
        ({"unit": None}, 5.0, 5.0),
    ],
)
def test_the_switch_is_let_go_when_both_channels_are_read_open(
    changes: dict[str, Any], before_s: float, after_s: float
) -> None:
    """At the time of that reading, and never earlier than before."""
    assert kept(readings(T0, **changes), memory=Memory(released_at_s=before_s)).released_at_s == after_s


def test_beam_time_begins_with_the_permission_and_counts_from_on() -> None:
    """Without ARM none; from ARM with what the unit had counted; from ON what is seen, by the unit or by the generator."""
    old = BeamTime(7, 3.0, T0 - 0.01, True)
    assert kept(readings(T0), memory=Memory(beam_time=old)).beam_time is NO_BEAM_TIME
    assert kept(armed(T0, unit_beam_ms=900), SENT_ARMED).beam_time == begin(900)
    assert kept(armed(T0, unit_beam_ms=900), SENT_ARMED, Memory(beam_time=old)).beam_time is old
    assert kept(armed(T0, unit=None), SENT_ARMED).beam_time is NO_BEAM_TIME
    dark = {"unit_relays": CLOSED, "monitor_kv": 6.95}
    for changes, seen in (
        ({}, True),
        (dark, False),
        (dark | {"unit_relays": CLOSED | HV}, True),
        (dark | {"monitor_kv": 6.96}, True),
        (dark | {"monitor_kv": math.nan}, True),
        (dark | {"monitor": None}, False),
        ({"unit_relays": CLOSED | HV, "monitor": None}, True),
    ):
        memory = kept(beaming(T0, **changes), SENT_ON, Memory(beam_time=old))
        assert memory.beam_time == counted(old, seen, T0), changes


@pytest.mark.parametrize("channel", ["unit_contacts_a", "unit_contacts_b"])
@pytest.mark.parametrize(("place", "bit"), [(0, 1), (1, 2), (2, 16)])
def test_each_contact_is_remembered_open_by_itself(channel: str, place: int, bit: int) -> None:
    """Emergency stop, door, applicator: the one that either channel reads open, and no other; not the key, and not without a status."""
    before = (1.0, 2.0, 3.0)
    after = kept(readings(T0, **{channel: CONTACTS & ~bit}), memory=Memory(opened_at_s=before)).opened_at_s
    assert after == tuple(T0 if n == place else at for n, at in enumerate(before))
    assert kept(readings(T0, **{channel: CONTACTS & ~4}), memory=Memory(opened_at_s=before)).opened_at_s == before
    assert kept(readings(T0, unit=None), memory=Memory(opened_at_s=before)).opened_at_s == before
    closed = {"unit_contacts_a": CONTACTS | SWITCH, "unit_contacts_b": CONTACTS | SWITCH}
    pressed_down = readings(T0, **(closed | {channel: (CONTACTS | SWITCH) & ~bit}))
    assert kept(pressed_down, memory=Memory(opened_at_s=before)).opened_at_s == after, "also with the switch pressed"


def test_coils_are_remembered_since_they_were_told() -> None:
    """What both are told, and since when; mirrors and lamps are none of it."""
    memory = kept(readings(T0))
    assert (memory.commands, memory.commanded_at_s) == (0, -INF)
    memory = kept(armed(T0), SENT_ARMED, Memory(commands=0, commanded_at_s=1.0))
    assert (memory.commands, memory.commanded_at_s) == (armed(T0).unit.relays & 0b101, T0)  # type: ignore[union-attr]
    again = kept(armed(T0 + 1.0, unit_relays=OPEN | memory.commands), SENT_ARMED, memory)
    assert (again.commands, again.commanded_at_s) == (memory.commands, T0)
    both = kept(pressed(T0 + 1.0), SENT_ARMED, memory)
    assert (both.commands, both.commanded_at_s) == (0b101, T0 + 1.0)
    lost = kept(readings(T0 + 2.0, unit=None), SENT_ARMED, memory)
    assert (lost.commands, lost.commanded_at_s) == (memory.commands, T0)


def test_air_over_pressure_is_what_k_tp_is_proportional_to() -> None:
    """Nothing where there is no pressure."""
    slow = committed(T0).slow
    assert isinstance(slow, UnitSlow)
    for pressure, wanted in ((100.0, 2.9515), (0.0, math.nan), (-1.0, math.nan), (0.5, 590.3)):
        got = air_over_pressure(msgspec.structs.replace(slow, pressure_kpa=pressure))
        assert got == pytest.approx(wanted, nan_ok=True)


def test_a_restart_is_a_boot_count_that_is_not_the_last_one() -> None:
    """The first that is read is none; without a status none is seen, and the last is kept."""
    first = kept(readings(T0))
    assert (first.boot_count, first.rebooted) == (3, False)
    assert kept(readings(T0), memory=first).rebooted is False
    again = kept(readings(T0, unit_boot_count=4), memory=first)
    assert (again.boot_count, again.rebooted) == (4, True)
    lost = kept(readings(T0, unit=None), memory=first)
    assert (lost.boot_count, lost.rebooted, lost.trail) == (3, False, first.trail)


@pytest.mark.parametrize(
    ("changes", "on_at_s", "before", "after"),
    [
        ({}, T0 - 10.0, None, T0),
        ({}, T0 - 10.0, 7.0, 7.0),
        ({}, None, 7.0, None),
        ({"monitor": None}, T0 - 10.0, None, T0),
        ({"unit_relays": CLOSED, "monitor": None}, T0 - 10.0, None, None),
        ({"unit_relays": CLOSED, "monitor_kv": 34.75}, T0 - 10.0, None, T0),
        ({"unit_relays": CLOSED, "monitor_kv": 34.7}, T0 - 10.0, None, None),
        ({"unit_relays": CLOSED, "monitor_kv": math.nan}, T0 - 10.0, None, T0),
        ({"unit": None}, T0 - 10.0, None, T0),
        ({"monitor": None}, ASKED_S, None, None),
        ({"unit_relays": CLOSED, "monitor_asked_at_s": T0 - 0.02}, T0 - 0.02, None, None),
    ],
)
def test_high_voltage_is_first_seen_by_either_in_a_reading_later_than_on(
    changes: dict[str, Any], on_at_s: float | None, before: float | None, after: float | None
) -> None:
    """The unit's own sight of it, or half the kilovolts; once seen it stays, until ON is out no more."""
    sent = msgspec.structs.replace(SENT_ON, on_at_s=on_at_s)
    assert kept(beaming(T0, **changes), sent, Memory(hv_seen_at_s=before)).hv_seen_at_s == after


def at(sample_us: int, counts: int = 0, counts_2: int | None = None, **changes: Any) -> UnitStatus:
    """A status of this sample, with these counts."""
    second = counts if counts_2 is None else counts_2
    return unit(T0, sample_us=sample_us, counts_1=counts, counts_2=second, **changes)


def test_a_beam_without_terms_is_remembered_as_seen() -> None:
    """Nothing raises where no terms stand behind an ON: no kilovolts are little enough then."""
    bare = msgspec.structs.replace(SENT_ON, terms=None)
    old = BeamTime(7, 3.0, T0 - 0.01, True)
    memory = kept(beaming(T0, unit_relays=CLOSED), bare, Memory(beam_time=old))
    assert memory.beam_time == counted(old, True, T0) and memory.hv_seen_at_s == T0


def test_the_trail_holds_a_tenth_of_a_second_and_a_little() -> None:
    """Statuses 20 ms apart at least; the oldest is the youngest that is 100 ms older than the newest; over the wrap of the clock too."""
    for begin_us in (0, WRAP - 50_000):
        trail: tuple[UnitStatus, ...] = ()
        for n in range(30):
            trail = _trail(trail, at((begin_us + n * 10_000) % WRAP, n))
        offsets = [(status.sample_us - begin_us) % WRAP // 10_000 for status in trail]
        assert offsets == [18, 20, 22, 24, 26, 28]
    one = at(0)
    assert _trail((one,), one) == (one,)
    first, second = at(0, 5), at(20_000, 5)
    assert _trail((first,), at(19_999, 5)) == (first,)
    assert _trail((first,), second) == (first, second)
    assert _trail((first, second), at(150_000, 5)) == (second, at(150_000, 5))
    uneven = at(0, 10, 5)
    assert _trail((uneven,), at(50_000, 11, 6)) == (uneven, at(50_000, 11, 6))


@pytest.mark.parametrize(
    ("status", "begins_anew"),
    [
        (at(50_000, 5), False),
        (at(50_000, 4, 5), True),
        (at(50_000, 5, 4), True),
        (at(50_000, 6, 6), False),
        (at(1_000_000, 5), False),
        (at(1_000_001, 5), True),
        (at(50_000, 5, boot_count=4), True),
        (at(50_000, 5 + (1 << 31)), False),
        (at(50_000, 6 + (1 << 31)), True),
    ],
)
def test_the_trail_begins_anew_where_nothing_leads_over(status: UnitStatus, begins_anew: bool) -> None:
    """A counter that went back in either channel, more than a second, another boot."""
    first = at(0, 5)
    assert _trail((first,), status) == ((status,) if begins_anew else (first, status))


@pytest.mark.parametrize(
    ("span_us", "rates"),
    [
        (99_999, None), (100_000, (50.0, 70.0)), (200_000, (25.0, 35.0)), (1_000_000, (5.0, 7.0)), (1_000_001, None),
    ],
)  # fmt: skip
def test_rates_are_over_a_tenth_of_a_second_to_a_second(span_us: int, rates: tuple[float, float] | None) -> None:
    """Counts since the trail's oldest, each chamber's own, over the wrap of clock and counters; else not known."""
    first = at(WRAP - 50_000, WRAP - 2, WRAP - 1)
    last = at((first.sample_us + span_us) % WRAP, 3, 6)
    got = _rates((first, at(0)), last)
    assert got == pytest.approx(rates if rates else (math.nan, math.nan), nan_ok=True)
    assert _rates((), last) == pytest.approx((math.nan, math.nan), nan_ok=True)


def moments(given: Readings, sent: Sent, house: House = QUIET, memory: Memory | None = None) -> set[str]:
    """The names of what is asked."""
    remembered = memory or remember(given, sent, Memory(), NOTHING_WATCHED)
    look = take(given, house, sent, remembered, RULES.stale_after_s, RULES.full_scale_kv)
    return {when.name for when in When if look.asked[when]}


def half_timed(**changes: None) -> House:
    """In beam, with one of the two clocks not running."""
    return msgspec.structs.replace(BEAMING, dose=msgspec.structs.replace(BEAMING.dose, **changes))


SEEN = Memory(armed_seen=True, hv_seen_at_s=T0 - 9.0)
RESTING = {"ALWAYS", "NOT_ARMED", "NO_BEAM"}
SET_UP = {"ALWAYS", "SET_UP", "VENTED"}
PERMITTED = SET_UP | {"CONFIRMED", "CONFIRMED_VENTED"}
IN_BEAM = PERMITTED | {"HELD", "STANDING", "BEAM", "STEADY", "TIMED", "DOSED", "SIGNAL", "DOSE", "RATED", "LINE"}
ON_AT_T0 = msgspec.structs.replace(SENT_ON, on_at_s=T0 - 0.25)
YOUNG = Memory(armed_seen=True, hv_seen_at_s=T0 - 0.1)


@pytest.mark.parametrize(
    ("given", "sent", "house", "memory", "wanted"),
    [
        (readings(T0), SENT_REST, QUIET, None, RESTING),
        (committed(T0), SENT_SET_UP, QUIET, None, SET_UP | RESTING | {"BEFORE_ARM", "LEAKAGE"}),
        (committed(T0, slow=None), SENT_SET_UP, QUIET, None, SET_UP | RESTING | {"BEFORE_ARM"} | {"LEAKAGE"}),
        (committed(T0), with_terms(SENT_SET_UP, vented_2=False), QUIET, None, {"SET_UP", "BEFORE_ARM", "LEAKAGE"} | RESTING),
        (armed(T0), SENT_ARMED, QUIET, SEEN, PERMITTED | {"HELD", "STANDING", "NO_BEAM", "LEAKAGE"}),
        (armed(T0), with_terms(SENT_ARMED, vented_2=False), QUIET, SEEN,
         {"ALWAYS", "SET_UP", "CONFIRMED", "HELD", "STANDING", "NO_BEAM", "LEAKAGE"}),
        (committed(T0), SENT_ARMED, QUIET, Memory(), PERMITTED | RESTING | {"STANDING", "LEAKAGE"}),
        (pressed(T0), with_terms(SENT_ARMED, switch_mode=SwitchMode.HOLD), QUIET, SEEN, PERMITTED | {"HELD", "STANDING", "HELD_DOWN", "NO_BEAM", "LEAKAGE"}),
        (armed(T0), with_terms(SENT_ARMED, switch_mode=SwitchMode.HOLD), QUIET, SEEN, PERMITTED | {"HELD", "STANDING", "NO_BEAM", "LEAKAGE"}),
        (beaming(T0), SENT_ON, BEAMING, SEEN, IN_BEAM),
        (beaming(T0), SENT_ON, QUIET, SEEN, IN_BEAM - {"TIMED"}),
        (beaming(T0), SENT_ON, half_timed(unit_beam_s=None), SEEN, IN_BEAM - {"TIMED"}),
        (beaming(T0), SENT_ON, half_timed(host_beam_s=None), SEEN, IN_BEAM - {"TIMED"}),
        (beaming(T0), with_terms(SENT_ON, purpose=Purpose.DRY_RUN), BEAMING, SEEN, IN_BEAM - {"DOSED", "SIGNAL", "DOSE", "RATED"}),
        (beaming(T0, unit_state=int(UnitState.ENDED)), SENT_ON, BEAMING, SEEN, PERMITTED),
        (beaming(T0), SENT_ON, BEAMING, Memory(armed_seen=True), IN_BEAM - {"SIGNAL", "DOSE"}),
        (beaming(T0), SENT_ON, BEAMING, Memory(armed_seen=True, hv_seen_at_s=T0 - 1.0), IN_BEAM - {"DOSE"}),
        (beaming(T0, on_sent_at_s=T0 - 0.25, monitor_asked_at_s=T0, flags_asked_at_s=T0), ON_AT_T0, BEAMING, SEEN, IN_BEAM - {"STEADY", "SIGNAL", "RATED"}),
        (beaming(T0, on_sent_at_s=T0 - 0.2501, monitor_asked_at_s=T0, flags_asked_at_s=T0), msgspec.structs.replace(SENT_ON, on_at_s=T0 - 0.2501),
         BEAMING, SEEN, IN_BEAM - {"RATED"}),
        (beaming(T0, on_sent_at_s=T0 - 0.4501), msgspec.structs.replace(SENT_ON, on_at_s=T0 - 0.4501), BEAMING, SEEN, IN_BEAM),
        (beaming(T0, on_sent_at_s=T0 - 0.449), msgspec.structs.replace(SENT_ON, on_at_s=T0 - 0.449), BEAMING, SEEN, IN_BEAM - {"RATED"}),
        (beaming(T0, on_sent_at_s=T0 - 0.25, flags_asked_at_s=T0 - 0.25), ON_AT_T0, BEAMING, SEEN, IN_BEAM - {"STEADY", "SIGNAL", "RATED", "LINE"}),
        (beaming(T0, on_sent_at_s=None), SENT_ON, BEAMING, SEEN, IN_BEAM),
        (beaming(T0, on_sent_at_s=T0 - 99.0), ON_AT_T0, BEAMING, SEEN, IN_BEAM - {"STEADY", "SIGNAL", "RATED"}),
    ],
)  # fmt: skip
def test_what_is_asked_at_each_moment(
    given: Readings, sent: Sent, house: House, memory: Memory | None, wanted: set[str]
) -> None:
    """By what was sent, the unit's state, the samples' times, the purpose and the hand at the switch."""
    assert moments(given, sent, house, memory) == wanted


@pytest.mark.parametrize(("slow_s", "is_asked"), [(T0 - 0.205, False), (T0 - 0.195, True)])
def test_leakage_waits_for_rates_that_hold_nothing_of_the_beam(slow_s: float, is_asked: bool) -> None:
    """The cable is quiet at T0 - 0.4 s; the unit's rates are 100 ms long and up to 100 ms old, so none before 200 ms later counts."""
    sent = msgspec.structs.replace(SENT_SET_UP, beam_off_at_s=T0 - 1.0)
    given = committed(T0, on_sent_at_s=1.0, slow_asked_at_s=slow_s)
    assert ("LEAKAGE" in moments(given, sent)) is is_asked
    assert "NO_BEAM" in moments(given, sent)


def test_the_cable_is_quiet_from_its_discharge_time_on() -> None:
    """At that very time it is, in numbers that the machine holds exactly; a moment before it is not."""
    sent = with_terms(Sent(command="off", terms=TERMS, beam_off_at_s=0.0), t2d_s=0.5)
    assert "NO_BEAM" in moments(readings(0.5, on_sent_at_s=-1.0), sent)
    assert "NO_BEAM" not in moments(readings(0.4999, on_sent_at_s=-1.0), sent)


def test_signal_waits_for_more_than_a_tenth_of_a_second_of_high_voltage() -> None:
    """Exactly that long is not enough, in numbers that the machine holds exactly."""
    sent = msgspec.structs.replace(SENT_ON, on_at_s=-10.0)
    given = beaming(0.1, on_sent_at_s=-10.0)
    assert "SIGNAL" not in moments(given, sent, BEAMING, Memory(hv_seen_at_s=0.0))
    assert "SIGNAL" in moments(given, sent, BEAMING, Memory(hv_seen_at_s=-0.001))


def test_rates_wait_until_the_ramp_is_out_of_their_window() -> None:
    """0.25 s of ramp and 0.2 s: at that very time they still hold its end."""
    sent = msgspec.structs.replace(SENT_ON, on_at_s=0.0)
    assert "RATED" not in moments(beaming(0.45, on_sent_at_s=0.0), sent, BEAMING, SEEN)
    assert "RATED" in moments(beaming(0.4501, on_sent_at_s=0.0), sent, BEAMING, SEEN)


@pytest.mark.parametrize(
    ("part", "bit", "bound"), [("unit", UNIT, 0), ("slow", SLOW, 1), ("monitor", MONITOR, 2), ("flags", FLAGS, 3)]
)
def test_each_reading_is_stale_by_itself(part: str, bit: int, bound: int) -> None:
    """At its own age it is not, past it it is; 1 ms of the future is rounding, more is stale; missing is stale; the others are not."""
    bounds_s = (0.05, 2.5, 0.09, 0.07)
    bound_s = bounds_s[bound]
    for now_s, asked_s, stale in (
        (bound_s, 0.0, 0),
        (bound_s, -0.0001, bit),
        (0.0, 0.001, 0),
        (0.0, 0.0011, bit),
        (0.0, math.nan, bit),
    ):
        given = readings(now_s, **{f"{part}_asked_at_s": asked_s})
        look = take(given, QUIET, SENT_REST, Memory(), bounds_s, RULES.full_scale_kv)
        assert look.stale == stale, (now_s, asked_s)
    missing = readings(T0, **{part: None})
    assert take(missing, QUIET, SENT_REST, Memory(), bounds_s, RULES.full_scale_kv).stale == bit


def test_the_look_holds_what_was_given_and_worked_out() -> None:
    """Times since ON of the look's samples, contacts that both channels close, when the cable is quiet, and whether the beam runs."""
    given = beaming(T0, unit_contacts_b=CONTACTS, on_sent_at_s=T0 - 9.0)
    memory = remember(given, SENT_ON, Memory(), NOTHING_WATCHED)
    look = take(given, BEAMING, SENT_ON, memory, RULES.stale_after_s, RULES.full_scale_kv, 5)
    assert (look.now_s, look.closed, look.full_scale_kv, look.paired, look.running) == (T0, CONTACTS, 100.0, 5, True)
    assert (look.monitor_on_s, look.flags_on_s) == pytest.approx((8.98, 8.99))
    assert look.quiet_from_s == -INF and look.terms is TERMS and look.memory is memory
    rest = take(readings(T0), QUIET, SENT_REST, Memory(), RULES.stale_after_s, RULES.full_scale_kv)
    assert (rest.monitor_on_s, rest.flags_on_s, rest.running) == (-INF, -INF, False)
    assert math.isnan(rest.cps_1) and math.isnan(rest.cps_2)
    off = Sent(command="off", terms=TERMS, off_at_s=T0 - 0.5, beam_off_at_s=T0 - 1.0)
    for sent_s, quiet_s in ((None, -INF), (1.0, T0 - 0.4)):
        look = take(readings(T0, on_sent_at_s=sent_s), QUIET, off, Memory(), RULES.stale_after_s, RULES.full_scale_kv)
        assert look.quiet_from_s == pytest.approx(quiet_s)
    armed_only = msgspec.structs.replace(off, beam_off_at_s=None)
    look = take(readings(T0, on_sent_at_s=1.0), QUIET, armed_only, Memory(), RULES.stale_after_s, RULES.full_scale_kv)
    assert look.quiet_from_s == -INF and look.asked[When.NO_BEAM], "an OFF that ended no ON has no cable to discharge"
    bare = msgspec.structs.replace(off, terms=None)
    look = take(readings(T0, on_sent_at_s=1.0), QUIET, bare, Memory(), RULES.stale_after_s, RULES.full_scale_kv)
    assert look.quiet_from_s == pytest.approx(T0 + 3.0) and not look.asked[When.NO_BEAM]
    run = take(pressed(T0), QUIET, SENT_ARMED, Memory(), RULES.stale_after_s, RULES.full_scale_kv)
    still = take(armed(T0), QUIET, SENT_ARMED, Memory(), RULES.stale_after_s, RULES.full_scale_kv)
    unasked = take(pressed(T0), QUIET, SENT_REST, Memory(), RULES.stale_after_s, RULES.full_scale_kv)
    assert run.running and not still.running and not unasked.running, "RUN without a permission is none of ours"
    ended = take(beaming(T0, unit_state=int(UnitState.ENDED)), BEAMING, SENT_ON, Memory(), RULES.stale_after_s, 100.0)
    assert ended.running


def test_what_is_open_now_is_open_and_a_switch_that_is_open_is_not_stuck() -> None:
    """At the first look of all, by what is read or by what is remembered of it: either of the two is enough."""
    verdict, _ = judge(readings(T0, unit_contacts_a=CONTACTS & ~2), QUIET, SENT_REST, Memory(), RULES)
    assert truth_of(verdict, "door") is Truth.FALSE
    ended = Sent(command="off", terms=TERMS, off_at_s=T0 - 2.5)
    verdict, _ = judge(readings(T0), QUIET, ended, Memory(), RULES)
    assert truth_of(verdict, "switch_let_go") is Truth.TRUE
