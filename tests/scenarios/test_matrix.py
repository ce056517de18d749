"""Every fault id of the fault model has an injection that is played here in beam, or a test that shows it and is there; `make grid` plays the rest.
Who plays a cell, and what must come of it, is verification's."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from unittest import mock

import pytest
from refusal_bench import MakeRig, slice_of

from controller.kernel import Kernels
from controller.states import State
from simulators.faults import TABLE as WORLDS_FAULTS
from verification.fault_ids import FAULT_IDS, FIRST, SHOWN_BY, find
from verification.injections import Injection, nothing
from verification.matrix import (
    QUIET,
    Baseline,
    Cell,
    Held,
    Lasts,
    Run,
    Told,
    baseline,
    baseline_of,
    cell_of,
    cells,
    held_against_none,
    play_named,
    why_quiet,
)  # fmt: skip
from verification.matrix_cli import document
from verification.matrix_run import _at_worker, kept, summed, sweep
from verification.pairs import drawn, play_pair
from verification.reach import turn_until

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = {"L": 15, "M": 8, "G": 11, "D": 8, "I": 10, "H": 10, "S": 8, "O": 11, "X": 13}
"""How many ids of each kind the fault model has; X are those that nobody had thought of while the program was written."""


def test_every_id_of_the_fault_model_is_there() -> None:
    """None is left out, and what has no injection has a test."""
    assert list(FAULT_IDS) == [f"{kind}{number}" for kind, last in NUMBERS.items() for number in range(1, last + 1)]
    assert [fault_id for fault_id, injections in FAULT_IDS.items() if not injections and fault_id not in SHOWN_BY] == []
    for fault_id, injections in FAULT_IDS.items():
        assert len({one.name for one in injections}) == len(injections), fault_id
    assert set(FIRST) <= {one.name for injections in FAULT_IDS.values() for one in injections}


@pytest.mark.parametrize("node", sorted({node for nodes in SHOWN_BY.values() for node in nodes}))
def test_what_is_shown_elsewhere_is_there(node: str) -> None:
    """The file exists and has a test of this name."""
    file, _, name = node.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def in_slice(cell: Cell) -> bool:
    """The first injection of each id, in beam, for a second; where it means nothing there, or takes long to show, for a tick."""
    first = next(one for one in FAULT_IDS[cell.fault_id] if one.applies(State.IRRADIATING))
    return (
        cell.injection == first.name
        and cell.at is State.IRRADIATING
        and cell.lasts is LASTS.get(cell.fault_id, Lasts.SECOND)
    )


LASTS = dict.fromkeys(("G7", "I7", "D3", "H6", "O1", "O5", "O6", "O8", "O9"), Lasts.TICK)
IN_BEAM = [cell for cell in cells() if cell.at is State.IRRADIATING]


@pytest.mark.parametrize("cell", slice_of(IN_BEAM, in_slice), ids=lambda cell: cell.name)
def test_a_fault_in_beam(cell: Cell, kernels: Kernels) -> None:
    """Beam off in time or rightly on, no dose beyond its bound, one end in the record, and no invariant broken."""
    told = play_named(cell.name, kernels)
    assert told.wrong == [], told.replay


@pytest.mark.parametrize("name", ["O1/double-press", "O3/stop-start", "H2/stutters"])
@pytest.mark.parametrize("phase", range(5))
def test_a_fault_of_one_tick_is_injected_whatever_the_clock_says(name: str, phase: int) -> None:
    """What comes in every fifth turn comes in the first one, and begins anew when the fault does: one that is not injected shows nothing."""
    rig = mock.Mock(each_turn={})
    rig.world.now_us = 1_000_000 + phase * 10_000
    _, injection = find(name)
    for times in (1, 2):
        injection.start(rig)
        for act in tuple(rig.each_turn.values()):
            act()
        injection.stop(rig)
        assert not rig.each_turn
        did = {"O1/double-press": rig.press, "O3/stop-start": rig.stop, "H2/stutters": rig.world.advance}[name]
        assert did.call_count == times


def test_what_comes_by_strokes_is_judged_by_the_strokes_of_the_world() -> None:
    """D5: the bound of a beam that comes later counts from a stroke, so that the two tables must agree when one comes."""
    for injections in FAULT_IDS.values():
        for one in injections:
            if one.every_s:
                assert one.every_s * 1e6 == WORLDS_FAULTS[one.name].again_us


@pytest.mark.grid
@pytest.mark.parametrize("seed", range(1, 41))
def test_two_faults_at_random_moments(seed: int, kernels: Kernels) -> None:
    """Out of one seed; judged by every invariant."""
    told = play_pair(seed, kernels)
    assert told.wrong == [], f"{told.cell}: {told.replay}"


def test_a_cell_is_found_by_its_name_and_an_unknown_one_says_what_there_is() -> None:
    cell = Cell("G5", "off-ignored", State.READY, Lasts.EVER)
    assert cell_of(cell.name) == cell
    assert cell in cells("G5", "READY")
    with pytest.raises(ValueError, match="off-ignored"):
        find("G5/nonsense")
    with pytest.raises(ValueError, match="ids: L1"):
        cells("Z9")


def test_a_sweep_is_taken_up_where_it_was_left(
    kernels: Kernels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file holds for this software is not played again; for another software it is; a line that was cut is nothing."""
    monkeypatch.setattr("verification.matrix_run._KERNELS", [kernels])
    file = tmp_path / "told.jsonl"
    jobs = [("I10/key-off@STANDBY~1 tick", 1)]
    (first,) = sweep(jobs, 1, "one", file)
    with file.open("a", encoding="utf-8") as lines:
        lines.write('{"cell": "cut')
    monkeypatch.setattr("verification.matrix_run._one", lambda *_: pytest.fail("played again"))
    assert list(sweep(jobs, 1, "one", file)) == [first]
    assert kept(file, "two") == {}
    summary = summed([first], "one")
    assert (summary.cells, summary.wrong) == (1, [])
    assert "L1" in summary.not_played
    assert json.loads(document(summary))["played"] == {"I10": {"STANDBY": 1}}


@pytest.mark.grid
def test_a_fault_that_is_none_is_wrong(kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> None:
    """An injection that changes nothing is not a fault that was survived."""
    monkeypatch.setitem(
        FAULT_IDS, "O8", (Injection("none", "nothing at all", nothing, nothing, only=(State.IRRADIATING,)),)
    )
    told = play_named(Cell("O8", "none", State.IRRADIATING, Lasts.EVER).name, kernels)
    assert told.wrong == ["the fault made no difference to anything: it was not injected"]


@pytest.mark.parametrize("at", [State.SELF_TEST, State.INTERRUPTED, State.FAULT])
def test_a_fault_that_is_none_is_wrong_where_somebody_notices_something_without_it(
    at: State, kernels: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A self-test that is not over, a refusal, and high voltage that falls are there in these states without any fault: they show none."""
    none = Injection("none", "nothing at all", nothing, nothing, only=(at,))
    monkeypatch.setitem(FAULT_IDS, "O8", (none,))
    told = play_named(Cell("O8", "none", at, Lasts.EVER).name, kernels)
    assert told.detector, "the same is noticed as without the fault"
    assert told.wrong == ["the fault made no difference to anything: it was not injected"]


NONE = {
    State.SELF_TEST: Run(Told("none", 1, state="TERMINATED", ended_by="DOSE_END"), frozenset({"self_test"})),
    State.IRRADIATING: Run(Told("none", 1, state="TERMINATED", ended_by="DOSE_END")),
}


def held(monkeypatch: pytest.MonkeyPatch, *told: Told) -> Held:
    """These against a baseline that is not played."""
    monkeypatch.setattr("verification.matrix.baseline", lambda key, _kernels: NONE[key.at])
    return held_against_none(told, mock.Mock())


@pytest.mark.parametrize(
    ("cell", "detector", "state", "words"),
    [
        ("G1/kv-high@SELF_TEST~for ever", "self_test", "FAULT", "ended otherwise"),
        ("G1/kv-high@SELF_TEST~for ever", "kv_high", "TERMINATED", "noticed"),
        ("H1/wall-forward@SELF_TEST~for ever", "self_test", "TERMINATED", "declared"),
        ("H1/wall-forward@IRRADIATING~1 s", "", "TERMINATED", "over again"),
        ("G1/kv-high@SELF_TEST~for ever", "self_test", "TERMINATED", "unexplained"),
        ("G1/kv-high@IRRADIATING~for ever", "", "TERMINATED", "unexplained"),
    ],
)
def test_what_is_there_without_a_fault_does_not_show_it(
    cell: str, detector: str, state: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cell is noticed, ends otherwise, is declared with a reason, is too short to be held to it, or breaks the stage."""
    found = held(monkeypatch, Told(cell, 1, state=state, ended_by="DOSE_END", detector=detector))
    assert (found.told[0].detector == detector) is (words == "noticed" or not detector)
    assert found.taken.total() == (detector == "self_test")
    assert found.otherwise == (words == "ended otherwise")
    assert found.declared.total() == (words == "declared")
    assert found.nothing.total() == (words in ("declared", "over again", "unexplained"))
    assert [one.split(":")[0] for one in found.broken] == ([cell.split(":")[0]] if words == "unexplained" else [])


def test_a_first_that_is_there_without_a_fault_is_no_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A barrier is told as first to notice only where it would not have spoken anyway; of a pair too."""
    blind = Told("G1/kv-high@SELF_TEST~1 s", 1, state="FAULT", detector="self_test")
    pair = Told("pair:3 G1/kv-high at 0.10 s for 1 s + D6/leakage-high at 2.00 s for 1 s", 3, detector="self_test")
    found = held(monkeypatch, blind, pair)
    assert summed([blind, pair], "one").first == {"G1": {"self_test": 1}, "pair": {"self_test": 1}}
    assert summed(found.told, "one").first == {}
    assert found.nothing == {"together": 1}


def test_what_is_wrong_without_any_fault_breaks_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NONE, State.IRRADIATING, Run(Told("none", 1, wrong=["stuck: no beam"])))
    found = held(monkeypatch, Told("G1/kv-high@IRRADIATING~1 s", 1, state="FAULT", detector="kv_high"))
    assert found.broken == [
        "no fault@IRRADIATING, " + Baseline(State.IRRADIATING).choice.words + ", monitor: stuck: no beam"
    ]


def test_every_row_of_what_nobody_need_notice_speaks_of_a_cell() -> None:
    """Each pattern, in each state of its row, names a cell, and has no row before it that speaks of all of that."""
    names = {(f"{cell.fault_id}/{cell.injection}", cell.at) for cell in cells()}
    for row in QUIET:
        for pattern in row.faults:
            assert any(fnmatch(name, pattern) and at in row.at for name, at in names), (row.why, pattern)
        assert any(why_quiet(cell) == row.why for cell in cells()), row.why
        for at in row.at:
            assert any(fnmatch(name, one) and at is where for name, where in names for one in row.faults), (row.why, at)


@pytest.mark.grid
def test_every_baseline_is_as_it_should_be(kernels: Kernels) -> None:
    """Without any fault nothing is wrong in any state on any rig of the cells, and what is noticed all the same is known."""
    keys = {baseline_of(cell.name) for cell in cells()}
    assert {key.name: baseline(key, kernels).told.wrong for key in keys if baseline(key, kernels).told.wrong} == {}
    firsts = {key.at: baseline(key, kernels).told.detector for key in keys if baseline(key, kernels).told.detector}
    assert firsts == {
        State.SELF_TEST: "self_test",
        State.INTERRUPTED: "refused at the desk",
        State.FAULT: "hv_uncommanded",
    }


def test_a_process_that_dies_leaves_one_wrong_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs that were lost with it are played again, each alone."""
    rounds: list[list[tuple[str, int]]] = []

    def pooled(jobs: list[tuple[str, int]], _workers: int, _software: str) -> Iterator[tuple[tuple[str, int], Told]]:
        rounds.append(list(jobs))
        for job in jobs:
            if job[0] == "kills":
                return
            yield job, Told(*job)

    monkeypatch.setattr("verification.matrix_run._pooled", pooled)
    jobs = [("one", 1), ("kills", 1), ("two", 1), ("three", 1), ("four", 1), ("five", 1)]
    told = list(sweep(jobs, 2, "s"))
    assert sorted((one.cell, one.seed) for one in told) == sorted(jobs)
    assert [(one.cell, one.wrong) for one in told if one.wrong] == [("kills", ["the process that played it died"])]
    assert rounds[1:] == [[jobs[1]], [jobs[2]], [jobs[3]], [jobs[4]], [jobs[5]]]


def test_a_worker_of_other_sources_gives_nothing() -> None:
    with pytest.raises(RuntimeError, match="other sources"):
        _at_worker("I10/key-off@STANDBY~1 tick", 1, "s", "0" * 64)


def test_a_seed_draws_the_same_pair() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_nothing_grows_in_a_rig_that_rests(make_rig: MakeRig) -> None:
    """H9: half a minute on end in STANDBY leaves no object that was not there before, also none that the collector does not look at (bytes, numbers)."""
    rig = make_rig()
    turn_until(rig, State.STANDBY)
    rig.wait(15.0)
    gc.collect()
    objects, blocks = len(gc.get_objects()), sys.getallocatedblocks()
    rig.wait(30.0)
    gc.collect()
    assert len(gc.get_objects()) - objects < 200
    assert sys.getallocatedblocks() - blocks < 200
