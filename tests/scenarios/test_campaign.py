"""`kerma campaign`: seeds over processes. A worker that dies loses no seed, and a file of results goes on and is never mixed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hal.clock import SystemClock
from hal.units import Seconds
from verification.campaign import campaign
from verification.figures import figures
from verification.plan import plan
from verification.results import Results, ResultsError
from verification.seeded import replay_line

KERMA = str(Path(sys.executable).with_name("kerma"))
CHEAP = 1978
"""The first of eight seeds that have little beam between them."""


def document(seed: int, source: str = "s") -> dict[str, object]:
    """A result as a worker sends it, with next to nothing in it."""
    return {"seed": seed, "source": source, "faults": ["D1/chamber-1-dead"], "began": ["D1/chamber-1-dead"],
            "tick_hz": 100, "beam_s": 3600.0, "simulated_s": 4000.0, "cpu_s": 40.0, "ticks": 1,
            "end_state": "STANDBY", "broken": [], "given": [{"d0_mgy": 1000.0, "true_mgy": 1010.0 + seed, "status": "PARTIAL", "exposures": 1}],
            "reactions": [{"fault": "D1/chamber-1-dead", "state": "IRRADIATING", "ended_by": "TRIP_FAULT",
                           "off_sent_s": 0.05 * seed, "beam_off_s": 0.1 * seed}]}  # fmt: skip


@pytest.mark.timeout(180)
def test_a_worker_that_is_killed_loses_no_seed(tmp_path: Path) -> None:
    """kill -9 of the worker that gave the first result, in the middle of another seed: every seed has exactly one result, and a second campaign on the
    same file has nothing left to do."""
    first, file, clock = CHEAP, tmp_path / "results.jsonl", SystemClock()
    command = [KERMA, "campaign", "--seeds", "8", "--first-seed", str(first), "--workers", "2"]
    with subprocess.Popen(
        [*command, "--json", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while process.poll() is None and (not file.exists() or len(file.read_text().splitlines()) < 2):
            clock.sleep_until(Seconds(clock.monotonic() + 0.1))
        worker = json.loads(file.read_text().splitlines()[1])["worker"]
        assert worker != process.pid
        os.kill(worker, signal.SIGKILL)
        said = process.communicate(timeout=150)[0]
    documents = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert sorted(one["seed"] for one in documents) == list(range(first, first + 8)), said
    assert len({one["worker"] for one in documents}) >= 2
    assert process.returncode == (1 if any(one["broken"] for one in documents) else 0), said
    again = subprocess.run([*command, "--resume", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert again.returncode == process.returncode
    assert len(file.read_text().splitlines()) == 9


def test_results_go_on_where_they_were_cut_off(tmp_path: Path) -> None:
    """A torn last line, as a kill leaves it, is cut off; what was whole counts and is not taken twice."""
    file = tmp_path / "r.jsonl"
    results = Results(file, "s", "abc")
    assert results.add(document(3)) and not results.add(document(3))
    results.close()
    with file.open("a") as torn:
        torn.write('{"seed": 4, "sou')
    results = Results(file, "s", resume=True)
    assert list(results.by_key) == [3]
    assert results.add(document(4))
    results.close()
    results = Results(file, "s", resume=True)
    assert [one["seed"] for one in results.all()] == [3, 4]
    results.close()


def test_results_of_other_sources_are_refused_in_words(tmp_path: Path) -> None:
    """Neither a file nor a worker of another program is mixed with these."""
    file = tmp_path / "r.jsonl"
    Results(file, "one", "abc").close()
    with pytest.raises(ResultsError, match=r"is of other sources .*abc.*choose another file"):
        Results(file, "two", resume=True)
    with pytest.raises(ResultsError, match="is there already"):
        Results(file, "one")
    with pytest.raises(ResultsError, match="is not there"):
        Results(tmp_path / "none.jsonl", "one", resume=True)
    results = Results(file, "one", resume=True)
    results.add(document(1, "one"))
    results.close()
    file.write_text(file.read_text() + json.dumps(document(2, "two")) + "\n")
    with pytest.raises(ResultsError, match="line 3, is no result of these sources"):
        Results(file, "one", resume=True)
    file.write_text("[]\n")
    with pytest.raises(ResultsError):
        Results(file, "one", resume=True)
    assert not Results(None, "one").add(document(1, "two"))


def test_figures_are_sums_over_results() -> None:
    """Hours of beam, the slowest and the median reaction of each fault with its seed, and the most above the prescribed dose."""
    sums = figures([document(1), document(2), document(4)])
    assert (sums.runs, sums.fault_runs, sums.beam_s, sums.speed) == (3, 3, 10800.0, 100.0)
    assert (sums.most_over_mgy, sums.most_over_seed, sums.most_over_faults) == (14.0, 4, ("D1/chamber-1-dead",))
    never = document(5) | {"began": []}
    assert figures([document(1), never]).fault_runs == 1, "a fault that was planned and never came is no fault run"
    (slow,) = sums.times("beam_off")
    assert (slow.fault, slow.count, slow.median_s, slow.worst_s, slow.seed) == ("D1/chamber-1-dead", 3, 0.2, 0.4, 4)


@pytest.mark.parametrize(
    ("fault", "changed", "began", "counts"),
    [
        ("D1/chamber-1-dead", {}, 1, True),
        ("D1/chamber-1-dead", {"ended_by": "STOP"}, 1, False),
        ("D1/chamber-1-dead", {"ended_by": "DOSE_END"}, 1, False),
        ("D1/chamber-1-dead", {"ended_by": ""}, 1, False),
        ("D1/chamber-1-dead", {"state": "STARTING"}, 1, False),
        ("D1/chamber-1-dead", {}, 2, False),
        ("I10/key-off", {"ended_by": "KEY_OFF"}, 1, True),
        ("O3/stop-start", {"ended_by": "STOP"}, 1, True),
    ],
)
def test_a_reaction_time_is_of_the_fault_that_ended_a_beam_that_was_on(
    fault: str, changed: dict[str, object], began: int, counts: bool
) -> None:
    """A clock that jumped was told as 197 s until OFF, for somebody's stop three minutes later; a person's own doing is ended by a person."""
    reaction = {"fault": fault, "state": "IRRADIATING", "ended_by": "TRIP_STOP", "off_sent_s": 0.01, "beam_off_s": 0.05}
    sums = figures([document(1) | {"began": [fault, "other"][:began], "reactions": [reaction | changed]}])
    assert ([times.fault for times in sums.times("beam_off")] == [fault]) is counts
    told = {words: worst_s for words, _, worst_s, *_ in sums.reactions()}
    assert (told.get("any fault: beam off (drifts and full disks have times of their own)") == 0.05) is counts


@pytest.mark.parametrize(
    ("fault", "sent_s", "gone_s", "kind"),
    [
        ("D1/chamber-1-dead", 0.01, 0.05, "off_to_end"),
        ("G4/filament-open", 0.01, 1.01, "cable_empty"),
        ("G3/arc", 0.05, 0.01, "before_off"),
        ("G3/arc", None, 0.01, "before_off"),
        ("H4/killed-between", 0.25, 0.31, ""),
        ("D1/chamber-1-dead", 0.01, None, ""),
    ],
)
def test_t2_is_told_by_itself(fault: str, sent_s: float | None, gone_s: float | None, kind: str) -> None:
    """From OFF to the true end of the beam: only where OFF left first and this process sent it; a cable without rays is told apart, with no bound of T2."""
    reaction = {
        "fault": fault,
        "state": "IRRADIATING",
        "ended_by": "TRIP_STOP",
        "off_sent_s": sent_s,
        "beam_off_s": gone_s,
    }
    sums = figures([document(1) | {"began": [fault], "reactions": [reaction]}])
    for name in ("off_to_end", "cable_empty"):
        found = sums.times(name)
        assert [one.fault for one in found] == ([fault] if kind == name else [])
        assert all(one.worst_s == pytest.approx((gone_s or 0.0) - (sent_s or 0.0)) for one in found)
    assert sums.before_off == (kind == "before_off")
    told = [words for words, *_ in sums.reactions() if "T2: 500 ms" in words]
    assert told == (["OFF sent to beam off, where OFF came first (T2: 500 ms at most)"] if kind == "off_to_end" else [])


def test_a_run_is_had_again_from_its_seed_and_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash of sources cannot be checked out: the commit can, and what is not known is said."""
    monkeypatch.setattr("verification.seeded.commit", lambda: "0123456789ab")
    assert replay_line(7).startswith("again: kerma campaign --seeds 1 --first-seed 7 at commit 0123456789ab, sources ")
    monkeypatch.setattr("verification.seeded.commit", lambda: "")
    assert "at commit unknown, sources " in replay_line(7)


def test_a_plan_is_read_aloud_without_being_played() -> None:
    """`--show` names every line of the plan."""
    said = subprocess.run(
        [KERMA, "campaign", "--seeds", "1", "--first-seed", "7", "--show"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert said.stdout.splitlines() == plan(7).lines()


@pytest.mark.parametrize("wrong", [["--seeds", "0"], ["--first-seed", "-1"], ["--workers", "0"]])
def test_what_makes_no_campaign_is_refused(wrong: list[str]) -> None:
    app = typer.Typer()
    app.command()(campaign)
    assert CliRunner().invoke(app, wrong).exit_code == 2
