"""Reports as files: readable and marked, the same bytes for the same record, whole or not there at any instant, once however often they are asked for."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import msgspec
import pytest
from desk_by_hand import EXAMPLES, dumped
from kept_by_hand import ORDER, KeptByHand
from reportlab import rl_config

from console import configuration
from console.configuration import Rig
from console.exit_codes import Exit
from console.reports import codes, commands, flat, keep, paper
from console.reports.course import course_report
from console.reports.follow import FIRST_S, Follower
from console.reports.gather import gather
from console.reports.model import Site, fraction_report
from console.reports.told import FractionReport
from controller.entries import Outcome
from hal.errors import ConfigurationError
from hal.readings import Purpose

SITE = Site("demo", "UTC", codes.load_codes())
ALL = (False, False, False)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    return KeptByHand(tmp_path / "records")


@pytest.fixture
def rig(kept: KeptByHand, tmp_path: Path) -> Rig:
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text())
    document["records"]["dir"] = "records"
    (tmp_path / "rig.toml").write_text(dumped(document))
    return configuration.load(tmp_path / "rig.toml", 1000)


def told(kept: KeptByHand, name: str) -> FractionReport:
    return fraction_report(gather(kept.records / "journal"), name, SITE)


def test_json_is_strict_round_and_the_schema_on_disk_is_its_schema(kept: KeptByHand) -> None:
    name = kept.golden()
    raw = flat.as_json(told(kept, name))
    assert flat.as_json(flat.read_json(raw)) == raw
    assert (ROOT / "docs" / "report-schema.json").read_text(encoding="utf-8") == flat.schema()
    course = flat.as_json(course_report(gather(kept.records / "journal"), "12-34", "C1", SITE))
    assert flat.as_json(flat.read_json(course)) == course


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "=cmd|' /C calc'!A0", '"=1'])
def test_no_cell_of_a_csv_is_a_formula(kept: KeptByHand, evil: str) -> None:
    """Whatever a prescription says, a spreadsheet reads it as text; numbers stay numbers, negative ones too."""
    name = kept.golden(site=evil, approved_by=(evil,))
    rows = list(csv.reader(io.StringIO(flat.as_csv(told(kept, name)))))
    fields = {row[0]: row[1] for row in rows if len(row) == 2}
    assert fields["order.site"].lstrip("'") == evil
    assert fields["beam.dt_s"] == "-0.145"
    for value in fields.values():
        assert not value.lstrip(" ").startswith(flat.FORMULA) or float(value) < 0


def test_a_pdf_marks_every_page_simulated_and_a_real_one_not(tmp_path: Path) -> None:
    for simulated in (True, False):
        kept = KeptByHand(tmp_path / str(simulated), simulated)
        name = kept.golden()
        raw = uncompressed(told(kept, name))
        number = raw.count(b"page 1 of ")
        assert number == 1
        count = int(raw.split(b"page 1 of ")[1].split(b")")[0])
        assert count >= 2
        assert raw.count(b"(SIMULATED)") == (count if simulated else 0)
        assert raw.count(told(kept, name).source.record_sha256.encode()) == count


def uncompressed(report: FractionReport) -> bytes:
    """The same pages with their text readable."""
    before = rl_config.pageCompression
    rl_config.pageCompression = 0
    try:
        return paper.fraction_pdf(report)
    finally:
        rl_config.pageCompression = before


def test_the_three_accuracies_are_three_sentences(kept: KeptByHand) -> None:
    """No paragraph speaks of two of them."""
    raw = uncompressed(told(kept, kept.golden()))
    for word in (b"(Control.)", b"(Calibration.)", b"(Clinical.)"):
        assert raw.count(word) == 1, word


@pytest.mark.parametrize("words", ["<b>&amp;</b><para>", "Łukasz 李", "a" * 64, "%s %d {0}", "\\u0000", "</para>"])
def test_any_words_can_be_printed(kept: KeptByHand, words: str) -> None:
    """Markup is text."""
    name = kept.golden(site=words, patient_id=words, lesion_id=words[:60])
    assert paper.fraction_pdf(told(kept, name)).startswith(b"%PDF")


def test_asked_twice_it_is_written_once(kept: KeptByHand, rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    name = kept.golden()
    assert commands.fraction(rig.path, name[:6], ALL, None, None) is Exit.AS_INTENDED
    first = {path.name: (path.stat().st_ino, path.read_bytes()) for path in (rig.records / "reports").iterdir()}
    assert capsys.readouterr().out.count(": written") == 3
    assert commands.fraction(rig.path, name, ALL, None, None) is Exit.AS_INTENDED
    assert {path.name: (path.stat().st_ino, path.read_bytes()) for path in (rig.records / "reports").iterdir()} == first
    assert capsys.readouterr().out.count("is there already, the same") == 3


def test_a_resumed_fraction_gets_a_report_beside_the_old_one(kept: KeptByHand, rig: Rig) -> None:
    kept.start()
    kept.end(60.3, Outcome.INTERRUPTED)
    done: set[str] = set()
    commands.write_all(rig, SITE, done)
    kept.start(segment=2)
    kept.end(95.2)
    commands.write_all(rig, SITE, done)
    found = sorted(path.name for path in (rig.records / "reports").glob("fraction-*.json"))
    assert [json.loads((rig.records / "reports" / name).read_bytes())["totals"]["status"] for name in found] == [
        "PARTIAL",
        "COMPLETE",
    ]
    assert commands.write_all(rig, SITE, done) == []


def test_a_report_that_says_something_else_is_not_written_over(kept: KeptByHand, rig: Rig) -> None:
    name = kept.golden()
    commands.fraction(rig.path, name, ALL, None, None)
    path = next((rig.records / "reports").glob("*.csv"))
    path.write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match="holds something else"):
        commands.fraction(rig.path, name, ALL, None, None)
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_full_disk_leaves_whole_files_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, nth: int
) -> None:
    """The n-th file fails as it is written, synced or named: what is there is whole, nothing half is left, and asked again all of it comes."""
    some = {"a.pdf": b"1" * 99, "a.csv": b"2" * 99, "a.json": b"3" * 99}
    if call == "write":
        fail_at(monkeypatch, keep, "replaced", nth, half=True)
    else:
        fail_at(monkeypatch, os, call, nth if call == "replace" else 2 * nth - 1)
    with pytest.raises(OSError, match="No space left"):
        keep.keep(tmp_path, some)
    monkeypatch.undo()
    there = {
        path.name: path.read_bytes()
        for path in tmp_path.iterdir()
        if path.name != "lock" and not path.name.endswith(keep.NEW)
    }
    assert there == dict(list(some.items())[: nth - 1])
    assert len(keep.keep(tmp_path, some)) == 4 - nth
    assert {path.name for path in tmp_path.iterdir()} == {"lock", *some}


def test_a_full_disk_is_words(kept: KeptByHand, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    name = kept.golden()
    fail_at(monkeypatch, keep, "replaced", 2)
    with pytest.raises(ConfigurationError, match=r"No space left on device.*first: see to the disk"):
        commands.fraction(rig.path, name, ALL, None, None)


def fail_at(monkeypatch: pytest.MonkeyPatch, where: object, name: str, nth: int, half: bool = False) -> None:
    """The n-th call is refused for want of space; with `half` after half of the bytes."""
    real, calls = getattr(where, name), [0]

    def failing(*arguments: object) -> object:
        calls[0] += 1
        if calls[0] == nth:
            if half:
                path, data = arguments
                assert isinstance(path, Path) and isinstance(data, bytes)
                path.with_name(path.name + keep.NEW).write_bytes(data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return real(*arguments)

    monkeypatch.setattr(where, name, failing)


@pytest.mark.grid
def test_killed_half_way_the_next_one_makes_it_whole(tmp_path: Path) -> None:
    """A process that is killed with its second file half-written leaves one whole file and a half one of no report's name."""
    folder = tmp_path / "reports"
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom console.reports import keep\n"
        "def die(fd):\n    os.kill(os.getpid(), 9)\n"
        "keep.keep(Path(sys.argv[1]), {'a.pdf': b'1' * 9})\n"
        "os.fsync = die\nkeep.keep(Path(sys.argv[1]), {'b.pdf': b'2' * 9})\n"
    )
    died = subprocess.run([sys.executable, "-c", script, str(folder)], check=False, timeout=30)
    assert died.returncode == -9
    assert {path.name for path in folder.iterdir() if not path.name.endswith(keep.NEW)} == {"lock", "a.pdf"}
    keep.keep(folder, {"b.pdf": b"2" * 9})
    assert (folder / "b.pdf").read_bytes() == b"2" * 9
    assert {path.name for path in folder.iterdir()} == {"lock", "a.pdf", "b.pdf"}


def test_the_follower_waits_longer_after_each_failure_and_forgets_nothing(tmp_path: Path) -> None:
    """A full disk is met again after 2, 4, 8 s; once it is free the report comes, and a database that rests costs nothing."""
    tries: list[float] = []
    now = [0.0]
    full = [True]

    def write() -> list[Path]:
        tries.append(now[0])
        if full[0]:
            raise OSError(28, "No space left on device")
        return [tmp_path / "a.pdf"]

    follower = Follower(tmp_path, write)
    said = []
    while now[0] < 13.0:
        said.append(follower.step(now[0])[1])
        now[0] += 1.0
    assert tries == [0.0, FIRST_S, 3 * FIRST_S]
    assert sum(1 for words in said if words) == 3
    full[0] = False
    while now[0] < 40.0:
        follower.step(now[0])
        now[0] += 1.0
    assert tries == [0.0, 2.0, 6.0, 14.0]


def test_the_follower_reads_the_journal_only_where_a_fraction_moved(kept: KeptByHand) -> None:
    """The recorder notes a tick each ten seconds, and the database's file moves with it: the journal of a machine's life is not read for that."""
    tries: list[float] = []
    follower = Follower(kept.records, lambda: tries.append(0.0) or [])  # type: ignore[func-returns-value]
    follower.step(0.0)
    kept.golden()
    kept.done()
    follower.step(1.0)
    follower.step(2.0)
    assert len(tries) == 2
    os.utime(kept.records / "records.sqlite", (1, 1))
    follower.step(3.0)
    assert len(tries) == 2
    (kept.records / "records.sqlite").write_bytes(b"no database" * 99)
    assert "records.sqlite" in follower.step(4.0)[1]
    assert len(tries) == 2


def test_a_rig_that_has_no_records_yet_has_no_reports(tmp_path: Path) -> None:
    """The follower may be started first: nothing is wrong, and the first fraction does not wait for a failure's patience."""
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text())
    document["records"]["dir"] = "nothing-yet"
    (tmp_path / "rig.toml").write_text(dumped(document))
    rig = configuration.load(tmp_path / "rig.toml", 1000)
    follower = Follower(rig.records, lambda: commands.write_all(rig, SITE, set()))
    assert follower.step(0.0) == ([], "")
    kept = KeptByHand(rig.records)
    kept.golden()
    kept.done()
    written, words = follower.step(1.0)
    assert (len(written), words) == (6, "")


def test_a_running_fraction_waits_for_its_end(kept: KeptByHand, rig: Rig) -> None:
    kept.start()
    assert commands.write_all(rig, SITE, set()) == [] or not list((rig.records / "reports").glob("fraction-*"))
    kept.end(155.36)
    commands.write_all(rig, SITE, set())
    assert len(list((rig.records / "reports").glob("fraction-*.json"))) == 1


def test_which_fraction_and_which_course_must_be_plain(kept: KeptByHand, rig: Rig) -> None:
    kept.golden()
    kept.golden(patient_id="99")
    with pytest.raises(ConfigurationError, match="2 fractions begin so"):
        commands.fraction(rig.path, "", ALL, None, None)
    with pytest.raises(ConfigurationError, match="name the patient"):
        commands.course(rig.path, "C1", "", ALL, None, None)
    assert commands.course(rig.path, "C1", "99", ALL, None, None) is Exit.AS_INTENDED


CODE = """schema = 1
[[codes]]
system = "X"
code = "{code}"
words = "w"
once_per = "fraction"
kv_above = {above}
kv_to = {to}
valid_from = "{first}"
valid_until = "{last}"
verify = ""
"""


@pytest.mark.parametrize(
    ("day", "kv", "found"),
    [
        ("2025-12-31", 69.5, {"0394T"}),
        ("2026-01-01", 69.5, {"77436", "77437"}),
        ("2026-01-01", 150.0, {"77436", "77437"}),
        ("2026-01-01", 150.1, {"77436", "77438"}),
    ],
)
def test_codes_hold_by_day_and_tube_voltage(day: str, kv: float, found: set[str]) -> None:
    assert {code.code for code in codes.on(codes.load_codes(), date.fromisoformat(day), kv)} == found


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"above": 150.0}, "is not below"),
        ({"first": "2026-02-30"}, "day"),
        ({"last": "2020-01-01"}, "is after valid_until"),
        ({"twice": True}, "stands twice"),
    ],
)
def test_a_wrong_table_of_codes_is_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    values: dict[str, object] = {"code": "1", "above": 0.0, "to": 150.0, "first": "2026-01-01", "last": ""}
    twice = changes.pop("twice", False)
    text = CODE.format(**(values | changes))
    if twice:
        text += CODE.format(**values).partition("\n")[2]
    (tmp_path / "codes.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        codes.load_codes(tmp_path / "codes.toml")


def test_no_code_stands_in_the_program() -> None:
    """Every code is a row of the table."""
    rows = {row.code for row in codes.load_codes()}
    for path in (ROOT / "console").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not any(code in text for code in rows), path


def test_another_purpose_has_no_code(kept: KeptByHand) -> None:
    kept.start(msgspec.structs.replace(ORDER, purpose=Purpose.DAILY))
    kept.end(10.0)
    assert told(kept, next(iter(kept.book.fractions))).codes == ()
