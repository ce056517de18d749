"""Faults of the operating system on real processes: the plans, and each kind of them once on a real rig (make grid; make real plays more)."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from hal.readings import Termination
from verification import real_cli, stages, trace
from verification.chain import Chain, End
from verification.faulty_recorder import DiskPlan
from verification.invariants import INVARIANTS
from verification.real import RealRig
from verification.real_faults import (
    ASKED,
    KINDS,
    NOT_ASKED,
    WHOLE_S,
    Finding,
    Left,
    Past,
    Plan,
    Played,
    broken,
    judged,
    off_after,
    over,
    plan_of,
    play,
)
from verification.story import EVENT, LATCH_CLEARED, LATCH_SET, START, TERMINAL
from verification.trace import Act, Entry

TRIES = 3
"""A run beside which the machine was taken away is played again; no bound is loosened."""


def test_a_seed_is_one_plan_and_a_row_of_seeds_holds_every_kind() -> None:
    plans = [plan_of(seed) for seed in range(2 * len(KINDS))]
    assert plans == [plan_of(plan.seed) for plan in plans]
    assert [plan.kind for plan in plans] == [*KINDS, *KINDS]
    assert all(0.0 <= plan.at_s <= WHOLE_S and str(plan.seed) in plan.told() for plan in plans)
    assert all((plan.disk is not None) is plan.kind.startswith("disk-") for plan in plans)
    assert len({plan.at_s for plan in plans}) > len(KINDS)


def test_some_kinds_alone_come_in_turn_too() -> None:
    assert [plan_of(seed, ("host-killed", "disk-slow")).kind for seed in range(3)] == [
        "host-killed",
        "disk-slow",
        "host-killed",
    ]


LATE_OFF = Finding("beam off 0.350 s after the fault, 0.265 s allowed", timed=True)
NO_MATTER_OF_TIME = Finding("segment 1 does not go on from record 7")


def chain(**changes: Any) -> Chain:
    """A journal of one exposure, whole, of token 41 with 250 to 260 mGy; or altered in one place."""
    sound: dict[str, Any] = {"records": 90, "starts": {41: 40}, "ends": {41: [End(80, 255.0, 250.0, 260.0, False)]}}
    return Chain(**(sound | changes))


def left(**changes: Any) -> Left:
    """What a sound run leaves, or altered in one place."""
    sound: dict[str, Any] = {
        "chain": chain(),
        "kept": [{"token": 41, "high_mgy": 260.0}],
        "true_mgy": 256.0,
        "hv_on": False,
        "ons": 1,
        "settled": True,
    }
    return Left(**(sound | changes))


def test_what_a_sound_run_leaves_is_not_wrong() -> None:
    assert judged(left()) == []


@pytest.mark.parametrize(
    ("altered", "words"),
    [
        ({"chain": chain(words=["segment 1 does not go on from record 7"])}, "segment 1 does not go on from record 7"),
        ({"chain": chain(ends={41: [End(80, 255.0, 250.0, 260.0, False)] * 2})}, "exposure 41 has 2 ends"),
        ({"chain": chain(ends={})}, "exposure 41 has no end"),
        ({"true_mgy": 262.0}, "the records' high bound is 260.0 mGy, truly 262.0"),
        ({"ons": 2}, "2 ON commands for one press"),
        ({"hv_on": True}, "high voltage is on"),
        ({"kept": []}, "the database shows [], the journal [41]"),
        ({"kept": "no such table"}, "the database cannot be read: no such table"),
    ],
)
def test_what_is_no_matter_of_time_counts_however_late_the_run_was(altered: dict[str, Any], words: str) -> None:
    """A broken chain, a dose said too low, a second ON, or high voltage left on is not the machine's doing."""
    played = Played(plan_of(0), late=True, wrong=judged(left(**altered)))
    assert words in played.counted
    assert played.excused == []


def test_only_what_depends_on_time_is_excused_and_only_in_a_late_run() -> None:
    wrong = [LATE_OFF, NO_MATTER_OF_TIME]
    late, punctual = Played(plan_of(0), late=True, wrong=wrong), Played(plan_of(0), wrong=wrong)
    assert (late.counted, late.excused) == ([NO_MATTER_OF_TIME.words], [LATE_OFF.words])
    assert (punctual.counted, punctual.excused) == ([LATE_OFF.words, NO_MATTER_OF_TIME.words], [])


def test_an_exposure_may_be_open_where_people_were_kept_from_its_end() -> None:
    """As long as the rig could not be brought to rest in a late run, its exposure may go on; a rig at rest has no open one."""
    stands = left(chain=chain(ends={}), settled=False)
    assert Played(plan_of(0), late=True, wrong=judged(stands)).excused == ["exposure 41 has no end"]
    assert Played(plan_of(0), wrong=judged(stands)).counted == ["exposure 41 has no end"]


def test_a_stopped_process_or_recorder_has_its_bound_where_it_stands_still_too_long_to_go_on() -> None:
    """T3 by the unit's lease of 200 ms; 0.5 s of lag and T1 for the recorder. Shorter stops need end nothing."""
    host, recorder = KINDS["host-stopped"], KINDS["recorder-stopped"]
    bounds = {lasts_s: host.bound_s(lasts_s) for lasts_s in host.lasts_s}
    assert bounds == {0.02: None, 0.1: None} | dict.fromkeys((0.25, 1.0, 4.0), pytest.approx(0.3))
    bounds = {lasts_s: recorder.bound_s(lasts_s) for lasts_s in recorder.lasts_s}
    assert bounds == {0.1: None, 0.4: None, 1.0: pytest.approx(0.8), 4.0: pytest.approx(0.8)}
    assert KINDS["recorder-killed"].bound_s(0.0) == pytest.approx(0.8)


def test_the_bound_of_a_stop_can_be_broken() -> None:
    """By the world's log: beam that was on when the process was stopped, and off later than its bound, or never."""
    host = KINDS["host-stopped"].bound_s(1.0)
    assert host is not None
    log = [(10.0, "tube", "beam on"), (12.0, "unit", "K1 coil off"), (12.25, "tube", "beam off")]
    assert over(off_after(log, 12.0), host) == []
    assert over(off_after(log, 9.0), host) == []
    (late,) = over(off_after(log, 11.5), host)
    assert (late.words, late.timed) == ("beam off 0.750 s after the fault, 0.300 s allowed", True)
    (never,) = over(off_after(log[:1], 11.5), host)
    assert (never.words, never.timed) == ("beam was never off again after the fault", False)


@pytest.mark.parametrize(
    ("but", "host_s", "sim_us", "stolen_s"),
    [("", 0.03, 4_000, 0.03), ("", 0.0, 40_000, 0.04), ("host", 4.0, 20_000, 0.02), ("sim", 0.001, 2_000_000, 0.001)],
)
def test_a_process_that_is_stopped_by_hand_says_nothing_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, but: str, host_s: float, sim_us: int, stolen_s: float
) -> None:
    """What a SIGSTOP makes late is left out; what the machine did to the other process still excuses a bound on time."""
    here = Path("/nowhere")
    rig = RealRig(here, here, here, here, here, here, here)
    monkeypatch.setattr(rig, "_controlled", lambda _: {"held_up_us": sim_us})
    monkeypatch.setattr(rig, "_stolen_s", host_s)
    assert rig.stolen_s(but) == pytest.approx(stolen_s)


def tries(monkeypatch: pytest.MonkeyPatch, *wrong: list[Finding]) -> list[Plan]:
    """Late runs in place of real ones, each with what was wrong in it; gives the plans that were asked for."""
    asked: list[Plan] = []
    every: Iterator[list[Finding]] = iter(wrong)

    def late(plan: Plan) -> Played:
        asked.append(plan)
        return Played(plan, late=True, wrong=next(every))

    monkeypatch.setattr(real_cli, "play", late)
    return asked


def test_another_try_washes_nothing_away_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tries(monkeypatch, [LATE_OFF, NO_MATTER_OF_TIME], [])
    assert real_cli.tried(plan_of(0)).counted == [NO_MATTER_OF_TIME.words]
    assert len(asked) == 1
    asked = tries(monkeypatch, [LATE_OFF], [])
    assert real_cli.tried(plan_of(0)).wrong == []
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("wrong", "code", "verdict"),
    [
        ([LATE_OFF, NO_MATTER_OF_TIME], 1, "wrong seed 0"),
        ([LATE_OFF], 75, "inconclusive seed 0"),
        ([], 0, "1 runs, 0 with something wrong, 0 inconclusive"),
    ],
)
def test_the_command_calls_a_late_run_wrong_where_something_counts(
    monkeypatch: pytest.MonkeyPatch, wrong: list[Finding], code: int, verdict: str
) -> None:
    tries(monkeypatch, wrong, wrong)
    app = typer.Typer()
    app.command()(real_cli.torture)
    ran = CliRunner().invoke(app, ["--seeds", "1"], env={"COLUMNS": "400"})
    assert (ran.exit_code, verdict in ran.output) == (code, True), ran.output
    tries(monkeypatch, wrong, wrong)
    told = json.loads(CliRunner().invoke(app, ["--seeds", "1", "--json"]).stdout)
    assert told["wrong"] == (code == 1)
    assert told["runs"][0]["wrong"] == [{"words": one.words, "timed": one.timed} for one in wrong]


def test_the_stage_counts_of_a_late_run_what_is_no_matter_of_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A part of the stage that is one run, late, with a bound on time broken and with a broken chain."""
    room = stages.Room(tmp_path, 1, Console(file=io.StringIO()), part=0.001)
    tries(monkeypatch, [LATE_OFF, NO_MATTER_OF_TIME])
    verdict = stages.real_processes(room)
    assert verdict.broken == (
        f"torture seed 0 (host-killed): {NO_MATTER_OF_TIME.words}",
        "host-killed: no run of it could be judged, the machine was taken away",
    )
    assert verdict.figures["of them not judged by time, for the machine was taken away"] == "1"


def entry(at_s: float, kind: int, fields: list[Any], token: int = 0, seq: int = 0) -> Entry:
    """An entry of the first process's ring; the number in the chain is that in the ring."""
    return Entry(seq, "a", seq, at_s, kind, token, fields, math.inf)


def moves(*changes: tuple[float, str, str, str]) -> list[Entry]:
    """Changes of state as the journal holds them: when, from, by what, to."""
    return [
        entry(at_s, EVENT, [before, event, after, "", ""], seq=100 + place)
        for place, (at_s, before, event, after) in enumerate(changes)
    ]


def start_of(token: int) -> Entry:
    """A START with the fields that judges ask for: D0 of 260 mGy at 50 mGy/s."""
    fields: list[Any] = [b""] * 31
    fields[1:6] = [7, 1, 1, False, {"patient_id": "P1"}]
    fields[8:14] = [{"kv": 50.0, "ma": 5.0, "r0_mgy_per_s": 50.0}, 260.0, 1.0, 0.0, 0.0, 0.0]
    fields[27] = Termination.MONITOR
    return entry(12.0, START, fields, token, 90)


UP = (
    (10.0, "SELF_TEST", "TESTED", "STANDBY"),
    (11.0, "STANDBY", "LOAD", "PREPARATORY"),
    (12.0, "PREPARATORY", "CONFIRM", "ARMING"),
    (13.0, "ARMING", "ARMED", "READY"),
)
GIVEN = (
    (20.0, "READY", "PRESS", "STARTING"),
    (20.5, "STARTING", "BEAM", "IRRADIATING"),
    (25.0, "IRRADIATING", "DOSE_END", "STOPPING"),
    (25.3, "STOPPING", "OFF", "TERMINATED"),
    (26.0, "TERMINATED", "CLOSE", "STANDBY"),
)
LEFT_READY = ((15.0, "READY", "EDIT", "PREPARATORY"), (16.0, "PREPARATORY", "EDIT", "STANDBY"))
SELF_TEST = ((5.0, "unit", "K1 coil on"), (5.2, "unit", "K1 coil off"))
BEAM = ((19.0, "unit", "K2 coil on"), (19.99, "unit", "K1 coil on"), (20.02, "generator", "HV ON accepted"), (20.1, "tube", "beam on"),
        (24.98, "unit", "K1 coil off"), (25.0, "tube", "beam off"), (25.1, "unit", "K2 coil off"))  # fmt: skip
HANDS = (Act(0.0, "host", "started"), Act(19.95, "hand", "pressed"))
KILLED = (Act(30.0, "host", "killed"), Act(31.0, "host", "started"))


def records(**changes: Any) -> tuple[dict[str, Any], ...]:
    """One fraction of one exposure as the records tell it, or that exposure altered in one place."""
    exposure: dict[str, Any] = {"token": 41, "void": False, "provisional": False, "quality": "GOOD"}
    exposure |= {"delivered_mgy": 255.0, "low_mgy": 250.0, "high_mgy": 260.0} | changes
    given = 0.0 if exposure["void"] else exposure["delivered_mgy"]
    fraction = {"id": 1, "tag": f"{7:016x}", "d0_mgy": 260.0, "delivered_mgy": given, "rest_mgy": 260.0 - given}
    return (fraction | {"quality": "GOOD", "status": "COMPLETE", "exposures": [exposure]},)


END: Final = [41, 90, 0, 1, "TERMINATED", False, "DOSE_END", "", "", 1]
"""The beginning of an end, up to the unit's cause."""


def past(**changes: Any) -> Past:
    """A sound run with one exposure, told afterwards; or altered in one place."""
    sound: dict[str, Any] = {
        "log": SELF_TEST + BEAM, "acts": HANDS, "entries": (start_of(41), entry(25.3, TERMINAL, END, seq=91), *moves(*UP, *GIVEN)),
        "chain": trace.Chain(120, "", False), "fractions": records(), "true_mgy": 256.0, "end_s": 40.0, "rests": True, "recorder_runs": True,
    }  # fmt: skip
    return Past(**(sound | changes))


def voided(**changes: Any) -> Past:
    """A sound run in which READY was left without a press."""
    exposure = records(void=True, delivered_mgy=0.0, low_mgy=0.0, high_mgy=0.0)
    entries = (start_of(41), entry(15.0, TERMINAL, [*END[:5], True, *END[6:]], seq=91), *moves(*UP, *LEFT_READY))
    sound = {"log": SELF_TEST, "acts": HANDS[:1], "entries": entries, "fractions": exposure, "true_mgy": 0.0}
    return past(**(sound | changes))


def moved(what: str, to_s: float) -> tuple[tuple[float, str, str], ...]:
    """The world's log with one line of the beam at another time."""
    return tuple(sorted((*SELF_TEST, *((to_s if line[2] == what else line[0], *line[1:]) for line in BEAM))))


def ids(found: list[Finding]) -> set[str]:
    """The invariants that are broken."""
    return {one.words.removeprefix("invariant ").split(",")[0] for one in found}


def test_every_invariant_is_asked_of_a_real_run_or_it_is_said_what_that_would_take() -> None:
    assert {row.id for row in INVARIANTS} == ASKED.keys() | NOT_ASKED.keys()
    assert not ASKED.keys() & NOT_ASKED.keys()


def test_a_sound_run_breaks_no_invariant_that_is_asked_of_it() -> None:
    killed_at_rest = past(acts=(*HANDS, *KILLED))
    for sound in (past(), voided(), killed_at_rest):
        assert broken(sound) == []


LATCHED = entry(21.0, LATCH_SET, ["door", 1, 1, "words", 0.0], seq=92)
CLEARED = entry(30.0, LATCH_CLEARED, ["door", "operator", "M. Example", "it is closed"], seq=93)
ASKED_FOR = {"role": "operator", "who": "M. Example", "reason": "it is closed"}


def with_entries(*more: Entry) -> Past:
    """The sound run with more in its journal."""
    return past(entries=(*past().entries, *more))


@pytest.mark.parametrize(
    ("invariant", "doctored"),
    [
        ("3", past(log=tuple(line for line in moved("beam off", 32.0) if line[2] not in ("K1 coil off", "K2 coil off")))),
        ("3", past(log=moved("beam off", 34.0))),
        ("9", past(true_mgy=500.0, fractions=records(high_mgy=500.0))),
        ("11", past(true_mgy=262.0)),
        ("11", past(fractions=records(high_mgy=200.0))),
        ("13", past(acts=(*HANDS, *KILLED), fractions=())),
        ("13", past(acts=(*HANDS, *KILLED), fractions=records(delivered_mgy=330.0, high_mgy=330.0))),
        ("15", past(fractions=records(provisional=True))),
        ("15", past(fractions=records(token=42))),
        ("24", past(chain=trace.Chain(120, "segment 1 does not continue the chain", False))),
        ("24", past(chain=trace.Chain(120, "", True))),
        ("24", with_entries(entry(25.4, TERMINAL, END, seq=95))),
        ("24", with_entries(LATCHED, entry(22.0, LATCH_SET, ["door", 1, 1, "words", 0.0], seq=94))),
        ("24", with_entries(LATCHED, CLEARED)),
        ("PRESS", past(acts=HANDS[:1])),
        ("ONCE", past(log=tuple(sorted((*SELF_TEST, *BEAM, (22.0, "generator", "HV ON accepted")))))),
        ("DEAD", past(acts=(*HANDS, Act(22.0, "host", "killed"), Act(31.0, "host", "started")))),
        ("DEAD", past(acts=(*HANDS, Act(22.0, "host", "frozen"), Act(23.0, "host", "thawed")))),
        ("VOID", voided(fractions=records())),
    ],
)  # fmt: skip
def test_each_invariant_that_is_asked_of_a_real_run_can_be_broken_by_one(invariant: str, doctored: Past) -> None:
    """A history of a sound run, altered in one place: a judge that cannot fail would prove nothing."""
    found = broken(doctored)
    assert invariant in ids(found)
    assert all(one.timed is ASKED[invariant].timed for one in found if ids([one]) == {invariant})


def test_a_latch_that_its_person_had_asked_to_clear_is_cleared_rightly() -> None:
    cleared = with_entries(LATCHED, CLEARED)
    assert broken(replace(cleared, acts=(*HANDS, Act(29.9, "came", "reset", ASKED_FOR)))) == []


def test_what_a_process_that_was_kept_waiting_in_a_tick_heard_in_it_was_asked_for() -> None:
    """The tick began 0.3 s before the asking and was ended after it; what is asked once the next one has begun came too late."""
    following = (["STANDBY", "LOAD", "PREPARATORY", "", ""], ["PREPARATORY", "EDIT", "STANDBY", "", ""])
    moved_on = [entry(30.4 + 0.2 * place, EVENT, fields, seq=190 + place) for place, fields in enumerate(following)]
    began = with_entries(LATCHED, CLEARED, *moved_on)
    heard = replace(began, acts=(*HANDS, Act(30.3, "came", "reset", ASKED_FOR)))
    too_late = replace(began, acts=(*HANDS, Act(30.5, "came", "reset", ASKED_FOR)))
    assert broken(heard) == [] and ids(broken(too_late)) == {"24"}


def test_a_beam_that_a_stopped_process_left_to_the_lease_is_as_it_should_be() -> None:
    """The unit ends it 0.2 s after the process was stopped; what goes on afterwards is the same process."""
    ended = [(22.21, "unit", "K1 coil off"), (22.23, "tube", "beam off"), (22.4, "unit", "K2 coil off")]
    log = (*SELF_TEST, *BEAM[:4], *ended)
    entries = (
        start_of(41),
        entry(23.5, TERMINAL, END, seq=91),
        *moves(*UP, *GIVEN[:2], (23.0, "IRRADIATING", "INTERNAL", "FAULT"), (26.0, "FAULT", "RESET", "STANDBY")),
    )
    frozen = (*HANDS, Act(22.0, "host", "frozen"), Act(23.0, "host", "thawed"))
    assert broken(past(log=log, entries=entries, acts=frozen)) == []


def test_times_of_a_world_that_was_stopped_are_held_against_nobody_and_the_rest_is() -> None:
    """Without its tie to the program's clock a press may seem late; what the records say of the dose does not depend on it."""
    unpressed = past(acts=HANDS[:1], true_mgy=262.0)
    assert ids(broken(unpressed)) == {"PRESS", "11"}
    assert ids(broken(unpressed, "sim")) == {"11"}


@pytest.mark.grid
@pytest.mark.realtime
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 100 + len(KINDS)))
def test_each_kind_at_a_random_instant(seed: int) -> None:
    played = play(plan_of(seed))
    for _ in range(TRIES - 1):
        if played.excused and not played.counted:
            played = play(plan_of(seed))
    assert played.wrong == [], played.plan.told()


@pytest.mark.grid
@pytest.mark.realtime
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("what", ["EIO", "ENOSPC", "KILL"])
def test_every_call_of_a_real_recorder_to_its_disk(what: str) -> None:
    """Every 40th call of some 400; `kerma torture --kinds disk-fails,disk-kills` draws from all of them."""
    wrong = [
        (played.plan.told(), played.wrong)
        for call in range(1, 420, 40)
        if (played := play(Plan(call, "disk-fails", 0.0, disk=DiskPlan(call, what, 1, 0.0, call)))).wrong
    ]
    assert wrong == []
