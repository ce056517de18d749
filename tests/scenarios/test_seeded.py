"""Seeded runs: one seed decides everything, the same seed is the same run anywhere, and a slice of them holds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from console.limits import serial_baud, too_short, unfit
from hal.rig import make_rig
from verification import plan as planning
from verification.plan import LONG_FROM, plan
from verification.played import DEEDS
from verification.rigs import Choice, with_values
from verification.seeded import by_turn, run
from verification.setting import blob_of, lay_out

SHORT = tuple(seed for seed in range(120) if plan(seed).beam_s < 6.0)
"""Little beam each."""
SHORTEST, SHORT_TOO = sorted(SHORT, key=lambda seed: plan(seed).beam_s)[:2]
IN_MAKE_TEST = 12
SLICE = [
    pytest.param(seed, marks=() if place < IN_MAKE_TEST else (pytest.mark.grid,)) for place, seed in enumerate(SHORT)
]


@pytest.mark.parametrize(
    "seed",
    [
        69,
        pytest.param(336, marks=pytest.mark.grid),
        1164,
        pytest.param(2253, marks=pytest.mark.grid),
        pytest.param(3931, marks=pytest.mark.grid),
        pytest.param(6400, marks=pytest.mark.grid),
        pytest.param(7314, marks=pytest.mark.grid),
    ],
)
def test_what_a_seed_once_found_stays_mended(seed: int) -> None:
    """69: people switched a generator off at the mains for 2 s, which counts as switched off from 10 s on, and never left STUCK_ON;
    336: held too early, unloaded and closed at once, the fraction had no end; 1164: a recorder that rightly refuses a cut journal ended the world;
    2253: people switched a slow generator off again and again where they had to wait;
    3931: a supply that ignores off at the very end of a fraction by time was charged with what K2 takes to open;
    6400: the power went while one of the unit's replies was late, and the time in which nobody had heard it was charged too;
    7314: a host that was frozen between its last tick in READY and the one that sent ON had been in no state before."""
    assert run(seed).broken == []


def test_a_plan_is_decided_by_its_seed_alone_and_can_be_read() -> None:
    """Equal twice, different for others, JSON all through, and each line says something."""
    assert plan(7) == plan(7)
    assert len({json.dumps(plan(seed).document()) for seed in range(200)}) == 200
    for seed in range(200):
        assert all(plan(seed).lines())
        assert json.loads(json.dumps(plan(seed).document()))["seed"] == seed


def test_every_deed_of_a_plan_has_hands_and_every_fault_a_name() -> None:
    """What a plan may ask for, somebody can do; and in a thousand seeds nearly everything there is comes up."""
    drawn = [deed for seed in range(6000) for deed in plan(seed).deeds]
    assert {deed.do for deed in drawn} == {*DEEDS, "fault"}
    faults = {deed.what for deed in drawn if deed.do == "fault"}
    usual = {
        f"{fault_id}/{one.name}" for fault_id, ones in planning.possible(Choice(), "monitor").items() for one in ones
    }
    assert usual <= faults


def test_the_shares_of_a_plan_are_what_is_said_of_them() -> None:
    """In 4000 seeds each share is within a few of what the tables say; long runs have no fault."""
    plans = [plan(seed) for seed in range(4000)]
    without = sum(not p.faults for p in plans) / 40.0
    assert abs(without - planning.FAULT_SHARES[0]) < 3.0
    usual = sum(
        p.generator == planning.USUAL and (p.unit_wire, p.termination, p.tick_hz) == ("tcp", "monitor", 100)
        for p in plans
    )
    assert abs(usual / 40.0 - planning.RIG_SHARES["usual"]) < 3.0
    long = [plan(seed) for seed in range(LONG_FROM, LONG_FROM + 2000)]
    assert not any(p.deeds for p in long)
    any_hz = [p for p in long if planning.LEAST_HZ.keys().isdisjoint((p.generator, p.unit_wire))]
    for hz, share in planning.LONG_HZ_SHARES.items():
        beam_s = sum(p.beam_s for p in any_hz if p.tick_hz == hz)
        assert abs(100.0 * beam_s / sum(p.beam_s for p in any_hz) - share) < 4.0
    for choice in {p.choice for p in long}:
        least = max(20, *(planning.LEAST_HZ.get(name, 0) for name in (choice.generator, choice.unit_wire)))
        assert min(p.tick_hz for p in long if p.choice == choice) == least, choice


def test_no_plan_is_for_a_rig_that_the_program_refuses_at_its_rate(tmp_path: Path) -> None:
    """Each rig and rate of 4000 seeds: `kerma run` would take it."""
    seen = {(p.choice, p.tick_hz) for start in (0, LONG_FROM) for p in map(plan, range(start, start + 2000))}
    for number, (choice, tick_hz) in enumerate(sorted(seen, key=str)):
        setting = lay_out(tmp_path / str(number), tmp_path / "records", "monitor", 15020, choice=choice)
        setting.rig_file.write_text(with_values(setting.rig_file.read_text(), {"rig": {"tick_hz": str(tick_hz)}}))
        blob = blob_of(setting)
        can = make_rig(blob.rig, blob.site_key).capabilities
        assert unfit(can, serial_baud(blob.rig)) == () and too_short(can, blob.lease_ms / 1000.0) == "", (
            choice,
            tick_hz,
        )


def test_slips_change_nothing_else_of_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come from a stream of their own, last of all deeds, and only where something happens anyway; each of them comes up."""
    with_slips = [plan(seed) for seed in range(400)]
    monkeypatch.setattr(planning, "SLIP_PART", 0.0)
    for found, without in zip(with_slips, (plan(seed) for seed in range(400)), strict=True):
        own = len(without.deeds)
        assert replace(found, deeds=found.deeds[:own]) == without
        assert [deed.do in planning.SLIPS for deed in found.deeds[own:]] in ([], [True])
        assert own or not found.deeds
    assert {deed.do for found in with_slips for deed in found.deeds} >= set(planning.SLIPS)


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or above"):
        plan(-1)


@pytest.mark.parametrize("seed", SLICE)
def test_a_slice_of_the_seeds_holds(seed: int, tmp_path: Path) -> None:
    """Everything that may never be, looked for after a whole seeded run; what was broken is said with its plan and the line that plays it again."""
    out = run(seed, tmp_path)
    assert out.ok, "\n".join(out.lines())
    assert out.end_state


@pytest.fixture(scope="module")
def shortest(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Path]]:
    """The digest of the shortest seed, and what it left in its folder."""
    folder = tmp_path_factory.mktemp("shortest")
    return run(SHORTEST, folder).digest, list(folder.iterdir())


def test_the_same_seed_is_the_same_run_in_another_process_and_another_folder(
    shortest: tuple[str, list[Path]], tmp_path: Path
) -> None:
    """Bit for bit: every tick, every event of the world, every record. Another seed is another run."""
    here, _ = shortest
    code = f"from verification.seeded import run; print(run({SHORTEST}).digest)"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert there.strip() == here
    assert run(SHORT_TOO, tmp_path).digest != here


def test_a_token_is_told_by_its_turn() -> None:
    """Two entries more about an exposure before make another number of it, and no other run; another token in the place of one does."""
    log = ("K1 closed", "ARMED token 105", "ENDED token 105", "ARMED token 110")
    assert by_turn(log) == by_turn(one.replace("110", "112").replace("105", "103") for one in log)
    assert by_turn(log) != by_turn(one.replace("110", "105") for one in log)
    assert by_turn(log)[0] == "K1 closed"


def test_a_run_that_went_wrong_tells_its_whole_plan_and_how_to_play_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An exception within a run is an outcome, with the seed's plan in words and one line to copy."""
    monkeypatch.setattr("verification.seeded.wrong", lambda *_: ["high voltage is on"])
    out = run(SHORTEST, tmp_path)
    assert not out.ok
    said = "\n".join(out.lines())
    assert "high voltage is on" in said
    assert all(line in said for line in plan(SHORTEST).lines())
    assert f"kerma campaign --seeds 1 --first-seed {SHORTEST}" in said


def test_nothing_is_left_of_a_run(shortest: tuple[str, list[Path]]) -> None:
    assert shortest[1] == []
