"""Every invariant can fail: real runs break none of them, and the same runs altered in one place break the one that speaks of that place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from controller.entries import EntryType, Start
from controller.kernel import Kernels
from controller.states import Event, State
from hal.readings import Contact
from interlocks.monitor import LAWS
from verification import story as words
from verification import times
from verification.invariants import INVARIANTS, SEEN, Expectation, check_all
from verification.invariants_page import NOT_ASKED
from verification.invariants_page import SEEN as SEEN_AS
from verification.judges_wire import GENERATOR
from verification.scenarios import find, play
from verification.setting import lay_out, prescribed, virtual_rig
from verification.story import Story
from verification.trace import _NONE, LATCH_SET, NOT_RUNNING, Act, Crossed, Observer, Row, Trace, Wrote


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, kernels: Kernels) -> Trace:
    """A short fraction without any fault, closed."""
    return _run(tmp_path_factory, kernels, _plain)


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory, kernels: Kernels) -> Trace:
    """A fraction that the door interrupts, and that is reset, resumed and closed."""
    return _run(tmp_path_factory, kernels, _resumed)


def _run(factory: pytest.TempPathFactory, kernels: Kernels, hands: Callable[[Any], None]) -> Trace:
    folder = factory.mktemp("run")
    rig = virtual_rig(lay_out(folder / "rig", folder / "records", "monitor", 15020), kernels)
    observer = Observer(rig)
    try:
        hands(rig)
        return observer.trace()
    finally:
        rig.close()


def _plain(rig: Any) -> None:
    assert play(find("normal"), rig, prescribed(220.0)).wrong == []


def _resumed(rig: Any) -> None:
    assert play(find("resume"), rig, prescribed(300.0)).wrong == []


def is_broken(trace: Trace, invariant: str) -> bool:
    """Whether this one is; the others are not asked, which would only take time."""
    row = next(row for row in INVARIANTS if row.id == invariant)
    return any(True for _ in row.predicate(Story(trace, Expectation())))


def test_real_runs_break_nothing(plain: Trace, resumed: Trace) -> None:
    """Both base runs are whole; an altered one that is caught is caught for what was altered."""
    assert check_all(plain) == []
    assert check_all(resumed) == []


def test_a_confirmation_that_was_refused_is_none(plain: Trace) -> None:
    """One of something old, refused a moment before the right one, and one asked and refused after it, are not what was confirmed."""
    at_s = Story(plain, Expectation()).confirmed[0][0]
    first = next(at for at, act in enumerate(plain.acts) if not unasked(act))
    right, detail = plain.acts[first], {"offer_id": 0, "digest": b"x" * 32}
    stale = (
        Act(right.at_s - 0.05, "asked", "confirm", detail),
        Act(right.at_s - 0.04, "told", "offer 0 is not valid", {"ok": False}),
    )
    after = next(at for at, act in enumerate(plain.acts) if act.at_s > at_s + 0.2)
    late = (
        Act(at_s + 0.1, "asked", "confirm", detail),
        Act(at_s + 0.11, "told", "confirming is not possible in ARMING", {"ok": False}),
    )
    acted = replace(plain, acts=(*plain.acts[:first], *stale, *plain.acts[first:after], *late, *plain.acts[after:]))
    assert not is_broken(acted, "2")
    assert not is_broken(acted, "22")
    only_stale = replace(plain, acts=(*plain.acts[:first], stale[0], *plain.acts[first + 1 :]))
    assert is_broken(only_stale, "22")


def test_what_was_armed_in_the_tick_of_a_power_cut_was_confirmed_before(plain: Trace) -> None:
    """The disk may lose its power in the very tick that arms: the confirmation came before. A kill before it leaves nobody who had confirmed."""
    at_s = Story(plain, Expectation()).confirmed[0][0]
    told = next(
        at for at, act in enumerate(plain.acts) if act.kind == "told" and act.what == "confirm" and act.at_s == at_s
    )
    cut = replace(plain, acts=(*plain.acts[:told], Act(at_s, "host", "killed"), *plain.acts[told + 1 :]))
    assert Story(cut, Expectation()).confirmed[0][1]
    before = replace(plain, acts=(*plain.acts[:told], Act(at_s - 0.005, "host", "killed"), *plain.acts[told + 1 :]))
    assert not Story(before, Expectation()).confirmed[0][1]


def test_the_time_that_nothing_can_shorten_is_that_of_the_runs_own_rig(plain: Trace) -> None:
    """T1, the t2 that its unit was set up with, and its lease with the contactor: not the largest that there may be."""
    story = Story(plain, Expectation())
    assert story.reaction_s == pytest.approx(0.1 + 0.5 + plain.rig.silence_s)
    assert story.reaction_s < times.reaction_s()
    assert Story(terms(plain, t2_s=0.3), Expectation()).reaction_s == pytest.approx(0.4 + plain.rig.silence_s)
    d0_mgy, true_mgy = story.true_of(story.tags[0])
    start = story.starts[story.ons[0].token]
    most_mgy = words.OVER_R0 * float(start.combination["r0_mgy_per_s"]) * story.reaction_s + d0_mgy - true_mgy
    assert not is_broken(from_on(plain, most_mgy - 0.1), "9")
    assert is_broken(from_on(plain, most_mgy + 0.1), "9")


def test_what_is_no_fault_of_a_desk_or_a_wire(plain: Trace) -> None:
    """A lease that has run out is anybody's, that of a process that stood still is not.
    OFF may leave over an open question, and any question over one that was given up, or over a blocked wire's."""
    assert not is_broken(later_by(plain, "load"), "23")
    at_s = plain.rows[mid(plain)].t
    stopped = acts(plain, Act(at_s, "host", "frozen"), Act(at_s + 0.01, "host", "thawed"))
    assert not is_broken(elsewhere(stopped, "confirm", granted=False, extra_s=0.05), "23")
    assert not is_broken(elsewhere(plain, "stop"), "22")
    assert not is_broken(ended_for(plain, 9), "24")
    assert not is_broken(without_tokens(plain, 2), "24")
    assert not is_broken(crossed(plain, is_off=True), "21")
    assert not is_broken(crossed(plain, after_s=0.08), "21")
    assert not is_broken(with_log(crossed(plain), plain.rows[0].t, "fault", "generator-wire-blocked starts"), "21")


def test_only_a_lie_about_this_value_excuses_it(plain: Trace) -> None:
    """A shunt that has drifted lies of mA, a frozen scan of all that the unit tells."""
    at_s = plain.rows[0].t
    assert not is_broken(with_log(misread(plain, "monitor", ma=0.8), at_s, "fault", "ma-reads-low starts"), "21")
    assert not is_broken(with_log(misread(plain, "unit", counts_1=1), at_s, "fault", "unit-scan-frozen starts"), "21")


def test_what_no_tick_shows_of_the_unit_is_not_asked(plain: Trace) -> None:
    """A state between two changes that lie between two ticks, and the last count before sums begin anew."""
    at_s, place = plain.rows[mid(plain)].t, mid(plain)
    once = with_log(misread(plain, "unit", state=0x4444), at_s - 0.002, "unit", "ENDED: LEASE")
    assert is_broken(once, "21")
    assert not is_broken(with_log(once, at_s - 0.001, "unit", "IDLE"), "21")
    more = part(plain, "unit", lambda at, _: at == place, lambda _: {"counts_1": plain.rows[place].counts[0] + 1})
    assert is_broken(more, "21")

    def anew(at: int, row: Row) -> dict[str, Any]:
        counts = (
            {}
            if row.unit is None or at <= place
            else {"unit": msgspec.structs.replace(row.unit, counts_1=0, counts_2=0, beam_ms=0)}
        )
        return {"counts": (0, 0), "beam_ms": 0, **counts} if at >= place else {}

    assert not is_broken(rows(more, anew), "21")


def test_what_nobody_looked_at_holds_nothing(plain: Trace) -> None:
    """A trace without a tick, and one that ends before its world does, are broken and not whole."""
    assert [one.invariant for one in check_all(replace(plain, rows=()))] == [SEEN]
    assert SEEN in {one.invariant for one in check_all(replace(plain, rows=plain.rows[: len(plain.rows) // 2]))}


@pytest.mark.parametrize(
    ("silent_s", "broken", "more_mgy", "holds"),
    [(0.3, True, 0.25, True), (0.3, True, 0.35, False), (0.3, False, 0.25, False), (0.05, True, 0.03, False)],
)
def test_what_may_be_charged_after_a_kill_grows_with_what_a_broken_wire_kept_from_being_heard(
    plain: Trace, silent_s: float, broken: bool, more_mgy: float, holds: bool
) -> None:
    """The host dies in the middle of the beam, the unit was last heard so long before: its silence may be charged, and no more; without a fault on its wire, or
    where it is no longer than a poll takes, nothing. `more_mgy` is in seconds at the highest rate, above what every kill may charge."""
    story = Story(plain, Expectation())
    place, token = mid(plain), story.ons[0].token
    died_s = plain.rows[place].t
    unit = next(row.unit for row in plain.rows[place::-1] if row.t <= died_s - silent_s and row.unit is not None)

    def cut(at: int, row: Row) -> dict[str, Any]:
        if died_s - silent_s < row.t < died_s:
            return {"unit": unit}
        return {"unit": None} if row.t >= died_s else {}

    killed = acts(rows(plain, cut), Act(died_s, "host", "killed"))
    if broken:
        killed = with_log(killed, died_s - silent_s + 0.01, "fault", "unit-wire-late-once starts")
    rate = words.OVER_R0 * float(story.starts[token].combination["r0_mgy_per_s"])
    every_kill_s = 0.5 + plain.rig.silence_s + 2 * plain.rig.tick_s
    delivered = story.true_mgy[token] + rate * (every_kill_s + more_mgy) + 5.0
    assert is_broken(exposures(killed, delivered_mgy=delivered, high_mgy=delivered), "13") != holds


@pytest.mark.parametrize(
    ("changed", "latched", "holds"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"more_s": 0.05}, True, False),
        ({"more_s": 0.05, "wall_s": 1.0}, True, True),
        ({"more_s": 3600.0, "fault": "wall-jump"}, True, True),
        ({"more_s": 3600.0, "fault": "wall-jump"}, False, False),
        ({"quality": "DEGRADED"}, True, False),
        ({"low": 2.0}, True, False),
    ],
)
def test_what_may_be_charged_after_a_kill_grows_with_the_time_in_which_nobody_could_prove_off(
    plain: Trace, changed: dict[str, Any], latched: bool, holds: bool
) -> None:
    """The host dies a second after it latched that high voltage may be on, and 2 s after the latch the next one tells what the unit retains: 2.4 s may be
    charged, or what a clock that stood still or was set says, as UNKNOWN and with a low bound that holds. Without the latch nothing is."""
    story = Story(plain, Expectation())
    place, token = mid(plain), story.ons[0].token
    at_s, start = plain.rows[place].t, story.starts[token].entry
    latch = replace(start, index=10**6, at_s=at_s, kind=LATCH_SET, token=0, fields=["off", 1, 4, "words", 0.0])
    found = replace(start, index=10**6 + 1, instance="another", at_s=at_s + 2.0, kind=words.FOUND, fields=[])
    latch, found = replace(latch, wall_s=0.0), replace(found, wall_s=2.0 + changed.get("wall_s", 0.0))
    killed = acts(plain, Act(at_s + 1.0, "host", "killed"))
    killed = replace(killed, entries=(*plain.entries, *((latch,) if latched else ()), found))
    if "fault" in changed:
        killed = with_log(killed, at_s, "fault", f"{changed['fault']} starts")
    rate = words.OVER_R0 * float(story.starts[token].combination["r0_mgy_per_s"])
    every_kill_s, true = 0.5 + plain.rig.silence_s + 2 * plain.rig.tick_s, story.true_mgy[token]
    told = true + rate * (every_kill_s + 2.4 + changed.get("more_s", -0.05)) + 5.0
    told_so = {"quality": changed.get("quality", "UNKNOWN"), "low_mgy": true * changed.get("low", 0.0)}
    assert is_broken(exposures(killed, delivered_mgy=told, high_mgy=told, **told_so), "13") != holds


def test_a_freeze_between_ready_and_on_is_no_state_and_another_program_before_it_is_none(plain: Trace) -> None:
    """Frozen for less than a tick, the program did not run in between: it was in READY still, and how long counts from before. What another process was in is
    no permission for this one."""
    first, place = first_in(plain, "READY"), on_row(plain)
    frozen = at_rows(plain, lambda at, _: place - 5 < at < place, state=NOT_RUNNING)
    assert not is_broken(frozen, "1")
    assert is_broken(at_rows(frozen, lambda at, _: at == place - 5, state="PREPARATORY"), "1")
    assert is_broken(at_rows(frozen, lambda at, _: at == first, t=plain.rows[first].t - 61.0), "1")
    assert is_broken(at_rows(plain, lambda at, _: at < place, host=plain.rows[place].host - 1), "1")


def test_off_is_read_back_as_late_as_the_poll_plan_of_a_wire_lets_it_and_no_later(plain: Trace) -> None:
    """250 ms, on a slower wire its plan and a tick, and never above T2 (docs/drivers.md)."""
    at = first_in(plain, "STANDBY")
    slow = replace(plain, rig=replace(plain.rig, tick_s=0.05, worst_age_s=plain.rig.worst_age_s | {"monitor": 0.25}))

    def aged(trace: Trace, age_s: float) -> Trace:
        return part(trace, "monitor", lambda place, _: place == at, lambda row: {"asked_at_s": row.t - age_s})

    slowest = replace(slow, rig=replace(slow.rig, worst_age_s=slow.rig.worst_age_s | {"monitor": 0.6}))
    for trace, bound_s in ((plain, 0.25), (slow, 0.3), (slowest, 0.5)):
        assert not is_broken(aged(trace, bound_s - 0.01), "14")
        assert is_broken(aged(trace, bound_s + 0.01), "14")


# what to alter


def on_row(trace: Trace, number: int = 0) -> int:
    return Story(trace, Expectation()).ons[number].at


def rows(trace: Trace, change: Callable[[int, Row], dict[str, Any]]) -> Trace:
    """The same run with some rows changed."""
    made = []
    for at, row in enumerate(trace.rows):
        changes = change(at, row)
        made.append(msgspec.structs.replace(row, **changes) if changes else row)
    return replace(trace, rows=tuple(made))


def at_rows(trace: Trace, which: Callable[[int, Row], bool], **changes: Any) -> Trace:
    return rows(trace, lambda at, row: changes if which(at, row) else {})


def at_on(trace: Trace, number: int = 0, before: int = 0, **changes: Any) -> Trace:
    place = on_row(trace, number) - before
    return at_rows(trace, lambda at, _: at == place, **changes)


def beam(row: Row) -> bool:
    return row.state == "IRRADIATING" and row.kv > 60.0


MIDS: dict[int, tuple[Trace, int]] = {}
"""Asked for each row of a run: told once by run, which is kept so that its id stays its own."""


def mid(trace: Trace) -> int:
    """The place of a row in the middle of the first beam."""
    if id(trace) not in MIDS:
        places = [at for at, row in enumerate(trace.rows) if beam(row)]
        MIDS[id(trace)] = trace, places[min(len(places) // 2, 150)]
    return MIDS[id(trace)][1]


def sent(trace: Trace, which: Callable[[int, Row], bool], **changes: Any) -> Trace:
    return rows(
        trace,
        lambda at, row: {"sent": msgspec.structs.replace(row.sent, **changes)} if row.sent and which(at, row) else {},
    )


def terms(trace: Trace, **changes: Any) -> Trace:
    """Every row with other terms."""

    def change(_: int, row: Row) -> dict[str, Any]:
        if row.sent is None or row.sent.terms is None:
            return {}
        other = msgspec.structs.replace(row.sent.terms, **changes)
        return {"sent": msgspec.structs.replace(row.sent, terms=other)}

    return rows(trace, change)


def part(trace: Trace, name: str, which: Callable[[int, Row], bool], change: Callable[[Row], dict[str, Any]]) -> Trace:
    """A reading of some rows changed."""

    def of(at: int, row: Row) -> dict[str, Any]:
        reading = getattr(row, name)
        if reading is None or not which(at, row):
            return {}
        return {name: msgspec.structs.replace(reading, **change(row))}

    return rows(trace, of)


def without_log(trace: Trace, who: str, what: str) -> Trace:
    return replace(trace, log=tuple(line for line in trace.log if not (line[1] == who and line[2].startswith(what))))


def with_log(trace: Trace, at_s: float, who: str, what: str) -> Trace:
    return replace(trace, log=tuple(sorted((*trace.log, (at_s, who, what)))))


def acts(trace: Trace, *more: Act, without: Callable[[Act], bool] = lambda _: False) -> Trace:
    kept = [act for act in trace.acts if not without(act)]
    return replace(trace, acts=tuple(sorted((*kept, *more), key=lambda act: act.at_s)))


def exposures(trace: Trace, **changes: Any) -> Trace:
    fractions = tuple({**f, "exposures": [{**e, **changes} for e in f["exposures"]]} for f in trace.fractions)
    return replace(trace, fractions=fractions)


def lied(trace: Trace, **changes: Any) -> Trace:
    """Killed, a channel counted far too much, and the records tell its dose as the upper bound of one that nobody knows."""
    killed = acts(trace, Act(trace.rows[-1].t - 0.01, "host", "killed"))
    told = {"delivered_mgy": 900.0, "high_mgy": 900.0, "low_mgy": 0.0, "quality": "UNKNOWN"} | changes
    return exposures(with_log(killed, trace.rows[-1].t - 0.005, "fault", "chamber-1-jumps starts"), **told)


def paper(trace: Trace, **changes: Any) -> Trace:
    """The certificate that the world was built with is another."""
    assert trace.rig.paper is not None
    return replace(trace, rig=replace(trace.rig, paper=replace(trace.rig.paper, **changes)))


def fraction(trace: Trace, **changes: Any) -> Trace:
    return replace(trace, fractions=tuple({**f, **changes} for f in trace.fractions))


def starts(trace: Trace, change: Callable[[Any], Any], last: bool = False) -> Trace:
    """START entries changed, all of them or only the last."""
    final = max(e.index for e in trace.entries if e.kind == words.START)
    return replace(
        trace,
        entries=tuple(
            change(e) if e.kind == words.START and (e.index == final or not last) else e for e in trace.entries
        ),
    )


def field(place: int, value: Any) -> Callable[[Any], Any]:
    return lambda e: replace(e, fields=[*e.fields[:place], value, *e.fields[place + 1 :]])


def shown(trace: Trace, which: Callable[[Any], bool], **changes: Any) -> Trace:
    return replace(trace, shown=tuple(replace(s, **changes) if which(s) else s for s in trace.shown))


def from_on(trace: Trace, add_mgy: float) -> Trace:
    """More true dose, given after the first ON."""
    place = on_row(trace)
    return rows(trace, lambda at, row: {"mgy": row.mgy + add_mgy} if at > place + 50 else {})


def other_counts(trace: Trace, one: float, two: float) -> Trace:
    place = on_row(trace)
    first = trace.rows[place].unit
    assert first is not None

    def change(row: Row) -> dict[str, Any]:
        assert row.unit is not None
        return {
            "counts_1": first.counts_1 + round((row.unit.counts_1 - first.counts_1) * one),
            "counts_2": first.counts_2 + round((row.unit.counts_2 - first.counts_2) * two),
        }

    return part(trace, "unit", lambda at, _: at > place, change)


def door_opens(trace: Trace) -> int:
    """The place of the row in which the door has opened in beam."""
    faults = [at for at, who, what in trace.log if who == "fault" and what == "door-open starts"]
    return Story(trace, Expectation()).place(faults[0])


def moment(trace: Trace, kind: str, what: str, extra_s: float = 0.0) -> Act:
    return Act(trace.rows[mid(trace)].t + extra_s, kind, what)


def relabelled(trace: Trace) -> Trace:
    """The run as that of a second process."""
    return at_rows(trace, lambda *_: True, host=2)


def first_in(trace: Trace, state: str) -> int:
    return next(at for at, row in enumerate(trace.rows) if row.state == state)


def elsewhere(trace: Trace, what: str, granted: bool = True, extra_s: float = 0.0) -> Trace:
    """Another client asks in the middle of the beam, while the operator's holds the desk, and is granted it."""
    at_s = trace.rows[mid(trace)].t + extra_s
    asked = acts(trace, Act(at_s, "came", what, {"client": 7}))
    return acts(asked, Act(at_s + 0.001, "elsewhere", what, {"ok": True, "client": 7})) if granted else asked


def unheeded(trace: Trace, what: str = "stop") -> Trace:
    """Another client's STOP comes in beam, and nothing follows."""
    return elsewhere(trace, what, granted=False)


def later_by(trace: Trace, what: str) -> Trace:
    """A client that had asked when the lease had ended, by a tenth of a second."""
    gone = acts(trace, without=lambda act: act.kind in ("came", "told") and act.at_s > trace.rows[mid(trace)].t)
    last = max(act.at_s for act in gone.acts if act.kind == "came" and act.at_s <= trace.rows[mid(trace)].t)
    return elsewhere(gone, what, extra_s=last + 2.1 - trace.rows[mid(trace)].t)


def cleared_by(trace: Trace, **changes: Any) -> Trace:
    """Somebody else clears a latch than had asked."""
    places = {"rule": 0, "role": 1, "who": 2, "reason": 3}

    def change(entry: Any) -> Any:
        for name, value in changes.items():
            entry = field(places[name], value)(entry)
        return entry

    return replace(trace, entries=tuple(change(e) if e.kind == words.LATCH_CLEARED else e for e in trace.entries))


def twice(trace: Trace, kind: int, seq: int | None = None) -> Trace:
    """One entry of this kind once more in the journal, as it was or under another number."""
    place, entry = next((at, e) for at, e in enumerate(trace.entries) if e.kind == kind)
    again = entry if seq is None else replace(entry, seq=seq)
    return replace(trace, entries=(*trace.entries[:place], again, *trace.entries[place:]))


def without_tokens(trace: Trace, starts: int) -> Trace:
    """Two more ends in the journal, as they are written where no token came, of so many STARTs."""
    end = next(e for e in trace.entries if e.kind == words.TERMINAL)
    more = (field(1, 10**6 + at % starts)(field(0, 0)(replace(end, seq=10**6 + at, token=0))) for at in range(2))
    return replace(trace, entries=(*trace.entries, *more))


def without_event(trace: Trace, event: str) -> Trace:
    """What the journal holds of this event is gone."""
    return replace(
        trace, entries=tuple(e for e in trace.entries if not (e.kind == words.EVENT and e.fields[1] == event))
    )


def offered(trace: Trace, **changes: Any) -> Trace:
    return shown(trace, lambda s: bool(s.offer), **changes)


def crossed(trace: Trace, **changes: Any) -> Trace:
    """A question leaves over another one."""
    one = replace(Crossed(trace.rows[mid(trace)].t, "generator", 0.01, False), **changes)
    return replace(trace, crossed=(*trace.crossed, one))


def misread(trace: Trace, name: str, **changes: Any) -> Trace:
    """One reading in the middle of the beam is another value's."""
    return part(trace, name, lambda at, _: at == mid(trace), lambda _: changes)


def another_name(trace: Trace) -> Trace:
    """A patient's number in the words of a change of state."""
    patient = next(e for e in trace.entries if e.kind == words.START).fields[5]["patient_id"]
    said = next(e for e in trace.entries if e.kind == words.EVENT)
    told = replace(said, fields=[*said.fields[:4], f"the fraction of {patient}"])
    return replace(trace, entries=tuple(told if e is said else e for e in trace.entries))


def confirmed_another(act: Act) -> Act:
    """The person confirmed another digest than was on offer."""
    confirms = (act.kind, act.what) == ("asked", "confirm")
    return replace(act, detail={**act.detail, "digest": b"x" * 32}) if confirms else act


def unasked(act: Act) -> bool:
    return (act.kind, act.what) != ("asked", "confirm")


def confirmed_by_number(trace: Trace, number: int) -> Trace:
    """The person confirmed the offer of another number, with the right digest."""
    return replace(
        trace,
        acts=tuple(
            act if unasked(act) else replace(act, detail={**act.detail, "offer_id": number}) for act in trace.acts
        ),
    )


def withdrawn(trace: Trace) -> Trace:
    """The desk was shown, just before the confirmation, that nothing is on offer any more."""
    at_s = Story(trace, Expectation()).confirmed[0][0]
    last = next(s for s in reversed(trace.shown) if s.at_s <= at_s and s.offer)
    gone = replace(last, at_s=at_s, offer=b"", offer_id=0)
    before = tuple(s for s in trace.shown if s.at_s <= at_s)
    return replace(trace, shown=(*before, gone, *trace.shown[len(before) :]))


def told_twice(trace: Trace) -> Trace:
    """One change of state once more in the journal."""
    moved = next(e for e in trace.entries if e.kind == words.EVENT and e.fields[0] != e.fields[2])
    return replace(trace, entries=(*trace.entries, replace(moved, seq=10**6)))


Alter = Callable[[Trace], Trace]

ALTERED: tuple[tuple[str, str, Alter], ...] = (
    ("1", "not from READY", lambda t: at_on(t, before=1, state="PREPARATORY")),
    ("1", "over a verdict that forbids", lambda t: at_on(t, forbids=True, blocks=("door",))),
    ("1", "door open", lambda t: at_on(t, contacts=int(~Contact.DOOR & 0x3F))),
    ("1", "key in no place", lambda t: at_on(t, contacts=int(~(Contact.KEY_TREAT | Contact.KEY_SERVICE) & 0x3F))),
    ("1", "something latched", lambda t: at_on(t, latched=1)),
    ("1", "READY too long ago", lambda t: at_rows(t, lambda at, _: at == first_in(t, "READY"), t=t.rows[first_in(t, "READY")].t - 61.0)),
    ("1", "no press", lambda t: without_log(t, "unit", "K1 coil on")),
    ("1", "no ON taken", lambda t: without_log(t, "generator", "HV ON accepted")),
    ("2", "another digest confirmed", lambda t: replace(t, acts=tuple(map(confirmed_another, t.acts)))),
    ("2", "another digest recorded", lambda t: starts(t, field(0, b"x" * 32))),
    ("2", "another digest planned", lambda t: at_on(t, plan_digest=b"x" * 32)),
    ("2", "another kV read back", lambda t: part(t, "points", lambda at, _: at == on_row(t), lambda _: {"kv_counts": 1})),
    ("2", "another active set read back", lambda t: part(t, "active", lambda at, _: at == on_row(t), lambda _: {"block": bytes(56)})),
    ("2", "another kV held in beam", lambda t: rows(t, lambda _, row: {"held": (1, *row.held[1:])} if row.kv > 5.0 else {})),
    ("2", "another active set held in beam", lambda t: at_rows(t, lambda _, row: row.kv > 5.0, active_set=bytes(56))),
    ("3", "beam in READY, contactors driven", lambda t: at_rows(t, lambda _, row: beam(row), state="READY")),
    ("3", "beam with the host dead", lambda t: at_rows(t, lambda _, row: beam(row), state="", sent=None, unit=None)),
    ("3", "beam after the end", lambda t: at_rows(t, lambda _, row: row.state in ("TERMINATED", "STANDBY") and row.t > t.rows[on_row(t)].t, kv=60.0, ma=1.0)),
    ("4", "STOP and no OFF", lambda t: acts(t, moment(t, "hand", "stop"))),
    ("4", "STOP, and ON in its tick", lambda t: acts(t, Act(t.rows[on_row(t)].t - 0.005, "hand", "stop"))),
    ("5", "no confirmation", lambda t: acts(t, without=lambda a: (a.kind, a.what) == ("told", "confirm"))),
    ("5", "no load", lambda t: acts(t, without=lambda a: (a.kind, a.what) == ("told", "load"))),
    ("6", "one more ON on the wire", lambda t: replace(t, wrote=(*t.wrote, Wrote(t.rows[mid(t)].t, "x", "on")))),
    ("6", "one more ON at the generator", lambda t: with_log(t, t.rows[mid(t)].t, "generator", "HV ON repeated")),
    ("7", "an old status", lambda t: part(t, "unit", lambda at, _: at == mid(t), lambda row: {"asked_at_s": row.t - 0.5})),
    ("7", "an old kV", lambda t: part(t, "monitor", lambda at, _: at == mid(t), lambda row: {"asked_at_s": row.t - 0.5})),
    ("7", "flags of tomorrow", lambda t: part(t, "flags", lambda at, _: at == mid(t), lambda row: {"asked_at_s": row.t + 1.0})),
    ("7", "a status truly old", lambda t: rows(t, lambda at, row: {"scan": row.scan + 5000} if abs(at - mid(t)) < 30 else {})),
    ("8", "too much", lambda t: from_on(t, 20.0)),
    ("8", "too little", lambda t: from_on(t, -20.0)),
    ("9", "far too much", lambda t: from_on(t, 200.0)),
    ("10", "kV above the machine's", lambda t: at_rows(t, lambda _, row: beam(row), kv=150.0)),
    ("10", "mA above the machine's", lambda t: at_rows(t, lambda _, row: beam(row), ma=50.0)),
    ("10", "more than skin may get", lambda t: from_on(t, 30_000.0)),
    ("10", "longer than any exposure", lambda t: replace(t, rig=replace(t.rig, limits={**t.rig.limits, "time_max_s": 1.0}))),
    ("11", "a high bound below the truth", lambda t: exposures(t, high_mgy=100.0)),
    ("12", "START on the disk after ON", lambda t: starts(t, lambda e: replace(e, seen_s=math.inf))),
    ("12", "no START at all", lambda t: starts(t, lambda e: replace(e, token=0))),
    ("13", "lost dose after a kill", lambda t: exposures(acts(t, Act(t.rows[-1].t - 0.01, "host", "killed")), high_mgy=1.0, delivered_mgy=1.0)),
    ("13", "far too much after a kill", lambda t: exposures(acts(t, Act(t.rows[-1].t - 0.01, "host", "killed")), delivered_mgy=900.0, high_mgy=900.0)),
    ("13", "a lower bound above the truth where a channel lied", lambda t: lied(t, low_mgy=600.0)),
    ("13", "an upper bound told as a known dose where a channel lied", lambda t: lied(t, quality="KNOWN")),
    ("13", "an exposure lost in a kill", lambda t: replace(acts(t, Act(t.rows[-1].t - 0.01, "host", "killed")), fractions=())),
    ("13", "a torn journal after a kill", lambda t: replace(acts(t, Act(t.rows[-1].t - 0.01, "host", "killed")), chain=replace(t.chain, words="torn"))),
    ("14", "began in STANDBY", lambda t: at_rows(relabelled(t), lambda at, _: at == 0, state="STANDBY")),
    ("14", "armed in the self-test", lambda t: sent(t, lambda at, _: at == 5, command="arm")),
    ("14", "STANDBY with kV read", lambda t: part(t, "monitor", lambda at, _: at == first_in(t, "STANDBY"), lambda _: {"kv": 60.0})),
    ("14", "STANDBY with kV of long ago", lambda t: part(t, "monitor", lambda at, _: at == first_in(t, "STANDBY"), lambda row: {"asked_at_s": row.t - 1.0})),
    ("14", "STANDBY with the unit of long ago", lambda t: part(t, "unit", lambda at, _: at == first_in(t, "STANDBY"), lambda row: {"asked_at_s": row.t - 1.0})),
    ("14", "STANDBY with kV on", lambda t: at_rows(t, lambda at, _: at == first_in(t, "STANDBY"), kv=60.0)),
    ("14", "never disarmed", lambda t: replace(t, firsts=tuple(one for one in t.firsts if one.part != "unit"))),
    ("14", "the generator never sent OFF", lambda t: replace(t, firsts=tuple(one for one in t.firsts if one.part != "generator"))),
    ("14", "a set-point before OFF", lambda t: replace(t, firsts=tuple(replace(one, is_off=one.part != "generator") for one in t.firsts))),
    ("14", "staging before DISARM", lambda t: replace(t, firsts=tuple(replace(one, is_off=one.part != "unit") for one in t.firsts))),
    ("14", "OFF after STANDBY", lambda t: replace(t, firsts=tuple(replace(one, at_s=one.at_s + 60.0) for one in t.firsts))),
    ("14", "STANDBY in beam without kV", lambda t: rows(t, lambda at, row: {"mgy": row.mgy + 0.01 * at} if at <= first_in(t, "STANDBY") else {})),
    ("15", "no end", lambda t: exposures(t, provisional=True)),
    ("15", "two exposures of one token", lambda t: replace(t, fractions=(*t.fractions, *t.fractions))),
    ("15", "segments that do not add up", lambda t: fraction(t, delivered_mgy=5.0)),
    ("15", "a rest that is not the rest", lambda t: fraction(t, rest_mgy=50.0)),
    ("17", "delivered falls", lambda t: at_rows(t, lambda at, _: at == mid(t), delivered=0.0)),
    ("17", "beam time falls", lambda t: at_rows(t, lambda at, _: at == mid(t), beam_s=0.0)),
    ("17", "numbers of the ring fall", lambda t: at_rows(t, lambda at, _: at == mid(t), seq=0)),
    ("17", "durable numbers fall", lambda t: at_rows(t, lambda at, _: at == mid(t), durable=0)),
    ("17", "a set time of 0", lambda t: terms(t, set_time_s=0.0)),
    ("17", "a set time that is no number", lambda t: terms(t, set_time_s=math.nan)),
    ("18", "more beam than the timer's limit", lambda t: terms(t, timer_limit_s=2.0)),
    ("18", "beam after the preset", lambda t: part(t, "unit", lambda at, _: at == mid(t), lambda _: {"beam_ms": 10**6})),
    ("19", "channels apart", lambda t: other_counts(t, 1.0, 0.8)),
    ("19", "a dead channel", lambda t: other_counts(t, 0.0, 0.0)),
    ("20", "STOPPING for ever", lambda t: at_rows(t, lambda _, row: beam(row), state="STOPPING")),
    ("20", "beam shown off", lambda t: shown(t, lambda s: s.beam == "on", beam="off")),
    ("21", "mA of another device", lambda t: misread(t, "monitor", ma=0.8)),
    ("21", "a filament of another device", lambda t: misread(t, "monitor", filament_a=1.0)),
    ("21", "a state of another time", lambda t: misread(t, "unit", state=0x4444)),
    ("21", "a token of another exposure", lambda t: misread(t, "unit", token=1)),
    ("21", "contacts of another time", lambda t: misread(t, "unit", contacts_a=0)),
    ("21", "a scan of another time", lambda t: misread(t, "unit", scan=1)),
    ("21", "beam time of another time", lambda t: misread(t, "unit", beam_ms=1)),
    ("21", "counts of another time", lambda t: misread(t, "unit", counts_2=1)),
    ("21", "a tampered wire of the unit is no excuse", lambda t: with_log(misread(t, "unit", counts_1=1), t.rows[0].t, "fault", "unit-wire-stale starts")),
    ("21", "a drifted shunt is no excuse for kV", lambda t: with_log(misread(t, "monitor", kv=20.0), t.rows[0].t, "fault", "ma-reads-low starts")),
    ("21", "a question over an open one", crossed),
    ("21", "a value of another time", lambda t: part(t, "monitor", lambda at, _: at == mid(t), lambda _: {"kv": 20.0})),
    ("22", "another state shown", lambda t: shown(t, lambda s: s.state == "IRRADIATING", state="STANDBY")),
    ("22", "an old state shown", lambda t: replace(t, shown=tuple(replace(s, at_s=s.at_s + 1.5) for s in t.shown))),
    ("22", "SIMULATED left out", lambda t: shown(t, lambda _: True, simulated=False)),
    ("22", "an offer of another number confirmed", lambda t: confirmed_by_number(t, 0)),
    ("22", "an offer that was withdrawn confirmed", withdrawn),
    ("22", "nothing confirmed at all", lambda t: replace(t, acts=tuple(filter(unasked, t.acts)))),
    ("22", "another kV offered", lambda t: offered(t, offer_kv_counts=1)),
    ("22", "another mA offered", lambda t: offered(t, offer_ma_counts=1)),
    ("22", "another offer shown", lambda t: shown(t, lambda s: bool(s.offer), offer=b"x" * 32)),
    ("23", "another client obeyed", lambda t: elsewhere(t, "load")),
    ("23", "STOP of another client not taken", unheeded),
    ("24", "a chain that does not fit", lambda t: replace(t, chain=replace(t.chain, words="changed"))),
    ("24", "a secret in the journal", lambda t: replace(t, chain=replace(t.chain, secret=True))),
    ("24", "a change of state not told", lambda t: replace(t, entries=tuple(e for e in t.entries if not (e.kind == words.EVENT and e.fields[2] == "READY")))),
    ("24", "a change of state told twice", told_twice),
    ("24", "an entry of the ring told twice", lambda t: twice(t, words.EVENT)),
    ("24", "a confirmation not told", lambda t: without_event(t, "CONFIRM")),
    ("24", "a close told as something else", lambda t: at_rows(t, lambda _, row: row.event == "CLOSE", event="EDIT")),
    ("24", "a START told twice", lambda t: twice(t, words.START)),
    ("24", "a START of the same token under another number", lambda t: twice(t, words.START, 10**6)),
    ("24", "a START not told", lambda t: replace(t, entries=tuple(e for e in t.entries if e.kind != words.START))),
    ("24", "an end told twice", lambda t: twice(t, words.TERMINAL, 10**6)),
    ("24", "an end without a token told twice", lambda t: without_tokens(t, 1)),
    ("24", "a patient in words", another_name),
    ("24", "a backup ended the beam, and nobody is asked for", lambda t: ended_for(t, 4)),
    ("24", "a contactor ended the beam, and nobody is asked for", lambda t: ended_for(t, 17)),
    ("24", "the other preset ended the beam, and nobody is asked for", lambda t: ended_for(t, 2)),
    ("25", "another applicator fitted", lambda t: at_on(t, applicator=0x53)),
    ("25", "another filter fitted", lambda t: at_on(t, filter=0x6D)),
    ("25", "an expired certificate", lambda t: terms(t, certificate_expires_wall_s=1.0)),
    ("25", "no certificate", lambda t: starts(t, field(7, b""))),
    ("25", "another certificate named", lambda t: starts(t, field(6, "SIM-1999-01"))),
    ("25", "a certificate that nobody signed", lambda t: paper(t, signers=())),
    ("25", "a name plate for a patient", lambda t: paper(t, signers=(), provisional=True)),
    ("25", "a certificate of the past", lambda t: paper(t, expires_s=1.0)),
    ("25", "a certificate of the future", lambda t: paper(t, effective_s=9e9)),
    ("25", "expired by the recorder's clock", lambda t: starts(t, lambda e: replace(e, wall_s=9e9))),
    ("25", "no certificate in the world", lambda t: replace(t, rig=replace(t.rig, paper=None))),
    ("25", "another rate than the certificate's", lambda t: starts(t, lambda e: field(8, {**e.fields[8], "r0_mgy_per_s": 1.0})(e))),
    ("25", "a START of another applicator", lambda t: starts(t, lambda e: field(8, {**e.fields[8], "applicator_code": 0x53})(e))),
    ("25", "no check of the day", lambda t: replace(t, rig=replace(t.rig, waives_day=False))),
    ("TOKEN", "armed before START was on the disk", lambda t: starts(t, lambda e: replace(e, seen_s=t.rows[on_row(t)].t - 0.01))),
    ("LEASE", "renewed after a tick without HOLD", lambda t: sent(t, lambda at, _: at == mid(t), command="watch")),
    ("LEASE", "renewed over a verdict that forbids", lambda t: at_rows(t, lambda at, _: at == mid(t), forbids=True)),
    ("LEASE", "renewed late", lambda t: rows(t, lambda at, row: {"t": row.t + 0.2} if at > mid(t) else {})),
    ("PRESS", "nobody pressed", lambda t: at_rows(acts(t, without=lambda a: a.what == "pressed"), lambda *_: True, switch=False)),
    ("PRESS", "the switch was always closed", lambda t: at_rows(acts(t, without=lambda a: a.what == "pressed"), lambda *_: True, switch=True)),
    ("ONCE", "ON twice for its token", lambda t: replace(t, wrote=(*t.wrote, Wrote(t.rows[on_row(t)].t + 0.02, "x", "on")))),
    ("ONCE", "the generator hears ON twice", lambda t: with_log(t, t.rows[on_row(t)].t + 0.1, "generator", "HV ON repeated")),
    ("DEAD", "K1 driven with the host dead", lambda t: acts(t, moment(t, "host", "killed"))),
    ("VOID", "a READY that was left and has dose", lambda t: at_on(without_log(t, "unit", "K1 coil on"), state="PREPARATORY")),
)  # fmt: skip
"""Which invariant, what is wrong, and the plain run altered so."""


def driven_on(trace: Trace) -> Trace:
    """The door opened, and the safety unit never let K1 go."""
    at_s = trace.rows[door_opens(trace)].t
    return replace(trace, log=tuple(line for line in trace.log if not (line[2] == "K1 coil off" and line[0] >= at_s)))


def still_on(trace: Trace) -> Trace:
    """The door opened, and high voltage stayed."""
    place = door_opens(trace)
    return at_rows(trace, lambda at, _: place <= at < place + 500, kv=60.0, hv_on=True)


def no_off(trace: Trace) -> Trace:
    """The door opened, and no OFF left."""
    place = door_opens(trace)
    return sent(trace, lambda at, _: place <= at < place + 30, command="hold")


def ended_for(trace: Trace, cause: int) -> Trace:
    """The unit's cause in the end is another one."""
    return replace(trace, entries=tuple(field(9, cause)(e) if e.kind == words.TERMINAL else e for e in trace.entries))


ALTERED_RESUMED: tuple[tuple[str, str, Alter], ...] = (
    ("1", "a token used twice", lambda t: sent(t, lambda at, _: at == on_row(t, 1), token=t.rows[on_row(t)].sent.token)),  # type: ignore[union-attr]
    ("4", "no OFF after the door", no_off),
    ("4", "K1 driven on after the door", driven_on),
    ("4", "high voltage on after the door", still_on),
    ("5", "no reset of what was latched", lambda t: acts(t, without=lambda a: (a.kind, a.what) == ("told", "reset"))),
    ("24", "a reset not told", lambda t: without_event(t, "RESET")),
    ("24", "a latch cleared by another person", lambda t: cleared_by(t, who="nobody of these")),
    ("24", "a latch cleared in another role", lambda t: cleared_by(t, role="service")),
    ("24", "a latch cleared without a name", lambda t: cleared_by(t, who="")),
    ("24", "a latch cleared that was not set", lambda t: cleared_by(t, rule="another")),
    ("24", "a latch set twice", lambda t: twice(t, words.LATCH_SET, 10**6)),
    ("5", "no resume", lambda t: acts(t, without=lambda a: (a.kind, a.what) == ("told", "resume"))),
    ("16", "another certificate", lambda t: starts(t, field(6, "other"), last=True)),
    ("16", "another prescription", lambda t: starts(t, field(5, {}), last=True)),
    ("16", "another software", lambda t: starts(t, field(23, "other"), last=True)),
    ("16", "another combination", lambda t: starts(t, lambda e: field(8, {**e.fields[8], "applicator_code": 0x53})(e), last=True)),
    ("16", "another dose given before", lambda t: starts(t, field(11, 1.0), last=True)),
    ("16", "another most that was given before", lambda t: starts(t, field(13, 1.0), last=True)),
    ("21", "ON let out twice for a token", lambda t: sent(t, lambda at, _: at == on_row(t, 1), token=t.rows[on_row(t)].sent.token)),  # type: ignore[union-attr]
)  # fmt: skip
"""The same for the run that was interrupted and resumed."""


@pytest.mark.parametrize(("broken", "what", "alter"), ALTERED, ids=[f"{i}: {w}" for i, w, _ in ALTERED])
def test_an_altered_run_is_caught(plain: Trace, broken: str, what: str, alter: Alter) -> None:
    """The invariant that speaks of what was altered is broken by it."""
    assert is_broken(alter(plain), broken), what


def test_a_dose_that_nobody_knows_may_be_told_as_its_upper_bound(plain: Trace) -> None:
    """After a kill with a channel that lied: what must hold is that the bounds enclose the truth."""
    assert not is_broken(lied(plain), "13")


@pytest.mark.parametrize(("broken", "what", "alter"), ALTERED_RESUMED, ids=[f"{i}: {w}" for i, w, _ in ALTERED_RESUMED])
def test_an_altered_resume_is_caught(resumed: Trace, broken: str, what: str, alter: Alter) -> None:
    """The same, for what only a second segment can show."""
    assert is_broken(alter(resumed), broken), what


def test_no_invariant_is_without_a_run_that_breaks_it() -> None:
    """A predicate that cannot fail would prove nothing."""
    assert {row.id for row in INVARIANTS} == {row[0] for row in (*ALTERED, *ALTERED_RESUMED)}
    assert len({row.id for row in INVARIANTS}) == len(INVARIANTS)


def test_what_the_program_can_see_it_asks_of_itself_or_it_is_said_why_not() -> None:
    """Every row that is judged by what the program sees is a law of the monitor, or stands with a reason; no reason outlives its row, or stands for a law."""
    seen = {row.id for row in INVARIANTS if "obs" in row.kind.split(", ")}
    assert seen - set(LAWS) == set(NOT_ASKED)
    assert all(len(words) > 40 for words in NOT_ASKED.values())
    assert {kind for row in INVARIANTS for kind in row.kind.split(", ")} == set(SEEN_AS)


def test_a_filament_that_is_not_known_is_no_value_to_be_judged() -> None:
    """NaN is what a driver says that has not read it lately; 0 A what one says whose supply tells of none."""
    filament = next(value for value in GENERATOR if value.name == "filament")
    assert [filament.read(SimpleNamespace(filament_a=a)) for a in (math.nan, 0.0, 1.0)] == [None, None, 1.0]


def test_every_invariant_says_what_it_lets_pass() -> None:
    """A tolerance that stands in the code alone is one that nobody has agreed to."""
    assert all(row.lets.endswith(".") for row in INVARIANTS)


def test_places_in_entries_are_those_of_the_structs() -> None:
    """The checker reads entries by place and imports no struct; here they are held together."""
    for name, place in (
        ("digest", 0), ("fraction_tag", 1), ("segment", 3), ("resume", 4), ("prescribed", 5), ("certificate_id", 6), ("certificate_sha256", 7),
        ("combination", 8), ("d0_mgy", 9), ("delivered_mgy", 11), ("software_version", 23), ("wall_s", 26),
    ):  # fmt: skip
        assert Start.__struct_fields__[place] == name
    assert (words.START, words.TERMINAL, words.EVENT) == (EntryType.START, EntryType.TERMINAL, EntryType.EVENT)
    assert Event.NONE == _NONE
    states = {state.value for state in State}
    assert states >= {*words.BEAMING, *words.IN_BEAM, *words.ENDS}
