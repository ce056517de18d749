"""The wall clock is set while a real-time process runs: its own wall time, in START and TERMINAL, follows no such thing, and the recorder's does. What has
passed since a beam is judged by the recorder's alone, and a process that goes by another clock is given nothing until it is started again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from records_bench import Rig, prescribed

from controller.entries import Ack, Outcome, Query
from hal.readings import Purpose
from records.book import Exposure
from records.clearance import Day, judge
from records.day_forms import DaySite
from records.fractions import list_fractions
from records.sheets import Signers

HOUR_S = 3600.0
SET = re.compile(r"the clock was set by [+-]\d+ s since the real-time process began \(at most 120\)")
FIRST = "see that the clock is right, then restart the real-time process (kerma run)"
SITE = DaySite("UTC", Signers())


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.new_recorder()
    made.run(0.2)
    yield made
    made.close()


def answered(rig: Rig, **changed: object) -> str:
    """What the records say to this question; empty where it is cleared."""
    order = changed.pop("order", None)
    rig.host.query(order, **changed)  # type: ignore[arg-type]
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.query_seq == rig.host.queries
    return clearance.refused


def given_by_an_old_clock(rig: Rig, seconds: float, outcome: Outcome, **changed: object) -> Exposure:
    """An exposure as a program of before wrote it, which asked for no clocks: its START and its end bear the process's own wall time, and the recorder takes
    them by the clock that was set. The START itself is told the recorder's, so that it gets its token."""
    rig.to_beam(wall_s=rig.clock.wall, **changed)  # type: ignore[arg-type]
    rig.run(seconds, beam=True)
    rig.end_beam(outcome)
    assert rig.recorder is not None
    last = next(reversed(rig.recorder.book.exposures.values()))
    assert last.end is not None and last.end.wall_s == pytest.approx(rig.host.wall_s, abs=0.1)
    return last


@pytest.mark.parametrize("set_s", [-72.0 * HOUR_S, -0.5 * HOUR_S, -121.0, 121.0, 72.0 * HOUR_S])
def test_nothing_is_cleared_for_a_process_that_goes_by_another_clock_than_the_recorder(rig: Rig, set_s: float) -> None:
    """Set by more than 120 s, in either direction: the question says by how much, what is allowed, and what to do first. START gets no token for the same
    reason: between the question and the press lies a clock that is set as well as any other thing. A new process has the clock of now."""
    rig.clock.wall += set_s
    said = answered(rig)
    assert SET.search(said) and f"{set_s:+.0f} s" in said and FIRST in said
    rig.host.confirm()
    rig.run(0.02)
    assert rig.host.take_token() == 0 and SET.search(rig.host.statement().refused)
    rig.clock.wall += max(0.0, -2.0 * set_s)
    rig.restart_host()
    rig.run(0.2)
    assert SET.search(answered(rig)) is None


@pytest.mark.parametrize("set_s", [-119.0, 119.0])
def test_what_a_clock_may_drift_apart_is_no_reason(rig: Rig, set_s: float) -> None:
    """The same 120 s as of the day's check and of the warm-up. What is set back is still refused as being before the last record, until that is passed."""
    rig.clock.wall += set_s
    said = answered(rig)
    assert SET.search(said) is None and ("before the last record" in said) is (set_s < 0.0)
    rig.run(0.02)
    rig.clock.go(120.0)
    rig.host.confirm()
    rig.run(0.02)
    assert rig.host.take_token() > 0


def test_what_lay_in_the_ring_is_judged_by_the_clock_of_when_it_was_written(rig: Rig) -> None:
    """A question that waited ten minutes for a recorder is late, and no clock was set."""
    rig.drop_recorder()
    rig.host.query()
    rig.host.tick()
    rig.clock.go(600.0)
    rig.new_recorder()
    rig.run(0.1)
    clearance = rig.host.statement().clearance
    assert clearance is not None and SET.search(clearance.refused) is None


def test_a_clock_that_is_no_number_gets_nothing(rig: Rig) -> None:
    assert "the clock was set by +nan s" in answered(rig, wall_s=float("nan"))
    rig.host.confirm(wall_s=float("nan"))
    rig.run(0.02)
    assert rig.host.take_token() == 0 and "START.wall_s is no number" in rig.host.statement().refused


def test_no_second_fraction_on_the_day_of_the_first_where_time_sync_stepped_the_clock(rig: Rig) -> None:
    """The computer boots with a stale clock, and 72 h are made up for after the process has begun. Nothing is loaded; and where a START did pass, the interval
    to the next fraction is counted by the clock that both of its ends are judged by: ten minutes are not three days."""
    rig.clock.wall += 72.0 * HOUR_S
    rig.run(0.2)
    assert SET.search(answered(rig))
    given_by_an_old_clock(rig, 17.9, Outcome.TERMINATED)
    rig.host.reset()
    rig.clock.go(600.0)
    said = answered(rig, order=prescribed(fraction=2), wall_s=rig.clock.wall)
    assert said == "0.2 h since the last fraction of this lesion, at least 20 (prescription min_interval_h): wait"
    (row,) = list_fractions(rig.folder / "records.sqlite")
    assert row["ended_wall_s"] == pytest.approx(rig.clock.wall - 600.0, abs=1.0), "the list of what is due says other"
    rig.restart_host()
    rig.run(0.2)
    assert "0.2 h since the last fraction" in answered(rig, order=prescribed(fraction=2))


def test_no_operator_resumes_after_fifty_minutes_where_the_clock_was_set_back(tmp_path: Path) -> None:
    """Half an hour set back before anything stood in the records: by the process's clock the end was half an hour in the future, and fifty minutes were
    twenty."""
    rig = Rig(tmp_path)
    rig.clock.wall -= 0.5 * HOUR_S
    rig.new_recorder()
    rig.run(0.05)
    given_by_an_old_clock(rig, 8.0, Outcome.INTERRUPTED)
    rig.clock.go(3000.0)
    said = answered(rig, resume=True, reason="r", wall_s=rig.clock.wall)
    assert "a physicist is needed: 50 min since the last beam (at most 30)" in said
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.last_end_wall_s == pytest.approx(rig.clock.wall - 3000.0, abs=0.1)
    rig.close()


def test_the_day_of_a_rest_is_that_of_the_recorders_clock(rig: Rig) -> None:
    """A day set forward, and ten minutes later it is the same day: by the process's clock it was the day before."""
    rig.clock.wall += 24.0 * HOUR_S
    given_by_an_old_clock(rig, 8.0, Outcome.INTERRUPTED)
    rig.clock.go(60.0)
    assert answered(rig, resume=True, reason="r", wall_s=rig.clock.wall) == ""
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.same_day


def test_the_hours_charge_is_of_the_recorders_hour(rig: Rig) -> None:
    """28.8 mAs were asked for ten minutes ago, though START bears the time of three days before; an hour after the last tick they are none."""
    rig.to_beam()
    rig.clock.wall += 72.0 * HOUR_S
    rig.run(17.9, beam=True)
    rig.end_beam()
    assert rig.recorder is not None
    seen = next(iter(rig.recorder.book.exposures.values())).seen
    rig.host.reset()
    rig.clock.go(600.0)
    answered(rig, order=prescribed(fraction=2), wall_s=rig.clock.wall)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.hour_mas == pytest.approx(28.8)
    rig.clock.go(seen.wall_s + HOUR_S - rig.clock.wall)
    answered(rig, order=prescribed(fraction=2), wall_s=rig.clock.wall)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.hour_mas == 0.0


def test_an_end_is_dated_by_its_last_tick_by_the_recorders_clock_also_if_it_is_set_in_beam(rig: Rig) -> None:
    """The END that the process writes itself, and every column that is read of it."""
    rig.to_beam()
    rig.run(4.0, beam=True)
    rig.clock.wall += HOUR_S
    rig.run(4.0, beam=True)
    rig.end_beam(Outcome.INTERRUPTED)
    assert rig.recorder is not None
    (exposure,) = rig.recorder.book.exposures.values()
    assert exposure.end is not None and exposure.end_wall_s == exposure.seen.wall_s
    assert exposure.end_wall_s == pytest.approx(exposure.end.wall_s + HOUR_S, abs=0.1)
    assert SET.search(answered(rig, resume=True, reason="r"))


def test_a_question_of_before_bears_no_clock_and_is_read_as_ever(rig: Rig) -> None:
    """A process of the program before this one, still running as its recorder is exchanged: its question is answered, and its START bears a clock."""
    assert answered(rig, wall_s=0.0) == ""
    query = Query(1, 5, 5, False, False, "", prescribed(purpose=Purpose.TREAT), b"k" * 32, "1.0", 7.0)
    packed = msgspec.msgpack.encode(query)
    short = msgspec.msgpack.encode(msgspec.msgpack.decode(packed)[:-1])
    before = msgspec.msgpack.decode(short, type=Query)
    assert before == msgspec.structs.replace(query, wall_s=0.0)
    assert rig.recorder is not None
    assert judge(rig.recorder.book, before, Day(SITE, None, rig.clock.now, rig.clock.wall, True), "").refused == ""


def test_what_was_confirmed_before_the_clock_was_set_gets_no_token(rig: Rig) -> None:
    """Cleared by one clock, confirmed by another: no START becomes durable with a token, and the host is told why."""
    assert answered(rig) == ""
    rig.clock.wall += HOUR_S
    rig.host.confirm()
    rig.run(0.02)
    ack = rig.host.ack()
    assert isinstance(ack, Ack) and ack.token == 0
    assert SET.search(rig.host.statement().refused)
