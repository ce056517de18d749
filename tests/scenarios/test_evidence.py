"""What a long run came to is kept in the repository: packed and unpacked it is the same, more is never overwritten, and a line can be played again."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from verification import evidence
from verification.campaign import Done, Lost, Work
from verification.carry import SEEDS
from verification.results import Results
from verification.seeded import document, run
from verification.sources import source_hash

QUICK = 0
"""A seed that is soon played."""


def made(folder: Path, seeds: int) -> Path:
    """A folder as `make verify` leaves it: so many made-up results, and a verdict."""
    results = Results(folder / SEEDS, source_hash(), "abc")
    for seed in range(seeds):
        results.add(
            {"seed": seed, "source": source_hash(), "digest": f"{seed:064x}", "wall_s": 1.0, "worker": 7, "broken": []}
        )
    results.close()
    (folder / "search.json").write_text('{"stage": "search"}\n')
    return folder


def here(todo: list[Any], work: Work, _workers: int, done: Done, _lost: Lost) -> None:
    """Hands out to this process: how workers come by it is shown elsewhere (test_campaign.py)."""
    for what in todo:
        done(work(what))


def test_what_was_packed_comes_back_and_make_verify_goes_on_with_it(tmp_path: Path) -> None:
    """Each line but what it says of the machine; the file is one that Results goes on with, and a torn last line is left out."""
    folder = made(tmp_path / "verify", 3)
    with (folder / SEEDS).open("a") as file:
        file.write('{"seed": 3, "sou')
    assert evidence.pack(folder, tmp_path / "kept") == {"search.json": 1, SEEDS: 4}
    assert evidence.unpack(tmp_path / "kept", tmp_path / "other") == {"search.json": 1, SEEDS: 4}
    assert (tmp_path / "other" / "search.json").read_text() == '{"stage": "search"}\n'
    results = Results(tmp_path / "other" / SEEDS, source_hash(), resume=True)
    assert [(one["seed"], one["digest"]) for one in results.all()] == [(seed, f"{seed:064x}") for seed in range(3)]
    assert not any(key in one for one in results.all() for key in evidence.OF_THE_MACHINE)
    results.close()


def test_no_line_says_where_this_machine_had_its_files(tmp_path: Path) -> None:
    """What a failing test said names the folder it was played in; the file's own name is what is told of it."""
    said = f"E  where token = Signing(folder=PosixPath('{tmp_path}/signed0'), at='{evidence.ROOT}/hal/wire.py:3')"
    (tmp_path / "verify").mkdir()
    (tmp_path / "verify" / "evil.jsonl").write_text(json.dumps({"caught": {"test": said}}) + "\n")
    evidence.pack(tmp_path / "verify", tmp_path / "kept")
    (line,) = evidence.lines_of(tmp_path / "kept", "evil.jsonl")
    assert line == {"caught": {"test": "E  where token = Signing(folder=PosixPath('signed0'), at='wire.py:3')"}}


def test_nothing_that_is_there_is_overwritten_by_less(tmp_path: Path) -> None:
    """Unpacking leaves what was played here; packing refuses to replace more lines by fewer."""
    evidence.pack(made(tmp_path / "more", 5), tmp_path / "kept")
    fewer = made(tmp_path / "fewer", 2)
    assert evidence.unpack(tmp_path / "kept", fewer) == {}
    with pytest.raises(evidence.EvidenceError, match=r"has 6 lines and .* 3; first: unpack"):
        evidence.pack(fewer, tmp_path / "kept")
    assert len(evidence.lines_of(tmp_path / "kept", SEEDS)) == 5


def test_what_was_found_of_another_program_is_replaced_by_less(tmp_path: Path) -> None:
    """A file of mutants is of the program that was altered: when that has changed, what is kept of the old one is not missed."""
    evidence.pack(made(tmp_path / "old", 5), tmp_path / "kept")
    Results(tmp_path / "new" / SEEDS, "another program", "abd").close()
    assert evidence.pack(tmp_path / "new", tmp_path / "kept") == {SEEDS: 1}
    assert evidence.lines_of(tmp_path / "kept", SEEDS) == []


def test_mutants_are_kept_beside_the_runs_by_the_same_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--mutants` takes them from where `make mutants` has them, and puts them back there for another machine."""
    monkeypatch.setattr(evidence, "KEPT", tmp_path / "kept")
    here, there = tmp_path / "here", tmp_path / "there"
    results = Results(here / "interlocks-gate.jsonl", "of the gate", "abc", key="key")
    results.add({"key": "f | x | y -> z", "killed_by": "tests/t.py::t", "stands_on": "s", "source": "of the gate"})
    results.close()
    for command, home in (("pack", here), ("unpack", there)):
        told = CliRunner().invoke(evidence.app, [command, "--mutants", "--home", str(home)])
        assert told.exit_code == 0 and "interlocks-gate.jsonl 2 lines" in told.output, told.output
    assert (there / "interlocks-gate.jsonl").read_bytes() == (here / "interlocks-gate.jsonl").read_bytes()
    assert (tmp_path / "kept" / evidence.OF_MUTANTS / "interlocks-gate.jsonl.xz").exists()


def test_a_byte_that_is_another_is_found(tmp_path: Path) -> None:
    """The packed file carries its own check; unpacking writes nothing of it."""
    evidence.pack(made(tmp_path / "verify", 50), tmp_path / "kept")
    packed = tmp_path / "kept" / f"{SEEDS}{evidence.PACKED}"
    whole = bytearray(packed.read_bytes())
    whole[len(whole) // 2] ^= 1
    packed.write_bytes(whole)
    with pytest.raises(evidence.EvidenceError, match="is damaged"):
        evidence.unpack(tmp_path / "kept", tmp_path / "other")
    assert not (tmp_path / "other" / SEEDS).exists()


def test_nothing_to_pack_and_nothing_kept_are_said(tmp_path: Path) -> None:
    """Each names the folder and what to do first."""
    with pytest.raises(evidence.EvidenceError, match="play some first: make verify"):
        evidence.pack(tmp_path, tmp_path / "kept")
    with pytest.raises(evidence.EvidenceError, match="nothing is kept in"):
        evidence.unpack(tmp_path / "kept", tmp_path / "other")


def test_a_kept_line_is_played_again_and_must_be_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command for a stranger: a true line holds, one whose digest was altered is named, and exit is 1."""
    monkeypatch.setattr(evidence, "KEPT", tmp_path)
    monkeypatch.setattr("verification.carry.hand_out", here)
    home = tmp_path / source_hash()[: evidence.NAME]
    home.mkdir()
    head = {"kerma_results": 1, "source": source_hash(), "commit": "", "simulated": True}
    true = document(run(QUICK))
    for told, code, words in (
        (true, 0, "1 seeds played again, 0 of them"),
        (true | {"digest": "0" * 64}, 1, "digest was 000"),
    ):
        lines = "".join(json.dumps(one) + "\n" for one in (head, told)).encode()
        (home / f"{SEEDS}{evidence.PACKED}").write_bytes(lzma.compress(lines))
        done = CliRunner().invoke(evidence.app, ["check", "--count", "1", "--workers", "1"])
        assert (done.exit_code, words in done.output) == (code, True), done.output


def test_with_nothing_kept_of_these_sources_a_check_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has shown nothing, and says what there is."""
    monkeypatch.setattr(evidence, "KEPT", tmp_path)
    (tmp_path / "0123456789abcdef").mkdir()
    done = CliRunner().invoke(evidence.app, ["check"])
    assert done.exit_code == 1 and "0123456789abcdef" in done.output
