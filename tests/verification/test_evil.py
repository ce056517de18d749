"""The patches of verification/evil are caught by the one that is meant for each, and the tool that plays them can fail in every way that it has."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from interlocks.monitor import LAWS as MONITOR_LAWS
from verification.evil import command
from verification.evil.patch import NOTHING, Change, Evil, OutOfDateError, Pair, apply, patches
from verification.evil.plays import BESIDE, PLAYS, SEARCH, TEST, VIRTUAL
from verification.evil.run import CONTROL, TESTED, Job, Told, jobs, one, wrong
from verification.explore import GRAPH_LAWS
from verification.explore_laws import LAWS as SEARCH_LAWS
from verification.invariants import INVARIANTS
from verification.sources import ROOT
from verification.stages import Room

CHEAP: Final = (
    "ON is sent again in case it was lost",
    "OFF to the generator only",
    "an old kV is as good as a new one",
)
MOST_SILENT: Final = 8
"""Words; fewer give no reason."""
ALL: Final = jobs(patches())
EVERY: Final = [job for job in ALL if job.name != CONTROL]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", CHEAP)
def test_a_cheap_patch_is_caught_by_what_is_meant_for_it(name: str) -> None:
    """Copied, patched, played in a process of its own, and seen by the right one."""
    told = one(next(job for job in EVERY if job.key == name))
    assert told.wrong == ""
    assert told.by in told.caught


@pytest.mark.grid
@pytest.mark.timeout(900)
@pytest.mark.parametrize("job", ALL, ids=lambda job: job.key)
def test_each_patch_is_caught_by_what_is_meant_for_it(job: Job) -> None:
    """And each play is clean without a patch."""
    assert one(job).wrong == ""


def test_every_patch_fits_the_sources(tmp_path: Path) -> None:
    """Each old text stands in its file exactly once, one change after another; a patch that is out of date fails here and is not passed over."""
    for job in EVERY:
        for file in {change.file for change in job.changes}:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text((ROOT / file).read_text(encoding="utf-8"), encoding="utf-8")
        apply(job.changes, tmp_path)


def test_every_catcher_and_every_play_is_known() -> None:
    """An invariant, a law of the monitor or of the search, a test or words; a play that exists."""
    known = {row.id for row in INVARIANTS} | {f"monitor:{law}" for law in MONITOR_LAWS} | {"test", NOTHING}
    known |= {f"search:{law}" for law in (*(row.name for row in SEARCH_LAWS), *GRAPH_LAWS)}
    for job in EVERY:
        assert job.by in known or job.by.startswith("says:"), job.key
        assert job.play in PLAYS or job.play.startswith((TEST, SEARCH)), job.key
        assert job.by != "test" or job.play.startswith(TEST), job.key
    assert not set(VIRTUAL) & set(BESIDE)


def test_what_only_a_test_sees_says_why_no_invariant_can() -> None:
    """A patch that is caught by a test alone owes the reason; one with a test beside its play is caught by something else first."""
    singles = [patch for patch in patches() if isinstance(patch, Evil)]
    silent = [patch.name for patch in singles if patch.by == "test" and len(patch.why.split()) < MOST_SILENT]
    assert silent == []
    assert [patch.name for patch in singles if patch.test and patch.by == "test"] == []


def test_the_reason_is_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """`kerma evil --list` tells what each breaks, who must catch it and why no invariant can, and plays nothing."""
    app = typer.Typer()
    app.command()(command.evil)
    monkeypatch.setattr("verification.evil.run.one", lambda job: pytest.fail(f"{job.key} was played"))
    result = CliRunner().invoke(app, ["--list"])
    assert result.exit_code == 0, result.output
    for patch in patches():
        assert f"{patch.name}: {patch.breaks}" in result.output
        assert all(who in result.output for who in command.catchers(patch))
        assert not isinstance(patch, Evil) or patch.why in result.output
    alone = CliRunner().invoke(app, ["--list", CHEAP[0]]).output
    assert CHEAP[0] in alone and CHEAP[1] not in alone


def test_a_test_beside_the_play_must_fail_too() -> None:
    """It is a job of its own, with a control of its own."""
    patch = Evil(name="x", breaks="x", play="plain", by="6", changes=(), test="tests/a.py")
    assert [(job.key, job.play, job.by) for job in jobs([patch])] == [
        (f"{CONTROL}, plain", "plain", NOTHING),
        (f"{CONTROL}, test tests/a.py", "test tests/a.py", NOTHING),
        ("x", "plain", "6"),
        (f"x, {TESTED}", "test tests/a.py", "test"),
    ]


def test_who_saw_it_no_later_than_the_one_that_is_meant_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails by the right one, but perhaps not first: the run says so."""
    assert Told("x", "6", "plain", "", {"4": "late", "6": "twice", "9": "much"}).before == ("4",)
    assert Told("x", "6", "plain", "not caught", {"4": "late"}).before == ()
    app = typer.Typer()
    app.command()(command.evil)
    monkeypatch.setattr(
        "verification.evil.run.one", lambda job: Told(job.key, job.by, job.play, "", {"25": "first", job.by: "seen"})
    )
    assert f"{CHEAP[0]}: 25 saw it no later than ONCE" in CliRunner().invoke(app, [CHEAP[0]]).output


def test_there_are_as_many_as_the_design_asks_for() -> None:
    """By hand, and pairs of barriers that hide each other; each has somebody who must see it."""
    assert sum(isinstance(patch, Pair) for patch in patches()) >= 4
    assert len(patches()) >= 30
    assert all(patch.by != NOTHING for patch in patches())


@pytest.mark.parametrize("old", ["no such text", "def "])
def test_a_patch_that_does_not_fit_once_is_wrong(old: str) -> None:
    """Not skipped: it shows nothing."""
    told = one(Job("x", "", (Change("interlocks/latch.py", old, ""),), "plain", "6"))
    assert "not once" in told.wrong
    with pytest.raises(OutOfDateError, match="cannot be read"):
        apply((Change("no/such.py", "a", "b"),), ROOT)


def test_a_play_that_gives_no_result_is_wrong() -> None:
    """A program that cannot even be begun shows nothing of its safety."""
    told = one(
        Job(
            "x",
            "",
            (Change("interlocks/latch.py", "ALWAYS: Final", "raise SystemExit(3)\nALWAYS: Final"),),
            "plain",
            "6",
        )
    )
    assert "gave no result (exit 3)" in told.wrong


JOB: Final = Job("x", "", (), "plain", "6")


@pytest.mark.parametrize(
    ("job", "caught", "words"),
    [
        (JOB, {"6": "twice"}, ""),
        (JOB, {"4": "late"}, "not caught by 6, but by 4: late"),
        (JOB, {}, "not caught by 6, but by nobody"),
        (replace(JOB, by=NOTHING), {}, ""),
        (replace(JOB, by=NOTHING), {"says": "stays where it is"}, ""),
        (replace(JOB, by=NOTHING), {"4": "late"}, "the other barrier should have held: 4: late"),
        (replace(JOB, by="says:refused"), {"says": "it is refused here"}, ""),
        (replace(JOB, by="says:refused"), {}, "the program did not say 'refused' but 'nothing'"),
        (replace(JOB, name=CONTROL), {"says": "stuck"}, "without any patch: says: stuck"),
        (replace(JOB, name=CONTROL), {}, ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_result(job: Job, caught: dict[str, str], words: str) -> None:
    """Only the one that is meant counts; a broken law where nothing may show is wrong too, and so is anything at all without a patch."""
    assert wrong(job, caught) == words


def test_two_patches_of_one_name_are_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are what people ask for."""
    table = '[[evil]]\nname = "x"\nbreaks = "x"\nplay = "plain"\nby = "6"\nchanges = []\n'
    (tmp_path / "a.toml").write_text(table, encoding="utf-8")
    (tmp_path / "b.toml").write_text(table, encoding="utf-8")
    monkeypatch.setattr("verification.evil.patch.TABLES", tmp_path)
    with pytest.raises(ValueError, match="the same name: x"):
        patches()
    (tmp_path / "b.toml").write_text(table.replace("by =", "buy ="), encoding="utf-8")
    with pytest.raises(msgspec.ValidationError):
        patches()


def _told(monkeypatch: pytest.MonkeyPatch, *wrongs: str) -> None:
    answers = iter(wrongs)
    monkeypatch.setattr(
        "verification.evil.run.one", lambda job: Told(job.key, job.by, job.play, next(answers, ""), {job.by: "seen"})
    )


def test_the_command_tells_who_caught_what(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit 0 only when all came out as they must; 2 for a name that is none."""
    app = typer.Typer()
    app.command()(command.evil)
    file = tmp_path / "found.json"
    _told(monkeypatch)
    result = CliRunner().invoke(app, [CHEAP[0], "--json", str(file)])
    assert result.exit_code == 0, result.output
    assert "as it must" in result.output
    assert len(json.loads(file.read_text(encoding="utf-8"))["patches"]) == 2
    _told(monkeypatch, "", "not caught by ONCE")
    result = CliRunner().invoke(app, [CHEAP[0], "--workers", "1"])
    assert result.exit_code == 1
    assert "not caught by ONCE" in result.output
    assert CliRunner().invoke(app, ["nobody"]).exit_code == 2


def test_the_stage_goes_on_where_it_was_cut_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What came out as it must is kept for these sources; what was wrong is played again."""
    room = Room(tmp_path, 1, Console(quiet=True))
    _told(monkeypatch, "not caught")
    verdict = command.stage(room)
    assert len(verdict.broken) == 1
    with room.file("evil.jsonl").open("a", encoding="utf-8") as kept:
        kept.write('{"cut')
    played: list[str] = []
    monkeypatch.setattr(
        "verification.evil.run.one", lambda job: played.append(job.key) or Told(job.key, job.by, job.play, "")
    )
    verdict = command.stage(room)
    assert verdict.broken == ()
    assert len(played) == 1
    assert verdict.figures["plays with a patch that came out as they must"] == f"{len(EVERY)} of {len(EVERY)}"


def test_the_tables_hold_single_patches_and_pairs() -> None:
    """A pair is three plays: each barrier alone, and both."""
    pair = next(patch for patch in patches() if isinstance(patch, Pair))
    assert [job.part for job in jobs([pair])] == [pair.play, "the first alone", "the second alone", "both"]
    assert isinstance(next(patch for patch in patches() if isinstance(patch, Evil)), Evil)
