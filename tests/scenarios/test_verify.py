"""`make verify`: stages in turn, none left out in silence, each skipped only where it is complete for exactly these sources; and the page that it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from verification import sources, stages, verify
from verification.plan import LONG_FROM, plan
from verification.results import Results
from verification.stages import STAGES, Room, Stage, Verdict, crashes, seeds

QUIET = Console(quiet=True)


def room(folder: Path, part: float = 1.0) -> Room:
    return Room(folder, 1, QUIET, part)


def counted(verdict: Verdict) -> tuple[Stage, list[int]]:
    """A stage that notes how often it is played."""
    played: list[int] = []

    def run(_room: Room) -> Verdict:
        played.append(1)
        return verdict

    return Stage("tried", "to try it", run), played


def test_a_stage_that_is_not_there_fails(tmp_path: Path) -> None:
    """No module, no proof: it is said and counts as broken, and it is tried again the next time."""
    stage = Stage("gone", "nothing", lambda _room: Verdict({}), ("verification.no_such_room",))
    verify.play(stage, room(tmp_path))
    kept = verify.read(stage, room(tmp_path))
    assert kept is not None
    assert "verification.no_such_room cannot be loaded" in kept["broken"][0]


def test_a_complete_stage_is_played_once_for_these_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Played, skipped, and played again once the sources are others."""
    stage, played = counted(Verdict({"cells": "3"}))
    for _ in range(2):
        verify.play(stage, room(tmp_path))
    assert len(played) == 1
    monkeypatch.setattr(verify, "source_hash", lambda: "other")
    assert verify.read(stage, room(tmp_path)) is None
    verify.play(stage, room(tmp_path))
    assert len(played) == 2


def test_a_stage_that_broke_something_is_played_again(tmp_path: Path) -> None:
    stage, played = counted(Verdict({}, ("something",)))
    for _ in range(2):
        verify.play(stage, room(tmp_path))
    assert len(played) == 2


def test_a_stage_that_ends_in_an_error_is_broken_and_the_next_is_played(tmp_path: Path) -> None:
    """Whatever the error is: a process that died at its work is none that its author thought of."""

    def run(_room: Room) -> Verdict:
        raise RuntimeError("a process died")

    stage = Stage("tried", "to try it", run)
    verify.play(stage, room(tmp_path))
    kept = verify.read(stage, room(tmp_path))
    assert kept is not None and kept["broken"] == ["RuntimeError: a process died"]


def test_a_crash_case_without_a_result_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when each worker has other sources, so that no result of theirs counts."""
    monkeypatch.setattr("verification.crash_matrix.calls_of", lambda _kernels: ["write", "sync"])
    monkeypatch.setattr("verification.stages.kernels", lambda: None)
    monkeypatch.setattr("verification.stages.hand_out", lambda *_: None)
    verdict = crashes(room(tmp_path))
    assert verdict.figures["cases"] == "0"
    assert len(verdict.broken) > 2 and all("gave no result" in words for words in verdict.broken)


def test_every_part_of_the_figures_has_a_stage() -> None:
    """What the figures want, in the order in which it is played."""
    assert [stage.name for stage in STAGES] == [
        "search",
        "single faults",
        "barriers",
        "pairs",
        "crashes",
        "seeds",
        "across",
        "incidents",
        "replay",
        "real processes",
        "tests",
        "evil",
    ]


def test_the_page_says_what_was_played_and_what_was_not(tmp_path: Path) -> None:
    """Figures and seed ranges of what is there, "not played" for what is not; a page without its place is refused, and only the place is changed."""
    page = tmp_path / "verification.md"
    page.write_text(f"before\n{verify.BEGINS}\nold\n{verify.ENDS}\nafter\n")
    kept: dict[str, dict[str, Any] | None] = dict.fromkeys((stage.name for stage in STAGES), None)
    kept["seeds"] = {
        "figures": {"runs": "12"},
        "seeds": {"fault runs": (0, 11)},
        "broken": [],
        "took_s": 60.0,
        "wall_s": 1.8e9,
    }
    verify.write_page(kept, tmp_path, page)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| | | runs | 12 | |" in text and "0 to 11" in text
    assert text.count("not played") == len(STAGES) - 1
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="0 places"):
        verify.write_page(kept, tmp_path, page)


def test_the_seeds_go_on_until_both_figures_are_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many runs with a fault, then long runs until the hours are there; what was known is not played again."""
    played: list[int] = []

    def play(wanted: Iterable[int], _workers: int, results: Results, _out: Console, words: str = "") -> None:
        for seed in wanted:
            if seed not in results.by_key:
                played.append(seed)
                beam_s = 700.0 if seed >= 1_000_000 else 6.0
                results.add({"seed": seed, "source": sources.source_hash(), "faults": ["x"], "began": ["x"] * (seed % 2),
                             "beam_s": beam_s, "tick_hz": 100, "simulated_s": beam_s, "cpu_s": 1.0,
                             "ticks": 1, "end_state": "STANDBY", "broken": [], "given": [], "reactions": []})  # fmt: skip

    monkeypatch.setattr("verification.stages.play", play)
    monkeypatch.setattr("verification.stages.QUIET_BELOW", 40)
    verdict = seeds(room(tmp_path, 0.01))
    assert not verdict.broken
    first, last = verdict.seeds["long runs"]
    assert sum(700.0 for _ in range(first, last + 1)) + 6.0 * verdict.seeds["fault runs"][1] >= 3600.0
    assert all(plan(seed).faults for seed in played if stages.QUIET_BELOW <= seed < LONG_FROM)
    before = len(played)
    assert seeds(room(tmp_path, 0.01)).seeds == verdict.seeds
    assert len(played) == before
    monkeypatch.setattr("verification.stages.BEAM_HOURS", 0.0)
    (tmp_path / "none").mkdir()
    assert set(seeds(room(tmp_path / "none", 0.01)).seeds) == {"fault runs", "runs without a fault"}


def given(seed: int, **more: Any) -> dict[str, Any]:
    """A result of one seed."""
    beam_s = 700.0 if seed >= LONG_FROM else 6.0
    return {"seed": seed, "source": sources.source_hash(), "faults": ["x"], "began": ["x"], "beam_s": beam_s, "tick_hz": 100, "simulated_s": beam_s,
            "cpu_s": 1.0, "ticks": 1, "end_state": "STANDBY", "broken": [], "given": [], "reactions": []} | more  # fmt: skip


@pytest.mark.parametrize(
    "there",
    [(), tuple(range(35)), (0, 1, 3, 45, LONG_FROM + 9)],
    ids=["single", "resumed", "carried"],
)
def test_the_ranges_of_seeds_have_no_gap_and_leave_nothing_out(
    there: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run found in its file may reach further than it would have, and with holes: they are played, and the range tells all that counts."""
    kept = Results(tmp_path / "seeds.jsonl", sources.source_hash(), "one")
    for seed in there:
        kept.add(given(seed))
    kept.close()

    def play(wanted: Iterable[int], _workers: int, results: Results, _out: Console, words: str = "") -> None:
        for seed in wanted:
            results.add(given(seed))

    monkeypatch.setattr("verification.stages.play", play)
    monkeypatch.setattr("verification.stages.QUIET_BELOW", 40)
    verdict = seeds(room(tmp_path, 0.001))
    after = Results(tmp_path / "seeds.jsonl", sources.source_hash(), "one", resume=True)
    after.close()
    short, long = [{seed for seed in after.by_key if (seed >= LONG_FROM) is which} for which in (False, True)]
    assert verdict.seeds["fault runs"] == (0, max(short)) and max(short) >= max(
        (s for s in there if s < LONG_FROM), default=0
    )
    assert short == set(stages._wanted(max(short)))
    assert (
        set(range(LONG_FROM, verdict.seeds["long runs"][1] + 1)) == long if long else "long runs" not in verdict.seeds
    )


def test_what_a_seed_broke_is_told_with_its_plan_and_how_to_have_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage's own words, not only the campaign's: seed, commit and every line of the plan."""

    def play(wanted: Iterable[int], _workers: int, results: Results, _out: Console, words: str = "") -> None:
        for seed in wanted:
            results.add(given(seed, broken=[["8", 1.0, "too much"]] if seed == 1 else []))

    monkeypatch.setattr("verification.stages.play", play)
    monkeypatch.setattr("verification.campaign.commit", lambda: "0123456789ab")
    (words,) = seeds(room(tmp_path, 0.001)).broken
    assert words.startswith("seed 1: 8: too much; ")
    assert all(line in words for line in plan(1).lines())
    assert "again: kerma campaign --seeds 1 --first-seed 1 at sources " in words and ", commit 0123456789ab" in words


def test_the_sources_hash_speaks_of_what_decides_a_run() -> None:
    """Code and data of product, simulators and this room, and the locked requirements; no page, no test."""
    names = [name for name, _ in sources.files()]
    assert {
        "controller/loop.py",
        "simulators/plant.py",
        "verification/plan.py",
        "console/examples/rig.toml",
        "requirements.txt",
    } <= set(names)
    assert not [name for name in names if name.startswith(("docs", "tests", "README"))]
    assert len(sources.source_hash()) == 64
    json.dumps(names)


LOADED = """
import sys
from verification import incident_cli, matrix, matrix_run, sources, stages
from verification.incidents import table
from verification.seeded import run
run(0)
stages.barrier(next(iter(__import__("verification.barriers").barriers.BARRIERS)))
stages.replayed(__import__("verification.replays").replays.NAMES[0])
every = sources.names_of_modules()
print(*sorted(name for module in list(sys.modules) for name in [every.get(module, "")] if name))
"""


def test_whatever_a_played_run_loads_is_in_the_sources_hash() -> None:
    """A file that a run loads and the hash does not hold could change, and old results would still speak for it."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, cwd=sources.ROOT)
    loaded = set(done.stdout.split())
    assert {"verification/seeded.py", "verification/incident_cli.py", "controller/loop.py"} <= loaded
    assert loaded - {name for name, _ in sources.files()} == set()


def test_what_only_shows_is_not_in_the_sources_hash() -> None:
    """A page of the console, a report or a table of a guided procedure decides no played run: what was played still holds."""
    names = {name for name, _ in sources.files()}
    assert not [name for name in names if name.startswith(sources.SHOWS)]
    assert set(sources.names_of_modules().values()) - names >= {"console/web/serve.py", "verification/pages.py"}
    assert (
        "verification/mutants_survive.toml" in sources.SHOWS
        and (sources.ROOT / "verification/mutants_survive.toml").exists()
    )
