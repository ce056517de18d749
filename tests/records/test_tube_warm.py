"""Shows that a tube is warm by its own use alone (G22): who warms it up, the lock and a draft ask the same of it, whatever tube was built in or clock was
set meanwhile."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from day_bench import (
    DayRig,
    fit_tube,
    made,
)
from records_bench import COMBINATION, prescribed

from calibration.warm_up import following
from console.calibrate.exposing import Kept
from console.day import warm_up, work
from console.tube_use import in_use, warmed_at
from controller.entries import Outcome
from hal.readings import Purpose
from records import fractions
from records.store import engine_for, place_of
from records.warm_up import LADDER, Beam, of_tube, row_of


def test_g22_idle_time_asks_for_its_warm_up_and_minutes_alone_do_not_end_it(tmp_path: Path) -> None:
    rig = made(tmp_path)
    rig.used(10 * 3600.0)
    wanted = prescribed(purpose=Purpose.DAILY, patient_id="CALIBRATION", fraction=9)
    assert "the tube had no beam for 10.0 h" in rig.refused(wanted)
    rig.warm_up()
    said = rig.refused(wanted)
    assert "warm-up: 60 s of beam, at least 300 s after 10.0 h without" in said, said
    rate = rig.unit.rate
    for turn in range(5):
        rig.unit.rate = rate * (1.0 + 0.006 * (turn % 2))
        rig.expose(Purpose.WARMUP, 60.0)
    assert "its last 3 exposures are not of 10 s, whole, and within 0.5 %" in rig.refused(wanted), (
        "the minutes are there"
    )
    rig.unit.rate = rate
    for _ in range(3):
        rig.expose(Purpose.WARMUP, 20.0)
        rig.clock.go(900.0)
    assert "within 0.5 % of each other and 30 min" in rig.refused(wanted), (
        "a tube that cools in between is as cold each time"
    )
    rig.warm_up(3)
    assert rig.refused(wanted) == ""
    assert "steady at 69.5 kV, and 90 kV is asked for" in rig.refused(msgspec.structs.replace(wanted, kv=90.0))
    rig.clock.go(4 * 3600.0 + 1.0)
    assert "the tube had no beam for 4.0 h (today and at most 4 h without)" in rig.refused(wanted)
    rig.close()


def test_g22_a_warm_up_of_short_or_broken_exposures_or_without_a_chamber_is_none(tmp_path: Path) -> None:
    rig = made(tmp_path)
    rig.used()
    wanted = prescribed(purpose=Purpose.DAILY, patient_id="CALIBRATION", fraction=9)
    rig.expose(Purpose.WARMUP, 60.0)
    for short_s, outcome in ((9.5, Outcome.TERMINATED), (20.0, Outcome.INTERRUPTED)):
        rig.expose(Purpose.WARMUP)
        rig.expose(Purpose.WARMUP)
        rig.expose(Purpose.WARMUP, short_s, outcome)
        assert "its last 3 exposures are not of 10 s" in rig.refused(wanted)
    rig.unit.rate = 0.0
    rig.warm_up()
    assert "its last 3 exposures are not of 10 s" in rig.refused(wanted), "a dead chamber is steady"
    rig.close()


def test_g22_the_ladder_asks_for_more_the_longer_the_tube_rested_and_most_where_nobody_knows() -> None:
    hours = (1, 8, 8.01, 72, 72.01, 24 * 30, 24 * 30.1, 24 * 90, 24 * 91, float("inf"))
    assert [row_of(h * 3600.0).beam_s for h in hours] == [60, 60, 300, 300, 900, 900, 1800, 1800, 3600, 3600]
    assert [row.idle_most_s for row in LADDER] == sorted(row.idle_most_s for row in LADDER)
    assert row_of(float("nan")) is LADDER[-1]


def _forget_tubes(rig: DayRig) -> None:
    """The database as it was before it was told which tube came when."""
    engine = engine_for(place_of(rig.config.database))
    with engine.begin() as connection:
        assert connection.exec_driver_sql("DELETE FROM events WHERE kind = 'TUBE'").rowcount > 0
    engine.dispose()


def _kept(rig: DayRig, *, of_this_tube: bool = True) -> tuple[Beam, ...]:
    return fractions.beams_kept(rig.config.database, rig.clock.wall - rig.clock.now, of_this_tube=of_this_tube)


def test_g22_another_tubes_warm_up_and_that_of_before_a_tube_was_taken_out_count_for_nothing(tmp_path: Path) -> None:
    """A was warmed up; a spare that nobody used for weeks is built in and is cold, with the longest ladder before it; A comes back and is cold again.
    The same by the recorder that ran, by one that reads the journal anew, and by the database that `kerma warm-up` asks: also one that knew no such
    events before."""
    rig = made(tmp_path)
    rig.opened()
    wanted = prescribed(purpose=Purpose.DAILY, patient_id="CALIBRATION", fraction=9)
    assert rig.refused(wanted) == ""
    assert fractions.fitted_at_s(rig.config.database) == 0.0
    assert fractions.last_tube(rig.folder / "nowhere") == ""
    for tube in ("T-2", "T-1"):
        index, before = (
            max(one.index for one in rig.recorder.book.exposures.values()) + 1,
            [*of_tube(rig.recorder.book)],
        )  # type: ignore[union-attr]
        fit_tube(rig, tube, 600.0)
        for anew in (False, True):
            if anew:
                rig.drop_recorder()
                _forget_tubes(rig)
                rig.new_recorder()
                rig.run(0.04)
            assert "the tube had no beam for as long as these records go" in rig.refused(wanted), (tube, anew)
            assert list(of_tube(rig.recorder.book, index)) == before, "as it was then, for a report"  # type: ignore[union-attr]
            assert fractions.fitted_at_s(rig.config.database) > before[0].ended_s
            assert fractions.last_tube(rig.folder / fractions.JOURNAL_NAME) == tube
            assert _kept(rig) == () and len(_kept(rig, of_this_tube=False)) == len(rig.recorder.book.exposures)  # type: ignore[union-attr]
        rig.warm_up()
        assert "warm-up: 60 s of beam, at least 3600 s after an unknown time" in rig.refused(wanted)
        assert len(_kept(rig)) == 3
    for _ in range(60):
        rig.expose(Purpose.WARMUP, 60.0)
    assert rig.refused(wanted) == ""
    rig.close()


def test_g22_high_voltage_over_a_cold_filament_warms_no_tube_for_the_lock_and_for_who_warms_it_up(
    tmp_path: Path,
) -> None:
    """Warmed up, idle for 3 h, a dry run, and 3 h again: the lock has no beam for 6 h, and so have the warm-up's own command and a certificate's draft."""
    rig = made(tmp_path)
    rig.opened()
    wanted = prescribed(purpose=Purpose.DAILY, patient_id="CALIBRATION", fraction=9)
    assert rig.refused(wanted) == ""
    rig.clock.go(3 * 3600.0)
    before = _kept(rig)
    rig.expose(Purpose.DRY_RUN, fraction=51)
    rig.clock.go(3 * 3600.0)
    assert "the tube had no beam for 6.0 h" in rig.refused(wanted)
    assert [one.token for one in _kept(rig)] == [one.token for one in before]
    assert [one.token for one in _kept(rig)] == [one.token for one in of_tube(rig.recorder.book)]  # type: ignore[union-attr]
    wall_s, beams = rig.clock.wall, _kept(rig)
    idle_s, now = warm_up.stands(warm_up.Day(lambda: beams, lambda: wall_s, ZoneInfo("UTC")), rig.clock.now)
    assert now is None and idle_s == pytest.approx(6 * 3600.0, abs=60.0)
    use = [
        {"started_wall_s": one.begun_s, "ended_wall_s": one.ended_s, "purpose": one.purpose.name, "prescription_id": f"{one.token}", "clocks_s": one.clocks_s}
        for one in beams
    ]  # fmt: skip
    use.append(
        {
            "started_wall_s": wall_s - 3 * 3600.0 - 10.0,
            "ended_wall_s": wall_s - 3 * 3600.0,
            "purpose": "DRY_RUN",
            "clocks_s": 0.0,
        }
    )
    assert warmed_at(use, wall_s, (), beams, 69.5, ZoneInfo("UTC")) is None
    assert not [*in_use(use, wall_s)]
    rig.close()


@pytest.mark.parametrize("moved_s", [600.0, 5 * 3600.0])
def test_g22_g29_who_warms_up_after_the_clock_was_set_is_asked_for_what_the_lock_asks_for(
    tmp_path: Path, moved_s: float
) -> None:
    """Warm, and the clock is set while the process runs: to the lock the tube is cold for a time that nobody knows. The command said "warm", exposed nothing,
    and nobody was treated for four hours; it asks for the same warm-up, tells what of it was given, and is at its end when the lock is. The process is
    started again first, as the records ask for."""
    rig = made(tmp_path)
    rig.opened()
    wanted = prescribed(purpose=Purpose.DAILY, patient_id="CALIBRATION", fraction=9)
    assert rig.refused(wanted) == ""
    rig.clock.wall += moved_s
    assert "since the last beam the clock was set" in rig.refused(wanted)
    rig.restart_host()
    console: Any = SimpleNamespace(records=rig.folder, time_zone="UTC")
    clock: Any = SimpleNamespace(wall=lambda: rig.clock.wall, monotonic=lambda: rig.clock.now)
    day = work.warm_day_of(console, clock)
    assert warm_up.stands(day, rig.clock.now) == (float("inf"), None)
    rungs, asked, given_s = (COMBINATION,), 0, 0.0
    while (todo := following(rungs, *warm_up.stands(day, rig.clock.now))).combination is not None:
        assert rig.refused(wanted) != ""
        assert todo.words.startswith((f"{given_s:.0f} of 3600 s", "steady? three of 10 s"))
        rig.expose(Purpose.WARMUP, todo.seconds)
        asked, given_s = asked + 1, given_s + todo.seconds
        assert asked < 100
    assert todo.words.startswith("warm: 36") and rig.refused(wanted) == ""
    assert following(rungs, *warm_up.stands(work.warm_day_of(console, clock), rig.clock.now)).words == todo.words, (
        "begun anew"
    )
    rig.close()


@pytest.mark.parametrize("moved_s", [0.0, 600.0, 5 * 3600.0])
def test_g22_g29_a_draft_asks_the_journal_how_the_tube_was_used_and_doubts_its_clocks_as_the_lock_does(
    tmp_path: Path, moved_s: float
) -> None:
    """Warm, and the clock is set before the output's first exposure: the lock has a cold tube, and so has the draft. A warm-up that is made after that counts,
    by the process that was started again, as the records ask for."""
    rig = made(tmp_path)
    rig.opened()
    rig.clock.wall += moved_s
    rig.restart_host()
    kept, tz = Kept(tmp_path / "records.sqlite"), ZoneInfo("UTC")
    rig.expose(Purpose.CALIBRATE, prescription_id="a20.x-1", fraction=51)
    rows = kept.used()
    assert rows[0]["prescription_id"] == "a20.x-1" and [one["ended_wall_s"] for one in rows] == [
        one.ended_s for one in kept.beams()
    ]
    assert rig.recorder is not None and kept.beams() == tuple(of_tube(rig.recorder.book))
    assert (warmed_at(rows, rig.clock.wall, (), kept.beams(), 69.5, tz) is None) is bool(moved_s)
    for seconds in (*[600.0] * 6, *[20.0] * 3):
        rig.expose(Purpose.WARMUP, seconds)
    assert (
        warmed_at(kept.used(), rig.clock.wall, (), kept.beams(), 69.5, tz, rig.clock.wall - rig.clock.now) is not None
    )
    rig.close()
