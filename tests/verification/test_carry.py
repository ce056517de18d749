"""Results of an older run are carried over only where nothing but a judge has changed, or where a sample of them is the same when it is played again;
and only those that were good and would be played so today."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from verification import carry
from verification.matrix import cells
from verification.plan import plan
from verification.results import Results
from verification.sources import source_hash
from verification.verify import CARRIED, carried

OLD = "0123456789ab"


def seed_line(seed: int, **changes: Any) -> dict[str, Any]:
    now = plan(seed)
    rig = f"{now.choice.words}, {now.termination}, {now.tick_hz} Hz"
    return {
        "seed": seed,
        "source": "old",
        "kind": now.kind,
        "rig": rig,
        "faults": list(now.faults),
        "broken": [],
    } | changes


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    folder.mkdir()
    cell = next(iter(cells())).name
    told = [{"cell": cell, "seed": 1, "software": "old", "wrong": []}, {"cell": "gone", "seed": 1, "software": "old", "wrong": []},
            {"cell": cell, "seed": 2, "software": "old", "wrong": ["x"]}, {"cell": "pair:0 others", "seed": 0, "software": "old", "wrong": []}]  # fmt: skip
    (folder / "cells.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told) + '{"torn')
    head = {"kerma_results": 1, "source": "old", "commit": OLD, "simulated": True}
    seeds = [head, seed_line(0), seed_line(1, broken=[["22", 1.0, "x"]]), seed_line(2, faults=["another"])]
    (folder / "seeds.jsonl").write_text("".join(json.dumps(one) + "\n" for one in seeds))
    return folder


def test_what_was_good_is_carried_and_what_was_broken_is_not(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what another plan had played; a row of the page says where the rest comes from."""
    monkeypatch.setattr(carry, "changed_since", lambda _: ["verification/story.py"])
    new = tmp_path / "new"
    told = carry.carry(old, new, OLD, "a reason.")
    assert told["counts"] == {"cells.jsonl": 1, "crashes.jsonl": 0, "seeds.jsonl": 1}
    results = Results(new / "seeds.jsonl", source_hash(), resume=True)
    results.close()
    assert list(results.by_key) == [0]
    words = carried(new / CARRIED)
    assert "left behind" not in words
    assert f"| `{OLD}` | 1 | 0 | 1 | none: only judges changed | verification 1 | a reason. |" in words


def test_a_run_that_came_to_no_seed_is_carried_by_its_crash_cases_commit(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which commit a run is of stands in whatever kind it came to."""
    monkeypatch.setattr(carry, "changed_since", lambda _: ["verification/story.py"])
    (old / "seeds.jsonl").unlink()
    head = {"kerma_results": 1, "source": "old", "commit": OLD, "simulated": True}
    case = {"case": "2 2 EIO", "source": "old", "broken": [], "state": "STANDBY"}
    (old / "crashes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (head, case)))
    carry.main(old, "a reason.", home=tmp_path)
    told = json.loads((tmp_path / source_hash()[:16] / CARRIED).read_text())
    assert (told["commit"], told["counts"]) == (OLD, {"cells.jsonl": 1, "crashes.jsonl": 1, "seeds.jsonl": 0})


def test_what_is_known_to_be_another_play_now_is_left_to_be_played_anew(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its fault, in a seed's plan as in a cell's name; and the run's own account names it."""
    monkeypatch.setattr(carry, "changed_since", lambda _: ["verification/story.py"])
    cell = next(iter(cells())).name
    seed, fault = next((seed, plan(seed).faults[0]) for seed in range(3, 3_000) if plan(seed).faults)
    with (old / "seeds.jsonl").open("a") as more:
        more.write(json.dumps(seed_line(seed)) + "\n")
    for anew, counts in (((), (1, 2)), ((fault,), (1, 1)), ((cell.partition("@")[0],), (0, 2))):
        told = carry.carry(old, tmp_path / str(anew), OLD, "a reason.", anew=anew)
        assert (told["counts"]["cells.jsonl"], told["counts"]["seeds.jsonl"]) == counts
        assert told["anew"] == list(anew)


def test_nothing_is_carried_over_a_change_of_the_program(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carry, "changed_since", lambda _: ["controller/loop.py", "verification/story.py"])
    with pytest.raises(carry.CarryError, match=r"controller/loop\.py changed"):
        carry.carry(old, tmp_path / "new", OLD, "a reason.")
    assert not (tmp_path / "new").exists()


def test_over_a_change_of_the_program_a_sample_must_be_the_same(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that differs in a single figure carries nothing; times and processes are the run's own. The page says how many were played."""
    monkeypatch.setattr(carry, "changed_since", lambda _: ["controller/loop.py"])
    now: dict[str, Any] = {"ticks": 5, "cpu_s": 1.0}
    monkeypatch.setattr(carry, "_PLAYS", {name: lambda before: before | now for name in ("cells.jsonl", "seeds.jsonl")})
    monkeypatch.setattr(carry, "hand_out", lambda todo, work, _workers, done, _lost: [done(work(one)) for one in todo])
    with pytest.raises(carry.CarryError, match="ticks was None, is 5"):
        carry.carry(old, tmp_path / "new", OLD, "a reason.", again=5)
    assert not (tmp_path / "new").exists()
    del now["ticks"]
    told = carry.carry(old, tmp_path / "new", OLD, "a reason.", again=5)
    assert told["again"] == {"cells.jsonl": 1, "crashes.jsonl": 0, "seeds.jsonl": 1}
    assert f"| `{OLD}` | 1 | 0 | 1 | 1 / 0 / 1 | controller 1 | a reason. |" in carried(tmp_path / "new" / CARRIED)
    monkeypatch.setattr(carry, "changed_since", lambda _: ["verification/story.py"])
    monkeypatch.setattr(carry, "_good", lambda *_: [])
    carry.carry(tmp_path / "new", tmp_path / "newer", "another", "a second reason.")
    words = carried(tmp_path / "newer" / CARRIED)
    assert words.index("| a second reason. |") < words.index("| a reason. |")


def test_a_change_of_what_writes_to_the_disk_makes_every_crash_another_case(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th call is another call then, and so it is in a seed in which one fails."""
    head = {"kerma_results": 1, "source": "old", "commit": OLD, "simulated": True}
    case = {"case": "2 2 EIO", "source": "old", "broken": [], "state": "STANDBY"}
    (old / "crashes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (head, case)))
    struck = next(seed for seed in range(3, 3_000) if "disk" in plan(seed).faults)
    with (old / "seeds.jsonl").open("a") as more:
        more.write(json.dumps(seed_line(struck)) + "\n")
    monkeypatch.setattr(carry, "played_again", lambda *_: [])
    for changed, kept in (("controller/loop.py", 1), ("records/store.py", 0)):
        monkeypatch.setattr(carry, "changed_since", lambda _, changed=changed: [changed])
        counts = carry.carry(old, tmp_path / changed, OLD, "a reason.", again=1)["counts"]
        assert (counts["crashes.jsonl"], counts["seeds.jsonl"]) == (kept, 1 + kept)


def test_results_of_another_commit_or_beside_others_are_not_mixed(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carry, "changed_since", lambda _: [])
    with pytest.raises(carry.CarryError, match="is of commit"):
        carry.carry(old, tmp_path / "new", "ba9876543210", "a reason.")
    with pytest.raises(carry.CarryError, match="already"):
        carry.carry(old, old, OLD, "a reason.")


def test_a_commit_that_is_not_there_carries_nothing() -> None:
    with pytest.raises(carry.CarryError, match="not in this repository"):
        carry.changed_since("f" * 40)


def test_where_a_digest_is_of_something_else_both_programs_play_the_sample(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digests that were kept are not carried, for nothing of today could be the same; everything else of a run is held to the old program's."""
    kept = old / "seeds.jsonl"
    kept.write_text(kept.read_text().replace('"kind"', '"digest": "of before", "kind"'))
    monkeypatch.setattr(carry, "changed_since", lambda _: [carry.DIGEST_OF])
    monkeypatch.setattr(carry, "hand_out", lambda todo, work, _workers, done, _lost: [done(work(one)) for one in todo])
    monkeypatch.setattr(
        carry,
        "_PLAYS",
        {"cells.jsonl": lambda before: before, "seeds.jsonl": lambda before: before | {"digest": "now"}},
    )
    asked: list[Any] = []

    def by_old(seeds: list[int], commit: str, _workers: int) -> list[dict[str, Any]]:
        asked.append((seeds, commit))
        return [seed_line(seed) | {"digest": "then"} for seed in seeds]

    monkeypatch.setattr(carry, "by_the_old_program", by_old)
    with pytest.raises(carry.CarryError, match="0: digest was then, is now"):
        carry.carry(old, tmp_path / "new", OLD, "a reason.", again=5)
    monkeypatch.setattr(
        carry, "by_the_old_program", lambda seeds, *_: [seed_line(seed) | {"digest": "now"} for seed in seeds]
    )
    carry.carry(old, tmp_path / "new", OLD, "a reason.", again=5)
    for told, words in ((seed_line(0, ticks=7), "ticks was None, is 7"), (seed_line(9), "0: .*is None")):
        monkeypatch.setattr(carry, "by_the_old_program", lambda *_, told=told: [told | {"digest": "now"}])
        with pytest.raises(carry.CarryError, match=words):
            carry.carry(old, tmp_path / "not", OLD, "a reason.", again=5)
    assert asked == [([0], OLD)]
    lines = [json.loads(line) for line in (tmp_path / "new" / "seeds.jsonl").read_text().splitlines()]
    assert [one["seed"] for one in lines[1:]] == [0] and all("digest" not in one for one in lines)
    assert carry.played_again({"seeds.jsonl": lines[1:]}, 1) == []
    assert "were left behind" in carried(tmp_path / "new" / CARRIED)


def test_the_old_program_plays_from_its_own_commit_by_todays_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files as they were, the one that makes the digest as it is; and nothing of it stays in the repository. One that cannot is said."""
    place = tmp_path / "repository"
    (place / "verification").mkdir(parents=True)
    (place / "verification" / "seeded.py").write_text("DIGEST = 'of then'\n")
    (place / "verification" / "__init__.py").write_text("")
    (place / "program.py").write_text("WHAT = 'then'\n")
    git = ["git", "-C", str(place), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "then"]):
        subprocess.run([*git, *words], check=True, timeout=30)
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, timeout=30, capture_output=True, text=True
    ).stdout.strip()
    (place / "verification" / "seeded.py").write_text("DIGEST = 'of today'\n")
    (place / "program.py").write_text("WHAT = 'today'\n")
    monkeypatch.setattr(carry, "ROOT", place)
    script = "import json, sys, program\nfrom verification.seeded import DIGEST\nfor one in sys.argv[1:]: print(json.dumps([int(one), program.WHAT, DIGEST]))"
    monkeypatch.setattr(carry, "OLD_PLAYS", script)
    assert sorted(carry.by_the_old_program([4, 5, 6], commit, 2)) == [[n, "then", "of today"] for n in (4, 5, 6)]
    assert (
        subprocess.run([*git, "worktree", "list"], capture_output=True, text=True, timeout=30, check=True).stdout.count(
            "\n"
        )
        == 1
    )
    monkeypatch.setattr(carry, "OLD_PLAYS", "raise SystemExit(1)")
    with pytest.raises(carry.CarryError, match="does not play its seeds"):
        carry.by_the_old_program([4], commit, 1)
    with pytest.raises(carry.CarryError, match="worktree add"):
        carry.by_the_old_program([4], "f" * 40, 1)
