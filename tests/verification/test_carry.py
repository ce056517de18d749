"""Results of an older run are carried over only where nothing but a judge has changed, or where a sample of them is the same when it is played again;
and only those that were good and would be played so today."""

from __future__ import annotations

import json
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
    """Nor what another plan had played; the page says where the rest comes from."""
    monkeypatch.setattr(carry, "changed_since", lambda _: ["verification/story.py"])
    new = tmp_path / "new"
    told = carry.carry(old, new, OLD, "a reason.")
    assert told["counts"] == {"cells.jsonl": 1, "crashes.jsonl": 0, "seeds.jsonl": 1}
    results = Results(new / "seeds.jsonl", source_hash(), resume=True)
    results.close()
    assert list(results.by_key) == [0]
    words = carried(new / CARRIED)
    assert OLD in words and "1 seeds" in words and "a reason." in words and "verification/story.py" in words


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
    now: dict[str, Any] = {"digest": "d", "cpu_s": 1.0}
    monkeypatch.setattr(carry, "_PLAYS", {name: lambda before: before | now for name in ("cells.jsonl", "seeds.jsonl")})
    monkeypatch.setattr(carry, "hand_out", lambda todo, work, _workers, done, _lost: [done(work(one)) for one in todo])
    with pytest.raises(carry.CarryError, match="digest was None, is d"):
        carry.carry(old, tmp_path / "new", OLD, "a reason.", again=5)
    assert not (tmp_path / "new").exists()
    del now["digest"]
    told = carry.carry(old, tmp_path / "new", OLD, "a reason.", again=5)
    assert told["again"] == {"cells.jsonl": 1, "crashes.jsonl": 0, "seeds.jsonl": 1}
    assert "1 seeds, drawn at random, were played again" in carried(tmp_path / "new" / CARRIED)
    monkeypatch.setattr(carry, "changed_since", lambda _: ["verification/story.py"])
    monkeypatch.setattr(carry, "_good", lambda *_: [])
    carry.carry(tmp_path / "new", tmp_path / "newer", "another", "a second reason.")
    words = carried(tmp_path / "newer" / CARRIED)
    assert ": a reason." in words and ": a second reason." in words


def test_a_change_of_what_writes_to_the_disk_makes_every_crash_another_case(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th call is another call then."""
    head = {"kerma_results": 1, "source": "old", "commit": OLD, "simulated": True}
    case = {"case": "2 2 EIO", "source": "old", "broken": [], "state": "STANDBY"}
    (old / "crashes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (head, case)))
    monkeypatch.setattr(carry, "played_again", lambda *_: [])
    for changed, kept in (("controller/loop.py", 1), ("records/store.py", 0)):
        monkeypatch.setattr(carry, "changed_since", lambda _, changed=changed: [changed])
        assert carry.carry(old, tmp_path / changed, OLD, "a reason.", again=1)["counts"]["crashes.jsonl"] == kept


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
