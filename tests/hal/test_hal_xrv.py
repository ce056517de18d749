"""The XRV driver against a table of replies: nothing but queries before it is known, set-points read back, ON once, OFF at once."""

from __future__ import annotations

import itertools
import zlib

import pytest
from hal_scripted import Bench, ScriptedUnit, ScriptedXrv, comma, identity_block

from hal.commands import ClearFaults, Hold, Off, On, Plan, SetUp, Watch
from hal.readings import UnitState

STAGING = bytes(56)
PLAN = Plan(2847, 1310, 2866, 2375, STAGING, zlib.crc32(STAGING))
QUERIES = {"26,", "23,", "22,", "28,", "21,", "43,", "19,", "68,", "14,", "15,", "16,", "17,"}


def test_it_is_identified_by_queries_and_switched_off_before_anything_else() -> None:
    bench = Bench().known()
    assert bench.xrv.heard[:5] == ["26,", "23,", "22,", "28,", "98,0,"]
    identity = bench.readings.generator_identity
    assert identity is not None
    assert (identity.model, identity.firmware, identity.full_scale_kv, identity.full_scale_ma, identity.mismatch) == (
        "XRV100N500",
        "SWM9999-999 56234",
        100.0,
        5.0,
        "",
    )


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"26,": "26,UX50P50,"}, "model"),
        ({"26,": "26,XRV225N1000,"}, "model"),
        ({"26,": "26,1,"}, "model"),
        ({"28,": "28,160,5,0,"}, "kV full scale is 160"),
        ({"28,": "28,100,30,0,"}, "mA full scale is 30"),
        ({"28,": "28,1,"}, "scaling"),
        ({"22,": "22,0,0,0,0,"}, "22"),
        ({"22,": "22,0,0,0,"}, "22"),
        ({"22,": "22,1,"}, "22"),
    ],
)
def test_another_model_scale_or_dialect_never_hears_a_command(table: dict[str, str], words: str) -> None:
    """98 is status on one family and ON on another. Not even an off goes to what is not known."""
    bench = Bench(xrv=ScriptedXrv(table=table))
    for _ in range(400):
        bench.tick(SetUp(PLAN))
    bench.rig.write(On(1), bench.now)  # type: ignore[arg-type]
    assert not bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.serve()
    assert set(bench.xrv.heard) <= QUERIES
    assert bench.readings.generator_identity is not None
    assert words in bench.readings.generator_identity.mismatch
    if "26," in table:
        assert set(bench.xrv.heard) == {"26,"}


def test_without_a_disarmed_unit_the_off_waits_but_not_for_a_unit_that_is_not_there() -> None:
    unit = ScriptedUnit()
    unit.mute = set(range(50))
    bench = Bench(unit=unit)
    bench.ticks(10)
    assert "98,0," not in bench.xrv.heard
    bench.ticks(20)
    assert "98,0," in bench.xrv.heard


def test_the_round_is_19_and_22_in_turn_with_the_set_points_each_second() -> None:
    bench = Bench().known()
    bench.xrv.heard.clear()
    bench.ticks(400)
    heard = bench.xrv.heard
    assert set(heard) == {"19,", "22,", "14,", "15,", "16,", "17,"}
    assert 390 <= len(heard) <= 400
    assert [heard.count(f"{n},") for n in (14, 15, 16, 17)] == [4, 4, 4, 4]
    assert all(one != other for one, other in itertools.pairwise(heard))


def test_ages_stay_within_what_the_capabilities_promise() -> None:
    bench = Bench().known()
    promised = bench.rig.capabilities.worst_age_s
    worst = dict.fromkeys(("monitor", "flags", "set_points", "unit", "slow"), 0.0)
    for _ in range(500):
        readings = bench.tick()
        for name in worst:
            worst[name] = max(worst[name], readings.now_s - getattr(readings, name).asked_at_s)
    assert all(worst[name] <= promised[name] + 1e-9 for name in worst), (worst, promised)


def test_measured_values_and_set_points_are_scaled() -> None:
    """19 has 20 % overrange; its places 4 and 5 are the panel's in remote mode, so the set-points are those of 14 and 15."""
    xrv = ScriptedXrv(
        table={"19,": "19,2372,1092,3276,9,9,0,0,0,"}, stored={"10": 2847, "11": 1310, "12": 2866, "13": 2375}
    )
    bench = Bench(xrv=xrv).known()
    bench.ticks(4)
    monitor, points = bench.readings.monitor, bench.readings.set_points
    assert monitor is not None
    assert points is not None
    assert monitor.kv == pytest.approx(69.5092, abs=1e-3)
    assert monitor.ma == pytest.approx(1.6, abs=1e-3)
    assert monitor.filament_a == pytest.approx(4.0)
    assert (monitor.kv_set_counts, monitor.ma_set_counts) == (2847, 1310)
    assert (points.kv_counts, points.ma_counts, points.filament_limit_counts, points.filament_preheat_counts) == (
        2847,
        1310,
        2866,
        2375,
    )


def test_in_local_mode_the_panels_set_points_show() -> None:
    xrv = ScriptedXrv(table={"19,": "19,0,0,0,123,456,0,0,0,"})
    xrv.flags[5] = 1
    bench = Bench(xrv=xrv).known()
    assert bench.readings.flags is not None
    assert bench.readings.monitor is not None
    assert not bench.readings.flags.remote
    assert (bench.readings.monitor.kv_set_counts, bench.readings.monitor.ma_set_counts) == (123, 456)


@pytest.mark.parametrize("open_flag", [1, 2, 16])
def test_any_open_interlock_is_open(open_flag: int) -> None:
    bench = Bench().known()
    assert bench.readings.flags is not None
    assert bench.readings.flags.interlock_closed and not bench.readings.flags.interlock_open
    bench.xrv.flags[open_flag] = 0
    bench.ticks(5)
    assert not bench.readings.flags.interlock_closed and bench.readings.flags.interlock_open


def test_a_fault_is_named_by_68_and_forgotten_when_cleared() -> None:
    names = ["0"] * 27
    names[11] = names[21] = "1"
    bench = Bench(xrv=ScriptedXrv(table={"68,": "68," + ",".join(names) + ","})).known()
    assert "68," not in bench.xrv.heard
    bench.xrv.flags[4] = 1
    bench.ticks(10)
    assert bench.readings.flags is not None
    assert bench.readings.flags.faults == ("anode arc", "watchdog")
    bench.xrv.flags[4] = 0
    bench.ticks(5)
    assert (bench.readings.flags.fault, bench.readings.flags.faults) == (False, ())


def test_set_points_are_written_where_they_differ_and_read_back() -> None:
    bench = Bench(xrv=ScriptedXrv(stored={"10": 2847, "11": 0, "12": 0, "13": 2375})).known()
    bench.xrv.heard.clear()
    bench.ticks(40, SetUp(PLAN))
    assert [body for body in bench.xrv.heard if body not in QUERIES] == ["11,1310,", "12,2866,"]
    points = bench.readings.set_points
    assert points is not None
    assert (points.kv_counts, points.ma_counts, points.filament_limit_counts, points.filament_preheat_counts) == (
        2847,
        1310,
        2866,
        2375,
    )


def test_writes_do_not_starve_the_polls() -> None:
    bench = Bench(xrv=ScriptedXrv(ignores_writes=True)).known()
    bench.xrv.heard.clear()
    bench.ticks(300, SetUp(PLAN))
    assert bench.xrv.heard.count("19,") + bench.xrv.heard.count("22,") >= 145


def test_a_write_that_did_not_take_shows_and_is_tried_again_with_pauses() -> None:
    """M6: acknowledged and not applied."""
    bench = Bench(xrv=ScriptedXrv(ignores_writes=True)).known()
    bench.ticks(100, SetUp(PLAN))
    points = bench.readings.set_points
    assert points is not None
    assert points.kv_counts == 0
    assert 3 <= bench.xrv.heard.count("10,2847,") <= 6


def test_set_points_out_of_range_are_refused_not_clipped() -> None:
    bench = Bench().known()
    bench.xrv.heard.clear()
    bench.ticks(20, SetUp(Plan(4096, 1310, 2866, 2375, STAGING, zlib.crc32(STAGING))))
    assert set(bench.xrv.heard) <= QUERIES
    assert bench.readings.refusal is not None
    assert "4095" in bench.readings.refusal.words


def test_set_points_are_not_written_while_high_voltage_is_on() -> None:
    bench = Bench().known()
    bench.xrv.flags[0] = 1
    bench.ticks(5)
    bench.xrv.heard.clear()
    bench.ticks(50, SetUp(PLAN))
    assert set(bench.xrv.heard) <= QUERIES
    assert bench.readings.refusal is not None


def test_faults_are_cleared_once() -> None:
    bench = Bench().known()
    bench.ticks(100, ClearFaults())
    assert bench.xrv.heard.count("31,") == 1


def test_on_goes_out_at_once_when_the_wire_is_free_and_once_only() -> None:
    bench = Bench().known()
    bench.tick(On(7))
    assert bench.xrv.heard[-1] == "98,1,"
    sent_at = bench.tick(On(7)).on_sent_at_s
    assert sent_at == pytest.approx(bench.now - 0.02 + 0.002)
    for _ in range(100):
        bench.tick(On(7))
        bench.tick(Hold(7))
    assert bench.xrv.heard.count("98,1,") == 1
    assert bench.readings.on_sent_at_s == sent_at


def test_on_is_not_repeated_when_its_reply_is_lost_or_it_is_refused() -> None:
    """L1, law 7: reads may be retried, ON never."""
    for xrv in (ScriptedXrv(), ScriptedXrv(table={"98,1,": "98,2,"})):
        bench = Bench(xrv=xrv).known()
        bench.rig.ask(None, bench.now)  # type: ignore[arg-type]
        bench.serve()
        bench.rig.read(bench.now)  # type: ignore[arg-type]
        bench.rig.write(On(7), bench.now)  # type: ignore[arg-type]
        xrv.mute = not xrv.table
        bench.ticks(60, On(7))
        xrv.mute = False
        bench.ticks(60, On(7))
        assert xrv.heard.count("98,1,") == 1
        if xrv.table:
            assert bench.readings.refusal is not None
            assert bench.readings.refusal.what == "on"


def test_a_spent_token_never_turns_on_again_and_an_older_one_is_refused() -> None:
    bench = Bench().known()
    bench.tick(On(7))
    bench.ticks(20, Off())
    bench.ticks(20, On(7))
    bench.ticks(20, On(6))
    assert bench.xrv.heard.count("98,1,") == 1
    assert bench.readings.refusal is not None
    assert "token 6" in bench.readings.refusal.words
    bench.ticks(2, On(8))
    assert bench.xrv.heard.count("98,1,") == 2


def test_on_behind_a_running_poll_goes_out_when_the_reply_is_in() -> None:
    bench = Bench().known()
    bench.xrv.held = True
    bench.tick(On(7))
    assert "98,1," not in bench.xrv.heard
    bench.xrv.held = False
    bench.serve()
    bench.ticks(2, Hold(7))
    assert bench.xrv.heard.count("98,1,") == 1


@pytest.mark.parametrize("next_s", [2000.099, 2000.1, 2000.11, 2000.12])
def test_at_20_hz_the_on_behind_a_running_poll_leaves_with_the_next_tick(next_s: float) -> None:
    """The next tick comes 50 ms later, give or take the last bit of a clock or a little jitter: the ON leaves with it, once."""
    bench = Bench(settings={"tick_s": 0.05}, tick_s=0.05).known()
    bench.now = 2000.05
    bench.rig.ask(None, bench.now)  # type: ignore[arg-type]
    bench.rig.write(On(7), bench.now)  # type: ignore[arg-type]
    bench.serve()
    assert "98,1," not in bench.xrv.heard
    bench.now = next_s
    bench.ticks(3, Hold(7))
    assert bench.xrv.heard.count("98,1,") == 1
    assert bench.readings.refusal is None


def test_on_that_finds_no_free_wire_within_50_ms_is_void() -> None:
    """A7: nobody stands at the switch any more; it never leaves, not even when the wire is free again."""
    bench = Bench().known()
    bench.xrv.held = True
    bench.tick(On(7))
    bench.ticks(6, Hold(7))
    assert bench.readings.refusal is not None
    assert "void" in bench.readings.refusal.words
    bench.xrv.held = False
    bench.ticks(60, Hold(7))
    assert "98,1," not in bench.xrv.heard
    assert bench.readings.on_sent_at_s is None


def test_on_whose_bytes_are_stuck_is_void_and_purged() -> None:
    bench = Bench().known()
    end = bench.xrv.ends[-1]
    bench.rig.ask(None, bench.now)  # type: ignore[arg-type]
    bench.serve()
    bench.rig.read(bench.now)  # type: ignore[arg-type]
    end._inward.room = 3
    bench.rig.write(On(7), bench.now)  # type: ignore[arg-type]
    for n in range(1, 9):
        bench.rig.ask(None, bench.now + 0.01 * n)  # type: ignore[arg-type]
    readings = bench.rig.read(bench.now + 0.09)  # type: ignore[arg-type]
    assert readings.on_sent_at_s is None
    assert readings.refusal is not None
    assert "void" in readings.refusal.words
    end._inward.room = 100
    bench.ticks(30, Hold(7))
    assert "98,1," not in bench.xrv.heard


def test_off_purges_a_waiting_on() -> None:
    bench = Bench().known()
    bench.xrv.held = True
    bench.tick(On(7))
    bench.tick(Off())
    bench.xrv.held = False
    bench.ticks(60, Watch())
    assert "98,1," not in bench.xrv.heard
    assert "98,0," in bench.xrv.heard


def test_another_command_withdraws_a_waiting_on() -> None:
    bench = Bench().known()
    bench.xrv.held = True
    bench.tick(On(7))
    bench.rig.write(Watch(), bench.now)  # type: ignore[arg-type]
    bench.xrv.held = False
    bench.ticks(20, Watch())
    assert "98,1," not in bench.xrv.heard


def test_off_goes_out_behind_an_unanswered_poll_and_again_each_100_ms_only() -> None:
    bench = Bench().known()
    bench.tick(Hold(7))
    bench.xrv.held = True
    bench.rig.ask(None, bench.now)  # type: ignore[arg-type]
    bench.xrv.heard.clear()
    assert bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.serve()
    assert bench.xrv.heard[-1] == "98,0,"
    bench.xrv.held = False
    bench.ticks(100, Off())
    assert 9 <= bench.xrv.heard.count("98,0,") <= 11
    assert bench.xrv.heard.count("19,") > 30


def test_a_new_permission_makes_the_next_off_leave_at_once() -> None:
    bench = Bench().known()
    bench.tick(Off())
    bench.tick(Hold(7))
    bench.xrv.heard.clear()
    bench.tick(Off())
    assert "98,0," in bench.xrv.heard


def test_polls_pause_while_the_unit_runs_and_on_is_awaited_but_not_for_long() -> None:
    bench = Bench().known()
    bench.unit.status["state"] = UnitState.RUN
    bench.ticks(2, Hold(7))
    bench.xrv.heard.clear()
    bench.tick(Hold(7))
    assert bench.xrv.heard == []
    bench.tick(On(7))
    assert bench.xrv.heard == ["98,1,"]
    bench.ticks(10, Hold(7))
    assert "19," in bench.xrv.heard
    late = Bench().known()
    late.unit.status["state"] = UnitState.RUN
    late.ticks(2, Hold(7))
    late.xrv.heard.clear()
    late.ticks(10, Hold(7))
    assert "19," in late.xrv.heard, "a K1 that closes late is told by readings that are young"


def test_polls_go_on_at_once_after_an_off_even_if_the_unit_was_last_seen_running() -> None:
    """A11: the read-back that proves off must not wait for a unit that no longer answers."""
    bench = Bench().known()
    bench.unit.status["state"] = UnitState.RUN
    bench.ticks(3, Hold(7))
    bench.unit.mute = set(range(50))
    bench.tick(Off())
    bench.xrv.heard.clear()
    bench.ticks(10, Off())
    assert len(bench.xrv.heard) >= 8


def test_a_press_without_on_does_not_make_the_readings_old_for_ever() -> None:
    bench = Bench().known()
    bench.unit.status["state"] = UnitState.RUN
    bench.ticks(60, Hold(7))
    assert bench.readings.flags is not None
    assert bench.readings.now_s - bench.readings.flags.asked_at_s < 0.06


def test_garbage_on_the_line_is_counted_and_survived() -> None:
    """L3, L14: damaged replies never become values, and the line comes back by itself."""
    bench = Bench().known()
    before = bench.readings.monitor
    for n in range(20):
        bench.xrv.waiting = bytes(range(n, n + 12))
        bench.tick()
    bench.ticks(40)
    assert bench.readings.generator_link.troubles > 0
    assert not bench.readings.generator_link.lost
    assert bench.readings.monitor is not None
    assert before is not None
    assert bench.readings.monitor.asked_at_s > before.asked_at_s
    assert comma("19,") == b"\x0219,j\x03"


def test_a_unit_that_is_another_one_does_not_keep_the_generators_off_back() -> None:
    bench = Bench(unit=ScriptedUnit(identity=identity_block(serial="KU-9")))
    bench.ticks(20)
    assert "98,0," in bench.xrv.heard
